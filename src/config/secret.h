/* SPDX-License-Identifier: ISC */
/*
 * Where the password comes from.
 */
#ifndef CONFIG_SECRET_H
#define CONFIG_SECRET_H

#include <stddef.h>

struct account;
struct buf;
struct error;

/* Bytes that a secret can have. */
#define SECRET_MAX	(16 * 1024)

/*
 * Puts the password of the account into out, a secret buf: password, the first
 * line that password_command prints, the first line of password_file, the
 * entry of ~/.netrc for server and username, or what is typed at the prompt on
 * the terminal, in this order.  The account's own copy is wiped.  Cores and
 * ptrace are off from here on.  -1
 * with ERR_TEMPORARY (command), ERR_CONFIG (file, none found).
 */
int	secret_get(struct account *a, struct buf *out, struct error *e);

/*
 * The same for what opens tls_key (a password, or a token's PIN): the first
 * line that tls_key_password_command prints, or what is typed.
 */
int	secret_get_key(const struct account *a, struct buf *out,
	    struct error *e);

/*
 * Looks up machine and login in the text of a netrc(5) file; pure.  Returns 1
 * and fills out when found, 0 when not, -1 for what is no netrc.  An entry
 * without login serves every login; "default" serves every machine.
 */
int	secret_netrc(const char *text, size_t len, const char *machine,
	    const char *login, struct buf *out);

#endif
