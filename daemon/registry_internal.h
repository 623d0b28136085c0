/* SPDX-License-Identifier: MIT */
/* What registry.c (models, versions, which is active) and registry_route.c (how requests are split) share. */
#ifndef DAEMON_REGISTRY_INTERNAL_H
#define DAEMON_REGISTRY_INTERNAL_H

#include "daemon/registry.h"

struct tfl_registry {
	struct tfl_registry_model models[TFL_MODELS_MAX];
	unsigned count;
	uint8_t machine[TFL_MACHINE_BYTES];
	bool has_machine;
	bool restricts; /* tfl_registry_restricts() */
	void (*leave)(void *data, const struct tfl_version *version); /* NULL: nobody wants to know */
	void *leave_data;
};

/** As tfl_registry_find(), to be changed. */
struct tfl_registry_model *tfl_registry_own_model(struct tfl_registry *registry, const char *name, size_t length);

/** The version that serves where nothing else is asked for: 0, or -EAGAIN. */
int tfl_registry_serve_active(const struct tfl_registry_model *model, struct tfl_version **ret_version, struct tfl_error *error);

#endif
