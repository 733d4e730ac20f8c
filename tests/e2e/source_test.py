#!/usr/bin/env python3
"""Tarballs beside the trees of their commits, from a real git server (http-backend over TLS on loopback): honest releases of a monorepo and
of a package with build output, then one of each kind that is not what the repository says, and servers that give no trees. Branches:
branches_test.py."""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from fixture_registry import Package, Release, days_ago
from git_case import GitEndToEnd

POLICY = """version: 1
rules:
  - { id: source, when: { finding: file-not-in-source, younger_than: 30d }, then: quarantine }
  - { id: origin, when: { finding: [git-tag-mismatch, commit-not-on-branch], younger_than: 30d }, then: quarantine }
"""
FILTER = {"uploadpack_allowFilter": "true"}
HONEST = [f"1.{minor}.0" for minor in range(10)]
NEXT = "1.10.0"
# What is told of the releases after them.
STRANGE = {"1.10.0": "file-not-in-source", "1.10.1": "file-not-in-source", "1.10.2": "git-tag-mismatch", "1.10.3": "commit-not-on-branch"}


def manifest(name, version, **more):
    """A package.json as people write it."""
    return json.dumps({"name": name, "version": version, "main": "index.js", "license": "MIT", **more}, indent=2) + "\n"


def single(version, **changed):
    """Source and tarball of a package whose dist/ is built: (repository's files, tarball's files)."""
    source = {"package.json": manifest("single", version, scripts={"build": "tsc", "test": "t"}), "README.md": f"# single {version}\n",
              "LICENSE": "MIT\n", "src/index.ts": f"export const v = '{version}';\n", "index.js": "module.exports = require('./dist/index');\n",
              "bin/run.js": f"console.log('{version}');\n"}
    built = {"dist/index.js": f"exports.v = '{version}';\n", "dist/index.d.ts": "export const v: string;\n",
             f"dist/chunk-{version.replace('.', '')}.js": f"// {version}\n"}
    packed = {name: body for name, body in source.items() if not name.startswith("src/")} | built | changed
    return source, packed


def mono(version, **changed):
    """The same of packages/left in a monorepo whose tool writes the sibling's version and takes the license from the root."""
    inside = {"package.json": manifest("left", version, dependencies={"right": "workspace:^"}), "index.js": f"exports.v = '{version}';\n",
              "lib/util.js": f"// util of {version}\n"}
    source = {"package.json": manifest("root", "0.0.0"), "LICENSE": "MIT\n", "packages/right/index.js": "1\n"}
    source |= {f"packages/left/{name}": body for name, body in inside.items()}
    packed = inside | {"package.json": manifest("left", version, dependencies={"right": f"^{version}"}), "LICENSE": "MIT\n"} | changed
    return source, packed


