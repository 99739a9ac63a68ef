/* SPDX-License-Identifier: ISC */
/*
 * Authentication: each mechanism's bytes, SCRAM against a libgsasl server, and
 * what a relay may not ask for.
 */
#include "config.h"

#include <gsasl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "runner.h"
#include "base/mem.h"
#include "smtp/auth.h"

#define USER		"alice"
#define PASSWORD	"s3cret pass"
#define TOKEN		"ya29.a-b_c~d+e/f=="
#define BINDING		"AAECAwQFBgcICQoLDA0ODw=="

static int
credentials(Gsasl *context, Gsasl_session *session, Gsasl_property property)
{
	(void)context;
	switch (property) {
	case GSASL_PASSWORD:
		return gsasl_property_set(session, property, PASSWORD);
	case GSASL_SCRAM_ITER:
		return gsasl_property_set(session, property, "4096");
	case GSASL_CB_TLS_EXPORTER:
		return gsasl_property_set(session, property, BINDING);
	default:
		return GSASL_NO_CALLBACK;
	}
}

/* A client and a server that talk to each other. */
struct talk {
	struct auth_settings settings;
	struct auth *client;
	Gsasl *context;
	Gsasl_session *server;
	struct buf answer;
	struct error e;
};

static void
talk_init(struct talk *t, const char *mechanism, const char *password)
{
	memset(t, 0, sizeof *t);
	buf_init_secret(&t->answer, 64 * 1024);
	ck_assert_int_eq(gsasl_init(&t->context), GSASL_OK);
	gsasl_callback_set(t->context, credentials);
	ck_assert_int_eq(gsasl_server_start(t->context, mechanism,
	    &t->server), GSASL_OK);
	t->settings.username = USER;
	t->settings.host = "mail.example.org";
	t->settings.port = 587;
	if (strstr(mechanism, "PLUS") != NULL) {
		t->settings.binding.type = "tls-exporter";
		t->settings.binding.data = BINDING;
	}
	t->client = auth_new(mechanism, &t->settings, password, &t->e);
	ck_assert_ptr_nonnull(t->client);
}

static void
talk_release(struct talk *t)
{
	auth_free(t->client);
	gsasl_finish(t->server);
	gsasl_done(t->context);
	buf_release(&t->answer);
}

static int
step(struct talk *t, const char *challenge)
{
	buf_clear(&t->answer);
	return auth_step(t->client, challenge, &t->answer, &t->e);
}

/* The client's last answer to the server; its challenge in base64, owned. */
static char *
ask(struct talk *t, int *rc)
{
	char *challenge = NULL;

	*rc = gsasl_step64(t->server, t->answer.data, &challenge);
	return challenge;
}

static char *
encoded(const char *text)
{
	char *out;
	size_t len;

	ck_assert_int_eq(gsasl_base64_to(text, strlen(text), &out, &len),
	    GSASL_OK);
	return out;
}

static char *
decoded(const char *text)
{
	char *out, *copy;
	size_t len;

	ck_assert_int_eq(gsasl_base64_from(text, strlen(text), &out, &len),
	    GSASL_OK);
	copy = strndup(out, len);
	gsasl_free(out);
	return copy;
}

static int
say(struct talk *t, const char *text)
{
	char *challenge = encoded(text);
	int rc;

	rc = step(t, challenge);
	free(challenge);
	return rc;
}

static const char *const scram[] = { "SCRAM-SHA-1", "SCRAM-SHA-256",
    "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS" };

START_TEST(scram_good)
{
	struct talk t;
	char *challenge;
	int rc;

	talk_init(&t, scram[_i], PASSWORD);
	ck_assert_int_eq(step(&t, NULL), 0);
	ck_assert_int_eq(auth_finish(t.client, &t.e), -1);
	ck_assert_int_eq(t.e.class, ERR_AUTH);
	challenge = ask(&t, &rc);
	ck_assert_int_eq(rc, GSASL_NEEDS_MORE);
	ck_assert_int_eq(step(&t, challenge), 0);
	gsasl_free(challenge);
	ck_assert_int_eq(auth_finish(t.client, &t.e), -1);
	challenge = ask(&t, &rc);
	ck_assert_int_eq(rc, GSASL_OK);
	ck_assert_int_eq(step(&t, challenge), 0);
	ck_assert_uint_eq(t.answer.len, 0);
	gsasl_free(challenge);
	ck_assert_int_eq(auth_finish(t.client, &t.e), 0);
	/* One challenge more is a breach. */
	ck_assert_int_eq(step(&t, ""), -1);
	ck_assert_int_eq(t.e.class, ERR_PROTOCOL);
	talk_release(&t);
}
END_TEST

