/* SPDX-License-Identifier: ISC */
/*
 * SCRAM from the server's side, by hand, since no library can be made to do
 * it wrong.  RFC 5802, RFC 7677.
 */
#include "config.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gnutls/crypto.h>

#include "conn.h"
#include "dialogue.h"
#include "record.h"
#include "scram.h"
#include "talk.h"

#define SERVER_NONCE	"3rfcNHYJY1ZVvWVs7j"
#define SALT		"W22ZaJ0SNY7soEsUEjb6gQ=="
#define ITERATIONS	4096
/* Characters that a client's nonce has at least. */
#define NONCE_MIN	16
#define DIGEST_MAX	32

struct scram {
	struct conn *c;
	struct record *r;
	const struct fault *fault;
	const char *operand;	/* behind the fault's "=" */
	char *why;
	size_t why_size;
	gnutls_mac_algorithm_t mac;
	size_t digest;		/* octets */
	gnutls_datum_t client_first;
	const char *bare;	/* of it, behind the GS2 header */
	const char *client_nonce;	/* the end of it */
	char *server_first;
	gnutls_datum_t client_final;
	unsigned char signature[DIGEST_MAX];
};

struct fault {
	const char *name;	/* "NAME=": something has to stand behind */
	const char *first;	/* of the server's first message, or NULL */
	int (*last)(struct scram *);	/* how it ends */
};

static int fail(struct scram *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int
fail(struct scram *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, s->why_size, fmt, ap);
	va_end(ap);
	return -1;
}

/* Nothing may be there yet when the relay is about to speak. */
static int
my_turn(struct scram *s)
{
	if (conn_pending(s->c))
		return fail(s, "the client went on before the reply");
	return 0;
}

static int
tell(struct scram *s, const char *reply)
{
	if (my_turn(s) < 0)
		return -1;
	if (talk_say(s->c, s->r, reply) < 0 && !s->c->gone)
		return fail(s, "%s", s->c->why);
	return 0;
}

/* A challenge, and what the client says to it. */
static enum talk_result
ask(struct scram *s, const char *text, gnutls_datum_t *answer)
{
	if (my_turn(s) < 0)
		return TALK_GONE;
	s->why[0] = '\0';
	return talk_ask(s->c, s->r, text, strlen(text), answer);
}

/* An answer has to be there. */
static int
must_answer(struct scram *s, const char *text, gnutls_datum_t *answer)
{
	switch (ask(s, text, answer)) {
	case TALK_OK:
		return 0;
	case TALK_GONE:
		return s->why[0] != '\0' ? -1 :
		    fail(s, "SCRAM: %s", s->c->why);
	case TALK_CANCELLED:
		return fail(s, "SCRAM: the client gave up");
	default:
		return fail(s, "SCRAM: this is no base64");
	}
}

/* After this the client has to be gone, or to cancel. */
static int
must_refuse(struct scram *s, const char *text)
{
	gnutls_datum_t answer;
	enum talk_result t;

	t = ask(s, text, &answer);
	gnutls_free(answer.data);
	if (t == TALK_CANCELLED)
		return tell(s, "501 5.7.0 cancelled");
	if (t == TALK_GONE && s->c->gone)
		return 0;
	if (t == TALK_GONE)
		return s->why[0] != '\0' ? -1 : fail(s, "%s", s->c->why);
	return fail(s, "SCRAM: the client answers '%s'", text);
}

/* --- what the client says --------------------------------------------- */

static bool
is_nonce(const char *text)
{
	const char *c;

	for (c = text; *c != '\0'; c++)
		if (*c < 0x21 || *c > 0x7e || *c == ',')
			return false;
	return c - text >= NONCE_MIN;
}

/* "n,,n=alice,r=NONCE"; "y,," is for clients that could do more. */
static int
parse_client_first(struct scram *s)
{
	static const char user[] = "n=" DIALOGUE_USER ",r=";
	const char *text = (const char *)s->client_first.data;

	if (strlen(text) != s->client_first.size ||
	    (strncmp(text, "n,,", 3) != 0 && strncmp(text, "y,,", 3) != 0))
		return fail(s, "SCRAM: a GS2 header that is neither n,, nor"
		    " y,,");
	s->bare = text + 3;
	if (strncmp(s->bare, user, sizeof(user) - 1) != 0)
		return fail(s, "SCRAM: '%s' is not for '" DIALOGUE_USER "'",
		    s->bare);
	s->client_nonce = s->bare + sizeof(user) - 1;
	if (!is_nonce(s->client_nonce))
		return fail(s, "SCRAM: a poor nonce: '%s'", s->client_nonce);
	return 0;
}

static void
hmac(const struct scram *s, const void *key, const char *text, size_t len,
    unsigned char *out)
{
	if (gnutls_hmac_fast(s->mac, key, s->digest, text, len, out) < 0)
		abort();
}

