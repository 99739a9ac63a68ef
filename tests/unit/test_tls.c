/* SPDX-License-Identifier: ISC */
/*
 * TLS: trust files, and a handshake over a socket pair with a GnuTLS server in
 * a child, whose certificate is made here.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "net/stream.h"
#include "net/tls.h"
#include "runner.h"

#define DAY		(24 * 60 * 60)
#define LIMIT_MS	20000

struct pair {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

/* What the server's certificate is like, and what must come of it. */
static const struct handshake {
	const char *label;
	const char *server_name;
	const char *dns;	/* subject alternative name, or NULL */
	const char *ip;		/* the same, an address */
	const char *purpose;	/* extended key usage, or NULL */
	bool expired;
	bool future;
	bool unknown_ca;
	enum error_class class;
	const char *text;	/* in the error's text */
} handshakes[] = {
	{ "right name", "mail.example.org", "mail.example.org", NULL,
	    GNUTLS_KP_TLS_WWW_SERVER, false, false, false, ERR_NONE, NULL },
	{ "no purpose", "mail.example.org", "mail.example.org", NULL,
	    NULL, false, false, false, ERR_NONE, NULL },
	{ "any purpose", "mail.example.org", "mail.example.org", NULL,
	    GNUTLS_KP_ANY, false, false, false, ERR_NONE, NULL },
	{ "upper case", "MAIL.Example.ORG", "mail.example.org", NULL,
	    NULL, false, false, false, ERR_NONE, NULL },
	{ "trailing dot", "mail.example.org.", "mail.example.org", NULL,
	    NULL, false, false, false, ERR_NONE, NULL },
	{ "wildcard", "mail.example.org", "*.example.org", NULL,
	    NULL, false, false, false, ERR_NONE, NULL },
	{ "IDN", "b\303\274cher.example.org", "xn--bcher-kva.example.org",
	    NULL, NULL, false, false, false, ERR_NONE, NULL },
	{ "IPv4", "192.0.2.7", NULL, "192.0.2.7", NULL, false, false, false,
	    ERR_NONE, NULL },
	{ "IPv6", "2001:db8::7", NULL, "2001:db8::7", NULL, false, false,
	    false, ERR_NONE, NULL },
	{ "IPv6 in another form", "2001:DB8:0:0::7", NULL, "2001:db8::7",
	    NULL, false, false, false, ERR_NONE, NULL },
	{ "wrong name", "mail.example.org", "other.example.org", NULL,
	    NULL, false, false, false, ERR_UNAVAILABLE, "another name" },
	{ "bare star", "mail.example.org", "*", NULL,
	    NULL, false, false, false, ERR_UNAVAILABLE, "another name" },
	{ "star for a top level", "example.com", "*.com", NULL,
	    NULL, false, false, false, ERR_UNAVAILABLE, "another name" },
	{ "wrong IPv4", "192.0.2.7", NULL, "192.0.2.8", NULL, false, false,
	    false, ERR_UNAVAILABLE, "another name" },
	{ "IPv4 that begins alike", "192.0.2.7", NULL, "c000:207::", NULL,
	    false, false, false, ERR_UNAVAILABLE, "another name" },
	{ "wrong IPv6", "2001:db8::7", NULL, "2001:db8::8", NULL, false,
	    false, false, ERR_UNAVAILABLE, "another name" },
	{ "an address as a name", "192.0.2.7", "192.0.2.7", NULL, NULL,
	    false, false, false, ERR_UNAVAILABLE, "another name" },
	{ "a name for an address", "192.0.2.7", "mail.example.org", NULL,
	    NULL, false, false, false, ERR_UNAVAILABLE, "another name" },
	{ "expired", "mail.example.org", "mail.example.org", NULL,
	    NULL, true, false, false, ERR_UNAVAILABLE, "expired" },
	{ "not yet valid", "mail.example.org", "mail.example.org", NULL,
	    NULL, false, true, false, ERR_UNAVAILABLE, "not valid yet" },
	{ "unknown CA", "mail.example.org", "mail.example.org", NULL,
	    NULL, false, false, true, ERR_UNAVAILABLE, "not trusted" },
	{ "for clients only", "mail.example.org", "mail.example.org", NULL,
	    GNUTLS_KP_TLS_WWW_CLIENT, false, false, false, ERR_UNAVAILABLE,
	    "extended key usage" },
	{ "for mail only, IPv4", "192.0.2.7", NULL, "192.0.2.7",
	    GNUTLS_KP_EMAIL_PROTECTION, false, false, false, ERR_UNAVAILABLE,
	    "extended key usage" },
};

