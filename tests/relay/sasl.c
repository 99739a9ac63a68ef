/* SPDX-License-Identifier: ISC */
/*
 * Mechanisms: SCRAM, CRAM-MD5, DIGEST-MD5 and GSSAPI by libgsasl, the others by
 * hand.  RFC 4616 (PLAIN), RFC 4422 appendix A (EXTERNAL), RFC 7628
 * (OAUTHBEARER), RFC 5802, 7677, 9266 (SCRAM), 2195 (CRAM-MD5), 2831
 * (DIGEST-MD5), 4752 (GSSAPI: smtp/localhost, with KRB5_KTNAME's key).
 */
#include "config.h"

#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conn.h"
#include "dialogue.h"
#include "record.h"
#include "sasl.h"
#include "talk.h"

/* Who the user is to Kerberos: tests/gssapi's realm. */
#define PRINCIPAL	DIALOGUE_USER "@EXAMPLE.ORG"

/* One AUTH command. */
struct exchange {
	const struct sasl_settings *settings;
	struct conn *c;
	struct record *r;
	const char *mechanism;
	const char *initial;	/* as in the AUTH line, or "" */
	bool right;		/* this is the user */
};

struct mechanism {
	const char *name;
	enum talk_result (*run)(struct exchange *);
	bool server_first;
};

static bool
equal(const gnutls_datum_t *given, const char *want, size_t len)
{
	return given->size == len && memcmp(given->data, want, len) == 0;
}

static enum talk_result
run_plain(struct exchange *x)
{
	static const char want[] = "\0" DIALOGUE_USER "\0" DIALOGUE_PASSWORD;
	gnutls_datum_t given;
	enum talk_result t;

	t = talk_first(x->c, x->r, x->initial, &given);
	x->right = t == TALK_OK && equal(&given, want, sizeof(want) - 1);
	gnutls_free(given.data);
	return t;
}

static enum talk_result
run_login(struct exchange *x)
{
	gnutls_datum_t user, password;
	enum talk_result t;
	bool known;

	if (*x->initial == '\0')
		t = talk_ask(x->c, x->r, "Username:", 9, &user);
	else
		t = talk_first(x->c, x->r, x->initial, &user);
	known = t == TALK_OK &&
	    equal(&user, DIALOGUE_USER, strlen(DIALOGUE_USER));
	gnutls_free(user.data);
	if (t != TALK_OK)
		return t;
	t = talk_ask(x->c, x->r, "Password:", 9, &password);
	x->right = t == TALK_OK && known &&
	    equal(&password, DIALOGUE_PASSWORD, strlen(DIALOGUE_PASSWORD));
	gnutls_free(password.data);
	return t;
}

static enum talk_result
run_external(struct exchange *x)
{
	gnutls_datum_t given;
	enum talk_result t;
	unsigned certificates = 0;

	t = talk_first(x->c, x->r, x->initial, &given);
	if (x->settings->client_certificate && x->c->tls != NULL)
		gnutls_certificate_get_peers(x->c->tls, &certificates);
	x->right = t == TALK_OK && certificates > 0 && (given.size == 0 ||
	    equal(&given, DIALOGUE_USER, strlen(DIALOGUE_USER)));
	gnutls_free(given.data);
	return t;
}

/* Takes the prefix off the text; false when it is not there. */
static bool
skip(const char **text, const char *end, const char *prefix)
{
	size_t len = strlen(prefix);

	if ((size_t)(end - *text) < len ||
	    memcmp(*text, prefix, len) != 0)
		return false;
	*text += len;
	return true;
}

/* The pairs of RFC 7628, the last one included: "key=value", each with \1. */
static bool
right_pairs(const char *text, const char *end, const char *token)
{
	const char *stop;
	bool right = false;

	while (text < end && *text != '\1') {
		stop = memchr(text, '\1', (size_t)(end - text));
		if (stop == NULL)
			return false;
		if (skip(&text, stop, "auth=Bearer ")) {
			right = (size_t)(stop - text) == strlen(token) &&
			    memcmp(text, token, strlen(token)) == 0;
		} else if (!skip(&text, stop, "host=") &&
		    !skip(&text, stop, "port="))
			return false;
		text = stop + 1;
	}
	return right && text + 1 == end;
}

bool
sasl_oauth(const char *mechanism, const char *text, size_t len,
    const char *token)
{
	const char *end = text + len;

	if (strcasecmp(mechanism, "XOAUTH2") == 0) {
		if (!skip(&text, end, "user=" DIALOGUE_USER "\1"))
			return false;
	} else if (!skip(&text, end, "n,a=" DIALOGUE_USER ",\1") &&
	    !skip(&text, end, "n,,\1"))
		return false;
	return right_pairs(text, end, token);
}

