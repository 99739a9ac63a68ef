/* SPDX-License-Identifier: ISC */
/*
 * Time for limits: milliseconds of a clock that never jumps; and the time of
 * day as text.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* "Never" as a deadline. */
#define CLOCK_NEVER	INT64_MAX

int64_t	clock_ms(void);

/*
 * The wait until a deadline in poll(2)'s terms: 0 when it has passed, -1 for
 * CLOCK_NEVER.
 */
int	clock_poll_ms(int64_t deadline);

/* Bytes for clock_stamp's result, its NUL included. */
#define CLOCK_STAMP_SIZE	32

/* The time of day in UTC as RFC 3339 has it: "2026-11-23T18:20:34Z". */
void	clock_stamp(char out[CLOCK_STAMP_SIZE]);

#endif
