/* SPDX-License-Identifier: ISC */
/*
 * The server's engine: what it answers to each command, what it takes for a
 * message, and that the same comes out however its input is cut.
 */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "smtp/server.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

/*
 * What an input comes to: the replies; and each message as
 * "<sender> <rcpt>...|body|", each drop as "~".
 */
struct result {
	struct buf replies;
	struct buf messages;
	struct buf body;
	bool closed;
};

static void
result_init(struct result *r)
{
	memset(r, 0, sizeof *r);
	buf_init(&r->replies, 16 * 1024 * 1024);
	buf_init(&r->messages, 16 * 1024 * 1024);
	buf_init(&r->body, 16 * 1024 * 1024);
}

static void
result_release(struct result *r)
{
	buf_release(&r->replies);
	buf_release(&r->messages);
	buf_release(&r->body);
}

static void
flush(struct server *s, struct result *r)
{
	const char *data;
	size_t len;

	len = server_output(s, &data);
	buf_add(&r->replies, data, len);
	server_written(s, len);
}

static void
end_message(struct server *s, struct result *r)
{
	const struct server_transaction *t = server_transaction(s);
	size_t i;

	buf_addf(&r->messages, "<%s>", t->mail.sender);
	for (i = 0; i < t->count; i++)
		buf_addf(&r->messages, " <%s>", t->recipients[i].address);
	buf_addc(&r->messages, '|');
	buf_add(&r->messages, r->body.data, r->body.len);
	buf_addc(&r->messages, '|');
	buf_clear(&r->body);
	server_answer(s, 250, "2.0.0", "taken");
}

/* Until it wants more, or has closed. */
static void
settle(struct server *s, struct result *r)
{
	const char *data;
	size_t len;

	for (;;) {
		switch (server_step(s)) {
		case SERVER_WAIT:
			flush(s, r);
			return;
		case SERVER_FLUSH:
			flush(s, r);
			break;
		case SERVER_BODY:
			len = server_body(s, &data);
			ck_assert_uint_gt(len, 0);
			buf_add(&r->body, data, len);
			break;
		case SERVER_END:
			end_message(s, r);
			break;
		case SERVER_DROP:
			buf_addc(&r->messages, '~');
			buf_clear(&r->body);
			break;
		case SERVER_CLOSED:
			flush(s, r);
			r->closed = true;
			return;
		}
	}
}

static void
talk_sized(const char *input, size_t len, size_t piece, uint64_t size_max,
    struct result *r)
{
	struct server_settings settings = { "mx.example", size_max, 3 };
	struct server *s;
	size_t at, n;

	result_init(r);
	s = server_new(&settings);
	settle(s, r);
	for (at = 0; at < len && !r->closed; at += n) {
		n = len - at < piece ? len - at : piece;
		server_feed(s, input + at, n);
		settle(s, r);
	}
	server_free(s);
}

static void
talk(const char *input, size_t piece, struct result *r)
{
	talk_sized(input, strlen(input), piece, 0, r);
}

/* The codes of the replies that are not the greeting: "250 354 250". */
static void
codes(const struct buf *replies, struct buf *out)
{
	const char *line = replies->data, *lf;
	bool first = true;

	for (; (lf = strchr(line, '\n')) != NULL; line = lf + 1) {
		ck_assert_uint_le(lf - line + 1, SERVER_REPLY_LINE_MAX);
		ck_assert(lf > line + 3 && lf[-1] == '\r');
		if (line[3] == '-')
			continue;
		ck_assert_int_eq(line[3], ' ');
		if (!first)
			buf_addf(out, "%s%.3s", out->len > 0 ? " " : "", line);
		first = false;
	}
}

