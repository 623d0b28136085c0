/* SPDX-License-Identifier: MIT */
/* The test's side of the protocol: blocking sockets with a time limit on each wait. */
#include "tests/system/wire.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "proto/reader.h"
#include "proto/request.h"
#include "tests/system/harness.h"

#define BOTH_MAX 4096 /* bytes of two frames that go out together */
#define FRAME_MAX 64  /* of a request without params */

void reply_finish(struct reply *reply)
{
	free(reply->data);
	reply->data = NULL;
}

static void wait_for(int fd, short events)
{
	struct pollfd poller = {.fd = fd, .events = events};

	ck_assert_msg(poll(&poller, 1, (int)(PATIENCE_NS / 1000000)) == 1, "waited too long for %s", events == POLLIN ? "input" : "room for output");
}

void wire_send(int fd, const void *data, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EAGAIN) {
			wait_for(fd, POLLOUT);
			continue;
		}
		ck_assert_msg(sent > 0, "send: %s", strerror(errno));
		data = (const char *)data + sent;
		size -= (size_t)sent;
	}
}

void wire_send_text(int fd, const char *bytes)
{
	wire_send(fd, bytes, strlen(bytes));
}

static void check_writer(const struct tfl_writer *writer)
{
	struct tfl_error error = {0};

	ck_assert_msg(tfl_writer_check(writer, &error) == 0, "the test writes a bad frame: %s", error.text);
}

void wire_send_frame(int fd, struct tfl_writer *writer)
{
	struct iovec *iov;
	unsigned count;

	check_writer(writer);
	tfl_writer_iovec(writer, 0, &iov, &count);
	for (unsigned i = 0; i < count; i++)
		wire_send(fd, iov[i].iov_base, iov[i].iov_len);
}

size_t wire_append(void *data, size_t room, size_t size, struct tfl_writer *writer)
{
	struct iovec *iov;
	unsigned count;

	check_writer(writer);
	tfl_writer_iovec(writer, 0, &iov, &count);
	for (unsigned i = 0; i < count; size += iov[i++].iov_len) {
		ck_assert_uint_le(size + iov[i].iov_len, room);
		memcpy((uint8_t *)data + size, iov[i].iov_base, iov[i].iov_len);
	}
	return size;
}

void wire_send_both(int fd, struct tfl_writer *first, struct tfl_writer *second)
{
	uint8_t data[BOTH_MAX];
	size_t size = wire_append(data, sizeof(data), 0, first);

	wire_send(fd, data, wire_append(data, sizeof(data), size, second));
}

uint64_t wire_send_crowd(pid_t daemon, int fd, const char *method, uint32_t count, int other)
{
	size_t room = count * FRAME_MAX, size = 0;
	uint8_t *data = malloc(room);
	struct tfl_writer writer;
	struct reply reply;
	uint64_t requests;

	tfl_writer_init(&writer);
	for (uint32_t i = 0; i < count; i++) {
		wire_begin(&writer, i, method);
		tfl_writer_map(&writer, 0);
		size = wire_append(data, room, size, &writer);
	}
	ck_assert_int_eq(kill(daemon, SIGSTOP), 0);
	wire_send(fd, data, size);
	wire_begin(&writer, 1, TFL_METHOD_STATS);
	tfl_writer_map(&writer, 0);
	wire_send_frame(other, &writer);
	ck_assert_int_eq(kill(daemon, SIGCONT), 0);
	ck_assert(wire_receive(other, &reply));
	requests = wire_uint(reply.message.result, "requests");
	reply_finish(&reply);
	tfl_writer_finish(&writer);
	free(data);
	return requests;
}

static void send_passing(int fd, struct iovec *iov, unsigned iov_count, const int *fds, unsigned count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(64 * sizeof(int))];
	} control = {0};
	struct msghdr message = {
		.msg_iov = iov, .msg_iovlen = iov_count, .msg_control = &control, .msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	size_t size = 0;

	for (unsigned i = 0; i < iov_count; i++)
		size += iov[i].iov_len;
	control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof(int))};
	memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	ck_assert_int_eq(sendmsg(fd, &message, MSG_NOSIGNAL), (ssize_t)size);
}

void wire_send_passing(int fd, const void *data, size_t size, const int *fds, unsigned count)
{
	struct iovec iov = {(void *)data, size};

	send_passing(fd, &iov, 1, fds, count);
}

