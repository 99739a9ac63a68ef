/* SPDX-License-Identifier: ISC */
/*
 * -bv: expands recipients and shows them.  Connects nowhere, and reads standard
 * input only where -t asks for the recipients of a header.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/job.h"
#include "agent/load.h"
#include "agent/options.h"
#include "agent/output.h"
#include "agent/verify.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/file.h"
#include "mail/address.h"

/* Bytes of what is printed. */
#define TEXT_MAX	(64 * 1024 * 1024)
/* Bytes that are shown of what was given. */
#define SHOWN		512

struct inspection {
	struct job job;
	struct buf out;
	struct buf complaints;	/* for standard error */
	size_t lines;
	struct error first;	/* the first error of a recipient */
};

static void
begin_json(struct inspection *v, const char *given)
{
	buf_adds(&v->out, v->lines++ == 0 ? "{" : ",{");
	json_member(&v->out, "given", given);
}

static void
show_found(struct inspection *v, const char *given, const char *address)
{
	if (v->job.inv->json) {
		begin_json(v, given);
		json_member(&v->out, "address", address);
		buf_adds(&v->out, "\"error\":null}");
		return;
	}
	str_escape(&v->out, given, strlen(given), SHOWN);
	buf_adds(&v->out, "... deliverable: mailer esmtp, user ");
	str_escape(&v->out, address, strlen(address), SHOWN);
	buf_addc(&v->out, '\n');
}

static void
show_error(struct inspection *v, const char *given, const struct error *e)
{
	if (v->first.class == ERR_NONE)
		v->first = *e;
	if (v->job.inv->json) {
		begin_json(v, given);
		buf_adds(&v->out, "\"address\":null,\"error\":");
		json_string(&v->out, e->text);
		buf_addc(&v->out, '}');
	} else {
		str_escape(&v->out, given, strlen(given), SHOWN);
		buf_addf(&v->out, "... undeliverable: %s\n", e->text);
	}
	buf_addf(&v->complaints, "sendoff: %s\n", e->text);
}

/* All that one address leads to, whatever others led to before. */
static void
show_address(struct inspection *v, const char *given, const struct address *a)
{
	struct envelope env;
	struct error e;
	size_t i;

	envelope_init(&env);
	recipients_restart(&v->job.recipients);
	if (recipients_add(&v->job.recipients, a, &env, &e) == -1)
		show_error(v, given, &e);
	for (i = 0; i < env.count; i++)
		show_found(v, given, env.list[i].address);
	envelope_release(&env);
}

/* As it was written, or at least as it is meant. */
static void
show_list(struct inspection *v, const char *text,
    const struct address_list *l)
{
	const struct address *a;
	char *given;
	size_t i;

	for (i = 0; i < l->count; i++) {
		a = &l->list[i];
		if (text == NULL)
			given = address_envelope(a, NULL, NULL);
		else
			given = xstrndup(text + a->start, a->end - a->start);
		show_address(v, given == NULL ? a->local : given, a);
		free(given);
	}
}

static void
show_argument(struct inspection *v, const char *text)
{
	struct address_list l;
	struct error e;

	address_list_init(&l);
	if (address_list_parse(&l, text, strlen(text), &e) == 0)
		show_list(v, text, &l);
	else {
		e.class = ERR_USAGE;
		show_error(v, text, &e);
	}
	address_list_release(&l);
}

static int
show_header(struct inspection *v, struct error *e)
{
	struct address_list l;
	int rc;

	address_list_init(&l);
	rc = compose_recipients(&v->job.message.header, &l, e);
	if (rc == 0)
		show_list(v, NULL, &l);
	address_list_release(&l);
	return rc;
}

static int
inspect(struct inspection *v, struct config *config, struct error *e)
{
	const struct invocation *inv = v->job.inv;
	size_t i;

	if (inv->recipient_count == 0 && !inv->from_header)
		return error_set(e, ERR_USAGE, "no recipient: name one as an"
		    " argument, or use -t to take those of the header");
	if (load_config(config, inv, e) == -1 || (inv->from_header &&
	    message_read(&v->job.message, STDIN_FILENO, !inv->dot_ignored,
	    e) == -1) || job_choose_account(&v->job, config, e) == -1 ||
	    recipients_open(&v->job.recipients, e) == -1)
		return -1;
	for (i = 0; i < inv->recipient_count; i++)
		show_argument(v, inv->recipients[i]);
	return inv->from_header ? show_header(v, e) : 0;
}

/* The lines are in v->out; around them goes what makes them one object. */
static void
print(struct inspection *v, struct error *e)
{
	struct buf out;

	buf_init(&out, TEXT_MAX);
	if (v->job.inv->json) {
		buf_addf(&out, "{\"status\":%d,",
		    error_exit_status(e->class));
		json_member(&out, "account", v->job.outcome.account == NULL ?
		    NULL : v->job.account.name);
		buf_addf(&out, "\"recipients\":[%s],\"error\":", v->out.data);
		json_string(&out, e->class == ERR_NONE ? NULL : e->text);
		buf_adds(&out, "}\n");
	} else
		buf_add(&out, v->out.data, v->out.len);
	if (output_print(&out, e->class == ERR_NONE ? e : NULL) == -1 &&
	    e->class == ERR_IO && v->complaints.len == 0)
		buf_addf(&v->complaints, "sendoff: %s\n", e->text);
	buf_release(&out);
	fsio_write_all(STDERR_FILENO, v->complaints.data, v->complaints.len);
}

int
verify(const struct invocation *inv)
{
	struct config config;
	struct inspection v;
	struct error e;
	int status;

	memset(&v, 0, sizeof v);
	memset(&e, 0, sizeof e);
	config_init(&config);
	job_init(&v.job, inv);
	buf_init(&v.out, TEXT_MAX);
	buf_init(&v.complaints, TEXT_MAX);
	if (inspect(&v, &config, &e) == -1)
		buf_addf(&v.complaints, "sendoff: %s\n", e.text);
	else
		e = v.first;
	print(&v, &e);
	status = error_exit_status(e.class);
	buf_release(&v.complaints);
	buf_release(&v.out);
	job_release(&v.job);
	config_release(&config);
	return status;
}
