/* SPDX-License-Identifier: ISC */
/*
 * Reads a message to its end: header in memory, body in memory or in a file
 * that has no name.  The one room of this folder that does I/O; it never
 * writes anywhere else.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "mail/message.h"

void
message_init(struct message *m)
{
	memset(m, 0, sizeof *m);
	header_init(&m->header);
	buf_init(&m->memory, MESSAGE_MEMORY);
	m->fd = -1;
}

void
message_release(struct message *m)
{
	header_release(&m->header);
	buf_release(&m->memory);
	if (m->fd != -1)
		close(m->fd);
	m->fd = -1;
}

/* The body grows too long for memory: what is there moves to a file. */
static int
open_spool(struct message *m, struct error *e)
{
	const char *dirs[] = { getenv("TMPDIR"), "/var/tmp", "/tmp" };
	size_t i;

	for (i = 0; i < sizeof dirs / sizeof *dirs && m->fd == -1; i++)
		if (dirs[i] != NULL && dirs[i][0] == '/')
			m->fd = fsio_open_unlinked(dirs[i]);
	if (m->fd == -1)
		return error_set_errno(e, ERR_CREATE, errno, "cannot make a"
		    " temporary file for the message in '/tmp'");
	if (fsio_write_all(m->fd, m->memory.data, m->memory.len) == -1)
		return error_set_errno(e, ERR_IO, errno,
		    "cannot write the message to a temporary file");
	buf_release(&m->memory);
	return 0;
}

static int
store(struct message *m, const char *data, size_t len, struct error *e)
{
	wire_count(&m->count, data, len);
	m->body_size += len;
	if (m->fd == -1) {
		if (buf_add(&m->memory, data, len) == 0)
			return 0;
		if (open_spool(m, e) == -1)
			return -1;
	}
	if (fsio_write_all(m->fd, data, len) == -1)
		return error_set_errno(e, ERR_IO, errno,
		    "cannot write the message to a temporary file");
	return 0;
}

void
message_begin(struct message_reader *r, struct message *m, bool dot_ends)
{
	r->message = m;
	intake_init(&r->intake, dot_ends);
	buf_init(&r->body, HEADER_MAX + MESSAGE_PIECE);
}

void
message_reader_release(struct message_reader *r)
{
	buf_release(&r->body);
	intake_release(&r->intake);
}

int
message_add(struct message_reader *r, const char *data, size_t len,
    struct error *e)
{
	int rc;

	if (intake_transparent(&r->intake))
		return store(r->message, data, len, e);
	if (intake_feed(&r->intake, data, len, &r->body, e) == -1)
		return -1;
	rc = store(r->message, r->body.data, r->body.len, e);
	buf_clear(&r->body);
	return rc;
}

int
message_end(struct message_reader *r, struct error *e)
{
	if (intake_finish(&r->intake, &r->body, e) == -1 ||
	    store(r->message, r->body.data, r->body.len, e) == -1)
		return -1;
	wire_count_finish(&r->message->count);
	return header_parse(&r->message->header, r->intake.header.data,
	    r->intake.header.len, e);
}

static int
read_all(struct message_reader *r, int fd, char *piece, struct error *e)
{
	ssize_t n;

	while (!r->intake.done) {
		n = fsio_read(fd, piece, MESSAGE_PIECE);
		if (n == -1)
			return error_set_errno(e, ERR_IO, errno,
			    "cannot read the message from standard input");
		if (n == 0)
			break;
		if (message_add(r, piece, (size_t)n, e) == -1)
			return -1;
	}
	return message_end(r, e);
}

int
message_read(struct message *m, int fd, bool dot_ends, struct error *e)
{
	struct message_reader r;
	char *piece;
	int rc;

	message_begin(&r, m, dot_ends);
	piece = xmalloc(MESSAGE_PIECE);
	rc = read_all(&r, fd, piece, e);
	free(piece);
	message_reader_release(&r);
	return rc;
}

ssize_t
message_body(const struct message *m, uint64_t offset, char *data, size_t len,
    struct error *e)
{
	ssize_t n;

	if (offset >= m->body_size)
		return 0;
	if (len > m->body_size - offset)
		len = (size_t)(m->body_size - offset);
	if (m->fd == -1) {
		memcpy(data, m->memory.data + offset, len);
		return (ssize_t)len;
	}
	n = fsio_pread(m->fd, data, len, (off_t)offset);
	if (n == -1)
		return error_set_errno(e, ERR_IO, errno,
		    "cannot read the message from its temporary file");
	if (n == 0)
		return error_set(e, ERR_IO,
		    "the message's temporary file has become shorter");
	return n;
}
