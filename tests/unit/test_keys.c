/* SPDX-License-Identifier: ISC */
/*
 * The key table, and how each kind of value is checked and stored.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "config/account.h"
#include "config/keys.h"
#include "config/value.h"
#include "runner.h"

#define WHERE	"f:1"

/* Stores a value into a fresh account; release it. */
static int
store(struct account *a, enum key_id id, const char *value, struct error *e)
{
	memset(a, 0, sizeof(*a));
	memset(e, 0, sizeof(*e));
	return key_store(a, id, value, WHERE, e);
}

static void
accepts_one(enum key_id id, const char *value)
{
	struct account a;
	struct error e;

	ck_assert_msg(store(&a, id, value, &e) == 0, "%s = %s: %s",
	    key_table[id].name, value, e.text);
	ck_assert_int_eq(key_check(id, value, WHERE, &e), 0);
	key_clear(&a, id);
}

/* Refused with the place, and a text that has a piece. */
static void
refuses_one(enum key_id id, const char *value, const char *piece)
{
	struct account a;
	struct error e;

	ck_assert_msg(store(&a, id, value, &e) == -1, "%s = %s is accepted",
	    key_table[id].name, value);
	key_clear(&a, id);
	ck_assert_int_eq(e.class, ERR_CONFIG);
	ck_assert_ptr_eq(strstr(e.text, WHERE ": "), e.text);
	ck_assert_ptr_nonnull(strstr(e.text, key_table[id].name));
	ck_assert_msg(strstr(e.text, piece) != NULL, "no '%s' in: %s", piece,
	    e.text);
	ck_assert_int_eq(key_check(id, value, WHERE, &e), -1);
}

/* The string at a key's place after storing a value. */
static void
stores(enum key_id id, const char *value, const char *expected)
{
	struct account a;
	struct error e;
	void *place = (char *)&a + key_table[id].offset;

	ck_assert_msg(store(&a, id, value, &e) == 0, "%s", e.text);
	ck_assert_str_eq(*(char **)place, expected);
	key_clear(&a, id);
	ck_assert_ptr_null(*(char **)place);
}

START_TEST(table_is_whole)
{
	struct account a;
	struct error e;
	int i;

	for (i = 0; i < KEY_COUNT; i++) {
		ck_assert_ptr_nonnull(key_table[i].name);
		ck_assert_ptr_nonnull(key_table[i].summary);
		ck_assert_int_eq(key_find(key_table[i].name), i);
		ck_assert_ptr_eq(key_nearest(key_table[i].name),
		    key_table[i].name);
		if (key_table[i].preset == NULL)
			continue;
		ck_assert_int_eq(store(&a, i, key_table[i].preset, &e), 0);
		key_clear(&a, i);
	}
	ck_assert_int_eq(key_find("sever"), -1);
	ck_assert_int_eq(key_find("Server"), -1);
	ck_assert_int_eq(key_find(""), -1);
}
END_TEST

START_TEST(nearest)
{
	ck_assert_str_eq(key_nearest("sever"), "server");
	ck_assert_str_eq(key_nearest("Server"), "server");
	ck_assert_str_eq(key_nearest("pasword"), "password");
	ck_assert_str_eq(key_nearest("tls-trust"), "tls_trust");
	ck_assert_str_eq(key_nearest("user"), "username");
	ck_assert_str_eq(key_nearest("prot"), "port");
	ck_assert_ptr_null(key_nearest("zzzzzzzz"));
	ck_assert_ptr_null(key_nearest("x"));
	ck_assert_ptr_null(key_nearest(""));
}
END_TEST

START_TEST(empty_and_control)
{
	int i;

	for (i = 0; i < KEY_COUNT; i++) {
		refuses_one(i, "", "no value");
		refuses_one(i, "a\nb", "control byte (\\x0A)");
		refuses_one(i, "a\rb", "control byte (\\x0D)");
	}
	refuses_one(KEY_USERNAME, "a\033b", "control byte (\\x1B)");
	accepts_one(KEY_PASSWORD, "a\033\tb\177");
	accepts_one(KEY_PASSWORD_COMMAND, "pass\tshow mail");
}
END_TEST

START_TEST(strings)
{
	stores(KEY_USERNAME, "alice:x@y", "alice:x@y");
	stores(KEY_PASSWORD, " ; #\"'\\=\xff ", " ; #\"'\\=\xff ");
	stores(KEY_FULL_NAME, "Ren\xc3\xa9", "Ren\xc3\xa9");
	stores(KEY_TLS_PRIORITY, "NORMAL:-VERS-TLS1.2", "NORMAL:-VERS-TLS1.2");
}
END_TEST

