/* SPDX-License-Identifier: ISC */
/*
 * Sender, recipients, and a verdict for each.  RFC 5321 section 2.3.1.  Pure.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "mail/envelope.h"

/* An index slot that holds nothing. */
#define SLOT_FREE	SIZE_MAX

void
envelope_init(struct envelope *env)
{
	memset(env, 0, sizeof *env);
	env->sender = xstrdup("");
}

void
envelope_release(struct envelope *env)
{
	size_t i;

	for (i = 0; i < env->count; i++) {
		free(env->list[i].address);
		free(env->list[i].orcpt);
		free(env->list[i].given);
		verdict_release(&env->list[i].verdict);
	}
	free(env->sender);
	free(env->envid);
	free(env->list);
	free(env->index);
	memset(env, 0, sizeof *env);
}

void
envelope_set_sender(struct envelope *env, const char *address)
{
	char *copy;

	copy = xstrdup(address);
	free(env->sender);
	env->sender = copy;
}

/* Where the domain begins, with its '@'; the end when there is none. */
static size_t
domain_at(const char *address)
{
	const char *at;

	at = strrchr(address, '@');
	return at == NULL ? strlen(address) : (size_t)(at - address);
}

/* FNV-1a, blind to the domain's case. */
static uint64_t
address_hash(const char *address)
{
	uint64_t h = 14695981039346656037U;
	size_t i, at;

	at = domain_at(address);
	for (i = 0; address[i] != '\0'; i++) {
		h ^= (unsigned char)(i < at ? address[i] :
		    ascii_tolower(address[i]));
		h *= 1099511628211U;
	}
	return h;
}

static bool
address_same(const char *a, const char *b)
{
	size_t at;

	at = domain_at(a);
	return at == domain_at(b) && memcmp(a, b, at) == 0 &&
	    str_caseeq(a + at, b + at);
}

/* The slot of an address: its own, or the free one where it belongs. */
static size_t
find_slot(const struct envelope *env, const char *address)
{
	size_t i;

	i = (size_t)address_hash(address) & (env->index_cap - 1);
	while (env->index[i] != SLOT_FREE &&
	    !address_same(env->list[env->index[i]].address, address))
		i = (i + 1) & (env->index_cap - 1);
	return i;
}

/* Keeps the table at most half full. */
static void
grow_index(struct envelope *env)
{
	size_t i;

	if ((env->count + 1) * 2 <= env->index_cap)
		return;
	env->index_cap = env->index_cap == 0 ? 16 : env->index_cap * 2;
	env->index = xreallocarray(env->index, env->index_cap,
	    sizeof *env->index);
	for (i = 0; i < env->index_cap; i++)
		env->index[i] = SLOT_FREE;
	for (i = 0; i < env->count; i++)
		env->index[find_slot(env, env->list[i].address)] = i;
}

bool
envelope_add(struct envelope *env, const char *address)
{
	struct recipient *r;
	size_t slot;

	grow_index(env);
	slot = find_slot(env, address);
	if (env->index[slot] != SLOT_FREE)
		return false;
	mem_grow(&env->list, &env->cap, env->count + 1, sizeof *env->list);
	r = &env->list[env->count];
	memset(r, 0, sizeof *r);
	r->address = xstrdup(address);
	env->index[slot] = env->count++;
	return true;
}

void
envelope_set_dsn(struct envelope *env, enum dsn_return ret,
    const char *envid)
{
	char *copy;

	copy = envid == NULL ? NULL : xstrdup(envid);
	free(env->envid);
	env->envid = copy;
	env->dsn_return = ret;
}

void
envelope_set_notify(struct envelope *env, unsigned notify)
{
	size_t i;

	for (i = 0; i < env->count; i++)
		if (env->list[i].notify == 0)
			env->list[i].notify = notify;
}

void
recipient_set_dsn(struct recipient *r, unsigned notify, const char *orcpt)
{
	char *copy;

	copy = orcpt == NULL ? NULL : xstrdup(orcpt);
	free(r->orcpt);
	r->orcpt = copy;
	r->notify = notify;
}

void
recipient_set_given(struct recipient *r, const char *address)
{
	char *copy;

	copy = xstrdup(address);
	free(r->given);
	r->given = copy;
}

bool
envelope_needs_dsn(const struct envelope *env)
{
	size_t i;

	if (env->dsn_return != DSN_RETURN_UNSAID || env->envid != NULL)
		return true;
	for (i = 0; i < env->count; i++)
		if (env->list[i].notify != 0 || env->list[i].orcpt != NULL)
			return true;
	return false;
}

bool
envelope_needs_smtputf8(const struct envelope *env)
{
	size_t i;

	if (!str_is_ascii(env->sender))
		return true;
	for (i = 0; i < env->count; i++)
		if (!str_is_ascii(env->list[i].address))
			return true;
	return false;
}

void
verdict_set(struct verdict *v, enum recipient_state state,
    enum error_class class, int code, const char *enhanced, const char *text,
    size_t text_len)
{
	struct buf out;

	verdict_release(v);
	v->state = state;
	v->class = class;
	v->code = code;
	snprintf(v->enhanced, sizeof v->enhanced, "%s",
	    enhanced == NULL ? "" : enhanced);
	if (text == NULL)
		return;
	buf_init(&out, VERDICT_TEXT_MAX);
	str_escape(&out, text, text_len, VERDICT_TEXT_MAX);
	v->text = buf_steal(&out);
}

void
verdict_copy(struct verdict *to, const struct verdict *from)
{
	verdict_release(to);
	*to = *from;
	if (from->text != NULL)
		to->text = xstrdup(from->text);
}

void
verdict_release(struct verdict *v)
{
	free(v->text);
	memset(v, 0, sizeof *v);
}

const char *
recipient_state_name(enum recipient_state state)
{
	static const char *const names[] = {
		[RECIPIENT_UNTRIED] = "untried",
		[RECIPIENT_ACCEPTED] = "accepted",
		[RECIPIENT_REFUSED] = "refused",
		[RECIPIENT_DEFERRED] = "deferred",
		[RECIPIENT_UNKNOWN] = "unknown",
	};

	return names[state];
}

/* The order in which a class outdoes another. */
static int
severity(enum error_class class)
{
	if (class == ERR_NONE)
		return 0;
	if (error_is_temporary(class))
		return 1;
	return class == ERR_RECIPIENT ? 2 : 3;
}

enum error_class
envelope_worst(const struct envelope *env)
{
	enum error_class worst = ERR_NONE;
	size_t i;

	for (i = 0; i < env->count; i++)
		if (severity(env->list[i].verdict.class) > severity(worst))
			worst = env->list[i].verdict.class;
	return worst;
}

bool
envelope_all_accepted(const struct envelope *env)
{
	size_t i;

	for (i = 0; i < env->count; i++)
		if (env->list[i].verdict.state != RECIPIENT_ACCEPTED)
			return false;
	return true;
}
