/* SPDX-License-Identifier: ISC */
/*
 * The one set of bytes that several rooms of this folder ask for.
 */
#ifndef MAIL_ATEXT_H
#define MAIL_ATEXT_H

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

/*
 * What an atom is made of: RFC 5322 section 3.2.3, and any byte from 0x80 up
 * (RFC 6532; whether it is UTF-8 is to be checked of the whole).
 */
static inline bool
is_atext(char c)
{
	return ascii_isalnum(c) || (unsigned char)c >= 0x80 ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

#endif
