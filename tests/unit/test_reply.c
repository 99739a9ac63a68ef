/* SPDX-License-Identifier: ISC */
/*
 * Replies: what is one, where it ends, what passes the limits, and that it
 * does not matter how the bytes are cut.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "runner.h"
#include "smtp/reply.h"

static const struct {
	const char *bytes;
	int code;		/* 0: a breach; -1: more is needed */
	const char *enhanced;
	const char *text;
	const char *shown;
} replies[] = {
	{ "250 ok\r\n", 250, "", "ok", "ok" },
	{ "250 ok\n", 250, "", "ok", "ok" },
	{ "250\r\n", 250, "", "", "" },
	{ "250 \r\n", 250, "", "", "" },
	{ "599 x\r\n", 599, "", "x", "x" },
	{ "250-a\r\n250 b\r\n", 250, "", "a\nb", "a b" },
	{ "250-a\n250-\n250 b\n", 250, "", "a\n\nb", "a b" },
	{ "550-5.7.1 no\r\n550 5.7.1 never\r\n", 550, "5.7.1",
	    "5.7.1 no\n5.7.1 never", "no never" },
	{ "550 5.7.999 x\r\n", 550, "5.7.999", "5.7.999 x", "x" },
	{ "550 4.7.1 other class\r\n", 550, "", "4.7.1 other class",
	    "4.7.1 other class" },
	{ "550 5.7.1x\r\n", 550, "", "5.7.1x", "5.7.1x" },
	{ "550 5.7.1000 x\r\n", 550, "", "5.7.1000 x", "5.7.1000 x" },
	{ "220 a\033[1m\r\n", 220, "", "a\033[1m", "a\033[1m" },
	{ "250-a\r\n", -1, "", "", "" },
	{ "250 a", -1, "", "", "" },
	{ "25", -1, "", "", "" },
	{ "", -1, "", "", "" },
	{ "SSH-2.0", 0, "", "", "" },
	{ "\r\n", 0, "", "", "" },
	{ "1", 0, "", "", "" },
	{ "6", 0, "", "", "" },
	{ "0", 0, "", "", "" },
	{ "2x", 0, "", "", "" },
	{ "25\r", 0, "", "", "" },
	{ "2200", 0, "", "", "" },
	{ "250x", 0, "", "", "" },
	{ "999999", 0, "", "", "" },
	{ "250-a\r\n550 b\r\n", 0, "", "", "" },
};

#define REPLIES	(sizeof replies / sizeof *replies)

/* Feeds in portions; what the last call gave, and how much was used. */
static int
feed(struct reply *r, const char *s, size_t len, size_t cut, size_t *used,
    struct error *e)
{
	size_t n, part;
	int rc = 0;

	for (*used = 0; *used < len && rc == 0; *used += n) {
		part = len - *used < cut ? len - *used : cut;
		rc = reply_feed(r, s + *used, part, &n, e);
		ck_assert_uint_le(n, part);
		if (rc == 0)
			ck_assert_uint_eq(n, part);
	}
	return rc;
}

START_TEST(reply)
{
	const char *bytes = replies[_i].bytes;
	size_t cut, used, len = strlen(bytes);
	struct buf shown;
	struct reply r;
	struct error e;
	int rc;

	for (cut = 1; cut <= len + 1; cut++) {
		reply_init(&r);
		rc = feed(&r, bytes, len, cut, &used, &e);
		ck_assert_int_eq(rc, replies[_i].code > 0 ? 1 :
		    replies[_i].code < 0 ? 0 : -1);
		if (rc == -1)
			ck_assert_int_eq(e.class, ERR_PROTOCOL);
		if (rc == 1) {
			buf_init(&shown, REPLY_MAX);
			reply_show(&r, &shown);
			ck_assert_int_eq(r.code, replies[_i].code);
			ck_assert_str_eq(r.enhanced, replies[_i].enhanced);
			ck_assert_str_eq(r.text.data, replies[_i].text);
			ck_assert_str_eq(shown.data, replies[_i].shown);
			ck_assert_uint_eq(used, len);
			buf_release(&shown);
		}
		reply_release(&r);
	}
}
END_TEST

