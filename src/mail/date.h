/* SPDX-License-Identifier: ISC */
/*
 * Dates as RFC 5322 section 3.3 writes them, in any locale.  Pure.
 */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include <time.h>

/* Bytes for date_format's result, its NUL included. */
#define DATE_SIZE	40

/*
 * "Mon, 23 Nov 2026 18:20:34 +0100": tm is the local time, offset the seconds
 * that it is ahead of UTC.
 */
void	date_format(char out[DATE_SIZE], const struct tm *tm, long offset);

#endif
