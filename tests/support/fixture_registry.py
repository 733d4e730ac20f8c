#!/usr/bin/env python3
"""An upstream npm registry on loopback, made of Python descriptions of packages, that can misbehave on demand.

    registry = FixtureRegistry([Package("left", [Release("1.0.0", published=days_ago(90))])])
    with registry:
        registry.url                                       # "http://127.0.0.1:PORT/"
        registry.fault("/left", "status", status=503)      # every packument request of left, until cleared
        registry.seen("/left")                             # requests so far, oldest first

Served: full and abbreviated packuments (ETag, Last-Modified, 304, gzip), single manifests, dist-tags, tarballs, _changes, search,
ping, audit (bulk and quick), signing keys, attestations; writes are recorded in `published`. With `reduced=True` it is like
a plain mirror: no maintainers, publishers, attestations, gitHead, ETag, no abbreviated form.

By hand: `fixture_registry.py [--port N] [--reduced]` serves the incidents of incidents.py and prints its address;
GET /-/fixture/requests, POST /-/fixture/faults {"match", "kind", …} and DELETE /-/fixture/faults control it.
"""

import argparse
import copy
import dataclasses
import email.utils
import fnmatch
import gzip
import hashlib
import http.server
import itertools
import json
import socket
import ssl
import struct
import threading
import time
import urllib.parse
from datetime import datetime, timezone

import attestations
import tarballs
from loopback import ChangesFeed, Server

INSTALL_HOOKS = ("preinstall", "install", "postinstall")
# npm registry API, "abbreviated metadata": what a version keeps in the form that installers ask for.
ABBREVIATED_FIELDS = (
    "name", "version", "deprecated", "dependencies", "optionalDependencies", "devDependencies", "bundleDependencies",
    "peerDependencies", "peerDependenciesMeta", "bin", "directories", "dist", "engines", "os", "cpu", "libc",
    "hasInstallScript", "_hasShrinkwrap", "funding", "acceptDependencies",
)
ABBREVIATED_TYPE = "application/vnd.npm.install-v1+json"


def days_ago(days):
    """Seconds since the epoch, `days` before now."""
    return time.time() - days * 86400


def iso(seconds):
    """A time as packuments write it: 2026-01-02T03:04:05.678Z."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(seconds * 1000) % 1000:03d}Z"


@dataclasses.dataclass
class Release:
    """One version. `manifest` goes into package.json and packument, `registry` into the packument's manifest only."""

    version: str
    published: float | None = None  # None: no entry in `time`
    files: dict = dataclasses.field(default_factory=dict)
    manifest: dict = dataclasses.field(default_factory=dict)
    registry: dict = dataclasses.field(default_factory=dict)
    publisher: str = "owner"
    maintainers: list | None = None  # None: the package's
    attestations: bool | dict = False  # dict: what else than usual its provenance says (attestations.answer); "answer": all of it
    git_head: str | None = None
    deprecated: str | None = None
    tarball: bytes | None = None  # given bytes instead of packed files

    def package_json(self, name):
        """The package.json inside the tarball."""
        return {"name": name, "version": self.version, "main": "index.js", "license": "MIT", **self.manifest}

    def bytes(self, name):
        """The tarball's bytes."""
        if self.tarball is None:
            files = {"index.js": f"module.exports = {json.dumps(name + '@' + self.version)};\n", **self.files}
            files.setdefault("package.json", self.package_json(name))
            self.tarball = tarballs.tgz(files)
        return self.tarball


@dataclasses.dataclass
class Package:
    """One name with its releases in publish order. `tags` None: latest is the highest plain version."""

    name: str
    releases: list
    tags: dict | None = None
    maintainers: list = dataclasses.field(default_factory=lambda: ["owner"])
    repository: str | None = None
    extra: dict = dataclasses.field(default_factory=dict)  # top-level packument fields

    def release(self, version):
        """The release of a version, None where there is none."""
        return next((release for release in self.releases if release.version == version), None)

    def dist_tags(self):
        """What the registry says under dist-tags."""
        if self.tags is not None:
            return dict(self.tags)
        plain = [r.version for r in self.releases if "-" not in r.version] or [r.version for r in self.releases]
        return {"latest": max(plain, key=lambda v: [int(part) for part in v.split("-")[0].split(".")])}


