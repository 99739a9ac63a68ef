/* SPDX-License-Identifier: ISC */
/*
 * A proxy's URL, taken apart.  RFC 3986, RFC 1928, RFC 1929.  Never quotes a
 * password.
 */
#include "config.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/account.h"
#include "config/proxy.h"
#include "mail/address.h"

#define SCHEME		"socks5h://"
#define DEFAULT_PORT	1080
/* Bytes of user, password and host (RFC 1928, RFC 1929). */
#define FIELD_MAX	255

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;

	at = c == '\0' ? NULL : strchr(digits, ascii_tolower(c));
	return at == NULL ? -1 : (int)(at - digits);
}

/* With %HH resolved, owned; NULL where it is none, empty or too long. */
static char *
decode(const char *text, size_t len)
{
	struct buf out;
	int high, low;
	size_t i;

	buf_init_secret(&out, FIELD_MAX);
	for (i = 0; i < len && !out.overflow; i++) {
		if (text[i] != '%') {
			buf_addc(&out, text[i]);
			continue;
		}
		high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
		low = high == -1 ? -1 : hex_digit(text[i + 2]);
		if (low == -1 || high * 16 + low == 0)
			break;
		buf_addc(&out, (char)(high * 16 + low));
		i += 2;
	}
	if (i == len && len > 0 && !out.overflow)
		return buf_steal(&out);
	buf_release(&out);
	return NULL;
}

static const char *
take_login(struct key_proxy *p, const char *text, size_t len)
{
	const char *colon;

	colon = memchr(text, ':', len);
	if (colon == NULL)
		return "the user name has no password: write user:password@";
	p->user = decode(text, (size_t)(colon - text));
	p->password = decode(colon + 1, len - (size_t)(colon + 1 - text));
	if (p->user == NULL || p->password == NULL)
		return "user name and password have 1 to 255 bytes each, and"
		    " %HH for a byte such as %40 for @";
	return NULL;
}

static const char *
take_port(struct key_proxy *p, const char *text)
{
	uint64_t number = DEFAULT_PORT;

	if (text[0] == ':' && str_number(text + 1, 1, UINT16_MAX,
	    &number) == -1)
		return "its port is a number from 1 to 65535";
	if (text[0] != ':' && text[0] != '\0')
		return "nothing can stand behind host and port";
	p->port = (uint16_t)number;
	return NULL;
}

static const char *
take_host(struct key_proxy *p, const char *text)
{
	unsigned char address[16];
	size_t len;

	if (text[0] == '[') {
		len = strcspn(++text, "]");
		p->host = xstrndup(text, len);
		if (text[len] != ']' ||
		    inet_pton(AF_INET6, p->host, address) != 1)
			return "an IPv6 address stands in brackets";
		return take_port(p, text + len + 1);
	}
	len = strcspn(text, ":/?#");
	p->host = xstrndup(text, len);
	if (len > FIELD_MAX || !address_domain_valid(p->host))
		return "it needs a host name or an IP address";
	return take_port(p, text + len);
}

const char *
proxy_parse(struct key_proxy *p, const char *url)
{
	const char *wrong, *at;

	memset(p, 0, sizeof *p);
	if (!str_casestarts(url, SCHEME))
		return "write socks5h://[user:password@]host:port; other kinds"
		    " of proxy there are none, and the name is looked up by"
		    " the proxy";
	url += strlen(SCHEME);
	at = strrchr(url, '@');
	if (at != NULL) {
		wrong = take_login(p, url, (size_t)(at - url));
		if (wrong != NULL)
			return wrong;
		url = at + 1;
	}
	return take_host(p, url);
}

static void
clear_secret(char *s)
{
	if (s != NULL)
		mem_wipe(s, strlen(s));
	free(s);
}

void
proxy_wipe(struct key_proxy *p)
{
	clear_secret(p->password);
	p->password = NULL;
}

void
proxy_clear(struct key_proxy *p)
{
	proxy_wipe(p);
	free(p->host);
	free(p->user);
	memset(p, 0, sizeof *p);
}

bool
proxy_has_secret(const char *url)
{
	return strchr(url, '@') != NULL;
}

char *
proxy_masked(const char *url)
{
	const char *at = strrchr(url, '@');
	size_t user;

	if (at == NULL || strlen(url) < strlen(SCHEME))
		return xstrdup(url);
	user = strlen(SCHEME) + strcspn(url + strlen(SCHEME), ":@");
	return xasprintf("%.*s:********%s", (int)user, url, at);
}
