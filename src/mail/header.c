/* SPDX-License-Identifier: ISC */
/*
 * The fields of a header: RFC 5322 sections 2.2, 3.6 and 4.5.  Pure: changes
 * no byte that it was not asked to.  How long lines are folded is
 * header_fold.c's.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/header.h"

/* Bytes that an error shows of a field's name. */
#define SHOWN	80

#define RESENT	"Resent-"

/* RFC 5322 section 3.6.6: each of them once in a block. */
static const char *const resent_names[] = {
	"Resent-Date", "Resent-From", "Resent-Sender", "Resent-To",
	"Resent-Cc", "Resent-Bcc", "Resent-Message-ID", "Resent-Reply-To"
};

#define RESENT_COUNT	(sizeof resent_names / sizeof *resent_names)

size_t
header_name_length(const char *line, size_t len)
{
	size_t n, i;

	for (n = 0; n < len; n++)
		if (line[n] <= ' ' || line[n] >= 0x7f || line[n] == ':')
			break;
	for (i = n; i < len && ascii_isblank(line[i]); i++)
		;
	return i < len && line[i] == ':' ? n : 0;
}

void
header_init(struct header *h)
{
	memset(h, 0, sizeof *h);
}

void
header_release(struct header *h)
{
	size_t i;

	for (i = 0; i < h->count; i++)
		free(h->fields[i].text);
	free(h->fields);
	header_init(h);
}

/* Takes over text, whose name has been found to be one. */
static void
field_set(struct header_field *f, char *text, size_t len, size_t name_len)
{
	f->text = text;
	f->len = len;
	f->name_len = name_len;
	f->value = (size_t)((char *)memchr(text, ':', len) - text) + 1;
}

/* Puts an element in that is yet to be set. */
static struct header_field *
make_room(struct header *h, size_t at)
{
	mem_grow(&h->fields, &h->cap, h->count + 1, sizeof *h->fields);
	memmove(h->fields + at + 1, h->fields + at,
	    (h->count - at) * sizeof *h->fields);
	h->count++;
	return &h->fields[at];
}

/* Bytes of the line at s without its end; *whole is with it. */
static size_t
line_length(const char *s, size_t len, size_t *whole)
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

static int
check_line(const char *line, size_t len, const char *name, size_t name_len,
    struct error *e)
{
	const char *what;

	if (memchr(line, '\0', len) != NULL)
		what = "a NUL byte";
	else if (memchr(line, '\r', len) != NULL)
		what = "a CR that is not before an LF";
	else
		return 0;
	return error_set(e, ERR_MESSAGE, "the header field '%.*s' has %s,"
	    " which SMTP cannot carry", name_len > SHOWN ? SHOWN :
	    (int)name_len, name, what);
}

/* Bytes of the field at the start of text, and how many lines it has. */
static size_t
measure(const char *text, size_t len, size_t *lines)
{
	size_t n = 0, whole;

	*lines = 0;
	do {
		line_length(text + n, len - n, &whole);
		n += whole;
		(*lines)++;
	} while (n < len && ascii_isblank(text[n]));
	return n;
}

/* Adds one field, len bytes with all its lines. */
static int
add_field(struct header *h, const char *text, size_t len, size_t lines,
    struct error *e)
{
	size_t name_len, n, whole, out = 0;
	char *copy;

	n = line_length(text, len, &whole);
	name_len = header_name_length(text, n);
	if (name_len == 0) {
		return error_set(e, ERR_MESSAGE, "the header line '%.*s' is"
		    " no field: a name and ':' should begin it",
		    n > SHOWN ? SHOWN : (int)n, text);
	}
	copy = xmalloc(len + 2 * lines + 1);
	for (; len > 0; text += whole, len -= whole) {
		n = line_length(text, len, &whole);
		memcpy(copy + out, text, n);
		if (check_line(copy + out, n, copy, name_len, e) == -1) {
			free(copy);
			return -1;
		}
		memcpy(copy + out + n, "\r\n", 2);
		out += n + 2;
	}
	copy[out] = '\0';
	field_set(make_room(h, h->count), copy, out, name_len);
	return 0;
}

int
header_parse(struct header *h, const char *text, size_t len, struct error *e)
{
	size_t n, lines;

	while (len > 0) {
		if (h->count == HEADER_FIELDS_MAX)
			return error_set(e, ERR_MESSAGE, "the header has more"
			    " than %d fields", HEADER_FIELDS_MAX);
		n = measure(text, len, &lines);
		if (add_field(h, text, n, lines, e) == -1)
			return -1;
		text += n;
		len -= n;
	}
	return 0;
}

bool
header_is(const struct header_field *f, const char *name)
{
	return mem_caseeq(f->text, f->name_len, name, strlen(name));
}

long
header_find(const struct header *h, const char *name, size_t from)
{
	for (; from < h->count; from++)
		if (header_is(&h->fields[from], name))
			return (long)from;
	return -1;
}

bool
header_has(const struct header *h, const char *name)
{
	return header_find(h, name, 0) != -1;
}

size_t
header_remove(struct header *h, const char *name)
{
	size_t i, kept = 0, removed;

	for (i = 0; i < h->count; i++) {
		if (header_is(&h->fields[i], name))
			free(h->fields[i].text);
		else
			h->fields[kept++] = h->fields[i];
	}
	removed = h->count - kept;
	h->count = kept;
	return removed;
}

