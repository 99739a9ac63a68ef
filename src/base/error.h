/* SPDX-License-Identifier: ISC */
/*
 * What went wrong: a class, which decides the exit status, and one line of
 * text for a person.
 *
 * A function that can fail returns 0 or -1 (or says otherwise) and takes a
 * struct error * as its last parameter, in its caller's storage; it fills it
 * only when it fails.  The text is lower case, without a full stop: what
 * failed, its subject in 'quotes', then ": reason".
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

/* Each class is one exit status of sysexits(3). */
enum error_class {
	ERR_NONE,
	ERR_USAGE,		/* 64: command line */
	ERR_MESSAGE,		/* 65: message or address */
	ERR_RECIPIENT,		/* 67: recipient refused for good */
	ERR_HOST,		/* 68: host unknown */
	ERR_UNAVAILABLE,	/* 69: relay, TLS, sender or content refused */
	ERR_INTERNAL,		/* 70: our own fault, or set-user-ID */
	ERR_OS,			/* 71: fork, memory */
	ERR_CREATE,		/* 73: cannot create a file */
	ERR_IO,			/* 74: input or output failed */
	ERR_TEMPORARY,		/* 75: later it may work, or in doubt */
	ERR_PROTOCOL,		/* 76: the relay broke the protocol */
	ERR_AUTH,		/* 77: authentication refused */
	ERR_CONFIG		/* 78: account file */
};

/* Bytes that a text can take; a longer one ends in "...". */
#define ERROR_TEXT_MAX	1536

struct error {
	enum error_class class;
	char text[ERROR_TEXT_MAX];
};

/*
 * Fills *e (which may be NULL) and returns -1, so that "return error_set(...)"
 * fails.  Control bytes and invalid UTF-8 in the result are escaped, so a text
 * may quote what came from outside.
 */
int	error_set(struct error *e, enum error_class class, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* As error_set, with ": " and strerror(errnum) behind the text. */
int	error_set_errno(struct error *e, enum error_class class, int errnum,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The exit status of a class (0 for ERR_NONE): the only place that maps it. */
int	error_exit_status(enum error_class class);

/* True where trying the same again later may work: the only place that says. */
bool	error_is_temporary(enum error_class class);

#endif
