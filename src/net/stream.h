/* SPDX-License-Identifier: ISC */
/*
 * A connection as a stream of bytes, plain or TLS, that never blocks.
 *
 * What is written is collected and leaves in one system call per flush.  After
 * a failure nothing more is ever written, and closing says no goodbye.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct stream;
struct tls;
struct tls_facts;

/* Bytes that stream_write takes before they have to be flushed. */
#define STREAM_BUFFER	(128 * 1024)

/* Takes over a connected, non-blocking socket. */
struct stream *stream_new(int fd);
/* Closes the socket; nothing that is still collected is written. */
void	stream_free(struct stream *s);

/*
 * Begins TLS and checks the certificate, until deadline (clock_ms).  -1 with
 * ERR_UNAVAILABLE (certificate, no common version or cipher), ERR_TEMPORARY
 * (connection lost, plain text instead of TLS, too slow).
 */
int	stream_start_tls(struct stream *s, const struct tls *t,
	    int64_t deadline, struct error *e);

/*
 * Takes up to len bytes for the relay and returns how many; 0 when the buffer
 * is full; -1 after a failure.
 */
ssize_t	stream_write(struct stream *s, const char *data, size_t len);
/* Sends what was taken: 0 all gone, 1 the socket is full, -1 failure. */
int	stream_flush(struct stream *s);

/*
 * Reads: bytes, 0 for the end of the stream (an end without close_notify too:
 * SMTP says itself when it is over), -1 with *again for nothing there yet, or
 * failure.
 */
ssize_t	stream_read(struct stream *s, char *data, size_t len, bool *again);
/* Why the last call failed, for a text. */
const char *stream_failure(const struct stream *s);

/*
 * Waits until the stream can be read, or written where there is something to
 * flush; -1 when deadline passed, 0 otherwise.
 */
int	stream_wait(struct stream *s, int64_t deadline);

/* What was agreed on; NULL without TLS; borrowed. */
const struct tls_facts *stream_tls(const struct stream *s);

#endif
