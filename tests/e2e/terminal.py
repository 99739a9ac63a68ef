#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The line on a terminal while a long message goes out: that it is there, is
right, and is gone at the end; and that it is nowhere else.

    SENDOFF=... tests/e2e/terminal.py

The relay here reads no more of a message until the test has seen what it waits
for, or, where nothing must be seen, until the time for it has passed.  Prints
a line for each test, "ok NAME" or "not ok NAME: why"; the last line counts
them.
"""

import os
import pty
import re
import select
import socket
import subprocess
import sys
import threading
import time

import lib

SIZE = 16 * 1000 * 1000
# A line is due after one second: then this is long enough to see that none is.
LONG = 1.7
SECONDS = 60
LINE = re.compile(r"sendoff: ([\d.]+) ([kM]?)B of ([\d.]+) MB,"
                  r" [\d.]+ [kM]?B/s(, \d+:\d\d(:\d\d)? left)?")


class Slow:
    """A relay that stops reading in the middle of each message until it is
    told to go on; final: its answers to the final dots.
    """

    def __init__(self, hold=None, final=(b"250 2.0.0 taken",), at_a_time=9):
        self.hold = hold
        self.final = list(final)
        self.at_a_time = at_a_time
        self.go_on = threading.Event()
        self.stopped = threading.Event()
        self.octets = 0
        self.listener = socket.socket()
        # So that a message does not fit into what lies between the two.
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.go_on.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def _run(self):
        try:
            connection, _ = self.listener.accept()
            with connection, connection.makefile("rb") as file:
                connection.settimeout(SECONDS)
                self._talk(connection, file)
        except OSError:
            pass

    def _talk(self, connection, file):
        connection.sendall(b"220 relay.example.net ESMTP\r\n")
        while line := file.readline():
            verb = line.split()[0].upper()
            if verb == b"EHLO":
                reply = b"250-relay\r\n250 LIMITS RCPTMAX=%d" % self.at_a_time
            elif verb == b"DATA":
                connection.sendall(b"354 go ahead\r\n")
                self._body(file)
                reply = self.final.pop(0)
            else:
                reply = b"221 bye" if verb == b"QUIT" else b"250 ok"
            connection.sendall(reply + b"\r\n")

    def _body(self, file):
        got = 0
        while (line := file.readline(65536)) not in (b".\r\n", b""):
            got += len(line)
            if self.hold and got > SIZE // 4 and not self.stopped.is_set():
                self.stopped.set()
                self.hold(self)
        self.octets += got


def until_told(relay):
    relay.go_on.wait(SECONDS)


def for_long(_relay):
    time.sleep(LONG)


class Screen:
    """What a terminal shows: lines, and where the next character goes."""

    def __init__(self):
        self.lines = [""]
        self.column = 0

    def write(self, text):
        for c in text:
            if c == "\r":
                self.column = 0
            elif c == "\n":
                self.lines.append("")
            else:
                line = self.lines[-1].ljust(self.column)
                self.lines[-1] = line[:self.column] + c + \
                    line[self.column + 1:]
                self.column += 1

    def shown(self):
        return [x.rstrip() for x in self.lines if x.strip()]


class Run:
    """sendoff with a terminal as its standard error."""

    def __init__(self, lab, relay, args=("bob@example.com",), seen=None,
                 size=SIZE):
        directory = lab.fresh("terminal")
        account = lab.account(
            lab.path(directory, "account"), relay.port,
            ("starttls = no", "-username", "-password", "timeout = 30s"))
        line = b"y" * 78 + b"\n"
        message = lab.write(lab.path(directory, "message"),
                            b"Subject: long\n\n" + line * (size // 80))
        master, slave = pty.openpty()
        with open(message, "rb") as stdin:
            self.process = subprocess.Popen(
                [lib.SENDOFF, "-C", account, *args], stdin=stdin,
                stdout=subprocess.PIPE, stderr=slave, close_fds=True,
                env=lib.environment(lab), start_new_session=True)
        os.close(slave)
        self.text = ""
        self.read(master, relay, seen)
        os.close(master)
        self.out = self.process.stdout.read()
        self.process.stdout.close()
        self.status = self.process.wait(SECONDS)
        self.screen = Screen()
        self.screen.write(self.text)

    def read(self, master, relay, seen):
        limit = time.monotonic() + SECONDS
        while time.monotonic() < limit:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                data = os.read(master, 65536)
            except OSError:
                return
            if not data:
                return
            self.text += data.decode()
            if seen and seen(self.text):
                relay.go_on.set()
        self.process.kill()

    def updates(self):
        return [x for x in self.text.replace("\n", "\r").split("\r")
                if " of " in x and "B/s" in x]


def several(text):
    return text.count("\r") > 4


def amounts(updates):
    """Megabytes that have gone, of each line."""
    unit = {"": 1e-6, "k": 1e-3, "M": 1}
    return [float(m[1]) * unit[m[2]] for m in
            (LINE.fullmatch(x.rstrip()) for x in updates)]


def slow(lab):
    with Slow(until_told) as relay:
        run = Run(lab, relay, seen=several)
    faults = []
    updates = run.updates()
    wrong = [x for x in updates if not LINE.fullmatch(x.rstrip())]
    if run.status != 0:
        faults.append(f"status {run.status}: {run.text!r:.300}")
    if len(updates) < 4:
        faults.append(f"{len(updates)} lines: {run.text!r:.300}")
    if wrong:
        faults.append(f"odd lines: {wrong!r:.300}")
        return faults
    gone = amounts(updates)
    if gone != sorted(gone) or not 0 < gone[0] <= SIZE / 1e6:
        faults.append(f"so much has gone: {gone}")
    if not any("left" in x for x in updates):
        faults.append("no time left")
    if max(len(x) for x in updates) > 79:
        faults.append("too long a line")
    if run.screen.shown():
        faults.append(f"still there: {run.screen.shown()!r:.300}")
    if run.screen.column != 0:
        faults.append("the cursor is not at the line's beginning")
    if relay.octets < SIZE * 0.99:
        faults.append(f"the relay has {relay.octets} octets")
    return faults


def refused(lab):
    with Slow(until_told, (b"554 5.7.1 not that one",)) as relay:
        run = Run(lab, relay, seen=several)
    want = ["sendoff: 'bob@example.com' has not got it, refused: 554 5.7.1"
            " not that one"]
    faults = []
    if run.status != 69 or not run.updates():
        faults.append(f"status {run.status}, {len(run.updates())} lines")
    if run.screen.shown() != want:
        faults.append(f"on the screen: {run.screen.shown()!r:.300}")
    return faults


def second_transaction(lab):
    with Slow(until_told, (b"250 ok", b"250 ok"), 1) as relay:
        run = Run(lab, relay, ("bob@example.com", "carol@example.com"),
                  seen=several)
    faults = []
    if run.status != 0 or len(run.updates()) < 4:
        faults.append(f"status {run.status}, {len(run.updates())} lines")
    if run.screen.shown():
        faults.append(f"still there: {run.screen.shown()!r:.300}")
    if relay.octets < 2 * SIZE * 0.99:
        faults.append(f"the relay has {relay.octets} octets")
    return faults


def json_beside(lab):
    with Slow(until_told) as relay:
        run = Run(lab, relay, ("--json", "bob@example.com"), seen=several)
    faults = []
    if run.status != 0 or not run.updates():
        faults.append(f"status {run.status}, {len(run.updates())} lines")
    if not re.fullmatch(rb'\{"status":0,[^\n]*\}\n', run.out):
        faults.append(f"on standard output: {run.out!r:.300}")
    return faults


def quick(lab):
    with Slow() as relay:
        run = Run(lab, relay, size=100000)
    if run.status != 0 or run.text:
        return [f"status {run.status}, {run.text!r:.300}"]
    return []


def with_dialogue(lab):
    with Slow(for_long) as relay:
        run = Run(lab, relay, ("-v", "bob@example.com"))
    faults = []
    if run.status != 0 or "> DATA" not in run.text:
        faults.append(f"status {run.status}: {run.text!r:.300}")
    if run.updates():
        faults.append(f"a line in the dialogue: {run.updates()!r:.300}")
    if not relay.stopped.is_set():
        faults.append("the relay was not slow")
    return faults


def no_terminal(lab):
    directory = lab.fresh("no-terminal")
    with Slow(for_long) as relay:
        account = lab.account(
            lab.path(directory, "account"), relay.port,
            ("starttls = no", "-username", "-password", "timeout = 30s"))
        result = lib.run(lab, directory, ["-C", account, "bob@example.com"],
                         b"\n" + (b"y" * 78 + b"\n") * (SIZE // 80))
    faults = lib.faults_of_output(result)
    if result.status != 0 or result.err or result.out:
        faults.append(f"{result!r}")
    if result.seconds < LONG:
        faults.append("the relay was not slow")
    return faults


def main():
    tally = lib.Tally()
    with lib.Lab() as lab:
        for function in (slow, refused, second_transaction, json_beside,
                         quick, with_dialogue, no_terminal):
            tally.add(function.__name__.replace("_", "-"), function(lab))
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
