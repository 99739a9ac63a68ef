/* SPDX-License-Identifier: ISC */
/*
 * A dialogue played to the session engine: bytes of the relay first, then
 * those of the client, as the pump does it.  Opens nothing, waits for nothing:
 * where neither side has anything to say, the time limit has passed.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "mail/wire.h"
#include "smtp/session.h"
#include "../relay/dialogue.h"
#include "play_head.h"
#include "play_inside.h"
#include "player.h"

/* More turns than this, and the engine does not come to an end. */
#define TURNS_MAX	20000000u
/* Bytes that come in at a time at most, as in the pump. */
#define PORTION		(32 * 1024)
/* Bytes of an endless reply after which nobody listens any more. */
#define ENDLESS_MAX	(4 * 1024 * 1024)
#define BODY_PORTION	(32 * 1024)

#define AUTH_PLAIN	"AUTH PLAIN AGFsaWNlAHMzY3JldCBwYXNz"

void
play_broken(struct player *p, const char *promise)
{
	if (p->r->broken == NULL)
		p->r->broken = promise;
}

static void
mismatch(struct player *p, const char *what)
{
	if (p->r->mismatch != NULL)
		return;
	p->r->mismatch = what;
	p->r->line = p->step < p->d->step_count ?
	    p->d->steps[p->step].line : 0;
}

static void
open_session(struct player *p)
{
	struct session_settings s;

	memset(&s, 0, sizeof s);
	p->implicit = play_says(p->d, "implicit_tls", "yes");
	p->starttls = !p->implicit && !play_says(p->d, "starttls", "no");
	s.relay = "relay.example.net";
	s.helo = "client.example.org";
	s.starttls = p->starttls;
	s.encrypted = s.secure = p->implicit;
	if (p->implicit && play_auth_binding(p) != NULL)
		s.auth.binding = *play_auth_binding(p);
	s.trace = true;
	play_auth_init(p, &s);
	p->session = session_new(&s);
}

/* A line off what was heard; false when there is no whole one. */
static bool
hear_line(struct player *p, struct buf *line)
{
	char *lf;

	lf = memchr(p->heard.data, '\n', p->heard.len);
	if (lf == NULL)
		return false;
	buf_clear(line);
	buf_add(line, p->heard.data, (size_t)(lf - p->heard.data));
	if (line->len > 0 && line->data[line->len - 1] == '\r')
		buf_truncate(line, line->len - 1);
	buf_consume(&p->heard, (size_t)(lf + 1 - p->heard.data));
	return true;
}

static bool
hear(struct player *p, const struct step *st)
{
	struct buf line;
	bool got;

	buf_init(&line, MANY);
	got = hear_line(p, &line);
	if (got && st->kind == STEP_AUTH_PLAIN) {
		if (strcmp(line.data, AUTH_PLAIN) != 0)
			mismatch(p, "no AUTH PLAIN with user and password");
	} else if (got && !dialogue_match(st->text, line.data, line.len))
		mismatch(p, "another command");
	if (got && str_starts(line.data, "BDAT ")) {
		p->heard_chunk = strtoull(line.data + 5, NULL, 10);
		p->heard_last = strstr(line.data, " LAST") != NULL;
	}
	buf_release(&line);
	return got;
}

static bool
hear_body(struct player *p)
{
	char *end;

	if (p->heard.len >= 3 && memcmp(p->heard.data, ".\r\n", 3) == 0)
		end = p->heard.data + 3;
	else {
		end = memmem(p->heard.data + p->searched,
		    p->heard.len - p->searched, "\r\n.\r\n", 5);
		p->searched = p->heard.len < 4 ? 0 : p->heard.len - 4;
		if (end == NULL)
			return false;
		end += 5;
	}
	buf_consume(&p->heard, (size_t)(end - p->heard.data));
	p->searched = 0;
	p->body_heard = true;
	return true;
}

static void
say(struct player *p, const struct step *st)
{
	if (p->body_heard && st->len > 0 && st->text[0] == '2')
		p->r->received++;
	if (st->len > 0)
		p->body_heard = false;
	buf_add(&p->queue, st->text, st->len);
}

/* Some of the repetitions; true when it was the last one. */
static bool
repeat(struct player *p, const struct step *st)
{
	unsigned i;

	for (i = 0; i < 256 && (st->number == 0 || p->repeated <
	    st->number); i++) {
		say(p, st);
		p->repeated++;
	}
	if (p->repeated * st->len > ENDLESS_MAX) {
		play_broken(p, "a bound on what a relay may say");
		return true;
	}
	return st->number != 0 && p->repeated >= st->number;
}

