/* SPDX-License-Identifier: MIT */
/*
 * Runs every model of a folder in the zoo's layout (manifest.json, models/, golden/, refuse_or_run/) and compares with the golden outputs.
 *
 *   conformance [--tap] [--portable] [--require FILE] [--coverage FILE | --write-coverage FILE] [FOLDER [MODEL…]]
 *
 * One line per model: pass, unsupported (with the operator) or FAIL (with case, output, difference, tolerance). Each model runs in a child
 * of its own with limits on time and memory (that of doc/runtime.md, by the size of its file), so that a crash is that model's failure and
 * no other's, and so is memory that it asks for past the limit. Models that --require names must pass
 * (required.json has all that ever did): unsupported is a failure for them. A summary by operator and type follows, and is compared with
 * --coverage, or written there. Exit status: 0, or 1 when anything failed. A missing folder is a skip.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "compare.h"
#include "runtime/arena.h"
#include "runtime/interpreter.h"
#include "runtime/model.h"
#include "runtime/program.h"
#include "summary.h"

#define SECONDS_MAX 60 /* times CK_TIMEOUT_MULTIPLIER, as for tests with libcheck, where a processor is emulated */
/*
 * What doc/runtime.md promises: activations, constants and XNNPACK within tfl_arena_limit() each; all else in proportion to the file. The
 * floor is for this program.
 */
#define MEMORY_PARTS 3
#define MEMORY_FACTOR 64
#define MEMORY_FLOOR (64u << 20)

enum verdict { PASS, UNSUPPORTED, FAIL };

struct result {
	enum verdict verdict;
	long peak_kib; /* of memory, beyond what was there before */
	char text[800];
};

struct options {
	bool tap, portable;
	const char *folder;
	json_t *required; /* array of names */
	const char *coverage, *write_coverage;
	char **models;    /* NULL-terminated; empty: all */
};

static void fail(struct result *result, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(result->text, sizeof(result->text), format, args);
	va_end(args);
	result->verdict = FAIL;
}

/* Reads a whole file. NULL when it cannot be opened. */
static void *read_file(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	char *data = NULL;

	if (!file)
		return NULL;
	if (fstat(fileno(file), &st) == 0 && (data = malloc((size_t)st.st_size + 1)) != NULL)
		*ret_size = fread(data, 1, (size_t)st.st_size, file);
	fclose(file);
	return data;
}

struct loaded {
	struct tfl_model *model;
	struct tfl_program *program;
	struct tfl_interpreter *interpreter;
	const struct tfl_io *inputs, *outputs;
	uint32_t input_count, output_count;
};

static int load(const struct options *options, const char *path, struct loaded *ret_loaded, struct result *result)
{
	struct tfl_program_options program_options = {.portable = options->portable, .late = true};
	struct tfl_error error = {0};
	struct loaded loaded = {0};
	int fd, r;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fail(result, "%s: %s", path, strerror(errno));
		return -errno;
	}
	r = tfl_model_open(fd, &loaded.model, &error);
	close(fd);
	if (r == 0)
		r = tfl_program_create(loaded.model, &program_options, &loaded.program, &error);
	if (r == 0)
		r = tfl_interpreter_create(loaded.program, &loaded.interpreter, &error);
	if (r < 0) {
		result->verdict = r == -EOPNOTSUPP ? UNSUPPORTED : FAIL;
		snprintf(result->text, sizeof(result->text), "%s", error.text[0] ? error.text : "failed without a reason");
		tfl_program_destroy(loaded.program);
		tfl_model_destroy(loaded.model);
		return r;
	}
	loaded.inputs = tfl_program_inputs(loaded.program, &loaded.input_count);
	loaded.outputs = tfl_program_outputs(loaded.program, &loaded.output_count);
	*ret_loaded = loaded;
	return 0;
}

static void unload(struct loaded *loaded)
{
	tfl_interpreter_destroy(loaded->interpreter);
	tfl_program_destroy(loaded->program);
	tfl_model_destroy(loaded->model);
}

