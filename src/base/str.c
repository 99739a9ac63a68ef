/* SPDX-License-Identifier: ISC */
/*
 * Bytes and small values as text, the same in every locale.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

bool
ascii_isalpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
ascii_isdigit(char c)
{
	return c >= '0' && c <= '9';
}

bool
ascii_isalnum(char c)
{
	return ascii_isalpha(c) || ascii_isdigit(c);
}

bool
ascii_isblank(char c)
{
	return c == ' ' || c == '\t';
}

bool
ascii_isspace(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool
ascii_iscntrl(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

char
ascii_tolower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

void
ascii_lower(char *s)
{
	for (; *s != '\0'; s++)
		*s = ascii_tolower(*s);
}

bool
mem_caseeq(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t i;

	if (alen != blen)
		return false;
	for (i = 0; i < alen; i++)
		if (ascii_tolower(a[i]) != ascii_tolower(b[i]))
			return false;
	return true;
}

bool
str_caseeq(const char *a, const char *b)
{
	return mem_caseeq(a, strlen(a), b, strlen(b));
}

bool
str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
str_casestarts(const char *s, const char *prefix)
{
	size_t n;

	n = strlen(prefix);
	return strnlen(s, n) == n && mem_caseeq(s, n, prefix, n);
}

bool
str_is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

bool
str_has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if (ascii_iscntrl(*s))
			return true;
	return false;
}

/* Goes back to the last '*' only, which keeps it from growing exponentially. */
bool
str_glob(const char *pattern, const char *s)
{
	const char *star = NULL, *retry = NULL;

	while (*s != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			retry = s;
		} else if (*pattern == '?' || (*pattern != '\0' &&
		    ascii_tolower(*pattern) == ascii_tolower(*s))) {
			pattern++;
			s++;
		} else if (star != NULL) {
			pattern = star;
			s = ++retry;
		} else
			return false;
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* How many bytes a lead byte announces, and the smallest value they encode. */
static size_t
utf8_expect(unsigned char c, uint32_t *value, uint32_t *min)
{
	if (c < 0x80) {
		*value = c;
		*min = 0;
		return 1;
	}
	if (c >= 0xc2 && c <= 0xdf) {
		*value = c & 0x1f;
		*min = 0x80;
		return 2;
	}
	if (c >= 0xe0 && c <= 0xef) {
		*value = c & 0x0f;
		*min = 0x800;
		return 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		*value = c & 0x07;
		*min = 0x10000;
		return 4;
	}
	return 0;
}

size_t
utf8_length(const char *s, size_t len)
{
	uint32_t value, min;
	size_t i, n;

	if (len == 0)
		return 0;
	n = utf8_expect((unsigned char)*s, &value, &min);
	if (n == 0 || n > len)
		return 0;
	for (i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | ((unsigned char)s[i] & 0x3f);
	}
	if (value < min || value > 0x10ffff ||
	    (value >= 0xd800 && value <= 0xdfff))
		return 0;
	return n;
}

bool
utf8_valid(const char *s, size_t len)
{
	size_t n;

	while (len > 0) {
		n = utf8_length(s, len);
		if (n == 0)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

/* True for the C1 controls, U+0080 to U+009F, in UTF-8. */
static bool
is_c1(const char *s, size_t n)
{
	return n == 2 && (unsigned char)s[0] == 0xc2 &&
	    (unsigned char)s[1] < 0xa0;
}

void
str_escape(struct buf *out, const char *s, size_t len, size_t max)
{
	char hex[8];
	size_t n, width, start, i;

	start = out->len;
	while (len > 0) {
		n = utf8_length(s, len);
		if (n == 0 || is_c1(s, n) || (n == 1 && ascii_iscntrl(*s))) {
			n = 1;
			snprintf(hex, sizeof hex, "\\x%02X",
			    (unsigned char)*s);
			width = 4;
		} else
			width = n;
		if (out->len - start + width > (n == len ? max : max - 3)) {
			buf_add(out, "...", 3);
			return;
		}
		if (width == 4 && n == 1)
			buf_add(out, hex, 4);
		else
			for (i = 0; i < n; i++)
				buf_addc(out, s[i]);
		s += n;
		len -= n;
	}
}

int
str_number(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		if (!ascii_isdigit(*s) ||
		    n > (UINT64_MAX - (uint64_t)(*s - '0')) / 10)
			return -1;
		n = n * 10 + (uint64_t)(*s - '0');
	}
	if (n < min || n > max)
		return -1;
	*out = n;
	return 0;
}

int
str_duration(const char *s, uint64_t *seconds)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	uint64_t n;
	size_t i, len;
	char *digits;
	int rc = -1;

	len = strlen(s);
	if (len < 2)
		return -1;
	digits = xstrndup(s, len - 1);
	for (i = 0; i < sizeof units / sizeof *units; i++)
		if (units[i].unit == s[len - 1])
			break;
	if (i < sizeof units / sizeof *units &&
	    str_number(digits, 1, 36500, &n) == 0) {
		*seconds = n * units[i].seconds;
		rc = 0;
	}
	free(digits);
	return rc;
}

int
str_boolean(const char *s, bool *out)
{
	static const char *const words[2][4] = {
		{ "no", "false", "off", "0" }, { "yes", "true", "on", "1" }
	};
	size_t i, k;

	for (i = 0; i < 2; i++)
		for (k = 0; k < 4; k++)
			if (str_caseeq(s, words[i][k])) {
				*out = i == 1;
				return 0;
			}
	return -1;
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Levenshtein's distance, one row at a time. */
size_t
str_distance(const char *a, const char *b)
{
	size_t *row;
	size_t i, k, corner, above, len, result;

	len = strlen(b);
	row = xcalloc(len + 1, sizeof *row);
	for (k = 0; k <= len; k++)
		row[k] = k;
	for (i = 1; a[i - 1] != '\0'; i++) {
		corner = row[0];
		row[0] = i;
		for (k = 1; k <= len; k++) {
			above = row[k];
			row[k] = min3(above + 1, row[k - 1] + 1,
			    corner + (a[i - 1] == b[k - 1] ? 0 : 1));
			corner = above;
		}
	}
	result = row[len];
	free(row);
	return result;
}
