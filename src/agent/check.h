/* SPDX-License-Identifier: ISC */
/*
 * --check: does all that a submission does, but for the message, and tells of
 * each step.
 */
#ifndef AGENT_CHECK_H
#define AGENT_CHECK_H

struct invocation;

/*
 * Checks the account that the invocation names, or that would be chosen, and
 * prints the steps; returns the exit status, which is a submission's.
 */
int	check(const struct invocation *inv);

#endif
