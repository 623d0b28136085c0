/* SPDX-License-Identifier: MIT */
/*
 * Pictures: what the decoders make of sound, cut and hostile files; resampling and normalisation against references that do the same by
 * definition, in double precision, pixel by pixel.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <png.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "base/error.h"
#include "client/picture.h"
#include "tests/client/ctl_suites.h"

struct file {
	uint8_t *data;
	size_t size;
};

static struct file encode_png(uint32_t format, uint32_t width, uint32_t height, const void *pixels)
{
	png_image image = {.version = PNG_IMAGE_VERSION, .format = format, .width = width, .height = height};
	png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
	struct file file = {malloc(size), 0};

	ck_assert_int_ne(png_image_write_to_memory(&image, file.data, &size, 0, pixels, 0, NULL), 0);
	file.size = size;
	return file;
}

/* An Exif block with one tag, big-endian. */
static void write_orientation(struct jpeg_compress_struct *compress, unsigned orientation)
{
	uint8_t block[] = {'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};

	block[25] = (uint8_t)orientation;
	jpeg_write_marker(compress, JPEG_APP0 + 1, block, sizeof(block));
}

static struct file encode_jpeg(J_COLOR_SPACE space, int channels, uint32_t width, uint32_t height, uint8_t *pixels, bool progressive,
			       unsigned orientation)
{
	struct jpeg_compress_struct compress;
	struct jpeg_error_mgr manager;
	struct file file = {NULL, 0};
	unsigned long size = 0;

	compress.err = jpeg_std_error(&manager);
	jpeg_create_compress(&compress);
	jpeg_mem_dest(&compress, &file.data, &size);
	compress.image_width = width;
	compress.image_height = height;
	compress.input_components = channels;
	compress.in_color_space = space;
	jpeg_set_defaults(&compress);
	jpeg_set_quality(&compress, 95, TRUE);
	if (progressive)
		jpeg_simple_progression(&compress);
	jpeg_start_compress(&compress, TRUE);
	if (orientation)
		write_orientation(&compress, orientation);
	while (compress.next_scanline < height) {
		JSAMPROW row = pixels + (size_t)compress.next_scanline * width * (size_t)channels;

		jpeg_write_scanlines(&compress, &row, 1);
	}
	jpeg_finish_compress(&compress);
	jpeg_destroy_compress(&compress);
	file.size = size;
	return file;
}

static void decode(struct file file, struct tfl_picture *ret_picture)
{
	struct tfl_error error = {0};

	ck_assert_msg(tfl_picture_decode(file.data, file.size, ret_picture, &error) == 0, "%s", error.text);
}

START_TEST(png_formats)
{
	static const uint8_t gray[6] = {0, 51, 102, 153, 204, 255}, rgb[6] = {10, 20, 30, 200, 100, 0};
	static const uint8_t rgba[8] = {200, 100, 50, 255, 90, 80, 70, 0};
	struct file files[] = {encode_png(PNG_FORMAT_GRAY, 3, 2, gray), encode_png(PNG_FORMAT_RGB, 2, 1, rgb),
			       encode_png(PNG_FORMAT_RGBA, 2, 1, rgba)};
	struct tfl_picture picture;

	decode(files[0], &picture);
	ck_assert_uint_eq(picture.width, 3);
	ck_assert_uint_eq(picture.height, 2);
	ck_assert_uint_eq(picture.channels, 1);
	ck_assert_mem_eq(picture.pixels, gray, 6);
	tfl_picture_finish(&picture);
	decode(files[1], &picture);
	ck_assert_uint_eq(picture.channels, 3);
	ck_assert_mem_eq(picture.pixels, rgb, 6);
	tfl_picture_finish(&picture);
	decode(files[2], &picture);
	ck_assert_uint_eq(picture.channels, 3);
	ck_assert_mem_eq(picture.pixels, "\xc8\x64\x32\0\0\0", 6); /* transparent: black */
	tfl_picture_finish(&picture);
	tfl_picture_finish(&picture);
	for (unsigned i = 0; i < 3; i++)
		free(files[i].data);
}
END_TEST

START_TEST(jpeg_formats)
{
	uint8_t pixels[32 * 16 * 3];
	struct tfl_picture picture;
	struct file file;

	for (size_t i = 0; i < sizeof(pixels); i++)
		pixels[i] = (uint8_t)(i % 3 == 0 ? 200 : i % 3 == 1 ? 60 : 120);
	for (int progressive = 0; progressive < 2; progressive++) {
		file = encode_jpeg(JCS_RGB, 3, 32, 16, pixels, progressive, 0);
		decode(file, &picture);
		ck_assert_uint_eq(picture.width, 32);
		ck_assert_uint_eq(picture.height, 16);
		ck_assert_uint_eq(picture.channels, 3);
		for (size_t i = 0; i < sizeof(pixels); i++)
			ck_assert_int_le(abs(picture.pixels[i] - pixels[i]), 4);
		tfl_picture_finish(&picture);
		free(file.data);
	}
	file = encode_jpeg(JCS_GRAYSCALE, 1, 32, 16, pixels, false, 0);
	decode(file, &picture);
	ck_assert_uint_eq(picture.channels, 1);
	tfl_picture_finish(&picture);
	free(file.data);
}
END_TEST

static void refuse(const void *data, size_t size, int result, const char *words)
{
	struct tfl_picture picture = {.width = 77};
	struct tfl_error error = {0};
	int r = tfl_picture_decode(data, size, &picture, &error);

	ck_assert_msg(r == result, "%d: %s", r, error.text);
	ck_assert_msg(strstr(error.text, words), "%s", error.text);
	ck_assert_uint_eq(picture.width, 77);
}

START_TEST(no_pictures)
{
	uint8_t pixels[8 * 8 * 4] = {0};
	struct file cmyk = encode_jpeg(JCS_CMYK, 4, 8, 8, pixels, false, 0);

	refuse("", 0, -EINVAL, "empty");
	refuse("GIF89a......", 12, -EINVAL, "neither");
	refuse("\x89PNG\r\n\x1a\n", 8, -EINVAL, "PNG is damaged");
	refuse("\xff\xd8\xff", 3, -EINVAL, "JPEG is damaged");
	refuse(cmyk.data, cmyk.size, -EINVAL, "CMYK");
	free(cmyk.data);
}
END_TEST

static uint32_t crc(const uint8_t *bytes, size_t size)
{
	uint32_t value = ~0u;

	for (size_t i = 0; i < size; i++) {
		value ^= bytes[i];
		for (unsigned k = 0; k < 8; k++)
			value = value >> 1 ^ (value & 1 ? 0xedb88320u : 0);
	}
	return ~value;
}

/* Dimensions that a header claims; nothing of the kind follows. */
START_TEST(claims_of_size)
{
	static const uint32_t claims[][2] = {{60000, 60000}, {16385, 1}, {16384, 16384}, {0x7fffffff, 0x7fffffff}};
	static uint8_t pixels[16 * 16] = {0};
	struct file png = encode_png(PNG_FORMAT_GRAY, 16, 16, pixels), jpeg = encode_jpeg(JCS_GRAYSCALE, 1, 16, 16, pixels, false, 1);

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		uint32_t header[3] = {htonl(claims[i][0]), htonl(claims[i][1])};

		memcpy(png.data + 16, header, 8);
		header[2] = htonl(crc(png.data + 12, 17));
		memcpy(png.data + 29, &header[2], 4);
		refuse(png.data, png.size, i == 3 ? -EINVAL : -EFBIG, i == 3 ? "damaged" : "16384 a side"); /* libpng stops at a million */
	}
	for (size_t at = 2; at + 9 < jpeg.size; at++) {
		if (jpeg.data[at] == 0xff && jpeg.data[at + 1] == 0xc0) {
			memset(jpeg.data + at + 5, 0xf0, 4);
			break;
		}
	}
	refuse(jpeg.data, jpeg.size, -EFBIG, "61680 x 61680");
	free(png.data);
	free(jpeg.data);
}
END_TEST

