/* SPDX-License-Identifier: MIT */
/*
 * Nothing is freed and nothing is closed: the end of the process does that, at once and whatever the file did to the heap.
 */
#include "daemon/proof_child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/binding.h"
#include "daemon/clock.h"
#include "daemon/confine.h"
#include "daemon/digest.h"
#include "daemon/proof.h"
#include "daemon/samples.h"
#include "proto/writer.h"
#include "runtime/interpreter.h"
#include "runtime/model.h"
#include "runtime/program.h"

struct child {
	struct tfl_confinement confinement;
	uint64_t loop_iterations, loop_ns;
	int status; /* of /proc, opened while that was allowed */
	struct tfl_samples samples;
	struct tfl_proof proof;
};

static void tell_phase(enum tfl_proof_phase phase)
{
	const unsigned char byte = (unsigned char)phase;

	if (write(TFL_PROVE_FD_REPORT, &byte, 1) != 1)
		_exit(1);
}

/* Resident at most. (getrusage() would tell that of the daemon: it is kept across exec.) */
static uint64_t peak_bytes(int status)
{
	char text[4096];
	ssize_t length = status < 0 ? -1 : pread(status, text, sizeof(text) - 1, 0);
	const char *line;

	text[length > 0 ? length : 0] = '\0';
	line = strstr(text, "VmHWM:");
	return line ? strtoull(line + 6, NULL, 10) << 10 : 0;
}

static _Noreturn void report(struct child *child, const struct tfl_error *failure)
{
	struct tfl_writer writer;
	void *data = NULL;
	size_t size = 0, written = 0;

	child->proof.peak_bytes = peak_bytes(child->status);
	tfl_writer_init(&writer);
	tfl_proof_report_write(&writer, &child->proof, failure);
	if (tfl_writer_take_value(&writer, &data, &size) < 0)
		_exit(1);
	while (written < size) {
		ssize_t result = write(TFL_PROVE_FD_REPORT, (char *)data + written, size - written);

		if (result < 0 && errno != EINTR)
			_exit(1);
		written += result > 0 ? (size_t)result : 0;
	}
	_exit(0);
}

static int load(struct child *child, struct tfl_program **ret_program, struct tfl_interpreter **ret_interpreter, struct tfl_error *error)
{
	const struct tfl_program_options options = {
		.threads = 1, .late = true, .loop_iterations = child->loop_iterations, .loop_ns = child->loop_ns
	};
	const uint64_t start = tfl_clock_ns();
	struct tfl_program_info info;
	struct tfl_model *model;
	int result;

	tell_phase(TFL_PROOF_VERIFYING);
	result = tfl_model_open(TFL_PROVE_FD_MODEL, &model, error);
	if (result < 0)
		return result;
	tell_phase(TFL_PROOF_BUILDING);
	result = tfl_program_create(model, &options, ret_program, error);
	if (result == 0)
		result = tfl_interpreter_create(*ret_program, ret_interpreter, error);
	if (result < 0)
		return result;
	child->proof.load_ns = tfl_clock_ns() - start;
	tfl_program_info(*ret_program, &info);
	child->proof.packed_bytes = info.packed_bytes;
	child->proof.interpreter_bytes = tfl_interpreter_bytes(*ret_interpreter);
	return 0;
}

static int run_on_zeros(const struct tfl_entry *entry, struct tfl_interpreter *interpreter, uint64_t *ret_ns, struct tfl_error *error)
{
	const struct tfl_run_control control = { .idle = true };
	uint64_t start;
	int result;

	for (uint32_t i = 0; i < entry->input_count; i++)
		memset(tfl_interpreter_input(interpreter, i), 0, entry->inputs[i].bytes);
	tfl_interpreter_reset(interpreter);
	start = tfl_clock_ns();
	result = tfl_interpreter_invoke(interpreter, &control, error);
	*ret_ns = tfl_clock_ns() - start;
	return result < 0 ? tfl_error_prefix(error, result, "warm-up on zeros") : 0;
}

