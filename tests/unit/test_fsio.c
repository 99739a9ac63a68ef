/* SPDX-License-Identifier: ISC */
/*
 * Files: opened without traps, read and written whole; where the log goes.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/fsio.h"
#include "base/log.h"
#include "base/mem.h"
#include "runner.h"

static char *dir;
static struct buf b;
static struct error e;
static int pipe_end = -1;
static volatile sig_atomic_t alarms;

static void
start(void)
{
	char name[] = "/tmp/sendoff-fsio-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(name));
	dir = xstrdup(name);
	buf_init(&b, 1024 * 1024);
}

static void
finish(void)
{
	remove_tree(dir);
	free(dir);
	buf_release(&b);
}

static char *
make_file(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(fsio_write_all(fd, text, strlen(text)), 0);
	close(fd);
	return path;
}

static void
reads(const char *path, const char *expect)
{
	int fd;

	fd = fsio_open_regular(path, NULL);
	ck_assert_int_ne(fd, -1);
	buf_clear(&b);
	ck_assert_int_eq(fsio_read_all(fd, &b), 0);
	ck_assert_str_eq(b.data, expect);
	close(fd);
}

START_TEST(regular)
{
	char *path = make_file("a", "text");
	char *other = xasprintf("%s/link", dir);
	struct stat st;
	int fd;

	fd = fsio_open_regular(path, &st);
	ck_assert_int_ne(fd, -1);
	ck_assert(S_ISREG(st.st_mode) && st.st_size == 4);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	close(fd);
	ck_assert_int_eq(symlink("a", other), 0);
	reads(other, "text");
	free(path);
	free(other);
}
END_TEST

static void
will_not_open(const char *path, int errnum)
{
	struct stat st;

	errno = 0;
	ck_assert_int_eq(fsio_open_regular(path, &st), -1);
	ck_assert_int_eq(errno, errnum);
}

/* A FIFO is refused at once: nobody ever writes to it. */
START_TEST(traps)
{
	char *path = xasprintf("%s/fifo", dir);

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	will_not_open(path, EINVAL);
	will_not_open("/dev/null", EINVAL);
	will_not_open(dir, EISDIR);
	will_not_open("", ENOENT);
	free(path);
	path = xasprintf("%s/none", dir);
	will_not_open(path, ENOENT);
	free(path);
}
END_TEST

START_TEST(read_all_to_the_maximum)
{
	char *path = make_file("a", "12345678");
	struct buf small;
	int fd;

	buf_init(&small, 8);
	fd = fsio_open_regular(path, NULL);
	ck_assert_int_eq(fsio_read_all(fd, &small), 0);
	ck_assert_str_eq(small.data, "12345678");
	ck_assert_int_eq(fsio_read_all(fd, &small), 0);
	ck_assert_str_eq(small.data, "12345678");
	close(fd);
	buf_release(&small);
	buf_init(&small, 7);
	fd = fsio_open_regular(path, NULL);
	ck_assert_int_eq(fsio_read_all(fd, &small), -1);
	ck_assert_int_eq(errno, EFBIG);
	close(fd);
	buf_release(&small);
	free(path);
}
END_TEST

