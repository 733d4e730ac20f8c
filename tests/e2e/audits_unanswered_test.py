#!/usr/bin/env python3
"""An audit that cannot be asked is never green: upstreams without the endpoint, failing, silent, answering something else; lockfiles of which
nothing can be judged."""

import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from clients import Project
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, run

AUDITS = "/-/npm/v1/security/*"
# Each way not to answer, and the status that clients get: 404 is what they take for a registry without audits, 424 is not retried.
FAULTS = [
    ("missing", {"kind": "status", "status": 404}, 404),
    ("not allowed", {"kind": "status", "status": 405}, 404),
    ("failing", {"kind": "status", "status": 503}, 424),
    ("forbidden", {"kind": "status", "status": 403}, 424),
    ("a login page", {"kind": "body", "body": b"<html>sign in</html>"}, 424),
    ("an error as 200", {"kind": "body", "body": b'{"error":"no"}'}, 424),
    ("closed", {"kind": "close"}, 424),
]
POLICY = "version: 1\nrules:\n  - { id: no-2x, when: { version: \"2.x\" }, then: block }\n"


class AuditsUnanswered(case.EndToEnd):
    """One package whose 2.0.0 is refused."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry([Package("left", [
            Release("1.0.0", days_ago(300)), Release("2.0.0", days_ago(200))])]))
        self.gate = self.enterContext(Gate(self.registry.url, policy=POLICY))

    def bulk(self, **tree):
        """The answer to what npm posts."""
        return self.gate.send("/-/npm/v1/security/advisories/bulk", "POST", body=json.dumps(tree).encode())

    def test_every_way_not_to_answer(self):
        """An error with its reason, a log line and a metric; the quick form alike."""
        quick = json.dumps({"requires": {"left": "1"}, "dependencies": {"left": {"version": "1.0.0"}}}).encode()
        for what, fault, status in FAULTS:
            with self.subTest(what=what):
                self.registry.heal()
                self.registry.fault(AUDITS, **fault)
                for answer in (self.bulk(left=["1.0.0"]), self.gate.send("/-/npm/v1/security/audits/quick", "POST", body=quick)):
                    self.assertEqual(answer.status, status, answer)
                    self.assertIn("nothing is known of vulnerabilities", answer.error())
        self.registry.heal()
        self.assertEqual((self.bulk(left=["1.0.0"]).status, self.bulk(left=["1.0.0"]).json()), (200, {}))
        self.assertIn("an audit could not be asked", self.gate.log())
        metrics = wire.send(self.gate.admin_url, "/metrics").body.decode()
        self.assertIn('npm_gate_audits_unanswered_total{upstream="default",reason="missing"}', metrics.replace('upstream="public"', 'upstream="default"'))

    def test_own_advisories_are_told_beside_it(self):
        """What the gate refuses is in the answer, and that the rest is not known."""
        self.assertEqual(self.gate.tarball("left", "2.0.0").status, 403)
        self.registry.fault(AUDITS, "status", status=503)
        answer = self.bulk(left=["2.0.0"])
        self.assertEqual(answer.status, 200, answer)
        titles = [advisory["title"] for advisory in answer.json()["left"]]
        self.assertEqual(len(titles), 2, titles)
        self.assertIn("left@2.0.0 is blocked", titles[0])
        self.assertIn("this list is not complete", titles[1])

    def test_real_clients(self):
        """`audit` fails and says why; an install carries on."""
        for what, fault, _ in FAULTS[:3:2]:
            for client in case.installed_clients("npm10", "npm11", "npm12"):
                with self.subTest(what=what, client=client.name), Project(client, self.gate.url) as project:
                    self.registry.heal()
                    self.registry.fault(AUDITS, **fault)
                    installed = project.install({"left": "1.0.0"})
                    self.assertEqual((installed.code, installed.versions), (0, {"left": "1.0.0"}), installed.text)
                    audited = project.run(["audit"])
                    self.say(client.name, what, audited.code)
                    self.assertNotEqual(audited.code, 0, audited.text)
                    self.assertNotIn("found 0 vulnerabilities", audited.text)
                    self.assertIn("npm-gate: ", audited.text)

    def lock(self, resolved, name="left", version="1.0.0"):
        """A lockfile of one entry."""
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "package-lock.json").write_text(json.dumps({"lockfileVersion": 3, "packages": {
            "": {"dependencies": {name: version}}, f"node_modules/{name}": {"version": version, "resolved": resolved, "integrity": "sha512-AA=="}}}))
        return folder / "package-lock.json"

    def test_lockfiles_of_other_registries(self):
        """Their releases are found, wherever the URLs lead."""
        for resolved in ("https://a.example/artifactory/api/npm/npm-all/left/-/left-1.0.0.tgz",
                         "https://g.example/api/packages/team/npm/left/-/1.0.0/left-1.0.0.tgz",
                         "https://npm.example/download/left/1.0.0/0123456789abcdef", "https://m.example/left/download/left-1.0.0.tgz"):
            with self.subTest(resolved=resolved):
                done = run("audit", self.lock(resolved), "--upstream", self.registry.url, "--json")
                self.assertIn('"left"', done.stdout)
                self.assertEqual(json.loads(done.stdout)["counts"]["allow"] if "counts" in json.loads(done.stdout) else 1, 1)
                self.assertNotEqual(done.returncode, 3, done.stderr)

    def test_a_lockfile_of_which_nothing_can_be_judged_fails(self):
        """Zero releases are no clean result."""
        for resolved in ("https://files.example/some/left.tgz", "git+ssh://git@git.example/o/left.git#0123456789"):
            done = run("audit", self.lock(resolved), "--upstream", self.registry.url)
            self.say(done.returncode, done.stderr.strip())
            self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
            self.assertIn("no release of a registry that could be judged", done.stderr)
        empty = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()), "package-lock.json")
        empty.write_text('{"lockfileVersion": 3, "packages": {"": {"name": "p"}}}')
        self.assertEqual(run("audit", empty, "--upstream", self.registry.url).returncode, 0)


if __name__ == "__main__":
    case.main()
