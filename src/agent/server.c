/* SPDX-License-Identifier: ISC */
/*
 * -bs: the loop between a client on standard input and output and the engine
 * that speaks with it, and the delivery of each message while the client
 * waits for its reply.  Says nothing to a relay before a message is whole,
 * and nothing to standard error, which may be the client's pipe as well.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/answer.h"
#include "agent/identity.h"
#include "agent/job.h"
#include "agent/load.h"
#include "agent/options.h"
#include "agent/server.h"
#include "base/fsio.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/file.h"
#include "smtp/server.h"

/* One message, while it comes in and goes out. */
struct incoming {
	bool open;
	struct invocation inv;	/* what this message asks for */
	struct job job;
	struct message_reader reader;
	bool failed;		/* job.outcome.error says why */
};

struct serving {
	const struct invocation *inv;
	char **settings;	/* --set, before each use wipes its own copy */
	struct server *server;
	struct incoming now;
	char *chunk;
};

static void
log_session(const struct serving *v)
{
	log_open("syslog", v->inv->tag == NULL ? "sendoff" : v->inv->tag,
	    NULL);
}

/*
 * An invocation of its own: arguments for one message alone (-t, -f, -N,
 * recipients) count for none, and nothing is printed.
 */
static void
copy_invocation(struct invocation *to, const struct serving *v)
{
	size_t i;

	*to = *v->inv;
	to->from_header = false;
	to->verbose = false;
	to->json = false;
	to->sender = NULL;
	to->notify = 0;
	to->recipients = NULL;
	to->recipient_count = to->recipient_cap = 0;
	to->ignored = NULL;
	to->ignored_count = to->ignored_cap = 0;
	to->settings = xcalloc(to->setting_count + 1, sizeof *to->settings);
	for (i = 0; i < to->setting_count; i++)
		to->settings[i] = xstrdup(v->settings[i]);
}

static void
wipe_strings(char **list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		mem_wipe(list[i], strlen(list[i]));
		free(list[i]);
	}
	free(list);
}

/* The envelope, whose strings are the engine's. */
static void
set_envelope(struct incoming *m, const struct server_transaction *t)
{
	size_t i;

	m->inv.sender = t->mail.sender;
	m->inv.dsn_return = t->mail.ret;
	m->inv.envid = t->mail.envid;
	m->inv.wishes = t->recipients;
	m->inv.recipients = xcalloc(t->count, sizeof *m->inv.recipients);
	m->inv.recipient_count = t->count;
	for (i = 0; i < t->count; i++)
		m->inv.recipients[i] = t->recipients[i].address;
}

static void
open_message(struct serving *v)
{
	struct incoming *m = &v->now;

	if (m->open)
		return;
	copy_invocation(&m->inv, v);
	job_init(&m->job, &m->inv);
	message_begin(&m->reader, &m->job.message, false);
	m->failed = false;
	m->open = true;
}

static void
close_message(struct serving *v)
{
	struct incoming *m = &v->now;

	if (!m->open)
		return;
	/* The log's name is the account's. */
	log_close();
	log_session(v);
	message_reader_release(&m->reader);
	job_release(&m->job);
	wipe_strings(m->inv.settings, m->inv.setting_count);
	free(m->inv.recipients);
	m->open = false;
}

/* What fails here is told when the message has ended. */
static void
take_body(struct serving *v)
{
	struct incoming *m = &v->now;
	const char *data;
	size_t len;

	open_message(v);
	len = server_body(v->server, &data);
	if (!m->failed)
		m->failed = message_add(&m->reader, data, len,
		    &m->job.outcome.error) == -1;
}

static void
submit_message(struct incoming *m)
{
	struct job *j = &m->job;
	struct error *e = &j->outcome.error;
	struct config config;

	config_init(&config);
	if (!m->failed && message_end(&m->reader, e) == 0 &&
	    load_config(&config, &m->inv, e) == 0 &&
	    job_prepare(j, &config, e) == 0)
		job_submit(j, e);
	config_release(&config);
	job_report(j);
}

