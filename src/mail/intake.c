/* SPDX-License-Identifier: ISC */
/*
 * Takes a message apart as it comes in.  RFC 5322 section 2.1; sendmail's ways
 * with "From " lines and lone dots.  Pure.
 */
#include "config.h"

#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "mail/header.h"
#include "mail/intake.h"

void
intake_init(struct intake *in, bool dot_ends)
{
	memset(in, 0, sizeof *in);
	buf_init(&in->header, HEADER_MAX);
	buf_init(&in->line, HEADER_MAX);
	in->dot_ends = dot_ends;
	in->first = true;
	in->line_start = true;
}

void
intake_release(struct intake *in)
{
	buf_release(&in->header);
	buf_release(&in->line);
}

static int
too_long(struct error *e)
{
	return error_set(e, ERR_MESSAGE, "the header is longer than %d bytes",
	    HEADER_MAX);
}

/* The line, with the line end that it came with, is the body's first. */
static void
begin_body(struct intake *in, const char *line, size_t len, struct buf *body)
{
	buf_add(body, line, len);
	in->in_body = true;
	in->line_start = len == 0 || line[len - 1] == '\n';
}

static bool
is_header_line(const struct intake *in, const char *line, size_t len)
{
	if (len > 0 && ascii_isblank(line[0]))
		return in->header.len > 0;
	return header_name_length(line, len) > 0;
}

/* A whole line of the header, or the one that ends it; len with its end. */
static int
header_line(struct intake *in, const char *line, size_t len, struct buf *body,
    struct error *e)
{
	size_t text = len;
	bool first = in->first;

	in->first = false;
	if (text > 0 && line[text - 1] == '\n')
		text--;
	if (text > 0 && text < len && line[text - 1] == '\r')
		text--;
	if (first && len >= 5 && memcmp(line, "From ", 5) == 0)
		return 0;
	if (in->dot_ends && text > 0 && line[0] == '.') {
		if (text == 1) {
			in->done = true;
			return 0;
		}
		if (line[1] == '.') {
			line++;
			text--;
			len--;
		}
	}
	if (text == 0)
		begin_body(in, "", 0, body);
	else if (!is_header_line(in, line, text))
		begin_body(in, line, len, body);
	else if (buf_add(&in->header, line, text) == -1 ||
	    buf_add(&in->header, "\r\n", 2) == -1)
		return too_long(e);
	return 0;
}

/* A line that fills in->line without an end: of a field, or of the body. */
static int
overlong_line(struct intake *in, struct buf *body, struct error *e)
{
	const char *line = in->line.data;
	size_t len = in->line.len;

	if (is_header_line(in, line, len))
		return too_long(e);
	if (in->dot_ends && line[0] == '.' && line[1] == '.') {
		line++;
		len--;
	}
	begin_body(in, line, len, body);
	buf_clear(&in->line);
	return 0;
}

/* Collects a line of the header; returns the bytes taken, or -1. */
static long
feed_header(struct intake *in, const char *data, size_t len, struct buf *body,
    struct error *e)
{
	const char *lf;
	size_t n, room;

	lf = memchr(data, '\n', len);
	n = lf == NULL ? len : (size_t)(lf - data) + 1;
	room = HEADER_MAX - in->line.len;
	if (n > room) {
		buf_add(&in->line, data, room);
		return overlong_line(in, body, e) == -1 ? -1 : (long)room;
	}
	buf_add(&in->line, data, n);
	if (lf != NULL) {
		if (header_line(in, in->line.data, in->line.len, body, e) == -1)
			return -1;
		buf_clear(&in->line);
	}
	return (long)n;
}

/* What follows a dot at the start of a line decides about it. */
static void
after_dot(struct intake *in, char c, struct buf *body)
{
	if (c == '\n') {
		in->done = true;
		return;
	}
	if (c == '\r' && in->line.len == 1) {
		buf_addc(&in->line, c);
		return;
	}
	if (c != '.' || in->line.len != 1)
		buf_add(body, in->line.data, in->line.len);
	buf_addc(body, c);
	buf_clear(&in->line);
	in->line_start = false;
}

/* The body, where dots matter; returns the bytes taken. */
static size_t
feed_dots(struct intake *in, const char *data, size_t len, struct buf *body)
{
	const char *lf;
	size_t n;

	if (in->line.len > 0) {
		after_dot(in, *data, body);
		return 1;
	}
	if (in->line_start && *data == '.') {
		buf_addc(&in->line, '.');
		return 1;
	}
	lf = memchr(data, '\n', len);
	n = lf == NULL ? len : (size_t)(lf - data) + 1;
	buf_add(body, data, n);
	in->line_start = lf != NULL;
	return n;
}

int
intake_feed(struct intake *in, const char *data, size_t len, struct buf *body,
    struct error *e)
{
	long n;

	while (len > 0 && !in->done) {
		if (!in->in_body)
			n = feed_header(in, data, len, body, e);
		else if (in->dot_ends)
			n = (long)feed_dots(in, data, len, body);
		else {
			buf_add(body, data, len);
			return 0;
		}
		if (n == -1)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* In the body only a dot, and perhaps a CR, can be left: the lone dot. */
int
intake_finish(struct intake *in, struct buf *body, struct error *e)
{
	int rc = 0;

	if (!in->in_body && !in->done && in->line.len > 0)
		rc = header_line(in, in->line.data, in->line.len, body, e);
	buf_clear(&in->line);
	in->done = true;
	return rc;
}

bool
intake_transparent(const struct intake *in)
{
	return in->in_body && !in->dot_ends;
}
