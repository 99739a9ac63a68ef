/* SPDX-License-Identifier: ISC */
/*
 * Header here, body there, and where the message ends.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "mail/header.h"
#include "mail/intake.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))
#define PIECE_MAX	64

static struct intake in;
static struct buf body;
static struct error e;

static void
begin(bool dot_ends)
{
	intake_init(&in, dot_ends);
	buf_init(&body, 8 * HEADER_MAX);
}

static void
end(void)
{
	intake_release(&in);
	buf_release(&body);
}

/* The whole of it in pieces; returns 0, or -1 when it is refused. */
static int
take(const char *data, size_t len, size_t piece, bool *dot_seen)
{
	size_t at, n;
	int rc = 0;

	for (at = 0; at < len && rc == 0; at += n) {
		n = len - at < piece ? len - at : piece;
		rc = intake_feed(&in, data + at, n, &body, &e);
	}
	*dot_seen = in.done;
	if (rc == 0)
		rc = intake_finish(&in, &body, &e);
	ck_assert(!body.overflow);
	return rc;
}

static const struct {
	const char *message, *header, *body;
} messages[] = {
	{ "", "", "" },
	{ "\n", "", "" },
	{ "\nbody\n", "", "body\n" },
	{ "\r\nTo: a\n", "", "To: a\n" },
	{ "To: a\n\nbody\n", "To: a\r\n", "body\n" },
	{ "To: a\r\n\r\nbody\r\n", "To: a\r\n", "body\r\n" },
	{ "To: a\r\nCc: b\n\r\nx\ny\r\n", "To: a\r\nCc: b\r\n", "x\ny\r\n" },
	{ "To: a\n", "To: a\r\n", "" },
	{ "To: a", "To: a\r\n", "" },
	{ "To: a\n\n", "To: a\r\n", "" },
	{ "To: a\n\n\n\nx", "To: a\r\n", "\n\nx" },
	{ "To: a\n\nx", "To: a\r\n", "x" },
	{ "To: a\n\nx\r", "To: a\r\n", "x\r" },
	{ "To: a,\n b,\r\n\tc\nCc : d\n\nx",
	    "To: a,\r\n b,\r\n\tc\r\nCc : d\r\n", "x" },
	{ "To: a\nno field\nCc: b\n\nx\n", "To: a\r\n",
	    "no field\nCc: b\n\nx\n" },
	{ "no header\n", "", "no header\n" },
	{ "no header", "", "no header" },
	{ " blank first\nTo: a\n", "", " blank first\nTo: a\n" },
	{ "From a@b Mon Nov 23 18:20:34 2026\nTo: a\n\nFrom x\n", "To: a\r\n",
	    "From x\n" },
	{ "From a@b Mon Nov 23 18:20:34 2026\r\n\r\nbody", "", "body" },
	{ ">From a@b Mon Nov 23\nTo: a\n", "",
	    ">From a@b Mon Nov 23\nTo: a\n" },
	{ "To: a\nFrom a@b Mon Nov 23\nx", "To: a\r\n",
	    "From a@b Mon Nov 23\nx" },
	{ "From: a\n\nx", "From: a\r\n", "x" },
	{ "To: a\n \nx: y\n\nz", "To: a\r\n \r\nx: y\r\n", "z" },
	{ "T\303\266: a\n", "", "T\303\266: a\n" },
};

/* None of these has a dot at the start of a line: both ways are the same. */
START_TEST(parts)
{
	size_t piece, len = strlen(messages[_i].message);
	bool dot_seen;

	for (piece = 1; piece <= 2 * PIECE_MAX; piece++) {
		begin(piece > PIECE_MAX);
		ck_assert_int_eq(take(messages[_i].message, len,
		    1 + piece % PIECE_MAX, &dot_seen), 0);
		ck_assert_str_eq(in.header.data, messages[_i].header);
		ck_assert_str_eq(body.data, messages[_i].body);
		ck_assert(!dot_seen);
		end();
	}
}
END_TEST

