#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Aliases, local_mail_to, domain and rewrite_from: what is asked for on the
command line and in the header against what the scripted relay was told; -bv,
-bi and newaliases.  Arguments: parts of names, to run only those.
"""

import json
import os
import re
import socket
import sys
import traceback

import lib
from messages import BOB, OPEN, Case

TESTS = []
CRON = (b"From: root (Cron Daemon)\nTo: root\n"
        b"Subject: Cron <root@host> job\n\nout\n")


def test(function):
    TESTS.append(function)
    return function


class Desk(Case):
    """A case with an alias file."""

    def aliases(self, text):
        """Keys for an account whose alias file has that text."""
        self.lab.write(self.path("aliases"), text)
        return (f"aliases = {self.path('aliases')}",)

    def leads(self, given, want, account, message=b"Subject: x\n\nhi\n",
              **more):
        """What the relay is told for arguments, in that order."""
        args = [given] if isinstance(given, str) else given
        taken = self.send(message, args, account=account, **more)
        if taken:
            self.equal(taken.recipients, want, f"recipients of {given!r}")
        return taken

    def expand(self, args, account=(), status=0, **more):
        """The lines of -bv."""
        result = self.run(["-bv", *args], account=(*OPEN, *account), **more)
        self.equal(result.status, status, f"-bv {args!r}: {result!r}")
        self.check(bool(result.err) == (status != 0),
                   f"stderr of -bv {args!r}: {result!r}")
        return result.out.decode().splitlines()

    def rebuild(self, text, args=("-bi",), status=0, **more):
        """-bi of an alias file."""
        result = self.run(list(args), account=(*OPEN, *self.aliases(text)),
                          **more)
        self.equal(result.status, status, f"{args!r}: {result!r}")
        return result

    def under(self, name, args, home):
        """Called by another name, by a user with that home."""
        program = self.path(name)
        if not os.path.exists(program):
            os.symlink(lib.SENDOFF, program)
        return lib.run(self.lab, self.dir, args, binary=program,
                       env=lib.environment(self.lab, HOME=home))


# Where mail goes

@test
def cron(t):
    """What cron sends to root reaches who reads it, and may come from him."""
    args = ["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"]
    taken = t.leads(args, ["admin@example.net"],
                    ("aliases = none", "local_mail_to = admin@example.net"),
                    CRON)
    t.equal(taken.fields("From"), [b"alice@example.org (Cron Daemon)"],
            "From")
    t.equal(taken.fields("To"), [b"root@example.org"], "To")
    taken = t.leads(args, ["root@example.org"], ("aliases = none",), CRON)
    taken = t.leads(args, ["root@example.net"],
                    ("aliases = none", "domain = example.net"), CRON)
    t.equal(taken.fields("To"), [b"root@example.net"], "To")


@test
def file(t):
    account = t.aliases(
        "# /etc/aliases\n"
        "mailer-daemon: postmaster\n"
        "Postmaster:    root\n"
        "nobody:        root\n"
        "root:          alice@example.org,\n"
        "  # between\n"
        "\n"
        '               "on call"@example.net, Bob (x, y) <bob@example.com>\n'
        '"a name":      carol\n'
        "owner-list:    root\n"
        "list:          dan@example.com\n"
        "self:          \\self, eve@example.com\n")
    root = ["alice@example.org", '"on call"@example.net', BOB]
    t.leads("root", root, account)
    t.leads("MAILER-DAEMON", root, account)
    t.leads("root@localhost", root, account)
    t.leads("root@" + socket.gethostname(), root, account)
    t.leads('"A Name"', ["carol@example.org"], account)
    t.leads("list", ["dan@example.com"], account)
    t.leads("self", ["self@example.org", "eve@example.com"], account)
    t.leads("self", ["wiz@example.net", "eve@example.com"],
            (*account, "local_mail_to = wiz@example.net"))
    t.leads("stranger", ["stranger@example.org"], account)
    t.leads("root@example.org", ["root@example.org"], account)
    t.leads("root@example.com", ["root@example.com"], account)


@test
def sender_stays(t):
    account = t.aliases("owner-list: root\nlist: dan@example.com\n"
                        "alice: x@example.com\n")
    taken = t.leads(["-f", "bob@example.com", "list"], ["dan@example.com"],
                    account)
    t.equal(taken.sender, "bob@example.com", "sender")
    taken = t.leads(["-f", "alice", "list"], ["dan@example.com"], account)
    t.equal(taken.sender, "alice@example.org", "sender")


@test
def once(t):
    account = t.aliases("root: alice@example.org, bob@example.com\n"
                        "staff: root, bob@EXAMPLE.com, staff2\n"
                        "staff2: root, carol@example.com\n")
    want = ["alice@example.org", BOB, "carol@example.com"]
    t.leads("staff", want, account)
    t.leads(["staff", "staff", "root", BOB], want, account)
    t.leads("staff,root", want, account)
    t.leads([BOB, "root"], [BOB, "alice@example.org"], account)
    message = b"To: root, bob@example.com\nCc: staff\nBcc: root\n\nhi\n"
    taken = t.leads(["-t"], ["alice@example.org", BOB, "carol@example.com"],
                    account, message)
    t.equal(taken.fields("To"), [b"root@example.org, bob@example.com"], "To")
    t.equal(taken.fields("Bcc"), [], "Bcc")
    taken = t.leads(["-t", "carol@example.com"],
                    ["carol@example.com", "alice@example.org", BOB], account,
                    message)


@test
def resent(t):
    account = t.aliases("root: a@example.com\nbob: b@example.com\n")
    t.leads(["-t"], ["a@example.com"], account,
            b"Resent-To: root\nTo: bob\nFrom: x@example.net\n\nhi\n")


@test
def smtp(t):
    """The same for those who speak SMTP to us."""
    account = t.aliases("root: bob@example.com, carol@example.net\n"
                        "bad carol@example.net\n")
    dialogue = (b"EHLO me\r\nMAIL FROM:<al@example.org>\r\n"
                b"RCPT TO:<%s>\r\nDATA\r\nFrom: root\r\n\r\nhi\r\n.\r\n"
                b"QUIT\r\n")
    t.serve("--open")
    t.lab.account(t.path("account"), t.relay.port, (*OPEN, *account))
    speak = ["-C", t.path("account"), "-bs"]
    result = lib.run(t.lab, t.dir, speak, dialogue % b"root")
    t.equal(result.status, 0, f"{result!r}")
    taken = t.relay.taken()
    t.equal([x.recipients for x in taken], [[BOB, "carol@example.net"]],
            "recipients")
    t.equal(taken[0].fields("From"), [b"alice@example.org"], "From")
    result = lib.run(t.lab, t.dir, speak, dialogue % b"bad")
    t.check(re.search(rb"\n[45]\d\d [^\n]*" + t.path("aliases").encode() +
                      rb":2: alias 'bad'", result.out), f"{result!r}")
    t.equal(len(t.relay.taken()), 1, "messages taken")


@test
def refusals(t):
    account = t.aliases(
        "a: b\nb: c\nc: A\n"
        'cmd: "|/bin/sh -c x, y"\n'
        "file: bob@example.com, /dev/null\n"
        "list: :include:/etc/list\n"
        "hole: :blackhole:\n"
        "gone: :fail: nobody here, sorry\n"
        "later: :defer: come back\n"
        "broken alice@example.org\n"
        "half: bob@example.com, alice@\n"
        "deep: half\n"
        "good: bob@example.com\n")
    rows = [("a", 78, ":1: ", "'a' -> 'b' -> 'c' -> 'a'"),
            ("cmd", 78, ":4: alias 'cmd'", "|/bin/sh -c x, y"),
            ("file", 78, ":5: alias 'file'", "/dev/null"),
            ("list", 78, ":6: alias 'list'", ":include:"),
            ("hole", 78, ":7: alias 'hole'", ":blackhole:"),
            ("gone", 67, ":8: alias 'gone'", "nobody here, sorry"),
            ("later", 75, ":9: alias 'later'", "come back"),
            ("broken", 78, ":10: alias 'broken'", "':'"),
            ("half", 78, ":11: alias 'half'", "'alice@'"),
            ("deep", 78, ":11: alias 'half'", "'alice@'")]
    for name, status, *said in rows:
        for args in ([name], ["good", name], ["-t"]):
            message = f"To: {name}\n\nhi\n".encode()
            result = t.refuse(status, message, args, account=account)
            for piece in (t.path("aliases"), *said):
                t.check(piece in result.stderr,
                        f"{name}: no {piece!r} in {result.stderr!r}")
    t.leads("good", [BOB], account)
    t.leads("other", ["other@example.org"], account)


@test
def nothing_is_run(t):
    """Not even where somebody else's words stand in the file."""
    mark = t.path("mark")
    account = t.aliases(f'root: "|touch {mark}"\nfile: {mark}\n'
                        f"list: :include:{t.path('list')}\n")
    t.lab.write(t.path("list"), "bob@example.com\n")
    for name in ("root", "file", "list"):
        t.refuse(78, b"\nhi\n", [name], account=account)
    t.check(not os.path.exists(mark), "the command was run, or the file made")


