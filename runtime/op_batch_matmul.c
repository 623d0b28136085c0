/* SPDX-License-Identifier: MIT */
/*
 * BATCH_MATMUL: matrix products [M, K] x [K, N], one for each batch; the dimensions in front of the last two are batches, and broadcast.
 * Either matrix may be stored transposed (adj_x, adj_y).
 *
 * Semantics: TensorFlow Lite's reference kernels. int8 is summed in 32 bits, int16 (without zero points) in 64. XNNPACK has the product in
 * float32; one matrix of constants on the right is a fully connected layer, which it has in int8 too, and packs once for all interpreters.
 */
#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/lower.h"
#include "runtime/op.h"
#include "runtime/quant.h"
#include "runtime/shape.h"

enum { ADJ_X, ADJ_Y };
enum { LEFT, RIGHT };

struct params {
	struct tfl_broadcast batches;
	bool adjoint[2];
	size_t rows, depth, columns;
	struct tfl_multiplier multiplier;
	struct tfl_range range;
};

static int check_scales(const struct tfl_graph *graph, const struct tfl_node *node, struct params *params, struct tfl_error *error)
{
	const struct tfl_value *left = tfl_node_input(graph, node, LEFT), *right = tfl_node_input(graph, node, RIGHT);
	const struct tfl_value *output = tfl_node_output(graph, node, 0);
	double factor;
	int r;

	r = tfl_check_symmetric(graph, node, left, "first input", error);
	if (r == 0)
		r = tfl_check_symmetric(graph, node, right, "second input", error);
	if (r == 0)
		r = tfl_check_symmetric(graph, node, output, "output", error);
	if (r == 0)
		r = tfl_activation_range(graph, node, TFL_ACTIVATION_NONE, output, &params->range, error);
	if (r < 0 || left->dtype == TFL_FLOAT32)
		return r;
	factor = (double)left->scale * (double)right->scale / (double)output->scale;
	params->multiplier = tfl_multiplier_from(factor);
	if (left->dtype == TFL_INT16 && params->multiplier.shift > TFL_WIDE_SHIFT_MAX)
		return tfl_node_unsupported(graph, node, error, "the scales make a factor of %g; below %d is supported", factor,
					    1 << TFL_WIDE_SHIFT_MAX);
	return 0;
}

/* Size of the matrix's rows (0) or columns (1) as they take part, stored so or transposed. */
static int32_t side(const struct tfl_value *matrix, bool adjoint, unsigned which)
{
	return matrix->dims[matrix->rank - 2u + (adjoint ? 1 - which : which)];
}

static int set_shape(struct tfl_graph *graph, const struct tfl_node *node, struct params *params, struct tfl_error *error)
{
	const struct tfl_value *left = tfl_node_input(graph, node, LEFT), *right = tfl_node_input(graph, node, RIGHT);
	struct tfl_value batches[2] = {*left, *right};
	int32_t dims[TFL_RANK_MAX];
	unsigned rank;
	int r;

	if (left->rank < 2 || right->rank < 2 || side(left, params->adjoint[LEFT], 1) != side(right, params->adjoint[RIGHT], 0))
		return tfl_node_invalid(graph, node, error,
					"the inputs have %u and %u dimensions; at least 2 each are right, and as many columns in the first "
					"matrices as rows in the second",
					left->rank, right->rank);
	batches[LEFT].rank = (uint8_t)(left->rank - 2);
	batches[RIGHT].rank = (uint8_t)(right->rank - 2);
	r = tfl_broadcast_init(&params->batches, graph, node, (const struct tfl_value *[]){&batches[LEFT], &batches[RIGHT]}, 2, error);
	if (r < 0)
		return r;
	rank = params->batches.rank;
	memcpy(dims, params->batches.dims, rank * sizeof(*dims));
	dims[rank] = side(left, params->adjoint[LEFT], 0);
	dims[rank + 1] = side(right, params->adjoint[RIGHT], 1);
	params->rows = (size_t)dims[rank];
	params->columns = (size_t)dims[rank + 1];
	params->depth = (size_t)side(left, params->adjoint[LEFT], 1);
	return tfl_node_set_shape(graph, node, 0, rank + 2, dims, error);
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int r;

	if (!params)
		return -ENOMEM;
	params->adjoint[LEFT] = tfl_fb_bool(&node->source->options, ADJ_X, false);
	params->adjoint[RIGHT] = tfl_fb_bool(&node->source->options, ADJ_Y, false);
	r = check_scales(graph, node, params, error);
	if (r == 0)
		r = set_shape(graph, node, params, error);
	if (r == 0)
		r = tfl_node_charge(graph, node, tfl_node_output(graph, node, 0)->elements, params->depth, error);
	node->scratch_bytes = params->columns * sizeof(int64_t);
	return r;
}

