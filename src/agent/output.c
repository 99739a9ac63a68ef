/* SPDX-License-Identifier: ISC */
/*
 * What goes to standard output because somebody asked for it.  Connects
 * nowhere.
 */
#include "config.h"

#include <unistd.h>

#include "agent/output.h"
#include "agent/submit.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fsio.h"
#include "config/account.h"
#include "mail/envelope.h"
#include "mail/message.h"

/* Bytes of what is put together before it is written. */
#define OUTPUT_MAX	(64 * 1024 * 1024)

int
output_print(const struct buf *text, struct error *e)
{
	if (fsio_write_all(STDOUT_FILENO, text->data, text->len) == 0)
		return 0;
	return error_set(e, ERR_IO, "cannot write to standard output");
}

static void
describe_relay(const struct account *a, struct buf *out)
{
	size_t i;

	buf_addf(out, "account: %s\nrelay: %s", a->name, a->server);
	for (i = 0; i < a->ports.count && !account_is_local(a); i++)
		buf_addf(out, "%s%u", i == 0 ? " port " : ", ",
		    (unsigned int)a->ports.list[i]);
	buf_addf(out, "\nsecurity: %s\nusername: %s\n", a->implicit_tls ?
	    "implicit TLS" : a->starttls ? "STARTTLS" : "none",
	    a->username == NULL ? "none" : a->username);
}

/* Appends text with its CRs before LFs left out, as a person reads it. */
static void
add_readable(struct buf *out, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] != '\r')
			buf_addc(out, text[i]);
}

static int
print_body(const struct message *m, struct error *e)
{
	struct buf out;
	uint64_t offset = 0;
	char chunk[4096];
	ssize_t n;
	int rc = 0;

	buf_init(&out, sizeof chunk);
	while (rc == 0 && (n = message_body(m, offset, chunk,
	    sizeof chunk, e)) != 0) {
		if (n == -1) {
			rc = -1;
			break;
		}
		offset += (uint64_t)n;
		buf_clear(&out);
		add_readable(&out, chunk, (size_t)n);
		rc = output_print(&out, e);
	}
	buf_release(&out);
	return rc;
}

int
output_preview(const struct account *a, const struct submission *s,
    struct error *e)
{
	struct buf out;
	size_t i;
	int rc;

	buf_init(&out, OUTPUT_MAX);
	describe_relay(a, &out);
	buf_addf(&out, "sender: <%s>\n", s->envelope->sender);
	for (i = 0; i < s->envelope->count; i++)
		buf_addf(&out, "recipient: <%s>\n",
		    s->envelope->list[i].address);
	buf_addc(&out, '\n');
	add_readable(&out, s->header.data, s->header.len);
	rc = output_print(&out, e);
	buf_release(&out);
	return rc == -1 ? -1 : print_body(s->message, e);
}
