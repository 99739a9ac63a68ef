/* SPDX-License-Identifier: ISC */
/*
 * The message as it comes behind DATA.  RFC 5321 sections 2.3.8 and 4.5.2.
 *
 * Never opens, reads or writes anything.
 */
#include "config.h"

#include <string.h>

#include "body.h"

enum {
	LINE_START,
	START_DOT,		/* a dot at the start of a line */
	START_DOT_CR,		/* and CR behind it */
	IN_LINE,
	IN_LINE_CR
};

void
body_init(struct body *b)
{
	memset(b, 0, sizeof(*b));
	b->state = LINE_START;
}

static void
breach(struct body *b, const char *what)
{
	if (b->breach == NULL) {
		b->breach = what;
		b->breach_at = b->size;
	}
}

/* Notes a byte of the message and says which state follows. */
static void
note(struct body *b, unsigned char c)
{
	b->size++;
	if (c == '\n') {
		if (b->state != IN_LINE_CR)
			breach(b, "LF without CR");
		b->state = LINE_START;
		b->line = 0;
		return;
	}
	if (b->state == IN_LINE_CR)
		breach(b, "CR without LF");
	b->state = c == '\r' ? IN_LINE_CR : IN_LINE;
	if (c == '\r')
		return;
	if (c == '\0')
		breach(b, "NUL");
	if (c >= 0x80)
		b->eight_bit = true;
	if (++b->line > b->longest)
		b->longest = b->line;
	if (b->line > BODY_LINE_MAX)
		breach(b, "line of over 998 octets");
}

size_t
body_feed(struct body *b, const char *in, size_t len, char *out,
    size_t *out_len)
{
	size_t i, n = 0;

	for (i = 0; i < len && !b->done; i++) {
		if (b->state == LINE_START && in[i] == '.') {
			b->state = START_DOT;
			continue;
		}
		if (b->state == START_DOT && in[i] == '\r') {
			b->state = START_DOT_CR;
			continue;
		}
		if (b->state == START_DOT_CR && in[i] == '\n') {
			b->done = true;
			continue;
		}
		if (b->state == START_DOT_CR) {
			note(b, '\r');
			out[n++] = '\r';
		} else if (b->state == START_DOT && in[i] != '.')
			breach(b, "line with a dot that is not doubled");
		note(b, (unsigned char)in[i]);
		out[n++] = in[i];
	}
	*out_len = n;
	return i;
}

void
body_chunk(struct body *b, const char *in, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		note(b, (unsigned char)in[i]);
}
