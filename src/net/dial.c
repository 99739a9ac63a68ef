/* SPDX-License-Identifier: ISC */
/*
 * From a host name and ports to a connected socket.  RFC 8305.  Says nothing
 * to the relay.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "net/dial.h"
#include "net/proxy.h"

static void
set_port(struct net_address *list, size_t count, uint16_t port)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (list[i].family == AF_INET)
			((struct sockaddr_in *)&list[i].addr)->sin_port =
			    htons(port);
		else if (list[i].family == AF_INET6)
			((struct sockaddr_in6 *)&list[i].addr)->sin6_port =
			    htons(port);
	}
}

/* Attempts that are under way, and what became of the first that failed. */
struct race {
	const struct net_address *source;	/* NULL: any */
	struct pollfd *attempts;
	size_t count;
	size_t next;		/* address that is tried next */
	int error;
};

static void
note_failure(struct race *r, int errnum)
{
	if (r->error == 0)
		r->error = errnum;
}

/* Starts the next address; the socket, if it is connected at once. */
static int
start_attempt(struct race *r, const struct net_address *a)
{
	int fd, rc;

	r->next++;
	fd = socket(a->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1) {
		note_failure(r, errno);
		return -1;
	}
	rc = r->source == NULL ? 0 : bind(fd,
	    (const struct sockaddr *)&r->source->addr, r->source->len);
	if (rc == 0) {
		rc = connect(fd, (const struct sockaddr *)&a->addr, a->len);
		if (rc == 0)
			return fd;
	}
	if (errno != EINPROGRESS && errno != EINTR) {
		note_failure(r, errno);
		close(fd);
		return -1;
	}
	r->attempts[r->count].fd = fd;
	r->attempts[r->count].events = POLLOUT;
	r->attempts[r->count].revents = 0;
	r->count++;
	return -1;
}

/* The socket of an attempt that has succeeded; failed ones are dropped. */
static int
collect_attempts(struct race *r)
{
	socklen_t len;
	size_t i = 0;
	int fd, errnum;

	while (i < r->count) {
		if (r->attempts[i].revents == 0) {
			i++;
			continue;
		}
		fd = r->attempts[i].fd;
		r->attempts[i] = r->attempts[--r->count];
		len = sizeof errnum;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len) == -1)
			errnum = errno;
		if (errnum == 0)
			return fd;
		note_failure(r, errnum);
		close(fd);
	}
	return -1;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int
run_race(struct race *r, const struct net_address *list, size_t count,
    int64_t deadline)
{
	int64_t next_start = 0, wait;
	size_t before;
	int fd;

	for (;;) {
		if (clock_poll_ms(deadline) == 0) {
			r->error = ETIMEDOUT;
			return -1;
		}
		if (r->next < count && clock_poll_ms(next_start) == 0) {
			fd = start_attempt(r, &list[r->next]);
			if (fd != -1)
				return fd;
			next_start = r->count == 0 ? 0 :
			    clock_ms() + DIAL_STAGGER_MS;
			continue;
		}
		if (r->count == 0 && r->next == count)
			return -1;
		wait = r->next < count ? earlier(next_start, deadline) :
		    deadline;
		if (poll(r->attempts, r->count, clock_poll_ms(wait)) <= 0)
			continue;
		before = r->count;
		fd = collect_attempts(r);
		if (fd != -1)
			return fd;
		if (r->count < before)
			next_start = 0;
	}
}

int
dial_race(const struct net_address *list, size_t count,
    const struct net_address *source, int64_t deadline)
{
	struct race r;
	size_t i;
	int fd;

	memset(&r, 0, sizeof r);
	r.source = source;
	r.attempts = xcalloc(count, sizeof *r.attempts);
	fd = run_race(&r, list, count, deadline);
	for (i = 0; i < r.count; i++)
		close(r.attempts[i].fd);
	free(r.attempts);
	if (fd == -1)
		errno = r.error == 0 ? ETIMEDOUT : r.error;
	return fd;
}

static int
dial_unix(const char *path, int64_t deadline, struct error *e)
{
	struct net_address a;
	struct sockaddr_un *un = (struct sockaddr_un *)&a.addr;
	int fd;

	memset(&a, 0, sizeof a);
	a.family = AF_UNIX;
	a.len = sizeof *un;
	un->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof un->sun_path)
		return error_set(e, ERR_CONFIG, "the socket path '%s' is"
		    " longer than %zu bytes", path, sizeof un->sun_path - 1);
	memcpy(un->sun_path, path, strlen(path));
	fd = dial_race(&a, 1, NULL, deadline);
	if (fd == -1)
		error_set_errno(e, ERR_TEMPORARY, errno,
		    "cannot connect to '%s'", path);
	return fd;
}

/* What all attempts have in common. */
struct target {
	const struct dial_settings *settings;
	const char *name;	/* A-labels, or an address */
	struct net_address list[RESOLVE_MAX];
	size_t count;
	struct net_address own;
	const struct net_address *source;	/* NULL: any */
};

static int
cannot_connect(const struct target *t, uint16_t port, int errnum,
    struct error *e)
{
	const struct dial_settings *s = t->settings;

