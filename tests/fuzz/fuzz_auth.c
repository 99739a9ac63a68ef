/* SPDX-License-Identifier: ISC */
/*
 * Whatever a relay asks in an AUTH exchange, with each mechanism but GSSAPI
 * (which asks a KDC): an answer is base64 within a line; a failure is one of
 * the two classes, with a text that shows neither secret nor control bytes; it
 * comes to its end within the rounds; and where the server has to prove
 * itself, nothing but the one proof (tests/unit/proof) will do, and that does;
 * no server makes it iterate too little or too much.
 *
 * Input: a byte for the mechanism, one for names and secrets, then challenges,
 * each a letter and bytes up to an 0xFF: "b" to be put in base64, "r" as they
 * are, "s" what follows the client's nonce in SCRAM's first message, "p" the
 * true proof and what is put behind it, "x" a proof that differs.
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
#include "../unit/proof.h"
#include "fuzz.h"

/* Octets of a line of the exchange (RFC 4954 section 4). */
#define ANSWER_MAX	12288
#define CHALLENGES_MAX	(AUTH_ROUNDS_MAX + 2)
/* More iterations than this are few, for the sake of speed. */
#define ITERATIONS_SLOW	4200
#define NEEDLE_MIN	6

static const char *const mechanisms[] = {
	"SCRAM-SHA-256", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS",
	"SCRAM-SHA-1-PLUS", "DIGEST-MD5", "CRAM-MD5", "NTLM", "LOGIN",
	"PLAIN", "OAUTHBEARER", "XOAUTH2", "EXTERNAL"
};

static const struct {
	const char *username, *password;
} accounts[] = {
	{ "alice", "s3cret pass" },
	{ "a,b=c", "p\303\244ssword" },
	{ "\303\274ser@example.org", "=,\"\\ ~%s" },
	{ "x", "a much longer one, as those are that a program has drawn" },
};

#define TOKEN	"ya29.a-b_c~d+e/f=="

struct talk {
	struct auth *auth;
	struct auth_settings settings;
	const char *mechanism;
	const char *secret;
	struct buf answers[CHALLENGES_MAX + 1];	/* decoded */
	struct buf asked[CHALLENGES_MAX];	/* decoded, as they were read */
	size_t answered;
	bool scram;
	bool proves;
	bool maybe;		/* the proof was in what the server said */
	bool proven;		/* it was all that it said */
	struct error e;
};

static void
add_coded(const char *in, size_t len, struct buf *out)
{
	char *coded;
	size_t n;

	must(gsasl_base64_to(in, len, &coded, &n) == GSASL_OK);
	buf_add(out, coded, n);
	gsasl_free(coded);
}

/* False where it is no base64. */
static bool
add_decoded(const char *in, size_t len, struct buf *out)
{
	char *text;
	size_t n;

	if (gsasl_base64_from(in, len, &text, &n) != GSASL_OK)
		return false;
	buf_add(out, text, n);
	gsasl_free(text);
	return true;
}

static void
check_error(const struct talk *t)
{
	const char *p;

	must(t->e.class == ERR_AUTH || t->e.class == ERR_PROTOCOL);
	must(t->e.text[0] != '\0');
	for (p = t->e.text; *p != '\0'; p++)
		must(!ascii_iscntrl(*p));
	/* The session takes out what the relay has made it quote. */
	must(strlen(t->secret) < NEEDLE_MIN ||
	    strstr(t->e.text, "refuses the login") != NULL ||
	    strstr(t->e.text, t->secret) == NULL);
}

/* One step; false when it was the last. */
static bool
step(struct talk *t, const char *challenge)
{
	struct buf *answer = &t->answers[t->answered];
	struct buf out;
	int rc;

	buf_init_secret(&out, ANSWER_MAX);
	rc = auth_step(t->auth, challenge, &out, &t->e);
	if (rc == -1)
		check_error(t);
	else if (!out.overflow)
		must(add_decoded(out.data == NULL ? "" : out.data, out.len,
		    answer));
	t->answered++;
	if (out.overflow)
		rc = -1;
	buf_release(&out);
	return rc == 0;
}

