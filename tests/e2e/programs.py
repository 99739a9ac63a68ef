#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Real programs send mail by sendoff, as their sendmail, through a real
Postfix; what arrives in its mailbox is compared with what they were given.

    SENDOFF=./sendoff tests/e2e/programs.py [PART-OF-A-NAME ...]

Postfix is tests/postfix's, in $POSTFIX_DIR.  The programs are those of the
system (tests/packages programs), and those that tests/unpack put into
$PROGRAMS_DIR: bsd-mailx, cron, at.  They run in a mount namespace, where
/usr/sbin/sendmail is sendoff, /etc is a copy with an account file and with the
user alice, and spools are empty.  The settings are those that sendoff(1)
shows.  What cannot run is named in a line "skip NAME: why"; exits 77 where
nothing can.
"""

import glob
import itertools
import os
import pwd
import quopri
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import traceback

import cases
import postfix
from postfix import ROOT, SENDOFF, SITE, Site, check, poll, show

PROGRAMS = os.environ.get("PROGRAMS_DIR", ROOT + "/build/programs")
RUN_SECONDS = 60
GROUP = "mailers"
BODY = "first\n.\n..\n.two\nFrom the third\nlast\n"
TESTS = []


# What is not run, and why.
LEFT_OUT = {
    "systemd's OnFailure": "needs a systemd that runs the machine; see"
                           " systemd_unit",
    "PAM of cron and at": "their services here permit all: pam_loginuid"
                          " fails in containers",
}


def test(function):
    TESTS.append(function)
    return function


class User:
    def __init__(self, name, home):
        entry = pwd.getpwnam(name)
        self.name = name
        self.uid = entry.pw_uid
        self.gid = entry.pw_gid
        self.home = home

    def become(self):
        os.initgroups(self.name, self.gid)
        os.setgid(self.gid)
        os.setuid(self.uid)


class Place:
    """The namespace, furnished, and the mailbox at the other end."""

    def __init__(self, site, folder):
        self.site = site
        self.folder = folder
        self.count = itertools.count(1)
        os.chmod(folder, 0o711)
        self.home = self.path("home")
        self._furnish()
        self.alice = User("alice", self.home)
        os.mkdir(self.home)
        os.chown(self.home, self.alice.uid, self.alice.gid)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, path, text, mode=0o644, owner=None):
        with open(path, "w") as file:
            file.write(textwrap.dedent(text))
        os.chmod(path, mode)
        if owner:
            os.chown(path, owner.uid, owner.gid)
        return path

    # --- furniture ------------------------------------------------------

    def _furnish(self):
        etc = self.path("etc")
        subprocess.run(["cp", "-a", "/etc", etc], check=True)
        os.chmod(etc, 0o755)
        self._without_the_systems(etc)
        self._add_alice(etc)
        cases.bind(etc, "/etc")
        for spool in ("/var/spool", "/run"):
            cases.mount("tmpfs", spool, b"tmpfs", 0)
            os.chmod(spool, 0o755)
        self._put_sendoff()

    @staticmethod
    def _without_the_systems(etc):
        """Neither its jobs nor its aliases are ours."""
        for name in os.listdir(etc):
            if not re.match(r"(ana)?cron|at\.(allow|deny)|aliases", name):
                continue
            path = os.path.join(etc, name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    def _add_alice(self, etc):
        ids = {line.split(":")[2] for name in ("passwd", "group")
               for line in open(os.path.join(etc, name))}
        uid = next(n for n in range(2000, 60000) if str(n) not in ids)
        self._append(etc, "passwd", f"alice:x:{uid}:{uid}:Alice Example,,,:"
                                    f"{self.home}:/bin/sh")
        self._append(etc, "group", f"alice:x:{uid}:")
        self._append(etc, "group", f"{GROUP}:x:{uid + 1}:alice")
        self._append(etc, "shadow", "alice:*:19000::::::")
        self.group = uid + 1

    @staticmethod
    def _append(etc, name, line):
        path = os.path.join(etc, name)
        key = line.partition(":")[0] + ":"
        lines = [x for x in open(path) if not x.startswith(key)]
        with open(path, "w") as file:
            file.write("".join(lines) + line + "\n")

    def _put_sendoff(self):
        """The program where others' is, and the account where it looks."""
        program = self.path("sendoff")
        shutil.copyfile(SENDOFF, program)
        os.chmod(program, 0o755)
        for name in {os.path.realpath(x) for x in
                     ("/usr/sbin/sendmail", "/usr/lib/sendmail")}:
            if not os.path.exists(name):
                raise cases.Skip(f"there is no '{name}' to stand in for")
            cases.bind(program, name)
        said = subprocess.run([SENDOFF, "--print-config"], env={"HOME": "/"},
                              capture_output=True).stderr.decode()
        found = re.search(r"neither '(/[^']*)/sendoff\.conf'", said)
        if not found or not os.path.isdir(found[1]):
            raise cases.Skip("no place for the system's account file")
        if found[1] != "/etc":
            cases.mount("tmpfs", found[1], b"tmpfs", 0)
            os.chmod(found[1], 0o755)
        # As README advises: the group of those who may send.
        path = self.write(found[1] + "/sendoff.conf", f"""\
            server   = localhost
            port     = {self.site.ports["SUBMISSION"]}
            tls_trust = {self.site.path}/ca.pem
            username = alice
            password = s3cret pass
            domain   = example.org
            log      = none
            """, 0o640)
        os.chown(path, 0, self.group)

    # --- running --------------------------------------------------------

    def environment(self, **more):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.home,
               "USER": "alice", "LOGNAME": "alice", "LANG": "C.UTF-8",
               "TERM": "dumb"}
        libraries = glob.glob(PROGRAMS + "/libraries/usr/lib/*-linux-*")
        if libraries:
            env["LD_LIBRARY_PATH"] = ":".join(libraries)
        env.update(more)
        return env

    def run(self, *argv, stdin="", user=None, env=None, cwd=None):
        """As alice; the status must be 0."""
        user = user or self.alice
        done = subprocess.run(
            argv, input=stdin.encode(), capture_output=True,
            env=env or self.environment(), cwd=cwd or self.home,
            preexec_fn=user.become, timeout=RUN_SECONDS)
        check(done.returncode == 0, argv[0], "ended with", done.returncode,
              show(done.stdout), show(done.stderr))
        return done

    def start(self, *argv):
        """A daemon in the foreground, as root; stopped by stop()."""
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, cwd="/",
                                stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL,
                                env={"PATH": "/usr/sbin:/usr/bin:/bin"})

    def unpacked(self, package, name):
        """A program that was unpacked, or installed after all."""
        for path in (os.path.join(PROGRAMS, package, name), "/" + name):
            if os.access(path, os.X_OK):
                return path
        raise cases.Skip(f"no {package} here: tests/unpack")

    def installed(self, name):
        path = shutil.which(name)
        if not path:
            raise cases.Skip(f"no {name} here: tests/packages programs")
        return path

    # --- what arrived ---------------------------------------------------

    def arrived(self, count=1):
        """By recipient's address, when all of them are there."""
        poll(f"{count} messages", 60,
             lambda: len(set(self.site.files()) - self.site.seen) >= count)
        inbox = self.site.inbox()
        check(len(inbox) == count, len(inbox), "messages, not", count)
        return inbox


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def expect(mail, recipient, sender, body=None, **fields):
    """Compares what arrived; fields are name=value, with _ for -."""
    header, _, got = mail.message.partition(b"\n\n")
    if b"\nContent-Transfer-Encoding: quoted-printable\n" in header:
        got = quopri.decodestring(got)
    check(mail.recipient == recipient, "to", mail.recipient)
    check(mail.sender == sender, "from", mail.sender)
    if body is not None:
        check(got == body.encode(), "body", show(got), "not", show(body))
    text = re.sub(r"\n[ \t]+", " ", header.decode()) + "\n"
    wanted = {"date": ".+", "message_id": "<.+>", "from": ".+", **fields}
    for name, value in wanted.items():
        found = re.findall(rf"^{name.replace('_', '-')}: (.*)$", text,
                           re.M | re.I)
        check(len(found) == 1 and re.fullmatch(value, found[0]),
              name, found, "not", value)
    check(not re.search(r"^bcc:", text, re.M | re.I), "a Bcc field is left")


