/* SPDX-License-Identifier: ISC */
/*
 * The parts of a MIME message: what is found of each, and how it is mended.
 * RFC 2045 section 6, RFC 2046.  Pure.
 */
#include "config.h"

#include <stdarg.h>
#include <string.h>

#include "base/str.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/mime_part.h"

/* What is known of a part. */
#define PART_BREAKS	1	/* lines, bare CR, NUL */
#define PART_8BIT	2
#define PART_UTF8	4	/* and that is UTF-8 */

#define TEXT_MAX	512

static const char cte[] = "Content-Transfer-Encoding";

/* "part 1.2", as numbered by IMAP (RFC 3501 section 6.4.5); "body". */
static void
name_part(const struct mime *m, struct buf *out)
{
	bool first = true;
	size_t i;

	for (i = 0; i < m->depth; i++) {
		if (m->levels[i].boundary_len == 0 ||
		    m->levels[i].parts == 0)
			continue;
		buf_addf(out, first ? "part %zu" : ".%zu",
		    m->levels[i].parts);
		first = false;
	}
	if (first)
		buf_adds(out, "body");
}

static void
set_fault(const struct mime *m, struct error *e, const char *text)
{
	struct buf name;

	if (e->class != ERR_NONE)
		return;
	buf_init(&name, TEXT_MAX);
	name_part(m, &name);
	error_set(e, ERR_MESSAGE, "the %s %s", name.data, text);
	buf_release(&name);
}

void
part_fault(struct mime *m, const char *fmt, ...)
{
	struct buf text;
	va_list ap;

	buf_init(&text, TEXT_MAX);
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	set_fault(m, &m->fault, text.data);
	buf_release(&text);
}

static unsigned int
known(const struct mime *m)
{
	return m->part < m->parts.len ?
	    (unsigned char)m->parts.data[m->part] : 0;
}

void
part_begin(struct mime *m)
{
	m->part++;
	buf_clear(&m->header);
	if (!m->writing && buf_addc(&m->parts, 0) == -1 &&
	    m->fault.class == ERR_NONE)
		error_set(&m->fault, ERR_MESSAGE, "the body has more than %d"
		    " parts, and needs mending for SMTP", MIME_PARTS_MAX);
}

/* How a leaf of this type, of which this is known, is written. */
static enum mime_how
how_for(const struct mime_type *t, unsigned int bits, bool seven_bit)
{
	if ((bits & PART_BREAKS) == 0 &&
	    !(seven_bit && (bits & PART_8BIT) != 0))
		return MIME_AS_IS;
	if (t->kind != MIME_TEXT && t->kind != MIME_OTHER)
		return MIME_AS_IS;
	if (t->encoding == MIME_ENC_QP)
		return MIME_QP_AGAIN;
	if (t->encoding == MIME_ENC_BASE64)
		return MIME_BASE64_AGAIN;
	return t->kind == MIME_TEXT ? MIME_TO_QP : MIME_TO_BASE64;
}

/* The value that Content-Transfer-Encoding gets; NULL where it stays. */
static const char *
label_for(const struct mime_type *t, enum mime_how how, bool seven_bit)
{
	if (how == MIME_TO_QP)
		return "quoted-printable";
	if (how == MIME_TO_BASE64)
		return "base64";
	if (t->kind != MIME_MULTIPART && t->kind != MIME_MESSAGE)
		return NULL;
	/* What it holds is not that any more. */
	if (seven_bit && (t->encoding == MIME_ENC_8BIT ||
	    t->encoding == MIME_ENC_BINARY))
		return "7bit";
	return t->encoding == MIME_ENC_BINARY ? "8bit" : NULL;
}

static int
set_encoding(struct header *h, const char *label, struct error *e)
{
	long at;

	at = header_find(h, cte, 0);
	if (at == -1)
		at = (long)h->count;
	header_remove(h, cte);
	return header_insert(h, (size_t)at, cte, label, e);
}

/* Text without a type: what its bytes say of it. */
static int
set_type(struct header *h, unsigned int bits, struct error *e)
{
	const char *value = "text/plain; charset=us-ascii";

	if ((bits & PART_UTF8) != 0)
		value = "text/plain; charset=utf-8";
	else if ((bits & PART_8BIT) != 0)
		value = "text/plain; charset=unknown-8bit";
	return header_insert(h, h->count, "Content-Type", value, e);
}

static int
set_fields(struct header *h, const struct mime_type *t, unsigned int bits,
    const char *label, bool root, struct error *e)
{
	if (root && !header_has(h, "MIME-Version") &&
	    header_insert(h, h->count, "MIME-Version", "1.0", e) == -1)
		return -1;
	if (root && !t->given && set_type(h, bits, e) == -1)
		return -1;
	return set_encoding(h, label, e);
}

