#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Connecting: several addresses and ports, black holes, ip_version,
source_address, and SOCKS5 proxies.  Everything is in a network of its own
with nothing but loopback, and has its own hosts file and name server.
Arguments: parts of names, to run only those; -j N: N at a time.
"""

import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading

import cases
import lib
import mimic
import probe
import socks

BOB = "bob@example.com"
MESSAGE = b"Subject: x\n\nhi\n"
OPEN = ("starttls = no", "-username", "-password", "-tls_trust")
PROXY_USER = b"proxy user"
PROXY_PASSWORD = b"Wo0den: st@irs/ and 3%41 tin lanterns?"
PATTERNS = probe.patterns(PROXY_PASSWORD)
DEADLINE = 20

HOSTS = """127.0.0.1 localhost
::1 localhost
::1 dual.example
127.0.0.1 dual.example
""" + "".join(f"127.0.1.{i} ten.example\n" for i in range(1, 11)) + \
    "".join(f"127.0.2.{i} hole.example\n" for i in range(1, 3)) + \
    "".join(f"127.0.3.{i} holes.example\n" for i in range(1, 11)) + \
    "127.0.0.1 proxy.example\n"


class NameServer:
    """Answers on port 53.  Names that begin with "silent" have no answer,
    with "broken" a SERVFAIL, with "slow" one that takes SLOW seconds.
    """

    SLOW = 2
    KNOWN = {"dns.example": ["127.0.0.1", "::1"], "four.example":
             ["127.0.0.1"], "six.example": ["::1"], "slow.example":
             ["127.0.0.1"]}

    def __init__(self):
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            query, peer = self.socket.recvfrom(4096)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            name = ".".join(labels).lower()
            self.asked.append(name)
            if not name.startswith("silent"):
                delay = self.SLOW if name.startswith("slow") else 0
                threading.Timer(delay, self.socket.sendto, (
                    self._answer(query, at + 5, name), peer)).start()

    def _answer(self, query, end, name):
        kind, = struct.unpack(">H", query[end - 4:end - 2])
        family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
        known = self.KNOWN.get(name)
        code = 2 if name.startswith("broken") else 0 if known else 3
        data = [socket.inet_pton(family, x) for x in known or ()
                if family and (":" in x) == (kind == 28)]
        return query[:2] + struct.pack(
            ">HHHHH", 0x8180 | code, 1, len(data), 0, 0) + query[12:end] + \
            b"".join(struct.pack(">HHHIH", 0xc00c, kind, 1, 60, len(x)) + x
                     for x in data)


class BlackHole:
    """A place where a connection neither comes about nor is refused: a
    listener whose queue is full.
    """

    def __init__(self, address, port=0):
        self.listener = lib.listen(address, port, backlog=0)
        self.port = self.listener.getsockname()[1]
        self.waiting = []
        while self._takes_one():
            if len(self.waiting) > 8:
                raise cases.Skip("a full queue takes connections here")

    def _takes_one(self):
        client = socket.socket()
        self.waiting.append(client)
        client.settimeout(0.2)
        try:
            client.connect(self.listener.getsockname())
        except TimeoutError:
            return False
        return True

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for s in (self.listener, *self.waiting):
            s.close()


class NetworkCase(cases.Case):
    def relay(self, **more):
        """A relay that asks for nothing."""
        more.setdefault("tls", None)
        return mimic.Mimic(self.lab, more.pop("mechanisms", ""), **more)

    def submit(self, port, changes=(), args=(), preset=OPEN, **more):
        """Runs sendoff, searches what comes out of it for the proxy's
        password.
        """
        directory = self.lab.fresh("run")
        log = os.path.join(directory, "log")
        path = self.lab.account(os.path.join(directory, "account"), port,
                                (*preset, f"log = {log}", *changes))
        result = lib.run(self.lab, directory, ["-v", "-C", path, *args, BOB],
                         MESSAGE, **more)
        texts = {"stdout": result.out, "stderr": result.err}
        if os.path.exists(log):
            with open(log, "rb") as f:
                texts["log"] = f.read()
        for name, text in texts.items():
            words = probe.found(text, PATTERNS)
            self.check(not words, f"{changes}: {words} on {name}: {text!r}")
        result.account = path
        return result

    def expect(self, status, port, changes=(), words=(), seconds=None,
               **more):
        """The same, with what must come out."""
        result = self.submit(port, changes, **more)
        statuses = (status,) if isinstance(status, int) else status
        what = f"{list(changes)}, {list(more.get('args', ()))}"
        self.check(result.status in statuses,
                   f"{what}: not {status}, but {result!r}")
        for word in (words,) if isinstance(words, str) else words:
            self.check(word in result.stderr,
                       f"{what}: no '{word}' in {result!r}")
        if seconds is not None and not lib.SANITIZED:
            self.check(result.seconds < seconds,
                       f"{what}: took {result.seconds:.1f} s")
        return result


suite = cases.Suite(NetworkCase)
test = suite.test


def need_ipv6():
    with socket.socket(socket.AF_INET6) as s:
        try:
            s.bind(("::1", 0))
        except OSError as e:
            raise cases.Skip(f"no IPv6: {e}") from None


# Addresses and ports

@test
def nine_of_ten_refuse(t):
    with t.relay(address="127.0.1.10") as relay:
        t.expect(0, relay.port, ("server = ten.example",), seconds=5)
        t.equal(len(relay.messages), 1, "messages taken")


@test
def first_is_a_black_hole(t):
    with t.relay(address="127.0.2.2") as relay, \
            BlackHole("127.0.2.1", relay.port):
        t.expect(0, relay.port, ("server = hole.example",), seconds=5)
        t.equal(len(relay.messages), 1, "messages taken")


@test
def nine_are_black_holes(t):
    with t.relay(address="127.0.3.10") as relay, \
            contextlib.ExitStack() as stack:
        for i in range(1, 10):
            stack.enter_context(BlackHole(f"127.0.3.{i}", relay.port))
        t.expect(0, relay.port, ("server = holes.example",), seconds=5)
        t.equal(len(relay.messages), 1, "messages taken")


@test
def black_hole_alone(t):
    with BlackHole("127.0.0.1") as hole:
        result = t.expect(75, hole.port, ("connect_timeout = 1s",),
                          "127.0.0.1", seconds=4)
        t.check(result.seconds >= 1, f"after {result.seconds:.1f} s")


@test
def ports_in_turn(t):
    """The limit holds for all of them together."""
    with t.relay() as relay, BlackHole("127.0.0.1") as hole, \
            BlackHole("127.0.0.1") as other:
        refusing = closed_port()
        t.expect(0, 0, (f"port = {refusing}, {hole.port}, {relay.port}",
                        "connect_timeout = 3s"), seconds=5)
        t.expect(75, 0, (f"port = {hole.port}, {other.port}, {refusing}",
                         "connect_timeout = 2s"), seconds=4)


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@test
def all_refuse(t):
    t.expect(75, closed_port(), ("server = ten.example",), "ten.example",
             seconds=5)


@test
def one_family_refuses(t):
    need_ipv6()
    for address in ("127.0.0.1", "::1"):
        with t.relay(address=address) as relay:
            t.expect(0, relay.port, ("server = dual.example",), seconds=5)
            t.equal([x for x, _ in relay.peers], [address], "peers")


# Names

@test
def names(t):
    with t.relay() as relay:
        t.expect(0, relay.port, ("server = dns.example",))
        t.expect(68, relay.port, ("server = unknown.example",),
                 "unknown.example")
        t.expect(75, relay.port, ("server = broken.example",),
                 "broken.example")
        t.expect(75, relay.port, ("server = silent.example",
                                  "connect_timeout = 1s"), "silent.example",
                 seconds=4)
        t.expect(0, relay.port, ("server = slow.example",))


@test
def ip_version(t):
    need_ipv6()
    with t.relay() as four, \
            t.relay(address="::1", port=four.port) as six:
        for version, right, wrong in (("4", four, six), ("6", six, four)):
            for server in ("dual.example", "localhost",
                           right.listener.getsockname()[0]):
                before = len(right.peers)
                t.expect(0, four.port, (f"server = {server}",
                                        f"ip_version = {version}"))
                t.equal(len(right.peers) - before, 1,
                        f"connections to {server} by IPv{version}")
            for server in (wrong.listener.getsockname()[0],
                           {"4": "six", "6": "four"}[version] + ".example"):
                t.expect((68, 78), four.port, (f"server = {server}",
                                               f"ip_version = {version}"),
                         server)
        before = len(six.peers) + len(four.peers)
        t.expect(0, four.port, ("server = dual.example", "ip_version = any"))
        t.equal(len(six.peers) + len(four.peers) - before, 1, "connections")
    for value in ("5", "46", "ipv4", "4, 6"):
        t.expect(78, 25, (f"ip_version = {value}",), ("ip_version", ":"))


@test
def source_address(t):
    with t.relay() as relay:
        t.expect(0, relay.port, ("source_address = 127.0.0.5",))
        t.equal(relay.peers[0][0], "127.0.0.5", "the peer's address")
        t.expect(75, relay.port, ("source_address = 192.0.2.77",),
                 "192.0.2.77")
        t.expect(75, relay.port, ("source_address = 2001:db8::77",
                                  "server = dual.example"), "2001:db8::77")
        t.equal(len(relay.peers), 1, "connections")
    for value in ("localhost", "127.0.0.256", "127.0.0.5/8", "lo", "*",
                  "127.0.0.5 127.0.0.6", "[::1]", "127.0.0.5:25"):
        result = t.expect(78, 25, (f"source_address = {value}",),
                          "source_address")
        t.check(f"{result.account}:" in result.stderr,
                f"no file and line: {result!r}")


@test
def source_address_and_family(t):
    need_ipv6()
    for version, address in (("4", "::1"), ("6", "127.0.0.5")):
        t.expect(78, 25, (f"ip_version = {version}",
                          f"source_address = {address}"),
                 ("ip_version", "source_address"))
    with t.relay() as four, t.relay(address="::1", port=four.port) as six:
        t.expect(0, four.port, ("server = dual.example",
                                "source_address = 127.0.0.5"))
        t.equal([x for x, _ in four.peers], ["127.0.0.5"], "IPv4 peers")
        t.expect(0, four.port, ("server = dual.example",
                                "source_address = ::1"))
        t.equal([x for x, _ in six.peers], ["::1"], "IPv6 peers")
        t.expect((68, 75, 78), four.port, ("server = ::1",
                                           "source_address = 127.0.0.5"))
        t.expect((68, 75, 78), four.port, ("server = 127.0.0.1",
                                           "source_address = ::1"))
    t.equal(len(four.peers) + len(six.peers), 2, "connections")


# Proxies

def quoted(data):
    """As it stands in a URL."""
    return "".join(chr(x) if chr(x).isascii() and chr(x).isalnum() else
                   f"%{x:02X}" for x in data)


def url(proxy, user=None, password=None, host="127.0.0.1"):
    login = f"{quoted(user)}:{quoted(password)}@" if user is not None else ""
    return f"proxy = socks5h://{login}{host}:{proxy.port}"


def here(relay):
    return "127.0.0.1", relay.port


@test
def proxy_addresses(t):
    """A name is the proxy's to look up; an address goes as an address."""
    asked = len(t.lab.names.asked)
    for server, kind, host in (
            ("relay.nowhere.example", socks.NAME, b"relay.nowhere.example"),
            ("four.example", socks.NAME, b"four.example"),
            ("localhost", socks.NAME, b"localhost"),
            ("b\xfccher.example", socks.NAME, b"xn--bcher-kva.example"),
            ("a." * 75 + "example", socks.NAME, b"a." * 75 + b"example"),
            ("192.0.2.7", socks.IPV4, b"192.0.2.7"),
            ("2001:db8::7", socks.IPV6, b"2001:db8::7")):
        with t.relay() as relay, socks.Socks(here(relay)) as proxy:
            t.expect(0, 2525, (f"server = {server}", url(proxy)))
            t.equal(proxy.requests, [(kind, host, 2525)], "requests")
            t.equal([v for v, _ in proxy.methods], [5], "version")
            t.check(socks.NONE in proxy.methods[0][1], "no method NONE")
            t.equal(proxy.logins, [], "logins")
            t.equal(len(relay.messages), 1, f"{server}: messages taken")
    t.equal([x for x in t.lab.names.asked[asked:] if "nowhere" in x], [],
            "the name server was asked for")


