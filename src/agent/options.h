/* SPDX-License-Identifier: ISC */
/*
 * The command line: sendmail's options and sendoff's own, from one table that
 * drives parsing, --help and the check of the manual.
 */
#ifndef AGENT_OPTIONS_H
#define AGENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/dsn.h"

struct buf;
struct error;
struct esmtp_rcpt;

enum mode {
	MODE_SUBMIT,		/* -bm */
	MODE_SERVER,		/* -bs */
	MODE_DRY_RUN,
	MODE_PRINT_CONFIG,
	MODE_CHECK,
	MODE_LIST_QUEUE,	/* -bp */
	MODE_FLUSH,		/* -q */
	MODE_VERIFY,		/* -bv */
	MODE_ALIASES,		/* -bi, newaliases */
	MODE_HELP,
	MODE_VERSION
};

struct invocation {
	enum mode mode;
	bool as_sendmail;	/* called as sendmail, mailq or newaliases */
	bool from_header;	/* -t */
	bool dot_ignored;	/* -i */
	bool verbose;		/* -v, -d */
	bool json;
	const char *sender;	/* -f, -r; NULL when not given */
	const char *full_name;	/* -F, in UTF-8 */
	char *latin1_name;	/* its own, where it came in ISO-8859-1 */
	const char *config;	/* -C */
	const char *account;	/* -a */
	const char *tag;	/* -L */
	unsigned notify;	/* -N: DSN_..., 0 when not given */
	enum dsn_return dsn_return;	/* -R */
	const char *envid;	/* -V; NULL when not given */
	char **settings;	/* --set; in argv, which can be written */
	size_t setting_count;
	size_t setting_cap;
	char **recipients;	/* arguments; borrowed strings */
	const struct esmtp_rcpt *wishes;	/* -bs: one each; else NULL */
	size_t recipient_count;
	size_t recipient_cap;
	char **ignored;		/* options without meaning here, for -v */
	size_t ignored_count;
	size_t ignored_cap;
};

/* What an option takes. */
enum option_argument {
	OPTION_PLAIN,		/* nothing */
	OPTION_WITH,		/* an argument, joined or apart */
	OPTION_MAYBE,		/* of a long option: --name=VALUE, or none */
	OPTION_JOINED		/* an argument, joined only, may be empty */
};

struct option_row {
	const char *name;	/* without dashes: "f", "account" */
	enum option_argument argument;
	const char *metavar;	/* for --help; NULL where there is none */
	const char *summary;	/* for --help */
	/* Takes the value; -1 with ERR_USAGE. */
	int (*apply)(struct invocation *inv, const struct option_row *row,
	    const char *value, struct error *e);
};

extern const struct option_row option_table[];
extern const size_t option_count;

void	options_init(struct invocation *inv);
void	options_release(struct invocation *inv);

/*
 * Parses argv; its strings are borrowed.  -1 with ERR_USAGE and a text that
 * names the option.
 */
int	options_parse(struct invocation *inv, int argc, char **argv,
	    struct error *e);

/* The text of --help. */
void	options_help(struct buf *out);

#endif