def held_package(name):
    """Its 1.0.0 is old, its young 1.0.1 brings an install script: the default policy holds it."""
    return Package(name, [Release("1.0.0", published=days_ago(400)),
                          Release("1.0.1", published=days_ago(2), manifest={"scripts": {"postinstall": "node x.js"}},
                                  files={"x.js": "1\n"})])


@dataclasses.dataclass
class Request:
    """One request as it came in; `path` decoded and without query, `target` as sent."""

    method: str
    path: str
    target: str
    headers: dict
    body: bytes
    when: float


class Fault:
    """One way to misbehave for the requests whose path matches. Kinds:

    status        answers `status` with a JSON error (and Retry-After where `retry_after` is given)
    wrong-bytes   the right length, one byte changed in the middle
    truncated     announces the full length, sends half, closes
    reset         announces the full length, sends half, resets the connection
    garbage       200 with something that is not JSON
    slow          waits `seconds` before the first byte
    drip          sends the body in `pieces` with `seconds` in between
    hold          waits until release() before the first byte
    redirect      302 to `location`
    body          answers `body` (bytes) with 200
    close         closes the connection without an answer
    """

    KINDS = ("status", "wrong-bytes", "truncated", "reset", "garbage", "slow", "drip", "hold", "redirect", "body", "close")

    def __init__(self, match, kind, times=None, method=None, **arguments):
        if kind not in self.KINDS:
            raise ValueError(f"no such fault: {kind}")
        self.match, self.kind, self.times, self.method, self.arguments = match, kind, times, method, arguments
        self.hits = 0
        self.waiting = threading.Semaphore(0)  # one release per request that reached a hold
        self._go = threading.Event()

    def applies(self, method, path):
        """Whether a request meets this fault; does not count it."""
        spent = self.times is not None and self.hits >= self.times
        return not spent and self.method in (None, method) and fnmatch.fnmatchcase(path, self.match)

    def release(self):
        """Lets every held request go on, now and later."""
        self._go.set()

    def wait_released(self, limit=180):
        """Called by the server: waits for release(), longer than any client or gate would."""
        self.waiting.release()
        self._go.wait(limit)

    def wait_reached(self, limit=30):
        """Called by a test: waits until a request is being held. False where none came in time."""
        return self.waiting.acquire(timeout=limit)