#define HANDSHAKES	(sizeof handshakes / sizeof *handshakes)

static void
new_pair(struct pair *p, int serial)
{
	unsigned char number = (unsigned char)serial;

	gnutls_x509_crt_init(&p->crt);
	gnutls_x509_privkey_init(&p->key);
	ck_assert_int_eq(gnutls_x509_privkey_generate(p->key, GNUTLS_PK_EC,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
	gnutls_x509_crt_set_version(p->crt, 3);
	gnutls_x509_crt_set_key(p->crt, p->key);
	gnutls_x509_crt_set_serial(p->crt, &number, 1);
	gnutls_x509_crt_set_activation_time(p->crt, time(NULL) - 10 * DAY);
	gnutls_x509_crt_set_expiration_time(p->crt, time(NULL) + 10 * DAY);
}

static void
sign(struct pair *p, const struct pair *by)
{
	ck_assert_int_eq(gnutls_x509_crt_sign2(p->crt, by->crt, by->key,
	    GNUTLS_DIG_SHA256, 0), 0);
}

static void
make_ca(struct pair *p, const char *name)
{
	new_pair(p, 1);
	gnutls_x509_crt_set_dn(p->crt, name, NULL);
	gnutls_x509_crt_set_basic_constraints(p->crt, 1, -1);
	gnutls_x509_crt_set_key_usage(p->crt, GNUTLS_KEY_KEY_CERT_SIGN);
	sign(p, p);
}

static void
make_leaf(struct pair *p, const struct pair *ca, const struct handshake *h)
{
	unsigned char address[16];
	bool six;

	new_pair(p, 2);
	gnutls_x509_crt_set_dn(p->crt, "CN=relay", NULL);
	if (h->dns != NULL)
		gnutls_x509_crt_set_subject_alt_name(p->crt, GNUTLS_SAN_DNSNAME,
		    h->dns, (unsigned int)strlen(h->dns), GNUTLS_FSAN_SET);
	if (h->ip != NULL) {
		six = strchr(h->ip, ':') != NULL;
		ck_assert_int_eq(inet_pton(six ? AF_INET6 : AF_INET, h->ip,
		    address), 1);
		gnutls_x509_crt_set_subject_alt_name(p->crt,
		    GNUTLS_SAN_IPADDRESS, address, six ? 16 : 4,
		    GNUTLS_FSAN_SET);
	}
	if (h->purpose != NULL)
		gnutls_x509_crt_set_key_purpose_oid(p->crt, h->purpose, 0);
	if (h->expired)
		gnutls_x509_crt_set_expiration_time(p->crt,
		    time(NULL) - DAY);
	if (h->future)
		gnutls_x509_crt_set_activation_time(p->crt,
		    time(NULL) + DAY);
	sign(p, ca);
}

static void
write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(data, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
}

static void
temporary(char path[32])
{
	int fd;

	memcpy(path, "/tmp/sendoff-tls-XXXXXX", 24);
	fd = mkstemp(path);
	ck_assert_int_ne(fd, -1);
	close(fd);
}

static void
write_trust(const struct pair *ca, char path[32])
{
	gnutls_datum_t pem;

	temporary(path);
	ck_assert_int_eq(gnutls_x509_crt_export2(ca->crt, GNUTLS_X509_FMT_PEM,
	    &pem), 0);
	write_file(path, pem.data, pem.size);
	gnutls_free(pem.data);
}

/* The relay: a handshake, then "hello"; what it reads ends it. */
static void
serve(int fd, struct pair *leaf)
{
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	char data[64];

	alarm(LIMIT_MS / 1000);
	gnutls_certificate_allocate_credentials(&credentials);
	gnutls_certificate_set_x509_key(credentials, &leaf->crt, 1, leaf->key);
	gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
	gnutls_set_default_priority(session);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_transport_set_int(session, fd);
	if (gnutls_handshake(session) != 0)
		_exit(1);
	gnutls_record_send(session, "hello", 5);
	_exit(gnutls_record_recv(session, data, sizeof data) == 6 ? 0 : 2);
}

static pid_t
start_server(struct pair *leaf, int *fd)
{
	int pair[2];
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    pair), 0);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		close(pair[0]);
		serve(pair[1], leaf);
	}
	close(pair[1]);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	*fd = pair[0];
	return pid;
}