@test
def proxy_login(t):
    login = (PROXY_USER, PROXY_PASSWORD)
    for user, password in (login, (b"u", b"p"), (b"u", b"p" * 140),
                           (b"u" * 130, b"\xc3\xbc"), (b"a:b@c", b"#;\" %x")):
        with t.relay() as relay, \
                socks.Socks(here(relay), socks.LOGIN,
                            (user, password)) as proxy:
            t.expect(0, 25, (url(proxy, user, password),))
            t.equal(proxy.logins, [(1, user, password)], "logins")
            t.equal(len(relay.messages), 1, "messages taken")
    with t.relay() as relay, socks.Socks(here(relay), socks.LOGIN,
                                         login) as proxy:
        t.expect(77, 25, (url(proxy, PROXY_USER, PROXY_PASSWORD + b"x"),),
                 ("proxy", "127.0.0.1"))
        t.expect(77, 25, (url(proxy, b"somebody", PROXY_PASSWORD),), "proxy")
        t.expect(77, 25, (url(proxy),), "proxy")
        t.equal(len(proxy.logins), 2, "logins")
        t.equal(relay.peers, [], "connections")
    # A proxy that wants none has none.
    with t.relay() as relay, socks.Socks(here(relay)) as proxy:
        t.expect(0, 25, (url(proxy, *login),))
        t.equal(proxy.logins, [], "logins")


