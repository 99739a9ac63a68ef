/* SPDX-License-Identifier: ISC */
/*
 * From the greeting to a session that is ready: EHLO, STARTTLS, AUTH.
 * RFC 5321 sections 3.1 and 4.1.1.1, RFC 3207, RFC 4954, RFC 7628.  It never
 * goes on with less than was asked for.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "smtp/engine.h"

/* Octets of a line of the exchange, and of a command (RFC 4954 section 4). */
#define AUTH_LINE_MAX	12288
#define COMMAND_MAX	510

void
login_greeting(struct session *s, const struct command *c,
    const struct reply *r)
{
	(void)c;
	if (r->code == 220)
		login_ehlo_send(s);
	else
		engine_fail_reply(s, r, ERR_UNAVAILABLE,
		    "refuses the connection", "");
}

void
login_ehlo_send(struct session *s)
{
	s->stage = SESSION_STAGE_EHLO;
	/* Nothing that was said before TLS counts after it (RFC 3207). */
	capabilities_release(&s->capabilities);
	engine_command(s, VERB_EHLO, 0, "EHLO %s", s->settings.helo);
}

static void
ready(struct session *s)
{
	s->stage = SESSION_STAGE_READY;
	s->phase = PHASE_READY;
}

/* Logs in where the account says so. */
static void
begin_auth(struct session *s)
{
	struct error e;

	if (s->settings.auth.username == NULL) {
		ready(s);
		return;
	}
	s->stage = SESSION_STAGE_MECHANISM;
	s->mechanism = auth_choose(&s->settings.auth, &s->capabilities, &e);
	if (s->mechanism == NULL)
		engine_fail(s, e.class, 0, "'%s': %s", s->settings.relay,
		    e.text);
	else {
		s->stage = SESSION_STAGE_LOGIN;
		if (auth_needs_secret(s->mechanism))
			s->phase = PHASE_NEED_SECRET;
		else
			login_secret(s, NULL);
	}
}

static void
begin_starttls(struct session *s)
{
	s->stage = SESSION_STAGE_STARTTLS;
	if (s->capabilities.starttls)
		engine_command(s, VERB_STARTTLS, 0, "STARTTLS");
	else
		engine_fail(s, ERR_UNAVAILABLE, 0, "'%s' does not offer"
		    " STARTTLS, and sendoff never goes on without: try"
		    " 'implicit_tls = yes' with 'port = 465', or set"
		    " 'starttls = no' if no encryption is meant",
		    s->settings.relay);
}

/* Without EHLO there is neither STARTTLS nor AUTH. */
static void
ehlo_refused(struct session *s, const struct reply *r)
{
	if (reply_is(r, 5) && !s->settings.starttls &&
	    !s->settings.encrypted && s->settings.auth.username == NULL)
		engine_command(s, VERB_HELO, 0, "HELO %s", s->settings.helo);
	else
		engine_fail_reply(s, r, ERR_UNAVAILABLE, "refuses EHLO", "");
}

void
login_ehlo(struct session *s, const struct command *c, const struct reply *r)
{
	(void)c;
	if (!reply_is(r, 2)) {
		ehlo_refused(s, r);
		return;
	}
	capabilities_parse(&s->capabilities, r->text.data);
	if (s->settings.starttls && !s->settings.encrypted)
		begin_starttls(s);
	else
		begin_auth(s);
}

void
login_helo(struct session *s, const struct command *c, const struct reply *r)
{
	(void)c;
	if (reply_is(r, 2))
		ready(s);
	else
		engine_fail_reply(s, r, ERR_UNAVAILABLE, "refuses HELO", "");
}

void
login_starttls(struct session *s, const struct command *c,
    const struct reply *r)
{
	(void)c;
	if (!reply_is(r, 2)) {
		engine_fail_reply(s, r, ERR_UNAVAILABLE, "refuses STARTTLS",
		    "");
		return;
	}
	if (s->in.len > 0) {
		engine_fail(s, ERR_PROTOCOL, 0, "'%s' sent something behind"
		    " its answer to STARTTLS: somebody may be in between",
		    s->settings.relay);
		return;
	}
	s->phase = PHASE_NEED_TLS;
}

/*
 * AUTH with its initial response, where base64 of nothing is "=" (RFC 4954
 * section 4); one that is too long for a command's line waits for the 334.
 */
