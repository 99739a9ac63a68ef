/* SPDX-License-Identifier: ISC */
/*
 * One account: every key with a value of its type, ready to use.
 *
 * See sendoff.conf(5).  The table in config/keys.c says for each key where in
 * this struct it goes, of what kind it is and what its default is.
 */
#ifndef CONFIG_ACCOUNT_H
#define CONFIG_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/keys.h"

struct config;
struct error;

/* A list of strings. */
struct key_list {
	char **list;
	size_t count;
};

/* A list of ports, in the order of preference. */
struct key_ports {
	uint16_t *list;
	size_t count;
};

/* A proxy; host is NULL without one, user where there is no login. */
struct key_proxy {
	char *host;
	uint16_t port;
	char *user;
	char *password;		/* wiped on release */
};

struct account {
	char *name;
	char *server;
	struct key_ports ports;
	bool starttls;
	bool implicit_tls;
	char *username;		/* NULL: no authentication */
	char *password;		/* NULL when not set; wiped on release */
	char *password_command;
	char *password_file;
	struct key_list auth;	/* mechanisms as written; "auto" or "none" */
	bool allow_plaintext_password;
	char *tls_trust;	/* "system" or a path */
	struct key_list tls_pin;	/* "sha256:" and 64 digits */
	char *tls_server_name;	/* NULL for a Unix socket */
	char *tls_min;		/* "1.2" ... */
	char *tls_priority;	/* NULL: made from tls_min */
	char *tls_certificate;	/* path or pkcs11: URI; NULL: none */
	char *tls_key;		/* NULL: it is with the certificate */
	char *tls_key_password_command;
	char *tls_crl;
	char *helo;		/* NULL: the host's name */
	char *source_address;	/* NULL: any */
	char *ip_version;	/* "any", "4", "6" */
	struct key_proxy proxy;
	int64_t connect_timeout;	/* seconds */
	int64_t timeout;	/* seconds */
	char *from;		/* NULL: user at domain */
	char *full_name;
	struct key_list match;
	char *rewrite_from;	/* "never", "local", "always" */
	char *domain;
	char *local_mail_to;	/* NULL: by domain */
	char *aliases;		/* path, or "none" */
	bool partial;
	struct key_list dsn_notify;	/* words; none: nothing is asked for */
	char *dsn_return;	/* NULL: nothing is asked for */
	char *log;
	char *log_format;

	/* For each key: its text as it stands in the file ("" and a default
	 * origin where it is not set), and where it comes from. */
	char *text[KEY_COUNT];
	char *origin[KEY_COUNT];	/* "file:line", "--set", "default" */
};

/* What selects an account, in this order; each may be NULL. */
struct account_choice {
	const char *name;	/* -a */
	const char *sender;	/* -f: an address; "" for the null sender */
	const char *from;	/* the From field's first address */
};

/*
 * Fills *a with the account that is chosen: its own keys, then those of the
 * account that it inherits and so on, then the keys above the first section,
 * then the defaults; --set before all of them.  -1 with ERR_CONFIG (ERR_USAGE
 * for a name given with -a that is not there, which lists those that are).
 */
int	account_load(struct account *a, const struct config *c,
	    const struct account_choice *choice, struct error *e);
/* The same, but the keys of the relay may be missing. */
int	account_load_local(struct account *a, const struct config *c,
	    const struct account_choice *choice, struct error *e);
void	account_release(struct account *a);

/* True where a Unix socket is the server. */
bool	account_is_local(const struct account *a);

struct buf;
/*
 * Prints the account as an account file that reads back, a comment with the
 * origin above each key; secrets masked, in comments.
 */
void	account_print(const struct account *a, struct buf *out);

#endif
