/* SPDX-License-Identifier: ISC */
/*
 * Whatever a relay sends: the same replies however it is cut, within the
 * limits, and a breach where it is none.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "smtp/reply.h"
#include "fuzz.h"

static void
check(const struct reply *r)
{
	struct buf shown;

	must(r->code >= 200 && r->code <= 599);
	must(r->lines >= 1 && r->lines <= REPLY_LINES_MAX);
	must(r->text.len <= REPLY_MAX && !r->text.overflow);
	must(r->text.data[r->text.len] == '\0');
	must(r->enhanced[0] == '\0' || (r->enhanced[0] == '0' +
	    r->code / 100 && strncmp(r->enhanced, r->text.data,
	    strlen(r->enhanced)) == 0));
	buf_init(&shown, REPLY_MAX);
	reply_show(r, &shown);
	must(shown.len <= r->text.len && !shown.overflow);
	must(memchr(shown.data, '\n', shown.len) == NULL);
	buf_release(&shown);
}

/* All the replies in data, as text, with what stopped it. */
static void
parse(const char *data, size_t size, size_t cut, struct buf *out)
{
	struct reply r;
	struct error e;
	size_t used, part, at = 0;
	int rc = 0;

	reply_init(&r);
	while (at < size && rc != -1) {
		part = size - at < cut ? size - at : cut;
		rc = reply_feed(&r, data + at, part, &used, &e);
		must(used <= part && (rc != 0 || used == part));
		must(rc == 0 || used > 0);
		at += used;
		if (rc != 1)
			continue;
		check(&r);
		buf_addf(out, "%zu %d %s ", at, r.code, r.enhanced);
		buf_add(out, r.text.data, r.text.len);
		reply_clear(&r);
	}
	if (rc == -1) {
		must(e.class == ERR_PROTOCOL && e.text[0] != '\0');
		buf_addf(out, "%zu %s", at, e.text);
	}
	reply_release(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t cuts[] = { 1, 2 + size % 13 };
	struct buf whole, pieces;
	size_t i;

	if (size > 1024 * 1024)
		return 0;
	buf_init(&whole, SIZE_MAX / 4);
	parse((const char *)data, size, SIZE_MAX, &whole);
	for (i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		buf_init(&pieces, SIZE_MAX / 4);
		parse((const char *)data, size, cuts[i], &pieces);
		must(whole.len == pieces.len && memcmp(whole.data,
		    pieces.data, whole.len) == 0);
		buf_release(&pieces);
	}
	buf_release(&whole);
	return 0;
}
