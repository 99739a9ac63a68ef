/* SPDX-License-Identifier: ISC */
/*
 * Stars over secrets in what a relay says.  Keeps no secret: what is looked
 * for is a fingerprint that rolls over the text (Rabin and Karp).  Base64:
 * RFC 4648.  Pure.
 */
#include "config.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "smtp/redact.h"

/* An odd number without a pattern. */
#define FACTOR	UINT64_C(0x9e3779b97f4a7c15)

static uint64_t
add_byte(uint64_t print, char c)
{
	return print * FACTOR + (unsigned char)c + 1;
}

void
redact_hide(struct redact *r, const char *secret)
{
	uint64_t print = 0;
	size_t i;

	if (secret == NULL || strlen(secret) < REDACT_LENGTH ||
	    r->count == REDACT_MAX)
		return;
	for (i = 0; secret[i] != '\0'; i++)
		print = add_byte(print, secret[i]);
	r->hidden[r->count].print = print;
	r->hidden[r->count++].len = i;
}

/* Base64's characters that depend on the secret alone, behind skip bytes. */
static void
hide_coded(struct redact *r, const char *secret, size_t skip)
{
	struct buf in;
	char *coded;
	size_t len;

	buf_init_secret(&in, strlen(secret) + skip);
	buf_add(&in, "\0\0", skip);
	buf_adds(&in, secret);
	if (gsasl_base64_to(in.data, in.len, &coded, &len) == GSASL_OK) {
		coded[in.len * 8 / 6] = '\0';
		redact_hide(r, coded + (skip * 8 + 5) / 6);
		mem_wipe(coded, len);
		gsasl_free(coded);
	}
	buf_release(&in);
}

void
redact_hide_secret(struct redact *r, const char *secret)
{
	size_t skip;

	redact_hide(r, secret);
	for (skip = 0; secret != NULL && skip < 3; skip++)
		hide_coded(r, secret, skip);
}

/* Stars in out wherever text has what the print and the length stand for. */
static void
mark(const char *text, size_t text_len, uint64_t want, size_t len, char *out)
{
	uint64_t print = 0, oldest = 1;
	size_t i, starred = 0;

	for (i = 0; i < len; i++)
		oldest *= FACTOR;
	for (i = 0; i < text_len; i++) {
		print = add_byte(print, text[i]);
		if (i >= len)
			print -= oldest * ((unsigned char)text[i - len] +
			    UINT64_C(1));
		if (i + 1 < len || print != want)
			continue;
		if (starred < i + 1 - len)
			starred = i + 1 - len;
		while (starred <= i)
			out[starred++] = '*';
	}
}

void
redact_apply(const struct redact *r, struct buf *text)
{
	char *original;
	size_t i;

	if (r->count == 0 || text->len == 0)
		return;
	original = xstrndup(text->data, text->len);
	for (i = 0; i < r->count; i++)
		mark(original, text->len, r->hidden[i].print,
		    r->hidden[i].len, text->data);
	mem_wipe(original, text->len);
	free(original);
}
