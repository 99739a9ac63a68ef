/* SPDX-License-Identifier: ISC */
/*
 * Reads a MIME message that is in memory, the other way round than mail/mime
 * does: a multipart is cut at its boundaries, and then each piece is looked
 * at.  RFC 2045, RFC 2046.  It shares the reading of Content-Type with it, and
 * no more.
 */
#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mime_reader.h"

struct reader {
	struct buf *out;
	const char *boundaries[MIME_DEPTH_MAX];	/* "": of a message */
	size_t depth;
};

static void	read_entity(struct reader *r, const struct header *h,
		    bool in_digest, const char *body, size_t len);

/* Bytes of the line without its end; *whole with it. */
static size_t
line_of(const char *s, size_t len, size_t *whole)
{
	const char *lf;
	size_t n;

	lf = memchr(s, '\n', len);
	if (lf == NULL) {
		*whole = len;
		return len;
	}
	n = (size_t)(lf - s);
	*whole = n + 1;
	return n > 0 && s[n - 1] == '\r' ? n - 1 : n;
}

static bool
is_field(const char *line, size_t len)
{
	return header_name_length(line, len > MIME_LINE_MAX ? MIME_LINE_MAX :
	    len) > 0;
}

static void
add_text(struct buf *out, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] != '\r' || i + 1 == len || s[i + 1] != '\n')
			buf_addc(out, s[i]);
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void
decode_qp(struct buf *out, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] != '=')
			buf_addc(out, s[i]);
		else if (i + 1 == len || s[i + 1] == '\n')
			i++;
		else if (i + 2 < len && s[i + 1] == '\r' && s[i + 2] == '\n')
			i += 2;
		else if (i + 2 < len && hex(s[i + 1]) >= 0 &&
		    hex(s[i + 2]) >= 0) {
			buf_addc(out,
			    (char)(hex(s[i + 1]) << 4 | hex(s[i + 2])));
			i += 2;
		} else
			buf_addc(out, '=');
	}
}

static void
decode_base64(struct buf *out, const char *s, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned long v = 0;
	unsigned int bits = 0;
	const char *at;
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == '=') {
			bits = 0;
			continue;
		}
		at = s[i] == '\0' ? NULL : strchr(digits, s[i]);
		if (at == NULL)
			continue;
		v = v << 6 | (unsigned long)(at - digits);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_addc(out, (char)(v >> bits & 255));
		}
	}
}

static void
read_leaf(struct reader *r, const struct mime_type *t, const char *body,
    size_t len)
{
	struct buf plain;

	if (t->kind == MIME_OPAQUE) {
		buf_add(r->out, body, len);
		return;
	}
	buf_init(&plain, len);
	if (t->encoding == MIME_ENC_QP)
		decode_qp(&plain, body, len);
	else if (t->encoding == MIME_ENC_BASE64)
		decode_base64(&plain, body, len);
	else
		buf_add(&plain, body, len);
	add_text(r->out, plain.data, plain.len);
	buf_release(&plain);
}

static bool
is_mine(const struct header_field *f)
{
	return header_is(f, "MIME-Version") || header_is(f, "Content-Type") ||
	    header_is(f, "Content-Transfer-Encoding");
}

/* The fields without white space, which folding may add. */
static void
read_fields(struct reader *r, const struct header *h)
{
	const struct header_field *f;
	size_t i, k;

	for (i = 0; i < h->count; i++) {
		f = &h->fields[i];
		for (k = 0; k < f->len && !is_mine(f); k++)
			if (!ascii_isspace(f->text[k]))
				buf_addc(r->out, f->text[k]);
	}
}

/* A header and what follows it. */
static void
read_part(struct reader *r, bool in_digest, const char *s, size_t len)
{
	struct header h;
	size_t n, text, whole;

	for (n = 0; n < len; n += whole) {
		text = line_of(s + n, len - n, &whole);
		if (text == 0 || !(is_field(s + n, text) ||
		    (n > 0 && ascii_isblank(s[n]))))
			break;
	}
	header_init(&h);
	header_parse(&h, s, n, NULL);
	if (n < len && line_of(s + n, len - n, &whole) == 0)
		n += whole;
	read_entity(r, &h, in_digest, s + n, len - n);
	header_release(&h);
}

/* 0; 1 for a boundary, 2 for the last. */
static int
is_boundary(const char *s, size_t len, const char *boundary)
{
	size_t n = strlen(boundary);

	if (len > MIME_LINE_MAX)
		return 0;
	while (len > 0 && ascii_isblank(s[len - 1]))
		len--;
	if (len < n + 2 || memcmp(s, "--", 2) != 0 ||
	    memcmp(s + 2, boundary, n) != 0)
		return 0;
	if (len == n + 2)
		return 1;
	return len == n + 4 && memcmp(s + n + 2, "--", 2) == 0 ? 2 : 0;
}

static size_t
before_eol(const char *s, size_t start, size_t end)
{
	if (end > start && s[end - 1] == '\n')
		end--;
	if (end > start && s[end - 1] == '\r' && s[end] == '\n')
		end--;
	return end;
}

static void
read_multipart(struct reader *r, const struct mime_type *t, const char *s,
    size_t len)
{
	size_t at, text, whole, start = 0;
	bool in_part = false;
	int kind;

	for (at = 0; at < len; at += whole) {
		text = line_of(s + at, len - at, &whole);
		kind = is_boundary(s + at, text, t->boundary);
		if (kind == 0)
			continue;
		if (in_part)
			read_part(r, t->digest, s + start,
			    before_eol(s, start, at) - start);
		if (kind == 2)
			return;
		in_part = true;
		start = at + whole;
	}
	if (in_part)
		read_part(r, t->digest, s + start, len - start);
}

static void
settle_type(const struct reader *r, struct mime_type *t)
{
	size_t i;

	if (t->kind != MIME_MULTIPART && t->kind != MIME_MESSAGE)
		return;
	if (r->depth == MIME_DEPTH_MAX)
		mime_type_opaque(t, "");
	for (i = 0; i < r->depth && t->kind == MIME_MULTIPART; i++)
		if (r->boundaries[i][0] != '\0' &&
		    mime_boundaries_clash(r->boundaries[i],
		    strlen(r->boundaries[i]), t->boundary,
		    strlen(t->boundary)))
			mime_type_opaque(t, "");
}

static void
read_entity(struct reader *r, const struct header *h, bool in_digest,
    const char *body, size_t len)
{
	struct mime_type t;

	mime_type_read(&t, h, in_digest);
	settle_type(r, &t);
	read_fields(r, h);
	buf_addf(r->out, "<%s>", t.name);
	if (t.kind != MIME_MULTIPART && t.kind != MIME_MESSAGE)
		read_leaf(r, &t, body, len);
	else {
		r->boundaries[r->depth++] = t.boundary;
		if (t.kind == MIME_MULTIPART)
			read_multipart(r, &t, body, len);
		else
			read_part(r, false, body, len);
		r->depth--;
	}
	buf_adds(r->out, "</>");
}

void
mime_reader(const struct header *h, const char *body, size_t len,
    struct buf *out)
{
	struct reader r;

	memset(&r, 0, sizeof r);
	r.out = out;
	read_entity(&r, h, false, body, len);
}
