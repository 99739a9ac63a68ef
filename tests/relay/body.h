/* SPDX-License-Identifier: ISC */
/*
 * What follows DATA: dots taken off, and everything noted that a client must
 * not do.  RFC 5321 sections 2.3.8, 4.1.1.4, 4.5.2 and 4.5.3.1.6.  Pure.
 */
#ifndef RELAY_BODY_H
#define RELAY_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets of a line, without its CRLF. */
#define BODY_LINE_MAX	998

struct body {
	int state;
	uint64_t size;		/* octets of the message, dots taken off */
	uint64_t line;		/* octets of the current line */
	uint64_t longest;	/* octets of the longest line */
	bool eight_bit;
	bool done;		/* the lone dot was there */
	const char *breach;	/* the first thing that was wrong, or NULL */
	uint64_t breach_at;	/* octet of the message */
};

void	body_init(struct body *b);
/*
 * Takes bytes up to the final dot; returns how many.  The message's bytes go
 * to out, which has room for len + 1; *out_len is how many there are.
 */
size_t	body_feed(struct body *b, const char *in, size_t len, char *out,
	    size_t *out_len);

/* Takes octets of a chunk, which have no dots (RFC 3030). */
void	body_chunk(struct body *b, const char *in, size_t len);

#endif
