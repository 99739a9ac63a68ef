/* SPDX-License-Identifier: ISC */
/*
 * Sender, recipients, and what became of each.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "mail/envelope.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static struct envelope env;

static void
start(void)
{
	envelope_init(&env);
}

static void
finish(void)
{
	envelope_release(&env);
}

START_TEST(sender)
{
	char address[] = "a@b";

	envelope_set_sender(&env, address);
	address[0] = 'x';
	ck_assert_str_eq(env.sender, "a@b");
	envelope_set_sender(&env, "");
	ck_assert_str_eq(env.sender, "");
}
END_TEST

START_TEST(duplicates)
{
	char address[] = "a@b.org";

	ck_assert(envelope_add(&env, address));
	address[0] = 'c';
	ck_assert(envelope_add(&env, address));
	ck_assert(!envelope_add(&env, "a@b.org"));
	ck_assert(!envelope_add(&env, "a@B.ORG"));
	ck_assert(envelope_add(&env, "A@b.org"));
	ck_assert(!envelope_add(&env, "A@B.Org"));
	ck_assert(envelope_add(&env, "a"));
	ck_assert(envelope_add(&env, "A"));
	ck_assert(!envelope_add(&env, "a"));
	ck_assert(envelope_add(&env, "\"x@y\"@b.org"));
	ck_assert(envelope_add(&env, "\"x@Y\"@b.org"));
	ck_assert(!envelope_add(&env, "\"x@y\"@B.org"));
	ck_assert_uint_eq(env.count, 7);
	ck_assert_str_eq(env.list[0].address, "a@b.org");
	ck_assert_str_eq(env.list[1].address, "c@b.org");
	ck_assert_str_eq(env.list[2].address, "A@b.org");
	ck_assert_int_eq(env.list[0].verdict.state, RECIPIENT_UNTRIED);
}
END_TEST

/* In order, each once, and not in quadratic time. */
START_TEST(many)
{
	char address[64];
	size_t i, round, added = 0, right = 0;

	for (round = 0; round < 10; round++)
		for (i = 0; i < 10000; i++) {
			snprintf(address, sizeof address, "user%zu@%s", i,
			    round % 2 == 0 ? "example.org" : "EXAMPLE.org");
			added += envelope_add(&env, address) ? 1 : 0;
		}
	ck_assert_uint_eq(added, 10000);
	ck_assert_uint_eq(env.count, 10000);
	for (i = 0; i < env.count; i++) {
		snprintf(address, sizeof address, "user%zu@example.org", i);
		right += strcmp(env.list[i].address, address) == 0 ? 1 : 0;
	}
	ck_assert_uint_eq(right, 10000);
}
END_TEST

START_TEST(smtputf8)
{
	envelope_set_sender(&env, "a@b");
	envelope_add(&env, "c@d");
	ck_assert(!envelope_needs_smtputf8(&env));
	envelope_set_sender(&env, "\303\244@b");
	ck_assert(envelope_needs_smtputf8(&env));
	envelope_set_sender(&env, "");
	ck_assert(!envelope_needs_smtputf8(&env));
	envelope_add(&env, "c@\303\244.org");
	ck_assert(envelope_needs_smtputf8(&env));
}
END_TEST

START_TEST(verdict)
{
	struct verdict a = { 0 }, b = { 0 };

	verdict_set(&a, RECIPIENT_REFUSED, ERR_RECIPIENT, 550, "5.1.1",
	    "no\033such user", 8);
	ck_assert_int_eq(a.state, RECIPIENT_REFUSED);
	ck_assert_int_eq(a.class, ERR_RECIPIENT);
	ck_assert_int_eq(a.code, 550);
	ck_assert_str_eq(a.enhanced, "5.1.1");
	ck_assert_str_eq(a.text, "no\\x1Bsuch ");
	verdict_copy(&b, &a);
	ck_assert_ptr_ne(a.text, b.text);
	verdict_set(&a, RECIPIENT_ACCEPTED, ERR_NONE, 0, "", NULL, 0);
	ck_assert_ptr_null(a.text);
	ck_assert_str_eq(a.enhanced, "");
	ck_assert_str_eq(b.text, "no\\x1Bsuch ");
	ck_assert_str_eq(b.enhanced, "5.1.1");
	ck_assert_int_eq(b.code, 550);
	verdict_copy(&b, &a);
	ck_assert_ptr_null(b.text);
	ck_assert_int_eq(b.state, RECIPIENT_ACCEPTED);
	verdict_release(&a);
	verdict_release(&b);
}
END_TEST

