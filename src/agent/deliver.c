/* SPDX-License-Identifier: ISC */
/*
 * One invocation, from its options to its exit status.  Nothing is said to a
 * relay before the message is read to its end and every address is checked.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/deliver.h"
#include "agent/identity.h"
#include "agent/load.h"
#include "agent/options.h"
#include "agent/output.h"
#include "agent/report.h"
#include "agent/submit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/account.h"
#include "config/file.h"
#include "config/secret.h"
#include "mail/address.h"
#include "mail/compose.h"
#include "mail/date.h"
#include "mail/envelope.h"
#include "mail/message.h"

/* Bytes of a report: of --json, of standard error, of a log line. */
#define TEXT_MAX	(64 * 1024 * 1024)

/* Everything that one delivery has in its hands. */
struct delivery {
	const struct invocation *inv;
	struct config config;
	struct account account;
	struct message message;
	struct envelope envelope;
	struct submission submission;
	struct submit_result result;
	struct outcome outcome;
	struct compose_needs needs;
	struct identity identity;
	char *domain;		/* completes bare addresses */
	char *message_id;
	int64_t started;
};

/* The first address of the From field, for the choice of the account. */
static char *
from_address(const struct header *h)
{
	struct address_list l;
	char *address = NULL;
	long i;

	i = header_find(h, "From", 0);
	if (i == -1)
		return NULL;
	address_list_init(&l);
	if (header_addresses(h, (size_t)i, &l, NULL) == 0 && l.count > 0)
		address = address_envelope(&l.list[0], NULL, NULL);
	address_list_release(&l);
	return address;
}

/* An argument that is an address; ERR_USAGE, as arguments are. */
static char *
argument_address(const struct address *a, const char *domain,
    struct error *e)
{
	char *text;

	text = address_envelope(a, domain, e);
	if (text == NULL && e != NULL)
		e->class = ERR_USAGE;
	return text;
}

/* -f: "" and "<>" are the null sender. */
static char *
sender_argument(const char *text, const char *domain, struct error *e)
{
	struct address a;
	char *address;

	if (text[0] == '\0' || strcmp(text, "<>") == 0)
		return xstrdup("");
	if (address_parse(&a, text, strlen(text), e) == -1) {
		if (e != NULL)
			e->class = ERR_USAGE;
		return NULL;
	}
	address = argument_address(&a, domain, e);
	address_release(&a);
	return address;
}

static int
choose_account(struct delivery *d, struct error *e)
{
	struct account_choice choice;
	char *sender = NULL, *from;
	int rc;

	if (d->inv->sender != NULL)
		sender = sender_argument(d->inv->sender, NULL, NULL);
	from = from_address(&d->message.header);
	choice.name = d->inv->account;
	choice.sender = sender;
	choice.from = from;
	rc = account_load(&d->account, &d->config, &choice, e);
	free(sender);
	free(from);
	if (rc == -1)
		return -1;
	/* The account has what it needs of it, and the rest may be secret. */
	config_release(&d->config);
	d->outcome.account = &d->account;
	d->domain = d->account.domain != NULL ? xstrdup(d->account.domain) :
	    identity_host();
	return log_open(d->account.log, d->inv->tag == NULL ? "sendoff" :
	    d->inv->tag, e);
}

/* The sender, from -f, the account or the caller. */
static int
set_sender(struct delivery *d, struct error *e)
{
	const char *text;
	char *address;

	text = d->inv->sender != NULL ? d->inv->sender :
	    d->account.from != NULL ? d->account.from : d->identity.user;
	address = sender_argument(text, d->domain, e);
	if (address == NULL)
		return -1;
	envelope_set_sender(&d->envelope, address);
	free(address);
	return 0;
}

/* Each argument is a list: cron joins several with commas. */
static int
add_argument(struct delivery *d, const char *text, struct error *e)
{
	struct address_list l;
	char *address;
	size_t i;
	int rc;

	address_list_init(&l);
	rc = address_list_parse(&l, text, strlen(text), e);
	if (rc == -1)
		e->class = ERR_USAGE;
	for (i = 0; rc == 0 && i < l.count; i++) {
		address = argument_address(&l.list[i], d->domain, e);
		if (address == NULL) {
			rc = -1;
			break;
		}
		envelope_add(&d->envelope, address);
		free(address);
	}
	address_list_release(&l);
	return rc;
}