/* The left matrices as XNNPACK takes them: it transposes none on this side. */
static int lower_left(struct tfl_lower *lower, const struct tfl_node *node, uint32_t *ret_id)
{
	const struct tfl_value *left = tfl_node_input(lower->graph, node, LEFT);
	const struct params *params = node->params;
	size_t dims[TFL_RANK_MAX], order[TFL_RANK_MAX];
	unsigned rank;
	uint32_t stored;
	int r = tfl_lower_value(lower, left, &stored);

	*ret_id = stored;
	if (r != 0 || !params->adjoint[LEFT])
		return r;
	rank = tfl_lower_dims(left, dims);
	for (unsigned i = 0; i < rank; i++)
		order[i] = i;
	order[rank - 2] = rank - 1;
	order[rank - 1] = rank - 2;
	dims[rank - 2] = params->rows;
	dims[rank - 1] = params->depth;
	if (left->dtype != TFL_FLOAT32)
		return 1;
	r = tfl_lower_status(
		xnn_define_tensor_value(lower->subgraph, xnn_datatype_fp32, rank, dims, NULL, XNN_INVALID_VALUE_ID, 0, ret_id));
	return r ? r : tfl_lower_status(xnn_define_static_transpose(lower->subgraph, rank, order, stored, *ret_id, 0));
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct tfl_value *values = tfl_node_input(lower->graph, node, RIGHT);
	const struct params *params = node->params;
	bool adjoint = params->adjoint[RIGHT], dense = values->data && values->rank == 2;
	uint32_t left, right, bias, output;
	int r;

	if (!dense && values->dtype != TFL_FLOAT32)
		return 1;
	/* Columns of the right matrices are packed in groups of up to 64, each row with room for one more. */
	r = tfl_lower_bytes(lower, dense ? 0 : (double)values->elements * sizeof(float) * (2 + 64.0 / (double)(params->columns + 1)));
	if (r == 0)
		r = lower_left(lower, node, &left);
	if (r == 0)
		r = tfl_lower_value(lower, tfl_node_output(lower->graph, node, 0), &output);
	if (r == 0)
		r = dense ? tfl_lower_weights(lower, node, adjoint ? 0 : 1, NULL, adjoint, &right, &bias)
			  : tfl_lower_value(lower, values, &right);
	if (r != 0)
		return r;
	if (dense)
		return tfl_lower_status(xnn_define_fully_connected(lower->subgraph, params->range.min, params->range.max, left, right, bias,
								   output, adjoint ? 0 : XNN_FLAG_TRANSPOSE_WEIGHTS));
	return tfl_lower_status(
		xnn_define_batch_matrix_multiply(lower->subgraph, left, right, output, adjoint ? XNN_FLAG_TRANSPOSE_B : 0));
}

/* Zero points, and where the sums of one row go. */
struct row {
	int32_t left_zero, right_zero;
	void *sums;
};

/* Row times matrix. The row's elements lie left_stride apart; the matrix is [depth, columns], or transposed. */
#define DEFINE_MULTIPLY(name, type, accumulator, product) \
	static void multiply_##name(const struct params *params, const struct row *row, const void *left, size_t left_stride, \
				    const void *right) \
	{ \
		size_t depth = params->depth, columns = params->columns; \
		int32_t x_zero = row->left_zero, w_zero = row->right_zero; \
		const type *l = left, *r = right; \
		accumulator *sums = row->sums; \
\
		(void)x_zero, (void)w_zero; \
		memset(sums, 0, columns * sizeof(*sums)); \
		for (size_t n = 0; params->adjoint[RIGHT] && n < columns; n++, r += depth) { \
			accumulator sum = 0; \
\
			for (size_t k = 0; k < depth; k++) { \
				type x = l[k * left_stride], w = r[k]; \
\
				sum += product; \
			} \
			sums[n] = sum; \
		} \
		for (size_t k = 0; !params->adjoint[RIGHT] && k < depth; k++, r += columns) { \
			type x = l[k * left_stride]; \
\
			for (size_t n = 0; n < columns; n++) { \
				type w = r[n]; \
\
				sums[n] += product; \
			} \
		} \
	}

