/* SPDX-License-Identifier: ISC */
/*
 * A walk through a MIME message's parts.  RFC 2045, RFC 2046 section 5.1.
 * Pure.  Both walks, the one that looks and the one that writes, take the same
 * way, so that what the first found of a part is at hand in the second before
 * the part's header goes out.
 */
#include "config.h"

#include <string.h>

#include "base/str.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/mime_part.h"

static void
put(struct mime *m, const char *data, size_t len)
{
	if (m->writing)
		buf_add(m->out, data, len);
}

static void
reset(struct mime *m)
{
	m->depth = 0;
	m->part = 0;
	m->root = true;
	m->line_len = m->eol_len = 0;
	m->in_line = false;
	buf_clear(&m->header);
}

/* The part's content begins: what kind of a part it is decides how. */
static void
enter(struct mime *m)
{
	struct mime_level *l = &m->levels[m->depth];

	m->root = false;
	if (m->type.kind != MIME_MULTIPART && m->type.kind != MIME_MESSAGE) {
		m->state = MIME_IN_LEAF;
		part_begin_leaf(m);
		return;
	}
	m->depth++;
	l->parts = 0;
	l->digest = m->type.digest;
	l->boundary_len = strlen(m->type.boundary);
	memcpy(l->boundary, m->type.boundary, l->boundary_len);
	if (m->type.kind == MIME_MULTIPART) {
		m->state = MIME_IN_FILL;
		return;
	}
	l->parts = 1;
	m->state = MIME_IN_HEADER;
	m->root = true;
	part_begin(m);
}

void
mime_init(struct mime *m, const struct header *h)
{
	memset(m, 0, sizeof *m);
	buf_init(&m->parts, MIME_PARTS_MAX);
	buf_init(&m->header, MIME_HEADER_MAX);
	buf_addc(&m->parts, 0);
	mime_type_read(&m->type, h, false);
	m->top = m->type;
	reset(m);
	enter(m);
}

void
mime_release(struct mime *m)
{
	buf_release(&m->parts);
	buf_release(&m->header);
}

void
mime_write(struct mime *m, bool seven_bit)
{
	m->writing = true;
	m->seven_bit = seven_bit;
	m->type = m->top;
	reset(m);
	enter(m);
}

static bool
in_digest(const struct mime *m)
{
	return m->depth > 0 && m->levels[m->depth - 1].digest;
}

/*
 * The header is whole; eol is that of the empty line behind it, none where a
 * line that is no field or a boundary has ended it.
 */
static void
end_header(struct mime *m, const char *eol, size_t eol_len, bool text_follows)
{
	part_header(m, in_digest(m));
	put(m, eol, eol_len);
	/* What is encoded could look like a field. */
	if (eol_len == 0 && text_follows && part_is_changed(m))
		put(m, "\n", 1);
	enter(m);
}

/* "--boundary", perhaps "--" and blanks: not 0, 2 for the last one. */
static int
matches(const struct mime_level *l, const char *text, size_t len)
{
	size_t n = 2 + l->boundary_len;
	int kind = 1;

	if (l->boundary_len == 0 || len < n ||
	    memcmp(text + 2, l->boundary, l->boundary_len) != 0)
		return 0;
	if (len >= n + 2 && text[n] == '-' && text[n + 1] == '-') {
		kind = 2;
		n += 2;
	}
	for (; n < len; n++)
		if (!ascii_isblank(text[n]))
			return 0;
	return kind;
}

/* Whose boundary a line is: no two levels have one that clashes. */
static int
find_boundary(const struct mime *m, const char *text, size_t len,
    size_t *level)
{
	size_t i;
	int kind;

	if (len < 3 || len > MIME_LINE_MAX || text[0] != '-' || text[1] != '-')
		return 0;
	for (i = m->depth; i-- > 0;)
		if ((kind = matches(&m->levels[i], text, len)) != 0) {
			*level = i;
			return kind;
		}
	return 0;
}

static void
end_part(struct mime *m)
{
	while (m->state == MIME_IN_HEADER)
		end_header(m, "", 0, false);
	if (m->state == MIME_IN_LEAF)
		part_end_leaf(m, false);
	put(m, m->eol, m->eol_len);
	m->eol_len = 0;
}

/* A boundary: parts end, and one may begin. */
static void
take_boundary(struct mime *m, int kind, size_t level)
{
	end_part(m);
	m->depth = level + 1;
	if (kind == 2) {
		m->depth = level;
		m->state = MIME_IN_FILL;
		return;
	}
	m->levels[level].parts++;
	m->state = MIME_IN_HEADER;
	m->root = false;
	part_begin(m);
}

