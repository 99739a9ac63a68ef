# SPDX-License-Identifier: ISC
"""A relay in Python whose replies a test chooses, stage by stage: for what the
scripted relay cannot play, as it depends on what the client has sent (SCRAM,
a reply that repeats the password) or on when it is sent (a stage is held
until the test has had its look).  It listens on one loopback address, and it
judges nothing: heard has the lines, peers the clients' addresses.
"""

import base64
import hashlib
import hmac
import os
import re
import socket
import ssl
import struct
import threading

import lib

# What a stage does instead of a reply.
CLOSE = object()
HOLD = object()

REPLIES = {
    "greeting": b"220 relay.example.net ESMTP", "STARTTLS": b"220 go ahead",
    "verdict": b"235 2.7.0 welcome", "MAIL": b"250 2.1.0 ok",
    "RCPT": b"250 2.1.5 ok", "DATA": b"354 go ahead", "dot": b"250 2.0.0 ok",
    "QUIT": b"221 bye", "RSET": b"250 ok",
}


CLIENT_FIRST = {"PLAIN", "NTLM", "OAUTHBEARER", "XOAUTH2", "SCRAM-SHA-1",
                "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"}


class Gone(Exception):
    """The client is no longer there."""


def b64(data):
    return base64.b64encode(data)


def h(name, key, data):
    return hmac.new(key, data, name).digest()


class Scram:
    """The server's side of RFC 5802; wrong passwords are not its matter."""

    ITERATIONS = 4096

    def __init__(self, mechanism, password):
        # A binding to TLS is as good as any other word of the client's here.
        self.hash = mechanism.split("-", 1)[1].removesuffix("-PLUS") \
            .replace("-", "").lower()
        self.salt = os.urandom(16)
        self.salted = hashlib.pbkdf2_hmac(self.hash, password, self.salt,
                                          self.ITERATIONS)

    def first(self, message):
        self.bare = message.partition(b",,")[2]
        nonce = self.bare.partition(b",r=")[2] + b64(os.urandom(12))
        self.server_first = b"r=%s,s=%s,i=%d" % (nonce, b64(self.salt),
                                                 self.ITERATIONS)
        return self.server_first

    def final(self, message):
        without = message.rpartition(b",p=")[0]
        what = b",".join((self.bare, self.server_first, without))
        key = h(self.hash, self.salted, b"Server Key")
        return b"v=" + b64(h(self.hash, key, what))


class Digest:
    """The server's side of RFC 2831."""

    CHALLENGE = (b'realm="relay",nonce="OA6MG9tEQGm2hh",qop="auth",'
                 b'algorithm=md5-sess,charset=utf-8')

    def __init__(self, password):
        # Section 2.1.2.1: in ISO 8859-1 where that will do.
        self.password = password.decode().encode("latin-1")

    def final(self, response):
        """What proves that the server knows the password."""
        said = dict(re.findall(rb'([\w-]+)="?([^",]*)"?', response))

        def md5(*parts):
            return hashlib.md5(b":".join(parts), usedforsecurity=False)
        login = md5(said[b"username"], said[b"realm"],
                    self.password).digest()
        a1 = md5(login, said[b"nonce"], said[b"cnonce"]).hexdigest()
        a2 = md5(b"", said[b"digest-uri"]).hexdigest()
        proof = md5(a1.encode(), said[b"nonce"], said[b"nc"], said[b"cnonce"],
                    said[b"qop"], a2.encode()).hexdigest()
        return b"rspauth=" + proof.encode()


# NTLM's second message: no target, Unicode, a challenge of eight bytes.
NTLM = b"NTLMSSP\0" + struct.pack("<LHHLL8s8s", 2, 0, 0, 48, 0x201,
                                  b"\1\2\3\4\5\6\7\10", b"")


class Mimic:
    """replies: {stage: bytes without the CRLF at the end, CLOSE, or HOLD},
    for "greeting", "AUTH" (its command is read), "challenge", "verdict", and
    the commands; "TLS": bytes in place of a handshake; "dot".  HOLD reads
    what comes and says nothing until the client is gone.
    """

    def __init__(self, lab, mechanisms="PLAIN", password=b"", replies=None,
                 tls="starttls", address="127.0.0.1", cert=None, port=0,
                 oauth_error=b""):
        self.mechanisms = mechanisms
        self.password = password
        self.replies = {**REPLIES, **(replies or {})}
        self.tls = tls
        self.oauth_error = oauth_error
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*(cert or (lab.cert, lab.key)))
        self.context.sni_callback = lambda _socket, name, _context: \
            self.names.append(name)
        self.names = []
        self.heard = []
        self.peers = []
        self.messages = []
        self.salted = []
        self.errors = []
        self.reached = []
        self.changed = threading.Condition()
        self.listener = lib.listen(address, port)
        self.port = self.listener.getsockname()[1]
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def stop(self):
        # Shutting it down wakes accept(2), which closing alone does not.
        for s in (self.listener, *self.connections):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def await_stage(self, stage, seconds=20):
        """True once a client has got there."""
        with self.changed:
            return self.changed.wait_for(lambda: stage in self.reached,
                                         seconds)

    def derived(self):
        """What is as good as the password here, as patterns: {bytes: words}.
        """
        out = {}
        for salted in self.salted:
            # Its first bytes may have been written over.
            out[salted[-12:]] = "SCRAM's salted password"
            out[salted[-12:].hex().encode()] = \
                "SCRAM's salted password in hexadecimal"
        return out

    def _reach(self, stage):
        with self.changed:
            self.reached.append(stage)
            self.changed.notify_all()

    def _accept(self):
        while True:
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            self.peers.append(peer[:2])
            threading.Thread(target=self._run, args=(connection,),
                             daemon=True).start()

    def _run(self, connection):
        connection.settimeout(60)
        talk = Talk(self, connection)
        try:
            talk.run()
        except (Gone, OSError) as e:
            self.errors.append(repr(e))
        finally:
            talk.socket.close()


