/* SPDX-License-Identifier: ISC */
/*
 * The pump: bytes between the network and the session, and absolute limits on
 * how long anything may take.  The only room that knows both sides.  It never
 * decides about a message: verdicts are the session's.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/connect.h"
#include "agent/mend.h"
#include "agent/progress.h"
#include "agent/steps.h"
#include "agent/submit.h"
#include "agent/watch.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/account.h"
#include "config/secret.h"
#include "mail/envelope.h"
#include "mail/message.h"
#include "net/stream.h"
#include "smtp/session.h"

/* Bytes of the message that are handed on at a time, and of one read. */
#define CHUNK		(32 * 1024)

/* After the final 2yz, QUIT gets this long and changes nothing. */
#define QUIT_MS		2000

/*
 * The whole session's limit: so many replies' time, and a second for each KiB
 * and two for each recipient.
 */
#define SESSION_REPLIES	12
#define BYTES_A_SECOND	1024
#define RECIPIENT_MS	2000

struct pump {
	struct account *account;
	struct buf *secret;
	struct submission *submission;
	struct submit_result *result;
	struct steps *steps;	/* NULL: nobody looks on */
	enum session_stage stage;	/* at the last look */
	bool trace;
	struct connection connection;
	struct session *session;
	char *chunk;
	size_t header_fed;
	uint64_t body_fed;
	bool begun;
	bool verdicts;		/* every recipient has one */
	int64_t session_deadline;
	int64_t reply_deadline;
	struct meter meter;
	uint64_t sent_before;	/* the message, in bytes */
	uint64_t progress;	/* session_progress at the last look */
};

static void
say(const struct pump *p, const struct buf *text)
{
	if (p->trace)
		fsio_write_all(STDERR_FILENO, text->data, text->len);
}

static void
show_dialogue(struct pump *p)
{
	struct buf *text = session_trace(p->session);

	say(p, text);
	buf_clear(text);
}

/* A line about the connection, for -v. */
static void
note(const struct pump *p, const char *what, const char *rest)
{
	struct buf text;

	buf_init(&text, 4096);
	buf_addf(&text, "* %s%s\n", what, rest);
	say(p, &text);
	buf_release(&text);
}

/* How long one upload may take. */
static int64_t
message_ms(const struct submission *s)
{
	return (int64_t)(s->size / BYTES_A_SECOND) * 1000;
}

/* Starts the time for the next reply anew when there was progress. */
static int64_t
deadline(struct pump *p)
{
	int64_t wait = p->account->timeout * 1000;
	uint64_t progress;

	progress = session_progress(p->session);
	if (progress != p->progress || p->reply_deadline == 0) {
		p->progress = progress;
		switch (session_patience(p->session)) {
		case SESSION_PATIENCE_REPLY:
			break;
		case SESSION_PATIENCE_FINAL:
			wait *= 2;
			break;
		case SESSION_PATIENCE_QUIT:
			wait = QUIT_MS;
			break;
		}
		p->reply_deadline = clock_ms() + wait;
	}
	return p->reply_deadline < p->session_deadline ? p->reply_deadline :
	    p->session_deadline;
}

static int
begin_tls(struct pump *p, struct error *e)
{
	const struct tls_facts *f = &p->connection.facts;

	p->result->stage = "tls";
	if (connection_secure(&p->connection, p->session_deadline, e) == -1)
		return -1;
	p->result->tls = *f;
	note(p, f->version, f->pinned ? ", certificate pinned" :
	    ", certificate accepted");
	watch_tls(p->steps, f);
	return 0;
}

static int
connect_relay(struct pump *p, struct error *e)
{
	const struct account *a = p->account;
	struct connection *c = &p->connection;
	char port[32] = "";
	int rc;

	p->result->stage = "connection";
	rc = connection_open(c, e);
	p->result->dialed = c->dialed;
	watch_dial(p->steps, a, &c->dialed, rc == 0);
	if (rc == -1) {
		if (c->dialed.resolved == 0 && !account_is_local(a))
			p->result->stage = "name";
		return -1;
	}
	if (c->dialed.port != 0)
		snprintf(port, sizeof port, ", port %u",
		    (unsigned int)c->dialed.port);
	note(p, a->server, port);
	return a->implicit_tls ? begin_tls(p, e) : 0;
}

