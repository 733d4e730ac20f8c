#!/usr/bin/env python3
"""The tests' own tools do what they say: a fault that does not happen would make a test that cannot fail."""

import gzip
import http.client
import io
import json
import pathlib
import sys
import tarfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
# pylint: disable=wrong-import-position
import case
import clients
import incidents
import sinks
import tarballs
import wire
from fixture_registry import Canary, FixtureRegistry, Package, Release, days_ago

CORGI = {"Accept": "application/vnd.npm.install-v1+json"}


def registry_with(*names, **more):
    """A registry whose packages have one old release each."""
    return FixtureRegistry([Package(name, [Release("1.0.0", published=days_ago(100))]) for name in names], **more)


class Tarballs(unittest.TestCase):
    """The ustar writer against an independent reader."""

    def test_reads_back(self):
        """Names, modes and bodies as Python's tarfile sees them, package.json first."""
        long_name = "/".join(["directory"] * 12) + "/file.js"
        files = {"index.js": "x", "bin/cli.js*x": "#!", long_name: b"\0\1", "package.json": {"name": "a"}, "empty": b""}
        data = tarballs.tgz(files)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            members = {m.name: (m.mode, archive.extractfile(m).read()) for m in archive}
        self.assertEqual(list(members)[0], "package/package.json")
        self.assertEqual(members["package/bin/cli.js"], (0o755, b"#!"))
        self.assertEqual(members[f"package/{long_name}"], (0o644, b"\0\1"))
        self.assertEqual(members["package/empty"], (0o644, b""))
        self.assertEqual(json.loads(members["package/package.json"][1]), {"name": "a"})

    def test_deterministic(self):
        """The same files, the same bytes; one byte more, others."""
        self.assertEqual(tarballs.tgz({"a": "1"}), tarballs.tgz({"a": "1"}))
        self.assertNotEqual(tarballs.integrity(tarballs.tgz({"a": "1"})), tarballs.integrity(tarballs.tgz({"a": "2"})))

    def test_name_too_long(self):
        """What ustar cannot say is an error, not a wrong archive."""
        with self.assertRaises(ValueError):
            tarballs.tar({"x" * 300: ""})


class Documents(unittest.TestCase):
    """What the fixture registry serves when it behaves."""

    def test_packument_forms(self):
        """Full has people and times, abbreviated has neither; a reduced mirror has one form and no people."""
        with registry_with("left") as registry, registry_with("left", reduced=True) as mirror:
            full = wire.send(registry.url, "/left").json()
            short = wire.send(registry.url, "/left", headers=CORGI).json()
            reduced = wire.send(mirror.url, "/left", headers=CORGI)
        self.assertIn("_npmUser", full["versions"]["1.0.0"])
        self.assertIn("1.0.0", full["time"])
        self.assertEqual(set(short), {"name", "dist-tags", "versions", "modified"})
        self.assertNotIn("_npmUser", short["versions"]["1.0.0"])
        self.assertIn("time", reduced.json())
        self.assertNotIn("_npmUser", reduced.json()["versions"]["1.0.0"])
        self.assertIsNone(reduced.header("etag"))

    def test_tarball_matches_its_integrity(self):
        """Through the URL that the packument names, for a scoped name too."""
        with registry_with("left", "@scope/left") as registry:
            for name in ("left", "@scope/left"):
                dist = wire.send(registry.url, "/" + name.replace("/", "%2f")).json()["versions"]["1.0.0"]["dist"]
                data = wire.send(registry.url, dist["tarball"][len(registry.url) - 1:]).body
                self.assertEqual(tarballs.integrity(data), dist["integrity"])
                self.assertEqual(tarballs.shasum(data), dist["shasum"])

    def test_validators(self):
        """304 for the current ETag until something is published."""
        with registry_with("left") as registry:
            tag = wire.send(registry.url, "/left").header("etag")
            self.assertEqual(wire.send(registry.url, "/left", headers={"If-None-Match": tag}).status, 304)
            registry.publish("left", Release("1.1.0", published=days_ago(1)))
            self.assertEqual(wire.send(registry.url, "/left", headers={"If-None-Match": tag}).status, 200)

    def test_republish_and_edit(self):
        """Republishing changes bytes and integrity; editing the manifest changes neither."""
        with registry_with("left") as registry:
            before = registry.tarball("left", "1.0.0")
            registry.edit_manifest("left", "1.0.0", scripts={"postinstall": "x"})
            manifest = wire.send(registry.url, "/left/1.0.0").json()
            self.assertEqual(manifest["scripts"], {"postinstall": "x"})
            self.assertEqual(manifest["dist"]["integrity"], tarballs.integrity(before))
            registry.republish("left", "1.0.0", files={"evil.js": "x"})
            self.assertNotEqual(registry.tarball("left", "1.0.0"), before)

    def test_gzip(self):
        """Where asked for."""
        with registry_with("left") as registry:
            answer = wire.send(registry.url, "/left", headers={"Accept-Encoding": "gzip"})
            self.assertEqual(json.loads(gzip.decompress(answer.body))["name"], "left")

    def test_services(self):
        """Search, tags, bulk audit with a gzip body, writes recorded."""
        with registry_with("left") as registry:
            registry.advisories["left"] = [{"id": 1}]
            self.assertEqual(wire.send(registry.url, "/-/v1/search?text=lef").json()["total"], 1)
            self.assertEqual(wire.send(registry.url, "/-/package/left/dist-tags").json(), {"latest": "1.0.0"})
            body = gzip.compress(b'{"left":["1.0.0"],"other":["1.0.0"]}')
            self.assertEqual(wire.send(registry.url, "/-/npm/v1/security/advisories/bulk", "POST", body=body).json(), {"left": [{"id": 1}]})
            self.assertEqual(wire.send(registry.url, "/left", "PUT", body=b"{}").status, 201)
            self.assertEqual([r.path for r in registry.published], ["/left"])


