/* SPDX-License-Identifier: ISC */
/*
 * The header as it goes out.  RFC 5322 section 3.6, RFC 6409 section 8.
 * Pure: it draws no time and no random bytes, and touches no field that the
 * lists here do not name.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/compose.h"
#include "mail/encword.h"

/* Octets of a line without its end (RFC 5321 section 4.5.3.1.6). */
#define LINE_MAX_OCTETS	998

static const char *const recipient_fields[] = { "To", "Cc", "Bcc" };
static const char *const resent_recipient_fields[] = {
	"Resent-To", "Resent-Cc", "Resent-Bcc"
};
static const char *const removed_fields[] = {
	"Bcc", "Resent-Bcc", "Return-Path", "Content-Length"
};
static const char *const completed_fields[] = {
	"From", "Sender", "Reply-To", "To", "Cc", "Resent-From",
	"Resent-Sender", "Resent-To", "Resent-Cc"
};

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static bool
field_among(const struct header_field *f, const char *const *names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (header_is(f, names[i]))
			return true;
	return false;
}

/* The limit of a list is one for each field: they are moved together here. */
static void
move_addresses(struct address_list *to, struct address_list *from)
{
	if (from->count == 0)
		return;
	mem_grow(&to->list, &to->cap, to->count + from->count,
	    sizeof *to->list);
	memcpy(to->list + to->count, from->list,
	    from->count * sizeof *from->list);
	to->count += from->count;
	from->count = 0;
}

/* The addresses in the fields of those names among [first, end). */
static int
recipients_in(const struct header *h, size_t first, size_t end,
    const char *const *names, struct address_list *out, struct error *e)
{
	struct address_list l;
	size_t i;
	int rc = 0;

	for (i = first; i < end && rc == 0; i++) {
		if (!field_among(&h->fields[i], names, 3))
			continue;
		address_list_init(&l);
		rc = header_addresses(h, i, &l, e);
		if (rc == 0)
			move_addresses(out, &l);
		address_list_release(&l);
	}
	return rc;
}

int
compose_recipients(const struct header *h, struct address_list *out,
    struct error *e)
{
	size_t first, end, before;

	before = out->count;
	if (header_resent_block(h, &first, &end)) {
		if (recipients_in(h, first, end, resent_recipient_fields, out,
		    e) == -1)
			return -1;
		if (out->count > before)
			return 0;
	}
	return recipients_in(h, 0, h->count, recipient_fields, out, e);
}

/* "Alice Example <alice@example.org>" */
static int
from_value(const struct compose_facts *facts, struct buf *out,
    struct error *e)
{
	if (facts->full_name == NULL || facts->full_name[0] == '\0')
		return buf_adds(out, facts->from);
	if (encword_phrase(out, facts->full_name, e) == -1)
		return -1;
	return buf_addf(out, " <%s>", facts->from);
}

static int
insert_from(struct header *h, size_t at, const char *name,
    const struct compose_facts *facts, struct error *e)
{
	struct buf value;
	int rc;

	buf_init(&value, HEADER_MAX);
	rc = from_value(facts, &value, e);
	if (rc == 0)
		rc = header_insert(h, at, name, value.data, e);
	buf_release(&value);
	return rc;
}

static int
insert_message_id(struct header *h, size_t at, const char *name,
    const struct compose_facts *facts, struct error *e)
{
	char *value;
	int rc;

	value = xasprintf("<%s@%s>", facts->unique, facts->host);
	rc = header_insert(h, at, name, value, e);
	free(value);
	return rc;
}

static int
add_originator(struct header *h, const struct compose_facts *facts,
    struct error *e)
{
	if (!header_has(h, "Date") &&
	    header_insert(h, h->count, "Date", facts->date, e) == -1)
		return -1;
	if (!header_has(h, "From") &&
	    insert_from(h, h->count, "From", facts, e) == -1)
		return -1;
	if (!header_has(h, "Message-ID") &&
	    insert_message_id(h, h->count, "Message-ID", facts, e) == -1)
		return -1;
	return 0;
}

static bool
block_has(const struct header *h, size_t first, size_t end, const char *name)
{
	for (; first < end; first++)
		if (header_is(&h->fields[first], name))
			return true;
	return false;
}

