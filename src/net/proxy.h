/* SPDX-License-Identifier: ISC */
/*
 * A connection through a SOCKS5 proxy, which looks up the name itself.
 * RFC 1928, RFC 1929.
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include <stdint.h>

struct error;

/* Bytes of a user name, a password and a host name (RFC 1928, RFC 1929). */
#define PROXY_FIELD_MAX	255

/* Strings are borrowed. */
struct dial_proxy {
	const char *host;
	uint16_t port;
	const char *user;	/* NULL: no authentication */
	const char *password;
};

/*
 * Asks the proxy at the other end of fd (which does not block) to connect to
 * host (name or IP address), until deadline (clock_ms); then fd is the
 * connection to it, and nothing of what it says has been read.  -1 with
 * ERR_TEMPORARY (out of reach, too slow), ERR_UNAVAILABLE (the proxy does not
 * allow it), ERR_AUTH (it does not let us in), ERR_PROTOCOL (it speaks no
 * SOCKS5).
 */
int	proxy_connect(int fd, const struct dial_proxy *p, const char *host,
	    uint16_t port, int64_t deadline, struct error *e);

#endif
