/* SPDX-License-Identifier: ISC */
/*
 * Whatever parses as addresses: where they stand, what their parts are made
 * of, that their envelope form is safe in a command and reads back as itself.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "mail/address.h"
#include "fuzz.h"

/* No line end or NUL, and no '<', '>' or blank but in quotes. */
static void
check_command(const char *s)
{
	bool quoted = false;

	for (; *s != '\0'; s++) {
		must(!ascii_iscntrl(*s));
		if (quoted && *s == '\\') {
			s++;
			must(*s == '"' || *s == '\\');
		} else if (*s == '"')
			quoted = !quoted;
		else
			must(quoted || strchr("<> ", *s) == NULL);
	}
	must(!quoted);
}

static void
check_envelope(const struct address *a, const char *fallback)
{
	struct address again;
	struct error e;
	char *form, *second;

	form = address_envelope(a, fallback, &e);
	if (form == NULL) {
		must(e.class == ERR_MESSAGE && e.text[0] != '\0');
		return;
	}
	must(form[0] != '\0' && strlen(form) <= 512);
	check_command(form);
	must(address_parse(&again, form, strlen(form), &e) == 0);
	must(again.start == 0 && again.end == strlen(form));
	must(strcmp(again.local, a->local) == 0);
	second = address_envelope(&again, NULL, &e);
	must(second != NULL && strcmp(second, form) == 0);
	free(second);
	free(form);
	address_release(&again);
}

/* The addr-spec alone means the same. */
static void
check_span(const struct address *a, const char *text)
{
	struct address again;
	struct error e;

	must(address_parse(&again, text + a->start, a->end - a->start,
	    &e) == 0);
	must(again.start == 0 && again.end == a->end - a->start);
	must(strcmp(again.local, a->local) == 0);
	must((again.domain == NULL) == (a->domain == NULL));
	must(a->domain == NULL || strcmp(again.domain, a->domain) == 0);
	address_release(&again);
}

static void
check(const struct address *a, const char *text, size_t size)
{
	const char *s;

	must(a->start < a->end && a->end <= size && a->local != NULL);
	for (s = a->local; *s != '\0'; s++)
		must(!ascii_iscntrl(*s));
	must(utf8_valid(a->local, strlen(a->local)));
	if (a->domain != NULL) {
		must(a->domain[0] != '\0');
		must(utf8_valid(a->domain, strlen(a->domain)));
		for (s = a->domain; *s != '\0'; s++)
			must(!ascii_iscntrl(*s) && *s != ' ');
	}
	check_span(a, text);
	check_envelope(a, NULL);
	check_envelope(a, "example.org");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct address_list l;
	struct address one;
	struct error e, e1;
	size_t i;
	int rc;

	address_list_init(&l);
	rc = address_list_parse(&l, text, size, &e);
	must(rc == 0 || (e.class == ERR_MESSAGE && e.text[0] != '\0'));
	for (i = 0; i < l.count; i++) {
		must(i == 0 || l.list[i - 1].end < l.list[i].start);
		check(&l.list[i], text, size);
	}
	if (address_parse(&one, text, size, &e1) == 0) {
		/* What is one address is a list of one. */
		must(rc == 0 && l.count == 1);
		must(strcmp(one.local, l.list[0].local) == 0);
		must(one.start == l.list[0].start);
		must(one.end == l.list[0].end);
		address_release(&one);
	} else
		must(e1.class == ERR_MESSAGE && e1.text[0] != '\0');
	address_list_release(&l);
	return 0;
}