START_TEST(words)
{
	stores(KEY_LOG_FORMAT, "json", "json");
	stores(KEY_LOG_FORMAT, "JSON", "json");
	stores(KEY_TLS_MIN, "1.3", "1.3");
	refuses_one(KEY_LOG_FORMAT, "jso", "text json");
	refuses_one(KEY_LOG_FORMAT, "text json", "use one of");
	refuses_one(KEY_TLS_MIN, "1", "1.0 1.1 1.2 1.3");
	refuses_one(KEY_TLS_MIN, "1.4", "1.0 1.1 1.2 1.3");
	refuses_one(KEY_TLS_MIN, "off", "1.0 1.1 1.2 1.3");
	stores(KEY_LOG, "none", "none");
	stores(KEY_LOG, "/var/log/sendoff", "/var/log/sendoff");
	refuses_one(KEY_LOG, "nome", "syslog none");
	stores(KEY_TLS_TRUST, "System", "system");
	stores(KEY_TLS_TRUST, "/etc/ca.pem", "/etc/ca.pem");
	refuses_one(KEY_TLS_TRUST, "sytem", "one of: system");
	refuses_one(KEY_TLS_TRUST, "off", "one of: system");
}
END_TEST

START_TEST(booleans)
{
	static const char *const on[] = { "yes", "true", "ON", "1" };
	static const char *const off[] = { "no", "False", "off", "0" };
	struct account a;
	struct error e;
	size_t i;

	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(store(&a, KEY_STARTTLS, on[i], &e), 0);
		ck_assert(a.starttls);
		ck_assert_int_eq(store(&a, KEY_PARTIAL, off[i], &e), 0);
		ck_assert(!a.partial);
	}
	refuses_one(KEY_STARTTLS, "of", "yes or no");
	refuses_one(KEY_STARTTLS, "n", "yes or no");
	refuses_one(KEY_IMPLICIT_TLS, "ye", "yes or no");
	refuses_one(KEY_ALLOW_PLAINTEXT_PASSWORD, "2", "yes or no");
}
END_TEST

START_TEST(durations)
{
	struct account a;
	struct error e;

	ck_assert_int_eq(store(&a, KEY_TIMEOUT, "90s", &e), 0);
	ck_assert_int_eq(a.timeout, 90);
	ck_assert_int_eq(store(&a, KEY_TIMEOUT, "5m", &e), 0);
	ck_assert_int_eq(a.timeout, 300);
	ck_assert_int_eq(store(&a, KEY_CONNECT_TIMEOUT, "1d", &e), 0);
	ck_assert_int_eq(a.connect_timeout, 86400);
	accepts_one(KEY_TIMEOUT, "1s");
	accepts_one(KEY_TIMEOUT, "24h");
	refuses_one(KEY_TIMEOUT, "2d", "1s to 1d");
	refuses_one(KEY_TIMEOUT, "86401s", "1s to 1d");
	refuses_one(KEY_TIMEOUT, "0s", "1s to 1d");
	refuses_one(KEY_TIMEOUT, "-1", "1s to 1d");
	refuses_one(KEY_TIMEOUT, "30", "1s to 1d");
	refuses_one(KEY_TIMEOUT, "5 m", "1s to 1d");
	refuses_one(KEY_TIMEOUT, "99999999999999999999s", "1s to 1d");
}
END_TEST

START_TEST(ports)
{
	struct account a;
	struct error e;

	ck_assert_int_eq(store(&a, KEY_PORT, "587, 5190 25", &e), 0);
	ck_assert_uint_eq(a.ports.count, 3);
	ck_assert_uint_eq(a.ports.list[0], 587);
	ck_assert_uint_eq(a.ports.list[1], 5190);
	ck_assert_uint_eq(a.ports.list[2], 25);
	/* A second value takes the place of the first. */
	ck_assert_int_eq(key_store(&a, KEY_PORT, "1,65535", WHERE, &e), 0);
	ck_assert_uint_eq(a.ports.count, 2);
	ck_assert_uint_eq(a.ports.list[1], 65535);
	key_clear(&a, KEY_PORT);
	ck_assert_uint_eq(a.ports.count, 0);
	accepts_one(KEY_PORT, "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16");
	refuses_one(KEY_PORT, "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
	    "16 ports");
	refuses_one(KEY_PORT, "0", "1 to 65535");
	refuses_one(KEY_PORT, "65536", "1 to 65535");
	refuses_one(KEY_PORT, "abc", "1 to 65535");
	refuses_one(KEY_PORT, "-1", "1 to 65535");
	refuses_one(KEY_PORT, "587;25", "1 to 65535");
	refuses_one(KEY_PORT, "587, 0", "1 to 65535");
	refuses_one(KEY_PORT, ",", "at least one");
}
END_TEST

