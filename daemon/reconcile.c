/* SPDX-License-Identifier: MIT */
/*
 * A version in END is tried again when the print of its folder is another one than at the last attempt, or when it was left out by the
 * policy alone and is wanted now. What an operator took out of service, what made room for another version, and what found none, stays where it is. What is
 * being loaded or unloaded is looked at when that is over.
 *
 * The policy counts what can serve: a newest version that is half copied or was refused takes nobody's place.
 */
#include "daemon/reconcile.h"

#include "daemon/registry.h"

struct view {
	const struct tfl_registry_model *model;
	const struct tfl_found *found;
	unsigned count;
	const struct tfl_policy *policy;
	struct tfl_step *steps;
	unsigned step_count;
};

static void add(struct view *view, enum tfl_step_kind kind, uint64_t number, const struct tfl_found *found)
{
	if (view->step_count < TFL_STEPS_MAX)
		view->steps[view->step_count++] = (struct tfl_step){kind, number, found};
}

static const struct tfl_version *listed(const struct view *view, uint64_t number)
{
	return view->model ? tfl_registry_find_version(view->model, number) : NULL;
}

/* Whether the folder is as it was when the version was refused. That nobody has seen it come by now is no change. */
static bool refused_before(const struct tfl_version *version, const struct tfl_found *found)
{
	if (!version || version->state != TFL_VERSION_END || version->end != TFL_END_FAILED)
		return false;
	return version->print == found->folder.print || version->print == (found->folder.print | 1);
}

static bool is_out(const struct tfl_version *version)
{
	return version->state == TFL_VERSION_END &&
	       (version->end == TFL_END_UNLOADED || version->end == TFL_END_REPLACED || version->end == TFL_END_NO_ROOM ||
		version->end == TFL_END_REJECTED);
}

/* The operator took it out of service, or its trial failed: it comes back when somebody asks for it. */
static bool is_kept_out(const struct tfl_found *found, const struct tfl_version *version)
{
	return found->entry.unloaded || (found->entry.rejected[0] && (!version || version->state == TFL_VERSION_END));
}

/*
 * Left out: it was complete when it was, and what the daemon wrote there since is no sign that it is not. For want of room: its place is kept, so that
 * the policy puts no other one there, for which there would be no room either.
 */
static bool can_serve(const struct view *view, const struct tfl_found *found)
{
	const struct tfl_version *version = listed(view, found->entry.number);

	if (is_kept_out(found, version) || refused_before(version, found))
		return false;
	if (version && is_out(version))
		return version->end == TFL_END_NO_ROOM;
	if (version && (version->state != TFL_VERSION_END || version->end == TFL_END_LEFT_OUT))
		return true;
	return found->folder.complete;
}

static bool is_wanted(const struct view *view, uint64_t number)
{
	unsigned greater = 0;

	for (unsigned i = 0; i < view->count; i++)
		greater += view->found[i].entry.number > number && can_serve(view, &view->found[i]);
	return tfl_policy_wants(view->policy, number, greater);
}

/* Whether the policy would want it among those that are there: what is still being loaded may fail. */
static bool is_wanted_yet(const struct view *view, uint64_t number)
{
	unsigned greater = 0;

	for (unsigned i = 0; i < view->model->version_count; i++)
		greater += view->model->versions[i]->number > number && view->model->versions[i]->state == TFL_VERSION_AVAILABLE;
	return tfl_policy_wants(view->policy, number, greater);
}

/* What is listed is named by the registry, which is ahead of what is written. */
static bool is_named(const struct view *view, const struct tfl_found *found)
{
	return view->model ? tfl_registry_names(view->model, found->entry.number) : found->entry.named;
}

/* A folder whose version is not listed, or may be tried again. */
static void consider(struct view *view, const struct tfl_found *found)
{
	uint64_t number = found->entry.number;
	const struct tfl_version *version = listed(view, number);

	if (!can_serve(view, found) || !view->policy)
		add(view, TFL_STEP_REFUSE, number, found);
	else if (found->entry.active || found->entry.stands_by || is_named(view, found) || is_wanted(view, number))
		add(view, TFL_STEP_LOAD, number, found);
	else if (!version || version->end != TFL_END_LEFT_OUT)
		add(view, TFL_STEP_LEAVE, number, found);
}

static void look_at(struct view *view, const struct tfl_found *found)
{
	const struct tfl_version *version = listed(view, found->entry.number);

	if (!version && is_kept_out(found, version))
		add(view, TFL_STEP_HOLD, found->entry.number, found);
	else if (!version)
		consider(view, found);
	else if (version->state == TFL_VERSION_AVAILABLE && version->reason[0])
		add(view, TFL_STEP_RECOVER, version->number, found);
	else if (version->state == TFL_VERSION_END && !is_out(version) && !refused_before(version, found) &&
		 (version->end != TFL_END_LEFT_OUT || view->policy))
		consider(view, found);
}

static bool is_found(const struct view *view, uint64_t number)
{
	unsigned i = 0;

	while (i < view->count && view->found[i].entry.number != number)
		i++;
	return i < view->count;
}

static void look_for_folder(struct view *view, const struct tfl_version *version)
{
	if (is_found(view, version->number))
		return;
	if (version->state == TFL_VERSION_END)
		add(view, TFL_STEP_FORGET, version->number, NULL);
	else if (version->state == TFL_VERSION_AVAILABLE && !version->reason[0])
		add(view, TFL_STEP_MISS, version->number, NULL);
}

static bool is_superfluous(const struct view *view, const struct tfl_version *version)
{
	return version->state == TFL_VERSION_AVAILABLE && !tfl_registry_needs(view->model, version) && !is_wanted_yet(view,
														      version->number);
}

unsigned tfl_reconcile(const struct tfl_registry_model *model, const struct tfl_found *found, unsigned count,
		       const struct tfl_policy *policy, struct tfl_step ret_steps[static TFL_STEPS_MAX])
{
	struct view view = {model, found, count, policy, ret_steps, 0};

	for (unsigned i = 0; i < count; i++)
		look_at(&view, &found[i]);
	for (unsigned i = 0; model && i < model->version_count; i++) {
		look_for_folder(&view, model->versions[i]);
		if (policy && is_superfluous(&view, model->versions[i]))
			add(&view, TFL_STEP_UNLOAD, model->versions[i]->number, NULL);
	}
	return view.step_count;
}
