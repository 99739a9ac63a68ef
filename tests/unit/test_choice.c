/* SPDX-License-Identifier: ISC */
/*
 * Which mechanism is taken, and why.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "config/keys.h"
#include "runner.h"
#include "smtp/auth.h"
#include "smtp/capabilities.h"

#define USER		"alice"
#define BINDING		"AAECAwQFBgcICQoLDA0ODw=="

START_TEST(explanation)
{
	char list[] = "auto", *mechanisms[] = { list };
	struct auth_settings s;
	struct capabilities c;
	struct buf out;

	memset(&s, 0, sizeof s);
	s.username = USER;
	s.encrypted = true;
	s.mechanisms = mechanisms;
	s.mechanism_count = 1;
	capabilities_init(&c);
	capabilities_parse(&c, "x\nAUTH PLAIN SCRAM-SHA-1 CRAM-MD5 X-A"
	    " SCRAM-SHA-1-PLUS");
	buf_init(&out, 4096);
	auth_explain(&s, &c, "SCRAM-SHA-1", &out);
	ck_assert_ptr_nonnull(strstr(out.data, "SCRAM-SHA-1, the strongest"));
	ck_assert_ptr_nonnull(strstr(out.data, "PLAIN (comes later)"));
	ck_assert_ptr_nonnull(strstr(out.data, "CRAM-MD5 (not in 'auth')"));
	ck_assert_ptr_nonnull(strstr(out.data, "X-A (not known here)"));
	ck_assert_ptr_nonnull(strstr(out.data, "PLUS (this connection has"));
	capabilities_release(&c);
	buf_release(&out);
}
END_TEST

/* flags: e TLS, p allow_plaintext_password, b something to bind to */
static const struct {
	const char *list;	/* one of the account's, or two with a comma */
	const char *offered;
	const char *flags;
	const char *chosen;	/* NULL: ERR_AUTH */
} choices[] = {
	{ "auto", "PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256", "e",
	    "SCRAM-SHA-256" },
	{ "auto", "LOGIN PLAIN SCRAM-SHA-1", "e", "SCRAM-SHA-1" },
	{ "auto", "LOGIN PLAIN", "e", "PLAIN" },
	{ "auto", "LOGIN", "e", "LOGIN" },
	{ "auto", "login plain", "e", "PLAIN" },
	{ "auto", "PLAIN LOGIN", "", NULL },
	{ "auto", "PLAIN LOGIN SCRAM-SHA-1", "", "SCRAM-SHA-1" },
	{ "auto", "PLAIN LOGIN", "p", "PLAIN" },
	{ "PLAIN", "PLAIN SCRAM-SHA-256", "", NULL },
	{ "LOGIN", "PLAIN LOGIN", "", NULL },
	{ "LOGIN,PLAIN", "PLAIN LOGIN", "", NULL },
	{ "PLAIN", "PLAIN SCRAM-SHA-256", "e", "PLAIN" },
	{ "plain", "PLAIN", "e", "PLAIN" },
	{ "LOGIN,PLAIN", "PLAIN LOGIN", "e", "LOGIN" },
	{ "SCRAM-SHA-256,PLAIN", "PLAIN LOGIN", "e", "PLAIN" },
	{ "SCRAM-SHA-256", "PLAIN LOGIN", "e", NULL },
	{ "auto", "SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS"
	    " SCRAM-SHA-256-PLUS", "eb", "SCRAM-SHA-256-PLUS" },
	{ "auto", "SCRAM-SHA-256 SCRAM-SHA-1-PLUS PLAIN", "eb",
	    "SCRAM-SHA-1-PLUS" },
	{ "auto", "SCRAM-SHA-256-PLUS SCRAM-SHA-256", "e", "SCRAM-SHA-256" },
	{ "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS SCRAM-SHA-256", "e",
	    NULL },
	{ "CRAM-MD5", "CRAM-MD5 PLAIN", "e", "CRAM-MD5" },
	{ "CRAM-MD5", "CRAM-MD5", "", "CRAM-MD5" },
	{ "DIGEST-MD5", "DIGEST-MD5", "e", "DIGEST-MD5" },
	{ "OAUTHBEARER,XOAUTH2", "XOAUTH2 PLAIN", "e", "XOAUTH2" },
	{ "OAUTHBEARER", "OAUTHBEARER", "", NULL },
	{ "auto", "OAUTHBEARER XOAUTH2 GSSAPI DIGEST-MD5 NTLM", "eb", NULL },
	{ "auto", "CRAM-MD5", "e", NULL },
	{ "auto", "CRAM-MD5 NTLM", "ep", NULL },
	{ "auto", "EXTERNAL", "e", NULL },
	{ "EXTERNAL", "EXTERNAL", "e", "EXTERNAL" },
	{ "EXTERNAL", "EXTERNAL", "", NULL },
	{ "auto", "", "e", NULL },
};

