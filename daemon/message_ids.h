/* SPDX-License-Identifier: MIT */
/*
 * MESSAGE_IDs of the journal entries that programs look for: made once each with systemd-id128, never changed, never used for anything
 * else. What an entry with one of them says may be worded better; its fields (doc/operations.md) stay.
 */
#ifndef DAEMON_MESSAGE_IDS_H
#define DAEMON_MESSAGE_IDS_H

#define TFL_MESSAGE_PERIOD "30ec8e3cd6de4e809e2917cd55f8bfba" /* what a version did in a period */

#endif
