#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Plays every dialogue in tests/dialogues to sendoff and checks what comes
out.  Arguments: parts of names, to play only those; -j N: N at a time;
--measure FILE: what each took, as JSON, for table.py.
"""

import argparse
import concurrent.futures
import json
import os
import re
import sys
import traceback

import lib

DIALOGUES = os.path.join(lib.TESTS, "dialogues")
ESCAPE = re.compile(rb"\\(?:([rnt0\\])|x([0-9A-Fa-f]{2}))")
# What a run may take where the dialogue does not say: a guard, no measure.
SECONDS = "10"
SIMPLE = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}


def unescape(text):
    return ESCAPE.sub(lambda m: SIMPLE[m[1]] if m[1] else
                      bytes([int(m[2], 16)]), text.encode())


class Dialogue:
    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)[:-4]
        self.heads = []
        with open(path, encoding="utf-8") as f:
            for line in f:
                line = line.rstrip("\n")
                if not line or line.startswith("#"):
                    continue
                if not "a" <= line[0] <= "z":
                    break
                key, _, value = line.partition(":")
                self.heads.append((key, value.lstrip(" ")))

    def all(self, key):
        return [v for k, v in self.heads if k == key]

    def one(self, key, preset=None):
        return (self.all(key) or [preset])[0]

    def message(self):
        size = self.one("message-size")
        if size:
            return sized(int(size))
        lines = self.all("message") or ["Subject: hi", "", "hello"]
        return b"".join(unescape(x) + b"\n" for x in lines)


def sized(size):
    """The same as dialogue_message in tests/relay/dialogue.c."""
    letters = b"abcdefghijklmnopqrstuvwxyz0123456789"
    start = b"Subject: hi\n\n"
    out = bytearray(start)
    for i in range(len(start), size):
        column = (i - len(start)) % 73
        out.append(10 if column == 72 or i == size - 1 else
                   letters[(i + column) % len(letters)])
    return bytes(out)


def check_json(d, result):
    faults = []
    if result.out.count(b"\n") != 1 or not result.out.endswith(b"\n"):
        return [f"--json: not one line: {result.out[:300]!r}"]
    try:
        outcome = result.json()
    except ValueError as e:
        return [f"--json: {e}: {result.out[:300]!r}"]
    if outcome.get("status") != result.status:
        faults.append(f"--json has status {outcome.get('status')}")
    seen = {r["address"]: r for r in outcome.get("recipients") or []}
    for line in d.all("state"):
        address, state, *code = line.split()
        got = seen.get(address)
        if got is None:
            faults.append(f"--json does not name {address}")
        elif got["state"] != state or (code and got["code"] != int(code[0])):
            faults.append(f"{address} is {got['state']} {got['code']}, "
                          f"not {' '.join([state, *code])}")
    if (result.status == 0) != (not outcome.get("error")):
        faults.append(f"--json has error {outcome.get('error')!r}")
    return faults


def check_stderr(d, result):
    faults = []
    for pattern in d.all("stderr"):
        if not lib.glob_matches(pattern, result.stderr):
            faults.append(f"stderr is not like '{pattern}'")
    for pattern in d.all("not-stderr"):
        if lib.glob_matches(pattern, result.stderr):
            faults.append(f"stderr is like '{pattern}'")
    if result.status == 0 and result.err:
        faults.append("exit 0 with something on stderr")
    if result.status != 0 and not result.err:
        faults.append("nothing on stderr")
    return faults


def play(lab, d):
    directory = lab.fresh(d.name)
    faults = []
    with lib.Relay(lab, directory, "--play", d.path,
                   "--lifetime", "60") as relay:
        account = lab.account(os.path.join(directory, "account"), relay.port,
                              d.all("account"))
        args = lib.words(d.one("args", "bob@example.com"))
        result = lib.run(lab, directory, ["-C", account, "--json", *args],
                         d.message(), limit=30)
        status = relay.finish()
        if status != 0:
            faults.append(relay.errors().replace(d.path, "play") or
                          "the relay did not end: no connection?")
        received = len(relay.taken())
    d.measured = {"exit": result.status, "seconds": result.seconds,
                  "cpu": result.cpu, "rss_kib": result.rss_kib}
    if result.status != int(d.one("exit", "0")):
        faults.append(f"exit {result.status}, not {d.one('exit', '0')}")
    if d.one("received") and received != int(d.one("received")):
        faults.append(f"{received} messages taken, not {d.one('received')}")
    if result.seconds > float(d.one("seconds", SECONDS)):
        faults.append(f"took {result.seconds:.1f} s")
    faults += check_stderr(d, result) + check_json(d, result)
    faults += lib.faults_of_output(result)
    if faults:
        faults.append(f"[stderr: {result.stderr.strip()[:400]}]")
    return faults


def attempt(lab, d):
    try:
        return play(lab, d)
    except Exception:
        return [traceback.format_exc()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=4)
    parser.add_argument("--measure")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    dialogues = [Dialogue(os.path.join(DIALOGUES, x))
                 for x in sorted(os.listdir(DIALOGUES)) if x.endswith(".dlg")]
    dialogues = [d for d in dialogues if not options.names or
                 any(n in d.name for n in options.names)]
    tally = lib.Tally()
    with lib.Lab() as lab, \
            concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        jobs = [(d, pool.submit(attempt, lab, d)) for d in dialogues]
        for d, job in jobs:
            tally.add(d.name, job.result())
    if options.measure:
        with open(options.measure, "w", encoding="utf-8") as f:
            json.dump({d.name: d.measured for d in dialogues}, f)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
