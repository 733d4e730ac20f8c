#!/usr/bin/env python3
"""Every door of the gate answers alike for an allowed, a quarantined, a blocked and an unknown version; nothing else is a door."""

import gzip
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import tarballs
import wire
from clients import marker_script
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

HOOK = {"scripts": {"postinstall": "node setup.js"}}
HOOK_FILES = {"setup.js": marker_script("hook")}
POLICY = """\
version: 1
mode: enforce
rules:
  - id: new-hooks
    when: { finding: [install-script-added] }
    then: quarantine
  - id: no-2x
    when: { version: "2.x" }
    then: block
"""
# What each version of the fixture is under POLICY: 1.0.0 and 1.1.0 have nothing, 1.2.0 adds a hook, 2.0.0 is named by a rule.
ALLOWED, QUARANTINED, BLOCKED, UNKNOWN = "1.1.0", "1.2.0", "2.0.0", "9.9.9"
NAMES = ("door", "@scope/door")
CORGI = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"


def package(name):
    """The fixture: four versions, tags on each kind."""
    return Package(name, [
        Release("1.0.0", published=days_ago(300)),
        Release("1.1.0", published=days_ago(200)),
        Release("1.2.0", published=days_ago(9), manifest=HOOK, files=HOOK_FILES),
        Release("2.0.0", published=days_ago(8)),
    ], tags={"latest": "2.0.0", "next": "1.2.0", "old": "1.0.0"})


def spellings(name):
    """Every way clients write a package name in a path."""
    if not name.startswith("@"):
        return [name]
    scope, plain = name.split("/")
    return [f"{scope}%2f{plain}", f"{scope}%2F{plain}", f"{scope}/{plain}"]


def tarball_paths(name, version):
    """Every way clients write a tarball's path."""
    file = f"{name.rsplit('/', 1)[-1]}-{version}.tgz"
    paths = [f"/{spelling}/-/{file}" for spelling in spellings(name)]
    return paths + ([f"/{name}/-/{name.split('/')[0]}/{file}"] if name.startswith("@") else [])


