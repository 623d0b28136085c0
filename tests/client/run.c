/* SPDX-License-Identifier: MIT */
/* Output goes to files that have no name, so neither side waits for the other whatever the amount. */
#include "tests/client/run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 16

struct result result;

static void read_back(FILE *file, char *ret_text)
{
	rewind(file);
	ret_text[fread(ret_text, 1, OUTPUT_MAX - 1, file)] = '\0';
	fclose(file);
}

void run_tflctl(const char *const args[])
{
	const char *argv[ARGS_MAX + 2] = {"tflctl"};
	FILE *out = tmpfile(), *err = tmpfile();
	int status;
	pid_t pid;

	for (unsigned i = 0; args[i]; i++) {
		ck_assert_uint_lt(i, ARGS_MAX);
		argv[i + 1] = args[i];
	}
	ck_assert_msg(getenv("TFLCTL") != NULL, "$TFLCTL has to name the binary");
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		execv(getenv("TFLCTL"), (char *const *)argv);
		_exit(99);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "tflctl died of signal %d", WTERMSIG(status));
	result.status = WEXITSTATUS(status);
	read_back(out, result.out);
	read_back(err, result.err);
}

json_t *json_of_output(void)
{
	json_error_t error;
	json_t *json = json_loads(result.out, 0, &error);

	ck_assert_msg(json, "no JSON (%s): %s", error.text, result.out);
	ck_assert_str_eq(result.err, "");
	return json;
}
