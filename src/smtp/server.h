/* SPDX-License-Identifier: ISC */
/*
 * The server's side of SMTP, for one client: RFC 5321 without AUTH and TLS,
 * with PIPELINING (RFC 2920), SIZE (1870), 8BITMIME (6152), SMTPUTF8 (6531),
 * DSN (3461), ENHANCEDSTATUSCODES (2034) and CHUNKING (3030).
 *
 * Pure, and without callbacks: bytes are fed in, replies are taken out, and
 * server_step says what there is to do.
 *
 *	SERVER_WAIT	write the output, then feed, or end when there is
 *			nothing to feed
 *	SERVER_FLUSH	write the output, much has gathered; then step
 *	SERVER_BODY	server_body has bytes of the message; then step
 *	SERVER_END	the message is whole: server_transaction has its
 *			envelope; deliver, then server_answer
 *	SERVER_DROP	what SERVER_BODY gave is no message: forget it
 *	SERVER_CLOSED	write the output and close
 *
 * However the input is cut, the same comes out.
 *
 * The end of DATA is CRLF "." CRLF, and nothing else, once any command of the
 * session has ended in CRLF: whatever else a message holds is a part of it.
 * A client of whose commands each has ended in a bare LF, the one in front of
 * the message too, ends it by LF "." LF or LF "." CRLF: it speaks of lines so,
 * and puts its dots so.
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/esmtp.h"

/* Octets of a command, with its end; a longer one is refused. */
#define SERVER_LINE_MAX		4096
/* Octets that are fed at a time. */
#define SERVER_FEED_MAX		(32 * 1024)
/* Recipients of one message; for more the client is told to come again. */
#define SERVER_RECIPIENTS_MAX	10000
/* Octets of a reply's line, with its end (RFC 5321 section 4.5.3.1.5). */
#define SERVER_REPLY_LINE_MAX	512

struct server_settings {
	const char *host;	/* the name in greeting and EHLO */
	uint64_t size_max;	/* octets of a message; 0: no limit */
	size_t recipients_max;	/* 0: SERVER_RECIPIENTS_MAX */
};

enum server_event {
	SERVER_WAIT,
	SERVER_FLUSH,
	SERVER_BODY,
	SERVER_END,
	SERVER_DROP,
	SERVER_CLOSED
};

/* A message's envelope, as the client has said it. */
struct server_transaction {
	struct esmtp_mail mail;
	struct esmtp_rcpt *recipients;
	size_t count;
	size_t cap;
};

struct server;

/* Greets with 220; the settings' host outlives it. */
struct server *server_new(const struct server_settings *settings);
/* Greets with 421 and the text, and closes. */
struct server *server_new_refusing(const struct server_settings *settings,
	    const char *enhanced, const char *text);
void	server_free(struct server *s);

/* At most SERVER_FEED_MAX bytes, after SERVER_WAIT. */
void	server_feed(struct server *s, const char *data, size_t len);
enum server_event server_step(struct server *s);

size_t	server_output(const struct server *s, const char **data);
void	server_written(struct server *s, size_t len);

/*
 * After SERVER_BODY: bytes of the message, without transparency's dots and
 * without its end; until the next step.
 */
size_t	server_body(const struct server *s, const char **data);
const struct server_transaction *server_transaction(const struct server *s);
/*
 * Answers SERVER_END: 2yz takes custody.  The lines of text have LF between
 * them; what is long is cut, what cannot stand in a reply is replaced.
 */
void	server_answer(struct server *s, int code, const char *enhanced,
	    const char *text);
/* True where a message has begun and is not answered. */
bool	server_in_message(const struct server *s);

#endif
