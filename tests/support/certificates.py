"""Certificates as tests need them, good and bad, made with the openssl command."""

import pathlib
import subprocess
from datetime import datetime, timedelta, timezone

CONFIG = """\
[ca]
default_ca = own
[own]
database = {folder}/index.txt
new_certs_dir = {folder}
certificate = {folder}/ca.crt
private_key = {folder}/ca.key
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = optional
"""


def _openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)


def _stamp(days):
    return (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")


class Authority:
    """A certificate authority in a folder; issue() makes pairs signed by it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "index.txt").touch()
        (self.folder / "openssl.cnf").write_text(CONFIG.format(folder=self.folder))
        self.certificate = self.folder / "ca.crt"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=test authority",
                 "-keyout", self.folder / "ca.key", "-out", self.certificate)

    def issue(self, name, subject_alternatives="IP:127.0.0.1,DNS:localhost", days=(-1, 30)):
        """(certificate, key) for these names, valid from and to so many days from now."""
        key, request, certificate = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "crt"))
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-addext",
                 f"subjectAltName={subject_alternatives}", "-keyout", key, "-out", request)
        _openssl("ca", "-batch", "-notext", "-config", self.folder / "openssl.cnf", "-startdate", _stamp(days[0]), "-enddate", _stamp(days[1]),
                 "-in", request, "-out", certificate)
        return certificate, key


def self_signed(folder, name):
    """(certificate, key) that nobody vouches for."""
    key, certificate = (pathlib.Path(folder) / f"{name}.{kind}" for kind in ("key", "crt"))
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={name}", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate)
    return certificate, key