@test
def proxy_refuses(t):
    with t.relay() as relay:
        for code, status in ((1, 75), (2, 69), (3, 75), (4, 75), (5, 75),
                             (6, 75), (7, 69), (8, 69), (9, 76), (255, 76)):
            with socks.Socks(here(relay), answers={
                    "request": socks.reply(code)}) as proxy:
                t.expect(status, 25, (url(proxy), "server = x.example"),
                         "proxy")
                t.equal(proxy.excess, [], f"said after code {code}")
        for method in (socks.REFUSED, 1, socks.LOGIN, 0x80):
            with socks.Socks(here(relay), answers={
                    "method": bytes([5, method])}) as proxy:
                t.expect(77 if method == socks.REFUSED else (76, 77), 25,
                         (url(proxy),), "proxy")
                t.equal(proxy.excess, [], f"said after method {method}")
        t.equal(relay.heard, [], "said to the relay")


@test
def proxy_talks_junk(t):
    """What is no SOCKS5 is a breach, whatever it is."""
    login = (PROXY_USER, PROXY_PASSWORD)
    with t.relay() as relay:
        for stage, answer, status in (
                ("method", b"HTTP/1.1 400 Bad Request\r\n\r\n", 76),
                ("method", b"220 relay.example.net ESMTP\r\n", 76),
                ("method", b"\4\0", 76), ("method", b"\0\x5b", 76),
                ("method", socks.Cut(b"\5"), 75),
                ("method", b"\0" * 64, 76),
                ("login", b"\5\0", 76), ("login", b"\0\0", 76),
                ("login", socks.Cut(b"\1"), 75),
                ("request", b"\4\0\0\1\0\0\0\0\0\0", 76),
                ("request", socks.reply(kind=0), 76),
                ("request", socks.reply(kind=2), 76),
                ("request", socks.reply(kind=0x80), 76),
                ("request", socks.Cut(b"\5\0\0\1\x7f"), 75),
                ("request", socks.Cut(b"\5\0\0\3"), 75),
                ("request", socks.Cut(b"\5\0\0\3\xff" + b"x" * 200), 75)):
            accept = socks.LOGIN if stage == "login" else socks.NONE
            with socks.Socks(here(relay), accept, login,
                             {stage: answer}) as proxy:
                t.expect(status, 25, (url(proxy, *login),), "proxy",
                         seconds=4)
                t.equal(proxy.excess, [], f"said after {stage} {answer!r}")
        # Behind a good answer it is the relay that talks.
        with socks.Socks(here(relay), answers={
                "request": socks.reply() + b"\xff\0 junk\r\n"}) as proxy:
            t.expect(76, 25, (url(proxy),), seconds=4)
        t.equal(relay.heard, [], "said to the relay")


