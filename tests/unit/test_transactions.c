/* SPDX-License-Identifier: ISC */
/*
 * Further transactions by hand: who goes with whom, and what becomes of those
 * who are left.  RFC 9422, RFC 5321 section 4.5.3.1.10.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "talk.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

#define FULL	"452 4.5.3 too many\r\n"
#define OK	"250 ok\r\n"
#define MAIL	"MAIL FROM:<a@b>\r\n"

static struct talk t;

static void
finish(void)
{
	talk_release(&t);
}

/* So many recipients, and a relay that offers this too ("250-x\r\n"). */
static void
start(size_t recipients, const char *offer)
{
	char text[256];
	size_t i;

	talk_init(&t);
	for (i = 0; i < recipients; i++) {
		snprintf(text, sizeof text, "u%zu@d%zu", i, i % 3);
		envelope_add(&t.env, text);
	}
	snprintf(text, sizeof text, "250-hi\r\n%s250 PIPELINING\r\n", offer);
	ready(&t, text);
	begin(&t, true);
}

static size_t
count(enum recipient_state wanted)
{
	size_t i, n = 0;

	for (i = 0; i < t.env.count; i++)
		n += state(&t, i) == wanted;
	return n;
}

/* DATA is out and answered: the message, and 2yz to it. */
static void
deliver(void)
{
	MUST_BE(&t, SESSION_WANT_BODY);
	message(&t);
	MUST_SAY(&t, "x\r\n.\r\n");
	say(&t, OK);
}

START_TEST(in_order)
{
	start(5, "250-LIMITS RCPTMAX=2\r\n");
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, MAIL "RCPT TO:<u0@d0>\r\nRCPT TO:<u1@d1>\r\n");
	say(&t, OK OK OK);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "DATA\r\n");
	say(&t, "354 go\r\n");
	deliver();
	MUST_BE(&t, SESSION_AGAIN);
	ck_assert_uint_eq(count(RECIPIENT_ACCEPTED), 2);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, MAIL "RCPT TO:<u2@d2>\r\nRCPT TO:<u3@d0>\r\n");
	say(&t, OK OK "550 no\r\n");
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "DATA\r\n");
	say(&t, "354 go\r\n");
	deliver();
	MUST_BE(&t, SESSION_AGAIN);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, MAIL "RCPT TO:<u4@d1>\r\nDATA\r\n");
	say(&t, OK OK "354 go\r\n");
	deliver();
	MUST_BE(&t, SESSION_DONE);
	ck_assert_uint_eq(count(RECIPIENT_ACCEPTED), 4);
	ck_assert_int_eq(state(&t, 3), RECIPIENT_REFUSED);
	MUST_BE(&t, SESSION_READY);
}
END_TEST

START_TEST(by_domain)
{
	start(5, "250-LIMITS RCPTDOMAINMAX=2\r\n");
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, MAIL "RCPT TO:<u0@d0>\r\nRCPT TO:<u3@d0>\r\n"
	    "RCPT TO:<u1@d1>\r\nRCPT TO:<u4@d1>\r\n");
	say(&t, OK OK OK OK OK);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "DATA\r\n");
	say(&t, "354 go\r\n");
	deliver();
	MUST_BE(&t, SESSION_AGAIN);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, MAIL "RCPT TO:<u2@d2>\r\nDATA\r\n");
}
END_TEST

/* The limit that was met holds for the next transaction, and message. */
START_TEST(learned)
{
	start(5, "");
	MUST_BE(&t, SESSION_WAIT);
	ck_assert_ptr_nonnull(strstr(hear(&t), "u4@d1"));
	say(&t, OK OK OK FULL FULL FULL "354 go\r\n");
	deliver();
	MUST_BE(&t, SESSION_AGAIN);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, MAIL "RCPT TO:<u2@d2>\r\nRCPT TO:<u3@d0>\r\n");
	say(&t, OK OK OK);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "DATA\r\n");
	say(&t, "354 go\r\n");
	deliver();
	MUST_BE(&t, SESSION_AGAIN);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, MAIL "RCPT TO:<u4@d1>\r\nDATA\r\n");
	say(&t, OK OK "354 go\r\n");
	deliver();
	MUST_BE(&t, SESSION_DONE);
	ck_assert_uint_eq(count(RECIPIENT_ACCEPTED), 5);
	MUST_BE(&t, SESSION_READY);
	begin(&t, true);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, MAIL "RCPT TO:<u0@d0>\r\nRCPT TO:<u1@d1>\r\n");
}
END_TEST

