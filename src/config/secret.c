/* SPDX-License-Identifier: ISC */
/*
 * Where the password comes from: the account, a command, a file, ~/.netrc, or
 * the person at the terminal.
 *
 * Never shows one, and keeps none but in the caller's buf: whatever held one
 * for a while is wiped.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "config/account.h"
#include "config/file.h"
#include "config/path.h"
#include "config/secret.h"
#include "config/value.h"

#define COMMAND_LIMIT_MS	30000
/*
 * Room for what comes before a line's end is seen; more than SECRET_MAX by
 * more than any single read, so that a cut line is always too long as well.
 */
#define SOURCE_MAX		(64 * 1024)
#define PROMPT_TICK_MS		100
#define TERMINAL		"/dev/tty"

/* Puts the first line of source into out; what names it in the error. */
static int
take_first_line(const struct buf *source, const char *what,
    enum error_class class, struct buf *out, struct error *e)
{
	const char *end;
	size_t len = source->len;

	end = memchr(source->data, '\n', len);
	if (end != NULL)
		len = (size_t)(end - source->data);
	if (len > 0 && source->data[len - 1] == '\r')
		len--;
	if (len == 0)
		return error_set(e, class, "%s: its first line is empty, "
		    "where the password should be", what);
	if (len > SECRET_MAX || buf_add(out, source->data, len) == -1)
		return error_set(e, class, "%s: its first line is longer than "
		    "%d bytes", what, SECRET_MAX);
	if (memchr(out->data, '\0', out->len) != NULL) {
		buf_clear(out);
		return error_set(e, class, "%s: its first line has a NUL "
		    "byte", what);
	}
	return 0;
}

/* key: the one that the command stands in, for the texts. */
static int
from_command(const char *command, const char *key, struct buf *out,
    struct error *e)
{
	struct buf source;
	int r;

	buf_init_secret(&source, SOURCE_MAX);
	r = proc_capture(command, key, COMMAND_LIMIT_MS, &source, e);
	/* What can't be started now can be started another time. */
	if (r == -1 && e != NULL)
		e->class = ERR_TEMPORARY;
	if (r == 0)
		r = take_first_line(&source, key, ERR_TEMPORARY, out, e);
	buf_release(&source);
	return r;
}

static int
read_secret_file(int fd, const char *path, struct buf *out, struct error *e)
{
	struct buf source;
	char *what;
	int r;

	buf_init_secret(&source, SOURCE_MAX);
	what = xasprintf("password_file '%s'", path);
	r = fsio_read_all(fd, &source);
	/* A file that is too large may have a fine first line. */
	if (r == -1 && errno != EFBIG)
		(void)error_set_errno(e, ERR_CONFIG, errno, "cannot read %s",
		    what);
	else
		r = take_first_line(&source, what, ERR_CONFIG, out, e);
	free(what);
	buf_release(&source);
	return r;
}

static int
from_file(const struct account *a, struct buf *out, struct error *e)
{
	const char *path = a->password_file;
	struct stat st;
	int fd, r;

	fd = fsio_open_regular(path, &st);
	if (fd == -1 && (errno == EISDIR || errno == EINVAL))
		return error_set(e, ERR_CONFIG, "password_file '%s' is no "
		    "regular file: name one", path);
	if (fd == -1)
		return error_set_errno(e, ERR_CONFIG, errno,
		    "cannot open password_file '%s'", path);
	if ((st.st_mode & S_IROTH) != 0)
		r = error_set(e, ERR_CONFIG, "password_file '%s' can be read "
		    "by others: run chmod 600 '%s'", path, path);
	else
		r = read_secret_file(fd, path, out, e);
	close(fd);
	return r;
}

/* ~/.netrc */

/* Where the reader of a netrc stands. */
struct netrc {
	const char *p;
	const char *end;
	bool broken;		/* a quote without its end, or no netrc */
};

static void
skip_space(struct netrc *n)
{
	while (n->p < n->end && ascii_isspace(*n->p))
		n->p++;
}

/*
 * The next word into out: up to white space, or between double quotes; a
 * backslash takes the byte behind it as it is.  False at the end.
 */
static bool
next_word(struct netrc *n, struct buf *out)
{
	bool quoted, escaped;

	buf_clear(out);
	skip_space(n);
	if (n->p == n->end)
		return false;
	quoted = *n->p == '"';
	n->p += quoted;
	for (;; n->p++) {
		if (n->p == n->end) {
			n->broken = n->broken || quoted;
			return !quoted;
		}
		escaped = *n->p == '\\' && n->p + 1 < n->end;
		if (!escaped && (quoted ? *n->p == '"' : ascii_isspace(*n->p)))
			break;
		n->p += escaped;
		if (buf_addc(out, *n->p) == -1)
			n->broken = true;
	}
	n->p += quoted;
	return true;
}

static void
skip_line(struct netrc *n)
{
	while (n->p < n->end && *n->p != '\n')
		n->p++;
}

