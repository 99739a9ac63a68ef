/* SPDX-License-Identifier: ISC */
/*
 * Plays a dialogue (tests/dialogues/README): one function a step, from a
 * table.
 */
#include "config.h"

#include <sys/socket.h>

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "body.h"
#include "conn.h"
#include "dialogue.h"
#include "play.h"
#include "record.h"
#include "sasl.h"
#include "scram.h"
#include "talk.h"

/* Bytes of a client's line that are shown. */
#define SHOWN	160

struct player {
	struct conn *c;
	struct record *r;
	const struct step *step;
	struct body body;
	bool in_body;		/* 354 was said */
	bool in_chunks;		/* a chunk was read, and not yet judged */
	uint64_t chunk;		/* octets of the BDAT heard last */
	bool last_chunk;
	bool pipelining;	/* the client need not wait */
	bool heard;		/* the step before read a line or a message */
	char *why;
	char out[CONN_BUFFER + 1];
};

static int fail(struct player *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int
fail(struct player *p, const char *fmt, ...)
{
	va_list ap;
	int n = 0;

	if (p->step != NULL)
		n = snprintf(p->why, PLAY_WHY, "line %u: ", p->step->line);
	va_start(ap, fmt);
	vsnprintf(p->why + n, PLAY_WHY - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

/* Makes bytes fit to be shown. */
static const char *
shown(const char *text, size_t len, char out[SHOWN + 1])
{
	size_t i;

	if (len > SHOWN)
		len = SHOWN;
	for (i = 0; i < len; i++)
		out[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '.';
	out[len] = '\0';
	return out;
}

/* The client's end is no failure of what the relay says. */
static int
said(struct player *p, enum conn_result r)
{
	return r == CONN_STOP ? fail(p, "%s", p->c->why) : 0;
}

/* The reply to the final dot decides what becomes of the message. */
static int
verdict(struct player *p, const char *text)
{
	bool whole = p->body.done;

	/* A chunk is taken, and there are more to come. */
	if (p->in_chunks && !whole && text[0] == '2')
		return 0;
	p->in_body = p->in_chunks = false;
	if (text[0] != '2' || !whole) {
		record_drop(p->r);
		return 0;
	}
	if (record_take(p->r, &p->body) < 0)
		return fail(p, "cannot record the message: %m");
	return 0;
}

static int
do_send(struct player *p)
{
	const struct step *st = p->step;

	if (p->heard && !p->pipelining && conn_pending(p->c))
		return fail(p, "the client went on before the reply");
	if (strstr(st->text, "PIPELINING") != NULL)
		p->pipelining = true;
	if (p->r->open) {
		if (verdict(p, st->text) < 0)
			return -1;
	} else if (strncmp(st->text, "354", 3) == 0)
		p->in_body = true;
	record_say(p->r, "S", st->text, st->len);
	return said(p, conn_write(p->c, st->text, st->len));
}

static int
keep_envelope(struct player *p, const char *line, size_t len)
{
	if (len > 5 && strncasecmp(line, "MAIL ", 5) == 0)
		return record_mail(p->r, line, len);
	if (len > 5 && strncasecmp(line, "RCPT ", 5) == 0)
		return record_rcpt(p->r, line, len);
	return 0;
}

/* "BDAT 86" or "BDAT 86 LAST": CHUNK will read its octets. */
static int
note_chunk(struct player *p, const char *line, size_t len)
{
	char text[64], *end;

	if (len < 6 || strncasecmp(line, "BDAT ", 5) != 0)
		return 0;
	snprintf(text, sizeof(text), "%.*s", (int)len, line);
	p->chunk = strtoull(text + 5, &end, 10);
	p->last_chunk = strcmp(end, " LAST") == 0;
	if (end == text + 5 || (*end != '\0' && !p->last_chunk))
		return fail(p, "this is no BDAT: '%s'", text);
	return 0;
}

static int
do_hear(struct player *p)
{
	char show[SHOWN + 1];
	const char *line;
	enum conn_result r;
	size_t len;

	r = conn_line(p->c, &line, &len);
	if (r == CONN_GONE && p->step->kind == STEP_HEAR_OR_END)
		return 0;
	if (r != CONN_OK)
		return fail(p, "waiting for '%s': %s", p->step->text,
		    p->c->why);
	record_say(p->r, "C", line, len);
	if (!dialogue_match(p->step->text, line, len))
		return fail(p, "expected '%s', heard '%s'", p->step->text,
		    shown(line, len, show));
	if (keep_envelope(p, line, len) < 0)
		return fail(p, "the envelope is too long");
	return note_chunk(p, line, len);
}

static int
do_tls(struct player *p)
{
	p->pipelining = false;
	if (conn_start_tls(p->c) != CONN_OK)
		return fail(p, "%s", p->c->why);
	talk_secured(p->c, p->r);
	return 0;
}

static bool
right_login(const gnutls_datum_t *given)
{
	static const char want[] = "\0" DIALOGUE_USER "\0" DIALOGUE_PASSWORD;
	static const char full[] = DIALOGUE_USER "\0" DIALOGUE_USER "\0"
	    DIALOGUE_PASSWORD;

	return (given->size == sizeof(want) - 1 &&
	    memcmp(given->data, want, given->size) == 0) ||
	    (given->size == sizeof(full) - 1 &&
	    memcmp(given->data, full, given->size) == 0);
}

/*
 * Reads "AUTH MECHANISM" for one of the names (a NULL behind the last), and
 * the client's first words, which may come in the same line.
 */
static int
hear_auth(struct player *p, const char *const *names, const char **mechanism,
    gnutls_datum_t *given)
{
	char show[SHOWN + 1], *text;
	const char *line;
	enum talk_result t;
	size_t len, n = 0;

	if (conn_line(p->c, &line, &len) != CONN_OK)
		return fail(p, "waiting for AUTH %s: %s", *names, p->c->why);
	record_say(p->r, "C", line, len);
	for (; (*mechanism = *names) != NULL; names++) {
		n = strlen("AUTH ") + strlen(*names);
		if (len >= n && memcmp(line, "AUTH ", 5) == 0 &&
		    memcmp(line + 5, *names, n - 5) == 0 &&
		    (len == n || line[n] == ' '))
			break;
	}
	if (*names == NULL || len + 2 > TALK_AUTH_MAX)
		return fail(p, "another AUTH was expected than '%s'",
		    shown(line, len, show));
	text = strndup(line + n + (len > n), len - n - (len > n));
	t = text == NULL ? TALK_GONE : talk_first(p->c, p->r, text, given);
	free(text);
	return t == TALK_OK ? 0 : fail(p, "AUTH %s: no base64", *mechanism);
}

static int
do_auth_plain(struct player *p)
{
	static const char *const names[] = { "PLAIN", NULL };
	const char *mechanism;
	gnutls_datum_t given;
	bool right;

	if (hear_auth(p, names, &mechanism, &given) < 0)
		return -1;
	right = right_login(&given);
	gnutls_free(given.data);
	return right ? 0 : fail(p, "AUTH PLAIN: wrong user or password");
}

static int
do_auth_token(struct player *p)
{
	static const char *const names[] = { "OAUTHBEARER", "XOAUTH2", NULL };
	const char *mechanism;
	gnutls_datum_t given;
	bool right;

	if (hear_auth(p, names, &mechanism, &given) < 0)
		return -1;
	right = sasl_oauth(mechanism, (const char *)given.data, given.size,
	    p->step->text);
	gnutls_free(given.data);
	return right ? 0 : fail(p, "AUTH %s: wrong user, token or form",
	    mechanism);
}

static int
do_scram(struct player *p)
{
	char why[PLAY_WHY / 2];

	return scram_play(p->step->text, p->c, p->r, why, sizeof(why)) < 0 ?
	    fail(p, "%s", why) : 0;
}

/* Takes up to limit bytes of the message from what is read. */
static int
take_body(struct player *p, uint64_t limit, uint64_t *taken)
{
	struct conn *c = p->c;
	size_t len, used, n;

	len = c->end - c->start;
	if (len > limit)
		len = (size_t)limit;
	used = body_feed(&p->body, c->in + c->start, len, p->out, &n);
	c->start += used;
	*taken = used;
	if (record_data(p->r, p->out, n) < 0)
		return fail(p, "cannot record the message: %m");
	if (p->body.breach != NULL)
		return fail(p, "octet %llu of the message: %s",
		    (unsigned long long)p->body.breach_at, p->body.breach);
	return 0;
}

static int
begin_body(struct player *p)
{
	if (p->r->open)
		return 0;
	body_init(&p->body);
	if (record_begin(p->r) < 0)
		return fail(p, "cannot record the message: %m");
	return 0;
}

static int
do_body(struct player *p)
{
	char note[40];
	uint64_t taken;

	if (begin_body(p) < 0)
		return -1;
	while (!p->body.done) {
		if (conn_fill(p->c) != CONN_OK)
			return fail(p, "within the message: %s", p->c->why);
		if (take_body(p, UINT64_MAX, &taken) < 0)
			return -1;
	}
	snprintf(note, sizeof(note), "%llu octets",
	    (unsigned long long)p->body.size);
	record_say(p->r, "BODY", note, strlen(note));
	return 0;
}

static int
do_body_part(struct player *p)
{
	uint64_t left = p->step->number, taken;

	if (begin_body(p) < 0)
		return -1;
	while (left > 0) {
		if (conn_fill(p->c) != CONN_OK)
			return fail(p, "within the message: %s", p->c->why);
		if (take_body(p, left, &taken) < 0)
			return -1;
		left -= taken;
		if (p->body.done)
			return fail(p, "the message is over already");
	}
	return 0;
}

static int
do_chunk(struct player *p)
{
	struct conn *c = p->c;
	size_t len;

	if (begin_body(p) < 0)
		return -1;
	p->in_chunks = true;
	while (p->chunk > 0) {
		if (conn_fill(c) != CONN_OK)
			return fail(p, "within a chunk: %s", c->why);
		len = c->end - c->start;
		if (len > p->chunk)
			len = (size_t)p->chunk;
		body_chunk(&p->body, c->in + c->start, len);
		if (record_data(p->r, c->in + c->start, len) < 0)
			return fail(p, "cannot record the message: %m");
		c->start += len;
		p->chunk -= len;
	}
	if (p->body.breach != NULL)
		return fail(p, "octet %llu of the message: %s",
		    (unsigned long long)p->body.breach_at, p->body.breach);
	p->body.done = p->last_chunk;
	return 0;
}

static int
do_drip(struct player *p)
{
	const struct step *st = p->step;
	size_t i;

	for (i = 0; i < st->len && !p->c->gone; i++) {
		if (said(p, conn_write(p->c, st->text + i, 1)) < 0)
			return -1;
		switch (watch_wait(p->c->watch, p->c->fd, POLLRDHUP,
		    watch_now() + (int64_t)st->number, true)) {
		case -1:
			return fail(p, "%s", watch_why(p->c->watch));
		case 1:
			return 0;
		}
	}
	return 0;
}

static int
do_repeat(struct player *p)
{
	const struct step *st = p->step;
	uint64_t i;

	for (i = 0; (st->number == 0 || i < st->number) && !p->c->gone; i++)
		if (said(p, conn_write(p->c, st->text, st->len)) < 0)
			return -1;
	return 0;
}

static int
do_stall(struct player *p)
{
	return conn_stall(p->c) == CONN_STOP ? fail(p, "%s", p->c->why) : 0;
}

static int
do_sink(struct player *p)
{
	enum conn_result r;
	uint64_t taken;

	if (p->in_body && begin_body(p) < 0)
		return -1;
	while ((r = conn_fill(p->c)) == CONN_OK) {
		if (!p->in_body || p->body.done) {
			p->c->start = p->c->end;
			continue;
		}
		if (take_body(p, UINT64_MAX, &taken) < 0)
			return -1;
		if (p->body.done)
			return fail(p, "the final dot came");
	}
	return said(p, r);
}

static int
do_close(struct player *p)
{
	conn_close(p->c);
	return 0;
}

static int
do_halfclose(struct player *p)
{
	shutdown(p->c->fd, SHUT_WR);
	return 0;
}

static int
do_reset(struct player *p)
{
	conn_reset(p->c);
	return 0;
}

static int
do_plain(struct player *p)
{
	return said(p, conn_write_plain(p->c, p->step->text, p->step->len));
}

static int
do_tickets(struct player *p)
{
	const struct step *st = p->step;
	uint64_t i;

	if (p->c->tls == NULL)
		return fail(p, "there is no TLS to send a ticket in");
	for (i = 0; (st->number == 0 || i < st->number) && !p->c->gone; i++)
		if (said(p, conn_ticket(p->c)) < 0)
			return -1;
	return 0;
}

static int
do_alert(struct player *p)
{
	if (p->c->tls == NULL)
		return fail(p, "there is no TLS to send an alert in");
	gnutls_alert_send(p->c->tls, GNUTLS_AL_FATAL,
	    GNUTLS_A_INTERNAL_ERROR);
	return 0;
}

static int (*const actions[])(struct player *) = {
	[STEP_SEND] = do_send,
	[STEP_SEND_RAW] = do_send,
	[STEP_HEAR] = do_hear,
	[STEP_HEAR_OR_END] = do_hear,
	[STEP_TLS] = do_tls,
	[STEP_AUTH_PLAIN] = do_auth_plain,
	[STEP_AUTH_TOKEN] = do_auth_token,
	[STEP_SCRAM] = do_scram,
	[STEP_BODY] = do_body,
	[STEP_BODY_PART] = do_body_part,
	[STEP_CHUNK] = do_chunk,
	[STEP_DRIP] = do_drip,
	[STEP_REPEAT] = do_repeat,
	[STEP_STALL] = do_stall,
	[STEP_SINK] = do_sink,
	[STEP_CLOSE] = do_close,
	[STEP_HALFCLOSE] = do_halfclose,
	[STEP_RESET] = do_reset,
	[STEP_PLAIN] = do_plain,
	[STEP_ALERT] = do_alert,
	[STEP_TICKETS] = do_tickets,
};

/* Nothing more may come but the client's end. */
static int
await_end(struct player *p)
{
	char show[SHOWN + 1];
	struct conn *c = p->c;

	if (c->fd < 0)
		return 0;
	switch (conn_fill(c)) {
	case CONN_GONE:
		record_say(p->r, "END", c->why, strlen(c->why));
		return 0;
	case CONN_OK:
		return fail(p, "the play is over, but the client said '%s'",
		    shown(c->in + c->start, c->end - c->start, show));
	default:
		return fail(p, "the play is over, but the client stays: %s",
		    c->why);
	}
}

static int
run(struct player *p, const struct dialogue *d)
{
	size_t i;

	for (i = 0; i < d->step_count; i++) {
		p->step = &d->steps[i];
		if (actions[p->step->kind](p) < 0)
			return -1;
		p->heard = p->step->kind == STEP_HEAR ||
		    p->step->kind == STEP_HEAR_OR_END ||
		    p->step->kind == STEP_AUTH_PLAIN ||
		    p->step->kind == STEP_AUTH_TOKEN ||
		    p->step->kind == STEP_BODY;
	}
	p->step = NULL;
	return await_end(p);
}

int
play(const struct dialogue *d, struct conn *c, struct record *r,
    char why[PLAY_WHY])
{
	struct player *p;
	int rc;

	why[0] = '\0';
	p = calloc(1, sizeof(*p));
	if (p == NULL) {
		snprintf(why, PLAY_WHY, "out of memory");
		return -1;
	}
	p->c = c;
	p->r = r;
	p->why = why;
	rc = run(p, d);
	record_drop(r);
	free(p);
	return rc;
}
