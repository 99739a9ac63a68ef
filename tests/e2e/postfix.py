#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Submits to a real Postfix, and reads back what it delivered.

    SENDOFF=./sendoff tests/e2e/postfix.py [PART-OF-A-NAME ...]

Starts tests/postfix in $POSTFIX_DIR (default: build/postfix in the tree) and
stops it at the end; exits 77 where that says that it cannot run.  With
arguments only the tests with one of them in their name run.  Prints a line
for each test, "ok NAME" or "not ok NAME: why"; the last line counts them.

Never leaves loopback, and waits for nothing by sleeping: what must come is
polled for up to a deadline, and what must not come is looked for once Postfix
has closed every session and emptied its queue.
"""

import email
import itertools
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SENDOFF = os.path.abspath(os.environ.get("SENDOFF", ROOT + "/sendoff"))
SITE = os.environ.get("POSTFIX_DIR", ROOT + "/build/postfix")
POSTFIX = ROOT + "/tests/postfix"

MECHANISMS = ("PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "CRAM-MD5",
              "DIGEST-MD5")
TEST_SECONDS = 120      # a test that takes longer has failed
RUN_SECONDS = 60        # one run of sendoff
SETTLE_SECONDS = 30     # from sendoff's end to Postfix's having delivered


class Failure(Exception):
    pass


def check(condition, *why):
    if not condition:
        raise Failure(" ".join(str(word) for word in why))


def show(data, most=300):
    """Bytes as one line of ASCII, cut."""
    text = repr(data)
    return text if len(text) <= most else text[:most] + "..."


def poll(what, seconds, test):
    """Waits until test() gives something true, and returns that."""
    limit = time.monotonic() + seconds
    while True:
        found = test()
        if found:
            return found
        check(time.monotonic() < limit, "no", what, "after", seconds, "s")
        time.sleep(0.02)


# --- Postfix --------------------------------------------------------------

class Delivered:
    """A file of the mailbox, without the head that Postfix puts on it."""

    HEAD = re.compile(rb"Return-Path: <([^\n]*)>\n"
                      rb"Delivered-To: ([^\n]*)\n"
                      rb"(Received: [^\n]*\n(?:[ \t][^\n]*\n)*)")

    def __init__(self, path):
        with open(path, "rb") as file:
            whole = file.read()
        head = self.HEAD.match(whole)
        check(head, "unknown head in the mailbox:", show(whole))
        self.sender = head.group(1).decode()
        self.recipient = head.group(2).decode()
        self.received = head.group(3).decode()
        self.queue_id = re.search(r"[ \t]id (\w+)", self.received)[1]
        self.message = whole[head.end():]


class Site:
    """The running Postfix."""

    def __init__(self, path):
        self.path = path
        self.ports = {}
        with open(path + "/ports") as file:
            for line in file:
                name, port = line.strip().split("=")
                self.ports[name] = int(port)
        self.sessions = 0

    def maillog(self):
        with open(self.path + "/maillog", errors="replace") as file:
            return file.read()

    def mark(self):
        """A test begins: what was logged and delivered before is not its."""
        self.sessions = self.maillog().count(": connect from ")
        self.log_start = len(self.maillog())
        self.seen = set(self.files())

    def log(self):
        return self.maillog()[self.log_start:]

    def files(self):
        try:
            return os.listdir(self.path + "/mail/inbox/new")
        except FileNotFoundError:
            return []

    def quiet(self):
        # In the order of a message's way, so that none slips past.
        for name in ("incoming", "active", "deferred"):
            for _, _, files in os.walk(self.path + "/queue/" + name):
                if files:
                    return False
        return True

    def settled(self, sessions):
        log = self.maillog()
        begun = log.count(": connect from ")
        ended = (log.count(": disconnect from ")
                 + len(re.findall(r"smtpd pid \d+ killed by signal", log)))
        return (begun - self.sessions >= sessions and begun == ended
                and self.quiet())

    def settle(self, sessions=1):
        """Waits until this test's sessions are over and all is delivered."""
        poll("end of Postfix's work", SETTLE_SECONDS,
             lambda: self.settled(sessions))

    def inbox(self, sessions=1):
        """What was delivered since mark(), by recipient's address."""
        self.settle(sessions)
        new = [Delivered(self.path + "/mail/inbox/new/" + name)
               for name in self.files() if name not in self.seen]
        return sorted(new, key=lambda item: item.recipient)


