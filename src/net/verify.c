/* SPDX-License-Identifier: ISC */
/*
 * The checks of a relay's certificate, and what is said of one that fails
 * them.  RFC 5280, RFC 6125.  Never lets one pass that it could not look at.
 */
#include "config.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/resolve.h"
#include "net/verify.h"

/* SHA-256. */
#define DIGEST_SIZE	32
/* Names of a certificate that are shown, and bytes of each. */
#define NAMES_SHOWN	4
#define NAME_SHOWN	72

#define PIN_PREFIX	"sha256:"

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
	{ GNUTLS_CERT_MISSING_OCSP_STATUS,
	    "it must come with an OCSP answer, and has none" },
	{ GNUTLS_CERT_INVALID_OCSP_STATUS, "its OCSP answer is wrong" },
};

#define COUNT(a)	(sizeof (a) / sizeof *(a))

int
verify_init(struct verify *v, const char *server, struct error *e)
{
	struct verify_name *n = &v->name;
	size_t len;

	memset(v, 0, sizeof *v);
	if (inet_pton(AF_INET, server, n->address) == 1)
		n->address_len = 4;
	else if (inet_pton(AF_INET6, server, n->address) == 1)
		n->address_len = 16;
	if (n->address_len > 0) {
		n->text = xstrdup(server);
		return 0;
	}
	n->text = resolve_ascii_name(server, e);
	if (n->text == NULL)
		return -1;
	len = strlen(n->text);
	if (len > 1 && n->text[len - 1] == '.')
		n->text[len - 1] = '\0';
	return 0;
}

void
verify_release(struct verify *v)
{
	while (v->crl_count > 0)
		gnutls_x509_crl_deinit(v->crls[--v->crl_count]);
	gnutls_free(v->crls);
	free(v->name.text);
}

int
verify_leaf(gnutls_session_t session, gnutls_x509_crt_t *leaf)
{
	const gnutls_datum_t *chain;
	unsigned int n;

	chain = gnutls_certificate_get_peers(session, &n);
	if (chain == NULL || n == 0 ||
	    gnutls_x509_crt_init(leaf) != GNUTLS_E_SUCCESS)
		return -1;
	if (gnutls_x509_crt_import(*leaf, &chain[0], GNUTLS_X509_FMT_DER) ==
	    GNUTLS_E_SUCCESS)
		return 0;
	gnutls_x509_crt_deinit(*leaf);
	return -1;
}

static void
add_digest(struct buf *out, const unsigned char *digest)
{
	size_t i;

	buf_adds(out, PIN_PREFIX);
	for (i = 0; i < DIGEST_SIZE; i++)
		buf_addf(out, "%02x", digest[i]);
}

/* "sha256:..." of the whole certificate. */
static void
add_fingerprint(gnutls_x509_crt_t leaf, struct buf *out)
{
	unsigned char digest[DIGEST_SIZE];
	size_t len = sizeof digest;

	if (gnutls_x509_crt_get_fingerprint(leaf, GNUTLS_DIG_SHA256, digest,
	    &len) == GNUTLS_E_SUCCESS)
		add_digest(out, digest);
}

/* "sha256:..." of the public key (SubjectPublicKeyInfo). */
static void
add_key_digest(gnutls_x509_crt_t leaf, struct buf *out)
{
	unsigned char digest[DIGEST_SIZE];
	size_t len = sizeof digest;

	if (gnutls_x509_crt_get_key_id(leaf, GNUTLS_KEYID_USE_SHA256, digest,
	    &len) == GNUTLS_E_SUCCESS)
		add_digest(out, digest);
}

/* One name, if it is a host's. */
static bool
add_name(unsigned int type, const char *data, size_t len, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];

	if (type == GNUTLS_SAN_DNSNAME) {
		buf_adds(out, "'");
		str_escape(out, data, len, NAME_SHOWN);
		buf_adds(out, "'");
		return true;
	}
	if (type != GNUTLS_SAN_IPADDRESS || (len != 4 && len != 16) ||
	    inet_ntop(len == 4 ? AF_INET : AF_INET6, data, text,
	    sizeof text) == NULL)
		return false;
	buf_addf(out, "'%s'", text);
	return true;
}