static const struct {
	const char *input;
	const char *codes;
} commands[] = {
	{ "EHLO x\r\nQUIT\r\n", "250 221" },
	{ "helo [127.0.0.1]\r\nquit\r\n", "250 221" },
	{ "EHLO\r\nHELO\r\nEHLO  \r\n", "501 501 501" },
	{ "NOOP\r\nNOOP it\r\nRSET\r\nHELP\r\nHELP MAIL\r\n",
	    "250 250 250 214 214" },
	{ "VRFY root\r\nVRFY\r\nEXPN x\r\nVERB\r\n", "252 501 502 502" },
	{ "AUTH PLAIN\r\nSTARTTLS\r\n", "502 502" },
	{ "ETRN x\r\nTURN\r\nSEND FROM:<a@b>\r\n", "502 502 502" },
	{ "\r\nEHLOX y\r\n ONEX\r\nDAT\r\n", "500 500 500 500" },
	{ "RSET now\r\nDATA 5\r\nQUIT x\r\nNOOP\r\n", "501 501 501 250" },
	{ "NO\001OP\r\nNOOP \177\r\nNO\rOP\r\n\tNOOP\r\n",
	    "500 500 500 500" },
	/* The sequence. */
	{ "DATA\r\nRCPT TO:<a@b>\r\nBDAT 0 LAST\r\n", "503 503 503" },
	{ "MAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\nDATA\r\n", "250 503 503" },
	{ "MAIL FROM:<a@b>\r\nRSET\r\nRCPT TO:<a@b>\r\n", "250 250 503" },
	{ "MAIL FROM:<a@b>\r\nEHLO x\r\nRCPT TO:<a@b>\r\n", "250 250 503" },
	{ "MAIL FROM:<a@b>\r\nEHLO\r\nRCPT TO:<a@b>\r\n", "250 501 250" },
	{ "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1\r\nxRCPT TO:<e@f>\r\n"
	    "DATA\r\nRSET\r\n", "250 250 250 503 503 250" },
	/* Paths. */
	{ "MAIL FROM:<>\r\nRCPT TO:<>\r\n", "250 501" },
	{ "mail from: <a@b>\r\nrcpt to: <a@b> \r\n", "250 250" },
	{ "MAIL FROM:a@b\r\nRCPT TO:root\r\n", "250 250" },
	{ "MAIL <a@b>\r\nMAIL FROM\r\nMAIL FROM:\r\nRCPT <a@b>\r\n",
	    "501 501 501 501" },
	{ "MAIL FROM:<@x,@y:a@b>\r\nRCPT TO:<postmaster>\r\n", "250 250" },
	{ "MAIL FROM:<\"a b\"@c>\r\nRCPT TO:<\"a\\\"<>\"@[127.0.0.1]>\r\n",
	    "250 250" },
	{ "MAIL FROM:<a@[IPv6:::1]>\r\n", "250" },
	{ "MAIL FROM:<a@b\r\n", "501" },
	{ "MAIL FROM:<a@b>x\r\n", "501" },
	{ "MAIL FROM:<a b@c>\r\n", "501" },
	{ "MAIL FROM:<a(b)@c>\r\n", "501" },
	{ "MAIL FROM:A <a@c>\r\n", "555" },
	{ "MAIL FROM:<a@b,c@d>\r\n", "501" },
	{ "MAIL FROM:<a@b@c>\r\n", "501" },
	{ "MAIL FROM:<@>\r\n", "501" },
	{ "MAIL FROM:<a@>\r\n", "501" },
	{ "MAIL FROM:<a@-b>\r\n", "501" },
	{ "MAIL FROM:<a@b> SIZE=9 <\r\n", "555" },
	{ "MAIL FROM:<<a@b>>\r\n", "501" },
	/* UTF-8 where it is asked for. */
	{ "MAIL FROM:<\303\274@b>\r\n", "553" },
	{ "MAIL FROM:<\303\274@b> SMTPUTF8\r\nRCPT TO:<\303\274@d>\r\n",
	    "250 250" },
	{ "MAIL FROM:<a@b>\r\nRCPT TO:<\303\274@d>\r\n", "250 553" },
	{ "MAIL FROM:<a@\303\274.de>\r\n", "553" },
	{ "MAIL FROM:<\374@b> SMTPUTF8\r\n", "501" },
	/* Parameters. */
	{ "MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME\r\n", "250" },
	{ "MAIL FROM:<a@b> size=10  body=7bit ret=hdrs envid=a+2Bb\r\n",
	    "250" },
	{ "MAIL FROM:<a@b> SIZE\r\n", "501" },
	{ "MAIL FROM:<a@b> SIZE=\r\n", "501" },
	{ "MAIL FROM:<a@b> SIZE=-1\r\n", "501" },
	{ "MAIL FROM:<a@b> SIZE=123456789012345678901\r\n", "501" },
	{ "MAIL FROM:<a@b> SIZE=99999999999999999999\r\n", "250" },
	{ "MAIL FROM:<a@b> SIZE=1 SIZE=1\r\n", "501" },
	{ "MAIL FROM:<a@b> BODY=BINARYMIME\r\n", "504" },
	{ "MAIL FROM:<a@b> BODY=9BIT\r\n", "501" },
	{ "MAIL FROM:<a@b> AUTH=<>\r\n", "555" },
	{ "MAIL FROM:<a@b> X=Y\r\n", "555" },
	{ "MAIL FROM:<a@b> NOTIFY=NEVER\r\n", "555" },
	{ "MAIL FROM:<a@b> RET=ALL\r\n", "501" },
	{ "MAIL FROM:<a@b> ENVID=a+2\r\n", "501" },
	{ "MAIL FROM:<a@b> ENVID=a+0D+0AX\r\n", "501" },
	{ "MAIL FROM:<a@b> ENVID=\r\n", "501" },
	{ "MAIL FROM:<a@b> SMTPUTF8=1\r\n", "501" },
	{ "MAIL FROM:<a@b>\r\nRCPT TO:<c@d> NOTIFY=SUCCESS,DELAY"
	    " ORCPT=rfc822;c@d\r\n", "250 250" },
	{ "MAIL FROM:<a@b>\r\nRCPT TO:<c@d> NOTIFY=NEVER\r\n", "250 250" },
	{ "MAIL FROM:<a@b>\r\nRCPT TO:<c@d> NOTIFY=NEVER,DELAY\r\n",
	    "250 501" },
	{ "MAIL FROM:<a@b>\r\nRCPT TO:<c@d> NOTIFY=\r\n", "250 501" },
	{ "MAIL FROM:<a@b>\r\nRCPT TO:<c@d> ORCPT=c\r\n", "250 501" },
	{ "MAIL FROM:<a@b>\r\nRCPT TO:<c@d> SIZE=1\r\n", "250 555" },
	/* Recipients: three here. */
	{ "MAIL FROM:<a@b>\r\nRCPT TO:<c>\r\nRCPT TO:<d>\r\nRCPT TO:<e>\r\n"
	    "RCPT TO:<f>\r\nDATA\r\n.\r\n", "250 250 250 250 452 354 250" },
	/* Chunks. */
	{ "BDAT 4\r\nQUITNOOP\r\n", "503 250" },
	{ "BDAT\r\nNOOP\r\n", "501" },
	{ "BDAT x LAST\r\nNOOP\r\n", "501" },
	{ "BDAT 3 FIRST\r\nabcNOOP\r\n", "501" },
	{ "BDAT 18446744073709551616\r\n", "501" },
};

