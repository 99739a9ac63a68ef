/* SPDX-License-Identifier: ISC */
/*
 * What the relay says and hears while a client logs in: lines, and base64 in
 * them.  RFC 4954 section 4.
 */
#ifndef RELAY_TALK_H
#define RELAY_TALK_H

#include <stddef.h>
#include <gnutls/gnutls.h>

struct conn;
struct record;

/* Octets of an AUTH line, and of an answer; both with CRLF. */
#define TALK_AUTH_MAX	512
#define TALK_ANSWER_MAX	12288

/* What came from the client. */
enum talk_result {
	TALK_GONE = -1,		/* nothing: the connection is over */
	TALK_OK,
	TALK_CANCELLED,		/* "*" */
	TALK_MALFORMED,		/* no base64 */
	TALK_TOO_LONG
};

/* Records the version of TLS, and what a login could be bound to. */
void	talk_secured(struct conn *c, struct record *r);

/* Says one line, CRLF is added, and records it; -1 when that cannot be. */
int	talk_say(struct conn *c, struct record *r, const char *text);

/* "334 " and the base64 of len octets. */
int	talk_challenge(struct conn *c, struct record *r, const void *data,
	    size_t len);

/*
 * Reads a line that answers a challenge.  *answer, owned, has a NUL behind
 * its octets, and is to be freed with gnutls_free unless its data is NULL.
 */
enum talk_result talk_hear(struct conn *c, struct record *r,
	    gnutls_datum_t *answer);

/* talk_challenge, then talk_hear. */
enum talk_result talk_ask(struct conn *c, struct record *r, const void *data,
	    size_t len, gnutls_datum_t *answer);

/*
 * The client's first words: text is what stands behind the mechanism in its
 * AUTH line, "=" for none at all; where it is empty, an empty challenge asks
 * for them.
 */
enum talk_result talk_first(struct conn *c, struct record *r,
	    const char *text, gnutls_datum_t *answer);

/* An owned string of base64, or NULL. */
char	*talk_encode(const void *data, size_t len);
/* As for talk_hear; -1 for what is no base64. */
int	talk_decode(const char *text, size_t len, gnutls_datum_t *out);

#endif
