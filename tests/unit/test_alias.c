/* SPDX-License-Identifier: ISC */
/*
 * The alias file: its form as sendmail, Postfix and Exim write it, what a name
 * leads to, loops, what is refused, and that all of it is linear.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "mail/address.h"
#include "mail/alias.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

static struct aliases aliases;
static struct alias_walk walk;
static struct error e;
static struct buf out;

static void
start(void)
{
	aliases_init(&aliases);
	alias_walk_init(&walk, &aliases);
	buf_init(&out, 64 * 1024 * 1024);
	memset(&e, 0, sizeof e);
}

static void
finish(void)
{
	alias_walk_release(&walk);
	aliases_release(&aliases);
	buf_release(&out);
}

static void
read_bytes(const char *text, size_t len)
{
	struct buf copy;

	alias_walk_release(&walk);
	aliases_release(&aliases);
	aliases_init(&aliases);
	buf_init(&copy, ALIAS_FILE_MAX);
	ck_assert_int_eq(buf_add(&copy, text, len), 0);
	aliases_parse(&aliases, "F", &copy);
	buf_release(&copy);
	alias_walk_init(&walk, &aliases);
}

static void
read_text(const char *text)
{
	read_bytes(text, strlen(text));
}

/* An address into out: a bare one is looked up, and "=" stands before it. */
static int
consider(const struct address *a, bool final)
{
	char *text;
	int rc = 0;

	if (a->domain == NULL && !final)
		rc = alias_walk_enter(&walk, a->local, strlen(a->local), &e);
	if (rc != 0)
		return rc;
	text = address_envelope(a, NULL, &e);
	ck_assert_msg(text != NULL, "%s", e.text);
	buf_addf(&out, "%s%s%s", out.len == 0 ? "" : " ",
	    a->domain == NULL ? "=" : "", text);
	free(text);
	return 0;
}

/* What a name leads to, joined, in out. */
static int
expand(const char *name)
{
	struct address a;
	bool final;
	int rc;

	buf_clear(&out);
	rc = alias_walk_enter(&walk, name, strlen(name), &e);
	if (rc == 0)
		buf_adds(&out, "(none)");
	while (rc != -1 && (rc = alias_walk_next(&walk, &a, &final, &e)) == 1) {
		rc = consider(&a, final);
		address_release(&a);
	}
	if (rc == -1)
		alias_walk_abandon(&walk);
	else
		alias_walk_commit(&walk);
	return rc;
}

