/* SPDX-License-Identifier: ISC */
/*
 * The session's interface, its queue of commands in flight, and its stepping.
 * RFC 5321, RFC 2920.  No I/O: it opens nothing, reads no clock.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "smtp/engine.h"

/* Bytes that may wait to be parsed: more than any flight of replies. */
#define INPUT_MAX	(1024 * 1024)
#define OUTPUT_MAX	(4 * 1024 * 1024)
#define TRACE_MAX	(16 * 1024 * 1024)

/* A row a verb, in the order of enum verb. */
static const struct {
	const char *name;
	enum session_patience patience;
	void (*reply)(struct session *, const struct command *,
	    const struct reply *);
} verbs[] = {
	[VERB_GREETING] = { "greeting", SESSION_PATIENCE_REPLY,
	    login_greeting },
	[VERB_EHLO] = { "EHLO", SESSION_PATIENCE_REPLY, login_ehlo },
	[VERB_HELO] = { "HELO", SESSION_PATIENCE_REPLY, login_helo },
	[VERB_STARTTLS] = { "STARTTLS", SESSION_PATIENCE_REPLY,
	    login_starttls },
	[VERB_AUTH] = { "AUTH", SESSION_PATIENCE_REPLY, login_auth },
	[VERB_AUTH_RESPONSE] = { "AUTH", SESSION_PATIENCE_REPLY, login_auth },
	[VERB_MAIL] = { "MAIL", SESSION_PATIENCE_REPLY, transaction_mail },
	[VERB_RCPT] = { "RCPT", SESSION_PATIENCE_REPLY, transaction_rcpt },
	[VERB_DATA] = { "DATA", SESSION_PATIENCE_REPLY, transaction_data },
	[VERB_DOT] = { "final dot", SESSION_PATIENCE_FINAL, transaction_dot },
	[VERB_BDAT] = { "BDAT", SESSION_PATIENCE_REPLY, transaction_bdat },
	[VERB_BDAT_LAST] = { "the last BDAT", SESSION_PATIENCE_FINAL,
	    transaction_bdat },
	[VERB_RSET] = { "RSET", SESSION_PATIENCE_REPLY, transaction_rset },
	[VERB_QUIT] = { "QUIT", SESSION_PATIENCE_QUIT, NULL },
};

struct session *
session_new(const struct session_settings *settings)
{
	struct session *s;

	s = xcalloc(1, sizeof *s);
	s->settings = *settings;
	s->settings.auth.encrypted = settings->secure;
	buf_init(&s->in, INPUT_MAX);
	buf_init_secret(&s->out, OUTPUT_MAX);
	buf_init(&s->trace, TRACE_MAX);
	buf_init_secret(&s->held, OUTPUT_MAX);
	buf_init(&s->encoded, OUTPUT_MAX);
	reply_init(&s->reply);
	capabilities_init(&s->capabilities);
	engine_expect(s, VERB_GREETING, 0);
	return s;
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	buf_release(&s->in);
	buf_release(&s->out);
	buf_release(&s->trace);
	buf_release(&s->held);
	reply_release(&s->reply);
	capabilities_release(&s->capabilities);
	auth_free(s->auth);
	group_release(s);
	buf_release(&s->encoded);
	free(s->fifo);
	free(s->eof_why);
	free(s);
}

bool
reply_is(const struct reply *r, int class)
{
	return r->code / 100 == class;
}

void
engine_add_shown(const struct session *s, const char *text, struct buf *out)
{
	struct buf copy;

	buf_init(&copy, strlen(text));
	buf_adds(&copy, text);
	redact_apply(&s->redact, &copy);
	str_escape(out, copy.data, copy.len, VERDICT_TEXT_MAX);
	buf_release(&copy);
}

static void
fail(struct session *s, const struct error *e, int code)
{
	if (s->phase == PHASE_FAILED || s->phase == PHASE_CLOSED)
		return;
	if (s->phase == PHASE_QUIT) {
		s->phase = PHASE_CLOSED;
		return;
	}
	transaction_lost(s);
	s->error = *e;
	s->error_code = code;
	s->phase = PHASE_FAILED;
	s->broken = true;
	buf_clear(&s->out);
}

void
engine_fail(struct session *s, enum error_class class, int code,
    const char *fmt, ...)
{
	struct error e;
	struct buf text;
	va_list ap;

	buf_init(&text, SIZE_MAX);
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	error_set(&e, class, "%s", text.data);
	buf_release(&text);
	fail(s, &e, code);
}

void
engine_fail_reply(struct session *s, const struct reply *r,
    enum error_class class, const char *what, const char *hint)
{
	struct buf raw, text;