class Talk:
    """One connection."""

    def __init__(self, relay, connection):
        self.relay = relay
        self.socket = connection
        self.file = None
        self.secure = False

    def run(self):
        if self.relay.tls == "implicit":
            self.start_tls()
        self.file = self.socket.makefile("rb")
        self.answer("greeting")
        while self.turn():
            pass

    def start_tls(self):
        self.relay._reach("TLS")
        reply = self.relay.replies.get("TLS")
        if reply is HOLD:
            self.hold()
        if reply is not None:
            self.socket.recv(65536)
            self.socket.sendall(reply)
            raise Gone("no handshake")
        connection = self.relay.context.wrap_socket(self.socket,
                                                    server_side=True)
        self.relay.connections.append(connection)
        self.socket = connection
        self.file = connection.makefile("rb")
        self.secure = True

    def hold(self):
        while self.socket.recv(65536):
            pass
        raise Gone("held")

    def line(self):
        line = self.file.readline(1 << 20)
        if not line.endswith(b"\r\n"):
            raise Gone("end")
        self.relay.heard.append(line[:-2])
        return line[:-2]

    def answer(self, stage, reply=None):
        """Says what there is to say at a stage."""
        self.relay._reach(stage)
        chosen = self.relay.replies.get(stage, reply)
        if chosen is HOLD:
            self.hold()
        if chosen is CLOSE:
            raise Gone("closed by the play")
        self.socket.sendall(chosen + b"\r\n")
        return chosen

    def capabilities(self):
        lines = [b"relay.example.net", b"PIPELINING", b"8BITMIME",
                 b"ENHANCEDSTATUSCODES", b"SIZE 1000000"]
        if self.relay.tls == "starttls" and not self.secure:
            lines.append(b"STARTTLS")
        elif self.relay.mechanisms:
            lines.append(b"AUTH " + self.relay.mechanisms.encode())
        return b"\r\n".join([b"250-" + x for x in lines[:-1]] +
                            [b"250 " + lines[-1]])

    def turn(self):
        line = self.line()
        verb = line.split(b" ")[0].upper().decode("ascii", "replace")
        if verb in ("EHLO", "HELO"):
            self.answer("EHLO", self.capabilities())
        elif verb == "STARTTLS":
            self.answer("STARTTLS")
            self.start_tls()
        elif verb == "AUTH":
            self.answer("verdict", self.authenticate(line))
        elif verb == "DATA":
            if self.answer("DATA").startswith(b"354"):
                self.body()
                self.answer("dot")
        else:
            self.answer(verb, b"500 what?")
        return verb != "QUIT"

    def body(self):
        lines = []
        while not lines or lines[-1] != b".":
            lines.append(self.line())
        self.relay.messages.append(b"\r\n".join(lines[:-1]) + b"\r\n")

    def ask(self, challenge):
        """What the client answers."""
        self.answer("challenge", b"334 " + challenge)
        return base64.b64decode(self.line())

    def authenticate(self, line):
        words = line.split(b" ")
        mechanism = words[1].upper().decode()
        self.relay._reach("AUTH")
        if self.relay.replies.get("AUTH") is CLOSE:
            raise Gone("closed by the play")
        initial = base64.b64decode(words[2]) if len(words) > 2 else \
            self.ask(b"") if mechanism in CLIENT_FIRST else None
        if mechanism.startswith("SCRAM-"):
            scram = Scram(mechanism, self.relay.password)
            self.relay.salted.append(scram.salted)
            self.ask(b64(scram.final(self.ask(b64(scram.first(initial))))))
        elif mechanism == "DIGEST-MD5":
            digest = Digest(self.relay.password)
            self.ask(b64(digest.final(self.ask(b64(digest.CHALLENGE)))))
        elif mechanism == "LOGIN":
            self.ask(b64(b"Username:"))
            self.ask(b64(b"Password:"))
        elif mechanism == "CRAM-MD5":
            self.ask(b64(b"<1.2@relay.example.net>"))
        elif mechanism == "NTLM":
            self.ask(b64(NTLM))
        elif self.relay.oauth_error:
            # A failure of OAuth comes as a challenge, then as a 535.
            self.ask(b64(self.relay.oauth_error))
        return b"235 2.7.0 welcome"