static struct file noise(bool png, unsigned *seed)
{
	static uint8_t pixels[24 * 18 * 3];

	for (size_t i = 0; i < sizeof(pixels); i++)
		pixels[i] = (uint8_t)(i / 2 + (unsigned)rand_r(seed) % 40);
	return png ? encode_png(PNG_FORMAT_RGB, 24, 18, pixels) : encode_jpeg(JCS_RGB, 3, 24, 18, pixels, rand_r(seed) % 2, 1 + (unsigned)rand_r(seed) % 8);
}

/* Half a picture is none: every prefix is refused, also the one that lacks the end mark only. */
START_TEST(every_prefix_fails)
{
	unsigned seed = 1;
	struct tfl_picture picture;

	for (int png = 0; png < 2; png++) {
		struct file file = noise(png, &seed);
		size_t limit = png ? file.size - 12 : file.size; /* a PNG is whole without its empty last chunk */

		for (size_t length = 0; length < limit; length++) {
			uint8_t *prefix = malloc(length ? length : 1);

			memcpy(prefix, file.data, length);
			ck_assert_msg(tfl_picture_decode(prefix, length, &picture, NULL) == -EINVAL, "%s of %zu bytes, %zu in all",
				      png ? "PNG" : "JPEG", length, file.size);
			free(prefix);
		}
		free(file.data);
	}
}
END_TEST

