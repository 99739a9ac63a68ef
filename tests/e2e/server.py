#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""-bs: sendoff as an SMTP server on standard input and output, its relay the
scripted one or one whose replies a test chooses.  Clients: Python's smtplib
over a socket pair, swaks and nmh where they are installed, what recorded
clients said, and bytes written by hand.  Standard error is the same pipe as
standard output throughout, as it is for nmh and alpine.

Arguments: parts of names, to run only those; -j N: N at a time.
"""

import argparse
import array
import concurrent.futures
import contextlib
import fcntl
import os
import re
import resource
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import termios
import time
import traceback

import lib
import mimic

TESTS = []
BOB = "bob@example.com"
CAROL = "carol@example.net"
OPEN = ("starttls = no", "-username", "-password")
HELLO = b"Subject: x\r\n\r\nhello\r\n"
PATIENCE = 20


def test(function):
    TESTS.append(function)
    return function


class Skip(Exception):
    """Why a test cannot run here."""


class Client:
    """sendoff -bs on a socket pair; what it said, reply by reply."""

    def __init__(self, case, args=("-bs",), preexec=None, blocking=True):
        self.ours, theirs = socket.socketpair()
        theirs.setblocking(blocking)
        self.ours.settimeout(PATIENCE)
        self.process = subprocess.Popen(
            [lib.SENDOFF, *args], stdin=theirs, stdout=theirs,
            stderr=theirs, env=lib.environment(case.lab), cwd=case.dir,
            preexec_fn=preexec)
        theirs.close()
        self.file = self.ours.makefile("rb")
        self.all = b""

    def reply(self):
        """One reply's lines, without their ends."""
        lines = []
        while not lines or lines[-1][3:4] == b"-":
            line = self.file.readline()
            self.all += line
            if not line:
                raise EOFError(f"after {self.all!r}")
            if not re.fullmatch(rb"[2-5]\d\d[ -][ -~\x80-\xff]*\r\n", line):
                raise ValueError(f"no line of a reply: {line!r}")
            lines.append(line[:-2])
        return lines

    def code(self):
        return int(self.reply()[-1][:3])

    def put(self, data):
        self.ours.sendall(data)

    def say(self, line):
        """A command; its reply's code."""
        self.put(line + b"\r\n")
        return self.code()

    def envelope(self, sender=b"alice@example.org",
                 recipients=(BOB.encode(),)):
        for line in (b"EHLO x", b"MAIL FROM:<%s>" % sender,
                     *(b"RCPT TO:<%s>" % r for r in recipients)):
            code = self.say(line)
            if code != 250:
                raise ValueError(f"{line!r}: {self.all!r}")

    def send(self, message=HELLO, **more):
        """A whole message; the lines of the last reply."""
        self.envelope(**more)
        if self.say(b"DATA") != 354:
            raise ValueError(f"{self.all!r}")
        self.put(message + b".\r\n")
        return self.reply()

    def hang_up(self):
        self.ours.shutdown(socket.SHUT_WR)

    def end(self):
        """The exit status, and what else was said."""
        rest = self.file.read()
        self.all += rest
        self.ours.close()
        return self.process.wait(PATIENCE), rest

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Smtplib(smtplib.SMTP):
    """smtplib with a socket that is there already."""

    def __init__(self, client):
        super().__init__(local_hostname="client.example.org")
        self.given = client.ours
        code, message = self.connect("client", 25)
        if code != 220:
            raise smtplib.SMTPConnectError(code, message)

    def _get_socket(self, _host, _port, _timeout):
        return self.given


class Case:
    """One test's directory, relay and findings."""

    def __init__(self, lab, name):
        self.lab = lab
        self.dir = lab.fresh(name)
        self.faults = []
        self.log = os.path.join(self.dir, "log")
        self.config = os.path.join(self.dir, "account")
        self.relay = None
        self.stack = contextlib.ExitStack()

    def check(self, truth, what):
        if not truth:
            self.faults.append(what if len(what) < 900 else
                               what[:900] + " ...")

    def equal(self, got, want, what):
        self.check(got == want, f"{what}: got {got!r}, not {want!r}")

    def account(self, port, *changes):
        self.lab.account(self.config, port,
                         [*OPEN, f"log = {self.log}", *changes])

    def serve(self, *changes, options=("--open",)):
        """An ordinary relay, and an account for it."""
        self.relay = self.stack.enter_context(lib.Relay(
            self.lab, self.lab.fresh("relay"), "--serve", "--lifetime", "200",
            *options))
        self.account(self.relay.port, *changes)

    def mimic(self, replies, *changes):
        """A relay with chosen replies, and an account for it."""
        relay = self.stack.enter_context(mimic.Mimic(
            self.lab, mechanisms="", replies=replies, tls="none"))
        self.account(relay.port, *changes)
        return relay

    def play(self, *lines, changes=()):
        """A relay that plays a dialogue."""
        path = os.path.join(self.dir, "play.dlg")
        self.lab.write(path, "\n" + "".join(x + "\n" for x in lines))
        relay = self.stack.enter_context(lib.Relay(
            self.lab, self.lab.fresh("relay"), "--play", path,
            "--lifetime", "200", tls=False))
        self.account(relay.port, *changes)
        return relay

    def client(self, *args, **more):
        client = Client(self, ("-C", self.config, "-bs", *args), **more)
        self.stack.callback(client.kill)
        return client

    def smtp(self):
        client = self.client()
        return client, Smtplib(client)

    def ended(self, client, status=0, rest=b""):
        got, said = client.end()
        self.equal(got, status, f"exit status after {client.all!r}")
        self.equal(said, rest, "said behind the last reply")
        for secret in lib.secrets():
            self.check(secret not in client.all, "a secret is in a reply")

    def logged(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, "rb") as f:
            return f.read().decode("utf-8")

    def taken(self, count):
        taken = self.relay.taken()
        self.equal(len(taken), count, "messages taken")
        return taken


