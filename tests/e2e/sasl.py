#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Logging in: each mechanism against the relay that serves, whose side of it
is libgsasl's or its own; channel binding, tokens, client certificates, and
which mechanism is taken.  Arguments: parts of names, to run only those.
"""

import base64
import os
import re
import sys

import cases
import lib
import pki

PASSWORDS = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256",
             "SCRAM-SHA-1", "PLAIN", "LOGIN")     # as "auto" prefers them
CHALLENGES = ("CRAM-MD5", "DIGEST-MD5")
TOKENS = ("OAUTHBEARER", "XOAUTH2")
LISTED = (*CHALLENGES, *TOKENS, "EXTERNAL")     # only where the account says
ALL = (*PASSWORDS, *LISTED)

TLS12 = ("--tls-priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2")
NO_EMS = ("--tls-priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2:%NO_SESSION_HASH")
TLS11 = ("--tls-priority", "NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0")

ANSWER_LINE = 12288     # octets with CRLF: RFC 4954 section 4
AUTH_LINE = 512
XOAUTH2 = len("user=alice\1auth=Bearer \1\1")

BOB = "bob@example.com"
MESSAGE = b"Subject: hi\n\nhello\n"


class Login(cases.Case):
    """A relay, and submissions to it."""

    def relay(self, *mechanisms, more=(), **options):
        return lib.Relay(self.lab, self.lab.fresh("relay"), "--serve",
                         "--mechanisms", " ".join(mechanisms), *more,
                         **options)

    def submit(self, relay, *changes, status=0, secret=lib.TOKEN, env=None):
        """One message.  What comes out is looked at, and what arrived."""
        directory = self.lab.fresh("run")
        before, said = len(relay.taken()), len(relay.said())
        account = self.lab.account(os.path.join(directory, "account"),
                                   relay.port, changes)
        result = lib.run(self.lab, directory,
                         ["-C", account, "--json", BOB], MESSAGE, limit=30,
                         env=lib.environment(self.lab, **(env or {})))
        what = " ".join(changes)[:60]
        self.equal(result.status, status, f"{what}: exit ({result!r})")
        self.equal(len(relay.taken()) - before, 1 if status == 0 else 0,
                   f"{what}: messages taken")
        self.check((status == 0) == (result.err == b""),
                   f"{what}: stderr {result.err!r}")
        self.faults += [f"{what}: {x}" for x in lib.faults_of_output(result)]
        self.check(secret.encode() not in result.out + result.err,
                   f"{what}: the token is shown")
        self.last = Talk(relay.said()[said:])
        return result

    def login(self, relay, mechanism, *changes, **more):
        """A login that has to succeed with that mechanism."""
        result = self.submit(relay, *changes, **more)
        if result.status == 0:
            self.equal(result.json()["auth"], mechanism, "--json: auth")
            body = relay.taken()[-1].body
            self.equal(body, b"hello\r\n", "what arrived")
        self.equal(self.last.mechanisms, [mechanism], "AUTH commands")
        return result

    def refuse(self, relay, mechanism, *changes, status=77, **more):
        """One try with that mechanism (None: not even that), and no mail."""
        result = self.submit(relay, *changes, status=status, **more)
        self.equal(self.last.mechanisms, [mechanism] if mechanism else [],
                   "AUTH commands")
        self.check("C MAIL" not in self.last.text, "MAIL without a login")
        return result


class Talk:
    """What one connection said, from the relay's transcript."""

    def __init__(self, text):
        self.text = text
        self.mechanisms = re.findall(r"^C AUTH (\S+)", text, re.M)
        self.binding = re.search(r"^BINDING (.*)$", text, re.M)
        self.binding = self.binding and self.binding[1]

    def answers(self):
        """The client's lines between AUTH and its last reply; the initial
        response, or None, is the first.
        """
        line = re.search(r"^C AUTH \S+(?: (\S+))?$", self.text, re.M)
        rest = self.text[line.end():]
        end = re.search(r"^S [^3]", rest, re.M)
        return [line[1]] + re.findall(r"^C (.*)$",
                                      rest[:end and end.start()], re.M)

    def gs2(self):
        """The channel binding flag of SCRAM's first message."""
        words = [x for x in self.answers() if x][0]
        return base64.b64decode(words).split(b",")[0].decode()


suite = cases.Suite(Login)
test = suite.test


