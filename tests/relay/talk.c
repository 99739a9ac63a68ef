/* SPDX-License-Identifier: ISC */
/*
 * Challenges and answers of an AUTH command.  RFC 4954 section 4, RFC 4648.
 */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "record.h"
#include "talk.h"

void
talk_secured(struct conn *c, struct record *r)
{
	const char *version = conn_tls_version(c), *bound;

	record_say(r, "TLS", version, strlen(version));
	bound = gnutls_protocol_get_version(c->tls) >= GNUTLS_TLS1_3 ?
	    "tls-exporter" : gnutls_session_ext_master_secret_status(c->tls) ?
	    "tls-unique" : "none";
	record_say(r, "BINDING", bound, strlen(bound));
}

int
talk_say(struct conn *c, struct record *r, const char *text)
{
	char *line;
	int n, rc;

	n = asprintf(&line, "%s\r\n", text);
	if (n < 0)
		return -1;
	record_say(r, "S", text, strlen(text));
	rc = conn_write(c, line, (size_t)n) == CONN_OK ? 0 : -1;
	free(line);
	return rc;
}

char *
talk_encode(const void *data, size_t len)
{
	gnutls_datum_t in, out;
	char *text;

	if (len == 0)
		return strdup("");
	in.data = (void *)(uintptr_t)data;	/* only read */
	in.size = (unsigned)len;
	if (gnutls_base64_encode2(&in, &out) < 0)
		return NULL;
	text = strndup((const char *)out.data, out.size);
	gnutls_free(out.data);
	return text;
}

int
talk_challenge(struct conn *c, struct record *r, const void *data, size_t len)
{
	char *coded, *line;
	int n, rc;

	coded = talk_encode(data, len);
	if (coded == NULL)
		return -1;
	n = asprintf(&line, "334 %s", coded);
	free(coded);
	if (n < 0)
		return -1;
	rc = talk_say(c, r, line);
	free(line);
	return rc;
}

/* True where text is what these octets look like in base64. */
static bool
same_text(const gnutls_datum_t *plain, const char *text, size_t len)
{
	char *coded;
	bool same;

	coded = talk_encode(plain->data, plain->size);
	same = coded != NULL && strlen(coded) == len &&
	    memcmp(coded, text, len) == 0;
	free(coded);
	return same;
}

int
talk_decode(const char *text, size_t len, gnutls_datum_t *out)
{
	gnutls_datum_t in, plain = { NULL, 0 };

	out->data = NULL;
	out->size = 0;
	in.data = (void *)(uintptr_t)text;	/* only read */
	in.size = (unsigned)len;
	if (len > 0 && gnutls_base64_decode2(&in, &plain) < 0)
		return -1;
	/* GnuTLS forgives what is not base64 to the letter. */
	if (same_text(&plain, text, len))
		out->data = gnutls_malloc(plain.size + 1);
	if (out->data != NULL) {
		if (plain.size > 0)
			memcpy(out->data, plain.data, plain.size);
		out->data[plain.size] = '\0';
		out->size = plain.size;
	}
	gnutls_free(plain.data);
	return out->data == NULL ? -1 : 0;
}

enum talk_result
talk_hear(struct conn *c, struct record *r, gnutls_datum_t *answer)
{
	const char *line;
	size_t len;

	answer->data = NULL;
	if (conn_line(c, &line, &len) != CONN_OK)
		return TALK_GONE;
	record_say(r, "C", line, len);
	if (len + 2 > TALK_ANSWER_MAX)
		return TALK_TOO_LONG;
	if (len == 1 && *line == '*')
		return TALK_CANCELLED;
	return talk_decode(line, len, answer) < 0 ? TALK_MALFORMED : TALK_OK;
}

enum talk_result
talk_ask(struct conn *c, struct record *r, const void *data, size_t len,
    gnutls_datum_t *answer)
{
	answer->data = NULL;
	if (talk_challenge(c, r, data, len) < 0)
		return TALK_GONE;
	return talk_hear(c, r, answer);
}

enum talk_result
talk_first(struct conn *c, struct record *r, const char *text,
    gnutls_datum_t *answer)
{
	if (*text == '\0')
		return talk_ask(c, r, NULL, 0, answer);
	if (strcmp(text, "=") == 0)
		text = "";
	return talk_decode(text, strlen(text), answer) < 0 ?
	    TALK_MALFORMED : TALK_OK;
}