	if (reply_is(r, 4))
		class = ERR_TEMPORARY;
	else if (!reply_is(r, 5))
		class = ERR_PROTOCOL;
	buf_init(&raw, REPLY_MAX);
	buf_init(&text, VERDICT_TEXT_MAX);
	reply_show(r, &raw);
	/* Once more: lines that were joined can make one anew. */
	redact_apply(&s->redact, &raw);
	str_escape(&text, raw.data, raw.len, VERDICT_TEXT_MAX);
	engine_fail(s, class, r->code, "'%s' %s: %d%s%s%s%s%s",
	    s->settings.relay, what, r->code, r->enhanced[0] == '\0' ? "" :
	    " ", r->enhanced, text.len == 0 ? "" : " ", text.data, hint);
	buf_release(&raw);
	buf_release(&text);
}

/* A line of the dialogue for a person. */
static void
trace_line(struct session *s, const char *mark, const char *line, size_t len)
{
	if (!s->settings.trace)
		return;
	buf_adds(&s->trace, mark);
	str_escape(&s->trace, line, len, VERDICT_TEXT_MAX);
	buf_addc(&s->trace, '\n');
}

static bool
is_challenge(const struct reply *r, enum verb verb)
{
	return r->code == 334 &&
	    (verb == VERB_AUTH || verb == VERB_AUTH_RESPONSE);
}

/* What the relay said; a challenge is part of the secret's handling. */
static void
trace_reply(struct session *s, const struct reply *r, enum verb verb)
{
	const char *line, *end;
	char code[8];

	line = r->text.data;
	while (s->settings.trace) {
		end = strchr(line, '\n');
		snprintf(code, sizeof code, "< %d%c", r->code,
		    end == NULL ? ' ' : '-');
		if (is_challenge(r, verb))
			trace_line(s, code, "***", 3);
		else
			trace_line(s, code, line, end == NULL ?
			    strlen(line) : (size_t)(end - line));
		if (end == NULL)
			return;
		line = end + 1;
	}
}

/* Doubles the ring, the oldest first. */
static void
grow_fifo(struct session *s)
{
	struct command *fifo;
	size_t i, cap;

	cap = s->fifo_cap == 0 ? 16 : s->fifo_cap * 2;
	fifo = xcalloc(cap, sizeof *fifo);
	for (i = 0; i < s->fifo_count; i++)
		fifo[i] = s->fifo[(s->fifo_head + i) % s->fifo_cap];
	free(s->fifo);
	s->fifo = fifo;
	s->fifo_cap = cap;
	s->fifo_head = 0;
}

static void
push(struct session *s, enum verb verb, size_t recipient, uint64_t end)
{
	struct command *c;

	if (s->fifo_count == s->fifo_cap)
		grow_fifo(s);
	c = &s->fifo[(s->fifo_head + s->fifo_count) % s->fifo_cap];
	s->fifo_count++;
	c->verb = verb;
	c->recipient = recipient;
	c->end = end;
	c->begin = 0;
}

struct command *
engine_last(struct session *s)
{
	return &s->fifo[(s->fifo_head + s->fifo_count - 1) % s->fifo_cap];
}

void
engine_expect(struct session *s, enum verb verb, uint64_t end)
{
	push(s, verb, 0, end);
}

void
engine_put(struct session *s, const char *data, size_t len)
{
	if (buf_add(&s->out, data, len) == -1) {
		engine_fail(s, ERR_INTERNAL, 0, "the output is full");
		return;
	}
	s->queued += len;
}

/*
 * Every command goes through here: a CR, LF or NUL inside one would be
 * another command (the callers have refused them with a better text).
 */
static void
put_command(struct session *s, enum verb verb, size_t recipient,
    const char *line, size_t len, const char *shown, size_t shown_len)
{
	if (memchr(line, '\r', len) != NULL ||
	    memchr(line, '\n', len) != NULL ||
	    memchr(line, '\0', len) != NULL) {
		engine_fail(s, ERR_INTERNAL, 0,
		    "a line end in the command %s", verbs[verb].name);
		return;
	}
	trace_line(s, "> ", shown, shown_len);
	engine_put(s, line, len);
	engine_put(s, "\r\n", 2);
	push(s, verb, recipient, s->queued);
}

void
engine_command(struct session *s, enum verb verb, size_t recipient,
    const char *fmt, ...)
{
	struct buf line;
	va_list ap;

	buf_init(&line, OUTPUT_MAX);
	va_start(ap, fmt);
	buf_addv(&line, fmt, ap);
	va_end(ap);
	put_command(s, verb, recipient, line.data, line.len, line.data,
	    line.len);
	buf_release(&line);
}

