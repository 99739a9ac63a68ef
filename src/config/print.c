/* SPDX-License-Identifier: ISC */
/*
 * An account as an account file: for --print-config.
 *
 * Never shows a password.  What it prints, the parser reads back to the same
 * settings (but for the password, which is a comment).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "config/account.h"
#include "config/file.h"
#include "config/keys.h"
#include "config/proxy.h"

/* Bytes of an origin that are shown. */
#define ORIGIN_MAX	4096

/* True where the parser would take something off a value without quotes. */
static bool
needs_quotes(const char *value)
{
	size_t len = strlen(value);

	return value[0] == '"' || ascii_isblank(value[0]) ||
	    ascii_isblank(value[len - 1]);
}

static void
print_setting(const char *name, const char *value, struct buf *out)
{
	const char *quote = needs_quotes(value) ? "\"" : "";
	size_t len;

	len = strlen(name) + 1 + strlen(value) + 2 * strlen(quote);
	/* Blanks around '=' are left out where the line has no room. */
	if (len + 2 <= CONFIG_LINE_MAX)
		(void)buf_addf(out, "%s = %s%s%s\n", name, quote, value,
		    quote);
	else
		(void)buf_addf(out, "%s%s=%s%s%s\n",
		    len > CONFIG_LINE_MAX ? "# " : "", name, quote, value,
		    quote);
}

/* What must not be shown stands in a comment, with stars in its place. */
static bool
print_masked(const struct account *a, enum key_id id, struct buf *out)
{
	char *masked;

	if (id == KEY_PASSWORD && a->password != NULL) {
		(void)buf_addf(out, "# %s = ******** (set, not shown)\n",
		    key_table[id].name);
		return true;
	}
	if (id != KEY_PROXY_URL || a->proxy.host == NULL)
		return false;
	masked = proxy_masked(&a->proxy);
	(void)buf_addf(out, "%s%s = %s\n", a->proxy.user == NULL ? "" : "# ",
	    key_table[id].name, masked);
	free(masked);
	return true;
}

static void
print_key(const struct account *a, enum key_id id, struct buf *out)
{
	const char *origin = a->origin[id];
	bool set = a->text[id][0] != '\0' ||
	    (id == KEY_PASSWORD && a->password != NULL) ||
	    (id == KEY_PROXY_URL && a->proxy.host != NULL);

	if (!set)
		return;
	(void)buf_adds(out, "# ");
	str_escape(out, origin, strlen(origin), ORIGIN_MAX);
	(void)buf_addc(out, '\n');
	if (!print_masked(a, id, out))
		print_setting(key_table[id].name, a->text[id], out);
}

void
account_print(const struct account *a, struct buf *out)
{
	int i;

	(void)buf_addf(out, "[%s]\n", a->name);
	for (i = 0; i < KEY_COUNT; i++)
		print_key(a, (enum key_id)i, out);
}
