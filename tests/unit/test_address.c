/* SPDX-License-Identifier: ISC */
/*
 * Addresses: what is read, what is refused, where they stand, and their form
 * in an envelope.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "mail/address.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))

/* Text, and the envelope forms it gives, with blanks between them. */
static const struct {
	const char *text;
	const char *expect;
} lists[] = {
	{ "", "" },
	{ " \t\r\n ", "" },
	{ "a@b", "a@b" },
	{ "Alice@Example.ORG", "Alice@Example.ORG" },
	{ "<a@b>", "a@b" },
	{ "Alice <a@b>", "a@b" },
	{ "Alice<a@b>", "a@b" },
	{ "Alice Example <a@b>", "a@b" },
	{ "\"Doe, John\" <j@x>", "j@x" },
	{ "Doe, John <j@x>", "Doe j@x" },
	{ "John Q. Public <a@b>", "a@b" },
	{ "J. R. \"Bob\" D. <a@b>", "a@b" },
	{ ".John <a@b>", "a@b" },
	{ "[JIRA] Bob <a@b>", "a@b" },
	{ "a@b <c@d>", "c@d" },
	{ "\"<x@y>\" <c@d>", "c@d" },
	{ "=?UTF-8?Q?J=C3=B6rg?= <a@b>", "a@b" },
	{ "root", "root" },
	{ "Bob <root>", "root" },
	{ "root, daemon", "root daemon" },
	{ "a@b,c@d", "a@b c@d" },
	{ "a@b ,\r\n\tc@d", "a@b c@d" },
	{ "a@b,\n c@d", "a@b c@d" },
	{ ",,a@b,, ,c@d,", "a@b c@d" },
	{ ", (nobody) ,", "" },
	{ "a@b\r\n ", "a@b" },
	/* comments */
	{ "a@b (Alice)", "a@b" },
	{ "(x) a (x) . (x) b (x) @ (x) c (x) . (x) d (x)", "a.b@c.d" },
	{ "(x)A(x)<(x)a(x)@(x)b(x)>(x)", "a@b" },
	{ "a(,)@b(\\))", "a@b" },
	{ "a@b(one(two)three(\\(four))", "a@b" },
	{ "a@b(\")", "a@b" },
	{ "a@b(x\r\n y)", "a@b" },
	{ "(caf\351) a@b", "a@b" },
	/* quoted strings */
	{ "\"a b\"@c", "\"a b\"@c" },
	{ "\"ab\"@c", "ab@c" },
	{ "\"a\\b\"@c", "ab@c" },
	{ "\"a\\\"b\"@c", "\"a\\\"b\"@c" },
	{ "\"a\\\\b\"@c", "\"a\\\\b\"@c" },
	{ "\"a@b\"@c", "\"a@b\"@c" },
	{ "\"a>b\"@c", "\"a>b\"@c" },
	{ "\"a(b\"@c", "\"a(b\"@c" },
	{ "\"a,b\"@c, d@e", "\"a,b\"@c d@e" },
	{ "\"a\"b@c <d@e>", NULL },
	{ "\"a\".\"b\"@c", "a.b@c" },
	{ "\"a\" . b@c", "a.b@c" },
	{ "\"a\r\n b\"@c", "\"a b\"@c" },
	{ "\"caf\351\" <a@b>", "a@b" },
	{ "caf\351 <a@b>", "a@b" },
	{ "\" \"@c", "\" \"@c" },
	/* dots that the RFC does not have */
	{ "a..b@docomo.ne.jp", "\"a..b\"@docomo.ne.jp" },
	{ "a.@docomo.ne.jp", "\"a.\"@docomo.ne.jp" },
	{ ".a@docomo.ne.jp", "\".a\"@docomo.ne.jp" },
	{ "<a..@docomo.ne.jp>", "\"a..\"@docomo.ne.jp" },
	{ "\".\"@c", "\".\"@c" },
	/* groups */
	{ "undisclosed-recipients:;", "" },
	{ "undisclosed-recipients: ;", "" },
	{ "Friends: a@b, C <c@d>; e@f", "a@b c@d e@f" },
	{ "Friends: a@b, C <c@d>;, e@f", "a@b c@d e@f" },
	{ "\"My, friends\": a@b,,c@d,;", "a@b c@d" },
	{ "A group (x) : (y) ; (z)", "" },
	{ "a: root;, b: c@d;", "root c@d" },
	{ "a: b: c@d;, e@f;, g@h", "c@d e@f g@h" },
	{ "a: b@c, d@e", "b@c d@e" },
	{ "undisclosed-recipients:", "" },
	/* routes */
	{ "<@a,@b:c@d>", "c@d" },
	{ "<@a:c@d>", "c@d" },
	{ "X <,,@a.b , , @[1.2.3.4] (x) ,: c@d>", "c@d" },
	{ "<@a:c>", "c" },
	/* literals */
	{ "a@[127.0.0.1]", "a@[127.0.0.1]" },
	{ "a@[ 127.0.0.1\r\n ]", "a@[127.0.0.1]" },
	{ "<a@[IPv6:::1]>", "a@[IPv6:::1]" },
	{ "a@[x-tag:any!thing]", "a@[x-tag:any!thing]" },
	/* other words of atoms */
	{ "!#$%&'*+-/=?^_`{|}~@b", "!#$%&'*+-/=?^_`{|}~@b" },
	{ "a%b@c", "a%b@c" },
	{ "h!u", "h!u" },
	{ "-oQ/x@y", "-oQ/x@y" },
	{ "a@b_c.d", "a@b_c.d" },
	/* UTF-8 */
	{ "j\303\266rg@example.org", "j\303\266rg@example.org" },
	{ "j\303\266rg@b\303\274cher.example",
	    "j\303\266rg@b\303\274cher.example" },
	{ "joerg@b\303\274cher.example", "joerg@xn--bcher-kva.example" },
	{ "joerg@fa\303\237.example", "joerg@xn--fa-hia.example" },
	{ "a b@b\303\274cher.example <\"a b\"@b\303\274cher.example>", NULL },
	{ "\"a b\"@b\303\274cher.example", "\"a b\"@xn--bcher-kva.example" },
	{ "\"j\303\266 rg\"@b", "\"j\303\266 rg\"@b" },
};