def auth(mechanism, *more):
    """The lines of an account for a mechanism."""
    token = mechanism.upper().startswith(TOKENS)
    secret = (f"password = {lib.TOKEN}",) if token else ()
    return (f"auth = {mechanism}", *secret, *more)


# Each by its name

@test
def each_mechanism_by_name(t):
    with t.relay(*ALL) as relay:
        for mechanism in (*PASSWORDS, *CHALLENGES, *TOKENS):
            t.login(relay, mechanism, *auth(mechanism))
            t.equal(t.last.text.count("S 235"), 1, "235")


@test
def each_mechanism_where_no_other_is_offered(t):
    for mechanism in (*PASSWORDS, *CHALLENGES, *TOKENS):
        with t.relay(mechanism) as relay:
            t.login(relay, mechanism, *auth(mechanism.lower()))


@test
def implicit_tls(t):
    with t.relay(*PASSWORDS, more=("--implicit-tls",)) as relay:
        for mechanism in PASSWORDS:
            t.login(relay, mechanism, *auth(mechanism), "implicit_tls = yes",
                    "-starttls")


@test
def what_was_in_memory_does_not_count(t):
    """The C library fills what it hands out with "9" or "=", which would go
    on with a number or with base64 where somebody reads too far.
    """
    with t.relay(*ALL) as relay:
        for fill in b"9=":
            for mechanism in (*PASSWORDS, *CHALLENGES, *TOKENS):
                t.login(relay, mechanism, *auth(mechanism),
                        env={"MALLOC_PERTURB_": str(fill ^ 0xff)})


@test
def wrong_password(t):
    with t.relay(*ALL) as relay:
        for mechanism in (*PASSWORDS, *CHALLENGES):
            t.refuse(relay, mechanism, *auth(mechanism),
                     "password = another one")
        t.refuse(relay, PASSWORDS[0], "auth = auto", "password = another one")
        t.refuse(relay, "PLAIN", "auth = PLAIN", "password = s3cret pas")
        t.refuse(relay, "PLAIN", "auth = PLAIN", "password = s3cret passs")


@test
def wrong_user(t):
    with t.relay(*ALL) as relay:
        for mechanism in (*PASSWORDS, *CHALLENGES, "XOAUTH2"):
            t.refuse(relay, mechanism, *auth(mechanism), "username = eve")


# Channel binding

@test
def plus_over_tls_13(t):
    with t.relay(*ALL) as relay:
        for mechanism in PASSWORDS[:2]:
            t.login(relay, mechanism, *auth(mechanism))
            t.equal(t.last.binding, "tls-exporter", "binding there is")
            t.equal(t.last.gs2(), "p=tls-exporter", "GS2 flag")


@test
def plus_over_tls_12(t):
    with t.relay(*ALL, more=TLS12) as relay:
        for mechanism in PASSWORDS[:2]:
            result = t.login(relay, mechanism, *auth(mechanism))
            t.equal(result.json()["tls"], "TLS1.2", "--json: tls")
            t.equal(t.last.binding, "tls-unique", "binding there is")
            t.equal(t.last.gs2(), "p=tls-unique", "GS2 flag")


@test
def no_plus_without_extended_master_secret(t):
    """tls-unique can then be the same on two connections (RFC 7627)."""
    with t.relay(*ALL, more=NO_EMS) as relay:
        t.login(relay, "SCRAM-SHA-256", "auth = auto")
        t.equal(t.last.binding, "none", "binding there is")
        # "y" would say that only the relay cannot, and be refused.
        t.equal(t.last.gs2(), "n", "GS2 flag")
        result = t.refuse(relay, None, "auth = SCRAM-SHA-256-PLUS")
        t.check("extended master secret" in result.stderr, result.stderr)


@test
def no_plus_that_is_not_offered(t):
    with t.relay("SCRAM-SHA-256", "PLAIN") as relay:
        for mechanism in PASSWORDS[:2]:
            result = t.refuse(relay, None, f"auth = {mechanism}")
            t.check("SCRAM-SHA-256" in result.stderr, result.stderr)
        t.login(relay, "SCRAM-SHA-256",
                "auth = SCRAM-SHA-256-PLUS, SCRAM-SHA-256")


