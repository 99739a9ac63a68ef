/* SPDX-License-Identifier: ISC */
/*
 * Pieces of JSON text.  RFC 8259.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

struct buf;

/* A string in quotes, with what must be escaped escaped; NULL is null. */
void	json_string(struct buf *out, const char *s);
/* "name":"value", with the comma behind it. */
void	json_member(struct buf *out, const char *name, const char *value);

#endif
