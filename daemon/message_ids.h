/* SPDX-License-Identifier: MIT */
/*
 * MESSAGE_IDs of the journal entries that programs look for: made once each with systemd-id128, never changed, never used for anything
 * else. What an entry with one of them says may be worded better; its fields (doc/operations.md) stay.
 */
#ifndef DAEMON_MESSAGE_IDS_H
#define DAEMON_MESSAGE_IDS_H

#define TFL_MESSAGE_PERIOD "30ec8e3cd6de4e809e2917cd55f8bfba" /* what a version did in a period */
#define TFL_MESSAGE_CONDITION "517581a6e62f4dd19651c7f5167d4dfc" /* something is wrong, and serving goes on */
#define TFL_MESSAGE_CONDITION_OVER "e21e6482c06b4e4c98e5ee13a0ee94c3" /* it is right again */

#endif
