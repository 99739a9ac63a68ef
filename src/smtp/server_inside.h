/* SPDX-License-Identifier: ISC */
/*
 * The inside of a server, shared by the files that make it up: server.c (the
 * interface, lines, the message's bytes), commands.c (what each command does).
 * Nobody else includes it.
 */
#ifndef SMTP_SERVER_INSIDE_H
#define SMTP_SERVER_INSIDE_H

#include "base/buf.h"
#include "smtp/server.h"

enum server_phase {
	SERVER_COMMAND,		/* a line is awaited */
	SERVER_DATA,		/* the message, to its final dot */
	SERVER_CHUNK,		/* octets of a BDAT */
	SERVER_ANSWER,		/* the caller answers the message */
	SERVER_GONE
};

/* Where in a line of DATA. */
enum server_spot {
	SPOT_START,		/* of a line */
	SPOT_DOT,		/* behind a dot at the start */
	SPOT_DOT_CR,		/* behind a CR behind that */
	SPOT_TEXT,
	SPOT_CR			/* behind a CR in the text */
};

struct server {
	struct server_settings settings;
	enum server_phase phase;
	struct buf in;
	size_t at;		/* bytes of in that are dealt with */
	struct buf out;
	struct buf body;	/* for SERVER_BODY */
	struct server_transaction now;
	bool mail;		/* MAIL is accepted */
	bool message;		/* octets are announced: DATA or BDAT */
	bool given;		/* SERVER_BODY has given some of them */
	bool drop;		/* SERVER_DROP is due */
	bool overlong;		/* the line has passed its limit */
	bool crlf;		/* a command has ended in CRLF */
	enum server_spot spot;
	uint64_t size;		/* octets of the message so far */
	uint64_t chunk_left;
	uint64_t chunk;		/* octets of the chunk */
	bool chunk_last;
	bool chunk_refused;	/* its octets go nowhere */
};

/* Puts a reply into the output; enhanced NULL: none, as for EHLO. */
void	server_reply(struct server *s, int code, const char *enhanced,
	    const char *text);
/* Forgets the transaction. */
void	server_reset(struct server *s);
/* True where the message's octets have passed the limit. */
bool	server_too_big(const struct server *s);
/* Does what a line says; line has no end and no NUL in it. */
void	server_command(struct server *s, const char *line);

#endif
