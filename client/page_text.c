/* SPDX-License-Identifier: MIT */
/* From figures to text in a page: escaped, rounded for people, and with the whole figure beside. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "client/page.h"
#include "client/print.h"

#define NUMBER_MAX 1e15 /* of bytes and seconds: more is no number of this world */

struct page_node page_root(const json_t *figures)
{
	return (struct page_node){.value = figures};
}

struct page_node page_get(const struct page_node *node, const char *key)
{
	struct page_node child = {.value = json_object_get(node->value, key)};

	snprintf(child.path, sizeof(child.path), "%.70s%s%.24s", node->path, *node->path ? "." : "", key);
	return child;
}

struct page_node page_at(const struct page_node *node, size_t index)
{
	struct page_node child = {.value = json_array_get(node->value, index)};

	snprintf(child.path, sizeof(child.path), "%.70s.%zu", node->path, index);
	return child;
}

double page_number(const struct page_node *node, const char *key)
{
	return json_number_value(json_object_get(node->value, key));
}

const char *page_string(const struct page_node *node, const char *key)
{
	const char *text = json_string_value(json_object_get(node->value, key));

	return text ? text : "";
}

/* Control characters but for blanks, which XML and HTML have no place for. */
static bool is_control(const char *c)
{
	return ((unsigned char)*c < 0x20 && *c != '\n' && *c != '\t') || *c == 0x7f;
}

void page_escape(FILE *out, const char *text)
{
	static const struct {
		char c;
		const char *entity;
	} entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};

	for (; *text; text++) {
		const char *entity = is_control(text) ? "\xef\xbf\xbd" : NULL;

		for (unsigned i = 0; i < TFL_ARRAY_SIZE(entities); i++)
			entity = entities[i].c == *text ? entities[i].entity : entity;
		if (entity)
			fputs(entity, out);
		else
			fputc(*text, out);
	}
}

static void format_time(double seconds, char *buffer, size_t size)
{
	time_t at = seconds > 0 && seconds < NUMBER_MAX ? (time_t)seconds : 0;
	struct tm parts;

	if (at <= 0 || !gmtime_r(&at, &parts) || strftime(buffer, size, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
		snprintf(buffer, size, "–");
}

static void print_number(FILE *out, double value, enum page_format format)
{
	char buffer[64];
	uint64_t whole = value > 0 ? (uint64_t)fmin(value, NUMBER_MAX) : 0;

	switch (format) {
	case PAGE_REAL:
		fprintf(out, "%.3f", value);
		break;
	case PAGE_SHARE:
		fprintf(out, "%.1f %%", 100 * value);
		break;
	case PAGE_DURATION:
		fputs(ctl_format_duration(buffer, value), out);
		break;
	case PAGE_SECONDS:
		fputs(ctl_format_uptime(buffer, whole), out);
		break;
	case PAGE_BYTES:
		fputs(ctl_format_bytes(buffer, whole), out);
		break;
	case PAGE_TIME:
		format_time(value, buffer, sizeof(buffer));
		fputs(buffer, out);
		break;
	default:
		fprintf(out, "%.0f", value);
		break;
	}
}

static const char *const format_names[] = {
	[PAGE_TEXT] = "text",         [PAGE_COUNT] = "count",     [PAGE_REAL] = "real",   [PAGE_SHARE] = "share",
	[PAGE_DURATION] = "duration", [PAGE_SECONDS] = "seconds", [PAGE_BYTES] = "bytes", [PAGE_TIME] = "time",
};

/* As --json writes it. */
static void print_value(FILE *out, const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));

	page_escape(out, text ? text : "");
	free(text);
}

void page_figure(FILE *out, const struct page_node *parent, const char *key, enum page_format format)
{
	struct page_node node = page_get(parent, key);

	if (!node.value || json_is_null(node.value)) {
		fputs("–", out);
		return;
	}
	fputs("<data value=\"", out);
	print_value(out, node.value);
	fprintf(out, "\" data-at=\"%s\" data-as=\"%s\">", node.path, format_names[format]);
	if (json_is_string(node.value))
		page_escape(out, json_string_value(node.value));
	else if (json_is_boolean(node.value))
		fputs(json_is_true(node.value) ? "yes" : "no", out);
	else
		print_number(out, json_number_value(node.value), format);
	fputs("</data>", out);
}

static enum page_format format_named(const char *name, size_t length)
{
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(format_names); i++)
		if (strlen(format_names[i]) == length && memcmp(format_names[i], name, length) == 0)
			return i;
	assert(!"a format of that name");
	return PAGE_TEXT;
}

void page_figures_in(FILE *out, const struct page_node *parent, const char *html)
{
	while (*html) {
		size_t plain = strcspn(html, "{"), key, format;
		char name[32];

		fwrite(html, 1, plain, out);
		html += plain;
		if (!*html)
			return;
		key = strcspn(++html, ":");
		format = strcspn(html + key + 1, "}");
		snprintf(name, sizeof(name), "%.*s", (int)key, html);
		page_figure(out, parent, name, format_named(html + key + 1, format));
		html += key + format + 2;
	}
}

void page_cell(FILE *out, const struct page_node *parent, const char *key, enum page_format format)
{
	/* A verdict has its colour, which only repeats the word. */
	fputs(format == PAGE_TEXT ? "<td class=\"text " : "<td class=\"", out);
	page_escape(out, strcmp(key, "verdict") == 0 ? page_string(parent, key) : "");
	fputs("\">", out);
	page_figure(out, parent, key, format);
	fputs("</td>", out);
}