# smtplib

@test
def smtplib_sends(t):
    t.serve()
    client, smtp = t.smtp()
    code, text = smtp.ehlo()
    t.equal(code, 250, "EHLO")
    t.equal(sorted(smtp.esmtp_features), sorted(
        ["pipelining", "size", "8bitmime", "smtputf8", "dsn",
         "enhancedstatuscodes", "chunking", "help"]), f"EHLO {text!r}")
    refused = smtp.sendmail("alice@example.org", [BOB, CAROL],
                            b"Subject: x\r\n\r\n.\r\n..\r\nhi\r\n",
                            mail_options=["BODY=8BITMIME"])
    t.equal(refused, {}, "refused")
    t.equal(smtp.quit()[0], 221, "QUIT")
    t.ended(client)
    got, = t.taken(1) or [None]
    t.equal(got.sender, "alice@example.org", "sender")
    t.equal(got.recipients, [BOB, CAROL], "recipients")
    t.equal(got.body, b".\r\n..\r\nhi\r\n", "body")
    t.check(" status=0 " in t.logged() and f"to=<{BOB}>" in t.logged(),
            f"log: {t.logged()}")


@test
def smtplib_several(t):
    t.serve()
    client, smtp = t.smtp()
    for n in range(5):
        smtp.sendmail(f"a{n}@example.org", [f"b{n}@example.com"],
                      b"Subject: %d\r\n\r\n%d\r\n" % (n, n))
        t.equal(len(t.relay.taken()), n + 1, "the 250 came before custody")
        smtp.rset()
        smtp.noop()
    smtp.quit()
    t.ended(client)
    for n, got in enumerate(t.taken(5)):
        t.equal((got.sender, got.recipients, got.body),
                (f"a{n}@example.org", [f"b{n}@example.com"], b"%d\r\n" % n),
                "message")


@test
def smtplib_utf8(t):
    t.serve()
    client, smtp = t.smtp()
    smtp.ehlo()
    smtp.mail("alice@example.org", ["SMTPUTF8", "BODY=8BITMIME"])
    smtp.rcpt("b\u00fcb@example.com")
    t.equal(smtp.data("Subject: \u00fc\r\n\r\n\u00fc\r\n".encode())[0], 250,
            "reply")
    smtp.quit()
    t.ended(client)
    got, = t.taken(1) or [None]
    t.equal(got.recipients, ["b\u00fcb@example.com"], "recipients")
    t.check(" SMTPUTF8" in got.mail[0], got.mail[0])


@test
def through_tls_and_login(t):
    t.relay = t.stack.enter_context(lib.Relay(
        t.lab, t.lab.fresh("relay"), "--serve", "--lifetime", "200"))
    t.lab.account(t.config, t.relay.port, [f"log = {t.log}"])
    client = t.client()
    client.reply()
    for _ in range(2):
        t.equal(client.send()[-1][:3], b"250", "reply")
    t.equal(client.say(b"QUIT"), 221, "QUIT")
    t.ended(client)
    t.taken(2)
    t.check("TLS TLS1.3" in t.relay.said(), "no TLS 1.3")


@test
def settings_for_each_message(t):
    """--set counts for the second message too, though ps does not show it."""
    t.relay = t.stack.enter_context(lib.Relay(
        t.lab, t.lab.fresh("relay"), "--serve", "--lifetime", "200"))
    t.lab.account(t.config, t.relay.port, [f"log = {t.log}", "-password"])
    client = t.client("--set", "password=" + lib.PASSWORD)
    client.reply()
    client.put(b"")
    with open(f"/proc/{client.process.pid}/cmdline", "rb") as f:
        t.check(lib.PASSWORD.encode() not in f.read(), "ps shows it")
    for _ in range(2):
        for line in (b"MAIL FROM:<a@example.org>", b"RCPT TO:<b@c>",
                     b"DATA"):
            client.say(line)
        client.put(HELLO + b".\r\n")
        t.equal(client.reply()[-1][:3], b"250", "reply")
    client.hang_up()
    t.ended(client)
    t.taken(2)


