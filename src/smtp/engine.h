/* SPDX-License-Identifier: ISC */
/*
 * The inside of a session, shared by the files that make it up: session.c (the
 * interface and the stepping), login.c (greeting to authentication),
 * transaction.c (MAIL to the final dot), group.c (whom a transaction is for)
 * and chunks.c (BDAT).  Nobody else includes it.
 */
#ifndef SMTP_ENGINE_H
#define SMTP_ENGINE_H

#include "base/buf.h"
#include "base/error.h"
#include "mail/wire.h"
#include "smtp/redact.h"
#include "smtp/reply.h"
#include "smtp/session.h"

enum verb {
	VERB_GREETING,		/* no command: what a connection begins with */
	VERB_EHLO,
	VERB_HELO,
	VERB_STARTTLS,
	VERB_AUTH,
	VERB_AUTH_RESPONSE,
	VERB_MAIL,
	VERB_RCPT,
	VERB_DATA,
	VERB_DOT,		/* the message and its final dot */
	VERB_BDAT,		/* a chunk that is not the last */
	VERB_BDAT_LAST,
	VERB_RSET,
	VERB_QUIT
};

/* A command that waits for its reply. */
struct command {
	enum verb verb;
	size_t recipient;	/* VERB_RCPT: which of the group */
	uint64_t end;		/* it is written when so much has been */
	uint64_t begin;		/* BDAT: its line is, when so much has been */
};

/* Where the session is. */
enum phase {
	PHASE_LOGIN,		/* from the greeting to the last 235 */
	PHASE_NEED_TLS,
	PHASE_NEED_SECRET,
	PHASE_READY,
	PHASE_ENVELOPE,		/* MAIL, RCPT, DATA */
	PHASE_BODY,
	PHASE_FINAL,		/* all of the body is in the output */
	PHASE_AGAIN,		/* to be told to the pump: one more */
	PHASE_DONE,		/* to be told to the pump */
	PHASE_QUIT,
	PHASE_CLOSED,
	PHASE_FAILED
};

/* How a recipient stands in a transaction. */
enum standing {
	STANDING_NONE,
	STANDING_TAKEN,		/* 2yz to its RCPT */
	STANDING_LATER		/* the relay takes no more at a time */
};

/* Whom the transactions of a message are for. */
struct group {
	size_t *order;		/* recipients without a verdict, in turn */
	unsigned char *standing;	/* in order's places from first on */
	size_t count;		/* of order */
	size_t first;		/* of this transaction, in order */
	size_t size;		/* how many this transaction is for */
};

/* What is known of a transaction while it runs. */
struct progress {
	size_t next;		/* member whose RCPT goes out next */
	size_t answered;	/* RCPTs that have their reply */
	size_t accepted;	/* of those, with 2yz */
	size_t later;		/* of them, put off */
	size_t run;		/* of those, at the end */
	size_t settled;		/* of them, without a limit being the reason */
	bool mail_sent;
	bool data_sent;
	bool mail_refused;
	struct wire wire;
	bool chunked;		/* by BDAT */
	bool reset;		/* a RSET went out before it */
	bool last_announced;	/* the last BDAT is out */
	uint64_t announced;	/* octets in all BDATs so far */
	uint64_t chunk_left;	/* octets that the last of them still wants */
};

struct session {
	struct session_settings settings;
	enum phase phase;
	enum session_stage stage;
	struct error error;
	int error_code;
	struct buf in;
	struct buf out;
	struct buf trace;
	uint64_t queued;	/* bytes ever put into out */
	uint64_t written;	/* bytes ever taken off out */
	uint64_t replies;	/* complete ones */
	struct command *fifo;	/* a ring */
	size_t fifo_head;
	size_t fifo_count;
	size_t fifo_cap;
	struct reply reply;
	struct capabilities capabilities;
	const char *mechanism;	/* chosen, or NULL */
	struct redact redact;	/* what a relay may echo and nobody may see */
	bool logged_in;
	struct auth *auth;
	struct buf held;	/* an initial response, until it is asked for */
	struct transaction t;	/* the message in hand */
	struct group group;
	struct progress now;
	struct buf encoded;	/* for chunks: what the wire makes of a piece */
	bool dsn;		/* the envelope asks for it, the relay has it */
	size_t mails;		/* MAILs ever sent */
	size_t learned;		/* so many recipients at a time; 0: unknown */
	bool dirty;		/* the relay has a transaction open: RSET */
	bool broken;		/* the connection takes no further command */
	bool dot_flushed;	/* the final dot has left */
	bool early;		/* the reply in hand began before it had */
	bool eof;
	char *eof_why;
};

