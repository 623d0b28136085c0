/* SPDX-License-Identifier: MIT */
/*
 * The gradient against differences of the loss, a few steps on a task that is easy to see, and the exported network against the learner's
 * own. Needs no fonts.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/digits/draw.h"
#include "models/digits/learn.h"
#include "tests/builder/random.h"

#define COUNT 8

static struct learner *learner;
static float images[COUNT * DIGIT_PIXELS];
static int labels[COUNT];

static void setup(void)
{
	learner = learner_create(1);
	ck_assert_ptr_nonnull(learner);
}

static void teardown(void)
{
	learner_destroy(learner);
}

/* Class n is a bright bar in row 2 n + 4 on a noisy ground. */
static void draw_bars(struct tfl_random *random)
{
	for (int i = 0; i < COUNT; i++) {
		labels[i] = (int)tfl_random_below(random, 10);
		for (int j = 0; j < DIGIT_PIXELS; j++)
			images[i * DIGIT_PIXELS + j] = tfl_random_uniform(random, 0, 0.3f) + (float)(j / DIGIT_SIZE == 2 * labels[i] + 4) * 0.7f;
	}
}

START_TEST(the_gradient_is_that_of_the_loss)
{
	struct tfl_random random = {3};
	size_t count, wrong = 0;
	float *parameters = learner_parameters(learner, &count);

	ck_assert_uint_eq(count, 19178);
	draw_bars(&random);
	for (int i = 0; i < 60; i++) {
		size_t at = (size_t)tfl_random_below(&random, (uint32_t)count);
		float before = parameters[at], up, down, expected, gradient;

		/* The output layer's biases are the last ten, and worth a look each. */
		if (i < 10) {
			at = count - 1 - (size_t)i;
			before = parameters[at];
		}
		parameters[at] = before + 2e-3f;
		up = learner_gradient(learner, images, labels, COUNT);
		parameters[at] = before - 2e-3f;
		down = learner_gradient(learner, images, labels, COUNT);
		parameters[at] = before;
		learner_gradient(learner, images, labels, COUNT);
		gradient = learner_gradients(learner)[at];
		expected = (up - down) / 4e-3f;
		wrong += fabsf(gradient - expected) > 2e-3f + 0.05f * fabsf(expected);
	}
	/* A step across the corner of a relu or a pool makes a difference that is no slope. */
	ck_assert_uint_le(wrong, 2);
}
END_TEST

START_TEST(a_few_steps_learn_an_easy_task)
{
	struct tfl_random random = {5};
	float first = 0, last = 0;

	for (int step = 0; step < 150; step++) {
		float loss;

		draw_bars(&random);
		loss = learner_gradient(learner, images, labels, COUNT);
		learner_update(learner, 2e-3f);
		first += step < 10 ? loss / 10 : 0;
		last += step >= 140 ? loss / 10 : 0;
	}
	ck_assert_float_gt(first, 1.5f);
	ck_assert_float_lt(last, 0.6f);
}
END_TEST

START_TEST(the_exported_network_is_the_same)
{
	struct tfl_random random = {9};
	struct tfl_net net = {0};
	float probabilities[10];

	for (int step = 0; step < 5; step++) {
		draw_bars(&random);
		learner_gradient(learner, images, labels, COUNT);
		learner_update(learner, 1e-2f);
	}
	ck_assert_int_eq(learner_export(learner, &net), 0);
	for (int i = 0; i < COUNT; i++) {
		learner_predict(learner, images + i * DIGIT_PIXELS, probabilities);
		memcpy(net.layers[0].output, images + i * DIGIT_PIXELS, DIGIT_PIXELS * sizeof(float));
		tfl_net_run(&net);
		for (int class = 0; class < 10; class++)
			ck_assert_float_eq_tol(net.layers[net.count - 1].output[class], probabilities[class], 1e-5f);
	}
	tfl_net_finish(&net);
}
END_TEST

START_TEST(the_same_seed_learns_the_same)
{
	struct learner *twin = learner_create(1);
	struct tfl_random random = {11};
	size_t count;

	ck_assert_ptr_nonnull(twin);
	draw_bars(&random);
	for (int step = 0; step < 3; step++) {
		learner_gradient(learner, images, labels, COUNT);
		learner_update(learner, 1e-3f);
		learner_gradient(twin, images, labels, COUNT);
		learner_update(twin, 1e-3f);
	}
	ck_assert_mem_eq(learner_parameters(learner, &count), learner_parameters(twin, &count), count * sizeof(float));
	learner_destroy(twin);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("digits");
	TCase *tcase = tcase_create("learn");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_gradient_is_that_of_the_loss);
	tcase_add_test(tcase, a_few_steps_learn_an_easy_task);
	tcase_add_test(tcase, the_exported_network_is_the_same);
	tcase_add_test(tcase, the_same_seed_learns_the_same);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