# What the relay says

def refused(t, want, **more):
    client = t.client()
    t.equal(client.code(), 220, "greeting")
    lines = client.send(**more)
    t.check(want in lines[0], f"{lines!r}: not {want!r}")
    t.equal(client.say(b"NOOP"), 250, "the session goes on")
    t.equal(client.say(b"QUIT"), 221, "QUIT")
    t.ended(client)
    return lines


@test
def relay_refuses_message(t):
    t.mimic({"dot": b"554-5.7.1 we think\r\n554 5.7.1 it is spam"})
    lines = refused(t, b"554 5.7.1 we think it is spam")
    t.equal(len(lines), 1, f"lines of {lines!r}")


@test
def relay_defers_message(t):
    t.mimic({"dot": b"452 4.3.1 disk full"})
    refused(t, b"452 4.3.1 disk full")


@test
def relay_refuses_sender(t):
    t.mimic({"MAIL": b"550 5.1.8 who are you"})
    refused(t, b"550 5.1.8 who are you")


@test
def relay_refuses_recipient(t):
    relay = t.mimic({"RCPT": b"550 no such user here"})
    refused(t, b"550 5.0.0 no such user here")
    t.equal(relay.messages, [], "messages")


@test
def relay_defers_recipient(t):
    t.mimic({"RCPT": b"450 4.2.0 greylisted"})
    refused(t, b"450 4.2.0 greylisted")


@test
def relay_refuses_all(t):
    t.mimic({"RCPT": b"550 5.1.1 no such user"})
    client, smtp = t.smtp()
    try:
        smtp.sendmail("alice@example.org", [BOB, CAROL], HELLO)
        t.check(False, "no exception")
    except smtplib.SMTPDataError as e:
        t.equal((e.smtp_code, e.smtp_error), (550, b"5.1.1 no such user"),
                "error")
    smtp.quit()
    t.ended(client)


PARTIAL = (
    "S 220 relay ESMTP", "C EHLO *", "S 250 relay",
    "C MAIL FROM:<alice@example.org>*", "S 250 ok",
    f"C RCPT TO:<{BOB}>", "S 250 ok",
    f"C RCPT TO:<{CAROL}>", "S 550 5.1.1 no Carol here",
)


@test
def partial_yes(t):
    relay = t.play(*PARTIAL, "C DATA", "S 354 go", "BODY", "S 250 taken",
                   "C QUIT", "S 221 bye")
    lines = refused(t, b"550-5.1.1 no Carol here",
                    recipients=(BOB.encode(), CAROL.encode()))
    t.check(b"550-5.1.1 <carol@example.net> has not got it, refused: 550 no"
            b" Carol here" in lines, repr(lines))
    t.check(b"550 5.1.1 <bob@example.com> has got it" in lines, repr(lines))
    t.equal(relay.finish(), 0, f"the play: {relay.errors()}")


@test
def partial_no(t):
    relay = t.play(*PARTIAL, "C? QUIT", "S 221 bye",
                   changes=("partial = no",))
    lines = refused(t, b"550-5.1.1 no Carol here",
                    recipients=(BOB.encode(), CAROL.encode()))
    t.check(not any(b"bob@example.com> has got it" in x for x in lines),
            repr(lines))
    t.check("DATA" not in relay.said(), relay.said())


@test
def relay_greets_with_refusal(t):
    t.mimic({"greeting": b"554 5.7.1 go away"})
    refused(t, b"451 4.4.1 ")


@test
def relay_says_later(t):
    t.mimic({"greeting": b"421 4.3.2 busy"})
    refused(t, b"451 4.4.1 ")
    t.mimic({"dot": b"421 4.3.2 closing"})
    refused(t, b"451 4.")


@test
def relay_is_gone_behind_dot(t):
    t.mimic({"dot": mimic.CLOSE})
    refused(t, b"451 4.4.2 ")


@test
def relay_is_down(t):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        t.account(s.getsockname()[1])
        refused(t, b"451 4.4.1 ")


@test
def relay_speaks_other(t):
    t.mimic({"greeting": b"SSH-2.0-OpenSSH"})
    refused(t, b"451 4.5.0 ")


@test
def relay_shows_escapes(t):
    t.mimic({"dot": b"554 5.7.1 \033[31mred\r\n"[:-2]})
    refused(t, b"554 5.7.1 \\x1B[31mred")


@test
def relay_takes_less(t):
    relay = t.mimic({"EHLO": b"250-relay\r\n250 SIZE 300"})
    refused(t, b"552 5.3.4 ", message=HELLO + b"x\r\n" * 200)
    t.check(b"DATA" not in relay.heard, repr(relay.heard))


@test
def wrong_password(t):
    t.relay = t.stack.enter_context(lib.Relay(
        t.lab, t.lab.fresh("relay"), "--serve", "--lifetime", "200"))
    t.lab.account(t.config, t.relay.port,
                  [f"log = {t.log}", "password = wrong"])
    refused(t, b"451 4.7.0 ")
    t.taken(0)


