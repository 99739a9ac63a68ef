/* SPDX-License-Identifier: ISC */
/*
 * From addresses to recipients: aliases, local_mail_to, domain, and which
 * names are this host's; and the From field, by the same rules.
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/recipients.h"
#include "agent/rewrite.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "config/account.h"
#include "config/file.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/header.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static char dir[] = "/tmp/sendoff-recipients-XXXXXX";
static char *path;
static struct account account;
static struct recipients r;
static struct envelope env;
static struct error e;
static struct buf out;

static void
write_file(const char *text)
{
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(fsio_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

/* An account of those lines; what it had before goes. */
static void
use(const char *lines)
{
	static const struct account_choice any = { NULL, NULL, NULL };
	struct config c;
	bool has_password;

	recipients_release(&r);
	account_release(&account);
	envelope_release(&env);
	envelope_init(&env);
	config_init(&c);
	ck_assert_msg(config_parse(&c, "f", lines, strlen(lines),
	    &has_password, &e) == 0, "%s", e.text);
	ck_assert_msg(account_load_local(&account, &c, &any, &e) == 0, "%s",
	    e.text);
	config_release(&c);
	recipients_init(&r, &account, account.domain == NULL ? "host.example" :
	    account.domain);
	/* Whatever this machine is called. */
	free(r.local.host);
	free(r.local.mail);
	r.local.host = xstrdup("web1");
	r.local.mail = xstrdup("web1.example.net");
	r.local.asked = true;
}

/* The same with an alias file of that text. */
static void
use_file(const char *lines, const char *text)
{
	struct buf all;

	write_file(text);
	buf_init(&all, 4096);
	buf_addf(&all, "aliases = %s\n%s", path, lines);
	use(all.data);
	buf_release(&all);
}

static void
start(void)
{
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = xasprintf("%s/aliases", dir);
	memset(&account, 0, sizeof account);
	memset(&r, 0, sizeof r);
	memset(&e, 0, sizeof e);
	envelope_init(&env);
	buf_init(&out, 64 * 1024 * 1024);
	use("aliases = none\n");
}

static void
finish(void)
{
	recipients_release(&r);
	account_release(&account);
	envelope_release(&env);
	buf_release(&out);
	remove_tree(dir);
	free(path);
}

static int
add(const char *text)
{
	struct address a;
	int rc;

	ck_assert_msg(address_parse(&a, text, strlen(text), &e) == 0, "%s",
	    e.text);
	rc = recipients_add(&r, &a, &env, &e);
	address_release(&a);
	return rc;
}

static void
recipients_are(const char *joined)
{
	size_t i;

	buf_clear(&out);
	for (i = 0; i < env.count; i++)
		buf_addf(&out, "%s%s", i == 0 ? "" : " ",
		    env.list[i].address);
	ck_assert_str_eq(out.data, joined);
}

static void
refused(const char *text, enum error_class class, const char *piece)
{
	size_t before = env.count;

	ck_assert_msg(add(text) == -1, "'%s' is taken", text);
	ck_assert_int_eq(e.class, class);
	ck_assert_msg(strstr(e.text, piece) != NULL, "%s", e.text);
	ck_assert_uint_eq(env.count, before);
}

