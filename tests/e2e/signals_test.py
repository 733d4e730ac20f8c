#!/usr/bin/env python3
"""Every signal beside the tarball's own code, through the running gate: an upstream with the complete registry's fields, one
package per signal, and what the gate's page says of the release. Then the same from a mirror that drops those fields."""

import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago, iso
from gate import Gate
from signing import Signer

SETTINGS = {"packuments": {"fresh": "1s", "stale": "1h"}}
OLD, NEW = 200.0, 2.0  # days ago: a baseline that nobody doubts, a release that is looked at
TRUSTED = {"name": "GitHub Actions", "email": "oidc@registry.example", "trustedPublisher": {"id": "github", "oidcConfigId": "oidc:one"}}


def pair(name, before=None, after=None, **package):
    """A package with an old release and a new one; the arguments go to the releases."""
    old = Release("1.0.0", **{"published": days_ago(OLD), **(before or {})})
    new = Release("1.0.1", **{"published": days_ago(NEW), **(after or {})})
    return Package(name, [old, new], **{"repository": f"https://git.example/o/{name}", **package})


class Signals(case.EndToEnd):
    """The complete registry, signing with a key of its own."""

    def setUp(self):
        self.signer = Signer()
        self.addCleanup(self.signer.close)
        self.registry = self.enterContext(FixtureRegistry())
        self.registry.sign_with(self.signer)

    def gate(self, **settings):
        """A gate in front of it."""
        return self.enterContext(Gate(self.registry.url, settings={**SETTINGS, **settings}))

    def found(self, gate, name, version="1.0.1"):
        """The findings of a release after a client asked for the package: id -> findings."""
        gate.packument(name)
        answer = gate.get(f"/-/npm-gate/releases/{name}/{version}", {"Accept": "application/json"})
        self.assertEqual(answer.status, 200, answer)
        found = {}
        for finding in answer.json()["findings"]:
            found.setdefault(finding["id"], []).append(finding)
        self.say(name, version, sorted(found))
        return found

    def test_nothing_is_found_about_an_ordinary_release(self):
        """Same people, signed, attested before and after: silence."""
        self.registry.add(pair("plain", {"attestations": True}, {"attestations": True}))
        self.assertEqual(self.found(self.gate(git={"hosts": []}), "plain").keys() - {"evidence-unavailable"}, set())

    def test_people(self):
        """Who published, and who may."""
        self.registry.add(pair("handed", {"publisher": "owner"}, {"publisher": "stranger", "maintainers": ["owner", "stranger"]}))
        self.registry.add(pair("shared", {"publisher": "owner", "maintainers": ["owner", "friend"]},
                               {"publisher": "friend", "maintainers": ["owner", "friend"]}))
        gate = self.gate()
        found = self.found(gate, "handed")
        self.assertEqual(found["new-maintainer-published"][0]["proof"]["publisher"]["name"], "stranger")
        self.assertEqual(found["publisher-changed"][0]["proof"]["before"]["name"], "owner")
        self.assertEqual(found["maintainers-changed"][0]["proof"]["added"], ["stranger"])
        found = self.found(gate, "shared")
        self.assertIn("publisher-changed", found)
        self.assertNotIn("new-maintainer-published", found)

    def test_provenance(self):
        """Attestations lost; trusted publishing exchanged for another one; trust going up is no change for the worse."""
        self.registry.add(pair("lost", {"attestations": True}))
        self.registry.add(pair("moved", {"attestations": True, "registry": {"_npmUser": TRUSTED}}, {"attestations": True, "registry": {
            "_npmUser": {**TRUSTED, "trustedPublisher": {"id": "gitlab", "oidcConfigId": "oidc:two"}}}}))
        self.registry.add(pair("raised", {}, {"attestations": True, "registry": {"_npmUser": TRUSTED}}))
        gate = self.gate()
        found = self.found(gate, "lost")
        self.assertEqual(found["provenance-lost"][0]["proof"]["before"], "1.0.0")
        self.assertNotIn("1.0.1", gate.versions("lost"))
        self.assertIn("provenance-changed", self.found(gate, "moved"))
        found = self.found(gate, "raised")
        self.assertEqual([name for name in found if name.startswith(("provenance", "publisher", "new-maintainer"))], [])

    def test_builds(self):
        """A takeover through trusted publishing: attested like the one before, built by another workflow or from a fork; one attestation
        is about other bytes, one is not available."""
        hook = {"manifest": {"scripts": {"postinstall": "node index.js"}}}
        by = {"registry": {"_npmUser": TRUSTED}}
        build = {
            "same": {},
            "workflow": {"workflow": ".github/workflows/discussion.yml", "ref": "refs/heads/patch-1"},
            "fork": {"repository": "https://git.example/stranger/fork"},
            "older": {"predicate": "https://slsa.dev/provenance/v0.2"},
            "foreign": {"sha512": "0" * 128},
            "gone": {},
        }
        for name, said in build.items():
            self.registry.add(pair(name, {"attestations": True, **by}, {"attestations": said or True, **by, **hook}))
        self.registry.fault("/-/npm/v1/attestations/gone@1.0.1", "status", status=500)
        gate = self.gate()
        for name in ("same", "older"):
            self.assertNotIn("provenance-changed", self.found(gate, name))
        changed = {name: self.found(gate, name)["provenance-changed"][0] for name in ("workflow", "fork", "foreign")}
        self.assertEqual({name: finding["severity"] for name, finding in changed.items()},
                         {"workflow": "medium", "fork": "high", "foreign": "high"})
        self.assertEqual(changed["workflow"]["proof"]["after"]["workflow"], ".github/workflows/discussion.yml")
        self.assertEqual(changed["workflow"]["proof"]["before"]["repository"], "https://git.example/o/workflow")
        self.assertIn("stranger/fork", changed["fork"]["message"])
        self.assertIn("something else than pkg:npm/foreign@1.0.1", changed["foreign"]["message"])
        for name in changed:
            self.assert_refused(gate.tarball(name, "1.0.1"), "quarantined", "rule takeover")
        unknown = [finding for finding in self.found(gate, "gone")["evidence-unavailable"] if finding["source"] == "provenance"]
        self.assertIn("500", unknown[0]["proof"]["reason"])
        # What was read once is not asked for again, also after a restart.
        asked = len(self.registry.seen("/-/npm/v1/attestations/workflow@*"))
        self.assertEqual(asked, 2)
        gate.restart()
        self.assertIn("provenance-changed", self.found(gate, "workflow"))
        self.assertEqual(len(self.registry.seen("/-/npm/v1/attestations/workflow@*")), asked)

    def test_a_late_attestation_is_asked_for(self):
        """Held while it is missing; once it comes the release is let go, and what it says is known."""
        self.registry.add(pair("late", {"attestations": True}))
        gate = self.gate(git={"hosts": [], "cache": "1s"})
        self.assertIn("provenance-lost", self.found(gate, "late"))
        self.assert_refused(gate.tarball("late", "1.0.1"), "quarantined", "provenance")
        release = self.registry.packages["late"].release("1.0.1")
        release.attestations = {"workflow": ".github/workflows/other.yml"}
        self.assertTrue(wire.eventually(lambda: gate.tarball("late", "1.0.1").status == 200), gate.log_end())
        self.assertTrue(wire.eventually(lambda: "provenance-changed" in self.found(gate, "late")), gate.log_end())
        self.assertNotIn("provenance-lost", self.found(gate, "late"))

    def test_a_late_attestation_of_what_was_served_is_asked_for(self):
        """Inspected and pinned without one: the finding goes away with it, and nothing is inspected again."""
        self.registry.add(pair("served", {"attestations": True}))
        lenient = "version: 1\nrules:\n  - { id: told, when: { finding: [provenance-lost, provenance-changed] }, then: warn }\n"
        gate = self.enterContext(Gate(self.registry.url, policy=lenient, settings={**SETTINGS, "git": {"hosts": [], "cache": "1s"}}))
        self.assertEqual(gate.tarball("served", "1.0.1").status, 200)
        self.assertIn("provenance-lost", self.found(gate, "served"))
        tarballs = len(self.registry.seen("*.tgz"))
        self.registry.packages["served"].release("1.0.1").attestations = {"workflow": ".github/workflows/other.yml"}
        self.assertTrue(wire.eventually(lambda: "provenance-changed" in self.found(gate, "served")), gate.log_end())
        self.assertNotIn("provenance-lost", self.found(gate, "served"))
        self.assertEqual(len(self.registry.seen("*.tgz")), tarballs)

    def test_the_watch_asks_for_a_late_attestation(self):
        """While no client asks for the package."""
        self.registry.add(pair("watched", {"attestations": True}))
        policy = "version: 1\nrules:\n  - { id: told, when: { finding: provenance-lost }, then: warn }\n"
        watch = {"min_interval": "500ms", "max_interval": "1s", "budget": "6000/min", "packages": ["watched"]}
        gate = self.enterContext(Gate(self.registry.url, policy=policy, settings={"git": {"hosts": []}, "watch": watch}))
        self.assertTrue(wire.eventually(lambda: self.registry.seen("/watched/-/watched-1.0.1.tgz")), gate.log_end())
        self.assertEqual(self.registry.seen("/-/npm/v1/attestations/*"), [])
        self.registry.packages["watched"].release("1.0.1").attestations = True
        self.assertTrue(wire.eventually(lambda: self.registry.seen("/-/npm/v1/attestations/watched@1.0.1")), gate.log_end())

    def test_registry_signatures(self):
        """Valid, wrong, missing, by an unknown key; a key is believed for what was published before it expired only."""
        for name in ("valid", "wrong", "missing", "unknown-key"):
            self.registry.add(pair(name))
        stranger = Signer()
        self.addCleanup(stranger.close)
        valid = self.registry.manifest(self.registry.packages["wrong"], self.registry.packages["wrong"].releases[0])
        self.registry.edit_manifest("wrong", "1.0.1", dist=self.dist("wrong", signatures=valid["dist"]["signatures"]))
        self.registry.edit_manifest("missing", "1.0.1", dist=self.dist("missing", signatures=None))
        self.registry.edit_manifest("unknown-key", "1.0.1", dist=self.dist("unknown-key", signatures=[
            {"keyid": stranger.keyid, "sig": stranger.sign("anything")}]))
        gate = self.gate()
        self.assertEqual([i for i in self.found(gate, "valid") if i.startswith("signature")], [])
        found = self.found(gate, "wrong")
        self.assertEqual(found["signature-invalid"][0]["proof"]["keyids"], [self.signer.keyid])
        self.assert_refused(gate.tarball("wrong", "1.0.1"), "blocked", "signature")
        self.assertIn("signature-missing", self.found(gate, "missing"))
        found = self.found(gate, "unknown-key")
        self.assertNotIn("signature-invalid", found)
        self.assertIn("signature", {finding["source"] for finding in found["evidence-unavailable"]})

    def dist(self, name, **changes):
        """The dist of 1.0.1 with changes; None takes a field away."""
        package = self.registry.packages[name]
        dist = {**self.registry.manifest(package, package.releases[1])["dist"], **changes}
        return {key: value for key, value in dist.items() if value is not None}

    def test_signing_keys_expire(self):
        """Before its end a key counts, after it not; an end that nobody can read makes the key unusable."""
        rows = ((iso(days_ago(NEW - 1)), set()), (iso(days_ago(NEW + 1)), {"signature-invalid"}), ("soon", set()))
        for expires, expected in rows:
            with self.subTest(expires), FixtureRegistry([pair("dated")]) as registry:
                signer = Signer(expires)
                self.addCleanup(signer.close)
                registry.sign_with(signer)
                with Gate(registry.url, settings=SETTINGS) as gate:
                    found = self.found(gate, "dated")
                    self.assertEqual({i for i in found if i.startswith("signature")}, expected)
                    unknown = {finding["source"] for finding in found.get("evidence-unavailable", [])}
                    self.assertEqual("signature" in unknown, expires == "soon")

    def test_dependencies(self):
        """New, young, the same owner's, and from elsewhere than a registry."""
        self.registry.add(Package("sibling", [Release("1.0.0", published=days_ago(NEW + 1))], maintainers=["owner"]))
        self.registry.add(Package("payload", [Release("4.2.0", published=days_ago(NEW + 1)), Release("4.2.1", published=days_ago(NEW))],
                                  maintainers=["stranger"]))
        self.registry.add(Package("grown", [Release("1.0.0", published=days_ago(OLD))], maintainers=["stranger"]))
        deps = {"sibling": "^1.0.0", "payload": "^4.2.0", "grown": "^1.0.0"}
        self.registry.add(pair("adds", {}, {"manifest": {"dependencies": deps}}))
        self.registry.add(pair("exotic", {}, {"manifest": {"optionalDependencies": {"setup": "github:o/r#0123456"}}}))
        gate = self.gate()
        found = self.found(gate, "adds")
        fresh = {finding["proof"]["name"]: finding["proof"] for finding in found["fresh-dependency"]}
        self.assertEqual(sorted(fresh), ["payload", "sibling"])
        self.assertEqual((fresh["sibling"]["same_owner"], fresh["payload"]["same_owner"]), (True, False))
        self.assertEqual(fresh["payload"]["resolved"], "4.2.1")
        self.assertEqual(len(found["dependency-added"][0]["proof"]["added"]), 3)
        proof = self.found(gate, "exotic")["exotic-dependency"][0]["proof"]["dependencies"][0]
        self.assertEqual((proof["name"], proof["kind"], proof["field"]), ("setup", "git", "optionalDependencies"))

    def test_an_age_that_could_not_be_had_is_said_to_be_unknown(self):
        """A dependency that the upstream does not answer for is not taken for an old one."""
        self.registry.add(pair("adds", {}, {"manifest": {"dependencies": {"payload": "^1.0.0"}}}))
        self.registry.fault("/payload", "status", status=503)
        found = self.found(self.gate(), "adds")
        unknown = [finding["proof"]["reason"] for finding in found["evidence-unavailable"] if finding["source"] == "packument-field"]
        self.assertEqual(len(unknown), 1, found)
        self.assertIn("payload", unknown[0])
        fresh = found["fresh-dependency"][0]["proof"]
        self.assertEqual(fresh["name"], "payload")
        self.assertTrue(fresh["unknown"])

    def test_no_number_hides_a_young_dependency(self):
        """Twenty old ones in front of a young one: all are asked about."""
        deps = {}
        for i in range(20):
            self.registry.add(Package(f"a-grown-{i}", [Release("1.0.0", published=days_ago(OLD))], maintainers=["stranger"]))
            deps[f"a-grown-{i}"] = "^1.0.0"
        self.registry.add(Package("z-young", [Release("1.0.0", published=days_ago(NEW))], maintainers=["stranger"]))
        deps["z-alias"] = "npm:z-young@^1.0.0"
        self.registry.add(pair("adds", {}, {"manifest": {"dependencies": deps}}))
        found = self.found(self.gate(), "adds")
        self.assertEqual([finding["proof"]["name"] for finding in found["fresh-dependency"]], ["z-alias"])

    def test_what_lies_in_the_tarball_and_the_packument(self):
        """Shrinkwrap, licence, deprecation, repository, a name like a popular one's."""
        self.registry.add(pair("wrapped", {}, {"files": {"npm-shrinkwrap.json": '{"lockfileVersion": 1}'}}))
        self.registry.add(pair("licensed", {}, {"manifest": {"license": "BUSL-1.1"}}))
        self.registry.add(pair("tired", {}, {"deprecated": "use other"}))
        self.registry.add(pair("moved", {}, {"registry": {"repository": {"type": "git", "url": "https://git.example/other/moved"}}}))
        self.registry.add(Package("expresss", [Release("1.0.0", published=days_ago(NEW))]))
        gate = self.gate()
        self.assertIn("shrinkwrap-included", self.found(gate, "wrapped"))
        self.assertEqual(self.found(gate, "licensed")["license-changed"][0]["proof"], {"before": "MIT", "after": "BUSL-1.1"})
        self.assertIn("deprecated", self.found(gate, "tired"))
        self.assertIn("repository-changed", self.found(gate, "moved"))
        found = self.found(gate, "expresss", "1.0.0")
        self.assertIn("express", json.dumps(found["typosquat-suspect"][0]["proof"]))
        self.assertIn("first-release", found)

    def test_rhythm(self):
        """After years of silence; several lines within an hour; an old line."""
        line = [Release(f"1.0.{patch}", published=days_ago(1500 - 20 * patch)) for patch in range(5)]
        self.registry.add(Package("asleep", [*line, Release("1.0.9", published=days_ago(NEW))]))
        burst = [Release(f"{major}.0.1", published=days_ago(NEW) + 60 * major) for major in (1, 2, 3)]
        self.registry.add(Package("burst", [*(Release(f"{m}.0.0", published=days_ago(OLD)) for m in (1, 2, 3)), *burst]))
        self.registry.add(Package("backport", [Release("1.0.0", published=days_ago(OLD)), Release("2.0.0", published=days_ago(OLD - 50)),
                                               Release("1.0.1", published=days_ago(NEW))]))
        gate = self.gate()
        self.assertIn("dormant-release", self.found(gate, "asleep", "1.0.9"))
        self.assertEqual(self.found(gate, "burst", "3.0.1")["version-burst"][0]["proof"]["lines"], ["1", "2", "3"])
        self.assertIn("old-line-release", self.found(gate, "backport"))

    def test_what_changes_after_it_was_served(self):
        """Other bytes under a version that nobody fetched yet, and a release that the upstream takes back."""
        self.registry.add(Package("again", [Release("1.0.0", published=days_ago(OLD)), Release("1.0.1", published=days_ago(100.0))]))
        self.registry.add(Package("gone", [Release("1.0.0", published=days_ago(OLD)), Release("1.0.1", published=days_ago(100.0))]))
        gate = self.gate()
        self.assertEqual(gate.versions("again"), ["1.0.0", "1.0.1"])
        self.assertEqual(gate.tarball("gone", "1.0.1").status, 200)
        self.registry.republish("again", "1.0.1", files={"other.js": "1"})
        self.registry.unpublish("gone", "1.0.1")
        self.assertTrue(wire.eventually(lambda: "release-republished" in self.found(gate, "again")))
        self.assert_refused(gate.tarball("again", "1.0.1"), "blocked", "integrity")
        self.assertTrue(wire.eventually(lambda: "release-withdrawn" in self.found(gate, "gone")))

    def test_known_malware(self):
        """A feed that names the release."""
        self.registry.add(pair("named"))
        with tempfile.TemporaryDirectory() as folder:
            affected = [{"package": {"ecosystem": "npm", "name": "named"}, "versions": ["1.0.1"]}]
            pathlib.Path(folder, "MAL-1.json").write_text(json.dumps({"id": "MAL-2026-1", "affected": affected}))
            gate = self.gate(feeds=[folder])
            self.assertEqual(self.found(gate, "named")["known-malware"][0]["proof"]["advisory"], "MAL-2026-1")
            self.assert_refused(gate.tarball("named", "1.0.1"), "blocked", "malware")

    def test_a_fix_that_is_the_last_good_release_again_comes_sooner(self):
        """An hour old: served if nothing but the version differs and a maintainer published it; held for any other byte, a document's too."""
        code = {"index.js": "module.exports = 1;\n", "README.md": "one"}
        hour = {"published": days_ago(1 / 24)}
        self.registry.add(pair("fixed", {"files": code}, {"files": code, **hour}))
        self.registry.add(pair("reworded", {"files": code}, {"files": {**code, "README.md": "two"}, **hour}))
        self.registry.add(pair("touched", {"files": code}, {"files": {**code, "index.js": "module.exports = 2;\n"}, **hour}))
        self.registry.add(pair("foreign", {"files": code}, {"files": code, "publisher": "stranger", "maintainers": ["stranger"], **hour}))
        self.registry.add(pair("hooked", {"files": code}, {"files": code, "registry": {"scripts": {"postinstall": "node index.js"}}, **hour}))
        gate = self.gate()
        self.assertTrue(wire.eventually(lambda: gate.versions("fixed") == ["1.0.0", "1.0.1"]), gate.log_end())
        self.assertEqual(gate.tarball("fixed", "1.0.1").status, 200)
        for name in ("reworded", "touched", "foreign", "hooked"):
            self.assert_refused(gate.tarball(name, "1.0.1"), "quarantined")
            self.assertEqual(gate.versions(name), ["1.0.0"])

    def test_what_was_learned_outlives_a_restart(self):
        """A wrong signature and a young dependency are as wrong and as young after the process began anew."""
        self.registry.add(Package("payload", [Release("1.0.0", published=days_ago(NEW + 1))], maintainers=["stranger"]))
        self.registry.add(pair("adds", {}, {"manifest": {"dependencies": {"payload": "^1.0.0"}}}))
        self.registry.add(pair("wrong"))
        valid = self.registry.manifest(self.registry.packages["wrong"], self.registry.packages["wrong"].releases[0])
        self.registry.edit_manifest("wrong", "1.0.1", dist=self.dist("wrong", signatures=valid["dist"]["signatures"]))
        gate = self.gate()
        for _ in range(2):
            self.assertIn("fresh-dependency", self.found(gate, "adds"))
            self.assertIn("signature-invalid", self.found(gate, "wrong"))
            gate.restart()

    def test_a_mirror_without_these_fields_says_nothing_about_a_package(self):
        """No finding, and one log line per upstream for what it cannot tell."""
        with FixtureRegistry(reduced=True) as mirror:
            for name in ("first", "second"):
                mirror.add(pair(name, {"attestations": True}, {"publisher": "stranger"}))
            with Gate(mirror.url, settings=SETTINGS) as gate:
                for name in ("first", "second"):
                    self.assertEqual(self.found(gate, name).keys() - {"evidence-unavailable"}, set())
                    sources = {finding["source"] for finding in self.found(gate, name).get("evidence-unavailable", [])}
                    self.assertEqual(sources - {"git-tags"}, set())
                self.assertEqual(gate.log().count("upstream-fields"), 1, gate.log_end())


if __name__ == "__main__":
    case.main()
