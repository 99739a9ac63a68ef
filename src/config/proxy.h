/* SPDX-License-Identifier: ISC */
/*
 * A proxy's URL as it stands in the account file.
 */
#ifndef CONFIG_PROXY_H
#define CONFIG_PROXY_H

#include <stdbool.h>

struct key_proxy;

/*
 * Takes "socks5h://[user:password@]host[:port]" apart; RFC 3986, with %HH in
 * user and password.  NULL, or what is wrong, which never quotes the password;
 * *p is to be cleared in any case.
 */
const char *proxy_parse(struct key_proxy *p, const char *url);
void	proxy_clear(struct key_proxy *p);
/* The password alone: it is not needed any more. */
void	proxy_wipe(struct key_proxy *p);

/* True where a password may stand in the text, whatever else is wrong. */
bool	proxy_has_secret(const char *url);

/* The URL with stars for a password in it, owned. */
char	*proxy_masked(const char *url);

#endif