START_TEST(lists)
{
	struct account a;
	struct error e;

	ck_assert_int_eq(store(&a, KEY_AUTH, "plain, Scram-Sha-256", &e), 0);
	ck_assert_uint_eq(a.auth.count, 2);
	ck_assert_str_eq(a.auth.list[0], "PLAIN");
	ck_assert_str_eq(a.auth.list[1], "SCRAM-SHA-256");
	key_clear(&a, KEY_AUTH);
	ck_assert_int_eq(store(&a, KEY_AUTH, "AUTO", &e), 0);
	ck_assert_str_eq(a.auth.list[0], "auto");
	key_clear(&a, KEY_AUTH);
	accepts_one(KEY_AUTH, "none");
	accepts_one(KEY_AUTH, "EXTERNAL SCRAM-SHA-1 LOGIN");
	refuses_one(KEY_AUTH, "PLAIN, non", "SCRAM-SHA-256 SCRAM-SHA-1");
	refuses_one(KEY_AUTH, "auto PLAIN", "stand alone");
	refuses_one(KEY_AUTH, "PLAIN none", "stand alone");
	refuses_one(KEY_AUTH, ", ,", "empty");
	ck_assert_int_eq(store(&a, KEY_MATCH, "*@example.org, *@b.*", &e), 0);
	ck_assert_uint_eq(a.match.count, 2);
	ck_assert_str_eq(a.match.list[1], "*@b.*");
	key_clear(&a, KEY_MATCH);
	ck_assert_ptr_null(a.match.list);
}
END_TEST

START_TEST(hosts)
{
	char path[120];

	stores(KEY_SERVER, "mail.example.org", "mail.example.org");
	accepts_one(KEY_SERVER, "mail.example.org.");
	accepts_one(KEY_SERVER, "localhost");
	accepts_one(KEY_SERVER, "m\xc3\xbcller.example");
	accepts_one(KEY_SERVER, "192.0.2.1");
	stores(KEY_SERVER, "2001:db8::1", "2001:db8::1");
	stores(KEY_SERVER, "[2001:db8::1]", "2001:db8::1");
	accepts_one(KEY_SERVER, "fe80::1%eth0");
	stores(KEY_SERVER, "/run/relay.sock", "/run/relay.sock");
	refuses_one(KEY_SERVER, "smtp://mail.example.org", "not a URL");
	refuses_one(KEY_SERVER, "mail.example.org:587", "port");
	refuses_one(KEY_SERVER, "[2001:db8::1]:587", "port");
	refuses_one(KEY_SERVER, "[mail]", "use a host name");
	refuses_one(KEY_SERVER, "[]", "use a host name");
	refuses_one(KEY_SERVER, "[", "use a host name");
	refuses_one(KEY_SERVER, ".", "use a host name");
	refuses_one(KEY_SERVER, "mail example.org", "use a host name");
	refuses_one(KEY_SERVER, "256.1.1.1", "use a host name");
	refuses_one(KEY_SERVER, "1.2.3", "use a host name");
	refuses_one(KEY_SERVER, "mail..org", "use a host name");
	refuses_one(KEY_SERVER, "fe80::1%", "port");
	refuses_one(KEY_TLS_SERVER_NAME, "/run/x", "no path");
	accepts_one(KEY_TLS_SERVER_NAME, "mail.example.org");
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	refuses_one(KEY_SERVER, path, "too long");
	path[107] = '\0';
	accepts_one(KEY_SERVER, path);
}
END_TEST

START_TEST(addresses)
{
	stores(KEY_FROM, "alice@example.org", "alice@example.org");
	stores(KEY_FROM, "alice", "alice");
	refuses_one(KEY_FROM, "Alice <alice@example.org>", "full_name");
	refuses_one(KEY_FROM, "<alice@example.org>", "alone");
	refuses_one(KEY_FROM, "a@b@c", "from");
	refuses_one(KEY_FROM, "a@b, c@d", "from");
	refuses_one(KEY_FROM, "@", "from");
	stores(KEY_DOMAIN_NAME, "example.org", "example.org");
	accepts_one(KEY_HELO, "[192.0.2.1]");
	refuses_one(KEY_HELO, "a b", "domain");
	refuses_one(KEY_DOMAIN_NAME, "a@b", "domain");
}
END_TEST

