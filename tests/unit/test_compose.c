/* SPDX-License-Identifier: ISC */
/*
 * The header as it goes out.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/compose.h"
#include "mail/header.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

#define DATE		"Date: Mon, 23 Nov 2026 18:20:34 +0100\r\n"
#define MESSAGE_ID	"Message-ID: <u1@host.example.org>\r\n"

static struct compose_facts facts;
static struct header h;
static struct error e;
static struct buf out;

static void
start(void)
{
	facts.date = "Mon, 23 Nov 2026 18:20:34 +0100";
	facts.from = "alice@example.org";
	facts.full_name = NULL;
	facts.domain = "example.org";
	facts.unique = "u1";
	facts.host = "host.example.org";
	header_init(&h);
	buf_init(&out, HEADER_OUT_MAX);
}

static void
finish(void)
{
	header_release(&h);
	buf_release(&out);
}

static void
parse(const char *text)
{
	header_release(&h);
	header_init(&h);
	ck_assert_msg(header_parse(&h, text, strlen(text), &e) == 0, "%s",
	    e.text);
}

/* Composes text; what goes out is in out. */
static void
compose(const char *text)
{
	parse(text);
	ck_assert_msg(compose_header(&h, &facts, &e) == 0, "%s", e.text);
	buf_clear(&out);
	ck_assert_int_eq(header_write(&h, &out), 0);
}

/* How often a whole field stands in out. */
static size_t
times(const char *field)
{
	const char *s;
	size_t n = 0, len = strlen(field);

	for (s = out.data; (s = strstr(s, field)) != NULL; s += len)
		if (s == out.data || s[-1] == '\n')
			n++;
	return n;
}

static void
has(const char *field)
{
	ck_assert_msg(times(field) == 1, "not once '%s' in '%s'", field,
	    out.data);
}

static void
has_not(const char *name)
{
	ck_assert_msg(!header_has(&h, name), "'%s' in '%s'", name, out.data);
}

START_TEST(all_are_added)
{
	compose("");
	has(DATE);
	has(MESSAGE_ID);
	has("From: alice@example.org\r\n");
	has("To: undisclosed-recipients:;\r\n");
	ck_assert_uint_eq(h.count, 4);
}
END_TEST

/* A From field that names nobody is replaced. */
START_TEST(from_nobody)
{
	static const char *const fields[] = {
		"From: <>\r\n", "From:\r\n", "from:  < >  \r\n",
		"FROM:\r\n <>\r\n"
	};

	compose(fields[_i]);
	has("From: alice@example.org\r\n");
	ck_assert_uint_eq(h.count, 4);
	compose("From: <x>\r\n");
	has("From: <x@example.org>\r\n");
}
END_TEST

/* With nothing missing, every byte stays. */
START_TEST(none_is_added)
{
	static const char whole[] = "Received: by x;\r\n\tnow\r\n"
	    "dAtE : yesterday\r\nFROM:Bob <bob@b.org>\r\n"
	    "message-id:<1@b.org>\r\nX-Odd:   \r\nCC: c@d\r\n"
	    "Subject:  =?utf-8?q?x?=\r\n  y \r\nContent-Type: a/b\r\n";

	compose(whole);
	ck_assert_str_eq(out.data, whole);
}
END_TEST

static const struct {
	const char *present;
	bool undisclosed;
} destinations[] = {
	{ "To: a@b\n", false }, { "Cc: a@b\n", false },
	{ "cc : a@b\n", false }, { "Bcc: a@b\n", true },
	{ "Reply-To: a@b\n", true }, { "Resent-To: a@b\n", false },
	{ "To: a@b\nBcc: c@d\n", false }, { "Resent-Bcc: a@b\n", true },
};

START_TEST(undisclosed)
{
	compose(destinations[_i].present);
	ck_assert_uint_eq(times("To: undisclosed-recipients:;\r\n"),
	    destinations[_i].undisclosed ? 1 : 0);
}
END_TEST

