/* SPDX-License-Identifier: ISC */
/*
 * One message: MAIL, RCPT, DATA or BDAT, the body and its end, and the verdict
 * that each recipient gets; and once more for those whom the relay did not take
 * at a time.  RFC 5321 section 3.3, RFC 2920, 1870, 3461, 6152, 6531.
 *
 * A recipient is accepted only by a 2yz to the whole message.  No final dot
 * goes out when nobody would get the message.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "smtp/engine.h"

/* Bytes that one piece of the message can become. */
#define ENCODED_MAX	(1024 * 1024)
/* Of the parameters for notifications. */
#define PARAMETERS_MAX	4096
/*
 * RCPTs in flight.  A relay with a limit that it has not told may count those
 * beyond it as faults: Postfix does from a thousand on.
 */
#define RCPT_FLIGHT	500

/* Of this transaction. */
static size_t
recipients(const struct session *s)
{
	return s->group.size;
}

static bool
taken(const struct session *s, size_t i)
{
	return group_standing(s, i) == STANDING_TAKEN;
}

static void
set_verdict(struct session *s, size_t i, enum recipient_state state,
    enum error_class class, const struct reply *r)
{
	struct buf text;

	buf_init(&text, REPLY_MAX);
	reply_show(r, &text);
	redact_apply(&s->redact, &text);
	verdict_set(&group_member(s, i)->verdict, state, class, r->code,
	    r->enhanced, text.data, text.len);
	buf_release(&text);
}

/* What a refusal means for one recipient; class is that of a 5yz. */
static void
refuse(struct session *s, size_t i, enum error_class class,
    const struct reply *r)
{
	if (r->code == 530)
		class = ERR_AUTH;
	if (reply_is(r, 4))
		set_verdict(s, i, RECIPIENT_DEFERRED, ERR_TEMPORARY, r);
	else
		set_verdict(s, i, RECIPIENT_REFUSED, class, r);
}

/* The same verdict for all whose RCPT got 2yz. */
static void
refuse_taken(struct session *s, enum error_class class,
    const struct reply *r)
{
	size_t i;

	for (i = 0; i < recipients(s); i++)
		if (taken(s, i))
			refuse(s, i, class, r);
}

/* A refusal that is ours, before anything is said. */
static void
refuse_all_locally(struct session *s, enum error_class class,
    const char *text)
{
	size_t i;

	for (i = 0; i < recipients(s); i++)
		verdict_set(&group_member(s, i)->verdict, RECIPIENT_REFUSED,
		    class, 0, "", text, strlen(text));
	s->phase = PHASE_DONE;
}

/* Those who are still to come will not: why. */
static void
defer_rest(struct session *s, const char *text)
{
	size_t i;

	group_widen(s);
	for (i = 0; i < recipients(s); i++)
		verdict_set(&group_member(s, i)->verdict, RECIPIENT_DEFERRED,
		    ERR_TEMPORARY, 0, "", text, strlen(text));
	s->phase = PHASE_DONE;
}

/* RFC 9422 section 4.1: false where the relay takes no further MAIL. */
static bool
mail_is_left(struct session *s)
{
	size_t max = s->capabilities.mail_max;
	char *text;

	if (max == 0 || s->mails < max)
		return true;
	text = xasprintf("the relay takes %zu transaction%s in a session, and"
	    " that was not enough", max, max == 1 ? "" : "s");
	defer_rest(s, text);
	free(text);
	return false;
}

/* The transaction is over, and was the last one or was not. */
static void
done(struct session *s)
{
	if (!group_close(s))
		s->phase = PHASE_DONE;
	else if (s->broken)
		defer_rest(s, "the session ended before its turn");
	else if (mail_is_left(s))
		s->phase = PHASE_AGAIN;
}

/* The session cannot go on, but its verdicts are complete. */
static void
done_broken(struct session *s)
{
	s->broken = true;
	buf_clear(&s->out);
	done(s);
}

static bool
any_control(struct session *s)
{
	size_t i;

	if (str_has_control(s->t.envelope->sender))
		return true;
	for (i = 0; i < recipients(s); i++)
		if (str_has_control(group_member(s, i)->address))
			return true;
	return false;
}

