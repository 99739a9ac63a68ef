/* SPDX-License-Identifier: ISC */
/*
 * A string of bytes up to a maximum, and the memory below it.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "runner.h"

static struct buf b;

static void
start(void)
{
	buf_init(&b, 8);
}

static void
finish(void)
{
	buf_release(&b);
}

static void
holds(const char *expect)
{
	ck_assert_uint_eq(b.len, strlen(expect));
	ck_assert_str_eq(b.data, expect);
}

START_TEST(fresh)
{
	ck_assert_ptr_nonnull(b.data);
	holds("");
	ck_assert(!b.overflow && !b.secret);
	buf_release(&b);
	buf_init(&b, 0);
	holds("");
	ck_assert_int_eq(buf_add(&b, "", 0), 0);
	ck_assert_int_eq(buf_addc(&b, 'x'), -1);
	holds("");
}
END_TEST

START_TEST(additions)
{
	ck_assert_int_eq(buf_add(&b, "a\0c", 3), 0);
	ck_assert_uint_eq(b.len, 3);
	ck_assert_mem_eq(b.data, "a\0c\0", 4);
	buf_clear(&b);
	holds("");
	ck_assert_int_eq(buf_adds(&b, "ab"), 0);
	ck_assert_int_eq(buf_addc(&b, 'c'), 0);
	ck_assert_int_eq(buf_addf(&b, "%d-%s", 42, "x"), 0);
	holds("abc42-x");
	ck_assert_int_eq(buf_add(&b, NULL, 0), 0);
	holds("abc42-x");
}
END_TEST

/* The maximum itself fits; one more byte adds nothing and is remembered. */
START_TEST(maximum)
{
	ck_assert_int_eq(buf_adds(&b, "12345678"), 0);
	holds("12345678");
	ck_assert(!b.overflow);
	ck_assert_int_eq(buf_addc(&b, '9'), -1);
	holds("12345678");
	ck_assert(b.overflow);
	buf_truncate(&b, 6);
	ck_assert_int_eq(buf_adds(&b, "abc"), -1);
	holds("123456");
	ck_assert_int_eq(buf_addf(&b, "%03d", 7), -1);
	holds("123456");
	ck_assert_int_eq(buf_addf(&b, "%02d", 7), 0);
	holds("12345607");
	ck_assert(b.overflow);
}
END_TEST

START_TEST(huge_length)
{
	ck_assert_int_eq(buf_adds(&b, "1234"), 0);
	ck_assert_int_eq(buf_add(&b, "x", SIZE_MAX), -1);
	ck_assert_int_eq(buf_add(&b, "x", SIZE_MAX - 3), -1);
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX));
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX - 4));
	holds("1234");
}
END_TEST

START_TEST(reserve_and_commit)
{
	char *room;

	ck_assert_int_eq(buf_adds(&b, "ab"), 0);
	ck_assert_ptr_null(buf_reserve(&b, 7));
	room = buf_reserve(&b, 6);
	ck_assert_ptr_eq(room, b.data + 2);
	memcpy(room, "cdefgh", 6);
	ck_assert_uint_eq(b.len, 2);
	buf_commit(&b, 3);
	holds("abcde");
	buf_commit(&b, 0);
	holds("abcde");
}
END_TEST

START_TEST(consume_and_insert)
{
	ck_assert_int_eq(buf_adds(&b, "abcdef"), 0);
	buf_consume(&b, 0);
	holds("abcdef");
	buf_consume(&b, 2);
	holds("cdef");
	ck_assert_int_eq(buf_insert(&b, 0, "<", 1), 0);
	ck_assert_int_eq(buf_insert(&b, 5, ">", 1), 0);
	ck_assert_int_eq(buf_insert(&b, 3, "--", 2), 0);
	holds("<cd--ef>");
	ck_assert_int_eq(buf_insert(&b, 3, "x", 1), -1);
	holds("<cd--ef>");
	ck_assert(b.overflow);
	buf_consume(&b, 8);
	holds("");
}
END_TEST

START_TEST(steal)
{
	char *s;

	ck_assert_int_eq(buf_adds(&b, "mine"), 0);
	s = buf_steal(&b);
	ck_assert_str_eq(s, "mine");
	free(s);
	holds("");
	ck_assert_int_eq(buf_adds(&b, "again"), 0);
	holds("again");
	buf_clear(&b);
	s = buf_steal(&b);
	ck_assert_str_eq(s, "");
	free(s);
	s = buf_steal(&b);
	ck_assert_str_eq(s, "");
	free(s);
}
END_TEST

