#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Secrets: everything that leaves the program is searched for the password or
token and their base64 at three alignments, in pieces; cores, ptrace and
/proc are tried while one is in memory, and memory is searched once it has
been used.  Arguments: parts of names, to run only those; -j N: N at a time.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import cases
import lib
import mimic
import probe
import socks

BOB = "bob@example.com"
# Blanks, bytes that mean something in account files, and long enough that a
# piece of it is left wherever it was.
PASSWORD = "Gr4ve; quill=basalt #9 and Twelve more wordY-bits 0f uncommon kind"
TOKEN = "ya29.A0ARrdaM-Zq8_fHk3wVtB7uXoPz5LcNy1GdEs2JmTi6QvRx4KbUh~+/9nWqYj3"
# What a URL takes as it is.
PROXY_PASSWORD = "Wo0den.stairs-and_nine~tin.lanterns.by-the.Sea-wall"
KEY_PASSWORD = "4 spare (k3y) under the Third flowerpot; not the second #1"
MECHANISMS = ("PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256",
              "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "CRAM-MD5",
              "DIGEST-MD5", "NTLM")
TOKEN_MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
# What SASLprep has work with.
UNICODE_PASSWORD = "Gr\xfcve; quill=basalt and Twelve more w\xf6rdY-bits of it"
# Longer than what an allocator keeps apart as small.
LONG_PASSWORD = "\xfc " + " ".join(f"{i * i:06}" for i in range(1, 165))
LONG_ASCII = LONG_PASSWORD[2:]
PATTERNS = {x: probe.patterns(x.encode())
            for x in (PASSWORD, TOKEN, PROXY_PASSWORD, KEY_PASSWORD,
                      UNICODE_PASSWORD, LONG_PASSWORD, LONG_ASCII)}
# A relay that cuts the secret itself shows its parts, but they are not to
# be put together.
OVER_TWO_LINES = "over two lines"
MESSAGE = b"Subject: x\n\nhi\n"
DEADLINE = 20


class Source:
    """Where the secret comes from: account lines, arguments, terminal."""

    def __init__(self, t, kind, secret):
        self.directory = directory = t.lab.fresh("source")
        kept = t.lab.write(os.path.join(directory, "kept"), secret + "\n")
        self.account = ["-password"]
        self.args = []
        self.home = os.path.join(directory, "home")
        self.terminal = None
        os.mkdir(self.home)
        if kind == "file":
            self.account = [f"password = {secret}"]
        elif kind == "command":
            self.account += [f"password_command = cat {kept}"]
        elif kind == "password_file":
            self.account += [f"password_file = {kept}"]
        elif kind == "netrc":
            t.lab.write(os.path.join(self.home, ".netrc"),
                        "machine 127.0.0.1 login alice password "
                        f"\"{secret}\"\n")
        elif kind == "argument":
            self.args = ["--set", f"password={secret}"]
        elif kind == "prompt":
            self.terminal = lib.Terminal(secret)


SOURCES = ("file", "command", "password_file", "netrc", "argument", "prompt")


