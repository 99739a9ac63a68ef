/* SPDX-License-Identifier: ISC */
/*
 * A client's bytes taken apart into commands and messages, and replies put
 * together.  RFC 5321 sections 2.3.8, 4.2 and 4.5.2, RFC 3030.  Pure: it asks
 * nobody, and never ends a message that its client has not ended.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "smtp/server_inside.h"

/* Output, in bytes, from which the caller is asked to write. */
#define FLUSH_AT	(16 * 1024)
/* Output of the longest reply, and what may stand before it. */
#define OUTPUT_MAX	(1024 * 1024)
/* Bytes of a reply's text in its lines. */
#define REPLY_TEXT_MAX	(512 * 1024)

static struct server *
make(const struct server_settings *settings)
{
	struct server *s;

	s = xcalloc(1, sizeof *s);
	s->settings = *settings;
	if (s->settings.recipients_max == 0)
		s->settings.recipients_max = SERVER_RECIPIENTS_MAX;
	buf_init(&s->in, SERVER_FEED_MAX + SERVER_LINE_MAX);
	buf_init(&s->out, OUTPUT_MAX);
	/* A CR that was held back may come before what is fed. */
	buf_init(&s->body, SERVER_FEED_MAX + SERVER_LINE_MAX + 1);
	return s;
}

struct server *
server_new(const struct server_settings *settings)
{
	struct server *s;
	char *text;

	s = make(settings);
	text = xasprintf("%s ESMTP sendoff", settings->host);
	server_reply(s, 220, NULL, text);
	free(text);
	return s;
}

struct server *
server_new_refusing(const struct server_settings *settings,
    const char *enhanced, const char *text)
{
	struct server *s;

	s = make(settings);
	server_reply(s, 421, enhanced, text);
	s->phase = SERVER_GONE;
	return s;
}

void
server_free(struct server *s)
{
	if (s == NULL)
		return;
	server_reset(s);
	free(s->now.recipients);
	buf_release(&s->in);
	buf_release(&s->out);
	buf_release(&s->body);
	free(s);
}

void
server_reset(struct server *s)
{
	size_t i;

	s->drop = s->drop || s->given;
	s->given = false;
	s->mail = false;
	s->message = false;
	s->size = 0;
	for (i = 0; i < s->now.count; i++)
		esmtp_rcpt_release(&s->now.recipients[i]);
	s->now.count = 0;
	esmtp_mail_release(&s->now.mail);
}

/* The bytes of line that fit, not cut within a character. */
static size_t
fitting(const char *line, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max > 1 && ((unsigned char)line[max] & 0xc0) == 0x80)
		max--;
	return max;
}

/*
 * Text that can stand in a reply: no control byte, and UTF-8 only for who has
 * asked for SMTPUTF8 (RFC 6531 section 3.7.4.2).
 */
static void
clean(const struct server *s, const char *text, size_t len, struct buf *out)
{
	size_t i;

	str_escape(out, text, len, REPLY_TEXT_MAX);
	for (i = 0; i < out->len && !s->now.mail.smtputf8; i++)
		if ((unsigned char)out->data[i] >= 0x80)
			out->data[i] = '?';
}

/* The lines that one line of text becomes. */
static void
add_line(struct server *s, int code, const char *enhanced, const char *text,
    size_t len, bool last)
{
	struct buf line;
	size_t at = 0, n, room = SERVER_REPLY_LINE_MAX - 6;
	bool end;

	if (enhanced != NULL)
		room -= strlen(enhanced) + 1;
	buf_init(&line, 2 * REPLY_TEXT_MAX);
	clean(s, text, len, &line);
	do {
		n = fitting(line.data + at, line.len - at, room);
		end = last && at + n == line.len;
		buf_addf(&s->out, "%d%c", code, end ? ' ' : '-');
		if (enhanced != NULL)
			buf_addf(&s->out, "%s ", enhanced);
		buf_add(&s->out, line.data + at, n);
		buf_add(&s->out, "\r\n", 2);
		at += n;
	} while (at < line.len);
	buf_release(&line);
}

