/* SPDX-License-Identifier: ISC */
/*
 * Authentication through libgsasl: which mechanism, its steps, and whether the
 * server proved itself.  RFC 4954, 4422, 4616, 5802, 7677, 9266.  The bearer
 * tokens, which libgsasl does not know, are in oauth.c.  Opens nothing.
 */
#include "config.h"

#include <gsasl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "smtp/auth.h"
#include "smtp/capabilities.h"
#include "smtp/oauth.h"
#include "smtp/scram.h"

/* What there is to know about a mechanism. */
enum {
	AUTOMATIC = 1 << 0,	/* "auto" tries it; strongest first */
	SECRET = 1 << 1,	/* needs the password, or the token */
	BARE = 1 << 2,		/* shows it to who listens */
	CLIENT_FIRST = 1 << 3,
	PROVES = 1 << 4,	/* the server has to prove itself */
	SCRAM = 1 << 5,
	BOUND = 1 << 6,		/* to the TLS connection */
	OUTER = 1 << 7,		/* refers to the connection below SMTP */
	BEARER = 1 << 8,	/* the secret is a token; not libgsasl's */
	MAY_LACK = 1 << 9	/* libgsasl is built without it in places */
};

#define SCRAM_ANY	(AUTOMATIC | SECRET | CLIENT_FIRST | PROVES | SCRAM)

static const struct mechanism {
	const char *name;
	unsigned int flags;
} mechanisms[] = {
	{ "SCRAM-SHA-256-PLUS", SCRAM_ANY | BOUND },
	{ "SCRAM-SHA-1-PLUS", SCRAM_ANY | BOUND },
	{ "SCRAM-SHA-256", SCRAM_ANY },
	{ "SCRAM-SHA-1", SCRAM_ANY },
	{ "PLAIN", AUTOMATIC | SECRET | BARE | CLIENT_FIRST },
	{ "LOGIN", AUTOMATIC | SECRET | BARE },
	{ "CRAM-MD5", SECRET },
	{ "DIGEST-MD5", SECRET | PROVES },
	{ "NTLM", SECRET | CLIENT_FIRST | MAY_LACK },
	{ "OAUTHBEARER", SECRET | BARE | CLIENT_FIRST | BEARER },
	{ "XOAUTH2", SECRET | BARE | CLIENT_FIRST | BEARER },
	{ "EXTERNAL", CLIENT_FIRST | OUTER },
	{ "GSSAPI", CLIENT_FIRST | PROVES | MAY_LACK },
};

#define MECHANISMS	(sizeof mechanisms / sizeof *mechanisms)

/* GSASL_SERVICE: the name that GSSAPI and DIGEST-MD5 have for SMTP. */
#define SERVICE		"smtp"

/* Bytes of what is kept of a secret, and of its surroundings. */
#define RESPONSE_MAX	(32 * 1024)