START_TEST(random_damage)
{
	unsigned seed = 1, refused = 0;
	struct tfl_picture picture;

	for (unsigned i = 0; i < 3000; i++) {
		struct file file = noise(i % 2, &seed);

		for (unsigned k = 0; k < 1 + i % 4; k++)
			file.data[(unsigned)rand_r(&seed) % file.size] = (uint8_t)((unsigned)rand_r(&seed) >> 8);
		if (tfl_picture_decode(file.data, file.size, &picture, NULL) == 0)
			tfl_picture_finish(&picture);
		else
			refused++;
		free(file.data);
	}
	ck_assert_uint_gt(refused, 500);
}
END_TEST

/* For each orientation, as Exif has it: which side of the scene the stored first row and first column are. */
static const struct {
	char row, column;
} orientations[] = {{'t', 'l'}, {'t', 'l'}, {'t', 'r'}, {'b', 'r'}, {'b', 'l'}, {'l', 't'}, {'r', 't'}, {'r', 'b'}, {'l', 'b'}};

/* Where a stored pixel belongs in a scene of @p width x @p height. */
static void place(char side, uint32_t index, uint32_t width, uint32_t height, uint32_t *x, uint32_t *y)
{
	if (side == 'l' || side == 'r')
		*x = side == 'l' ? index : width - 1 - index;
	else
		*y = side == 't' ? index : height - 1 - index;
}

static void check_turn(unsigned orientation, uint32_t width, uint32_t height, uint32_t channels)
{
	struct tfl_picture stored = {.width = width, .height = height, .channels = channels, .pixels = malloc((size_t)width * height * channels)};
	uint8_t *copy = malloc((size_t)width * height * channels);

	for (uint32_t i = 0; i < width * height * channels; i++)
		copy[i] = stored.pixels[i] = (uint8_t)(i * 7 + 3);
	ck_assert_int_eq(tfl_picture_turn(&stored, orientation, NULL), 0);
	ck_assert_uint_eq(stored.width, orientation >= 5 ? height : width);
	ck_assert_uint_eq(stored.height, orientation >= 5 ? width : height);
	for (uint32_t row = 0; row < height; row++) {
		for (uint32_t column = 0; column < width; column++) {
			uint32_t x = 0, y = 0;

			place(orientations[orientation].row, row, stored.width, stored.height, &x, &y);
			place(orientations[orientation].column, column, stored.width, stored.height, &x, &y);
			ck_assert_msg(memcmp(copy + (row * width + column) * channels, stored.pixels + (y * stored.width + x) * channels, channels) == 0,
				      "orientation %u, %ux%u: stored pixel %u,%u is not at %u,%u", orientation, width, height, column, row, x, y);
		}
	}
	free(copy);
	tfl_picture_finish(&stored);
}

