/* SPDX-License-Identifier: ISC */
/*
 * The alias file: names of this host, and to whom their mail goes.  The form
 * is that of aliases(5), as sendmail, Postfix and Exim read it:
 *
 *	# comment
 *	name: address, "quoted"@example.org,
 *		address on a continuation line
 *	"quoted name": \user
 *
 * Pure: the text is handed in.  Linear in its size, and never recursive: an
 * expansion is a stack of names, on which none stands twice.
 *
 * A line that is malformed is remembered, and is an error only for who needs
 * the name that it begins with.
 */
#ifndef MAIL_ALIAS_H
#define MAIL_ALIAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct address;
struct error;

/* Bytes that an alias file can have. */
#define ALIAS_FILE_MAX	(16 * 1024 * 1024)

struct alias {
	uint32_t name;		/* offset; lower case, without its quotes */
	uint32_t name_len;	/* 0: a malformed line that has none */
	uint32_t value;		/* offset; no line ends, no comment lines */
	uint32_t value_len;
	uint32_t line;		/* where it begins, from 1 */
	uint8_t problem;	/* 0: none; see alias_problem */
};

struct aliases {
	char *file;		/* its name, for error texts */
	struct buf text;	/* changed in place */
	struct alias *list;	/* in the order of the file */
	size_t count;
	size_t cap;
	uint32_t *index;	/* hash table over list: the first of a name */
	size_t index_cap;
};

void	aliases_init(struct aliases *a);
void	aliases_release(struct aliases *a);

/*
 * Takes over the text (at most ALIAS_FILE_MAX bytes) of the file of that name.
 * Once only, or not at all: then there is no alias.
 */
void	aliases_parse(struct aliases *a, const char *file, struct buf *text);

/*
 * The alias of a local part; the case of US-ASCII letters does not count, and
 * of several of one name the first is meant.  NULL: there is none.
 */
const struct alias *aliases_find(const struct aliases *a, const char *local,
	    size_t len);

/* What is wrong with the form of a line; NULL: nothing. */
const char *alias_problem(const struct alias *alias);

/* Why an expansion stopped. */
enum alias_fault {
	ALIAS_MALFORMED,	/* the file is wrong there */
	ALIAS_LOOP,
	ALIAS_REFUSED		/* a command, a file, :include:, :fail: ... */
};

/* A name that is being expanded. */
struct alias_frame {
	uint32_t alias;		/* index in the list */
	uint32_t at;		/* bytes of its value that are done */
};

/* What an expansion knows of an alias: one of these, or its depth from 1. */
#define ALIAS_NEW	0
#define ALIAS_DONE	UINT32_MAX

/*
 * An expansion.  alias_walk_enter begins with a name; alias_walk_next hands
 * out each address behind it, for which the caller decides: it is one of this
 * host, and entered in turn, or it is a recipient.  A name that was expanded
 * once is not expanded again, since every recipient is in already.
 */
struct alias_walk {
	const struct aliases *aliases;	/* borrowed */
	uint32_t *state;	/* of each alias */
	struct alias_frame *stack;
	size_t depth;
	size_t stack_cap;
	uint32_t *trail;	/* aliases entered since the last commit */
	size_t trail_len;
	size_t trail_cap;
	enum alias_fault fault;	/* after an error */
};

void	alias_walk_init(struct alias_walk *w, const struct aliases *a);
void	alias_walk_release(struct alias_walk *w);

/*
 * Begins to expand a local part.  1: done, and alias_walk_next gives what is
 * behind it (nothing where it was expanded before).  0: there is no such
 * alias, or it is being expanded and stands in its own value ("root: root,
 * x"): it is a recipient itself.  -1 with ERR_CONFIG, naming file and line: the
 * line is malformed, or the name leads to itself by way of others, which are
 * named.  After an error the walk can go on, or be abandoned.
 */
int	alias_walk_enter(struct alias_walk *w, const char *local, size_t len,
	    struct error *e);
/* The same for the alias of that index, be it the first of its name or not. */
int	alias_walk_enter_at(struct alias_walk *w, size_t index,
	    struct error *e);

/*
 * The next address, to be released by the caller; *final: it was written with
 * a backslash, and no alias is looked up for it.  1, or 0 when there is no
 * more; -1 with ERR_CONFIG, naming file and line, for what is no address or is
 * not done here; for :fail: ERR_RECIPIENT, for :defer: ERR_TEMPORARY.  After an
 * error the walk can go on behind that address, or be abandoned.
 */
int	alias_walk_next(struct alias_walk *w, struct address *out, bool *final,
	    struct error *e);

/*
 * Makes an error about the address that was handed out last one of the file:
 * ERR_CONFIG, naming file and line.
 */
void	alias_walk_blame(struct alias_walk *w, struct error *e);

/* What was expanded since the last commit stays so. */
void	alias_walk_commit(struct alias_walk *w);
/* What was expanded since the last commit is as it was. */
void	alias_walk_abandon(struct alias_walk *w);

#endif
