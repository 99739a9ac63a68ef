/* SPDX-License-Identifier: ISC */
/*
 * The two ways to log in with a bearer token.  RFC 7628 (OAUTHBEARER), and
 * XOAUTH2 as Google and Microsoft describe it.  Pure.
 */
#ifndef SMTP_OAUTH_H
#define SMTP_OAUTH_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct error;

/*
 * Appends OAUTHBEARER's client response (RFC 7628 section 3.1) to out; host is
 * the relay's name.  -1 with ERR_AUTH for a token that is none (RFC 6750
 * section 2.1); its text does not show it.
 */
int	oauth_bearer(const char *username, const char *host, uint16_t port,
	    const char *token, struct buf *out, struct error *e);
/* The same for XOAUTH2, which names no host. */
int	oauth_xoauth2(const char *username, const char *token,
	    struct buf *out, struct error *e);

#endif
