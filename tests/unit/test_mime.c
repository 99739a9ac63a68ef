/* SPDX-License-Identifier: ISC */
/*
 * Mending: what is found of a body, what comes out however it is cut, what is
 * refused and how that is said.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "runner.h"

#define COUNT(a)	(sizeof (a) / sizeof *(a))
#define OUT_MAX		(4 * 1024 * 1024)

static struct error e;
static struct header h;
static struct buf out;
static struct mime m;

static void
start(void)
{
	header_init(&h);
	buf_init(&out, OUT_MAX);
}

static void
finish(void)
{
	header_release(&h);
	buf_release(&out);
}

static void
feed(const char *body, size_t len, size_t piece, struct buf *to)
{
	size_t at, n;

	for (at = 0; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		mime_feed(&m, body + at, n, to);
	}
	mime_finish(&m, to);
}

/* Mends; the body comes into out, the header into h. */
static int
mend(const char *header, const char *body, size_t len, bool seven,
    size_t piece)
{
	int rc;

	header_release(&h);
	buf_clear(&out);
	ck_assert_int_eq(header_parse(&h, header, strlen(header), &e), 0);
	mime_init(&m, &h);
	feed(body, len, piece, NULL);
	rc = mime_judge(&m, seven, &e);
	if (rc == 0 && mime_rewrites(&m, seven)) {
		mime_write(&m, seven);
		feed(body, len, piece, &out);
	} else if (rc == 0)
		buf_add(&out, body, len);
	if (rc == 0)
		rc = mime_header(&m, &h, seven, &e);
	mime_release(&m);
	return rc;
}

static void
header_is_now(const char *want)
{
	struct buf have;

	buf_init(&have, OUT_MAX);
	ck_assert_int_eq(header_write(&h, &have), 0);
	ck_assert_str_eq(have.data, want);
	buf_release(&have);
}

#define MIXED	"Content-Type: multipart/mixed; boundary=b\r\n"
#define QP	"Content-Transfer-Encoding: quoted-printable\r\n"
#define B64	"Content-Transfer-Encoding: base64\r\n"

