/* SPDX-License-Identifier: ISC */
/*
 * A body on the wire, and what is counted of it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/wire.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

/* The longest piece that bodies are cut into. */
#define PIECE_MAX	64

static const struct {
	const char *in;
	size_t len;
	const char *out;	/* without the final ".\r\n" */
	uint64_t size, longest;
	bool bare_cr;
} bodies[] = {
	{ "", 0, "", 0, 0, false },
	{ "\n", 1, "\r\n", 2, 0, false },
	{ "\r\n", 2, "\r\n", 2, 0, false },
	{ "a", 1, "a\r\n", 3, 1, false },
	{ "a\n", 2, "a\r\n", 3, 1, false },
	{ "a\r\nb\nc\r\n", 8, "a\r\nb\r\nc\r\n", 9, 1, false },
	{ ".", 1, "..\r\n", 3, 1, false },
	{ ".\n", 2, "..\r\n", 3, 1, false },
	{ "..\n", 3, "...\r\n", 4, 2, false },
	{ "a.\n.b.\n", 7, "a.\r\n..b.\r\n", 9, 3, false },
	{ "a\n.\r\nb", 6, "a\r\n..\r\nb\r\n", 9, 1, false },
	{ "\n.\r\n", 4, "\r\n..\r\n", 5, 1, false },
	{ "\r\n.\r\n", 5, "\r\n..\r\n", 5, 1, false },
	{ ".\n.\n.", 5, "..\r\n..\r\n..\r\n", 9, 1, false },
	{ "\n\n\n", 3, "\r\n\r\n\r\n", 6, 0, false },
	{ "a\rb\n", 4, "a\rb\r\n", 5, 3, true },
	{ "a\r\r\n", 4, "a\r\r\n", 4, 2, true },
	{ "a\r.\n", 4, "a\r.\r\n", 5, 3, true },
	{ "a\n\r.\n", 5, "a\r\n\r.\r\n", 7, 2, true },
	{ "\r", 1, "\r\r\n", 3, 1, true },
	{ "a\r", 2, "a\r\r\n", 4, 2, true },
	{ "\r\r\r\n", 4, "\r\r\r\n", 4, 2, true },
	{ "a\0b\n.\0\n", 7, NULL, 9, 3, false },
};

/* The bytes as they go out, for a body that comes in pieces. */
static void
encode(const char *in, size_t len, size_t piece, struct buf *out)
{
	struct wire w;
	size_t at, n;

	wire_init(&w);
	for (at = 0; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		wire_encode(&w, in + at, n, out);
	}
	wire_encode(&w, in, 0, out);
	wire_finish(&w, out);
}

START_TEST(encoded)
{
	struct buf out, expect;
	size_t piece;

	if (bodies[_i].out == NULL)
		return;
	buf_init(&out, 1000);
	buf_init(&expect, 1000);
	buf_addf(&expect, "%s.\r\n", bodies[_i].out);
	for (piece = 1; piece <= PIECE_MAX; piece++) {
		buf_clear(&out);
		encode(bodies[_i].in, bodies[_i].len, piece, &out);
		ck_assert_msg(strcmp(out.data, expect.data) == 0, "'%s'",
		    out.data);
	}
	buf_release(&out);
	buf_release(&expect);
}
END_TEST

static void
count(struct wire_count *c, const char *in, size_t len, size_t piece)
{
	size_t at, n;

	memset(c, 0, sizeof *c);
	for (at = 0; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		wire_count(c, in + at, n);
	}
	wire_count(c, in, 0);
	wire_count_finish(c);
}

START_TEST(counted)
{
	struct wire_count c;
	size_t piece;

	for (piece = 1; piece <= PIECE_MAX; piece++) {
		count(&c, bodies[_i].in, bodies[_i].len, piece);
		ck_assert_uint_eq(c.size, bodies[_i].size);
		ck_assert_uint_eq(c.longest, bodies[_i].longest);
		ck_assert(c.bare_cr == bodies[_i].bare_cr);
		ck_assert(!c.eight_bit);
		ck_assert(c.nul == (bodies[_i].out == NULL));
	}
}
END_TEST

START_TEST(nul_goes_through)
{
	struct buf out;

	buf_init(&out, 100);
	encode("a\0b\n.\0\n", 7, 1, &out);
	ck_assert_uint_eq(out.len, 13);
	ck_assert_mem_eq(out.data, "a\0b\r\n..\0\r\n.\r\n", 13);
	buf_release(&out);
}
END_TEST

