/* SPDX-License-Identifier: ISC */
/*
 * What base64 goes through.  A challenge is read as RFC 4648 section 4 has it,
 * and by nothing else: no line ends, padding where it belongs and only there.
 * (Bits behind the last byte are not looked at, which section 3.5 leaves to
 * the reader.)  And what hides a secret hides it as it is and within base64,
 * wherever it begins there, and touches no other byte.  Bit 0 of the first
 * byte of the input says which of both is looked at.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "smtp/auth.h"
#include "smtp/redact.h"
#include "fuzz.h"

/* Bytes of text that secrets are looked for in: the plain way is slow. */
#define TEXT_MAX	8192
#define SECRET_MAX	64

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The plain way, with padding. */
static void
encode(const char *in, size_t len, struct buf *out)
{
	uint32_t bits;
	size_t i, n;

	for (i = 0; i < len; i += 3) {
		n = len - i < 3 ? len - i : 3;
		bits = (uint32_t)(unsigned char)in[i] << 16;
		bits |= n > 1 ? (uint32_t)(unsigned char)in[i + 1] << 8 : 0;
		bits |= n > 2 ? (uint32_t)(unsigned char)in[i + 2] : 0;
		buf_addc(out, alphabet[bits >> 18]);
		buf_addc(out, alphabet[bits >> 12 & 63]);
		buf_addc(out, n > 1 ? alphabet[bits >> 6 & 63] : '=');
		buf_addc(out, n > 2 ? alphabet[bits & 63] : '=');
	}
}

/* False where it is no base64. */
static bool
decode(const char *in, size_t len, struct buf *out)
{
	const char *at;
	uint32_t bits = 0;
	size_t i, pad = 0;

	if (len % 4 != 0)
		return false;
	while (pad < 2 && pad < len && in[len - 1 - pad] == '=')
		pad++;
	for (i = 0; i < len; i++) {
		at = memchr(alphabet, in[i], sizeof alphabet - 1);
		if (at == NULL && i < len - pad)
			return false;
		bits = bits << 6 | (at == NULL ? 0 : (uint32_t)(at -
		    alphabet));
		if (i % 4 != 3)
			continue;
		buf_addc(out, (char)(bits >> 16));
		buf_addc(out, (char)(bits >> 8));
		buf_addc(out, (char)bits);
		bits = 0;
	}
	buf_truncate(out, out->len - pad);
	return true;
}

/* XOAUTH2 shows what it has read: auth_complaint. */
static void
check_challenge(const char *challenge)
{
	struct auth_settings s;
	struct buf answer, want;
	size_t len = strlen(challenge);
	struct auth *a;
	struct error e;
	bool good;
	int rc;

	memset(&s, 0, sizeof s);
	s.username = "alice";
	buf_init_secret(&answer, AUTH_CHALLENGE_MAX);
	buf_init(&want, len + 3);
	a = auth_new("XOAUTH2", &s, "token", &e);
	must(a != NULL && auth_step(a, NULL, &answer, &e) == 0);
	good = decode(challenge, len, &want) && len <= AUTH_CHALLENGE_MAX;
	rc = auth_step(a, challenge, &answer, &e);
	must(rc == (good ? 0 : -1));
	must(good || e.class == ERR_PROTOCOL);
	must(!good || (memcmp(auth_complaint(a), want.data, want.len) == 0 &&
	    auth_complaint(a)[want.len] == '\0'));
	auth_free(a);
	buf_release(&answer);
	buf_release(&want);
}

/* The input as it is, to its first NUL, and what encoding makes of it. */
static void
check_decoding(const char *in, size_t len)
{
	struct buf coded;
	char *text;

	text = xstrndup(in, len);
	check_challenge(text);
	free(text);
	buf_init(&coded, 2 * len + 4);
	encode(in, len, &coded);
	check_challenge(coded.data == NULL ? "" : coded.data);
	buf_release(&coded);
}

/* Stars in want wherever text has the needle. */
static void
star(const struct buf *text, const char *needle, size_t len, struct buf *want)
{
	size_t i;

	for (i = 0; len >= REDACT_LENGTH && i + len <= text->len; i++)
		if (memcmp(text->data + i, needle, len) == 0)
			memset(want->data + i, '*', len);
}