@test
def certificate_not_trusted(t):
    t.relay = t.stack.enter_context(lib.Relay(
        t.lab, t.lab.fresh("relay"), "--serve", "--lifetime", "200"))
    t.lab.account(t.config, t.relay.port, [f"log = {t.log}", "-tls_trust"])
    refused(t, b"451 4.4.1 ")


@test
def no_account_file(t):
    t.config = os.path.join(t.dir, "none")
    client = t.client()
    lines = client.reply()
    t.check(lines[0].startswith(b"421"), repr(lines))
    t.check(lines[0][4:].startswith(b"4.3.5 "), repr(lines))
    t.ended(client, 78)


@test
def account_goes_wrong_later(t):
    t.serve()
    client = t.client()
    t.equal(client.code(), 220, "greeting")
    t.equal(client.send()[0][:3], b"250", "reply")
    good = open(t.config, encoding="ascii").read()
    t.lab.write(t.config, "nonsense = 1\n")
    t.equal(client.send()[0][:9], b"451 4.3.5", "reply")
    t.lab.write(t.config, good)
    t.equal(client.send()[0][:3], b"250", "reply")
    client.hang_up()
    t.ended(client)
    t.taken(2)


@test
def message_cannot_go(t):
    t.serve()
    client = t.client()
    client.reply()
    header = b"X: " + b"x" * (1024 * 1024)
    t.equal(client.send(header + b"\r\n\r\nx\r\n")[0][:9], b"554 5.6.0",
            "a header that is too long")
    t.equal(client.send()[0][:3], b"250", "the next one")
    client.hang_up()
    t.ended(client)
    t.taken(1)


# Nothing of one message shows in another

@test
def envelopes_stay_apart(t):
    t.serve()
    client = t.client("-t", "-f", "wrong@example.org", "also@example.com")
    client.reply()
    client.envelope(b"", (b"one@example.com",))
    t.equal(client.say(b"RSET"), 250, "RSET")
    t.equal(client.say(b"DATA"), 503, "DATA")
    t.equal(client.send(b"To: more@example.com\r\nBcc: x@example.com\r\n\r\n"
                        b"hi\r\n", sender=b"")[0][:3], b"250", "reply")
    client.put(b"QUIT\r\n")
    client.reply()
    t.ended(client)
    got, = t.taken(1) or [None]
    t.equal((got.sender, got.recipients), ("", [BOB]), "envelope")
    t.equal(got.fields("Bcc"), [], "Bcc")


@test
def notifications(t):
    """What is asked for goes on; what is not, is what the account says."""
    relay = t.mimic({"EHLO": b"250-relay\r\n250 DSN"},
                    "dsn_notify = failure")
    client = t.client("-N", "never", "-V", "other")
    client.reply()
    for line in (b"MAIL FROM:<alice@example.org> RET=HDRS ENVID=q+2B1",
                 b"RCPT TO:<one@example.com> NOTIFY=SUCCESS,DELAY"
                 b" ORCPT=rfc822;o+2Bne@example.com",
                 b"RCPT TO:<two@example.com>"):
        t.equal(client.say(line), 250, repr(line))
    client.say(b"DATA")
    client.put(HELLO + b".\r\n")
    t.equal(client.code(), 250, "reply")
    t.equal(client.send()[0][:3], b"250", "the next one")
    client.hang_up()
    t.ended(client)
    lines = [x for x in relay.heard if x[:4] in (b"MAIL", b"RCPT")]
    t.check(lines[0].endswith(b" RET=HDRS ENVID=q+2B1"), repr(lines))
    t.equal(lines[1], b"RCPT TO:<one@example.com> NOTIFY=SUCCESS,DELAY"
            b" ORCPT=rfc822;o+2Bne@example.com", "one")
    t.equal(lines[2], b"RCPT TO:<two@example.com> NOTIFY=FAILURE"
            b" ORCPT=rfc822;two@example.com", "two")
    t.check(b"ENVID" not in lines[3] and b"RET" not in lines[3],
            repr(lines))


@test
def local_names(t):
    t.serve()
    client = t.client()
    client.reply()
    client.send(sender=b"alice", recipients=(b"no-alias-1", b"no-alias-2"))
    client.hang_up()
    t.ended(client)
    got, = t.taken(1) or [None]
    t.equal((got.sender, got.recipients), ("alice@example.org",
            ["no-alias-1@example.org", "no-alias-2@example.org"]), "envelope")


@test
def account_by_sender(t):
    t.serve()
    with open(t.config, encoding="ascii") as f:
        text = f.read()
    t.lab.write(t.config, "default_account = home\n[home]\n" + text +
                "[two]\ninherit = home\nfrom = two@example.com\n")
    client = t.client()
    client.reply()
    t.equal(client.send(sender=b"two@example.com")[0][:3], b"250", "reply")
    client.hang_up()
    t.ended(client)
    t.check("account=two " in t.logged(), t.logged())


