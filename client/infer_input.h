/* SPDX-License-Identifier: MIT */
/* Files as inputs of a model that the daemon described. */
#ifndef CLIENT_INFER_INPUT_H
#define CLIENT_INFER_INPUT_H

#include <stdbool.h>

#include "base/limits.h"
#include "client/picture.h"
#include "client/tflclient.h"

struct tfl_error;

/* An input or output as model.describe tells it. Strings live as long as the answer. */
struct ctl_tensor {
	const char *name;
	const char *signature_name; /* or NULL */
	enum tfl_dtype dtype;
	uint32_t rank;
	int32_t dims[TFL_RANK_MAX];
	unsigned free; /* bit i: a request may choose dimension i, from 1 on; dims has what the file says, 1 where that is no size */
	bool dynamic;  /* an output whose shape only a run finds out; dims has a guess */
	size_t bytes;  /* of dims */
	double scale; /* of a quantised one, else 0 */
	int64_t zero_point;
	struct tfl_picture_norm norm; /* MEAN where the model's metadata says how, else AUTO */
	bool image; /* its metadata says that it is a picture … */
	bool gray;  /* … without colours, however many channels it has */
	bool shared; /* what is sent may go to a version of another type too: float32, which any takes that is quantised or not */
};

/* The shape that a tensor has in one request. */
struct ctl_shape {
	uint32_t rank;
	int32_t dims[TFL_RANK_MAX];
	size_t elements;
};

/* What part of a picture an input shows, in pixels, and the input's own size. */
struct ctl_frame {
	double left, top, width, height;
	double input_width, input_height;
};

/* What is sent for one input. */
struct ctl_input {
	enum tfl_dtype dtype;
	uint32_t rank;
	int32_t dims[TFL_RANK_MAX];
	uint8_t *memory;  /* owned */
	const void *data; /* in memory */
	size_t bytes;
	struct ctl_frame frame; /* of a picture */
};

/** Whether an input has the shape of a picture: [1, height, width, 1 or 3], or a free dimension where the first three are. */
bool ctl_tensor_is_picture(const struct ctl_tensor *tensor);

/** Whether a request may have this shape for @p tensor: the file's, but for dimensions that are free, which have any size from 1 on. */
bool ctl_tensor_takes(const struct ctl_tensor *tensor, const struct ctl_shape *shape);

/**
 * @p tensor, which has the shape of a picture, with the shape that it gets for the picture at @p path: the picture's own size where height and
 * width are free, and one of them. -EFBIG, with a sentence, where that is more than a request holds in elements of @p element_bytes.
 */
int ctl_tensor_sized(const struct ctl_tensor *tensor, const char *path, const struct tfl_picture *picture, size_t element_bytes,
		     struct ctl_tensor *ret_tensor, struct tfl_error *error);

/** @p picture in the size and channels of @p tensor, from 0 to 255; where the tensor is gray, they are all the same. -EINVAL, -ENOMEM. */
int ctl_tensor_fit(const struct ctl_tensor *tensor, const struct tfl_picture *picture, float *ret_values);

/** Reads one entry of the answer's "inputs" or "outputs". -EPROTO, with a sentence, for what cannot be one. */
int ctl_tensor_read(const struct tfl_value *value, struct ctl_tensor *ret_tensor, struct tfl_error *error);

/**
 * A picture for @p tensor, whose shape has to be that of a picture: stretched to it, or with @p crop cut to its aspect ratio first; where
 * height and width are both free, in its own size. @p norm AUTO: what the metadata says, else as picture.h. On success the caller finishes
 * @p ret_input.
 */
int ctl_input_picture(const struct ctl_tensor *tensor, const char *path, enum tfl_norm norm, bool crop, struct ctl_input *ret_input,
		      struct tfl_error *error);

/**
 * An .npy file (float64 becomes float32 where the input is not float64), whose shape is its own, or the input's raw bytes: exactly as many as
 * it has or, where one dimension is free, as many as make that one whole.
 */
int ctl_input_file(const struct ctl_tensor *tensor, const char *path, struct ctl_input *ret_input, struct tfl_error *error);

void ctl_input_finish(struct ctl_input *input);

#endif