/* What is refused, and what its text must quote. */
static const struct {
	const char *text;
	const char *quoted;
} refused[] = {
	{ "a@b@c", "a@b@c" },
	{ "@", "'@'" },
	{ "@b", "'@b'" },
	{ "a@", "'a@'" },
	{ "a@ ", "'a@ '" },
	{ "<>", "'<>'" },
	{ "Bob <>", "Bob <>" },
	{ "< >", "< >" },
	{ "<@b>", "<@b>" },
	{ "<@a:>", "<@a:>" },
	{ "<@a:@b>", "<@a:@b>" },
	{ "<@a", "<@a" },
	{ "<@a b:c@d>", "<@a b" },
	{ "a b", "a b" },
	{ "a b@c", "a b@c" },
	{ "\"a\"b@c", "\"a\"b@c" },
	{ "a\"b\"@c", "a\"b\"@c" },
	{ "<a b@c>", "<a b@c>" },
	{ "Bob <a@b", "Bob <a@b" },
	{ "<a", "<a" },
	{ "Bob <a@b <c@d>", "<a@b <c" },
	{ "<<a@b>>", "<<a@b>>" },
	{ "a@b>", "a@b>" },
	{ "a@b> SIZE=9 <", "a@b> SIZE=9 <" },
	{ "a@b SIZE=9", "a@b SIZE" },
	{ "<a@b> SIZE=9", "SIZE" },
	{ "<a@b> <c@d>", "<c@d>" },
	{ "\"a@b", "\"a@b" },
	{ "\"a\\", "\"a\\" },
	{ "\"a\\\"@b", "\"a\\\"@b" },
	{ "(a@b", "(a@b" },
	{ "a@b (x(y)", "a@b (x(y)" },
	{ "a@b (x\\)", "(x\\)" },
	{ "a@b )", "a@b )" },
	{ "a@b.", "a@b." },
	{ "a@.b", "a@.b" },
	{ "a@b..c", "a@b..c" },
	{ "a@\"b\"", "a@\"b\"" },
	{ "a@[1.2.3.4", "a@[1.2" },
	{ "a@[1[2]", "[1[2" },
	{ "a@[1\\2]", "1\\2" },
	{ "a@[\303\266]", "a@[" },
	{ "a@[1]b", "[1]b" },
	{ ".", "'.'" },
	{ "...@b", "...@b" },
	{ "[a]", "[a]" },
	{ "a\\@b", "a\\@b" },
	{ ";", "';'" },
	{ "a@b; c@d", "a@b; c@d" },
	{ ": a@b;", ": a@b;" },
	{ "a@b: c@d;", "a@b: c" },
	{ "a@b\r\n", "a@b\\x0D" },
	{ "a@b\n", "a@b\\x0A" },
	{ "a@b\r", "a@b\\x0D" },
	{ "a@b\r c", "a@b\\x0D" },
	{ "a@b\r\nc@d", "a@b\\x0D" },
	{ "a@b,\nc@d", "'\\x0Ac@d'" },
	{ "\r\na@b", "\\x0D\\x0Aa@b" },
	{ "a\nb@c", "a\\x0Ab" },
	{ "\"a\nb\"@c", "a\\x0Ab" },
	{ "\"a\\\nb\"@c", "\\x0Ab" },
	{ "\"a\tb\"@c", "a\\x09b" },
	{ "a@b (x\ny)", "x\\x0Ay" },
	{ "a@b (x\033y)", "x\\x1By" },
	{ "\"x\033\" <a@b>", "x\\x1B" },
	{ "a\177@b", "a\\x7F" },
	{ "a\001@b", "a\\x01" },
	{ "a@b\001", "a@b\\x01" },
	{ "a@[1\0012]", "1\\x01" },
	{ "caf\351@b", "caf\\xE9@b" },
	{ "\"caf\351\"@b", "caf\\xE9" },
	{ "a@caf\351", "a@caf\\xE9" },
	{ "<caf\351>", "caf\\xE9" },
	{ "\355\240\200@b", "@b" },
};