START_TEST(answers)
{
	struct result r;
	struct buf got;

	buf_init(&got, 4096);
	talk(commands[_i].input, SERVER_FEED_MAX, &r);
	codes(&r.replies, &got);
	ck_assert_msg(strcmp(got.data, commands[_i].codes) == 0,
	    "%s: %s, not %s", commands[_i].input, got.data,
	    commands[_i].codes);
	buf_release(&got);
	result_release(&r);
}
END_TEST

#define ENVELOPE	"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"
#define ENVELOPE_LF	"MAIL FROM:<a@b>\nRCPT TO:<c@d>\n"

static const struct {
	const char *input;
	const char *messages;
} messages[] = {
	{ ENVELOPE "DATA\r\n.\r\n", "<a@b> <c@d>||" },
	{ ENVELOPE "DATA\r\nx\r\n\r\ny\r\n.\r\n",
	    "<a@b> <c@d>|x\r\n\r\ny\r\n|" },
	{ ENVELOPE "DATA\r\n..\r\n...x\r\n.y\r\n.\r\n",
	    "<a@b> <c@d>|.\r\n..x\r\ny\r\n|" },
	/* What is not CRLF "." CRLF ends nothing. */
	{ ENVELOPE "DATA\r\nx\n.\nQUIT\n.\r\ny\r\n.\nz\r\n.\r\n",
	    "<a@b> <c@d>|x\n.\nQUIT\n.\r\ny\r\n\nz\r\n|" },
	{ ENVELOPE "DATA\r\nx\r.\r\ny\r.\rz\r\n.\rw\r\r\n.\r\n",
	    "<a@b> <c@d>|x\r.\r\ny\r.\rz\r\n\rw\r\r\n|" },
	{ ENVELOPE "DATA\r\n.\r\r\n.\r\n", "<a@b> <c@d>|\r\r\n|" },
	{ ENVELOPE "DATA\r\n\n.\r\nx\r\n.\r\n",
	    "<a@b> <c@d>|\n.\r\nx\r\n|" },
	{ ENVELOPE "DATA\r\nx\n.\r\n", "" },
	{ ENVELOPE "DATA\r\nx\r\n.\n", "" },
	{ ENVELOPE "DATA\r\nx\r\n.", "" },
	{ ENVELOPE "DATA\r\nx", "" },
	/* One CRLF is enough for all that follows. */
	{ "NOOP\r\n" ENVELOPE_LF "DATA\nx\n.\nQUIT\n", "" },
	{ ENVELOPE_LF "DATA\r\nx\n.\nQUIT\n", "" },
	/* A client that knows no CR. */
	{ ENVELOPE_LF "DATA\nx\n..\n.\nQUIT\n", "<a@b> <c@d>|x\n.\n|" },
	{ ENVELOPE_LF "DATA\n.\n", "<a@b> <c@d>||" },
	{ ENVELOPE_LF "DATA\nx\r\ny\r.\n.\r\n",
	    "<a@b> <c@d>|x\r\ny\r.\n|" },
	/* Several. */
	{ ENVELOPE "DATA\r\nx\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<root>\r\n"
	    "DATA\r\ny\r\n.\r\n",
	    "<a@b> <c@d>|x\r\n|<> <root>|y\r\n|" },
	/* Chunks, dots and line ends in them without a meaning. */
	{ ENVELOPE "BDAT 7\r\n.\r\n.\r\n.BDAT 2 last\r\n\r\n",
	    "<a@b> <c@d>|.\r\n.\r\n.\r\n|" },
	{ ENVELOPE "BDAT 0 LAST\r\n", "<a@b> <c@d>||" },
	{ ENVELOPE "BDAT 3\r\nabcBDAT 0 LAST\r\n", "<a@b> <c@d>|abc|" },
	{ ENVELOPE "BDAT 3\r\nabcRSET\r\n" ENVELOPE
	    "BDAT 1 LAST\r\nx", "~<a@b> <c@d>|x|" },
	{ ENVELOPE "BDAT 3\r\nabcQUIT\r\n", "~" },
	{ ENVELOPE "BDAT 3\r\nabcEHLO x\r\nDATA\r\n", "~" },
	{ ENVELOPE "BDAT 3 LAST\r\nab", "" },
	/* A path in its plain form. */
	{ "MAIL FROM:<@r:\"a\"@b>\r\nRCPT TO:<\"c d\"@e>\r\nDATA\r\n.\r\n",
	    "<a@b> <\"c d\"@e>||" },
};

