/* SPDX-License-Identifier: ISC */
/*
 * Runs one Check suite and prints a line for each test that ran.
 */
#include "config.h"

#include "runner.h"

int
run_suite(Suite *suite)
{
	SRunner *runner;
	int failed;

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
