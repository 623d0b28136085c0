/* SPDX-License-Identifier: MIT */
/*
 * Whether the kernel slows the processor down because it is hot: then latency says nothing about a model. Looked for in all that sysfs has
 * of it; where it has nothing, the device is not hot.
 */
#ifndef DAEMON_HEAT_H
#define DAEMON_HEAT_H

#include <stdbool.h>

#define TFL_HEAT_SYSFS "/sys"

/**
 * Below @p sysfs: a cooling device of processors that is in use (class/thermal), a processor whose highest frequency is lowered (cpufreq),
 * or a Raspberry Pi's firmware that throttles or has too little voltage. Some file reads, no disk.
 */
bool tfl_heat_is_hot(const char *sysfs);

#endif