static const struct {
	const char *header;
	const char *body;
	bool seven;
	const char *want_header;
	const char *want;
} mended[] = {
	/* Nothing to do. */
	{ "A: b\r\n", "x\n", true, "A: b\r\n", "x\n" },
	{ MIXED, "--b\n\n\374\n--b--\n", false, MIXED,
	    "--b\n\n\374\n--b--\n" },
	/* Text that says nothing of itself. */
	{ "A: b\r\n", "\303\274\n", false, "A: b\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n", "\303\274\n" },
	{ "", "\374", true, "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=unknown-8bit\r\n" QP, "=FC" },
	{ "Content-Transfer-Encoding: 7bit\r\nMIME-Version: 1.0\r\n",
	    "\303\274\n", false, "Content-Transfer-Encoding: 8bit\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n", "\303\274\n" },
	{ "", "a\rb\r\n", false, "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n" QP,
	    "a=0Db\r\n" },
	/* Quoted-printable and its line ends. */
	{ "MIME-Version: 1.0\r\nContent-Type: text/html\r\n",
	    "a \n\t\r\n\r\n=\374 x", true, "MIME-Version: 1.0\r\n"
	    "Content-Type: text/html\r\n" QP,
	    "a=20\n=09\r\n\r\n=3D=FC x" },
	{ "Content-Type: text/x\r\n" QP, "a=3d\374=\nb=4\n=\r\n==3D= \n", true,
	    "Content-Type: text/x\r\n" QP,
	    "a=3d=FC=\nb=3D4\n=\r\n=3D=3D= \n" },
	/* Base64 and its end. */
	{ "Content-Type: a/b\r\n", "\374\n", true,
	    "Content-Type: a/b\r\nMIME-Version: 1.0\r\n" B64, "/Ao=\n" },
	{ MIXED, "--b\nContent-Type: a/b\n\n\374\n\n--b--", true, MIXED,
	    "--b\nContent-Type: a/b\r\n" B64 "\n/Ao=\n--b--" },
	{ "Content-Type: a/b\r\n" B64, "YW\374Jj\nYQ\r==", true,
	    "Content-Type: a/b\r\n" B64, "YWJj\nYQ==" },
	/* Boundaries and what lies about them. */
	{ MIXED, "--b\r\n--b \n\n\374\n--bb\n--b-- \t\n\374--b\n", true, MIXED,
	    "--b\r\n--b \n" QP "\n=FC\n-=2Dbb\n--b-- \t\n ?--b\n" },
	{ MIXED, "--b\n\n\374\n", true, MIXED,
	    "--b\n" QP "\n=FC\n" },
	{ MIXED "Content-Transfer-Encoding: 8bit\r\n", "--b\n\n\374\n", true,
	    MIXED "Content-Transfer-Encoding: 7bit\r\n"
	    "MIME-Version: 1.0\r\n", "--b\n" QP "\n=FC\n" },
	{ MIXED, "--b\nA: b\n--b\nno field \374\n--b--\n", true, MIXED,
	    "--b\nA: b\n--b\n" QP "\nno field =FC\n--b--\n" },
	/* Messages in messages. */
	{ "Content-Type: message/rfc822\r\n", "A: b\n\n\374", true,
	    "Content-Type: message/rfc822\r\n", "A: b\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain; "
	    "charset=unknown-8bit\r\n" QP "\n=FC" },
	{ "Content-Type: multipart/digest; boundary=\"b\"\r\n",
	    "--b\n\nContent-Type: x/y\nMIME-Version: 1.0\n\n\374\n--b--\n",
	    true, "Content-Type: multipart/digest; boundary=\"b\"\r\n",
	    "--b\n\nContent-Type: x/y\r\nMIME-Version: 1.0\r\n" B64
	    "\n/A==\n--b--\n" },
	/* Others go by what is signed. */
	{ MIXED, "--b\n\n\374\n--b\nContent-Type: multipart/signed;boundary=s"
	    "\n\n--s\n\n = \n--s--\n--b--\n", true, MIXED,
	    "--b\n" QP "\n=FC\n--b\nContent-Type: multipart/signed;boundary=s"
	    "\n\n--s\n\n = \n--s--\n--b--\n" },
};

START_TEST(what_is_mended)
{
	const char *body = mended[_i].body;
	size_t piece;

	for (piece = 1; piece < strlen(body) + 2; piece++) {
		ck_assert_int_eq(mend(mended[_i].header, body, strlen(body),
		    mended[_i].seven, piece), 0);
		ck_assert_msg(strcmp(out.data, mended[_i].want) == 0,
		    "'%s' for '%s', pieces of %zu", out.data, body, piece);
		header_is_now(mended[_i].want_header);
	}
}
END_TEST

#define SIGNED	"Content-Type: Multipart/Signed; boundary=\"s\"\r\n"

static const struct {
	const char *header;
	const char *body;
	size_t len;
	bool seven;
	const char *said;
} refused[] = {
	{ SIGNED, "a\0b", 3, false, "the body is signed" },
	{ SIGNED, "a\rb", 3, false, "a CR" },
	{ SIGNED, "\374", 1, true, "8BITMIME" },
	{ "Content-Type: multipart/encrypted\r\n", "\r", 1, false,
	    "encrypted" },
	{ "Content-Type: application/pkcs7-mime\r\n", "\r", 1, false,
	    "pkcs7-mime" },
	{ "Content-Type: message/partial\r\n", "\r", 1, false, "encoding" },
	{ "Content-Type: multipart/x\r\n", "\r", 1, false, "boundary" },
	{ "Content-Type: multipart/x; boundary=\"a\r\n", "\r", 1, false,
	    "boundary" },
	{ "Content-Type: multipart/x; boundary=a; boundary*0=b\r\n", "\r", 1,
	    false, "boundary" },
	{ "Content-Type: multipart/x; boundary*1=b\r\n", "\r", 1, false,
	    "boundary" },
	{ "Content-Type: multipart/x; boundary=\"\374\"\r\n", "\r", 1, false,
	    "boundary" },
	{ "Content-Type: a/b\r\nContent-Type: a/b\r\n", "\r", 1, false,
	    "two" },
	{ "Content-Transfer-Encoding: x-odd\r\n", "\r", 1, false,
	    "not known" },
	{ B64 QP, "\r", 1, false, "not known" },
	{ MIXED B64, "\r", 1, false, "forbids" },
	{ MIXED, "--b\n\n--b\nA: \374\n", 14, true, "part 2 has 8-bit" },
	{ MIXED, "--b\nA: \r\0\n", 11, false, "part 1 cannot" },
	{ MIXED, "--b\n" MIXED "\n--b\n\n\r", 0, false, "" },
	{ MIXED, "--b\nContent-Type: multipart/x; boundary=\"b--\"\n\n\r-",
	    0, false, "outer" },
};

