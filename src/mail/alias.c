/* SPDX-License-Identifier: ISC */
/*
 * Reads the alias file's text: aliases(5) of sendmail and Postfix, and what
 * Exim's system file has.  Pure.  Joins lines and takes quotes off in place;
 * looks at no value but for being there: alias_walk.c does when it is needed.
 *
 * Where the three differ: a line whose first byte that is no blank is '#' is a
 * comment, indented or not (Postfix); a backslash before the line end joins
 * lines too (sendmail); of two aliases of one name the first counts (all).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "mail/alias.h"

/* An index slot that holds nothing. */
#define SLOT_FREE	UINT32_MAX

enum problem {
	PROBLEM_NONE,
	PROBLEM_NUL,
	PROBLEM_CONTINUATION,
	PROBLEM_COLON,
	PROBLEM_NAME,
	PROBLEM_QUOTE,
	PROBLEM_BLANK,
	PROBLEM_DOMAIN,
	PROBLEM_VALUE
};

static const char *const problems[] = {
	[PROBLEM_NONE] = NULL,
	[PROBLEM_NUL] = "a NUL byte has no place here",
	[PROBLEM_CONTINUATION] = "a line that begins with white space continues"
	    " an alias, and there is none before it",
	[PROBLEM_COLON] = "a ':' should stand behind the name",
	[PROBLEM_NAME] = "a name should stand before the ':'",
	[PROBLEM_QUOTE] = "the quote before the name has no end",
	[PROBLEM_BLANK] = "a name with white space stands in quotes",
	[PROBLEM_DOMAIN] = "an alias is a name of this host, without '@'",
	[PROBLEM_VALUE] = "an address should stand behind the ':'",
};

/* The lines of the file, put together to those of aliases. */
struct reader {
	struct aliases *a;
	char *text;
	size_t len;
	size_t pos;
	uint32_t line;		/* of pos */
	bool open;		/* there is an alias that may be continued */
	bool joined;		/* a backslash ended the line before */
	size_t start;		/* of that alias */
	size_t end;
	uint32_t first;		/* its line */
};

void
aliases_init(struct aliases *a)
{
	memset(a, 0, sizeof *a);
	buf_init(&a->text, ALIAS_FILE_MAX);
}

void
aliases_release(struct aliases *a)
{
	free(a->file);
	free(a->list);
	free(a->index);
	buf_release(&a->text);
	memset(a, 0, sizeof *a);
}

const char *
alias_problem(const struct alias *alias)
{
	return problems[alias->problem];
}

/* A slice of the text, and what is wrong with it. */
struct part {
	size_t start;
	size_t end;
	enum problem problem;
};

static void
trim(const char *text, struct part *p)
{
	while (p->start < p->end && ascii_isspace(text[p->start]))
		p->start++;
	while (p->end > p->start && ascii_isspace(text[p->end - 1]))
		p->end--;
}

static size_t
word_end(const char *text, size_t at, size_t end)
{
	while (at < end && !ascii_isspace(text[at]) && text[at] != ':')
		at++;
	return at;
}

/* A name in quotes, which are taken off; returns where the rest begins. */
static size_t
quoted_name(char *text, size_t start, size_t end, struct part *name)
{
	size_t at, out;

	name->start = out = start + 1;
	for (at = out; at < end && text[at] != '"'; at++) {
		if (text[at] == '\\' && at + 1 < end)
			at++;
		text[out++] = text[at];
	}
	name->end = out;
	if (at < end)
		return at + 1;
	/* Whoever is meant, it is most likely who has that name. */
	name->problem = PROBLEM_QUOTE;
	name->end = word_end(text, name->start, out);
	return end;
}

static size_t
plain_name(const char *text, size_t start, size_t end, struct part *name)
{
	const char *colon;
	size_t word;

	colon = memchr(text + start, ':', end - start);
	name->start = start;
	name->end = colon == NULL ? end : (size_t)(colon - text);
	trim(text, name);
	word = word_end(text, name->start, name->end);
	if (word < name->end && colon != NULL)
		name->problem = PROBLEM_BLANK;
	else if (memchr(text + name->start, '@', word - name->start) != NULL)
		name->problem = PROBLEM_DOMAIN;
	name->end = word;
	return colon == NULL ? end : (size_t)(colon - text);
}

static void
add(struct aliases *a, uint32_t line, const struct part *name,
    const struct part *value, enum problem problem)
{
	struct alias *alias;

	mem_grow(&a->list, &a->cap, a->count + 1, sizeof *a->list);
	alias = &a->list[a->count++];
	alias->name = (uint32_t)name->start;
	alias->name_len = (uint32_t)(name->end - name->start);
	alias->value = (uint32_t)value->start;
	alias->value_len = (uint32_t)(value->end - value->start);
	alias->line = line;
	alias->problem = (uint8_t)problem;
}

/* The alias that is open has no further line. */
/* True where nobody stands in a list: nothing but commas and blanks. */
static bool
is_nobody(const char *text, const struct part *value)
{
	size_t i;

	for (i = value->start; i < value->end; i++)
		if (text[i] != ',' && !ascii_isspace(text[i]))
			return false;
	return true;
}

