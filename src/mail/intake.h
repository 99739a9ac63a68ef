/* SPDX-License-Identifier: ISC */
/*
 * Takes a message apart as it comes in: header here, body there.
 *
 * A leading mbox "From " line is dropped.  The header ends at the first empty
 * line, which belongs to neither, or before the first line that is no field
 * (RFC 5322 section 2.2).  Where a lone dot ends the message it does so in the
 * header too, and a line that begins with two dots loses one (sendmail 8's way
 * without -i).
 *
 * Pure.  However the input is cut into pieces, the same parts come out.
 */
#ifndef MAIL_INTAKE_H
#define MAIL_INTAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct error;

struct intake {
	struct buf header;	/* lines ending in CRLF, no empty line */
	struct buf line;	/* a line that is not whole yet */
	bool dot_ends;		/* a lone dot ends the message */
	bool first;		/* nothing seen yet */
	bool in_body;
	bool line_start;	/* in the body: at the start of a line */
	bool done;		/* the lone dot was seen, or the end */
};

void	intake_init(struct intake *in, bool dot_ends);
void	intake_release(struct intake *in);

/*
 * Takes len bytes; what is body is appended to body, which must have room for
 * len + HEADER_MAX bytes more.  After the lone dot (in->done) the rest is
 * dropped.  -1 with ERR_MESSAGE when the header passes HEADER_MAX.
 */
int	intake_feed(struct intake *in, const char *data, size_t len,
	    struct buf *body, struct error *e);
/* End of input: a last line without an end is a line too. */
int	intake_finish(struct intake *in, struct buf *body, struct error *e);

/* True when what comes now is body to the last byte and goes through as is. */
bool	intake_transparent(const struct intake *in);

#endif
