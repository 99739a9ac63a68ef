#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Calls sendoff as real programs call sendmail: tests/callers/CASE is what a
program did, and each is done again under the name it was done by, with its
arguments, environment, kind of standard input, closed descriptors, ignored and
blocked signals, umask, user and group.

    SENDOFF=./sendoff RELAY=tests/relay/relay tests/e2e/callers.py [CASE ...]

What the scripted relay is given is compared with CASE/expect: the envelope,
every field of the header, every byte of the body; nothing may be said, and the
exit status is 0.  The password comes from a helper that looks at its own
signals.  Runs as root in a mount namespace with its own /etc and users; exits
77 where that cannot be had.
"""

import argparse
import array
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time

import cases
import lib

CALLERS = os.path.join(lib.TESTS, "callers")
DOMAIN = "local.example"
RUN_SECONDS = 60

USERS = {"root": (0, 0), "daemon": (1, 1), "mail": (8, 8), "uucp": (10, 10),
         "www-data": (33, 33), "list": (38, 38), "logcheck": (105, 110),
         "git": (120, 120), "cyrus": (121, 121), "bacula": (122, 122),
         "arpwatch": (123, 123), "alice": (1000, 1000)}
GECOS = "Test User"

SIGNALS = {
    "Hangup": signal.SIGHUP, "Interrupt": signal.SIGINT,
    "Quit": signal.SIGQUIT, "Broken pipe": signal.SIGPIPE,
    "Child exited": signal.SIGCHLD, "Stopped": signal.SIGTSTP,
    "Stopped (tty input)": signal.SIGTTIN,
    "Stopped (tty output)": signal.SIGTTOU,
    "CPU time limit exceeded": signal.SIGXCPU,
    "File size limit exceeded": signal.SIGXFSZ,
    "User defined signal 1": signal.SIGUSR1,
    "User defined signal 2": signal.SIGUSR2,
    "Terminated": signal.SIGTERM, "Alarm clock": signal.SIGALRM,
}

REMOVED = (b"bcc", b"resent-bcc", b"return-path", b"content-length")
COMPLETED = (b"from", b"sender", b"reply-to", b"to", b"cc")


def fields_of(header):
    """The fields of a header, each with its continuation lines."""
    return re.findall(rb"[^ \t\n][^\n]*\n(?:[ \t][^\n]*\n)*", header)


def name_of(field):
    return field.partition(b":")[0].strip().lower()


def complete(field):
    """Bare names in an address field get the domain.  The corpus has them as
    "name", "name, name", "name (comment)" and "Phrase <name>".
    """
    name, _, value = field.partition(b":")
    out = re.sub(rb"<([\w.+-]+)>", rb"<\1@" + DOMAIN.encode() + b">", value)
    if b"<" not in out:
        out = re.sub(rb"(^|,)(\s*)([\w.+-]+)(?=\s*(?:,|\(|$))",
                     rb"\1\2\3@" + DOMAIN.encode(), out)
    return name + b":" + out


class Caller:
    """A case, read."""

    def __init__(self, name):
        self.name = name
        self.argv = [os.fsdecode(x)
                     for x in self.read("argv.nul").split(b"\0")[:-1]]
        self.stdin = self.read("stdin")
        self.env = {}
        for line in self.text("env").split("\n"):
            if "=" in line and not line.startswith((" ", "\t")):
                key, _, value = line.partition("=")
                self.env[key] = value
        self._read_meta(self.text("meta"))
        self._read_expect(self.text("expect"))

    def read(self, name):
        with open(os.path.join(CALLERS, self.name, name), "rb") as f:
            return f.read()

    def text(self, name):
        return os.fsdecode(self.read(name))

    def _read_meta(self, meta):
        self.ignored = self._signals("sigign", meta)
        self.blocked = self._signals("sigblock", meta)
        umask = re.search(r"\bumask=(\d+)", meta)
        self.umask = int(umask[1], 8) if umask else 0o022
        self.descriptor = dict(re.findall(r"^fd([012])=(.*)$", meta, re.M))
        self.user, (self.uid, self.gid) = self._user(meta)
        gid = re.search(r"\bgid=(\d+)", meta)
        if gid:
            self.gid = int(gid[1])

    @staticmethod
    def _signals(key, meta):
        return [SIGNALS[x] for x in re.findall(rf"^{key}=(.*)$", meta, re.M)]

    @staticmethod
    def _user(meta):
        """Who calls: a number or a name."""
        found = re.search(r"^uid=(\w[\w-]*)", meta, re.M)
        for name, ids in USERS.items():
            if found and found[1] in (name, str(ids[0])):
                return name, ids
        return "alice", USERS["alice"]

    def _read_expect(self, expect):
        def all_of(key):
            return re.findall(rf"^{key}: (.*)$", expect, re.M)

        self.server = bool(re.search(r"^mode: -bs", expect, re.M))
        self.sender = self._address(all_of("envelope-sender")[0])
        self.recipients = [self._address(x) for x in all_of("recipient")]
        self.added = [x.lower().encode() for x in all_of("add-header")]
        self.gone = [x.split()[0].lower().encode()
                     for x in all_of("remove-header")]
        self.kept = [x.lower().encode() for x in all_of("keep-header")]
        self.keeps_dots = "-i/-oi" in expect
        self.ends_at_dot = "no -i: sendmail 8 ends the message" in expect
        self.dsn = bool(re.search(r"NOTIFY=|as mutt-dsn", expect))

    def _address(self, word):
        """In the corpus' own notation."""
        word = word.split()[0]
        if word == "<>":
            return ""
        if word == "@INVOKER@":
            return f"{self.user}@{DOMAIN}"
        return re.sub(r"@LOCALDOMAIN(-or-alias)?$", "@" + DOMAIN, word)

    @property
    def dots_ignored(self):
        return any(re.fullmatch(r"-[vtG]*i[vt]*|-oi(true)?", x, re.I)
                   for x in self.argv)

    # --- what must come out ---------------------------------------------

    def commands(self):
        """The verbs of a caller that speaks SMTP."""
        head, _, rest = self._lf(self.stdin).partition(b"\nDATA\n")
        tail = re.split(rb"^\.\n", rest, maxsplit=1, flags=re.M)[1]
        return [x.split()[0].decode().upper() for x in
                head.split(b"\n") + [b"DATA"] + tail.splitlines()]

    @staticmethod
    def _lf(text):
        return text.replace(b"\r\n", b"\n")

    def lines(self):
        """The message as it is taken: header and body, with LF."""
        text = self._lf(self.stdin)
        if self.server:
            text = text.partition(b"\nDATA\n")[2]
        if text and not text.endswith(b"\n"):
            text += b"\n"
        if text.startswith(b"From "):
            text = text.partition(b"\n")[2]
        if self.server or not self.dots_ignored:
            text = re.split(rb"^\.\n", text, maxsplit=1, flags=re.M)[0]
            text = re.sub(rb"^\.\.", b".", text, flags=re.M)
        header, empty, body = text.partition(b"\n\n")
        return header + b"\n" if empty else header, body

    def wanted_fields(self):
        out = []
        for field in fields_of(self.lines()[0]):
            bare = field.rstrip(b"\n")
            if name_of(field) in REMOVED:
                continue
            if re.fullmatch(rb"From: *(<>)?", bare, re.I):
                continue        # It names nobody, and is replaced.
            if name_of(field) in COMPLETED:
                field = complete(bare) + b"\n"
            out.append(field)
        return out

    def wanted_additions(self):
        there = [name_of(x) for x in self.wanted_fields()]
        resent = any(x.startswith(b"resent-") for x in there)
        out = [b"date", b"from", b"message-id"]
        if resent:
            out = [b"resent-" + x for x in out]
        out = [x for x in out if x not in there]
        if not {b"to", b"cc", b"resent-to"} & set(there):
            out.append(b"to")
        return sorted(out)

    def full_name(self):
        for n, word in enumerate(self.argv):
            if word == "-F":
                return self.argv[n + 1]
            if word.startswith("-F"):
                return word[2:]
        return GECOS


