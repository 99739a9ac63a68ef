/* SPDX-License-Identifier: ISC */
/*
 * Header fields: taken apart, found, removed, added, completed, folded.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/header.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static void
parse(struct header *h, const char *text)
{
	struct error e;
	int rc;

	header_init(h);
	rc = header_parse(h, text, strlen(text), &e);
	ck_assert_msg(rc == 0, "%s", e.text);
}

/* What the header writes; owned. */
static char *
written(const struct header *h)
{
	struct buf out;

	buf_init(&out, HEADER_OUT_MAX);
	ck_assert_int_eq(header_write(h, &out), 0);
	return buf_steal(&out);
}

static void
assert_written(const struct header *h, const char *expect)
{
	char *s;

	s = written(h);
	/* Check aborts on a message that is as long as some of these. */
	ck_assert_msg(strcmp(s, expect) == 0, "'%.500s' is not '%.500s'", s,
	    expect);
	free(s);
}

static void
repeat(struct buf *b, const char *s, size_t n)
{
	while (n-- > 0)
		buf_adds(b, s);
}

static const struct {
	const char *line;
	size_t length;
} names[] = {
	{ "To: a", 2 }, { "To:", 2 }, { "To \t : a", 2 }, { "X-!#~:", 5 },
	{ "", 0 }, { ":", 0 }, { " To: a", 0 }, { "To", 0 }, { "To a: b", 0 },
	{ "T\303\266: a", 0 }, { "T\177: a", 0 }, { "To\r: a", 0 },
	{ "From a@b Mon Nov 23 18:20:34 2026", 0 }, { "a:b:c", 1 },
};

START_TEST(name_length)
{
	ck_assert_uint_eq(header_name_length(names[_i].line,
	    strlen(names[_i].line)), names[_i].length);
}
END_TEST

START_TEST(name_length_keeps_to_len)
{
	ck_assert_uint_eq(header_name_length("To: a", 2), 0);
	ck_assert_uint_eq(header_name_length("To: a", 3), 2);
	ck_assert_uint_eq(header_name_length("To : a", 3), 0);
}
END_TEST

START_TEST(parse_line_ends)
{
	struct header h;

	parse(&h, "A: 1\nB : 2\r\n\tx\n y\nC:\n \r\nD: 4");
	ck_assert_uint_eq(h.count, 4);
	assert_written(&h, "A: 1\r\nB : 2\r\n\tx\r\n y\r\nC:\r\n \r\n"
	    "D: 4\r\n");
	ck_assert_uint_eq(h.fields[1].name_len, 1);
	ck_assert_uint_eq(h.fields[1].value, 3);
	ck_assert_uint_eq(h.fields[1].len, strlen("B : 2\r\n\tx\r\n y\r\n"));
	header_release(&h);
	parse(&h, "");
	ck_assert_uint_eq(h.count, 0);
	header_release(&h);
}
END_TEST

static const struct {
	const char *text;
	size_t len;
	const char *quoted;
} unparsed[] = {
	{ "A: 1\nSubject: a\0b\n", 18, "'Subject' has a NUL" },
	{ "A: 1\nSubject: x\n a\0b\n", 21, "'Subject' has a NUL" },
	{ "Subject: a\rb\n", 13, "'Subject' has a CR" },
	{ "Subject: a\r\r\n", 13, "'Subject' has a CR" },
	{ "Subject: a\r", 11, "'Subject' has a CR" },
	{ "Subject:\n a\r b\n", 15, "'Subject' has a CR" },
	{ " folded\n", 8, "' folded'" },
	{ "A: 1\n\nB: 2\n", 11, "''" },
	{ "A: 1\nno field\n", 14, "'no field'" },
	{ "A\0: 1\n", 6, "'A'" },
};