# --- sendoff --------------------------------------------------------------

class Run:
    def __init__(self, result):
        self.status = result.returncode
        self.stdout = result.stdout.decode("utf-8", "replace")
        self.stderr = result.stderr.decode("utf-8", "replace")

    def must(self, status, *texts):
        said = show(self.stderr)
        check(self.status == status, "exit", self.status, "not", status,
              said)
        for text in texts:
            check(text in self.stderr, "no", repr(text), "in", said)
        check(status != 0 or not self.stderr, "exit 0, but said", said)
        check(status == 0 or self.stderr.strip(), "said nothing")
        check("s3cret" not in self.stderr + self.stdout, "told the password")
        return self


class Agent:
    """sendoff with an account file of its own."""

    def __init__(self, site, folder):
        self.site = site
        self.folder = folder
        self.count = itertools.count()

    def account(self, keys):
        base = {
            "server": "localhost",
            "port": self.site.ports["SUBMISSION"],
            "tls_trust": self.site.path + "/ca.pem",
            "username": "alice",
            "password": "s3cret pass",
            "from": "alice@example.org",
            "timeout": "30s",
            "connect_timeout": "10s",
            "log": "none",
        }
        base.update(keys)
        path = "%s/account.%d" % (self.folder, next(self.count))
        with open(path, "w", opener=private) as file:
            for key, value in base.items():
                if value is not None:
                    file.write("%s = %s\n" % (key, value))
        return path

    def command(self, args, keys):
        return [SENDOFF, "-C", self.account(keys)] + list(args)

    def environment(self):
        return {"PATH": "/usr/bin:/bin", "HOME": self.folder, "LANG": "C"}

    def __call__(self, message, *args, env=None, **keys):
        result = subprocess.run(
            self.command(args or ("-i", "bob@example.com"), keys),
            input=message, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.environment() if env is None else env,
            timeout=RUN_SECONDS)
        return Run(result)


def private(path, flags):
    return os.open(path, flags, 0o600)


def implicit(site):
    return {"port": site.ports["SMTPS"], "implicit_tls": "yes"}


def plain(site):
    return {"port": site.ports["PLAIN"], "starttls": "no",
            "username": None, "password": None}


# --- messages -------------------------------------------------------------

HEADER = (b"Date: Mon, 01 Jan 2024 00:00:00 +0000\n"
          b"From: Alice <alice@example.org>\n"
          b"To: Bob <bob@example.com>,\n\tCarol <carol@example.com>\n"
          b"Subject: as it is,\n  with  spaces \n"
          b"Message-ID: <%d.%d@example.org>\n"
          b"MIME-Version: 1.0\n"
          b"Content-Type: text/plain; charset=utf-8\n"
          b"Content-Transfer-Encoding: 8bit\n"
          b"\n")
BODY = (b".\n..\n...\n.a\n"
        b"gr\xc3\xbc\xc3\x9fe, \xe2\x82\xac\n"
        b"From the start of a line\n>From another\n"
        b"trailing \t \n\n\n" + b"x" * 998 + b"\n.\n\nend\n")
SERIAL = itertools.count(1)


def header():
    """A header that lacks nothing, so that nothing is added to it."""
    return HEADER % (os.getpid(), next(SERIAL))


def letter():
    return header() + BODY


