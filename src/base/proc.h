/* SPDX-License-Identifier: ISC */
/*
 * This process and its helpers.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <stdint.h>

struct buf;
struct error;

/*
 * What main does first: refuses a set-user-ID or set-group-ID start, opens
 * descriptors 0 to 2 where they are closed (0 so that reading it fails: a
 * closed input is not an empty message), sets umask 077, ignores SIGPIPE and
 * SIGXFSZ and resets SIGCHLD.
 */
int	proc_start(struct error *e);

/* No core dump and no ptrace(2) from now on: a secret is in memory. */
void	proc_guard_secrets(void);

/*
 * Runs a command with /bin/sh -c: standard input from /dev/null, signals at
 * their defaults, none blocked, no other descriptor than 0 to 2.  out gets its
 * standard output (what passes out's maximum is read and dropped, and sets
 * out->overflow).  -1 with ERR_TEMPORARY when it can't be started, exits with
 * anything but 0, or runs longer than limit_ms; what, for the text, names it.
 */
int	proc_capture(const char *command, const char *what, int64_t limit_ms,
	    struct buf *out, struct error *e);

#endif