/* Exactly one: these are lists or groups. */
static const char *const not_one[] = {
	"", " ", "(x)", "a@b,", ",a@b", "a@b, c@d", "a: b@c;", "a:;", "a:b@c",
	"a@b;", "\"\r\n"
};

/* Text, and the addr-spec's place. */
static const struct {
	const char *text;
	const char *spec;
} places[] = {
	{ "a@b", "a@b" },
	{ " (x) a (y) . b @ c (z) ", "a (y) . b @ c" },
	{ "A <a@b>", "a@b" },
	{ "A < (x) a@b (y) > (z)", "a@b" },
	{ "root (x)", "root" },
	{ "\"r t\" (x)", "\"r t\"" },
	{ "a . (x) (y)", "a ." },
	{ "<@a,@b:c@d>", "c@d" },
	{ "<@a: (x) c (y) >", "c" },
	{ "a@[ 1.2.3.4 ] ", "a@[ 1.2.3.4 ]" },
	{ "x@y <a@b>", "a@b" },
};

/* Envelope forms that must not be. */
static const struct {
	const char *local;
	const char *domain;
} unfit[] = {
	{ "", "b" }, { "", NULL }, { "a\nb", "b" }, { "a\177", NULL },
	{ "caf\351", "b" }, { "a", "" }, { "a", "b." }, { "a", ".b" },
	{ "a", "b..c" }, { "a", "-b" }, { "a", "b-" }, { "a", "b c" },
	{ "a", "b>" }, { "a", "b!c" }, { "a", "[" }, { "a", "[]" },
	{ "a", "[1.2.3]" }, { "a", "[1.2.3.256]" }, { "a", "[IPv6:1]" },
	{ "a", "[x:]" }, { "a", "[:x]" }, { "a", "[x-:y]" },
	{ "a", "[x:y>]" }, { "a", "[x:\"]" }, { "a", "[x:y z]" },
	{ "a", "[1.2.3.4" },
	{ "a", "caf\351" }, { "a", "b\r\n" },
	/* full-width '>' maps to one */
	{ "a", "b\357\274\236c" }, { "\303\266", "b\357\274\236c" },
	{ "\303\266", "\303\274 b" }, { "\303\266", "-\303\274" },
};

