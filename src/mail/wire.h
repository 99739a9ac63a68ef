/* SPDX-License-Identifier: ISC */
/*
 * The body's form on the wire: LF or CRLF in, CRLF out, a dot put before a
 * line that begins with one (RFC 5321 sections 2.3.8 and 4.5.2); and what has
 * to be known about a body before it is sent.
 *
 * Pure.  However the input is cut into pieces, the same bytes come out.
 */
#ifndef MAIL_WIRE_H
#define MAIL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

struct wire {
	bool dots;	/* for DATA: lines that begin with a dot, and the end */
	bool line_start;
	bool cr;	/* a CR is held back until its next byte is known */
};

void	wire_init(struct wire *w);
/* For BDAT (RFC 3030): no dot is put anywhere, the size says where it ends. */
void	wire_init_chunks(struct wire *w);
/*
 * Appends the encoded form of len bytes; at most 2 * len + 2 come out.  A CR
 * that is not before an LF goes through: who counted the body has refused it.
 */
void	wire_encode(struct wire *w, const char *in, size_t len,
	    struct buf *out);
/* Appends the line end that the last line lacks; for DATA, the final dot. */
void	wire_finish(struct wire *w, struct buf *out);

/* What a body is like; all zero to begin with. */
struct wire_count {
	uint64_t size;		/* octets with CRLF, without dots (RFC 1870) */
	uint64_t line;		/* octets of the current line so far */
	uint64_t longest;	/* octets of the longest line, without CRLF */
	bool eight_bit;		/* a byte of 0x80 or more */
	bool nul;
	bool bare_cr;		/* a CR that is not before an LF */
	bool cr;		/* the last byte was a CR */
};

void	wire_count(struct wire_count *c, const char *in, size_t len);
/* Ends the last line, where it has no end. */
void	wire_count_finish(struct wire_count *c);

#endif
