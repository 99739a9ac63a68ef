/* SPDX-License-Identifier: ISC */
/*
 * The table of the account file's keys, and how a name is found in it.  What
 * a value may be is config/value.c's.
 */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/account.h"
#include "config/keys.h"

#define AT(member)	offsetof(struct account, member)

const struct key key_table[] = {
	[KEY_DEFAULT_ACCOUNT] = { "default_account", KEY_META, 0, NULL, NULL,
	    "the account where nothing else selects one" },
	[KEY_INHERIT] = { "inherit", KEY_META, 0, NULL, NULL,
	    "the account whose keys are taken first" },
	[KEY_SERVER] = { "server", KEY_HOST, AT(server), NULL, NULL,
	    "host name, IP address or Unix socket of the relay" },
	[KEY_PORT] = { "port", KEY_PORTS, AT(ports), "587", NULL,
	    "ports, tried in turn until one connects" },
	[KEY_STARTTLS] = { "starttls", KEY_BOOL, AT(starttls), "yes", NULL,
	    "require STARTTLS before anything else is said" },
	[KEY_IMPLICIT_TLS] = { "implicit_tls", KEY_BOOL, AT(implicit_tls),
	    "no", NULL, "TLS from the first byte" },
	[KEY_USERNAME] = { "username", KEY_STRING, AT(username), NULL, NULL,
	    "user name for authentication" },
	[KEY_PASSWORD] = { "password", KEY_SECRET, AT(password), NULL, NULL,
	    "the password itself" },
	[KEY_PASSWORD_COMMAND] = { "password_command", KEY_STRING,
	    AT(password_command), NULL, NULL,
	    "command that prints the password" },
	[KEY_PASSWORD_FILE] = { "password_file", KEY_PATH, AT(password_file),
	    NULL, NULL, "file whose first line is the password" },
	[KEY_AUTH] = { "auth", KEY_LIST, AT(auth), "auto",
	    "auto none SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256"
	    " SCRAM-SHA-1 PLAIN LOGIN CRAM-MD5 DIGEST-MD5 NTLM OAUTHBEARER"
	    " XOAUTH2 EXTERNAL GSSAPI",
	    "mechanisms in order of preference" },
	[KEY_ALLOW_PLAINTEXT_PASSWORD] = { "allow_plaintext_password",
	    KEY_BOOL, AT(allow_plaintext_password), "no", NULL,
	    "send a password without TLS" },
	[KEY_TLS_TRUST] = { "tls_trust", KEY_WORD_OR_PATH, AT(tls_trust),
	    "system", "system", "certificate authorities that are trusted" },
	[KEY_TLS_PIN] = { "tls_pin", KEY_PINS, AT(tls_pin), NULL, NULL,
	    "certificates or keys of the relay that need no other check" },
	[KEY_TLS_SERVER_NAME] = { "tls_server_name", KEY_HOST,
	    AT(tls_server_name), NULL, NULL,
	    "name that the certificate must have" },
	[KEY_TLS_MIN] = { "tls_min", KEY_WORD, AT(tls_min), "1.2",
	    "1.0 1.1 1.2 1.3", "lowest TLS version" },
	[KEY_TLS_PRIORITY] = { "tls_priority", KEY_STRING, AT(tls_priority),
	    NULL, NULL, "GnuTLS priority string" },
	[KEY_TLS_CERTIFICATE] = { "tls_certificate", KEY_PATH_OR_TOKEN,
	    AT(tls_certificate), NULL, NULL,
	    "certificate that is shown to the relay" },
	[KEY_TLS_KEY] = { "tls_key", KEY_PATH_OR_TOKEN, AT(tls_key), NULL,
	    NULL, "private key of that certificate" },
	[KEY_TLS_KEY_PASSWORD_COMMAND] = { "tls_key_password_command",
	    KEY_STRING, AT(tls_key_password_command), NULL, NULL,
	    "command that prints what opens the key" },
	[KEY_TLS_CRL] = { "tls_crl", KEY_PATH, AT(tls_crl), NULL, NULL,
	    "file of certificates that are revoked" },
	[KEY_HELO] = { "helo", KEY_DOMAIN, AT(helo), NULL, NULL,
	    "argument of EHLO" },
	[KEY_SOURCE_ADDRESS] = { "source_address", KEY_IP,
	    AT(source_address), NULL, NULL,
	    "IP address of this host to connect from" },
	[KEY_IP_VERSION] = { "ip_version", KEY_WORD, AT(ip_version), "any",
	    "any 4 6", "version of IP to connect with" },
	[KEY_PROXY_URL] = { "proxy", KEY_PROXY, AT(proxy), NULL, NULL,
	    "SOCKS5 proxy to connect through" },
	[KEY_CONNECT_TIMEOUT] = { "connect_timeout", KEY_DURATION,
	    AT(connect_timeout), "30s", NULL,
	    "limit for all addresses and ports together" },
	[KEY_TIMEOUT] = { "timeout", KEY_DURATION, AT(timeout), "5m", NULL,
	    "limit for one reply" },
	[KEY_FROM] = { "from", KEY_ADDRESS, AT(from), NULL, NULL,
	    "envelope sender" },
	[KEY_FULL_NAME] = { "full_name", KEY_STRING, AT(full_name), NULL,
	    NULL, "display name of an added From field" },
	[KEY_MATCH] = { "match", KEY_LIST, AT(match), NULL, NULL,
	    "patterns of senders that select this account" },
	[KEY_REWRITE_FROM] = { "rewrite_from", KEY_WORD, AT(rewrite_from),
	    "local", "never local always",
	    "when from takes the place of an address in From" },
	[KEY_DOMAIN_NAME] = { "domain", KEY_DOMAIN, AT(domain), NULL, NULL,
	    "completes bare addresses" },
	[KEY_LOCAL_MAIL_TO] = { "local_mail_to", KEY_ADDRESS,
	    AT(local_mail_to), NULL, NULL,
	    "where mail to bare names goes that are no alias" },
	[KEY_ALIASES] = { "aliases", KEY_WORD_OR_PATH, AT(aliases),
	    "/etc/aliases", "none", "file of aliases" },
	[KEY_PARTIAL] = { "partial", KEY_BOOL, AT(partial), "yes", NULL,
	    "deliver to the recipients that are accepted" },
	[KEY_DSN_NOTIFY] = { "dsn_notify", KEY_LIST, AT(dsn_notify), NULL,
	    "never success failure delay",
	    "when to notify the sender, without -N" },
	[KEY_DSN_RETURN] = { "dsn_return", KEY_WORD, AT(dsn_return), NULL,
	    "full hdrs", "what a notification brings back, without -R" },
	[KEY_LOG] = { "log", KEY_WORD_OR_PATH, AT(log), "syslog",
	    "syslog none", "where the log goes" },
	[KEY_LOG_FORMAT] = { "log_format", KEY_WORD, AT(log_format), "text",
	    "text json", "form of the log" },
};

_Static_assert(sizeof(key_table) / sizeof(key_table[0]) == KEY_COUNT,
    "key_table has a row for each key");

int
key_find(const char *name)
{
	int i;

	for (i = 0; i < KEY_COUNT; i++)
		if (strcmp(key_table[i].name, name) == 0)
			return i;
	return -1;
}

const char *
key_nearest(const char *name)
{
	const char *nearest = NULL;
	size_t best, distance, len;
	char *lower;
	int i;

	len = strlen(name);
	if (len == 0 || len > 64)
		return NULL;
	lower = xstrdup(name);
	ascii_lower(lower);
	best = len / 3 < 2 ? 2 : len / 3;
	best++;
	for (i = 0; i < KEY_COUNT; i++) {
		distance = str_distance(lower, key_table[i].name);
		/* A name of two letters is near to any other short one. */
		if (distance < best && distance < len) {
			best = distance;
			nearest = key_table[i].name;
		}
	}
	for (i = 0; nearest == NULL && len >= 3 && i < KEY_COUNT; i++)
		if (str_starts(key_table[i].name, lower))
			nearest = key_table[i].name;
	free(lower);
	return nearest;
}
