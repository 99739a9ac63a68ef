/* SPDX-License-Identifier: ISC */
/*
 * The command line: sendmail's ways, and what is refused.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/options.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))
#define WORDS_MAX	12

static struct invocation inv;
static struct error e;
static char *words[WORDS_MAX + 1];
static int word_count;

static void
start(void)
{
	options_init(&inv);
}

static void
finish(void)
{
	options_release(&inv);
	while (word_count > 0)
		free(words[--word_count]);
}

/* Parses a line of words, which single blanks part ("_" is an empty one). */
static int
run(const char *line)
{
	const char *end;
	int rc;

	finish();
	options_init(&inv);
	while (*line != '\0') {
		end = line + strcspn(line, " ");
		ck_assert_int_lt(word_count, WORDS_MAX);
		words[word_count++] = strncmp(line, "_", (size_t)(end -
		    line)) == 0 ? xstrdup("") :
		    xstrndup(line, (size_t)(end - line));
		line = *end == ' ' ? end + 1 : end;
	}
	words[word_count] = NULL;
	rc = options_parse(&inv, word_count, words, &e);
	if (rc == -1)
		ck_assert_int_eq(e.class, ERR_USAGE);
	return rc;
}

static void
takes(const char *line)
{
	ck_assert_msg(run(line) == 0, "'%s': %s", line, e.text);
}

/* Refused with a text that holds the piece. */
static void
refuses(const char *line, const char *piece)
{
	ck_assert_msg(run(line) == -1, "'%s' is taken", line);
	ck_assert_msg(strstr(e.text, piece) != NULL, "'%s': %s", line,
	    e.text);
}

static void
recipients_are(const char *joined)
{
	struct buf b;
	size_t i;

	buf_init(&b, 1000);
	for (i = 0; i < inv.recipient_count; i++)
		buf_addf(&b, "%s%s", i == 0 ? "" : " ", inv.recipients[i]);
	ck_assert_str_eq(b.data, joined);
	buf_release(&b);
}

START_TEST(none)
{
	takes("sendoff");
	ck_assert_int_eq(inv.mode, MODE_SUBMIT);
	ck_assert(!inv.as_sendmail && !inv.from_header && !inv.dot_ignored);
	ck_assert(!inv.verbose && !inv.json);
	ck_assert_ptr_null(inv.sender);
	ck_assert_ptr_null(inv.full_name);
	ck_assert_ptr_null(inv.config);
	ck_assert_ptr_null(inv.account);
	ck_assert_ptr_null(inv.tag);
	ck_assert_uint_eq(inv.setting_count, 0);
	recipients_are("");
	takes("");
	ck_assert_int_eq(inv.mode, MODE_SUBMIT);
	recipients_are("");
}
END_TEST

static const struct {
	const char *line;
	bool from_header, dot_ignored;
} clusters[] = {
	{ "sendoff -t", true, false }, { "sendoff -i", false, true },
	{ "sendoff -ti", true, true }, { "sendoff -it", true, true },
	{ "sendoff -t -t", true, false }, { "sendoff -tt", true, false },
	{ "sendoff -tti -i", true, true }, { "sendoff -t -i", true, true },
	{ "sendoff -oi", false, true }, { "sendoff -oitrue", false, true },
	{ "sendoff -oiTRUE", false, true }, { "sendoff -toi", true, true },
	{ "sendoff -tv -oi", true, true }, { "sendoff -o i", false, true },
	{ "sendoff -tvi", true, true }, { "sendoff -odi -oem", false, false },
	{ "sendoff -Fi -Lt", false, false }, { "sendoff -d9ti", false, false },
	{ "sendoff -- -t -i", false, false },
	{ "sendoff -OIgnoreDots=true", false, true },
	{ "sendoff -O ignoredots=1", false, true },
	{ "sendoff -i -OIgnoreDots=False", false, false },
	{ "sendoff -OIgnoreDots", false, false },
};

START_TEST(clustered)
{
	takes(clusters[_i].line);
	ck_assert(inv.from_header == clusters[_i].from_header);
	ck_assert(inv.dot_ignored == clusters[_i].dot_ignored);
}
END_TEST

