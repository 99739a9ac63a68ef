/* SPDX-License-Identifier: ISC */
/*
 * From settings to one account: which one is meant, whose keys it takes, and
 * the defaults that depend on other keys.
 *
 * Opens no file and asks for no password.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/account.h"
#include "config/file.h"
#include "config/keys.h"
#include "config/proxy.h"
#include "config/value.h"
#include "mail/address.h"

#define ORIGIN_DEFAULT	"default"
#define ORIGIN_SET	"--set"
/* The account of files without sections. */
#define NAME_DEFAULT	"default"
/* Bytes of an error's list of names. */
#define NAMES_MAX	512

/*
 * The sections whose keys an account takes, the nearest first; "" (above the
 * first section) is the last.  The names are borrowed.
 */
struct chain {
	const char **names;
	size_t count;
	size_t cap;
};

/* A setting and how far away it stands: 0 is --set. */
struct found {
	const struct setting *setting;
	size_t distance;
};

/* A sender that selects an account. */
struct wanted {
	struct address address;
	char *text;		/* local@domain, for patterns */
};

static size_t
account_count(const struct config *c)
{
	return c->section_count == 0 ? 1 : c->section_count;
}

static const char *
account_name(const struct config *c, size_t i)
{
	return c->section_count == 0 ? NAME_DEFAULT : c->sections[i];
}

/* The account's own section; "" for the one of files without sections. */
static const char *
account_section(const struct config *c, size_t i)
{
	return c->section_count == 0 ? "" : c->sections[i];
}

static bool
find_account(const struct config *c, const char *name, size_t *index)
{
	size_t i;

	for (i = 0; i < account_count(c); i++) {
		if (strcmp(account_name(c, i), name) != 0)
			continue;
		*index = i;
		return true;
	}
	return false;
}

/* The accounts' names for an error's text. */
static void
list_accounts(const struct config *c, struct buf *out)
{
	size_t i;

	buf_init(out, NAMES_MAX);
	for (i = 0; i < account_count(c); i++)
		(void)buf_addf(out, "%s'%s'", i > 0 ? ", " : "",
		    account_name(c, i));
	if (out->overflow)
		(void)buf_adds(out, ", ...");
}

static int
unknown_account(const struct config *c, enum error_class class,
    const char *where, const char *name, struct error *e)
{
	struct buf names;

	list_accounts(c, &names);
	(void)error_set(e, class, "%s: there is no account '%s': use one of "
	    "%s", where, name, names.data);
	buf_release(&names);
	return -1;
}

/* The last setting of a key in a section, or of --set where that is true. */
static const struct setting *
find_setting(const struct config *c, const char *section, enum key_id id,
    bool from_set)
{
	const struct setting *s;
	size_t i;

	for (i = c->count; i > 0; i--) {
		s = &c->settings[i - 1];
		if (s->key == id && strcmp(s->section, section) == 0 &&
		    (strcmp(s->origin, ORIGIN_SET) == 0) == from_set)
			return s;
	}
	return NULL;
}

static void
chain_add(struct chain *chain, const char *name)
{
	mem_grow(&chain->names, &chain->cap, chain->count + 1,
	    sizeof(*chain->names));
	chain->names[chain->count++] = name;
}

static void
chain_release(struct chain *chain)
{
	free(chain->names);
	memset(chain, 0, sizeof(*chain));
}

static int
loop_error(const struct chain *chain, const struct setting *link,
    struct error *e)
{
	struct buf names;
	size_t i;

	buf_init(&names, NAMES_MAX);
	for (i = 0; i < chain->count; i++)
		(void)buf_addf(&names, "'%s' -> ", chain->names[i]);
	(void)error_set(e, ERR_CONFIG, "%s: accounts inherit each other in a "
	    "loop: %s'%s': remove one inherit", link->origin, names.data,
	    link->value);
	buf_release(&names);
	return -1;
}

/* Adds the account that a setting of "inherit" names. */
static int
chain_follow(const struct config *c, struct chain *chain,
    const struct setting *link, struct error *e)
{
	size_t i, index;

	if (!find_account(c, link->value, &index))
		return unknown_account(c, ERR_CONFIG, link->origin,
		    link->value, e);
	for (i = 0; i < chain->count; i++)
		if (strcmp(chain->names[i], account_section(c, index)) == 0)
			return loop_error(chain, link, e);
	chain_add(chain, account_section(c, index));
	return 0;
}

