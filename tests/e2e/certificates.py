#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What sendoff makes of a relay's certificate, and of its own: every check,
pins, revocation lists, versions of TLS, wrong clocks.  The certificates are
made in the run.  Arguments: parts of names, to run only those; -j N: N at a
time.
"""

import argparse
import concurrent.futures
import datetime
import email.utils
import json
import os
import pty
import re
import select
import shutil
import ssl
import subprocess
import sys
import time
import traceback

import lib
import pki
import tlsserver

TESTS = []
BOB = "bob@example.com"
LETTER = b"Subject: hi\n\nhello\n"
RUN_SECONDS = 5         # a run that takes longer has hung
NAME = "relay.example.com"
SAN = f"DNS:{NAME},DNS:localhost,IP:127.0.0.1"
# The ways to say which name the certificate must have.
BY_NAME = (f"tls_server_name = {NAME}",)
BY_SERVER = ("server = localhost",)
BY_ADDRESS = ()
WAYS = (BY_NAME, BY_SERVER, BY_ADDRESS)

# Each check, and how the text names it.
CHECKS = {
    "revoked": "it is revoked",
    "not yet": "it is not valid yet",
    "expired": "it has expired",
    "name": "it is for another name",
    "purpose": "it is not meant for a server (extended key usage)",
    "weak": "its key or signature is too weak",
    "no CA": "its issuer is no authority",
    "constraints": "(constraints)",
    "signature": "its signature is wrong",
    "extension": "unknown critical extension",
    "unknown": "its issuer is not trusted here",
    "pin": "matches no tls_pin",
}


def test(function):
    TESTS.append(function)
    return function


class Case:
    """One test's directory, relay and findings."""

    def __init__(self, shop, name):
        self.shop = shop
        self.lab = shop.lab
        self.pki = shop.pki
        self.root = shop.root
        self.dir = self.lab.fresh(name)
        self.faults = []
        self.relay = None
        self.leaf = None
        self.log = self.path("log")

    def path(self, name):
        return os.path.join(self.dir, name)

    def check(self, truth, what):
        if not truth:
            self.faults.append(what if len(what) < 700 else
                               what[:700] + " ...")

    def equal(self, got, want, what):
        self.check(got == want, f"{what}: got {got!r}, not {want!r}")

    # Relays.  Each replaces the one before.

    def serve(self, leaf, *chain):
        """The scripted relay, with a certificate and what is above it."""
        self.stop()
        self.leaf = leaf
        self.relay = lib.Relay(
            self.lab, self.lab.fresh("relay"), "--serve", "--lifetime", "100",
            "--cert", leaf.bundle(*chain), "--key", leaf.key, tls=False)

    def serve_openssl(self, leaf, *chain, **more):
        self.stop()
        self.leaf = leaf
        self.relay = tlsserver.Server(leaf.bundle(*chain), leaf.key, **more)

    def stop(self):
        if self.relay:
            self.relay.stop()
        self.relay = None

    # Runs.

    def account(self, *lines):
        return self.lab.account(
            self.path("account"), self.relay.port,
            (f"tls_trust = {self.shop.trust}", f"log = {self.log}", *lines))

    def run(self, *account, foreign_kib=0, **more):
        """One message, and the general bounds."""
        result = lib.run(self.lab, self.dir,
                         ["-C", self.account(*account), BOB], LETTER, **more)
        result.rss_kib -= foreign_kib
        for fault in lib.faults_of_output(result):
            self.check(False, f"{account}: {fault}")
        self.check(result.seconds < RUN_SECONDS or lib.SANITIZED,
                   f"{account}: took {result.seconds:.1f} s")
        return result

    def heard(self, old):
        """The transcript behind old, once the relay is through with it."""
        limit = time.monotonic() + 10
        while True:
            said = self.relay.said()[old:]
            if re.search("^END", said, re.M) or time.monotonic() > limit:
                return said
            time.sleep(0.005)

    def session(self, account, run):
        """What run() gave, the session's transcript, the messages taken."""
        old, before = len(self.relay.said()), len(self.relay.taken())
        result = run()
        reached = getattr(result, "status", 0) in (0, 69, 75, 76, 77)
        said = self.heard(old) if reached else ""
        self.equal(len(re.findall("^END", said, re.M)), 1,
                   f"{account}: connections, {result!r}")
        return result, said, self.relay.taken()[before:]

    def accept(self, *account, **more):
        """A run that must succeed: the message as the relay has it."""
        result, _, taken = self.session(
            account, lambda: self.run(*account, **more))
        self.check(result.status == 0, f"{account}: {result!r}")
        self.check(not result.err, f"{account}: {result!r}")
        self.equal(len(taken), 1, f"{account}: messages taken")
        if not taken:
            return None
        self.check(taken[0].data.endswith(b"\r\n\r\nhello\r\n"),
                   f"{account}: {taken[0].data!r}")
        return taken[0]

    def refuse(self, names, *account, handshake=True, parsed=True, **more):
        """A run that must end with 69 before AUTH, and name these checks
        and no other.
        """
        result, said, taken = self.session(
            account, lambda: self.run(*account, **more))
        if result.status != 69:
            self.check(False, f"{account}: {result!r}")
            return result
        before, _, after = said.partition("\nTLS ")
        if parsed:
            self.equal(bool(after), handshake,
                       f"{account}: handshake in {said}")
        self.check(not re.search(r"^C (?!EHLO |STARTTLS$)", before, re.M),
                   f"{account}: before TLS: {said}")
        self.check(not re.search("^C", after, re.M),
                   f"{account}: after the handshake: {said}")
        self.equal(taken, [], f"{account}: messages taken")
        seen = [x for x, text in CHECKS.items() if text in result.stderr]
        self.equal(sorted(seen), sorted(names),
                   f"{account}: checks in {result.stderr!r}")
        if handshake and names and "pin" not in names:
            self.remedy(result)
        return result

    def remedy(self, result):
        """The text shows what was seen, and the pin that would take it."""
        first = result.stderr.partition("\n")[0]
        tail = (f", fingerprint sha256:{self.leaf.fingerprint}; to trust its"
                f" key all the same, set: tls_pin = sha256:{self.leaf.spki}")
        self.check(first.endswith(tail), f"no {tail!r} ends {first!r}")

    def config_error(self, texts, *account, status=78, **more):
        """A run that must end before it says anything to the relay."""
        old = self.relay.said()
        result = self.run(*account, **more)
        if result.status != status:
            self.check(False, f"{account}: {result!r}")
            return result
        for text in (texts,) if isinstance(texts, str) else texts:
            self.check(text in result.stderr,
                       f"{account}: no {text!r} in {result.stderr!r}")
        self.equal(self.relay.said(), old, f"{account}: a connection")
        return result

    # Rows: one certificate, each way to name the relay.

    def good(self, leaf, *chain, ways=WAYS, account=()):
        self.serve(leaf, *chain)
        for way in ways:
            self.accept(*way, *account)

    def bad(self, names, leaf, *chain, ways=WAYS, account=()):
        self.serve(leaf, *chain)
        for way in ways:
            self.refuse(names, *way, *account)


