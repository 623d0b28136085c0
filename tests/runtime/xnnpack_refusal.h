/* SPDX-License-Identifier: MIT */
/*
 * Makes XNNPACK refuse to create runtimes. What it refuses only then, and not when a node is defined, differs between versions and machines;
 * so the linker sends xnn_create_runtime_v4() here (--wrap), and tests decide.
 */
#ifndef TESTS_RUNTIME_XNNPACK_REFUSAL_H
#define TESTS_RUNTIME_XNNPACK_REFUSAL_H

#include <stdbool.h>
#include <xnnpack.h>

/**
 * From now on @p refuses decides about each creation, counted from 1, on any thread; those refused end with @p status. NULL: none is, and
 * they are only counted.
 */
void xnnpack_refuse(bool (*refuses)(unsigned call), enum xnn_status status);

/** Creations since xnnpack_refuse(). */
unsigned xnnpack_creations(void);

#endif
