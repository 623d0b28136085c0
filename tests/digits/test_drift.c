/* SPDX-License-Identifier: MIT */
/*
 * Whether the verdict on drift is sensitive and calm, with the digits model and the daemon's own counting: a picture every 3.6 seconds,
 * judged each minute over the last hour against the first thousand verdicts. Pictures are the committed samples of fonts that the training
 * never saw, each moved by up to a pixel: clean ones stay stable, blurred or faded ones are noticed, and what the verdict says is printed
 * beside how often the model is right.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "daemon/heads.h"
#include "daemon/history.h"
#include "daemon/moment.h"
#include "daemon/recorder.h"
#include "models/digits/classifier.h"
#include "models/digits/draw.h"
#include "models/digits/picture.h"
#include "runtime/interpreter.h"
#include "stats/drift.h"
#include "tests/builder/random.h"

#define SAMPLES 500
#define PLACES 9 /* of each: moved by -1, 0 or 1 pixels in both directions */
#define PICTURES 2000 /* clean, then as many that get worse */
#define CLEAN_RUNS 200
#define CLEAN_RUNS_THAT_MAY_LEAVE 2

static const char *const files[] = {DIGITS_FOLDER "/digits-float32.tflite", DIGITS_FOLDER "/digits-int8.tflite"};
static uint8_t samples[SAMPLES][DIGIT_PIXELS];
static struct classifier *classifier;
static struct tfl_heads heads;

static void read_samples(void)
{
	int width, height;
	uint8_t *picture;

	ck_assert_int_eq(picture_read(DIGITS_FOLDER "/held-out.png", &width, &height, &picture), 0);
	ck_assert_int_eq(width / DIGIT_SIZE * (height / DIGIT_SIZE), SAMPLES);
	for (int i = 0; i < SAMPLES; i++)
		for (int y = 0; y < DIGIT_SIZE; y++)
			memcpy(samples[i] + y * DIGIT_SIZE,
			       picture + (i / (width / DIGIT_SIZE) * DIGIT_SIZE + y) * width + i % (width / DIGIT_SIZE) * DIGIT_SIZE, DIGIT_SIZE);
	free(picture);
}

static void open_model(const char *path)
{
	const struct tfl_confidence_choice automatic = {.automatic = true};
	struct tfl_error error = {0};

	read_samples();
	ck_assert_msg(classifier_open(path, &classifier, &error) == 0, "%s: %s", path, error.text);
	ck_assert_int_eq(tfl_heads_find(classifier_program(classifier), &automatic, &heads, &error), 0);
	ck_assert_uint_eq(heads.count, 1);
}

/* Sample @p which of SAMPLES * PLACES. */
static void place(unsigned which, float pixels[DIGIT_PIXELS])
{
	const uint8_t *sample = samples[which / PLACES];
	int right = (int)(which % PLACES % 3) - 1, down = (int)(which % PLACES / 3) - 1;

	for (int y = 0; y < DIGIT_SIZE; y++) {
		for (int x = 0; x < DIGIT_SIZE; x++) {
			int from_x = x - right, from_y = y - down;
			bool inside = from_x >= 0 && from_x < DIGIT_SIZE && from_y >= 0 && from_y < DIGIT_SIZE;

			pixels[y * DIGIT_SIZE + x] = inside ? sample[from_y * DIGIT_SIZE + from_x] : 0;
		}
	}
}

/* Gaussian, by a deviation of @p amount * 3 pixels. */
static void blur(float pixels[DIGIT_PIXELS], float amount)
{
	float deviation = 3 * amount, between[DIGIT_PIXELS];

	for (int pass = 0; pass < 2 && deviation > 0; pass++) {
		for (int i = 0; i < DIGIT_PIXELS; i++) {
			int at = pass ? i / DIGIT_SIZE : i % DIGIT_SIZE, step = pass ? DIGIT_SIZE : 1;
			float sum = 0, weights = 0;

			for (int k = -9; k <= 9; k++) {
				float weight = expf(-(float)(k * k) / (2 * deviation * deviation));

				weights += weight;
				sum += at + k >= 0 && at + k < DIGIT_SIZE ? weight * pixels[i + k * step] : 0;
			}
			between[i] = sum / weights;
		}
		memcpy(pixels, between, sizeof(between));
	}
}

/* Towards grey: at 1 nothing is left of the contrast. */
static void fade(float pixels[DIGIT_PIXELS], float amount)
{
	for (int i = 0; i < DIGIT_PIXELS; i++)
		pixels[i] += amount * (128 - pixels[i]);
}

/* A device's day: its counters, and what the model has been asked so far. */
struct day {
	struct tfl_recorder *recorder;
	struct tfl_history *history;
	struct tfl_random random;
	unsigned asked;
	struct tfl_drift drift; /* of the last minute */
	bool judged;            /* something but unknown, so far */
};

static void begin(struct day *day, uint64_t seed)
{
	const struct tfl_moment now = {0};

	*day = (struct day){.random = {seed}};
	ck_assert_int_eq(tfl_heads_recorder(&heads, 1, &day->recorder), 0);
	ck_assert_int_eq(tfl_history_create(&heads, &day->history), 0);
	ck_assert_int_eq(tfl_history_restore(day->history, NULL, 0, &now, day->recorder, NULL), 0);
	tfl_history_advance(day->history, day->recorder, 0);
}

static void end(struct day *day)
{
	tfl_history_destroy(day->history);
	tfl_recorder_destroy(day->recorder);
}

/* After each picture: whether a minute ended, and was judged. */
static bool minute_ends(struct day *day)
{
	unsigned seconds = day->asked * 18 / 5, next = (day->asked + 1) * 18 / 5;

	day->asked++;
	if (seconds / 60 == next / 60)
		return false;
	tfl_history_advance(day->history, day->recorder, next / 60 * 60);
	tfl_history_drift(day->history, 0, &day->drift);
	return true;
}

