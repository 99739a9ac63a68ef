/* SPDX-License-Identifier: ISC */
/*
 * What a sender asks for about delivery status notifications, and how that is
 * written behind MAIL and RCPT.  RFC 3461, RFC 6533.  Pure.
 */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include <stdbool.h>

struct buf;
struct error;

/* When to tell the sender about a recipient; 0: nothing is asked for. */
#define DSN_NEVER	1u		/* alone */
#define DSN_SUCCESS	2u
#define DSN_FAILURE	4u
#define DSN_DELAY	8u

/* What of the message comes back. */
enum dsn_return {
	DSN_RETURN_UNSAID,
	DSN_RETURN_FULL,
	DSN_RETURN_HDRS
};

/* What is asked for about one recipient. */
struct dsn_wish {
	unsigned notify;	/* 0: nothing */
	const char *orcpt;	/* as ORCPT has it; NULL: not said */
};

/*
 * "never", or any of "success,failure,delay" in any order and case, into
 * *notify; -1 with ERR_USAGE and what it takes.
 */
int	dsn_parse_notify(const char *text, unsigned *notify,
	    struct error *e);
/* "full" or "hdrs" in any case. */
int	dsn_parse_return(const char *text, enum dsn_return *ret,
	    struct error *e);
/*
 * -1 with ERR_USAGE where it cannot be an envelope id: printable US-ASCII, and
 * as xtext at most 100 characters (RFC 3461 section 4.4, 5.4).
 */
int	dsn_check_envid(const char *text, struct error *e);

/* Adds text as xtext: "a+b" becomes "a+2Bb" (RFC 3461 section 4). */
void	dsn_add_xtext(struct buf *out, const char *text);
/* The other way; -1 for what is no xtext, or holds a NUL. */
int	dsn_read_xtext(const char *text, struct buf *out);

/* Adds " RET=HDRS ENVID=..."; envid may be NULL. */
void	dsn_add_mail(struct buf *out, enum dsn_return ret, const char *envid);
/*
 * Adds " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;...".  orcpt is what stands behind
 * "ORCPT="; NULL: the address, "utf-8;" where it is not US-ASCII (RFC 6533
 * section 3).  One that is longer than a command has room for is left out.
 */
void	dsn_add_rcpt(struct buf *out, unsigned notify, const char *orcpt,
	    const char *address);

#endif