void wire_send_frame_passing(int fd, struct tfl_writer *writer, const int *fds, unsigned count)
{
	struct iovec *iov;
	unsigned iov_count;

	check_writer(writer);
	tfl_writer_iovec(writer, 0, &iov, &iov_count);
	send_passing(fd, iov, iov_count, fds, count);
}

void wire_wait_input(int fd)
{
	wait_for(fd, POLLIN);
}

/* Bytes that came; fewer than @p size at the stream's end. */
static size_t receive_all(int fd, void *data, size_t size)
{
	size_t filled = 0;

	while (filled < size) {
		ssize_t received;

		wait_for(fd, POLLIN);
		received = recv(fd, (char *)data + filled, size - filled, 0);
		if (received == 0 || (received < 0 && (errno == ECONNRESET || errno == EPIPE)))
			break;
		ck_assert_msg(received > 0, "recv: %s", strerror(errno));
		filled += (size_t)received;
	}
	return filled;
}

bool wire_receive(int fd, struct reply *ret_reply)
{
	struct tfl_error error = {0};
	struct reply reply;
	uint32_t length;

	if (receive_all(fd, &length, sizeof(length)) < sizeof(length))
		return false;
	reply.size = ntohl(length);
	ck_assert_uint_le(reply.size, TFL_FRAME_MAX);
	reply.data = malloc(reply.size);
	ck_assert_uint_eq(receive_all(fd, reply.data, reply.size), reply.size);
	ck_assert_msg(tfl_message_parse((struct tfl_slice){reply.data, reply.size}, &reply.message, &error) == 0,
		      "the daemon sent a bad frame: %s", error.text);
	*ret_reply = reply;
	return true;
}

void wire_expect_end(int fd)
{
	char byte;

	ck_assert_msg(receive_all(fd, &byte, 1) == 0, "the stream goes on");
}

void wire_begin(struct tfl_writer *writer, uint32_t msgid, const char *method)
{
	tfl_writer_begin(writer);
	tfl_message_request(writer, msgid, method);
}

void wire_begin_model(struct tfl_writer *writer, uint32_t msgid, const char *method, const char *model, uint64_t version, bool erase)
{
	wire_begin(writer, msgid, method);
	tfl_writer_map(writer, 1 + (version > 0) + erase);
	tfl_writer_text(writer, "model");
	tfl_writer_text(writer, model);
	if (version) {
		tfl_writer_text(writer, "version");
		tfl_writer_uint64(writer, version);
	}
	if (erase) {
		tfl_writer_text(writer, "delete");
		tfl_writer_bool(writer, true);
	}
}

void wire_cancel(int fd, uint32_t msgid)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	tfl_writer_begin(&writer);
	tfl_cancel_write(&writer, msgid);
	wire_send_frame(fd, &writer);
	tfl_writer_finish(&writer);
}

void wire_set_shadow(int fd, const char *model, uint64_t version)
{
	struct tfl_writer writer;
	struct reply reply;

	tfl_writer_init(&writer);
	wire_begin(&writer, 1, "route.set");
	tfl_writer_map(&writer, 2);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, model);
	tfl_writer_text(&writer, version ? "shadow" : "no_shadow");
	if (version)
		tfl_writer_uint64(&writer, version);
	else
		tfl_writer_bool(&writer, true);
	wire_send_frame(fd, &writer);
	tfl_writer_finish(&writer);
	ck_assert(wire_receive(fd, &reply));
	ck_assert_msg(!reply.message.failed, "%.*s", TFL_STRING_ARGS(reply.message.failure.message));
	reply_finish(&reply);
}

void wire_call(int fd, const char *method, struct reply *ret_reply)
{
	struct tfl_writer writer;

	tfl_writer_init(&writer);
	wire_begin(&writer, 1, method);
	tfl_writer_map(&writer, 0);
	wire_send_frame(fd, &writer);
	tfl_writer_finish(&writer);
	ck_assert(wire_receive(fd, ret_reply));
	ck_assert_int_eq(ret_reply->message.kind, TFL_MESSAGE_REPLY);
	ck_assert_uint_eq(ret_reply->message.msgid, 1);
	ck_assert_msg(!ret_reply->message.failed, "%s failed: %.*s", method, TFL_STRING_ARGS(ret_reply->message.failure.message));
}

static void expect_failure(const struct tfl_failure *failure, enum tfl_status status, const char *part)
{
	char text[TFL_FAILURE_MESSAGE_MAX + 1];

	ck_assert_uint_lt(failure->message.length, sizeof(text));
	memcpy(text, failure->message.text, failure->message.length);
	text[failure->message.length] = '\0';
	ck_assert_msg(failure->status == status, "status %d (%s) instead of %d", failure->status, text, status);
	ck_assert_msg(strstr(text, part) != NULL, "'%s' lacks '%s'", text, part);
}