/* Release the chain in any case. */
static int
chain_make(const struct config *c, struct chain *chain, size_t index,
    bool with_set, struct error *e)
{
	const struct setting *link = NULL;

	memset(chain, 0, sizeof(*chain));
	chain_add(chain, account_section(c, index));
	if (with_set)
		link = find_setting(c, "", KEY_INHERIT, true);
	if (link == NULL)
		link = find_setting(c, chain->names[0], KEY_INHERIT, false);
	while (link != NULL) {
		if (chain_follow(c, chain, link, e) == -1)
			return -1;
		link = find_setting(c, chain->names[chain->count - 1],
		    KEY_INHERIT, false);
	}
	chain_add(chain, "");
	return 0;
}

/* The setting that counts in the files, NULL where there is none. */
static struct found
lookup(const struct config *c, const struct chain *chain, enum key_id id)
{
	struct found f = { NULL, 0 };

	while (f.setting == NULL && f.distance < chain->count) {
		f.setting = find_setting(c, chain->names[f.distance], id,
		    false);
		f.distance++;
	}
	return f;
}

static struct found
lookup_with_set(const struct config *c, const struct chain *chain,
    enum key_id id)
{
	struct found f = { find_setting(c, "", id, true), 0 };

	return f.setting != NULL ? f : lookup(c, chain, id);
}

/* Choosing the account */

static int
wanted_init(struct wanted *w, const char *text)
{
	if (text == NULL || text[0] == '\0' ||
	    address_parse(&w->address, text, strlen(text), NULL) == -1)
		return -1;
	w->text = w->address.domain == NULL ? xstrdup(w->address.local) :
	    xasprintf("%s@%s", w->address.local, w->address.domain);
	return 0;
}

static void
wanted_release(struct wanted *w)
{
	address_release(&w->address);
	free(w->text);
}

/* A bare address on either side is completed with the account's domain. */
static bool
same_domain(const char *a, const char *b, const char *domain)
{
	a = a == NULL ? domain : a;
	b = b == NULL ? domain : b;
	if (a == NULL || b == NULL)
		return a == b;
	return str_caseeq(a, b);
}

static bool
fits_from(const struct config *c, const struct chain *chain,
    const struct wanted *w)
{
	const struct setting *from = lookup(c, chain, KEY_FROM).setting;
	const struct setting *domain;
	struct address a;
	bool fits;

	if (from == NULL ||
	    address_parse(&a, from->value, strlen(from->value), NULL) == -1)
		return false;
	domain = lookup(c, chain, KEY_DOMAIN_NAME).setting;
	fits = strcmp(a.local, w->address.local) == 0 &&
	    same_domain(a.domain, w->address.domain,
	    domain == NULL ? NULL : domain->value);
	address_release(&a);
	return fits;
}

static bool
fits_match(const struct config *c, const struct chain *chain,
    const struct wanted *w)
{
	const struct setting *match = lookup(c, chain, KEY_MATCH).setting;
	struct account scratch;
	bool fits = false;
	size_t i;

	if (match == NULL)
		return false;
	memset(&scratch, 0, sizeof(scratch));
	if (key_store(&scratch, KEY_MATCH, match->value, match->origin,
	    NULL) == 0)
		for (i = 0; i < scratch.match.count && !fits; i++)
			fits = str_glob(scratch.match.list[i], w->text);
	key_clear(&scratch, KEY_MATCH);
	return fits;
}

typedef bool fits_fn(const struct config *, const struct chain *,
    const struct wanted *);

/*
 * 1 and *index where an account fits: the default one if it does, else the
 * first; 0 where none does; -1 for a broken chain.
 */
static int
find_fitting(const struct config *c, const struct wanted *w, fits_fn *fits,
    const char *preferred, size_t *index, struct error *e)
{
	struct chain chain;
	int found = 0;
	bool fit;
	size_t i;

	for (i = 0; i < account_count(c); i++) {
		fit = false;
		if (chain_make(c, &chain, i, false, e) == -1)
			found = -1;
		else
			fit = fits(c, &chain, w);
		chain_release(&chain);
		if (found == -1)
			return -1;
		if (!fit || (found == 1 && (preferred == NULL ||
		    strcmp(account_name(c, i), preferred) != 0)))
			continue;
		*index = i;
		found = 1;
	}
	return found;
}

/* As find_fitting: an exact "from" before a pattern. */
static int
find_by_address(const struct config *c, const char *text,
    const char *preferred, size_t *index, struct error *e)
{
	struct wanted w;
	int found;

	if (wanted_init(&w, text) == -1)
		return 0;
	found = find_fitting(c, &w, fits_from, preferred, index, e);
	if (found == 0)
		found = find_fitting(c, &w, fits_match, preferred, index, e);
	wanted_release(&w);
	return found;
}

