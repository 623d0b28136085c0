/* SPDX-License-Identifier: MIT */
/*
 * A tool appends a zip archive to the model and cites its files in the metadata. libzip reads it over the mapped file.
 *
 * The archive is as hostile as the rest of the file, and what libzip allocates follows from it, so its freedom is cut: no zip64 (whose
 * count of files is 64 bits wide), a short directory, only stored or deflated content (other methods bring dictionaries of any size), no
 * more bytes than TFL_LABELS_BYTES_MAX. libzip checks the CRC when the end of a file is read, so it is always read to the end.
 */
#include "runtime/labels.h"

#include <errno.h>
#include <string.h>
#include <zip.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "base/util.h"
#include "runtime/decode.h"

/* The end of an archive: a record of 22 bytes, a comment of at most 65535, for zip64 a locator of 20 bytes and a record of 56 before it. */
#define ARCHIVE_END_SIZE 22
#define ARCHIVE_ENDS_MAX 8 /* libzip reads the directory of each; more than one is a zip within the zip */
#define ARCHIVE_TAIL_MAX (ARCHIVE_END_SIZE + 65535 + 20 + 56)

TFL_DEFINE_CLEANUP(zip_t *, discard_zip, zip_discard)

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

/* 0 with an archive, 1 where the file ends without one. */
static int open_archive(struct tfl_decoder *decoder, zip_t **ret_archive)
{
	const struct tfl_model *model = decoder->model;
	zip_source_t *source;
	zip_error_t fault;
	zip_t *archive;
	int r = 0;

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

static bool is_text_name(const char *name)
{
	size_t length = strlen(name);

	return length > 4 && strcmp(name + length - 4, ".txt") == 0;
}

/* 0 with an index, 1 where no text, or more than one, could be meant. */
static int find_text(zip_t *archive, const struct tfl_label_file *file, zip_uint64_t *ret_index)
{
	zip_int64_t i, count = zip_get_num_entries(archive, 0), found = -1;

	for (i = 0; i < count; i++) {
		const char *name = zip_get_name(archive, (zip_uint64_t)i, 0);

		if (!name || !is_text_name(name) || file->is_other(name, file->other))
			continue;
		if (found >= 0)
			return 1;
		found = i;
	}
	if (found < 0)
		return 1;
	*ret_index = (zip_uint64_t)found;
	return 0;
}

/* Reads file @index into memory of the model, NUL-terminated. */
static int read_text(struct tfl_decoder *decoder, zip_t *archive, zip_uint64_t index, char **ret_text, size_t *ret_size)
{
	TFL_CLEANUP(close_zip_file) zip_file_t *file = NULL;
	zip_stat_t status;
	char *text, more;
	int r;

	if (zip_stat_index(archive, index, 0, &status) < 0 || (~status.valid & (ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD)) != 0)
		return archive_fault(decoder, zip_get_error(archive), "its size cannot be found");
	if (status.size > TFL_LABELS_BYTES_MAX)
		return tfl_error_set(decoder->error, -EFBIG, "unpacks to %llu bytes, but at most %u are allowed",
				     (unsigned long long)status.size, TFL_LABELS_BYTES_MAX);
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

static size_t count_lines(const char *text, size_t size)
{
	size_t i, count = size > 0 && text[size - 1] != '\n';

	for (i = 0; i < size; i++)
		count += text[i] == '\n';
	return count;
}

/* Cuts the text into lines in place. An empty line keeps its place: the classes after it count on that. */
static int split_lines(struct tfl_decoder *decoder, char *text, size_t size)
{
	size_t i, count, mark = size >= 3 && memcmp(text, "\357\273\277", 3) == 0 ? 3 : 0;
	char **labels, *end;
	int r;

	text += mark; /* some editors begin a text with this one */
	count = count_lines(text, size - mark);
	if (count > TFL_LABELS_MAX)
		return tfl_error_set(decoder->error, -EFBIG, "has %zu lines, but at most %u are allowed", count, TFL_LABELS_MAX);
	tfl_decoder_grant(decoder, (count + 1) * sizeof(*labels));
	r = tfl_decoder_alloc(decoder, count, sizeof(*labels), &labels);
	if (r < 0)
		return r;
	for (i = 0; i < count; i++, text = end + 1) {
		end = strchrnul(text, '\n');
		if (end > text && end[-1] == '\r')
			end[-1] = '\0';
		*end = '\0';
		labels[i] = text;
	}
	decoder->model->labels = labels;
	decoder->model->label_count = (uint32_t)count;
	return 0;
}

int tfl_labels_read(struct tfl_decoder *decoder, const struct tfl_label_file *file)
{
	TFL_CLEANUP(discard_zip) zip_t *archive = NULL;
	zip_uint64_t index;
	zip_int64_t located;
	char *text = NULL;
	size_t size = 0;
	int r;

	r = check_tail(decoder);
	if (r == 0)
		r = open_archive(decoder, &archive);
	if (r < 0)
		return r;
	if (!file->name) {
		if (r == 1 || find_text(archive, file, &index) == 1)
			return 0;
	} else {
		located = archive ? zip_name_locate(archive, file->name, 0) : -1;
		if (located < 0)
			return tfl_error_set(decoder->error, -EINVAL, "its metadata promises a label file, but %s",
					     archive ? "the archive behind the model does not have it" : "no archive follows the model");
		index = (zip_uint64_t)located;
	}
	r = read_text(decoder, archive, index, &text, &size);
	if (r == 0 && !tfl_utf8_valid(text, size))
		r = tfl_error_set(decoder->error, -EINVAL, "is no text in UTF-8");
	if (r == 0)
		r = split_lines(decoder, text, size);
	if (r < 0)
		return tfl_error_prefix(decoder->error, r, "label file");
	return 0;
}