START_TEST(what_is_refused)
{
	size_t piece, len = refused[_i].len == 0 ? strlen(refused[_i].body) :
	    refused[_i].len;
	int want = refused[_i].said[0] == '\0' ? 0 : -1;

	for (piece = 1; piece <= len; piece++) {
		ck_assert_int_eq(mend(refused[_i].header, refused[_i].body,
		    len, refused[_i].seven, piece), want);
		if (want == 0)
			continue;
		ck_assert_int_eq(e.class, ERR_MESSAGE);
		ck_assert_msg(strstr(e.text, refused[_i].said) != NULL,
		    "'%s' is not in '%s'", refused[_i].said, e.text);
	}
}
END_TEST

/* 998 octets pass, 999 do not; however they are encoded, lines are short. */
START_TEST(line_lengths)
{
	static const char *const headers[] = { "Content-Type: text/x\r\n",
	    "Content-Type: a/b\r\n", "Content-Type: a/b\r\n" B64,
	    "Content-Type: text/x\r\n" QP };
	struct buf body;
	char *lf;
	size_t n;

	buf_init(&body, OUT_MAX);
	for (n = 0; n < 998; n++)
		buf_addc(&body, 'y');
	buf_adds(&body, "\r\n");
	ck_assert_int_eq(mend(headers[_i], body.data, body.len, false, 7), 0);
	ck_assert_str_eq(out.data, body.data);
	buf_insert(&body, 0, "y", 1);
	ck_assert_int_eq(mend(headers[_i], body.data, body.len, false, 7), 0);
	for (n = 0; (lf = strchr(out.data + n, '\n')) != NULL;
	    n = (size_t)(lf - out.data) + 1)
		ck_assert(lf - (out.data + n) <= 77);
	ck_assert_uint_ge(n, out.len);
	buf_release(&body);
}
END_TEST

/* What is outside of the parts keeps its place and begins no part. */
START_TEST(long_fill)
{
	struct buf body;
	size_t n, longest = 0;
	char *lf;

	buf_init(&body, OUT_MAX);
	buf_adds(&body, "--b");
	for (n = 0; n < 5000; n++)
		buf_addc(&body, n % 100 == 0 ? '\0' : ' ');
	buf_adds(&body, "\n--b\n\nx\n--b--\n");
	ck_assert_int_eq(mend(MIXED, body.data, body.len, false, 100), 0);
	for (n = 0; (lf = strchr(out.data + n, '\n')) != NULL;
	    n = (size_t)(lf - out.data) + 1) {
		if ((size_t)(lf - out.data) - n > longest)
			longest = (size_t)(lf - out.data) - n;
	}
	ck_assert_uint_le(longest, 998);
	ck_assert(memcmp(out.data, " --b? ", 6) == 0);
	ck_assert_str_eq(out.data + out.len - 14, "\n--b\n\nx\n--b--\n");
	buf_release(&body);
}
END_TEST

/* Multiparts in multiparts; the last that is opened is in "depth" others. */
static void
nest(struct buf *body, size_t depth)
{
	size_t i;

	for (i = 0; i < depth; i++)
		buf_addf(body, "--b%zu\nContent-Type: multipart/mixed; "
		    "boundary=b%zu\n\n", i, i + 1);
	buf_addf(body, "--b%zu\n\n\374\n", depth);
}

