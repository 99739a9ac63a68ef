/* SPDX-License-Identifier: ISC */
/*
 * Inside mail/mime: what is found of a part, and how it is written.
 */
#ifndef MAIL_MIME_PART_H
#define MAIL_MIME_PART_H

#include <stdbool.h>
#include <stddef.h>

struct mime;

/* A part begins: it gets its place in m->parts. */
void	part_begin(struct mime *m);
/* Its header (m->header) is whole: sets m->type, writes it. */
void	part_header(struct mime *m, bool in_digest);
/* True where what follows the header is not what followed it before. */
bool	part_is_changed(const struct mime *m);

void	part_begin_leaf(struct mime *m);
void	part_leaf(struct mime *m, const char *text, size_t len);
void	part_leaf_eol(struct mime *m, const char *eol, size_t len);
/* last: nothing follows it, no boundary either. */
void	part_end_leaf(struct mime *m, bool last);

/* Before the first part of a multipart and behind its last. */
void	part_fill(struct mime *m, const char *text, size_t len,
	    const char *eol, size_t eol_len);

/* The first thing that cannot be mended. */
void	part_fault(struct mime *m, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
