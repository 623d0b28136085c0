/* SPDX-License-Identifier: MIT */
/*
 * RFFT2D and COMPLEX_ABS against the sum that defines the transform, over lengths of 1 to 64, with inputs that are cut and filled up; and what is
 * refused.
 */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

struct fourier {
	int32_t pictures, input_height, input_width, height, width;
};

/* RFFT2D, and its absolute values. */
static int open_fourier(const struct fourier *f, struct scene *scene)
{
	struct tfl_builder *builder = tfl_build_create();
	int32_t lengths[] = {f->height, f->width};
	int32_t input, size, spectrum, magnitude;

	input = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "in", .dims = TFL_INTS(f->pictures, f->input_height, f->input_width)});
	size = tfl_build_tensor(builder, &(struct tfl_build_tensor){.dtype = TFL_INT32, .dims = TFL_INTS(2), .data = lengths,
								    .data_size = sizeof(lengths)});
	spectrum = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "spectrum", .dtype = TFL_COMPLEX64, .dims = TFL_INTS(1)});
	magnitude = tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "magnitude", .dims = TFL_INTS(1)});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_RFFT2D, .inputs = TFL_INTS(input, size), .outputs = TFL_INTS(spectrum)});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_COMPLEX_ABS, .inputs = TFL_INTS(spectrum), .outputs = TFL_INTS(magnitude)});
	tfl_build_io(builder, TFL_INTS(input), TFL_INTS(spectrum, magnitude));
	return scene_open(scene, builder);
}

/* One number of the spectrum by its definition. */
static void expected(const struct fourier *f, const float *picture, int32_t v, int32_t u, double *ret_re, double *ret_im)
{
	*ret_re = *ret_im = 0;
	for (int32_t y = 0; y < f->height && y < f->input_height; y++) {
		for (int32_t x = 0; x < f->width && x < f->input_width; x++) {
			double angle = -2 * M_PI * ((double)v * y / f->height + (double)u * x / f->width);

			*ret_re += (double)picture[y * f->input_width + x] * cos(angle);
			*ret_im += (double)picture[y * f->input_width + x] * sin(angle);
		}
	}
}

static void check_fourier(const struct fourier *f, uint64_t seed)
{
	double tolerance = 1e-6 * f->height * f->width + 1e-6;
	struct tfl_interpreter *interpreter;
	size_t elements = (size_t)(f->pictures * f->input_height * f->input_width);
	float *pictures = malloc(elements * sizeof(*pictures)); /* the interpreter's own are written over */
	const float *spectrum, *magnitude;
	struct tfl_program *program;
	struct scene scene;

	ck_assert_int_eq(open_fourier(f, &scene), 0);
	program = scene_program(&scene, NULL);
	interpreter = scene_interpreter(program);
	scene_fill(program, interpreter, seed);
	memcpy(pictures, tfl_interpreter_input(interpreter, 0), elements * sizeof(*pictures));
	scene_invoke(interpreter);
	spectrum = tfl_interpreter_output(interpreter, 0);
	magnitude = tfl_interpreter_output(interpreter, 1);
	for (int32_t p = 0; p < f->pictures; p++) {
		const float *picture = pictures + p * f->input_height * f->input_width;

		for (int32_t v = 0; v < f->height; v++) {
			for (int32_t u = 0; u <= f->width / 2; u++, spectrum += 2, magnitude++) {
				double re, im;

				expected(f, picture, v, u, &re, &im);
				ck_assert_msg(fabs((double)spectrum[0] - re) < tolerance && fabs((double)spectrum[1] - im) < tolerance &&
						      fabs((double)magnitude[0] - hypot(re, im)) < tolerance,
					      "%d x %d of %d x %d, at %d, %d: %g %gi, not %g %gi", f->height, f->width, f->input_height, f->input_width, v, u,
					      (double)spectrum[0], (double)spectrum[1], re, im);
			}
		}
	}
	free(pictures);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}

START_TEST(by_definition)
{
	unsigned seed = 3;

	for (unsigned i = 0; i < 60; i++) {
		struct fourier f = {1 + rand_r(&seed) % 3, 1 + rand_r(&seed) % 20, 1 + rand_r(&seed) % 70, 1 << rand_r(&seed) % 5, 1 << rand_r(&seed) % 7};

		check_fourier(&f, i + 1);
	}
}
END_TEST

START_TEST(what_is_refused)
{
	static const struct {
		struct fourier fourier;
		int code;
		const char *words;
	} refused[] = {
		{{1, 4, 4, 3, 4}, -EINVAL, "powers of two"},          {{1, 4, 4, 4, 0}, -EINVAL, "powers of two"},
		{{1, 4, 4, -4, 4}, -EINVAL, "powers of two"},         {{1, 4, 4, INT32_MIN, 4}, -EINVAL, "powers of two"},
		{{1, 4, 4, 1 << 20, 1 << 20}, -EINVAL, "larger than"}, {{1, 4, 4, 1, 1 << 27}, -EFBIG, "limit"},
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct tfl_program *program;
		struct scene scene;

		ck_assert_int_eq(open_fourier(&refused[i].fourier, &scene), 0);
		ck_assert_int_eq(scene_try(&scene, NULL, &program), refused[i].code);
		ck_assert_msg(strstr(scene.error.text, refused[i].words), "%s", scene.error.text);
		scene_close(&scene);
	}
}
END_TEST

Suite *fourier_suite(void)
{
	Suite *suite = suite_create("fourier");
	TCase *tcase = tcase_create("fourier");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, by_definition);
	tcase_add_test(tcase, what_is_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}
