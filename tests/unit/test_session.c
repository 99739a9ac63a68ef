/* SPDX-License-Identifier: ISC */
/*
 * The session engine by hand: what the dialogues cannot say.  Several
 * transactions, doubt, limits of time, what is early, many recipients.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "mail/envelope.h"
#include "runner.h"
#include "smtp/session.h"
#include "talk.h"

#define MANY		10000

START_TEST(delivered)
{
	struct talk t;

	talk_init(&t);
	want_body(&t);
	ck_assert(session_in_body(t.s));
	message(&t);
	MUST_SAY(&t, "x\r\n.\r\n");
	ck_assert_int_eq(session_patience(t.s), SESSION_PATIENCE_FINAL);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_UNTRIED);
	say(&t, "250 2.6.0 taken\r\n");
	MUST_BE(&t, SESSION_DONE);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_ACCEPTED);
	ck_assert_int_eq(t.env.list[0].verdict.code, 250);
	ck_assert_str_eq(t.env.list[0].verdict.enhanced, "2.6.0");
	MUST_BE(&t, SESSION_READY);
	session_quit(t.s);
	MUST_BE(&t, SESSION_WAIT);
	ck_assert_int_eq(session_patience(t.s), SESSION_PATIENCE_QUIT);
	MUST_SAY(&t, "QUIT\r\n");
	talk_release(&t);
}
END_TEST

/* However QUIT is answered, the verdict stands. */
START_TEST(quit_changes_nothing)
{
	static const char *const answers[] = { "221 bye\r\n", "500 what\r\n",
	    "rubbish", "221-a\r\n550 b\r\n", NULL, "" };
	struct talk t;

	talk_init(&t);
	want_body(&t);
	message(&t);
	hear(&t);
	say(&t, "250 ok\r\n");
	MUST_BE(&t, SESSION_DONE);
	MUST_BE(&t, SESSION_READY);
	session_quit(t.s);
	MUST_BE(&t, SESSION_WAIT);
	hear(&t);
	if (answers[_i] == NULL)
		session_eof(t.s, "reset");
	else if (answers[_i][0] == '\0')
		session_timeout(t.s);
	else
		say(&t, answers[_i]);
	MUST_BE(&t, SESSION_CLOSED);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_ACCEPTED);
	talk_release(&t);
}
END_TEST

/* how: 0 end of file, 1 time limit, 2 half a reply and the end */
START_TEST(doubt)
{
	bool flushed = _i / 3 == 1;
	const char *data;
	struct talk t;
	size_t len;

	talk_init(&t);
	want_body(&t);
	message(&t);
	len = session_output(t.s, &data);
	session_written(t.s, len);
	if (flushed)
		session_flushed(t.s);
	if (_i % 3 == 1)
		session_timeout(t.s);
	else if (_i % 3 == 2)
		say(&t, "25");
	MUST_BE(&t, _i % 3 == 1 ? SESSION_FAILED : SESSION_WAIT);
	session_eof(t.s, "it closed");
	must_fail(&t, ERR_TEMPORARY);
	ck_assert_int_eq(state(&t, 0), flushed ? RECIPIENT_UNKNOWN :
	    RECIPIENT_UNTRIED);
	if (flushed) {
		ck_assert_int_eq(t.env.list[0].verdict.class, ERR_TEMPORARY);
		ck_assert_ptr_nonnull(strstr(session_error(t.s)->text,
		    "may have been delivered"));
	}
	talk_release(&t);
}
END_TEST

START_TEST(lost_in_mid_body)
{
	struct talk t;

	talk_init(&t);
	want_body(&t);
	session_body(t.s, "x\n", 2);
	hear(&t);
	session_eof(t.s, "it closed");
	must_fail(&t, ERR_TEMPORARY);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_UNTRIED);
	talk_release(&t);
}
END_TEST

/* A reply that began before the final dot was out is none to it. */
START_TEST(reply_begun_in_mid_body)
{
	static const char *const early[] = { "2", "250-early\r\n",
	    "250-early\r\n25" };
	static const char *const late[] = { "50 ok\r\n", "250 ok\r\n",
	    "0 ok\r\n" };
	struct talk t;

	talk_init(&t);
	want_body(&t);
	say(&t, early[_i]);
	MUST_BE(&t, SESSION_WANT_BODY);
	message(&t);
	hear(&t);
	say(&t, late[_i]);
	session_step(t.s);
	ck_assert_int_ne(state(&t, 0), RECIPIENT_ACCEPTED);
	talk_release(&t);
}
END_TEST

