/* SPDX-License-Identifier: MIT */
/*
 * The child's side of a proof: "tfld --prove MEMORY SECONDS ITERATIONS MILLISECONDS" (the last two are what loops may take), started by tfl_prove() and by
 * nobody else. One thread, three descriptors: the file, the pipe for the report, and perhaps the folder of samples. It opens what it will need, gives up
 * everything else (confine.h), and only then looks at the file: verifies, builds, runs it on zeros, then on the samples, by the code that serves it
 * later.
 */
#ifndef DAEMON_PROOF_CHILD_H
#define DAEMON_PROOF_CHILD_H

#define TFL_PROVE_OPTION "--prove"
#define TFL_PROVE_ARGUMENTS 6 /* with the program's name */

#define TFL_PROVE_FD_MODEL 3
#define TFL_PROVE_FD_REPORT 4
#define TFL_PROVE_FD_SAMPLES 5 /* may not be there */

/** All of the child, given main's arguments. Does not return where it reported; 2 for somebody who calls it by hand. */
int tfl_proof_child(int argc, char *const *argv);

#endif
