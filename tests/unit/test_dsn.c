/* SPDX-License-Identifier: ISC */
/*
 * Notifications: words that are understood, parameters that are written.
 */
#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "mail/dsn.h"
#include "mail/envelope.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static struct buf out;

static void
start(void)
{
	buf_init(&out, 4096);
}

static void
finish(void)
{
	buf_release(&out);
}

static const struct {
	const char *text;
	unsigned notify;	/* 0: refused */
} words[] = {
	{ "never", DSN_NEVER }, { "NEVER", DSN_NEVER },
	{ "never,never", DSN_NEVER }, { "success", DSN_SUCCESS },
	{ "Failure", DSN_FAILURE }, { "delay,failure,success", DSN_DELAY |
	    DSN_FAILURE | DSN_SUCCESS },
	{ "success,success", DSN_SUCCESS },
	{ " success ,\tdelay", DSN_SUCCESS | DSN_DELAY },
	{ "", 0 }, { ",", 0 }, { "success,", 0 }, { ",success", 0 },
	{ "success,,delay", 0 }, { "never,delay", 0 }, { "delay,never", 0 },
	{ "success delay", 0 }, { "successes", 0 }, { "succes", 0 },
	{ "always", 0 },
};

START_TEST(notify_words)
{
	unsigned notify = 99;
	struct error e;
	int rc;

	rc = dsn_parse_notify(words[_i].text, &notify, &e);
	if (words[_i].notify != 0) {
		ck_assert_int_eq(rc, 0);
		ck_assert_uint_eq(notify, words[_i].notify);
		return;
	}
	ck_assert_int_eq(rc, -1);
	ck_assert_int_eq(e.class, ERR_USAGE);
	ck_assert_uint_eq(notify, 99);
}
END_TEST

START_TEST(return_words)
{
	enum dsn_return ret = DSN_RETURN_UNSAID;
	struct error e;

	ck_assert_int_eq(dsn_parse_return("Full", &ret, &e), 0);
	ck_assert_int_eq(ret, DSN_RETURN_FULL);
	ck_assert_int_eq(dsn_parse_return("HDRS", &ret, &e), 0);
	ck_assert_int_eq(ret, DSN_RETURN_HDRS);
	ck_assert_int_eq(dsn_parse_return("headers", &ret, &e), -1);
	ck_assert_int_eq(e.class, ERR_USAGE);
	ck_assert_int_eq(dsn_parse_return("", &ret, NULL), -1);
	ck_assert_int_eq(ret, DSN_RETURN_HDRS);
}
END_TEST

START_TEST(envelope_ids)
{
	char text[128];

	ck_assert_int_eq(dsn_check_envid("QQ314159", NULL), 0);
	ck_assert_int_eq(dsn_check_envid(" a+b=c ", NULL), 0);
	ck_assert_int_eq(dsn_check_envid("", NULL), -1);
	ck_assert_int_eq(dsn_check_envid("a\r\nRCPT", NULL), -1);
	ck_assert_int_eq(dsn_check_envid("a\tb", NULL), -1);
	ck_assert_int_eq(dsn_check_envid("\303\244", NULL), -1);
	ck_assert_int_eq(dsn_check_envid("\177", NULL), -1);
	memset(text, 'a', sizeof text);
	text[100] = '\0';
	ck_assert_int_eq(dsn_check_envid(text, NULL), 0);
	text[50] = '=';
	ck_assert_int_eq(dsn_check_envid(text, NULL), -1);
	text[50] = 'a';
	text[100] = 'a';
	text[101] = '\0';
	ck_assert_int_eq(dsn_check_envid(text, NULL), -1);
}
END_TEST

static const struct {
	const char *plain, *coded;
} xtexts[] = {
	{ "", "" }, { "abc", "abc" }, { "a+b", "a+2Bb" }, { "a=b", "a+3Db" },
	{ "a b", "a+20b" }, { "~!", "~!" }, { "\177", "+7F" },
	{ "\303\244", "+C3+A4" }, { "\r\n", "+0D+0A" },
};

START_TEST(xtext)
{
	dsn_add_xtext(&out, xtexts[_i].plain);
	ck_assert_str_eq(out.data, xtexts[_i].coded);
	buf_clear(&out);
	ck_assert_int_eq(dsn_read_xtext(xtexts[_i].coded, &out), 0);
	ck_assert_str_eq(out.data, xtexts[_i].plain);
}
END_TEST

static const char *const no_xtext[] = {
	"+", "+2", "a+2b", "+2b", "+GG", "+00", "a b", "a=b", "\303\244",
	"a\n", "+ 2",
};

