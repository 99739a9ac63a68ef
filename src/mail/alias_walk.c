/* SPDX-License-Identifier: ISC */
/*
 * Expands aliases: the items of their values one by one, and a stack of the
 * names that are open.  Pure; no name is open twice, so that the stack is no
 * deeper than the file has aliases, and each value is read once.
 *
 * Runs no command, writes no file and reads no list: what names one is
 * refused, in words.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/alias.h"

/* Bytes of a loop's names that an error shows. */
#define LOOP_MAX	512
/* Bytes that an error shows of a name, and of an item. */
#define SHOWN		80

/* What begins an item, and is not done here. */
static const struct {
	const char *word;
	enum error_class class;
	bool rest;		/* the rest of the value is its text */
	const char *text;
} specials[] = {
	{ "|", ERR_CONFIG, false, "it leads to a command, and none is run for"
	    " mail here: name an address instead of" },
	{ "/", ERR_CONFIG, false, "it leads to a file, and none is written for"
	    " mail here: name an address instead of" },
	{ ":include:", ERR_CONFIG, false, "its addresses are in another file,"
	    " which is not read here: write them instead of" },
	{ ":blackhole:", ERR_CONFIG, false, "it throws mail away, which is not"
	    " done here: name an address instead of" },
	{ ":fail:", ERR_RECIPIENT, true, "the alias file refuses it:" },
	{ ":unknown:", ERR_RECIPIENT, true, "the alias file refuses it:" },
	{ ":defer:", ERR_TEMPORARY, true, "the alias file defers it:" },
};

void
alias_walk_init(struct alias_walk *w, const struct aliases *a)
{
	memset(w, 0, sizeof *w);
	w->aliases = a;
	w->state = xcalloc(a->count + 1, sizeof *w->state);
}

void
alias_walk_release(struct alias_walk *w)
{
	free(w->state);
	free(w->stack);
	free(w->trail);
	memset(w, 0, sizeof *w);
}

static const char *
name_of(const struct alias_walk *w, uint32_t i)
{
	return w->aliases->text.data + w->aliases->list[i].name;
}

/* The bytes of it that an error shows. */
static int
name_shown(const struct alias_walk *w, uint32_t i)
{
	uint32_t len = w->aliases->list[i].name_len;

	return len > SHOWN ? SHOWN : (int)len;
}

/* Always -1; file, line and name before the text. */
static int
fail_at(struct alias_walk *w, uint32_t i, enum alias_fault fault,
    enum error_class class, const char *text, struct error *e)
{
	const struct alias *alias = &w->aliases->list[i];

	w->fault = fault;
	if (alias->name_len == 0)
		return error_set(e, class, "%s:%u: %s", w->aliases->file,
		    (unsigned int)alias->line, text);
	return error_set(e, class, "%s:%u: alias '%.*s': %s",
	    w->aliases->file, (unsigned int)alias->line, name_shown(w, i),
	    name_of(w, i), text);
}

static int
fail_loop(struct alias_walk *w, uint32_t i, struct error *e)
{
	struct buf text;
	size_t k;

	buf_init(&text, 2 * LOOP_MAX);
	for (k = w->state[i] - 1; k < w->depth && text.len < LOOP_MAX; k++)
		buf_addf(&text, "'%.*s' -> ",
		    name_shown(w, w->stack[k].alias),
		    name_of(w, w->stack[k].alias));
	if (k < w->depth)
		buf_adds(&text, "... -> ");
	w->fault = ALIAS_LOOP;
	error_set(e, ERR_CONFIG, "%s:%u: aliases lead to each other in a loop:"
	    " %s'%.*s': change one of them", w->aliases->file,
	    (unsigned int)w->aliases->list[i].line, text.data,
	    name_shown(w, i), name_of(w, i));
	buf_release(&text);
	return -1;
}

static void
push(struct alias_walk *w, uint32_t i)
{
	mem_grow(&w->stack, &w->stack_cap, w->depth + 1, sizeof *w->stack);
	w->stack[w->depth].alias = i;
	w->stack[w->depth].at = 0;
	w->state[i] = (uint32_t)++w->depth;
}

int
alias_walk_enter_at(struct alias_walk *w, size_t index, struct error *e)
{
	const char *problem = alias_problem(&w->aliases->list[index]);
	uint32_t i = (uint32_t)index;

	if (w->depth > 0 && w->stack[w->depth - 1].alias == i)
		return 0;
	if (w->state[i] == ALIAS_DONE)
		return 1;
	if (w->state[i] != ALIAS_NEW)
		return fail_loop(w, i, e);
	mem_grow(&w->trail, &w->trail_cap, w->trail_len + 1,
	    sizeof *w->trail);
	w->trail[w->trail_len++] = i;
	if (problem != NULL) {
		w->state[i] = ALIAS_DONE;
		return fail_at(w, i, ALIAS_MALFORMED, ERR_CONFIG, problem, e);
	}
	push(w, i);
	return 1;
}