static const struct {
	const char *text, *name, *leads_to;
} forms[] = {
	{ "root: a@b\n", "root", "a@b" },
	{ "root: a@b", "root", "a@b" },
	{ "root:a@b\n", "root", "a@b" },
	{ "root : a@b \n", "root", "a@b" },
	{ "root:\ta@b\t\n", "root", "a@b" },
	{ "root: a@b\r\n", "root", "a@b" },
	{ "\xef\xbb\xbfroot: a@b\n", "root", "a@b" },
	{ "Root: a@b\n", "rOOT", "a@b" },
	{ "r\303\266\303\266t: a@b\n", "r\303\266\303\266t", "a@b" },
	{ "root: a@b\n", "roo", "(none)" },
	{ "root: a@b\n", "roott", "(none)" },
	{ "root: a@b\n", "", "(none)" },
	{ "", "root", "(none)" },
	{ "# root: a@b\n", "root", "(none)" },
	{ "  # root: a@b\n", "root", "(none)" },
	{ "x: a@b\n  # root: c@d\n", "x", "a@b" },
	/* Lists, and lines that go on. */
	{ "root: a@b,c@d , e@f\n", "root", "a@b c@d e@f" },
	{ "root: a@b,\n  c@d,\n\te@f\n", "root", "a@b c@d e@f" },
	{ "root: a@b\n  , c@d\n", "root", "a@b c@d" },
	{ "root:\n  a@b\n", "root", "a@b" },
	{ "root: a@b,\r\n  c@d\r\n", "root", "a@b c@d" },
	{ "root: a@b,\n\n  c@d\n", "root", "a@b c@d" },
	{ "root: a@b,\n   \n  c@d\n", "root", "a@b c@d" },
	{ "root: a@b,\n# x: y\n  c@d\n", "root", "a@b c@d" },
	{ "root: a@b,\n  # x, y@z\n  c@d\n", "root", "a@b c@d" },
	{ "root: a@b, \\\nc@d\n", "root", "a@b c@d" },
	{ "root: a@b, \\\r\nc@d\r\nx: y@z\n", "root", "a@b c@d" },
	{ "root: a@b, \\\n#c@d\n", "root", "a@b #c@d" },
	{ "root: \\\na@b\n", "root", "a@b" },
	{ "root: a@b \\\n\nx: c@d\n", "x", "c@d" },
	{ "root: a@b \\", "root", "a@b" },
	{ "root: ,, a@b ,,\n", "root", "a@b" },
	{ "w: x@y\nroot: a@b\nz: q@r\n", "root", "a@b" },
	/* Quotes. */
	{ "\"a b\": c@d\n", "a b", "c@d" },
	{ "\"A:b@c#d\" : e@f\n", "a:B@c#d", "e@f" },
	{ "\"a\\\"b\\\\c\": d@e\n", "a\"b\\c", "d@e" },
	{ "\"root\": a@b\n", "root", "a@b" },
	{ "root: \"a b\"@c, \"d,e\"@f\n", "root", "\"a b\"@c \"d,e\"@f" },
	{ "root: \"a\\\"b,c\"@d, e@f\n", "root", "\"a\\\"b,c\"@d e@f" },
	{ "root: Bob (x, (y) z) <a@b>, c@d\n", "root", "a@b c@d" },
	{ "root: \"Bob, the\" <a@b>, c@d\n", "root", "a@b c@d" },
	{ "root: \"a b\"\n", "root", "=\"a b\"" },
	{ "root: \"x y\"\n\"x y\": a@b\n", "root", "a@b" },
	/* Names that lead to names. */
	{ "root: bob\n", "root", "=bob" },
	{ "a: b\nb: c\nc: d@e\n", "a", "d@e" },
	{ "a: B\nb: C\nc: d@e\n", "A", "d@e" },
	{ "c: d@e\nb: c\na: b\n", "a", "d@e" },
	{ "a: b, c\nb: x@y\nc: x@z\n", "a", "x@y x@z" },
	{ "a: b, c\nb: d\nc: d\nd: x@y\n", "a", "x@y" },
	{ "a: b, b, b\nb: x@y\n", "a", "x@y" },
	{ "root: root\n", "root", "=root" },
	{ "root: root, a@b\n", "root", "=root a@b" },
	{ "root: Root, a@b\n", "ROOT", "=Root a@b" },
	{ "a: root\nroot: root, a@b\n", "a", "=root a@b" },
	{ "root: \\root, a@b\n", "root", "=root a@b" },
	{ "root: \\bob\nbob: a@b\n", "root", "=bob" },
	{ "root: \\bob@x\n", "root", "bob@x" },
	{ "root: \\ bob\nbob: a@b\n", "root", "=bob" },
	{ "a: \\b\nb: \\a\n", "a", "=b" },
	{ "owner-l: a@b\nl: c@d\n", "l", "c@d" },
	{ "owner-l: a@b\nl: c@d\n", "owner-l", "a@b" },
	/* The first of a name counts. */
	{ "root: a@b\nROOT: c@d\n", "root", "a@b" },
	{ "root: a@b\nroot c@d\n", "root", "a@b" },
	/* What others' lines look like does not matter. */
	{ "root: a@b\nx c@d\n: e@f\n\"y\ny:\n\001: q\n", "root", "a@b" },
	{ "  x\n\\\nroot: a@b\n", "root", "a@b" },
	{ "  continued: x@y\nroot: a@b\n", "root", "a@b" },
};

START_TEST(form)
{
	read_text(forms[_i].text);
	ck_assert_msg(expand(forms[_i].name) == 0, "%s", e.text);
	ck_assert_str_eq(out.data, forms[_i].leads_to);
}
END_TEST