class Doors(case.EndToEnd):
    """One gate for all tests: nothing here changes its state."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.enterClassContext(FixtureRegistry([package(name) for name in NAMES]))
        cls.gate = cls.enterClassContext(Gate(cls.registry.url, policy=POLICY))

    def test_packuments(self):
        """Full, abbreviated, HEAD, every spelling: the same versions, tags and times."""
        for name in NAMES:
            for spelling in spellings(name):
                for accept in ("application/json", CORGI, "*/*", None):
                    with self.subTest(spelling=spelling, accept=accept):
                        headers = {"Accept": accept} if accept else {}
                        answer = self.gate.get(f"/{spelling}", headers)
                        self.assertEqual(answer.status, 200, answer)
                        document = answer.json()
                        self.assertEqual(document["name"], name)
                        self.assertEqual(list(document["versions"]), ["1.0.0", "1.1.0"])
                        self.assertEqual(document["dist-tags"]["latest"], ALLOWED)
                        self.assertNotIn(QUARANTINED, document["time"])
                        self.assertNotIn(BLOCKED, document["time"])
                        upstream = self.registry.packument(self.registry.packages[name])
                        for version in document["versions"]:
                            self.assertEqual(document["time"][version], upstream["time"][version])
                        head = self.gate.send(f"/{spelling}", "HEAD", headers)
                        self.assertEqual((head.status, head.body), (200, b""))
                        self.assertEqual(head.header("content-type"), answer.header("content-type"))
                        self.assertEqual(head.header("content-length"), str(len(answer.body)))

    def test_forms(self):
        """The abbreviated form has the fields installers need and no others; both point at the gate."""
        for name in NAMES:
            full = self.gate.packument(name).json()["versions"][ALLOWED]
            short_answer = self.gate.packument(name, abbreviated=True)
            self.assertIn("application/vnd.npm.install-v1+json", short_answer.header("content-type"))
            short = short_answer.json()
            self.assertNotIn("maintainers", short)
            self.assertNotIn("_npmUser", short["versions"][ALLOWED])
            self.assertIn("modified", short)
            for manifest in (full, short["versions"][ALLOWED]):
                self.assertTrue(manifest["dist"]["tarball"].startswith(self.gate.url), manifest["dist"])
                self.assertEqual(manifest["dist"]["integrity"], self.registry.manifest(
                    self.registry.packages[name], self.registry.packages[name].release(ALLOWED))["dist"]["integrity"])
                fetched = wire.send(self.gate.url, manifest["dist"]["tarball"][len(self.gate.url) - 1:])
                self.assertEqual(fetched.body, self.registry.tarball(name, ALLOWED))

    def test_manifests_and_tarballs(self):
        """Version by version: the manifest door and the tarball door agree with the packument."""
        for name in NAMES:
            for spelling in spellings(name):
                with self.subTest(spelling=spelling):
                    allowed = self.gate.get(f"/{spelling}/{ALLOWED}")
                    self.assertEqual((allowed.status, allowed.json()["version"]), (200, ALLOWED))
                    self.assert_refused(self.gate.get(f"/{spelling}/{QUARANTINED}"), f"{name}@{QUARANTINED}", "quarantined")
                    self.assert_refused(self.gate.get(f"/{spelling}/{BLOCKED}"), f"{name}@{BLOCKED}", "blocked", "no-2x")
                    self.assertEqual(self.gate.get(f"/{spelling}/{UNKNOWN}").status, 404)
            for version in (ALLOWED, QUARANTINED, BLOCKED, UNKNOWN):
                for path in tarball_paths(name, version):
                    with self.subTest(path=path):
                        self.check_tarball(name, version, path)

    def check_tarball(self, name, version, path):
        """GET and HEAD of one spelling."""
        answer, head = self.gate.get(path), self.gate.send(path, "HEAD")
        self.assertEqual(answer.status, head.status)
        self.assertEqual(head.body, b"")
        if version == ALLOWED:
            self.assertEqual((answer.status, answer.body), (200, self.registry.tarball(name, version)))
            self.assertEqual(head.header("content-length"), str(len(answer.body)))
        elif version == UNKNOWN:
            self.assertEqual(answer.status, 404)
            self.assertTrue(answer.error())
        else:
            sentence = self.assert_refused(answer, f"{name}@{version}")
            self.assertIn(f"/-/r/{name}@{version}", sentence)
            self.assertTrue(answer.header("npm-notice"))
            # The only channel into pnpm 10 and yarn 4: ASCII, one line.
            self.assertIn(f"{name}@{version}", answer.reason)
            self.assertTrue(answer.reason.isascii() and answer.reason.isprintable(), answer.reason)

    def test_tags(self):
        """Dist-tags, in the packument, at their own door and as a version: targets that were left out move or go."""
        for name in NAMES:
            tags = self.gate.packument(name).json()["dist-tags"]
            self.assertEqual(tags, {"latest": "1.1.0", "next": "1.1.0", "old": "1.0.0"})
            for spelling in spellings(name):
                listed = self.gate.get(f"/-/package/{spelling}/dist-tags")
                self.assertEqual((listed.status, listed.json()), (200, tags))
            for tag, version in tags.items():
                self.assertEqual(self.gate.get(f"/{spellings(name)[0]}/{tag}").json()["version"], version)
            self.assertEqual(self.gate.get(f"/{spellings(name)[0]}/no-such-tag").status, 404)

    def test_notice(self):
        """A packument that leaves recent versions out says so, and may then not be stored (npm prints it only then)."""
        answer = self.gate.packument("door")
        self.assertIn("door@1.2.0", answer.header("npm-notice"))
        self.assertIn("no-store", answer.header("cache-control"))

    def test_unknown_names(self):
        """Upstream's 404 stays 404, as JSON with a string."""
        for path in ("/no-such-package", "/@scope%2fno-such", "/no-such-package/1.0.0", "/no-such-package/-/no-such-package-1.0.0.tgz"):
            with self.subTest(path=path):
                answer = self.gate.get(path)
                self.assertEqual(answer.status, 404)
                self.assertTrue(answer.error(), answer)

    def test_writes_are_refused(self):
        """403 with a sentence, and the upstream hears nothing."""
        self.registry.forget_requests()
        document = json.dumps({"name": "door", "versions": {}}).encode()
        rows = [
            ("PUT", "/door", document), ("PUT", "/@scope%2fdoor", document), ("PUT", "/door/-rev/1-fixture", document),
            ("DELETE", "/door/-rev/1-fixture", None), ("DELETE", "/door/-/door-1.0.0.tgz/-rev/1-fixture", None),
            ("PUT", "/-/package/door/dist-tags/latest", b'"1.0.0"'), ("DELETE", "/-/package/door/dist-tags/next", None),
            ("POST", "/-/v1/login", b"{}"), ("PUT", "/-/user/org.couchdb.user:someone", b"{}"),
        ]
        for method, path, body in rows:
            with self.subTest(method=method, path=path):
                answer = self.gate.send(path, method, {"Content-Type": "application/json"}, body)
                self.assertEqual(answer.status, 403, answer)
                self.assertTrue(answer.error().startswith("npm-gate: "), answer)
        self.assertEqual(self.registry.published, [])
        self.assertEqual([r for r in self.registry.seen() if r.method not in ("GET", "HEAD")], [])

    def test_no_filtered_document_for_writing(self):
        """npm deprecate GETs with ?write=true and PUTs back what it got: it must not get a document with versions left out."""
        answer = self.gate.get("/door?write=true", {"Accept": "application/json"})
        if answer.status == 200:
            self.assertEqual(len(answer.json()["versions"]), 4)
        else:
            self.assertEqual(answer.status, 403)
            self.assertTrue(answer.error())

    def test_hostile_paths(self):
        """Anything that is not a name of npm's grammar is refused, and the upstream is not asked."""
        self.registry.forget_requests()
        rows = [
            "/..%2f..%2fetc%2fpasswd", "/door/../../etc/passwd", "/%2e%2e/door", "//door", "/door//1.0.0", "/door%00", "/door%5c1.0.0",
            "/%ff", "/%", "/door%2", "/door%zz", "/.door", "/_door", "/node_modules", "/@scope", "/@scope/", "/@/door", "/@scope%2f..",
            "/@scope%2fdoor%2f1.0.0", "/@scope%252fdoor", "/door/-/other-1.0.0.tgz", "/door/-/../door-1.0.0.tgz",
            "/door/-/door-1.0.0.tgz%00.txt", "/door/-/door-.tgz", "/door/-/door-1.0.0.zip", "/d%0d%0aX-Evil:1", "/" + "a" * 215,
            "/" + "%61" * 800, "/door/1.0.0/x/y/z", "/-/..", "/-/npm-gate/../../door", "/@scope%2fdoor/-/%2e%2e/x.tgz", "/door?x=\x7f",
        ]
        for path in rows:
            with self.subTest(path=path[:60]):
                head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.gate.port}\r\nConnection: close\r\n\r\n"
                answer = wire.raw(self.gate.url, head.encode("latin-1"))
                status = int(answer.split(b" ", 2)[1])
                self.assertIn(status, (400, 404, 414), answer[:200])
                self.assertNotIn(b"X-Evil", answer.split(b"\r\n\r\n")[0])
        self.assertEqual(self.registry.seen("*etc*"), [])
        self.assertEqual(self.registry.seen("*..*"), [])
        self.assertEqual(self.gate.get("/door").status, 200)

    def test_compression(self):
        """gzip only where it is asked for, the same bytes inside; nothing else is ever chosen."""
        plain = self.gate.get("/door")
        self.assertIsNone(plain.header("content-encoding"))
        for accept, expected in (("gzip", "gzip"), ("gzip, deflate, br, zstd", "gzip"), ("gzip;q=0", None), ("br", None),
                                 ("identity", None), ("*", "gzip"), ("zstd, br;q=1, gzip;q=0.1", "gzip"), ("", None)):
            with self.subTest(accept=accept):
                answer = self.gate.get("/door", {"Accept-Encoding": accept})
                self.assertEqual(answer.header("content-encoding"), expected)
                self.assertEqual(answer.plain(), plain.body)
                self.assertIn("Accept-Encoding", answer.header("vary"))
        tarball = self.gate.get("/door/-/door-1.1.0.tgz", {"Accept-Encoding": "gzip, br"})
        self.assertIsNone(tarball.header("content-encoding"))
        self.assertEqual(gzip.decompress(tarball.body)[:7], b"package")

    def test_keep_alive_and_pipelining(self):
        """One connection carries many requests, answers in order."""
        connection = wire.connect(self.gate.url)
        try:
            for path in ("/door", "/door/1.1.0", "/door/-/door-1.2.0.tgz", "/door/-/door-1.1.0.tgz", "/no-such", "/-/ping") * 3:
                self.assertIn(self.gate.get(path, connection=connection).status, (200, 403, 404))
        finally:
            connection.close()
        host = f"Host: 127.0.0.1:{self.gate.port}\r\n"
        both = f"GET /door/1.0.0 HTTP/1.1\r\n{host}\r\nGET /door/1.1.0 HTTP/1.1\r\n{host}Connection: close\r\n\r\n"
        answers = wire.raw(self.gate.url, both.encode())
        self.assertEqual(answers.count(b"HTTP/1.1 200"), 2, answers)
        self.assertLess(answers.index(b"door-1.0.0.tgz"), answers.index(b"door-1.1.0.tgz"))

    def test_services(self):
        """Ping, search, audit, keys: answered, audit even where its body is gzip."""
        self.assertEqual(self.gate.get("/-/ping").status, 200)
        found = self.gate.get("/-/v1/search?text=door&size=20")
        self.assertEqual(found.status, 200)
        self.assertEqual(self.gate.get("/-/npm/v1/keys").status, 200)
        # A page of the upstream's is none of the gate's: no browser runs it as one.
        page = self.registry.fault("/-/npm/v1/keys", "body", body=b"<script>x</script>", type="text/html")
        self.assertIn("text/plain", self.gate.get("/-/npm/v1/keys").header("content-type"))
        self.registry.heal(page)
        body = json.dumps({"door": ["1.0.0"]}).encode()
        for encoding, data in (({}, body), ({"Content-Encoding": "gzip"}, gzip.compress(body))):
            with self.subTest(encoding=encoding):
                answer = self.gate.send("/-/npm/v1/security/advisories/bulk", "POST", {"Content-Type": "application/json", **encoding}, data)
                self.assertEqual(answer.status, 200, answer)
                self.assertIsInstance(answer.json(), dict)

    def test_refused_releases_are_advisories(self):
        """npm audit hears of a release that is refused for more than its age, also where it is installed already."""
        body = json.dumps({"door": ["1.1.0", "1.2.0"]}).encode()
        answer = self.gate.send("/-/npm/v1/security/advisories/bulk", "POST", {"Content-Type": "application/json"}, body)
        self.assertEqual(answer.status, 200)
        advisories = answer.json().get("door", [])
        self.assertEqual(len(advisories), 1, advisories)
        self.assertIn("1.2.0", advisories[0]["vulnerable_versions"])
        self.assertIn("npm-gate", advisories[0]["title"])

    def test_release_pages(self):
        """The URL of a refusal leads to a page for people and to JSON for tools."""
        for version, word in ((QUARANTINED, "quarantine"), (BLOCKED, "block"), (ALLOWED, "allow")):
            page = self.gate.get(f"/-/npm-gate/releases/door/{version}", {"Accept": "text/html"})
            self.assertEqual(page.status, 200, page)
            self.assertIn("text/html", page.header("content-type"))
            self.assertIn("default-src 'none'", page.header("content-security-policy"))
            tool = self.gate.get(f"/-/npm-gate/releases/@scope/door/{version}", {"Accept": "application/json"})
            self.assertEqual(tool.status, 200, tool)
            self.assertIn(word, json.dumps(tool.json()))

    def test_other_hosts(self):
        """A gate on loopback answers for loopback names only: a page elsewhere cannot reach it by DNS rebinding."""
        for host in ("evil.example", "127.0.0.1.evil.example:80", "registry.example", "", f"127.0.0.1:{self.gate.port}/elsewhere"):
            with self.subTest(host=host):
                self.assertIn(self.gate.get("/door", {"Host": host}).status, (400, 421))
        self.assertEqual(self.gate.get("/door", {"Host": f"localhost:{self.gate.port}"}).status, 200)


