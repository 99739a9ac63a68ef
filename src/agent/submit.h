/* SPDX-License-Identifier: ISC */
/*
 * The pump: one connection to an account's relay, and the messages that go
 * over it.  The only room that knows the network and the session.
 */
#ifndef AGENT_SUBMIT_H
#define AGENT_SUBMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "net/dial.h"
#include "net/tls.h"

struct account;
struct envelope;
struct message;
struct steps;

/* A message that is ready to go. */
struct submission {
	struct message *message;
	struct buf header;	/* composed, with the empty line */
	struct envelope *envelope;
	uint64_t size;
	bool eight_bit;
	bool smtputf8;
	bool quiet;		/* nobody at standard error looks on */
};

/* What became of the connection. */
struct submit_result {
	struct error error;	/* of the session; ERR_NONE when it held */
	struct dialed dialed;
	struct tls_facts tls;	/* version "": none */
	char auth[32];		/* mechanism, or "" */
	const char *stage;	/* how far it came: a step's name */
};

/*
 * Submits; verdicts go into the envelope.  A message with 8-bit bytes is mended
 * where the relay does not offer 8BITMIME (agent/mend).  secret is empty where
 * none is needed, and wiped as soon as it is used.  trace: copy the dialogue to
 * standard error.  Returns 0 when every recipient was accepted, -1 otherwise.
 */
int	submit(struct account *a, struct buf *secret,
	    struct submission *s, bool trace, struct submit_result *r);

/*
 * The same, but for the message: connects, secures, logs in, and quits.  Each
 * step that is done goes into steps.
 */
int	submit_nothing(struct account *a, struct buf *secret,
	    bool trace, struct steps *steps, struct submit_result *r);

#endif