void
server_reply(struct server *s, int code, const char *enhanced,
    const char *text)
{
	const char *lf;

	while ((lf = strchr(text, '\n')) != NULL) {
		add_line(s, code, enhanced, text, (size_t)(lf - text), false);
		text = lf + 1;
	}
	add_line(s, code, enhanced, text, strlen(text), true);
}

void
server_feed(struct server *s, const char *data, size_t len)
{
	buf_consume(&s->in, s->at);
	s->at = 0;
	buf_add(&s->in, data, len);
}

size_t
server_output(const struct server *s, const char **data)
{
	*data = s->out.data;
	return s->out.len;
}

void
server_written(struct server *s, size_t len)
{
	buf_consume(&s->out, len);
}

size_t
server_body(const struct server *s, const char **data)
{
	*data = s->body.data;
	return s->body.len;
}

const struct server_transaction *
server_transaction(const struct server *s)
{
	return &s->now;
}

bool
server_in_message(const struct server *s)
{
	return s->message;
}

bool
server_too_big(const struct server *s)
{
	return s->settings.size_max != 0 && s->size > s->settings.size_max;
}

void
server_answer(struct server *s, int code, const char *enhanced,
    const char *text)
{
	server_reply(s, code, enhanced, text);
	/* The caller has had it whole, and has done with it. */
	s->given = false;
	server_reset(s);
	s->phase = SERVER_COMMAND;
}

/* Bytes of the message; past the limit they are only counted. */
static void
give(struct server *s, const char *data, size_t len)
{
	uint64_t room = UINT64_MAX;

	if (s->settings.size_max != 0)
		room = server_too_big(s) ? 0 : s->settings.size_max - s->size;
	s->size += len;
	buf_add(&s->body, data, len < room ? len : (size_t)room);
}

static bool
has_control(const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (ascii_iscntrl(line[i]) && line[i] != '\t')
			return true;
	return false;
}

/* A line of len bytes, with its LF. */
static void
take_line(struct server *s, char *line, size_t len)
{
	size_t text = len - 1;
	bool crlf = text > 0 && line[text - 1] == '\r';

	s->crlf = s->crlf || crlf;
	if (crlf)
		text--;
	if (s->overlong || len > SERVER_LINE_MAX)
		server_reply(s, 500, "5.5.2", "the line is too long");
	else if (has_control(line, text))
		server_reply(s, 500, "5.5.2", "the line has a control byte");
	else {
		line[text] = '\0';
		server_command(s, line);
	}
	s->overlong = false;
}

/* False when there is no whole line; what is too long is not kept. */
static bool
step_command(struct server *s)
{
	char *line = s->in.data + s->at, *lf;
	size_t left = s->in.len - s->at, len;

	lf = left == 0 ? NULL : memchr(line, '\n', left);
	if (lf != NULL) {
		len = (size_t)(lf - line) + 1;
		s->at += len;
		take_line(s, line, len);
		return true;
	}
	if (left >= SERVER_LINE_MAX || (s->overlong && left > 1)) {
		s->overlong = true;
		/* The last byte may be the CR that says how lines end. */
		s->at = s->in.len - 1;
	}
	return false;
}

/* The run of text at the spot; returns the bytes taken. */
static size_t
take_text(struct server *s, const char *data, size_t len)
{
	const char *end;
	size_t n;

	end = memchr(data, '\r', len);
	n = end == NULL ? len : (size_t)(end - data) + 1;
	s->spot = end == NULL ? SPOT_TEXT : SPOT_CR;
	if (!s->crlf) {
		end = memchr(data, '\n', n);
		if (end != NULL) {
			n = (size_t)(end - data) + 1;
			s->spot = SPOT_START;
		}
	}
	give(s, data, n);
	return n;
}

