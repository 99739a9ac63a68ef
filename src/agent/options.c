/* SPDX-License-Identifier: ISC */
/*
 * The command line.  sendmail's way: short options may be clustered, their
 * arguments joined or apart, before and behind recipients.  Reads nothing but
 * its arguments.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/options.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

typedef struct invocation inv_t;
typedef struct option_row row_t;

static const char *
dashes(const row_t *row)
{
	return row->name[1] == '\0' ? "-" : "--";
}

static int
bad_value(const row_t *row, const char *value, const char *want,
    struct error *e)
{
	return error_set(e, ERR_USAGE, "option '%s%s' does not take '%s': %s",
	    dashes(row), row->name, value, want);
}

/* For what would otherwise be taken silently and not done. */
static int
not_there(const row_t *row, const char *value, const char *what,
    struct error *e)
{
	return error_set(e, ERR_USAGE, "option '%s%s%s' is refused: this"
	    " version has no %s", dashes(row), row->name, value, what);
}

static int
apply_from_header(inv_t *inv, const row_t *row, const char *value,
    struct error *e)
{
	(void)row, (void)value, (void)e;
	inv->from_header = true;
	return 0;
}

static int
apply_dot_ignored(inv_t *inv, const row_t *row, const char *value,
    struct error *e)
{
	(void)row, (void)value, (void)e;
	inv->dot_ignored = true;
	return 0;
}

static int
apply_sender(inv_t *inv, const row_t *row, const char *value, struct error *e)
{
	(void)row, (void)e;
	inv->sender = value;
	return 0;
}

/* A name from an old passwd file: ISO-8859-1, as UTF-8, owned. */
static char *
from_latin1(const char *text)
{
	struct buf out;

	buf_init(&out, 2 * strlen(text));
	for (; *text != '\0'; text++) {
		if ((*text & 0x80) == 0) {
			buf_addc(&out, *text);
			continue;
		}
		buf_addc(&out, (char)(0xc0 | (unsigned char)*text >> 6));
		buf_addc(&out, (char)(0x80 | (*text & 0x3f)));
	}
	return buf_steal(&out);
}

static int
apply_full_name(inv_t *inv, const row_t *row, const char *value,
    struct error *e)
{
	if (str_has_control(value))
		return bad_value(row, value,
		    "a name has no control characters", e);
	free(inv->latin1_name);
	inv->latin1_name = NULL;
	if (!utf8_valid(value, strlen(value)))
		inv->latin1_name = from_latin1(value);
	inv->full_name = inv->latin1_name != NULL ? inv->latin1_name : value;
	return 0;
}

static int
apply_body_type(inv_t *inv, const row_t *row, const char *value,
    struct error *e)
{
	/* What the message holds decides; the word is only checked. */
	(void)inv;
	if (str_caseeq(value, "7BIT") || str_caseeq(value, "8BITMIME"))
		return 0;
	return bad_value(row, value, "7BIT or 8BITMIME", e);
}

static int
apply_mode(inv_t *inv, const row_t *row, const char *value, struct error *e)
{
	static const struct {
		const char *value;
		enum mode mode;
	} modes[] = {
		{ "i", MODE_ALIASES },
		{ "m", MODE_SUBMIT },
		{ "p", MODE_LIST_QUEUE },
		{ "s", MODE_SERVER },
		{ "v", MODE_VERIFY },
	};
	size_t i;

	for (i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strcmp(value, modes[i].value) == 0) {
			inv->mode = modes[i].mode;
			return 0;
		}
	if (value[0] == 'd' || value[0] == 'D')
		return not_there(row, value, "daemon", e);
	return bad_value(row, value, "see --help for those it takes", e);
}

static void
note_ignored(inv_t *inv, const row_t *row, const char *value)
{
	mem_grow(&inv->ignored, &inv->ignored_cap, inv->ignored_count + 1,
	    sizeof *inv->ignored);
	inv->ignored[inv->ignored_count++] = xasprintf("%s%s%s", dashes(row),
	    row->name, value == NULL ? "" : value);
}

static int
apply_ignored(inv_t *inv, const row_t *row, const char *value,
    struct error *e)
{
	(void)e;
	note_ignored(inv, row, value);
	return 0;
}

