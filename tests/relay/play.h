/* SPDX-License-Identifier: ISC */
/*
 * Plays a dialogue to one client.
 */
#ifndef RELAY_PLAY_H
#define RELAY_PLAY_H

struct conn;
struct dialogue;
struct record;

/* Bytes that play puts into why at most, its NUL included. */
#define PLAY_WHY	512

/*
 * Plays all steps and waits for the client's end.  -1 with the line of the
 * step and the reason in why when it did not go as written.
 *
 * Beyond what the steps say, the client must not: end a line in anything but
 * CRLF; go on before it has its reply, while the play has not offered
 * PIPELINING since the last TLS; send a message that breaks a rule of SMTP
 * (see body.h); send the final dot into a SINK.
 */
int	play(const struct dialogue *d, struct conn *c, struct record *r,
	    char why[PLAY_WHY]);

#endif
