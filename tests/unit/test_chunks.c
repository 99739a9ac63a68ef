/* SPDX-License-Identifier: ISC */
/*
 * BDAT by hand: when it goes out, and what becomes of recipients whatever the
 * relay says of a chunk.  RFC 3030.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner.h"
#include "talk.h"

#define CHUNKS	"250-hi\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
#define MIB	(1024 * 1024)

/* A transaction for so many octets, two recipients, ready to be asked. */
static void
start(struct talk *t, uint64_t size, bool partial)
{
	struct transaction tr;

	talk_init(t);
	envelope_add(&t->env, "c@d");
	envelope_add(&t->env, "e@f");
	ready(t, CHUNKS);
	memset(&tr, 0, sizeof tr);
	tr.envelope = &t->env;
	tr.size = size;
	tr.partial = partial;
	session_begin(t->s, &tr);
}

#define ENVELOPE	"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n"

/* Everything is out, nothing is answered. */
static void
small(struct talk *t)
{
	start(t, 8, true);
	MUST_BE(t, SESSION_WANT_BODY);
	session_body(t->s, ".x\n..\n", 6);
	session_body_end(t->s);
	MUST_BE(t, SESSION_WAIT);
	MUST_SAY(t, ENVELOPE "BDAT 8 LAST\r\n.x\r\n..\r\n");
}

START_TEST(one_flight)
{
	struct talk t;

	small(&t);
	ck_assert_int_eq(session_patience(t.s), SESSION_PATIENCE_REPLY);
	say(&t, "250 a\r\n250 b\r\n250 c\r\n");
	MUST_BE(&t, SESSION_WAIT);
	ck_assert_int_eq(session_patience(t.s), SESSION_PATIENCE_FINAL);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_UNTRIED);
	say(&t, "250 2.0.0 d\r\n");
	MUST_BE(&t, SESSION_DONE);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_ACCEPTED);
	ck_assert_int_eq(state(&t, 1), RECIPIENT_ACCEPTED);
	ck_assert_str_eq(t.env.list[0].verdict.text, "d");
	/* The next one needs no RSET. */
	MUST_BE(&t, SESSION_READY);
	begin(&t, true);
	MUST_BE(&t, SESSION_WANT_BODY);
	ck_assert_int_eq(strncmp(hear(&t), "MAIL FROM", 9), 0);
	talk_release(&t);
}
END_TEST

/* What the relay says to MAIL, both RCPTs and BDAT; what comes of it. */
static const struct {
	const char *replies;
	enum recipient_state first, second;
	enum session_event event;
	int code;		/* of the first recipient's verdict */
	const char *next;	/* what the next transaction begins with */
} outcomes[] = {
	{ "250 a\r\n550 b\r\n250 c\r\n250 d\r\n", RECIPIENT_REFUSED,
	    RECIPIENT_ACCEPTED, SESSION_DONE, 550, "MAIL" },
	{ "250 a\r\n450 b\r\n250 c\r\n250 d\r\n", RECIPIENT_DEFERRED,
	    RECIPIENT_ACCEPTED, SESSION_DONE, 450, "MAIL" },
	{ "250 a\r\n550 b\r\n550 c\r\n503 d\r\n", RECIPIENT_REFUSED,
	    RECIPIENT_REFUSED, SESSION_DONE, 550, "RSET" },
	{ "250 a\r\n550 b\r\n450 c\r\n554 d\r\n", RECIPIENT_REFUSED,
	    RECIPIENT_DEFERRED, SESSION_DONE, 550, "RSET" },
	/* It took the message for nobody: that changes no verdict. */
	{ "250 a\r\n550 b\r\n550 c\r\n250 d\r\n", RECIPIENT_REFUSED,
	    RECIPIENT_REFUSED, SESSION_DONE, 550, "RSET" },
	{ "550 a\r\n503 b\r\n503 c\r\n503 d\r\n", RECIPIENT_REFUSED,
	    RECIPIENT_REFUSED, SESSION_DONE, 550, "MAIL" },
	{ "451 a\r\n503 b\r\n503 c\r\n503 d\r\n", RECIPIENT_DEFERRED,
	    RECIPIENT_DEFERRED, SESSION_DONE, 451, "MAIL" },
	{ "250 a\r\n250 b\r\n250 c\r\n451 d\r\n", RECIPIENT_DEFERRED,
	    RECIPIENT_DEFERRED, SESSION_DONE, 451, "RSET" },
	{ "250 a\r\n250 b\r\n250 c\r\n554 d\r\n", RECIPIENT_REFUSED,
	    RECIPIENT_REFUSED, SESSION_DONE, 554, "RSET" },
	/* About the login, but what becomes of the others is waited for. */
	{ "250 a\r\n530 b\r\n250 c\r\n250 d\r\n", RECIPIENT_REFUSED,
	    RECIPIENT_ACCEPTED, SESSION_DONE, 530, "MAIL" },
	{ "530 a\r\n503 b\r\n503 c\r\n503 d\r\n", RECIPIENT_REFUSED,
	    RECIPIENT_REFUSED, SESSION_DONE, 530, "MAIL" },
	{ "250 a\r\n250 b\r\n250 c\r\n421 d\r\n", RECIPIENT_DEFERRED,
	    RECIPIENT_DEFERRED, SESSION_DONE, 421, NULL },
	{ "250 a\r\n250 b\r\n250 c\r\n354 d\r\n", RECIPIENT_UNKNOWN,
	    RECIPIENT_UNKNOWN, SESSION_FAILED, 0, NULL },
};

