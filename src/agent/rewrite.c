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
#include "base/error.h"
#include "base/mem.h"
#include "mail/address.h"
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

/* 1: there is no address in the field that can be read. */
static int
rewrite_field(struct header *h, size_t i, struct recipients *r, bool always,
    const char *address, struct error *e)
{
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
	if (count > 0 && header_replace(h, i, &l, which, address) == -1)
		rc = error_set(e, ERR_MESSAGE, "the header has grown past %d"
		    " bytes", HEADER_OUT_MAX);
	free(which);
	address_list_release(&l);
	return rc;
}

int
rewrite_from(struct header *h, struct recipients *r, const char *when,
    const char *address, struct error *e)
{
	bool always = strcmp(when, "always") == 0, unread = false;
	size_t i, first, end;
	int rc;

	if (strcmp(when, "never") == 0)
		return 0;
	for (i = 0; i < h->count; i++) {
		if (!header_is(&h->fields[i], "From"))
			continue;
		rc = rewrite_field(h, i, r, always, address, e);
		if (rc == -1)
			return -1;
		unread = unread || rc == 1;
	}
	/* None is added to a message that was sent before. */
	if (always && unread && !header_resent_block(h, &first, &end))
		header_remove(h, "From");
	return 0;
}
