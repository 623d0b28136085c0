/* SPDX-License-Identifier: MIT */
/*
 * Prints the table of operators for make_operators.py, a line each, parts between tabs: its row's name in the sources, its name, "custom"
 * or "builtin", greatest version, types, and what it runs in.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "runtime/op.h"

static const struct {
	char letter;
	const char *name;
} letters[] = {
	{'f', "float32"}, {'h', "float16"}, {'b', "int8"}, {'B', "uint8"},     {'s', "int16"}, {'i', "int32"},
	{'l', "int64"},   {'z', "bool"},    {'T', "T"},    {'c', "complex64"}, {'.', "any"},   {'#', "any of fixed size"},
	{'N', "int32 or int64"}, {'r', "resource"},
};

/* A letter that is missing here is seen: the page would say '?'. */
static const char *name_of(char letter)
{
	for (size_t i = 0; i < TFL_ARRAY_SIZE(letters); i++)
		if (letters[i].letter == letter)
			return letters[i].name;
	return "?";
}

/* A tensor's type, or that of several: "int8, int8" and "4 × int8". */
static void print_type(char letter, unsigned times)
{
	if (times > 3) {
		printf("%u × %s", times, name_of(letter));
		return;
	}
	for (unsigned i = 0; i < times; i++)
		printf("%s%s", i ? ", " : "", name_of(letter));
}

/* One side of a pattern, "bbi" or "B*" or nothing; returns what is behind it. */
static const char *print_side(const char *side)
{
	const char *end = side + strcspn(side, ": ");

	if (side == end)
		fputs("nothing", stdout);
	for (const char *p = side; p < end;) {
		unsigned times = 1;

		while (p[times] == *p)
			times++;
		if (*p == '*') {
			fputs("…", stdout);
		} else {
			fputs(p > side ? ", " : "", stdout);
			print_type(*p, times);
		}
		p += times;
	}
	return end;
}

/* "bbi:b B*:B" becomes "int8, int8, int32 → int8; uint8… → uint8". */
static void print_types(const char *types)
{
	for (;;) {
		types = print_side(types);
		if (*types == '\0')
			return;
		fputs(*types == ':' ? " → " : "; ", stdout);
		types++;
	}
}

static void print_row(const char *symbol, const struct tfl_op *op)
{
	printf("%s\t%s\t%s\t%d\t", symbol, op->name, op->code == TFL_BUILTIN_CUSTOM ? "custom" : "builtin", op->max_version);
	print_types(op->types);
	printf("\t%s\n", op->lower ? "XNNPACK, portable" : "portable");
}

int main(void)
{
#define X(name) print_row(#name, &tfl_op_##name);
	TFL_OPS(X)
#undef X
	return ferror(stdout) ? 1 : 0;
}
