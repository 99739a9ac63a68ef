/* SPDX-License-Identifier: ISC */
/*
 * The envelope: who sends, who is to get it, and what became of it for each.
 * RFC 5321 section 2.3.1.  Pure.
 */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "mail/dsn.h"

/* What a person is shown of a relay's text, in bytes. */
#define VERDICT_TEXT_MAX	512

enum recipient_state {
	RECIPIENT_UNTRIED,	/* the relay has said nothing about it */
	RECIPIENT_ACCEPTED,	/* 2yz to the whole message */
	RECIPIENT_REFUSED,	/* 5yz */
	RECIPIENT_DEFERRED,	/* 4yz */
	RECIPIENT_UNKNOWN	/* in doubt: lost after the final dot */
};

/* What the relay said, and what follows from it. */
struct verdict {
	enum recipient_state state;
	enum error_class class;	/* ERR_NONE when accepted */
	int code;		/* the reply's, 0 for none */
	char enhanced[16];	/* "5.1.1", or "" (RFC 3463) */
	char *text;		/* escaped, at most VERDICT_TEXT_MAX; or NULL */
};

struct recipient {
	char *address;		/* without <> */
	unsigned notify;	/* DSN_..., 0: nothing is asked for */
	char *orcpt;		/* as ORCPT has it; NULL: what was given */
	char *given;		/* before aliases; NULL: the address */
	struct verdict verdict;
};

struct envelope {
	char *sender;		/* without <>; "" is the null sender */
	enum dsn_return dsn_return;
	char *envid;		/* as it is, not xtext; NULL: none */
	struct recipient *list;
	size_t count;
	size_t cap;
	size_t *index;		/* hash table over list, for duplicates */
	size_t index_cap;
};

void	envelope_init(struct envelope *env);
void	envelope_release(struct envelope *env);

/* Sets the sender; a copy is made. */
void	envelope_set_sender(struct envelope *env, const char *address);

/*
 * Adds a recipient (a copy is made) that is not there yet; a domain differs
 * not by case, a local part does.  Returns true when it was added.
 */
bool	envelope_add(struct envelope *env, const char *address);

/*
 * What is asked for about notifications (RFC 3461): for the message; envid may
 * be NULL; for all recipients so far that have no wish of their own; and for
 * one of them, orcpt as it goes out ("rfc822;bob@example.org"), or NULL.
 * Copies are made.
 */
void	envelope_set_dsn(struct envelope *env, enum dsn_return ret,
	    const char *envid);
void	envelope_set_notify(struct envelope *env, unsigned notify);
void	recipient_set_dsn(struct recipient *r, unsigned notify,
	    const char *orcpt);
/* What the address was before aliases; a copy is made. */
void	recipient_set_given(struct recipient *r, const char *address);
/* True where anything is asked for. */
bool	envelope_needs_dsn(const struct envelope *env);

/* True where an address has UTF-8 in it (RFC 6531). */
bool	envelope_needs_smtputf8(const struct envelope *env);

/* Sets *v; text (may be NULL) of text_len bytes is escaped and copied. */
void	verdict_set(struct verdict *v, enum recipient_state state,
	    enum error_class class, int code, const char *enhanced,
	    const char *text, size_t text_len);
void	verdict_copy(struct verdict *to, const struct verdict *from);
void	verdict_release(struct verdict *v);
const char *recipient_state_name(enum recipient_state state);

/*
 * The worst of what recipients got: what is permanent before what is
 * temporary, a refused recipient last among it.  One that is untried counts
 * as nothing: see envelope_all_accepted.
 */
enum error_class envelope_worst(const struct envelope *env);

/* True where the relay has the message for every recipient. */
bool	envelope_all_accepted(const struct envelope *env);

#endif
