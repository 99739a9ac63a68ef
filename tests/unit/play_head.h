/* SPDX-License-Identifier: ISC */
/*
 * What the head of a dialogue says about the account and the envelope.
 */
#ifndef TESTS_UNIT_PLAY_HEAD_H
#define TESTS_UNIT_PLAY_HEAD_H

#include <stdbool.h>

struct dialogue;
struct envelope;

/*
 * What the account's key has, of its last line; "-" where that takes it out,
 * NULL without one.
 */
const char *play_account(const struct dialogue *d, const char *key);
/* True where the account's key has that value; "-" is a key taken out. */
bool	play_says(const struct dialogue *d, const char *key,
	    const char *value);

/* Sender and recipients from the arguments. */
void	play_envelope(const struct dialogue *d, struct envelope *env);

#endif
