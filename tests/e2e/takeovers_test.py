#!/usr/bin/env python3
"""Account takeovers of the past through the gate with the built-in policy, with every real client.

A project with a range gets the last good version; an exact pin or a lock file on a hijacked version is refused; no hijacked
install script runs and none of its bytes leaves the gate. `takeovers_test.py NAME…` runs one incident.
"""

import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import incidents
import wire
from clients import Project
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

# Which incident this process replays: CMake starts one process for each, so that they run side by side.
CHOSEN = os.environ.get("NPM_GATE_INCIDENT", "")
INCIDENTS = [incident for incident in incidents.ALL if CHOSEN in ("", incident.name)]
# Bytes from the middle of a gzip stream are as good as a name for it.
PROBE = slice(40, 104)


def alias(position):
    """The name under which one range of the package is installed beside the others."""
    return f"line{position}"


class Takeovers(case.EndToEnd):
    """Every test is a loop over incidents and clients; each pair is a subtest and one line of output."""

    def setUp(self):
        self.registry = FixtureRegistry()
        self.enterContext(self.registry)
        for incident in INCIDENTS:
            for package in incident.packages():
                self.registry.add(package)
        self.registry.add(Package("bystander", [Release("1.0.0", published=days_ago(400))]))

    def gate(self, **more):
        """A gate with the built-in policy in front of the registry, seen through a tap."""
        running = self.enterContext(Gate(self.registry.url, **more))
        return running, self.enterContext(wire.Tap(running.url))

    def assert_no_bad_bytes(self, tap, incident):
        """Nothing of any hijacked tarball passed the tap."""
        for version in incident.bad:
            probe = self.registry.tarball(incident.name, version)[PROBE]
            self.assertFalse(tap.sent(probe), f"bytes of {incident.name}@{version} left the gate")

    def test_control_without_the_gate(self):
        """The stand-ins do what the hijacked releases did: without a gate their marker appears."""
        for incident in INCIDENTS:
            with self.subTest(incident.name), Project(case.installed_clients("npm11")[0], self.registry.url) as project:
                result = project.install({incident.name: incident.latest})
                self.say("control", result)
                self.assertEqual(result.code, 0, result.text)
                self.assertEqual(result.markers, [incident.marker(incident.latest)])

    def test_ranges_get_the_last_good_version(self):
        """Everything a project may ask for, in one install per client; cold, then with a warm gate."""
        _, tap = self.gate()
        for incident in INCIDENTS:
            good = {wanted: version for wanted, version in incident.lines.items() if version}
            dependencies = {alias(i): f"npm:{incident.name}@{wanted}" for i, wanted in enumerate(good)}
            expected = {alias(i): version for i, version in enumerate(good.values())}
            for client in case.installed_clients():
                with self.subTest(incident.name, client=client.name), Project(client, tap.url) as project:
                    result = project.install({**dependencies, "bystander": "^1.0.0"})
                    self.say(incident.name, result)
                    self.assertEqual(result.code, 0, result.text)
                    self.assertEqual(result.versions, {**expected, "bystander": "1.0.0"}, result.text)
                    self.assertEqual(result.markers, [])
            self.assert_no_bad_bytes(tap, incident)

    def test_lines_that_were_born_bad_have_nothing(self):
        """A range that only hijacked versions satisfy fails, and npm says why."""
        _, tap = self.gate()
        for incident in INCIDENTS:
            for wanted in (wanted for wanted, version in incident.lines.items() if version is None):
                for client in case.installed_clients("npm11", "pnpm12", "yarn4", "bun"):
                    with self.subTest(incident.name, wanted=wanted, client=client.name):
                        self.refused(tap, incident, client, wanted)
            self.assert_no_bad_bytes(tap, incident)

    def test_exact_pins_are_refused(self):
        """package.json names a hijacked version."""
        _, tap = self.gate()
        for incident in INCIDENTS:
            for position, client in enumerate(case.installed_clients()):
                # Every client meets one of the versions, every version several clients; all pairs if time is no matter.
                chosen = incident.bad if os.environ.get("NPM_GATE_ALL") else [incident.bad[position % len(incident.bad)]]
                for version in chosen:
                    with self.subTest(incident.name, version=version, client=client.name):
                        self.refused(tap, incident, client, version)
            self.assert_no_bad_bytes(tap, incident)

    def refused(self, tap, incident, client, wanted):
        """One install that must end without the package, with the reason where the client can show it."""
        with Project(client, tap.url) as project:
            result = project.install({incident.name: wanted})
            self.say(incident.name, wanted, result)
            self.assertNotEqual(result.code, 0, result.text)
            self.assertEqual((result.versions, result.markers), ({}, []), result.text)
            if client.shows_notice:
                self.assertIn("npm-gate: ", result.text)
                self.assertIn("quarantined", result.text)

    def test_lock_files_on_a_hijacked_version_are_refused(self):
        """A lock file made in the bad hours, then CI through the gate with cold caches."""
        _, tap = self.gate()
        for incident in INCIDENTS:
            version = incident.bad[0]
            for client in case.installed_clients():
                with self.subTest(incident.name, client=client.name), Project(client, self.registry.url) as project:
                    before = project.install({incident.name: version})
                    self.assertEqual((before.code, before.versions), (0, {incident.name: version}), before.text)
                    project.move_to(tap.url)
                    result = project.install(frozen=True)
                    self.say("lock file", incident.name, result)
                    self.assertNotEqual(result.code, 0, result.text)
                    self.assertEqual((result.versions, result.markers), ({}, []), result.text)
                    if client.shows_tarball_reason:
                        self.assertIn(f"{incident.name}@{version} is quarantined", result.text)
            self.assert_no_bad_bytes(tap, incident)

    def test_the_first_hour(self):
        """An hour after the bad releases: the same answers, whatever rule decides."""
        for incident in INCIDENTS:
            for package in incident.packages(bad_age_days=1 / 24):
                self.registry.add(package)
        _, tap = self.gate()
        for incident in INCIDENTS:
            for client in case.installed_clients("npm11", "pnpm12", "yarn1", "bun"):
                with self.subTest(incident.name, client=client.name), Project(client, tap.url) as project:
                    result = project.install({incident.name: "latest"})
                    self.say("first hour", incident.name, result)
                    self.assertEqual((result.code, result.versions), (0, {incident.name: incident.last_good}), result.text)
                    self.assertEqual(result.markers, [])
            self.assert_no_bad_bytes(tap, incident)

    def test_every_door_names_the_reason(self):
        """What the gate itself answers for every hijacked version: refused, with the finding, at every door."""
        gate, _ = self.gate()
        for incident in INCIDENTS:
            shown = gate.packument(incident.name)
            self.assertEqual(shown.status, 200, shown)
            self.assertEqual(list(shown.json()["versions"]), list(incident.good))
            self.assertEqual(shown.json()["dist-tags"], {"latest": incident.last_good})
            self.assertNotIn(incident.bad[0], json.dumps(shown.json()))
            self.assertIn(incident.name, shown.header("npm-notice") or "")
            for version in incident.bad:
                with self.subTest(incident.name, version=version):
                    sentence = self.assert_refused(gate.tarball(incident.name, version), f"{incident.name}@{version}",
                                                   "quarantined", "preinstall")
                    self.say(sentence)
                    self.assert_refused(gate.get(f"/{incident.name}/{version}"), f"{incident.name}@{version}")

    def test_the_fix_is_served_when_it_is_old_enough(self):
        """The clean release after the bad ones is compared with the last good one and passes with age; the bad stay out."""
        for incident in INCIDENTS:
            for package in incident.packages(bad_age_days=6):
                self.registry.add(package)
        gate, _ = self.gate()
        for incident in INCIDENTS:
            major, minor, patch = (int(part) for part in incident.last_good.split("."))
            fixed = f"{major}.{minor}.{patch + 90}"
            self.registry.publish(incident.name, Release(fixed, published=days_ago(4)))
            with self.subTest(incident.name):
                self.assertEqual(gate.versions(incident.name), [*incident.good, fixed])


if __name__ == "__main__":
    case.main()
