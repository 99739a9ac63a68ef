/* SPDX-License-Identifier: ISC */
/*
 * This process's start, and a command whose output is captured.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runner.h"

/* No command here is meant to end by this limit. */
#define PATIENCE_MS	60000

/* 32 and 33: nobody but the C library itself may touch them. */
#define LIBRARY_SIGNALS	UINT64_C(0x180000000)

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static struct buf out;
static struct error e;

static void
begin(void)
{
	buf_init(&out, 2 * 1024 * 1024);
}

static void
finish(void)
{
	buf_release(&out);
}

static void
gives(const char *command, const char *expect)
{
	buf_clear(&out);
	ck_assert_msg(proc_capture(command, "the command", PATIENCE_MS, &out,
	    &e) == 0, "%s", e.text);
	ck_assert_str_eq(out.data, expect);
	ck_assert(!out.overflow);
}

START_TEST(output)
{
	gives("echo one; printf two", "one\ntwo");
	gives("true", "");
	gives("printf 'a\\0b' | tr '\\0' '-'", "a-b");
	gives("echo not this >&2; echo this", "this\n");
	gives("exit 0", "");
}
END_TEST

START_TEST(output_with_nul)
{
	ck_assert_int_eq(proc_capture("printf 'a\\0b'", "it", PATIENCE_MS,
	    &out, &e), 0);
	ck_assert_uint_eq(out.len, 3);
	ck_assert_mem_eq(out.data, "a\0b", 3);
}
END_TEST

static const char *const failing[] = {
	"false", "exit 3", "echo x; exit 1", "kill -TERM $$", "kill -KILL $$",
	"/no/such/command", "if", "exec >&-; exit 1",
};

START_TEST(fails)
{
	ck_assert_int_eq(proc_capture(failing[_i], "password_command",
	    PATIENCE_MS, &out, &e), -1);
	ck_assert_int_eq(e.class, ERR_TEMPORARY);
	ck_assert_msg(strstr(e.text, "password_command") != NULL, "%s",
	    e.text);
}
END_TEST

/* What it writes goes into no text: it may be a secret. */
START_TEST(failure_does_not_tell)
{
	ck_assert_int_eq(proc_capture("echo hush; exit 1", "it", PATIENCE_MS,
	    &out, &e), -1);
	ck_assert_ptr_null(strstr(e.text, "hush"));
}
END_TEST

START_TEST(megabyte)
{
	size_t i, right = 0;

	ck_assert_int_eq(proc_capture(
	    "dd if=/dev/zero bs=1024 count=1024 2>/dev/null | tr '\\0' x",
	    "it", PATIENCE_MS, &out, &e), 0);
	ck_assert_uint_eq(out.len, 1024 * 1024);
	for (i = 0; i < out.len; i++)
		right += out.data[i] == 'x' ? 1 : 0;
	ck_assert_uint_eq(right, out.len);
	ck_assert(!out.overflow);
}
END_TEST

/* All of it is read, or the command would die of SIGPIPE. */
START_TEST(past_the_maximum)
{
	struct buf small;

	buf_init(&small, 1000);
	ck_assert_int_eq(proc_capture(
	    "dd if=/dev/zero bs=1024 count=1024 2>/dev/null", "it",
	    PATIENCE_MS, &small, &e), 0);
	ck_assert(small.overflow);
	ck_assert_uint_le(small.len, 1000);
	buf_release(&small);
	buf_init(&small, 4);
	ck_assert_int_eq(proc_capture("printf 1234", "it", PATIENCE_MS,
	    &small, &e), 0);
	ck_assert(!small.overflow);
	ck_assert_str_eq(small.data, "1234");
	buf_release(&small);
}
END_TEST

START_TEST(input_is_null)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	gives("cat; readlink /proc/self/fd/0", "/dev/null\n");
}
END_TEST

/* Also when this process has no standard input itself. */
START_TEST(input_is_closed)
{
	close(STDIN_FILENO);
	gives("cat; readlink /proc/self/fd/0", "/dev/null\n");
}
END_TEST

START_TEST(no_other_descriptor)
{
	static const int others[] = { 3, 4, 9, 20, 63, 200 };
	int ends[2];
	size_t i;

	ck_assert_int_eq(pipe(ends), 0);
	for (i = 0; i < COUNT(others); i++)
		ck_assert_int_eq(dup2(ends[0], others[i]), others[i]);
	gives("for n in 3 4 9 20 63 200; do"
	    " readlink /proc/$$/fd/$n; done; :", "");
}
END_TEST

START_TEST(signals)
{
	sigset_t all;
	int i;

	for (i = 1; i < SIGRTMAX; i++)
		if (i != SIGKILL && i != SIGSTOP && i != SIGCHLD)
			(void)signal(i, SIG_IGN);
	sigfillset(&all);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &all, NULL), 0);
	gives("sed -n 's/^SigBlk:.//p' /proc/self/status",
	    "0000000000000000\n");
	buf_clear(&out);
	ck_assert_int_eq(proc_capture("sed -n 's/^SigIgn:.//p'"
	    " /proc/self/status", "it", PATIENCE_MS, &out, &e), 0);
	ck_assert_uint_eq(out.len, 17);
	ck_assert_uint_eq(strtoull(out.data, NULL, 16) & ~LIBRARY_SIGNALS, 0);
}
END_TEST