static const char *const domains[] = {
	"b", "B.C", "1.2", "b-c.d", "b_c", "_dmarc.b", "b\303\274cher",
	"[1.2.3.4]", "[IPv6:2001:db8::1]", "[ipv6:::]", "[tag:x]"
};

/* The envelope forms of a list, with blanks between. */
static char *
joined(const struct address_list *l)
{
	struct error e;
	struct buf out;
	char *s;
	size_t i;

	buf_init(&out, 65536);
	for (i = 0; i < l->count; i++) {
		s = address_envelope(&l->list[i], NULL, &e);
		ck_assert_msg(s != NULL, "%s", e.text);
		if (i > 0)
			buf_addc(&out, ' ');
		buf_adds(&out, s);
		free(s);
	}
	return buf_steal(&out);
}

START_TEST(list)
{
	struct address_list l;
	struct error e;
	char *got;
	int rc;

	address_list_init(&l);
	rc = address_list_parse(&l, lists[_i].text, strlen(lists[_i].text),
	    &e);
	if (lists[_i].expect == NULL) {
		ck_assert_int_eq(rc, -1);
	} else {
		ck_assert_msg(rc == 0, "%s: %s", lists[_i].text, e.text);
		got = joined(&l);
		ck_assert_str_eq(got, lists[_i].expect);
		free(got);
	}
	address_list_release(&l);
}
END_TEST

