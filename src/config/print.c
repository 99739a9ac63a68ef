/* SPDX-License-Identifier: ISC */
/*
 * An account as an account file: for --print-config.
 *
 * Never shows a password.  What it prints, the parser reads back to the same
 * settings (but for the password, which is a comment).
 */
#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "config/account.h"
#include "config/file.h"
#include "config/keys.h"

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
static void
print_masked(const char *name, const char *masked, struct buf *out)
{
	(void)buf_addf(out, "# %s = %s (set, not shown)\n", name, masked);
}

static void
print_key(const struct account *a, enum key_id id, struct buf *out)
{
	const char *name = key_table[id].name, *origin = a->origin[id];
	bool password = id == KEY_PASSWORD && a->password != NULL;

	if (!password && a->text[id][0] == '\0')
		return;
	(void)buf_adds(out, "# ");
	str_escape(out, origin, strlen(origin), ORIGIN_MAX);
	(void)buf_addc(out, '\n');
	if (password)
		print_masked(name, "********", out);
	else if (id == KEY_PROXY_URL && a->proxy.user != NULL)
		print_masked(name, a->text[id], out);
	else
		print_setting(name, a->text[id], out);
}

void
account_print(const struct account *a, struct buf *out)
{
	int i;

	(void)buf_addf(out, "[%s]\n", a->name);
	for (i = 0; i < KEY_COUNT; i++)
		print_key(a, (enum key_id)i, out);
}
