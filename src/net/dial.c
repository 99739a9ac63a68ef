/* SPDX-License-Identifier: ISC */
/*
 * From a host name and ports to a connected socket.  RFC 8305, RFC 5891.
 * Says nothing to the relay.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <idn2.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/dial.h"

/* Addresses of one name that are tried. */
#define ADDRESSES_MAX	64

/* A look-up that may outlast our patience: whoever is last frees it. */
struct lookup {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	char *host;
	struct addrinfo *result;
	int rc;
	int saved_errno;
	bool finished;
	bool abandoned;
};

char *
dial_ascii_name(const char *host, struct error *e)
{
	char *out, *copy;
	int rc;

	if (str_is_ascii(host))
		return xstrdup(host);
	rc = idn2_lookup_u8((const uint8_t *)host, (uint8_t **)&out,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc != IDN2_OK) {
		error_set(e, ERR_CONFIG, "'%s' is no host name: %s", host,
		    idn2_strerror(rc));
		return NULL;
	}
	copy = xstrdup(out);
	idn2_free(out);
	return copy;
}

static void
lookup_free(struct lookup *l)
{
	if (l->result != NULL)
		freeaddrinfo(l->result);
	pthread_mutex_destroy(&l->mutex);
	pthread_cond_destroy(&l->changed);
	free(l->host);
	free(l);
}

static int
resolve(struct lookup *l, int flags)
{
	struct addrinfo hints;
	int rc;

	memset(&hints, 0, sizeof hints);
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = flags;
	rc = getaddrinfo(l->host, NULL, &hints, &l->result);
	l->saved_errno = errno;
	return rc;
}

static void *
lookup_thread(void *arg)
{
	struct lookup *l = arg;
	bool abandoned;
	int rc;

	rc = resolve(l, 0);
	pthread_mutex_lock(&l->mutex);
	l->rc = rc;
	l->finished = true;
	abandoned = l->abandoned;
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->mutex);
	if (abandoned)
		lookup_free(l);
	return NULL;
}

static struct lookup *
lookup_new(const char *host)
{
	struct lookup *l;
	pthread_condattr_t attr;

	l = xcalloc(1, sizeof *l);
	l->host = xstrdup(host);
	pthread_mutex_init(&l->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->changed, &attr);
	pthread_condattr_destroy(&attr);
	return l;
}

/* True when the thread has finished by the deadline. */
static bool
lookup_wait(struct lookup *l, int64_t deadline)
{
	struct timespec until;
	bool finished;
	int rc = 0;

	until.tv_sec = (time_t)(deadline / 1000);
	until.tv_nsec = (long)(deadline % 1000) * 1000000;
	pthread_mutex_lock(&l->mutex);
	while (!l->finished && rc == 0)
		rc = pthread_cond_timedwait(&l->changed, &l->mutex, &until);
	finished = l->finished;
	l->abandoned = !finished;
	pthread_mutex_unlock(&l->mutex);
	return finished;
}

static int
lookup_error(const char *host, int rc, int errnum, struct error *e)
{
	if (rc == EAI_NONAME || rc == EAI_NODATA)
		return error_set(e, ERR_HOST, "the host '%s' is unknown: check"
		    " 'server' in the account file", host);
	return error_set(e, ERR_TEMPORARY, "cannot look up the host '%s': %s",
	    host, rc == EAI_SYSTEM ? strerror(errnum) : gai_strerror(rc));
}

/*
 * getaddrinfo(3) has a patience of its own, so it runs in a thread that can be
 * left alone.  An address needs no thread.
 */
static struct lookup *
look_up(const char *host, int64_t deadline, struct error *e)
{
	struct lookup *l;
	pthread_t thread;
	int rc;

	l = lookup_new(host);
	l->rc = resolve(l, AI_NUMERICHOST);
	if (l->rc == 0)
		return l;
	rc = pthread_create(&thread, NULL, lookup_thread, l);
	if (rc != 0) {
		lookup_free(l);
		error_set_errno(e, ERR_OS, rc, "cannot start a thread");
		return NULL;
	}
	pthread_detach(thread);
	if (!lookup_wait(l, deadline)) {
		error_set(e, ERR_TEMPORARY, "looking up the host '%s' took"
		    " longer than connect_timeout", host);
		return NULL;
	}
	if (l->rc == 0)
		return l;
	lookup_error(host, l->rc, l->saved_errno, e);
	lookup_free(l);
	return NULL;
}

