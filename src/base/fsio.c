/* SPDX-License-Identifier: ISC */
/*
 * Files: opened without traps, read and written whole.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fsio.h"
#include "base/mem.h"

#define READ_SIZE	(16 * 1024)

int
fsio_open_regular(const char *path, struct stat *st)
{
	struct stat own;
	int fd, saved;

	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if (st == NULL)
		st = &own;
	if (fstat(fd, st) == -1)
		saved = errno;
	else if (S_ISREG(st->st_mode))
		return fd;
	else
		saved = S_ISDIR(st->st_mode) ? EISDIR : EINVAL;
	close(fd);
	errno = saved;
	return -1;
}

ssize_t
fsio_read(int fd, void *data, size_t len)
{
	ssize_t n;

	do
		n = read(fd, data, len);
	while (n == -1 && errno == EINTR);
	return n;
}

ssize_t
fsio_pread(int fd, void *data, size_t len, off_t offset)
{
	ssize_t n;

	do
		n = pread(fd, data, len, offset);
	while (n == -1 && errno == EINTR);
	return n;
}

int
fsio_read_all(int fd, struct buf *out)
{
	ssize_t n;
	size_t room;
	char *to, extra;

	for (;;) {
		room = out->max - out->len;
		if (room == 0) {
			n = fsio_read(fd, &extra, 1);
			if (n > 0)
				errno = EFBIG;
			return n == 0 ? 0 : -1;
		}
		if (room > READ_SIZE)
			room = READ_SIZE;
		to = buf_reserve(out, room);
		n = fsio_read(fd, to, room);
		if (n <= 0)
			return n == 0 ? 0 : -1;
		buf_commit(out, (size_t)n);
	}
}

int
fsio_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* After EAGAIN; 0 when it is worth another try. */
static int
wait_for(int fd, short events)
{
	struct pollfd p = { fd, events, 0 };

	if (errno != EAGAIN)
		return -1;
	return poll(&p, 1, -1) == -1 && errno != EINTR ? -1 : 0;
}

ssize_t
fsio_read_wait(int fd, void *data, size_t len)
{
	ssize_t n;

	do
		n = fsio_read(fd, data, len);
	while (n == -1 && wait_for(fd, POLLIN) == 0);
	return n;
}

int
fsio_write_wait(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1) {
			if (errno == EINTR || wait_for(fd, POLLOUT) == 0)
				continue;
			return -1;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* O_TMPFILE where the file system has it, else a name that is removed. */
int
fsio_open_unlinked(const char *dir)
{
	char *path;
	int fd, saved;

	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR &&
	    errno != EINVAL))
		return fd;
	path = xasprintf("%s/sendoff.XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	saved = errno;
	if (fd != -1 && unlink(path) == -1) {
		saved = errno;
		close(fd);
		fd = -1;
	}
	free(path);
	errno = saved;
	return fd;
}
