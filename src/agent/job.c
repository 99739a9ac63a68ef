/* SPDX-License-Identifier: ISC */
/*
 * One message on its way: the account that it goes through, its envelope, the
 * header that it gets, its submission, and the report.  Reads nothing but what
 * it is handed, and says nothing to a relay before every address is checked.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/job.h"
#include "agent/load.h"
#include "agent/mend.h"
#include "agent/options.h"
#include "agent/output.h"
#include "agent/rewrite.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/file.h"
#include "config/secret.h"
#include "mail/address.h"
#include "mail/date.h"
#include "smtp/esmtp.h"

/* Bytes of a report: of --json, of standard error, of a log line. */
#define TEXT_MAX	(64 * 1024 * 1024)

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
	address = address_envelope(&a, domain, e);
	if (address == NULL && e != NULL)
		e->class = ERR_USAGE;
	address_release(&a);
	return address;
}

int
job_choose_account(struct job *j, const struct config *config,
    struct error *e)
{
	struct account_choice choice;
	char *sender = NULL, *from;
	int rc;

	if (j->inv->sender != NULL)
		sender = sender_argument(j->inv->sender, NULL, NULL);
	from = from_address(&j->message.header);
	choice.name = j->inv->account;
	choice.sender = sender;
	choice.from = from;
	rc = account_load(&j->account, config, &choice, e);
	free(sender);
	free(from);
	if (rc == -1)
		return -1;
	j->outcome.account = &j->account;
	j->domain = j->account.domain != NULL ? xstrdup(j->account.domain) :
	    identity_host();
	recipients_init(&j->recipients, &j->account, j->domain);
	return log_open(j->account.log, j->inv->tag == NULL ? "sendoff" :
	    j->inv->tag, e);
}

/* The sender, from -f, the account or the caller. */
static int
set_sender(struct job *j, struct error *e)
{
	const char *text;
	char *address;

	text = j->inv->sender != NULL ? j->inv->sender :
	    j->account.from != NULL ? j->account.from : j->identity.user;
	address = sender_argument(text, j->domain, e);
	if (address == NULL)
		return -1;
	envelope_set_sender(&j->envelope, address);
	free(address);
	return 0;
}

/*
 * "a@x b@y" is two addresses to sendmail: with commas between them, owned.
 * NULL for what is anything else than words with an "@" each.
 */
static char *
words_as_list(const char *text)
{
	char *list, *p;
	size_t len;

	if (strpbrk(text, "\"<>(),;:\\") != NULL)
		return NULL;
	list = xstrdup(text);
	for (p = list; *p != '\0'; p += len) {
		len = strspn(p, " \t");
		memset(p, ',', len);
		p += len;
		len = strcspn(p, " \t");
		if (len > 0 && memchr(p, '@', len) == NULL) {
			free(list);
			return NULL;
		}
	}
	return list;
}

/* Each argument is a list: cron joins several with commas. */
static int
add_argument(struct job *j, const char *text, struct error *e)
{
	struct address_list l;
	char *words;
	size_t i;
	int rc;

	address_list_init(&l);
	words = words_as_list(text);
	if (words != NULL)
		text = words;
	rc = address_list_parse(&l, text, strlen(text), e);
	for (i = 0; rc == 0 && i < l.count; i++)
		rc = recipients_add(&j->recipients, &l.list[i], &j->envelope,
		    e);
	if (rc == -1 && e->class == ERR_MESSAGE)
		e->class = ERR_USAGE;
	address_list_release(&l);
	free(words);
	return rc;
}

/* Those of the header, as -t asks. */
static int
add_from_header(struct job *j, struct error *e)
{
	struct address_list l;
	size_t i;
	int rc;

	address_list_init(&l);
	rc = compose_recipients(&j->message.header, &l, e);
	for (i = 0; rc == 0 && i < l.count; i++)
		rc = recipients_add(&j->recipients, &l.list[i], &j->envelope,
		    e);
	address_list_release(&l);
	return rc;
}