/* Moves the entry at from down to to; those between go up by one. */
static void
move_down(struct dial_address *list, size_t from, size_t to)
{
	struct dial_address moved = list[from];

	memmove(&list[to + 1], &list[to], (from - to) * sizeof *list);
	list[to] = moved;
}

void
dial_interleave(struct dial_address *list, size_t count)
{
	size_t i, k;

	for (i = 1; i < count; i++) {
		for (k = i; k < count; k++)
			if (list[k].family != list[i - 1].family)
				break;
		if (k < count && k > i)
			move_down(list, k, i);
	}
}

static size_t
collect(const struct addrinfo *result, struct dial_address *list)
{
	size_t n = 0;

	for (; result != NULL && n < ADDRESSES_MAX; result = result->ai_next) {
		if (result->ai_addrlen > sizeof list[n].addr)
			continue;
		memset(&list[n], 0, sizeof list[n]);
		memcpy(&list[n].addr, result->ai_addr, result->ai_addrlen);
		list[n].len = result->ai_addrlen;
		list[n].family = result->ai_family;
		n++;
	}
	dial_interleave(list, n);
	return n;
}

static void
set_port(struct dial_address *list, size_t count, uint16_t port)
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
start_attempt(struct race *r, const struct dial_address *a)
{
	int fd, rc;

	r->next++;
	fd = socket(a->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1) {
		note_failure(r, errno);
		return -1;
	}
	rc = connect(fd, (const struct sockaddr *)&a->addr, a->len);
	if (rc == 0)
		return fd;
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
run_race(struct race *r, const struct dial_address *list, size_t count,
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
dial_race(const struct dial_address *list, size_t count, int64_t deadline)
{
	struct race r;
	size_t i;
	int fd;

	memset(&r, 0, sizeof r);
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
	struct dial_address a;
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
	fd = dial_race(&a, 1, deadline);
	if (fd == -1)
		error_set_errno(e, ERR_TEMPORARY, errno,
		    "cannot connect to '%s'", path);
	return fd;
}

/* A port that drops packets gets its share of the time, and no more. */
static int
dial_ports(const char *host, struct dial_address *list, size_t count,
    const uint16_t *ports, size_t port_count, int64_t deadline,
    uint16_t *port, struct error *e)
{
	int64_t share;
	size_t i;
	int fd, on = 1;

	for (i = 0; i < port_count; i++) {
		set_port(list, count, ports[i]);
		share = (deadline - clock_ms()) / (int64_t)(port_count - i);
		fd = dial_race(list, count, clock_ms() + share);
		if (fd != -1) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
			    sizeof on);
			*port = ports[i];
			return fd;
		}
		if (i == 0)
			error_set_errno(e, ERR_TEMPORARY, errno, "cannot"
			    " connect to '%s' port %u%s", host,
			    (unsigned int)ports[0], port_count > 1 ?
			    " nor to its other ports" : "");
	}
	return -1;
}

int
dial(const char *host, const uint16_t *ports, size_t port_count,
    int64_t deadline, uint16_t *port, struct error *e)
{
	struct dial_address *list;
	struct lookup *l;
	size_t count;
	char *name;
	int fd;

	*port = 0;
	if (host[0] == '/')
		return dial_unix(host, deadline, e);
	name = dial_ascii_name(host, e);
	if (name == NULL)
		return -1;
	l = look_up(name, deadline, e);
	free(name);
	if (l == NULL)
		return -1;
	list = xcalloc(ADDRESSES_MAX, sizeof *list);
	count = collect(l->result, list);
	lookup_free(l);
	fd = dial_ports(host, list, count, ports, port_count, deadline, port,
	    e);
	free(list);
	return fd;
}
