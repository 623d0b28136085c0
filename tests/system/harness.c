/* SPDX-License-Identifier: MIT */
/*
 * The daemon's folder lies below /tmp, so that socket paths stay short. The child asks the kernel for a SIGKILL when its parent dies:
 * libcheck ends a test that hangs with a signal, and nothing of it may go on.
 */
#include "tests/system/harness.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/request.h"
#include "tests/system/manager.h"
#include "tests/system/wire.h"

#define LOG_MAX (4u << 20)

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void daemon_prepare(struct daemon *daemon)
{
	*daemon = (struct daemon){.folder = "/tmp/tfld-test-XXXXXX"};
	ck_assert_ptr_nonnull(mkdtemp(daemon->folder));
	/* Tests that change their user still have to get in. */
	ck_assert_int_eq(chmod(daemon->folder, 0755), 0);
	snprintf(daemon->models, sizeof(daemon->models), "%s/models", daemon->folder);
	snprintf(daemon->socket, sizeof(daemon->socket), "%s/tfld.sock", daemon->folder);
	snprintf(daemon->admin_socket, sizeof(daemon->admin_socket), "%s/admin.sock", daemon->folder);
	snprintf(daemon->log, sizeof(daemon->log), "%s/log", daemon->folder);
	snprintf(daemon->configuration, sizeof(daemon->configuration), "%s/tfld.conf", daemon->folder);
	ck_assert_int_eq(mkdir(daemon->models, 0755), 0);
}

static void write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
	close(fd);
}

void daemon_add_model(const struct daemon *daemon, const char *model, unsigned version, const void *data, size_t size)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", daemon->models, model);
	ck_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
	snprintf(path, sizeof(path), "%s/%s/%u", daemon->models, model, version);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/%s/%u/model.tflite", daemon->models, model, version);
	write_file(path, data, size);
}

