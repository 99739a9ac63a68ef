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
#include "mail/intake.h"
#include "mail/message.h"

/* Bytes that one read(2) asks for. */
#define CHUNK	(64 * 1024)

/* What is needed only while reading. */
struct reader {
	struct message *message;
	struct intake intake;
	struct buf body;	/* body bytes of the current chunk */
	char *chunk;
};

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

static int
take(struct reader *r, const char *data, size_t len, struct error *e)
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

static int
read_all(struct reader *r, int fd, struct error *e)
{
	ssize_t n;

	while (!r->intake.done) {
		n = fsio_read(fd, r->chunk, CHUNK);
		if (n == -1)
			return error_set_errno(e, ERR_IO, errno,
			    "cannot read the message from standard input");
		if (n == 0)
			break;
		if (take(r, r->chunk, (size_t)n, e) == -1)
			return -1;
	}
	if (intake_finish(&r->intake, &r->body, e) == -1 ||
	    store(r->message, r->body.data, r->body.len, e) == -1)
		return -1;
	wire_count_finish(&r->message->count);
	return header_parse(&r->message->header, r->intake.header.data,
	    r->intake.header.len, e);
}

int
message_read(struct message *m, int fd, bool dot_ends, struct error *e)
{
	struct reader r;
	int rc;

	r.message = m;
	intake_init(&r.intake, dot_ends);
	buf_init(&r.body, HEADER_MAX + CHUNK);
	r.chunk = xmalloc(CHUNK);
	rc = read_all(&r, fd, e);
	free(r.chunk);
	buf_release(&r.body);
	intake_release(&r.intake);
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
