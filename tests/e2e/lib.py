# SPDX-License-Identifier: ISC
"""What the end-to-end tests share: a scratch directory with a CA in it, the
scripted relay, account files, and runs of sendoff with what they used.

Environment: SENDOFF, RELAY and MEASURE are the programs (default: where the
build puts them under the current directory, else beside the sources);
SENDOFF_SANITIZED=1 where memory is not to be measured.
"""

import base64
import fcntl
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
USER = "alice"
PASSWORD = "s3cret pass"
TOKEN = "ya29.t0ken-of-alice/+="
RSS_MAX_KIB = 12 * 1024
SANITIZED = os.environ.get("SENDOFF_SANITIZED") == "1"


def program(variable, *places):
    """The path of a program from the environment, or of the first there."""
    if os.environ.get(variable):
        return os.path.abspath(os.environ[variable])
    for base in (os.getcwd(), os.path.dirname(TESTS)):
        for place in places:
            path = os.path.join(base, place)
            if os.access(path, os.X_OK):
                return path
    raise SystemExit(f"{variable} is not set, and {places[0]} is not built")


SENDOFF = program("SENDOFF", "sendoff", "src/sendoff")
RELAY = program("RELAY", "relay", "tests/relay/relay")
MEASURE = program("MEASURE", "measure", "tests/e2e/measure")


def openssl(*args):
    done = subprocess.run(["openssl", *args], stdin=subprocess.DEVNULL,
                          capture_output=True)
    if done.returncode != 0:
        raise RuntimeError("openssl: " + done.stderr.decode(errors="replace"))


class Lab:
    """A scratch directory with a CA and the relay's certificate."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="sendoff-e2e-")
        self.home = self.path("home")
        os.mkdir(self.home)
        self.ca = self.path("ca.pem")
        self.cert = self.path("relay.pem")
        self.key = self.path("relay.key")
        self.serial = 0
        self.lock = threading.Lock()
        self._make_ca()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def fresh(self, name):
        """A new directory in the scratch directory."""
        with self.lock:
            self.serial += 1
            path = self.path(f"{self.serial:04d}-{name}")
        os.mkdir(path)
        return path

    def write(self, path, data, mode=0o600):
        if isinstance(data, str):
            data = data.encode()
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, mode)
        return path

    def _make_ca(self):
        ca_key = self.path("ca.key")
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
              "-nodes", "-days", "30"]
        openssl("req", "-x509", *ec, "-keyout", ca_key, "-out", self.ca,
                "-subj", "/CN=sendoff test CA",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        openssl("req", "-x509", *ec, "-CA", self.ca, "-CAkey", ca_key,
                "-keyout", self.key, "-out", self.cert, "-subj", "/CN=relay",
                "-addext", "basicConstraints=critical,CA:FALSE",
                "-addext", "keyUsage=critical,digitalSignature",
                "-addext", "extendedKeyUsage=serverAuth",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")

    def account(self, path, port, changes=(), raw=None, mode=0o600):
        """Writes an account file; changes are "KEY = V" or "-KEY"."""
        if raw is not None:
            return self.write(path, raw, mode)
        keys = {
            "server": "127.0.0.1", "port": str(port), "starttls": "yes",
            "tls_trust": self.ca, "username": USER, "password": PASSWORD,
            "from": "alice@example.org", "timeout": "5s",
            "connect_timeout": "5s", "log": "none",
            # Whatever stands in that of the machine.
            "aliases": "none",
        }
        for line in changes:
            if line.startswith("-"):
                keys.pop(line[1:].strip(), None)
                continue
            key, _, value = line.partition("=")
            keys[key.strip()] = value.strip()
        text = "".join(f"{k} = {v}\n" for k, v in keys.items())
        return self.write(path, text, mode)


def listen(address, port=0, backlog=16):
    """A socket that listens on loopback, at a free port where port is 0."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(backlog)
    return listener


