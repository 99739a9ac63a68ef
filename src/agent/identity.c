/* SPDX-License-Identifier: ISC */
/*
 * Who runs this, on which host, and when: what a message that lacks them gets.
 * Asks no name service but the passwd entry of the caller.
 */
#include "config.h"

#include <gnutls/crypto.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/identity.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "base/str.h"
#include "mail/address.h"

/* Random bytes in a Message-ID. */
#define UNIQUE_BYTES	15

/* Bytes of /etc/mailname that are looked at. */
#define MAILNAME_MAX	1024

void
identity_init(struct identity *id)
{
	const struct passwd *pw;
	const char *comma;
	size_t len;

	pw = getpwuid(getuid());
	if (pw == NULL) {
		id->user = xasprintf("uid%lu", (unsigned long)getuid());
		id->full_name = xstrdup("");
		return;
	}
	id->user = xstrdup(pw->pw_name);
	comma = strchr(pw->pw_gecos, ',');
	len = comma == NULL ? strlen(pw->pw_gecos) :
	    (size_t)(comma - pw->pw_gecos);
	id->full_name = xstrndup(pw->pw_gecos, len);
	if (str_has_control(id->full_name) ||
	    !utf8_valid(id->full_name, len))
		id->full_name[0] = '\0';
}

/* Debian's name for the host's mail, where there is one. */
static char *
mailname(void)
{
	struct buf text;
	int fd;

	fd = fsio_open_regular("/etc/mailname", NULL);
	if (fd == -1)
		return NULL;
	buf_init(&text, MAILNAME_MAX);
	fsio_read_all(fd, &text);
	close(fd);
	buf_truncate(&text, strcspn(text.data, " \t\r\n"));
	if (!address_domain_valid(text.data))
		buf_clear(&text);
	if (text.len > 0)
		return buf_steal(&text);
	buf_release(&text);
	return NULL;
}

char *
identity_host(void)
{
	char host[256], *name;

	name = mailname();
	if (name != NULL)
		return name;
	if (gethostname(host, sizeof host) == -1)
		host[0] = '\0';
	host[sizeof host - 1] = '\0';
	return xstrdup(address_domain_valid(host) ? host : "localhost");
}

void
identity_release(struct identity *id)
{
	free(id->user);
	free(id->full_name);
}

void
identity_date(char out[DATE_SIZE])
{
	struct tm tm;
	time_t now;

	now = time(NULL);
	localtime_r(&now, &tm);
	date_format(out, &tm, tm.tm_gmtoff);
}

int
identity_unique(struct buf *out, struct error *e)
{
	unsigned char bytes[UNIQUE_BYTES];
	size_t i;

	if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof bytes) < 0)
		return error_set(e, ERR_OS, "no random bytes");
	buf_addf(out, "%llx.", (unsigned long long)time(NULL));
	for (i = 0; i < sizeof bytes; i++)
		buf_addf(out, "%02x", bytes[i]);
	return 0;
}
