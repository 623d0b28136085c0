/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_DESCRIPTORS_H
#define TESTS_SUPPORT_DESCRIPTORS_H

/** Descriptors that this process has open. For comparing before and after. */
unsigned descriptors_open(void);

#endif
