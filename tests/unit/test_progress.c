/* SPDX-License-Identifier: ISC */
/*
 * What a person at a terminal is told of an upload.  That it is told, and when
 * it is not, tests/e2e/terminal.py looks at.
 */
#include "config.h"

#include "agent/progress.h"
#include "base/buf.h"
#include "base/clock.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static const struct {
	uint64_t sent, total;
	int64_t milliseconds;
	const char *text;
} cases[] = {
	{ 0, 0, 0, "0 B of 0 B, 0 B/s" },
	{ 0, 5000, 1000, "0 B of 5.0 kB, 0 B/s" },
	{ 999, 1000, 1000, "999 B of 1.0 kB, 999 B/s, 0:01 left" },
	{ 1000, 2000, 1000, "1.0 kB of 2.0 kB, 1.0 kB/s, 0:01 left" },
	{ 1500000, 20000000, 3000, "1.5 MB of 20 MB, 500 kB/s, 0:37 left" },
	{ 20000000, 20000000, 4000, "20 MB of 20 MB, 5.0 MB/s, 0:00 left" },
	{ 999999, 1000000, 1000, "1.0 MB of 1.0 MB, 1.0 MB/s, 0:01 left" },
	{ 9949, 99949, 1000, "9.9 kB of 99 kB, 9.9 kB/s, 0:10 left" },
	{ 1000, 3601000, 1000, "1.0 kB of 3.6 MB, 1.0 kB/s, 1:00:00 left" },
	{ 1000, 359999000, 1000, "1.0 kB of 360 MB, 1.0 kB/s, 99:59:58 left" },
	{ 1000, 360002000, 1000, "1.0 kB of 360 MB, 1.0 kB/s" },
	{ 1, UINT64_MAX, 1, "1 B of 18 EB, 1.0 kB/s" },
	{ UINT64_MAX, UINT64_MAX, 1000, "18 EB of 18 EB, 18 EB/s,"
	    " 0:00 left" },
};

START_TEST(texts)
{
	struct buf out;

	buf_init(&out, 256);
	meter_text(cases[_i].sent, cases[_i].total, cases[_i].milliseconds,
	    &out);
	ck_assert_str_eq(out.data, cases[_i].text);
	buf_release(&out);
}
END_TEST

/* Under a test, standard error is what it is: nothing is written here. */
START_TEST(when)
{
	struct meter m;

	meter_init(&m, false);
	meter_begin(&m, 100, 5000);
	ck_assert_int_eq(meter_wake(&m, CLOCK_NEVER), CLOCK_NEVER);
	m.on = true;
	ck_assert_int_eq(meter_wake(&m, CLOCK_NEVER), 6000);
	ck_assert_int_eq(meter_wake(&m, 5500), 5500);
	meter_update(&m, 50, 5999);
	ck_assert(!m.shown);
	meter_end(&m);
	ck_assert_int_eq(meter_wake(&m, CLOCK_NEVER), CLOCK_NEVER);
	meter_update(&m, 50, 9000);
	ck_assert(!m.shown);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("progress");
	t = tcase_create("progress");
	tcase_add_loop_test(t, texts, 0, COUNT(cases));
	tcase_add_test(t, when);
	suite_add_tcase(s, t);
	return run_suite(s);
}