/* Two messages on a session; RSET where the first left something open. */
START_TEST(two_transactions)
{
	struct talk t;

	talk_init(&t);
	want_body(&t);
	message(&t);
	hear(&t);
	say(&t, "451 4.3.0 later\r\n");
	MUST_BE(&t, SESSION_DONE);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_DEFERRED);
	MUST_BE(&t, SESSION_READY);
	verdict_set(&t.env.list[0].verdict, RECIPIENT_UNTRIED, ERR_NONE, 0,
	    "", NULL, 0);
	begin(&t, true);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	say(&t, "250 ok\r\n550 no\r\n554 none\r\n");
	MUST_BE(&t, SESSION_DONE);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_REFUSED);
	ck_assert_int_eq(t.env.list[0].verdict.code, 550);
	MUST_BE(&t, SESSION_READY);
	verdict_set(&t.env.list[0].verdict, RECIPIENT_UNTRIED, ERR_NONE, 0,
	    "", NULL, 0);
	begin(&t, true);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	say(&t, "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
	MUST_BE(&t, SESSION_WANT_BODY);
	message(&t);
	MUST_SAY(&t, "x\r\n.\r\n");
	say(&t, "250 ok\r\n");
	MUST_BE(&t, SESSION_DONE);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_ACCEPTED);
	talk_release(&t);
}
END_TEST

START_TEST(one_at_a_time)
{
	struct talk t;

	talk_init(&t);
	envelope_add(&t.env, "c@d");
	envelope_add(&t.env, "e@f");
	ready(&t, "250 hi\r\n");
	begin(&t, false);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "MAIL FROM:<a@b>\r\n");
	say(&t, "250 ok\r\n");
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "RCPT TO:<c@d>\r\n");
	say(&t, "250 ok\r\n");
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "RCPT TO:<e@f>\r\n");
	/* partial = no: nobody gets it, DATA is not sent. */
	say(&t, "550 no\r\n");
	MUST_BE(&t, SESSION_DONE);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_UNTRIED);
	ck_assert_int_eq(state(&t, 1), RECIPIENT_REFUSED);
	MUST_SAY(&t, "");
	talk_release(&t);
}
END_TEST

/* What is no answer to anything ends it. */
START_TEST(breach)
{
	struct talk t;

	talk_init(&t);
	envelope_add(&t.env, "c@d");
	ready(&t, PIPELINING);
	begin(&t, true);
	MUST_BE(&t, SESSION_WAIT);
	/* MAIL, RCPT and DATA stand in the output, unwritten. */
	say(&t, "250 ok\r\n");
	must_fail(&t, ERR_PROTOCOL);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_UNTRIED);
	talk_release(&t);
}
END_TEST

START_TEST(behind_starttls)
{
	static const char *const behind[] = { "220 go\r\n250 x\r\n",
	    "220 go\r\n\026\003\001", "220 go\r\n2" };
	struct talk t;

	talk_init(&t);
	t.settings.starttls = true;
	t.s = session_new(&t.settings);
	say(&t, EHLO);
	MUST_BE(&t, SESSION_WAIT);
	hear(&t);
	say(&t, "250-hi\r\n250 STARTTLS\r\n");
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "STARTTLS\r\n");
	say(&t, behind[_i]);
	must_fail(&t, ERR_PROTOCOL);
	talk_release(&t);
}
END_TEST

static const struct {
	bool starttls, encrypted, user;
	enum session_event event;
} helo_rules[] = {
	{ false, false, false, SESSION_WAIT },
	{ true, false, false, SESSION_FAILED },
	{ false, true, false, SESSION_FAILED },
	{ false, false, true, SESSION_FAILED },
};

/* HELO only where neither TLS nor a login is wanted. */
START_TEST(helo)
{
	char automatic[] = "auto", *list[] = { automatic };
	struct talk t;

	talk_init(&t);
	t.settings.starttls = helo_rules[_i].starttls;
	t.settings.encrypted = helo_rules[_i].encrypted;
	t.settings.secure = helo_rules[_i].encrypted;
	t.settings.auth.username = helo_rules[_i].user ? "u" : NULL;
	t.settings.auth.mechanisms = list;
	t.settings.auth.mechanism_count = 1;
	t.s = session_new(&t.settings);
	say(&t, EHLO);
	MUST_BE(&t, SESSION_WAIT);
	hear(&t);
	say(&t, "502 what\r\n");
	MUST_BE(&t, helo_rules[_i].event);
	MUST_SAY(&t, helo_rules[_i].event == SESSION_WAIT ? "HELO client\r\n" :
	    "");
	talk_release(&t);
}
END_TEST