@test
def proxy_answers_oddly(t):
    """What is allowed, if unusual: the relay behind it is reached."""
    for answer in (socks.reply(kind=socks.NAME, address=b"\4host"),
                   socks.reply(kind=socks.NAME, address=b"\0"),
                   socks.reply(kind=socks.NAME,
                               address=b"\xff" + b"n" * 255),
                   socks.reply(kind=socks.NAME,
                               address=b"\5" + b"\0\r\n\x1b\xff"),
                   socks.reply(kind=socks.IPV6, address=b"\0" * 16, port=0),
                   socks.Drip(socks.reply(), 0.02)):
        for together in (False, True):
            if together and isinstance(answer, socks.Drip):
                continue
            with t.relay() as relay, \
                    socks.Socks(here(relay), answers={"request": answer},
                                together=together) as proxy:
                t.expect(0, 25, (url(proxy),))
                t.equal(len(relay.messages), 1, f"{answer!r}: messages")


@test
def proxy_is_silent(t):
    """connect_timeout holds for the name, the connection and the talk."""
    login = (PROXY_USER, PROXY_PASSWORD)
    drip = socks.Drip(socks.reply(kind=socks.NAME,
                                  address=b"\xff" + b"n" * 255), 0.1)
    with t.relay() as relay:
        for stage, answer in (("method", socks.HOLD), ("login", socks.HOLD),
                              ("request", socks.HOLD), ("request", drip),
                              ("method", socks.Drip(b"\5\2", 2))):
            with socks.Socks(here(relay), socks.LOGIN, login,
                             {stage: answer}) as proxy:
                result = t.expect(75, 25, (url(proxy, *login),
                                           "connect_timeout = 1s"), "proxy",
                                  seconds=3)
                t.check(result.seconds >= 0.9, f"after {result.seconds} s")
        for stage in ("method", "login", "request"):
            for answer in (socks.CLOSE, socks.RESET):
                with socks.Socks(here(relay), socks.LOGIN, login,
                                 {stage: answer}) as proxy:
                    t.expect(75, 25, (url(proxy, *login),), "proxy",
                             seconds=4)
        t.equal(relay.heard, [], "said to the relay")


