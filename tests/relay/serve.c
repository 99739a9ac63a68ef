/* SPDX-License-Identifier: ISC */
/*
 * A strict but ordinary submission relay.  RFC 5321, 6409, 3207, 4954, 1870,
 * 2920, 6152, 6531, 2034.
 *
 * It delivers nothing; it takes what a good client may send and refuses what
 * none may.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "body.h"
#include "conn.h"
#include "record.h"
#include "sasl.h"
#include "serve.h"
#include "talk.h"

/* What EHLO's SIZE says. */
#define SIZE_LIMIT	"104857600000"
/* Longest wait for a client, in ms. */
#define IDLE_MS		60000

struct session {
	const struct serve_settings *settings;
	struct conn *c;
	struct record *r;
	bool greeted;
	bool secure;
	bool logged_in;
	bool mail;
	bool eight_bit;		/* BODY=8BITMIME */
	bool utf8;		/* SMTPUTF8 */
	bool over;		/* QUIT */
	unsigned recipients;
};

static int
say(struct session *s, const char *text)
{
	return talk_say(s->c, s->r, text);
}

static bool
offers(const struct session *s, const char *keyword)
{
	const char *at = s->settings->without;
	size_t len = strlen(keyword);

	while (at != NULL && *at != '\0') {
		if (strncasecmp(at, keyword, len) == 0 &&
		    (at[len] == ',' || at[len] == '\0'))
			return false;
		at = strchr(at, ',');
		if (at != NULL)
			at++;
	}
	return true;
}

static void
forget_mail(struct session *s)
{
	s->mail = s->eight_bit = s->utf8 = false;
	s->recipients = 0;
}

static int
greet(struct session *s, const char *arg)
{
	if (arg[0] == '\0' || strspn(arg, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]_") != strlen(arg))
		return -1;
	s->greeted = true;
	forget_mail(s);
	return 0;
}

static int
offer_auth(struct session *s)
{
	char *line;
	int rc;

	if (asprintf(&line, "250-AUTH %s", s->settings->sasl.mechanisms) < 0)
		return -1;
	rc = say(s, line);
	free(line);
	return rc;
}

static int
do_ehlo(struct session *s, const char *arg)
{
	static const char *const plain[] = {
		"PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES",
		"DSN",
	};
	char line[64];
	size_t i;

	if (greet(s, arg) < 0)
		return say(s, "501 5.5.4 this is no host name");
	if (say(s, "250-relay.example.net") < 0)
		return -1;
	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		snprintf(line, sizeof(line), "250-%s", plain[i]);
		if (offers(s, plain[i]) && say(s, line) < 0)
			return -1;
	}
	if (!s->secure && s->c->setup != NULL &&
	    offers(s, "STARTTLS") && say(s, "250-STARTTLS") < 0)
		return -1;
	if ((s->secure || s->settings->local) && offers(s, "AUTH") &&
	    offer_auth(s) < 0)
		return -1;
	return say(s, offers(s, "SIZE") ? "250 SIZE " SIZE_LIMIT :
	    "250 HELP");
}

static int
do_helo(struct session *s, const char *arg)
{
	if (greet(s, arg) < 0)
		return say(s, "501 5.5.4 this is no host name");
	return say(s, "250 relay.example.net");
}

static int
do_starttls(struct session *s, const char *arg)
{
	if (*arg != '\0' || s->secure || s->c->setup == NULL)
		return say(s, "503 5.5.1 not now");
	if (s->c->start != s->c->end)
		return say(s, "503 5.5.1 there is more behind STARTTLS");
	if (say(s, "220 2.0.0 go ahead") < 0 ||
	    conn_start_tls(s->c) != CONN_OK)
		return -1;
	talk_secured(s->c, s->r);
	s->secure = true;
	s->greeted = s->logged_in = false;
	forget_mail(s);
	return 0;
}

static int
do_auth(struct session *s, const char *arg)
{
	int rc;

	if (!s->greeted || s->logged_in || !offers(s, "AUTH") ||
	    (!s->secure && !s->settings->local))
		return say(s, "503 5.5.1 not now");
	rc = sasl_login(&s->settings->sasl, s->c, s->r, arg);
	s->logged_in = rc == 1;
	return rc < 0 ? -1 : 0;
}

/* The length of "<...>" at the start, where it can be an address; or 0. */
static size_t
path_length(const char *s, bool may_be_empty)
{
	bool quoted = false, at = false;
	size_t i;

	if (s[0] != '<')
		return 0;
	if (may_be_empty && s[1] == '>')
		return 2;
	for (i = 1; s[i] != '\0'; i++) {
		if (quoted && s[i] == '\\' && s[i + 1] != '\0')
			i++;
		else if (s[i] == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (s[i] == '@')
			at = true;
		else if (s[i] == '>')
			return at && i > 2 && s[i - 1] != '@' ? i + 1 : 0;
		else if (s[i] == ' ' || s[i] == '<')
			return 0;
	}
	return 0;
}

static bool
ascii(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)s[i] >= 0x80)
			return false;
	return true;
}

