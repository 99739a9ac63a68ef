/* SPDX-License-Identifier: ISC */
/*
 * The certificates that an account trusts: the system's, or those of a file;
 * revocation lists; and the certificate and key that are our own (in files, or
 * on a token: RFC 7512).
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "net/tls.h"
#include "net/trust.h"

/* Bytes that a file of certificates or revocation lists can have. */
#define TRUST_FILE_MAX	(64 * 1024 * 1024)

/* Bytes of a password or PIN for a key. */
#define OPENER_MAX	256

#define TOKEN_URI	"pkcs11:"

/* In the PEM text of an encrypted key, PKCS #8 (RFC 7468) or older. */
#define ENCRYPTED	"ENCRYPTED"

/*
 * Reads a file of PEM text, which may have a private key in it; key is the one
 * of the account file that names it. Release text in any case.
 */
static int
read_pem(const char *path, const char *key, struct buf *text,
    gnutls_datum_t *pem, struct error *e)
{
	int fd, rc, saved;

	buf_init_secret(text, TRUST_FILE_MAX);
	fd = fsio_open_regular(path, NULL);
	if (fd == -1)
		return error_set_errno(e, ERR_CONFIG, errno,
		    "cannot open the %s file '%s'", key, path);
	rc = fsio_read_all(fd, text);
	saved = errno;
	close(fd);
	if (rc == -1)
		return error_set_errno(e, ERR_CONFIG, saved,
		    "cannot read the %s file '%s'", key, path);
	pem->data = (unsigned char *)text->data;
	pem->size = (unsigned int)text->len;
	return 0;
}

static int
load_file(gnutls_certificate_credentials_t credentials, const char *path,
    struct error *e)
{
	gnutls_datum_t pem;
	struct buf text;
	int n;

	if (read_pem(path, "tls_trust", &text, &pem, e) == -1) {
		buf_release(&text);
		return -1;
	}
	n = gnutls_certificate_set_x509_trust_mem(credentials, &pem,
	    GNUTLS_X509_FMT_PEM);
	buf_release(&text);
	if (n > 0)
		return 0;
	return error_set(e, ERR_CONFIG, "no certificate in the tls_trust file"
	    " '%s': it must hold certificates in PEM form", path);
}

int
trust_load(gnutls_certificate_credentials_t credentials, const char *trust,
    struct error *e)
{
	int n;

	if (strcmp(trust, "system") != 0)
		return load_file(credentials, trust, e);
	n = gnutls_certificate_set_x509_system_trust(credentials);
	if (n > 0)
		return 0;
	return error_set(e, ERR_CONFIG, "the system has no trusted"
	    " certificates: install the package ca-certificates, or name a"
	    " file with 'tls_trust'");
}

int
trust_load_crl(gnutls_certificate_credentials_t credentials,
    const char *path, gnutls_x509_crl_t **list, unsigned int *count,
    struct error *e)
{
	gnutls_datum_t pem;
	struct buf text;
	int n, rc = GNUTLS_E_NO_CERTIFICATE_FOUND;

	if (read_pem(path, "tls_crl", &text, &pem, e) == -1) {
		buf_release(&text);
		return -1;
	}
	n = gnutls_certificate_set_x509_crl_mem(credentials, &pem,
	    GNUTLS_X509_FMT_PEM);
	if (n > 0)
		rc = gnutls_x509_crl_list_import2(list, count, &pem,
		    GNUTLS_X509_FMT_PEM, 0);
	buf_release(&text);
	if (n > 0 && rc >= 0)
		return 0;
	*count = 0;
	return error_set(e, ERR_CONFIG, "no revocation list in the tls_crl"
	    " file '%s': it must hold one in PEM form", path);
}

void
trust_opener_init(struct trust_opener *o, const struct tls_settings *settings)
{
	memset(o, 0, sizeof *o);
	o->settings = settings;
	buf_init_secret(&o->secret, OPENER_MAX);
}

void
trust_opener_release(struct trust_opener *o)
{
	buf_release(&o->secret);
}

/*
 * GnuTLS asks for a password or PIN; a wrong one is not tried again, as a
 * token locks itself after some.
 */
static int
give_pin(void *context, int attempt, const char *url, const char *label,
    unsigned int flags, char *pin, size_t pin_max)
{
	struct trust_opener *o = context;

	(void)url, (void)label;
	if (attempt > 0 || (flags & GNUTLS_PIN_WRONG) != 0)
		return GNUTLS_E_PKCS11_PIN_ERROR;
	if (!o->asked) {
		o->asked = true;
		o->failed = o->settings->secret == NULL ||
		    o->settings->secret(o->settings->secret_context,
		    &o->secret, &o->error) == -1;
	}
	if (o->failed || o->secret.len == 0 || o->secret.len >= pin_max)
		return GNUTLS_E_PKCS11_PIN_ERROR;
	memcpy(pin, o->secret.data, o->secret.len + 1);
	return 0;
}

