/* SPDX-License-Identifier: ISC */
/*
 * Paths and parameters of MAIL and RCPT.  RFC 5321 section 4.1.2, RFC 1870,
 * 3030, 3461, 6152, 6531.  Pure.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "mail/address.h"
#include "smtp/esmtp.h"

/* RFC 3461 section 4.2, in octets. */
#define ORCPT_MAX	500
/* Octets of an envelope id, more than fit. */
#define ENVID_MAX	512
/* RFC 1870: digits of SIZE's value. */
#define SIZE_DIGITS	20

struct line {
	const char *at;
	struct esmtp_refusal *why;
	bool utf8;		/* SMTPUTF8 is said */
};

/* A parameter: taken into mail or rcpt, which the other parameters lack. */
struct parameter {
	const char *name;
	int (*take)(struct line *l, void *into, const char *value);
};

static int
refuse(struct line *l, int code, const char *enhanced, const char *text)
{
	l->why->code = code;
	l->why->enhanced = enhanced;
	l->why->text = text;
	return -1;
}

static int
bad_parameter(struct line *l, const char *text)
{
	return refuse(l, 501, "5.5.4", text);
}

void
esmtp_mail_release(struct esmtp_mail *m)
{
	free(m->sender);
	free(m->envid);
	memset(m, 0, sizeof *m);
}

void
esmtp_rcpt_release(struct esmtp_rcpt *r)
{
	free(r->address);
	free(r->orcpt);
	memset(r, 0, sizeof *r);
}

static void
skip_blanks(struct line *l)
{
	while (ascii_isblank(*l->at))
		l->at++;
}

/*
 * The length of a path: to the '>' that closes it, or to a blank where no '<'
 * opens it, quoted strings and quoted pairs skipped; 0 where it does not end.
 * Comments and white space belong into header fields.
 */
static size_t
path_length(const char *s)
{
	bool angle = *s == '<', quoted = false;
	size_t i;

	for (i = angle ? 1 : 0; s[i] != '\0'; i++) {
		if (s[i] == '\\' && s[i + 1] != '\0')
			i++;
		else if (s[i] == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (s[i] == '>')
			return angle ? i + 1 : 0;
		else if (ascii_isblank(s[i]))
			return angle ? 0 : i;
		else if (strchr("<()", s[i]) != NULL)
			return 0;
	}
	return angle || quoted ? 0 : i;
}

/* The path as an owned address; NULL with why. */
static char *
take_path(struct line *l, bool null_fits)
{
	struct address a;
	char *address = NULL;
	size_t len;

	skip_blanks(l);
	len = path_length(l->at);
	if (len == 2 && null_fits && str_starts(l->at, "<>")) {
		l->at += len;
		return xstrdup("");
	}
	if (len > 0 && address_parse(&a, l->at, len, NULL) == 0) {
		address = address_envelope(&a, NULL, NULL);
		address_release(&a);
	}
	l->at += len;
	if (address == NULL || (*l->at != '\0' && !ascii_isblank(*l->at))) {
		free(address);
		refuse(l, 501, null_fits ? "5.1.7" : "5.1.3", null_fits ?
		    "this is no address of a sender" :
		    "this is no address of a recipient");
		return NULL;
	}
	return address;
}

/*
 * An A-label form needs nothing of the relay, but who writes UTF-8 must have
 * said so.
 */
static int
check_utf8(struct line *l, const char *path, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)path[i] >= 0x80 && !l->utf8)
			return refuse(l, 553, "5.6.7", "an address in UTF-8"
			    " needs SMTPUTF8 with MAIL");
	return 0;
}

static int
take_size(struct line *l, void *into, const char *value)
{
	struct esmtp_mail *m = into;

	if (value == NULL || *value == '\0' || strlen(value) > SIZE_DIGITS ||
	    strspn(value, "0123456789") != strlen(value))
		return bad_parameter(l, "SIZE is a number of octets");
	/* What no 64 bits hold is too much for any limit. */
	if (str_number(value, 0, UINT64_MAX, &m->size) == -1)
		m->size = UINT64_MAX;
	return 0;
}

static int
take_body(struct line *l, void *into, const char *value)
{
	struct esmtp_mail *m = into;

	if (value != NULL && str_caseeq(value, "BINARYMIME"))
		return refuse(l, 504, "5.6.1", "BINARYMIME is not offered");
	if (value != NULL && str_caseeq(value, "8BITMIME"))
		m->eight_bit = true;
	else if (value == NULL || !str_caseeq(value, "7BIT"))
		return bad_parameter(l, "BODY is 7BIT or 8BITMIME");
	return 0;
}

