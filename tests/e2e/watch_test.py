#!/usr/bin/env python3
"""What the gate notices without any client: late tags, releases that the registry takes back, a broken policy file; and how fast."""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import sinks
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate
from git_server import GitServer, backend

POLICY = """\
version: 1
rules:
  - { id: hook, when: { finding: install-script-added, younger_than: 14d }, then: quarantine }
  - { id: tag, when: { finding: missing-git-tag, younger_than: 14d }, then: quarantine }
  - { id: taken-back, when: { finding: release-withdrawn }, then: block }
"""
WATCH = {"min_interval": "200ms", "max_interval": "400ms", "budget": "6000/min"}
HOOKED = {"manifest": {"scripts": {"postinstall": "node x.js"}}, "files": {"x.js": "1\n"}}


class Watch(case.EndToEnd):
    """One watched package `steady`; everything that is news goes to a hook."""

    def setUp(self):
        old = [Release(f"1.0.{patch}", published=days_ago(400 - patch)) for patch in range(4)]
        self.registry = self.enterContext(FixtureRegistry([Package("steady", old)]))
        self.hook = self.enterContext(sinks.Hook())

    def gate(self, rules=None, **settings):
        """A gate that has looked at the package once."""
        alerts = {"wait": "0s", "sinks": [{"name": "hook", "type": "webhook", "url": self.hook.url}], **({"rules": rules} if rules else {})}
        settings = {"alerts": alerts, "watch": {**WATCH, "packages": ["steady"]}, **settings}
        running = self.enterContext(Gate(self.registry.url, policy=POLICY, settings=settings))
        self.assertTrue(wire.eventually(lambda: len(self.registry.seen("/steady")) > 1), running.log_end())
        return running

    def told(self, gate, *kinds):
        """Waits until the hook has heard events of exactly these kinds; returns them."""
        self.assertTrue(wire.eventually(lambda: len(self.hook.events()) >= len(kinds), 30), gate.log_end())
        self.assertEqual([event["kind"] for event in self.hook.events()], list(kinds))
        return self.hook.events()

    def metric(self, gate, name):
        """The value of one metric; 0 where it is not there."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", wire.send(gate.admin_url, "/metrics").body.decode(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def test_looks_are_conditional(self):
        """A package that has not changed costs the upstream a 304."""
        self.gate()
        self.assertTrue(wire.eventually(lambda: len(self.registry.seen("/steady")) > 3))
        first, *later = self.registry.seen("/steady")
        self.assertNotIn("if-none-match", first.headers)
        self.assertTrue(all("if-none-match" in request.headers for request in later))

    def test_a_tag_that_comes_late_clears_the_release(self):
        """The repository tags its releases, this one has no tag; the tag is pushed, and nobody asks the gate for anything."""
        if backend() is None:
            raise unittest.SkipTest("git http-backend is not installed (scripts/install-packages.sh test)")
        server = self.enterContext(GitServer())
        repository = server.repository("o/steady")
        for patch in range(4):
            repository.tag(f"v1.0.{patch}")
        self.registry.packages["steady"].repository = server.url("o/steady")
        self.registry.publish("steady", Release("1.0.4", published=days_ago(1)))
        gate = self.gate(git={"hosts": [], "private_hosts": ["127.0.0.1"], "ca": str(server.ca), "cache": "1s", "timeout": "15s"})
        event = self.told(gate, "held")[0]
        self.assertEqual((event["version"], event["rules"]), ("1.0.4", ["tag"]))
        asked = len(server.requests)
        self.assertTrue(wire.eventually(lambda: len(server.requests) > asked, 30), "the tag is not asked for again")
        repository.tag("v1.0.4")
        event = self.told(gate, "held", "cleared")[1]
        self.assertEqual((event["version"], event["action"]), ("1.0.4", "allow"))

    def test_a_served_release_that_the_registry_takes_back_is_a_recall(self):
        """Malware is mostly known by this first: who has it is told, and an unpublish that is undone clears it."""
        taken = Release("1.0.4", published=days_ago(5))
        self.registry.publish("steady", taken)
        gate = self.gate()
        headers = {"npm-gate-project": "shop", "npm-command": "ci", "user-agent": "npm/11.0.0 node/v24.0.0"}
        self.assertEqual(gate.get("/steady/-/steady-1.0.4.tgz", headers).status, 200)
        self.assertTrue(wire.eventually(lambda: "shop" in gate.command("downloads", "steady", "--json").stdout), gate.log_end())
        self.registry.unpublish("steady", "1.0.4")
        event = self.told(gate, "recall")[0]
        self.assertEqual((event["version"], event["rules"]), ("1.0.4", ["taken-back"]))
        self.assertEqual([holder["project"] for holder in event["holders"]], ["shop"])
        self.assertEqual(event["findings"][0]["id"], "release-withdrawn")
        self.registry.publish("steady", taken)
        self.told(gate, "recall", "cleared")

    def test_how_long_detection_took(self):
        """From the publish time to the end of the inspection; what was there at the first look is not counted."""
        gate = self.gate()
        name = "npm_gate_detection_delay_seconds"
        self.assertEqual(self.metric(gate, f"{name}_count"), 0)
        self.registry.publish("steady", Release("1.0.4", published=days_ago(0), **HOOKED))
        self.told(gate, "held")
        self.assertTrue(wire.eventually(lambda: self.metric(gate, f"{name}_count") == 1), gate.log_end())
        self.assertLess(self.metric(gate, f"{name}_sum"), 60)
        # One that the upstream showed two days after its publish time.
        self.registry.publish("steady", Release("1.0.5", published=days_ago(2), **HOOKED))
        self.assertTrue(wire.eventually(lambda: self.metric(gate, f"{name}_count") == 2), gate.log_end())
        self.assertGreater(self.metric(gate, f"{name}_sum"), 2 * 86400)
        self.assertLess(self.metric(gate, f"{name}_sum"), 2 * 86400 + 120)
        self.assertEqual(self.metric(gate, f'{name}_bucket{{le="+Inf"}}'), 2)
        self.assertEqual(self.metric(gate, f'{name}_bucket{{le="300"}}'), 1)
        self.assertEqual(self.metric(gate, "npm_gate_watched_packages"), 1)

    def test_stamps_of_arrival_are_no_publish_times(self):
        """`times: ingest`: the delay would be measured from the wrong moment, so it is not."""
        gate = self.gate(upstreams=[{"name": "public", "url": self.registry.url, "times": "ingest"}])
        self.registry.publish("steady", Release("1.0.4", published=days_ago(0), **HOOKED))
        self.told(gate, "held")
        self.assertEqual(self.metric(gate, "npm_gate_detection_delay_seconds_count"), 0)

    def test_a_refused_policy_file_is_told_once(self):
        """Trouble of the gate itself: what is wrong and where, to those whose rules ask for no package; another mistake is told again."""
        chat = self.enterContext(sinks.Hook())
        rules = [{"id": "all", "sinks": ["hook"]}, {"id": "steady", "package": "steady", "sinks": ["chat"]}]
        both = [{"name": "hook", "type": "webhook", "url": self.hook.url}, {"name": "chat", "type": "webhook", "url": chat.url}]
        gate = self.gate(alerts={"wait": "0s", "sinks": both, "rules": rules})
        gate.policy_file.write_text(POLICY.replace("then: block", "then: bock"))
        event = self.told(gate, "gate")[0]
        self.say(event["sentence"])
        self.assertRegex(event["sentence"], r"refuses the policy file.*policy\.yaml:5:\d+: .*bock")
        self.assertEqual((event["name"], event["holders"]), ("", []))
        gate.policy_file.write_text(POLICY.replace("then: block", "then: bock") + "# touched\n")
        gate.policy_file.write_text(POLICY.replace("version: 1", "version: 9"))
        self.assertIn("policy.yaml:1:", self.told(gate, "gate", "gate")[1]["sentence"])
        # The policy before it is in force all the while, and a good one takes its place.
        self.assertEqual(gate.tarball("steady", "1.0.3").status, 200)
        self.assertTrue(wire.eventually(lambda: "1.0.3" in gate.command("downloads", "steady", "--json").stdout), gate.log_end())
        gate.policy_file.write_text(POLICY + "  - { id: now, when: { package: steady, version: 1.0.3 }, then: block }\n")
        self.told(gate, "gate", "gate", "recall")
        self.assertTrue(wire.eventually(lambda: chat.events()), gate.log_end())
        self.assertEqual([event["kind"] for event in chat.events()], ["recall"])


if __name__ == "__main__":
    case.main()