/* A macro reaches to the next empty line. */
static void
skip_macro(struct netrc *n)
{
	const char *start;

	skip_line(n);
	while (n->p < n->end) {
		start = ++n->p;
		skip_line(n);
		if (n->p == start || (n->p == start + 1 && *start == '\r'))
			return;
	}
}

/* One entry of a netrc. */
struct entry {
	bool machine_fits;
	bool login_fits;
	bool has_password;
	struct buf password;
};

/* The value of a keyword goes into word; false where there is none. */
static bool
need_word(struct netrc *n, struct buf *word)
{
	if (!next_word(n, word))
		n->broken = true;
	return !n->broken;
}

/* Takes one keyword (in word) and its value into the entry. */
static void
take_keyword(struct netrc *n, struct buf *word, struct entry *entry,
    const char *machine, const char *login)
{
	if (strcmp(word->data, "default") == 0) {
		entry->machine_fits = true;
	} else if (strcmp(word->data, "machine") == 0) {
		if (need_word(n, word))
			entry->machine_fits = str_caseeq(word->data, machine);
	} else if (strcmp(word->data, "login") == 0) {
		if (need_word(n, word))
			entry->login_fits = strcmp(word->data, login) == 0;
	} else if (strcmp(word->data, "password") == 0) {
		if (!need_word(n, word))
			return;
		buf_clear(&entry->password);
		(void)buf_add(&entry->password, word->data, word->len);
		entry->has_password = true;
	} else if (strcmp(word->data, "account") == 0) {
		(void)need_word(n, word);
	} else if (strcmp(word->data, "macdef") == 0) {
		skip_macro(n);
	} else {
		n->broken = true;
	}
}

static bool
entry_fits(const struct entry *entry)
{
	return entry->machine_fits && entry->login_fits &&
	    entry->has_password;
}

/* Reads entries until one fits; its password is then in entry. */
static bool
find_entry(struct netrc *n, struct buf *word, struct entry *entry,
    const char *machine, const char *login)
{
	for (;;) {
		skip_space(n);
		if (n->p < n->end && *n->p == '#') {
			skip_line(n);
			continue;
		}
		if (!next_word(n, word) || n->broken)
			break;
		if (strcmp(word->data, "machine") == 0 ||
		    strcmp(word->data, "default") == 0) {
			if (entry_fits(entry))
				break;
			entry->machine_fits = false;
			entry->login_fits = true;
			entry->has_password = false;
		}
		take_keyword(n, word, entry, machine, login);
		if (n->broken)
			break;
	}
	return !n->broken && entry_fits(entry);
}

int
secret_netrc(const char *text, size_t len, const char *machine,
    const char *login, struct buf *out)
{
	struct netrc n = { text, text + len, false };
	struct entry entry = { .machine_fits = false };
	struct buf word;
	int r = 0;

	if (memchr(text, '\0', len) != NULL)
		return -1;
	buf_init_secret(&word, SECRET_MAX);
	buf_init_secret(&entry.password, SECRET_MAX);
	if (find_entry(&n, &word, &entry, machine, login))
		r = buf_add(out, entry.password.data,
		    entry.password.len) == -1 ? -1 : 1;
	else if (n.broken)
		r = -1;
	buf_release(&entry.password);
	buf_release(&word);
	return r;
}

static int
read_netrc(int fd, const char *path, const struct stat *st,
    const struct account *a, struct buf *out, struct error *e)
{
	const char *login = a->username == NULL ? "" : a->username;
	struct buf source;
	int r;

	buf_init_secret(&source, SOURCE_MAX);
	if (fsio_read_all(fd, &source) == -1) {
		r = error_set_errno(e, ERR_CONFIG, errno, "cannot read '%s'",
		    path);
	} else {
		r = secret_netrc(source.data, source.len, a->server, login,
		    out);
		if (r == -1)
			(void)error_set(e, ERR_CONFIG, "'%s' is no netrc file: "
			    "mend it, or set password_file", path);
	}
	buf_release(&source);
	if (r != 1)
		return r;
	if (out->len == 0)
		return error_set(e, ERR_CONFIG, "'%s': the password for '%s' "
		    "is empty", path, a->server);
	if ((st->st_mode & (S_IRGRP | S_IROTH)) == 0)
		return 1;
	buf_clear(out);
	return error_set(e, ERR_CONFIG, "'%s' can be read by others than its "
	    "owner: run chmod 600 '%s'", path, path);
}

/* 1: found; 0: no file, or nothing in it for this account; -1. */
static int
from_netrc(const struct account *a, struct buf *out, struct error *e)
{
	struct stat st;
	char *home, *path;
	int fd, r = 0;

	home = path_home();
	if (home == NULL)
		return 0;
	path = xasprintf("%s/.netrc", home);
	fd = fsio_open_regular(path, &st);
	if (fd != -1) {
		r = read_netrc(fd, path, &st, a, out, e);
		close(fd);
	} else if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
		r = error_set_errno(e, ERR_CONFIG, errno, "cannot open '%s'",
		    path);
	}
	free(path);
	free(home);
	return r;
}