class SecretCase(cases.Case):
    def relay(self, mechanism="PLAIN", replies=None, secret=PASSWORD, **more):
        return mimic.Mimic(self.lab, mechanism, secret.encode(), replies,
                           **more)

    def account(self, relay, mechanism, *changes):
        """An account file; returns its path."""
        path = os.path.join(self.lab.fresh("account"), "account")
        return self.lab.account(path, relay.port, (f"auth = {mechanism}",
                                                   *changes))

    def searched(self, secret, what, **texts):
        """Each of the texts is searched for the secret."""
        wanted = PATTERNS[secret]
        if what.endswith(OVER_TWO_LINES):
            wanted = {secret.encode(): "the secret"}
        for name, data in texts.items():
            words = probe.found(data, wanted)
            self.check(not words, f"{what}: {words} on {name}: "
                       f"{data[-300:]!r}")

    def submit(self, relay, mechanism="PLAIN", secret=PASSWORD, source="file",
               args=("-v", "--json", BOB), account=(), trace=False,
               log="text", what=""):
        """Runs sendoff and searches what comes out of it; (result, trace)."""
        what = what or f"{mechanism}, {source}"
        directory = self.lab.fresh("run")
        log_path = os.path.join(directory, "log")
        s = Source(self, source, secret)
        path = self.account(relay, mechanism, f"log = {log_path}",
                            f"log_format = {log}", *s.account, *account)
        env = lib.environment(self.lab, HOME=s.home)
        traced = os.path.join(directory, "trace")
        if lib.SANITIZED and trace:
            # The leak checker would trace the process itself.
            env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + \
                ":detect_leaks=0"
        result = lib.run(
            self.lab, directory, ["-C", path, *s.args, *args], MESSAGE,
            env=env, before=(*probe.STRACE, traced) if trace else (),
            preexec=s.terminal.control if s.terminal else None, limit=30)
        texts = {"stdout": result.out, "stderr": result.err}
        for name in os.listdir(directory):
            if name not in ("trace", "in", "out", "err", "used"):
                with open(os.path.join(directory, name), "rb") as f:
                    texts[name] = f.read()
        if s.terminal:
            texts["the terminal"] = s.terminal.close()
            self.check(b"password for" in texts["the terminal"],
                       f"{what}: no prompt")
        texts["the relay's socket"] = b"\n".join(
            x for x in relay.heard if not self.may_hold(x))
        self.searched(secret, what, **texts)
        self.check(b"status" in texts.get("log", b"") or BOB not in args or
                   "--dry-run" in args,
                   f"{what}: nothing in the log: {result!r}")
        return result, probe.Trace(traced) if trace else None

    @staticmethod
    def may_hold(line):
        """True for the lines of an authentication, as the relay hears it."""
        return line.startswith(b"AUTH ") or b" " not in line


suite = cases.Suite(SecretCase)
test = suite.test


def unsanitized(function):
    """A test that looks at the memory, or at what becomes of a signal: the
    sanitizers keep what is freed, and have their own way with signals.
    """
    return function if lib.SANITIZED else test(function)


def supported(t, mechanism):
    """False where this build does not know the mechanism."""
    path = t.lab.account(t.path("known"), 1, (f"auth = {mechanism}",))
    result = lib.run(t.lab, t.lab.fresh("known"), ["-C", path,
                                                   "--print-config"])
    return result.status == 0


# What leaves the program

@test
def every_source_and_mechanism(t):
    """A good login, under strace: over TLS nothing is to be seen."""
    for i, source in enumerate(SOURCES):
        mechanism = MECHANISMS[i % 4]
        with t.relay(mechanism) as relay:
            result, trace = t.submit(relay, mechanism, source=source,
                                     trace=True)
            t.equal(result.status, 0, f"{source}: {result!r}")
            t.equal(len(relay.messages), 1, f"{source}: messages taken")
        not_in(t, trace, source)
        # An argument is there from the start: it must not wait for anybody.
        guarded(t, source, trace, lambda c: c.incoming and (
            b"Subject: x" in c.data if source == "argument" else
            probe.found(c.data, PATTERNS[PASSWORD]) if source != "prompt" else
            b"<char " in c.line and c.data))
        if source == "prompt":
            echo_first(t, trace)


def echo_first(t, trace):
    """The echo is off before anybody is asked to type."""
    off = trace.index(lambda c: c.name == b"ioctl" and b"TCSETS" in c.line)
    asked = trace.index(lambda c: b"password for" in c.data)
    t.check(off is not None and asked is not None and off < asked,
            f"the prompt (call {asked}) comes before the echo is off ({off})")


def not_in(t, trace, what, secret=PASSWORD, **more):
    for leak in trace.leaks(PATTERNS[secret], **more):
        t.check(False, f"{what}: {leak}")


def guarded(t, what, trace, event):
    """Cores and ptrace are off before an event."""
    at = trace.index(event)
    off = trace.guarded()
    t.check(at is not None, f"{what}: what was waited for is not there")
    t.check(off is not None, f"{what}: PR_SET_DUMPABLE is never off")
    if at is not None and off is not None:
        t.check(off < at, f"{what}: {trace.calls[at]} comes before "
                "PR_SET_DUMPABLE is off")


