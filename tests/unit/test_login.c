/* SPDX-License-Identifier: ISC */
/*
 * Logging in, by hand: what is shown of it, and what is not.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner.h"
#include "talk.h"

/* To SESSION_NEED_SECRET, under TLS, with that mechanism, alone on offer. */
static void
to_secret(struct talk *t, char *mechanism, char *list[1])
{
	char *ehlo;

	talk_init(t);
	list[0] = mechanism;
	t->settings.trace = true;
	t->settings.secure = t->settings.encrypted = true;
	t->settings.auth.username = "alice";
	t->settings.auth.host = "mail.example.org";
	t->settings.auth.mechanisms = list;
	t->settings.auth.mechanism_count = 1;
	t->s = session_new(&t->settings);
	say(t, EHLO);
	MUST_BE(t, SESSION_WAIT);
	hear(t);
	ehlo = xasprintf("250-hi\033[1m\r\n250 AUTH %s\r\n", mechanism);
	say(t, ehlo);
	free(ehlo);
	MUST_BE(t, SESSION_NEED_SECRET);
}

START_TEST(secrets_are_hidden)
{
	char mechanism[] = "PLAIN", *list[1];
	struct buf *trace;
	struct talk t;

	to_secret(&t, mechanism, list);
	session_secret(t.s, "s3cret pass");
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "AUTH PLAIN AGFsaWNlAHMzY3JldCBwYXNz\r\n");
	say(&t, "535 5.7.8 s3cret pass AGFsaWNlAHMzY3JldCBwYXNz\r\n");
	must_fail(&t, ERR_AUTH);
	ck_assert_ptr_null(strstr(session_error(t.s)->text, "s3cret"));
	ck_assert_ptr_null(strstr(session_error(t.s)->text, "AGFs"));
	trace = session_trace(t.s);
	ck_assert_ptr_nonnull(strstr(trace->data, "> AUTH PLAIN ***\n"));
	ck_assert_ptr_null(strstr(trace->data, "s3cret"));
	ck_assert_ptr_null(strstr(trace->data, "AGFs"));
	ck_assert_ptr_null(strchr(trace->data, '\033'));
	talk_release(&t);
}
END_TEST

/* A token that makes the line too long goes out when it is asked for. */
START_TEST(long_token)
{
	char mechanism[] = "OAUTHBEARER", *list[1], token[4001];
	const char *data;
	struct talk t;

	memset(token, 'x', sizeof token - 1);
	token[sizeof token - 1] = '\0';
	to_secret(&t, mechanism, list);
	session_secret(t.s, token);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "AUTH OAUTHBEARER\r\n");
	say(&t, _i == 0 ? "334 \r\n" : "334 eHh4\r\n");
	if (_i == 0) {
		MUST_BE(&t, SESSION_WAIT);
		ck_assert_uint_gt(session_output(t.s, &data), 5000);
		ck_assert_ptr_nonnull(strstr(session_trace(t.s)->data,
		    "> ***\n"));
		ck_assert_ptr_null(strstr(session_trace(t.s)->data, "eHh4"));
		hear(&t);
		say(&t, "235 ok\r\n");
		MUST_BE(&t, SESSION_READY);
	} else
		must_fail(&t, ERR_PROTOCOL);
	talk_release(&t);
}
END_TEST

/* What a relay says of a token is shown, and the token in it is not. */
START_TEST(token_refused)
{
	char mechanism[] = "XOAUTH2", *list[1];
	const char *text;
	struct talk t;

	to_secret(&t, mechanism, list);
	session_secret(t.s, "ya29.token");
	MUST_BE(&t, SESSION_WAIT);
	hear(&t);
	/* {"status":"400","of":"ya29.token\033"} */
	say(&t, "334 eyJzdGF0dXMiOiI0MDAiLCJvZiI6InlhMjkudG9rZW4bIn0=\r\n");
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "\r\n");
	say(&t, "535 5.7.8 no\r\n");
	must_fail(&t, ERR_AUTH);
	text = session_error(t.s)->text;
	ck_assert_ptr_nonnull(strstr(text, "\"status\":\"400\""));
	ck_assert_ptr_nonnull(strstr(text, "535 5.7.8 no"));
	ck_assert_ptr_null(strstr(text, "ya29"));
	ck_assert_ptr_null(strchr(text, '\033'));
	talk_release(&t);
}
END_TEST

/* What a relay repeats in another form, or over two lines. */
static const struct {
	const char *said, *secret;
} repeated[] = {
	{ "535 5.7.8 eHgs czNjcmV0IHBhc3M= x\r\n", "czNjcmV0IHBhc3M" },
	{ "535 5.7.8 eHMzY3JldCBwYXNz\r\n", "MzY3JldCBwYXN" },
	{ "535 5.7.8 eHhzM2NyZXQgcGFzcw==\r\n", "zM2NyZXQgcGFzcw" },
	{ "535-5.7.8 s3cret\r\n535 5.7.8 pass\r\n", "s3cret pass" },
	{ "535 s3crets3cret pass s3cret passs3cret pass\r\n", "s3cret pass" },
};

START_TEST(repeated_secrets)
{
	char mechanism[] = "PLAIN", *list[1];
	struct talk t;

	to_secret(&t, mechanism, list);
	session_secret(t.s, "s3cret pass");
	MUST_BE(&t, SESSION_WAIT);
	hear(&t);
	say(&t, repeated[_i].said);
	must_fail(&t, ERR_AUTH);
	ck_assert_msg(strstr(session_error(t.s)->text, repeated[_i].secret) ==
	    NULL, "%s", session_error(t.s)->text);
	ck_assert_ptr_null(strstr(session_trace(t.s)->data,
	    repeated[_i].secret));
	talk_release(&t);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("login");
	t = tcase_create("login");
	tcase_add_test(t, secrets_are_hidden);
	tcase_add_loop_test(t, repeated_secrets, 0,
	    sizeof repeated / sizeof *repeated);
	tcase_add_loop_test(t, long_token, 0, 2);
	tcase_add_test(t, token_refused);
	suite_add_tcase(s, t);
	return run_suite(s);
}
