/* SPDX-License-Identifier: ISC */
/*
 * What is told of an outcome: status, text, JSON, log.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/report.h"
#include "agent/submit.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "config/account.h"
#include "mail/envelope.h"
#include "runner.h"

static struct account account;
static struct envelope env;
static struct submit_result result;
static struct outcome o;
static struct buf out;
static char account_name[] = "home", server[] = "mail.example.org";

/* A message to one, which the relay has taken. */
static void
start(void)
{
	memset(&account, 0, sizeof account);
	memset(&result, 0, sizeof result);
	memset(&o, 0, sizeof o);
	account.name = account_name;
	account.server = server;
	envelope_init(&env);
	envelope_set_sender(&env, "a@b");
	envelope_add(&env, "c@d");
	verdict_set(&env.list[0].verdict, RECIPIENT_ACCEPTED, ERR_NONE, 250,
	    "2.1.5", "ok", 2);
	result.dialed.port = 587;
	strncpy(result.tls.version, "TLS1.3",
	    sizeof result.tls.version - 1);
	strncpy(result.auth, "SCRAM-SHA-256", sizeof result.auth - 1);
	o.account = &account;
	o.envelope = &env;
	o.result = &result;
	o.message_id = "1@b";
	o.size = 2048;
	o.milliseconds = 81;
	buf_init(&out, 1024 * 1024);
}

static void
finish(void)
{
	envelope_release(&env);
	buf_release(&out);
}

/* A second recipient, refused; the text is the relay's. */
static void
add_refused(const char *address, const char *text)
{
	envelope_add(&env, address);
	verdict_set(&env.list[env.count - 1].verdict, RECIPIENT_REFUSED,
	    ERR_RECIPIENT, 550, "5.1.1", text, strlen(text));
}

static void
json_is(const char *expect)
{
	buf_clear(&out);
	report_json(&o, &out);
	ck_assert_str_eq(out.data, expect);
}

static void
text_is(const char *expect)
{
	buf_clear(&out);
	report_text(&o, &out);
	ck_assert_str_eq(out.data, expect);
}

static void
says(const char *piece)
{
	ck_assert_msg(strstr(out.data, piece) != NULL, "no '%s' in '%s'",
	    piece, out.data);
}

START_TEST(status)
{
	ck_assert_int_eq(report_status(&o), 0);
	add_refused("e@f", "no");
	ck_assert_int_eq(report_status(&o), 67);
	verdict_set(&env.list[0].verdict, RECIPIENT_DEFERRED, ERR_TEMPORARY,
	    450, "", NULL, 0);
	ck_assert_int_eq(report_status(&o), 67);
	verdict_set(&env.list[1].verdict, RECIPIENT_ACCEPTED, ERR_NONE, 250,
	    "", NULL, 0);
	ck_assert_int_eq(report_status(&o), 75);
	/* Somebody without a verdict is not custody, once it was tried. */
	verdict_set(&env.list[0].verdict, RECIPIENT_UNTRIED, ERR_NONE, 0, "",
	    NULL, 0);
	ck_assert_int_eq(report_status(&o), 75);
	error_set(&o.error, ERR_AUTH, "x");
	ck_assert_int_eq(report_status(&o), 77);
	o.envelope = NULL;
	o.result = NULL;
	o.account = NULL;
	ck_assert_int_eq(report_status(&o), 77);
}
END_TEST

/* The contract's own example. */
START_TEST(json)
{
	json_is("{\"status\":0,\"account\":\"home\","
	    "\"relay\":\"mail.example.org:587\",\"tls\":\"TLS1.3\","
	    "\"auth\":\"SCRAM-SHA-256\",\"sender\":\"a@b\","
	    "\"message_id\":\"<1@b>\",\"size\":2048,\"queue_id\":null,"
	    "\"recipients\":[{\"address\":\"c@d\",\"state\":\"accepted\","
	    "\"code\":250,\"enhanced\":\"2.1.5\",\"text\":\"ok\"}],"
	    "\"error\":null,\"milliseconds\":81}\n");
}
END_TEST

START_TEST(json_of_nothing)
{
	o.account = NULL;
	o.envelope = NULL;
	o.result = NULL;
	o.message_id = NULL;
	o.size = 0;
	o.milliseconds = 0;
	error_set(&o.error, ERR_CONFIG, "no account '%s'", "x\"\\\n");
	json_is("{\"status\":78,\"account\":null,\"relay\":null,"
	    "\"tls\":null,\"auth\":null,\"sender\":null,"
	    "\"message_id\":null,\"size\":0,\"queue_id\":null,"
	    "\"recipients\":[],\"error\":\"no account 'x\\\"\\\\\\\\x0A'\","
	    "\"milliseconds\":0}\n");
}
END_TEST

