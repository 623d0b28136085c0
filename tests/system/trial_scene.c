/* SPDX-License-Identifier: MIT */
#include "tests/system/trial_scene.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "proto/response.h"
#include "tests/builder/builder.h"
#include "tests/system/models.h"

#define WIDE 65536 /* elements of the detour */

struct trial_scene trial;
const struct recipe trial_sound = {.scale = 1};

/* ---- Models ---- */

static int vector(struct tfl_builder *builder, const char *name, const float *values)
{
	return tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = name, .dims = TFL_INTS(1, TRIAL_CLASSES), .data = values,
								    .data_size = values ? TRIAL_CLASSES * sizeof(float) : 0});
}

static int ints(struct tfl_builder *builder, const char *name, const int32_t *values, int32_t count)
{
	return tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = name, .dtype = TFL_INT32, .dims = TFL_INTS(count), .data = values,
								    .data_size = (size_t)count * sizeof(*values)});
}

static int binary(struct tfl_builder *builder, uint32_t code, int a, int b)
{
	int y = vector(builder, "t", NULL);

	tfl_build_operator(builder, &(struct tfl_build_operator){.code = code, .inputs = TFL_INTS(a, b), .outputs = TFL_INTS(y)});
	return y;
}

/* x, turned round many times over, and none of it in the end: each turn is a step, between which a request's time can run out. */
static int detour(struct tfl_builder *builder, int x, unsigned turns)
{
	static const int32_t times[] = {1, WIDE / TRIAL_CLASSES}, begin[] = {0, 0}, size[] = {1, TRIAL_CLASSES}, last[] = {1};
	static const float zeros[TRIAL_CLASSES];
	int wide, narrow = vector(builder, "narrow", NULL), axis = ints(builder, "axis", last, 1);

	wide = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "wide", .dims = TFL_INTS(1, WIDE)});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_TILE, .inputs = TFL_INTS(x, ints(builder, "times", times, 2)),
								 .outputs = TFL_INTS(wide)});
	for (unsigned i = 0; i < turns; i++) {
		int next = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "turned", .dims = TFL_INTS(1, WIDE)});

		tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_REVERSE_V2, .inputs = TFL_INTS(wide, axis),
									 .outputs = TFL_INTS(next)});
		wide = next;
	}
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_SLICE,
								 .inputs = TFL_INTS(wide, ints(builder, "begin", begin, 2), ints(builder, "size", size, 2)),
								 .outputs = TFL_INTS(narrow)});
	return binary(builder, TFL_BUILTIN_MUL, narrow, vector(builder, "zeros", zeros));
}

static struct model_file make(const struct recipe *recipe)
{
	struct tfl_builder *builder = tfl_build_create();
	float scales[TRIAL_CLASSES], shifts[TRIAL_CLASSES] = {recipe->shift};
	int x = vector(builder, "x", NULL), logits, y = vector(builder, "y", NULL);
	struct model_file file;

	for (unsigned i = 0; i < TRIAL_CLASSES; i++)
		scales[i] = recipe->scale;
	logits = binary(builder, TFL_BUILTIN_MUL, x, vector(builder, "scale", scales));
	logits = binary(builder, TFL_BUILTIN_ADD, logits, vector(builder, "shift", shifts));
	if (recipe->turns)
		logits = binary(builder, TFL_BUILTIN_ADD, logits, detour(builder, x, recipe->turns));
	if (recipe->nan)
		tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_SQRT, .inputs = TFL_INTS(logits), .outputs = TFL_INTS(y)});
	else
		tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_SOFTMAX, .inputs = TFL_INTS(logits),
									 .outputs = TFL_INTS(y), .options = tfl_options_softmax(1)});
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(y));
	ck_assert_int_eq(tfl_build_finish(builder, &file.data, &file.size), 0);
	tfl_build_destroy(builder);
	return file;
}

/* ---- Asking ---- */

uint64_t trial_ask(uint64_t timeout_us)
{
	static unsigned asked;
	struct tfl_infer_head head = {.model = tfl_string_of("m"), .timeout_us = timeout_us, .dtype = TFL_DTYPE_COUNT};
	float input[TRIAL_CLASSES] = {asked++ % 2 ? 6 : 1.5f};
	struct tfl_wire_tensor tensor = tiny_tensor(input);
	struct tfl_infer_response response;
	struct reply reply;
	uint64_t version = 0;

	send_infer(trial.fd, 7, &head, &tensor, 1, NULL, 0);
	ck_assert(wire_receive(trial.fd, &reply));
	if (!reply.message.failed) {
		ck_assert_int_eq(tfl_infer_response_parse(reply.message.result, &response, NULL), 0);
		version = response.served.version;
		tfl_infer_response_finish(&response);
	}
	reply_finish(&reply);
	return version;
}