static void ask(struct day *day, const float pixels[DIGIT_PIXELS], int *ret_class)
{
	uint8_t rounded[DIGIT_PIXELS];
	struct tfl_error error;
	float probability;

	for (int i = 0; i < DIGIT_PIXELS; i++)
		rounded[i] = (uint8_t)(pixels[i] + 0.5f);
	ck_assert_msg(classifier_run(classifier, rounded, ret_class, &probability, &error) == 0, "%s", error.text);
	tfl_heads_record(&heads, classifier_interpreter(classifier), day->recorder, 0);
}

static const struct {
	const char *name;
	void (*worsen)(float pixels[DIGIT_PIXELS], float amount);
} harms[] = {{"blur", blur}, {"contrast", fade}};

/* How often the model was right lately, for the table. */
struct tally {
	unsigned right, of;
};

static void print_row(const char *harm, float amount, const struct day *day, struct tally *tally)
{
	printf("# %-8s %5.2f  accuracy %5.1f %%  PSI %6.3f  JS %5.3f  KS %5.3f  %s\n", harm, (double)amount, 100.0 * tally->right / tally->of,
	       day->drift.psi, day->drift.jensen_shannon, day->drift.kolmogorov_smirnov, tfl_drift_verdict_to_string(day->drift.verdict));
	*tally = (struct tally){0};
}

/* Stable while the pictures are clean; then watch, then drift, and no way back. */
static void check_order(const struct day *day, enum tfl_drift_verdict before, unsigned worse)
{
	if (worse == 0)
		ck_assert_msg(day->drift.verdict <= TFL_DRIFT_STABLE, "%s after %u clean pictures, PSI %g",
			      tfl_drift_verdict_to_string(day->drift.verdict), day->asked, day->drift.psi);
	else
		ck_assert_msg(day->drift.verdict == before || day->drift.verdict == before + 1, "from %s to %s after %u worse pictures",
			      tfl_drift_verdict_to_string(before), tfl_drift_verdict_to_string(day->drift.verdict), worse);
}

START_TEST(what_gets_worse_is_watched_and_then_has_drifted)
{
	const char *name = harms[_i % 2].name;
	struct tally tally = {0};
	struct day day;

	open_model(files[_i / 2]);
	begin(&day, 77);
	for (unsigned i = 0; i < 2 * PICTURES; i++) {
		unsigned worse = i < PICTURES ? 0 : i - PICTURES, which = tfl_random_below(&day.random, SAMPLES * PLACES);
		enum tfl_drift_verdict before = day.drift.verdict;
		float pixels[DIGIT_PIXELS], amount = (float)worse / PICTURES;
		int class;

		place(which, pixels);
		harms[_i % 2].worsen(pixels, amount);
		ask(&day, pixels, &class);
		tally.right += class == (int)(which / PLACES % 10);
		tally.of++;
		if (minute_ends(&day))
			check_order(&day, before, worse);
		if (i % 200 == 199)
			print_row(name, amount, &day, &tally);
	}
	ck_assert_int_eq(day.drift.verdict, TFL_DRIFT_DRIFTED);
	end(&day);
	classifier_destroy(classifier);
}
END_TEST

/* The verdicts on all clean pictures, asked once: the runs draw from them. */
static struct tfl_top clean[SAMPLES * PLACES];

static void ask_all(void)
{
	for (unsigned i = 0; i < SAMPLES * PLACES; i++) {
		float pixels[DIGIT_PIXELS], probability;
		uint8_t rounded[DIGIT_PIXELS];
		struct tfl_error error;
		int class;

		place(i, pixels);
		for (int k = 0; k < DIGIT_PIXELS; k++)
			rounded[k] = (uint8_t)pixels[k];
		ck_assert_int_eq(classifier_run(classifier, rounded, &class, &probability, &error), 0);
		tfl_top_read(&heads.items[0].reader, tfl_interpreter_output(classifier_interpreter(classifier), 0), &clean[i]);
	}
}

START_TEST(clean_runs_stay_stable)
{
	unsigned left = 0, judged = 0;
	double greatest = 0;

	open_model(files[_i]);
	ask_all();
	for (unsigned run = 0; run < CLEAN_RUNS; run++) {
		bool stable = true;
		struct day day;

		begin(&day, 1000 + run);
		for (unsigned i = 0; i < 2 * PICTURES; i++) {
			tfl_recorder_add_verdict(day.recorder, 0, 0, &clean[tfl_random_below(&day.random, SAMPLES * PLACES)]);
			if (!minute_ends(&day))
				continue;
			judged += day.drift.verdict != TFL_DRIFT_UNKNOWN;
			stable &= day.drift.verdict <= TFL_DRIFT_STABLE;
			greatest = fmax(greatest, day.drift.psi);
		}
		left += !stable;
		end(&day);
	}
	printf("# %u of %u clean runs left stable at any of %u judgements; the greatest PSI was %.3f\n", left, CLEAN_RUNS, judged, greatest);
	ck_assert_uint_gt(judged, CLEAN_RUNS * 100);
	ck_assert_uint_le(left, CLEAN_RUNS_THAT_MAY_LEAVE);
	classifier_destroy(classifier);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("drift");
	TCase *tcase = tcase_create("digits");
	SRunner *runner;
	int failed;

	setvbuf(stdout, NULL, _IOLBF, 0); /* before children inherit what is buffered */
	tcase_set_timeout(tcase, 280);
	tcase_add_loop_test(tcase, what_gets_worse_is_watched_and_then_has_drifted, 0, 4);
	tcase_add_loop_test(tcase, clean_runs_stay_stable, 0, 2);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
