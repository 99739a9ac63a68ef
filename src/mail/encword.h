/* SPDX-License-Identifier: ISC */
/*
 * Display names for a header field: RFC 5322 phrases and RFC 2047 encoded
 * words.  Pure.
 */
#ifndef MAIL_ENCWORD_H
#define MAIL_ENCWORD_H

#include <stddef.h>

struct buf;
struct error;

/*
 * Appends a name so that it can stand before <address>: as it is where it is a
 * run of atoms, in quotes where it is US-ASCII otherwise, else as encoded
 * words in UTF-8 of at most 75 bytes each, with a fold (CRLF SP) between them.
 * No character is split between two words.  -1 with ERR_MESSAGE when the name
 * has a control byte or is not UTF-8.
 */
int	encword_phrase(struct buf *out, const char *name, struct error *e);

#endif
