/* SPDX-License-Identifier: MIT */
/*
 * The same table both ways, as in request.c. To the client the daemon's bytes are hostile too; but a reply that is not as it has to be is a
 * fault of the protocol, not of a caller, so every error is -EBADMSG.
 */
#include "proto/response.h"

#include <errno.h>
#include <stddef.h>

#include "base/error.h"
#include "base/limits.h"
#include "proto/message.h"
#include "proto/params.h"
#include "proto/writer.h"

struct wire_served {
	struct tfl_infer_served served;
	struct tfl_wire_array outputs;
};

#define MEMBER(member) offsetof(struct wire_served, member)

static const struct tfl_param served_rows[] = {
	{"model", TFL_PARAM_NAME, true, MEMBER(served.model), 0, 0, NULL},
	{"version", TFL_PARAM_UINT64, true, MEMBER(served.version), 1, TFL_VERSION_MAX, NULL},
	{"wait_ns", TFL_PARAM_UINT64, true, MEMBER(served.wait_ns), 0, UINT64_MAX, NULL},
	{"compute_ns", TFL_PARAM_UINT64, true, MEMBER(served.compute_ns), 0, UINT64_MAX, NULL},
	{"outputs", TFL_PARAM_ARRAY, true, MEMBER(outputs), 0, TFL_INFER_TENSORS_MAX, "tensors"},
};
static const struct tfl_param_table served_table = TFL_PARAM_TABLE(served_rows, struct wire_served);
/* Without the array. */
static const struct tfl_param_table head_table = {
	.rows = served_rows,
	.count = TFL_ARRAY_SIZE(served_rows) - 1,
	.size = sizeof(struct tfl_infer_served),
};

void tfl_infer_response_begin(struct tfl_writer *writer, uint32_t msgid, const struct tfl_infer_served *served, uint32_t output_count)
{
	tfl_message_reply(writer, msgid);
	tfl_writer_map(writer, tfl_params_count(&head_table, served) + 1);
	tfl_params_write(&head_table, served, writer);
	tfl_writer_text(writer, "outputs");
	tfl_writer_array(writer, output_count);
}

int tfl_infer_response_parse(struct tfl_slice result, struct tfl_infer_response *ret_response, struct tfl_error *error)
{
	struct tfl_infer_response response;
	struct wire_served wire;
	int r;

	r = tfl_params_parse(&served_table, result, "result", &wire, error);
	if (r == 0) {
		r = tfl_tensor_list_parse(&wire.outputs, TFL_TENSOR_OUTPUT, "outputs", &response.outputs, error);
		if (r < 0)
			tfl_error_prefix(error, r, "result");
	}
	if (r == -EINVAL) {
		r = -EBADMSG;
		if (error)
			error->code = r;
	}
	if (r < 0)
		return r;
	response.served = wire.served;
	*ret_response = response;
	return 0;
}

void tfl_infer_response_finish(struct tfl_infer_response *response)
{
	if (!response)
		return;
	tfl_tensor_list_finish(&response->outputs);
}
