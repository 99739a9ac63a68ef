#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What SMTP cannot carry, mended: what a reader (Python's email package, and
munpack where it is there) decodes of a message is the same before and after;
signed parts stay byte for byte; what cannot be mended is refused before the
relay hears of it.  Arguments: parts of names; -j N: N at a time.
"""

import base64
import binascii
import email
import os
import quopri
import random
import re
import shutil
import subprocess
import sys
import threading

import cases
import lib
import messages

OPEN = messages.OPEN
BOB = messages.BOB
RELAYS = {"8bit": (), "7bit": ("--without", "8BITMIME")}
SEEDS = 160


class MendSuite(cases.Suite):
    """Tests whose relay is stopped when they end."""

    def test(self, function):
        def run(t):
            try:
                function(t)
            finally:
                t.stop()
        run.__name__ = function.__name__
        return super().test(run)


suite = MendSuite(messages.Case)
test = suite.test


def wire(data):
    """With CRLF, as it goes out."""
    return re.sub(rb"\r?\n", b"\r\n", data)


def sent(t, relay, message, **more):
    """What a relay of that kind has got, which must obey the rules."""
    t.serve("--open", *RELAYS[relay])
    got = t.send(message, ("-i", BOB), account=OPEN, **more)
    if got:
        obeys(t, relay, got)
    return got


def obeys(t, relay, got):
    lines = got.data.split(b"\r\n")
    t.check(max(map(len, lines)) <= 998, "a line over 998 octets")
    t.check(not re.search(rb"[\0\r\n]", b"".join(lines)), "NUL, CR or LF")
    if relay == "7bit":
        t.check(got.data.isascii(), "8-bit bytes")
    t.check(f" SIZE={got.size}" in got.mail[0], f"{got.size}: {got.mail}")
    t.check(("BODY=8BITMIME" in got.mail[0]) == (not got.data.isascii()),
            f"BODY in {got.mail}")


def refused(t, relay, message, *words):
    """Exit 65 that says why, and no MAIL."""
    t.serve("--open", *RELAYS[relay])
    result = t.refuse(65, message, ("-i", BOB), account=OPEN)
    for word in words:
        t.check(word in result.stderr, f"no '{word}' in {result.stderr}")
    t.check("C MAIL" not in t.relay.said(), "the relay heard of it")
    return result


def flat(data):
    """With LF: what a reader here sees of text."""
    return data.replace(b"\r\n", b"\n")


def tree(part):
    """Structure, types and decoded content, as Python reads them."""
    kind = part.get_content_type()
    if part.is_multipart():
        return (kind, [tree(x) for x in part.get_payload()])
    data = part.get_payload(decode=True)
    return (kind, part.get_filename(), flat(data or b""))


def exact(part):
    """The content of the parts that are base64 now, byte for byte."""
    if part.is_multipart():
        return [y for x in part.get_payload() for y in exact(x)]
    coded = part.get("Content-Transfer-Encoding", "").lower() == "base64"
    return [part.get_payload(decode=True) if coded else None]


def leaves(part):
    if part.is_multipart():
        return [y for x in part.get_payload() for y in leaves(x)]
    return [part.get_payload(decode=True)]


def same(t, what, before, after):
    """A reader decodes the same of both."""
    a, b = (email.message_from_bytes(x) for x in (before, after))
    want, have = tree(a), tree(b)
    if not before.endswith(b"\n") and want != have:
        want = tree(email.message_from_bytes(before + b"\n"))
    if want != have:
        t.check(False, f"{what}: {have!r:.300} for {want!r:.300}")
        with open(os.path.join(t.dir, what.replace(" ", "-")), "wb") as f:
            f.write(before)
    for x, y in zip(leaves(a), exact(b)):
        t.check(y is None or x == y or x + b"\n" == y,
                f"{what}: {y!r:.100} for {x!r:.100}")


# Messages made at random: the seed is all there is to them.

class Maker:
    """A message, and whether it can be mended."""

    def __init__(self, seed, plain=False):
        self.random = random.Random(seed)
        self.plain = plain      # for readers that know no NUL or bare CR
        self.serial = 0
        self.refused = False            # anywhere
        self.refused_seven = False      # without 8BITMIME
        self.signed = []
        self.eol = self.random.choice([b"\n", b"\r\n", None])
        self.message = self.build()

    def often(self, chance):
        return self.random.random() < chance

    def ends(self, text):
        """The line ends of this message, or a mixture."""
        if self.eol is not None:
            return text.replace(b"\n", self.eol)
        return b"".join(x + self.random.choice([b"\n", b"\r\n"])
                        for x in text.split(b"\n")[:-1]) + \
            text.split(b"\n")[-1]

    def line(self, dirty):
        words = ["so", "much", "-", "--", "=", "=3D", "From", ".", "a\t", ""]
        if dirty:
            words += ["gr\u00fcn", "\u20ac", "\u65e5\u672c", "\xff\xfe"]
        coding = "latin-1" if self.often(0.2) else "utf-8"
        count = self.random.choice([0, 1, 3, 12])
        if dirty and self.often(0.1):
            count = self.random.choice([300, 1200])
        text = " ".join(self.random.choice(words) for _ in range(count))
        data = text.encode(coding, "replace")
        if dirty and not self.plain and self.often(0.1):
            at = self.random.randint(0, len(data))
            odd = self.random.choice([b"\0", b"\r ", b"\r\r", b"\r."])
            data = data[:at] + odd + data[at:]
        if dirty and self.often(0.1):
            data += self.random.choice([b" ", b"\t", b"--x", b"="])
        return data

    def text(self, dirty):
        count = self.random.choice([0, 1, 2, 5])
        return self.ends(b"".join(self.line(dirty) + b"\n"
                                  for _ in range(count)))

    def leaf(self, dirty=True):
        """Header and content of a part without others in it."""
        kind = self.random.choice([
            b"text/plain; charset=utf-8", b"text/plain", b"TEXT/html",
            b"text/plain;\n\tcharset=\"iso-8859-1\"", b"image/png",
            b"application/octet-stream; name=\"a b\"", None])
        fields = [b"Content-Type: " + kind] if kind else []
        coding = self.random.choice([None, None, b"7bit", b"8bit",
                                     b"binary", b"quoted-printable",
                                     b"Base64"])
        data = self.text(dirty)
        if coding == b"quoted-printable":
            data = self.quoted(data)
        elif coding == b"Base64":
            data = self.sixty_four(data)
        if coding:
            fields.append(b"Content-Transfer-Encoding: " + coding)
        if self.often(0.2):
            fields.append(b"Content-Disposition: attachment;\n filename=" +
                          b"\"f%d\"" % self.serial)
        if self.often(0.1):
            fields.append(b"X-Long: " + b"word " * 300)
        if dirty and self.often(0.03):
            fields.append("X-Wide: gr\u00fcn".encode())
            self.refused_seven = True
        self.random.shuffle(fields)
        return self.header(fields), data

    def header(self, fields):
        return self.ends(b"".join(x + b"\n" for x in fields))

    def quoted(self, data):
        """As it should be, or with lines that are too long."""
        coded = quopri.encodestring(flat(data))
        coded = coded.replace(b"\r", b"=0D")
        if self.often(0.4):
            coded = coded.replace(b"=\n", b"")
        if self.often(0.2):
            coded = coded.replace(b"=C3=BC", b"\xc3\xbc")
        return self.ends(coded)

    def sixty_four(self, data):
        if self.often(0.4):
            return self.ends(binascii.b2a_base64(data * 20))
        coded = base64.encodebytes(data)
        if not self.plain and self.often(0.1):
            coded = coded.replace(b"\n", b"\0\n", 1)
        return self.ends(coded)

    def boundary(self, outer):
        self.serial += 1
        if outer and self.often(0.3):
            return outer + b"x"
        return self.random.choice([b"b%d", b"=_%d.?", b"a b %d",
                                   b"----=_Part(%d)"]) % self.serial

    def container(self, kind, parts, boundary):
        quoted = not boundary.isalnum() or self.often(0.5)
        value = b'"' + boundary + b'"' if quoted else boundary
        fields = [b"Content-Type: " + kind + b";" +
                  self.random.choice([b" ", b"\n\t", b""]) + b"boundary=" +
                  value]
        if self.often(0.2):
            fields.append(b"Content-Transfer-Encoding: " +
                          self.random.choice([b"8bit", b"binary"]))
        out = self.fill()
        for part in parts:
            out += b"--" + boundary + self.random.choice(
                [b"", b"", b" ", b"\t "]) + self.ends(b"\n")
            out += part + self.ends(b"\n")
        if not self.often(0.05):
            out += b"--" + boundary + b"--" + self.ends(b"\n")
            out += self.fill()
        return self.header(fields), out

    def fill(self):
        """Preamble or epilogue: mostly nothing."""
        if self.often(0.7):
            return b""
        return self.ends(b"fill\n") + self.text(self.often(0.5))

    def sign(self, outer):
        """A part that must stay as it is; now and then it cannot."""
        dirty = self.random.random()
        body = b"Content-Type: text/plain\n\nsigned =\n" + b"x" * 900 + b"\n"
        if dirty < 0.15:
            body += b"y" * 999 + b"\n"
            self.refused = True
        elif dirty < 0.4:
            body += "gr\u00fcn\n".encode()
            self.refused_seven = True
        body = self.ends(body)
        parts = [body, self.ends(b"Content-Type: application/pgp-signature"
                                 b"\n\n-----BEGIN\n")]
        kind = b"multipart/" + self.random.choice(
            [b"signed", b"Signed; protocol=x", b"encrypted"])
        fill, self.fill = self.fill, lambda: b""
        result = self.container(kind, parts, self.boundary(outer))
        self.fill = fill
        self.signed.append(result[1])
        return result

    def entity(self, depth, outer=b"", root=False):
        """Header and body of a part, of any sort."""
        choice = self.random.random()
        if depth == 0 or choice < (0.2 if root else 0.5):
            return self.leaf()
        if choice < 0.6:
            return self.sign(outer)
        if choice < 0.75 and not root:
            header, body = self.entity(depth - 1, outer)
            inner = self.header([b"Subject: inner", b"From: a@b.example"])
            return (self.header([b"Content-Type: message/rfc822"]),
                    inner + header + self.ends(b"\n") + body)
        boundary = self.boundary(outer)
        parts = []
        for _ in range(self.random.randint(1, 3)):
            header, body = self.entity(depth - 1, boundary)
            parts.append(header + self.ends(b"\n") + body)
        kind = self.random.choice([b"multipart/mixed", b"multipart/related",
                                   b"Multipart/alternative"])
        return self.container(kind, parts, boundary)

    def build(self):
        header, body = self.entity(3, root=True)
        fields = [b"Subject: made", b"From: alice@example.org",
                  b"To: bob@example.com"]
        if self.often(0.9):
            fields.append(b"MIME-Version: 1.0")
        message = self.header(fields) + header + self.ends(b"\n") + body
        if self.often(0.1):
            message = message.rstrip(b"\r\n")
        return message


def top_header_is_wide(message):
    """8-bit bytes in the message's own header are another matter."""
    return not re.split(rb"\r?\n\r?\n", message, maxsplit=1)[0].isascii()


