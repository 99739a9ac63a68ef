/* SPDX-License-Identifier: ISC */
/*
 * How each kind of value is checked and stored.
 *
 * Never falls back: a value that is not understood is an error, so that a
 * misspelt one can't switch anything off.  Never quotes the value of a secret.
 */
#include "config.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/account.h"
#include "config/path.h"
#include "config/proxy.h"
#include "config/value.h"
#include "mail/address.h"

#define PORTS_MAX	16
#define DURATION_MAX	(24 * 60 * 60)

/* What a check works on: where the value goes, and what errors say. */
struct store {
	struct account *account;
	const struct key *key;
	enum key_id id;
	bool expand;		/* false: only check, without the environment */
	const char *where;
	struct error *error;
};

static void *
place(const struct store *s)
{
	return (char *)s->account + s->key->offset;
}

/* Replaces the string at the key's place by an owned one. */
static int
put_string(const struct store *s, char *value)
{
	char **p = place(s);

	key_clear(s->account, s->id);
	*p = value;
	return 0;
}

static int
bad_value(const struct store *s, const char *value, const char *remedy)
{
	return error_set(s->error, ERR_CONFIG, "%s: %s = '%s': %s", s->where,
	    s->key->name, value, remedy);
}

/* Calls each word of a text that is separated by blanks or commas. */
static bool
next_word(const char **p, const char **word, size_t *len)
{
	*p += strspn(*p, " \t,");
	*word = *p;
	*len = strcspn(*p, " \t,");
	*p += *len;
	return *len > 0;
}

/* The word of the key's list that is the value in any case, owned, or NULL. */
static char *
find_word(const struct key *key, const char *value, size_t value_len)
{
	const char *p = key->words;
	const char *word;
	size_t len;

	while (next_word(&p, &word, &len))
		if (mem_caseeq(word, len, value, value_len))
			return xstrndup(word, len);
	return NULL;
}

static int
store_word(const struct store *s, const char *value)
{
	char *word;

	word = find_word(s->key, value, strlen(value));
	if (word == NULL)
		return error_set(s->error, ERR_CONFIG,
		    "%s: %s = '%s': use one of: %s", s->where, s->key->name,
		    value, s->key->words);
	return put_string(s, word);
}

static int
store_boolean(const struct store *s, const char *value)
{
	bool *p = place(s);

	if (str_boolean(value, p) == -1)
		return bad_value(s, value, "use yes or no");
	return 0;
}

static int
store_duration(const struct store *s, const char *value)
{
	int64_t *p = place(s);
	uint64_t seconds;

	if (str_duration(value, &seconds) == -1 || seconds > DURATION_MAX)
		return bad_value(s, value,
		    "use a time from 1s to 1d, such as 90s, 5m or 4h");
	*p = (int64_t)seconds;
	return 0;
}

static int
store_port(const struct store *s, const char *word, size_t len)
{
	struct key_ports *ports = place(s);
	uint64_t number;
	char *text;
	int r;

	text = xstrndup(word, len);
	r = str_number(text, 1, UINT16_MAX, &number);
	if (r == -1)
		(void)bad_value(s, text, "a port is a number from 1 to 65535");
	free(text);
	if (r == -1)
		return -1;
	if (ports->count == PORTS_MAX)
		return error_set(s->error, ERR_CONFIG,
		    "%s: port: more than %d ports", s->where, PORTS_MAX);
	ports->list = xreallocarray(ports->list, ports->count + 1,
	    sizeof(*ports->list));
	ports->list[ports->count++] = (uint16_t)number;
	return 0;
}

static int
store_ports(const struct store *s, const char *value)
{
	const struct key_ports *ports = place(s);
	const char *p = value;
	const char *word;
	size_t len;

	key_clear(s->account, s->id);
	while (next_word(&p, &word, &len))
		if (store_port(s, word, len) == -1)
			return -1;
	if (ports->count == 0)
		return bad_value(s, value, "give at least one port");
	return 0;
}