START_TEST(depth)
{
	static const char top[] = "Content-Type: multipart/mixed; "
	    "boundary=b0\r\n";
	struct buf body;

	buf_init(&body, OUT_MAX);
	nest(&body, MIME_DEPTH_MAX - 1);
	ck_assert_int_eq(mend(top, body.data, body.len, true, 100), 0);
	ck_assert_ptr_nonnull(strstr(out.data, "=FC"));
	buf_clear(&body);
	nest(&body, MIME_DEPTH_MAX);
	ck_assert_int_eq(mend(top, body.data, body.len, true, 100), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "too deep"));
	buf_clear(&body);
	nest(&body, 10000);
	ck_assert_int_eq(mend(top, body.data, body.len, true, 4096), -1);
	ck_assert_int_eq(mend(top, body.data, body.len, false, 4096), 0);
	buf_release(&body);
}
END_TEST

START_TEST(too_many_parts)
{
	struct buf body;
	size_t i;

	buf_init(&body, OUT_MAX);
	for (i = 0; i < MIME_PARTS_MAX - 1; i++)
		buf_adds(&body, "--b\n");
	ck_assert_int_eq(mend(MIXED, body.data, body.len, true, 4096), 0);
	buf_adds(&body, "--b\n");
	ck_assert_int_eq(mend(MIXED, body.data, body.len, true, 4096), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "parts"));
	buf_release(&body);
}
END_TEST

START_TEST(long_header_of_a_part)
{
	struct buf body;
	size_t i;

	buf_init(&body, OUT_MAX);
	buf_adds(&body, "--b\nX:");
	for (i = 0; i < 10000; i++)
		buf_adds(&body, " word");
	buf_adds(&body, "\n\n\r\n--b--\n");
	ck_assert_int_eq(mend(MIXED, body.data, body.len, false, 100), 0);
	for (i = 0; i < 5000; i++)
		buf_insert(&body, 6, " word", 5);
	ck_assert_int_eq(mend(MIXED, body.data, body.len, false, 100), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "part 1 has a header of more"));
	buf_release(&body);
}
END_TEST

/* UTF-8 or not, told byte by byte. */
START_TEST(utf8)
{
	static const struct {
		const char *text;
		bool valid;
	} texts[] = {
		{ "\302\200", true }, { "\340\240\200", true },
		{ "\355\237\277", true }, { "\360\220\200\200", true },
		{ "\364\217\277\277", true }, { "a\303\274b\n\342\202\254",
		true }, { "\301\277", false }, { "\340\237\277", false },
		{ "\355\240\200", false }, { "\360\217\277\277", false },
		{ "\364\220\200\200", false }, { "\303", false },
		{ "\303\n", false }, { "\200", false }, { "\377", false },
		{ "\342\202", false }, { "\303\274\303", false },
	};
	size_t i, piece;
	char *type;

	for (i = 0; i < COUNT(texts); i++)
		for (piece = 1; piece < 4; piece++) {
			ck_assert_int_eq(mend("", texts[i].text,
			    strlen(texts[i].text), false, piece), 0);
			type = header_value(&h, (size_t)header_find(&h,
			    "Content-Type", 0));
			ck_assert_str_eq(type, texts[i].valid ?
			    "text/plain; charset=utf-8" :
			    "text/plain; charset=unknown-8bit");
			free(type);
		}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("mime");
	TCase *t = tcase_create("mending");

	tcase_add_checked_fixture(t, start, finish);
	tcase_add_loop_test(t, what_is_mended, 0, COUNT(mended));
	tcase_add_loop_test(t, what_is_refused, 0, COUNT(refused));
	tcase_add_loop_test(t, line_lengths, 0, 4);
	tcase_add_test(t, long_fill);
	tcase_add_test(t, depth);
	tcase_add_test(t, too_many_parts);
	tcase_add_test(t, long_header_of_a_part);
	tcase_add_test(t, utf8);
	suite_add_tcase(s, t);
	return run_suite(s);
}