START_TEST(no_xtext_is_read)
{
	ck_assert_int_eq(dsn_read_xtext(no_xtext[_i], &out), -1);
}
END_TEST

START_TEST(mail_parameters)
{
	dsn_add_mail(&out, DSN_RETURN_UNSAID, NULL);
	ck_assert_str_eq(out.data, "");
	dsn_add_mail(&out, DSN_RETURN_FULL, "a b");
	ck_assert_str_eq(out.data, " RET=FULL ENVID=a+20b");
	buf_clear(&out);
	dsn_add_mail(&out, DSN_RETURN_HDRS, NULL);
	ck_assert_str_eq(out.data, " RET=HDRS");
}
END_TEST

static const struct {
	unsigned notify;
	const char *orcpt, *address, *text;
} rcpts[] = {
	{ 0, NULL, "a@b", " ORCPT=rfc822;a@b" },
	{ DSN_NEVER, NULL, "a+x@b", " NOTIFY=NEVER ORCPT=rfc822;a+2Bx@b" },
	{ DSN_DELAY | DSN_SUCCESS | DSN_FAILURE, "x400;c+20d", "a@b",
	    " NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=x400;c+20d" },
	{ 0, NULL, "\"a b\"@c", " ORCPT=rfc822;\"a+20b\"@c" },
	{ DSN_FAILURE, NULL, "\303\244=+\\x@b", " NOTIFY=FAILURE"
	    " ORCPT=utf-8;\303\244\\x{3D}\\x{2B}\\x{5C}x@b" },
};

START_TEST(rcpt_parameters)
{
	dsn_add_rcpt(&out, rcpts[_i].notify, rcpts[_i].orcpt,
	    rcpts[_i].address);
	ck_assert_str_eq(out.data, rcpts[_i].text);
}
END_TEST

/* A command has room for 500 characters of it. */
START_TEST(long_orcpt)
{
	char address[600];

	memset(address, 'a', sizeof address);
	address[493] = '\0';
	dsn_add_rcpt(&out, DSN_DELAY, NULL, address);
	ck_assert_uint_eq(out.len, strlen(" NOTIFY=DELAY ORCPT=") + 500);
	buf_clear(&out);
	address[493] = 'a';
	address[494] = '\0';
	dsn_add_rcpt(&out, DSN_DELAY, NULL, address);
	ck_assert_str_eq(out.data, " NOTIFY=DELAY");
}
END_TEST

START_TEST(in_an_envelope)
{
	struct envelope env;

	envelope_init(&env);
	envelope_add(&env, "a@b");
	envelope_add(&env, "c@d");
	ck_assert(!envelope_needs_dsn(&env));
	envelope_set_dsn(&env, DSN_RETURN_UNSAID, "id");
	ck_assert(envelope_needs_dsn(&env));
	ck_assert_str_eq(env.envid, "id");
	envelope_set_dsn(&env, DSN_RETURN_HDRS, NULL);
	ck_assert(envelope_needs_dsn(&env));
	envelope_set_dsn(&env, DSN_RETURN_UNSAID, NULL);
	ck_assert(!envelope_needs_dsn(&env));
	recipient_set_dsn(&env.list[1], 0, "rfc822;x@y");
	ck_assert(envelope_needs_dsn(&env));
	recipient_set_dsn(&env.list[1], DSN_DELAY, NULL);
	ck_assert(envelope_needs_dsn(&env));
	ck_assert_ptr_null(env.list[1].orcpt);
	envelope_set_notify(&env, DSN_NEVER);
	ck_assert_uint_eq(env.list[0].notify, DSN_NEVER);
	ck_assert_uint_eq(env.list[1].notify, DSN_DELAY);
	envelope_release(&env);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("dsn");
	t = tcase_create("dsn");
	tcase_add_checked_fixture(t, start, finish);
	tcase_add_loop_test(t, notify_words, 0, COUNT(words));
	tcase_add_test(t, return_words);
	tcase_add_test(t, envelope_ids);
	tcase_add_loop_test(t, xtext, 0, COUNT(xtexts));
	tcase_add_loop_test(t, no_xtext_is_read, 0, COUNT(no_xtext));
	tcase_add_test(t, mail_parameters);
	tcase_add_loop_test(t, rcpt_parameters, 0, COUNT(rcpts));
	tcase_add_test(t, long_orcpt);
	tcase_add_test(t, in_an_envelope);
	suite_add_tcase(s, t);
	return run_suite(s);
}
