/* SPDX-License-Identifier: ISC */
/*
 * The recipients that a header names.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "mail/address.h"
#include "mail/compose.h"
#include "mail/envelope.h"
#include "mail/header.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static struct header h;
static struct envelope env;
static struct error e;
static struct buf out;

static void
start(void)
{
	header_init(&h);
	envelope_init(&env);
	buf_init(&out, HEADER_OUT_MAX);
}

static void
finish(void)
{
	header_release(&h);
	envelope_release(&env);
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

static const struct {
	const char *header, *recipients;	/* joined by blanks */
} named[] = {
	{ "", "" },
	{ "Subject: a@b\nX-To: c@d\nFrom: e@f\nReply-To: g@h\n", "" },
	{ "To: a@b\nCc: c@d\nBcc: e@f\n", "a@b c@d e@f" },
	{ "bcc : a@b\nTO:c@d\n", "a@b c@d" },
	{ "To: a@b, c@d\nTo: e@f\nCc: a@B\n", "a@b c@d e@f" },
	{ "To: root\n", "root@example.org" },
	{ "To: Bob <bob>,\n (x (y)) c@d (z),\n g: h@i, j@k;, <@r,@s:l@m>\n",
	    "bob@example.org c@d h@i j@k l@m" },
	{ "To: \"a b\"@c, \"d\"@e, \"f\\\"g\"@h\n",
	    "\"a b\"@c d@e \"f\\\"g\"@h" },
	{ "To: undisclosed-recipients:;\nBcc: a@b\n", "a@b" },
	{ "To: ,, a@b,,\n", "a@b" },
	{ "Resent-To: a@b\nResent-Bcc: c@d\nResent-Cc: e@f\nTo: g@h\n",
	    "a@b c@d e@f" },
	{ "Resent-From: x@y\nTo: g@h\n", "g@h" },
	{ "Resent-To:\nResent-From: x\nTo: g@h\n", "g@h" },
	{ "Resent-To: a@b\nReceived: x\nResent-To: c@d\nTo: e@f\n", "a@b" },
	{ "Resent-To: a@b\nResent-To: c@d\nTo: e@f\n", "a@b" },
	{ "Received: x\nReceived: y\nResent-To: a@b\nTo: e@f\n", "a@b" },
	{ "To: a@[127.0.0.1]\n", "a@[127.0.0.1]" },
};

/* Those that the header names, completed, into the envelope. */
static int
take_recipients(void)
{
	struct address_list l;
	char *address;
	size_t i;
	int rc;

	address_list_init(&l);
	rc = compose_recipients(&h, &l, &e);
	for (i = 0; rc == 0 && i < l.count; i++) {
		address = address_envelope(&l.list[i], "example.org", &e);
		ck_assert_msg(address != NULL, "%s", e.text);
		envelope_add(&env, address);
		free(address);
	}
	address_list_release(&l);
	return rc;
}

static void
add_in_order(struct buf *b)
{
	size_t i;

	for (i = 0; i < env.count; i++)
		buf_addf(b, "%s%s", i == 0 ? "" : " ", env.list[i].address);
}

/* Which are taken, whatever their order; these tables have them sorted so. */
START_TEST(recipients)
{
	size_t i, len = 0;

	parse(named[_i].header);
	ck_assert_msg(take_recipients() == 0, "%s", e.text);
	add_in_order(&out);
	for (i = 0; i < env.count; i++) {
		len += strlen(env.list[i].address) + 1;
		ck_assert_msg(strstr(named[_i].recipients,
		    env.list[i].address) != NULL, "'%s'", out.data);
	}
	ck_assert_msg(len == strlen(named[_i].recipients) +
	    (env.count > 0 ? 1 : 0), "'%s'", out.data);
}
END_TEST

static const char *const unnamed[] = {
	"To: a b c\n", "Cc: <a@b\n", "Bcc: (x\n", "To: a@b@c\n", "To: @\n",
	"Resent-To: a@\n", "To: <>\n", "Bcc: \"a\n", "To: a@b c@d\n",
};

START_TEST(recipients_refused)
{
	const char *colon = strchr(unnamed[_i], ':');
	char *name;

	parse(unnamed[_i]);
	ck_assert_int_eq(take_recipients(), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	name = strndup(unnamed[_i], (size_t)(colon - unnamed[_i]));
	ck_assert_msg(strstr(e.text, name) != NULL, "%s", e.text);
	free(name);
}
END_TEST

START_TEST(ten_thousand)
{
	struct buf b;
	size_t i;

	buf_init(&b, HEADER_MAX);
	buf_adds(&b, "To: first@b");
	for (i = 0; i < 20000; i++)
		buf_addf(&b, ",\n user%zu@example.org", i % 10000);
	parse(b.data);
	ck_assert_int_eq(take_recipients(), 0);
	ck_assert_uint_eq(env.count, 10001);
	ck_assert_str_eq(env.list[10000].address, "user9999@example.org");
	buf_release(&b);
}
END_TEST

/* Two fields of more than half of what a list can have. */
START_TEST(a_limit_for_each_field)
{
	size_t i, n = ADDRESS_LIST_MAX / 2 + 10;
	struct address_list l;
	struct buf b;

	buf_init(&b, HEADER_MAX);
	buf_adds(&b, "To: a");
	for (i = 1; i < n; i++)
		buf_adds(&b, ",a");
	buf_adds(&b, "\nCc: a");
	for (i = 1; i < n; i++)
		buf_adds(&b, ",b");
	buf_adds(&b, "\n");
	parse(b.data);
	address_list_init(&l);
	ck_assert_msg(compose_recipients(&h, &l, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(l.count, 2 * n);
	ck_assert_str_eq(l.list[0].local, "a");
	ck_assert_str_eq(l.list[2 * n - 1].local, "b");
	address_list_release(&l);
	buf_release(&b);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("named");
	t = tcase_create("named");
	tcase_add_checked_fixture(t, start, finish);
	tcase_add_loop_test(t, recipients, 0, COUNT(named));
	tcase_add_loop_test(t, recipients_refused, 0, COUNT(unnamed));
	tcase_add_test(t, ten_thousand);
	tcase_add_test(t, a_limit_for_each_field);
	suite_add_tcase(s, t);
	return run_suite(s);
}
