/* SPDX-License-Identifier: ISC */
/*
 * Parses addresses: RFC 5322 sections 3.4 and 4.4 (and the comments, folds and
 * quoted strings of section 3.2), RFC 6532.  Pure: changes no letter's case,
 * and never recurses.  What may stand in an envelope is address_form.c's.
 *
 * More than the RFCs allow is read where it is in use and can mean one thing
 * only: dots at any place of a local part, dots and brackets in a display
 * name, an address as display name, groups in groups, and a last group that
 * is not closed.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/atext.h"

/* Bytes that an error quotes on either side of its spot. */
#define SPOT	32

#define CONTROL	"a control byte or an unfolded line end has no place here"

struct parser {
	const char *text;
	size_t len;
	size_t pos;
	size_t element;		/* where the current list element begins */
	size_t depth;		/* groups that are open */
	struct buf local;	/* of the current element, as it is meant */
	struct buf domain;
	struct error *e;
};

/* Words, dots and a domain: an addr-spec or, without domain, a phrase. */
struct spec {
	size_t start;
	size_t end;
	size_t phrase;		/* from here on it is no local part */
	bool any;		/* there is a word */
	bool after_word;	/* a word came last */
	bool has_domain;
};

/* Always -1.  Quotes the text around a place. */
static int
fail(struct parser *p, size_t at, const char *reason)
{
	struct buf spot;
	size_t from, to;

	from = at - p->element > SPOT ? at - SPOT : p->element;
	while (from < at && ((unsigned char)p->text[from] & 0xc0) == 0x80)
		from++;
	to = p->len - at > SPOT ? at + SPOT : p->len;
	while (to > at && to < p->len &&
	    ((unsigned char)p->text[to] & 0xc0) == 0x80)
		to--;
	buf_init(&spot, 8 * SPOT + 8);
	str_escape(&spot, p->text + from, to - from, 8 * SPOT);
	error_set(p->e, ERR_MESSAGE, "cannot parse the address at '%s': %s",
	    spot.data, reason);
	buf_release(&spot);
	return -1;
}

/* The next byte; NUL at the end, since skip_cfws lets no other NUL through. */
static char
peek(const struct parser *p)
{
	return p->pos < p->len ? p->text[p->pos] : '\0';
}

/* Bytes of the line end at pos, where white space behind it makes a fold. */
static size_t
fold_length(const struct parser *p)
{
	size_t n, left;

	left = p->len - p->pos;
	n = left > 0 && p->text[p->pos] == '\r' ? 1 : 0;
	if (left < n + 2 || p->text[p->pos + n] != '\n' ||
	    !ascii_isblank(p->text[p->pos + n + 1]))
		return 0;
	return n + 1;
}

/*
 * One character of a quoted string or comment: *c is what it means, *pair
 * whether a backslash stood before it.  The line end of a fold is skipped.
 */
static int
next_char(struct parser *p, char *c, bool *pair)
{
	p->pos += fold_length(p);
	*pair = p->text[p->pos] == '\\' && p->pos + 1 < p->len;
	if (*pair)
		p->pos++;
	*c = p->text[p->pos];
	if (ascii_iscntrl(*c) && *c != '\t')
		return fail(p, p->pos, CONTROL);
	p->pos++;
	return 0;
}

static int
skip_comment(struct parser *p)
{
	size_t open, depth = 0;
	bool pair;
	char c;

	open = p->pos;
	do {
		if (p->pos == p->len)
			return fail(p, open, "the comment has no ')'");
		if (next_char(p, &c, &pair) == -1)
			return -1;
		if (!pair && c == '(')
			depth++;
		else if (!pair && c == ')')
			depth--;
	} while (depth > 0);
	return 0;
}

/* Comments, white space, folds. */
static int
skip_cfws(struct parser *p)
{
	char c;

	while (p->pos < p->len) {
		c = p->text[p->pos];
		if (ascii_isblank(c))
			p->pos++;
		else if (c == '(') {
			if (skip_comment(p) == -1)
				return -1;
		} else if (fold_length(p) > 0)
			p->pos += fold_length(p);
		else if (ascii_iscntrl(c))
			return fail(p, p->pos, CONTROL);
		else
			break;
	}
	return 0;
}

static void
take_atom(struct parser *p, struct buf *out)
{
	size_t start;

	start = p->pos;
	while (is_atext(peek(p)))
		p->pos++;
	buf_add(out, p->text + start, p->pos - start);
}

static int
take_quoted(struct parser *p, struct buf *out)
{
	size_t open;
	bool pair;
	char c;

	open = p->pos++;
	for (;;) {
		if (p->pos == p->len)
			return fail(p, open, "the quote has no end");
		if (next_char(p, &c, &pair) == -1)
			return -1;
		if (c == '"' && !pair)
			return 0;
		buf_addc(out, c);
	}
}

