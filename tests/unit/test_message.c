/* SPDX-License-Identifier: ISC */
/*
 * A message read from a descriptor: in memory, in a file, refused.
 */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/fsio.h"
#include "mail/message.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static struct message m;
static struct error e;
static struct buf text, back;

static void
start(void)
{
	message_init(&m);
	buf_init(&text, 16 * 1024 * 1024);
	buf_init(&back, 16 * 1024 * 1024);
}

static void
finish(void)
{
	message_release(&m);
	buf_release(&text);
	buf_release(&back);
}

/* Reads the message in text, as a file. */
static int
read_text(bool dot_ends)
{
	int fd, rc;

	fd = memfd_create("text", MFD_CLOEXEC);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(fsio_write_all(fd, text.data, text.len), 0);
	ck_assert(lseek(fd, 0, SEEK_SET) == 0);
	message_release(&m);
	message_init(&m);
	rc = message_read(&m, fd, dot_ends, &e);
	close(fd);
	return rc;
}

/* The body back, in pieces. */
static void
get_body(size_t piece)
{
	char *room;
	ssize_t n;

	buf_clear(&back);
	for (;;) {
		room = buf_reserve(&back, piece);
		ck_assert_ptr_nonnull(room);
		n = message_body(&m, back.len, room, piece, &e);
		ck_assert_msg(n >= 0, "%s", e.text);
		ck_assert((size_t)n <= piece);
		if (n == 0)
			break;
		buf_commit(&back, (size_t)n);
	}
	ck_assert(back.len == m.body_size);
}

static void
body_is(const char *data, size_t len)
{
	ck_assert_uint_eq(back.len, len);
	ck_assert(memcmp(back.data, data, len) == 0);
}

START_TEST(small)
{
	buf_adds(&text, "From x Mon\nTo: a\nBcc: b\n\none\r\n.two\n");
	ck_assert_int_eq(read_text(false), 0);
	ck_assert_uint_eq(m.header.count, 2);
	ck_assert(header_is(&m.header.fields[1], "Bcc"));
	ck_assert_int_eq(m.fd, -1);
	get_body(3);
	body_is("one\r\n.two\n", 10);
	ck_assert_uint_eq(m.count.size, 11);
	ck_assert_uint_eq(m.count.longest, 4);
}
END_TEST

START_TEST(empty)
{
	ck_assert_int_eq(read_text(true), 0);
	ck_assert_uint_eq(m.header.count, 0);
	get_body(10);
	body_is("", 0);
	ck_assert_uint_eq(m.count.size, 0);
}
END_TEST

START_TEST(dot)
{
	buf_adds(&text, "To: a\n\none\n..two\n.\nthree\n");
	ck_assert_int_eq(read_text(true), 0);
	get_body(4);
	body_is("one\n.two\n", 9);
	ck_assert_uint_eq(m.count.size, 11);
	ck_assert_int_eq(read_text(false), 0);
	get_body(4);
	body_is("one\n..two\n.\nthree\n", 18);
}
END_TEST

/* A body that grows out of memory by one byte goes to a file. */
static const size_t sizes[] = {
	MESSAGE_MEMORY - 1, MESSAGE_MEMORY, MESSAGE_MEMORY + 1,
	2 * MESSAGE_MEMORY, 5 * MESSAGE_MEMORY + 3,
};

START_TEST(sizes_around_the_memory)
{
	struct stat st;
	size_t i;

	buf_adds(&text, "A: b\n\n");
	for (i = 0; i < sizes[_i]; i++)
		buf_addc(&text, i % 79 == 78 ? '\n' : (char)('a' + i % 26));
	ck_assert_int_eq(read_text(false), 0);
	ck_assert_uint_eq(m.body_size, sizes[_i]);
	ck_assert((m.fd == -1) == (sizes[_i] <= MESSAGE_MEMORY));
	if (m.fd != -1) {
		ck_assert_int_eq(fstat(m.fd, &st), 0);
		ck_assert_int_eq((int)st.st_nlink, 0);
		ck_assert_int_eq((int)(st.st_mode & 077), 0);
	}
	get_body(10007);
	body_is(text.data + 6, sizes[_i]);
	ck_assert_int_eq(read_text(true), 0);
	get_body(65536);
	body_is(text.data + 6, sizes[_i]);
}
END_TEST

