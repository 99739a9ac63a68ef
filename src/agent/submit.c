/* SPDX-License-Identifier: ISC */
/*
 * The pump: bytes between the network and the session, and absolute limits on
 * how long anything may take.  The only room that knows both sides.  It never
 * decides about a message: verdicts are the session's.
 */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/submit.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/account.h"
#include "config/secret.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/message.h"
#include "net/dial.h"
#include "net/proxy.h"
#include "net/stream.h"
#include "net/tls.h"
#include "smtp/session.h"

/* Bytes of the message that are handed on at a time, and of one read. */
#define CHUNK		(32 * 1024)

/* After the final 2yz, QUIT gets this long and changes nothing. */
#define QUIT_MS		2000

/*
 * The whole session's limit: so many replies' time, and a second for each KiB
 * and two for each recipient.
 */
#define SESSION_REPLIES	12
#define BYTES_A_SECOND	1024
#define RECIPIENT_MS	2000

struct pump {
	const struct account *account;
	struct buf *secret;
	const struct submission *submission;
	struct submit_result *result;
	bool trace;
	struct tls_settings tls_settings;
	struct tls *tls;
	struct stream *stream;
	struct session *session;
	char *helo;
	char *chunk;
	size_t header_fed;
	uint64_t body_fed;
	bool begun;
	bool verdicts;		/* every recipient has one */
	int64_t session_deadline;
	int64_t reply_deadline;
	uint64_t progress;	/* session_progress at the last look */
};

static void
say(const struct pump *p, const struct buf *text)
{
	if (p->trace)
		fsio_write_all(STDERR_FILENO, text->data, text->len);
}

static void
show_dialogue(struct pump *p)
{
	struct buf *text = session_trace(p->session);

	say(p, text);
	buf_clear(text);
}

/* A line about the connection, for -v. */
static void
note(const struct pump *p, const char *what, const char *rest)
{
	struct buf text;

	buf_init(&text, 4096);
	buf_addf(&text, "* %s%s\n", what, rest);
	say(p, &text);
	buf_release(&text);
}

/* Starts the time for the next reply anew when there was progress. */
static int64_t
deadline(struct pump *p)
{
	int64_t wait = p->account->timeout * 1000;
	uint64_t progress;

	progress = session_progress(p->session);
	if (progress != p->progress || p->reply_deadline == 0) {
		p->progress = progress;
		switch (session_patience(p->session)) {
		case SESSION_PATIENCE_REPLY:
			break;
		case SESSION_PATIENCE_FINAL:
			wait *= 2;
			break;
		case SESSION_PATIENCE_QUIT:
			wait = QUIT_MS;
			break;
		}
		p->reply_deadline = clock_ms() + wait;
	}
	return p->reply_deadline < p->session_deadline ? p->reply_deadline :
	    p->session_deadline;
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]": RFC 5321 section 4.1.3. */
static char *
address_literal(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	char text[INET6_ADDRSTRLEN];
	const void *in;

	if (getsockname(fd, (struct sockaddr *)&addr, &len) == -1)
		return NULL;
	if (addr.ss_family == AF_INET)
		in = &((struct sockaddr_in *)&addr)->sin_addr;
	else if (addr.ss_family == AF_INET6)
		in = &((struct sockaddr_in6 *)&addr)->sin6_addr;
	else
		return NULL;
	if (inet_ntop(addr.ss_family, in, text, sizeof text) == NULL)
		return NULL;
	return xasprintf("[%s%s]", addr.ss_family == AF_INET6 ? "IPv6:" : "",
	    text);
}

static char *
helo_name(const struct account *a, int fd)
{
	char host[256], *literal;

	if (a->helo != NULL)
		return xstrdup(a->helo);
	if (gethostname(host, sizeof host) == -1)
		host[0] = '\0';
	host[sizeof host - 1] = '\0';
	if (strchr(host, '.') != NULL && str_is_ascii(host) &&
	    address_domain_valid(host))
		return xstrdup(host);
	literal = address_literal(fd);
	if (literal != NULL)
		return literal;
	return xstrdup(str_is_ascii(host) && address_domain_valid(host) ?
	    host : "localhost");
}

static bool
wants_tls(const struct account *a)
{
	return a->starttls || a->implicit_tls;
}

static int
open_key(void *context, struct buf *out, struct error *e)
{
	const struct account *a = context;

	return secret_get_key(a, out, e);
}

static int
prepare_tls(struct pump *p, struct error *e)
{
	const struct account *a = p->account;
	struct tls_settings *s = &p->tls_settings;

	if (!wants_tls(a))
		return 0;
	if (a->tls_server_name == NULL)
		return error_set(e, ERR_CONFIG, "TLS over the socket '%s'"
		    " needs a name to verify: set 'tls_server_name'",
		    a->server);
	s->server_name = a->tls_server_name;
	s->trust = a->tls_trust;
	s->crl = a->tls_crl;
	s->pins = a->tls_pin.list;
	s->pin_count = a->tls_pin.count;
	s->min = a->tls_min;
	s->priority = a->tls_priority;
	s->certificate = a->tls_certificate;
	s->key = a->tls_key;
	s->secret = open_key;
	s->secret_context = (void *)(uintptr_t)a;
	p->tls = tls_new(s, e);
	return p->tls == NULL ? -1 : 0;
}