def pinned(*hexes):
    return "tls_pin = " + ", ".join("sha256:" + x for x in hexes)


# Accepted

@test
def rsa_2048(t):
    t.good(t.pki.leaf(t.root, san=SAN, key="RSA-2048"))


@test
def p_256(t):
    t.good(t.pki.leaf(t.root, san=SAN, key="P-256"))


@test
def p_384(t):
    root = t.pki.authority("P-384 root", key="P-384")
    t.good(t.pki.leaf(root, san=SAN, key="P-384"),
           account=(f"tls_trust = {root.pem}",))


@test
def ed25519(t):
    t.good(t.pki.leaf(t.root, san=SAN, key="Ed25519"))


@test
def through_an_intermediate(t):
    first = t.pki.authority("first", t.root)
    second = t.pki.authority("second", first)
    t.good(t.pki.leaf(first, san=SAN), first)
    t.good(t.pki.leaf(second, san=SAN), second, first)
    t.good(t.pki.leaf(second, san=SAN), second, first, t.root)


@test
def chain_in_disorder(t):
    """With one in it that belongs to nobody, too."""
    first = t.pki.authority("first", t.root)
    second = t.pki.authority("second", first)
    other = t.pki.authority("other root")
    t.serve_openssl(t.pki.leaf(second, san=SAN), first, other, second)
    for way in WAYS:
        t.accept(*way)


@test
def much_sent_along(t):
    """A hundred certificates more than are needed: taken or refused."""
    others = [t.pki.authority("other root")] * 100
    t.serve_openssl(t.pki.leaf(t.root, san=SAN), *others)
    result = t.run(*BY_NAME)
    t.check(result.status in (0, 69), f"{result!r}")
    t.equal(len(t.relay.taken()), int(result.status == 0), "messages taken")


@test
def wildcard(t):
    t.serve(t.pki.leaf(t.root, san="DNS:*.example.com"))
    t.accept(*BY_NAME)
    t.accept("tls_server_name = a.example.com")
    t.refuse(["name"], "tls_server_name = example.com")
    t.refuse(["name"], "tls_server_name = a.b.example.com")
    t.refuse(["name"], "tls_server_name = relayexample.com")


@test
def no_purpose_or_any(t):
    t.good(t.pki.leaf(t.root, san=SAN, eku=None))
    t.good(t.pki.leaf(t.root, san=SAN, eku="anyExtendedKeyUsage"))
    t.good(t.pki.leaf(t.root, san=SAN, eku="clientAuth,serverAuth"))


@test
def address(t):
    t.good(t.pki.leaf(t.root, san="IP:127.0.0.1"), ways=(BY_ADDRESS,))
    t.good(t.pki.leaf(t.root, san="IP:192.0.2.1,IP:2001:db8::1"), ways=(
        ("tls_server_name = 192.0.2.1",),
        ("tls_server_name = 2001:db8::1",),
        ("tls_server_name = 2001:0DB8:0::1",)))


@test
def idn(t):
    t.serve(t.pki.leaf(t.root, san="DNS:xn--bcher-kva.example,"
                       "DNS:xn--fa-hia.example"))
    for name in ("b\u00fccher.example", "xn--bcher-kva.example",
                 "B\u00dcCHER.example", "XN--BCHER-KVA.EXAMPLE",
                 "bu\u0308cher.example", "fa\u00df.example"):
        t.accept(f"tls_server_name = {name}")
    t.refuse(["name"], "tls_server_name = bucher.example")
    t.refuse(["name"], "tls_server_name = fass.example")


@test
def upper_case(t):
    t.good(t.pki.leaf(t.root, san=SAN), ways=(
        (f"tls_server_name = {NAME.upper()}",), ("server = LOCALHOST",)))
    t.good(t.pki.leaf(t.root, san=f"DNS:{NAME.upper()},DNS:LocalHost"),
           ways=(BY_NAME, BY_SERVER))
    t.good(t.pki.leaf(t.root, san="DNS:*.EXAMPLE.COM"), ways=(BY_NAME,))


@test
def trailing_dot(t):
    t.good(t.pki.leaf(t.root, san=SAN),
           ways=((f"tls_server_name = {NAME}.",),))
    t.good(t.pki.leaf(t.root, san="DNS:*.example.com"),
           ways=((f"tls_server_name = {NAME}.",),))


@test
def implicit_tls(t):
    def relay(leaf):
        t.stop()
        t.leaf = leaf
        t.relay = lib.Relay(
            t.lab, t.lab.fresh("relay"), "--serve", "--implicit-tls",
            "--lifetime", "100", "--cert", leaf.pem, "--key", leaf.key,
            tls=False)
        return t.run(*BY_NAME, "implicit_tls = yes", "-starttls")
    result = relay(t.pki.leaf(t.root, san=SAN))
    t.equal((result.status, result.err), (0, b""), "good")
    t.equal(len(t.relay.taken()), 1, "messages taken")
    result = relay(t.pki.leaf(t.root, san=SAN, start=-9, end=-1))
    t.equal(result.status, 69, "expired")
    t.check(CHECKS["expired"] in result.stderr, f"{result!r}")
    t.check("\nC " not in "\n" + t.relay.said(), t.relay.said())
    t.remedy(result)


@test
def trusted_itself(t):
    """A relay's own certificate in the trust file, as small sites have it."""
    leaf = t.pki.leaf(san=SAN)
    t.good(leaf, account=(f"tls_trust = {leaf.pem}",))
    t.refuse(["name"], "tls_server_name = other.example.com",
             f"tls_trust = {leaf.pem}")


@test
def root_signed_weakly(t):
    """A trusted root's signature by itself proves nothing, nor need it."""
    root = t.pki.authority("old root", key="RSA-2048", md="sha1")
    t.good(t.pki.leaf(root, san=SAN), account=(f"tls_trust = {root.pem}",))


# Refused

@test
def expired(t):
    t.bad(["expired"], t.pki.leaf(t.root, san=SAN, start=-30, end=-1))
    a_minute = pki.now() - datetime.timedelta(minutes=1)
    t.bad(["expired"], t.pki.leaf(t.root, san=SAN, end=a_minute))


@test
def expired_intermediate(t):
    middle = t.pki.authority("expired", t.root, start=-30, end=-1)
    t.bad(["expired"], t.pki.leaf(middle, san=SAN), middle)