def try_seed(t, relay, seed):
    made = Maker(seed)
    if top_header_is_wide(made.message):
        return 0
    what = f"{relay} seed {seed}"
    args = ["-C", t.path("account"), "-i", BOB]
    before = len(t.relay.taken())
    result = lib.run(t.lab, t.dir, args, made.message)
    refuse = made.refused or (relay == "7bit" and made.refused_seven)
    t.check(result.status == (65 if refuse else 0), f"{what}: {result!r}")
    for fault in lib.faults_of_output(result):
        t.check(False, f"{what}: {fault}")
    taken = t.relay.taken()[before:]
    t.check(len(taken) == (0 if refuse else 1), f"{what}: {len(taken)} taken")
    if refuse or not taken:
        return 1
    obeys(t, relay, taken[0])
    same(t, what, made.message, taken[0].data)
    for part in made.signed:
        t.check(wire(part).strip(b"\r\n") in taken[0].data,
                f"{what}: a signed part has changed")
    return 1


def random_messages(relay, first):
    def run(t):
        t.serve("--open", *RELAYS[relay])
        t.lab.account(t.path("account"), t.relay.port, OPEN)
        tried = sum(try_seed(t, relay, seed)
                    for seed in range(first, first + SEEDS))
        t.check(tried > SEEDS * 0.8, f"only {tried} tried")
    run.__name__ = f"random_{relay}_{first}"
    return run