/* What the relay cannot take is not begun; true when it can. */
static bool
suits(struct session *s)
{
	const struct capabilities *c = &s->capabilities;
	const struct transaction *t = &s->t;
	char *text;

	if (any_control(s))
		refuse_all_locally(s, ERR_MESSAGE,
		    "an address has a control character");
	else if (c->size_max != 0 && t->size > c->size_max) {
		text = xasprintf("the message has %llu bytes, the relay takes"
		    " %llu", (unsigned long long)t->size,
		    (unsigned long long)c->size_max);
		refuse_all_locally(s, ERR_UNAVAILABLE, text);
		free(text);
	} else if (t->smtputf8 && !c->smtputf8)
		refuse_all_locally(s, ERR_MESSAGE, "an address or the header"
		    " has UTF-8 and the relay does not offer SMTPUTF8");
	else if (t->eight_bit && !c->eight_bit_mime)
		refuse_all_locally(s, ERR_MESSAGE, "the message has 8-bit"
		    " bytes and the relay does not offer 8BITMIME: encode it"
		    " with MIME");
	else
		return true;
	return false;
}

void
transaction_open(struct session *s)
{
	memset(&s->now, 0, sizeof s->now);
	buf_clear(&s->encoded);
	s->dot_flushed = false;
	wire_init(&s->now.wire);
	group_open(s);
	s->phase = PHASE_ENVELOPE;
}

/* partial = no: all in one transaction, or nobody. */
static void
refuse_split(struct session *s)
{
	char *text;

	text = xasprintf("the relay takes %zu of the %zu recipients at a time,"
	    " and 'partial = no' wants all of them to get it, or nobody",
	    recipients(s), recipients(s) + group_behind(s));
	group_widen(s);
	refuse_all_locally(s, ERR_UNAVAILABLE, text);
	free(text);
}

void
session_begin(struct session *s, const struct transaction *t)
{
	if (s->phase != PHASE_READY)
		return;
	buf_release(&s->encoded);
	buf_init(&s->encoded, ENCODED_MAX);
	s->t = *t;
	s->t.smtputf8 = t->smtputf8 ||
	    envelope_needs_smtputf8(t->envelope);
	s->dsn = s->capabilities.dsn && envelope_needs_dsn(t->envelope);
	group_init(s);
	if (s->group.count == 0)
		s->phase = PHASE_DONE;
	else if (suits(s) && mail_is_left(s)) {
		transaction_open(s);
		if (!t->partial && group_behind(s) > 0)
			refuse_split(s);
	}
}

static void
send_mail(struct session *s)
{
	const struct transaction *t = &s->t;
	const struct envelope *env = t->envelope;
	char size[32] = "";
	struct buf dsn;

	buf_init(&dsn, PARAMETERS_MAX);
	if (s->dsn)
		dsn_add_mail(&dsn, env->dsn_return, env->envid);
	if (s->capabilities.size)
		snprintf(size, sizeof size, " SIZE=%llu",
		    (unsigned long long)t->size);
	engine_command(s, VERB_MAIL, 0, "MAIL FROM:<%s>%s%s%s%s", env->sender,
	    size, t->eight_bit ? " BODY=8BITMIME" : "",
	    t->smtputf8 ? " SMTPUTF8" : "", dsn.data);
	buf_release(&dsn);
	s->now.mail_sent = true;
	s->mails++;
}

static void
send_rcpt(struct session *s)
{
	const struct recipient *to = group_member(s, s->now.next);
	struct buf dsn;

	buf_init(&dsn, PARAMETERS_MAX);
	if (s->dsn)
		dsn_add_rcpt(&dsn, to->notify, to->orcpt, to->given == NULL ?
		    to->address : to->given);
	engine_command(s, VERB_RCPT, s->now.next, "RCPT TO:<%s>%s",
	    to->address, dsn.data);
	buf_release(&dsn);
	s->now.next++;
}

/* Bytes that may be in flight; without PIPELINING one command. */
static bool
window_open(const struct session *s)
{
	if (s->fifo_count == 0)
		return true;
	return s->capabilities.pipelining && s->out.len < SESSION_WINDOW &&
	    s->fifo_count < SESSION_WINDOW / 16;
}

/* True when DATA, or BDAT, may go out now. */
static bool
data_is_due(const struct session *s)
{
	if (chunks_suit(s) && s->now.answered < recipients(s))
		return chunks_need_not_wait(s);
	if (s->now.answered == recipients(s))
		return s->now.accepted > 0 && (s->t.partial ||
		    s->now.accepted == recipients(s));
	/* A 354 with nobody to send to ends the session for those behind. */
	return s->t.partial && group_behind(s) == 0;
}

