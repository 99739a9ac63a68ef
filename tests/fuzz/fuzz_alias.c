/* SPDX-License-Identifier: ISC */
/*
 * Whatever stands in an alias file: each alias lies in the text and is found
 * by its name, or the first of that name is; an expansion ends, hands out each
 * item once, and leaves nothing open; abandoned, it leaves nothing at all.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/alias.h"
#include "fuzz.h"

/* Aliases that are expanded alone, each. */
#define ALONE	32

static void
check_alias(const struct aliases *a, const struct alias *alias)
{
	const char *name = a->text.data + alias->name;
	const char *value = a->text.data + alias->value;
	const struct alias *first;
	uint32_t i;

	must(alias->name + alias->name_len <= a->text.len);
	must(alias->value + alias->value_len <= a->text.len);
	must(alias->line > 0);
	must(memchr(name, '\n', alias->name_len) == NULL);
	must(memchr(value, '\n', alias->value_len) == NULL);
	for (i = 0; i < alias->name_len; i++)
		must(name[i] == ascii_tolower(name[i]));
	first = aliases_find(a, name, alias->name_len);
	must((first == NULL) == (alias->name_len == 0));
	must(first == NULL || (first <= alias && mem_caseeq(name,
	    alias->name_len, a->text.data + first->name, first->name_len)));
	if (alias_problem(alias) == NULL)
		must(alias->name_len > 0 && alias->value_len > 0);
}

static void
check_error(const struct alias_walk *w, const struct error *e)
{
	must(strncmp(e->text, "F:", 2) == 0);
	must(e->class == ERR_CONFIG || (w->fault == ALIAS_REFUSED &&
	    (e->class == ERR_RECIPIENT || e->class == ERR_TEMPORARY)));
}

/* All that is behind one; stops at the first error, or passes over it. */
static int
expand(struct alias_walk *w, size_t index, bool stop, size_t *items)
{
	struct address a;
	struct error e;
	bool final;
	int rc;

	rc = alias_walk_enter_at(w, index, &e);
	must(rc != 0 || w->depth > 0);
	for (;;) {
		if (rc == -1) {
			check_error(w, &e);
			if (stop)
				return -1;
		}
		rc = alias_walk_next(w, &a, &final, &e);
		if (rc == 0)
			break;
		(*items)++;
		must(w->depth > 0 && w->depth <= w->aliases->count);
		if (rc == -1)
			continue;
		must(a.local != NULL && !str_has_control(a.local));
		rc = 0;
		if (a.domain == NULL && !final)
			rc = alias_walk_enter(w, a.local, strlen(a.local),
			    &e);
		address_release(&a);
	}
	must(w->depth == 0);
	return 0;
}

/* Every alias in one walk: none is expanded twice. */
static void
check_all(const struct aliases *a)
{
	struct alias_walk w;
	size_t i, items = 0;

	alias_walk_init(&w, a);
	for (i = 0; i < a->count; i++)
		must(expand(&w, i, false, &items) == 0);
	must(items <= a->text.len);
	for (i = 0; i < a->count; i++)
		must(w.state[i] == ALIAS_DONE);
	must(w.trail_len == a->count);
	alias_walk_commit(&w);
	alias_walk_abandon(&w);
	for (i = 0; i < a->count; i++)
		must(w.state[i] == ALIAS_DONE);
	alias_walk_release(&w);
}

static void
check_alone(const struct aliases *a)
{
	struct alias_walk w;
	size_t i, k, items, again;
	int rc;

	alias_walk_init(&w, a);
	for (i = 0; i < a->count && i < ALONE; i++) {
		items = again = 0;
		rc = expand(&w, i, true, &items);
		alias_walk_abandon(&w);
		for (k = 0; k < a->count; k++)
			must(w.state[k] == ALIAS_NEW);
		must(expand(&w, i, true, &again) == rc && again == items);
		alias_walk_abandon(&w);
	}
	alias_walk_release(&w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct aliases a;
	struct buf text;
	size_t i;

	if (size > ALIAS_FILE_MAX)
		return 0;
	aliases_init(&a);
	must(aliases_find(&a, "root", 4) == NULL);
	buf_init(&text, ALIAS_FILE_MAX);
	must(buf_add(&text, data, size) == 0);
	aliases_parse(&a, "F", &text);
	buf_release(&text);
	must(a.text.len == size);
	for (i = 0; i < a.count; i++) {
		check_alias(&a, &a.list[i]);
		must(i == 0 || a.list[i].line > a.list[i - 1].line);
	}
	check_all(&a);
	check_alone(&a);
	aliases_release(&a);
	return 0;
}
