/* SPDX-License-Identifier: ISC */
/*
 * SOCKS5, the client's side.  RFC 1928, RFC 1929.  Reads no byte more than the
 * proxy's own, never shows the password.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "net/proxy.h"

enum {
	SOCKS_VERSION = 5,
	LOGIN_VERSION = 1,
	METHOD_NONE = 0,
	METHOD_PASSWORD = 2,
	METHOD_REFUSED = 0xff,
	COMMAND_CONNECT = 1,
	TYPE_IPV4 = 1,
	TYPE_NAME = 3,
	TYPE_IPV6 = 4
};

/* Bytes of a request: five, a name, a port. */
#define REQUEST_MAX	(4 + 1 + PROXY_FIELD_MAX + 2)

/* One talk with a proxy. */
struct talk {
	int fd;
	const struct dial_proxy *proxy;
	int64_t deadline;
	struct error *error;
};

static int
broken(const struct talk *t, const char *why)
{
	return error_set(t->error, ERR_TEMPORARY, "the proxy '%s' %s",
	    t->proxy->host, why);
}

static int
wait_for(const struct talk *t, short events)
{
	struct pollfd p = { .fd = t->fd, .events = events };
	int n;

	do {
		if (clock_poll_ms(t->deadline) == 0)
			return broken(t, "does not answer within the time"
			    " limit (connect_timeout)");
		n = poll(&p, 1, clock_poll_ms(t->deadline));
	} while (n == 0 || (n == -1 && errno == EINTR));
	return n == 1 ? 0 : broken(t, "cannot be waited for");
}

static int
put(const struct talk *t, const struct buf *data)
{
	size_t sent = 0;
	ssize_t n;

	while (sent < data->len) {
		n = send(t->fd, data->data + sent, data->len - sent,
		    MSG_NOSIGNAL);
		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (wait_for(t, POLLOUT) == -1)
				return -1;
		} else if (errno != EINTR)
			return broken(t, strerror(errno));
	}
	return 0;
}

static int
get(const struct talk *t, unsigned char *data, size_t len)
{
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		n = recv(t->fd, data + got, len - got, 0);
		if (n > 0)
			got += (size_t)n;
		else if (n == 0)
			return broken(t, "closed the connection");
		else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (wait_for(t, POLLIN) == -1)
				return -1;
		} else if (errno != EINTR)
			return broken(t, strerror(errno));
	}
	return 0;
}

static int
no_socks(const struct talk *t)
{
	return error_set(t->error, ERR_PROTOCOL, "the proxy '%s' does not"
	    " speak SOCKS5: check 'proxy'", t->proxy->host);
}

static int
log_in(const struct talk *t)
{
	const struct dial_proxy *p = t->proxy;
	unsigned char answer[2];
	struct buf b;
	int rc;

	buf_init_secret(&b, 3 + 2 * PROXY_FIELD_MAX);
	buf_addc(&b, LOGIN_VERSION);
	buf_addc(&b, (char)strlen(p->user));
	buf_adds(&b, p->user);
	buf_addc(&b, (char)strlen(p->password));
	buf_adds(&b, p->password);
	rc = put(t, &b);
	buf_release(&b);
	if (rc == -1 || get(t, answer, sizeof answer) == -1)
		return -1;
	if (answer[0] != LOGIN_VERSION)
		return no_socks(t);
	if (answer[1] == 0)
		return 0;
	return error_set(t->error, ERR_AUTH, "the proxy '%s' refuses the login"
	    " of '%s': check the user name and the password in 'proxy'",
	    p->host, p->user);
}

/* Agrees on how to log in, and does. */
static int
greet(const struct talk *t)
{
	bool login = t->proxy->user != NULL;
	unsigned char answer[2];
	struct buf b;
	int rc;

	buf_init(&b, 4);
	buf_addc(&b, SOCKS_VERSION);
	buf_addc(&b, login ? 2 : 1);
	buf_addc(&b, METHOD_NONE);
	if (login)
		buf_addc(&b, METHOD_PASSWORD);
	rc = put(t, &b);
	buf_release(&b);
	if (rc == -1 || get(t, answer, sizeof answer) == -1)
		return -1;
	if (answer[0] != SOCKS_VERSION)
		return no_socks(t);
	if (answer[1] == METHOD_NONE)
		return 0;
	if (login && answer[1] == METHOD_PASSWORD)
		return log_in(t);
	if (answer[1] != METHOD_REFUSED)
		return no_socks(t);
	return error_set(t->error, ERR_AUTH, "the proxy '%s' lets nobody in"
	    " %s", t->proxy->host, login ? "with a user name and a password" :
	    "without a user name and a password: add them to 'proxy'");
}

