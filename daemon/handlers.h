/* SPDX-License-Identifier: MIT */
/* The handlers that the method table names; tfl_handler in dispatch.h says what each gets and gives. */
#ifndef DAEMON_HANDLERS_H
#define DAEMON_HANDLERS_H

struct tfl_call;
struct tfl_error;
struct tfl_infer_head;
struct tfl_model_params;
struct tfl_version;

int tfl_handle_infer(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_model_list(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_model_describe(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_model_load(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_model_reload(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_model_unload(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_model_swap(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_model_rollback(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_label_set(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_route_get(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_route_set(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_trial_get(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_stats(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_changes(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_subscribe(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_histogram(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_compare(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_metrics(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_baseline_set(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_record_start(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_record_get(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_record_stop(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_record_erase(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_record_read(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_session_open(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_session_close(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_session_reset(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_health(struct tfl_call *call, struct tfl_error *error);
int tfl_handle_server_info(struct tfl_call *call, struct tfl_error *error);

/** handle_label.c: puts the version that a label stands for in the place of the label, if there is one. -ENOENT with a sentence. */
int tfl_handle_resolve(const struct tfl_call *call, struct tfl_model_params *params, struct tfl_error *error);

/** handle_infer.c: the version that a request, or a session, gets. Borrowed. Errors of tfl_registry_route(). */
int tfl_handle_find_version(const struct tfl_call *call, const struct tfl_infer_head *head, struct tfl_version **ret_version,
			    struct tfl_error *error);

#endif
