"""First inputs for the fuzz targets, from the crafted packages and the fixtures of the other tests.

    python3 seeds.py TARGET FOLDER      writes the target's seeds below FOLDER

What a long run learnt from them, minimised, is the corpus that is committed.
"""

import base64
import gzip
import hashlib
import json
import pathlib
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

# pylint: disable=wrong-import-position
import attestations
import crafted
import crafted_metadata
import incidents
import tarballs
from fixture_registry import FixtureRegistry

# Seeds larger than this are slow and say nothing that a small one does not.
MOST = 12_000


def _archive():
    """Form byte, then gzip as it is (0) or the tar blocks that the target frames and mends (2)."""
    for case in crafted.cases():
        yield b"\0" + case.data
        try:
            yield b"\2" + gzip.decompress(case.data)
        except (OSError, EOFError, zlib.error):
            pass  # a case about gzip itself


def _package_json():
    for case in crafted.cases():
        if case.name.startswith("js-"):
            tar = gzip.decompress(case.data)
            size = int(tar[124:135], 8)
            yield tar[512 : 512 + size]
    for package in crafted_metadata.packages("http://other.example/"):
        yield json.dumps(_registry().manifest(package, package.releases[0])).encode()


def _registry():
    """Never started: only its documents are of use."""
    return FixtureRegistry()


def _packument():
    """A byte that chooses which versions stay, then the document under the target's name."""
    registry = _registry()
    for incident in incidents.ALL:
        for package in incident.packages():
            package.name = "fuzz"
            package.releases = package.releases[-4:]
            for mask in (0, 2, 5):
                yield bytes([mask]) + json.dumps(registry.packument(package)).encode()
                yield bytes([mask]) + json.dumps(registry.packument(package, abbreviated=True)).encode()
    yield b"\1" + b'{"name":"fuzz","versions":{"1.0.0":{"name":"fuzz","version":"1.0.0","dist":{}},"1.0.1":{"scripts":{},"scripts":{}}},' \
                  b'"dist-tags":{"latest":"1.0.1"},"time":{"1.0.0":"2020-01-01T00:00:00.000Z"}}'


def _provenance():
    """Odd first byte: the registry's answer; even: a statement, which the target puts into its envelope."""
    for said in ({}, {"predicate": attestations.V02}):
        answer = attestations.answer("@s/n", "1.0.0", b"", "https://git.example/s/n", {**said, "sha512": "00ff"})
        yield b"\1" + json.dumps(answer).encode()
        yield b"\0" + base64.b64decode(answer["attestations"][1]["bundle"]["dsseEnvelope"]["payload"])


def _signed(pattern):
    return sorted((ROOT / "tests" / "fixtures" / "sigstore").glob(pattern))


def _bundle():
    """First byte, by three: a bundle, a time stamp, a registry's answer."""
    for path in _signed("conformance/*.json"):
        yield b"\0" + path.read_bytes()
        try:
            material = json.loads(path.read_text(encoding="utf-8"))["verificationMaterial"]
        except json.JSONDecodeError:
            continue
        for stamp in material.get("timestampVerificationData", {}).get("rfc3161Timestamps", []):
            yield b"\1" + base64.b64decode(stamp["signedTimestamp"] + "==")
    for path in _signed("npm/valid-*.json"):
        yield b"\2" + path.read_bytes()


def _checkpoint():
    for path in _signed("conformance/*.json"):
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))["verificationMaterial"]["tlogEntries"]
        except json.JSONDecodeError:
            continue
        for entry in entries:
            yield entry.get("inclusionProof", {}).get("checkpoint", {}).get("envelope", "").encode()


def _target():
    for text in ("/a", "/@s%2fn", "/@s/n", "/a/1.0.0", "/@s%2Fn/latest", "/a/-/a-1.0.0.tgz", "/@s/n/-/@s/n-1.0.0-rc.1+b.tgz",
                 "/@s%2fn/-/n-1.0.0.tgz", "/-/package/@s%2fn/dist-tags/next", "/a?write=true", "/-/ping", "/-/v1/search?text=x&size=1",
                 "/-/npm/v1/attestations/@s%2fn@1.0.0", "/-/npm-gate/releases/@s/n/1.0.0", "/-/user/token/x", "/%2e%2e/x", "//a", "/a%00",
                 "/npm/team-a/@s%2fn/1.0.0", "/a/-rev/1-x", "/a/-/a-1.0.0.tgz/-rev/1-x"):
        for choice in (0, 2, 8):
            yield bytes([choice]) + text.encode()


