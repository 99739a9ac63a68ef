/* SPDX-License-Identifier: ISC */
/*
 * The scripted relay: plays a dialogue to a mail client, or serves as an
 * ordinary submission relay.  It listens on the loopback address alone, or on
 * a Unix socket, handles one connection at a time, and ends by itself.
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"
#include "dialogue.h"
#include "play.h"
#include "record.h"
#include "sasl.h"
#include "serve.h"
#include "talk.h"

/* Bytes of a dialogue's file. */
#define DIALOGUE_MAX	(1024 * 1024)
/* The receive buffer for a play, so that a message can fill it. */
#define PLAY_RCVBUF	(64 * 1024)
#define LIFETIME	300

static const char usage[] =
"usage: relay [--port-file F] [--cert CERT --key KEY] [--unix PATH]\n"
"             [--implicit-tls] [--record DIR [--discard]] [--transcript F]\n"
"             [--connections N] [--lifetime SECONDS]\n"
"             [--tls-priority STRING] [--client-ca FILE]\n"
"             --play FILE | --serve [--open] [--without KEYWORD,...]\n"
"             [--mechanisms NAMES] [--hide NAMES] [--token TOKEN]\n"
"             [--wrong-binding]\n"
"\n"
"--play ends with status 0 after N connections (default 1) that went as\n"
"written, else with 1; SIGHUP says that the client has ended, for STALL.\n"
"--serve runs until SIGTERM.  Both end after SECONDS (default 300).\n"
"\n"
"NAMES are of mechanisms that clients can log in with, a blank between two\n"
"(default: PLAIN LOGIN); those behind --hide work, but EHLO is silent about\n"
"them.  --client-ca: clients must show a certificate of that CA.\n"
"--wrong-binding: as if another TLS connection lay between the two.\n";

struct settings {
	const char *port_file;
	const char *cert;
	const char *key;
	const char *unix_path;
	const char *play;
	const char *transcript;
	const char *client_ca;
	bool implicit_tls;
	bool serve;
	unsigned connections;
	unsigned lifetime;
	struct serve_settings serving;
};

struct relay {
	struct settings settings;
	struct watch watch;
	struct record record;
	struct dialogue dialogue;
	struct conn_tls tls;
	struct conn conn;
	int fd;
};

enum {
	OPT_PORT_FILE = 256, OPT_CERT, OPT_KEY, OPT_UNIX, OPT_IMPLICIT,
	OPT_RECORD, OPT_DISCARD, OPT_TRANSCRIPT, OPT_CONNECTIONS,
	OPT_LIFETIME, OPT_PLAY, OPT_SERVE, OPT_OPEN, OPT_WITHOUT,
	OPT_PRIORITY, OPT_CLIENT_CA, OPT_MECHANISMS, OPT_HIDE, OPT_TOKEN,
	OPT_WRONG_BINDING
};

static const struct option options[] = {
	{ "port-file", required_argument, NULL, OPT_PORT_FILE },
	{ "cert", required_argument, NULL, OPT_CERT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "unix", required_argument, NULL, OPT_UNIX },
	{ "implicit-tls", no_argument, NULL, OPT_IMPLICIT },
	{ "record", required_argument, NULL, OPT_RECORD },
	{ "discard", no_argument, NULL, OPT_DISCARD },
	{ "transcript", required_argument, NULL, OPT_TRANSCRIPT },
	{ "connections", required_argument, NULL, OPT_CONNECTIONS },
	{ "lifetime", required_argument, NULL, OPT_LIFETIME },
	{ "play", required_argument, NULL, OPT_PLAY },
	{ "serve", no_argument, NULL, OPT_SERVE },
	{ "open", no_argument, NULL, OPT_OPEN },
	{ "without", required_argument, NULL, OPT_WITHOUT },
	{ "tls-priority", required_argument, NULL, OPT_PRIORITY },
	{ "client-ca", required_argument, NULL, OPT_CLIENT_CA },
	{ "mechanisms", required_argument, NULL, OPT_MECHANISMS },
	{ "hide", required_argument, NULL, OPT_HIDE },
	{ "token", required_argument, NULL, OPT_TOKEN },
	{ "wrong-binding", no_argument, NULL, OPT_WRONG_BINDING },
	{ NULL, 0, NULL, 0 }
};

static int
complain(const char *what, const char *why)
{
	fprintf(stderr, "relay: %s: %s\n", what, why);
	return -1;
}

static unsigned
number(const char *s)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(s, &end, 10);
	return errno != 0 || *end != '\0' || value > 1000000 ? 0 :
	    (unsigned)value;
}