def bulk(size):
    """A letter of about size bytes, no two lines of it alike."""
    lines = (b"%08d " % n + b"0123456789abcdef" * 4 + b"\n"
             for n in range(size // 74))
    return header() + b"".join(lines)


def same(got, want):
    if got == want:
        return
    at = next((n for n, (a, b) in enumerate(zip(got, want)) if a != b),
              min(len(got), len(want)))
    at = max(0, at - 20)
    raise Failure("%d bytes delivered, %d expected; from byte %d: %s, not %s"
                  % (len(got), len(want), at, show(got[at:at + 60]),
                     show(want[at:at + 60])))


def one(inbox):
    check(len(inbox) == 1, len(inbox), "messages delivered, not 1:",
          [item.recipient for item in inbox])
    return inbox[0]


def none(inbox):
    check(not inbox, "delivered:", [item.recipient for item in inbox])


def without(message, *names):
    """The message less these fields, each of which must be there once."""
    head, _, body = message.partition(b"\n\n")
    fields = re.findall(rb"[^\n]+(?:\n[ \t][^\n]*)*", head)
    for name in names:
        mine = [field for field in fields
                if field.lower().startswith(name.lower() + b":")]
        check(len(mine) == 1, "field", name.decode(), len(mine), "times")
        check(mine[0].partition(b":")[2].strip(), name.decode(), "is empty")
        fields.remove(mine[0])
    return b"".join(field + b"\n" for field in fields) + b"\n" + body


# --- the relay's line is cut ----------------------------------------------

class EndOfBody:
    """Finds the end of the first message in what a client says in clear."""

    def __init__(self):
        self.text = b""
        self.chunk = 0
        self.last = False
        self.body = False

    def __call__(self, data):
        self.text += data
        while True:
            if self.body:
                end = self.text.find(b"\r\n.\r\n")
                self.text = self.text[max(0, len(self.text) - 4):]
                return end >= 0
            if self.chunk:
                taken = min(self.chunk, len(self.text))
                self.text = self.text[taken:]
                self.chunk -= taken
                if self.chunk:
                    return False
            if self.last:
                return True
            line, newline, rest = self.text.partition(b"\r\n")
            if not newline:
                return False
            words = line.upper().split()
            self.text = rest
            if words == [b"DATA"]:
                self.body = True
                self.text = b"\r\n" + rest
            elif words[:1] == [b"BDAT"]:
                self.chunk = int(words[1])
                self.last = words[2:] == [b"LAST"]


class Bytes:
    """The moment when a client has said so many bytes."""

    def __init__(self, count):
        self.left = count

    def __call__(self, data):
        self.left -= len(data)
        return self.left <= 0


class Proxy:
    """A line to one of Postfix's ports that fails at a moment.

    moment(bytes of the client) is true when it has come.  Then: "cut" passes
    no more in either direction and resets both ends; "mute" passes what the
    client says, and closes when the relay next answers, without passing the
    answer on; a function is called, once, and all goes on.
    """

    def __init__(self, port, moment, then):
        self.port_behind = port
        self.moment = moment
        self.then = then
        self.come = False
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(("127.0.0.1",
                                               self.port_behind))
            try:
                self.carry(client, server)
            except OSError:
                pass    # an end that is gone is an end of the line
            client.close()
            server.close()

    def carry(self, client, server):
        while True:
            ready, _, _ = select.select([client, server], [], [], 30)
            if not ready:
                return
            if server in ready:
                data = server.recv(65536)
                if not data or (self.come and self.then == "mute"):
                    return
                client.sendall(data)
            if client in ready:
                data = client.recv(65536)
                if not data:
                    return
                if self.moment(data) and not self.come:
                    self.come = True
                    if self.then == "cut":
                        return self.reset(client, server)
                    if self.then != "mute":
                        self.then()
                server.sendall(data)

    @staticmethod
    def reset(*ends):
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                           struct.pack("ii", 1, 0))


# --- tests ----------------------------------------------------------------

TESTS = []


def test(function):
    TESTS.append((function.__name__.replace("_", "-"), function))
    return function


def define(name, function, *args):
    TESTS.append((name, lambda site, send: function(site, send, *args)))


def submit(site, send, mechanism, how):
    keys = implicit(site) if how == "implicit" else {}
    message = letter()
    send(message, auth=mechanism, **keys).must(0)
    got = one(site.inbox())
    same(got.message, message)
    check(got.sender == "alice@example.org", "sender", got.sender)
    check(got.recipient == "bob@example.com", "recipient", got.recipient)
    check("(Authenticated sender: alice)" in got.received
          and "using TLSv1.3" in got.received
          and re.search("with (UTF8SMTP|ESMTP)SA id", got.received),
          "received as", got.received)
    used = re.search(got.queue_id + ": client=.*sasl_method=([^,]*)",
                     site.log())
    want = "SCRAM-SHA-256" if mechanism == "auto" else mechanism
    check(used and used[1] == want, "mechanism", used and used[1])


def wrong_password(site, send, mechanism):
    send(letter(), auth=mechanism, password="s3cret pas").must(77)
    none(site.inbox())
    check(re.search(r": disconnect from .* auth=0/1 ", site.log()),
          "not one try:", site.log())


for mech in MECHANISMS + ("auto",):
    define("starttls-" + mech, submit, mech, "starttls")
    define("implicit-tls-" + mech, submit, mech, "implicit")
for mech in MECHANISMS + ("auto",):
    define("wrong-password-" + mech, wrong_password, mech)


@test
def wrong_user(site, send):
    send(letter(), username="mallory").must(77)
    none(site.inbox())


@test
def plain_without_auth(site, send):
    message = letter()
    send(message, **plain(site)).must(0)
    got = one(site.inbox())
    same(got.message, message)
    check("TLS" not in got.received and "Authenticated" not in got.received,
          "received as", got.received)


def forms(site, send, message, delivered, args):
    send(message, *args, "bob@example.com").must(0)
    same(one(site.inbox()).message, delivered)


def define_forms():
    head = header()
    short = head + b"one\n.\n..two\n"
    rows = (
        ("no-final-newline", head + b"end", head + b"end\n", ("-i",)),
        ("dot-without-newline", head + b"end\n.", head + b"end\n.\n",
         ("-i",)),
        ("crlf", short.replace(b"\n", b"\r\n"), short, ("-oi",)),
        ("mixed-line-ends", head + b"a\r\nb\nc\r\n", head + b"a\nb\nc\n",
         ("-i",)),
        ("header-only", head, head, ("-i",)),
        ("header-without-empty-line", head[:-1], head, ("-i",)),
        ("dot-ends-message", short, head + b"one\n", ()),
        ("leading-dots-without-i", head + b"..a\n.b\n", head + b".a\n.b\n",
         ()),
        ("mbox-from-line", b"From alice Mon Jan  1 00:00:00 2024\n" + short,
         short, ("-i",)),
        ("dots-at-every-edge", head + dots(), head + dots(), ("-i",)),
    )
    for name, message, delivered, args in rows:
        define("message-" + name, forms, message, delivered, args)


def dots():
    """Lines that begin with a dot at every distance from a block's edge."""
    return b"".join(b"." * (1 + n % 3) + b"y" * (n % 67) + b"\n"
                    for n in range(20000))


define_forms()


@test
def fields_that_are_missing(site, send):
    send(b"Subject: hi\n\nbody\n").must(0)
    got = one(site.inbox()).message
    same(without(got, b"Date", b"From", b"Message-ID", b"To"),
         b"Subject: hi\n\nbody\n")
    check(b"\nFrom: " in b"\n" + got and b"alice@example.org" in got,
          "From is not alice's:", show(got))
    check(b"\nTo: undisclosed-recipients:;\n" in b"\n" + got,
          "To:", show(got))


@test
def message_without_header(site, send):
    send(b"just a line\nanother\n").must(0)
    got = one(site.inbox()).message
    same(without(got, b"Date", b"From", b"Message-ID", b"To"),
         b"\njust a line\nanother\n")


@test
def message_that_is_empty(site, send):
    send(b"").must(0)
    got = one(site.inbox()).message
    same(without(got, b"Date", b"From", b"Message-ID", b"To"), b"\n")


@test
def eight_bits_without_mime(site, send):
    head = header().partition(b"MIME-Version")[0]
    send(head + b"\n" + BODY).must(0)
    same(one(site.inbox()).message, head + b"MIME-Version: 1.0\n"
         b"Content-Type: text/plain; charset=utf-8\n"
         b"Content-Transfer-Encoding: 8bit\n\n" + BODY)


@test
def line_of_4900_bytes(site, send):
    body = "zwölf ".encode() * 700 + b"\nshort\n"
    send(header() + body).must(0)
    got = one(site.inbox()).message
    check(max(map(len, got.split(b"\n"))) <= 76, "long lines", got)
    same(email.message_from_bytes(got).get_payload(decode=True), body)


@test
def recipients_from_header(site, send):
    head = header()
    hidden = (head[:-1] + b"bcc : dave@example.com,\n erin@example.org\n"
              b"Return-Path: <x@example.com>\n\n")
    send(hidden + BODY, "-t", "-i").must(0)
    inbox = site.inbox()
    check([item.recipient for item in inbox] ==
          ["bob@example.com", "carol@example.com", "dave@example.com",
           "erin@example.org"], [item.recipient for item in inbox])
    for item in inbox:
        same(item.message, head + BODY)


@test
def null_sender(site, send):
    message = letter()
    send(message, "-i", "-f", "", "bob@example.com").must(0)
    got = one(site.inbox())
    check(got.sender == "", "sender", got.sender)
    same(got.message, message)


@test
def internationalised_recipient(site, send):
    message = letter()
    send(message, "-i", "b\u00f8b@example.com").must(0)
    got = one(site.inbox())
    check(got.recipient == "b\u00f8b@example.com", got.recipient)
    check("UTF8SMTPSA" in got.received, "received as", got.received)
    same(got.message, message)


@test
def internationalised_header(site, send):
    message = letter().replace(b"as it is", "wie es wär".encode())
    send(message).must(0)
    got = one(site.inbox())
    check("UTF8SMTPSA" in got.received, "received as", got.received)
    same(got.message, message)


@test
def refused_among_three(site, send):
    message = letter()
    send(message, "-i", "bob@example.com", "refused@example.com",
         "carol@example.org").must(67, "refused@example.com",
                                   "no such user here")
    inbox = site.inbox()
    check([item.recipient for item in inbox] ==
          ["bob@example.com", "carol@example.org"],
          [item.recipient for item in inbox])
    for item in inbox:
        same(item.message, message)


@test
def refused_among_three_without_partial(site, send):
    send(letter(), "-i", "bob@example.com", "refused@example.com",
         "carol@example.org", partial="no").must(67, "refused@example.com")
    none(site.inbox())


@test
def refused_alone(site, send):
    send(letter(), "-i", "refused@example.com").must(67,
                                                     "refused@example.com")
    none(site.inbox())


@test
def deferred_alone(site, send):
    send(letter(), "-i", "deferred@example.com").must(
        75, "deferred@example.com", "mailbox is busy")
    none(site.inbox())


@test
def deferred_among_three(site, send):
    message = letter()
    send(message, "-i", "bob@example.com", "deferred@example.com",
         "carol@example.org").must(75, "deferred@example.com")
    inbox = site.inbox()
    check([item.recipient for item in inbox] ==
          ["bob@example.com", "carol@example.org"],
          [item.recipient for item in inbox])
    for item in inbox:
        same(item.message, message)


@test
def more_than_it_takes_at_a_time(site, send):
    # With those that go out in vain it would hang up, were they many.
    want = sorted("user%04d@example.com" % n for n in range(1500))
    message = letter()
    run = send(message, "--json", "-i", *want[:700], "refused@example.com",
               *want[700:], port=site.ports["FEW"], starttls="no",
               username=None, password=None)
    run.must(67, "'refused@example.com' has not got it, refused: 550 5.1.1")
    rows = json.loads(run.stdout)["recipients"]
    check(len(rows) == 1501 and {row["state"] for row in rows
                                 if row["code"] == 250} == {"accepted"},
          show(rows))
    inbox = site.inbox()
    check([item.recipient for item in inbox] == want, len(inbox),
          "delivered")
    check(len({item.queue_id for item in inbox}) in (15, 16), "transactions")
    check(site.log().count("/few/smtpd[") > 0
          and site.log().count(": connect from ") == 1, "connections")
    for item in inbox[::100]:
        same(item.message, message)


@test
def notification_that_is_asked_for(site, send):
    send(letter(), "-i", "-N", "SUCCESS", "-R", "hdrs", "-V", "id 42+",
         "bob@example.com").must(0)
    notices = [item for item in site.inbox()
               if item.recipient == "alice@example.org"]
    check(len(notices) == 1, len(notices), "notices")
    for text in (b"Original-Envelope-Id: id 42+\n",
                 b"Original-Recipient: rfc822;bob@example.com\n",
                 b"Action: delivered\n", b"text/rfc822-headers"):
        check(text in notices[0].message, "no", text, "in",
              show(notices[0].message, 3000))


@test
def notification_that_is_not_wanted(site, send):
    send(letter(), "-i", "-N", "never", "bob@example.com").must(0)
    one(site.inbox())


@test
def json_outcome(site, send):
    run = send(letter(), "--json", "-i", "bob@example.com",
               "refused@example.com")
    run.must(67)
    got = json.loads(run.stdout)
    states = {item["address"]: (item["state"], item["code"])
              for item in got["recipients"]}
    check(states == {"bob@example.com": ("accepted", 250),
                     "refused@example.com": ("refused", 550)}, states)
    check(got["status"] == 67 and got["auth"] == "SCRAM-SHA-256"
          and got["tls"] == "TLS1.3"
          and got["relay"] == "localhost:%d" % site.ports["SUBMISSION"],
          run.stdout)
    one(site.inbox())


def bad_certificate(site, send, how, keys):
    base = implicit(site) if how == "implicit" else {}
    keys = {key: value.format(dir=site.path) for key, value in keys.items()}
    send(letter(), **base, **keys).must(69, "certificate")
    none(site.inbox())
    check("client=" not in site.log() and "auth=" not in site.log(),
          "went on:", site.log())


for how in ("starttls", "implicit"):
    define("unknown-ca-" + how, bad_certificate, how,
           {"tls_trust": "{dir}/other-ca.pem"})
    define("wrong-name-" + how, bad_certificate, how,
           {"tls_server_name": "mail.example.com"})
    define("address-not-in-certificate-" + how, bad_certificate, how,
           {"server": "127.0.0.1"})


@test
def starttls_not_offered(site, send):
    keys = plain(site)
    keys["starttls"] = "yes"
    send(letter(), **keys).must(69, "STARTTLS")
    none(site.inbox())
    check(" mail=" not in site.log(), "went on:", site.log())


@test
def auth_not_offered(site, send):
    send(letter(), port=site.ports["PLAIN"], starttls="no",
         allow_plaintext_password="yes").must(77)
    none(site.inbox())
    check(" mail=" not in site.log(), "went on:", site.log())


@test
def relay_wants_auth(site, send):
    send(letter(), auth="none", username=None, password=None).must(
        67, "bob@example.com")
    none(site.inbox())


@test
def list_of_ports(site, send):
    message = letter()
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))    # and nobody listens
        closed = bound.getsockname()[1]
        send(message, port="%d, %d" % (closed, site.ports["SUBMISSION"])
             ).must(0)
    same(one(site.inbox()).message, message)


