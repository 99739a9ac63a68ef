/* SPDX-License-Identifier: ISC */
/*
 * Memory that is there or ends the process.
 *
 * Each function here exits with status 71 and one line on standard error when
 * there is no memory; nothing is lost by that, since custody of a message only
 * passes when it is on disk or with the relay.  What is returned is owned by
 * the caller and released with free(3).
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void	*xmalloc(size_t size);
void	*xcalloc(size_t count, size_t size);
void	*xreallocarray(void *ptr, size_t count, size_t size);
char	*xstrdup(const char *s);
/* Copies len bytes, NULs too, and puts a NUL behind them. */
char	*xstrndup(const char *s, size_t len);
/* A printf(3) into fresh memory. */
char	*xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Overwrites memory in a way that no compiler leaves out. */
void	mem_wipe(void *ptr, size_t size);

/*
 * For libraries that leave secrets behind: overwrites small blocks that
 * free(3) has taken and not given away again, and the stack below the caller.
 */
void	mem_scrub_freed(void);
void	mem_scrub_stack(void);

/*
 * Grows the array *array of *cap elements of size bytes so that it holds at
 * least need; the new elements are not initialised.
 */
void	mem_grow(void *array, size_t *cap, size_t need, size_t size);

#endif
