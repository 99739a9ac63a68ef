/* SPDX-License-Identifier: ISC */
/*
 * Dates of RFC 5322 section 3.3.
 */
#include "config.h"

#include <limits.h>
#include <locale.h>
#include <string.h>
#include <time.h>

#include "mail/date.h"
#include "runner.h"

static const struct {
	struct tm tm;
	long offset;
	const char *expect;
} dates[] = {
	{ { .tm_wday = 1, .tm_mday = 23, .tm_mon = 10, .tm_year = 126,
	    .tm_hour = 18, .tm_min = 20, .tm_sec = 34 }, 3600,
	    "Mon, 23 Nov 2026 18:20:34 +0100" },
	{ { .tm_wday = 4, .tm_mday = 1, .tm_year = 70 }, 0,
	    "Thu, 1 Jan 1970 00:00:00 +0000" },
	{ { .tm_wday = 6, .tm_mday = 31, .tm_mon = 11, .tm_year = 99,
	    .tm_hour = 23, .tm_min = 59, .tm_sec = 60 }, -12600,
	    "Sat, 31 Dec 1999 23:59:60 -0330" },
	{ { .tm_wday = 0, .tm_mday = 29, .tm_mon = 1, .tm_year = 8100 },
	    20700, "Sun, 29 Feb 10000 00:00:00 +0545" },
	{ { .tm_mday = 1, .tm_year = -1700 }, -59,
	    "Sun, 1 Jan 0200 00:00:00 +0000" },
	{ { .tm_mday = 1, .tm_year = 100 }, 45000,
	    "Sun, 1 Jan 2000 00:00:00 +1230" },
};

START_TEST(formats)
{
	char out[DATE_SIZE];

	date_format(out, &dates[_i].tm, dates[_i].offset);
	ck_assert_str_eq(out, dates[_i].expect);
}
END_TEST

START_TEST(any_values_stay_in_bounds)
{
	struct tm tm;
	char out[DATE_SIZE + 1];

	memset(out, '!', sizeof out);
	tm = (struct tm){ .tm_wday = INT_MIN, .tm_mday = INT_MIN,
	    .tm_mon = INT_MIN, .tm_year = INT_MAX, .tm_hour = INT_MIN,
	    .tm_min = INT_MAX, .tm_sec = INT_MIN };
	date_format(out, &tm, LONG_MIN);
	ck_assert_uint_eq(strlen(out), DATE_SIZE - 1);
	ck_assert_int_eq(out[DATE_SIZE], '!');
}
END_TEST

START_TEST(no_locale_changes_it)
{
	char out[DATE_SIZE];

	setlocale(LC_ALL, "C.UTF-8");
	date_format(out, &dates[0].tm, dates[0].offset);
	ck_assert_str_eq(out, dates[0].expect);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("date");
	t = tcase_create("date");
	tcase_add_loop_test(t, formats, 0, sizeof dates / sizeof *dates);
	tcase_add_test(t, any_values_stay_in_bounds);
	tcase_add_test(t, no_locale_changes_it);
	suite_add_tcase(s, t);
	return run_suite(s);
}