/* However long the relay's words, and whatever they are. */
START_TEST(verdict_keeps_to_the_maximum)
{
	struct verdict v = { 0 };
	char text[2000];
	size_t n;

	memset(text, '\033', sizeof text);
	verdict_set(&v, RECIPIENT_REFUSED, ERR_RECIPIENT, 550,
	    "5.123.1234567890123456789", text, sizeof text);
	n = strlen(v.text);
	ck_assert(n <= VERDICT_TEXT_MAX && n > VERDICT_TEXT_MAX - 8);
	ck_assert_str_eq(v.text + n - 3, "...");
	ck_assert(strlen(v.enhanced) < sizeof v.enhanced);
	memset(text, 'x', sizeof text);
	verdict_set(&v, RECIPIENT_REFUSED, ERR_RECIPIENT, 550, "", text, 500);
	ck_assert_uint_eq(strlen(v.text), 500);
	verdict_release(&v);
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(recipient_state_name(RECIPIENT_UNTRIED), "untried");
	ck_assert_str_eq(recipient_state_name(RECIPIENT_ACCEPTED),
	    "accepted");
	ck_assert_str_eq(recipient_state_name(RECIPIENT_REFUSED), "refused");
	ck_assert_str_eq(recipient_state_name(RECIPIENT_DEFERRED),
	    "deferred");
	ck_assert_str_eq(recipient_state_name(RECIPIENT_UNKNOWN), "unknown");
}
END_TEST

/* What three recipients get, and the worst of it. */
static const struct {
	enum error_class class[3];
	enum error_class worst;
} outcomes[] = {
	{ { ERR_NONE, ERR_NONE, ERR_NONE }, ERR_NONE },
	{ { ERR_NONE, ERR_RECIPIENT, ERR_NONE }, ERR_RECIPIENT },
	{ { ERR_NONE, ERR_NONE, ERR_TEMPORARY }, ERR_TEMPORARY },
	{ { ERR_TEMPORARY, ERR_RECIPIENT, ERR_NONE }, ERR_RECIPIENT },
	{ { ERR_RECIPIENT, ERR_TEMPORARY, ERR_TEMPORARY }, ERR_RECIPIENT },
	{ { ERR_RECIPIENT, ERR_UNAVAILABLE, ERR_NONE }, ERR_UNAVAILABLE },
	{ { ERR_UNAVAILABLE, ERR_RECIPIENT, ERR_TEMPORARY },
	    ERR_UNAVAILABLE },
	{ { ERR_TEMPORARY, ERR_UNAVAILABLE, ERR_NONE }, ERR_UNAVAILABLE },
	{ { ERR_PROTOCOL, ERR_TEMPORARY, ERR_RECIPIENT }, ERR_PROTOCOL },
};

START_TEST(worst)
{
	const char *const three[] = { "a@b", "c@d", "e@f" };
	enum error_class class;
	size_t i;

	for (i = 0; i < 3; i++) {
		envelope_add(&env, three[i]);
		class = outcomes[_i].class[i];
		verdict_set(&env.list[i].verdict,
		    class == ERR_NONE ? RECIPIENT_ACCEPTED :
		    class == ERR_TEMPORARY ? RECIPIENT_DEFERRED :
		    RECIPIENT_REFUSED, class, 0, "", NULL, 0);
	}
	ck_assert_int_eq(envelope_worst(&env), outcomes[_i].worst);
}
END_TEST

/* Nobody has said anything about it: that is not "all are accepted". */
START_TEST(untried_is_not_accepted)
{
	envelope_add(&env, "a@b");
	envelope_add(&env, "c@d");
	ck_assert(!envelope_all_accepted(&env));
	verdict_set(&env.list[0].verdict, RECIPIENT_ACCEPTED, ERR_NONE, 250,
	    "", NULL, 0);
	ck_assert(!envelope_all_accepted(&env));
	verdict_set(&env.list[1].verdict, RECIPIENT_ACCEPTED, ERR_NONE, 250,
	    "", NULL, 0);
	ck_assert(envelope_all_accepted(&env));
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("envelope");
	t = tcase_create("envelope");
	tcase_add_checked_fixture(t, start, finish);
	tcase_add_test(t, sender);
	tcase_add_test(t, duplicates);
	tcase_add_test(t, many);
	tcase_add_test(t, smtputf8);
	tcase_add_test(t, verdict);
	tcase_add_test(t, verdict_keeps_to_the_maximum);
	tcase_add_test(t, names);
	tcase_add_test(t, untried_is_not_accepted);
	tcase_add_loop_test(t, worst, 0, COUNT(outcomes));
	suite_add_tcase(s, t);
	return run_suite(s);
}
