/* SPDX-License-Identifier: ISC */
/*
 * What TLS means for an account: versions, ciphers, trust, our own certificate,
 * and the checks that a relay's certificate has to pass.  RFC 5280, 6125, 8996,
 * 5929 and 9266 (channel bindings); GnuTLS.
 *
 * GnuTLS's usual calls do not check name and purpose; here chain, name, time
 * and purpose are all asked for, or one of the account's pins.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <gnutls/gnutls.h>

struct buf;
struct error;

/*
 * Asked for what opens a key that is encrypted, or the token that it is in;
 * -1 with an error.
 */
typedef int tls_secret_fn(void *context, struct buf *out, struct error *e);

/* What the account says; strings are borrowed, and outlive the struct tls. */
struct tls_settings {
	const char *server_name;	/* to verify, and for SNI */
	const char *trust;		/* "system" or a PEM file */
	const char *crl;		/* PEM file, or NULL */
	char *const *pins;		/* "sha256:" and 64 digits */
	size_t pin_count;
	const char *min;		/* "1.0" to "1.3" */
	const char *priority;		/* NULL: made from min */
	const char *certificate;	/* our own: file or pkcs11: URI; NULL */
	const char *key;		/* the same; NULL: it is with it */
	tls_secret_fn *secret;
	void *secret_context;
};

/* Credentials and priorities, made before any connection. */
struct tls;

/*
 * ERR_CONFIG for an unreadable or empty trust file or revocation list, a
 * priority string that GnuTLS does not take, a system without trusted
 * certificates, a certificate and key that do not go together or can't be
 * opened; what the secret function says.  Where there are pins, trust is not
 * read.
 */
struct tls *tls_new(const struct tls_settings *settings, struct error *e);
void	tls_free(struct tls *t);

/* A client session with priorities, credentials and SNI set. */
int	tls_session(const struct tls *t, gnutls_session_t *session,
	    struct error *e);

/*
 * After the handshake: 0 when the certificate passes; -1 with ERR_UNAVAILABLE
 * and a text that says which check failed, what was seen, and how to pin it.
 */
int	tls_verify(const struct tls *t, gnutls_session_t session,
	    struct error *e);

/* What there is to say about a connection. */
struct tls_facts {
	char version[16];	/* "TLS1.3" */
	char cipher[64];	/* "AES-256-GCM" */
	int64_t ends;		/* of the relay's certificate: UNIX time */
	bool pinned;		/* a pin has taken the place of the checks */
	/*
	 * What a login can be bound to: "tls-exporter" under TLS 1.3,
	 * "tls-unique" under 1.2 with extended master secret; else NULL.
	 */
	const char *binding_type;
	char binding[128];	/* base64 */
};

void	tls_describe(const struct tls *t, gnutls_session_t session,
	    struct tls_facts *f);

#endif