static const char *const senders[] = {
	"sendoff -f a@b c@d", "sendoff -fa@b c@d", "sendoff c@d -f a@b",
	"sendoff c@d -fa@b", "sendoff -r a@b c@d", "sendoff -ra@b -- c@d",
	"sendoff -tf a@b c@d", "sendoff -itfa@b c@d", "sendoff -f a@b -- c@d",
	"/usr/sbin/sendmail -oi -f a@b c@d", "sendoff -vifa@b c@d",
};

START_TEST(joined_or_apart)
{
	takes(senders[_i]);
	ck_assert_str_eq(inv.sender, "a@b");
	recipients_are("c@d");
}
END_TEST

/* What stands behind an option that takes an argument is its argument. */
START_TEST(arguments_that_look_like_options)
{
	takes("sendoff -f -t a@b");
	ck_assert_str_eq(inv.sender, "-t");
	ck_assert(!inv.from_header);
	takes("sendoff -F -- -t");
	ck_assert_str_eq(inv.full_name, "--");
	ck_assert(inv.from_header);
	takes("sendoff -f- x");
	ck_assert_str_eq(inv.sender, "-");
	takes("sendoff -d -t x");
	ck_assert(inv.verbose && inv.from_header);
	recipients_are("x");
}
END_TEST

START_TEST(null_sender)
{
	takes("sendoff -f _ a@b");
	ck_assert_ptr_nonnull(inv.sender);
	ck_assert_str_eq(inv.sender, "");
	recipients_are("a@b");
	takes("sendoff -f <> a@b");
	ck_assert_ptr_nonnull(inv.sender);
	recipients_are("a@b");
	takes("sendoff a@b -r _");
	ck_assert_str_eq(inv.sender, "");
	refuses("sendoff a@b -f", "-f");
	refuses("sendoff -r", "-r");
}
END_TEST

START_TEST(behind_recipients)
{
	takes("sendoff a@b -t c@d -i -F Name e@f -v --json g@h");
	recipients_are("a@b c@d e@f g@h");
	ck_assert(inv.from_header && inv.dot_ignored && inv.verbose);
	ck_assert(inv.json);
	ck_assert_str_eq(inv.full_name, "Name");
}
END_TEST

START_TEST(end_of_options)
{
	takes("sendoff -t -- -oQ/x@y --json -t --");
	recipients_are("-oQ/x@y --json -t --");
	ck_assert(inv.from_header && !inv.json);
	takes("sendoff a@b -- -c@d");
	recipients_are("a@b -c@d");
	takes("sendoff --");
	recipients_are("");
}
END_TEST

static const struct {
	const char *name;
	bool as_sendmail;
} names[] = {
	{ "sendmail", true }, { "/usr/sbin/sendmail", true },
	{ "./x/y/sendmail", true }, { "/sendmail", true },
	{ "newaliases", true }, { "/usr/bin/newaliases", true },
	{ "sendoff", false }, { "/usr/bin/sendoff", false },
	{ "/usr/sbin/sendmail/sendoff", false }, { "xsendmail", false },
	{ "sendmail.sendoff", false }, { "/", false }, { "_", false },
	{ "mailq", true }, { "/usr/bin/mailq", true },
	{ "/usr/lib/sendmail", true }, { "xmailq", false },
};

START_TEST(called_as)
{
	takes(names[_i].name);
	ck_assert(inv.as_sendmail == names[_i].as_sendmail);
}
END_TEST

