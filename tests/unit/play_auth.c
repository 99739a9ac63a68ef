/* SPDX-License-Identifier: ISC */
/*
 * Logging in, in a play: what the account says of it, and whether the engine
 * keeps to an exchange that it has begun, lets no server in that has not
 * proved itself, and shows no secret.  RFC 4954.
 */
#include "config.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "smtp/redact.h"
#include "smtp/session.h"
#include "../relay/dialogue.h"
#include "play_head.h"
#include "play_inside.h"
#include "player.h"
#include "proof.h"

#define SECRET_SIZE_MAX	(32 * 1024)
#define TOKEN	"ya29.a-b_c~d+e/f=="
static const struct auth_binding bindings[] = {
	{ "tls-exporter", "AAECAwQFBgcICQoLDA0ODw==" },
	{ "tls-unique", "EBESExQVFhcYGRob" },
};

/* The words of "auth = A, B" but GSSAPI, which would ask a KDC. */
static void
split_list(struct play_auth *a, const char *list)
{
	size_t n;

	while (*list != '\0' && a->count < PLAY_LIST_MAX) {
		n = strcspn(list, ", ");
		if (n > 0 && !str_casestarts(list, "GSSAPI"))
			a->list[a->count++] = xstrndup(list, n);
		list += n + strspn(list + n, ", ");
	}
}

/* As agent/submit has it. */
static const char *
login_name(const struct player *p)
{
	const struct play_auth *a = &p->auth;

	if (a->count > 0 && str_caseeq(a->list[0], "none"))
		return NULL;
	if (!play_says(p->d, "username", "-"))
		return DIALOGUE_USER;
	return auth_list_needs_secret(a->list, a->count) ? NULL : "";
}

/* An owned one of as many bytes as the head says; NULL where it says none. */
static char *
make_secret(const struct dialogue *d)
{
	const char *size = dialogue_head(d, "secret-size", 0);
	uint64_t i, n;
	char *secret;

	if (size == NULL || str_number(size, 1, SECRET_SIZE_MAX, &n) == -1)
		return NULL;
	secret = xmalloc((size_t)n + 1);
	for (i = 0; i < n; i++)
		secret[i] = (char)('a' + i % 26);
	secret[n] = '\0';
	return secret;
}

void
play_auth_init(struct player *p, struct session_settings *s)
{
	const char *list = play_account(p->d, "auth");
	struct play_auth *a = &p->auth;
	size_t i;

	for (i = 0; i < PLAY_TALK_MAX; i++) {
		buf_init(&a->said[i], MANY);
		buf_init(&a->asked[i], MANY);
	}
	buf_init(&a->traced, MANY);
	split_list(a, list == NULL || strcmp(list, "-") == 0 ? "auto" : list);
	s->auth.username = login_name(p);
	s->auth.host = "relay.example.net";
	s->auth.port = 587;
	s->auth.mechanisms = a->list;
	s->auth.mechanism_count = a->count;
	s->auth.allow_plaintext = play_says(p->d, "allow_plaintext_password",
	    "yes");
	a->wanted = s->auth.username != NULL;
	a->made = make_secret(p->d);
	if (a->made != NULL)
		a->secret = a->made;
	else
		a->secret = a->count > 0 && strstr(a->list[0], "OAUTH") !=
		    NULL ? TOKEN : DIALOGUE_PASSWORD;
}

void
play_auth_release(struct player *p)
{
	struct play_auth *a = &p->auth;
	size_t i;

	for (i = 0; i < PLAY_TALK_MAX; i++) {
		buf_release(&a->said[i]);
		buf_release(&a->asked[i]);
	}
	for (i = 0; i < a->count; i++)
		free(a->list[i]);
	buf_release(&a->traced);
	free(a->mechanism);
	free(a->made);
}

const struct auth_binding *
play_auth_binding(const struct player *p)
{
	const char *type = dialogue_head(p->d, "binding", 0);
	size_t i;

	if (type == NULL)
		return &bindings[0];
	for (i = 0; i < sizeof bindings / sizeof *bindings; i++)
		if (strcmp(bindings[i].type, type) == 0)
			return &bindings[i];
	return NULL;
}

static void
keep_answer(struct player *p, const char *line, size_t len)
{
	struct play_auth *a = &p->auth;
	size_t i;

	for (i = 0; i < len; i++)
		if (!ascii_isalnum(line[i]) && line[i] != '+' &&
		    line[i] != '/' && line[i] != '=')
			play_broken(p, "nothing but answers goes out between"
			    " AUTH and its last reply");
	if (a->said_count == PLAY_TALK_MAX)
		play_broken(p, "a bound on the answers of an exchange");
	else
		buf_add(&a->said[a->said_count++], line, len);
}

/* Those that show the secret to who listens, or refer to TLS. */
static void
check_mechanism(struct player *p)
{
	static const char *const bare[] = { "PLAIN", "LOGIN", "OAUTHBEARER",
	    "XOAUTH2" };
	const char *name = p->auth.mechanism;
	size_t i;

	if (p->secured)
		return;
	for (i = 0; i < sizeof bare / sizeof *bare; i++)
		if (strcmp(bare[i], name) == 0 && !play_says(p->d,
		    "allow_plaintext_password", "yes"))
			play_broken(p, "no secret is shown without TLS");
	if (strcmp(name, "EXTERNAL") == 0 || strstr(name, "PLUS") != NULL)
		play_broken(p, "nothing is tied to TLS that is not there");
}

