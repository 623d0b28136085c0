/* SPDX-License-Identifier: MIT */
/*
 * MESSAGE_IDs of the journal entries that programs look for: made once each with systemd-id128, never changed, never used for anything
 * else. What an entry with one of them says may be worded better; its fields (doc/journal.md) stay.
 */
#ifndef BASE_MESSAGE_IDS_H
#define BASE_MESSAGE_IDS_H

#define TFL_MESSAGE_PERIOD "30ec8e3cd6de4e809e2917cd55f8bfba" /* what a version did in a period */
#define TFL_MESSAGE_STARTED "880b2c952b87444f99c6cf7330885a28" /* tfld serves */
#define TFL_MESSAGE_STOPPING "5c503ae1f60849f191784e3fbd1ea7e5" /* tfld stops in order */
#define TFL_MESSAGE_LOADED "1c47292df4e64ed9abd61b7c8e816610" /* a version is available */
#define TFL_MESSAGE_REFUSED "ab15d6dfc6e34337bf2e34f2bc09caa6" /* a version is not loaded */
#define TFL_MESSAGE_ACTIVE "56c2205d9c994729afc6269c755838df" /* a version is the active one of its model */
#define TFL_MESSAGE_UNLOADED "8f2e878d17344fca9cc726934c432b43" /* a version was taken out of service */
#define TFL_MESSAGE_ERASED "1e67594868c345de901417d0ae9ad9ae" /* a version was erased */
#define TFL_MESSAGE_LABELLED "37aba55045324fbf9793bbd8e9155a94" /* a label stands for a version */
#define TFL_MESSAGE_UNLABELLED "ca913f06fdf44bad910569f6c8906555" /* and for none any more */
#define TFL_MESSAGE_ROUTED "f2f1dbb987f141b4bfb999f064468db2" /* requests to a model are split among versions */
#define TFL_MESSAGE_UNROUTED "3ee75a8d13854021a7b51653181902cf" /* and not any more */
#define TFL_MESSAGE_RELOADED "9fbd846584f8455e8336ef1c379e57ca" /* the configuration was read anew */
#define TFL_MESSAGE_CONFIGURED "2c54b67ccc8a4cdea15610d833941471" /* a model's model.conf is another one than before */
#define TFL_MESSAGE_BASELINE "30f044a128d04c4db6012d8327bb3aff" /* somebody set a version's baseline */
#define TFL_MESSAGE_RECORDING "11f8942035da4348aab9d936ec2f261f" /* requests are kept as samples */
#define TFL_MESSAGE_RECORDED "69b143ce1ee64a8892237197f6aebb0f" /* no more are */
#define TFL_MESSAGE_UNRECORDED "364185bcc7a94ebab1404bb5b7a8d238" /* those that were kept are erased */
#define TFL_MESSAGE_STABLE "52c9d3a79008486ab83340de8dbf5f80" /* a version's confidence is as in its baseline again */
#define TFL_MESSAGE_WATCH "f5c5a1c36d0544888e0a9360a8fd6b03" /* it moves away from its baseline */
#define TFL_MESSAGE_DRIFT "cc741c783f834708942ea28fe7acff51" /* it is away from its baseline */
#define TFL_MESSAGE_TRIAL "e8c88e69ad61486698f1f51f79844e07" /* a version is on trial */
#define TFL_MESSAGE_PASSED "96bf2441818141bb8c91467e99cfb9b1" /* it has passed */
#define TFL_MESSAGE_REJECTED "37e3de737ca544c8ae355a3828b38671" /* a limit has tripped, and the version before serves */
#define TFL_MESSAGE_INTERRUPTED "ec281f6ff4c0444692a7da9db8df9563" /* its trial ended without a verdict */
#define TFL_MESSAGE_CLOCK "7427670f1f0b4623bd3e0a8ef4163f32" /* the time of day has jumped */
#define TFL_MESSAGE_CONDITION "517581a6e62f4dd19651c7f5167d4dfc" /* something is wrong, and serving goes on */
#define TFL_MESSAGE_CONDITION_OVER "e21e6482c06b4e4c98e5ee13a0ee94c3" /* it is right again */
#define TFL_MESSAGE_AUDIT "080ee5bfa18b4b8abcd3b11fe1b863a8" /* somebody called what only administrators may */

/* All of them that tell of a change. */
#define TFL_MESSAGES_OF_CHANGES \
	TFL_MESSAGE_STARTED, TFL_MESSAGE_STOPPING, TFL_MESSAGE_LOADED, TFL_MESSAGE_REFUSED, TFL_MESSAGE_ACTIVE, \
	TFL_MESSAGE_UNLOADED, TFL_MESSAGE_ERASED, TFL_MESSAGE_LABELLED, TFL_MESSAGE_UNLABELLED, \
	TFL_MESSAGE_ROUTED, TFL_MESSAGE_UNROUTED, TFL_MESSAGE_RELOADED, TFL_MESSAGE_CONFIGURED, TFL_MESSAGE_BASELINE, TFL_MESSAGE_STABLE, \
	TFL_MESSAGE_RECORDING, TFL_MESSAGE_RECORDED, TFL_MESSAGE_UNRECORDED, \
	TFL_MESSAGE_WATCH, TFL_MESSAGE_DRIFT, TFL_MESSAGE_TRIAL, TFL_MESSAGE_PASSED, TFL_MESSAGE_REJECTED, TFL_MESSAGE_INTERRUPTED, \
	TFL_MESSAGE_CLOCK, TFL_MESSAGE_CONDITION, TFL_MESSAGE_CONDITION_OVER

#endif
