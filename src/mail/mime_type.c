/* SPDX-License-Identifier: ISC */
/*
 * Content-Type and Content-Transfer-Encoding.  RFC 2045 sections 5 and 6,
 * RFC 2231.  Pure.  Where two readers could take a field differently, the part
 * is not touched.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "mail/header.h"
#include "mail/mime_type.h"

/* Bytes of a parameter's value, encoded or not. */
#define VALUE_MAX	1024

static const struct {
	const char *name;
	enum mime_kind kind;
	const char *why;
} kinds[] = {
	{ "multipart/signed", MIME_OPAQUE, "is signed" },
	{ "multipart/encrypted", MIME_OPAQUE, "is encrypted" },
	{ "application/pkcs7-mime", MIME_OPAQUE, "is signed or encrypted" },
	{ "application/x-pkcs7-mime", MIME_OPAQUE, "is signed or encrypted" },
	{ "message/rfc822", MIME_MESSAGE, NULL },
	{ "message/global", MIME_MESSAGE, NULL },
	{ "message/news", MIME_MESSAGE, NULL },
};

static const struct {
	const char *name;
	enum mime_encoding encoding;
} encodings[] = {
	{ "7bit", MIME_ENC_7BIT },
	{ "8bit", MIME_ENC_8BIT },
	{ "binary", MIME_ENC_BINARY },
	{ "quoted-printable", MIME_ENC_QP },
	{ "base64", MIME_ENC_BASE64 },
};

#define COUNT(a)	(sizeof (a) / sizeof *(a))

/* A field's value and how far it has been read. */
struct scan {
	const char *p;
	struct buf attribute;
	struct buf value;
	struct buf boundary;
	unsigned int sections;	/* of the boundary, RFC 2231 section 3 */
	bool whole;		/* the boundary has come in one */
	bool wide;		/* a charset whose characters are not bytes */
	bool odd;		/* the parameters are not understood */
};

/* White space and comments. */
static void
skip_blanks(struct scan *s)
{
	size_t depth = 0;

	for (; *s->p != '\0'; s->p++) {
		if (*s->p == '\\' && depth > 0 && s->p[1] != '\0')
			s->p++;
		else if (*s->p == '(')
			depth++;
		else if (*s->p == ')' && depth > 0)
			depth--;
		else if (depth == 0 && !ascii_isspace(*s->p))
			return;
	}
}

static bool
ends_token(char c)
{
	return c <= ' ' || c >= 0x7f || strchr("()<>@,;:\\\"/[]?=", c) != NULL;
}

static void
read_token(struct scan *s, struct buf *out)
{
	skip_blanks(s);
	for (; !ends_token(*s->p); s->p++)
		buf_addc(out, ascii_tolower(*s->p));
	skip_blanks(s);
}

/* In quotes or not; without them as much as mailers are known to write. */
static void
read_value(struct scan *s)
{
	skip_blanks(s);
	buf_clear(&s->value);
	if (*s->p != '"') {
		for (; *s->p != '\0' && *s->p != ';' && *s->p != '(' &&
		    !ascii_isspace(*s->p); s->p++)
			buf_addc(&s->value, *s->p);
		return;
	}
	for (s->p++; *s->p != '\0' && *s->p != '"'; s->p++) {
		if (*s->p == '\\' && s->p[1] != '\0')
			s->p++;
		buf_addc(&s->value, *s->p);
	}
	if (*s->p == '"')
		s->p++;
	else
		s->odd = true;
}

static int
hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;

	at = c == '\0' ? NULL : strchr(digits, ascii_tolower(c));
	return at == NULL ? -1 : (int)(at - digits);
}