/* From where to where base64 of something stands for the secret alone. */
static void
own_characters(size_t skip, size_t len, size_t *from, size_t *to)
{
	*from = (skip * 8 + 5) / 6;
	*to = (skip + len) * 8 / 6;
}

static void
star_coded(const struct buf *text, const char *secret, struct buf *want)
{
	char in[SECRET_MAX + 3] = "";
	size_t skip, from, to, len = strlen(secret);
	struct buf coded;

	for (skip = 0; skip < 3; skip++) {
		memcpy(in + skip, secret, len);
		buf_init(&coded, 2 * sizeof in);
		encode(in, skip + len, &coded);
		own_characters(skip, len, &from, &to);
		star(text, coded.data + from, to - from, want);
		buf_release(&coded);
	}
}

static bool
all_stars(const char *text, size_t len)
{
	while (len > 0 && text[len - 1] == '*')
		len--;
	return len == 0;
}

/* plain has the secret behind skip bytes; its base64 stands in around. */
static void
check_hiding(const char *secret, const char *more, const struct buf *plain,
    size_t skip, const struct buf *around, size_t at)
{
	struct buf text, want, coded;
	struct redact r = { .count = 0 };
	size_t from, to;

	buf_init(&text, 4 * TEXT_MAX);
	buf_init(&want, 4 * TEXT_MAX);
	buf_init(&coded, 4 * TEXT_MAX);
	buf_add(&text, around->data, around->len);
	encode(plain->data, plain->len, &coded);
	buf_insert(&text, at, coded.data, coded.len);
	buf_add(&want, text.data, text.len);
	star(&text, secret, strlen(secret), &want);
	star(&text, more, strlen(more), &want);
	star_coded(&text, secret, &want);
	redact_hide_secret(&r, secret);
	redact_hide(&r, more);
	redact_apply(&r, &text);
	must(text.len == want.len && !text.overflow);
	must(memcmp(text.data, want.data, want.len) == 0);
	own_characters(skip, strlen(secret), &from, &to);
	must(all_stars(text.data + at + from, to - from));
	buf_release(&text);
	buf_release(&want);
	buf_release(&coded);
}

/* A string of up to max bytes off the input, owned; NUL ends none. */
static char *
take(const char **in, size_t *len, size_t max)
{
	size_t i, n = *len < max ? *len : max;
	char *out;

	out = xstrndup(*in, n);
	for (i = 0; i < n; i++)
		if (out[i] == '\0')
			out[i] = '=';
	*in += n;
	*len -= n;
	return out;
}

/* Four bytes of numbers, the secret, another, then text. */
static void
check_redaction(const char *in, size_t len)
{
	struct buf plain, around;
	size_t secret_len, skip, at, tail;
	char *secret, *more;

	if (len < 4 + REDACT_LENGTH)
		return;
	secret_len = REDACT_LENGTH + (unsigned char)in[0] %
	    (SECRET_MAX - REDACT_LENGTH + 1);
	skip = (unsigned char)in[1];
	at = (unsigned char)in[2];
	tail = (unsigned char)in[3];
	in += 4;
	len -= 4;
	secret = take(&in, &len, secret_len);
	more = take(&in, &len, skip % 16);
	len = len < TEXT_MAX ? len : TEXT_MAX;
	skip = skip < len ? skip : len;
	tail = tail < len ? tail : len;
	buf_init(&plain, 4 * TEXT_MAX);
	buf_init(&around, TEXT_MAX);
	buf_add(&plain, in, skip);
	buf_adds(&plain, secret);
	buf_add(&plain, in + len - tail, tail);
	buf_add(&around, in, len);
	check_hiding(secret, more, &plain, skip, &around, at < len ? at :
	    len);
	buf_release(&plain);
	buf_release(&around);
	free(secret);
	free(more);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if ((data[0] & 1) == 0)
		check_decoding((const char *)data + 1, size - 1);
	else
		check_redaction((const char *)data + 1, size - 1);
	return 0;
}
