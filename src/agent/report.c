/* SPDX-License-Identifier: ISC */
/*
 * What a submission came to: exit status, standard error, --json, the log.
 * Prints nothing itself.  Never shows a secret: it is given none.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "agent/report.h"
#include "agent/submit.h"
#include "agent/watch.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "config/account.h"
#include "mail/envelope.h"

/* Seconds before its end from which a certificate is warned of. */
#define WARN_SECONDS	(14 * 24 * 60 * 60)

int
report_status(const struct outcome *o)
{
	enum error_class worst;

	if (o->error.class != ERR_NONE)
		return error_exit_status(o->error.class);
	if (o->envelope == NULL)
		return 0;
	worst = envelope_worst(o->envelope);
	/* Status 0 promises custody for everybody, once it was tried. */
	if (worst == ERR_NONE && o->result != NULL &&
	    !envelope_all_accepted(o->envelope))
		worst = ERR_TEMPORARY;
	return error_exit_status(worst);
}

/* "550 5.1.1 no such user" */
static void
verdict_text(const struct verdict *v, struct buf *out)
{
	if (v->code != 0)
		buf_addf(out, "%d ", v->code);
	if (v->enhanced[0] != '\0')
		buf_addf(out, "%s ", v->enhanced);
	buf_adds(out, v->text == NULL ? "" : v->text);
	if (out->len > 0 && out->data[out->len - 1] == ' ')
		buf_truncate(out, out->len - 1);
}

static void
recipient_text(const struct recipient *r, struct buf *out)
{
	static const char *const phrases[] = {
		[RECIPIENT_UNTRIED] = "has not got it",
		[RECIPIENT_ACCEPTED] = "has got it",
		[RECIPIENT_REFUSED] = "has not got it, refused: ",
		[RECIPIENT_DEFERRED] = "has not got it, try again later: ",
		[RECIPIENT_UNKNOWN] = "may have got it: ",
	};

	buf_adds(out, "sendoff: '");
	str_escape(out, r->address, strlen(r->address), 512);
	buf_addf(out, "' %s", phrases[r->verdict.state]);
	if (r->verdict.state != RECIPIENT_UNTRIED &&
	    r->verdict.state != RECIPIENT_ACCEPTED)
		verdict_text(&r->verdict, out);
	buf_addc(out, '\n');
}

void
report_text(const struct outcome *o, struct buf *out)
{
	size_t i;

	if (report_status(o) == 0)
		return;
	if (o->error.class != ERR_NONE)
		buf_addf(out, "sendoff: %s\n", o->error.text);
	if (o->envelope == NULL || o->result == NULL)
		return;
	for (i = 0; i < o->envelope->count; i++)
		recipient_text(&o->envelope->list[i], out);
}

static const char *
or_null(const char *s)
{
	return s == NULL || s[0] == '\0' ? NULL : s;
}

void
report_relay(const struct account *a, const struct submit_result *result,
    struct buf *out)
{
	const char *server = a->server;

	buf_addf(out, strchr(server, ':') == NULL || *server == '/' ? "%s" :
	    "[%s]", server);
	if (result != NULL && result->dialed.port != 0)
		buf_addf(out, ":%u", (unsigned int)result->dialed.port);
}

static void
json_relay(const struct outcome *o, struct buf *out)
{
	struct buf relay;

	buf_init(&relay, 1024);
	if (o->account != NULL)
		report_relay(o->account, o->result, &relay);
	json_member(out, "account", o->account == NULL ? NULL :
	    o->account->name);
	json_member(out, "relay", or_null(relay.data));
	json_member(out, "tls", o->result == NULL ? NULL :
	    or_null(o->result->tls.version));
	json_member(out, "auth", o->result == NULL ? NULL :
	    or_null(o->result->auth));
	buf_release(&relay);
}

static void
json_recipients(const struct outcome *o, struct buf *out)
{
	const struct recipient *r;
	size_t i;

	buf_adds(out, "\"recipients\":[");
	for (i = 0; o->envelope != NULL && i < o->envelope->count; i++) {
		r = &o->envelope->list[i];
		buf_addc(out, '{');
		json_member(out, "address", r->address);
		json_member(out, "state",
		    recipient_state_name(r->verdict.state));
		if (r->verdict.code == 0)
			buf_adds(out, "\"code\":null,");
		else
			buf_addf(out, "\"code\":%d,", r->verdict.code);
		json_member(out, "enhanced", or_null(r->verdict.enhanced));
		buf_adds(out, "\"text\":");
		json_string(out, r->verdict.text);
		buf_addf(out, "}%s", i + 1 < o->envelope->count ? "," : "");
	}
	buf_adds(out, "],");
}

