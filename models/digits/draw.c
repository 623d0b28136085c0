/* SPDX-License-Identifier: MIT */
/*
 * A glyph is taken as an outline without hinting, brought to a height of 1 around the origin, moved by one linear map and a perspective
 * division, and filled by FreeType at three times the wanted resolution. That picture is bent by a smooth field of displacements while it
 * is scaled down, then blurred, and mapped to a black and a white level with noise. All lengths are shares of the picture's side, so that a
 * large picture shows what a small one is trained on.
 */
#include "models/digits/draw.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_OUTLINE_H

#include "base/error.h"
#include "base/util.h"

#define FONTS_MAX 128
#define OVERSAMPLE 3
#define GRID 5 /* nodes of the displacement field along a side */

struct digit_fonts {
	FT_Library library;
	FT_Face faces[FONTS_MAX];
	char *names[FONTS_MAX];
	unsigned count;
};

struct accident {
	float matrix[2][2];
	float perspective[2];
	float shift[2];
	float thickness; /* of strokes, added, in shares of the side */
	float bend[GRID][GRID][2];
	float blur;      /* weight of a neighbour, 0 to 1 */
	float black, white, noise;
};

static struct accident draw_accident(float d, struct tfl_random *r)
{
	struct accident a = {0};
	float angle = d * tfl_random_uniform(r, -0.24f, 0.24f), slant = d * tfl_random_uniform(r, -0.3f, 0.3f);
	float height = 0.74f + d * tfl_random_uniform(r, -0.17f, 0.17f), aspect = 1 + d * tfl_random_uniform(r, -0.28f, 0.28f);
	float width = height * aspect, reach = d * fmaxf(0, (1 - height) / 2);

	a.matrix[0][0] = cosf(angle) * width;
	a.matrix[0][1] = (cosf(angle) * slant - sinf(angle)) * height;
	a.matrix[1][0] = sinf(angle) * width;
	a.matrix[1][1] = (sinf(angle) * slant + cosf(angle)) * height;
	for (int i = 0; i < 2; i++) {
		a.perspective[i] = d * tfl_random_uniform(r, -0.22f, 0.22f);
		a.shift[i] = tfl_random_uniform(r, -reach, reach);
	}
	a.thickness = d * tfl_random_uniform(r, -0.01f, 0.05f);
	for (int i = 0; i < GRID * GRID * 2; i++)
		(&a.bend[0][0][0])[i] = d * tfl_random_uniform(r, -0.045f, 0.045f);
	a.blur = d * fmaxf(0, tfl_random_uniform(r, -0.4f, 0.9f));
	a.black = d * fmaxf(0, tfl_random_uniform(r, -0.15f, 0.18f));
	a.white = 1 - d * fmaxf(0, tfl_random_uniform(r, -0.3f, 0.45f));
	a.noise = d * fmaxf(0, tfl_random_uniform(r, -0.06f, 0.1f));
	return a;
}

/* The place of the outline's points in 26.6 pixels, y upwards from the lower edge. */
static void place_outline(FT_Outline *outline, const struct accident *a, int side)
{
	FT_BBox box;
	float size, middle_x, middle_y;

	FT_Outline_Get_CBox(outline, &box);
	size = fmaxf((float)(box.yMax - box.yMin), (float)(box.xMax - box.xMin));
	middle_x = (float)(box.xMin + box.xMax) / 2;
	middle_y = (float)(box.yMin + box.yMax) / 2;
	for (int i = 0; i < outline->n_points; i++) {
		float x = ((float)outline->points[i].x - middle_x) / size, y = ((float)outline->points[i].y - middle_y) / size;
		float depth = 1 + a->perspective[0] * x + a->perspective[1] * y;
		float u = (a->matrix[0][0] * x + a->matrix[0][1] * y) / depth, v = (a->matrix[1][0] * x + a->matrix[1][1] * y) / depth;

		outline->points[i].x = lrintf((u + 0.5f + a->shift[0]) * (float)side * 64);
		outline->points[i].y = lrintf((v + 0.5f + a->shift[1]) * (float)side * 64);
	}
}

