/* SPDX-License-Identifier: ISC */
/*
 * Whom a transaction is for: as many recipients as the relay takes at a time.
 * It says so beforehand (LIMITS, RFC 9422), or when there is one too many: 452
 * or 552 (RFC 5321 section 4.5.3.1.10), X.5.3 (RFC 3463 section 3.6).
 *
 * Every transaction settles somebody, so that they come to an end, and the
 * limit that one of them has run into holds for the next, so that the work is
 * linear in the recipients.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "smtp/engine.h"

/* So many put off in a row are a limit, whatever the relay calls it. */
#define RUN_MAX		20

/* The domain of an address, with its '@'; "" where there is none. */
static const char *
domain_of(const struct session *s, size_t recipient)
{
	const char *at;

	at = strrchr(s->t.envelope->list[recipient].address, '@');
	return at == NULL ? "" : at;
}

/* strcmp(3), blind to case. */
static int
compare_domains(const char *a, const char *b)
{
	while (*a != '\0' && ascii_tolower(*a) == ascii_tolower(*b)) {
		a++;
		b++;
	}
	return (unsigned char)ascii_tolower(*a) -
	    (unsigned char)ascii_tolower(*b);
}

/* Merges two sorted runs of from into to; equal ones stay as they were. */
static void
merge(const struct session *s, const size_t *from, size_t middle, size_t end,
    size_t *to)
{
	size_t a = 0, b = middle, n;

	for (n = 0; n < end; n++)
		if (b == end || (a < middle && compare_domains(domain_of(s,
		    from[a]), domain_of(s, from[b])) <= 0))
			to[n] = from[a++];
		else
			to[n] = from[b++];
}

/* Those of one domain side by side, else in their order. */
static void
sort_by_domain(struct session *s)
{
	size_t count = s->group.count, *from = s->group.order, *to, *other;
	size_t width, i, middle, end;

	to = xcalloc(count, sizeof *to);
	for (width = 1; width < count; width *= 2) {
		for (i = 0; i < count; i += 2 * width) {
			middle = count - i < width ? count - i : width;
			end = count - i < 2 * width ? count - i : 2 * width;
			merge(s, from + i, middle, end, to + i);
		}
		other = from;
		from = to;
		to = other;
	}
	free(to);
	s->group.order = from;
}

void
group_init(struct session *s)
{
	struct group *g = &s->group;
	size_t i, count = s->t.envelope->count;

	group_release(s);
	g->order = xcalloc(count + 1, sizeof *g->order);
	g->standing = xcalloc(count + 1, sizeof *g->standing);
	for (i = 0; i < count; i++)
		if (s->t.envelope->list[i].verdict.state == RECIPIENT_UNTRIED)
			g->order[g->count++] = i;
	g->size = g->count;
	if (s->capabilities.rcpt_domain_max != 0 && g->count > 1)
		sort_by_domain(s);
}

void
group_release(struct session *s)
{
	free(s->group.order);
	free(s->group.standing);
	memset(&s->group, 0, sizeof s->group);
}

struct recipient *
group_member(struct session *s, size_t i)
{
	return &s->t.envelope->list[s->group.order[s->group.first + i]];
}

enum standing
group_standing(const struct session *s, size_t i)
{
	return (enum standing)s->group.standing[i];
}

size_t
group_behind(const struct session *s)
{
	return s->group.count - s->group.first - s->group.size;
}

/* How many from the first on have no more domains than the relay takes. */
static size_t
within_domains(const struct session *s, size_t size)
{
	const size_t *order = s->group.order + s->group.first;
	size_t i, domains = 1;

	for (i = 1; i < size; i++)
		if (compare_domains(domain_of(s, order[i - 1]),
		    domain_of(s, order[i])) != 0 &&
		    domains++ == s->capabilities.rcpt_domain_max)
			return i;
	return size;
}

void
group_open(struct session *s)
{
	const struct capabilities *c = &s->capabilities;
	struct group *g = &s->group;

	g->size = g->count - g->first;
	if (c->rcpt_max != 0 && g->size > c->rcpt_max)
		g->size = c->rcpt_max;
	if (s->learned != 0 && g->size > s->learned)
		g->size = s->learned;
	if (c->rcpt_domain_max != 0)
		g->size = within_domains(s, g->size);
	memset(g->standing, STANDING_NONE, g->size);
}

void
group_take(struct session *s, size_t i)
{
	s->group.standing[i] = STANDING_TAKEN;
	s->now.accepted++;
	s->now.settled++;
	s->now.run = 0;
}

bool
group_puts_off(struct session *s, size_t i, const struct reply *r)
{
	struct progress *now = &s->now;
	bool named, later;

	named = r->enhanced[0] != '\0' && strcmp(r->enhanced + 1, ".5.3") == 0;
	/* With nobody before it, it would never come to an end. */
	later = named ? now->settled > 0 : r->enhanced[0] == '\0' &&
	    (r->code == 452 || r->code == 552) && now->accepted > 0;
	if (!s->t.partial || !later) {
		now->settled += !named;
		now->run = 0;
		return false;
	}
	s->group.standing[i] = STANDING_LATER;
	now->later++;
	now->run++;
	/* The rest of the group is of the next one. */
	if (named || now->run == RUN_MAX)
		s->group.size = now->next;
	return true;
}

void
group_widen(struct session *s)
{
	struct group *g = &s->group;

	memset(g->standing + g->size, STANDING_NONE, group_behind(s));
	g->size = g->count - g->first;
}

bool
group_close(struct session *s)
{
	struct group *g = &s->group;
	size_t i, to = g->first + g->size;

	/* Nobody was taken behind the first that was put off: a limit. */
	if (s->now.later > 0 && s->now.run == s->now.later)
		s->learned = s->now.settled;
	for (i = g->size; i > 0; i--)
		if (g->standing[i - 1] == STANDING_LATER)
			g->order[--to] = g->order[g->first + i - 1];
	g->first = to;
	g->size = 0;
	return g->first < g->count;
}