/* The user's keys: what a server has to know. */
static void
derive(const struct scram *s, unsigned char *stored, unsigned char *server)
{
	gnutls_datum_t password, salt;
	unsigned char salted[DIGEST_MAX], client[DIGEST_MAX];

	password.data = (void *)(uintptr_t)DIALOGUE_PASSWORD;
	password.size = (unsigned)strlen(DIALOGUE_PASSWORD);
	if (talk_decode(SALT, strlen(SALT), &salt) < 0 ||
	    gnutls_pbkdf2(s->mac, &password, &salt, ITERATIONS, salted,
	    s->digest) < 0)
		abort();
	gnutls_free(salt.data);
	hmac(s, salted, "Client Key", 10, client);
	hmac(s, salted, "Server Key", 10, server);
	if (gnutls_hash_fast((gnutls_digest_algorithm_t)s->mac, client,
	    s->digest, stored) < 0)
		abort();
}

/* Checks the client's proof and computes the server's signature. */
static int
check_proof(struct scram *s, size_t len, const gnutls_datum_t *proof)
{
	unsigned char stored[DIGEST_MAX], server[DIGEST_MAX];
	unsigned char key[DIGEST_MAX], hash[DIGEST_MAX];
	char *message;
	size_t i;
	int n;

	n = asprintf(&message, "%s,%s,%.*s", s->bare, s->server_first,
	    (int)len, (const char *)s->client_final.data);
	if (n < 0)
		abort();
	derive(s, stored, server);
	hmac(s, stored, message, (size_t)n, key);
	hmac(s, server, message, (size_t)n, s->signature);
	free(message);
	for (i = 0; i < s->digest && i < proof->size; i++)
		key[i] ^= proof->data[i];
	if (gnutls_hash_fast((gnutls_digest_algorithm_t)s->mac, key,
	    s->digest, hash) < 0)
		abort();
	if (proof->size != s->digest || memcmp(hash, stored, s->digest) != 0)
		return fail(s, "SCRAM: the proof is wrong");
	return 0;
}

/* "c=GS2-HEADER,r=NONCE,p=PROOF" */
static int
check_client_final(struct scram *s)
{
	const char *text = (const char *)s->client_final.data, *proof;
	gnutls_datum_t decoded;
	char *want, *header;
	size_t len;
	int rc;

	header = talk_encode(s->client_first.data, 3);
	if (header == NULL || asprintf(&want, "c=%s,r=%s" SERVER_NONCE ",p=",
	    header, s->client_nonce) < 0)
		abort();
	free(header);
	len = strlen(want);
	rc = strncmp(text, want, len) != 0 ?
	    fail(s, "SCRAM: expected '%s', heard '%s'", want, text) : 0;
	free(want);
	if (rc < 0)
		return -1;
	proof = text + len;
	if (talk_decode(proof, strlen(proof), &decoded) < 0)
		return fail(s, "SCRAM: the proof is no base64");
	rc = check_proof(s, len - strlen(",p="), &decoded);
	gnutls_free(decoded.data);
	return rc;
}

/* --- how it ends ------------------------------------------------------- */

/* "v=" and the server's proof, its first octet changed by flip. */
static char *
verifier(struct scram *s, unsigned char flip)
{
	char *coded, *text;

	s->signature[0] ^= flip;
	coded = talk_encode(s->signature, s->digest);
	if (coded == NULL || asprintf(&text, "v=%s", coded) < 0)
		abort();
	free(coded);
	return text;
}

/* The proof, and the empty answer that says that the client is satisfied. */
static int
prove(struct scram *s)
{
	char *text = verifier(s, 0);
	gnutls_datum_t answer;
	int rc;

	rc = must_answer(s, text, &answer);
	free(text);
	if (rc == 0 && answer.size != 0)
		rc = fail(s, "SCRAM: the last answer is not empty");
	gnutls_free(answer.data);
	return rc;
}

static int
end_well(struct scram *s)
{
	return prove(s) < 0 ? -1 : tell(s, "235 2.7.0 welcome");
}

static int
end_wrong_signature(struct scram *s)
{
	char *text = verifier(s, 1);
	int rc;

	rc = must_refuse(s, text);
	free(text);
	return rc;
}

static int
end_no_signature(struct scram *s)
{
	return must_refuse(s, "");
}

static int
end_early(struct scram *s)
{
	return tell(s, "235 2.7.0 welcome");
}

static int
end_refusing(struct scram *s)
{
	return tell(s, "535 5.7.8 wrong user or password");
}

static int
end_error(struct scram *s)
{
	gnutls_datum_t answer;
	enum talk_result t;

	t = ask(s, "e=invalid-proof", &answer);
	gnutls_free(answer.data);
	if (t == TALK_GONE)
		return s->why[0] != '\0' ? -1 : 0;
	return end_refusing(s);
}

