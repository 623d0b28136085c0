/* SPDX-License-Identifier: MIT */
/*
 * A survey for people: a headline, what the model is and takes, and its operators by kind, so that a model of 600 operators fits a screen
 * or two; what is not supported stands at the end, where the eye is when the prompt comes back, with what can be done about it.
 */
#include "client/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"
#include "client/model_text.h"
#include "client/print.h"
#include "runtime/survey.h"

#define ROWS_MAX 32      /* kinds of operators that are shown unless all are wanted */
#define FINDINGS_MAX 20  /* and kinds that are not supported */
#define SIGNATURES_MAX 6
#define TITLE_COLUMNS 48
#define NAME_COLUMNS 34
#define TYPES_MIN 21     /* columns of types, however narrow the terminal is: "int8 ×2, int32 → int8" */
#define LIST_COLUMNS 22  /* names in the long lists, beside much else */
#define FLOW_COLUMNS 55  /* and what goes in and comes out */

/* ---- The lines above the tables ---- */

static void count_verdicts(const struct tfl_survey *survey, uint32_t counts[TFL_VERDICTS])
{
	for (uint32_t i = 0; i < survey->operator_count; i++)
		counts[survey->operators[i].verdict] += survey->operators[i].subgraph == 0;
}

static void print_headline(const struct ctl_inspection *inspection)
{
	const struct tfl_survey *survey = inspection->survey;
	const char *slash = strrchr(inspection->path, '/'), *name = slash && slash[1] ? slash + 1 : inspection->path;
	uint32_t operators = survey->model->subgraphs[0].operator_count;
	char unit[CTL_UNIT_MAX], title[4 * TITLE_COLUMNS + 1];

	ctl_format_short(title, TITLE_COLUMNS, strcmp(name, "-") == 0 ? "standard input" : name);
	ctl_printf("%s  %s, %s, %u operator%s", title, ctl_format_bytes(unit, survey->model->size),
		   tfl_survey_quantization(survey), operators, ctl_plural(operators));
	if (survey->model->subgraph_count > 1)
		printf(" and %u more subgraph%s", survey->model->subgraph_count - 1, ctl_plural(survey->model->subgraph_count - 1));
	printf("\n");
}

static void print_verdict(const struct tfl_survey *survey)
{
	uint32_t counts[TFL_VERDICTS] = {0};
	char late[80] = "";

	count_verdicts(survey, counts);
	if (counts[TFL_VERDICT_LATE] > 0)
		snprintf(late, sizeof(late), ", %u prepared for the shapes of each request", counts[TFL_VERDICT_LATE]);
	if (!survey->runs && counts[TFL_VERDICT_UNSUPPORTED] + counts[TFL_VERDICT_UNCERTAIN] > 0) {
		ctl_printf_wrapped("runs", CTL_TEXT_INDENT, "no: %u of its operators %s not supported (below)",
				   counts[TFL_VERDICT_UNSUPPORTED], counts[TFL_VERDICT_UNSUPPORTED] == 1 ? "is" : "are");
		return;
	}
	if (!survey->runs) {
		ctl_printf_wrapped("runs", CTL_TEXT_INDENT, "no: %s", survey->fault.text);
		return;
	}
	ctl_printf_wrapped("runs", CTL_TEXT_INDENT,
			   "yes, in %u step%s: %u operator%s in XNNPACK, %u in portable kernels%s%s", survey->steps,
			   ctl_plural(survey->steps), counts[TFL_VERDICT_XNNPACK], ctl_plural(counts[TFL_VERDICT_XNNPACK]),
			   counts[TFL_VERDICT_PORTABLE], late,
			   counts[TFL_VERDICT_FOLDED] ? "; the others are computed at load, or read by nobody" : "");
}