static const char *const removed[] = {
	"Bcc: secret@x\n", "bcc:secret@x\n", "BCC : secret@x\n",
	"bCc\t \t: secret@x\n", "Bcc:\n secret@x\n",
	"Bcc: a@b,\n\tsecret@x,\r\n c@d\n", "Bcc:secret@x\nBcc: secret@x\n",
	"Resent-Bcc: secret@x\n", "resent-BCC :\r\n secret@x\r\n",
	"Return-Path: <secret@x>\n", "return-path : secret\n",
	"Content-Length: 1234\nX-secret-not: x\n", "CONTENT-LENGTH : 1\n",
	"Bcc: (unclosed secret@x\n", "Bcc: \"secret\n",
	"X: y\nBcc: secret\nZ: z\nBcc: secret\n",
};

START_TEST(removals)
{
	compose(removed[_i]);
	has_not("Bcc");
	has_not("Resent-Bcc");
	has_not("Return-Path");
	has_not("Content-Length");
	ck_assert_ptr_null(strstr(out.data, "secret@"));
}
END_TEST

START_TEST(kept_though_alike)
{
	static const char kept[] = "X-Bcc: a\r\nBcc-X: b\r\n"
	    "Content-Length-X: c\r\nReturn-Receipt-To: d\r\n";

	compose(kept);
	ck_assert_ptr_nonnull(strstr(out.data, kept));
}
END_TEST

START_TEST(resent)
{
	compose("Received: by x\nResent-To: a@b\nDate: d\nTo: c@d\n");
	has("Resent-" DATE);
	has("Resent-" MESSAGE_ID);
	has("Resent-From: alice@example.org\r\n");
	has("Date: d\r\n");
	has_not("Message-ID");
	has_not("From");
	ck_assert_uint_eq(h.count, 7);
}
END_TEST

/* What an earlier block has does not count for the latest. */
START_TEST(resent_twice)
{
	static const char blocks[] = "Resent-To: a@b\nReceived: by x\n"
	    "Resent-Date: d\nResent-From: f@g\nResent-Message-ID: <1@g>\n"
	    "Resent-To: h@i\nReceived: by y\nTo: c@d\n";
	size_t first, end, i;
	const char *const fields[] = { "Resent-Date", "Resent-From",
	    "Resent-Message-ID", "Resent-To" };

	compose(blocks);
	has("Resent-" DATE);
	has("Resent-" MESSAGE_ID);
	has("Resent-From: alice@example.org\r\n");
	has("Resent-Date: d\r\n");
	has("Resent-Message-ID: <1@g>\r\n");
	ck_assert(header_resent_block(&h, &first, &end));
	ck_assert_uint_eq(end - first, 4);
	for (i = 0; i < COUNT(fields); i++)
		ck_assert_int_lt(header_find(&h, fields[i], 0), (long)end);
	has_not("Date");
}
END_TEST

START_TEST(resent_complete)
{
	static const char block[] = "Resent-Date: d\r\nResent-From: f@g\r\n"
	    "Resent-To: h@i\r\nResent-Message-ID: <1@g>\r\nTo: c@d\r\n";

	compose(block);
	ck_assert_str_eq(out.data, block);
}
END_TEST

static const struct {
	const char *name, *from;
} names[] = {
	{ "", "From: alice@example.org\r\n" },
	{ "Alice", "From: Alice <alice@example.org>\r\n" },
	{ "Alice B. Carroll",
	    "From: \"Alice B. Carroll\" <alice@example.org>\r\n" },
	{ "say \"a\\b\"",
	    "From: \"say \\\"a\\\\b\\\"\" <alice@example.org>\r\n" },
};

START_TEST(full_name)
{
	facts.full_name = names[_i].name;
	compose("To: a@b\n");
	has(names[_i].from);
}
END_TEST

/* The value of a base64 digit. */
static unsigned int
sextet(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";

	ck_assert(c != '\0' && strchr(digits, c) != NULL);
	return (unsigned int)(strchr(digits, c) - digits);
}