/* A name that no line could carry is none. */
static bool
is_header_line(const struct mime *m, const char *text, size_t len)
{
	if (len > MIME_LINE_MAX)
		len = MIME_LINE_MAX;
	if (len > 0 && ascii_isblank(text[0]))
		return m->header.len > 0;
	return header_name_length(text, len) > 0;
}

/* What mail programs leave before the header of a message in a message. */
static bool
is_mbox_line(const struct mime *m, const char *text, size_t len)
{
	size_t quoted = len > 0 && text[0] == '>', i;

	if (!m->root || m->depth == 0 || m->header.len > 0 ||
	    len > MIME_LINE_MAX || len < quoted + 5 ||
	    memcmp(text + quoted, "From ", 5) != 0)
		return false;
	for (i = 0; i < len; i++)
		if ((text[i] & 0x80) != 0 || text[i] == '\0' ||
		    text[i] == '\r')
			return false;
	return true;
}

/* A line of content, whole or a piece of it; eol_len 0 where it goes on. */
static void
content(struct mime *m, const char *text, size_t len, const char *eol,
    size_t eol_len)
{
	if (m->state == MIME_IN_FILL) {
		part_fill(m, text, len, eol, eol_len);
		return;
	}
	if (m->eol_len > 0)
		part_leaf_eol(m, m->eol, m->eol_len);
	part_leaf(m, text, len);
	memcpy(m->eol, eol, eol_len);
	m->eol_len = eol_len;
}

static void
header_text(struct mime *m, const char *text, size_t len)
{
	if (buf_add(&m->header, text, len) == -1)
		part_fault(m, "has a header of more than %d bytes",
		    MIME_HEADER_MAX);
}

/* The start of a line, all of it where there is an eol. */
static void
line_start(struct mime *m, const char *text, size_t len, const char *eol,
    size_t eol_len)
{
	size_t level;
	int kind;

	for (;;) {
		kind = find_boundary(m, text, len, &level);
		if (kind != 0) {
			take_boundary(m, kind, level);
			put(m, text, len);
			put(m, eol, eol_len);
			return;
		}
		if (m->state != MIME_IN_HEADER)
			break;
		if (len == 0) {
			end_header(m, eol, eol_len, true);
			return;
		}
		if (is_mbox_line(m, text, len)) {
			put(m, text, len);
			put(m, eol, eol_len);
			return;
		}
		if (is_header_line(m, text, len)) {
			header_text(m, text, len);
			header_text(m, eol, eol_len);
			return;
		}
		end_header(m, "", 0, true);
	}
	content(m, text, len, eol, eol_len);
}

static void
pass_on(struct mime *m, const char *text, size_t len, const char *eol,
    size_t eol_len)
{
	if (!m->in_line)
		line_start(m, text, len, eol, eol_len);
	else if (m->state == MIME_IN_HEADER) {
		header_text(m, text, len);
		header_text(m, eol, eol_len);
	} else
		content(m, text, len, eol, eol_len);
}

static void
end_line(struct mime *m)
{
	size_t len = m->line_len - 1;

	if (len > 0 && m->line[len - 1] == '\r')
		len--;
	pass_on(m, m->line, len, m->line + len, m->line_len - len);
	m->line_len = 0;
	m->in_line = false;
}

/* A long line; a CR at the end of its piece may belong to its end. */
static void
pass_piece(struct mime *m)
{
	size_t len = m->line_len;

	if (m->line[len - 1] == '\r')
		len--;
	pass_on(m, m->line, len, "", 0);
	m->line_len -= len;
	if (m->line_len > 0)
		m->line[0] = '\r';
	m->in_line = true;
}

void
mime_feed(struct mime *m, const char *data, size_t len, struct buf *out)
{
	const char *lf;
	size_t n;

	m->out = out;
	while (len > 0) {
		n = sizeof m->line - m->line_len;
		if (n > len)
			n = len;
		lf = memchr(data, '\n', n);
		if (lf != NULL)
			n = (size_t)(lf - data) + 1;
		memcpy(m->line + m->line_len, data, n);
		m->line_len += n;
		if (lf != NULL)
			end_line(m);
		else if (m->line_len == sizeof m->line)
			pass_piece(m);
		data += n;
		len -= n;
	}
}

void
mime_finish(struct mime *m, struct buf *out)
{
	m->out = out;
	if (m->line_len > 0)
		pass_on(m, m->line, m->line_len, "", 0);
	m->line_len = 0;
	m->in_line = false;
	while (m->state == MIME_IN_HEADER)
		end_header(m, "", 0, false);
	if (m->state != MIME_IN_LEAF)
		return;
	if (m->eol_len > 0)
		part_leaf_eol(m, m->eol, m->eol_len);
	m->eol_len = 0;
	part_end_leaf(m, true);
}
