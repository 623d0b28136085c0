/* SPDX-License-Identifier: MIT */
/* tflctl route: how the requests that name a model and no version are split among its versions. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "client/ctl.h"
#include "client/print.h"
#include "client/shadow.h"
#include "proto/name.h"

struct options {
	const char *salt, *key, *shadow;
	bool no_shadow, clear;
};

static const struct ctl_option route_options[] = {
	{"salt", "TEXT", CTL_STRING, offsetof(struct options, salt), "split the keys otherwise (at first: the model's name)"},
	{"key", "WHAT", CTL_STRING, offsetof(struct options, key),
	 "split by request (its key, else its uid) or by machine-id (this device)",
	 .choices = "request machine-id"},
	{"shadow", "VERSION", CTL_STRING, offsetof(struct options, shadow), "a version that gets copies of the requests and never answers"},
	{"no-shadow", NULL, CTL_FLAG, offsetof(struct options, no_shadow), "no version gets copies any more"},
	{"clear", NULL, CTL_FLAG, offsetof(struct options, clear), "go back to what model.conf says"},
};

static uint64_t number(const struct tfl_value *value, const char *key)
{
	return tfl_value_uint(tfl_value_get(value, key), 0);
}

static const char *string(const struct tfl_value *value, const char *key)
{
	return tfl_value_string(tfl_value_get(value, key), "");
}

static uint64_t total_of(const struct tfl_value *versions, const char *key)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < tfl_value_size(versions); i++)
		sum += number(tfl_value_at(versions, i), key);
	return sum;
}

static void add_percent(struct ctl_table *table, uint64_t part, uint64_t whole)
{
	if (whole)
		ctl_table_add(table, "%.1f %%", 100 * (double)part / (double)whole);
	else
		ctl_table_add(table, "-");
}

static void print_shares(const struct tfl_value *value)
{
	static const char *const head[] = {"MODEL", "SHARE", "GOT", "REQUESTS", "STATE"};
	const struct tfl_value *versions = tfl_value_get(value, "versions");
	uint64_t weights = total_of(versions, "weight"), requests = total_of(versions, "requests");
	struct ctl_table table = {.columns = 5, .right = 1 << 1 | 1 << 2 | 1 << 3};

	for (unsigned i = 0; i < table.columns; i++)
		ctl_table_add(&table, "%s", head[i]);
	for (size_t i = 0; i < tfl_value_size(versions); i++) {
		const struct tfl_value *version = tfl_value_at(versions, i);

		ctl_table_add(&table, "%s@%llu", string(value, "model"), (unsigned long long)number(version, "version"));
		add_percent(&table, number(version, "weight"), weights);
		add_percent(&table, number(version, "requests"), requests);
		ctl_table_add(&table, "%llu", (unsigned long long)number(version, "requests"));
		ctl_table_add(&table, "%s%s", *string(version, "state") ? string(version, "state") : "not there",
			      number(version, "version") == number(value, "active") ? ", active" : "");
	}
	ctl_table_print(&table, "");
}

/* "digits: set by an operator; model.conf says 1=90 2=10 ('--clear' goes back to it)" */
static void print_source(const struct tfl_value *value)
{
	const char *source = string(value, "source"), *configured = string(value, "configured");
	bool chosen = strcmp(source, "operator") == 0;

	if (strcmp(source, "none") == 0)
		ctl_printf("%1$s has no route: its active version, %2$llu, answers; 'tflctl route %1$s 1=90 2=10' sets one\n",
			   string(value, "model"), (unsigned long long)number(value, "active"));
	else if (chosen && *configured)
		ctl_printf_wrapped("", 0, "%s: set by an operator; model.conf says: %s ('--clear' goes back to that)",
				   string(value, "model"),
				   configured);
	else
		ctl_printf("%s: %s\n", string(value, "model"), chosen ? "set by an operator" : "as model.conf says");
}