START_TEST(refuses)
{
	struct address_list l;
	struct address a;
	struct error e;
	size_t len;

	len = strlen(refused[_i].text);
	address_list_init(&l);
	ck_assert_int_eq(address_list_parse(&l, refused[_i].text, len, &e),
	    -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	ck_assert_msg(strstr(e.text, refused[_i].quoted) != NULL, "%s",
	    e.text);
	address_list_release(&l);
	ck_assert_int_eq(address_parse(&a, refused[_i].text, len, &e), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	ck_assert_int_eq(address_list_parse(&l, refused[_i].text, len, NULL),
	    -1);
	address_list_release(&l);
}
END_TEST

START_TEST(refuses_nul)
{
	static const char *const texts[] = {
		"a\0b@c", "a@b\0c", "a@b\0 ", "\0a@b ", "\"a\0\"@b",
		"a (\0)", "a@[\0]x", "<a@b\0", "<\0a@b>", "\"\\\0\"@b"
	};
	static const size_t lens[] = { 5, 5, 5, 5, 6, 5, 6, 5, 6, 6 };
	struct address_list l;
	struct error e;
	size_t i;

	for (i = 0; i < COUNT(texts); i++) {
		address_list_init(&l);
		ck_assert_int_eq(address_list_parse(&l, texts[i], lens[i],
		    &e), -1);
		ck_assert_ptr_nonnull(strstr(e.text, "\\x00"));
		address_list_release(&l);
	}
}
END_TEST

START_TEST(refuses_all_but_one)
{
	struct address a;
	struct error e;

	ck_assert_int_eq(address_parse(&a, not_one[_i], strlen(not_one[_i]),
	    &e), -1);
	ck_assert_int_eq(e.class, ERR_MESSAGE);
}
END_TEST

START_TEST(one)
{
	static const char text[] = " Alice (x) <\"a b\"@c> (y)";
	struct address a;
	struct error e;

	ck_assert_int_eq(address_parse(&a, text, strlen(text), &e), 0);
	ck_assert_str_eq(a.local, "a b");
	ck_assert_str_eq(a.domain, "c");
	address_release(&a);
	ck_assert_int_eq(address_parse(&a, "root", 4, &e), 0);
	ck_assert_str_eq(a.local, "root");
	ck_assert_ptr_null(a.domain);
	address_release(&a);
	ck_assert_int_eq(address_parse(&a, "\"\"@c", 4, &e), 0);
	ck_assert_str_eq(a.local, "");
	address_release(&a);
}
END_TEST

START_TEST(place)
{
	const char *text = places[_i].text;
	struct address a;
	struct error e;
	char *spec;

	ck_assert_int_eq(address_parse(&a, text, strlen(text), &e), 0);
	spec = xstrndup(text + a.start, a.end - a.start);
	ck_assert_str_eq(spec, places[_i].spec);
	free(spec);
	address_release(&a);
}
END_TEST

START_TEST(keeps_what_came_before_an_error)
{
	static const char text[] = "a@b, g: c@d; e@f@g, h@i";
	struct address_list l;
	struct error e;

	address_list_init(&l);
	ck_assert_int_eq(address_list_parse(&l, text, strlen(text), &e), -1);
	ck_assert_uint_eq(l.count, 2);
	ck_assert_str_eq(l.list[1].local, "c");
	ck_assert_int_eq(address_list_parse(&l, "x@y", 3, &e), 0);
	ck_assert_uint_eq(l.count, 3);
	address_list_release(&l);
	ck_assert_uint_eq(l.count, 0);
}
END_TEST

START_TEST(envelope_refuses)
{
	struct address a = { 0 };
	struct error e;
	char *domain;

	a.local = xstrdup(unfit[_i].local);
	domain = unfit[_i].domain == NULL ? NULL : xstrdup(unfit[_i].domain);
	a.domain = domain;
	ck_assert_ptr_null(address_envelope(&a, NULL, &e));
	ck_assert_int_eq(e.class, ERR_MESSAGE);
	ck_assert_ptr_nonnull(strstr(e.text, "cannot stand in an envelope"));
	a.domain = NULL;
	if (domain != NULL)
		ck_assert_ptr_null(address_envelope(&a, domain, &e));
	address_release(&a);
	free(domain);
}
END_TEST

/* Appends n times s. */
static void
repeat(struct buf *b, const char *s, size_t n)
{
	while (n-- > 0)
		buf_adds(b, s);
}

static char *
envelope_of(size_t local, size_t labels, size_t label)
{
	struct address a;
	struct error e;
	struct buf b;
	char *s;

	buf_init(&b, 1 << 22);
	repeat(&b, "l", local);
	buf_addc(&b, '@');
	while (labels-- > 0) {
		repeat(&b, "d", label);
		if (labels > 0)
			buf_addc(&b, '.');
	}
	ck_assert_int_eq(address_parse(&a, b.data, b.len, &e), 0);
	s = address_envelope(&a, NULL, &e);
	ck_assert(s == NULL || strcmp(s, b.data) == 0);
	ck_assert(s != NULL || e.class == ERR_MESSAGE);
	address_release(&a);
	buf_release(&b);
	return s;
}

START_TEST(envelope_limits)
{
	static const struct {
		size_t local, labels, label;
		bool fits;
	} sizes[] = {
		{ 64, 1, 1, true }, { 65, 1, 1, true }, { 1, 1, 63, true },
		{ 1, 1, 64, false }, { 1, 4, 63, true }, { 1, 128, 1, true },
		{ 1, 129, 1, false }, { 257, 4, 63, false },
		{ 256, 4, 63, true }, { 510, 1, 1, true },
		{ 511, 1, 1, false }, { 1000000, 1, 1, false },
		{ 1, 1, 1000000, false },
	};
	char *s;
	size_t i;

	for (i = 0; i < COUNT(sizes); i++) {
		s = envelope_of(sizes[i].local, sizes[i].labels,
		    sizes[i].label);
		ck_assert_msg((s != NULL) == sizes[i].fits, "row %zu", i);
		free(s);
	}
}
END_TEST

START_TEST(envelope_fallback)
{
	struct address a;
	struct error e;
	char *s;

	ck_assert_int_eq(address_parse(&a, "root", 4, &e), 0);
	s = address_envelope(&a, NULL, &e);
	ck_assert_str_eq(s, "root");
	free(s);
	s = address_envelope(&a, "b\303\274cher.example", &e);
	ck_assert_str_eq(s, "root@xn--bcher-kva.example");
	free(s);
	address_release(&a);
	ck_assert_int_eq(address_parse(&a, "a@b", 3, &e), 0);
	s = address_envelope(&a, "c", &e);
	ck_assert_str_eq(s, "a@b");
	free(s);
	address_release(&a);
}
END_TEST

START_TEST(valid_domain)
{
	ck_assert(address_domain_valid(domains[_i]));
}
END_TEST

/* Parses head, n times unit, tail; returns how many addresses there were. */
static size_t
count_repeated(const char *head, const char *unit, size_t n,
    const char *tail, int expect)
{
	struct address_list l;
	struct error e;
	struct buf b;
	size_t count;

	buf_init(&b, 1 << 24);
	buf_adds(&b, head);
	repeat(&b, unit, n);
	buf_adds(&b, tail);
	address_list_init(&l);
	ck_assert_int_eq(address_list_parse(&l, b.data, b.len, &e), expect);
	count = l.count;
	address_list_release(&l);
	buf_release(&b);
	return count;
}

START_TEST(large)
{
	struct buf b;

	ck_assert_uint_eq(count_repeated("", "bob@example.org, ", 10000, "",
	    0), 10000);
	ck_assert_uint_eq(count_repeated("a@b (", "(", 500000, "", -1), 0);
	ck_assert_uint_eq(count_repeated("a@b", "(x)", 500000, "", 0), 1);
	ck_assert_uint_eq(count_repeated("a", "(x)", 300000, "@b", 0), 1);
	ck_assert_uint_eq(count_repeated("", "g:", 500000, "a@b", 0), 1);
	ck_assert_uint_eq(count_repeated("g:", ",", 1000000, ";", 0), 0);
	ck_assert_uint_eq(count_repeated("", "x ", 500000, "<a@b>", 0), 1);
	ck_assert_uint_eq(count_repeated("", "a.", 500000, "a@b", 0), 1);
	ck_assert_uint_eq(count_repeated("<", "@a,", 300000, ":b@c>", 0), 1);
	ck_assert_uint_eq(count_repeated("\"", "\\\"", 500000, "\"@b", 0), 1);
	ck_assert_uint_eq(count_repeated("a@", "b.", 500000, "c", 0), 1);
	ck_assert_uint_eq(count_repeated("a@b", "\r\n ", 300000, "", 0), 1);
	ck_assert_uint_eq(count_repeated("", "x ", 500000, "", -1), 0);
	ck_assert_uint_eq(count_repeated("", "<", 500000, "", -1), 0);
	buf_init(&b, 1 << 21);
	repeat(&b, ")", 500000);
	buf_adds(&b, "b");
	ck_assert_uint_eq(count_repeated("a@", "(", 500000, b.data, 0), 1);
	buf_release(&b);
}
END_TEST

START_TEST(too_many)
{
	ck_assert_uint_eq(count_repeated("", "a,", ADDRESS_LIST_MAX, "", 0),
	    ADDRESS_LIST_MAX);
	ck_assert_uint_eq(count_repeated("", "a,", ADDRESS_LIST_MAX, "a",
	    -1), ADDRESS_LIST_MAX);
}
END_TEST

/* A long text is quoted where the trouble is. */
START_TEST(quotes_the_spot)
{
	struct error e;
	struct buf b;
	struct address_list l;

	buf_init(&b, 1 << 20);
	repeat(&b, "bob@example.org, ", 1000);
	buf_adds(&b, "here is@wrong, ");
	repeat(&b, "bob@example.org, ", 1000);
	address_list_init(&l);
	ck_assert_int_eq(address_list_parse(&l, b.data, b.len, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "' here is@wrong, "));
	ck_assert_uint_lt(strlen(e.text), 300);
	address_list_release(&l);
	buf_release(&b);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("address");
	t = tcase_create("address");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, list, 0, COUNT(lists));
	tcase_add_loop_test(t, refuses, 0, COUNT(refused));
	tcase_add_test(t, refuses_nul);
	tcase_add_loop_test(t, refuses_all_but_one, 0, COUNT(not_one));
	tcase_add_test(t, one);
	tcase_add_loop_test(t, place, 0, COUNT(places));
	tcase_add_test(t, keeps_what_came_before_an_error);
	tcase_add_loop_test(t, envelope_refuses, 0, COUNT(unfit));
	tcase_add_test(t, envelope_limits);
	tcase_add_test(t, envelope_fallback);
	tcase_add_loop_test(t, valid_domain, 0, COUNT(domains));
	tcase_add_test(t, large);
	tcase_add_test(t, too_many);
	tcase_add_test(t, quotes_the_spot);
	suite_add_tcase(s, t);
	return run_suite(s);
}
