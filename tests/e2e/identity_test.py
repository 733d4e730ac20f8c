#!/usr/bin/env python3
"""What was accepted for a name@version stays what is served, whatever the upstream says later; a newcomer never is."""

import os
import pathlib
import random
import shutil
import socket
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from clients import Project, marker_script
from fixture_registry import Canary, FixtureRegistry, Package, Release, days_ago
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

    def test_package_that_vanishes_as_a_whole(self):
        """One 404 may be a mistake; from the second look on the package is withdrawn: 404, the pin judged as withdrawn, the queue says so."""
        old_bytes = self.accept()
        package = self.registry.packages.pop("steady")
        self.assertTrue(wire.eventually(lambda: self.gate.packument("steady").status == 404), self.gate.log_end())
        self.assertGreaterEqual(len(self.registry.seen("/steady")), 3)
        self.assertIn("took a package back", self.gate.log())
        page = "/-/npm-gate/releases/steady/1.1.0"
        self.assertIn(b"release-withdrawn", self.gate.get(page, {"Accept": "application/json"}).plain())
        # As one release that is taken back: those who locked it get it or a reason, never other bytes.
        answer = self.gate.tarball("steady", "1.1.0")
        self.say("vanished ->", answer.status, answer.error())
        if answer.status == 200:
            self.assertEqual(answer.body, old_bytes)
        else:
            self.assert_refused(answer, "steady@1.1.0")
        self.assertEqual(self.gate.tarball("steady", "1.0.0").status, 404)
        self.gate.stop()
        self.gate.restart()
        self.assertEqual(self.gate.packument("steady").status, 404)
        self.registry.packages["steady"] = package
        self.assertTrue(wire.eventually(lambda: self.gate.versions("steady") == ["1.0.0", "1.1.0"]), self.gate.log_end())
        self.assertNotIn(b"release-withdrawn", self.gate.get(page, {"Accept": "application/json"}).plain())

    def test_one_missing_answer_withdraws_nothing(self):
        """A registry that says 404 for a moment."""
        self.accept()
        self.registry.fault("/steady", "status", status=404, times=1)
        self.refreshed()
        self.assertEqual(self.gate.versions("steady"), ["1.0.0", "1.1.0"])
        self.assertNotIn("took a package back", self.gate.log())

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


    def test_lost_evidence(self):
        """A pin counts without the evidence it was made on: what came later under the same version is served by no door."""
        old_bytes = self.accept()
        self.gate.stop()
        with sqlite3.connect(self.gate.data / "state.db") as state:
            state.execute("DELETE FROM evidence")
        state.close()
        self.registry.edit_manifest("steady", "1.1.0", scripts=EVIL_SCRIPTS, hasInstallScript=True)
        self.gate.restart()
        self.refreshed()
        for answer in (self.gate.packument("steady"), self.gate.get("/steady/1.1.0"), self.gate.tarball("steady", "1.1.0")):
            self.assertNotIn(b"evil.js", answer.plain())
        self.assert_refused(self.gate.tarball("steady", "1.1.0"), "steady@1.1.0", "release-republished")
        # As it was accepted it is good again.
        self.registry.packages["steady"].release("1.1.0").registry = {}
        self.assertTrue(wire.eventually(lambda: self.gate.tarball("steady", "1.1.0").body == old_bytes))
        self.assertEqual(self.gate.versions("steady"), ["1.0.0", "1.1.0"])


