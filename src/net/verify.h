/* SPDX-License-Identifier: ISC */
/*
 * The check of a relay's certificate: chain, name, time, purpose and
 * revocation; or the account's pins in their place.  RFC 5280, RFC 6125.
 */
#ifndef NET_VERIFY_H
#define NET_VERIFY_H

#include <stddef.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

struct error;

/* Whom the certificate must name. */
struct verify_name {
	char *text;		/* A-labels, no trailing dot; owned */
	unsigned char address[16];	/* in network order */
	unsigned int address_len;	/* 0: it is a name */
};

struct verify {
	struct verify_name name;
	char *const *pins;	/* borrowed */
	size_t pin_count;
	gnutls_x509_crl_t *crls;	/* looked at where a pin matches */
	unsigned int crl_count;
};

/* Sets the name from a host name (IDN too) or an address; ERR_CONFIG. */
int	verify_init(struct verify *v, const char *server_name,
	    struct error *e);
void	verify_release(struct verify *v);

/* As tls_verify. */
int	verify_peer(const struct verify *v, gnutls_session_t session,
	    struct error *e);

/* The relay's certificate, to be released; -1 where there is none. */
int	verify_leaf(gnutls_session_t session, gnutls_x509_crt_t *leaf);

#endif