void
transaction_produce(struct session *s)
{
	while (s->phase == PHASE_ENVELOPE && window_open(s)) {
		if (s->now.mail_refused || s->now.data_sent)
			return;
		if (s->dirty) {
			engine_command(s, VERB_RSET, 0, "RSET");
			s->dirty = false;
			s->now.reset = true;
		} else if (!s->now.mail_sent)
			send_mail(s);
		else if (s->now.next < recipients(s)) {
			if (s->now.next - s->now.answered == RCPT_FLIGHT)
				return;
			send_rcpt(s);
		} else if (data_is_due(s) && chunks_suit(s)) {
			chunks_begin(s);
		} else if (data_is_due(s)) {
			engine_command(s, VERB_DATA, 0, "DATA");
			s->now.data_sent = true;
		} else
			return;
	}
}

/* With nothing in flight and no DATA to come, it is over. */
static void
finish_if_idle(struct session *s)
{
	size_t i;

	if (s->fifo_count > 0 || s->now.data_sent)
		return;
	if (!s->now.mail_refused && (s->now.answered < recipients(s) ||
	    data_is_due(s)))
		return;
	/* partial = no: those that the relay would take are left alone. */
	for (i = 0; i < recipients(s); i++)
		if (taken(s, i) && !s->now.mail_refused)
			verdict_set(&group_member(s, i)->verdict,
			    RECIPIENT_UNTRIED, ERR_NONE, 0, "", NULL, 0);
	s->dirty = !s->now.mail_refused;
	done(s);
}

/*
 * A 530 is about the session, not about the message (RFC 4954, 3207).  Where
 * the message is out already, what becomes of it is waited for.
 */
static bool
wants_login(struct session *s, const struct reply *r)
{
	if (r->code != 530 || s->now.chunked)
		return false;
	engine_fail_reply(s, r, ERR_AUTH, "wants more than the account gives",
	    s->settings.encrypted ? ": set 'username' and a password" :
	    ": set 'starttls = yes', or 'username' and a password");
	return true;
}

static bool
breach(struct session *s, const struct reply *r, const char *to)
{
	if (reply_is(r, 4) || reply_is(r, 5))
		return false;
	engine_fail(s, ERR_PROTOCOL, r->code, "'%s' answers %s with %d",
	    s->settings.relay, to, r->code);
	return true;
}

void
transaction_rset(struct session *s, const struct command *c,
    const struct reply *r)
{
	(void)c;
	if (!reply_is(r, 2))
		engine_fail_reply(s, r, ERR_UNAVAILABLE, "refuses RSET", "");
}

void
transaction_mail(struct session *s, const struct command *c,
    const struct reply *r)
{
	size_t i;

	(void)c;
	if (reply_is(r, 2) || wants_login(s, r) || breach(s, r, "MAIL"))
		return;
	s->now.mail_refused = true;
	s->broken = s->broken || r->code == 421;
	/* It is about sender and message, whoever is still to come. */
	group_widen(s);
	for (i = 0; i < recipients(s); i++)
		refuse(s, i, ERR_UNAVAILABLE, r);
	finish_if_idle(s);
}

void
transaction_rcpt(struct session *s, const struct command *c,
    const struct reply *r)
{
	s->now.answered++;
	if (s->now.mail_refused) {
		finish_if_idle(s);
		return;
	}
	if (reply_is(r, 2))
		group_take(s, c->recipient);
	else if (wants_login(s, r) || breach(s, r, "RCPT"))
		return;
	else if (!group_puts_off(s, c->recipient, r))
		refuse(s, c->recipient, ERR_RECIPIENT, r);
	s->broken = s->broken || r->code == 421;
	finish_if_idle(s);
}

void
transaction_data(struct session *s, const struct command *c,
    const struct reply *r)
{
	(void)c;
	if (s->now.mail_refused || s->now.accepted == 0) {
		/* Nobody would get it: a dot would submit an empty message. */
		if (reply_is(r, 3)) {
			done_broken(s);
			return;
		}
		s->dirty = !s->now.mail_refused;
		done(s);
		return;
	}
	if (r->code == 354) {
		s->phase = PHASE_BODY;
		engine_expect(s, VERB_DOT, UINT64_MAX);
		return;
	}
	if (breach(s, r, "DATA"))
		return;
	refuse_taken(s, ERR_UNAVAILABLE, r);
	s->broken = s->broken || r->code == 421;
	s->dirty = true;
	done(s);
}

