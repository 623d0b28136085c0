/* SPDX-License-Identifier: MIT */
/*
 * One page that needs nothing but itself: style inline, charts inline, no script, and a policy that forbids the browser to fetch anything
 * whatever a label says. Readable on a phone, by screen readers, in light and dark. Every number in it is a figure (page_text.c).
 */
#include <string.h>

#include "base/util.h"
#include "client/limit_words.h"
#include "client/page.h"
#include "stats/drift.h"

/* Of a table; or a row, where the columns are things that are compared. */
struct column {
	const char *name, *key;
	enum page_format format;
};

static void table_begin(FILE *out, const char *name, const struct column *columns, unsigned count)
{
	fprintf(out, "<div class=\"scroll\" role=\"region\" aria-label=\"%s\" tabindex=\"0\"><table><thead><tr>", name);
	for (unsigned i = 0; i < count; i++)
		fprintf(out, "<th scope=\"col\"%s>%s</th>", columns[i].format == PAGE_TEXT ? " class=\"text\"" : "", columns[i].name);
	fputs("</tr></thead><tbody>\n", out);
}

static void table_end(FILE *out)
{
	fputs("</tbody></table></div>\n", out);
}

/* A row for each entry of a list, a cell for each column. */
static void table(FILE *out, const char *name, const struct page_node *list, const struct column *columns, unsigned count)
{
	table_begin(out, name, columns, count);
	for (size_t i = 0; i < json_array_size(list->value); i++) {
		struct page_node entry = page_at(list, i);

		fputs("<tr>", out);
		for (unsigned j = 0; j < count; j++)
			page_cell(out, &entry, columns[j].key, columns[j].format);
		fputs("</tr>\n", out);
	}
	table_end(out);
}

/* The figures behind a chart. */
static void figures_behind(FILE *out, const char *name, const struct page_node *list, const struct column *columns, unsigned count)
{
	fputs("<details><summary>Figures</summary>\n", out);
	table(out, name, list, columns, count);
	fputs("</details>\n", out);
}

static void section(FILE *out, const char *class, const char *heading)
{
	fprintf(out, "<section class=\"%s\"><h2>%s</h2>\n", class, heading);
}

/* The verdict and why, in words. */
static void verdict_of(FILE *out, const struct page_node *head)
{
	static const struct {
		const char *verdict, *words;
	} words[] = {
		{"stable", "Its confidence is distributed as in the baseline."},
		{"watch", "Its confidence has begun to move away from the baseline."},
		{"drift", "Its confidence has moved away from the baseline: it sees something else than it did."},
	};
	struct page_node drift = page_get(head, "drift"), now = page_get(head, "now"), baseline = page_get(head, "baseline");
	const char *verdict = page_string(&drift, "verdict"), *sentence = NULL;

	fprintf(out, "<section class=\"verdict %s\"><p><strong>", verdict);
	page_figure(out, &drift, "verdict", PAGE_TEXT);
	fputs("</strong> ", out);
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(words); i++)
		sentence = strcmp(words[i].verdict, verdict) == 0 ? words[i].words : sentence;
	if (sentence)
		fputs(sentence, out);
	else
		fprintf(out, "It takes %d verdicts on each side to judge.", TFL_DRIFT_RECORDS_MIN);
	fputs("</p><p>PSI ", out);
	page_figure(out, &drift, "psi", PAGE_REAL);
	fprintf(out, " (stable below %g, drift above %g), of ", TFL_DRIFT_PSI_WATCH, TFL_DRIFT_PSI_DRIFT);
	page_figures_in(out, &now, "{verdicts:count} verdicts in the last {seconds:seconds}");
	page_figures_in(out, &baseline, " against {verdicts:count} of the baseline.</p></section>\n");
}

