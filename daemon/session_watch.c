/* SPDX-License-Identifier: MIT */
#include "daemon/session_watch.h"

#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/server.h"
#include "daemon/sessions.h"
#include "proto/message.h"
#include "proto/writer.h"

static void on_wake(void *data)
{
	struct tfl_server *server = data;

	tfl_sessions_collect(server->sessions);
}

static void on_alarm(uv_timer_t *timer)
{
	struct tfl_server *server = timer->data;

	tfl_sessions_expire(server->sessions, tfl_clock_ns());
}

/* A millisecond late rather than early, which would be one alarm more. */
static void set_alarm(void *data, uint64_t due_ns)
{
	struct tfl_server *server = data;
	uint64_t now = tfl_clock_ns();

	if (due_ns)
		uv_timer_start(&server->session_watch.alarm, on_alarm, due_ns > now ? (due_ns - now) / 1000000 + 1 : 0, 0);
	else
		uv_timer_stop(&server->session_watch.alarm);
}

static void on_closed(void *data, struct tfl_channel *channel, uint32_t msgid)
{
	struct tfl_server *server = data;
	struct tfl_writer *writer = &server->executor.writer;

	tfl_writer_begin(writer);
	tfl_message_reply(writer, msgid);
	tfl_writer_map(writer, 0);
	tfl_channel_send_writer(channel, writer);
	tfl_channel_release(channel);
}

int tfl_session_watch_init(struct tfl_session_watch *watch, struct tfl_server *server)
{
	const struct tfl_sessions_options options = {
		.loader = &server->loader,
		.scheduler = &server->scheduler,
		.wake = tfl_wakeup_send,
		.wake_data = &watch->wake,
		.alarm = set_alarm,
		.alarm_data = server,
		.closed = on_closed,
		.closed_data = server,
	};
	int r = tfl_wakeup_init(&watch->wake, &server->loop, on_wake, server);

	if (r < 0)
		return r;
	uv_timer_init(&server->loop, &watch->alarm);
	watch->alarm.data = server;
	watch->open = true;
	return tfl_sessions_create(&options, &server->sessions);
}

void tfl_session_watch_close(struct tfl_session_watch *watch)
{
	if (!watch->open)
		return;
	tfl_wakeup_close(&watch->wake);
	uv_close((uv_handle_t *)&watch->alarm, NULL);
	watch->open = false;
}