/* Line ends and dots at the edge of whatever is read at a time. */
static const size_t edges[] = { 4096, 8192, 16384, 32768, 65536, 131072,
    262144, 524288 };

START_TEST(at_the_edges)
{
	static const char tail[] = "\r\n..x\r\n...\r\n.\r\nnot this";
	size_t at;

	for (at = edges[_i] - 16; at <= edges[_i] + 1; at++) {
		buf_clear(&text);
		buf_adds(&text, "A: b\r\n\r\n");
		while (text.len < at)
			buf_addc(&text, text.len % 500 == 0 ? '\n' : 'x');
		buf_adds(&text, tail);
		ck_assert_int_eq(read_text(true), 0);
		get_body(65536);
		ck_assert_uint_eq(back.len, at - 8 + 10);
		ck_assert(memcmp(back.data, text.data + 8, at - 8) == 0);
		ck_assert_str_eq(back.data + at - 8, "\r\n.x\r\n..\r\n");
		ck_assert(!m.count.bare_cr);
	}
}
END_TEST

START_TEST(offsets)
{
	char c[8];

	buf_adds(&text, "A: b\n\n0123456789");
	ck_assert_int_eq(read_text(false), 0);
	ck_assert_int_eq((int)message_body(&m, 7, c, 8, &e), 3);
	ck_assert_mem_eq(c, "789", 3);
	ck_assert_int_eq((int)message_body(&m, 10, c, 8, &e), 0);
	ck_assert_int_eq((int)message_body(&m, UINT64_MAX, c, 8, &e), 0);
	ck_assert_int_eq((int)message_body(&m, 2, c, 1, &e), 1);
	ck_assert_mem_eq(c, "2", 1);
}
END_TEST

START_TEST(counts_what_cannot_go)
{
	buf_adds(&text, "A: b\n\nx\ry\n\200");
	buf_addc(&text, '\0');
	ck_assert_int_eq(read_text(false), 0);
	ck_assert(m.count.bare_cr && m.count.eight_bit && m.count.nul);
	ck_assert_uint_eq(m.count.size, 9);
	buf_clear(&text);
	buf_adds(&text, "A: b\n\nx\r");
	ck_assert_int_eq(read_text(false), 0);
	ck_assert(m.count.bare_cr);
}
END_TEST