static void
send_first(struct session *s, const struct buf *answer)
{
	struct buf line;
	char *shown;

	buf_init_secret(&line, 2 * AUTH_LINE_MAX);
	buf_addf(&line, "AUTH %s %s", s->mechanism, answer->len == 0 ? "=" :
	    answer->data);
	shown = xasprintf("AUTH %s ***", s->mechanism);
	if (line.len <= COMMAND_MAX) {
		engine_secret_command(s, VERB_AUTH, line.data, shown);
	} else {
		buf_add(&s->held, answer->data, answer->len);
		engine_command(s, VERB_AUTH, 0, "AUTH %s", s->mechanism);
	}
	free(shown);
	buf_release(&line);
}

/* The text may quote what the relay asked. */
static void
auth_failed(struct session *s, const struct error *e)
{
	struct buf text;

	buf_init(&text, ERROR_TEXT_MAX);
	buf_adds(&text, e->text);
	redact_apply(&s->redact, &text);
	engine_fail(s, e->class, 0, "'%s': %s", s->settings.relay, text.data);
	buf_release(&text);
}

/* One line of the exchange. */
static void
send_step(struct session *s, const char *challenge)
{
	struct buf answer;
	struct error e;

	buf_init_secret(&answer, AUTH_LINE_MAX);
	if (auth_step(s->auth, challenge, &answer, &e) == -1)
		auth_failed(s, &e);
	else if (answer.overflow)
		engine_fail(s, ERR_AUTH, 0, "what %s has to say is longer than"
		    " the %d bytes that a line can have", s->mechanism,
		    AUTH_LINE_MAX);
	else {
		redact_hide(&s->redact, answer.data);
		if (challenge == NULL)
			send_first(s, &answer);
		else
			engine_secret_command(s, VERB_AUTH_RESPONSE,
			    answer.data, "***");
	}
	buf_release(&answer);
}

/* The initial response that was too long, when the relay asks for it. */
static void
send_held(struct session *s, const struct reply *r)
{
	if (r->text.len > 0) {
		engine_fail(s, ERR_PROTOCOL, r->code, "'%s' asks something"
		    " before it has heard anything of %s", s->settings.relay,
		    s->mechanism);
		return;
	}
	engine_secret_command(s, VERB_AUTH_RESPONSE, s->held.data, "***");
	buf_clear(&s->held);
}

void
login_secret(struct session *s, const char *secret)
{
	struct error e;

	redact_hide_secret(&s->redact, secret);
	s->auth = auth_new(s->mechanism, &s->settings.auth, secret, &e);
	if (s->auth == NULL)
		engine_fail(s, e.class, 0, "'%s': %s", s->settings.relay,
		    e.text);
	else if (auth_client_first(s->mechanism))
		send_step(s, NULL);
	else
		engine_command(s, VERB_AUTH, 0, "AUTH %s", s->mechanism);
}

/* What the relay has said of a token that it refuses. */
static void
add_complaint(struct session *s, struct buf *out)
{
	const char *complaint = auth_complaint(s->auth);

	if (complaint == NULL)
		return;
	buf_adds(out, "; of the token it says: ");
	engine_add_shown(s, complaint, out);
}

/* Why the relay does not let us in. */
static void
login_refused(struct session *s, const struct reply *r)
{
	struct buf hint;

	buf_init(&hint, 2 * VERDICT_TEXT_MAX);
	add_complaint(s, &hint);
	if (reply_is(r, 5))
		buf_adds(&hint, ": check 'username', the password and 'auth'"
		    " of the account");
	engine_fail_reply(s, r, ERR_AUTH, "refuses the login", hint.data);
	buf_release(&hint);
}

/* The relay says that we are in, and its word is not taken. */
static void
not_proven(struct session *s, const struct reply *r, const struct error *e)
{
	struct buf more;

	buf_init(&more, 2 * VERDICT_TEXT_MAX);
	add_complaint(s, &more);
	engine_fail(s, e->class, r->code, "'%s': %s%s", s->settings.relay,
	    e->text, more.data);
	buf_release(&more);
}

void
login_auth(struct session *s, const struct command *c, const struct reply *r)
{
	struct error e;

	(void)c;
	if (r->code == 334 && s->held.len > 0) {
		send_held(s, r);
		return;
	}
	if (r->code == 334) {
		send_step(s, r->text.data);
		return;
	}
	if (r->code != 235) {
		login_refused(s, r);
		return;
	}
	if (auth_finish(s->auth, &e) == -1) {
		not_proven(s, r, &e);
		return;
	}
	auth_free(s->auth);
	s->auth = NULL;
	s->logged_in = true;
	ready(s);
}
