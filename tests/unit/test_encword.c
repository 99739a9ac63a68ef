/* SPDX-License-Identifier: ISC */
/*
 * Display names: as atoms, in quotes, as encoded words.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "mail/encword.h"
#include "runner.h"

static const struct {
	const char *name;
	const char *expect;
} phrases[] = {
	{ "Alice", "Alice" },
	{ "Alice Example", "Alice Example" },
	{ "O'Hara-Smith + Co", "O'Hara-Smith + Co" },
	{ "=?UTF-8?Q?J=C3=B6rg?=", "=?UTF-8?Q?J=C3=B6rg?=" },
	{ "", "\"\"" },
	{ " ", "\" \"" },
	{ "Alice ", "\"Alice \"" },
	{ " Alice", "\" Alice\"" },
	{ "Alice  Example", "\"Alice  Example\"" },
	{ "John Q. Public", "\"John Q. Public\"" },
	{ "Doe, John", "\"Doe, John\"" },
	{ "a@b", "\"a@b\"" },
	{ "x> <y", "\"x> <y\"" },
	{ "say \"hi\"", "\"say \\\"hi\\\"\"" },
	{ "back\\slash", "\"back\\\\slash\"" },
	{ "(comment", "\"(comment\"" },
	{ "J\303\266rg", "=?UTF-8?Q?J=C3=B6rg?=" },
	{ "J\303\266rg M. _?=", "=?UTF-8?Q?J=C3=B6rg_M=2E_=5F=3F=3D?=" },
	{ "\345\261\261\347\224\260", "=?UTF-8?B?5bGx55Sw?=" },
	{ "\345\261\261\347\224\260 A", "=?UTF-8?B?5bGx55SwIEE=?=" },
	{ "\345\261\261\347\224\260 AB", "=?UTF-8?B?5bGx55SwIEFC?=" },
	{ "\345\261\261\347\224\260A", "=?UTF-8?B?5bGx55SwQQ==?=" },
};

static const char *const refused[] = {
	"a\r\nBcc: x", "a\nb", "a\rb", "a\tb", "a\033[1m", "a\177",
	"caf\351", "\300\200", "\355\240\200", "\364\220\200\200", "\303"
};

START_TEST(phrase)
{
	struct error e;
	struct buf out;

	buf_init(&out, 4096);
	ck_assert_int_eq(encword_phrase(&out, phrases[_i].name, &e), 0);
	ck_assert_str_eq(out.data, phrases[_i].expect);
	buf_release(&out);
}
END_TEST

START_TEST(refuses)
{
	struct error e;
	struct buf out;

	buf_init(&out, 4096);
	ck_assert_int_eq(encword_phrase(&out, refused[_i], &e), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	ck_assert_uint_eq(out.len, 0);
	buf_release(&out);
}
END_TEST

START_TEST(appends_up_to_the_maximum)
{
	struct error e;
	struct buf out;

	buf_init(&out, 10);
	buf_adds(&out, "x");
	ck_assert_int_eq(encword_phrase(&out, "Alice", &e), 0);
	ck_assert_str_eq(out.data, "xAlice");
	ck_assert_int_eq(encword_phrase(&out, "Alice", &e), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	buf_release(&out);
}
END_TEST

static int
hex(char c)
{
	return c <= '9' ? c - '0' : c - 'A' + 10;
}

static void
decode_q(struct buf *out, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == '=') {
			buf_addc(out, (char)(hex(s[i + 1]) * 16 +
			    hex(s[i + 2])));
			i += 2;
		} else
			buf_addc(out, s[i] == '_' ? ' ' : s[i]);
	}
}

static void
decode_b(struct buf *out, const char *s, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned long v = 0;
	size_t i, bits = 0;

	for (i = 0; i < len && s[i] != '='; i++) {
		v = v << 6 | (unsigned long)(strchr(digits, s[i]) - digits);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_addc(out, (char)(v >> bits & 255));
		}
	}
}

/* Undoes encoded words, each of which must be sound for itself. */
static void
decode(struct buf *out, const char *s)
{
	const char *end;
	size_t before;

	for (;;) {
		before = out->len;
		end = strstr(s + 10, "?=");
		ck_assert_ptr_nonnull(end);
		ck_assert_int_le(end + 2 - s, 75);
		if (str_starts(s, "=?UTF-8?Q?"))
			decode_q(out, s + 10, (size_t)(end - s) - 10);
		else {
			ck_assert(str_starts(s, "=?UTF-8?B?"));
			decode_b(out, s + 10, (size_t)(end - s) - 10);
		}
		ck_assert(utf8_valid(out->data + before, out->len - before));
		s = end + 2;
		if (*s == '\0')
			return;
		ck_assert(str_starts(s, "\r\n "));
		s += 3;
	}
}

/* What each long name is made of. */
static const char *const units[] = {
	"x", "\303\266", "a\303\266 ", "\345\261\261", "\360\237\230\200",
	"ab\360\237\230\200", "\"", "\\x", "abcdefghijklmno\303\266 "
};

START_TEST(long_names_come_back)
{
	struct buf name, out, back;
	struct error e;
	size_t n;

	for (n = 901; n < 10000; n += 411) {
		buf_init(&name, 20000);
		buf_init(&out, 200000);
		buf_init(&back, 20000);
		while (name.len < n)
			buf_adds(&name, units[_i]);
		ck_assert_int_eq(encword_phrase(&out, name.data, &e), 0);
		decode(&back, out.data);
		ck_assert_str_eq(back.data, name.data);
		buf_release(&name);
		buf_release(&out);
		buf_release(&back);
	}
}
END_TEST

/* The first line has to hold the longest field name as well. */
START_TEST(first_word_leaves_room)
{
	struct error e;
	struct buf out;

	buf_init(&out, 4096);
	ck_assert_int_eq(encword_phrase(&out, "\303\266\303\266\303\266\303"
	    "\266\303\266\303\266\303\266\303\266\303\266\303\266\303\266"
	    "\303\266\303\266\303\266\303\266\303\266\303\266\303\266\303"
	    "\266\303\266\303\266\303\266\303\266\303\266", &e), 0);
	ck_assert_int_le(strstr(out.data, "\r\n") - out.data +
	    (int)strlen("Resent-From: "), 76);
	buf_release(&out);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("encword");
	t = tcase_create("encword");
	tcase_add_loop_test(t, phrase, 0, sizeof phrases / sizeof *phrases);
	tcase_add_loop_test(t, refuses, 0, sizeof refused / sizeof *refused);
	tcase_add_test(t, appends_up_to_the_maximum);
	tcase_add_loop_test(t, long_names_come_back, 0,
	    sizeof units / sizeof *units);
	tcase_add_test(t, first_word_leaves_room);
	suite_add_tcase(s, t);
	return run_suite(s);
}