class Swapped(case.EndToEnd):
    """Somebody changes a judged tarball on disk while the gate runs: the bytes that were judged are served, or none."""

    def setUp(self):
        files = {"big.bin": random.Random(1).randbytes(3 << 20)}  # more than a socket holds
        self.registry = self.enterContext(FixtureRegistry([
            Package("steady", [Release("1.0.0", published=days_ago(300), files=files)]),
        ]))
        self.gate = self.enterContext(Gate(self.registry.url, settings=SETTINGS))
        self.good = self.registry.tarball("steady", "1.0.0")
        answer = self.gate.tarball("steady", "1.0.0")
        self.assertEqual(answer.status, 200, answer)
        self.assertTrue(answer.body == self.good)

    def blob(self):
        """The one tarball on disk."""
        files = [path for path in (self.gate.data / "tarballs").rglob("*") if path.is_file()]
        self.assertEqual(len(files), 1, files)
        return files[0]

    def assert_good_or_none(self, moment):
        """Whatever the answer, it never holds a byte that was not judged; with the upstream there, it is the right ones again."""
        for _ in range(2):
            answer = self.gate.tarball("steady", "1.0.0")
            self.say(moment, "->", answer.status, answer.error())
            if answer.status == 200:
                self.assertTrue(answer.body == self.good, moment)
            else:
                self.assertEqual(answer.status, 503, answer)
        self.assertTrue(wire.eventually(lambda: self.gate.tarball("steady", "1.0.0").body == self.good), moment)

    def changed(self):
        """The same length, other bytes in the middle."""
        middle = len(self.good) // 2
        return self.good[:middle] + bytes(byte ^ 0x55 for byte in self.good[middle : middle + 64]) + self.good[middle + 64 :]

    def test_every_way_to_change_it(self):
        """Written in place, with the old times put back, replaced, cut, emptied, linked elsewhere, deleted, made a folder."""

        def in_place(path):
            with open(path, "r+b") as file:
                file.write(self.changed())

        def times_put_back(path):
            before = path.stat()
            in_place(path)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

        def replaced(path):
            other = path.with_suffix(".new")
            other.write_bytes(self.changed())
            shutil.copystat(path, other)
            other.replace(path)

        def linked(path):
            elsewhere = self.gate.base / "elsewhere"
            elsewhere.write_bytes(self.changed())
            path.unlink()
            path.symlink_to(elsewhere)

        def folder(path):
            path.unlink()
            path.mkdir()

        ways = [in_place, times_put_back, replaced, linked, folder,
                lambda path: os.truncate(path, 100), lambda path: os.truncate(path, 0), lambda path: path.unlink(),
                lambda path: path.write_bytes(self.good + b"more")]
        for number, way in enumerate(ways):
            with self.subTest(way=getattr(way, "__name__", number)):
                path = self.blob()
                os.chmod(path, 0o600)
                way(path)
                self.assert_good_or_none(f"changed in way {number}")

    def test_upstream_gone_too(self):
        """With no upstream to fetch the right bytes from, there are none."""
        path = self.blob()
        os.chmod(path, 0o600)
        path.write_bytes(self.changed())
        self.registry.stop()
        for _ in range(3):
            self.assertEqual(self.gate.tarball("steady", "1.0.0").status, 503)

    def test_upstream_changed_too(self):
        """The damaged blob is not mended with bytes that were never judged."""
        path = self.blob()
        os.chmod(path, 0o600)
        path.write_bytes(self.changed())
        self.registry.republish("steady", "1.0.0", files=EVIL_FILES, manifest={"scripts": EVIL_SCRIPTS})
        evil = self.registry.tarball("steady", "1.0.0")
        for _ in range(3):
            answer = self.gate.tarball("steady", "1.0.0")
            self.say("damaged and republished ->", answer.status, answer.error())
            self.assertNotEqual(answer.status, 200)
            self.assertNotIn(evil[:64], answer.body)

    def test_while_a_client_reads(self):
        """A client in the middle of the body keeps the file it was promised; the next one gets the right bytes too."""
        head = f"GET /steady/-/steady-1.0.0.tgz HTTP/1.1\r\nHost: 127.0.0.1:{self.gate.port}\r\nConnection: close\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", self.gate.port), timeout=30) as peer:
            peer.sendall(head)
            received = peer.recv(1000)
            path = self.blob()
            other = path.with_suffix(".new")
            other.write_bytes(self.changed())
            other.replace(path)
            while chunk := peer.recv(65536):
                received += chunk
        self.assertTrue(received.split(b"\r\n\r\n", 1)[1] == self.good)
        self.assert_good_or_none("replaced while a client reads")

    def test_while_the_gate_is_down(self):
        """After a restart nothing on disk is trusted before it was hashed."""
        path = self.blob()
        self.gate.stop()
        before = path.stat()
        os.chmod(path, 0o600)
        path.write_bytes(self.changed())
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.gate.restart()
        self.assert_good_or_none("changed between two runs")


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

    def test_tarballs_at_another_host(self):
        """`tarball_hosts` lets tarballs lie elsewhere, by URL or by redirect: they are fetched there, without the upstream's token."""
        names = ("listed", "sent-on")
        with FixtureRegistry([Package(name, [Release("1.0.0", published=days_ago(300))]) for name in names]) as registry, \
                FixtureRegistry([registry.packages[name] for name in names]) as store:
            dist = registry.manifest(registry.packages["listed"], registry.packages["listed"].release("1.0.0"))["dist"]
            registry.edit_manifest("listed", "1.0.0", dist={**dist, "tarball": f"{store.url}listed/-/listed-1.0.0.tgz"})
            registry.fault("/sent-on/-/*", "redirect", location=f"{store.url}sent-on/-/sent-on-1.0.0.tgz")
            upstreams = [{"name": "public", "url": registry.url, "token_env": "UPSTREAM_TOKEN",
                          "tarball_hosts": [store.url.split("/")[2]]}]
            with Gate(settings={"upstreams": upstreams}, env={"UPSTREAM_TOKEN": "upstream-canary"}) as gate:
                for name in names:
                    with self.subTest(name=name):
                        self.assertEqual(gate.tarball(name, "1.0.0").body, store.tarball(name, "1.0.0"))
                self.assertEqual(len(store.seen("*.tgz")), len(names))
                self.assertNotIn("upstream-canary", str([request.headers for request in store.seen()]))
                self.assertIn("upstream-canary", str([request.headers for request in registry.seen("/listed")]))

    def test_tokens_of_real_clients(self):
        """Where a packument sends clients elsewhere, their tokens would go along (yarn 4 with npmAlwaysAuth): nobody is sent anywhere."""
        with Canary() as elsewhere, FixtureRegistry([
                Package("lured", [Release("1.0.0", published=days_ago(300))]),
                Package("@scope/lured", [Release("1.0.0", published=days_ago(300))]),
        ]) as registry, Gate(registry.url) as gate:
            for name in ("lured", "@scope/lured"):
                dist = registry.manifest(registry.packages[name], registry.packages[name].release("1.0.0"))["dist"]
                registry.edit_manifest(name, "1.0.0", dist={**dist, "tarball": f"{elsewhere.url}lured-1.0.0.tgz"})
            for client in case.installed_clients():
                with self.subTest(client=client.name), Project(client, gate.url) as project:
                    self.give_token(project, gate.port)
                    result = project.install({"lured": "1.0.0", "@scope/lured": "1.0.0"})
                    self.say("token", result)
                    self.assertEqual(len(result.versions), 2, result.text)
            self.assertEqual([request.path for request in elsewhere.requests], [])
            received = str([(request.target, request.headers, request.body) for request in registry.seen()])
            self.assertTrue(registry.seen("*.tgz"))
            for text in (received, gate.log()):
                self.assertNotIn("client-canary", text)

    @staticmethod
    def give_token(project, port):
        """A token for the gate, as users write it down."""
        if project.client.family == "yarn4":
            with open(project.folder / ".yarnrc.yml", "a", encoding="utf-8") as file:
                file.write("npmAuthToken: client-canary\nnpmAlwaysAuth: true\n")
        for npmrc in (project.folder / ".npmrc", project.base / "home" / ".npmrc"):
            with open(npmrc, "a", encoding="utf-8") as file:
                file.write(f"//127.0.0.1:{port}/:_authToken=client-canary\nalways-auth=true\n")


if __name__ == "__main__":
    case.main()