DEFINE_MULTIPLY(float32, float, float, x * w)
DEFINE_MULTIPLY(int8, int8_t, uint32_t, (uint32_t)((x - x_zero) * (w - w_zero)))
DEFINE_MULTIPLY(int16, int16_t, int64_t, x * w)

static void finish_float32(const struct params *params, const void *sums, int32_t zero_point, void *output)
{
	memcpy(output, sums, params->columns * sizeof(float));
}

static void finish_int8(const struct params *params, const void *sums, int32_t zero_point, void *output)
{
	for (size_t n = 0; n < params->columns; n++)
		((int8_t *)output)[n] = (int8_t)tfl_requantize(((const int32_t *)sums)[n], params->multiplier, zero_point, &params->range);
}

static void finish_int16(const struct params *params, const void *sums, int32_t zero_point, void *output)
{
	for (size_t n = 0; n < params->columns; n++)
		((int16_t *)output)[n] = (int16_t)tfl_requantize_wide(((const int64_t *)sums)[n], params->multiplier, &params->range);
}

static const struct kind {
	enum tfl_dtype dtype;
	void (*multiply)(const struct params *params, const struct row *row, const void *left, size_t left_stride, const void *right);
	void (*finish)(const struct params *params, const void *sums, int32_t zero_point, void *output);
} kinds[] = {
	{TFL_FLOAT32, multiply_float32, finish_float32},
	{TFL_INT8, multiply_int8, finish_int8},
	{TFL_INT16, multiply_int16, finish_int16},
};

/* Where the matrices of all batches begin, and whose they are. */
struct matrices {
	const struct tfl_run *run;
	const uint8_t *left, *right;
	uint8_t *output;
	size_t element;
	int32_t zero_point; /* of the output */
};

/* One product; left, right and output are its number among the matrices of each. */
static int run_batch(const struct params *params, const struct kind *kind, const struct row *row, const struct matrices *matrices,
		     size_t left, size_t right, size_t output, struct tfl_error *error)
{
	size_t element = matrices->element, apart = params->adjoint[LEFT] ? 1 : params->depth;
	size_t left_stride = params->adjoint[LEFT] ? params->rows : 1;
	const uint8_t *l = matrices->left + left * params->rows * params->depth * element;
	const uint8_t *from = matrices->right + right * params->depth * params->columns * element;
	uint8_t *to = matrices->output + output * params->rows * params->columns * element;

	for (size_t m = 0; m < params->rows; m++) {
		int r = m % TFL_RUN_CHECK_ROWS == 0 ? tfl_run_check(matrices->run, error) : 0;

		if (r < 0)
			return r;
		kind->multiply(params, row, l + m * apart * element, left_stride, from);
		kind->finish(params, row->sums, matrices->zero_point, to + m * params->columns * element);
	}
	return 0;
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *left = tfl_node_input(run->graph, node, LEFT), *output = tfl_node_output(run->graph, node, 0);
	const struct params *params = node->params;
	const struct tfl_broadcast *batches = &params->batches;
	const struct matrices matrices = {run, tfl_run_input(run, node, LEFT), tfl_run_input(run, node, RIGHT), tfl_run_output(run, node, 0),
					  tfl_dtype_size(left->dtype), output->zero_point};
	const struct row row = {left->zero_point, tfl_node_input(run->graph, node, RIGHT)->zero_point, run->scratch};
	unsigned inner = batches->loops - 1;
	struct tfl_broadcast_at at = {0};
	const struct kind *kind = kinds;
	int r = 0;

	while (kind->dtype != left->dtype)
		kind++;
	if (output->elements == 0)
		return 0;
	do {
		for (size_t i = 0; i < batches->counts[inner] && r == 0; i++)
			r = run_batch(params, kind, &row, &matrices, at.offsets[LEFT] + i * batches->strides[LEFT][inner],
				      at.offsets[RIGHT] + i * batches->strides[RIGHT][inner], at.output + i, error);
	} while (r == 0 && tfl_broadcast_next(batches, &at));
	return r;
}

const struct tfl_op tfl_op_batch_matmul = {
	.code = TFL_BUILTIN_BATCH_MATMUL,
	.options = TFL_OPTIONS_BATCH_MATMUL,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 4,
	.name = "BATCH_MATMUL",
	.types = "ff:f bb:b ss:s",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};