static void
decode_base64(const char *s, const char *end, struct buf *text)
{
	unsigned int bits = 0, n = 0;

	for (; s < end && *s != '='; s++) {
		bits = bits << 6 | sextet(*s);
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_addc(text, (char)(bits >> n & 0xff));
		}
	}
}

static void
decode_quoted(const char *s, const char *end, struct buf *text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; s < end; s++) {
		if (*s != '=') {
			buf_addc(text, *s == '_' ? ' ' : *s);
			continue;
		}
		ck_assert(s + 2 < end);
		buf_addc(text, (char)((strchr(digits, s[1]) - digits) * 16 +
		    (strchr(digits, s[2]) - digits)));
		s += 2;
	}
}

/* Decodes words (RFC 2047), each whole in itself; returns how many. */
static size_t
decode_words(const char *s, struct buf *text)
{
	const char *end;
	size_t n = 0, before;

	while ((s = strstr(s, "=?")) != NULL) {
		ck_assert(str_casestarts(s, "=?utf-8?"));
		end = strstr(s + 10, "?=");
		ck_assert_ptr_nonnull(end);
		ck_assert(end + 2 - s <= 75);
		before = text->len;
		if (ascii_tolower(s[8]) == 'b')
			decode_base64(s + 10, end, text);
		else
			decode_quoted(s + 10, end, text);
		ck_assert(utf8_valid(text->data + before,
		    text->len - before));
		s = end + 2;
		n++;
	}
	return n;
}

START_TEST(full_name_in_words)
{
	static const char name[] = "J\303\274rgen \342\202\254 "
	    "\360\237\230\200 \303\204\303\226\303\234\303\244\303\266\303\274"
	    " von und zu der sehr langen Stra\303\237e im \303\234bergang";
	struct buf text;
	const char *line, *lf;
	char *value;
	long i;

	facts.full_name = name;
	compose("To: a@b\n");
	i = header_find(&h, "From", 0);
	ck_assert_int_ge(i, 0);
	value = header_value(&h, (size_t)i);
	buf_init(&text, 1000);
	ck_assert_uint_gt(decode_words(value, &text), 1);
	ck_assert_str_eq(text.data, name);
	ck_assert_str_eq(value + strlen(value) - 20, " <alice@example.org>");
	for (line = out.data; (lf = strchr(line, '\n')) != NULL; line = lf + 1)
		ck_assert(lf - line <= 79);
	ck_assert(str_is_ascii(out.data));
	buf_release(&text);
	free(value);
}
END_TEST

START_TEST(full_name_refused)
{
	facts.full_name = "a\r\nBcc: b@c";
	parse("");
	ck_assert_int_eq(compose_header(&h, &facts, &e), -1);
	facts.full_name = "a\377";
	parse("");
	ck_assert_int_eq(compose_header(&h, &facts, &e), -1);
}
END_TEST

static const struct {
	const char *in, *out;
} completions[] = {
	{ "From: bob\n", "From: bob@example.org\r\n" },
	{ "Sender: bob\n", "Sender: bob@example.org\r\n" },
	{ "Reply-To: bob, c@d\n", "Reply-To: bob@example.org, c@d\r\n" },
	{ "To: Bob <bob>,\n\tg: x, y@z;\n",
	    "To: Bob <bob@example.org>,\r\n\tg: x@example.org, y@z;\r\n" },
	{ "Cc: bob (the one)\n", "Cc: bob@example.org (the one)\r\n" },
	{ "Resent-To: bob\n", "Resent-To: bob@example.org\r\n" },
	{ "To: (nothing but comment\n", "To: (nothing but comment\r\n" },
	{ "Subject: bob\n", "Subject: bob\r\n" },
	{ "X-To: bob\n", "X-To: bob\r\n" },
	{ "To:\n", "To:\r\n" },
	{ "From: a\nFrom: b\n",
	    "From: a@example.org\r\nFrom: b@example.org\r\n" },
};

START_TEST(completed)
{
	compose(completions[_i].in);
	has(completions[_i].out);
}
END_TEST

