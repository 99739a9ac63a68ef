# SPDX-License-Identifier: ISC
"""The frame of an end-to-end suite: named tests, each with a directory and
its findings; and a place of their own in the kernel's namespaces, where a
test's files can stand in for the system's.
"""

import argparse
import concurrent.futures
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
import traceback

import lib

LIBC = ctypes.CDLL(None, use_errno=True)
MS_BIND, MS_MOVE, MS_REC = 0x1000, 0x2000, 0x4000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
ENTERED = "SENDOFF_TEST_NAMESPACE"


class Skip(Exception):
    """This machine lacks what a test needs; the reason is its text."""


class Case:
    """One test's directory and findings."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.dir = lab.fresh(name)
        self.faults = []

    def path(self, name):
        return os.path.join(self.dir, name)

    def check(self, truth, what):
        if not truth:
            self.faults.append(what if len(what) < 900 else
                               what[:900] + " ...")

    def equal(self, got, want, what):
        self.check(got == want, f"{what}: got {got!r}, not {want!r}")


class Suite:
    """Tests in the order in which they stand."""

    def __init__(self, case=Case):
        self.case = case
        self.tests = []

    def test(self, function):
        self.tests.append(function)
        return function

    def attempt(self, lab, function):
        """A test's faults; a Skip is handed on as it is."""
        case = self.case(lab, function.__name__)
        try:
            function(case)
        except Skip as e:
            if not case.faults:
                return e
        except Exception:
            case.faults.append(traceback.format_exc())
        return case.faults

    def main(self, jobs=4, prepare=lambda lab: None):
        parser = argparse.ArgumentParser()
        parser.add_argument("-j", type=int, default=jobs)
        parser.add_argument("names", nargs="*")
        options = parser.parse_args()
        chosen = [f for f in self.tests if not options.names or
                  any(n in f.__name__ for n in options.names)]
        tally = lib.Tally()
        with lib.Lab() as lab, \
                concurrent.futures.ThreadPoolExecutor(options.j) as pool:
            prepare(lab)
            jobs = [(f, pool.submit(self.attempt, lab, f)) for f in chosen]
            for function, job in jobs:
                if isinstance(job.result(), Skip):
                    print(f"skip {function.__name__}: {job.result()}",
                          flush=True)
                else:
                    tally.add(function.__name__, job.result())
        return tally.end()


def become_root():
    """Starts this program anew as root, by sudo where that asks nothing; exits
    77 where it does.
    """
    if os.getuid() == 0:
        return
    try:
        refused = subprocess.run(["sudo", "-n", "true"],
                                 capture_output=True).returncode
    except FileNotFoundError:
        refused = 1
    if refused:
        print("root is needed, to be the users who call", flush=True)
        raise SystemExit(77)
    ours = [f"{key}={value}" for key, value in os.environ.items()
            if key.startswith("SENDOFF") or key in (
                "PATH", "RELAY", "MEASURE", "POSTFIX_DIR", "PROGRAMS_DIR")]
    os.execvp("sudo", ["sudo", "-n", "env", *ours, sys.executable,
                       os.path.abspath(sys.argv[0]), *sys.argv[1:]])


def enter_namespaces(*kinds):
    """Starts this program anew in namespaces of its own ("--mount", "--net"),
    as root there.  Exits 77 where the system does not allow it.
    """
    if os.environ.get(ENTERED) == "1":
        return
    command = ["unshare", *([] if os.getuid() == 0 else ["--map-root-user"]),
               *kinds]
    try:
        why = subprocess.run([*command, "true"], capture_output=True)
    except FileNotFoundError as e:
        raise SystemExit(skipped(e)) from None
    if why.returncode != 0:
        raise SystemExit(skipped(why.stderr.decode(errors="replace").strip()))
    os.environ[ENTERED] = "1"
    os.execvp(command[0], [*command, sys.executable,
                           os.path.abspath(sys.argv[0]), *sys.argv[1:]])


def skipped(why):
    print(f"no namespaces for the tests: {why}", flush=True)
    return 77


def mount(source, target, kind, flags, data=None):
    if LIBC.mount(os.fsencode(source), os.fsencode(target), kind, flags,
                  data) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), f"{source} at {target}")


def bind(source, target):
    """Lets source be seen at target, in this namespace."""
    mount(source, target, None, MS_BIND | MS_REC)


def replace_dev():
    """Puts another /dev in this one's place, with terminals of its own, the
    same other entries, and no "log", which is then to be had.  It is filled
    where nothing is ever removed with what is in it.
    """
    new = tempfile.mkdtemp(prefix="sendoff-dev-")
    mount("tmpfs", new, b"tmpfs", 0)
    os.chmod(new, 0o755)
    for entry in os.scandir("/dev"):
        place = os.path.join(new, entry.name)
        if entry.name in ("log", "pts", "ptmx"):
            continue
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), place)
            continue
        if entry.is_dir():
            os.mkdir(place)
        else:
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
        bind(entry.path, place)
    os.mkdir(os.path.join(new, "pts"))
    mount("devpts", os.path.join(new, "pts"), b"devpts", 0,
          b"newinstance,ptmxmode=0666,mode=0620")
    os.symlink("pts/ptmx", os.path.join(new, "ptmx"))
    mount(new, "/dev", None, MS_MOVE)
    os.rmdir(new)


def loopback_up():
    """A network namespace begins with its loopback interface down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = fcntl.ioctl(s, SIOCGIFFLAGS,
                              struct.pack("16sH22x", b"lo", 0))
        _, flags = struct.unpack("16sH22x", request)
        fcntl.ioctl(s, SIOCSIFFLAGS,
                    struct.pack("16sH22x", b"lo", flags | IFF_UP))