/* The element as it is stored, owned; NULL where it is not in the words. */
static char *
list_element(const struct key *key, const char *word, size_t len)
{
	if (key->words == NULL)
		return xstrndup(word, len);
	return find_word(key, word, len);
}

static int
store_list(const struct store *s, const char *value)
{
	struct key_list *list = place(s);
	const char *p = value;
	const char *word;
	char *element;
	size_t i, len;

	key_clear(s->account, s->id);
	while (next_word(&p, &word, &len)) {
		element = list_element(s->key, word, len);
		if (element == NULL)
			return error_set(s->error, ERR_CONFIG,
			    "%s: %s = '%.*s': use words from: %s", s->where,
			    s->key->name, (int)len, word, s->key->words);
		list->list = xreallocarray(list->list, list->count + 1,
		    sizeof(*list->list));
		list->list[list->count++] = element;
	}
	if (list->count == 0)
		return bad_value(s, value, "the list is empty");
	for (i = 0; s->id == KEY_AUTH && list->count > 1 &&
	    i < list->count; i++)
		if (strcmp(list->list[i], "auto") == 0 ||
		    strcmp(list->list[i], "none") == 0)
			return bad_value(s, value,
			    "auto and none stand alone");
	for (i = 0; s->id == KEY_DSN_NOTIFY && list->count > 1 &&
	    i < list->count; i++)
		if (strcmp(list->list[i], "never") == 0)
			return bad_value(s, value, "never stands alone");
	return 0;
}

/* "sha256:" and 64 digits, in lower case, owned; NULL for anything else. */
static char *
pin_element(const char *word, size_t len)
{
	static const char prefix[] = "sha256:";
	char *pin;

	pin = xstrndup(word, len);
	ascii_lower(pin);
	if (str_starts(pin, prefix) && len == sizeof prefix - 1 + 64 &&
	    strspn(pin + sizeof prefix - 1, "0123456789abcdef") == 64)
		return pin;
	free(pin);
	return NULL;
}

static int
store_pins(const struct store *s, const char *value)
{
	struct key_list *list = place(s);
	const char *p = value;
	const char *word;
	char *pin;
	size_t len;

	key_clear(s->account, s->id);
	while (next_word(&p, &word, &len)) {
		pin = pin_element(word, len);
		if (pin == NULL)
			return error_set(s->error, ERR_CONFIG, "%s: %s ="
			    " '%.*s': a pin is sha256: and 64 hexadecimal"
			    " digits, of a certificate or of its public key",
			    s->where, s->key->name, (int)len, word);
		list->list = xreallocarray(list->list, list->count + 1,
		    sizeof(*list->list));
		list->list[list->count++] = pin;
	}
	if (list->count == 0)
		return bad_value(s, value, "the list is empty");
	return 0;
}

/* The error does not show the value: there may be a password in it. */
static int
store_proxy(const struct store *s, const char *value)
{
	const char *wrong;

	key_clear(s->account, s->id);
	wrong = proxy_parse(place(s), value);
	if (wrong == NULL)
		return 0;
	proxy_clear(place(s));
	return error_set(s->error, ERR_CONFIG, "%s: %s: %s", s->where,
	    s->key->name, wrong);
}

static int
store_address(const struct store *s, const char *value)
{
	struct address a;
	struct error e;
	bool whole;

	if (address_parse(&a, value, strlen(value), &e) == -1)
		return error_set(s->error, ERR_CONFIG, "%s: %s = '%s': %s",
		    s->where, s->key->name, value, e.text);
	whole = a.start == 0 && a.end == strlen(value);
	address_release(&a);
	if (!whole)
		return bad_value(s, value, "give the address alone, such as "
		    "alice@example.org; a name goes into full_name");
	return put_string(s, xstrdup(value));
}

static int
store_domain(const struct store *s, const char *value)
{
	if (!address_domain_valid(value))
		return bad_value(s, value,
		    "use a domain, such as example.org");
	return put_string(s, xstrdup(value));
}

