/* SPDX-License-Identifier: ISC */
/*
 * -bi, and the name newaliases: the check of the alias file.
 */
#ifndef AGENT_NEWALIASES_H
#define AGENT_NEWALIASES_H

struct invocation;

/*
 * Reads the whole alias file of the account, prints how much is in it, and
 * names on standard error what is wrong.  Returns the exit status.
 */
int	newaliases(const struct invocation *inv);

#endif