static const struct {
	const char *line;
	enum mode mode;
} queue_modes[] = {
	{ "mailq", MODE_LIST_QUEUE }, { "/usr/bin/mailq", MODE_LIST_QUEUE },
	{ "../bin/mailq -v -Ac", MODE_LIST_QUEUE },
	{ "mailq --json", MODE_LIST_QUEUE },
	{ "sendmail -bp", MODE_LIST_QUEUE },
	{ "sendmail -b p", MODE_LIST_QUEUE },
	{ "sendoff -bp --json", MODE_LIST_QUEUE },
	{ "mailq -q", MODE_LIST_QUEUE }, { "sendmail -q", MODE_FLUSH },
	{ "sendmail -bp -qRx", MODE_LIST_QUEUE },
	{ "sendmail -q1h -bp", MODE_LIST_QUEUE },
	{ "sendmail -bs -q30m", MODE_SERVER },
	{ "sendmail -q30m", MODE_FLUSH }, { "sendmail -qRx", MODE_FLUSH },
	{ "sendmail -qISomeId", MODE_FLUSH }, { "sendoff -vq", MODE_FLUSH },
	{ "sendmail -q -odi", MODE_FLUSH }, { "mailq -bm", MODE_SUBMIT },
};

START_TEST(empty_queue)
{
	takes(queue_modes[_i].line);
	ck_assert_int_eq(inv.mode, queue_modes[_i].mode);
}
END_TEST

/* Words of strangers reach these names. */
START_TEST(no_account_file_under_sendmail)
{
	refuses("sendmail -C /tmp/x a@b", "-C");
	refuses("/usr/sbin/sendmail -C/tmp/x a@b", "-C");
	refuses("/usr/lib/sendmail -tiC/tmp/x", "-C");
	refuses("sendmail a@b -C /tmp/x", "-C");
	refuses("sendmail --config /tmp/x", "--config");
	refuses("sendmail --config=/tmp/x", "--config");
	refuses("sendmail --set a=b", "--set");
	refuses("sendmail --set=password_command=id a@b", "--set");
	refuses("sendmail -C /tmp/x", "sendoff");
	refuses("mailq -C /tmp/x", "-C");
	refuses("/usr/bin/mailq --config=/tmp/x", "--config");
	refuses("mailq --set a=b", "--set");
	refuses("newaliases -C /tmp/x", "-C");
	refuses("/usr/bin/newaliases --set aliases=/tmp/x", "--set");
	ck_assert_ptr_null(inv.config);
	takes("sendmail -- -C/tmp/x");
	recipients_are("-C/tmp/x");
}
END_TEST

START_TEST(account_files)
{
	takes("sendoff -C /tmp/x");
	ck_assert_str_eq(inv.config, "/tmp/x");
	takes("sendoff -C/tmp/y");
	ck_assert_str_eq(inv.config, "/tmp/y");
	takes("sendoff --config /tmp/x a@b");
	ck_assert_str_eq(inv.config, "/tmp/x");
	recipients_are("a@b");
	takes("sendoff --config=/tmp/=y");
	ck_assert_str_eq(inv.config, "/tmp/=y");
	takes("sendoff --set a=b --set=c=d=e a@b");
	ck_assert_uint_eq(inv.setting_count, 2);
	ck_assert_str_eq(inv.settings[0], "a=b");
	ck_assert_str_eq(inv.settings[1], "c=d=e");
	takes("sendmail -a home");
	ck_assert_str_eq(inv.account, "home");
	takes("sendoff -ahome");
	ck_assert_str_eq(inv.account, "home");
	takes("sendoff --account=home");
	ck_assert_str_eq(inv.account, "home");
	takes("sendoff --account home x");
	ck_assert_str_eq(inv.account, "home");
	recipients_are("x");
}
END_TEST

START_TEST(modes)
{
	takes("sendoff -bm a@b");
	ck_assert_int_eq(inv.mode, MODE_SUBMIT);
	takes("sendoff -b m a@b");
	recipients_are("a@b");
	takes("sendoff --dry-run a@b");
	ck_assert_int_eq(inv.mode, MODE_DRY_RUN);
	takes("sendoff --print-config");
	ck_assert_int_eq(inv.mode, MODE_PRINT_CONFIG);
	takes("sendoff -bv a@b");
	ck_assert_int_eq(inv.mode, MODE_VERIFY);
	recipients_are("a@b");
	takes("sendoff -bi");
	ck_assert_int_eq(inv.mode, MODE_ALIASES);
	takes("sendoff -I");
	ck_assert_int_eq(inv.mode, MODE_ALIASES);
	takes("newaliases");
	ck_assert_int_eq(inv.mode, MODE_ALIASES);
	takes("/usr/bin/newaliases -v");
	ck_assert_int_eq(inv.mode, MODE_ALIASES);
	takes("sendoff --help");
	ck_assert_int_eq(inv.mode, MODE_HELP);
	takes("sendoff --version");
	ck_assert_int_eq(inv.mode, MODE_VERSION);
}
END_TEST

