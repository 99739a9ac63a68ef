/* SPDX-License-Identifier: ISC */
/*
 * Secrets that a relay may repeat, taken out of what is shown of its words.
 * Pure.
 *
 * Only a fingerprint of each is kept, so that no copy of a password stays in
 * memory for as long as the session lasts.
 */
#ifndef SMTP_REDACT_H
#define SMTP_REDACT_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * How many are known: the secret, three codings of it, and the lines of one
 * exchange.  One of fewer bytes than REDACT_LENGTH would show more by being
 * hidden than by standing there.
 */
#define REDACT_MAX	12
#define REDACT_LENGTH	4

struct redact {
	struct {
		uint64_t print;
		size_t len;
	} hidden[REDACT_MAX];
	size_t count;
};

/* From now on this is hidden; NULL is nothing.  Zeros hide nothing. */
void	redact_hide(struct redact *r, const char *secret);
/* The same, and for what base64 makes of it, wherever in a text it begins. */
void	redact_hide_secret(struct redact *r, const char *secret);

/* Stars over all that is hidden; linear in the text. */
void	redact_apply(const struct redact *r, struct buf *text);

#endif
