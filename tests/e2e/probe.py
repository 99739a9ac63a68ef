# SPDX-License-Identifier: ISC
"""Looks at a process from outside: what its system calls hand to the kernel
(by strace), what its memory holds, and who else may look.
"""

import base64
import ctypes
import errno
import fcntl
import os
import re
import resource
import signal
import sys
import termios
import traceback

import cases

# The pieces in which a secret is looked for: what is left of freed memory is
# often without its first bytes.
PIECE = 12

PTRACE_ATTACH, PTRACE_DETACH = 16, 17
PR_SET_SECUREBITS, SECBIT_NOROOT_LOCKED = 28, 3
CAPABILITIES_VERSION_3 = 0x20080522
NOBODY = 65534


def coded(data):
    """Base64 of data at the three alignments: what depends on it alone."""
    for shift in range(3):
        text = base64.b64encode(b"x" * shift + data)
        yield text[(shift * 8 + 5) // 6:(len(data) + shift) * 8 // 6]


def patterns(secret):
    """What must not be found, and what it is: {bytes: words}."""
    out = {}
    last = len(secret) - PIECE
    for at in [*range(0, last, PIECE), last]:
        piece = secret[at:at + PIECE]
        out[piece] = f"bytes {at} to {at + PIECE} of the secret"
        out[piece.hex().encode()] = out[piece] + " in hexadecimal"
        out[piece.decode("latin-1").encode("utf-16-le")] = \
            out[piece] + " in UTF-16"
        out[piece.decode("latin-1").encode("utf-32-le")] = \
            out[piece] + " in UTF-32"
        for text in coded(piece):
            out[text] = out[piece] + " in base64"
    return out


def found(data, wanted):
    """Words for what of wanted is in data, "" for nothing."""
    return summary([x for pattern, x in wanted.items() if pattern in data])


def summary(findings):
    """The first finding and how many more there are."""
    more = f" ({len(findings)} pieces in all)" if len(findings) > 1 else ""
    return findings[0] + more if findings else ""


# System calls

STRACE = ("strace", "-f", "-qq", "-v", "-xx", "-yy", "-s", "1000000",
          "-e", "signal=none", "-o")
TEXT = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"')
LINE = re.compile(rb"(\d+) +(?:<\.\.\. )?(\w+)(?: resumed>|\()")
DESCRIPTOR = re.compile(rb"\((\d+<.*?>),")
INCOMING = {b"read", b"readv", b"pread64", b"preadv", b"preadv2", b"recv",
            b"recvfrom", b"recvmsg", b"recvmmsg", b"getrandom"}
WRITING = {b"write", b"writev", b"pwrite64", b"pwritev", b"pwritev2", b"send",
           b"sendto", b"sendmsg", b"sendmmsg"}
FORKING = re.compile(rb"(?:clone|clone3|fork|vfork).* = (\d+)$")


class Call:
    """One line of a trace; strings are those in its arguments, joined."""

    def __init__(self, line):
        head = LINE.match(line)
        self.pid, self.name = int(head[1]), head[2]
        self.line = line
        self.data = b"\0".join(bytes.fromhex(x.replace(b"\\x", b"").decode())
                               for x in TEXT.findall(line))
        on = DESCRIPTOR.search(line) if self.name in WRITING else None
        self.descriptor = on[1].decode() if on else None

    @property
    def incoming(self):
        return self.name in INCOMING

    def __str__(self):
        return f"{self.name.decode()}({self.data[:200]!r})"


class Trace:
    """The calls of a program, without those of the commands it started."""

    def __init__(self, path):
        with open(path, "rb") as f:
            lines = [x for x in f.read().splitlines() if LINE.match(x)]
        ours = self._ours(lines)
        self.started = []
        calls = []
        gone = set()
        for call in map(Call, lines):
            if call.pid not in ours or call.pid in gone:
                continue
            calls.append(call)
            if call.name == b"execve" and calls[0] is not call:
                self.started.append(call)
                gone.add(call.pid)
        # The first is what started the program itself.
        self.calls = calls[1:]

    @staticmethod
    def _ours(lines):
        """The process, its threads, and its children as they are forked."""
        children = {}
        other = set()
        first = int(LINE.match(lines[0])[1])
        for line in lines[1:]:
            pid = int(LINE.match(line)[1])
            forked = FORKING.search(line)
            if forked and pid not in other:
                children.setdefault(pid, set()).add(int(forked[1]))
            if LINE.match(line)[2] == b"execve":
                other.add(pid)
        ours = {first}
        more = [first]
        while more:
            new = children.get(more.pop(), set()) - ours
            ours |= new
            more += new
        return ours

    def index(self, wanted):
        """Where the first call is for which wanted says true, or None."""
        return next((i for i, c in enumerate(self.calls) if wanted(c)), None)

    def guarded(self):
        """Where prctl(PR_SET_DUMPABLE, 0) was called, or None."""
        return self.index(lambda c: c.name == b"prctl" and
                          re.search(rb"PR_SET_DUMPABLE, (0|SUID_DUMP_DISABLE)",
                                    c.line))

    def written(self):
        """All that was written, by descriptor (with what that is)."""
        out = {}
        for call in self.calls:
            if call.descriptor:
                out.setdefault(call.descriptor, []).append(call.data)
        return {name: b"".join(data) for name, data in out.items()}

    def leaks(self, wanted, but=lambda name: False):
        """What is handed to the kernel anywhere, in one call or in the sum
        of what is written to one descriptor; but: descriptors left out.
        """
        out = []
        for call in self.calls:
            if not call.incoming and not (call.descriptor and
                                          but(call.descriptor)):
                out.append((found(call.data, wanted), f"in {call}"))
        for name, data in self.written().items():
            if not but(name):
                out.append((found(data, wanted), f"on {name}"))
        return [f"{words} {where}" for words, where in out if words]


# Memory

def memory(pid):
    """The writable mappings: (name, address, bytes)."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        lines = f.read().splitlines()
    with open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in lines:
            words = line.split(None, 5)
            start, end = (int(x, 16) for x in words[0].split("-"))
            if "w" not in words[1] or "r" not in words[1]:
                continue
            mem.seek(start)
            yield (words[5] if len(words) > 5 else "no name", start,
                   mem.read(end - start))


def copies(pid, wanted):
    """What a process's memory has of what is wanted, copy by copy."""
    out = []
    for name, start, data in memory(pid):
        for pattern, words in wanted.items():
            at = data.find(pattern)
            while at >= 0:
                out.append((start + at, name, words))
                at = data.find(pattern, at + 1)
    together = []
    for at, name, words in sorted(out):
        if not together or at > together[-1][0] + 4 * PIECE:
            together.append([at, f"{words} and on at {at:#x} in {name}"])
        together[-1][0] = at
    return [words for _, words in together]


# Who else may look

def second_user():
    """True where there is a user without privileges to become."""
    if os.getuid() != 0:
        return False
    with open("/proc/self/uid_map", encoding="ascii") as f:
        ranges = [[int(x) for x in line.split()] for line in f]
    return any(first <= NOBODY < first + n for first, _, n in ranges)


def give(directory):
    """The other user's: the directory with all that is in it."""
    if not second_user():
        return
    for top, _, files in os.walk(directory):
        for path in (top, *(os.path.join(top, x) for x in files)):
            os.chown(path, NOBODY, NOBODY)


def waiting_in(pipe):
    """Bytes in a pipe that nobody has read."""
    n = fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4)
    return int.from_bytes(n, sys.byteorder)


