/* SPDX-License-Identifier: MIT */
/*
 * The output is a configuration file that would do the same, so that it can be kept, compared and pasted; remarks are comments in it.
 * A model is printed when it has a model.conf. A models folder that does not exist yet is no mistake: systemd or tfld makes it.
 */
#include "daemon/check.h"

#include <libgen.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/labels.h"
#include "base/util.h"
#include "daemon/config.h"
#include "daemon/mistakes.h"
#include "daemon/model_conf.h"
#include "daemon/store.h"

struct check {
	const struct tfl_config *config;
	FILE *out, *err;
	struct tfl_store *store;
	char names[TFL_MODELS_MAX][TFL_MODEL_NAME_MAX + 1];
	unsigned count;
	bool wrong;
};

TFL_DEFINE_CLEANUP(struct tfl_store *, close_store, tfl_store_close)

static void complain(struct check *check, const char *sentence)
{
	fprintf(check->err, "tfld: %s\n", sentence);
	check->wrong = true;
}

static void print_doubt(void *data, const char *sentence)
{
	struct check *check = data;

	fprintf(check->err, "tfld: warning: %s\n", sentence);
}

static int add_name(void *data, const char *model)
{
	struct check *check = data;

	if (check->count < TFL_MODELS_MAX)
		strcpy(check->names[check->count++], model);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool has_conf(const struct tfl_model_conf *conf, const struct tfl_model_conf *defaults)
{
	return memcmp(conf->sources, defaults->sources, sizeof(conf->sources)) != 0;
}

static void check_model(struct check *check, const char *model, struct tfl_mistakes *mistakes)
{
	const struct tfl_model_conf *defaults = &check->config->model;
	TFL_CLEANUP(tfl_labels_finish) struct tfl_labels labels = { 0 };
	char path[TFL_STORE_PATH_MAX];
	struct tfl_model_conf conf;
	struct tfl_error error;

	memset(mistakes, 0, sizeof(*mistakes));
	if (tfl_model_conf_check(check->store, model, defaults, &conf, mistakes) < 0) {
		for (unsigned i = 0; i < mistakes->count; i++)
			complain(check, mistakes->list[i].text);
		return;
	}
	if (!has_conf(&conf, defaults))
		return;
	fprintf(check->out, "\n# %s\n", tfl_store_path(check->store, model, 0, TFL_STORE_CONF, path));
	tfl_settings_print(&tfl_model_conf_table, &conf, check->out);
	if (tfl_model_conf_labels(check->store, model, &conf, &labels, &error) < 0)
		complain(check, error.text);
}

static void check_models(struct check *check)
{
	_tfl_free_ struct tfl_mistakes *mistakes = malloc(sizeof(*mistakes));
	TFL_CLEANUP(close_store) struct tfl_store *store = NULL;
	struct tfl_error error;
	int result = tfl_store_look(check->config->models, &store, &error);

	if (result == -ENOENT) {
		fprintf(check->err, "tfld: warning: the models folder %s does not exist; a start makes it where only itself is missing\n",
			check->config->models);
		return;
	}
	check->store = store;
	if (result == 0)
		result = tfl_store_walk(store, add_name, check, &error);
	if (result == 0 && !mistakes)
		result = tfl_error_set(&error, -ENOMEM, "not enough memory to check the models");
	if (result < 0) {
		complain(check, error.text);
		return;
	}
	qsort(check->names, check->count, sizeof(check->names[0]), by_name);
	for (unsigned i = 0; i < check->count; i++)
		check_model(check, check->names[i], mistakes);
}

/* Whether tfld may write there depends on the user and the sandbox it runs in, so it is looked at when it writes. */
static void check_metrics_file(struct check *check)
{
	char folder[TFL_CONFIG_PATH_MAX];
	struct stat st;

	snprintf(folder, sizeof(folder), "%s", check->config->metrics_file);
	dirname(folder);
	if (*check->config->metrics_file && (stat(folder, &st) < 0 || !S_ISDIR(st.st_mode)))
		fprintf(check->err, "tfld: warning: the folder of the metrics file %s does not exist\n", check->config->metrics_file);
}

int tfl_check(const struct tfl_config *config, FILE *out, FILE *err)
{
	_tfl_free_ struct check *check = calloc(1, sizeof(*check));

	if (!check)
		return -ENOMEM;
	check->config = config;
	check->out = out;
	check->err = err;
	if (config->folder_files > 0)
		fprintf(out, "# %s and %u files of %s" TFL_CONFIG_FOLDER "\n", config->file[0] ? config->file : "defaults",
			config->folder_files, config->file[0] ? config->file : TFL_CONFIG_FILE);
	else
		fprintf(out, "# %s\n", config->file[0] ? config->file : "defaults");
	tfl_settings_print(&tfl_config_table, config, out);
	tfl_config_doubts(config, print_doubt, check);
	check_metrics_file(check);
	check_models(check);
	return check->wrong ? -EINVAL : 0;
}