/* Only where the headline's word does not say it. */
static void print_forms(const struct tfl_survey *survey)
{
	char text[256] = "";
	unsigned kinds = 0;
	size_t used = 0;

	for (unsigned form = 0; form < TFL_FORMS; form++) {
		if (survey->forms[form] == 0)
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u %s", kinds ? ", " : "", survey->forms[form],
					 tfl_form_to_string((enum tfl_form)form));
		kinds++;
	}
	if (kinds > 1)
		ctl_printf_wrapped("weights", CTL_TEXT_INDENT, "operators with weights: %s", text);
}

static void print_memory(const struct tfl_survey *survey)
{
	const struct tfl_survey_memory *memory = &survey->memory;
	char units[5][CTL_UNIT_MAX];

	if (memory->measured)
		ctl_printf_wrapped("memory", CTL_TEXT_INDENT,
				   "%s with one interpreter: file %s, packed weights %s, interpreter %s; each further one %s (measured)",
				   ctl_format_bytes(units[0], survey->model->size + memory->packed + memory->interpreter),
				   ctl_format_bytes(units[1], survey->model->size), ctl_format_bytes(units[2], memory->packed),
				   ctl_format_bytes(units[3], memory->interpreter), ctl_format_bytes(units[4], memory->further));
	else if (memory->interpreter)
		ctl_printf_wrapped("memory", CTL_TEXT_INDENT,
				   "about %s with one interpreter: file %s, weights %s, activations %s (estimated from the tensors' sizes)",
				   ctl_format_bytes(units[0], survey->model->size + memory->packed + memory->interpreter),
				   ctl_format_bytes(units[1], survey->model->size), ctl_format_bytes(units[2], memory->packed),
				   ctl_format_bytes(units[3], memory->interpreter));
	else
		ctl_printf_wrapped("memory", CTL_TEXT_INDENT, "unknown: the tensors' sizes are not in the file, or past the limit");
}

static void print_work(const struct tfl_survey *survey)
{
	uint32_t constants = 0;
	char unit[CTL_UNIT_MAX];

	for (uint32_t i = 0; i < survey->tensor_count; i++)
		constants += survey->tensors[i].constant;
	if (constants > 0)
		ctl_printf_wrapped("tensors", CTL_TEXT_INDENT, "%u, of them %u constant%s with %s", survey->tensor_count, constants,
				   ctl_plural(constants), ctl_format_bytes(unit, survey->memory.constants));
	else
		ctl_printf_wrapped("tensors", CTL_TEXT_INDENT, "%u, no constants", survey->tensor_count);
	if (survey->multiplies > 0)
		ctl_printf_wrapped("work", CTL_TEXT_INDENT, "%s multiply-adds an inference", ctl_format_count(unit, survey->multiplies));
}

static void put_bindings(FILE *stream, const struct tfl_signature_tensor *tensors, uint32_t count)
{
	char name[4 * NAME_COLUMNS + 1];

	for (uint32_t i = 0; i < count && i < SIGNATURES_MAX; i++)
		fprintf(stream, "%s%s", i ? ", " : "", ctl_format_short(name, NAME_COLUMNS, tensors[i].name));
	if (count > SIGNATURES_MAX)
		fprintf(stream, ", … %u in all", count);
	else if (count == 0)
		fputs("-", stream);
}

/* "tokens, length → scores (subgraph 1)", or why there is no such thing. */
static void put_signature(FILE *stream, const struct tfl_signature *signature, const char *fault)
{
	if (fault) {
		fprintf(stream, "cannot be run: %s", fault);
		return;
	}
	put_bindings(stream, signature->inputs, signature->input_count);
	fputs(" → ", stream);
	put_bindings(stream, signature->outputs, signature->output_count);
	if (signature->subgraph > 0)
		fprintf(stream, " (subgraph %u)", signature->subgraph);
}