static int
begin_tls(struct pump *p, struct error *e)
{
	int64_t limit;

	limit = clock_ms() + p->account->timeout * 1000;
	if (limit > p->session_deadline)
		limit = p->session_deadline;
	if (stream_start_tls(p->stream, p->tls, limit, e) == -1)
		return -1;
	p->result->tls = *stream_tls(p->stream);
	note(p, p->result->tls.version, p->result->tls.pinned ?
	    ", certificate pinned" : ", certificate accepted");
	return 0;
}

static int
dial_relay(struct pump *p, struct error *e)
{
	const struct account *a = p->account;
	struct dial_proxy proxy;
	struct dial_settings s;

	memset(&s, 0, sizeof s);
	s.host = a->server;
	s.ports = a->ports.list;
	s.port_count = a->ports.count;
	s.family = strcmp(a->ip_version, "4") == 0 ? AF_INET :
	    strcmp(a->ip_version, "6") == 0 ? AF_INET6 : AF_UNSPEC;
	s.source = a->source_address;
	s.deadline = clock_ms() + a->connect_timeout * 1000;
	if (a->proxy.host != NULL) {
		proxy.host = a->proxy.host;
		proxy.port = a->proxy.port;
		proxy.user = a->proxy.user;
		proxy.password = a->proxy.password;
		s.proxy = &proxy;
	}
	return dial(&s, &p->result->dialed, e);
}

static int
connect_relay(struct pump *p, struct error *e)
{
	const struct account *a = p->account;
	char port[32] = "";
	int fd;

	fd = dial_relay(p, e);
	if (fd == -1)
		return -1;
	p->stream = stream_new(fd);
	p->helo = helo_name(a, fd);
	if (p->result->dialed.port != 0)
		snprintf(port, sizeof port, ", port %u",
		    (unsigned int)p->result->dialed.port);
	note(p, a->server, port);
	return a->implicit_tls ? begin_tls(p, e) : 0;
}

/* What a login can be bound to: borrowed from the result. */
static struct auth_binding
binding(const struct pump *p)
{
	struct auth_binding b;

	b.type = p->result->tls.binding_type;
	b.data = p->result->tls.binding;
	return b;
}

static void
open_session(struct pump *p)
{
	const struct account *a = p->account;
	struct session_settings settings;

	memset(&settings, 0, sizeof settings);
	settings.relay = a->server;
	settings.helo = p->helo;
	settings.starttls = a->starttls;
	settings.encrypted = a->implicit_tls;
	settings.secure = a->implicit_tls || account_is_local(a);
	settings.trace = p->trace;
	if (a->auth.count == 0 || !str_caseeq(a->auth.list[0], "none"))
		settings.auth.username = a->username;
	settings.auth.host = a->tls_server_name == NULL ? a->server :
	    a->tls_server_name;
	settings.auth.port = p->result->dialed.port;
	settings.auth.binding = binding(p);
	settings.auth.mechanisms = a->auth.list;
	settings.auth.mechanism_count = a->auth.count;
	settings.auth.allow_plaintext = a->allow_plaintext_password;
	p->session = session_new(&settings);
}

/* Takes what is there without waiting; true when there was anything. */
static bool
read_some(struct pump *p)
{
	ssize_t n;
	bool again;

	n = stream_read(p->stream, p->chunk, CHUNK, &again);
	if (n > 0)
		session_feed(p->session, p->chunk, (size_t)n);
	else if (!again)
		session_eof(p->session, stream_failure(p->stream));
	return n > 0 || !again;
}

/* Hands the stream what it takes; -1 when the relay takes nothing more. */
static int
fill(struct pump *p)
{
	const char *data;
	size_t len;
	ssize_t n;

	while ((len = session_output(p->session, &data)) > 0) {
		n = stream_write(p->stream, data, len);
		if (n <= 0)
			return (int)n;
		session_written(p->session, (size_t)n);
	}
	return 0;
}

/* Moves all that the socket takes now; -1 as above. */
static int
write_some(struct pump *p)
{
	const char *data;
	int rc;

	do {
		if (fill(p) == -1)
			return -1;
		rc = stream_flush(p->stream);
	} while (rc == 0 && session_output(p->session, &data) > 0);
	if (rc == 0)
		session_flushed(p->session);
	return rc == -1 ? -1 : 0;
}

/* A relay that stops us may have said why before it closed. */
static void
drain(struct pump *p)
{
	char *why;
	ssize_t n;
	bool again;

	why = xstrdup(stream_failure(p->stream));
	while ((n = stream_read(p->stream, p->chunk, CHUNK, &again)) > 0)
		session_feed(p->session, p->chunk, (size_t)n);
	session_eof(p->session, why);
	free(why);
}