START_TEST(scram_wrong_password)
{
	struct talk t;
	char *challenge;
	int rc;

	talk_init(&t, scram[_i], "another");
	ck_assert_int_eq(step(&t, NULL), 0);
	challenge = ask(&t, &rc);
	ck_assert_int_eq(step(&t, challenge), 0);
	gsasl_free(challenge);
	challenge = ask(&t, &rc);
	ck_assert_int_eq(rc, GSASL_AUTHENTICATION_ERROR);
	gsasl_free(challenge);
	ck_assert_int_eq(auth_finish(t.client, &t.e), -1);
	ck_assert_int_eq(t.e.class, ERR_AUTH);
	ck_assert_ptr_nonnull(strstr(t.e.text,
	    "server did not prove that it knows the password"));
	talk_release(&t);
}
END_TEST

static const struct {
	const char *count;
	bool good;
} iterations[] = {
	{ "0", false }, { "1", false }, { "4095", false }, { "4096", true },
	{ "1000000", true }, { "1000001", false }, { "2147483647", false },
	{ "4294971392", false }, { "18446744073709555712", false },
	{ "-4096", false }, { "4096x", false }, { "", false },
};

/* The server's first message with a nonce and an iteration count. */
static void
first_message(struct talk *t, const char *begin, const char *count,
    struct buf *out)
{
	const char *nonce;
	char *first;

	first = decoded(t->answer.data);
	nonce = strstr(first, ",r=");
	ck_assert_ptr_nonnull(nonce);
	buf_init(out, 4096);
	buf_addf(out, "r=%s%sserver,s=c2FsdHNhbHQ=,i=%s", begin, nonce + 3,
	    count);
	free(first);
}

START_TEST(scram_iterations)
{
	struct buf text;
	struct talk t;
	int rc;

	talk_init(&t, "SCRAM-SHA-256", PASSWORD);
	ck_assert_int_eq(step(&t, NULL), 0);
	first_message(&t, "", iterations[_i].count, &text);
	rc = say(&t, text.data);
	ck_assert_msg(rc == (iterations[_i].good ? 0 : -1), "i=%s: %d",
	    iterations[_i].count, rc);
	if (rc == -1) {
		ck_assert_int_eq(t.e.class, ERR_AUTH);
		ck_assert_ptr_nonnull(strstr(t.e.text,
		    "server did not prove that it knows the password"));
	}
	buf_release(&text);
	talk_release(&t);
}
END_TEST

START_TEST(scram_foreign_nonce)
{
	struct buf text;
	struct talk t;

	talk_init(&t, scram[_i], PASSWORD);
	ck_assert_int_eq(step(&t, NULL), 0);
	first_message(&t, "x", "4096", &text);
	ck_assert_int_eq(say(&t, text.data), -1);
	ck_assert_int_eq(t.e.class, ERR_AUTH);
	ck_assert_ptr_nonnull(strstr(t.e.text,
	    "server did not prove that it knows the password"));
	buf_release(&text);
	talk_release(&t);
}
END_TEST

static const char *const wrong_ends[] = {
	"v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	"v=", "x", "e=invalid-proof", ""
};

/* What is no signature in the last message never lets a 235 stand. */
START_TEST(scram_wrong_end)
{
	struct talk t;
	char *challenge;
	int rc, end = _i % 6;

	talk_init(&t, scram[_i / 6], PASSWORD);
	ck_assert_int_eq(step(&t, NULL), 0);
	challenge = ask(&t, &rc);
	ck_assert_int_eq(step(&t, challenge), 0);
	gsasl_free(challenge);
	if (say(&t, wrong_ends[end]) == -1)
		ck_assert_int_eq(t.e.class, ERR_AUTH);
	ck_assert_int_eq(auth_finish(t.client, &t.e), -1);
	ck_assert_int_eq(t.e.class, ERR_AUTH);
	talk_release(&t);
}
END_TEST

START_TEST(scram_error_is_shown)
{
	struct talk t;
	char *challenge;
	int rc;

	talk_init(&t, "SCRAM-SHA-1", PASSWORD);
	ck_assert_int_eq(step(&t, NULL), 0);
	challenge = ask(&t, &rc);
	ck_assert_int_eq(step(&t, challenge), 0);
	gsasl_free(challenge);
	ck_assert_int_eq(say(&t, "e=unknown-user\033[31m"), -1);
	ck_assert_int_eq(t.e.class, ERR_AUTH);
	ck_assert_ptr_nonnull(strstr(t.e.text, "unknown-user\\x1B"));
	talk_release(&t);
}
END_TEST

/*
 * Whatever the length of the server's message: what stands behind its base64
 * in memory is no part of the count.
 */