@test
def closed_port(site, send):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        send(letter(), port=bound.getsockname()[1]).must(75)
    none(site.inbox(0))


@test
def empty_environment(site, send):
    message = letter()
    send(message, env={}).must(0)
    same(one(site.inbox()).message, message)


def cron(site, send, to, delivered, keys):
    """As Debian's cron calls sendmail, with the user's own account file."""
    home = tempfile.mkdtemp(dir=send.folder)
    name = home + "/sendmail"
    os.symlink(SENDOFF, name)
    os.makedirs(home + "/.config/sendoff")
    os.rename(send.account(keys), home + "/.config/sendoff/sendoff.conf")
    rest = (b"Subject: Cron <root@host> echo\nMIME-Version: 1.0\n"
            b"Content-Type: text/plain; charset=UTF-8\n"
            b"Content-Transfer-Encoding: 8bit\n"
            b"X-Cron-Env: <SHELL=/bin/sh>\n\n" + BODY)
    result = subprocess.run(
        [name, "-FCronDaemon", "-i", "-B8BITMIME", "-oem", to],
        input=b"From: root (Cron Daemon)\nTo: " + to.encode() + b"\n" + rest,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={"HOME": home, "PATH": "/usr/bin:/bin", "LOGNAME": "root",
             "SHELL": "/bin/sh"}, timeout=RUN_SECONDS)
    Run(result).must(0)
    got = one(site.inbox())
    check(got.recipient == "bob@example.com", got.recipient)
    check(got.sender == "alice@example.org", got.sender)
    same(without(got.message, b"From", b"To", b"Date", b"Message-ID"), rest)
    # rewrite_from = local: the address is bare, so the account's takes over.
    check(re.search(rb"(?m)^From: alice@example\.org \(Cron Daemon\)$",
                    got.message), show(got.message))
    check(re.search(rb"(?m)^To: " + delivered + rb"$", got.message),
          show(got.message))