@test
def named_file(t):
    """A file that is named must be there; only /etc/aliases may be missing."""
    gone = t.path("gone")
    for given in ("root", BOB):
        result = t.refuse(78, b"\nhi\n", [given],
                          account=(f"aliases = {gone}",))
        t.check(gone in result.stderr and "aliases" in result.stderr,
                result.stderr)
    t.refuse(78, b"\nhi\n", ["root"], account=(f"aliases = {t.dir}",))
    os.mkfifo(gone)
    t.refuse(78, b"\nhi\n", ["root"], account=(f"aliases = {gone}",))
    big = t.lab.write(t.path("big"), b"")
    os.truncate(big, 16 * 1024 * 1024 + 1)
    result = t.refuse(78, b"\nhi\n", ["root"], account=(f"aliases = {big}",))
    t.check("16 MiB" in result.stderr, result.stderr)
    t.leads(BOB, [BOB], ("-aliases",))
    t.leads("root", ["root@example.org"], ("aliases = none",))


@test
def many(t):
    """A hundred thousand aliases, and a chain of as many: all of it is in
    memory, beside the message's 12 MiB."""
    lines = [f"user{i}: user{i + 1}\n" for i in range(100000)]
    account = t.aliases("".join(lines) + "user100000: end@example.com\n")
    t.leads("User0", ["end@example.com"], account, rss=False)
    t.leads([f"user{i}" for i in range(0, 1000)], ["end@example.com"],
            account, rss=False)
    account = t.aliases("".join(lines) + "user100000: user5\n")
    result = t.refuse(78, b"\nhi\n", ["user3"], account=account, rss=False)
    t.check(lib.SANITIZED or result.rss_kib < 2 * lib.RSS_MAX_KIB,
            f"resident memory {result.rss_kib} KiB")
    t.check("loop: 'user5' -> 'user6' -> " in result.stderr, result.stderr)
    t.check(len(result.err) < 2000, f"{len(result.err)} bytes on stderr")


