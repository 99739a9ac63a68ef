/* SPDX-License-Identifier: ISC */
/*
 * Where the password comes from, in which order, and what is refused.
 */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "config/account.h"
#include "config/secret.h"
#include "runner.h"

/* No wait here is meant to end by this limit. */
#define PATIENCE_MS	20000

static char *dir;
static struct account a;
static struct buf out;
static struct error e;

/* There is no terminal, unless a test makes one. */
static void
leave_terminal(void)
{
	int fd;

	fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (fd == -1)
		return;
	(void)signal(SIGHUP, SIG_IGN);
	ck_assert_int_eq(ioctl(fd, TIOCNOTTY), 0);
	close(fd);
}

static void
start(void)
{
	char name[] = "/tmp/sendoff-secret-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(name));
	dir = xstrdup(name);
	setenv("HOME", dir, 1);
	memset(&a, 0, sizeof(a));
	memset(&e, 0, sizeof(e));
	a.server = xstrdup("mail.example.org");
	a.username = xstrdup("alice");
	buf_init_secret(&out, SECRET_MAX);
	leave_terminal();
}

static void
finish(void)
{
	remove_tree(dir);
	free(dir);
	free(a.server);
	free(a.username);
	free(a.password);
	free(a.password_command);
	free(a.password_file);
	buf_release(&out);
}

static void
replace(char **p, const char *value)
{
	free(*p);
	*p = value == NULL ? NULL : xstrdup(value);
}

static void
make_file(const char *name, const char *data, size_t len, mode_t mode)
{
	char *path = xasprintf("%s/%s", dir, name);
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(fsio_write_all(fd, data, len), 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
	free(path);
}

static void
gets_it(const char *expected)
{
	ck_assert_msg(secret_get(&a, &out, &e) == 0, "%s", e.text);
	ck_assert_str_eq(out.data, expected);
	ck_assert_uint_eq(out.len, strlen(expected));
}

static void
fails_with(enum error_class class, const char *piece)
{
	ck_assert_int_eq(secret_get(&a, &out, &e), -1);
	ck_assert_int_eq(e.class, class);
	ck_assert_msg(strstr(e.text, piece) != NULL, "no '%s' in: %s", piece,
	    e.text);
	ck_assert_ptr_null(strstr(e.text, "hush"));
	ck_assert_uint_eq(out.len, 0);
}

START_TEST(order)
{
	char *path = xasprintf("%s/p", dir);

	make_file("p", "from-file\n", 10, 0600);
	make_file(".netrc", "machine mail.example.org password n\n", 36,
	    0600);
	gets_it("n");
	replace(&a.password_file, path);
	gets_it("from-file");
	replace(&a.password_command, "echo from-command");
	gets_it("from-command");
	replace(&a.password, "literal \" ; \xff");
	gets_it("literal \" ; \xff");
	free(path);
}
END_TEST

/* Cores and ptrace are off once there is a secret. */
START_TEST(guarded)
{
	struct rlimit limit;

	replace(&a.password, "hush");
	gets_it("hush");
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &limit), 0);
	ck_assert_uint_eq(limit.rlim_max, 0);
}
END_TEST

START_TEST(literal_too_long)
{
	a.password = xmalloc(SECRET_MAX + 2);
	memset(a.password, 'h', SECRET_MAX + 1);
	a.password[SECRET_MAX + 1] = '\0';
	fails_with(ERR_CONFIG, "longer than");
}
END_TEST

START_TEST(command)
{
	replace(&a.password_command, "printf 'one \\r\\ntwo\\n'");
	gets_it("one ");
	replace(&a.password_command, "printf no-newline");
	gets_it("no-newline");
	/* It reads nothing from us. */
	replace(&a.password_command, "cat; echo done");
	gets_it("done");
	replace(&a.password_command, "echo hush; exit 3");
	fails_with(ERR_TEMPORARY, "password_command failed");
	replace(&a.password_command, "true");
	fails_with(ERR_TEMPORARY, "password_command: its first line is empty");
	replace(&a.password_command, "echo; echo hush");
	fails_with(ERR_TEMPORARY, "empty");
	replace(&a.password_command, "printf '\\r\\nhush'");
	fails_with(ERR_TEMPORARY, "empty");
	replace(&a.password_command, "printf 'hush\\0hush\\n'");
	fails_with(ERR_TEMPORARY, "NUL");
	replace(&a.password_command, "kill -9 $$");
	fails_with(ERR_TEMPORARY, "signal");
}
END_TEST