/* What a login can be bound to: borrowed from the result. */
static struct auth_binding
binding(const struct pump *p)
{
	struct auth_binding b;

	b.type = p->result->tls.binding_type;
	b.data = p->result->tls.binding;
	return b;
}

/* NULL: no authentication. */
static const char *
login_name(const struct account *a)
{
	if (a->auth.count > 0 && str_caseeq(a->auth.list[0], "none"))
		return NULL;
	if (a->username == NULL &&
	    auth_list_may_lack_name(a->auth.list, a->auth.count))
		return "";
	return a->username;
}

static void
open_session(struct pump *p)
{
	const struct account *a = p->account;
	struct session_settings settings;

	memset(&settings, 0, sizeof settings);
	settings.relay = a->server;
	settings.helo = p->connection.helo;
	settings.starttls = a->starttls;
	settings.encrypted = a->implicit_tls;
	settings.secure = a->implicit_tls || account_is_local(a);
	settings.trace = p->trace;
	settings.auth.username = login_name(a);
	settings.auth.host = p->connection.name;
	settings.auth.port = p->result->dialed.port;
	settings.auth.binding = binding(p);
	settings.auth.mechanisms = a->auth.list;
	settings.auth.mechanism_count = a->auth.count;
	settings.auth.allow_plaintext = a->allow_plaintext_password;
	p->session = session_new(&settings);
}

/* Takes what is there without waiting; true when there was anything. */
static bool
read_some(struct pump *p)
{
	ssize_t n;
	bool again;

	n = stream_read(p->connection.stream, p->chunk, CHUNK, &again);
	if (n > 0)
		session_feed(p->session, p->chunk, (size_t)n);
	else if (!again)
		session_eof(p->session, stream_failure(p->connection.stream));
	return n > 0 || !again;
}

/* Hands the stream what it takes; -1 when the relay takes nothing more. */
static int
fill(struct pump *p)
{
	const char *data;
	size_t len;
	ssize_t n;

	while ((len = session_output(p->session, &data)) > 0) {
		n = stream_write(p->connection.stream, data, len);
		if (n <= 0)
			return (int)n;
		session_written(p->session, (size_t)n);
	}
	return 0;
}

/* Moves all that the socket takes now; -1 as above. */
static int
write_some(struct pump *p)
{
	const char *data;
	int rc;

	do {
		if (fill(p) == -1)
			return -1;
		rc = stream_flush(p->connection.stream);
	} while (rc == 0 && session_output(p->session, &data) > 0);
	if (rc == 0)
		session_flushed(p->session);
	return rc == -1 ? -1 : 0;
}

/* A relay that stops us may have said why before it closed. */
static void
drain(struct pump *p)
{
	char *why;
	ssize_t n;
	bool again;

	why = xstrdup(stream_failure(p->connection.stream));
	while ((n = stream_read(p->connection.stream, p->chunk, CHUNK,
	    &again)) > 0)
		session_feed(p->session, p->chunk, (size_t)n);
	session_eof(p->session, why);
	free(why);
}

static void
show_progress(struct pump *p)
{
	uint64_t sent = session_sent(p->session) - p->sent_before;

	/* Dots and the words around chunks are sent as well. */
	if (p->meter.running)
		meter_update(&p->meter, sent < p->meter.total ? sent :
		    p->meter.total, clock_ms());
}

/*
 * One turn: what the relay has said comes first, since a reply to nothing must
 * be seen before the next command is written.
 */