static const struct {
	const char *line, *piece;
} bad[] = {
	{ "sendoff -Z", "-Z" }, { "sendoff -tZ", "-tZ" },
	{ "sendoff -tiZ a@b", "Z" }, { "sendoff --nope", "--nope" },
	{ "sendoff --nope=1", "--nope" }, { "sendoff -", "'-'" },
	{ "sendoff --jso", "--jso" }, { "sendoff --JSON", "--JSON" },
	{ "sendoff --t", "--t" }, { "sendoff --f=a@b", "--f" },
	{ "sendoff --=x", "--=x" }, { "sendoff a@b -Z", "-Z" },
	{ "sendoff -\303\244", "\303\244" }, { "sendoff --json=1", "--json" },
	{ "sendoff --account", "--account" }, { "sendoff --set", "--set" },
	{ "sendoff -F", "-F" }, { "sendoff -C", "-C" },
	{ "sendoff -a", "-a" }, { "sendoff -tif", "-f" },
	{ "sendoff -B 9BIT", "9BIT" }, { "sendoff -bz", "z" },
	{ "sendoff -b", "-b" },
	{ "sendmail -bd", "-bd" },
	{ "sendmail -bd -q30m", "-bd" }, { "sendmail -bD", "-bD" },
	{ "sendmail -odq a@b", "queue" }, { "sendmail -odd a@b", "queue" },
	{ "sendmail -O DeliveryMode=queue a@b", "queue" },
	{ "sendmail -OdeliveryMODE=q a@b", "queue" },
	{ "sendmail -bp a@b", "'a@b'" }, { "mailq a@b", "'a@b'" },
	{ "newaliases a@b", "'a@b'" }, { "sendmail -bi -t", "-t" },
	{ "mailq -t", "-t" }, { "sendmail -q a@b", "'a@b'" },
	{ "sendmail -q 30m", "'30m'" }, { "sendmail -t -q", "-t" },
	{ "sendmail -N sometimes", "-N" }, { "sendmail -R half", "-R" },
	{ "sendmail -N success,never", "never" }, { "sendmail -N _", "-N" },
	{ "sendmail -N delay,", "delay," }, { "sendmail -R _", "-R" },
	{ "sendmail -V \303\244", "-V" }, { "sendmail -V _", "-V" },
	{ "sendmail -V", "-V" },
};

START_TEST(refused)
{
	refuses(bad[_i].line, bad[_i].piece);
}
END_TEST

/* -N in any case and order; joined and apart. */
static const struct {
	const char *line;
	unsigned notify;
	enum dsn_return ret;
	const char *envid;
} notifications[] = {
	{ "sendmail a@b", 0, DSN_RETURN_UNSAID, NULL },
	{ "sendmail -N never a@b", DSN_NEVER, DSN_RETURN_UNSAID, NULL },
	{ "sendmail -Nsuccess a@b", DSN_SUCCESS, DSN_RETURN_UNSAID, NULL },
	{ "sendmail a@b -N DELAY,failure,Success", DSN_SUCCESS | DSN_FAILURE |
	    DSN_DELAY, DSN_RETURN_UNSAID, NULL },
	{ "sendmail -N never -N failure a@b", DSN_FAILURE,
	    DSN_RETURN_UNSAID, NULL },
	{ "sendmail -Rhdrs a@b", 0, DSN_RETURN_HDRS, NULL },
	{ "sendmail -R FULL a@b -V x+y=z", 0, DSN_RETURN_FULL, "x+y=z" },
	{ "sendmail -Vid -ti", 0, DSN_RETURN_UNSAID, "id" },
};

