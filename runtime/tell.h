/* SPDX-License-Identifier: MIT */
/*
 * What a caller may want to know of a model, as a tree of named values: the daemon hands it to the wire, tflctl to JSON. The keys stand in
 * tell.c, and doc/protocol.md explains them; what a model says nothing about has no key.
 */
#ifndef RUNTIME_TELL_H
#define RUNTIME_TELL_H

#include <stdbool.h>
#include <stdint.h>

struct tfl_entry;
struct tfl_io;
struct tfl_labels;
struct tfl_model;

/* Who is told. @p key is NULL for an element of an array. Each open() is followed by one close(). Texts are UTF-8. */
struct tfl_teller {
	void (*open)(struct tfl_teller *teller, const char *key, bool map); /* a map or an array begins */
	void (*close)(struct tfl_teller *teller);
	void (*text)(struct tfl_teller *teller, const char *key, const char *text);
	void (*integer)(struct tfl_teller *teller, const char *key, int64_t value);
	void (*real)(struct tfl_teller *teller, const char *key, double value);
	void (*boolean)(struct tfl_teller *teller, const char *key, bool value);
};

/**
 * Tells "inputs", "outputs", "description", "label_count", "labels" and "metadata" of subgraph 0, into a map that is open. @p inputs and
 * @p outputs are as many as the subgraph has. @p labels, where it has any, stand in the place of the file's; it may be NULL. Equal calls
 * tell the same.
 */
void tfl_tell_model(struct tfl_teller *teller, const struct tfl_model *model, const struct tfl_labels *labels, const struct tfl_io *inputs,
		    const struct tfl_io *outputs);

/** Tells "signatures", where there are any. Equal calls tell the same. */
void tfl_tell_signatures(struct tfl_teller *teller, const struct tfl_entry *entries, uint32_t count);

#endif
