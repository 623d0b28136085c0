/* SPDX-License-Identifier: MIT */
/*
 * A tool appends a zip archive to the model and cites its files in the metadata. libzip reads it over the mapped file.
 *
 * The archive is as hostile as the rest of the file, and what libzip allocates follows from it, so its freedom is cut: no zip64 (whose
 * count of files is 64 bits wide), a short directory, only stored or deflated content (other methods bring dictionaries of any size), no
 * more bytes than the caller allows. libzip checks the CRC when the end of a file is read, so it is always read to the end.
 */
#include "runtime/archive.h"

#include <errno.h>
#include <string.h>
#include <zip.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "base/util.h"
#include "runtime/decode.h"
#include "runtime/metadata.h"

/* The end of an archive: a record of 22 bytes, a comment of at most 65535, for zip64 a locator of 20 bytes and a record of 56 before it. */
#define ARCHIVE_END_SIZE 22
#define ARCHIVE_ENDS_MAX 8 /* libzip reads the directory of each; more than one is a zip within the zip */
#define ARCHIVE_TAIL_MAX (ARCHIVE_END_SIZE + 65535 + 20 + 56)

static void close_zip_file(zip_file_t **file)
{
	if (*file)
		zip_fclose(*file);
}

static int archive_fault(struct tfl_decoder *decoder, zip_error_t *fault, const char *what)
{
	if (zip_error_code_zip(fault) == ZIP_ER_MEMORY)
		return tfl_error_set(decoder->error, -ENOMEM, "no memory for the archive behind the model");
	if (zip_error_code_zip(fault) == ZIP_ER_OK)
		return tfl_error_set(decoder->error, -EINVAL, "%s", what);
	return tfl_error_set(decoder->error, -EINVAL, "%s: %s", what, zip_error_strerror(fault));
}

/* An end record: 10 bytes in, the count of files (2 bytes) and the size of the directory (4). Cut short it is none, and libzip says so. */
static int check_end(struct tfl_decoder *decoder, const uint8_t *end, size_t left)
{
	uint16_t files;
	uint32_t list;

	if (left < ARCHIVE_END_SIZE)
		return 0;
	memcpy(&files, end + 10, sizeof(files));
	memcpy(&list, end + 12, sizeof(list));
	if (files > TFL_ARCHIVE_FILES_MAX || list > TFL_ARCHIVE_LIST_MAX)
		return tfl_error_set(decoder->error, -EFBIG,
				     "the archive behind the model lists %u files in %u bytes, but at most %u in %u are allowed", files,
				     list, TFL_ARCHIVE_FILES_MAX, TFL_ARCHIVE_LIST_MAX);
	return 0;
}

/* Looks at everything that libzip could take for the end of an archive. */
static int check_tail(struct tfl_decoder *decoder)
{
	const struct tfl_model *model = decoder->model;
	const uint8_t *end = model->data + model->size, *p;
	size_t tail = model->size < ARCHIVE_TAIL_MAX ? model->size : ARCHIVE_TAIL_MAX;
	unsigned ends = 0;
	int r = 0;

	if (memmem(end - tail, tail, "PK\6\6", 4) || memmem(end - tail, tail, "PK\6\7", 4))
		return tfl_error_set(decoder->error, -EINVAL, "the archive behind the model is a zip64, but must be a plain zip");
	for (p = end - tail; r == 0 && (p = memmem(p, (size_t)(end - p), "PK\5\6", 4)); p++) {
		if (++ends > ARCHIVE_ENDS_MAX)
			return tfl_error_set(decoder->error, -EINVAL, "the archive behind the model has more than %d ends",
					     ARCHIVE_ENDS_MAX);
		r = check_end(decoder, p, (size_t)(end - p));
	}
	return r;
}