def as_the_caller(case, directory):
    """Between fork and exec."""
    def set_up():
        # What Python itself has changed must not be taken for the caller's.
        for number in range(1, 32):
            if number not in (signal.SIGKILL, signal.SIGSTOP):
                signal.signal(number, signal.SIG_DFL)
        for number in case.ignored:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, case.blocked)
        # One that nobody but root may read.
        os.chdir(directory)
        os.umask(case.umask)
        os.setgroups([])
        os.setgid(case.gid)
        os.setuid(case.uid)
        for fd in (1, 2):
            kind = case.descriptor.get(str(fd), "")
            if kind == "CLOSED":
                os.close(fd)
            elif kind.startswith("/dev/null"):
                os.dup2(os.open("/dev/null", os.O_RDWR), fd)
    return set_up


class Bench:
    """The relay, and the program under the caller's name for it."""

    def __init__(self, lab, relay):
        self.lab = lab
        self.relay = relay
        self.count = 0
        self.closed = lab.fresh("closed")
        os.chmod(self.closed, 0o700)

    def start(self, case, stdin, **pipes):
        name = os.path.basename(case.argv[0])
        env = dict(case.env)
        if lib.SANITIZED:
            env["ASAN_OPTIONS"] = "detect_leaks=0"
        return subprocess.Popen(
            case.argv, executable=self.lab.path("names", name), env=env,
            stdin=stdin, preexec_fn=as_the_caller(case, self.closed),
            restore_signals=False, **pipes)

    def call(self, case):
        """Status, standard output, standard error."""
        kind = case.descriptor.get("0", "pipe")
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        if kind.startswith("file"):
            with tempfile.TemporaryFile(dir=self.lab.dir) as file:
                file.write(case.stdin)
                file.flush()
                file.seek(0)
                process = self.start(case, file, **pipes)
                return self._end(process)
        if kind.startswith("socket"):
            ours, theirs = socket.socketpair()
            process = self.start(case, theirs, **pipes)
            theirs.close()
            with ours:
                ours.sendall(case.stdin)
                ours.shutdown(socket.SHUT_WR)
                return self._end(process)
        process = self.start(case, subprocess.PIPE, **pipes)
        return self._end(process, case.stdin)

    @staticmethod
    def _end(process, data=None):
        try:
            out, err = process.communicate(data, RUN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return "it hung", b"", b""
        return process.returncode, out, err

    def taken(self):
        """What the relay has taken since it was last asked."""
        new = self.relay.taken()[self.count:]
        self.count += len(new)
        return new

    # --- -bs: the caller waits for each reply ---------------------------

    def talk(self, case):
        """Status, and the replies' first digits, in order."""
        process = self.start(case, subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
        guard = time.monotonic() + RUN_SECONDS
        replies = [self._reply(process)]
        in_data = False
        for line in case.stdin.splitlines(True):
            if time.monotonic() > guard:
                break
            try:
                process.stdin.write(line)
                process.stdin.flush()
            except BrokenPipeError:
                break
            if in_data and line.rstrip(b"\r\n") != b".":
                continue
            replies.append(self._reply(process))
            in_data = (not in_data and line.upper().startswith(b"DATA")
                       and replies[-1].startswith(b"3"))
        process.stdin.close()
        rest = process.stdout.read()
        process.stdout.close()
        return process.wait(RUN_SECONDS), replies, rest

    @staticmethod
    def _reply(process):
        out = b""
        while True:
            line = process.stdout.readline()
            out += line
            if line[3:4] != b"-":
                return out


# --- what is compared -----------------------------------------------------

def added_value_faults(case, field):
    name = name_of(field).removeprefix(b"resent-")
    value = field.partition(b":")[2].decode().strip()
    pattern = {
        b"date": r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4}"
                 r" \d\d:\d\d:\d\d [+-]\d{4}",
        b"message-id": r"<[\w.]+@" + re.escape(DOMAIN) + ">",
        b"to": r"undisclosed-recipients:;",
        b"from": r'"?' + re.escape(case.full_name()) + r'"? <'
                 + re.escape(case.sender or f"{case.user}@{DOMAIN}") + ">",
    }[name]
    if case.full_name() == "" and name == b"from":
        pattern = re.escape(case.sender)
    if re.fullmatch(pattern, value):
        return []
    return [f"added field {field!r} is not like {pattern}"]


def header_faults(case, got):
    faults = []
    wanted = case.wanted_fields()
    additions = []
    rest = list(wanted)
    for field in got:
        if rest and field == rest[0]:
            rest.pop(0)
        else:
            additions.append(field)
    if rest:
        faults.append(f"field {rest[0]!r} is not there, or out of its"
                      f" place: {got!r}")
    names = sorted(name_of(x) for x in additions)
    if not faults and names != case.wanted_additions():
        faults.append(f"added {additions!r}, not"
                      f" {case.wanted_additions()!r}")
    if not faults:
        for field in additions:
            faults += added_value_faults(case, field)
    # The corpus' own words on it.
    there = [name_of(x) for x in got]
    kept = [x for x in case.kept if there.count(x) != 1]
    lacking = [x for x in case.added if x not in names]
    left = [x for x in case.gone if x in there]
    if kept or lacking or left:
        faults.append(f"not kept {kept}, not added {lacking}, not removed"
                      f" {left}")
    return faults


def envelope_faults(case, mail):
    faults = []
    sender = re.match(r"MAIL FROM:<(.*?)>( |$)", mail.mail[0], re.I)[1]
    recipients = [re.match(r"RCPT TO:<(.*?)>( |$)", x, re.I)[1]
                  for x in mail.rcpt]
    if sender != case.sender:
        faults.append(f"sender {sender!r}, not {case.sender!r}")
    if sorted(recipients) != sorted(case.recipients):
        faults.append(f"recipients {recipients!r}, not {case.recipients!r}")
    if case.dsn:
        if " RET=HDRS" not in mail.mail[0].upper():
            faults.append(f"no RET=HDRS: {mail.mail[0]}")
        for line in mail.rcpt:
            if " NOTIFY=FAILURE,DELAY" not in line.upper():
                faults.append(f"no NOTIFY=FAILURE,DELAY: {line}")
    return faults


def message_faults(case, mail):
    header, body = mail.header, mail.body
    faults = []
    if re.search(rb"(?<!\r)\n|\r(?!\n)", mail.data):
        faults.append("a line ends with LF or CR alone")
    faults += header_faults(case, fields_of(header.replace(b"\r\n", b"\n")))
    wanted = case.lines()[1].replace(b"\n", b"\r\n")
    if body != wanted:
        faults.append(f"body {body!r}, not {wanted!r}")
    # The corpus' own words on it.
    if case.keeps_dots and not case.dots_ignored:
        faults.append("expect says -i, the arguments do not")
    if case.ends_at_dot and b"\n." in body:
        faults.append("the message goes on behind the lone dot")
    return faults


def submission_faults(case, bench):
    status, out, err = bench.call(case)
    mails = bench.taken()
    faults = []
    if status != 0:
        faults.append(f"status {status}: {err!r}")
    if out or (err and "-v" not in case.argv):
        faults.append(f"said {out!r}, {err!r}")
    if len(mails) != 1:
        return faults + [f"the relay has {len(mails)} messages"]
    return faults + envelope_faults(case, mails[0]) + message_faults(
        case, mails[0])


def refusal_faults(case, bench, status, text):
    """Nothing reaches the relay, and the reason is told."""
    got, out, err = bench.call(case)
    faults = []
    if got != status or text not in err or out:
        faults.append(f"status {got}, {out!r}, {err!r}; wanted {status} and"
                      f" {text!r}")
    if bench.taken():
        faults.append("it was sent")
    return faults


def server_faults(case, bench):
    """RFC 5321's codes, one reply to each command and one to the end of data;
    nothing else, as standard error is the same pipe.
    """
    status, replies, rest = bench.talk(case)
    faults = []
    codes = [x[:3].decode() for x in replies]
    wanted = ["220"]
    for verb in case.commands():
        wanted += {"DATA": ["354", "250"], "QUIT": ["221"]}.get(
            verb, ["250"])
    if status != 0 or rest:
        faults.append(f"status {status}, {rest!r} behind the end")
    if codes != wanted:
        faults.append(f"replies {replies!r}, not {wanted!r}")
    for word in (b"STARTTLS", b"AUTH"):
        if any(word in x for x in replies):
            faults.append(f"{word} is offered: {replies!r}")
    mails = bench.taken()
    if len(mails) != 1:
        return faults + [f"the relay has {len(mails)} messages"]
    return faults + envelope_faults(case, mails[0]) + message_faults(
        case, mails[0])


def case_faults(case, bench):
    if case.server:
        return server_faults(case, bench)
    if case.name == "mailbot":
        # Neither a recipient nor -t: as sendmail 8 and Postfix do.
        return refusal_faults(case, bench, 64, b"no recipient")
    return submission_faults(case, bench)


# --- a caller that is slow, and one that is killed ------------------------

def wait_until_read(process, fd):
    """Until the pipe is empty and its reader sleeps, waiting for more."""
    limit = time.monotonic() + 20
    left = array.array("i", [1])
    while time.monotonic() < limit:
        fcntl.ioctl(fd, termios.FIONREAD, left)
        with open(f"/proc/{process.pid}/stat") as f:
            state = f.read().rpartition(")")[2].split()[0]
        if left[0] == 0 and state == "S":
            return True
        time.sleep(0.01)
    return False


def cron_kills_its_mailer(bench, case):
    """cronie starts it at the job's first output and may kill it."""
    before = bench.relay.said()
    process = bench.start(case, subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    faults = []
    half = len(case.stdin) // 2
    process.stdin.write(case.stdin[:half])
    process.stdin.flush()
    if not wait_until_read(process, process.stdin.fileno()):
        faults.append("it does not read what there is")
    if process.poll() is not None:
        faults.append(f"it ended before its input: {process.returncode}")
    process.kill()
    process.communicate()
    if bench.relay.said() != before:
        faults.append("it spoke to the relay before its input ended")
    if bench.taken():
        faults.append("half a message was sent")
    return faults


# --- the place ------------------------------------------------------------

def system_folder():
    """Where this build looks for the system's account file."""
    said = subprocess.run([lib.SENDOFF, "--print-config"], env={"HOME": "/"},
                          capture_output=True).stderr.decode()
    found = re.search(r"neither '(/[^']*)/sendoff\.conf'", said)
    # It is there already: then it is named by --print-config, not there.
    return found[1] if found else None


def furnish(lab, folder):
    """Users, names and the account file, for this namespace alone."""
    os.chmod(lab.dir, 0o711)
    os.mkdir(lab.path("names"))
    for name in ("sendmail", "sendoff"):
        path = lab.path("names", name)
        with open(lib.SENDOFF, "rb") as source:
            lab.write(path, source.read(), 0o755)
    os.chmod(lab.path("names"), 0o755)
    passwd = "".join(f"{name}:x:{uid}:{gid}:{GECOS},,,:/home/{name}:/bin/sh\n"
                     for name, (uid, gid) in USERS.items())
    files = {"passwd": passwd, "nsswitch.conf": "passwd: files\n",
             "hosts": "127.0.0.1 localhost\n"}
    cases.mount("tmpfs", "/etc", b"tmpfs", 0)
    if folder != "/etc":
        cases.mount("tmpfs", folder, b"tmpfs", 0)
    for directory in {"/etc", folder}:
        os.chmod(directory, 0o755)
    for name, text in files.items():
        lab.write(os.path.join("/etc", name), text, 0o644)
    # No account of whoever has one here is to be found.
    empty = lab.fresh("empty")
    for home in {"/root", "/home/alice", os.path.expanduser("~")}:
        own = os.path.join(home, ".config")
        if os.path.isdir(own):
            cases.bind(empty, own)


# With what the shell itself can do: a caller may have no PATH.
HELPER = ("while read -r key value; do case $key:$value in"
          " Sig[BI][lg][kn]::*[1-9a-f]*) exit 1 ;; esac;"
          " done </proc/self/status; echo '%s'")


def write_account(lab, folder, port):
    os.chmod(lab.ca, 0o644)
    lab.account(os.path.join(folder, "sendoff.conf"), port,
                ("-password", "-from", f"domain = {DOMAIN}",
                 "password_command = " + HELPER % lib.PASSWORD), mode=0o644)


def run_cases(bench, names, tally):
    for name in sorted(os.listdir(CALLERS)):
        if names and name not in names:
            continue
        tally.add(name, case_faults(Caller(name), bench))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    names = parser.parse_args().names
    cases.become_root()
    cases.enter_namespaces("--mount")
    folder = system_folder()
    if folder is None or not os.path.isdir(folder):
        print("there is no place for the system's account file, or there is"
              " one: configure with --sysconfdir")
        return 77
    tally = lib.Tally()
    with lib.Lab() as lab:
        furnish(lab, folder)
        with lib.Relay(lab, lab.fresh("relay"), "--serve") as relay:
            write_account(lab, folder, relay.port)
            bench = Bench(lab, relay)
            run_cases(bench, names, tally)
            if not names:
                tally.add("cronie, killed before the end",
                          cron_kills_its_mailer(bench, Caller("cronie")))
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