@test
def proxy_is_slow(t):
    """Its name takes a while, and then it says nothing: one limit."""
    with t.relay() as relay, \
            socks.Socks(here(relay), answers={"method": socks.HOLD}) as proxy:
        t.expect(75, 25, (url(proxy, host="slow.example"),
                          "connect_timeout = 3s"), "proxy", seconds=4.5)
        t.equal(len(proxy.peers), 1, "connections to the proxy")


@test
def proxy_is_not_there(t):
    with t.relay() as relay, socks.Socks(here(relay)) as proxy:
        asked = url(proxy)
    t.expect(75, 25, (asked,), "proxy")
    with BlackHole("127.0.0.1") as hole:
        t.expect(75, 25, (url(hole), "connect_timeout = 1s"), "proxy",
                 seconds=3)
    for host, status in (("unknown.example", 68), ("broken.example", 75),
                         ("silent.example", 75)):
        t.expect(status, 25, (f"proxy = socks5h://{host}:1080",
                              "connect_timeout = 1s"), (host, "proxy"),
                 seconds=4)


@test
def proxy_by_name(t):
    """The proxy's own name is looked up here, and has several addresses."""
    with t.relay() as relay:
        for host, address in (("proxy.example", "127.0.0.1"),
                              ("ten.example", "127.0.1.10")):
            with socks.Socks(here(relay), address=address) as proxy:
                t.expect(0, 25, (url(proxy, host=host),), seconds=5)
        need_ipv6()
        with socks.Socks(here(relay), address="::1") as proxy:
            t.expect(0, 25, (url(proxy, host="[::1]"),
                             "server = x.example"))
            t.equal(proxy.peers, ["::1"], "the proxy's peer")


@test
def proxy_and_source(t):
    """source_address and ip_version are those of the way to the proxy."""
    need_ipv6()
    with t.relay() as relay:
        with socks.Socks(here(relay)) as proxy:
            t.expect(0, 25, (url(proxy), "source_address = 127.0.0.5",
                             "server = x.example"))
            t.equal(proxy.peers, ["127.0.0.5"], "the proxy's peer")
            t.expect(75, 25, (url(proxy), "source_address = 192.0.2.77"),
                     "192.0.2.77")
        with socks.Socks(here(relay), address="::1") as proxy:
            t.expect(0, 25, (url(proxy, host="dual.example"),
                             "ip_version = 6", "server = x.example"))
            t.equal(proxy.peers, ["::1"], "the proxy's peer")