	if (s->proxy != NULL)
		return error_set_errno(e, ERR_TEMPORARY, errnum, "cannot"
		    " connect to the proxy '%s' port %u%s%s%s", s->proxy->host,
		    (unsigned int)port, s->source == NULL ? "" : " from '",
		    s->source == NULL ? "" : s->source,
		    s->source == NULL ? "" : "'");
	return error_set_errno(e, ERR_TEMPORARY, errnum, "cannot connect to"
	    " '%s' port %u%s%s%s%s", s->host, (unsigned int)port,
	    s->port_count > 1 ? " nor to its other ports" : "",
	    s->source == NULL ? "" : " from '",
	    s->source == NULL ? "" : s->source,
	    s->source == NULL ? "" : "'");
}

/* One port, directly or through the proxy, until deadline. */
static int
dial_port(struct target *t, uint16_t port, int64_t deadline, struct error *e)
{
	const struct dial_proxy *proxy = t->settings->proxy;
	uint16_t to = proxy == NULL ? port : proxy->port;
	int fd, on = 1;

	set_port(t->list, t->count, to);
	fd = dial_race(t->list, t->count, t->source, deadline);
	if (fd == -1)
		return cannot_connect(t, to, errno, e);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (proxy == NULL ||
	    proxy_connect(fd, proxy, t->name, port, deadline, e) == 0)
		return fd;
	close(fd);
	return -1;
}

/* True for what the next port may do better. */
static bool
is_about_port(enum error_class class)
{
	return class == ERR_TEMPORARY || class == ERR_UNAVAILABLE;
}

/*
 * A port that drops packets gets its share of the time, and no more.  Of the
 * reasons the first is given, but one that may pass before one that stays.
 */
static int
dial_ports(struct target *t, struct dialed *out, struct error *e)
{
	const struct dial_settings *s = t->settings;
	struct error why;
	int64_t share;
	size_t i;
	int fd;

	for (i = 0; i < s->port_count; i++) {
		share = (s->deadline - clock_ms()) /
		    (int64_t)(s->port_count - i);
		fd = dial_port(t, s->ports[i], clock_ms() + share, &why);
		if (fd != -1) {
			out->port = s->ports[i];
			return fd;
		}
		if (i == 0 || !is_about_port(why.class) ||
		    (why.class == ERR_TEMPORARY && e->class != why.class))
			*e = why;
		if (!is_about_port(why.class))
			break;
	}
	return -1;
}

/* The family that the settings leave, and the address to come from. */
static int
set_source(struct target *t, int *family, struct error *e)
{
	*family = t->settings->family;
	if (t->settings->source == NULL)
		return 0;
	if (resolve_literal(t->settings->source, &t->own) == -1)
		return error_set(e, ERR_CONFIG, "source_address '%s' is no IP"
		    " address", t->settings->source);
	t->source = &t->own;
	*family = t->own.family;
	return 0;
}

static int
find_addresses(struct target *t, struct error *e)
{
	const struct dial_settings *s = t->settings;
	struct error why;
	char *name;
	int family, rc;

	if (set_source(t, &family, e) == -1)
		return -1;
	name = resolve_ascii_name(s->proxy == NULL ? s->host : s->proxy->host,
	    e);
	if (name == NULL)
		return -1;
	rc = resolve(name, family, s->deadline, t->list, &t->count, &why);
	free(name);
	if (rc == -1)
		error_set(e, why.class, "%s: %s", s->proxy == NULL ?
		    "'server'" : "'proxy'", why.text);
	return rc;
}

static void
show_peer(int fd, struct dialed *out)
{
	struct net_address peer;

	memset(&peer, 0, sizeof peer);
	peer.len = sizeof peer.addr;
	if (getpeername(fd, (struct sockaddr *)&peer.addr, &peer.len) == 0)
		resolve_show(&peer, out->address);
}

/* As many as there is room for. */
static void
show_addresses(const struct target *t, struct dialed *out)
{
	char text[RESOLVE_TEXT];
	struct buf list;
	size_t i;

	out->address_count = t->count;
	buf_init(&list, sizeof out->addresses - 1);
	for (i = 0; i < t->count && !list.overflow; i++) {
		resolve_show(&t->list[i], text);
		buf_addf(&list, "%s%s", i == 0 ? "" : ", ", text);
	}
	memcpy(out->addresses, list.data, list.len + 1);
	buf_release(&list);
}

int
dial(const struct dial_settings *s, struct dialed *out, struct error *e)
{
	struct target *t;
	char *name;
	int fd = -1;

	memset(out, 0, sizeof *out);
	if (s->host[0] == '/')
		return dial_unix(s->host, s->deadline, e);
	name = resolve_ascii_name(s->host, e);
	if (name == NULL)
		return -1;
	t = xcalloc(1, sizeof *t);
	t->settings = s;
	t->name = name;
	if (find_addresses(t, e) == 0) {
		out->resolved = clock_ms();
		show_addresses(t, out);
		fd = dial_ports(t, out, e);
	}
	if (fd != -1)
		show_peer(fd, out);
	free(t);
	free(name);
	return fd;
}
