/* SPDX-License-Identifier: ISC */
/*
 * Which domains are this host: "localhost", and its name with and without its
 * domain.  The account's own domain is none of them, since its mail lies with
 * the relay.
 */
#ifndef AGENT_LOCAL_H
#define AGENT_LOCAL_H

#include <stdbool.h>

struct account;

struct local_names {
	const struct account *account;	/* borrowed */
	char *host;		/* what the system calls itself */
	char *mail;		/* the name of its mail; see identity_host */
	char *full;		/* what its name is looked up as; NULL: none */
	bool asked;		/* full was looked for */
};

void	local_init(struct local_names *l, const struct account *a);
void	local_release(struct local_names *l);

/*
 * True where a domain is this host.  Looks the host's own name up where only
 * its first label is known, and the domain has the same.
 */
bool	local_is_host(struct local_names *l, const char *domain);

#endif