static void
deliver_message(struct serving *v)
{
	struct answer a;

	open_message(v);
	set_envelope(&v->now, server_transaction(v->server));
	submit_message(&v->now);
	answer_init(&a);
	answer_outcome(&a, &v->now.job.outcome);
	server_answer(v->server, a.code, a.enhanced, a.text.data);
	answer_release(&a);
	close_message(v);
}

static int
flush(struct serving *v)
{
	const char *data;
	size_t len;

	len = server_output(v->server, &data);
	if (fsio_write_wait(STDOUT_FILENO, data, len) == -1)
		return -1;
	server_written(v->server, len);
	return 0;
}

/* 1: fed; 0: the client has ended; -1: an error. */
static int
feed(struct serving *v)
{
	ssize_t n;

	n = fsio_read_wait(STDIN_FILENO, v->chunk, SERVER_FEED_MAX);
	if (n > 0)
		server_feed(v->server, v->chunk, (size_t)n);
	return n > 0 ? 1 : (int)n;
}

/* Until there is nothing more to do; the exit status. */
static enum error_class
run(struct serving *v)
{
	int rc;

	for (;;) {
		switch (server_step(v->server)) {
		case SERVER_WAIT:
			if (flush(v) == -1)
				return ERR_IO;
			rc = feed(v);
			if (rc <= 0)
				return rc == 0 ? ERR_NONE : ERR_IO;
			break;
		case SERVER_FLUSH:
			if (flush(v) == -1)
				return ERR_IO;
			break;
		case SERVER_BODY:
			take_body(v);
			break;
		case SERVER_END:
			/* Who has gone will ask for it again. */
			if (flush(v) == -1)
				return ERR_IO;
			deliver_message(v);
			break;
		case SERVER_DROP:
			close_message(v);
			break;
		case SERVER_CLOSED:
			return flush(v) == -1 ? ERR_IO : ERR_NONE;
		}
	}
}

/* The kernel would stop a longer message on its way to its file. */
static uint64_t
size_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) == -1 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return 0;
	return limit.rlim_cur;
}

/* Whether there are settings at all: better said before a message comes. */
static enum error_class
try_config(struct serving *v, struct error *e)
{
	struct config config;
	struct invocation inv;
	int rc;

	copy_invocation(&inv, v);
	config_init(&config);
	rc = load_config(&config, &inv, e);
	config_release(&config);
	wipe_strings(inv.settings, inv.setting_count);
	return rc == -1 ? e->class : ERR_NONE;
}

/* Takes --set out of the arguments that ps(1) shows. */
static void
keep_settings(struct serving *v)
{
	size_t i;

	v->settings = xcalloc(v->inv->setting_count + 1,
	    sizeof *v->settings);
	for (i = 0; i < v->inv->setting_count; i++) {
		v->settings[i] = xstrdup(v->inv->settings[i]);
		load_hide_setting(v->inv->settings[i]);
	}
}

static enum error_class
serve_client(struct serving *v, const char *host)
{
	struct server_settings settings = { host, size_limit(), 0 };
	enum error_class class, ended;
	struct error e;

	class = try_config(v, &e);
	if (class == ERR_NONE)
		v->server = server_new(&settings);
	else {
		log_line(e.text, true);
		v->server = server_new_refusing(&settings, "4.3.5", e.text);
	}
	ended = run(v);
	if (ended == ERR_IO)
		log_line("the client cannot be read, or written to", true);
	if (server_in_message(v->server))
		log_line("the client has gone without the end of its message:"
		    " it is dropped", true);
	close_message(v);
	server_free(v->server);
	return class == ERR_NONE ? ended : class;
}

int
serve(const struct invocation *inv)
{
	struct serving v;
	enum error_class class;
	char *host;

	memset(&v, 0, sizeof v);
	v.inv = inv;
	keep_settings(&v);
	log_session(&v);
	host = identity_host();
	v.chunk = xmalloc(SERVER_FEED_MAX);
	class = serve_client(&v, host);
	free(v.chunk);
	free(host);
	wipe_strings(v.settings, inv->setting_count);
	log_close();
	return error_exit_status(class);
}
