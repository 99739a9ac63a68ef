/* SPDX-License-Identifier: ISC */
/*
 * A message as it was handed in: header in memory, body in memory or in a
 * file that has no name.
 *
 * The one room of this folder that reads: standard input to its end, without
 * a time limit.  It says nothing to anybody.
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "mail/header.h"
#include "mail/intake.h"
#include "mail/wire.h"

struct error;

/* A body longer than this (in bytes) goes to a file. */
#define MESSAGE_MEMORY	(256 * 1024)
/* Bytes that message_add takes at a time. */
#define MESSAGE_PIECE	(64 * 1024)

struct message {
	struct header header;
	struct buf memory;	/* the body, while fd is -1 */
	int fd;			/* the body's file, or -1 */
	uint64_t body_size;	/* bytes as they are stored */
	struct wire_count count;	/* of the body */
};

void	message_init(struct message *m);
void	message_release(struct message *m);

/*
 * Reads a message from fd to its end, or to a lone dot where dot_ends.  -1
 * with ERR_IO for a read error, ERR_CREATE or ERR_IO for the body's file (made
 * in $TMPDIR, /var/tmp or /tmp), ERR_MESSAGE for the header.
 */
int	message_read(struct message *m, int fd, bool dot_ends,
	    struct error *e);

/*
 * The same for a message that comes in pieces, of MESSAGE_PIECE bytes at most:
 * message_begin on a message that is initialised, message_add for each,
 * message_end behind the last; message_reader_release at the end, however it
 * went.
 */
struct message_reader {
	struct message *message;	/* borrowed */
	struct intake intake;
	struct buf body;	/* body bytes of the current piece */
};

void	message_begin(struct message_reader *r, struct message *m,
	    bool dot_ends);
int	message_add(struct message_reader *r, const char *data, size_t len,
	    struct error *e);
int	message_end(struct message_reader *r, struct error *e);
void	message_reader_release(struct message_reader *r);

/*
 * Reads up to len bytes of the body from offset; returns how many, 0 at its
 * end, -1 with ERR_IO.
 */
ssize_t	message_body(const struct message *m, uint64_t offset, char *data,
	    size_t len, struct error *e);

/*
 * Mends a body that SMTP cannot carry (mail/mime): lines over 998 octets, bare
 * CRs, NULs; with seven_bit, 8-bit bytes as well.  8-bit text that has no MIME
 * headers gets them.  Header, body and count are then those that go out.  -1
 * with ERR_MESSAGE, naming the part, where that cannot be done; ERR_IO and
 * ERR_CREATE as for message_read.
 */
int	message_mend(struct message *m, bool seven_bit, struct error *e);

#endif