/* The proof that the server has to give now; empty when it is not yet time. */
static void
add_proof(const struct talk *t, struct buf *out)
{
	size_t have = t->scram ? 2 : 1;
	struct proof_talk p;

	if (!t->proves || t->answered != have)
		return;
	p.mechanism = t->mechanism;
	p.password = t->secret;
	p.client_first = t->answers[0].data;
	p.server_first = t->asked[0].data;
	p.client_final = t->answers[have - 1].data;
	proof_add(&p, out);
}

/* "r=", the client's nonce, and the rest of SCRAM's first message. */
static void
add_scram(const struct talk *t, const char *in, size_t len, struct buf *out)
{
	const char *nonce = t->answered == 0 || t->answers[0].data == NULL ?
	    NULL : strstr(t->answers[0].data, ",r=");

	buf_adds(out, "r=");
	if (nonce != NULL)
		buf_adds(out, nonce + 3);
	buf_add(out, in, len);
}

/* The proof with a bit of one byte turned. */
static void
add_wrong(const struct talk *t, const char *in, size_t len, struct buf *out)
{
	size_t at;

	add_proof(t, out);
	if (out->len == 0 || len == 0)
		return;
	at = (unsigned char)in[0] % out->len;
	out->data[at] = (char)(out->data[at] ^ 1 << (len % 7));
}

/* A count that would take its time becomes a small one. */
static void
add_calm(const struct buf *in, struct buf *out)
{
	size_t i, end;
	unsigned long n;

	for (i = 0; i < in->len; i = end) {
		end = i + 1;
		if ((i > 0 && in->data[i - 1] != ',') ||
		    strncmp(in->data + i, "i=", 2) != 0) {
			buf_addc(out, in->data[i]);
			continue;
		}
		end = i + 2;
		while (end < in->len && ascii_isdigit(in->data[end]))
			end++;
		n = strtoul(in->data + i + 2, NULL, 10);
		if (n > ITERATIONS_SLOW && n < AUTH_ITERATIONS_MAX)
			buf_addf(out, "i=%lu", AUTH_ITERATIONS_MIN + n % 64);
		else
			buf_add(out, in->data + i, end - i);
	}
}

/* The text of a challenge, not yet in base64. */
static void
add_text(const struct talk *t, char kind, const char *in, size_t len,
    struct buf *out)
{
	struct buf text;

	buf_init(&text, 4 * ANSWER_MAX);
	if (kind == 's')
		add_scram(t, in, len, &text);
	else if (kind == 'x')
		add_wrong(t, in, len, &text);
	else if (kind == 'p')
		add_proof(t, &text);
	if (kind != 's' && kind != 'x')
		buf_add(&text, in, len);
	if (t->scram)
		add_calm(&text, out);
	else
		buf_add(out, text.data, text.len);
	buf_release(&text);
}

/* Where a proof was due: is it in the text, and is there nothing else? */
static void
look_for_proof(const struct talk *t, const struct buf *text, bool *there,
    bool *alone)
{
	/* DIGEST-MD5's may be quoted: then it begins behind the name. */
	size_t skip = t->scram ? 0 : strlen("rspauth=");
	struct buf want;

	*there = *alone = false;
	/* Making one takes long: only where there may be one. */
	if (!t->proves || memchr(text->data, '=', text->len) == NULL)
		return;
	buf_init(&want, 1024);
	add_proof(t, &want);
	if (want.len > 0) {
		*there = memmem(text->data, text->len, want.data + skip,
		    want.len - skip) != NULL;
		*alone = *there && want.len == text->len;
	}
	buf_release(&want);
}

/* Every count of iterations in SCRAM's messages is within its bounds. */
static bool
has_good_counts(const struct buf *text)
{
	const char *at = text->data, *end = at + text->len, *stop;
	char *behind = NULL;
	double n;

	for (; at < end; at = stop + 1) {
		stop = memchr(at, ',', (size_t)(end - at));
		if (stop == NULL)
			stop = end;
		if (stop - at < 2 || memcmp(at, "i=", 2) != 0)
			continue;
		/* A number of any length; a NUL stands behind the text. */
		n = ascii_isdigit(at[2]) ? strtod(at + 2, &behind) : 0;
		if (n < AUTH_ITERATIONS_MIN || n > AUTH_ITERATIONS_MAX ||
		    behind != stop)
			return false;
	}
	return true;
}

