/* SPDX-License-Identifier: ISC */
/*
 * Which account is chosen, whose keys it takes, the defaults that depend on
 * other keys, and how it is printed.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/account.h"
#include "config/file.h"
#include "runner.h"

#define PRINT_MAX	(1024 * 1024)

static struct config c;
static struct account a;
static struct error e;

static void
start(void)
{
	config_init(&c);
	memset(&a, 0, sizeof(a));
	memset(&e, 0, sizeof(e));
}

static void
finish(void)
{
	account_release(&a);
	config_release(&c);
}

static void
add_text(const char *name, const char *text)
{
	bool has_password;

	ck_assert_msg(config_parse(&c, name, text, strlen(text),
	    &has_password, &e) == 0, "%s", e.text);
}

static void
only_text(const char *text)
{
	finish();
	add_text("f", text);
}

static int
choose(const char *name, const char *sender, const char *from)
{
	const struct account_choice choice = { name, sender, from };

	account_release(&a);
	memset(&e, 0, sizeof(e));
	return account_load(&a, &c, &choice, &e);
}

static void
chosen(const char *name, const char *sender, const char *from,
    const char *expected)
{
	ck_assert_msg(choose(name, sender, from) == 0, "%s", e.text);
	ck_assert_str_eq(a.name, expected);
}

/* The account of a text, where it has only one. */
static void
load_text(const char *text)
{
	only_text(text);
	ck_assert_msg(choose(NULL, NULL, NULL) == 0, "%s", e.text);
}

static void
load_fails(const char *text, const char *piece)
{
	only_text(text);
	ck_assert_int_eq(choose(NULL, NULL, NULL), -1);
	ck_assert_int_eq(e.class, ERR_CONFIG);
	ck_assert_msg(strstr(e.text, piece) != NULL, "no '%s' in: %s", piece,
	    e.text);
}

static void
set(const char *assignment)
{
	ck_assert_msg(config_set(&c, assignment, &e) == 0, "%s", e.text);
}

START_TEST(smallest)
{
	load_text("server = mail.example.org\nusername = alice\n"
	    "password = secret\n");
	ck_assert_str_eq(a.name, "default");
	ck_assert_str_eq(a.server, "mail.example.org");
	ck_assert_str_eq(a.username, "alice");
	ck_assert_str_eq(a.password, "secret");
	ck_assert_str_eq(a.origin[KEY_PASSWORD], "f:3");
	ck_assert_str_eq(a.text[KEY_PASSWORD], "");
	ck_assert_uint_eq(a.ports.count, 1);
	ck_assert_uint_eq(a.ports.list[0], 587);
	ck_assert(a.starttls);
	ck_assert(!a.implicit_tls);
	ck_assert(!a.allow_plaintext_password);
	ck_assert(a.partial);
	ck_assert_str_eq(a.auth.list[0], "auto");
	ck_assert_str_eq(a.tls_trust, "system");
	ck_assert_str_eq(a.tls_min, "1.2");
	ck_assert_str_eq(a.tls_server_name, "mail.example.org");
	ck_assert_int_eq(a.connect_timeout, 30);
	ck_assert_int_eq(a.timeout, 300);
	ck_assert_str_eq(a.log, "syslog");
	ck_assert_str_eq(a.log_format, "text");
	ck_assert_ptr_null(a.from);
	ck_assert_ptr_null(a.domain);
	ck_assert_ptr_null(a.helo);
	ck_assert_ptr_null(a.tls_priority);
	ck_assert_str_eq(a.origin[KEY_TIMEOUT], "default");
	ck_assert(!account_is_local(&a));
}
END_TEST

START_TEST(no_server)
{
	load_fails("[work]\nusername = x\n", "account 'work' has no server");
	ck_assert_ptr_nonnull(strstr(e.text, "'f'"));
	load_fails("", "account 'default' has no server");
}
END_TEST

static void
transport_is(const char *text, unsigned int port, bool starttls,
    bool implicit_tls)
{
	load_text(text);
	ck_assert_uint_eq(a.ports.count, port == 0 ? 0 : 1);
	if (port != 0)
		ck_assert_uint_eq(a.ports.list[0], port);
	ck_assert_int_eq(a.starttls, starttls);
	ck_assert_int_eq(a.implicit_tls, implicit_tls);
}

