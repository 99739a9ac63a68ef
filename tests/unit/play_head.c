/* SPDX-License-Identifier: ISC */
/*
 * What the head of a dialogue says about the account and the envelope.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "mail/envelope.h"
#include "../relay/dialogue.h"
#include "play_head.h"
#include "player.h"

const char *
play_account(const struct dialogue *d, const char *key)
{
	const char *line, *found = NULL;
	size_t i, len = strlen(key);

	for (i = 0; (line = dialogue_head(d, "account", i)) != NULL; i++) {
		if (line[0] == '-' && strcmp(line + 1, key) == 0)
			found = "-";
		else if (strncmp(line, key, len) == 0 &&
		    strncmp(line + len, " = ", 3) == 0)
			found = line + len + 3;
	}
	return found;
}

bool
play_says(const struct dialogue *d, const char *key, const char *value)
{
	const char *found = play_account(d, key);

	return found != NULL && strcmp(found, value) == 0;
}

static bool
known_account_line(const char *line)
{
	static const char *const known[] = {
		"starttls = ", "timeout = ", "connect_timeout = ",
		"implicit_tls = ", "auth = ", "partial = ",
		"allow_plaintext_password = ", "-starttls", "-username",
		"-password"
	};
	size_t i;

	/* It would ask a KDC. */
	if (str_starts(line, "auth = GSSAPI"))
		return false;
	for (i = 0; i < sizeof known / sizeof *known; i++)
		if (str_starts(line, known[i]))
			return true;
	return false;
}

const char *
player_objection(const struct dialogue *d)
{
	const char *line;
	size_t i;

	line = dialogue_head(d, "engine", 0);
	if (line != NULL && strcmp(line, "no") == 0)
		return "engine: no";
	for (i = 0; (line = dialogue_head(d, "account", i)) != NULL; i++)
		if (!known_account_line(line))
			return "an account key that the engine has not";
	return NULL;
}

void
play_envelope(const struct dialogue *d, struct envelope *env)
{
	const char *args, *end;
	char *word;
	bool sender = false;

	envelope_set_sender(env, "alice@example.org");
	args = dialogue_head(d, "args", 0);
	if (args == NULL)
		args = "bob@example.com";
	for (; *args != '\0'; args = *end == '\0' ? end : end + 1) {
		end = args + strcspn(args, " ");
		word = xstrndup(args, (size_t)(end - args));
		if (sender)
			envelope_set_sender(env, strcmp(word, "'<>'") == 0 ?
			    "" : word);
		else if (word[0] != '-' && word[0] != '\0')
			envelope_add(env, word);
		sender = strcmp(word, "-f") == 0;
		free(word);
	}
}
