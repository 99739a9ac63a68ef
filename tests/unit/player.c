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
#include "player.h"

#define MANY		(256 * 1024 * 1024)
/* More turns than this, and the engine does not come to an end. */
#define TURNS_MAX	20000000u
/* Bytes that come in at a time at most, as in the pump. */
#define PORTION		(32 * 1024)
/* Bytes of an endless reply after which nobody listens any more. */
#define ENDLESS_MAX	(4 * 1024 * 1024)
#define BODY_PORTION	(32 * 1024)

#define AUTH_PLAIN	"AUTH PLAIN AGFsaWNlAHMzY3JldCBwYXNz"

struct player {
	const struct dialogue *d;
	struct player_result *r;
	struct session *session;
	char *mechanisms[1];
	size_t cut;
	size_t step;
	uint64_t repeated;	/* of a STEP_REPEAT */
	struct buf queue;	/* the relay's bytes that are on their way */
	struct buf heard;	/* the client's bytes that no step has had */
	struct buf body;	/* what the client says as a message */
	size_t searched;	/* of heard, for the final dot */
	char *message;
	size_t message_len;
	size_t message_fed;
	bool starttls;
	bool secured;
	bool secret_told;
	bool token_said;
	bool begun;
	bool in_body;
	bool dot_out;		/* the final dot has gone out */
	char after_dot;		/* the first byte that came behind it */
	bool body_heard;
	bool stalled;
	bool ends;		/* the relay has closed */
	bool eof_told;
	unsigned dones;
	enum recipient_state *states;
};

static void
broken(struct player *p, const char *promise)
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
	p->starttls = !play_says(p->d, "starttls", "no");
	s.relay = "relay.example.net";
	s.helo = "client.example.org";
	s.starttls = p->starttls;
	s.trace = true;
	s.auth.username = play_says(p->d, "username", "-") ? NULL :
	    DIALOGUE_USER;
	*p->mechanisms = xstrdup(play_says(p->d, "auth", "LOGIN") ? "LOGIN" :
	    play_says(p->d, "auth", "PLAIN") ? "PLAIN" : "auto");
	s.auth.mechanisms = p->mechanisms;
	s.auth.mechanism_count = 1;
	s.auth.allow_plaintext = play_says(p->d, "allow_plaintext_password",
	    "yes");
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
		broken(p, "a bound on what a relay may say");
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
	case STEP_BODY_PART:
		if (p->heard.len < st->number)
			return false;
		buf_consume(&p->heard, (size_t)st->number);
		return true;
	case STEP_TLS:
		return false;
	case STEP_SINK:
		buf_clear(&p->heard);
		return false;
	case STEP_STALL:
		p->stalled = true;
		return false;
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

static bool
line_allowed_before_tls(const char *line, size_t len)
{
	return (len > 5 && memcmp(line, "EHLO ", 5) == 0) ||
	    (len == 8 && memcmp(line, "STARTTLS", 8) == 0) ||
	    (len == 4 && memcmp(line, "QUIT", 4) == 0);
}

/* Commands: whole lines, nothing in them that ends one early. */
static void
check_commands(struct player *p, const char *data, size_t len)
{
	const char *end = data + len, *lf;
	size_t n;

	for (; data < end; data = lf + 1) {
		lf = memchr(data, '\n', (size_t)(end - data));
		if (lf == NULL || lf == data || lf[-1] != '\r') {
			broken(p, "commands are lines that end in CRLF");
			return;
		}
		n = (size_t)(lf - 1 - data);
		if (memchr(data, '\r', n) != NULL ||
		    memchr(data, '\0', n) != NULL)
			broken(p, "no CR, LF or NUL gets into a command");
		if (p->starttls && !p->secured &&
		    !line_allowed_before_tls(data, n))
			broken(p, "nothing but EHLO, STARTTLS, QUIT"
			    " before TLS");
	}
}

/* The message without its dots is what went in, with CRLF. */
static void
check_message(struct player *p)
{
	const char *want = p->message, *end = want + p->message_len;
	size_t i, len = p->body.len - 3;
	const char *got = p->body.data;
	bool start = true;

	for (i = 0; i < len; i++) {
		if (start && got[i] == '.')
			i++;
		start = got[i] == '\n';
		if (got[i] == '\r' && (want == end || *want == '\n'))
			continue;
		if (got[i] == '\n' && want == end && i == len - 1)
			return;
		if (want == end || *want++ != got[i]) {
			broken(p, "the message comes out as it went in");
			return;
		}
	}
	if (want != end)
		broken(p, "the message comes out whole");
}

