/* SPDX-License-Identifier: ISC */
/*
 * Quoted-printable and base64, written.  RFC 2045 sections 6.7 and 6.8.  Pure.
 */
#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "mail/mime_code.h"

/* Octets of an encoded line. */
#define LINE_OCTETS	76
/* Octets of any line. */
#define LINE_LONGEST	998

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789+/";

void
mime_code_begin(struct mime_code *c, enum mime_how how, bool seven_bit)
{
	memset(c, 0, sizeof *c);
	c->how = how;
	c->seven_bit = seven_bit;
}

static bool
is_hex(char c)
{
	return ascii_isdigit(c) || (c >= 'A' && c <= 'F') ||
	    (c >= 'a' && c <= 'f');
}

/* What stays together on a line; a soft line end goes before it. */
static void
put_unit(struct mime_code *c, const char *unit, size_t len, struct buf *out)
{
	if (c->column + len >= LINE_OCTETS) {
		buf_add(out, "=\n", 2);
		c->column = 0;
	}
	buf_add(out, unit, len);
	c->dash = c->column == 0 && len == 1 && *unit == '-';
	c->column += len;
}

static void
put_hex(struct mime_code *c, char byte, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char b = (unsigned char)byte;
	char unit[3] = { '=', digits[b >> 4], digits[b & 15] };

	put_unit(c, unit, sizeof unit, out);
}

/* No line begins with "--": it could end the part. */
static void
put_literal(struct mime_code *c, char byte, struct buf *out)
{
	if (byte == '-' && c->dash && c->column == 1)
		put_hex(c, byte, out);
	else
		put_unit(c, &byte, 1, out);
}

/* Blanks wait: at the end of a line they must be encoded. */
static void
qp_byte(struct mime_code *c, char byte, struct buf *out)
{
	if (c->held_len > 0)
		put_literal(c, c->held[0], out);
	c->held_len = 0;
	if (ascii_isblank(byte)) {
		c->held[0] = byte;
		c->held_len = 1;
	} else if (byte == '=' || byte < ' ' || byte >= 0x7f)
		put_hex(c, byte, out);
	else
		put_literal(c, byte, out);
}

static void
again_byte(struct mime_code *c, char byte, struct buf *out)
{
	if ((signed char)byte < 0 || byte == '\0' || byte == '\r')
		put_hex(c, byte, out);
	else if (byte == '=') {
		c->held[0] = byte;
		c->held_len = 1;
	} else
		put_literal(c, byte, out);
}

/* An '=' that begins no encoded byte stands for itself. */
static void
release_stray(struct mime_code *c, struct buf *out)
{
	size_t n = c->held_len;

	c->held_len = 0;
	put_hex(c, '=', out);
	if (n == 2)
		put_literal(c, c->held[1], out);
}

static void
qp_again_byte(struct mime_code *c, char byte, struct buf *out)
{
	if (c->held_len == 0) {
		again_byte(c, byte, out);
	} else if (is_hex(byte)) {
		c->held[c->held_len++] = byte;
		if (c->held_len == 3) {
			put_unit(c, c->held, 3, out);
			c->held_len = 0;
		}
	} else if (c->held_len == 1 && ascii_isblank(byte)) {
		/* A soft line end, if only blanks follow. */
		c->held[1] = byte;
		put_unit(c, c->held, 2, out);
		c->held_len = 0;
	} else {
		release_stray(c, out);
		again_byte(c, byte, out);
	}
}

static void
base64_group(struct mime_code *c, struct buf *out)
{
	unsigned long v = 0;
	size_t i;

	for (i = 0; i < 3; i++)
		v = v << 8 | (i < c->held_len ? (unsigned char)c->held[i] : 0);
	if (c->column == LINE_OCTETS) {
		buf_addc(out, '\n');
		c->column = 0;
	}
	for (i = 0; i < 4; i++)
		buf_addc(out, i > c->held_len ? '=' :
		    base64_digits[v >> (18 - 6 * i) & 63]);
	c->column += 4;
	c->held_len = 0;
}

static void
base64_byte(struct mime_code *c, char byte, struct buf *out)
{
	c->held[c->held_len++] = byte;
	if (c->held_len == 3)
		base64_group(c, out);
}

static void
base64_again_byte(struct mime_code *c, char byte, struct buf *out)
{
	if (byte == '\0' || (byte != '=' &&
	    strchr(base64_digits, byte) == NULL))
		return;
	if (c->column == LINE_OCTETS) {
		buf_addc(out, '\n');
		c->column = 0;
	}
	buf_addc(out, byte);
	c->column++;
}

/* A space before what could be a boundary, and before what was folded. */
static void
fill_byte(struct mime_code *c, char byte, struct buf *out)
{
	if (byte == '\0' || byte == '\r' ||
	    ((signed char)byte < 0 && c->seven_bit))
		byte = '?';
	if (c->column == LINE_LONGEST) {
		buf_addc(out, '\n');
		c->column = 0;
	}
	if (c->column == 0) {
		buf_addc(out, ' ');
		c->column++;
	}
	buf_addc(out, byte);
	c->column++;
}

static void
code_byte(struct mime_code *c, char byte, struct buf *out)
{
	switch (c->how) {
	case MIME_AS_IS:
		buf_addc(out, byte);
		break;
	case MIME_TO_QP:
		qp_byte(c, byte, out);
		break;
	case MIME_TO_BASE64:
		base64_byte(c, byte, out);
		break;
	case MIME_QP_AGAIN:
		qp_again_byte(c, byte, out);
		break;
	case MIME_BASE64_AGAIN:
		base64_again_byte(c, byte, out);
		break;
	case MIME_TO_FILL:
		fill_byte(c, byte, out);
		break;
	}
}

void
mime_code_text(struct mime_code *c, const char *in, size_t len,
    struct buf *out)
{
	size_t i;

	if (c->how == MIME_AS_IS) {
		buf_add(out, in, len);
		return;
	}
	for (i = 0; i < len; i++)
		code_byte(c, in[i], out);
}

/* What waits when a line ends, or the part. */
static void
release_held(struct mime_code *c, struct buf *out)
{
	size_t n = c->held_len;

	if (n == 0)
		return;
	if (c->how == MIME_TO_QP) {
		c->held_len = 0;
		put_hex(c, c->held[0], out);
	} else if (c->how == MIME_QP_AGAIN && n == 1) {
		c->held_len = 0;
		buf_addc(out, '=');
	} else if (c->how == MIME_QP_AGAIN)
		release_stray(c, out);
}

void
mime_code_eol(struct mime_code *c, const char *eol, size_t len,
    struct buf *out)
{
	if (c->how == MIME_TO_BASE64) {
		mime_code_text(c, eol, len, out);
		return;
	}
	release_held(c, out);
	buf_add(out, eol, len);
	c->column = 0;
	c->dash = false;
}

void
mime_code_end(struct mime_code *c, bool last, struct buf *out)
{
	if (c->how != MIME_TO_BASE64) {
		release_held(c, out);
		return;
	}
	if (c->held_len > 0)
		base64_group(c, out);
	if (last && c->column > 0)
		buf_addc(out, '\n');
}