static void print_signatures(const struct tfl_survey *survey)
{
	const struct tfl_model *model = survey->model;

	for (uint32_t i = 0; i < model->signature_count && i < SIGNATURES_MAX; i++) {
		char *text = NULL, key[4 * NAME_COLUMNS + 1];
		size_t size = 0;
		FILE *stream = open_memstream(&text, &size);

		if (!stream)
			abort();
		fprintf(stream, "%s: ", ctl_format_short(key, NAME_COLUMNS, model->signatures[i].key));
		put_signature(stream, &model->signatures[i], ctl_signature_fault(survey, i));
		fclose(stream);
		ctl_print_wrapped(i == 0 ? "signatures" : "", CTL_TEXT_INDENT, text);
		free(text);
	}
	if (model->signature_count > SIGNATURES_MAX)
		ctl_printf_wrapped("", CTL_TEXT_INDENT, "… %u in all", model->signature_count);
}

/* ---- Operators ---- */

/* Columns that are left for types beside the longest of the names shown; a few in any case. */
static unsigned type_columns(const struct ctl_groups *groups)
{
	unsigned longest = 0, width = ctl_width(), others = sizeof("  COUNT  100.0 %    VERSION  unsupported  ");
	char name[4 * NAME_COLUMNS + 1];

	for (size_t i = 0; i < groups->count && i < ROWS_MAX; i++) {
		unsigned columns = (unsigned)strlen(ctl_format_short(name, NAME_COLUMNS, ctl_operator_name(groups->items[i].first)));

		longest = columns > longest ? columns : longest;
	}
	longest = longest > NAME_COLUMNS ? NAME_COLUMNS : longest; /* bytes: more than columns where they are not ASCII */
	return width < others + longest + TYPES_MIN ? TYPES_MIN : width - others - longest;
}

static void add_group(struct ctl_table *table, const struct ctl_group *group, uint64_t multiplies, unsigned columns)
{
	char name[4 * NAME_COLUMNS + 1], types[4 * CTL_WIDTH + 1];

	ctl_table_add(table, "%u", group->count);
	if (group->multiplies > 0 && multiplies > 0)
		ctl_table_add(table, "%.1f %%", 100.0 * (double)group->multiplies / (double)multiplies);
	else
		ctl_table_add(table, "%s", "");
	ctl_table_add(table, "%s", ctl_format_short(name, NAME_COLUMNS, ctl_operator_name(group->first)));
	ctl_table_add(table, "%d", group->first->source->version);
	ctl_table_add(table, "%s", tfl_verdict_to_string(group->first->verdict));
	ctl_table_add(table, "%s", ctl_format_short(types, columns, group->types));
}

static int print_groups(const struct tfl_survey *survey)
{
	struct ctl_table table = {.columns = 6, .right = 1 | 1 << 1 | 1 << 3};
	static const char *const titles[] = {"COUNT", "WORK", "OPERATOR", "VERSION", "RUNS IN", "TYPES"};
	struct ctl_groups groups;
	uint64_t multiplies = 0;

	if (ctl_groups_make(survey, NULL, false, &groups) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < groups.count; i++)
		multiplies += groups.items[i].multiplies;
	if (groups.count > 0)
		printf("operators\n");
	for (size_t i = 0; i < TFL_ARRAY_SIZE(titles) && groups.count > 0; i++)
		ctl_table_add(&table, "%s", i == 1 && multiplies == 0 ? "" : titles[i]);
	for (size_t i = 0; i < groups.count && i < ROWS_MAX; i++)
		add_group(&table, &groups.items[i], multiplies, type_columns(&groups));
	ctl_table_print(&table, "  ");
	if (groups.count > ROWS_MAX)
		printf("  … and %zu kinds more; --operators lists all\n", groups.count - ROWS_MAX);
	ctl_groups_finish(&groups);
	return 0;
}

