/* SPDX-License-Identifier: ISC */
/*
 * The text of account files: what libinih would cut, fold or pass over comes
 * out whole or is refused.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "config/file.h"
#include "runner.h"

#define MUTATIONS	10000

static struct config c;
static struct error e;
static bool has_password;

static int
parse_bytes(const char *text, size_t len)
{
	config_release(&c);
	config_init(&c);
	memset(&e, 0, sizeof(e));
	has_password = false;
	return config_parse(&c, "f", text, len, &has_password, &e);
}

static int
parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void
accepts_text(const char *text)
{
	ck_assert_msg(parse(text) == 0, "%s", e.text);
}

static void
refused(const char *place, const char *piece)
{
	ck_assert_int_eq(e.class, ERR_CONFIG);
	ck_assert_msg(strncmp(e.text, place, strlen(place)) == 0,
	    "not at %s: %s", place, e.text);
	ck_assert_msg(strstr(e.text, piece) != NULL, "no '%s' in: %s", piece,
	    e.text);
}

static void
refuses(const char *text, const char *place, const char *piece)
{
	ck_assert_msg(parse(text) == -1, "accepted: %s", text);
	refused(place, piece);
}

/* The i-th setting is this one. */
static void
setting_is(size_t i, const char *section, enum key_id key, const char *value,
    const char *origin)
{
	ck_assert_uint_lt(i, c.count);
	ck_assert_str_eq(c.settings[i].section, section);
	ck_assert_int_eq(c.settings[i].key, key);
	ck_assert_str_eq(c.settings[i].value, value);
	ck_assert_str_eq(c.settings[i].origin, origin);
}

/* A password comes out as these bytes, and stands alone. */
static void
password_is(const char *written, const char *expected)
{
	char *text;

	text = xasprintf("password = %s\n", written);
	accepts_text(text);
	ck_assert_uint_eq(c.count, 1);
	setting_is(0, "", KEY_PASSWORD, expected, "f:1");
	ck_assert(has_password);
	free(text);
}

START_TEST(smallest)
{
	accepts_text("server   = mail.example.org\n"
	    "username = alice\n"
	    "password = secret\n");
	ck_assert_uint_eq(c.count, 3);
	ck_assert_uint_eq(c.section_count, 0);
	setting_is(0, "", KEY_SERVER, "mail.example.org", "f:1");
	setting_is(1, "", KEY_USERNAME, "alice", "f:2");
	setting_is(2, "", KEY_PASSWORD, "secret", "f:3");
	ck_assert(has_password);
	ck_assert_str_eq(c.files, "'f'");
	accepts_text("");
	ck_assert_uint_eq(c.count, 0);
	ck_assert(!has_password);
}
END_TEST

START_TEST(forms_of_lines)
{
	accepts_text("\xef\xbb\xbfserver = a\r\n"
	    "\r\n"
	    "# comment\r\n"
	    "  ; comment\n"
	    "   username = alice\n"
	    "\tport: 25\n"
	    " [ home ] # comment\n"
	    "    full_name=x=y:z\n"
	    "[empty];comment\n"
	    "[last]\n"
	    "helo = b");
	ck_assert_uint_eq(c.count, 5);
	setting_is(0, "", KEY_SERVER, "a", "f:1");
	setting_is(1, "", KEY_USERNAME, "alice", "f:5");
	setting_is(2, "", KEY_PORT, "25", "f:6");
	setting_is(3, "home", KEY_FULL_NAME, "x=y:z", "f:8");
	setting_is(4, "last", KEY_HELO, "b", "f:11");
	ck_assert_uint_eq(c.section_count, 3);
	ck_assert_str_eq(c.sections[1], "empty");
}
END_TEST

