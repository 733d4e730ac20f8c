#!/usr/bin/env python3
"""Commits that no branch has, from a real git server (http-backend over TLS on loopback): told by the package's own habit, with the twins that
release from branches of every kind, from commits that were squashed away, and from detached ones every time."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from fixture_registry import Package, Release, days_ago
from git_case import GitEndToEnd

FINDING = "commit-not-on-branch"
POLICY = f"version: 1\nrules:\n  - {{ id: branch, when: {{ finding: {FINDING}, younger_than: 30d }}, then: quarantine }}\n"
EARLIER = ("1.0.0", "1.1.0", "1.2.0", "1.3.0")
NEW = "1.4.0"


def on_main(repository, version):
    """As most release."""
    return repository.commit_files({"index.js": version})


def on_release_branch(repository, version):
    """A branch of a line that stays."""
    return repository.commit_files({"index.js": version}, branch="release/" + version.rsplit(".", 1)[0])


def merged_away(repository, version):
    """The branch is gone, its commit is an ancestor of main."""
    commit = repository.commit_files({"index.js": version}, branch="next")
    repository.merge(commit)
    repository.drop("next")
    return commit


def squashed(repository, version):
    """The branch is gone, and main has another commit with its work."""
    commit = repository.commit_files({"index.js": version}, branch="next")
    repository.drop("next")
    repository.commit_files({"index.js": version, "CHANGES": f"{version}, squashed"})
    return commit


def detached(repository, version):
    """The tool commits the version during the release, and pushes the tag alone."""
    return repository.commit_files({"index.js": version}, branch=None)


class Branches(GitEndToEnd):
    """Releases beside the branches of their repositories."""

    POLICY = POLICY

    def package(self, name, earlier, make, versions=EARLIER, head=False):
        """Releases whose tags (or, with `head`, gitHeads) are commits made by `earlier`, the last one's by `make`; the repository."""
        repository = self.server.repository(f"o/{name}")
        repository.configure(uploadpack_allowFilter="true")
        repository.commit_files({"README": name})
        releases = []
        for number, version in enumerate((*versions, NEW)):
            commit = (make if version == NEW else earlier)(repository, version)
            untagged = head and version == NEW
            if not untagged:
                repository.tag(f"v{version}", commit)
            age = 2 if version == NEW else 200 - number
            releases.append(Release(version, published=days_ago(age), git_head=commit if untagged else None))
        self.registry.add(Package(name, releases, repository=self.server.url(f"o/{name}")))
        return repository

    def told(self, gate, name, version=NEW):
        """Proofs about branches and sources: of the finding, and what was unknown."""
        gate.tarball(name, version)
        answer = gate.get(f"/-/npm-gate/releases/{name}/{version}", {"Accept": "application/json"})
        self.assertEqual(answer.status, 200, answer)
        found = {finding["id"]: finding["proof"] for finding in answer.json()["findings"] if finding["id"] in (FINDING, "evidence-unavailable")}
        return {key: proof for key, proof in found.items() if key == FINDING or proof["source"] == "source"}

    def test_habits(self):
        """Each way to release, followed by each: only what leaves a habit of branches is told."""
        ways = (on_main, on_release_branch, merged_away, squashed, detached)
        rows = [(earlier, make) for earlier in ways for make in (on_main, squashed, detached)] + [(on_main, on_release_branch), (on_main, merged_away)]
        gate = self.gate()
        left = 0
        for earlier, make in rows:
            name = f"{earlier.__name__}-{make.__name__}".replace("_", "")
            self.package(name, earlier, make)
            strange = make in (squashed, detached) and earlier in ways[:3]
            left += strange
            with self.subTest(name):
                self.assertEqual(list(self.told(gate, name)), [FINDING] if strange else [], gate.log_end())
                self.assertEqual(gate.tarball(name, NEW).status, 403 if strange else 200)
        self.say(f"{left} left a habit of branches, all told; {len(rows) - left} did not, 0 told")

    def test_few_releases_have_no_habit(self):
        """Two on branches are too few to blame a third."""
        self.package("left", on_main, detached, EARLIER[:2])
        self.assertEqual(self.told(self.gate(), "left"), {})

    def test_a_git_head_without_a_tag(self):
        """Names a commit that nobody's branch has."""
        self.package("left", on_main, detached, head=True)
        found = self.told(self.gate(), "left")[FINDING]
        self.assertEqual(found["named_by"], "gitHead")
        self.assertEqual(found["on_branches"], list(EARLIER))

    def test_a_branch_that_comes_late(self):
        """Tagged before it was merged: told until then, and not afterwards, also when the branch is gone again."""
        repository = self.package("left", on_main, detached)
        gate = self.gate()
        commit = self.told(gate, "left")[FINDING]["commit"]
        repository.merge(commit)
        self.assertTrue(wire.eventually(lambda: self.told(gate, "left") == {}), gate.log_end())
        repository.drop("main")
        asked = len(self.server.requests)
        self.assertTrue(wire.eventually(lambda: self.told(gate, "left") == {} and len(self.server.requests) > asked), gate.log_end())
        self.assertEqual(self.told(gate, "left"), {})

    def test_it_stays_told_while_the_host_is_away(self):
        """And one that was never asked is unknown."""
        self.package("left", on_main, detached)
        self.package("right", on_main, detached)
        gate = self.gate()
        self.assertIn(FINDING, self.told(gate, "left"))

        def without_branches(handler):
            if handler.command != "POST" or b"have " not in self.server.bodies[-1]:
                return False
            handler.answer(500, b"")
            return True

        self.server.fault = without_branches
        self.assertIn("500", self.told(gate, "right")["evidence-unavailable"]["reason"])
        self.assertNotIn(FINDING, self.told(gate, "right"))
        self.assertIn(FINDING, self.told(gate, "left"))

    def test_answers_that_are_none(self):
        """Garbage says nothing about anybody."""
        self.package("left", on_main, detached)

        def garbage(handler):
            if handler.command != "POST" or b"have " not in self.server.bodies[-1]:
                return False
            handler.answer(200, b"000dpackfile\n000a\1garba0000")
            return True

        self.server.fault = garbage
        self.assertEqual(list(self.told(self.gate(), "left")), ["evidence-unavailable"])

    def test_a_commit_with_a_history_of_its_own(self):
        """A history that is larger than what is read of it is none of the branches' either."""
        repository = self.server.repository("o/left")
        repository.configure(uploadpack_allowFilter="true")
        releases = []
        for number, version in enumerate(EARLIER):
            repository.tag(f"v{version}", on_main(repository, version))
            releases.append(Release(version, published=days_ago(200 - number)))
        repository.tag(f"v{NEW}", repository.long_history(4000))
        releases.append(Release(NEW, published=days_ago(2)))
        self.registry.add(Package("left", releases, repository=self.server.url("o/left")))
        self.assertIn(FINDING, self.told(self.gate(), "left"))


if __name__ == "__main__":
    case.main()