class Source(GitEndToEnd):
    """Releases beside the commits that they are said to be made from."""

    POLICY = POLICY
    TIMEOUT = "30s"

    def setUp(self):
        super().setUp()
        self.commits = {}  # (name, version) -> commit

    def repository(self, path="o/single"):
        """One that gives trees without files."""
        repository = self.server.repository(path)
        repository.configure(**FILTER)
        return repository

    def released(self, make, version, repository, form="v{version}", age=10.0, **changed):
        """A release made from a tagged commit."""
        source, packed = make(version, **changed)
        commit = repository.tag(form.format(version=version), repository.commit_files(source))
        self.commits["left" if make is mono else "single", version] = commit
        return Release(version, files=packed, published=days_ago(age))

    def add(self, name, releases, path="o/single", directory=None):
        """A package of the upstream."""
        url = self.server.url(path)
        for release in releases:
            release.registry = {**release.registry, "repository": {"type": "git", "url": url, **({"directory": directory} if directory else {})}}
        self.registry.add(Package(name, releases, repository=url))

    def page(self, gate, name, version):
        """What is known of a release once its tarball was asked for."""
        gate.tarball(name, version)
        answer = gate.get(f"/-/npm-gate/releases/{name}/{version}", {"Accept": "application/json"})
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def compared(self, gate):
        """Commits that a tarball was compared with, by the gate's log."""
        return set(re.findall(r"compared with its source.*? commit=(\w+)", gate.log()))

    def told(self, page):
        """The findings that matter here, by id."""
        wanted = ("file-not-in-source", "git-tag-mismatch", "missing-git-tag", "commit-not-on-branch")
        found = {finding["id"]: finding for finding in page["findings"] if finding["id"] in wanted}
        found |= {"unavailable": finding for finding in page["findings"]
                  if finding["id"] == "evidence-unavailable" and finding["source"] == "source"}
        return found

    def ten_and_four(self, make, repository, form):
        """Ten honest releases, then one of each kind that is not what the repository says, in the order of STRANGE."""
        name = "left" if make is mono else "single"
        releases = [self.released(make, version, repository, form, age=20 - n) for n, version in enumerate(HONEST)]
        added, changed, moved, nowhere = STRANGE
        releases.append(self.released(make, added, repository, form, age=4, **{"setup_bun.js": "steal()\n"}))
        script = "lib/util.js" if make is mono else "bin/run.js"
        releases.append(self.released(make, changed, repository, form, age=3, **{script: "steal()\n"}))
        releases.append(self.released(make, moved, repository, form, age=2))
        # The repository shows the very files of the last one, by a commit that nobody's branch has.
        source, packed = make(nowhere, **{"setup_bun.js": "steal()\n"})
        inside = "packages/left/" if make is mono else ""
        commit = repository.commit_files({**source, inside + "setup_bun.js": "steal()\n"}, branch=None)
        self.commits[name, nowhere] = repository.tag(form.format(version=nowhere), commit)
        releases.append(Release(nowhere, files=packed, published=days_ago(1)))
        return releases

    def test_ten_honest_releases_and_four_others(self):
        """Of each kind of package: nothing of the honest ones, what is built is nobody's fault; each of the others by its name."""
        kinds = {"single": (single, self.repository("o/single"), "v{version}"), "left": (mono, self.repository("o/mono"), "left@{version}")}
        for name, (make, repository, form) in kinds.items():
            inside = ("o/mono", "packages/left") if make is mono else ("o/single", None)
            self.add(name, self.ten_and_four(make, repository, form), *inside)
        gate = self.gate()
        honest = 0
        for name, (make, repository, form) in kinds.items():
            for version in HONEST:
                with self.subTest(f"{name}@{version}"):
                    self.assertEqual(self.told(self.page(gate, name, version)), {})
                    self.assertIn(self.commits[name, version], self.compared(gate))
                    self.assertEqual(gate.tarball(name, version).status, 200)
                    honest += 1
            moved = list(STRANGE)[2]
            self.assertEqual(self.told(self.page(gate, name, moved)), {})
            repository.tag(form.format(version=moved), repository.commit_files(make(moved)[0]))
            self.assertTrue(wire.eventually(lambda n=name, v=moved: self.told(self.page(gate, n, v))), gate.log_end())
            for version, finding in STRANGE.items():
                with self.subTest(f"{name}@{version}"):
                    self.assertEqual(list(self.told(self.page(gate, name, version))), [finding])
                    self.assert_refused(gate.tarball(name, version), "quarantined")
        self.say(f"{honest} honest releases, 0 told; {2 * len(STRANGE)} others, all told by name")

    def two(self, **changed):
        """An honest release, and a second one whose tarball has other files than its tag; the repository and the second."""
        repository = self.repository()
        first = self.released(single, "1.0.0", repository, age=60)
        second = self.released(single, NEXT, repository, age=2, **changed)
        return repository, first, second

    def found_in(self, second, first, gate=None):
        """What is told of the second release, which is held."""
        self.add("single", [first, second])
        gate = gate or self.gate()
        page = self.page(gate, "single", NEXT)
        found = self.told(page)
        self.assertIn("file-not-in-source", found, gate.log_end())
        self.assert_refused(gate.tarball("single", NEXT), "quarantined", "rule ")
        return found

    def test_a_file_that_the_tag_does_not_have(self):
        """Beside files that always were the source's."""
        _, first, second = self.two(**{"setup_bun.js": "steal()\n"})
        proof = self.found_in(second, first)["file-not-in-source"]["proof"]
        self.assertEqual(proof["files"], [{"path": "setup_bun.js", "is": "absent"}])
        self.assertEqual(proof["named_by"], f"tag v{NEXT}")

    def test_changed_scripts(self):
        """A file that runs, and a hook in package.json."""
        _, first, second = self.two(**{
            "bin/run.js": "steal()\n",
            "package.json": manifest("single", NEXT, scripts={"build": "tsc", "test": "t", "postinstall": "node bin/run.js"}),
        })
        proof = self.found_in(second, first)["file-not-in-source"]["proof"]
        self.assertEqual(proof["files"], [{"path": "bin/run.js", "is": "differs"}])
        self.assertEqual(proof["package_json"], ["scripts.postinstall"])

    def test_a_moved_tag(self):
        """To a commit that has the file: told as moved, and compared with where it points now."""
        repository, first, second = self.two(**{"setup_bun.js": "steal()\n"})
        gate = self.gate()
        self.found_in(second, first, gate)
        source, _ = single(NEXT)
        moved = repository.tag(f"v{NEXT}", repository.commit_files(source | {"setup_bun.js": "steal()\n"}))
        self.assertTrue(wire.eventually(lambda: "git-tag-mismatch" in self.told(self.page(gate, "single", NEXT))), gate.log_end())
        self.assertIn(moved, self.compared(gate))
        self.assertNotIn("file-not-in-source", self.told(self.page(gate, "single", NEXT)))

    def test_what_was_told_stands(self):
        """A host that does not answer any more takes nothing back, also about another commit."""
        repository, first, second = self.two(**{"setup_bun.js": "steal()\n"})
        gate = self.gate()
        self.found_in(second, first, gate)

        def without_trees(handler):
            if handler.command != "POST" or b"command=fetch" not in self.server.bodies[-1]:
                return False
            handler.answer(500, b"")
            return True

        self.server.fault = without_trees
        repository.tag(f"v{NEXT}", repository.commit_files({"setup_bun.js": "steal()\n"}))
        self.assertTrue(wire.eventually(lambda: "git-tag-mismatch" in self.told(self.page(gate, "single", NEXT))), gate.log_end())
        found = self.told(self.page(gate, "single", NEXT))
        self.assertIn("500", found["unavailable"]["proof"]["reason"])
        self.assertIn("file-not-in-source", found)

    def test_a_commit_that_no_branch_has(self):
        """gitHead names it, and it has the file; the tag says otherwise, and the tag is what counts."""
        repository, first, second = self.two(**{"setup_bun.js": "steal()\n"})
        source, _ = single(NEXT)
        second.git_head = repository.commit_files(source | {"setup_bun.js": "steal()\n"}, branch=None)
        found = self.found_in(second, first)
        self.assertEqual(found["git-tag-mismatch"]["proof"]["git_head"], second.git_head)

    def assert_unknown(self, *words, prepare=None, **git):
        """The release is served, and why its source is unknown is told."""
        repository, first, second = self.two(**{"setup_bun.js": "steal()\n"})
        if prepare is not None:
            prepare(repository, second)
        self.add("single", [first, second])
        gate = self.gate(**git)
        page = self.page(gate, "single", NEXT)
        found = self.told(page)
        self.assertNotIn("file-not-in-source", found)
        for word in words:
            self.assertIn(word, found["unavailable"]["proof"]["reason"])
        self.assertEqual(gate.tarball("single", NEXT).status, 200)
        return page

    def test_no_filter(self):
        """A host that would send all files as well is not asked for any."""
        def without(repository, _):
            repository.configure(uploadpack_allowFilter="false")

        self.assert_unknown("no filter", prepare=without)
        self.assertFalse(any(body and b"command=fetch" in body for body in self.server.bodies))

    def test_a_commit_that_is_not_there(self):
        """Never pushed, or pushed away by force."""
        def unpushed(repository, release):
            repository.untag(f"v{NEXT}")
            release.git_head = "1" * 40

        self.assert_unknown("does not have the commit", prepare=unpushed)

    def test_bad_packs(self):
        """Garbage and too much of it: in time, and nothing else suffers."""
        def answering(data):
            def fault(handler):
                if handler.command != "POST" or b"command=fetch" not in self.server.bodies[-1]:
                    return False
                packets = [b"packfile\n"] + [b"\1" + data[at:at + 65000] for at in range(0, len(data), 65000)]
                handler.answer(200, b"".join(b"%04x" % (len(packet) + 4) + packet for packet in packets) + b"0000")
                return True
            return fault

        for label, data, words in (("garbage", b"PACK" + b"\0\0\0\2" + b"x" * 1000, ()), ("huge", b"x" * (33 << 20), ("more than 32 MiB",))):
            with self.subTest(label):
                self.server.fault = answering(data)
                self.assert_unknown(*words)

    def test_off(self):
        """`git: { source: false }`: only tags are asked for."""
        repository, first, second = self.two(**{"setup_bun.js": "steal()\n"})
        self.assertIsNotNone(repository)
        self.add("single", [first, second])
        self.assertEqual(self.told(self.page(self.gate(source=False), "single", NEXT)), {})
        self.assertFalse(any(b"command=fetch" in body for body in self.server.bodies))


if __name__ == "__main__":
    case.main()
