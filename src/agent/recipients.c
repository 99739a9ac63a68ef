/* SPDX-License-Identifier: ISC */
/*
 * Recipients: aliases, local_mail_to, domain.  Opens no file but the alias
 * file, and runs nothing that stands in it.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/recipients.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "config/account.h"
#include "mail/address.h"
#include "mail/envelope.h"

/* What an expansion has brought forth so far. */
struct found {
	char **list;
	size_t count;
	size_t cap;
};

void
recipients_init(struct recipients *r, const struct account *a,
    const char *domain)
{
	memset(r, 0, sizeof *r);
	r->account = a;
	r->domain = domain;
	local_init(&r->local, a);
	aliases_init(&r->aliases);
	alias_walk_init(&r->walk, &r->aliases);
}

void
recipients_release(struct recipients *r)
{
	alias_walk_release(&r->walk);
	aliases_release(&r->aliases);
	local_release(&r->local);
	memset(r, 0, sizeof *r);
}

void
recipients_restart(struct recipients *r)
{
	alias_walk_release(&r->walk);
	alias_walk_init(&r->walk, &r->aliases);
}

/*
 * Named by somebody: then it has to be there.  The default need not, be it
 * written down or not: --print-config writes it.
 */
static bool
is_named(const struct account *a)
{
	return strcmp(a->origin[KEY_ALIASES], "default") != 0 &&
	    strcmp(a->aliases, key_table[KEY_ALIASES].preset) != 0;
}

/* What goes wrong with the file itself; the line that names it comes first. */
static int
file_error(const struct account *a, int errnum, struct error *e)
{
	bool named = is_named(a);
	enum error_class class;
	char *what;

	what = xasprintf("%s%s'%s'", named ? a->origin[KEY_ALIASES] : "",
	    named ? ": aliases = " : "alias file ", a->aliases);
	class = errnum == ENOENT || errnum == ENOTDIR || errnum == EACCES ||
	    errnum == EPERM || errnum == ELOOP || errnum == ENAMETOOLONG ?
	    ERR_CONFIG : ERR_IO;
	if (errnum == EFBIG)
		error_set(e, ERR_CONFIG, "%s: it is larger than %d MiB", what,
		    ALIAS_FILE_MAX / 1024 / 1024);
	else if (errnum == EISDIR || errnum == EINVAL || errnum == ENXIO)
		error_set(e, ERR_CONFIG, "%s: it is no regular file", what);
	else
		error_set_errno(e, class, errnum, "%s", what);
	free(what);
	return -1;
}

static int
read_file(struct recipients *r, struct error *e)
{
	const struct account *a = r->account;
	struct stat st;
	struct buf text;
	int fd, rc;

	fd = fsio_open_regular(a->aliases, &st);
	if (fd == -1) {
		if (!is_named(a) && (errno == ENOENT || errno == ENOTDIR))
			return 0;
		return file_error(a, errno, e);
	}
	buf_init(&text, ALIAS_FILE_MAX);
	errno = EFBIG;
	rc = st.st_size > ALIAS_FILE_MAX ? -1 : fsio_read_all(fd, &text);
	if (rc == 0) {
		aliases_parse(&r->aliases, a->aliases, &text);
		recipients_restart(r);
	} else
		file_error(a, errno, e);
	close(fd);
	buf_release(&text);
	return rc;
}

int
recipients_read(struct recipients *r, struct error *e)
{
	if (r->read)
		return 0;
	if (strcmp(r->account->aliases, "none") != 0 &&
	    read_file(r, e) == -1)
		return -1;
	r->read = true;
	return 0;
}

int
recipients_open(struct recipients *r, struct error *e)
{
	return is_named(r->account) ? recipients_read(r, e) : 0;
}

bool
recipients_is_local(struct recipients *r, const struct address *a)
{
	return a->domain == NULL || local_is_host(&r->local, a->domain);
}

static int
keep(struct found *f, char *address)
{
	if (address == NULL)
		return -1;
	mem_grow(&f->list, &f->cap, f->count + 1, sizeof *f->list);
	f->list[f->count++] = address;
	return 0;
}

/* No alias has it: where the mail of this host goes, else by the domain. */
static int
keep_local(struct recipients *r, const struct address *a, struct found *f,
    struct error *e)
{
	const char *to = r->account->local_mail_to;
	struct address other;
	struct error inner;
	int rc;

	if (to == NULL) {
		other = *a;
		other.domain = NULL;
		return keep(f, address_envelope(&other, r->domain, e));
	}
	if (address_parse(&other, to, strlen(to), e) == -1)
		return -1;
	if (other.domain != NULL && local_is_host(&r->local, other.domain)) {
		free(other.domain);
		other.domain = NULL;
	}
	rc = keep(f, address_envelope(&other, r->domain, &inner));
	address_release(&other);
	if (rc == 0)
		return 0;
	return error_set(e, ERR_CONFIG, "%s: local_mail_to: %s",
	    r->account->origin[KEY_LOCAL_MAIL_TO], inner.text);
}

/* One address: a recipient, or a name whose alias is entered. */
static int
consider(struct recipients *r, const struct address *a, bool final,
    struct found *f, struct error *e)
{
	int entered = 0;

	if (!recipients_is_local(r, a))
		return keep(f, address_envelope(a, NULL, e));
	if (!final) {
		if (recipients_read(r, e) == -1)
			return -1;
		entered = alias_walk_enter(&r->walk, a->local,
		    strlen(a->local), e);
	}
	return entered != 0 ? entered : keep_local(r, a, f, e);
}

/* All that an address leads to. */
static int
expand(struct recipients *r, const struct address *a, struct found *f,
    struct error *e)
{
	struct address next;
	bool final;
	int rc;

	if (consider(r, a, false, f, e) == -1)
		return -1;
	while ((rc = alias_walk_next(&r->walk, &next, &final, e)) == 1) {
		rc = consider(r, &next, final, f, e);
		/* An address that parses, and that no envelope takes. */
		if (rc == -1 && e != NULL && e->class == ERR_MESSAGE)
			alias_walk_blame(&r->walk, e);
		address_release(&next);
		if (rc == -1)
			break;
	}
	return rc;
}

/* given: the address before aliases, or NULL. */
static void
add_to_envelope(struct envelope *env, const char *address, const char *given)
{
	if (envelope_add(env, address) && given != NULL &&
	    strcmp(given, address) != 0)
		recipient_set_given(&env->list[env->count - 1], given);
}

int
recipients_add(struct recipients *r, const struct address *a,
    struct envelope *env, struct error *e)
{
	struct found f;
	char *given;
	size_t i;
	int rc;

	memset(&f, 0, sizeof f);
	rc = expand(r, a, &f, e);
	if (rc == -1)
		alias_walk_abandon(&r->walk);
	else
		alias_walk_commit(&r->walk);
	given = address_envelope(a, r->domain, NULL);
	for (i = 0; i < f.count; i++) {
		if (rc == 0)
			add_to_envelope(env, f.list[i], given);
		free(f.list[i]);
	}
	free(given);
	free(f.list);
	return rc;
}
