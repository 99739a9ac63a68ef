/* SPDX-License-Identifier: ISC */
/*
 * rewrite_from.  Touches From alone: Sender, Reply-To and the Resent- fields
 * stay, and so does a field in which nothing is to be replaced.
 */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/recipients.h"
#include "agent/rewrite.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/encword.h"
#include "mail/header.h"

/* The marks of those that are to be replaced; *count is how many. */
static bool *
mark(struct recipients *r, const struct address_list *l, bool always,
    size_t *count)
{
	bool *which;
	size_t i;

	*count = 0;
	which = xcalloc(l->count, sizeof *which);
	for (i = 0; i < l->count; i++) {
		which[i] = always || recipients_is_local(r, &l->list[i]);
		*count += which[i] ? 1 : 0;
	}
	return which;
}

/* There is nothing in the field but its one address. */
static bool
stands_alone(const struct header_field *f, const struct address_list *l)
{
	size_t at, start, end;

	if (l->count != 1)
		return false;
	start = f->value + l->list[0].start;
	end = f->value + l->list[0].end;
	for (at = f->value; at < f->len; at++)
		if ((at < start || at >= end) && !ascii_isspace(f->text[at]))
			return false;
	return true;
}

/* "Alice Example <alice@example.org>", or the address alone. */
static int
put_together(const struct rewrite *rw, bool named, struct buf *out,
    struct error *e)
{
	if (!named || rw->full_name == NULL || rw->full_name[0] == '\0')
		return buf_adds(out, rw->address);
	if (encword_phrase(out, rw->full_name, e) == -1)
		return -1;
	return buf_addf(out, " <%s>", rw->address);
}

static int
replace(struct header *h, size_t i, const struct address_list *l,
    const bool *which, const struct rewrite *rw, struct error *e)
{
	struct buf text;
	int rc;

	buf_init(&text, HEADER_MAX);
	rc = put_together(rw, stands_alone(&h->fields[i], l), &text, e);
	if (rc == 0 && header_replace(h, i, l, which, text.data) == -1)
		rc = error_set(e, ERR_MESSAGE, "the header has grown past %d"
		    " bytes", HEADER_OUT_MAX);
	buf_release(&text);
	return rc;
}

/* 1: there is no address in the field that can be read. */
static int
rewrite_field(struct header *h, size_t i, struct recipients *r,
    const struct rewrite *rw, struct error *e)
{
	bool always = strcmp(rw->when, "always") == 0;
	struct address_list l;
	bool *which;
	size_t count;
	int rc = 0;

	address_list_init(&l);
	if (header_addresses(h, i, &l, NULL) == -1 || l.count == 0) {
		address_list_release(&l);
		return 1;
	}
	which = mark(r, &l, always, &count);
	if (count > 0)
		rc = replace(h, i, &l, which, rw, e);
	free(which);
	address_list_release(&l);
	return rc;
}

int
rewrite_from(struct header *h, struct recipients *r, const struct rewrite *rw,
    struct error *e)
{
	bool unread = false;
	size_t i, first, end;
	int rc;

	if (strcmp(rw->when, "never") == 0)
		return 0;
	for (i = 0; i < h->count; i++) {
		if (!header_is(&h->fields[i], "From"))
			continue;
		rc = rewrite_field(h, i, r, rw, e);
		if (rc == -1)
			return -1;
		unread = unread || rc == 1;
	}
	/* None is added to a message that was sent before. */
	if (unread && strcmp(rw->when, "always") == 0 &&
	    !header_resent_block(h, &first, &end))
		header_remove(h, "From");
	return 0;
}