/* One full mailbox is not the relay's limit. */
START_TEST(not_learned)
{
	start(6, "250-LIMITS RCPTMAX=3\r\n");
	MUST_BE(&t, SESSION_WAIT);
	hear(&t);
	say(&t, OK OK "452 full\r\n" OK);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "DATA\r\n");
	say(&t, "354 go\r\n");
	deliver();
	MUST_BE(&t, SESSION_AGAIN);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, MAIL "RCPT TO:<u1@d1>\r\nRCPT TO:<u3@d0>\r\n"
	    "RCPT TO:<u4@d1>\r\n");
}
END_TEST

/* Only so many RCPTs go out in vain. */
START_TEST(flight)
{
	const char *p;
	size_t n = 0;

	start(2000, "");
	MUST_BE(&t, SESSION_WAIT);
	for (p = hear(&t); (p = strstr(p, "RCPT")) != NULL; p++)
		n++;
	ck_assert_uint_eq(n, 500);
	say(&t, OK OK FULL);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "");
}
END_TEST

/*
 * Replies to MAIL, three RCPTs and DATA; then who is left for the next
 * transaction, -1 where there is none, and what is said first in it.
 */
static const struct {
	const char *replies;
	int left;
	enum session_event event;
} first[] = {
	{ OK OK OK OK "354 go\r\n", 0, SESSION_WANT_BODY },
	{ OK OK OK FULL "354 go\r\n", 0, SESSION_WANT_BODY },
	{ OK FULL FULL FULL "554 none\r\n", -1, SESSION_DONE },
	{ OK FULL FULL OK "354 go\r\n", 0, SESSION_WANT_BODY },
	{ OK "550 no\r\n" FULL FULL "554 none\r\n", 2, SESSION_AGAIN },
	{ OK "550 no\r\n" "452 full\r\n" FULL "554 none\r\n", 1,
	    SESSION_AGAIN },
	{ OK "452 full\r\n" "452 full\r\n" "552 full\r\n" "554 none\r\n", -1,
	    SESSION_DONE },
	{ OK OK "452 full\r\n" "552 full\r\n" "451 none\r\n", 2,
	    SESSION_AGAIN },
	{ OK OK "452 4.3.1 full\r\n" "552 5.2.2 full\r\n" "451 none\r\n", -1,
	    SESSION_DONE },
	{ OK OK "450 4.5.3 full\r\n" "550 5.5.3 full\r\n" "451 none\r\n", 2,
	    SESSION_AGAIN },
	{ OK OK OK FULL "421 4.3.2 bye\r\n", -1, SESSION_DONE },
	{ OK OK OK "421 4.3.2 bye\r\n" "421 bye\r\n", -1, SESSION_DONE },
	/* Nobody, and the relay waits for a message all the same. */
	{ OK "550 no\r\n" FULL FULL "354 go\r\n", -1, SESSION_DONE },
	{ "451 no\r\n" "503 no\r\n" "503 no\r\n" "503 no\r\n" "503 no\r\n",
	    -1, SESSION_DONE },
};

START_TEST(left_over)
{
	size_t untried;

	start(3, "");
	MUST_BE(&t, SESSION_WAIT);
	hear(&t);
	say(&t, first[_i].replies);
	MUST_BE(&t, first[_i].event);
	untried = count(RECIPIENT_UNTRIED);
	if (first[_i].left > 0)
		ck_assert_uint_eq(untried, (size_t)first[_i].left);
	if (first[_i].event == SESSION_DONE)
		ck_assert_uint_eq(untried, 0);
	ck_assert_uint_eq(count(RECIPIENT_ACCEPTED), 0);
}
END_TEST