@test
def not_yet_valid(t):
    t.bad(["not yet"], t.pki.leaf(t.root, san=SAN, start=1))
    an_hour = pki.now() + datetime.timedelta(hours=1)
    t.bad(["not yet"], t.pki.leaf(t.root, san=SAN, start=an_hour))


@test
def self_signed(t):
    t.bad(["unknown"], t.pki.leaf(san=SAN))


@test
def unknown_ca(t):
    other = t.pki.authority("other root")
    t.bad(["unknown"], t.pki.leaf(other, san=SAN))
    t.bad(["unknown"], t.pki.leaf(other, san=SAN), other)


@test
def false_ca(t):
    """An authority that only has the trusted one's name."""
    false = t.pki.authority(t.shop.root_name)
    leaf = t.pki.leaf(false, san=SAN)
    t.serve_openssl(leaf, false)
    for way in WAYS:
        result = t.run(*way)
        t.equal(result.status, 69, f"{result!r}")
        t.check(CHECKS["unknown"] in result.stderr or
                CHECKS["signature"] in result.stderr, f"{result!r}")
    t.equal(t.relay.taken(), [], "messages taken")
    t.check("AUTH P" not in t.relay.said(), t.relay.said())


@test
def missing_intermediate(t):
    middle = t.pki.authority("middle", t.root)
    t.bad(["unknown"], t.pki.leaf(middle, san=SAN))


@test
def issuer_is_no_ca(t):
    plain = t.pki.leaf(t.root, san=SAN)     # nor has it the key usage
    t.bad(["no CA", "constraints"], t.pki.leaf(plain, san=SAN), plain)
    no = t.pki.authority("no CA", t.root, basic="critical,CA:FALSE")
    t.bad(["no CA"], t.pki.leaf(no, san=SAN), no)
    none = t.pki.authority("no word", t.root, basic=None)
    t.bad(["no CA"], t.pki.leaf(none, san=SAN), none)


@test
def issuer_may_not_sign(t):
    middle = t.pki.authority("no signing", t.root,
                             usage="critical,digitalSignature")
    t.serve(t.pki.leaf(middle, san=SAN), middle)
    for way in WAYS:
        result = t.run(*way)
        t.equal(result.status, 69, f"{result!r}")
        t.check(any(CHECKS[x] in result.stderr for x in
                    ("no CA", "constraints")), f"{result!r}")
    t.equal(t.relay.taken(), [], "messages taken")


@test
def path_too_long(t):
    first = t.pki.authority("short", t.root,
                            basic="critical,CA:TRUE,pathlen:0")
    second = t.pki.authority("too deep", first)
    t.bad(["constraints"], t.pki.leaf(second, san=SAN), second, first)


@test
def name_constraints(t):
    def middle(constraint):
        return t.pki.authority("constrained", t.root, extra=[
            f"nameConstraints = critical,{constraint}"])
    only = middle("permitted;DNS:example.org")
    t.bad(["constraints"], t.pki.leaf(only, san=f"DNS:{NAME}"), only,
          ways=(BY_NAME,))
    never = middle("excluded;DNS:example.com")
    t.bad(["constraints"], t.pki.leaf(never, san=f"DNS:{NAME}"), never,
          ways=(BY_NAME,))
    network = middle("permitted;IP:192.0.2.0/255.255.255.0")
    t.bad(["constraints"], t.pki.leaf(network, san="IP:127.0.0.1"), network,
          ways=(BY_ADDRESS,))
    right = middle("permitted;DNS:example.com")
    t.good(t.pki.leaf(right, san=f"DNS:{NAME}"), right, ways=(BY_NAME,))


@test
def unknown_critical_extension(t):
    strange = ["1.3.6.1.4.1.99999.1 = critical,DER:05:00"]
    t.bad(["extension"], t.pki.leaf(t.root, san=SAN, extra=strange))
    t.good(t.pki.leaf(t.root, san=SAN, extra=[
        "1.3.6.1.4.1.99999.1 = DER:05:00"]))
    middle = t.pki.authority("strange", t.root, extra=strange)
    t.bad(["extension"], t.pki.leaf(middle, san=SAN), middle)


def weak_signature(t, md):
    t.bad(["weak"], t.pki.leaf(t.shop.rsa_root, san=SAN, md=md))
    middle = t.pki.authority(md, t.shop.rsa_root, md=md)
    t.bad(["weak"], t.pki.leaf(middle, san=SAN), middle)


@test
def md5(t):
    weak_signature(t, "md5")


@test
def sha1(t):
    weak_signature(t, "sha1")


def weak_key(t, kind):
    t.serve_openssl(t.pki.leaf(t.root, san=SAN, key=kind))
    for way in WAYS:
        t.refuse(["weak"], *way)
    middle = t.pki.authority(kind, t.root, key=kind)
    t.bad(["weak"], t.pki.leaf(middle, san=SAN), middle)


@test
def rsa_768(t):
    weak_key(t, "RSA-768")


@test
def rsa_1024(t):
    weak_key(t, "RSA-1024")


@test
def purpose(t):
    for eku in ("clientAuth", "emailProtection", "codeSigning",
                "clientAuth,emailProtection"):
        t.bad(["purpose"], t.pki.leaf(t.root, san=SAN, eku=eku))


@test
def purpose_of_the_intermediate(t):
    for eku in ("clientAuth", "emailProtection"):
        middle = t.pki.authority(eku, t.root,
                                 extra=[f"extendedKeyUsage = {eku}"])
        t.bad(["purpose"], t.pki.leaf(middle, san=SAN), middle)


@test
def wrong_host(t):
    t.bad(["name"], t.pki.leaf(t.root, san="DNS:other.example.com,"
                               "DNS:relay.example.org,IP:127.0.0.2"))
    # The subject counts for nothing beside the names.
    t.bad(["name"], t.pki.leaf(t.root, san="DNS:other.example.com",
                               name=NAME), ways=(BY_NAME,))
    t.bad(["name"], t.pki.leaf(t.root, san=f"DNS:{NAME}.example.net,"
                               f"DNS:x{NAME},DNS:example.com"))
    t.bad(["name"], t.pki.leaf(t.root, san=f"email:alice@{NAME},"
                               f"URI:https://{NAME}/"))


@test
def nul_in_the_name(t):
    """relay.example.com, a NUL, and more: not that name."""
    name = NAME.encode() + b"\0.example.net"
    der = bytes([0x82, len(name)]) + name
    der = bytes([0x30, len(der)]) + der
    t.bad(["name"], t.pki.leaf(t.root, san="DER:" + der.hex(":")))


