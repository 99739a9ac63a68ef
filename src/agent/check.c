/* SPDX-License-Identifier: ISC */
/*
 * --check: account, password, name, address, connection, TLS, capabilities,
 * mechanism, login; the first failure, and what to do about it.  Sends no
 * message.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/check.h"
#include "agent/load.h"
#include "agent/options.h"
#include "agent/output.h"
#include "agent/report.h"
#include "agent/steps.h"
#include "agent/submit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/json.h"
#include "config/account.h"
#include "config/file.h"
#include "config/secret.h"

/* Bytes of what is printed. */
#define TEXT_MAX	(1024 * 1024)

struct inspection {
	const struct invocation *inv;
	struct config config;
	struct account account;
	bool chosen;		/* account is filled in */
	struct steps steps;
	struct submit_result result;
	struct error error;
	int64_t started;
};

/* What to do about a step that failed, where its text does not say it. */
static const struct {
	const char *step;	/* NULL: any */
	enum error_class class;	/* ERR_NONE: any */
	const char *said;	/* in the error's text; NULL: anything */
	const char *remedy;
} remedies[] = {
	{ NULL, ERR_NONE, "alert: ",
	    "the relay breaks off under TLS: if it wants a certificate"
	    " of ours, set 'tls_certificate' and 'tls_key'" },
	{ NULL, ERR_NONE, "tls_priority",
	    "mend 'tls_priority', or take it out" },
	{ "account", ERR_NONE, NULL,
	    "mend the account file; sendoff.conf(5) has every key" },
	{ "password", ERR_NONE, NULL,
	    "see that password, password_command or password_file gives"
	    " the password on its first line" },
	{ "certificates", ERR_NONE, NULL,
	    "see that the files of the tls_ keys are there and can be"
	    " read by this user" },
	{ "name", ERR_HOST, NULL,
	    "check how 'server' is written, and that this host can look"
	    " up names" },
	{ "name", ERR_NONE, NULL,
	    "check that this host can look up names" },
	{ "connection", ERR_TEMPORARY, NULL,
	    "see that the relay is up; many networks block port 25 and"
	    " some 587, so try 'port = 587, 5190, 25', or 'port = 465'"
	    " alone, as far as the relay has them" },
	{ "connection", ERR_AUTH, NULL,
	    "check user name and password in 'proxy'" },
	{ "connection", ERR_NONE, NULL,
	    "check 'server', 'port' and 'proxy'" },
	{ "greeting", ERR_PROTOCOL, NULL,
	    "check 'port': what answers there is no mail server" },
	{ "greeting", ERR_TEMPORARY, NULL,
	    "if the port has TLS from the first byte, as 465 has, set"
	    " 'implicit_tls = yes'; else try later" },
	{ "greeting", ERR_NONE, NULL,
	    "ask who runs the relay why it does not take mail from this"
	    " host" },
	{ "capabilities", ERR_NONE, NULL,
	    "see that 'helo' is a name that the relay takes; else try"
	    " later" },
	{ "tls", ERR_TEMPORARY, NULL,
	    "see that the port is the right one for 'starttls' or"
	    " 'implicit_tls'; else try later" },
	{ "tls", ERR_UNAVAILABLE, NULL,
	    "mend what the text names: the relay's certificate,"
	    " 'tls_server_name', 'tls_trust' or 'tls_min'" },
	{ "tls", ERR_NONE, NULL,
	    "try later; if it stays, somebody in between meddles with"
	    " the connection" },
	{ "mechanism", ERR_NONE, NULL,
	    "let 'auth' list one that the relay offers, or leave it at"
	    " auto" },
	{ "login", ERR_TEMPORARY, NULL,
	    "try later" },
	{ "login", ERR_NONE, NULL,
	    "check 'username' and the password; some providers want one"
	    " that is made for each program" },
};

static const struct step *
last_step(const struct inspection *c)
{
	return &c->steps.list[c->steps.count - 1];
}

static bool
remedy_fits(size_t i, const char *step, const struct error *e)
{
	if (remedies[i].step != NULL && strcmp(remedies[i].step, step) != 0)
		return false;
	if (remedies[i].class != ERR_NONE && remedies[i].class != e->class)
		return false;
	return remedies[i].said == NULL ||
	    strstr(e->text, remedies[i].said) != NULL;
}

static const char *
remedy(const struct inspection *c)
{
	const char *step = last_step(c)->name;
	size_t i;

	/* Where there is TLS already, none is missing. */
	if (strcmp(step, "greeting") == 0 &&
	    c->result.tls.version[0] != '\0' &&
	    strstr(c->error.text, "alert: ") == NULL &&
	    c->error.class == ERR_TEMPORARY)
		return "try later";
	for (i = 0; i < sizeof remedies / sizeof *remedies; i++)
		if (remedy_fits(i, step, &c->error))
			return remedies[i].remedy;
	return "try later";
}