def manual(beginning):
    """The lines that sendoff(1) shows, by how they begin."""
    with open(ROOT + "/man/sendoff.1") as file:
        blocks = re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed",
                            file.read(), re.M | re.S)
    block, = [x for x in blocks if x.startswith(beginning)]
    return block.replace("\\e", "\\").replace("\\-", "-")


FROM_ALICE = r'"?Alice Example"? <alice@.+>'


# --- mail programs --------------------------------------------------------

@test
def mutt(place):
    place.installed("mutt")
    place.run("mutt", "-s", "by mutt", "-c", "carol@example.com", "-b",
              "hidden@example.com", "--", "bob@example.com", stdin=BODY)
    for mail, who in zip(place.arrived(3), ("bob", "carol", "hidden")):
        expect(mail, who + "@example.com", "alice@example.org", BODY,
               subject="by mutt", cc="carol@example.com")


@test
def mutt_with_settings(place):
    place.installed("mutt")
    rc = place.write(place.path("muttrc"), manual("set sendmail") +
                     'set from = "Alice <alice@example.com>"\n')
    place.run("mutt", "-F", rc, "-s", "by mutt", "bob@example.com",
              stdin=BODY)
    expect(*place.arrived(), "bob@example.com", "alice@example.com", BODY)


@test
def s_nail(place):
    place.installed("s-nail")
    place.write(place.home + "/.mailrc", manual("set mta"))
    place.run("s-nail", "-s", "by s-nail", "-c", "carol@example.com",
              "bob@example.com", stdin=BODY)
    for mail, who in zip(place.arrived(2), ("bob", "carol")):
        expect(mail, who + "@example.com", "alice@example.org", BODY,
               subject="by s-nail", **{"from": FROM_ALICE})


