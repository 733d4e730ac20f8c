#!/usr/bin/env python3
"""Quarantine as work: what is in the queue and in which order, what decisions do and when, what they are bound to."""

import http.client
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, binary, environment, run

COOLDOWN = """\
version: 1
rules:
  - { id: cooldown, when: { younger_than: 24h }, then: quarantine }
  - { id: bad, when: { package: fixed, version: 1.1.0 }, then: block }
"""


class Quarantine(case.EndToEnd):
    """Each test has its own gate and registry."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry())

    def gate(self, policy=COOLDOWN, **more):
        """A running gate with a reviewer."""
        gate = self.enterContext(Gate(self.registry.url, policy=policy, **more))
        gate.token = gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        return gate

    def api(self, gate, path, method="GET", body=None):
        """One request to the admin API as the reviewer."""
        headers = {"Authorization": f"Bearer {gate.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        return wire.send(gate.admin_url, path, method=method, headers=headers, body=body)

    def quarantine(self, gate, *arguments):
        """`npm-gate quarantine …`, exit code and both streams."""
        return run("quarantine", *arguments, "--admin", gate.admin_url, env=environment(NPM_GATE_TOKEN=gate.token))

    def queue(self, gate):
        """name@version of every held release in the order listed."""
        done = self.quarantine(gate, "list", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [row["name"] + "@" + row["version"] for row in map(json.loads, done.stdout.splitlines())]

    def test_a_release_is_held_from_the_moment_it_is_known(self):
        """Nobody asked for a tarball; that the packument was looked at is enough, also for versions no resolver picks."""
        self.registry.add(Package("young", [Release("1.0.0", days_ago(90)), Release("1.0.1", days_ago(0.5)),
                                            Release("1.0.2", days_ago(0.4)), Release("2.0.0-rc.1", days_ago(0.3))]))
        gate = self.gate()
        self.assertEqual(gate.versions("young"), ["1.0.0"])
        self.assertTrue(wire.eventually(lambda: len(self.queue(gate)) == 3), self.queue(gate))
        self.assertEqual(sorted(self.queue(gate)), ["young@1.0.1", "young@1.0.2", "young@2.0.0-rc.1"])

    def test_fixes_are_first(self):
        """fixed@1.1.1 replaces a blocked release: it stands before the others whatever its name."""
        self.registry.add(Package("aaa", [Release("1.0.0", days_ago(90)), Release("1.0.1", days_ago(0.5))]))
        self.registry.add(Package("fixed", [Release("1.0.0", days_ago(90)), Release("1.1.0", days_ago(3)), Release("1.1.1", days_ago(0.2))]))
        self.registry.add(Package("gone", [Release("1.0.0", days_ago(90)), Release("1.0.1", days_ago(4)), Release("1.0.2", days_ago(0.2))]))
        gate = self.gate(settings={"packuments": {"fresh": "1s"}})
        for name in ("aaa", "fixed", "gone"):
            gate.versions(name)
        self.assertEqual(gate.tarball("gone", "1.0.1").status, 200)
        self.registry.unpublish("gone", "1.0.1")
        rows = wire.eventually(lambda: gate.versions("gone") and self.queue(gate)[:2] == ["fixed@1.1.1", "gone@1.0.2"] and self.queue(gate))
        self.assertEqual(rows, ["fixed@1.1.1", "gone@1.0.2", "aaa@1.0.1"], self.queue(gate))
        first = self.api(gate, "/api/v1/releases?verdict=quarantine&limit=1").json()
        self.assertEqual((first["releases"][0]["name"], first["releases"][0]["replaces"]), ("fixed", ["1.1.0"]))
        rest = self.api(gate, f"/api/v1/releases?verdict=quarantine&cursor={first['next'].replace('#', '%23')}").json()["releases"]
        self.assertEqual([row["name"] for row in rest], ["gone", "aaa"])

    def test_an_approval_is_in_the_very_next_answer(self):
        """On one kept-alive connection, with a warm answer cache: hidden, approved, there."""
        self.registry.add(Package("young", [Release("1.0.0", days_ago(90)), Release("1.0.1", days_ago(0.5))]))
        gate = self.gate()
        connection = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=30)
        self.addCleanup(connection.close)

        def versions():
            connection.request("GET", "/young", headers={"Accept": "application/json"})
            return list(json.loads(connection.getresponse().read())["versions"])

        for _ in range(3):
            self.assertEqual(versions(), ["1.0.0"])
        for verb, expected in (("approve", ["1.0.0", "1.0.1"]), ("reopen", ["1.0.0"]), ("reject", ["1.0.0"]), ("reopen", ["1.0.0"]),
                               ("approve", ["1.0.0", "1.0.1"])):
            done = self.quarantine(gate, verb, "young@1.0.1", "--reason", "because")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(versions(), expected, verb)

    def test_a_hold_ends_on_the_second_with_a_warm_cache(self):
        """Every answer that ends before the hold hides the release, every one that begins after it shows it."""
        ends = time.time() + 6
        self.registry.add(Package("young", [Release("1.0.0", days_ago(90)), Release("1.0.1", ends - 86400)]))
        gate = self.gate()
        seen = []
        while time.time() < ends + 1 or not seen or "1.0.1" not in seen[-1][1]:
            began = time.time()
            seen.append((began, gate.versions("young"), time.time()))
            self.assertLess(time.time(), ends + 60)
            time.sleep(0.05)
        # A publish time has milliseconds; the fixture cuts the rest.
        early = [row for row in seen if row[2] < ends - 0.01 and "1.0.1" in row[1]]
        late = [row for row in seen if row[0] > ends and "1.0.1" not in row[1]]
        self.assertEqual((early, late), ([], []))
        self.assertEqual(seen[0][1], ["1.0.0"])

    def test_a_range_can_be_rejected_before_the_package_was_ever_seen(self):
        """At once, for every door; reopened the same way."""
        self.registry.add(Package("unseen", [Release("1.0.0", days_ago(90)), Release("2.0.0", days_ago(80)), Release("2.1.0", days_ago(70))]))
        gate = self.gate()
        self.assertEqual(self.quarantine(gate, "reject", "unseen@^2.0.0", "--reason", "SEC-1").returncode, 0)
        self.assertEqual(gate.versions("unseen"), ["1.0.0"])
        self.assert_refused(gate.tarball("unseen", "2.0.0"), "blocked", "rejected: SEC-1")
        self.assert_refused(gate.get("/unseen/2.1.0"), "blocked")
        self.assertEqual(self.quarantine(gate, "reject", "no/name@1", "--reason", "x").returncode, 1)
        self.assertIn("not a version range", self.quarantine(gate, "reject", "unseen@foo bar", "--reason", "x").stderr)
        self.assertEqual(self.quarantine(gate, "reopen", "unseen@^1.0.0", "--reason", "x").returncode, 1)
        self.assertEqual(self.quarantine(gate, "reopen", "unseen@^2.0.0", "--reason", "false alarm").returncode, 0)
        self.assertEqual(gate.versions("unseen"), ["1.0.0", "2.0.0", "2.1.0"])
        # Of a package that the upstream does not have either.
        self.assertEqual(self.quarantine(gate, "reject", "not-there@*", "--reason", "reserved").returncode, 0)

    def test_an_approval_covers_what_was_shown(self):
        """Another content or other findings than those shown are a conflict; an approval names what it saw."""
        self.registry.add(Package("young", [Release("1.0.0", days_ago(90)), Release("1.0.1", days_ago(0.5))]))
        gate = self.gate()
        path = "/api/v1/releases/young/1.0.1"
        shown = self.api(gate, path).json()
        self.assertTrue(shown["inspected"])
        wish = {"reason": "read it", "content": shown["content"], "shown": shown["shown"], "seen": shown["seen"]}
        for change, status in (({"content": "x"}, 409), ({"shown": ["size-jump:0"]}, 409), ({"seen": "0" * 16}, 409), ({"reason": ""}, 400),
                               ({"reason": " \t"}, 400), ({"expires": "soon"}, 400), ({"expires": "2020-01-01"}, 400), ({"shown": None, "seen": None}, 400)):
            body = {key: value for key, value in {**wish, **change}.items() if value is not None}
            answer = self.api(gate, path + "/approve", "POST", body)
            self.assertEqual(answer.status, status, (change, answer))
        self.assertEqual(gate.versions("young"), ["1.0.0"])
        # The upstream adds a script to the manifest: another release, although its tarball is the same.
        self.assertEqual(self.api(gate, path + "/approve", "POST", wish).status, 200)
        self.assertEqual(gate.versions("young"), ["1.0.0", "1.0.1"])
        self.registry.edit_manifest("young", "1.0.1", scripts={"postinstall": "node x.js"})
        gate.stop()
        gate.settings = {"packuments": {"fresh": "1s"}}
        gate.exit_code = None
        gate.start()
        self.assertTrue(wire.eventually(lambda: gate.versions("young") == ["1.0.0"]), gate.versions("young"))

    def test_a_decision_ends_by_itself(self):
        """An approval with an end holds until then."""
        self.registry.add(Package("young", [Release("1.0.0", days_ago(90)), Release("1.0.1", days_ago(0.5))]))
        gate = self.gate()
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
        done = self.quarantine(gate, "approve", "young@1.0.1", "--reason", "today only", "--expires", until)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1.0.1", gate.versions("young"))
        self.assertTrue(wire.eventually(lambda: gate.versions("young") == ["1.0.0"]))

    def test_the_other_commands_of_the_guide(self):
        """docs/review.md: explain, and the ways to ask the trail, also as it grows."""
        self.registry.add(Package("young", [Release("1.0.0", days_ago(90)), Release("1.0.1", days_ago(0.5))]))
        gate = self.gate()
        gate.versions("young")
        told = gate.command("explain", "young@1.0.1")
        self.assertEqual(told.returncode, 1, told.stderr)
        for part in ("quarantine", "rule cooldown (", "policy.yaml:3:5)", "what would change it:", "the hold ends by itself"):
            self.assertIn(part, told.stdout)
        with subprocess.Popen([str(binary()), "log", "--config", str(gate.config_file), "--follow", "--json", "--kind", "decision"],
                              stdout=subprocess.PIPE, text=True, env=environment()) as follower:
            self.addCleanup(follower.kill)
            self.quarantine(gate, "reject", "young@^1.0.1", "--reason", "SEC-9")
            line = json.loads(follower.stdout.readline())
            self.assertEqual((line["action"], line["detail"]["reason"]), ("reject", "SEC-9"))
            follower.kill()
        for arguments, lines in ((("young@1.0.1", "--since", "7d"), 1), (("other@*", "--since", "7d"), 0), (("--actor", "admin:rita"), 1),
                                 (("--kind", "decision", "--until", "1h"), 0), (("--action", "reject"), 1)):
            done = gate.command("log", "--json", *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            decisions = [row for row in map(json.loads, done.stdout.splitlines()) if row["kind"] == "decision"]
            self.assertEqual(len(decisions), lines, (arguments, done.stdout))
        self.assertEqual(gate.command("log", "--since", "yesterday").returncode, 2)
        self.assertEqual(gate.command("token", "revoke", "1").returncode, 0)
        tokens = [json.loads(line)["detail"] for line in gate.command("log", "--json", "--kind", "token").stdout.splitlines()]
        self.assertEqual(tokens, [{"created": "rita", "scope": "review"}, {"revoked": 1}])

    def test_nothing_in_the_trail_can_be_changed(self):
        """By the admin API: no method on it is let through; what is there stays."""
        self.registry.add(Package("young", [Release("1.0.0", days_ago(90)), Release("1.0.1", days_ago(0.5))]))
        gate = self.gate()
        self.quarantine(gate, "reject", "young@1.0.1", "--reason", "x")
        before = gate.command("log", "--json", "--kind", "decision").stdout
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            for path in ("/api/v1/audit", "/api/v1/log", "/api/v1/releases/young/1.0.1", "/api/v1/decisions/1"):
                self.assertGreaterEqual(self.api(gate, path, method, {}).status, 400, (method, path))
        self.assertEqual(gate.command("log", "--json", "--kind", "decision").stdout, before)


if __name__ == "__main__":
    case.main()