void
engine_secret_command(struct session *s, enum verb verb, const char *line,
    const char *shown)
{
	put_command(s, verb, 0, line, strlen(line), shown, strlen(shown));
}

void
session_feed(struct session *s, const char *data, size_t len)
{
	if (buf_add(&s->in, data, len) == -1)
		engine_fail(s, ERR_PROTOCOL, 0, "'%s' sent more than was"
		    " asked for", s->settings.relay);
}

void
session_eof(struct session *s, const char *why)
{
	if (s->eof)
		return;
	s->eof = true;
	s->eof_why = xstrdup(why);
}

void
session_timeout(struct session *s)
{
	const struct command *c;

	if (transaction_settled(s))
		return;
	if (s->fifo_count == 0) {
		engine_fail(s, ERR_TEMPORARY, 0, "'%s' does not take the"
		    " message within the time limit", s->settings.relay);
		return;
	}
	c = &s->fifo[s->fifo_head];
	engine_fail(s, ERR_TEMPORARY, 0, "'%s' does not answer within the time"
	    " limit (%s)%s", s->settings.relay, verbs[c->verb].name,
	    transaction_in_doubt(s) ?
	    ": the message may have been delivered" : "");
}

size_t
session_output(const struct session *s, const char **data)
{
	*data = s->out.data;
	return s->out.len;
}

void
session_written(struct session *s, size_t len)
{
	s->written += len;
	buf_consume(&s->out, len);
}

void
session_flushed(struct session *s)
{
	if (s->phase == PHASE_FINAL && s->out.len == 0)
		s->dot_flushed = true;
}

/* The relay is gone. */
static void
lost(struct session *s)
{
	if (transaction_settled(s))
		return;
	engine_fail(s, ERR_TEMPORARY, 0, "lost the connection to '%s'%s%s: %s",
	    s->settings.relay, s->fifo_count == 0 ? "" : " waiting for its"
	    " answer to ", s->fifo_count == 0 ? "" :
	    verbs[s->fifo[s->fifo_head].verb].name,
	    transaction_in_doubt(s) ?
	    "the message may have been delivered" : s->eof_why);
}

static bool
answers_body(const struct command *c)
{
	return c->verb == VERB_DOT || c->verb == VERB_BDAT ||
	    c->verb == VERB_BDAT_LAST;
}

/* Before the reply's command is written, only a body can be answered. */
static bool
is_premature(const struct session *s)
{
	const struct command *c;

	if (s->fifo_count == 0)
		return true;
	c = &s->fifo[s->fifo_head];
	return (answers_body(c) ? c->begin : c->end) > s->written;
}

/* A whole reply is there, for the oldest command in flight. */
static void
dispatch(struct session *s)
{
	struct command c;

	c = s->fifo[s->fifo_head];
	s->fifo_head = (s->fifo_head + 1) % s->fifo_cap;
	s->fifo_count--;
	s->replies++;
	/* A challenge is read as it is, and never shown. */
	if (!is_challenge(&s->reply, c.verb))
		redact_apply(&s->redact, &s->reply.text);
	trace_reply(s, &s->reply, c.verb);
	if (c.verb == VERB_QUIT)
		s->phase = PHASE_CLOSED;
	else
		verbs[c.verb].reply(s, &c, &s->reply);
	reply_clear(&s->reply);
}

/* Takes one reply off the input; true when there was a whole one. */
static bool
take_reply(struct session *s)
{
	struct error e;
	size_t used;
	int rc;

	if (s->in.len == 0)
		return false;
	if (is_premature(s)) {
		engine_fail(s, ERR_PROTOCOL, 0, "'%s' answers what was not"
		    " asked", s->settings.relay);
		return false;
	}
	/* Its first byte counts: what begins before the dot answers less. */
	if (s->reply.total == 0)
		s->early = s->fifo[s->fifo_head].verb == VERB_BDAT ?
		    s->fifo[s->fifo_head].end > s->written :
		    !s->dot_flushed;
	rc = reply_feed(&s->reply, s->in.data, s->in.len, &used, &e);
	buf_consume(&s->in, used);
	if (rc == -1)
		engine_fail(s, e.class, 0, "'%s': %s", s->settings.relay,
		    e.text);
	else if (rc == 1)
		dispatch(s);
	return rc == 1;
}