@test
def proxy_and_ports(t):
    """Where the proxy cannot reach one port, the next is tried."""
    with t.relay() as relay, socks.Socks(
            here(relay), answers={"request": socks.reply(5)}) as proxy:
        t.expect(75, 0, (url(proxy), "port = 26, 27"), "proxy")
        t.equal([port for _, _, port in proxy.requests], [26, 27], "ports")


@test
def proxy_and_tls(t):
    """The name that is verified is the relay's."""
    tls = ("tls_trust = " + t.lab.ca, "-username", "-password")
    right = t.lab.named["relay.nowhere.example"]
    for changes, cert, status, name in (
            (("server = relay.nowhere.example",), right, 0,
             "relay.nowhere.example"),
            (("server = relay.nowhere.example",), None, 69,
             "relay.nowhere.example"),
            (("server = localhost",), right, 69, "localhost"),
            (("server = localhost",), None, 0, "localhost")):
        for mode, keys in (("starttls", ()),
                           ("implicit", ("-starttls", "implicit_tls = yes"))):
            with t.relay(tls=mode, cert=cert) as relay, \
                    socks.Socks(here(relay)) as proxy:
                result = t.expect(status, 25, (
                    *changes, *keys, url(proxy, host="localhost")),
                    preset=tls)
                t.equal(relay.names, [name], "SNI")
                t.equal(len(relay.messages), 0 if status else 1, "messages")
                t.check(status == 0 or name in result.stderr,
                        f"no '{name}' in {result!r}")


@test
def proxy_urls(t):
    secret = PROXY_PASSWORD.decode()
    for value in (
            "socks5://127.0.0.1:1080", "socks5://u:SECRET@127.0.0.1:1080",
            "socks4a://127.0.0.1:1080", "http://127.0.0.1:8080",
            "127.0.0.1:1080", "u:SECRET@127.0.0.1", "socks5h:127.0.0.1",
            "socks5h://", "socks5h://:1080", "socks5h://u:SECRET@",
            "socks5h://u:SECRET@:1080", "socks5h://u@127.0.0.1:1080",
            "socks5h://:SECRET@127.0.0.1:1080", "socks5h://u:@127.0.0.1",
            "socks5h://127.0.0.1:0", "socks5h://u:SECRET@127.0.0.1:0",
            "socks5h://127.0.0.1:65536", "socks5h://127.0.0.1:abc",
            "socks5h://127.0.0.1:-1", "socks5h://u:SECRET@127.0.0.1:1 x",
            "socks5h://[::1", "socks5h://::1:1080", "socks5h://[127.0.0.1]",
            "socks5h://u:SECRET%@127.0.0.1", "socks5h://u:SECRET%zz@h.example",
            "socks5h://u:SECRET%00@127.0.0.1", "socks5h://a b.example",
            "socks5h://u:SECRET@127.0.0.1:1080/x", "socks5h://h.example?x",
            "socks5h://h.example:1080#x"):
        line = "proxy = " + value.replace("SECRET", secret)
        result = t.expect(78, 25, (line,), "proxy")
        t.check(f"{result.account}:" in result.stderr,
                f"no file and line: {result!r}")
    for value in ("socks5h://" + "u" * 256 + ":SECRET@127.0.0.1:1080",
                  "socks5h://u:SECRET" + "p" * 256 + "@127.0.0.1:1080",
                  "socks5h://" + "h" * 256 + ":1080",
                  "socks5://u:SECRET@127.0.0.1:1080"):
        # Longer than a line of an account file may be.
        t.expect(64, 25, args=("--set", "proxy=" + value.replace(
            "SECRET", secret)), words="proxy")


@test
def proxy_and_others(t):
    """Keys that contradict a proxy."""
    result = t.expect(78, 25, ("server = /nonexistent/socket", "-port",
                               "proxy = socks5h://127.0.0.1:1080"), "proxy")
    t.check(f"{result.account}:" in result.stderr, f"no file: {result!r}")