static void put_first(FILE *stream, const struct tfl_survey_tensor *tensors, const int32_t *indices, uint32_t count)
{
	const struct tfl_survey_tensor *first;
	char shape[TFL_SHAPE_STRING_MAX];

	if (count == 0 || indices[0] < 0) {
		fputs("-", stream);
		return;
	}
	first = &tensors[indices[0]];
	fprintf(stream, "%s %s%s", tfl_dtype_to_string(first->source->dtype),
		tfl_shape_to_string(first->dims, first->rank, shape, sizeof(shape)), count > 1 ? " …" : "");
}

/* "int8 [1, 8, 8, 3] … → int8 [1, 8, 8, 16]": the first of each side. @tensors: of the operator's subgraph. */
static void add_flow(struct ctl_table *table, const struct tfl_survey_tensor *tensors, const struct tfl_operator *source)
{
	char shown[4 * FLOW_COLUMNS + 1], *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		abort();
	put_first(stream, tensors, source->inputs, source->input_count);
	fputs(" → ", stream);
	put_first(stream, tensors, source->outputs, source->output_count);
	fclose(stream);
	ctl_table_add(table, "%s", ctl_format_short(shown, FLOW_COLUMNS, text));
	free(text);
}

/* All of them, in the order in which they stand in the file. */
static void print_operators(const struct tfl_survey *survey)
{
	struct ctl_table table = {.columns = 4, .right = 1};
	const struct tfl_survey_tensor *tensors = survey->tensors;
	char name[4 * LIST_COLUMNS + 1];
	uint32_t i = 0;

	for (uint32_t s = 0; s < survey->model->subgraph_count; s++) {
		if (survey->model->subgraph_count > 1)
			ctl_printf("operators of subgraph %u  %s\n", s, survey->model->subgraphs[s].name);
		else
			printf("operators\n");
		for (; i < survey->operator_count && survey->operators[i].subgraph == s; i++) {
			const struct tfl_survey_operator *op = &survey->operators[i];

			ctl_table_add(&table, "%u", op->index);
			ctl_table_add(&table, "%s", ctl_format_short(name, LIST_COLUMNS, ctl_operator_name(op)));
			ctl_table_add(&table, "%s", tfl_verdict_to_string(op->verdict));
			add_flow(&table, tensors, op->source);
		}
		ctl_table_print(&table, "  ");
		tensors += survey->model->subgraphs[s].tensor_count;
	}
}

/* ---- Tensors ---- */

static const char *role_of(const struct tfl_survey_tensor *tensor)
{
	return tensor->constant                 ? "constant"
	       : tensor->source->is_variable    ? "variable"
	       : tensor->input                  ? "input"
	       : tensor->output                 ? "output"
	       : tensor->folded                 ? "at load"
	       : tensor->uncertain              ? "uncertain"
						: "";
}

static void add_quantization(struct ctl_table *table, const struct tfl_quantization *quantization)
{
	if (quantization->count == 1)
		ctl_table_add(table, "%.4g, %lld", (double)quantization->scales[0], (long long)quantization->zero_points[0]);
	else if (quantization->count > 1)
		ctl_table_add(table, "%u along %u", quantization->count, quantization->axis);
	else
		ctl_table_add(table, "%s", quantization->custom ? "of another kind" : "");
}

static void print_tensors(const struct tfl_survey *survey)
{
	struct ctl_table table = {.columns = 7, .right = 1 | 1 << 4};
	char name[4 * LIST_COLUMNS + 1], shape[TFL_SHAPE_STRING_MAX], unit[CTL_UNIT_MAX];
	uint32_t i = 0;

	for (uint32_t s = 0; s < survey->model->subgraph_count; s++) {
		if (survey->model->subgraph_count > 1)
			ctl_printf("tensors of subgraph %u  %s\n", s, survey->model->subgraphs[s].name);
		else
			printf("tensors\n");
		for (; i < survey->tensor_count && survey->tensors[i].subgraph == s; i++) {
			const struct tfl_survey_tensor *tensor = &survey->tensors[i];

			ctl_table_add(&table, "%u", tensor->index);
			ctl_table_add(&table, "%s", ctl_format_short(name, LIST_COLUMNS, tensor->source->name));
			ctl_table_add(&table, "%s", tfl_dtype_to_string(tensor->source->dtype));
			ctl_table_add(&table, "%s", tfl_shape_to_string(tensor->dims, tensor->rank, shape, sizeof(shape)));
			ctl_table_add(&table, "%s", ctl_format_bytes(unit, tensor->bytes));
			ctl_table_add(&table, "%s", role_of(tensor));
			add_quantization(&table, &tensor->source->quantization);
		}
		ctl_table_print(&table, "  ");
	}
}

