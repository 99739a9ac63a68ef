/* SPDX-License-Identifier: ISC */
/*
 * How far an upload is, for a person who waits at a terminal.
 */
#ifndef AGENT_PROGRESS_H
#define AGENT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct buf;

struct meter {
	bool on;		/* there is a terminal, with room for it */
	bool running;		/* an upload is */
	bool shown;		/* the line is there */
	uint64_t total;		/* bytes of the upload */
	int64_t began;		/* clock_ms */
	int64_t next;		/* when the line is due, or due anew */
	unsigned width;		/* columns of the line that is there */
};

/* What is written goes to standard error, and only where that is a terminal. */
void	meter_init(struct meter *m, bool wanted);
/* An upload of so many bytes begins at this time (clock_ms). */
void	meter_begin(struct meter *m, uint64_t total, int64_t now);
/* So much has gone; shown from the second on, and not at every call. */
void	meter_update(struct meter *m, uint64_t sent, int64_t now);
/* The earlier of the deadline and the time when the line is due. */
int64_t	meter_wake(const struct meter *m, int64_t deadline);
/* The upload is over: the line goes away. */
void	meter_end(struct meter *m);

/* "1.5 MB of 20 MB, 512 kB/s, 0:36 left" */
void	meter_text(uint64_t sent, uint64_t total, int64_t milliseconds,
	    struct buf *out);

#endif
