/* SPDX-License-Identifier: ISC */
/*
 * The form of an address in an envelope, and what a domain is: RFC 5321
 * sections 4.1.2 and 4.1.3, RFC 5890, RFC 6531.  Pure: looks up no name; what
 * it hands out can stand between '<' and '>' in a command.
 */
#include "config.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/atext.h"

/* Octets of a domain, a label and a whole address in an envelope. */
#define DOMAIN_MAX	255
#define LABEL_MAX	63
#define ENVELOPE_MAX	512
/* A domain in UTF-8 can be longer than its A-labels: up to here it is tried. */
#define UTF8_DOMAIN_MAX	1024
/* Bytes that an error shows of each part of an address. */
#define SHOWN		80

/* RFC 5321 section 4.1.2: atoms with one dot between two of them. */
static bool
is_dot_string(const char *s)
{
	for (;;) {
		if (!is_atext(*s))
			return false;
		while (is_atext(*s))
			s++;
		if (*s == '\0')
			return true;
		if (*s++ != '.')
			return false;
	}
}

static void
add_local(struct buf *out, const char *local)
{
	if (is_dot_string(local)) {
		buf_adds(out, local);
		return;
	}
	buf_addc(out, '"');
	for (; *local != '\0'; local++) {
		if (*local == '"' || *local == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *local);
	}
	buf_addc(out, '"');
}

/* What must hold of a local part that the parser may not have made. */
static bool
local_fits(const char *local)
{
	const char *s;

	for (s = local; *s != '\0'; s++)
		if (ascii_iscntrl(*s))
			return false;
	return s != local && utf8_valid(local, (size_t)(s - local));
}

/*
 * "[127.0.0.1]", "[IPv6:::1]", "[tag:content]" (RFC 5321 section 4.1.3), but
 * without the bytes that mean something else to who reads a path carelessly.
 */
static bool
literal_valid(const char *s, size_t len)
{
	struct in6_addr ip;
	char *inner;
	size_t i, tag;
	bool ok;

	if (len < 3 || s[len - 1] != ']')
		return false;
	inner = xstrndup(s + 1, len - 2);
	tag = strspn(inner, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
	if (inner[tag] != ':')
		ok = inet_pton(AF_INET, inner, &ip) == 1;
	else if (mem_caseeq(inner, tag, "IPv6", 4))
		ok = inet_pton(AF_INET6, inner + 5, &ip) == 1;
	else
		ok = tag > 0 && inner[tag - 1] != '-' &&
		    inner[tag + 1] != '\0';
	for (i = 0; ok && i < len - 2; i++)
		ok = inner[i] > ' ' && inner[i] < 0x7f &&
		    strchr("\"<>[]\\", inner[i]) == NULL;
	free(inner);
	return ok;
}

/* The length of the label at s, if it is one; 0 otherwise. */
static size_t
label_length(const char *s)
{
	bool ascii = true;
	size_t n;

	for (n = 0; s[n] != '\0' && s[n] != '.'; n++) {
		if ((unsigned char)s[n] >= 0x80)
			ascii = false;
		else if (!ascii_isalnum(s[n]) && s[n] != '-' && s[n] != '_')
			return 0;
	}
	if (n == 0 || s[0] == '-' || s[n - 1] == '-' ||
	    (ascii && n > LABEL_MAX))
		return 0;
	return n;
}

bool
address_domain_valid(const char *s)
{
	size_t len, n;

	len = strlen(s);
	if (len > DOMAIN_MAX || !utf8_valid(s, len))
		return false;
	if (s[0] == '[')
		return literal_valid(s, len);
	for (;;) {
		n = label_length(s);
		if (n == 0)
			return false;
		s += n;
		if (*s == '\0')
			return true;
		s++;
	}
}

/* Adds the A-labels of a domain in UTF-8; -1 if it has none (RFC 5891). */
static int
add_alabels(struct buf *out, const char *domain)
{
	uint8_t *labels;
	int rc;

	if (strlen(domain) > UTF8_DOMAIN_MAX ||
	    idn2_lookup_u8((const uint8_t *)domain, &labels,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return -1;
	/* Mapping may bring forth what no host name has. */
	rc = address_domain_valid((const char *)labels) ?
	    buf_adds(out, (const char *)labels) : -1;
	idn2_free(labels);
	return rc;
}

static int
add_domain(struct buf *out, const char *domain, bool utf8_local)
{
	size_t before;

	before = out->len;
	if (!str_is_ascii(domain)) {
		if (add_alabels(out, domain) == -1)
			return -1;
		if (!utf8_local)
			return 0;
		/* The A-labels have only shown that it is a host name. */
		buf_truncate(out, before);
	}
	return address_domain_valid(domain) ? buf_adds(out, domain) : -1;
}

/* Always NULL. */
static char *
refuse(struct error *e, const struct address *a, const char *domain,
    const char *reason)
{
	struct buf shown;

	buf_init(&shown, 2 * SHOWN + 8);
	str_escape(&shown, a->local, strlen(a->local), SHOWN);
	if (domain != NULL) {
		buf_addc(&shown, '@');
		str_escape(&shown, domain, strlen(domain), SHOWN);
	}
	error_set(e, ERR_MESSAGE, "the address '%s' cannot stand in an"
	    " envelope: %s", shown.data, reason);
	buf_release(&shown);
	return NULL;
}

char *
address_envelope(const struct address *a, const char *fallback_domain,
    struct error *e)
{
	struct buf out;
	const char *domain, *reason = NULL;

	domain = a->domain != NULL ? a->domain : fallback_domain;
	if (a->local[0] == '\0')
		return refuse(e, a, domain, "its local part is empty");
	if (!local_fits(a->local))
		return refuse(e, a, domain,
		    "its local part has a control byte or is not UTF-8");
	buf_init(&out, ENVELOPE_MAX);
	add_local(&out, a->local);
	if (domain != NULL) {
		buf_addc(&out, '@');
		if (add_domain(&out, domain, !str_is_ascii(a->local)) == -1)
			reason = "its domain is no host name or address"
			    " literal of at most 255 octets";
	}
	if (out.overflow)
		reason = "it has more than 512 octets";
	if (reason == NULL)
		return buf_steal(&out);
	buf_release(&out);
	return refuse(e, a, domain, reason);
}
