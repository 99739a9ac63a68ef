/* SPDX-License-Identifier: ISC */
/*
 * A message taken apart: however it is cut, the same header, body and end come
 * out; the header parses, unless it has a NUL or a bare CR; without the dot's
 * meaning, the body is the message's end, byte for byte.  The first byte of
 * the input says how it is cut.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "mail/header.h"
#include "mail/intake.h"
#include "fuzz.h"

struct parts {
	struct intake in;
	struct buf body;
	bool dot_seen;
	int rc;
};

/* From where it is transparent, what comes goes through as it is. */
static int
feed(struct parts *p, const char *data, size_t len, struct error *e)
{
	size_t before = p->body.len;
	bool transparent = intake_transparent(&p->in);
	int rc;

	rc = intake_feed(&p->in, data, len, &p->body, e);
	if (transparent) {
		must(rc == 0 && p->body.len == before + len);
		must(memcmp(p->body.data + before, data, len) == 0);
		must(intake_transparent(&p->in));
	}
	return rc;
}

static void
take_apart(struct parts *p, const char *data, size_t len, unsigned int cut,
    bool dot_ends)
{
	struct error e = { ERR_NONE, "" };
	size_t at, n;

	intake_init(&p->in, dot_ends);
	buf_init(&p->body, len + 2 * HEADER_MAX);
	p->rc = 0;
	for (at = 0; at < len && p->rc == 0; at += n) {
		n = fuzz_piece(cut, at, len - at);
		p->rc = feed(p, data + at, n, &e);
	}
	p->dot_seen = p->in.done;
	if (p->rc == 0)
		p->rc = intake_finish(&p->in, &p->body, &e);
	must(p->rc == 0 || (e.class == ERR_MESSAGE && len > HEADER_MAX));
	must(!p->body.overflow);
}

static void
release(struct parts *p)
{
	intake_release(&p->in);
	buf_release(&p->body);
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* Lines that end in CRLF, none of them empty; fields, if nothing is refused. */
static void
check_header(const struct buf *b)
{
	struct header h;
	struct error e;
	size_t i;
	bool odd = false;

	must(b->len == 0 || (b->len >= 2 &&
	    memcmp(b->data + b->len - 2, "\r\n", 2) == 0));
	for (i = 0; i < b->len; i++) {
		odd = odd || b->data[i] == '\0' || (b->data[i] == '\r' &&
		    b->data[i + 1] != '\n');
		if (b->data[i] == '\n') {
			must(i > 1 && b->data[i - 1] == '\r');
			must(b->data[i - 2] != '\n');
		}
	}
	header_init(&h);
	if (!odd)
		must(header_parse(&h, b->data, b->len, &e) == 0);
	header_release(&h);
}

static void
check(const char *data, size_t len, unsigned int cut, bool dot_ends)
{
	struct parts whole, pieces;

	take_apart(&whole, data, len, 0, dot_ends);
	take_apart(&pieces, data, len, cut, dot_ends);
	must(whole.rc == pieces.rc);
	if (whole.rc == 0) {
		must(same(&whole.in.header, &pieces.in.header));
		must(same(&whole.body, &pieces.body));
		must(whole.dot_seen == pieces.dot_seen);
		check_header(&whole.in.header);
		must(whole.body.len <= len);
	}
	if (whole.rc == 0 && !dot_ends) {
		must(!whole.dot_seen);
		must(memcmp(data + len - whole.body.len, whole.body.data,
		    whole.body.len) == 0);
	}
	release(&whole);
	release(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	check((const char *)data + 1, size - 1, data[0], false);
	check((const char *)data + 1, size - 1, data[0], true);
	return 0;
}