START_TEST(taken)
{
	struct result r;

	talk(messages[_i].input, SERVER_FEED_MAX, &r);
	ck_assert_str_eq(r.messages.data, messages[_i].messages);
	result_release(&r);
}
END_TEST

/* The same replies and messages, in pieces of each size. */
static void
same_in_pieces(const char *input)
{
	struct result whole, cut;
	size_t piece;

	talk(input, SERVER_FEED_MAX, &whole);
	for (piece = 1; piece <= 64; piece++) {
		talk(input, piece, &cut);
		ck_assert_str_eq(cut.messages.data, whole.messages.data);
		ck_assert_str_eq(cut.replies.data, whole.replies.data);
		ck_assert(cut.closed == whole.closed);
		result_release(&cut);
	}
	result_release(&whole);
}

START_TEST(pieces_of_commands)
{
	same_in_pieces(commands[_i].input);
}
END_TEST

START_TEST(pieces_of_messages)
{
	same_in_pieces(messages[_i].input);
}
END_TEST

/* Lines at the limit, one octet over it, and far over it. */
START_TEST(long_lines)
{
	static const size_t sizes[] = { 4096, 4097, 5000, 100000 };
	struct buf input, got;
	struct result r;
	size_t i, piece;

	for (i = 0; i < COUNT(sizes); i++)
		for (piece = 1; piece <= 4096; piece *= 8) {
			buf_init(&input, 200000);
			buf_init(&got, 4096);
			buf_adds(&input, "NOOP ");
			while (input.len < sizes[i] - 2)
				buf_addc(&input, 'x');
			buf_adds(&input, "\r\nNOOP\r\n");
			talk(input.data, piece, &r);
			codes(&r.replies, &got);
			ck_assert_str_eq(got.data, sizes[i] <= 4096 ?
			    "250 250" : "500 250");
			buf_release(&input);
			buf_release(&got);
			result_release(&r);
		}
}
END_TEST

