#!/usr/bin/env python3
"""Good packages that must be had: just published ones, those of registries without publish times, archives of other tools, old ones with
links, large ones."""

import gzip
import io
import json
import pathlib
import sys
import tarfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import tarballs
import wire
from clients import Project
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate
from signing import Signer


def archive(name, version, members, kind=tarfile.GNU_FORMAT):
    """A .tgz of {path: text, or ("link"|"hard", target)} as Python's tarfile writes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as tar:
        texts = {"package/package.json": json.dumps({"name": name, "version": version, "main": "index.js"}), **members}
        for path, text in texts.items():
            entry = tarfile.TarInfo(path)
            if isinstance(text, tuple):
                entry.type = tarfile.SYMTYPE if text[0] == "link" else tarfile.LNKTYPE
                entry.linkname = text[1]
                tar.addfile(entry)
                continue
            data = text.encode()
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(out.getvalue(), mtime=0)


class GoodPackages(case.EndToEnd):
    """One fixture registry, a gate per test."""

    def gate(self, packages, policy="version: 1\n", reduced=False, **settings):
        """A gate in front of a registry with these packages."""
        self.registry = self.enterContext(FixtureRegistry(packages, reduced=reduced))
        return self.enterContext(Gate(self.registry.url, policy, settings))

    def test_just_published(self):
        """Who knows of a version gets it, within packuments.fresh: by no-cache, as an exact manifest, as a tarball."""
        for way in ("no-cache", "manifest", "tarball"):
            with self.subTest(way=way):
                gate = self.gate([Package("fresh", [Release("1.0.0", days_ago(300))])], packuments={"fresh": "1h", "stale": "2h"})
                self.assertEqual(gate.versions("fresh"), ["1.0.0"])
                self.registry.publish("fresh", Release("1.1.0", published=days_ago(90)))
                self.assertEqual(gate.versions("fresh"), ["1.0.0"])
                self.pass_time(gate)
                if way == "no-cache":
                    self.assertIn("1.1.0", gate.get("/fresh", {"Cache-Control": "no-cache"}).json()["versions"])
                elif way == "manifest":
                    self.assertEqual(gate.get("/fresh/1.1.0").json()["version"], "1.1.0")
                else:
                    self.assertEqual(gate.tarball("fresh", "1.1.0").status, 200)
                self.assertEqual(gate.versions("fresh"), ["1.0.0", "1.1.0"])
                before = len(self.registry.seen("/fresh"))
                for _ in range(5):
                    gate.get("/fresh", {"Cache-Control": "no-cache"})
                self.assertEqual(len(self.registry.seen("/fresh")), before)

    def pass_time(self, gate):
        """More than the 2 s within which nobody makes the gate ask again: it is asked until it does."""
        before = len(self.registry.seen("/fresh"))
        seen = []

        def asked():
            seen.append(gate.get("/fresh/9.9.9").status)
            return len(self.registry.seen("/fresh")) > before
        self.assertTrue(wire.eventually(asked, every=0.2), seen)
        self.registry.forget_requests()

    def test_a_registry_without_times(self):
        """The reason says why a release of years ago is held, and the log says it once."""
        gate = self.gate([Package("timeless", [Release("1.0.0"), Release("1.1.0")])],
                         "version: 1\nrules: [ { id: cooldown, when: { younger_than: 24h }, then: quarantine } ]\n")
        self.assert_refused(gate.tarball("timeless", "1.1.0"), "first seen here less than 1d ago; its registry states no publish times")
        self.assertEqual(gate.log().count("states no publish times: ages count"), 1)

    def test_yarn_1_waits_for_a_slow_tarball(self):
        """It takes 503 for a tarball as final: it gets no answer, asks again, and installs; others are told 503."""
        gate = self.gate([Package("slow", [Release("1.0.0", days_ago(300)), Release("2.0.0", days_ago(200))])], inspection={"timeout": "1s"})
        self.assertEqual(gate.versions("slow"), ["1.0.0", "2.0.0"])
        held = self.registry.fault("/slow/-/slow-1.0.0.tgz", "hold")
        self.assertEqual(gate.tarball("slow", "1.0.0").status, 503)
        with self.assertRaises(ConnectionError):
            gate.get("/slow/-/slow-1.0.0.tgz", {"User-Agent": "yarn/1.22.22 npm/? node/v24"})
        timer = threading.Timer(2, held.release)
        self.addCleanup(held.release)
        with Project(case.installed_clients("yarn1")[0], gate.url) as project:
            timer.start()
            result = project.install({"slow": "1.0.0"})
            self.assertEqual((result.code, result.versions), (0, {"slow": "1.0.0"}), result.text)
        self.assertIn("hung-up", gate.log())

    def test_audit_signatures_before_a_signing_and_an_unsigned_upstream(self):
        """What the registry signed is verified; what an upstream without keys has is told as missing, not as false; a wrong key is told."""
        signer, stranger = Signer(), Signer()
        self.addCleanup(signer.close)
        self.addCleanup(stranger.close)
        own = self.enterContext(FixtureRegistry([Package("@team/own", [Release("1.0.0", days_ago(300))])]))
        public = self.enterContext(FixtureRegistry([Package("signed", [Release("1.0.0", days_ago(300))])]))
        public.sign_with(signer)
        upstreams = [{"name": "own", "url": own.url, "scopes": ["@team"]}, {"name": "public", "url": public.url}]
        gate = self.enterContext(Gate(None, "version: 1\n", {"upstreams": upstreams, "packuments": {"fresh": "1ms"}}))
        (pnpm,) = case.installed_clients("pnpm12")

        def audited(*names):
            with Project(pnpm, gate.url) as project:
                self.assertEqual(project.install(dict.fromkeys(names, "1.0.0")).code, 0)
                result = project.run(["audit", "signatures"])
                return result.code, result.text

        code, text = audited("signed")
        self.assertEqual(code, 0, text)
        self.assertIn("1 package has a verified registry signature", text)
        code, text = audited("signed", "@team/own")
        self.assertEqual(code, 1, text)
        self.assertIn("1 package has a verified registry signature", text)
        self.assertIn("1 package is missing registry signature", text)
        self.assertNotIn("invalid", text)
        # The packument that is kept has the old signatures, the keys document names another key.
        gate.settings["packuments"] = {"fresh": "1h"}
        gate.restart()
        self.assertEqual(gate.packument("signed").status, 200)
        public.sign_with(stranger)
        code, text = audited("signed")
        self.assertEqual(code, 1, text)
        self.assertIn("invalid registry signature", text)

    def test_a_parent_comes_with_the_parts_that_it_pins(self):
        """A platform package published hours after its parent: the parent waits for it; clients get the pair before, whole."""
        policy = "version: 1\nrules: [ { id: cooldown, when: { younger_than: 24h }, then: quarantine } ]\n"
        for kind in ("optionalDependencies", "dependencies"):
            with self.subTest(kind=kind):
                parts = [Release("1.0.0", days_ago(300)), Release("1.1.0", days_ago(0.2))]
                parents = [Release(version, published, manifest={kind: {"part": version}}) for version, published in
                           (("1.0.0", days_ago(300)), ("1.1.0", days_ago(1.2)))]
                gate = self.gate([Package("parent", parents, maintainers=["owner"]), Package("part", parts, maintainers=["owner"])], policy)
                self.assertEqual(gate.versions("part"), ["1.0.0"])
                self.assertEqual(gate.versions("parent"), ["1.0.0"])
                self.assert_refused(gate.tarball("parent", "1.1.0"), "waits for part@1.1.0")
                for client in case.installed_clients("npm11", "pnpm12", "bun"):
                    with Project(client, gate.url) as project:
                        result = project.install({"parent": "^1.0.0"})
                        self.assertEqual(result.code, 0, result.text)
                        self.assertEqual(result.versions["parent"], "1.0.0", result.text)

    def test_archives_of_other_tools(self):
        """GNU tar's long names and set-group-ID folders; a real client gets the files."""
        deep = "package/" + "d" * 60 + "/" + "e" * 60 + "/x.js"
        tgz = archive("long", "1.0.0", {"package/index.js": "module.exports = 1\n", deep: "1\n"})
        gate = self.gate([Package("long", [Release("1.0.0", days_ago(2), tarball=tgz)])])
        self.assertEqual(gate.tarball("long", "1.0.0").body, tgz)
        with Project(case.installed_clients("npm11")[0], gate.url) as project:
            result = project.install({"long": "1.0.0"})
            self.assertEqual((result.code, result.versions), (0, {"long": "1.0.0"}), result.text)

    def test_links(self):
        """In an old release a warning; in a recent one a refusal, which an exact waiver lifts, also for inspect: false."""
        members = {"package/lib/jade.js": "module.exports = 1\n", "package/lib/index.js": ("link", "jade.js"),
                   "package/copy.js": ("hard", "other/lib/jade.js")}
        releases = [Release("1.0.0", days_ago(400), tarball=archive("linked", "1.0.0", members)),
                    Release("1.1.0", days_ago(3), tarball=archive("linked", "1.1.0", members)),
                    Release("1.2.0", days_ago(400), tarball=archive("linked", "1.2.0", {"package/x.js": ("link", "../../../etc/passwd")}))]
        gate = self.gate([Package("linked", releases)])
        self.assertEqual(gate.tarball("linked", "1.0.0").status, 200)
        self.assertIn('"warn"', gate.command("explain", "linked@1.0.0", "--json").stdout)
        self.assert_refused(gate.tarball("linked", "1.1.0"), "links that npm drops")
        self.assert_refused(gate.tarball("linked", "1.2.0"), "tar-type")
        waiver = ("version: 1\nwaivers:\n  - { package: linked@1.1.0, findings: [archive-refused], reason: packed by pnpm, "
                  "expires: 2027-06-01 }\n")
        for inspect in (True, False):
            upstreams = [{"name": "own", "url": self.registry.url, "inspect": inspect}]
            with self.subTest(inspect=inspect), Gate(None, waiver, {"upstreams": upstreams}) as other:
                self.assertEqual(other.tarball("linked", "1.1.0").status, 200)

    def test_larger_than_memory(self):
        """400 MB of binaries are judged; the same limit, set lower, is told as a finding."""
        block = bytes(range(256)) * 4096
        files = {f"lib/{n}.node": b"\x7fELF" + bytes([n]) + block * 100 for n in range(4)}
        release = Release("1.0.0", days_ago(300), tarball=tarballs.tgz({"package.json": {"name": "large", "version": "1.0.0"}, **files}))
        gate = self.gate([Package("large", [release])], inspection={"max_ratio": 1000, "timeout": "60s"})
        gate.memory_from_now()
        self.assertEqual(gate.tarball("large", "1.0.0").status, 200)
        other = self.enterContext(Gate(self.registry.url, "version: 1\n", {"inspection": {"max_ratio": 1000, "max_unpacked": "300MiB"}}))
        self.assert_refused(other.tarball("large", "1.0.0"), "limit-unpacked")


if __name__ == "__main__":
    case.main()