START_TEST(header_too_long)
{
	while (text.len <= HEADER_MAX)
		buf_adds(&text, "X-Field: and so on and so on and so on\n");
	buf_adds(&text, "\nbody\n");
	ck_assert_int_eq(read_text(false), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
}
END_TEST

START_TEST(header_with_nul)
{
	buf_add(&text, "Subject: a\0b\n\nx\n", 16);
	ck_assert_int_eq(read_text(false), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	ck_assert_ptr_nonnull(strstr(e.text, "Subject"));
}
END_TEST

/* An error is not an end: at the start, and after a part was read. */
START_TEST(read_errors)
{
	int fd;

	fd = open("/tmp", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(message_read(&m, fd, false, &e), -1);
	ck_assert_int_eq(e.class, ERR_IO);
	close(fd);
	ck_assert_int_eq(message_read(&m, fd, false, &e), -1);
	ck_assert_int_eq(e.class, ERR_IO);
	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(message_read(&m, fd, false, &e), -1);
	ck_assert_int_eq(e.class, ERR_IO);
	close(fd);
}
END_TEST

/* A peer that closes with something unread resets the connection. */
START_TEST(error_in_the_middle)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(fsio_write_all(ends[0], "unread", 6), 0);
	ck_assert_int_eq(fsio_write_all(ends[1], "To: a\n\nbody\n", 12), 0);
	close(ends[1]);
	ck_assert_int_eq(message_read(&m, ends[0], false, &e), -1);
	ck_assert_int_eq(e.class, ERR_IO);
	close(ends[0]);
}
END_TEST

/* A descriptor that somebody else has made not to block is waited for. */
START_TEST(does_not_block)
{
	int ends[2], status, left = 1;
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(fsio_write_all(ends[1], "To: a\n", 6), 0);
	child = fork();
	ck_assert_int_ne(child, -1);
	if (child == 0) {
		/* Until the reader finds nothing more; alarm is the guard. */
		alarm(30);
		while (left > 0)
			if (ioctl(ends[0], FIONREAD, &left) == -1)
				_exit(1);
		_exit(fsio_write_all(ends[1], "\nbody\n", 6));
	}
	close(ends[1]);
	ck_assert_int_eq(message_read(&m, ends[0], false, &e), 0);
	get_body(64);
	body_is("body\n", 5);
	ck_assert(waitpid(child, &status, 0) == child && status == 0);
	close(ends[0]);
}
END_TEST

/* The dot ends it, though the writer's end stays open. */
START_TEST(dot_does_not_wait)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(fsio_write_all(ends[1], "To: a\n\nx\n.\n", 11), 0);
	ck_assert_int_eq(message_read(&m, ends[0], true, &e), 0);
	get_body(10);
	body_is("x\n", 2);
}
END_TEST

/* A writer that gives a byte at a time. */
START_TEST(byte_by_byte)
{
	static const char slow[] = "To: a\r\n\r\nb\r\n..\r\n.\r\nc";
	int ends[2], status;
	size_t i;
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		(void)signal(SIGPIPE, SIG_IGN);
		for (i = 0; i < sizeof slow - 1; i++)
			if (write(ends[1], slow + i, 1) != 1)
				break;
		_exit(0);
	}
	close(ends[1]);
	ck_assert_int_eq(message_read(&m, ends[0], true, &e), 0);
	close(ends[0]);
	ck_assert_int_eq((int)waitpid(child, &status, 0), (int)child);
	ck_assert_int_eq(status, 0);
	get_body(100);
	body_is("b\r\n.\r\n", 6);
}
END_TEST

START_TEST(elsewhere_than_tmpdir)
{
	while (text.len < 2 * MESSAGE_MEMORY)
		buf_adds(&text, "a line of the body\n");
	setenv("TMPDIR", "/no/such/folder", 1);
	ck_assert_int_eq(read_text(false), 0);
	get_body(65536);
	body_is(text.data, text.len);
	setenv("TMPDIR", "", 1);
	ck_assert_int_eq(read_text(false), 0);
}
END_TEST