/* The two sides and how far they are apart. */
static void sides(FILE *out, const struct page_node *head)
{
	static const struct column rows[] = {
		{"verdicts", "verdicts", PAGE_COUNT},
		{"not a number", "invalid", PAGE_COUNT},
		{"mean confidence", "mean", PAGE_REAL},
		{"mean margin", "mean_margin", PAGE_REAL},
	};
	struct page_node now = page_get(head, "now"), baseline = page_get(head, "baseline"), set = page_get(&baseline, "set");

	fputs("<div class=\"scroll\"><table><thead><tr><td></td><th scope=\"col\"><span class=\"key\"></span> last hour</th>"
	      "<th scope=\"col\"><span class=\"key outline\"></span> baseline</th></tr></thead><tbody>\n", out);
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		fprintf(out, "<tr><th scope=\"row\">%s</th>", rows[i].name);
		page_cell(out, &now, rows[i].key, rows[i].format);
		page_cell(out, &baseline, rows[i].key, rows[i].format);
		fputs("</tr>\n", out);
	}
	table_end(out);
	page_figures_in(out, &baseline, json_is_true(set.value)
			? "<p class=\"quiet\">Baseline set by hand: {set:text}, {since:time}</p>\n"
			: "<p class=\"quiet\">Baseline set by hand: {set:text}; it is made of the first {wanted:count} verdicts</p>\n");
}

static void distances(FILE *out, const struct page_node *head)
{
	static const struct column rows[] = {
		{"PSI", "psi", PAGE_REAL},
		{"before chance was taken off", "psi_raw", PAGE_REAL},
		{"expected of chance", "noise", PAGE_REAL},
		{"groups", "groups", PAGE_COUNT},
		{"Jensen-Shannon, bits", "jensen_shannon", PAGE_REAL},
		{"Kolmogorov-Smirnov", "kolmogorov_smirnov", PAGE_REAL},
		{"verdicts of the window", "window_verdicts", PAGE_COUNT},
		{"verdicts of the baseline", "reference_verdicts", PAGE_COUNT},
	};
	struct page_node drift = page_get(head, "drift");

	section(out, "", "How the verdict came about");
	fputs("<table><tbody>\n", out);
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		fprintf(out, "<tr><th scope=\"row\">%s</th>", rows[i].name);
		page_cell(out, &drift, rows[i].key, rows[i].format);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></section>\n", out);
}

static void histogram(FILE *out, const struct page_node *head, const char *key, const char *heading, const char *what)
{
	static const struct column columns[] = {
		{"from", "from", PAGE_REAL},        {"to", "to", PAGE_REAL},
		{"last hour", "now", PAGE_COUNT},   {"share", "now_share", PAGE_SHARE},
		{"baseline", "baseline", PAGE_COUNT}, {"share", "baseline_share", PAGE_SHARE},
	};
	struct page_node bins = page_get(head, key);

	section(out, "", heading);
	page_chart_histogram(out, &bins, what);
	if (strcmp(key, "bins") == 0)
		sides(out, head);
	figures_behind(out, heading, &bins, columns, TFL_ARRAY_SIZE(columns));
	fputs("</section>\n", out);
}

static void over_time(FILE *out, const struct page_node *root, const struct page_node *head, const char *key, double span_s)
{
	static const struct column columns[] = {
		{"began, ago", "age_s", PAGE_SECONDS}, {"length", "length_s", PAGE_SECONDS}, {"verdicts", "verdicts", PAGE_COUNT},
		{"mean", "mean", PAGE_REAL},           {"PSI", "psi", PAGE_REAL},            {"verdict", "verdict", PAGE_TEXT},
	};
	struct page_node series = page_get(head, key), changes = page_get(root, "changes");
	const char *heading = span_s > 3600 ? "Drift, the last day" : "Drift, the last hour";

	section(out, "", heading);
	page_chart_drift(out, &series, &changes, page_number(root, "generated"), span_s);
	figures_behind(out, heading, &series, columns, TFL_ARRAY_SIZE(columns));
	fputs("</section>\n", out);
}

static double greatest_share(const struct page_node *classes)
{
	double greatest = 0;

	for (size_t i = 0; i < json_array_size(classes->value); i++) {
		struct page_node class = page_at(classes, i);
		double now = page_number(&class, "now_share"), before = page_number(&class, "before_share");

		greatest = now > greatest ? now : greatest;
		greatest = before > greatest ? before : greatest;
	}
	return greatest > 0 ? greatest : 1;
}

