/* SPDX-License-Identifier: ISC */
/*
 * Bytes and small values as text.
 */
#include "config.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static bool
among(int c, const char *set)
{
	return c != 0 && c < 0x80 && strchr(set, c) != NULL;
}

/* Every byte, against a list of those that are meant. */
START_TEST(classes)
{
	static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char lower[] = "abcdefghijklmnopqrstuvwxyz";
	bool letter, digit;
	int i;
	char c;

	for (i = 0; i < 256; i++) {
		c = (char)i;
		letter = among(i, upper) || among(i, lower);
		digit = among(i, "0123456789");
		ck_assert(ascii_isalpha(c) == letter);
		ck_assert(ascii_isdigit(c) == digit);
		ck_assert(ascii_isalnum(c) == (letter || digit));
		ck_assert(ascii_isblank(c) == among(i, " \t"));
		ck_assert(ascii_isspace(c) == among(i, " \t\r\n\v\f"));
		ck_assert(ascii_iscntrl(c) == (i < 0x20 || i == 0x7f));
		ck_assert(ascii_tolower(c) == (among(i, upper) ?
		    lower[i - 'A'] : c));
	}
}
END_TEST

START_TEST(comparing)
{
	char s[] = "TITLE\303\204";

	ascii_lower(s);
	ck_assert_str_eq(s, "title\303\204");
	ck_assert(str_caseeq("", "") && str_caseeq("aB-1", "Ab-1"));
	ck_assert(!str_caseeq("a", "ab") && !str_caseeq("ab", "a"));
	ck_assert(!str_caseeq("@", "`") && !str_caseeq("[", "{"));
	ck_assert(!str_caseeq("\303\204", "\303\244"));
	ck_assert(mem_caseeq("a\0B", 3, "A\0b", 3));
	ck_assert(!mem_caseeq("a\0B", 3, "A\0c", 3));
	ck_assert(!mem_caseeq("ab", 2, "abc", 3));
	ck_assert(mem_caseeq("abX", 2, "abY", 2));
	ck_assert(str_starts("abc", "ab") && str_starts("abc", ""));
	ck_assert(!str_starts("ab", "abc") && !str_starts("Abc", "ab"));
	ck_assert(str_casestarts("Abc", "aB"));
	ck_assert(!str_casestarts("a", "ab") && !str_casestarts("", "a"));
	ck_assert(str_is_ascii("") && str_is_ascii("a\177\001"));
	ck_assert(!str_is_ascii("a\200"));
}
END_TEST

static const struct {
	const char *pattern, *s;
	bool matches;
} globs[] = {
	{ "", "", true }, { "", "a", false }, { "*", "", true },
	{ "a", "", false }, { "?", "", false }, { "?", "a", true },
	{ "?", "ab", false }, { "*@example.org", "Bob@EXAMPLE.ORG", true },
	{ "*@example.org", "bob@example.org.uk", false },
	{ "a*b*c", "aXbXbXc", true }, { "a*b*c", "aXcXb", false },
	{ "**?**", "", false }, { "**?**", "x", true },
	{ "*a", "aaab", false }, { "*ab", "aaab", true },
	{ "[a]", "a", false }, { "[a]", "[A]", true }, { "\\*", "\\x", true },
};

START_TEST(glob)
{
	ck_assert_msg(str_glob(globs[_i].pattern, globs[_i].s) ==
	    globs[_i].matches, "'%s' and '%s'", globs[_i].pattern,
	    globs[_i].s);
}
END_TEST

/* Not a matter of minutes, as it is for those who try every way. */
START_TEST(glob_is_not_exponential)
{
	char s[5001], pattern[201];
	size_t i;

	memset(s, 'a', sizeof s - 1);
	s[sizeof s - 1] = '\0';
	for (i = 0; i < sizeof pattern - 1; i++)
		pattern[i] = i % 2 == 0 ? '*' : 'a';
	pattern[sizeof pattern - 2] = 'b';
	pattern[sizeof pattern - 1] = '\0';
	ck_assert(!str_glob(pattern, s));
}
END_TEST

static const struct {
	const char *s;
	size_t length;		/* of the first sequence */
} sequences[] = {
	{ "a", 1 }, { "\177", 1 }, { "\200", 0 }, { "\277", 0 },
	{ "\302\200", 2 }, { "\337\277", 2 }, { "\300\200", 0 },
	{ "\301\277", 0 }, { "\302", 0 }, { "\302a", 0 }, { "\302\300", 0 },
	{ "\340\240\200", 3 }, { "\340\237\277", 0 }, { "\340\240", 0 },
	{ "\355\237\277", 3 }, { "\355\240\200", 0 }, { "\355\277\277", 0 },
	{ "\356\200\200", 3 }, { "\357\277\277", 3 },
	{ "\360\220\200\200", 4 }, { "\360\217\277\277", 0 },
	{ "\360\220\200", 0 }, { "\364\217\277\277", 4 },
	{ "\364\220\200\200", 0 }, { "\365\200\200\200", 0 },
	{ "\370\210\200\200\200", 0 }, { "\377", 0 }, { "\376", 0 },
};

