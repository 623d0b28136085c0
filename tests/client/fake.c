/* SPDX-License-Identifier: MIT */
/*
 * Everything here asserts: a fake that fails silently would make tests of failures pass. Sending to a peer that is gone is the exception,
 * because tests let clients go.
 */
#include "tests/client/fake.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/util.h"
#include "proto/request.h"
#include "proto/response.h"

static void *run(void *data)
{
	struct fake *fake = data;
	int fd;

	for (unsigned connection = 0;; connection++) {
		fd = accept(fake->listen_fd, NULL, NULL);
		if (fd < 0)
			return NULL;
		fake->fd = fd;
		tfl_assembler_init(&fake->assembler, TFL_FRAME_MAX, NULL);
		fake->serve(fake, connection);
		tfl_assembler_finish(&fake->assembler);
		tfl_frame_finish(&fake->frame);
		fake->fd = -1;
		close(fd);
		fake->served++;
	}
}

void fake_start(struct fake *fake, void (*serve)(struct fake *fake, unsigned connection), void *data)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *folder;
	int r;

	*fake = (struct fake){.folder = "/tmp/tfl-client-XXXXXX", .serve = serve, .data = data, .fd = -1, .passed_fd = -1};
	tfl_writer_init(&fake->writer);
	folder = mkdtemp(fake->folder);
	assert(folder);
	snprintf(fake->path, sizeof(fake->path), "%s/sock", fake->folder);
	strcpy(address.sun_path, fake->path);
	fake->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	r = bind(fake->listen_fd, (struct sockaddr *)&address, sizeof(address));
	assert(r == 0);
	r = listen(fake->listen_fd, 16);
	assert(r == 0);
	r = pthread_create(&fake->thread, NULL, run, fake);
	assert(r == 0);
}

void fake_wait_served(const struct fake *fake, unsigned count)
{
	while (fake->served < count)
		usleep(500);
}

void fake_stop(struct fake *fake)
{
	int fd = fake->fd;

	shutdown(fake->listen_fd, SHUT_RDWR);
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	pthread_join(fake->thread, NULL);
	tfl_close(fake->listen_fd);
	tfl_close(fake->passed_fd);
	tfl_writer_finish(&fake->writer);
	unlink(fake->path);
	rmdir(fake->folder);
}

/* As recv(), and keeps a descriptor that came along. */
static ssize_t receive_some(struct fake *fake, void *space, size_t size)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {space, size};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fake->fd, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(&fake->passed_fd, CMSG_DATA(header), sizeof(int));
	return n;
}

/* The next message of any kind. */
static bool receive_message(struct fake *fake, struct tfl_message *ret_message)
{
	uint8_t *space;
	size_t size;
	ssize_t n;
	int r;

	tfl_frame_finish(&fake->frame);
	for (;;) {
		r = tfl_assembler_next(&fake->assembler, &fake->frame, NULL);
		assert(r >= 0);
		if (r > 0)
			break;
		r = tfl_assembler_space(&fake->assembler, &space, &size, NULL);
		assert(r == 0);
		n = receive_some(fake, space, size);
		if (n <= 0)
			return false;
		tfl_assembler_fill(&fake->assembler, (size_t)n);
	}
	r = tfl_message_parse((struct tfl_slice){fake->frame.data, fake->frame.size}, ret_message, NULL);
	assert(r == 0);
	return true;
}

bool fake_receive(struct fake *fake, struct tfl_message *ret_message)
{
	uint32_t msgid;
	int r;

	while (receive_message(fake, ret_message)) {
		if (ret_message->kind == TFL_MESSAGE_REQUEST) {
			fake->requests++;
			return true;
		}
		assert(tfl_string_equal(ret_message->method, TFL_NOTIFY_CANCEL));
		r = tfl_cancel_parse(ret_message->params, &msgid, NULL);
		assert(r == 0);
		fake->last_cancel = msgid;
		fake->cancels++;
	}
	return false;
}

bool fake_send_bytes(struct fake *fake, const void *bytes, size_t size)
{
	ssize_t n;

	for (size_t sent = 0; sent < size; sent += (size_t)n) {
		n = send(fake->fd, (const char *)bytes + sent, size - sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			return false;
	}
	return true;
}

bool fake_send(struct fake *fake)
{
	size_t size = tfl_writer_size(&fake->writer);
	uint8_t *bytes = malloc(size);
	bool sent;

	assert(bytes && tfl_writer_check(&fake->writer, NULL) == 0);
	tfl_writer_copy(&fake->writer, 0, bytes);
	sent = fake_send_bytes(fake, bytes, size);
	free(bytes);
	return sent;
}

void fake_write_echo(struct fake *fake, const struct tfl_message *request)
{
	struct tfl_infer_served served = {.version = 7, .wait_ns = 1000, .compute_ns = 2000};
	struct tfl_infer_request parsed;
	int r;

	assert(tfl_string_equal(request->method, TFL_METHOD_INFER));
	r = tfl_infer_request_parse(request->params, &parsed, NULL);
	assert(r == 0);
	served.model = parsed.head.model.text ? parsed.head.model : tfl_string_of("digits"); /* a session names none */
	tfl_infer_response_begin(&fake->writer, request->msgid, &served, parsed.inputs.count);
	for (uint32_t i = 0; i < parsed.inputs.count; i++) {
		struct tfl_wire_tensor tensor = *tfl_tensor_list_at(&parsed.inputs, i);

		tensor.index = (int32_t)i;
		if (!tensor.name.text)
			tensor.name = tfl_string_of(i == 0 ? "first" : "other");
		tfl_wire_tensor_write(&fake->writer, &tensor);
	}
	tfl_infer_request_finish(&parsed);
}

void fake_serve_echo(struct fake *fake, unsigned connection)
{
	struct tfl_message request;

	while (fake_receive(fake, &request)) {
		fake_write_echo(fake, &request);
		if (!fake_send(fake))
			return;
	}
}

void fake_wait_end(const struct fake *fake)
{
	struct pollfd poller = {.fd = fake->fd};

	while (poll(&poller, 1, -1) < 0)
		;
}

void fake_serve_silence(struct fake *fake, unsigned connection)
{
	struct tfl_message request;

	while (fake_receive(fake, &request))
		;
}