static void classes(FILE *out, const struct page_node *head)
{
	static const struct column columns[] = {
		{"class", "", PAGE_TEXT}, {"", "", PAGE_TEXT}, {"last hour", "", PAGE_SHARE}, {"before", "", PAGE_SHARE}};
	static const struct column counts[] = {
		{"class", "label", PAGE_TEXT}, {"verdicts, last hour", "now", PAGE_COUNT}, {"verdicts before", "before", PAGE_COUNT}};
	struct page_node list = page_get(head, "classes");
	double scale = greatest_share(&list);

	if (json_array_size(list.value) == 0)
		return;
	section(out, "", "Classes");
	table_begin(out, "Classes", columns, TFL_ARRAY_SIZE(columns));
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct page_node class = page_at(&list, i), before = page_get(&class, "before_share");

		fputs("<tr>", out);
		fputs("<td class=\"text name\">", out);
		page_figure(out, &class, "label", PAGE_TEXT);
		fputs("</td><td class=\"bar\">", out);
		page_bar(out, page_number(&class, "now_share") / scale,
			 json_is_real(before.value) ? json_real_value(before.value) / scale : -1);
		fputs("</td>", out);
		page_cell(out, &class, "now_share", PAGE_SHARE);
		page_cell(out, &class, "before_share", PAGE_SHARE);
		fputs("</tr>\n", out);
	}
	table_end(out);
	fputs("<p class=\"quiet\">Bar: share of the last hour; line across it: before, which is all since the version was first active, "
	      "less that hour.</p>\n", out);
	figures_behind(out, "Verdicts by class", &list, counts, TFL_ARRAY_SIZE(counts));
	fputs("</section>\n", out);
}

static void head(FILE *out, const struct page_node *root, const struct page_node *node)
{
	page_figures_in(out, node, "<p class=\"quiet\">Output <b>{output:text}</b>, {kind:text}: {reason:text}</p>\n");
	verdict_of(out, node);
	fputs("<div class=\"grid\">\n", out);
	histogram(out, node, "bins", "Confidence now, and in the baseline", "confidence");
	classes(out, node);
	over_time(out, root, node, "hour", 3600);
	over_time(out, root, node, "day", 86400);
	histogram(out, node, "margins", "Margin to the second best", "margin");
	distances(out, node);
	fputs("</div>\n", out);
}

/* A column for each stage. */
static void latency_table(FILE *out, const struct page_node *latency)
{
	static const struct column columns[] = {{"", "", PAGE_COUNT},
						{"wait", "wait", PAGE_COUNT},
						{"compute", "compute", PAGE_COUNT},
						{"reply", "reply", PAGE_COUNT},
						{"total", "total", PAGE_COUNT}};
	static const struct column rows[] = {
		{"requests", "count", PAGE_COUNT},  {"mean", "mean_ns", PAGE_DURATION}, {"least", "min_ns", PAGE_DURATION},
		{"p50", "p50_ns", PAGE_DURATION},   {"p90", "p90_ns", PAGE_DURATION},   {"p95", "p95_ns", PAGE_DURATION},
		{"p99", "p99_ns", PAGE_DURATION},   {"greatest", "max_ns", PAGE_DURATION},
	};

	table_begin(out, "Latency by stage", columns, TFL_ARRAY_SIZE(columns));
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		fprintf(out, "<tr><th scope=\"row\">%s</th>", rows[i].name);
		for (unsigned j = 1; j < TFL_ARRAY_SIZE(columns); j++) {
			struct page_node stage = page_get(latency, columns[j].key);

			page_cell(out, &stage, rows[i].key, rows[i].format);
		}
		fputs("</tr>\n", out);
	}
	table_end(out);
}

static void latency(FILE *out, const struct page_node *root)
{
	static const struct column columns[] = {
		{"from", "from_ns", PAGE_DURATION}, {"to", "to_ns", PAGE_DURATION}, {"requests", "count", PAGE_COUNT}};
	struct page_node node = page_get(root, "latency"), bars = page_get(&node, "bars"), total = page_get(&node, "total");

	if (json_object_size(node.value) == 0) {
		section(out, "wide", "Latency since it was loaded");
		fputs("<p>No request has succeeded yet.</p></section>\n", out);
		return;
	}
	fputs("<div class=\"grid\">\n", out);
	section(out, "", "Latency since it was loaded");
	page_chart_latency(out, &bars, &total);
	figures_behind(out, "Histogram of the latency", &bars, columns, TFL_ARRAY_SIZE(columns));
	fputs("</section>\n", out);
	section(out, "", "Latency by stage");
	latency_table(out, &node);
	fputs("</section></div>\n", out);
}

static void rejected(FILE *out, const struct page_node *root)
{
	struct page_node list = page_get(root, "rejected");

	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct page_node entry = page_at(&list, i);

		page_figures_in(out, &entry, "<p>Version {version:count} was rejected {reason:text}</p>\n");
	}
}

