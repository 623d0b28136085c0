/* SPDX-License-Identifier: MIT */
/* Seeds are fixed: a test that fails today fails tomorrow. */
#include "tests/system/models.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/response.h"
#include "proto/writer.h"
#include "tests/builder/mobilenet.h"
#include "tests/system/wire.h"

#define SEED 7
#define SLOW_SIDE 96
#define LARGE_SIDE 1024

const float tiny_input[TINY_ELEMENTS] = {-0.25f, -0.125f, 0, 0.125f, 0.25f, -0.25f, -0.125f, 0,
					 0.125f, 0.25f, -0.25f, -0.125f, 0, 0.125f, 0.25f, -0.25f};

void model_file_finish(struct model_file *file)
{
	free(file->data);
	file->data = NULL;
}

static struct model_file emit(struct tfl_net *net, bool int8)
{
	struct tfl_builder *builder = tfl_build_create();
	struct model_file file;

	ck_assert_int_eq(tfl_net_emit(net, int8, builder), 0);
	ck_assert_int_eq(tfl_build_finish(builder, &file.data, &file.size), 0);
	tfl_build_destroy(builder);
	tfl_net_finish(net);
	return file;
}

struct model_file model_tiny(bool int8, uint64_t seed)
{
	struct tfl_net net = {0};

	ck_assert_int_eq(tfl_net_tiny(&net, seed), 0);
	return emit(&net, int8);
}

void model_tiny_expected(uint64_t seed, const float input[TINY_ELEMENTS], float ret_output[TINY_ELEMENTS])
{
	struct tfl_net net = {0};

	ck_assert_int_eq(tfl_net_tiny(&net, seed), 0);
	memcpy(net.layers[0].output, input, TINY_ELEMENTS * sizeof(float));
	tfl_net_run(&net);
	memcpy(ret_output, net.layers[net.count - 1].output, TINY_ELEMENTS * sizeof(float));
	tfl_net_finish(&net);
}

struct model_file model_slow(unsigned layers)
{
	struct tfl_net net = {0};
	struct tfl_net_layer input = {.kind = TFL_NET_INPUT, .name = "x", .height = SLOW_SIDE, .width = SLOW_SIDE, .channels = 3, .max = 1};
	struct tfl_net_layer mean = {.kind = TFL_NET_MEAN, .name = "y"};
	int last = tfl_net_add_layer(&net, &input);

	for (unsigned i = 0; i < layers; i++) {
		struct tfl_net_layer layer = {.kind = TFL_NET_CONV, .name = "conv", .input = last, .channels = 64, .kernel = 3,
					      .padding = TFL_PADDING_SAME};

		last = tfl_net_add_layer(&net, &layer);
	}
	mean.input = last;
	ck_assert_int_ge(tfl_net_add_layer(&net, &mean), 0);
	return emit(&net, false);
}

struct model_file model_mobilenet(uint64_t seed)
{
	struct tfl_net net = {0};

	ck_assert_int_eq(tfl_net_mobilenet_v2(&net, seed), 0);
	return emit(&net, false);
}

struct model_file model_large(void)
{
	static const float scale = 1.0f / 256;
	static const int64_t zero_point = 0;
	struct tfl_ints dims = TFL_INTS(1, LARGE_SIDE, LARGE_SIDE, 3);
	struct tfl_builder *builder = tfl_build_create();
	struct model_file file;
	int x, y;

	x = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "x", .dtype = TFL_UINT8, .dims = dims, .scales = &scale,
								 .zero_points = &zero_point, .scale_count = 1});
	y = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "y", .dims = dims});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_DEQUANTIZE, .inputs = TFL_INTS(x),
								 .outputs = TFL_INTS(y)});
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(y));
	ck_assert_int_eq(tfl_build_finish(builder, &file.data, &file.size), 0);
	tfl_build_destroy(builder);
	return file;
}

#define SLOW_SUM_SIDE 1024
#define SLOW_SUM_STEPS 64

/* Spreads @p x over a large tensor and sums that up again and again, which no graph for XNNPACK can take. The last tensor. */
static int add_slow_steps(struct tfl_builder *builder, int x)
{
	static const int32_t times[] = {SLOW_SUM_SIDE, SLOW_SUM_SIDE}, axis = 0;
	struct tfl_build_tensor large = {.name = "large", .dims = TFL_INTS(SLOW_SUM_SIDE, SLOW_SUM_SIDE)};
	int multiples, along, last;

	multiples = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "times", .dtype = TFL_INT32, .dims = TFL_INTS(2), .data = times,
									 .data_size = sizeof(times)});
	along = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "axis", .dtype = TFL_INT32, .data = &axis, .data_size = sizeof(axis)});
	last = tfl_build_tensor(builder, &large);
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_TILE, .inputs = TFL_INTS(x, multiples),
								 .outputs = TFL_INTS(last)});
	for (int i = 0; i < SLOW_SUM_STEPS; i++) {
		int next = tfl_build_tensor(builder, &large);

		tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_CUMSUM, .inputs = TFL_INTS(last, along),
									 .outputs = TFL_INTS(next),
									 .options = tfl_options_cumsum(false, false)});
		last = next;
	}
	return last;
}

