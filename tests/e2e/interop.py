#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Submits to other people's servers, and reads back what they delivered.

    SENDOFF=./sendoff tests/e2e/interop.py [PART-OF-A-NAME ...]

Starts each server of tests/servers/control, in $SERVERS_DIR (default:
build/servers in the tree), and stops it at the end.  What cannot run is named
in a line "skip: SERVER: reason"; where none can, the status is 77.  With
arguments only the tests with one of them in their name run.  (Postfix with
Dovecot for authentication has a script of its own, postfix.py.)

What must not be delivered is looked for when a message sent after it has
arrived.
"""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
import traceback

import lib

CONTROL = os.path.join(lib.TESTS, "servers", "control")
SITES = os.path.abspath(os.environ.get("SERVERS_DIR") or os.path.join(
    os.path.dirname(lib.TESTS), "build", "servers"))
ARRIVAL_SECONDS = 30
ALICE = "alice@example.org"
BOB = "bob@example.com"
CAROL = "carol@example.org"

# It lacks nothing, so that nothing is added to it here.
HEADER = (b"Date: Mon, 01 Jan 2024 00:00:00 +0000\n"
          b"From: Alice <alice@example.org>\n"
          b"To: Bob <bob@example.com>\n"
          b"Cc: Carol <carol@example.org>\n"
          b"Subject: as it is,\n  with  spaces \n"
          b"Message-ID: <%d.%d@example.org>\n"
          b"MIME-Version: 1.0\n"
          b"Content-Type: text/plain; charset=utf-8\n"
          b"Content-Transfer-Encoding: 8bit\n"
          b"\n")
BODY = (b".\n..\n...\n.a\n"
        b"From the start of a line\n>From another\n"
        b"trailing \t \n\n\n" + b"x" * 998 + b"\n.\n\nend\n")
EIGHT_BIT = ("gr\xfc\xdfe, \u20ac, \U0001f4e7\n".encode()
             + bytes(range(0x80, 0x100)) + b"\n")
SERIAL = itertools.count(1)
HEAD = re.compile(rb"Return-path: <([^\n]*)>\n"
                  rb"(?:Delivered-To|Envelope-to): ([^\n]*)\n", re.I)
RECEIVED = re.compile(rb"Received: [^\n]*\n(?:[ \t][^\n]*\n)*")


class Unexpected(Exception):
    """What makes the rest of a test senseless."""


class Server:
    """What is known of a server: the mechanisms that sendoff has too, its
    first choice first, and what the server adds to a message.
    """

    def __init__(self, name, mechanisms, user=lib.USER, received=True,
                 refused="refused@example.com"):
        self.name = name
        self.mechanisms = mechanisms.split()
        self.user = user
        self.received = received    # whether it adds a Received field
        self.refused = refused


SERVERS = [
    Server("exim", "PLAIN LOGIN CRAM-MD5"),
    Server("opensmtpd", "PLAIN LOGIN"),
    Server("sendmail", "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN CRAM-MD5"),
    Server("aiosmtpd", "PLAIN LOGIN", received=False),
    Server("chasquid", "PLAIN", user=ALICE),
    Server("dovecot", "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN CRAM-MD5",
           refused="bob@refused.example"),
]


def as_submitted(data):
    """With line feeds alone, where all lines end with CR LF."""
    if not data.partition(b"\n")[0].endswith(b"\r"):
        return data
    if re.search(rb"(?<!\r)\n|\r(?!\n)", data):
        raise Unexpected("not all lines end alike")
    return data.replace(b"\r\n", b"\n")


class Delivered:
    """A message that a server has delivered, less what it added."""

    def __init__(self, server, sender, recipient, data):
        self.sender = sender
        self.recipient = recipient
        self.received = ""
        if server.received:
            head = RECEIVED.match(data)
            if not head:
                raise Unexpected(f"no Received first: {data[:300]!r}")
            self.received = head[0].decode()
            data = data[head.end():]
        self.message = as_submitted(data)


class Site:
    """A running server with a mailbox."""

    def __init__(self, server):
        self.server = server
        self.dir = os.path.join(SITES, server.name)
        self.ports = {}
        self.seen = set()

    def start(self, *more):
        done = subprocess.run(
            [CONTROL, "start", self.server.name, SITES, *more],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        said = done.stdout.decode(errors="replace").strip()
        if done.returncode != 0:
            return done.returncode, said
        with open(os.path.join(self.dir, "ports")) as f:
            for line in f:
                name, _, port = line.strip().partition("=")
                self.ports[name] = int(port)
        return 0, said

    def stop(self):
        subprocess.run([CONTROL, "stop", self.server.name, SITES],
                       stdin=subprocess.DEVNULL)

    def tls_fault(self):
        """Why the server's TLS does not work here, or None."""
        try:
            with open(os.path.join(self.dir, "tls-fault")) as f:
                return f.read().strip()
        except FileNotFoundError:
            return None

    def names(self):
        """What there is in the mailbox, in any order."""
        return os.listdir(os.path.join(self.dir, "mail", "new"))

    def read(self, name):
        with open(os.path.join(self.dir, "mail", "new", name), "rb") as f:
            data = f.read()
        head = HEAD.match(data)
        if not head:
            raise Unexpected(f"no envelope first: {data[:300]!r}")
        return Delivered(self.server, head[1].decode(), head[2].decode(),
                         data[head.end():])

    def mark(self):
        """What is delivered from here on is the next test's."""
        self.seen = set(self.names())

    def inbox(self, count):
        """What was delivered since mark(), once there is so much."""
        limit = time.monotonic() + ARRIVAL_SECONDS
        while True:
            new = [x for x in self.names() if x not in self.seen]
            if len(new) >= count or time.monotonic() > limit:
                break
            time.sleep(0.02)
        return sorted((self.read(x) for x in new), key=lambda x: x.recipient)