START_TEST(notified)
{
	takes(notifications[_i].line);
	ck_assert_uint_eq(inv.notify, notifications[_i].notify);
	ck_assert_int_eq(inv.dsn_return, notifications[_i].ret);
	ck_assert_pstr_eq(inv.envid, notifications[_i].envid);
}
END_TEST

/* Each with its argument: what stands behind is a recipient. */
static const char *const accepted[] = {
	"-A c", "-Am", "-G", "-h 5", "-h5", "-m", "-n", "-o Xx", "-o7",
	"-O a=b", "-Oa=b", "-p smtp", "-psmtp", "-s", "-U", "-x", "-M id",
	"-Mid", "-Q", "-Qreason", "-X /tmp/log", "-X/tmp/log", "-D /tmp/x",
	"-e m", "-em", "-B 7BIT", "-B8BITMIME", "-B8bitmime", "-odi", "-odb",
	"-oem", "-oep", "-oeq", "-oew", "-oee", "-d", "-d0.1", "-L tag",
	"-Ltag", "-v", "-oQ/tmp/x", "-mnx", "-Gs", "-c", "-T", "-om",
	"-ODeliveryMode=b", "-O DeliveryMode=interactive", "-OErrorMode=m",
};

START_TEST(without_meaning)
{
	char line[100];

	snprintf(line, sizeof line, "sendmail %s a@b", accepted[_i]);
	takes(line);
	recipients_are("a@b");
	ck_assert_int_eq(inv.mode, MODE_SUBMIT);
	ck_assert(!inv.from_header && !inv.dot_ignored);
}
END_TEST

/* -v names what was ignored; nothing is made. */
START_TEST(ignored)
{
	char path[] = "/tmp/sendoff-options-XXXXXX";
	char line[100];
	int fd;

	fd = mkstemp(path);
	ck_assert_int_ne(fd, -1);
	close(fd);
	ck_assert_int_eq(unlink(path), 0);
	snprintf(line, sizeof line, "sendmail -X %s -D%s -G a@b", path, path);
	takes(line);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_uint_eq(inv.ignored_count, 3);
	ck_assert(str_starts(inv.ignored[0], "-X"));
	ck_assert_ptr_nonnull(strstr(inv.ignored[0], path));
	ck_assert(str_starts(inv.ignored[1], "-D"));
	ck_assert_str_eq(inv.ignored[2], "-G");
	takes("sendmail -oi -odi -oem -v -t");
	ck_assert_uint_eq(inv.ignored_count, 0);
}
END_TEST

static int
run_two(const char *option, const char *value)
{
	char name[] = "sendoff";
	char *argv[4] = { name, xstrdup(option), xstrdup(value), NULL };
	int rc;

	options_release(&inv);
	rc = options_parse(&inv, 3, argv, &e);
	ck_assert(rc == 0 || e.class == ERR_USAGE);
	if (rc == 0 && strcmp(option, "-F") == 0)
		ck_assert_str_eq(inv.full_name, value);
	options_release(&inv);
	free(argv[1]);
	free(argv[2]);
	return rc;
}

START_TEST(names_and_tags)
{
	char *long_name = xmalloc(10241);

	memset(long_name, 'x', 10240);
	long_name[10240] = '\0';
	ck_assert_int_eq(run_two("-F", long_name), 0);
	ck_assert_int_eq(run_two("-F", "J\303\274rgen \"x\" \\ <y>"), 0);
	ck_assert_int_eq(run_two("-F", ""), 0);
	ck_assert_int_eq(run_two("-F", "a\r\nBcc: b@c"), -1);
	ck_assert_int_eq(run_two("-F", "a\nb"), -1);
	ck_assert_int_eq(run_two("-F", "a\rb"), -1);
	ck_assert_int_eq(run_two("-F", "a\033b"), -1);
	/* ISO-8859-1, as in old passwd files. */
	takes("sendoff -Fa\374b");
	ck_assert_str_eq(inv.full_name, "a\303\274b");
	ck_assert_int_eq(run_two("-L", "a\nb"), -1);
	ck_assert_int_eq(run_two("-L", "a b"), 0);
	free(long_name);
}
END_TEST

