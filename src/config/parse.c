/* SPDX-License-Identifier: ISC */
/*
 * The text of an account file, split into settings with libinih.
 *
 * libinih 55 cuts lines at 199 bytes and reads the rest as a line of its own,
 * cuts values at " ;" and at NUL, folds indented lines into the key before,
 * passes over empty sections, cuts their names at 49 bytes, and returns 0 for
 * read errors and directories.  So it never sees the file, nor a value: each
 * line is guarded here first, and libinih gets it without leading blanks, its
 * value replaced by VALUE_TOKEN, comments replaced by empty lines.  What it
 * then says about section and key must agree with what the guard saw.
 *
 * Opens nothing.  Never shows a value whose key is not known, since it may be
 * a secret.
 */
#include "config.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/file.h"
#include "config/keys.h"
#include "config/proxy.h"
#include "config/value.h"

/* What libinih holds of a section's name, without its NUL. */
#define SECTION_MAX	49
/* An unknown key that is longer is not shown. */
#define KEY_SHOWN_MAX	40
#define VALUE_TOKEN	"x"
#define BOM		"\xef\xbb\xbf"

/* Bytes of the text being parsed; borrowed. */
struct span {
	const char *data;
	size_t len;
};

enum line_kind { LINE_EMPTY, LINE_SECTION, LINE_SETTING };

/* One run of libinih over one text. */
struct parse {
	struct config *config;
	const char *name;
	struct span rest;	/* lines that are still to come */
	unsigned int line;
	size_t first;		/* settings before it are of other files */
	char **seen;		/* sections of this file */
	size_t seen_count;
	size_t seen_cap;
	char *section;		/* the one that the guard is in */
	struct span key;	/* of the line in hand */
	struct span value;
	bool pending;		/* libinih owes a call of the handler */
	bool failed;
	bool *has_password;
	struct error *error;
};

void
config_init(struct config *c)
{
	memset(c, 0, sizeof(*c));
}

static void
setting_release(struct setting *s)
{
	free(s->section);
	if (s->value != NULL)
		mem_wipe(s->value, strlen(s->value));
	free(s->value);
	free(s->origin);
}

void
config_release(struct config *c)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		setting_release(&c->settings[i]);
	for (i = 0; i < c->section_count; i++)
		free(c->sections[i]);
	free(c->settings);
	free(c->sections);
	free(c->files);
	config_init(c);
}

void
config_add(struct config *c, const char *section, enum key_id key,
    const char *value, const char *origin)
{
	struct setting *s;

	mem_grow(&c->settings, &c->cap, c->count + 1, sizeof(*c->settings));
	s = &c->settings[c->count++];
	s->section = xstrdup(section);
	s->key = key;
	s->value = xstrdup(value);
	s->origin = xstrdup(origin);
}

/* What a path that is no regular file is, for the error's text. */

/* The error of the line in hand. */
static int
line_error(const struct parse *p, const char *text)
{
	return error_set(p->error, ERR_CONFIG, "%s:%u: %s", p->name, p->line,
	    text);
}

static struct span
trim(struct span s)
{
	while (s.len > 0 && ascii_isblank(s.data[0])) {
		s.data++;
		s.len--;
	}
	while (s.len > 0 && ascii_isblank(s.data[s.len - 1]))
		s.len--;
	return s;
}

static bool
is_comment(struct span s)
{
	return s.data[0] == '#' || s.data[0] == ';';
}