/* One parameter of MAIL; false when it is not offered or not known. */
static bool
mail_parameter(struct session *s, const char *word, size_t len)
{
	if (len > 5 && strncasecmp(word, "SIZE=", 5) == 0)
		return offers(s, "SIZE") &&
		    strspn(word + 5, "0123456789") == len - 5;
	if (len == 13 && strncasecmp(word, "BODY=8BITMIME", len) == 0)
		return s->eight_bit = offers(s, "8BITMIME");
	if (len == 9 && strncasecmp(word, "BODY=7BIT", len) == 0)
		return offers(s, "8BITMIME");
	if (len == 8 && strncasecmp(word, "SMTPUTF8", len) == 0)
		return s->utf8 = offers(s, "SMTPUTF8");
	if (len == 8 && (strncasecmp(word, "RET=FULL", len) == 0 ||
	    strncasecmp(word, "RET=HDRS", len) == 0))
		return offers(s, "DSN");
	if (len > 6 && len <= 106 && strncasecmp(word, "ENVID=", 6) == 0)
		return offers(s, "DSN");
	return false;
}

/* NOTIFY's words: NEVER alone, or some of three (RFC 3461 section 4.1). */
static bool
notify_words(const char *word, size_t len)
{
	static const char *const words[] = { "SUCCESS", "FAILURE", "DELAY" };
	const char *end = word + len;
	size_t i, n;

	if (len == 5 && strncasecmp(word, "NEVER", len) == 0)
		return true;
	for (;; word += n + 1) {
		n = strcspn(word, ", ");
		for (i = 0; i < 3; i++)
			if (n == strlen(words[i]) &&
			    strncasecmp(word, words[i], n) == 0)
				break;
		if (i == 3 || word + n >= end)
			return i < 3;
	}
}

/* One of RCPT. */
static bool
rcpt_parameter(struct session *s, const char *word, size_t len)
{
	if (len > 7 && strncasecmp(word, "NOTIFY=", 7) == 0)
		return offers(s, "DSN") && notify_words(word + 7, len - 7);
	if (len > 6 && strncasecmp(word, "ORCPT=", 6) == 0)
		return offers(s, "DSN") && memchr(word, ';', len) != NULL;
	return false;
}

static bool
parameters(struct session *s, const char *at,
    bool (*known)(struct session *, const char *, size_t))
{
	size_t len;

	while (*at == ' ') {
		at++;
		len = strcspn(at, " ");
		if (!known(s, at, len))
			return false;
		at += len;
	}
	return *at == '\0';
}

static int
do_mail(struct session *s, const char *arg)
{
	size_t len;

	if (!s->greeted || s->mail)
		return say(s, "503 5.5.1 not now");
	if (!s->settings->open && !s->secure && !s->settings->local)
		return say(s, "530 5.7.0 STARTTLS first");
	if (!s->settings->open && !s->logged_in)
		return say(s, "530 5.7.0 log in first");
	if (strncasecmp(arg, "FROM:", 5) != 0 ||
	    (len = path_length(arg + 5, true)) == 0)
		return say(s, "501 5.1.7 this is no address");
	forget_mail(s);
	if (!parameters(s, arg + 5 + len, mail_parameter))
		return say(s, "555 5.5.4 parameter not known");
	if (!ascii(arg, 5 + len) && !s->utf8)
		return say(s, "553 5.6.7 SMTPUTF8 is needed");
	s->mail = true;
	return say(s, "250 2.1.0 ok");
}

static int
do_rcpt(struct session *s, const char *arg)
{
	const char *at;
	size_t len;

	if (!s->mail)
		return say(s, "503 5.5.1 MAIL first");
	if (strncasecmp(arg, "TO:", 3) != 0 ||
	    (len = path_length(arg + 3, false)) == 0)
		return say(s, "501 5.1.3 this is no address");
	if (!parameters(s, arg + 3 + len, rcpt_parameter))
		return say(s, "555 5.5.4 parameter not known");
	if (!ascii(arg, 3 + len) && !s->utf8)
		return say(s, "553 5.6.7 SMTPUTF8 is needed");
	for (at = arg + 3 + len; *at != '@'; at--)
		continue;
	if (strncasecmp(at, "@refused.", 9) == 0)
		return say(s, "550 5.1.1 no such user");
	if (strncasecmp(at, "@deferred.", 10) == 0)
		return say(s, "450 4.2.1 not now");
	s->recipients++;
	return say(s, "250 2.1.5 ok");
}