START_TEST(read_errors)
{
	int fd;

	fd = open(dir, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(fsio_read_all(fd, &b), -1);
	ck_assert_int_eq(errno, EISDIR);
	close(fd);
	ck_assert_int_eq(fsio_read_all(fd, &b), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_int_eq((int)fsio_read(fd, b.data, 0), -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(read_at)
{
	char *path = make_file("a", "0123456789");
	char data[8];
	int fd;

	fd = fsio_open_regular(path, NULL);
	ck_assert_int_eq((int)fsio_pread(fd, data, 3, 4), 3);
	ck_assert_mem_eq(data, "456", 3);
	ck_assert_int_eq((int)fsio_pread(fd, data, 8, 8), 2);
	ck_assert_int_eq((int)fsio_pread(fd, data, 8, 10), 0);
	ck_assert_int_eq((int)fsio_read(fd, data, 2), 2);
	ck_assert_mem_eq(data, "01", 2);
	close(fd);
	free(path);
}
END_TEST

/* The first alarm interrupts, the second brings what is waited for. */
static void
on_alarm(int sig)
{
	(void)sig;
	if (++alarms == 2 && write(pipe_end, "x", 1) != 1)
		_exit(2);
}

START_TEST(read_goes_on_after_a_signal)
{
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } };
	struct sigaction action = { 0 };
	int ends[2];
	char c = 0;

	action.sa_handler = on_alarm;
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(pipe(ends), 0);
	pipe_end = ends[1];
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	ck_assert_int_eq((int)fsio_read(ends[0], &c, 1), 1);
	ck_assert_int_eq(c, 'x');
	ck_assert_int_ge(alarms, 2);
}
END_TEST

/* More than a pipe holds, to a reader that takes it in pieces. */
START_TEST(write_all_of_it)
{
	const size_t size = 1024 * 1024;
	char *data = xcalloc(size, 1), piece[999];
	int ends[2], status;
	size_t total = 0;
	ssize_t n;
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		close(ends[1]);
		while ((n = read(ends[0], piece, sizeof piece)) > 0)
			total += (size_t)n;
		_exit(total == size ? 0 : 1);
	}
	close(ends[0]);
	ck_assert_int_eq(fsio_write_all(ends[1], data, size), 0);
	ck_assert_int_eq(fsio_write_all(ends[1], data, 0), 0);
	close(ends[1]);
	ck_assert_int_eq((int)waitpid(child, &status, 0), (int)child);
	ck_assert_int_eq(status, 0);
	free(data);
}
END_TEST

START_TEST(write_errors)
{
	int fd;

	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(fsio_write_all(fd, "x", 1), -1);
	ck_assert_int_eq(errno, ENOSPC);
	close(fd);
	ck_assert_int_eq(fsio_write_all(fd, "x", 1), -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(unlinked)
{
	struct stat st;
	char data[4];
	char *path;
	int fd;

	fd = fsio_open_unlinked(dir);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert(S_ISREG(st.st_mode) && st.st_nlink == 0);
	ck_assert_int_eq(st.st_mode & 077, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(fsio_write_all(fd, "text", 4), 0);
	ck_assert_int_eq((int)fsio_pread(fd, data, 4, 0), 4);
	ck_assert_mem_eq(data, "text", 4);
	close(fd);
	ck_assert_int_eq(rmdir(dir), 0);
	ck_assert_int_eq(fsio_open_unlinked(dir), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	path = make_file("a", "");
	ck_assert_int_eq(fsio_open_unlinked(path), -1);
	ck_assert_int_eq(errno, ENOTDIR);
	free(path);
}
END_TEST

/* What a line in the file must end in. */
static void
ends_in(const char *tail)
{
	size_t n = strlen(tail);

	ck_assert_msg(b.len >= n && strcmp(b.data + b.len - n, tail) == 0,
	    "'%.300s'", b.data);
}

static void
reads_log(const char *path)
{
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(fsio_read_all(fd, &b), 0);
	close(fd);
}

START_TEST(log_file)
{
	char *path = xasprintf("%s/log", dir);
	struct stat st;

	ck_assert_int_eq(log_open(path, "tag", &e), 0);
	log_line("first", false);
	log_close();
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(log_open(path, "other", &e), 0);
	log_line("second", true);
	log_close();
	log_line("third", true);
	reads_log(path);
	ck_assert_ptr_nonnull(strstr(b.data, "tag"));
	ck_assert_ptr_nonnull(strstr(b.data, "first\n"));
	ck_assert_ptr_nonnull(strstr(b.data, "other"));
	ends_in("second\n");
	ck_assert(strchr(strchr(b.data, '\n') + 1, '\n') ==
	    b.data + b.len - 1);
	free(path);
}
END_TEST

/* However long, it is one whole line, and the next starts anew. */
START_TEST(log_long_line)
{
	char *path = xasprintf("%s/log", dir), *line;

	line = xmalloc(200001);
	memset(line, 'x', 200000);
	line[200000] = '\0';
	ck_assert_int_eq(log_open(path, "tag", &e), 0);
	log_line(line, false);
	log_line("next", false);
	log_close();
	reads_log(path);
	ends_in("next\n");
	*strchr(b.data, '\n') = '\0';
	ck_assert_str_eq(strchr(b.data, 'x'), line);
	free(line);
	free(path);
}
END_TEST

/* An object stands alone: whoever parses it has the time in it. */
START_TEST(log_json)
{
	char *path = xasprintf("%s/log", dir);

	ck_assert_int_eq(log_open(path, "tag", &e), 0);
	log_line("{\"a\":1}", false);
	log_close();
	reads_log(path);
	ck_assert_str_eq(b.data, "{\"a\":1}\n");
	free(path);
}
END_TEST

/* Nothing that happens to a log is an error later. */
START_TEST(log_nowhere)
{
	char *fifo = xasprintf("%s/fifo", dir);

	log_line("before it is opened", false);
	ck_assert_int_eq(log_open("none", "tag", &e), 0);
	log_line("x", false);
	log_close();
	log_close();
	ck_assert_int_eq(log_open("/dev/full", "tag", &e), 0);
	log_line("x", true);
	log_close();
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(log_open(fifo, "tag", &e), -1);
	free(fifo);
}
END_TEST

START_TEST(log_refused)
{
	char *path = xasprintf("%s/no/log", dir);

	ck_assert_int_eq(log_open(path, "tag", &e), -1);
	ck_assert_int_ne(e.class, ERR_NONE);
	ck_assert_ptr_nonnull(strstr(e.text, path));
	ck_assert_int_eq(log_open(dir, "tag", &e), -1);
	log_line("x", false);
	free(path);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("fsio");
	t = tcase_create("files");
	tcase_add_checked_fixture(t, start, finish);
	tcase_add_test(t, regular);
	tcase_add_test(t, traps);
	tcase_add_test(t, read_all_to_the_maximum);
	tcase_add_test(t, read_errors);
	tcase_add_test(t, read_at);
	tcase_add_test(t, read_goes_on_after_a_signal);
	tcase_add_test(t, write_all_of_it);
	tcase_add_test(t, write_errors);
	tcase_add_test(t, unlinked);
	suite_add_tcase(s, t);
	t = tcase_create("log");
	tcase_add_checked_fixture(t, start, finish);
	tcase_add_test(t, log_file);
	tcase_add_test(t, log_long_line);
	tcase_add_test(t, log_json);
	tcase_add_test(t, log_nowhere);
	tcase_add_test(t, log_refused);
	suite_add_tcase(s, t);
	return run_suite(s);
}
