/* SPDX-License-Identifier: ISC */
/*
 * Paths in the account file: the home directory, ~/ and $VAR.  Reads the
 * environment and the passwd entry, opens nothing.
 */
#include "config.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/path.h"

/* A path on its way: checked only, where there is no out. */
struct expansion {
	const char *what;
	struct buf *out;
	struct error *error;
};

/* True for a directory of this user at an absolute path. */
static bool
home_usable(const char *path)
{
	struct stat st;

	return path != NULL && path[0] == '/' && stat(path, &st) == 0 &&
	    S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

char *
path_home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *user;

	if (home_usable(home))
		return xstrdup(home);
	user = getpwuid(geteuid());
	if (user == NULL || user->pw_dir == NULL || user->pw_dir[0] != '/')
		return NULL;
	return xstrdup(user->pw_dir);
}

/*
 * The length of NAME or {NAME} at p, which stands behind a '$', and NAME
 * itself; 0 where there is none.
 */
static size_t
variable_length(const char *p, const char **name, size_t *name_len)
{
	bool braces = *p == '{';
	const char *q = p + braces;

	*name = q;
	while (ascii_isalnum(*q) || *q == '_')
		q++;
	*name_len = (size_t)(q - *name);
	if (*name_len == 0 || ascii_isdigit(**name))
		return 0;
	if (braces && *q != '}')
		return 0;
	return *name_len + (braces ? 2 : 0);
}

/* Puts the variable at *p (behind its '$') into out and steps over it. */
static int
expand_variable(const struct expansion *s, const char **p)
{
	const char *name, *value;
	size_t len, name_len;
	char *variable;
	int r = 0;

	len = variable_length(*p, &name, &name_len);
	if (len == 0)
		return error_set(s->error, ERR_CONFIG,
		    "%s: '$' without the name of a variable: write $NAME "
		    "or ${NAME}", s->what);
	*p += len;
	if (s->out == NULL)
		return 0;
	variable = xstrndup(name, name_len);
	value = getenv(variable);
	if (value == NULL || value[0] == '\0')
		r = error_set(s->error, ERR_CONFIG,
		    "%s: the environment variable '%s' is not set", s->what,
		    variable);
	else
		(void)buf_adds(s->out, value);
	free(variable);
	return r;
}

static int
expand_home(const struct expansion *s)
{
	char *home;

	if (s->out == NULL)
		return 0;
	home = path_home();
	if (home == NULL)
		return error_set(s->error, ERR_CONFIG,
		    "%s: there is no home directory for '~': give the "
		    "whole path", s->what);
	(void)buf_adds(s->out, home);
	free(home);
	return 0;
}

static int
expand(const struct expansion *s, const char *value)
{
	const char *p = value;

	if (str_starts(p, "~/")) {
		if (expand_home(s) == -1)
			return -1;
		p++;
	}
	while (*p != '\0') {
		if (*p++ != '$') {
			if (s->out != NULL)
				(void)buf_addc(s->out, p[-1]);
		} else if (expand_variable(s, &p) == -1)
			return -1;
	}
	return 0;
}

int
path_check(const char *value, const char *what, struct error *e)
{
	const struct expansion s = { what, NULL, e };

	return expand(&s, value);
}

int
path_expand(const char *value, const char *what, struct buf *out,
    struct error *e)
{
	const struct expansion s = { what, out, e };

	if (expand(&s, value) == -1)
		return -1;
	if (out->overflow)
		return error_set(e, ERR_CONFIG, "%s = '%s': the path is too "
		    "long", what, value);
	if (out->data[0] != '/')
		return error_set(e, ERR_CONFIG, "%s = '%s': it expands to "
		    "'%s', which is no absolute path", what, value,
		    out->data);
	return 0;
}
