/* SPDX-License-Identifier: ISC */
/*
 * The body's form on the wire, and what has to be known about it beforehand.
 * RFC 5321 sections 2.3.8 and 4.5.2, RFC 1870, RFC 3030.  Pure: no I/O, no
 * state of its own.
 */
#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "mail/wire.h"

void
wire_init(struct wire *w)
{
	w->dots = true;
	w->line_start = true;
	w->cr = false;
}

void
wire_init_chunks(struct wire *w)
{
	wire_init(w);
	w->dots = false;
}

/* A held CR: with an LF it is a line end, else it was a byte of the line. */
static size_t
resolve_cr(struct wire *w, char next, struct buf *out)
{
	w->cr = false;
	if (next == '\n') {
		buf_add(out, "\r\n", 2);
		w->line_start = true;
		return 1;
	}
	buf_addc(out, '\r');
	w->line_start = false;
	return 0;
}

/* One line, or as much of it as there is; returns the bytes taken. */
static size_t
encode_line(struct wire *w, const char *in, size_t len, struct buf *out)
{
	const char *lf;
	size_t n, text;

	lf = memchr(in, '\n', len);
	n = text = lf == NULL ? len : (size_t)(lf - in);
	if (n > 0 && in[n - 1] == '\r') {
		text--;
		w->cr = lf == NULL;
	}
	if (text > 0) {
		if (w->dots && w->line_start && in[0] == '.')
			buf_addc(out, '.');
		buf_add(out, in, text);
		w->line_start = false;
	}
	if (lf == NULL)
		return n;
	buf_add(out, "\r\n", 2);
	w->line_start = true;
	return n + 1;
}

void
wire_encode(struct wire *w, const char *in, size_t len, struct buf *out)
{
	size_t n;

	while (len > 0) {
		if (w->cr)
			n = resolve_cr(w, *in, out);
		else
			n = encode_line(w, in, len, out);
		in += n;
		len -= n;
	}
}

void
wire_finish(struct wire *w, struct buf *out)
{
	if (w->cr)
		resolve_cr(w, '\0', out);
	if (!w->line_start)
		buf_add(out, "\r\n", 2);
	if (w->dots)
		buf_add(out, ".\r\n", 3);
}

/* Content bytes of a line, without its end. */
static void
count_text(struct wire_count *c, const char *in, size_t len)
{
	unsigned char all = 0;
	size_t i;

	if (len == 0)
		return;
	for (i = 0; i < len; i++)
		all |= (unsigned char)in[i];
	c->eight_bit = c->eight_bit || all >= 0x80;
	c->nul = c->nul || memchr(in, '\0', len) != NULL;
	c->bare_cr = c->bare_cr || memchr(in, '\r', len) != NULL;
	c->line += len;
	c->size += len;
	if (c->line > c->longest)
		c->longest = c->line;
}

static void
count_end(struct wire_count *c)
{
	c->size += 2;
	c->line = 0;
}

void
wire_count(struct wire_count *c, const char *in, size_t len)
{
	const char *lf;
	size_t n;

	while (len > 0) {
		if (c->cr) {
			c->cr = false;
			if (*in != '\n')
				count_text(c, "\r", 1);
		}
		lf = memchr(in, '\n', len);
		n = lf == NULL ? len : (size_t)(lf - in);
		c->cr = n > 0 && in[n - 1] == '\r';
		count_text(c, in, c->cr ? n - 1 : n);
		if (lf != NULL) {
			c->cr = false;
			count_end(c);
			n++;
		}
		in += n;
		len -= n;
	}
}

void
wire_count_finish(struct wire_count *c)
{
	if (c->cr)
		count_text(c, "\r", 1);
	c->cr = false;
	if (c->line > 0)
		count_end(c);
}