static const struct {
	const char *lines, *file, *given, *recipients;
} ways[] = {
	/* Without aliases: local_mail_to, else domain. */
	{ "domain = d.org\n", "", "root", "root@d.org" },
	{ "domain = d.org\n", "", "root@localhost", "root@d.org" },
	{ "domain = d.org\n", "", "root@LOCALHOST.localdomain",
	    "root@d.org" },
	{ "domain = d.org\n", "", "root@web1", "root@d.org" },
	{ "domain = d.org\n", "", "root@Web1.example.NET", "root@d.org" },
	{ "domain = d.org\n", "", "root@web1.example.org",
	    "root@web1.example.org" },
	{ "domain = d.org\n", "", "root@web2.example.net",
	    "root@web2.example.net" },
	{ "domain = d.org\n", "", "root@d.org", "root@d.org" },
	{ "domain = d.org\n", "", "root@[127.0.0.1]", "root@[127.0.0.1]" },
	{ "", "", "root", "root@host.example" },
	{ "from = a@d.org\n", "", "root", "root@d.org" },
	{ "domain = d.org\nlocal_mail_to = x@y.org\n", "", "root",
	    "x@y.org" },
	{ "domain = d.org\nlocal_mail_to = x@y.org\n", "", "root@localhost",
	    "x@y.org" },
	{ "domain = d.org\nlocal_mail_to = x@y.org\n", "", "b@d.org",
	    "b@d.org" },
	{ "domain = d.org\nlocal_mail_to = x\n", "x: q@r\n", "root",
	    "x@d.org" },
	{ "domain = d.org\nlocal_mail_to = x@localhost\n", "", "root",
	    "x@d.org" },
	{ "local_mail_to = \"\"a b\"@y.org\"\n", "", "root", "\"a b\"@y.org" },
	/* The account's domain is the relay's, even where the host has it. */
	{ "domain = web1.example.net\n", "a: x@y\n", "a@web1.example.net",
	    "a@web1.example.net" },
	{ "domain = web1.example.net\n", "a: x@y\n", "a@web1", "x@y" },
	{ "domain = localhost\nlocal_mail_to = x@y\n", "", "a@localhost",
	    "a@localhost" },
	{ "from = a@web1\n", "a: x@y\n", "a@web1", "a@web1" },
	/* Aliases go first. */
	{ "domain = d.org\nlocal_mail_to = x@y\n", "root: a@b\n", "root",
	    "a@b" },
	{ "domain = d.org\n", "root: a@b\n", "ROOT@localhost", "a@b" },
	{ "domain = d.org\n", "root: a@b\n", "root@d.org", "root@d.org" },
	{ "domain = d.org\n", "root: a@b\n", "root@x.org", "root@x.org" },
	{ "domain = d.org\n", "root: bob\n", "root", "bob@d.org" },
	{ "domain = d.org\nlocal_mail_to = x@y\n", "root: bob\n", "root",
	    "x@y" },
	{ "domain = d.org\nlocal_mail_to = x@y\n", "root: \\root, c@e\n",
	    "root", "x@y c@e" },
	{ "domain = d.org\n", "root: root, c@e\n", "root",
	    "root@d.org c@e" },
	{ "domain = d.org\n", "root: root@localhost, c@e\n", "root",
	    "root@d.org c@e" },
	{ "domain = d.org\n", "root: \\root@web1\n", "root", "root@d.org" },
	{ "domain = d.org\n", "postmaster: root\nroot: bob@web1\n"
	    "bob: b@c\n", "postmaster", "b@c" },
	{ "domain = d.org\n", "\"a b\": b@c\n", "\"a b\"", "b@c" },
	{ "domain = d.org\n", "a: x@B, x@b, X@b\n", "a", "x@B X@b" },
	/* What is wrong with others is nobody's matter here. */
	{ "domain = d.org\n", "bad line\nroot: a@b\n", "root", "a@b" },
	{ "domain = d.org\n", "bad line\nroot: a@b\n", "bob", "bob@d.org" },
};

START_TEST(way)
{
	use_file(ways[_i].lines, ways[_i].file);
	ck_assert_msg(add(ways[_i].given) == 0, "%s", e.text);
	recipients_are(ways[_i].recipients);
	/* Given again, it is there already. */
	ck_assert_int_eq(add(ways[_i].given), 0);
	recipients_are(ways[_i].recipients);
}
END_TEST

START_TEST(several)
{
	use_file("domain = d.org\n", "root: a@b, c@d\nstaff: c@d, bob, root\n"
	    "bad: c@d, |x\n");
	ck_assert_int_eq(add("c@D"), 0);
	ck_assert_int_eq(add("root"), 0);
	ck_assert_int_eq(add("staff"), 0);
	recipients_are("c@D a@b bob@d.org");
	refused("bad", ERR_CONFIG, "alias 'bad'");
	ck_assert_int_eq(add("bad@x"), 0);
	recipients_are("c@D a@b bob@d.org bad@x");
	recipients_restart(&r);
	envelope_release(&env);
	envelope_init(&env);
	ck_assert_int_eq(add("staff"), 0);
	recipients_are("c@d bob@d.org a@b");
}
END_TEST

START_TEST(refusals)
{
	use_file("domain = d.org\n", "a: b\nb: a\nc: x@y, /f\nd: z@-x-\n"
	    "e x\nf: :fail: gone\ng: :defer: later\nh: q@w, a\n");
	refused("a", ERR_CONFIG, "'a' -> 'b' -> 'a'");
	refused("c", ERR_CONFIG, ":3: alias 'c': it leads to a file");
	refused("d", ERR_CONFIG, ":4: alias 'd': the address 'z@-x-'");
	refused("e", ERR_CONFIG, ":5: alias 'e'");
	refused("f", ERR_RECIPIENT, "gone");
	refused("g", ERR_TEMPORARY, "later");
	refused("h", ERR_CONFIG, "loop");
	refused("x@-x-", ERR_MESSAGE, "x@-x-");
	ck_assert_int_eq(add("i"), 0);
	recipients_are("i@d.org");
	use("aliases = none\nlocal_mail_to = a@-x-\n");
	refused("root", ERR_CONFIG, "f:2: local_mail_to: ");
}
END_TEST