static int give_inputs(const struct loaded *loaded, const char *folder, const char *name, struct result *result)
{
	for (uint32_t i = 0; i < loaded->input_count; i++) {
		char path[4096];
		size_t size = 0;
		_tfl_free_ void *data = NULL;

		snprintf(path, sizeof(path), "%s/in%u.bin", folder, i);
		data = read_file(path, &size);
		if (!data || size != loaded->inputs[i].bytes) {
			fail(result, "case %s: input %u is %s and has %zu bytes; the model takes %zu", name, i, data ? "there" : "missing", size,
			     loaded->inputs[i].bytes);
			return -1;
		}
		memcpy(tfl_interpreter_input(loaded->interpreter, i), data, size);
	}
	return 0;
}

static double tolerance_of(json_t *output, const char *key)
{
	json_t *value = json_object_get(output, key);

	return json_is_number(value) ? json_number_value(value) : -1;
}

/* Compares all outputs with the files that end in @p suffix; a missing file is allowed where @p optional. */
static int check_outputs(const struct loaded *loaded, const char *folder, json_t *test_case, const char *suffix, bool optional,
			 struct result *result)
{
	const char *name = json_string_value(json_object_get(test_case, "case"));

	for (uint32_t i = 0; i < loaded->output_count; i++) {
		struct tfl_io io;
		json_t *limits = json_array_get(json_object_get(test_case, "outputs"), i);
		struct tolerance tolerance = {tolerance_of(limits, "max"), tolerance_of(limits, "rms"),
					      json_is_true(json_object_get(test_case, "top1"))};
		struct difference difference;
		size_t size = 0, element = tfl_dtype_size(loaded->outputs[i].dtype);
		_tfl_free_ void *expected = NULL;
		char path[4096];

		snprintf(path, sizeof(path), "%s/out%u%s", folder, i, suffix);
		expected = read_file(path, &size);
		if (!expected && optional)
			continue;
		tfl_interpreter_output_io(loaded->interpreter, i, &io);
		if (!expected || size != io.bytes) {
			fail(result, "case %s: output %u has %zu bytes; the golden one %s %zu", name, i, io.bytes, expected ? "has" : "is missing:", size);
			return -1;
		}
		difference = compare_outputs(io.dtype, expected, tfl_interpreter_output(loaded->interpreter, i), size / element, &tolerance);
		if (!difference.within) {
			fail(result, "case %s: output %u%s differs by %g at most (%g allowed), %g rms (%g allowed), top %zu (%zu expected)", name, i, suffix,
			     difference.max, tolerance.max, difference.rms, tolerance.rms, difference.top_actual, difference.top_expected);
			return -1;
		}
	}
	return 0;
}

static int run_case(const struct options *options, const char *model, const struct loaded *loaded, json_t *test_case, struct result *result)
{
	const char *name = json_string_value(json_object_get(test_case, "case"));
	struct tfl_error error = {0};
	char folder[2048];

	snprintf(folder, sizeof(folder), "%s/golden/%s/%s", options->folder, model, name);
	for (unsigned invoke = 1; invoke <= 2; invoke++) {
		if (give_inputs(loaded, folder, name, result) < 0)
			return -1;
		if (tfl_interpreter_invoke(loaded->interpreter, NULL, &error) < 0) {
			fail(result, "case %s: run %u failed: %s", name, invoke, error.text);
			return -1;
		}
		if (check_outputs(loaded, folder, test_case, invoke == 1 ? ".bin" : ".inv2.bin", invoke == 2, result) < 0)
			return -1;
	}
	return 0;
}

static void run_model(const struct options *options, json_t *entry, struct result *result)
{
	const char *name = json_string_value(json_object_get(entry, "name"));
	json_t *test_case, *cases = json_object_get(entry, "cases");
	char path[2048];
	size_t i;

	snprintf(path, sizeof(path), "%s/%s", options->folder, json_string_value(json_object_get(entry, "file")));
	json_array_foreach(cases, i, test_case) {
		struct loaded loaded;

		/* A fresh interpreter for each case: golden outputs are those of a first run. */
		if (load(options, path, &loaded, result) < 0)
			return;
		if (run_case(options, name, &loaded, test_case, result) < 0)
			return;
		unload(&loaded);
	}
	result->verdict = PASS;
	snprintf(result->text, sizeof(result->text), "%zu case%s", json_array_size(cases), json_array_size(cases) == 1 ? "" : "s");
}

