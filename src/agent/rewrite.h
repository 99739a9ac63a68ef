/* SPDX-License-Identifier: ISC */
/*
 * The account's address in the place of those in the From field, as the key
 * rewrite_from asks.
 */
#ifndef AGENT_REWRITE_H
#define AGENT_REWRITE_H

struct error;
struct header;
struct recipients;

/* Who takes the place of whom. */
struct rewrite {
	const char *when;	/* "never", "local", "always" */
	const char *address;
	const char *full_name;	/* for an address without a name; or NULL */
};

/*
 * when: "never"; "local", for addresses that are bare or at this host;
 * "always".  Display names, comments and the rest of the field stay; of
 * several addresses each is looked at.  One that stands alone, without a name
 * or comment, gets the full name as well.  With "always" a From field without
 * an address that can be read is taken out, so that one is added.  ERR_MESSAGE
 * where the header grows past its maximum, or the full name is no UTF-8.
 */
int	rewrite_from(struct header *h, struct recipients *r,
	    const struct rewrite *rw, struct error *e);

#endif
