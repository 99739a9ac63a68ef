/* SPDX-License-Identifier: ISC */
/*
 * Values of the account file's keys: checked and stored, each kind its way.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/keys.h"

struct account;
struct error;

/*
 * Checks a value and stores it in *a; -1 with ERR_CONFIG, the text begins with
 * where ("file:line").
 */
int	key_store(struct account *a, enum key_id id, const char *value,
	    const char *where, struct error *e);
/*
 * Only checks a value; pure: what "~" and $VAR stand for is left for key_store,
 * since the file may be meant for other surroundings.
 */
int	key_check(enum key_id id, const char *value, const char *where,
	    struct error *e);
void	key_clear(struct account *a, enum key_id id);

#endif