/* What stands behind a reply is the next one's. */
START_TEST(one_at_a_time)
{
	const char two[] = "250 a\r\n550 5.1.1 b\r\n";
	struct reply r;
	struct error e;
	size_t used;

	reply_init(&r);
	ck_assert_int_eq(reply_feed(&r, two, sizeof two - 1, &used, &e), 1);
	ck_assert_uint_eq(used, 7);
	reply_clear(&r);
	ck_assert_int_eq(reply_feed(&r, two + 7, sizeof two - 8, &used, &e),
	    1);
	ck_assert_int_eq(r.code, 550);
	ck_assert_str_eq(r.enhanced, "5.1.1");
	ck_assert_str_eq(r.text.data, "5.1.1 b");
	reply_release(&r);
}
END_TEST

START_TEST(nul_in_text)
{
	const char bytes[] = "220 a\0b\r\n";
	struct reply r;
	struct error e;
	size_t used;

	reply_init(&r);
	ck_assert_int_eq(reply_feed(&r, bytes, sizeof bytes - 1, &used, &e),
	    1);
	ck_assert_uint_eq(r.text.len, 3);
	ck_assert_int_eq(memcmp(r.text.data, "a\0b", 3), 0);
	reply_release(&r);
}
END_TEST

/* A line of 4,096 bytes with its end passes, one more does not. */
START_TEST(line_limit)
{
	struct reply r;
	struct error e;
	char *line;
	size_t used, len;

	line = xmalloc(REPLY_LINE_MAX + 2);
	for (len = REPLY_LINE_MAX; len <= REPLY_LINE_MAX + 1; len++) {
		memset(line, 'x', len);
		memcpy(line, "250 ", 4);
		memcpy(line + len - 2, "\r\n", 2);
		reply_init(&r);
		ck_assert_int_eq(reply_feed(&r, line, len, &used, &e),
		    len == REPLY_LINE_MAX ? 1 : -1);
		reply_release(&r);
	}
	ck_assert_int_eq(e.class, ERR_PROTOCOL);
	free(line);
}
END_TEST

/* 128 lines pass, one more does not. */
START_TEST(lines_limit)
{
	struct reply r;
	struct error e;
	size_t used;
	int i, n, rc = 0;

	for (n = REPLY_LINES_MAX; n <= REPLY_LINES_MAX + 1; n++) {
		reply_init(&r);
		for (i = 1; i < n && rc == 0; i++)
			rc = reply_feed(&r, "250-x\r\n", 7, &used, &e);
		if (rc == 0)
			rc = reply_feed(&r, "250 x\r\n", 7, &used, &e);
		ck_assert_int_eq(rc, n == REPLY_LINES_MAX ? 1 : -1);
		rc = 0;
		reply_release(&r);
	}
	ck_assert_int_eq(e.class, ERR_PROTOCOL);
}
END_TEST

START_TEST(total_limit)
{
	struct reply r;
	struct error e;
	size_t used, total = 0;
	char line[1024];
	int rc = 0;

	memset(line, 'x', sizeof line);
	memcpy(line, "250-", 4);
	memcpy(line + sizeof line - 2, "\r\n", 2);
	reply_init(&r);
	while (rc == 0) {
		rc = reply_feed(&r, line, sizeof line, &used, &e);
		total += used;
	}
	ck_assert_int_eq(rc, -1);
	ck_assert_int_eq(e.class, ERR_PROTOCOL);
	ck_assert_uint_eq(total, REPLY_MAX + 1);
	reply_release(&r);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("reply");
	t = tcase_create("reply");
	tcase_add_loop_test(t, reply, 0, REPLIES);
	tcase_add_test(t, one_at_a_time);
	tcase_add_test(t, nul_in_text);
	tcase_add_test(t, line_limit);
	tcase_add_test(t, lines_limit);
	tcase_add_test(t, total_limit);
	suite_add_tcase(s, t);
	return run_suite(s);
}
