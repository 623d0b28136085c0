/* SPDX-License-Identifier: MIT */
#include "daemon/shadow_status.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "daemon/fields.h"
#include "daemon/recorder.h"
#include "daemon/registry.h"
#include "daemon/server.h"
#include "daemon/shadows.h"
#include "daemon/version.h"
#include "daemon/version_stats.h"

static double mean(const struct tfl_agreement_output *output)
{
	return output->values ? output->sum / (double)output->values : 0;
}

/* An entry for each output and version: a frame is not nested deeper than so many levels. */
static void write_output(struct tfl_writer *writer, const struct tfl_agreement *pair, const char *name,
			 const struct tfl_agreement_output *output)
{
	tfl_writer_map(writer, 8);
	tfl_field_uint(writer, "version", pair->version);
	tfl_field_uint(writer, "compared", pair->compared);
	tfl_field_text(writer, "output", name);
	tfl_field_uint(writer, "rows", output->rows);
	tfl_field_uint(writer, "agreed", output->agreed);
	tfl_writer_text(writer, "largest_difference");
	tfl_writer_double(writer, output->largest);
	tfl_writer_text(writer, "mean_difference");
	tfl_writer_double(writer, mean(output));
	tfl_field_uint(writer, "invalid", output->invalid);
}

static void write_pairs(struct tfl_writer *writer, const struct tfl_shadow_status *status, const struct tfl_version *version)
{
	uint32_t outputs = version->output_count < TFL_AGREEMENT_OUTPUTS_MAX ? version->output_count : TFL_AGREEMENT_OUTPUTS_MAX;

	tfl_field_array(writer, "agreement", status->pair_count * outputs);
	for (unsigned i = 0; i < status->pair_count; i++)
		for (uint32_t k = 0; k < outputs; k++)
			write_output(writer, &status->pairs[i], version->outputs[k].name, &status->pairs[i].outputs[k]);
}

static void write_counts(struct tfl_writer *writer, const struct tfl_shadow_status *status, const struct tfl_version *version, bool buckets,
			 struct tfl_recorder_summary *summary)
{
	tfl_recorder_read_shadow(version->recorder, summary);
	tfl_field_uint(writer, "requests", summary->requests);
	tfl_results_write(writer, summary);
	tfl_field_uint(writer, "memory_bytes", status->bytes);
	tfl_field_uint(writer, "dropped", status->dropped);
	tfl_field_uint(writer, "uncompared", status->failed);
	tfl_latency_write(writer, "compute", &summary->compute, buckets);
	write_pairs(writer, status, version);
}

void tfl_shadow_write(struct tfl_writer *writer, const char *key, const struct tfl_server *server, const char *model, uint64_t number,
		      bool buckets,
		      struct tfl_recorder_summary *summary)
{
	const struct tfl_registry_model *listed = tfl_registry_find(server->registry, model, strlen(model));
	const struct tfl_version *version;
	struct tfl_shadow_status status;

	if (!listed || !tfl_shadows_read(server->shadows, model, &status) || (number && number != status.version)) {
		tfl_field_map(writer, key, 0);
		return;
	}
	version = tfl_registry_find_version(listed, status.version);
	tfl_field_map(writer, key, status.running ? 9 : 3);
	tfl_field_uint(writer, "version", status.version);
	tfl_field_bool(writer, "running", status.running);
	if (status.running)
		write_counts(writer, &status, version, buckets, summary);
	else
		tfl_field_text(writer, "reason", status.reason);
}

void tfl_shadow_write_alone(struct tfl_writer *writer, const char *key, const struct tfl_server *server, const char *model,
			    uint64_t number)
{
	_tfl_free_ struct tfl_recorder_summary *summary = malloc(sizeof(*summary));

	if (summary)
		tfl_shadow_write(writer, key, server, model, number, false, summary);
	else
		tfl_field_map(writer, key, 0);
}
