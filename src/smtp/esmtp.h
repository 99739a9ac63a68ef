/* SPDX-License-Identifier: ISC */
/*
 * What stands behind MAIL FROM: and RCPT TO: when a client says it: a path
 * (RFC 5321 section 4.1.2) and the parameters of RFC 1870, 3461, 6152 and
 * 6531.  Pure.
 */
#ifndef SMTP_ESMTP_H
#define SMTP_ESMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/envelope.h"

/* What a command has asked for; all zero to begin with. */
struct esmtp_mail {
	char *sender;		/* owned; without <>, "" is the null sender */
	uint64_t size;		/* 0: not said */
	bool eight_bit;		/* BODY=8BITMIME */
	bool smtputf8;
	enum dsn_return ret;
	char *envid;		/* as it is, not xtext; NULL: not said */
};

struct esmtp_rcpt {
	char *address;		/* owned; without <>; may be a bare name */
	unsigned notify;	/* DSN_..., 0: not said */
	char *orcpt;		/* as ORCPT has it; NULL: not said */
};

/* Why not: a reply's code, its enhanced code and its text. */
struct esmtp_refusal {
	int code;
	const char *enhanced;
	const char *text;
};

void	esmtp_mail_release(struct esmtp_mail *m);
void	esmtp_rcpt_release(struct esmtp_rcpt *r);

/*
 * Parses what follows "FROM:" or "TO:", without the line's end and without
 * control bytes: the path with or without <>, a route in it dropped, then the
 * parameters.  -1 with why; what was filled then is released by the caller.
 * A recipient in UTF-8 wants utf8, from its MAIL's SMTPUTF8.
 */
int	esmtp_parse_mail(struct esmtp_mail *m, const char *text,
	    struct esmtp_refusal *why);
int	esmtp_parse_rcpt(struct esmtp_rcpt *r, const char *text, bool utf8,
	    struct esmtp_refusal *why);

#endif
