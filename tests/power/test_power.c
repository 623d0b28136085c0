/* SPDX-License-Identifier: MIT */
/*
 * A power cut at every moment of everything that changes the store: before each call that changes something on disk, and after the last, in
 * each mode (power.h). The next start has to serve what was there before or what was asked for, to leave nothing lying about, and to do the
 * same after one more start; what was answered has to be there; and what was not done can be done then.
 *
 * What "before" and "asked for" look like is learnt from runs that nobody cuts. Each cut is a process of its own with a folder of its own;
 * some run at a time, because most of what they do is to wait.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/request.h"
#include "tests/power/scene.h"
#include "tests/power/trace.h"
#include "tests/system/models.h"
#include "tests/system/wire.h"

#define STEPS_MAX 2
#define AT_ONCE 8
#define STEP_US 5000

static const struct operation {
	const char *name;
	struct step before[STEPS_MAX]; /* what the store has to have seen already */
	struct step steps[STEPS_MAX];
	unsigned count;
	bool starts; /* the operation is a start, after a run that was killed and a state that got lost */
	bool counts; /* there are verdicts that no disk knows of */
	bool full;   /* there is no room in memory: an idle version is unloaded for it. After a start there is, and nobody remembers */
	bool trial;  /* each run ends with a kill, which a trial does not outlive */
	bool in_turn; /* a step begins when the one before is answered; all begin anew after a cut; and the last one's answer promises nothing */
} operations[] = {
	{"load", {{0}}, {{TFL_METHOD_MODEL_LOAD, "m", 3}}, 1},
	{"load of a first version", {{0}}, {{TFL_METHOD_MODEL_LOAD, "n", 1}}, 1},
	{"load of two versions", {{0}}, {{TFL_METHOD_MODEL_LOAD, "n", 1}, {TFL_METHOD_MODEL_LOAD, "n", 2}}, 2},
	{"load of an unloaded version", {{TFL_METHOD_MODEL_UNLOAD, "m", 2}}, {{TFL_METHOD_MODEL_LOAD, "m", 2}}, 1},
	{"load that takes another one's room", {{0}}, {{TFL_METHOD_MODEL_LOAD, "m", 3}}, 1, .full = true},
	{"reload", {{TFL_METHOD_MODEL_UNLOAD, "m", 2}}, {{TFL_METHOD_MODEL_RELOAD, "m", 2}}, 1},
	{"swap", {{0}}, {{TFL_METHOD_MODEL_SWAP, "m", 2, .plain = true}}, 1},
	{"swap on trial", {{0}}, {{TFL_METHOD_MODEL_SWAP, "m", 2}}, 1, .trial = true},
	{"rejection", {{TFL_METHOD_MODEL_LOAD, "root", 1}, {TFL_METHOD_MODEL_LOAD, "root", 2}},
	 {{TFL_METHOD_MODEL_SWAP, "root", 2}, {TFL_METHOD_INFER, "root"}}, 2, .trial = true, .in_turn = true},
	{"end of a trial", {{0}}, {{TFL_METHOD_MODEL_SWAP, "m", 2}, {TFL_METHOD_MODEL_SWAP, "m", 2, .plain = true}}, 2, .trial = true,
	 .in_turn = true},
	{"rollback", {{TFL_METHOD_MODEL_SWAP, "m", 2, .plain = true}}, {{TFL_METHOD_MODEL_ROLLBACK, "m", 0}}, 1},
	{"label", {{0}}, {{TFL_METHOD_LABEL_SET, "m", 1, .label = "canary"}}, 1},
	{"label that moves", {{TFL_METHOD_LABEL_SET, "m", 1, .label = "canary"}}, {{TFL_METHOD_LABEL_SET, "m", 2, .label = "canary"}}, 1},
	{"label that is removed", {{TFL_METHOD_LABEL_SET, "m", 2, .label = "canary"}}, {{TFL_METHOD_LABEL_SET, "m", 0, .label = "canary"}},
	 1},
	{"erase of a labelled version", {{TFL_METHOD_LABEL_SET, "m", 2, .label = "canary"}}, {{TFL_METHOD_MODEL_UNLOAD, "m", 2, true}}, 1},
	{"route", {{0}}, {{TFL_METHOD_ROUTE_SET, "m", 2}}, 1},
	{"route that is another one", {{TFL_METHOD_ROUTE_SET, "m", 2}}, {{TFL_METHOD_ROUTE_SET, "m", 1}}, 1},
	{"route that is cleared", {{TFL_METHOD_ROUTE_SET, "m", 2}}, {{TFL_METHOD_ROUTE_SET, "m", 0}}, 1},
	{"rollback that ends a route",
	 {{TFL_METHOD_MODEL_SWAP, "m", 2}, {TFL_METHOD_ROUTE_SET, "m", 2}},
	 {{TFL_METHOD_MODEL_ROLLBACK, "m", 0}},
	 1},
	{"unload", {{0}}, {{TFL_METHOD_MODEL_UNLOAD, "m", 1}}, 1},
	{"erase", {{0}}, {{TFL_METHOD_MODEL_UNLOAD, "m", 1, true}}, 1},
	{"erase of an unloaded version", {{TFL_METHOD_MODEL_UNLOAD, "m", 2}}, {{TFL_METHOD_MODEL_UNLOAD, "m", 2, true}}, 1},
	{"erase of a last version", {{0}}, {{TFL_METHOD_MODEL_UNLOAD, "one", 1, true}}, 1},
	{"baseline", {{0}}, {{TFL_METHOD_BASELINE_SET, "scores", 0}}, 1},
	{"recording", {{0}}, {{TFL_METHOD_RECORD_START, "m"}, {TFL_METHOD_INFER, "m"}}, 2, .in_turn = true},
	{"erase of what was recorded", {{TFL_METHOD_RECORD_START, "m"}, {TFL_METHOD_INFER, "m"}}, {{TFL_METHOD_RECORD_ERASE, "m"}}, 1},
	{"erase of a last version that was recorded", {{TFL_METHOD_RECORD_START, "one"}, {TFL_METHOD_INFER, "one"}},
	 {{TFL_METHOD_MODEL_UNLOAD, "one", 1, true}}, 1},
	{"stop", {{0}}, {{NULL}}, 1, .counts = true},
	{"start", {{0}}, {{NULL}}, 0, .starts = true},
};

