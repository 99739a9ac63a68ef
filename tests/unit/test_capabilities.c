/* SPDX-License-Identifier: ISC */
/*
 * What an EHLO reply offers, however it is written.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "runner.h"
#include "smtp/capabilities.h"

/* The letters of what is offered, and the mechanisms. */
static void
describe(const struct capabilities *c, struct buf *out)
{
	size_t i;

	buf_addf(out, "%s%s%s%s%s%s%s%s%s", c->pipelining ? "P" : "",
	    c->size ? "S" : "", c->eight_bit_mime ? "8" : "",
	    c->smtputf8 ? "U" : "", c->starttls ? "T" : "", c->dsn ? "D" : "",
	    c->chunking ? "C" : "", c->enhanced ? "E" : "",
	    c->auth ? "A" : "");
	if (c->size)
		buf_addf(out, " %llu", (unsigned long long)c->size_max);
	if (c->mail_max + c->rcpt_max + c->rcpt_domain_max != 0)
		buf_addf(out, " %zu/%zu/%zu", c->mail_max, c->rcpt_max,
		    c->rcpt_domain_max);
	for (i = 0; i < c->mechanism_count; i++)
		buf_addf(out, " %s", c->mechanisms[i]);
}

static const struct {
	const char *text, *expect;
} cases[] = {
	{ "", "" },
	{ "hi", "" },
	{ "PIPELINING", "" },
	{ "STARTTLS\nx", "" },
	{ "hi\nPIPELINING\nSIZE 100\n8BITMIME\nSMTPUTF8\nSTARTTLS\nDSN\n"
	    "CHUNKING\nENHANCEDSTATUSCODES\nAUTH PLAIN", "PS8UTDCEA 100"
	    " PLAIN" },
	{ "hi\npipelining\nSize 7\nStartTLS\nauth plain login", "PSTA 7"
	    " PLAIN LOGIN" },
	{ "hi\nSIZE", "S 0" },
	{ "hi\nSIZE 0", "S 0" },
	{ "hi\nSIZE abc", "S 0" },
	{ "hi\nSIZE -1", "S 0" },
	{ "hi\nSIZE 18446744073709551615", "S 18446744073709551615" },
	{ "hi\nSIZE 18446744073709551616", "S 0" },
	{ "hi\nSIZE\t\t 5  \t", "S 5" },
	{ "hi\n\tAUTH\t PLAIN \t LOGIN ", "A PLAIN LOGIN" },
	{ "hi\nAUTH PLAIN\nAUTH LOGIN PLAIN", "A PLAIN LOGIN" },
	{ "hi\nAUTH=PLAIN LOGIN", "A PLAIN LOGIN" },
	{ "hi\nAUTH PLAIN\nAUTH=LOGIN", "A PLAIN LOGIN" },
	{ "hi\nAUTH=", "" },
	{ "hi\nAUTH", "A" },
	{ "hi\nAUTH PL/IN SCRAM-SHA-1 THIS-NAME-HAS-TOO-MANY-OCTETS",
	    "A SCRAM-SHA-1" },
	{ "hi\nSTARTTLSX\nXSTARTTLS\nSTART TLS", "" },
	{ "hi\n\n\nDSN\n", "D" },
	{ "hi\nLIMITS RCPTMAX=1000", " 0/1000/0" },
	{ "hi\nlimits mailmax=5 RcptDomainMax=7 RCPTMAX=999999",
	    " 5/999999/7" },
	{ "hi\nLIMITS OTHER=3 RCPTMAX=1 OTHER MAILMAX=2", " 2/1/0" },
	{ "hi\nLIMITS RCPTMAX=0 MAILMAX=-1 RCPTDOMAINMAX=1000000", "" },
	{ "hi\nLIMITS RCPTMAX= MAILMAX RCPTDOMAINMAX=7x =5 5", "" },
	{ "hi\nLIMITS RCPTMAX=18446744073709551617", "" },
	{ "hi\nLIMITS\nRCPTMAX=5", "" },
};

START_TEST(offers)
{
	struct capabilities c;
	struct buf out;

	buf_init(&out, 64 * 1024);
	capabilities_init(&c);
	capabilities_parse(&c, cases[_i].text);
	describe(&c, &out);
	ck_assert_str_eq(out.data, cases[_i].expect);
	capabilities_release(&c);
	buf_release(&out);
}
END_TEST

START_TEST(many_mechanisms)
{
	struct capabilities c;
	struct buf text;
	int i;

	buf_init(&text, 64 * 1024);
	buf_adds(&text, "hi\nAUTH");
	for (i = 0; i < 1000; i++)
		buf_addf(&text, " M-%d", i);
	capabilities_init(&c);
	capabilities_parse(&c, text.data);
	ck_assert_uint_eq(c.mechanism_count, CAPABILITIES_MECHANISMS);
	ck_assert(capabilities_mechanism(&c, "M-0"));
	ck_assert(!capabilities_mechanism(&c, "M-999"));
	capabilities_release(&c);
	buf_release(&text);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	s = suite_create("capabilities");
	t = tcase_create("capabilities");
	tcase_add_loop_test(t, offers, 0, sizeof cases / sizeof *cases);
	tcase_add_test(t, many_mechanisms);
	suite_add_tcase(s, t);
	return run_suite(s);
}
