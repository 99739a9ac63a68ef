/* SPDX-License-Identifier: ISC */
/*
 * The one table of the account file's keys: it drives parsing, defaults,
 * inheritance, --set, --print-config, and the check that the manual and
 * sample.conf say the same.
 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum key_kind {
	KEY_STRING,		/* char *: taken as it is, not empty */
	KEY_SECRET,		/* char *: literal, masked, wiped */
	KEY_PATH,		/* char *: ~/ and $VAR are expanded */
	KEY_WORD,		/* char *: one of the words in "words" */
	KEY_WORD_OR_PATH,	/* char *: one of the words, or a path */
	KEY_PATH_OR_TOKEN,	/* char *: a path, or a pkcs11: URI */
	KEY_BOOL,		/* bool */
	KEY_DURATION,		/* int64_t: seconds */
	KEY_PORTS,		/* struct key_ports */
	KEY_LIST,		/* struct key_list: by commas or blanks */
	KEY_ADDRESS,		/* char *: an address, or bare */
	KEY_DOMAIN,		/* char *: a domain or address literal */
	KEY_HOST,		/* char *: host, IP address or socket's path */
	KEY_IP,			/* char *: an IP address */
	KEY_PINS,		/* struct key_list: "sha256:" and digits */
	KEY_PROXY,		/* struct key_proxy; may hold a secret */
	KEY_META		/* inherit, default_account: no place */
};

enum key_id {
	KEY_DEFAULT_ACCOUNT,
	KEY_INHERIT,
	KEY_SERVER,
	KEY_PORT,
	KEY_STARTTLS,
	KEY_IMPLICIT_TLS,
	KEY_USERNAME,
	KEY_PASSWORD,
	KEY_PASSWORD_COMMAND,
	KEY_PASSWORD_FILE,
	KEY_AUTH,
	KEY_ALLOW_PLAINTEXT_PASSWORD,
	KEY_TLS_TRUST,
	KEY_TLS_PIN,
	KEY_TLS_SERVER_NAME,
	KEY_TLS_MIN,
	KEY_TLS_PRIORITY,
	KEY_TLS_CERTIFICATE,
	KEY_TLS_KEY,
	KEY_TLS_KEY_PASSWORD_COMMAND,
	KEY_TLS_CRL,
	KEY_HELO,
	KEY_SOURCE_ADDRESS,
	KEY_IP_VERSION,
	KEY_PROXY_URL,
	KEY_CONNECT_TIMEOUT,
	KEY_TIMEOUT,
	KEY_FROM,
	KEY_FULL_NAME,
	KEY_MATCH,
	KEY_REWRITE_FROM,
	KEY_DOMAIN_NAME,
	KEY_LOCAL_MAIL_TO,
	KEY_ALIASES,
	KEY_PARTIAL,
	KEY_DSN_NOTIFY,
	KEY_DSN_RETURN,
	KEY_LOG,
	KEY_LOG_FORMAT,
	KEY_COUNT
};

struct key {
	const char *name;
	enum key_kind kind;
	size_t offset;		/* in struct account */
	const char *preset;	/* the default, as text; NULL: none */
	const char *words;	/* for KEY_WORD*: separated by blanks */
	const char *summary;	/* one line, for the generated texts */
};

/* The table, KEY_COUNT rows, row i is enum key_id i. */
extern const struct key key_table[];

/* The row of a name, or -1. */
int	key_find(const char *name);
/* The name nearest to an unknown one, or NULL when none is near. */
const char *key_nearest(const char *name);

#endif