/* Some parents hand this down; the start takes it back. */
START_TEST(children_ignored)
{
	(void)signal(SIGCHLD, SIG_IGN);
	ck_assert_int_eq(proc_start(&e), 0);
	gives("echo x", "x\n");
	ck_assert_int_eq(proc_capture("exit 1", "it", PATIENCE_MS, &out, &e),
	    -1);
	ck_assert_int_eq(e.class, ERR_TEMPORARY);
}
END_TEST

/* They leave no child, and no descriptor. */
START_TEST(nothing_is_left)
{
	int fd, i;

	fd = dup(STDERR_FILENO);
	close(fd);
	for (i = 0; i < 20; i++) {
		gives("echo x", "x\n");
		ck_assert_int_eq(proc_capture("exit 1", "it", PATIENCE_MS,
		    &out, &e), -1);
	}
	ck_assert_int_eq(dup(STDERR_FILENO), fd);
	close(fd);
	ck_assert_int_eq((int)waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

static const char *const slow[] = {
	"exec sleep 600",
	"echo started; exec sleep 600",
	"exec >&-; exec sleep 600",
	"trap '' TERM INT HUP; while :; do sleep 1; done",
	"while :; do echo x; done",
	"exec cat /dev/zero",
};

START_TEST(limit)
{
	ck_assert_int_eq(proc_capture(slow[_i], "password_command", 200, &out,
	    &e), -1);
	ck_assert_int_eq(e.class, ERR_TEMPORARY);
	ck_assert_msg(strstr(e.text, "password_command") != NULL, "%s",
	    e.text);
	ck_assert_int_eq((int)waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/* It is over when the limit is, whoever still holds its output. */
START_TEST(limit_with_an_heir)
{
	ck_assert_int_eq(proc_capture("sleep 600 & echo $!; sleep 600", "it",
	    500, &out, &e), -1);
	ck_assert_int_eq(e.class, ERR_TEMPORARY);
	ck_assert_uint_gt(out.len, 0);
	(void)kill((pid_t)strtol(out.data, NULL, 10), SIGKILL);
}
END_TEST

/* In a child, whose exit status says which step failed. */
static int
in_child(int (*steps)(void))
{
	pid_t child;
	int status;

	child = fork();
	if (child == 0)
		_exit(steps());
	ck_assert_int_eq((int)waitpid(child, &status, 0), (int)child);
	return status;
}

static int
start_without_descriptors(void)
{
	char c;

	close(0);
	close(1);
	close(2);
	if (proc_start(&e) == -1)
		return 1;
	if (read(0, &c, 1) != -1)
		return 2;
	if (fcntl(1, F_GETFD) == -1 || fcntl(2, F_GETFD) == -1)
		return 3;
	return 0;
}

START_TEST(start_closed)
{
	ck_assert_int_eq(in_child(start_without_descriptors), 0);
}
END_TEST

static int
start_as_found(void)
{
	struct sigaction pipe_action, size_action;
	int ends[2];
	char c = 0;

	umask(0);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	if (pipe(ends) == -1 || dup2(ends[0], 0) == -1)
		return 1;
	if (proc_start(&e) == -1)
		return 2;
	if (umask(0) != 077)
		return 3;
	if (sigaction(SIGPIPE, NULL, &pipe_action) == -1 ||
	    pipe_action.sa_handler != SIG_IGN)
		return 4;
	if (sigaction(SIGXFSZ, NULL, &size_action) == -1 ||
	    size_action.sa_handler != SIG_IGN)
		return 5;
	/* What was open stays what it was. */
	if (write(ends[1], "x", 1) != 1 || read(0, &c, 1) != 1 || c != 'x')
		return 6;
	return 0;
}

START_TEST(start_open)
{
	ck_assert_int_eq(in_child(start_as_found), 0);
}
END_TEST

START_TEST(guard)
{
	struct rlimit core;

	proc_guard_secrets();
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &core), 0);
	ck_assert(core.rlim_cur == 0);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("proc");
	t = tcase_create("capture");
	tcase_add_checked_fixture(t, begin, finish);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, output);
	tcase_add_test(t, output_with_nul);
	tcase_add_loop_test(t, fails, 0, COUNT(failing));
	tcase_add_test(t, failure_does_not_tell);
	tcase_add_test(t, megabyte);
	tcase_add_test(t, past_the_maximum);
	tcase_add_test(t, input_is_null);
	tcase_add_test(t, input_is_closed);
	tcase_add_test(t, no_other_descriptor);
	tcase_add_test(t, signals);
	tcase_add_test(t, children_ignored);
	tcase_add_test(t, nothing_is_left);
	tcase_add_loop_test(t, limit, 0, COUNT(slow));
	tcase_add_test(t, limit_with_an_heir);
	suite_add_tcase(s, t);
	t = tcase_create("start");
	tcase_add_test(t, start_closed);
	tcase_add_test(t, start_open);
	tcase_add_test(t, guard);
	suite_add_tcase(s, t);
	return run_suite(s);
}