static struct tls *
new_tls(const char *name, const char *trust, struct error *e)
{
	struct tls_settings s;

	memset(&s, 0, sizeof s);
	s.server_name = name;
	s.trust = trust;
	s.min = "1.2";
	e->class = ERR_NONE;
	return tls_new(&s, e);
}

static void
read_hello(struct stream *s)
{
	char data[64];
	bool again;
	ssize_t n;

	while ((n = stream_read(s, data, sizeof data, &again)) == -1 && again)
		ck_assert_int_eq(stream_wait(s, clock_ms() + LIMIT_MS), 0);
	ck_assert_int_eq(n, 5);
	ck_assert_int_eq(memcmp(data, "hello", 5), 0);
}

START_TEST(certificate)
{
	const struct handshake *h = &handshakes[_i];
	struct pair ca, other, leaf;
	struct stream *s;
	struct error e;
	struct tls *t;
	char path[32];
	int fd, rc, status;
	pid_t pid;

	make_ca(&ca, "CN=authority");
	make_ca(&other, "CN=another authority");
	make_leaf(&leaf, h->unknown_ca ? &other : &ca, h);
	write_trust(&ca, path);
	t = new_tls(h->server_name, path, &e);
	unlink(path);
	ck_assert_msg(t != NULL, "%s: %s", h->label, e.text);
	pid = start_server(&leaf, &fd);
	s = stream_new(fd);
	rc = stream_start_tls(s, t, clock_ms() + LIMIT_MS, &e);
	if (h->class == ERR_NONE) {
		ck_assert_msg(rc == 0, "%s: %s", h->label, e.text);
		ck_assert_str_eq(stream_tls(s)->version, "TLS1.3");
		read_hello(s);
		ck_assert_int_eq(stream_write(s, "thanks", 6), 6);
		ck_assert_int_eq(stream_flush(s), 0);
	} else {
		ck_assert_msg(rc == -1, "%s was accepted", h->label);
		ck_assert_msg(e.class == h->class, "%s: %s", h->label, e.text);
		ck_assert_msg(strstr(e.text, h->text) != NULL, "%s: %s",
		    h->label, e.text);
		ck_assert_int_eq(stream_write(s, "thanks", 6), -1);
		ck_assert_int_eq(stream_flush(s), -1);
	}
	stream_free(s);
	tls_free(t);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	/* 2: nothing, not even a goodbye, came after the refusal. */
	ck_assert_int_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1,
	    h->class == ERR_NONE ? 0 : 2);
	gnutls_x509_crt_deinit(ca.crt);
	gnutls_x509_privkey_deinit(ca.key);
	gnutls_x509_crt_deinit(other.crt);
	gnutls_x509_privkey_deinit(other.key);
	gnutls_x509_crt_deinit(leaf.crt);
	gnutls_x509_privkey_deinit(leaf.key);
}
END_TEST

static const char *const no_trust[] = {
	NULL, "", "this is no certificate\n",
	"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	"-----BEGIN CERTIFICATE-----\n"
};

START_TEST(trust_file)
{
	struct error e;
	char path[32];

	temporary(path);
	if (no_trust[_i] == NULL)
		unlink(path);
	else
		write_file(path, no_trust[_i], strlen(no_trust[_i]));
	ck_assert_ptr_null(new_tls("mail.example.org", path, &e));
	unlink(path);
	ck_assert_int_eq(e.class, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(e.text, path));
}
END_TEST

START_TEST(trust_folder)
{
	struct error e;

	ck_assert_ptr_null(new_tls("mail.example.org", "/", &e));
	ck_assert_int_eq(e.class, ERR_CONFIG);
}
END_TEST

/* What a relay says in place of TLS, and in what class it ends. */
START_TEST(no_tls)
{
	static const char *const said[] = { "454 not today\r\n", "220 x\r\n",
	    "" };
	struct pair ca;
	struct stream *s;
	struct error e;
	struct tls *t;
	char path[32], data[4096];
	int pair[2];
	ssize_t n;

	make_ca(&ca, "CN=authority");
	write_trust(&ca, path);
	t = new_tls("mail.example.org", path, &e);
	unlink(path);
	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    pair), 0);
	ck_assert_int_eq(write(pair[1], said[_i], strlen(said[_i])),
	    strlen(said[_i]));
	shutdown(pair[1], SHUT_WR);
	s = stream_new(pair[0]);
	ck_assert_int_eq(stream_start_tls(s, t, clock_ms() + LIMIT_MS, &e),
	    -1);
	ck_assert_msg(e.class == ERR_TEMPORARY, "%d: %s", e.class, e.text);
	while ((n = read(pair[1], data, sizeof data)) > 0)
		continue;
	ck_assert_int_eq(stream_write(s, "QUIT\r\n", 6), -1);
	ck_assert_int_eq(stream_flush(s), -1);
	ck_assert_int_eq(read(pair[1], data, sizeof data), -1);
	stream_free(s);
	ck_assert_int_eq(read(pair[1], data, sizeof data), 0);
	close(pair[1]);
	tls_free(t);
	gnutls_x509_crt_deinit(ca.crt);
	gnutls_x509_privkey_deinit(ca.key);
}
END_TEST