START_TEST(choice)
{
	char ehlo[256], *list[2], *comma;
	struct auth_settings s;
	struct capabilities c;
	const char *chosen;
	struct error e;

	memset(&s, 0, sizeof s);
	s.username = USER;
	list[0] = strdup(choices[_i].list);
	comma = strchr(list[0], ',');
	list[1] = comma == NULL ? NULL : strdup(comma + 1);
	if (comma != NULL)
		*comma = '\0';
	s.mechanisms = list;
	s.mechanism_count = comma == NULL ? 1 : 2;
	s.encrypted = strchr(choices[_i].flags, 'e') != NULL;
	s.allow_plaintext = strchr(choices[_i].flags, 'p') != NULL;
	if (strchr(choices[_i].flags, 'b') != NULL)
		s.binding.type = "tls-exporter";
	capabilities_init(&c);
	snprintf(ehlo, sizeof ehlo, "hi\nAUTH %s", choices[_i].offered);
	capabilities_parse(&c, ehlo);
	e.class = ERR_NONE;
	chosen = auth_choose(&s, &c, &e);
	if (choices[_i].chosen == NULL) {
		ck_assert_msg(chosen == NULL, "%s", chosen);
		ck_assert_int_eq(e.class, ERR_AUTH);
		ck_assert_uint_gt(strlen(e.text), 0);
	} else {
		ck_assert_msg(chosen != NULL, "%s", e.text);
		ck_assert_str_eq(chosen, choices[_i].chosen);
	}
	capabilities_release(&c);
	free(list[0]);
	free(list[1]);
}
END_TEST

/* What the account file takes, the table of mechanisms has, and no other. */
START_TEST(same_as_the_key)
{
	const char *at = key_table[KEY_AUTH].words, *end;
	struct auth_settings s;
	struct capabilities c;
	struct error e;
	char *word, *offer;
	int n = 0;

	memset(&s, 0, sizeof s);
	s.username = "alice";
	s.encrypted = true;
	s.binding.type = "tls-exporter";
	s.binding.data = BINDING;
	s.mechanisms = &word;
	s.mechanism_count = 1;
	for (; *at != '\0'; at = *end == '\0' ? end : end + 1) {
		end = at + strcspn(at, " ");
		word = xstrndup(at, (size_t)(end - at));
		offer = xasprintf("x\nAUTH %s", word);
		capabilities_init(&c);
		capabilities_parse(&c, offer);
		if (strcmp(word, "auto") != 0 && strcmp(word, "none") != 0) {
			ck_assert_str_eq(auth_choose(&s, &c, &e), word);
			n++;
		}
		capabilities_release(&c);
		free(offer);
		free(word);
	}
	ck_assert_int_eq(n, 13);
}
END_TEST

START_TEST(tables)
{
	char automatic[] = "auto", only[] = "EXTERNAL";
	char *with[] = { only, automatic }, *without[] = { only };

	ck_assert(auth_needs_secret("PLAIN"));
	ck_assert(auth_needs_secret("SCRAM-SHA-256"));
	ck_assert(!auth_needs_secret("EXTERNAL"));
	ck_assert(auth_client_first("PLAIN"));
	ck_assert(!auth_client_first("LOGIN"));
	ck_assert(auth_list_needs_secret(with, 2));
	ck_assert(!auth_list_needs_secret(without, 1));
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("choice");
	t = tcase_create("choice");
	tcase_add_loop_test(t, choice, 0, sizeof choices / sizeof *choices);
	tcase_add_test(t, same_as_the_key);
	tcase_add_test(t, explanation);
	tcase_add_test(t, tables);
	suite_add_tcase(s, t);
	return run_suite(s);
}