START_TEST(verdicts)
{
	struct talk t;

	small(&t);
	say(&t, outcomes[_i].replies);
	MUST_BE(&t, outcomes[_i].event);
	ck_assert_int_eq(state(&t, 0), outcomes[_i].first);
	ck_assert_int_eq(state(&t, 1), outcomes[_i].second);
	ck_assert_int_eq(t.env.list[0].verdict.code, outcomes[_i].code);
	if (outcomes[_i].event == SESSION_FAILED) {
		must_fail(&t, ERR_PROTOCOL);
	} else if (outcomes[_i].next == NULL) {
		MUST_BE(&t, SESSION_CLOSED);
	} else {
		MUST_BE(&t, SESSION_READY);
		begin(&t, true);
		session_step(t.s);
		ck_assert_int_eq(strncmp(hear(&t), outcomes[_i].next, 4), 0);
	}
	talk_release(&t);
}
END_TEST

/* Lost when all has left: who was not refused may have it. */
START_TEST(doubt)
{
	struct talk t;

	small(&t);
	if (_i > 0)
		say(&t, "250 a\r\n550 b\r\n");
	MUST_BE(&t, SESSION_WAIT);
	session_eof(t.s, "closed");
	must_fail(&t, ERR_TEMPORARY);
	ck_assert_ptr_nonnull(strstr(session_error(t.s)->text,
	    "may have been delivered"));
	ck_assert_int_eq(state(&t, 0), _i > 0 ? RECIPIENT_REFUSED :
	    RECIPIENT_UNKNOWN);
	ck_assert_int_eq(state(&t, 1), RECIPIENT_UNKNOWN);
	talk_release(&t);
}
END_TEST

/* Lost, or late, when all have been refused: they have not got it. */
static const char *const refusals[] = {
	"550 a\r\n", "250 a\r\n550 b\r\n550 c\r\n", "530 a\r\n503 b\r\n",
};

START_TEST(settled)
{
	struct talk t;

	small(&t);
	say(&t, refusals[_i % 3]);
	MUST_BE(&t, SESSION_WAIT);
	if (_i < 3)
		session_eof(t.s, "closed");
	else
		session_timeout(t.s);
	MUST_BE(&t, SESSION_DONE);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_REFUSED);
	ck_assert_int_eq(state(&t, 1), RECIPIENT_REFUSED);
	MUST_BE(&t, SESSION_CLOSED);
	talk_release(&t);
}
END_TEST