int
mime_header(struct mime *m, struct header *h, bool seven_bit, struct error *e)
{
	unsigned int bits = (unsigned char)m->parts.data[0];
	const struct mime_type *t = &m->top;
	const char *label;

	label = label_for(t, how_for(t, bits, seven_bit), seven_bit);
	if (label == NULL && !t->given && t->kind == MIME_TEXT &&
	    mime_type_plain(t) && (bits & PART_8BIT) != 0)
		label = "8bit";
	return label == NULL ? 0 : set_fields(h, t, bits, label, true, e);
}

static bool
has_eight_bit(const char *s, size_t len)
{
	unsigned char all = 0;

	for (; len > 0; len--)
		all |= (unsigned char)s[len - 1];
	return all >= 0x80;
}

/* What a header line must not have; a long one can be folded. */
static void
look_at_header(struct mime *m, struct header *h)
{
	struct wire_count c = { 0 };
	struct error e;

	wire_count(&c, m->header.data, m->header.len);
	wire_count_finish(&c);
	if (c.longest > MIME_LINE_MAX) {
		m->breaks = true;
		if (header_fold(h, &e) == -1)
			part_fault(m, "cannot be mended: %s", e.text);
	}
	if (has_eight_bit(m->header.data, m->header.len)) {
		m->breaks_seven = true;
		set_fault(m, &m->fault_seven, "has 8-bit bytes in its header"
		    " and the relay does not offer 8BITMIME");
	}
}

static bool
has_long_line(const char *s, size_t len)
{
	struct wire_count c = { 0 };

	wire_count(&c, s, len);
	return c.longest > MIME_LINE_MAX;
}

/* As it came, unless something in it has to change. */
static void
write_header(struct mime *m, struct header *h)
{
	unsigned int bits = known(m);
	const char *label;

	label = label_for(&m->type, how_for(&m->type, bits, m->seven_bit),
	    m->seven_bit);
	if (label == NULL && !has_long_line(m->header.data, m->header.len)) {
		buf_add(m->out, m->header.data, m->header.len);
		return;
	}
	if (label != NULL)
		set_fields(h, &m->type, bits, label, m->root, NULL);
	header_fold(h, NULL);
	header_write(h, m->out);
}

static bool
clashes(const struct mime *m)
{
	const struct mime_level *l;

	for (l = m->levels; l < m->levels + m->depth; l++)
		if (l->boundary_len > 0 && mime_boundaries_clash(l->boundary,
		    l->boundary_len, m->type.boundary,
		    strlen(m->type.boundary)))
			return true;
	return false;
}

void
part_header(struct mime *m, bool in_digest)
{
	struct header h;
	struct error e;

	header_init(&h);
	if (m->fault.class == ERR_NONE && header_parse(&h, m->header.data,
	    m->header.len, &e) == -1)
		part_fault(m, "cannot be mended: %s", e.text);
	mime_type_read(&m->type, &h, in_digest);
	if (m->depth == MIME_DEPTH_MAX && (m->type.kind == MIME_MULTIPART ||
	    m->type.kind == MIME_MESSAGE))
		mime_type_opaque(&m->type, "lies too deep in others");
	else if (m->type.kind == MIME_MULTIPART && clashes(m))
		mime_type_opaque(&m->type, "has the boundary of an outer one");
	if (m->writing)
		write_header(m, &h);
	else
		look_at_header(m, &h);
	header_release(&h);
	buf_clear(&m->header);
}

bool
part_is_changed(const struct mime *m)
{
	return m->type.kind == MIME_MULTIPART ||
	    m->type.kind == MIME_MESSAGE ||
	    how_for(&m->type, known(m), m->seven_bit) != MIME_AS_IS;
}

void
part_begin_leaf(struct mime *m)
{
	memset(&m->count, 0, sizeof m->count);
	m->is_utf8 = true;
	m->utf8_len = 0;
	mime_code_begin(&m->code, m->writing ?
	    how_for(&m->type, known(m), m->seven_bit) : MIME_AS_IS,
	    m->seven_bit);
}

/* A byte more of a character, which has four at most. */
static void
check_utf8(struct mime *m, char c)
{
	static const char rest[] = "\200\200\200";
	char whole[sizeof m->utf8 + sizeof rest];
	size_t n;

	m->utf8[m->utf8_len++] = c;
	if (utf8_length(m->utf8, m->utf8_len) == m->utf8_len) {
		m->utf8_len = 0;
		return;
	}
	/* Could more bytes make it one?  Which depends on the first two. */
	for (n = 1; m->utf8_len + n <= 4; n++) {
		memcpy(whole, m->utf8, m->utf8_len);
		memset(whole + m->utf8_len, m->utf8_len == 1 &&
		    (m->utf8[0] == '\340' || m->utf8[0] == '\360') ?
		    '\277' : '\200', n);
		if (utf8_length(whole, m->utf8_len + n) == m->utf8_len + n)
			return;
	}
	m->is_utf8 = false;
}

