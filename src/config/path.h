/* SPDX-License-Identifier: ISC */
/*
 * Paths in the account file: the home directory, ~/ and $VAR.
 */
#ifndef CONFIG_PATH_H
#define CONFIG_PATH_H

struct buf;
struct error;

/* Bytes that a path can have. */
#define PATH_BYTES_MAX	4096

/*
 * The user's home as an owned string: $HOME where it is an absolute path to a
 * directory of this user, else the passwd entry's; NULL when there is neither.
 */
char	*path_home(void);

/*
 * Appends value with a leading ~/ and each $NAME or ${NAME} replaced.  -1 with
 * ERR_CONFIG, the text beginning with what, for a variable that is not set,
 * and for a result that is no absolute path.
 */
int	path_expand(const char *value, const char *what, struct buf *out,
	    struct error *e);

/* The same check of the form, without a look at the environment. */
int	path_check(const char *value, const char *what, struct error *e);

#endif