@test
def what_is_printed(t):
    """--print-config and --dry-run, which need no relay."""
    for source in ("file", "argument", "command", "password_file"):
        for option in (("--print-config",), ("--dry-run", BOB)):
            with t.relay() as relay:
                what = f"{option[0]}, {source}"
                result, trace = t.submit(relay, source=source, args=option,
                                         trace=True, what=what)
                t.equal(result.status, 0, f"{what}: {result!r}")
                t.check(len(result.out) > 50, f"{what}: {result!r}")
                not_in(t, trace, what)
                # It may wait for whoever reads its output.
                if source in ("file", "argument"):
                    guarded(t, what, trace, lambda c: c.name == b"write")


@test
def plain_text(t):
    """Without TLS: nothing, unless allowed; then the AUTH line alone."""
    for mechanism in ("PLAIN", "LOGIN"):
        with t.relay(mechanism, tls=None) as relay:
            result, trace = t.submit(relay, mechanism, trace=True,
                                     account=("starttls = no",))
            t.equal(result.status, 77, f"{mechanism}: {result!r}")
            not_in(t, trace, f"{mechanism}, not allowed")
        with t.relay(mechanism, tls=None) as relay:
            result, trace = t.submit(
                relay, mechanism, trace=True,
                account=("starttls = no", "allow_plaintext_password = yes"))
            t.equal(result.status, 0, f"{mechanism}: {result!r}")
        here = f"127.0.0.1:{relay.port}]"
        not_in(t, trace, f"{mechanism}, allowed", but=lambda x: here in x)
        sent = [x for name, data in trace.written().items() if here in name
                for x in data.split(b"\r\n")]
        holding = [x for x in sent if probe.found(x, PATTERNS[PASSWORD])]
        # That it is found here shows that it would be found elsewhere.
        t.equal(len(holding), 1, f"{mechanism}: lines with the password")
        t.check(all(t.may_hold(x) for x in holding), f"lines {holding!r}")


@test
def broken_off(t):
    """The relay goes away or turns bad while the password is in use."""
    for mechanism, replies, changes, status in (
            ("PLAIN", {"AUTH": mimic.CLOSE}, (), 75),
            ("LOGIN", {"challenge": mimic.CLOSE}, (), 75),
            ("SCRAM-SHA-256", {"challenge": mimic.CLOSE}, (), 75),
            ("SCRAM-SHA-256", {"challenge": b"334 no base64"}, (), 76),
            ("PLAIN", {"TLS": b"no handshake at all\r\n"}, (), 75),
            ("PLAIN", {}, ("-tls_trust",), 69),
            ("PLAIN", {}, ("tls_server_name = other.example",), 69),
            ("PLAIN", {"verdict": b"454 4.7.0 later"}, (), 75),
            ("PLAIN", {"verdict": b"rubbish"}, (), 76),
            ("PLAIN", {"verdict": mimic.HOLD}, ("timeout = 1s",), 75),
            ("PLAIN", {"greeting": mimic.CLOSE}, (), 75)):
        what = f"{mechanism} {list(replies)} {changes}"
        with t.relay(mechanism, replies) as relay:
            result, trace = t.submit(relay, mechanism, account=changes,
                                     trace=True, what=what)
        t.equal(result.status, status, f"{what}: {result!r}")
        not_in(t, trace, what)


def repetitions(secret):
    """What a relay may say that has heard the secret."""
    s = secret.encode()
    yield "the secret", b"no: " + s
    for shift in range(3):
        yield (f"base64 behind {shift} bytes",
               b"no: " + mimic.b64(b"x" * shift + s))
    yield "PLAIN's answer", b"no: " + mimic.b64(b"\0alice\0" + s)
    yield "another's answer", b"no: " + mimic.b64(b"a\0bcd\0" + s)
    yield "twice", b"no: " + s + s + b" <" + mimic.b64(s) + b">"
    yield "cut at 512", b"n" * 490 + s
    if " " in secret:
        at = secret.index(" ", 12)
        yield OVER_TWO_LINES, b"no: " + s[:at] + b"\r\n" + s[at + 1:]


