/* SPDX-License-Identifier: ISC */
/*
 * What a relay said that it can do, from its EHLO reply.  RFC 5321 section
 * 4.1.1.1, 2920, 1870, 6152, 6531, 3207, 4954, 3461, 3030, 2034, 9422.
 * Pure.
 */
#ifndef SMTP_CAPABILITIES_H
#define SMTP_CAPABILITIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SASL mechanism names that are remembered. */
#define CAPABILITIES_MECHANISMS	64

struct capabilities {
	bool pipelining;
	bool size;
	uint64_t size_max;	/* 0: no limit said */
	bool eight_bit_mime;
	bool smtputf8;
	bool starttls;
	bool dsn;
	bool chunking;
	bool enhanced;
	bool auth;
	/* LIMITS, 0 for what is not said (RFC 9422 section 4). */
	size_t mail_max;	/* transactions of a session */
	size_t rcpt_max;	/* recipients of a transaction */
	size_t rcpt_domain_max;	/* their domains */
	char *mechanisms[CAPABILITIES_MECHANISMS];	/* upper case */
	size_t mechanism_count;
};

void	capabilities_init(struct capabilities *c);
void	capabilities_release(struct capabilities *c);

/*
 * Reads the text of an EHLO reply (lines separated by LF, the first one is the
 * greeting).  Case is ignored, tabs and several blanks separate words, AUTH
 * may come several times and as "AUTH=...": what is not understood is skipped.
 */
void	capabilities_parse(struct capabilities *c, const char *text);

bool	capabilities_mechanism(const struct capabilities *c, const char *name);

#endif
