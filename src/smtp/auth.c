/* SPDX-License-Identifier: ISC */
/*
 * Authentication through libgsasl: which mechanism, its steps, and whether the
 * server proved itself.  RFC 4954, 4422, 4616, 5802, 7677.  Opens nothing.
 */
#include "config.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "smtp/auth.h"
#include "smtp/capabilities.h"

/* What there is to know about a mechanism. */
struct mechanism {
	const char *name;
	bool automatic;		/* "auto" tries it; strongest first */
	bool secret;		/* needs the password */
	bool bare;		/* shows the password to who listens */
	bool client_first;
	bool proves_server;	/* the server has to prove itself */
	bool external;		/* refers to the connection below SMTP */
};

static const struct mechanism mechanisms[] = {
	{ "SCRAM-SHA-256", true, true, false, true, true, false },
	{ "SCRAM-SHA-1", true, true, false, true, true, false },
	{ "PLAIN", true, true, true, true, false, false },
	{ "LOGIN", true, true, true, false, false, false },
	{ "EXTERNAL", false, false, false, true, false, true },
};

#define MECHANISMS	(sizeof mechanisms / sizeof *mechanisms)

struct auth {
	const struct mechanism *mechanism;
	Gsasl *context;
	Gsasl_session *session;
	int rounds;
	bool complete;		/* the client's side is satisfied */
};

static const struct mechanism *
find_mechanism(const char *name)
{
	size_t i;

	for (i = 0; i < MECHANISMS; i++)
		if (str_caseeq(mechanisms[i].name, name))
			return &mechanisms[i];
	return NULL;
}

bool
auth_needs_secret(const char *mechanism)
{
	const struct mechanism *m;

	m = find_mechanism(mechanism);
	return m != NULL && m->secret;
}

bool
auth_list_needs_secret(char *const *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (str_caseeq(list[i], "auto") || auth_needs_secret(list[i]))
			return true;
	return false;
}

bool
auth_client_first(const char *mechanism)
{
	const struct mechanism *m;

	m = find_mechanism(mechanism);
	return m != NULL && m->client_first;
}

/* NULL when it will do, else the reason why not. */
static const char *
objection(const struct auth_settings *s, const struct capabilities *c,
    const struct mechanism *m)
{
	if (!capabilities_mechanism(c, m->name))
		return "not offered";
	if (m->bare && !s->encrypted && !s->allow_plaintext)
		return "shows the password without TLS";
	if (m->external && !s->encrypted)
		return "needs TLS or a local socket to refer to";
	return NULL;
}

static const struct mechanism *
choose_auto(const struct auth_settings *s, const struct capabilities *c)
{
	size_t i;

	for (i = 0; i < MECHANISMS; i++)
		if (mechanisms[i].automatic &&
		    objection(s, c, &mechanisms[i]) == NULL)
			return &mechanisms[i];
	return NULL;
}

/* "PLAIN: shows the password without TLS" for each offered one, for a text. */
static void
list_objections(const struct auth_settings *s, const struct capabilities *c,
    struct buf *out)
{
	const struct mechanism *m;
	const char *why;
	size_t i;

	for (i = 0; i < c->mechanism_count; i++) {
		m = find_mechanism(c->mechanisms[i]);
		why = m == NULL ? "not known here" : objection(s, c, m);
		if (why == NULL)
			why = "not in 'auth'";
		buf_addf(out, "%s%s (%s)", i == 0 ? "" : ", ",
		    c->mechanisms[i], why);
	}
}

const char *
auth_choose(const struct auth_settings *s, const struct capabilities *c,
    struct error *e)
{
	const struct mechanism *m = NULL;
	struct buf why;
	size_t i;

	for (i = 0; i < s->mechanism_count && m == NULL; i++) {
		if (str_caseeq(s->mechanisms[i], "auto"))
			m = choose_auto(s, c);
		else
			m = find_mechanism(s->mechanisms[i]);
		if (m != NULL && objection(s, c, m) != NULL)
			m = NULL;
	}
	if (m != NULL)
		return m->name;
	if (c->mechanism_count == 0) {
		error_set(e, ERR_AUTH, "the relay offers no authentication"
		    " for '%s', and sendoff never goes on without: take"
		    " 'username' out of the account if the relay wants none",
		    s->username);
		return NULL;
	}
	buf_init(&why, ERROR_TEXT_MAX);
	list_objections(s, c, &why);
	error_set(e, ERR_AUTH, "no usable authentication for '%s' among what"
	    " the relay offers: %s", s->username, why.data);
	buf_release(&why);
	return NULL;
}

struct auth *
auth_new(const char *mechanism, const char *username, const char *secret,
    struct error *e)
{
	struct auth *a;
	int rc;