struct model_file model_sum(float start, bool slow)
{
	struct tfl_build_tensor one = {.name = "x", .dims = TFL_INTS(1, 1)};
	struct tfl_builder *builder = tfl_build_create();
	struct model_file file;
	int x, state, begin, sum, last;

	x = tfl_build_tensor(builder, &one);
	sum = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "sum", .dims = TFL_INTS(1, 1)});
	state = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "state", .dims = TFL_INTS(1, 1), .is_variable = true});
	begin = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "start", .dims = TFL_INTS(1, 1), .data = &start,
								     .data_size = sizeof(start)});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_ADD, .inputs = TFL_INTS(x, state), .outputs = TFL_INTS(state)});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_ADD, .inputs = TFL_INTS(state, begin),
								 .outputs = TFL_INTS(sum)});
	last = slow ? add_slow_steps(builder, x) : sum;
	tfl_build_io(builder, TFL_INTS(x), slow ? (struct tfl_ints)TFL_INTS(sum, last) : (struct tfl_ints)TFL_INTS(sum));
	ck_assert_int_eq(tfl_build_finish(builder, &file.data, &file.size), 0);
	tfl_build_destroy(builder);
	return file;
}

struct model_file model_loop(void)
{
	static const float zero, one = 1;
	struct tfl_build_tensor number = {.name = "x", .dims = TFL_INTS(1, 1)}, constant = number;
	struct tfl_builder *builder = tfl_build_create();
	struct model_file file;

	constant.data = &zero;
	constant.data_size = sizeof(zero);
	for (int i = 0; i < 3; i++)
		tfl_build_tensor(builder, &number);
	tfl_build_tensor(builder, &constant);
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_WHILE, .inputs = TFL_INTS(3, 0), .outputs = TFL_INTS(1, 2),
								 .options = tfl_options_ints(TFL_OPTIONS_WHILE, TFL_INTS(1, 2))});
	tfl_build_io(builder, TFL_INTS(0), TFL_INTS(1));
	tfl_build_subgraph(builder, "condition");
	for (int i = 0; i < 2; i++)
		tfl_build_tensor(builder, &number);
	tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "below", .dtype = TFL_BOOL, .dims = TFL_INTS(1, 1)});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_LESS, .inputs = TFL_INTS(0, 1), .outputs = TFL_INTS(2)});
	tfl_build_io(builder, TFL_INTS(0, 1), TFL_INTS(2));
	tfl_build_subgraph(builder, "body");
	for (int i = 0; i < 3; i++)
		tfl_build_tensor(builder, &number);
	constant.data = &one;
	tfl_build_tensor(builder, &constant);
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_ADD, .inputs = TFL_INTS(0, 3), .outputs = TFL_INTS(2)});
	tfl_build_io(builder, TFL_INTS(0, 1), TFL_INTS(2, 1));
	ck_assert_int_eq(tfl_build_finish(builder, &file.data, &file.size), 0);
	tfl_build_destroy(builder);
	return file;
}

static void add(const struct daemon *daemon, const char *name, struct model_file file)
{
	daemon_add_model(daemon, name, 1, file.data, file.size);
	model_file_finish(&file);
}

void add_tiny(const struct daemon *daemon)
{
	add(daemon, "tiny", model_tiny(false, SEED));
}

void add_slow(const struct daemon *daemon, unsigned layers)
{
	add(daemon, "slow", model_slow(layers));
}

void add_large(const struct daemon *daemon)
{
	add(daemon, "large", model_large());
}

void send_infer(int fd, uint32_t msgid, const struct tfl_infer_head *head, const struct tfl_wire_tensor *inputs, uint32_t input_count,
		const struct tfl_wire_tensor *outputs, uint32_t output_count)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	tfl_writer_begin(&writer);
	tfl_infer_request_write(&writer, msgid, head, inputs, input_count, outputs, output_count);
	wire_send_frame(fd, &writer);
	tfl_writer_finish(&writer);
}

struct tfl_wire_tensor tiny_tensor(const float *data)
{
	return (struct tfl_wire_tensor){
		.dtype = TFL_FLOAT32,
		.shape = {2, {1, TINY_ELEMENTS}},
		.data = {(const uint8_t *)data, TINY_ELEMENTS * sizeof(float)},
	};
}

void send_tiny(int fd, uint32_t msgid, uint64_t timeout_us)
{
	struct tfl_infer_head head = {.model = tfl_string_of("tiny"), .timeout_us = timeout_us, .dtype = TFL_DTYPE_COUNT};
	struct tfl_wire_tensor input = tiny_tensor(tiny_input);

	send_infer(fd, msgid, &head, &input, 1, NULL, 0);
}