START_TEST(orientations_stand_upright)
{
	for (unsigned orientation = 1; orientation <= 8; orientation++) {
		check_turn(orientation, 5, 3, 3);
		check_turn(orientation, 1, 4, 1);
		check_turn(orientation, 6, 1, 1);
	}
}
END_TEST

/* A scene with a bright left half, stored by a camera that was held on its side. */
START_TEST(photographs_are_turned)
{
	for (unsigned orientation = 0; orientation <= 9; orientation++) {
		bool known = orientation >= 1 && orientation <= 8;
		struct tfl_picture picture;
		uint8_t pixels[32 * 16];
		uint32_t x = 0, y = 0;
		struct file file;

		for (unsigned i = 0; i < sizeof(pixels); i++)
			pixels[i] = i % 32 < 16 && i / 32 < 8 ? 250 : 5; /* the corner of row 0 and column 0 */
		file = encode_jpeg(JCS_GRAYSCALE, 1, 32, 16, pixels, false, orientation);
		decode(file, &picture);
		place(known ? orientations[orientation].row : 't', 2, picture.width, picture.height, &x, &y);
		place(known ? orientations[orientation].column : 'l', 2, picture.width, picture.height, &x, &y);
		ck_assert_uint_eq(picture.width, orientation >= 5 && known ? 16 : 32);
		ck_assert_uint_gt(picture.pixels[y * picture.width + x], 230);
		ck_assert_uint_lt(picture.pixels[(picture.height - 1 - y) * picture.width + picture.width - 1 - x], 30);
		tfl_picture_finish(&picture);
		free(file.data);
	}
}
END_TEST

START_TEST(crop_keeps_the_middle)
{
	static const struct {
		uint32_t width, height, to_width, to_height, kept_width, kept_height;
	} rows[] = {{10, 4, 1, 1, 4, 4}, {4, 10, 1, 1, 4, 4}, {9, 9, 3, 1, 9, 3}, {7, 5, 7, 5, 7, 5}, {100, 1, 1, 100, 1, 1}, {5, 4, 2, 1, 5, 3}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tfl_picture picture = {.width = rows[i].width, .height = rows[i].height, .channels = 3};
		uint32_t left = (rows[i].width - rows[i].kept_width) / 2, top = (rows[i].height - rows[i].kept_height) / 2;

		picture.pixels = malloc((size_t)picture.width * picture.height * 3);
		for (uint32_t k = 0; k < picture.width * picture.height; k++)
			memcpy(picture.pixels + 3 * k, (uint8_t[]){(uint8_t)(k % picture.width), (uint8_t)(k / picture.width), 77}, 3);
		tfl_picture_crop(&picture, rows[i].to_width, rows[i].to_height);
		ck_assert_uint_eq(picture.width, rows[i].kept_width);
		ck_assert_uint_eq(picture.height, rows[i].kept_height);
		for (uint32_t k = 0; k < picture.width * picture.height; k++) {
			ck_assert_uint_eq(picture.pixels[3 * k], left + k % picture.width);
			ck_assert_uint_eq(picture.pixels[3 * k + 1], top + k / picture.width);
			ck_assert_uint_eq(picture.pixels[3 * k + 2], 77);
		}
		tfl_picture_finish(&picture);
	}
}
END_TEST