START_TEST(values_whole)
{
	password_is("a ; b", "a ; b");
	password_is("a # b", "a # b");
	password_is("; b", "; b");
	password_is("#", "#");
	password_is("=", "=");
	password_is("a=b:c", "a=b:c");
	password_is("[x]", "[x]");
	password_is("it's", "it's");
	password_is("a\"b", "a\"b");
	password_is("ends\"", "ends\"");
	password_is("\\n\\", "\\n\\");
	password_is("\xff\x80\xc3\xa9", "\xff\x80\xc3\xa9");
	password_is("a\tb \t", "a\tb");
	password_is("\"a ; b\"", "a ; b");
	password_is("\"  edges\t \"", "  edges\t ");
	password_is("\"a\"b\"", "a\"b");
	password_is("\"\"\"", "\"");
	password_is("\"\"quoted\"\"", "\"quoted\"");
}
END_TEST

START_TEST(quotes)
{
	refuses("password = \"abc\n", "f:1: ", "does not end with one");
	refuses("password = \"\n", "f:1: ", "does not end with one");
	refuses("\npassword = \"abc\" ; mine\n", "f:2: ", "close it");
	refuses("password = \"\"\n", "f:1: ", "no value");
	refuses("password =\n", "f:1: ", "no value");
	refuses("server =   \n", "f:1: ", "no value");
	ck_assert_ptr_null(strstr(e.text, "abc"));
}
END_TEST

/* A line of this many bytes, with a password that fills it. */
static int
parse_line_of(size_t len, char *password)
{
	char *text;
	int r;

	memset(password, 'p', len - strlen("password="));
	password[len - strlen("password=") - 1] = 'q';
	password[len - strlen("password=")] = '\0';
	text = xasprintf("password=%s\r\nserver=a\n", password);
	r = parse(text);
	free(text);
	return r;
}

START_TEST(line_lengths)
{
	char password[256];
	size_t len;

	for (len = 180; len <= 210; len++) {
		if (len > CONFIG_LINE_MAX) {
			ck_assert_int_eq(parse_line_of(len, password), -1);
			refused("f:1: ", "password_file");
			ck_assert_ptr_null(strstr(e.text, "pppp"));
			continue;
		}
		ck_assert_int_eq(parse_line_of(len, password), 0);
		ck_assert_uint_eq(c.count, 2);
		setting_is(0, "", KEY_PASSWORD, password, "f:1");
		setting_is(1, "", KEY_SERVER, "a", "f:2");
	}
}
END_TEST

/* The rest of a long comment is no setting. */
START_TEST(long_comment)
{
	char *text;
	size_t pad;

	for (pad = 150; pad < 450; pad++) {
		text = xasprintf("#%*sstarttls = no\nserver = a\n", (int)pad,
		    "");
		accepts_text(text);
		ck_assert_uint_eq(c.count, 1);
		setting_is(0, "", KEY_SERVER, "a", "f:2");
		free(text);
	}
}
END_TEST

/* Nor is an indented line a piece of the value before. */
START_TEST(no_folding)
{
	refuses("full_name = a\n  b\n", "f:2: ", "KEY = VALUE");
	refuses("full_name = a\n\tserver\n", "f:2: ", "KEY = VALUE");
	accepts_text("full_name = a\n  # b\n \n  ; c\n");
	setting_is(0, "", KEY_FULL_NAME, "a", "f:1");
	ck_assert_uint_eq(c.count, 1);
}
END_TEST

START_TEST(bytes_refused)
{
	static const char nul[] = "server = a\npassword = x\0y\n";
	static const char comment[] = "# \0\nserver = a\n";

	ck_assert_int_eq(parse_bytes(nul, sizeof(nul) - 1), -1);
	refused("f:2: ", "NUL");
	ck_assert_int_eq(parse_bytes(comment, sizeof(comment) - 1), -1);
	refused("f:1: ", "NUL");
	refuses("server = a\rport = 25\n", "f:1: ", "carriage return");
	refuses("server = a\r\r\n", "f:1: ", "carriage return");
	refuses("server = a\r", "f:1: ", "carriage return");
	refuses("full_name = a\033b\n", "f:1: ", "\\x1B");
	refuses("server = a\n\xef\xbb\xbfport = 25\n", "f:2: ", "unknown key");
}
END_TEST

