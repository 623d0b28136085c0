/* SPDX-License-Identifier: MIT */
/*
 * Inside of the model layer: class labels out of the zip archive that tools append to a model file.
 */
#ifndef RUNTIME_LABELS_H
#define RUNTIME_LABELS_H

#include <stdbool.h>

struct tfl_decoder;

/* A file of the archive, or none to take the only one whose name ends in ".txt". */
struct tfl_label_file {
	const char *name;                                      /* NULL: whichever is the only text */
	bool (*is_other)(const char *name, const void *other); /* with name NULL: texts that are known to be something else */
	const void *other;
};

/**
 * Reads one label a line into model->labels. An archive or a text that is not there although nobody promised it (name NULL) leaves the
 * model without labels. Errors: -EINVAL broken, missing or not UTF-8; -EFBIG past TFL_LABELS_MAX or TFL_LABELS_BYTES_MAX; -ENOMEM.
 */
int tfl_labels_read(struct tfl_decoder *decoder, const struct tfl_label_file *file);

#endif
