/* SPDX-License-Identifier: ISC */
/*
 * From a host name and ports to a connected socket, directly or through a
 * proxy.  RFC 8305 (IPv6 and IPv4 raced).
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <stddef.h>
#include <stdint.h>

#include "net/resolve.h"

struct dial_proxy;
struct error;

/* How long one address may be alone before the next is tried, in ms. */
#define DIAL_STAGGER_MS	250

/* All strings are borrowed. */
struct dial_settings {
	const char *host;	/* name, IP address, path of a socket */
	const uint16_t *ports;	/* in turn, where they do not connect */
	size_t port_count;
	int family;		/* AF_UNSPEC, or the only one to use */
	const char *source;	/* IP address to come from, or NULL */
	const struct dial_proxy *proxy;	/* NULL: none */
	int64_t deadline;	/* clock_ms: for all of it, the look-up too */
};

/* What came of it, as far as it came. */
struct dialed {
	uint16_t port;		/* 0 where none took a connection */
	char address[RESOLVE_TEXT];	/* of the relay, or of the proxy */
	size_t address_count;	/* of the name */
	char addresses[256];	/* the first of them, in the order of tries */
	int64_t resolved;	/* clock_ms: the name was looked up; or 0 */
};

/*
 * Connects.  Returns a non-blocking, close-on-exec socket with TCP_NODELAY; -1
 * with ERR_HOST (no such name), ERR_TEMPORARY (anything that may pass),
 * ERR_CONFIG (not a name), or what proxy_connect says.
 */
int	dial(const struct dial_settings *settings, struct dialed *out,
	    struct error *e);

/*
 * Races the addresses until deadline; a new one starts every DIAL_STAGGER_MS
 * and whenever one fails.  source: the address to come from, or NULL.  Returns
 * the socket, or -1 with the errno of the first failure (ETIMEDOUT when time
 * ran out).
 */
int	dial_race(const struct net_address *list, size_t count,
	    const struct net_address *source, int64_t deadline);

#endif