START_TEST(grows)
{
	struct buf big;
	size_t i, right = 0;

	buf_init(&big, 1024 * 1024);
	for (i = 0; i < 1024 * 1024; i++)
		right += buf_addc(&big, (char)('a' + i % 26)) == 0 ? 1 : 0;
	ck_assert_int_eq(buf_addc(&big, 'x'), -1);
	for (i = 0; i < big.len; i++)
		right += big.data[i] == (char)('a' + i % 26) ? 1 : 0;
	ck_assert_uint_eq(right, 2 * 1024 * 1024);
	ck_assert(big.data[big.len] == '\0');
	buf_release(&big);
}
END_TEST

/* What a secret buf gives up it has wiped: its own bytes tell. */
START_TEST(secret)
{
	struct buf s;

	buf_init_secret(&s, 64);
	ck_assert(s.secret);
	ck_assert_int_eq(buf_adds(&s, "hush, hush"), 0);
	buf_truncate(&s, 4);
	ck_assert_str_eq(s.data, "hush");
	ck_assert_int_eq(buf_add(&s, "0123456789012345678901234567890123456789",
	    40), 0);
	ck_assert(strncmp(s.data, "hush0123", 8) == 0);
	ck_assert_uint_eq(s.len, 44);
	buf_release(&s);
}
END_TEST

START_TEST(wipe)
{
	char text[8] = "secret!";
	char zero[8] = { 0 };

	mem_wipe(text, 6);
	ck_assert_mem_eq(text, "\0\0\0\0\0\0!", 8);
	mem_wipe(text, sizeof text);
	ck_assert_mem_eq(text, zero, 8);
}
END_TEST

START_TEST(copies)
{
	char *s;

	s = xstrdup("abc");
	ck_assert_str_eq(s, "abc");
	free(s);
	s = xstrndup("abc", 2);
	ck_assert_str_eq(s, "ab");
	free(s);
	s = xasprintf("%s=%d", "n", -1);
	ck_assert_str_eq(s, "n=-1");
	free(s);
	s = xcalloc(2, 3);
	ck_assert_mem_eq(s, "\0\0\0\0\0\0", 6);
	free(s);
	s = xmalloc(0);
	ck_assert_ptr_nonnull(s);
	free(s);
}
END_TEST

START_TEST(array)
{
	int *list = NULL;
	size_t cap = 0, before, i;

	for (i = 0; i < 1000; i++) {
		before = cap;
		mem_grow(&list, &cap, i + 1, sizeof *list);
		ck_assert_uint_gt(cap, i);
		ck_assert_uint_ge(cap, before);
		list[i] = (int)i;
	}
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(list[i], (int)i);
	before = cap;
	mem_grow(&list, &cap, 1, sizeof *list);
	ck_assert_uint_eq(cap, before);
	free(list);
}
END_TEST

/* What no memory can hold ends the process with 71. */
START_TEST(overflowing_product)
{
	free(xreallocarray(NULL, SIZE_MAX / 2, 4));
}
END_TEST

START_TEST(overflowing_growth)
{
	void *list = NULL;
	size_t cap = 0;

	mem_grow(&list, &cap, SIZE_MAX / 4, 8);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("buf");
	t = tcase_create("buf");
	tcase_add_checked_fixture(t, start, finish);
	tcase_add_test(t, fresh);
	tcase_add_test(t, additions);
	tcase_add_test(t, maximum);
	tcase_add_test(t, huge_length);
	tcase_add_test(t, reserve_and_commit);
	tcase_add_test(t, consume_and_insert);
	tcase_add_test(t, steal);
	suite_add_tcase(s, t);
	t = tcase_create("memory");
	tcase_add_test(t, grows);
	tcase_add_test(t, secret);
	tcase_add_test(t, wipe);
	tcase_add_test(t, copies);
	tcase_add_test(t, array);
	tcase_add_exit_test(t, overflowing_product, 71);
	tcase_add_exit_test(t, overflowing_growth, 71);
	suite_add_tcase(s, t);
	return run_suite(s);
}
