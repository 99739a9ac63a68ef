/* SPDX-License-Identifier: ISC */
/*
 * -bs: an SMTP server on standard input and output.
 */
#ifndef AGENT_SERVER_H
#define AGENT_SERVER_H

struct invocation;

/*
 * Serves one client to QUIT or the end of its input, and returns the exit
 * status: 0 then, an unfinished message dropped; 74 where reading or writing
 * failed, 78 where there is no account file to begin with (greeted with 421).
 * What became of each message is in its reply and in the log; nothing is ever
 * written to standard error.
 */
int	serve(const struct invocation *inv);

#endif
