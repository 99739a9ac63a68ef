/* SPDX-License-Identifier: ISC */
/*
 * One authentication exchange: the choice of the mechanism, and its steps
 * through libgsasl.  RFC 4954, 4422, 4616 (PLAIN), 5802 and 7677 (SCRAM), 5056
 * and 5929 and 9266 (channel binding), 7628 (OAUTHBEARER), 2195 (CRAM-MD5),
 * 4752 (GSSAPI), 2831 (DIGEST-MD5).
 *
 * Opens nothing itself; libgsasl draws the nonces, and with GSSAPI it reads
 * the ticket and asks the KDC.  Base64 in, base64 out.
 */
#ifndef SMTP_AUTH_H
#define SMTP_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct capabilities;
struct error;

/* What a relay may ask for. */
#define AUTH_CHALLENGE_MAX	(12 * 1024)
#define AUTH_ROUNDS_MAX		4
#define AUTH_ITERATIONS_MIN	4096
#define AUTH_ITERATIONS_MAX	1000000

/* What ties a login to the TLS connection that it is made over. */
struct auth_binding {
	const char *type;	/* "tls-exporter", "tls-unique"; NULL: none */
	const char *data;	/* base64 */
};

/* All strings are borrowed. */
struct auth_settings {
	const char *username;
	const char *host;	/* the relay's name, for OAUTHBEARER, GSSAPI */
	uint16_t port;
	char *const *mechanisms;	/* as in the account: names, "auto" */
	size_t mechanism_count;
	bool encrypted;		/* TLS is on, or the server is a local socket */
	bool allow_plaintext;	/* a password may go without TLS */
	struct auth_binding binding;
};

/*
 * The mechanism to use, from a table: the first of the account's list that
 * the relay offers and the connection allows.  NULL with ERR_AUTH and a text
 * that says what was offered and why none will do.
 */
const char *auth_choose(const struct auth_settings *s,
	    const struct capabilities *c, struct error *e);

/*
 * Why auth_choose took that one, for a person: what made it the first, and
 * what else was offered and why it was passed over.
 */
void	auth_explain(const struct auth_settings *s,
	    const struct capabilities *c, const char *mechanism,
	    struct buf *out);

/* True where the mechanism needs a password, or a token. */
bool	auth_needs_secret(const char *mechanism);
/* True where any mechanism that the account allows needs one. */
bool	auth_list_needs_secret(char *const *mechanisms, size_t count);
/*
 * True where a mechanism in it needs no user name: with the empty one, those
 * alone are taken, for the name that the connection or the ticket gives.
 */
bool	auth_list_may_lack_name(char *const *mechanisms, size_t count);
/* True where the client speaks first, in AUTH's initial response. */
bool	auth_client_first(const char *mechanism);

struct auth;

/*
 * Starts an exchange; the settings outlive it.  secret (password or token) may
 * be NULL where none is needed.
 */
struct auth *auth_new(const char *mechanism, const struct auth_settings *s,
	    const char *secret, struct error *e);
/* What it knew of the secret is wiped. */
void	auth_free(struct auth *a);

/*
 * The answer to a challenge, in base64 into out (a secret buf); challenge is
 * base64, or NULL for the initial response.  -1 with ERR_PROTOCOL (past the
 * limits, no base64, too many rounds) or ERR_AUTH (the server did not prove
 * that it knows the password, or asks for a mad amount of work).
 */
int	auth_step(struct auth *a, const char *challenge, struct buf *out,
	    struct error *e);

/*
 * The relay says that it is done (235).  -1 with ERR_AUTH when the mechanism
 * makes the server prove itself and it has not, or when it has said before
 * that it refuses the token.
 */
int	auth_finish(const struct auth *a, struct error *e);

/*
 * What the relay said of the token that it refuses (RFC 7628 section 3.2.3:
 * JSON), as it came, or NULL; borrowed.
 */
const char *auth_complaint(const struct auth *a);

#endif
