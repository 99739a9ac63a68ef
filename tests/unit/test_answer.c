/* SPDX-License-Identifier: ISC */
/*
 * What a client of -bs is told: which code an outcome has, and who is named.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "agent/answer.h"
#include "agent/report.h"
#include "agent/submit.h"
#include "mail/envelope.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static struct envelope env;
static struct outcome outcome;
static struct submit_result result;
static struct answer answer;

static void
start(void)
{
	envelope_init(&env);
	memset(&outcome, 0, sizeof outcome);
	memset(&result, 0, sizeof result);
	outcome.envelope = &env;
	outcome.result = &result;
	answer_init(&answer);
}

static void
finish(void)
{
	envelope_release(&env);
	answer_release(&answer);
}

static void
add(const char *address, enum recipient_state state, enum error_class class,
    int code, const char *enhanced, const char *text)
{
	ck_assert(envelope_add(&env, address));
	verdict_set(&env.list[env.count - 1].verdict, state, class, code,
	    enhanced, text, strlen(text));
}

static void
answers(int code, const char *enhanced, const char *text)
{
	answer_outcome(&answer, &outcome);
	ck_assert_int_eq(answer.code, code);
	ck_assert_str_eq(answer.enhanced, enhanced);
	ck_assert_str_eq(answer.text.data, text);
}

/* A relay's verdict about the only recipient. */
static const struct {
	enum recipient_state state;
	enum error_class class;
	int code;
	const char *enhanced;
	int want;
	const char *want_enhanced;
} verdicts[] = {
	{ RECIPIENT_ACCEPTED, ERR_NONE, 250, "2.0.0", 250, "2.0.0" },
	{ RECIPIENT_ACCEPTED, ERR_NONE, 299, "", 250, "2.0.0" },
	{ RECIPIENT_REFUSED, ERR_RECIPIENT, 550, "5.1.1", 550, "5.1.1" },
	{ RECIPIENT_REFUSED, ERR_RECIPIENT, 550, "", 550, "5.0.0" },
	{ RECIPIENT_REFUSED, ERR_UNAVAILABLE, 554, "2.0.0", 554, "5.0.0" },
	{ RECIPIENT_REFUSED, ERR_UNAVAILABLE, 599, "5.7.1", 599, "5.7.1" },
	{ RECIPIENT_REFUSED, ERR_UNAVAILABLE, 0, "", 552, "5.3.4" },
	{ RECIPIENT_REFUSED, ERR_MESSAGE, 0, "", 554, "5.6.0" },
	{ RECIPIENT_REFUSED, ERR_AUTH, 530, "5.7.0", 451, "4.7.0" },
	{ RECIPIENT_DEFERRED, ERR_TEMPORARY, 452, "4.3.1", 452, "4.3.1" },
	{ RECIPIENT_DEFERRED, ERR_TEMPORARY, 450, "", 450, "4.0.0" },
	{ RECIPIENT_DEFERRED, ERR_TEMPORARY, 421, "4.3.2", 451, "4.4.1" },
	{ RECIPIENT_UNKNOWN, ERR_TEMPORARY, 0, "", 451, "4.4.2" },
};

START_TEST(one_recipient)
{
	add("a@b", verdicts[_i].state, verdicts[_i].class, verdicts[_i].code,
	    verdicts[_i].enhanced, "words");
	answers(verdicts[_i].want, verdicts[_i].want_enhanced, "words");
}
END_TEST

/* What stopped it before a relay has said anything of the message. */
static const struct {
	enum error_class class;
	int code;
	const char *enhanced;
} errors[] = {
	{ ERR_USAGE, 553, "5.1.3" }, { ERR_MESSAGE, 554, "5.6.0" },
	{ ERR_RECIPIENT, 550, "5.1.1" }, { ERR_HOST, 451, "4.4.4" },
	{ ERR_UNAVAILABLE, 451, "4.4.1" }, { ERR_INTERNAL, 451, "4.3.0" },
	{ ERR_OS, 451, "4.3.0" }, { ERR_CREATE, 452, "4.3.1" },
	{ ERR_IO, 452, "4.3.1" }, { ERR_TEMPORARY, 451, "4.4.1" },
	{ ERR_PROTOCOL, 451, "4.5.0" }, { ERR_AUTH, 451, "4.7.0" },
	{ ERR_CONFIG, 451, "4.3.5" },
};