/* What is done once more, and after another start, is tried in some of them: it takes as long as the rest. */
static const struct mode {
	const char *name;
	enum power_mode mode[2]; /* at odd points, at even ones */
	uint64_t seed;
	bool thorough;
} modes[] = {
	{"killed", {POWER_KEEP, POWER_KEEP}, 0, true},
	{"nothing stays that is not durable", {POWER_EMPTY, POWER_EMPTY}, 0, true},
	{"files cut in half, or full of zeros", {POWER_HALF, POWER_ZEROS}, 0, false},
	{"some of it stays (seed 1)", {POWER_SOME, POWER_SOME}, 1, true},
	{"some of it stays (seed 2)", {POWER_SOME, POWER_SOME}, 2, false},
};

#define MODES (sizeof(modes) / sizeof(modes[0]))

/* What a run that is cut is compared with: as it was, and after each step. */
struct outcomes {
	char store[128];
	unsigned in_memory; /* versions, before */
	char full[96];      /* the configuration that leaves no room for another one */
	struct seen seen[STEPS_MAX + 1];
};

static void serve_verdicts(struct scene *scene, unsigned class)
{
	int fd = daemon_connect(&scene->tfld);

	ask_scores(fd, class, (float)class);
	close(fd);
	daemon_wait_busy(&scene->tfld, 0);
}

/* The end of a run, and another one. */
static void run_again(struct scene *scene, const struct operation *operation)
{
	if (operation->trial) {
		ck_assert_int_eq(kill(scene->tfld.pid, SIGKILL), 0);
		daemon_wait(&scene->tfld);
		daemon_start(&scene->tfld, NULL);
	} else {
		daemon_restart(&scene->tfld, NULL);
	}
	daemon_wait_ready(&scene->tfld);
}

/* To its end, also where that comes after the answer. */
static void do_step(struct scene *scene, const struct step *step)
{
	ck_assert_uint_eq(scene_ask(scene, step, 1), 1);
	if (strcmp(step->method, TFL_METHOD_INFER) == 0 && strcmp(step->model, "root") == 0)
		scene_wait_rejected(scene, step->model);
	else if (strcmp(step->method, TFL_METHOD_INFER) == 0)
		scene_wait_recorded(scene, step->model);
}

/* One NaN is enough. */
static void add_conf(const struct scene *scene)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/root", scene->tfld.models);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/root/model.conf", scene->tfld.models);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs("[model]\ntrial_nan = 1\n", file);
	fclose(file);
}

