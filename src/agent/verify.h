/* SPDX-License-Identifier: ISC */
/*
 * -bv: who would get a message.
 */
#ifndef AGENT_VERIFY_H
#define AGENT_VERIFY_H

struct invocation;

/*
 * Prints what each recipient leads to, and sends nothing; returns the exit
 * status, that of the first one that leads nowhere.
 */
int	verify(const struct invocation *inv);

#endif