START_TEST(stopped)
{
	add("a@b", RECIPIENT_UNTRIED, ERR_NONE, 0, "", "");
	error_set(&outcome.error, errors[_i].class, "why");
	answers(errors[_i].code, errors[_i].enhanced, "why");
}
END_TEST

/* Before there is an envelope. */
START_TEST(stopped_early)
{
	outcome.envelope = NULL;
	outcome.result = NULL;
	error_set(&outcome.error, errors[_i].class, "why");
	answers(errors[_i].code, errors[_i].enhanced, "why");
}
END_TEST

START_TEST(all_accepted)
{
	add("a@b", RECIPIENT_ACCEPTED, ERR_NONE, 250, "2.0.0", "queued as 1");
	add("c@d", RECIPIENT_ACCEPTED, ERR_NONE, 250, "2.0.0", "queued as 1");
	answers(250, "2.0.0", "queued as 1");
}
END_TEST

START_TEST(all_refused_alike)
{
	add("a@b", RECIPIENT_REFUSED, ERR_RECIPIENT, 550, "5.7.1", "no");
	add("c@d", RECIPIENT_REFUSED, ERR_RECIPIENT, 550, "5.7.1", "no");
	answers(550, "5.7.1", "no");
}
END_TEST

/* The worst is what is permanent; who has not got it comes first. */
START_TEST(some_refused)
{
	add("a@b", RECIPIENT_ACCEPTED, ERR_NONE, 250, "", "ok");
	add("c@d", RECIPIENT_DEFERRED, ERR_TEMPORARY, 450, "4.2.0", "later");
	add("e@f", RECIPIENT_REFUSED, ERR_RECIPIENT, 551, "5.1.6", "moved");
	answers(551, "5.1.6", "moved\n"
	    "<c@d> has not got it, for now: 450 later\n"
	    "<e@f> has not got it, refused: 551 moved\n"
	    "<a@b> has got it");
}
END_TEST

/* Nobody has said anything: no 2yz. */
START_TEST(untried)
{
	add("a@b", RECIPIENT_UNTRIED, ERR_NONE, 0, "", "");
	answer_outcome(&answer, &outcome);
	ck_assert_int_eq(answer.code, 451);
}
END_TEST

START_TEST(nobody)
{
	answer_outcome(&answer, &outcome);
	ck_assert_int_eq(answer.code, 451);
}
END_TEST

START_TEST(lost_with_some_behind)
{
	add("a@b", RECIPIENT_UNKNOWN, ERR_TEMPORARY, 0, "", "lost");
	add("c@d", RECIPIENT_REFUSED, ERR_RECIPIENT, 550, "5.1.1", "no");
	error_set(&outcome.error, ERR_TEMPORARY, "may have been delivered");
	answers(451, "4.4.1", "may have been delivered\n"
	    "<a@b> may have got it: lost\n"
	    "<c@d> has not got it, refused: 550 no");
}
END_TEST

START_TEST(many)
{
	char address[32];
	size_t i, lines = 0;

	for (i = 0; i < 300; i++) {
		snprintf(address, sizeof address, "r%zu@b", i);
		add(address, i % 3 == 0 ? RECIPIENT_REFUSED :
		    RECIPIENT_ACCEPTED, i % 3 == 0 ? ERR_RECIPIENT : ERR_NONE,
		    i % 3 == 0 ? 550 : 250, "", i % 3 == 0 ? "no" : "ok");
	}
	answer_outcome(&answer, &outcome);
	for (i = 0; i < answer.text.len; i++)
		lines += answer.text.data[i] == '\n';
	ck_assert_uint_eq(lines, ANSWER_RECIPIENTS + 1);
	ck_assert_ptr_nonnull(strstr(answer.text.data, "\n<r297@b> has not"));
	ck_assert_ptr_nonnull(strstr(answer.text.data,
	    "\nand 200 more recipients"));
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("answer");
	t = tcase_create("answer");
	tcase_add_checked_fixture(t, start, finish);
	tcase_add_loop_test(t, one_recipient, 0, COUNT(verdicts));
	tcase_add_loop_test(t, stopped, 0, COUNT(errors));
	tcase_add_loop_test(t, stopped_early, 0, COUNT(errors));
	tcase_add_test(t, all_accepted);
	tcase_add_test(t, all_refused_alike);
	tcase_add_test(t, some_refused);
	tcase_add_test(t, untried);
	tcase_add_test(t, nobody);
	tcase_add_test(t, lost_with_some_behind);
	tcase_add_test(t, many);
	suite_add_tcase(s, t);
	return run_suite(s);
}
