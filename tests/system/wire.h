/* SPDX-License-Identifier: MIT */
/*
 * Frames over a socket, as raw as a test wants them. Like the harness: what fails ends the test. Nothing waits longer than PATIENCE_NS.
 */
#ifndef TESTS_SYSTEM_WIRE_H
#define TESTS_SYSTEM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/tfl-types.h"
#include "proto/message.h"
#include "proto/view.h"
#include "proto/writer.h"

/* A received frame. The message has views into it. */
struct reply {
	uint8_t *data;
	size_t size;
	struct tfl_message message;
};

void reply_finish(struct reply *reply);

/** Sends all of it. */
void wire_send(int fd, const void *data, size_t size);
void wire_send_text(int fd, const char *bytes); /* up to the NUL */
void wire_send_frame(int fd, struct tfl_writer *writer);

/** Puts a frame behind the @p size bytes that are in @p data already, where there has to be room for it; the bytes that there are then. */
size_t wire_append(void *data, size_t room, size_t size, struct tfl_writer *writer);

/** Two frames in one piece: the daemon has the second before anything that the first sets going can end. */
void wire_send_both(int fd, struct tfl_writer *first, struct tfl_writer *second);

/**
 * Sends @p count requests without params (msgid 0 and so on) in one piece, and another one on @p other, to a daemon that is held still meanwhile: it finds
 * both at the same time. How many requests it had had when it answered that one.
 */
uint64_t wire_send_crowd(pid_t daemon, int fd, const char *method, uint32_t count, int other);

/** Sends with the descriptors @p fds in the same message. */
void wire_send_passing(int fd, const void *data, size_t size, const int *fds, unsigned count);
void wire_send_frame_passing(int fd, struct tfl_writer *writer, const int *fds, unsigned count);

/** Waits until there is something to read, and leaves it there. */
void wire_wait_input(int fd);

/** The next frame. False when the stream ended or was reset instead. */
bool wire_receive(int fd, struct reply *ret_reply);

/** The stream must end here, without another frame. */
void wire_expect_end(int fd);

/** The notification that cancels a request. */
void wire_cancel(int fd, uint32_t msgid);

/** A request without params, and its reply (msgid 1), which must not be a failure. */
void wire_call(int fd, const char *method, struct reply *ret_reply);

/** Begins a request in @p writer; its map of params has to follow. */
void wire_begin(struct tfl_writer *writer, uint32_t msgid, const char *method);

/** The same with the params of a method about a model: a version (0: none), "delete". */
void wire_begin_model(struct tfl_writer *writer, uint32_t msgid, const char *method, const char *model, uint64_t version, bool erase);

/** Makes a version the shadow of its model (0: none), and waits until that is so. */
void wire_set_shadow(int fd, const char *model, uint64_t version);

/** The next frame must be the failed reply to @p msgid with this status, and @p part in its sentence. */
void wire_expect_failure(int fd, uint32_t msgid, enum tfl_status status, const char *part);

/** The next frame must be the notification of a broken protocol with this status and @p part in its sentence, and then the stream ends. */
void wire_expect_broken(int fd, enum tfl_status status, const char *part);

/** The daemon still answers on this connection. */
void wire_expect_alive(int fd);

/** Looks up "a.b.0.c" in an encoded value; a number is an index of an array. NULL data: not there. */
struct tfl_slice wire_find(struct tfl_slice value, const char *path);

/** The same, of a kind that it must have. */
uint64_t wire_uint(struct tfl_slice value, const char *path);
bool wire_bool(struct tfl_slice value, const char *path);
struct tfl_string wire_string(struct tfl_slice value, const char *path);
uint32_t wire_count(struct tfl_slice value, const char *path); /* entries of an array or map */

#endif
