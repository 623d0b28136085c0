/* SPDX-License-Identifier: MIT */
/*
 * tflctl with models that have signatures, and inputs of a free size: a fake daemon describes them, keeps what a request says, and answers
 * with the request's own inputs.
 */
#include <jansson.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dtype.h"
#include "client/npy.h"
#include "proto/request.h"
#include "proto/response.h"
#include "tests/client/ctl_suites.h"
#include "tests/client/describing.h"
#include "tests/client/fake.h"
#include "tests/client/run.h"

static struct fake fake;
static char folder[64];
static const char *description; /* as JSON */

/* Of the last request. */
static char named[64];           /* its signature; "-": none */
static char inputs[4][160];      /* "0 int8 [1, 2]" */
static uint8_t first[4][16];     /* and how their bytes begin */
static unsigned input_count;

/* ---- The fake ---- */

static void keep(const struct tfl_message *request)
{
	struct tfl_infer_request parsed;
	char shape[TFL_SHAPE_STRING_MAX];

	ck_assert_int_eq(tfl_infer_request_parse(request->params, &parsed, NULL), 0);
	snprintf(named, sizeof(named), "%.*s", parsed.head.signature.text ? (int)parsed.head.signature.length : 1,
		 parsed.head.signature.text ? parsed.head.signature.text : "-");
	input_count = parsed.inputs.count;
	for (unsigned i = 0; i < input_count && i < 4; i++) {
		const struct tfl_wire_tensor *input = tfl_tensor_list_at(&parsed.inputs, i);

		tfl_shape_to_string(input->shape.dims, (unsigned)input->shape.rank, shape, sizeof(shape));
		snprintf(inputs[i], sizeof(inputs[i]), "%d %s %s", input->index, tfl_dtype_to_string(input->dtype), shape);
		memcpy(first[i], input->data.data, input->data.size < 16 ? input->data.size : 16);
	}
	tfl_infer_request_finish(&parsed);
}

static void serve(struct fake *unused, unsigned connection)
{
	struct tfl_message request;

	while (fake_receive(&fake, &request)) {
		if (tfl_string_equal(request.method, TFL_METHOD_INFER)) {
			keep(&request);
			fake_write_echo(&fake, &request);
		} else {
			write_json_reply(&fake.writer, request.msgid, description);
		}
		fake_send(&fake);
	}
}