/* Plays one step; false when it cannot be played now. */
static bool
play_step(struct player *p, const struct step *st)
{
	switch (st->kind) {
	case STEP_SEND:
	case STEP_SEND_RAW:
	case STEP_DRIP:
		say(p, st);
		return true;
	case STEP_REPEAT:
		if (p->queue.len > 0)
			return false;
		if (!repeat(p, st))
			return false;
		p->repeated = 0;
		return true;
	case STEP_HEAR:
	case STEP_HEAR_OR_END:
	case STEP_AUTH_PLAIN:
		return hear(p, st);
	case STEP_BODY:
		return hear_body(p);
	case STEP_CHUNK:
		if (p->heard.len < p->heard_chunk)
			return false;
		buf_consume(&p->heard, (size_t)p->heard_chunk);
		p->heard_chunk = 0;
		p->body_heard = p->heard_last;
		return true;
	case STEP_BODY_PART:
		if (p->heard.len < st->number)
			return false;
		buf_consume(&p->heard, (size_t)st->number);
		return true;
	case STEP_TLS:
	case STEP_AUTH_TOKEN:	/* these two need a server that computes */
	case STEP_SCRAM:
		return false;
	case STEP_SINK:
		buf_clear(&p->heard);
		return false;
	case STEP_STALL:
		p->stalled = true;
		return false;
	case STEP_TICKETS:
		return true;
	case STEP_HALFCLOSE:
		p->ends = true;
		return true;
	case STEP_CLOSE:
	case STEP_RESET:
	case STEP_PLAIN:
	case STEP_ALERT:
		p->ends = true;
		p->stalled = true;
		return false;
	}
	return false;
}

static void
advance(struct player *p)
{
	while (p->step < p->d->step_count &&
	    play_step(p, &p->d->steps[p->step]))
		p->step++;
}

/* Takes all that the engine has to say; false when there is nothing. */
static bool
take_output(struct player *p)
{
	const char *data;
	size_t len;

	len = session_output(p->session, &data);
	if (len == 0 || p->stalled)
		return false;
	play_said(p, data, len);
	play_auth_shown(p, p->auth.traced.data);
	buf_clear(&p->auth.traced);
	buf_add(&p->heard, data, len);
	buf_add(&p->r->said, data, len);
	session_written(p->session, len);
	session_flushed(p->session);
	return true;
}

static void
feed(struct player *p)
{
	size_t len = p->queue.len;

	if (len > p->cut)
		len = p->cut;
	play_fed(p, p->queue.data, len);
	session_feed(p->session, p->queue.data, len);
	buf_consume(&p->queue, len);
}

/* The engine waits: the relay's bytes, else its own, else the limit. */
static void
turn(struct player *p)
{
	advance(p);
	if (p->queue.len > 0) {
		feed(p);
		return;
	}
	if (p->ends && !p->eof_told) {
		p->eof_told = true;
		session_eof(p->session, "it closed the connection");
		return;
	}
	if (take_output(p))
		return;
	session_timeout(p->session);
}

static void
no_handshake(struct player *p)
{
	p->r->failed = true;
	error_set(&p->r->error, ERR_TEMPORARY, "no handshake");
}

static void
handshake(struct player *p)
{
	p->step++;
	p->secured = true;
	buf_adds(&p->r->said, "[TLS]");
}

/* False when there is no handshake. */
static bool
secure(struct player *p)
{
	bool left;

	advance(p);
	left = p->queue.len > 0;
	if (!left && (p->step == p->d->step_count ||
	    p->d->steps[p->step].kind != STEP_TLS)) {
		no_handshake(p);
		return false;
	}
	while (p->queue.len > 0)
		feed(p);
	if (!left)
		handshake(p);
	session_secured(p->session, play_auth_binding(p));
	if (left && session_step(p->session) != SESSION_FAILED)
		play_broken(p, "bytes behind STARTTLS's 220 are a breach");
	return true;
}

static void
feed_message(struct player *p)
{
	size_t len = p->message_len - p->message_fed;

	p->in_body = p->data_said;
	if (p->dones > 0)
		play_broken(p, "no message when all have their verdicts");
	if (len == 0) {
		session_body_end(p->session);
		return;
	}
	if (len > BODY_PORTION)
		len = BODY_PORTION;
	session_body(p->session, p->message + p->message_fed, len);
	p->message_fed += len;
}