/* What is left where nothing selects an account. */
static int
find_default(const struct config *c, const struct setting *preset,
    size_t *index, struct error *e)
{
	struct buf names;

	if (preset != NULL) {
		if (find_account(c, preset->value, index))
			return 0;
		return unknown_account(c, ERR_CONFIG, preset->origin,
		    preset->value, e);
	}
	if (find_account(c, NAME_DEFAULT, index))
		return 0;
	*index = 0;
	if (account_count(c) == 1)
		return 0;
	list_accounts(c, &names);
	(void)error_set(e, ERR_CONFIG, "nothing selects one of the accounts "
	    "%s: name one with -a, or set default_account", names.data);
	buf_release(&names);
	return -1;
}

static int
choose(const struct config *c, const struct account_choice *choice,
    size_t *index, struct error *e)
{
	const struct setting *preset;
	const char *preferred;
	int found;

	if (choice->name != NULL) {
		if (find_account(c, choice->name, index))
			return 0;
		return unknown_account(c, ERR_USAGE, "-a", choice->name, e);
	}
	preset = find_setting(c, "", KEY_DEFAULT_ACCOUNT, true);
	if (preset == NULL)
		preset = find_setting(c, "", KEY_DEFAULT_ACCOUNT, false);
	preferred = preset == NULL ? NAME_DEFAULT : preset->value;
	found = find_by_address(c, choice->sender, preferred, index, e);
	if (found == 0)
		found = find_by_address(c, choice->from, preferred, index, e);
	if (found == 0)
		return find_default(c, preset, index, e);
	return found == 1 ? 0 : -1;
}

/* Filling it in */

static bool
is_set(const struct account *a, enum key_id id)
{
	return strcmp(a->origin[id], ORIGIN_DEFAULT) != 0;
}

static int
fill(struct account *a, enum key_id id, const char *value,
    const char *origin, struct error *e)
{
	if (value[0] != '\0' && key_store(a, id, value, origin, e) == -1)
		return -1;
	free(a->text[id]);
	free(a->origin[id]);
	/* A secret stands in one place only, which is wiped. */
	a->text[id] = key_table[id].kind == KEY_PROXY ? proxy_masked(value) :
	    xstrdup(key_table[id].kind == KEY_SECRET ? "" : value);
	a->origin[id] = xstrdup(origin);
	return 0;
}

static int
fill_default(struct account *a, enum key_id id, const char *value,
    struct error *e)
{
	return fill(a, id, value, ORIGIN_DEFAULT, e);
}

static bool
nearer(struct found a, struct found b)
{
	if (a.setting == NULL || b.setting == NULL)
		return b.setting == NULL;
	if (a.distance != b.distance)
		return a.distance < b.distance;
	/* The same section: the user's file was read after the system's. */
	return a.setting > b.setting;
}

/* Of the three sources of a password only the nearest counts. */
static enum key_id
password_source(const struct config *c, const struct chain *chain)
{
	static const enum key_id ids[] = { KEY_PASSWORD, KEY_PASSWORD_COMMAND,
	    KEY_PASSWORD_FILE };
	struct found best = { NULL, 0 };
	struct found f;
	enum key_id id = KEY_PASSWORD;
	size_t i;

	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		f = lookup_with_set(c, chain, ids[i]);
		if (f.setting == NULL || !nearer(f, best))
			continue;
		best = f;
		id = ids[i];
	}
	return id;
}

static int
fill_all(struct account *a, const struct config *c, const struct chain *chain,
    struct error *e)
{
	enum key_id source = password_source(c, chain);
	const struct setting *s;
	const char *preset;
	int i, r;

	for (i = 0; i < KEY_COUNT; i++) {
		s = lookup_with_set(c, chain, (enum key_id)i).setting;
		if (key_table[i].kind == KEY_META)
			s = NULL;
		if ((i == KEY_PASSWORD || i == KEY_PASSWORD_COMMAND ||
		    i == KEY_PASSWORD_FILE) && i != (int)source)
			s = NULL;
		preset = key_table[i].preset == NULL ? "" :
		    key_table[i].preset;
		if (s != NULL)
			r = fill(a, (enum key_id)i, s->value, s->origin, e);
		else
			r = fill_default(a, (enum key_id)i, preset, e);
		if (r == -1)
			return -1;
	}
	return 0;
}

/* TLS from the first byte, or STARTTLS, or neither; never both. */
static int
derive_tls(struct account *a, struct error *e)
{
	bool only_465 = a->ports.count == 1 && a->ports.list[0] == 465 &&
	    is_set(a, KEY_PORT) && !account_is_local(a);

	if (only_465 && !is_set(a, KEY_IMPLICIT_TLS)) {
		if (is_set(a, KEY_STARTTLS) && a->starttls)
			return error_set(e, ERR_CONFIG, "%s: starttls = yes "
			    "with port 465, which has TLS from the first "
			    "byte: remove starttls, or set implicit_tls = no",
			    a->origin[KEY_STARTTLS]);
		if (fill_default(a, KEY_IMPLICIT_TLS, "yes", e) == -1)
			return -1;
	}
	if (a->implicit_tls && is_set(a, KEY_STARTTLS) && a->starttls)
		return error_set(e, ERR_CONFIG, "%s: starttls = yes and "
		    "implicit_tls = yes (%s) exclude each other: remove one",
		    a->origin[KEY_STARTTLS], a->origin[KEY_IMPLICIT_TLS]);
	if (!is_set(a, KEY_STARTTLS) &&
	    (a->implicit_tls || account_is_local(a)))
		return fill_default(a, KEY_STARTTLS, "no", e);
	return 0;
}

