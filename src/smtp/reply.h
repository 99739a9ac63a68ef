/* SPDX-License-Identifier: ISC */
/*
 * A relay's reply, parsed as its bytes come in.  RFC 5321 section 4.2,
 * RFC 2034 and 3463 (enhanced status codes).  Pure.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct error;

/* What a relay may send, in bytes (line: with its end) and lines. */
#define REPLY_LINE_MAX	4096
#define REPLY_LINES_MAX	128
#define REPLY_MAX	(64 * 1024)

struct reply {
	int code;		/* 200 to 599 */
	char enhanced[16];	/* of the first line: "5.7.1", or "" */
	struct buf text;	/* the lines behind their codes, LF between */
	unsigned lines;
	size_t line_bytes;	/* of the line that is not whole yet */
	size_t total;		/* bytes of the reply so far */
	int line_code;		/* of the line that is not whole yet */
	bool last;		/* it is the last line */
};

void	reply_init(struct reply *r);
void	reply_release(struct reply *r);
void	reply_clear(struct reply *r);

/*
 * Takes bytes until the reply is complete; *used is how many.  Returns 1 when
 * it is complete, 0 when more is needed, -1 with ERR_PROTOCOL for what no
 * SMTP server says and for what passes the limits: at the first wrong byte,
 * without waiting for the line's end.  A line may end in a bare LF.
 */
int	reply_feed(struct reply *r, const char *data, size_t len, size_t *used,
	    struct error *e);

/*
 * Appends the text for a person: the lines with one blank between, without
 * the enhanced status code that each may begin with.
 */
void	reply_show(const struct reply *r, struct buf *out);

#endif