void wire_expect_failure(int fd, uint32_t msgid, enum tfl_status status, const char *part)
{
	struct reply reply;

	ck_assert(wire_receive(fd, &reply));
	ck_assert_int_eq(reply.message.kind, TFL_MESSAGE_REPLY);
	ck_assert_uint_eq(reply.message.msgid, msgid);
	ck_assert(reply.message.failed);
	expect_failure(&reply.message.failure, status, part);
	reply_finish(&reply);
}

void wire_expect_broken(int fd, enum tfl_status status, const char *part)
{
	struct tfl_error error = {0};
	struct tfl_failure failure;
	struct reply reply;

	ck_assert(wire_receive(fd, &reply));
	ck_assert_int_eq(reply.message.kind, TFL_MESSAGE_NOTIFICATION);
	ck_assert(tfl_string_equal(reply.message.method, TFL_NOTIFY_ERROR));
	ck_assert_int_eq(tfl_failure_parse(reply.message.params, &failure, &error), 0);
	expect_failure(&failure, status, part);
	reply_finish(&reply);
	wire_expect_end(fd);
}

void wire_expect_alive(int fd)
{
	struct reply reply;

	wire_call(fd, "health", &reply);
	ck_assert(wire_bool(reply.message.result, "live"));
	reply_finish(&reply);
}

/* The value behind one step of a path. */
static struct tfl_slice descend(struct tfl_slice value, const char *step, size_t length)
{
	struct tfl_reader reader = tfl_reader_of(value);
	struct tfl_slice entry = {0};
	struct tfl_string key;
	uint32_t count;

	if (tfl_reader_peek(&reader) == TFL_KIND_ARRAY) {
		unsigned long index = strtoul(step, NULL, 10);

		ck_assert_int_eq(tfl_reader_array(&reader, "array", UINT32_MAX, &count, NULL), 0);
		for (unsigned long i = 0; i <= index && i < count; i++)
			ck_assert_int_eq(tfl_reader_skip(&reader, "element", &entry, NULL), 0);
		return index < count ? entry : (struct tfl_slice){0};
	}
	ck_assert_int_eq(tfl_reader_map(&reader, "map", UINT32_MAX, &count, NULL), 0);
	for (uint32_t i = 0; i < count; i++) {
		ck_assert_int_eq(tfl_reader_string(&reader, "key", 1024, &key, NULL), 0);
		ck_assert_int_eq(tfl_reader_skip(&reader, "value", &entry, NULL), 0);
		if (key.length == length && memcmp(key.text, step, length) == 0)
			return entry;
	}
	return (struct tfl_slice){0};
}

struct tfl_slice wire_find(struct tfl_slice value, const char *path)
{
	while (*path && value.data) {
		size_t length = strcspn(path, ".");

		value = descend(value, path, length);
		path += length + (path[length] == '.');
	}
	return value;
}

static struct tfl_reader found(struct tfl_slice value, const char *path)
{
	struct tfl_slice at = wire_find(value, path);

	ck_assert_msg(at.data != NULL, "there is no '%s'", path);
	return tfl_reader_of(at);
}

uint64_t wire_uint(struct tfl_slice value, const char *path)
{
	struct tfl_reader reader = found(value, path);
	uint64_t number;

	ck_assert_int_eq(tfl_reader_uint64(&reader, path, &number, NULL), 0);
	return number;
}

bool wire_bool(struct tfl_slice value, const char *path)
{
	struct tfl_reader reader = found(value, path);
	bool flag;

	ck_assert_int_eq(tfl_reader_bool(&reader, path, &flag, NULL), 0);
	return flag;
}

struct tfl_string wire_string(struct tfl_slice value, const char *path)
{
	struct tfl_reader reader = found(value, path);
	struct tfl_string string;

	ck_assert_int_eq(tfl_reader_string(&reader, path, SIZE_MAX, &string, NULL), 0);
	return string;
}

uint32_t wire_count(struct tfl_slice value, const char *path)
{
	struct tfl_reader reader = found(value, path);
	uint32_t count;

	if (tfl_reader_peek(&reader) == TFL_KIND_ARRAY)
		ck_assert_int_eq(tfl_reader_array(&reader, path, UINT32_MAX, &count, NULL), 0);
	else
		ck_assert_int_eq(tfl_reader_map(&reader, path, UINT32_MAX, &count, NULL), 0);
	return count;
}
