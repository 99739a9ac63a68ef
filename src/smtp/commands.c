/* SPDX-License-Identifier: ISC */
/*
 * What a server does at each command.  RFC 5321 section 4.1, RFC 1870, 2034,
 * 3030, 3461, 6531.  Pure.
 *
 * The sequence is that of section 4.1.4, but for one thing that sendmail and
 * Postfix do as well: MAIL need not wait for EHLO.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "smtp/server_inside.h"

struct command_row {
	const char *verb;
	bool bare;		/* nothing may follow it */
	void (*run)(struct server *s, const char *argument);
};

static void
syntax(struct server *s, const char *text)
{
	server_reply(s, 501, "5.5.4", text);
}

static void
sequence(struct server *s, const char *text)
{
	server_reply(s, 503, "5.5.1", text);
}

static void
run_helo(struct server *s, const char *argument)
{
	if (*argument == '\0') {
		syntax(s, "HELO wants a host name");
		return;
	}
	server_reset(s);
	server_reply(s, 250, NULL, s->settings.host);
}

static void
run_ehlo(struct server *s, const char *argument)
{
	struct buf text;

	if (*argument == '\0') {
		syntax(s, "EHLO wants a host name");
		return;
	}
	server_reset(s);
	buf_init(&text, 4096);
	buf_addf(&text, "%s\nPIPELINING\nSIZE", s->settings.host);
	if (s->settings.size_max != 0)
		buf_addf(&text, " %llu",
		    (unsigned long long)s->settings.size_max);
	buf_adds(&text, "\n8BITMIME\nSMTPUTF8\nDSN\nENHANCEDSTATUSCODES"
	    "\nCHUNKING\nHELP");
	server_reply(s, 250, NULL, text.data);
	buf_release(&text);
}

/* What stands behind "FROM:" or "TO:"; NULL where that is not there. */
static const char *
behind(const char *argument, const char *word)
{
	return str_casestarts(argument, word) ? argument + strlen(word) :
	    NULL;
}

static bool
size_fits(const struct server *s, const struct esmtp_mail *m)
{
	return s->settings.size_max == 0 || m->size <= s->settings.size_max;
}

static void
run_mail(struct server *s, const char *argument)
{
	struct esmtp_refusal why;
	struct esmtp_mail m;
	const char *text;

	text = behind(argument, "FROM:");
	if (text == NULL) {
		syntax(s, "say MAIL FROM:<address>");
		return;
	}
	if (s->mail) {
		sequence(s, "a sender is named already");
		return;
	}
	memset(&m, 0, sizeof m);
	if (esmtp_parse_mail(&m, text, &why) == 0 && size_fits(s, &m)) {
		s->now.mail = m;
		s->mail = true;
		server_reply(s, 250, "2.1.0", "sender ok");
		return;
	}
	if (m.sender != NULL && m.size != 0 && !size_fits(s, &m))
		server_reply(s, 552, "5.3.4", "the message is too big");
	else
		server_reply(s, why.code, why.enhanced, why.text);
	esmtp_mail_release(&m);
}

static void
run_rcpt(struct server *s, const char *argument)
{
	struct server_transaction *now = &s->now;
	struct esmtp_refusal why;
	struct esmtp_rcpt r;
	const char *text;

	text = behind(argument, "TO:");
	if (text == NULL) {
		syntax(s, "say RCPT TO:<address>");
		return;
	}
	if (!s->mail || s->message) {
		sequence(s, s->message ? "BDAT has begun" :
		    "MAIL comes first");
		return;
	}
	if (now->count >= s->settings.recipients_max) {
		server_reply(s, 452, "4.5.3", "these are too many recipients");
		return;
	}
	memset(&r, 0, sizeof r);
	if (esmtp_parse_rcpt(&r, text, now->mail.smtputf8, &why) == -1) {
		server_reply(s, why.code, why.enhanced, why.text);
		esmtp_rcpt_release(&r);
		return;
	}
	mem_grow(&now->recipients, &now->cap, now->count + 1,
	    sizeof *now->recipients);
	now->recipients[now->count++] = r;
	server_reply(s, 250, "2.1.5", "recipient ok");
}

