#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""--check: each step, the first failure and its remedy, against the scripted
relay.  Arguments: parts of names, to run only those.
"""

import os
import re
import socket
import sys
import traceback

import lib

TESTS = []
STARTTLS = ["account", "password", "name", "address", "connection",
            "greeting", "capabilities", "tls", "capabilities", "mechanism",
            "login"]


def test(function):
    TESTS.append(function)
    return function


class Bench:
    """A relay that serves, and runs of --check against it."""

    def __init__(self, lab, name):
        self.lab = lab
        self.directory = lab.fresh(name)
        self.faults = []

    def relay(self, *args, **kw):
        return lib.Relay(self.lab, self.directory, *(args or ("--serve",)),
                         "--lifetime", "60", **kw)

    def check(self, port, *args, changes=(), raw=None, status=0, stdin=b""):
        account = self.lab.account(
            os.path.join(self.directory, "account"), port, changes, raw)
        result = lib.run(self.lab, self.directory,
                         ["-C", account, "--check", *args], stdin, limit=30)
        if result.status != status:
            self.faults.append(f"exit {result.status}, not {status}: "
                               f"{result!r}")
        if (result.status == 0) != (result.err == b"") and "-v" not in args:
            self.faults.append(f"stderr: {result.err!r}")
        self.faults += lib.faults_of_output(result)
        return result

    def must(self, condition, *why):
        if not condition:
            self.faults.append(" ".join(str(w) for w in why))

    def steps(self, result):
        """[(mark, name, milliseconds, text)] of the text form."""
        found = []
        for line in result.out.decode().splitlines():
            match = re.fullmatch(r"(ok  |FAIL) (\S+) +(\d+) ms  (.+)", line)
            if match:
                found.append((match[1].strip(), match[2], int(match[3]),
                              match[4]))
            elif not line.startswith("     what to do: "):
                self.faults.append(f"no step: {line!r}")
        return found

    def failed_at(self, result, name, *texts):
        steps = self.steps(result)
        self.must(steps and steps[-1][:2] == ("FAIL", name),
                  "failed at", steps[-1:], "not at", name)
        self.must(all(s[0] == "ok" for s in steps[:-1]), "two failures")
        self.must(re.search(rb"\n     what to do: \w.{10,}\n$", result.out),
                  "no remedy in", result.out)
        for text in texts:
            self.must(steps and text in steps[-1][3], repr(text), "is not in",
                      steps[-1:])
            self.must(text in result.stderr, repr(text), "is not on stderr")


def names(steps):
    return [s[1] for s in steps]


@test
def good(b):
    with b.relay() as relay:
        result = b.check(relay.port)
        steps = b.steps(result)
        b.must(names(steps) == STARTTLS, "steps", names(steps))
        texts = {s[1]: s[3] for s in steps}
        b.must("account:1)" in texts["account"], texts["account"])
        b.must(texts["address"] == "127.0.0.1", texts["address"])
        b.must(f"port {relay.port}" in texts["connection"], texts)
        b.must(re.search(r"TLS1\.3, \S+, .* ends on 20\d\d-\d\d-\d\d$",
                         texts["tls"]), texts["tls"])
        b.must("SIZE=" in texts["capabilities"]
               and "AUTH=PLAIN,LOGIN" in texts["capabilities"],
               texts["capabilities"])
        b.must(texts["mechanism"].startswith("PLAIN, the strongest")
               and "LOGIN (comes later)" in texts["mechanism"],
               texts["mechanism"])
        b.must("'alice' is logged in with PLAIN" in texts["login"],
               texts["login"])
        b.must(not relay.taken(), "a message was taken")
        said = relay.said()
        b.must("MAIL" not in said and "RCPT" not in said, said)
        b.must("QUIT" in said, "no QUIT")


@test
def as_json(b):
    with b.relay() as relay:
        outcome = b.check(relay.port, "--json").json()
        b.must(list(outcome) == ["status", "account", "relay", "tls", "auth",
                                 "steps", "error", "remedy", "milliseconds"],
               list(outcome))
        b.must(outcome["status"] == 0 and outcome["error"] is None
               and outcome["remedy"] is None, outcome)
        b.must(outcome["relay"] == f"127.0.0.1:{relay.port}", outcome)
        b.must((outcome["tls"], outcome["auth"]) == ("TLS1.3", "PLAIN"),
               outcome)
        b.must([s["step"] for s in outcome["steps"]] == STARTTLS, outcome)
        b.must(all(s["ok"] is True and s["text"] and s["milliseconds"] >= 0
                   for s in outcome["steps"]), outcome)
        result = b.check(relay.port, "--json",
                         changes=["password = another"], status=77)
        outcome = result.json()
        b.must(outcome["status"] == 77 and outcome["auth"] is None, outcome)
        b.must(outcome["steps"][-1]["step"] == "login"
               and outcome["steps"][-1]["ok"] is False, outcome)
        b.must("535" in outcome["error"] and "username" in outcome["remedy"],
               outcome)


@test
def wrong_password(b):
    with b.relay() as relay:
        b.failed_at(b.check(relay.port, changes=["password = another"],
                            status=77), "login", "535 5.7.8", "refuses")
        b.must(relay.said().count("AUTH") == 2, "not one try:", relay.said())


@test
def standard_input_is_not_read(b):
    ours, theirs = socket.socketpair()
    with b.relay() as relay, ours, theirs:
        b.check(relay.port, stdin=theirs)
    with b.relay() as relay:
        b.check(relay.port, stdin=None)


@test
def unknown_host(b):
    # Without a resolver it cannot be known that there is no such host.
    result = b.check(1, changes=["server = no-such-host.invalid"],
                     status=lib_status(b))
    b.failed_at(result, "name", "no-such-host.invalid")


def lib_status(b):
    try:
        socket.getaddrinfo("no-such-host.invalid", 25)
    except socket.gaierror as e:
        return 68 if e.errno in (socket.EAI_NONAME, socket.EAI_NODATA) else 75
    raise RuntimeError("no-such-host.invalid has an address")


@test
def refused_port(b):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        result = b.check(bound.getsockname()[1], status=75)
    b.failed_at(result, "connection", "refused")
    b.must(b"'port = 587, 5190, 25'" in result.out, result.out)


@test
def untrusted_certificate(b):
    with b.relay() as relay:
        result = b.check(relay.port, changes=["tls_trust = system"],
                         status=69)
        b.failed_at(result, "tls", "not trusted here", "tls_pin = sha256:")
        b.must("AUTH" not in relay.said(), relay.said())
        pin = re.search(r"tls_pin = sha256:[0-9a-f]{64}", result.stderr)[0]
        steps = b.steps(b.check(relay.port, changes=[
            pin, "tls_trust = system", "tls_server_name = else.example"]))
        b.must(names(steps) == STARTTLS, names(steps))
        b.must(any("pinned" in s[3] for s in steps), steps)


@test
def unreadable_trust(b):
    result = b.check(1, changes=["tls_trust = /nonexistent"], status=78)
    b.failed_at(result, "certificates", "/nonexistent", "tls_trust")


@test
def bad_account_file(b):
    result = b.check(1, raw="server = localhost\nprot = 25\n", status=78)
    b.failed_at(result, "account", ":2:", "prot", "port")


@test
def no_account_file(b):
    result = lib.run(b.lab, b.directory, ["-C", "/nonexistent", "--check"])
    b.must(result.status == 78, result)
    b.failed_at(result, "account", "/nonexistent")


@test
def password_that_fails(b):
    result = b.check(1, changes=["-password", "password_command = false"],
                     status=75)
    b.failed_at(result, "password", "password_command")


@test
def no_mechanism(b):
    with b.relay("--serve", "--without", "AUTH") as relay:
        result = b.check(relay.port, status=77)
        b.failed_at(result, "mechanism", "no authentication")
    with b.relay() as relay:
        result = b.check(relay.port, changes=["auth = SCRAM-SHA-256"],
                         status=77)
        b.failed_at(result, "mechanism", "PLAIN (not in 'auth')")


@test
def no_starttls(b):
    with b.relay("--serve", "--without", "STARTTLS") as relay:
        result = b.check(relay.port, status=69)
        b.failed_at(result, "tls", "does not offer STARTTLS")


@test
def no_mail_server(b):
    play = b.lab.write(os.path.join(b.directory, "ssh.dlg"),
                       "exit: 76\n\nS SSH-2.0-OpenSSH_9.2\nSTALL\n")
    with b.relay("--play", play) as relay:
        result = b.check(relay.port, status=76)
        b.failed_at(result, "greeting", "no SMTP reply")


@test
def tls_without_a_sign(b):
    """A port with implicit TLS says nothing: the remedy names it."""
    with b.relay("--serve", "--implicit-tls") as relay:
        result = b.check(relay.port, changes=["timeout = 1s"], status=75)
        b.failed_at(result, "greeting")
        b.must(b"implicit_tls" in result.out, result.out)


@test
def implicit_tls(b):
    with b.relay("--serve", "--implicit-tls") as relay:
        steps = b.steps(b.check(relay.port, changes=[
            "starttls = no", "implicit_tls = yes"]))
        b.must(names(steps) == ["account", "password", "name", "address",
                                "connection", "tls", "greeting",
                                "capabilities", "mechanism", "login"],
               names(steps))


@test
def unix_socket(b):
    path = os.path.join(b.directory, "socket")
    with b.relay(unix=path) as relay:
        steps = b.steps(b.check(relay.port, changes=[
            f"server = {path}", "-port", "-starttls", "-tls_trust"]))
        b.must(names(steps) == ["account", "password", "connection",
                                "greeting", "capabilities", "mechanism",
                                "login"], names(steps))
        b.must(path in steps[2][3], steps[2])


@test
def without_a_login(b):
    with b.relay("--serve", "--open") as relay:
        steps = b.steps(b.check(relay.port, changes=[
            "-username", "-password", "starttls = no", "-tls_trust"]))
        b.must(names(steps) == ["account", "name", "address", "connection",
                                "greeting", "capabilities", "login"],
               names(steps))
        b.must(steps[-1][3] == "none, as the account says", steps[-1])


@test
def naming_the_account(b):
    with b.relay() as relay:
        base = (f"server = 127.0.0.1\nport = {relay.port}\n"
                f"tls_trust = {b.lab.ca}\npassword = {lib.PASSWORD}\n")
        raw = base + "[one]\nusername = nobody\n[two]\nusername = alice\n"
        for args in (["two"], ["--check=two"], ["-a", "two"],
                     ["--account=two"]):
            steps = b.steps(b.check(relay.port, *args, raw=raw))
            b.must(steps and steps[0][3].startswith("'two'"), steps[:1])
        b.check(relay.port, "one", raw=raw, status=77)
        result = b.check(relay.port, "three", raw=raw, status=64)
        b.failed_at(result, "account", "'three'", "'one'", "'two'")
        result = b.check(relay.port, "one", "two", raw=raw, status=64)
        b.failed_at(result, "account", "'two'")


@test
def verbose(b):
    with b.relay() as relay:
        result = b.check(relay.port, "-v")
        b.must(b"> EHLO " in result.err and b"> AUTH PLAIN ***" in result.err,
               result.err)


@test
def full_output(b):
    """Where the steps cannot be printed, the status says so."""
    with b.relay() as relay:
        account = b.lab.account(os.path.join(b.directory, "account"),
                                relay.port)
        result = lib.run(b.lab, b.directory,
                         ["-c", '"$@" >/dev/full', "sh", lib.SENDOFF, "-C",
                          account, "--check"], binary="/bin/sh")
    b.must(result.status == 74, result)
    b.must(b"standard output" in result.err, result)


def attempt(lab, function):
    bench = Bench(lab, function.__name__)
    try:
        function(bench)
    except Exception:
        bench.faults.append(traceback.format_exc())
    return bench.faults


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