START_TEST(transport)
{
	transport_is("server = a\n", 587, true, false);
	transport_is("server = a\nimplicit_tls = yes\n", 465, false, true);
	transport_is("server = a\nstarttls = no\n", 25, false, false);
	transport_is("server = a\nport = 465\n", 465, false, true);
	transport_is("server = a\nport = 2525\n", 2525, true, false);
	transport_is("server = a\nport = 465\nstarttls = no\n", 465, false,
	    true);
	transport_is("server = a\nport = 465\nimplicit_tls = no\n", 465, true,
	    false);
	transport_is("server = a\nimplicit_tls = no\nstarttls = no\n", 25,
	    false, false);
	transport_is("server = a\nimplicit_tls = yes\nstarttls = no\n"
	    "port = 25\n", 25, false, true);
	transport_is("server = a\nport = 465\nimplicit_tls = no\n"
	    "starttls = yes\n", 465, true, false);
	load_text("server = a\nport = 465, 587\n");
	ck_assert(a.starttls);
	ck_assert(!a.implicit_tls);
	load_fails("server = a\nstarttls = yes\nimplicit_tls = yes\n",
	    "exclude each other");
	load_fails("server = a\nstarttls = yes\nport = 465\n",
	    "f:2: starttls = yes with port 465");
}
END_TEST

START_TEST(transport_local)
{
	transport_is("server = /run/s\n", 0, false, false);
	ck_assert(account_is_local(&a));
	ck_assert_ptr_null(a.tls_server_name);
	transport_is("server = /run/s\nport = 465\n", 0, false, false);
	transport_is("server = /run/s\nstarttls = yes\n", 0, true, false);
	transport_is("server = /run/s\nimplicit_tls = yes\n", 0, false, true);
}
END_TEST

START_TEST(domain)
{
	load_text("server = a\nfrom = x@example.org\n");
	ck_assert_str_eq(a.domain, "example.org");
	ck_assert_str_eq(a.origin[KEY_DOMAIN_NAME], "default");
	load_text("server = a\nfrom = x@example.org\ndomain = b.org\n");
	ck_assert_str_eq(a.domain, "b.org");
	load_text("server = a\nfrom = x\n");
	ck_assert_ptr_null(a.domain);
	load_text("server = a\ntls_server_name = b\n");
	ck_assert_str_eq(a.tls_server_name, "b");
}
END_TEST

/* --set, own section, inherited ones, the top; the user's file first. */
START_TEST(precedence)
{
	add_text("sys", "server = top\nhelo = top-sys\nlog = /top\n"
	    "full_name = top\n[base]\nhelo = base\nlog = /base\n"
	    "full_name = base\n[mid]\ninherit = base\nlog = /mid\n"
	    "[own]\ninherit = mid\nhelo = own-sys\nlog = /own-sys\n");
	chosen("own", NULL, NULL, "own");
	ck_assert_str_eq(a.server, "top");
	ck_assert_str_eq(a.helo, "own-sys");
	ck_assert_str_eq(a.log, "/own-sys");
	ck_assert_str_eq(a.full_name, "base");
	ck_assert_str_eq(a.origin[KEY_FULL_NAME], "sys:8");
	chosen("mid", NULL, NULL, "mid");
	ck_assert_str_eq(a.helo, "base");
	ck_assert_str_eq(a.log, "/mid");
	add_text("user", "server = top-user\nhelo = top-user\n"
	    "[own]\nlog = /own-user\n");
	chosen("own", NULL, NULL, "own");
	ck_assert_str_eq(a.server, "top-user");
	ck_assert_str_eq(a.helo, "own-sys");
	ck_assert_str_eq(a.log, "/own-user");
	ck_assert_str_eq(a.origin[KEY_LOG], "user:4");
	set("log=/set1");
	set("log=/set");
	chosen("own", NULL, NULL, "own");
	ck_assert_str_eq(a.log, "/set");
	ck_assert_str_eq(a.origin[KEY_LOG], "--set");
	set("inherit=base");
	chosen("own", NULL, NULL, "own");
	ck_assert_str_eq(a.full_name, "base");
}
END_TEST