/* Nobody is tried whom the session has no room for. */
START_TEST(mail_max)
{
	start(3, "250-LIMITS RCPTMAX=1 MAILMAX=1\r\n");
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, MAIL "RCPT TO:<u0@d0>\r\n");
	say(&t, OK OK);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "DATA\r\n");
	say(&t, "354 go\r\n");
	deliver();
	MUST_BE(&t, SESSION_DONE);
	ck_assert_uint_eq(count(RECIPIENT_DEFERRED), 2);
	ck_assert_str_eq(t.env.list[2].verdict.text, "the relay takes 1"
	    " transaction in a session, and that was not enough");
	MUST_BE(&t, SESSION_READY);
	begin(&t, true);
	MUST_BE(&t, SESSION_DONE);
	ck_assert_uint_eq(count(RECIPIENT_DEFERRED), 3);
	MUST_SAY(&t, "");
}
END_TEST

/* Lost between two transactions, and within the second. */
START_TEST(lost)
{
	start(3, "250-LIMITS RCPTMAX=2\r\n");
	MUST_BE(&t, SESSION_WAIT);
	hear(&t);
	say(&t, OK OK OK);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "DATA\r\n");
	say(&t, "354 go\r\n");
	deliver();
	if (_i == 0)
		session_eof(t.s, "it closed the connection");
	MUST_BE(&t, SESSION_AGAIN);
	if (_i > 0) {
		MUST_BE(&t, SESSION_WAIT);
		hear(&t);
		say(&t, OK OK "354 go\r\n");
		MUST_BE(&t, SESSION_WANT_BODY);
		message(&t);
		if (_i == 2)
			hear(&t);
		session_eof(t.s, "it closed the connection");
	}
	must_fail(&t, ERR_TEMPORARY);
	ck_assert_uint_eq(count(RECIPIENT_ACCEPTED), 2);
	ck_assert_int_eq(state(&t, 2), _i == 2 ? RECIPIENT_UNKNOWN :
	    RECIPIENT_UNTRIED);
}
END_TEST

/* In chunks the message may be out before anybody is put off. */
START_TEST(chunks)
{
	start(3, "250-CHUNKING\r\n");
	MUST_BE(&t, SESSION_WANT_BODY);
	session_body(t.s, "x\n", 2);
	session_body_end(t.s);
	MUST_BE(&t, SESSION_WAIT);
	ck_assert_ptr_nonnull(strstr(hear(&t), "BDAT 3 LAST\r\nx\r\n"));
	say(&t, OK OK OK FULL OK);
	MUST_BE(&t, SESSION_AGAIN);
	ck_assert_uint_eq(count(RECIPIENT_ACCEPTED), 2);
	MUST_BE(&t, SESSION_WANT_BODY);
	session_body(t.s, "x\n", 2);
	session_body_end(t.s);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, MAIL "RCPT TO:<u2@d2>\r\nBDAT 3 LAST\r\nx\r\n");
	/* Whom the relay has put off is in no doubt, whom it has is. */
	session_eof(t.s, "it closed the connection");
	must_fail(&t, ERR_TEMPORARY);
	ck_assert_int_eq(state(&t, 2), RECIPIENT_UNKNOWN);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_ACCEPTED);
}
END_TEST

/* Nobody of these gets it, and what became of the others is told. */
START_TEST(lost_with_some_behind)
{
	start(3, "250-LIMITS RCPTMAX=2\r\n250-CHUNKING\r\n");
	MUST_BE(&t, SESSION_WANT_BODY);
	session_body(t.s, "x\n", 2);
	session_body_end(t.s);
	MUST_BE(&t, SESSION_WAIT);
	hear(&t);
	say(&t, OK "550 no\r\n550 no\r\n");
	MUST_BE(&t, SESSION_WAIT);
	session_eof(t.s, "it closed the connection");
	must_fail(&t, ERR_TEMPORARY);
	ck_assert_uint_eq(count(RECIPIENT_REFUSED), 2);
	ck_assert_uint_eq(count(RECIPIENT_UNTRIED), 1);
}
END_TEST

