/* SPDX-License-Identifier: MIT */
/*
 * One way out for failures: a sentence on stderr for people, an object on stdout for programs, so that with --json standard output is one
 * JSON text whatever happens.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "client/ctl.h"
#include "client/print.h"

static int print_error(const struct ctl *ctl, enum tfl_status status, const char *message, const char *hint)
{
	_tfl_free_ char *repaired = NULL; /* what is typed, and names of files, may be no UTF-8 */

	if (ctl->json) {
		repaired = strdup(message);
		ctl_print_json(ctl, json_pack("{s:{s:i, s:s, s:s}}", "error", "code", (int)status, "name", tfl_status_name(status),
					      "message", repaired ? ctl_repair_text(repaired) : "no memory for the sentence"));
		return CTL_FAILED;
	}
	fputs("tflctl: ", stderr);
	ctl_print_text(stderr, message);
	fprintf(stderr, "\n%s", hint);
	return CTL_FAILED;
}

int ctl_fail(const struct ctl *ctl, enum tfl_status status, const char *message)
{
	return print_error(ctl, status, message, "");
}

/* What a fault seen by tflctl itself is called in JSON. */
static const struct {
	int code;
	enum tfl_status status;
} statuses[] = {
	{ENOENT, TFL_NOT_FOUND},         {EACCES, TFL_PERMISSION_DENIED}, {EPERM, TFL_PERMISSION_DENIED}, {ENOMEM, TFL_RESOURCE_EXHAUSTED},
	{EFBIG, TFL_RESOURCE_EXHAUSTED}, {EAGAIN, TFL_UNAVAILABLE},       {EPROTO, TFL_PROTOCOL_ERROR},
	{EOPNOTSUPP, TFL_UNSUPPORTED_MODEL},
};

static enum tfl_status status_of(int code)
{
	for (size_t i = 0; i < TFL_ARRAY_SIZE(statuses); i++) {
		if (statuses[i].code == -code)
			return statuses[i].status;
	}
	return TFL_INVALID_ARGUMENT;
}

int ctl_fail_file(const struct ctl *ctl, const struct tfl_error *error)
{
	return ctl_fail(ctl, status_of(error->code), error->text);
}

int ctl_file_error(const struct tfl_error *error, struct tfl_call_error *ret_error)
{
	ret_error->status = status_of(error->code);
	snprintf(ret_error->message, sizeof(ret_error->message), "%s", error->text);
	return error->code;
}

int ctl_note_timeout(int r, const char *doing, struct tfl_call_error *error)
{
	struct tfl_error longer;

	if (r == -ETIMEDOUT) {
		tfl_error_set(&longer, r, "%s; it may still be %s, see 'tflctl ls'", error->message, doing);
		snprintf(error->message, sizeof(error->message), "%s", longer.text);
	}
	return r;
}

int ctl_usage(const struct ctl *ctl, const char *message)
{
	char hint[128];

	snprintf(hint, sizeof(hint), "try: tflctl %s%s--help\n", ctl->command ? ctl->command->name : "", ctl->command ? " " : "");
	print_error(ctl, TFL_INVALID_ARGUMENT, message, hint);
	return CTL_USAGE;
}

/* Nobody said which: the one for everything, where this user may open it; NULL: the library's. */
static const char *usual_socket(void)
{
	return !getenv("TFL_SOCKET") && access(CTL_ADMIN_SOCKET, R_OK | W_OK) == 0 ? CTL_ADMIN_SOCKET : NULL;
}

int ctl_connect(struct ctl *ctl)
{
	struct tfl_client_options options = {.size = sizeof(options),
					     .timeout_ms = ctl->timeout_ms ? ctl->timeout_ms : ctl->command->timeout_ms,
					     .reconnect_ms = ctl->command->reconnect_ms};
	struct tfl_call_error error;

	if (ctl->socket && !*ctl->socket)
		return ctl_usage(ctl, "--socket is empty, expected a path");
	if (tfl_client_connect(ctl->socket ? ctl->socket : usual_socket(), &options, &ctl->client, &error) < 0)
		return ctl_fail(ctl, error.status, error.message);
	return CTL_OK;
}

