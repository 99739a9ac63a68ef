/* SPDX-License-Identifier: ISC */
/*
 * One line on a terminal, written over itself while a message goes out, and
 * wiped when it has gone.  Never on anything but a terminal, never in the
 * first second, never when the dialogue is shown.
 */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "agent/progress.h"
#include "base/buf.h"
#include "base/fsio.h"

/* From when on a person wonders, and how often the line is new, in ms. */
#define PATIENCE_MS	1000
#define REFRESH_MS	250
/* Bytes of the line. */
#define LINE_MAX_BYTES	256
/* A time left that says nothing, in seconds. */
#define LONG_TIME	(100 * 60 * 60)

void
meter_init(struct meter *m, bool wanted)
{
	memset(m, 0, sizeof *m);
	m->on = wanted && isatty(STDERR_FILENO);
}

void
meter_begin(struct meter *m, uint64_t total, int64_t now)
{
	m->running = true;
	m->total = total;
	m->began = now;
	m->next = now + PATIENCE_MS;
}

/* "999", "1.5 k", "20 M": three digits at most and what they count. */
static void
add_amount(struct buf *out, uint64_t n)
{
	static const char units[] = " kMGTPE";
	uint64_t tenths;
	size_t unit = 0;

	for (; n > UINT64_MAX / 16; unit++)
		n /= 1000;
	for (tenths = n * 10; tenths >= 10000; unit++)
		tenths = (tenths + 500) / 1000;
	buf_addf(out, "%llu", (unsigned long long)(tenths / 10));
	if (unit > 0 && tenths < 100)
		buf_addf(out, ".%llu", (unsigned long long)(tenths % 10));
	buf_addc(out, ' ');
	if (unit > 0)
		buf_addc(out, units[unit]);
	buf_addc(out, 'B');
}

static void
add_left(struct buf *out, uint64_t seconds)
{
	if (seconds >= 60 * 60)
		buf_addf(out, "%u:%02u:%02u left",
		    (unsigned)(seconds / 60 / 60),
		    (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
	else
		buf_addf(out, "%u:%02u left", (unsigned)(seconds / 60),
		    (unsigned)(seconds % 60));
}

void
meter_text(uint64_t sent, uint64_t total, int64_t milliseconds,
    struct buf *out)
{
	uint64_t elapsed = milliseconds < 1 ? 1 : (uint64_t)milliseconds;
	uint64_t rate, left;

	/* 2^54 bytes, and no product overflows. */
	rate = sent < UINT64_C(1) << 54 ? sent * 1000 / elapsed :
	    sent / elapsed * 1000;
	add_amount(out, sent);
	buf_adds(out, " of ");
	add_amount(out, total);
	buf_adds(out, ", ");
	add_amount(out, rate);
	buf_adds(out, "/s");
	left = rate == 0 || sent > total ? LONG_TIME :
	    (total - sent) / rate + ((total - sent) % rate != 0);
	if (left < LONG_TIME) {
		buf_adds(out, ", ");
		add_left(out, left);
	}
}

/* Over the line that is there, with blanks over what is left of it. */
static void
draw(struct meter *m, const struct buf *text)
{
	unsigned width = (unsigned)text->len;
	struct buf line;

	buf_init(&line, 2 * LINE_MAX_BYTES);
	buf_addf(&line, "\r%s", text->data);
	if (width < m->width)
		buf_addf(&line, "%*s", (int)(m->width - width), "");
	if (width == 0)
		buf_addc(&line, '\r');
	fsio_write_all(STDERR_FILENO, line.data, line.len);
	m->width = width;
	m->shown = width > 0;
	buf_release(&line);
}

void
meter_update(struct meter *m, uint64_t sent, int64_t now)
{
	struct buf text;

	if (!m->on || !m->running || now < m->next)
		return;
	m->next = now + REFRESH_MS;
	buf_init(&text, LINE_MAX_BYTES);
	buf_adds(&text, "sendoff: ");
	meter_text(sent, m->total, now - m->began, &text);
	draw(m, &text);
	buf_release(&text);
}

int64_t
meter_wake(const struct meter *m, int64_t deadline)
{
	return m->on && m->running && m->next < deadline ? m->next : deadline;
}

void
meter_end(struct meter *m)
{
	struct buf nothing;

	m->running = false;
	if (!m->shown)
		return;
	buf_init(&nothing, 1);
	draw(m, &nothing);
	buf_release(&nothing);
}
