/* SPDX-License-Identifier: ISC */
/*
 * A submission client's side of SMTP as an engine without I/O: bytes come in
 * with session_feed, bytes to write come out of session_output, and
 * session_step says what happened.  The pump (agent/submit) is a loop around
 * it.  RFC 5321, 2920, 1870, 6152, 6531, 3207, 3461, 4954, 2034, 9422.
 *
 *	session_step()		what the pump does
 *	SESSION_WAIT		write the output, wait for bytes, feed them
 *	SESSION_NEED_TLS	handshake, then session_secured
 *	SESSION_NEED_SECRET	session_secret
 *	SESSION_READY		session_begin, or session_quit
 *	SESSION_WANT_BODY	session_body as long as it wants, or
 *				session_body_end
 *	SESSION_AGAIN		a further transaction for those whom the relay
 *				did not take at a time: the message is wanted
 *				from its beginning
 *	SESSION_DONE		there is a verdict for every recipient
 *	SESSION_FAILED		say why, close; nothing more is written
 *	SESSION_CLOSED		QUIT is answered, or its wait is over: close
 *
 * What it holds to, whatever the relay says: before required TLS nothing but
 * EHLO, STARTTLS and QUIT goes out; a reply to nothing, or bytes behind
 * STARTTLS's 220, end it (ERR_PROTOCOL); no CR, LF or NUL gets into a command;
 * a recipient gets one final verdict; "accepted" only after a 2yz to the whole
 * message; QUIT changes no verdict; every reply is bounded.
 *
 * All commands in flight are in one queue, and one table has a row for each
 * verb.  Pipelining is only a number: how many bytes may be in flight.
 */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/envelope.h"
#include "smtp/auth.h"
#include "smtp/capabilities.h"

struct buf;
struct error;

/* Commands in flight, in bytes, where the relay offers PIPELINING. */
#define SESSION_WINDOW	(64 * 1024)
/* Output that may stand unsent before no more body is wanted, in bytes. */
#define SESSION_OUTPUT	(64 * 1024)

struct session_settings {
	const char *relay;	/* name for the error texts */
	const char *helo;	/* EHLO's argument */
	bool starttls;		/* TLS is required and begins by STARTTLS */
	bool secure;		/* TLS is on already, or a local socket */
	bool encrypted;		/* TLS is on already */
	bool trace;		/* keep a dialogue, see session_trace */
	struct auth_settings auth;	/* username NULL: no authentication */
};

enum session_event {
	SESSION_WAIT,
	SESSION_NEED_TLS,
	SESSION_NEED_SECRET,
	SESSION_READY,
	SESSION_WANT_BODY,
	SESSION_AGAIN,
	SESSION_DONE,
	SESSION_FAILED,
	SESSION_CLOSED
};

/* How far it has come, until it is ready. */
enum session_stage {
	SESSION_STAGE_GREETING,
	SESSION_STAGE_EHLO,
	SESSION_STAGE_STARTTLS,
	SESSION_STAGE_MECHANISM,	/* none has been found that will do */
	SESSION_STAGE_LOGIN,
	SESSION_STAGE_READY
};

/* How long the pump waits for the next reply. */
enum session_patience {
	SESSION_PATIENCE_REPLY,		/* timeout */
	SESSION_PATIENCE_FINAL,		/* twice timeout: after the final dot */
	SESSION_PATIENCE_QUIT		/* 2 s */
};

/*
 * One message to submit; it and the envelope outlive it.  More recipients than
 * the relay takes at a time are more than one transaction.
 */
struct transaction {
	struct envelope *envelope;	/* verdicts are written into it */
	uint64_t size;			/* octets (RFC 1870), without dots */
	bool eight_bit;			/* needs 8BITMIME */
	bool smtputf8;			/* the header needs SMTPUTF8 */
	bool partial;			/* go on when a recipient is refused */
};

struct session;

struct session *session_new(const struct session_settings *settings);
void	session_free(struct session *s);

/* Bytes from the relay, in any portions. */
void	session_feed(struct session *s, const char *data, size_t len);
/*
 * The relay closed, or the network failed: why, as in "connection reset by
 * peer", for the text.
 */
void	session_eof(struct session *s, const char *why);
/* The pump's time limit for what is awaited has passed. */
void	session_timeout(struct session *s);

/* The bytes to write next; session_written takes them off. */
size_t	session_output(const struct session *s, const char **data);
void	session_written(struct session *s, size_t len);
/*
 * All that was taken off has left for the relay: from here on a lost
 * connection leaves in doubt what was answered by nothing.
 */
void	session_flushed(struct session *s);

enum session_event session_step(struct session *s);

/* True where the relay has said nothing that is not dealt with. */
bool	session_silent(const struct session *s);

/*
 * The handshake is done.  binding: what a login can be tied to, whose strings
 * outlive the session; NULL for nothing.
 */
void	session_secured(struct session *s, const struct auth_binding *binding);
void	session_secret(struct session *s, const char *secret);

/* Submits to those who are untried, after SESSION_READY. */
void	session_begin(struct session *s, const struct transaction *t);
void	session_quit(struct session *s);

/* Message bytes: header, empty line and body with LF or CRLF; no dots. */
void	session_body(struct session *s, const char *data, size_t len);
void	session_body_end(struct session *s);

/* After SESSION_FAILED: why. */
const struct error *session_error(const struct session *s);
/* The reply's code that ended the session, or 0. */
int	session_error_code(const struct session *s);
enum session_patience session_patience(const struct session *s);
/*
 * A number that changes with each reply and each command's end: the pump's
 * time limit for one reply starts anew only when it does.
 */
uint64_t session_progress(const struct session *s);

/* How many bytes session_written has ever taken off. */
uint64_t session_sent(const struct session *s);

enum session_stage session_stage(const struct session *s);
/* "greeting", "capabilities", "tls", "mechanism", "login", "transaction" */
const char *session_stage_name(enum session_stage stage);
/* What the last EHLO reply said. */
const struct capabilities *session_capabilities(const struct session *s);
/* In SESSION_STAGE_LOGIN: which mechanism, and why; see auth_explain. */
void	session_explain(const struct session *s, struct buf *out);

/* The mechanism that logged in, or NULL. */
const char *session_mechanism(const struct session *s);
/* True while message bytes are on their way. */
bool	session_in_body(const struct session *s);

/*
 * The dialogue since the last call, a line each: "> " client, "< " relay,
 * secrets replaced, control bytes escaped.
 */
struct buf *session_trace(struct session *s);

#endif
