/* SPDX-License-Identifier: ISC */
/*
 * A body on the wire: however it is cut, the same bytes come out; they are the
 * body with its line ends made CRLF and its dots doubled, which a receiver
 * undoes; no line of one dot stands before the end; and the counts are those
 * of what a receiver gets.  The first byte of the input says how it is cut.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/wire.h"
#include "fuzz.h"

static void
encode(const char *in, size_t len, unsigned int cut, struct buf *out)
{
	struct wire w;
	size_t at, n, before;

	wire_init(&w);
	for (at = 0; at < len; at += n) {
		n = fuzz_piece(cut, at, len - at);
		before = out->len;
		wire_encode(&w, in + at, n, out);
		must(out->len - before <= 2 * n + 2);
	}
	wire_finish(&w, out);
	must(!out->overflow);
}

static void
count(const char *in, size_t len, unsigned int cut, struct wire_count *c)
{
	size_t at, n;

	memset(c, 0, sizeof *c);
	for (at = 0; at < len; at += n) {
		n = fuzz_piece(cut, at, len - at);
		wire_count(c, in + at, n);
	}
	wire_count_finish(c);
}

/* The plain way: each line end CRLF, the last line ended. */
static void
normalise(const char *in, size_t len, struct buf *out)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (in[i] == '\n' && (i == 0 || in[i - 1] != '\r'))
			buf_addc(out, '\r');
		buf_addc(out, in[i]);
	}
	if (len > 0 && in[len - 1] != '\n')
		buf_adds(out, "\r\n");
}

/* What a receiver makes of it; the lone dot must be the last line. */
static void
decode(const struct buf *wire, struct buf *out)
{
	const char *s, *end;

	s = wire->data;
	end = wire->data + wire->len;
	for (;;) {
		must(end - s >= 3);
		if (memcmp(s, ".\r\n", 3) == 0)
			break;
		if (*s == '.')
			s++;
		do {
			must(s + 2 <= end);
			buf_addc(out, *s++);
		} while (s[-1] != '\n' || out->len < 2 ||
		    out->data[out->len - 2] != '\r');
	}
	must(s + 3 == end);
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void
check_facts(const struct wire_count *c, const struct buf *plain)
{
	uint64_t line = 0, longest = 0;
	bool eight = false, nul = false, bare = false;
	size_t i;

	for (i = 0; i < plain->len; i++) {
		eight = eight || (plain->data[i] & 0x80) != 0;
		nul = nul || plain->data[i] == '\0';
		bare = bare || (plain->data[i] == '\r' &&
		    plain->data[i + 1] != '\n');
		line++;
		if (plain->data[i] != '\n')
			continue;
		longest = line - 2 > longest ? line - 2 : longest;
		line = 0;
	}
	must(c->size == plain->len && c->longest == longest);
	must(c->eight_bit == eight && c->nul == nul && c->bare_cr == bare);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data + 1;
	struct buf whole, pieces, plain, back;
	struct wire_count c;

	if (size == 0)
		return 0;
	buf_init(&whole, 2 * size + 16);
	buf_init(&pieces, 2 * size + 16);
	buf_init(&plain, 2 * size + 16);
	buf_init(&back, 2 * size + 16);
	encode(in, size - 1, 0, &whole);
	encode(in, size - 1, data[0], &pieces);
	must(same(&whole, &pieces));
	normalise(in, size - 1, &plain);
	decode(&whole, &back);
	must(same(&plain, &back));
	count(in, size - 1, 0, &c);
	check_facts(&c, &plain);
	count(in, size - 1, data[0], &c);
	check_facts(&c, &plain);
	buf_release(&whole);
	buf_release(&pieces);
	buf_release(&plain);
	buf_release(&back);
	return 0;
}