for start in (0, SEEDS):
    for relay_kind in RELAYS:
        test(random_messages(relay_kind, start))


def munpack(t, name, message):
    """The files that munpack makes of a message: name -> content."""
    place = os.path.join(t.dir, name)
    os.mkdir(place)
    # It does not look into parts without MIME-Version.
    done = subprocess.run(["munpack", "-t", "-q", "-C", place], input=message,
                          capture_output=True)
    files = {}
    for entry in sorted(os.listdir(place)):
        with open(os.path.join(place, entry), "rb") as f:
            files[entry] = flat(f.read())
    shutil.rmtree(place)
    t.check(done.returncode == 0, f"{name}: munpack: {done.stderr!r:.200}")
    return files


@test
def another_reader(t):
    if not shutil.which("munpack"):
        raise cases.Skip("no munpack here")
    t.serve("--open", *RELAYS["7bit"])
    found = 0
    for seed in range(1000, 1060):
        lines = [b"line %d gr\xfcn" % seed, b"y" * 1500, b"-- ", b"a=b "]
        random.Random(seed).shuffle(lines)
        message = (
            b"From: a@b.example\nMIME-Version: 1.0\nContent-Type: "
            b"multipart/mixed; boundary=\"b\"\n\n--b\nContent-Type: text/"
            b"plain; charset=iso-8859-1\nContent-Disposition: attachment; "
            b"filename=\"t\"\nContent-Transfer-Encoding: 8bit\n\n" +
            b"\n".join(lines) + b"\n--b\nContent-Type: image/png; "
            b"name=\"i\"\nContent-Transfer-Encoding: 8bit\n\n" +
            b"\n".join(reversed(lines)) + b"\n--b--\n")
        got = t.send(message, ("-i", BOB), account=OPEN)
        if not got:
            return
        want = b"\n".join(lines), b"\n".join(reversed(lines))
        files = munpack(t, f"after-{seed}", flat(got.data))
        for name, data in zip(("t", "i"), want):
            t.check(files.get(name, b"").rstrip(b"\n") == data,
                    f"{seed} {name}: {files!r:.200}")
        found += len(files)
    t.equal(found, 120, "files")