static void
begin_or_quit(struct player *p)
{
	struct wire_count c;
	struct transaction t;
	size_t i;

	if (p->begun) {
		session_quit(p->session);
		return;
	}
	memset(&c, 0, sizeof c);
	wire_count(&c, p->message, p->message_len);
	wire_count_finish(&c);
	memset(&t, 0, sizeof t);
	t.envelope = &p->r->envelope;
	t.size = c.size;
	t.eight_bit = c.eight_bit;
	for (i = 0; i < p->message_len && !(i > 0 && p->message[i] == '\n' &&
	    p->message[i - 1] == '\n'); i++)
		t.smtputf8 = t.smtputf8 || (p->message[i] & 0x80) != 0;
	t.partial = !play_says(p->d, "partial", "no");
	session_begin(p->session, &t);
	p->begun = true;
}

/* A state that is final stays; "accepted" has its 2yz. */
static void
check_verdicts(struct player *p)
{
	enum recipient_state now;
	size_t i;

	for (i = 0; i < p->r->envelope.count; i++) {
		now = p->r->envelope.list[i].verdict.state;
		if (now == p->states[i])
			continue;
		if (p->states[i] != RECIPIENT_UNTRIED)
			play_broken(p, "a recipient gets one final verdict");
		if (p->dones > 0)
			play_broken(p, "no verdict changes when all are there");
		if (now == RECIPIENT_ACCEPTED && !play_accepted(p))
			play_broken(p, "accepted only after a 2yz to the whole"
			    " message");
		if (now == RECIPIENT_UNKNOWN && !p->message_out)
			play_broken(p, "in doubt only after the whole"
			    " message");
		if (p->r->envelope.list[i].verdict.text != NULL)
			play_auth_shown(p,
			    p->r->envelope.list[i].verdict.text);
		p->states[i] = now;
	}
}

/* Each has a verdict, but with partial = no. */
static void
check_done(struct player *p)
{
	size_t i;

	p->r->done = true;
	if (p->dones++ > 0)
		play_broken(p, "a transaction is done once");
	if (play_says(p->d, "partial", "no"))
		return;
	for (i = 0; i < p->r->envelope.count; i++)
		if (p->states[i] == RECIPIENT_UNTRIED)
			play_broken(p, "a verdict for every recipient");
}

/* A line that was traced, with its LF. */
static void
check_trace_line(struct player *p, const char *line, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i++)
		if (ascii_iscntrl(line[i]))
			play_broken(p, "control bytes are escaped in the"
			    " trace");
	/* Of the client's, what is secret is known when it has gone out. */
	if (line[0] == '>')
		buf_add(&p->auth.traced, line, len);
	else if (p->auth.in && len > 6 && memcmp(line, "< 334", 5) == 0 &&
	    (len != 10 || memcmp(line + 6, "***", 3) != 0))
		play_broken(p, "no challenge is in the trace");
}

static void
check_trace(struct player *p)
{
	struct buf *trace = session_trace(p->session);
	const char *at = trace->data, *end = at + trace->len, *lf;

	play_auth_shown(p, trace->data);
	for (; at < end; at = lf + 1) {
		lf = memchr(at, '\n', (size_t)(end - at));
		if (lf == NULL) {
			play_broken(p, "the trace is whole lines");
			break;
		}
		check_trace_line(p, at, (size_t)(lf + 1 - at));
	}
	buf_clear(trace);
}

static void
finish_failure(struct player *p)
{
	const char *data;

	p->r->failed = true;
	p->r->error = *session_error(p->session);
	p->r->code = session_error_code(p->session);
	play_auth_shown(p, p->r->error.text);
	if (session_output(p->session, &data) != 0)
		play_broken(p, "nothing more is written after a failure");
	if (p->r->error.class == ERR_NONE || p->r->error.text[0] == '\0')
		play_broken(p, "a failure has a class and a text");
	if (p->r->error.class == ERR_INTERNAL)
		play_broken(p, "no relay makes the engine fail by its own"
		    " fault");
}

/* What is said for a person of the mechanism that was chosen. */
static void
check_explanation(struct player *p)
{
	struct buf why;
	size_t i;

	buf_init(&why, MANY);
	session_explain(p->session, &why);
	if (why.len == 0)
		play_broken(p, "there is a reason for a mechanism");
	for (i = 0; i < why.len; i++)
		if (ascii_iscntrl(why.data[i]))
			play_broken(p, "no control byte in that reason");
	buf_release(&why);
}

