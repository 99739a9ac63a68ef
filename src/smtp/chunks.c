/* SPDX-License-Identifier: ISC */
/*
 * The message in chunks: BDAT (RFC 3030), where the relay offers CHUNKING and
 * PIPELINING (RFC 2920).  No dots, no wait for a 354, and a small message goes
 * out together with its envelope.
 *
 * What a relay says of one chunk counts for the message; only a 2yz to the
 * last one, when all of it has left, delivers.
 */
#include "config.h"

#include "smtp/engine.h"

/* Octets of a chunk: no more go to a relay for nothing. */
#define CHUNK_SIZE	(1024 * 1024)
/* Octets of a message that need not wait for what becomes of recipients. */
#define EARLY_MAX	(32 * 1024)

bool
chunks_suit(const struct session *s)
{
	return s->capabilities.chunking && s->capabilities.pipelining;
}

/*
 * partial = no: nothing goes out before all have been accepted.  Nor behind a
 * RSET whose refusal would end the session.
 */
bool
chunks_need_not_wait(const struct session *s)
{
	return s->t.partial && !s->now.reset &&
	    s->t.size <= EARLY_MAX;
}

/* BDAT for the next chunk; its octets follow. */
static void
announce(struct session *s)
{
	uint64_t left = s->t.size - s->now.announced;
	uint64_t size = left < CHUNK_SIZE ? left : CHUNK_SIZE;
	bool last = size == left;
	struct command *c;

	s->now.announced += size;
	s->now.chunk_left = size;
	s->now.last_announced = last;
	engine_command(s, last ? VERB_BDAT_LAST : VERB_BDAT, 0, "BDAT %llu%s",
	    (unsigned long long)size, last ? " LAST" : "");
	/* A reply to it answers its octets, but not before it is asked. */
	c = engine_last(s);
	c->begin = c->end;
	c->end = s->queued + size;
}

void
chunks_begin(struct session *s)
{
	s->now.data_sent = true;
	s->now.chunked = true;
	wire_init_chunks(&s->now.wire);
	s->phase = PHASE_BODY;
	announce(s);
}

void
chunks_put(struct session *s, const char *data, size_t len)
{
	size_t n;

	while (len > 0 && s->phase == PHASE_BODY) {
		if (s->now.chunk_left == 0 && s->now.last_announced) {
			engine_fail(s, ERR_INTERNAL, 0,
			    "the message is longer than was counted");
			return;
		}
		if (s->now.chunk_left == 0)
			announce(s);
		n = len < s->now.chunk_left ? len : (size_t)s->now.chunk_left;
		engine_put(s, data, n);
		s->now.chunk_left -= n;
		data += n;
		len -= n;
	}
}

void
chunks_end(struct session *s)
{
	if (s->phase != PHASE_BODY)
		return;
	if (s->now.chunk_left > 0 || !s->now.last_announced)
		engine_fail(s, ERR_INTERNAL, 0,
		    "the message is shorter than was counted");
	else
		s->phase = PHASE_FINAL;
}
