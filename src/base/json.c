/* SPDX-License-Identifier: ISC */
/*
 * Pieces of JSON text.  RFC 8259.  What is no UTF-8 is the caller's care.
 */
#include "config.h"

#include <stddef.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

void
json_string(struct buf *out, const char *s)
{
	if (s == NULL) {
		buf_adds(out, "null");
		return;
	}
	buf_addc(out, '"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			buf_addf(out, "\\%c", *s);
		else if (ascii_iscntrl(*s))
			buf_addf(out, "\\u%04x", (unsigned char)*s);
		else
			buf_addc(out, *s);
	}
	buf_addc(out, '"');
}

void
json_member(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "\"%s\":", name);
	json_string(out, value);
	buf_addc(out, ',');
}
