/* SPDX-License-Identifier: MIT */
/*
 * A program that needs its answers: asks a model again and again, over a new connection each time, and does not give up where the daemon
 * restarts under it. Says how often it was answered, and what came in between. Exit status 1 when a connection was refused, or something
 * else went wrong than may go wrong in a restart: an answer lost on its way, a model that is being loaded.
 *
 *   caller SECONDS MODEL ELEMENTS     a float32 [1, ELEMENTS] input, or with "28x28x1" a float32 [1, 28, 28, 1]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tflclient.h>
#include <unistd.h>

static struct {
	unsigned long answered, refused, lost, loading, other;
	char refusal[512], oddity[512]; /* the first of each */
} count;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void ask(struct tfl_infer *infer)
{
	const struct tfl_client_options options = {.size = sizeof(options), .reconnect_ms = -1};
	struct tfl_call_error error;
	struct tfl_client *client;

	if (tfl_client_connect(NULL, &options, &client, &error) < 0) {
		if (count.refused++ == 0)
			snprintf(count.refusal, sizeof(count.refusal), "%s", error.message);
		usleep(10000);
		return;
	}
	if (tfl_client_infer(client, infer) == 0) {
		count.answered++;
	} else if (tfl_infer_status(infer) == TFL_DISCONNECTED) {
		count.lost++;
	} else if (tfl_infer_status(infer) == TFL_UNAVAILABLE) {
		count.loading++;
		usleep(10000);
	} else if (count.other++ == 0) {
		snprintf(count.oddity, sizeof(count.oddity), "%s", tfl_infer_error_message(infer));
	}
	tfl_client_destroy(client);
}

int main(int argc, char **argv)
{
	int32_t dims[4] = {1, 0, 0, 0};
	struct tfl_call_error error;
	struct tfl_infer *infer;
	size_t elements = 1;
	unsigned rank = 1;
	float *input;
	double until;

	if (argc != 4) {
		fprintf(stderr, "usage: caller SECONDS MODEL ELEMENTS\n");
		return 2;
	}
	for (char *text = argv[3]; *text && rank < 4; text += *text == 'x') {
		dims[rank] = (int32_t)strtol(text, &text, 10);
		elements *= (size_t)dims[rank++];
	}
	input = calloc(elements, sizeof(*input));
	if (!input || tfl_infer_create(argv[2], &infer, &error) < 0 ||
	    tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, rank, input, elements * sizeof(*input)) < 0) {
		fprintf(stderr, "caller: the request cannot be made\n");
		return 2;
	}
	tfl_infer_set_timeout(infer, 30000);
	until = now() + strtod(argv[1], NULL);
	while (now() < until)
		ask(infer);
	printf("answered %lu, lost on their way %lu, while it was loading %lu, refused connections %lu, else %lu\n", count.answered, count.lost,
	       count.loading, count.refused, count.other);
	if (count.refused)
		printf("first refusal: %s\n", count.refusal);
	if (count.other)
		printf("first other: %s\n", count.oddity);
	tfl_infer_destroy(infer);
	free(input);
	return count.refused || count.other || !count.answered;
}
