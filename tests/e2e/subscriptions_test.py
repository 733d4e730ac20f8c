#!/usr/bin/env python3
"""Subscriptions over the admin API and `npm-gate subscribe`: uploads, renewal, limits, who may."""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import gate
import sinks
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago, held_package

SHOP = "https://git.example/team/shop"
LOCK = json.dumps({"lockfileVersion": 3, "packages": {
    "": {"dependencies": {"app": "^1.0.0"}},
    "node_modules/app": {"version": "1.0.0", "dependencies": {"bad": "^1.0.0"}},
    "node_modules/bad": {"version": "1.0.1"}}}, indent=2)
RANGES = json.dumps({"name": "shop", "dependencies": {"bad": "^1.0.0", "app": "^2.0.0"}})


class Scene(case.EndToEnd):
    """A gate that has judged bad@1.0.1 (held: it has a new install script) and app@1.0.0."""

    settings, env = {}, {}

    def setUp(self):
        registry = self.enterContext(FixtureRegistry([
            Package("app", [Release("1.0.0", published=days_ago(400), manifest={"dependencies": {"bad": "^1.0.0"}})]),
            held_package("bad")]))
        self.gate = self.enterContext(gate.Gate(registry.url, settings=self.settings, env=self.env))
        self.tokens = {scope: self.token(scope) for scope in ("install", "review", "admin")}
        self.gate.tarball("bad", "1.0.1")
        self.gate.tarball("bad", "1.0.0")

    def token(self, scope):
        """A new token."""
        made = self.gate.command("token", "create", f"t-{scope}", "--scope", scope, env=gate.environment(**self.env))
        return re.search(r"\S{20,}", made.stdout)[0]

    def call(self, method="GET", path="", body=None, scope="review"):
        """One request to the admin API."""
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.tokens[scope]}"} if scope else {})}
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return wire.send(self.gate.admin_url, "/api/v1/subscriptions" + path, method, headers, data)

    def upload(self, text=LOCK, file="package-lock.json", scope="install", **more):
        """A subscription."""
        return self.call("POST", "", {"repository": SHOP, "file": file, "text": text, **more}, scope)


class Subscriptions(Scene):
    """What an upload does and who may."""

    def test_an_upload_tells_what_is_held_already(self):
        """At once, with the way to it and its line; what was never asked for is counted."""
        answer = self.upload(project="web")
        self.assertEqual(answer.status, 200, answer)
        document = answer.json()
        self.say(document)
        self.assertEqual((document["repository"], document["project"], document["releases"]), (SHOP, "web", 2))
        refused = document["refused"]
        self.assertEqual([(one["name"], one["version"], one["action"]) for one in refused], [("bad", "1.0.1", "quarantine")])
        self.assertEqual(refused[0]["paths"], [["app@1.0.0", "bad@1.0.1"]])
        self.assertIn("node_modules/bad", LOCK.splitlines()[refused[0]["line"] - 1])
        self.assertIn("bad@1.0.1 is quarantined", refused[0]["sentence"])

    def test_package_json_asks_by_range(self):
        """Every known release that fits a range counts."""
        document = self.upload(RANGES, "package.json").json()
        self.assertEqual([one["version"] for one in document["refused"]], ["1.0.1"])
        self.assertEqual(document["format"], "package.json")

    def test_renewal_replaces(self):
        """The same repository, project and file is the same subscription."""
        first = self.upload().json()
        again = self.upload(LOCK.replace("1.0.1", "1.0.0")).json()
        self.assertEqual((again["id"], again["created"], again["refused"]), (first["id"], first["created"], []))
        other = self.upload(project="other").json()
        self.assertNotEqual(other["id"], first["id"])
        self.assertEqual(self.upload(repository_again=1).json()["id"], first["id"])
        listed = self.call().json()["subscriptions"]
        self.assertEqual(sorted(one["id"] for one in listed), sorted([first["id"], other["id"]]))
        shown = self.call(path="/" + other["id"]).json()
        self.assertEqual([(one["name"], one["version"]) for one in shown["locked"]], [("app", "1.0.0"), ("bad", "1.0.1")])

    def test_removal(self):
        """DELETE ends it; a second one finds nothing; restart keeps the rest."""
        gone, kept = self.upload().json()["id"], self.upload(project="kept").json()["id"]
        self.assertEqual(self.call("DELETE", "/" + gone, scope="install").status, 200)
        self.assertEqual(self.call("DELETE", "/" + gone, scope="install").status, 404)
        self.assertEqual(self.call(path="/" + gone).status, 404)
        self.gate.kill()
        self.gate.restart()
        self.assertEqual([one["id"] for one in self.call().json()["subscriptions"]], [kept])

    def test_who_may(self):
        """No token: 401. Scope install may upload, not list."""
        self.assertEqual(self.upload(scope=None).status, 401)
        self.assertEqual(self.call(scope=None).status, 401)
        self.assertIn(self.call(scope="install").status, (401, 403))
        for scope in ("install", "review", "admin"):
            self.assertEqual(self.upload(scope=scope).status, 200, scope)

    def test_what_is_refused(self):
        """Clear answers, 400 and 413."""
        rows = [(b"{", "the body must be JSON"), ({}, "repository: expected"), ({"repository": "x y"}, "repository: expected"),
                ({"repository": SHOP}, "file: expected"), ({"repository": SHOP, "file": "yarn.lock"}, "yarn.lock:1:1: an empty file"),
                ({"repository": SHOP, "file": "a.json", "text": "{"}, "a.json:1:2"),
                ({"repository": SHOP, "file": "f" * 300, "text": LOCK}, "200 bytes at most")]
        for body, words in rows:
            answer = self.call("POST", "", body, "install")
            self.assertEqual(answer.status, 400, answer)
            self.assertIn(words, answer.error())
        many = {"lockfileVersion": 3, "packages": {f"node_modules/p{i}": {"version": "1.0.0"} for i in range(20001)}}
        self.assertEqual(self.upload(json.dumps(many)).status, 413)

    def test_command(self):
        """`npm-gate subscribe`: table or JSON, exit 1 while something is held."""
        folder = self.gate.base
        (folder / "package-lock.json").write_text(LOCK)
        flags = ["--repository", SHOP + ".git", "--admin", self.gate.admin_url]
        env = gate.environment(NPM_GATE_TOKEN=self.tokens["install"])
        done = gate.run("subscribe", folder / "package-lock.json", *flags, env=env)
        self.say(done.stdout)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stdout, r"subscribed to 2 releases of \S*package-lock\.json until 20")
        self.assertRegex(done.stdout, r"QUARANTINE  bad@1\.0\.1.*\n(.*\n)*    by app@1\.0\.0 > bad@1\.0\.1")
        self.assertEqual(json.loads(gate.run("subscribe", folder / "package-lock.json", *flags, "--json", env=env).stdout)["repository"], SHOP)
        (folder / "yarn.lock").write_text('app@^1.0.0:\n  version "1.0.0"\n')
        self.assertEqual(gate.run("subscribe", folder / "yarn.lock", *flags, env=env).returncode, 0)
        without = gate.run("subscribe", folder / "yarn.lock", *flags)
        self.assertEqual((without.returncode, "a token is needed" in without.stderr), (2, True))