/* What the pump has to do in a phase that waits for it. */
static enum session_event
phase_event(const struct session *s)
{
	switch (s->phase) {
	case PHASE_NEED_TLS:
		return SESSION_NEED_TLS;
	case PHASE_NEED_SECRET:
		return SESSION_NEED_SECRET;
	case PHASE_READY:
		return s->broken ? SESSION_CLOSED : SESSION_READY;
	case PHASE_AGAIN:
		return SESSION_AGAIN;
	case PHASE_DONE:
		return SESSION_DONE;
	case PHASE_CLOSED:
		return SESSION_CLOSED;
	case PHASE_FAILED:
		return SESSION_FAILED;
	default:
		return SESSION_WAIT;
	}
}

/* QUIT changes no verdict: what is wrong with its reply is nobody's. */
static bool
quit_is_over(const struct session *s)
{
	return s->phase == PHASE_QUIT &&
	    (s->eof || (s->in.len > 0 && is_premature(s)));
}

enum session_event
session_step(struct session *s)
{
	enum session_event event;

	for (;;) {
		event = phase_event(s);
		if (event == SESSION_DONE)
			s->phase = PHASE_READY;
		if (event == SESSION_AGAIN)
			transaction_open(s);
		if (event != SESSION_WAIT)
			return event;
		if (quit_is_over(s)) {
			s->phase = PHASE_CLOSED;
			continue;
		}
		if (take_reply(s))
			continue;
		if (s->phase == PHASE_FAILED)
			continue;
		if (s->eof) {
			lost(s);
			continue;
		}
		if (s->phase == PHASE_ENVELOPE)
			transaction_produce(s);
		if (phase_event(s) != SESSION_WAIT)
			continue;
		if (s->phase == PHASE_BODY && s->out.len < SESSION_OUTPUT)
			return SESSION_WANT_BODY;
		return SESSION_WAIT;
	}
}

bool
session_silent(const struct session *s)
{
	return s->in.len == 0;
}

void
session_secured(struct session *s, const struct auth_binding *binding)
{
	/* Its bytes were not under TLS, or were under the one before. */
	if (s->in.len > 0) {
		engine_fail(s, ERR_PROTOCOL, 0, "'%s' sent something behind"
		    " its answer to STARTTLS", s->settings.relay);
		return;
	}
	s->settings.secure = true;
	s->settings.encrypted = true;
	s->settings.auth.encrypted = true;
	if (binding != NULL)
		s->settings.auth.binding = *binding;
	s->replies++;
	s->phase = PHASE_LOGIN;
	login_ehlo_send(s);
}

void
session_secret(struct session *s, const char *secret)
{
	if (s->phase != PHASE_NEED_SECRET)
		return;
	s->phase = PHASE_LOGIN;
	login_secret(s, secret);
}

void
session_quit(struct session *s)
{
	if (s->phase != PHASE_READY)
		return;
	if (s->broken || s->eof) {
		s->phase = PHASE_CLOSED;
		return;
	}
	s->phase = PHASE_QUIT;
	engine_command(s, VERB_QUIT, 0, "QUIT");
}

const struct error *
session_error(const struct session *s)
{
	return &s->error;
}

int
session_error_code(const struct session *s)
{
	return s->error_code;
}

enum session_patience
session_patience(const struct session *s)
{
	if (s->fifo_count == 0 || s->phase == PHASE_BODY)
		return SESSION_PATIENCE_REPLY;
	return verbs[s->fifo[s->fifo_head].verb].patience;
}

uint64_t
session_progress(const struct session *s)
{
	return s->replies + s->written / SESSION_OUTPUT +
	    (s->phase == PHASE_QUIT) + s->dot_flushed;
}

uint64_t
session_sent(const struct session *s)
{
	return s->written;
}

enum session_stage
session_stage(const struct session *s)
{
	return s->stage;
}

const char *
session_stage_name(enum session_stage stage)
{
	static const char *const names[] = {
		[SESSION_STAGE_GREETING] = "greeting",
		[SESSION_STAGE_EHLO] = "capabilities",
		[SESSION_STAGE_STARTTLS] = "tls",
		[SESSION_STAGE_MECHANISM] = "mechanism",
		[SESSION_STAGE_LOGIN] = "login",
		[SESSION_STAGE_READY] = "transaction",
	};

	return names[stage];
}

const struct capabilities *
session_capabilities(const struct session *s)
{
	return &s->capabilities;
}

void
session_explain(const struct session *s, struct buf *out)
{
	if (s->mechanism != NULL)
		auth_explain(&s->settings.auth, &s->capabilities,
		    s->mechanism, out);
}

const char *
session_mechanism(const struct session *s)
{
	return s->logged_in ? s->mechanism : NULL;
}

bool
session_in_body(const struct session *s)
{
	return s->phase == PHASE_BODY;
}

struct buf *
session_trace(struct session *s)
{
	return &s->trace;
}