/* A file without a golden: it runs, or it is refused with a reason. */
static void run_or_refuse(const struct options *options, json_t *entry, struct result *result)
{
	struct tfl_error error = {0};
	struct loaded loaded;
	char path[2048];
	int r;

	snprintf(path, sizeof(path), "%s/%s", options->folder, json_string_value(json_object_get(entry, "file")));
	r = load(options, path, &loaded, result);
	if (r < 0) {
		if (r != -ENOMEM && strcmp(result->text, "failed without a reason") != 0)
			result->verdict = UNSUPPORTED;
		return;
	}
	for (uint32_t i = 0; i < loaded.input_count; i++)
		memset(tfl_interpreter_input(loaded.interpreter, i), 0, loaded.inputs[i].bytes);
	r = tfl_interpreter_invoke(loaded.interpreter, NULL, &error);
	result->verdict = r < 0 && !error.text[0] ? FAIL : PASS;
	snprintf(result->text, sizeof(result->text), "%s", r < 0 ? error.text : "runs");
	unload(&loaded);
}

typedef void (*runner)(const struct options *options, json_t *entry, struct result *result);

static unsigned seconds_allowed(void)
{
	const char *multiplier = getenv("CK_TIMEOUT_MULTIPLIER");
	double factor = multiplier ? strtod(multiplier, NULL) : 1;

	return factor >= 1 && factor <= 100 ? (unsigned)(SECONDS_MAX * factor) : SECONDS_MAX;
}

/* What a file may take, from opening it to the end of its runs. */
static size_t memory_allowed(const json_t *entry)
{
	size_t bytes = (size_t)json_integer_value(json_object_get(entry, "size"));

	return MEMORY_PARTS * tfl_arena_limit(bytes) + MEMORY_FACTOR * bytes + MEMORY_FLOOR;
}

/* The most that was in memory so far; a child begins with what its parent has there. */
static long peak_kib(void)
{
	struct rusage usage = {0};

	return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}

static void run_confined(const struct options *options, json_t *entry, runner run, struct result *result)
{
	size_t allowed = memory_allowed(entry);
	long before = peak_kib();

	alarm(seconds_allowed());
	/* Sanitizers reserve terabytes of address space. */
	if (!getenv("TFL_SANITIZED"))
		setrlimit(RLIMIT_AS, &(struct rlimit){allowed, allowed});
	run(options, entry, result);
	result->peak_kib = peak_kib() - before;
}

static void in_child(const struct options *options, json_t *entry, runner run, struct result *ret_result)
{
	struct result result = {FAIL, 0, "ended without a result"};
	int pipes[2], status;
	pid_t child;

	if (pipe(pipes) < 0 || (child = fork()) < 0) {
		fail(ret_result, "%s", strerror(errno));
		return;
	}
	if (child == 0) {
		run_confined(options, entry, run, &result);
		if (write(pipes[1], &result, sizeof(result)) != (ssize_t)sizeof(result))
			_exit(1);
		_exit(0);
	}
	close(pipes[1]);
	if (read(pipes[0], &result, sizeof(result)) != (ssize_t)sizeof(result)) {
		waitpid(child, &status, 0);
		fail(&result, WIFSIGNALED(status) ? "ended by signal %d (%s)" : "ended with status %d (%s)",
		     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "no result");
	} else {
		waitpid(child, &status, 0);
	}
	close(pipes[0]);
	*ret_result = result;
}

static bool is_required(const struct options *options, const char *name)
{
	json_t *entry;
	size_t i;

	json_array_foreach(options->required, i, entry)
		if (strcmp(json_string_value(entry), name) == 0)
			return true;
	return false;
}

static bool is_chosen(const struct options *options, const char *name)
{
	if (!options->models[0])
		return true;
	for (char **model = options->models; *model; model++)
		if (strcmp(*model, name) == 0)
			return true;
	return false;
}

static void print_result(const struct options *options, unsigned number, const char *name, const struct result *result)
{
	static const char *const words[] = {"pass", "unsupported", "FAIL"};

	if (!options->tap)
		printf("%-11s %s: %s\n", words[result->verdict], name, result->text);
	else if (result->verdict == UNSUPPORTED)
		printf("ok %u - %s # SKIP unsupported: %s\n", number, name, result->text);
	else
		printf("%s %u - %s: %s\n", result->verdict == FAIL ? "not ok" : "ok", number, name, result->text);
	fflush(stdout);
}

struct tally {
	unsigned counts[3]; /* per verdict */
	unsigned printed;
	const char *greediest; /* the model that took most memory */
	long peak_kib;
};

