/* SPDX-License-Identifier: ISC */
/*
 * What the header of a part says of it: kind, encoding, boundary.  RFC 2045
 * sections 5 and 6, RFC 2046 section 5, RFC 2231.
 *
 * Pure.  Linear in the fields' size; comments nest without recursion.
 */
#ifndef MAIL_MIME_TYPE_H
#define MAIL_MIME_TYPE_H

#include <stdbool.h>
#include <stddef.h>

struct header;

/* Octets of a boundary; RFC 2046 allows 70. */
#define MIME_BOUNDARY_MAX	200
/* Bytes that are kept of a type, or of an encoding's name, to be shown. */
#define MIME_NAME_MAX		80

enum mime_kind {
	MIME_TEXT,		/* becomes quoted-printable */
	MIME_OTHER,		/* becomes base64 */
	MIME_MULTIPART,		/* has a boundary that can be used */
	MIME_MESSAGE,		/* message/rfc822 and its kin */
	MIME_OPAQUE		/* never touched */
};

enum mime_encoding {
	MIME_ENC_NONE,		/* no field */
	MIME_ENC_7BIT,
	MIME_ENC_8BIT,
	MIME_ENC_BINARY,
	MIME_ENC_QP,
	MIME_ENC_BASE64,
	MIME_ENC_UNKNOWN
};

struct mime_type {
	enum mime_kind kind;
	enum mime_encoding encoding;
	bool given;		/* there is a Content-Type field */
	bool digest;		/* multipart/digest */
	const char *why;	/* MIME_OPAQUE: "is signed" */
	char name[MIME_NAME_MAX + 1];	/* "text/plain", lower case */
	char boundary[MIME_BOUNDARY_MAX + 1];
};

/* in_digest: a part without a type is a message (RFC 2046 section 5.1.5). */
void	mime_type_read(struct mime_type *t, const struct header *h,
	    bool in_digest);
/* As it goes where nothing is known of it; why is borrowed. */
void	mime_type_opaque(struct mime_type *t, const char *why);

/* True where a line can be the boundary of both: "a" and "a", "a" and "a--". */
bool	mime_boundaries_clash(const char *a, size_t alen, const char *b,
	    size_t blen);

/* True where the content is not encoded: 7bit, 8bit, binary or no field. */
bool	mime_type_plain(const struct mime_type *t);

#endif
