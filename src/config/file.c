/* SPDX-License-Identifier: ISC */
/*
 * Account files: looked for, opened, checked, and handed to the parser; and
 * the settings of --set.
 *
 * Never blocks on what is no regular file, and never follows the text of a
 * file that somebody else could have written.
 */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/file.h"
#include "config/keys.h"
#include "config/path.h"
#include "config/value.h"

#define SMALLEST	"write one with at least the lines " \
	"\"server = mail.example.org\", \"username = alice\" and " \
	"\"password = secret\", and chmod 600 it"

static const char *
file_type(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return "not a regular file";
	if (S_ISDIR(st.st_mode))
		return "a directory";
	if (S_ISFIFO(st.st_mode))
		return "a FIFO";
	if (S_ISSOCK(st.st_mode))
		return "a socket";
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		return "a device";
	return "not a regular file";
}

static int
denied_error(const char *path, struct error *e)
{
	const struct passwd *user = NULL;
	const struct group *group = NULL;
	struct stat st;

	if (stat(path, &st) == 0) {
		user = getpwuid(st.st_uid);
		group = getgrgid(st.st_gid);
	}
	if (user == NULL || group == NULL)
		return error_set(e, ERR_CONFIG, "cannot read account file "
		    "'%s': permission denied: ask the administrator for "
		    "access, or write a file of your own", path);
	return error_set(e, ERR_CONFIG, "cannot read account file '%s': "
	    "permission denied: it belongs to the user '%s' and the group "
	    "'%s': ask them for access, or write a file of your own", path,
	    user->pw_name, group->gr_name);
}

/* Why a file can't be opened; 0 where that is no error. */
static int
open_error(const char *path, int errnum, bool *denied, struct error *e)
{
	if (errnum == ENOENT || errnum == ENOTDIR)
		return 0;
	if (errnum == EACCES || errnum == EPERM) {
		if (denied == NULL)
			return denied_error(path, e);
		*denied = true;
		return 0;
	}
	/* ENXIO: a socket, or a device without a driver. */
	if (errnum == EISDIR || errnum == EINVAL || errnum == ENXIO)
		return error_set(e, ERR_CONFIG, "account file '%s' is %s: it "
		    "must be a regular file", path, file_type(path));
	if (errnum == ELOOP || errnum == ENAMETOOLONG)
		return error_set_errno(e, ERR_CONFIG, errnum,
		    "cannot open account file '%s'", path);
	return error_set_errno(e, ERR_IO, errnum,
	    "cannot open account file '%s'", path);
}

static int
check_owner(const char *path, const struct stat *st, struct error *e)
{
	if (st->st_uid == geteuid() || st->st_uid == 0)
		return 0;
	return error_set(e, ERR_CONFIG, "account file '%s' belongs to user "
	    "%lu: it must belong to you or to root", path,
	    (unsigned long)st->st_uid);
}

static int
read_error(const char *path, int errnum, struct error *e)
{
	if (errnum == EFBIG)
		return error_set(e, ERR_CONFIG, "account file '%s' is larger "
		    "than %d KiB: it must be smaller", path,
		    CONFIG_FILE_MAX / 1024);
	return error_set_errno(e, errnum == EISDIR ? ERR_CONFIG : ERR_IO,
	    errnum, "cannot read account file '%s'", path);
}

static int
read_and_parse(struct config *c, const char *path, int fd,
    const struct stat *st, struct error *e)
{
	bool has_password = false;
	struct buf text;
	int r;

	if (check_owner(path, st, e) == -1)
		return -1;
	buf_init_secret(&text, CONFIG_FILE_MAX);
	r = fsio_read_all(fd, &text);
	if (r == -1)
		(void)read_error(path, errno, e);
	else
		r = config_parse(c, path, text.data, text.len, &has_password,
		    e);
	buf_release(&text);
	if (r == 0 && has_password && (st->st_mode & S_IROTH) != 0)
		return error_set(e, ERR_CONFIG, "account file '%s' holds a "
		    "password and others may read it: run chmod 600 '%s'",
		    path, path);
	return r;
}

