#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A submission server made of aiosmtpd, on two ports of 127.0.0.1: one with
STARTTLS, one with TLS from the first byte; both want authentication.  Takes
mail as tests/servers/control says, into a maildir.
"""

import argparse
import asyncio
import os
import ssl
import tempfile

from aiosmtpd.smtp import SMTP, AuthResult

USER = b"alice"
PASSWORD = b"s3cret pass"
DOMAINS = ("example.com", "example.org")


class Inbox:
    """aiosmtpd's handler: who is served, and where mail goes."""

    def __init__(self, home):
        self.mail = os.path.join(home, "mail")

    async def handle_RCPT(self, server, session, envelope, address, options):
        if (address == "refused@example.com" or
                address.rpartition("@")[2] not in DOMAINS):
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        for recipient in envelope.rcpt_tos:
            fd, path = tempfile.mkstemp(dir=os.path.join(self.mail, "tmp"))
            with os.fdopen(fd, "wb") as f:
                f.write(f"Return-Path: <{envelope.mail_from}>\n"
                        f"Delivered-To: {recipient}\n".encode())
                f.write(envelope.original_content)
            os.chmod(path, 0o644)
            os.rename(path, os.path.join(self.mail, "new",
                                         os.path.basename(path)))
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    right = data.login == USER and data.password == PASSWORD
    return AuthResult(success=right, handled=False)


async def serve(options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(options.home, "server.pem"),
                            os.path.join(options.home, "keys", "server.key"))
    uid, gid = map(int, options.owner.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    inbox = Inbox(options.home)
    common = {"hostname": "relay.example.net", "auth_required": True,
              "authenticator": authenticate, "enable_SMTPUTF8": True}

    def starttls():
        return SMTP(inbox, tls_context=context, require_starttls=True,
                    **common)

    # It does not count TLS from the first byte as TLS.
    def tls():
        return SMTP(inbox, auth_require_tls=False, **common)

    loop = asyncio.get_running_loop()
    await loop.create_server(starttls, "127.0.0.1", options.starttls)
    await loop.create_server(tls, "127.0.0.1", options.tls, ssl=context)
    await asyncio.Event().wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--starttls", type=int, required=True)
    parser.add_argument("--tls", type=int, required=True)
    parser.add_argument("--home", required=True)
    parser.add_argument("--owner", required=True, help="UID:GID of the mail")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
