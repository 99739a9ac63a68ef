/* SPDX-License-Identifier: ISC */
/*
 * Whatever a relay says (a dialogue, see tests/dialogues/README; lines that
 * are none are left out): the engine keeps every promise that
 * tests/unit/player looks after, and it ends in the same way and says the same
 * bytes however the relay's are cut.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "../relay/dialogue.h"
#include "../unit/player.h"

/* Bytes of an input that is looked at. */
#define INPUT_MAX	(64 * 1024)
#define MESSAGE_SIZE	"message-size: 150000\n"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(const struct player_result *r, bool holds, const char *promise)
{
	if (holds)
		return;
	fprintf(stderr, "broken: %s\nsaid: %s\nerror: %s\n", promise,
	    r->said.data, r->error.text);
	abort();
}

/* The lines that are heads, or those that are steps. */
static void
sift(const char *text, size_t len, bool heads, struct buf *out)
{
	static const char size[] = "message-size:";
	const char *end = text + len, *lf;
	char why[DIALOGUE_WHY];
	struct dialogue d;
	size_t n;

	for (; text < end; text = lf + 1) {
		lf = memchr(text, '\n', (size_t)(end - text));
		if (lf == NULL)
			lf = end;
		n = (size_t)(lf - text);
		memset(&d, 0, sizeof d);
		if (n >= sizeof size && memcmp(text, size,
		    sizeof size - 1) == 0) {
			if (heads)
				buf_adds(out, MESSAGE_SIZE);
		} else if (dialogue_parse(&d, text, n, why) == 0 &&
		    (d.head_count > 0) == heads) {
			buf_add(out, text, n);
			buf_addc(out, '\n');
		}
		dialogue_release(&d);
		if (lf == end)
			return;
	}
}

static void
check(const struct dialogue *d, size_t third)
{
	const size_t cuts[] = { 1, third };
	struct player_result whole, pieces;
	size_t i;

	player_run(d, 0, &whole);
	must(&whole, whole.broken == NULL, whole.broken);
	for (i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		player_run(d, cuts[i], &pieces);
		must(&pieces, pieces.broken == NULL, pieces.broken);
		must(&pieces, player_same(&whole, &pieces),
		    "the same however the bytes are cut");
		player_release(&pieces);
	}
	player_release(&whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[DIALOGUE_WHY];
	struct dialogue d;
	struct buf text;

	if (size > INPUT_MAX)
		return 0;
	buf_init(&text, 4 * INPUT_MAX);
	sift((const char *)data, size, true, &text);
	sift((const char *)data, size, false, &text);
	memset(&d, 0, sizeof d);
	if (dialogue_parse(&d, text.data, text.len, why) == 0)
		check(&d, 2 + size % 61);
	dialogue_release(&d);
	buf_release(&text);
	return 0;
}