/* A file, unless it is on a token; st gets its status, or mode 0. */
static int
check_file(const char *path, const char *key, struct stat *st,
    struct error *e)
{
	int fd;

	memset(st, 0, sizeof *st);
	if (str_starts(path, TOKEN_URI))
		return 0;
	fd = fsio_open_regular(path, st);
	if (fd == -1)
		return error_set_errno(e, ERR_CONFIG, errno,
		    "cannot open the %s file '%s'", key, path);
	close(fd);
	return 0;
}

static int
own_failed(const struct tls_settings *s, bool asked, int rc, struct error *e)
{
	if (s->key == NULL)
		return error_set(e, ERR_CONFIG, "cannot use '%s'"
		    " (tls_certificate) as certificate and key%s: %s; a key in"
		    " another file is named with tls_key", s->certificate,
		    asked ? ", which the password or PIN given for it may not"
		    " open" : "", gnutls_strerror(rc));
	if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return error_set(e, ERR_CONFIG, "the key '%s' (tls_key) is not"
		    " that of the certificate '%s' (tls_certificate)", s->key,
		    s->certificate);
	return error_set(e, ERR_CONFIG, "cannot use the certificate '%s'"
	    " (tls_certificate) with the key '%s' (tls_key)%s: %s",
	    s->certificate, s->key, asked ? ", which the password or PIN given"
	    " for it may not open" : "", gnutls_strerror(rc));
}

/*
 * Decrypts a key of its own, whose blocks are freed again: what lasts may not
 * take the place, and keep the rest, of a copy that GnuTLS made of the
 * password. Returns false where there is nothing to decrypt or it failed;
 * else free plain with gnutls_free once wiped.
 */
static bool
decrypt_key(const gnutls_datum_t *pem, struct trust_opener *o,
    gnutls_datum_t *plain)
{
	gnutls_x509_privkey_t key;
	int rc;

	if (memmem(pem->data, pem->size, ENCRYPTED, sizeof ENCRYPTED - 1) ==
	    NULL || gnutls_x509_privkey_init(&key) < 0)
		return false;
	gnutls_x509_privkey_set_pin_function(key, give_pin, o);
	rc = gnutls_x509_privkey_import2(key, pem, GNUTLS_X509_FMT_PEM, NULL,
	    0);
	if (rc >= 0)
		rc = gnutls_x509_privkey_export2_pkcs8(key,
		    GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, plain);
	gnutls_x509_privkey_deinit(key);
	mem_scrub_freed();
	mem_scrub_stack();
	return rc >= 0;
}

/* Sets certificate and key as files that are not on a token, if it can. */
static bool
load_encrypted(gnutls_certificate_credentials_t credentials,
    const char *certificate, const char *path, struct trust_opener *o, int *rc)
{
	struct buf text, key_text;
	gnutls_datum_t pem, key_pem, plain;
	struct error e;
	bool done = false;

	buf_init(&text, TRUST_FILE_MAX);
	if (read_pem(path, "tls_key", &key_text, &key_pem, &e) == 0 &&
	    decrypt_key(&key_pem, o, &plain)) {
		if (read_pem(certificate, "tls_certificate", &text, &pem,
		    &e) == 0) {
			*rc = gnutls_certificate_set_x509_key_mem2(credentials,
			    &pem, &plain, GNUTLS_X509_FMT_PEM, NULL, 0);
			done = true;
		}
		mem_wipe(plain.data, plain.size);
		gnutls_free(plain.data);
	}
	buf_release(&key_text);
	buf_release(&text);
	return done;
}

int
trust_load_own(gnutls_certificate_credentials_t credentials,
    struct trust_opener *o, struct error *e)
{
	const struct tls_settings *s = o->settings;
	const char *key = s->key != NULL ? s->key : s->certificate;
	struct stat st;
	int rc;

	if (check_file(s->certificate, "tls_certificate", &st, e) == -1 ||
	    check_file(key, "tls_key", &st, e) == -1)
		return -1;
	proc_guard_secrets();
	gnutls_certificate_set_pin_function(credentials, give_pin, o);
	if (str_starts(key, TOKEN_URI) ||
	    str_starts(s->certificate, TOKEN_URI) ||
	    !load_encrypted(credentials, s->certificate, key, o, &rc))
		rc = gnutls_certificate_set_x509_key_file2(credentials,
		    s->certificate, key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (o->failed) {
		*e = o->error;
		return -1;
	}
	if (rc < 0)
		return own_failed(s, o->asked, rc, e);
	/* Only a token may ask again. */
	if (!str_starts(key, TOKEN_URI)) {
		buf_release(&o->secret);
		buf_init_secret(&o->secret, OPENER_MAX);
		mem_scrub_freed();
		mem_scrub_stack();
	}
	if ((st.st_mode & S_IROTH) == 0)
		return 0;
	return error_set(e, ERR_CONFIG, "the file '%s' has a private key and"
	    " others may read it: run chmod 600 '%s'", key, key);
}