/* Two versions of "m", one of "one", and "scores", which has statistics. */
static void make_store(struct scene *scene, const struct operation *operation)
{
	static const struct step steps[] = {
		{TFL_METHOD_MODEL_LOAD, "m", 1}, {TFL_METHOD_MODEL_LOAD, "m", 2}, {TFL_METHOD_MODEL_LOAD, "one", 1},
	};

	scene_prepare(scene, NULL);
	add_scores(&scene->tfld);
	if (operation->trial)
		add_conf(scene);
	scene_start(scene, NULL);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(scene_ask(scene, &steps[i], 1), 1);
	for (unsigned i = 0; i < STEPS_MAX && operation->before[i].method; i++)
		do_step(scene, &operation->before[i]);
	serve_verdicts(scene, 1);
	daemon_restart(&scene->tfld, NULL);
}

/* As after a run that was killed while it loaded and erased, and whose state never came to the disk. */
static void spoil(const struct scene *scene)
{
	char command[512];

	snprintf(command, sizeof(command), "cd %s && rm m/state && mkdir -m 700 -p .staging/1 .staging/2/m && cp m/1/* .staging/1 && "
		 "cp m/1/* .staging/2/m && echo x > .staging/3", scene->tfld.models);
	ck_assert_int_eq(system(command), 0);
}

/* How many versions are in memory, and what they take. */
static unsigned in_memory(const struct scene *scene, uint64_t *ret_bytes)
{
	int fd = daemon_connect(&scene->tfld);
	struct reply reply;
	unsigned count;

	wire_call(fd, "stats", &reply);
	count = wire_count(reply.message.result, "versions");
	*ret_bytes = wire_uint(reply.message.result, "memory.used");
	reply_finish(&reply);
	close(fd);
	return count;
}

/* Room for what is there, and for a bit of one more. */
static void note_memory(const struct scene *scene, struct outcomes *outcomes)
{
	uint64_t bytes;

	outcomes->in_memory = in_memory(scene, &bytes);
	snprintf(outcomes->full, sizeof(outcomes->full), "[models]\nmemory_limit = %llu\nunload_idle = yes\n",
		 (unsigned long long)bytes + 50000);
}

/* The store as it is before the operation, at rest. */
static void keep_store(struct scene *scene, const struct operation *operation, struct outcomes *outcomes)
{
	char command[512];

	daemon_wait_ready(&scene->tfld);
	daemon_restart(&scene->tfld, NULL);
	daemon_wait_ready(&scene->tfld);
	note_memory(scene, outcomes);
	scene_kill(scene);
	if (operation->starts)
		spoil(scene);
	snprintf(outcomes->store, sizeof(outcomes->store), "%s/store", scene->tfld.folder);
	snprintf(command, sizeof(command), "cp -a %s %s", scene->tfld.models, outcomes->store);
	ck_assert_int_eq(system(command), 0);
}

/* What is to be compared with has nothing in it that is just being written. */
static void look_at_rest(struct scene *scene, struct seen *ret_seen)
{
	const uint64_t until = now_ns() + PATIENCE_NS;

	scene_look(scene, ret_seen);
	while (strstr(ret_seen->tree, ".staging/") && now_ns() < until) {
		usleep(STEP_US);
		scene_look(scene, ret_seen);
	}
}

/* What is seen @p done steps later, after one more start. */
static void learn(const struct operation *operation, struct outcomes *outcomes, unsigned done)
{
	struct scene scene;

	scene_prepare(&scene, outcomes->store);
	scene_start(&scene, NULL);
	if (operation->counts && done > 0)
		serve_verdicts(&scene, 2);
	for (unsigned i = 0; i < done && operation->steps[i].method; i++)
		do_step(&scene, &operation->steps[i]);
	run_again(&scene, operation);
	look_at_rest(&scene, &outcomes->seen[done]);
	scene_finish(&scene);
}

/*
 * Begins the operation in a daemon that is to be cut: how many replies came. Of a start nothing is waited for where the cut may come
 * before.
 */
