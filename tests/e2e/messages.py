#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Messages, arguments, surroundings and account files: what goes in on the
command line against what an ordinary relay has taken.  Arguments: parts of
names, to run only those; -j N: N at a time.
"""

import argparse
import base64
import concurrent.futures
import email.header
import email.utils
import hashlib
import os
import pty
import re
import resource
import subprocess
import sys
import threading
import time
import traceback

import lib

TESTS = []
BOB = "bob@example.com"
OPEN = ("starttls = no", "-username", "-password")


def test(function):
    TESTS.append(function)
    return function


class Case:
    """One test's directory, relay and findings."""

    def __init__(self, lab, name):
        self.lab = lab
        self.dir = lab.fresh(name)
        self.faults = []
        self.relay = None

    def serve(self, *options):
        self.stop()
        self.relay = lib.Relay(self.lab, self.lab.fresh("relay"), "--serve",
                               "--lifetime", "200", *options)
        return self.relay

    def stop(self):
        if self.relay:
            self.relay.stop()
        self.relay = None

    def path(self, name):
        return os.path.join(self.dir, name)

    def check(self, truth, what):
        if not truth:
            self.faults.append(what if len(what) < 700 else
                               what[:700] + " ...")

    def equal(self, got, want, what):
        self.check(got == want, f"{what}: got {got!r}, not {want!r}")

    def run(self, args, message=b"", account=(), raw=None, mode=0o600,
            rss=True, cpu=2.0, **more):
        """Runs sendoff with an account file for the relay."""
        if self.relay is None:
            self.serve("--open")
            account = (*OPEN, *account)
        self.lab.account(self.path("account"), self.relay.port, account, raw,
                         mode)
        result = lib.run(self.lab, self.dir,
                         ["-C", self.path("account"), *args], message, **more)
        for fault in lib.faults_of_output(result, rss, cpu):
            self.check(False, f"{args!r:.80}: {fault}")
        return result

    def send(self, message, args=(BOB,), **more):
        """Runs sendoff; the message that the relay has taken, or None."""
        if self.relay is None:
            self.serve("--open")
            more["account"] = (*OPEN, *more.get("account", ()))
        before = len(self.relay.taken())
        result = self.run(list(args), message, **more)
        self.check(result.status == 0, f"{list(args)!r:.80}: {result!r}")
        self.check(not result.err, f"stderr with exit 0: {result!r}")
        taken = self.relay.taken()[before:]
        if result.status == 0:
            self.equal(len(taken), 1, "messages taken")
        return taken[0] if taken else None

    def refuse(self, statuses, message, args=(BOB,), **more):
        """Runs sendoff, which must say no and send nothing."""
        if isinstance(statuses, int):
            statuses = (statuses,)
        if self.relay is None:
            self.serve("--open")
            more["account"] = (*OPEN, *more.get("account", ()))
        before = len(self.relay.taken())
        result = self.run(list(args), message, **more)
        self.check(result.status in statuses,
                   f"{list(args)!r:.80}: not {statuses} but {result!r}")
        self.check(result.err, f"{list(args)!r:.80}: nothing on stderr")
        self.equal(len(self.relay.taken()), before, "messages taken")
        return result

    def body(self, message, want, args=(BOB,), **more):
        got = self.send(message, args, **more)
        if got:
            self.equal(got.body, want, f"body of {message[:80]!r} {args!r}")
        return got


# Messages

@test
def line_ends(t):
    want = b"one\r\n\r\ntwo\r\n"
    t.body(b"Subject: x\n\none\n\ntwo\n", want)
    t.body(b"Subject: x\r\n\r\none\r\n\r\ntwo\r\n", want)
    t.body(b"Subject: x\n\r\none\r\n\ntwo\n", want)
    t.body(b"Subject: x\r\n\none\n\r\ntwo", want)
    t.body(b"Subject: x\n\none\n\ntwo\r\n", want)


@test
def through_tls_and_login(t):
    t.serve()
    got = t.body(b"Subject: x\n\nhello\n", b"hello\r\n")
    if got:
        t.equal(got.sender, "alice@example.org", "sender")
        t.equal(got.recipients, [BOB], "recipients")
        t.equal(got.mail[0].split(" SIZE=")[1:], [str(got.size)], "SIZE")
    t.check("TLS TLS1.3" in t.relay.said(), "no TLS 1.3")
    t.check("BODY=" not in t.relay.said(), "BODY= without need")


@test
def server_by_name(t):
    t.serve()
    t.body(b"\nhello\n", b"hello\r\n", account=("server = localhost",))


@test
def implicit_tls(t):
    t.serve("--implicit-tls")
    t.body(b"\nhello\n", b"hello\r\n",
           account=("-starttls", "implicit_tls = yes"))


@test
def unix_socket(t):
    path = t.path("socket")
    with lib.Relay(t.lab, t.lab.fresh("relay"), "--serve", tls=False,
                   unix=path) as t.relay:
        t.body(b"\nhello\n", b"hello\r\n",
               account=(f"server = {path}", "-port", "-starttls",
                        "-tls_trust"))
    t.relay = None


@test
def empty_and_partial(t):
    got = t.body(b"", b"")
    if got:
        for name in ("Date", "From", "Message-ID", "To"):
            t.equal(len(got.fields(name)), 1, f"{name} fields")
    t.body(b"\n", b"")
    t.body(b"Subject: only a header\n", b"")
    t.body(b"Subject: only a header", b"")
    t.body(b"\nhello\n", b"hello\r\n")
    t.body(b"hello, no header\n", b"hello, no header\r\n")
    t.body(b"hello", b"hello\r\n")
    t.body(b"this is: no field\n", b"this is: no field\r\n")