/* What stopped it, or how many have not got it; nothing at status 0. */
static void
error_text(const struct outcome *o, struct buf *out)
{
	size_t i, without = 0;

	if (o->error.class != ERR_NONE)
		buf_adds(out, o->error.text);
	if (o->error.class != ERR_NONE || report_status(o) == 0)
		return;
	for (i = 0; i < o->envelope->count; i++)
		if (o->envelope->list[i].verdict.state != RECIPIENT_ACCEPTED)
			without++;
	buf_addf(out, "%zu of %zu recipients have not got it", without,
	    o->envelope->count);
}

/* "<id>", escaped; nothing when there is none. */
static void
shown_id(const struct outcome *o, struct buf *out)
{
	if (o->message_id == NULL)
		return;
	buf_addc(out, '<');
	str_escape(out, o->message_id, strlen(o->message_id), 998);
	buf_addc(out, '>');
}

/* Without the brace that opens it. */
static void
json_members(const struct outcome *o, struct buf *out)
{
	struct buf id, error;

	buf_init(&id, 8192);
	buf_init(&error, 2 * ERROR_TEXT_MAX);
	shown_id(o, &id);
	error_text(o, &error);
	buf_addf(out, "\"status\":%d,", report_status(o));
	json_relay(o, out);
	json_member(out, "sender", o->envelope == NULL ? NULL :
	    o->envelope->sender);
	json_member(out, "message_id", or_null(id.data));
	buf_release(&id);
	buf_addf(out, "\"size\":%llu,\"queue_id\":null,",
	    (unsigned long long)o->size);
	json_recipients(o, out);
	json_member(out, "error", or_null(error.data));
	buf_release(&error);
	buf_addf(out, "\"milliseconds\":%lld}", (long long)o->milliseconds);
}

void
report_json(const struct outcome *o, struct buf *out)
{
	buf_addc(out, '{');
	json_members(o, out);
	buf_addc(out, '\n');
}

static void
log_recipients(const struct outcome *o, struct buf *out)
{
	const struct recipient *r;
	size_t i;

	for (i = 0; i < o->envelope->count; i++) {
		r = &o->envelope->list[i];
		buf_addf(out, " to=<%s> state=%s", r->address,
		    recipient_state_name(r->verdict.state));
		if (r->verdict.code != 0)
			buf_addf(out, " reply=%d", r->verdict.code);
		if (r->verdict.state == RECIPIENT_REFUSED ||
		    r->verdict.state == RECIPIENT_DEFERRED) {
			buf_adds(out, " text=");
			json_string(out, r->verdict.text);
		}
	}
}

static const char *
or_none(const char *s)
{
	return s[0] == '\0' ? "none" : s;
}

static void
log_text(const struct outcome *o, struct buf *out)
{
	buf_addf(out, "status=%d", report_status(o));
	if (o->account != NULL) {
		buf_addf(out, " account=%s relay=", o->account->name);
		report_relay(o->account, o->result, out);
	}
	if (o->result != NULL)
		buf_addf(out, " tls=%s auth=%s",
		    or_none(o->result->tls.version),
		    or_none(o->result->auth));
	if (o->envelope != NULL) {
		buf_addf(out, " from=<%s>", o->envelope->sender);
		log_recipients(o, out);
	}
	buf_addf(out, " size=%llu", (unsigned long long)o->size);
	buf_adds(out, " message-id=");
	shown_id(o, out);
	buf_addf(out, " ms=%lld", (long long)o->milliseconds);
	if (o->error.class != ERR_NONE) {
		buf_adds(out, " error=");
		json_string(out, o->error.text);
	}
}

void
report_log(const struct outcome *o, const char *format, struct buf *out)
{
	if (strcmp(format, "json") != 0) {
		log_text(o, out);
		return;
	}
	buf_addc(out, '{');
	if (o->time != NULL)
		json_member(out, "time", o->time);
	json_members(o, out);
}

bool
report_warning(const struct outcome *o, int64_t now, struct buf *out)
{
	const struct tls_facts *f;
	int64_t left;
	char day[WATCH_DAY];

	if (o->result == NULL)
		return false;
	f = &o->result->tls;
	left = f->ends - now;
	if (f->version[0] == '\0' || f->pinned || left >= WARN_SECONDS)
		return false;
	watch_day(f->ends, day);
	buf_addf(out, "the certificate of '%s' ends on %s, in %lld days: tell"
	    " who runs the relay", o->account->server, day,
	    (long long)(left < 0 ? 0 : left / (24 * 60 * 60)));
	return true;
}
