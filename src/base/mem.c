/* SPDX-License-Identifier: ISC */
/*
 * Memory that is there or ends the process with status 71.
 */
#include "config.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/mem.h"

/* Allocates nothing itself, and runs no atexit handler that might. */
static void __attribute__((noreturn))
out_of_memory(void)
{
	static const char text[] = "sendoff: out of memory\n";
	ssize_t n;

	n = write(STDERR_FILENO, text, sizeof text - 1);
	(void)n;
	_exit(EX_OSERR);
}

void *
xmalloc(size_t size)
{
	void *p;

	p = malloc(size == 0 ? 1 : size);
	if (p == NULL)
		out_of_memory();
	return p;
}

void *
xcalloc(size_t count, size_t size)
{
	void *p;

	p = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
	if (p == NULL)
		out_of_memory();
	return p;
}

void *
xreallocarray(void *ptr, size_t count, size_t size)
{
	void *p;

	if (size != 0 && count > SIZE_MAX / size)
		out_of_memory();
	p = realloc(ptr, count * size == 0 ? 1 : count * size);
	if (p == NULL)
		out_of_memory();
	return p;
}

char *
xstrndup(const char *s, size_t len)
{
	char *p;

	p = xmalloc(len + 1);
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *
xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	return p;
}

/* Sizes of blocks that the allocator keeps apart, and how many of each. */
#define SCRUB_MAX	1024
#define SCRUB_STEP	16
#define SCRUB_BLOCKS	16
/* Bytes of stack that a library's call has used. */
#define SCRUB_STACK	(16 * 1024)

void
mem_scrub_freed(void)
{
	void *blocks[SCRUB_BLOCKS];
	size_t size;
	int i;

	for (size = SCRUB_STEP; size <= SCRUB_MAX; size += SCRUB_STEP) {
		for (i = 0; i < SCRUB_BLOCKS; i++) {
			blocks[i] = xmalloc(size);
			mem_wipe(blocks[i], size);
		}
		for (i = 0; i < SCRUB_BLOCKS; i++)
			free(blocks[i]);
	}
}

void
mem_scrub_stack(void)
{
	char below[SCRUB_STACK];

	mem_wipe(below, sizeof below);
}

void
mem_wipe(void *ptr, size_t size)
{
	explicit_bzero(ptr, size);
}

void
mem_grow(void *array, size_t *cap, size_t need, size_t size)
{
	void **p = array;
	size_t n;

	if (need <= *cap)
		return;
	n = *cap < 8 ? 8 : *cap * 2;
	if (n < need)
		n = need;
	*p = xreallocarray(*p, n, size);
	*cap = n;
}
