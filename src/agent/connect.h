/* SPDX-License-Identifier: ISC */
/*
 * A connection to an account's relay: TLS settings, socket, handshake.
 */
#ifndef AGENT_CONNECT_H
#define AGENT_CONNECT_H

#include <stdint.h>

#include "net/dial.h"
#include "net/tls.h"

struct account;
struct error;
struct stream;

struct connection {
	struct account *account;
	struct tls_settings settings;
	struct tls *tls;		/* NULL: the account wants none */
	struct stream *stream;
	char *helo;			/* the argument of EHLO */
	char *name;			/* the relay's, in A-labels */
	struct dialed dialed;
	struct tls_facts facts;		/* version "": no TLS (yet) */
};

/*
 * Reads what TLS needs, asking for a key's password where it must; fills *c,
 * to be released in any case.  ERR_CONFIG, see tls_new.
 */
int	connection_prepare(struct connection *c, struct account *a,
	    struct error *e);
/* Connects; as dial says.  The password for a proxy is wiped then. */
int	connection_open(struct connection *c, struct error *e);
/*
 * Begins TLS, for no longer than the account's timeout and deadline (clock_ms);
 * as stream_start_tls says.
 */
int	connection_secure(struct connection *c, int64_t deadline,
	    struct error *e);
void	connection_release(struct connection *c);

#endif
