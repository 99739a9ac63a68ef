/* SPDX-License-Identifier: ISC */
/*
 * From the addresses that a caller names to those that the relay is told:
 * aliases, then local_mail_to, then domain.
 */
#ifndef AGENT_RECIPIENTS_H
#define AGENT_RECIPIENTS_H

#include <stdbool.h>

#include "agent/local.h"
#include "mail/alias.h"

struct account;
struct address;
struct envelope;
struct error;

struct recipients {
	const struct account *account;	/* borrowed */
	const char *domain;		/* borrowed; completes bare names */
	struct local_names local;
	struct aliases aliases;
	struct alias_walk walk;
	bool read;		/* the alias file was, or there is none */
};

/* The account, and what completes bare addresses; both stay the caller's. */
void	recipients_init(struct recipients *r, const struct account *a,
	    const char *domain);
void	recipients_release(struct recipients *r);

/*
 * Reads the alias file that the account names; nothing where it names none:
 * /etc/aliases is read when a local name needs it.  ERR_CONFIG where it is not
 * there, no regular file, too big or not to be read, ERR_IO.
 */
int	recipients_open(struct recipients *r, struct error *e);
/* The same for any alias file, /etc/aliases too, which may be missing. */
int	recipients_read(struct recipients *r, struct error *e);

/* True for a bare name, and for one at this host. */
bool	recipients_is_local(struct recipients *r, const struct address *a);

/*
 * Adds to the envelope what an address leads to, each recipient once; a name
 * that was expanded for this envelope before adds nothing.  -1, and nothing is
 * added: ERR_MESSAGE where the address itself is none, ERR_CONFIG for what is
 * wrong in the alias file, ERR_RECIPIENT and ERR_TEMPORARY for what that
 * refuses.
 */
int	recipients_add(struct recipients *r, const struct address *a,
	    struct envelope *env, struct error *e);

/* A new envelope begins: names are expanded again. */
void	recipients_restart(struct recipients *r);

#endif
