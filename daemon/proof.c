/* SPDX-License-Identifier: MIT */
/* The report as MessagePack: one map. Keys that are not known are passed over, those that are have one type and one range. */
#include "daemon/proof.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/fields.h"
#include "proto/params.h"
#include "proto/reader.h"

/* As it comes: views into the bytes. */
struct report {
	uint32_t code; /* positive; 0: all is well */
	struct tfl_string sentence;
	uint64_t load_ns, run_ns, packed_bytes, interpreter_bytes, peak_bytes;
	uint32_t samples, infinite, means;
	struct tfl_wire_array digests;
};

#define TO(member) offsetof(struct report, member)

static const struct tfl_param rows[] = {
	{ "code", TFL_PARAM_UINT32, true, TO(code), 0, 4095, NULL },
	{ "sentence", TFL_PARAM_STRING, true, TO(sentence), 0, TFL_ERROR_TEXT_MAX - 1, NULL },
	{ "load_ns", TFL_PARAM_UINT64, true, TO(load_ns), 0, INT64_MAX, NULL },
	{ "run_ns", TFL_PARAM_UINT64, true, TO(run_ns), 0, INT64_MAX, NULL },
	{ "packed_bytes", TFL_PARAM_UINT64, true, TO(packed_bytes), 0, INT64_MAX, NULL },
	{ "interpreter_bytes", TFL_PARAM_UINT64, true, TO(interpreter_bytes), 0, INT64_MAX, NULL },
	{ "peak_bytes", TFL_PARAM_UINT64, true, TO(peak_bytes), 0, INT64_MAX, NULL },
	{ "samples", TFL_PARAM_UINT32, true, TO(samples), 0, TFL_SAMPLES_MAX, NULL },
	{ "infinite", TFL_PARAM_UINT32, true, TO(infinite), 0, TFL_SAMPLES_MAX, NULL },
	{ "means", TFL_PARAM_UINT32, true, TO(means), 0, 255, NULL },
	{ "digests", TFL_PARAM_ARRAY, true, TO(digests), 0, TFL_PROOF_DIGESTS_MAX, "digests" },
};

static const struct tfl_param_table table = TFL_PARAM_TABLE(rows, struct report);

void tfl_proof_write_figures(struct tfl_writer *writer, const struct tfl_proof *proof)
{
	tfl_field_uint(writer, "load_ns", proof->load_ns);
	tfl_field_uint(writer, "run_ns", proof->run_ns);
	tfl_field_uint(writer, "packed_bytes", proof->packed_bytes);
	tfl_field_uint(writer, "interpreter_bytes", proof->interpreter_bytes);
	tfl_field_uint(writer, "peak_bytes", proof->peak_bytes);
	tfl_field_uint(writer, "samples", proof->samples);
	tfl_field_uint(writer, "infinite", proof->infinite);
	tfl_field_array(writer, "digests", proof->digest_count);
	for (uint32_t i = 0; i < proof->digest_count; i++)
		tfl_writer_text(writer, proof->digests[i]);
}

void tfl_proof_report_write(struct tfl_writer *writer, const struct tfl_proof *proof, const struct tfl_error *failure)
{
	tfl_writer_begin(writer);
	tfl_writer_map(writer, 3 + TFL_PROOF_FIGURES);
	tfl_field_uint(writer, "code", failure ? (uint64_t)-failure->code : 0);
	tfl_field_text(writer, "sentence", failure ? failure->text : "");
	tfl_field_uint(writer, "means", proof->means);
	tfl_proof_write_figures(writer, proof);
}

static int take_digests(const struct tfl_wire_array *array, struct tfl_proof *proof, struct tfl_error *error)
{
	struct tfl_reader reader = tfl_reader_of(array->elements);
	struct tfl_string digest;
	int result;

	for (uint32_t i = 0; i < array->count; i++) {
		result = tfl_reader_string(&reader, "a digest", TFL_SHA256_TEXT - 1, &digest, error);
		if (result < 0)
			return result;
		memcpy(proof->digests[i], digest.text, digest.length);
		proof->digests[i][digest.length] = '\0';
		if (strspn(proof->digests[i], "0123456789abcdef") != TFL_SHA256_TEXT - 1)
			return tfl_error_set(error, -EINVAL, "a digest is no SHA-256");
	}
	proof->digest_count = array->count;
	return 0;
}

/* The sentence goes into a log and onto a terminal. */
static void take_sentence(struct tfl_string sentence, struct tfl_error *failure)
{
	memcpy(failure->text, sentence.text, sentence.length);
	failure->text[sentence.length] = '\0';
	for (char *at = failure->text; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
}

int tfl_proof_report_parse(struct tfl_slice bytes, struct tfl_proof *ret_proof, struct tfl_error *ret_failure, struct tfl_error *error)
{
	struct tfl_proof proof = { 0 };
	struct report report;
	int result;

	result = tfl_reader_validate(bytes, error);
	if (result == 0)
		result = tfl_params_parse(&table, bytes, "report", &report, error);
	if (result == 0)
		result = take_digests(&report.digests, &proof, error);
	if (result < 0)
		return result;
	proof.load_ns = report.load_ns;
	proof.run_ns = report.run_ns;
	proof.packed_bytes = report.packed_bytes;
	proof.interpreter_bytes = report.interpreter_bytes;
	proof.peak_bytes = report.peak_bytes;
	proof.samples = report.samples;
	proof.infinite = report.infinite;
	proof.means = report.means;
	ret_failure->code = -(int)report.code;
	take_sentence(report.sentence, ret_failure);
	*ret_proof = proof;
	return 0;
}