/* --check NAME, or -a NAME, or what selects one. */
static int
choose(struct inspection *c, struct error *e)
{
	const struct invocation *inv = c->inv;
	struct account_choice choice;

	memset(&choice, 0, sizeof choice);
	choice.name = inv->account;
	if (inv->recipient_count == 1)
		choice.name = inv->recipients[0];
	choice.sender = inv->sender;
	if (inv->recipient_count > 1)
		return error_set(e, ERR_USAGE, "--check takes one account,"
		    " not '%s' too", inv->recipients[1]);
	if (load_config(&c->config, inv, e) == -1 ||
	    account_load(&c->account, &c->config, &choice, e) == -1)
		return -1;
	c->chosen = true;
	config_release(&c->config);
	steps_done(&c->steps, "account", "'%s', whose server is '%s' (%s)",
	    c->account.name, c->account.server,
	    c->account.origin[KEY_SERVER]);
	return 0;
}

static const char *
password_source(const struct account *a)
{
	return a->password != NULL ? "'password'" :
	    a->password_command != NULL ? "'password_command'" :
	    a->password_file != NULL ? "'password_file'" :
	    "~/.netrc, or the prompt";
}

static int
get_password(struct inspection *c, struct buf *secret, struct error *e)
{
	const char *source = password_source(&c->account);

	if (!load_needs_secret(&c->account))
		return 0;
	if (secret_get(&c->account, secret, e) == -1)
		return -1;
	steps_done(&c->steps, "password", "from %s", source);
	return 0;
}

/* The steps; what fails is the last one. */
static void
inspect(struct inspection *c)
{
	struct error *e = &c->error;
	const char *stage = "account";
	struct buf secret;
	int rc;

	buf_init_secret(&secret, SECRET_MAX);
	rc = choose(c, e);
	if (rc == 0) {
		stage = "password";
		rc = get_password(c, &secret, e);
	}
	if (rc == 0) {
		rc = submit_nothing(&c->account, &secret, c->inv->verbose,
		    &c->steps, &c->result);
		*e = c->result.error;
		stage = c->result.stage;
	}
	if (rc == -1)
		steps_failed(&c->steps, stage, e->text);
	buf_release(&secret);
}

static void
print_text(const struct inspection *c, struct buf *out)
{
	const struct step *s;
	size_t i;

	for (i = 0; i < c->steps.count; i++) {
		s = &c->steps.list[i];
		buf_addf(out, "%-4s %-12s %6lld ms  %s\n", s->done ? "ok" :
		    "FAIL", s->name, (long long)s->milliseconds, s->text);
	}
	if (c->error.class != ERR_NONE)
		buf_addf(out, "     what to do: %s\n", remedy(c));
}

static void
print_json_steps(const struct inspection *c, struct buf *out)
{
	const struct step *s;
	size_t i;

	buf_adds(out, "\"steps\":[");
	for (i = 0; i < c->steps.count; i++) {
		s = &c->steps.list[i];
		buf_adds(out, i == 0 ? "{" : ",{");
		json_member(out, "step", s->name);
		buf_addf(out, "\"ok\":%s,", s->done ? "true" : "false");
		json_member(out, "text", s->text);
		buf_addf(out, "\"milliseconds\":%lld}",
		    (long long)s->milliseconds);
	}
	buf_adds(out, "],");
}

static void
print_json(const struct inspection *c, struct buf *out)
{
	bool failed = c->error.class != ERR_NONE;
	struct buf relay;

	buf_init(&relay, 1024);
	if (c->chosen)
		report_relay(&c->account, &c->result, &relay);
	buf_addf(out, "{\"status\":%d,", error_exit_status(c->error.class));
	json_member(out, "account", c->chosen ? c->account.name : NULL);
	json_member(out, "relay", c->chosen ? relay.data : NULL);
	json_member(out, "tls", c->result.tls.version[0] == '\0' ? NULL :
	    c->result.tls.version);
	json_member(out, "auth", c->result.auth[0] == '\0' ? NULL :
	    c->result.auth);
	print_json_steps(c, out);
	json_member(out, "error", failed ? c->error.text : NULL);
	json_member(out, "remedy", failed ? remedy(c) : NULL);
	buf_addf(out, "\"milliseconds\":%lld}\n",
	    (long long)(clock_ms() - c->started));
	buf_release(&relay);
}

/* On standard error too, as with every status that is not 0. */
static void
complain(const struct error *e, const char *step)
{
	struct buf text;

	buf_init(&text, 2 * ERROR_TEXT_MAX);
	buf_addf(&text, "sendoff: the check failed at '%s': %s\n", step,
	    e->text);
	fsio_write_all(STDERR_FILENO, text.data, text.len);
	buf_release(&text);
}

int
check(const struct invocation *inv)
{
	struct inspection c;
	struct buf out;

	memset(&c, 0, sizeof c);
	c.inv = inv;
	c.started = clock_ms();
	config_init(&c.config);
	steps_init(&c.steps);
	inspect(&c);
	buf_init(&out, TEXT_MAX);
	if (inv->json)
		print_json(&c, &out);
	else
		print_text(&c, &out);
	if (c.error.class != ERR_NONE) {
		output_print(&out, NULL);
		complain(&c.error, last_step(&c)->name);
	} else if (output_print(&out, &c.error) == -1)
		complain(&c.error, "standard output");
	buf_release(&out);
	if (c.chosen)
		account_release(&c.account);
	config_release(&c.config);
	steps_release(&c.steps);
	return error_exit_status(c.error.class);
}