START_TEST(command_sizes)
{
	/* Much behind the first line does no harm. */
	replace(&a.password_command,
	    "echo first; head -c 1000000 /dev/zero | tr '\\0' x");
	gets_it("first");
	replace(&a.password_command,
	    "head -c 1000000 /dev/zero | tr '\\0' x");
	fails_with(ERR_TEMPORARY, "longer than");
	/* Nor is a line that ends past the room we have taken for a short. */
	replace(&a.password_command,
	    "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo y");
	fails_with(ERR_TEMPORARY, "longer than");
	replace(&a.password_command,
	    "head -c 16384 /dev/zero | tr '\\0' x; echo");
	ck_assert_int_eq(secret_get(&a, &out, &e), 0);
	ck_assert_uint_eq(out.len, SECRET_MAX);
	replace(&a.password_command,
	    "head -c 16385 /dev/zero | tr '\\0' x; echo");
	fails_with(ERR_TEMPORARY, "longer than");
}
END_TEST

START_TEST(file)
{
	char *path = xasprintf("%s/p", dir);

	replace(&a.password_file, path);
	fails_with(ERR_CONFIG, "No such file");
	make_file("p", "", 0, 0600);
	fails_with(ERR_CONFIG, "empty");
	make_file("p", "\nhush\n", 6, 0600);
	fails_with(ERR_CONFIG, "empty");
	make_file("p", " a ; b \r\nsecond\n", 16, 0400);
	gets_it(" a ; b ");
	ck_assert_int_eq(unlink(path), 0);
	make_file("p", "hu\0sh\n", 6, 0600);
	fails_with(ERR_CONFIG, "NUL");
	make_file("p", "hush\n", 5, 0640);
	gets_it("hush");
	make_file("p", "hush\n", 5, 0604);
	fails_with(ERR_CONFIG, "run chmod 600 '");
	replace(&a.password_file, dir);
	fails_with(ERR_CONFIG, "no regular file");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	replace(&a.password_file, path);
	fails_with(ERR_CONFIG, "no regular file");
	free(path);
}
END_TEST

START_TEST(file_sizes)
{
	char *path = xasprintf("%s/p", dir);
	char *text = xmalloc(200000);

	replace(&a.password_file, path);
	memset(text, 'x', 200000);
	make_file("p", text, 200000, 0600);
	fails_with(ERR_CONFIG, "longer than");
	text[5] = '\n';
	make_file("p", text, 200000, 0600);
	gets_it("xxxxx");
	free(text);
	free(path);
}
END_TEST

/* A netrc has this password for alice at mail.example.org. */
static void
netrc_has(const char *text, const char *expected)
{
	buf_clear(&out);
	ck_assert_int_eq(secret_netrc(text, strlen(text), "mail.example.org",
	    "alice", &out), 1);
	ck_assert_str_eq(out.data, expected);
}

static void
netrc_gives(const char *text, int expected)
{
	buf_clear(&out);
	ck_assert_int_eq(secret_netrc(text, strlen(text), "mail.example.org",
	    "alice", &out), expected);
	ck_assert_uint_eq(out.len, 0);
}

START_TEST(netrc_found)
{
	netrc_has("machine mail.example.org login alice password p", "p");
	netrc_has("machine MAIL.example.ORG\n\tpassword p\n\tlogin alice\n",
	    "p");
	netrc_has("machine x login alice password n\r\n"
	    "machine mail.example.org login bob password n\r\n"
	    "machine mail.example.org login alice password p\r\n"
	    "machine mail.example.org login alice password n\r\n", "p");
	netrc_has("machine mail.example.org password p", "p");
	netrc_has("default login alice password p", "p");
	netrc_has("machine x password n default password p", "p");
	netrc_has("machine mail.example.org login alice\n"
	    "machine mail.example.org password p", "p");
	netrc_has("# machine mail.example.org password n\n"
	    "machine mail.example.org # login bob\n password #p", "#p");
	netrc_has("machine mail.example.org password \"a b\\\"c\" login "
	    "\"alice\"", "a b\"c");
	netrc_has("machine mail.example.org password a\\ b\\\\c", "a b\\c");
	netrc_has("machine mail.example.org account x password p", "p");
	netrc_has("machine x macdef init\nmachine mail.example.org\n"
	    "password n\n\nmachine mail.example.org password p", "p");
	netrc_has("machine mail.example.org password \"\" password p", "p");
	netrc_has("machine machine password n machine mail.example.org "
	    "password machine", "machine");
}
END_TEST

