/* SPDX-License-Identifier: ISC */
/*
 * Files: opened without traps, read and written whole.
 */
#ifndef BASE_FSIO_H
#define BASE_FSIO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct buf;
struct error;

/*
 * Opens a file for reading: without blocking on a FIFO, close-on-exec, and
 * only if it is a regular file; st (may be NULL) gets its status.  Returns the
 * descriptor or -1 with errno (EISDIR, EINVAL for what is no regular file).
 */
int	fsio_open_regular(const char *path, struct stat *st);

/*
 * Reads to the end of file.  Returns 0; -1 with errno for a read error, EFBIG
 * when out's maximum is passed.
 */
int	fsio_read_all(int fd, struct buf *out);

/* read(2) that goes on after EINTR. */
ssize_t	fsio_read(int fd, void *data, size_t len);
/* pread(2) that goes on after EINTR. */
ssize_t	fsio_pread(int fd, void *data, size_t len, off_t offset);
/* Writes everything, or returns -1 with errno. */
int	fsio_write_all(int fd, const void *data, size_t len);

/*
 * The same for what somebody else has opened, who may have made it not to
 * block: these wait for it.
 */
ssize_t	fsio_read_wait(int fd, void *data, size_t len);
int	fsio_write_wait(int fd, const void *data, size_t len);

/*
 * A fresh file that has no name, in dir; -1 with errno.  What it holds is gone
 * when it is closed.
 */
int	fsio_open_unlinked(const char *dir);

#endif
