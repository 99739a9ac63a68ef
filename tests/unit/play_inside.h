/* SPDX-License-Identifier: ISC */
/*
 * The inside of a play, shared by the files that make it up: player.c (the
 * pump and the relay's steps), play_wire.c (what goes over the wire, held
 * against the engine's promises) and play_auth.c (logging in).  Nobody else
 * includes it.
 */
#ifndef TESTS_UNIT_PLAY_INSIDE_H
#define TESTS_UNIT_PLAY_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "mail/envelope.h"
#include "smtp/auth.h"

struct dialogue;
struct player_result;
struct session;
struct session_settings;

#define MANY		(256 * 1024 * 1024)
/* Mechanisms that the account can list, and what is kept of an exchange. */
#define PLAY_LIST_MAX	8
#define PLAY_TALK_MAX	(AUTH_ROUNDS_MAX + 2)

struct play_auth {
	char *list[PLAY_LIST_MAX];
	size_t count;
	bool wanted;		/* the account is to be logged in to */
	bool in;		/* AUTH is begun and has no last answer */
	bool ok;		/* it was 235 */
	bool secret_told;
	char *mechanism;	/* of the AUTH command, or NULL */
	struct buf said[PLAY_TALK_MAX];	/* in base64 */
	size_t said_count;
	struct buf asked[PLAY_TALK_MAX];
	size_t asked_count;
	bool held;		/* AUTH's own answer was too long for it */
	char *made;		/* a secret of another length, or NULL */
	struct buf traced;	/* of the client, and has not gone out */
	const char *secret;
};

/* The relay's replies, taken apart without the engine's help. */
struct play_replies {
	struct buf line;	/* the one that is on its way */
	struct buf first;	/* of each whole reply its first byte */
	bool inside;		/* one is on its way */
	bool early;		/* this one began before the message's end */
	size_t last;		/* which one answers the message */
};

struct player {
	const struct dialogue *d;
	struct player_result *r;
	struct session *session;
	size_t cut;
	size_t step;
	uint64_t repeated;	/* of a STEP_REPEAT */
	struct buf queue;	/* the relay's bytes that are on their way */
	struct buf heard;	/* the client's bytes that no step has had */
	struct buf body;	/* what the client says as a message */
	size_t searched;	/* of heard, for the final dot */
	char *message;
	size_t message_len;
	size_t message_fed;
	bool starttls;
	bool implicit;		/* TLS from the first byte */
	bool secured;
	bool begun;
	bool data_said;
	bool in_body;		/* from DATA's 354 to the final dot */
	uint64_t heard_chunk;	/* octets of the BDAT that was heard last */
	bool heard_last;
	uint64_t chunk_left;	/* octets of the BDAT in hand */
	bool chunk_last;
	bool message_out;	/* its final dot, or last chunk, has gone out */
	size_t commands;	/* that have gone out */
	struct play_replies replies;
	struct play_auth auth;
	bool body_heard;
	bool stalled;
	bool ends;		/* the relay has closed */
	bool eof_told;
	unsigned dones;
	unsigned again;		/* further transactions */
	size_t untried;		/* recipients, at the last of them */
	enum recipient_state *states;
};

/* A promise that is not kept; the first one stays. */
void	play_broken(struct player *p, const char *promise);

/* Bytes of the client and of the relay, in any portions. */
void	play_said(struct player *p, const char *data, size_t len);
void	play_fed(struct player *p, const char *data, size_t len);
/* A further transaction: the message goes out once more. */
void	play_again(struct player *p);
/* True where the relay has taken the message, and after it was complete. */
bool	play_accepted(const struct player *p);

/* What the account says about logging in. */
void	play_auth_init(struct player *p, struct session_settings *s);
void	play_auth_release(struct player *p);
/* What a handshake gives to bind a login to; NULL for nothing. */
const struct auth_binding *play_auth_binding(const struct player *p);
/* A command of the client, and a reply of the relay: text with its code. */
void	play_auth_command(struct player *p, const char *line, size_t len);
void	play_auth_reply(struct player *p, const char *line, size_t len);
/* No secret in what is shown. */
void	play_auth_shown(struct player *p, const char *text);

#endif
