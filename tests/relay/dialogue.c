/* SPDX-License-Identifier: ISC */
/*
 * Takes a dialogue's text apart (tests/dialogues/README).
 *
 * Never opens, reads or writes anything.  Running out of memory aborts.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialogue.h"

/* What stands behind a step's word. */
enum operand {
	OPERAND_NONE,
	OPERAND_LINE,		/* text, CRLF is put behind it */
	OPERAND_RAW,		/* text */
	OPERAND_PATTERN,	/* as it is */
	OPERAND_NUMBER,
	OPERAND_NUMBER_LINE
};

static const struct {
	const char *word;
	enum step_kind kind;
	enum operand operand;
} words[] = {
	{ "S", STEP_SEND, OPERAND_LINE },
	{ "S-", STEP_SEND_RAW, OPERAND_RAW },
	{ "C", STEP_HEAR, OPERAND_PATTERN },
	{ "C?", STEP_HEAR_OR_END, OPERAND_PATTERN },
	{ "TLS", STEP_TLS, OPERAND_NONE },
	{ "AUTH-PLAIN", STEP_AUTH_PLAIN, OPERAND_NONE },
	{ "AUTH-TOKEN", STEP_AUTH_TOKEN, OPERAND_PATTERN },
	{ "SCRAM", STEP_SCRAM, OPERAND_PATTERN },
	{ "BODY", STEP_BODY, OPERAND_NONE },
	{ "BODY-PART", STEP_BODY_PART, OPERAND_NUMBER },
	{ "CHUNK", STEP_CHUNK, OPERAND_NONE },
	{ "DRIP", STEP_DRIP, OPERAND_NUMBER_LINE },
	{ "REPEAT", STEP_REPEAT, OPERAND_NUMBER_LINE },
	{ "STALL", STEP_STALL, OPERAND_NONE },
	{ "SINK", STEP_SINK, OPERAND_NONE },
	{ "CLOSE", STEP_CLOSE, OPERAND_NONE },
	{ "HALFCLOSE", STEP_HALFCLOSE, OPERAND_NONE },
	{ "RESET", STEP_RESET, OPERAND_NONE },
	{ "PLAIN", STEP_PLAIN, OPERAND_LINE },
	{ "ALERT", STEP_ALERT, OPERAND_NONE },
	{ "TICKETS", STEP_TICKETS, OPERAND_NUMBER },
};