class Issues(Scene):
    """What a project reads in its own repository, besides the answer to its upload."""

    env = {"HUB_TOKEN": "gh-token"}

    def setUp(self):
        self.hub = self.enterContext(sinks.GitHub(["team/shop", "team/other", "team/last"]))
        self.hook = self.enterContext(sinks.Hook())
        issues = {"name": "issues", "type": "github", "api": self.hub.url, "web": "https://git.example/", "token_env": "HUB_TOKEN",
                  "subscribers": True}
        self.settings = {"alerts": {"wait": "0s", "sinks": [{"name": "hook", "type": "webhook", "url": self.hook.url}, issues]},
                         "watch": {"enabled": False}}
        super().setUp()
        self.wait_for(lambda: [event["version"] for event in self.hook.events()] == ["1.0.1"])

    def wait_for(self, check):
        """Waits for what must happen."""
        self.assertTrue(wire.eventually(check, 30), self.gate.log_end())

    def lock(self, name, version="1.0.1", file="package-lock.json", text=None):
        """A project of this name uploads what it has."""
        body = {"repository": f"https://git.example/team/{name}", "file": file, "text": text or LOCK.replace("1.0.1", version)}
        answer = self.call("POST", "", body, "install")
        self.assertEqual(answer.status, 200, answer)

    def all_is_told(self):
        """What was uploaded before has been told: uploads are worked off in their order, and this one's issue is there."""
        self.lock("last")
        self.wait_for(lambda: self.hub.issues("team/last"))

    def test_what_was_refused_before_is_told_once(self):
        """However often and however many files are uploaded; nobody else hears of it again."""
        for _ in range(3):
            self.lock("shop")
        self.lock("shop", file="package.json", text=RANGES)
        self.lock("other", "1.0.0")
        self.all_is_told()
        (issue,) = self.hub.issues("team/shop")
        self.say(issue.title)
        self.assertIn("bad@1.0.1", issue.title)
        for words in ("What to do", "compared with `1.0.0`", "postinstall"):
            self.assertIn(words, issue.body)
        self.assertEqual((issue.comments, self.hub.issues("team/other"), len(self.hook.messages)), ([], [], 1))

    def test_what_a_project_drops_is_over_for_it(self):
        """It locks the last good release again: its issue is closed, the other project's stays; it comes back: opened again."""
        for name in ("shop", "other"):
            self.lock(name)
            self.wait_for(lambda n=name: self.hub.issues(f"team/{n}"))
        own, other = self.hub.issues("team/shop")[0], self.hub.issues("team/other")[0]
        # A range that takes it keeps the issue open, whatever the lockfile says.
        self.lock("shop", file="package.json", text=RANGES)
        self.lock("shop", "1.0.0")
        self.all_is_told()
        self.assertEqual((own.state, own.comments), ("open", []))
        self.lock("shop", file="package.json", text=json.dumps({"dependencies": {"bad": "1.0.0"}}))
        self.wait_for(lambda: own.state == "closed")
        self.assertIn("no longer locks `bad@1.0.1`", own.comments[0]["body"])
        self.lock("shop")
        self.wait_for(lambda: own.state == "open")
        self.assertEqual((len(own.comments), len(self.hub.issues("team/shop"))), (2, 1))
        self.assertEqual((other.state, other.comments), ("open", []))
        # The whole is over for everybody, also for one whose subscription has ended meanwhile.
        for subscription in self.call().json()["subscriptions"]:
            if subscription["repository"].endswith("other"):
                self.assertEqual(self.call("DELETE", "/" + subscription["id"]).status, 200)
        done = gate.run("quarantine", "approve", "bad@1.0.1", "--reason", "reviewed", "--admin", self.gate.admin_url,
                        env=gate.environment(NPM_GATE_TOKEN=self.tokens["review"]))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.wait_for(lambda: (own.state, other.state) == ("closed", "closed"))
        self.assertIn("reviewed and approved", other.comments[-1]["body"])


if __name__ == "__main__":
    case.main()
