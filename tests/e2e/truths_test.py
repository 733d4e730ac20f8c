#!/usr/bin/env python3
"""Truth in the small: what the commands say of a release, a listing, a token or a gate that is down, each tried as a new user does."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, environment, run

POLICY = """\
version: 1
rules:
  - { id: new-hooks, when: { finding: [install-script-added] }, then: quarantine }
"""
HOOK = {"manifest": {"scripts": {"postinstall": "node hook.js"}}, "files": {"hook.js": "1"}}


class Truths(case.EndToEnd):
    """Each test has its own gate."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry())
        self.registry.add(Package("left", [Release("1.0.0", days_ago(300)), Release("1.1.0", days_ago(2), **HOOK)]))

    def gate(self, policy=POLICY, **settings):
        """A running gate with a reviewer."""
        gate = self.enterContext(Gate(self.registry.url, policy=policy, settings=settings))
        gate.token = gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        return gate

    def command(self, gate, *words):
        """A command as the reviewer types it, with nothing but --config."""
        return run(*words, "--config", gate.config_file, env=environment(NPM_GATE_TOKEN=gate.token))

    def test_nobody_approves_what_nobody_knows(self):
        """Unknown packages and versions, and a release that was withdrawn: refused, and nothing is recorded."""
        gate = self.gate()
        for release, words in (("nobody@1.0.0", "nobody"), ("left@9.9.9", "left has no version 9.9.9")):
            done = self.command(gate, "quarantine", "approve", release, "--reason", "x")
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn(words, done.stderr)
        self.assertEqual(gate.command("log", "--kind", "decision", "--json").stdout, "")

    def test_the_last_row_after_a_decision_is_its_verdict(self):
        """Answers that are being made while decisions come and go do not have the last word in the trail."""
        gate = self.gate()
        gate.versions("left")
        self.assertTrue(wire.eventually(lambda: "left@1.1.0" in gate.command("log", "left@1.1.0", "--kind", "verdict").stdout))
        for verb, verdict in (("approve", "allow"), ("reopen", "quarantine"), ("reject", "block"), ("reopen", "quarantine")) * 3:
            gate.versions("left")
            gate.tarball("left", "1.1.0")
            done = self.command(gate, "quarantine", verb, "left@1.1.0", "--reason", "x")
            self.assertEqual(done.returncode, 0, done.stderr)
            gate.versions("left")
            gate.tarball("left", "1.1.0")
            gate.tarball("left", "1.0.0")
            # Whatever was gathered beside the decision is written within a second.
            wire.eventually(lambda: "1.0.0" in gate.command("log", "left@1.0.0", "--kind", "served").stdout)
            rows = [json.loads(line) for line in gate.command("log", "left@1.1.0", "--kind", "verdict", "--json").stdout.splitlines()]
            self.assertEqual(rows[-1]["action"], verdict, rows)

    def test_a_decision_at_once_follows_the_first_verdict(self):
        """Approved in the moment in which it was first judged: the trail has the verdict, the decision, and what it changed, in this order."""
        for _ in range(3):
            gate = self.gate()
            gate.versions("left")
            done = self.command(gate, "quarantine", "approve", "left@1.1.0", "--reason", "at once")
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = [json.loads(line) for line in gate.command("log", "left@1.1.0", "--json").stdout.splitlines()]
            told = [(row["kind"], row["action"]) for row in rows if row["kind"] in ("verdict", "decision")]
            self.assertEqual(told, [("verdict", "quarantine"), ("decision", "approve"), ("verdict", "allow")], rows)
            gate.stop()

    def test_monitor_mode_shows_what_would_be_held(self):
        """In the list, the filter and the desk's API."""
        gate = self.gate(policy=POLICY.replace("rules:", "mode: monitor\nrules:"))
        self.assertEqual(gate.versions("left"), ["1.0.0", "1.1.0"])
        listed = wire.eventually(lambda: "left@1.1.0" in (out := self.command(gate, "quarantine", "list").stdout) and out)
        self.assertIn("would be quarantine", listed)
        self.assertIn("new-hooks", listed)
        self.assertNotIn("left@1.0.0", listed)

    def test_first_release_is_said_of_first_releases_only(self):
        """A release whose only predecessors are held is not called the first."""
        self.registry.add(Package("late", [Release("1.0.0", days_ago(3), **HOOK), Release("1.1.0", days_ago(2))]))
        gate = self.gate(policy=POLICY.replace("finding: [install-script-added]", "package: late, version: 1.0.0"))
        gate.versions("late")
        for release, words in (("1.0.0", "there is no earlier release to compare with"), ("1.1.0", "none of 1 earlier releases can be compared with")):
            shown = self.command(gate, "quarantine", "show", f"late@{release}")
            self.assertIn(words, " ".join(shown.stdout.split()), shown.stdout + shown.stderr)
            page = gate.get(f"/-/npm-gate/releases/late/{release}", {"Accept": "text/html"}).body.decode()
            self.assertIn(words, page)

    def test_secrets_are_read_only_where_something_reads_them(self):
        """The words of the finding name what the code does, and there is no finding where it does nothing of the kind."""
        self.registry.add(Package("calm", [Release("1.0.0", days_ago(300)), Release("1.0.1", days_ago(2), files={"index.js": "module.exports = 2;\n"})]))
        self.registry.add(Package("writer", [Release("1.0.0", days_ago(300)), Release("1.0.1", days_ago(2), files={
            "index.js": "require('fs').rmSync(require('os').homedir(), { recursive: true, force: true });\n"})]))
        gate = self.gate()
        for name, finding in (("calm", None), ("writer", "deletes recursively")):
            gate.versions(name)
            findings = json.loads(self.command(gate, "quarantine", "show", f"{name}@1.0.1", "--json").stdout)["findings"]
            said = [each["message"] for each in findings if each["id"] == "sensitive-access-added"]
            self.assertFalse(any("secret" in message or "credential" in message for message in said), said)
            self.assertEqual(bool(said), finding is not None, findings)

    def test_downloads_say_who_and_what_somebody_installed(self):
        """Token, project and command in the table; the other way around by token, project and address."""
        gate = self.gate()
        ci = gate.command("token", "create", "ci", "--scope", "install").stdout.strip()
        gate.get("/left/-/left-1.0.0.tgz", {"Authorization": f"Bearer {ci}", "npm-command": "ci", "npm-gate-project": "shop", "User-Agent": "npm/11"})
        wire.eventually(lambda: "shop" in gate.command("downloads", "left").stdout)
        shown = gate.command("downloads", "left").stdout
        self.assertRegex(shown, r"LAST +RELEASE +TOKEN +PROJECT +COMMAND +ADDRESS")
        self.assertRegex(shown, r"left@1\.0\.0 +ci +shop +ci +127\.0\.0\.1")
        for words in (("--token", "ci"), ("--project", "shop"), ("--address", "127.0.0.1"), ("left@^1.0.0", "--token", "ci")):
            self.assertIn("left@1.0.0", gate.command("downloads", *words).stdout, words)
        self.assertIn("nobody", gate.command("downloads", "--token", "other").stdout)
        self.assertEqual(gate.command("downloads").returncode, 2)

    def test_listings_have_headings_and_say_when_they_are_empty(self):
        """Each command that lists."""
        gate = self.gate()
        for words, empty in ((("quarantine", "list"), "no release is held"), (("downloads", "nothing"), "nobody"), (("alerts", "list"), "no alert"),
                             (("log", "--kind", "recall"), "no entry matches")):
            self.assertIn(empty, self.command(gate, *words).stdout, words)
        gate.versions("left")
        wire.eventually(lambda: "left" in self.command(gate, "quarantine", "list").stdout)
        listed = self.command(gate, "quarantine", "list").stdout
        self.assertTrue(listed.startswith("RELEASE"), listed)
        self.assertTrue(self.command(gate, "log").stdout.startswith("TIME"))
        self.assertTrue(self.command(gate, "token", "list").stdout.startswith("ID"))

    def test_a_kind_that_is_none_and_a_name_that_is_taken(self):
        """The trail's kinds are named; two tokens of one name could not be told apart."""
        gate = self.gate()
        wrong = gate.command("log", "--kind", "nonsense")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("decision, policy-loaded", wrong.stderr)
        answer = wire.send(gate.admin_url, "/api/v1/audit?kind=nonsense", headers={"Authorization": f"Bearer {gate.token}"})
        self.assertEqual(answer.status, 400)
        again = gate.command("token", "create", "rita")
        self.assertEqual((again.returncode, again.stdout), (3, ""))
        self.assertIn("a token named 'rita' exists", again.stderr)
        self.assertEqual(gate.command("token", "revoke", "1").returncode, 0)
        self.assertEqual(gate.command("token", "create", "rita").returncode, 0)

    def test_explain_knows_what_was_withdrawn(self):
        """A release that was served and one that was not."""
        self.registry.add(Package("gone", [Release("1.0.0", days_ago(300)), Release("1.0.1", days_ago(200)), Release("1.0.2", days_ago(100))]))
        gate = self.gate(packuments={"fresh": "1s"})
        self.assertEqual(gate.tarball("gone", "1.0.1").status, 200)
        for version in ("1.0.1", "1.0.2"):
            self.registry.unpublish("gone", version)
        self.assertTrue(wire.eventually(lambda: "1.0.2" not in gate.versions("gone")))
        told = gate.command("explain", "gone@1.0.2")
        self.assertIn("was withdrawn: its registry lists it no longer since", told.stderr)
        served = gate.command("explain", "gone@1.0.1")
        self.assertIn("release-withdrawn", served.stdout, served.stderr)

    def test_one_address_for_every_command(self):
        """NPM_GATE_ADMIN, --admin and --config reach the same gate from each command that asks it."""
        gate = self.gate()
        gate.versions("left")
        for words in (("quarantine", "list"), ("quarantine", "show", "left@1.1.0"), ("cache", "refresh", "left")):
            code = 0 if words[0] == "quarantine" else 2  # the cache needs an admin token
            for extra, env in ((("--config", gate.config_file), {}), (("--admin", gate.admin_url), {}), ((), {"NPM_GATE_ADMIN": gate.admin_url})):
                done = run(*words, *extra, env=environment(NPM_GATE_TOKEN=gate.token, **env))
                self.assertEqual(done.returncode, code, (words, extra, done.stderr))

    def test_secrets_of_sinks_are_needed_by_what_sends(self):
        """A listing works without them; what sends says which is missing."""
        gate = self.gate()
        file = gate.base / "with-sinks.yaml"
        file.write_text(gate.config_file.read_text().rstrip() + "\n", encoding="utf-8")
        config = json.loads(file.read_text()) if file.read_text().startswith("{") else None
        sinks = {"sinks": [{"name": "chat", "type": "slack", "url_env": "NO_SUCH_VARIABLE"},
                           {"name": "issues", "type": "github", "token_file": "nowhere", "repositories": ["corp/security"]}]}
        if config is not None:
            file.write_text(json.dumps({**config, "alerts": sinks}))
        else:
            file.write_text(file.read_text() + "alerts: " + json.dumps(sinks) + "\n")
        for words in (("log",), ("token", "list"), ("downloads", "left"), ("alerts", "list"), ("quarantine", "list")):
            done = run(*words, "--config", file, env=environment(NPM_GATE_TOKEN=gate.token))
            self.assertEqual(done.returncode, 0, (words, done.stderr))
        for words in (("alerts", "test"), ("check",)):
            done = run(*words, "--config", file)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn("NO_SUCH_VARIABLE is not set", done.stderr + done.stdout)

    def test_an_audit_against_a_gate_that_is_down_says_it_once(self):
        """Not once for each release."""
        lock = pathlib.Path(self.enterContext(Gate(self.registry.url)).base) / "package-lock.json"
        lock.write_text(json.dumps({"lockfileVersion": 3, "packages": {"": {}, **{
            f"node_modules/p{i}": {"version": "1.0.0"} for i in range(30)}}}))
        done = run("audit", lock, "--gate", f"http://127.0.0.1:{wire.free_port()}/")
        self.assertEqual((done.returncode, len(done.stderr.splitlines()), done.stdout), (3, 1, ""), done.stderr)


if __name__ == "__main__":
    case.main()