START_TEST(no_doubt_of_the_put_off)
{
	start(3, "250-CHUNKING\r\n");
	MUST_BE(&t, SESSION_WANT_BODY);
	session_body(t.s, "x\n", 2);
	session_body_end(t.s);
	MUST_BE(&t, SESSION_WAIT);
	hear(&t);
	say(&t, OK OK OK FULL);
	MUST_BE(&t, SESSION_WAIT);
	session_eof(t.s, "it closed the connection");
	must_fail(&t, ERR_TEMPORARY);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_UNKNOWN);
	ck_assert_int_eq(state(&t, 1), RECIPIENT_UNKNOWN);
	ck_assert_int_eq(state(&t, 2), RECIPIENT_UNTRIED);
}
END_TEST

/* Those who have a verdict from before are left alone. */
START_TEST(only_the_untried)
{
	struct transaction tr;

	start(3, "");
	MUST_BE(&t, SESSION_WAIT);
	hear(&t);
	say(&t, OK OK "450 no\r\n" "550 no\r\n" "354 go\r\n");
	deliver();
	MUST_BE(&t, SESSION_DONE);
	MUST_BE(&t, SESSION_READY);
	verdict_release(&t.env.list[1].verdict);
	memset(&tr, 0, sizeof tr);
	tr.envelope = &t.env;
	tr.size = 3;
	tr.partial = true;
	session_begin(t.s, &tr);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, MAIL "RCPT TO:<u1@d1>\r\nDATA\r\n");
	say(&t, OK OK "354 go\r\n");
	deliver();
	MUST_BE(&t, SESSION_DONE);
	MUST_BE(&t, SESSION_READY);
	session_begin(t.s, &tr);
	MUST_BE(&t, SESSION_DONE);
	MUST_SAY(&t, "");
}
END_TEST

/* Only where the relay offers it, and the envelope asks for it. */
START_TEST(notifications)
{
	talk_init(&t);
	envelope_add(&t.env, "c@d");
	recipient_set_given(&t.env.list[0], "root@x");
	if (_i != 0)
		envelope_set_dsn(&t.env, DSN_RETURN_HDRS, "a+b");
	ready(&t, _i == 1 ? PIPELINING :
	    "250-hi\r\n250-DSN\r\n250 PIPELINING\r\n");
	begin(&t, true);
	MUST_BE(&t, SESSION_WAIT);
	if (_i == 2)
		MUST_SAY(&t, "MAIL FROM:<a@b> RET=HDRS ENVID=a+2Bb\r\n"
		    "RCPT TO:<c@d> ORCPT=rfc822;root@x\r\nDATA\r\n");
	else
		MUST_SAY(&t, MAIL "RCPT TO:<c@d>\r\nDATA\r\n");
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *c;

	s = suite_create("transactions");
	c = tcase_create("transactions");
	tcase_add_checked_fixture(c, NULL, finish);
	tcase_add_test(c, in_order);
	tcase_add_test(c, by_domain);
	tcase_add_test(c, learned);
	tcase_add_test(c, not_learned);
	tcase_add_test(c, flight);
	tcase_add_loop_test(c, left_over, 0, COUNT(first));
	tcase_add_test(c, mail_max);
	tcase_add_loop_test(c, lost, 0, 3);
	tcase_add_test(c, chunks);
	tcase_add_test(c, lost_with_some_behind);
	tcase_add_test(c, no_doubt_of_the_put_off);
	tcase_add_test(c, only_the_untried);
	tcase_add_loop_test(c, notifications, 0, 3);
	suite_add_tcase(s, c);
	return run_suite(s);
}