static unsigned operate(struct scene *scene, const struct operation *operation, const struct outcomes *outcomes)
{
	scene->page->armed = operation->starts;
	if (operation->starts && scene->page->point) {
		daemon_launch(&scene->tfld, NULL);
		return 0;
	}
	scene_start(scene, operation->full ? outcomes->full : NULL);
	if (operation->starts)
		return 0;
	if (operation->counts)
		serve_verdicts(scene, 2);
	scene_begin(scene);
	if (!operation->in_turn)
		return scene_ask(scene, operation->steps, operation->count);
	for (unsigned i = 0; i < operation->count; i++)
		if (scene_ask(scene, &operation->steps[i], 1) == 0)
			return i;
	if (strcmp(operation->steps[operation->count - 1].model, "root") == 0)
		scene_wait_rejected(scene, "root");
	return operation->count - 1;
}

/* How many calls there are to cut before; under strace that must be what it counts. */
static unsigned count_points(const struct operation *operation, const struct outcomes *outcomes, bool traced)
{
	unsigned points, seen;
	struct scene scene;
	uint64_t bytes;
	char path[128];

	scene_prepare(&scene, outcomes->store);
	scene_arm(&scene, POWER_KEEP, 0, 0, traced);
	operate(&scene, operation, outcomes);
	points = scene_count(&scene);
	ck_assert_uint_gt(points, 0);
	ck_assert(!operation->full || in_memory(&scene, &bytes) == outcomes->in_memory);
	snprintf(path, sizeof(path), "%s/trace", scene.tfld.folder);
	if (operation->count == 0 || operation->steps[0].method)
		scene_kill(&scene);
	else
		scene_wait_cut(&scene, false);
	seen = traced ? trace_count(path, scene.tfld.models) : points;
	ck_assert_msg(seen == points, "%s: %u points, but strace counts %u", operation->name, points, seen);
	scene_finish(&scene);
	return points;
}

/* Most of some runs: what changed lately is written once or twice, as it comes. Says what strace counts. */
static unsigned find_points(const struct operation *operation, const struct outcomes *outcomes)
{
	unsigned most = 0, traced = 0;

	for (unsigned i = 0; i < 2; i++) {
		unsigned points = count_points(operation, outcomes, false);

		most = points > most ? points : most;
	}
	if (trace_possible())
		traced = count_points(operation, outcomes, true);
	most = traced > most ? traced : most;
	printf("# %s: %u points tried in %u modes", operation->name, most, (unsigned)MODES);
	if (traced > 0)
		printf(traced == most ? ", strace counts %u\n" : ", strace counts %u in a run of as many\n", traced);
	else
		printf("\n");
	return most;
}

/* The outcome that a daemon shows; on disk it may take it a moment. */
static unsigned find_outcome(struct scene *scene, const struct operation *operation, const struct outcomes *outcomes)
{
	uint64_t until = now_ns() + PATIENCE_NS;
	unsigned found = operation->count + 1;
	struct seen seen;

	do {
		scene_look(scene, &seen);
		for (unsigned i = 0; i <= operation->count; i++)
			if (strcmp(seen.words, outcomes->seen[i].words) == 0)
				found = i;
		ck_assert_msg(found <= operation->count, "neither what was there nor what was asked for:\n%s", seen.words);
		for (unsigned i = 0; i <= operation->count; i++)
			if (strcmp(seen.words, outcomes->seen[i].words) == 0 && strcmp(seen.tree, outcomes->seen[i].tree) == 0)
				return i;
		usleep(STEP_US);
	} while (now_ns() < until);
	ck_abort_msg("as expected:\n%s, but on disk there is\n%s instead of\n%s", seen.words, seen.tree, outcomes->seen[found].tree);
}

/* A start finds nothing that it has to complain of; that a version is rejected is a warning. */
static void check_log(const struct scene *scene, const struct operation *operation)
{
	static const char *const complaints[] = {"tfld: error:", "tfld: warning:"};

	for (unsigned i = 0; i < (operation->trial ? 1 : 2); i++)
		ck_assert_msg(!daemon_file_has(scene->tfld.log, complaints[i]), "the start has complaints: see %s", scene->tfld.log);
}

/* One more start changes nothing; and what was not done can be done now. */
static void go_on(struct scene *scene, const struct operation *operation, const struct outcomes *outcomes, unsigned found)
{
	daemon_restart(&scene->tfld, NULL);
	daemon_wait_ready(&scene->tfld);
	ck_assert_uint_eq(find_outcome(scene, operation, outcomes), found);
	check_log(scene, operation);
	if (found == operation->count || !operation->steps[0].method)
		return;
	for (found = operation->in_turn ? 0 : found; found < operation->count; found++)
		do_step(scene, &operation->steps[found]);
	run_again(scene, operation);
	ck_assert_uint_eq(find_outcome(scene, operation, outcomes), operation->count);
}