/* Takes the next line off the rest, without its end: LF or CRLF. */
static struct span
next_line(struct parse *p)
{
	struct span line = p->rest;
	const char *end;

	end = memchr(line.data, '\n', line.len);
	if (end != NULL)
		line.len = (size_t)(end - line.data);
	p->rest.data += line.len + (end != NULL);
	p->rest.len -= line.len + (end != NULL);
	if (end != NULL && line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	p->line++;
	return line;
}

static bool
name_known(char *const *names, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static int
enter_section(struct parse *p, struct span name)
{
	struct config *c = p->config;

	free(p->section);
	p->section = xstrndup(name.data, name.len);
	if (name_known(p->seen, p->seen_count, p->section))
		return error_set(p->error, ERR_CONFIG, "%s:%u: section [%s] "
		    "stands twice in this file: put its keys into one",
		    p->name, p->line, p->section);
	mem_grow(&p->seen, &p->seen_cap, p->seen_count + 1, sizeof(*p->seen));
	p->seen[p->seen_count++] = xstrdup(p->section);
	if (name_known(c->sections, c->section_count, p->section))
		return 0;
	mem_grow(&c->sections, &c->section_cap, c->section_count + 1,
	    sizeof(*c->sections));
	c->sections[c->section_count++] = xstrdup(p->section);
	return 0;
}

/* True for a byte sequence that may be shown and that libinih keeps whole. */
static bool
section_name_valid(struct span name)
{
	size_t i, n;

	for (i = 0; i < name.len; i += n) {
		n = utf8_length(name.data + i, name.len - i);
		if (n == 0 || ascii_iscntrl(name.data[i]))
			return false;
		if (n == 2 && (unsigned char)name.data[i] == 0xc2 &&
		    (unsigned char)name.data[i + 1] < 0xa0)
			return false;
		if (name.data[i] == ';' || name.data[i] == '[')
			return false;
	}
	return true;
}

static int
guard_section(struct parse *p, struct span line)
{
	struct span name, behind;
	const char *end;

	end = memchr(line.data, ']', line.len);
	if (end == NULL)
		return line_error(p,
		    "section without ']': write it as [NAME]");
	behind.data = end + 1;
	behind.len = line.len - (size_t)(behind.data - line.data);
	behind = trim(behind);
	if (behind.len > 0 && !is_comment(behind))
		return line_error(p,
		    "text behind the section's ']': put it on its own line");
	name.data = line.data + 1;
	name.len = (size_t)(end - name.data);
	name = trim(name);
	if (name.len == 0)
		return line_error(p,
		    "section without a name: write it as [NAME]");
	if (name.len > SECTION_MAX)
		return line_error(p,
		    "the section's name is longer than 49 bytes: shorten it");
	if (!section_name_valid(name))
		return line_error(p, "the section's name has a control byte, "
		    "';', '[' or invalid UTF-8: use another name");
	return enter_section(p, name);
}

static int
unknown_key(const struct parse *p, struct span key)
{
	const char *nearest;
	char *name;
	size_t i;
	int r;

	/* What does not look like a name may be a piece of a secret. */
	for (i = 0; i < key.len; i++)
		if (!ascii_isalnum(key.data[i]) &&
		    strchr("_-.", key.data[i]) == NULL)
			break;
	if (i < key.len || key.len > KEY_SHOWN_MAX)
		return line_error(p, "unknown key: the names of the keys are "
		    "listed in sendoff.conf(5)");
	name = xstrndup(key.data, key.len);
	nearest = key_nearest(name);
	if (nearest != NULL)
		r = error_set(p->error, ERR_CONFIG, "%s:%u: unknown key '%s': "
		    "did you mean '%s'?", p->name, p->line, name, nearest);
	else
		r = error_set(p->error, ERR_CONFIG, "%s:%u: unknown key '%s': "
		    "the names of the keys are listed in sendoff.conf(5)",
		    p->name, p->line, name);
	free(name);
	return r;
}

/* A value ends with its line, or stands between the first and last quote. */
static int
unquote(struct parse *p)
{
	struct span *v = &p->value;

	if (v->len == 0 || v->data[0] != '"')
		return 0;
	if (v->len < 2 || v->data[v->len - 1] != '"')
		return line_error(p, "the value begins with a quote and does "
		    "not end with one: close it, with nothing behind it");
	v->data++;
	v->len -= 2;
	return 0;
}

static int
guard_setting(struct parse *p, struct span line)
{
	size_t i;

	for (i = 0; i < line.len; i++)
		if (line.data[i] == '=' || line.data[i] == ':')
			break;
	if (i == line.len)
		return line_error(p, "neither a section nor a setting: "
		    "write KEY = VALUE, or # before a comment");
	p->key.data = line.data;
	p->key.len = i;
	p->key = trim(p->key);
	p->value.data = line.data + i + 1;
	p->value.len = line.len - i - 1;
	p->value = trim(p->value);
	if (p->key.len == 0)
		return line_error(p, "no key before '=': write KEY = VALUE");
	/* No key has a blank in it, where libinih might find a comment. */
	for (i = 0; i < p->key.len; i++)
		if (ascii_isblank(p->key.data[i]) ||
		    ascii_iscntrl(p->key.data[i]))
			return unknown_key(p, p->key);
	return unquote(p);
}

/* Checks one line; its kind, or -1. */
static int
guard_line(struct parse *p)
{
	struct span line = next_line(p);
	struct span text = trim(line);

	if (memchr(line.data, '\0', line.len) != NULL)
		return line_error(p,
		    "NUL byte: an account file is text, take it out");
	if (memchr(line.data, '\r', line.len) != NULL)
		return line_error(p, "carriage return inside the line: end "
		    "lines with LF or CR LF");
	if (text.len == 0 || is_comment(text))
		return LINE_EMPTY;
	if (line.len > CONFIG_LINE_MAX)
		return line_error(p, "the line is longer than 199 bytes: "
		    "shorten it; a long secret can stand in a password_file");
	if (text.data[0] == '[')
		return guard_section(p, text) == -1 ? -1 : LINE_SECTION;
	return guard_setting(p, text) == -1 ? -1 : LINE_SETTING;
}

/* The error where libinih and the guard do not see the same. */
static int
disagreement(const struct parse *p)
{
	return line_error(p, "libinih does not read this line as it stands: "
	    "write it in a plainer way");
}

/* libinih's reader: one guarded line. */
static char *
feed_line(char *str, int num, void *stream)
{
	struct parse *p = stream;
	int kind, n = 0;

	if (!p->failed && p->pending)
		p->failed = disagreement(p) == -1;
	if (p->failed || p->rest.len == 0)
		return NULL;
	kind = guard_line(p);
	if (kind == LINE_EMPTY)
		n = snprintf(str, (size_t)num, "\n");
	else if (kind == LINE_SECTION)
		n = snprintf(str, (size_t)num, "[%s]\n", p->section);
	else if (kind == LINE_SETTING)
		n = snprintf(str, (size_t)num, "%.*s=%s\n", (int)p->key.len,
		    p->key.data, VALUE_TOKEN);
	p->pending = kind == LINE_SETTING;
	p->failed = kind == -1;
	/* Only an absurdly long key gets past the room that libinih gives. */
	if (!p->failed && n >= num)
		p->failed = unknown_key(p, p->key) == -1;
	return p->failed ? NULL : str;
}

static bool
is_password_source(enum key_id id)
{
	return id == KEY_PASSWORD || id == KEY_PASSWORD_COMMAND ||
	    id == KEY_PASSWORD_FILE;
}

/* A key stands once in a section of one file, and so does a password. */
static int
check_once(const struct parse *p, enum key_id id)
{
	const struct setting *s;
	size_t i;

	for (i = p->first; i < p->config->count; i++) {
		s = &p->config->settings[i];
		if (strcmp(s->section, p->section) != 0)
			continue;
		if (s->key == id)
			return error_set(p->error, ERR_CONFIG, "%s:%u: '%s' "
			    "stands twice in its section: remove this one or "
			    "that of %s", p->name, p->line, key_table[id].name,
			    s->origin);
		if (is_password_source(id) && is_password_source(s->key))
			return error_set(p->error, ERR_CONFIG, "%s:%u: '%s' "
			    "and the '%s' of %s are two sources of one "
			    "password: remove one", p->name, p->line,
			    key_table[id].name, key_table[s->key].name,
			    s->origin);
	}
	return 0;
}

static int
check_place(const struct parse *p, enum key_id id)
{
	if (id == KEY_DEFAULT_ACCOUNT && p->section[0] != '\0')
		return line_error(p, "default_account inside a section: put "
		    "it above the first one");
	if (id == KEY_INHERIT && p->section[0] == '\0')
		return line_error(p, "inherit outside of a section: put it "
		    "into the account's section");
	return check_once(p, id);
}

static int
take_setting(struct parse *p, const char *section, const char *name)
{
	char *origin, *value;
	int id, r;

	if (!p->pending || strcmp(section, p->section) != 0 ||
	    strlen(name) != p->key.len ||
	    memcmp(name, p->key.data, p->key.len) != 0)
		return disagreement(p);
	p->pending = false;
	id = key_find(name);
	if (id == -1)
		return unknown_key(p, p->key);
	if (check_place(p, (enum key_id)id) == -1)
		return -1;
	origin = xasprintf("%s:%u", p->name, p->line);
	value = xstrndup(p->value.data, p->value.len);
	r = key_check((enum key_id)id, value, origin, p->error);
	if (r == 0)
		config_add(p->config, section, (enum key_id)id, value, origin);
	if (r == 0 && (id == KEY_PASSWORD ||
	    (id == KEY_PROXY_URL && proxy_has_secret(value))))
		*p->has_password = true;
	mem_wipe(value, p->value.len);
	free(value);
	free(origin);
	return r;
}

/* libinih's handler: 1 to go on. */
static int
handle(void *user, const char *section, const char *name, const char *value)
{
	struct parse *p = user;

	if (p->failed)
		return 0;
	if (strcmp(value, VALUE_TOKEN) != 0)
		p->failed = disagreement(p) == -1;
	else
		p->failed = take_setting(p, section, name) == -1;
	return !p->failed;
}

static void
note_file(struct config *c, const char *name)
{
	char *files;

	files = c->files == NULL ? xasprintf("'%s'", name) :
	    xasprintf("%s and '%s'", c->files, name);
	free(c->files);
	c->files = files;
}

int
config_parse(struct config *c, const char *name, const char *text,
    size_t len, bool *has_password, struct error *e)
{
	struct parse p = { .config = c, .name = name, .rest = { text, len },
	    .first = c->count, .has_password = has_password, .error = e };
	int r;

	note_file(c, name);
	if (len >= strlen(BOM) && memcmp(text, BOM, strlen(BOM)) == 0) {
		p.rest.data += strlen(BOM);
		p.rest.len -= strlen(BOM);
	}
	p.section = xstrdup("");
	r = ini_parse_stream(feed_line, &p, handle, &p);
	if (!p.failed && (r != 0 || p.pending))
		p.failed = disagreement(&p) == -1;
	while (p.seen_count > 0)
		free(p.seen[--p.seen_count]);
	free(p.seen);
	free(p.section);
	return p.failed ? -1 : 0;
}
