/* SPDX-License-Identifier: ISC */
/*
 * Addresses: RFC 5322 section 3.4 with the obsolete forms of section 4.4
 * (routes, comments and folding between the words, empty list elements) and
 * UTF-8 as in RFC 6532.
 *
 * Pure.  Linear in its input; comments nest as deep as they like without
 * recursion.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct error;

struct address {
	/*
	 * The local part as it is meant: quotes and quoted pairs resolved,
	 * comments and white space between its words gone.  Never NULL; no
	 * control byte, no NUL.
	 */
	char *local;
	/* Domain or [literal], without comments; NULL for a bare address. */
	char *domain;
	/*
	 * Where the addr-spec stands in the parsed text: [start, end) covers
	 * it without the <>, display name or surrounding comments.  "@domain"
	 * put in at end completes a bare address.
	 */
	size_t start;
	size_t end;
};

struct address_list {
	struct address *list;
	size_t count;
	size_t cap;
};

/* More addresses than this in one list are refused. */
#define ADDRESS_LIST_MAX	50000

void	address_list_init(struct address_list *l);
void	address_list_release(struct address_list *l);

/*
 * Adds to l the addresses of an address-list (RFC 5322 section 3.4): mailboxes
 * and groups, separated by commas; an empty list is fine.  text may hold
 * folds (CRLF or LF before white space).  Returns 0, or -1 with ERR_MESSAGE
 * and a text that quotes the spot; l then holds what was parsed before it.
 * "<>" is an error here.
 */
int	address_list_parse(struct address_list *l, const char *text, size_t len,
	    struct error *e);

/*
 * Parses exactly one address, as in an argument: addr-spec, with or without
 * display name and <>.  Release with address_release.
 */
int	address_parse(struct address *a, const char *text, size_t len,
	    struct error *e);
void	address_release(struct address *a);

/*
 * The form for an SMTP envelope (RFC 5321 section 4.1.2), as an owned string:
 * the local part quoted where it is no dot-string, then "@" and the domain
 * (fallback_domain for a bare address; NULL leaves it bare).  A domain in
 * UTF-8 beside a US-ASCII local part becomes its A-label form (IDNA 2008);
 * beside one in UTF-8 it stays.  NULL with ERR_MESSAGE when the result can't
 * stand in an envelope: a domain over 255 octets, a label that is no host
 * name, an address over 512 octets, an empty local part.
 */
char	*address_envelope(const struct address *a, const char *fallback_domain,
	    struct error *e);

/*
 * True where s is a domain as RFC 5321 section 4.1.2 has it (labels of
 * letters, digits, hyphens, underscores for what is in use, or UTF-8), or an
 * address literal in brackets; at most 255 octets.
 */
bool	address_domain_valid(const char *s);

#endif
