/* SPDX-License-Identifier: ISC */
/*
 * Runs one Check suite and prints a line for each test that ran.
 */
#include "config.h"

#include <ftw.h>
#include <stdio.h>

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

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
remove_tree(const char *path)
{
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
