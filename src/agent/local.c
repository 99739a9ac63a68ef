/* SPDX-License-Identifier: ISC */
/*
 * Which domains are this host.  Asks the resolver for no name but the host's
 * own, and for that only where the answer matters.
 */
#include "config.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/identity.h"
#include "agent/local.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/account.h"

/* Bytes of a host name. */
#define HOST_MAX	256

void
local_init(struct local_names *l, const struct account *a)
{
	char host[HOST_MAX];

	memset(l, 0, sizeof *l);
	l->account = a;
	if (gethostname(host, sizeof host) == -1)
		host[0] = '\0';
	host[sizeof host - 1] = '\0';
	l->host = xstrdup(host);
	l->mail = identity_host();
}

void
local_release(struct local_names *l)
{
	free(l->host);
	free(l->mail);
	free(l->full);
	memset(l, 0, sizeof *l);
}

static bool
same_first_label(const char *a, const char *b)
{
	return mem_caseeq(a, strcspn(a, "."), b, strcspn(b, "."));
}

/* What /etc/hosts or the name service calls the host in full. */
static const char *
full_name(struct local_names *l)
{
	struct addrinfo hints, *found;

	if (l->asked)
		return l->full;
	l->asked = true;
	memset(&hints, 0, sizeof hints);
	hints.ai_flags = AI_CANONNAME;
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(l->host, NULL, &hints, &found) != 0)
		return NULL;
	if (found->ai_canonname != NULL &&
	    same_first_label(found->ai_canonname, l->host))
		l->full = xstrdup(found->ai_canonname);
	freeaddrinfo(found);
	return l->full;
}

bool
local_is_host(struct local_names *l, const char *domain)
{
	const char *full;

	if (l->account != NULL && l->account->domain != NULL &&
	    str_caseeq(domain, l->account->domain))
		return false;
	if (str_caseeq(domain, "localhost") ||
	    str_caseeq(domain, "localhost.localdomain"))
		return true;
	if (l->host[0] == '\0' || !same_first_label(domain, l->host))
		return false;
	if (strchr(domain, '.') == NULL || str_caseeq(domain, l->host) ||
	    str_caseeq(domain, l->mail))
		return true;
	/* A host that knows its whole name has no other. */
	if (strchr(l->host, '.') != NULL)
		return false;
	full = full_name(l);
	return full != NULL && str_caseeq(domain, full);
}
