/* SPDX-License-Identifier: MIT */
/*
 * Prints doc/operators.md from the table of operators; with a file as its argument it compares instead, and exits with 1 when the page
 * is not what the table says.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "runtime/op.h"

static const char head[] =
	"# Operators\n"
	"\n"
	"Made by `tests/documents/operators` from the table in `runtime/op.h`; a test keeps the two equal.\n"
	"\n"
	"Every operator has a portable kernel. XNNPACK runs those marked so, as far as it has the types, ranks and scales at hand; what it\n"
	"refuses runs in the portable kernel instead, and `tflctl describe` counts both. A model with an operator, version or combination of\n"
	"types that is not listed is refused when it is loaded, by name.\n"
	"\n"
	"| operator | versions | types (inputs → output) | XNNPACK |\n"
	"|---|---|---|---|\n";

static const struct {
	char letter;
	const char *name;
} letters[] = {
	{'f', "float32"}, {'h', "float16"}, {'b', "int8"}, {'B', "uint8"}, {'s', "int16"}, {'i', "int32"},
	{'l', "int64"},   {'z', "bool"},    {'T', "T"},    {'#', "any of fixed size"}, {'N', "int32 or int64"}, {'.', "any"},
};

static void print_letter(FILE *out, char letter)
{
	for (size_t i = 0; i < TFL_ARRAY_SIZE(letters); i++)
		if (letters[i].letter == letter)
			fputs(letters[i].name, out);
}

/* "bbi:b B*:B" becomes "int8, int8, int32 → int8; uint8… → uint8". */
static void print_types(FILE *out, const char *types)
{
	bool first = true;

	for (const char *p = types; *p; p++) {
		if (*p == ' ') {
			fputs("; ", out);
			first = true;
		} else if (*p == ':') {
			fputs(" → ", out);
			first = true;
		} else if (*p == '*') {
			fputs("…", out);
		} else {
			fputs(first ? "" : ", ", out);
			print_letter(out, *p);
			first = false;
		}
	}
}

static void print_row(FILE *out, const struct tfl_op *op)
{
	fprintf(out, "| %s%s | 1%s", op->name, op->code == TFL_BUILTIN_CUSTOM ? " (custom)" : "", op->max_version > 1 ? " to " : "");
	if (op->max_version > 1)
		fprintf(out, "%d", op->max_version);
	fputs(" | ", out);
	print_types(out, op->types);
	fprintf(out, " | %s |\n", op->lower ? "yes" : "no");
}

/* The builtin operators, then the custom ones. */
static void print_page(FILE *out)
{
	const struct tfl_op *op;

	fputs(head, out);
	for (unsigned custom = 0; custom < 2; custom++)
		for (unsigned i = 0; (op = tfl_op_at(i)); i++)
			if ((op->code == TFL_BUILTIN_CUSTOM) == custom)
				print_row(out, op);
	fputs("\nT: any type of fixed size, the same throughout. A bias may be left out.\n"
	      "\nWhere the shape of an output depends on the content of an input (the size of SLICE, the multiples of TILE, all that WHERE looks at),\n"
	      "that input must be a constant, or follow from shapes alone: a shape that depends on a request is refused by name.\n", out);
}

static int compare(const char *path, const char *page, size_t size)
{
	_tfl_free_ char *found = calloc(1, size + 2);
	FILE *file = fopen(path, "r");
	size_t length = 0;

	if (file && found)
		length = fread(found, 1, size + 1, file);
	if (file)
		fclose(file);
	if (length == size && memcmp(found, page, size) == 0)
		return 0;
	fprintf(stderr, "%s is not what the table of operators says; write it anew: tests/documents/operators > %s\n", path, path);
	return 1;
}

int main(int argc, char **argv)
{
	char *page = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&page, &size);
	int r = 0;

	if (!out)
		return 1;
	print_page(out);
	fclose(out);
	if (argc > 1)
		r = compare(argv[1], page, size);
	else
		fputs(page, stdout);
	free(page);
	return r;
}