@test
def no_plus_without_tls(t):
    """A Unix socket has no channel to bind to."""
    path = t.path("socket")
    with t.relay(*ALL, tls=False, unix=path) as relay:
        t.login(relay, "SCRAM-SHA-256", f"server = {path}", "-port",
                "-starttls", "-tls_trust")
        t.equal(t.last.gs2(), "n", "GS2 flag")
        t.refuse(relay, None, f"server = {path}", "-port", "-starttls",
                 "-tls_trust", "auth = SCRAM-SHA-256-PLUS")


@test
def man_in_the_middle(t):
    """Another TLS connection lies between the two: the login fails, and no
    weaker one is tried.
    """
    for more in ((), TLS12):
        with t.relay(*ALL, more=("--wrong-binding", *more)) as relay:
            for mechanism in PASSWORDS[:2]:
                t.refuse(relay, mechanism, *auth(mechanism))
            t.refuse(relay, PASSWORDS[0], "auth = auto")
            t.refuse(relay, PASSWORDS[0],
                     "auth = SCRAM-SHA-256-PLUS, PLAIN")


@test
def plus_taken_out_on_the_way(t):
    """Who lies between takes PLUS out of EHLO's reply: an account that lists
    it alone logs in with nothing less.  (The "y" by which RFC 5802 section 6
    would tell the server is not to be had from libgsasl 2.2.)
    """
    for more in ((), TLS12):
        with t.relay("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", more=(
                "--hide", " ".join(PASSWORDS[:2]), *more)) as relay:
            t.refuse(relay, None,
                     "auth = SCRAM-SHA-256-PLUS, SCRAM-SHA-1-PLUS")
            t.login(relay, "SCRAM-SHA-256", "auth = auto")
            t.equal(t.last.gs2(), "n", "GS2 flag")


@test
def plus_not_wanted(t):
    """It is offered, and the account lists others: that is no attack."""
    with t.relay(*ALL) as relay:
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1"):
            t.login(relay, mechanism, f"auth = {mechanism}")
            t.equal(t.last.gs2(), "n", "GS2 flag")


# Which one

@test
def auto_takes_the_strongest(t):
    for i, mechanism in enumerate(PASSWORDS):
        for offered in (PASSWORDS[i:], PASSWORDS[:i - 1:-1] if i else
                        PASSWORDS[::-1]):
            with t.relay(*LISTED, *offered) as relay:
                t.login(relay, mechanism, "auth = auto")


@test
def auto_leaves_the_others(t):
    with t.relay(*LISTED) as relay:
        result = t.refuse(relay, None, "auth = auto")
        for mechanism in LISTED:
            t.check(mechanism in result.stderr,
                    f"{mechanism} is not on stderr: {result.stderr!r}")