START_TEST(paths)
{
	char dir[] = "/tmp/sendoff-keys-XXXXXX";
	char expected[64];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	setenv("HOME", dir, 1);
	setenv("KEY_DIR", "/etc/x", 1);
	setenv("KEY_REL", "x", 1);
	unsetenv("KEY_NONE");
	snprintf(expected, sizeof(expected), "%s/.secret", dir);
	stores(KEY_PASSWORD_FILE, "~/.secret", expected);
	stores(KEY_PASSWORD_FILE, "$KEY_DIR/p", "/etc/x/p");
	stores(KEY_PASSWORD_FILE, "${KEY_DIR}p", "/etc/xp");
	stores(KEY_PASSWORD_FILE, "/a/$KEY_REL/${KEY_REL}.~/", "/a/x/x.~/");
	stores(KEY_TLS_TRUST, "$KEY_DIR/ca.pem", "/etc/x/ca.pem");
	refuses_one(KEY_PASSWORD_FILE, "secret", "absolute path");
	refuses_one(KEY_PASSWORD_FILE, "~bob/secret", "absolute path");
	refuses_one(KEY_PASSWORD_FILE, "/a/$", "$NAME");
	refuses_one(KEY_PASSWORD_FILE, "/a/$1", "$NAME");
	refuses_one(KEY_PASSWORD_FILE, "/a/${KEY_DIR", "$NAME");
	refuses_one(KEY_PASSWORD_FILE, "/a/${}", "$NAME");
	rmdir(dir);
}
END_TEST

/* The surroundings count when a value is stored, not when it is checked. */
START_TEST(paths_surroundings)
{
	struct account a;
	struct error e;

	unsetenv("KEY_NONE");
	setenv("KEY_REL", "x", 1);
	ck_assert_int_eq(key_check(KEY_PASSWORD_FILE, "$KEY_NONE/p", WHERE,
	    &e), 0);
	ck_assert_int_eq(store(&a, KEY_PASSWORD_FILE, "$KEY_NONE/p", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "'KEY_NONE' is not set"));
	ck_assert_int_eq(e.class, ERR_CONFIG);
	ck_assert_int_eq(store(&a, KEY_PASSWORD_FILE, "$KEY_REL/p", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "'x/p', which is no absolute"));
}
END_TEST

/* No error shows a password. */
START_TEST(secrets_hidden)
{
	struct account a;
	struct error e;

	ck_assert_int_eq(store(&a, KEY_PASSWORD, "hush\nhush", &e), -1);
	ck_assert_ptr_null(strstr(e.text, "hush"));
}
END_TEST

#define HALF	"0123456789abcdef0123456789abcdef"
#define DIGITS	HALF HALF

START_TEST(pins)
{
	struct account a;
	struct error e;

	ck_assert_int_eq(store(&a, KEY_TLS_PIN, "SHA256:0123456789ABCDEF012345"
	    "6789abcdef0123456789abcdef0123456789abcdef , sha256:" DIGITS, &e),
	    0);
	ck_assert_uint_eq(a.tls_pin.count, 2);
	ck_assert_str_eq(a.tls_pin.list[0], "sha256:" DIGITS);
	ck_assert_str_eq(a.tls_pin.list[1], "sha256:" DIGITS);
	key_clear(&a, KEY_TLS_PIN);
	refuses_one(KEY_TLS_PIN, DIGITS, "sha256:");
	refuses_one(KEY_TLS_PIN, "sha256:" DIGITS "0", "64");
	refuses_one(KEY_TLS_PIN, "sha256:0123", "64");
	refuses_one(KEY_TLS_PIN, "sha1:" DIGITS, "sha256:");
	refuses_one(KEY_TLS_PIN, "sha256:" DIGITS ", off", "'off'");
	refuses_one(KEY_TLS_PIN, "no", "sha256:");
	refuses_one(KEY_TLS_PIN, ",", "empty");
}
END_TEST