/* A word, or what is one in a display name only; pos is at its first byte. */
static int
take_word(struct parser *p, struct spec *s)
{
	char c;

	c = peek(p);
	if ((s->after_word || !(c == '"' || is_atext(c))) &&
	    s->phrase == SIZE_MAX)
		s->phrase = p->pos;
	s->any = s->after_word = true;
	if (c == '"')
		return take_quoted(p, &p->local);
	if (is_atext(c))
		take_atom(p, &p->local);
	else
		p->pos++;
	return 0;
}

/*
 * All that can be a local part or a display name, into p->local; pos is at
 * what follows and is neither.
 */
static int
read_words(struct parser *p, struct spec *s)
{
	char c;

	memset(s, 0, sizeof *s);
	s->phrase = SIZE_MAX;
	buf_clear(&p->local);
	if (skip_cfws(p) == -1)
		return -1;
	s->start = s->end = p->pos;
	for (;;) {
		c = peek(p);
		if (c == '.') {
			buf_addc(&p->local, c);
			p->pos++;
			s->after_word = false;
		} else if (c == '"' || c == '[' || c == ']' || is_atext(c)) {
			if (take_word(p, s) == -1)
				return -1;
		} else
			return 0;
		s->end = p->pos;
		if (skip_cfws(p) == -1)
			return -1;
	}
}

static int
check_local(struct parser *p, const struct spec *s)
{
	size_t i;

	if (!s->any)
		return fail(p, p->pos, "a local part should stand here");
	if (s->phrase != SIZE_MAX)
		return fail(p, s->phrase, "several words are no address:"
		    " put the address behind them in '<>', or a ',' between"
		    " two addresses");
	for (i = 0; i < p->local.len; i++)
		if (ascii_iscntrl(p->local.data[i]))
			return fail(p, s->start,
			    "the local part has a control byte");
	if (!utf8_valid(p->local.data, p->local.len))
		return fail(p, s->start, "the local part is not UTF-8");
	return 0;
}

/* "[127.0.0.1]"; pos is at the '['.  White space within means nothing. */
static int
read_literal(struct parser *p)
{
	size_t open;
	char c;

	open = p->pos;
	do {
		p->pos += fold_length(p);
		if (p->pos == p->len)
			return fail(p, open, "the address literal has no ']'");
		c = p->text[p->pos];
		if (c == '\\' || (unsigned char)c >= 0x80 ||
		    (c == '[' && p->pos != open) ||
		    (ascii_iscntrl(c) && c != '\t'))
			return fail(p, p->pos,
			    "an address literal has no such byte");
		if (!ascii_isblank(c))
			buf_addc(&p->domain, c);
		p->pos++;
	} while (c != ']');
	return 0;
}

/* Labels with dots between; *end is behind the last of them. */
static int
read_labels(struct parser *p, size_t *end)
{
	for (;;) {
		if (!is_atext(peek(p)))
			return fail(p, p->pos, p->domain.len == 0 ?
			    "a domain should stand behind the '@'" :
			    "a label should stand behind the '.'");
		take_atom(p, &p->domain);
		*end = p->pos;
		if (skip_cfws(p) == -1)
			return -1;
		if (peek(p) != '.')
			return 0;
		buf_addc(&p->domain, '.');
		p->pos++;
		if (skip_cfws(p) == -1)
			return -1;
	}
}

/* Into p->domain; pos is at the '@', and then behind domain and comments. */
static int
read_domain(struct parser *p, size_t *end)
{
	size_t at;

	buf_clear(&p->domain);
	at = p->pos++;
	if (skip_cfws(p) == -1)
		return -1;
	if (peek(p) != '[') {
		if (read_labels(p, end) == -1)
			return -1;
		if (!utf8_valid(p->domain.data, p->domain.len))
			return fail(p, at, "the domain is not UTF-8");
		return 0;
	}
	if (read_literal(p) == -1)
		return -1;
	*end = p->pos;
	return skip_cfws(p);
}

/* What read_words found must be a local part; a domain may follow. */
static int
read_spec(struct parser *p, struct spec *s)
{
	if (check_local(p, s) == -1)
		return -1;
	if (peek(p) != '@')
		return 0;
	s->has_domain = true;
	return read_domain(p, &s->end);
}

/* "@a,@b:", which says a way to go that nobody goes any more. */
static int
skip_route(struct parser *p)
{
	size_t end;

	while (peek(p) != ':') {
		if (peek(p) == '@') {
			if (read_domain(p, &end) == -1)
				return -1;
		} else if (peek(p) != ',')
			return fail(p, p->pos, "the route has no ':'");
		else {
			p->pos++;
			if (skip_cfws(p) == -1)
				return -1;
		}
	}
	p->pos++;
	return 0;
}

