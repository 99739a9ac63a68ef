/* SPDX-License-Identifier: ISC */
/*
 * Whatever an EHLO reply says: names of mechanisms are upper case, bounded and
 * there once; saying it twice changes nothing; the greeting offers nothing.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "smtp/capabilities.h"
#include "fuzz.h"

static void
check_mechanisms(const struct capabilities *c)
{
	const char *s;
	size_t i, k;

	must(c->mechanism_count <= CAPABILITIES_MECHANISMS);
	must(c->mechanism_count == 0 || c->auth);
	for (i = 0; i < c->mechanism_count; i++) {
		must(capabilities_mechanism(c, c->mechanisms[i]));
		must(strlen(c->mechanisms[i]) <= 20);
		for (s = c->mechanisms[i]; *s != '\0'; s++)
			must(*s == '-' || *s == '_' || (ascii_isalnum(*s) &&
			    ascii_tolower(*s) == (*s >= 'A' && *s <= 'Z' ?
			    *s + ('a' - 'A') : *s) && !(*s >= 'a' &&
			    *s <= 'z')));
		for (k = 0; k < i; k++)
			must(strcmp(c->mechanisms[i], c->mechanisms[k]) != 0);
	}
}

static void
must_be_same(const struct capabilities *a, const struct capabilities *b)
{
	size_t i;

	must(a->pipelining == b->pipelining && a->size == b->size &&
	    a->size_max == b->size_max && a->dsn == b->dsn &&
	    a->eight_bit_mime == b->eight_bit_mime &&
	    a->smtputf8 == b->smtputf8 && a->starttls == b->starttls &&
	    a->chunking == b->chunking && a->enhanced == b->enhanced &&
	    a->auth == b->auth && a->mechanism_count == b->mechanism_count);
	for (i = 0; i < a->mechanism_count; i++)
		must(strcmp(a->mechanisms[i], b->mechanisms[i]) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct capabilities once, twice, greeting;
	struct buf text;

	if (size > 64 * 1024)
		return 0;
	buf_init(&text, SIZE_MAX / 4);
	buf_add(&text, data, size);
	capabilities_init(&once);
	capabilities_init(&twice);
	capabilities_init(&greeting);
	capabilities_parse(&once, text.data);
	check_mechanisms(&once);
	capabilities_parse(&twice, text.data);
	capabilities_parse(&twice, text.data);
	must_be_same(&once, &twice);
	buf_truncate(&text, strcspn(text.data, "\n"));
	capabilities_parse(&twice, text.data);
	must_be_same(&once, &twice);
	capabilities_parse(&greeting, text.data);
	must(!greeting.auth && !greeting.starttls && !greeting.size);
	capabilities_release(&once);
	capabilities_release(&twice);
	capabilities_release(&greeting);
	buf_release(&text);
	return 0;
}