/*
 * What is wrong comes as a challenge, which the client has to answer before
 * it is refused: with \1 (RFC 7628 section 3.2.3), XOAUTH2 with nothing.
 */
static enum talk_result
refuse_token(struct exchange *x)
{
	static const char why[] = "{\"status\":\"invalid_token\","
	    "\"scope\":\"mail\",\"openid-configuration\":"
	    "\"https://example.org/.well-known/openid-configuration\"}";
	gnutls_datum_t given;
	enum talk_result t;

	t = talk_ask(x->c, x->r, why, sizeof(why) - 1, &given);
	if (t == TALK_OK && !equal(&given, "\1",
	    strcasecmp(x->mechanism, "XOAUTH2") == 0 ? 0 : 1))
		t = TALK_MALFORMED;
	gnutls_free(given.data);
	return t;
}

static enum talk_result
run_oauth(struct exchange *x)
{
	gnutls_datum_t given;
	enum talk_result t;

	t = talk_first(x->c, x->r, x->initial, &given);
	x->right = t == TALK_OK && sasl_oauth(x->mechanism,
	    (const char *)given.data, given.size, x->settings->token);
	gnutls_free(given.data);
	if (t == TALK_OK && !x->right)
		return refuse_token(x);
	return t;
}

/* Whether one of the names, with a blank between two, is this one. */
static bool
named(const char *names, const char *name, size_t len)
{
	size_t n;

	for (; names != NULL && *names != '\0'; names += n) {
		names += strspn(names, " ");
		n = strcspn(names, " ");
		if (n > 0 && n == len && strncasecmp(names, name, n) == 0)
			return true;
	}
	return false;
}

/* Whether there is a mechanism that binds to the channel. */
static bool
binds(const struct sasl_settings *s)
{
	static const char *const plus[] = {
		"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS",
	};
	size_t i;

	for (i = 0; i < sizeof(plus) / sizeof(plus[0]); i++)
		if (named(s->mechanisms, plus[i], strlen(plus[i])) ||
		    named(s->hidden, plus[i], strlen(plus[i])))
			return true;
	return false;
}

/*
 * The channel's binding.  tls-unique is there below TLS 1.3 whether it is
 * safe or not (RFC 7627 section 5.4), as with servers that know no better.
 */
static int
set_binding(struct exchange *x, Gsasl_session *s, Gsasl_property property)
{
	bool exporter = property == GSASL_CB_TLS_EXPORTER;
	gnutls_datum_t binding;
	char *coded;

	if (x->c->tls == NULL || !binds(x->settings) ||
	    exporter != (gnutls_protocol_get_version(x->c->tls) >=
	    GNUTLS_TLS1_3) || gnutls_session_channel_binding(x->c->tls,
	    exporter ? GNUTLS_CB_TLS_EXPORTER : GNUTLS_CB_TLS_UNIQUE,
	    &binding) < 0)
		return GSASL_NO_CALLBACK;
	if (x->settings->wrong_binding && binding.size > 0)
		binding.data[0] ^= 1;
	coded = talk_encode(binding.data, binding.size);
	gnutls_free(binding.data);
	if (coded == NULL)
		return GSASL_MALLOC_ERROR;
	gsasl_property_set(s, property, coded);
	free(coded);
	return GSASL_OK;
}

static bool
is_property(Gsasl_session *s, Gsasl_property property, const char *want)
{
	const char *value = gsasl_property_fast(s, property);

	return value != NULL && strcmp(value, want) == 0;
}

/* Nobody may act for another. */
static bool
acts_for_itself(Gsasl_session *s)
{
	const char *name = gsasl_property_fast(s, GSASL_AUTHZID);

	return name == NULL || *name == '\0' ||
	    strcmp(name, DIALOGUE_USER) == 0;
}

static int
callback(Gsasl *context, Gsasl_session *s, Gsasl_property property)
{
	struct exchange *x = gsasl_session_hook_get(s);

	(void)context;
	switch ((int)property) {
	case GSASL_PASSWORD:
		if (!is_property(s, GSASL_AUTHID, DIALOGUE_USER))
			return GSASL_NO_CALLBACK;
		return gsasl_property_set(s, property, DIALOGUE_PASSWORD);
	case GSASL_CB_TLS_EXPORTER:
	case GSASL_CB_TLS_UNIQUE:
		return set_binding(x, s, property);
	case GSASL_SERVICE:
		return gsasl_property_set(s, property, "smtp");
	case GSASL_HOSTNAME:
		return gsasl_property_set(s, property, "localhost");
	case GSASL_VALIDATE_GSSAPI:
		if (is_property(s, GSASL_GSSAPI_DISPLAY_NAME, PRINCIPAL))
			return GSASL_OK;
		return GSASL_AUTHENTICATION_ERROR;
	default:
		return GSASL_NO_CALLBACK;
	}
}

