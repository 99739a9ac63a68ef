/* SPDX-License-Identifier: ISC */
/*
 * Folds header lines that are too long for SMTP: RFC 5322 sections 2.1.1 and
 * 2.2.3.  Pure.  Puts line ends in before white space that is there, or a line
 * end and a space behind a comma of an address list; takes no byte away.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "mail/header.h"

/* Octets of a line without its end. */
#define LINE_OCTETS	998
/* Bytes that an error shows of a field's name. */
#define SHOWN		80

#define NOWHERE		SIZE_MAX

static const char *const address_fields[] = {
	"From", "Sender", "Reply-To", "To", "Cc", "Bcc"
};

/* Where in an address list a byte stands. */
struct lexer {
	size_t comments;	/* '(' that are open */
	bool quoted;
	bool pair;		/* a backslash is before the next byte */
};

struct fold {
	const struct header_field *f;
	bool addresses;
	struct lexer lexer;
	struct buf out;
	size_t done;		/* bytes of the field that are in out */
	size_t start;		/* where the current output line begins */
	size_t extra;		/* a space that was put before it */
	size_t last_text;	/* its last byte so far that is not white */
	size_t place;		/* the best place to break it at */
	size_t end;		/* of the input line */
	size_t text_end;	/* behind its last byte that is not white */
};

static bool
is_address_field(const struct header_field *f)
{
	size_t i;

	for (i = 0; i < sizeof address_fields / sizeof *address_fields; i++)
		if (header_is(f, address_fields[i]))
			return true;
	return f->name_len > 7 && mem_caseeq(f->text, 7, "Resent-", 7);
}

static void
lex(struct lexer *x, char c)
{
	if (x->pair)
		x->pair = false;
	else if (c == '\\')
		x->pair = x->quoted || x->comments > 0;
	else if (c == '"' && x->comments == 0)
		x->quoted = !x->quoted;
	else if (c == '(' && !x->quoted)
		x->comments++;
	else if (c == ')' && !x->quoted && x->comments > 0)
		x->comments--;
}

/* Both lines must have text: one of white space only may end a header. */
static bool
may_break(const struct fold *p, size_t at)
{
	return p->last_text != NOWHERE && at < p->text_end;
}

/* A break before white space must not part it from its backslash. */
static bool
is_place(const struct fold *p, size_t i)
{
	const struct lexer *x = &p->lexer;
	const char *text = p->f->text;

	if (!may_break(p, i))
		return false;
	if (ascii_isblank(text[i]))
		return !(p->addresses && x->pair);
	return p->addresses && i > p->f->value && text[i - 1] == ',' &&
	    !x->quoted && x->comments == 0;
}

static void
put_break(struct fold *p)
{
	size_t at = p->place;

	buf_add(&p->out, p->f->text + p->done, at - p->done);
	buf_add(&p->out, "\r\n", 2);
	p->extra = ascii_isblank(p->f->text[at]) ? 0 : 1;
	if (p->extra > 0)
		buf_addc(&p->out, ' ');
	p->done = p->start = at;
	p->place = NOWHERE;
	/* What lies behind the last place has none; it may have text. */
	if (p->last_text != NOWHERE && p->last_text < at)
		p->last_text = NOWHERE;
}

static int
no_place(const struct fold *p, struct error *e)
{
	return error_set(e, ERR_MESSAGE, "the header field '%.*s' has a line"
	    " of more than %d octets and no white space to fold it at",
	    p->f->name_len > SHOWN ? SHOWN : (int)p->f->name_len, p->f->text,
	    LINE_OCTETS);
}

/* The input line from p->start to p->end. */
static int
fold_line(struct fold *p, struct error *e)
{
	const char *text = p->f->text;
	size_t i;

	p->extra = 0;
	p->last_text = p->place = NOWHERE;
	for (i = p->start; i < p->end; i++) {
		if (is_place(p, i))
			p->place = i;
		if (i - p->start + p->extra == LINE_OCTETS) {
			if (p->place == NOWHERE)
				return no_place(p, e);
			put_break(p);
		}
		if (!ascii_isblank(text[i]))
			p->last_text = i;
		if (i >= p->f->value)
			lex(&p->lexer, text[i]);
	}
	return 0;
}

static int
fold_field(struct fold *p, struct error *e)
{
	const char *text = p->f->text;
	const char *lf;

	while (p->start < p->f->len) {
		lf = memchr(text + p->start, '\n', p->f->len - p->start);
		p->end = (size_t)(lf - text) - 1;
		p->text_end = p->end;
		while (p->text_end > p->start &&
		    ascii_isblank(text[p->text_end - 1]))
			p->text_end--;
		if (fold_line(p, e) == -1)
			return -1;
		p->start = p->end + 2;
	}
	buf_add(&p->out, text + p->done, p->f->len - p->done);
	return 0;
}

static bool
has_long_line(const struct header_field *f)
{
	const char *s, *lf, *end;

	end = f->text + f->len;
	for (s = f->text; s < end; s = lf + 1) {
		lf = memchr(s, '\n', (size_t)(end - s));
		if (lf - s - 1 > LINE_OCTETS)
			return true;
	}
	return false;
}

static int
fold_one(struct header_field *f, struct error *e)
{
	struct fold p;
	int rc;

	memset(&p, 0, sizeof p);
	p.f = f;
	p.addresses = is_address_field(f);
	buf_init(&p.out, 2 * f->len);
	rc = fold_field(&p, e);
	if (rc == 0) {
		free(f->text);
		f->len = p.out.len;
		f->text = buf_steal(&p.out);
	}
	buf_release(&p.out);
	return rc;
}

int
header_fold(struct header *h, struct error *e)
{
	size_t i;

	for (i = 0; i < h->count; i++)
		if (has_long_line(&h->fields[i]) &&
		    fold_one(&h->fields[i], e) == -1)
			return -1;
	return 0;
}