static int
set_recipients(struct delivery *d, struct error *e)
{
	const struct invocation *inv = d->inv;
	size_t i;

	for (i = 0; i < inv->recipient_count; i++)
		if (add_argument(d, inv->recipients[i], e) == -1)
			return -1;
	if (inv->from_header && compose_recipients(&d->message.header,
	    d->domain, &d->envelope, e) == -1)
		return -1;
	if (d->envelope.count == 0)
		return error_set(e, ERR_USAGE, "no recipient: name one as an"
		    " argument, or use -t to take those of the header");
	return 0;
}

/* The From address that is added: the account's, else the caller's own. */
static int
added_from(const struct delivery *d, char **out, struct error *e)
{
	const char *from = d->identity.user;

	if (d->account.from != NULL)
		from = d->account.from;
	else if (d->envelope.sender[0] != '\0')
		from = d->envelope.sender;
	*out = sender_argument(from, d->domain, e);
	return *out == NULL ? -1 : 0;
}

static const char *
full_name(const struct delivery *d)
{
	if (d->inv->full_name != NULL)
		return d->inv->full_name;
	return d->account.full_name != NULL ? d->account.full_name :
	    d->identity.full_name;
}

static int
compose(struct delivery *d, struct error *e)
{
	struct compose_facts facts;
	struct buf unique;
	char date[DATE_SIZE], *from = NULL;
	int rc;

	buf_init(&unique, 256);
	identity_date(date);
	rc = identity_unique(&unique, e);
	if (rc == 0)
		rc = added_from(d, &from, e);
	facts.date = date;
	facts.from = from;
	facts.full_name = full_name(d);
	facts.domain = d->domain;
	facts.unique = unique.data;
	facts.host = d->domain;
	if (rc == 0)
		rc = compose_header(&d->message.header, &facts, e);
	free(from);
	buf_release(&unique);
	return rc;
}

static int
prepare_submission(struct delivery *d, struct error *e)
{
	struct submission *s = &d->submission;

	d->message_id = compose_message_id(&d->message.header);
	d->outcome.message_id = d->message_id;
	if (compose_check(&d->message.header, &d->message.count, &d->needs,
	    e) == -1)
		return -1;
	if (header_write(&d->message.header, &s->header) == -1 ||
	    buf_add(&s->header, "\r\n", 2) == -1)
		return error_set(e, ERR_MESSAGE, "the header has grown past"
		    " %d bytes", HEADER_OUT_MAX);
	s->message = &d->message;
	s->envelope = &d->envelope;
	s->size = d->needs.size;
	s->eight_bit = d->needs.eight_bit;
	s->smtputf8 = d->needs.smtputf8;
	d->outcome.size = s->size;
	return 0;
}

/* Everything up to the relay. */
static int
prepare(struct delivery *d, struct error *e)
{
	if (load_config(&d->config, d->inv, e) == -1 ||
	    message_read(&d->message, STDIN_FILENO, !d->inv->dot_ignored,
	    e) == -1 ||
	    choose_account(d, e) == -1)
		return -1;
	d->outcome.envelope = &d->envelope;
	if (set_sender(d, e) == -1 || set_recipients(d, e) == -1 ||
	    compose(d, e) == -1)
		return -1;
	return prepare_submission(d, e);
}

static void
show_ignored(const struct delivery *d)
{
	size_t i;

	if (!d->inv->verbose)
		return;
	for (i = 0; i < d->inv->ignored_count; i++)
		fprintf(stderr, "* option '%s' is ignored\n",
		    d->inv->ignored[i]);
}