def _policy():
    yield (ROOT / "policy" / "default_policy.yaml").read_bytes()[:MOST]
    yield b"""version: 1
mode: enforce
include: [more.yaml]
lists:
  popular: { builtin: popular }
  ours: { file: list.txt }
  few: [left, "@acme/*"]
rules:
  - id: a
    when: { all: [{ finding: install-script-added }, { any: [{ younger_than: 14d }, { not: { package: ["@acme/*"] } }] }] }
    then: quarantine
    message: "m"
  - id: b
    when: { version: ">=1.0.0 <2", package: { in: ours }, has_install_script: true }
    then: block
waivers:
  - package: left@1.0.0
    rules: [a]
    reason: reviewed
    expires: 2027-03-01
"""
    yield from (path.read_bytes() for path in sorted((ROOT / "examples").rglob("*.yaml")))


def _semver():
    for text in ("^1.2.3\n1.2.3\n1.10.0\n2.0.0-rc.1\n2.0.0", ">=1.0.0 <2.0.0-0 || ~0.3\n0.3.9\nv1.0.0\n=1.0.0-a.1.b\n1.0.0-a.1",
                 "1.x - 3.2\n1.0.0+build\n3.2.9\n3.3.0\n0.0.0-0", "*\n1.0.0beta\n 01.2.3\n9007199254740991.0.0\n1.0.0--", "latest\n\n"):
        yield text.encode()


def _git():
    def line(text):
        return f"{len(text) + 4:04x}{text}".encode()

    one, two = "1" * 40, "2" * 64
    yield line("# service=git-upload-pack\n") + b"0000" + line("version 2\n") + line("ls-refs\n") + b"0000"
    yield line("# service=git-upload-pack\n") + b"0000" + line(f"{one} HEAD\0multi_ack\n") + line(f"{one} refs/tags/v1\n") + line(
        f"{one} refs/tags/v1^{{}}\n") + b"0000"
    yield line(f"{one} refs/tags/v1 peeled:{one}\n") + line(f"{two} refs/tags/v2\n") + b"0000"
    yield line("ERR no such repository\n")


def _pack():
    def entry(kind, body, before=b""):
        return bytes([kind]) + len(body).to_bytes(2, "little") + before + body

    def packet(data):
        return b"%04x" % (len(data) + 4) + data

    base = b"the quick brown fox jumps over the lazy dog"
    delta = bytes([len(base), 15, 0x91, 4, 12, 3]) + b"cat"
    name = hashlib.sha1(b"blob %d\0" % len(base) + base).digest()
    yield entry(3, base) + entry(6, delta, bytes([len(base) + 13]))
    yield entry(7, delta, name) + entry(3, base)
    tree = b"100644 a\0" + name + b"160000 m\0" + name
    tree_id = hashlib.sha1(b"tree %d\0" % len(tree) + tree).hexdigest()
    commit = f"tree {tree_id}\nauthor a <a@git.example> 1 +0000\ncommitter a <a@git.example> 1 +0000\n\nx\n".encode()
    yield entry(2, tree) + entry(1, commit)
    yield packet(b"shallow-info\n") + b"0001" + packet(b"packfile\n") + packet(b"\1PACK\0\0\0\2\0\0\0\0" + b"c" * 20) + b"0000"
    yield packet(b"ERR upload-pack: not our ref " + b"1" * 40)


def _evidence():
    """Even first byte: stored JSON; odd: a manifest, a zero byte, a tarball to inspect."""
    for case in crafted.cases():
        if case.expect == "accept" or case.name.startswith("js-"):
            yield b'\1{"name":"x","version":"1.0.0","dist":{"shasum":"00"}}\0' + case.data
    for package in crafted_metadata.packages("http://other.example/"):
        release = package.releases[0]
        manifest = json.dumps(_registry().manifest(package, release)).encode()
        yield b"\1" + manifest + b"\0" + release.bytes(package.name)
    files = {"package.json": {"name": "x", "version": "1.0.0", "scripts": {"install": "node a.js"}}, "a.js": "eval(atob('x'))",
             "binding.gyp": "{'targets': []}"}
    yield b'\1{"name":"x","version":"1.0.0"}\0' + tarballs.tgz(files)
    yield b'\0{"evidence":1,"inspector":1,"name":"x","version":"1.0.0"}'


TARGETS = {"archive": _archive, "package_json": _package_json, "packument": _packument, "provenance": _provenance, "target": _target, "policy": _policy,
           "semver": _semver, "git": _git, "pack": _pack, "evidence": _evidence, "bundle": _bundle, "checkpoint": _checkpoint}


def main():
    target, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(TARGETS[target]()):
        if len(data) <= MOST:
            (folder / f"seed-{number:03}").write_bytes(data)


if __name__ == "__main__":
    main()