@test
def list_is_an_order(t):
    with t.relay("PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "XOAUTH2") as relay:
        t.login(relay, "CRAM-MD5", "auth = OAUTHBEARER, CRAM-MD5, PLAIN")
        t.login(relay, "PLAIN", "auth = LOGIN PLAIN SCRAM-SHA-1")
        t.login(relay, "SCRAM-SHA-1", "auth = EXTERNAL, SCRAM-SHA-1, PLAIN")
        t.login(relay, "XOAUTH2", *auth("XOAUTH2, PLAIN"))
        t.refuse(relay, None, "auth = OAUTHBEARER, DIGEST-MD5")


@test
def old_tls(t):
    """Nothing is said over it, whatever the relay offers."""
    with t.relay(*ALL, more=TLS11) as relay:
        t.refuse(relay, None, "auth = auto", status=69)
        t.refuse(relay, None, "auth = SCRAM-SHA-256", status=69)


# Tokens

@test
def token_refused(t):
    with t.relay(*ALL, more=("--token", "ya29.another")) as relay:
        for mechanism, last in (("OAUTHBEARER", "AQ=="), ("XOAUTH2", "")):
            result = t.refuse(relay, mechanism, *auth(mechanism))
            t.equal(t.last.answers()[1:], [last], f"{mechanism}: answers")
            for word in ("535", "invalid_token"):
                t.check(word in result.stderr,
                        f"{word} is not on stderr: {result.stderr!r}")


def long_token(size):
    """One that shows where it is cut."""
    text = "".join(f"{i:05d}." for i in range(size // 6 + 1))
    return text[:size]


def with_token(t, size):
    """(token, account lines)"""
    token = long_token(size)
    path = t.lab.write(t.path(f"token-{size}"), token + "\n")
    return token, ("-password", f"password_file = {path}")


@test
def token_of_4000_bytes(t):
    for mechanism in TOKENS:
        token, account = with_token(t, 4000)
        with t.relay(mechanism, more=("--token", token)) as relay:
            t.login(relay, mechanism, f"auth = {mechanism}", *account,
                    secret=token)
            answers = t.last.answers()
            t.equal((len(answers), answers[0]), (2, None), "answers")
            t.check(len(answers[1]) > 4000 * 4 / 3, "the token is not whole")


@test
def token_at_the_limit_of_a_command(t):
    """The initial response goes into the AUTH line as long as that has no
    more than 512 octets.
    """
    most = (AUTH_LINE - len("AUTH XOAUTH2 \r\n")) // 4 * 3 - XOAUTH2
    for size, at_once in ((most, True), (most + 1, False)):
        token, account = with_token(t, size)
        with t.relay("XOAUTH2", more=("--token", token)) as relay:
            t.login(relay, "XOAUTH2", "auth = XOAUTH2", *account,
                    secret=token)
            t.equal(t.last.answers()[0] is not None, at_once,
                    f"{size} bytes: initial response")


@test
def token_at_the_limit_of_an_answer(t):
    most = (ANSWER_LINE - len("\r\n")) // 4 * 3 - XOAUTH2
    token, account = with_token(t, most)
    with t.relay("XOAUTH2", more=("--token", token)) as relay:
        t.login(relay, "XOAUTH2", "auth = XOAUTH2", *account, secret=token)
    token, account = with_token(t, most + 1)
    with t.relay("XOAUTH2", more=("--token", token)) as relay:
        result = t.submit(relay, "auth = XOAUTH2", *account, status=77,
                          secret=token)
        t.check("12288" in result.stderr or "long" in result.stderr,
                f"stderr does not say why: {result.stderr!r}")


@test
def token_that_is_none(t):
    """It could add a field of its own (RFC 6750 section 2.1)."""
    for token in ("a b", "a\1auth=Bearer x", "a,b", "a\x7f", "t\u00f6ken"):
        path = t.lab.write(t.path("token"), token + "\n")
        with t.relay(*TOKENS) as relay:
            for mechanism in TOKENS:
                t.refuse(relay, None, f"auth = {mechanism}", "-password",
                         f"password_file = {path}", secret=token)


# Client certificates

class Certificates:
    """An authority of clients, and what it made."""

    def __init__(self, lab):
        store = pki.Pki(lab.fresh("clients"))
        self.ca = store.authority("clients")
        self.alice = store.leaf(self.ca, san="DNS:client", eku="clientAuth")
        self.stranger = store.leaf(store.authority("others"),
                                   san="DNS:client", eku="clientAuth")


def shows(certificate):
    return (f"tls_certificate = {certificate.pem}",
            f"tls_key = {certificate.key}")


@test
def external(t):
    made = Certificates(t.lab)
    for more in ((), TLS12, ("--implicit-tls",)):
        with t.relay(*ALL, more=("--client-ca", made.ca.pem,
                                 *more)) as relay:
            account = ("auth = EXTERNAL", "-password", *shows(made.alice))
            if "--implicit-tls" in more:
                account += ("implicit_tls = yes", "-starttls")
            t.login(relay, "EXTERNAL", *account)
            t.login(relay, "EXTERNAL", *account, "-username")
            t.equal(t.last.answers(), ["="], "answers without a user name")
            t.refuse(relay, "EXTERNAL", *account, "username = eve")
            t.login(relay, PASSWORDS[0], *account, "auth = auto",
                    f"password = {lib.PASSWORD}")


@test
def external_without_a_certificate(t):
    """One relay does not know who it is, others end the handshake: at once
    with TLS 1.2, with 1.3 when the client believes it to be over.
    """
    made = Certificates(t.lab)
    with t.relay("EXTERNAL", "PLAIN") as relay:
        t.refuse(relay, "EXTERNAL", "auth = EXTERNAL", "-password")
        t.refuse(relay, "EXTERNAL", "auth = EXTERNAL", "-password",
                 *shows(made.alice))
    for more in ((), TLS12):
        with t.relay("EXTERNAL", more=("--client-ca", made.ca.pem,
                                       *more)) as relay:
            for account in ((), shows(made.stranger)):
                result = t.refuse(relay, None, "auth = EXTERNAL",
                                  "-password", *account, status=75)
                t.check("TLS" in result.stderr, result.stderr)


if __name__ == "__main__":
    sys.exit(suite.main(jobs=2))
