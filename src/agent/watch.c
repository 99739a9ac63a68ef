/* SPDX-License-Identifier: ISC */
/*
 * What the pump does, put into words for a check.  Decides nothing.
 */
#include "config.h"

#include <stdio.h>
#include <time.h>

#include "agent/steps.h"
#include "agent/watch.h"
#include "base/buf.h"
#include "config/account.h"
#include "net/dial.h"
#include "net/tls.h"

/* Bytes of a list of capabilities. */
#define LIST_MAX	4096

void
watch_day(int64_t when, char out[WATCH_DAY])
{
	time_t t = (time_t)when;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, WATCH_DAY, "%Y-%m-%d", &tm) == 0)
		snprintf(out, WATCH_DAY, "?");
}

void
watch_dial(struct steps *steps, const struct account *a,
    const struct dialed *d, bool connected)
{
	const char *name = a->proxy.host != NULL ? a->proxy.host : a->server;

	if (d->resolved != 0) {
		steps_done_at(steps, d->resolved, "name", "'%s' has %zu"
		    " address%s", name, d->address_count,
		    d->address_count == 1 ? "" : "es");
		steps_done_at(steps, d->resolved, "address", "%s",
		    d->addresses);
	}
	if (connected && account_is_local(a))
		steps_done(steps, "connection", "connected to '%s'",
		    a->server);
	else if (connected && a->proxy.host != NULL)
		steps_done(steps, "connection", "connected to '%s', port %u,"
		    " through the proxy at %s", a->server,
		    (unsigned int)d->port, d->address);
	else if (connected)
		steps_done(steps, "connection", "connected to %s, port %u",
		    d->address, (unsigned int)d->port);
}

void
watch_tls(struct steps *steps, const struct tls_facts *f)
{
	char day[WATCH_DAY];

	watch_day(f->ends, day);
	steps_done(steps, "tls", "%s, %s, the certificate %s and ends on %s",
	    f->version, f->cipher, f->pinned ? "is pinned" : "has passed",
	    day);
}

static void
watch_capabilities(struct steps *steps, const struct capabilities *c)
{
	struct buf list;
	size_t i;

	buf_init(&list, LIST_MAX);
	buf_adds(&list, c->pipelining ? " PIPELINING" : "");
	if (c->size_max != 0)
		buf_addf(&list, " SIZE=%llu", (unsigned long long)c->size_max);
	else
		buf_adds(&list, c->size ? " SIZE" : "");
	buf_adds(&list, c->eight_bit_mime ? " 8BITMIME" : "");
	buf_adds(&list, c->smtputf8 ? " SMTPUTF8" : "");
	buf_adds(&list, c->dsn ? " DSN" : "");
	buf_adds(&list, c->chunking ? " CHUNKING" : "");
	if (c->mail_max != 0)
		buf_addf(&list, " MAILMAX=%zu", c->mail_max);
	if (c->rcpt_max != 0)
		buf_addf(&list, " RCPTMAX=%zu", c->rcpt_max);
	if (c->rcpt_domain_max != 0)
		buf_addf(&list, " RCPTDOMAINMAX=%zu", c->rcpt_domain_max);
	buf_adds(&list, c->enhanced ? " ENHANCEDSTATUSCODES" : "");
	buf_adds(&list, c->starttls ? " STARTTLS" : "");
	for (i = 0; i < c->mechanism_count; i++)
		buf_addf(&list, "%s%s", i == 0 ? " AUTH=" : ",",
		    c->mechanisms[i]);
	steps_done(steps, "capabilities", "%s", list.len == 0 ? "none" :
	    list.data + 1);
	buf_release(&list);
}

static void
watch_mechanism(struct steps *steps, const struct session *s)
{
	struct buf why;

	buf_init(&why, LIST_MAX);
	session_explain(s, &why);
	steps_done(steps, "mechanism", "%s", why.data);
	buf_release(&why);
}

static void
watch_login(struct steps *steps, const struct account *a,
    const struct session *s)
{
	const char *mechanism = session_mechanism(s);

	if (mechanism != NULL)
		steps_done(steps, "login", "'%s' is logged in with %s",
		    a->username == NULL ? "" : a->username, mechanism);
	else
		steps_done(steps, "login", "none, as the account says");
}

void
watch_session(struct steps *steps, const struct account *a,
    const struct session *s, enum session_stage left)
{
	enum session_stage now = session_stage(s);

	if (steps == NULL)
		return;
	if (left == SESSION_STAGE_GREETING)
		steps_done(steps, "greeting", "the relay answers");
	if (left == SESSION_STAGE_EHLO)
		watch_capabilities(steps, session_capabilities(s));
	if (now == SESSION_STAGE_LOGIN)
		watch_mechanism(steps, s);
	if (now == SESSION_STAGE_READY)
		watch_login(steps, a, s);
}
