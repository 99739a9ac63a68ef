/* SPDX-License-Identifier: ISC */
/*
 * Who runs this, on which host, and when: what a message that lacks them gets.
 */
#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include "mail/date.h"

struct buf;
struct error;

struct identity {
	char *user;		/* login name, or "uid" and the number */
	char *full_name;	/* from the passwd entry, UTF-8; or "" */
};

void	identity_init(struct identity *id);
void	identity_release(struct identity *id);

/*
 * The domain of this host's mail, as an owned string: /etc/mailname (Debian's
 * name for it), else the host's name, else "localhost".
 */
char	*identity_host(void);

/* The current time in the caller's zone, for a Date field. */
void	identity_date(char out[DATE_SIZE]);

/* The local part of a Message-ID that nobody else will use; ERR_OS. */
int	identity_unique(struct buf *out, struct error *e);

#endif
