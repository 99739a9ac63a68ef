/* SPDX-License-Identifier: ISC */
/*
 * The settings that an invocation asks for.
 */
#include "config.h"

#include <string.h>

#include "agent/load.h"
#include "agent/options.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "config/account.h"
#include "config/file.h"
#include "smtp/auth.h"

void
load_hide_setting(char *assignment)
{
	char *value;

	value = strchr(assignment, '=');
	if (value != NULL && (str_starts(assignment, "password") ||
	    str_starts(assignment, "proxy")))
		mem_wipe(value + 1, strlen(value + 1));
}

/* What --set says, over the files. */
static int
apply_settings(struct config *c, const struct invocation *inv,
    struct error *e)
{
	size_t i;
	int rc;

	for (i = 0; i < inv->setting_count; i++) {
		rc = config_set(c, inv->settings[i], e);
		load_hide_setting(inv->settings[i]);
		if (rc == -1)
			return -1;
	}
	return 0;
}

int
load_config(struct config *c, const struct invocation *inv, struct error *e)
{
	proc_guard_secrets();
	if (config_load(c, inv->config, e) == -1)
		return -1;
	return apply_settings(c, inv, e);
}

int
load_config_any(struct config *c, const struct invocation *inv,
    struct error *e)
{
	int rc;

	proc_guard_secrets();
	rc = inv->config == NULL ? config_load_any(c, e) :
	    config_load(c, inv->config, e);
	return rc == -1 ? -1 : apply_settings(c, inv, e);
}

bool
load_needs_secret(const struct account *a)
{
	return a->username != NULL &&
	    auth_list_needs_secret(a->auth.list, a->auth.count);
}
