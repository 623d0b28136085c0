/* SPDX-License-Identifier: MIT */
/*
 * A model that is for some groups alone: whom it serves, who may see what of it, and that another configuration changes that for connections
 * that are open. Clients are children with users and groups of their own, which takes root.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

#define STRANGER 65534
#define CAMERAS 54321 /* a group that nobody is in, so nobody's rights depend on it */
#define OTHERS 54322

static struct daemon tfld;
static struct tfl_writer writer;

static void write_conf(const char *text)
{
	char path[256], temporary[280];
	FILE *file;

	snprintf(path, sizeof(path), "%s/secret/model.conf", tfld.models);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	file = fopen(temporary, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	fclose(file);
	ck_assert_int_eq(rename(temporary, path), 0);
}

static void setup(void)
{
	struct model_file file = model_tiny(false, 1);

	daemon_prepare(&tfld);
	add_tiny(&tfld);
	daemon_add_model(&tfld, "secret", 1, file.data, file.size);
	model_file_finish(&file);
	tfl_writer_init(&writer);
}

static void teardown(void)
{
	tfl_writer_finish(&writer);
	daemon_stop(&tfld);
}

static void start(const char *conf)
{
	write_conf(conf);
	tfld.split = true;
	daemon_start(&tfld, "[sockets]\nmode = 0666\nadmin_mode = 0666\n");
	daemon_wait_ready(&tfld);
}

static void infer_secret(int fd)
{
	const struct tfl_infer_head head = {.model = {"secret", 6}, .dtype = TFL_DTYPE_COUNT};
	const struct tfl_wire_tensor input = tiny_tensor(tiny_input);

	send_infer(fd, 5, &head, &input, 1, NULL, 0);
}

static const char refusal[] = "permission denied: model 'secret' is for members of the group '54321' (allow_groups in its model.conf)";

static void expect_in(int fd)
{
	infer_secret(fd);
	expect_outputs(fd, 5);
}

static void expect_out(int fd)
{
	infer_secret(fd);
	wire_expect_failure(fd, 5, TFL_PERMISSION_DENIED, refusal);
	send_tiny(fd, 6, 0);
	expect_tiny(fd, 6);
}

/* ---- Who ---- */

static void try_as_stranger(void)
{
	expect_out(daemon_connect(&tfld));
}

static void try_as_member(void)
{
	expect_in(daemon_connect(&tfld));
}

static void try_as_administrator(void)
{
	expect_in(daemon_connect_to(tfld.admin_socket));
}

static const gid_t cameras[] = {OTHERS, CAMERAS}, others[] = {OTHERS, OTHERS + 1};

START_TEST(members_may_and_others_may_not)
{
	start("[model]\nallow_groups = 54321\n");
	daemon_as(STRANGER, STRANGER, NULL, 0, try_as_stranger);
	daemon_as(STRANGER, STRANGER, others, 2, try_as_stranger);
	daemon_as(STRANGER, STRANGER, cameras, 2, try_as_member);
	daemon_as(STRANGER, CAMERAS, NULL, 0, try_as_member);
	/* The number of the group is a user here, which means nothing. */
	daemon_as(CAMERAS, STRANGER, NULL, 0, try_as_stranger);
	daemon_as(STRANGER, STRANGER, NULL, 0, try_as_administrator);
	/* The daemon's own user, who runs this. */
	try_as_member();
}
END_TEST

START_TEST(without_groups_everybody_may)
{
	start("");
	daemon_as(STRANGER, STRANGER, NULL, 0, try_as_member);
}
END_TEST

/* ---- What is seen: by every method there is ---- */

static bool mentions(const struct reply *reply, const char *text)
{
	return memmem(reply->data, reply->size, text, strlen(text)) != NULL;
}

/* Params that are right for as many methods as can be; "model" is last, or left out. */
static void ask(int fd, struct tfl_string method, bool about_it)
{
	char name[64];

	snprintf(name, sizeof(name), "%.*s", TFL_STRING_ARGS(method));
	wire_begin(&writer, 9, name);
	tfl_writer_map(&writer, about_it ? 3 : 0);
	if (about_it) {
		tfl_writer_text(&writer, "version");
		tfl_writer_uint64(&writer, 1);
		tfl_writer_text(&writer, "against");
		tfl_writer_uint64(&writer, 1);
		tfl_writer_text(&writer, "model");
		tfl_writer_text(&writer, "secret");
	}
	wire_send_frame(fd, &writer);
}

/* One of the methods subscribes: what is told from then on comes in between, and says nothing of it either. */
static void receive_reply(int fd, struct reply *ret_reply)
{
	ck_assert(wire_receive(fd, ret_reply));
	while (ret_reply->message.kind == TFL_MESSAGE_NOTIFICATION) {
		ck_assert_msg(!mentions(ret_reply, "secret"), "a notification mentions it");
		reply_finish(ret_reply);
		ck_assert(wire_receive(fd, ret_reply));
	}
	ck_assert_uint_eq(ret_reply->message.msgid, 9);
}

/* A reply that says nothing of it, or a refusal. The methods that do not have a model among their params pass over it. */
static void expect_nothing_of_it(int fd, struct tfl_string method, bool about_it)
{
	struct reply reply;

	ask(fd, method, about_it);
	receive_reply(fd, &reply);
	if (reply.message.failed && about_it)
		ck_assert_msg(mentions(&reply, refusal), "%.*s fails otherwise", TFL_STRING_ARGS(method));
	else
		ck_assert_msg(!mentions(&reply, "secret"), "%.*s mentions it", TFL_STRING_ARGS(method));
	reply_finish(&reply);
}

static void look_at_everything(void)
{
	int fd = daemon_connect(&tfld);
	struct reply reply;
	char path[32];
	unsigned asked = 0;

	wire_call(fd, "server.info", &reply);
	for (unsigned i = 0; i < wire_count(reply.message.result, "methods"); i++) {
		snprintf(path, sizeof(path), "methods.%u.right", i);
		if (!tfl_string_equal(wire_string(reply.message.result, path), "read"))
			continue;
		snprintf(path, sizeof(path), "methods.%u.method", i);
		for (unsigned about_it = 0; about_it < 2; about_it++)
			expect_nothing_of_it(fd, wire_string(reply.message.result, path), about_it);
		asked++;
	}
	ck_assert_uint_ge(asked, 12);
	reply_finish(&reply);
	close(fd);
}

static unsigned listed(int fd)
{
	struct reply reply;
	unsigned count;

	wire_call(fd, "model.list", &reply);
	count = wire_count(reply.message.result, "models");
	reply_finish(&reply);
	return count;
}

static void list_as_stranger(void)
{
	ck_assert_uint_eq(listed(daemon_connect(&tfld)), 1);
}

static void list_as_member(void)
{
	int fd = daemon_connect(&tfld);
	struct reply reply;

	ck_assert_uint_eq(listed(fd), 2);
	wire_call(fd, "stats", &reply);
	ck_assert_uint_eq(wire_count(reply.message.result, "versions"), 2);
	reply_finish(&reply);
	wire_call(fd, "metrics", &reply);
	ck_assert(mentions(&reply, "secret"));
	reply_finish(&reply);
}

/* In whatever state it is: served, and then out of service, which health has a list of. */
START_TEST(strangers_see_nothing_of_it)
{
	int fd;

	start("[model]\nallow_groups = 54321\ninstances = 1\n");
	daemon_as(STRANGER, STRANGER, others, 2, look_at_everything);
	daemon_as(STRANGER, STRANGER, NULL, 0, list_as_stranger);
	daemon_as(STRANGER, STRANGER, cameras, 2, list_as_member);
	fd = daemon_connect_to(tfld.admin_socket);
	/* What waits for a load, and a condition that is about it. */
	write_conf("[model]\nallow_groups = 54321\ninstances = 2\nlabels =\n");
	ck_assert_int_eq(kill(tfld.pid, SIGHUP), 0);
	ck_assert(daemon_logged(&tfld, "the configuration was read anew"));
	daemon_as(STRANGER, STRANGER, others, 2, look_at_everything);
	write_conf("wrong\n");
	ck_assert(daemon_logged(&tfld, "secret/model.conf:1: "));
	daemon_as(STRANGER, STRANGER, others, 2, look_at_everything);
	wire_begin_model(&writer, 7, "model.unload", "secret", 1, false);
	wire_send_frame(fd, &writer);
	ck_assert(daemon_logged(&tfld, "version 1 of 'secret' is out of service"));
	daemon_as(STRANGER, STRANGER, others, 2, look_at_everything);
	close(fd);
}
END_TEST

/* ---- When ---- */

static void reload(const char *conf, const char *told)
{
	write_conf(conf);
	ck_assert_int_eq(kill(tfld.pid, SIGHUP), 0);
	ck_assert_msg(daemon_logged(&tfld, told), "%s", told);
}

/* A client of its own for the whole test, told by bytes what to expect; each is answered when it was so. */
static void follow_orders(int orders)
{
	int fd = daemon_connect(&tfld);
	char order;

	while (read(orders, &order, 1) == 1) {
		if (order == 'i')
			expect_in(fd);
		else
			expect_out(fd);
		if (write(orders, "k", 1) != 1)
			break;
	}
}

static int order_fd = -1;

static void follow(void)
{
	follow_orders(order_fd);
}

static void order(int fd, char what)
{
	char answer = 0;

	ck_assert_int_eq(write(fd, &what, 1), 1);
	ck_assert_msg(read(fd, &answer, 1) == 1, "the client found it otherwise");
}

START_TEST(a_reload_counts_for_open_connections)
{
	int pair[2];
	pid_t pid;

	start("");
	if (!daemon_may_change_users())
		return;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		order_fd = pair[1];
		daemon_as(STRANGER, STRANGER, others, 2, follow);
		_exit(0);
	}
	close(pair[1]);
	order(pair[0], 'i');
	reload("[model]\nallow_groups = 54321\n", "'secret' is configured anew: allow_groups = 54321\n");
	order(pair[0], 'o');
	reload("[model]\nallow_groups = 54321 54322\n", "'secret' is configured anew: allow_groups = 54321 54322\n");
	order(pair[0], 'i');
	/* One that is wrong leaves what is in force. */
	reload("[model]\nallow_groups = no-such-group\n", "there is no group 'no-such-group' on this device; groupadd makes it");
	order(pair[0], 'i');
	close(pair[0]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

START_TEST(a_load_brings_what_the_file_says_then)
{
	int fd;

	start("");
	daemon_as(STRANGER, STRANGER, others, 2, try_as_member);
	write_conf("[model]\nallow_groups = 54321\n");
	fd = daemon_connect_to(tfld.admin_socket);
	for (unsigned i = 0; i < 2; i++) {
		struct reply reply;

		wire_begin_model(&writer, 7, i ? "model.reload" : "model.unload", "secret", 1, false);
		wire_send_frame(fd, &writer);
		ck_assert(wire_receive(fd, &reply));
		ck_assert(!reply.message.failed);
		reply_finish(&reply);
	}
	daemon_as(STRANGER, STRANGER, others, 2, try_as_stranger);
	close(fd);
}
END_TEST

/* Nobody gets in by a mistake. */
START_TEST(a_group_that_is_not_there_keeps_everybody_out)
{
	struct reply reply;
	int fd;

	start("[model]\nallow_groups = 54321 no-such-group\n");
	ck_assert(daemon_logged(&tfld, "[model] allow_groups (model.conf:2): there is no group 'no-such-group'"));
	fd = daemon_connect(&tfld);
	infer_secret(fd);
	ck_assert(wire_receive(fd, &reply));
	ck_assert(reply.message.failed);
	reply_finish(&reply);
	close(fd);
}
END_TEST

/* ---- Changes as they happen ---- */

static int told_fd = -1;

/* Subscribes, and waits for a change of the other model; none of this one comes before. */
static void subscribe(void)
{
	int fd = daemon_connect(&tfld);
	struct reply reply;
	bool last = false;

	wire_call(fd, "subscribe", &reply);
	reply_finish(&reply);
	ck_assert_int_eq(write(told_fd, "k", 1), 1);
	while (!last) {
		ck_assert(wire_receive(fd, &reply));
		ck_assert(!mentions(&reply, "secret"));
		last = mentions(&reply, "tiny");
		reply_finish(&reply);
	}
}

START_TEST(subscribers_hear_nothing_of_it)
{
	static const char *const models[] = {"secret", "tiny"};
	int pair[2], status, fd;
	char byte;
	pid_t pid;

	start("[model]\nallow_groups = 54321\n");
	if (!daemon_may_change_users())
		return;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		told_fd = pair[1];
		daemon_as(STRANGER, STRANGER, others, 2, subscribe);
		_exit(0);
	}
	ck_assert_int_eq(read(pair[0], &byte, 1), 1);
	fd = daemon_connect_to(tfld.admin_socket);
	for (unsigned i = 0; i < 2; i++) {
		struct reply reply;

		wire_begin_model(&writer, 7, "model.unload", models[i], 1, false);
		wire_send_frame(fd, &writer);
		ck_assert(wire_receive(fd, &reply));
		reply_finish(&reply);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the subscriber ended with %#x", status);
	close(fd);
}
END_TEST

Suite *access_suite(void)
{
	Suite *suite = suite_create("access");
	TCase *tcase = tcase_create("models for groups");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, members_may_and_others_may_not);
	tcase_add_test(tcase, without_groups_everybody_may);
	tcase_add_test(tcase, strangers_see_nothing_of_it);
	tcase_add_test(tcase, a_reload_counts_for_open_connections);
	tcase_add_test(tcase, a_load_brings_what_the_file_says_then);
	tcase_add_test(tcase, a_group_that_is_not_there_keeps_everybody_out);
	tcase_add_test(tcase, subscribers_hear_nothing_of_it);
	suite_add_tcase(suite, tcase);
	return suite;
}