@test
def wide(t):
    """One alias with ten thousand addresses."""
    people = [f"u{i}@example.com" for i in range(10000)]
    account = t.aliases("all: " + ",\n  ".join(people) + "\n")
    t.leads("all", people, account)


# The From field

@test
def rewrite_from(t):
    none = "aliases = none"
    rows = [
        ("local", b"root", b"alice@example.org"),
        ("local", b"Root <root>", b"Root <alice@example.org>"),
        ("local", b"\"R, t\" <root@localhost> (x)",
         b"\"R, t\" <alice@example.org> (x)"),
        ("local", b"bob@example.com", b"bob@example.com"),
        ("local", b"root@example.org", b"root@example.org"),
        ("local", b"root, bob@example.com",
         b"alice@example.org, bob@example.com"),
        ("never", b"root", b"root@example.org"),
        ("never", b"Root <root@localhost>", b"Root <root@localhost>"),
        ("always", b"Bob <bob@example.com>", b"Bob <alice@example.org>"),
        ("always", b"b@example.com, C <c@example.com>",
         b"alice@example.org, C <alice@example.org>"),
    ]
    for when, given, want in rows:
        message = b"From: " + given + b"\nTo: bob@example.com\n\nhi\n"
        taken = t.send(message, account=(none, f"rewrite_from = {when}"))
        if taken:
            t.equal(taken.fields("From"), [want], f"{when}: From {given}")
            t.equal(taken.fields("Sender"), [], "Sender")
            t.equal(taken.sender, "alice@example.org", "sender")
    taken = t.send(b"From: Root <root>\nSender: root\nReply-To: root\n\nhi\n",
                   account=(none,))
    t.equal(taken.fields("Sender"), [b"root@example.org"], "Sender")
    t.equal(taken.fields("Reply-To"), [b"root@example.org"], "Reply-To")
    taken = t.send(b"From: root\n\nhi\n", ("-f", "carol@example.com", BOB),
                   account=(none,))
    t.equal(taken.sender, "carol@example.com", "sender")
    t.equal(taken.fields("From"), [b"alice@example.org"], "From")