START_TEST(deadline)
{
	struct pair ca;
	struct stream *s;
	struct error e;
	struct tls *t;
	char path[32];
	int pair[2];

	make_ca(&ca, "CN=authority");
	write_trust(&ca, path);
	t = new_tls("mail.example.org", path, &e);
	unlink(path);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    pair), 0);
	s = stream_new(pair[0]);
	ck_assert_int_eq(stream_start_tls(s, t, clock_ms() + 50, &e), -1);
	ck_assert_int_eq(e.class, ERR_TEMPORARY);
	ck_assert_int_eq(stream_write(s, "x", 1), -1);
	stream_free(s);
	close(pair[1]);
	tls_free(t);
	gnutls_x509_crt_deinit(ca.crt);
	gnutls_x509_privkey_deinit(ca.key);
}
END_TEST

START_TEST(priority)
{
	struct tls_settings s;
	struct error e;

	memset(&s, 0, sizeof s);
	s.server_name = "mail.example.org";
	s.trust = "system";
	s.min = "1.2";
	s.priority = "NORMAL:+NO-SUCH-THING";
	ck_assert_ptr_null(tls_new(&s, &e));
	ck_assert_int_eq(e.class, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(e.text, "NO-SUCH-THING"));
}
END_TEST

/* What the client says first. */
struct hello {
	unsigned char data[4096];
	size_t len;
};

static ssize_t
keep_hello(gnutls_transport_ptr_t ptr, const void *data, size_t len)
{
	struct hello *h = ptr;

	ck_assert_uint_le(h->len + len, sizeof h->data);
	memcpy(h->data + h->len, data, len);
	h->len += len;
	return (ssize_t)len;
}

static ssize_t
hear_nothing(gnutls_transport_ptr_t ptr, void *data, size_t len)
{
	(void)ptr, (void)data, (void)len;
	errno = EAGAIN;
	return -1;
}

/*
 * RFC 8446 section 4.2.1: supported_versions is an order of preference, and
 * servers take the first that they know.
 */
START_TEST(newest_version_first)
{
	static const unsigned char want[] = { 0x00, 0x2b, 0x00, 0x05, 0x04,
	    0x03, 0x04, 0x03, 0x03 };
	gnutls_session_t session;
	struct pair ca;
	struct hello h;
	struct error e;
	struct tls *t;
	char trust[32];

	memset(&h, 0, sizeof h);
	make_ca(&ca, "CN=ca");
	write_trust(&ca, trust);
	t = new_tls("mail.example.org", trust, &e);
	ck_assert_msg(t != NULL, "%s", e.text);
	ck_assert_int_eq(tls_session(t, &session, &e), 0);
	gnutls_transport_set_ptr(session, &h);
	gnutls_transport_set_push_function(session, keep_hello);
	gnutls_transport_set_pull_function(session, hear_nothing);
	ck_assert_int_eq(gnutls_handshake(session), GNUTLS_E_AGAIN);
	ck_assert_ptr_nonnull(memmem(h.data, h.len, want, sizeof want));
	gnutls_deinit(session);
	tls_free(t);
	unlink(trust);
	gnutls_x509_crt_deinit(ca.crt);
	gnutls_x509_privkey_deinit(ca.key);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	signal(SIGPIPE, SIG_IGN);
	s = suite_create("tls");
	t = tcase_create("tls");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, certificate, 0, HANDSHAKES);
	tcase_add_loop_test(t, trust_file, 0,
	    sizeof no_trust / sizeof *no_trust);
	tcase_add_test(t, trust_folder);
	tcase_add_loop_test(t, no_tls, 0, 3);
	tcase_add_test(t, deadline);
	tcase_add_test(t, priority);
	tcase_add_test(t, newest_version_first);
	suite_add_tcase(s, t);
	return run_suite(s);
}