static int
set_dot_ignored(inv_t *inv, const char *word)
{
	bool on = true;

	if (word[0] != '\0' && !str_caseeq(word, "true") &&
	    str_boolean(word, &on) == -1)
		return -1;
	inv->dot_ignored = on;
	return 0;
}

/*
 * When to deliver.  Custody passes before this process ends, so that there is
 * nothing left for the background to do.
 */
static int
set_delivery(const row_t *row, const char *value, char when,
    struct error *e)
{
	if (when == 'q' || when == 'd')
		return not_there(row, value, "queue", e);
	return 0;
}

/* sendmail's old one-letter settings: -oi, -odb, -oem ... */
static int
apply_setting(inv_t *inv, const row_t *row, const char *value,
    struct error *e)
{
	if (value[0] == 'i' && set_dot_ignored(inv, value + 1) == 0)
		return 0;
	if (value[0] == 'd')
		return set_delivery(row, value, value[1], e);
	if (value[0] == 'e')
		return 0;
	note_ignored(inv, row, value);
	return 0;
}

/* The same by their long names, two of which have a meaning here. */
static int
apply_long_setting(inv_t *inv, const row_t *row, const char *value,
    struct error *e)
{
	static const char dots[] = "IgnoreDots=";
	static const char delivery[] = "DeliveryMode=";
	char when;

	if (str_casestarts(value, dots) &&
	    set_dot_ignored(inv, value + sizeof dots - 1) == 0)
		return 0;
	if (str_casestarts(value, delivery)) {
		when = value[sizeof delivery - 1];
		return set_delivery(row, value, when, e);
	}
	note_ignored(inv, row, value);
	return 0;
}

static int
apply_verbose(inv_t *inv, const row_t *row, const char *value,
    struct error *e)
{
	(void)row, (void)value, (void)e;
	inv->verbose = true;
	return 0;
}

static int
apply_tag(inv_t *inv, const row_t *row, const char *value, struct error *e)
{
	if (str_has_control(value))
		return bad_value(row, value,
		    "a tag has no control characters", e);
	inv->tag = value;
	return 0;
}

/*
 * Programs of the web pass strangers' words to "sendmail", and an account file
 * can name a command.
 */
static int
only_sendoff(const inv_t *inv, const row_t *row, struct error *e)
{
	if (!inv->as_sendmail)
		return 0;
	return error_set(e, ERR_USAGE, "option '%s%s' is refused under the"
	    " name sendmail: call sendoff", dashes(row), row->name);
}

static int
apply_config(inv_t *inv, const row_t *row, const char *value, struct error *e)
{
	if (only_sendoff(inv, row, e) == -1)
		return -1;
	inv->config = value;
	return 0;
}

static int
apply_set(inv_t *inv, const row_t *row, const char *value, struct error *e)
{
	if (only_sendoff(inv, row, e) == -1)
		return -1;
	mem_grow(&inv->settings, &inv->setting_cap, inv->setting_count + 1,
	    sizeof *inv->settings);
	inv->settings[inv->setting_count++] = (char *)(uintptr_t)value;
	return 0;
}

static int
apply_account(inv_t *inv, const row_t *row, const char *value,
    struct error *e)
{
	(void)row, (void)e;
	inv->account = value;
	return 0;
}

static int
apply_json(inv_t *inv, const row_t *row, const char *value, struct error *e)
{
	(void)row, (void)value, (void)e;
	inv->json = true;
	return 0;
}

static int
apply_what(inv_t *inv, const row_t *row, const char *value, struct error *e)
{
	static const struct {
		const char *name;
		enum mode mode;
	} modes[] = {
		{ "dry-run", MODE_DRY_RUN },
		{ "print-config", MODE_PRINT_CONFIG },
		{ "help", MODE_HELP },
		{ "version", MODE_VERSION },
	};
	size_t i;

	(void)value, (void)e;
	for (i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strcmp(row->name, modes[i].name) == 0)
			inv->mode = modes[i].mode;
	return 0;
}

/* The account may also stand where recipients do. */
static int
apply_check(inv_t *inv, const row_t *row, const char *value, struct error *e)
{
	(void)row, (void)e;
	inv->mode = MODE_CHECK;
	if (value != NULL)
		inv->account = value;
	return 0;
}

