/* SPDX-License-Identifier: ISC */
/*
 * Any text as an account file: it is refused as a matter of the file, or every
 * value that is accepted stands in it whole; and what is printed of an account
 * reads back to the same.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "config/account.h"
#include "config/file.h"
#include "fuzz.h"

#define PRINT_MAX	(16 * 1024 * 1024)

/* The line of a setting's origin, without its end. */
static const char *
find_line(const char *text, size_t size, const char *origin, size_t *len)
{
	unsigned long line = strtoul(strrchr(origin, ':') + 1, NULL, 10);
	const char *end, *text_end = text + size;

	for (; line > 1; line--) {
		text = memchr(text, '\n', (size_t)(text_end - text));
		must(text != NULL);
		text++;
	}
	end = memchr(text, '\n', (size_t)(text_end - text));
	*len = (size_t)((end == NULL ? text_end : end) - text);
	return text;
}

/* The value is the end of its line, but for a quote, blanks and CR. */
static void
check_values(const struct config *c, const char *text, size_t size)
{
	const char *line, *p;
	size_t i, len;

	for (i = 0; i < c->count; i++) {
		line = find_line(text, size, c->settings[i].origin, &len);
		p = memmem(line, len, c->settings[i].value,
		    strlen(c->settings[i].value));
		/* What stands in the key as well stands again behind it. */
		while (p != NULL) {
			const char *q = p + strlen(c->settings[i].value);

			while (q < line + len && *q != '\0' &&
			    strchr("\" \t\r", *q) != NULL)
				q++;
			if (q == line + len)
				break;
			p++;
			p = memmem(p, (size_t)(line + len - p),
			    c->settings[i].value,
			    strlen(c->settings[i].value));
		}
		must(p != NULL);
	}
}

static void
strip_comments(const struct buf *from, struct buf *to)
{
	const char *p, *end;

	buf_init(to, PRINT_MAX);
	for (p = from->data; *p != '\0'; p = end + 1) {
		end = strchr(p, '\n');
		must(end != NULL);
		if (*p != '#')
			(void)buf_add(to, p, (size_t)(end + 1 - p));
	}
}

/* Prints the account into whole, and without comments into settings. */
static void
print(const struct account *a, struct buf *whole, struct buf *settings)
{
	buf_init(whole, PRINT_MAX);
	account_print(a, whole);
	must(!whole->overflow && strlen(whole->data) == whole->len);
	strip_comments(whole, settings);
}

static void
check_round_trip(const struct account *a)
{
	static const struct account_choice any = { NULL, NULL, NULL };
	struct buf first, first_settings, second, second_settings;
	struct account again;
	struct config c;
	struct error e;
	bool has_password = false;

	print(a, &first, &first_settings);
	config_init(&c);
	must(config_parse(&c, "printed", first.data, first.len, &has_password,
	    &e) == 0);
	must(!has_password);
	must(account_load(&again, &c, &any, &e) == 0);
	must(strcmp(again.name, a->name) == 0);
	print(&again, &second, &second_settings);
	must(strcmp(first_settings.data, second_settings.data) == 0);
	account_release(&again);
	config_release(&c);
	buf_release(&first);
	buf_release(&first_settings);
	buf_release(&second);
	buf_release(&second_settings);
}

static void
check_accounts(const struct config *c)
{
	struct account_choice choice = { NULL, "alice@example.org", "bob@b" };
	struct account a;
	struct error e;
	size_t i;

	for (i = 0; i <= c->section_count && i < 8; i++) {
		if (i > 0)
			choice.name = c->sections[i - 1];
		e.class = ERR_NONE;
		if (account_load(&a, c, &choice, &e) == -1) {
			must(e.class == ERR_CONFIG);
			continue;
		}
		check_round_trip(&a);
		account_release(&a);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct config c;
	struct error e;
	bool has_password = false;

	if (size > CONFIG_FILE_MAX)
		return 0;
	config_init(&c);
	if (config_parse(&c, "f", text, size, &has_password, &e) == -1) {
		must(e.class == ERR_CONFIG);
		must(strncmp(e.text, "f:", 2) == 0);
	} else {
		check_values(&c, text, size);
		check_accounts(&c);
	}
	config_release(&c);
	return 0;
}
