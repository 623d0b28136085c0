/* SPDX-License-Identifier: MIT */
#include "tests/system/record_scene.h"

#include <unistd.h>

#include "tests/system/models.h"

struct record_scene record;

void record_setup(void)
{
	daemon_prepare(&record.tfld);
	add_tiny(&record.tfld);
	add_slow(&record.tfld, 2);
	add_scores(&record.tfld);
	daemon_start(&record.tfld, NULL);
	daemon_wait_ready(&record.tfld);
	record.fd = daemon_connect(&record.tfld);
	record.admin = daemon_connect(&record.tfld);
}

void record_teardown(void)
{
	close(record.fd);
	close(record.admin);
	daemon_stop(&record.tfld);
}

static void write_uint(struct tfl_writer *writer, const char *key, uint64_t value)
{
	if (!value)
		return;
	tfl_writer_text(writer, key);
	tfl_writer_uint64(writer, value);
}

void record_send_plan(const struct record_plan *plan)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	wire_begin(&writer, 7, "record.start");
	tfl_writer_map(&writer, 1 + (plan->version > 0) + (plan->count > 0) + (plan->every > 0) + (plan->interval_ms > 0) + plan->outputs);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, plan->model);
	write_uint(&writer, "version", plan->version);
	write_uint(&writer, "count", plan->count);
	write_uint(&writer, "every", plan->every);
	write_uint(&writer, "interval_ms", plan->interval_ms);
	if (plan->outputs) {
		tfl_writer_text(&writer, "outputs");
		tfl_writer_bool(&writer, true);
	}
	wire_send_frame(record.admin, &writer);
	tfl_writer_finish(&writer);
}

void record_receive(struct reply *ret_reply)
{
	ck_assert(wire_receive(record.admin, ret_reply));
	ck_assert_msg(!ret_reply->message.failed, "%.*s", TFL_STRING_ARGS(ret_reply->message.failure.message));
}

void record_start(const struct record_plan *plan)
{
	struct reply reply;

	record_send_plan(plan);
	record_receive(&reply);
	ck_assert(wire_bool(reply.message.result, "recording"));
	reply_finish(&reply);
}

void record_ask(const char *method, const char *model, struct reply *ret_reply)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	wire_begin_model(&writer, 8, method, model, 0, false);
	wire_send_frame(record.admin, &writer);
	tfl_writer_finish(&writer);
	record_receive(ret_reply);
}

uint64_t record_wait_for_end(const char *model)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	struct reply reply;
	uint64_t kept;
	bool over;

	do {
		record_ask("record.get", model, &reply);
		over = !wire_bool(reply.message.result, "recording");
		kept = wire_uint(reply.message.result, "kept");
		reply_finish(&reply);
		ck_assert_msg(over || now_ns() < until, "the recording does not end; %u are kept", (unsigned)kept);
		if (!over)
			usleep(5000);
	} while (!over);
	return kept;
}

void record_serve(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		send_tiny(record.fd, i, 0);
		expect_tiny(record.fd, i);
	}
}
