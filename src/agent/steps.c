/* SPDX-License-Identifier: ISC */
/*
 * Keeps the steps of a check.  Prints nothing.
 */
#include "config.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "agent/steps.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

/* Bytes of a step's text. */
#define TEXT_MAX	4096

void
steps_init(struct steps *s)
{
	memset(s, 0, sizeof *s);
	s->since = clock_ms();
}

void
steps_release(struct steps *s)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		free(s->list[i].text);
	free(s->list);
	memset(s, 0, sizeof *s);
}

void
steps_begin(struct steps *s)
{
	if (s != NULL)
		s->since = clock_ms();
}

/* Takes over at "at"; the text is escaped. */
static void
add(struct steps *s, int64_t at, const char *name, bool done,
    const char *text)
{
	struct step *step;
	struct buf shown;

	mem_grow(&s->list, &s->cap, s->count + 1, sizeof *s->list);
	step = &s->list[s->count++];
	step->name = name;
	step->done = done;
	step->milliseconds = at - s->since;
	s->since = at;
	buf_init(&shown, 5 * TEXT_MAX);
	str_escape(&shown, text, strlen(text), TEXT_MAX);
	step->text = buf_steal(&shown);
}

static void	add_formatted(struct steps *, int64_t, const char *,
		    const char *, va_list)
		    __attribute__((format(printf, 4, 0)));

static void
add_formatted(struct steps *s, int64_t at, const char *name, const char *fmt,
    va_list ap)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	buf_addv(&text, fmt, ap);
	add(s, at, name, true, text.data);
	buf_release(&text);
}

void
steps_done(struct steps *s, const char *name, const char *fmt, ...)
{
	va_list ap;

	if (s == NULL)
		return;
	va_start(ap, fmt);
	add_formatted(s, clock_ms(), name, fmt, ap);
	va_end(ap);
}

void
steps_done_at(struct steps *s, int64_t at, const char *name, const char *fmt,
    ...)
{
	va_list ap;

	if (s == NULL)
		return;
	va_start(ap, fmt);
	add_formatted(s, at, name, fmt, ap);
	va_end(ap);
}

void
steps_failed(struct steps *s, const char *name, const char *text)
{
	if (s != NULL)
		add(s, clock_ms(), name, false, text);
}