@test
def wildcard_alone(t):
    t.bad(["name"], t.pki.leaf(t.root, san="DNS:*"))
    t.config_error("tls_server_name", "tls_server_name = *")


@test
def wildcard_of_a_top_level(t):
    t.bad(["name"], t.pki.leaf(t.root, san="DNS:*.com"), ways=(
        ("tls_server_name = example.com",), BY_NAME))


@test
def wildcard_elsewhere(t):
    for san in ("DNS:relay.*.com", "DNS:*.*.com", "DNS:relay.example.*",
                "DNS:*.*", "DNS:*.*.*", "DNS:**.example.com"):
        t.bad(["name"], t.pki.leaf(t.root, san=san), ways=(BY_NAME,))


@test
def address_as_a_name(t):
    t.bad(["name"], t.pki.leaf(t.root, san="DNS:127.0.0.1"),
          ways=(BY_ADDRESS,))
    t.bad(["name"], t.pki.leaf(t.root, san=None, name="127.0.0.1"),
          ways=(BY_ADDRESS,))
    t.bad(["name"], t.pki.leaf(t.root, san="DNS:*.0.0.1"),
          ways=(BY_ADDRESS,))
    # Nor the other way round: the four letters are no address.
    octets = "DER:30:06:87:04:" + b"name".hex(":")
    t.bad(["name"], t.pki.leaf(t.root, san=octets),
          ways=(("tls_server_name = name",), BY_ADDRESS))


@test
def empty_host(t):
    t.serve_openssl(t.pki.leaf(t.root, san="DER:30:02:82:00"))
    for way in WAYS:
        # GnuTLS does not even parse it.
        t.refuse([], *way, parsed=False)
    t.bad(["name"], t.pki.leaf(t.root, san="DNS:."))
    for line in ("tls_server_name =", "server =", 'tls_server_name = ""'):
        t.config_error(line.split()[0], line)
    t.config_error("tls_server_name", "tls_server_name = .")


# Revocation

@test
def revoked(t):
    leaf = t.pki.leaf(t.root, san=SAN)
    other = t.pki.leaf(t.root, san=SAN)
    crl = f"tls_crl = {t.pki.crl(t.root, [leaf])}"
    t.bad(["revoked"], leaf, account=(crl,))
    t.accept(*BY_NAME)
    t.good(other, account=(crl,))
    t.good(leaf, account=(f"tls_crl = {t.pki.crl(t.root)}",))


@test
def revoked_intermediate(t):
    middle = t.pki.authority("middle", t.root)
    leaf = t.pki.leaf(middle, san=SAN)
    top = t.pki.crl(t.root, [middle])
    t.bad(["revoked"], leaf, middle, account=(f"tls_crl = {top}",))
    both = t.path("both.pem")
    with open(both, "wb") as out:
        for path in (t.pki.crl(middle), top):
            with open(path, "rb") as f:
                out.write(f.read())
    t.refuse(["revoked"], *BY_NAME, f"tls_crl = {both}")
    t.accept(*BY_NAME)


@test
def crl_out_of_date(t):
    leaf = t.pki.leaf(t.root, san=SAN)
    t.serve(leaf)
    for start, end in ((-30, -1), (1, 30)):
        path = t.pki.crl(t.root, start=start, end=end)
        result = t.refuse([], *BY_NAME, f"tls_crl = {path}")
        t.check(re.search("revo|CRL|tls_crl", result.stderr),
                f"no word of the list: {result.stderr!r}")
        t.remedy(result)
    # One of an authority that has no part in it does not matter.
    other = t.pki.authority("other root")
    t.accept(*BY_NAME, f"tls_crl = {t.pki.crl(other, start=-30, end=-1)}")
    # What it says of the one that it names still holds.
    path = t.pki.crl(t.root, [leaf], start=-30, end=-1)
    before = len(t.relay.taken())
    result = t.run(*BY_NAME, f"tls_crl = {path}")
    t.equal(result.status, 69, f"{result!r}")
    t.equal(len(t.relay.taken()), before, "messages taken")


