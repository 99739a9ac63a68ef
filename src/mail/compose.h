/* SPDX-License-Identifier: ISC */
/*
 * The header as it goes out: what is added, removed and completed, and
 * nothing else.  RFC 5322 section 3.6, RFC 5321 section 6.4 (a submission
 * server's fixes, RFC 6409 section 8).
 *
 * Pure: time, host name and random bytes are handed in.
 */
#ifndef MAIL_COMPOSE_H
#define MAIL_COMPOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/header.h"
#include "mail/wire.h"

struct address_list;
struct error;

struct compose_facts {
	const char *date;	/* now, as date_format writes it */
	const char *from;	/* address for a From field that is missing */
	const char *full_name;	/* display name for it; NULL or "": none */
	const char *domain;	/* completes bare addresses; not NULL */
	const char *unique;	/* local part of a fresh Message-ID */
	const char *host;	/* its domain */
};

/*
 * Adds the recipients that the header names to a list, as -t asks: those of
 * the latest Resent- block where it names any, else To, Cc and Bcc.  -1 with
 * ERR_MESSAGE, naming the field.
 */
int	compose_recipients(const struct header *h, struct address_list *out,
	    struct error *e);

/* Adds, removes, completes and folds. */
int	compose_header(struct header *h, const struct compose_facts *facts,
	    struct error *e);

/* The Message-ID field's value (of the latest Resent- block, where there is
 * one), as an owned string without the <>; NULL when there is none. */
char	*compose_message_id(const struct header *h);

/* What the message asks of the relay. */
struct compose_needs {
	uint64_t size;		/* octets: header, empty line and body */
	bool eight_bit;		/* 8-bit bytes in header or body (RFC 6152) */
	bool smtputf8;		/* UTF-8 in the header (RFC 6531) */
};

/*
 * Says what the composed header and the body need, -1 with ERR_MESSAGE for
 * what SMTP cannot carry: a line over 998 octets, a bare CR, a NUL, a header
 * with 8-bit bytes that are no UTF-8.
 */
int	compose_check(const struct header *h, const struct wire_count *body,
	    struct compose_needs *needs, struct error *e);

#endif