class FixtureRegistry:
    """The registry: packages, faults and the log of requests. Thread-safe."""

    def __init__(self, packages=(), reduced=False, port=0, context=None):
        self.reduced = reduced
        self.published = []  # writes that came in: Request
        self.advisories = {}  # name -> list of advisories for the bulk audit
        self.packages = {}
        self.faults = []
        self.requests = []
        self.feed = ChangesFeed()
        self.padding = {}  # name -> bytes of filler in its packument
        self._lock = threading.RLock()
        self._signer = None
        self._server = Server(_handler(self), port, context)
        for package in packages:
            self.add(package)

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Becomes unreachable; held requests are let go."""
        self.heal()
        self._server.stop()

    @property
    def url(self):
        """Base URL with trailing slash."""
        return self._server.url

    # What it holds.
    def add(self, package):
        """Adds or replaces a package."""
        with self._lock:
            self.packages[package.name] = package
        self.feed.note(package.name)
        return package

    def publish(self, name, release):
        """Adds a release to a package; `latest` follows where tags are not fixed."""
        with self._lock:
            self.packages[name].releases.append(release)
        self.feed.note(name)

    def unpublish(self, name, version):
        """Takes a release away."""
        with self._lock:
            package = self.packages[name]
            package.releases = [release for release in package.releases if release.version != version]
        self.feed.note(name)

    def republish(self, name, version, **changes):
        """Replaces a release by one with other content under the same version: new bytes, new integrity."""
        with self._lock:
            package = self.packages[name]
            position = next(i for i, release in enumerate(package.releases) if release.version == version)
            changed = dataclasses.replace(package.releases[position], tarball=None, **changes)
            package.releases[position] = changed
        self.feed.note(name)

    def edit_manifest(self, name, version, **fields):
        """Changes what the packument says of a release; the tarball stays."""
        with self._lock:
            release = self.packages[name].release(version)
            release.bytes(name)
            release.registry = {**copy.deepcopy(release.registry), **fields}

    def tarball(self, name, version):
        """The bytes of a release's tarball."""
        return self.packages[name].release(version).bytes(name)

    def sign_with(self, signer):
        """From now on dist.signatures are made with `signer` (signing.Signer) and the keys endpoint names its key."""
        self._signer = signer

    # How it misbehaves, and what it saw.
    def fault(self, match, kind, times=None, method=None, **arguments):
        """Adds a fault for decoded paths that match (fnmatch); the newest that applies wins."""
        fault = Fault(match, kind, times, method, **arguments)
        with self._lock:
            self.faults.insert(0, fault)
        return fault

    def heal(self, fault=None):
        """Takes one fault away, or all."""
        with self._lock:
            gone = self.faults if fault is None else [fault]
            self.faults = [f for f in self.faults if f not in gone]
        for f in gone:
            f.release()

    def fault_for(self, method, path):
        """The fault that a request meets, counted; None mostly."""
        with self._lock:
            for fault in self.faults:
                if fault.applies(method, path):
                    fault.hits += 1
                    return fault
        return None

    def record(self, request):
        """Called by the server for every request."""
        with self._lock:
            self.requests.append(request)

    def seen(self, match="*", method=None):
        """Requests whose decoded path matches, oldest first."""
        with self._lock:
            return [r for r in self.requests if method in (None, r.method) and fnmatch.fnmatchcase(r.path, match)]

    def forget_requests(self):
        """Empties the log of requests."""
        with self._lock:
            self.requests.clear()

    # Documents.
    def manifest(self, package, release):
        """A version's manifest in the full packument."""
        data = release.bytes(package.name)
        base = package.name.rsplit("/", 1)[-1]
        source = release.package_json(package.name)
        dist = {
            "integrity": tarballs.integrity(data),
            "shasum": tarballs.shasum(data),
            "tarball": f"{self.url}{package.name}/-/{base}-{release.version}.tgz",
            "fileCount": len(release.files) + 2,
            "unpackedSize": sum(len(tarballs.as_bytes(body)) for body in release.files.values()) + 512,
        }
        manifest = {**source, "_id": f"{package.name}@{release.version}", "dist": dist}
        if package.repository:
            manifest.setdefault("repository", {"type": "git", "url": package.repository})
        scripts = source.get("scripts", {})
        if any(hook in scripts for hook in INSTALL_HOOKS) or "binding.gyp" in release.files:
            manifest["hasInstallScript"] = True
        if "npm-shrinkwrap.json" in release.files:
            manifest["_hasShrinkwrap"] = True
        if release.deprecated:
            manifest["deprecated"] = release.deprecated
        if not self.reduced:
            self._add_origin(package, release, manifest, dist)
        manifest.update(copy.deepcopy(release.registry))
        return manifest

    def _add_origin(self, package, release, manifest, dist):
        """Who published a release, and what vouches for it: the fields that a plain mirror drops."""
        people = release.maintainers if release.maintainers is not None else package.maintainers
        manifest["maintainers"] = [_person(name) for name in people]
        manifest["_npmUser"] = _person(release.publisher)
        manifest["_nodeVersion"] = "20.0.0"
        if release.git_head:
            manifest["gitHead"] = release.git_head
        if release.attestations:
            dist["attestations"] = {
                "url": f"{self.url}-/npm/v1/attestations/{package.name}@{release.version}",
                "provenance": {"predicateType": attestations.predicate(release.attestations)},
            }
        if self._signer is not None:
            message = f"{package.name}@{release.version}:{dist['integrity']}"
            dist["signatures"] = [{"keyid": self._signer.keyid, "sig": self._signer.sign(message)}]

    def packument(self, package, abbreviated=False):
        """The packument as a dict."""
        with self._lock:
            versions = {r.version: self.manifest(package, r) for r in package.releases}
            times = {r.version: iso(r.published) for r in package.releases if r.published is not None}
            newest = max(times.values(), default=iso(0))
            document = {"_id": package.name, "name": package.name, "dist-tags": package.dist_tags()}
            if abbreviated and not self.reduced:
                kept = {v: {k: m[k] for k in ABBREVIATED_FIELDS if k in m} for v, m in versions.items()}
                return {"name": package.name, "dist-tags": document["dist-tags"], "versions": kept, "modified": newest}
            document["versions"] = versions
            if times:
                document["time"] = {**times, "created": min(times.values()), "modified": newest}
            if not self.reduced:
                document["maintainers"] = [_person(name) for name in package.maintainers]
                document["_rev"] = "1-fixture"
            document.update(copy.deepcopy(package.extra))
            if package.name in self.padding:
                document["readme"] = "x" * self.padding[package.name]
            return document

    def last_modified(self, package):
        """Seconds since the epoch of the newest release."""
        return max((r.published for r in package.releases if r.published is not None), default=0)


