#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The table of tests/battery, with what sendoff was measured to do.

    dialogues.py --measure FILE     plays them and writes the figures
    table.py FILE                   prints the table for tests/README
    table.py --check                the table there has every row of the
                                    battery, with the statuses that the
                                    dialogues ask for
"""

import json
import os
import re
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BATTERY = os.path.join(TESTS, "battery")
README = os.path.join(TESTS, "README")
FORM = "{:<50} {:>8} {:>5} {:>4} {:>5}  {}"
HEAD = FORM.format("the relay", "exit", "s", "ms", "MiB", "peers")


def rows():
    with open(BATTERY, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                what, names, peers = (x.strip() for x in line.split("|"))
                yield what, names.split(), peers


def wanted(name):
    """The exit status in the head of a dialogue."""
    path = os.path.join(TESTS, "dialogues", name + ".dlg")
    with open(path, encoding="utf-8") as f:
        match = re.search(r"^exit: (\d+)$", f.read(), re.M)
    return match[1] if match else "0"


def statuses(names):
    """Those that differ, in order: "69 75"."""
    return " ".join(dict.fromkeys(wanted(n) for n in names))


def form(*cells):
    return FORM.format(*cells).rstrip()


def table(measured):
    yield HEAD
    for what, names, peers in rows():
        some = [measured[n] for n in names]
        got = " ".join(dict.fromkeys(str(m["exit"]) for m in some))
        if got != statuses(names):
            raise SystemExit(f"{what}: exit {got}, not {statuses(names)}")
        yield form(what, got, "%.1f" % max(m["seconds"] for m in some),
                   "%d" % (1000 * max(m["cpu"] for m in some)),
                   "%.1f" % (max(m["rss_kib"] for m in some) / 1024), peers)


def check():
    with open(README, encoding="utf-8") as f:
        lines = [x.strip() for x in f]
    faults = 0
    for what, names, peers in rows():
        start = FORM.format(what, statuses(names), "", "", "", "")[:60]
        fits = [x for x in lines if x.startswith(start)
                and x.endswith(peers)]
        if len(fits) != 1:
            print(f"tests/README: no row '{start.strip()} ... {peers}': "
                  "make the table anew with tests/e2e/table.py")
            faults += 1
    print(f"table: {len(list(rows()))} rows, {faults} not as they should be")
    return 1 if faults else 0


def main():
    if sys.argv[1:] == ["--check"]:
        return check()
    with open(sys.argv[1], encoding="utf-8") as f:
        measured = json.load(f)
    for line in table(measured):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
