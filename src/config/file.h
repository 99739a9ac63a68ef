/* SPDX-License-Identifier: ISC */
/*
 * Account files: found, opened, checked and read with libinih into settings,
 * each of which knows its section, key, value and origin.
 *
 * libinih splits a line; everything that it would cut, fold or pass over is
 * guarded before it sees the line: see parse.c.
 */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/keys.h"

struct error;

/* Bytes that a file, and a line without its end, can have. */
#define CONFIG_FILE_MAX	(64 * 1024)
#define CONFIG_LINE_MAX	199

struct setting {
	char *section;		/* "" above the first section */
	enum key_id key;
	char *value;		/* unquoted; wiped on release */
	char *origin;		/* "file:line" or "--set" */
};

struct config {
	struct setting *settings;	/* later ones win */
	size_t count;
	size_t cap;
	char **sections;	/* in order of appearance, each once */
	size_t section_count;
	size_t section_cap;
	char *files;		/* names of the files read, for error texts */
};

void	config_init(struct config *c);
void	config_release(struct config *c);

/* Adds a setting that has been checked; the strings are copied. */
void	config_add(struct config *c, const char *section, enum key_id key,
	    const char *value, const char *origin);

/*
 * Parses the text of one file; pure.  -1 with ERR_CONFIG: file, line, what is
 * wrong, and the nearest valid key.  *has_password is set (never cleared) when
 * a password stands in it.
 */
int	config_parse(struct config *c, const char *name, const char *text,
	    size_t len, bool *has_password, struct error *e);

/*
 * Opens and checks a file (regular, at most CONFIG_FILE_MAX, owned by the user
 * or root, not readable by others when it holds a password) and parses it.
 * A missing file is 0 with *found false.  *denied (may be NULL: then it is an
 * error) is set where this user may not read it.
 */
int	config_read(struct config *c, const char *path, bool *found,
	    bool *denied, struct error *e);

/*
 * Reads path alone, or with NULL the system's file (sysconfdir/sendoff.conf)
 * and the user's over it.  Having no file at all is ERR_CONFIG with a text
 * that shows the smallest one.
 */
int	config_load(struct config *c, const char *path, struct error *e);

/* The same without a path, but having no file is fine. */
int	config_load_any(struct config *c, struct error *e);

/*
 * What config_load does without a path, with the paths handed in; user may be
 * NULL: there is no place for a file of the user.
 */
int	config_load_both(struct config *c, const char *system,
	    const char *user, struct error *e);

/* Adds a --set KEY=VALUE, which wins over everything; ERR_USAGE. */
int	config_set(struct config *c, const char *assignment, struct error *e);

#endif
