/* SPDX-License-Identifier: ISC */
/*
 * Every dialogue, played to the session engine without a socket: whole, in
 * single bytes and in sevens, with the outcome that its head names.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "base/str.h"
#include "mail/envelope.h"
#include "../relay/dialogue.h"
#include "player.h"
#include "runner.h"

#define DIALOGUE_MAX	(16 * 1024 * 1024)

/* Those of the fuzzer are played to the engine alone. */
static const char *const folders[] = { "tests/dialogues",
    "tests/fuzz/corpus/session" };

#define FOLDERS	((int)(sizeof folders / sizeof *folders))

static char *
folder(int which)
{
	const char *top = getenv("TOP_SRCDIR");

	return xasprintf("%s/%s", top == NULL ? "." : top, folders[which]);
}

static int
is_dialogue(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 4 && strcmp(entry->d_name + len - 4, ".dlg") == 0;
}

/* The names of a folder in order; how many, and the nth as an owned path. */
static int
nth_of(int which, int nth, char **path)
{
	struct dirent **entries;
	char *dir = folder(which);
	int i, n;

	n = scandir(dir, &entries, is_dialogue, alphasort);
	for (i = 0; i < n; i++) {
		if (i == nth && path != NULL)
			*path = xasprintf("%s/%s", dir, entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	free(dir);
	return n < 0 ? 0 : n;
}

/* The same of all folders. */
static int
nth_dialogue(int nth, char **path)
{
	int i, n = 0;

	for (i = 0; i < FOLDERS; i++)
		n += nth_of(i, nth - n, path);
	return n;
}

static void
load(const char *path, struct dialogue *d)
{
	char why[DIALOGUE_WHY];
	struct buf text;
	int fd;

	buf_init(&text, DIALOGUE_MAX);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_msg(fd != -1, "cannot open %s", path);
	ck_assert_int_eq(fsio_read_all(fd, &text), 0);
	close(fd);
	memset(d, 0, sizeof *d);
	ck_assert_msg(dialogue_parse(d, text.data, text.len, why) == 0,
	    "%s: %s", path, why);
	buf_release(&text);
}

/* The words of "ADDRESS STATE [CODE]"; an owned copy is cut into them. */
static char *
split_state(const char *line, char *word[3])
{
	char *copy = xstrdup(line), *at = copy;
	int i;

	for (i = 0; i < 3; i++) {
		word[i] = at;
		at += strcspn(at, " ");
		if (*at != '\0')
			*at++ = '\0';
	}
	return copy;
}

static void
check_verdict(const char *path, const struct recipient *to, char *word[3])
{
	const char *state = recipient_state_name(to->verdict.state);

	ck_assert_msg(strcmp(state, word[1]) == 0, "%s: %s is %s, not %s",
	    path, word[0], state, word[1]);
	ck_assert_msg(word[2][0] == '\0' || to->verdict.code ==
	    strtol(word[2], NULL, 10), "%s: %s has %d, not %s", path,
	    word[0], to->verdict.code, word[2]);
}

static void
check_state(const char *path, const struct player_result *r, const char *line)
{
	char *word[3], *copy = split_state(line, word);
	size_t i, found = 0;

	for (i = 0; i < r->envelope.count; i++) {
		if (strcmp(r->envelope.list[i].address, word[0]) != 0)
			continue;
		check_verdict(path, &r->envelope.list[i], word);
		found++;
	}
	ck_assert_msg(found == 1, "%s: no recipient %s", path, word[0]);
	free(copy);
}

static void
check_result(const char *path, const struct dialogue *d,
    const struct player_result *r)
{
	const char *value;
	size_t i;

	ck_assert_msg(r->broken == NULL, "%s: broken: %s", path, r->broken);
	ck_assert_msg(r->mismatch == NULL, "%s:%u: %s; said:\n%.2000s", path,
	    r->line, r->mismatch, r->said.data);
	value = dialogue_head(d, "exit", 0);
	ck_assert_msg(value == NULL || player_exit_status(r) ==
	    strtol(value, NULL, 10), "%s: exit %d, not %s (%s)", path,
	    player_exit_status(r), value, r->error.text);
	value = dialogue_head(d, "received", 0);
	ck_assert_msg(value == NULL || r->received ==
	    strtoul(value, NULL, 10), "%s: received %u, not %s", path,
	    r->received, value);
	for (i = 0; (value = dialogue_head(d, "state", i)) != NULL; i++)
		check_state(path, r, value);
}

START_TEST(dialogue)
{
	static const size_t cuts[] = { 1, 7 };
	struct player_result whole, pieces;
	struct dialogue d;
	char *path = NULL;
	size_t i;

	nth_dialogue(_i, &path);
	load(path, &d);
	if (player_objection(&d) == NULL) {
		player_run(&d, 0, &whole);
		check_result(path, &d, &whole);
		for (i = 0; i < sizeof cuts / sizeof *cuts; i++) {
			player_run(&d, cuts[i], &pieces);
			check_result(path, &d, &pieces);
			ck_assert_msg(player_same(&whole, &pieces),
			    "%s: not the same in portions of %zu", path,
			    cuts[i]);
			player_release(&pieces);
		}
		player_release(&whole);
	}
	dialogue_release(&d);
	free(path);
}
END_TEST

/* Only the relay knows how to be a server of SCRAM. */
static bool
is_scram(const struct dialogue *d)
{
	size_t i;

	for (i = 0; i < d->step_count; i++)
		if (d->steps[i].kind == STEP_SCRAM)
			return true;
	return false;
}

/* What is left out is named, and is the small part. */
START_TEST(few_are_left_out)
{
	const char *why;
	struct dialogue d;
	char *path;
	int i, n, skipped = 0, scram = 0;

	for (i = 0; i < FOLDERS; i++)
		ck_assert_int_gt(nth_of(i, -1, NULL), 20);
	n = nth_dialogue(-1, NULL);
	for (i = 0; i < n; i++) {
		path = NULL;
		nth_dialogue(i, &path);
		load(path, &d);
		why = player_objection(&d);
		if (why != NULL && is_scram(&d))
			scram++;
		else if (why != NULL) {
			skipped++;
			printf("left out: %s (%s)\n", strrchr(path, '/') + 1,
			    why);
		}
		dialogue_release(&d);
		free(path);
	}
	printf("%d dialogues, %d left out, and %d of SCRAM\n", n, skipped,
	    scram);
	ck_assert_int_gt(n, 100);
	ck_assert_int_lt(skipped * 4, n - scram);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("dialogues");
	t = tcase_create("dialogues");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, dialogue, 0, nth_dialogue(-1, NULL));
	tcase_add_test(t, few_are_left_out);
	suite_add_tcase(s, t);
	return run_suite(s);
}
