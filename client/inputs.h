/* SPDX-License-Identifier: MIT */
/* All inputs of a request, as the command line gives them or made up. */
#ifndef CLIENT_INPUTS_H
#define CLIENT_INPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/ctl.h"
#include "client/infer_input.h"
#include "client/signature.h"

struct tfl_error;

/* What the command line says; a member of a command's options. */
struct ctl_input_options {
	const char *image;
	struct ctl_list in;
	const char *signature;
	const char *norm;
	bool crop;
};

/* The rows of a command's table for the member @p member of its options @p type. */
#define CTL_INPUT_OPTIONS(type, member) \
	{"image", "FILE", CTL_STRING, offsetof(type, member.image), "a PNG or JPEG picture, stretched to the input's size"}, \
	{"crop", NULL, CTL_FLAG, offsetof(type, member.crop), "cut the picture to the input's shape, do not stretch it"}, \
	{"in", "[NAME=]FILE", CTL_LIST, offsetof(type, member.in), "an .npy array or raw bytes; once for each input"}, \
	{"signature", "NAME", CTL_STRING, offsetof(type, member.signature), "run this one of the model's signatures"}, \
	{"norm", "HOW", CTL_STRING, offsetof(type, member.norm), "pixels raw 0..255, unit 0..1, signed -1..1, or auto", \
	 .choices = "auto raw unit signed"}

struct ctl_inputs {
	const char *model; /* as typed */
	const struct ctl_signature *signature; /* whose inputs these are; outlives this */
	size_t count;
	struct ctl_input *given; /* one for each; memory NULL: not given */
	const struct ctl_frame *frame; /* of the picture among them; NULL: there is none */
	bool shared; /* by whoever asks: several versions may get what is sent (ctl_tensor) */
};

/** Nothing is given yet. -ENOMEM. */
int ctl_inputs_init(struct ctl_inputs *inputs, const char *model, const struct ctl_signature *signature, struct tfl_error *error);

/** Idempotent; also for zeroed memory. */
void ctl_inputs_finish(struct ctl_inputs *inputs);

/** Reads the files that @p options name. */
int ctl_inputs_read(struct ctl_inputs *inputs, const struct ctl_input_options *options, struct tfl_error *error);

/** Makes up what is not given: random numbers from @p state on, or zeros where it is NULL. */
int ctl_inputs_generate(struct ctl_inputs *inputs, uint64_t *state, struct tfl_error *error);

/** Sets the signature and what is given in @p infer, which borrows it. Fails as tfl_infer_set_input(). */
int ctl_inputs_set(const struct ctl_inputs *inputs, struct tfl_infer *infer);

#endif
