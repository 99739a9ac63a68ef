/* SPDX-License-Identifier: ISC */
/*
 * Errors: class and text; the one place that knows exit statuses, and the one
 * that knows what is temporary.  Prints nothing.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

/* A row a class, in the order of enum error_class. */
static const struct {
	int exit_status;
	bool temporary;
} classes[] = {
	[ERR_NONE] = { EX_OK, false },
	[ERR_USAGE] = { EX_USAGE, false },
	[ERR_MESSAGE] = { EX_DATAERR, false },
	[ERR_RECIPIENT] = { EX_NOUSER, false },
	[ERR_HOST] = { EX_NOHOST, false },
	[ERR_UNAVAILABLE] = { EX_UNAVAILABLE, false },
	[ERR_INTERNAL] = { EX_SOFTWARE, false },
	[ERR_OS] = { EX_OSERR, true },
	[ERR_CREATE] = { EX_CANTCREAT, true },
	[ERR_IO] = { EX_IOERR, true },
	[ERR_TEMPORARY] = { EX_TEMPFAIL, true },
	[ERR_PROTOCOL] = { EX_PROTOCOL, false },
	[ERR_AUTH] = { EX_NOPERM, false },
	[ERR_CONFIG] = { EX_CONFIG, false },
};

/* Bytes kept for the text of an errno. */
#define REASON_MAX	128

static int	set_text(struct error *, enum error_class, int, const char *,
		    va_list) __attribute__((format(printf, 4, 0)));

/* Escapes what was formatted into e's text. */
static int
set_text(struct error *e, enum error_class class, int errnum, const char *fmt,
    va_list ap)
{
	char raw[ERROR_TEXT_MAX];
	struct buf out;
	size_t len;

	if (e == NULL)
		return -1;
	/* The reason comes last, and is what must not be lost. */
	vsnprintf(raw, sizeof raw - (errnum != 0 ? REASON_MAX : 0), fmt, ap);
	len = strlen(raw);
	if (errnum != 0)
		snprintf(raw + len, sizeof raw - len, ": %s",
		    strerror(errnum));
	buf_init(&out, 5 * ERROR_TEXT_MAX);
	str_escape(&out, raw, strlen(raw), ERROR_TEXT_MAX - 4);
	e->class = class;
	snprintf(e->text, sizeof e->text, "%s", out.data);
	buf_release(&out);
	return -1;
}

int
error_set(struct error *e, enum error_class class, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(e, class, 0, fmt, ap);
	va_end(ap);
	return -1;
}

int
error_set_errno(struct error *e, enum error_class class, int errnum,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(e, class, errnum, fmt, ap);
	va_end(ap);
	return -1;
}

int
error_exit_status(enum error_class class)
{
	return classes[class].exit_status;
}

bool
error_is_temporary(enum error_class class)
{
	return classes[class].temporary;
}
