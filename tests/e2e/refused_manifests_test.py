#!/usr/bin/env python3
"""Manifests that clients read differently are a finding under the floor: seen by every command, by waivers and by monitor mode. What nobody
runs is no reason to refuse: old stable releases of rollup, hapi and joi hold scripts that are objects."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, run

# As in rollup 1.21.0: a script for each platform, which no client runs.
ODD_SCRIPT = {"scripts": {"test": "mocha", "test:leak:os": {"darwin": "npm run test:leak:nix", "win32": "exit 0"}}}
WAIVER = """\
version: 1
waivers:
  - { package: bundler@1.2.0, findings: [package-json-refused], reason: SEC-9, expires: 2027-06-01 }
"""


class RefusedManifests(case.EndToEnd):
    """One package: 1.1.0 has a script that nobody runs, 1.2.0 a hook that is no string."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry([Package("bundler", [
            Release("1.0.0", days_ago(300)),
            Release("1.1.0", days_ago(250), manifest=ODD_SCRIPT),
            Release("1.2.0", days_ago(200), registry={"scripts": {"postinstall": ["node", "x.js"]}}),
        ])]))

    def test_a_script_that_nobody_runs_hides_nothing(self):
        """Listed, served, and allowed by every command."""
        gate = self.enterContext(Gate(self.registry.url, "version: 1\n"))
        self.assertEqual(gate.versions("bundler"), ["1.0.0", "1.1.0"])
        self.assertEqual(gate.tarball("bundler", "1.1.0").status, 200)
        shown = run("inspect", "bundler@1.1.0", "--upstream", self.registry.url, "--json")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertEqual(json.loads(shown.stdout)["verdict"]["action"], "allow")

    def test_a_hook_that_is_no_string_is_a_finding(self):
        """Blocked by the floor; explain and inspect name the finding, and the answer does."""
        gate = self.enterContext(Gate(self.registry.url, "version: 1\n"))
        self.assert_refused(gate.tarball("bundler", "1.2.0"), "blocked", "scripts-not-strings")
        explained = gate.command("explain", "bundler@1.2.0", "--json")
        self.assertIn("package-json-refused", explained.stdout)
        self.assertIn("scripts-not-strings", explained.stdout)
        shown = run("inspect", "bundler@1.2.0", "--upstream", self.registry.url, "--json")
        self.assertEqual(shown.returncode, 1, shown.stderr)
        self.assertIn("floor:package-json-refused", shown.stdout)

    def test_a_waiver_of_the_exact_version_serves_it(self):
        """And of that version only."""
        gate = self.enterContext(Gate(self.registry.url, WAIVER))
        self.assertEqual(gate.versions("bundler"), ["1.0.0", "1.1.0", "1.2.0"])
        self.assertEqual(gate.tarball("bundler", "1.2.0").status, 200)
        self.assertEqual(gate.get("/bundler").json()["dist-tags"]["latest"], "1.2.0")

    def test_monitor_mode_serves_and_records_it(self):
        """What would have happened is in the audit trail."""
        gate = self.enterContext(Gate(self.registry.url, "version: 1\nmode: monitor\n"))
        self.assertEqual(gate.versions("bundler"), ["1.0.0", "1.1.0", "1.2.0"])
        self.assertEqual(gate.tarball("bundler", "1.2.0").status, 200)
        explained = gate.command("explain", "bundler@1.2.0", "--json")
        self.assertEqual(json.loads(explained.stdout)["verdict"]["would"], "block")


if __name__ == "__main__":
    case.main()