static int
derive_port(struct account *a, struct error *e)
{
	if (account_is_local(a)) {
		key_clear(a, KEY_PORT);
		return fill_default(a, KEY_PORT, "", e);
	}
	if (is_set(a, KEY_PORT))
		return 0;
	if (a->implicit_tls)
		return fill_default(a, KEY_PORT, "465", e);
	return fill_default(a, KEY_PORT, a->starttls ? "587" : "25", e);
}

static int
derive_domain(struct account *a, struct error *e)
{
	struct address from;
	int r = 0;

	if (a->from == NULL || is_set(a, KEY_DOMAIN_NAME))
		return 0;
	if (address_parse(&from, a->from, strlen(a->from), e) == -1)
		return -1;
	if (from.domain != NULL)
		r = fill_default(a, KEY_DOMAIN_NAME, from.domain, e);
	address_release(&from);
	return r;
}

static bool
is_ipv6(const char *address)
{
	return strchr(address, ':') != NULL;
}

/* Settings of the network that contradict each other. */
static int
check_network(const struct account *a, struct error *e)
{
	if (account_is_local(a) && a->proxy.host != NULL)
		return error_set(e, ERR_CONFIG, "%s: a proxy (%s) leads to no"
		    " Unix socket: remove it, or name a host with server",
		    a->origin[KEY_SERVER], a->origin[KEY_PROXY_URL]);
	if (a->source_address != NULL && strcmp(a->ip_version,
	    is_ipv6(a->source_address) ? "4" : "6") == 0)
		return error_set(e, ERR_CONFIG, "%s: source_address '%s' is"
		    " not of IP version %s, which ip_version (%s) asks for:"
		    " change one", a->origin[KEY_SOURCE_ADDRESS],
		    a->source_address, a->ip_version,
		    a->origin[KEY_IP_VERSION]);
	if (a->tls_key != NULL && a->tls_certificate == NULL)
		return error_set(e, ERR_CONFIG, "%s: tls_key needs"
		    " tls_certificate, whose key it is",
		    a->origin[KEY_TLS_KEY]);
	return 0;
}

static int
derive(struct account *a, const struct config *c, struct error *e)
{
	if (a->server == NULL)
		return error_set(e, ERR_CONFIG, "account '%s' has no server: "
		    "add a line such as \"server = mail.example.org\" to %s",
		    a->name, c->files == NULL ? "its file" : c->files);
	if (derive_tls(a, e) == -1 || derive_port(a, e) == -1 ||
	    derive_domain(a, e) == -1 || check_network(a, e) == -1)
		return -1;
	if (is_set(a, KEY_TLS_SERVER_NAME) || account_is_local(a))
		return 0;
	return fill_default(a, KEY_TLS_SERVER_NAME, a->server, e);
}

static int
load(struct account *a, const struct config *c,
    const struct account_choice *choice, bool relay, struct error *e)
{
	struct chain chain;
	size_t index;
	int r;

	memset(a, 0, sizeof(*a));
	if (choose(c, choice, &index, e) == -1)
		return -1;
	a->name = xstrdup(account_name(c, index));
	r = chain_make(c, &chain, index, true, e);
	if (r == 0)
		r = fill_all(a, c, &chain, e);
	if (r == 0 && (relay || a->server != NULL))
		r = derive(a, c, e);
	else if (r == 0)
		r = derive_domain(a, e);
	chain_release(&chain);
	if (r == -1)
		account_release(a);
	return r;
}

int
account_load(struct account *a, const struct config *c,
    const struct account_choice *choice, struct error *e)
{
	return load(a, c, choice, true, e);
}

int
account_load_local(struct account *a, const struct config *c,
    const struct account_choice *choice, struct error *e)
{
	return load(a, c, choice, false, e);
}

void
account_release(struct account *a)
{
	int i;

	for (i = 0; i < KEY_COUNT; i++) {
		key_clear(a, (enum key_id)i);
		free(a->text[i]);
		free(a->origin[i]);
	}
	free(a->name);
	memset(a, 0, sizeof(*a));
}

bool
account_is_local(const struct account *a)
{
	return a->server != NULL && a->server[0] == '/';
}
