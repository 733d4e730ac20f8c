#!/usr/bin/env python3
"""The community's alarm, end to end: a bad release appears upstream, nobody installs anything, and the right people hear of it once."""

import json
import pathlib
import re
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import incidents
import sinks
import wire
from clients import Project
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import ROOT, Gate, environment, run

POLICY = """\
version: 1
rules:
  - id: takeover
    when: { finding: [install-script-added, install-script-changed], younger_than: 14d }
    then: quarantine
  - { id: known-malware, when: { finding: known-malware }, then: block }
  - { id: cooldown, when: { younger_than: 24h }, then: quarantine, fixes: sooner }
"""
BLOCKED = POLICY + """\
  - id: gone-bad
    when: { package: bystander, version: 1.0.0 }
    then: block
"""
# How the maintainers replaced the hijacked release: the last good one again.
FIX = Release("0.7.30", published=days_ago(0), files={"index.js": 'module.exports = "ua-parser-js@0.7.28";\n'})
WATCH = {"min_interval": "200ms", "max_interval": "400ms", "budget": "6000/min"}


def before(incident):
    """The package as it was before the bad releases."""
    package = incident.packages()[0]
    package.releases = [release for release in package.releases if release.version in incident.good]
    package.tags = None
    return package


class Alerts(case.EndToEnd):
    """One registry, one webhook, one GitHub; a gate per test."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry(before(incident) for incident in incidents.ALL))
        self.registry.add(Package("bystander", [Release("1.0.0", published=days_ago(400))]))
        names = [incident.name for incident in incidents.ALL]
        self.hook = self.enterContext(sinks.Hook("hook-secret"))
        self.hub = self.enterContext(sinks.GitHub([f"fixtures/{name}" for name in names] + ["corp/security", "team/shop", "team/other"]))

    def gate(self, watch=None, wait="0s", github=True, subscribers=False, **more):
        """A gate that watches the three packages and tells hook and GitHub. `subscribers`: it watches only what they hold, and tells them."""
        sink_list = [{"name": "hook", "type": "webhook", "url": self.hook.url, "secret_env": "HOOK_SECRET"}]
        if github:
            sink_list.append({"name": "issues", "type": "github", "api": self.hub.url, "web": "https://git.example/",
                              "token_env": "HUB_TOKEN", "packages": [incident.name for incident in incidents.ALL],
                              "subscribers": subscribers})
        watched = [] if subscribers else [incident.name for incident in incidents.ALL]
        settings = {"alerts": {"wait": wait, "sinks": sink_list}, "watch": {**WATCH, "packages": watched, **(watch or {})}, **more}
        running = Gate(self.registry.url, policy=POLICY, settings=settings,
                       env={"HOOK_SECRET": "hook-secret", "HUB_TOKEN": self.hub.token})
        running = self.enterContext(running)
        self.assertTrue(wire.eventually(lambda: all(self.registry.seen(f"/{name}") for name in watched)), running.log_end())
        return running

    def command(self, gate, *arguments):
        """A command with the gate's configuration and secrets."""
        return gate.command(*arguments, env=environment(**gate.env))

    def publish(self, incident, *versions):
        """The bad releases appear."""
        for version in versions:
            self.registry.publish(incident.name, incident.bad_release(version, days_ago(0)))

    def wait_for(self, check, gate, limit=30):
        """Waits for what must happen, and shows the gate's log where it does not."""
        self.assertTrue(wire.eventually(check, limit), gate.log_end())

    def test_a_takeover_and_its_fix(self):
        """ua-parser-js 0.7.29, then 0.7.30, then 0.7.29 is unpublished."""
        gate = self.gate()
        incident = incidents.UA_PARSER_JS
        self.publish(incident, "0.7.29")
        self.wait_for(lambda: self.hook.messages and self.hub.issues("fixtures/ua-parser-js"), gate)
        event = self.hook.events()[0]
        self.assertEqual((event["kind"], event["name"], event["version"]), ("held", "ua-parser-js", "0.7.29"))
        self.assertIn("install-script-added", [finding["id"] for finding in event["findings"]])
        self.assertEqual(event["baseline"], "0.7.28")
        issue = self.hub.issues("fixtures/ua-parser-js")[0]
        self.say(issue.title)
        for word in ("0.7.29", "install-script-added", "node preinstall.js", "How to confirm", "How to close"):
            self.assertIn(word, issue.title + issue.body)
        # Nobody has asked for a tarball, and nobody can have it.
        self.assert_refused(gate.tarball("ua-parser-js", "0.7.29"), "quarantined")

        self.registry.publish("ua-parser-js", FIX)
        self.wait_for(lambda: issue.comments, gate)
        self.assertIn("0.7.30", issue.comments[0]["body"])
        self.assertEqual((self.hook.events()[-1]["kind"], self.hook.events()[-1]["fixes"]), ("fixed", "0.7.29"))
        self.assertEqual(issue.state, "open")
        # Sooner than anything else that is as young.
        self.assertEqual(gate.tarball("ua-parser-js", "0.7.30").status, 200)
        self.registry.publish("ua-parser-js", Release("0.7.31", published=days_ago(0)))
        self.wait_for(lambda: self.registry.seen("/ua-parser-js/-/ua-parser-js-0.7.31.tgz"), gate)
        self.assert_refused(gate.tarball("ua-parser-js", "0.7.31"), "quarantined", "cooldown")

        self.registry.unpublish("ua-parser-js", "0.7.29")
        self.wait_for(lambda: issue.state == "closed", gate)
        self.wait_for(lambda: self.hook.events()[-1]["kind"] == "cleared", gate)
        self.assertEqual(len(self.hub.issues("fixtures/ua-parser-js")), 1)
        self.assertEqual(len(self.hook.messages), 3)
        listed = self.command(gate, "alerts", "list")
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertIn("held ua-parser-js@0.7.29", listed.stdout)

    def subscribe(self, gate, repository, file, document):
        """A project uploads one of its files."""
        made = self.command(gate, "token", "create", f"ci-{repository}-{file}-{time.monotonic_ns()}".replace("/", "-"), "--scope", "install")
        body = json.dumps({"repository": f"https://git.example/{repository}", "file": file, "text": json.dumps(document)}).encode()
        token = re.search(r"\S{20,}", made.stdout)[0]
        answer = wire.send(gate.admin_url, "/api/v1/subscriptions", "POST", {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}, body)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def test_subscribers_hear_of_it(self):
        """The same story for a project that asks for a range; another one locks the last good release and hears nothing."""
        gate = self.gate(subscribers=True)
        lock = {"lockfileVersion": 3, "packages": {"": {"dependencies": {"ua-parser-js": "^0.7.20"}},
                                                   "node_modules/ua-parser-js": {"version": "0.7.28"}}}
        ranges = {"dependencies": {"ua-parser-js": "^0.7.20"}}
        for repository, file, document in [("team/shop", "package-lock.json", lock), ("team/shop", "package.json", ranges),
                                           ("team/other", "package-lock.json", lock)]:
            self.assertEqual(self.subscribe(gate, repository, file, document)["refused"], [])
        self.wait_for(lambda: self.registry.seen("/ua-parser-js"), gate)
        self.publish(incidents.UA_PARSER_JS, "0.7.29")
        self.wait_for(lambda: self.hook.messages and self.hub.issues("team/shop") and self.hub.issues("fixtures/ua-parser-js"), gate)
        self.assertEqual(self.hook.events()[0]["projects"], ["https://git.example/team/shop"])
        own, theirs = self.hub.issues("team/shop")[0], self.hub.issues("fixtures/ua-parser-js")[0]
        self.say(own.title, own.body)
        self.assertIn("ua-parser-js@0.7.29", own.title)
        self.assertIn("What to do", own.body)
        self.assertNotIn("shop", theirs.title + theirs.body)
        # From now on CI has the bad release in its lockfile: told at once, and no second issue.
        lock["packages"]["node_modules/ua-parser-js"]["version"] = "0.7.29"
        refused = self.subscribe(gate, "team/shop", "package-lock.json", lock)["refused"]
        self.assertEqual([(one["version"], one["action"]) for one in refused], [("0.7.29", "quarantine")])
        self.registry.publish("ua-parser-js", FIX)
        self.wait_for(lambda: own.comments and theirs.comments, gate)
        self.assertIn("0.7.30", own.comments[0]["body"])
        self.registry.unpublish("ua-parser-js", "0.7.29")
        self.wait_for(lambda: (own.state, theirs.state) == ("closed", "closed"), gate)
        self.assertEqual([len(self.hub.issues(name)) for name in ("team/shop", "fixtures/ua-parser-js", "team/other")], [1, 1, 0])

    def test_coa_and_rc_on_the_same_day_are_grouped(self):
        """Nine bad releases of two packages: one digest, one issue for each package."""
        gate = self.gate(wait="4s")
        self.publish(incidents.COA, *incidents.COA.bad)
        self.publish(incidents.RC, *incidents.RC.bad)
        self.wait_for(lambda: len(self.hook.events()) == 9, gate, 60)
        # How many fit into the wait depends on how fast they are inspected; most of them do.
        self.assertLessEqual(len(self.hook.messages), 3)
        self.assertTrue(any(message["digest"] for message in self.hook.messages))
        self.say(*[message["headline"] for message in self.hook.messages])
        self.wait_for(lambda: self.hub.issues("fixtures/coa") and self.hub.issues("fixtures/rc"), gate)
        for incident in (incidents.COA, incidents.RC):
            issues = self.hub.issues(f"fixtures/{incident.name}")
            self.assertEqual(len(issues), 1)
            for version in incident.bad:
                self.wait_for(lambda v=version, i=issues[0], n=incident.name: f"{n}@{v}" in i.body + str(i.comments), gate)

    def test_kill_between_decision_and_delivery(self):
        """Both sinks fail, the gate is killed, the sinks come back: delivered, and GitHub has one issue."""
        gate = self.gate()
        self.hook.fail_next(500, times=1000)
        # The issue is written, but the gate never learns of it.
        self.hub.lose_next_answer("POST")
        self.publish(incidents.UA_PARSER_JS, "0.7.29")
        self.wait_for(lambda: self.hook.requests and self.hub.issues("fixtures/ua-parser-js"), gate)
        gate.kill()
        self.hook.forget_plans()
        gate.restart()
        self.wait_for(lambda: self.hook.messages, gate)
        self.wait_for(lambda: "issue #1" in self.command(gate, "alerts", "list").stdout, gate)
        self.assertEqual([event["version"] for event in self.hook.events()], ["0.7.29"])
        self.assertEqual(len(self.hub.issues("fixtures/ua-parser-js")), 1)

    def test_a_recall_names_who_has_it(self):
        """Served to a CI job, then blocked by a new policy."""
        gate = self.gate(github=False)
        headers = {"npm-gate-project": "shop", "npm-command": "ci", "user-agent": "npm/11.0.0 node/v24.0.0"}
        self.assertEqual(gate.get("/bystander/-/bystander-1.0.0.tgz", headers).status, 200)
        self.wait_for(lambda: "shop" in self.command(gate, "downloads", "bystander", "--json").stdout, gate)
        gate.policy_file.write_text(BLOCKED)
        self.wait_for(lambda: self.hook.messages, gate)
        event = self.hook.events()[0]
        self.assertEqual((event["kind"], event["name"], event["version"]), ("recall", "bystander", "1.0.0"))
        self.assertEqual([holder["project"] for holder in event["holders"]], ["shop"])
        self.assertIn("recall", self.command(gate, "log", "--kind", "recall").stdout)
        audit = gate.send("/-/npm/v1/security/advisories/bulk", "POST", {"content-type": "application/json"},
                          b'{"bystander": ["1.0.0"]}')
        self.assertIn("bystander", audit.json())

    def test_served_yesterday_known_malware_today(self):
        """npm installs it in a CI job; a feed names it: the recall names the job's token and command, and `npm audit` shows the advisory."""
        (client,) = case.installed_clients("npm11")
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="gate-feed-")))
        record = {"schema_version": "1.7.0", "id": "MAL-2026-1", "summary": "Malicious code in bystander (npm)",
                  "published": "2026-01-02T03:04:05Z", "modified": "2026-01-02T03:04:05Z",
                  "affected": [{"package": {"ecosystem": "npm", "name": "other"}, "versions": ["1.0.0"]}]}
        (folder / "MAL-2026-1.json").write_text(json.dumps(record))
        gate = self.gate(github=False, feeds=[str(folder)], access={"clients": "token"})
        token = re.search(r"\S{20,}", self.command(gate, "token", "create", "ci-shop", "--scope", "install").stdout)[0]
        with Project(client, gate.url, token=token) as project:
            self.assertEqual(project.install({"bystander": "1.0.0"}).code, 0)
            self.assertEqual(project.run(["audit"]).code, 0)
            record["affected"][0]["package"]["name"] = "bystander"
            (folder / "MAL-2026-1.json").write_text(json.dumps(record))
            self.wait_for(lambda: self.hook.messages, gate)
            event = self.hook.events()[0]
            self.assertEqual((event["kind"], event["name"], event["rules"]), ("recall", "bystander", ["known-malware"]))
            fetched = [holder for holder in event["holders"] if not holder["reported"]]
            self.say(fetched)
            self.assertEqual([(holder["token"], holder["command"]) for holder in fetched], [("ci-shop", "install")])
            audit = project.run(["audit"])
            self.assertEqual(audit.code, 1, audit.text)
            self.assertIn("MAL-2026-1", audit.text)

    def test_the_changes_feed_leads_to_a_look_at_once(self):
        """The next look by schedule is hours away; the feed of the upstream names the package."""
        upstream = {"name": "public", "url": self.registry.url, "changes": f"{self.registry.url}_changes"}
        gate = self.gate({"min_interval": "3h", "max_interval": "6h"}, upstreams=[upstream])
        self.wait_for(lambda: self.registry.feed.asked, gate)
        self.publish(incidents.RC, "1.2.9")
        self.wait_for(lambda: self.hook.messages, gate)
        self.assertEqual(self.hook.events()[0]["version"], "1.2.9")
        gate.stop()
        # What changed meanwhile is asked for from where the feed was left.
        self.publish(incidents.COA, "2.0.3")
        gate.restart()
        self.wait_for(lambda: len(self.hook.events()) == 2, gate)
        self.assertEqual(self.hook.events()[1]["version"], "2.0.3")

    def test_github_says_no(self):
        """Limits are waited for, refusals for good are given up with a reason."""
        gate = self.gate()
        self.hub.secondary_limit_next(1)
        self.hub.disabled.add("fixtures/coa")
        del self.hub.repositories["fixtures/rc"]
        for incident in incidents.ALL:
            self.publish(incident, incident.bad[0])

        def listed():
            return self.command(gate, "alerts", "list").stdout

        self.wait_for(lambda: len(re.findall(r"^dead +issues", listed(), re.MULTILINE)) == 2, gate)
        self.say(listed())
        self.assertIn("status 410: Issues has been disabled", listed())
        self.assertIn("status 404: Not Found", listed())
        self.wait_for(lambda: self.hub.issues("fixtures/ua-parser-js"), gate)
        self.hub.fail_next(422, method="POST", message="Validation Failed")
        self.publish(incidents.UA_PARSER_JS, "0.8.0")
        self.wait_for(lambda: len(re.findall(r"^dead +issues", listed(), re.MULTILINE)) == 3, gate)
        self.assertIn("status 422: Validation Failed", listed())

    def test_a_token_that_github_does_not_know(self):
        """It was rotated: nothing is lost until the new one is there."""
        gate = self.gate()
        self.hub.token = "rotated"
        self.publish(incidents.RC, "1.2.9")
        self.wait_for(lambda: "status 401: Bad credentials" in self.command(gate, "alerts", "list").stdout, gate)
        self.hub.token = gate.env["HUB_TOKEN"]
        self.wait_for(lambda: self.hub.issues("fixtures/rc"), gate)

    def test_the_configuration_in_the_documents_is_accepted(self):
        """Every block of gate.yaml in monitoring.md."""
        secrets = ["HOOK_SECRET", "MAIL_PASSWORD", "GITHUB_TOKEN"]
        env = environment(NPM_GATE_SLACK_URL="https://chat.corp.example/x", **{f"NPM_GATE_{name}": "x" for name in secrets})
        text = (ROOT / "docs" / "monitoring.md").read_text()
        blocks = re.findall(r"^```yaml\n(# gate\.yaml\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
        self.assertGreater(len(blocks), 1)
        for block in blocks:
            file = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "gate.yaml"
            more = "" if "upstreams:" in block else f"upstreams: [{{ name: public, url: {self.registry.url} }}]\n"
            file.write_text(block + more + "storage: { path: data }\n")
            (file.parent / "data").mkdir()
            done = run("alerts", "list", "--config", file, env=env)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_alerts_test_reaches_every_sink(self):
        """A marked message to the hook; GitHub is only asked."""
        gate = self.gate()
        gate.env["HUB_TOKEN"] = "wrong"
        done = self.command(gate, "alerts", "test")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("hook (webhook): reached, status 200", done.stdout)
        self.assertIn("issues (github): not reached, rate_limit: status 401: Bad credentials", done.stdout)
        self.assertEqual([event["kind"] for event in self.hook.events()], ["test"])


if __name__ == "__main__":
    case.main()