static int fill_outline(struct digit_fonts *fonts, FT_Outline *outline, const struct accident *a, int side, uint8_t *pixels)
{
	FT_Bitmap bitmap = {.rows = (unsigned)side, .width = (unsigned)side, .pitch = side, .buffer = pixels, .num_grays = 256,
			    .pixel_mode = FT_PIXEL_MODE_GRAY};
	FT_Pos strength = lrintf(a->thickness * (float)side * 64);

	place_outline(outline, a, side);
	if (strength) {
		FT_Outline_Embolden(outline, strength);
		FT_Outline_Translate(outline, -strength / 2, -strength / 2);
	}
	return FT_Outline_Get_Bitmap(fonts->library, outline, &bitmap) ? -EIO : 0;
}

/* The field between its nodes; places and displacements are shares of the side. */
static float bend_at(const struct accident *a, float y, float x, int axis)
{
	float gy = y * (GRID - 1), gx = x * (GRID - 1);
	int iy = gy < GRID - 2 ? (int)gy : GRID - 2, ix = gx < GRID - 2 ? (int)gx : GRID - 2;
	float fy = gy - (float)iy, fx = gx - (float)ix;

	fy = fy * fy * (3 - 2 * fy);
	fx = fx * fx * (3 - 2 * fx);
	return (a->bend[iy][ix][axis] * (1 - fx) + a->bend[iy][ix + 1][axis] * fx) * (1 - fy) +
	       (a->bend[iy + 1][ix][axis] * (1 - fx) + a->bend[iy + 1][ix + 1][axis] * fx) * fy;
}

static float sample(const uint8_t *pixels, int side, float y, float x)
{
	int iy = (int)floorf(y), ix = (int)floorf(x);
	float fy = y - (float)iy, fx = x - (float)ix, sum = 0;

	for (int dy = 0; dy < 2; dy++) {
		for (int dx = 0; dx < 2; dx++) {
			if (iy + dy >= 0 && iy + dy < side && ix + dx >= 0 && ix + dx < side)
				sum += (dy ? fy : 1 - fy) * (dx ? fx : 1 - fx) * pixels[(iy + dy) * side + ix + dx];
		}
	}
	return sum;
}

static void scale_down(const uint8_t *pixels, const struct accident *a, int size, float *ret_values)
{
	int side = size * OVERSAMPLE;

	for (int y = 0; y < size; y++) {
		for (int x = 0; x < size; x++) {
			float v = (float)y / (float)size, u = (float)x / (float)size, sum = 0;
			float top = (v + bend_at(a, v, u, 0)) * (float)side, left = (u + bend_at(a, v, u, 1)) * (float)side;

			for (int i = 0; i < OVERSAMPLE * OVERSAMPLE; i++)
				sum += sample(pixels, side, top + (float)(i / OVERSAMPLE), left + (float)(i % OVERSAMPLE));
			ret_values[y * size + x] = sum / (OVERSAMPLE * OVERSAMPLE * 255);
		}
	}
}

/* Three pixels wide along one direction and then the other; on a larger picture as often as it is larger, squared: widths add so. */
static void blur(float *values, int size, float weight, float *scratch)
{
	int times = size / DIGIT_SIZE * (size / DIGIT_SIZE), count = size * size;
	float share = weight / (1 + 2 * weight);

	for (int pass = 0; weight > 0 && pass < 2 * times; pass++) {
		int step = pass % 2 ? 1 : size;

		memcpy(scratch, values, (size_t)count * sizeof(float));
		for (int i = 0; i < count; i++) {
			float before = i >= step ? scratch[i - step] : 0, after = i + step < count ? scratch[i + step] : 0;

			values[i] = scratch[i] * (1 - 2 * share) + (before + after) * share;
		}
	}
}

static int draw_with(struct digit_fonts *fonts, FT_Outline *outline, const struct accident *a, struct tfl_random *random, int size,
		     uint8_t *ret_pixels)
{
	int side = size * OVERSAMPLE, r;
	_tfl_free_ uint8_t *large = calloc((size_t)side, (size_t)side);
	_tfl_free_ float *values = calloc(2 * (size_t)size, (size_t)size * sizeof(float));

	if (!large || !values)
		return -ENOMEM;
	r = fill_outline(fonts, outline, a, side, large);
	if (r < 0)
		return r;
	scale_down(large, a, size, values);
	blur(values, size, a->blur, values + size * size);
	for (int i = 0; i < size * size; i++) {
		float value = a->black + (a->white - a->black) * values[i] + a->noise * tfl_random_normal(random);

		ret_pixels[i] = (uint8_t)lrintf(fminf(fmaxf(value, 0), 1) * 255);
	}
	return 0;
}