# Messages made by hand

def mime(kind, body, *fields):
    return b"".join(x + b"\n" for x in (
        b"Subject: x", b"MIME-Version: 1.0", b"Content-Type: " + kind,
        *fields)) + b"\n" + body


@test
def text_without_mime(t):
    for text, charset in (("gr\u00fcn\n".encode(), b"utf-8"),
                          (b"gr\xfcn\n", b"unknown-8bit"),
                          (b"\xc3", b"unknown-8bit"),
                          (b"\xed\xa0\x80\n", b"unknown-8bit"),
                          ("\U0001f600\ue000\u0800".encode(), b"utf-8")):
        for relay, coding in (("8bit", b"8bit"),
                              ("7bit", b"quoted-printable")):
            got = sent(t, relay, b"Subject: x\n\n" + text)
            if not got:
                continue
            t.equal(got.fields("MIME-Version"), [b"1.0"], "MIME-Version")
            t.equal(got.fields("Content-Type"),
                    [b"text/plain; charset=" + charset], "Content-Type")
            t.equal(got.fields("Content-Transfer-Encoding"), [coding],
                    "encoding")
            have = email.message_from_bytes(got.data).get_payload(decode=True)
            t.equal(flat(have).rstrip(b"\n"), text.rstrip(b"\n"), "text")