static const struct {
	const char *message, *header, *body;
	bool dot_seen;
} dotted[] = {
	{ ".\n", "", "", true },
	{ ".\r\nrest", "", "", true },
	{ "To: a\n.\nCc: b\n\nx\n", "To: a\r\n", "", true },
	{ "To: a\n\nx\n.\ny\n", "To: a\r\n", "x\n", true },
	{ "To: a\r\n\r\nx\r\n.\r\ny\r\n", "To: a\r\n", "x\r\n", true },
	{ "To: a\n\n.\n.\n", "To: a\r\n", "", true },
	{ "To: a\n\n..\n...\n..x\n.y\n", "To: a\r\n", ".\n..\n.x\n.y\n",
	    false },
	{ "To: a\n\nx.\n .\n. \n", "To: a\r\n", "x.\n .\n. \n", false },
	{ "To: a\n\n..\r\n.\r\n", "To: a\r\n", ".\r\n", true },
	{ "..To: a\n\nx", ".To: a\r\n", "x", false },
	{ "no header\n.\nx\n", "", "no header\n", true },
	{ "no header\n..x\n", "", "no header\n.x\n", false },
	{ "\n.\nx", "", "", true },
	{ "To: a\n\nx\n.\rb\n", "To: a\r\n", "x\n.\rb\n", false },
	{ "To: a\n\nx\n.", "To: a\r\n", "x\n", false },
};

START_TEST(dots_end)
{
	size_t piece, len = strlen(dotted[_i].message);
	bool dot_seen;

	for (piece = 1; piece <= PIECE_MAX; piece++) {
		begin(true);
		ck_assert_int_eq(take(dotted[_i].message, len, piece,
		    &dot_seen), 0);
		ck_assert_str_eq(in.header.data, dotted[_i].header);
		ck_assert_str_eq(body.data, dotted[_i].body);
		ck_assert(dot_seen == dotted[_i].dot_seen);
		end();
	}
}
END_TEST

START_TEST(dots_do_not_end)
{
	static const char text[] = "To: a\n\n.\n..\n...x\r\n.\r\n.";
	size_t piece;
	bool dot_seen;

	for (piece = 1; piece <= PIECE_MAX; piece++) {
		begin(false);
		ck_assert_int_eq(take(text, strlen(text), piece, &dot_seen),
		    0);
		ck_assert_str_eq(in.header.data, "To: a\r\n");
		ck_assert_str_eq(body.data, text + 7);
		ck_assert(!dot_seen);
		end();
		begin(false);
		ck_assert_int_eq(take(".\nx", 3, piece, &dot_seen), 0);
		ck_assert_str_eq(body.data, ".\nx");
		ck_assert(!dot_seen);
		end();
	}
}
END_TEST

/* What comes behind the dot is dropped, also in later pieces. */
START_TEST(after_the_dot)
{
	begin(true);
	ck_assert_int_eq(intake_feed(&in, "A: b\n\nx\n.\ny", 11, &body, &e),
	    0);
	ck_assert(in.done);
	ck_assert_int_eq(intake_feed(&in, "z\n", 2, &body, &e), 0);
	ck_assert_int_eq(intake_finish(&in, &body, &e), 0);
	ck_assert_str_eq(body.data, "x\n");
	end();
}
END_TEST

START_TEST(nul)
{
	bool dot_seen;

	begin(true);
	ck_assert_int_eq(take("A: \0b\n\n\0.\n.\0\n", 13, 1, &dot_seen), 0);
	ck_assert_uint_eq(in.header.len, 7);
	ck_assert_mem_eq(in.header.data, "A: \0b\r\n", 7);
	ck_assert_uint_eq(body.len, 6);
	ck_assert_mem_eq(body.data, "\0.\n.\0\n", 6);
	ck_assert(!dot_seen);
	end();
}
END_TEST

START_TEST(transparent)
{
	begin(false);
	ck_assert(!intake_transparent(&in));
	ck_assert_int_eq(intake_feed(&in, "A: b\n", 5, &body, &e), 0);
	ck_assert(!intake_transparent(&in));
	ck_assert_int_eq(intake_feed(&in, "\n", 1, &body, &e), 0);
	ck_assert(intake_transparent(&in));
	end();
	begin(true);
	ck_assert_int_eq(intake_feed(&in, "A: b\n\nx\n", 8, &body, &e), 0);
	ck_assert(!intake_transparent(&in));
	end();
}
END_TEST

