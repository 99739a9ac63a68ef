/* SPDX-License-Identifier: ISC */
/*
 * Display names: phrases of RFC 5322 section 3.2.5, encoded words of RFC 2047
 * sections 2, 4 and 5 (3).  Pure.
 */
#include "config.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "mail/atext.h"
#include "mail/encword.h"

/* "=?UTF-8?Q?" and "?=". */
#define WORD_OVERHEAD	12
/* Octets of one encoded word. */
#define WORD_MAX	75
/* As many fewer in the first, which stands behind "Resent-From: ". */
#define FIRST_LESS	13
/*
 * A run without white space that is longer than this becomes encoded words,
 * since no header line with it could be folded to the 998 octets of SMTP.
 */
#define RUN_MAX		900

static int
check(const char *name, size_t len, struct error *e)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (ascii_iscntrl(name[i]))
			return error_set(e, ERR_MESSAGE, "the name '%s' has a"
			    " line end or another control byte", name);
	if (!utf8_valid(name, len))
		return error_set(e, ERR_MESSAGE, "the name '%s' is not UTF-8",
		    name);
	return 0;
}

/* Atoms with one space between two of them; US-ASCII has been checked. */
static bool
is_atoms(const char *name)
{
	bool in_atom = false;

	for (; *name != '\0'; name++) {
		if (is_atext(*name))
			in_atom = true;
		else if (*name == ' ' && in_atom)
			in_atom = false;
		else
			return false;
	}
	return in_atom;
}

/* True where a line with this name in it may be past folding. */
static bool
has_long_run(const char *name)
{
	size_t run = 0;

	for (; *name != '\0'; name++) {
		if (*name == ' ')
			run = 0;
		else
			run += *name == '"' || *name == '\\' ? 2 : 1;
		if (run > RUN_MAX)
			return true;
	}
	return false;
}

static int
add_quoted(struct buf *out, const char *name)
{
	buf_addc(out, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *name);
	}
	return buf_addc(out, '"');
}

/* What stands for itself in the "Q" encoding of a phrase. */
static bool
is_plain(char c)
{
	return ascii_isalnum(c) || (c != '\0' && strchr("!*+-/", c) != NULL);
}

static size_t
q_cost(const char *s, size_t len)
{
	size_t i, cost = 0;

	for (i = 0; i < len; i++)
		cost += is_plain(s[i]) || s[i] == ' ' ? 1 : 3;
	return cost;
}

static size_t
b_cost(size_t len)
{
	return (len + 2) / 3 * 4;
}

static void
add_q(struct buf *out, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == ' ')
			buf_addc(out, '_');
		else if (is_plain(s[i]))
			buf_addc(out, s[i]);
		else
			buf_addf(out, "=%02X", (unsigned char)s[i]);
	}
}

static void
add_b(struct buf *out, const char *s, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned long v;
	size_t i, k, n;

	for (i = 0; i < len; i += 3) {
		n = len - i < 3 ? len - i : 3;
		for (v = 0, k = 0; k < 3; k++)
			v = v << 8 | (k < n ? (unsigned char)s[i + k] : 0);
		for (k = 0; k < 4; k++)
			buf_addc(out, k > n ? '=' :
			    digits[v >> (18 - 6 * k) & 63]);
	}
}

/* As many bytes of s, in whole characters, as one word of max octets takes. */
static size_t
fit(const char *s, size_t len, bool base64, size_t max)
{
	size_t n = 0, q = 0, step;

	while (n < len) {
		step = utf8_length(s + n, len - n);
		q += q_cost(s + n, step);
		if ((base64 ? b_cost(n + step) : q) > max)
			break;
		n += step;
	}
	return n;
}

static void
add_encoded(struct buf *out, const char *s, size_t len)
{
	bool base64;
	size_t n, max;

	/* "Q" where most of it can be read by those who see it raw. */
	base64 = q_cost(s, len) > 2 * len;
	max = WORD_MAX - WORD_OVERHEAD - FIRST_LESS;
	while (len > 0) {
		n = fit(s, len, base64, max);
		buf_adds(out, base64 ? "=?UTF-8?B?" : "=?UTF-8?Q?");
		if (base64)
			add_b(out, s, n);
		else
			add_q(out, s, n);
		buf_adds(out, "?=");
		s += n;
		len -= n;
		if (len > 0)
			buf_adds(out, "\r\n ");
		max = WORD_MAX - WORD_OVERHEAD;
	}
}

int
encword_phrase(struct buf *out, const char *name, struct error *e)
{
	size_t len;

	len = strlen(name);
	if (check(name, len, e) == -1)
		return -1;
	if (!str_is_ascii(name) || has_long_run(name))
		add_encoded(out, name, len);
	else if (is_atoms(name))
		buf_adds(out, name);
	else
		add_quoted(out, name);
	if (out->overflow)
		return error_set(e, ERR_MESSAGE, "the name '%s' is too long",
		    name);
	return 0;
}
