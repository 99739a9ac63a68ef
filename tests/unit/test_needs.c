/* SPDX-License-Identifier: ISC */
/*
 * What a message needs of a relay, and what SMTP cannot carry.
 */
#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "mail/compose.h"
#include "mail/header.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static struct header h;
static struct error e;

static void
start(void)
{
	header_init(&h);
}

static void
finish(void)
{
	header_release(&h);
}

/* Counts a body; what compose_check says of it behind that header. */
static int
check(const char *header, const char *data, size_t len,
    struct compose_needs *needs)
{
	struct wire_count c;

	memset(&c, 0, sizeof c);
	memset(needs, 0, sizeof *needs);
	wire_count(&c, data, len);
	wire_count_finish(&c);
	header_release(&h);
	header_init(&h);
	ck_assert_int_eq(header_parse(&h, header, strlen(header), &e), 0);
	return compose_check(&h, &c, needs, &e);
}

START_TEST(needs_and_size)
{
	struct compose_needs n;

	ck_assert_int_eq(check("To: a\n", "", 0, &n), 0);
	ck_assert_uint_eq(n.size, 7 + 2);
	ck_assert(!n.eight_bit && !n.smtputf8);
	ck_assert_int_eq(check("To: a\n", "x\n.\n", 4, &n), 0);
	ck_assert_uint_eq(n.size, 7 + 2 + 6);
	ck_assert_int_eq(check("To: a\nCc: b,\n c\n", "x", 1, &n), 0);
	ck_assert_uint_eq(n.size, 7 + 8 + 4 + 2 + 3);
	ck_assert_int_eq(check("", "\200\n", 2, &n), 0);
	ck_assert(n.eight_bit && !n.smtputf8);
	ck_assert_uint_eq(n.size, 2 + 3);
	ck_assert_int_eq(check("Subject: \303\274\n", "x\n", 2, &n), 0);
	ck_assert(n.eight_bit && n.smtputf8);
}
END_TEST

static const struct {
	const char *data;
	size_t len;
} bodies[] = {
	{ "a\0b\n", 4 }, { "a\rb\n", 4 }, { "a\r", 2 }, { "\r\r\n", 3 },
	{ "\0", 1 },
};

START_TEST(body_refused)
{
	struct compose_needs n;

	ck_assert_int_eq(check("To: a\n", bodies[_i].data, bodies[_i].len,
	    &n), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	ck_assert_uint_gt(strlen(e.text), 0);
}
END_TEST

START_TEST(line_lengths)
{
	struct compose_needs n;
	char line[999];
	struct buf b;

	memset(line, 'x', sizeof line);
	ck_assert_int_eq(check("To: a\n", line, 998, &n), 0);
	ck_assert_int_eq(check("To: a\n", line, 999, &n), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	buf_init(&b, 2000);
	buf_adds(&b, "X: ");
	buf_add(&b, line, 995);
	buf_addc(&b, '\n');
	ck_assert_int_eq(check(b.data, "", 0, &n), 0);
	buf_release(&b);
}
END_TEST

START_TEST(header_not_utf8)
{
	static const char *const bad[] = { "Subject: \374\n",
	    "Subject: ok\nX: \303\n", "X: \355\240\200\n", "X: \300\200\n" };
	struct compose_needs n;
	size_t i;

	for (i = 0; i < COUNT(bad); i++) {
		ck_assert_int_eq(check(bad[i], "", 0, &n), -1);
		ck_assert_int_eq(e.class, ERR_MESSAGE);
		ck_assert_ptr_nonnull(strstr(e.text, i == 0 ? "Subject" :
		    "X"));
	}
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("needs");
	t = tcase_create("needs");
	tcase_add_checked_fixture(t, start, finish);
	tcase_add_test(t, needs_and_size);
	tcase_add_loop_test(t, body_refused, 0, COUNT(bodies));
	tcase_add_test(t, line_lengths);
	tcase_add_test(t, header_not_utf8);
	suite_add_tcase(s, t);
	return run_suite(s);
}