/* A challenge as it comes over the line; false when it was the last. */
static bool
ask(struct talk *t, size_t nth, char kind, const char *in, size_t len)
{
	struct buf line, *text = &t->asked[nth];
	bool proof, alone, goes_on;

	buf_init(&line, 8 * ANSWER_MAX);
	if (kind == 'r') {
		buf_add(&line, in, strnlen(in, len));
		add_decoded(line.data == NULL ? "" : line.data, line.len,
		    text);
	} else {
		add_text(t, kind, in, len, text);
		add_coded(text->data == NULL ? "" : text->data, text->len,
		    &line);
	}
	look_for_proof(t, text, &proof, &alone);
	goes_on = step(t, line.data == NULL ? "" : line.data);
	t->maybe = t->maybe || proof;
	t->proven = t->proven || (alone && goes_on);
	must(!alone || !t->scram || goes_on);
	must(!goes_on || !t->scram || has_good_counts(text));
	buf_release(&line);
	return goes_on;
}

static void
converse(struct talk *t, const char *in, size_t len)
{
	const char *end = in + len, *stop;
	size_t nth;

	if (auth_client_first(t->mechanism) && !step(t, NULL))
		return;
	for (nth = 0; nth < CHALLENGES_MAX && in < end; nth++) {
		stop = memchr(in, 0xff, (size_t)(end - in));
		if (stop == NULL)
			stop = end;
		if (stop == in || !ask(t, nth, *in, in + 1,
		    (size_t)(stop - in - 1)))
			break;
		in = stop == end ? end : stop + 1;
	}
	must(nth <= AUTH_ROUNDS_MAX);
}

/* What a 235 would be worth now. */
static void
check_finish(struct talk *t)
{
	int rc;

	rc = auth_finish(t->auth, &t->e);
	if (rc == -1) {
		must(t->e.class == ERR_AUTH);
		check_error(t);
	}
	must(rc == -1 || !t->proves || t->maybe);
	must(rc == 0 || !t->proven);
	must(rc == -1 || auth_complaint(t->auth) == NULL);
}

static void
init(struct talk *t, unsigned char mechanism, unsigned char account)
{
	size_t i, n = account % (sizeof accounts / sizeof *accounts);

	memset(t, 0, sizeof *t);
	t->mechanism = mechanisms[mechanism % (sizeof mechanisms /
	    sizeof *mechanisms)];
	t->scram = str_starts(t->mechanism, "SCRAM");
	t->proves = t->scram || strcmp(t->mechanism, "DIGEST-MD5") == 0;
	t->secret = strstr(t->mechanism, "OAUTH") != NULL ? TOKEN :
	    accounts[n].password;
	t->settings.username = accounts[n].username;
	t->settings.host = "relay.example.net";
	t->settings.port = 587;
	t->settings.binding.type = (account & 0x80) != 0 ? "tls-unique" :
	    "tls-exporter";
	t->settings.binding.data = "AAECAwQFBgcICQoLDA0ODw==";
	for (i = 0; i < CHALLENGES_MAX + 1; i++)
		buf_init(&t->answers[i], 8 * ANSWER_MAX);
	for (i = 0; i < CHALLENGES_MAX; i++)
		buf_init(&t->asked[i], 8 * ANSWER_MAX);
}

static void
release(struct talk *t)
{
	size_t i;

	auth_free(t->auth);
	for (i = 0; i < CHALLENGES_MAX + 1; i++)
		buf_release(&t->answers[i]);
	for (i = 0; i < CHALLENGES_MAX; i++)
		buf_release(&t->asked[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct talk t;

	if (size < 2)
		return 0;
	init(&t, data[0], data[1]);
	t.auth = auth_new(t.mechanism, &t.settings,
	    auth_needs_secret(t.mechanism) ? t.secret : NULL, &t.e);
	if (t.auth == NULL) {
		check_error(&t);
	} else {
		converse(&t, (const char *)data + 2, size - 2);
		check_finish(&t);
	}
	release(&t);
	return 0;
}