START_TEST(netrc_not_found)
{
	char *text;

	netrc_gives("", 0);
	netrc_gives(" \n# x", 0);
	netrc_gives("machine x password n", 0);
	netrc_gives("machine mail.example.org login Alice password n", 0);
	netrc_gives("machine mail.example.org login alice", 0);
	netrc_gives("macdef x\npassword n", 0);
	netrc_gives("password n", 0);
	netrc_gives("machine", -1);
	netrc_gives("machine mail.example.org password", -1);
	netrc_gives("machine mail.example.org password \"n", -1);
	netrc_gives("server = mail.example.org", -1);
	netrc_gives("machine mail.example.org secret n", -1);
	ck_assert_int_eq(secret_netrc("default\0", 8, "x", "y", &out), -1);
	text = xasprintf("default password %0*d", SECRET_MAX + 1, 0);
	netrc_gives(text, -1);
	free(text);
}
END_TEST

START_TEST(netrc_file)
{
	static const char text[] = "machine mail.example.org password hush\n";
	char *path = xasprintf("%s/.netrc", dir);

	make_file(".netrc", text, sizeof(text) - 1, 0600);
	gets_it("hush");
	make_file(".netrc", text, sizeof(text) - 1, 0640);
	fails_with(ERR_CONFIG, "run chmod 600 '");
	make_file(".netrc", text, sizeof(text) - 1, 0604);
	fails_with(ERR_CONFIG, "run chmod 600 '");
	make_file(".netrc", "nonsense\n", 9, 0600);
	fails_with(ERR_CONFIG, "is no netrc file");
	make_file(".netrc", "default password \"\"\n", 20, 0600);
	fails_with(ERR_CONFIG, "is empty");
	/* Other people's entries may be read by everybody. */
	make_file(".netrc", "machine x password y\n", 21, 0644);
	fails_with(ERR_CONFIG, "no terminal");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	fails_with(ERR_CONFIG, "Is a directory");
	free(path);
}
END_TEST

START_TEST(nothing)
{
	fails_with(ERR_CONFIG, "no password for 'alice' at 'mail.example.org'");
	ck_assert_ptr_nonnull(strstr(e.text, "password, password_command or "
	    "password_file"));
	ck_assert_ptr_nonnull(strstr(e.text, "~/.netrc"));
}
END_TEST

/* The prompt */

/* One half of a terminal, and the child that asks on the other. */
struct terminal {
	int master;
	int result;		/* what the child's secret_get gave */
	pid_t pid;
};

/* In the child: asks, and writes the outcome. */
static void __attribute__((noreturn))
ask(const char *name, int result)
{
	int fd, r;

	(void)setsid();
	fd = open(name, O_RDWR);
	if (fd == -1)
		_exit(2);
	(void)ioctl(fd, TIOCSCTTY, 0);
	/* Check has handlers of its own. */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	r = secret_get(&a, &out, &e);
	if (r == 0)
		(void)fsio_write_all(result, out.data, out.len);
	else
		(void)fsio_write_all(result, e.text, strlen(e.text));
	_exit(r == 0 ? 0 : 1);
}

static void
open_terminal(struct terminal *t)
{
	int ends[2];

	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ne(t->master, -1);
	ck_assert_int_eq(grantpt(t->master), 0);
	ck_assert_int_eq(unlockpt(t->master), 0);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	t->pid = fork();
	ck_assert_int_ne(t->pid, -1);
	if (t->pid == 0)
		ask(ptsname(t->master), ends[1]);
	close(ends[1]);
	t->result = ends[0];
}

/* Reads from the master until a text comes; all of it is in seen. */
static void
expect(struct terminal *t, const char *text, struct buf *seen)
{
	struct pollfd p = { .fd = t->master, .events = POLLIN };
	char data[256];
	ssize_t n;

	while (strstr(seen->data, text) == NULL) {
		ck_assert_int_eq(poll(&p, 1, PATIENCE_MS), 1);
		n = read(t->master, data, sizeof(data));
		ck_assert_int_gt(n, 0);
		ck_assert_int_eq(buf_add(seen, data, (size_t)n), 0);
	}
}

