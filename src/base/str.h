/* SPDX-License-Identifier: ISC */
/*
 * Bytes and small values as text, the same in every locale.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* US-ASCII only; bytes from 0x80 up are none of these. */
bool	ascii_isalpha(char c);
bool	ascii_isdigit(char c);
bool	ascii_isalnum(char c);
bool	ascii_isblank(char c);		/* space and tab */
bool	ascii_isspace(char c);		/* space, tab, CR, LF, VT, FF */
bool	ascii_iscntrl(char c);		/* below 0x20, and DEL */
char	ascii_tolower(char c);
void	ascii_lower(char *s);

bool	str_caseeq(const char *a, const char *b);
bool	mem_caseeq(const char *a, size_t alen, const char *b, size_t blen);
bool	str_starts(const char *s, const char *prefix);
bool	str_casestarts(const char *s, const char *prefix);
bool	str_is_ascii(const char *s);
/* True where a byte is below 0x20, or DEL. */
bool	str_has_control(const char *s);
/* A match of a pattern with '*' and '?', the case of letters ignored. */
bool	str_glob(const char *pattern, const char *s);

/* True where the bytes are well-formed UTF-8 (RFC 3629). */
bool	utf8_valid(const char *s, size_t len);
/* Length of the well-formed UTF-8 sequence at s (1 to 4), 0 if there is none.*/
size_t	utf8_length(const char *s, size_t len);

/*
 * Adds at most max (3 or more) bytes of text to out, with C0 (tab and line feed
 * too), DEL, C1 and what is not UTF-8 as \xHH; a cut text ends in "...".  For
 * all that came from outside and is shown to a person.
 */
void	str_escape(struct buf *out, const char *s, size_t len, size_t max);

/* A whole decimal number from min to max; -1 if it is anything else. */
int	str_number(const char *s, uint64_t min, uint64_t max, uint64_t *out);
/* "90s", "5m", "4h", "5d", more than nothing, into seconds; or -1. */
int	str_duration(const char *s, uint64_t *seconds);
/* yes no true false on off 1 0, any case; or -1. */
int	str_boolean(const char *s, bool *out);

/* How many letters differ: for "did you mean".  Linear in len a x len b. */
size_t	str_distance(const char *a, const char *b);

#endif
