/* SPDX-License-Identifier: ISC */
/*
 * What came of a message, as a reply to who handed it in by SMTP.
 */
#ifndef AGENT_ANSWER_H
#define AGENT_ANSWER_H

#include "base/buf.h"

struct outcome;

/* Recipients that a reply names one by one. */
#define ANSWER_RECIPIENTS	100

struct answer {
	int code;
	char enhanced[16];
	struct buf text;	/* lines with LF between */
};

void	answer_init(struct answer *a);
void	answer_release(struct answer *a);

/*
 * Fills the answer: 250 for custody of every recipient's copy.  Else a
 * relay's refusal of the message or of a recipient, with its code and text,
 * the worst where they differ; 451 or 452 for all that says nothing about the
 * message (the account, the relay, the network), so that the client keeps it;
 * 553 and 554 for what cannot be sent.  Where recipients fared differently a
 * line each says who has got it and who has not.
 */
void	answer_outcome(struct answer *a, const struct outcome *o);

#endif