/* A name goes as it is: the proxy is to look it up. */
static void
add_host(struct buf *b, const char *host)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, host, address) == 1) {
		buf_addc(b, TYPE_IPV4);
		buf_add(b, address, 4);
	} else if (inet_pton(AF_INET6, host, address) == 1) {
		buf_addc(b, TYPE_IPV6);
		buf_add(b, address, 16);
	} else {
		buf_addc(b, TYPE_NAME);
		buf_addc(b, (char)strlen(host));
		buf_adds(b, host);
	}
}

static int
ask(const struct talk *t, const char *host, uint16_t port)
{
	struct buf b;
	int rc;

	buf_init(&b, REQUEST_MAX);
	buf_addc(&b, SOCKS_VERSION);
	buf_addc(&b, COMMAND_CONNECT);
	buf_addc(&b, 0);
	add_host(&b, host);
	buf_addc(&b, (char)(port >> 8));
	buf_addc(&b, (char)(port & 0xff));
	rc = put(t, &b);
	buf_release(&b);
	return rc;
}

/* What the proxy says of the connection (RFC 1928 section 6). */
static int
verdict(const struct talk *t, unsigned char code, const char *host,
    uint16_t port)
{
	static const struct {
		enum error_class class;
		const char *text;
	} codes[] = {
		{ ERR_NONE, "" },
		{ ERR_TEMPORARY, "general failure" },
		{ ERR_UNAVAILABLE, "its rules do not allow it" },
		{ ERR_TEMPORARY, "network unreachable" },
		{ ERR_TEMPORARY, "host unreachable, or unknown to it" },
		{ ERR_TEMPORARY, "connection refused" },
		{ ERR_TEMPORARY, "TTL expired" },
		{ ERR_UNAVAILABLE, "it cannot do CONNECT" },
		{ ERR_UNAVAILABLE, "it does not know this kind of address" },
	};

	if (code >= sizeof codes / sizeof *codes)
		return error_set(t->error, ERR_PROTOCOL, "the proxy '%s'"
		    " answers with the unknown code %u", t->proxy->host,
		    (unsigned int)code);
	if (codes[code].class == ERR_NONE)
		return 0;
	return error_set(t->error, codes[code].class, "the proxy '%s' does not"
	    " connect to '%s' port %u: %s", t->proxy->host, host,
	    (unsigned int)port, codes[code].text);
}

/* The address that the proxy has bound is of no use; it is read over. */
static int
skip_address(const struct talk *t, unsigned char type)
{
	unsigned char rest[PROXY_FIELD_MAX + 2], len;

	if (type == TYPE_IPV4)
		len = 4;
	else if (type == TYPE_IPV6)
		len = 16;
	else if (type != TYPE_NAME)
		return no_socks(t);
	else if (get(t, &len, 1) == -1)
		return -1;
	return get(t, rest, (size_t)len + 2);
}

static int
hear(const struct talk *t, const char *host, uint16_t port)
{
	unsigned char answer[4];

	if (get(t, answer, sizeof answer) == -1)
		return -1;
	if (answer[0] != SOCKS_VERSION)
		return no_socks(t);
	if (verdict(t, answer[1], host, port) == -1)
		return -1;
	return skip_address(t, answer[3]);
}

int
proxy_connect(int fd, const struct dial_proxy *p, const char *host,
    uint16_t port, int64_t deadline, struct error *e)
{
	struct talk t = { fd, p, deadline, e };

	if (p->user != NULL && p->password == NULL)
		return error_set(e, ERR_INTERNAL, "the password for the proxy"
		    " '%s' has been wiped", p->host);
	if (strlen(host) > PROXY_FIELD_MAX)
		return error_set(e, ERR_CONFIG, "the host name '%s' is longer"
		    " than the %d bytes that a proxy takes", host,
		    PROXY_FIELD_MAX);
	if (greet(&t) == -1 || ask(&t, host, port) == -1)
		return -1;
	return hear(&t, host, port);
}