void trial_call(const char *method, uint64_t version)
{
	reply_finish(&trial.answer);
	wire_begin_model(&trial.writer, 1, method, "m", version, false);
	wire_send_frame(trial.fd, &trial.writer);
	ck_assert(wire_receive(trial.fd, &trial.answer));
	ck_assert_msg(!trial.answer.message.failed, "%s: %.*s", method, TFL_STRING_ARGS(trial.answer.message.failure.message));
}

void trial_load(const struct recipe *recipe)
{
	struct model_file model = recipe->other ? model_slow(1) : make(recipe);
	int file = memfd_create("model", MFD_CLOEXEC);
	struct reply reply;

	ck_assert_int_eq(write(file, model.data, model.size), (ssize_t)model.size);
	wire_begin_model(&trial.writer, 1, "model.load", "m", 0, false);
	wire_send_frame_passing(trial.fd, &trial.writer, &file, 1);
	ck_assert(wire_receive(trial.fd, &reply));
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	reply_finish(&reply);
	model_file_finish(&model);
	close(file);
}

static bool has(struct tfl_string text, const char *part)
{
	return memmem(text.text, text.length, part, strlen(part)) != NULL;
}

bool trial_changed(const char *kind, uint64_t version, const char *reason)
{
	char path[64];
	uint32_t count;

	trial_call("changes", version);
	count = wire_count(trial.answer.message.result, "changes");
	for (uint32_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "changes.%u.kind", i);
		if (!tfl_string_equal(wire_string(trial.answer.message.result, path), kind))
			continue;
		snprintf(path, sizeof(path), "changes.%u.reason", i);
		if (has(wire_string(trial.answer.message.result, path), reason))
			return true;
	}
	return false;
}

bool trial_is(const char *state)
{
	trial_call("trial.get", 0);
	return tfl_string_equal(wire_string(trial.answer.message.result, "state"), state);
}

void trial_expect_state(uint64_t version, const char *state, const char *reason)
{
	do {
		usleep(1000);
		trial_call("model.describe", version);
	} while (tfl_string_equal(wire_string(trial.answer.message.result, "state"), "UNLOADING"));
	ck_assert(tfl_string_equal(wire_string(trial.answer.message.result, "state"), state));
	ck_assert(has(wire_string(trial.answer.message.result, "reason"), reason));
}

/* ---- A daemon ---- */

void trial_begin_with(const struct recipe *recipe, const char *configuration)
{
	struct model_file model = make(recipe);

	daemon_prepare(&trial.tfld);
	daemon_add_model(&trial.tfld, "m", 1, model.data, model.size);
	model_file_finish(&model);
	daemon_start(&trial.tfld, configuration);
	daemon_wait_ready(&trial.tfld);
	trial.fd = daemon_connect(&trial.tfld);
}

void trial_begin(const char *configuration)
{
	trial_begin_with(&trial_sound, configuration);
}

void trial_setup(void)
{
	tfl_writer_init(&trial.writer);
	trial.answer = (struct reply){0};
}

void trial_teardown(void)
{
	reply_finish(&trial.answer);
	tfl_writer_finish(&trial.writer);
	if (!trial.tfld.pid)
		return;
	close(trial.fd);
	daemon_stop(&trial.tfld);
}

void trial_again(const char *configuration)
{
	close(trial.fd);
	daemon_restart(&trial.tfld, configuration);
	daemon_wait_ready(&trial.tfld);
	trial.fd = daemon_connect(&trial.tfld);
}

void trial_swap_in(const struct recipe *recipe, const char *configuration)
{
	trial_begin(configuration);
	trial_load(recipe);
	for (unsigned i = 0; i < TRIAL_SEEN_BEFORE; i++)
		ck_assert_uint_eq(trial_ask(0), 1);
	trial_call("model.swap", 2);
	ck_assert(wire_bool(trial.answer.message.result, "trial"));
	ck_assert(trial_is("running"));
}

void trial_expect_rejected(const char *reason)
{
	ck_assert(trial_is("none"));
	ck_assert_uint_eq(wire_uint(trial.answer.message.result, "active"), 1);
	ck_assert_uint_eq(wire_uint(trial.answer.message.result, "rejected.0.version"), 2);
	ck_assert_msg(has(wire_string(trial.answer.message.result, "rejected.0.reason"), reason), "%.*s",
		      TFL_STRING_ARGS(wire_string(trial.answer.message.result, "rejected.0.reason")));
	ck_assert(trial_changed("rejected", 2, reason));
}