@test
def rewrite_what_cannot_be_read(t):
    message = b"From: a b c\nTo: bob@example.com\n\nhi\n"
    for when in ("local", "never"):
        taken = t.send(message, account=(f"rewrite_from = {when}",))
        t.equal(taken.fields("From"), [b"a b c"], "From")
    taken = t.send(message, account=("rewrite_from = always",
                                     "full_name = Alice"))
    t.equal(taken.fields("From"), [b"Alice <alice@example.org>"], "From")


@test
def rewrite_without_from(t):
    """A bare address has its domain then, and no other name."""
    account = ("-from", "domain = example.net")
    message = b"From: Backup <backup>\n\nhi\n"
    taken = t.send(message, account=account)
    t.equal(taken.fields("From"), [b"Backup <backup@example.net>"], "From")
    taken = t.send(message, account=(*account, "rewrite_from = always"))
    t.check(re.fullmatch(rb"Backup <[^@>]+@example\.net>",
                         taken.fields("From")[0]) and
            b"backup@" not in taken.fields("From")[0], taken.fields("From"))
    taken = t.send(message, account=("from = alice", "domain = example.net"))
    t.equal(taken.fields("From"), [b"Backup <alice@example.net>"], "From")


@test
def full_name(t):
    message = b"Subject: x\n\nhi\n"
    taken = t.send(message, account=("full_name = Alice Example",))
    t.equal(taken.fields("From"), [b"Alice Example <alice@example.org>"],
            "From")
    taken = t.send(message, ("-F", "Al", BOB),
                   account=("full_name = Alice Example",))
    t.equal(taken.fields("From"), [b"Al <alice@example.org>"], "From")
    taken = t.send(b"From: root\n\nhi\n", ("-F", "Al", BOB))
    t.equal(taken.fields("From"), [b"Al <alice@example.org>"], "From")
    taken = t.send(b"From: root (R)\n\nhi\n", ("-F", "Al", BOB))
    t.equal(taken.fields("From"), [b"alice@example.org (R)"], "From")
    taken = t.send(b"From: root\n\nhi\n", account=("full_name = Al",))
    t.equal(taken.fields("From"), [b"Al <alice@example.org>"], "From")
    taken = t.send(b"From: root\n\nhi\n")
    t.equal(taken.fields("From"), [b"alice@example.org"], "From")
    taken = t.send(b"From: bob@example.com\n\nhi\n", ("-F", "Al", BOB))
    t.equal(taken.fields("From"), [b"bob@example.com"], "From")


# -bv

@test
def verify(t):
    t.serve()
    account = t.aliases("root: bob@example.com, carol\nbad: |x\n"
                        "carol: carol@example.net\n")
    t.equal(t.expand(["root", "stranger", "x@example.com"], account),
            ["root... deliverable: mailer esmtp, user bob@example.com",
             "root... deliverable: mailer esmtp, user carol@example.net",
             "stranger... deliverable: mailer esmtp, user"
             " stranger@example.org",
             "x@example.com... deliverable: mailer esmtp, user"
             " x@example.com"], "-bv")
    t.equal(t.expand(["root", "root@localhost"], account)[2:],
            ["root@localhost... deliverable: mailer esmtp, user"
             " bob@example.com", "root@localhost... deliverable: mailer"
             " esmtp, user carol@example.net"], "-bv of the same again")
    lines = t.expand(["bad", "carol"], account, 78)
    t.check(lines[0].startswith("bad... undeliverable: ") and
            t.path("aliases") + ":2: alias 'bad'" in lines[0], lines)
    t.equal(lines[1:], ["carol... deliverable: mailer esmtp, user"
                        " carol@example.net"], "-bv behind a refusal")
    lines = t.expand(["a b c"], account, 64)
    t.check(lines[0].startswith("a b c... undeliverable: "), lines)
    lines = t.expand(["-t"], account,
                     message=b"To: Root <root>\nBcc: x@example.com\n\nhi\n")
    t.equal(lines, ["root... deliverable: mailer esmtp, user"
                    " bob@example.com", "root... deliverable: mailer esmtp,"
                    " user carol@example.net", "x@example.com... deliverable:"
                    " mailer esmtp, user x@example.com"], "-bv -t")
    t.equal(t.expand([], account, 64), [], "-bv of nobody")
    t.equal(t.relay.taken(), [], "messages taken")
    t.check("EHLO" not in t.relay.said(), "the relay was asked")