START_TEST(json_of_each_state)
{
	add_refused("\"x\\\"y\"@f", "say \"no\" \\ \033[1m \303\274");
	envelope_add(&env, "g@h");
	envelope_add(&env, "i@j");
	verdict_set(&env.list[3].verdict, RECIPIENT_DEFERRED, ERR_TEMPORARY,
	    450, "", "", 0);
	envelope_add(&env, "k@l");
	verdict_set(&env.list[4].verdict, RECIPIENT_UNKNOWN, ERR_TEMPORARY,
	    0, "", "may have been delivered", 23);
	buf_clear(&out);
	report_json(&o, &out);
	says("\"status\":67,");
	says("{\"address\":\"c@d\",\"state\":\"accepted\",\"code\":250,"
	    "\"enhanced\":\"2.1.5\",\"text\":\"ok\"},");
	says("{\"address\":\"\\\"x\\\\\\\"y\\\"@f\",\"state\":\"refused\","
	    "\"code\":550,\"enhanced\":\"5.1.1\",\"text\":"
	    "\"say \\\"no\\\" \\\\ \\\\x1B[1m \303\274\"},");
	says("{\"address\":\"g@h\",\"state\":\"untried\",");
	says("{\"address\":\"i@j\",\"state\":\"deferred\",\"code\":450,"
	    "\"enhanced\":null,\"text\":\"\"},");
	says("{\"address\":\"k@l\",\"state\":\"unknown\",");
	says("\"text\":\"may have been delivered\"}],");
	ck_assert_ptr_null(strstr(out.data, "\"error\":null"));
}
END_TEST

/* Looks over a JSON value; returns what follows it, NULL where it is none. */
static const char *json_value(const char *s);

static const char *
json_string(const char *s)
{
	if (*s != '"')
		return NULL;
	for (s++; *s != '"'; s++) {
		if (*s == '\\')
			s++;
		if (*s == '\0' || ascii_iscntrl(*s))
			return NULL;
	}
	return s + 1;
}

static const char *
json_members(const char *s, char last)
{
	if (*s == last)
		return s + 1;
	for (;;) {
		if (last == '}') {
			s = json_string(s);
			if (s == NULL || *s++ != ':')
				return NULL;
		}
		s = json_value(s);
		if (s == NULL || (*s != ',' && *s != last))
			return NULL;
		if (*s++ == last)
			return s;
	}
}

static const char *
json_value(const char *s)
{
	size_t n;

	if (*s == '{' || *s == '[')
		return json_members(s + 1, *s == '{' ? '}' : ']');
	if (*s == '"')
		return json_string(s);
	if (str_starts(s, "null"))
		return s + 4;
	n = strspn(s, "-0123456789");
	return n == 0 ? NULL : s + n;
}

/* One line that holds one JSON value and no byte that may not be shown. */
static void
is_json(const char *end)
{
	const char *s;

	s = json_value(out.data);
	ck_assert_msg(s != NULL && strcmp(s, end) == 0, "%s", out.data);
	ck_assert(utf8_valid(out.data, out.len));
	for (s = out.data; s + strlen(end) < out.data + out.len; s++)
		ck_assert(!ascii_iscntrl(*s));
}

START_TEST(json_is_json)
{
	char text[256];
	int i;

	for (i = 1; i < 256; i++)
		text[i - 1] = (char)i;
	text[255] = '\0';
	add_refused("e@f", text);
	o.message_id = text;
	error_set(&o.error, ERR_PROTOCOL, "%s", text);
	report_json(&o, &out);
	is_json("\n");
	buf_clear(&out);
	report_log(&o, "json", &out);
	is_json("");
}
END_TEST