/* Where the text of an option goes; NULL for one that has none. */
static const char **
text_of(struct relay *r, int opt)
{
	struct settings *s = &r->settings;

	switch (opt) {
	case OPT_PORT_FILE:
		return &s->port_file;
	case OPT_CERT:
		return &s->cert;
	case OPT_KEY:
		return &s->key;
	case OPT_UNIX:
		return &s->unix_path;
	case OPT_RECORD:
		return &r->record.dir;
	case OPT_TRANSCRIPT:
		return &s->transcript;
	case OPT_PLAY:
		return &s->play;
	case OPT_WITHOUT:
		return &s->serving.without;
	case OPT_PRIORITY:
		return &r->tls.priority;
	case OPT_CLIENT_CA:
		return &s->client_ca;
	case OPT_MECHANISMS:
		return &s->serving.sasl.mechanisms;
	case OPT_HIDE:
		return &s->serving.sasl.hidden;
	case OPT_TOKEN:
		return &s->serving.sasl.token;
	default:
		return NULL;
	}
}

/* Where a yes goes; NULL for an option that is none. */
static bool *
flag_of(struct relay *r, int opt)
{
	struct settings *s = &r->settings;

	switch (opt) {
	case OPT_IMPLICIT:
		return &s->implicit_tls;
	case OPT_DISCARD:
		return &r->record.discard;
	case OPT_SERVE:
		return &s->serve;
	case OPT_OPEN:
		return &s->serving.open;
	case OPT_WRONG_BINDING:
		return &s->serving.sasl.wrong_binding;
	default:
		return NULL;
	}
}

/* -1 for an option that there is not. */
static int
option(struct relay *r, int opt)
{
	if (text_of(r, opt) != NULL)
		*text_of(r, opt) = optarg;
	else if (flag_of(r, opt) != NULL)
		*flag_of(r, opt) = true;
	else if (opt == OPT_CONNECTIONS)
		r->settings.connections = number(optarg);
	else if (opt == OPT_LIFETIME)
		r->settings.lifetime = number(optarg);
	else
		return -1;
	return 0;
}

/* False where the options make no sense together. */
static bool
sensible(const struct settings *s)
{
	const struct sasl_settings *sasl = &s->serving.sasl;

	return (s->play != NULL) != s->serve && s->connections != 0 &&
	    s->lifetime != 0 && (s->cert == NULL) == (s->key == NULL) &&
	    (s->cert != NULL || (!s->implicit_tls && s->client_ca == NULL)) &&
	    sasl_known(sasl->mechanisms) &&
	    (sasl->hidden == NULL || sasl_known(sasl->hidden));
}

static int
parse_options(struct relay *r, int argc, char **argv)
{
	struct settings *s = &r->settings;
	int opt, rc = 0;

	s->connections = 1;
	s->lifetime = LIFETIME;
	s->serving.sasl.mechanisms = "PLAIN LOGIN";
	s->serving.sasl.token = SASL_TOKEN;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		rc |= option(r, opt);
	s->serving.local = s->unix_path != NULL;
	s->serving.sasl.client_certificate = s->client_ca != NULL;
	if (rc < 0 || optind != argc || !sensible(s)) {
		fputs(usage, stderr);
		return -1;
	}
	return 0;
}

static int
read_dialogue(struct relay *r)
{
	char why[DIALOGUE_WHY], *text;
	size_t len;
	FILE *f;
	int rc;

	f = fopen(r->settings.play, "re");
	if (f == NULL)
		return complain(r->settings.play, strerror(errno));
	text = malloc(DIALOGUE_MAX);
	if (text == NULL)
		abort();
	len = fread(text, 1, DIALOGUE_MAX, f);
	rc = ferror(f) || len == DIALOGUE_MAX ?
	    complain(r->settings.play, "cannot be read, or is too long") : 0;
	fclose(f);
	if (rc == 0 && dialogue_parse(&r->dialogue, text, len, why) < 0)
		rc = complain(r->settings.play, why);
	free(text);
	return rc;
}

static int
load_certificate(struct relay *r)
{
	const struct settings *s = &r->settings;
	int rc;

	rc = gnutls_certificate_allocate_credentials(&r->tls.credentials);
	if (rc >= 0)
		rc = gnutls_certificate_set_x509_key_file(r->tls.credentials,
		    s->cert, s->key, GNUTLS_X509_FMT_PEM);
	if (rc < 0)
		return complain(s->cert, gnutls_strerror(rc));
	if (s->client_ca == NULL)
		return 0;
	r->tls.client_certificate = true;
	rc = gnutls_certificate_set_x509_trust_file(r->tls.credentials,
	    s->client_ca, GNUTLS_X509_FMT_PEM);
	return rc > 0 ? 0 : complain(s->client_ca, rc == 0 ?
	    "no certificate in it" : gnutls_strerror(rc));
}

static int
check_priority(const struct relay *r)
{
	gnutls_priority_t priority;
	int rc;

	if (r->tls.priority == NULL)
		return 0;
	rc = gnutls_priority_init(&priority, r->tls.priority, NULL);
	if (rc < 0)
		return complain(r->tls.priority, gnutls_strerror(rc));
	gnutls_priority_deinit(priority);
	return 0;
}