/* libgsasl's steps to the end; its last words want an empty answer. */
static enum talk_result
gsasl_steps(struct exchange *x, Gsasl_session *s, gnutls_datum_t *given)
{
	enum talk_result t = TALK_OK;
	size_t len;
	char *out;
	int rc;

	do {
		out = NULL;
		rc = gsasl_step(s, (const char *)given->data, given->size,
		    &out, &len);
		gnutls_free(given->data);
		given->data = NULL;
		given->size = 0;
		if (rc == GSASL_NEEDS_MORE || (rc == GSASL_OK && len > 0))
			t = talk_ask(x->c, x->r, out, len, given);
		gsasl_free(out);
	} while (rc == GSASL_NEEDS_MORE && t == TALK_OK);
	if (rc != GSASL_OK && t == TALK_OK)
		record_say(x->r, "GSASL", gsasl_strerror(rc),
		    strlen(gsasl_strerror(rc)));
	if (rc == GSASL_OK && t == TALK_OK && given->size > 0)
		t = TALK_MALFORMED;
	x->right = rc == GSASL_OK && t == TALK_OK && acts_for_itself(s);
	return t;
}

static enum talk_result
run_gsasl(struct exchange *x)
{
	gnutls_datum_t given = { NULL, 0 };
	enum talk_result t = TALK_OK;
	Gsasl_session *s = NULL;
	Gsasl *context = NULL;

	if (*x->initial != '\0')
		t = talk_first(x->c, x->r, x->initial, &given);
	if (t == TALK_OK && gsasl_init(&context) == GSASL_OK) {
		gsasl_callback_set(context, callback);
		if (gsasl_server_start(context, x->mechanism, &s) == GSASL_OK) {
			gsasl_session_hook_set(s, x);
			t = gsasl_steps(x, s, &given);
		}
	}
	gnutls_free(given.data);
	if (s != NULL)
		gsasl_finish(s);
	if (context != NULL)
		gsasl_done(context);
	return t;
}

static const struct mechanism mechanisms[] = {
	{ "PLAIN", run_plain, false },
	{ "LOGIN", run_login, false },
	{ "EXTERNAL", run_external, false },
	{ "OAUTHBEARER", run_oauth, false },
	{ "XOAUTH2", run_oauth, false },
	{ "CRAM-MD5", run_gsasl, true },
	{ "DIGEST-MD5", run_gsasl, true },
	{ "GSSAPI", run_gsasl, false },
	{ "SCRAM-SHA-1", run_gsasl, false },
	{ "SCRAM-SHA-1-PLUS", run_gsasl, false },
	{ "SCRAM-SHA-256", run_gsasl, false },
	{ "SCRAM-SHA-256-PLUS", run_gsasl, false },
};

static const struct mechanism *
find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++)
		if (strlen(mechanisms[i].name) == len &&
		    strncasecmp(mechanisms[i].name, name, len) == 0)
			return &mechanisms[i];
	return NULL;
}

bool
sasl_known(const char *names)
{
	size_t n;

	for (; *names != '\0'; names += n) {
		names += strspn(names, " ");
		n = strcspn(names, " ");
		if (n > 0 && find(names, n) == NULL)
			return false;
	}
	return true;
}

/* The reply that ends it. */
static const char *
verdict(enum talk_result t, bool right)
{
	switch (t) {
	case TALK_CANCELLED:
		return "501 5.7.0 cancelled";
	case TALK_MALFORMED:
		return "501 5.5.2 this is no answer";
	case TALK_TOO_LONG:
		return "500 5.5.6 the line is too long";
	default:
		return right ? "235 2.7.0 welcome" :
		    "535 5.7.8 wrong user or password";
	}
}

int
sasl_login(const struct sasl_settings *settings, struct conn *c,
    struct record *r, const char *arg)
{
	struct exchange x = { .settings = settings, .c = c, .r = r };
	const struct mechanism *m;
	size_t len = strcspn(arg, " ");
	enum talk_result t;

	m = find(arg, len);
	if (m == NULL || (!named(settings->mechanisms, arg, len) &&
	    !named(settings->hidden, arg, len)))
		return talk_say(c, r, "504 5.5.4 no such mechanism");
	x.mechanism = m->name;
	x.initial = arg + len + (arg[len] == ' ');
	if (strlen("AUTH ") + strlen(arg) + strlen("\r\n") > TALK_AUTH_MAX)
		t = TALK_TOO_LONG;
	else if (m->server_first && *x.initial != '\0')
		t = TALK_MALFORMED;
	else
		t = m->run(&x);
	if (t == TALK_GONE || talk_say(c, r, verdict(t, x.right)) < 0)
		return -1;
	return t == TALK_OK && x.right;
}
