/* SPDX-License-Identifier: ISC */
/*
 * Versions, ciphers, and the checks of a relay's certificate: chain, name,
 * time and purpose.  RFC 5280, RFC 6125, RFC 8996.
 */
#include "config.h"

#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/dial.h"
#include "net/tls.h"
#include "net/trust.h"

/* An address in network order, for a server name that is one. */
struct name {
	char *text;		/* A-labels, no trailing dot */
	unsigned char address[16];
	unsigned int address_len;	/* 0: it is a name */
};

struct tls {
	struct name name;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
};

/* What one of GnuTLS's status bits means, the gravest first. */
static const struct {
	unsigned int bit;
	const char *text;
} checks[] = {
	{ GNUTLS_CERT_REVOKED, "it is revoked" },
	{ GNUTLS_CERT_NOT_ACTIVATED, "it is not valid yet" },
	{ GNUTLS_CERT_EXPIRED, "it has expired" },
	{ GNUTLS_CERT_UNEXPECTED_OWNER, "it is for another name" },
	{ GNUTLS_CERT_PURPOSE_MISMATCH,
	    "it is not meant for a server (extended key usage)" },
	{ GNUTLS_CERT_INSECURE_ALGORITHM,
	    "its key or signature is too weak" },
	{ GNUTLS_CERT_SIGNER_NOT_CA, "its issuer is no authority" },
	{ GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE,
	    "its issuer may not issue it (constraints)" },
	{ GNUTLS_CERT_SIGNATURE_FAILURE, "its signature is wrong" },
	{ GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS,
	    "it has an unknown critical extension" },
	{ GNUTLS_CERT_SIGNER_NOT_FOUND, "its issuer is not trusted here" },
};

/* Versions from the oldest to the newest, as GnuTLS's strings say them. */
static const struct {
	const char *name;
	const char *priority;
} versions[] = {
	{ "1.0", ":+VERS-TLS1.0" },
	{ "1.1", ":+VERS-TLS1.1" },
	{ "1.2", ":+VERS-TLS1.2" },
	{ "1.3", ":+VERS-TLS1.3" },
};

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static int
name_set(struct name *n, const char *server, struct error *e)
{
	size_t len;

	if (inet_pton(AF_INET, server, n->address) == 1)
		n->address_len = 4;
	else if (inet_pton(AF_INET6, server, n->address) == 1)
		n->address_len = 16;
	if (n->address_len > 0) {
		n->text = xstrdup(server);
		return 0;
	}
	n->text = dial_ascii_name(server, e);
	if (n->text == NULL)
		return -1;
	len = strlen(n->text);
	if (len > 1 && n->text[len - 1] == '.')
		n->text[len - 1] = '\0';
	return 0;
}

/* The library's own default takes RSA-1024 and TLS 1.0. */
static int
set_priority(struct tls *t, const struct tls_settings *settings,
    struct error *e)
{
	struct buf text;
	const char *at;
	size_t i;
	bool on = false;
	int rc;

	buf_init(&text, 4096);
	if (settings->priority != NULL)
		buf_adds(&text, settings->priority);
	else {
		buf_adds(&text, "SECURE128:%PROFILE_MEDIUM:-VERS-ALL");
		for (i = 0; i < COUNT(versions); i++) {
			on = on || strcmp(versions[i].name, settings->min) == 0;
			if (on)
				buf_adds(&text, versions[i].priority);
		}
	}
	at = text.data;
	rc = gnutls_priority_init(&t->priority, text.data, &at);
	if (rc != GNUTLS_E_SUCCESS)
		error_set(e, ERR_CONFIG, "tls_priority is not understood at"
		    " '%s': %s", at, gnutls_strerror(rc));
	buf_release(&text);
	return rc == GNUTLS_E_SUCCESS ? 0 : -1;
}

struct tls *
tls_new(const struct tls_settings *settings, struct error *e)
{
	struct tls *t;

	t = xcalloc(1, sizeof *t);
	if (gnutls_certificate_allocate_credentials(&t->credentials) !=
	    GNUTLS_E_SUCCESS) {
		error_set(e, ERR_OS, "cannot make TLS credentials");
		free(t);
		return NULL;
	}
	if (name_set(&t->name, settings->server_name, e) == 0 &&
	    set_priority(t, settings, e) == 0 &&
	    trust_load(t->credentials, settings->trust, e) == 0)
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
	free(t->name.text);
	free(t);
}