static void
look_at_utf8(struct mime *m, const char *text, size_t len)
{
	for (; len > 0 && m->is_utf8; text++, len--)
		if (m->utf8_len > 0 || (unsigned char)*text >= 0x80)
			check_utf8(m, *text);
}

void
part_leaf(struct mime *m, const char *text, size_t len)
{
	if (m->writing) {
		mime_code_text(&m->code, text, len, m->out);
		return;
	}
	wire_count(&m->count, text, len);
	if (!m->type.given)
		look_at_utf8(m, text, len);
}

void
part_leaf_eol(struct mime *m, const char *eol, size_t len)
{
	if (m->writing)
		mime_code_eol(&m->code, eol, len, m->out);
	else
		part_leaf(m, eol, len);
}

/* What it is that SMTP cannot carry. */
static void
describe(const struct wire_count *c, struct buf *out)
{
	if (c->nul)
		buf_adds(out, "a NUL byte");
	else if (c->bare_cr)
		buf_adds(out, "a CR that is not before an LF");
	else
		buf_addf(out, "a line of %llu octets",
		    (unsigned long long)c->longest);
}

/* Nothing in it may change. */
static void
judge_opaque(struct mime *m, unsigned int bits)
{
	struct buf what;

	buf_init(&what, TEXT_MAX);
	if ((bits & PART_BREAKS) != 0) {
		describe(&m->count, &what);
		part_fault(m, "%s ('%s') and has %s, which SMTP cannot carry",
		    m->type.why, m->type.name, what.data);
		buf_clear(&what);
	}
	if ((bits & PART_8BIT) != 0) {
		buf_addf(&what, "%s ('%s') and has 8-bit bytes, and the relay"
		    " does not offer 8BITMIME", m->type.why, m->type.name);
		set_fault(m, &m->fault_seven, what.data);
	}
	buf_release(&what);
}

void
part_end_leaf(struct mime *m, bool last)
{
	struct wire_count *c = &m->count;
	unsigned int bits = 0;

	if (m->writing) {
		mime_code_end(&m->code, last, m->out);
		return;
	}
	wire_count_finish(c);
	if (c->nul || c->bare_cr || c->longest > MIME_LINE_MAX)
		bits |= PART_BREAKS;
	if (c->eight_bit)
		bits |= PART_8BIT;
	if (c->eight_bit && m->is_utf8 && m->utf8_len == 0)
		bits |= PART_UTF8;
	m->breaks = m->breaks || (bits & PART_BREAKS) != 0;
	m->breaks_seven = m->breaks_seven || c->eight_bit;
	if (m->type.kind == MIME_OPAQUE)
		judge_opaque(m, bits);
	if (m->part < m->parts.len)
		m->parts.data[m->part] = (char)bits;
}

/* Whether a line, or a piece of one, has to be written otherwise. */
static bool
fill_breaks(const struct mime *m, const char *text, size_t len)
{
	return m->in_line || len > MIME_LINE_MAX ||
	    memchr(text, '\0', len) != NULL ||
	    memchr(text, '\r', len) != NULL ||
	    (m->seven_bit && has_eight_bit(text, len));
}

void
part_fill(struct mime *m, const char *text, size_t len, const char *eol,
    size_t eol_len)
{
	bool breaks = fill_breaks(m, text, len);

	if (!m->writing) {
		m->breaks = m->breaks || breaks;
		m->breaks_seven = m->breaks_seven || has_eight_bit(text, len);
		return;
	}
	if (!m->in_line)
		mime_code_begin(&m->code, breaks ? MIME_TO_FILL : MIME_AS_IS,
		    m->seven_bit);
	mime_code_text(&m->code, text, len, m->out);
	if (eol_len > 0)
		mime_code_eol(&m->code, eol, eol_len, m->out);
}

int
mime_judge(const struct mime *m, bool seven_bit, struct error *e)
{
	const struct error *found = &m->fault;

	if (found->class == ERR_NONE && seven_bit)
		found = &m->fault_seven;
	if (found->class == ERR_NONE)
		return 0;
	if (e != NULL)
		*e = *found;
	return -1;
}

bool
mime_rewrites(const struct mime *m, bool seven_bit)
{
	return m->breaks || (seven_bit && m->breaks_seven);
}
