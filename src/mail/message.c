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
#include "mail/mime.h"

/* Bytes of a body that are mended at a time. */
#define MEND_CHUNK	(16 * 1024)

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
		n = fsio_read_wait(fd, piece, MESSAGE_PIECE);
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

/* The body once through the walk; next gets what comes out, if not NULL. */
static int
walk(const struct message *m, struct mime *mime, struct message *next,
    struct error *e)
{
	struct buf out;
	uint64_t offset = 0;
	ssize_t n;
	char *chunk;

	buf_init(&out, MIME_OUT_MAX(MEND_CHUNK));
	chunk = xmalloc(MEND_CHUNK);
	do {
		n = message_body(m, offset, chunk, MEND_CHUNK, e);
		if (n == 0)
			mime_finish(mime, &out);
		else if (n > 0)
			mime_feed(mime, chunk, (size_t)n, &out);
		if (out.overflow)
			n = error_set(e, ERR_INTERNAL,
			    "the output of the mended message is full");
		if (n != -1 && next != NULL &&
		    store(next, out.data, out.len, e) == -1)
			n = -1;
		buf_clear(&out);
		offset += n > 0 ? (uint64_t)n : 0;
	} while (n > 0);
	free(chunk);
	buf_release(&out);
	return n == 0 ? 0 : -1;
}

/* Puts the mended body in the place of the old one. */
static int
rewrite(struct message *m, struct mime *mime, bool seven_bit,
    struct error *e)
{
	struct message next;

	message_init(&next);
	mime_write(mime, seven_bit);
	if (walk(m, mime, &next, e) == -1) {
		message_release(&next);
		return -1;
	}
	wire_count_finish(&next.count);
	next.header = m->header;
	header_init(&m->header);
	message_release(m);
	*m = next;
	return 0;
}

static bool
may_need_mending(const struct message *m, bool seven_bit)
{
	const struct wire_count *c = &m->count;

	return c->nul || c->bare_cr || c->longest > MIME_LINE_MAX ||
	    (c->eight_bit && (seven_bit ||
	    !header_has(&m->header, "Content-Type")));
}

int
message_mend(struct message *m, bool seven_bit, struct error *e)
{
	struct mime mime;
	int rc;

	if (!may_need_mending(m, seven_bit))
		return 0;
	mime_init(&mime, &m->header);
	rc = walk(m, &mime, NULL, e);
	if (rc == 0)
		rc = mime_judge(&mime, seven_bit, e);
	if (rc == 0 && mime_rewrites(&mime, seven_bit))
		rc = rewrite(m, &mime, seven_bit, e);
	if (rc == 0)
		rc = mime_header(&mime, &m->header, seven_bit, e);
	mime_release(&mime);
	return rc;
}