class Faults(unittest.TestCase):
    """Every fault happens, to the right requests, as often as asked."""

    def test_bodies(self):
        """truncated and reset end early, wrong-bytes has the length and not the bytes."""
        with registry_with("left") as registry:
            path = "/left/-/left-1.0.0.tgz"
            good = registry.tarball("left", "1.0.0")
            registry.fault(path, "truncated", times=1)
            with self.assertRaises(http.client.IncompleteRead):
                wire.send(registry.url, path)
            registry.fault(path, "reset", times=1)
            with self.assertRaises((ConnectionResetError, http.client.IncompleteRead)):
                wire.send(registry.url, path)
            registry.fault(path, "wrong-bytes", times=1)
            wrong = wire.send(registry.url, path).body
            self.assertEqual(len(wrong), len(good))
            self.assertNotEqual(wrong, good)
            registry.fault(path, "drip", times=1, pieces=3, seconds=0)
            self.assertEqual(wire.send(registry.url, path).body, good)
            self.assertEqual(wire.send(registry.url, path).body, good)

    def test_answers(self):
        """status, garbage, redirect, close; only where the path matches; gone after heal()."""
        with registry_with("left", "right") as registry:
            registry.fault("/left", "status", status=503, retry_after=7)
            answer = wire.send(registry.url, "/left")
            self.assertEqual((answer.status, answer.header("retry-after")), (503, "7"))
            self.assertEqual(wire.send(registry.url, "/right").status, 200)
            registry.fault("/left", "garbage")
            with self.assertRaises(ValueError):
                wire.send(registry.url, "/left").json()
            registry.fault("/left", "redirect", location="/right")
            self.assertEqual(wire.send(registry.url, "/left").header("location"), "/right")
            registry.fault("/left", "close")
            with self.assertRaises((http.client.RemoteDisconnected, ConnectionResetError)):
                wire.send(registry.url, "/left")
            registry.heal()
            self.assertEqual(wire.send(registry.url, "/left").status, 200)

    def test_control_path(self):
        """Faults by hand, and the log of requests."""
        with registry_with("left") as registry:
            body = json.dumps({"match": "/left", "kind": "status", "status": 418}).encode()
            self.assertEqual(wire.send(registry.url, "/-/fixture/faults", "POST", body=body).status, 200)
            self.assertEqual(wire.send(registry.url, "/left").status, 418)
            self.assertEqual(wire.send(registry.url, "/-/fixture/faults", "DELETE").status, 200)
            self.assertEqual(wire.send(registry.url, "/left").status, 200)
            log = wire.send(registry.url, "/-/fixture/requests").json()
            self.assertEqual([entry["target"] for entry in log], ["/left", "/left"])

    def test_unknown_kind(self):
        """A misspelt fault is an error, not a healthy registry."""
        with self.assertRaises(ValueError):
            registry_with("left").fault("/left", "truncate")

    def test_stop(self):
        """A stopped registry is unreachable, also over a connection that was kept alive."""
        registry = registry_with("left")
        with registry:
            url = registry.url
            kept = wire.connect(url)
            wire.send(url, "/left", connection=kept)
        with self.assertRaises((OSError, http.client.HTTPException)):
            wire.send(url, "/left", connection=kept)
        kept.close()
        with self.assertRaises(OSError):
            wire.send(url, "/left", timeout=5)


