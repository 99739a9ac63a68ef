/* SPDX-License-Identifier: ISC */
/*
 * From a host name to the addresses that it has.  IDNA 2008 (RFC 5891),
 * RFC 8305 section 4 (their order).
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct error;

/* Addresses of one name that are tried. */
#define RESOLVE_MAX	64
/* Bytes of an address as text, its NUL and a zone included. */
#define RESOLVE_TEXT	128

struct net_address {
	struct sockaddr_storage addr;
	socklen_t len;
	int family;
};

/*
 * The addresses of a host (name or IP address), in the order in which they are
 * tried, with port 0.  family: AF_UNSPEC, or the only one that is wanted.
 * -1 with ERR_HOST (no such name, none of that family), ERR_TEMPORARY
 * (anything that may pass, or deadline, in clock_ms, has).
 */
int	resolve(const char *host, int family, int64_t deadline,
	    struct net_address list[RESOLVE_MAX], size_t *count,
	    struct error *e);

/* An IP address; -1 where it is none. */
int	resolve_literal(const char *text, struct net_address *out);

/* As text, "192.0.2.1"; empty for what has none. */
void	resolve_show(const struct net_address *a, char text[RESOLVE_TEXT]);

/*
 * Puts addresses in the order in which they are tried: families in turn, the
 * first one's first.
 */
void	resolve_interleave(struct net_address *list, size_t count);

/* The A-label form of a name, owned; NULL with ERR_CONFIG. */
char	*resolve_ascii_name(const char *host, struct error *e);

#endif