/* "us-ascii'en'a%20b": the first section has charset and language. */
static void
add_extended(struct scan *s, bool first)
{
	const char *p = s->value.data;
	const char *quote;

	if (first) {
		quote = strchr(p, '\'');
		quote = quote == NULL ? NULL : strchr(quote + 1, '\'');
		if (quote == NULL) {
			s->odd = true;
			return;
		}
		p = quote + 1;
	}
	for (; *p != '\0'; p++) {
		if (*p == '%' && hex(p[1]) != -1 && hex(p[2]) != -1) {
			buf_addc(&s->boundary,
			    (char)(hex(p[1]) << 4 | hex(p[2])));
			p += 2;
		} else
			buf_addc(&s->boundary, *p);
	}
}

/* "boundary", "boundary*", "boundary*0", "boundary*0*": what is behind it. */
static void
add_boundary(struct scan *s, const char *suffix)
{
	uint64_t section;
	size_t len = strlen(suffix);
	bool extended;
	char *number;

	extended = len > 0 && suffix[len - 1] == '*';
	if (s->whole || (len <= 1 && s->sections > 0)) {
		/* Twice: which of them counts is the reader's choice. */
		s->odd = true;
		return;
	}
	if (len > 1) {
		number = xstrndup(suffix + 1, len - 1 - extended);
		if (str_number(number, 0, 99, &section) == -1 ||
		    section != s->sections)
			s->odd = true;
		free(number);
	} else
		s->whole = true;
	if (extended)
		add_extended(s, s->sections == 0);
	else
		buf_add(&s->boundary, s->value.data, s->value.len);
	s->sections++;
}

static bool
is_wide(const char *charset)
{
	return str_casestarts(charset, "utf-16") ||
	    str_casestarts(charset, "utf-32") ||
	    str_casestarts(charset, "utf16") ||
	    str_casestarts(charset, "utf32") ||
	    str_casestarts(charset, "ucs-") ||
	    str_casestarts(charset, "iso-10646-ucs");
}

static void
read_parameter(struct scan *s)
{
	const char *name;

	buf_clear(&s->attribute);
	read_token(s, &s->attribute);
	if (*s->p == '=') {
		s->p++;
		read_value(s);
		name = s->attribute.data;
		if (strcmp(name, "boundary") == 0 ||
		    str_starts(name, "boundary*"))
			add_boundary(s, name + strlen("boundary"));
		else if (strcmp(name, "charset") == 0)
			s->wide = is_wide(s->value.data);
	}
	skip_blanks(s);
	while (*s->p != '\0' && *s->p != ';')
		s->p++;
}

static void
scan_init(struct scan *s, const char *value)
{
	memset(s, 0, sizeof *s);
	s->p = value;
	buf_init(&s->attribute, VALUE_MAX);
	buf_init(&s->value, VALUE_MAX);
	buf_init(&s->boundary, VALUE_MAX);
}

static void
scan_release(struct scan *s)
{
	buf_release(&s->attribute);
	buf_release(&s->value);
	buf_release(&s->boundary);
}

/* Blanks at its end do not belong to it (RFC 2046 section 5.1.1). */
static bool
take_boundary(struct mime_type *t, const struct scan *s)
{
	const struct buf *b = &s->boundary;
	size_t i, len = b->len;

	while (len > 0 && ascii_isblank(b->data[len - 1]))
		len--;
	if (s->odd || b->overflow || len == 0 || len > MIME_BOUNDARY_MAX)
		return false;
	for (i = 0; i < len; i++)
		if (b->data[i] < ' ' || b->data[i] >= 0x7f)
			return false;
	memcpy(t->boundary, b->data, len);
	t->boundary[len] = '\0';
	return true;
}

void
mime_type_opaque(struct mime_type *t, const char *why)
{
	t->kind = MIME_OPAQUE;
	t->why = why;
}

/* By the type's name alone. */
static void
set_kind(struct mime_type *t)
{
	size_t i;

	for (i = 0; i < COUNT(kinds); i++)
		if (strcmp(t->name, kinds[i].name) == 0) {
			t->kind = kinds[i].kind;
			t->why = kinds[i].why;
			return;
		}
	if (str_starts(t->name, "multipart/"))
		t->kind = MIME_MULTIPART;
	else if (str_starts(t->name, "message/"))
		mime_type_opaque(t, "is of a type that takes no encoding");
	else if (str_starts(t->name, "text/") || strcmp(t->name, "text") == 0)
		t->kind = MIME_TEXT;
	else
		t->kind = MIME_OTHER;
}

