/* SPDX-License-Identifier: ISC */
/*
 * Parses replies as their bytes come in; gives up at the first byte that no
 * SMTP server says.  RFC 5321 section 4.2, RFC 2034, RFC 3463.  Pure.
 */
#include "config.h"

#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "smtp/reply.h"

void
reply_init(struct reply *r)
{
	memset(r, 0, sizeof *r);
	buf_init(&r->text, REPLY_MAX);
}

void
reply_release(struct reply *r)
{
	buf_release(&r->text);
}

void
reply_clear(struct reply *r)
{
	struct buf text;

	buf_clear(&r->text);
	text = r->text;
	memset(r, 0, sizeof *r);
	r->text = text;
}

/* Length of an enhanced status code of that class at s, or 0. */
static size_t
enhanced_length(const char *s, size_t len, int class)
{
	size_t i, digits = 0;
	int dots = 0;

	if (len < 5 || s[0] != '0' + class || s[1] != '.')
		return 0;
	for (i = 1; i < len; i++) {
		if (s[i] == '.') {
			if (dots++ > 0 && digits == 0)
				return 0;
			digits = 0;
		} else if (!ascii_isdigit(s[i]) || ++digits > 3)
			break;
	}
	if (dots != 2 || digits == 0 || digits > 3)
		return 0;
	if (i < len && s[i] != ' ' && s[i] != '\t' && s[i] != '\n')
		return 0;
	return i;
}

static void
take_enhanced(struct reply *r)
{
	size_t n;

	n = enhanced_length(r->text.data, r->text.len, r->code / 100);
	if (n >= sizeof r->enhanced)
		return;
	memcpy(r->enhanced, r->text.data, n);
	r->enhanced[n] = '\0';
}

static int
no_reply(struct error *e)
{
	return error_set(e, ERR_PROTOCOL, "the relay sent something that is"
	    " no SMTP reply: is it a mail server, and the right port");
}

/* The three digits and what separates them from the text. */
static int
feed_code(struct reply *r, char c, struct error *e)
{
	size_t at = r->line_bytes;

	if (at < 3) {
		if (!ascii_isdigit(c) || (at == 0 && (c < '2' || c > '5')))
			return no_reply(e);
		r->line_code = r->line_code * 10 + (c - '0');
		return 0;
	}
	if (c != ' ' && c != '-' && c != '\t' && c != '\r' && c != '\n')
		return no_reply(e);
	r->last = c != '-';
	if (r->lines > 0 && r->line_code != r->code)
		return error_set(e, ERR_PROTOCOL, "the relay sent a reply"
		    " with two codes, %d and %d", r->code, r->line_code);
	r->code = r->line_code;
	return 0;
}

/* Returns 1 when the line was the reply's last. */
static int
end_line(struct reply *r, struct error *e)
{
	/* A CR may stand before the LF, or after the code. */
	if (r->text.len > 0 && r->text.data[r->text.len - 1] == '\r')
		buf_truncate(&r->text, r->text.len - 1);
	r->lines++;
	r->line_bytes = 0;
	r->line_code = 0;
	if (r->last) {
		take_enhanced(r);
		return 1;
	}
	if (r->lines >= REPLY_LINES_MAX)
		return error_set(e, ERR_PROTOCOL, "the relay sent a reply of"
		    " more than %d lines", REPLY_LINES_MAX);
	buf_addc(&r->text, '\n');
	return 0;
}

static int
feed_byte(struct reply *r, char c, struct error *e)
{
	if (r->line_bytes <= 3) {
		if (feed_code(r, c, e) == -1)
			return -1;
		if (r->line_bytes == 3 && c == '\r')
			buf_addc(&r->text, c);
	} else if (c != '\n')
		buf_addc(&r->text, c);
	r->line_bytes++;
	r->total++;
	if (r->line_bytes > REPLY_LINE_MAX || r->total > REPLY_MAX)
		return error_set(e, ERR_PROTOCOL, "the relay sent a reply with"
		    " a line over %d or more than %d bytes in all",
		    REPLY_LINE_MAX, REPLY_MAX);
	if (c == '\n')
		return end_line(r, e);
	return 0;
}

int
reply_feed(struct reply *r, const char *data, size_t len, size_t *used,
    struct error *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < len && rc == 0; i++)
		rc = feed_byte(r, data[i], e);
	*used = i;
	return rc;
}

void
reply_show(const struct reply *r, struct buf *out)
{
	const char *line, *end, *lf;
	size_t n;

	line = r->text.data;
	end = line + r->text.len;
	for (;;) {
		lf = memchr(line, '\n', (size_t)(end - line));
		if (lf == NULL)
			lf = end;
		n = enhanced_length(line, (size_t)(lf - line), r->code / 100);
		line += n;
		while (line < lf && ascii_isblank(*line))
			line++;
		if (line < lf && out->len > 0)
			buf_addc(out, ' ');
		buf_add(out, line, (size_t)(lf - line));
		if (lf == end)
			return;
		line = lf + 1;
	}
}
