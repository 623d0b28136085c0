/* SPDX-License-Identifier: MIT */
/*
 * What a model's author packed into the file for callers: class labels and how pictures are to be normalised. A FlatBuffer of its own
 * ("M001") in the buffer that the model's metadata names TFLITE_METADATA, and a zip archive behind the model with the files it cites.
 */
#ifndef RUNTIME_METADATA_H
#define RUNTIME_METADATA_H

struct tfl_decoder;
struct tfl_fb_table;

/**
 * Fills labels and normalizations of decoder->model from the metadata that @p root, the model's root table, cites. Metadata that is broken
 * is no error of the model: then these stay empty and model->metadata_fault says why. 0, or -ENOMEM with a sentence.
 */
int tfl_metadata_decode(struct tfl_decoder *decoder, const struct tfl_fb_table *root);

#endif
