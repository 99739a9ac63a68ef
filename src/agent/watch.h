/* SPDX-License-Identifier: ISC */
/*
 * What the pump does, put into words for a check.
 */
#ifndef AGENT_WATCH_H
#define AGENT_WATCH_H

#include <stdbool.h>

#include "smtp/session.h"

struct account;
struct dialed;
struct steps;
struct tls_facts;

/* steps may be NULL: then nothing is done. */

/* The name was looked up, and (connected) a connection made. */
void	watch_dial(struct steps *steps, const struct account *a,
	    const struct dialed *d, bool connected);
/* The handshake is done and the certificate has passed. */
void	watch_tls(struct steps *steps, const struct tls_facts *f);
/* The session has left a stage behind. */
void	watch_session(struct steps *steps, const struct account *a,
	    const struct session *s, enum session_stage left);

/* "2026-11-24", of a time in seconds since 1970. */
#define WATCH_DAY	32
void	watch_day(int64_t time, char out[WATCH_DAY]);

#endif
