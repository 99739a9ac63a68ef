/* SPDX-License-Identifier: ISC */
/*
 * Mends a body that SMTP cannot carry: lines over 998 octets, bare CRs, NULs,
 * and 8-bit bytes where the relay takes none.  Part by part, text becomes
 * quoted-printable and the rest base64 (RFC 2045, RFC 2046); what a reader
 * decodes stays the same, and so does every byte that need not change.
 *
 *	mime_init, mime_feed (all of the body), mime_finish	looks at it
 *	mime_judge		can it be mended?
 *	mime_rewrites		must the body be written anew?
 *	mime_write, mime_feed, mime_finish	writes it
 *	mime_header		the header that goes with it
 *
 * Never touched: multipart/signed, multipart/encrypted, application/pkcs7-mime
 * with all that they hold; encodings and types that it does not know.  Where
 * these break the rules, it cannot be mended.
 *
 * Pure.  However the body is cut into pieces, the same bytes come out.  Linear
 * in the body's size; its own memory does not grow with it past a byte for
 * each part.  Parts nest MIME_DEPTH_MAX deep, and it does not recurse.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "mail/mime_code.h"
#include "mail/mime_type.h"
#include "mail/wire.h"

struct header;

/* Octets of a line without its end (RFC 5321 section 4.5.3.1.6). */
#define MIME_LINE_MAX	998
/* What lies deeper is taken as a whole, and never touched. */
#define MIME_DEPTH_MAX	32
/* A body with more parts is not mended. */
#define MIME_PARTS_MAX	500000
/* Nor one with a longer header of a part, in bytes. */
#define MIME_HEADER_MAX	(64 * 1024)
/* Bytes that len bytes of body can become, beside what is held back. */
#define MIME_OUT_MAX(len)	(4 * (len) + 8 * MIME_HEADER_MAX)

/* A multipart or a message that is open. */
struct mime_level {
	bool digest;
	size_t parts;			/* begun so far */
	size_t boundary_len;		/* 0: a message, which has none */
	char boundary[MIME_BOUNDARY_MAX];
};

struct mime {
	struct mime_level levels[MIME_DEPTH_MAX];
	size_t depth;
	struct buf parts;		/* what is known of each */
	size_t part;			/* the current one's place in it */
	enum { MIME_IN_HEADER, MIME_IN_LEAF, MIME_IN_FILL } state;
	struct buf header;		/* the part's, as far as it is there */
	bool root;			/* it is a message's */
	struct mime_type top;		/* what the first header says */
	struct mime_type type;		/* what the last one says */
	struct wire_count count;	/* of the leaf */
	struct mime_code code;
	char utf8[4];			/* a character that is not whole */
	size_t utf8_len;
	bool is_utf8;			/* the leaf, so far */
	char line[MIME_LINE_MAX + 2];	/* its start, until it is known */
	size_t line_len;
	bool in_line;			/* a part of it has been passed on */
	char eol[2];			/* may belong to the next boundary */
	size_t eol_len;
	bool writing;
	bool seven_bit;
	bool breaks;			/* something has to be mended */
	bool breaks_seven;		/* ... for 7 bits */
	struct error fault;		/* why it cannot be mended */
	struct error fault_seven;	/* ... for 7 bits */
	struct buf *out;
};

/* Begins to look at the body behind this header. */
void	mime_init(struct mime *m, const struct header *h);
void	mime_release(struct mime *m);

/*
 * Takes len bytes.  When writing, appends to out, which must have room for
 * MIME_OUT_MAX(len); else out is NULL.
 */
void	mime_feed(struct mime *m, const char *data, size_t len,
	    struct buf *out);
void	mime_finish(struct mime *m, struct buf *out);

/*
 * After looking: -1 with ERR_MESSAGE, naming the part, for what cannot be
 * mended; seven_bit: 8-bit bytes have to go, too.
 */
int	mime_judge(const struct mime *m, bool seven_bit, struct error *e);
/* True where the body has to be written anew. */
bool	mime_rewrites(const struct mime *m, bool seven_bit);
/* Begins to write; the header is still the one that mime_init got. */
void	mime_write(struct mime *m, bool seven_bit);
/*
 * The message's own header as it goes with the body that was, or was not,
 * written: Content-Transfer-Encoding, and for 8-bit text without a type
 * MIME-Version and Content-Type.
 */
int	mime_header(struct mime *m, struct header *h, bool seven_bit,
	    struct error *e);

#endif