START_TEST(scram_lengths)
{
	struct talk t;
	struct buf first;
	int i, k;

	/* What malloc gives is full of digits. */
	mallopt(M_PERTURB, 0xff ^ '7');
	for (i = 0; i < 48; i++) {
		talk_init(&t, scram[i % 2], PASSWORD);
		ck_assert_int_eq(step(&t, NULL), 0);
		first_message(&t, "", "4096", &first);
		for (k = 0; k < i; k++)
			buf_insert(&first, (size_t)(strstr(first.data, ",s=") -
			    first.data), "x", 1);
		ck_assert_msg(say(&t, first.data) == 0, "%s", t.e.text);
		buf_release(&first);
		talk_release(&t);
	}
}
END_TEST

START_TEST(challenge_limits)
{
	struct talk t;
	char *big;

	talk_init(&t, "SCRAM-SHA-1", PASSWORD);
	ck_assert_int_eq(step(&t, NULL), 0);
	big = malloc(AUTH_CHALLENGE_MAX + 5);
	memset(big, 'A', AUTH_CHALLENGE_MAX + 4);
	big[AUTH_CHALLENGE_MAX + 4] = '\0';
	ck_assert_int_eq(step(&t, big), -1);
	ck_assert_int_eq(t.e.class, ERR_PROTOCOL);
	free(big);
	talk_release(&t);
}
END_TEST

START_TEST(challenge_not_base64)
{
	static const char *const texts[] = { "not base64!", "AAA", "===",
	    "\033[1m", "AAAA=AAA" };
	struct talk t;

	talk_init(&t, "SCRAM-SHA-256", PASSWORD);
	ck_assert_int_eq(step(&t, NULL), 0);
	ck_assert_int_eq(step(&t, texts[_i]), -1);
	ck_assert_int_eq(t.e.class, ERR_PROTOCOL);
	talk_release(&t);
}
END_TEST

/* 334 for ever. */
START_TEST(rounds)
{
	static const char *const names[] = { "PLAIN", "LOGIN",
	    "SCRAM-SHA-1" };
	struct talk t;
	int i, rc = 0;

	talk_init(&t, names[_i], PASSWORD);
	if (auth_client_first(names[_i]))
		ck_assert_int_eq(step(&t, NULL), 0);
	for (i = 0; i <= AUTH_ROUNDS_MAX && rc == 0; i++)
		rc = step(&t, "");
	ck_assert_int_eq(rc, -1);
	ck_assert_msg(t.e.class == ERR_PROTOCOL || _i == 2, "%s", t.e.text);
	talk_release(&t);
}
END_TEST

START_TEST(plain)
{
	struct talk t;

	talk_init(&t, "PLAIN", PASSWORD);
	ck_assert_int_eq(step(&t, NULL), 0);
	ck_assert_str_eq(t.answer.data, "AGFsaWNlAHMzY3JldCBwYXNz");
	ck_assert_int_eq(auth_finish(t.client, &t.e), 0);
	talk_release(&t);
}
END_TEST

START_TEST(login)
{
	struct talk t;

	talk_init(&t, "LOGIN", PASSWORD);
	ck_assert_int_eq(step(&t, "VXNlcm5hbWU6"), 0);
	ck_assert_str_eq(t.answer.data, "YWxpY2U=");
	ck_assert_int_eq(step(&t, "UGFzc3dvcmQ6"), 0);
	ck_assert_str_eq(t.answer.data, "czNjcmV0IHBhc3M=");
	ck_assert_int_eq(auth_finish(t.client, &t.e), 0);
	talk_release(&t);
}
END_TEST

START_TEST(external)
{
	struct auth_settings s;
	struct auth *a;
	struct error e;
	struct buf out;

	buf_init(&out, 4096);
	memset(&s, 0, sizeof s);
	s.username = USER;
	a = auth_new("EXTERNAL", &s, NULL, &e);
	ck_assert_ptr_nonnull(a);
	ck_assert_int_eq(auth_step(a, NULL, &out, &e), 0);
	ck_assert_str_eq(out.data, "YWxpY2U=");
	ck_assert_int_eq(auth_finish(a, &e), 0);
	auth_free(a);
	buf_release(&out);
}
END_TEST

/* RFC 2195's own example, with its user and its shared secret. */
START_TEST(cram_md5)
{
	struct auth_settings s;
	struct auth *a;
	struct error e;
	struct buf out;
	char *text;

	memset(&s, 0, sizeof s);
	s.username = "tim";
	buf_init_secret(&out, 4096);
	a = auth_new("CRAM-MD5", &s, "tanstaaftanstaaf", &e);
	ck_assert_ptr_nonnull(a);
	ck_assert_int_eq(auth_step(a, "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmV"
	    "zdG9uLm1jaS5uZXQ+", &out, &e), 0);
	text = decoded(out.data);
	ck_assert_str_eq(text, "tim b913a602c7eda7a495b4e6e7334d3890");
	free(text);
	auth_free(a);
	buf_release(&out);
}
END_TEST