# Where a message ends

def smuggle(t, middle, want):
    """One message goes out, with that as its body."""
    t.serve()
    client = t.client()
    client.reply()
    lines = client.send(b"Subject: x\r\n\r\n" + middle + b"\r\n")
    t.equal(lines[0][:3], b"250", f"reply to {middle!r}")
    t.equal(client.say(b"NOOP"), 250, "NOOP")
    client.hang_up()
    t.ended(client)
    got, = t.taken(1) or [None]
    t.equal(got.body, want, f"body of {middle!r}")
    t.equal(t.relay.said().count("C MAIL"), 1, "MAIL commands")


@test
def smuggling(t):
    evil = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<v@example.com>"
    for end in (b"\n.\n", b"\n.\r\n"):
        body = b"a" + end + evil
        smuggle(t, body, b"a\r\n.\r\n" + evil + b"\r\n")
    # A dot behind CRLF that ends nothing was put there by nobody.
    smuggle(t, b"a\r\n.\n" + evil, b"a\r\n\r\n" + evil + b"\r\n")


@test
def smuggling_by_cr(t):
    """A bare CR goes nowhere as it is, and what is behind it is no command.
    """
    for end in (b"\r.\r\n", b"\r\n.\r", b"\r.\r", b"\n\r.\r\n"):
        t.serve()
        client = t.client()
        client.reply()
        client.send(b"Subject: x\r\n\r\na" + end + b"MAIL FROM:<evil@x>\r\n")
        t.equal(client.say(b"NOOP"), 250, f"NOOP behind {end!r}")
        client.hang_up()
        t.ended(client)
        t.check(t.relay.said().count("C MAIL") <= 1, t.relay.said())
        for got in t.relay.taken():
            t.check(b"\r" not in got.data.replace(b"\r\n", b""),
                    f"{end!r}: a bare CR at the relay: {got.data!r}")


@test
def bare_lf_client(t):
    t.serve()
    client = t.client()
    client.put(b"HELO x\nMAIL FROM:<alice@example.org>\nRCPT TO:<b@c>\n"
               b"DATA\nSubject: x\n\n..\nhi\n.\nQUIT\n")
    t.equal([client.code() for _ in range(7)],
            [220, 250, 250, 250, 354, 250, 221], "codes")
    t.ended(client)
    got, = t.taken(1) or [None]
    t.equal(got.body, b".\r\nhi\r\n", "body")


@test
def chunks(t):
    t.serve()
    client = t.client()
    client.put(b"EHLO x\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<b@c>\r\n"
               b"BDAT 14\r\nSubject: x\r\n\r\nBDAT 8 LAST\r\n\r\n.\r\n.\n."
               b"MAIL FROM:<>\r\nRCPT TO:<b@c>\r\nBDAT 3\r\nA:bRSET\r\n"
               b"QUIT\r\n")
    t.equal([client.code() for _ in range(11)],
            [220, 250, 250, 250, 250, 250, 250, 250, 250, 250, 221], "codes")
    t.ended(client)
    got, = t.taken(1) or [None]
    t.equal(got.body, b"\r\n.\r\n.\r\n.\r\n", "body")


# Its pace, and its end

@test
def one_write(t):
    t.serve()
    client = t.client()
    one = (b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<b@c>\r\nDATA\r\n" +
           HELLO + b".\r\n")
    client.put(b"EHLO x\r\n" + 3 * one + b"QUIT\r\n")
    t.equal([client.code() for _ in range(15)],
            [220, 250] + 3 * [250, 250, 354, 250] + [221], "codes")
    t.ended(client)
    t.taken(3)


@test
def byte_by_byte(t):
    t.serve()
    client = t.client()
    client.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    for byte in (b"EHLO x\r\nMAIL FROM:<alice@example.org>\r\n"
                 b"RCPT TO:<b@c>\r\nDATA\r\nSubject: x\r\n\r\n..\r\n\n.\r\n"
                 b"hi\r\n.\r\nQUIT\r\n"):
        client.put(bytes([byte]))
    t.equal([client.code() for _ in range(7)],
            [220, 250, 250, 250, 354, 250, 221], "codes")
    t.ended(client)
    got, = t.taken(1) or [None]
    t.equal(got.body, b".\r\n\r\n.\r\nhi\r\n", "body")


@test
def descriptors_that_do_not_block(t):
    """As some event loops leave them: it waits, and spins not."""
    t.serve()
    client = t.client(blocking=False)
    client.reply()
    t.equal(client.send()[0][:3], b"250", "reply")
    many = 5000
    client.put(b"HELP\r\n" * many)
    t.equal({client.code() for _ in range(many)}, {214}, "HELP")
    with open(f"/proc/{client.process.pid}/stat", encoding="ascii") as f:
        ticks = sum(map(int, f.read().rpartition(")")[2].split()[11:13]))
    t.check(lib.SANITIZED or ticks < 2 * os.sysconf("SC_CLK_TCK"),
            f"{ticks} ticks of CPU time")
    client.hang_up()
    t.ended(client)
    t.taken(1)


