/* SPDX-License-Identifier: ISC */
/*
 * A submission's message in a form that the relay can take.
 */
#ifndef AGENT_MEND_H
#define AGENT_MEND_H

#include <stdbool.h>

struct error;
struct submission;

/*
 * Mends the message (message_mend), writes its header into s->header, and sets
 * what the relay must be able to do: size, eight_bit, smtputf8.  seven_bit: no
 * 8-bit byte is left in the body.  -1 with ERR_MESSAGE for what cannot be
 * mended, ERR_IO and ERR_CREATE for the file that the mended body goes to.
 */
int	mend(struct submission *s, bool seven_bit, struct error *e);

#endif
