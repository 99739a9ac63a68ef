/* SPDX-License-Identifier: ISC */
/*
 * Files of what was taken.  A message is written as DIR/N.part and gets its
 * name when the relay says yes to it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record.h"

#define SHA256_SIZE	32

void
record_init(struct record *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = -1;
}

void
record_release(struct record *r)
{
	record_drop(r);
	free(r->envelope);
	if (r->transcript != NULL)
		fclose(r->transcript);
	record_init(r);
}

void
record_say(struct record *r, const char *who, const char *text, size_t len)
{
	unsigned char c;
	size_t i;

	if (r->transcript == NULL)
		return;
	fprintf(r->transcript, "%s ", who);
	for (i = 0; i < len; i++) {
		c = (unsigned char)text[i];
		if (c < 0x20 || c == 0x7f)
			fprintf(r->transcript, "\\x%02x", c);
		else
			putc(c, r->transcript);
	}
	putc('\n', r->transcript);
	fflush(r->transcript);
}

/* The path of a file of the message under way; false when it is too long. */
static bool
file_name(const struct record *r, const char *suffix, char out[PATH_MAX])
{
	int n;

	n = snprintf(out, PATH_MAX, "%s/%u.%s", r->dir, r->count + 1, suffix);
	return n > 0 && n < PATH_MAX;
}

static int
add_line(struct record *r, const char *line, size_t len)
{
	size_t cap;
	char *grown;

	if (len >= RECORD_ENVELOPE - r->envelope_len)
		return -1;
	if (r->envelope_cap - r->envelope_len < len + 1) {
		cap = r->envelope_cap * 2 + len + 256;
		grown = realloc(r->envelope, cap);
		if (grown == NULL)
			return -1;
		r->envelope = grown;
		r->envelope_cap = cap;
	}
	memcpy(r->envelope + r->envelope_len, line, len);
	r->envelope[r->envelope_len + len] = '\n';
	r->envelope_len += len + 1;
	return 0;
}

int
record_mail(struct record *r, const char *line, size_t len)
{
	r->envelope_len = 0;
	return add_line(r, line, len);
}

int
record_rcpt(struct record *r, const char *line, size_t len)
{
	return add_line(r, line, len);
}

int
record_begin(struct record *r)
{
	char path[PATH_MAX];

	record_drop(r);
	if (gnutls_hash_init(&r->hash, GNUTLS_DIG_SHA256) < 0) {
		errno = ENOMEM;
		return -1;
	}
	r->open = true;
	if (r->dir == NULL || r->discard)
		return 0;
	if (!file_name(r, "part", path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	r->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return r->fd < 0 ? -1 : 0;
}

int
record_data(struct record *r, const char *data, size_t len)
{
	ssize_t n;

	gnutls_hash(r->hash, data, len);
	while (r->fd >= 0 && len > 0) {
		n = write(r->fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
write_envelope(struct record *r, const struct body *b, const char *sha256)
{
	char part[PATH_MAX], path[PATH_MAX];
	FILE *f;
	int bad;

	if (!file_name(r, "env.part", part) || !file_name(r, "env", path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	f = fopen(part, "we");
	if (f == NULL)
		return -1;
	if (r->envelope_len > 0)
		fwrite(r->envelope, 1, r->envelope_len, f);
	fprintf(f, "size: %llu\nsha256: %s\nlongest: %llu\neight-bit: %s\n",
	    (unsigned long long)b->size, sha256,
	    (unsigned long long)b->longest, b->eight_bit ? "yes" : "no");
	bad = ferror(f);
	if (fclose(f) != 0 || bad)
		return -1;
	return rename(part, path);
}

static void
finish_hash(struct record *r, char out[SHA256_SIZE * 2 + 1])
{
	unsigned char digest[SHA256_SIZE];
	size_t i;

	gnutls_hash_deinit(r->hash, digest);
	r->hash = NULL;
	for (i = 0; i < SHA256_SIZE; i++)
		snprintf(out + i * 2, 3, "%02x", digest[i]);
}

int
record_take(struct record *r, const struct body *b)
{
	char part[PATH_MAX], path[PATH_MAX], sha256[SHA256_SIZE * 2 + 1];

	finish_hash(r, sha256);
	r->open = false;
	if (r->fd >= 0) {
		close(r->fd);
		r->fd = -1;
		if (!file_name(r, "part", part) ||
		    !file_name(r, "msg", path) || rename(part, path) < 0)
			return -1;
	}
	if (r->dir != NULL && write_envelope(r, b, sha256) < 0)
		return -1;
	r->count++;
	return 0;
}

void
record_drop(struct record *r)
{
	char path[PATH_MAX];

	if (r->hash != NULL)
		gnutls_hash_deinit(r->hash, NULL);
	r->hash = NULL;
	if (r->fd >= 0) {
		close(r->fd);
		if (file_name(r, "part", path))
			unlink(path);
	}
	r->fd = -1;
	r->open = false;
}
