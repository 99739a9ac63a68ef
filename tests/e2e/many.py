#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""More recipients than a relay takes at a time: each gets the message once,
over one connection, or a verdict that says why not.

    SENDOFF=... tests/e2e/many.py [PART-OF-A-NAME ...]

The relay here counts recipients, and says so beforehand (LIMITS, RFC 9422) or
when it has enough, in the ways that relays do (RFC 5321 section 4.5.3.1.10).
Prints a line for each test, "ok NAME" or "not ok NAME: why"; the last line
counts them.
"""

import email
import re
import socket
import sys
import threading

import lib

MANY = 10000
AT_A_TIME = 1000
# No figure of merit, but what is not linear takes longer.
SECONDS = 40 if lib.SANITIZED else 15
# RCPTs that may go out in vain before the relay's limit is known.
IN_VAIN = 600
BODY = b"hello\r\n.\r\n..\r\nthe end\r\n"
FULL = {"453": b"452 4.5.3 too many recipients", "452": b"452 too many",
        "552": b"552 too many", "553": b"550 5.5.3 too many recipients"}


class Gone(Exception):
    """The connection is over."""


class Counter:
    """A relay that takes so many recipients at a time.  offers: lines of its
    EHLO reply; full: what it says to one too many; refused: {address: reply};
    replies: {(verb, which): reply}, which counts the commands of that
    verb from 1; with None, and for ("dot", which) in any case, the connection
    is lost.
    """

    def __init__(self, at_a_time=AT_A_TIME, offers=(), full=FULL["453"],
                 refused=None, replies=None, domains=None, session=None):
        self.at_a_time = at_a_time
        self.offers = offers
        self.full = full
        self.refused = refused or {}
        self.replies = replies or {}
        self.domains = domains
        self.session = session or Session
        self.connections = 0
        self.rcpts = []
        self.taken = []         # (recipients, message) of each transaction
        self.mails = []
        self.errors = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                connection.settimeout(30)
                try:
                    self.session(self, connection).run()
                except Gone:
                    pass
                except (OSError, ValueError) as e:
                    self.errors.append(repr(e))


class Session:
    def __init__(self, relay, connection):
        self.relay = relay
        self.file = Lines(connection)
        self.connection = connection
        self.counts = {}
        self.out = []
        self.forget()

    def forget(self):
        self.open = False
        self.recipients = []
        self.domains = set()
        self.message = b""

    def say(self, line):
        self.out.append(line + b"\r\n")
        # In one go, as relays do that see that there is more to read.
        if len(self.out) == 100 or not self.file.peek_ready():
            self.flush()

    def flush(self):
        self.connection.sendall(b"".join(self.out))
        self.out = []

    def run(self):
        self.say(b"220 relay.example.net ESMTP")
        while True:
            line = self.file.line()
            verb = line.split(b" ")[0].upper().decode("ascii", "replace")
            self.counts[verb] = self.counts.get(verb, 0) + 1
            reply = self.relay.replies.get((verb, self.counts[verb]), b"")
            if reply is None:
                self.flush()
                raise Gone()
            if reply:
                self.say(reply)
                if reply.startswith(b"421"):
                    self.flush()
                    raise Gone()
                continue
            self.say(getattr(self, "do_" + verb.lower())(line))
            if verb == "QUIT":
                self.flush()
                return

    def do_ehlo(self, line):
        lines = [b"relay.example.net", *self.relay.offers]
        return b"\r\n".join([b"250-" + x for x in lines[:-1]] +
                            [b"250 " + lines[-1]])

    def do_mail(self, line):
        if self.open:
            raise ValueError("MAIL within a transaction")
        self.open = True
        self.relay.mails.append(line)
        return b"250 2.1.0 ok"

    def do_rcpt(self, line):
        if not self.open:
            raise ValueError("RCPT without MAIL")
        self.relay.rcpts.append(line)
        address = re.fullmatch(rb"RCPT TO:<(.*?)>(?: .*)?", line)[1].decode()
        if len(self.recipients) == self.relay.at_a_time:
            return self.relay.full
        domain = address.rpartition("@")[2]
        if self.relay.domains and domain not in self.domains and \
           len(self.domains) == self.relay.domains:
            return self.relay.full
        if address in self.relay.refused:
            return self.relay.refused[address]
        self.recipients.append(address)
        self.domains.add(domain)
        return b"250 2.1.5 ok"

    def take(self):
        if ("dot", len(self.relay.taken) + 1) in self.relay.replies:
            raise Gone()
        self.relay.taken.append((self.recipients, self.message))
        self.forget()
        return b"250 2.0.0 taken"

    def do_data(self, line):
        if not self.recipients:
            return b"554 5.5.1 no valid recipients"
        self.say(b"354 go ahead")
        self.flush()
        lines = []
        while True:
            line = self.file.line()
            if line == b".":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        self.message = b"".join(x + b"\r\n" for x in lines)
        return self.take()

    def do_bdat(self, line):
        words = line.split(b" ")
        chunk = self.file.read(int(words[1]))
        if not self.recipients:
            return b"503 5.5.1 no valid recipients"
        self.message += chunk
        if words[2:] != [b"LAST"]:
            return b"250 2.0.0 go on"
        return self.take()

    def do_rset(self, line):
        self.forget()
        return b"250 2.0.0 ok"

    def do_quit(self, line):
        return b"221 2.0.0 bye"


class Forgiving(Session):
    """Says no to a RCPT without MAIL, which pipelining brings."""

    def do_rcpt(self, line):
        return super().do_rcpt(line) if self.open else \
            b"503 5.5.1 MAIL first"


class Lines:
    """Lines and octets off a socket, and whether there are more here."""

    def __init__(self, connection):
        self.connection = connection
        self.data = b""
        self.at = 0

    def fill(self):
        more = self.connection.recv(1 << 18)
        if not more:
            raise Gone()
        self.data = self.data[self.at:] + more
        self.at = 0

    def peek_ready(self):
        return self.data.find(b"\r\n", self.at) >= 0

    def line(self):
        while (end := self.data.find(b"\r\n", self.at)) < 0:
            self.fill()
        line = self.data[self.at:end]
        self.at = end + 2
        return line

    def read(self, n):
        while len(self.data) - self.at < n:
            self.fill()
        self.at += n
        return self.data[self.at - n:self.at]


def names(n, domains=1):
    return [f"user{i:05d}@d{i % domains}.example.net" for i in range(n)]


class Case:
    def __init__(self, lab, relay):
        self.lab = lab
        self.relay = relay
        self.dir = lab.fresh("many")
        self.faults = []

    def check(self, truth, what):
        if not truth:
            self.faults.append(what[:500])

    def equal(self, got, want, what):
        self.check(got == want, f"{what}: {got!r:.200}, not {want!r:.200}")

    def run(self, recipients, account=(), args=(), body=BODY):
        """Submits to these, named in Bcc fields; the JSON object."""
        self.want = recipients
        account = self.lab.account(
            self.lab.path(self.dir, "account"), self.relay.port,
            ("starttls = no", "-username", "-password", "-tls_trust",
             *account))
        fields = [b"Subject: to many", b"Date: Tue, 24 Nov 2026 12:00:00 +0000",
                  b"From: alice@example.org", b"Message-ID: <m@example.org>"]
        for i in range(0, len(recipients), 20000):
            fields.append(b"Bcc: " + b",\r\n ".join(
                x.encode() for x in recipients[i:i + 20000]))
        message = b"\r\n".join(fields) + b"\r\n\r\n" + body
        # Bcc is taken out, and a To that names nobody put in.
        self.sent = body
        self.result = lib.run(self.lab, self.dir, [
            "-C", account, "--json", "-i", "-t", *args], message)
        self.faults += lib.faults_of_output(self.result, cpu=SECONDS)
        self.check(self.result.seconds < SECONDS,
                   f"it took {self.result.seconds:.1f} s")
        self.faults += self.relay.errors
        self.rows = self.result.json()["recipients"]
        self.equal([x["address"] for x in self.rows], recipients,
                   "rows of --json")
        return self.result

    def states(self):
        return {x["address"]: x["state"] for x in self.rows}

    def all_got_it(self, but=()):
        """Exactly once, and the same message."""
        got = [x for recipients, _ in self.relay.taken for x in recipients]
        want = sorted(set(self.want) - set(but))
        self.equal(sorted(got), want, "recipients of the relay")
        accepted = [x for x, state in self.states().items()
                    if state == "accepted"]
        self.equal(sorted(accepted), want, "accepted ones")
        self.same_message()

    def same_message(self):
        messages = {x for _, x in self.relay.taken}
        self.equal(len(messages), 1, "different messages")
        for message in messages:
            self.check(message.endswith(b"\r\n\r\n" + self.sent) and
                       b"Bcc" not in message, "the message is another")


TESTS = []


def test(name):
    def add(function):
        TESTS.append((name, function))
        return function
    return add


def ten_thousand(lab, offers, full, refuse, body=BODY):
    addresses = names(MANY)
    nobody = addresses[4321]
    refused = {nobody: b"550 5.1.1 no such user"} if refuse else {}
    with Counter(offers=offers, full=full, refused=refused) as relay:
        t = Case(lab, relay)
        result = t.run(addresses, body=body)
        t.equal(result.status, 67 if refuse else 0, "status")
        t.all_got_it(refused)
        t.equal(relay.connections, 1, "connections")
        limits = any(x.startswith(b"LIMITS") for x in offers)
        most = MANY // AT_A_TIME + (1 if refuse else 0)
        t.check(len(relay.taken) <= most + (0 if limits else 1),
                f"{len(relay.taken)} transactions")
        t.check(MANY <= len(relay.rcpts) <= MANY + (0 if limits else IN_VAIN),
                f"{len(relay.rcpts)} RCPTs")
        if refuse:
            t.equal(t.states()[nobody], "refused", "who is refused")
            text = f"sendoff: '{nobody}' has not got it, refused: 550 5.1.1" \
                " no such user\n"
            t.check(text in result.stderr, "the refusal is not on stderr")
            t.equal(result.stderr.count("' has got it\n"), MANY - 1,
                    "named on stderr")
        else:
            t.equal(result.err, b"", "stderr")
    return t.faults


LIMITS = b"LIMITS RCPTMAX=1000"
for pipelining in (True, False):
    for chunking in (True, False) if pipelining else (False,):
        base = [b"8BITMIME"] + [b"PIPELINING"] * pipelining + \
            [b"CHUNKING"] * chunking
        words = ("PIPELINING" if pipelining else "one by one") + \
            (", CHUNKING" if chunking else "")

        @test(f"10,000: LIMITS, {words}")
        def _limits(lab, base=base):
            return ten_thousand(lab, [*base, LIMITS], FULL["453"], True)

        for key in FULL if pipelining else ("453",):
            @test(f"10,000: {FULL[key].decode()}, {words}")
            def _full(lab, base=base, key=key):
                return ten_thousand(lab, base, FULL[key], key != "552")


@test("10,000: a message of 100 kB, CHUNKING")
def longer(lab):
    return ten_thousand(lab, [b"PIPELINING", b"CHUNKING"], FULL["453"], True,
                        b"x" * 70 + b"\r\n" + (b"y" * 78 + b"\r\n") * 1250)


@test("50,000 at once, and 1,000 at a time")
def fifty_thousand(lab):
    faults = []
    for at_a_time in (50000, AT_A_TIME):
        with Counter(at_a_time, (b"PIPELINING",)) as relay:
            t = Case(lab, relay)
            result = t.run([f"u{i}@x.org" for i in range(50000)])
            t.equal(result.status, 0, "status")
            t.all_got_it()
            t.equal(relay.connections, 1, "connections")
            faults += t.faults
    return [x for x in faults if not x.startswith("resident memory")] + (
        [] if lib.SANITIZED or result.rss_kib < 5 * lib.RSS_MAX_KIB else
        [f"{result.rss_kib} KiB"])


@test("LIMITS is not what the relay does")
def limits_lie(lab):
    with Counter(70, (b"PIPELINING", LIMITS)) as relay:
        t = Case(lab, relay)
        t.equal(t.run(names(1500)).status, 0, "status")
        t.all_got_it()
        t.check(len(relay.rcpts) <= 1500 + IN_VAIN, f"{len(relay.rcpts)} RCPTs")
    return t.faults


@test("LIMITS RCPTDOMAINMAX")
def domains(lab):
    for most, transactions in ((1, 30), (7, 5)):
        offers = (b"PIPELINING", b"LIMITS RCPTDOMAINMAX=%d" % most)
        with Counter(offers=offers, domains=most) as relay:
            t = Case(lab, relay)
            t.equal(t.run(names(300, 30)).status, 0, "status")
            t.all_got_it()
            t.equal(len(relay.taken), transactions, "transactions")
            t.equal(len(relay.rcpts), 300, "RCPTs")
            if t.faults:
                break
    return t.faults


@test("one domain at a time, and LIMITS is silent")
def hidden_domains(lab):
    with Counter(offers=(b"PIPELINING",), domains=1) as relay:
        t = Case(lab, relay)
        t.equal(t.run(names(40, 4)).status, 0, "status")
        t.all_got_it()
    return t.faults


@test("LIMITS MAILMAX")
def mail_max(lab):
    offers = (b"PIPELINING", b"LIMITS RCPTMAX=10 MAILMAX=3")
    with Counter(10, offers) as relay:
        t = Case(lab, relay)
        result = t.run(names(35))
        t.equal(result.status, 75, "status")
        t.all_got_it(names(35)[30:])
        t.equal({t.states()[x] for x in names(35)[30:]}, {"deferred"},
                "the rest")
        t.check("takes 3 transactions" in result.stderr, "no word of it")
        t.equal(len(relay.mails), 3, "MAILs")
    return t.faults


@test("421 instead of a third transaction")
def too_much(lab):
    for verb in ("MAIL", "RCPT", "DATA", "BDAT"):
        nth = 21 if verb == "RCPT" else 3
        offers = (b"PIPELINING", LIMITS.replace(b"1000", b"10"),
                  b"CHUNKING" if verb == "BDAT" else b"8BITMIME")
        with Counter(10, offers, replies={
                (verb, nth): b"421 4.7.0 enough of you"}) as relay:
            t = Case(lab, relay)
            t.equal(t.run(names(35)).status, 75, f"{verb}: status")
            t.all_got_it(names(35)[20:])
            # Its commands in flight are lost with the connection.
            t.check({t.states()[x] for x in names(35)[20:]} <=
                    {"deferred", "untried"}, f"{verb}: {t.states()}")
            if t.faults:
                break
    return t.faults


@test("the connection is lost behind the second final dot")
def lost(lab):
    for chunking in (False, True):
        offers = (b"PIPELINING", LIMITS.replace(b"1000", b"10"),
                  b"CHUNKING" if chunking else b"8BITMIME")
        with Counter(10, offers, replies={("dot", 2): None}) as relay:
            t = Case(lab, relay)
            result = t.run(names(35))
            t.equal(result.status, 75, "status")
            t.equal(["accepted"] * 10 + ["unknown"] * 10 + ["untried"] * 15,
                    list(t.states().values()), "states")
            t.check("may have been delivered" in result.stderr,
                    "no word of the doubt")
            t.equal(len(relay.taken), 1, "taken")
            if t.faults:
                break
    return t.faults


@test("MAIL of a further transaction is refused")
def mail_refused(lab):
    offers = (b"PIPELINING", LIMITS.replace(b"1000", b"10"))
    with Counter(10, offers, replies={
            ("MAIL", 2): b"451 4.7.1 slower, please"},
            session=Forgiving) as relay:
        t = Case(lab, relay)
        t.equal(t.run(names(35)).status, 75, "status")
        t.all_got_it(names(35)[10:])
        t.equal({t.states()[x] for x in names(35)[10:]}, {"deferred"},
                "the rest")
    return t.faults


@test("one recipient at a time")
def one(lab):
    for offers in ((b"PIPELINING",), (b"PIPELINING", b"CHUNKING"),
                   (b"LIMITS RCPTMAX=1",)):
        with Counter(1, offers) as relay:
            t = Case(lab, relay)
            t.equal(t.run(names(50)).status, 0, "status")
            t.all_got_it()
            t.equal(len(relay.taken), 50, "transactions")
            if t.faults:
                break
    return t.faults


@test("a relay that never takes anybody")
def never(lab):
    for key in FULL:
        with Counter(0, (b"PIPELINING",), FULL[key]) as relay:
            t = Case(lab, relay)
            final = "refused" if key in ("552", "553") else "deferred"
            t.equal(t.run(names(30)).status, 67 if final == "refused" else 75,
                    "status")
            t.equal(set(t.states().values()), {final}, "states")
            t.equal(relay.taken, [], "taken")
            if t.faults:
                break
    return t.faults


@test("full mailboxes are not the relay's limit")
def full_mailboxes(lab):
    addresses = names(2000)
    for reply, state in ((b"452 mailbox full", "deferred"),
                         (b"552 mailbox full", "refused"),
                         (b"452 4.2.2 mailbox full", "deferred")):
        full = {x: reply for x in addresses[5::100]}
        with Counter(MANY, (b"PIPELINING",), refused=full) as relay:
            t = Case(lab, relay)
            t.equal(t.run(addresses).status,
                    75 if state == "deferred" else 67, "status")
            t.all_got_it(full)
            t.equal({t.states()[x] for x in full}, {state}, "full ones")
            t.check(len(relay.mails) <= 2, f"{len(relay.mails)} MAILs")
            if t.faults:
                break
    return t.faults


@test("partial = no")
def partial(lab):
    for offers, status in (((b"PIPELINING",), 75),
                           ((LIMITS.replace(b"1000", b"10"),), 69)):
        with Counter(10, offers) as relay:
            t = Case(lab, relay)
            result = t.run(names(35), ("partial = no",))
            t.equal(result.status, status, "status")
            t.equal(relay.taken, [], "taken")
            t.check("accepted" not in t.states().values(), "accepted")
            if t.faults:
                break
    return t.faults


@test("a message that is mended goes out the same each time")
def mended(lab):
    for size in (1, 4000):
        body = b"gr\xc3\xbc\xc3\x9fe\r\n" * size
        for chunking in (True, False):
            offers = (b"PIPELINING", LIMITS.replace(b"1000", b"1"),
                      b"CHUNKING" if chunking else b"HELP")
            with Counter(1, offers) as relay:
                t = Case(lab, relay)
                t.equal(t.run(names(3), body=body).status, 0, "status")
                got = [x for x, _ in relay.taken]
                t.equal(got, [[x] for x in names(3)], "recipients")
                messages = {x for _, x in relay.taken}
                t.equal(len(messages), 1, "different messages")
                message = email.message_from_bytes(messages.pop())
                t.equal(message.get_payload(decode=True), body, "the text")
                if t.faults:
                    return t.faults
    return t.faults


@test("notifications")
def notifications(lab):
    cases = (
        ((), (), b"DSN", b"", b""),
        (("-N", "delay,SUCCESS"), (), b"DSN", b"",
         b" NOTIFY=SUCCESS,DELAY ORCPT=rfc822;user00000@d0.example.net"),
        (("-R", "Hdrs", "-V", "a b+c"), (), b"DSN",
         b" RET=HDRS ENVID=a+20b+2Bc",
         b" ORCPT=rfc822;user00000@d0.example.net"),
        ((), ("dsn_notify = never", "dsn_return = full"), b"DSN", b" RET=FULL",
         b" NOTIFY=NEVER ORCPT=rfc822;user00000@d0.example.net"),
        (("-Nfailure", "-Rhdrs"), ("dsn_notify = never", "dsn_return = full"),
         b"DSN", b" RET=HDRS",
         b" NOTIFY=FAILURE ORCPT=rfc822;user00000@d0.example.net"),
        (("-Nnever", "-Rfull", "-Vx", "-v"), (), b"8BITMIME", b"", b""),
    )
    for args, account, offer, mail, rcpt in cases:
        with Counter(offers=(offer,)) as relay:
            t = Case(lab, relay)
            result = t.run(names(1), account, args)
            t.equal(result.status, 0, f"{args}: status")
            t.equal(relay.mails, [b"MAIL FROM:<alice@example.org>" + mail],
                    "MAIL")
            t.equal(relay.rcpts, [b"RCPT TO:<user00000@d0.example.net>" +
                                  rcpt], "RCPT")
            t.equal("does not offer DSN" in result.stderr, "-v" in args,
                    "-v's line")
            if t.faults:
                break
    return t.faults


@test("notifications are about who was given, before aliases")
def notifications_of_aliases(lab):
    for args, parameters in (((), (b"", b"")), (("-Ndelay",), (
            b" NOTIFY=DELAY ORCPT=rfc822;root@example.org",
            b" NOTIFY=DELAY ORCPT=rfc822;bob@example.net"))):
        with Counter(offers=(b"DSN",)) as relay:
            t = Case(lab, relay)
            aliases = lab.write(lab.path(t.dir, "aliases"),
                                "root: admin@example.com\n")
            account = lab.account(
                lab.path(t.dir, "account"), relay.port,
                ("starttls = no", "-username", "-password",
                 f"aliases = {aliases}", "domain = example.org"))
            result = lib.run(lab, t.dir, ["-C", account, *args, "root",
                                          "bob@example.net"], b"\nhi\n")
            t.equal(result.status, 0, "status")
            t.equal(relay.rcpts, [
                b"RCPT TO:<admin@example.com>" + parameters[0],
                b"RCPT TO:<bob@example.net>" + parameters[1]], "RCPT")
            if t.faults:
                break
    return t.faults


@test("notifications that a client of -bs asks for")
def notifications_of_a_client(lab):
    with Counter(offers=(b"DSN",)) as relay:
        t = Case(lab, relay)
        account = lab.account(
            lab.path(t.dir, "account"), relay.port,
            ("starttls = no", "-username", "-password",
             "dsn_notify = delay"))
        said = (b"EHLO here\r\n"
                b"MAIL FROM:<alice@example.org> RET=HDRS ENVID=a+20b\r\n"
                b"RCPT TO:<b@example.net> NOTIFY=success,Failure"
                b" ORCPT=rfc822;x+2By@example.net\r\n"
                b"RCPT TO:<c@example.net>\r\nDATA\r\n\r\nhi\r\n.\r\n"
                b"QUIT\r\n")
        result = lib.run(lab, t.dir, ["-C", account, "-bs"], said)
        t.faults += lib.faults_of_output(
            lib.Result(0, result.out.replace(b"\r\n", b"\n"), result.err,
                       result.seconds, result.rss_kib, result.cpu))
        t.equal(result.status, 0, "status")
        t.equal(relay.mails, [b"MAIL FROM:<alice@example.org> RET=HDRS"
                              b" ENVID=a+20b"], "MAIL")
        t.equal(relay.rcpts, [
            b"RCPT TO:<b@example.net> NOTIFY=SUCCESS,FAILURE"
            b" ORCPT=rfc822;x+2By@example.net",
            b"RCPT TO:<c@example.net> NOTIFY=DELAY"
            b" ORCPT=rfc822;c@example.net"], "RCPT")
        t.equal(len(relay.taken), 1, "taken")
    return t.faults


def main():
    tally = lib.Tally()
    with lib.Lab() as lab:
        for name, function in TESTS:
            if len(sys.argv) == 1 or any(x in name for x in sys.argv[1:]):
                tally.add(name, function(lab))
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
