/* SPDX-License-Identifier: ISC */
/*
 * Dialling: order of addresses, races on loopback, ports in turn, deadlines,
 * names that are none.  Never leaves loopback but for a ".invalid" name.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "net/dial.h"
#include "runner.h"

#define LIMIT_MS	20000
#define BACKLOG_TRIES	16

/* A socket that is bound to a free port of loopback; listens on demand. */
static int
bound(int backlog, uint16_t *port)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof sin;
	int fd;

	memset(&sin, 0, sizeof sin);
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof sin), 0);
	if (backlog >= 0)
		ck_assert_int_eq(listen(fd, backlog), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*port = ntohs(sin.sin_port);
	return fd;
}

static void
address(struct net_address *a, const char *ip, uint16_t port)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&a->addr;

	memset(a, 0, sizeof *a);
	sin->sin_family = AF_INET;
	sin->sin_port = htons(port);
	ck_assert_int_eq(inet_pton(AF_INET, ip, &sin->sin_addr), 1);
	a->len = sizeof *sin;
	a->family = AF_INET;
}

static int
dial_to(const char *host, const uint16_t *ports, size_t count, int64_t ms,
    uint16_t *port, struct error *e)
{
	struct dial_settings s;
	struct dialed out;
	int fd;

	memset(&s, 0, sizeof s);
	s.host = host;
	s.ports = ports;
	s.port_count = count;
	s.family = AF_UNSPEC;
	s.deadline = clock_ms() + ms;
	fd = dial(&s, &out, e);
	*port = out.port;
	return fd;
}

/* Connections that fill a backlog of none, so that no more are answered. */
static void
fill_backlog(uint16_t port, int fds[BACKLOG_TRIES])
{
	struct net_address a;
	int i;

	address(&a, "127.0.0.1", port);
	for (i = 0; i < BACKLOG_TRIES; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fds[i], (struct sockaddr *)&a.addr, a.len);
	}
}

static void
close_all(int fds[BACKLOG_TRIES])
{
	int i;

	for (i = 0; i < BACKLOG_TRIES; i++)
		close(fds[i]);
}

static const struct {
	const char *before, *after;
} orders[] = {
	{ "", "" }, { "6", "6" }, { "46", "46" }, { "64", "64" },
	{ "6644", "6464" }, { "4466", "4646" }, { "66644", "64646" },
	{ "6664", "6466" }, { "4666", "4666" }, { "666", "666" },
	{ "44446666", "46464646" },
};

/* Families in turn; within one, the order stays. */
START_TEST(interleave)
{
	struct net_address list[16];
	size_t i, n = strlen(orders[_i].before), four = 0, six = 0;

	memset(list, 0, sizeof list);
	for (i = 0; i < n; i++) {
		list[i].family = orders[_i].before[i] == '6' ? AF_INET6 :
		    AF_INET;
		list[i].len = (socklen_t)(list[i].family == AF_INET6 ? six++ :
		    four++);
	}
	resolve_interleave(list, n);
	for (i = four = six = 0; i < n; i++) {
		ck_assert_int_eq(list[i].family, orders[_i].after[i] == '6' ?
		    AF_INET6 : AF_INET);
		ck_assert_uint_eq(list[i].len, list[i].family == AF_INET6 ?
		    six++ : four++);
	}
}
END_TEST

START_TEST(race_nine_refuse)
{
	struct net_address list[10];
	uint16_t dead, alive;
	int closed, fd, server, i;
	int64_t start;

	closed = bound(-1, &dead);
	server = bound(4, &alive);
	for (i = 0; i < 9; i++)
		address(&list[i], "127.0.0.1", dead);
	address(&list[9], "127.0.0.1", alive);
	start = clock_ms();
	fd = dial_race(list, 10, NULL, start + LIMIT_MS);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_lt(clock_ms() - start, 5000);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	close(fd);
	/* All ten refuse: the first one's reason. */
	list[9] = list[0];
	ck_assert_int_eq(dial_race(list, 10, NULL, clock_ms() + LIMIT_MS), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	close(server);
	close(closed);
}
END_TEST

START_TEST(race_black_hole)
{
	struct net_address list[2];
	int fds[BACKLOG_TRIES], fd, hole, server;
	uint16_t silent, alive;
	int64_t start;

	hole = bound(0, &silent);
	fill_backlog(silent, fds);
	server = bound(4, &alive);
	address(&list[0], "127.0.0.1", silent);
	address(&list[1], "127.0.0.1", alive);
	/* Alone it takes all the time there is, and no more. */
	start = clock_ms();
	ck_assert_int_eq(dial_race(list, 1, NULL, start + 300), -1);
	ck_assert_int_eq(errno, ETIMEDOUT);
	ck_assert_int_ge(clock_ms() - start, 300);
	ck_assert_int_lt(clock_ms() - start, 5000);
	start = clock_ms();
	fd = dial_race(list, 2, NULL, start + LIMIT_MS);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_lt(clock_ms() - start, 5000);
	close(fd);
	close_all(fds);
	close(server);
	close(hole);
}
END_TEST

START_TEST(deadline_passed)
{
	struct net_address a;
	uint16_t port;
	int server;

	server = bound(4, &port);
	address(&a, "127.0.0.1", port);
	ck_assert_int_eq(dial_race(&a, 1, NULL, clock_ms() - 1), -1);
	ck_assert_int_eq(errno, ETIMEDOUT);
	close(server);
}
END_TEST

START_TEST(ports_in_turn)
{
	int closed, server, hole, fd, on = 0, fds[BACKLOG_TRIES];
	socklen_t len = sizeof on;
	uint16_t ports[3], port = 1;
	struct error e;

	closed = bound(-1, &ports[0]);
	hole = bound(0, &ports[1]);
	fill_backlog(ports[1], fds);
	server = bound(4, &ports[2]);
	fd = dial_to("127.0.0.1", ports, 3, 2000, &port, &e);
	ck_assert_msg(fd != -1, "%s", e.text);
	ck_assert_uint_eq(port, ports[2]);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len);
	ck_assert_int_ne(on, 0);
	close(fd);
	ck_assert_int_eq(dial_to("127.0.0.1", ports, 1, LIMIT_MS, &port, &e),
	    -1);
	ck_assert_int_eq(e.class, ERR_TEMPORARY);
	ck_assert_ptr_nonnull(strstr(e.text, "'127.0.0.1'"));
	ck_assert_int_eq(dial_to("127.0.0.1", ports, 2, 300, &port, &e), -1);
	ck_assert_int_eq(e.class, ERR_TEMPORARY);
	close_all(fds);
	close(server);
	close(hole);
	close(closed);
}
END_TEST