/* The password is there before the relay is: it waits for nobody to type. */
static int
send_message(struct delivery *d, struct error *e)
{
	struct buf secret;
	int rc = 0;

	show_ignored(d);
	buf_init_secret(&secret, SECRET_MAX);
	if (load_needs_secret(&d->account))
		rc = secret_get(&d->account, &secret, e);
	if (rc == 0) {
		rc = submit(&d->account, &secret, &d->submission,
		    d->inv->verbose, &d->result);
		d->outcome.result = &d->result;
		*e = d->result.error;
	}
	buf_release(&secret);
	return rc;
}

static int
print_config(struct delivery *d, struct error *e)
{
	struct buf out;
	int rc;

	if (load_config(&d->config, d->inv, e) == -1 ||
	    choose_account(d, e) == -1)
		return -1;
	buf_init(&out, TEXT_MAX);
	account_print(&d->account, &out);
	rc = output_print(&out, e);
	buf_release(&out);
	return rc;
}

/* On a terminal, and in the log. */
static void
warn(const struct delivery *d, const char *stamp)
{
	bool json = strcmp(d->account.log_format, "json") == 0;
	struct buf text, line;

	buf_init(&text, ERROR_TEXT_MAX);
	if (!report_warning(&d->outcome, (int64_t)time(NULL), &text)) {
		buf_release(&text);
		return;
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "sendoff: %s\n", text.data);
	buf_init(&line, 2 * ERROR_TEXT_MAX);
	if (json) {
		buf_addc(&line, '{');
		json_member(&line, "time", stamp);
		buf_adds(&line, "\"warning\":");
		json_string(&line, text.data);
		buf_addc(&line, '}');
	} else
		buf_addf(&line, "warning: %s", text.data);
	log_line(line.data, false);
	buf_release(&line);
	buf_release(&text);
}

/* Tells everybody who asked. */
static int
report(struct delivery *d)
{
	struct outcome *o = &d->outcome;
	struct buf out;
	char stamp[CLOCK_STAMP_SIZE];
	int status;

	clock_stamp(stamp);
	o->time = stamp;
	o->milliseconds = clock_ms() - d->started;
	buf_init(&out, TEXT_MAX);
	if (d->inv->json && d->inv->mode != MODE_PRINT_CONFIG) {
		report_json(o, &out);
		/*
		 * Custody has passed or not: a status that says otherwise
		 * would have the message sent again.
		 */
		output_print(&out, NULL);
		buf_clear(&out);
	}
	report_text(o, &out);
	fsio_write_all(STDERR_FILENO, out.data, out.len);
	buf_clear(&out);
	status = report_status(o);
	if (d->inv->mode == MODE_SUBMIT) {
		report_log(o, o->account == NULL ? "text" :
		    d->account.log_format, &out);
		log_line(out.data, status != 0);
		if (o->account != NULL)
			warn(d, stamp);
	}
	buf_release(&out);
	return status;
}

static void
init(struct delivery *d, const struct invocation *inv)
{
	memset(d, 0, sizeof *d);
	d->inv = inv;
	d->started = clock_ms();
	config_init(&d->config);
	message_init(&d->message);
	envelope_init(&d->envelope);
	buf_init(&d->submission.header, HEADER_OUT_MAX);
	identity_init(&d->identity);
	/* Until an account says where the log goes. */
	if (inv->mode == MODE_SUBMIT)
		log_open("syslog", inv->tag == NULL ? "sendoff" : inv->tag,
		    NULL);
}

static void
release(struct delivery *d)
{
	log_close();
	buf_release(&d->submission.header);
	envelope_release(&d->envelope);
	message_release(&d->message);
	if (d->outcome.account != NULL)
		account_release(&d->account);
	config_release(&d->config);
	identity_release(&d->identity);
	free(d->domain);
	free(d->message_id);
}

int
deliver(const struct invocation *inv)
{
	struct delivery d;
	struct error *e = &d.outcome.error;
	int status;

	init(&d, inv);
	if (inv->mode == MODE_PRINT_CONFIG)
		print_config(&d, e);
	else if (prepare(&d, e) == 0) {
		if (inv->mode != MODE_DRY_RUN)
			send_message(&d, e);
		else if (!inv->json)
			output_preview(&d.account, &d.submission, e);
	}
	status = report(&d);
	release(&d);
	return status;
}
