/* SPDX-License-Identifier: ISC */
/*
 * SCRAM: a server's message, looked at before libgsasl sees it, and the salted
 * password that it asks for.  RFC 5802, RFC 7677.  Pure; never computes for
 * longer than the bounds let it.
 */
#include "config.h"

#include <gnutls/crypto.h>
#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "smtp/auth.h"
#include "smtp/scram.h"

/* Bytes of a salted password: SHA-256's. */
#define SALTED_MAX	32

/* One attribute of SCRAM's first server message (RFC 5802): "i=4096". */
static int
check_attribute(const char *text, size_t len, struct error *e)
{
	uint64_t n = 0;
	size_t i;

	if (len < 2 || memcmp(text, "i=", 2) != 0)
		return 0;
	for (i = 2; i < len && ascii_isdigit(text[i]) && n <= UINT32_MAX; i++)
		n = n * 10 + (uint64_t)(text[i] - '0');
	if (i == len && n >= AUTH_ITERATIONS_MIN && n <= AUTH_ITERATIONS_MAX)
		return 0;
	return error_set(e, ERR_AUTH, "server did not prove that it knows the"
	    " password: it asks for an iteration count that is not from %d to"
	    " %d", AUTH_ITERATIONS_MIN, AUTH_ITERATIONS_MAX);
}

/* Every count in it, so that none is left for libgsasl to find. */
static int
check_iterations(const char *text, size_t len, struct error *e)
{
	size_t i, begin;

	for (begin = 0; begin < len; begin = i + 1) {
		for (i = begin; i < len && text[i] != ','; i++)
			continue;
		if (check_attribute(text + begin, i - begin, e) == -1)
			return -1;
	}
	return 0;
}

/* "e=..." in place of the server's signature: it refuses, and says why. */
static int
check_server_error(const char *text, size_t len, struct error *e)
{
	if (len < 2 || memcmp(text, "e=", 2) != 0)
		return 0;
	return error_set(e, ERR_AUTH, "the relay refuses the login: %.*s",
	    (int)(len - 2 > 200 ? 200 : len - 2), text + 2);
}

/* The value of the attribute with this name ("s="); NULL without one. */
static const char *
attribute(const char *text, size_t len, const char *name, size_t *value_len)
{
	const char *at = text, *end = text + len, *comma;

	for (; at < end; at = comma + 1) {
		comma = memchr(at, ',', (size_t)(end - at));
		if (comma == NULL)
			comma = end;
		*value_len = (size_t)(comma - at) - 2;
		if (comma - at > 2 && memcmp(at, name, 2) == 0)
			return at + 2;
	}
	return NULL;
}

/* The nonce of a SCRAM exchange must be the server's as well. */
static int
check_nonce(const char *text, size_t len, size_t own, struct error *e)
{
	size_t nonce_len;

	if (attribute(text, len, "r=", &nonce_len) == NULL ||
	    nonce_len > own)
		return 0;
	return error_set(e, ERR_AUTH, "server did not prove that it knows the"
	    " password: it adds nothing to our nonce");
}

int
scram_check(const char *text, size_t len, size_t own, struct error *e)
{
	if (check_iterations(text, len, e) == -1 ||
	    check_nonce(text, len, own, e) == -1)
		return -1;
	return check_server_error(text, len, e);
}

size_t
scram_nonce(const char *first, size_t len)
{
	const char *at;

	at = memmem(first, len, ",r=", 3);
	return at == NULL ? 0 : len - (size_t)(at + 3 - first);
}

static void
add_hex(const unsigned char *key, size_t len, struct buf *out)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf_addf(out, "%02x", key[i]);
}

bool
scram_salt(bool sha256, const struct buf *secret, const char *text,
    size_t len, struct buf *hex)
{
	size_t salt_len, count_len, key_len = sha256 ? 32 : 20;
	unsigned char key[SALTED_MAX];
	gnutls_datum_t password, salt;
	const char *coded, *count;
	char *decoded;

	coded = attribute(text, len, "s=", &salt_len);
	count = attribute(text, len, "i=", &count_len);
	if (coded == NULL || count == NULL || gsasl_base64_from(coded,
	    salt_len, &decoded, &salt_len) != GSASL_OK)
		return false;
	password.data = (unsigned char *)secret->data;
	password.size = (unsigned int)secret->len;
	salt.data = (unsigned char *)decoded;
	salt.size = (unsigned int)salt_len;
	if (gnutls_pbkdf2(sha256 ? GNUTLS_MAC_SHA256 : GNUTLS_MAC_SHA1,
	    &password, &salt, (unsigned int)strtoul(count, NULL, 10), key,
	    key_len) == GNUTLS_E_SUCCESS)
		add_hex(key, key_len, hex);
	mem_wipe(key, sizeof key);
	gsasl_free(decoded);
	return hex->len > 0;
}