static int
listen_local(struct relay *r)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(r->settings.unix_path);

	if (len >= sizeof(sun.sun_path))
		return complain(r->settings.unix_path, "too long");
	memcpy(sun.sun_path, r->settings.unix_path, len + 1);
	r->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (r->fd < 0 ||
	    bind(r->fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    listen(r->fd, 16) < 0)
		return complain(r->settings.unix_path, strerror(errno));
	return 0;
}

static int
listen_loopback(struct relay *r)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int size = PLAY_RCVBUF;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (r->fd >= 0 && !r->settings.serve)
		setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (r->fd < 0 ||
	    bind(r->fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    listen(r->fd, 16) < 0)
		return complain("listen", strerror(errno));
	return 0;
}

/* Tells the port: the file is whole as soon as it is there. */
static int
write_port(const struct relay *r)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	char part[PATH_MAX];
	FILE *f;
	int n;

	if (r->settings.port_file == NULL)
		return 0;
	if (r->settings.unix_path == NULL &&
	    getsockname(r->fd, (struct sockaddr *)&sin, &len) < 0)
		return complain("getsockname", strerror(errno));
	n = snprintf(part, sizeof(part), "%s.part", r->settings.port_file);
	if (n < 0 || (size_t)n >= sizeof(part) ||
	    (f = fopen(part, "we")) == NULL)
		return complain(r->settings.port_file, strerror(errno));
	fprintf(f, "%u\n", (unsigned)ntohs(sin.sin_port));
	if (fclose(f) != 0 || rename(part, r->settings.port_file) < 0)
		return complain(r->settings.port_file, strerror(errno));
	return 0;
}

static int
prepare(struct relay *r)
{
	const struct settings *s = &r->settings;

	signal(SIGPIPE, SIG_IGN);
	if (watch_init(&r->watch, (int64_t)s->lifetime * 1000) < 0)
		return complain("signalfd", strerror(errno));
	if (s->play != NULL && read_dialogue(r) < 0)
		return -1;
	if (s->cert != NULL && (load_certificate(r) < 0 ||
	    check_priority(r) < 0))
		return -1;
	if (s->transcript != NULL) {
		r->record.transcript = fopen(s->transcript, "we");
		if (r->record.transcript == NULL)
			return complain(s->transcript, strerror(errno));
	}
	if ((s->unix_path != NULL ? listen_local(r) : listen_loopback(r)) < 0)
		return -1;
	return write_port(r);
}

/* The next connection's socket, or -1 when the relay has to end. */
static int
next_client(struct relay *r)
{
	int fd, on = 1;

	for (;;) {
		if (watch_wait(&r->watch, r->fd, POLLIN, -1, false) < 0)
			return -1;
		fd = accept4(r->fd, NULL, NULL,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		return fd;
	}
}

static int
begin(struct relay *r, int fd)
{
	conn_init(&r->conn, fd, &r->watch, r->settings.cert == NULL ? NULL :
	    &r->tls);
	if (!r->settings.implicit_tls)
		return 0;
	r->conn.idle = 10000;
	if (conn_start_tls(&r->conn) != CONN_OK)
		return -1;
	r->conn.idle = -1;
	talk_secured(&r->conn, &r->record);
	return 0;
}

static int
play_all(struct relay *r)
{
	char why[PLAY_WHY];
	unsigned i;
	int fd, rc;

	for (i = 0; i < r->settings.connections; i++) {
		fd = next_client(r);
		if (fd < 0)
			return complain("no client came",
			    watch_why(&r->watch));
		rc = begin(r, fd);
		if (rc < 0)
			snprintf(why, sizeof(why), "%s", r->conn.why);
		else
			rc = play(&r->dialogue, &r->conn, &r->record, why);
		conn_close(&r->conn);
		if (rc < 0)
			return complain(r->settings.play, why);
	}
	fd = accept4(r->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return 0;
	close(fd);
	return complain(r->settings.play, "the client connected once more");
}

static int
serve_all(struct relay *r)
{
	int fd, rc = 0;

	while (rc == 0 && (fd = next_client(r)) >= 0) {
		if (begin(r, fd) == 0)
			rc = serve(&r->settings.serving, &r->conn,
			    &r->record);
		conn_close(&r->conn);
	}
	return 0;
}

static void
release(struct relay *r)
{
	if (r->settings.unix_path != NULL && r->fd >= 0)
		unlink(r->settings.unix_path);
	if (r->fd >= 0)
		close(r->fd);
	if (r->tls.credentials != NULL)
		gnutls_certificate_free_credentials(r->tls.credentials);
	dialogue_release(&r->dialogue);
	record_release(&r->record);
	free(r);
}

int
main(int argc, char **argv)
{
	struct relay *r;
	int rc;

	r = calloc(1, sizeof(*r));
	if (r == NULL)
		abort();
	r->fd = -1;
	record_init(&r->record);
	rc = parse_options(r, argc, argv);
	if (rc == 0)
		rc = prepare(r);
	if (rc == 0)
		rc = r->settings.serve ? serve_all(r) : play_all(r);
	release(r);
	return rc == 0 ? 0 : 1;
}
