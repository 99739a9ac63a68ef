/* SPDX-License-Identifier: ISC */
/*
 * Versions, ciphers and credentials; what was agreed on.  RFC 8446, RFC 8996,
 * RFC 5929, RFC 9266.  What a certificate has to pass is verify.c's.
 */
#include "config.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "net/tls.h"
#include "net/trust.h"
#include "net/verify.h"

struct tls {
	struct verify verify;
	struct trust_opener opener;	/* of the key of our certificate */
	bool shows_certificate;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
};

/*
 * Versions in the order in which they are offered: a server that takes the
 * first it knows is to take the newest.
 */
static const char *const versions[] = { "1.3", "1.2", "1.1", "1.0" };

#define COUNT(a)	(sizeof (a) / sizeof *(a))

/*
 * The library's own default takes RSA-1024 and TLS 1.0.  Whatever tls_priority
 * says, what is below tls_min stays off.
 */
static void
priority_text(const struct tls_settings *settings, struct buf *text)
{
	bool own = settings->priority == NULL, on;
	size_t i;

	buf_adds(text, own ? "SECURE128:%PROFILE_MEDIUM:-VERS-ALL" :
	    settings->priority);
	for (i = 0; i < COUNT(versions); i++) {
		on = strcmp(versions[i], settings->min) >= 0;
		if (on == own)
			buf_addf(text, ":%cVERS-TLS%s", own ? '+' : '-',
			    versions[i]);
	}
	/* These two have no signature but those with SHA-1 and MD5. */
	if (own && strcmp(settings->min, "1.2") < 0)
		buf_adds(text, ":+SHA1:+SIGN-RSA-SHA1:+SIGN-ECDSA-SHA1");
}

static int
set_priority(struct tls *t, const struct tls_settings *settings,
    struct error *e)
{
	struct buf text;
	const char *at;
	int rc;

	buf_init(&text, 4096);
	priority_text(settings, &text);
	at = text.data;
	rc = gnutls_priority_init(&t->priority, text.data, &at);
	if (rc != GNUTLS_E_SUCCESS)
		error_set(e, ERR_CONFIG, "tls_priority is not understood at"
		    " '%s': %s", at, gnutls_strerror(rc));
	buf_release(&text);
	return rc == GNUTLS_E_SUCCESS ? 0 : -1;
}

/* All that is read from files. */
static int
load(struct tls *t, const struct tls_settings *s, struct error *e)
{
	t->verify.pins = s->pins;
	t->verify.pin_count = s->pin_count;
	if (s->pin_count == 0 && trust_load(t->credentials, s->trust, e) == -1)
		return -1;
	if (s->crl != NULL && trust_load_crl(t->credentials, s->crl,
	    &t->verify.crls, &t->verify.crl_count, e) == -1)
		return -1;
	t->shows_certificate = s->certificate != NULL;
	return s->certificate == NULL ? 0 :
	    trust_load_own(t->credentials, &t->opener, e);
}

struct tls *
tls_new(const struct tls_settings *settings, struct error *e)
{
	struct tls *t;

	t = xcalloc(1, sizeof *t);
	trust_opener_init(&t->opener, settings);
	if (gnutls_certificate_allocate_credentials(&t->credentials) !=
	    GNUTLS_E_SUCCESS) {
		error_set(e, ERR_OS, "cannot make TLS credentials");
		trust_opener_release(&t->opener);
		free(t);
		return NULL;
	}
	if (verify_init(&t->verify, settings->server_name, e) == 0 &&
	    set_priority(t, settings, e) == 0 && load(t, settings, e) == 0)
		return t;
	tls_free(t);
	return NULL;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	if (t->priority != NULL)
		gnutls_priority_deinit(t->priority);
	gnutls_certificate_free_credentials(t->credentials);
	trust_opener_release(&t->opener);
	verify_release(&t->verify);
	free(t);
}

int
tls_session(const struct tls *t, gnutls_session_t *session, struct error *e)
{
	unsigned int flags = GNUTLS_CLIENT | GNUTLS_NONBLOCK |
	    GNUTLS_NO_SIGNAL;
	int rc;

	/* Ours goes out even if the relay names other authorities. */
	if (t->shows_certificate)
		flags |= GNUTLS_FORCE_CLIENT_CERT;
	rc = gnutls_init(session, flags);
	if (rc != GNUTLS_E_SUCCESS)
		return error_set(e, ERR_OS, "cannot begin TLS: %s",
		    gnutls_strerror(rc));
	rc = gnutls_priority_set(*session, t->priority);
	if (rc == GNUTLS_E_SUCCESS)
		rc = gnutls_credentials_set(*session, GNUTLS_CRD_CERTIFICATE,
		    t->credentials);
	/* RFC 6066: no server name for an address. */
	if (rc == GNUTLS_E_SUCCESS && t->verify.name.address_len == 0)
		rc = gnutls_server_name_set(*session, GNUTLS_NAME_DNS,
		    t->verify.name.text, strlen(t->verify.name.text));
	if (rc == GNUTLS_E_SUCCESS)
		return 0;
	gnutls_deinit(*session);
	return error_set(e, ERR_CONFIG, "cannot begin TLS: %s",
	    gnutls_strerror(rc));
}

int
tls_verify(const struct tls *t, gnutls_session_t session, struct error *e)
{
	return verify_peer(&t->verify, session, e);
}

/* RFC 5929 has a flaw that RFC 7627 mends: without it there is no binding. */
static void
describe_binding(gnutls_session_t session, struct tls_facts *f)
{
	bool modern = gnutls_protocol_get_version(session) >= GNUTLS_TLS1_3;
	gnutls_datum_t raw, coded;

	if (!modern && !gnutls_session_ext_master_secret_status(session))
		return;
	if (gnutls_session_channel_binding(session, modern ?
	    GNUTLS_CB_TLS_EXPORTER : GNUTLS_CB_TLS_UNIQUE, &raw) !=
	    GNUTLS_E_SUCCESS)
		return;
	if (gnutls_base64_encode2(&raw, &coded) == GNUTLS_E_SUCCESS) {
		if (coded.size < sizeof f->binding) {
			memcpy(f->binding, coded.data, coded.size);
			f->binding_type = modern ? "tls-exporter" :
			    "tls-unique";
		}
		gnutls_free(coded.data);
	}
	gnutls_free(raw.data);
}

void
tls_describe(const struct tls *t, gnutls_session_t session,
    struct tls_facts *f)
{
	gnutls_x509_crt_t leaf;

	memset(f, 0, sizeof *f);
	snprintf(f->version, sizeof f->version, "%s",
	    gnutls_protocol_get_name(gnutls_protocol_get_version(session)));
	snprintf(f->cipher, sizeof f->cipher, "%s",
	    gnutls_cipher_get_name(gnutls_cipher_get(session)));
	f->pinned = t->verify.pin_count > 0;
	if (verify_leaf(session, &leaf) == 0) {
		f->ends = gnutls_x509_crt_get_expiration_time(leaf);
		gnutls_x509_crt_deinit(leaf);
	}
	describe_binding(session, f);
}