def refusal(code, text):
    """A reply of as many lines as the text has."""
    lines = text.split(b"\r\n")
    status = b"%d.7.8" % (code // 100)
    return b"\r\n".join([b"%d-%s %s" % (code, status, x)
                         for x in lines[:-1]] +
                        [b"%d %s %s" % (code, status, lines[-1])])


@test
def repeated_in_535(t):
    for mechanism in MECHANISMS:
        if not supported(t, mechanism):
            continue
        for i, (name, text) in enumerate(repetitions(PASSWORD)):
            with t.relay(mechanism, {"verdict": refusal(535, text)}) as relay:
                result, _ = t.submit(relay, mechanism, what=f"{mechanism} "
                                     f"{name}", log=("text", "json")[i % 2])
                t.equal(result.status, 77, f"{mechanism} {name}: {result!r}")


@test
def repeated_in_other_replies(t):
    for stage, code, status in (
            ("verdict", 454, 75), ("verdict", 500, 77), ("MAIL", 550, 69),
            ("RCPT", 550, 67), ("RCPT", 450, 75), ("DATA", 554, 69),
            ("dot", 554, 69), ("dot", 451, 75), ("dot", 250, 0)):
        for name, text in repetitions(PASSWORD):
            with t.relay("PLAIN", {stage: refusal(code, text)}) as relay:
                result, _ = t.submit(relay, what=f"{code} to {stage}, {name}")
                t.equal(result.status, status, f"{code} to {stage}, {name}: "
                        f"{result!r}")


@test
def repeated_in_breaches(t):
    """Where the reply is not one, too."""
    secret = PASSWORD.encode()
    for stage, text in (("verdict", secret), ("verdict", b"25" + secret),
                        ("MAIL", b"250-" + secret + b"\r\n550 x"),
                        ("verdict", b"235 ok\r\n250 " + secret),
                        ("verdict", b"334 " + mimic.b64(secret)),
                        ("MAIL", b"299" + secret),
                        ("QUIT", b"500 " + secret)):
        with t.relay("PLAIN", {stage: text}) as relay:
            result, _ = t.submit(relay, what=f"{stage}: {text!r}")
            t.check(result.status in ((0,) if stage == "QUIT" else (76, 77)),
                    f"{stage} {text!r}: {result!r}")


@test
def repeated_in_challenges(t):
    """SCRAM's own error, which is base64 and then plain text."""
    secret = PASSWORD.encode()
    for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
        for text in (b"e=" + secret, b"e=" + mimic.b64(secret),
                     b"e=" + mimic.b64(b"xx" + secret),
                     b"r=" + secret, b"v=" + secret, b"m=" + secret):
            reply = b"334 " + mimic.b64(text)
            with t.relay(mechanism, {"challenge": reply}) as relay:
                result, _ = t.submit(relay, mechanism,
                                     what=f"{mechanism} {text!r}")
                t.check(result.status in (76, 77),
                        f"{mechanism} {text!r}: {result!r}")


@test
def check(t):
    """--check says much about each step, and nothing of the secret."""
    for args in (("--check",), ("--check", "-v"), ("--check", "--json")):
        for source in ("file", "password_file", "command", "argument"):
            with t.relay() as relay:
                result, trace = t.submit(relay, source=source, args=args,
                                         trace=True)
                t.equal(result.status, 0, f"{args}, {source}: {result!r}")
            not_in(t, trace, f"{args}, {source}")
        for mechanism, stage, text in (
                *(("PLAIN", "verdict", refusal(535, text)) for _, text in
                  repetitions(PASSWORD) if b"\r" not in text),
                ("SCRAM-SHA-256", "challenge", b"334 " + mimic.b64(
                    b"e=" + PASSWORD.encode()))):
            with t.relay(mechanism, {stage: text}) as relay:
                result, _ = t.submit(relay, mechanism, args=args,
                                     what=f"{args} {text!r}")
                t.equal(result.status, 77, f"{args} {text!r}: {result!r}")


@test
def tokens(t):
    """A token from password_command, refused as OAuth refuses one."""
    for mechanism in TOKEN_MECHANISMS:
        if not supported(t, mechanism):
            raise cases.Skip(f"{mechanism} is not known")
        with t.relay(mechanism, secret=TOKEN) as relay:
            result, trace = t.submit(relay, mechanism, TOKEN, "command",
                                     trace=True)
            t.equal(result.status, 0, f"{mechanism}: {result!r}")
            t.equal(len(relay.messages), 1, f"{mechanism}: messages taken")
        not_in(t, trace, mechanism, TOKEN)
        for name, text in repetitions(TOKEN):
            why = json.dumps({"status": text.decode(), "scope": TOKEN})
            with t.relay(mechanism, {"verdict": refusal(535, text)},
                         secret=TOKEN, oauth_error=why.encode()) as relay:
                result, _ = t.submit(relay, mechanism, TOKEN, "command",
                                     what=f"{mechanism} {name}")
                t.equal(result.status, 77, f"{mechanism} {name}: {result!r}")
                t.equal([x for x in relay.errors if "held" in x], [],
                        "errors of the relay")


@test
def account_file_errors(t):
    """What is wrong near a password is said without it."""
    good = "server = 127.0.0.1\nusername = alice\nlog = none\n"
    for lines in (f'password = "{PASSWORD}\n', f'password = "{PASSWORD}" x\n',
                  f"password = {PASSWORD}\npassword = {PASSWORD}\n",
                  f"password = {PASSWORD}\npassword_file = x\n",
                  f"password = {PASSWORD}{'x' * 150}\n",
                  f"password = {PASSWORD}\0\n", f"password = {PASSWORD}\rx\n",
                  f"password {PASSWORD}\n", f"{PASSWORD}\n",
                  f"passwort = {PASSWORD}\n", f"pass word = {PASSWORD}\n",
                  f"= {PASSWORD}\n", f"password = x\n  {PASSWORD}\n",
                  f"[{PASSWORD}\n", f"password: {PASSWORD}\nport = x\n",
                  f"port = x\npassword = {PASSWORD}\n"):
        path = t.lab.write(t.path("account"), good + lines)
        result = lib.run(t.lab, t.dir, ["-C", path, BOB], MESSAGE)
        t.equal(result.status, 78, f"{lines!r}: {result!r}")
        t.searched(PASSWORD, repr(lines), stdout=result.out,
                   stderr=result.err)
    path = t.lab.write(t.path("account"), good)
    for assignment in (f"passwort={PASSWORD}", f"pass word={PASSWORD}",
                       f"={PASSWORD}"):
        result = lib.run(t.lab, t.dir, ["-C", path, "--set", assignment, BOB],
                         MESSAGE)
        t.equal(result.status, 64, f"--set {assignment}: {result!r}")
        t.searched(PASSWORD, assignment, stdout=result.out, stderr=result.err)


# The system's log

class Syslog:
    """What comes to /dev/log, of this namespace."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/dev/log")
        self.socket.settimeout(DEADLINE)

    def line(self):
        return self.socket.recv(1 << 20)


@test
def system_log(t):
    log = Syslog()
    secret = PASSWORD.encode()
    for form in ("text", "json"):
        for reply, status in (
                (b"235 ok", 0), (b"535 5.7.8 no: " + secret, 77),
                *((refusal(535, b"no: " + mimic.b64(b"x" * n + secret)), 77)
                  for n in range(3))):
            with t.relay("PLAIN", {"verdict": reply}) as relay:
                path = t.account(relay, "PLAIN", f"password = {PASSWORD}",
                                 "log = syslog", f"log_format = {form}")
                result = lib.run(t.lab, t.dir, ["-C", path, BOB], MESSAGE)
            t.equal(result.status, status, f"{form} {reply!r}: {result!r}")
            line = log.line()
            t.check(b"status" in line, f"{form}: {line!r}")
            t.searched(PASSWORD, f"{form} {reply!r}", syslog=line)


# Cores, ptrace, /proc, memory

class Held:
    """A run of sendoff, by another user, that waits for its input ("input")
    or for the relay at a stage.
    """

    def __init__(self, t, relay, stage, source="file", mechanism="PLAIN",
                 secret=PASSWORD, account=(), args=()):
        self.dir = t.lab.fresh("held")
        s = Source(t, source, secret)
        path = t.account(relay, mechanism, *s.account, "timeout = 60s",
                         "connect_timeout = 60s", *account)
        for place in (os.path.dirname(path), s.directory, self.dir):
            probe.give(place)
        self.process = subprocess.Popen(
            [t.lab.binary, "-C", path, *s.args, *args, BOB],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, cwd=self.dir, start_new_session=True,
            env=lib.environment(t.lab, HOME=s.home),
            preexec_fn=lambda: self._prepare(s))
        self.pid = self.process.pid
        if not self._await(relay, stage):
            self.process.kill()
            raise RuntimeError(f"{stage} was not reached: "
                               f"{self.process.stderr.read()!r}")

    @staticmethod
    def _prepare(source):
        probe.cores_allowed()
        if source.terminal:
            source.terminal.control()
        probe.become_another()

    def _await(self, relay, stage):
        self.process.stdin.write(MESSAGE)
        self.process.stdin.flush()
        if stage != "input":
            self.process.stdin.close()
            return relay.await_stage(stage, DEADLINE)
        end = time.monotonic() + DEADLINE
        while probe.waiting_in(self.process.stdin):
            if time.monotonic() > end or self.process.poll() is not None:
                return False
            time.sleep(0.002)
        return True

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
        self.process.stdin.close()


def sleeper():
    """What becomes of a process that has nothing to hide."""
    return subprocess.Popen(
        ["sleep", "60"], start_new_session=True, cwd=tempfile.gettempdir(),
        preexec_fn=lambda: (probe.cores_allowed(), probe.become_another())
        and None)


GUARDED = (("input", "file"), ("input", "argument"), ("TLS", "command"),
           ("TLS", "netrc"), ("verdict", "password_file"), ("MAIL", "file"),
           ("dot", "prompt"))


@test
def nobody_may_look(t):
    """Another process of the same user: ptrace(2) and /proc/PID."""
    process = sleeper()
    try:
        free = probe.may(probe.looks(process.pid))
    finally:
        process.kill()
        process.wait()
    t.check("environ" in free, f"a sleep lets only {free} be seen")
    for stage, source in GUARDED:
        with t.relay(replies={stage: mimic.HOLD}) as relay, \
                Held(t, relay, stage, source) as held:
            seen = probe.may(probe.looks(held.pid))
            t.equal(seen, [], f"{source}, held at {stage}: may be seen")
            for name in ("cmdline", "environ"):
                with open(f"/proc/{held.pid}/{name}", "rb") as f:
                    t.searched(PASSWORD, f"{source}, {stage}",
                               **{name: f.read()})


@unsanitized
def no_core(t):
    with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as f:
        pattern = f.read().strip()
    if pattern[:1] in ("/", "|"):
        raise cases.Skip(f"cores go to a place of the system's: {pattern}")
    with tempfile.TemporaryDirectory() as place:
        process = subprocess.Popen(["sleep", "60"], cwd=place,
                                   preexec_fn=probe.cores_allowed)
        if not probe.dumps_core(process):
            raise cases.Skip("no process leaves a core here")
    for stage, source in GUARDED:
        with t.relay(replies={stage: mimic.HOLD}) as relay, \
                Held(t, relay, stage, source) as held:
            t.check(not probe.dumps_core(held.process),
                    f"{source}, held at {stage}: a core was made")
            t.equal(os.listdir(held.dir), [], f"{source}, {stage}: files")


def nothing_stays(t, mechanism, source, secret=PASSWORD, stage="DATA"):
    """Nothing of the secret is in memory after the login, in the middle of
    the transaction.
    """
    with t.relay(mechanism, {stage: mimic.HOLD}, secret) as relay, \
            Held(t, relay, stage, source, mechanism, secret,
                 args=("-v",)) as held:
        wanted = {**PATTERNS[secret], **relay.derived()}
        left = probe.copies(held.pid, wanted)
        t.check(not left, f"{mechanism}, {source}, {len(secret)} bytes: "
                f"{len(left)} left: {left}")


@unsanitized
def nothing_stays_of_any_source(t):
    for i, source in enumerate(SOURCES):
        nothing_stays(t, MECHANISMS[i % 4], source,
                      stage=("MAIL", "RCPT", "DATA", "dot")[i % 4])


@unsanitized
def nothing_stays_of_any_mechanism(t):
    for mechanism in MECHANISMS:
        if supported(t, mechanism):
            nothing_stays(t, mechanism, "file")
            nothing_stays(t, mechanism, "command", UNICODE_PASSWORD)


@unsanitized
def nothing_stays_of_a_long_one(t):
    """Where libgsasl itself prepares the password (DIGEST-MD5, and the rest
    but PLAIN and LOGIN where it is not ASCII), it frees blocks that can be
    taken again before they are overwritten: of a password of this length
    some pieces can stay, and nothing is asserted.
    """
    for mechanism in ("PLAIN", "LOGIN"):
        nothing_stays(t, mechanism, "password_file", LONG_PASSWORD)
    for mechanism in MECHANISMS:
        if mechanism.startswith("SCRAM") and supported(t, mechanism):
            nothing_stays(t, mechanism, "password_file", LONG_ASCII)


@unsanitized
def memory_is_searched(t):
    """What shows that the search finds anything: the password before use."""
    with t.relay(replies={"greeting": mimic.HOLD}) as relay, \
            Held(t, relay, "greeting") as held:
        t.check(probe.copies(held.pid, PATTERNS[PASSWORD]),
                "nothing is found where it must be")


@unsanitized
def no_token_stays_in_memory(t):
    for mechanism in TOKEN_MECHANISMS:
        if not supported(t, mechanism):
            raise cases.Skip(f"{mechanism} is not known")
        with t.relay(mechanism, {"MAIL": mimic.HOLD}, TOKEN) as relay, \
                Held(t, relay, "MAIL", "command", mechanism, TOKEN) as held:
            left = probe.copies(held.pid, PATTERNS[TOKEN])
            t.check(not left, f"{mechanism}: {len(left)} left: {left}")


@unsanitized
def proxy_password(t):
    """It is needed until the proxy has let the connection through."""
    login = (b"somebody", PROXY_PASSWORD.encode())
    for source in ("file", "argument"):
        with t.relay(replies={"MAIL": mimic.HOLD}) as relay, \
                socks.Socks(("127.0.0.1", relay.port), socks.LOGIN,
                            login) as proxy:
            setting = (f"proxy = socks5h://somebody:{PROXY_PASSWORD}"
                       f"@127.0.0.1:{proxy.port}")
            with Held(t, relay, "MAIL",
                      account=(setting,) if source == "file" else (),
                      args=("--set", setting.replace(" = ", "=")) if
                      source == "argument" else ()) as held:
                t.equal(len(proxy.logins), 1, "logins at the proxy")
                left = probe.copies(held.pid, PATTERNS[PROXY_PASSWORD])
                t.check(not left, f"{source}: {len(left)} left: {left}")


def encrypted_key(t):
    """Account lines for a client certificate whose key a command opens."""
    opener = t.lab.write(t.path("opener"), KEY_PASSWORD + "\n")
    key = t.path("key.pem")
    lib.openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", t.lab.key,
                "-out", key, "-passout", f"file:{opener}")
    os.chmod(key, 0o600)
    os.chmod(t.lab.cert, 0o644)
    return (f"tls_certificate = {t.lab.cert}", f"tls_key = {key}",
            f"tls_key_password_command = cat {opener}")


@test
def key_password_leaves_not(t):
    with t.relay() as relay:
        result, trace = t.submit(relay, account=encrypted_key(t), trace=True)
        t.equal(result.status, 0, f"{result!r}")
    not_in(t, trace, "the key's password", KEY_PASSWORD)
    guarded(t, "the key's password", trace, lambda c: c.incoming and
            probe.found(c.data, PATTERNS[KEY_PASSWORD]))


@unsanitized
def key_password_stays_not(t):
    # Which blocks the library's copies lie in differs from run to run.
    for _ in range(8):
        lines = encrypted_key(t)
        probe.give(t.dir)
        with t.relay(replies={"MAIL": mimic.HOLD}) as relay, \
                Held(t, relay, "MAIL", account=lines) as held:
            left = probe.copies(held.pid, PATTERNS[KEY_PASSWORD])
            t.check(not left, f"{len(left)} left: {left}")


def prepare(lab):
    """A log of the system, and a program that another user can run."""
    cases.replace_dev()
    os.chmod(lab.dir, 0o711)
    for path in (lab.ca,):
        os.chmod(path, 0o644)
    lab.binary = lab.path("sendoff")
    shutil.copy(lib.SENDOFF, lab.binary)
    os.chmod(lab.binary, 0o755)


if __name__ == "__main__":
    if shutil.which("strace") is None:
        print("no strace here")
        sys.exit(77)
    cases.enter_namespaces("--mount")
    sys.exit(suite.main(prepare=prepare))
