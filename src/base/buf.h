/* SPDX-License-Identifier: ISC */
/*
 * A string of bytes that grows up to a maximum.
 *
 * data is never NULL after buf_init and always has a NUL behind its len bytes
 * (which may hold NULs of their own).  An addition that would pass the maximum
 * adds nothing, returns -1 and leaves "overflow" set, so that a run of
 * additions can be checked once.  A secret buf is wiped whenever its memory is
 * moved or released.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
	bool overflow;
	bool secret;
};

void	buf_init(struct buf *b, size_t max);
void	buf_init_secret(struct buf *b, size_t max);
void	buf_release(struct buf *b);

int	buf_add(struct buf *b, const void *data, size_t len);
int	buf_addc(struct buf *b, char c);
int	buf_adds(struct buf *b, const char *s);
int	buf_addf(struct buf *b, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

int	buf_addv(struct buf *b, const char *fmt, va_list ap)
	    __attribute__((format(printf, 2, 0)));

/* Room for len more bytes at data + len; NULL past the maximum. */
char	*buf_reserve(struct buf *b, size_t len);
/* Takes into the buf len bytes that were written to what buf_reserve gave. */
void	buf_commit(struct buf *b, size_t len);

/* Removes the first len bytes. */
void	buf_consume(struct buf *b, size_t len);
/* Keeps the first len bytes. */
void	buf_truncate(struct buf *b, size_t len);
/* Puts data in at an offset. */
int	buf_insert(struct buf *b, size_t at, const void *data, size_t len);
void	buf_clear(struct buf *b);

/* The bytes as an owned string; the buf is empty afterwards. */
char	*buf_steal(struct buf *b);

#endif