@test
def untouched_where_it_fits(t):
    for message in (b"Subject: x\n\nplain\n",
                    mime(b"text/plain; charset=utf-8", b"gr\xc3\xbcn\n",
                         b"Content-Transfer-Encoding: 8bit"),
                    mime(b"text/plain", b"gr\xfcn\n")):
        got = sent(t, "8bit", message)
        if got:
            start = got.header.index(b"Subject: x")
            t.check(got.data[start:].startswith(
                wire(message.split(b"\n\n")[0])), f"{got.data}")
            t.equal(got.body, wire(message.split(b"\n\n")[1]), "body")


@test
def quoted_printable(t):
    got = sent(t, "7bit", mime(
        b"text/plain; charset=utf-8",
        b"gr\xc3\xbcn = \nend \n-- \n--x\n" + b"y" * 80 + b"\n\t\n.\n",
        b"CONTENT-transfer-encoding: 8bit", b"X-Last: 1"))
    if got:
        t.equal(got.body, wire(
            b"gr=C3=BCn =3D=20\nend=20\n-=2D=20\n-=2Dx\n" + b"y" * 75 +
            b"=\nyyyyy\n=09\n.\n"), "body")
        t.equal(got.fields("Content-Transfer-Encoding"),
                [b"quoted-printable"], "encoding")
        t.check(got.header.index(b"quoted-printable") <
                got.header.index(b"X-Last"), "the field has moved")


@test
def base64_of_the_rest(t):
    data = bytes(range(256)) * 8
    for relay in RELAYS:
        got = sent(t, relay, mime(b"application/octet-stream", data,
                                  b"Content-Transfer-Encoding: binary"))
        if got:
            t.equal(got.body, wire(base64.encodebytes(data)), relay)
    wide = "Gr\u00fcn\n\u0a0d\n".encode("utf-16") + b"x" * 1000
    got = sent(t, "8bit", mime(b"text/plain; charset=\"UTF-16\"", wide))
    if got:
        t.equal(base64.b64decode(got.body), wide, "UTF-16")


@test
def encoded_already(t):
    data = bytes(range(256)) * 20
    line = base64.b64encode(data)
    got = sent(t, "8bit", mime(b"image/png", line + b"\n",
                               b"Content-Transfer-Encoding: base64"))
    if got:
        t.equal(got.body, wire(base64.encodebytes(data)), "base64")
    got = sent(t, "8bit", mime(
        b"text/plain", b"a=3D=\nb\xff " + b"=C3=BC" * 400 + b"=\n.\n",
        b"Content-Transfer-Encoding: quoted-printable"))
    if got:
        t.equal(quopri.decodestring(got.body),
                b"a=b\xff " + b"\xc3\xbc" * 400 + b".\r\n", "quoted")


BROKEN = ((b"y" * 999 + b"\n", "line of 999 octets"), (b"a\0b\n", "NUL"),
          (b"a\rb\n", "CR"))


@test
def signed(t):
    head = (b"multipart/signed; boundary=\"s\"; protocol="
            b"\"application/pgp-signature\"")
    tail = b"\n--s\nContent-Type: application/pgp-signature\n\nx\n--s--\n"
    for body, word in BROKEN:
        refused(t, "8bit", mime(head, b"--s\n\n" + body + tail),
                "signed", word)
    wide = mime(head, b"--s\n\ngr\xfcn\n" + tail)
    refused(t, "7bit", wide, "signed", "8BITMIME")
    got = sent(t, "8bit", wide)
    if got:
        t.equal(got.body, wire(wide.split(b"\n\n", 1)[1]), "body")
    mixed = mime(b"multipart/mixed; boundary=m", b"--m\n\n" + b"y" * 2000 +
                 b"\n--m\nContent-Type: " + head + b"\n\n--s\n\na =20\n" +
                 tail + b"--m--\n")
    got = sent(t, "7bit", mixed)
    if got:
        t.check(wire(b"\n\n--s\n\na =20\n" + tail + b"--m--\n") in got.data,
                "the signed part has changed")
        same(t, "mixed", mixed, got.data)
    mixed = mixed.replace(b"a =20", b"a \xfc")
    refused(t, "7bit", mixed, "part 2", "signed")