class Taken:
    """One message that the relay has taken."""

    def __init__(self, record, n):
        with open(os.path.join(record, f"{n}.env"), "rb") as f:
            self.env = f.read().decode("utf-8", "surrogateescape")
        self.mail = [x for x in self.env.split("\n")
                     if x.upper().startswith("MAIL ")]
        self.rcpt = [x for x in self.env.split("\n")
                     if x.upper().startswith("RCPT ")]
        self.size = int(re.search(r"^size: (\d+)$", self.env, re.M)[1])
        self.sha256 = re.search(r"^sha256: (\w+)$", self.env, re.M)[1]
        path = os.path.join(record, f"{n}.msg")
        self.data = None
        if os.path.exists(path):
            with open(path, "rb") as f:
                self.data = f.read()

    @property
    def sender(self):
        return re.match(r"MAIL FROM:<(.*?)>( |$)", self.mail[0], re.I)[1]

    @property
    def recipients(self):
        return [re.match(r"RCPT TO:<(.*)>$", x, re.I)[1] for x in self.rcpt]

    @property
    def header(self):
        return self.data.partition(b"\r\n\r\n")[0] + b"\r\n"

    @property
    def body(self):
        return self.data.partition(b"\r\n\r\n")[2]

    def fields(self, name):
        """The values of all fields of a name, unfolded."""
        text = self.header.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
        want = name.lower().encode()
        out = []
        for line in text.split(b"\r\n"):
            key, colon, value = line.partition(b":")
            if colon and key.strip().lower() == want:
                out.append(value.strip())
        return out