struct auth {
	const struct mechanism *mechanism;
	const struct auth_settings *settings;
	Gsasl *context;		/* NULL: a token needs none */
	Gsasl_session *session;
	struct buf response;	/* BEARER: the whole of it; SCRAM: password */
	char *complaint;	/* BEARER: what the relay says of it */
	size_t nonce_len;	/* SCRAM: bytes of ours */
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

static bool
has_flag(const char *mechanism, unsigned int flag)
{
	const struct mechanism *m;

	m = find_mechanism(mechanism);
	return m != NULL && (m->flags & flag) != 0;
}

bool
auth_needs_secret(const char *mechanism)
{
	return has_flag(mechanism, SECRET);
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
auth_list_may_lack_name(char *const *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (find_mechanism(list[i]) != NULL &&
		    !auth_needs_secret(list[i]))
			return true;
	return false;
}

bool
auth_client_first(const char *mechanism)
{
	return has_flag(mechanism, CLIENT_FIRST);
}

static bool
library_lacks(const struct mechanism *m)
{
	Gsasl *context;
	bool lacks;

	if (gsasl_init(&context) != GSASL_OK)
		return true;
	lacks = gsasl_client_support_p(context, m->name) == 0;
	gsasl_done(context);
	return lacks;
}

/* NULL when it will do, else the reason why not. */
static const char *
objection(const struct auth_settings *s, const struct capabilities *c,
    const struct mechanism *m)
{
	if (!capabilities_mechanism(c, m->name))
		return "not offered";
	if ((m->flags & SECRET) != 0 && s->username[0] == '\0')
		return "needs 'username'";
	if ((m->flags & BARE) != 0 && !s->encrypted && !s->allow_plaintext)
		return (m->flags & BEARER) != 0 ?
		    "shows the token without TLS" :
		    "shows the password without TLS";
	if ((m->flags & OUTER) != 0 && !s->encrypted)
		return "needs TLS or a local socket to refer to";
	if ((m->flags & BOUND) != 0 && s->binding.type == NULL)
		return "this connection has nothing to bind it to: it needs"
		    " TLS 1.3, or 1.2 with the extended master secret";
	if ((m->flags & MAY_LACK) != 0 && library_lacks(m))
		return "GNU SASL is built without it here";
	return NULL;
}

static const struct mechanism *
choose_auto(const struct auth_settings *s, const struct capabilities *c)
{
	size_t i;

	for (i = 0; i < MECHANISMS; i++)
		if ((mechanisms[i].flags & AUTOMATIC) != 0 &&
		    objection(s, c, &mechanisms[i]) == NULL)
			return &mechanisms[i];
	return NULL;
}

/* True where the account lets it be taken, if the relay offers it. */
static bool
is_listed(const struct auth_settings *s, const struct mechanism *m)
{
	size_t i;

	for (i = 0; i < s->mechanism_count; i++)
		if (str_caseeq(s->mechanisms[i], m->name) ||
		    (str_caseeq(s->mechanisms[i], "auto") &&
		    (m->flags & AUTOMATIC) != 0))
			return true;
	return false;
}

/*
 * "PLAIN (shows the password without TLS)" for each one that is offered and is
 * not the chosen one (which may be NULL).
 */
static void
list_objections(const struct auth_settings *s, const struct capabilities *c,
    const char *chosen, struct buf *out)
{
	const struct mechanism *m;
	const char *why;
	size_t i, start = out->len;

	for (i = 0; i < c->mechanism_count; i++) {
		if (chosen != NULL && strcmp(c->mechanisms[i], chosen) == 0)
			continue;
		m = find_mechanism(c->mechanisms[i]);
		why = m == NULL ? "not known here" :
		    !is_listed(s, m) ? "not in 'auth'" : objection(s, c, m);
		if (why == NULL)
			why = "comes later";
		buf_addf(out, "%s%s (%s)", out->len == start ? "" : ", ",
		    c->mechanisms[i], why);
	}
}

void
auth_explain(const struct auth_settings *s, const struct capabilities *c,
    const char *mechanism, struct buf *out)
{
	bool automatic = s->mechanism_count == 1 &&
	    str_caseeq(s->mechanisms[0], "auto");

	buf_addf(out, "%s, the %s", mechanism, automatic ?
	    "strongest that is offered and can be used" :
	    "first in 'auth' that is offered and can be used");
	if (c->mechanism_count < 2)
		return;
	buf_adds(out, "; not taken: ");
	list_objections(s, c, mechanism, out);
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
	list_objections(s, c, NULL, &why);
	error_set(e, ERR_AUTH, "no usable authentication for '%s' among what"
	    " the relay offers: %s", s->username, why.data);
	buf_release(&why);
	return NULL;
}

/* Names and numbers that are not secret. */
static int
set_properties(struct auth *a)
{
	const struct auth_settings *s = a->settings;
	int rc;

	rc = gsasl_property_set(a->session, (a->mechanism->flags & SECRET) ?
	    GSASL_AUTHID : GSASL_AUTHZID, s->username);
	if (rc == GSASL_OK)
		rc = gsasl_property_set(a->session, GSASL_SERVICE, SERVICE);
	if (rc == GSASL_OK && s->host != NULL)
		rc = gsasl_property_set(a->session, GSASL_HOSTNAME, s->host);
	if (rc == GSASL_OK && (a->mechanism->flags & BOUND) != 0)
		rc = gsasl_property_set(a->session,
		    strcmp(s->binding.type, "tls-exporter") == 0 ?
		    GSASL_CB_TLS_EXPORTER : GSASL_CB_TLS_UNIQUE,
		    s->binding.data);
	return rc;
}

static int
library_failed(const struct auth *a, int rc, struct error *e)
{
	return error_set(e, ERR_AUTH, "%s failed: %s", a->mechanism->name,
	    gsasl_strerror(rc));
}

/*
 * libgsasl frees its copies of a password as they are, so SCRAM's is kept
 * here, and libgsasl gets what is made of it (see salt_password).
 */
static int
give_secret(struct auth *a, const char *secret)
{
	if (secret == NULL)
		return GSASL_OK;
	if ((a->mechanism->flags & SCRAM) != 0 && str_is_ascii(secret)) {
		buf_adds(&a->response, secret);
		return GSASL_OK;
	}
	return gsasl_property_set(a->session, GSASL_PASSWORD, secret);
}

static int
start_library(struct auth *a, const char *secret, struct error *e)
{
	int rc;

	rc = gsasl_init(&a->context);
	if (rc == GSASL_OK)
		rc = gsasl_client_start(a->context, a->mechanism->name,
		    &a->session);
	if (rc == GSASL_OK)
		rc = set_properties(a);
	if (rc == GSASL_OK)
		rc = give_secret(a, secret);
	return rc == GSASL_OK ? 0 : library_failed(a, rc, e);
}

static int
start_bearer(struct auth *a, const char *token, struct error *e)
{
	const struct auth_settings *s = a->settings;

	if (strcmp(a->mechanism->name, "XOAUTH2") == 0)
		return oauth_xoauth2(s->username, token, &a->response, e);
	return oauth_bearer(s->username, s->host, s->port, token,
	    &a->response, e);
}

struct auth *
auth_new(const char *mechanism, const struct auth_settings *s,
    const char *secret, struct error *e)
{
	struct auth *a;
	int rc;

	a = xcalloc(1, sizeof *a);
	a->mechanism = find_mechanism(mechanism);
	a->settings = s;
	buf_init_secret(&a->response, RESPONSE_MAX);
	if ((a->mechanism->flags & BEARER) != 0)
		rc = start_bearer(a, secret, e);
	else
		rc = start_library(a, secret, e);
	if (rc == 0 && a->response.overflow)
		rc = error_set(e, ERR_AUTH, "the password or token for %s is"
		    " longer than %d bytes", mechanism, RESPONSE_MAX);
	if (rc == 0)
		return a;
	auth_free(a);
	return NULL;
}

/* libgsasl frees its copies as they are. */
static void
wipe_property(Gsasl_session *session, Gsasl_property property)
{
	const char *value;

	value = gsasl_property_fast(session, property);
	if (value != NULL)
		mem_wipe((char *)(uintptr_t)value, strlen(value));
}

void
auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	if (a->session != NULL) {
		wipe_property(a->session, GSASL_PASSWORD);
		wipe_property(a->session, GSASL_SCRAM_SALTED_PASSWORD);
		gsasl_finish(a->session);
	}
	if (a->context != NULL) {
		gsasl_done(a->context);
		mem_scrub_freed();
	}
	buf_release(&a->response);
	free(a->complaint);
	free(a);
}

/* Libgsasl gets what is made of the password, when the salt is known. */
static void
salt_password(struct auth *a, const char *text, size_t len)
{
	struct buf hex;

	buf_init_secret(&hex, 256);
	if (a->response.len > 0 && scram_salt(strstr(a->mechanism->name,
	    "SHA-256") != NULL, &a->response, text, len, &hex)) {
		gsasl_property_set(a->session, GSASL_SCRAM_SALTED_PASSWORD,
		    hex.data);
		buf_release(&a->response);
		buf_init_secret(&a->response, RESPONSE_MAX);
	}
	buf_release(&hex);
}

/* "{"status":"invalid_token",...}", to be shown when the 535 comes. */
static void
keep_complaint(struct auth *a, const char *text, size_t len)
{
	free(a->complaint);
	a->complaint = xstrndup(text, len);
}

/*
 * A challenge within the limits, decoded into text, to be freed.  A NUL stands
 * behind it: libgsasl gives none, and measures some with strlen(3) all the
 * same.
 */
static int
take_challenge(struct auth *a, const char *challenge, char **text,
    size_t *len, struct error *e)
{
	char *decoded;

	if (++a->rounds > AUTH_ROUNDS_MAX || a->complete)
		return error_set(e, ERR_PROTOCOL, "the relay goes on asking"
		    " after %s is complete", a->mechanism->name);
	if (strlen(challenge) > AUTH_CHALLENGE_MAX)
		return error_set(e, ERR_PROTOCOL, "the relay sent a challenge"
		    " of more than %d bytes", AUTH_CHALLENGE_MAX);
	if (gsasl_base64_from(challenge, strlen(challenge), &decoded, len) !=
	    GSASL_OK)
		return error_set(e, ERR_PROTOCOL,
		    "the relay sent a challenge that is not base64");
	*text = xstrndup(decoded, *len);
	gsasl_free(decoded);
	return 0;
}

/* Base64 of what is secret, and is wiped; in is libgsasl's and freed. */
static void
add_coded(char *in, size_t len, struct buf *out)
{
	char *coded;
	size_t n;

	if (gsasl_base64_to(in, len, &coded, &n) == GSASL_OK) {
		buf_add(out, coded, n);
		mem_wipe(coded, n);
		gsasl_free(coded);
	}
	mem_wipe(in, len);
	gsasl_free(in);
}

static int
not_proven(const struct auth *a, const char *why, struct error *e)
{
	return error_set(e, ERR_AUTH, "server did not prove that it %s (%s:"
	    " %s)", (a->mechanism->flags & SECRET) != 0 ?
	    "knows the password" : "is the one that was meant",
	    a->mechanism->name, why);
}

/* libgsasl's answer to a challenge that has been decoded. */
static int
step_library(struct auth *a, const char *text, size_t len, struct buf *out,
    struct error *e)
{
	char *answer = NULL;
	size_t answer_len = 0;
	int rc;