/* Keys of the head, so that a slip of the pen is found. */
static const char *const keys[] = {
	"battery", "account", "args", "message", "message-size", "exit",
	"stderr", "not-stderr", "state", "received", "seconds", "engine",
	"binding", "secret-size",
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
/* Largest message-size, in bytes. */
#define MESSAGE_SIZE_MAX	(64u * 1024 * 1024)
#define MESSAGE_START		"Subject: hi\n\n"
#define MESSAGE_LINE		72

static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

static char *
copy(const char *text, size_t len)
{
	char *s;

	s = must(malloc(len + 1));
	memcpy(s, text, len);
	s[len] = '\0';
	return s;
}

static void
room(void **list, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return;
	*cap = *cap == 0 ? 16 : *cap * 2;
	*list = must(reallocarray(*list, *cap, size));
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One escape behind its backslash: its byte, or -1; *used is its length. */
static int
escape_value(const char *s, size_t len, size_t *used)
{
	int high, low;

	*used = 1;
	if (len == 0)
		return -1;
	switch (s[0]) {
	case 'r':
		return '\r';
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case '0':
		return '\0';
	case '\\':
		return '\\';
	case 'x':
		break;
	default:
		return -1;
	}
	*used = 3;
	if (len < 3 || (high = hex_value(s[1])) < 0 ||
	    (low = hex_value(s[2])) < 0)
		return -1;
	return high * 16 + low;
}

char *
dialogue_unescape(const char *text, size_t len, size_t *out_len)
{
	char *out;
	size_t i, n, used;
	int value;

	out = must(malloc(len + 1));
	for (i = n = 0; i < len; i++) {
		if (text[i] != '\\') {
			out[n++] = text[i];
			continue;
		}
		value = escape_value(text + i + 1, len - i - 1, &used);
		if (value < 0) {
			free(out);
			return NULL;
		}
		out[n++] = (char)value;
		i += used;
	}
	out[n] = '\0';
	*out_len = n;
	return out;
}

static int
number(const char **s, const char *end, uint64_t *out)
{
	const char *start = *s;
	uint64_t value = 0;

	while (*s < end && **s >= '0' && **s <= '9') {
		if (value > UINT64_MAX / 10 - 1)
			return -1;
		value = value * 10 + (uint64_t)(**s - '0');
		(*s)++;
	}
	*out = value;
	return *s == start ? -1 : 0;
}

/* Takes the text behind a step's word into st; NULL, or what is wrong. */
static const char *
operand(struct step *st, enum operand kind, const char *s, const char *end)
{
	if (kind == OPERAND_NUMBER || kind == OPERAND_NUMBER_LINE) {
		if (number(&s, end, &st->number) < 0)
			return "a number is missing";
		if (s < end && *s == ' ')
			s++;
	}
	if (kind == OPERAND_NONE || kind == OPERAND_NUMBER)
		return s == end ? NULL : "nothing can stand behind this word";
	if (kind == OPERAND_PATTERN) {
		st->len = (size_t)(end - s);
		st->text = copy(s, st->len);
		return NULL;
	}
	st->text = dialogue_unescape(s, (size_t)(end - s), &st->len);
	if (st->text == NULL)
		return "an escape is wrong";
	if (kind == OPERAND_RAW)
		return NULL;
	st->text = must(realloc(st->text, st->len + 3));
	memcpy(st->text + st->len, "\r\n", 3);
	st->len += 2;
	return NULL;
}

static const char *
parse_step(struct dialogue *d, unsigned line, const char *s, const char *end)
{
	struct step *st;
	const char *blank;
	size_t i, len;

	blank = memchr(s, ' ', (size_t)(end - s));
	len = (size_t)((blank == NULL ? end : blank) - s);
	for (i = 0; i < COUNT(words); i++)
		if (strlen(words[i].word) == len &&
		    memcmp(words[i].word, s, len) == 0)
			break;
	if (i == COUNT(words))
		return "no such step";
	room((void **)&d->steps, d->step_count, &d->step_cap,
	    sizeof(*d->steps));
	st = &d->steps[d->step_count++];
	memset(st, 0, sizeof(*st));
	st->kind = words[i].kind;
	st->line = line;
	return operand(st, words[i].operand,
	    blank == NULL ? end : blank + 1, end);
}

static const char *
parse_head(struct dialogue *d, unsigned line, const char *s, const char *end)
{
	struct head *h;
	const char *colon;
	size_t i, len;

	colon = memchr(s, ':', (size_t)(end - s));
	if (colon == NULL)
		return "neither a step nor 'key: value'";
	len = (size_t)(colon - s);
	for (i = 0; i < COUNT(keys); i++)
		if (strlen(keys[i]) == len && memcmp(keys[i], s, len) == 0)
			break;
	if (i == COUNT(keys))
		return "no such key";
	if (d->step_count > 0)
		return "the head is over";
	do
		colon++;
	while (colon < end && *colon == ' ');
	if (colon > end)
		colon = end;
	room((void **)&d->heads, d->head_count, &d->head_cap,
	    sizeof(*d->heads));
	h = &d->heads[d->head_count++];
	h->key = copy(s, len);
	h->value = copy(colon, (size_t)(end - colon));
	h->line = line;
	return NULL;
}

static const char *
parse_line(struct dialogue *d, unsigned line, const char *s, const char *end)
{
	if (s == end || *s == '#')
		return NULL;
	if (*s >= 'a' && *s <= 'z')
		return parse_head(d, line, s, end);
	return parse_step(d, line, s, end);
}

int
dialogue_parse(struct dialogue *d, const char *text, size_t len,
    char why[DIALOGUE_WHY])
{
	const char *end, *limit = text + len, *wrong;
	unsigned line;

	for (line = 1; text < limit; line++) {
		end = memchr(text, '\n', (size_t)(limit - text));
		if (end == NULL)
			end = limit;
		wrong = parse_line(d, line, text, end);
		if (wrong != NULL) {
			snprintf(why, DIALOGUE_WHY, "line %u: %s", line,
			    wrong);
			return -1;
		}
		text = end == limit ? limit : end + 1;
	}
	return 0;
}

void
dialogue_release(struct dialogue *d)
{
	size_t i;

	for (i = 0; i < d->head_count; i++) {
		free(d->heads[i].key);
		free(d->heads[i].value);
	}
	for (i = 0; i < d->step_count; i++)
		free(d->steps[i].text);
	free(d->heads);
	free(d->steps);
	memset(d, 0, sizeof(*d));
}

const char *
dialogue_head(const struct dialogue *d, const char *key, size_t nth)
{
	size_t i;

	for (i = 0; i < d->head_count; i++)
		if (strcmp(d->heads[i].key, key) == 0 && nth-- == 0)
			return d->heads[i].value;
	return NULL;
}

/* A message of exactly size bytes. */
static char *
sized_message(size_t size)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t i, column;
	char *out;

	out = must(malloc(size + sizeof(MESSAGE_START)));
	memcpy(out, MESSAGE_START, sizeof(MESSAGE_START));
	for (i = sizeof(MESSAGE_START) - 1; i < size; i++) {
		column = (i - sizeof(MESSAGE_START) + 1) % (MESSAGE_LINE + 1);
		out[i] = column == MESSAGE_LINE || i == size - 1 ? '\n' :
		    letters[(i + column) % (sizeof(letters) - 1)];
	}
	out[size] = '\0';
	return out;
}

static char *
written_message(const struct dialogue *d, size_t *len)
{
	const char *value;
	char *out, *piece;
	size_t i, n, total = 0;

	out = copy("", 0);
	for (i = 0; (value = dialogue_head(d, "message", i)) != NULL; i++) {
		piece = dialogue_unescape(value, strlen(value), &n);
		if (piece == NULL)
			piece = copy(value, n = strlen(value));
		out = must(realloc(out, total + n + 2));
		memcpy(out + total, piece, n);
		total += n;
		out[total++] = '\n';
		out[total] = '\0';
		free(piece);
	}
	*len = total;
	return out;
}

char *
dialogue_message(const struct dialogue *d, size_t *len)
{
	static const char preset[] = MESSAGE_START "hello\n";
	const char *size;
	uint64_t bytes;

	size = dialogue_head(d, "message-size", 0);
	if (size != NULL &&
	    number(&size, size + strlen(size), &bytes) == 0 &&
	    bytes <= MESSAGE_SIZE_MAX) {
		if (bytes < sizeof(MESSAGE_START) - 1)
			bytes = sizeof(MESSAGE_START) - 1;
		*len = (size_t)bytes;
		return sized_message(*len);
	}
	if (dialogue_head(d, "message", 0) != NULL)
		return written_message(d, len);
	*len = sizeof(preset) - 1;
	return copy(preset, *len);
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool
dialogue_match(const char *pattern, const char *text, size_t len)
{
	const char *star = NULL, *end = text + len, *mark = text;

	/* The last '*' takes one byte more each time the rest fails. */
	while (text < end) {
		if (*pattern == '*') {
			star = ++pattern;
			mark = text;
		} else if (*pattern == '?' ||
		    (*pattern != '\0' && lower(*pattern) == lower(*text))) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++mark;
		} else
			return false;
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