static void versions(FILE *out, const struct page_node *root)
{
	static const struct column columns[] = {
		{"version", "version", PAGE_COUNT}, {"state", "state", PAGE_TEXT},       {"active", "active", PAGE_TEXT},
		{"role", "roles", PAGE_TEXT},
		{"verdict", "verdict", PAGE_TEXT},  {"PSI", "psi", PAGE_REAL},           {"verdicts", "verdicts", PAGE_COUNT},
		{"confidence", "mean", PAGE_REAL}, {"p50", "p50_ns", PAGE_DURATION}, {"p95", "p95_ns", PAGE_DURATION},
		{"p99", "p99_ns", PAGE_DURATION},   {"requests", "requests", PAGE_COUNT}, {"failed", "failed", PAGE_COUNT},
		{"memory", "memory_bytes", PAGE_BYTES}, {"since", "since", PAGE_TIME},
	};
	struct page_node list = page_get(root, "versions");

	section(out, "wide", "Versions side by side");
	table(out, "Versions", &list, columns, TFL_ARRAY_SIZE(columns));
	fputs("<p class=\"quiet\">Verdict, PSI, verdicts and mean confidence are of the last hour, the rest is since the version was "
	      "loaded.</p>\n", out);
	rejected(out, root);
	fputs("</section>\n", out);
}

/* "…: operator; key: request, salt: digits" */
static void route(FILE *out, const struct page_node *root)
{
	static const struct column columns[] = {
		{"version", "version", PAGE_COUNT}, {"share", "share", PAGE_SHARE}, {"got", "got", PAGE_SHARE},
		{"requests", "requests", PAGE_COUNT}, {"state", "state", PAGE_TEXT},
	};
	struct page_node node = page_get(root, "route"), list = page_get(&node, "versions");

	if (!json_is_object(node.value))
		return;
	section(out, "", "Route: which version gets which part of the keys");
	table(out, "Route", &list, columns, TFL_ARRAY_SIZE(columns));
	page_figures_in(out, &node, "<p class=\"quiet\">Set by: {source:text}; key: {key:text}, salt: {salt:text}; requests that went to the "
			"active version, as another was not available: {passed_over:count}</p></section>\n");
}

static void progress(FILE *out, const struct page_node *trial)
{
	page_figures_in(out, trial, "<p>Version {candidate:count} against version {previous:count}: {requests:count} of {requests_wanted:count} "
			"requests, {seconds:seconds} of {seconds_wanted:seconds}</p>\n");
}

static void trial(FILE *out, const struct page_node *root)
{
	static const enum page_format formats[CTL_LIMITS] = {
		[CTL_LIMIT_ERRORS] = PAGE_SHARE, [CTL_LIMIT_LATENCY] = PAGE_DURATION, [CTL_LIMIT_CONFIDENCE] = PAGE_REAL,
		[CTL_LIMIT_DRIFT] = PAGE_REAL,   [CTL_LIMIT_NAN] = PAGE_COUNT,
	};
	static const struct column columns[] = {
		{"watched", "", PAGE_TEXT}, {"seen", "", PAGE_REAL}, {"before", "", PAGE_REAL}, {"limit", "", PAGE_REAL},
		{"how near", "", PAGE_TEXT},
	};
	struct page_node node = page_get(root, "trial"), limits = page_get(&node, "limits");

	if (!json_is_object(node.value))
		return;
	section(out, "", "On trial");
	progress(out, &node);
	table_begin(out, "Trial", columns, TFL_ARRAY_SIZE(columns));
	for (unsigned i = 0; i < CTL_LIMITS; i++) {
		struct page_node limit = page_get(&limits, ctl_limits[i].name);

		if (!limit.value)
			continue;
		fputs("<tr>", out);
		page_cell(out, &limit, "watched", PAGE_TEXT);
		page_cell(out, &limit, "seen", formats[i]);
		page_cell(out, &limit, "before", formats[i]);
		page_cell(out, &limit, "limit", formats[i]);
		page_cell(out, &limit, "standing", PAGE_TEXT);
		fputs("</tr>\n", out);
	}
	table_end(out);
	fputs("</section>\n", out);
}