def unreadable(t, key, good):
    """Files that hold no such thing: refused before any connection."""
    t.serve(t.pki.leaf(t.root, san=SAN))
    missing = t.path("is-not-there.pem")
    t.config_error((missing, key), f"{key} = {missing}")
    with open(good, "rb") as f:
        text = f.read()
    body = text[:len(text) // 2]
    for name, data in (("empty", b""), ("text", b"no PEM\n" * 20),
                       ("half", body), ("noise", os.urandom(2000)),
                       ("key", t.shop.key_text),
                       ("no-base64", re.sub(rb"\n[^-\n]+\n", b"\n????\n",
                                            text))):
        path = t.lab.write(t.path(name), data)
        t.config_error((path, key), f"{key} = {path}")
    os.mkdir(t.path("directory"))
    os.mkfifo(t.path("fifo"))
    for name in ("directory", "fifo"):
        t.config_error((t.path(name), key), f"{key} = {t.path(name)}")
    t.config_error(key, f"{key} =")


@test
def trust_file(t):
    unreadable(t, "tls_trust", t.root.pem)


@test
def crl_file(t):
    unreadable(t, "tls_crl", t.pki.crl(t.root))


@test
def trust_file_of_another(t):
    """One that this user may not read."""
    t.serve(t.pki.leaf(t.root, san=SAN))
    if os.geteuid() == 0:
        return unreadable_to_nobody(t)
    path = t.lab.write(t.path("closed"), t.root.text, 0)
    return t.config_error(path, f"tls_trust = {path}")


def unreadable_to_nobody(t):
    """As user 65534, with a directory that it can reach."""
    directory = f"/tmp/sendoff-e2e-nobody-{os.getpid()}"
    os.mkdir(directory)
    try:
        path = t.lab.write(os.path.join(directory, "closed"), t.root.text)
        # By a process of its own: were it open here for writing, a child of
        # another thread could inherit that, and nobody run it.
        binary = os.path.join(directory, "sendoff")
        subprocess.run(["cp", lib.SENDOFF, binary], check=True)
        account = t.account(f"tls_trust = {path}", "log = none")
        account = shutil.copy(account, directory)
        os.chown(account, 65534, 65534)
        os.chmod(directory, 0o755)
        done = subprocess.run(
            [binary, "-C", account, BOB], input=LETTER, user=65534,
            group=65534, extra_groups=(), cwd="/", capture_output=True,
            env={**lib.environment(t.lab), "HOME": "/", "TMPDIR": "/tmp"},
            timeout=30)
    finally:
        shutil.rmtree(directory)
    t.equal(done.returncode, 78, f"{done!r}")
    t.check(path.encode() in done.stderr and
            b"Permission denied" in done.stderr, f"{done!r}")
    t.equal(t.relay.said(), "", "a connection")


# Pins

def broken(t):
    """Certificates with which each check but the pin fails."""
    other = t.pki.authority("other root")
    yield "expired", t.pki.leaf(t.root, san=SAN, start=-30, end=-1)
    yield "not yet", t.pki.leaf(t.root, san=SAN, start=1)
    yield "self-signed", t.pki.leaf(san=SAN)
    yield "wrong name", t.pki.leaf(t.root, san="DNS:other.example.com")
    yield "unknown CA", t.pki.leaf(other, san=SAN)
    yield "all", t.pki.leaf(san="DNS:other.example.com", start=-30, end=-1)


@test
def pin_of_the_key(t):
    for _, leaf in broken(t):
        t.serve(leaf)
        t.accept(*BY_NAME, pinned(leaf.spki))
        t.accept(*BY_ADDRESS, pinned(leaf.spki))


@test
def pin_of_the_certificate(t):
    for _, leaf in broken(t):
        t.serve(leaf)
        t.accept(*BY_NAME, pinned(leaf.fingerprint))
        t.accept(*BY_SERVER, pinned(leaf.fingerprint))


@test
def pin_among_others(t):
    leaf = t.pki.leaf(san=SAN)
    t.serve(leaf)
    t.accept(pinned("00" * 32, leaf.spki))
    t.accept(pinned(leaf.fingerprint, "ff" * 32))
    t.refuse(["pin"], pinned("00" * 32, "ff" * 32))


@test
def pin_mismatch(t):
    """Where all else is right, too."""
    stranger = t.pki.leaf(t.root, san=SAN)
    t.serve(t.pki.leaf(t.root, san=SAN))
    for way in WAYS:
        t.refuse(["pin"], *way, pinned(stranger.spki))
        t.refuse(["pin"], *way, pinned(stranger.fingerprint))
    # A digest that differs in its last bit.
    near = f"{int(t.leaf.spki, 16) ^ 1:064x}"
    t.refuse(["pin"], *BY_NAME, pinned(near))
    t.accept(*BY_NAME, pinned(t.leaf.spki))


@test
def pin_of_what_is_sent_along(t):
    """Anybody can send a pinned certificate behind his own."""
    right = t.pki.leaf(san=SAN)
    t.serve_openssl(t.pki.leaf(san=SAN), right)
    t.refuse(["pin"], *BY_NAME, pinned(right.spki, right.fingerprint))


@test
def pin_of_what_is_revoked(t):
    leaf = t.pki.leaf(t.root, san=SAN)
    t.serve(leaf)
    crl = f"tls_crl = {t.pki.crl(t.root, [leaf])}"
    for pin in (leaf.spki, leaf.fingerprint):
        t.refuse(["revoked"], *BY_NAME, pinned(pin), crl)
    t.accept(*BY_NAME, pinned(leaf.spki), f"tls_crl = {t.pki.crl(t.root)}")


@test
def pin_does_not_lower_the_version(t):
    leaf = t.pki.leaf(t.root, san=SAN, key="RSA-2048")
    t.serve_openssl(leaf, oldest=ssl.TLSVersion.TLSv1,
                    newest=ssl.TLSVersion.TLSv1)
    t.refuse([], pinned(leaf.spki), handshake=False)


@test
def pin_that_is_none(t):
    t.serve(t.pki.leaf(t.root, san=SAN))
    for value in ("", "sha256:", "sha256:abcd", t.leaf.spki, "yes", "no",
                  "none", "sha1:" + "00" * 20, "sha256:" + "00" * 31,
                  "sha256:" + "00" * 33, "sha256:" + "0g" * 32,
                  "md5:" + "00" * 16, f"sha256:{t.leaf.spki}, x"):
        t.config_error("tls_pin", f"tls_pin = {value}")


@test
def pin_line_of_the_refusal(t):
    """The text's own line, put into the account file, lets the key in."""
    for kind in ("P-256", "Ed25519", "RSA-2048"):
        leaf = t.pki.leaf(san="DNS:other.example.com", key=kind)
        t.serve(leaf)
        said = t.refuse(["name", "unknown"], *BY_NAME).stderr
        line = re.search(r"tls_pin = sha256:[0-9a-f]+", said)
        t.check(line, f"no line to copy in {said!r}")
        if line:
            t.accept(*BY_NAME, line[0])


# What the text tells

@test
def text_of_the_refusal(t):
    end = pki.now() - datetime.timedelta(days=1)
    start = end - datetime.timedelta(days=30)
    t.serve(t.pki.leaf(t.root, san="DNS:a.example.org,DNS:b.example.org",
                       start=start, end=end))
    said = t.refuse(["name", "expired"], *BY_NAME).stderr
    for text in (f"the certificate of '{NAME}' fails its check: ",
                 "it is for 'a.example.org', 'b.example.org'",
                 f"valid from {start:%Y-%m-%d} to {end:%Y-%m-%d}"):
        t.check(text in said, f"no {text!r} in {said!r}")
    with open(t.log, encoding="utf-8") as f:
        log = f.read()
    t.check(CHECKS["expired"] in log, f"the log does not tell: {log!r}")


@test
def text_of_hostile_names(t):
    """Names with control bytes, and very many: a bounded line, escaped."""
    name = b"\x1b]0;owned\x07\r\n.example\x9b31m\xc2\x9b"
    der = bytes([0x82, len(name)]) + name
    der = bytes([0x30, len(der)]) + der
    t.bad(["name"], t.pki.leaf(t.root, san="DER:" + der.hex(":"),
                               name="x\x1b[2Jy"), ways=(BY_NAME,))
    # The longest that are shown, for the longest name that a line can hold.
    der = (bytes([0x82, 0x81, 250]) + b"\x1b" * 250) * 4
    der = bytes([0x30, 0x82]) + len(der).to_bytes(2, "big") + der
    host = ".".join(["x" * 56] * 3)
    t.serve(t.pki.leaf(t.root, san="DER:" + der.hex(":"), start=-9, end=-1))
    t.refuse(["name", "expired"], f"tls_server_name = {host}")
    many = ",".join(f"DNS:host-{n}.example.org" for n in range(400))
    t.serve(t.pki.leaf(t.root, san=many))
    said = t.refuse(["name"], *BY_NAME).stderr
    t.check(len(said) < 4096, f"a line of {len(said)} bytes")


@test
def server_name_indication(t):
    t.serve_openssl(t.pki.leaf(t.root, san=f"{SAN},DNS:xn--bcher-kva.com,"
                               "IP:192.0.2.1"))
    t.accept(*BY_NAME)
    t.accept(f"tls_server_name = {NAME}.")
    t.accept(*BY_SERVER)
    t.accept("tls_server_name = b\u00fccher.com")
    t.accept(*BY_ADDRESS)
    t.accept("tls_server_name = 192.0.2.1")
    t.equal(t.relay.names, [NAME, NAME, "localhost", "xn--bcher-kva.com",
                            None, None], "names in SNI")


# Versions

def only(t, version):
    t.serve_openssl(t.pki.leaf(t.root, san=SAN, key="RSA-2048"),
                    oldest=version, newest=version)


def refused_for_its_version(t, *account):
    result = t.refuse([], *account, handshake=False)
    t.check(re.search("TLS|version|handshake", result.stderr), f"{result!r}")


@test
def tls_1_0_only(t):
    only(t, ssl.TLSVersion.TLSv1)
    for way in WAYS:
        refused_for_its_version(t, *way)
    refused_for_its_version(t, "tls_min = 1.1")
    t.accept(*BY_NAME, "tls_min = 1.0")


@test
def tls_1_1_only(t):
    only(t, ssl.TLSVersion.TLSv1_1)
    for way in WAYS:
        refused_for_its_version(t, *way)
    t.accept(*BY_NAME, "tls_min = 1.0")
    t.accept(*BY_NAME, "tls_min = 1.1")


@test
def tls_1_2_only(t):
    only(t, ssl.TLSVersion.TLSv1_2)
    t.accept(*BY_NAME)
    t.accept(*BY_NAME, "tls_min = 1.2")
    refused_for_its_version(t, *BY_NAME, "tls_min = 1.3")


@test
def tls_1_3_only(t):
    only(t, ssl.TLSVersion.TLSv1_3)
    for least in ("1.0", "1.1", "1.2", "1.3"):
        t.accept(*BY_NAME, f"tls_min = {least}")


@test
def tls_min_that_is_none(t):
    t.serve(t.pki.leaf(t.root, san=SAN))
    for value in ("", "1", "1.4", "0.9", "3.0", "ssl3", "TLS1.2", "no",
                  "1.2 1.3", "1.20"):
        t.config_error("tls_min", f"tls_min = {value}")


@test
def priority_that_is_none(t):
    t.serve(t.pki.leaf(t.root, san=SAN))
    for value in ("", "SECURE129", "NORMAL:+VERS-TLS1.9", "normal:",
                  "NORMAL:%PROFILE_HIHG", "NORMAL:-VERS-ALL", "no", ":"):
        t.config_error("tls_priority", f"tls_priority = {value}")


@test
def priority_below_tls_min(t):
    """A string for ciphers must not bring back what tls_min keeps out."""
    old = "NORMAL:-VERS-ALL:+VERS-TLS1.0:+VERS-TLS1.1:+VERS-TLS1.2"
    all_of_them = "NORMAL:+VERS-ALL"
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        only(t, version)
        for priority in (old, all_of_them):
            refused_for_its_version(t, *BY_NAME,
                                    f"tls_priority = {priority}")
    t.accept(*BY_NAME, f"tls_priority = {old}", "tls_min = 1.0")
    t.config_error("tls_priority", *BY_NAME,
                   "tls_priority = NORMAL:-VERS-ALL:+VERS-TLS1.0")
    only(t, ssl.TLSVersion.TLSv1_2)
    t.accept(*BY_NAME, f"tls_priority = {old}")
    refused_for_its_version(t, *BY_NAME, "tls_priority = NORMAL",
                            "tls_min = 1.3")


@test
def priority_that_switches_checks_off(t):
    """GnuTLS has words for that; the checks of name and time stay."""
    priority = "tls_priority = NORMAL:%VERIFY_ALLOW_SIGN_RSA_MD5"
    t.bad(["expired"], t.pki.leaf(t.root, san=SAN, start=-9, end=-1),
          account=(priority,), ways=(BY_NAME,))
    t.bad(["name"], t.pki.leaf(t.root, san="DNS:other.example.com"),
          account=(priority,), ways=(BY_NAME,))


# Clocks

def at(moment):
    """Words that put a command's clock there; its monotonic one stays.

    Not for server = localhost: faketime 0.9.10 ends each wait for a
    condition at once, and so that for a look-up.
    """
    return ("env", "TZ=UTC", "ASAN_OPTIONS=verify_asan_link_order=0:" +
            os.environ.get("ASAN_OPTIONS", ""), "faketime",
            "--exclude-monotonic", "-f", f"@{moment}")


def clock(function):
    """A test that needs faketime; without it, a skip."""
    if shutil.which("faketime"):
        return test(function)
    print(f"skip {function.__name__}: no faketime here")
    return function


def year_of_the_date(taken):
    field = taken.fields("Date")[0].decode()
    return email.utils.parsedate_to_datetime(field).astimezone(
        datetime.timezone.utc).year


@clock
def clock_at_1970(t):
    t.serve(t.pki.leaf(t.root, san=SAN))
    for moment in ("1970-01-01 00:00:00", "1970-01-01 00:00:01",
                   "1970-01-02 00:00:00"):
        for way in (BY_NAME, BY_ADDRESS):
            t.refuse(["not yet"], *way, before=at(moment))
        taken = t.accept(pinned(t.leaf.spki), before=at(moment))
        if taken:
            t.equal(year_of_the_date(taken), 1970, "year of the Date")


@clock
def clock_at_2038(t):
    t.serve(t.pki.leaf(t.root, san=SAN))
    for moment in ("2038-01-19 03:14:07", "2038-01-19 03:14:08",
                   "2038-12-31 00:00:00"):
        for way in (BY_NAME, BY_ADDRESS):
            t.refuse(["expired"], *way, before=at(moment))
        taken = t.accept(pinned(t.leaf.spki), before=at(moment))
        if taken:
            t.equal(year_of_the_date(taken), 2038, "year of the Date")


@clock
def valid_in_2038(t):
    """Beyond 32 bits of seconds, and at a certificate's own edges."""
    def day(year, month=1, day=1):
        return datetime.datetime(year, month, day)
    root = t.pki.authority("lasting", start=day(2026), end=day(2099))
    trust = f"tls_trust = {root.pem}"
    t.serve(t.pki.leaf(root, san=SAN, start=day(2037), end=day(2051)))
    for moment in ("2038-01-19 03:14:06", "2038-01-19 03:14:08",
                   "2050-06-01 00:00:00"):
        t.accept(*BY_NAME, trust, before=at(moment))
    t.refuse(["not yet"], *BY_NAME, trust, before=at("2036-12-31 23:59:00"))
    t.refuse(["expired"], *BY_NAME, trust, before=at("2051-01-01 00:01:00"))


# The end is near

def lasting(t, **time_left):
    end = pki.now() + datetime.timedelta(**time_left)
    t.serve(t.pki.leaf(t.root, san=SAN, end=end))
    return end


def in_log(t, text):
    if not os.path.exists(t.log):
        return []
    with open(t.log, encoding="utf-8") as f:
        return [x for x in f.read().splitlines() if text in x]


def on_terminal(t, *account):
    """Status and standard error of a run with that on a terminal."""
    ours, theirs = pty.openpty()
    with open(t.lab.write(t.path("in"), LETTER), "rb") as source:
        process = subprocess.Popen(
            [lib.SENDOFF, "-C", t.account(*account), BOB], stdin=source,
            stdout=subprocess.DEVNULL, stderr=theirs,
            env=lib.environment(t.lab))
    os.close(theirs)
    said = b""
    limit = time.monotonic() + 30
    while select.select([ours], [], [], limit - time.monotonic())[0]:
        try:
            data = os.read(ours, 4096)
        except OSError:     # the other side is closed
            break
        said += data
    os.close(ours)
    if process.poll() is None and time.monotonic() >= limit:
        process.kill()
    return process.wait(30), said.decode()


@test
def ends_soon(t):
    for left in ({"days": 13, "hours": 23}, {"days": 1}, {"minutes": 5}):
        end = lasting(t, **left)
        before = len(in_log(t, "ends on"))
        t.accept(*BY_NAME)      # which wants nothing on standard error
        lines = in_log(t, "ends on")[before:]
        t.equal(len(lines), 1, f"{left}: lines in the log")
        t.check(lines and f"{end:%Y-%m-%d}" in lines[0],
                f"{left}: no date in {lines!r}")
        (status, said), _, taken = t.session(
            BY_NAME, lambda: on_terminal(t, *BY_NAME))
        t.equal((status, len(taken)), (0, 1), f"{left}: on a terminal")
        t.equal(said.count("\n"), 1, f"{left}: lines in {said!r}")
        t.check(f"ends on {end:%Y-%m-%d}" in said, f"{left}: {said!r}")


@test
def ends_later(t):
    for left in ({"days": 15}, {"days": 15, "hours": 1}, {"days": 300}):
        lasting(t, **left)
        t.accept(*BY_NAME)
        (status, said), _, taken = t.session(
            BY_NAME, lambda: on_terminal(t, *BY_NAME))
        t.equal((status, len(taken), said), (0, 1, ""), f"{left}: terminal")
    t.check(not in_log(t, "ends on"), "the log: " + str(in_log(t, "ends")))


@test
def ends_soon_in_json(t):
    lasting(t, days=3)
    t.accept(*BY_NAME, "log_format = json")
    lines = in_log(t, "")
    for line in lines:
        try:
            json.loads(line)
        except ValueError as e:
            t.check(False, f"{e}: {line!r}")
    t.equal(len(in_log(t, "ends on")), 1, f"{lines!r}: lines in the log")


# The client's own certificate

class Client:
    """An authority for clients, a certificate from it, a relay that wants
    one.
    """

    PHRASE = "pass phrase"

    def __init__(self, t, **more):
        self.t = t
        self.ca = t.pki.authority("clients")
        self.cert = t.pki.leaf(self.ca, san="DNS:client", eku="clientAuth",
                               **more)
        t.serve_openssl(t.pki.leaf(t.root, san=SAN), client_ca=self.ca.pem)

    def account(self, cert=None, key=None, *more):
        return (*BY_NAME, "-username", "-password",
                f"tls_certificate = {cert or self.cert.pem}",
                f"tls_key = {key or self.cert.key}", *more)

    def accept(self, *account, cert=None, **more):
        t = self.t
        before = len(t.relay.client_certificates)
        t.accept(*account, **more)
        want = [(cert or self.cert).fingerprint]
        seen = [pki.hexadecimal(x or b"")
                for x in t.relay.client_certificates[before:]]
        t.equal(seen, want, "client's certificate")

    def encrypted(self, *openssl):
        """The key under PHRASE, by an openssl command."""
        path = self.t.path(f"encrypted-{openssl[0]}.pem")
        pki.openssl(*openssl, "-in", self.cert.key, "-passout",
                    f"pass:{self.PHRASE}", "-out", path)
        os.chmod(path, 0o600)
        return path

    def phrase(self, text=PHRASE):
        return f"tls_key_password_command = printf '%s\\n' '{text}'"


@test
def client_certificate(t):
    for kind in ("P-256", "Ed25519", "RSA-2048"):
        client = Client(t, key=kind)
        client.accept(*client.account())
    both = client.cert.bundle(name="both.pem")
    with open(both, "a", encoding="ascii") as out, \
            open(client.cert.key, encoding="ascii") as key:
        out.write(key.read())
    os.chmod(both, 0o600)
    client.accept(*client.account(both, both))


@test
def client_certificate_and_external(t):
    client = Client(t)
    client.accept(*client.account(), "auth = EXTERNAL", "username = alice")


@test
def client_certificate_with_intermediate(t):
    client = Client(t)
    middle = t.pki.authority("middle of clients", client.ca)
    cert = t.pki.leaf(middle, san="DNS:client", eku="clientAuth")
    client.accept(*client.account(cert.bundle(middle), cert.key),
                  cert=cert)


@test
def client_certificate_missing(t):
    """The relay insists: nothing of it may look like success."""
    Client(t)
    for least in ("1.2", "1.3"):
        result = t.run(*BY_NAME, "-username", "-password",
                       f"tls_min = {least}")
        t.check(result.status in (69, 75), f"{result!r}")
        t.check(result.err, "nothing on stderr")
    t.equal(t.relay.taken(), [], "messages taken")


@test
def client_key_encrypted(t):
    client = Client(t)
    for how in (("pkcs8", "-topk8", "-v2", "aes-256-cbc"),
                ("ec", "-aes256")):
        key = client.encrypted(*how)
        client.accept(*client.account(None, key), client.phrase())
        for account in (client.account(None, key),
                        (*client.account(None, key), client.phrase("no"))):
            result = t.config_error(key, *account)
            t.check(client.PHRASE not in result.stderr, "the pass phrase")
    t.check(not in_log(t, client.PHRASE), "the pass phrase is in the log")
    # An unencrypted one does not mind.
    client.accept(*client.account(), client.phrase())


@test
def client_key_asked_for(t):
    """Without a command, at the terminal; the answer is not echoed."""
    client = Client(t)
    key = client.encrypted("pkcs8", "-topk8", "-v2", "aes-256-cbc")
    for answer, good in ((client.PHRASE, True), ("another", False)):
        terminal = lib.Terminal(answer)
        if good:
            client.accept(*client.account(None, key),
                          preexec=terminal.control)
        else:
            result = t.run(*BY_NAME, *client.account(None, key),
                           preexec=terminal.control)
            t.equal(result.status, 78, f"{result!r}")
        shown = terminal.close()
        t.check(f"password or PIN for {key}: ".encode() in shown,
                f"no prompt: {shown!r}")
        t.check(answer.encode() not in shown, f"echoed: {shown!r}")


@test
def client_key_password_command_fails(t):
    client = Client(t)
    key = client.encrypted("pkcs8", "-topk8", "-v2", "aes-256-cbc")
    for command in ("exit 3", f"printf '%s\\n' '{client.PHRASE}'; exit 1",
                    "/is/not/there"):
        t.config_error("tls_key_password_command", *client.account(
            None, key), f"tls_key_password_command = {command}", status=75)


@test
def client_key_of_another(t):
    client = Client(t)
    other = t.pki.leaf(client.ca, san="DNS:client")
    rsa = t.pki.leaf(client.ca, san="DNS:client", key="RSA-2048")
    t.config_error("tls_key", *client.account(None, other.key))
    t.config_error("tls_key", *client.account(None, rsa.key))


@test
def client_files(t):
    client = Client(t)
    nothing = t.path("is-not-there")
    t.config_error((nothing, "tls_key"), *client.account(None, nothing))
    t.config_error((nothing, "tls_certificate"), *client.account(nothing))
    os.mkdir(t.path("directory"))
    os.mkfifo(t.path("fifo"))
    bad = [t.path("directory"), t.path("fifo")]
    for name, data in (("empty", b""), ("text", b"no PEM\n"),
                       ("noise", os.urandom(1000))):
        bad.append(t.lab.write(t.path(name), data))
    for path in bad:
        t.config_error((path, "tls_key"), *client.account(None, path))
        t.config_error((path, "tls_certificate"), *client.account(path))
    # Each the other's.
    t.config_error("tls_", *client.account(client.cert.key, client.cert.pem))


@test
def client_halves(t):
    """A certificate without a key, a key without a certificate."""
    client = Client(t)
    plain = (*BY_NAME, "-username", "-password")
    t.config_error("tls_key", *plain,
                   f"tls_certificate = {client.cert.pem}")
    t.config_error("tls_certificate", *plain, f"tls_key = {client.cert.key}")


@test
def client_key_open_to_others(t):
    client = Client(t)
    for mode in (0o644, 0o604, 0o666):
        os.chmod(client.cert.key, mode)
        t.config_error((client.cert.key, "chmod"), *client.account())
    for mode in (0o640, 0o600, 0o400):
        os.chmod(client.cert.key, mode)
        client.accept(*client.account())
    # The certificate is no secret.
    os.chmod(client.cert.pem, 0o644)
    client.accept(*client.account())


class Token(Client):
    """The client's key on a token, in SoftHSM's files."""

    # What SoftHSM and the OpenSSL in it need beyond sendoff's own 12 MiB.
    KIB = 6 * 1024
    PIN = "271828"
    URI = "pkcs11:token=sendoff;object=client"

    def __init__(self, t, **more):
        super().__init__(t, **more)
        os.mkdir(t.path("tokens"))
        self.config = t.lab.write(
            t.path("softhsm2.conf"),
            f"directories.tokendir = {t.path('tokens')}\n"
            "objectstore.backend = file\nlog.level = ERROR\n")
        key = t.path("key.p8")
        pki.openssl("pkcs8", "-topk8", "-nocrypt", "-in", self.cert.key,
                    "-out", key)
        self._tool("softhsm2-util", "--init-token", "--free", "--label",
                   "sendoff", "--pin", self.PIN, "--so-pin", "31415926")
        self._tool("softhsm2-util", "--import", key, "--token", "sendoff",
                   "--label", "client", "--id", "01", "--pin", self.PIN)

    def _tool(self, *command):
        done = subprocess.run(command, stdin=subprocess.DEVNULL,
                              capture_output=True, env=self.environment())
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stdout} {done.stderr}")

    def environment(self):
        return lib.environment(self.t.lab, SOFTHSM2_CONF=self.config)

    @property
    def more(self):
        """For runs with the token."""
        return {"env": self.environment(), "foreign_kib": self.KIB}

    def put_certificate(self):
        self._tool("p11tool", "--batch", "--login", "--write",
                   "--load-certificate", self.cert.pem, "--label", "client",
                   "--id", "01", "--set-pin", self.PIN,
                   "pkcs11:token=sendoff")


