/* SPDX-License-Identifier: ISC */
/*
 * Encoding what a part holds: quoted-printable and base64, from plain bytes or
 * from such an encoding with what SMTP cannot carry in it.  RFC 2045 sections
 * 6.7 and 6.8.
 *
 * Pure.  However the input is cut into pieces, the same bytes come out: lines
 * of at most 76 octets (998 in MIME_TO_FILL), US-ASCII, without NUL or bare
 * CR, none of which begins with "--" (it could be a boundary).
 */
#ifndef MAIL_MIME_CODE_H
#define MAIL_MIME_CODE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

enum mime_how {
	MIME_AS_IS,
	MIME_TO_QP,
	MIME_TO_BASE64,
	/*
	 * From quoted-printable: bytes that cannot stand there are encoded,
	 * lines get soft ends.
	 */
	MIME_QP_AGAIN,
	/*
	 * From base64: bytes that a decoder has to skip are left out, lines
	 * get ends.
	 */
	MIME_BASE64_AGAIN,
	/*
	 * What stands before the first part and behind the last, which nobody
	 * sees: '?' for what cannot be carried, long lines folded.
	 */
	MIME_TO_FILL
};

struct mime_code {
	enum mime_how how;
	bool seven_bit;		/* MIME_TO_FILL: 8-bit bytes must go too */
	size_t column;		/* octets of the output's line so far */
	bool dash;		/* they are "-" */
	char held[3];		/* bytes that wait for the next */
	size_t held_len;
};

void	mime_code_begin(struct mime_code *c, enum mime_how how,
	    bool seven_bit);
/* Bytes without a line end. */
void	mime_code_text(struct mime_code *c, const char *in, size_t len,
	    struct buf *out);
/* A line end: LF or CRLF. */
void	mime_code_eol(struct mime_code *c, const char *eol, size_t len,
	    struct buf *out);
/* last: nothing follows, so that the last line needs its end. */
void	mime_code_end(struct mime_code *c, bool last, struct buf *out);

#endif