/* Exim's settings of a message have their argument in the next word. */
START_TEST(settings_of_a_message)
{
	takes("sendmail -oMr local -oMa 1.2.3.4 -oMsrelay -oMi -i a@b c@d");
	ck_assert_uint_eq(inv.recipient_count, 2);
	ck_assert_str_eq(inv.recipients[0], "a@b");
	ck_assert(inv.dot_ignored);
	takes("sendmail a@b -oMr");
	ck_assert_uint_eq(inv.recipient_count, 1);
}
END_TEST

START_TEST(large)
{
	const size_t n = 10000;
	char **argv = xcalloc(n + 2, sizeof *argv);
	char name[] = "sendoff", address[] = "a@b", *big;
	size_t i;

	argv[0] = name;
	for (i = 1; i <= n; i++)
		argv[i] = address;
	big = xmalloc(1024 * 1024 + 1);
	memset(big, 'x', 1024 * 1024);
	big[1024 * 1024] = '\0';
	argv[n] = big;
	ck_assert_int_eq(options_parse(&inv, (int)n + 1, argv, &e), 0);
	ck_assert_uint_eq(inv.recipient_count, n);
	ck_assert_ptr_eq(inv.recipients[n - 1], big);
	big[0] = '-';
	big[1] = '-';
	options_release(&inv);
	ck_assert_int_eq(options_parse(&inv, (int)n + 1, argv, &e), -1);
	ck_assert_int_eq(e.class, ERR_USAGE);
	free(big);
	free(argv);
}
END_TEST

/* The table is whole, and --help tells all of it. */
START_TEST(table)
{
	const struct option_row *row;
	struct buf help, name;
	size_t i, k;

	buf_init(&help, 100000);
	buf_init(&name, 100);
	options_help(&help);
	ck_assert(!help.overflow);
	for (i = 0; i < option_count; i++) {
		row = &option_table[i];
		ck_assert(row->apply != NULL);
		ck_assert((row->metavar == NULL) ==
		    (row->argument == OPTION_PLAIN));
		for (k = i + 1; k < option_count; k++)
			ck_assert_str_ne(row->name, option_table[k].name);
		buf_clear(&name);
		buf_addf(&name, "\n  %s%s", strlen(row->name) == 1 ? "-" :
		    "--", row->name);
		ck_assert_msg(strstr(help.data, name.data) != NULL, "%s",
		    row->name);
		ck_assert_ptr_nonnull(strstr(help.data, row->summary));
	}
	buf_release(&help);
	buf_release(&name);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("options");
	t = tcase_create("options");
	tcase_add_checked_fixture(t, start, finish);
	tcase_add_test(t, none);
	tcase_add_loop_test(t, clustered, 0, COUNT(clusters));
	tcase_add_loop_test(t, joined_or_apart, 0, COUNT(senders));
	tcase_add_test(t, arguments_that_look_like_options);
	tcase_add_test(t, null_sender);
	tcase_add_test(t, behind_recipients);
	tcase_add_test(t, end_of_options);
	tcase_add_loop_test(t, called_as, 0, COUNT(names));
	tcase_add_loop_test(t, empty_queue, 0, COUNT(queue_modes));
	tcase_add_test(t, no_account_file_under_sendmail);
	tcase_add_test(t, account_files);
	tcase_add_test(t, modes);
	tcase_add_loop_test(t, refused, 0, COUNT(bad));
	tcase_add_loop_test(t, notified, 0, COUNT(notifications));
	tcase_add_loop_test(t, without_meaning, 0, COUNT(accepted));
	tcase_add_test(t, ignored);
	tcase_add_test(t, names_and_tags);
	tcase_add_test(t, settings_of_a_message);
	tcase_add_test(t, large);
	tcase_add_test(t, table);
	suite_add_tcase(s, t);
	return run_suite(s);
}
