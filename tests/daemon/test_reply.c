/* SPDX-License-Identifier: MIT */
/* Failures as they arrive at the other end of a socketpair: status, sentence, and what a frame may not carry. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/account.h"
#include "daemon/channel.h"
#include "daemon/outbox.h"
#include "daemon/reply.h"
#include "proto/message.h"
#include "proto/writer.h"
#include "tests/daemon/suites.h"

static struct tfl_accounts *accounts;
static struct tfl_outbox *outbox;
static struct tfl_channel *channel;
static struct tfl_writer writer;
static int peer;

static void wake(void *data)
{
}

static void setup(void)
{
	static const uint64_t limits[TFL_QUOTA_COUNT] = {1, 1, 1 << 20};
	struct tfl_account *account;
	int fds[2];

	ck_assert_int_eq(tfl_accounts_create(limits, &accounts), 0);
	ck_assert_int_eq(tfl_accounts_get(accounts, 1, &account), 0);
	ck_assert_int_eq(tfl_outbox_create(wake, NULL, &outbox), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	ck_assert_int_eq(tfl_channel_create(fds[0], account, outbox, 1 << 20, NULL, &channel), 0);
	peer = fds[1];
	tfl_writer_init(&writer);
}

static void teardown(void)
{
	tfl_writer_finish(&writer);
	tfl_channel_unref(channel);
	tfl_outbox_destroy(outbox);
	tfl_accounts_destroy(accounts);
	close(peer);
}

/* The message that was sent; valid until the next call. */
static struct tfl_message receive(void)
{
	static uint8_t data[4096];
	struct tfl_message message;
	ssize_t size = read(peer, data, sizeof(data));
	struct tfl_error error;

	ck_assert_int_gt(size, 4);
	ck_assert_msg(tfl_message_parse((struct tfl_slice){data + 4, (size_t)size - 4}, &message, &error) == 0, "%s", error.text);
	return message;
}

static void expect(const struct tfl_failure *failure, enum tfl_status status, const char *text)
{
	ck_assert_int_eq(failure->status, status);
	ck_assert_msg(tfl_string_equal(failure->message, text), "'%.*s' instead of '%s'", TFL_STRING_ARGS(failure->message), text);
}

START_TEST(every_errno_has_a_status)
{
	static const struct {
		int code;
		enum tfl_status status;
	} cases[] = {
		{-EINVAL, TFL_INVALID_ARGUMENT}, {-ENOENT, TFL_NOT_FOUND}, {-EEXIST, TFL_ALREADY_EXISTS}, {-EPERM, TFL_PERMISSION_DENIED},
		{-ENOBUFS, TFL_RESOURCE_EXHAUSTED}, {-EDQUOT, TFL_RESOURCE_EXHAUSTED}, {-ENOMEM, TFL_RESOURCE_EXHAUSTED},
		{-ETIME, TFL_DEADLINE_EXCEEDED}, {-ECANCELED, TFL_CANCELLED}, {-EAGAIN, TFL_UNAVAILABLE}, {-ESHUTDOWN, TFL_UNAVAILABLE},
		{-ENOSYS, TFL_UNIMPLEMENTED}, {-EOPNOTSUPP, TFL_UNSUPPORTED_MODEL}, {-ENOEXEC, TFL_INVALID_MODEL},
		{-EBADMSG, TFL_PROTOCOL_ERROR}, {-EIO, TFL_INTERNAL}, {-EXDEV, TFL_INTERNAL},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(tfl_status_from_errno(cases[i].code), cases[i].status);
}
END_TEST

START_TEST(a_failure_arrives)
{
	struct tfl_error error = {-ENOENT, "there is no model 'x'"};
	struct tfl_message message;

	ck_assert_int_eq(tfl_reply_failure(channel, &writer, 77, &error), 0);
	message = receive();
	ck_assert_int_eq(message.kind, TFL_MESSAGE_REPLY);
	ck_assert_uint_eq(message.msgid, 77);
	ck_assert(message.failed);
	expect(&message.failure, TFL_NOT_FOUND, "there is no model 'x'");
}
END_TEST

START_TEST(a_sentence_that_is_not_utf8_is_mended)
{
	struct tfl_error error = {-EINVAL, "tensor 'caf\xe9'"};
	struct tfl_message message;

	ck_assert_int_eq(tfl_reply_failure(channel, &writer, 1, &error), 0);
	message = receive();
	expect(&message.failure, TFL_INVALID_ARGUMENT, "tensor 'caf?'");
}
END_TEST

START_TEST(an_error_without_a_sentence_gets_one)
{
	struct tfl_error error = {-ENOMEM, ""};
	struct tfl_message message;

	ck_assert_int_eq(tfl_reply_failure(channel, &writer, 1, &error), 0);
	message = receive();
	expect(&message.failure, TFL_RESOURCE_EXHAUSTED, strerror(ENOMEM));
}
END_TEST

START_TEST(a_fault_is_a_notification)
{
	struct tfl_error error = {-EBADMSG, "no frame"};
	struct tfl_failure failure;
	struct tfl_message message;

	ck_assert_int_eq(tfl_reply_fault(channel, &writer, &error), 0);
	message = receive();
	ck_assert_int_eq(message.kind, TFL_MESSAGE_NOTIFICATION);
	ck_assert_int_eq(tfl_failure_parse(message.params, &failure, NULL), 0);
	expect(&failure, TFL_PROTOCOL_ERROR, "no frame");
}
END_TEST

START_TEST(a_reply_that_cannot_be_written_fails_instead)
{
	struct tfl_message message;

	tfl_writer_begin(&writer);
	tfl_message_reply(&writer, 5);
	tfl_writer_map(&writer, 2);
	tfl_writer_text(&writer, "one entry");
	tfl_writer_bool(&writer, true);
	ck_assert_int_eq(tfl_reply_send(channel, &writer, 5), 0);
	message = receive();
	ck_assert(message.failed);
	ck_assert_uint_eq(message.msgid, 5);
	ck_assert_int_eq(message.failure.status, TFL_INTERNAL);
}
END_TEST

START_TEST(names_that_are_not_utf8_are_left_out)
{
	ck_assert(tfl_string_equal(tfl_reply_name("caf\xc3\xa9"), "caf\xc3\xa9"));
	ck_assert(tfl_string_equal(tfl_reply_name("caf\xe9"), ""));
	ck_assert_ptr_nonnull(tfl_reply_name("\xff").text);
}
END_TEST

Suite *reply_suite(void)
{
	Suite *suite = suite_create("reply");
	TCase *tcase = tcase_create("failures");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, every_errno_has_a_status);
	tcase_add_test(tcase, a_failure_arrives);
	tcase_add_test(tcase, a_sentence_that_is_not_utf8_is_mended);
	tcase_add_test(tcase, an_error_without_a_sentence_gets_one);
	tcase_add_test(tcase, a_fault_is_a_notification);
	tcase_add_test(tcase, a_reply_that_cannot_be_written_fails_instead);
	tcase_add_test(tcase, names_that_are_not_utf8_are_left_out);
	suite_add_tcase(suite, tcase);
	return suite;
}