/* Lost before the last octet has left: nobody has it. */
START_TEST(no_doubt)
{
	const char *data;
	struct talk t;

	start(&t, 8, true);
	MUST_BE(&t, SESSION_WANT_BODY);
	session_body(t.s, ".x\n..\n", 6);
	session_body_end(t.s);
	session_written(t.s, session_output(t.s, &data) - 1);
	session_flushed(t.s);
	MUST_BE(&t, SESSION_WAIT);
	session_eof(t.s, "closed");
	must_fail(&t, ERR_TEMPORARY);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_UNTRIED);
	talk_release(&t);
}
END_TEST

/* A 2yz before the last octet has left answers half a message. */
START_TEST(early)
{
	const char *data;
	struct talk t;

	start(&t, 8, true);
	MUST_BE(&t, SESSION_WANT_BODY);
	session_body(t.s, ".x\n..\n", 6);
	session_body_end(t.s);
	session_written(t.s, session_output(t.s, &data) - 1);
	say(&t, _i == 0 ? "250 a\r\n250 b\r\n250 c\r\n250 d\r\n" :
	    "250 a\r\n250 b\r\n250 c\r\n554 d\r\n");
	if (_i == 0) {
		must_fail(&t, ERR_PROTOCOL);
		ck_assert_int_eq(state(&t, 0), RECIPIENT_UNTRIED);
	} else {
		MUST_BE(&t, SESSION_DONE);
		ck_assert_int_eq(state(&t, 0), RECIPIENT_REFUSED);
		MUST_BE(&t, SESSION_CLOSED);
	}
	talk_release(&t);
}
END_TEST

/* partial = no, and what is large, waits for the recipients. */
START_TEST(waits)
{
	struct talk t;

	start(&t, _i == 0 ? 8 : 64 * 1024, _i != 0);
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, ENVELOPE);
	say(&t, "250 a\r\n250 b\r\n");
	MUST_BE(&t, SESSION_WAIT);
	MUST_SAY(&t, "");
	say(&t, "550 c\r\n");
	if (_i == 0) {
		MUST_BE(&t, SESSION_DONE);
		ck_assert_int_eq(state(&t, 0), RECIPIENT_UNTRIED);
	} else {
		MUST_BE(&t, SESSION_WANT_BODY);
		MUST_SAY(&t, "BDAT 65536 LAST\r\n");
	}
	talk_release(&t);
}
END_TEST

/* Two whole chunks and a rest, as the bytes come. */
START_TEST(several_chunks)
{
	const size_t size = 2 * MIB + 10;
	struct buf all, want;
	char *data;
	struct talk t;
	size_t i, n;

	data = xmalloc(size);
	for (i = 0; i < size; i++)
		data[i] = i % 64 == 63 ? '\n' : i % 64 == 62 ? '\r' : '.';
	memcpy(data + size - 2, "\r\n", 2);
	start(&t, size, true);
	MUST_BE(&t, SESSION_WAIT);
	hear(&t);
	say(&t, "250 a\r\n250 b\r\n250 c\r\n");
	buf_init(&all, 4 * MIB);
	for (i = 0; i < size; i += n) {
		MUST_BE(&t, SESSION_WANT_BODY);
		n = size - i < 40000 ? size - i : 40000;
		session_body(t.s, data + i, n);
		buf_adds(&all, "");
		hear(&t);
		buf_add(&all, t.out.data, t.out.len);
	}
	session_body_end(t.s);
	MUST_BE(&t, SESSION_WAIT);
	hear(&t);
	buf_add(&all, t.out.data, t.out.len);
	buf_init(&want, 4 * MIB);
	buf_adds(&want, "BDAT 1048576\r\n");
	buf_add(&want, data, MIB);
	buf_adds(&want, "BDAT 1048576\r\n");
	buf_add(&want, data + MIB, MIB);
	buf_adds(&want, "BDAT 10 LAST\r\n");
	buf_add(&want, data + 2 * MIB, 10);
	ck_assert_uint_eq(all.len, want.len);
	ck_assert_int_eq(memcmp(all.data, want.data, all.len), 0);
	say(&t, "250 1\r\n250 2\r\n");
	MUST_BE(&t, SESSION_WAIT);
	say(&t, "250 3\r\n");
	MUST_BE(&t, SESSION_DONE);
	ck_assert_int_eq(state(&t, 0), RECIPIENT_ACCEPTED);
	buf_release(&all);
	buf_release(&want);
	free(data);
	talk_release(&t);
}
END_TEST

