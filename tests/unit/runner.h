/* SPDX-License-Identifier: ISC */
/*
 * How each unit test program runs its one suite, and cleans up behind it.
 */
#ifndef TESTS_UNIT_RUNNER_H
#define TESTS_UNIT_RUNNER_H

#include <check.h>

/* Runs a suite; returns main's exit status. */
int	run_suite(Suite *suite);

/* Removes a directory that a test has made, and all that is in it. */
void	remove_tree(const char *path);

#endif