int tfl_archive_open(struct tfl_decoder *decoder, zip_t **ret_archive)
{
	const struct tfl_model *model = decoder->model;
	zip_source_t *source;
	zip_error_t fault;
	zip_t *archive;
	int r;

	r = check_tail(decoder);
	if (r < 0)
		return r;
	zip_error_init(&fault);
	source = zip_source_buffer_create(model->data, model->size, 0, &fault);
	archive = source ? zip_open_from_source(source, ZIP_RDONLY, &fault) : NULL;
	if (archive)
		*ret_archive = archive;
	else if (zip_error_code_zip(&fault) == ZIP_ER_NOZIP)
		r = 1;
	else
		r = archive_fault(decoder, &fault, "the archive behind the model is broken");
	if (!archive)
		zip_source_free(source);
	zip_error_fini(&fault);
	return r;
}

void tfl_archive_close(struct zip *archive)
{
	if (archive)
		zip_discard(archive);
}

static int copy_name(struct tfl_decoder *decoder, const char *name, const char **ret_name)
{
	size_t size = name ? strlen(name) + 1 : 0;
	char *copy;
	int r;

	*ret_name = "";
	if (size <= 1 || !tfl_utf8_valid(name, size - 1))
		return 0;
	r = tfl_decoder_alloc(decoder, 1, size, &copy);
	if (r == 0)
		*ret_name = memcpy(copy, name, size);
	return r;
}

int tfl_archive_list(struct tfl_decoder *decoder, struct zip *archive, struct tfl_packed_file **ret_files, uint32_t *ret_count)
{
	zip_int64_t count = zip_get_num_entries(archive, 0);
	struct tfl_packed_file *files;
	int r;

	if (count > TFL_ARCHIVE_FILES_MAX)
		return tfl_error_set(decoder->error, -EFBIG, "the archive behind the model has %lld files, but at most %u are allowed",
				     (long long)count, TFL_ARCHIVE_FILES_MAX);
	r = tfl_decoder_alloc(decoder, (size_t)count, sizeof(*files), &files);
	for (zip_int64_t i = 0; r == 0 && i < count; i++) {
		zip_stat_t status;

		r = copy_name(decoder, zip_get_name(archive, (zip_uint64_t)i, 0), &files[i].name);
		if (r == 0 && zip_stat_index(archive, (zip_uint64_t)i, 0, &status) == 0 && (status.valid & ZIP_STAT_SIZE))
			files[i].bytes = status.size;
	}
	if (r < 0)
		return r;
	*ret_files = files;
	*ret_count = (uint32_t)count;
	return 0;
}

int64_t tfl_archive_find(struct zip *archive, const char *name)
{
	return zip_name_locate(archive, name, 0);
}

int tfl_archive_read(struct tfl_decoder *decoder, struct zip *archive, uint32_t index, size_t max, char **ret_text, size_t *ret_size)
{
	TFL_CLEANUP(close_zip_file) zip_file_t *file = NULL;
	zip_stat_t status;
	char *text, more;
	int r;

	if (zip_stat_index(archive, index, 0, &status) < 0 || (~status.valid & (ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD)) != 0)
		return archive_fault(decoder, zip_get_error(archive), "its size cannot be found");
	if (status.size > max)
		return tfl_error_set(decoder->error, -EFBIG, "unpacks to %llu bytes, but at most %zu are allowed",
				     (unsigned long long)status.size, max);
	if (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE)
		return tfl_error_set(decoder->error, -EINVAL, "is packed by method %u, but must be stored or deflated",
				     status.comp_method);
	file = zip_fopen_index(archive, index, 0);
	if (!file)
		return archive_fault(decoder, zip_get_error(archive), "cannot be unpacked");
	tfl_decoder_grant(decoder, status.size + TFL_MODEL_WORK_FLOOR);
	r = tfl_decoder_alloc(decoder, 1, status.size + 1, &text);
	if (r < 0)
		return r;
	if (zip_fread(file, text, status.size) != (zip_int64_t)status.size || zip_fread(file, &more, 1) != 0)
		return archive_fault(decoder, zip_file_get_error(file), "does not unpack to the size that it claims");
	*ret_text = text;
	*ret_size = (size_t)status.size;
	return 0;
}