/* No CR or LF but in a CRLF before a blank. */
static bool
value_fits(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\r' && s[1] == '\n' && ascii_isblank(s[2]))
			s += 2;
		else if (*s == '\r' || *s == '\n')
			return false;
	}
	return true;
}

int
header_insert(struct header *h, size_t at, const char *name,
    const char *value, struct error *e)
{
	size_t name_len;
	char *text;

	text = xasprintf("%s: %s\r\n", name, value);
	name_len = strlen(name);
	if (!value_fits(value) || name_len == 0 ||
	    header_name_length(text, strlen(text)) != name_len) {
		free(text);
		return error_set(e, ERR_MESSAGE, "cannot add the header field"
		    " '%s': a line end stands in it, or its name is none",
		    name);
	}
	field_set(make_room(h, at), text, strlen(text), name_len);
	return 0;
}

/* The value as it stands, without the last line end. */
static int
parse_addresses(const struct header_field *f, struct address_list *l,
    struct error *e)
{
	return address_list_parse(l, f->text + f->value,
	    f->len - f->value - 2, e);
}

int
header_addresses(const struct header *h, size_t i, struct address_list *l,
    struct error *e)
{
	const struct header_field *f = &h->fields[i];
	struct error inner;

	if (parse_addresses(f, l, &inner) == 0)
		return 0;
	return error_set(e, inner.class, "the header field '%.*s': %s",
	    f->name_len > SHOWN ? SHOWN : (int)f->name_len, f->text,
	    inner.text);
}

/* The field's text with "@domain" at the end of each bare address. */
static void
completed(const struct header_field *f, const struct address_list *l,
    const char *domain, struct buf *out)
{
	size_t i, end, done = 0;

	for (i = 0; i < l->count && !out->overflow; i++) {
		if (l->list[i].domain != NULL)
			continue;
		end = f->value + l->list[i].end;
		buf_add(out, f->text + done, end - done);
		buf_addc(out, '@');
		buf_adds(out, domain);
		done = end;
	}
	buf_add(out, f->text + done, f->len - done);
}

/* Takes the text that is in out, where that had room for it; releases out. */
static int
take_text(struct header_field *f, struct buf *out)
{
	int rc = out->overflow ? -1 : 0;

	if (rc == 0) {
		free(f->text);
		f->len = out->len;
		f->text = buf_steal(out);
	}
	buf_release(out);
	return rc;
}

int
header_replace(struct header *h, size_t i, const struct address_list *l,
    const bool *which, const char *address)
{
	struct header_field *f = &h->fields[i];
	size_t k, done = 0;
	struct buf out;

	buf_init(&out, HEADER_OUT_MAX);
	for (k = 0; k < l->count && !out.overflow; k++) {
		if (!which[k])
			continue;
		buf_add(&out, f->text + done,
		    f->value + l->list[k].start - done);
		buf_adds(&out, address);
		done = f->value + l->list[k].end;
	}
	buf_add(&out, f->text + done, f->len - done);
	return take_text(f, &out);
}

static bool
any_bare(const struct address_list *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (l->list[i].domain == NULL)
			return true;
	return false;
}

void
header_complete(struct header *h, size_t i, const char *domain)
{
	struct header_field *f = &h->fields[i];
	struct address_list l;
	struct buf out;

	address_list_init(&l);
	if (parse_addresses(f, &l, NULL) == 0 && any_bare(&l)) {
		buf_init(&out, HEADER_OUT_MAX);
		completed(f, &l, domain, &out);
		take_text(f, &out);
	}
	address_list_release(&l);
}

/* True where a field belongs to a block whose names so far are in seen. */
static bool
in_block(const struct header_field *f, bool seen[RESENT_COUNT])
{
	size_t i, n;

	n = strlen(RESENT);
	if (f->name_len <= n || !mem_caseeq(f->text, n, RESENT, n))
		return false;
	for (i = 0; i < RESENT_COUNT; i++)
		if (header_is(f, resent_names[i])) {
			if (seen[i])
				return false;
			seen[i] = true;
		}
	return true;
}

bool
header_resent_block(const struct header *h, size_t *first, size_t *end)
{
	bool seen[RESENT_COUNT] = { false };
	size_t i;

	for (i = 0; i < h->count; i++)
		if (in_block(&h->fields[i], seen))
			break;
	*first = i;
	while (++i < h->count)
		if (!in_block(&h->fields[i], seen))
			break;
	*end = i;
	return *first < h->count;
}

int
header_write(const struct header *h, struct buf *out)
{
	size_t i;

	for (i = 0; i < h->count; i++)
		if (buf_add(out, h->fields[i].text, h->fields[i].len) == -1)
			return -1;
	return 0;
}

char *
header_value(const struct header *h, size_t i)
{
	const struct header_field *f = &h->fields[i];
	size_t k, start, end, len = 0;
	char *value;

	start = f->value;
	end = f->len;
	while (start < end && ascii_isspace(f->text[start]))
		start++;
	while (end > start && ascii_isspace(f->text[end - 1]))
		end--;
	value = xmalloc(end - start + 1);
	for (k = start; k < end; k++)
		if (f->text[k] != '\r' && f->text[k] != '\n')
			value[len++] = f->text[k];
	value[len] = '\0';
	return value;
}
