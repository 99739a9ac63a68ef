/* SPDX-License-Identifier: ISC */
/*
 * From an account to a connection: what TLS needs, made before anything is
 * dialled; the socket; the handshake; and the name that EHLO gives.  Says
 * nothing of SMTP.
 */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/connect.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/account.h"
#include "config/proxy.h"
#include "config/secret.h"
#include "mail/address.h"
#include "net/proxy.h"
#include "net/stream.h"

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]": RFC 5321 section 4.1.3. */
static char *
address_literal(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	char text[INET6_ADDRSTRLEN];
	const void *in;

	if (getsockname(fd, (struct sockaddr *)&addr, &len) == -1)
		return NULL;
	if (addr.ss_family == AF_INET)
		in = &((struct sockaddr_in *)&addr)->sin_addr;
	else if (addr.ss_family == AF_INET6)
		in = &((struct sockaddr_in6 *)&addr)->sin6_addr;
	else
		return NULL;
	if (inet_ntop(addr.ss_family, in, text, sizeof text) == NULL)
		return NULL;
	return xasprintf("[%s%s]", addr.ss_family == AF_INET6 ? "IPv6:" : "",
	    text);
}

static char *
helo_name(const struct account *a, int fd)
{
	char host[256], *literal;

	if (a->helo != NULL)
		return xstrdup(a->helo);
	if (gethostname(host, sizeof host) == -1)
		host[0] = '\0';
	host[sizeof host - 1] = '\0';
	if (strchr(host, '.') != NULL && str_is_ascii(host) &&
	    address_domain_valid(host))
		return xstrdup(host);
	literal = address_literal(fd);
	if (literal != NULL)
		return literal;
	return xstrdup(str_is_ascii(host) && address_domain_valid(host) ?
	    host : "localhost");
}

static bool
wants_tls(const struct account *a)
{
	return a->starttls || a->implicit_tls;
}

static int
open_key(void *context, struct buf *out, struct error *e)
{
	const struct account *a = context;

	return secret_get_key(a, out, e);
}

int
connection_prepare(struct connection *c, struct account *a,
    struct error *e)
{
	struct tls_settings *s = &c->settings;

	memset(c, 0, sizeof *c);
	c->account = a;

	if (!wants_tls(a))
		return 0;
	if (a->tls_server_name == NULL)
		return error_set(e, ERR_CONFIG, "TLS over the socket '%s'"
		    " needs a name to verify: set 'tls_server_name'",
		    a->server);
	s->server_name = a->tls_server_name;
	s->trust = a->tls_trust;
	s->crl = a->tls_crl;
	s->pins = a->tls_pin.list;
	s->pin_count = a->tls_pin.count;
	s->min = a->tls_min;
	s->priority = a->tls_priority;
	s->certificate = a->tls_certificate;
	s->key = a->tls_key;
	s->secret = open_key;
	s->secret_context = a;
	c->tls = tls_new(s, e);
	return c->tls == NULL ? -1 : 0;
}

int
connection_secure(struct connection *c, int64_t deadline, struct error *e)
{
	int64_t limit;

	limit = clock_ms() + c->account->timeout * 1000;
	if (limit > deadline)
		limit = deadline;
	if (stream_start_tls(c->stream, c->tls, limit, e) == -1)
		return -1;
	c->facts = *stream_tls(c->stream);
	return 0;
}

static int
dial_relay(struct connection *c, struct error *e)
{
	const struct account *a = c->account;
	struct dial_proxy proxy;
	struct dial_settings s;

	memset(&s, 0, sizeof s);
	s.host = a->server;
	s.ports = a->ports.list;
	s.port_count = a->ports.count;
	s.family = strcmp(a->ip_version, "4") == 0 ? AF_INET :
	    strcmp(a->ip_version, "6") == 0 ? AF_INET6 : AF_UNSPEC;
	s.source = a->source_address;
	s.deadline = clock_ms() + a->connect_timeout * 1000;
	if (a->proxy.host != NULL) {
		proxy.host = a->proxy.host;
		proxy.port = a->proxy.port;
		proxy.user = a->proxy.user;
		proxy.password = a->proxy.password;
		s.proxy = &proxy;
	}
	return dial(&s, &c->dialed, e);
}

int
connection_open(struct connection *c, struct error *e)
{
	int fd;

	fd = dial_relay(c, e);
	proxy_wipe(&c->account->proxy);
	if (fd == -1)
		return -1;
	c->stream = stream_new(fd);
	c->name = resolve_ascii_name(c->account->tls_server_name == NULL ?
	    c->account->server : c->account->tls_server_name, e);
	if (c->name == NULL)
		return -1;
	c->helo = helo_name(c->account, fd);
	return 0;
}

void
connection_release(struct connection *c)
{
	stream_free(c->stream);
	tls_free(c->tls);
	free(c->helo);
	free(c->name);
	memset(c, 0, sizeof *c);
}