@test
def end_at_each_stage(t):
    t.serve()
    whole = (b"EHLO x\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<b@c>\r\n"
             b"DATA\r\nSubject: x\r\n\r\nhi\r\n.\r\n")
    stages = [0, 3, 8, 20, 41, 60, whole.index(b"DATA") + 4,
              whole.index(b"Subject"), whole.index(b"hi"), len(whole) - 5,
              len(whole) - 3, len(whole) - 2, len(whole) - 1]
    for stage in stages:
        client = t.client()
        client.put(whole[:stage])
        client.hang_up()
        status, _ = client.end()
        t.equal(status, 0, f"exit status, ended at {stage}")
        t.equal(t.relay.taken(), [], f"taken, ended at {stage}")
        t.check("MAIL" not in t.relay.said(), "the relay was told")
    t.check("dropped" not in t.logged(), "dropped is in an account's log")
    for more in (b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<b@c>\r\n"
                 b"BDAT 9 LAST\r\nA: b\r\n\r\n",
                 b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<b@c>\r\n"
                 b"BDAT 4\r\nA: b"):
        client = t.client()
        client.put(more)
        client.hang_up()
        t.equal(client.end()[0], 0, f"exit status behind {more!r}")
    t.taken(0)


@test
def relay_hears_nothing_early(t):
    """No connection before the final dot, however long it takes."""
    relay = t.mimic({})
    client = t.client()
    client.reply()
    client.envelope()
    client.say(b"DATA")
    client.put(HELLO * 20000)
    client.put(b"\r\n.\r")
    # What is in the server's hands is read when nothing is left to write.
    limit = time.monotonic() + PATIENCE
    while unread(client) and time.monotonic() < limit:
        time.sleep(0.005)
    t.equal(unread(client), 0, "bytes that the server has not read")
    t.equal(relay.peers, [], "connections")
    client.put(b"\n")
    t.equal(client.code(), 250, "reply")
    t.equal(len(relay.peers), 1, "connections")
    client.hang_up()
    t.ended(client)


def unread(client):
    """Bytes that were sent and that nobody has taken yet."""
    left = array.array("i", [0])
    fcntl.ioctl(client.ours, termios.TIOCOUTQ, left)
    return left[0]


@test
def client_goes_without_reply(t):
    """Who does not stay for the reply has handed the message over."""
    t.serve()
    client = t.client()
    client.put(b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<b@c>\r\nDATA\r\n" +
               HELLO + b".\r\n")
    client.hang_up()
    status, rest = client.end()
    t.equal(status, 0, "exit status")
    t.check(rest.count(b"\r\n250 2.0.0") == 1, repr(rest))
    t.taken(1)


@test
def nobody_reads(t):
    """Standard output closed at the other end: nothing is sent, 74."""
    t.serve()
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [lib.SENDOFF, "-C", t.config, "-bs"], stdout=write, stderr=write,
        input=b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<b@c>\r\nDATA\r\n" +
        HELLO + b".\r\n", env=lib.environment(t.lab), timeout=60)
    os.close(write)
    t.equal(process.returncode, 74, "exit status")
    t.taken(0)


