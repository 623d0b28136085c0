/* SPDX-License-Identifier: MIT */
#include "tests/system/endless.h"

#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "proto/request.h"
#include "tests/system/models.h"
#include "tests/system/wire.h"

void endless_configure(const struct daemon *daemon, const char *settings)
{
	char path[256];
	FILE *conf;

	snprintf(path, sizeof(path), "%s/endless", daemon->models);
	ck_assert_msg(mkdir(path, 0755) == 0 || errno == EEXIST, "%s: %m", path);
	snprintf(path, sizeof(path), "%s/endless/model.conf", daemon->models);
	conf = fopen(path, "we");
	ck_assert_msg(conf != NULL, "%s: %m", path);
	ck_assert_int_gt(fprintf(conf, "[model]\nloop_time = 10min\nloop_iterations = 1000000000000\n%s", settings ? settings : ""), 0);
	ck_assert_int_eq(fclose(conf), 0);
}

void endless_add(const struct daemon *daemon, const char *settings)
{
	struct model_file file = model_loop();

	daemon_add_model(daemon, "endless", 1, file.data, file.size);
	model_file_finish(&file);
	endless_configure(daemon, settings);
}

static void send_times(int fd, uint32_t msgid, float times)
{
	struct tfl_infer_head head = {.model = tfl_string_of("endless"), .timeout_us = 60000000, .dtype = TFL_DTYPE_COUNT};
	struct tfl_wire_tensor input = {.dtype = TFL_FLOAT32, .shape = {2, {1, 1}}, .data = {(const uint8_t *)&times, sizeof(times)}};

	send_infer(fd, msgid, &head, &input, 1, NULL, 0);
}

void endless_send(int fd, uint32_t msgid)
{
	send_times(fd, msgid, INFINITY);
}

void endless_send_brief(int fd, uint32_t msgid)
{
	send_times(fd, msgid, 3);
}

void endless_hold(const struct daemon *daemon, int fd, uint32_t msgid)
{
	endless_send(fd, msgid);
	daemon_wait_busy(daemon, 1);
}

void endless_end(int fd, uint32_t msgid)
{
	wire_cancel(fd, msgid);
	wire_expect_failure(fd, msgid, TFL_CANCELLED, "cancelled"); /* a worker that has taken it may not have come to it */
}