/* "<addr-spec>"; pos is at the '<'. */
static int
read_angle(struct parser *p, struct spec *s)
{
	size_t open;

	open = p->pos++;
	if (skip_cfws(p) == -1)
		return -1;
	if ((peek(p) == '@' || peek(p) == ',') && skip_route(p) == -1)
		return -1;
	if (read_words(p, s) == -1)
		return -1;
	if (s->start == s->end && peek(p) == '>')
		return fail(p, p->pos, "an address should stand in the '<>'");
	if (read_spec(p, s) == -1)
		return -1;
	if (p->pos == p->len)
		return fail(p, open, "the '<' has no '>'");
	if (peek(p) != '>')
		return fail(p, p->pos, "a '>' should stand here");
	p->pos++;
	return skip_cfws(p);
}

/* The rest of a mailbox, behind what read_words found. */
static int
read_mailbox(struct parser *p, struct spec *s)
{
	if (peek(p) == '@' && read_spec(p, s) == -1)
		return -1;
	if (peek(p) == '<')
		return read_angle(p, s);
	return s->has_domain ? 0 : read_spec(p, s);
}

static void
parser_init(struct parser *p, const char *text, size_t len, struct error *e)
{
	memset(p, 0, sizeof *p);
	p->text = text;
	p->len = len;
	p->e = e;
	buf_init(&p->local, len);
	buf_init(&p->domain, len);
}

static void
parser_release(struct parser *p)
{
	buf_release(&p->local);
	buf_release(&p->domain);
}

static void
fill(struct address *a, const struct parser *p, const struct spec *s)
{
	a->local = xstrndup(p->local.data, p->local.len);
	a->domain = s->has_domain ?
	    xstrndup(p->domain.data, p->domain.len) : NULL;
	a->start = s->start;
	a->end = s->end;
}

static int
push(struct address_list *l, struct parser *p, const struct spec *s)
{
	if (l->count >= ADDRESS_LIST_MAX)
		return error_set(p->e, ERR_MESSAGE,
		    "too many addresses: more than %d in one list",
		    ADDRESS_LIST_MAX);
	mem_grow(&l->list, &l->cap, l->count + 1, sizeof *l->list);
	fill(&l->list[l->count++], p, s);
	return 0;
}

/* A mailbox, or a group's name and ':'. */
static int
read_element(struct parser *p, struct address_list *l)
{
	struct spec s;

	if (read_words(p, &s) == -1)
		return -1;
	if (s.any && peek(p) == ':') {
		p->depth++;
		p->pos++;
		return 0;
	}
	if (read_mailbox(p, &s) == -1)
		return -1;
	if (peek(p) == ';' && p->depth == 0)
		return fail(p, p->pos,
		    "a ';' closes no group here: put ',' between addresses");
	if (p->pos < p->len && peek(p) != ',' && peek(p) != ';')
		return fail(p, p->pos, "this cannot follow an address");
	return push(l, p, &s);
}

static int
read_list(struct parser *p, struct address_list *l)
{
	for (;;) {
		p->element = p->pos;
		if (skip_cfws(p) == -1)
			return -1;
		if (p->pos == p->len)
			return 0;
		if (peek(p) == ',')
			p->pos++;
		else if (peek(p) == ';' && p->depth > 0) {
			p->depth--;
			p->pos++;
		} else if (read_element(p, l) == -1)
			return -1;
	}
}

void
address_list_init(struct address_list *l)
{
	memset(l, 0, sizeof *l);
}

void
address_list_release(struct address_list *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		address_release(&l->list[i]);
	free(l->list);
	address_list_init(l);
}

int
address_list_parse(struct address_list *l, const char *text, size_t len,
    struct error *e)
{
	struct parser p;
	int rc;

	parser_init(&p, text, len, e);
	rc = read_list(&p, l);
	parser_release(&p);
	return rc;
}

static int
read_one(struct parser *p, struct spec *s)
{
	if (read_words(p, s) == -1 || read_mailbox(p, s) == -1)
		return -1;
	if (p->pos < p->len)
		return fail(p, p->pos, "this cannot follow an address");
	return 0;
}

int
address_parse(struct address *a, const char *text, size_t len,
    struct error *e)
{
	struct parser p;
	struct spec s;
	int rc;

	memset(a, 0, sizeof *a);
	parser_init(&p, text, len, e);
	rc = read_one(&p, &s);
	if (rc == 0)
		fill(a, &p, &s);
	parser_release(&p);
	return rc;
}

void
address_release(struct address *a)
{
	free(a->local);
	free(a->domain);
	memset(a, 0, sizeof *a);
}