static int
apply_notify(inv_t *inv, const row_t *row, const char *value,
    struct error *e)
{
	if (dsn_parse_notify(value, &inv->notify, NULL) == 0)
		return 0;
	return bad_value(row, value, "never, or some of"
	    " success,failure,delay", e);
}

static int
apply_return(inv_t *inv, const row_t *row, const char *value,
    struct error *e)
{
	if (dsn_parse_return(value, &inv->dsn_return, NULL) == 0)
		return 0;
	return bad_value(row, value, "full or hdrs", e);
}

static int
apply_envid(inv_t *inv, const row_t *row, const char *value, struct error *e)
{
	if (dsn_check_envid(value, NULL) == -1)
		return bad_value(row, value, "printable US-ASCII, at most"
		    " 100 characters when it is coded", e);
	inv->envid = value;
	return 0;
}

/* -q, -q30m, -qIID: of what is due in no queue. */
static int
apply_flush(inv_t *inv, const row_t *row, const char *value, struct error *e)
{
	(void)row, (void)value, (void)e;
	/* With -bp it says what to list, with -bs nothing. */
	if (inv->mode == MODE_SUBMIT)
		inv->mode = MODE_FLUSH;
	return 0;
}

static int
apply_newaliases(inv_t *inv, const row_t *row, const char *value,
    struct error *e)
{
	(void)row, (void)value, (void)e;
	inv->mode = MODE_ALIASES;
	return 0;
}

const struct option_row option_table[] = {
	{ "t", OPTION_PLAIN, NULL,
	    "recipients from To, Cc and Bcc too", apply_from_header },
	{ "i", OPTION_PLAIN, NULL,
	    "a lone dot does not end the message", apply_dot_ignored },
	{ "f", OPTION_WITH, "ADDRESS",
	    "envelope sender; '<>' is the null sender", apply_sender },
	{ "r", OPTION_WITH, "ADDRESS", "the same as -f", apply_sender },
	{ "F", OPTION_WITH, "NAME",
	    "full name for a From field that is added", apply_full_name },
	{ "B", OPTION_WITH, "TYPE",
	    "7BIT or 8BITMIME; the message itself decides", apply_body_type },
	{ "N", OPTION_WITH, "WHEN",
	    "notify the sender: never, or success,failure,delay",
	    apply_notify },
	{ "R", OPTION_WITH, "WHAT",
	    "what a notification brings back: full or hdrs", apply_return },
	{ "V", OPTION_WITH, "ID", "envelope id for notifications",
	    apply_envid },
	{ "b", OPTION_WITH, "MODE",
	    "m: submit (default); s: speak SMTP; v: show recipients; i: see"
	    " -I; p: list the queue",
	    apply_mode },
	{ "o", OPTION_WITH, "SETTING",
	    "i: as -i; dX, eX and others: accepted", apply_setting },
	{ "v", OPTION_PLAIN, NULL,
	    "show the dialogue on standard error, secrets hidden",
	    apply_verbose },
	{ "d", OPTION_JOINED, "LEVEL", "the same as -v", apply_verbose },
	{ "L", OPTION_WITH, "TAG", "name in the log", apply_tag },
	{ "C", OPTION_WITH, "FILE",
	    "read this account file alone", apply_config },
	{ "a", OPTION_WITH, "NAME", "use this account", apply_account },
	{ "X", OPTION_WITH, "FILE", "ignored: nothing is written",
	    apply_ignored },
	{ "A", OPTION_WITH, "X", "ignored", apply_ignored },
	{ "c", OPTION_PLAIN, NULL, "ignored", apply_ignored },
	{ "D", OPTION_WITH, "FILE", "ignored: nothing is written",
	    apply_ignored },
	{ "e", OPTION_WITH, "MODE", "ignored", apply_ignored },
	{ "G", OPTION_PLAIN, NULL, "ignored", apply_ignored },
	{ "h", OPTION_WITH, "N", "ignored", apply_ignored },
	{ "m", OPTION_PLAIN, NULL, "ignored", apply_ignored },
	{ "M", OPTION_WITH, "X", "ignored", apply_ignored },
	{ "n", OPTION_PLAIN, NULL, "ignored", apply_ignored },
	{ "O", OPTION_WITH, "NAME=VALUE",
	    "IgnoreDots: as -oi; DeliveryMode: as -od; others: ignored",
	    apply_long_setting },
	{ "p", OPTION_WITH, "PROTOCOL", "ignored", apply_ignored },
	{ "Q", OPTION_JOINED, "REASON", "ignored", apply_ignored },
	{ "s", OPTION_PLAIN, NULL, "ignored", apply_ignored },
	{ "T", OPTION_PLAIN, NULL, "ignored", apply_ignored },
	{ "U", OPTION_PLAIN, NULL, "ignored", apply_ignored },
	{ "x", OPTION_PLAIN, NULL, "ignored", apply_ignored },
	{ "I", OPTION_PLAIN, NULL,
	    "check the alias file", apply_newaliases },
	{ "q", OPTION_JOINED, "WHAT",
	    "flush the queue: there is none, and nothing is due",
	    apply_flush },
	{ "account", OPTION_WITH, "NAME", "the same as -a", apply_account },
	{ "config", OPTION_WITH, "FILE", "the same as -C", apply_config },
	{ "set", OPTION_WITH, "KEY=VALUE", "one key for this run",
	    apply_set },
	{ "dry-run", OPTION_PLAIN, NULL,
	    "print account, envelope and message; connect nowhere",
	    apply_what },
	{ "print-config", OPTION_PLAIN, NULL,
	    "print the account with the origin of each key", apply_what },
	{ "check", OPTION_MAYBE, "[ACCOUNT]",
	    "connect, secure, log in, report each step; send nothing",
	    apply_check },
	{ "json", OPTION_PLAIN, NULL,
	    "the outcome as one JSON object on standard output", apply_json },
	{ "version", OPTION_PLAIN, NULL, "print the version", apply_what },
	{ "help", OPTION_PLAIN, NULL, "print this help", apply_what },
};