def token(function):
    """A test that needs SoftHSM and p11tool; without them, a skip."""
    if shutil.which("softhsm2-util") and shutil.which("p11tool"):
        return test(function)
    print(f"skip {function.__name__}: no softhsm2-util, or no p11tool, here")
    return function


@token
def client_key_on_a_token(t):
    for kind in ("P-256", "RSA-2048"):
        shutil.rmtree(t.path("tokens"), ignore_errors=True)
        client = Token(t, key=kind)
        uri = client.URI + ";type=private"
        client.accept(*client.account(None, uri, client.phrase(client.PIN)),
                      **client.more)
    client.put_certificate()
    client.accept(*client.account(client.URI + ";type=cert", uri,
                                  client.phrase(client.PIN)), **client.more)
    t.check(not in_log(t, client.PIN), "the PIN is in the log")


@token
def client_key_on_no_token(t):
    client = Token(t)
    uri = client.URI + ";type=private"
    for uri, pin in ((uri, "0000"),
                     (uri.replace("sendoff", "other"), client.PIN),
                     (uri.replace("client", "other"), client.PIN),
                     ("pkcs11:", client.PIN), ("pkcs11:nonsense", "0")):
        result = t.config_error("tls_key", *client.account(
            None, uri, client.phrase(pin)), **client.more)
        t.check(client.PIN not in result.stderr, f"the PIN: {result!r}")
    # Without a command for the PIN: no prompt, no hang.
    t.config_error("tls_key", *client.account(
        None, client.URI + ";type=private"), **client.more)


class Shop:
    """What all tests share."""

    root_name = "root of the tests"

    def __init__(self, lab):
        self.lab = lab
        os.mkdir(lab.path("pki"))
        self.pki = pki.Pki(lab.path("pki"))
        self.root = self.pki.authority(self.root_name)
        self.rsa_root = self.pki.authority("RSA root", key="RSA-2048")
        self.trust = self.root.bundle(self.rsa_root, name="trust.pem")
        with open(self.root.key, "rb") as f:
            self.key_text = f.read()


def attempt(shop, function):
    case = Case(shop, function.__name__)
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
        shop = Shop(lab)
        jobs = [(f, pool.submit(attempt, shop, f)) for f in chosen]
        for function, job in jobs:
            tally.add(function.__name__, job.result())
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
