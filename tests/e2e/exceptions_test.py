#!/usr/bin/env python3
"""What lets a release through although a rule holds it, and ends: waivers, break-glass, monitor mode. Each ends on the second under a
warm cache, and what was served meanwhile is in log, metric and audit trail."""

import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from clients import marker_script
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, run

RULES = "version: 1\nrules:\n  - { id: hooks, when: { finding: [install-script-added] }, then: quarantine }\n"
HOOK = {"manifest": {"scripts": {"postinstall": "node setup.js"}}, "files": {"setup.js": marker_script("hook")}}


class Exceptions(case.EndToEnd):
    """A package whose last version is held by a rule."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry())
        for name in ("left", "right"):
            self.registry.add(Package(name, [Release("1.0.0", days_ago(300)), Release("1.1.0", days_ago(250), **HOOK)]))

    def log(self, gate, *words):
        """Lines of the audit trail."""
        return [json.loads(line) for line in gate.command("log", "--json", *words).stdout.splitlines()]

    def ends_on_the_second(self, gate, ends, names):
        """Served until then, at both doors, and refused from then on."""
        seen = []
        while time.time() < ends + 1:
            began = time.time()
            served = {name: "1.1.0" in gate.versions(name) and gate.tarball(name, "1.1.0").status == 200 for name in names}
            seen.append((began, served, time.time()))
            time.sleep(0.05)
        early = [row for row in seen if row[2] < ends and not all(row[1].values())]
        late = [row for row in seen if row[0] > ends and any(row[1].values())]
        self.assertEqual((early, late), ([], []))
        self.assertTrue(all(seen[0][1].values()) and not any(seen[-1][1].values()))

    def test_waiver_and_break_glass_end(self):
        """Both end while the gate runs, without a reload; they are reported from then on."""
        ends = int(time.time()) + 6
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))
        policy = (f"{RULES}waivers:\n  - {{ package: left@1.1.0, rules: [hooks], reason: SEC-1, expires: {until} }}\n"
                  f"break_glass:\n  - {{ packages: [right], reason: outage, by: alice, until: {until} }}\n")
        gate = self.enterContext(Gate(self.registry.url, policy))
        self.ends_on_the_second(gate, ends, ("left", "right"))
        self.assert_refused(gate.tarball("left", "1.1.0"), "rule hooks")
        self.assert_refused(gate.tarball("right", "1.1.0"), "rule hooks")
        # Break-glass is loud, a waiver was reviewed.
        self.assertTrue(wire.eventually(lambda: self.log(gate, "right@1.1.0", "--kind", "served")))
        served = self.log(gate, "right@1.1.0", "--kind", "served")[0]
        served["detail"].pop("times", None)  # how many asked within the second
        self.assertEqual(served["detail"], {"would": "quarantine", "rule": "hooks", "despite": "break glass by alice (outage)"})
        waived = self.log(gate, "left@1.1.0", "--kind", "served")[0]
        waived["detail"].pop("times", None)
        self.assertEqual(waived["detail"], {})
        self.assertIn("served-despite", gate.log())
        self.assertIn('npm_gate_served_despite_total{by="break_glass",would="quarantine"}', wire.send(gate.admin_url, "/metrics").body.decode())
        checked = run("policy", "check", gate.policy_file)
        self.assertEqual(checked.returncode, 0)
        self.assertIn("policy.yaml:5:68: waiver for 'left' expired", checked.stderr)
        self.assertIn("policy.yaml:7:5: break_glass ended", checked.stderr)
        self.assertIn("waiver for 'left' expired", gate.command("doctor").stdout)

    def test_an_expired_waiver_is_reported_by_the_api(self):
        """It lifts nothing."""
        gate = self.enterContext(Gate(self.registry.url, RULES + "waivers:\n  - { package: left@1.1.0, rules: [hooks], reason: SEC-1, expires: 2026-01-01 }\n"))
        self.assert_refused(gate.tarball("left", "1.1.0"), "rule hooks")
        token = gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        policy = wire.send(gate.admin_url, "/api/v1/policy", headers={"Authorization": f"Bearer {token}"}).json()
        self.assertEqual(policy["problems"], [])
        self.assertIn("waiver for 'left' expired 2026-01-01", policy["warnings"][0])

    def test_monitor_mode_records(self):
        """Everything is served; what would have been held is in the trail, by which rule; a rejection is refused all the same."""
        gate = self.enterContext(Gate(self.registry.url, "mode: monitor\n" + RULES))
        self.assertEqual([gate.tarball("left", version).status for version in ("1.0.0", "1.1.0")], [200, 200])
        self.assertTrue(wire.eventually(lambda: len(self.log(gate, "left", "--kind", "served")) == 2))
        self.assertEqual([entry["detail"] for entry in self.log(gate, "left", "--kind", "served")],
                         [{}, {"would": "quarantine", "rule": "hooks", "despite": "monitor mode"}])
        self.assertIn('npm_gate_served_despite_total{by="monitor",would="quarantine"} 1', wire.send(gate.admin_url, "/metrics").body.decode())
        token = gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        done = run("quarantine", "reject", "left@1.1.0", "--reason", "SEC-2", "--admin", gate.admin_url, "--token", token)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_refused(gate.tarball("left", "1.1.0"), "rejected: SEC-2")

    def test_freeze(self):
        """Nothing that appeared after it, but what is excepted or approved."""
        for name in ("young", "@acme/young"):
            self.registry.add(Package(name, [Release("1.0.0", days_ago(300)), Release("1.1.0", days_ago(3))]))
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86400 * 10))
        gate = self.enterContext(Gate(self.registry.url, f"version: 1\nfreeze: {{ date: {moment}, except: [\"@acme/*\"] }}\nrules: []\n"))
        self.assertEqual(gate.versions("young"), ["1.0.0"])
        self.assertEqual(gate.versions("@acme/young"), ["1.0.0", "1.1.0"])
        self.assert_refused(gate.tarball("young", "1.1.0"), "until approved", "rule freeze")
        token = gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        done = run("quarantine", "approve", "young@1.1.0", "--reason", "hotfix", "--admin", gate.admin_url, "--token", token)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(gate.versions("young"), ["1.0.0", "1.1.0"])


if __name__ == "__main__":
    case.main()