static void
check_body(struct player *p, const char *data, size_t len)
{
	size_t from = p->body.len < 4 ? 0 : p->body.len - 4;
	char *dot;

	if (p->starttls && !p->secured)
		broken(p, "no message before TLS");
	buf_add(&p->body, data, len);
	dot = memmem(p->body.data + from, p->body.len - from, "\r\n.\r\n", 5);
	if (dot == NULL && !(p->body.len == 3 &&
	    memcmp(p->body.data, ".\r\n", 3) == 0))
		return;
	if (dot != NULL && dot + 5 != p->body.data + p->body.len)
		broken(p, "nothing stands behind the final dot");
	else
		check_message(p);
	p->dot_out = true;
	p->in_body = false;
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
	if (p->in_body)
		check_body(p, data, len);
	else
		check_commands(p, data, len);
	if (memmem(data, len, AUTH_PLAIN, sizeof AUTH_PLAIN - 1) != NULL)
		p->token_said = true;
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
	if (p->dot_out && p->after_dot == '\0')
		p->after_dot = p->queue.data[0] == '\0' ? '?' :
		    p->queue.data[0];
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
	if (!left) {
		p->step++;
		p->secured = true;
		buf_adds(&p->r->said, "[TLS]");
	}
	session_secured(p->session, NULL);
	if (left && session_step(p->session) != SESSION_FAILED)
		broken(p, "bytes behind STARTTLS's 220 are a breach");
	return true;
}

static void
feed_message(struct player *p)
{
	size_t len = p->message_len - p->message_fed;

	p->in_body = true;
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
			broken(p, "a recipient gets one final verdict");
		if (p->dones > 0)
			broken(p, "no verdict changes when all are there");
		if (now == RECIPIENT_ACCEPTED && (!p->dot_out ||
		    p->after_dot != '2'))
			broken(p, "accepted only after a 2yz to the final"
			    " dot");
		if (now == RECIPIENT_UNKNOWN && !p->dot_out)
			broken(p, "in doubt only after the final dot");
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
		broken(p, "a transaction is done once");
	if (play_says(p->d, "partial", "no"))
		return;
	for (i = 0; i < p->r->envelope.count; i++)
		if (p->states[i] == RECIPIENT_UNTRIED)
			broken(p, "a verdict for every recipient");
}

static void
check_trace(struct player *p)
{
	const char *args = dialogue_head(p->d, "args", 0);
	struct buf *trace = session_trace(p->session);
	size_t i;

	/* An address is no secret, even if the play has it look like one. */
	if (args != NULL && (strstr(args, DIALOGUE_PASSWORD) != NULL ||
	    strstr(args, &AUTH_PLAIN[11]) != NULL))
		p->secret_told = p->token_said = false;
	if (p->secret_told && strstr(trace->data, DIALOGUE_PASSWORD) != NULL)
		broken(p, "no password in the trace");
	if (p->token_said && strstr(trace->data, &AUTH_PLAIN[11]) != NULL)
		broken(p, "no token in the trace");
	for (i = 0; i < trace->len; i++)
		if (trace->data[i] != '\n' && ascii_iscntrl(trace->data[i]))
			broken(p, "control bytes are escaped in the trace");
	buf_clear(trace);
}

static void
finish_failure(struct player *p)
{
	const char *data;

	p->r->failed = true;
	p->r->error = *session_error(p->session);
	p->r->code = session_error_code(p->session);
	if (session_output(p->session, &data) != 0)
		broken(p, "nothing more is written after a failure");
	if (p->r->error.class == ERR_NONE || p->r->error.text[0] == '\0')
		broken(p, "a failure has a class and a text");
	if (p->r->error.class == ERR_INTERNAL)
		broken(p, "no relay makes the engine fail by its own fault");
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
			broken(p, "TLS once, where it is wanted");
		return secure(p);
	case SESSION_NEED_SECRET:
		check_trace(p);
		p->secret_told = true;
		session_secret(p->session, DIALOGUE_PASSWORD);
		return true;
	case SESSION_READY:
		begin_or_quit(p);
		return true;
	case SESSION_WANT_BODY:
		feed_message(p);
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
	    st->kind == STEP_BODY_PART || st->kind == STEP_AUTH_PLAIN)
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
	envelope_init(&r->envelope);
	play_envelope(d, &r->envelope);
	p->states = xcalloc(r->envelope.count + 1, sizeof *p->states);
	p->message = dialogue_message(d, &p->message_len);
	open_session(p);
}

void
player_run(const struct dialogue *d, size_t cut, struct player_result *r)
{
	enum session_event event;
	struct player p;
	unsigned turns;

	init(&p, d, cut, r);
	for (turns = 0; turns < TURNS_MAX; turns++) {
		event = session_step(p.session);
		check_verdicts(&p);
		check_trace(&p);
		if (!handle(&p, event))
			break;
	}
	if (turns == TURNS_MAX)
		broken(&p, "every session comes to its end");
	check_verdicts(&p);
	check_rest(&p);
	session_free(p.session);
	buf_release(&p.queue);
	buf_release(&p.heard);
	buf_release(&p.body);
	free(p.states);
	free(*p.mechanisms);
	free(p.message);
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
