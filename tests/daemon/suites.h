/* SPDX-License-Identifier: MIT */
/* The suites of tests/daemon, one a file; main.c runs them all. */
#ifndef TESTS_DAEMON_SUITES_H
#define TESTS_DAEMON_SUITES_H

#include <check.h>

Suite *log_suite(void);
Suite *conditions_suite(void);
Suite *config_suite(void);
Suite *config_take_suite(void);
Suite *recent_suite(void);
Suite *reconcile_suite(void);
Suite *recorder_suite(void);
Suite *store_suite(void);
Suite *policy_suite(void);
Suite *store_read_suite(void);
Suite *swap_suite(void);
Suite *account_suite(void);
Suite *agreement_suite(void);
Suite *audit_suite(void);
Suite *groups_suite(void);
Suite *binding_suite(void);
Suite *changes_suite(void);
Suite *channel_suite(void);
Suite *descriptors_suite(void);
Suite *route_suite(void);
Suite *samples_suite(void);
Suite *sampling_suite(void);
Suite *store_samples_suite(void);
Suite *scheduler_suite(void);
Suite *registry_suite(void);
Suite *room_suite(void);
Suite *loader_room_suite(void);
Suite *exposition_suite(void);
Suite *heads_suite(void);
Suite *history_suite(void);
Suite *metrics_suite(void);
Suite *metrics_file_suite(void);
Suite *line_log_suite(void);
Suite *loader_suite(void);
Suite *loader_condition_suite(void);
Suite *loader_conf_suite(void);
Suite *loader_lines_suite(void);
Suite *loader_proof_suite(void);
Suite *loader_restart_suite(void);
Suite *loader_routes_suite(void);
Suite *loader_watch_suite(void);
Suite *model_conf_suite(void);
Suite *observe_suite(void);
Suite *peer_suite(void);
Suite *period_suite(void);
Suite *prove_suite(void);
Suite *reply_suite(void);
Suite *telling_suite(void);
Suite *version_labels_suite(void);
Suite *wakeup_suite(void);
Suite *trial_suite(void);

#endif