/* Reads the message to its dot; -1 when the connection is over. */
static int
read_message(struct session *s, struct body *b)
{
	struct conn *c = s->c;
	size_t used, n;
	char *out;
	int rc = 0;

	out = malloc(CONN_BUFFER + 1);
	if (out == NULL)
		return -1;
	body_init(b);
	while (!b->done && rc == 0) {
		if (conn_fill(c) != CONN_OK) {
			rc = -1;
			break;
		}
		used = body_feed(b, c->in + c->start, c->end - c->start, out,
		    &n);
		c->start += used;
		rc = record_data(s->r, out, n);
	}
	free(out);
	return rc;
}

static int
message_verdict(struct session *s, const struct body *b)
{
	char text[160];

	if (b->breach == NULL && b->eight_bit && !s->eight_bit) {
		record_drop(s->r);
		return say(s, "554 5.6.3 8-bit bytes without 8BITMIME");
	}
	if (b->breach != NULL) {
		record_drop(s->r);
		snprintf(text, sizeof(text), "554 5.6.0 octet %llu: %s",
		    (unsigned long long)b->breach_at, b->breach);
		return say(s, text);
	}
	if (record_take(s->r, b) < 0) {
		perror("relay: cannot record the message");
		record_drop(s->r);
		return say(s, "451 4.3.0 disk");
	}
	return say(s, "250 2.0.0 taken");
}

static int
do_data(struct session *s, const char *arg)
{
	struct body b;
	int rc;

	if (*arg != '\0' || !s->mail)
		return say(s, "503 5.5.1 not now");
	if (s->recipients == 0)
		return say(s, "554 5.5.1 no valid recipients");
	if (record_begin(s->r) < 0)
		return say(s, "451 4.3.0 disk");
	if (say(s, "354 go ahead") < 0 || read_message(s, &b) < 0) {
		record_drop(s->r);
		return -1;
	}
	rc = message_verdict(s, &b);
	forget_mail(s);
	return rc;
}

static int
do_rset(struct session *s, const char *arg)
{
	(void)arg;
	forget_mail(s);
	return say(s, "250 2.0.0 ok");
}

static int
do_noop(struct session *s, const char *arg)
{
	(void)arg;
	return say(s, "250 2.0.0 ok");
}

static int
do_vrfy(struct session *s, const char *arg)
{
	(void)arg;
	return say(s, "252 2.5.0 try it");
}

static int
do_quit(struct session *s, const char *arg)
{
	(void)arg;
	s->over = true;
	return say(s, "221 2.0.0 bye");
}

static const struct {
	const char *verb;
	int (*act)(struct session *, const char *);
} verbs[] = {
	{ "EHLO", do_ehlo },
	{ "HELO", do_helo },
	{ "STARTTLS", do_starttls },
	{ "AUTH", do_auth },
	{ "MAIL", do_mail },
	{ "RCPT", do_rcpt },
	{ "DATA", do_data },
	{ "RSET", do_rset },
	{ "NOOP", do_noop },
	{ "VRFY", do_vrfy },
	{ "QUIT", do_quit },
};

/* Takes one command; MAIL and RCPT that are taken go on record. */
static int
command(struct session *s, const char *line)
{
	size_t i, len = strcspn(line, " ");
	const char *arg = line + len + (line[len] == ' ');
	bool mail = s->mail;
	unsigned recipients = s->recipients;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strlen(verbs[i].verb) == len &&
		    strncasecmp(verbs[i].verb, line, len) == 0)
			break;
	if (i == sizeof(verbs) / sizeof(verbs[0]))
		return say(s, "500 5.5.1 command not known");
	if (verbs[i].act(s, arg) < 0)
		return -1;
	if (verbs[i].act == do_mail && !mail && s->mail)
		return record_mail(s->r, line, strlen(line));
	if (verbs[i].act == do_rcpt && s->recipients > recipients)
		return record_rcpt(s->r, line, strlen(line));
	return 0;
}

static void
converse(struct session *s)
{
	const char *line;
	char *copy;
	size_t len;
	int rc = say(s, "220 relay.example.net ESMTP");

	while (rc == 0 && !s->over) {
		if (conn_line(s->c, &line, &len) != CONN_OK)
			return;
		record_say(s->r, "C", line, len);
		copy = strndup(line, len);
		if (copy == NULL)
			return;
		rc = command(s, copy);
		free(copy);
	}
}

int
serve(const struct serve_settings *settings, struct conn *c, struct record *r)
{
	struct session s;

	memset(&s, 0, sizeof(s));
	s.settings = settings;
	s.c = c;
	s.r = r;
	s.secure = c->tls != NULL;
	c->idle = IDLE_MS;
	converse(&s);
	if (s.over && c->tls != NULL && !c->gone)
		gnutls_bye(c->tls, GNUTLS_SHUT_WR);
	record_drop(r);
	record_say(r, "END", c->why, strlen(c->why));
	return c->watch->terminated || c->watch->expired ? -1 : 0;
}
