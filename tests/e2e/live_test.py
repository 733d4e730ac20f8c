#!/usr/bin/env python3
"""Real packages through the gate, from the registry that npm is configured with (or NPM_GATE_LIVE_UPSTREAM).

Label live: never part of a default run; `./test --live`. Installs run under the built-in policy. Whether versions are left out
without a reason is asked under one without age rules: what a registry says about ages differs from mirror to mirror.
"""

import os
import pathlib
import subprocess
import sys
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from clients import Project
from gate import Gate

PACKAGES = {"express": "*", "react": "*", "typescript": "*", "webpack": "*", "eslint": "*"}
AGELESS = """\
version: 1
mode: enforce
rules:
  - id: known-malware
    when: { finding: known-malware }
    then: block
"""
PROVEN = """\
version: 1
rules:
  - { id: unproven, when: { younger_than: 9000d, not: { provenance: { verified: true } } }, then: quarantine }
"""
# Releases of the first year of attestations, with bundles of 0.1 and 0.2; those of tests/fixtures/sigstore.
ATTESTED = ("sigstore@0.4.0", "sigstore@1.0.0", "sigstore@1.3.0", "sigstore@2.0.0", "tuf-js@1.0.0")
LIMIT = 600
EXHAUSTIVE = bool(os.environ.get("NPM_GATE_ALL"))


def upstream():
    """The registry to fetch from; "" where none is known."""
    named = os.environ.get("NPM_GATE_LIVE_UPSTREAM") or os.environ.get("NPM_CONFIG_REGISTRY")
    if named:
        return named
    try:
        done = subprocess.run(["npm", "config", "get", "registry"], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


class Live(case.EndToEnd):
    """One gate, one client after another: the first fills the gate's cache, the others find it warm."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not os.environ.get("NPM_GATE_LIVE"):
            raise unittest.SkipTest("live tests only run with ./test --live")
        cls.upstream = upstream()
        if not cls.upstream:
            raise unittest.SkipTest("no registry is configured")
        cls.gate = cls.enterClassContext(Gate(cls.upstream))

    def test_real_attestations_verify(self):
        """Every one that the registry hands out holds, of the bytes that it serves."""
        verified = []
        # Outside facts are asked for of recent releases.
        settings = {"inspection": {"recent": "9000d"}, "signatures": {"provenance": "verified"}}
        gate = self.enterContext(Gate(self.upstream, policy=PROVEN, settings=settings))
        for spec in ATTESTED:
            name, _, version = spec.rpartition("@")
            try:
                with urllib.request.urlopen(f"{self.upstream.rstrip('/')}/-/npm/v1/attestations/{spec}", timeout=60):
                    pass
            except (urllib.error.URLError, TimeoutError) as error:
                self.say(f"{spec}: the registry has no attestations of it ({error})")
                continue
            with self.subTest(spec):
                self.assertEqual(gate.tarball(name, version).status, 200, gate.log_end())
                verified.append(spec)
        if not verified:
            self.skipTest("this registry hands out no attestations")
        self.say(f"verified: {' '.join(verified)}")

    def metrics(self):
        """How often the gate asked its upstream, by kind: {label text: count}."""
        found = {}
        for line in wire.send(self.gate.admin_url, "/metrics").body.decode().splitlines():
            if line.startswith("npm_gate_upstream_requests_total"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    def tarballs_fetched(self):
        """Tarballs the gate fetched so far."""
        return sum(value for name, value in self.metrics().items() if "tarball" in name)

    def test_install_closures(self):
        """Install, install from the lock file, the same tree as without the gate, and nothing fetched twice."""
        for client in case.installed_clients():
            with self.subTest(client=client.name), Project(client, self.gate.url, scripts=False) as project:
                result = project.install(PACKAGES, timeout=LIMIT)
                self.say(result, f"gate fetched {self.tarballs_fetched():.0f} tarballs")
                self.assertEqual(result.code, 0, result.text[-4000:])
                self.assertEqual(set(result.versions), set(PACKAGES))
                through = project.tree()

                project.forget_cache()
                before = self.tarballs_fetched()
                again = project.install(frozen=True, timeout=LIMIT)
                self.say("  from the lock file, cold client, warm gate:", again)
                self.assertEqual(again.code, 0, again.text[-4000:])
                self.assertEqual(self.tarballs_fetched(), before, "a warm install fetched tarballs again")
                self.assertEqual(project.tree(), through)

                if EXHAUSTIVE or client.name in ("npm11", "pnpm12"):
                    self.compare_with_direct(project, through)

    def compare_with_direct(self, project, through):
        """The same lock file straight from the upstream gives the same files."""
        project.move_to(self.upstream)
        direct = project.install(frozen=True, timeout=LIMIT)
        self.say("  without the gate:", direct)
        self.assertEqual(direct.code, 0, direct.text[-4000:])
        tree = project.tree()
        self.assertEqual(sorted(tree), sorted(through))
        self.assertEqual([path for path in tree if tree[path] != through[path]], [])

    def test_nothing_left_out_without_a_reason(self):
        """Real packages hide no version under a policy without ages, or say why."""
        ageless = self.enterContext(Gate(self.upstream, policy=AGELESS))
        for name in PACKAGES:
            with self.subTest(name=name):
                direct = wire.send(self.upstream, f"/{name}", headers={"Accept": "application/json"}, timeout=120)
                seen = ageless.packument(name)
                self.assertEqual(seen.status, 200, seen)
                missing = set(direct.json()["versions"]) - set(seen.json()["versions"])
                self.say(name, len(seen.json()["versions"]), "versions,", len(missing), "left out")
                for version in missing:
                    self.assert_refused(ageless.tarball(name, version), f"{name}@{version}")


if __name__ == "__main__":
    case.main()
