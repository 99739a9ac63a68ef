/* SPDX-License-Identifier: ISC */
/*
 * The settings that an invocation asks for.
 */
#ifndef AGENT_LOAD_H
#define AGENT_LOAD_H

#include <stdbool.h>

struct account;
struct config;
struct error;
struct invocation;

/*
 * Reads the account files, and --set over them; a password that was given so
 * is taken out of the arguments.  Cores and ptrace are off from here on.
 * ERR_CONFIG, ERR_USAGE.
 */
int	load_config(struct config *c, const struct invocation *inv,
	    struct error *e);

/* The same for what needs no account: having no file is fine. */
int	load_config_any(struct config *c, const struct invocation *inv,
	    struct error *e);
/* ps(1) shows arguments: takes a password's value out of "KEY=VALUE". */
void	load_hide_setting(char *assignment);

/* True where a password or token has to be had before the relay is asked. */
bool	load_needs_secret(const struct account *a);

#endif