def _person(name):
    return {"name": name, "email": f"{name}@mail.example"}


def _handler(registry):
    """A request handler class bound to one registry."""

    class BoundHandler(_Handler):
        pass

    BoundHandler.registry = registry
    return BoundHandler


class _Handler(http.server.BaseHTTPRequestHandler):
    """HTTP towards the gate: routes, faults, log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    registry = None

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """Requests are in the registry's own log."""

    def do_GET(self):
        """Everything that reads."""
        self._serve()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def _read_body(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length:
            return self.rfile.read(length)
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return b""
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _serve(self):
        raw_path, _, query = self.path.partition("?")
        path = urllib.parse.unquote(raw_path)
        body = self._read_body()
        if path.startswith("/-/fixture/"):
            self._control(path, body)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.registry.record(Request(self.command, path, self.path, headers, body, time.time()))
        fault = self.registry.fault_for(self.command, path)
        if fault is not None and not self._misbehave_early(fault):
            return
        status, answer_headers, answer = self._route(path, query, body)
        self._send(status, answer_headers, answer, fault)

    # Faults.
    def _misbehave_early(self, fault):
        """Faults that need no regular answer. True: go on with the answer."""
        if fault.kind == "hold":
            fault.wait_released()
        elif fault.kind == "slow":
            time.sleep(fault.arguments.get("seconds", 1))
        elif fault.kind == "close":
            self._reset(abrupt=False)
            return False
        elif fault.kind == "status":
            status = fault.arguments.get("status", 500)
            headers = {"Content-Type": "application/json"}
            if "retry_after" in fault.arguments:
                headers["Retry-After"] = str(fault.arguments["retry_after"])
            self._send(status, headers, json.dumps({"error": f"fixture says {status}"}).encode())
            return False
        elif fault.kind == "garbage":
            self._send(200, {"Content-Type": "application/json"}, b"<html>not a packument</html>")
            return False
        elif fault.kind == "body":
            self._send(200, {"Content-Type": fault.arguments.get("type", "application/json")}, fault.arguments["body"])
            return False
        elif fault.kind == "redirect":
            self._send(302, {"Location": fault.arguments["location"]}, b"")
            return False
        return True

    def _reset(self, abrupt):
        """Ends the connection here: with a reset, or with an orderly close in the middle of the body."""
        self.wfile.flush()
        if abrupt:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()
        self.close_connection = True

    def _send(self, status, headers, body, fault=None):
        kind = fault.kind if fault is not None else None
        if kind == "wrong-bytes" and body:
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 0x55]) + body[middle + 1 :]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD" or status == 304:
            return
        if kind in ("truncated", "reset"):
            self.wfile.write(body[: len(body) // 2])
            self._reset(abrupt=kind == "reset")
        elif kind == "drip":
            pieces = fault.arguments.get("pieces", 10)
            step = max(1, len(body) // pieces)
            for start in range(0, len(body), step):
                self.wfile.write(body[start : start + step])
                time.sleep(fault.arguments.get("seconds", 0.05))
        else:
            self.wfile.write(body)

    # Regular answers: (status, headers, body).
    def _route(self, path, query, body):
        if self.command in ("PUT", "DELETE") or (self.command == "POST" and not path.startswith("/-/npm/v1/security/")):
            self.registry.published.append(self.registry.requests[-1])
            return self._json({"ok": True}, 201)
        if path == "/_changes":
            return self._changes(urllib.parse.parse_qs(query))
        if path.startswith("/-/"):
            return self._service(path, urllib.parse.parse_qs(query), body)
        parts = path.lstrip("/").split("/")
        name = "/".join(parts[:2]) if parts[0].startswith("@") else parts[0]
        rest = parts[2:] if parts[0].startswith("@") else parts[1:]
        package = self.registry.packages.get(name)
        if package is None:
            return self._json({"error": "Not found"}, 404)
        if not rest:
            return self._packument(package)
        if rest[0] == "-" and len(rest) >= 2:
            return self._tarball(package, rest[-1])
        version = package.dist_tags().get(rest[0], rest[0])
        release = package.release(version)
        if release is None or len(rest) > 1:
            return self._json({"error": f"version not found: {rest[0]}"}, 404)
        return self._json(self.registry.manifest(package, release))

    def _json(self, value, status=200):
        return status, {"Content-Type": "application/json"}, json.dumps(value).encode()

    def _packument(self, package):
        abbreviated = ABBREVIATED_TYPE in self.headers.get("Accept", "") and not self.registry.reduced
        body = json.dumps(self.registry.packument(package, abbreviated)).encode()
        headers = {"Content-Type": ABBREVIATED_TYPE if abbreviated else "application/json"}
        if not self.registry.reduced:
            etag = '"' + hashlib.sha1(body).hexdigest() + '"'
            modified = email.utils.formatdate(self.registry.last_modified(package), usegmt=True)
            headers.update({"ETag": etag, "Last-Modified": modified, "Vary": "Accept-Encoding, Accept",
                            "Cache-Control": "public, max-age=300"})
            if self.headers.get("If-None-Match") == etag:
                return 304, headers, b""
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, mtime=0)
        return 200, headers, body

    def _tarball(self, package, file):
        base = package.name.rsplit("/", 1)[-1]
        if file.startswith(f"{base}-") and file.endswith(".tgz"):
            release = package.release(file[len(base) + 1 : -len(".tgz")])
            if release is not None:
                return 200, {"Content-Type": "application/octet-stream"}, release.bytes(package.name)
        return self._json({"error": "Not found"}, 404)

    def _service(self, path, query, body):
        if path == "/-/ping":
            return self._json({})
        if path == "/-/v1/search":
            return self._search(query)
        if path == "/-/npm/v1/keys":
            keys = [self.registry._signer.key()] if self.registry._signer is not None else []
            return self._json({"keys": keys})
        if path == "/-/npm/v1/security/advisories/bulk":
            asked = json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body or b"{}")
            return self._json({name: self.registry.advisories[name] for name in asked if name in self.registry.advisories})
        if path == "/-/npm/v1/security/audits/quick":
            return self._json({"actions": [], "advisories": {}, "muted": [], "metadata": {"vulnerabilities": {}}})
        if path.startswith("/-/npm/v1/attestations/"):
            return self._attestations(path.rsplit("attestations/", 1)[1])
        if path.startswith("/-/package/") and path.endswith("/dist-tags"):
            package = self.registry.packages.get(path[len("/-/package/") : -len("/dist-tags")])
            if package is not None:
                return self._json(package.dist_tags())
        return self._json({"error": "Not found"}, 404)

    def _changes(self, query):
        wait = int(query.get("timeout", ["60000"])[0]) / 1000 if query.get("feed") == ["longpoll"] else 0
        try:
            results, last = self.registry.feed.since(query.get("since", ["0"])[0], int(query.get("limit", ["1000"])[0]), wait)
        except ValueError:
            return self._json({"error": "bad_request", "reason": "invalid since"}, 400)
        return self._json({"results": results, "last_seq": last, "pending": 0})

    def _search(self, query):
        text = query.get("text", [""])[0]
        found = [package for name, package in self.registry.packages.items() if text in name]
        objects = [{"package": {"name": p.name, "version": p.dist_tags().get("latest")}} for p in found]
        return self._json({"objects": objects, "total": len(objects), "time": iso(time.time())})

    def _attestations(self, spec):
        name, _, version = spec.rpartition("@")
        package = self.registry.packages.get(name)
        release = package.release(version) if package else None
        if release is None or not release.attestations:
            return self._json({"error": "Not found"}, 404)
        repository = package.repository or f"https://git.example/o/{name}"
        if isinstance(release.attestations, dict) and "answer" in release.attestations:
            return self._json(release.attestations["answer"])
        return self._json(attestations.answer(name, version, release.bytes(name), repository, release.attestations))

    # By hand.
    def _control(self, path, body):
        registry = self.registry
        if path == "/-/fixture/requests":
            answer = [{"method": r.method, "target": r.target, "headers": r.headers} for r in registry.seen()]
        elif path == "/-/fixture/faults" and self.command == "POST":
            registry.fault(**json.loads(body))
            answer = {"ok": True}
        elif path == "/-/fixture/faults" and self.command == "DELETE":
            registry.heal()
            answer = {"ok": True}
        else:
            answer = {"faults": [vars_of(fault) for fault in registry.faults]}
        self._send(*self._json(answer))


def vars_of(fault):
    """A fault as JSON can say it."""
    return {"match": fault.match, "kind": fault.kind, "times": fault.times, "hits": fault.hits}


class Canary:
    """A second origin that must never hear from the gate or a client: counts every request and answers 200 `body`."""

    def __init__(self, body=b"canary"):
        self.requests = []
        canary = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Records and answers."""

            protocol_version = "HTTP/1.1"

            def log_message(self, format, *args):  # pylint: disable=redefined-builtin
                """Silent."""

            def do_GET(self):
                """Any method."""
                headers = {name.lower(): value for name, value in self.headers.items()}
                canary.requests.append(Request(self.command, self.path, self.path, headers, b"", time.time()))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

        self._server = Server(Handler)

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop()

    @property
    def url(self):
        """Base URL with trailing slash."""
        return self._server.url


def main():
    """Serves the incidents until interrupted."""
    import incidents  # pylint: disable=import-outside-toplevel

    parser = argparse.ArgumentParser(description="an upstream npm registry for trying the gate by hand")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--reduced", action="store_true", help="like a plain mirror")
    parser.add_argument("--certificate", help="PEM with certificate and key: serve TLS")
    arguments = parser.parse_args()
    context = None
    if arguments.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate)
    packages = itertools.chain.from_iterable(incident.packages() for incident in incidents.ALL)
    with FixtureRegistry(packages, arguments.reduced, arguments.port, context) as registry:
        print(registry.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
