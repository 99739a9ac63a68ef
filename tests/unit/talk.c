/* SPDX-License-Identifier: ISC */
/*
 * A talk with the session engine, by hand.
 */
#include "config.h"

#include <string.h>

#include "runner.h"
#include "talk.h"

/* No TLS, no login, one recipient; the session is not begun. */
void
talk_init(struct talk *t)
{
	memset(t, 0, sizeof *t);
	t->settings.relay = "relay";
	t->settings.helo = "client";
	envelope_init(&t->env);
	envelope_set_sender(&t->env, "a@b");
	buf_init(&t->out, 64 * 1024 * 1024);
}

void
talk_release(struct talk *t)
{
	session_free(t->s);
	envelope_release(&t->env);
	buf_release(&t->out);
}

void
say(struct talk *t, const char *text)
{
	session_feed(t->s, text, strlen(text));
}

/* All that the engine has to write, which is written. */
const char *
hear(struct talk *t)
{
	const char *data;
	size_t len;

	len = session_output(t->s, &data);
	buf_clear(&t->out);
	buf_add(&t->out, data, len);
	session_written(t->s, len);
	session_flushed(t->s);
	return t->out.data;
}

/* To SESSION_READY; ehlo is the answer to EHLO. */
void
ready(struct talk *t, const char *ehlo)
{
	t->s = session_new(&t->settings);
	MUST_BE(t, SESSION_WAIT);
	say(t, EHLO);
	MUST_BE(t, SESSION_WAIT);
	MUST_SAY(t, "EHLO client\r\n");
	say(t, ehlo);
	MUST_BE(t, SESSION_READY);
}

void
begin(struct talk *t, bool partial)
{
	struct transaction tr;
	size_t i;

	for (i = 0; i < t->env.count; i++)
		verdict_release(&t->env.list[i].verdict);
	memset(&tr, 0, sizeof tr);
	tr.envelope = &t->env;
	tr.size = 3;
	tr.partial = partial;
	session_begin(t->s, &tr);
}

/* To SESSION_WANT_BODY with one recipient and pipelining. */
void
want_body(struct talk *t)
{
	envelope_add(&t->env, "c@d");
	ready(t, PIPELINING);
	begin(t, true);
	MUST_BE(t, SESSION_WAIT);
	MUST_SAY(t, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	say(t, "250 ok\r\n250 ok\r\n354 go\r\n");
	MUST_BE(t, SESSION_WANT_BODY);
}

void
message(struct talk *t)
{
	session_body(t->s, "x\n", 2);
	session_body_end(t->s);
	MUST_BE(t, SESSION_WAIT);
}

enum recipient_state
state(const struct talk *t, size_t i)
{
	return t->env.list[i].verdict.state;
}

void
must_fail(struct talk *t, enum error_class class)
{
	MUST_BE(t, SESSION_FAILED);
	ck_assert_msg(session_error(t->s)->class == class, "%d: %s",
	    session_error(t->s)->class, session_error(t->s)->text);
	MUST_SAY(t, "");
}