class Wire(unittest.TestCase):
    """Tap, canary, raw."""

    def test_tap(self):
        """Sees what passed, and only that."""
        with registry_with("left") as registry, wire.Tap(registry.url) as tap:
            self.assertEqual(wire.send(tap.url, "/left").status, 200)
            self.assertTrue(tap.sent(b'"dist-tags"'))
            self.assertFalse(tap.sent(registry.tarball("left", "1.0.0")[40:104]))
            wire.send(tap.url, "/left/-/left-1.0.0.tgz")
            self.assertTrue(tap.sent(registry.tarball("left", "1.0.0")[40:104]))

    def test_canary(self):
        """Counts."""
        with Canary() as canary:
            self.assertEqual(canary.requests, [])
            wire.send(canary.url, "/x")
            self.assertEqual([r.path for r in canary.requests], ["/x"])

    def test_raw(self):
        """Bytes out, bytes in."""
        with registry_with("left") as registry:
            answer = wire.raw(registry.url, b"GET /left HTTP/1.0\r\n\r\n")
            self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer[:40])


class Incidents(unittest.TestCase):
    """The replayed incidents are consistent with themselves."""

    def test_shapes(self):
        """The last good version is the highest good one, the tag stands on a bad one, every bad one has the hook and its file."""
        for incident in incidents.ALL:
            package = incident.packages()[0]
            self.assertEqual(incident.last_good, incident.good[-1])
            self.assertIn(incident.latest, incident.bad)
            for version in incident.bad:
                release = package.release(version)
                self.assertIn(incident.script, release.files)
                self.assertEqual(release.manifest["scripts"], {incident.hook: incident.command})
                self.assertGreater(release.published, package.release(incident.last_good).published)
            self.assertTrue(set(v for v in incident.lines.values() if v) <= set(incident.good))

    def test_marker_script_names_its_file(self):
        """A marker script writes exactly its marker, and nothing without the variable."""
        self.assertIn('"x-1.0.0"', clients.marker_script("x-1.0.0"))
        self.assertIn(clients.MARKERS_VARIABLE, clients.marker_script("x"))


class Chats(unittest.TestCase):
    """The fakes of Slack and Teams refuse what the real ones refuse."""

    def post(self, fake, body):
        """The answer to one message."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = wire.send(fake.url, "/hook", "POST", {"Content-Type": "application/json"}, data)
        return answer.status, answer.body.decode()

    def test_slack(self):
        """A block too many, a character too many, no text."""
        def message(count=1, size=1, text="x"):
            return {"text": text, "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * size}}] * count}
        with sinks.Slack() as slack:
            self.assertEqual(self.post(slack, message(50, 3000)), (200, "ok"))
            for body, word in ((message(51), "invalid_blocks"), (message(1, 3001), "invalid_blocks"), (message(text=""), "no_text"),
                               (b"{", "invalid_payload"), ({"text": "x"}, "invalid_payload")):
                status, said = self.post(slack, body)
                self.assertEqual((status, said.split()[0]), (400, word))
            self.assertEqual(len(slack.messages), 1)

    def test_teams(self):
        """Too long, no card, a card of no known version."""
        def message(size=1, version="1.4"):
            card = {"type": "AdaptiveCard", "version": version, "body": [{"type": "TextBlock", "text": "x" * size}]}
            return {"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]}
        with sinks.Teams() as teams:
            self.assertEqual(self.post(teams, message(28000)), (202, ""))
            for body in (message(28 * 1024), message(version="9"), {"type": "message", "attachments": []}, {"text": "x"}):
                self.assertEqual(self.post(teams, body)[0], 400)
            self.assertEqual(len(teams.messages), 1)


if __name__ == "__main__":
    case.main()
