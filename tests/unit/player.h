/* SPDX-License-Identifier: ISC */
/*
 * Plays a dialogue (tests/dialogues/README) to the session engine without a
 * socket, as agent/submit would, and looks after every step whether the engine
 * keeps its promises (src/smtp/session.h).
 */
#ifndef TESTS_UNIT_PLAYER_H
#define TESTS_UNIT_PLAYER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "mail/envelope.h"

struct dialogue;

struct player_result {
	bool done;		/* SESSION_DONE has come */
	bool failed;		/* SESSION_FAILED, or no handshake */
	struct error error;	/* of a failure */
	int code;
	unsigned received;	/* messages that the relay took with 2yz */
	struct envelope envelope;
	struct buf said;	/* all that went out, "[TLS]" in its place */
	const char *broken;	/* the promise that was broken, or NULL */
	const char *mismatch;	/* what the play had not in it, or NULL */
	unsigned line;		/* the step of the mismatch */
};

/*
 * NULL when the engine can be asked for this dialogue; else what in its head
 * is none of the engine's.
 */
const char *player_objection(const struct dialogue *d);

/* Plays it; the relay's bytes come in portions of at most cut bytes. */
void	player_run(const struct dialogue *d, size_t cut,
	    struct player_result *r);
void	player_release(struct player_result *r);

/* The status that sendoff would exit with. */
int	player_exit_status(const struct player_result *r);

/* True where both ended in the same way and the same bytes went out. */
bool	player_same(const struct player_result *a,
	    const struct player_result *b);

#endif
