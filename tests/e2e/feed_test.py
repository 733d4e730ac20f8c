#!/usr/bin/env python3
"""Advisory feeds through the running gate: what a feed names is refused at once, what it takes back is served again."""

import json
import os
import pathlib
import sys
import tempfile
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

POLICY = "version: 1\nrules:\n  - { id: known-malware, when: { finding: known-malware }, then: block, message: Listed as malware. }\n"


def record(number, name, versions=(), ranges=(), **more):
    """An OSV record about malware in an npm package."""
    affected = {"package": {"ecosystem": "npm", "name": name}, "versions": list(versions),
                "ranges": [{"type": "SEMVER", "events": list(events)} for events in ranges]}
    return {"schema_version": "1.7.0", "id": f"MAL-2026-{number}", "summary": f"Malicious code in {name} (npm)",
            "published": "2026-01-02T03:04:05Z", "affected": [affected], **more}


class Feeds(case.EndToEnd):
    """One package with three old releases; nothing but a feed speaks against any of them."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.registry = self.enterContext(FixtureRegistry([
            Package("steady", [Release(f"1.{minor}.0", published=days_ago(400 - minor)) for minor in range(3)]),
        ]))

    def write(self, name, value):
        """Puts a file into the feed folder as a careful tool does: written aside, then renamed."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".part")
        aside.write_text(value if isinstance(value, str) else json.dumps(value))
        os.replace(aside, path)
        return path

    def gate(self, *feeds):
        """A gate with these feeds and a policy that blocks what they name."""
        return self.enterContext(Gate(self.registry.url, policy=POLICY, settings={"feeds": [str(feed) for feed in feeds]}))

    def assert_named(self, gate, *versions):
        """Exactly these versions are refused, at every door, soon."""
        left = [version for version in ("1.0.0", "1.1.0", "1.2.0") if version not in versions]
        self.assertTrue(wire.eventually(lambda: gate.versions("steady") == left), (gate.versions("steady"), gate.log_end()))
        for version in versions:
            self.assert_refused(gate.tarball("steady", version), "blocked", "known-malware")
            self.assert_refused(gate.get(f"/steady/{version}"), "blocked")
        for version in left:
            self.assertEqual(gate.tarball("steady", version).status, 200)

    def test_what_was_served_is_refused_once_it_is_named(self):
        """Releases already seen, pinned and served change their verdict with the feed, both ways, and npm audit says so."""
        self.write("MAL-1.json", record(1, "other", ["1.0.0"]))
        gate = self.gate(self.folder)
        self.assert_named(gate)
        self.write("npm/MAL-2.json", record(2, "steady", ["1.2.0"]))
        self.assert_named(gate, "1.2.0")
        shown = gate.get("/-/npm-gate/releases/steady/1.2.0", {"Accept": "application/json"}).json()
        found = [finding for finding in shown["findings"] if finding["id"] == "known-malware"]
        self.assertEqual(found[0]["proof"]["advisory"], "MAL-2026-2")
        audit = gate.send("/-/npm/v1/security/advisories/bulk", "POST", {"content-type": "application/json"},
                          json.dumps({"steady": ["1.2.0", "1.1.0"], "other": ["1.0.0"]}).encode()).json()
        self.assertEqual(sorted(audit), ["other", "steady"])
        self.assertEqual(len(audit["steady"]), 1)
        self.write("npm/MAL-3.json", record(3, "steady", ranges=[[{"introduced": "1.1.0"}, {"fixed": "1.2.0"}]]))
        self.assert_named(gate, "1.1.0", "1.2.0")
        self.write("npm/MAL-2.json", record(2, "steady", ["1.2.0"], withdrawn="2026-02-02T00:00:00Z"))
        self.assert_named(gate, "1.1.0")
        (self.folder / "npm/MAL-3.json").unlink()
        self.assert_named(gate)

    def test_an_unreadable_feed_keeps_the_one_before_it(self):
        """A half-written export changes nothing, and log, metric, readiness and admin API say so; the whole one is taken."""
        export = self.folder / "npm.zip"
        with zipfile.ZipFile(export, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("MAL-2026-1.json", json.dumps(record(1, "steady", ["1.2.0"])))
        whole = export.read_bytes()
        gate = self.gate(export)
        self.assert_named(gate, "1.2.0")
        self.assertEqual(wire.send(gate.admin_url, "/readyz").body, b"ready\n")
        export.write_bytes(whole[:len(whole) // 2])
        self.assertTrue(wire.eventually(lambda: b"npm.zip" in wire.send(gate.admin_url, "/readyz").body), gate.log_end())
        self.assertEqual(wire.send(gate.admin_url, "/readyz").status, 200)
        self.assertIn("feed-refused", gate.log())
        metrics = wire.send(gate.admin_url, "/metrics").body.decode()
        self.assertIn('npm_gate_feed_loads_total{result="refused"} 1', metrics)
        self.assertIn("npm_gate_feed_problem 1", metrics)
        token = gate.command("token", "create", "reviewer", "--scope", "review").stdout.split()[-1]
        feeds = wire.send(gate.admin_url, "/api/v1/policy", headers={"Authorization": f"Bearer {token}"}).json()["feeds"]
        self.assertIn("npm.zip", feeds["problem"])
        self.assertEqual(feeds["malware"], 1)
        self.assert_named(gate, "1.2.0")
        with zipfile.ZipFile(export, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("MAL-2026-1.json", json.dumps(record(1, "steady", ["1.1.0"])))
        self.assert_named(gate, "1.1.0")
        self.assertEqual(wire.send(gate.admin_url, "/readyz").body, b"ready\n")

    def test_a_gate_without_its_feed_does_not_start(self):
        """Named but not there, or no OSV: exit 2, what and where on the first line."""
        broken = self.write("broken.json", "{")
        for feed, word in ((self.folder / "missing", "missing"), (broken, "broken.json")):
            with Gate(self.registry.url, policy=POLICY) as gate:
                gate.stop()  # one gate per data folder
                config = gate.config_file.read_text() + f"feeds: [{json.dumps(str(feed))}]\n"
                other = gate.base / "with-feed.yaml"
                other.write_text(config)
                done = case.gate.run("serve", "--config", other, cwd=gate.base)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(word, done.stderr.splitlines()[0])

    def test_inspect_reads_the_feeds_of_its_configuration(self):
        """npm-gate inspect, without a running gate."""
        self.write("MAL-1.json", record(1, "steady", ["1.2.0"]))
        with Gate(self.registry.url, policy=POLICY, settings={"feeds": [str(self.folder)]}) as gate:
            done = gate.command("inspect", "steady@1.2.0", "--json")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("MAL-2026-1", done.stdout)
            calm = gate.command("inspect", "steady@1.1.0")
            self.assertEqual(calm.returncode, 0)
            self.assertNotIn("No advisory feed", calm.stdout)
            # A file is asked about by what its package.json says.
            file = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()), "steady.tgz")
            file.write_bytes(self.registry.tarball("steady", "1.2.0"))
            done = gate.command("inspect", file)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("MAL-2026-1", done.stdout)
            without = case.gate.run("inspect", file, cwd=gate.base)
            self.assertEqual(without.returncode, 1, "the cooldown: a file appeared this moment")
            self.assertNotIn("MAL-2026-1", without.stdout)
            self.assertIn("No advisory feed was asked", without.stdout)
            named = case.gate.run("inspect", file, file, "--feed", self.folder, "--json", cwd=gate.base)
            rows = [json.loads(line) for line in named.stdout.splitlines()]
            self.assertEqual([row["feed_asked"] for row in rows], [True, True], named.stderr)
            self.assertEqual([row["findings"][0]["id"] for row in rows], ["known-malware"] * 2)

    def test_policy_try_asks_the_feed_of_now(self):
        """Released before the feed named it: what the gate would say now counts, not what it said when it was seen."""
        self.write("MAL-1.json", record(1, "other", ["1.0.0"]))
        gate = self.gate(self.folder)
        for version in ("1.1.0", "1.2.0"):
            self.assertEqual(gate.tarball("steady", version).status, 200)
        gate.stop()
        self.write("MAL-2.json", record(2, "steady", ["1.2.0"]))
        lax = self.folder.parent / f"{self.folder.name}-lax.yaml"
        lax.write_text("version: 1\n")
        self.addCleanup(lax.unlink)
        done = gate.command("policy", "try", lax, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        changes = [(row["version"], row["before"], row["after"]) for row in json.loads(done.stdout)["changes"]]
        self.assertEqual(changes, [("1.2.0", "block", "allow")])


if __name__ == "__main__":
    case.main()
