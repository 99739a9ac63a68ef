/* SPDX-License-Identifier: ISC */
/*
 * Bytes that grow up to a maximum; secret ones are wiped.
 */
#include "config.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

/* So that data is never NULL; it is never written to while cap is 0. */
static const char empty[1];

static char *
empty_data(void)
{
	return (char *)(uintptr_t)empty;
}

void
buf_init(struct buf *b, size_t max)
{
	memset(b, 0, sizeof *b);
	b->data = empty_data();
	b->max = max;
}

void
buf_init_secret(struct buf *b, size_t max)
{
	buf_init(b, max);
	b->secret = true;
}

void
buf_release(struct buf *b)
{
	if (b->cap != 0) {
		if (b->secret)
			mem_wipe(b->data, b->cap);
		free(b->data);
	}
	b->data = empty_data();
	b->len = b->cap = 0;
	b->overflow = false;
}

/* realloc(3) may leave the old bytes behind: a secret moves by hand. */
static void
grow(struct buf *b, size_t cap)
{
	char *data;

	if (!b->secret) {
		b->data = xreallocarray(b->cap == 0 ? NULL : b->data, cap, 1);
		b->cap = cap;
		return;
	}
	data = xmalloc(cap);
	memcpy(data, b->data, b->len);
	if (b->cap != 0) {
		mem_wipe(b->data, b->cap);
		free(b->data);
	}
	b->data = data;
	b->cap = cap;
}

char *
buf_reserve(struct buf *b, size_t len)
{
	size_t need, cap;

	if (len > b->max || b->len > b->max - len) {
		b->overflow = true;
		return NULL;
	}
	need = b->len + len + 1;
	if (need > b->cap) {
		cap = b->cap < 64 ? 64 : b->cap;
		while (cap < need)
			cap *= 2;
		grow(b, cap);
		b->data[b->len] = '\0';
	}
	return b->data + b->len;
}

void
buf_commit(struct buf *b, size_t len)
{
	b->len += len;
	b->data[b->len] = '\0';
}

int
buf_add(struct buf *b, const void *data, size_t len)
{
	char *to;

	if (len == 0)
		return 0;
	to = buf_reserve(b, len);
	if (to == NULL)
		return -1;
	memcpy(to, data, len);
	buf_commit(b, len);
	return 0;
}

int
buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int
buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int
buf_addv(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	char *to = NULL;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n >= 0)
		to = buf_reserve(b, (size_t)n);
	if (to == NULL) {
		b->overflow = true;
		return -1;
	}
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
	return 0;
}

int
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = buf_addv(b, fmt, ap);
	va_end(ap);
	return rc;
}

void
buf_consume(struct buf *b, size_t len)
{
	if (len == 0)
		return;
	memmove(b->data, b->data + len, b->len - len);
	buf_truncate(b, b->len - len);
}

void
buf_truncate(struct buf *b, size_t len)
{
	if (b->cap == 0)
		return;
	if (b->secret)
		mem_wipe(b->data + len, b->len - len);
	b->len = len;
	b->data[len] = '\0';
}

int
buf_insert(struct buf *b, size_t at, const void *data, size_t len)
{
	if (buf_reserve(b, len) == NULL)
		return -1;
	memmove(b->data + at + len, b->data + at, b->len - at);
	memcpy(b->data + at, data, len);
	buf_commit(b, len);
	return 0;
}

void
buf_clear(struct buf *b)
{
	buf_truncate(b, 0);
	b->overflow = false;
}

char *
buf_steal(struct buf *b)
{
	char *data;

	data = b->cap == 0 ? xstrdup("") : b->data;
	b->data = empty_data();
	b->len = b->cap = 0;
	return data;
}
