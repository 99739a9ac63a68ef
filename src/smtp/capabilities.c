/* SPDX-License-Identifier: ISC */
/*
 * Reads an EHLO reply.  RFC 5321 section 4.1.1.1, RFC 9422.  What it does not
 * know it passes over; it never fails.  Pure.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "smtp/capabilities.h"

/* Octets of a SASL mechanism name (RFC 4422 section 3.1). */
#define MECHANISM_MAX	20

/* A word of a line. */
struct word {
	const char *text;
	size_t len;
};

void
capabilities_init(struct capabilities *c)
{
	memset(c, 0, sizeof *c);
}

void
capabilities_release(struct capabilities *c)
{
	size_t i;

	for (i = 0; i < c->mechanism_count; i++)
		free(c->mechanisms[i]);
	capabilities_init(c);
}

/* Takes the next word off the line; false at its end. */
static bool
next_word(const char **at, const char *end, struct word *w)
{
	while (*at < end && ascii_isspace(**at))
		(*at)++;
	w->text = *at;
	while (*at < end && !ascii_isspace(**at))
		(*at)++;
	w->len = (size_t)(*at - w->text);
	return w->len > 0;
}

static bool
word_is(const struct word *w, const char *name)
{
	return mem_caseeq(w->text, w->len, name, strlen(name));
}

static bool
mechanism_char(char c)
{
	return ascii_isalnum(c) || c == '-' || c == '_';
}

static void
add_mechanism(struct capabilities *c, const struct word *w)
{
	char *name;
	size_t i;

	if (w->len > MECHANISM_MAX ||
	    c->mechanism_count == CAPABILITIES_MECHANISMS)
		return;
	for (i = 0; i < w->len; i++)
		if (!mechanism_char(w->text[i]))
			return;
	name = xstrndup(w->text, w->len);
	for (i = 0; i < w->len; i++)
		if (name[i] >= 'a' && name[i] <= 'z')
			name[i] = (char)(name[i] - 'a' + 'A');
	if (capabilities_mechanism(c, name))
		free(name);
	else
		c->mechanisms[c->mechanism_count++] = name;
}

static void
take_auth(struct capabilities *c, const char *at, const char *end)
{
	struct word w;

	c->auth = true;
	while (next_word(&at, end, &w))
		add_mechanism(c, &w);
}

static void
take_size(struct capabilities *c, const char *at, const char *end)
{
	struct word w;
	char *digits;

	c->size = true;
	if (!next_word(&at, end, &w))
		return;
	digits = xstrndup(w.text, w.len);
	if (str_number(digits, 0, UINT64_MAX, &c->size_max) == -1)
		c->size_max = 0;
	free(digits);
}

/*
 * "RCPTMAX=1000": RFC 9422 section 3.2 has six digits at most, and no zero;
 * what is something else says nothing.
 */
static bool
take_limit(const struct word *w, const char *name, size_t *limit)
{
	size_t i, value = 0, len = strlen(name);

	if (w->len <= len || !mem_caseeq(w->text, len, name, len))
		return false;
	for (i = len; i < w->len; i++) {
		if (!ascii_isdigit(w->text[i]) || i == len + 6)
			return true;
		value = value * 10 + (size_t)(w->text[i] - '0');
	}
	if (value != 0)
		*limit = value;
	return true;
}

static void
take_limits(struct capabilities *c, const char *at, const char *end)
{
	struct word w;

	while (next_word(&at, end, &w))
		if (!take_limit(&w, "MAILMAX=", &c->mail_max) &&
		    !take_limit(&w, "RCPTMAX=", &c->rcpt_max))
			take_limit(&w, "RCPTDOMAINMAX=",
			    &c->rcpt_domain_max);
}

static void
take_line(struct capabilities *c, const char *at, const char *end)
{
	struct word w;

	if (!next_word(&at, end, &w))
		return;
	if (w.len > 5 && mem_caseeq(w.text, 5, "AUTH=", 5))
		take_auth(c, w.text + 5, end);
	else if (word_is(&w, "AUTH"))
		take_auth(c, at, end);
	else if (word_is(&w, "SIZE"))
		take_size(c, at, end);
	else if (word_is(&w, "LIMITS"))
		take_limits(c, at, end);
	else if (word_is(&w, "PIPELINING"))
		c->pipelining = true;
	else if (word_is(&w, "8BITMIME"))
		c->eight_bit_mime = true;
	else if (word_is(&w, "SMTPUTF8"))
		c->smtputf8 = true;
	else if (word_is(&w, "STARTTLS"))
		c->starttls = true;
	else if (word_is(&w, "DSN"))
		c->dsn = true;
	else if (word_is(&w, "CHUNKING"))
		c->chunking = true;
	else if (word_is(&w, "ENHANCEDSTATUSCODES"))
		c->enhanced = true;
}

void
capabilities_parse(struct capabilities *c, const char *text)
{
	const char *line, *end;

	line = strchr(text, '\n');
	while (line != NULL) {
		line++;
		end = strchr(line, '\n');
		take_line(c, line, end == NULL ? line + strlen(line) : end);
		line = end;
	}
}

bool
capabilities_mechanism(const struct capabilities *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->mechanism_count; i++)
		if (strcmp(c->mechanisms[i], name) == 0)
			return true;
	return false;
}
