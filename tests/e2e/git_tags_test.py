#!/usr/bin/env python3
"""Git tags asked of a real git server (http-backend over TLS on loopback): habits, peeled tags, late and moved ones, bad servers."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from fixture_registry import Package, Release, days_ago
from git_case import GitEndToEnd

EARLIER = ("1.0.0", "1.0.1", "1.0.2", "1.0.3")
NEW = "1.1.0"
# A policy that waits for the tag, and for nothing else.
POLICY = "version: 1\nrules:\n  - { id: tag, when: { finding: [missing-git-tag, git-tag-mismatch], younger_than: 14d }, then: quarantine }\n"
HABITS = {
    "plain": ("left", "v{version}"),
    "bare": ("left", "{version}"),
    "at": ("left", "left@{version}"),
    "scoped": ("@o/left", "@o/left@{version}"),
    "dash": ("left", "left-v{version}"),
    "slash": ("@o/left", "left/v{version}"),
}


def package(name, repository, head=None):
    """Old releases that nobody doubts, and a new one; `head` is the commit that it says it was built from."""
    old = [Release(version, published=days_ago(200 - number)) for number, version in enumerate(EARLIER)]
    return Package(name, [*old, Release(NEW, published=days_ago(2), git_head=head)], repository=repository)


class GitTags(GitEndToEnd):
    """Releases beside the tags of their repositories."""

    POLICY = POLICY

    def tagged(self, path="o/left", form="v{version}", versions=EARLIER, annotated=False):
        """A repository whose earlier releases have their tags."""
        repository = self.server.repository(path)
        for version in versions:
            repository.tag(form.format(version=version), annotated=annotated)
        return repository

    def findings(self, gate, name, version=NEW):
        """Findings about tags: id -> proof; what was not available as "unknown"."""
        gate.packument(name)
        found = {}
        for finding in gate.get(f"/-/npm-gate/releases/{name}/{version}", {"Accept": "application/json"}).json()["findings"]:
            if finding["source"] == "git-tags":
                found["unknown" if finding["id"] == "evidence-unavailable" else finding["id"]] = finding["proof"]
        return found

    def test_habits(self):
        """Every usual form is learned and its tag found, in both protocols; without the tag it is missed, by its expected name."""
        for protocol in (2, 0):
            self.server.protocol = protocol
            gate = self.gate()
            for number, (label, (name, form)) in enumerate(HABITS.items()):
                unique = name + f"{protocol}{number}"
                form = form.replace("left", "left" + f"{protocol}{number}")
                with self.subTest(label, protocol=protocol):
                    repository = self.tagged(f"o/{label}{protocol}", form)
                    self.registry.add(package(unique, self.server.url(f"o/{label}{protocol}")))
                    found = self.findings(gate, unique)
                    self.assertEqual(list(found), ["missing-git-tag"], gate.log_end())
                    self.assertEqual(found["missing-git-tag"]["expected"], form.format(version=NEW))
                    self.assertTrue(found["missing-git-tag"]["grace_until"].endswith("Z"))
                    repository.tag(form.format(version=NEW))
                    self.assertTrue(wire.eventually(lambda n=unique: self.findings(gate, n) == {}), self.findings(gate, unique))
            asked = {said for _, _, said in self.server.requests}
            self.assertEqual(asked, {"version=2"})
            self.server.requests.clear()
            gate.stop()

    def test_a_package_without_the_habit_is_not_blamed(self):
        """Half of the earlier releases have no tag: nothing to miss."""
        self.tagged(versions=EARLIER[:2])
        self.registry.add(package("left", self.server.url("o/left")))
        self.assertEqual(self.findings(self.gate(), "left"), {})

    def test_annotated_tags_stand_for_their_commit(self):
        """Light and annotated tags in both protocols: the commit counts, not the tag object; another commit is a mismatch."""
        for protocol in (2, 0):
            self.server.protocol = protocol
            gate = self.gate()
            for annotated in (False, True):
                label = f"{'annotated' if annotated else 'light'}{protocol}"
                with self.subTest(label):
                    repository = self.tagged(f"o/{label}", annotated=annotated)
                    commit = repository.tag(f"v{NEW}", annotated=annotated)
                    self.registry.add(package(f"right-{label}", self.server.url(f"o/{label}"), commit))
                    self.registry.add(package(f"wrong-{label}", self.server.url(f"o/{label}"), repository.commit()))
                    self.assertEqual(self.findings(gate, f"right-{label}"), {})
                    found = self.findings(gate, f"wrong-{label}")
                    self.assertEqual(found["git-tag-mismatch"]["commit"], commit)
                    self.assertNotIn(NEW, gate.versions(f"wrong-{label}"))
            gate.stop()

    def test_a_late_tag_lets_the_release_go_by_itself(self):
        """Held while the tag is missing, served when it comes: nothing is fetched or inspected again, a restart forgets nothing."""
        repository = self.tagged()
        self.registry.add(package("left", self.server.url("o/left")))
        gate = self.gate()
        self.assertNotIn(NEW, gate.versions("left"))
        self.assert_refused(gate.tarball("left", NEW), "quarantined", "no tag")
        tarballs = len(self.registry.seen("*.tgz"))
        gate.restart()
        self.assertNotIn(NEW, gate.versions("left"))
        repository.tag(f"v{NEW}")
        self.assertTrue(wire.eventually(lambda: gate.tarball("left", NEW).status == 200), gate.log_end())
        self.assertIn(NEW, gate.versions("left"))
        self.assertEqual(len(self.registry.seen("*.tgz")), tarballs)

    def test_a_moved_tag_is_told(self):
        """The tag pointed elsewhere when it was first seen."""
        repository = self.tagged()
        first = repository.tag(f"v{NEW}")
        self.registry.add(package("left", self.server.url("o/left")))
        gate = self.gate()
        self.assertEqual(self.findings(gate, "left"), {})
        second = repository.tag(f"v{NEW}")
        self.assertTrue(wire.eventually(lambda: "git-tag-mismatch" in self.findings(gate, "left")), gate.log_end())
        proof = self.findings(gate, "left")["git-tag-mismatch"]
        self.assertEqual((proof["first_commit"], proof["commit"]), (first, second))

    def assert_unknown(self, gate, name, *words, seconds=60):
        """The release is judged, in time, and what its tags say is unknown, with the reason."""
        started = time.monotonic()
        found = self.findings(gate, name)
        self.assertLess(time.monotonic() - started, seconds)
        self.assertEqual(list(found), ["unknown"], found)
        for word in words:
            self.assertIn(word, found["unknown"]["reason"])
        self.say(found["unknown"]["reason"])

    def test_bad_servers_are_unknown_in_time(self):
        """Slow, endless, not git, sending elsewhere, gone: unknown with its reason, and never a finding about the package."""
        def slow(handler):
            time.sleep(4)
            return handler.path is None

        def huge(handler):
            handler.answer(200, b"0" * (9 << 20))
            return True

        def garbage(handler):
            handler.answer(200, b"<html>welcome</html>")
            return True

        def elsewhere(handler):
            handler.answer(302, b"", [("Location", "https://other.example/o/left/info/refs?service=git-upload-pack")])
            return True

        def plain(handler):
            handler.answer(302, b"", [("Location", f"http://127.0.0.1:{handler.server.server_address[1]}{handler.path}")])
            return True

        def gone(handler):
            handler.answer(404, b"")
            return True

        for fault, words in ((slow, ()), (huge, ()), (garbage, ("protocol",)), (elsewhere, ()), (plain, ()), (gone, ("404",))):
            with self.subTest(fault.__name__):
                self.server.fault = fault
                self.registry.add(package(f"meets-{fault.__name__}", self.server.url("o/left")))
                # Short for the one that must meet it, long for the others: the machine may be busy.
                gate = self.gate(timeout="1s" if fault is slow else "15s")
                self.assert_unknown(gate, f"meets-{fault.__name__}", *words)
                gate.stop()

    def test_private_addresses_are_refused_unless_allowed(self):
        """The same host under git.hosts alone: no connection is made."""
        self.tagged()
        self.registry.add(package("left", self.server.url("o/left")))
        self.assert_unknown(self.gate(hosts=["127.0.0.1"], private_hosts=[]), "left")
        self.assertEqual(self.server.requests, [])

    def test_other_hosts_are_not_asked(self):
        """A repository outside the allow-list."""
        self.registry.add(package("left", self.server.url("o/left")))
        self.assert_unknown(self.gate(private_hosts=[]), "left", "not among git.hosts")
        self.assertEqual(self.server.requests, [])

    def test_a_host_that_fails_three_times_is_left_alone(self):
        """Further packages do not wait for it."""
        def broken(handler):
            handler.answer(500, b"")
            return True

        self.server.fault = broken
        gate = self.gate()
        for number in range(3):
            self.registry.add(package(f"p{number}", self.server.url(f"o/p{number}")))
            self.assert_unknown(gate, f"p{number}", "500")
        asked = len(self.server.requests)
        self.registry.add(package("p3", self.server.url("o/p3")))
        self.assert_unknown(gate, "p3", "did not answer 3 times")
        self.assertEqual(len(self.server.requests), asked)


if __name__ == "__main__":
    case.main()
