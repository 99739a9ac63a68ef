/* SPDX-License-Identifier: ISC */
/*
 * Waiting: for a descriptor, a point in time, a signal, or the end of the
 * relay's lifetime, whichever comes first.
 */
#ifndef RELAY_WATCH_H
#define RELAY_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct watch {
	int signals;		/* signalfd */
	int64_t end;		/* ms of watch_now: the lifetime is over */
	bool terminated;	/* SIGTERM or SIGINT came */
	bool client_ended;	/* SIGHUP came: who runs us saw it end */
	bool expired;
};

/* The monotonic clock, in milliseconds. */
int64_t	watch_now(void);

/* Blocks the signals and makes a descriptor of them; -1 with errno. */
int	watch_init(struct watch *w, int64_t lifetime_ms);

/*
 * Waits until fd (or -1: nothing) has one of the events, and no longer than
 * until (watch_now; -1: as long as we live).  1: it has; 0: until has passed,
 * or SIGHUP came and hangup is set; -1: stop, we were told to or our time is
 * over.
 */
int	watch_wait(struct watch *w, int fd, short events, int64_t until,
	    bool hangup);

/* Why watch_wait said to stop. */
const char *watch_why(const struct watch *w);

#endif