static int
end_never(struct scram *s)
{
	gnutls_datum_t answer;
	enum talk_result t;

	if (prove(s) < 0)
		return -1;
	do {
		t = ask(s, "", &answer);
		gnutls_free(answer.data);
	} while (t != TALK_GONE);
	return s->c->gone ? 0 : fail(s, "%s", s->c->why);
}

/* In first, "%c" is the client's nonce and "%o" what stands behind "=". */
static const struct fault faults[] = {
	{ "good", NULL, end_well },
	{ "iterations=", "r=%c" SERVER_NONCE ",s=" SALT ",i=%o", NULL },
	{ "nonce", "r=" SERVER_NONCE SERVER_NONCE ",s=" SALT ",i=4096", NULL },
	{ "nonce-same", "r=%c,s=" SALT ",i=4096", NULL },
	{ "no-salt", "r=%c" SERVER_NONCE ",i=4096", NULL },
	{ "extension", "m=x,r=%c" SERVER_NONCE ",s=" SALT ",i=4096", NULL },
	{ "signature-wrong", NULL, end_wrong_signature },
	{ "signature-missing", NULL, end_no_signature },
	{ "early-235", NULL, end_early },
	{ "early-235-first", "", end_early },
	{ "refused", NULL, end_refusing },
	{ "error", NULL, end_error },
	{ "endless", NULL, end_never },
};

static const struct fault *
find_fault(const char *text, const char **operand)
{
	size_t i, len;
	bool more;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		len = strlen(faults[i].name);
		more = faults[i].name[len - 1] == '=';
		*operand = text + len;
		if (more ? strncmp(faults[i].name, text, len) == 0 :
		    strcmp(faults[i].name, text) == 0)
			return &faults[i];
	}
	return NULL;
}

static char *
write_first(const struct scram *s, const char *form)
{
	char *text;
	size_t len;
	FILE *f;

	f = open_memstream(&text, &len);
	if (f == NULL)
		abort();
	for (; *form != '\0'; form++) {
		if (*form != '%')
			putc(*form, f);
		else
			fputs(*++form == 'c' ? s->client_nonce : s->operand,
			    f);
	}
	if (fclose(f) != 0)
		abort();
	return text;
}

/* --- the exchange ------------------------------------------------------ */

/* "AUTH SCRAM-SHA-256" and what is behind it, which is *initial, owned. */
static int
hear_auth(struct scram *s, char **initial)
{
	static const struct {
		const char *name;
		gnutls_mac_algorithm_t mac;
	} known[] = {
		{ "AUTH SCRAM-SHA-1", GNUTLS_MAC_SHA1 },
		{ "AUTH SCRAM-SHA-256", GNUTLS_MAC_SHA256 },
	};
	const char *line;
	size_t i, len, n;

	if (conn_line(s->c, &line, &len) != CONN_OK)
		return fail(s, "waiting for AUTH SCRAM-...: %s", s->c->why);
	record_say(s->r, "C", line, len);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		n = strlen(known[i].name);
		if (len < n || memcmp(line, known[i].name, n) != 0 ||
		    (len > n && line[n] != ' '))
			continue;
		s->mac = known[i].mac;
		s->digest = gnutls_hmac_get_len(s->mac);
		*initial = strndup(line + n + (len > n), len - n - (len > n));
		return *initial == NULL || len + 2 > TALK_AUTH_MAX ?
		    fail(s, "the AUTH line is too long") : 0;
	}
	return fail(s, "expected 'AUTH SCRAM-SHA-...', heard '%.*s'",
	    (int)len, line);
}

static int
hear_client_first(struct scram *s, const char *initial)
{
	enum talk_result t;

	t = talk_first(s->c, s->r, initial, &s->client_first);
	if (t != TALK_OK)
		return fail(s, "SCRAM: no first message: %s", s->c->why);
	return parse_client_first(s);
}

static int
converse(struct scram *s, const char *initial)
{
	const struct fault *f = s->fault;

	if (f->first != NULL && *f->first == '\0')
		return f->last(s);
	if (hear_client_first(s, initial) < 0)
		return -1;
	s->server_first = write_first(s, f->first != NULL ? f->first :
	    "r=%c" SERVER_NONCE ",s=" SALT ",i=4096");
	if (f->first != NULL)
		return must_refuse(s, s->server_first);
	if (must_answer(s, s->server_first, &s->client_final) < 0 ||
	    check_client_final(s) < 0)
		return -1;
	return f->last(s);
}

int
scram_play(const char *fault, struct conn *c, struct record *r, char *why,
    size_t size)
{
	struct scram s = { .c = c, .r = r, .why = why, .why_size = size };
	char *initial = NULL;
	int rc;

	s.fault = find_fault(fault, &s.operand);
	if (s.fault == NULL)
		return fail(&s, "SCRAM: there is no fault '%s'", fault);
	rc = hear_auth(&s, &initial);
	if (rc == 0)
		rc = converse(&s, initial);
	free(initial);
	free(s.server_first);
	gnutls_free(s.client_first.data);
	gnutls_free(s.client_final.data);
	return rc;
}