START_TEST(utf8)
{
	const char *s = sequences[_i].s;
	size_t n = sequences[_i].length;

	ck_assert_uint_eq(utf8_length(s, strlen(s)), n);
	ck_assert(utf8_valid(s, strlen(s)) == (n == strlen(s)));
	if (n > 1)
		ck_assert_uint_eq(utf8_length(s, n - 1), 0);
}
END_TEST

START_TEST(utf8_text)
{
	ck_assert(utf8_valid("", 0) && utf8_valid("a\0b", 3));
	ck_assert(utf8_valid("M\303\274ller \342\202\254", 11));
	ck_assert(!utf8_valid("M\303\274ller \342\202\254", 10));
	ck_assert(!utf8_valid("ab\374c", 4));
	ck_assert_uint_eq(utf8_length("", 0), 0);
	ck_assert_uint_eq(utf8_length("\0", 1), 1);
}
END_TEST

static const struct {
	const char *in;
	size_t len, max;
	const char *out;
} escapes[] = {
	{ "", 0, 9, "" }, { "plain \"'\\", 9, 99, "plain \"'\\" },
	{ "a\tb\nc\rd", 7, 99, "a\\x09b\\x0Ac\\x0Dd" },
	{ "\0\033[1m\177", 6, 99, "\\x00\\x1B[1m\\x7F" },
	{ "\303\274\342\202\254", 5, 99, "\303\274\342\202\254" },
	{ "\302\200\302\237\302\240", 6, 99,
	    "\\xC2\\x80\\xC2\\x9F\302\240" },
	{ "a\377\303", 3, 99, "a\\xFF\\xC3" },
	{ "\355\240\200", 3, 99, "\\xED\\xA0\\x80" },
	{ "abcdef", 6, 9, "abcdef" }, { "abcdefg", 7, 6, "abc..." },
	{ "abc\n", 4, 6, "abc..." }, { "abc\n", 4, 7, "abc\\x0A" },
	{ "ab\303\274\303\274x", 7, 6, "ab..." },
	{ "a\nb\n", 4, 8, "a\\x0A..." }, { "\n\n", 2, 6, "..." },
};

/* The case of the hexadecimal digits is not promised. */
START_TEST(escape)
{
	struct buf b;

	buf_init(&b, 100);
	buf_adds(&b, "<");
	str_escape(&b, escapes[_i].in, escapes[_i].len, escapes[_i].max);
	ck_assert_msg(b.data[0] == '<' && str_caseeq(b.data + 1,
	    escapes[_i].out), "'%s'", b.data);
	buf_release(&b);
}
END_TEST

/* Whatever comes in, what comes out may be shown and keeps to max. */
START_TEST(escape_every_pair)
{
	struct buf b;
	char in[3];
	size_t i, k;

	buf_init(&b, 100);
	for (i = 0; i < 65536; i++) {
		in[0] = (char)(i >> 8);
		in[1] = (char)i;
		in[2] = 'x';
		buf_clear(&b);
		str_escape(&b, in, 3, 3 + i % 8);
		ck_assert(b.len <= 3 + i % 8);
		ck_assert(utf8_valid(b.data, b.len));
		for (k = 0; k < b.len; k++)
			ck_assert(!ascii_iscntrl(b.data[k]) &&
			    (b.data[k] != '\302' ||
			    (b.data[k + 1] & 0x60) != 0));
	}
	buf_release(&b);
}
END_TEST