int
tls_session(const struct tls *t, gnutls_session_t *session, struct error *e)
{
	int rc;

	rc = gnutls_init(session, GNUTLS_CLIENT | GNUTLS_NONBLOCK |
	    GNUTLS_NO_SIGNAL);
	if (rc != GNUTLS_E_SUCCESS)
		return error_set(e, ERR_OS, "cannot begin TLS: %s",
		    gnutls_strerror(rc));
	rc = gnutls_priority_set(*session, t->priority);
	if (rc == GNUTLS_E_SUCCESS)
		rc = gnutls_credentials_set(*session, GNUTLS_CRD_CERTIFICATE,
		    t->credentials);
	/* RFC 6066: no server name for an address. */
	if (rc == GNUTLS_E_SUCCESS && t->name.address_len == 0)
		rc = gnutls_server_name_set(*session, GNUTLS_NAME_DNS,
		    t->name.text, strlen(t->name.text));
	if (rc == GNUTLS_E_SUCCESS)
		return 0;
	gnutls_deinit(*session);
	return error_set(e, ERR_CONFIG, "cannot begin TLS: %s",
	    gnutls_strerror(rc));
}

/* The name of the relay's certificate, for the text. */
static void
describe(gnutls_session_t session, struct buf *out)
{
	const gnutls_datum_t *chain;
	gnutls_datum_t text;
	gnutls_x509_crt_t leaf;
	unsigned int n;

	chain = gnutls_certificate_get_peers(session, &n);
	if (chain == NULL || n == 0 ||
	    gnutls_x509_crt_init(&leaf) != GNUTLS_E_SUCCESS)
		return;
	if (gnutls_x509_crt_import(leaf, &chain[0], GNUTLS_X509_FMT_DER) ==
	    GNUTLS_E_SUCCESS && gnutls_x509_crt_print(leaf,
	    GNUTLS_CRT_PRINT_ONELINE, &text) == GNUTLS_E_SUCCESS) {
		buf_addf(out, " (%s)", (const char *)text.data);
		gnutls_free(text.data);
	}
	gnutls_x509_crt_deinit(leaf);
}

static int
refused(const struct tls *t, gnutls_session_t session, unsigned int status,
    struct error *e)
{
	struct buf why, seen;
	size_t i;

	buf_init(&why, ERROR_TEXT_MAX);
	buf_init(&seen, ERROR_TEXT_MAX);
	for (i = 0; i < COUNT(checks); i++)
		if ((status & checks[i].bit) != 0)
			buf_addf(&why, "%s%s", why.len == 0 ? "" : ", ",
			    checks[i].text);
	if (why.len == 0)
		buf_addf(&why, "GnuTLS says 0x%x", status);
	describe(session, &seen);
	error_set(e, ERR_UNAVAILABLE, "the certificate of '%s' fails its"
	    " check: %s%s", t->name.text, why.data, seen.data);
	buf_release(&why);
	buf_release(&seen);
	return -1;
}

int
tls_verify(const struct tls *t, gnutls_session_t session, struct error *e)
{
	gnutls_typed_vdata_st asked[2];
	unsigned int status = 0;
	char purpose[] = GNUTLS_KP_TLS_WWW_SERVER;
	int rc;

	memset(asked, 0, sizeof asked);
	asked[0].type = t->name.address_len == 0 ? GNUTLS_DT_DNS_HOSTNAME :
	    GNUTLS_DT_IP_ADDRESS;
	asked[0].data = xmalloc(strlen(t->name.text) + 16);
	if (t->name.address_len == 0)
		memcpy(asked[0].data, t->name.text, strlen(t->name.text) + 1);
	else
		memcpy(asked[0].data, t->name.address, t->name.address_len);
	asked[0].size = t->name.address_len;
	asked[1].type = GNUTLS_DT_KEY_PURPOSE_OID;
	asked[1].data = (unsigned char *)purpose;
	rc = gnutls_certificate_verify_peers(session, asked, 2, &status);
	free(asked[0].data);
	if (rc != GNUTLS_E_SUCCESS)
		return error_set(e, ERR_UNAVAILABLE, "the certificate of '%s'"
		    " cannot be checked: %s", t->name.text,
		    gnutls_strerror(rc));
	return status == 0 ? 0 : refused(t, session, status, e);
}

char *
tls_version(gnutls_session_t session)
{
	return xstrdup(gnutls_protocol_get_name(
	    gnutls_protocol_get_version(session)));
}