@test
def bsd_mailx(place):
    mailx = place.unpacked("bsd-mailx", "usr/bin/bsd-mailx")
    place.run(mailx, "-n", "-s", "by mailx", "-b", "hidden@example.com",
              "bob@example.com", "root", stdin=BODY)
    who = ("bob@example.com", "hidden@example.com", "root@example.org")
    for mail, recipient in zip(place.arrived(3), who):
        expect(mail, recipient, "alice@example.org", BODY,
               subject="by mailx", **{"from": FROM_ALICE})


@test
def emacs(place):
    place.installed("emacs")
    script = place.write(place.path("send.el"), manual("(setq") + r"""
        (require 'message)
        (setq user-full-name "Alice Example"
              user-mail-address "alice@example.com")
        (message-mail "bob@example.com" "by Emacs")
        (message-goto-body)
        (insert "first\n.\nlast\n")
        (message-send)
        """)
    said = place.run("emacs", "-Q", "--batch", "-l", script).stderr
    check(b"failed" not in said, show(said))
    expect(*place.arrived(), "bob@example.com", "alice@example.com",
           "first\n.\nlast\n", subject="by Emacs", **{"from": FROM_ALICE})


# --- programming ----------------------------------------------------------

def repository(place):
    place.installed("git")
    if not os.path.exists(place.run("git", "--exec-path").stdout.decode()
                          .strip() + "/git-send-email"):
        raise cases.Skip("no git-email here: tests/packages programs")
    path = place.path(f"repository-{next(place.count)}")
    os.mkdir(path)
    os.chown(path, place.alice.uid, place.alice.gid)
    for words in ("init -q", "config user.name Alice",
                  "config user.email alice@example.com"):
        place.run("git", *words.split(), cwd=path)
    place.write(path + "/file", "one\n.\ntwo\n", owner=place.alice)
    place.run("git", "add", "file", cwd=path)
    place.run("git", "commit", "-q", "-m", "by git", cwd=path)
    return path


def git_mail(place, path, sender):
    place.run("git", "send-email", "--quiet", "--confirm=never",
              "--to=bob@example.com", "--suppress-cc=all",
              "--from=Alice <alice@example.com>", "-1", cwd=path)
    mail, = place.arrived()
    expect(mail, "bob@example.com", sender, subject=r"\[PATCH\] by git")
    check(b"\n+one\n+.\n+two\n" in mail.message, "the patch is not whole")


@test
def git_send_email(place):
    git_mail(place, repository(place), "alice@example.org")


@test
def git_send_email_with_settings(place):
    path = repository(place)
    place.run("sh", "-c", manual("git config"))
    git_mail(place, path, "alice@example.com")


@test
def php_mail(place):
    place.installed("php")
    code = ("exit(mail('bob@example.com', 'by PHP', \"first\\r\\n.\\r\\n"
            "last\\n\", \"From: web@example.com\\r\\nBcc:"
            " hidden@example.com\") ? 0 : 1);")
    place.run("php", "-r", code)
    for mail, who in zip(place.arrived(2), ("bob", "hidden")):
        expect(mail, who + "@example.com", "alice@example.org",
               "first\n.\nlast\n\n", subject="by PHP",
               **{"from": "web@example.com"})