/* "AUTH NAME" or "AUTH NAME ANSWER". */
static void
begin(struct player *p, const char *line, size_t len)
{
	struct play_auth *a = &p->auth;
	size_t n = strcspn(line + 5, " \r");

	if (a->mechanism != NULL || !a->wanted)
		play_broken(p, "AUTH once, where it is wanted");
	free(a->mechanism);
	a->mechanism = xstrndup(line + 5, n);
	a->in = true;
	a->held = auth_client_first(a->mechanism) && 5 + n >= len;
	check_mechanism(p);
	if (5 + n < len)
		keep_answer(p, line + 6 + n, len - 6 - n);
}

static void
check_answer(struct player *p, const char *line, size_t len)
{
	struct play_auth *a = &p->auth;
	bool first = auth_client_first(a->mechanism);

	keep_answer(p, line, len);
	if (a->said_count > a->asked_count + (first ? 1 : 0))
		play_broken(p, "an answer has its question");
}

/* Base64 as bytes with a NUL behind; nothing where it is none. */
static void
decode(const struct buf *coded, struct buf *out)
{
	char *text;
	size_t len;

	buf_init(out, MANY);
	if (gsasl_base64_from(coded->data, coded->len, &text, &len) !=
	    GSASL_OK)
		return;
	buf_add(out, text, len);
	gsasl_free(text);
}

/* True where the question behind the client's last words has the proof. */
static bool
is_proven(const struct play_auth *a, bool scram)
{
	struct buf said[2], asked[2], want;
	struct proof_talk t;
	size_t i, skip;
	bool proven;

	for (i = 0; i < 2; i++) {
		decode(&a->said[i], &said[i]);
		decode(&a->asked[i], &asked[i]);
	}
	t.mechanism = a->mechanism;
	t.password = a->secret;
	t.client_first = said[0].data;
	t.server_first = asked[0].data;
	t.client_final = said[scram ? 1 : 0].data;
	buf_init(&want, MANY);
	proof_add(&t, &want);
	/* Behind "rspauth=", for that may be quoted. */
	skip = scram ? 0 : strlen("rspauth=");
	proven = want.len > skip && memmem(asked[1].data, asked[1].len,
	    want.data + skip, want.len - skip) != NULL;
	for (i = 0; i < 2; i++) {
		buf_release(&said[i]);
		buf_release(&asked[i]);
	}
	buf_release(&want);
	return proven;
}

/* The first command after the exchange. */
static void
check_login(struct player *p)
{
	const struct play_auth *a = &p->auth;
	bool scram;

	if (!a->ok) {
		play_broken(p, "no message before the login");
		return;
	}
	scram = str_starts(a->mechanism, "SCRAM");
	if ((scram || strcmp(a->mechanism, "DIGEST-MD5") == 0) &&
	    !is_proven(a, scram))
		play_broken(p, "a server that has to prove itself does");
	/* It had said that it refuses the token. */
	if (strstr(a->mechanism, "OAUTH") != NULL &&
	    a->asked_count > (a->held ? 1 : 0))
		play_broken(p, "who refuses a token lets nobody in by it");
}

void
play_auth_command(struct player *p, const char *line, size_t len)
{
	struct play_auth *a = &p->auth;

	if (a->in)
		check_answer(p, line, len);
	else if (len > 5 && memcmp(line, "AUTH ", 5) == 0)
		begin(p, line, len);
	else if (a->wanted && len > 5 && memcmp(line, "MAIL ", 5) == 0)
		check_login(p);
}

void
play_auth_reply(struct player *p, const char *line, size_t len)
{
	struct play_auth *a = &p->auth;

	if (!a->in || len < 3 || (len > 3 && line[3] == '-'))
		return;
	if (memcmp(line, "334", 3) != 0) {
		a->ok = memcmp(line, "235", 3) == 0;
		a->in = false;
	} else if (a->asked_count < PLAY_TALK_MAX) {
		if (len > 4)
			buf_add(&a->asked[a->asked_count], line + 4, len - 4);
		if (line[len - 1] == '\r' && len > 4)
			buf_truncate(&a->asked[a->asked_count], len - 5);
		a->asked_count++;
	}
}

static void
must_not_show(struct player *p, const char *text, const char *secret,
    const char *promise)
{
	const char *args = dialogue_head(p->d, "args", 0);

	/* An address is no secret, even if the play has it look like one. */
	if (strlen(secret) < REDACT_LENGTH ||
	    (args != NULL && strstr(args, secret) != NULL))
		return;
	if (strstr(text, secret) != NULL)
		play_broken(p, promise);
}

void
play_auth_shown(struct player *p, const char *text)
{
	struct play_auth *a = &p->auth;
	size_t i;

	if (a->secret_told)
		must_not_show(p, text, a->secret, "no secret is shown");
	for (i = 0; i < a->said_count; i++)
		must_not_show(p, text, a->said[i].data,
		    "no answer of the exchange is shown");
}
