"""A sigstore instance of one's own: certificate authority, CT log, transparency log. Its bundles hold in every check against its trusted
root, and against no other. DER by hand, signatures by openssl.

    with Authority() as authority:
        authority.root                                    # trusted_root.json
        authority.answer("left", "1.0.0", tarball, repository, commit="c0ffee...", workflow=".github/workflows/a.yml")
"""

import base64
import hashlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import time

from attestations import V1, WORKFLOW, statement_of

ISSUER = "https://issuer.example"
RUNNER = "github-hosted"
START = "2024-01-01T00:00:00Z"
FULCIO = "1.3.6.1.4.1.57264.1."


def _openssl(*arguments, data=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, check=True, timeout=60).stdout


def _b64(data):
    return base64.b64encode(data).decode()


def _der(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    length = bytes([size]) if size < 128 else (lambda raw: bytes([0x80 | len(raw)]) + raw)(size.to_bytes((size.bit_length() + 7) // 8, "big"))
    return bytes([tag]) + length + body


def _seq(*parts):
    return _der(0x30, *parts)


def _oid(text):
    first, second, *rest = map(int, text.split("."))
    out = bytes([first * 40 + second])
    for number in rest:
        digits = [number & 127]
        while number := number >> 7:
            digits.insert(0, number & 127 | 128)
        out += bytes(digits)
    return _der(6, out)


def _integer(number):
    return _der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _time(at):
    return _der(0x18, time.strftime("%Y%m%d%H%M%SZ", time.gmtime(at)).encode())


def _extension(name, value, critical=False):
    return _seq(_oid(name), *([_der(1, b"\xff")] if critical else []), _der(4, value))


def _name(text):
    return _seq(_der(0x31, _seq(_oid("2.5.4.3"), _der(0x0c, text.encode()))))


ECDSA_SHA256 = _seq(_oid("1.2.840.10045.4.3.2"))


class Key:
    """A P-256 key in a folder."""

    def __init__(self, folder, name):
        self._path = folder / f"{name}.pem"
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self._path)
        self.public = _openssl("pkey", "-in", self._path, "-pubout", "-outform", "DER")
        self.id = hashlib.sha256(self.public).digest()

    def sign(self, data):
        """ECDSA over SHA-256, DER."""
        return _openssl("dgst", "-sha256", "-sign", self._path, data=data)


class Authority:
    """All parts of an instance. `start`: since when its keys are in force; `days`: how much longer its certificate is (negative: it has ended)."""

    def __init__(self, start=START, days=90):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="sigstore-"))
        self._ca, self._ct, self._log, self._build = (Key(self._folder, name) for name in ("ca", "ct", "log", "build"))
        self._certificate = self._signed(self._tbs(self._ca.public, "authority", time.time() - 90 * 86400, time.time() + days * 86400, [
            _extension("2.5.29.19", _seq(_der(1, b"\xff")), True), _extension("2.5.29.15", _der(3, b"\x02\x04"), True)]))
        self._start = start
        self.root = self._folder / "trusted_root.json"
        self.write_root()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self._folder, ignore_errors=True)

    def write_root(self, end=None):
        """Writes the trusted root anew; `end`: the log's key is in force until then."""
        def log(key, url):
            return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "logId": {"keyId": _b64(key.id)},
                    "publicKey": {"rawBytes": _b64(key.public), "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                                  "validFor": {"start": self._start, **({"end": end} if end else {})}}}
        authority = {"subject": {"organization": "t", "commonName": "authority"}, "uri": "https://ca.example",
                     "certChain": {"certificates": [{"rawBytes": _b64(self._certificate)}]}, "validFor": {"start": self._start}}
        root = {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1", "tlogs": [log(self._log, "https://log.example")],
                "certificateAuthorities": [authority], "ctlogs": [log(self._ct, "https://ct.example")]}
        aside = self.root.with_suffix(".new")
        aside.write_text(json.dumps(root), encoding="utf-8")
        aside.replace(self.root)

    def _tbs(self, public, subject, begin, end, extensions):
        return _seq(_der(0xa0, _integer(2)), _integer(0x1234), ECDSA_SHA256, _name("authority"), _seq(_time(begin), _time(end)),
                    _name(subject) if subject else _seq(), public, _der(0xa3, _seq(*extensions)))

    def _signed(self, tbs):
        return _seq(tbs, ECDSA_SHA256, _der(3, b"\0" + self._ca.sign(tbs)))

    def _leaf(self, claims, at, issuer):
        """A certificate for one build, as Fulcio issues it, with the CT log's stamp."""
        workflow = f"{claims['repository']}/{claims['workflow']}@{claims['ref']}"
        texts = {8: issuer, 11: claims["runner"], 12: claims["repository"], 13: claims["commit"], 14: claims["ref"], 18: workflow, 20: "push",
                 21: claims["run"]}
        extensions = [_extension("2.5.29.15", _der(3, b"\x07\x80"), True), _extension("2.5.29.37", _seq(_oid("1.3.6.1.5.5.7.3.3"))),
                      _extension("2.5.29.17", _seq(_der(0x86, workflow.encode())), True)]
        extensions += [_extension(FULCIO + str(number), _der(0x0c, text.encode())) for number, text in texts.items()]
        window = (self._build.public, "", at - 60, at + 540)
        bare = self._tbs(*window, extensions)
        stamp = (int(at) * 1000).to_bytes(8, "big")
        signed = b"\0\0" + stamp + b"\0\1" + self._ca.id + len(bare).to_bytes(3, "big") + bare + b"\0\0"
        signature = self._ct.sign(signed)
        sct = b"\0" + self._ct.id + stamp + b"\0\0\4\3" + len(signature).to_bytes(2, "big") + signature
        one = len(sct).to_bytes(2, "big") + sct
        stamps = _extension("1.3.6.1.4.1.11129.2.4.2", _der(4, len(one).to_bytes(2, "big") + one))
        return self._signed(self._tbs(*window, [*extensions, stamps]))

    def _entry(self, payload, signature, leaf, at):
        """The log's entry about an envelope: promise, proof of a tree of one leaf, checkpoint."""
        pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(leaf) + b"-----END CERTIFICATE-----\n"
        body = json.dumps({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
            "envelopeHash": {"algorithm": "sha256", "value": "00"}, "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
            "signatures": [{"signature": _b64(signature), "verifier": _b64(pem)}]}}, separators=(",", ":")).encode()
        index = 7
        promise = f'{{"body":"{_b64(body)}","integratedTime":{int(at)},"logID":"{self._log.id.hex()}","logIndex":{index}}}'
        root = hashlib.sha256(b"\0" + body).digest()
        note = f"log.example - 1\n1\n{_b64(root)}\n"
        envelope = note + "\n\u2014 log.example " + _b64(self._log.id[:4] + self._log.sign(note.encode())) + "\n"
        return {"logIndex": str(index), "logId": {"keyId": _b64(self._log.id)}, "kindVersion": {"kind": "dsse", "version": "0.0.1"},
                "integratedTime": str(int(at)), "inclusionPromise": {"signedEntryTimestamp": _b64(self._log.sign(promise.encode()))},
                "inclusionProof": {"logIndex": "0", "rootHash": _b64(root), "treeSize": "1", "hashes": [], "checkpoint": {"envelope": envelope}},
                "canonicalizedBody": _b64(body)}

    def answer(self, name, version, tarball, repository, *, commit, workflow=WORKFLOW, ref="refs/heads/main", issuer=ISSUER, runner=RUNNER,
               at=None, bundle="0.3", without=(), **said):
        """The registry's answer for a release that one build of the repository's commit made; `said` as statement_of() takes it changes what
        the statement says, and not the certificate. `bundle`: the version of its form; `without`: keys that the log's entry lacks."""
        at = time.time() - 600 if at is None else at
        claims = {"repository": repository, "workflow": workflow, "ref": ref, "commit": commit, "runner": runner, "run": f"{repository}/actions/runs/1"}
        payload = json.dumps(statement_of(name, version, tarball, repository, {"commit": commit, "workflow": workflow, "ref": ref, **said})).encode()
        kind = "application/vnd.in-toto+json"
        signature = self._build.sign(f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload)
        leaf = self._leaf(claims, at, issuer)
        entry = {key: value for key, value in self._entry(payload, signature, leaf, at).items() if key not in without}
        one = {"rawBytes": _b64(leaf)}
        signer = {"certificate": one} if bundle == "0.3" else {"x509CertificateChain": {"certificates": [one]}}
        media = "application/vnd.dev.sigstore.bundle.v0.3+json" if bundle == "0.3" else f"application/vnd.dev.sigstore.bundle+json;version={bundle}"
        whole = {"mediaType": media, "verificationMaterial": {**signer, "tlogEntries": [entry]},
                 "dsseEnvelope": {"payload": _b64(payload), "payloadType": kind, "signatures": [{"sig": _b64(signature), "keyid": ""}]}}
        return {"attestations": [{"predicateType": said.get("predicate", V1), "bundle": whole}]}

    def attested(self, name, version, tarball, repository, **claims):
        """`attestations` of a fixture registry's release: its answer()."""
        return {"predicate": claims.get("predicate", V1), "answer": self.answer(name, version, tarball, repository, **claims)}