/* The hosts that it is for; the common name where there is none. */
static void
add_names(gnutls_x509_crt_t leaf, struct buf *out)
{
	unsigned int i, type, shown = 0;
	char data[512];
	size_t len;
	int rc;

	for (i = 0;; i++) {
		len = sizeof data;
		rc = gnutls_x509_crt_get_subject_alt_name2(leaf, i, data,
		    &len, &type, NULL);
		if (rc == GNUTLS_E_SHORT_MEMORY_BUFFER)
			continue;
		if (rc < 0)
			break;
		if (shown == NAMES_SHOWN) {
			buf_adds(out, " and others");
			return;
		}
		buf_adds(out, shown == 0 ? " " : ", ");
		if (add_name(type, data, len, out))
			shown++;
		else
			buf_truncate(out, out->len - (shown == 0 ? 1 : 2));
	}
	len = sizeof data;
	if (shown > 0)
		return;
	buf_adds(out, " no host by name");
	if (gnutls_x509_crt_get_dn_by_oid(leaf, GNUTLS_OID_X520_COMMON_NAME,
	    0, 0, data, &len) != GNUTLS_E_SUCCESS)
		return;
	buf_adds(out, ", called '");
	str_escape(out, data, len, NAME_SHOWN);
	buf_adds(out, "'");
}

/* "2026-11-24" */
static void
add_day(time_t t, struct buf *out)
{
	struct tm tm;
	char text[32];

	if (gmtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof text, "%Y-%m-%d", &tm) > 0)
		buf_adds(out, text);
}

/* What was seen, and the line that would trust it. */
static void
describe(gnutls_session_t session, struct buf *out)
{
	gnutls_x509_crt_t leaf;

	if (verify_leaf(session, &leaf) == -1)
		return;
	buf_adds(out, "; it is for");
	add_names(leaf, out);
	buf_adds(out, ", valid from ");
	add_day(gnutls_x509_crt_get_activation_time(leaf), out);
	buf_adds(out, " to ");
	add_day(gnutls_x509_crt_get_expiration_time(leaf), out);
	buf_adds(out, ", fingerprint ");
	add_fingerprint(leaf, out);
	buf_adds(out, "; to trust its key all the same, set: tls_pin = ");
	add_key_digest(leaf, out);
	gnutls_x509_crt_deinit(leaf);
}

static int
refuse(const struct verify *v, gnutls_session_t session, const char *why,
    struct error *e)
{
	struct buf seen;

	buf_init(&seen, ERROR_TEXT_MAX);
	describe(session, &seen);
	error_set(e, ERR_UNAVAILABLE, "the certificate of '%s' fails its"
	    " check: %s%s", v->name.text, why, seen.data);
	buf_release(&seen);
	return -1;
}

static int
refuse_status(const struct verify *v, gnutls_session_t session,
    unsigned int status, struct error *e)
{
	struct buf why;
	size_t i;

	buf_init(&why, ERROR_TEXT_MAX);
	for (i = 0; i < COUNT(checks); i++)
		if ((status & checks[i].bit) != 0)
			buf_addf(&why, "%s%s", why.len == 0 ? "" : ", ",
			    checks[i].text);
	if (why.len == 0)
		buf_addf(&why, "GnuTLS says 0x%x", status);
	refuse(v, session, why.data, e);
	buf_release(&why);
	return -1;
}

static bool
any_pin(const struct verify *v, const struct buf *digest)
{
	size_t i;

	for (i = 0; i < v->pin_count; i++)
		if (strcmp(v->pins[i], digest->data) == 0)
			return true;
	return false;
}

/* Certificate or key is the pinned one. */
static bool
pin_matches(const struct verify *v, gnutls_x509_crt_t leaf)
{
	struct buf digest;
	bool matches;

	buf_init(&digest, 256);
	add_fingerprint(leaf, &digest);
	matches = any_pin(v, &digest);
	buf_clear(&digest);
	add_key_digest(leaf, &digest);
	matches = matches || any_pin(v, &digest);
	buf_release(&digest);
	return matches;
}