/* Waits until the terminal's echo is off: only then is it typed. */
static void
expect_hidden(const struct terminal *t)
{
	struct termios modes;
	int i;

	for (i = 0; i < PATIENCE_MS; i++) {
		ck_assert_int_eq(tcgetattr(t->master, &modes), 0);
		if ((modes.c_lflag & ECHO) == 0)
			return;
		poll(NULL, 0, 1);
	}
	ck_abort_msg("the echo is still on");
}

static bool
echoes(const struct terminal *t)
{
	struct termios modes;

	ck_assert_int_eq(tcgetattr(t->master, &modes), 0);
	return (modes.c_lflag & ECHO) != 0;
}

/* The child's outcome, and its status as wait(2) gives it. */
static int
outcome(struct terminal *t, struct buf *text)
{
	int status;

	ck_assert_int_eq(fsio_read_all(t->result, text), 0);
	ck_assert_int_eq(waitpid(t->pid, &status, 0), t->pid);
	close(t->result);
	return status;
}

/* Types at the prompt; keeps what the terminal showed up to there. */
static void
type(struct terminal *t, const char *typed, struct buf *seen)
{
	open_terminal(t);
	expect(t, "password for alice at mail.example.org: ", seen);
	expect_hidden(t);
	ck_assert_int_eq(fsio_write_all(t->master, typed, strlen(typed)), 0);
}

START_TEST(prompt)
{
	struct terminal t;
	struct buf seen, text;

	buf_init(&seen, 4096);
	buf_init(&text, 4096);
	type(&t, " hush ; \xff\n", &seen);
	expect(&t, ": \r\n", &seen);
	ck_assert_int_eq(outcome(&t, &text), 0);
	ck_assert_str_eq(text.data, " hush ; \xff");
	ck_assert_ptr_null(strstr(seen.data, "hush"));
	ck_assert(echoes(&t));
	close(t.master);
	buf_release(&seen);
	buf_release(&text);
}
END_TEST

START_TEST(prompt_empty)
{
	static const char *const typed[] = { "\n", "\004" };
	struct terminal t;
	struct buf seen, text;
	size_t i;

	for (i = 0; i < 2; i++) {
		buf_init(&seen, 4096);
		buf_init(&text, 4096);
		type(&t, typed[i], &seen);
		ck_assert_int_eq(WEXITSTATUS(outcome(&t, &text)), 1);
		ck_assert_ptr_nonnull(strstr(text.data, "prompt"));
		ck_assert(echoes(&t));
		close(t.master);
		buf_release(&seen);
		buf_release(&text);
	}
}
END_TEST

/* A signal ends the process, with the echo back on. */
START_TEST(prompt_signals)
{
	struct terminal t;
	struct buf seen, text;
	int status, i;

	for (i = 0; i < 2; i++) {
		buf_init(&seen, 4096);
		buf_init(&text, 4096);
		type(&t, i == 0 ? "hu\003" : "hu", &seen);
		if (i == 1)
			ck_assert_int_eq(kill(t.pid, SIGTERM), 0);
		status = outcome(&t, &text);
		ck_assert(WIFSIGNALED(status));
		ck_assert_int_eq(WTERMSIG(status), i == 0 ? SIGINT : SIGTERM);
		ck_assert_uint_eq(text.len, 0);
		ck_assert(echoes(&t));
		close(t.master);
		buf_release(&seen);
		buf_release(&text);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("secret");
	TCase *tc = tcase_create("secret");

	tcase_add_checked_fixture(tc, start, finish);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, order);
	tcase_add_test(tc, guarded);
	tcase_add_test(tc, literal_too_long);
	tcase_add_test(tc, command);
	tcase_add_test(tc, command_sizes);
	tcase_add_test(tc, file);
	tcase_add_test(tc, file_sizes);
	tcase_add_test(tc, netrc_found);
	tcase_add_test(tc, netrc_not_found);
	tcase_add_test(tc, netrc_file);
	tcase_add_test(tc, nothing);
	tcase_add_test(tc, prompt);
	tcase_add_test(tc, prompt_empty);
	tcase_add_test(tc, prompt_signals);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