static const struct {
	const char *text, *name;
	enum error_class class;
	enum alias_fault fault;
	const char *said;
} faults[] = {
	{ "root a@b\n", "root", ERR_CONFIG, ALIAS_MALFORMED,
	    "F:1: alias 'root': a ':' should" },
	{ "#\n\nroot\n", "root", ERR_CONFIG, ALIAS_MALFORMED, "F:3: " },
	{ "root a@b\nroot: c@d\n", "root", ERR_CONFIG, ALIAS_MALFORMED,
	    "F:1: " },
	{ "x: y@z,\n a\nroot:\n", "root", ERR_CONFIG, ALIAS_MALFORMED,
	    "F:3: alias 'root': an address" },
	{ "root: # x\n", "root", ERR_CONFIG, ALIAS_MALFORMED, "F:1: " },
	{ "root: ,\n", "root", ERR_CONFIG, ALIAS_MALFORMED, "F:1: " },
	{ "root: , ,\n ,\n", "root", ERR_CONFIG, ALIAS_MALFORMED, "F:1: " },
	{ "root b: a@b\n", "root", ERR_CONFIG, ALIAS_MALFORMED,
	    "white space" },
	{ "\"root: a@b\n", "root", ERR_CONFIG, ALIAS_MALFORMED, "quote" },
	{ "\"root\" a@b\n", "root", ERR_CONFIG, ALIAS_MALFORMED, "':'" },
	{ "\"root\"\n", "root", ERR_CONFIG, ALIAS_MALFORMED, "':'" },
	{ "root@x: a@b\n", "root@x", ERR_CONFIG, ALIAS_MALFORMED,
	    "name of this host" },
	{ "root: a b\n", "root", ERR_CONFIG, ALIAS_MALFORMED,
	    "F:1: alias 'root': cannot parse" },
	{ "x: y@z\nroot: c@d,\n a@\n", "root", ERR_CONFIG, ALIAS_MALFORMED,
	    "F:2: alias 'root': " },
	{ "root: \"a@b\n", "root", ERR_CONFIG, ALIAS_MALFORMED, "no end" },
	{ "root: a@b # me\n", "root", ERR_CONFIG, ALIAS_MALFORMED, "F:1: " },
	{ "root: \\\n", "root", ERR_CONFIG, ALIAS_MALFORMED, "F:1: " },
	{ "root: a@b, <>\n", "root", ERR_CONFIG, ALIAS_MALFORMED, "F:1: " },
	{ "root: a@b\001\n", "root", ERR_CONFIG, ALIAS_MALFORMED, "F:1: " },
	{ "root: a@b, \377\n", "root", ERR_CONFIG, ALIAS_MALFORMED, "UTF-8" },
	/* Behind another name it is that line that is named. */
	{ "root: bob\nbob x@y\n", "root", ERR_CONFIG, ALIAS_MALFORMED,
	    "F:2: alias 'bob': " },
	{ "root: a@b, bob\nbob: x y\n", "root", ERR_CONFIG, ALIAS_MALFORMED,
	    "F:2: alias 'bob': " },
	{ "a: b\nb: a\n", "a", ERR_CONFIG, ALIAS_LOOP,
	    "F:1: aliases lead to each other in a loop: 'a' -> 'b' -> 'a'" },
	{ "x: a\na: b@c, b\nb: C\nc: A\n", "x", ERR_CONFIG, ALIAS_LOOP,
	    "F:2: aliases lead to each other in a loop: 'a' -> 'b' -> 'c' ->"
	    " 'a'" },
	{ "root: |cat\n", "root", ERR_CONFIG, ALIAS_REFUSED, "'|cat'" },
	{ "root: \"|cat a, b\", c@d\n", "root", ERR_CONFIG, ALIAS_REFUSED,
	    "F:1: alias 'root': it leads to a command" },
	{ "root: a@b, /dev/null\n", "root", ERR_CONFIG, ALIAS_REFUSED,
	    "'/dev/null'" },
	{ "root: \"/var/mail/x y\"\n", "root", ERR_CONFIG, ALIAS_REFUSED,
	    "to a file" },
	{ "root: :include:/x\n", "root", ERR_CONFIG, ALIAS_REFUSED,
	    "':include:/x'" },
	{ "root::INCLUDE:/x\n", "root", ERR_CONFIG, ALIAS_REFUSED,
	    "another file" },
	{ "root: \":include:/x y\"\n", "root", ERR_CONFIG, ALIAS_REFUSED,
	    "another file" },
	{ "root: :blackhole:\n", "root", ERR_CONFIG, ALIAS_REFUSED,
	    "throws" },
	{ "root: :fail: no, (sorry\n", "root", ERR_RECIPIENT, ALIAS_REFUSED,
	    "no, (sorry" },
	{ "root: :unknown:\n", "root", ERR_RECIPIENT, ALIAS_REFUSED,
	    ":unknown:" },
	{ "root: :defer: wait\n", "root", ERR_TEMPORARY, ALIAS_REFUSED,
	    "wait" },
	{ "root: bob\nbob: |x\n", "root", ERR_CONFIG, ALIAS_REFUSED,
	    "F:2: alias 'bob': " },
};

