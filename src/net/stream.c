/* SPDX-License-Identifier: ISC */
/*
 * Bytes over a socket, plain or TLS, without ever blocking.
 *
 * GnuTLS's records are collected here and leave with one send(2) per flush;
 * after a failure nothing more is written: gnutls_bye(3) would push out a
 * final dot that was never meant to go.
 */
#include "config.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "net/stream.h"
#include "net/tls.h"

/* Room for a handshake's flight, or a record, beyond what is collected. */
#define OUT_MAX		(STREAM_BUFFER + 256 * 1024)

/*
 * Bytes that may come under TLS in a row and hold nothing for SMTP: tickets,
 * alerts, empty records, a chain of certificates.  More is a relay that keeps
 * us busy.
 */
#define NOISE_MAX	(512 * 1024)

/* Bytes of one recv(2). */
#define IN_SIZE		(32 * 1024)

struct stream {
	int fd;
	gnutls_session_t session;	/* NULL: plain */
	struct buf out;		/* for the socket: records, or plain bytes */
	struct buf in;		/* from the socket, for GnuTLS */
	struct tls_facts facts;
	bool failed;		/* nothing more is written */
	bool ended;		/* the relay's FIN was read */
	size_t noise;		/* bytes since there was something for SMTP */
	bool spoke;		/* a byte came under TLS */
	bool plain_text;	/* and the first one began no TLS record */
	struct error failure;
};

struct stream *
stream_new(int fd)
{
	struct stream *s;

	s = xcalloc(1, sizeof *s);
	s->fd = fd;
	buf_init_secret(&s->out, OUT_MAX);
	buf_init(&s->in, IN_SIZE);
	return s;
}

void
stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	if (s->session != NULL)
		gnutls_deinit(s->session);
	close(s->fd);
	buf_release(&s->out);
	buf_release(&s->in);
	free(s);
}

static int
fail(struct stream *s, const char *why)
{
	if (!s->failed)
		error_set(&s->failure, ERR_TEMPORARY, "%s", why);
	s->failed = true;
	buf_clear(&s->out);
	return -1;
}

const char *
stream_failure(const struct stream *s)
{
	return s->failed ? s->failure.text : "it closed the connection";
}

const struct tls_facts *
stream_tls(const struct stream *s)
{
	return s->facts.version[0] == '\0' ? NULL : &s->facts;
}

/* GnuTLS's way out: into the buffer. */
static ssize_t
push_record(gnutls_transport_ptr_t ptr, const void *data, size_t len)
{
	struct stream *s = ptr;

	if (s->failed || buf_add(&s->out, data, len) == -1) {
		s->out.overflow = false;
		gnutls_transport_set_errno(s->session,
		    s->failed ? EPIPE : EAGAIN);
		return -1;
	}
	return (ssize_t)len;
}

/* What recv(2) gave: bytes, 0 for the end, -1 with *again or failure. */
static ssize_t
receive(struct stream *s, char *data, size_t len, bool *again)
{
	ssize_t n;

	*again = false;
	do
		n = recv(s->fd, data, len, 0);
	while (n == -1 && errno == EINTR);
	if (n == 0)
		s->ended = true;
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		*again = true;
		return -1;
	}
	return fail(s, strerror(errno));
}

/* GnuTLS's way in: it asks for headers of 5 bytes, so a buffer saves calls. */
static ssize_t
pull_record(gnutls_transport_ptr_t ptr, void *data, size_t len)
{
	struct stream *s = ptr;
	ssize_t n;
	bool again;

	if (s->in.len == 0) {
		n = receive(s, buf_reserve(&s->in, IN_SIZE), IN_SIZE, &again);
		if (n == -1)
			gnutls_transport_set_errno(s->session,
			    again ? EAGAIN : EIO);
		if (n <= 0)
			return n;
		buf_commit(&s->in, (size_t)n);
		s->noise += (size_t)n;
		if (s->noise > NOISE_MAX) {
			fail(s, "it sends TLS messages without end");
			gnutls_transport_set_errno(s->session, EIO);
			return -1;
		}
	}
	if (len > s->in.len)
		len = s->in.len;
	memcpy(data, s->in.data, len);
	/* RFC 8446 section 5.1: content types are 20 to 24. */
	if (!s->spoke)
		s->plain_text = s->in.data[0] < 20 || s->in.data[0] > 24;
	s->spoke = true;
	buf_consume(&s->in, len);
	return (ssize_t)len;
}