START_TEST(capabilities)
{
	struct result r;

	talk("EHLO x\r\n", 100, &r);
	ck_assert_str_eq(r.replies.data, "220 mx.example ESMTP sendoff\r\n"
	    "250-mx.example\r\n250-PIPELINING\r\n250-SIZE\r\n"
	    "250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"
	    "250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n250 HELP\r\n");
	result_release(&r);
}
END_TEST

/* A limit of ten octets: announced, said, and passed. */
START_TEST(size_limit)
{
	static const char input[] =
	    "EHLO x\r\nMAIL FROM:<a@b> SIZE=11\r\n"
	    "MAIL FROM:<a@b> SIZE=10\r\nRCPT TO:<c@d>\r\n"
	    "DATA\r\n12345678\r\n.\r\n"
	    ENVELOPE "DATA\r\n123456789\r\n.\r\n"
	    ENVELOPE "BDAT 9\r\n123456789BDAT 2 LAST\r\n01NOOP\r\n";
	struct result r;
	struct buf got;

	buf_init(&got, 4096);
	talk_sized(input, strlen(input), 7, 10, &r);
	ck_assert_ptr_nonnull(strstr(r.replies.data, "250-SIZE 10\r\n"));
	codes(&r.replies, &got);
	ck_assert_str_eq(got.data, "250 552 250 250 354 250"
	    " 250 250 354 552 250 250 250 552 250");
	ck_assert_str_eq(r.messages.data, "<a@b> <c@d>|12345678\r\n|~~");
	buf_release(&got);
	result_release(&r);
}
END_TEST

/* Many more replies than the output holds at a time. */
START_TEST(flood)
{
	struct buf input, got;
	struct result r;
	size_t i;

	buf_init(&input, 1 << 20);
	buf_init(&got, 1 << 20);
	for (i = 0; i < 20000; i++)
		buf_adds(&input, "HELP\n");
	talk_sized(input.data, input.len, SERVER_FEED_MAX, 0, &r);
	codes(&r.replies, &got);
	ck_assert_uint_eq(got.len, 20000 * 4 - 1);
	buf_release(&input);
	buf_release(&got);
	result_release(&r);
}
END_TEST

/* Gets the server to the message's end, and answers it. */
static void
answer(const char *input, int code, const char *enhanced, const char *text,
    struct result *r)
{
	struct server_settings settings = { "mx.example", 0, 0 };
	struct server *s;
	enum server_event event;

	result_init(r);
	s = server_new(&settings);
	server_feed(s, input, strlen(input));
	while ((event = server_step(s)) != SERVER_END)
		ck_assert(event == SERVER_BODY);
	ck_assert(server_in_message(s));
	flush(s, r);
	buf_clear(&r->replies);
	server_answer(s, code, enhanced, text);
	ck_assert(!server_in_message(s));
	settle(s, r);
	server_free(s);
}

