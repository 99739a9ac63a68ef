/* SPDX-License-Identifier: ISC */
/*
 * The steps of a check: what was done, what came of it, how long it took.
 */
#ifndef AGENT_STEPS_H
#define AGENT_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct step {
	const char *name;
	bool done;		/* false: here it failed */
	char *text;		/* without control bytes */
	int64_t milliseconds;
};

struct steps {
	struct step *list;
	size_t count;
	size_t cap;
	int64_t since;		/* clock_ms: when the step under way began */
};

void	steps_init(struct steps *s);
void	steps_release(struct steps *s);

/* A step begins here; steps may be NULL in all that follows. */
void	steps_begin(struct steps *s);
/* The step under way is done, and the next one begins. */
void	steps_done(struct steps *s, const char *name, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* The same at another point in time (clock_ms). */
void	steps_done_at(struct steps *s, int64_t at, const char *name,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* It has failed. */
void	steps_failed(struct steps *s, const char *name, const char *text);

#endif
