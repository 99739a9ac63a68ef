/* SPDX-License-Identifier: ISC */
/*
 * An outcome as a reply.  RFC 5321 section 4.2, RFC 3463.  Prints nothing, and
 * says 2yz only where the exit status would be 0.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "agent/answer.h"
#include "agent/report.h"
#include "base/str.h"
#include "mail/envelope.h"

/* Bytes of a reply's text. */
#define TEXT_MAX	(256 * 1024)

/* What is said where no relay has said it of the message. */
static const struct {
	int code;
	const char *enhanced;
} own[] = {
	[ERR_NONE] = { 451, "4.0.0" },
	[ERR_USAGE] = { 553, "5.1.3" },
	[ERR_MESSAGE] = { 554, "5.6.0" },
	[ERR_RECIPIENT] = { 550, "5.1.1" },
	[ERR_HOST] = { 451, "4.4.4" },
	[ERR_UNAVAILABLE] = { 451, "4.4.1" },
	[ERR_INTERNAL] = { 451, "4.3.0" },
	[ERR_OS] = { 451, "4.3.0" },
	[ERR_CREATE] = { 452, "4.3.1" },
	[ERR_IO] = { 452, "4.3.1" },
	[ERR_TEMPORARY] = { 451, "4.4.1" },
	[ERR_PROTOCOL] = { 451, "4.5.0" },
	[ERR_AUTH] = { 451, "4.7.0" },
	[ERR_CONFIG] = { 451, "4.3.5" },
};

void
answer_init(struct answer *a)
{
	memset(a, 0, sizeof *a);
	buf_init(&a->text, TEXT_MAX);
}

void
answer_release(struct answer *a)
{
	buf_release(&a->text);
}

static void
set_code(struct answer *a, int code, const char *enhanced)
{
	a->code = code;
	snprintf(a->enhanced, sizeof a->enhanced, "%s", enhanced);
}

/*
 * The codes of a verdict.  421 would say that this server closes, and 530 and
 * its like that the client should log in: they are about the relay and us.
 */
static void
set_verdict_code(struct answer *a, const struct verdict *v)
{
	char class;

	if (v->code == 0 && v->class == ERR_UNAVAILABLE) {
		/* It is longer than the relay takes. */
		set_code(a, 552, "5.3.4");
		return;
	}
	if (v->code < 400 || v->code > 599 || v->code == 421 ||
	    v->class == ERR_AUTH) {
		set_code(a, own[v->class].code, own[v->class].enhanced);
		if (v->state == RECIPIENT_UNKNOWN)
			set_code(a, 451, "4.4.2");
		return;
	}
	class = v->code / 100 == 5 ? '5' : '4';
	set_code(a, v->code, v->enhanced);
	if (a->enhanced[0] != class)
		set_code(a, v->code, class == '5' ? "5.0.0" : "4.0.0");
}

/* The first recipient whose verdict is the worst; NULL for none. */
static const struct recipient *
worst_recipient(const struct envelope *env)
{
	enum error_class worst;
	size_t i;

	worst = envelope_worst(env);
	for (i = 0; worst != ERR_NONE && i < env->count; i++)
		if (env->list[i].verdict.class == worst)
			return &env->list[i];
	return NULL;
}

static bool
same_verdict(const struct verdict *a, const struct verdict *b)
{
	return a->state == b->state && a->code == b->code &&
	    strcmp(a->text == NULL ? "" : a->text,
	    b->text == NULL ? "" : b->text) == 0;
}

static bool
all_fared_alike(const struct envelope *env)
{
	size_t i;

	for (i = 1; i < env->count; i++)
		if (!same_verdict(&env->list[0].verdict,
		    &env->list[i].verdict))
			return false;
	return true;
}

static void
add_recipient(struct answer *a, const struct recipient *r)
{
	static const char *const phrases[] = {
		[RECIPIENT_UNTRIED] = "has not got it",
		[RECIPIENT_ACCEPTED] = "has got it",
		[RECIPIENT_REFUSED] = "has not got it, refused",
		[RECIPIENT_DEFERRED] = "has not got it, for now",
		[RECIPIENT_UNKNOWN] = "may have got it",
	};
	const struct verdict *v = &r->verdict;

	buf_addf(&a->text, "\n<%s> %s", r->address, phrases[v->state]);
	if (v->state == RECIPIENT_UNTRIED || v->state == RECIPIENT_ACCEPTED ||
	    v->text == NULL)
		return;
	buf_adds(&a->text, ": ");
	if (v->code != 0)
		buf_addf(&a->text, "%d ", v->code);
	buf_adds(&a->text, v->text);
}

/* Those who have not got it first: they are what must not be left out. */
static void
add_recipients(struct answer *a, const struct envelope *env)
{
	size_t i, named = 0;
	int pass;

	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < env->count; i++) {
			if ((env->list[i].verdict.state ==
			    RECIPIENT_ACCEPTED) != (pass == 1) ||
			    named >= ANSWER_RECIPIENTS)
				continue;
			add_recipient(a, &env->list[i]);
			named++;
		}
	if (named < env->count)
		buf_addf(&a->text, "\nand %zu more recipients",
		    env->count - named);
}

static void
accepted(struct answer *a, const struct envelope *env)
{
	const char *text = env->list[0].verdict.text;

	set_code(a, 250, "2.0.0");
	buf_adds(&a->text, text == NULL || text[0] == '\0' ? "accepted" :
	    text);
}

void
answer_outcome(struct answer *a, const struct outcome *o)
{
	const struct envelope *env = o->envelope;
	const struct recipient *worst = NULL;

	if (report_status(o) == 0 && env != NULL && env->count > 0 &&
	    envelope_all_accepted(env)) {
		accepted(a, env);
		return;
	}
	if (env != NULL)
		worst = worst_recipient(env);
	if (o->error.class != ERR_NONE) {
		set_code(a, own[o->error.class].code,
		    own[o->error.class].enhanced);
		if (worst != NULL &&
		    worst->verdict.state == RECIPIENT_UNKNOWN)
			set_code(a, 451, "4.4.2");
		buf_adds(&a->text, o->error.text);
	} else if (worst != NULL) {
		set_verdict_code(a, &worst->verdict);
		buf_adds(&a->text, worst->verdict.text == NULL ? "refused" :
		    worst->verdict.text);
	} else {
		set_code(a, own[ERR_NONE].code, own[ERR_NONE].enhanced);
		buf_adds(&a->text, "nobody has answered for the message");
	}
	if (env != NULL && o->result != NULL && !all_fared_alike(env))
		add_recipients(a, env);
}