/* What is named must be there, and be a file; the default need not. */
START_TEST(the_file)
{
	struct stat st;

	use_file("", "root: a@b\n");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(recipients_open(&r, &e), -1);
	ck_assert_int_eq(e.class, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(e.text, path));
	ck_assert_ptr_nonnull(strstr(e.text, "f:1: aliases"));
	refused("root", ERR_CONFIG, path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	refused("root", ERR_CONFIG, "no regular file");
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	refused("root", ERR_CONFIG, "no regular file");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(add("x@y"), 0);
	use("aliases = /etc/aliases\n");
	ck_assert_int_eq(recipients_open(&r, &e), 0);
	ck_assert(!r.read);
	use("");
	ck_assert_int_eq(recipients_open(&r, &e), 0);
	ck_assert(!r.read);
	ck_assert_str_eq(account.aliases, "/etc/aliases");
	free(account.aliases);
	account.aliases = xstrdup(path);
	ck_assert_int_eq(stat(path, &st), -1);
	ck_assert_int_eq(add("root"), 0);
	recipients_are("root@host.example");
}
END_TEST

START_TEST(the_size)
{
	use_file("domain = d.org\n", "root: a@b\n");
	ck_assert_int_eq(truncate(path, ALIAS_FILE_MAX + 1), 0);
	refused("root", ERR_CONFIG, "larger than 16 MiB");
	ck_assert_int_eq(truncate(path, ALIAS_FILE_MAX), 0);
	ck_assert_int_eq(add("root"), 0);
	ck_assert_int_eq(add("bob"), 0);
	recipients_are("a@b bob@d.org");
}
END_TEST

START_TEST(full_name)
{
	use("aliases = none\ndomain = d.org\n");
	ck_assert_int_eq(add("a@web1.example.com"), 0);
	r.local.full = xstrdup("web1.Example.com");
	ck_assert_int_eq(add("b@web1.example.com"), 0);
	/* A host that knows its whole name is called nothing else. */
	free(r.local.host);
	r.local.host = xstrdup("web1.example.edu");
	ck_assert_int_eq(add("c@web1.example.com"), 0);
	ck_assert_int_eq(add("d@web1.example.edu"), 0);
	ck_assert_int_eq(add("e@web1"), 0);
	recipients_are("a@web1.example.com b@d.org c@web1.example.com"
	    " d@d.org e@d.org");
}
END_TEST

/* What this machine is called is looked up, whatever comes of it. */
START_TEST(own_name)
{
	struct local_names l;
	char *domain;

	local_init(&l, NULL);
	ck_assert(local_is_host(&l, "localhost"));
	ck_assert(!local_is_host(&l, "nowhere.invalid"));
	if (l.host[0] != '\0') {
		ck_assert(local_is_host(&l, l.host));
		domain = xasprintf("%.*s.nowhere.invalid",
		    (int)strcspn(l.host, "."), l.host);
		ck_assert(!local_is_host(&l, domain));
		free(domain);
	}
	local_release(&l);
}
END_TEST

static const struct {
	const char *when, *name, *in, *want;
} rewrites[] = {
	{ "local", NULL, "From: root\n", "From: me@d.org\r\n" },
	{ "local", NULL, "From: root (Cron Daemon)\n",
	    "From: me@d.org (Cron Daemon)\r\n" },
	{ "local", NULL, "From: \"Root, the\" <root@localhost>\n",
	    "From: \"Root, the\" <me@d.org>\r\n" },
	{ "local", NULL, "From:Root <root@web1>\n",
	    "From:Root <me@d.org>\r\n" },
	{ "local", NULL, "from:\n\tx <root>\n\t(y)\n",
	    "from:\r\n\tx <me@d.org>\r\n\t(y)\r\n" },
	{ "local", NULL, "From: bob@x.org\n", "From: bob@x.org\r\n" },
	{ "local", NULL, "From: bob@d.org\n", "From: bob@d.org\r\n" },
	{ "local", NULL, "From: a, b@x.org, c@localhost\n",
	    "From: me@d.org, b@x.org, me@d.org\r\n" },
	{ "local", NULL, "From: g: a, b@x;\n", "From: g: me@d.org, b@x;\r\n" },
	{ "local", NULL, "From: a b c\n", "From: a b c\r\n" },
	{ "local", NULL, "From:\n", "From:\r\n" },
	{ "local", NULL, "Sender: root\nReply-To: root\nTo: root\n",
	    "Sender: root\r\nReply-To: root\r\nTo: root\r\n" },
	{ "local", NULL, "Resent-From: root\nFrom: root\n",
	    "Resent-From: root\r\nFrom: me@d.org\r\n" },
	{ "local", NULL, "From: a\nFrom: b@x\nFrom: c\n",
	    "From: me@d.org\r\nFrom: b@x\r\nFrom: me@d.org\r\n" },
	{ "never", NULL, "From: root\n", "From: root\r\n" },
	{ "never", NULL, "From: root@localhost\n", "From: root@localhost\r\n" },
	{ "always", NULL, "From: Bob <bob@x.org>\n",
	    "From: Bob <me@d.org>\r\n" },
	{ "always", NULL, "From: a@b, C <c@d>\nTo: a@b\n",
	    "From: me@d.org, C <me@d.org>\r\nTo: a@b\r\n" },
	{ "always", NULL, "To: a@b\nFrom: a b c\nX: y\n",
	    "To: a@b\r\nX: y\r\n" },
	{ "always", NULL, "To: a@b\nFrom:\n", "To: a@b\r\n" },
	{ "always", NULL, "Resent-To: a@b\nFrom: a b c\n",
	    "Resent-To: a@b\r\nFrom: a b c\r\n" },
	{ "always", NULL, "To: a@b\n", "To: a@b\r\n" },
	{ "local", "Al", "From: root\n", "From: Al <me@d.org>\r\n" },
	{ "local", "A.", "From:\n root \n",
	    "From:\r\n \"A.\" <me@d.org> \r\n" },
	{ "local", "", "From: root\n", "From: me@d.org\r\n" },
	{ "local", "Al", "From: root (x)\n", "From: me@d.org (x)\r\n" },
	{ "local", "Al", "From: Bob <root>\n", "From: Bob <me@d.org>\r\n" },
	{ "local", "Al", "From: <root>\n", "From: <me@d.org>\r\n" },
	{ "local", "Al", "From: a, b\n", "From: me@d.org, me@d.org\r\n" },
	{ "local", "Al", "From: bob@x.org\n", "From: bob@x.org\r\n" },
	{ "always", "Al", "From: bob@x.org\n", "From: Al <me@d.org>\r\n" },
};

START_TEST(rewrite)
{
	const struct rewrite rw = { rewrites[_i].when, "me@d.org",
		rewrites[_i].name };
	struct header h;

	use("aliases = none\nfrom = me@d.org\n");
	header_init(&h);
	ck_assert_int_eq(header_parse(&h, rewrites[_i].in,
	    strlen(rewrites[_i].in), &e), 0);
	ck_assert_msg(rewrite_from(&h, &r, &rw, &e) == 0, "%s", e.text);
	ck_assert_int_eq(header_write(&h, &out), 0);
	ck_assert_str_eq(out.data, rewrites[_i].want);
	header_release(&h);
}
END_TEST

/* An address for each comma would make more of the header than there may be. */
START_TEST(rewrite_too_much)
{
	struct rewrite rw = { "local", NULL, NULL };
	struct buf text, address;
	struct header h;
	size_t i;

	buf_init(&text, HEADER_MAX);
	buf_init(&address, 512);
	buf_adds(&text, "From: a");
	for (i = 1; i < 40000; i++)
		buf_adds(&text, ",a");
	buf_adds(&text, "\n");
	for (i = 0; i < 200; i++)
		buf_addc(&address, 'x');
	buf_adds(&address, "@d.org");
	header_init(&h);
	ck_assert_int_eq(header_parse(&h, text.data, text.len, &e), 0);
	rw.address = address.data;
	ck_assert_int_eq(rewrite_from(&h, &r, &rw, &e), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	ck_assert_uint_eq(h.fields[0].len, text.len + 1);
	header_release(&h);
	buf_release(&address);
	buf_release(&text);
}
END_TEST

/* Ten thousand recipients and a hundred thousand aliases, each looked up. */
START_TEST(many)
{
	struct buf text;
	char *name;
	size_t i;

	buf_init(&text, ALIAS_FILE_MAX);
	for (i = 0; i < 100000; i++)
		buf_addf(&text, "u%zu: u%zu@x.org, all\n", i, i);
	buf_adds(&text, "all: all@x.org\n");
	use_file("domain = d.org\n", text.data);
	for (i = 0; i < 10000; i++) {
		name = xasprintf("U%zu", i * 10);
		ck_assert_msg(add(name) == 0, "%s", e.text);
		free(name);
	}
	ck_assert_uint_eq(env.count, 10001);
	ck_assert_str_eq(env.list[10000].address, "u99990@x.org");
	buf_release(&text);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("recipients");
	t = tcase_create("recipients");
	tcase_add_checked_fixture(t, start, finish);
	tcase_add_loop_test(t, way, 0, COUNT(ways));
	tcase_add_test(t, several);
	tcase_add_test(t, refusals);
	tcase_add_test(t, the_file);
	tcase_add_test(t, the_size);
	tcase_add_test(t, full_name);
	tcase_add_test(t, own_name);
	tcase_add_loop_test(t, rewrite, 0, COUNT(rewrites));
	tcase_add_test(t, rewrite_too_much);
	tcase_add_test(t, many);
	suite_add_tcase(s, t);
	return run_suite(s);
}