	a = xcalloc(1, sizeof *a);
	a->mechanism = find_mechanism(mechanism);
	rc = gsasl_init(&a->context);
	if (rc == GSASL_OK)
		rc = gsasl_client_start(a->context, mechanism, &a->session);
	if (rc == GSASL_OK)
		rc = gsasl_property_set(a->session,
		    a->mechanism->secret ? GSASL_AUTHID : GSASL_AUTHZID,
		    username);
	if (rc == GSASL_OK && secret != NULL)
		rc = gsasl_property_set(a->session, GSASL_PASSWORD, secret);
	if (rc == GSASL_OK)
		return a;
	error_set(e, ERR_AUTH, "cannot begin %s: %s", mechanism,
	    gsasl_strerror(rc));
	auth_free(a);
	return NULL;
}

void
auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	if (a->session != NULL)
		gsasl_finish(a->session);
	if (a->context != NULL)
		gsasl_done(a->context);
	free(a);
}

/* The number behind "i=" of SCRAM's first server message (RFC 5802). */
static int
check_iterations(const char *text, size_t len, struct error *e)
{
	uint64_t n = 0;
	size_t i, begin;

	for (begin = 0; begin < len; begin = i + 1) {
		for (i = begin; i < len && text[i] != ','; i++)
			continue;
		if (i - begin < 3 || memcmp(text + begin, "i=", 2) != 0)
			continue;
		for (begin += 2; begin < i; begin++) {
			if (!ascii_isdigit(text[begin]) || n > UINT32_MAX)
				break;
			n = n * 10 + (uint64_t)(text[begin] - '0');
		}
		if (begin < i || n < AUTH_ITERATIONS_MIN ||
		    n > AUTH_ITERATIONS_MAX)
			return error_set(e, ERR_AUTH, "server did not prove"
			    " that it knows the password: it asks for an"
			    " iteration count that is not from %d to %d",
			    AUTH_ITERATIONS_MIN, AUTH_ITERATIONS_MAX);
		return 0;
	}
	return 0;
}

/* "e=..." in place of the server's signature: it refuses, and says why. */
static int
check_server_error(const char *text, size_t len, struct error *e)
{
	if (len < 2 || memcmp(text, "e=", 2) != 0)
		return 0;
	return error_set(e, ERR_AUTH, "the relay refuses the login: %.*s",
	    (int)(len - 2 > 200 ? 200 : len - 2), text + 2);
}

static int
check_challenge(struct auth *a, const char *challenge, struct error *e)
{
	char *text;
	size_t len;
	int rc;

	if (++a->rounds > AUTH_ROUNDS_MAX || a->complete)
		return error_set(e, ERR_PROTOCOL, "the relay goes on asking"
		    " after %s is complete", a->mechanism->name);
	if (strlen(challenge) > AUTH_CHALLENGE_MAX)
		return error_set(e, ERR_PROTOCOL, "the relay sent a challenge"
		    " of more than %d bytes", AUTH_CHALLENGE_MAX);
	if (gsasl_base64_from(challenge, strlen(challenge), &text, &len) !=
	    GSASL_OK)
		return error_set(e, ERR_PROTOCOL,
		    "the relay sent a challenge that is not base64");
	rc = 0;
	if (a->mechanism->proves_server) {
		rc = check_iterations(text, len, e);
		if (rc == 0)
			rc = check_server_error(text, len, e);
	}
	gsasl_free(text);
	return rc;
}

static int
step_failed(const struct auth *a, int rc, struct error *e)
{
	if (a->mechanism->proves_server && a->rounds > 0)
		return error_set(e, ERR_AUTH, "server did not prove that it"
		    " knows the password (%s: %s)", a->mechanism->name,
		    gsasl_strerror(rc));
	return error_set(e, ERR_AUTH, "%s failed: %s", a->mechanism->name,
	    gsasl_strerror(rc));
}

int
auth_step(struct auth *a, const char *challenge, struct buf *out,
    struct error *e)
{
	char *answer = NULL;
	int rc;

	if (challenge != NULL && check_challenge(a, challenge, e) == -1)
		return -1;
	rc = gsasl_step64(a->session, challenge == NULL ? "" : challenge,
	    &answer);
	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
		return step_failed(a, rc, e);
	a->complete = rc == GSASL_OK;
	buf_adds(out, answer);
	mem_wipe(answer, strlen(answer));
	gsasl_free(answer);
	return 0;
}

int
auth_finish(const struct auth *a, struct error *e)
{
	if (!a->mechanism->proves_server || a->complete)
		return 0;
	return error_set(e, ERR_AUTH, "server did not prove that it knows the"
	    " password: it ended %s early", a->mechanism->name);
}