START_TEST(sections)
{
	char name[64], text[128];

	refuses("[home\nserver = a\n", "f:1: ", "without ']'");
	refuses("[home] server = a\n", "f:1: ", "behind the section");
	refuses("[]\n", "f:1: ", "without a name");
	refuses("[  ]\n", "f:1: ", "without a name");
	refuses("[a\tb\x01]\n", "f:1: ", "control byte");
	refuses("[a\xc2\x85]\n", "f:1: ", "control byte");
	refuses("[a\xff]\n", "f:1: ", "invalid UTF-8");
	refuses("[a ;b]\nserver = a\n", "f:1: ", "';'");
	refuses("[a]\nserver = a\n[b]\n[a]\n", "f:4: ", "[a] stands twice");
	memset(name, 'n', sizeof(name));
	name[49] = '\0';
	snprintf(text, sizeof(text), "[%s]\nserver = a\n", name);
	accepts_text(text);
	setting_is(0, name, KEY_SERVER, "a", "f:2");
	snprintf(text, sizeof(text), "[%sn]\n", name);
	refuses(text, "f:1: ", "49 bytes");
	accepts_text("[b\xc3\xbcro]\nserver = a\n[A]\n[a]\n[a b]\nport = 25\n");
	ck_assert_uint_eq(c.section_count, 4);
	setting_is(1, "a b", KEY_PORT, "25", "f:6");
}
END_TEST

START_TEST(keys_refused)
{
	char text[256];

	refuses("\nsever = a\n", "f:2: unknown key 'sever'",
	    "did you mean 'server'?");
	refuses("zzzzzzzz = a\n", "f:1: unknown key 'zzzzzzzz'",
	    "sendoff.conf(5)");
	refuses("server\n", "f:1: ", "KEY = VALUE");
	refuses("= a\n", "f:1: ", "no key");
	refuses("password = a\npassword = a\n", "f:2: ", "f:1");
	refuses("[h]\nport = 1\nserver = a\nport = 2\n", "f:4: ", "twice");
	accepts_text("port = 1\n[h]\nport = 2\n[i]\nport = 3\n");
	refuses("password = a\npassword_file = /x\n", "f:2: ", "two sources");
	refuses("[h]\npassword_command = a\npassword = b\n", "f:3: ",
	    "two sources");
	accepts_text("password = a\n[h]\npassword_file = /x\n");
	refuses("[h]\ndefault_account = h\n", "f:2: ", "above the first");
	refuses("inherit = h\n[h]\n", "f:1: ", "into the account's section");
	/* Pieces of a secret are not shown. */
	refuses("pass word=hush\n", "f:1: ", "unknown key");
	ck_assert_ptr_null(strstr(e.text, "hush"));
	ck_assert_ptr_null(strstr(e.text, "word="));
	refuses("hush hush\n", "f:1: ", "KEY = VALUE");
	ck_assert_ptr_null(strstr(e.text, "hush"));
	refuses("hu/sh==\n", "f:1: ", "unknown key");
	ck_assert_ptr_null(strstr(e.text, "hu/sh"));
	memset(text, 'k', sizeof(text));
	memcpy(text + 195, "=a", 3);
	refuses(text, "f:1: ", "unknown key");
	memcpy(text + 198, "=", 2);
	text[195] = text[196] = text[197] = 'k';
	refuses(text, "f:1: ", "unknown key");
}
END_TEST

