/* SPDX-License-Identifier: MIT */
#include "tests/builder/hostile.h"

#include <errno.h>

#include "tests/builder/builder.h"
#include "tests/builder/net.h"

#define SIDE 160
#define LAYERS 10

static int finish(struct tfl_builder *builder, int result, uint8_t **ret_data, size_t *ret_size)
{
	if (result >= 0)
		result = tfl_build_finish(builder, ret_data, ret_size);
	tfl_build_destroy(builder);
	return result < 0 ? result : 0;
}

int tfl_hostile_slow(uint8_t **ret_data, size_t *ret_size)
{
	const struct tfl_net_layer input = {
		.kind = TFL_NET_INPUT, .name = "x", .height = SIDE, .width = SIDE, .channels = 3, .max = 1
	};
	struct tfl_builder *builder = tfl_build_create();
	struct tfl_net net = { .count = 0 };
	int last = tfl_net_add_layer(&net, &input);

	for (unsigned i = 0; last >= 0 && i < LAYERS; i++)
		last = tfl_net_add_layer(&net, &(struct tfl_net_layer){ .kind = TFL_NET_CONV, .name = "conv", .input = last, .channels = 128,
									.kernel = 3, .padding = TFL_PADDING_SAME });
	if (last >= 0)
		last = tfl_net_add_layer(&net, &(struct tfl_net_layer){ .kind = TFL_NET_MEAN, .name = "y", .input = last });
	if (last >= 0)
		last = tfl_net_emit(&net, false, builder);
	tfl_net_finish(&net);
	return finish(builder, last, ret_data, ret_size);
}

/* One operator with one input and one output of these dimensions. */
static int make_unary(uint32_t code, struct tfl_ints dims, uint8_t **ret_data, size_t *ret_size)
{
	struct tfl_builder *builder = tfl_build_create();
	int x = tfl_build_tensor(builder, &(struct tfl_build_tensor){ .name = "x", .dims = dims });
	int y = tfl_build_tensor(builder, &(struct tfl_build_tensor){ .name = "y", .dims = dims });

	tfl_build_operator(builder, &(struct tfl_build_operator){ .code = code, .inputs = TFL_INTS(x), .outputs = TFL_INTS(y) });
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(y));
	return finish(builder, 0, ret_data, ret_size);
}

int tfl_hostile_large(uint8_t **ret_data, size_t *ret_size)
{
	return make_unary(TFL_BUILTIN_ABS, TFL_INTS(1, 4096, 2048, 3), ret_data, ret_size);
}

int tfl_hostile_before_root(uint8_t **ret_data, size_t *ret_size)
{
	return make_unary(TFL_BUILTIN_ABS, TFL_INTS(1, 4), ret_data, ret_size);
}

int tfl_hostile_root(uint8_t **ret_data, size_t *ret_size)
{
	return make_unary(TFL_BUILTIN_SQRT, TFL_INTS(1, 4), ret_data, ret_size);
}
