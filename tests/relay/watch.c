/* SPDX-License-Identifier: ISC */
/*
 * Every wait of the relay goes through here, so that none can outlast its
 * lifetime or a signal.
 */
#include "config.h"

#include <sys/signalfd.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "watch.h"

int64_t
watch_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
watch_init(struct watch *w, int64_t lifetime_ms)
{
	sigset_t set;

	memset(w, 0, sizeof(*w));
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signals < 0)
		return -1;
	w->end = watch_now() + lifetime_ms;
	return 0;
}

static void
take_signals(struct watch *w)
{
	struct signalfd_siginfo info;

	while (read(w->signals, &info, sizeof(info)) ==
	    (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			w->client_ended = true;
		else
			w->terminated = true;
	}
}

/* Milliseconds to wait, for poll. */
static int
patience(const struct watch *w, int64_t now, int64_t until)
{
	int64_t ms;

	ms = (until >= 0 && until < w->end ? until : w->end) - now;
	if (ms < 0)
		return 0;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

int
watch_wait(struct watch *w, int fd, short events, int64_t until, bool hangup)
{
	struct pollfd fds[2];
	int64_t now;

	for (;;) {
		fds[0] = (struct pollfd){ .fd = fd, .events = events };
		fds[1] = (struct pollfd){ .fd = w->signals, .events = POLLIN };
		now = watch_now();
		if (poll(fds, 2, patience(w, now, until)) < 0 &&
		    errno != EINTR)
			return -1;
		if ((fds[1].revents & POLLIN) != 0)
			take_signals(w);
		now = watch_now();
		w->expired = now >= w->end;
		if (w->terminated || w->expired)
			return -1;
		if (hangup && w->client_ended)
			return 0;
		if (fd >= 0 && fds[0].revents != 0)
			return 1;
		if (until >= 0 && now >= until)
			return 0;
	}
}

const char *
watch_why(const struct watch *w)
{
	return w->terminated ? "told to end" :
	    w->expired ? "lifetime is over" : "poll failed";
}
