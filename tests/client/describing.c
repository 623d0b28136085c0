/* SPDX-License-Identifier: MIT */
#include "tests/client/describing.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proto/message.h"
#include "proto/writer.h"

static void write_json(struct tfl_writer *writer, const json_t *json)
{
	const char *key;
	const json_t *value;
	size_t i;

	switch (json_typeof(json)) {
	case JSON_OBJECT:
		tfl_writer_map(writer, (uint32_t)json_object_size(json));
		json_object_foreach((json_t *)json, key, value) {
			tfl_writer_text(writer, key);
			write_json(writer, value);
		}
		break;
	case JSON_ARRAY:
		tfl_writer_array(writer, (uint32_t)json_array_size(json));
		json_array_foreach(json, i, value)
			write_json(writer, value);
		break;
	case JSON_STRING:
		tfl_writer_text(writer, json_string_value(json));
		break;
	case JSON_INTEGER:
		tfl_writer_int64(writer, json_integer_value(json));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		tfl_writer_bool(writer, json_is_true(json));
		break;
	default:
		tfl_writer_double(writer, json_number_value(json));
	}
}

void write_json_reply(struct tfl_writer *writer, uint32_t msgid, const char *text)
{
	char *quoted = strdup(text);
	json_error_t error;
	json_t *json;

	for (char *c = quoted; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	json = json_loads(quoted, 0, &error);
	ck_assert_msg(json, "%s: %s", error.text, quoted);
	free(quoted);
	tfl_message_reply(writer, msgid);
	write_json(writer, json);
	json_decref(json);
}
