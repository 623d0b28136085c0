/* SPDX-License-Identifier: MIT */
/*
 * tfl-emit: writes one of the networks that are made from a seed. Equal name and seed give equal bytes on one kind of machine.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "tests/builder/mobilenet.h"

static const struct {
	const char *name;
	int (*make)(struct tfl_net *net, uint64_t seed);
	bool int8;
	const char *text;
} models[] = {
	{"mobilenet-v2-float32", tfl_net_mobilenet_v2, false, "MobileNet v2 1.0/224, float32 [1,224,224,3] -> [1,1001], random weights"},
	{"mobilenet-v2-int8", tfl_net_mobilenet_v2, true, "the same in full int8 with per-channel weights"},
	{"tiny", tfl_net_tiny, false, "four operators, float32 [1,16] -> [1,16]"},
	{"tiny-int8", tfl_net_tiny, true, "the same in int8"},
};

static int usage(void)
{
	fprintf(stderr, "usage: tfl-emit MODEL [--seed N] -o FILE\n");
	for (size_t i = 0; i < TFL_ARRAY_SIZE(models); i++)
		fprintf(stderr, "  %-22s %s\n", models[i].name, models[i].text);
	return 2;
}

static int emit(size_t index, uint64_t seed, const char *path)
{
	struct tfl_builder *b = tfl_build_create();
	_tfl_free_ uint8_t *data = NULL;
	struct tfl_net net = {0};
	size_t size;
	int r = b ? 0 : -ENOMEM;

	if (!r)
		r = models[index].make(&net, seed);
	if (!r)
		r = tfl_net_emit(&net, models[index].int8, b);
	if (!r) {
		tfl_build_text(b, models[index].text);
		r = tfl_build_finish(b, &data, &size);
	}
	if (!r)
		r = tfl_build_save(path, data, size);
	tfl_net_finish(&net);
	tfl_build_destroy(b);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"seed", required_argument, NULL, 's'}, {"output", required_argument, NULL, 'o'}, {0}};
	const char *path = NULL;
	uint64_t seed = 1;
	char *end = NULL;
	int option, r;

	while ((option = getopt_long(argc, argv, "s:o:", longs, NULL)) >= 0) {
		if (option == 'o')
			path = optarg;
		else if (option == 's')
			seed = strtoull(optarg, &end, 0);
		else
			return usage();
	}
	if (!path || optind + 1 != argc || (end && *end))
		return usage();
	for (size_t i = 0; i < TFL_ARRAY_SIZE(models); i++) {
		if (strcmp(models[i].name, argv[optind]))
			continue;
		r = emit(i, seed, path);
		if (r < 0)
			fprintf(stderr, "tfl-emit: %s: %s\n", path, strerror(-r));
		return r < 0;
	}
	fprintf(stderr, "tfl-emit: unknown model '%s'\n", argv[optind]);
	return usage();
}