/* What an SMTP client wants to hear about those whom its RCPT has added. */
static void
set_wish(struct job *j, const struct esmtp_rcpt *wish, size_t from)
{
	for (; from < j->envelope.count; from++)
		recipient_set_dsn(&j->envelope.list[from], wish->notify,
		    wish->orcpt);
}

static int
set_recipients(struct job *j, struct error *e)
{
	const struct invocation *inv = j->inv;
	size_t i, before;

	if (recipients_open(&j->recipients, e) == -1)
		return -1;
	for (i = 0; i < inv->recipient_count; i++) {
		before = j->envelope.count;
		if (add_argument(j, inv->recipients[i], e) == -1)
			return -1;
		if (inv->wishes != NULL)
			set_wish(j, &inv->wishes[i], before);
	}
	if (inv->from_header && add_from_header(j, e) == -1)
		return -1;
	if (j->envelope.count == 0)
		return error_set(e, ERR_USAGE, "no recipient: name one as an"
		    " argument, or use -t to take those of the header");
	return 0;
}

/* The From address that is added: the account's, else the caller's own. */
static int
added_from(const struct job *j, char **out, struct error *e)
{
	const char *from = j->identity.user;

	if (j->account.from != NULL)
		from = j->account.from;
	else if (j->envelope.sender[0] != '\0')
		from = j->envelope.sender;
	*out = sender_argument(from, j->domain, e);
	return *out == NULL ? -1 : 0;
}

/* The account's from, where rewrite_from puts it into the header. */
static int
replace_from(struct job *j, struct error *e)
{
	const char *text = j->account.from;
	struct rewrite rw;
	char *address;
	int rc;

	rw.when = j->account.rewrite_from;
	if (text == NULL && strcmp(rw.when, "always") != 0)
		return 0;
	address = sender_argument(text == NULL ? j->identity.user : text,
	    j->domain, e);
	if (address == NULL)
		return -1;
	rw.address = address;
	/* Of the caller himself nothing is known that would be wanted there. */
	rw.full_name = j->inv->full_name != NULL ? j->inv->full_name :
	    j->account.full_name;
	rc = rewrite_from(&j->message.header, &j->recipients, &rw, e);
	free(address);
	return rc;
}

static const char *
full_name(const struct job *j)
{
	if (j->inv->full_name != NULL)
		return j->inv->full_name;
	return j->account.full_name != NULL ? j->account.full_name :
	    j->identity.full_name;
}

static int
compose(struct job *j, struct error *e)
{
	struct compose_facts facts;
	struct buf unique;
	char date[DATE_SIZE], *from = NULL;
	int rc;

	buf_init(&unique, 256);
	identity_date(date);
	rc = identity_unique(&unique, e);
	if (rc == 0)
		rc = replace_from(j, e);
	if (rc == 0)
		rc = added_from(j, &from, e);
	facts.date = date;
	facts.from = from;
	facts.full_name = full_name(j);
	facts.domain = j->domain;
	facts.unique = unique.data;
	facts.host = j->domain;
	if (rc == 0)
		rc = compose_header(&j->message.header, &facts, e);
	free(from);
	buf_release(&unique);
	return rc;
}

static int
prepare_submission(struct job *j, struct error *e)
{
	struct submission *s = &j->submission;

	j->message_id = compose_message_id(&j->message.header);
	j->outcome.message_id = j->message_id;
	s->message = &j->message;
	s->envelope = &j->envelope;
	s->quiet = j->inv->mode == MODE_SERVER;
	if (mend(s, false, e) == -1)
		return -1;
	j->outcome.size = s->size;
	return 0;
}

/* RFC 3461: the options win over the account. */
static void
set_notifications(struct job *j)
{
	const struct key_list *words = &j->account.dsn_notify;
	enum dsn_return ret = j->inv->dsn_return;
	unsigned notify = j->inv->notify, bit;
	size_t i;

	for (i = 0; j->inv->notify == 0 && i < words->count; i++)
		if (dsn_parse_notify(words->list[i], &bit, NULL) == 0)
			notify |= bit;
	if (ret == DSN_RETURN_UNSAID && j->account.dsn_return != NULL)
		dsn_parse_return(j->account.dsn_return, &ret, NULL);
	envelope_set_dsn(&j->envelope, ret, j->inv->envid);
	envelope_set_notify(&j->envelope, notify);
}

