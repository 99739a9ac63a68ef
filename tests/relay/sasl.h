/* SPDX-License-Identifier: ISC */
/*
 * The server's side of logging in, for the one user there is: see
 * dialogue.h.  RFC 4954, 4422.
 */
#ifndef RELAY_SASL_H
#define RELAY_SASL_H

#include <stdbool.h>
#include <stddef.h>

struct conn;
struct record;

/* The token of OAUTHBEARER and XOAUTH2, where nothing else is set. */
#define SASL_TOKEN	"ya29.t0ken-of-alice/+="

struct sasl_settings {
	const char *mechanisms;	/* names, a blank between two */
	const char *hidden;	/* the same: work too, but EHLO is silent */
	const char *token;
	bool client_certificate;	/* EXTERNAL: TLS has verified one */
	bool wrong_binding;	/* of a channel that is not this one */
};

/* True where all of the names are of mechanisms that there are. */
bool	sasl_known(const char *names);

/*
 * Does what the rest of an AUTH line asks for, and says all the replies.  1:
 * logged in, 0: not, -1: the connection is over.
 */
int	sasl_login(const struct sasl_settings *settings, struct conn *c,
	    struct record *r, const char *arg);

/*
 * True where this is what a client of "OAUTHBEARER" (RFC 7628 section 3.1) or
 * "XOAUTH2" says to log the user in with that token.
 */
bool	sasl_oauth(const char *mechanism, const char *text, size_t len,
	    const char *token);

#endif