/* Every value is checked, also in accounts that are not used. */
START_TEST(values_checked)
{
	refuses("server = a\n[b]\nport = 0\n", "f:3: port", "65535");
	refuses("port = 65536\n", "f:1: port", "65535");
	refuses("port = abc\n", "f:1: port", "65535");
	refuses("timeout = -1\n", "f:1: timeout", "1s to 1d");
	refuses("starttls = nope\n", "f:1: starttls", "yes or no");
	refuses("tls_min = 1.5\n", "f:1: tls_min", "1.2");
	refuses("tls_trust = of\n", "f:1: tls_trust", "system");
	refuses("auth = CRAM\n", "f:1: auth", "PLAIN");
	refuses("server = smtp://a\n", "f:1: server", "URL");
}
END_TEST

/* Random changes */

/* A fixed sequence (xorshift), so that a failure comes again. */
static uint32_t
next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void
mutate(char *text, size_t len, uint32_t *state)
{
	uint32_t changes = next_random(state) % 3 + 1;

	while (changes-- > 0)
		text[next_random(state) % len] = (char)next_random(state);
}

/* Every value that is accepted stands whole on its own line of the text. */
static void
values_stand_in(const char *text, size_t len)
{
	const char *line, *end;
	const char *s;
	size_t i, n;

	for (i = 0; i < c.count; i++) {
		n = strtoul(strrchr(c.settings[i].origin, ':') + 1, NULL, 10);
		for (line = text; n > 1; n--)
			line = (char *)memchr(line, '\n',
			    len - (size_t)(line - text)) + 1;
		end = memchr(line, '\n', len - (size_t)(line - text));
		end = end == NULL ? text + len : end;
		s = c.settings[i].value;
		line = memmem(line, (size_t)(end - line), s, strlen(s));
		ck_assert_msg(line != NULL, "%s", s);
		/* Nothing but a quote, blanks and CR is behind it. */
		line += strlen(s);
		while (line < end && strchr("\" \t\r", *line) != NULL)
			line++;
		ck_assert_msg(line == end, "cut: %s", s);
	}
}

START_TEST(mutations)
{
	static const char good[] = "# The relay of the house\n"
	    "default_account = home\n"
	    "server   = mail.example.org\n"
	    "port = 587, 5190\n"
	    "tls_trust = /etc/ssl/ca.pem\n"
	    "\n"
	    "[home]\n"
	    "username = alice\n"
	    "password = \"a ; b#c\"\n"
	    "from = alice@example.org\n"
	    "  match = *@example.org, *@example.net\r\n"
	    "[work]\n"
	    "inherit = home\n"
	    "timeout = 90s\n"
	    "full_name = Alice ; Example\n";
	char text[sizeof(good) - 1];
	uint32_t state = 20261123;
	size_t accepted = 0;
	int i;

	for (i = 0; i < MUTATIONS; i++) {
		memcpy(text, good, sizeof(text));
		mutate(text, sizeof(text), &state);
		if (parse_bytes(text, sizeof(text)) == -1) {
			ck_assert_int_eq(e.class, ERR_CONFIG);
			ck_assert_int_eq(strncmp(e.text, "f:", 2), 0);
			continue;
		}
		accepted++;
		values_stand_in(text, sizeof(text));
	}
	ck_assert_uint_gt(accepted, 500);
	ck_assert_uint_lt(accepted, MUTATIONS - 500);
}
END_TEST

static void
release_config(void)
{
	config_release(&c);
}

int
main(void)
{
	Suite *suite = suite_create("parse");
	TCase *tc = tcase_create("parse");

	tcase_add_checked_fixture(tc, NULL, release_config);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, smallest);
	tcase_add_test(tc, forms_of_lines);
	tcase_add_test(tc, values_whole);
	tcase_add_test(tc, quotes);
	tcase_add_test(tc, line_lengths);
	tcase_add_test(tc, long_comment);
	tcase_add_test(tc, no_folding);
	tcase_add_test(tc, bytes_refused);
	tcase_add_test(tc, sections);
	tcase_add_test(tc, keys_refused);
	tcase_add_test(tc, values_checked);
	tcase_add_test(tc, mutations);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