static void
run_data(struct server *s, const char *argument)
{
	(void)argument;
	if (s->now.count == 0 || s->message) {
		sequence(s, s->message ? "BDAT has begun" : s->mail ?
		    "there is no recipient" : "MAIL and RCPT come first");
		return;
	}
	server_reply(s, 354, NULL, "end with a line that is a dot");
	s->message = true;
	s->spot = SPOT_START;
	s->phase = SERVER_DATA;
}

/* "1000" or "1000 LAST"; -1 for anything else. */
static int
parse_chunk(const char *argument, uint64_t *size, bool *last)
{
	const char *rest;
	char *number;
	size_t len;
	int rc;

	len = strcspn(argument, " \t");
	number = xstrndup(argument, len);
	rc = str_number(number, 0, UINT64_MAX, size);
	free(number);
	rest = argument + len + strspn(argument + len, " \t");
	*last = *rest != '\0';
	if (*last && !str_caseeq(rest, "LAST"))
		return -1;
	return rc;
}

/*
 * The octets come whatever the reply: where their number can't be read, what
 * follows can't be told from commands.
 */
static void
run_bdat(struct server *s, const char *argument)
{
	if (parse_chunk(argument, &s->chunk, &s->chunk_last) == -1) {
		syntax(s, "BDAT wants a size, and LAST or nothing; closing,"
		    " as what follows cannot be read");
		s->phase = SERVER_GONE;
		return;
	}
	s->chunk_left = s->chunk;
	s->chunk_refused = s->now.count == 0;
	s->message = s->message || !s->chunk_refused;
	s->phase = SERVER_CHUNK;
}

static void
run_rset(struct server *s, const char *argument)
{
	(void)argument;
	server_reset(s);
	server_reply(s, 250, "2.0.0", "forgotten");
}

static void
run_noop(struct server *s, const char *argument)
{
	(void)argument;
	server_reply(s, 250, "2.0.0", "ok");
}

static void
run_quit(struct server *s, const char *argument)
{
	(void)argument;
	server_reset(s);
	server_reply(s, 221, "2.0.0", "bye");
	s->phase = SERVER_GONE;
}

static void
run_help(struct server *s, const char *argument)
{
	(void)argument;
	server_reply(s, 214, "2.0.0", "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP"
	    " VRFY HELP QUIT\nthe answer to a message is the relay's;"
	    " see sendoff(1)");
}

static void
run_vrfy(struct server *s, const char *argument)
{
	if (*argument == '\0')
		syntax(s, "VRFY wants an address");
	else
		server_reply(s, 252, "2.5.2", "the relay will say, when there"
		    " is a message");
}

static void
run_missing(struct server *s, const char *argument)
{
	(void)argument;
	server_reply(s, 502, "5.5.1", "this is not done here");
}

static const struct command_row commands[] = {
	{ "EHLO", false, run_ehlo },
	{ "HELO", false, run_helo },
	{ "MAIL", false, run_mail },
	{ "RCPT", false, run_rcpt },
	{ "DATA", true, run_data },
	{ "BDAT", false, run_bdat },
	{ "RSET", true, run_rset },
	{ "NOOP", false, run_noop },
	{ "QUIT", true, run_quit },
	{ "HELP", false, run_help },
	{ "VRFY", false, run_vrfy },
	{ "EXPN", false, run_missing },
	{ "VERB", false, run_missing },
	{ "ETRN", false, run_missing },
	{ "TURN", false, run_missing },
	{ "SEND", false, run_missing },
	{ "SOML", false, run_missing },
	{ "SAML", false, run_missing },
	{ "AUTH", false, run_missing },
	{ "STARTTLS", false, run_missing },
};

/* NULL where the word is none of them. */
static const struct command_row *
find_command(const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof commands / sizeof *commands; i++)
		if (mem_caseeq(word, len, commands[i].verb,
		    strlen(commands[i].verb)))
			return &commands[i];
	return NULL;
}

void
server_command(struct server *s, const char *line)
{
	const struct command_row *row;
	char *argument;
	size_t len, end;

	len = strcspn(line, " \t");
	row = find_command(line, len);
	if (row == NULL) {
		server_reply(s, 500, "5.5.2", "this is no command");
		return;
	}
	line += len;
	line += strspn(line, " \t");
	for (end = strlen(line); end > 0 && ascii_isblank(line[end - 1]);)
		end--;
	argument = xstrndup(line, end);
	if (row->bare && end > 0)
		syntax(s, "nothing may follow this command");
	else
		row->run(s, argument);
	free(argument);
}
