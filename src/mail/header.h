/* SPDX-License-Identifier: ISC */
/*
 * The header of a message: its fields in order, byte for byte, and what can be
 * asked of them and done to them.  RFC 5322 sections 2.2, 3.6 and 4.5.
 *
 * Pure.  Everything is linear in the header's size.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct address_list;
struct error;

/* Bytes that a header can have, as read and as it goes out. */
#define HEADER_MAX	(1024 * 1024)
#define HEADER_OUT_MAX	(4 * 1024 * 1024)

/* Fields that a header can have: what each costs beside its text adds up. */
#define HEADER_FIELDS_MAX	65536

/* One field: "Name: value CRLF", its folded lines included. */
struct header_field {
	char *text;		/* whole field, each line ending in CRLF */
	size_t len;		/* bytes of text */
	size_t name_len;	/* bytes of the name, without blanks or ':' */
	size_t value;		/* offset behind the ':' */
};

struct header {
	struct header_field *fields;
	size_t count;
	size_t cap;
};

/*
 * Length of the field name at the start of a line, when the line is a field:
 * printable US-ASCII but ':' and space, then blanks, then ':'.  0 otherwise.
 */
size_t	header_name_length(const char *line, size_t len);

void	header_init(struct header *h);
void	header_release(struct header *h);

/*
 * Takes apart header text: lines ending in CRLF or LF (CRLF afterwards), each
 * a field or the continuation of one, without the empty line at the end.  -1
 * with ERR_MESSAGE for a NUL or a bare CR, when the text names the field, and
 * for more than HEADER_FIELDS_MAX fields.
 */
int	header_parse(struct header *h, const char *text, size_t len,
	    struct error *e);

/* The index of the first field of that name (any case) from index on; or -1. */
long	header_find(const struct header *h, const char *name, size_t from);
bool	header_is(const struct header_field *f, const char *name);
bool	header_has(const struct header *h, const char *name);

/* Removes all fields of that name; returns how many there were. */
size_t	header_remove(struct header *h, const char *name);

/*
 * Adds a field at an index (count: at the end).  The value is without its line
 * end; -1 with ERR_MESSAGE when it holds CR or LF elsewhere than in a fold
 * (CRLF before a blank).
 */
int	header_insert(struct header *h, size_t at, const char *name,
	    const char *value, struct error *e);

/* Adds to l the addresses in field i (see mail/address.h). */
int	header_addresses(const struct header *h, size_t i,
	    struct address_list *l, struct error *e);

/*
 * Completes the bare addresses of an address field in place: "@domain" behind
 * each.  Every other byte stays.  A field that does not parse stays as it is.
 */
void	header_complete(struct header *h, size_t i, const char *domain);

/*
 * Puts an address in the place of those of field i that are marked; l is what
 * header_addresses found in it, which has a mark for each.  Display names,
 * comments and every other byte stay.  -1 past HEADER_OUT_MAX, and the field
 * is as it was.
 */
int	header_replace(struct header *h, size_t i, const struct address_list *l,
	    const bool *which, const char *address);

/*
 * The latest block of Resent- fields (RFC 5322 section 3.6.6), the one that
 * stands first: [*first, *end).  False when there is none.  A block ends at a
 * field that is no Resent- field, and before the second of a name.
 */
bool	header_resent_block(const struct header *h, size_t *first, size_t *end);

/*
 * Folds lines over 998 octets (RFC 5322 section 2.1.1) at white space, or
 * behind a comma in an address field; -1 with ERR_MESSAGE, naming the field,
 * where neither is there.
 */
int	header_fold(struct header *h, struct error *e);

/* Appends all fields, each ending in CRLF; -1 past out's maximum. */
int	header_write(const struct header *h, struct buf *out);

/* The value of field i unfolded and trimmed, as an owned string. */
char	*header_value(const struct header *h, size_t i);

#endif