static int run_call(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	struct tfl_call_error error;
	struct tfl_value *value;
	int status = CTL_OK;

	if (ctl->command->call(ctl->client, arguments, &value, &error) < 0)
		return ctl_fail(ctl, error.status, error.message);
	if (ctl->json)
		status = ctl_print_json(ctl, ctl_json_of(value));
	else
		ctl->command->print(value, arguments);
	if (status == CTL_OK && ctl->command->status)
		status = ctl->command->status(value);
	tfl_value_destroy(value);
	return status;
}

/* A name that can be none is a slip of the command line. The library knows the rule. */
static int check_model(const struct ctl *ctl, const char *model)
{
	struct tfl_call_error error;
	struct tfl_infer *infer = NULL;
	int r = tfl_infer_create(model, &infer, &error);

	tfl_infer_destroy(infer);
	return r == -EINVAL ? ctl_usage(ctl, error.message) : r < 0 ? ctl_fail(ctl, error.status, error.message) : CTL_OK;
}

int ctl_run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	int status = CTL_OK;

	if (ctl->command->check)
		status = ctl->command->check(ctl, arguments);
	if (status == CTL_OK && arguments->operands[0] && !ctl->command->local)
		status = check_model(ctl, arguments->operands[0]);
	if (status == CTL_OK && !ctl->command->local && !ctl->command->connects)
		status = ctl_connect(ctl);
	if (status == CTL_OK)
		status = ctl->command->run ? ctl->command->run(ctl, arguments) : run_call(ctl, arguments);
	tfl_client_destroy(ctl->client);
	return status;
}

int ctl_print_json(const struct ctl *ctl, json_t *json)
{
	int r;

	if (!json)
		return ctl_fail_file(ctl, &(struct tfl_error){-ENOMEM, "no memory for the output"});
	r = json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	json_decref(json);
	putchar('\n');
	return r == 0 ? CTL_OK : CTL_FAILED;
}

static json_t *binary_of(const struct tfl_value *value)
{
	const unsigned char *bytes = tfl_value_binary(value);
	json_t *array = json_array();

	for (size_t i = 0; i < tfl_value_size(value); i++)
		json_array_append_new(array, json_integer(bytes[i]));
	return array;
}

static json_t *array_of(const struct tfl_value *value)
{
	json_t *array = json_array();

	for (size_t i = 0; i < tfl_value_size(value); i++)
		json_array_append_new(array, ctl_json_of(tfl_value_at(value, i)));
	return array;
}

static json_t *map_of(const struct tfl_value *value)
{
	json_t *object = json_object();

	for (size_t i = 0; i < tfl_value_size(value); i++)
		json_object_set_new(object, tfl_value_key_at(value, i), ctl_json_of(tfl_value_at(value, i)));
	return object;
}

json_t *ctl_json_of(const struct tfl_value *value)
{
	switch (tfl_value_kind_of(value)) {
	case TFL_VALUE_BOOL:
		return json_boolean(tfl_value_bool(value, false));
	case TFL_VALUE_INT:
		return json_integer(tfl_value_int(value, 0));
	case TFL_VALUE_UINT: /* JSON's integers end at 2^63 in jansson */
		return json_real((double)tfl_value_uint(value, 0));
	case TFL_VALUE_DOUBLE:
		return json_real(tfl_value_double(value, 0));
	case TFL_VALUE_STRING:
		return json_string(tfl_value_string(value, ""));
	case TFL_VALUE_BINARY:
		return binary_of(value);
	case TFL_VALUE_ARRAY:
		return array_of(value);
	case TFL_VALUE_MAP:
		return map_of(value);
	default:
		return json_null();
	}
}