/* True for an IPv6 address, with or without %zone. */
static bool
is_ipv6(const char *s)
{
	struct in6_addr a;
	char *address;
	bool ok;

	address = xstrndup(s, strcspn(s, "%"));
	ok = inet_pton(AF_INET6, address, &a) == 1;
	free(address);
	return ok && (strchr(s, '%') == NULL || strchr(s, '%')[1] != '\0');
}

/* True where only an IPv4 address can be meant: the last label is a number. */
static bool
is_numeric(const char *s)
{
	const char *last = strrchr(s, '.');

	last = last == NULL ? s : last + 1;
	return *last != '\0' && strspn(last, "0123456789") == strlen(last);
}

/* What is wrong with a value that names no host, for the error's text. */
static const char *
host_remedy(const char *value)
{
	if (strstr(value, "://") != NULL)
		return "give the host name alone, not a URL";
	if (strchr(value, ':') != NULL)
		return "give the host name alone and the port with port";
	return "use a host name, an IP address or the absolute path of a "
	    "socket";
}

static int
store_socket(const struct store *s, const char *value)
{
	struct sockaddr_un un;

	if (s->id != KEY_SERVER)
		return bad_value(s, value, "a certificate names no path");
	if (strlen(value) >= sizeof(un.sun_path))
		return bad_value(s, value,
		    "the path is too long for a Unix socket");
	return put_string(s, xstrdup(value));
}

static bool
host_valid(const char *host)
{
	struct in_addr a;

	if (is_numeric(host))
		return inet_pton(AF_INET, host, &a) == 1;
	return host[0] != '[' && address_domain_valid(host);
}

static int
store_host(const struct store *s, const char *value)
{
	size_t len = strlen(value);
	char *host;
	bool ok;

	if (value[0] == '/')
		return store_socket(s, value);
	if (is_ipv6(value))
		return put_string(s, xstrdup(value));
	if (value[0] == '[' && value[len - 1] == ']') {
		host = xstrndup(value + 1, len - 2);
		if (is_ipv6(host))
			return put_string(s, host);
		free(host);
		return bad_value(s, value, host_remedy(value));
	}
	/* The dot that ends a full name is no label. */
	host = xstrndup(value, value[len - 1] == '.' ? len - 1 : len);
	ok = host_valid(host);
	free(host);
	if (!ok)
		return bad_value(s, value, host_remedy(value));
	return put_string(s, xstrdup(value));
}

static int
store_ip(const struct store *s, const char *value)
{
	struct in_addr four;

	if (inet_pton(AF_INET, value, &four) != 1 && !is_ipv6(value))
		return bad_value(s, value, "use an IP address of this host");
	return put_string(s, xstrdup(value));
}

static int
store_path(const struct store *s, const char *value)
{
	struct buf out;
	char *what;
	int r;

	if (value[0] != '/' && value[0] != '$' && !str_starts(value, "~/"))
		return error_set(s->error, ERR_CONFIG,
		    "%s: %s = '%s': use an absolute path, or one that begins "
		    "with ~/ or $VARIABLE%s%s", s->where, s->key->name, value,
		    s->key->words != NULL ? ", or one of: " : "",
		    s->key->words != NULL ? s->key->words : "");
	buf_init(&out, PATH_BYTES_MAX);
	what = xasprintf("%s: %s", s->where, s->key->name);
	if (s->expand)
		r = path_expand(value, what, &out, s->error);
	else
		r = path_check(value, what, s->error);
	if (r == 0)
		(void)put_string(s, buf_steal(&out));
	free(what);
	buf_release(&out);
	return r;
}

static int
store_word_or_path(const struct store *s, const char *value)
{
	char *word;

	word = find_word(s->key, value, strlen(value));
	if (word != NULL)
		return put_string(s, word);
	return store_path(s, value);
}