/* The prompt */

static void
prompt_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGTSTP);
}

/* True where a signal waits that should end what is going on. */
static bool
signal_waits(void)
{
	sigset_t pending, ours;
	int i;

	prompt_signals(&ours);
	if (sigpending(&pending) == -1)
		return false;
	for (i = 1; i < NSIG; i++)
		if (sigismember(&ours, i) == 1 &&
		    sigismember(&pending, i) == 1)
			return true;
	return false;
}

/* Reads up to the end of the line: 0, or -1 at the end of file or a signal. */
static int
read_typed(int fd, struct buf *typed)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;
	int n;

	for (;;) {
		n = poll(&p, 1, PROMPT_TICK_MS);
		if (signal_waits() || (n == -1 && errno != EINTR))
			return -1;
		if (n <= 0)
			continue;
		if (fsio_read(fd, &c, 1) != 1)
			return -1;
		if (c == '\n')
			return 0;
		/* Past the maximum only the overflow is noted. */
		(void)buf_addc(typed, c);
		mem_wipe(&c, 1);
	}
}

/*
 * Prompts and reads a line, without echo from before the prompt on: who is
 * quick must not be seen either.  The signals that would end the process before
 * the echo is back are held until it is.
 */
static int
read_hidden(int fd, const struct buf *prompt, struct buf *typed)
{
	struct termios saved, hidden;
	sigset_t ours, before;
	int r;

	prompt_signals(&ours);
	sigprocmask(SIG_BLOCK, &ours, &before);
	r = tcgetattr(fd, &saved);
	if (r == 0) {
		hidden = saved;
		hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
		hidden.c_lflag |= ICANON | ISIG;
		r = tcsetattr(fd, TCSAFLUSH, &hidden);
	}
	if (r == 0) {
		r = fsio_write_all(fd, prompt->data, prompt->len);
		if (r == 0)
			r = read_typed(fd, typed);
		(void)tcsetattr(fd, TCSAFLUSH, &saved);
		(void)fsio_write_all(fd, "\n", 1);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

static int
ask(int fd, const struct buf *prompt, struct buf *out, struct error *e)
{
	struct buf typed;
	int r;

	buf_init_secret(&typed, SOURCE_MAX);
	r = read_hidden(fd, prompt, &typed);
	if (r == -1)
		(void)error_set(e, ERR_CONFIG, "no password was typed at the "
		    "prompt");
	else
		r = take_first_line(&typed, "the prompt", ERR_CONFIG, out, e);
	buf_release(&typed);
	return r;
}

static int
from_prompt(const struct account *a, struct buf *out, struct error *e)
{
	struct buf prompt;
	int fd, r;

	fd = open(TERMINAL, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return error_set(e, ERR_CONFIG, "no password for '%s' at "
		    "'%s', and no terminal to ask for it: set password, "
		    "password_command or password_file, or write an entry "
		    "into ~/.netrc", a->username == NULL ? "" : a->username,
		    a->server);
	buf_init(&prompt, ERROR_TEXT_MAX);
	(void)buf_adds(&prompt, "password for ");
	if (a->username != NULL)
		str_escape(&prompt, a->username, strlen(a->username), 256);
	(void)buf_addf(&prompt, " at %s: ", a->server);
	r = ask(fd, &prompt, out, e);
	buf_release(&prompt);
	close(fd);
	return r;
}

int
secret_get_key(const struct account *a, struct buf *out, struct error *e)
{
	const char *key = a->tls_key != NULL ? a->tls_key :
	    a->tls_certificate;
	struct buf prompt;
	int fd, r;

	proc_guard_secrets();
	if (a->tls_key_password_command != NULL)
		return from_command(a->tls_key_password_command,
		    "tls_key_password_command", out, e);
	fd = open(TERMINAL, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return error_set(e, ERR_CONFIG, "the key '%s' wants a password"
		    " or PIN, and there is no terminal to ask for it: set"
		    " tls_key_password_command", key);
	buf_init(&prompt, ERROR_TEXT_MAX);
	(void)buf_adds(&prompt, "password or PIN for ");
	str_escape(&prompt, key, strlen(key), 512);
	(void)buf_adds(&prompt, ": ");
	r = ask(fd, &prompt, out, e);
	buf_release(&prompt);
	close(fd);
	return r;
}

int
secret_get(struct account *a, struct buf *out, struct error *e)
{
	int r;

	proc_guard_secrets();
	buf_clear(out);
	if (a->password != NULL) {
		r = buf_adds(out, a->password);
		key_clear(a, KEY_PASSWORD);
		if (r == -1)
			return error_set(e, ERR_CONFIG, "the password is "
			    "longer than %zu bytes", out->max);
		return 0;
	}
	if (a->password_command != NULL)
		return from_command(a->password_command, "password_command",
		    out, e);
	if (a->password_file != NULL)
		return from_file(a, out, e);
	r = from_netrc(a, out, e);
	if (r != 0)
		return r == 1 ? 0 : -1;
	return from_prompt(a, out, e);
}