/* ---- What is not supported ---- */

static bool is_refused(const struct tfl_survey_operator *op)
{
	return op->verdict == TFL_VERDICT_UNSUPPORTED;
}

/* What a whole cause has in common needs no reason in each line. */
static bool has_reason(enum tfl_cause cause)
{
	return cause == TFL_CAUSE_VERSION || cause == TFL_CAUSE_TYPES || cause == TFL_CAUSE_FORM || cause == TFL_CAUSE_INVALID ||
	       cause == TFL_CAUSE_LIMIT;
}

static void print_finding(const struct ctl_group *group)
{
	const struct tfl_survey_operator *op = group->first;
	char label[16];
	char *text;

	snprintf(label, sizeof(label), "%7u", group->count);
	if (asprintf(&text, "%s%s version %d (%s)%s%s%s", op->source->custom_name ? "custom " : "", ctl_operator_name(op),
		     op->source->version, group->types, op->subgraph ? " in another subgraph" : "", has_reason(op->cause) ? ": " : "",
		     has_reason(op->cause) ? op->reason : "") < 0)
		abort();
	ctl_print_wrapped(label, 9, text);
	free(text);
}

/* By cause, what can be done behind each. */
static void print_causes(const struct ctl_groups *groups)
{
	size_t shown = 0;

	for (unsigned cause = TFL_CAUSE_NONE + 1; cause < TFL_CAUSES; cause++) {
		bool any = false;

		for (size_t i = 0; i < groups->count && shown < FINDINGS_MAX; i++) {
			if (groups->items[i].first->cause != cause)
				continue;
			print_finding(&groups->items[i]);
			any = true;
			shown++;
		}
		if (any)
			ctl_print_wrapped("", 9, tfl_cause_advice((enum tfl_cause)cause));
	}
	if (shown < groups->count)
		printf("  … and %zu kinds more; --json has all\n", groups->count - shown);
}

static int print_findings(const struct tfl_survey *survey)
{
	uint32_t uncertain = 0;
	struct ctl_groups groups;

	if (ctl_groups_make(survey, is_refused, true, &groups) < 0)
		return -ENOMEM;
	if (groups.count > 0)
		printf("not supported\n");
	print_causes(&groups);
	ctl_groups_finish(&groups);
	for (uint32_t i = 0; i < survey->operator_count; i++)
		uncertain += survey->operators[i].verdict == TFL_VERDICT_UNCERTAIN;
	if (uncertain > 0)
		ctl_printf_wrapped("uncertain", CTL_TEXT_INDENT,
				   "%u operator%s behind them: what %s would read has a shape that the file does not tell",
				   uncertain, ctl_plural(uncertain), uncertain == 1 ? "it" : "they");
	return 0;
}

int ctl_inspection_print(const struct ctl_inspection *inspection)
{
	const struct tfl_survey *survey = inspection->survey;
	int r = 0;

	print_headline(inspection);
	print_verdict(survey);
	ctl_print_about(inspection->model);
	print_forms(survey);
	print_work(survey);
	print_memory(survey);
	print_signatures(survey);
	ctl_print_tensors(inspection->model);
	if (inspection->tensors)
		print_tensors(survey);
	if (inspection->operators)
		print_operators(survey);
	else
		r = print_groups(survey);
	return r < 0 ? r : print_findings(survey);
}
