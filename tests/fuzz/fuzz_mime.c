/* SPDX-License-Identifier: ISC */
/*
 * A message mended: however it is cut, the same comes out; what comes out
 * obeys SMTP's rules and needs no mending; a reader sees the same, and of
 * parts that must not be touched every byte.  The first byte of the input says
 * how it is cut.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "mail/header.h"
#include "mail/intake.h"
#include "mail/mime.h"
#include "mail/wire.h"
#include "fuzz.h"
#include "mime_reader.h"

/* Bytes of input; a part's longest header, and more. */
#define INPUT_MAX	(128 * 1024)

struct input {
	struct header header;
	struct buf body;
};

static bool
split(const char *data, size_t len, struct input *in)
{
	struct intake intake;
	struct error e;
	bool good;

	header_init(&in->header);
	buf_init(&in->body, len + HEADER_MAX);
	intake_init(&intake, false);
	good = intake_feed(&intake, data, len, &in->body, &e) == 0 &&
	    intake_finish(&intake, &in->body, &e) == 0 &&
	    header_parse(&in->header, intake.header.data, intake.header.len,
	    &e) == 0;
	intake_release(&intake);
	return good;
}

/* Once through; out is NULL when looking. */
static void
walk(struct mime *m, const struct buf *body, unsigned int cut,
    struct buf *out)
{
	struct buf none, *to = out;
	size_t at, n, before;

	buf_init(&none, 0);
	if (to == NULL)
		to = &none;
	for (at = 0; at < body->len; at += n) {
		n = fuzz_piece(cut, at, body->len - at);
		before = to->len;
		mime_feed(m, body->data + at, n, to);
		must(to->len - before <= MIME_OUT_MAX(n));
	}
	before = to->len;
	mime_finish(m, to);
	must(to->len - before <= MIME_OUT_MAX(0));
	must(!to->overflow);
}

static void
look(struct mime *m, const struct header *h, const struct buf *body,
    unsigned int cut)
{
	mime_init(m, h);
	walk(m, body, cut, NULL);
}

static void
obeys(const struct buf *body, bool seven_bit)
{
	struct wire_count c = { 0 };

	wire_count(&c, body->data, body->len);
	wire_count_finish(&c);
	must(!c.nul && !c.bare_cr && c.longest <= MIME_LINE_MAX);
	must(!seven_bit || !c.eight_bit);
}

static void
copy_header(const struct header *from, struct header *to)
{
	struct buf text;
	struct error e;

	buf_init(&text, HEADER_OUT_MAX);
	must(header_write(from, &text) == 0);
	header_init(to);
	must(header_parse(to, text.data, text.len, &e) == 0);
	buf_release(&text);
}

/* The same for a reader; nothing left to do. */
static void
check_mended(const struct input *in, const struct header *h,
    const struct buf *body, bool seven_bit)
{
	struct buf before, after;
	struct error e;
	struct mime m;

	obeys(body, seven_bit);
	buf_init(&before, 4 * INPUT_MAX);
	buf_init(&after, 4 * INPUT_MAX);
	mime_reader(&in->header, in->body.data, in->body.len, &before);
	mime_reader(h, body->data, body->len, &after);
	must(before.len == after.len);
	must(memcmp(before.data, after.data, before.len) == 0);
	buf_release(&before);
	buf_release(&after);
	look(&m, h, body, 0);
	must(mime_judge(&m, seven_bit, &e) == 0);
	must(!mime_rewrites(&m, seven_bit));
	mime_release(&m);
}

static void
check_write(struct mime *m, const struct input *in, unsigned int cut,
    bool seven_bit)
{
	struct header h;
	struct buf whole, pieces;
	struct error e;

	buf_init(&whole, 64 * INPUT_MAX);
	buf_init(&pieces, 64 * INPUT_MAX);
	if (mime_rewrites(m, seven_bit)) {
		mime_write(m, seven_bit);
		walk(m, &in->body, 0, &whole);
		mime_write(m, seven_bit);
		walk(m, &in->body, cut, &pieces);
		must(whole.len == pieces.len);
		must(memcmp(whole.data, pieces.data, whole.len) == 0);
	} else
		buf_add(&whole, in->body.data, in->body.len);
	copy_header(&in->header, &h);
	must(mime_header(m, &h, seven_bit, &e) == 0);
	check_mended(in, &h, &whole, seven_bit);
	header_release(&h);
	buf_release(&whole);
	buf_release(&pieces);
}

static void
check(const struct input *in, unsigned int cut, bool seven_bit)
{
	struct mime whole, pieces;
	struct error a, b;
	int rc;

	look(&whole, &in->header, &in->body, 0);
	look(&pieces, &in->header, &in->body, cut);
	rc = mime_judge(&whole, seven_bit, &a);
	must(mime_judge(&pieces, seven_bit, &b) == rc);
	must(mime_rewrites(&whole, seven_bit) ==
	    mime_rewrites(&pieces, seven_bit));
	must(whole.parts.len == pieces.parts.len);
	must(memcmp(whole.parts.data, pieces.parts.data,
	    whole.parts.len) == 0);
	if (rc == 0)
		check_write(&pieces, in, cut, seven_bit);
	else {
		must(a.class == ERR_MESSAGE && a.text[0] != '\0');
		must(strcmp(a.text, b.text) == 0);
	}
	mime_release(&whole);
	mime_release(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;

	if (size == 0 || size > INPUT_MAX)
		return 0;
	if (split((const char *)data + 1, size - 1, &in)) {
		check(&in, data[0], false);
		check(&in, data[0], true);
	}
	header_release(&in.header);
	buf_release(&in.body);
	return 0;
}