/* A long id, address and text: nothing is lost, and it is JSON still. */
START_TEST(json_of_much)
{
	char id[1200], address[64];
	int i;

	memset(id, '\377', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	o.message_id = id;
	for (i = 0; i < 1000; i++) {
		snprintf(address, sizeof address, "user%d@example.org", i);
		add_refused(address, "no such user");
	}
	report_json(&o, &out);
	is_json("\n");
	says("user999@example.org");
	ck_assert(!out.overflow);
}
END_TEST

START_TEST(relay_names)
{
	account.server = (char[]){ "2001:db8::1" };
	report_json(&o, &out);
	says("\"relay\":\"[2001:db8::1]:587\",");
	account.server = (char[]){ "/run/relay.sock" };
	result.dialed.port = 0;
	result.tls.version[0] = '\0';
	result.auth[0] = '\0';
	buf_clear(&out);
	report_json(&o, &out);
	says("\"relay\":\"/run/relay.sock\",\"tls\":null,\"auth\":null,");
	account.server = (char[]){ "/run/a:b.sock" };
	buf_clear(&out);
	report_json(&o, &out);
	says("\"relay\":\"/run/a:b.sock\",");
}
END_TEST

START_TEST(text_of_success)
{
	text_is("");
}
END_TEST

START_TEST(text_of_an_error)
{
	o.envelope = NULL;
	o.result = NULL;
	error_set(&o.error, ERR_CONFIG, "no account '%s'", "x");
	text_is("sendoff: no account 'x'\n");
}
END_TEST

/* Who has it and who has not, and why: each recipient has a line. */
START_TEST(text_names_each)
{
	add_refused("e@f", "no such user");
	envelope_add(&env, "i@j");
	verdict_set(&env.list[2].verdict, RECIPIENT_DEFERRED, ERR_TEMPORARY,
	    450, "4.2.1", "full", 4);
	envelope_add(&env, "k@l");
	verdict_set(&env.list[3].verdict, RECIPIENT_UNKNOWN, ERR_TEMPORARY,
	    0, "", "may have been delivered", 23);
	report_text(&o, &out);
	says("'c@d' has got it\n");
	says("'e@f' has not got it");
	says("550 5.1.1 no such user\n");
	says("'i@j' has not got it");
	says("450 4.2.1 full\n");
	says("'k@l' may have got it: may have been delivered\n");
}
END_TEST

START_TEST(text_with_both)
{
	error_set(&o.error, ERR_TEMPORARY, "the relay closed the connection");
	verdict_set(&env.list[0].verdict, RECIPIENT_UNTRIED, ERR_TEMPORARY, 0,
	    "", NULL, 0);
	text_is("sendoff: the relay closed the connection\n"
	    "sendoff: 'c@d' has not got it\n");
}
END_TEST

/* Nothing that a terminal obeys, from wherever it came. */
START_TEST(text_is_safe)
{
	const char *s;

	add_refused("\033[1m\302\233@f", "\033]0;x\007\n\302\233");
	error_set(&o.error, ERR_PROTOCOL, "\033]0;x\007");
	report_text(&o, &out);
	for (s = out.data; *s != '\0'; s++)
		ck_assert(*s == '\n' || !ascii_iscntrl(*s));
	ck_assert_ptr_null(strstr(out.data, "\302\233"));
}
END_TEST

/* All that contract section 7 lists, on one line. */
START_TEST(log_text)
{
	add_refused("e@f", "no \"such\"\nuser");
	report_log(&o, "text", &out);
	says("status=67");
	says("account=home");
	says("relay=mail.example.org:587");
	says("tls=TLS1.3");
	says("auth=SCRAM-SHA-256");
	says("from=<a@b>");
	says("to=<c@d> state=accepted");
	says("to=<e@f> state=refused");
	says("550");
	says("such");
	says("size=2048");
	says("message-id=<1@b>");
	says("ms=81");
	ck_assert_ptr_null(strchr(out.data, '\n'));
	ck_assert_ptr_null(strstr(out.data, "\"such\""));
}
END_TEST

START_TEST(log_of_an_error)
{
	o.account = NULL;
	o.envelope = NULL;
	o.result = NULL;
	o.message_id = NULL;
	error_set(&o.error, ERR_CONFIG, "no \"account\"\n");
	report_log(&o, "text", &out);
	says("status=78");
	says("error=\"no \\\"account\\\"\\\\x0A\"");
	ck_assert_ptr_null(strchr(out.data, '\n'));
	buf_clear(&out);
	report_log(&o, "json", &out);
	says("\"status\":78,");
	ck_assert_ptr_null(strstr(out.data, "\"time\""));
	o.time = "2026-11-23T18:20:34Z";
	buf_clear(&out);
	report_log(&o, "json", &out);
	ck_assert(str_starts(out.data,
	    "{\"time\":\"2026-11-23T18:20:34Z\",\"status\":78,"));
	is_json("");
}
END_TEST

/* An id that the message brought puts no line and no word into the log. */
START_TEST(log_is_one_line)
{
	o.message_id = "x\r\nstatus=0\033";
	report_log(&o, "text", &out);
	ck_assert_ptr_null(strpbrk(out.data, "\r\n\033"));
	verdict_set(&env.list[0].verdict, RECIPIENT_UNKNOWN, ERR_TEMPORARY, 0,
	    "", NULL, 0);
	buf_clear(&out);
	report_log(&o, "text", &out);
	says("state=unknown");
	says("status=75");
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("report");
	t = tcase_create("report");
	tcase_add_checked_fixture(t, start, finish);
	tcase_add_test(t, status);
	tcase_add_test(t, json);
	tcase_add_test(t, json_of_nothing);
	tcase_add_test(t, json_of_each_state);
	tcase_add_test(t, json_is_json);
	tcase_add_test(t, json_of_much);
	tcase_add_test(t, relay_names);
	tcase_add_test(t, text_of_success);
	tcase_add_test(t, text_of_an_error);
	tcase_add_test(t, text_names_each);
	tcase_add_test(t, text_with_both);
	tcase_add_test(t, text_is_safe);
	tcase_add_test(t, log_text);
	tcase_add_test(t, log_of_an_error);
	tcase_add_test(t, log_is_one_line);
	suite_add_tcase(s, t);
	return run_suite(s);
}