const size_t option_count = sizeof option_table / sizeof *option_table;

void
options_init(struct invocation *inv)
{
	memset(inv, 0, sizeof *inv);
}

void
options_release(struct invocation *inv)
{
	size_t i;

	for (i = 0; i < inv->ignored_count; i++)
		free(inv->ignored[i]);
	free(inv->ignored);
	free(inv->latin1_name);
	free(inv->settings);
	free(inv->recipients);
	options_init(inv);
}

static const struct option_row *
find_row(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < option_count; i++)
		if (strlen(option_table[i].name) == len &&
		    memcmp(option_table[i].name, name, len) == 0)
			return &option_table[i];
	return NULL;
}

/* The arguments, and how far they are read. */
struct cursor {
	int argc;
	int at;
	char **argv;
};

/* The argument behind an option, which stands in the next word. */
static const char *
next_word(struct cursor *c)
{
	return c->at + 1 < c->argc ? c->argv[++c->at] : NULL;
}

static int
missing(const row_t *row, struct error *e)
{
	return error_set(e, ERR_USAGE, "option '%s%s' needs an argument: %s",
	    dashes(row), row->name, row->metavar);
}

static int
unknown(const char *word, struct error *e)
{
	return error_set(e, ERR_USAGE, "unknown option '%s': see --help; a"
	    " recipient that begins with '-' needs '--' before it", word);
}

/* --name, --name VALUE, --name=VALUE */
static int
parse_long(inv_t *inv, struct cursor *c, struct error *e)
{
	const char *word = c->argv[c->at], *name = word + 2, *value;
	const row_t *row;
	size_t len;

	len = strcspn(name, "=");
	row = len > 1 ? find_row(name, len) : NULL;
	if (row == NULL)
		return unknown(word, e);
	value = name[len] == '=' ? name + len + 1 : NULL;
	if (row->argument == OPTION_PLAIN && value != NULL)
		return bad_value(row, value, "it takes no argument", e);
	if (row->argument == OPTION_WITH && value == NULL) {
		value = next_word(c);
		if (value == NULL)
			return missing(row, e);
	}
	return row->apply(inv, row, value, e);
}

