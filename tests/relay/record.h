/* SPDX-License-Identifier: ISC */
/*
 * What the relay keeps: for the Nth message taken DIR/N.msg (its octets) and
 * DIR/N.env: the MAIL and RCPT lines as they came, then "size: ", "sha256: ",
 * "longest: " (line) and "eight-bit: ".
 */
#ifndef RELAY_RECORD_H
#define RELAY_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <gnutls/crypto.h>

#include "body.h"

/* Bytes of MAIL and RCPT lines for one message. */
#define RECORD_ENVELOPE	(16 * 1024 * 1024)

struct record {
	const char *dir;	/* NULL: nothing is kept */
	bool discard;		/* only count and hash */
	FILE *transcript;	/* or NULL */
	unsigned count;		/* messages taken */
	bool open;		/* a message is under way */
	int fd;
	gnutls_hash_hd_t hash;
	char *envelope;
	size_t envelope_len;
	size_t envelope_cap;
};

void	record_init(struct record *r);
void	record_release(struct record *r);

/* A line for the transcript: who is "C" or "S"; control bytes are escaped. */
void	record_say(struct record *r, const char *who, const char *text,
	    size_t len);

/* MAIL begins an envelope, RCPT adds to it; -1 when it is too long. */
int	record_mail(struct record *r, const char *line, size_t len);
int	record_rcpt(struct record *r, const char *line, size_t len);

/*
 * A message: begun, its octets, and then taken (all its files are there when
 * this returns) or dropped.  -1 with errno.
 */
int	record_begin(struct record *r);
int	record_data(struct record *r, const char *data, size_t len);
int	record_take(struct record *r, const struct body *b);
void	record_drop(struct record *r);

#endif