START_TEST(network)
{
	stores(KEY_SOURCE_ADDRESS, "192.0.2.1", "192.0.2.1");
	stores(KEY_SOURCE_ADDRESS, "2001:db8::1", "2001:db8::1");
	refuses_one(KEY_SOURCE_ADDRESS, "localhost", "IP address");
	refuses_one(KEY_SOURCE_ADDRESS, "192.0.2", "IP address");
	stores(KEY_IP_VERSION, "6", "6");
	refuses_one(KEY_IP_VERSION, "5", "any 4 6");
	stores(KEY_TLS_KEY, "pkcs11:token=a;id=b", "pkcs11:token=a;id=b");
	stores(KEY_TLS_CERTIFICATE, "/etc/a.pem", "/etc/a.pem");
	refuses_one(KEY_TLS_CERTIFICATE, "a.pem", "absolute path");
	refuses_one(KEY_TLS_KEY, "pkcs11:object=b?pin-value=1234",
	    "tls_key_password_command");
}
END_TEST

static const struct {
	const char *url, *host, *user, *password;
	unsigned int port;
} proxies[] = {
	{ "socks5h://proxy.example.org:9050", "proxy.example.org", NULL, NULL,
	    9050 },
	{ "SOCKS5H://127.0.0.1", "127.0.0.1", NULL, NULL, 1080 },
	{ "socks5h://[2001:db8::1]:1", "2001:db8::1", NULL, NULL, 1 },
	{ "socks5h://alice:s3cret@h:65535", "h", "alice", "s3cret", 65535 },
	{ "socks5h://a%40b:p%3a%2F%25@h", "h", "a@b", "p:/%", 1080 },
	{ "socks5h://a:b:c@d@h", "h", "a", "b:c@d", 1080 },
};

START_TEST(proxy_urls)
{
	struct account a;
	struct error e;

	ck_assert_msg(store(&a, KEY_PROXY_URL, proxies[_i].url, &e) == 0,
	    "%s", e.text);
	ck_assert_str_eq(a.proxy.host, proxies[_i].host);
	ck_assert_uint_eq(a.proxy.port, proxies[_i].port);
	ck_assert_pstr_eq(a.proxy.user, proxies[_i].user);
	ck_assert_pstr_eq(a.proxy.password, proxies[_i].password);
	key_clear(&a, KEY_PROXY_URL);
	ck_assert_ptr_null(a.proxy.host);
	ck_assert_ptr_null(a.proxy.password);
}
END_TEST

START_TEST(proxy_refused)
{
	static const char *const urls[][2] = {
		{ "proxy.example.org:1080", "socks5h://" },
		{ "socks5://h:1080", "socks5h://" },
		{ "http://h:1080", "socks5h://" },
		{ "socks5h://", "host name" },
		{ "socks5h://h:0", "port" },
		{ "socks5h://h:65536", "port" },
		{ "socks5h://h:", "port" },
		{ "socks5h://h/x", "behind" },
		{ "socks5h://a b", "host name" },
		{ "socks5h://[h]", "brackets" },
		{ "socks5h://alice@h", "password" },
		{ "socks5h://:b@h", "1 to 255" },
		{ "socks5h://a:@h", "1 to 255" },
		{ "socks5h://a:b%zz@h", "%HH" },
		{ "socks5h://a:b%00@h", "%HH" },
		{ "socks5h://a:b%4@h", "%HH" },
	};
	struct account a;
	struct error e;

	refuses_one(KEY_PROXY_URL, urls[_i][0], urls[_i][1]);
	ck_assert_int_eq(store(&a, KEY_PROXY_URL, "socks5://u:hush@h", &e),
	    -1);
	ck_assert_ptr_null(strstr(e.text, "hush"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("keys");
	TCase *tc = tcase_create("keys");

	tcase_add_test(tc, table_is_whole);
	tcase_add_test(tc, nearest);
	tcase_add_test(tc, empty_and_control);
	tcase_add_test(tc, strings);
	tcase_add_test(tc, words);
	tcase_add_test(tc, booleans);
	tcase_add_test(tc, durations);
	tcase_add_test(tc, ports);
	tcase_add_test(tc, lists);
	tcase_add_test(tc, hosts);
	tcase_add_test(tc, addresses);
	tcase_add_test(tc, paths);
	tcase_add_test(tc, paths_surroundings);
	tcase_add_test(tc, secrets_hidden);
	tcase_add_test(tc, pins);
	tcase_add_test(tc, network);
	tcase_add_loop_test(tc, proxy_urls, 0,
	    sizeof proxies / sizeof *proxies);
	tcase_add_loop_test(tc, proxy_refused, 0, 16);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
