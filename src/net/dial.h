/* SPDX-License-Identifier: ISC */
/*
 * From a host name and ports to a connected socket.  RFC 8305 (IPv6 and IPv4
 * raced), IDNA 2008 for the name.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct error;

/* How long one address may be alone before the next is tried, in ms. */
#define DIAL_STAGGER_MS	250

struct dial_address {
	struct sockaddr_storage addr;
	socklen_t len;
	int family;
};

/*
 * Connects to host (name, IP address, or the absolute path of a Unix socket)
 * at the first of the ports that takes a connection; they are tried in turn,
 * on connection failures only.  deadline (clock_ms) holds for all of it, the
 * look-up of the name too.  Returns a non-blocking, close-on-exec socket with
 * TCP_NODELAY and sets *port; -1 with ERR_HOST (no such name), ERR_TEMPORARY
 * (anything that may pass), ERR_CONFIG (not a name).
 */
int	dial(const char *host, const uint16_t *ports, size_t port_count,
	    int64_t deadline, uint16_t *port, struct error *e);

/*
 * Puts addresses in the order in which they are tried: families in turn, the
 * first one's first (RFC 8305 section 4).
 */
void	dial_interleave(struct dial_address *list, size_t count);

/*
 * Races the addresses until deadline; a new one starts every DIAL_STAGGER_MS
 * and whenever one fails.  Returns the socket, or -1 with the errno of the
 * first failure (ETIMEDOUT when time ran out).
 */
int	dial_race(const struct dial_address *list, size_t count,
	    int64_t deadline);

/* The A-label form of a name (RFC 5891), owned; NULL with ERR_CONFIG. */
char	*dial_ascii_name(const char *host, struct error *e);

#endif
