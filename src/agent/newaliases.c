/* SPDX-License-Identifier: ISC */
/*
 * Checks the alias file: each line's form, each address, loops; and warns of
 * what is refused when mail comes for it, and of names that stand twice.
 * Makes no data base, since sendoff reads the file itself.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/load.h"
#include "agent/newaliases.h"
#include "agent/options.h"
#include "agent/output.h"
#include "agent/recipients.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fsio.h"
#include "config/account.h"
#include "config/file.h"
#include "mail/address.h"

/* Bytes of what is told; of more the beginning is. */
#define TEXT_MAX	(1024 * 1024)
/* Bytes that are shown of a name. */
#define SHOWN		80

struct inspection {
	struct recipients recipients;
	struct buf complaints;
	struct error first;	/* the first one that is no warning */
};

static void
complain(struct inspection *c, const struct error *e)
{
	bool warning = c->recipients.walk.fault == ALIAS_REFUSED;

	buf_addf(&c->complaints, "sendoff: %s%s\n", warning ? "warning: " :
	    "", e->text);
	if (!warning && c->first.class == ERR_NONE)
		c->first = *e;
}

/* An address of the file; a recipient that cannot be one is a fault too. */
static void
look_at(struct inspection *c, const struct address *a, bool final)
{
	struct recipients *r = &c->recipients;
	struct error e;
	char *text;

	if (recipients_is_local(r, a)) {
		if (!final && alias_walk_enter(&r->walk, a->local,
		    strlen(a->local), &e) == -1)
			complain(c, &e);
		return;
	}
	text = address_envelope(a, NULL, &e);
	if (text == NULL) {
		alias_walk_blame(&r->walk, &e);
		complain(c, &e);
	}
	free(text);
}

static void
look_behind(struct inspection *c, size_t index)
{
	struct alias_walk *walk = &c->recipients.walk;
	struct address a;
	struct error e;
	bool final;
	int rc;

	if (alias_walk_enter_at(walk, index, &e) == -1)
		complain(c, &e);
	while ((rc = alias_walk_next(walk, &a, &final, &e)) != 0) {
		if (rc == -1) {
			complain(c, &e);
			continue;
		}
		look_at(c, &a, final);
		address_release(&a);
	}
}

static void
warn_of_double(struct inspection *c, const struct alias *alias)
{
	const struct aliases *a = &c->recipients.aliases;
	const struct alias *first;
	const char *name = a->text.data + alias->name;
	struct error e;

	first = aliases_find(a, name, alias->name_len);
	if (first == NULL || first == alias)
		return;
	error_set(&e, ERR_CONFIG, "%s:%u: alias '%.*s' stands in line %u too,"
	    " which is the one that counts", a->file,
	    (unsigned int)alias->line, alias->name_len > SHOWN ? SHOWN :
	    (int)alias->name_len, name, (unsigned int)first->line);
	buf_addf(&c->complaints, "sendoff: warning: %s\n", e.text);
}

/* sendmail's line. */
static void
summary(const struct aliases *a, const char *file, struct buf *out)
{
	size_t i, count = 0, longest = 0, total = 0;
	const struct alias *alias;

	for (i = 0; i < a->count; i++) {
		alias = &a->list[i];
		if (alias_problem(alias) != NULL)
			continue;
		count++;
		total += alias->name_len + alias->value_len;
		if (alias->value_len > longest)
			longest = alias->value_len;
	}
	buf_addf(out, "%s: %zu aliases, longest %zu bytes, %zu bytes total\n",
	    file, count, longest, total);
}

static int
inspect(struct inspection *c, const struct account *account,
    struct buf *out, struct error *e)
{
	const struct aliases *a = &c->recipients.aliases;
	size_t i;

	if (recipients_read(&c->recipients, e) == -1)
		return -1;
	for (i = 0; i < a->count; i++) {
		look_behind(c, i);
		warn_of_double(c, &a->list[i]);
	}
	summary(a, account->aliases, out);
	if (output_print(out, e) == -1)
		return -1;
	*e = c->first;
	return 0;
}

static int
open_account(const struct invocation *inv, struct account *a, struct error *e)
{
	struct account_choice choice = { inv->account, inv->sender, NULL };
	struct config config;
	int rc;

	config_init(&config);
	rc = load_config_any(&config, inv, e);
	if (rc == 0)
		rc = account_load_local(a, &config, &choice, e);
	config_release(&config);
	return rc;
}

int
newaliases(const struct invocation *inv)
{
	struct inspection c;
	struct account account;
	struct error e;
	struct buf out;

	memset(&c, 0, sizeof c);
	memset(&e, 0, sizeof e);
	buf_init(&c.complaints, TEXT_MAX);
	buf_init(&out, TEXT_MAX);
	if (open_account(inv, &account, &e) == -1)
		buf_addf(&c.complaints, "sendoff: %s\n", e.text);
	else {
		recipients_init(&c.recipients, &account, "localhost");
		if (inspect(&c, &account, &out, &e) == -1)
			buf_addf(&c.complaints, "sendoff: %s\n", e.text);
		recipients_release(&c.recipients);
		account_release(&account);
	}
	fsio_write_all(STDERR_FILENO, c.complaints.data, c.complaints.len);
	buf_release(&c.complaints);
	buf_release(&out);
	return error_exit_status(e.class);
}
