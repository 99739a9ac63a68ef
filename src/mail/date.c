/* SPDX-License-Identifier: ISC */
/*
 * Dates: RFC 5322 section 3.3.  Pure: asks neither clock nor locale nor time
 * zone.
 */
#include "config.h"

#include <stdio.h>
#include <time.h>

#include "mail/date.h"

/* An index into a table of names, whatever came in. */
static size_t
wrap(int i, int count)
{
	return (size_t)(((i % count) + count) % count);
}

void
date_format(char out[DATE_SIZE], const struct tm *tm, long offset)
{
	static const char days[7][4] = {
		"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"
	};
	static const char months[12][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun",
		"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
	};
	unsigned long minutes;

	minutes = (offset < 0 ? -(unsigned long)offset :
	    (unsigned long)offset) / 60;
	snprintf(out, DATE_SIZE,
	    "%s, %d %s %04ld %02d:%02d:%02d %c%02lu%02lu",
	    days[wrap(tm->tm_wday, 7)], tm->tm_mday,
	    months[wrap(tm->tm_mon, 12)], tm->tm_year + 1900L, tm->tm_hour,
	    tm->tm_min, tm->tm_sec, offset < 0 && minutes > 0 ? '-' : '+',
	    minutes / 60 % 100, minutes % 60);
}
