/* SPDX-License-Identifier: MIT */
/*
 * Files of strangers become pixels. The type is decided by the first bytes, never by the name. Both decoders first read the header only;
 * the dimensions are checked against the limits before a pixel buffer is allocated, and a file that ends early or contradicts itself
 * is refused as a whole: half a picture would get a label too. libpng's simplified interface and libjpeg's error manager turn every
 * fault into a sentence.
 */
#include "client/picture.h"

#include <libexif/exif-data.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h> /* wants FILE and size_t from above */
#include <jerror.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "client/slurp.h"

/* A JPEG with thousands of scans takes minutes to decode; real progressive ones have about ten. */
#define SCANS_MAX 200

static int check_size(uint32_t width, uint32_t height, struct tfl_error *error)
{
	if (width == 0 || height == 0)
		return tfl_error_set(error, -EINVAL, "the picture is empty: %u x %u pixels", width, height);
	if (width > TFL_PICTURE_SIDE_MAX || height > TFL_PICTURE_SIDE_MAX || (uint64_t)width * height > TFL_PICTURE_PIXELS_MAX)
		return tfl_error_set(error, -EFBIG, "the picture has %u x %u pixels; at most %u a side and %u in all are read", width,
				     height, TFL_PICTURE_SIDE_MAX, TFL_PICTURE_PIXELS_MAX);
	return 0;
}

static int decode_png(const void *data, size_t size, struct tfl_picture *ret_picture, struct tfl_error *error)
{
	static const png_color black = {0, 0, 0};
	png_image image = {.version = PNG_IMAGE_VERSION};
	uint32_t channels;
	uint8_t *pixels;
	int r;

	if (!png_image_begin_read_from_memory(&image, data, size))
		return tfl_error_set(error, -EINVAL, "the PNG is damaged: %s", image.message);
	r = check_size(image.width, image.height, error);
	if (r < 0) {
		png_image_free(&image);
		return r;
	}
	channels = image.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
	image.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
	pixels = malloc((size_t)image.width * image.height * channels);
	if (!pixels) {
		png_image_free(&image);
		return tfl_error_set(error, -ENOMEM, "no memory for a picture of %u x %u pixels", image.width, image.height);
	}
	if (!png_image_finish_read(&image, &black, pixels, 0, NULL)) {
		free(pixels);
		return tfl_error_set(error, -EINVAL, "the PNG is damaged: %s", image.message);
	}
	*ret_picture = (struct tfl_picture){.width = image.width, .height = image.height, .channels = channels, .pixels = pixels};
	return 0;
}

#define EXIF_MARKER (JPEG_APP0 + 1)
#define EXIF_MARKER_MAX 0xffff

/* libjpeg's state and where its faults come back to. */
struct jpeg {
	struct jpeg_decompress_struct decompress;
	struct jpeg_error_mgr manager;
	struct jpeg_progress_mgr progress;
	jmp_buf escape;
	uint8_t *pixels;
	unsigned orientation;
	struct tfl_error *error;
	int result;
};

static void jpeg_fault(j_common_ptr common)
{
	struct jpeg *jpeg = common->client_data;
	char message[JMSG_LENGTH_MAX];

	jpeg->manager.format_message(common, message);
	jpeg->result = tfl_error_set(jpeg->error, -EINVAL, "the JPEG is damaged: %s", message);
	longjmp(jpeg->escape, 1);
}

/* A negative level is a warning. Only the one that means missing picture data is a fault here. */
static void jpeg_message(j_common_ptr common, int level)
{
	if (level < 0 && (common->err->msg_code == JWRN_JPEG_EOF || common->err->msg_code == JWRN_HIT_MARKER))
		jpeg_fault(common);
}

static void jpeg_progress(j_common_ptr common)
{
	struct jpeg *jpeg = common->client_data;

	if (jpeg->decompress.input_scan_number <= SCANS_MAX)
		return;
	jpeg->result = tfl_error_set(jpeg->error, -EFBIG, "the JPEG has more than %d scans", SCANS_MAX);
	longjmp(jpeg->escape, 1);
}

/* Exif's orientation; 1 where it says nothing that can be read. */
static unsigned read_orientation(const struct jpeg_decompress_struct *decompress)
{
	unsigned orientation = 1;

	for (const struct jpeg_marker_struct *marker = decompress->marker_list; marker; marker = marker->next) {
		ExifData *data = marker->marker == EXIF_MARKER ? exif_data_new_from_data(marker->data, marker->data_length) : NULL;
		const ExifEntry *entry = data ? exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION) : NULL;

		if (entry && entry->format == EXIF_FORMAT_SHORT && entry->components == 1 && entry->size >= sizeof(ExifShort))
			orientation = exif_get_short(entry->data, exif_data_get_byte_order(data));
		exif_data_unref(data);
	}
	return orientation;
}

