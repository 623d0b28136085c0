/* SPDX-License-Identifier: MIT */
/* Tells when the confidence of a version has moved away from its baseline, and when it is back. Loop thread. */
#ifndef DAEMON_JUDGE_H
#define DAEMON_JUDGE_H

struct tfl_changes;
struct tfl_version;

/**
 * Once a minute, after tfl_history_advance(): looks at the last hour of a version in memory, and records a verdict that is another one than
 * before.
 */
void tfl_judge(struct tfl_version *version, struct tfl_changes *changes);

#endif