static void setup(void)
{
	strcpy(folder, "/tmp/tflctl-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	fake_start(&fake, serve, NULL);
	setenv("TFL_SOCKET", fake.path, 1);
}

static void teardown(void)
{
	static const char *const names[] = {"raw", "a.npy", "p.png"};
	char path[96];

	fake_stop(&fake);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

static const char *path_of(const char *name)
{
	static char path[96];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* A file of so many bytes 0, 1, 2 … */
static const char *raw(size_t size)
{
	const char *path = path_of("raw");
	FILE *file = fopen(path, "w");

	for (size_t i = 0; i < size; i++)
		fputc((int)(i & 0xff), file);
	fclose(file);
	return path;
}

static const char *array(enum tfl_dtype dtype, uint32_t rank, const int32_t *dims)
{
	static const uint8_t zeros[4096];
	struct tfl_npy npy = {.dtype = dtype, .rank = rank, .data = zeros};
	const char *path = path_of("a.npy");
	FILE *file = fopen(path, "w");
	size_t elements;

	memcpy(npy.dims, dims, rank * sizeof(*dims));
	ck_assert_int_eq(tfl_shape_elements(dims, rank, &elements), 0);
	npy.bytes = elements * tfl_dtype_size(dtype);
	ck_assert_uint_le(npy.bytes, sizeof(zeros));
	ck_assert_int_eq(tfl_npy_write(file, &npy), 0);
	fclose(file);
	return path;
}

static const char *picture(uint32_t width, uint32_t height)
{
	png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB, .width = width, .height = height};
	const char *path = path_of("p.png");
	uint8_t *pixels = calloc(3, (size_t)width * height);

	ck_assert_int_ne(png_image_write_to_file(&image, path, 0, pixels, 0, NULL), 0);
	free(pixels);
	return path;
}

static void expect_lines(const char *const *lines, size_t count)
{
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(strstr(result.out, lines[i]), "\"%s\" is not in\n%s", lines[i], result.out);
}

#define EXPECT(...) \
	expect_lines((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void expect_refusal(const char *err)
{
	ck_assert_msg(result.status == 1 && strcmp(result.err, err) == 0, "%s%s", result.out, result.err);
}

/* ---- Signatures ---- */

#define TENSOR(name, dtype, shape, more) "{'name': '" name "', 'dtype': '" dtype "', 'shape': " shape more "}"
#define CALLED(name, called, dtype, shape) TENSOR(name, dtype, shape, ", 'signature_name': '" called "'")
#define MAIN \
	"'model': 'm', 'version': 3, 'state': 'AVAILABLE', 'inputs': [" TENSOR("x:0", "uint8", "[1, 4]", "") "], 'outputs': [" \
	TENSOR("y:0", "uint8", "[1, 4]", ", 'kind': 'classification'") "], 'labels': ['ape', 'bee', 'cat', 'dog']"
/* "decode" has inputs that are called as the tensor of the other one. */
#define SIGNATURES \
	"'signatures': [{'signature': 'main', 'main': true, 'inputs': [" CALLED("x:0", "image", "uint8", "[1, 4]") "], 'outputs': [" \
	CALLED("y:0", "scores", "uint8", "[1, 4]") "]}, {'signature': 'decode', 'inputs': [" CALLED("right", "left", "uint8", "[2]") ", " \
	CALLED("left", "right", "uint8", "[3]") "], 'outputs': [" CALLED("z:0", "", "uint8", "[4]") "]}, " \
	"{'signature': 'odd name', 'inputs': [], 'outputs': []}, {'signature': 'broken', 'reason': 'operator 0, X, is \\u001b[2Jnot there'}]"

START_TEST(inputs_of_a_signature)
{
	char by_name[128], by_number[128];

	description = "{" MAIN ", " SIGNATURES "}";
	snprintf(by_name, sizeof(by_name), "left=%s", raw(2));
	TFLCTL("infer", "m@3", "--signature", "decode", "--in", by_name, "--in", array(TFL_UINT8, 1, (const int32_t[]){3}));
	EXPECT("");
	ck_assert_str_eq(named, "decode");
	ck_assert_uint_eq(input_count, 2);
	ck_assert_str_eq(inputs[0], "0 uint8 [2]");
	ck_assert_str_eq(inputs[1], "1 uint8 [3]");
	snprintf(by_name, sizeof(by_name), "right=%s", array(TFL_UINT8, 1, (const int32_t[]){3}));
	snprintf(by_number, sizeof(by_number), "0=%s", raw(2));
	TFLCTL("infer", "m@3", "--signature=decode", "--in", by_name, "--in", by_number, "--json");
	ck_assert_str_eq(inputs[1], "1 uint8 [3]");
	EXPECT("\"signature\": \"decode\"");
	TFLCTL("infer", "m@3", "--signature", "decode", "--in", "x=raw");
	expect_refusal("tflctl: m@3 has no input 'x'; it has: left, right\n");
	TFLCTL("infer", "m@3", "--signature", "odd name");
	EXPECT("");
	ck_assert_uint_eq(input_count, 0);
}
END_TEST

/* The main graph under another name has what the metadata says of it; others have not. */
START_TEST(labels_are_about_the_main_graph)
{
	description = "{" MAIN ", " SIGNATURES "}";
	TFLCTL("infer", "m@3", "--in", raw(4));
	EXPECT("dog  3 ");
	ck_assert_str_eq(named, "-");
	TFLCTL("infer", "m@3", "--in", raw(4), "--signature", "main");
	EXPECT("dog  3 ");
	ck_assert_str_eq(named, "main");
	description = "{" MAIN ", 'signatures': [{'signature': 'other', 'inputs': [" TENSOR("x:0", "uint8", "[1, 4]", "") "], 'outputs': ["
		      TENSOR("y:0", "uint8", "[1, 4]", ", 'kind': 'classification'") "]}]}";
	TFLCTL("infer", "m@3", "--in", raw(4), "--signature", "other");
	EXPECT("class 3  3 ");
}
END_TEST

START_TEST(signatures_that_are_refused)
{
	json_t *json;

	description = "{" MAIN ", " SIGNATURES "}";
	TFLCTL("infer", "m", "--signature", "encode", "--in", "raw");
	expect_refusal("tflctl: m has no signature 'encode'; it has: main, decode, odd name, broken\n");
	TFLCTL("infer", "m", "--signature", "", "--in", "raw");
	expect_refusal("tflctl: m has no signature ''; it has: main, decode, odd name, broken\n");
	TFLCTL("bench", "m", "--signature", "broken");
	expect_refusal("tflctl: signature 'broken' of m cannot be run: operator 0, X, is ?[2Jnot there\n");
	TFLCTL("infer", "m", "--signature", "broken", "--json");
	json = json_of_output();
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(json, "error"), "name")), "UNSUPPORTED_MODEL");
	json_decref(json);
	description = "{" MAIN "}";
	TFLCTL("infer", "m", "--signature", "main");
	expect_refusal("tflctl: m has no signatures; without --signature its graph runs\n");
	ck_assert_uint_eq(fake.requests, 5); /* that describe, and none that infers */
}
END_TEST

START_TEST(signatures_are_completed)
{
	description = "{" MAIN ", " SIGNATURES "}";
	TFLCTL("--complete", "infer", "m@3", "--signature", "");
	ck_assert_str_eq(result.out, "main\ndecode\n"); /* what is no word for a shell is not offered, nor what cannot be run */
	TFLCTL("--complete", "bench", "m", "--signature=d");
	ck_assert_str_eq(result.out, "--signature=decode\n");
	TFLCTL("--complete", "infer", "--signature", "");
	ck_assert_str_eq(result.out, "");
}
END_TEST

START_TEST(described_signatures)
{
	description = "{" MAIN ", " SIGNATURES "}";
	TFLCTL("describe", "m");
	EXPECT("\nsignatures main: image → scores (and without a name)\n"
	       "           decode: left, right → z:0\n"
	       "           odd name: - → -\n"
	       "           broken: cannot be run: operator 0, X, is ?[2Jnot there\n"
	       "inputs\n  0  x:0  uint8  [1, 4]  0 B\n",
	       "\ninputs of decode\n  0  right  uint8  [2]  0 B  as left\n  1  left   uint8  [3]  0 B  as right\n"
	       "outputs of decode\n  0  z:0  uint8  [4]  0 B\n");
	ck_assert_ptr_null(strstr(result.out, " of main"));
}
END_TEST

/* ---- Free sizes ---- */

#define FREE(dtype, shape, signature) \
	"{'model': 'm', 'version': 3, 'inputs': [" TENSOR("x", dtype, shape, ", 'bytes': 8, 'shape_signature': " signature) \
	"], 'outputs': [" TENSOR("y", "float32", "[1, 1]", ", 'shape_signature': [-1, 1]") ", " \
	TENSOR("z", "int64", "[1]", ", 'dynamic': true, 'shape_signature': [-1]") "]}"

static const struct {
	const char *description;
	size_t size;
	const char *sent; /* NULL: refused with … */
	const char *words;
} raws[] = {
	{FREE("int16", "[1, 1]", "[1, -1]"), 14, "0 int16 [1, 7]", NULL},
	{FREE("int16", "[1, 1]", "[1, -1]"), 2, "0 int16 [1, 1]", NULL},
	{FREE("int16", "[1, 1]", "[1, -1]"), 15, NULL, "it has 15 bytes; input 'x' (int16 [1, -1]) needs a multiple of 2\n"},
	{FREE("int16", "[1, 1]", "[1, -1]"), 0, NULL, "it has 0 bytes; input 'x' (int16 [1, -1]) needs a multiple of 2\n"},
	{FREE("int16", "[0, 3]", "[-1, 3]"), 12, "0 int16 [2, 3]", NULL},   /* a size of none is the file's way to say that it has none */
	{FREE("int16", "[-1, 3]", "[-1, 3]"), 12, "0 int16 [2, 3]", NULL},
	{FREE("float32", "[5, 2]", "[-1, 2]"), 16, "0 float32 [2, 2]", NULL},
	{FREE("float32", "[5, 2]", "[-1, 2]"), 20, NULL, "it has 20 bytes; input 'x' (float32 [-1, 2]) needs a multiple of 8\n"},
	{FREE("uint8", "[2, 3]", "[-1, -1]"), 6, "0 uint8 [2, 3]", NULL},
	{FREE("uint8", "[2, 3]", "[-1, -1]"), 12, NULL, "it has 12 bytes; input 'x' (uint8 [-1, -1]) has more than one free dimension, so it "
							"needs an .npy file, or the 6 bytes of [2, 3]\n"},
	{FREE("uint8", "[2, 0]", "[-1, 0]"), 6, NULL, "it has 6 bytes; input 'x' (uint8 [-1, 0]) needs a multiple of 0\n"},
	/* What says nothing. */
	{FREE("uint8", "[2, 3]", "[-1]"), 12, NULL, "it has 12 bytes; input 'x' (uint8 [2, 3]) needs 6\n"},
	{FREE("uint8", "[2, 3]", "'any'"), 12, NULL, "it has 12 bytes; input 'x' (uint8 [2, 3]) needs 6\n"},
	{FREE("uint8", "[2, 3]", "[-2, 'x']"), 12, NULL, "it has 12 bytes; input 'x' (uint8 [2, 3]) needs 6\n"},
	/* What would overflow. */
	{FREE("uint8", "[2147483647, 0, 2147483647]", "[2147483647, -1, 2147483647]"), 12, NULL, "describes 'x' with an impossible shape\n"},
	{FREE("float32", "[4611686018427387904, 1]", "[-1, 1]"), 12, NULL, "describes 'x' with an impossible shape\n"},
};

START_TEST(raw_bytes)
{
	description = raws[_i].description;
	TFLCTL("infer", "m@3", "--in", raw(raws[_i].size));
	if (raws[_i].sent) {
		ck_assert_msg(result.status == 0, "%s", result.err);
		ck_assert_str_eq(inputs[0], raws[_i].sent);
	} else {
		ck_assert_msg(result.status == 1 && strstr(result.err, raws[_i].words), "%s", result.err);
	}
}
END_TEST

START_TEST(arrays_have_their_own_shape)
{
	description = FREE("float32", "[1, 1, 3]", "[-1, -1, 3]");
	TFLCTL("infer", "m@3", "--in", array(TFL_FLOAT32, 3, (const int32_t[]){5, 7, 3}));
	EXPECT("float32 [5, 7, 3]"); /* and the answer has that of this request */
	ck_assert_str_eq(inputs[0], "0 float32 [5, 7, 3]");
	TFLCTL("infer", "m@3", "--in", array(TFL_FLOAT64, 3, (const int32_t[]){2, 1, 3}));
	EXPECT("");
	ck_assert_str_eq(inputs[0], "0 float32 [2, 1, 3]");
	TFLCTL("infer", "m@3", "--in", array(TFL_FLOAT32, 3, (const int32_t[]){0, 1, 3}));
	EXPECT("float32 [0, 1, 3]  (m@7, ", ")\n  no values\n");
}
END_TEST

static const struct {
	const char *shape, *signature;
	const char *sent; /* for a picture of 40 x 20 */
} pictures[] = {
	{"[1, 1, 1, 3]", "[1, -1, -1, 3]", "0 uint8 [1, 20, 40, 3]"},
	{"[1, 0, 0, 3]", "[-1, -1, -1, 3]", "0 uint8 [1, 20, 40, 3]"},
	{"[8, 6, 6, 1]", "[-1, 6, 6, 1]", "0 uint8 [1, 6, 6, 1]"},  /* one of any number */
	{"[1, 6, 4, 1]", "[1, -1, 4, 1]", "0 uint8 [1, 6, 4, 1]"},  /* one side alone says nothing of its own */
	{"[1, 6, 4, 3]", "[1, 6, 4, -1]", "0 uint8 [1, 6, 4, 3]"},
};

START_TEST(pictures_of_a_free_size)
{
	char json[1024];

	snprintf(json, sizeof(json), "{'model': 'm', 'version': 3, 'inputs': [{'name': 'x', 'dtype': 'uint8', 'shape': %s, 'shape_signature': %s}], "
		 "'outputs': []}", pictures[_i].shape, pictures[_i].signature);
	description = json;
	TFLCTL("infer", "m@3", "--image", picture(40, 20));
	EXPECT("");
	ck_assert_str_eq(inputs[0], pictures[_i].sent);
	TFLCTL("infer", "m@3", "--image", path_of("p.png"), "--crop");
	EXPECT("");
	ck_assert_str_eq(inputs[0], pictures[_i].sent);
}
END_TEST

START_TEST(pictures_that_are_too_large)
{
	char expected[256];

	description = "{'model': 'm', 'version': 3, 'inputs': [" TENSOR("x", "float32", "[1, 1, 1, 3]", ", 'shape_signature': [1, -1, -1, 3]")
		      "], 'outputs': []}";
	snprintf(expected, sizeof(expected), "tflctl: %s: input 'x' takes it in its own size, 3000 x 2000, which are 72000000 bytes, and a request "
		 "has at most 67108864: scale it down first\n", picture(3000, 2000));
	TFLCTL("infer", "m", "--image", path_of("p.png"));
	expect_refusal(expected);
}
END_TEST

START_TEST(described_sizes)
{
	description = FREE("int16", "[1, 4]", "[1, -1]");
	TFLCTL("describe", "m");
	EXPECT("\ninputs\n  0  x  int16  [1, 4]  8 B\n     [1, -1]: -1 is any size\n",
	       "\noutputs\n  0  y  float32  [1, 1]  0 B\n     [-1, 1]: -1 follows the inputs\n"
	       "  1  z  int64    [1]     0 B\n     the shape is a guess: each answer has its own\n");
}
END_TEST

/* A daemon that lies about signatures: refused or left out, never followed. */
static const char *const lies[] = {
	"'signatures': 5",
	"'signatures': [1, [], {}, {'signature': 7}, {'signature': 'a', 'inputs': 3, 'outputs': 'x'}]",
	"'signatures': {'signature': 'a'}",
	"'signatures': [{'signature': 'a', 'inputs': [1, {}, {'name': 3}], 'outputs': [[], null]}]",
	"'signatures': [{'signature': 'a', 'reason': 9}]",
	"'signatures': [{'signature': 'a'}]",
	"'signatures': [{'signature': 'a', 'main': true}]",
};

START_TEST(signatures_that_lie)
{
	char json[1024];

	snprintf(json, sizeof(json), "{" MAIN ", %s}", lies[_i]);
	description = json;
	TFLCTL("describe", "m");
	ck_assert_int_eq(result.status, 0);
	TFLCTL("infer", "m", "--signature", "a", "--in", raw(1));
	ck_assert_msg(result.status == 1 || result.status == 2, "%s", result.out);
	TFLCTL("--complete", "infer", "m", "--signature", "");
	ck_assert_int_eq(result.status, 0);
}
END_TEST

Suite *signature_suite(void)
{
	Suite *suite = suite_create("signature");
	TCase *tcase = tcase_create("signature");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, inputs_of_a_signature);
	tcase_add_test(tcase, labels_are_about_the_main_graph);
	tcase_add_test(tcase, signatures_that_are_refused);
	tcase_add_test(tcase, signatures_are_completed);
	tcase_add_test(tcase, described_signatures);
	tcase_add_loop_test(tcase, raw_bytes, 0, sizeof(raws) / sizeof(raws[0]));
	tcase_add_test(tcase, arrays_have_their_own_shape);
	tcase_add_loop_test(tcase, pictures_of_a_free_size, 0, sizeof(pictures) / sizeof(pictures[0]));
	tcase_add_test(tcase, pictures_that_are_too_large);
	tcase_add_test(tcase, described_sizes);
	tcase_add_loop_test(tcase, signatures_that_lie, 0, sizeof(lies) / sizeof(lies[0]));
	suite_add_tcase(suite, tcase);
	return suite;
}