START_TEST(fault)
{
	read_text(faults[_i].text);
	ck_assert_msg(expand(faults[_i].name) == -1, "'%s'", out.data);
	ck_assert_int_eq(e.class, faults[_i].class);
	ck_assert_int_eq(walk.fault, faults[_i].fault);
	ck_assert_msg(strstr(e.text, faults[_i].said) != NULL, "%s", e.text);
}
END_TEST

START_TEST(nul)
{
	static const char text[] = "root: a@b\0c\nx\0y: z@w\nv: a@b\n";

	read_bytes(text, sizeof text - 1);
	ck_assert_int_eq(expand("root"), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "F:1: alias 'root': a NUL"));
	ck_assert_int_eq(expand("v"), 0);
	ck_assert_str_eq(out.data, "a@b");
}
END_TEST

/* A line without a name is in the list, and nobody needs it. */
START_TEST(nameless)
{
	read_text(" x\n: a@b\nroot: c@d\n");
	ck_assert_uint_eq(aliases.count, 3);
	ck_assert_uint_eq(aliases.list[0].name_len, 0);
	ck_assert_ptr_nonnull(alias_problem(&aliases.list[0]));
	ck_assert_int_eq(alias_walk_enter_at(&walk, 1, &e), -1);
	ck_assert_str_eq(e.text, "F:2: a name should stand before the ':'");
	ck_assert_ptr_null(alias_problem(&aliases.list[2]));
	ck_assert_uint_eq(aliases.list[2].line, 3);
}
END_TEST

/* Expanded once, everybody is in; abandoned, nobody is. */
START_TEST(commit_and_abandon)
{
	read_text("a: x@y, b\nb: z@w\nbad: b, |x\nc: b, a\n");
	ck_assert_int_eq(expand("bad"), -1);
	ck_assert_int_eq(expand("b"), 0);
	ck_assert_str_eq(out.data, "z@w");
	ck_assert_int_eq(expand("b"), 0);
	ck_assert_str_eq(out.data, "");
	ck_assert_int_eq(expand("a"), 0);
	ck_assert_str_eq(out.data, "x@y");
	ck_assert_int_eq(expand("bad"), -1);
	ck_assert_int_eq(expand("c"), 0);
	ck_assert_str_eq(out.data, "");
}
END_TEST

/* Behind an error a walk can go on: so every fault of a file is found. */
START_TEST(goes_on)
{
	struct address a;
	size_t good = 0, bad = 0;
	bool final;
	int rc;

	read_text("a: |x, b@c, d e, :include:/x, f@g\n");
	ck_assert_int_eq(alias_walk_enter(&walk, "a", 1, &e), 1);
	while ((rc = alias_walk_next(&walk, &a, &final, &e)) != 0) {
		good += rc == 1 ? 1 : 0;
		bad += rc == -1 ? 1 : 0;
		if (rc == 1)
			address_release(&a);
	}
	ck_assert_uint_eq(good, 2);
	ck_assert_uint_eq(bad, 3);
}
END_TEST

START_TEST(blame)
{
	struct address a;
	bool final;

	read_text("#\na: b@c\n");
	error_set(&e, ERR_MESSAGE, "it's wrong");
	alias_walk_blame(&walk, &e);
	ck_assert_str_eq(e.text, "it's wrong");
	ck_assert_int_eq(alias_walk_enter(&walk, "a", 1, &e), 1);
	ck_assert_int_eq(alias_walk_next(&walk, &a, &final, &e), 1);
	alias_walk_blame(&walk, &e);
	ck_assert_int_eq(e.class, ERR_CONFIG);
	ck_assert_str_eq(e.text, "F:2: alias 'a': it's wrong");
	address_release(&a);
}
END_TEST

