/* SPDX-License-Identifier: ISC */
/*
 * What an account trusts, what it does not any more, and how it shows itself:
 * files that go into TLS credentials.
 */
#ifndef NET_TRUST_H
#define NET_TRUST_H

#include <stdbool.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/buf.h"
#include "base/error.h"

struct tls_settings;

/*
 * Loads "system" or a PEM file into credentials; ERR_CONFIG when there is
 * nothing in it, or it can't be read.
 */
int	trust_load(gnutls_certificate_credentials_t credentials,
	    const char *trust, struct error *e);

/*
 * Loads the revocation lists of a PEM file into credentials, behind those that
 * issued them, and as *list of *count, to be freed one by one and then with
 * gnutls_free; ERR_CONFIG as above.
 */
int	trust_load_crl(gnutls_certificate_credentials_t credentials,
	    const char *path, gnutls_x509_crl_t **list, unsigned int *count,
	    struct error *e);

/* What opens our key: asked for once, wiped on release. */
struct trust_opener {
	const struct tls_settings *settings;
	struct buf secret;
	struct error error;
	bool asked;
	bool failed;		/* to get it: error says why */
};

void	trust_opener_init(struct trust_opener *o,
	    const struct tls_settings *settings);
void	trust_opener_release(struct trust_opener *o);

/*
 * Loads our own certificate and its key; a token may ask the opener again
 * until the credentials are gone.  A key in a file must not be readable by
 * others.  ERR_CONFIG when they can't be read, opened, or do not go together;
 * what settings->secret says.
 */
int	trust_load_own(gnutls_certificate_credentials_t credentials,
	    struct trust_opener *o, struct error *e);

#endif