static size_t
longest_line(void)
{
	const char *line, *lf;
	size_t longest = 0, n;

	for (line = out.data; (lf = strchr(line, '\n')) != NULL;
	    line = lf + 1) {
		n = (size_t)(lf - 1 - line);
		longest = n > longest ? n : longest;
	}
	return longest;
}

/* A field of n bytes without its line end, of the filler again and again. */
static void
field_of(struct buf *b, const char *name, const char *filler, size_t n)
{
	size_t i;

	buf_clear(b);
	buf_addf(b, "%s: ", name);
	for (i = 0; b->len < n; i++)
		buf_addc(b, filler[i % strlen(filler)]);
	buf_adds(b, "\r\n");
}

START_TEST(folded)
{
	struct buf b;

	buf_init(&b, 100000);
	field_of(&b, "Subject", "word ", 998);
	compose(b.data);
	has(b.data);
	field_of(&b, "Subject", "word ", 999);
	compose(b.data);
	ck_assert_uint_le(longest_line(), 998);
	field_of(&b, "Subject", "word ", 20000);
	compose(b.data);
	ck_assert_uint_le(longest_line(), 998);
	field_of(&b, "To", "abcd@efg.org,", 13 * 1000 + 3);
	compose(b.data);
	ck_assert_uint_le(longest_line(), 998);
	field_of(&b, "X-Long", "x", 998);
	compose(b.data);
	has(b.data);
	field_of(&b, "X-Long", "x", 1200);
	parse(b.data);
	ck_assert_int_eq(compose_header(&h, &facts, &e), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	ck_assert_ptr_nonnull(strstr(e.text, "X-Long"));
	buf_release(&b);
}
END_TEST

static const struct {
	const char *header, *id;	/* NULL: none */
} ids[] = {
	{ "", NULL }, { "To: a\n", NULL }, { "Message-ID: <a@b>\n", "a@b" },
	{ "message-id:<a@b>\n", "a@b" }, { "Message-ID:\r\n <a@b> \n", "a@b" },
	{ "Resent-Message-ID: <c@d>\nMessage-ID: <a@b>\n", "c@d" },
	{ "Resent-Message-ID: <c@d>\nResent-From: x\nReceived: y\n"
	    "Resent-Message-ID: <e@f>\nMessage-ID: <a@b>\n", "c@d" },
};

START_TEST(message_id)
{
	char *id;

	parse(ids[_i].header);
	id = compose_message_id(&h);
	ck_assert_msg(ids[_i].id == NULL ? id == NULL : id != NULL &&
	    strcmp(id, ids[_i].id) == 0, "'%s'", id == NULL ? "" : id);
	free(id);
}
END_TEST

START_TEST(message_id_that_was_added)
{
	char *id;

	compose("To: a@b\n");
	id = compose_message_id(&h);
	ck_assert_str_eq(id, "u1@host.example.org");
	free(id);
}
END_TEST

static TCase *
header_case(void)
{
	TCase *t;

	t = tcase_create("header");
	tcase_add_checked_fixture(t, start, finish);
	tcase_add_test(t, all_are_added);
	tcase_add_loop_test(t, from_nobody, 0, 4);
	tcase_add_test(t, none_is_added);
	tcase_add_loop_test(t, undisclosed, 0, COUNT(destinations));
	tcase_add_loop_test(t, removals, 0, COUNT(removed));
	tcase_add_test(t, kept_though_alike);
	tcase_add_test(t, resent);
	tcase_add_test(t, resent_twice);
	tcase_add_test(t, resent_complete);
	tcase_add_loop_test(t, full_name, 0, COUNT(names));
	tcase_add_test(t, full_name_in_words);
	tcase_add_test(t, full_name_refused);
	tcase_add_loop_test(t, completed, 0, COUNT(completions));
	tcase_add_test(t, folded);
	return t;
}

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("compose");
	suite_add_tcase(s, header_case());
	t = tcase_create("envelope and checks");
	tcase_add_checked_fixture(t, start, finish);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, message_id, 0, COUNT(ids));
	tcase_add_test(t, message_id_that_was_added);
	suite_add_tcase(s, t);
	return run_suite(s);
}
