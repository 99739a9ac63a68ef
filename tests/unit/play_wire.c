/* SPDX-License-Identifier: ISC */
/*
 * What goes over the wire in a play, held against what the engine promises:
 * commands, the message with its dots or in chunks (RFC 3030), and how many
 * replies there were.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "play_inside.h"
#include "player.h"

static bool
line_allowed_before_tls(const char *line, size_t len)
{
	return (len > 5 && memcmp(line, "EHLO ", 5) == 0) ||
	    (len == 8 && memcmp(line, "STARTTLS", 8) == 0) ||
	    (len == 4 && memcmp(line, "QUIT", 4) == 0);
}

/* The message that came is what went in, with CRLF; dots: doubled ones. */
static void
check_message(struct player *p, size_t len, bool dots)
{
	const char *want = p->message, *end = want + p->message_len;
	const char *got = p->body.data;
	bool start = true;
	size_t i;

	for (i = 0; i < len; i++) {
		if (dots && start && got[i] == '.')
			i++;
		start = got[i] == '\n';
		if (got[i] == '\r' && (want == end || *want == '\n'))
			continue;
		if (got[i] == '\n' && want == end && i == len - 1)
			return;
		if (want == end || *want++ != got[i]) {
			play_broken(p, "the message comes out as it went in");
			return;
		}
	}
	if (want != end)
		play_broken(p, "the message comes out whole");
}

/* The next reply but those that are awaited is the message's. */
static void
message_is_out(struct player *p)
{
	p->message_out = true;
	p->replies.last = p->commands;
}

static void
said_body(struct player *p, const char *data, size_t len)
{
	size_t from = p->body.len < 4 ? 0 : p->body.len - 4;
	char *dot;

	buf_add(&p->body, data, len);
	dot = memmem(p->body.data + from, p->body.len - from, "\r\n.\r\n", 5);
	if (dot == NULL && !(p->body.len == 3 &&
	    memcmp(p->body.data, ".\r\n", 3) == 0))
		return;
	if (dot != NULL && dot + 5 != p->body.data + p->body.len)
		play_broken(p, "nothing stands behind the final dot");
	else
		check_message(p, p->body.len - 3, true);
	p->in_body = false;
	p->commands++;
	message_is_out(p);
}

static void
chunk_is_over(struct player *p)
{
	if (!p->chunk_last)
		return;
	check_message(p, p->body.len, false);
	message_is_out(p);
}

static size_t
said_chunk(struct player *p, const char *data, size_t len)
{
	size_t n = len < p->chunk_left ? len : (size_t)p->chunk_left;

	buf_add(&p->body, data, n);
	p->chunk_left -= n;
	if (p->chunk_left == 0)
		chunk_is_over(p);
	return n;
}

/* "BDAT 86" or "BDAT 86 LAST". */
static void
said_bdat(struct player *p, const char *line)
{
	char *end;

	if (p->chunk_last)
		play_broken(p, "nothing comes behind the last chunk");
	p->chunk_left = strtoull(line + 5, &end, 10);
	p->chunk_last = strcmp(end, " LAST\r\n") == 0;
	if (!p->chunk_last && strcmp(end, "\r\n") != 0)
		play_broken(p, "a chunk is the last one, or is not");
	if (p->chunk_left == 0)
		chunk_is_over(p);
}

/* A whole line, nothing in it that ends it early; line is a string. */
static void
said_line(struct player *p, const char *line, size_t len)
{
	p->commands++;
	if (len < 2 || memcmp(line + len - 2, "\r\n", 2) != 0 ||
	    memchr(line, '\r', len - 2) != NULL ||
	    memchr(line, '\0', len) != NULL)
		play_broken(p, "no CR, LF or NUL gets into a command");
	else if (p->starttls && !p->secured &&
	    !line_allowed_before_tls(line, len - 2))
		play_broken(p, "nothing but EHLO, STARTTLS, QUIT before TLS");
	play_auth_command(p, line, len - 2);
	if (p->auth.in)
		return;
	if (strcmp(line, "DATA\r\n") == 0)
		p->data_said = true;
	else if (str_starts(line, "BDAT "))
		said_bdat(p, line);
}

static size_t
said_command(struct player *p, const char *data, size_t len)
{
	const char *lf = memchr(data, '\n', len);
	struct buf line;

	if (lf == NULL || lf == data) {
		play_broken(p, "commands are lines that end in CRLF");
		return len;
	}
	len = (size_t)(lf + 1 - data);
	buf_init(&line, len);
	buf_add(&line, data, len);
	said_line(p, line.data, len);
	buf_release(&line);
	return len;
}

void
play_said(struct player *p, const char *data, size_t len)
{
	size_t n;

	if (p->starttls && !p->secured && (p->in_body || p->chunk_left > 0))
		play_broken(p, "no message before TLS");
	for (; len > 0; data += n, len -= n) {
		n = len;
		if (p->chunk_left > 0)
			n = said_chunk(p, data, len);
		else if (p->in_body)
			said_body(p, data, len);
		else
			n = said_command(p, data, len);
	}
}

void
play_fed(struct player *p, const char *data, size_t len)
{
	struct play_replies *q = &p->replies;
	char first;
	size_t i;

	for (i = 0; i < len; i++) {
		if (!q->inside)
			q->early = !p->message_out;
		q->inside = true;
		if (data[i] != '\n') {
			buf_addc(&q->line, data[i] == '\0' ? '?' : data[i]);
			continue;
		}
		play_auth_reply(p, q->line.data, q->line.len);
		first = q->line.len == 0 || q->early ? '?' : q->line.data[0];
		q->inside = q->line.len > 3 && q->line.data[3] == '-';
		if (!q->inside)
			buf_addc(&q->first, first);
		buf_clear(&q->line);
	}
}

bool
play_accepted(const struct player *p)
{
	return p->message_out && p->replies.first.len > p->replies.last &&
	    p->replies.first.data[p->replies.last] == '2';
}

void
play_again(struct player *p)
{
	size_t i, untried = 0;

	if (p->in_body || p->chunk_left > 0)
		play_broken(p, "a transaction comes to its end before the"
		    " next");
	for (i = 0; i < p->r->envelope.count; i++)
		untried += p->states[i] == RECIPIENT_UNTRIED;
	if (untried == 0 || (p->again > 0 && untried >= p->untried))
		play_broken(p, "each transaction settles somebody");
	p->untried = untried;
	p->again++;
	p->message_fed = 0;
	p->message_out = p->chunk_last = p->data_said = false;
	buf_clear(&p->body);
}