	if ((a->mechanism->flags & SCRAM) != 0 && len > 0) {
		if (scram_check(text, len, a->nonce_len, e) == -1)
			return -1;
		salt_password(a, text, len);
	}
	rc = gsasl_step(a->session, text, len, &answer, &answer_len);
	mem_scrub_stack();
	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE) {
		if ((a->mechanism->flags & PROVES) != 0 && a->rounds > 0)
			return not_proven(a, gsasl_strerror(rc), e);
		return library_failed(a, rc, e);
	}
	a->complete = rc == GSASL_OK;
	if ((a->mechanism->flags & SCRAM) != 0 && a->rounds == 0)
		a->nonce_len = scram_nonce(answer, answer_len);
	if (answer != NULL)
		add_coded(answer, answer_len, out);
	return 0;
}

/*
 * The token; then, to whatever the relay says of it, the empty answer that
 * lets it refuse (RFC 7628 section 3.2.3; XOAUTH2's is an empty line).
 */
static int
step_bearer(struct auth *a, const char *text, size_t len, struct buf *out)
{
	char *coded;
	size_t n;

	if (a->rounds > 0) {
		keep_complaint(a, text, len);
		a->complete = true;
		if (strcmp(a->mechanism->name, "OAUTHBEARER") == 0)
			buf_adds(out, "AQ==");
		return 0;
	}
	if (gsasl_base64_to(a->response.data, a->response.len, &coded, &n) ==
	    GSASL_OK) {
		buf_add(out, coded, n);
		mem_wipe(coded, n);
		gsasl_free(coded);
	}
	buf_clear(&a->response);
	return 0;
}

int
auth_step(struct auth *a, const char *challenge, struct buf *out,
    struct error *e)
{
	char *text = NULL;
	size_t len = 0;
	int rc;

	if (challenge != NULL &&
	    take_challenge(a, challenge, &text, &len, e) == -1)
		return -1;
	if ((a->mechanism->flags & BEARER) != 0)
		rc = step_bearer(a, text == NULL ? "" : text, len, out);
	else
		rc = step_library(a, text == NULL ? "" : text, len, out, e);
	free(text);
	return rc;
}

int
auth_finish(const struct auth *a, struct error *e)
{
	if (a->complaint != NULL)
		return error_set(e, ERR_AUTH, "the relay lets in whom it has"
		    " refused before: its word is not taken");
	if ((a->mechanism->flags & PROVES) != 0 && !a->complete)
		return not_proven(a, "it ended early", e);
	return 0;
}

const char *
auth_complaint(const struct auth *a)
{
	return a->complaint;
}
