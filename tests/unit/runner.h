/* SPDX-License-Identifier: ISC */
/*
 * How each unit test program runs its one suite.
 */
#ifndef TESTS_UNIT_RUNNER_H
#define TESTS_UNIT_RUNNER_H

#include <check.h>

/* Runs a suite; returns main's exit status. */
int	run_suite(Suite *suite);

#endif
