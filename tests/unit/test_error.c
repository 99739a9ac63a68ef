/* SPDX-License-Identifier: ISC */
/*
 * What went wrong: its class, its exit status, its text.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "base/error.h"
#include "base/str.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static struct error e;

static const struct {
	enum error_class class;
	int status;
	bool temporary;
} classes[] = {
	{ ERR_NONE, 0, false },
	{ ERR_USAGE, EX_USAGE, false },
	{ ERR_MESSAGE, EX_DATAERR, false },
	{ ERR_RECIPIENT, EX_NOUSER, false },
	{ ERR_HOST, EX_NOHOST, false },
	{ ERR_UNAVAILABLE, EX_UNAVAILABLE, false },
	{ ERR_TEMPORARY, EX_TEMPFAIL, true },
	{ ERR_PROTOCOL, EX_PROTOCOL, false },
	{ ERR_AUTH, EX_NOPERM, false },
	{ ERR_CONFIG, EX_CONFIG, false },
};

START_TEST(class)
{
	ck_assert_int_eq(error_exit_status(classes[_i].class),
	    classes[_i].status);
	ck_assert(error_is_temporary(classes[_i].class) ==
	    classes[_i].temporary);
}
END_TEST

START_TEST(classes_of_the_machine)
{
	ck_assert_int_eq(error_exit_status(ERR_INTERNAL), EX_SOFTWARE);
	ck_assert_int_eq(error_exit_status(ERR_OS), EX_OSERR);
	ck_assert_int_eq(error_exit_status(ERR_CREATE), EX_CANTCREAT);
	ck_assert_int_eq(error_exit_status(ERR_IO), EX_IOERR);
}
END_TEST

START_TEST(set)
{
	ck_assert_int_eq(error_set(&e, ERR_HOST, "no host '%s'", "x"), -1);
	ck_assert_int_eq(e.class, ERR_HOST);
	ck_assert_str_eq(e.text, "no host 'x'");
	ck_assert_int_eq(error_set_errno(&e, ERR_IO, ENOENT,
	    "cannot read '%s'", "y"), -1);
	ck_assert_int_eq(e.class, ERR_IO);
	ck_assert_str_eq(e.text, "cannot read 'y': No such file or directory");
	ck_assert_int_eq(error_set(NULL, ERR_IO, "x"), -1);
	ck_assert_int_eq(error_set_errno(NULL, ERR_IO, EIO, "x"), -1);
}
END_TEST

/* The reason given counts, whatever errno is by then. */
START_TEST(reason_is_the_argument)
{
	errno = ENOMEM;
	error_set_errno(&e, ERR_IO, EISDIR, "x");
	ck_assert_str_eq(e.text, "x: Is a directory");
}
END_TEST

/* A text may be put into another, as its own argument. */
START_TEST(quotes_itself)
{
	error_set(&e, ERR_IO, "inner");
	error_set(&e, ERR_CONFIG, "outer: %s", e.text);
	ck_assert_int_eq(e.class, ERR_CONFIG);
	ck_assert_str_eq(e.text, "outer: inner");
}
END_TEST

START_TEST(escapes)
{
	const char *c;

	error_set(&e, ERR_PROTOCOL, "the relay said '%s'",
	    "\033]0;x\007\r\n\t\177\302\233\377 \303\274");
	for (c = e.text; *c != '\0'; c++)
		ck_assert(!ascii_iscntrl(*c));
	ck_assert(utf8_valid(e.text, strlen(e.text)));
	ck_assert_ptr_null(strstr(e.text, "\302\233"));
	ck_assert_ptr_nonnull(strstr(e.text, "]0;x"));
	ck_assert_ptr_nonnull(strstr(e.text, " \303\274'"));
}
END_TEST

/* Of each length around the most that there is room for. */
START_TEST(long_text)
{
	char text[2 * ERROR_TEXT_MAX];
	size_t len, n;

	for (len = ERROR_TEXT_MAX - 8; len < ERROR_TEXT_MAX + 8; len++) {
		memset(text, 'a', len);
		text[len] = '\0';
		error_set(&e, ERR_IO, "%s", text);
		n = strlen(e.text);
		if (len == ERROR_TEXT_MAX - 8)
			ck_assert(n == len);
		else
			ck_assert(n == len || (n < ERROR_TEXT_MAX &&
			    strcmp(e.text + n - 3, "...") == 0));
	}
	memset(text, '\n', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	error_set(&e, ERR_IO, "%s", text);
	n = strlen(e.text);
	ck_assert(n < ERROR_TEXT_MAX && n > ERROR_TEXT_MAX - 8);
	ck_assert_str_eq(e.text + n - 3, "...");
	ck_assert(strncmp(e.text, "\\x0", 3) == 0);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("error");
	t = tcase_create("error");
	tcase_add_loop_test(t, class, 0, COUNT(classes));
	tcase_add_test(t, classes_of_the_machine);
	tcase_add_test(t, set);
	tcase_add_test(t, reason_is_the_argument);
	tcase_add_test(t, quotes_itself);
	tcase_add_test(t, escapes);
	tcase_add_test(t, long_text);
	suite_add_tcase(s, t);
	return run_suite(s);
}