/* A header of len bytes, in fields of 64, and a body. */
static void
header_of(struct buf *b, size_t len)
{
	while (b->len + 128 < len)
		buf_adds(b, "X-Field: 3456789012345678901234567890123456789012"
		    "3456789012345\r\n");
	buf_adds(b, "Y: ");
	while (b->len < len - 2)
		buf_addc(b, 'y');
	buf_adds(b, "\r\n\r\nbody\n");
}

START_TEST(header_of_the_most)
{
	struct buf b;
	bool dot_seen;
	size_t piece;

	buf_init(&b, 2 * HEADER_MAX);
	header_of(&b, HEADER_MAX);
	for (piece = 1000; piece < 3 * HEADER_MAX; piece *= 7) {
		begin(true);
		ck_assert_int_eq(take(b.data, b.len, piece, &dot_seen), 0);
		ck_assert_uint_eq(in.header.len, HEADER_MAX);
		ck_assert_str_eq(body.data, "body\n");
		end();
	}
	buf_clear(&b);
	header_of(&b, HEADER_MAX + 1);
	for (piece = 1000; piece < 3 * HEADER_MAX; piece *= 7) {
		begin(true);
		ck_assert_int_eq(take(b.data, b.len, piece, &dot_seen), -1);
		ck_assert_int_eq(e.class, ERR_MESSAGE);
		end();
	}
	buf_release(&b);
}
END_TEST

/* A first line over the header's limit that is no field is body. */
START_TEST(long_first_line)
{
	struct buf b;
	bool dot_seen;
	size_t piece;

	buf_init(&b, 3 * HEADER_MAX);
	while (b.len < 2 * HEADER_MAX)
		buf_adds(&b, "no field ");
	buf_adds(&b, "\n.\n");
	for (piece = 1000; piece < 3 * HEADER_MAX; piece *= 7) {
		begin(true);
		ck_assert_int_eq(take(b.data, b.len, piece, &dot_seen), 0);
		ck_assert_uint_eq(in.header.len, 0);
		ck_assert_uint_eq(body.len, b.len - 2);
		ck_assert(memcmp(body.data, b.data, body.len) == 0);
		ck_assert(dot_seen);
		end();
	}
	buf_release(&b);
}
END_TEST

/* As a field it is too long, however it is cut. */
START_TEST(long_field)
{
	struct buf b;
	bool dot_seen;
	size_t piece;

	buf_init(&b, 3 * HEADER_MAX);
	buf_adds(&b, "A: b\nSubject: ");
	while (b.len < 2 * HEADER_MAX)
		buf_adds(&b, "xxxxxxxx");
	buf_adds(&b, "\n\nbody\n");
	for (piece = 1000; piece < 3 * HEADER_MAX; piece *= 7) {
		begin(false);
		ck_assert_int_eq(take(b.data, b.len, piece, &dot_seen), -1);
		ck_assert_int_eq(e.class, ERR_MESSAGE);
		end();
	}
	buf_release(&b);
}
END_TEST

/* A first line that long loses its dot too, however it is cut. */
START_TEST(long_line_with_dots)
{
	struct buf b;
	bool dot_seen;
	size_t piece;

	buf_init(&b, 3 * HEADER_MAX);
	buf_adds(&b, "A: b\n..no field ");
	while (b.len < 2 * HEADER_MAX)
		buf_adds(&b, "xxxxxxxx");
	for (piece = 1000; piece < 3 * HEADER_MAX; piece *= 7) {
		begin(true);
		ck_assert_int_eq(take(b.data, b.len, piece, &dot_seen), 0);
		ck_assert_msg(body.len == b.len - 6 &&
		    strncmp(body.data, ".no", 3) == 0, "%zu: %.9s", piece,
		    body.data);
		end();
	}
	buf_release(&b);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("intake");
	t = tcase_create("intake");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, parts, 0, COUNT(messages));
	tcase_add_loop_test(t, dots_end, 0, COUNT(dotted));
	tcase_add_test(t, dots_do_not_end);
	tcase_add_test(t, after_the_dot);
	tcase_add_test(t, nul);
	tcase_add_test(t, transparent);
	tcase_add_test(t, header_of_the_most);
	tcase_add_test(t, long_first_line);
	tcase_add_test(t, long_field);
	tcase_add_test(t, long_line_with_dots);
	suite_add_tcase(s, t);
	return run_suite(s);
}