/*
 * One turn: what the relay has said comes first, since a reply to nothing must
 * be seen before the next command is written.
 */
static void
exchange(struct pump *p)
{
	const char *data;
	int64_t limit;

	if (read_some(p))
		return;
	if (write_some(p) == -1) {
		drain(p);
		return;
	}
	if (session_in_body(p->session) &&
	    session_output(p->session, &data) == 0)
		return;
	/* Looked at before poll(2): what trickles in extends nothing. */
	limit = deadline(p);
	if (clock_poll_ms(limit) == 0 || stream_wait(p->stream, limit) == -1)
		session_timeout(p->session);
}

/* -1 when the message can't be read back: then no final dot may go. */
static int
feed_message(struct pump *p, struct error *e)
{
	const struct submission *s = p->submission;
	size_t len;
	ssize_t n;

	if (p->header_fed < s->header.len) {
		len = s->header.len - p->header_fed;
		if (len > CHUNK)
			len = CHUNK;
		session_body(p->session, s->header.data + p->header_fed, len);
		p->header_fed += len;
		return 0;
	}
	n = message_body(s->message, p->body_fed, p->chunk, CHUNK, e);
	if (n == -1)
		return -1;
	if (n == 0)
		session_body_end(p->session);
	else
		session_body(p->session, p->chunk, (size_t)n);
	p->body_fed += (uint64_t)n;
	return 0;
}

static void
begin_or_quit(struct pump *p)
{
	const struct submission *s = p->submission;
	struct transaction t;

	if (session_mechanism(p->session) != NULL)
		snprintf(p->result->auth, sizeof p->result->auth, "%s",
		    session_mechanism(p->session));
	if (p->begun) {
		session_quit(p->session);
		return;
	}
	memset(&t, 0, sizeof t);
	t.envelope = s->envelope;
	t.size = s->size;
	t.eight_bit = s->eight_bit;
	t.smtputf8 = s->smtputf8;
	t.partial = p->account->partial;
	session_begin(p->session, &t);
	p->begun = true;
}

static int
secure(struct pump *p, struct error *e)
{
	struct auth_binding bound;

	/* A second reply behind the 220 may have come since it was read. */
	read_some(p);
	if (session_silent(p->session) && begin_tls(p, e) == -1)
		return -1;
	bound = binding(p);
	session_secured(p->session, &bound);
	return 0;
}

/* Until the connection is of no more use; -1 with what ended it. */
static int
run(struct pump *p, struct error *e)
{
	for (;;) {
		switch (session_step(p->session)) {
		case SESSION_WAIT:
			show_dialogue(p);
			exchange(p);
			break;
		case SESSION_NEED_TLS:
			show_dialogue(p);
			if (secure(p, e) == -1)
				return -1;
			break;
		case SESSION_NEED_SECRET:
			session_secret(p->session, p->secret->data);
			buf_release(p->secret);
			buf_init_secret(p->secret, SECRET_MAX);
			break;
		case SESSION_READY:
			begin_or_quit(p);
			break;
		case SESSION_WANT_BODY:
			if (feed_message(p, e) == -1)
				return -1;
			break;
		case SESSION_DONE:
			p->verdicts = true;
			break;
		case SESSION_FAILED:
			*e = *session_error(p->session);
			return -1;
		case SESSION_CLOSED:
			return 0;
		}
	}
}

static int64_t
session_limit(const struct account *a, const struct submission *s)
{
	return clock_ms() + (a->connect_timeout +
	    SESSION_REPLIES * a->timeout +
	    (int64_t)(s->size / BYTES_A_SECOND)) * 1000 +
	    (int64_t)s->envelope->count * RECIPIENT_MS;
}

static void
release(struct pump *p)
{
	session_free(p->session);
	stream_free(p->stream);
	tls_free(p->tls);
	free(p->helo);
	mem_wipe(p->chunk, CHUNK);
	free(p->chunk);
}

int
submit(const struct account *a, struct buf *secret,
    const struct submission *s, bool trace, struct submit_result *r)
{
	struct error *e = &r->error;
	struct pump p;
	int rc = -1;

	memset(r, 0, sizeof *r);
	memset(&p, 0, sizeof p);
	p.account = a;
	p.secret = secret;
	p.submission = s;
	p.result = r;
	p.trace = trace;
	p.chunk = xmalloc(CHUNK);
	p.session_deadline = session_limit(a, s);
	if (prepare_tls(&p, e) == 0 && connect_relay(&p, e) == 0) {
		open_session(&p);
		rc = run(&p, e);
		show_dialogue(&p);
	}
	/* What happens behind the last verdict changes none. */
	if (p.verdicts) {
		e->class = ERR_NONE;
		rc = envelope_all_accepted(s->envelope) ? 0 : -1;
	}
	release(&p);
	return rc;
}