/* Below setjmp: everything that must survive a longjmp stands in @p jpeg. */
static int jpeg_pixels(struct jpeg *jpeg, const void *data, size_t size)
{
	struct jpeg_decompress_struct *decompress = &jpeg->decompress;
	size_t stride;
	int r;

	jpeg_mem_src(decompress, data, size);
	jpeg_save_markers(decompress, EXIF_MARKER, EXIF_MARKER_MAX);
	jpeg_read_header(decompress, TRUE);
	jpeg->orientation = read_orientation(decompress);
	r = check_size(decompress->image_width, decompress->image_height, jpeg->error);
	if (r < 0)
		return r;
	if (decompress->jpeg_color_space != JCS_GRAYSCALE && decompress->jpeg_color_space != JCS_YCbCr &&
	    decompress->jpeg_color_space != JCS_RGB)
		return tfl_error_set(jpeg->error, -EINVAL, "the JPEG has %d colour components (CMYK?); gray and RGB are read",
				     decompress->num_components);
	decompress->out_color_space = decompress->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_start_decompress(decompress);
	stride = (size_t)decompress->output_width * (unsigned)decompress->output_components;
	jpeg->pixels = malloc(stride * decompress->output_height);
	if (!jpeg->pixels)
		return tfl_error_set(jpeg->error, -ENOMEM, "no memory for a picture of %u x %u pixels", decompress->output_width,
				     decompress->output_height);
	while (decompress->output_scanline < decompress->output_height) {
		JSAMPROW row = jpeg->pixels + stride * decompress->output_scanline;

		jpeg_read_scanlines(decompress, &row, 1);
	}
	jpeg_finish_decompress(decompress);
	return 0;
}

/* A function of its own, so that no local variable is live across setjmp. */
static void jpeg_run(struct jpeg *jpeg, const void *data, size_t size)
{
	jpeg->decompress.err = jpeg_std_error(&jpeg->manager);
	jpeg->manager.error_exit = jpeg_fault;
	jpeg->manager.emit_message = jpeg_message;
	jpeg->progress.progress_monitor = jpeg_progress;
	jpeg->decompress.client_data = jpeg;
	if (setjmp(jpeg->escape) == 0) {
		jpeg_create_decompress(&jpeg->decompress);
		jpeg->decompress.progress = &jpeg->progress;
		jpeg->result = jpeg_pixels(jpeg, data, size);
	}
	jpeg_destroy_decompress(&jpeg->decompress);
}

static int decode_jpeg(const void *data, size_t size, struct tfl_picture *ret_picture, struct tfl_error *error)
{
	struct jpeg jpeg = {.error = error};
	struct tfl_picture picture;
	int r;

	jpeg_run(&jpeg, data, size);
	picture = (struct tfl_picture){.width = jpeg.decompress.output_width,
				       .height = jpeg.decompress.output_height,
				       .channels = (uint32_t)jpeg.decompress.output_components,
				       .pixels = jpeg.pixels};
	r = jpeg.result;
	if (r == 0)
		r = tfl_picture_turn(&picture, jpeg.orientation, error);
	if (r < 0)
		tfl_picture_finish(&picture);
	else
		*ret_picture = picture;
	return r;
}

int tfl_picture_decode(const void *data, size_t size, struct tfl_picture *ret_picture, struct tfl_error *error)
{
	static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};

	if (size >= sizeof(png) && memcmp(data, png, sizeof(png)) == 0)
		return decode_png(data, size, ret_picture, error);
	if (size >= sizeof(jpeg) && memcmp(data, jpeg, sizeof(jpeg)) == 0)
		return decode_jpeg(data, size, ret_picture, error);
	return tfl_error_set(error, -EINVAL, "neither a PNG nor a JPEG picture%s", size == 0 ? ": the file is empty" : "");
}

int tfl_picture_read(const char *path, struct tfl_picture *ret_picture, struct tfl_error *error)
{
	_tfl_free_ uint8_t *data = NULL;
	size_t size;
	int r;

	r = tfl_slurp(path, TFL_PICTURE_FILE_MAX, &data, &size, error);
	if (r < 0)
		return r;
	r = tfl_picture_decode(data, size, ret_picture, error);
	if (r < 0)
		tfl_error_prefix(error, r, "%s", path);
	return r;
}

void tfl_picture_finish(struct tfl_picture *picture)
{
	free(picture->pixels);
	*picture = (struct tfl_picture){0};
}