ssize_t
stream_write(struct stream *s, const char *data, size_t len)
{
	ssize_t n;

	if (s->failed)
		return -1;
	if (s->out.len >= STREAM_BUFFER)
		return 0;
	if (len > STREAM_BUFFER - s->out.len)
		len = STREAM_BUFFER - s->out.len;
	if (s->session == NULL) {
		buf_add(&s->out, data, len);
		return (ssize_t)len;
	}
	n = gnutls_record_send(s->session, data, len);
	if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
		return 0;
	return n < 0 ? fail(s, gnutls_strerror((int)n)) : n;
}

int
stream_flush(struct stream *s)
{
	ssize_t n;
	size_t sent = 0;
	int rc = 0;

	if (s->failed)
		return -1;
	while (sent < s->out.len && rc == 0) {
		n = send(s->fd, s->out.data + sent, s->out.len - sent,
		    MSG_NOSIGNAL);
		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			rc = 1;
		else if (errno != EINTR)
			return fail(s, strerror(errno));
	}
	buf_consume(&s->out, sent);
	return rc;
}

/* What the relay says of the connection, as in "Certificate is required". */
static int
fail_alert(struct stream *s)
{
	const char *name;
	char *text;

	name = gnutls_alert_get_name(gnutls_alert_get(s->session));
	text = xasprintf("the relay ends TLS with an alert: %s", name == NULL ?
	    "an unknown one" : name);
	fail(s, text);
	free(text);
	return -1;
}

/*
 * An end without close_notify is an end: SMTP itself says when it is over.
 * After a warning alert or a request to renegotiate the caller looks at the
 * clock before it asks again, since these can come without end.
 */
static ssize_t
read_tls(struct stream *s, char *data, size_t len, bool *again)
{
	ssize_t n;

	n = gnutls_record_recv(s->session, data, len);
	if (n == GNUTLS_E_PREMATURE_TERMINATION)
		return 0;
	if (n < 0 && !gnutls_error_is_fatal((int)n)) {
		*again = true;
		return -1;
	}
	s->noise = 0;
	if (n == GNUTLS_E_FATAL_ALERT_RECEIVED)
		return fail_alert(s);
	return n < 0 ? fail(s, gnutls_strerror((int)n)) : n;
}

ssize_t
stream_read(struct stream *s, char *data, size_t len, bool *again)
{
	/* What came before a failure to write can say why it failed. */
	*again = false;
	if (s->session == NULL)
		return receive(s, data, len, again);
	return read_tls(s, data, len, again);
}

/* True when bytes can be read without asking the socket. */
static bool
has_buffered(const struct stream *s)
{
	return s->in.len > 0 || (s->session != NULL &&
	    gnutls_record_check_pending(s->session) > 0);
}

int
stream_wait(struct stream *s, int64_t deadline)
{
	struct pollfd p;
	int n;

	if (has_buffered(s))
		return 0;
	p.fd = s->fd;
	p.events = POLLIN;
	if (s->out.len > 0)
		p.events |= POLLOUT;
	do
		n = poll(&p, 1, clock_poll_ms(deadline));
	while (n == -1 && errno == EINTR && clock_poll_ms(deadline) != 0);
	return n > 0 ? 0 : -1;
}

