/* SPDX-License-Identifier: ISC */
/*
 * Whatever parses as a header: written and parsed again it is the same; no
 * bare address is left in what was completed; folding only adds folds.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/header.h"
#include "fuzz.h"

static void
check_fields(const struct header *h)
{
	const struct header_field *f;
	size_t i, k;

	for (i = 0; i < h->count; i++) {
		f = &h->fields[i];
		must(f->name_len > 0 && f->value > f->name_len);
		must(f->value + 2 <= f->len);
		must(f->text[f->value - 1] == ':');
		must(memcmp(f->text + f->len - 2, "\r\n", 2) == 0);
		must(header_name_length(f->text, f->len) == f->name_len);
		for (k = 0; k < f->len; k++) {
			must(f->text[k] != '\0');
			if (f->text[k] == '\r')
				must(f->text[k + 1] == '\n');
			if (f->text[k] == '\n')
				must(f->text[k - 1] == '\r' && (k + 1 ==
				    f->len || ascii_isblank(f->text[k + 1])));
		}
	}
}

static void
write_header(const struct header *h, struct buf *out)
{
	buf_init(out, HEADER_OUT_MAX * 4);
	must(header_write(h, out) == 0);
}

/* parse(write(h)) is h. */
static void
check_round_trip(const struct header *h)
{
	struct header again;
	struct error e;
	struct buf a, b;
	size_t i;

	write_header(h, &a);
	header_init(&again);
	must(header_parse(&again, a.data, a.len, &e) == 0);
	check_fields(&again);
	write_header(&again, &b);
	must(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
	must(again.count == h->count);
	for (i = 0; i < h->count; i++) {
		must(again.fields[i].name_len == h->fields[i].name_len);
		must(again.fields[i].value == h->fields[i].value);
	}
	header_release(&again);
	buf_release(&a);
	buf_release(&b);
}

/* Every field is tried as one of addresses, whatever its name. */
static void
check_complete(struct header *h, size_t i)
{
	static const char domain[] = "x.org";
	struct address_list before, after;
	struct error e;
	size_t k, bare = 0, len;
	int rc;

	address_list_init(&before);
	address_list_init(&after);
	rc = header_addresses(h, i, &before, &e);
	len = h->fields[i].len;
	header_complete(h, i, domain);
	for (k = 0; rc == 0 && k < before.count; k++)
		bare += before.list[k].domain == NULL ? 1 : 0;
	must(h->fields[i].len == len + bare * sizeof domain);
	must(header_addresses(h, i, &after, &e) == rc);
	must(after.count == before.count);
	for (k = 0; rc == 0 && k < after.count; k++) {
		must(after.list[k].domain != NULL);
		must(strcmp(after.list[k].local, before.list[k].local) == 0);
		must(strcmp(after.list[k].domain, before.list[k].domain ==
		    NULL ? domain : before.list[k].domain) == 0);
	}
	address_list_release(&before);
	address_list_release(&after);
}

/* Both without line ends and white space. */
static bool
same_text(const struct buf *a, const struct buf *b)
{
	size_t i = 0, k = 0;

	for (;;) {
		while (i < a->len && ascii_isspace(a->data[i]))
			i++;
		while (k < b->len && ascii_isspace(b->data[k]))
			k++;
		if (i == a->len || k == b->len)
			return i == a->len && k == b->len;
		if (a->data[i++] != b->data[k++])
			return false;
	}
}

/* No line is too long; returns how many are of white space only. */
static size_t
blank_lines(const struct buf *b, size_t max)
{
	const char *s, *lf, *end;
	size_t n = 0;

	end = b->data + b->len;
	for (s = b->data; s < end; s = lf + 1) {
		lf = memchr(s, '\n', (size_t)(end - s));
		must(lf != NULL && (size_t)(lf - 1 - s) <= max);
		while (ascii_isblank(*s))
			s++;
		n += *s == '\r' ? 1 : 0;
	}
	return n;
}

/* Text that is not of addresses gets line ends and nothing else. */
static void
check_values(const struct header *before, const struct header *after)
{
	char *a, *b;
	size_t i;

	must(before->count == after->count);
	for (i = 0; i < before->count; i++) {
		a = header_value(before, i);
		b = header_value(after, i);
		must(strlen(b) >= strlen(a));
		if (before->fields[i].len == after->fields[i].len ||
		    header_is(&before->fields[i], "Subject"))
			must(strcmp(a, b) == 0);
		free(a);
		free(b);
	}
}

/* The addresses of a field are the same before and after. */
static void
check_addresses(const struct header *before, const struct header *after)
{
	struct address_list a, b;
	struct error e;
	size_t i, k;

	for (i = 0; i < before->count; i++) {
		if (!header_is(&before->fields[i], "To"))
			continue;
		address_list_init(&a);
		address_list_init(&b);
		must(header_addresses(before, i, &a, &e) ==
		    header_addresses(after, i, &b, &e));
		must(a.count == b.count);
		for (k = 0; k < a.count; k++)
			must(strcmp(a.list[k].local, b.list[k].local) == 0);
		address_list_release(&a);
		address_list_release(&b);
	}
}

static void
check_fold(struct header *h)
{
	struct header before;
	struct error e;
	struct buf a, b;

	write_header(h, &a);
	header_init(&before);
	must(header_parse(&before, a.data, a.len, &e) == 0);
	if (header_fold(h, &e) == 0) {
		check_fields(h);
		write_header(h, &b);
		must(blank_lines(&b, 998) == blank_lines(&a, SIZE_MAX));
		must(same_text(&a, &b));
		check_values(&before, h);
		check_addresses(&before, h);
		must(header_fold(h, &e) == 0);
		check_round_trip(h);
		buf_release(&b);
	} else
		must(e.class == ERR_MESSAGE && e.text[0] != '\0');
	header_release(&before);
	buf_release(&a);
}

static void
check_edit(struct header *h)
{
	size_t first, end, count;
	struct error e;

	if (header_resent_block(h, &first, &end))
		must(first < end && end <= h->count);
	count = h->count;
	must(header_insert(h, count / 2, "Bcc", "a,\r\n b", &e) == 0);
	must(header_has(h, "bcc") && h->count == count + 1);
	count = h->count - header_remove(h, "BCC");
	must(h->count == count && header_find(h, "Bcc", 0) == -1);
	check_fields(h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct header h;
	struct error e;
	size_t i;

	header_init(&h);
	if (header_parse(&h, (const char *)data, size, &e) == -1)
		must(e.class == ERR_MESSAGE && e.text[0] != '\0');
	check_fields(&h);
	check_round_trip(&h);
	for (i = 0; i < h.count; i++)
		check_complete(&h, i);
	check_round_trip(&h);
	check_fold(&h);
	check_edit(&h);
	header_release(&h);
	return 0;
}