static void become(const struct daemon *daemon, const char *binary)
{
	const char *arguments[] = {"tfld", "--config", daemon->configuration, "--models", daemon->models, "--socket", daemon->socket,
				   daemon->split ? "--admin-socket" : NULL, daemon->admin_socket, NULL};
	int log = open(daemon->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(log, STDERR_FILENO);
	dup2(log, STDOUT_FILENO);
	unsetenv("JOURNAL_STREAM");
	unsetenv("NOTIFY_SOCKET");
	if (daemon->manager)
		manager_become(daemon->manager);
	execv(binary, (char **)arguments);
	_exit(127);
}

void daemon_launch(struct daemon *daemon, const char *configuration)
{
	const char *binary = getenv("TFLD");

	ck_assert_msg(binary != NULL, "$TFLD has to name the binary");
	configuration = configuration ? configuration : "";
	write_file(daemon->configuration, configuration, strlen(configuration));
	daemon->pid = fork();
	ck_assert_int_ge(daemon->pid, 0);
	if (daemon->pid == 0)
		become(daemon, binary);
}

/* A file of fewer than LOG_MAX bytes; static memory, with a NUL behind them. Empty where there is none. */
static const char *read_file(const char *path, size_t *ret_size)
{
	static char text[LOG_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	ck_assert_msg(size < (ssize_t)sizeof(text) - 1, "%s has more than a test can look at", path);
	*ret_size = size > 0 ? (size_t)size : 0;
	text[*ret_size] = '\0';
	return text;
}

static const char *read_log(const struct daemon *daemon)
{
	size_t size;

	return read_file(daemon->log, &size);
}

bool daemon_file_has(const char *path, const char *text)
{
	size_t size;
	const char *content = read_file(path, &size);

	return memmem(content, size, text, strlen(text)) != NULL;
}

static int try_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool runs(struct daemon *daemon)
{
	return waitpid(daemon->pid, NULL, WNOHANG) == 0;
}

void daemon_start(struct daemon *daemon, const char *configuration)
{
	const char *last = daemon->split ? daemon->admin_socket : daemon->socket;
	uint64_t until = now_ns() + PATIENCE_NS;
	int fd;

	daemon_launch(daemon, configuration);
	while ((fd = try_connect(last)) < 0) {
		ck_assert_msg(runs(daemon), "tfld has ended: %s", read_log(daemon));
		ck_assert_msg(now_ns() < until, "tfld does not listen: %s", read_log(daemon));
		usleep(2000);
	}
	close(fd);
}

int daemon_start_failing(struct daemon *daemon, const char *configuration)
{
	daemon_launch(daemon, configuration);
	return daemon_wait(daemon);
}

int daemon_connect_to(const char *path)
{
	int fd = try_connect(path);

	ck_assert_msg(fd >= 0, "cannot connect to %s: %s", path, strerror(errno));
	return fd;
}

int daemon_connect(const struct daemon *daemon)
{
	return daemon_connect_to(daemon->socket);
}

static bool is_ready(struct tfl_slice health, unsigned unused)
{
	return wire_bool(health, "ready");
}

static bool is_busy(struct tfl_slice stats, unsigned count)
{
	return wire_uint(stats, "workers.busy") == count;
}

static bool has_connections(struct tfl_slice stats, unsigned count)
{
	return wire_uint(stats, "connections.open") == count;
}

/* Asks again and again until the answer passes. */
static void wait_until(int fd, const char *method, bool (*passes)(struct tfl_slice result, unsigned count), unsigned count)
{
	uint64_t until = now_ns() + PATIENCE_NS;
	bool passed = false;

	while (!passed) {
		struct reply reply;

		ck_assert_msg(now_ns() < until, "waited in vain for %s", method);
		usleep(2000);
		wire_call(fd, method, &reply);
		passed = passes(reply.message.result, count);
		reply_finish(&reply);
	}
}

/* The same on a connection of its own. */
static void wait_aside(const struct daemon *daemon, const char *method, bool (*passes)(struct tfl_slice result, unsigned count),
		       unsigned count)
{
	int fd = daemon_connect(daemon);

	wait_until(fd, method, passes, count);
	close(fd);
}

void daemon_wait_ready(const struct daemon *daemon)
{
	wait_aside(daemon, TFL_METHOD_HEALTH, is_ready, 0);
}

void daemon_wait_busy(const struct daemon *daemon, unsigned count)
{
	wait_aside(daemon, TFL_METHOD_STATS, is_busy, count);
}

void daemon_wait_connections(int fd, unsigned count)
{
	wait_until(fd, TFL_METHOD_STATS, has_connections, count);
}

bool daemon_may_change_users(void)
{
	if (geteuid() != 0)
		printf("# skipped: only root can become another user\n");
	return geteuid() == 0;
}

void daemon_as(uid_t uid, gid_t gid, const gid_t *groups, size_t count, void (*body)(void))
{
	int status;
	pid_t pid;

	if (!daemon_may_change_users())
		return;
	pid = fork();
	if (pid == 0) {
		if (setgroups(count, groups) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
			_exit(3);
		body();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child of user %u ended with %#x", (unsigned)uid, status);
}

int daemon_wait(struct daemon *daemon)
{
	uint64_t until = now_ns() + PATIENCE_NS;
	int status;
	pid_t pid;

	while ((pid = waitpid(daemon->pid, &status, WNOHANG)) == 0) {
		ck_assert_msg(now_ns() < until, "tfld does not end: %s", read_log(daemon));
		usleep(2000);
	}
	ck_assert_int_eq(pid, daemon->pid);
	daemon->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	return remove(path);
}

void daemon_finish(struct daemon *daemon)
{
	static const char *const reports[] = {"AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:", "Assertion"};
	const char *log = read_log(daemon);

	for (unsigned i = 0; i < sizeof(reports) / sizeof(reports[0]); i++)
		ck_assert_msg(!strstr(log, reports[i]), "tfld reports: %s", log);
	ck_assert_int_eq(nftw(daemon->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void end_well(struct daemon *daemon)
{
	int status;

	ck_assert_int_eq(kill(daemon->pid, SIGTERM), 0);
	status = daemon_wait(daemon);
	ck_assert_msg(status == 0, "tfld ended with status %d: %s", status, read_log(daemon));
	ck_assert_msg(access(daemon->socket, F_OK) == (daemon->manager && daemon->manager->count ? 0 : -1),
		      "tfld left its socket behind, or removed one that it did not make");
}

void daemon_stop(struct daemon *daemon)
{
	end_well(daemon);
	daemon_finish(daemon);
}

void daemon_restart(struct daemon *daemon, const char *configuration)
{
	end_well(daemon);
	daemon_start(daemon, configuration);
}

unsigned daemon_times_logged(const struct daemon *daemon, const char *text)
{
	unsigned count = 0;

	for (const char *at = read_log(daemon); (at = strstr(at, text)); at += strlen(text))
		count++;
	return count;
}

bool daemon_logged(const struct daemon *daemon, const char *text)
{
	uint64_t until = now_ns() + PATIENCE_NS;

	while (!strstr(read_log(daemon), text)) {
		if (now_ns() > until)
			return false;
		usleep(5000);
	}
	return true;
}

static FILE *open_proc(const struct daemon *daemon, const char *name)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)daemon->pid, name);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	return file;
}

unsigned daemon_descriptors(const struct daemon *daemon)
{
	char path[64];
	unsigned count = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon->pid);
	folder = opendir(path);
	ck_assert_ptr_nonnull(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count - 2; /* . and .. */
}

/* What they are, for whoever wonders why there are more. */
static void print_descriptors(const struct daemon *daemon)
{
	char path[64], target[256];

	for (unsigned fd = 0; fd < 256; fd++) {
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/%d/fd/%u", (int)daemon->pid, fd);
		length = readlink(path, target, sizeof(target));
		if (length > 0)
			printf("# descriptor %u: %.*s\n", fd, (int)length, target);
	}
}

/*
 * The loader's thread is idle by priority: on a busy machine it may stand for seconds in the middle of a look at a folder, which it holds
 * open.
 */
unsigned daemon_settled_descriptors(const struct daemon *daemon, unsigned count)
{
	uint64_t until = now_ns() + PATIENCE_NS;
	unsigned found;

	while ((found = daemon_descriptors(daemon)) != count && now_ns() < until)
		usleep(2000);
	if (found > count)
		print_descriptors(daemon);
	return found;
}

/* Whether a thread of it runs, waits to run, or waits for a disk. */
static bool is_at_work(const struct daemon *daemon)
{
	char path[64];
	struct dirent *entry;
	bool working = false;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)daemon->pid);
	folder = opendir(path);
	ck_assert_ptr_nonnull(folder);
	while ((entry = readdir(folder))) {
		char file[sizeof(path) + sizeof(entry->d_name) + 8], state = 'S';
		FILE *stat;

		snprintf(file, sizeof(file), "%s/%s/stat", path, entry->d_name);
		stat = entry->d_name[0] == '.' ? NULL : fopen(file, "re");
		if (stat && fscanf(stat, "%*d (%*[^)]) %c", &state) == 1)
			working |= state != 'S';
		if (stat)
			fclose(stat);
	}
	closedir(folder);
	return working;
}

unsigned daemon_steady_descriptors(const struct daemon *daemon)
{
	unsigned count = daemon_descriptors(daemon);
	uint64_t until = now_ns() + PATIENCE_NS;

	for (unsigned same = 0; same < 20 && now_ns() < until; usleep(10000)) {
		unsigned now = daemon_descriptors(daemon);

		same = now == count && !is_at_work(daemon) ? same + 1 : 0;
		count = now;
	}
	return count;
}

size_t daemon_memory(const struct daemon *daemon)
{
	FILE *file = open_proc(daemon, "statm");
	unsigned long pages = 0;

	ck_assert_int_eq(fscanf(file, "%*u %lu", &pages), 1);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

size_t daemon_memory_peak(const struct daemon *daemon)
{
	FILE *file = open_proc(daemon, "status");
	size_t kilobytes = 0;
	char line[256];

	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kilobytes = strtoull(line + 6, NULL, 10);
	fclose(file);
	ck_assert_uint_gt(kilobytes, 0);
	return kilobytes << 10;
}

#ifdef __has_feature
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

bool daemon_memory_counts(void)
{
	return !SANITIZED;
}

unsigned daemon_children(const struct daemon *daemon)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	unsigned count = 0;

	while ((entry = readdir(proc))) {
		char path[300];
		int parent = 0;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		count += fscanf(file, "%*d (%*[^)]) %*c %d", &parent) == 1 && parent == daemon->pid;
		fclose(file);
	}
	closedir(proc);
	return count;
}

void daemon_wait_proof(const struct daemon *daemon)
{
	uint64_t until = now_ns() + PATIENCE_NS;

	while (daemon_children(daemon) == 0) {
		ck_assert_msg(now_ns() < until, "waited in vain for a proof: %s", read_log(daemon));
		usleep(2000);
	}
}

uint64_t daemon_cpu_ns(const struct daemon *daemon)
{
	FILE *file = open_proc(daemon, "schedstat");
	unsigned long long main_thread = 0;

	ck_assert_int_eq(fscanf(file, "%llu", &main_thread), 1);
	fclose(file);
	return main_thread;
}