/* Ends the session; the first reason stays. */
void	engine_fail(struct session *s, enum error_class class, int code,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/*
 * Ends it because of a reply: class for 5yz, ERR_TEMPORARY for 4yz, breach
 * for anything else.  what: "refuses STARTTLS"; hint may be "".
 */
void	engine_fail_reply(struct session *s, const struct reply *r,
	    enum error_class class, const char *what, const char *hint);

/* Puts a command into the output and the queue of those in flight. */
void	engine_command(struct session *s, enum verb verb, size_t recipient,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The same with a secret in line, which the trace shows as shown. */
void	engine_secret_command(struct session *s, enum verb verb,
	    const char *line, const char *shown);
/* Waits for a reply without a command (greeting, final dot). */
void	engine_expect(struct session *s, enum verb verb, uint64_t end);
/* The command in flight that is the newest. */
struct command *engine_last(struct session *s);
/* Bytes that are no command: the message. */
void	engine_put(struct session *s, const char *data, size_t len);

/* Appends what a relay said, without secrets and control bytes, cut. */
void	engine_add_shown(const struct session *s, const char *text,
	    struct buf *out);

/* True for 2yz, 3yz, 4yz, 5yz. */
bool	reply_is(const struct reply *r, int class);

/* What a reply does, a function for each verb. */
void	login_greeting(struct session *, const struct command *,
	    const struct reply *);
void	login_ehlo(struct session *, const struct command *,
	    const struct reply *);
void	login_helo(struct session *, const struct command *,
	    const struct reply *);
void	login_starttls(struct session *, const struct command *,
	    const struct reply *);
void	login_auth(struct session *, const struct command *,
	    const struct reply *);
void	transaction_mail(struct session *, const struct command *,
	    const struct reply *);
void	transaction_rcpt(struct session *, const struct command *,
	    const struct reply *);
void	transaction_data(struct session *, const struct command *,
	    const struct reply *);
void	transaction_dot(struct session *, const struct command *,
	    const struct reply *);
void	transaction_rset(struct session *, const struct command *,
	    const struct reply *);

void	login_ehlo_send(struct session *s);
void	login_secret(struct session *s, const char *secret);

void	transaction_bdat(struct session *, const struct command *,
	    const struct reply *);

/* True where the relay takes chunks (see chunks.c). */
bool	chunks_suit(const struct session *s);
/* True where the message can go out before the recipients' replies are in. */
bool	chunks_need_not_wait(const struct session *s);
void	chunks_begin(struct session *s);
/* Message octets as they go out. */
void	chunks_put(struct session *s, const char *data, size_t len);
void	chunks_end(struct session *s);

/*
 * The recipients of a message, to be told apart into transactions (RFC 9422,
 * RFC 5321 section 4.5.3.1.10).  All that are untried, at first.
 */
void	group_init(struct session *s);
void	group_release(struct session *s);
/* A member of the group: i counts from 0. */
struct recipient *group_member(struct session *s, size_t i);
enum standing group_standing(const struct session *s, size_t i);
/* How many are not of this transaction, and come after it. */
size_t	group_behind(const struct session *s);
/* As many as the relay takes at a time, by what it has said. */
void	group_open(struct session *s);
/* A 2yz to a member's RCPT. */
void	group_take(struct session *s, size_t i);
/*
 * True where a reply to RCPT says that it is one too many: it comes later, and
 * where that was the limit, no further RCPT goes out now.
 */
bool	group_puts_off(struct session *s, size_t i, const struct reply *r);
/* What the relay says is about all that are still to come. */
void	group_widen(struct session *s);
/*
 * The transaction is over; those that were put off are first of the next.
 * True where there is one.
 */
bool	group_close(struct session *s);

/* One more transaction, for the next group. */
void	transaction_open(struct session *s);
/* Puts out what the window allows of the envelope's commands. */
void	transaction_produce(struct session *s);
/* True where a recipient may have the message, and nobody has said so. */
bool	transaction_in_doubt(struct session *s);
/*
 * The connection is gone.  True where every recipient has a verdict all the
 * same: the transaction is then done.
 */
bool	transaction_settled(struct session *s);
/* The connection is gone: what is in doubt, and what is not. */
void	transaction_lost(struct session *s);

#endif