static void tell(const struct options *options, struct tally *tally, const char *name, const struct result *result)
{
	tally->counts[result->verdict]++;
	if (result->peak_kib > tally->peak_kib) {
		tally->greediest = name;
		tally->peak_kib = result->peak_kib;
	}
	/* The run with XNNPACK has listed those already. */
	if (!options->tap || !options->portable || result->verdict != UNSUPPORTED)
		print_result(options, ++tally->printed, name, result);
}

/* @p summary: NULL where results are not compared. */
static void run_list(const struct options *options, json_t *list, runner run, json_t *summary, struct tally *tally)
{
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		const char *name = json_string_value(json_object_get(entry, "name"));
		struct result result;

		if (!is_chosen(options, name))
			continue;
		in_child(options, entry, run, &result);
		if (result.verdict == UNSUPPORTED && is_required(options, name))
			result.verdict = FAIL;
		if (summary)
			summary_add(summary, entry, result.verdict == PASS);
		tell(options, tally, name, &result);
	}
}

static void parse_options(int argc, char **argv, struct options *options)
{
	static char default_folder[] = "../shared/zoo";

	options->folder = default_folder;
	options->required = json_array();
	for (int i = 1; i < argc; i++) {
		json_error_t error;

		if (strcmp(argv[i], "--tap") == 0) {
			options->tap = true;
		} else if (strcmp(argv[i], "--portable") == 0) {
			options->portable = true;
		} else if (strcmp(argv[i], "--require") == 0 && i + 1 < argc) {
			options->required = json_load_file(argv[++i], 0, &error);
			if (!options->required) {
				fprintf(stderr, "conformance: %s:%d: %s\n", argv[i], error.line, error.text);
				exit(2);
			}
		} else if (strcmp(argv[i], "--coverage") == 0 && i + 1 < argc) {
			options->coverage = argv[++i];
		} else if (strcmp(argv[i], "--write-coverage") == 0 && i + 1 < argc) {
			options->write_coverage = argv[++i];
		} else {
			options->folder = argv[i++];
			options->models = &argv[i];
			return;
		}
	}
	options->models = &argv[argc];
}

/* What was covered, and whether that is what is noted: of all models, and not of some. */
static void check_coverage(const struct options *options, json_t *summary, struct tally *tally)
{
	struct result result = {PASS, 0, "what passes is what is noted"};

	summary_print(summary, options->tap ? "# " : "");
	if (options->write_coverage && summary_write(summary, options->write_coverage) < 0)
		fail(&result, "%s cannot be written", options->write_coverage);
	else if (options->coverage && !options->models[0] && !summary_matches(summary, options->coverage))
		fail(&result, "%s is not what passes; write it anew: conformance --write-coverage, then doc/operators.md", options->coverage);
	if (!options->coverage && !options->write_coverage)
		return;
	tell(options, tally, "coverage", &result);
}

static void print_tally(const struct options *options, const struct tally *tally)
{
	const char *prefix = options->tap ? "# " : "";

	if (tally->greediest)
		printf("%smost memory: %ld MiB, by %s\n", prefix, tally->peak_kib / 1024, tally->greediest);
	printf("%s%u pass, %u unsupported, %u FAIL\n", prefix, tally->counts[PASS], tally->counts[UNSUPPORTED], tally->counts[FAIL]);
	if (options->tap)
		printf("1..%u\n", tally->printed);
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct tally tally = {0};
	json_error_t error;
	char path[2048];
	json_t *manifest, *summary = summary_create();

	parse_options(argc, argv, &options);
	snprintf(path, sizeof(path), "%s/manifest.json", options.folder);
	if (access(path, R_OK) < 0) {
		printf("1..0 # SKIP no models at %s: %s\n", options.folder, strerror(errno));
		return 0;
	}
	manifest = json_load_file(path, 0, &error);
	if (!manifest) {
		fprintf(stderr, "conformance: %s:%d: %s\n", path, error.line, error.text);
		return 2;
	}
	run_list(&options, json_object_get(manifest, "models"), run_model, summary, &tally);
	run_list(&options, json_object_get(manifest, "without_golden"), run_or_refuse, NULL, &tally);
	check_coverage(&options, summary, &tally);
	print_tally(&options, &tally);
	json_decref(manifest);
	json_decref(summary);
	json_decref(options.required);
	return tally.counts[FAIL] ? 1 : 0;
}
