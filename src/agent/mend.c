/* SPDX-License-Identifier: ISC */
/*
 * Makes a message fit for its relay, before anything is said of it.  Whether
 * the relay takes 8-bit bytes is known only when it has been asked, so that
 * this may come twice.
 */
#include "config.h"

#include "agent/mend.h"
#include "agent/submit.h"
#include "base/error.h"
#include "mail/compose.h"
#include "mail/message.h"

int
mend(struct submission *s, bool seven_bit, struct error *e)
{
	struct compose_needs needs;
	const struct message *m = s->message;

	if (message_mend(s->message, seven_bit, e) == -1 ||
	    compose_check(&m->header, &m->count, &needs, e) == -1)
		return -1;
	buf_clear(&s->header);
	if (header_write(&m->header, &s->header) == -1 ||
	    buf_add(&s->header, "\r\n", 2) == -1)
		return error_set(e, ERR_MESSAGE, "the header has grown past"
		    " %d bytes", HEADER_OUT_MAX);
	s->size = needs.size;
	s->eight_bit = needs.eight_bit;
	s->smtputf8 = needs.smtputf8;
	return 0;
}
