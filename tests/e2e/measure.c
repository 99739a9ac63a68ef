/* SPDX-License-Identifier: ISC */
/*
 * Runs a program and says what it used: "measure FILE PROGRAM [ARGUMENT ...]"
 * writes "STATUS MAXRSS_KIB CPU_MS" to FILE and ends with the same status
 * (128 + the signal's number where one killed it).
 *
 * A process takes its parent's size along when it begins, so that a large
 * parent spoils the figure; this one is small.
 */
#include "config.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static long
milliseconds(const struct timeval *tv)
{
	return (long)tv->tv_sec * 1000 + (long)tv->tv_usec / 1000;
}

int
main(int argc, char **argv)
{
	struct rusage used;
	int status, code;
	FILE *f;
	pid_t pid;

	if (argc < 3 || (pid = fork()) < 0)
		return 126;
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	while (wait4(pid, &status, 0, &used) < 0)
		if (errno != EINTR)
			return 126;
	code = WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status);
	f = fopen(argv[1], "we");
	/* Whatever umask the caller wants for the program. */
	if (f == NULL || fchmod(fileno(f), 0600) == -1)
		return 126;
	fprintf(f, "%d %ld %ld\n", code, used.ru_maxrss,
	    milliseconds(&used.ru_utime) + milliseconds(&used.ru_stime));
	return fclose(f) == 0 ? code : 126;
}