START_TEST(inheriting)
{
	only_text("server = a\n[x]\ninherit = y\n[y]\ninherit = z\n"
	    "[z]\ninherit = x\n");
	ck_assert_int_eq(choose("x", NULL, NULL), -1);
	ck_assert_int_eq(e.class, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(e.text, "'x' -> 'y' -> 'z' -> 'x'"));
	ck_assert_ptr_nonnull(strstr(e.text, "f:7: "));
	load_fails("server = a\n[x]\ninherit = x\n", "'x' -> 'x'");
	load_fails("server = a\n[x]\ninherit = nobody\n",
	    "f:3: there is no account 'nobody': use one of 'x'");
	load_fails("server = a\n[x]\ninherit = X\n", "no account 'X'");
	load_text("server = a\n[default]\ninherit = t\n[t]\nhelo = t\n");
	ck_assert_str_eq(a.helo, "t");
	/* What --set names is no better. */
	only_text("server = a\n");
	set("inherit=b");
	ck_assert_int_eq(choose(NULL, NULL, NULL), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "--set: there is no account"));
}
END_TEST

static const char accounts[] = "server = a\n"
    "default_account = other\n"
    "[home]\nfrom = alice@example.org\nmatch = *@home.example, *@both\n"
    "[work]\nfrom = alice@work.example\nmatch = *@WORK.example *@both\n"
    "[glob]\nmatch = *@example.org\n"
    "[bare]\nfrom = bob\ndomain = bare.example\n"
    "[other]\n";

START_TEST(choosing)
{
	add_text("f", accounts);
	chosen("work", "alice@example.org", NULL, "work");
	chosen(NULL, "alice@example.org", NULL, "home");
	chosen(NULL, "alice@EXAMPLE.org", NULL, "home");
	/* The local part is exact: then the pattern fits. */
	chosen(NULL, "Alice@example.org", NULL, "glob");
	chosen(NULL, "x@home.example", NULL, "home");
	chosen(NULL, "x@Work.Example", NULL, "work");
	chosen(NULL, "x@both", NULL, "home");
	chosen(NULL, "bob", NULL, "bare");
	chosen(NULL, "bob@bare.example", NULL, "bare");
	chosen(NULL, "bob@elsewhere", NULL, "other");
	/* The From field counts where the sender selects nothing. */
	chosen(NULL, NULL, "alice@work.example", "work");
	chosen(NULL, "", "alice@work.example", "work");
	chosen(NULL, "x@nowhere", "alice@work.example", "work");
	chosen(NULL, "x@home.example", "alice@work.example", "home");
	chosen(NULL, "x@nowhere", "y@nowhere", "other");
	chosen(NULL, "no <address", "@", "other");
	chosen(NULL, NULL, NULL, "other");
	set("default_account=work");
	chosen(NULL, NULL, NULL, "work");
	/* Where several fit, the default one is among the equals the first. */
	chosen(NULL, "x@both", NULL, "work");
}
END_TEST

START_TEST(choosing_default)
{
	only_text("server = a\n[x]\n[default]\n");
	chosen(NULL, NULL, NULL, "default");
	only_text("server = a\n[only]\n");
	chosen(NULL, "q@r", NULL, "only");
	load_fails("server = a\n[x]\n[y]\n", "'x', 'y'");
	ck_assert_ptr_nonnull(strstr(e.text, "-a"));
	load_fails("server = a\ndefault_account = z\n[x]\n",
	    "f:2: there is no account 'z': use one of 'x'");
	only_text("server = a\n[x]\n[y]\n");
	ck_assert_int_eq(choose("X", NULL, NULL), -1);
	ck_assert_int_eq(e.class, ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(e.text, "no account 'X': use one of "
	    "'x', 'y'"));
	ck_assert_int_eq(choose("default", NULL, NULL), -1);
	only_text("server = a\n");
	chosen("default", NULL, NULL, "default");
	/* The last file that names one wins. */
	only_text("server = a\ndefault_account = x\n[x]\n[y]\n");
	add_text("user", "default_account = y\n");
	chosen(NULL, NULL, NULL, "y");
}
END_TEST

/* An address that all accounts take from above them selects the default. */
START_TEST(choosing_inherited)
{
	only_text("server = a\nfrom = x@y\ndefault_account = two\n"
	    "[one]\n[two]\n[three]\n");
	chosen(NULL, "x@y", NULL, "two");
	only_text("server = a\nfrom = x@y\n[one]\n[two]\n[three]\n");
	chosen(NULL, "x@y", NULL, "one");
}
END_TEST

START_TEST(many_accounts)
{
	char text[64];
	int i;

	for (i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "[account-%d]\nserver = a\n", i);
		add_text("f", text);
	}
	ck_assert_int_eq(choose(NULL, NULL, NULL), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "set default_account"));
	chosen("account-199", NULL, NULL, "account-199");
}
END_TEST

