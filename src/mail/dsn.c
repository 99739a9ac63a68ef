/* SPDX-License-Identifier: ISC */
/*
 * Delivery status notifications: words and parameters.  RFC 3461, RFC 6533.
 * Pure.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "mail/dsn.h"

/* Characters of a parameter's value (RFC 3461 section 4.2, 4.4, 5.4). */
#define ORCPT_MAX	500
#define ENVID_MAX	100

static const struct {
	const char *name;
	unsigned bit;
} words[] = {
	{ "NEVER", DSN_NEVER },
	{ "SUCCESS", DSN_SUCCESS },
	{ "FAILURE", DSN_FAILURE },
	{ "DELAY", DSN_DELAY },
};

#define WORD_COUNT	(sizeof words / sizeof *words)

/* The bit of a word, blanks around it aside; 0 for none. */
static unsigned
word_bit(const char *word, size_t len)
{
	size_t i;

	while (len > 0 && ascii_isblank(*word)) {
		word++;
		len--;
	}
	while (len > 0 && ascii_isblank(word[len - 1]))
		len--;
	for (i = 0; i < WORD_COUNT; i++)
		if (mem_caseeq(word, len, words[i].name,
		    strlen(words[i].name)))
			return words[i].bit;
	return 0;
}

int
dsn_parse_notify(const char *text, unsigned *notify, struct error *e)
{
	const char *p;
	unsigned bit, bits = 0;
	size_t len;

	for (p = text;; p += len + 1) {
		len = strcspn(p, ",");
		bit = word_bit(p, len);
		if (bit == 0)
			break;
		bits |= bit;
		if (p[len] != '\0')
			continue;
		if ((bits & DSN_NEVER) != 0 && bits != DSN_NEVER)
			break;
		*notify = bits;
		return 0;
	}
	return error_set(e, ERR_USAGE, "'%s' is neither 'never' nor some of"
	    " 'success,failure,delay'", text);
}

int
dsn_parse_return(const char *text, enum dsn_return *ret, struct error *e)
{
	if (str_caseeq(text, "full"))
		*ret = DSN_RETURN_FULL;
	else if (str_caseeq(text, "hdrs"))
		*ret = DSN_RETURN_HDRS;
	else
		return error_set(e, ERR_USAGE, "'%s' is neither 'full' nor"
		    " 'hdrs'", text);
	return 0;
}

int
dsn_check_envid(const char *text, struct error *e)
{
	struct buf coded;
	bool fits;

	if (text[0] == '\0' || !str_is_ascii(text) || str_has_control(text))
		return error_set(e, ERR_USAGE, "'%s' is no envelope id: it"
		    " has printable US-ASCII characters", text);
	buf_init(&coded, ENVID_MAX);
	dsn_add_xtext(&coded, text);
	fits = !coded.overflow;
	buf_release(&coded);
	if (fits)
		return 0;
	return error_set(e, ERR_USAGE, "the envelope id '%s' is too long: it"
	    " has at most %d characters", text, ENVID_MAX);
}

void
dsn_add_xtext(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text > '~' || *text == '+' ||
		    *text == '=')
			buf_addf(out, "+%02X", (unsigned char)*text);
		else
			buf_addc(out, *text);
}

/* The value of an upper-case hexadecimal digit, or -1. */
static int
digit(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at;

	at = c == '\0' ? NULL : strchr(digits, c);
	return at == NULL ? -1 : (int)(at - digits);
}

int
dsn_read_xtext(const char *text, struct buf *out)
{
	int high, low;

	for (; *text != '\0'; text++) {
		if (*text <= ' ' || *text > '~' || *text == '=')
			return -1;
		if (*text != '+') {
			buf_addc(out, *text);
			continue;
		}
		high = digit(text[1]);
		low = high == -1 ? -1 : digit(text[2]);
		if (low == -1 || high + low == 0)
			return -1;
		buf_addc(out, (char)(high * 16 + low));
		text += 2;
	}
	return 0;
}

/* utf-8-addr-unitext: RFC 6533 section 3. */
static void
add_unitext(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f ||
		    *text == '+' || *text == '=' || *text == '\\')
			buf_addf(out, "\\x{%02X}", (unsigned char)*text);
		else
			buf_addc(out, *text);
}

void
dsn_add_mail(struct buf *out, enum dsn_return ret, const char *envid)
{
	if (ret != DSN_RETURN_UNSAID)
		buf_adds(out, ret == DSN_RETURN_FULL ? " RET=FULL" :
		    " RET=HDRS");
	if (envid != NULL) {
		buf_adds(out, " ENVID=");
		dsn_add_xtext(out, envid);
	}
}

static void
add_address(struct buf *out, const char *address)
{
	if (str_is_ascii(address)) {
		buf_adds(out, "rfc822;");
		dsn_add_xtext(out, address);
	} else {
		buf_adds(out, "utf-8;");
		add_unitext(out, address);
	}
}

void
dsn_add_rcpt(struct buf *out, unsigned notify, const char *orcpt,
    const char *address)
{
	const char *before = " NOTIFY=";
	struct buf original;
	size_t i;

	for (i = 0; i < WORD_COUNT; i++)
		if ((notify & words[i].bit) != 0) {
			buf_addf(out, "%s%s", before, words[i].name);
			before = ",";
		}
	buf_init(&original, ORCPT_MAX);
	if (orcpt != NULL)
		buf_adds(&original, orcpt);
	else
		add_address(&original, address);
	if (!original.overflow)
		buf_addf(out, " ORCPT=%s", original.data);
	buf_release(&original);
}