TABLE_POLICY = POLICY + """\
  - id: taken-back
    when: { finding: release-withdrawn }
    then: block
"""
# State -> (version, in packuments, status of the manifest, status of the tarball).
STATES = {
    "allowed": ("1.1.0", True, 200, 200),
    "quarantined": ("1.2.0", False, 403, 403),
    "republished": ("1.3.0", True, 200, 200),  # as first accepted; the newcomer is nowhere
    "withdrawn": ("1.4.0", False, 404, 403),  # its manifest is gone with the upstream's; lock files ask for the tarball
    "uninspected": ("1.5.0", False, 403, 503),
    "blocked": ("2.0.0", False, 403, 403),
}
SECRET = "the-newcomers-hook"
# In the manifests of what is left out, and in the top level that the registry makes of the one that is `latest`.
UNSEEN = "text-of-a-manifest-that-is-left-out"


class EveryDoor(case.EndToEnd):
    """The table: every door times every state a release can be in. What is left out at one door is left out at all of them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.enterClassContext(FixtureRegistry([cls.package(name) for name in NAMES]))
        cls.gate = cls.enterClassContext(Gate(cls.registry.url, TABLE_POLICY, {"packuments": {"fresh": "1s"}}))
        cls.first = {(name, version): cls.registry.tarball(name, version) for name in NAMES
                     for version in ("1.0.0", *(row[0] for row in STATES.values()))}
        for name in NAMES:
            cls.registry.fault(f"/{name}/-/*-1.5.0.tgz", "status", status=500)
            for state in ("republished", "withdrawn"):
                answer = cls.gate.tarball(name, STATES[state][0])
                assert (answer.status, answer.body) == (200, cls.first[name, STATES[state][0]]), answer
            cls.change_mind(name)

    @staticmethod
    def package(name):
        """One release in each state, and one below them all."""
        ages = {"1.0.0": 300, "1.1.0": 200, "1.2.0": 9, "1.3.0": 150, "1.4.0": 140, "1.5.0": 8, "2.0.0": 7}
        releases = [Release(v, published=days_ago(days), attestations=True) for v, days in ages.items()]
        for release in releases:
            if release.version in ("1.2.0", "1.5.0", "2.0.0"):
                release.manifest = {"description": UNSEEN, "homepage": UNSEEN, **(HOOK if release.version == "1.2.0" else {})}
                release.files = HOOK_FILES if release.version == "1.2.0" else {}
        tags = {"latest": "1.5.0", "2.0.0": "1.0.0", **{state: version for state, (version, *_) in STATES.items()}}
        return Package(name, releases, tags=tags, extra={"readme": UNSEEN, "description": UNSEEN, "homepage": UNSEEN})

    @classmethod
    def change_mind(cls, name):
        """The upstream republishes one release and takes one back; waits until the gate has seen it."""
        cls.registry.republish(name, "1.3.0", files={"evil.js": SECRET}, manifest={"scripts": {"postinstall": SECRET}})
        cls.registry.unpublish(name, "1.4.0")
        tags = cls.registry.packages[name].tags
        cls.registry.packages[name].tags = {tag: version for tag, version in tags.items() if tag != "withdrawn"}
        assert wire.eventually(lambda: "1.4.0" not in cls.gate.versions(name)), "the gate never looked again"

    def answers(self, name, version):
        """(door, what kind of door, answer) for every way to ask for or about one version."""
        for spelling in spellings(name):
            for accept in ("application/json", CORGI, "*/*"):
                for coding in ("identity", "gzip"):
                    headers = {"Accept": accept, "Accept-Encoding": coding}
                    yield f"/{spelling} {accept} {coding}", "packument", self.gate.get(f"/{spelling}", headers)
            for validator in ({"If-None-Match": "*"}, {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}):
                yield f"/{spelling} {validator}", "packument", self.gate.get(f"/{spelling}", validator)
            yield f"/{spelling}/?a=b", "packument", self.gate.get(f"/{spelling}/?a=b")
            yield f"HEAD /{spelling}", "head", self.gate.send(f"/{spelling}", "HEAD")
            yield f"/{spelling}?write=true", "write", self.gate.get(f"/{spelling}?write=true", {"Accept": "application/json"})
            yield f"/{spelling}/{version}", "manifest", self.gate.get(f"/{spelling}/{version}")
            yield f"/{spelling}/{version} any", "manifest", self.gate.get(f"/{spelling}/{version}", {"If-None-Match": "*"})
            yield f"HEAD /{spelling}/{version}", "head-manifest", self.gate.send(f"/{spelling}/{version}", "HEAD")
            yield f"/-/package/{spelling}/dist-tags", "tags", self.gate.get(f"/-/package/{spelling}/dist-tags")
            for tag in ("latest", *STATES):
                path = f"/-/package/{spelling}/dist-tags/{tag}"
                yield path, "tag", self.gate.get(path)
            yield f"attestations {spelling}", "words", self.gate.get(f"/-/npm/v1/attestations/{spelling}@{version}")
        for path in tarball_paths(name, version):
            yield path, "tarball", self.gate.get(path)
            yield f"HEAD {path}", "head-tarball", self.gate.send(path, "HEAD")
            yield f"{path} range", "range", self.gate.get(path, {"Range": "bytes=0-99"})
            yield f"{path} any", "validated-tarball", self.gate.get(path, {"If-None-Match": "*"})
        body, quick = json.dumps({name: [version]}).encode(), json.dumps({"requires": {name: version}}).encode()
        yield "bulk audit", "words", self.gate.send("/-/npm/v1/security/advisories/bulk", "POST", {}, body)
        for path in ("/-/npm/v1/security/audits/quick", "/-/npm/v1/security/audits"):
            yield path, "words", self.gate.send(path, "POST", {}, quick)
        for path in (f"/-/v1/search?text={name}", "/-/npm/v1/keys", "/-/ping", "/-/whoami", "/-/npm/v1/user", "/-/npm/v1/tokens",
                     "/-/npm-gate/", "/-/npm-gate/self-test", f"/-/npm-gate/releases/{name}/{version}"):
            for accept in ("application/json", "text/html"):
                yield f"{path} {accept}", "words", self.gate.get(path, {"Accept": accept})

    def test_every_door(self):
        """One subtest for each door and state."""
        doors = 0
        for name in NAMES:
            for state, (version, listed, manifest, tarball) in STATES.items():
                for door, kind, answer in self.answers(name, version):
                    doors += 1
                    with self.subTest(state=state, door=door):
                        self.check(name, version, kind, answer, (listed, manifest, tarball))
        self.say(f"{doors} answers: {len(STATES)} states at every door of {len(NAMES)} names")

    def check(self, name, version, kind, answer, expected):
        """One answer against the table."""
        listed, manifest, tarball = expected
        plain = answer.plain() if answer.body else b""
        self.assertNotIn(SECRET.encode(), plain)
        self.assertNotIn(UNSEEN.encode(), plain)
        self.assertNotIn(self.first[name, version][40:104], answer.body if tarball != 200 else b"")
        if kind == "words":
            # What the upstream or the gate says about a release; nothing is installed from it.
            self.assertLess(answer.status, 500, answer)
        elif kind == "tag":
            self.assertIn(answer.status, (200, 404), answer)
            self.assertTrue(answer.status == 404 or answer.json() in self.gate.versions(name), answer)
        elif kind == "packument":
            document = answer.json()
            self.assertEqual((answer.status, version in document["versions"], version in document["time"]), (200, listed, listed))
            self.assertTrue(set(document["dist-tags"].values()) <= set(document["versions"]))
            if listed:
                self.check_manifest(name, version, document["versions"][version])
        elif kind == "write":
            # Never the filtered document: a client would write back what was left out as gone.
            self.assertEqual(answer.status, 403, answer)
        elif kind == "tags":
            self.assertEqual((answer.status, version in answer.json().values()), (200, listed))
        elif kind in ("manifest", "head-manifest"):
            self.assertEqual(answer.status, manifest, answer)
            if answer.status == 200 and answer.body:
                self.check_manifest(name, version, answer.json())
        elif kind == "head":
            self.assertEqual((answer.status, answer.body), (200, b""))
        else:
            self.check_tarball(name, version, kind, answer, tarball)

    def check_manifest(self, name, version, manifest):
        """It is that of the bytes first seen, and points at the gate."""
        digest = tarballs.integrity(self.first[name, version])
        self.assertEqual((manifest["version"], manifest["dist"]["integrity"]), (version, digest))
        self.assertTrue(manifest["dist"]["tarball"].startswith(self.gate.url), manifest["dist"])

    def check_tarball(self, name, version, kind, answer, status):
        """The bytes first seen, all or a range of them, or none."""
        also = {"range": 206, "validated-tarball": 304}.get(kind)
        self.assertIn(answer.status, (status, also) if status == 200 else (status,), answer)
        if kind == "head-tarball" or status != 200 or answer.status == 304:
            self.assertNotIn(self.first[name, version][40:104], answer.body)
        elif answer.status == 206:
            self.assertEqual(answer.body, self.first[name, version][:100])
        else:
            self.assertEqual(answer.body, self.first[name, version])

    def test_every_tag(self):
        """A tag as a version never leads to a release that is left out."""
        for name in NAMES:
            tags = self.gate.packument(name).json()["dist-tags"]
            for tag in ("latest", *STATES):
                for spelling in spellings(name):
                    with self.subTest(tag=tag, spelling=spelling):
                        answer = self.gate.get(f"/{spelling}/{tag}")
                        if tag in tags:
                            self.assertEqual((answer.status, answer.json()["version"]), (200, tags[tag]))
                            self.check_manifest(name, tags[tag], answer.json())
                        else:
                            self.assertIn(answer.status, (403, 404), answer)


NO_RULES = "version: 1\nmode: enforce\nrules: []\n"


class Freshness(case.EndToEnd):
    """Validators and caching where nothing is left out."""

    def test_validators(self):
        """ETag and Last-Modified answer 304 in both codings; a new version changes them."""
        steady = Package("steady", [Release("1.0.0", published=days_ago(300))])
        # No age rule: a release that was absent a moment ago is young, whatever its upstream says of its age.
        with FixtureRegistry([steady]) as registry, Gate(registry.url, NO_RULES, {"packuments": {"fresh": "1s"}}) as gate:
            for headers in ({}, {"Accept-Encoding": "gzip"}, {"Accept": CORGI}):
                with self.subTest(headers=headers):
                    first = gate.get("/steady", headers)
                    self.assertEqual(first.status, 200)
                    self.assertNotIn("no-store", first.header("cache-control"))
                    by_tag = gate.get("/steady", {**headers, "If-None-Match": first.header("etag")})
                    self.assertEqual((by_tag.status, by_tag.body), (304, b""))
                    self.assertEqual(by_tag.header("etag"), first.header("etag"))
                    by_time = gate.get("/steady", {**headers, "If-Modified-Since": first.header("last-modified")})
                    self.assertEqual(by_time.status, 304)
                    other = gate.get("/steady", {**headers, "If-None-Match": '"something-else"'})
                    self.assertEqual(other.status, 200)
            tag = gate.get("/steady").header("etag")
            registry.publish("steady", Release("1.1.0", published=days_ago(60)))
            self.assertTrue(wire.eventually(lambda: "1.1.0" in gate.versions("steady")))
            self.assertNotEqual(gate.get("/steady").header("etag"), tag)
            self.assertEqual(gate.get("/steady", {"If-None-Match": tag}).status, 200)

    def test_backdated_release_is_young(self):
        """A release that was not there when the gate looked is new, also where the upstream dates it years back."""
        steady = Package("steady", [Release("1.0.0", published=days_ago(900))])
        with FixtureRegistry([steady]) as registry, Gate(registry.url, settings={"packuments": {"fresh": "1s"}}) as gate:
            self.assertEqual(gate.versions("steady"), ["1.0.0"])
            registry.publish("steady", Release("1.0.1", published=days_ago(800)))
            self.assertTrue(wire.eventually(lambda: "1.0.1" in (gate.packument("steady").header("npm-notice") or "")))
            self.assertEqual(gate.versions("steady"), ["1.0.0"])

    def test_unchanged_upstream_is_asked_conditionally(self):
        """Revalidation costs the upstream a 304."""
        steady = Package("steady", [Release("1.0.0", published=days_ago(300))])
        with FixtureRegistry([steady]) as registry, Gate(registry.url, settings={"packuments": {"fresh": "1s"}}) as gate:
            gate.get("/steady")

            def revalidated():
                gate.get("/steady")
                return len(registry.seen("/steady")) > 1

            self.assertTrue(wire.eventually(revalidated))
            self.assertIn("if-none-match", registry.seen("/steady")[1].headers)

    def test_reduced_upstream(self):
        """A mirror without maintainers, ETag and abbreviated form: the gate makes the short form itself and hides nothing."""
        steady = Package("steady", [Release("1.0.0", published=days_ago(300)), Release("1.1.0", published=days_ago(100))])
        with FixtureRegistry([steady], reduced=True) as registry, Gate(registry.url) as gate:
            short = gate.packument("steady", abbreviated=True).json()
            self.assertEqual(list(short["versions"]), ["1.0.0", "1.1.0"])
            self.assertIn("time", short)
            self.assertEqual(gate.tarball("steady", "1.1.0").status, 200)


if __name__ == "__main__":
    case.main()