START_TEST(unix_socket)
{
	char dir[] = "/tmp/sendoff-dial-XXXXXX", path[64], longer[300];
	struct sockaddr_un un;
	uint16_t port = 1;
	struct error e;
	int server, fd;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/s", dir);
	ck_assert_int_eq(dial_to(path, NULL, 0, LIMIT_MS, &port, &e),
	    -1);
	ck_assert_int_eq(e.class, ERR_TEMPORARY);
	memset(&un, 0, sizeof un);
	un.sun_family = AF_UNIX;
	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	server = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(server, (struct sockaddr *)&un, sizeof un), 0);
	ck_assert_int_eq(listen(server, 4), 0);
	fd = dial_to(path, NULL, 0, LIMIT_MS, &port, &e);
	ck_assert_msg(fd != -1, "%s", e.text);
	ck_assert_uint_eq(port, 0);
	close(fd);
	close(server);
	unlink(path);
	rmdir(dir);
	memset(longer, 'x', sizeof longer);
	longer[0] = '/';
	longer[sizeof longer - 1] = '\0';
	ck_assert_int_eq(dial_to(longer, NULL, 0, LIMIT_MS, &port, &e), -1);
	ck_assert_int_eq(e.class, ERR_CONFIG);
}
END_TEST

START_TEST(unknown_host)
{
	const uint16_t ports[] = { 25 };
	uint16_t port;
	struct error e;

	ck_assert_int_eq(dial_to("no-such-host.invalid", ports, 1, LIMIT_MS,
	    &port, &e), -1);
	ck_assert_msg(e.class == ERR_HOST || e.class == ERR_TEMPORARY, "%s",
	    e.text);
	ck_assert_ptr_nonnull(strstr(e.text, "no-such-host.invalid"));
}
END_TEST

static const struct {
	const char *name, *ascii;
} names[] = {
	{ "mail.example.org", "mail.example.org" },
	{ "MAIL.example.org", "MAIL.example.org" },
	{ "127.0.0.1", "127.0.0.1" },
	{ "b\303\274cher.example", "xn--bcher-kva.example" },
	{ "B\303\234CHER.example", "xn--bcher-kva.example" },
	{ "fa\303\237.de", "xn--fa-hia.de" },
	{ "bu\314\210cher.example", "xn--bcher-kva.example" },
	{ "\377.example", NULL },
	{ "a\302\200b.example", NULL },
};

START_TEST(ascii_name)
{
	struct error e;
	char *out;

	e.class = ERR_NONE;
	out = resolve_ascii_name(names[_i].name, &e);
	if (names[_i].ascii == NULL) {
		ck_assert_ptr_null(out);
		ck_assert_int_eq(e.class, ERR_CONFIG);
	} else {
		ck_assert_msg(out != NULL, "%s", e.text);
		ck_assert_str_eq(out, names[_i].ascii);
	}
	free(out);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("dial");
	t = tcase_create("dial");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, interleave, 0, sizeof orders / sizeof *orders);
	tcase_add_test(t, race_nine_refuse);
	tcase_add_test(t, race_black_hole);
	tcase_add_test(t, deadline_passed);
	tcase_add_test(t, ports_in_turn);
	tcase_add_test(t, unix_socket);
	tcase_add_test(t, unknown_host);
	tcase_add_loop_test(t, ascii_name, 0, sizeof names / sizeof *names);
	suite_add_tcase(s, t);
	return run_suite(s);
}
