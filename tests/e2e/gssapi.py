#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""GSSAPI with Kerberos: tickets of a realm of its own (tests/gssapi, in
$GSSAPI_DIR), against the relay, whose side is libgsasl's, and against Postfix
with Dovecot (tests/postfix, in $POSTFIX_DIR).  Exits 77 where there can be no
realm.  Arguments: parts of names, to run only those.
"""

import base64
import os
import re
import subprocess
import sys
import time

import cases
import lib
import sasl

SCRIPT = os.path.join(lib.TESTS, "gssapi")
POSTFIX = os.path.join(lib.TESTS, "postfix")
BUILD = os.path.join(os.path.dirname(lib.TESTS), "build")
GSSAPI = os.environ.get("GSSAPI_DIR", os.path.join(BUILD, "gssapi"))
SITE = os.environ.get("POSTFIX_DIR", os.path.join(BUILD, "postfix"))
SKEW = 3 + 1    # seconds of clockskew in krb5.conf, and the ticket's rounding
ACCOUNT = ("auth = GSSAPI", "server = localhost", "-password")


class Realm:
    """The running realm."""

    def __init__(self, directory):
        self.dir = directory

    def path(self, name):
        return os.path.join(self.dir, name)

    def server(self, keytab="smtp.keytab"):
        """The environment of a relay.  A cache of what was said before would
        be kept outside of our directories.
        """
        return dict(os.environ, KRB5_CONFIG=self.path("krb5.conf"),
                    KRB5_KTNAME=self.path(keytab), KRB5RCACHENAME="none:")


REALM = None


class Ticket(sasl.Login):
    """Who runs sendoff: what a user's environment has of Kerberos."""

    def user(self, keytab=None, cache=None):
        cache = cache or os.path.join(self.lab.fresh("cache"), "tickets")
        env = {"KRB5_CONFIG": REALM.path("krb5.conf"),
               "KRB5CCNAME": "FILE:" + cache}
        if keytab:
            env["KRB5_CLIENT_KTNAME"] = REALM.path(keytab)
        if lib.SANITIZED:
            # That library never gives back what it begins with.
            known = self.lab.write(self.path("known-leaks"),
                                   "leak:libgssapi_krb5\n")
            env["LSAN_OPTIONS"] = ":".join((
                os.environ.get("LSAN_OPTIONS", ""),
                f"suppressions={known}", "print_suppressions=0"))
        return env

    def kinit(self, name, *options):
        """A cache with that user's ticket."""
        cache = os.path.join(self.lab.fresh("cache"), "tickets")
        subprocess.run(
            ["kinit", *options, "-k", "-t", REALM.path(f"{name}.keytab"),
             "-c", cache, name], check=True, stdin=subprocess.DEVNULL,
            env=dict(os.environ, **self.user()))
        return cache

    def kerberos(self, *mechanisms, keytab="smtp.keytab"):
        return self.relay(*(mechanisms or ("GSSAPI",)),
                          env=REALM.server(keytab))


suite = cases.Suite(Ticket)
test = suite.test


@test
def ticket_of_kinit(t):
    env = t.user(cache=t.kinit("alice"))
    with t.kerberos() as relay:
        for _ in range(2):
            t.login(relay, "GSSAPI", *ACCOUNT, env=env)
            # A token of Kerberos is too long for a command.
            t.equal(t.last.answers()[0], None, "initial response")


@test
def keytab_of_the_client(t):
    """The library gets the ticket by itself."""
    with t.kerberos("PLAIN", "GSSAPI") as relay:
        t.login(relay, "GSSAPI", *ACCOUNT, env=t.user("alice.keytab"))
        t.login(relay, "GSSAPI", *ACCOUNT, "-username",
                env=t.user("alice.keytab"))
        t.login(relay, "GSSAPI", *ACCOUNT, "auth = GSSAPI, PLAIN",
                f"password = {lib.PASSWORD}", env=t.user("alice.keytab"))


@test
def no_ticket(t):
    with t.kerberos("PLAIN", "GSSAPI") as relay:
        t.refuse(relay, None, *ACCOUNT, env=t.user())
        t.refuse(relay, None, *ACCOUNT, "auth = GSSAPI, PLAIN",
                 f"password = {lib.PASSWORD}", env=t.user())


@test
def ticket_that_is_over(t):
    cache = t.kinit("alice", "-l", "1s")
    over = time.time() + 1 + SKEW
    while time.time() <= over:
        time.sleep(0.1)
    env = t.user(cache=cache)
    with t.kerberos() as relay:
        t.refuse(relay, None, *ACCOUNT, env=env)


@test
def ticket_of_another_user(t):
    with t.kerberos() as relay:
        t.refuse(relay, "GSSAPI", *ACCOUNT, env=t.user("eve.keytab"))
        t.refuse(relay, "GSSAPI", *ACCOUNT, "username = eve",
                 env=t.user("eve.keytab"))