class RelayedSite(Site):
    """A server whose mail goes on to the scripted relay."""

    def __init__(self, server, lab):
        super().__init__(server)
        self.lab = lab
        self.relay = None

    def start(self):
        self.relay = lib.Relay(self.lab, self.lab.fresh("relay"), "--serve",
                               "--open", "--lifetime", "600", tls=False)
        return super().start(str(self.relay.port))

    def stop(self):
        super().stop()
        if self.relay:
            self.relay.stop()

    def names(self):
        return range(len(self.relay.taken()))

    def read(self, name):
        taken = self.relay.taken()[name]
        return Delivered(self.server, taken.sender,
                         ",".join(taken.recipients), taken.data)


def letter(body=BODY):
    return HEADER % (os.getpid(), next(SERIAL)) + body


def bulk(size):
    """A body of about size bytes, no two lines of it alike."""
    return b"".join(b"%08d " % n + b"0123456789abcdef" * 4 + b"\n"
                    for n in range(size // 74))


def difference(got, want):
    at = next((n for n, (a, b) in enumerate(zip(got, want)) if a != b),
              min(len(got), len(want)))
    at = max(0, at - 20)
    return (f"{len(got)} bytes delivered, not {len(want)}; from byte {at}: "
            f"{got[at:at + 60]!r}, not {want[at:at + 60]!r}")


class Case:
    """One test's runs and findings."""

    def __init__(self, lab, site, name):
        self.lab = lab
        self.site = site
        self.server = site.server
        self.name = name
        self.faults = []

    def check(self, truth, what):
        if not truth:
            self.faults.append(what if len(what) < 700 else
                               what[:700] + " ...")

    def send(self, message, status, *recipients, changes=(), args=()):
        """Submits, expects an exit status, and returns the outcome."""
        directory = self.lab.fresh("run")
        account = self.lab.account(
            os.path.join(directory, "account"),
            self.site.ports["STARTTLS"],
            ["server = localhost", f"username = {self.server.user}",
             f"tls_trust = {os.path.join(self.site.dir, 'ca.pem')}",
             "timeout = 30s", *changes])
        result = lib.run(self.lab, directory,
                         ["-C", account, "--json", "-i", *args,
                          *(recipients or (BOB,))], message)
        self.faults += lib.faults_of_output(result)
        if result.status != status:
            raise Unexpected(f"not exit {status}: {result!r}")
        self.check(bool(result.err) == (status != 0),
                   f"exit {status} with this on stderr: {result.err!r}")
        return result

    def arrived(self, *messages, sender=ALICE):
        """Checks that (recipient, message) are all that was delivered."""
        want = sorted(messages)
        got = self.site.inbox(len(want))
        told = [x.recipient for x in got]
        if told != [x for x, _ in want]:
            return self.check(False, f"delivered to {told}, not to "
                              f"{[x for x, _ in want]}")
        for item, (_, message) in zip(got, want):
            self.check(item.sender == sender,
                       f"the sender is '{item.sender}'")
            if item.message != message:
                self.check(False, difference(item.message, message))
        return got

    def only_later(self, changes=()):
        """Checks that nothing is delivered but what is sent now."""
        later = letter(b"later\n")
        self.send(later, 0, changes=changes)
        self.arrived((BOB, later))


TESTS = []


def test(name):
    def keep(function):
        TESTS.append((name, function))
        return function
    return keep


def implicit(t):
    return ["implicit_tls = yes", "-starttls",
            f"port = {t.site.ports['TLS']}"]


def plain(t):
    return ["starttls = no", "-username", "-password",
            f"port = {t.site.ports['PLAIN']}"]


def secured(t, changes, mechanism):
    """Both ends must say that there was TLS, and who logged in how."""
    message = letter()
    result = t.send(message, 0, changes=changes)
    said = result.json()
    t.check(re.match(r"TLS1\.[23]$", said["tls"] or ""),
            f"TLS: {said['tls']}")
    t.check(said["auth"] == mechanism, f"AUTH {said['auth']}, not "
            f"{mechanism}")
    got = t.arrived((BOB, message))
    if got and t.server.received:
        t.check("ESMTPSA" in got[0].received.upper(),
                f"no TLS or no AUTH for the server: {got[0].received}")


@test("STARTTLS")
def starttls(t):
    secured(t, ["auth = auto"], t.server.mechanisms[0])


@test("implicit TLS")
def implicit_tls(t):
    secured(t, ["auth = auto", *implicit(t)], t.server.mechanisms[0])


def define_mechanism(mechanism):
    @test(f"AUTH {mechanism}")
    def auth(t):
        secured(t, [f"auth = {mechanism}"], mechanism)


for each in ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5"):
    define_mechanism(each)


@test("8-bit")
def eight_bit(t):
    message = letter(EIGHT_BIT + BODY)
    t.send(message, 0)
    t.arrived((BOB, message))


@test("10 MB")
def ten_megabytes(t):
    message = letter(bulk(10 << 20))
    t.send(message, 0)
    t.arrived((BOB, message))


@test("refused recipient")
def refused_recipient(t, changes=()):
    result = t.send(letter(), 67, t.server.refused, changes=changes)
    t.check(t.server.refused in result.stderr and "550" in result.stderr,
            f"stderr: {result.stderr}")
    t.only_later(changes)


@test("refused recipient among three")
def refused_among_three(t, changes=()):
    message = letter()
    result = t.send(message, 67, BOB, t.server.refused, CAROL,
                    changes=changes)
    states = {x["address"]: x["state"] for x in result.json()["recipients"]}
    t.check(states == {BOB: "accepted", t.server.refused: "refused",
                       CAROL: "accepted"}, f"states: {states}")
    if isinstance(t.site, RelayedSite):
        t.arrived((f"{BOB},{CAROL}", message))
    else:
        t.arrived((BOB, message), (CAROL, message))


def wrong_password(t, changes):
    result = t.send(letter(), 77, changes=["password = s3cret Pass",
                                           *changes])
    t.check("535" in result.stderr, f"stderr: {result.stderr}")
    t.only_later(changes)


@test("wrong password")
def wrong_password_starttls(t):
    wrong_password(t, [])


@test("wrong password, implicit TLS")
def wrong_password_implicit(t):
    wrong_password(t, implicit(t))


@test("unknown user")
def unknown_user(t):
    result = t.send(letter(), 77, changes=["username = mallory@example.org"])
    t.check("535" in result.stderr, f"stderr: {result.stderr}")
    t.only_later()


# --- without TLS ----------------------------------------------------------

@test("plain: 8-bit")
def plain_eight_bit(t):
    message = letter(EIGHT_BIT + BODY)
    said = t.send(message, 0, changes=plain(t)).json()
    t.check(said["tls"] is None and said["auth"] is None,
            f"TLS {said['tls']}, AUTH {said['auth']}")
    t.arrived((BOB, message))


@test("plain: 10 MB")
def plain_ten_megabytes(t):
    message = letter(bulk(10 << 20))
    t.send(message, 0, changes=plain(t))
    t.arrived((BOB, message))


@test("plain: refused recipient")
def plain_refused_recipient(t):
    refused_recipient(t, plain(t))


@test("plain: refused recipient among three")
def plain_refused_among_three(t):
    refused_among_three(t, plain(t))


@test("plain: no password without TLS")
def plain_no_password(t):
    t.send(letter(), 77, changes=[
        "starttls = no", f"port = {t.site.ports['PLAIN']}"])
    t.only_later(plain(t))


@test("broken TLS: nothing is sent without it")
def broken_tls(t):
    for changes in ([], implicit(t)):
        t.send(letter(), 75, changes=changes)
    t.only_later(plain(t))


def suits(site, name):
    """Whether a test is for this server, as it runs here."""
    if name.startswith("plain: "):
        return "PLAIN" in site.ports
    if name.startswith("broken TLS: "):
        return "PLAIN" in site.ports and site.tls_fault() is not None
    if name.startswith("AUTH ") and \
            name[5:] not in site.server.mechanisms:
        return False
    return site.tls_fault() is None


# --- running --------------------------------------------------------------

def attempt(lab, site, name, function):
    case = Case(lab, site, name)
    try:
        site.mark()
        function(case)
    except Unexpected as e:
        case.faults.append(str(e))
    except Exception:
        case.faults.append(traceback.format_exc())
    return case.faults


def serve(lab, server, chosen, tally):
    """Runs a server's tests; why it cannot run here, or None."""
    site = RelayedSite(server, lab) if server.name == "dovecot" else \
        Site(server)
    try:
        status, said = site.start()
        if status == 77:
            return said.splitlines()[-1]
        if status != 0:
            tally.add(f"{server.name}: start", [f"status {status}: {said}"])
            return None
        if site.tls_fault() and "PLAIN" not in site.ports:
            tally.add(f"{server.name}: TLS", [site.tls_fault()])
            return None
        if site.tls_fault():
            print(f"skip: {server.name}: all with TLS or AUTH: "
                  f"{site.tls_fault()}", flush=True)
        for name, function in chosen:
            if suits(site, name):
                tally.add(f"{server.name}: {name}",
                          attempt(lab, site, name, function))
        return None
    finally:
        site.stop()


def main():
    wanted = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    tally = lib.Tally()
    skipped = []
    with lib.Lab() as lab:
        for server in SERVERS:
            chosen = [(name, function) for name, function in TESTS
                      if not wanted or any(w in f"{server.name}: {name}"
                                           for w in wanted)]
            reason = serve(lab, server, chosen, tally) if chosen else None
            if reason:
                skipped.append(reason)
                print("skip: " + reason, flush=True)
    if skipped and not tally.passed and not tally.failed:
        print("; ".join(skipped))
        return 77
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
