/* SPDX-License-Identifier: ISC */
/*
 * This process's surroundings, and the helpers that it starts.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fsio.h"
#include "base/proc.h"

#define READ_SIZE	4096
/* Between two looks at a child that has closed its output. */
#define REAP_TICK_MS	5

int
proc_start(struct error *e)
{
	int fd;

	if (getauxval(AT_SECURE) != 0 || getuid() != geteuid() ||
	    getgid() != getegid())
		return error_set(e, ERR_INTERNAL, "refusing to run set-user-ID"
		    " or set-group-ID: take the bit away with chmod ug-s");
	/* A descriptor that is taken gives the lowest number that is free. */
	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) == -1 &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDWR) == -1)
			return error_set_errno(e, ERR_OS, errno,
			    "cannot open '/dev/null'");
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	/* Past RLIMIT_FSIZE a write is to fail, not to end the process. */
	signal(SIGXFSZ, SIG_IGN);
	/* An ignored SIGCHLD would take the helpers' statuses away. */
	signal(SIGCHLD, SIG_DFL);
	return 0;
}

void
proc_guard_secrets(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* In the child: only async-signal-safe calls. */
static void __attribute__((noreturn))
exec_shell(const char *command, int out)
{
	sigset_t none;
	int fd, sig;

	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/*
	 * A group of its own can be ended whole; but where there is a
	 * terminal, a pinentry must stay in the foreground to read from it.
	 */
	if (open("/dev/tty", O_RDWR | O_CLOEXEC) == -1)
		setpgid(0, 0);
	fd = open("/dev/null", O_RDONLY);
	if (fd == -1 || dup2(fd, STDIN_FILENO) == -1 ||
	    dup2(out, STDOUT_FILENO) == -1)
		_exit(127);
	close_range(3, ~0U, 0);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static pid_t
start_shell(const char *command, int *out, struct error *e)
{
	int ends[2];
	pid_t pid;

	*out = -1;
	if (pipe2(ends, O_CLOEXEC) == -1)
		return error_set_errno(e, ERR_OS, errno,
		    "cannot make a pipe");
	pid = fork();
	if (pid == 0)
		exec_shell(command, ends[1]);
	close(ends[1]);
	if (pid == -1) {
		close(ends[0]);
		return error_set_errno(e, ERR_OS, errno, "cannot fork");
	}
	*out = ends[0];
	return pid;
}

/* Reads to the end: 0, or -1 when the time is over or reading fails. */
static int
drain(int fd, int64_t deadline, struct buf *out)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char data[READ_SIZE];
	ssize_t n;

	for (;;) {
		n = poll(&p, 1, clock_poll_ms(deadline));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		n = fsio_read(fd, data, sizeof data);
		if (n <= 0)
			break;
		buf_add(out, data, (size_t)n);
		explicit_bzero(data, sizeof data);
	}
	return n == 0 ? 0 : -1;
}

/* Waits for the child's end until the deadline; then it is killed. */
static int
reap(pid_t pid, int64_t deadline)
{
	int status;
	pid_t got;

	for (;;) {
		got = waitpid(pid, &status, WNOHANG);
		if (got == pid)
			return status;
		if (got == -1 && errno != EINTR)
			return -1;
		if (clock_poll_ms(deadline) == 0) {
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
			deadline = CLOCK_NEVER;
		}
		poll(NULL, 0, REAP_TICK_MS);
	}
}

int
proc_capture(const char *command, const char *what, int64_t limit_ms,
    struct buf *out, struct error *e)
{
	int64_t deadline;
	int fd, status;
	pid_t pid;

	pid = start_shell(command, &fd, e);
	if (pid == -1)
		return -1;
	deadline = clock_ms() + limit_ms;
	if (drain(fd, deadline, out) == -1)
		deadline = 0;
	close(fd);
	status = reap(pid, deadline);
	if (deadline == 0 || (status != -1 && WIFSIGNALED(status) &&
	    clock_ms() >= deadline))
		return error_set(e, ERR_TEMPORARY, "%s took longer than %lld"
		    " s and was ended", what, (long long)(limit_ms / 1000));
	if (status == -1)
		return error_set_errno(e, ERR_TEMPORARY, errno,
		    "cannot learn how %s ended", what);
	if (WIFSIGNALED(status))
		return error_set(e, ERR_TEMPORARY, "%s was ended by signal %d",
		    what, WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return error_set(e, ERR_TEMPORARY, "%s failed with exit"
		    " status %d", what, WEXITSTATUS(status));
	return 0;
}
