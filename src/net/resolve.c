/* SPDX-License-Identifier: ISC */
/*
 * From a host name to addresses.  RFC 8305 section 4, RFC 5891.
 */
#include "config.h"

#include <errno.h>
#include <idn2.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/resolve.h"

/* A look-up that may outlast our patience: whoever is last frees it. */
struct lookup {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	char *host;
	int family;
	struct addrinfo *result;
	int rc;
	int saved_errno;
	bool finished;
	bool abandoned;
};

char *
resolve_ascii_name(const char *host, struct error *e)
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
ask(struct lookup *l, int flags)
{
	struct addrinfo hints;
	int rc;

	memset(&hints, 0, sizeof hints);
	hints.ai_family = l->family;
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

	rc = ask(l, 0);
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
lookup_new(const char *host, int family)
{
	struct lookup *l;
	pthread_condattr_t attr;

	l = xcalloc(1, sizeof *l);
	l->host = xstrdup(host);
	l->family = family;
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
lookup_error(const char *host, int family, int rc, int errnum,
    struct error *e)
{
	if (family != AF_UNSPEC && (rc == EAI_NONAME || rc == EAI_NODATA ||
	    rc == EAI_ADDRFAMILY))
		return error_set(e, ERR_HOST, "the host '%s' is unknown, or"
		    " has no IPv%c address, which 'ip_version' or"
		    " 'source_address' asks for", host, family == AF_INET ?
		    '4' : '6');
	if (rc == EAI_NONAME || rc == EAI_NODATA)
		return error_set(e, ERR_HOST, "the host '%s' is unknown: check"
		    " the name in the account file", host);
	return error_set(e, ERR_TEMPORARY, "cannot look up the host '%s': %s",
	    host, rc == EAI_SYSTEM ? strerror(errnum) : gai_strerror(rc));
}

/*
 * getaddrinfo(3) has a patience of its own, so it runs in a thread that can be
 * left alone.  An address needs no thread.
 */
static struct lookup *
look_up(const char *host, int family, int64_t deadline, struct error *e)
{
	struct lookup *l;
	pthread_t thread;
	int rc;

	l = lookup_new(host, family);
	l->rc = ask(l, AI_NUMERICHOST);
	if (l->rc == 0)
		return l;
	if (l->rc == EAI_ADDRFAMILY) {
		lookup_error(host, family, l->rc, 0, e);
		lookup_free(l);
		return NULL;
	}
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
	lookup_error(host, family, l->rc, l->saved_errno, e);
	lookup_free(l);
	return NULL;
}

/* Moves the entry at from down to to; those between go up by one. */
static void
move_down(struct net_address *list, size_t from, size_t to)
{
	struct net_address moved = list[from];

	memmove(&list[to + 1], &list[to], (from - to) * sizeof *list);
	list[to] = moved;
}

void
resolve_interleave(struct net_address *list, size_t count)
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
collect(const struct addrinfo *result, struct net_address *list)
{
	size_t n = 0;

	for (; result != NULL && n < RESOLVE_MAX; result = result->ai_next) {
		if (result->ai_addrlen > sizeof list[n].addr)
			continue;
		memset(&list[n], 0, sizeof list[n]);
		memcpy(&list[n].addr, result->ai_addr, result->ai_addrlen);
		list[n].len = result->ai_addrlen;
		list[n].family = result->ai_family;
		n++;
	}
	resolve_interleave(list, n);
	return n;
}

int
resolve(const char *host, int family, int64_t deadline,
    struct net_address list[RESOLVE_MAX], size_t *count, struct error *e)
{
	struct lookup *l;

	l = look_up(host, family, deadline, e);
	if (l == NULL)
		return -1;
	*count = collect(l->result, list);
	lookup_free(l);
	return 0;
}

int
resolve_literal(const char *text, struct net_address *out)
{
	struct addrinfo hints, *found;

	memset(&hints, 0, sizeof hints);
	memset(out, 0, sizeof *out);
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST;
	if (getaddrinfo(text, NULL, &hints, &found) != 0)
		return -1;
	memcpy(&out->addr, found->ai_addr, found->ai_addrlen);
	out->len = found->ai_addrlen;
	out->family = found->ai_family;
	freeaddrinfo(found);
	return 0;
}

void
resolve_show(const struct net_address *a, char text[RESOLVE_TEXT])
{
	if (getnameinfo((const struct sockaddr *)&a->addr, a->len, text,
	    RESOLVE_TEXT, NULL, 0, NI_NUMERICHOST) != 0)
		text[0] = '\0';
}