@test
def verify_does_not_wait(t):
    """Nothing is read that nobody asked to read."""
    inside, outside = os.pipe()
    try:
        with open(inside, "rb") as stdin:
            lines = t.expand(["x@example.com"], message=stdin, limit=20)
        t.equal(len(lines), 1, "lines")
    finally:
        os.close(outside)


@test
def verify_json(t):
    account = t.aliases("root: bob@example.com, carol@example.net\n"
                        "bad: |x\n")
    outcome = json.loads("\n".join(t.expand(["--json", "root"], account)))
    t.equal(outcome, {
        "status": 0, "account": "default", "error": None, "recipients": [
            {"given": "root", "address": "bob@example.com", "error": None},
            {"given": "root", "address": "carol@example.net",
             "error": None}]}, "--json")
    outcome = json.loads("\n".join(
        t.expand(["--json", "bad", "x@y"], account, 78)))
    t.equal(outcome["status"], 78, "status")
    t.equal([x["address"] for x in outcome["recipients"]], [None, "x@y"],
            "addresses")
    t.check("alias 'bad'" in outcome["error"] and
            outcome["error"] == outcome["recipients"][0]["error"], outcome)
    t.equal(json.loads("\n".join(t.expand(["--json"], account, 64)))
            ["recipients"], [], "recipients")


@test
def preview(t):
    account = t.aliases("root: bob@example.com\n")
    result = t.run(["--dry-run", "root"], b"From: root\n\nhi\n",
                   account=account)
    t.check(b"\nrecipient: <bob@example.com>\n" in result.out and
            b"\nFrom: alice@example.org\n" in result.out, result)


# -bi and newaliases

@test
def check_good(t):
    text = ("# x\npostmaster: root\nroot: a@example.com,\n  b@example.com\n"
            "self: \\self, self\n")
    for args in (["-bi"], ["-I"], ["-bi", "-v"]):
        result = t.rebuild(text, args)
        t.equal(result.err, b"", "stderr")
        # 18 bytes of names; 4, 30 and 11 of values, a line end being one.
        t.equal(result.out.decode(), t.path("aliases") +
                ": 3 aliases, longest 30 bytes, 63 bytes total\n", "stdout")
    result = t.rebuild("")
    t.equal(result.out.decode(), t.path("aliases") +
            ": 0 aliases, longest 0 bytes, 0 bytes total\n", "stdout")


@test
def check_bad(t):
    result = t.rebuild(
        "root a@example.com\n"          # 1
        "a: b\n"
        "b: a\n"
        "c: d e\n"                      # 4
        "good: x@example.com\n"
        "empty:\n"                      # 6
        "cmd: |x\n"
        "GOOD: y@example.com, z@\n"     # 8
        "f: x@-y-, q@, :include:/x\n"   # 9, twice, and a warning
        "back: cmd, c, a\n", status=78)
    said = [re.sub(r"^sendoff: ", "", x).replace(t.path("aliases"), "F")
            for x in result.stderr.splitlines()]
    wrong = [x for x in said if not x.startswith("warning: ")]
    warned = [x[9:] for x in said if x.startswith("warning: ")]
    t.equal([x.split(": ")[0] for x in wrong],
            ["F:1", "F:2", "F:4", "F:6", "F:8", "F:9", "F:9"], "faults")
    t.check("'a' -> 'b' -> 'a'" in wrong[1], wrong[1])
    t.equal([x.split(": ")[0] for x in warned],
            ["F:7", "F:8", "F:9"], "warnings")
    t.check("F:8: alias 'good' stands in line 5 too" in warned[1], warned[1])
    t.check(b": 8 aliases, " in result.out, result)