int
alias_walk_enter(struct alias_walk *w, const char *local, size_t len,
    struct error *e)
{
	const struct alias *alias;

	alias = aliases_find(w->aliases, local, len);
	if (alias == NULL)
		return 0;
	return alias_walk_enter_at(w, (size_t)(alias - w->aliases->list), e);
}

/* The comma behind the item at a place, or the end. */
static size_t
item_end(const char *s, size_t at, size_t len)
{
	size_t comments = 0;
	bool quoted = false;

	for (; at < len; at++) {
		if (s[at] == '\\' && at + 1 < len)
			at++;
		else if (s[at] == '"' && comments == 0)
			quoted = !quoted;
		else if (s[at] == '(' && !quoted)
			comments++;
		else if (s[at] == ')' && !quoted && comments > 0)
			comments--;
		else if (s[at] == ',' && !quoted && comments == 0)
			break;
	}
	return at;
}

/* The row of specials that an item belongs to, or -1. */
static int
find_special(const char *item, size_t len)
{
	size_t i, n;

	if (len > 1 && item[0] == '"') {
		item++;
		len--;
	}
	for (i = 0; i < sizeof specials / sizeof *specials; i++) {
		n = strlen(specials[i].word);
		if (len >= n && mem_caseeq(item, n, specials[i].word, n))
			return (int)i;
	}
	return -1;
}

/* Exim's words have text behind them, commas and all. */
static int
refuse(struct alias_walk *w, struct alias_frame *f, const char *item,
    size_t len, int special, struct error *e)
{
	const struct alias *alias = &w->aliases->list[f->alias];
	char *text;

	if (specials[special].rest) {
		len = alias->value_len - (size_t)(item -
		    (w->aliases->text.data + alias->value));
		f->at = alias->value_len;
	}
	text = xasprintf("%s '%.*s'", specials[special].text,
	    len > SHOWN ? SHOWN : (int)len, item);
	fail_at(w, f->alias, ALIAS_REFUSED, specials[special].class, text, e);
	free(text);
	return -1;
}

static int
take_item(struct alias_walk *w, struct alias_frame *f, const char *item,
    size_t len, struct address *out, bool *final, struct error *e)
{
	struct error inner;
	int special;

	special = find_special(item, len);
	if (special != -1)
		return refuse(w, f, item, len, special, e);
	*final = len > 0 && item[0] == '\\';
	if (*final) {
		item++;
		len--;
	}
	if (address_parse(out, item, len, &inner) == 0)
		return 1;
	return fail_at(w, f->alias, ALIAS_MALFORMED, ERR_CONFIG, inner.text,
	    e);
}

int
alias_walk_next(struct alias_walk *w, struct address *out, bool *final,
    struct error *e)
{
	const struct alias *alias;
	struct alias_frame *f;
	const char *value;
	size_t start, end;

	while (w->depth > 0) {
		f = &w->stack[w->depth - 1];
		alias = &w->aliases->list[f->alias];
		value = w->aliases->text.data + alias->value;
		start = f->at;
		while (start < alias->value_len && (value[start] == ',' ||
		    ascii_isspace(value[start])))
			start++;
		if (start == alias->value_len) {
			w->state[f->alias] = ALIAS_DONE;
			w->depth--;
			continue;
		}
		end = item_end(value, start, alias->value_len);
		f->at = (uint32_t)end;
		while (end > start && ascii_isspace(value[end - 1]))
			end--;
		return take_item(w, f, value + start, end - start, out, final,
		    e);
	}
	return 0;
}

void
alias_walk_blame(struct alias_walk *w, struct error *e)
{
	char *text;

	if (w->depth == 0 || e == NULL)
		return;
	text = xstrdup(e->text);
	fail_at(w, w->stack[w->depth - 1].alias, ALIAS_MALFORMED, ERR_CONFIG,
	    text, e);
	free(text);
}

void
alias_walk_commit(struct alias_walk *w)
{
	w->trail_len = 0;
}

void
alias_walk_abandon(struct alias_walk *w)
{
	size_t i;

	for (i = 0; i < w->trail_len; i++)
		w->state[w->trail[i]] = ALIAS_NEW;
	w->trail_len = 0;
	w->depth = 0;
}
