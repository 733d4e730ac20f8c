#!/usr/bin/env python3
"""`writable: true`: real clients publish, deprecate, tag and unpublish through the gate on a real second registry, with their own
credentials; what the gate left out is never written back; other upstreams stay read-only and never see a credential."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import verdaccio
import wire
from clients import Project, marker_script
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

POLICY = """\
version: 1
rules:
  - id: new-hooks
    when: { finding: [install-script-added] }
    then: quarantine
"""
HOOK = {"postinstall": "node setup.js"}


class Publishing(case.EndToEnd):
    """The gate between clients, Verdaccio (scope @acme) and a fixture for everything else."""

    def setUp(self):
        if verdaccio.program() is None:
            raise unittest.SkipTest("not installed: Verdaccio (scripts/install-verdaccio.sh)")
        self.internal = self.enterContext(verdaccio.Verdaccio())
        self.public = self.enterContext(FixtureRegistry([Package("left", [Release("1.0.0", published=days_ago(90))])]))
        self.gate = self.enterContext(self.new_gate())

    def new_gate(self, **settings):
        """A gate with both upstreams."""
        upstreams = [{"name": "internal", "url": self.internal.url, "scopes": ["@acme"], "packages": ["acme-*"], "writable": True},
                     {"name": "public", "url": self.public.url}]
        return Gate(None, POLICY, {"upstreams": upstreams, **settings})

    def package(self, project, name, version, scripts=None):
        """Makes the project folder a package to publish."""
        manifest = {"name": name, "version": version, "license": "MIT", "main": "index.js", "scripts": scripts or {}}
        (project.folder / "package.json").write_text(json.dumps(manifest))
        (project.folder / "index.js").write_text(f"module.exports = '{version}';\n")
        (project.folder / "setup.js").write_text(marker_script("hook"))
        if project.client.family == "yarn4":
            project.run(["install"])

    def publish(self, project, name, version, scripts=None):
        """Publishes with the client's own command."""
        self.package(project, name, version, scripts)
        commands = {"npm": ["publish"], "pnpm": ["publish", "--no-git-checks"], "yarn4": ["npm", "publish"], "bun": ["publish"],
                    "yarn1": ["publish", "--non-interactive", "--new-version", version, "--no-git-tag-version"]}
        result = project.run(commands[project.client.family])
        self.say(name, version, result)
        return result

    def test_every_client_publishes(self):
        """Each with its own command; then another machine installs it through the gate."""
        for client in case.installed_clients():
            for name in (f"@acme/{client.name}", f"acme-{client.name}"):
                with self.subTest(client=client.name, name=name), Project(client, self.gate.url, token=self.internal.token) as project:
                    result = self.publish(project, name, "1.0.0")
                    self.assertEqual(result.code, 0, result.text)
                    self.assertEqual(list(self.internal.document(name)["versions"]), ["1.0.0"])
                    result = self.publish(project, name, "1.0.1")
                    self.assertEqual(result.code, 0, result.text)
                    self.assertEqual(self.gate.versions(name), ["1.0.0", "1.0.1"])
                with Project(client, self.gate.url) as consumer:
                    result = consumer.install({name: "^1.0.0"})
                    self.assertEqual(result.versions, {name: "1.0.1"}, result.text)
        self.assertEqual([r for r in self.public.seen() if "acme" in r.target or "authorization" in r.headers], [])
        self.gate.stop()
        kept = b"".join(path.read_bytes() for path in self.gate.data.rglob("*") if path.is_file())
        self.assertNotIn(self.internal.token, self.gate.log())
        self.assertNotIn(self.internal.token.encode(), kept)

    def test_npm_changes(self):
        """deprecate, dist-tag, unpublish of one version, whoami; a version that the gate holds survives all of it."""
        name = "@acme/lib"
        client = case.installed_clients("npm11")[0]
        with Project(client, self.gate.url, token=self.internal.token) as project:
            for version, scripts in (("1.0.0", None), ("1.0.1", None), ("1.1.0", HOOK)):
                self.assertEqual(self.publish(project, name, version, scripts).code, 0)
            self.assertEqual(self.gate.versions(name), ["1.0.0", "1.0.1"])
            rows = [
                (["deprecate", f"{name}@1.0.0", "use 1.0.1"], lambda d: d["versions"]["1.0.0"].get("deprecated") == "use 1.0.1"),
                (["dist-tag", "add", f"{name}@1.0.0", "stable"], lambda d: d["dist-tags"].get("stable") == "1.0.0"),
                (["dist-tag", "rm", name, "stable"], lambda d: "stable" not in d["dist-tags"]),
                (["unpublish", f"{name}@1.0.0", "--force"], lambda d: "1.0.0" not in d["versions"]),
            ]
            for words, done in rows:
                with self.subTest(words):
                    result = project.run(words)
                    self.say(result.text.strip().splitlines()[-1:])
                    self.assertEqual(result.code, 0, result.text)
                    document = self.internal.document(name)
                    self.assertTrue(done(document), document)
                    self.assertIn("1.1.0", document["versions"])
            self.assertIn("alice", project.run(["whoami"]).text)
        self.assertEqual(self.gate.versions(name), ["1.0.1"])
        trail = [json.loads(line) for line in self.gate.command("log", "--kind", "write", "--json").stdout.splitlines()]
        self.assertEqual({entry["name"] for entry in trail}, {name})
        self.assertGreaterEqual(len(trail), 7)

    # What each client calls deprecating, tagging and unpublishing; {0}: name@version, {1}: name.
    CHANGES = {
        "npm": (["deprecate", "{0}", "use 1.0.1"], ["dist-tag", "add", "{0}", "stable"], ["dist-tag", "rm", "{1}", "stable"],
                ["unpublish", "{0}", "--force"]),
        "pnpm": (["deprecate", "{0}", "use 1.0.1"], ["dist-tag", "add", "{0}", "stable"], ["dist-tag", "rm", "{1}", "stable"],
                 ["unpublish", "{0}", "--force"]),
        "yarn1": (None, ["tag", "add", "{0}", "stable"], ["tag", "remove", "{1}", "stable"], None),
        "yarn4": (None, ["npm", "tag", "add", "{0}", "stable"], ["npm", "tag", "remove", "{1}", "stable"], None),
        "bun": (None, None, None, None),
    }
    DONE = (lambda d: d["versions"]["1.0.0"].get("deprecated") == "use 1.0.1", lambda d: d["dist-tags"].get("stable") == "1.0.0",
            lambda d: "stable" not in d["dist-tags"], lambda d: "1.0.0" not in d["versions"])

    def test_changes_of_every_client(self):
        """Whatever a client has a command for reaches the registry, and the next read through the gate shows it."""
        for client in case.installed_clients():
            name = f"@acme/changes-{client.name}"
            with Project(client, self.gate.url, token=self.internal.token) as project:
                for version in ("1.0.0", "1.0.1"):
                    self.assertEqual(self.publish(project, name, version).code, 0)
                for words, done in zip(self.CHANGES[client.family], self.DONE):
                    if words is None:
                        continue
                    with self.subTest(client=client.name, words=words):
                        result = project.run([word.format(f"{name}@1.0.0", name) for word in words])
                        self.say(words[0], result)
                        self.assertEqual(result.code, 0, result.text)
                        document = self.internal.document(name)
                        self.assertTrue(done(document), document["dist-tags"])
                        self.assertEqual(self.gate.packument(name).json()["dist-tags"], document["dist-tags"])

    def test_what_may_not_pass(self):
        """Without credentials, with a token of the gate, to a read-only upstream, a filtered or shortened document."""
        name, path = "@acme/lib", "/@acme%2flib"
        client = case.installed_clients("npm11")[0]
        with Project(client, self.gate.url, token=self.internal.token) as project:
            for version, scripts in (("1.0.0", None), ("1.1.0", HOOK)):
                self.assertEqual(self.publish(project, name, version, scripts).code, 0)
            refused = self.publish(project, "left", "9.0.0")
            self.assertNotEqual(refused.code, 0)
            self.assertIn("read-only", refused.text)
        own = {"Authorization": f"Bearer {self.internal.token}", "Content-Type": "application/json"}
        token = self.gate.command("token", "create", "ci").stdout.strip()
        before = self.internal.document(name)

        def put(document, headers=None, at=path):
            return self.gate.send(at, "PUT", headers or own, json.dumps(document).encode())

        filtered = self.gate.packument(name).json()
        self.assertEqual(list(filtered["versions"]), ["1.0.0"])
        self.assertIn("read through the gate", self.assert_refused(put(filtered)))
        whole = self.gate.get(path + "?write=true", own)
        self.assertEqual(list(whole.json()["versions"]), ["1.0.0", "1.1.0"])
        short = {**whole.json(), "versions": {"1.0.0": whole.json()["versions"]["1.0.0"]}}
        self.assertIn("leaves out 1", self.assert_refused(put(short)))
        self.assertIn("leaves out 2", self.assert_refused(put({**short, "versions": {}}, at=f"{path}/-rev/{whole.json()['_rev']}")))
        self.assert_refused(put({"_id": name, "users": {"alice": True}}))
        self.assert_refused(put({**whole.json(), "name": "@acme/other"}))
        self.assertEqual(self.gate.send(path, "PUT", own, b"not json").status, 400)
        self.assertEqual(self.gate.send(path, "PUT", own, b'{"versions":{},"versions":{"1.0.0":{}}}').status, 400)
        self.assertEqual(put(whole.json(), {"Authorization": f"Bearer {token}"}).status, 401)
        self.assertEqual(self.gate.get(path + "?write=true", {"Authorization": f"Bearer {token}"}).status, 401)
        self.assertEqual(self.gate.get(path + "?write=true").status, 401)
        self.assertEqual(put(whole.json(), {"Content-Type": "application/json"}).status, 401)
        self.assertEqual(self.gate.send("/-/package/@acme%2flib/dist-tags/x", "PUT", {"Content-Type": "application/json"}, b'"1.0.0"').status, 401)
        self.assertEqual(self.gate.get("/left?write=true", own).status, 403)
        self.assertEqual(self.internal.document(name)["versions"].keys(), before["versions"].keys())
        self.assertEqual([r.method for r in self.public.seen() if r.method != "GET"], [])

    def test_large_bodies(self):
        """Megabytes pass and are not kept in memory; more than the gate takes is 413, and the client hears it."""
        own = {"Authorization": f"Bearer {self.internal.token}", "Content-Type": "application/json"}
        client = case.installed_clients("npm11")[0]
        with Project(client, self.gate.url, token=self.internal.token) as project:
            self.package(project, "acme-large", "1.0.0")
            noise = pathlib.Path("/dev/urandom").open("rb").read(60 << 20)
            (project.folder / "noise.bin").write_bytes(noise)
            before = self.gate.memory_from_now()
            result = project.run(["publish"])
            self.assertEqual(result.code, 0, result.text)
            grown = self.gate.memory_peak() - before
            self.say(f"a publish of 60 MiB: {grown >> 20} MiB more at the most")
            self.assertLess(grown, 20 << 20)
            self.assertEqual(list((self.gate.data / "tmp").iterdir()), [])
        self.assertEqual(self.gate.tarball("acme-large", "1.0.0").status, 200)
        answer = self.gate.send("/acme-large", "PUT", own, b"{" + b" " * (128 << 20))
        self.assertEqual(answer.status, 413)

    def test_with_client_tokens(self):
        """`access.clients: token`: installs need the gate's token, writes the registry's credentials."""
        client = case.installed_clients("npm11")[0]
        with self.new_gate(access={"clients": "token"}) as gate:
            token = gate.command("token", "create", "ci").stdout.strip()
            with Project(client, gate.url, token=self.internal.token) as project:
                result = self.publish(project, "@acme/locked", "1.0.0")
                self.assertEqual(result.code, 0, result.text)
                self.assertNotEqual(project.install({"@acme/locked": "1.0.0"}).code, 0)
            with Project(client, gate.url, token=token) as project:
                self.assertEqual(project.install({"@acme/locked": "1.0.0"}).versions, {"@acme/locked": "1.0.0"})
                self.assertNotEqual(self.publish(project, "@acme/locked", "1.0.1").code, 0)
        wire.eventually(lambda: "PUT" in self.internal.log())
        self.assertNotIn(token, self.internal.log())


if __name__ == "__main__":
    case.main()