/* One event; false when it was the last. */
static bool
handle(struct player *p, enum session_event event)
{
	switch (event) {
	case SESSION_WAIT:
		turn(p);
		return true;
	case SESSION_NEED_TLS:
		if (!p->starttls || p->secured)
			play_broken(p, "TLS once, where it is wanted");
		return secure(p);
	case SESSION_NEED_SECRET:
		check_trace(p);
		check_explanation(p);
		p->auth.secret_told = true;
		session_secret(p->session, p->auth.secret);
		return true;
	case SESSION_READY:
		begin_or_quit(p);
		return true;
	case SESSION_WANT_BODY:
		feed_message(p);
		return true;
	case SESSION_AGAIN:
		play_again(p);
		return true;
	case SESSION_DONE:
		check_done(p);
		return true;
	case SESSION_FAILED:
		finish_failure(p);
		return false;
	case SESSION_CLOSED:
		return false;
	}
	return false;
}

/* What the play had still to hear. */
static void
check_rest(struct player *p)
{
	const struct step *st;

	take_output(p);
	advance(p);
	if (p->step == p->d->step_count) {
		if (p->heard.len > 0)
			mismatch(p, "the client says more");
		return;
	}
	st = &p->d->steps[p->step];
	if (st->kind == STEP_HEAR || st->kind == STEP_BODY ||
	    st->kind == STEP_BODY_PART || st->kind == STEP_CHUNK ||
	    st->kind == STEP_AUTH_PLAIN)
		mismatch(p, "the client says less");
}

static void
init(struct player *p, const struct dialogue *d, size_t cut,
    struct player_result *r)
{
	memset(p, 0, sizeof *p);
	memset(r, 0, sizeof *r);
	p->d = d;
	p->r = r;
	p->cut = cut == 0 || cut > PORTION ? PORTION : cut;
	buf_init(&r->said, MANY);
	buf_init(&p->queue, MANY);
	buf_init(&p->heard, MANY);
	buf_init(&p->body, MANY);
	buf_init(&p->replies.line, MANY);
	buf_init(&p->replies.first, MANY);
	envelope_init(&r->envelope);
	play_envelope(d, &r->envelope);
	p->states = xcalloc(r->envelope.count + 1, sizeof *p->states);
	p->message = dialogue_message(d, &p->message_len);
	open_session(p);
}

static void
release(struct player *p)
{
	session_free(p->session);
	play_auth_release(p);
	buf_release(&p->queue);
	buf_release(&p->heard);
	buf_release(&p->body);
	buf_release(&p->replies.line);
	buf_release(&p->replies.first);
	free(p->states);
	free(p->message);
}

/* TLS from the first byte; false when there is no handshake. */
static bool
begin_tls(struct player *p)
{
	if (p->d->step_count == 0 || p->d->steps[0].kind != STEP_TLS) {
		no_handshake(p);
		return false;
	}
	handshake(p);
	return true;
}

static void
run(struct player *p)
{
	enum session_event event;
	unsigned turns;

	for (turns = 0; turns < TURNS_MAX; turns++) {
		event = session_step(p->session);
		check_verdicts(p);
		check_trace(p);
		if (!handle(p, event))
			return;
	}
	play_broken(p, "every session comes to its end");
}

void
player_run(const struct dialogue *d, size_t cut, struct player_result *r)
{
	struct player p;

	init(&p, d, cut, r);
	if (!p.implicit || begin_tls(&p))
		run(&p);
	check_verdicts(&p);
	check_rest(&p);
	release(&p);
}

void
player_release(struct player_result *r)
{
	envelope_release(&r->envelope);
	buf_release(&r->said);
}

int
player_exit_status(const struct player_result *r)
{
	/* What happens behind the last verdict changes none. */
	if (r->done)
		return error_exit_status(envelope_worst(&r->envelope));
	return error_exit_status(r->error.class);
}

bool
player_same(const struct player_result *a, const struct player_result *b)
{
	const struct verdict *v, *w;
	size_t i;

	if (a->done != b->done || a->failed != b->failed ||
	    a->error.class != b->error.class || a->code != b->code ||
	    a->envelope.count != b->envelope.count ||
	    a->said.len != b->said.len ||
	    memcmp(a->said.data, b->said.data, a->said.len) != 0)
		return false;
	for (i = 0; i < a->envelope.count; i++) {
		v = &a->envelope.list[i].verdict;
		w = &b->envelope.list[i].verdict;
		if (v->state != w->state || v->class != w->class ||
		    v->code != w->code || strcmp(v->enhanced, w->enhanced) !=
		    0 || (v->text == NULL) != (w->text == NULL) ||
		    (v->text != NULL && strcmp(v->text, w->text) != 0))
			return false;
	}
	return true;
}