define("cron-to-an-address", cron, "bob@example.com", rb"bob@example\.com",
       {})
define("cron-to-a-bare-name", cron, "bob", rb"bob@example\.com",
       {"domain": "example.com"})


@test
def ten_megabytes(site, send):
    message = bulk(10 << 20)
    send(message).must(0)
    same(one(site.inbox()).message, message)


@test
def larger_than_the_relay_takes(site, send):
    message = bulk(51 << 20)
    run = send(message).must(69, "52428800")
    none(site.inbox())
    check(" mail=" not in site.log(), "MAIL was said:", site.log(),
          run.stderr)


@test
def eight_at_once(site, send):
    messages = [letter() + b"%d\n" % n for n in range(8)]
    running = []
    for message in messages:
        child = subprocess.Popen(
            send.command(["-i", "bob@example.com"], {}),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=send.environment())
        child.stdin.write(message)
        child.stdin.close()
        child.stdin = None
        running.append(child)
    for child in running:
        _, said = child.communicate(timeout=RUN_SECONDS)
        check(child.returncode == 0, "exit", child.returncode, show(said))
    got = sorted(item.message for item in site.inbox(8))
    check(got == sorted(messages), len(got), "delivered, or not the same")


def cut(site, send, name, keys):
    message = bulk(1 << 20)
    with Proxy(site.ports[name], Bytes(len(message) // 2), "cut") as proxy:
        send(message, **dict(keys(site), port=proxy.port)).must(75)
    check(proxy.come, "the message did not get that far")
    check(proxy.connections == 1, proxy.connections, "connections")
    none(site.inbox())


for name, keys in (("SUBMISSION", lambda site: {}), ("SMTPS", implicit),
                   ("PLAIN", plain)):
    define("cut-in-message-" + name.lower(), cut, name, keys)


def in_doubt(site, send, name, moment, message, keys):
    with Proxy(site.ports[name], moment, "mute") as proxy:
        send(message, **dict(keys(site), port=proxy.port)).must(
            75, "may have been delivered")
    check(proxy.come, "the message did not get that far")
    check(proxy.connections == 1, proxy.connections, "connections")
    same(one(site.inbox()).message, message)


@test
def cut_after_final_dot_plain(site, send):
    in_doubt(site, send, "PLAIN", EndOfBody(), letter(), plain)


@test
def cut_after_final_dot_tls(site, send):
    # Without CHUNKING the relay is silent from the first byte of the body
    # to the final dot, and all that is said before is short.
    message = bulk(1 << 20)
    in_doubt(site, send, "SMTPS", Bytes(len(message) // 2), message,
             implicit)


@test
def smtpd_killed_in_message(site, send):
    if os.geteuid() != 0:
        print("# smtpd-killed-in-message needs root")
        return

    def kill():
        pid = poll("session in the log", 10, lambda: re.search(
            r"submission/smtpd\[(\d+)\]: connect from", site.log()))
        os.kill(int(pid[1]), signal.SIGKILL)

    message = bulk(1 << 20)
    with Proxy(site.ports["SUBMISSION"], Bytes(len(message) // 2),
               kill) as proxy:
        send(message, port=proxy.port).must(75)
    check(proxy.come, "the message did not get that far")
    none(site.inbox())


@test
def works_after_all_that(site, send):
    message = letter()
    send(message).must(0)
    same(one(site.inbox()).message, message)


# --- running --------------------------------------------------------------

def too_long(number, frame):
    raise Failure("took more than %d s" % TEST_SECONDS)


def attempt(function, site, send):
    """None, or why it failed."""
    signal.alarm(TEST_SECONDS)
    try:
        site.mark()
        function(site, send)
    except Failure as failure:
        return str(failure)
    except subprocess.TimeoutExpired as expired:
        return "sendoff ran for more than %d s" % expired.timeout
    except Exception as other:
        return "%s: %s" % (type(other).__name__, other)
    finally:
        signal.alarm(0)
    return None


def run_tests(wanted):
    site = Site(SITE)
    failed = passed = 0
    with tempfile.TemporaryDirectory(prefix="sendoff-postfix.") as folder:
        send = Agent(site, folder)
        for name, function in TESTS:
            if wanted and not any(word in name for word in wanted):
                continue
            why = attempt(function, site, send)
            if why is None:
                passed += 1
                print("ok", name, flush=True)
            else:
                failed += 1
                print("not ok %s: %s" % (name, why.replace("\n", " | ")),
                      flush=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


def main():
    if not shutil.which(SENDOFF):
        print("no program at '%s': set SENDOFF" % SENDOFF, file=sys.stderr)
        return 2
    signal.signal(signal.SIGALRM, too_long)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = subprocess.run([POSTFIX, "start", SITE]).returncode
    if started != 0:
        return started
    try:
        return run_tests(sys.argv[1:])
    finally:
        subprocess.run([POSTFIX, "stop", SITE])


if __name__ == "__main__":
    sys.exit(main())