static void
read_type(struct mime_type *t, const char *value)
{
	struct scan s;
	struct buf name;

	scan_init(&s, value);
	buf_init(&name, MIME_NAME_MAX);
	read_token(&s, &name);
	if (*s.p == '/') {
		s.p++;
		buf_addc(&name, '/');
		read_token(&s, &name);
	}
	memcpy(t->name, name.data, name.len + 1);
	set_kind(t);
	while (*s.p != '\0' && *s.p != ';')
		s.p++;
	while (*s.p == ';') {
		s.p++;
		read_parameter(&s);
	}
	t->digest = strcmp(t->name, "multipart/digest") == 0;
	if (t->kind == MIME_TEXT && s.wide)
		t->kind = MIME_OTHER;
	if (t->kind == MIME_MULTIPART && !take_boundary(t, &s))
		mime_type_opaque(t, "has no boundary that can be used");
	buf_release(&name);
	scan_release(&s);
}

static enum mime_encoding
encoding_of(const struct header *h, size_t i)
{
	enum mime_encoding found = MIME_ENC_UNKNOWN;
	struct scan s;
	struct buf name;
	char *value;
	size_t k;

	value = header_value(h, i);
	scan_init(&s, value);
	buf_init(&name, MIME_NAME_MAX);
	read_token(&s, &name);
	for (k = 0; k < COUNT(encodings); k++)
		if (*s.p == '\0' && !name.overflow &&
		    strcmp(name.data, encodings[k].name) == 0)
			found = encodings[k].encoding;
	buf_release(&name);
	scan_release(&s);
	free(value);
	return found;
}

/* Several fields that say the same are one. */
static enum mime_encoding
read_encoding(const struct header *h)
{
	enum mime_encoding first = MIME_ENC_NONE;
	long i = -1;

	while ((i = header_find(h, "Content-Transfer-Encoding",
	    (size_t)(i + 1))) != -1) {
		if (first == MIME_ENC_NONE)
			first = encoding_of(h, (size_t)i);
		else if (encoding_of(h, (size_t)i) != first)
			return MIME_ENC_UNKNOWN;
	}
	return first;
}

bool
mime_boundaries_clash(const char *a, size_t alen, const char *b, size_t blen)
{
	if (alen > blen)
		return mime_boundaries_clash(b, blen, a, alen);
	return memcmp(a, b, alen) == 0 && (alen == blen ||
	    (blen == alen + 2 && b[alen] == '-' && b[alen + 1] == '-'));
}

bool
mime_type_plain(const struct mime_type *t)
{
	return t->encoding <= MIME_ENC_BINARY;
}

void
mime_type_read(struct mime_type *t, const struct header *h, bool in_digest)
{
	char *value;
	long i;

	memset(t, 0, sizeof *t);
	t->encoding = read_encoding(h);
	i = header_find(h, "Content-Type", 0);
	t->given = i != -1;
	if (t->given) {
		value = header_value(h, (size_t)i);
		read_type(t, value);
		free(value);
		if (header_find(h, "Content-Type", (size_t)i + 1) != -1)
			mime_type_opaque(t, "has two Content-Type fields");
	} else {
		read_type(t, in_digest ? "message/rfc822" : "text/plain");
	}
	if (t->kind == MIME_OPAQUE)
		return;
	if (t->encoding == MIME_ENC_UNKNOWN)
		mime_type_opaque(t, "has an encoding that is not known");
	else if (!mime_type_plain(t) && (t->kind == MIME_MULTIPART ||
	    t->kind == MIME_MESSAGE))
		mime_type_opaque(t, "has an encoding that its type forbids");
}
