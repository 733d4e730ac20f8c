#!/usr/bin/env python3
"""What was accepted for a name@version stays what is served, whatever the upstream says later; a newcomer never is."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from clients import Project, marker_script
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

EVIL_SCRIPTS = {"postinstall": "node evil.js"}
EVIL_FILES = {"evil.js": marker_script("evil")}
SETTINGS = {"packuments": {"fresh": "1s", "stale": "1h"}}


class Identity(case.EndToEnd):
    """One package, two releases; the second is accepted, then the upstream changes its mind."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry([
            Package("steady", [Release("1.0.0", published=days_ago(300)), Release("1.1.0", published=days_ago(200))]),
            Package("signal", [Release("1.0.0", published=days_ago(300))]),
        ]))
        self.gate = self.enterContext(Gate(self.registry.url, settings=SETTINGS))

    def accept(self):
        """A client fetches 1.1.0: from now on it is pinned. Its bytes."""
        self.assertIn("1.1.0", self.gate.versions("steady"))
        answer = self.gate.tarball("steady", "1.1.0")
        self.assertEqual(answer.status, 200, answer)
        return answer.body

    def refreshed(self):
        """Waits until the gate has read the upstream's packument again."""
        before = len(self.registry.seen("/steady"))

        def asked():
            self.gate.packument("steady")
            return len(self.registry.seen("/steady")) > before + 1

        self.assertTrue(wire.eventually(asked), "the gate never looked again")
        self.gate.packument("steady")

    def test_script_added_to_the_manifest(self):
        """npm runs what the packument says: a hook added there later must not reach anyone."""
        self.accept()
        self.registry.edit_manifest("steady", "1.1.0", scripts=EVIL_SCRIPTS, hasInstallScript=True)
        self.refreshed()
        for answer in (self.gate.packument("steady"), self.gate.packument("steady", abbreviated=True), self.gate.get("/steady/1.1.0")):
            self.assertEqual(answer.status, 200, answer)
            self.assertNotIn(b"evil.js", answer.plain())
            document = answer.json()
            manifest = document.get("versions", {}).get("1.1.0", document)
            self.assertEqual(manifest["version"], "1.1.0")
            self.assertFalse(manifest.get("hasInstallScript"))
        for client in case.installed_clients("npm11", "pnpm12"):
            with self.subTest(client=client.name), Project(client, self.gate.url) as project:
                result = project.install({"steady": "^1.0.0"})
                self.say("script in the packument", result)
                self.assertEqual((result.code, result.versions, result.markers), (0, {"steady": "1.1.0"}, []), result.text)

    def test_script_in_the_manifest_of_a_release_nobody_accepted(self):
        """Without a pin the changed manifest is a release like any other: judged as it is, hook and all."""
        self.registry.publish("steady", Release("1.2.0", published=days_ago(3)))
        self.registry.edit_manifest("steady", "1.2.0", scripts=EVIL_SCRIPTS, hasInstallScript=True)
        self.assertEqual(self.gate.versions("steady"), ["1.0.0", "1.1.0"])
        self.assert_refused(self.gate.tarball("steady", "1.2.0"), "steady@1.2.0", "quarantined")

    def test_republished_bytes(self):
        """Other bytes under the same version: old ones are served on, the new ones to nobody, lock files keep working."""
        old_bytes = self.accept()
        with Project(case.installed_clients("npm11")[0], self.gate.url) as project:
            self.assertEqual(project.install({"steady": "1.1.0"}).code, 0)
            self.registry.republish("steady", "1.1.0", files=EVIL_FILES, manifest={"scripts": EVIL_SCRIPTS})
            new_bytes = self.registry.tarball("steady", "1.1.0")
            self.assertNotEqual(old_bytes, new_bytes)
            self.refreshed()
            self.assertEqual(self.gate.tarball("steady", "1.1.0").body, old_bytes)
            self.assertNotIn(b"evil.js", self.gate.packument("steady").plain())
            project.forget_cache()
            result = project.install(frozen=True)
            self.say("old lock file", result)
            self.assertEqual((result.code, result.versions, result.markers), (0, {"steady": "1.1.0"}, []), result.text)
        for client in case.installed_clients():
            with self.subTest(client=client.name), Project(client, self.gate.url) as project:
                result = project.install({"steady": "^1.1.0"})
                self.say("newcomer", result)
                self.assertEqual((result.code, result.versions, result.markers), (0, {"steady": "1.1.0"}, []), result.text)

    def test_pins_outlive_the_process(self):
        """The same after a restart and after a kill."""
        old_bytes = self.accept()
        self.registry.republish("steady", "1.1.0", files=EVIL_FILES)
        for end in (self.gate.stop, self.gate.kill):
            end()
            self.gate.restart()
            self.refreshed()
            self.assertEqual(self.gate.tarball("steady", "1.1.0").body, old_bytes)

    def test_withdrawn_release(self):
        """A release that the upstream takes back after it was served: those who locked it still get it."""
        old_bytes = self.accept()
        self.registry.unpublish("steady", "1.1.0")
        self.refreshed()
        answer = self.gate.tarball("steady", "1.1.0")
        self.say("withdrawn ->", answer.status, answer.error())
        if answer.status == 200:
            self.assertEqual(answer.body, old_bytes)
        else:
            self.assert_refused(answer, "steady@1.1.0")

    def test_other_upstream_answers_nothing_for_this_name(self):
        """A name belongs to exactly one upstream: a higher version elsewhere is not seen (dependency confusion)."""
        inside = Package("@acme/tool", [Release("1.0.0", published=days_ago(90))])
        outside = Package("@acme/tool", [Release("99.0.0", published=days_ago(90))])
        with FixtureRegistry([inside]) as internal:
            self.registry.add(outside)
            upstreams = [{"name": "internal", "url": internal.url, "scopes": ["@acme"], "inspect": False},
                         {"name": "public", "url": self.registry.url}]
            with Gate(settings={"upstreams": upstreams}) as gate:
                self.assertEqual(gate.versions("@acme/tool"), ["1.0.0"])
                self.assertEqual(gate.tarball("@acme/tool", "1.0.0").body, internal.tarball("@acme/tool", "1.0.0"))
                self.assertEqual(gate.tarball("@acme/tool", "99.0.0").status, 404)
                internal.stop()
                self.assertEqual(gate.packument("@acme/other").status, 503)
            self.assertEqual(self.registry.seen("/@acme*"), [])


