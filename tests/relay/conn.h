/* SPDX-License-Identifier: ISC */
/*
 * The relay's end of one connection: bytes and lines, plain or TLS.
 *
 * The socket never blocks; each call waits by itself (see watch.h).
 */
#ifndef RELAY_CONN_H
#define RELAY_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <gnutls/gnutls.h>

#include "watch.h"

/* Bytes that are read at a time, and a line can have with its end. */
#define CONN_BUFFER	(64 * 1024)

/* What a call came to. */
enum conn_result {
	CONN_STOP = -1,		/* our own time is over, or a failure: why */
	CONN_GONE = 0,		/* the client has closed, or reset */
	CONN_OK = 1
};

/* How TLS is done. */
struct conn_tls {
	gnutls_certificate_credentials_t credentials;
	const char *priority;	/* NULL: GnuTLS's own */
	bool client_certificate;	/* the client must show a good one */
};

struct conn {
	int fd;
	struct watch *watch;
	int64_t idle;		/* longest wait in ms, or -1 */
	const struct conn_tls *setup;	/* NULL: there is no TLS */
	gnutls_session_t tls;	/* NULL: plain */
	bool gone;
	char why[200];		/* for CONN_STOP and CONN_GONE */
	size_t start, end;	/* of what is read and not taken */
	char in[CONN_BUFFER];
};

/* Takes over a socket that does not block. */
void	conn_init(struct conn *c, int fd, struct watch *watch,
	    const struct conn_tls *setup);
/* Closes it, without a TLS goodbye. */
void	conn_close(struct conn *c);
/* Closes it with RST. */
void	conn_reset(struct conn *c);

/* The server's side of a handshake. */
enum conn_result conn_start_tls(struct conn *c);
/* Sends one more session ticket (TLS 1.3). */
enum conn_result conn_ticket(struct conn *c);
/* "TLS1.3", or "none". */
const char *conn_tls_version(const struct conn *c);

/* Writes it all. */
enum conn_result conn_write(struct conn *c, const char *data, size_t len);
/* As conn_write, but below TLS. */
enum conn_result conn_write_plain(struct conn *c, const char *data,
	    size_t len);

/* Waits until something is read; [start, end) of in then is not empty. */
enum conn_result conn_fill(struct conn *c);
/* True when something is there to be read, without waiting. */
bool	conn_pending(struct conn *c);

/*
 * Reads one line: *line and *len, without its CRLF, are good until the next
 * call.  A line that ends otherwise, or in the stream's end, or is too long,
 * is CONN_STOP.
 */
enum conn_result conn_line(struct conn *c, const char **line, size_t *len);

/* Waits, reading nothing, until the client is gone or said to have ended. */
enum conn_result conn_stall(struct conn *c);

#endif