static const struct {
	const char *s;
	uint64_t min, max;
	int rc;
	uint64_t value;
} numbers[] = {
	{ "0", 0, 9, 0, 0 }, { "9", 0, 9, 0, 9 }, { "10", 0, 9, -1, 0 },
	{ "0", 1, 9, -1, 0 }, { "65535", 1, 65535, 0, 65535 },
	{ "65536", 1, 65535, -1, 0 }, { "", 0, 9, -1, 0 },
	{ "+1", 0, 9, -1, 0 }, { "-1", 0, UINT64_MAX, -1, 0 },
	{ "-0", 0, 9, -1, 0 }, { " 1", 0, 9, -1, 0 }, { "1 ", 0, 9, -1, 0 },
	{ "1x", 0, 9, -1, 0 }, { "0x1", 0, 9, -1, 0 }, { "1.0", 0, 9, -1, 0 },
	{ "1e1", 0, 99, -1, 0 }, { "abc", 0, 9, -1, 0 },
	{ "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
	{ "18446744073709551616", 0, UINT64_MAX, -1, 0 },
	{ "99999999999999999999999", 0, UINT64_MAX, -1, 0 },
	{ "18446744073709551617", 0, 9, -1, 0 },
};

START_TEST(number)
{
	uint64_t n = 0;

	ck_assert_int_eq(str_number(numbers[_i].s, numbers[_i].min,
	    numbers[_i].max, &n), numbers[_i].rc);
	if (numbers[_i].rc == 0)
		ck_assert(n == numbers[_i].value);
}
END_TEST

static const struct {
	const char *s;
	uint64_t seconds;	/* 0: refused */
} durations[] = {
	{ "1s", 1 }, { "90s", 90 }, { "5m", 300 }, { "4h", 14400 },
	{ "5d", 432000 }, { "0s", 0 }, { "0d", 0 }, { "", 0 }, { "s", 0 },
	{ "-1s", 0 }, { "+1s", 0 }, { "1 s", 0 }, { "1h30m", 0 },
	{ "1w", 0 }, { "1.5h", 0 }, { "1ss", 0 },
	{ "18446744073709551615d", 0 }, { "99999999999999999999s", 0 },
	{ "213503982334602d", 0 },
};

START_TEST(duration)
{
	uint64_t n = 0;
	int rc;

	rc = str_duration(durations[_i].s, &n);
	ck_assert_int_eq(rc, durations[_i].seconds == 0 ? -1 : 0);
	if (rc == 0)
		ck_assert(n == durations[_i].seconds);
}
END_TEST

START_TEST(boolean)
{
	static const char *const yes[] = { "yes", "true", "on", "1", "YES",
	    "True" };
	static const char *const no[] = { "no", "false", "off", "0", "No",
	    "OFF" };
	static const char *const neither[] = { "", "y", "n", "yes ", " no",
	    "2", "01", "enabled", "tru", "o", "none" };
	bool b;
	size_t i;

	for (i = 0; i < COUNT(yes); i++) {
		b = false;
		ck_assert_int_eq(str_boolean(yes[i], &b), 0);
		ck_assert(b);
	}
	for (i = 0; i < COUNT(no); i++) {
		b = true;
		ck_assert_int_eq(str_boolean(no[i], &b), 0);
		ck_assert(!b);
	}
	for (i = 0; i < COUNT(neither); i++)
		ck_assert_int_eq(str_boolean(neither[i], &b), -1);
}
END_TEST

/* No letter of another alphabet's case rules. */
START_TEST(locale)
{
	bool b;

	(void)setlocale(LC_ALL, "tr_TR.UTF-8");
	ck_assert(str_caseeq("FILE", "file") && ascii_tolower('I') == 'i');
	ck_assert_int_eq(str_boolean("TRUE", &b), 0);
}
END_TEST

START_TEST(distance)
{
	ck_assert_uint_eq(str_distance("", ""), 0);
	ck_assert_uint_eq(str_distance("abc", ""), 3);
	ck_assert_uint_eq(str_distance("", "abc"), 3);
	ck_assert_uint_eq(str_distance("port", "port"), 0);
	ck_assert_uint_eq(str_distance("prot", "port"), 2);
	ck_assert_uint_eq(str_distance("usrname", "username"), 1);
	ck_assert_uint_eq(str_distance("kitten", "sitting"), 3);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("str");
	t = tcase_create("text");
	tcase_add_test(t, classes);
	tcase_add_test(t, comparing);
	tcase_add_loop_test(t, glob, 0, COUNT(globs));
	tcase_add_test(t, glob_is_not_exponential);
	tcase_add_loop_test(t, utf8, 0, COUNT(sequences));
	tcase_add_test(t, utf8_text);
	tcase_add_loop_test(t, escape, 0, COUNT(escapes));
	tcase_add_test(t, escape_every_pair);
	suite_add_tcase(s, t);
	t = tcase_create("values");
	tcase_add_loop_test(t, number, 0, COUNT(numbers));
	tcase_add_loop_test(t, duration, 0, COUNT(durations));
	tcase_add_test(t, boolean);
	tcase_add_test(t, locale);
	tcase_add_test(t, distance);
	suite_add_tcase(s, t);
	return run_suite(s);
}
