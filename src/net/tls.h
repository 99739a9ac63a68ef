/* SPDX-License-Identifier: ISC */
/*
 * What TLS means for an account: versions, ciphers, trust, and the checks that
 * a relay's certificate has to pass.  RFC 5280, 6125, 8996; GnuTLS.
 *
 * GnuTLS's usual calls do not check name and purpose; here chain, name, time
 * and purpose are all asked for.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <gnutls/gnutls.h>

struct error;

/* What the account says; strings are borrowed. */
struct tls_settings {
	const char *server_name;	/* to verify, and for SNI */
	const char *trust;		/* "system" or a PEM file */
	const char *min;		/* "1.0" to "1.3" */
	const char *priority;		/* NULL: made from min */
};

/* Credentials and priorities, made before any connection. */
struct tls;

/*
 * ERR_CONFIG for an unreadable or empty trust file, a priority string that
 * GnuTLS does not take, a system without trusted certificates.
 */
struct tls *tls_new(const struct tls_settings *settings, struct error *e);
void	tls_free(struct tls *t);

/* A client session with priorities, credentials and SNI set. */
int	tls_session(const struct tls *t, gnutls_session_t *session,
	    struct error *e);

/*
 * After the handshake: 0 when the certificate passes; -1 with ERR_UNAVAILABLE
 * and a text that says which check failed and what was seen.
 */
int	tls_verify(const struct tls *t, gnutls_session_t session,
	    struct error *e);

/* "TLS1.3" as an owned string, for reports. */
char	*tls_version(gnutls_session_t session);

#endif