/* A pin stands for CA, name and time; what is revoked stays so. */
static int
check_pins(const struct verify *v, gnutls_session_t session, struct error *e)
{
	gnutls_x509_crt_t leaf;
	int revoked = 0;
	bool matches;

	if (verify_leaf(session, &leaf) == -1)
		return error_set(e, ERR_UNAVAILABLE, "the relay '%s' shows no"
		    " certificate that can be read", v->name.text);
	matches = pin_matches(v, leaf);
	if (matches && v->crl_count > 0)
		revoked = gnutls_x509_crt_check_revocation(leaf, v->crls,
		    v->crl_count);
	gnutls_x509_crt_deinit(leaf);
	if (!matches)
		return refuse(v, session, "it matches no tls_pin", e);
	return revoked == 0 ? 0 : refuse(v, session, "it is revoked", e);
}

/* True where the list is that of the certificate's issuer. */
static bool
is_list_of(gnutls_x509_crl_t crl, gnutls_x509_crt_t crt)
{
	gnutls_datum_t a = { NULL, 0 }, b = { NULL, 0 };
	bool same;

	same = gnutls_x509_crl_get_raw_issuer_dn(crl, &a) ==
	    GNUTLS_E_SUCCESS &&
	    gnutls_x509_crt_get_raw_issuer_dn(crt, &b) == GNUTLS_E_SUCCESS &&
	    a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
	gnutls_free(a.data);
	gnutls_free(b.data);
	return same;
}

/* True where there are lists for a certificate, and none is of now. */
static bool
lists_are_stale(const struct verify *v, gnutls_x509_crt_t crt, time_t now)
{
	bool stale = false;
	time_t next;
	unsigned int i;

	for (i = 0; i < v->crl_count; i++) {
		if (!is_list_of(v->crls[i], crt))
			continue;
		next = gnutls_x509_crl_get_next_update(v->crls[i]);
		if (gnutls_x509_crl_get_this_update(v->crls[i]) <= now &&
		    (next == (time_t)-1 || next >= now))
			return false;
		stale = true;
	}
	return stale;
}

/* GnuTLS itself does not look at the dates of a list. */
static int
check_lists(const struct verify *v, gnutls_session_t session,
    struct error *e)
{
	const gnutls_datum_t *chain;
	gnutls_x509_crt_t crt;
	unsigned int i, n = 0;
	time_t now = time(NULL);
	bool stale = false;

	chain = gnutls_certificate_get_peers(session, &n);
	for (i = 0; i < n && v->crl_count > 0 && !stale; i++) {
		if (gnutls_x509_crt_init(&crt) != GNUTLS_E_SUCCESS)
			return error_set(e, ERR_OS, "no memory for a"
			    " certificate");
		stale = gnutls_x509_crt_import(crt, &chain[i],
		    GNUTLS_X509_FMT_DER) != GNUTLS_E_SUCCESS ||
		    lists_are_stale(v, crt, now);
		gnutls_x509_crt_deinit(crt);
	}
	return !stale ? 0 : refuse(v, session, "the revocation list of its"
	    " issuer in tls_crl is out of date", e);
}

static int
check_chain(const struct verify *v, gnutls_session_t session,
    struct error *e)
{
	gnutls_typed_vdata_st asked[2];
	unsigned int status = 0;
	char purpose[] = GNUTLS_KP_TLS_WWW_SERVER;
	int rc;

	memset(asked, 0, sizeof asked);
	asked[0].type = v->name.address_len == 0 ? GNUTLS_DT_DNS_HOSTNAME :
	    GNUTLS_DT_IP_ADDRESS;
	asked[0].data = xmalloc(strlen(v->name.text) + 16);
	if (v->name.address_len == 0)
		memcpy(asked[0].data, v->name.text, strlen(v->name.text) + 1);
	else
		memcpy(asked[0].data, v->name.address, v->name.address_len);
	asked[0].size = v->name.address_len;
	asked[1].type = GNUTLS_DT_KEY_PURPOSE_OID;
	asked[1].data = (unsigned char *)purpose;
	rc = gnutls_certificate_verify_peers(session, asked, 2, &status);
	free(asked[0].data);
	if (rc != GNUTLS_E_SUCCESS)
		return error_set(e, ERR_UNAVAILABLE, "the certificate of '%s'"
		    " cannot be checked: %s", v->name.text,
		    gnutls_strerror(rc));
	return status == 0 ? check_lists(v, session, e) :
	    refuse_status(v, session, status, e);
}

int
verify_peer(const struct verify *v, gnutls_session_t session,
    struct error *e)
{
	if (v->pin_count > 0)
		return check_pins(v, session, e);
	return check_chain(v, session, e);
}
