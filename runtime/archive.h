/* SPDX-License-Identifier: MIT */
/*
 * Inside of the model layer: the zip archive that tools append to a model file. All sentences go to decoder->error.
 */
#ifndef RUNTIME_ARCHIVE_H
#define RUNTIME_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

struct tfl_decoder;
struct tfl_packed_file;
struct zip;

/** 0, or 1 where the file ends without one; then *ret_archive is untouched. -EINVAL broken, -EFBIG past a limit, -ENOMEM. */
int tfl_archive_open(struct tfl_decoder *decoder, struct zip **ret_archive);

/** NULL is allowed. */
void tfl_archive_close(struct zip *archive);

/** Names and sizes of its files, in its order, as memory of the model. */
int tfl_archive_list(struct tfl_decoder *decoder, struct zip *archive, struct tfl_packed_file **ret_files, uint32_t *ret_count);

/** The place of a file in that list, or -1. */
int64_t tfl_archive_find(struct zip *archive, const char *name);

/**
 * Unpacks file @p index, of at most @p max bytes, to memory of the model with a NUL byte behind it. -EINVAL where its content is not what
 * the archive claims, -EFBIG, -ENOMEM.
 */
int tfl_archive_read(struct tfl_decoder *decoder, struct zip *archive, uint32_t index, size_t max, char **ret_text, size_t *ret_size);

#endif
