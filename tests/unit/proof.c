/* SPDX-License-Identifier: ISC */
/*
 * A server's proofs, the plain way.  RFC 5802, RFC 7677, RFC 2831.
 */
#include "config.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "proof.h"

#define HASH_MAX	32
/* Bytes of what is hashed: two messages of a relay, and answers to them. */
#define TALK_MAX	(128 * 1024)

/* The value of an attribute in a SCRAM message, its length in *len. */
static const char *
attribute(const char *text, const char *name, size_t *len)
{
	while (strncmp(text, name, 2) != 0) {
		text = strchr(text, ',');
		if (text == NULL)
			return NULL;
		text++;
	}
	text += 2;
	*len = strcspn(text, ",");
	return text;
}

/* SaltedPassword; -1 where the message has no salt or count. */
static int
salted(const struct proof_talk *t, gnutls_mac_algorithm_t mac,
    unsigned char *key, size_t key_len)
{
	gnutls_datum_t password, coded, salt;
	const char *s, *i;
	size_t s_len, i_len;
	int rc;

	s = attribute(t->server_first, "s=", &s_len);
	i = attribute(t->server_first, "i=", &i_len);
	if (s == NULL || i == NULL)
		return -1;
	coded.data = (unsigned char *)(uintptr_t)s;
	coded.size = (unsigned int)s_len;
	if (gnutls_base64_decode2(&coded, &salt) != 0)
		return -1;
	password.data = (unsigned char *)(uintptr_t)t->password;
	password.size = (unsigned int)strlen(t->password);
	rc = gnutls_pbkdf2(mac, &password, &salt,
	    (unsigned int)strtoul(i, NULL, 10), key, key_len);
	gnutls_free(salt.data);
	return rc;
}

/* What is signed, but for the proof in the client's last message. */
static void
add_messages(const struct proof_talk *t, struct buf *out)
{
	const char *bare, *proof;

	bare = strchr(t->client_first, ',');
	bare = bare == NULL ? NULL : strchr(bare + 1, ',');
	proof = strstr(t->client_final, ",p=");
	if (bare == NULL || proof == NULL)
		return;
	buf_addf(out, "%s,%s,", bare + 1, t->server_first);
	buf_add(out, t->client_final, (size_t)(proof - t->client_final));
}

static void
add_coded(const unsigned char *data, size_t len, struct buf *out)
{
	gnutls_datum_t in, coded;

	in.data = (unsigned char *)(uintptr_t)data;
	in.size = (unsigned int)len;
	if (gnutls_base64_encode2(&in, &coded) != 0)
		return;
	buf_add(out, coded.data, coded.size);
	gnutls_free(coded.data);
}

static void
add_scram(const struct proof_talk *t, struct buf *out)
{
	bool sha256 = strstr(t->mechanism, "SHA-256") != NULL;
	gnutls_mac_algorithm_t mac = sha256 ? GNUTLS_MAC_SHA256 :
	    GNUTLS_MAC_SHA1;
	unsigned char salt_key[HASH_MAX], key[HASH_MAX], signature[HASH_MAX];
	size_t len = sha256 ? 32 : 20;
	struct buf messages;

	buf_init(&messages, TALK_MAX);
	add_messages(t, &messages);
	if (messages.len > 0 && salted(t, mac, salt_key, len) == 0 &&
	    gnutls_hmac_fast(mac, salt_key, len, "Server Key", 10, key) ==
	    0 && gnutls_hmac_fast(mac, key, len, messages.data, messages.len,
	    signature) == 0) {
		buf_adds(out, "v=");
		add_coded(signature, len, out);
	}
	buf_release(&messages);
}

/* Value of NAME="VALUE" or NAME=VALUE in a response, "" without one. */
static void
add_directive(const char *text, const char *name, struct buf *out)
{
	size_t len = strlen(name);
	const char *at;

	for (at = strstr(text, name); at != NULL; at = strstr(at + 1, name))
		if ((at == text || strchr(", ", at[-1]) != NULL) &&
		    at[len] == '=')
			break;
	if (at == NULL)
		return;
	at += len + 1;
	if (*at != '"') {
		buf_add(out, at, strcspn(at, ", "));
		return;
	}
	for (at++; *at != '"' && *at != '\0'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		buf_addc(out, *at);
	}
}

static void
add_hex_md5(const struct buf *in, struct buf *out)
{
	unsigned char hash[16];
	size_t i;

	if (gnutls_hash_fast(GNUTLS_DIG_MD5, in->data, in->len, hash) != 0)
		return;
	for (i = 0; i < sizeof hash; i++)
		buf_addf(out, "%02x", hash[i]);
}

/* H(A1) of RFC 2831 section 2.1.2.1 in hex; no authorization identity. */
static void
add_a1(const struct proof_talk *t, struct buf *out)
{
	unsigned char hash[16];
	struct buf in;

	buf_init(&in, TALK_MAX);
	add_directive(t->client_final, "username", &in);
	buf_addc(&in, ':');
	add_directive(t->client_final, "realm", &in);
	buf_addf(&in, ":%s", t->password);
	if (gnutls_hash_fast(GNUTLS_DIG_MD5, in.data, in.len, hash) == 0) {
		buf_clear(&in);
		buf_add(&in, hash, sizeof hash);
		buf_addc(&in, ':');
		add_directive(t->client_final, "nonce", &in);
		buf_addc(&in, ':');
		add_directive(t->client_final, "cnonce", &in);
		add_hex_md5(&in, out);
	}
	buf_release(&in);
}

static void
add_digest(const struct proof_talk *t, struct buf *out)
{
	static const char *const names[] = { "nonce", "nc", "cnonce", "qop" };
	struct buf in, uri;
	size_t i;

	buf_init(&in, TALK_MAX);
	buf_init(&uri, TALK_MAX);
	add_a1(t, &in);
	for (i = 0; i < sizeof names / sizeof *names; i++) {
		buf_addc(&in, ':');
		add_directive(t->client_final, names[i], &in);
	}
	buf_addc(&uri, ':');
	add_directive(t->client_final, "digest-uri", &uri);
	buf_addc(&in, ':');
	add_hex_md5(&uri, &in);
	buf_adds(out, "rspauth=");
	add_hex_md5(&in, out);
	buf_release(&in);
	buf_release(&uri);
}

void
proof_add(const struct proof_talk *t, struct buf *out)
{
	if (strcmp(t->mechanism, "DIGEST-MD5") == 0)
		add_digest(t, out);
	else if (t->client_first != NULL && t->server_first != NULL)
		add_scram(t, out);
}