@test
def mbox_from_line(t):
    got = t.body(b"From alice Mon Nov 23 18:20:34 2026\nSubject: x\n\nhi\n",
                 b"hi\r\n")
    if got:
        t.check(b"From alice" not in got.data, "the From line is there")
        t.equal(got.fields("Subject"), [b"x"], "Subject")
    t.body(b"Subject: x\n\nFrom me\n>From you\n", b"From me\r\n>From you\r\n")
    t.body(b">From you\nhi\n", b">From you\r\nhi\r\n")


@test
def dots(t):
    message = b"Subject: x\n\na\n..b\n.c\n.\nd\n"
    for option in ("-i", "-oi", "-oitrue", "-ti"):
        args = (option, BOB)
        t.body(message.replace(b"Subject", b"To: bob@example.com\nSubject"),
               b"a\r\n..b\r\n.c\r\n.\r\nd\r\n", args)
    t.body(message, b"a\r\n.b\r\n.c\r\n")
    t.body(b"Subject: x\n\na\r\n.\r\nb\r\n", b"a\r\n")
    t.body(b"Subject: x\n\na\r\n.\r\nb\r\n", b"a\r\n.\r\nb\r\n", ("-i", BOB))
    t.body(b"Subject: x\n\n.", b"")
    t.body(b"Subject: x\n\n.", b".\r\n", ("-i", BOB))
    t.body(b"Subject: x\n.\n\nbody\n", b"")


def feed(data, size):
    """A pipe whose every read gives one piece; its reading end."""
    reading, writing = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)

    def write():
        try:
            for i in range(0, len(data), size):
                os.write(writing, data[i:i + size])
        except BrokenPipeError:
            pass
        finally:
            os.close(writing)
    threading.Thread(target=write, daemon=True).start()
    return reading


@test
def pieces(t):
    message = (b"Subject: x\r\nX-Long: a\r\n b\r\n\r\n"
               b".\r\n..\r\n.a\r\n\r\n.\n..\n\n.b\r\nend.\r\n.")
    want = (b".\r\n..\r\n.a\r\n\r\n.\r\n..\r\n\r\n.b\r\nend.\r\n.\r\n")
    for size in range(1, 65):
        reading = feed(message, size)
        with os.fdopen(reading, "rb") as source:
            got = t.send(source, ("-i", BOB))
        if got:
            t.equal(got.body, want, f"pieces of {size}")
            t.equal(got.fields("X-Long"), [b"a b"], f"pieces of {size}")