static int
take_smtputf8(struct line *l, void *into, const char *value)
{
	struct esmtp_mail *m = into;

	if (value != NULL)
		return bad_parameter(l, "SMTPUTF8 takes no value");
	m->smtputf8 = l->utf8 = true;
	return 0;
}

static int
take_ret(struct line *l, void *into, const char *value)
{
	struct esmtp_mail *m = into;

	if (value == NULL || dsn_parse_return(value, &m->ret, NULL) == -1)
		return bad_parameter(l, "RET is FULL or HDRS");
	return 0;
}

static int
take_envid(struct line *l, void *into, const char *value)
{
	struct esmtp_mail *m = into;
	struct buf id;

	buf_init(&id, ENVID_MAX);
	if (value == NULL || dsn_read_xtext(value, &id) == -1 ||
	    id.overflow || dsn_check_envid(id.data, NULL) == -1) {
		buf_release(&id);
		return bad_parameter(l, "ENVID is xtext of at most 100"
		    " octets");
	}
	m->envid = buf_steal(&id);
	return 0;
}

static int
take_notify(struct line *l, void *into, const char *value)
{
	struct esmtp_rcpt *r = into;

	if (value == NULL || dsn_parse_notify(value, &r->notify, NULL) == -1)
		return bad_parameter(l, "NOTIFY is NEVER, or a list of"
		    " SUCCESS, FAILURE, DELAY");
	return 0;
}

static bool
is_xtext(const char *text)
{
	struct buf read;
	int rc;

	buf_init(&read, ORCPT_MAX);
	rc = dsn_read_xtext(text, &read);
	buf_release(&read);
	return rc == 0;
}

static int
take_orcpt(struct line *l, void *into, const char *value)
{
	struct esmtp_rcpt *r = into;
	const char *semicolon;

	semicolon = value == NULL ? NULL : strchr(value, ';');
	if (semicolon == NULL || semicolon == value || semicolon[1] == '\0' ||
	    strlen(value) > ORCPT_MAX || !is_xtext(value))
		return bad_parameter(l, "ORCPT is a type, ';' and xtext, at"
		    " most 500 octets");
	r->orcpt = xstrdup(value);
	return 0;
}

static const struct parameter of_mail[] = {
	{ "SIZE", take_size },
	{ "BODY", take_body },
	{ "SMTPUTF8", take_smtputf8 },
	{ "RET", take_ret },
	{ "ENVID", take_envid },
	{ NULL, NULL }
};

static const struct parameter of_rcpt[] = {
	{ "NOTIFY", take_notify },
	{ "ORCPT", take_orcpt },
	{ NULL, NULL }
};

/* One word: NAME or NAME=VALUE; seen has a bit for each row. */
static int
take_word(struct line *l, const struct parameter *table, char *word,
    void *into, unsigned int *seen)
{
	char *value;
	size_t i;

	value = strchr(word, '=');
	if (value != NULL)
		*value++ = '\0';
	for (i = 0; table[i].name != NULL; i++)
		if (str_caseeq(word, table[i].name))
			break;
	if (table[i].name == NULL)
		return refuse(l, 555, "5.5.4", "a parameter is unknown");
	if (*seen & 1U << i)
		return bad_parameter(l, "a parameter is given twice");
	*seen |= 1U << i;
	return table[i].take(l, into, value);
}

static int
take_parameters(struct line *l, const struct parameter *table, void *into)
{
	unsigned int seen = 0;
	size_t len;
	char *word;
	int rc = 0;

	for (skip_blanks(l); rc == 0 && *l->at != '\0'; skip_blanks(l)) {
		len = strcspn(l->at, " \t");
		word = xstrndup(l->at, len);
		rc = take_word(l, table, word, into, &seen);
		free(word);
		l->at += len;
	}
	return rc;
}

int
esmtp_parse_mail(struct esmtp_mail *m, const char *text,
    struct esmtp_refusal *why)
{
	struct line l = { text, why, false };
	size_t path;

	m->sender = take_path(&l, true);
	if (m->sender == NULL)
		return -1;
	path = (size_t)(l.at - text);
	/* SMTPUTF8 stands behind what it is about. */
	if (take_parameters(&l, of_mail, m) == -1)
		return -1;
	return check_utf8(&l, text, path);
}

int
esmtp_parse_rcpt(struct esmtp_rcpt *r, const char *text, bool utf8,
    struct esmtp_refusal *why)
{
	struct line l = { text, why, utf8 };

	r->address = take_path(&l, false);
	if (r->address == NULL ||
	    check_utf8(&l, text, (size_t)(l.at - text)) == -1)
		return -1;
	return take_parameters(&l, of_rcpt, r);
}