/* A cut, in a process of its own that shares this with the one that waits for it. */
struct trial {
	pid_t pid; /* 0: it is over */
	const struct mode *mode;
	unsigned point;
	char folder[64], where[160];
};

static void try_point(const struct operation *operation, const struct outcomes *outcomes, struct trial *trial)
{
	const struct mode *mode = trial->mode;
	unsigned replies, found;
	struct scene scene;

	scene_prepare(&scene, outcomes->store);
	snprintf(trial->folder, sizeof(trial->folder), "%s", scene.tfld.folder);
	scene_arm(&scene, mode->mode[trial->point % 2 == 0], trial->point, mode->seed * 1000 + trial->point, false);
	replies = operate(&scene, operation, outcomes);
	scene_wait_cut(&scene, operation->starts);
	snprintf(trial->where, sizeof(trial->where), "%s", scene.page->where[0] ? scene.page->where : "nothing any more");
	scene_start(&scene, NULL);
	found = find_outcome(&scene, operation, outcomes);
	ck_assert_msg(found >= replies, "%u replies had come, but after the start there is\n%s", replies, outcomes->seen[found].words);
	check_log(&scene, operation);
	if (mode->thorough)
		go_on(&scene, operation, outcomes, found);
	scene_finish(&scene);
}

static void reap(struct trial trials[AT_ONCE], const struct operation *operation)
{
	int status;
	pid_t pid = wait(&status);

	for (unsigned i = 0; i < AT_ONCE; i++) {
		struct trial *trial = &trials[i];

		if (trial->pid != pid)
			continue;
		trial->pid = 0;
		if (status != 0)
			printf("# %s: cut at point %u, before %s; %s; what is left is in %s\n", operation->name, trial->point, trial->where,
			       trial->mode->name, trial->folder);
		ck_assert_int_eq(status, 0);
	}
}

static struct trial *find_slot(struct trial trials[AT_ONCE])
{
	for (unsigned i = 0; i < AT_ONCE; i++)
		if (trials[i].pid == 0)
			return &trials[i];
	return NULL;
}

static void try_all(const struct operation *operation, const struct outcomes *outcomes, unsigned points)
{
	struct trial *trials = mmap(NULL, AT_ONCE * sizeof(*trials), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *trial;
	pid_t pid;

	ck_assert(trials != MAP_FAILED);
	fflush(NULL);
	for (unsigned i = 0; i < MODES * (points + 1); i++) {
		while (!(trial = find_slot(trials)))
			reap(trials, operation);
		*trial = (struct trial){.mode = &modes[i % MODES], .point = i / MODES + 1};
		pid = fork();
		if (pid == 0) {
			try_point(operation, outcomes, trial);
			_exit(0);
		}
		trial->pid = pid;
	}
	for (unsigned i = 0; i < AT_ONCE; i++)
		while (trials[i].pid != 0)
			reap(trials, operation);
	munmap(trials, AT_ONCE * sizeof(*trials));
}

START_TEST(a_power_cut_at_every_point)
{
	const struct operation *operation = &operations[_i];
	struct outcomes outcomes;
	struct scene scene;

	make_store(&scene, operation);
	keep_store(&scene, operation, &outcomes);
	for (unsigned i = 0; i <= operation->count; i++)
		learn(operation, &outcomes, i);
	try_all(operation, &outcomes, find_points(operation, &outcomes));
	scene_finish(&scene);
}
END_TEST

/* All of them, or the one that is named. */
static Suite *power_suite(const char *name)
{
	const int count = sizeof(operations) / sizeof(operations[0]);
	Suite *suite = suite_create("power");
	TCase *tcase = tcase_create("power");
	int first = 0;

	while (name && first < count && strcmp(operations[first].name, name) != 0)
		first++;
	tcase_set_timeout(tcase, 900);
	tcase_add_loop_test(tcase, a_power_cut_at_every_point, first, name && first < count ? first + 1 : count);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	SRunner *runner;
	int failed;

	if (!daemon_memory_counts() || !getenv("POWER_MODULE")) {
		printf("1..0 # SKIP %s\n", getenv("POWER_MODULE") ? "nothing can be preloaded under sanitizers" :
								    "$POWER_MODULE names nothing to preload");
		return EXIT_SUCCESS;
	}
	runner = srunner_create(power_suite(argc > 1 ? argv[1] : NULL));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