/* Exim's -oMr, -oMa and the like have their argument in the next word. */
static void
skip_macro(struct cursor *c, const row_t *row, const char *value)
{
	if (row->name[0] == 'o' && row->name[1] == '\0' && value[0] == 'M' &&
	    value[1] != '\0' && value[2] == '\0' && c->at + 1 < c->argc &&
	    c->argv[c->at + 1][0] != '-')
		c->at++;
}

/* -t, -ti, -fA, -f A */
static int
parse_short(inv_t *inv, struct cursor *c, struct error *e)
{
	const char *word = c->argv[c->at], *p, *value;
	const row_t *row;

	for (p = word + 1; *p != '\0'; p++) {
		row = find_row(p, 1);
		if (row == NULL)
			return unknown(word, e);
		if (row->argument == OPTION_PLAIN) {
			if (row->apply(inv, row, NULL, e) == -1)
				return -1;
			continue;
		}
		value = p + 1;
		if (row->argument == OPTION_WITH && *value == '\0') {
			value = next_word(c);
			if (value == NULL)
				return missing(row, e);
		}
		skip_macro(c, row, value);
		return row->apply(inv, row, value, e);
	}
	return 0;
}

static void
add_recipient(inv_t *inv, char *word)
{
	mem_grow(&inv->recipients, &inv->recipient_cap,
	    inv->recipient_count + 1, sizeof *inv->recipients);
	inv->recipients[inv->recipient_count++] = word;
}

static void
parse_name(inv_t *inv, const char *path)
{
	const char *name;

	name = strrchr(path, '/');
	name = name == NULL ? path : name + 1;
	if (strcmp(name, "mailq") == 0)
		inv->mode = MODE_LIST_QUEUE;
	if (strcmp(name, "newaliases") == 0)
		inv->mode = MODE_ALIASES;
	inv->as_sendmail = inv->mode != MODE_SUBMIT ||
	    strcmp(name, "sendmail") == 0;
}

/* A message that nobody reads must not be taken for sent. */
static int
check_sense(const inv_t *inv, struct error *e)
{
	const char *what;

	if (inv->mode == MODE_LIST_QUEUE)
		what = "listing the queue (mailq, -bp)";
	else if (inv->mode == MODE_FLUSH)
		what = "flushing the queue (-q)";
	else if (inv->mode == MODE_ALIASES)
		what = "checking the alias file (newaliases, -bi, -I)";
	else
		return 0;
	if (inv->recipient_count > 0)
		return error_set(e, ERR_USAGE, "%s takes no recipient: '%s'",
		    what, inv->recipients[0]);
	if (inv->from_header)
		return error_set(e, ERR_USAGE, "%s takes no -t", what);
	return 0;
}

int
options_parse(struct invocation *inv, int argc, char **argv, struct error *e)
{
	struct cursor c = { argc, 1, argv };
	bool only_recipients = false;
	char *word;
	int rc = 0;

	if (argc > 0)
		parse_name(inv, argv[0]);
	for (; c.at < argc && rc == 0; c.at++) {
		word = argv[c.at];
		if (only_recipients || word[0] != '-')
			add_recipient(inv, word);
		else if (strcmp(word, "--") == 0)
			only_recipients = true;
		else if (word[1] == '-')
			rc = parse_long(inv, &c, e);
		else if (word[1] == '\0')
			rc = unknown(word, e);
		else
			rc = parse_short(inv, &c, e);
	}
	return rc == 0 ? check_sense(inv, e) : rc;
}

void
options_help(struct buf *out)
{
	const row_t *row;
	struct buf left;
	size_t i;

	buf_adds(out, "usage: sendoff [options] [--] [recipient ...]\n"
	    "Submits the message on standard input through an authenticated"
	    " relay.\n\n");
	buf_init(&left, 256);
	for (i = 0; i < option_count; i++) {
		row = &option_table[i];
		buf_clear(&left);
		buf_addf(&left, "%s%s%s%s", dashes(row), row->name,
		    row->metavar == NULL ? "" :
		    row->argument == OPTION_JOINED ? "" : " ",
		    row->metavar == NULL ? "" : row->metavar);
		buf_addf(out, "  %-20s %s\n", left.data, row->summary);
	}
	buf_release(&left);
	buf_adds(out, "\nManuals: sendoff(1), sendoff.conf(5).\n");
}