int
config_read(struct config *c, const char *path, bool *found, bool *denied,
    struct error *e)
{
	struct stat st;
	int fd, r;

	*found = false;
	fd = fsio_open_regular(path, &st);
	if (fd == -1)
		return open_error(path, errno, denied, e);
	*found = true;
	r = read_and_parse(c, path, fd, &st, e);
	close(fd);
	return r;
}

int
config_load_both(struct config *c, const char *system, const char *user,
    struct error *e)
{
	bool system_found, user_found = false, denied = false;

	if (config_read(c, system, &system_found, &denied, e) == -1)
		return -1;
	if (user != NULL && config_read(c, user, &user_found, NULL, e) == -1)
		return -1;
	if (system_found || user_found)
		return 0;
	if (denied)
		return denied_error(system, e);
	if (user == NULL)
		return error_set(e, ERR_CONFIG, "no account file: there is no "
		    "'%s', and no home directory: " SMALLEST, system);
	return error_set(e, ERR_CONFIG, "no account file: there is neither "
	    "'%s' nor '%s': " SMALLEST, system, user);
}

static char *
user_path(void)
{
	const char *base = getenv("XDG_CONFIG_HOME");
	char *home, *path;

	if (base != NULL && base[0] == '/')
		return xasprintf("%s/sendoff/sendoff.conf", base);
	home = path_home();
	if (home == NULL)
		return NULL;
	path = xasprintf("%s/.config/sendoff/sendoff.conf", home);
	free(home);
	return path;
}

int
config_load_any(struct config *c, struct error *e)
{
	const char *system = SYSCONFDIR "/sendoff.conf";
	bool system_found, user_found = false, denied = false;
	char *user;
	int r;

	if (config_read(c, system, &system_found, &denied, e) == -1)
		return -1;
	user = user_path();
	r = user == NULL ? 0 : config_read(c, user, &user_found, NULL, e);
	free(user);
	if (r == 0 && denied && !user_found)
		return denied_error(system, e);
	return r;
}

int
config_load(struct config *c, const char *path, struct error *e)
{
	char *user;
	bool found;
	int r;

	if (path == NULL) {
		user = user_path();
		r = config_load_both(c, SYSCONFDIR "/sendoff.conf", user, e);
		free(user);
		return r;
	}
	if (config_read(c, path, &found, NULL, e) == -1)
		return -1;
	if (!found)
		return error_set(e, ERR_CONFIG, "there is no account file "
		    "'%s': " SMALLEST, path);
	return 0;
}

/* What goes wrong with --set is a matter of the command line. */
static int
set_checked(struct config *c, enum key_id id, const char *value,
    struct error *e)
{
	/* --print-config could not show it so that it reads back. */
	if (id != KEY_PASSWORD &&
	    strlen(key_table[id].name) + 3 + strlen(value) > CONFIG_LINE_MAX)
		return error_set(e, ERR_USAGE, "--set: the value of '%s' is "
		    "too long: shorten it", key_table[id].name);
	if (key_check(id, value, "--set", e) == -1) {
		if (e != NULL)
			e->class = ERR_USAGE;
		return -1;
	}
	config_add(c, "", id, value, "--set");
	return 0;
}

int
config_set(struct config *c, const char *assignment, struct error *e)
{
	const char *equals, *nearest;
	char *name;
	int id;

	equals = strchr(assignment, '=');
	if (equals == NULL || equals == assignment)
		return error_set(e, ERR_USAGE, "--set without KEY=VALUE: "
		    "write it as --set port=465");
	name = xstrndup(assignment, (size_t)(equals - assignment));
	id = key_find(name);
	if (id == -1) {
		nearest = key_nearest(name);
		(void)error_set(e, ERR_USAGE, "--set: unknown key '%s'%s%s%s",
		    name, nearest != NULL ? ": did you mean '" : ": see "
		    "sendoff.conf(5)", nearest != NULL ? nearest : "",
		    nearest != NULL ? "'?" : "");
	}
	free(name);
	if (id == -1)
		return -1;
	return set_checked(c, (enum key_id)id, equals + 1, e);
}
