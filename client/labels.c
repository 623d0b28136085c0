/* SPDX-License-Identifier: MIT */
#include "client/labels.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "client/slurp.h"

int tfl_labels_read(const char *path, struct tfl_labels *ret_labels, struct tfl_error *error)
{
	_tfl_free_ uint8_t *text = NULL;
	size_t size;
	int r;

	r = tfl_slurp(path, TFL_LABELS_BYTES_MAX, &text, &size, error);
	if (r < 0)
		return r;
	r = tfl_labels_parse((char *)text, size, ret_labels, error);
	if (r < 0)
		return tfl_error_prefix(error, r, "%s", path);
	TFL_STEAL(text);
	return 0;
}