static void
exchange(struct pump *p)
{
	const char *data;
	int64_t limit, wake;

	if (read_some(p))
		return;
	if (write_some(p) == -1) {
		drain(p);
		return;
	}
	show_progress(p);
	if (session_in_body(p->session) &&
	    session_output(p->session, &data) == 0)
		return;
	/* Looked at before poll(2): what trickles in extends nothing. */
	limit = deadline(p);
	wake = meter_wake(&p->meter, limit);
	if (clock_poll_ms(limit) == 0 ||
	    (stream_wait(p->connection.stream, wake) == -1 && wake == limit))
		session_timeout(p->session);
}

/* -1 when the message can't be read back: then no final dot may go. */
static int
feed_message(struct pump *p, struct error *e)
{
	const struct submission *s = p->submission;
	size_t len;
	ssize_t n;

	if (p->header_fed == 0) {
		p->sent_before = session_sent(p->session);
		meter_begin(&p->meter, s->size, clock_ms());
	}
	if (p->header_fed < s->header.len) {
		len = s->header.len - p->header_fed;
		if (len > CHUNK)
			len = CHUNK;
		session_body(p->session, s->header.data + p->header_fed, len);
		p->header_fed += len;
		return 0;
	}
	n = message_body(s->message, p->body_fed, p->chunk, CHUNK, e);
	if (n == -1)
		return -1;
	if (n == 0)
		session_body_end(p->session);
	else
		session_body(p->session, p->chunk, (size_t)n);
	p->body_fed += (uint64_t)n;
	return 0;
}

/* What the relay said of itself decides what the message must be like. */
static int
suit_relay(struct pump *p, struct error *e)
{
	struct submission *s = p->submission;
	int64_t began = clock_ms(), before = message_ms(s);
	int rc;

	if (!s->eight_bit || session_capabilities(p->session)->eight_bit_mime)
		return 0;
	rc = mend(s, true, e);
	/* It is not the relay that took this time. */
	p->session_deadline += clock_ms() - began + message_ms(s) - before;
	return rc;
}

/* Ours to say, before the relay has heard of the message. */
static void
refuse_all(struct pump *p, const struct error *e)
{
	struct envelope *env = p->submission->envelope;
	size_t i;

	for (i = 0; i < env->count; i++)
		verdict_set(&env->list[i].verdict, RECIPIENT_REFUSED,
		    e->class, 0, "", e->text, strlen(e->text));
	p->verdicts = true;
	session_quit(p->session);
}

/* -1 when the message cannot be read back, or written anew. */
static int
begin_or_quit(struct pump *p, struct error *e)
{
	const struct submission *s = p->submission;
	struct transaction t;

	if (session_mechanism(p->session) != NULL)
		snprintf(p->result->auth, sizeof p->result->auth, "%s",
		    session_mechanism(p->session));
	if (p->begun || s == NULL) {
		session_quit(p->session);
		return 0;
	}
	p->begun = true;
	if (suit_relay(p, e) == -1) {
		if (e->class != ERR_MESSAGE)
			return -1;
		refuse_all(p, e);
		return 0;
	}
	memset(&t, 0, sizeof t);
	t.envelope = s->envelope;
	t.size = s->size;
	t.eight_bit = s->eight_bit;
	t.smtputf8 = s->smtputf8;
	t.partial = p->account->partial;
	if (envelope_needs_dsn(s->envelope) &&
	    !session_capabilities(p->session)->dsn)
		note(p, "the relay does not offer DSN: what was asked for"
		    " about notifications is dropped", "");
	session_begin(p->session, &t);
	return 0;
}

/* The message is wanted from its beginning, and has its time again. */
static void
once_more(struct pump *p)
{
	meter_end(&p->meter);
	p->header_fed = 0;
	p->body_fed = 0;
	p->session_deadline += message_ms(p->submission);
}

static int
secure(struct pump *p, struct error *e)
{
	struct auth_binding bound;

	/* A second reply behind the 220 may have come since it was read. */
	read_some(p);
	if (session_silent(p->session) && begin_tls(p, e) == -1)
		return -1;
	bound = binding(p);
	session_secured(p->session, &bound);
	return 0;
}

