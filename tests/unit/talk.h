/* SPDX-License-Identifier: ISC */
/*
 * A talk with the session engine, by hand: what the relay says goes in with
 * say, what the engine writes comes out of hear.
 */
#ifndef TESTS_UNIT_TALK_H
#define TESTS_UNIT_TALK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "mail/envelope.h"
#include "smtp/session.h"

#define EHLO		"220 hi\r\n"
#define PIPELINING	"250-hi\r\n250 PIPELINING\r\n"

struct talk {
	struct session_settings settings;
	struct session *s;
	struct envelope env;
	struct buf out;
};

/* No TLS, no login, no recipient; the session is not begun. */
void	talk_init(struct talk *t);
void	talk_release(struct talk *t);

void	say(struct talk *t, const char *text);
/* All that the engine has to write, which is written. */
const char *hear(struct talk *t);

#define MUST_BE(t, event)	ck_assert_int_eq(session_step((t)->s), event)
#define MUST_SAY(t, text)	ck_assert_str_eq(hear(t), text)

/* To SESSION_READY; ehlo is the answer to EHLO. */
void	ready(struct talk *t, const char *ehlo);
/* A message of 3 octets for all recipients, whatever became of them before. */
void	begin(struct talk *t, bool partial);
/* To SESSION_WANT_BODY with one recipient and pipelining. */
void	want_body(struct talk *t);
/* The message: "x", CRLF. */
void	message(struct talk *t);
enum recipient_state state(const struct talk *t, size_t i);
/* It has failed, and has nothing more to write. */
void	must_fail(struct talk *t, enum error_class class);

#endif
