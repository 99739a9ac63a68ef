/* SPDX-License-Identifier: ISC */
/*
 * The log's sink.  Owns the process's one mutable global.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fsio.h"
#include "base/log.h"

/* Bytes that stand before a line in a file. */
#define STAMP_MAX	128

static struct {
	enum { LOG_TO_NOTHING, LOG_TO_SYSLOG, LOG_TO_FILE } kind;
	int fd;
	const char *tag;
} sink;

int
log_open(const char *target, const char *tag, struct error *e)
{
	sink.tag = tag;
	if (strcmp(target, "none") == 0) {
		sink.kind = LOG_TO_NOTHING;
		return 0;
	}
	if (strcmp(target, "syslog") == 0) {
		openlog(tag, LOG_PID, LOG_MAIL);
		sink.kind = LOG_TO_SYSLOG;
		return 0;
	}
	/* Not blocking: a FIFO without a reader must not hold up mail. */
	sink.fd = open(target, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
	    O_NOCTTY | O_NONBLOCK, 0600);
	if (sink.fd == -1)
		return error_set_errno(e, ERR_CREATE, errno,
		    "cannot open the log file '%s'", target);
	sink.kind = LOG_TO_FILE;
	return 0;
}

/* "2026-11-23T18:20:34Z sendoff[123]: line", in one write. */
static void
log_to_file(const char *line)
{
	struct buf b;
	char stamp[CLOCK_STAMP_SIZE];

	clock_stamp(stamp);
	buf_init(&b, strlen(line) + STAMP_MAX);
	if (line[0] != '{')
		buf_addf(&b, "%s %.64s[%ld]: ", stamp, sink.tag,
		    (long)getpid());
	buf_adds(&b, line);
	buf_addc(&b, '\n');
	fsio_write_all(sink.fd, b.data, b.len);
	buf_release(&b);
}

void
log_line(const char *line, bool failed)
{
	switch (sink.kind) {
	case LOG_TO_NOTHING:
		break;
	case LOG_TO_SYSLOG:
		syslog(failed ? LOG_ERR : LOG_INFO, "%s", line);
		break;
	case LOG_TO_FILE:
		log_to_file(line);
		break;
	}
}

void
log_close(void)
{
	if (sink.kind == LOG_TO_FILE)
		close(sink.fd);
	else if (sink.kind == LOG_TO_SYSLOG)
		closelog();
	sink.kind = LOG_TO_NOTHING;
}