/* The latest block is the one of this sending: it gets what it lacks. */
static int
add_resent(struct header *h, size_t first, size_t end,
    const struct compose_facts *facts, struct error *e)
{
	bool id, from, date;

	id = block_has(h, first, end, "Resent-Message-ID");
	from = block_has(h, first, end, "Resent-From");
	date = block_has(h, first, end, "Resent-Date");
	if (!id && insert_message_id(h, first, "Resent-Message-ID", facts,
	    e) == -1)
		return -1;
	if (!from && insert_from(h, first, "Resent-From", facts, e) == -1)
		return -1;
	if (!date && header_insert(h, first, "Resent-Date", facts->date,
	    e) == -1)
		return -1;
	return 0;
}

/*
 * A From field that names nobody, as "<>" with the null sender, is none: RFC
 * 5322 section 3.6.2 wants a mailbox in it.
 */
static void
remove_nobody(struct header *h)
{
	long i;
	bool nobody;
	char *value;

	i = header_find(h, "From", 0);
	if (i == -1)
		return;
	value = header_value(h, (size_t)i);
	nobody = value[strspn(value, "<> \t")] == '\0';
	free(value);
	if (nobody)
		header_remove(h, "From");
}

int
compose_header(struct header *h, const struct compose_facts *facts,
    struct error *e)
{
	size_t i, first, end;
	bool resent;

	remove_nobody(h);
	resent = header_resent_block(h, &first, &end);
	if (resent && add_resent(h, first, end, facts, e) == -1)
		return -1;
	for (i = 0; i < COUNT(removed_fields); i++)
		header_remove(h, removed_fields[i]);
	for (i = 0; i < h->count; i++)
		if (field_among(&h->fields[i], completed_fields,
		    COUNT(completed_fields)))
			header_complete(h, i, facts->domain);
	if (!resent && add_originator(h, facts, e) == -1)
		return -1;
	if (!header_has(h, "To") && !header_has(h, "Cc") &&
	    !header_has(h, "Resent-To") && header_insert(h, h->count, "To",
	    "undisclosed-recipients:;", e) == -1)
		return -1;
	return header_fold(h, e);
}

char *
compose_message_id(const struct header *h)
{
	size_t first, end, len;
	long i;
	char *value, *start, *close, *id;

	i = -1;
	if (header_resent_block(h, &first, &end)) {
		i = header_find(h, "Resent-Message-ID", first);
		if (i >= (long)end)
			i = -1;
	}
	if (i == -1)
		i = header_find(h, "Message-ID", 0);
	if (i == -1)
		return NULL;
	value = header_value(h, (size_t)i);
	start = strchr(value, '<');
	start = start == NULL ? value : start + 1;
	close = strchr(start, '>');
	len = close == NULL ? strlen(start) : (size_t)(close - start);
	id = xstrndup(start, len);
	free(value);
	return id;
}

static int
check_header(const struct header *h, struct compose_needs *needs,
    struct error *e)
{
	const struct header_field *f;
	size_t i, k;

	for (i = 0; i < h->count; i++) {
		f = &h->fields[i];
		needs->size += f->len;
		for (k = 0; k < f->len; k++)
			if ((unsigned char)f->text[k] >= 0x80)
				break;
		if (k == f->len)
			continue;
		if (!utf8_valid(f->text, f->len))
			return error_set(e, ERR_MESSAGE, "header field '%.*s'"
			    " has 8-bit bytes that are not UTF-8: encode them"
			    " as RFC 2047 says", (int)f->name_len, f->text);
		needs->smtputf8 = true;
		needs->eight_bit = true;
	}
	return 0;
}

int
compose_check(const struct header *h, const struct wire_count *body,
    struct compose_needs *needs, struct error *e)
{
	memset(needs, 0, sizeof *needs);
	if (check_header(h, needs, e) == -1)
		return -1;
	if (body->nul)
		return error_set(e, ERR_MESSAGE, "the body has a NUL byte,"
		    " which SMTP cannot carry: encode it with MIME");
	if (body->bare_cr)
		return error_set(e, ERR_MESSAGE, "the body has a CR that is"
		    " not before an LF, which SMTP cannot carry: encode it"
		    " with MIME");
	if (body->longest > LINE_MAX_OCTETS)
		return error_set(e, ERR_MESSAGE, "the body has a line of %llu"
		    " octets, SMTP carries %d: encode it with MIME",
		    (unsigned long long)body->longest, LINE_MAX_OCTETS);
	needs->size += 2 + body->size;
	needs->eight_bit = needs->eight_bit || body->eight_bit;
	return 0;
}