@test
def never_touched(t):
    for kind, coding, words in (
            (b"multipart/encrypted; boundary=s", b"7bit", "encrypted"),
            (b"application/pkcs7-mime", b"binary", "pkcs7-mime"),
            (b"message/partial", b"7bit", "takes no encoding"),
            (b"multipart/mixed", b"7bit", "no boundary"),
            (b"multipart/mixed; boundary=a; boundary=b", b"7bit",
             "no boundary"),
            (b"text/plain", b"x-uuencode", "not known"),
            (b"text/plain\nContent-Type: text/html", b"7bit", "two"),
            (b"text/plain", b"8bit\nContent-Transfer-Encoding: base64",
             "not known"),
            (b"message/rfc822", b"base64", "forbids")):
        for body, word in BROKEN:
            refused(t, "8bit", mime(kind, body, b"Content-Transfer-Encoding: "
                                    + coding), words, word)


@test
def twice_the_same_encoding(t):
    got = sent(t, "7bit", mime(
        b"text/plain", b"gr\xfcn\n", b"Content-Transfer-Encoding: 8bit",
        b"Content-Transfer-Encoding: (a \\) comment) 8BIT"))
    if got:
        t.equal(got.fields("Content-Transfer-Encoding"),
                [b"quoted-printable"], "encoding")


@test
def boundaries(t):
    for value in (b"abc", b'"abc"', b'"a\\bc"', b'abc ; x=y', b'"abc "',
                  b"(c; boundary=no) abc (c)", b"\"abc\"(c)"):
        check_boundary(t, b"multipart/mixed (a (b)); boundary=" + value)
    check_boundary(t, b"multipart/mixed; boundary*0=a;\n boundary*1=bc")
    check_boundary(t, b"multipart/mixed; boundary*=us-ascii'en'a%62c")
    check_boundary(t, b"multipart/mixed; boundary*0*=us-ascii''a%62;\n"
                   b"\tboundary*1=c")
    check_boundary(t, b"(c)multipart / mixed;x=\"y;boundary=no\";BOUNDARY=abc")


def check_boundary(t, kind):
    body = (b"--abcd\n--ab\n--abc\n\ngr\xfcn\n--abcd\n--abc \t\nContent-Type:"
            b" image/png\n\n\xfc\n--abc-- \ngr\xfcn\n")
    want = (b" --abcd\n--ab\n--abc\nContent-Transfer-Encoding: "
            b"quoted-printable\n\ngr=FCn\n-=2Dabcd\n--abc \t\nContent-Type: "
            b"image/png\nContent-Transfer-Encoding: base64\n\n/A==\n--abc-- "
            b"\n gr?n\n")
    got = sent(t, "7bit", mime(kind, body))
    if got:
        t.equal(got.body, wire(want.replace(b" --abcd", b"--abcd", 1)),
                f"{kind}")