/* The first of three chunks is refused, or answered too early. */
static const struct {
	size_t bytes;		/* of the message that have been taken */
	const char *reply;
	enum session_event event;
	enum recipient_state state;
} middles[] = {
	{ MIB + 100, "451 full\r\n", SESSION_DONE, RECIPIENT_DEFERRED },
	{ MIB + 100, "552 full\r\n", SESSION_DONE, RECIPIENT_REFUSED },
	{ MIB / 2, "552 full\r\n", SESSION_DONE, RECIPIENT_REFUSED },
	{ MIB / 2, "250 ok\r\n", SESSION_FAILED, RECIPIENT_UNTRIED },
	{ MIB + 100, "354 ok\r\n", SESSION_FAILED, RECIPIENT_UNTRIED },
	{ MIB + 100, "250 ok\r\n", SESSION_WANT_BODY, RECIPIENT_UNTRIED },
};

START_TEST(middle_chunk)
{
	struct talk t;
	char *data;

	data = xcalloc(middles[_i].bytes, 1);
	memset(data, 'x', middles[_i].bytes);
	start(&t, 3 * MIB, true);
	MUST_BE(&t, SESSION_WAIT);
	hear(&t);
	say(&t, "250 a\r\n250 b\r\n250 c\r\n");
	MUST_BE(&t, SESSION_WANT_BODY);
	session_body(t.s, data, middles[_i].bytes / 2);
	session_body(t.s, data, middles[_i].bytes - middles[_i].bytes / 2);
	hear(&t);
	say(&t, middles[_i].reply);
	MUST_BE(&t, middles[_i].event);
	ck_assert_int_eq(state(&t, 0), middles[_i].state);
	MUST_SAY(&t, "");
	if (middles[_i].event == SESSION_DONE)
		MUST_BE(&t, SESSION_CLOSED);
	free(data);
	talk_release(&t);
}
END_TEST

/* A size that was counted wrong: nothing that a relay could take for whole. */
START_TEST(miscounted)
{
	struct talk t;

	start(&t, _i == 0 ? 7 : 9, true);
	MUST_BE(&t, SESSION_WANT_BODY);
	session_body(t.s, ".x\n..\n", 6);
	session_body_end(t.s);
	must_fail(&t, ERR_INTERNAL);
	talk_release(&t);
}
END_TEST

/* Without PIPELINING, or without CHUNKING, it is DATA. */
START_TEST(data_instead)
{
	struct talk t;

	talk_init(&t);
	envelope_add(&t.env, "c@d");
	ready(&t, _i == 0 ? PIPELINING : "250-hi\r\n250 CHUNKING\r\n");
	begin(&t, true);
	MUST_BE(&t, SESSION_WAIT);
	if (_i == 0)
		MUST_SAY(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	else {
		MUST_SAY(&t, "MAIL FROM:<a@b>\r\n");
		say(&t, "250 a\r\n");
		MUST_BE(&t, SESSION_WAIT);
		MUST_SAY(&t, "RCPT TO:<c@d>\r\n");
		say(&t, "250 a\r\n");
		MUST_BE(&t, SESSION_WAIT);
		MUST_SAY(&t, "DATA\r\n");
	}
	talk_release(&t);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("chunks");
	t = tcase_create("chunks");
	tcase_add_test(t, one_flight);
	tcase_add_loop_test(t, verdicts, 0,
	    sizeof outcomes / sizeof *outcomes);
	tcase_add_loop_test(t, doubt, 0, 2);
	tcase_add_loop_test(t, settled, 0, 6);
	tcase_add_test(t, no_doubt);
	tcase_add_loop_test(t, early, 0, 2);
	tcase_add_loop_test(t, waits, 0, 2);
	tcase_add_test(t, several_chunks);
	tcase_add_loop_test(t, middle_chunk, 0,
	    sizeof middles / sizeof *middles);
	tcase_add_loop_test(t, miscounted, 0, 2);
	tcase_add_loop_test(t, data_instead, 0, 2);
	suite_add_tcase(s, t);
	return run_suite(s);
}