START_TEST(answer_lines)
{
	struct result r;

	answer(ENVELOPE "DATA\r\n.\r\n", 550, "5.1.1", "one\ntwo\n", &r);
	ck_assert_str_eq(r.replies.data,
	    "550-5.1.1 one\r\n550-5.1.1 two\r\n550 5.1.1 \r\n");
	result_release(&r);
}
END_TEST

START_TEST(answer_is_clean)
{
	struct result r;

	answer(ENVELOPE "DATA\r\n.\r\n", 550, "5.1.1",
	    "a\r250 b\033\302\233\303\274\377", &r);
	ck_assert_str_eq(r.replies.data,
	    "550 5.1.1 a\\x0D250 b\\x1B\\xC2\\x9B??\\xFF\r\n");
	result_release(&r);
	answer("MAIL FROM:<a@b> SMTPUTF8\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n",
	    550, "5.1.1", "\303\274", &r);
	ck_assert_str_eq(r.replies.data, "550 5.1.1 \303\274\r\n");
	result_release(&r);
}
END_TEST

START_TEST(answer_is_long)
{
	struct result r;
	struct buf text, got;
	size_t i;

	buf_init(&text, 8192);
	buf_init(&got, 100);
	for (i = 0; i < 1200; i++)
		buf_addc(&text, 'x');
	answer(ENVELOPE "DATA\r\n.\r\n", 451, "4.4.1", text.data, &r);
	/* The first line is no greeting here: codes leaves it out. */
	codes(&r.replies, &got);
	ck_assert_str_eq(got.data, "");
	ck_assert_uint_eq(r.replies.len, 1200 + 3 * strlen("451 4.4.1 \r\n"));
	buf_release(&text);
	buf_release(&got);
	result_release(&r);
}
END_TEST

/* What is kept of a transaction, for notifications. */
START_TEST(parameters_are_kept)
{
	struct server_settings settings = { "mx.example", 0, 0 };
	const struct server_transaction *t;
	struct server *s;
	const char *input = "MAIL FROM:<a@b> RET=HDRS ENVID=q+3D1"
	    " BODY=8BITMIME SIZE=12\r\nRCPT TO:<c@d> NOTIFY=SUCCESS,DELAY"
	    " ORCPT=rfc822;c+2B@d\r\n";

	s = server_new(&settings);
	server_feed(s, input, strlen(input));
	ck_assert_int_eq(server_step(s), SERVER_WAIT);
	t = server_transaction(s);
	ck_assert_int_eq(t->mail.ret, DSN_RETURN_HDRS);
	ck_assert_str_eq(t->mail.envid, "q=1");
	ck_assert(t->mail.eight_bit && !t->mail.smtputf8);
	ck_assert_uint_eq(t->mail.size, 12);
	ck_assert_uint_eq(t->count, 1);
	ck_assert_uint_eq(t->recipients[0].notify, DSN_SUCCESS | DSN_DELAY);
	ck_assert_str_eq(t->recipients[0].orcpt, "rfc822;c+2B@d");
	server_free(s);
}
END_TEST

START_TEST(refusing)
{
	struct server_settings settings = { "mx.example", 0, 0 };
	struct server *s;
	struct result r;

	result_init(&r);
	s = server_new_refusing(&settings, "4.3.5", "no account");
	settle(s, &r);
	ck_assert(r.closed);
	ck_assert_str_eq(r.replies.data, "421 4.3.5 no account\r\n");
	server_free(s);
	result_release(&r);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("server");
	t = tcase_create("server");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, answers, 0, COUNT(commands));
	tcase_add_loop_test(t, taken, 0, COUNT(messages));
	tcase_add_loop_test(t, pieces_of_commands, 0, COUNT(commands));
	tcase_add_loop_test(t, pieces_of_messages, 0, COUNT(messages));
	tcase_add_test(t, long_lines);
	tcase_add_test(t, capabilities);
	tcase_add_test(t, size_limit);
	tcase_add_test(t, flood);
	tcase_add_test(t, answer_lines);
	tcase_add_test(t, answer_is_clean);
	tcase_add_test(t, answer_is_long);
	tcase_add_test(t, parameters_are_kept);
	tcase_add_test(t, refusing);
	suite_add_tcase(s, t);
	return run_suite(s);
}