@test
def service_that_the_realm_does_not_know(t):
    with t.kerberos() as relay:
        t.refuse(relay, None, *ACCOUNT, "server = 127.0.0.1",
                 env=t.user("alice.keytab"))


@test
def relay_with_another_key(t):
    """It has the relay's name, and cannot read what is meant for the relay."""
    with t.kerberos(keytab="other.keytab") as relay:
        t.refuse(relay, "GSSAPI", *ACCOUNT, env=t.user("alice.keytab"))


@test
def not_by_auto(t):
    with t.kerberos() as relay:
        t.refuse(relay, None, *ACCOUNT, "auth = auto",
                 f"password = {lib.PASSWORD}", env=t.user("alice.keytab"))


@test
def no_kdc(t):
    """Tickets that are there do, others are not to be had."""
    cache = t.kinit("alice")
    with open(REALM.path("krb5.conf"), encoding="ascii") as f:
        text = f.read()
    nowhere = t.lab.write(t.path("krb5.conf"),
                          re.sub(r"kdc = .*", "kdc = 127.0.0.1:1", text))
    with t.kerberos() as relay:
        t.login(relay, "GSSAPI", *ACCOUNT, env=t.user(cache=cache))
        t.login(relay, "GSSAPI", *ACCOUNT, env={
            **t.user(cache=cache), "KRB5_CONFIG": nowhere})
        t.refuse(relay, None, *ACCOUNT, env={
            **t.user("alice.keytab"), "KRB5_CONFIG": nowhere})


def play(t, *steps, proven=False):
    """A relay that says what the steps have, once AUTH has begun."""
    text = "\n".join((
        "S 220 relay.example.net ESMTP", "C EHLO *",
        "S 250-relay.example.net", "S 250 STARTTLS", "C STARTTLS",
        "S 220 2.0.0 go ahead", "TLS", "C EHLO *", "S 250-relay.example.net",
        "S 250 AUTH GSSAPI", "C AUTH GSSAPI", *steps, ""))
    path = t.lab.write(t.path("play"), text)
    directory = t.lab.fresh("play")
    with lib.Relay(t.lab, directory, "--play", path) as relay:
        result = t.submit(relay, *ACCOUNT, env=t.user("alice.keytab"),
                          status=77)
        t.equal(relay.finish(), 0, f"the play: {relay.errors()}")
    t.check(proven or "server did not prove" in result.stderr,
            f"stderr: {result.stderr!r}")


@test
def server_that_does_not_prove_itself(t):
    junk = base64.b64encode(b"\x60\x05junk!").decode()
    play(t, "S 334 ", "C *", "S 235 2.7.0 welcome", "C? *")
    play(t, "S 235 2.7.0 welcome", "C? *")
    play(t, "S 334 ", "C *", f"S 334 {junk}", "C? *")
    play(t, "S 334 ", "C *", "S 334 ", "C? *", "S 235 2.7.0 welcome", "C? *")


@test
def postfix_with_dovecot(t):
    """A server that is not libgsasl's own."""
    started = subprocess.run(
        ["sh", POSTFIX, "start", SITE, REALM.dir], stdin=subprocess.DEVNULL,
        capture_output=True, text=True)
    if started.returncode == 77:
        raise cases.Skip(started.stderr.strip().split("\n")[-1])
    try:
        t.equal(started.returncode, 0, f"tests/postfix: {started.stderr}")
        submit_to_postfix(t)
    finally:
        subprocess.run(["sh", POSTFIX, "stop", SITE], check=True)


def submit_to_postfix(t):
    with open(os.path.join(SITE, "ports"), encoding="ascii") as f:
        ports = dict(x.strip().split("=") for x in f)
    for user, status in (("alice", 0), ("eve", 77)):
        directory = t.lab.fresh("postfix")
        account = t.lab.account(
            os.path.join(directory, "account"), ports["SUBMISSION"],
            (*ACCOUNT, "tls_trust = " + os.path.join(SITE, "ca.pem")))
        result = lib.run(
            t.lab, directory, ["-C", account, "--json", sasl.BOB],
            sasl.MESSAGE, limit=30,
            env=lib.environment(t.lab, **t.user(f"{user}.keytab")))
        t.equal(result.status, status, f"{user}: exit ({result!r})")
        t.faults += lib.faults_of_output(result)
        if result.status == 0:
            t.equal(result.json()["auth"], "GSSAPI", "--json: auth")
    with open(os.path.join(SITE, "maillog"), encoding="utf-8") as f:
        log = f.read()
    t.equal(re.findall(r"sasl_method=(\S+), sasl_username=(\S+)", log),
            [("GSSAPI", "alice")], "logins in the log")


def main():
    global REALM
    started = subprocess.run(["sh", SCRIPT, "start", GSSAPI],
                             stdin=subprocess.DEVNULL)
    if started.returncode != 0:
        return started.returncode
    REALM = Realm(GSSAPI)
    try:
        return suite.main(jobs=1)
    finally:
        subprocess.run(["sh", SCRIPT, "stop", GSSAPI], check=True)


if __name__ == "__main__":
    sys.exit(main())