def become_another():
    """In a child: a user without privileges, where there is a second one;
    else this one, without any.
    """
    if second_user():
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        return
    cases.LIBC.prctl(PR_SET_SECUREBITS, SECBIT_NOROOT_LOCKED, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    if cases.LIBC.capset(header, none) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def cores_allowed():
    """In a child: a core may be as large as it likes."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def dumps_core(process):
    """Has the kernel make a core of it, if it will: True if it did."""
    process.send_signal(signal.SIGABRT)
    status = os.waitpid(process.pid, 0)[1]
    process.returncode = -os.WTERMSIG(status)
    return os.WCOREDUMP(status)


def _attach(pid):
    if cases.LIBC.ptrace(PTRACE_ATTACH, pid, None, None) != 0:
        return ctypes.get_errno()
    os.waitpid(pid, 0)
    cases.LIBC.ptrace(PTRACE_DETACH, pid, None, None)
    return 0


def _open(path):
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as e:
        return e.errno
    return 0


def looks(pid):
    """What another process of become_another() may do to pid: {what: errno
    or 0}.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            become_another()
            told = [_attach(pid), *(_open(f"/proc/{pid}/{x}") for x in
                                    ("mem", "environ", "maps"))]
            os.write(writing, " ".join(map(str, told)).encode())
        except BaseException:
            os.write(writing, traceback.format_exc().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as f:
        told = f.read().decode()
    os.waitpid(child, 0)
    try:
        numbers = [int(x) for x in told.split()]
        return dict(zip(("ptrace", "mem", "environ", "maps"), numbers,
                        strict=True))
    except ValueError:
        raise RuntimeError(told) from None


def may(result):
    return [x for x, e in result.items()
            if e not in (errno.EPERM, errno.EACCES)]