void
transaction_dot(struct session *s, const struct command *c,
    const struct reply *r)
{
	bool early = s->early;
	size_t i;

	(void)c;
	if (reply_is(r, 2) && !early) {
		for (i = 0; i < recipients(s); i++)
			if (taken(s, i))
				set_verdict(s, i, RECIPIENT_ACCEPTED,
				    ERR_NONE, r);
		s->dot_flushed = false;
		done(s);
		return;
	}
	if (breach(s, r, early ? "half a message" : "the final dot"))
		return;
	refuse_taken(s, ERR_UNAVAILABLE, r);
	s->dot_flushed = false;
	/* RFC 3030 section 4.2: a chunk that failed leaves that open. */
	s->dirty = s->now.chunked;
	/* In mid-message there is no way back to commands. */
	if (early || r->code == 421)
		done_broken(s);
	else
		done(s);
}

/*
 * What a relay says of a chunk.  Where nobody would get the message, it has to
 * refuse it (RFC 3030 section 4.1), and whatever it says changes no verdict.
 */
void
transaction_bdat(struct session *s, const struct command *c,
    const struct reply *r)
{
	bool last = c->verb == VERB_BDAT_LAST, nobody;

	nobody = s->now.mail_refused || s->now.accepted == 0;
	if (nobody && !reply_is(r, 3)) {
		s->dirty = !s->now.mail_refused;
		if (last && !s->early)
			done(s);
		else
			done_broken(s);
		return;
	}
	if (last) {
		transaction_dot(s, c, r);
		return;
	}
	if (reply_is(r, 2) && !s->early)
		return;
	if (breach(s, r, s->early ? "half a chunk" : "BDAT"))
		return;
	/* Between chunks that are on their way there is no way back. */
	refuse_taken(s, ERR_UNAVAILABLE, r);
	done_broken(s);
}

static void
put_encoded(struct session *s)
{
	if (s->encoded.overflow)
		engine_fail(s, ERR_INTERNAL, 0, "the output is full");
	else
		chunks_put(s, s->encoded.data, s->encoded.len);
	buf_clear(&s->encoded);
}

void
session_body(struct session *s, const char *data, size_t len)
{
	size_t before;

	if (s->phase != PHASE_BODY)
		return;
	if (s->now.chunked) {
		wire_encode(&s->now.wire, data, len, &s->encoded);
		put_encoded(s);
		return;
	}
	before = s->out.len;
	wire_encode(&s->now.wire, data, len, &s->out);
	s->queued += s->out.len - before;
	if (s->out.overflow)
		engine_fail(s, ERR_INTERNAL, 0, "the output is full");
}

void
session_body_end(struct session *s)
{
	size_t before;

	if (s->phase != PHASE_BODY)
		return;
	if (s->now.chunked) {
		wire_finish(&s->now.wire, &s->encoded);
		put_encoded(s);
		chunks_end(s);
		return;
	}
	before = s->out.len;
	wire_finish(&s->now.wire, &s->out);
	s->queued += s->out.len - before;
	/* VERB_DOT is the only command in flight. */
	s->fifo[s->fifo_head].end = s->queued;
	s->phase = PHASE_FINAL;
}

/* True where the relay has the recipient, or has not said that it has not. */
static bool
may_have(struct session *s, size_t i)
{
	return taken(s, i) || (s->now.chunked && !s->now.mail_refused &&
	    group_standing(s, i) == STANDING_NONE &&
	    group_member(s, i)->verdict.state == RECIPIENT_UNTRIED);
}

bool
transaction_in_doubt(struct session *s)
{
	size_t i;

	for (i = 0; s->dot_flushed && i < recipients(s); i++)
		if (may_have(s, i))
			return true;
	return false;
}

bool
transaction_settled(struct session *s)
{
	size_t i;

	if (s->phase != PHASE_ENVELOPE && s->phase != PHASE_BODY &&
	    s->phase != PHASE_FINAL)
		return false;
	if (group_behind(s) > 0)
		return false;
	for (i = 0; i < recipients(s); i++)
		if (group_member(s, i)->verdict.state == RECIPIENT_UNTRIED)
			return false;
	done_broken(s);
	return true;
}

/* After the final dot nobody knows; before it nobody has it. */
void
transaction_lost(struct session *s)
{
	static const char text[] = "may have been delivered";
	size_t i;

	if (s->phase != PHASE_FINAL || !s->dot_flushed)
		return;
	for (i = 0; i < recipients(s); i++)
		if (may_have(s, i))
			verdict_set(&group_member(s, i)->verdict,
			    RECIPIENT_UNKNOWN, ERR_TEMPORARY, 0, "", text,
			    sizeof text - 1);
}