/* Of the sources of a password the nearest one counts. */
START_TEST(password_sources)
{
	only_text("server = a\npassword = top\n[x]\npassword_file = /p\n"
	    "[y]\ninherit = x\npassword_command = c\n[z]\ninherit = y\n"
	    "password = own\n");
	chosen("x", NULL, NULL, "x");
	ck_assert_ptr_null(a.password);
	ck_assert_str_eq(a.password_file, "/p");
	chosen("y", NULL, NULL, "y");
	ck_assert_ptr_null(a.password);
	ck_assert_ptr_null(a.password_file);
	ck_assert_str_eq(a.password_command, "c");
	chosen("z", NULL, NULL, "z");
	ck_assert_str_eq(a.password, "own");
	ck_assert_ptr_null(a.password_command);
	/* The user's file is nearer than the system's. */
	add_text("user", "[z]\npassword_file = /user\n");
	chosen("z", NULL, NULL, "z");
	ck_assert_ptr_null(a.password);
	ck_assert_str_eq(a.password_file, "/user");
	set("password_command=s");
	chosen("z", NULL, NULL, "z");
	ck_assert_ptr_null(a.password_file);
	ck_assert_str_eq(a.password_command, "s");
	set("password=last");
	chosen("z", NULL, NULL, "z");
	ck_assert_str_eq(a.password, "last");
	ck_assert_ptr_null(a.password_command);
}
END_TEST

/* What the surroundings lack is an error only for the account that is used. */
START_TEST(surroundings)
{
	unsetenv("ACCOUNT_NONE");
	only_text("server = a\n[x]\n[y]\npassword_file = $ACCOUNT_NONE/p\n");
	chosen("x", NULL, NULL, "x");
	ck_assert_int_eq(choose("y", NULL, NULL), -1);
	ck_assert_int_eq(e.class, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(e.text, "f:4: password_file"));
}
END_TEST

/* Printing */

/* The text without its comments, owned. */
static char *
settings_only(const struct buf *text)
{
	struct buf out;
	const char *p, *end;

	buf_init(&out, PRINT_MAX);
	for (p = text->data; *p != '\0'; p = end + 1) {
		end = strchr(p, '\n');
		ck_assert_ptr_nonnull(end);
		if (*p != '#')
			buf_add(&out, p, (size_t)(end + 1 - p));
	}
	return buf_steal(&out);
}

static char *
print(struct buf *whole)
{
	buf_init(whole, PRINT_MAX);
	account_print(&a, whole);
	ck_assert(!whole->overflow);
	return settings_only(whole);
}

/* What is printed reads back, and is then printed the same. */
static void
reads_back(const char *name)
{
	struct buf first, second;
	char *settings, *again;

	settings = print(&first);
	finish();
	add_text("printed", first.data);
	chosen(NULL, NULL, NULL, name);
	again = print(&second);
	ck_assert_str_eq(settings, again);
	free(settings);
	free(again);
	buf_release(&first);
	buf_release(&second);
}

START_TEST(printing_text)
{
	struct buf out;

	load_text("[home]\nserver = mail.example.org\nusername = alice\n"
	    "password = hush\nport = 465\nfull_name = \" A ; B\"\n");
	free(print(&out));
	ck_assert_ptr_eq(strstr(out.data, "[home]\n# f:2\n"
	    "server = mail.example.org\n# f:5\nport = 465\n"
	    "# default\nstarttls = no\n# default\nimplicit_tls = yes\n"
	    "# f:3\nusername = alice\n"
	    "# f:4\n# password = ******** (set, not shown)\n"), out.data);
	ck_assert_ptr_nonnull(strstr(out.data, "\nfull_name = \" A ; B\"\n"));
	ck_assert_ptr_nonnull(strstr(out.data, "# default\ntimeout = 5m\n"));
	ck_assert_ptr_null(strstr(out.data, "hush"));
	ck_assert_ptr_null(strstr(out.data, "helo"));
	buf_release(&out);
}
END_TEST