int
job_address(struct job *j, struct error *e)
{
	j->outcome.envelope = &j->envelope;
	if (set_sender(j, e) == -1 || set_recipients(j, e) == -1)
		return -1;
	set_notifications(j);
	return 0;
}

int
job_compose(struct job *j, struct error *e)
{
	if (compose(j, e) == -1)
		return -1;
	return prepare_submission(j, e);
}

int
job_prepare(struct job *j, struct config *config, struct error *e)
{
	if (job_choose_account(j, config, e) == -1)
		return -1;
	/* The account has what it needs of it, and the rest may be secret. */
	config_release(config);
	if (job_address(j, e) == -1)
		return -1;
	return job_compose(j, e);
}

static void
show_ignored(const struct job *j)
{
	size_t i;

	if (!j->inv->verbose)
		return;
	for (i = 0; i < j->inv->ignored_count; i++)
		fprintf(stderr, "* option '%s' is ignored\n",
		    j->inv->ignored[i]);
}

/* The password is there before the relay is: it waits for nobody to type. */
int
job_submit(struct job *j, struct error *e)
{
	struct buf secret;
	int rc = 0;

	show_ignored(j);
	buf_init_secret(&secret, SECRET_MAX);
	if (load_needs_secret(&j->account))
		rc = secret_get(&j->account, &secret, e);
	if (rc == 0) {
		rc = submit(&j->account, &secret, &j->submission,
		    j->inv->verbose, &j->result);
		j->outcome.result = &j->result;
		/* It may have been mended for this relay. */
		j->outcome.size = j->submission.size;
		*e = j->result.error;
	}
	buf_release(&secret);
	return rc;
}

/* On a terminal, and in the log. */
static void
warn(const struct job *j, const char *stamp)
{
	bool json = strcmp(j->account.log_format, "json") == 0;
	struct buf text, line;

	buf_init(&text, ERROR_TEXT_MAX);
	if (!report_warning(&j->outcome, (int64_t)time(NULL), &text)) {
		buf_release(&text);
		return;
	}
	if (j->inv->mode != MODE_SERVER && isatty(STDERR_FILENO))
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
int
job_report(struct job *j)
{
	struct outcome *o = &j->outcome;
	struct buf out;
	char stamp[CLOCK_STAMP_SIZE];
	int status;

	clock_stamp(stamp);
	o->time = stamp;
	o->milliseconds = clock_ms() - j->started;
	buf_init(&out, TEXT_MAX);
	if (j->inv->json && j->inv->mode != MODE_PRINT_CONFIG) {
		report_json(o, &out);
		/*
		 * Custody has passed or not: a status that says otherwise
		 * would have the message sent again.
		 */
		output_print(&out, NULL);
		buf_clear(&out);
	}
	report_text(o, &out);
	if (j->inv->mode != MODE_SERVER)
		fsio_write_all(STDERR_FILENO, out.data, out.len);
	buf_clear(&out);
	status = report_status(o);
	if (j->inv->mode == MODE_SUBMIT || j->inv->mode == MODE_SERVER) {
		report_log(o, o->account == NULL ? "text" :
		    j->account.log_format, &out);
		log_line(out.data, status != 0);
		if (o->account != NULL)
			warn(j, stamp);
	}
	buf_release(&out);
	return status;
}

void
job_init(struct job *j, const struct invocation *inv)
{
	memset(j, 0, sizeof *j);
	j->inv = inv;
	j->started = clock_ms();
	message_init(&j->message);
	envelope_init(&j->envelope);
	buf_init(&j->submission.header, HEADER_OUT_MAX);
	identity_init(&j->identity);
}

void
job_release(struct job *j)
{
	buf_release(&j->submission.header);
	envelope_release(&j->envelope);
	message_release(&j->message);
	if (j->outcome.account != NULL) {
		recipients_release(&j->recipients);
		account_release(&j->account);
	}
	identity_release(&j->identity);
	free(j->domain);
	free(j->message_id);
}