@test
def php_mail_with_settings(place):
    place.installed("php")
    code = ("exit(mail('bob@example.com', 'by PHP', 'text', 'X-Test: yes',"
            " '-fbounce@example.com') ? 0 : 1);")
    ini = place.write(place.path("php.ini"), manual("sendmail_path"))
    place.run("php", "-c", ini, "-r", code)
    expect(*place.arrived(), "bob@example.com", "bounce@example.com",
           "text\n", x_test="yes",
           **{"from": "Alice Example <bounce@example.com>"})


@test
def php_mail_told_of_a_failure(place):
    place.installed("php")
    code = "exit(mail('refused@example.com', 'x', 'y') ? 1 : 0);"
    place.run("php", "-r", code)
    check(not place.site.inbox(), "it arrived after all")


@test
def python(place):
    # Not what runs this, which may be root's own.
    if not os.access("/usr/bin/python3", os.X_OK):
        raise cases.Skip("no /usr/bin/python3 here")
    place.run("/usr/bin/python3", "-c", textwrap.dedent("""\
        import email.message, email.policy, subprocess
        m = email.message.EmailMessage()
        m["From"] = "Alice <alice@example.com>"
        m["To"] = "bob@example.com"
        m["Subject"] = "by Python"
        m.set_content("first\\n.\\nlast\\n")
        subprocess.run(["/usr/sbin/sendmail", "-t", "-oi"], check=True,
                       input=m.as_bytes(policy=email.policy.SMTP))
        """))
    expect(*place.arrived(), "bob@example.com", "alice@example.org",
           "first\n.\nlast\n", subject="by Python")


@test
def shell(place):
    place.run("sh", "-c", manual("{ printf").replace("df;", "echo full;"))
    expect(*place.arrived(), "root@example.org", "alice@example.org",
           "full\n", subject="disks", to="root@example.org",
           **{"from": FROM_ALICE})


# --- jobs -----------------------------------------------------------------

def permit(place, service):
    """A PAM service as in the package, less what asks the audit system."""
    text = "".join(f"{kind} required pam_permit.so\n"
                   for kind in ("auth", "account", "session"))
    os.makedirs("/etc/pam.d", exist_ok=True)
    place.write("/etc/pam.d/" + service, text)


@test
def cron(place):
    program = place.unpacked("cron", "usr/sbin/cron")
    permit(place, "cron")
    tables = "/var/spool/cron/crontabs"
    os.makedirs(tables, exist_ok=True)
    for name, user, table in (
            ("alice", place.alice, "MAILTO=bob@example.com,carol@example.com"
             "\n@reboot printf 'first\\n.\\nlast\\n'\n@reboot true\n"),
            ("root", None, "@reboot echo from root\n")):
        path = place.write(os.path.join(tables, name), table, 0o600, user)
        os.chmod(path, 0o600)
    daemon = place.start(program, "-f")
    try:
        mails = place.arrived(3)
    finally:
        stop(daemon)
    for mail, who in zip(mails, ("bob", "carol")):
        expect(mail, who + "@example.com", "alice@example.org",
               "first\n.\nlast\n", subject="Cron <alice@.*> printf .*",
               **{"from": r"root@example.org \(Cron Daemon\)"})
    expect(mails[2], "root@example.org", "root@example.org", "from root\n",
           to="root@example.org")


@test
def at(place):
    own = place.unpacked("at", "usr/bin/at")
    daemon_program = place.unpacked("at", "usr/sbin/atd")
    permit(place, "atd")
    daemon = User("daemon", "/")
    for name in ("atjobs", "atspool"):
        path = "/var/spool/cron/" + name
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o1770)
        os.chown(path, daemon.uid, daemon.gid)
    place.write("/etc/at.deny", "")
    place.write("/var/spool/cron/atjobs/.SEQ", "0\n", 0o600, daemon)
    program = place.path("at")
    shutil.copyfile(own, program)
    os.chown(program, daemon.uid, daemon.gid)
    os.chmod(program, 0o6755)
    if os.statvfs(program).f_flag & os.ST_NOSUID:
        raise cases.Skip("at is set-user-ID, and this place is nosuid")
    place.run(program, "now", stdin="printf 'first\\n.\\nlast\\n'\n")
    runner = place.start(daemon_program, "-f")
    try:
        mail, = place.arrived()
    finally:
        stop(runner)
    expect(mail, "alice@example.org", "alice@example.org",
           "first\n.\nlast\n", subject="Output from your job .*",
           **{"from": FROM_ALICE})