/* Behind a CR; returns the bytes taken. */
static size_t
behind_cr(struct server *s, const char *data, size_t len)
{
	if (*data != '\n')
		return take_text(s, data, len);
	give(s, "\n", 1);
	s->spot = SPOT_START;
	return 1;
}

/*
 * Bytes of DATA; returns how many are taken, and leaves the phase when the
 * message is at its end.  The dot at the start of a line is dropped whatever
 * follows (RFC 5321 section 4.5.2).
 */
static size_t
take_data(struct server *s, const char *data, size_t len)
{
	switch (s->spot) {
	case SPOT_START:
		if (*data != '.')
			return take_text(s, data, len);
		s->spot = SPOT_DOT;
		return 1;
	case SPOT_DOT:
		if (*data == '\r') {
			s->spot = SPOT_DOT_CR;
			return 1;
		}
		if (*data != '\n' || s->crlf)
			return take_text(s, data, len);
		s->phase = SERVER_ANSWER;
		return 1;
	case SPOT_DOT_CR:
		if (*data == '\n') {
			s->phase = SERVER_ANSWER;
			return 1;
		}
		give(s, "\r", 1);
		return take_text(s, data, len);
	case SPOT_CR:
		return behind_cr(s, data, len);
	case SPOT_TEXT:
		break;
	}
	return take_text(s, data, len);
}

static void
step_data(struct server *s)
{
	while (s->phase == SERVER_DATA && s->at < s->in.len)
		s->at += take_data(s, s->in.data + s->at,
		    s->in.len - s->at);
}

static void
end_chunk(struct server *s)
{
	char *text;

	if (s->chunk_refused) {
		server_reply(s, 503, "5.5.1", "MAIL and RCPT come first");
		s->phase = SERVER_COMMAND;
	} else if (s->chunk_last)
		s->phase = SERVER_ANSWER;
	else {
		text = xasprintf("%llu octets", (unsigned long long)s->chunk);
		server_reply(s, 250, "2.0.0", text);
		free(text);
		s->phase = SERVER_COMMAND;
	}
}

static void
step_chunk(struct server *s)
{
	size_t n = s->in.len - s->at;

	if (n > s->chunk_left)
		n = (size_t)s->chunk_left;
	if (!s->chunk_refused)
		give(s, s->in.data + s->at, n);
	s->at += n;
	s->chunk_left -= n;
	if (s->chunk_left == 0)
		end_chunk(s);
}

/* One thing that can be done with what is there; false when none can. */
static bool
advance(struct server *s)
{
	size_t left = s->in.len - s->at;

	switch (s->phase) {
	case SERVER_COMMAND:
		return step_command(s);
	case SERVER_DATA:
		if (left > 0)
			step_data(s);
		return left > 0;
	case SERVER_CHUNK:
		if (left == 0 && s->chunk_left > 0)
			return false;
		step_chunk(s);
		return true;
	case SERVER_ANSWER:
	case SERVER_GONE:
		break;
	}
	return false;
}

/* The message is at its end. */
static enum server_event
end_message(struct server *s)
{
	if (!server_too_big(s))
		return SERVER_END;
	server_reply(s, 552, "5.3.4", "the message is too big");
	server_reset(s);
	s->phase = SERVER_COMMAND;
	return SERVER_FLUSH;
}

enum server_event
server_step(struct server *s)
{
	buf_clear(&s->body);
	for (;;) {
		if (s->drop) {
			s->drop = false;
			return SERVER_DROP;
		}
		if (s->phase == SERVER_ANSWER)
			return end_message(s);
		if (s->phase == SERVER_GONE)
			return SERVER_CLOSED;
		if (s->out.len >= FLUSH_AT)
			return SERVER_FLUSH;
		if (!advance(s))
			return SERVER_WAIT;
		if (s->body.len > 0) {
			s->given = true;
			return SERVER_BODY;
		}
	}
}
