/* SPDX-License-Identifier: ISC */
/*
 * The certificates that an account trusts.
 */
#ifndef NET_TRUST_H
#define NET_TRUST_H

#include <gnutls/gnutls.h>

struct error;

/*
 * Loads "system" or a PEM file into credentials; ERR_CONFIG when there is
 * nothing in it, or it can't be read.
 */
int	trust_load(gnutls_certificate_credentials_t credentials,
	    const char *trust, struct error *e);

#endif