class Credentials(case.EndToEnd):
    """What a client or an admin trusts the gate with goes nowhere else."""

    def test_tokens_stay_where_they_belong(self):
        """The client's token never goes upstream; the upstream's token goes to it, and never into the log."""
        with FixtureRegistry([Package("steady", [Release("1.0.0", published=days_ago(300))])]) as registry:
            upstreams = [{"name": "public", "url": registry.url, "token_env": "UPSTREAM_TOKEN"}]
            with Gate(settings={"upstreams": upstreams}, env={"UPSTREAM_TOKEN": "upstream-canary"}) as gate:
                headers = {"Authorization": "Bearer client-canary", "Cookie": "client-canary=1"}
                for path in ("/steady", "/steady/-/steady-1.0.0.tgz", "/steady/1.0.0", "/-/v1/search?text=steady", "/-/whoami"):
                    gate.get(path, headers)
                gate.send("/-/user/token/path-canary", "DELETE", headers)
                seen = [request.headers for request in registry.seen()]
                self.assertTrue(seen)
                self.assertNotIn("client-canary", str(seen))
                self.assertEqual({request.get("authorization") for request in seen}, {"Bearer upstream-canary"})
                for secret in ("client-canary", "upstream-canary", "path-canary"):
                    self.assertNotIn(secret, gate.log())


if __name__ == "__main__":
    case.main()
