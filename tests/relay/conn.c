/* SPDX-License-Identifier: ISC */
/*
 * One connection: bytes and lines over a socket that does not block, with or
 * without GnuTLS.  RFC 3207, RFC 8314.
 */
#include "config.h"

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <gnutls/x509.h>

#include "conn.h"

void
conn_init(struct conn *c, int fd, struct watch *watch,
    const struct conn_tls *setup)
{
	memset(c, 0, sizeof(*c));
	c->fd = fd;
	c->watch = watch;
	c->idle = -1;
	c->setup = setup;
}

void
conn_close(struct conn *c)
{
	if (c->tls != NULL)
		gnutls_deinit(c->tls);
	c->tls = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->gone = true;
}

void
conn_reset(struct conn *c)
{
	struct linger off = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	conn_close(c);
}

static enum conn_result
gone(struct conn *c, const char *why)
{
	c->gone = true;
	snprintf(c->why, sizeof(c->why), "%s", why);
	return CONN_GONE;
}

static enum conn_result
stop(struct conn *c, const char *why)
{
	snprintf(c->why, sizeof(c->why), "%s", why);
	return CONN_STOP;
}

static enum conn_result
wait_for(struct conn *c, short events)
{
	int64_t until = c->idle < 0 ? -1 : watch_now() + c->idle;

	switch (watch_wait(c->watch, c->fd, events, until, false)) {
	case 1:
		return CONN_OK;
	case 0:
		return stop(c, "the client is silent");
	default:
		return stop(c, watch_why(c->watch));
	}
}

static enum conn_result
wait_tls(struct conn *c)
{
	return wait_for(c, gnutls_record_get_direction(c->tls) ? POLLOUT :
	    POLLIN);
}

/* As servers do: two are sent behind the handshake. */
static int
enable_tickets(struct conn *c)
{
	gnutls_datum_t key;
	int rc;

	rc = gnutls_session_ticket_key_generate(&key);
	if (rc < 0)
		return rc;
	rc = gnutls_session_ticket_enable_server(c->tls, &key);
	gnutls_free(key.data);
	return rc;
}

static int
tls_session(struct conn *c)
{
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (void *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT,
	};
	int rc;

	rc = gnutls_init(&c->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK |
	    GNUTLS_NO_SIGNAL);
	if (rc < 0)
		return rc;
	if (c->setup->priority == NULL)
		rc = gnutls_set_default_priority(c->tls);
	else
		rc = gnutls_priority_set_direct(c->tls, c->setup->priority,
		    NULL);
	if (rc < 0)
		return rc;
	rc = gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE,
	    c->setup->credentials);
	if (c->setup->client_certificate) {
		gnutls_certificate_server_set_request(c->tls,
		    GNUTLS_CERT_REQUIRE);
		gnutls_session_set_verify_cert2(c->tls, &purpose, 1, 0);
	}
	if (rc >= 0)
		rc = enable_tickets(c);
	gnutls_transport_set_int(c->tls, c->fd);
	return rc;
}

enum conn_result
conn_start_tls(struct conn *c)
{
	enum conn_result r;
	int rc;

	if (c->setup == NULL)
		return stop(c, "TLS needs --cert and --key");
	if (c->start != c->end)
		return stop(c, "the client sent something before TLS");
	rc = tls_session(c);
	while (rc >= 0) {
		rc = gnutls_handshake(c->tls);
		if (rc >= 0)
			return CONN_OK;
		if (gnutls_error_is_fatal(rc))
			break;
		if (rc == GNUTLS_E_AGAIN && (r = wait_tls(c)) != CONN_OK)
			return r;
		rc = 0;
	}
	if (rc != GNUTLS_E_FATAL_ALERT_RECEIVED)
		gnutls_alert_send_appropriate(c->tls, rc);
	c->gone = true;
	snprintf(c->why, sizeof(c->why), "TLS handshake: %s%s%s",
	    gnutls_strerror(rc),
	    rc == GNUTLS_E_FATAL_ALERT_RECEIVED ? ": " : "",
	    rc == GNUTLS_E_FATAL_ALERT_RECEIVED ?
	    gnutls_alert_get_name(gnutls_alert_get(c->tls)) : "");
	return CONN_GONE;
}

const char *
conn_tls_version(const struct conn *c)
{
	const char *name = NULL;

	if (c->tls != NULL)
		name = gnutls_protocol_get_name(
		    gnutls_protocol_get_version(c->tls));
	return name == NULL ? "none" : name;
}

enum conn_result
conn_ticket(struct conn *c)
{
	enum conn_result r;
	int rc;

	while (!c->gone) {
		rc = gnutls_session_ticket_send(c->tls, 1, 0);
		if (rc >= 0)
			return CONN_OK;
		if (rc == GNUTLS_E_AGAIN && (r = wait_tls(c)) != CONN_OK)
			return r;
		if (rc != GNUTLS_E_AGAIN && rc != GNUTLS_E_INTERRUPTED)
			return gone(c, gnutls_strerror(rc));
	}
	return CONN_GONE;
}