# --- the system -----------------------------------------------------------

@test
def systemd_unit(place):
    """Its command is run as it stands in the unit, and the unit is read by
    systemd's own reader.
    """
    unit = manual("[Unit]\nDescription")
    line = re.search(r"^ExecStart=(.*)$", unit, re.M)[1]
    words = [x.replace("%i", "job.service").replace("%%", "%")
             for x in shlex.split(line)]
    path = place.path("bin")
    os.mkdir(path)
    place.write(path + "/systemctl", "#!/bin/sh\necho status of \"$@\"\n",
                0o755)
    place.run(*words, env=place.environment(
        PATH=path + ":/usr/sbin:/usr/bin:/bin"))
    expect(*place.arrived(), "root@example.org", "alice@example.org",
           "status of status --full job.service\n",
           subject="job.service failed", to="root@example.org")
    reader = shutil.which("systemd-analyze")
    if not reader:
        raise cases.Skip("no systemd-analyze here to read the unit; its"
                         " command did what it should")
    path = place.write(place.path("mail-failure@.service"), unit)
    said = subprocess.run([reader, "verify", "--man=no", path],
                          capture_output=True, env={"PATH": "/usr/bin:/bin"})
    check(b"mail-failure" not in said.stderr, show(said.stderr))


@test
def update_alternatives(place):
    place.installed("update-alternatives")
    command = manual("update-alternatives --install")
    root = place.path("alternatives")
    for name in ("sbin", "bin", "lib", "admin", "links"):
        os.makedirs(os.path.join(root, name))
    # The same with the paths of a system in a folder.
    words = shlex.split(command.replace("\\\n", " "))
    words = [root + x.removeprefix("/usr") if x.startswith("/usr/")
             and not x.startswith("/usr/local/") else x for x in words]
    words = [place.path("sendoff") if x == "/usr/local/bin/sendoff" else x
             for x in words]
    words[1:1] = ["--altdir", root + "/links", "--admindir", root + "/admin",
                  "--log", root + "/log"]
    place.run(*words, user=User("root", "/root"))
    place.run(root + "/sbin/sendmail", "bob@example.com",
              stdin="Subject: by an alternative\n\nlast\n")
    expect(*place.arrived(), "bob@example.com", "alice@example.org",
           "last\n", subject="by an alternative")
    said = place.run(root + "/bin/mailq").stdout
    check(said == b"Mail queue is empty\n", show(said))
    for name in ("lib/sendmail", "bin/newaliases"):
        check(os.path.samefile(os.path.join(root, name), SENDOFF)
              or os.path.samefile(os.path.join(root, name),
                                  place.path("sendoff")), name)


# --- running them ---------------------------------------------------------

def attempt(place, function):
    place.site.mark()
    try:
        function(place)
    except cases.Skip as e:
        print(f"skip {function.__name__}: {e}", flush=True)
        return None
    except postfix.Failure as e:
        print(f"not ok {function.__name__}: {e}", flush=True)
        return False
    except Exception:
        print(f"not ok {function.__name__}: {traceback.format_exc()}",
              flush=True)
        return False
    print(f"ok {function.__name__}", flush=True)
    return True


def run_tests(wanted):
    chosen = [f for f in TESTS if not wanted
              or any(x in f.__name__ for x in wanted)]
    with tempfile.TemporaryDirectory(prefix="sendoff-programs-") as folder:
        try:
            place = Place(Site(SITE), folder)
        except cases.Skip as e:
            print(e)
            return 77
        results = [attempt(place, f) for f in chosen]
        subprocess.run(["umount", "/etc"], check=True)
    for name, why in LEFT_OUT.items():
        print(f"skip {name}: {why}")
    passed, failed = results.count(True), results.count(False)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def main():
    cases.become_root()
    if os.environ.get(cases.ENTERED) == "1":
        return run_tests(sys.argv[1:])
    # Outside of the namespace, where it finds its own users.
    started = subprocess.run([postfix.POSTFIX, "start", SITE]).returncode
    if started != 0:
        return started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        inside = {**os.environ, cases.ENTERED: "1"}
        return subprocess.run(["unshare", "--mount", sys.executable,
                               os.path.abspath(__file__), *sys.argv[1:]],
                              env=inside).returncode
    finally:
        subprocess.run([postfix.POSTFIX, "stop", SITE])


if __name__ == "__main__":
    sys.exit(main())