START_TEST(missing_file)
{
	struct tfl_picture picture;
	struct tfl_error error = {0};

	ck_assert_int_eq(tfl_picture_read("/no/such/picture.png", &picture, &error), -ENOENT);
	ck_assert_msg(strstr(error.text, "/no/such/picture.png"), "%s", error.text);
	ck_assert_int_eq(tfl_picture_read("/tmp", &picture, &error), -EINVAL);
	ck_assert_int_eq(tfl_picture_read("/dev/null", &picture, &error), -EINVAL);
	ck_assert_msg(strstr(error.text, "/dev/null"), "%s", error.text);
}
END_TEST

/* How much of source position k target position i is made of. */
static double weight(uint32_t source, uint32_t target, uint32_t i, uint32_t k)
{
	double scale = (double)source / target, centre, low;

	if (source > target)
		return fmax(0, fmin(k + 1, (i + 1) * scale) - fmax(k, i * scale)) / scale;
	centre = fmin(fmax((i + 0.5) * scale - 0.5, 0), source - 1);
	low = floor(centre);
	return k == low ? 1 - (centre - low) : k == low + 1 ? centre - low : 0;
}

static double pixel(const struct tfl_picture *picture, uint32_t y, uint32_t x, uint32_t c, uint32_t channels)
{
	const uint8_t *p = picture->pixels + ((size_t)y * picture->width + x) * picture->channels;

	if (picture->channels == 1)
		return p[0];
	return channels == 3 ? p[c] : 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
}

static double reference(const struct tfl_picture *picture, uint32_t width, uint32_t height, uint32_t channels, uint32_t y, uint32_t x,
			uint32_t c)
{
	double sum = 0;

	for (uint32_t v = 0; v < picture->height; v++) {
		double down = weight(picture->height, height, y, v);

		for (uint32_t u = 0; down > 0 && u < picture->width; u++)
			sum += down * weight(picture->width, width, x, u) * pixel(picture, v, u, c, channels);
	}
	return sum;
}

static void check_fit(const struct tfl_picture *picture, uint32_t width, uint32_t height, uint32_t channels)
{
	float *values = malloc((size_t)width * height * channels * sizeof(*values));

	ck_assert_int_eq(tfl_picture_fit(picture, width, height, channels, values), 0);
	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = 0; x < width; x++) {
			for (uint32_t c = 0; c < channels; c++) {
				double wanted = reference(picture, width, height, channels, y, x, c);
				double got = values[((size_t)y * width + x) * channels + c];

				ck_assert_msg(fabs(got - wanted) < 2e-3, "%ux%ux%u to %ux%ux%u at %u,%u,%u: %f, not %f", picture->width,
					      picture->height, picture->channels, width, height, channels, x, y, c, got, wanted);
			}
		}
	}
	free(values);
}

START_TEST(fit_against_reference)
{
	unsigned seed = 7;

	for (unsigned i = 0; i < 150; i++) {
		struct tfl_picture picture = {.width = 1 + (unsigned)rand_r(&seed) % 40,
					      .height = 1 + (unsigned)rand_r(&seed) % 40,
					      .channels = rand_r(&seed) % 2 ? 3 : 1};
		size_t count = (size_t)picture.width * picture.height * picture.channels;

		picture.pixels = malloc(count);
		for (size_t k = 0; k < count; k++)
			picture.pixels[k] = (uint8_t)((unsigned)rand_r(&seed) >> 8);
		check_fit(&picture, 1 + (unsigned)rand_r(&seed) % 40, 1 + (unsigned)rand_r(&seed) % 40, rand_r(&seed) % 2 ? 3 : 1);
		check_fit(&picture, picture.width, picture.height, picture.channels);
		tfl_picture_finish(&picture);
	}
}
END_TEST

START_TEST(fit_refuses)
{
	uint8_t one = 1;
	struct tfl_picture picture = {1, 1, 1, &one};
	float value;

	ck_assert_int_eq(tfl_picture_fit(&picture, 0, 1, 1, &value), -EINVAL);
	ck_assert_int_eq(tfl_picture_fit(&picture, 1, 0, 1, &value), -EINVAL);
	ck_assert_int_eq(tfl_picture_fit(&picture, 1, 1, 2, &value), -EINVAL);
}
END_TEST

