#!/usr/bin/env python3
"""The admin's day, with real npm: a takeover is held, read and rejected; a false positive is approved and the waiting `npm ci` passes;
a policy edit with a mistake changes nothing and says where; the corrected one is tried first and takes effect without a restart; a release
later found bad is traced to the CI job that had fetched it. Everything that was decided and served stands in the audit trail.
"""

import itertools
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from clients import Project, marker_script
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, environment, run

POLICY = """\
version: 1
rules:
  - id: new-hooks
    when: { finding: [install-script-added, install-script-changed], younger_than: 14d }
    then: quarantine
    message: "Runs new code on install. Ask #security."
"""
TYPO = POLICY.replace("then: quarantine", "then: quarantin")
CORRECTED = POLICY + """\
  - id: no-helper-2
    when: { package: helper, version: ">=2" }
    then: block
    message: "helper 2 phones home, SEC-7."
"""


def hook(name):
    """A release's manifest and files with a postinstall that leaves a marker."""
    return {"manifest": {"scripts": {"postinstall": "node hook.js"}}, "files": {"hook.js": marker_script(name)}}


class AdminsDay(case.EndToEnd):
    """One story; its chapters share the gate and run in this order."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry())
        self.registry.add(Package("victim", [Release("1.0.0", days_ago(300)), Release("1.0.1", days_ago(0.2), **hook("victim"))]))
        self.registry.add(Package("builder", [Release("3.0.0", days_ago(200)), Release("3.1.0", days_ago(2), **hook("builder"))]))
        self.registry.add(Package("helper", [Release("1.0.0", days_ago(400)), Release("2.0.0", days_ago(100))]))
        self.gate = self.enterContext(Gate(self.registry.url, policy=POLICY))
        made = self.gate.command("token", "create", "rita", "--scope", "review")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.token = made.stdout.strip()
        self.npm = case.installed_clients("npm11")[0]
        self.ci = None  # the job whose lock file is asked about

    def quarantine(self, *arguments, code=0):
        """`npm-gate quarantine …` as the reviewer types it."""
        done = run("quarantine", *arguments, "--admin", self.gate.admin_url, env=environment(NPM_GATE_TOKEN=self.token))
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def log(self, *arguments):
        """Lines of the audit trail; the gate writes them within a second."""
        done = self.gate.command("log", "--json", "--limit", "1000", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def project(self):
        """A CI job's checkout."""
        return self.enterContext(Project(self.npm, self.gate.url))

    def test_the_day(self):
        """From the takeover in the morning to the question in the evening who has it."""
        self.a_takeover_is_held_and_rejected()
        self.a_false_positive_is_approved()
        job = self.a_job_fetches_what_is_still_good()
        self.a_typo_changes_nothing()
        self.the_corrected_policy_is_tried_and_takes_effect()
        self.who_has_it(job)
        self.everything_stands_in_the_trail()

    def a_takeover_is_held_and_rejected(self):
        """Installs fall back; the reviewer sees it without anybody having asked for its tarball."""
        project = self.project()
        result = project.install({"victim": "^1.0.0"})
        self.assertEqual((result.code, result.versions, result.markers), (0, {"victim": "1.0.0"}, []), result.text)
        self.assertTrue(wire.eventually(lambda: "victim@1.0.1" in self.quarantine("list")))
        page = self.quarantine("show", "victim@1.0.1")
        for part in ("install-script-added", "node hook.js", "rule new-hooks", "policy.yaml:3:5", "quarantine approve victim@1.0.1",
                     "dist-tag latest points here upstream; served: 1.0.0", "content "):
            self.assertIn(part, page)
        # Verdicts are recorded when they are first seen, a moment after the look: before the reviewer changes this one.
        self.assertTrue(wire.eventually(lambda: self.log("victim", "--kind", "verdict")))
        self.quarantine("reject", "victim@1.0.1", "--reason", "hijacked, SEC-6")
        self.assert_refused(self.gate.tarball("victim", "1.0.1"), "blocked", "hijacked, SEC-6")
        self.assertNotIn("victim@1.0.1", self.quarantine("list"))
        self.assertIn("victim@1.0.1", self.quarantine("list", "--verdict", "block"))

    def a_false_positive_is_approved(self):
        """`npm ci` on a lock file fails, the reviewer sees who waits, approves what was shown, and the retry passes."""
        project = self.enterContext(Project(self.npm, self.registry.url))
        self.assertEqual(project.install({"builder": "3.1.0"}).code, 0)
        project.move_to(self.gate.url)
        refused = project.install(frozen=True)
        self.assertNotEqual(refused.code, 0, refused.text)
        self.assertIn("builder@3.1.0 is quarantined", refused.text)
        self.assertTrue(wire.eventually(lambda: "waiting: 127.0.0.1" in self.quarantine("show", "builder@3.1.0")))
        shown = json.loads(self.quarantine("show", "builder@3.1.0", "--json"))
        self.assertTrue(shown["waiting"][0]["user_agent"].startswith("npm/"), shown["waiting"])
        self.assertIn("content is now", self.quarantine(
            "approve", "builder@3.1.0", "--reason", "x", "--content", "f" * 128 + ":" + "0" * 64, code=1))
        self.assertIn("look again", self.quarantine("approve", "builder@3.1.0", "--reason", "x", "--seen", "0" * 16, code=1))
        self.assert_refused(self.gate.tarball("builder", "3.1.0"), "quarantined")
        self.quarantine("approve", "builder@3.1.0", "--reason", "compiles its binary, SEC-5", "--content", shown["content"], "--seen",
                        shown["seen"])
        passed = project.install(frozen=True)
        self.assertEqual((passed.code, passed.versions, passed.markers), (0, {"builder": "3.1.0"}, ["builder"]), passed.text)

    def a_job_fetches_what_is_still_good(self):
        """Nobody knows yet that helper 2 is bad."""
        self.ci = self.project()
        result = self.ci.install({"helper": "^2.0.0"})
        self.assertEqual((result.code, result.versions), (0, {"helper": "2.0.0"}), result.text)
        return "helper@2.0.0"

    def a_typo_changes_nothing(self):
        """The old policy stays; check, log and admin API name file, line and column."""
        before = self.policy()
        self.gate.policy_file.write_text(TYPO)
        place = f"{self.gate.policy_file}:5:11: then: expected warn, quarantine or block, found 'quarantin'; did you mean 'quarantine'?"
        # Under load the gate may meet the file while it is being written; that is refused too.
        self.assertTrue(wire.eventually(lambda: self.policy()["problems"] == [place]), self.policy())
        self.assertEqual(self.policy()["hash"], before["hash"])
        checked = run("policy", "check", self.gate.policy_file)
        self.assertEqual((checked.returncode, checked.stderr.strip()), (1, place))
        self.assert_refused(self.gate.tarball("victim", "1.0.1"), "blocked")
        self.assertIn("3.1.0", self.gate.versions("builder"), "the approval stands")
        self.assertIn('npm_gate_policy_loads_total{result="refused"}', self.metrics())

    def the_corrected_policy_is_tried_and_takes_effect(self):
        """`policy try` names what would be refused although it was served; saving the file does it, without a restart."""
        draft = self.gate.base / "draft.yaml"
        draft.write_text(CORRECTED)
        self.gate.policy_file.write_text(POLICY)  # what is tried is compared with the file in force
        self.assertTrue(wire.eventually(lambda: not self.policy()["problems"]))
        tried = self.gate.command("policy", "try", draft)
        self.assertEqual(tried.returncode, 1, tried.stdout + tried.stderr)
        self.assertIn("1 of them were served already and would be refused now", tried.stdout)
        self.assertIn(f"helper@2.0.0  allow -> block  by no-helper-2 ({draft}:7:5): helper 2 phones home, SEC-7.  [served]", tried.stdout)
        self.assertEqual(self.gate.tarball("helper", "2.0.0").status, 200, "trying changes nothing")
        ours = self.gate.command("policy", "try", draft, "--json", "--lockfile", self.ci.lockfile)
        told = json.loads(ours.stdout)
        self.assertEqual((ours.returncode, told["judged"], told["unknown"]), (1, 1, []), ours.stderr)
        self.assertEqual([(c["name"], c["direction"], c["rule"]) for c in told["changes"]], [("helper", "stricter", "no-helper-2")])
        draft.rename(self.gate.policy_file)
        self.assertTrue(wire.eventually(lambda: len(self.policy()["rules"]) == 2))
        self.assert_refused(self.gate.tarball("helper", "2.0.0"), "helper 2 phones home")
        self.assertEqual(self.gate.versions("helper"), ["1.0.0"])

    def who_has_it(self, release):
        """The ledger names the job that had fetched it while it was good."""
        found = self.gate.command("downloads", release, "--json")
        self.assertEqual(found.returncode, 0, found.stderr)
        rows = [json.loads(line) for line in found.stdout.splitlines()]
        fetched = [row for row in rows if not row["reported"] and row["user_agent"].startswith("npm/") and row["command"] == "install"]
        self.assertTrue(fetched, rows)

    def everything_stands_in_the_trail(self):
        """Decisions, refusals, verdict changes and loads, each with actor, time and policy."""
        decisions = wire.eventually(lambda: self.log("--kind", "decision"))
        self.assertEqual([(d["actor"], d["action"], d["name"], d["version"]) for d in decisions],
                         [("admin:rita", "reject", "victim", "1.0.1"), ("admin:rita", "approve", "builder", "3.1.0")])
        self.assertEqual(decisions[0]["detail"]["reason"], "hijacked, SEC-6")
        self.assertTrue(all(d["policy"] and d["time"] for d in decisions))
        self.assertTrue(wire.eventually(lambda: any(v["name"] == "helper" for v in self.log("--kind", "verdict"))))
        changes = [(v["name"] + "@" + v["version"], v["detail"]["before"], v["action"]) for v in self.log("--kind", "verdict")]
        for change in (("victim@1.0.1", None, "quarantine"), ("victim@1.0.1", "quarantine", "block"),
                       ("builder@3.1.0", None, "quarantine"), ("builder@3.1.0", "quarantine", "allow"), ("helper@2.0.0", "allow", "block")):
            self.assertIn(change, changes)
        self.assertTrue(wire.eventually(lambda: len({entry["policy"] for entry in self.log("--kind", "policy-loaded")}) == 2))
        kinds = [entry["kind"] for entry in self.log() if entry["kind"].startswith("policy")]
        self.assertEqual([kind for kind, _ in itertools.groupby(kinds)], ["policy-loaded", "policy-refused", "policy-loaded"])
        refused = self.log("victim@^1.0.0", "--kind", "refused")
        self.assertTrue(refused and all(entry["name"] == "victim" for entry in refused), refused)
        self.assertEqual(self.log("victim@^2.0.0", "--kind", "refused"), [])

    def bearer(self):
        """The header of the reviewer's requests."""
        return {"Authorization": f"Bearer {self.token}"}

    def policy(self):
        """What the admin API says about the policy in force."""
        return wire.send(self.gate.admin_url, "/api/v1/policy", headers=self.bearer()).json()

    def metrics(self):
        """The metrics page."""
        return wire.send(self.gate.admin_url, "/metrics").body.decode()


if __name__ == "__main__":
    case.main()