START_TEST(printing_reads_back)
{
	load_text("server = mail.example.org\nusername = alice\n");
	reads_back("default");
	load_text("server = /run/s\nport = 25\npassword_command = pass x\n");
	reads_back("default");
	load_text("[a b]\nserver = [2001:db8::1]\nport = 465, 587\n"
	    "from = \"\"a ; b\"@example.org\"\nmatch = *@a,*@b\n"
	    "full_name = \"\"quoted\"\"\nhelo: [192.0.2.1]\nauth = PLAIN\n"
	    "log = ~/log\npassword_file = /a;b\ntls_priority = NORMAL\n");
	reads_back("a b");
	load_text("server = a\nstarttls = no\nimplicit_tls = no\n");
	reads_back("default");
	load_text("server = a\nport = 465\nimplicit_tls = no\n");
	reads_back("default");
}
END_TEST

/* Lines of every length up to the longest read back. */
START_TEST(printing_long)
{
	char value[256], text[512];
	size_t len;

	for (len = 170; len <= CONFIG_LINE_MAX - 10; len++) {
		memset(value, 'v', len);
		value[len] = '\0';
		snprintf(text, sizeof(text), "server=a\nfull_name=%s\n",
		    value);
		load_text(text);
		reads_back("default");
		ck_assert_str_eq(a.full_name, value);
		if (len + 2 > CONFIG_LINE_MAX - 10)
			continue;
		value[0] = value[len - 1] = ' ';
		snprintf(text, sizeof(text), "server=a\nfull_name=\"%s\"\n",
		    value);
		load_text(text);
		reads_back("default");
		ck_assert_str_eq(a.full_name, value);
	}
	/* A default that has no room is shown all the same. */
	memset(value, 's', 190);
	for (len = 50; len < 190; len += 50)
		value[len] = '.';
	value[190] = '\0';
	snprintf(text, sizeof(text), "server=%s\n", value);
	load_text(text);
	reads_back("default");
	ck_assert_str_eq(a.tls_server_name, value);
}
END_TEST

/* sample.conf */

/* The sample with "#" taken away from its settings, owned. */
static char *
read_sample(void)
{
	const char *top = getenv("TOP_SRCDIR");
	char *path = xasprintf("%s/sample.conf", top == NULL ? "." : top);
	struct buf text, out;
	const char *p;
	int fd;

	fd = fsio_open_regular(path, NULL);
	ck_assert_msg(fd != -1, "cannot open '%s'", path);
	buf_init(&text, CONFIG_FILE_MAX);
	buf_init(&out, CONFIG_FILE_MAX);
	ck_assert_int_eq(fsio_read_all(fd, &text), 0);
	close(fd);
	for (p = text.data; *p != '\0'; p++)
		if (*p != '#' || (p != text.data && p[-1] != '\n') ||
		    (!ascii_isalpha(p[1]) && p[1] != '['))
			buf_addc(&out, *p);
	buf_release(&text);
	free(path);
	return buf_steal(&out);
}

/* It works uncommented, has each key, and shows the true defaults. */
START_TEST(sample)
{
	char *text = read_sample();
	struct account plain;
	bool seen[KEY_COUNT] = { false };
	size_t i;

	load_text("server = mail.example.org\n");
	plain = a;
	memset(&a, 0, sizeof(a));
	only_text(text);
	chosen(NULL, NULL, NULL, "home");
	ck_assert_ptr_nonnull(a.password_command);
	chosen("work", NULL, NULL, "work");
	ck_assert_ptr_nonnull(a.password_file);
	for (i = 0; i < c.count; i++)
		seen[c.settings[i].key] = true;
	for (i = 0; i < KEY_COUNT; i++) {
		ck_assert_msg(seen[i], "no %s", key_table[i].name);
		if (key_table[i].preset != NULL)
			ck_assert_str_eq(a.text[i], plain.text[i]);
	}
	account_release(&plain);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("account");
	TCase *tc = tcase_create("account");

	tcase_add_checked_fixture(tc, start, finish);
	tcase_add_test(tc, smallest);
	tcase_add_test(tc, no_server);
	tcase_add_test(tc, transport);
	tcase_add_test(tc, transport_local);
	tcase_add_test(tc, domain);
	tcase_add_test(tc, precedence);
	tcase_add_test(tc, inheriting);
	tcase_add_test(tc, choosing);
	tcase_add_test(tc, choosing_default);
	tcase_add_test(tc, choosing_inherited);
	tcase_add_test(tc, many_accounts);
	tcase_add_test(tc, password_sources);
	tcase_add_test(tc, surroundings);
	tcase_add_test(tc, printing_text);
	tcase_add_test(tc, printing_reads_back);
	tcase_add_test(tc, printing_long);
	tcase_add_test(tc, sample);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