#define MANY	100000

/* A chain as long as the file: no stack is used up, and it takes no time. */
START_TEST(chain)
{
	struct buf text;
	size_t i;

	buf_init(&text, ALIAS_FILE_MAX);
	for (i = 0; i < MANY; i++)
		buf_addf(&text, "n%zu: n%zu\n", i, i + 1);
	buf_addf(&text, "n%d: end@x\n", MANY);
	read_text(text.data);
	ck_assert_uint_eq(aliases.count, MANY + 1);
	ck_assert_msg(expand("n0") == 0, "%s", e.text);
	ck_assert_str_eq(out.data, "end@x");
	buf_release(&text);
}
END_TEST

START_TEST(long_loop)
{
	struct buf text;
	size_t i;

	buf_init(&text, ALIAS_FILE_MAX);
	for (i = 0; i < MANY; i++)
		buf_addf(&text, "n%zu: n%zu\n", i, (i + 1) % MANY);
	read_text(text.data);
	ck_assert_int_eq(expand("n7"), -1);
	ck_assert_int_eq(walk.fault, ALIAS_LOOP);
	ck_assert_ptr_nonnull(strstr(e.text, "'n7' -> 'n8' -> "));
	ck_assert_ptr_nonnull(strstr(e.text, "... -> 'n7': "));
	buf_release(&text);
}
END_TEST

/* Everybody leads to everybody behind: what is expanded is so once. */
START_TEST(lattice)
{
	struct buf text;
	size_t i;

	buf_init(&text, ALIAS_FILE_MAX);
	for (i = 0; i < 60; i++)
		buf_addf(&text, "l%zu: l%zu, r%zu\nr%zu: l%zu, r%zu\n", i,
		    i + 1, i + 1, i, i + 1, i + 1);
	buf_adds(&text, "l60: x@y\nr60: z@w\n");
	read_text(text.data);
	ck_assert_int_eq(expand("l0"), 0);
	ck_assert_str_eq(out.data, "x@y z@w");
	buf_release(&text);
}
END_TEST

START_TEST(long_list)
{
	struct buf text;
	size_t i;

	buf_init(&text, ALIAS_FILE_MAX);
	buf_adds(&text, "all:");
	for (i = 0; i < MANY; i++)
		buf_addf(&text, " u%zu@example.org,\n", i);
	read_text(text.data);
	ck_assert_uint_eq(aliases.count, 1);
	ck_assert_int_eq(expand("ALL"), 0);
	ck_assert_ptr_nonnull(strstr(out.data, " u99999@example.org"));
	buf_release(&text);
}
END_TEST

/* The case of names is US-ASCII's in every locale; a hash is not trusted. */
START_TEST(every_name_is_found)
{
	struct buf text;
	char name[32];
	size_t i;

	buf_init(&text, ALIAS_FILE_MAX);
	for (i = 0; i < MANY; i++)
		buf_addf(&text, "Name%zu: a%zu@b\n", i, i);
	read_text(text.data);
	for (i = 0; i < MANY; i += 997) {
		snprintf(name, sizeof name, "nAME%zu", i);
		ck_assert_int_eq(expand(name), 0);
		snprintf(name, sizeof name, "a%zu@b", i);
		ck_assert_str_eq(out.data, name);
	}
	buf_release(&text);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("alias");
	t = tcase_create("alias");
	tcase_add_checked_fixture(t, start, finish);
	tcase_add_loop_test(t, form, 0, COUNT(forms));
	tcase_add_loop_test(t, fault, 0, COUNT(faults));
	tcase_add_test(t, nul);
	tcase_add_test(t, nameless);
	tcase_add_test(t, commit_and_abandon);
	tcase_add_test(t, goes_on);
	tcase_add_test(t, blame);
	tcase_add_test(t, chain);
	tcase_add_test(t, long_loop);
	tcase_add_test(t, lattice);
	tcase_add_test(t, long_list);
	tcase_add_test(t, every_name_is_found);
	suite_add_tcase(s, t);
	return run_suite(s);
}
