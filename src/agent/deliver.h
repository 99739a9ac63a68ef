/* SPDX-License-Identifier: ISC */
/*
 * One invocation from its options to its exit status: reads the account, the
 * message, the recipients; submits; reports.
 */
#ifndef AGENT_DELIVER_H
#define AGENT_DELIVER_H

struct invocation;

/* Does what was asked for and returns the exit status. */
int	deliver(const struct invocation *inv);

#endif
