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

/*
 * when: "never"; "local", for addresses that are bare or at this host;
 * "always".  Display names, comments and the rest of the field stay; of
 * several addresses each is looked at.  With "always" a From field without an
 * address that can be read is taken out, so that one is added.  ERR_MESSAGE
 * where the header grows past its maximum.
 */
int	rewrite_from(struct header *h, struct recipients *r, const char *when,
	    const char *address, struct error *e);

#endif