@test
def messages_in_messages(t):
    inner = b"Subject: inner\nFrom: a@b.example\n\ngr\xc3\xbcn\n"
    got = sent(t, "7bit", mime(b"message/rfc822", inner))
    if got:
        t.equal(got.body, wire(
            b"Subject: inner\nFrom: a@b.example\nMIME-Version: 1.0\n"
            b"Content-Type: text/plain; charset=utf-8\n"
            b"Content-Transfer-Encoding: quoted-printable\n\ngr=C3=BCn\n"),
            "inner")
    # With the line that a mailbox has before a message.
    got = sent(t, "7bit", mime(b"message/rfc822",
                               b"From a@b Mon Sep  1 12:00:00 2025\n" + inner))
    if got:
        t.equal(got.body, wire(
            b"From a@b Mon Sep  1 12:00:00 2025\n"
            b"Subject: inner\nFrom: a@b.example\nMIME-Version: 1.0\n"
            b"Content-Type: text/plain; charset=utf-8\n"
            b"Content-Transfer-Encoding: quoted-printable\n\ngr=C3=BCn\n"),
            "inner, of a mailbox")
    digest = mime(b"multipart/digest; boundary=d", b"--d\n\n" + inner +
                  b"--d--\n", b"Content-Transfer-Encoding: 8bit")
    got = sent(t, "7bit", digest)
    if got:
        same(t, "digest", digest, got.data)
        t.equal(got.fields("Content-Transfer-Encoding"), [b"7bit"], "label")


@test
def headers_of_parts(t):
    message = mime(b"multipart/mixed; boundary=m", b"--m\nContent-Type: "
                   b"text/plain;" + b" x=y;" * 400 + b"\n\na\n--m--\n")
    got = sent(t, "8bit", message)
    if got:
        same(t, "long", message, got.data)
    wide = b"--m\nX-A: gr\xc3\xbcn\n\na\n--m--\n"
    refused(t, "7bit", mime(b"multipart/mixed; boundary=m", wide), "part 1",
            "header")
    for odd in (b"a\0b", b"a\rb", b"y" * 2000, b"y z" * 40000):
        refused(t, "8bit", mime(b"multipart/mixed; boundary=m",
                                b"--m\nX-A: " + odd + b"\n\na\n--m--\n"),
                "part 1")
    message = mime(b"multipart/mixed; boundary=m",
                   b"--m\ngr\xfcn: no field\n--m--\n")
    got = sent(t, "7bit", message)
    if got:
        same(t, "no empty line", message, got.data)


@test
def preamble_and_epilogue(t):
    dirty = b"y" * 1500 + b"\n--m\0\n--m\xfc\na\rb\n"
    message = mime(b"multipart/mixed; boundary=m", dirty + b"--m\n\na\n"
                   b"--m--\n" + dirty)
    for relay in RELAYS:
        got = sent(t, relay, message)
        if got:
            same(t, relay, message, got.data)


@test
def deep(t):
    for depth in (10, 1000):
        body = b"a\n"
        for i in range(depth):
            body = (b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
                    % (i, i)) + body + b"--b%d--\n" % i
        body = b"Subject: x\nMIME-Version: 1.0\n" + body
        sent(t, "7bit", body)
        body = body.replace(b"\na\n", b"\n\ngr\xfcn\n")
        if depth > 100:
            refused(t, "7bit", body, "too deep")
        else:
            sent(t, "7bit", body)


def pour(count):
    """A pipe with a message of one line, MiB long; its reading end."""
    reading, writing = os.pipe()

    def write():
        try:
            os.write(writing, b"Subject: x\n\n")
            for _ in range(count * 16):
                with memoryview(b"y\xfcz " * (16 * 1024)) as data:
                    left = data
                    while left:
                        left = left[os.write(writing, left):]
        except BrokenPipeError:
            pass
        finally:
            os.close(writing)
    threading.Thread(target=write, daemon=True).start()
    return reading


@test
def memory(t):
    """lib's limit on resident memory holds for any line; time is linear."""
    used = []
    for size in (8, 64):
        t.serve("--open", *RELAYS["7bit"], "--discard")
        with os.fdopen(pour(size), "rb") as source:
            before = len(t.relay.taken())
            result = t.run(["-i", BOB], source, OPEN, cpu=None)
        t.equal(result.status, 0, "status")
        t.equal(len(t.relay.taken()), before + 1, "taken")
        used.append(result.cpu)
    t.check(lib.SANITIZED or used[1] < 8 * (used[0] + 0.1) * 3,
            f"CPU time for 8 and 64 MiB: {used}")


if __name__ == "__main__":
    sys.exit(suite.main())