@test
def check_warns(t):
    result = t.rebuild("a: |x\nb: /y\nc: :include:/z\nd: x@y\nd: z@w\n")
    t.equal(len(result.stderr.splitlines()), 4, "warnings")
    t.check(all(x.startswith("sendoff: warning: ")
                for x in result.stderr.splitlines()), result.stderr)


@test
def check_large(t):
    lines = [f"user{i}: user{i + 1}, user0\n" for i in range(100000)]
    result = t.rebuild("".join(lines), status=78, rss=False)
    t.check(b": 100000 aliases, " in result.out, result)
    t.check(result.err.startswith(b"sendoff: ") and b"loop" in result.err,
            result)


@test
def newaliases(t):
    """Needs no relay, and no account file."""
    home = t.path("home")
    os.makedirs(os.path.join(home, ".config", "sendoff"))
    result = t.under("newaliases", [], home)
    t.equal((result.status, result.err), (0, b""), f"{result!r}")
    t.check(re.fullmatch(rb"/etc/aliases: \d+ aliases, longest \d+ bytes,"
                         rb" \d+ bytes total\n", result.out), result)
    if not os.path.exists("/etc/aliases"):
        t.check(b": 0 aliases" in result.out, result)
    path = t.path("aliases")
    t.lab.write(path, "a: x@example.com\nb: y@example.com\n")
    conf = os.path.join(home, ".config", "sendoff", "sendoff.conf")
    t.lab.write(conf, f"aliases = {path}\n")
    result = t.under("newaliases", [], home)
    t.equal(result.out.decode(),
            f"{path}: 2 aliases, longest 13 bytes, 28 bytes total\n", "out")
    t.equal((result.status, result.err), (0, b""), f"{result!r}")
    result = t.under("sendmail", ["-bi"], home)
    t.equal(result.status, 0, f"{result!r}")
    result = t.under("newaliases", ["-C", conf], home)
    t.equal(result.status, 64, f"{result!r}")
    os.unlink(path)
    result = t.under("newaliases", [], home)
    t.equal((result.status, result.out), (78, b""), f"{result!r}")
    t.check(path in result.stderr, result.stderr)
    t.lab.write(conf, f"[home]\naliases = {path}\n[work]\naliases = none\n"
                "server = x.example\n")
    t.lab.write(path, "root x@example.com\n")
    result = t.under("newaliases", ["-a", "home"], home)
    t.equal(result.status, 78, f"{result!r}")
    t.check(f"{path}:1: alias 'root'" in result.stderr, result.stderr)
    result = t.under("newaliases", ["-a", "work"], home)
    t.equal(result.status, 0, f"{result!r}")
    t.lab.write(conf, "alias = x\n")
    t.equal(t.under("newaliases", [], home).status, 78, "a bad account file")


@test
def full_output(t):
    """Where nothing can be printed, the status says so."""
    account = t.lab.account(t.path("account"), 1, t.aliases("a: x@y\n"))
    for args in (["-bi"], ["-bv", "a"]):
        result = lib.run(t.lab, t.dir,
                         ["-c", '"$@" >/dev/full', "sh", lib.SENDOFF, "-C",
                          account, *args], binary="/bin/sh")
        t.equal(result.status, 74, f"{args!r}: {result!r}")
        t.check("standard output" in result.stderr, result.stderr)


def attempt(lab, function):
    desk = Desk(lab, function.__name__)
    try:
        function(desk)
    except Exception:
        desk.faults.append(traceback.format_exc())
    finally:
        desk.stop()
    return desk.faults


def main():
    tally = lib.Tally()
    with lib.Lab() as lab:
        for function in TESTS:
            if len(sys.argv) < 2 or any(part in function.__name__
                                        for part in sys.argv[1:]):
                tally.add(function.__name__, attempt(lab, function))
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
