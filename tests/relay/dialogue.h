/* SPDX-License-Identifier: ISC */
/*
 * Dialogues (see tests/dialogues/README): the text of one, taken apart.
 *
 * Pure: a buffer goes in, steps come out.  The scripted relay plays them to
 * the real program, a unit test to the session engine.
 */
#ifndef RELAY_DIALOGUE_H
#define RELAY_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum step_kind {
	STEP_SEND,		/* S: text, CRLF included */
	STEP_SEND_RAW,		/* S- */
	STEP_HEAR,		/* C: text is the pattern */
	STEP_HEAR_OR_END,	/* C? */
	STEP_TLS,
	STEP_AUTH_PLAIN,
	STEP_AUTH_TOKEN,	/* text: the token */
	STEP_SCRAM,		/* text: the fault */
	STEP_BODY,
	STEP_BODY_PART,		/* number: bytes */
	STEP_CHUNK,		/* the octets of the BDAT heard last */
	STEP_DRIP,		/* number: milliseconds; text with CRLF */
	STEP_REPEAT,		/* number: times, 0 for ever; text with CRLF */
	STEP_STALL,
	STEP_SINK,
	STEP_CLOSE,
	STEP_HALFCLOSE,
	STEP_RESET,
	STEP_PLAIN,		/* text with CRLF */
	STEP_TICKETS,		/* number: how many, 0 for ever */
	STEP_ALERT
};

struct step {
	enum step_kind kind;
	unsigned line;		/* in the file, from 1 */
	uint64_t number;
	char *text;		/* escapes resolved; a NUL behind it; or NULL */
	size_t len;
};

/* One line of the head. */
struct head {
	char *key;
	char *value;		/* as written, blanks at both ends gone */
	unsigned line;
};

struct dialogue {
	struct head *heads;
	size_t head_count;
	size_t head_cap;
	struct step *steps;
	size_t step_count;
	size_t step_cap;
};

/* Bytes that dialogue_parse puts into why at most, its NUL included. */
#define DIALOGUE_WHY	160

/* What AUTH-PLAIN expects. */
#define DIALOGUE_USER		"alice"
#define DIALOGUE_PASSWORD	"s3cret pass"

/*
 * Takes a dialogue apart; fill *d with zeros before, release it afterwards
 * in any case.  -1 with the line and the reason in why.
 */
int	dialogue_parse(struct dialogue *d, const char *text, size_t len,
	    char why[DIALOGUE_WHY]);
void	dialogue_release(struct dialogue *d);

/*
 * The value of the nth line (from 0) of the head with that key; NULL when
 * there is none.  Borrowed.
 */
const char *dialogue_head(const struct dialogue *d, const char *key,
	    size_t nth);

/*
 * Resolves \r \n \t \0 \\ \xHH; an owned string with a NUL behind its *len
 * bytes, or NULL for an escape that is none.
 */
char	*dialogue_unescape(const char *text, size_t len, size_t *out_len);

/*
 * The message that goes in, owned: the head's message lines, each ending in
 * LF; or message-size bytes, "Subject: hi", an empty line and lines of 72
 * bytes, the last one shorter; or "Subject: hi", "", "hello".
 */
char	*dialogue_message(const struct dialogue *d, size_t *len);

/*
 * True where '*' and '?' in pattern make it fit the text, the case of US-ASCII
 * letters ignored.
 */
bool	dialogue_match(const char *pattern, const char *text, size_t len);

#endif
