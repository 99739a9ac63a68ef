/* SPDX-License-Identifier: ISC */
/*
 * The server's engine against any client: the same replies and messages
 * however the input is cut; replies are lines of SMTP without control bytes,
 * and each has been asked for; a message ends only behind CRLF "." CRLF (or,
 * where no command ended in CRLF, a line that is a dot) or a last chunk; its
 * envelope can stand in a command.  The first byte says how it is cut.
 */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "smtp/server.h"
#include "fuzz.h"

#define TEXT_MAX	(64 * 1024 * 1024)

struct talk {
	struct server *server;
	struct buf replies;
	struct buf messages;	/* envelopes and bodies */
	struct buf fed;
	size_t ends;
	bool closed;
};

/* Whole replies; returns how many. */
static size_t
check_replies(const struct buf *b)
{
	const char *line = b->data, *end = b->data + b->len, *lf;
	size_t count = 0, i;

	for (; line < end; line = lf + 1) {
		lf = memchr(line, '\n', (size_t)(end - line));
		must(lf != NULL && lf - line >= 5 && lf[-1] == '\r');
		must(lf - line < SERVER_REPLY_LINE_MAX);
		must(line[0] >= '2' && line[0] <= '5');
		must(ascii_isdigit(line[1]) && ascii_isdigit(line[2]));
		must(line[3] == ' ' || line[3] == '-');
		for (i = 0; line + i < lf - 1; i++)
			must(!ascii_iscntrl(line[i]));
		count += line[3] == ' ';
	}
	return count;
}

static void
flush(struct talk *t)
{
	const char *data;
	size_t len;

	len = server_output(t->server, &data);
	must(buf_add(&t->replies, data, len) == 0);
	server_written(t->server, len);
}

static void
check_address(const char *address)
{
	must(!str_has_control(address));
	must(utf8_valid(address, strlen(address)));
	must(strlen(address) <= 512);
}

static bool
ends_with(const struct buf *b, const char *tail)
{
	size_t len = strlen(tail);

	return b->len >= len && memcmp(b->data + b->len - len, tail, len) == 0;
}

/* The line before the end's dot is the command. */
static bool
behind_data(const struct buf *b)
{
	size_t end = b->len - 4, begin;

	while (end > 0 && ascii_isblank(b->data[end - 1]))
		end--;
	for (begin = end; begin > 0 && b->data[begin - 1] != '\n';)
		begin--;
	return mem_caseeq(b->data + begin, end - begin, "DATA", 4);
}

static bool
has_chunk(const struct buf *b)
{
	size_t i;

	for (i = 0; i + 4 <= b->len; i++)
		if (mem_caseeq(b->data + i, 4, "BDAT", 4))
			return true;
	return false;
}

/* What was fed so far, byte by byte, is what ended the message. */
static void
check_end(const struct talk *t)
{
	const struct buf *b = &t->fed;
	const char *lf;

	if (has_chunk(b))
		return;
	lf = memchr(b->data, '\n', b->len);
	must(lf != NULL);
	/* The first line is a command, and says CRLF or not. */
	if (lf > b->data && lf[-1] == '\r')
		must(ends_with(b, "\r\n.\r\n") ||
		    (ends_with(b, "\n.\r\n") && behind_data(b)));
	else
		must(ends_with(b, "\n.\n") || ends_with(b, "\n.\r\n"));
}

static void
end_message(struct talk *t, bool bytewise)
{
	const struct server_transaction *now = server_transaction(t->server);
	size_t i;

	if (bytewise)
		check_end(t);
	must(now->count > 0 && now->count <= 5);
	check_address(now->mail.sender);
	buf_addf(&t->messages, "<%s>", now->mail.sender);
	for (i = 0; i < now->count; i++) {
		check_address(now->recipients[i].address);
		must(now->recipients[i].address[0] != '\0');
		buf_addf(&t->messages, "<%s>", now->recipients[i].address);
	}
	t->ends++;
	server_answer(t->server, 250, "2.0.0", "a\nb\r\001");
}

static void
settle(struct talk *t, bool bytewise)
{
	const char *data;
	size_t len;

	for (;;) {
		switch (server_step(t->server)) {
		case SERVER_WAIT:
			flush(t);
			return;
		case SERVER_FLUSH:
			flush(t);
			break;
		case SERVER_BODY:
			len = server_body(t->server, &data);
			must(len > 0 && server_in_message(t->server));
			buf_add(&t->messages, data, len);
			break;
		case SERVER_END:
			end_message(t, bytewise);
			break;
		case SERVER_DROP:
			buf_addc(&t->messages, '~');
			break;
		case SERVER_CLOSED:
			flush(t);
			t->closed = true;
			return;
		}
	}
}

static void
run(struct talk *t, const char *data, size_t len, unsigned int cut)
{
	struct server_settings settings = { "mx.example", 4000, 5 };
	size_t at, n;

	memset(t, 0, sizeof *t);
	buf_init(&t->replies, TEXT_MAX);
	buf_init(&t->messages, TEXT_MAX);
	buf_init(&t->fed, len + 1);
	t->server = server_new(&settings);
	settle(t, false);
	for (at = 0; at < len && !t->closed; at += n) {
		n = fuzz_piece(cut, at, len - at);
		if (n > SERVER_FEED_MAX)
			n = SERVER_FEED_MAX;
		buf_add(&t->fed, data + at, n);
		server_feed(t->server, data + at, n);
		settle(t, cut == 1);
	}
	server_free(t->server);
}

static void
release(struct talk *t)
{
	buf_release(&t->replies);
	buf_release(&t->messages);
	buf_release(&t->fed);
}

static void
same(const struct buf *a, const struct buf *b)
{
	must(a->len == b->len && memcmp(a->data, b->data, a->len) == 0);
}

static size_t
lines(const char *data, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		n += data[i] == '\n';
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct talk whole, pieces;
	const char *text = (const char *)data + 1;

	if (size == 0)
		return 0;
	run(&whole, text, size - 1, 0);
	run(&pieces, text, size - 1, data[0]);
	same(&whole.replies, &pieces.replies);
	same(&whole.messages, &pieces.messages);
	must(whole.closed == pieces.closed && whole.ends == pieces.ends);
	/* The greeting, then at most one reply for each line or chunk. */
	must(check_replies(&whole.replies) <=
	    1 + 2 * lines(text, size - 1));
	release(&whole);
	release(&pieces);
	return 0;
}