@test
def proxy_is_shown(t):
    """--print-config names the proxy and its user, never its password, and
    reads back.
    """
    with t.relay() as relay, socks.Socks(
            here(relay), socks.LOGIN, (PROXY_USER, PROXY_PASSWORD)) as proxy:
        result = t.expect(0, 25, (url(proxy, PROXY_USER, PROXY_PASSWORD),),
                          args=("--print-config",))
        t.check(f"127.0.0.1:{proxy.port}".encode() in result.out,
                f"the proxy is not shown: {result!r}")
        path = t.lab.write(t.path("again"), result.out)
        again = lib.run(t.lab, t.dir, ["-C", path, "--print-config"])
        t.equal(again.status, 0, f"does not read back: {again!r}")
        result = t.expect(0, 25, (url(proxy),), args=("--print-config",))
        line = url(proxy).encode()
        t.check(line in result.out, f"no {line!r} in {result!r}")


@test
def proxy_password_is_kept(t):
    """Others may not read the file; ps(1) does not show an argument."""
    with t.relay() as relay, socks.Socks(
            here(relay), socks.LOGIN, (PROXY_USER, PROXY_PASSWORD),
            {"request": socks.HOLD}) as proxy:
        line = url(proxy, PROXY_USER, PROXY_PASSWORD)
        path = t.lab.account(t.path("open"), 25, (*OPEN, line), mode=0o644)
        result = lib.run(t.lab, t.dir, ["-C", path, BOB], MESSAGE)
        t.equal(result.status, 78, f"mode 0644: {result!r}")
        t.check("chmod" in result.stderr, f"no remedy: {result!r}")
        path = t.lab.account(t.path("account"), 25, OPEN)
        traced = t.path("trace")
        process = subprocess.Popen(
            [*probe.STRACE, traced, lib.SENDOFF, "-C", path, "--set",
             line.replace(" = ", "="), BOB], stdin=subprocess.PIPE,
            stderr=subprocess.PIPE, env=dict(
                lib.environment(t.lab), ASAN_OPTIONS="detect_leaks=0"))
        try:
            process.stdin.write(MESSAGE)
            process.stdin.close()
            t.check(proxy.await_stage("request", DEADLINE), "no request")
            # strace has the arguments of what it runs.
            t.equal([x[:6] for x in command_lines(quoted(PROXY_PASSWORD))],
                    [b"strace"], "processes with the password")
        finally:
            proxy.stop()
            process.stderr.read()
            process.stderr.close()
            t.equal(process.wait(DEADLINE), 75, "status")
    leaks = probe.Trace(traced).leaks(
        PATTERNS, but=lambda x: f"127.0.0.1:{proxy.port}]" in x)
    t.equal(leaks, [], "what was written but to the proxy")


def command_lines(text):
    """The arguments of all processes that have the text in them."""
    out = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as f:
                line = f.read()
        except OSError:
            continue
        if text.encode() in line:
            out.append(line)
    return out


def certificate(lab, name):
    """A certificate and key for a host name, from the lab's CA."""
    cert, key = (lab.path(f"{name}.{x}") for x in ("pem", "key"))
    lib.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-CA", lab.ca, "-CAkey", lab.path("ca.key"),
                "-keyout", key, "-out", cert, "-subj", "/CN=relay",
                "-addext", "basicConstraints=critical,CA:FALSE",
                "-addext", "extendedKeyUsage=serverAuth",
                "-addext", f"subjectAltName=DNS:{name}")
    return cert, key


def prepare(lab):
    """The network and its names."""
    cases.loopback_up()
    for path, text in (("/etc/hosts", HOSTS),
                       ("/etc/nsswitch.conf", "hosts: files dns\n"
                        "passwd: files\ngroup: files\n"),
                       ("/etc/resolv.conf", "nameserver 127.0.0.1\n"),
                       ("/etc/gai.conf", "")):
        # Where there is none, what the library presumes is the same.
        if os.path.exists(path):
            own = lab.write(lab.path(os.path.basename(path)), text, 0o644)
            cases.bind(own, os.path.realpath(path))
    if os.path.isdir("/run/nscd"):
        cases.bind(lab.home, "/run/nscd")
    lab.names = NameServer()
    lab.named = {x: certificate(lab, x) for x in ("relay.nowhere.example",)}


if __name__ == "__main__":
    cases.enter_namespaces("--mount", "--net")
    sys.exit(suite.main(prepare=prepare))