static int
store_path_or_token(const struct store *s, const char *value)
{
	if (strstr(value, "pin-value=") != NULL)
		return error_set(s->error, ERR_CONFIG, "%s: %s: a PIN in it"
		    " would be shown: take pin-value out, and set"
		    " tls_key_password_command", s->where, s->key->name);
	if (str_starts(value, "pkcs11:"))
		return put_string(s, xstrdup(value));
	return store_path(s, value);
}

/* What no value may hold, whatever its kind: it could not be read back. */
static int
check_bytes(const struct store *s, const char *value)
{
	const char *p;

	if (value[0] == '\0')
		return error_set(s->error, ERR_CONFIG,
		    "%s: %s has no value: give one, or remove the line",
		    s->where, s->key->name);
	for (p = value; *p != '\0'; p++) {
		if (!ascii_iscntrl(*p) || *p == '\t')
			continue;
		if (s->key->kind == KEY_SECRET && *p != '\r' && *p != '\n')
			continue;
		return error_set(s->error, ERR_CONFIG,
		    "%s: %s has a control byte (\\x%02X) in its value",
		    s->where, s->key->name, (unsigned int)(unsigned char)*p);
	}
	return 0;
}

static int
store_value(const struct store *s, const char *value)
{
	if (check_bytes(s, value) == -1)
		return -1;
	switch (s->key->kind) {
	case KEY_STRING:
	case KEY_SECRET:
		return put_string(s, xstrdup(value));
	case KEY_PATH:
		return store_path(s, value);
	case KEY_WORD:
		return store_word(s, value);
	case KEY_WORD_OR_PATH:
		return store_word_or_path(s, value);
	case KEY_BOOL:
		return store_boolean(s, value);
	case KEY_DURATION:
		return store_duration(s, value);
	case KEY_PORTS:
		return store_ports(s, value);
	case KEY_LIST:
		return store_list(s, value);
	case KEY_ADDRESS:
		return store_address(s, value);
	case KEY_DOMAIN:
		return store_domain(s, value);
	case KEY_HOST:
		return store_host(s, value);
	case KEY_IP:
		return store_ip(s, value);
	case KEY_PINS:
		return store_pins(s, value);
	case KEY_PROXY:
		return store_proxy(s, value);
	case KEY_PATH_OR_TOKEN:
		return store_path_or_token(s, value);
	case KEY_META:
		return 0;
	}
	return error_set(s->error, ERR_INTERNAL, "%s: a key of no kind",
	    s->where);
}

int
key_store(struct account *a, enum key_id id, const char *value,
    const char *where, struct error *e)
{
	const struct store s = { a, &key_table[id], id, true, where, e };

	return store_value(&s, value);
}

int
key_check(enum key_id id, const char *value, const char *where,
    struct error *e)
{
	struct account scratch;
	const struct store s = { &scratch, &key_table[id], id, false, where,
	    e };
	int r;

	memset(&scratch, 0, sizeof(scratch));
	r = store_value(&s, value);
	key_clear(&scratch, id);
	return r;
}

static void
clear_string(char **p, bool secret)
{
	if (secret && *p != NULL)
		mem_wipe(*p, strlen(*p));
	free(*p);
	*p = NULL;
}

static void
clear_list(struct key_list *list)
{
	while (list->count > 0)
		free(list->list[--list->count]);
	free(list->list);
	list->list = NULL;
}

static void
clear_ports(struct key_ports *ports)
{
	free(ports->list);
	ports->list = NULL;
	ports->count = 0;
}

void
key_clear(struct account *a, enum key_id id)
{
	const struct key *key = &key_table[id];
	void *p = (char *)a + key->offset;

	switch (key->kind) {
	case KEY_META:
		break;
	case KEY_BOOL:
		*(bool *)p = false;
		break;
	case KEY_DURATION:
		*(int64_t *)p = 0;
		break;
	case KEY_PORTS:
		clear_ports(p);
		break;
	case KEY_LIST:
	case KEY_PINS:
		clear_list(p);
		break;
	case KEY_PROXY:
		proxy_clear(p);
		break;
	default:
		clear_string(p, key->kind == KEY_SECRET);
		break;
	}
}
