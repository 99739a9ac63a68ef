/* SPDX-License-Identifier: ISC */
/*
 * A server of SCRAM-SHA-1 and SCRAM-SHA-256 that does one thing wrong.
 */
#ifndef RELAY_SCRAM_H
#define RELAY_SCRAM_H

#include <stddef.h>

struct conn;
struct record;

/*
 * Reads an AUTH command and goes through its exchange, as the fault (see
 * tests/dialogues/README) has it.  The client must do all that RFC 5802 asks
 * of it up to the fault, and say nothing after it but "*".  -1 with the
 * reason in why, which has room for size bytes.
 */
int	scram_play(const char *fault, struct conn *c, struct record *r,
	    char *why, size_t size);

#endif
