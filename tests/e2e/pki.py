# SPDX-License-Identifier: ISC
"""Keys, certificates and revocation lists, made by openssl(1) in a scratch
directory: good ones, and those that no authority should ever issue.
"""

import datetime
import hashlib
import itertools
import os
import re
import ssl
import subprocess
import threading

KEYS = {
    "P-256": ("ec", "ec_paramgen_curve:P-256"),
    "P-384": ("ec", "ec_paramgen_curve:P-384"),
    "Ed25519": ("ed25519",),
    "RSA-2048": ("rsa", "rsa_keygen_bits:2048"),
    "RSA-1024": ("rsa", "rsa_keygen_bits:1024"),
    "RSA-768": ("rsa", "rsa_keygen_bits:768"),
}

# Security level 0: openssl makes and signs what nobody should accept.
CONFIG = """openssl_conf = start
[start]
ssl_conf = levels
[levels]
system_default = weak
[weak]
CipherString = DEFAULT@SECLEVEL=0
[req]
distinguished_name = name
string_mask = utf8only
utf8 = yes
prompt = no
[name]
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
rand_serial = yes
policy = any
unique_subject = no
copy_extensions = none
default_days = 30
[any]
commonName = optional
[extensions]
"""


def openssl(*args, cwd=None, stdin=b"", config=None):
    env = dict(os.environ)
    if config:
        env["OPENSSL_CONF"] = config
    done = subprocess.run(["openssl", *args], input=stdin, cwd=cwd, env=env,
                          capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {args}: " +
                           done.stderr.decode(errors="replace"))
    return done.stdout


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def moment(when):
    """As certificates have it: of a datetime, or of days from now."""
    if not isinstance(when, datetime.datetime):
        when = now() + datetime.timedelta(days=when)
    return when.strftime("%Y%m%d%H%M%SZ")


def hexadecimal(data):
    return hashlib.sha256(data).hexdigest()


class Certificate:
    """A certificate, its key, and what has to be sent along with it."""

    def __init__(self, path, key, issuer):
        self.pem = path
        self.key = key
        self.issuer = issuer
        with open(path, encoding="ascii") as f:
            self.text = f.read()
        der = ssl.PEM_cert_to_DER_cert(self.text)
        self.fingerprint = hexadecimal(der)

    @property
    def spki(self):
        """The SHA-256 of the public key, by openssl from the certificate."""
        pem = openssl("x509", "-in", self.pem, "-noout", "-pubkey")
        return hexadecimal(openssl("pkey", "-pubin", "-outform", "DER",
                                   stdin=pem))

    def field(self, name):
        """As openssl x509 tells it: -serial, -subject, -enddate."""
        out = openssl("x509", "-in", self.pem, "-noout", "-" + name,
                      "-nameopt", "compat")
        return out.decode().strip().partition("=")[2]

    def bundle(self, *others, name="chain.pem"):
        """A file with this certificate, and others behind it."""
        path = os.path.join(os.path.dirname(self.pem), name)
        with open(path, "w", encoding="ascii") as f:
            f.write(self.text + "".join(other.text for other in others))
        return path


class Pki:
    """A directory in which certificates are made, by many threads at once."""

    def __init__(self, directory):
        self.dir = directory
        self.count = itertools.count(1)
        self.lock = threading.Lock()
        self.keys = {}

    def fresh(self, name):
        plain = re.sub(r"[^A-Za-z0-9.-]", "_", name)
        path = os.path.join(self.dir, f"{next(self.count):04d}-{plain}")
        os.mkdir(path)
        return path

    def shared_key(self, kind):
        """A key that takes long to make, made once."""
        with self.lock:
            if kind not in self.keys:
                path = os.path.join(self.dir, kind + ".key")
                self._make_key(kind, path)
                self.keys[kind] = path
            return self.keys[kind]

    def _make_key(self, kind, path):
        algorithm, *options = KEYS[kind]
        openssl("genpkey", "-algorithm", algorithm,
                *(x for o in options for x in ("-pkeyopt", o)), "-out", path)

    def _key(self, kind, directory):
        if kind.startswith("RSA"):
            return self.shared_key(kind)
        path = os.path.join(directory, "key.pem")
        self._make_key(kind, path)
        return path

    def _issue(self, subject, issuer, kind, extensions, start, end, md):
        directory = self.fresh(subject)
        key = self._key(kind, directory)
        paths = [os.path.join(directory, x)
                 for x in ("openssl.cnf", "request.pem", "cert.pem")]
        config, request, pem = paths
        with open(config, "w", encoding="utf-8") as f:
            f.write(CONFIG + "\n".join(extensions) + "\n")
        with open(os.path.join(directory, "index.txt"), "wb"):
            pass
        openssl("req", "-new", "-key", key, "-subj", f"/CN={subject}",
                "-utf8", "-out", request, config=config)
        sign = (["-cert", issuer.pem, "-keyfile", issuer.key] if issuer else
                ["-selfsign", "-keyfile", key])
        openssl("ca", "-batch", "-notext", "-in", request, "-out", pem,
                *sign, "-md", md, "-extensions", "extensions", "-startdate",
                moment(start), "-enddate", moment(end), cwd=directory,
                config=config)
        return Certificate(pem, key, issuer)

    def authority(self, name, issuer=None, *, key="P-256", start=-2, end=365,
                  md="sha256", extra=(), basic="critical,CA:TRUE",
                  usage="critical,keyCertSign,cRLSign"):
        """A CA: a root, or with an issuer an intermediate one."""
        lines = [*extra, "subjectKeyIdentifier = hash"]
        if basic:
            lines.append(f"basicConstraints = {basic}")
        if usage:
            lines.append(f"keyUsage = {usage}")
        return self._issue(name, issuer, key, lines, start, end, md)

    def leaf(self, issuer=None, *, san, name="relay", key="P-256", start=-1,
             end=30, md="sha256", eku="serverAuth", extra=()):
        """A server's certificate; without an issuer signed by itself."""
        lines = [*extra, "basicConstraints = critical,CA:FALSE",
                 "keyUsage = critical,digitalSignature"]
        if san:
            lines.append(f"subjectAltName = {san}")
        if eku:
            lines.append(f"extendedKeyUsage = {eku}")
        return self._issue(name, issuer, key, lines, start, end, md)

    def crl(self, issuer, revoked=(), *, start=-1, end=30):
        """The PEM file of an authority's list of revoked certificates."""
        directory = self.fresh("crl")
        config = os.path.join(directory, "openssl.cnf")
        path = os.path.join(directory, "crl.pem")
        with open(config, "w", encoding="utf-8") as f:
            f.write(CONFIG)
        with open(os.path.join(directory, "index.txt"), "w",
                  encoding="utf-8") as f:
            for each in revoked:
                f.write(f"R\t{moment(30)[2:]}\t{moment(start)[2:]}\t"
                        f"{each.field('serial')}\tunknown\t"
                        f"{each.field('subject')}\n")
        openssl("ca", "-gencrl", "-cert", issuer.pem, "-keyfile", issuer.key,
                "-md", "sha256", "-crl_lastupdate", moment(start),
                "-crl_nextupdate", moment(end), "-out", path, cwd=directory,
                config=config)
        return path
