#!/usr/bin/env python3
"""Real releases with their real attestations, from a fixture upstream through the running gate: what verifies is proven, and one
changed byte in the tarball or in what is signed refuses. Files: tests/fixtures/sigstore."""

import base64
import copy
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
from attestations import V02
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "sigstore"
REAL = {
    "sigstore@0.4.0": "valid-attestations.json",
    "sigstore@1.0.0": "valid-sigstore-attestations.json",
    "sigstore@1.3.0": "valid-sigstore-1.3.0-attestations.json",
    "sigstore@2.0.0": "valid-sigstore-2.0.0-attestations.json",
    "tuf-js@1.0.0": "valid-tuf-js-attestations.json",
}
SETTINGS = {"packuments": {"fresh": "1s", "stale": "1h"}, "signatures": {"provenance": "verified"}}
REPOSITORIES = {"sigstore": "https://github.com/sigstore/sigstore-js", "tuf-js": "https://github.com/theupdateframework/tuf-js"}
POLICY = """version: 1
rules:
  - { id: invalid, when: { finding: provenance-invalid }, then: block }
  - id: unproven
    when: { younger_than: 30d, not: { provenance: { verified: true, repository: "https://github.com/sigstore/*" } } }
    then: quarantine
"""


def answer(spec):
    """The registry's answer about a real release."""
    return json.loads((FIXTURES / "npm" / REAL[spec]).read_text(encoding="utf-8"))


def real(spec, **changed):
    """A real release, published two days ago."""
    name, _, version = spec.rpartition("@")
    tarball = (FIXTURES / "tarballs" / f"{name}-{version}.tgz").read_bytes()
    fields = {"tarball": tarball, "attestations": {"predicate": V02, "answer": answer(spec)}, "published": days_ago(2), **changed}
    return Release(version, **fields)


class Provenance(case.EndToEnd):
    """One upstream, gates that verify."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry())

    def gate(self, policy=POLICY):
        """A gate that verifies attestations."""
        return self.enterContext(Gate(self.registry.url, settings=SETTINGS, policy=policy))

    def add(self, name, *releases):
        """A package of the upstream."""
        self.registry.add(Package(name, list(releases), repository=REPOSITORIES[name]))

    def found(self, gate, spec):
        """The findings of a release, by id and, for what was not available, source."""
        name, _, version = spec.rpartition("@")
        # A release that is held is inspected behind the packument's answer; its tarball's answer waits for that.
        gate.tarball(name, version)
        page = gate.get(f"/-/npm-gate/releases/{name}/{version}", {"Accept": "application/json"})
        self.assertEqual(page.status, 200, page)
        findings = page.json()["findings"]
        return {finding["id"] + ("/" + finding["source"] if finding["id"] == "evidence-unavailable" else ""): finding for finding in findings}

    def test_real_releases_verify(self):
        """Served, and let through by a rule that holds whatever is not proven to come from its repository."""
        self.add("sigstore", *(real(spec) for spec in REAL if spec.startswith("sigstore")))
        self.add("tuf-js", real("tuf-js@1.0.0"))
        gate = self.gate()
        for spec in REAL:
            self.assertNotIn("provenance-invalid", self.found(gate, spec), spec)
        for version in ("0.4.0", "1.0.0", "1.3.0", "2.0.0"):
            self.assertEqual(gate.tarball("sigstore", version).status, 200, version)
        # Proven as well, but of another repository than the rule asks for.
        self.assert_refused(gate.tarball("tuf-js", "1.0.0"), "quarantined", "rule unproven")

    def test_one_changed_byte_refuses(self):
        """In the tarball, in the signature, in the statement, in the log's promise, in the certificate."""
        spec = "tuf-js@1.0.0"
        changed = {}
        for place, path in {
            "signature": ("dsseEnvelope", "signatures", 0, "sig"),
            "statement": ("dsseEnvelope", "payload"),
            "promise": ("verificationMaterial", "tlogEntries", 0, "inclusionPromise", "signedEntryTimestamp"),
            "certificate": ("verificationMaterial", "x509CertificateChain", "certificates", 0, "rawBytes"),
        }.items():
            said = copy.deepcopy(answer(spec))
            at = said["attestations"][0]["bundle"]
            for key in path[:-1]:
                at = at[key]
            data = bytearray(base64.b64decode(at[path[-1]]))
            data[len(data) // 2] ^= 1
            at[path[-1]] = base64.b64encode(data).decode()
            changed[place] = {"attestations": {"predicate": V02, "answer": said}}
        # gzip's operating system byte: the same files, other bytes.
        tarball = bytearray((FIXTURES / "tarballs" / "tuf-js-1.0.0.tgz").read_bytes())
        tarball[9] ^= 1
        changed["tarball"] = {"tarball": bytes(tarball)}
        for place, fields in changed.items():
            with self.subTest(place), FixtureRegistry() as registry:
                registry.add(Package("tuf-js", [real(spec, **fields)], repository=REPOSITORIES["tuf-js"]))
                with Gate(registry.url, settings=SETTINGS) as gate:
                    found = self.found(gate, spec)
                    self.assertIn("provenance-invalid", found, place)
                    self.assertEqual(found["provenance-invalid"]["severity"], "critical")
                    self.assert_refused(gate.tarball("tuf-js", "1.0.0"), "blocked", "rule provenance-invalid")

    def test_missing_is_unknown(self):
        """An attestation that is not available proves nothing and accuses nobody."""
        self.add("tuf-js", real("tuf-js@1.0.0"))
        self.registry.fault("/-/npm/v1/attestations/tuf-js@1.0.0", "status", status=500)
        found = self.found(self.gate(), "tuf-js@1.0.0")
        self.assertNotIn("provenance-invalid", found)
        self.assertIn("500", found["evidence-unavailable/provenance"]["proof"]["reason"])


if __name__ == "__main__":
    unittest.main()
