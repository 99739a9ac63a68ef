/* SPDX-License-Identifier: ISC */
/*
 * An ordinary submission relay for one client at a time.
 */
#ifndef RELAY_SERVE_H
#define RELAY_SERVE_H

#include <stdbool.h>

#include "sasl.h"

struct conn;
struct record;

struct serve_settings {
	bool open;		/* takes mail without TLS and login */
	bool local;		/* a Unix socket: login without TLS is fine */
	const char *without;	/* "SIZE,8BITMIME": not offered; or NULL */
	struct sasl_settings sasl;
};

/*
 * Serves until the client leaves.  Recipients at "refused.*" get 550, those
 * at "deferred.*" 450.  -1 when the relay itself has to end.
 */
int	serve(const struct serve_settings *settings, struct conn *c,
	    struct record *r);

#endif