static void
finish(struct reader *r)
{
	struct part name = { 0, 0, PROBLEM_NONE };
	struct part value = { r->start, r->end, PROBLEM_NONE };
	size_t at, i;

	if (!r->open)
		return;
	r->open = false;
	if (memchr(r->text + r->start, '\0', r->end - r->start) != NULL)
		value.problem = PROBLEM_NUL;
	at = r->text[r->start] == '"' ?
	    quoted_name(r->text, r->start, r->end, &name) :
	    plain_name(r->text, r->start, r->end, &name);
	while (at < r->end && ascii_isspace(r->text[at]))
		at++;
	if (name.problem == PROBLEM_NONE && at == r->end)
		name.problem = PROBLEM_COLON;
	else if (name.problem == PROBLEM_NONE && r->text[at] != ':')
		name.problem = PROBLEM_COLON;
	else if (name.problem == PROBLEM_NONE && name.start == name.end)
		name.problem = PROBLEM_NAME;
	value.start = at < r->end ? at + 1 : at;
	trim(r->text, &value);
	if (value.problem == PROBLEM_NONE)
		value.problem = name.problem;
	if (value.problem == PROBLEM_NONE && is_nobody(r->text, &value))
		value.problem = PROBLEM_VALUE;
	for (i = name.start; i < name.end; i++)
		r->text[i] = ascii_tolower(r->text[i]);
	add(r->a, r->first, &name, &value, value.problem);
}

/* A line that goes on with the alias that is open. */
static void
take_continuation(struct reader *r, size_t start, size_t end)
{
	static const struct part none = { 0, 0, PROBLEM_NONE };

	if (!r->open) {
		add(r->a, r->line, &none, &none, PROBLEM_CONTINUATION);
		return;
	}
	/* The line end, and comments between: each byte once. */
	memset(r->text + r->end, ' ', start - r->end);
	r->end = end;
}

static void
take_line(struct reader *r, size_t start, size_t end)
{
	bool joined = r->joined;
	size_t first;

	r->joined = false;
	while (end > start && r->text[end - 1] == '\r')
		end--;
	for (first = start; first < end && ascii_isspace(r->text[first]);
	    first++)
		;
	if (first == end || (!joined && r->text[first] == '#'))
		return;
	if (r->text[end - 1] == '\\') {
		r->text[end - 1] = ' ';
		r->joined = true;
	}
	if (first > start || joined) {
		take_continuation(r, start, end);
		return;
	}
	finish(r);
	r->open = true;
	r->start = start;
	r->end = end;
	r->first = r->line;
}

static void
read_lines(struct reader *r)
{
	const char *lf;
	size_t end;

	/* A byte order mark is none of the first name. */
	if (r->len >= 3 && memcmp(r->text, "\xef\xbb\xbf", 3) == 0)
		r->pos = 3;
	while (r->pos < r->len) {
		r->line++;
		lf = memchr(r->text + r->pos, '\n', r->len - r->pos);
		end = lf == NULL ? r->len : (size_t)(lf - r->text);
		take_line(r, r->pos, end);
		r->pos = end + 1;
	}
	finish(r);
}

/* FNV-1a, blind to case. */
static uint32_t
name_hash(const char *name, size_t len)
{
	uint64_t h = 14695981039346656037U;
	size_t i;

	for (i = 0; i < len; i++) {
		h ^= (unsigned char)ascii_tolower(name[i]);
		h *= 1099511628211U;
	}
	return (uint32_t)(h ^ (h >> 32));
}

/* The slot of a name: its own, or the free one where it belongs. */
static size_t
find_slot(const struct aliases *a, const char *name, size_t len)
{
	const struct alias *alias;
	size_t i;

	i = name_hash(name, len) & (a->index_cap - 1);
	for (; a->index[i] != SLOT_FREE; i = (i + 1) & (a->index_cap - 1)) {
		alias = &a->list[a->index[i]];
		if (mem_caseeq(a->text.data + alias->name, alias->name_len,
		    name, len))
			break;
	}
	return i;
}

/* At most half full; the first of a name stays. */
static void
make_index(struct aliases *a)
{
	const struct alias *alias;
	size_t i, slot;

	a->index_cap = 16;
	while (a->index_cap < 2 * a->count)
		a->index_cap *= 2;
	a->index = xreallocarray(NULL, a->index_cap, sizeof *a->index);
	for (i = 0; i < a->index_cap; i++)
		a->index[i] = SLOT_FREE;
	for (i = 0; i < a->count; i++) {
		alias = &a->list[i];
		if (alias->name_len == 0)
			continue;
		slot = find_slot(a, a->text.data + alias->name,
		    alias->name_len);
		if (a->index[slot] == SLOT_FREE)
			a->index[slot] = (uint32_t)i;
	}
}

void
aliases_parse(struct aliases *a, const char *file, struct buf *text)
{
	struct reader r;

	buf_release(&a->text);
	a->text = *text;
	buf_init(text, text->max);
	a->file = xstrdup(file);
	memset(&r, 0, sizeof r);
	r.a = a;
	r.text = a->text.data;
	r.len = a->text.len;
	read_lines(&r);
	make_index(a);
}

const struct alias *
aliases_find(const struct aliases *a, const char *local, size_t len)
{
	size_t slot;

	if (a->count == 0 || len == 0)
		return NULL;
	slot = find_slot(a, local, len);
	return a->index[slot] == SLOT_FREE ? NULL : &a->list[a->index[slot]];
}
