# SPDX-License-Identifier: ISC
"""A SOCKS5 proxy whose answers a test chooses (RFC 1928, RFC 1929).  Names are
known to it alone: wherever a request wants to go, it leads to one place.
"""

import socket
import struct
import threading
import time

import lib

# What a stage does instead of an answer.
CLOSE = object()
RESET = object()
HOLD = object()

NONE, LOGIN, REFUSED = 0, 2, 0xff
IPV4, NAME, IPV6 = 1, 3, 4


def reply(code=0, kind=IPV4, address=b"\x7f\0\0\1", port=9):
    """An answer to a request; address as it goes over the line."""
    return bytes([5, code, 0, kind]) + address + struct.pack(">H", port)


class Drip:
    """An answer, a byte at a time, seconds apart."""

    def __init__(self, data, seconds):
        self.data = data
        self.seconds = seconds


class Cut:
    """An answer that ends too early."""

    def __init__(self, data):
        self.data = data


class Gone(Exception):
    """The talk is over."""


class Socks:
    """answers: {stage: bytes, Drip, Cut, CLOSE, RESET or HOLD} in place of
    what is right at "method", "login" and "request"; behind them a talk goes
    on only where they are a Drip, or say yes to the request.  accept: the
    method that is chosen where it is offered; login: (user, password).
    together: the relay's first words come in one piece with the proxy's last.

    requests has (type, host, port), logins (version, user, password), methods
    (version, those offered), peers the clients' addresses, excess what came
    where nothing should have.
    """

    def __init__(self, target, accept=NONE, login=None, answers=None,
                 together=False, address="127.0.0.1", port=0):
        self.target = target
        self.accept = accept
        self.login = login
        self.answers = answers or {}
        self.together = together
        self.requests = []
        self.logins = []
        self.methods = []
        self.peers = []
        self.excess = []
        self.reached = []
        self.changed = threading.Condition()
        self.listener = lib.listen(address, port)
        self.port = self.listener.getsockname()[1]
        self.sockets = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def stop(self):
        for s in self.sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def await_stage(self, stage, seconds=20):
        with self.changed:
            return self.changed.wait_for(lambda: stage in self.reached,
                                         seconds)

    def _accept(self):
        while True:
            try:
                client, peer = self.listener.accept()
            except OSError:
                return
            client.settimeout(60)
            self.peers.append(peer[0])
            self.sockets.append(client)
            threading.Thread(target=self._run, args=(client,),
                             daemon=True).start()

    def _run(self, client):
        try:
            self._greet(client)
            self._request(client)
        except (Gone, OSError, struct.error):
            client.close()

    def _reach(self, stage):
        with self.changed:
            self.reached.append(stage)
            self.changed.notify_all()

    def _say(self, client, answer):
        if answer is HOLD:
            self._listen(client, "held")
        if answer is RESET:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              struct.pack("ii", 1, 0))
        if answer in (CLOSE, RESET):
            raise Gone
        if isinstance(answer, Drip):
            for byte in answer.data:
                client.sendall(bytes([byte]))
                time.sleep(answer.seconds)
            return
        client.sendall(answer.data if isinstance(answer, Cut) else answer)
        if isinstance(answer, Cut):
            raise Gone

    def _listen(self, client, stage):
        """Nothing more should come."""
        while more := client.recv(4096):
            self.excess.append((stage, more))
        raise Gone

    def _answer(self, client, stage, right):
        self._reach(stage)
        answer = self.answers.get(stage, right)
        self._say(client, answer)
        if answer is not right and not isinstance(answer, Drip):
            self._listen(client, stage)

    @staticmethod
    def _read(client, n):
        data = b""
        while len(data) < n:
            more = client.recv(n - len(data))
            if not more:
                raise Gone
            data += more
        return data

    def _greet(self, client):
        version, count = self._read(client, 2)
        offered = self._read(client, count)
        self.methods.append((version, offered))
        chosen = self.accept if self.accept in offered else REFUSED
        self._answer(client, "method", bytes([5, chosen]))
        if chosen == LOGIN:
            self._log_in(client)
        elif chosen == REFUSED:
            raise Gone

    def _log_in(self, client):
        version, n = self._read(client, 2)
        user = self._read(client, n)
        password = self._read(client, self._read(client, 1)[0])
        self.logins.append((version, user, password))
        right = (user, password) == self.login
        self._answer(client, "login", bytes([1, 0 if right else 1]))
        if not right:
            raise Gone

    def _read_request(self, client):
        kind = self._read(client, 4)[3]
        n = {IPV4: 4, IPV6: 16}.get(kind) or self._read(client, 1)[0]
        host = self._read(client, n)
        if kind != NAME:
            family = socket.AF_INET if kind == IPV4 else socket.AF_INET6
            host = socket.inet_ntop(family, host).encode()
        port, = struct.unpack(">H", self._read(client, 2))
        self.requests.append((kind, host, port))

    def _request(self, client):
        self._read_request(client)
        self._reach("request")
        answer = self.answers.get("request", reply())
        said = answer.data if isinstance(answer, Drip) else answer
        if not isinstance(said, bytes) or said[:2] != b"\5\0":
            self._say(client, answer)
            self._listen(client, "request")
        relay = socket.create_connection(self.target, 20)
        self.sockets.append(relay)
        if self.together:
            answer += relay.recv(4096)
        self._say(client, answer)
        threading.Thread(target=self._copy, args=(relay, client),
                         daemon=True).start()
        self._copy(client, relay)

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            sink.close()