/* libgsasl would read past the end of an empty challenge. */
START_TEST(digest_md5_empty)
{
	struct talk t;

	talk_init(&t, "DIGEST-MD5", PASSWORD);
	ck_assert_int_eq(step(&t, ""), 0);
	ck_assert_str_eq(t.answer.data, "");
	ck_assert_int_eq(auth_finish(t.client, &t.e), -1);
	talk_release(&t);
}
END_TEST

static const struct {
	const char *mechanism, *first, *second;
} bearers[] = {
	{ "OAUTHBEARER", "n,a=alice,\001host=mail.example.org\001port=587"
	    "\001auth=Bearer " TOKEN "\001\001", "AQ==" },
	{ "XOAUTH2", "user=alice\001auth=Bearer " TOKEN "\001\001", "" },
};

START_TEST(bearer)
{
	static const char json[] = "{\"status\":\"invalid_token\"}";
	struct talk t;
	char *text;

	memset(&t, 0, sizeof t);
	t.settings.username = USER;
	t.settings.host = "mail.example.org";
	t.settings.port = 587;
	buf_init_secret(&t.answer, 64 * 1024);
	t.client = auth_new(bearers[_i].mechanism, &t.settings, TOKEN, &t.e);
	ck_assert_ptr_nonnull(t.client);
	ck_assert_int_eq(step(&t, NULL), 0);
	text = decoded(t.answer.data);
	ck_assert_str_eq(text, bearers[_i].first);
	free(text);
	ck_assert_int_eq(auth_finish(t.client, &t.e), 0);
	ck_assert_ptr_null(auth_complaint(t.client));
	/* It is refused, asks for the empty answer, and asks no more. */
	ck_assert_int_eq(say(&t, json), 0);
	ck_assert_str_eq(t.answer.data, bearers[_i].second);
	ck_assert_str_eq(auth_complaint(t.client), json);
	ck_assert_int_eq(auth_finish(t.client, &t.e), -1);
	ck_assert_int_eq(t.e.class, ERR_AUTH);
	ck_assert_int_eq(say(&t, json), -1);
	ck_assert_int_eq(t.e.class, ERR_PROTOCOL);
	auth_free(t.client);
	buf_release(&t.answer);
}
END_TEST

/* What would add a field to the response is no token, and is not shown. */
START_TEST(no_token)
{
	static const char *const tokens[] = { "", "a b", "a\001b", "a\r\nb",
	    "\303\274", "a,b" };
	struct auth_settings s;
	struct error e;

	memset(&s, 0, sizeof s);
	s.username = USER;
	s.host = "mail.example.org";
	ck_assert_ptr_null(auth_new(_i % 2 == 0 ? "OAUTHBEARER" : "XOAUTH2",
	    &s, tokens[_i], &e));
	ck_assert_int_eq(e.class, ERR_AUTH);
	ck_assert(tokens[_i][0] == '\0' || strstr(e.text, tokens[_i]) == NULL);
}
END_TEST

/* RFC 5801 section 4: what a user name may hold and the header may not. */
START_TEST(bearer_name)
{
	struct auth_settings s;
	struct auth *a;
	struct error e;
	struct buf out;
	char *text;

	memset(&s, 0, sizeof s);
	s.username = "a,b=c";
	s.host = "h";
	buf_init_secret(&out, 4096);
	a = auth_new("OAUTHBEARER", &s, TOKEN, &e);
	ck_assert_ptr_nonnull(a);
	ck_assert_int_eq(auth_step(a, NULL, &out, &e), 0);
	text = decoded(out.data);
	ck_assert_int_eq(strncmp(text, "n,a=a=2Cb=3Dc,\001", 15), 0);
	free(text);
	auth_free(a);
	buf_release(&out);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("auth");
	t = tcase_create("auth");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, scram_good, 0, 4);
	tcase_add_loop_test(t, scram_wrong_password, 0, 4);
	tcase_add_loop_test(t, scram_iterations, 0,
	    sizeof iterations / sizeof *iterations);
	tcase_add_loop_test(t, scram_foreign_nonce, 0, 2);
	tcase_add_loop_test(t, scram_wrong_end, 0, 12);
	tcase_add_test(t, scram_error_is_shown);
	tcase_add_test(t, scram_lengths);
	tcase_add_test(t, challenge_limits);
	tcase_add_loop_test(t, challenge_not_base64, 0, 5);
	tcase_add_loop_test(t, rounds, 0, 3);
	tcase_add_test(t, plain);
	tcase_add_test(t, login);
	tcase_add_test(t, external);
	tcase_add_test(t, cram_md5);
	tcase_add_test(t, digest_md5_empty);
	tcase_add_loop_test(t, bearer, 0, 2);
	tcase_add_loop_test(t, no_token, 0, 6);
	tcase_add_test(t, bearer_name);
	suite_add_tcase(s, t);
	return run_suite(s);
}
