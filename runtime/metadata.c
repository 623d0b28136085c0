/* SPDX-License-Identifier: MIT */
#include "runtime/metadata.h"
int tfl_metadata_decode(struct tfl_decoder *decoder, const struct tfl_fb_table *root)
{
	return 0;
}
