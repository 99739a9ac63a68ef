/* SPDX-License-Identifier: ISC */
/*
 * The certificates that an account trusts: the system's, or those of a file.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/fsio.h"
#include "net/trust.h"

/* Bytes that a trust file can have. */
#define TRUST_FILE_MAX	(64 * 1024 * 1024)

static int
read_file(const char *path, struct buf *out, struct error *e)
{
	int fd, rc, saved;

	fd = fsio_open_regular(path, NULL);
	if (fd == -1)
		return error_set_errno(e, ERR_CONFIG, errno,
		    "cannot open the tls_trust file '%s'", path);
	rc = fsio_read_all(fd, out);
	saved = errno;
	close(fd);
	if (rc == -1)
		return error_set_errno(e, ERR_CONFIG, saved,
		    "cannot read the tls_trust file '%s'", path);
	return 0;
}

static int
load_file(gnutls_certificate_credentials_t credentials, const char *path,
    struct error *e)
{
	gnutls_datum_t pem;
	struct buf text;
	int n;

	buf_init(&text, TRUST_FILE_MAX);
	if (read_file(path, &text, e) == -1) {
		buf_release(&text);
		return -1;
	}
	pem.data = (unsigned char *)text.data;
	pem.size = (unsigned int)text.len;
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