void send_slow(int fd, uint32_t msgid, uint64_t timeout_us, uint32_t priority)
{
	static const float zeros[SLOW_SIDE * SLOW_SIDE * 3];
	struct tfl_infer_head head = {
		.model = tfl_string_of("slow"), .timeout_us = timeout_us, .priority = priority, .dtype = TFL_DTYPE_COUNT,
	};
	struct tfl_wire_tensor input = {
		.dtype = TFL_FLOAT32,
		.shape = {4, {1, SLOW_SIDE, SLOW_SIDE, 3}},
		.data = {(const uint8_t *)zeros, sizeof(zeros)},
	};

	send_infer(fd, msgid, &head, &input, 1, NULL, 0);
}

void send_large(int fd, uint32_t msgid)
{
	static const uint8_t zeros[LARGE_SIDE * LARGE_SIDE * 3];
	struct tfl_infer_head head = {.model = tfl_string_of("large"), .dtype = TFL_DTYPE_COUNT};
	struct tfl_wire_tensor input = {
		.dtype = TFL_UINT8,
		.shape = {4, {1, LARGE_SIDE, LARGE_SIDE, 3}},
		.data = {zeros, sizeof(zeros)},
	};

	send_infer(fd, msgid, &head, &input, 1, NULL, 0);
}

static void receive_outputs(int fd, uint32_t msgid, struct reply *reply, struct tfl_infer_response *response)
{
	struct tfl_error error = {0};

	ck_assert(wire_receive(fd, reply));
	ck_assert_int_eq(reply->message.kind, TFL_MESSAGE_REPLY);
	ck_assert_uint_eq(reply->message.msgid, msgid);
	ck_assert_msg(!reply->message.failed, "failed: %.*s", TFL_STRING_ARGS(reply->message.failure.message));
	ck_assert_msg(tfl_infer_response_parse(reply->message.result, response, &error) == 0, "%s", error.text);
}

uint64_t expect_outputs(int fd, uint32_t msgid)
{
	struct tfl_infer_response response;
	struct reply reply;
	uint64_t compute_ns;

	receive_outputs(fd, msgid, &reply, &response);
	compute_ns = response.served.compute_ns;
	tfl_infer_response_finish(&response);
	reply_finish(&reply);
	return compute_ns;
}

void expect_tiny(int fd, uint32_t msgid)
{
	const struct tfl_wire_tensor *output;
	struct tfl_infer_response response;
	float expected[TINY_ELEMENTS], got[TINY_ELEMENTS];
	struct reply reply;

	receive_outputs(fd, msgid, &reply, &response);
	ck_assert_uint_eq(response.outputs.count, 1);
	output = tfl_tensor_list_at(&response.outputs, 0);
	ck_assert_int_eq(output->dtype, TFL_FLOAT32);
	ck_assert_uint_eq(output->data.size, sizeof(got));
	memcpy(got, output->data.data, sizeof(got));
	model_tiny_expected(SEED, tiny_input, expected);
	for (unsigned i = 0; i < TINY_ELEMENTS; i++)
		ck_assert_msg(fabsf(got[i] - expected[i]) < 1e-5f, "element %u is %g instead of %g", i, (double)got[i], (double)expected[i]);
	tfl_infer_response_finish(&response);
	reply_finish(&reply);
}

void add_scores(const struct daemon *daemon)
{
	struct tfl_builder *builder = tfl_build_create();
	struct tfl_ints dims = {(const int32_t[]){SCORES_ROWS, SCORES_CLASSES}, 2};
	struct model_file file;

	tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "logits", .dims = dims});
	tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "scores", .dims = dims});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_SOFTMAX, .inputs = TFL_INTS(0), .outputs = TFL_INTS(1),
								 .options = tfl_options_softmax(1)});
	tfl_build_io(builder, TFL_INTS(0), TFL_INTS(1));
	ck_assert_int_eq(tfl_build_finish(builder, &file.data, &file.size), 0);
	tfl_build_destroy(builder);
	daemon_add_model(daemon, "scores", 1, file.data, file.size);
	model_file_finish(&file);
}

void ask_scores(int fd, unsigned class, float logit)
{
	const struct tfl_infer_head head = {.model = tfl_string_of("scores"), .dtype = TFL_DTYPE_COUNT};
	float values[SCORES_ROWS][SCORES_CLASSES] = {{0}};
	struct tfl_wire_tensor input = {.dtype = TFL_FLOAT32,
					.index = 0,
					.shape = {2, {SCORES_ROWS, SCORES_CLASSES}},
					.data = {(const uint8_t *)values, sizeof(values)}};

	for (unsigned row = 0; row < SCORES_ROWS; row++)
		values[row][class] = logit;
	send_infer(fd, 1, &head, &input, 1, NULL, 0);
	expect_outputs(fd, 1);
}