START_TEST(normalization)
{
	static const float values[6] = {0, 127.5f, 255, 10.4f, 10.6f, 300};
	static const struct tfl_picture_norm automatic = {.norm = TFL_NORM_AUTO}, raw = {.norm = TFL_NORM_RAW},
					     unit = {.norm = TFL_NORM_UNIT}, pm1 = {.norm = TFL_NORM_SIGNED},
					     mean = {.norm = TFL_NORM_MEAN, .mean = {10, 20, 30}, .std = {2, 4, 5}};
	uint8_t bytes[6];
	float floats[6];

	ck_assert_int_eq(tfl_picture_element(&automatic, TFL_UINT8), TFL_UINT8);
	tfl_picture_normalize(&automatic, TFL_UINT8, 3, values, 6, bytes);
	ck_assert_mem_eq(bytes, "\x00\x80\xff\x0a\x0b\xff", 6);
	ck_assert_int_eq(tfl_picture_element(&raw, TFL_INT8), TFL_INT8);
	tfl_picture_normalize(&raw, TFL_INT8, 3, values, 6, bytes);
	ck_assert_mem_eq(bytes, "\x80\x00\x7f\x8a\x8b\x7f", 6);
	ck_assert_int_eq(tfl_picture_element(&raw, TFL_FLOAT32), TFL_FLOAT32);
	tfl_picture_normalize(&raw, TFL_FLOAT32, 3, values, 6, floats);
	ck_assert_mem_eq(floats, values, sizeof(values));
	ck_assert_int_eq(tfl_picture_element(&unit, TFL_UINT8), TFL_FLOAT32); /* the daemon quantises */
	tfl_picture_normalize(&unit, TFL_UINT8, 3, values, 6, floats);
	ck_assert_float_eq_tol(floats[2], 1, 1e-6f);
	ck_assert_float_eq_tol(floats[1], 0.5f, 1e-6f);
	tfl_picture_normalize(&automatic, TFL_FLOAT32, 1, values, 6, floats);
	ck_assert_float_eq_tol(floats[2], 1, 1e-6f);
	tfl_picture_normalize(&automatic, TFL_FLOAT32, 3, values, 6, floats);
	ck_assert_float_eq_tol(floats[0], -1, 1e-6f);
	tfl_picture_normalize(&pm1, TFL_INT8, 1, values, 6, floats);
	ck_assert_float_eq_tol(floats[1], 0, 1e-6f);
	ck_assert_float_eq_tol(floats[2], 1, 1e-6f);
	memcpy(floats, values, sizeof(values));
	tfl_picture_normalize(&mean, TFL_FLOAT32, 3, floats, 6, floats); /* in place */
	ck_assert_float_eq_tol(floats[0], -5, 1e-6f);
	ck_assert_float_eq_tol(floats[1], 107.5f / 4, 1e-5f);
	ck_assert_float_eq_tol(floats[2], 45, 1e-5f);
	ck_assert_float_eq_tol(floats[5], 54, 1e-5f);
}
END_TEST

Suite *picture_suite(void)
{
	Suite *suite = suite_create("picture");
	TCase *tcase = tcase_create("picture");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, png_formats);
	tcase_add_test(tcase, jpeg_formats);
	tcase_add_test(tcase, no_pictures);
	tcase_add_test(tcase, claims_of_size);
	tcase_add_test(tcase, every_prefix_fails);
	tcase_add_test(tcase, random_damage);
	tcase_add_test(tcase, orientations_stand_upright);
	tcase_add_test(tcase, photographs_are_turned);
	tcase_add_test(tcase, crop_keeps_the_middle);
	tcase_add_test(tcase, missing_file);
	tcase_add_test(tcase, fit_against_reference);
	tcase_add_test(tcase, fit_refuses);
	tcase_add_test(tcase, normalization);
	suite_add_tcase(suite, tcase);
	return suite;
}