/* For the one who looks on: how far the session has come. */
static void
look(struct pump *p)
{
	enum session_stage now = session_stage(p->session);

	p->result->stage = session_stage_name(now);
	if (now == p->stage)
		return;
	watch_session(p->steps, p->account, p->session, p->stage);
	p->stage = now;
}

/* Until the connection is of no more use; -1 with what ended it. */
static int
run(struct pump *p, struct error *e)
{
	enum session_event event;

	for (;;) {
		event = session_step(p->session);
		look(p);
		switch (event) {
		case SESSION_WAIT:
			show_dialogue(p);
			exchange(p);
			break;
		case SESSION_NEED_TLS:
			show_dialogue(p);
			if (secure(p, e) == -1)
				return -1;
			break;
		case SESSION_NEED_SECRET:
			session_secret(p->session, p->secret->data);
			buf_release(p->secret);
			buf_init_secret(p->secret, SECRET_MAX);
			break;
		case SESSION_READY:
			if (begin_or_quit(p, e) == -1)
				return -1;
			break;
		case SESSION_WANT_BODY:
			if (feed_message(p, e) == -1)
				return -1;
			break;
		case SESSION_AGAIN:
			once_more(p);
			break;
		case SESSION_DONE:
			meter_end(&p->meter);
			p->verdicts = true;
			break;
		case SESSION_FAILED:
			*e = *session_error(p->session);
			return -1;
		case SESSION_CLOSED:
			return 0;
		}
	}
}

static int64_t
session_limit(const struct account *a, const struct submission *s)
{
	int64_t limit;

	limit = clock_ms() + (a->connect_timeout +
	    SESSION_REPLIES * a->timeout) * 1000;
	return s == NULL ? limit : limit +
	    message_ms(s) + (int64_t)s->envelope->count * RECIPIENT_MS;
}

static void
init(struct pump *p, struct account *a, struct buf *secret,
    struct submission *s, bool trace, struct submit_result *r)
{
	memset(r, 0, sizeof *r);
	memset(p, 0, sizeof *p);
	p->account = a;
	p->secret = secret;
	p->submission = s;
	p->result = r;
	p->trace = trace;
	meter_init(&p->meter, s != NULL && !s->quiet && !trace);
	p->chunk = xmalloc(CHUNK);
}

static void
release(struct pump *p)
{
	session_free(p->session);
	connection_release(&p->connection);
	mem_wipe(p->chunk, CHUNK);
	free(p->chunk);
}

/* Everything; -1 with what ended it. */
static int
pump(struct pump *p, struct error *e)
{
	int rc;

	p->result->stage = "certificates";
	if (connection_prepare(&p->connection, p->account, e) == -1)
		return -1;
	/* Whoever types a password has all the time. */
	p->session_deadline = session_limit(p->account, p->submission);
	steps_begin(p->steps);
	if (connect_relay(p, e) == -1)
		return -1;
	open_session(p);
	rc = run(p, e);
	meter_end(&p->meter);
	show_dialogue(p);
	return rc;
}

int
submit(struct account *a, struct buf *secret,
    struct submission *s, bool trace, struct submit_result *r)
{
	struct error *e = &r->error;
	struct pump p;
	int rc;

	init(&p, a, secret, s, trace, r);
	rc = pump(&p, e);
	/* What happens behind the last verdict changes none. */
	if (p.verdicts) {
		e->class = ERR_NONE;
		rc = envelope_all_accepted(s->envelope) ? 0 : -1;
	}
	release(&p);
	return rc;
}

int
submit_nothing(struct account *a, struct buf *secret, bool trace,
    struct steps *steps, struct submit_result *r)
{
	struct pump p;
	int rc;

	init(&p, a, secret, NULL, trace, r);
	p.steps = steps;
	rc = pump(&p, &r->error);
	release(&p);
	return rc;
}