START_TEST(file_limit)
{
	struct rlimit limit = { MESSAGE_MEMORY, MESSAGE_MEMORY };
	int fd;

	while (text.len < 3 * MESSAGE_MEMORY)
		buf_adds(&text, "a line of the body\n");
	fd = memfd_create("text", MFD_CLOEXEC);
	ck_assert_int_eq(fsio_write_all(fd, text.data, text.len), 0);
	ck_assert(lseek(fd, 0, SEEK_SET) == 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(message_read(&m, fd, false, &e), -1);
	ck_assert_int_eq(e.class, ERR_IO);
	close(fd);
}
END_TEST

START_TEST(no_descriptor_left)
{
	struct rlimit limit = { 0, 0 };
	int fd;

	while (text.len < 3 * MESSAGE_MEMORY)
		buf_adds(&text, "a line of the body\n");
	fd = memfd_create("text", MFD_CLOEXEC);
	ck_assert_int_eq(fsio_write_all(fd, text.data, text.len), 0);
	ck_assert(lseek(fd, 0, SEEK_SET) == 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)fd + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(message_read(&m, fd, false, &e), -1);
	ck_assert(e.class == ERR_CREATE || e.class == ERR_IO);
	close(fd);
}
END_TEST

/* What is gone from the file is an error, not the body's end. */
START_TEST(file_became_shorter)
{
	char c[10];

	while (text.len < 2 * MESSAGE_MEMORY)
		buf_adds(&text, "a line of the body\n");
	ck_assert_int_eq(read_text(false), 0);
	ck_assert_int_eq(ftruncate(m.fd, 100), 0);
	ck_assert_int_eq((int)message_body(&m, 100, c, 10, &e), -1);
	ck_assert_int_eq(e.class, ERR_IO);
}
END_TEST

/* Mended in memory and in a file: header, body and count are the new ones. */
START_TEST(mended)
{
	struct buf want;
	size_t n;

	buf_init(&want, 16 * 1024 * 1024);
	buf_adds(&text, "To: a\n\n");
	for (n = 0; n < (_i == 0 ? 1 : MESSAGE_MEMORY); n++) {
		buf_adds(&text, "a\r\374\n");
		buf_adds(&want, "a=0D=FC\n");
	}
	ck_assert_int_eq(read_text(false), 0);
	ck_assert_int_eq(m.fd != -1, _i == 1);
	ck_assert_int_eq(message_mend(&m, false, &e), 0);
	ck_assert_int_eq(m.fd != -1, _i == 1);
	get_body(60 * 1024);
	body_is(want.data, want.len);
	ck_assert(!m.count.bare_cr && !m.count.eight_bit);
	ck_assert_uint_eq(m.count.size, m.body_size + n);
	ck_assert(header_has(&m.header, "To"));
	ck_assert(header_has(&m.header, "Content-Transfer-Encoding"));
	n = m.header.count;
	ck_assert_int_eq(message_mend(&m, true, &e), 0);
	ck_assert_uint_eq(m.header.count, n);
	get_body(100);
	body_is(want.data, want.len);
	buf_release(&want);
}
END_TEST

/* 8-bit bytes stay where they may; what is refused is as it was. */
START_TEST(mended_for_seven_bits)
{
	buf_adds(&text, "Content-Type: text/plain\n\n\374\n");
	ck_assert_int_eq(read_text(false), 0);
	ck_assert_int_eq(message_mend(&m, false, &e), 0);
	get_body(1);
	body_is("\374\n", 2);
	ck_assert_int_eq(message_mend(&m, true, &e), 0);
	get_body(1);
	body_is("=FC\n", 4);
	buf_clear(&text);
	buf_adds(&text, "Content-Type: multipart/signed\n\n\374\n");
	ck_assert_int_eq(read_text(false), 0);
	ck_assert_int_eq(message_mend(&m, true, &e), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	get_body(1);
	body_is("\374\n", 2);
	ck_assert_uint_eq(m.header.count, 1);
}
END_TEST

/* No room for the mended body, which is longer than the old one. */
START_TEST(mended_without_room)
{
	struct rlimit limit = { 0, RLIM_INFINITY };
	size_t n;

	signal(SIGXFSZ, SIG_IGN);
	buf_adds(&text, "To: a\n\n");
	for (n = 0; n < MESSAGE_MEMORY / 2; n++)
		buf_addc(&text, '\r');
	ck_assert_int_eq(read_text(false), 0);
	ck_assert_int_eq(m.fd, -1);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(message_mend(&m, false, &e), -1);
	ck_assert_int_eq(e.class, ERR_IO);
	ck_assert_uint_eq(m.body_size, MESSAGE_MEMORY / 2);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("message");
	t = tcase_create("message");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, start, finish);
	tcase_add_test(t, small);
	tcase_add_test(t, empty);
	tcase_add_test(t, dot);
	tcase_add_loop_test(t, sizes_around_the_memory, 0, COUNT(sizes));
	tcase_add_loop_test(t, at_the_edges, 0, COUNT(edges));
	tcase_add_test(t, offsets);
	tcase_add_test(t, counts_what_cannot_go);
	tcase_add_test(t, header_too_long);
	tcase_add_test(t, header_with_nul);
	tcase_add_test(t, read_errors);
	tcase_add_test(t, error_in_the_middle);
	tcase_add_test(t, does_not_block);
	tcase_add_test(t, dot_does_not_wait);
	tcase_add_test(t, byte_by_byte);
	tcase_add_test(t, elsewhere_than_tmpdir);
	tcase_add_test(t, file_limit);
	tcase_add_test(t, no_descriptor_left);
	tcase_add_test(t, file_became_shorter);
	tcase_add_loop_test(t, mended, 0, 2);
	tcase_add_test(t, mended_for_seven_bits);
	tcase_add_test(t, mended_without_room);
	suite_add_tcase(s, t);
	return run_suite(s);
}