static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	bool split = tfl_value_size(tfl_value_get(value, "versions")) > 0, machine = strcmp(string(value, "key"), "machine-id") == 0;
	uint64_t shadow = number(value, "shadow"), passed_over = number(value, "passed_over");

	print_source(value);
	if (split) {
		print_shares(value);
		ctl_printf("key: %s, salt: %s\n", machine ? "machine-id (this device)" : "request (the one that it brings, else its uid)",
			   string(value, "salt"));
	} else if (strcmp(string(value, "source"), "none") != 0) {
		ctl_printf("the active version, %llu, answers\n", (unsigned long long)number(value, "active"));
	}
	if (shadow && tfl_value_size(tfl_value_get(value, "copies")) == 0)
		ctl_printf("shadow: %s@%llu gets copies of the requests and never answers\n", string(value, "model"),
			   (unsigned long long)shadow);
	ctl_shadow_print(tfl_value_get(value, "model"), tfl_value_get(value, "copies"));
	if (passed_over)
		ctl_printf_wrapped("", 0, "%llu request%s of a version that was not AVAILABLE went to the active one",
				   (unsigned long long)passed_over,
				   ctl_plural(passed_over));
	if (!tfl_value_bool(tfl_value_get(value, "remembered"), true))
		ctl_print_wrapped("but", 4, string(value, "reason"));
}

/* The shares as one text: "1=90 2=10". */
static const char *join(const char *const *operands, char text[static TFL_ROUTE_WIRE_MAX + 1])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 1; i <= TFL_ROUTE_SHARES_MAX && operands[i] && used <= TFL_ROUTE_WIRE_MAX; i++)
		used += (size_t)snprintf(text + used, TFL_ROUTE_WIRE_MAX + 1 - used, "%s%s", i > 1 ? " " : "", operands[i]);
	return used > 0 ? text : NULL;
}

static int call(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
		struct tfl_call_error *error)
{
	const struct options *options = arguments->options;
	char text[TFL_ROUTE_WIRE_MAX + 1];
	struct tfl_route_options route = {
		.size = sizeof(route),
		.route = join(arguments->operands, text),
		.salt = options->salt,
		.key = options->key,
		.no_shadow = options->no_shadow,
	};

	if (options->shadow)
		(void)tfl_version_parse(options->shadow, strlen(options->shadow), &route.shadow); /* check() has looked at it */
	if (options->clear)
		return tfl_client_set_route(client, arguments->operands[0], NULL, ret_value, error);
	if (route.route || route.salt || route.key || route.shadow || route.no_shadow)
		return tfl_client_set_route(client, arguments->operands[0], &route, ret_value, error);
	return tfl_client_route(client, arguments->operands[0], ret_value, error);
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	bool any = arguments->operands[1] || options->salt || options->key || options->shadow || options->no_shadow;
	uint64_t shadow;

	if (strchr(arguments->operands[0], '@'))
		return ctl_usage(ctl, "a route is of all versions of a model: its name without '@'");
	if (options->clear && any)
		return ctl_usage(ctl, "--clear goes back to what model.conf says, and takes nothing else");
	if (options->shadow && options->no_shadow)
		return ctl_usage(ctl, "--shadow and --no-shadow are both there");
	if (options->shadow && tfl_version_parse(options->shadow, strlen(options->shadow), &shadow) < 0)
		return ctl_usage(ctl, "--shadow takes the number of a version, as in --shadow 3");
	if (options->key && strcmp(options->key, "request") != 0 && strcmp(options->key, "machine-id") != 0)
		return ctl_usage(ctl, "--key is request or machine-id");
	return CTL_OK;
}

const struct ctl_command ctl_cmd_route = {
	.name = "route",
	.operands = "MODEL [VERSION=WEIGHT...]",
	.operands_min = 1,
	.operands_max = 1 + TFL_ROUTE_SHARES_MAX,
	.group = CTL_GROUP_MODELS,
	.brief = "split requests by versions",
	.summary = "Split the requests that name no version among versions of a model; without shares, show how they are.",
	.details = "'tflctl route digits 1=90 2=10' gives a tenth of the keys to version 2; a key always gets the same version, and with "
		   "other weights no more keys move than must. What is not given stays as it is. Requests for a version, or "
		   "label, get that.\n",
	.table = {route_options, TFL_ARRAY_SIZE(route_options)},
	.options_size = sizeof(struct options),
	.check = check,
	.call = call,
	.print = print_text,
};