class Relay:
    """The scripted relay as a process, listening when this returns."""

    def __init__(self, lab, directory, *args, tls=True, unix=None, env=None):
        self.record = os.path.join(directory, "record")
        self.transcript = os.path.join(directory, "transcript")
        os.makedirs(self.record, exist_ok=True)
        port_file = os.path.join(directory, "port")
        if os.path.exists(port_file):
            os.unlink(port_file)
        command = [RELAY, "--port-file", port_file, "--record", self.record,
                   "--transcript", self.transcript, *args]
        if tls:
            command += ["--cert", lab.cert, "--key", lab.key]
        if unix:
            command += ["--unix", unix]
        self.error_path = os.path.join(directory, "relay.stderr")
        with open(self.error_path, "wb") as err:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                env=env)
        limit = time.monotonic() + 10
        while not os.path.exists(port_file):
            if self.process.poll() is not None or time.monotonic() > limit:
                self.stop()
                raise RuntimeError("relay: " + self.errors())
            time.sleep(0.005)
        with open(port_file) as f:
            self.port = int(f.read())

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def errors(self):
        with open(self.error_path, "rb") as f:
            return f.read().decode(errors="replace").strip()

    def said(self):
        """The transcript so far."""
        with open(self.transcript, "rb") as f:
            return f.read().decode(errors="replace")

    def finish(self, seconds=3):
        """The client has ended: the play's status, None if it goes on."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGHUP)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            return None

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def taken(self):
        """All messages taken so far, in order."""
        numbers = sorted(int(x[:-4]) for x in os.listdir(self.record)
                         if x.endswith(".env"))
        return [Taken(self.record, n) for n in numbers]


class Result:
    """What a run came to."""

    def __init__(self, status, out, err, seconds, rss_kib, cpu):
        self.status = status
        self.out = out
        self.err = err
        self.seconds = seconds
        self.rss_kib = rss_kib
        self.cpu = cpu

    @property
    def stderr(self):
        return self.err.decode("utf-8", "backslashreplace")

    def json(self):
        return json.loads(self.out.decode("utf-8"))

    def __repr__(self):
        return (f"exit {self.status}, stderr {self.err[:600]!r}, "
                f"stdout {self.out[:300]!r}")


def environment(lab, **changes):
    """A small environment; None as a value drops a variable."""
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"),
           "HOME": lab.home, "LC_ALL": "C", "TMPDIR": lab.dir}
    for key in os.environ:
        if key.startswith(("ASAN_", "UBSAN_", "LSAN_", "LLVM_PROFILE",
                           "GCOV_")):
            env[key] = os.environ[key]
    for key, value in changes.items():
        if value is None:
            env.pop(key, None)
        else:
            env[key] = value
    return env


def run(lab, directory, args, stdin=b"", env=None, limit=60, preexec=None,
        cwd=None, binary=None, before=()):
    """Runs sendoff.  stdin: bytes, an open file, or None for no descriptor.
    before: words put in front of the command, as in ("env", "-i").
    """
    used = os.path.join(directory, "used")
    paths = [os.path.join(directory, x) for x in ("in", "out", "err")]
    if isinstance(stdin, bytes):
        lab.write(paths[0], stdin)
        source = open(paths[0], "rb")
    else:
        source = stdin
    if os.path.exists(used):
        os.unlink(used)
    command = [MEASURE, used, *before, binary or SENDOFF, *args]
    start = time.monotonic()
    with open(paths[1], "wb") as out, open(paths[2], "wb") as err:
        process = subprocess.Popen(
            command, stdin=source, stdout=out, stderr=err,
            env=environment(lab) if env is None else env, cwd=cwd,
            start_new_session=True, preexec_fn=preexec)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status = "killed: it hung"
    seconds = time.monotonic() - start
    if isinstance(stdin, bytes):
        source.close()
    texts = []
    for path in paths[1:]:
        with open(path, "rb") as f:
            texts.append(f.read())
    rss, cpu = 0, 0.0
    if os.path.exists(used):
        with open(used) as f:
            _, rss, cpu = f.read().split()
    return Result(status, *texts, seconds, int(rss), int(cpu) / 1000)


class Terminal:
    """A terminal that answers the first prompt for a password."""

    def __init__(self, answer):
        self.answer = answer.encode() + b"\n"
        self.shown = b""
        self.ours, self.theirs = os.openpty()
        self.thread = threading.Thread(target=self._talk, daemon=True)
        self.thread.start()

    def control(self):
        """In the child: this is its controlling terminal."""
        fcntl.ioctl(self.theirs, termios.TIOCSCTTY, 0)

    def _talk(self):
        asked = False
        while True:
            try:
                data = os.read(self.ours, 4096)
            except OSError:
                return
            self.shown += data
            if not asked and b"password " in self.shown:
                asked = True
                os.write(self.ours, self.answer)
            if not data or b"\x04\x04" in self.shown:
                return

    def close(self):
        """What it has shown, to the last byte."""
        # A mark behind everything that was printed.
        os.write(self.theirs, b"\x04\x04")
        self.thread.join(20)
        os.close(self.ours)
        os.close(self.theirs)
        return self.shown


def secrets():
    """The passwords and tokens in all the forms that must not show."""
    forms = set()
    for secret in (PASSWORD.encode(), TOKEN.encode()):
        forms |= {secret, secret.hex().encode()}
        for before in (b"", b"\0" + USER.encode() + b"\0",
                       USER.encode() + b"\0" + USER.encode() + b"\0"):
            forms.add(base64.b64encode(before + secret).rstrip(b"="))
        # Within something longer it may begin at any of three places.
        for shift in range(3):
            coded = base64.b64encode(b"x" * shift + secret)
            forms.add(coded[(shift * 8 + 5) // 6:len(coded) // 4 * 4 - 4])
    return forms


def faults_of_output(result, rss=True, cpu=2.0):
    """What is wrong with any run: control bytes, secrets, memory, time."""
    faults = []
    for name, data in (("stdout", result.out), ("stderr", result.err)):
        if re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", data):
            faults.append(f"control byte on {name}: {data[:300]!r}")
        try:
            text = data.decode("utf-8")
            if re.search("[\x80-\x9f]", text):
                faults.append(f"C1 on {name}: {data[:300]!r}")
        except UnicodeDecodeError:
            faults.append(f"no UTF-8 on {name}: {data[:300]!r}")
        for secret in secrets():
            if secret in data:
                faults.append(f"a secret is on {name}")
                break
    if rss and not SANITIZED and result.rss_kib >= RSS_MAX_KIB:
        faults.append(f"resident memory {result.rss_kib} KiB")
    if cpu is not None and not SANITIZED and result.cpu >= cpu:
        faults.append(f"{result.cpu} s of CPU time")
    return faults


def glob_matches(pattern, text):
    """'*' and '?' over the whole text, line ends included."""
    translated = "".join(".*" if c == "*" else "." if c == "?"
                         else re.escape(c) for c in pattern)
    return re.fullmatch(translated, text, re.S) is not None


class Tally:
    """ok and not ok, and the last line."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.lock = threading.Lock()

    def add(self, name, faults):
        with self.lock:
            if faults:
                self.failed += 1
                print(f"not ok {name}: " + "; ".join(faults), flush=True)
            else:
                self.passed += 1
                print(f"ok {name}", flush=True)

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def words(text):
    return shlex.split(text)