/* Long enough that line ends and dots meet the end of pieces of each size. */
static void
long_body(struct buf *in)
{
	size_t i, k;

	for (i = 0; i < 3 * PIECE_MAX; i++) {
		for (k = 0; k < i % (PIECE_MAX + 1); k++)
			buf_addc(in, k % 7 == 0 ? '.' : 'x');
		buf_adds(in, i % 3 == 0 ? "\n" : "\r\n");
		buf_adds(in, i % 5 == 0 ? ".\r\n" : i % 5 == 1 ? "..\n" :
		    i % 5 == 2 ? "\n.\n" : "");
	}
	buf_adds(in, ".tail");
}

START_TEST(pieces)
{
	struct wire_count whole, c;
	struct buf in, out, expect;
	size_t piece;

	buf_init(&in, 100000);
	buf_init(&out, 100000);
	buf_init(&expect, 100000);
	long_body(&in);
	encode(in.data, in.len, in.len, &expect);
	count(&whole, in.data, in.len, in.len);
	for (piece = 1; piece <= PIECE_MAX; piece++) {
		buf_clear(&out);
		encode(in.data, in.len, piece, &out);
		ck_assert_uint_eq(out.len, expect.len);
		ck_assert(memcmp(out.data, expect.data, out.len) == 0);
		count(&c, in.data, in.len, piece);
		ck_assert_uint_eq(c.size, whole.size);
		ck_assert_uint_eq(c.longest, whole.longest);
		ck_assert(!c.bare_cr && !c.nul && !c.eight_bit);
	}
	ck_assert_uint_eq(whole.longest, PIECE_MAX);
	buf_release(&in);
	buf_release(&out);
	buf_release(&expect);
}
END_TEST

START_TEST(eight_bit)
{
	struct wire_count c;

	count(&c, "a\177\n", 3, 9);
	ck_assert(!c.eight_bit);
	count(&c, "a\200\n", 3, 9);
	ck_assert(c.eight_bit);
	count(&c, "\377", 1, 9);
	ck_assert(c.eight_bit);
	count(&c, "\377\nplain\n", 8, 1);
	ck_assert(c.eight_bit);
}
END_TEST

/* Lines of the length that SMTP carries, and one more, without a last end. */
START_TEST(long_lines)
{
	struct wire_count c;
	char line[5002];

	memset(line, 'x', sizeof line);
	count(&c, line, 998, 64);
	ck_assert_uint_eq(c.longest, 998);
	ck_assert_uint_eq(c.size, 1000);
	line[998] = '\r';
	line[999] = '\n';
	count(&c, line, 1000, 3);
	ck_assert_uint_eq(c.longest, 998);
	ck_assert_uint_eq(c.size, 1000);
	count(&c, line, 5002, 7);
	ck_assert_uint_eq(c.longest, 4002);
	ck_assert_uint_eq(c.size, 5004);
	count(&c, line, 2000, 1999);
	ck_assert_uint_eq(c.longest, 1000);
}
END_TEST

/* More than 32 bits hold. */
START_TEST(huge)
{
	const size_t piece = 16 * 1024 * 1024;
	struct wire_count c;
	char *block;
	int i;

	block = calloc(1, piece);
	ck_assert_ptr_nonnull(block);
	memset(&c, 0, sizeof c);
	c.size = UINT64_C(0x100000000) - 8;
	c.line = UINT64_C(0x100000000) - 8;
	memset(block, 'x', piece);
	for (i = 0; i < 2; i++)
		wire_count(&c, block, piece);
	wire_count_finish(&c);
	ck_assert_uint_eq(c.size, UINT64_C(0x100000000) - 8 + 2 * piece + 2);
	ck_assert_uint_eq(c.longest, UINT64_C(0x100000000) - 8 + 2 * piece);
	free(block);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("wire");
	t = tcase_create("wire");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, encoded, 0, COUNT(bodies));
	tcase_add_loop_test(t, counted, 0, COUNT(bodies));
	tcase_add_test(t, nul_goes_through);
	tcase_add_test(t, pieces);
	tcase_add_test(t, eight_bit);
	tcase_add_test(t, long_lines);
	tcase_add_test(t, huge);
	suite_add_tcase(s, t);
	return run_suite(s);
}