START_TEST(parse_refuses)
{
	struct header h;
	struct error e;

	header_init(&h);
	ck_assert_int_eq(header_parse(&h, unparsed[_i].text,
	    unparsed[_i].len, &e), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	ck_assert_msg(strstr(e.text, unparsed[_i].quoted) != NULL, "%s",
	    e.text);
	header_release(&h);
}
END_TEST

START_TEST(parse_counts_fields)
{
	struct header h;
	struct error e;
	struct buf text;
	size_t i;

	buf_init(&text, HEADER_MAX);
	for (i = 0; i < HEADER_FIELDS_MAX; i++)
		buf_adds(&text, "a:\n");
	header_init(&h);
	ck_assert_int_eq(header_parse(&h, text.data, text.len, &e), 0);
	ck_assert_uint_eq(h.count, HEADER_FIELDS_MAX);
	header_release(&h);
	buf_adds(&text, "a:\n");
	header_init(&h);
	ck_assert_int_eq(header_parse(&h, text.data, text.len, &e), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	ck_assert_ptr_nonnull(strstr(e.text, "more than 65536 fields"));
	header_release(&h);
	buf_release(&text);
}
END_TEST

START_TEST(find)
{
	struct header h;

	parse(&h, "To: a\nbCC :b\nTo:c\nTopic: d\n");
	ck_assert_int_eq(header_find(&h, "to", 0), 0);
	ck_assert_int_eq(header_find(&h, "TO", 1), 2);
	ck_assert_int_eq(header_find(&h, "to", 3), -1);
	ck_assert_int_eq(header_find(&h, "To", 99), -1);
	ck_assert_int_eq(header_find(&h, "Bcc", 0), 1);
	ck_assert(header_is(&h.fields[1], "Bcc"));
	ck_assert(!header_is(&h.fields[3], "To"));
	ck_assert(header_has(&h, "topic"));
	ck_assert(!header_has(&h, "Cc"));
	header_release(&h);
}
END_TEST

START_TEST(remove_all)
{
	struct header h;

	parse(&h, "Bcc: a\nTo: x\nbcc\t: b,\n c\nBccx: d\nBCC:e\n");
	ck_assert_uint_eq(header_remove(&h, "Bcc"), 3);
	assert_written(&h, "To: x\r\nBccx: d\r\n");
	ck_assert_uint_eq(header_remove(&h, "Bcc"), 0);
	ck_assert_uint_eq(header_remove(&h, "To"), 1);
	ck_assert_uint_eq(header_remove(&h, "Bccx"), 1);
	ck_assert_uint_eq(h.count, 0);
	header_release(&h);
}
END_TEST

START_TEST(insert)
{
	struct header h;
	struct error e;

	parse(&h, "A: 1\nB: 2\n");
	ck_assert_int_eq(header_insert(&h, 0, "X", "0", &e), 0);
	ck_assert_int_eq(header_insert(&h, 2, "Y", "a\r\n b\r\n\tc", &e), 0);
	ck_assert_int_eq(header_insert(&h, h.count, "Z", "", &e), 0);
	assert_written(&h, "X: 0\r\nA: 1\r\nY: a\r\n b\r\n\tc\r\nB: 2\r\n"
	    "Z: \r\n");
	ck_assert_uint_eq(h.fields[2].value, 2);
	ck_assert(header_has(&h, "y"));
	header_release(&h);
}
END_TEST

static const char *const bad_values[] = {
	"a\r\nBcc: x", "a\nb", "a\n b", "a\rb", "a\r b", "a\r\n", "\r\n",
	"a\r\n\r\n b", "a\r\n \r\nb", "a\n", "a\r"
};

START_TEST(insert_refuses_value)
{
	struct header h;
	struct error e;

	parse(&h, "A: 1\n");
	ck_assert_int_eq(header_insert(&h, 0, "To", bad_values[_i], &e), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	ck_assert_ptr_nonnull(strstr(e.text, "'To'"));
	ck_assert_uint_eq(h.count, 1);
	header_release(&h);
}
END_TEST

START_TEST(insert_refuses_name)
{
	static const char *const bad[] = {
		"", "A B", "A:", "A\r\nB", "\303\266", "A "
	};
	struct header h;
	struct error e;
	size_t i;

	header_init(&h);
	for (i = 0; i < COUNT(bad); i++)
		ck_assert_int_eq(header_insert(&h, 0, bad[i], "x", &e), -1);
	header_release(&h);
}
END_TEST

START_TEST(addresses)
{
	struct address_list l;
	struct header h;
	struct error e;

	parse(&h, "To: a@b,\n\tg: C <c@d>, root; (x\n y)\nCc:\nBcc: a@b@c\n");
	address_list_init(&l);
	ck_assert_int_eq(header_addresses(&h, 0, &l, &e), 0);
	ck_assert_int_eq(header_addresses(&h, 1, &l, &e), 0);
	ck_assert_uint_eq(l.count, 3);
	ck_assert_str_eq(l.list[2].local, "root");
	ck_assert_int_eq(header_addresses(&h, 2, &l, &e), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	ck_assert_ptr_nonnull(strstr(e.text, "'Bcc'"));
	ck_assert_ptr_nonnull(strstr(e.text, "a@b@c"));
	address_list_release(&l);
	header_release(&h);
}
END_TEST

/* With "x.org"; NULL: unchanged. */
static const struct {
	const char *text;
	const char *expect;
} completions[] = {
	{ "To: root\r\n", "To: root@x.org\r\n" },
	{ "To:root\r\n", "To:root@x.org\r\n" },
	{ "To : a, b@c, d\r\n", "To : a@x.org, b@c, d@x.org\r\n" },
	{ "To: \"r t\" (c)\r\n", "To: \"r t\"@x.org (c)\r\n" },
	{ "To: (c) a . b (d)\r\n", "To: (c) a . b@x.org (d)\r\n" },
	{ "To: Bob <root>\r\n", "To: Bob <root@x.org>\r\n" },
	{ "To: < (a) root (b) >\r\n", "To: < (a) root@x.org (b) >\r\n" },
	{ "To: <@a,@b:root>\r\n", "To: <@a,@b:root@x.org>\r\n" },
	{ "To: g: a,\r\n\tb@c,,\r\n d ;, e\r\n",
	    "To: g: a@x.org,\r\n\tb@c,,\r\n d@x.org ;, e@x.org\r\n" },
	{ "To:\r\n root\r\n", "To:\r\n root@x.org\r\n" },
	{ "From: Doe, John <j@y>\r\n", "From: Doe@x.org, John <j@y>\r\n" },
	{ "To: a@b, C <c@d>\r\n", NULL },
	{ "To: undisclosed-recipients:;\r\n", NULL },
	{ "To: root, a@b@c\r\n", NULL },
	{ "To: root (\r\n", NULL },
	{ "To:\r\n", NULL },
	{ "To: caf\351 <a@b>, (\303\266) x\r\n",
	    "To: caf\351 <a@b>, (\303\266) x@x.org\r\n" },
};

START_TEST(complete)
{
	struct header h;

	parse(&h, completions[_i].text);
	header_complete(&h, 0, "x.org");
	assert_written(&h, completions[_i].expect != NULL ?
	    completions[_i].expect : completions[_i].text);
	header_complete(&h, 0, "other");
	assert_written(&h, completions[_i].expect != NULL ?
	    completions[_i].expect : completions[_i].text);
	header_release(&h);
}
END_TEST

START_TEST(complete_keeps_to_the_maximum)
{
	struct header h;
	struct buf b, domain;

	buf_init(&b, HEADER_MAX);
	buf_init(&domain, 200);
	buf_adds(&b, "To: ");
	repeat(&b, "a,", 40000);
	buf_adds(&b, "a\r\n");
	repeat(&domain, "a.", 60);
	parse(&h, b.data);
	header_complete(&h, 0, domain.data);
	assert_written(&h, b.data);
	header_complete(&h, 0, "x.org");
	ck_assert_uint_eq(h.fields[0].len, b.len + 40001 * 6);
	header_release(&h);
	buf_release(&b);
	buf_release(&domain);
}
END_TEST

static const struct {
	const char *text;
	long first;
	size_t end;
} blocks[] = {
	{ "From: a\nTo: b\n", -1, 0 },
	{ "", -1, 0 },
	{ "Resent: a\nResent-: b\n", -1, 0 },
	{ "Resent-To: a\nResent-From: b\nTo: c\n", 0, 2 },
	{ "Received: x\nResent-To: a\n", 1, 2 },
	{ "Received: x\nresent-to : a\nRESENT-CC: b\nResent-Date: c\n"
	    "Resent-To: d\n", 1, 4 },
	{ "Resent-To: a\nReceived: x\nResent-From: b\n", 0, 1 },
	{ "Resent-To: a\nResent-X: x\nResent-X: y\nResent-Bcc: b\n"
	    "Resent-X: z\nResent-bcc: c\n", 0, 5 },
};

START_TEST(resent_block)
{
	struct header h;
	size_t first, end;
	bool there;

	parse(&h, blocks[_i].text);
	there = header_resent_block(&h, &first, &end);
	ck_assert_int_eq(there, blocks[_i].first != -1);
	if (there) {
		ck_assert_uint_eq(first, (size_t)blocks[_i].first);
		ck_assert_uint_eq(end, blocks[_i].end);
	}
	header_release(&h);
}
END_TEST

/* A field made of head, count times unit, and tail. */
static const struct {
	const char *head;
	const char *unit;
	size_t count;
	const char *tail;
	int rc;
} folds[] = {
	{ "Subject: ", "x", 989, "\r\n", 0 },
	{ "Subject: ", "x", 990, "\r\n", 0 },
	{ "Subject: ", "x", 997, "\r\n", 0 },
	{ "Subject: ", "x", 998, "\r\n", -1 },
	{ "Subject:", "x", 991, "\r\n", -1 },
	{ "Subject: ", "word ", 1000, "end\r\n", 0 },
	{ "Subject: ", "word\t", 1000, "end\r\n", 0 },
	{ "Subject: ", "a,b", 1000, "\r\n", -1 },
	{ "Subject: ", "(a\\ \")", 1000, "\r\n", 0 },
	{ "Subject: a\r\n ", "word ", 1000, "\r\n\tend\r\n", 0 },
	{ "Subject: ", " ", 980, "x\r\n", 0 },
	{ "Subject: ", " ", 1500, "x\r\n", 0 },
	{ "Subject: x", " ", 1900, "x\r\n", 0 },
	{ "Subject: x", " ", 3000, "x\r\n", -1 },
	{ "Subject: x", " ", 1000, "\r\n", -1 },
	{ "Subject:", " ", 1000, "\r\n", -1 },
	{ "Subject: a\r\n", " ", 1000, "\r\n", -1 },
	{ "To: ", "a@b,", 1000, "c@d\r\n", 0 },
	{ "resent-CC : ", "a@b,", 1000, "\r\n", 0 },
	{ "To: ", "\"a,b\"@c.d,", 1000, "\r\n", 0 },
	{ "To: (", "a,", 1000, ") b\r\n", -1 },
	{ "To: \"", "a,", 1000, "\"@b\r\n", -1 },
	{ "To: \"", "a\\ ", 1000, "\"@b\r\n", -1 },
	{ "To: \"", "a\\\\ ", 1000, "\"@b\r\n", 0 },
	{ "To: \"", "a\\\",", 1000, "\"@b\r\n", -1 },
	{ "To: ((\\(", "a) b(", 1000, ")), c@d\r\n", 0 },
	{ "To: ", ",", 3000, "\r\n", 0 },
	{ "To: (\r\n ", "a,", 600, ")\r\n", -1 },
	{ "To: (\r\n )", "a,", 600, "\r\n", 0 },
	{ "X-To: ", "a@b,", 1000, "c@d\r\n", -1 },
	{ "X:", "\303\266 ", 1000, "\r\n", 0 },
};

static void
assert_lines(const char *s)
{
	const char *lf;

	for (; *s != '\0'; s = lf + 1) {
		lf = strchr(s, '\n');
		ck_assert_ptr_nonnull(lf);
		ck_assert_int_eq(lf[-1], '\r');
		ck_assert_int_le(lf - 1 - s, 998);
	}
}

/* Line ends are gone, and so is a space behind a comma that has one there. */
static char *
unfolded(const char *s, bool commas)
{
	struct buf out;

	buf_init(&out, HEADER_OUT_MAX);
	for (; *s != '\0'; s++) {
		if (commas && str_starts(s, ",\r\n ") && s[4] != ' ') {
			buf_addc(&out, ',');
			s += 3;
		} else if (*s != '\r' && *s != '\n')
			buf_addc(&out, *s);
	}
	return buf_steal(&out);
}

START_TEST(fold)
{
	struct header h;
	struct error e;
	struct buf b;
	char *before, *after, *out;
	bool commas;

	buf_init(&b, HEADER_MAX);
	buf_adds(&b, folds[_i].head);
	repeat(&b, folds[_i].unit, folds[_i].count);
	buf_adds(&b, folds[_i].tail);
	parse(&h, b.data);
	ck_assert_int_eq(header_fold(&h, &e), folds[_i].rc);
	out = written(&h);
	if (folds[_i].rc == 0) {
		commas = !str_starts(folds[_i].head, "Subject");
		assert_lines(out);
		before = unfolded(b.data, commas);
		after = unfolded(out, commas);
		ck_assert(strcmp(before, after) == 0);
		free(before);
		free(after);
	} else {
		ck_assert_int_eq(e.class, ERR_MESSAGE);
		ck_assert_ptr_nonnull(strstr(e.text, "header field '"));
		ck_assert(strcmp(out, b.data) == 0);
	}
	free(out);
	header_release(&h);
	buf_release(&b);
}
END_TEST

/* Lines as long as may be, and none that needs no fold is touched. */
START_TEST(fold_aims_at_998)
{
	struct header h;
	struct error e;
	struct buf b, expect;

	buf_init(&b, HEADER_MAX);
	buf_init(&expect, HEADER_MAX);
	buf_adds(&b, "A: b c\r\n d\r\nX: a ");
	repeat(&b, "x", 993);
	buf_adds(&b, " y ");
	repeat(&b, "z", 995);
	buf_adds(&b, " end\r\nTo: \"");
	repeat(&b, "t", 991);
	buf_adds(&b, "\",u\r\n");
	parse(&h, b.data);
	ck_assert_int_eq(header_fold(&h, &e), 0);
	buf_adds(&expect, "A: b c\r\n d\r\nX: a ");
	repeat(&expect, "x", 993);
	buf_adds(&expect, "\r\n y ");
	repeat(&expect, "z", 995);
	buf_adds(&expect, "\r\n end\r\nTo: \"");
	repeat(&expect, "t", 991);
	buf_adds(&expect, "\",\r\n u\r\n");
	assert_written(&h, expect.data);
	header_release(&h);
	buf_release(&b);
	buf_release(&expect);
}
END_TEST

START_TEST(fold_keeps_the_addresses)
{
	struct address_list l;
	struct header h;
	struct error e;
	struct buf b;

	buf_init(&b, HEADER_MAX);
	buf_adds(&b, "To:");
	repeat(&b, "\"x,\\\" y\" <\"a\\ b\"@c>(,z),", 5000);
	buf_adds(&b, "\r\n");
	parse(&h, b.data);
	ck_assert_int_eq(header_fold(&h, &e), 0);
	address_list_init(&l);
	ck_assert_int_eq(header_addresses(&h, 0, &l, &e), 0);
	ck_assert_uint_eq(l.count, 5000);
	address_list_release(&l);
	header_release(&h);
	buf_release(&b);
}
END_TEST

START_TEST(write_keeps_to_the_maximum)
{
	struct header h;
	struct buf out;

	parse(&h, "A: 1\nB: 2\n");
	buf_init(&out, 11);
	ck_assert_int_eq(header_write(&h, &out), -1);
	buf_release(&out);
	buf_init(&out, 12);
	ck_assert_int_eq(header_write(&h, &out), 0);
	buf_release(&out);
	header_release(&h);
}
END_TEST

static const struct {
	const char *text;
	const char *expect;
} values[] = {
	{ "A: b\r\n", "b" }, { "A:b\r\n", "b" }, { "A:\r\n", "" },
	{ "A: \r\n \t\r\n", "" }, { "A :  b  c \r\n", "b  c" },
	{ "A:\r\n b\r\n\tc\r\n", "b\tc" }, { "A: b\n c\n  d\n", "b c  d" },
	{ "A: \303\266\351\n", "\303\266\351" }, { "A: b: c\n", "b: c" },
};

START_TEST(value)
{
	struct header h;
	char *s;

	parse(&h, values[_i].text);
	s = header_value(&h, 0);
	ck_assert_str_eq(s, values[_i].expect);
	free(s);
	header_release(&h);
}
END_TEST

START_TEST(large)
{
	struct header h;
	struct error e;
	struct buf b;
	size_t i;

	buf_init(&b, HEADER_MAX);
	for (i = 0; i < 10000; i++)
		buf_addf(&b, "%s-%zu: %zu\n", i % 2 ? "X" : "Resent", i, i);
	repeat(&b, "Bcc: a\n", 10000);
	buf_adds(&b, "Subject: x");
	repeat(&b, " ", 900);
	repeat(&b, " word", 100000);
	buf_adds(&b, "\nA:\n");
	repeat(&b, " x\n", 50000);
	parse(&h, b.data);
	ck_assert_uint_eq(h.count, 20002);
	ck_assert_uint_eq(header_remove(&h, "bcc"), 10000);
	ck_assert_int_eq(header_fold(&h, &e), 0);
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(header_insert(&h, 0, "Y", "z", &e), 0);
	ck_assert_uint_eq(h.count, 11002);
	ck_assert_int_eq(header_find(&h, "X-9999", 0), 10999);
	header_release(&h);
	buf_release(&b);
}
END_TEST

static TCase *
fields_case(void)
{
	TCase *t;

	t = tcase_create("fields");
	tcase_add_loop_test(t, name_length, 0, COUNT(names));
	tcase_add_test(t, name_length_keeps_to_len);
	tcase_add_test(t, parse_line_ends);
	tcase_add_loop_test(t, parse_refuses, 0, COUNT(unparsed));
	tcase_add_test(t, parse_counts_fields);
	tcase_add_test(t, find);
	tcase_add_test(t, remove_all);
	tcase_add_test(t, insert);
	tcase_add_loop_test(t, insert_refuses_value, 0, COUNT(bad_values));
	tcase_add_test(t, insert_refuses_name);
	tcase_add_loop_test(t, resent_block, 0, COUNT(blocks));
	tcase_add_test(t, write_keeps_to_the_maximum);
	tcase_add_loop_test(t, value, 0, COUNT(values));
	return t;
}

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("header");
	suite_add_tcase(s, fields_case());
	t = tcase_create("content");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, addresses);
	tcase_add_loop_test(t, complete, 0, COUNT(completions));
	tcase_add_test(t, complete_keeps_to_the_maximum);
	tcase_add_loop_test(t, fold, 0, COUNT(folds));
	tcase_add_test(t, fold_aims_at_998);
	tcase_add_test(t, fold_keeps_the_addresses);
	tcase_add_test(t, large);
	suite_add_tcase(s, t);
	return run_suite(s);
}