static void shadow(FILE *out, const struct page_node *root)
{
	static const struct column counts[] = {
		{"version", "version", PAGE_COUNT}, {"copies run", "copies", PAGE_COUNT},       {"failed", "failed", PAGE_COUNT},
		{"left out", "dropped", PAGE_COUNT}, {"not compared", "uncompared", PAGE_COUNT}, {"p50", "p50_ns", PAGE_DURATION},
		{"p99", "p99_ns", PAGE_DURATION},
	};
	static const struct column columns[] = {
		{"with version", "version", PAGE_COUNT},             {"output", "output", PAGE_TEXT},
		{"compared", "compared", PAGE_COUNT},                {"same class", "same_class", PAGE_SHARE},
		{"largest difference", "largest_difference", PAGE_REAL}, {"mean", "mean_difference", PAGE_REAL},
		{"no numbers", "invalid", PAGE_COUNT},
	};
	struct page_node node = page_get(root, "shadow"), agreement = page_get(&node, "agreement");

	if (!json_is_object(node.value))
		return;
	section(out, "wide", "Shadow: copies of requests that others answer");
	table_begin(out, "Shadow", counts, TFL_ARRAY_SIZE(counts));
	fputs("<tr>", out);
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(counts); i++)
		page_cell(out, &node, counts[i].key, counts[i].format);
	fputs("</tr>\n", out);
	table_end(out);
	if (*page_string(&node, "reason"))
		page_figures_in(out, &node, "<p>It gets no copies: {reason:text}</p>\n");
	if (json_array_size(agreement.value) > 0)
		table(out, "Agreement", &agreement, columns, TFL_ARRAY_SIZE(columns));
	fputs("</section>\n", out);
}

/* What decides which version serves; nothing where that is the active one, as ever. */
static void serving(FILE *out, const struct page_node *root)
{
	fputs("<div class=\"grid\">", out);
	route(out, root);
	trial(out, root);
	fputs("</div>\n", out);
	shadow(out, root);
}

static void changes(FILE *out, const struct page_node *root)
{
	static const struct column columns[] = {
		{"mark", "", PAGE_COUNT},    {"ago", "", PAGE_SECONDS}, {"what", "", PAGE_TEXT},
		{"in words", "", PAGE_TEXT}, {"time", "", PAGE_TIME},
	};
	struct page_node list = page_get(root, "changes");

	section(out, "wide", "Changes of the last day");
	if (json_array_size(list.value) == 0) {
		fputs("<p>None.</p></section>\n", out);
		return;
	}
	table_begin(out, "Changes", columns, TFL_ARRAY_SIZE(columns));
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct page_node change = page_at(&list, i);

		fprintf(out, "<tr><td>%zu</td>", i + 1);
		page_cell(out, &change, "age_s", PAGE_SECONDS);
		page_cell(out, &change, "kind", PAGE_TEXT);
		page_figures_in(out, &change, "<td class=\"text long\">{text:text}</td>");
		page_cell(out, &change, "time", PAGE_TIME);
		fputs("</tr>\n", out);
	}
	table_end(out);
	fputs("</section>\n", out);
}

static void heading(FILE *out, const struct page_node *root)
{
	page_figures_in(out, root, "<h1>{model:text}@{version:count} on {host:text}</h1>\n<p class=\"quiet\">{generated:time}; {server:text}, "
			"up {uptime_s:seconds}</p>\n");
}

void page_write(FILE *out, const json_t *figures)
{
	struct page_node root = page_root(figures), heads = page_get(&root, "heads");

	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n<meta http-equiv=\"Content-Security-Policy\" "
	      "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n<meta name=\"viewport\" content=\"width=device-width, "
	      "initial-scale=1\"/>\n<title>", out);
	page_escape(out, page_string(&root, "model"));
	fprintf(out, "@%.0f</title>\n<style>%s</style></head>\n<body><main>\n", page_number(&root, "version"), page_style);
	heading(out, &root);
	if (json_array_size(heads.value) == 0)
		page_figures_in(out, &root, "<section class=\"verdict\"><p>No output says how sure it is: {reason:text}</p></section>\n");
	for (size_t i = 0; i < json_array_size(heads.value); i++) {
		struct page_node node = page_at(&heads, i);

		head(out, &root, &node);
	}
	latency(out, &root);
	versions(out, &root);
	serving(out, &root);
	changes(out, &root);
	fputs("</main></body></html>\n", out);
}