START_TEST(time_limits)
{
	struct talk t;

	talk_init(&t);
	t.s = session_new(&t.settings);
	MUST_BE(&t, SESSION_WAIT);
	session_timeout(t.s);
	must_fail(&t, ERR_TEMPORARY);
	/* The first reason stays. */
	session_eof(t.s, "x");
	must_fail(&t, ERR_TEMPORARY);
	ck_assert_ptr_nonnull(strstr(session_error(t.s)->text, "time limit"));
	talk_release(&t);
}
END_TEST

static const char *const bad_addresses[] = { "c@d>\r\nDATA\r\n", "c\n@d",
	"c\r@d", "c\033@d" };

/* Nothing is said for an address with a line end in it. */
START_TEST(line_ends_in_addresses)
{
	bool sender = _i / 4 == 1;
	struct talk t;

	talk_init(&t);
	envelope_add(&t.env, sender ? "c@d" : bad_addresses[_i % 4]);
	if (sender)
		envelope_set_sender(&t.env, bad_addresses[_i % 4]);
	ready(&t, PIPELINING);
	begin(&t, true);
	MUST_BE(&t, SESSION_DONE);
	MUST_SAY(&t, "");
	ck_assert_int_eq(state(&t, 0), RECIPIENT_REFUSED);
	ck_assert_int_eq(t.env.list[0].verdict.class, ERR_MESSAGE);
	talk_release(&t);
}
END_TEST

static size_t
count_lines(const char *s)
{
	size_t n = 0;

	for (; (s = strchr(s, '\n')) != NULL; s++)
		n++;
	return n;
}

/* Ten thousand: each has its RCPT, its reply and its verdict, in order. */
START_TEST(many_recipients)
{
	const char *piece;
	char address[32];
	size_t i, lines, answered = 0, largest = 0;
	enum session_event event;
	struct talk t;

	talk_init(&t);
	for (i = 0; i < MANY; i++) {
		snprintf(address, sizeof address, "r%zu@example.org", i);
		envelope_add(&t.env, address);
	}
	ready(&t, PIPELINING);
	begin(&t, true);
	while ((event = session_step(t.s)) == SESSION_WAIT) {
		lines = count_lines(hear(&t));
		ck_assert_uint_gt(lines, 0);
		if (t.out.len > largest)
			largest = t.out.len;
		for (; lines > 0; lines--, answered++) {
			piece = answered == 0 ? "250 ok\r\n" :
			    answered == MANY + 1 ? "354 go\r\n" :
			    answered % 3 == 0 ? "550 no\r\n" : "250 ok\r\n";
			say(&t, piece);
		}
	}
	ck_assert_int_eq(event, SESSION_WANT_BODY);
	ck_assert_uint_eq(answered, MANY + 2);
	ck_assert_uint_le(largest, SESSION_WINDOW + 1024);
	message(&t);
	hear(&t);
	say(&t, "250 ok\r\n");
	MUST_BE(&t, SESSION_DONE);
	for (i = 0; i < MANY; i++)
		ck_assert_int_eq(state(&t, i), (i + 1) % 3 == 0 ?
		    RECIPIENT_REFUSED : RECIPIENT_ACCEPTED);
	talk_release(&t);
}
END_TEST

START_TEST(progress)
{
	struct talk t;
	uint64_t before;

	talk_init(&t);
	t.s = session_new(&t.settings);
	before = session_progress(t.s);
	say(&t, "22");
	MUST_BE(&t, SESSION_WAIT);
	ck_assert_uint_eq(session_progress(t.s), before);
	say(&t, "0 hi\r\n");
	MUST_BE(&t, SESSION_WAIT);
	ck_assert_uint_ne(session_progress(t.s), before);
	talk_release(&t);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("session");
	t = tcase_create("session");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, delivered);
	tcase_add_loop_test(t, quit_changes_nothing, 0, 6);
	tcase_add_loop_test(t, doubt, 0, 6);
	tcase_add_test(t, lost_in_mid_body);
	tcase_add_loop_test(t, reply_begun_in_mid_body, 0, 3);
	tcase_add_test(t, two_transactions);
	tcase_add_test(t, one_at_a_time);
	tcase_add_test(t, breach);
	tcase_add_loop_test(t, behind_starttls, 0, 3);
	tcase_add_loop_test(t, helo, 0, 4);
	tcase_add_test(t, time_limits);
	tcase_add_loop_test(t, line_ends_in_addresses, 0, 8);
	tcase_add_test(t, many_recipients);
	tcase_add_test(t, progress);
	suite_add_tcase(s, t);
	return run_suite(s);
}
