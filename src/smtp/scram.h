/* SPDX-License-Identifier: ISC */
/*
 * SCRAM's messages, where libgsasl is too trusting.  RFC 5802, RFC 7677.
 */
#ifndef SMTP_SCRAM_H
#define SMTP_SCRAM_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct error;

/*
 * A message of the server, decoded: its iteration count is within the bounds
 * (AUTH_ITERATIONS_MIN and _MAX), it adds to our nonce of own bytes, and it is
 * no refusal.  ERR_AUTH.
 */
int	scram_check(const char *text, size_t len, size_t own,
	    struct error *e);

/* Bytes of our nonce, which the client's first message ends in. */
size_t	scram_nonce(const char *first, size_t len);

/*
 * SaltedPassword (RFC 5802 section 3) of an ASCII password, as hexadecimal
 * digits, from the server's first message, which scram_check has passed and
 * which has a NUL behind it.  False, and nothing added, for any other message.
 */
bool	scram_salt(bool sha256, const struct buf *secret, const char *text,
	    size_t len, struct buf *hex);

#endif