/* The second run is the one that is told: the first touches memory that the second finds there. */
static int run(struct child *child, const struct tfl_entry *entry, struct tfl_interpreter *interpreter, struct tfl_error *error)
{
	struct tfl_proof *proof = &child->proof;
	int result;

	tell_phase(TFL_PROOF_RUNNING);
	result = run_on_zeros(entry, interpreter, &proof->run_ns, error);
	if (result < 0)
		return result;
	for (; proof->digest_count < entry->output_count && proof->digest_count < TFL_PROOF_DIGESTS_MAX; proof->digest_count++) {
		struct tfl_io io;

		tfl_interpreter_output_io(interpreter, proof->digest_count, &io);
		tfl_digest(tfl_interpreter_output(interpreter, proof->digest_count), io.bytes, proof->digests[proof->digest_count]);
	}
	return run_on_zeros(entry, interpreter, &proof->run_ns, error);
}

static int run_samples(struct child *child, const struct tfl_interface *interface, struct tfl_interpreter *interpreter,
		       struct tfl_error *error)
{
	int result = 0;

	if (child->samples.count > 0)
		tell_phase(TFL_PROOF_SAMPLES);
	for (unsigned i = 0; result == 0 && i < child->samples.count; i++) {
		bool infinite = false;

		result = tfl_sample_judge(&child->samples.files[i], interface, interpreter, &infinite, error);
		child->proof.samples += result == 0;
		child->proof.infinite += result == 0 && infinite;
	}
	return result;
}

static int prove(struct child *child, struct tfl_error *error)
{
	struct tfl_interface interface = { 0 };
	struct tfl_interpreter *interpreter = NULL;
	struct tfl_program *program = NULL;
	int result;

	result = load(child, &program, &interpreter, error);
	if (result < 0)
		return result;
	interface.entries = tfl_program_entries(program, &interface.count);
	result = run(child, &interface.entries[0], interpreter, error);
	return result == 0 ? run_samples(child, &interface, interpreter, error) : result;
}

/* Everything that needs what is then given up. The file itself is mapped, which its size must not count for. */
static int prepare(struct child *child, struct tfl_error *error)
{
	/* Asked before anything opened here can have this number. */
	const bool has_samples = fcntl(TFL_PROVE_FD_SAMPLES, F_GETFD) >= 0;
	struct stat st;
	int result = 0;

	child->status = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	if (fstat(TFL_PROVE_FD_MODEL, &st) < 0)
		return tfl_error_set(error, -errno, "the file cannot be looked at: %s", strerror(errno));
	child->confinement.memory += (uint64_t)st.st_size + TFL_MODEL_SLACK;
	child->confinement.report = TFL_PROVE_FD_REPORT;
	if (has_samples)
		result = tfl_samples_open(TFL_PROVE_FD_SAMPLES, &child->samples, error);
	if (result == 0)
		result = tfl_runtime_init(error);
	if (has_samples)
		tfl_close(TFL_PROVE_FD_SAMPLES);
	return result == 0 ? tfl_confine(&child->confinement, &child->proof.means, error) : result;
}

int tfl_proof_child(int argc, char *const *argv)
{
	static struct child child;
	struct tfl_error error;
	int result;

	if (argc != TFL_PROVE_ARGUMENTS || fcntl(TFL_PROVE_FD_REPORT, F_GETFD) < 0) {
		fputs("tfld: " TFL_PROVE_OPTION " is how tfld starts the process that proves a file; there is no other use of it\n", stderr);
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	child.confinement.memory = strtoull(argv[2], NULL, 10);
	child.confinement.cpu_seconds = strtoull(argv[3], NULL, 10);
	child.loop_iterations = strtoull(argv[4], NULL, 10);
	child.loop_ns = strtoull(argv[5], NULL, 10) * 1000000;
	result = prepare(&child, &error);
	if (result == 0)
		result = prove(&child, &error);
	error.code = result;
	report(&child, result < 0 ? &error : NULL);
}
