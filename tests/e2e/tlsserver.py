# SPDX-License-Identifier: ISC
"""A relay in OpenSSL, for what the scripted one in GnuTLS cannot be: old
versions of TLS, certificates in no order, a look at the client's certificate
and at the name that it asks for.  It speaks as much SMTP as one message needs.

It has the methods of lib.Relay: port, said, taken, stop.
"""

import collections
import select
import socket
import ssl
import threading

Taken = collections.namedtuple("Taken", "data")

# Bytes of a line, and lines of a session, that are read at most.
LINE_MAX = 8192
LINES_MAX = 1000


class Server:
    """Serves on loopback until stop(), one client after the other."""

    def __init__(self, cert, key, *, oldest=None, newest=None,
                 client_ca=None):
        """client_ca: a file; clients must show a certificate from it."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.set_ciphers("DEFAULT@SECLEVEL=0")
        self.context.minimum_version = oldest or ssl.TLSVersion.TLSv1_2
        self.context.maximum_version = newest or ssl.TLSVersion.TLSv1_3
        self.context.load_cert_chain(cert, key)
        self.context.sni_callback = self._sni
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)
        self.lines = []
        self.messages = []
        self.names = []
        self.client_certificates = []
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def said(self):
        return "".join(line + "\n" for line in self.lines)

    def taken(self):
        return [Taken(data) for data in self.messages]

    def stop(self):
        self.over.set()
        self.thread.join(15)
        self.listener.close()

    def _sni(self, _socket, name, _context):
        self.names.append(name)

    def _serve(self):
        while not self.over.is_set():
            ready, _, _ = select.select([self.listener], [], [], 0.05)
            if not ready:
                continue
            client, _ = self.listener.accept()
            client.settimeout(10)
            try:
                why = self._converse(client)
            except (OSError, UnicodeDecodeError) as e:
                why = f"{e}"
            self.lines.append(f"END {why}")

    def _converse(self, client):
        with client:
            if not self._plain(client):
                return "closed before TLS"
            with self.context.wrap_socket(client, server_side=True) as secure:
                self.lines.append(f"TLS {secure.version()}")
                self.client_certificates.append(secure.getpeercert(True))
                return self._secure(secure)

    def _say(self, client, *lines):
        for line in lines:
            self.lines.append(f"S {line}")
        client.sendall("".join(x + "\r\n" for x in lines).encode())

    def _line(self, client, quiet=False):
        """One line in clear or not, a byte at a time; None at the end."""
        line = b""
        while not line.endswith(b"\r\n") and len(line) < LINE_MAX:
            byte = client.recv(1)
            if not byte:
                return None
            line += byte
        if not quiet:
            self.lines.append("C " + line.decode("ascii").rstrip("\r\n"))
        return line

    def _plain(self, client):
        self._say(client, "220 relay.example.net ESMTP")
        for _ in range(LINES_MAX):
            line = self._line(client)
            if line is None:
                return False
            if line.upper().startswith(b"EHLO "):
                self._say(client, "250-relay.example.net", "250 STARTTLS")
            elif line.upper() == b"STARTTLS\r\n":
                self._say(client, "220 2.0.0 go ahead")
                return True
            else:
                self._say(client, "530 5.7.0 STARTTLS first")
        return False

    def _secure(self, client):
        for _ in range(LINES_MAX):
            line = self._line(client)
            if line is None:
                return "closed"
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"EHLO":
                self._say(client, "250-relay.example.net",
                          "250 AUTH PLAIN EXTERNAL")
            elif verb == b"AUTH":
                self._login(client, line)
            elif verb in (b"MAIL", b"RCPT"):
                self._say(client, "250 2.0.0 ok")
            elif verb == b"DATA":
                self._say(client, "354 go ahead")
                self._message(client)
            elif verb == b"QUIT":
                self._say(client, "221 2.0.0 bye")
                return "quit"
            else:
                self._say(client, "500 5.5.1 command not known")
        return "too many lines"

    def _login(self, client, line):
        external = line.split()[1].upper() == b"EXTERNAL"
        if external and not client.getpeercert(True):
            self._say(client, "535 5.7.8 no certificate")
        else:
            self._say(client, "235 2.7.0 welcome")

    def _message(self, client):
        lines = []
        while True:
            line = self._line(client, quiet=True)
            if line is None:
                return
            if line == b".\r\n":
                break
            lines.append(line)
        self.messages.append(b"".join(lines))
        self._say(client, "250 2.0.0 taken")