int digit_draw(struct digit_fonts *fonts, unsigned font, int digit, float distortion, struct tfl_random *random, int size,
	       uint8_t *ret_pixels)
{
	struct accident a = draw_accident(distortion, random);
	FT_Face face = fonts->faces[font];

	if (FT_Load_Char(face, (FT_ULong)('0' + digit), FT_LOAD_NO_SCALE | FT_LOAD_NO_BITMAP))
		return -EIO;
	return draw_with(fonts, &face->glyph->outline, &a, random, size, ret_pixels);
}

void digit_fonts_destroy(struct digit_fonts *fonts)
{
	if (!fonts)
		return;
	for (unsigned i = 0; i < fonts->count; i++) {
		FT_Done_Face(fonts->faces[i]);
		free(fonts->names[i]);
	}
	FT_Done_FreeType(fonts->library);
	free(fonts);
}

unsigned digit_fonts_count(const struct digit_fonts *fonts)
{
	return fonts->count;
}

const char *digit_fonts_name(const struct digit_fonts *fonts, unsigned index)
{
	return fonts->names[index];
}

static int add_font(struct digit_fonts *fonts, const char *folder, const char *package, const char *file, struct tfl_error *error)
{
	_tfl_free_ char *path = NULL;
	FT_Face face;

	if (fonts->count == FONTS_MAX)
		return tfl_error_set(error, -ENOSPC, "the list names more than %d fonts", FONTS_MAX);
	if (asprintf(&path, "%s/%s", folder, file) < 0)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	if (FT_New_Face(fonts->library, path, 0, &face))
		return tfl_error_set(error, -ENOENT, "cannot open the font %s: it comes with Debian's package %s", path, package);
	fonts->faces[fonts->count] = face;
	fonts->names[fonts->count] = strdup(file);
	if (!fonts->names[fonts->count++])
		return tfl_error_set(error, -ENOMEM, "out of memory");
	for (int digit = 0; digit < 10; digit++) {
		if (!FT_Get_Char_Index(face, (FT_ULong)('0' + digit)))
			return tfl_error_set(error, -EINVAL, "the font %s has no digit %d", path, digit);
	}
	return 0;
}

/* A line is "purpose package path"; the path may hold blanks. Lines of other purposes and comments are passed over. */
static int read_line(struct digit_fonts *fonts, char *line, const char *folder, const char *purpose, struct tfl_error *error)
{
	char *rest = line, *word = strsep(&rest, " "), *package = strsep(&rest, " ");

	if (!rest || strcmp(word, purpose))
		return 0;
	rest[strcspn(rest, "\n")] = 0;
	return add_font(fonts, folder, package, rest, error);
}

static int read_list(struct digit_fonts *fonts, const char *list, const char *folder, const char *purpose, struct tfl_error *error)
{
	FILE *file = fopen(list, "re");
	_tfl_free_ char *line = NULL;
	size_t capacity = 0;
	int r = 0;

	if (!file)
		return tfl_error_set(error, -errno, "%s: %s", list, strerror(errno));
	while (r == 0 && getline(&line, &capacity, file) >= 0)
		r = read_line(fonts, line, folder, purpose, error);
	fclose(file);
	if (r == 0 && !fonts->count)
		r = tfl_error_set(error, -EINVAL, "%s names no font for '%s'", list, purpose);
	return r;
}

int digit_fonts_open(const char *list, const char *folder, const char *purpose, struct digit_fonts **ret_fonts, struct tfl_error *error)
{
	struct digit_fonts *fonts = calloc(1, sizeof(*fonts));
	int r;

	if (!fonts)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	if (FT_Init_FreeType(&fonts->library)) {
		free(fonts);
		return tfl_error_set(error, -EIO, "FreeType does not start");
	}
	r = read_list(fonts, list, folder, purpose, error);
	if (r < 0) {
		digit_fonts_destroy(fonts);
		return r;
	}
	*ret_fonts = fonts;
	return 0;
}
