/* SPDX-License-Identifier: ISC */
/*
 * The client responses of OAUTHBEARER and XOAUTH2.  RFC 7628, RFC 6750,
 * RFC 5801 (GS2 header).  Pure; shows no token.
 */
#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "smtp/oauth.h"

/* What separates the fields. */
#define CTRL_A	"\001"

/* RFC 6750 section 2.1: b64token; anything else could add a field. */
static int
check_token(const char *token, struct error *e)
{
	const char *p;

	for (p = token; *p != '\0'; p++)
		if (!ascii_isalnum(*p) && strchr("-._~+/=", *p) == NULL)
			break;
	if (p != token && *p == '\0')
		return 0;
	return error_set(e, ERR_AUTH, "the token is no bearer token: it must"
	    " be letters, digits and '-._~+/=' alone, on the first line that"
	    " its source gives");
}

/* RFC 5801 section 4: "," and "=" have a meaning in the header. */
static void
add_saslname(struct buf *out, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == ',')
			buf_adds(out, "=2C");
		else if (*name == '=')
			buf_adds(out, "=3D");
		else
			buf_addc(out, *name);
	}
}

int
oauth_bearer(const char *username, const char *host, uint16_t port,
    const char *token, struct buf *out, struct error *e)
{
	if (check_token(token, e) == -1)
		return -1;
	buf_adds(out, "n,a=");
	add_saslname(out, username);
	buf_addf(out, "," CTRL_A "host=%s" CTRL_A "port=%u" CTRL_A
	    "auth=Bearer ", host, (unsigned int)port);
	buf_adds(out, token);
	buf_adds(out, CTRL_A CTRL_A);
	return 0;
}

int
oauth_xoauth2(const char *username, const char *token, struct buf *out,
    struct error *e)
{
	if (check_token(token, e) == -1)
		return -1;
	buf_adds(out, "user=");
	buf_adds(out, username);
	buf_adds(out, CTRL_A "auth=Bearer ");
	buf_adds(out, token);
	buf_adds(out, CTRL_A CTRL_A);
	return 0;
}