@test
def large_message(t):
    """50 MB with memory flat."""
    t.serve(options=("--open", "--discard"))
    used = os.path.join(t.dir, "used")
    line = b"x" * 70 + b"\r\n"
    process = subprocess.Popen(
        [lib.MEASURE, used, lib.SENDOFF, "-C", t.config, "-bs"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=lib.environment(t.lab))
    process.stdin.write(b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<b@c>\r\n"
                        b"DATA\r\nSubject: x\r\n\r\n")
    for _ in range(700):
        process.stdin.write(line * 1000)
    out, _ = process.communicate(b".\r\nQUIT\r\n", 120)
    t.check(b"\r\n250 2.0.0" in out, repr(out))
    with open(used, encoding="ascii") as f:
        rss = int(f.read().split()[1])
    t.check(lib.SANITIZED or rss < lib.RSS_MAX_KIB,
            f"resident memory {rss} KiB")
    got, = t.taken(1) or [None]
    t.check(got.size > 700 * 1000 * 72, f"size {got.size}")


@test
def many_recipients(t):
    """10,000 are taken, with memory flat; the next are to come again."""
    t.serve()
    used = os.path.join(t.dir, "used")
    done = subprocess.run(
        [lib.MEASURE, used, lib.SENDOFF, "-C", t.config, "-bs"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        env=lib.environment(t.lab), input=b"MAIL FROM:<a@b>\r\n" +
        b"".join(b"RCPT TO:<recipient-%d@example.com>\r\n" % n
                 for n in range(10002)) + b"DATA\r\n" + HELLO +
        b".\r\nQUIT\r\n")
    codes = re.findall(rb"^(\d\d\d) ", done.stdout, re.M)
    t.equal(codes, [b"220", b"250"] + [b"250"] * 10000 + [b"452"] * 2 +
            [b"354", b"250", b"221"], f"{done.stdout[-300:]!r}")
    with open(used, encoding="ascii") as f:
        rss = int(f.read().split()[1])
    t.check(lib.SANITIZED or rss < lib.RSS_MAX_KIB,
            f"resident memory {rss} KiB")
    got = t.relay.taken()
    t.equal(sum(len(x.recipients) for x in got), 10000, "recipients")


@test
def file_size_limit(t):
    """RLIMIT_FSIZE is the limit that SIZE announces."""
    t.serve()
    limit = 1000000
    client = t.client(preexec=lambda: resource.setrlimit(
        resource.RLIMIT_FSIZE, (limit, limit)))
    client.reply()
    client.put(b"EHLO x\r\n")
    t.check(b"250-SIZE 1000000" in client.reply(), repr(client.all))
    t.equal(client.say(b"MAIL FROM:<a@b> SIZE=1000001"), 552, "MAIL")
    lines = client.send(b"\r\n" + b"x\r\n" * 400000)
    t.equal(lines[0][:9], b"552 5.3.4", "reply")
    t.equal(client.send()[0][:3], b"250", "the next one")
    client.hang_up()
    t.ended(client)
    t.taken(1)


@test
def no_room_for_the_message(t):
    """The file for it cannot be made: 452, and the session goes on."""
    t.serve()
    client = t.client()
    client.reply()
    limits = resource.prlimit(client.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(client.process.pid, resource.RLIMIT_NOFILE,
                     (3, limits[1]))
    lines = client.send(b"\r\n" + b"x\r\n" * 400000)
    t.equal(lines[0][:9], b"452 4.3.1", f"reply {lines!r}")
    resource.prlimit(client.process.pid, resource.RLIMIT_NOFILE, limits)
    t.equal(client.send()[0][:3], b"250", "the next one")
    client.hang_up()
    t.ended(client)
    t.taken(1)


@test
def verbose_says_nothing(t):
    """-v would end up among the replies."""
    t.serve()
    client = t.client("-v", "-X", "/tmp/nothing")
    t.equal(client.code(), 220, "greeting")
    t.equal(client.send()[0][:3], b"250", "reply")
    t.equal(client.say(b"QUIT"), 221, "QUIT")
    t.ended(client)


@test
def under_the_name_sendmail(t):
    t.serve()
    home = os.path.join(t.lab.fresh("home"))
    os.makedirs(os.path.join(home, ".config", "sendoff"))
    shutil.copy(t.config, os.path.join(home, ".config", "sendoff",
                                       "sendoff.conf"))
    link = os.path.join(t.dir, "sendmail")
    os.symlink(lib.SENDOFF, link)
    out = subprocess.run(
        [link, "-bs", "-odb", "-oem", "-om"], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=60,
        env=lib.environment(t.lab, HOME=home),
        input=b"HELO [127.0.0.1]\r\nMAIL FROM:<alice@example.org>\r\n"
        b"RCPT TO:<b@c>\r\nDATA\r\n" + HELLO + b".\r\nQUIT\r\n")
    codes = re.findall(rb"^(\d\d\d) ", out.stdout, re.M)
    t.equal(codes, [b"220", b"250", b"250", b"250", b"354", b"250", b"221"],
            repr(out.stdout))
    t.taken(1)


# What real clients do

def ignore_signals():
    for name in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGHUP,
                 signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(name, signal.SIG_IGN)


@test
def ignored_signals(t):
    """swaks ignores SIGCHLD, alpine SIGHUP and more; a helper is started."""
    t.relay = t.stack.enter_context(lib.Relay(
        t.lab, t.lab.fresh("relay"), "--serve", "--lifetime", "200"))
    t.lab.account(t.config, t.relay.port, [
        f"log = {t.log}", "-password",
        f"password_command = echo '{lib.PASSWORD}'"])
    client = t.client(preexec=ignore_signals)
    client.reply()
    t.equal(client.send()[-1][:3], b"250", "reply")
    client.hang_up()
    t.ended(client)
    t.taken(1)


# As recorded: EHLO, MAIL's parameters, recipients, lines of the message.
RECORDED = {
    "alpine": (b"EHLO localhost", b"", (BOB,)),
    "nmh": (b"EHLO testhost.example.org", b"", (BOB, CAROL)),
    "swaks": (b"EHLO testhost.example.org", b"", (BOB,)),
    "symfony": (b"HELO [127.0.0.1]", b"", (BOB, CAROL, "h@example.net")),
    "cyrus": (b"EHLO localhost", b" SIZE=74", ("dave@example.com",)),
}


@test
def recorded_dialogues(t):
    """Reply by reply as those clients wait for them: exactly these codes."""
    t.serve()
    for n, (name, (hello, more, recipients)) in enumerate(RECORDED.items()):
        client = t.client("-odb", "-oem", preexec=ignore_signals)
        codes = [client.code(), client.say(hello),
                 client.say(b"MAIL FROM:<al@example.org>" + more)]
        codes += [client.say(b"RCPT TO:<%s>" % r.encode())
                  for r in recipients]
        codes += [client.say(b"DATA")]
        client.put(b"From: al@example.org\r\nTo: bob@example.com\r\n"
                   b"Date: Mon, 23 Nov 2026 15:59:13 +0000\r\n"
                   b"Message-ID: <x@example.org>\r\nSubject: q\r\n\r\n"
                   b"hi\r\n..\r\nFrom x\r\nend\r\n.\r\n")
        codes += [client.code(), client.say(b"QUIT")]
        t.equal(codes, [220, 250, 250] + [250] * len(recipients) +
                [354, 250, 221], name)
        t.ended(client)
        got = t.taken(n + 1)[-1]
        t.equal((got.sender, got.recipients),
                ("al@example.org", list(recipients)), name)
        t.equal(got.data, b"From: al@example.org\r\nTo: bob@example.com\r\n"
                b"Date: Mon, 23 Nov 2026 15:59:13 +0000\r\n"
                b"Message-ID: <x@example.org>\r\nSubject: q\r\n\r\n"
                b"hi\r\n.\r\nFrom x\r\nend\r\n", name)


def real(*names):
    """The first of the programs that is there."""
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise Skip(f"no {names[0]} here")


@test
def swaks(t):
    program = real("swaks")
    t.serve()
    done = subprocess.run(
        [program, "--pipe", f"{lib.SENDOFF} -C {t.config} -bs",
         "--from", "alice@example.org", "--to", f"{BOB},{CAROL}",
         "--ehlo", "client.example.org", "--body", "hi\n.\nthere\n"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=lib.environment(t.lab), timeout=60)
    t.equal(done.returncode, 0, repr(done.stdout))
    got, = t.taken(1) or [None]
    t.equal((got.sender, got.recipients), ("alice@example.org", [BOB, CAROL]),
            "envelope")
    t.check(got.body.startswith(b"hi\r\n.\r\nthere\r\n"), repr(got.body))


@test
def swaks_is_refused(t):
    program = real("swaks")
    t.mimic({"dot": b"554 5.7.1 spam"})
    done = subprocess.run(
        [program, "--pipe", f"{lib.SENDOFF} -C {t.config} -bs",
         "--from", "alice@example.org", "--to", BOB, "--ehlo", "x"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=lib.environment(t.lab), timeout=60)
    # Its status for a message that is refused behind DATA.
    t.equal(done.returncode, 26, repr(done.stdout))
    t.check(b"554 5.7.1 spam" in done.stdout, repr(done.stdout))


def nmh(t, sender=b"alice@example.org"):
    """nmh's send with its sendmail/smtp."""
    program = real("/usr/bin/mh/send", "send")
    wrapper = os.path.join(t.dir, "sendmail")
    t.lab.write(wrapper, "#!/bin/sh\n"
                f"exec {lib.SENDOFF} -C {t.config} \"$@\"\n", 0o700)
    home = t.lab.fresh("home")
    os.mkdir(os.path.join(home, "Mail"))
    t.lab.write(os.path.join(home, ".mh_profile"), "Path: Mail\n")
    draft = t.lab.write(os.path.join(home, "draft"),
                        b"From: " + sender + b"\nTo: " + BOB.encode() +
                        b"\nBcc: " + CAROL.encode() +
                        b"\nSubject: x\n\nhi\n.\n..\nthere\n")
    return subprocess.run(
        [program, "-mts", "sendmail/smtp", "-sendmail", wrapper, draft],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=60, cwd=home,
        env=lib.environment(t.lab, HOME=home, MAILHOST="x"))


@test
def nmh_sends(t):
    t.serve()
    done = nmh(t)
    t.equal((done.returncode, done.stdout), (0, b""), "send")
    taken = t.relay.taken()
    # The blind copy is a message of its own to nmh.
    t.equal(sorted(r for got in taken for r in got.recipients), [BOB, CAROL],
            "recipients")
    first = [got for got in taken if BOB in got.recipients]
    t.equal([got.sender for got in first], ["alice@example.org"], "sender")
    t.check(all(b"hi\r\n.\r\n..\r\nthere\r\n" in got.body for got in taken),
            repr([got.body for got in taken]))


@test
def nmh_is_refused(t):
    t.mimic({"RCPT": b"550 5.1.1 nobody of that name"})
    done = nmh(t)
    t.check(done.returncode != 0, "send says nothing")
    t.check(b"nobody of that name" in done.stdout, repr(done.stdout))


def attempt(lab, function):
    case = Case(lab, function.__name__)
    skipped = None
    try:
        function(case)
    except Skip as e:
        skipped = str(e)
    except Exception:
        case.faults.append(traceback.format_exc())
    finally:
        case.stack.close()
    return case.faults, skipped


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
            faults, skipped = job.result()
            if skipped:
                print(f"skip: {function.__name__}: {skipped}")
            else:
                tally.add(function.__name__, faults)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
