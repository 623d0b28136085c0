/* SPDX-License-Identifier: MIT */
#include "tests/power/scene.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "proto/request.h"
#include "proto/response.h"
#include "proto/writer.h"
#include "tests/builder/hostile.h"
#include "tests/system/models.h"
#include "tests/system/wire.h"

#define ROOT "root"
#define STEP_US 2000
#define QUIET_STEPS 25 /* without a call: nothing is on its way to the disk any more */

static void run(const char *format, const char *folder, const char *other)
{
	char command[512];

	snprintf(command, sizeof(command), format, folder, other);
	ck_assert_msg(system(command) == 0, "failed: %s", command);
}

static void map_page(struct scene *scene)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/page", scene->tfld.folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, sizeof(*scene->page)), 0);
	scene->page = mmap(NULL, sizeof(*scene->page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(scene->page != MAP_FAILED);
	close(fd);
	snprintf(scene->page->folder, sizeof(scene->page->folder), "%s", scene->tfld.models);
	snprintf(scene->page->rubbish, sizeof(scene->page->rubbish), "%s/rubbish", scene->tfld.folder);
	setenv("POWER_PAGE", path, 1);
}

void scene_prepare(struct scene *scene, const char *store)
{
	daemon_prepare(&scene->tfld);
	map_page(scene);
	run("mkdir %s/rubbish", scene->tfld.folder, NULL);
	if (store)
		run("rmdir %1$s && cp -a %2$s %1$s", scene->tfld.models, store);
}

void scene_arm(struct scene *scene, enum power_mode mode, uint32_t point, uint64_t seed, bool traced)
{
	struct power_page *page = scene->page;
	char path[128];

	page->pid = 0;
	page->armed = page->calls = page->count = 0;
	page->mode = mode;
	page->point = point;
	page->seed = seed;
	page->where[0] = '\0';
	snprintf(path, sizeof(path), "%s/trace", scene->tfld.folder);
	setenv("POWER_TRACE", path, 1);
	setenv("REAL_TFLD", getenv("TFLD"), 1);
	setenv("POWER_PRELOAD", getenv("POWER_MODULE"), 1);
	if (traced)
		setenv("TFLD", getenv("POWER_TRACED"), 1);
	else
		setenv("LD_PRELOAD", getenv("POWER_MODULE"), 1);
}

/* What is preloaded is for the next start alone. */
static void disarm(void)
{
	unsetenv("LD_PRELOAD");
	if (getenv("REAL_TFLD"))
		setenv("TFLD", getenv("REAL_TFLD"), 1);
}

static uint32_t calls(const struct scene *scene)
{
	return __atomic_load_n(&scene->page->calls, __ATOMIC_SEQ_CST);
}

/* Until the daemon has made no call for a while; where it ends meanwhile, true. */
static bool ends_or_is_quiet(struct scene *scene, unsigned steps)
{
	uint32_t before = 0;

	for (unsigned quiet = 0; quiet < steps; quiet++) {
		siginfo_t info = {.si_pid = 0};

		ck_assert_int_eq(waitid(P_PID, (id_t)scene->tfld.pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
		if (info.si_pid != 0)
			return true;
		if (calls(scene) != before)
			quiet = 0;
		before = calls(scene);
		usleep(STEP_US);
	}
	return false;
}

void scene_start(struct scene *scene, const char *configuration)
{
	bool armed = getenv("LD_PRELOAD") || strcmp(getenv("TFLD"), getenv("POWER_TRACED")) == 0;

	daemon_start(&scene->tfld, configuration);
	disarm();
	daemon_wait_ready(&scene->tfld);
	if (armed)
		ck_assert(!ends_or_is_quiet(scene, QUIET_STEPS));
}

static void command(struct scene *scene, enum power_command what)
{
	uint64_t until = now_ns() + PATIENCE_NS;

	__atomic_store_n(&scene->page->command, what, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&scene->page->command, __ATOMIC_SEQ_CST) != POWER_NONE) {
		ck_assert_msg(now_ns() < until, "what is preloaded does not obey");
		usleep(500);
	}
}

void scene_begin(struct scene *scene)
{
	command(scene, POWER_ARM);
}

/* Weights: another set for each model and version. */
static uint64_t seed_of(struct tfl_string model, uint64_t version)
{
	return (uint64_t)(unsigned char)model.text[0] * 100 + version;
}

static int file_of(const struct step *step)
{
	struct model_file model;
	int file = memfd_create("model", MFD_CLOEXEC);

	ck_assert_int_ge(file, 0);
	/* What the second version of it answers with NaN, the first one does well. */
	if (strcmp(step->model, ROOT) == 0)
		ck_assert_int_eq((step->version == 1 ? tfl_hostile_before_root : tfl_hostile_root)(&model.data, &model.size), 0);
	else
		model = model_tiny(false, seed_of(tfl_string_of(step->model), step->version));
	ck_assert_int_eq(write(file, model.data, model.size), (ssize_t)model.size);
	model_file_finish(&model);
	return file;
}

static void write_plan(struct tfl_writer *writer, uint32_t msgid, const struct step *step)
{
	wire_begin(writer, msgid, step->method);
	tfl_writer_map(writer, 2);
	tfl_writer_text(writer, "model");
	tfl_writer_text(writer, step->model);
	tfl_writer_text(writer, "count");
	tfl_writer_uint64(writer, 1);
}

static void send_request(int fd, uint32_t msgid, const struct step *step)
{
	const struct tfl_infer_head head = {.model = tfl_string_of(step->model), .dtype = TFL_DTYPE_COUNT};
	static const float below[] = {-1, -1, -1, -1};
	struct tfl_wire_tensor input = tiny_tensor(tiny_input);

	if (strcmp(step->model, ROOT) == 0) {
		input.shape.dims[1] = 4;
		input.data = (struct tfl_slice){(const uint8_t *)below, sizeof(below)};
	}
	send_infer(fd, msgid, &head, &input, 1, NULL, 0);
}

/* All requests to the version of the step, with the other one as a shadow; without a version it is cleared. */
static void write_route(struct tfl_writer *writer, uint32_t msgid, const struct step *step)
{
	struct tfl_model_params params = {.model = tfl_string_of(step->model), .clear = step->version == 0};
	char text[32];

	snprintf(text, sizeof(text), "%u=1", (unsigned)step->version);
	if (step->version) {
		params.route = tfl_string_of(text);
		params.shadow = 3 - step->version;
	}
	tfl_model_params_write(writer, msgid, step->method, &tfl_route_set_params, &params);
}

static void send_step(int fd, uint32_t msgid, const struct step *step)
{
	struct tfl_writer writer;
	int file;

	if (strcmp(step->method, TFL_METHOD_INFER) == 0) {
		send_request(fd, msgid, step);
		return;
	}
	tfl_writer_init(&writer);
	if (strcmp(step->method, TFL_METHOD_RECORD_START) == 0)
		write_plan(&writer, msgid, step);
	else if (step->plain)
		tfl_model_params_write(&writer, msgid, step->method, &tfl_model_swap_params,
				       &(struct tfl_model_params){.model = tfl_string_of(step->model), .version = step->version, .no_trial = true});
	else if (strcmp(step->method, TFL_METHOD_ROUTE_SET) == 0)
		write_route(&writer, msgid, step);
	else if (step->label)
		tfl_model_params_write(&writer, msgid, step->method, &tfl_label_set_params,
				       &(struct tfl_model_params){.model = tfl_string_of(step->model), .version = step->version,
								  .label = tfl_string_of(step->label)});
	else
		wire_begin_model(&writer, msgid, step->method, step->model, step->version, step->erase);
	if (strcmp(step->method, TFL_METHOD_MODEL_LOAD) == 0) {
		file = file_of(step);
		wire_send_frame_passing(fd, &writer, &file, 1);
		close(file);
	} else {
		wire_send_frame(fd, &writer);
	}
	tfl_writer_finish(&writer);
}

static bool has_ended(const struct scene *scene)
{
	siginfo_t ended = {0};

	return waitid(P_PID, (id_t)scene->tfld.pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid != 0;
}

void scene_wait_rejected(struct scene *scene, const char *model)
{
	char state[160];

	snprintf(state, sizeof(state), "%s/%s/state", scene->tfld.models, model);
	for (uint64_t until = now_ns() + PATIENCE_NS; now_ns() < until; usleep(1000)) {
		if (daemon_file_has(state, "[rejected]"))
			return;
		if (has_ended(scene))
			return;
	}
	ck_abort_msg("no version of '%s' is rejected", model);
}

static bool receive_one(int fd)
{
	struct reply reply;

	if (!wire_receive(fd, &reply))
		return false;
	ck_assert_int_eq(reply.message.kind, TFL_MESSAGE_REPLY);
	ck_assert_msg(!reply.message.failed, "refused: %.*s", TFL_STRING_ARGS(reply.message.failure.message));
	reply_finish(&reply);
	return true;
}

/* Held still meanwhile, so that it has not gone before all is sent. */
/* What a step before has set going may be cut after its answer: then there is nobody to connect to. -1. */
static int connect_unless_cut(const struct scene *scene)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_lt(strlen(scene->tfld.socket), sizeof(address.sun_path));
	strcpy(address.sun_path, scene->tfld.socket);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	for (uint64_t until = now_ns() + PATIENCE_NS; !has_ended(scene) && now_ns() < until;)
		usleep(STEP_US);
	ck_assert_msg(has_ended(scene), "the daemon runs, and cannot be connected to");
	return -1;
}

unsigned scene_ask(struct scene *scene, const struct step *steps, unsigned count)
{
	pid_t pid = scene->page->pid > 0 ? scene->page->pid : scene->tfld.pid;
	unsigned replies = 0;
	int fd;

	if (!steps->method) {
		ck_assert_int_eq(kill(pid, SIGTERM), 0);
		return 0;
	}
	fd = connect_unless_cut(scene);
	if (fd < 0)
		return 0;
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	for (unsigned i = 0; i < count; i++)
		send_step(fd, i + 1, &steps[i]);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	while (replies < count && receive_one(fd))
		replies++;
	close(fd);
	return replies;
}

void scene_wait_recorded(struct scene *scene, const char *model)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	int fd = daemon_connect(&scene->tfld);
	struct tfl_writer writer;
	struct reply reply;
	bool over = false;

	tfl_writer_init(&writer);
	while (!over) {
		wire_begin_model(&writer, 9, TFL_METHOD_RECORD_GET, model, 0, false);
		wire_send_frame(fd, &writer);
		ck_assert(wire_receive(fd, &reply));
		ck_assert(!reply.message.failed);
		over = !wire_bool(reply.message.result, "recording");
		reply_finish(&reply);
		ck_assert(over || now_ns() < until);
		usleep(STEP_US);
	}
	tfl_writer_finish(&writer);
	close(fd);
}

unsigned scene_count(struct scene *scene)
{
	if (!ends_or_is_quiet(scene, QUIET_STEPS))
		command(scene, POWER_STOP);
	return scene->page->count;
}

void scene_wait_cut(struct scene *scene, bool starts)
{
	int status;

	if (!ends_or_is_quiet(scene, (starts ? 10 : 2) * QUIET_STEPS))
		__atomic_store_n(&scene->page->command, POWER_CUT, __ATOMIC_SEQ_CST);
	status = daemon_wait(&scene->tfld);
	ck_assert_msg(status == 128 + SIGKILL || status == 0, "tfld ended with status %d", status);
	__atomic_store_n(&scene->page->command, POWER_NONE, __ATOMIC_SEQ_CST);
	scene->page->pid = 0;
	disarm();
}

void scene_kill(struct scene *scene)
{
	if (scene->page->pid > 0)
		kill(scene->page->pid, SIGKILL); /* under strace, whose child it is, and which ends with it */
	else
		kill(scene->tfld.pid, SIGKILL);
	daemon_wait(&scene->tfld);
	scene->page->pid = 0;
}

__attribute__((format(printf, 2, 3))) static void add(struct seen *seen, const char *format, ...)
{
	size_t length = strlen(seen->words);
	va_list args;

	va_start(args, format);
	vsnprintf(seen->words + length, sizeof(seen->words) - length, format, args);
	va_end(args);
}

/* What the model answers, by its active version (0) or by one that is named: that one's own, not another's. */
static void check_answer(int fd, struct tfl_string model, uint64_t asked, uint64_t expected)
{
	struct tfl_infer_head head = {.model = model, .version = asked, .dtype = TFL_DTYPE_COUNT};
	struct tfl_wire_tensor input = tiny_tensor(tiny_input);
	struct tfl_infer_response response;
	float right[TINY_ELEMENTS], got[TINY_ELEMENTS];
	struct tfl_error error = {0};
	struct reply reply;

	send_infer(fd, 7, &head, &input, 1, NULL, 0);
	ck_assert(wire_receive(fd, &reply));
	ck_assert_msg(!reply.message.failed, "version %u of '%.*s' does not serve: %.*s", (unsigned)expected, TFL_STRING_ARGS(model),
		      TFL_STRING_ARGS(reply.message.failure.message));
	ck_assert_int_eq(tfl_infer_response_parse(reply.message.result, &response, &error), 0);
	ck_assert_uint_eq(response.served.version, expected);
	memcpy(got, tfl_tensor_list_at(&response.outputs, 0)->data.data, sizeof(got));
	model_tiny_expected(seed_of(model, expected), tiny_input, right);
	for (unsigned i = 0; i < TINY_ELEMENTS; i++)
		ck_assert_msg(fabsf(got[i] - right[i]) < 1e-5f, "version %u of '%.*s' answers what it should not", (unsigned)expected,
			      TFL_STRING_ARGS(model));
	tfl_infer_response_finish(&response);
	reply_finish(&reply);
}

/* What was seen of the verdicts of a model that has some. */
static void add_statistics(struct seen *seen, int fd, struct tfl_string model)
{
	struct tfl_writer writer;
	struct reply reply;

	tfl_writer_init(&writer);
	wire_begin_model(&writer, 8, TFL_METHOD_HISTOGRAM, "scores", 0, false);
	wire_send_frame(fd, &writer);
	tfl_writer_finish(&writer);
	ck_assert(wire_receive(fd, &reply));
	ck_assert(!reply.message.failed);
	add(seen, " %u bins, baseline %s;", wire_count(reply.message.result, "heads.0.histogram.bins") / 2,
	    wire_bool(reply.message.result, "heads.0.baseline.set") ? "set" : "not set");
	reply_finish(&reply);
}

static void look_at_version(struct seen *seen, int fd, struct tfl_slice list, unsigned model, unsigned version)
{
	struct tfl_string name, state;
	uint64_t number;
	char path[64];

	snprintf(path, sizeof(path), "models.%u.model", model);
	name = wire_string(list, path);
	snprintf(path, sizeof(path), "models.%u.versions.%u.version", model, version);
	number = wire_uint(list, path);
	snprintf(path, sizeof(path), "models.%u.versions.%u.state", model, version);
	state = wire_string(list, path);
	add(seen, " %u %.*s", (unsigned)number, TFL_STRING_ARGS(state));
	snprintf(path, sizeof(path), "models.%u.versions.%u.version_labels", model, version);
	for (unsigned i = 0; i < wire_count(list, path); i++) {
		snprintf(path, sizeof(path), "models.%u.versions.%u.version_labels.%u", model, version, i);
		add(seen, " %.*s", TFL_STRING_ARGS(wire_string(list, path)));
		snprintf(path, sizeof(path), "models.%u.versions.%u.version_labels", model, version);
	}
	add(seen, ";");
	if (tfl_string_equal(state, "AVAILABLE") && !tfl_string_equal(name, "scores") && !tfl_string_equal(name, ROOT))
		check_answer(fd, name, number, number);
}

/* The version that a request without one gets by the model's route; 0: it has none. */
static uint64_t look_at_route(struct seen *seen, int fd, struct tfl_string model)
{
	char name[TFL_MODEL_NAME_MAX + 1];
	struct tfl_writer writer;
	struct reply reply;
	uint64_t version;

	snprintf(name, sizeof(name), "%.*s", TFL_STRING_ARGS(model));
	tfl_writer_init(&writer);
	wire_begin_model(&writer, 9, TFL_METHOD_ROUTE_GET, name, 0, false);
	wire_send_frame(fd, &writer);
	tfl_writer_finish(&writer);
	ck_assert(wire_receive(fd, &reply));
	ck_assert(!reply.message.failed);
	version = wire_count(reply.message.result, "versions") > 0 ? wire_uint(reply.message.result, "versions.0.version") : 0;
	if (version)
		add(seen, " by its route %u, shadow %u;", (unsigned)version, (unsigned)wire_uint(reply.message.result, "shadow"));
	reply_finish(&reply);
	return version;
}

static void look_at_model(struct seen *seen, int fd, struct tfl_slice list, unsigned model)
{
	struct tfl_string name;
	uint64_t active, routed;
	char path[64];

	snprintf(path, sizeof(path), "models.%u.model", model);
	name = wire_string(list, path);
	snprintf(path, sizeof(path), "models.%u.active", model);
	active = wire_uint(list, path);
	add(seen, "%.*s: active %u;", TFL_STRING_ARGS(name), (unsigned)active);
	routed = look_at_route(seen, fd, name);
	if (tfl_string_equal(name, "scores"))
		add_statistics(seen, fd, name);
	else if (active && !tfl_string_equal(name, ROOT))
		check_answer(fd, name, 0, routed ? routed : active);
	snprintf(path, sizeof(path), "models.%u.versions", model);
	for (uint32_t i = 0; i < wire_count(list, path); i++)
		look_at_version(seen, fd, list, model, i);
	add(seen, "\n");
}

/* What it says of active versions, labels and routes, not when and by whom others were unloaded. */
static void add_state(char *tree, const char *path)
{
	FILE *file = fopen(path, "re");
	size_t room = 0;
	char *line = NULL;

	ck_assert_ptr_nonnull(file);
	while (getline(&line, &room, file) >= 0)
		if (strncmp(line, "active", 6) == 0 || strncmp(line, "previous", 8) == 0 || strncmp(line, "canary", 6) == 0 ||
		    strncmp(line, "versions", 8) == 0 || strncmp(line, "shadow", 6) == 0)
			strncat(tree, line, TREE_MAX - strlen(tree) - 1);
	free(line);
	fclose(file);
}

static void look_at_folder(char *tree, const char *folder, size_t skipped)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char path[512];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", folder, name);
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcmp(name, "statistics") != 0 && lstat(path, &st) == 0) {
			snprintf(tree + strlen(tree), TREE_MAX - strlen(tree), "%s %o\n", path + skipped, st.st_mode);
			if (S_ISDIR(st.st_mode))
				look_at_folder(tree, path, skipped);
			else if (strcmp(name, "state") == 0)
				add_state(tree, path);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

void scene_look(struct scene *scene, struct seen *ret_seen)
{
	int fd = daemon_connect(&scene->tfld);
	struct reply reply;

	ret_seen->words[0] = ret_seen->tree[0] = '\0';
	wire_call(fd, TFL_METHOD_MODEL_LIST, &reply);
	for (uint32_t i = 0; i < wire_count(reply.message.result, "models"); i++)
		look_at_model(ret_seen, fd, reply.message.result, i);
	reply_finish(&reply);
	close(fd);
	look_at_folder(ret_seen->tree, scene->tfld.models, strlen(scene->tfld.models) + 1);
}

void scene_finish(struct scene *scene)
{
	munmap(scene->page, sizeof(*scene->page));
	if (scene->tfld.pid > 0)
		daemon_stop(&scene->tfld);
	else
		daemon_finish(&scene->tfld);
}