enum conn_result
conn_write_plain(struct conn *c, const char *data, size_t len)
{
	enum conn_result r;
	ssize_t n;

	while (len > 0 && !c->gone) {
		n = send(c->fd, data, len, MSG_NOSIGNAL);
		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			if ((r = wait_for(c, POLLOUT)) != CONN_OK)
				return r;
		} else if (errno != EINTR)
			return gone(c, strerror(errno));
	}
	return c->gone ? CONN_GONE : CONN_OK;
}

enum conn_result
conn_write(struct conn *c, const char *data, size_t len)
{
	enum conn_result r;
	ssize_t n;

	if (c->tls == NULL)
		return conn_write_plain(c, data, len);
	while (len > 0 && !c->gone) {
		n = gnutls_record_send(c->tls, data, len);
		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (n == GNUTLS_E_AGAIN) {
			if ((r = wait_tls(c)) != CONN_OK)
				return r;
		} else if (n != GNUTLS_E_INTERRUPTED)
			return gone(c, gnutls_strerror((int)n));
	}
	return c->gone ? CONN_GONE : CONN_OK;
}

/* One read: more than 0 bytes, 0 gone, -1 nothing there yet. */
static ssize_t
read_some(struct conn *c, char *data, size_t len)
{
	ssize_t n;

	if (c->tls != NULL) {
		do
			n = gnutls_record_recv(c->tls, data, len);
		while (n < 0 && n != GNUTLS_E_AGAIN &&
		    !gnutls_error_is_fatal((int)n));
		if (n == GNUTLS_E_AGAIN)
			return -1;
		if (n <= 0)
			gone(c, n == 0 ? "TLS closed" :
			    gnutls_strerror((int)n));
		return n < 0 ? 0 : n;
	}
	do
		n = recv(c->fd, data, len, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return -1;
	if (n <= 0)
		gone(c, n == 0 ? "closed" : strerror(errno));
	return n < 0 ? 0 : n;
}

/* Puts what is not taken to the front, so that there is room behind it. */
static void
compact(struct conn *c)
{
	if (c->start == 0)
		return;
	memmove(c->in, c->in + c->start, c->end - c->start);
	c->end -= c->start;
	c->start = 0;
}

/* Reads more behind what is there; room is the caller's care. */
static enum conn_result
read_more(struct conn *c)
{
	enum conn_result r;
	ssize_t n;

	while (!c->gone) {
		n = read_some(c, c->in + c->end, sizeof(c->in) - c->end);
		if (n > 0) {
			c->end += (size_t)n;
			return CONN_OK;
		}
		if (n < 0 && (r = wait_for(c, POLLIN)) != CONN_OK)
			return r;
	}
	return CONN_GONE;
}

enum conn_result
conn_fill(struct conn *c)
{
	if (c->start != c->end)
		return CONN_OK;
	compact(c);
	return read_more(c);
}

bool
conn_pending(struct conn *c)
{
	ssize_t n;

	if (c->start == c->end && !c->gone) {
		compact(c);
		n = read_some(c, c->in, sizeof(c->in));
		if (n > 0)
			c->end = (size_t)n;
	}
	return c->start != c->end;
}

/* The line's end in what is read already, or NULL. */
static const char *
find_end(const struct conn *c, size_t from)
{
	return memchr(c->in + c->start + from, '\n',
	    c->end - c->start - from);
}

enum conn_result
conn_line(struct conn *c, const char **line, size_t *len)
{
	enum conn_result r;
	const char *end;
	size_t seen = 0;

	while ((end = find_end(c, seen)) == NULL) {
		seen = c->end - c->start;
		compact(c);
		if (seen == sizeof(c->in))
			return stop(c, "the line is too long");
		r = read_more(c);
		if (r == CONN_GONE && seen > 0)
			return stop(c, "the client ended within a line");
		if (r != CONN_OK)
			return r;
	}
	*line = c->in + c->start;
	*len = (size_t)(end - *line);
	c->start += *len + 1;
	if (*len == 0 || (*line)[*len - 1] != '\r')
		return stop(c, "a line that ends in LF without CR");
	--*len;
	if (memchr(*line, '\0', *len) != NULL ||
	    memchr(*line, '\r', *len) != NULL)
		return stop(c, "a line with CR or NUL in it");
	return CONN_OK;
}

enum conn_result
conn_stall(struct conn *c)
{
	if (!c->gone && watch_wait(c->watch, c->fd, POLLRDHUP, -1, true) < 0)
		return stop(c, watch_why(c->watch));
	c->start = c->end;
	return gone(c, "closed");
}