/* True for what will be the same the next time: nothing in common, rubbish. */
static bool
is_lasting(int rc)
{
	static const int codes[] = {
		GNUTLS_E_UNSUPPORTED_VERSION_PACKET,
		GNUTLS_E_UNKNOWN_CIPHER_SUITE,
		GNUTLS_E_NO_CIPHER_SUITES,
		GNUTLS_E_DH_PRIME_UNACCEPTABLE,
		GNUTLS_E_CERTIFICATE_ERROR,
		GNUTLS_E_NO_CERTIFICATE_FOUND,
		GNUTLS_E_UNSUPPORTED_CERTIFICATE_TYPE,
		GNUTLS_E_UNKNOWN_PK_ALGORITHM,
		GNUTLS_E_X509_CERTIFICATE_ERROR,
		GNUTLS_E_X509_UNKNOWN_SAN,
		GNUTLS_E_X509_UNSUPPORTED_ATTRIBUTE,
		GNUTLS_E_X509_UNSUPPORTED_CRITICAL_EXTENSION,
		GNUTLS_E_X509_UNSUPPORTED_EXTENSION,
		GNUTLS_E_X509_DUPLICATE_EXTENSION,
		GNUTLS_E_PK_INVALID_PUBKEY,
	};
	size_t i;

	for (i = 0; i < sizeof codes / sizeof *codes; i++)
		if (rc == codes[i])
			return true;
	/* A certificate that cannot be parsed. */
	return rc <= GNUTLS_E_ASN1_ELEMENT_NOT_FOUND &&
	    rc >= GNUTLS_E_ASN1_DER_OVERFLOW;
}

/* What the relay's alert, or its lack of TLS, means for the submission. */
static int
handshake_failed(struct stream *s, int rc, struct error *e)
{
	enum error_class class = ERR_TEMPORARY;
	const char *why = gnutls_strerror(rc);
	gnutls_alert_description_t alert;

	if (s->plain_text) {
		why = "the relay goes on without TLS";
	} else if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED) {
		alert = gnutls_alert_get(s->session);
		why = gnutls_alert_get_name(alert);
		if (alert == GNUTLS_A_HANDSHAKE_FAILURE ||
		    alert == GNUTLS_A_PROTOCOL_VERSION ||
		    alert == GNUTLS_A_INSUFFICIENT_SECURITY)
			class = ERR_UNAVAILABLE;
	} else if (is_lasting(rc))
		class = ERR_UNAVAILABLE;
	else if (s->failed)
		why = s->failure.text;
	else if (s->ended)
		why = "the connection was closed";
	error_set(e, class, "TLS handshake failed: %s", why);
	return fail(s, why);
}

static int
handshake(struct stream *s, int64_t deadline, struct error *e)
{
	int rc;

	for (;;) {
		rc = gnutls_handshake(s->session);
		if (stream_flush(s) == -1 && rc >= 0)
			rc = GNUTLS_E_PUSH_ERROR;
		if (rc == GNUTLS_E_SUCCESS)
			return 0;
		if (rc != GNUTLS_E_AGAIN && gnutls_error_is_fatal(rc))
			return handshake_failed(s, rc, e);
		/* A drip of bytes must not extend the time. */
		if (stream_wait(s, deadline) == -1 ||
		    clock_poll_ms(deadline) == 0) {
			error_set(e, ERR_TEMPORARY, "the TLS handshake was not"
			    " over within the time limit");
			return fail(s, "TLS handshake too slow");
		}
	}
}

int
stream_start_tls(struct stream *s, const struct tls *t, int64_t deadline,
    struct error *e)
{
	if (tls_session(t, &s->session, e) == -1) {
		s->session = NULL;
		return -1;
	}
	gnutls_transport_set_ptr(s->session, s);
	gnutls_transport_set_push_function(s->session, push_record);
	gnutls_transport_set_pull_function(s->session, pull_record);
	if (handshake(s, deadline, e) == -1)
		return -1;
	if (tls_verify(t, s->session, e) == -1)
		return fail(s, "certificate refused");
	tls_describe(t, s->session, &s->facts);
	return 0;
}