@test
def buffer_edges(t):
    for edge in (4096, 16384, 32768, 65536, 131072, 262144):
        for shift in range(-3, 4):
            start = b"Subject: x\n\n"
            fill = (b"y" * 63 + b"\n") * (edge // 64)
            fill = fill[:edge + shift - len(start) - 1] + b"\n"
            body = fill + b".\r\n..\r\n\n.z\r\n"
            got = t.send(start + body, ("-i", BOB))
            want = body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            t.check(got and got.body == want, f"edge at {edge}{shift:+}")


@test
def bare_cr_and_nul(t):
    for body, want in ((b"a\rb\n", b"a=0Db\r\n"), (b"a\r", b"a=0D\r\n"),
                       (b"a\r\r\nb\n", b"a=0D\r\nb\r\n"),
                       (b"\r\r\n", b"=0D\r\n"), (b"a\n\r", b"a\r\n=0D\r\n"),
                       (b"a\0b\n", b"a=00b\r\n")):
        got = t.body(b"Subject: x\n\n" + body, want)
        if got:
            t.equal(got.fields("Content-Transfer-Encoding"),
                    [b"quoted-printable"], "encoding")
    t.refuse(65, b"Subject: a\rb\n\nhi\n")
    t.refuse(65, b"Subject: a\0b\n\nhi\n")


@test
def eight_bit(t):
    message = (b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
               b"Content-Transfer-Encoding: 8bit\n\ngr\xc3\xbc\xc3\x9fe\n")
    t.serve("--open")
    got = t.body(message, b"gr\xc3\xbc\xc3\x9fe\r\n", account=OPEN)
    if got:
        t.check("BODY=8BITMIME" in got.mail[0], f"no BODY in {got.mail[0]}")
        t.check("SMTPUTF8" not in got.mail[0], f"why {got.mail[0]}")
    t.serve("--open", "--without", "8BITMIME")
    got = t.body(message, b"gr=C3=BC=C3=9Fe\r\n", account=OPEN)
    if got:
        t.check("BODY=" not in got.mail[0], f"why {got.mail[0]}")


@test
def utf8_header(t):
    message = b"Subject: gr\xc3\xbc\xc3\x9fe\n\nhi\n"
    t.serve("--open")
    got = t.body(message, b"hi\r\n", account=OPEN)
    if got:
        t.check("SMTPUTF8" in got.mail[0], f"not in {got.mail[0]}")
        t.equal(got.fields("Subject"), [b"gr\xc3\xbc\xc3\x9fe"], "Subject")
    t.serve("--open", "--without", "SMTPUTF8")
    t.refuse(65, message, account=OPEN)
    t.refuse(65, b"Subject: x\n\nhi\n", ("j\xfcrgen@example.com",),
             account=OPEN)


@test
def long_lines(t):
    t.body(b"Subject: x\n\n" + b"y" * 998 + b"\n", b"y" * 998 + b"\r\n")
    t.body(b"Subject: x\n\n" + b"." * 998 + b"\n", b"." * 998 + b"\r\n",
           ("-i", BOB))
    for n in (999, 5000, 1000000):
        for end in (b"\n", b""):
            got = t.send(b"Subject: x\n\n" + b"y" * n + end)
            if got:
                t.equal(got.fields("Content-Transfer-Encoding"),
                        [b"quoted-printable"], "encoding")
                t.check(got.body.replace(b"=\r\n", b"") ==
                        b"y" * n + b"\r\n", f"line of {n}")


@test
def long_header_lines(t):
    words = b" ".join(b"word%d" % i for i in range(1000))
    got = t.send(b"Subject: " + words + b"\n\nhi\n")
    if got:
        longest = max(len(x) for x in got.header.split(b"\r\n"))
        t.check(longest <= 998, f"header line of {longest}")
        t.equal(got.fields("Subject"), [words], "Subject")
    t.refuse(65, b"Subject: " + b"y" * 5000 + b"\n\nhi\n")
    many = b",".join(b"u%d@example.com" % i for i in range(500))
    got = t.send(b"To: " + many + b"\n\nhi\n", ("-t",))
    if got:
        longest = max(len(x) for x in got.header.split(b"\r\n"))
        t.check(longest <= 998, f"header line of {longest}")
        t.equal(len(got.recipients), 500, "recipients")


@test
def many_fields(t):
    fields = b"".join(b"X-F%d: v%d\n" % (i, i) for i in range(10000))
    got = t.send(b"Subject: x\n" + fields + b"\nhi\n")
    if got:
        t.check(fields.replace(b"\n", b"\r\n") in got.header, "not all there")


@test
def header_size(t):
    field = b"X-F: " + b"v" * 94 + b"\n"
    fits = b"Subject: x\n" + field * (1024 * 1024 // 102)
    got = t.send(fits + b"\nhi\n")
    t.check(got and got.body == b"hi\r\n", "a header under 1 MiB")
    t.refuse(65, b"Subject: x\n" + field * (1024 * 1024 // 100 + 1) +
             b"\nhi\n")


@test
def byte_for_byte(t):
    header = (b"Received: by x\n\t; now\nsUbJeCt:no blank\nX-Odd :  two  \n"
              b"X-Empty:\nTo: \"B. O. B.\" <bob@example.com>,\n"
              b"\t(c) carol@example.com\nMessage-ID: <m@x>\n"
              b"Date: Mon, 23 Nov 2026 18:20:34 +0100\n"
              b"From: alice@example.org\nMIME-Version: 1.0\n")
    got = t.send(header + b"\nhi\n")
    if got:
        t.equal(got.header, header.replace(b"\n", b"\r\n"), "header")


@test
def added(t):
    got = t.send(b"Subject: x\n\nhi\n", account=("full_name = Alice Liddell",))
    if got:
        t.equal(got.fields("From"), [b"Alice Liddell <alice@example.org>"],
                "From")
        t.equal(got.fields("To"), [b"undisclosed-recipients:;"], "To")
        t.check(len(got.fields("Message-ID")) == 1 and
                re.fullmatch(rb"<[^<>@\s]+@[^<>@\s]+>",
                             got.fields("Message-ID")[0]),
                f"Message-ID {got.fields('Message-ID')}")
        date = got.fields("Date")
        t.check(len(date) == 1 and
                email.utils.parsedate_to_datetime(date[0].decode()),
                f"Date {date}")
    got = t.send(b"Cc: bob@example.com\n\nhi\n")
    if got:
        t.equal(got.fields("To"), [], "To beside Cc")


@test
def removed(t):
    got = t.send(b"Return-Path: <x@y>\nContent-Length: 3\nBcc: a@b.example\n"
                 b"bcc : c@d.example,\n e@f.example\nResent-Bcc: g@h.example\n"
                 b"BCC\t:\n i@j.example\nSubject: x\n\nBcc: stays\n")
    if got:
        t.equal(got.body, b"Bcc: stays\r\n", "body")
        for name in (b"bcc", b"return-path", b"content-length", b"example,",
                     b"@f.", b"@j."):
            t.check(name not in got.header.lower(), f"{name} is there")
        t.equal(got.recipients, [BOB], "recipients")


@test
def bcc_alone(t):
    got = t.send(b"Subject: x\nBcc: a@b.example,\n c@d.example\n\nhi\n",
                 ("-t",))
    if got:
        t.equal(got.recipients, ["a@b.example", "c@d.example"], "recipients")
        t.equal(got.fields("To"), [b"undisclosed-recipients:;"], "To")
        t.check(b"@b.example" not in got.data, "Bcc shows")


@test
def recipients_of_header(t):
    got = t.send(
        b"To: (a comment (nested \\) one)) \"Quoted \\\" one\" <a@x.example>"
        b",\n\tUndisclosed: b@x.example, \"c d\"@x.example;,\n"
        b" <@route.example,@other.example:e@x.example>, f . g @ x . example"
        b" (last)\nCc: A@x.example, a@X.EXAMPLE, h@[127.0.0.1]\n"
        b"Bcc: i@x.example\n\nhi\n", ("-t", "j@x.example"))
    if got:
        t.equal(sorted(got.recipients), sorted([
            "a@x.example", "b@x.example", '"c d"@x.example', "e@x.example",
            "f.g@x.example", "A@x.example", "h@[127.0.0.1]", "i@x.example",
            "j@x.example"]), "recipients")


@test
def t_twice(t):
    for args in (("-t", "-t"), ("-ti",), ("-t", "-i", "-oi"), ("-it",)):
        got = t.send(b"To: bob@example.com\n\nhi\n", args)
        if got:
            t.equal(got.recipients, [BOB], f"{args}")


@test
def resent(t):
    got = t.send(b"Resent-To: new@x.example\nTo: old@x.example\nDate: "
                 b"Mon, 23 Nov 2026 18:20:34 +0100\nFrom: a@x.example\n"
                 b"Message-ID: <old@x>\n\nhi\n", ("-t",))
    if got:
        t.equal(got.recipients, ["new@x.example"], "recipients")
        for name in ("Resent-Date", "Resent-From", "Resent-Message-ID",
                     "Date", "From", "Message-ID", "To"):
            t.equal(len(got.fields(name)), 1, f"{name} fields")
        t.equal(got.fields("Message-ID"), [b"<old@x>"], "Message-ID")


@test
def bare_addresses(t):
    got = t.send(b"To: root, Bob <bob>\nCc: carol@x.example\n"
                 b"Reply-To: help\n\nhi\n", ("-t", "dave"))
    if got:
        t.equal(sorted(got.recipients), [
            "bob@example.org", "carol@x.example", "dave@example.org",
            "root@example.org"], "recipients")
        t.equal(got.fields("To"), [b"root@example.org, Bob <bob@example.org>"],
                "To")
        t.equal(got.fields("Reply-To"), [b"help@example.org"], "Reply-To")
    got = t.send(b"\nhi\n", ("dave",), account=("domain = x.example",))
    if got:
        t.equal(got.recipients, ["dave@x.example"], "recipients")


@test
def two_from_fields(t):
    got = t.send(b"From: a@x.example\nFrom: b@x.example\nSubject: x\n\nhi\n")
    if got:
        t.equal(got.fields("From"), [b"a@x.example", b"b@x.example"], "From")


@test
def ten_thousand_addresses(t):
    many = [f"user{i}@example{i % 7}.com" for i in range(10000)]
    lines = ",\n ".join(many).encode()
    got = t.send(b"To: " + lines + b"\n\nhi\n", ("-t",), cpu=5.0)
    if got:
        t.equal(len(got.recipients), 10000, "recipients")
        t.check(got.recipients == many, "not the same recipients")


@test
def deep_nesting(t):
    comment = b"\n ".join([b"(" * 500] * 20) + b"\n " + \
        b"\n ".join([b")" * 500] * 20)
    got = t.send(b"To: " + comment + b"\n bob@example.com\n\nhi\n", ("-t",))
    if got:
        t.equal(got.recipients, [BOB], "recipients")
    t.refuse(65, b"To: " + b"\n ".join([b"(" * 500] * 20) +
             b" bob@example.com\n\nhi\n", ("-t",))


@test
def bad_header_addresses(t):
    for value in (b"a@b@c", b"<a@b", b"a b@c.example", b"@", b"a@",
                  b"\"open@x.example", b"a@b..example"):
        t.refuse(65, b"To: " + value + b"\n\nhi\n", ("-t",))


@test
def large(t):
    t.serve("--open", "--discard")
    size = 64 * 1024 * 1024
    line = b"z" * 75 + b"\n"
    body = line * (size // len(line))
    start = b"Subject: x\nDate: Mon, 23 Nov 2026 18:20:34 +0100\n" \
        b"From: alice@example.org\nTo: bob@example.com\nMessage-ID: <m@x>\n\n"
    got = t.send(start + body, account=OPEN, cpu=20.0)
    if got:
        want = hashlib.sha256((start + body).replace(b"\n", b"\r\n"))
        t.equal(got.sha256, want.hexdigest(), "SHA-256")
    t.serve("--discard")
    got = t.send(start + body, cpu=20.0)
    if got:
        t.equal(got.sha256, want.hexdigest(), "SHA-256 through TLS")


# Arguments

@test
def senders(t):
    for args, want in ((("-f", ""), ""), (("-f", "<>"), ""), (("-f<>",), ""),
                       (("-fx@y.example",), "x@y.example"),
                       (("-r", "x@y.example"), "x@y.example"),
                       (("-f", "<x@y.example>"), "x@y.example"),
                       (("-f", "bare"), "bare@example.org"),
                       ((), "alice@example.org")):
        got = t.send(b"\nhi\n", (*args, BOB))
        if got:
            t.equal(got.sender, want, f"sender of {args}")
    got = t.send(b"\nhi\n", (BOB, "-f", "x@y.example"))
    if got:
        t.equal(got.sender, "x@y.example", "sender behind the recipient")


@test
def bad_senders(t):
    for value in ("a\r\nRCPT TO:<x@y>", "a@b\n", "a@b\r", "a b@c.example",
                  "a@b>", "a@b> SIZE=9 <", "a@b c", "@", "a@b@c"):
        t.refuse(64, b"\nhi\n", ("-f", value, BOB))


@test
def full_names(t):
    for value, want in (
            ("Alice", b"Alice <alice@example.org>"),
            ("Alice X. L", b'"Alice X. L" <alice@example.org>'),
            ('Al "Ace" \\ L', b'"Al \\"Ace\\" \\\\ L" <alice@example.org>'),
            ("", b"alice@example.org")):
        got = t.send(b"\nhi\n", ("-F", value, BOB))
        if got:
            t.equal(got.fields("From"), [want], f"From of {value!r}")
    name = "J\xfcrgen \u8349 " * 12
    got = t.send(b"\nhi\n", ("-F", name.strip(), BOB))
    if got:
        t.check(got.header.isascii(), f"8-bit: {got.header}")
        shown = str(email.header.make_header(email.header.decode_header(
            got.fields("From")[0].decode())))
        t.equal(shown, name.strip() + " <alice@example.org>", "From decoded")
    for value in ("a\r\nBcc: x@y", "a\nb", "a\rb"):
        t.refuse(64, b"\nhi\n", ("-F", value, BOB))
    got = t.send(b"\nhi\n", ("-F", "n" * 900, BOB))
    result = t.run(["-F", "name " * 2048, BOB], b"\nhi\n", account=OPEN)
    t.check(result.status in (0, 64, 65), f"-F of 10 KB: {result!r}")


@test
def recipient_forms(t):
    for arg, want in (("a@[127.0.0.1]", ["a@[127.0.0.1]"]),
                      ('"a b"@c.example', ['"a b"@c.example']),
                      ("Bob <bob@c.example>", ["bob@c.example"]),
                      ("<bob@c.example>", ["bob@c.example"]),
                      ("a@x.example,b@y.example",
                       ["a@x.example", "b@y.example"]),
                      ("a@x.example,", ["a@x.example"]),
                      ("user@b\xfccher.example",
                       ["user@xn--bcher-kva.example"])):
        got = t.send(b"\nhi\n", (arg,))
        if got:
            t.equal(got.recipients, want, f"recipients of {arg}")
    got = t.send(b"\nhi\n", ("--", "-oQ/x@y.example"))
    if got:
        t.equal(got.recipients, ["-oQ/x@y.example"], "after --")
    got = t.send(b"\nhi\n", (BOB, "bob@EXAMPLE.com", BOB))
    if got:
        t.equal(got.recipients, [BOB], "duplicates")
    got = t.send(b"\nhi\n", ("j\xfcrgen@b\xfccher.example",))
    if got:
        t.check("SMTPUTF8" in got.mail[0], got.mail[0])


@test
def several_recipients_in_an_argument(t):
    for arg in ("bob@example.com,carol@example.com",
                "bob@example.com, carol@example.com,",
                "bob@example.com carol@example.com",
                "  bob@example.com\t carol@example.com "):
        got = t.send(b"\nhi\n", (arg,))
        if got:
            t.equal(got.recipients, [BOB, "carol@example.com"], arg)


@test
def bad_recipients(t):
    for arg in ("a@b@c", "@", "a@", "@b", "a@b\r\nDATA", "a@b\n", "a b@c",
                "a@b c", "a@b c@d@e",
                "a@b> SIZE=9", "a@" + "d" * 60 + ".d" * 100, "<a@b",
                "a@b..c", "x" * 100000 + "@y.example", ""):
        t.refuse((64, 65), b"\nhi\n", (arg,))
    result = t.run(["l" * 65 + "@x.example"], b"\nhi\n", account=OPEN)
    t.check(result.status in (0, 64, 65), f"local part of 65: {result!r}")


@test
def usage(t):
    t.refuse(64, b"\nhi\n", ())
    t.refuse(64, b"Subject: x\n\nhi\n", ("-t",))
    t.refuse(64, b"\nhi\n", ("--no-such-option", BOB))
    t.refuse(64, b"\nhi\n", ("-a", "nobody", BOB))
    t.refuse(64, b"\nhi\n", ("--set", "nonsense", BOB))
    t.refuse(64, b"\nhi\n", (BOB, "-f"))


@test
def ignored_options(t):
    t.send(b"\nhi\n", ("-oem", "-oep", "-oeq", "-oew", "-oee", "-Am", "-n",
                       "-m", "-s", "-U", "-G", "-h", "3", "-OTimeout=1",
                       "-pNNTP:x", "-B8BITMIME", "-B", "7BIT", "-odi", "-bm",
                       "-X", t.path("trace"), BOB))
    t.check(not os.path.exists(t.path("trace")), "-X wrote a file")


@test
def verbose(t):
    t.serve()
    result = t.run(["-v", BOB], b"\nhi\n")
    t.equal(result.status, 0, f"-v: {result!r}")
    for word in ("EHLO", "STARTTLS", "MAIL FROM:<alice@example.org>", "354"):
        t.check(word in result.stderr, f"{word} is not shown by -v")


@test
def called_sendmail(t):
    t.serve()
    name = t.path("sendmail")
    os.symlink(lib.SENDOFF, name)
    home = t.path("config")
    os.makedirs(os.path.join(home, "sendoff"))
    t.lab.account(os.path.join(home, "sendoff", "sendoff.conf"), t.relay.port)
    env = lib.environment(t.lab, XDG_CONFIG_HOME=home)
    result = lib.run(t.lab, t.dir, ["-i", BOB], b"\nhi\n", env=env,
                     binary=name)
    t.equal(result.status, 0, f"as sendmail: {result!r}")
    t.equal(len(t.relay.taken()), 1, "messages taken")
    for args in (("-C", t.path("x")), ("--config", t.path("x")),
                 ("--set", "port=1")):
        result = lib.run(t.lab, t.dir, [*args, BOB], b"\nhi\n", env=env,
                         binary=name)
        t.equal(result.status, 64, f"as sendmail with {args}")
        t.check("sendoff" in result.stderr, f"no remedy: {result!r}")


@test
def dry_run(t):
    t.serve()
    result = t.run(["--dry-run", BOB], b"Subject: x\n\nhello there\n")
    t.equal(result.status, 0, f"--dry-run: {result!r}")
    for word in (b"hello there", b"bob@example.com", b"alice@example.org"):
        t.check(word in result.out, f"{word} is not shown")
    t.equal(t.relay.said(), "", "said to the relay")


@test
def print_config(t):
    t.serve()
    result = t.run(["--print-config"])
    t.equal(result.status, 0, f"--print-config: {result!r}")
    again = t.run(["--print-config"], raw=result.out + b"password = x\n"
                  if b"\npassword" not in result.out else result.out)
    t.equal(again.status, 0, f"it does not read back: {again!r}")

    def settings(out):
        return [x for x in out.split(b"\n") if x and not x.startswith(b"#")]
    t.equal([x for x in settings(again.out) if b"password" not in x],
            [x for x in settings(result.out) if b"password" not in x],
            "read back")


# Surroundings

def shell(script):
    return ("/bin/sh", "-c", script + ' "$0" "$@"')


@test
def descriptors_closed(t):
    for redirect in (">&-", "2>&-", ">&- 2>&-"):
        t.send(b"\nhi\n", before=shell(f"exec {redirect}; exec"))
    before = len(t.relay.taken())
    for redirect in ("<&-", "<&- >&- 2>&-"):
        result = t.run([BOB], b"", account=OPEN,
                       before=shell(f"exec {redirect}; exec"))
        new = len(t.relay.taken()) - before
        before += new
        t.check((result.status, new) in ((0, 1), (74, 0)),
                f"{redirect}: {new} taken, {result!r}")


@test
def no_arguments_at_all(t):
    code = ("import ctypes,sys;l=ctypes.CDLL(None);"
            "l.execve(sys.argv[1].encode(),(ctypes.c_char_p*1)(None),"
            "(ctypes.c_char_p*1)(None))")
    result = lib.run(t.lab, t.dir, [], b"\nhi\n",
                     before=(sys.executable, "-S", "-c", code))
    t.check(result.status in (64, 78), f"no argv: {result!r}")
    t.check(result.err, "nothing on stderr")


@test
def locale_and_time_zone(t):
    for changes in ({"LC_ALL": "tr_TR.UTF-8"}, {"TZ": "garbage"},
                    {"TZ": ":/etc/passwd"}, {"TZ": "A" * 5000},
                    {"TZ": "XXX-14:45"}):
        got = t.send(b"BCC: x@y.example\nSubject: x\n\nhi\n",
                     env=lib.environment(t.lab, **changes))
        if got:
            t.check(b"@y.example" not in got.data, f"Bcc shows: {changes}")
            date = got.fields("Date")[0].decode()
            t.check(email.utils.parsedate_to_datetime(date), date)


@test
def homes(t):
    for home in (None, "", "relative/home", "/nonexistent", "/", "/etc"):
        t.send(b"\nhi\n", env=lib.environment(t.lab, HOME=home))
    t.send(b"\nhi\n", env={})


@test
def umasks(t):
    for mask in (0, 0o777):
        t.send(b"Subject: x\n\n" + b"line\n" * 200000,
               preexec=lambda mask=mask: os.umask(mask) and None)


@test
def limits(t):
    def limit(what, n):
        return lambda: resource.setrlimit(what, (n, n))
    result = t.run([BOB], b"Subject: x\n\n" + b"line\n" * 200000,
                   account=OPEN, before=shell("ulimit -f 0; exec"))
    t.check(result.status in (0, 73, 74, 75), f"RLIMIT_FSIZE: {result!r}")
    for n in range(3, 12):
        result = t.run([BOB], b"\nhi\n",
                       account=OPEN, before=shell(f"ulimit -n {n}; exec"))
        t.check(result.status in (0, 69, 71, 73, 74, 75, 78, 127),
                f"NOFILE {n}: {result!r}")


@test
def standard_inputs(t):
    t.serve("--open")
    fd = os.open(t.dir, os.O_RDONLY)
    with _Descriptor(fd) as source:
        t.refuse(74, source, account=OPEN)
    ours, theirs = pty.openpty()
    os.write(ours, b"Subject: x\n\nfrom a terminal\n\x04")
    with _Descriptor(theirs) as source:
        t.body(source, b"from a terminal\r\n", account=OPEN)
    os.close(ours)


class _Descriptor:
    """A descriptor that Popen takes, closed at the end."""

    def __init__(self, fd):
        self.fd = fd

    def fileno(self):
        return self.fd

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        os.close(self.fd)

    def __getitem__(self, what):
        return b"(a descriptor)"


# Account files

LOGIN_PLAY = """S 220 relay.example.net ESMTP
C EHLO *
S 250-relay.example.net
S 250 STARTTLS
C STARTTLS
S 220 go ahead
TLS
C EHLO *
S 250-relay.example.net
S 250 AUTH PLAIN
C AUTH PLAIN *
S 535 5.7.8 noted
C? QUIT
S 221 bye
"""


def password_heard(t, line, statuses=(77,), prefix=b"", raw=None):
    """The password that goes out for an account file's password line."""
    directory = t.lab.fresh("password")
    play = t.lab.write(os.path.join(directory, "play"), LOGIN_PLAY)
    with lib.Relay(t.lab, directory, "--play", play) as relay:
        path = os.path.join(directory, "account")
        text = (b"server = 127.0.0.1\nport = %d\nusername = alice\n"
                b"tls_trust = %s\nlog = none\nfrom = alice@example.org\n" %
                (relay.port, t.lab.ca.encode()))
        t.lab.write(path, prefix + text + line)
        result = lib.run(t.lab, directory, ["-C", path, BOB], b"\nhi\n")
        relay.finish(1)
        heard = re.search(r"^C AUTH PLAIN (\S+)$", relay.said(), re.M)
    t.check(result.status in statuses, f"{line[:60]!r}: {result!r}")
    if not heard:
        return None
    return base64.b64decode(heard[1]).split(b"\0")[2]


@test
def passwords(t):
    for written, want in (
            (b"plain", b"plain"), (b"a ;b", b"a ;b"), (b"a #b", b"a #b"),
            (b"#a;b", b"#a;b"), (b"a=b = c", b"a=b = c"),
            (b"a: b", b"a: b"), (b'a"b', b'a"b'), (b"a'b'", b"a'b'"),
            (b'"a ; b"', b"a ; b"), (b'"  a  "', b"  a  "),
            (b"p\xc3\xa4ss", b"p\xc3\xa4ss"), (b"[x]", b"[x]"),
            (b"$HOME", b"$HOME"), (b"a\\b", b"a\\b"),
            (b"p\xe4ss", b"p\xe4ss")):
        got = password_heard(t, b"password = " + written + b"\n")
        t.equal(got, want, f"password {written!r}")
    t.equal(password_heard(t, b"password = last"), b"last", "no final LF")
    t.equal(password_heard(t, b"password = last\r\n"), b"last", "CRLF")


@test
def password_in_an_argument(t):
    """ps(1) does not show it once sendoff waits for the message."""
    t.serve("--open")
    t.lab.account(t.path("account"), t.relay.port, OPEN)
    process = subprocess.Popen(
        [lib.SENDOFF, "-C", t.path("account"), "--set", "username=alice",
         "--set", "auth=none", "--set", "password=in-an-argument", BOB],
        stdin=subprocess.PIPE, env=lib.environment(t.lab))
    try:
        # Its reading of standard input comes after its options.
        end = time.monotonic() + 20
        seen = b"in-an-argument"
        while (not seen or b"in-an-argument" in seen) and \
                time.monotonic() < end:
            with open(f"/proc/{process.pid}/cmdline", "rb") as f:
                seen = f.read()
        t.check(b"password=" in seen and b"in-an-argument" not in seen,
                f"arguments: {seen!r}")
        process.communicate(b"\nhi\n", 20)
        t.equal(process.returncode, 0, "status")
    finally:
        process.kill()
        process.wait()


@test
def long_passwords(t):
    for n in range(180, 211, 3):
        want = b"p" * n
        got = password_heard(t, b"password = " + want + b"\n", (77, 78))
        t.check(got in (None, want), f"password of {n} bytes was cut")


@test
def long_lines_in_account(t):
    for n in (198, 199, 200, 201, 400):
        comment = b"#" + b"x" * (n - 20) + b" password = stray!!!"
        got = password_heard(t, b"password = good\n", (77, 78),
                             prefix=comment[:n] + b"\n")
        t.check(got in (None, b"good"), f"comment of {n} bytes: {got!r}")


@test
def odd_bytes_in_account(t):
    got = password_heard(t, b"password = good\n", (77, 78),
                         prefix=b"\xef\xbb\xbf")
    t.check(got in (None, b"good"), f"BOM: {got!r}")
    got = password_heard(t, b"password = go\0od\n", (78,))
    t.equal(got, None, "NUL in a password")
    got = password_heard(t, b"password = go\rod\n", (77, 78))
    t.check(got in (None, b"go\rod"), f"CR in a password: {got!r}")
    got = password_heard(t, b"  password = good\n", (77, 78))
    t.check(got in (None, b"good"), f"indented: {got!r}")


def bad_account(t, changes, word=None):
    result = t.refuse(78, b"\nhi\n", account=changes)
    if word:
        t.check(word in result.stderr, f"no '{word}' for {changes}: "
                f"{result.stderr!r}")


@test
def account_values(t):
    t.serve()
    for changes, word in (
            (("srever = x",), "server"), (("passwort = x",), "password"),
            (("-server",), "server"), (("port = 0",), "port"),
            (("port = 65536",), "port"), (("port = abc",), "port"),
            (("timeout = -1",), "timeout"), (("timeout = 0s",), "timeout"),
            (("starttls = yse",), "starttls"),
            (("implicit_tls = maybe",), "implicit_tls"),
            (("tls_min = 9",), "tls_min"),
            (("tls_priority = NONSENSE",), "priority"),
            (("tls_trust = /nonexistent/ca.pem",), "/nonexistent/ca.pem"),
            (("tls_trust = /dev/null",), "/dev/null"),
            (("auth = NOSUCH",), "NOSUCH"),
            (("log_format = xml",), "log_format"),
            (("password = \"open",), None),
            (("partial = sometimes",), "partial")):
        bad_account(t, changes, word)
    t.equal(t.relay.said(), "", "said to the relay")


@test
def account_files(t):
    t.serve()
    good = t.lab.account(t.path("good"), t.relay.port)
    with open(good, "rb") as f:
        text = f.read()

    def use(path):
        return lib.run(t.lab, t.dir, ["-C", path, BOB], b"\nhi\n", limit=10)

    def refused(path, what, word=None):
        result = use(path)
        t.equal(result.status, 78, f"{what}: {result!r}")
        t.check(word is None or word in result.stderr,
                f"{what}: no '{word}' in {result.stderr!r}")
    link = t.path("link")
    os.symlink(good, link)
    t.equal(use(link).status, 0, "symbolic link")
    open_to_all = t.lab.write(t.path("open"), text, 0o644)
    refused(open_to_all, "mode 0644", "chmod")
    for changes in (("-password",),):
        path = t.lab.account(t.path("no-password"), t.relay.port,
                             ("password_command = echo 's3cret pass'",
                              *changes), mode=0o644)
        result = use(path)
        t.equal(result.status, 0, f"mode 0644 without password: {result!r}")
    fifo = t.path("fifo")
    os.mkfifo(fifo, 0o600)
    refused(fifo, "FIFO")
    refused(t.dir, "directory")
    refused("/dev/null", "device")
    refused("/dev/zero", "device")
    refused(t.path("missing"), "missing", "missing")
    refused(t.lab.write(t.path("big"), text + b"#x\n" * 22000), "65 KiB")
    refused(t.lab.write(t.path("twice"), text + b"port = 1\n"), "twice",
            "port")
    refused(t.lab.write(t.path("open-section"), text + b"[home\n"),
            "unclosed section")
    refused(t.lab.write(t.path("sections"), b"[a]\n" + text + b"[a]\n"),
            "section twice")
    refused(t.lab.write(t.path("empty"), b""), "empty file", "server")
    if os.getuid() == 0:
        os.chown(good, 65534, 65534)
        refused(good, "somebody else's file")


@test
def accounts(t):
    t.serve()
    text = f"""server = 127.0.0.1
port = {t.relay.port}
tls_trust = {t.lab.ca}
username = alice
password = s3cret pass
log = none
default_account = home

[home]
from = home@example.org

[work]
inherit = home
from = work@example.net
match = *@example.net, boss@example.com
"""
    for args, message, want in (
            ((), b"\nhi\n", "home@example.org"),
            (("-a", "work"), b"\nhi\n", "work@example.net"),
            (("--account", "work"), b"\nhi\n", "work@example.net"),
            ((), b"From: x@example.net\n\nhi\n", "work@example.net"),
            ((), b"From: The Boss <boss@example.com>\n\nhi\n",
             "work@example.net"),
            (("--set", "from=set@example.org"), b"\nhi\n",
             "set@example.org")):
        got = t.send(message, (*args, BOB), raw=text)
        if got:
            t.equal(got.sender, want, f"sender of {args} {message!r}")
    text += "[loop]\ninherit = pool\n[pool]\ninherit = loop\n"
    result = t.refuse(78, b"\nhi\n", ("-a", "loop", BOB), raw=text)
    t.check("loop" in result.stderr, result.stderr)
    t.refuse(64, b"\nhi\n", ("-a", "none", BOB), raw=text)


@test
def password_commands(t):
    t.serve()

    def use(command):
        return ("-password", f"password_command = {command}")
    t.send(b"\nhi\n", account=use("echo 's3cret pass'"))
    t.send(b"\nhi\n", account=use("cat; echo 's3cret pass'; echo more"))
    t.refuse(75, b"\nhi\n", account=use("echo 's3cret pass'; exit 3"))
    t.refuse(75, b"\nhi\n", account=use("kill -9 $$"))
    t.refuse((75, 78), b"\nhi\n", account=use("true"))
    t.refuse((75, 78), b"\nhi\n",
             account=use("head -c 1000000 /dev/zero | tr '\\0' x"))
    secret = t.lab.write(t.path("secret"), b"s3cret pass\nmore\n")
    t.send(b"\nhi\n", account=("-password", f"password_file = {secret}"))
    t.refuse(78, b"\nhi\n",
             account=("-password", "password_file = /nonexistent/secret"))
    result = t.refuse((77, 78), b"\nhi\n", account=("-password",))
    t.check("password" in result.stderr, f"no password: {result.stderr!r}")


@test
def netrc(t):
    t.serve()
    t.lab.write(t.path(".netrc"), b"machine 127.0.0.1 login alice password "
                b"\"s3cret pass\"\n")
    result = t.run([BOB], b"\nhi\n", account=("-password",),
                   env=lib.environment(t.lab, HOME=t.dir))
    t.check(result.status in (0, 77), f"netrc: {result!r}")


@test
def json_outcome(t):
    t.serve()
    result = t.run(["--json", BOB, "x@refused.example", "y@deferred.example"],
                   b"Subject: x\n\nhi\n")
    t.equal(result.status, 67, f"{result!r}")
    try:
        outcome = result.json()
    except ValueError:
        t.check(False, f"no JSON: {result!r}")
        return
    t.equal(sorted(outcome), sorted(
        ["status", "account", "relay", "tls", "auth", "sender", "message_id",
         "size", "queue_id", "recipients", "error", "milliseconds"]), "keys")
    t.equal(outcome["relay"], f"127.0.0.1:{t.relay.port}", "relay")
    t.equal(outcome["tls"], "TLS1.3", "tls")
    t.equal(outcome["auth"], "PLAIN", "auth")
    t.equal(outcome["sender"], "alice@example.org", "sender")
    t.equal(outcome["queue_id"], None, "queue_id")
    t.equal([(r["address"], r["state"], r["code"], r["enhanced"])
             for r in outcome["recipients"]],
            [(BOB, "accepted", 250, "2.0.0"),
             ("x@refused.example", "refused", 550, "5.1.1"),
             ("y@deferred.example", "deferred", 450, "4.2.1")], "recipients")
    taken = t.relay.taken()[0]
    t.equal(outcome["size"], taken.size, "size")
    t.equal(outcome["message_id"],
            taken.fields("Message-ID")[0].decode(), "message_id")
    for name in ("x@refused.example", "550", "y@deferred.example", "450"):
        t.check(name in result.stderr, f"{name} is not on stderr")


@test
def nothing_listens(t):
    t.serve()
    port = t.relay.port
    t.stop()
    t.relay = lib.Relay(t.lab, t.lab.fresh("relay"), "--serve")
    t.refuse(75, b"\nhi\n", account=(f"port = {port}",))
    t.send(b"\nhi\n", account=(f"port = {port}, {t.relay.port}",))


@test
def untrusted(t):
    t.serve()
    result = t.refuse(69, b"\nhi\n", account=("-tls_trust",))
    said = t.relay.said()
    t.check("C EHLO" in said, "never came to the relay")
    t.check("C MAIL" not in said and "C AUTH" not in said,
            "went on with a relay that is not trusted")
    t.check("certificate" in result.stderr, result.stderr)
    result = t.refuse(69, b"\nhi\n",
                      account=("tls_server_name = other.example",))
    t.check("other.example" in result.stderr, result.stderr)


def attempt(lab, function):
    case = Case(lab, function.__name__)
    try:
        function(case)
    except Exception:
        case.faults.append(traceback.format_exc())
    finally:
        case.stop()
    return case.faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=4)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    chosen = [f for f in TESTS if not options.names or
              any(n in f.__name__ for n in options.names)]
    tally = lib.Tally()
    with lib.Lab() as lab, \
            concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        jobs = [(f, pool.submit(attempt, lab, f)) for f in chosen]
        for function, job in jobs:
            tally.add(function.__name__, job.result())
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
