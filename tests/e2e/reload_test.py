#!/usr/bin/env python3
"""Policies that change under load: every answer is explained by exactly one version of the policy; a bad file changes nothing; every way
in which a file is replaced on disk is noticed. NPM_GATE_ALL=1 edits 2,000 times instead of 150 and reloads 10,000 times instead of 300.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, GateFailed

EDITS = 2000 if os.environ.get("NPM_GATE_ALL") else 150
RELOADS = 10_000 if os.environ.get("NPM_GATE_ALL") else 300
MINORS = 5
READERS = 3


def variant(number):
    """A policy that blocks 1.N.0 and 2.N.0 in two rules: an answer made of two versions of it would hide an odd pair."""
    return ("version: 1\nrules:\n"
            f"  - {{ id: one-{number}, when: {{ package: pair, version: 1.{number}.0 }}, then: block }}\n"
            f"  - {{ id: two-{number}, when: {{ package: pair, version: 2.{number}.0 }}, then: block }}\n")


class Reload(case.EndToEnd):
    """One gate per test."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry())
        releases = [Release(f"{major}.{minor}.0", days_ago(400 - 10 * major - minor)) for major in (1, 2) for minor in range(MINORS)]
        self.registry.add(Package("pair", releases))
        self.all = {release.version for release in releases}

    def hidden(self, gate):
        """Versions that the packument leaves out."""
        return sorted(self.all - set(gate.versions("pair")))

    def follows(self, gate, number):
        """Whether the gate acts on variant `number` now."""
        return wire.eventually(lambda: self.hidden(gate) == [f"1.{number}.0", f"2.{number}.0"])

    @contextlib.contextmanager
    def readers(self, gate):
        """Asks for packuments and tarballs meanwhile: every answer must be of one version of the policy, and every version seen."""
        for version in self.all:
            gate.tarball("pair", version)  # inspected once, so that the load is on judging
        stop, wrong, seen = threading.Event(), [], []

        def read():
            while not stop.is_set():
                gone = self.hidden(gate)
                seen.append(tuple(gone))
                if len(gone) != 2 or gone[0][2] != gone[1][2]:
                    wrong.append(gone)
                number = len(seen) % MINORS
                answer = gate.tarball("pair", f"1.{number}.0")
                if answer.status != 200 and f"(rule one-{number})" not in answer.error():
                    wrong.append(answer)

        readers = [threading.Thread(target=read) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        try:
            yield
        finally:
            stop.set()
            for reader in readers:
                reader.join()
        self.assertEqual(wrong[:3], [])
        self.say(f"{len(seen)} packuments, {len(set(seen))} policies seen")
        self.assertEqual(len(set(seen)), MINORS)

    def test_every_answer_is_explained_by_one_version(self):
        """The file is edited in place, faster than the gate reads it; every third edit is broken."""
        gate = self.enterContext(Gate(self.registry.url, policy=variant(0)))
        with self.readers(gate):
            for edit in range(EDITS):
                text = variant(edit % MINORS)
                gate.policy_file.write_text(text.replace("block", "blok", 1) if edit % 3 == 2 else text)
                if edit % 5 == 4:  # let it settle: the gate reads once an editor is quiet
                    settled = edit // 5 % MINORS
                    gate.policy_file.write_text(variant(settled))
                    self.assertTrue(self.follows(gate, settled), gate.log_end())

    @staticmethod
    def loads(gate, result):
        """How many loads came to this."""
        text = wire.send(gate.admin_url, "/metrics").body.decode()
        found = re.search(rf'npm_gate_policy_loads_total{{result="{result}"}} (\d+)', text)
        return int(found[1]) if found else 0

    def test_every_reload_counts(self):
        """A new file under the name and SIGHUP: each is in force, or refused, before the next one comes."""
        gate = self.enterContext(Gate(self.registry.url, policy=variant(0)))
        other = gate.base / "next.yaml"
        with self.readers(gate):
            for number in range(1, RELOADS + 1):
                broken = number % 7 == 0
                result = "refused" if broken else "loaded"
                before = self.loads(gate, result)
                other.write_text(variant(number % MINORS).replace("block", "blok" if broken else "block", 1))
                other.rename(gate.policy_file)
                gate.process.send_signal(signal.SIGHUP)
                done = wire.eventually(lambda result=result, before=before: self.loads(gate, result) > before, every=0.002)
                self.assertTrue(done, f"{number}: {gate.log_end()}")
        self.say(f"{RELOADS} reloads, one in seven refused")

    def test_every_way_of_replacing_a_file_is_noticed(self):
        """Written in place, renamed over, removed and made anew, truncated and written slowly, SIGHUP."""
        gate = self.enterContext(Gate(self.registry.url, policy=variant(0)))
        self.assertTrue(self.follows(gate, 0))
        other = gate.base / "policy.yaml.new"

        def rename():
            other.write_text(variant(1))
            other.rename(gate.policy_file)

        def recreate():
            gate.policy_file.unlink()
            gate.policy_file.write_text(variant(2))

        def slowly():
            with open(gate.policy_file, "w", encoding="utf-8") as file:
                for line in variant(3).splitlines(keepends=True):
                    file.write(line)
                    file.flush()

        def backup():  # as vim does with backupcopy=no
            gate.policy_file.rename(gate.base / "policy.yaml~")
            gate.policy_file.write_text(variant(4))

        for number, replace in ((1, rename), (2, recreate), (3, slowly), (4, backup)):
            replace()
            self.assertTrue(self.follows(gate, number), f"{replace.__name__}: {gate.log_end()}")
        gate.process.send_signal(signal.SIGHUP)
        self.assertTrue(self.follows(gate, 4))

    def test_links_that_are_swapped_are_noticed(self):
        """As Kubernetes updates a mounted ConfigMap: policy.yaml -> ..data/policy.yaml, ..data -> a new folder."""
        base = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for number in range(2):
            (base / f"..v{number}").mkdir()
            (base / f"..v{number}" / "policy.yaml").write_text(variant(number))
        (base / "..data").symlink_to("..v0")
        (base / "policy.yaml").symlink_to("..data/policy.yaml")
        gate = self.enterContext(Gate(self.registry.url, settings={"policy": str(base / "policy.yaml")}))
        self.assertTrue(self.follows(gate, 0))
        (base / "..tmp").symlink_to("..v1")
        (base / "..tmp").rename(base / "..data")
        self.assertTrue(self.follows(gate, 1), gate.log_end())
        # A file behind a link into another folder, edited there.
        (base / "..v1" / "policy.yaml").write_text(variant(2))
        self.assertTrue(self.follows(gate, 2), gate.log_end())

    def test_included_files_and_lists_are_noticed(self):
        """Files in other folders, also one that an edit brings in, and one that was missing."""
        gate = Gate(self.registry.url, policy="version: 1\ninclude: rules/base.yaml\n")
        folder = gate.base / "rules"
        folder.mkdir()
        (folder / "base.yaml").write_text(variant(0))
        self.enterContext(gate)
        self.assertTrue(self.follows(gate, 0))
        (folder / "base.yaml").write_text(variant(1))
        self.assertTrue(self.follows(gate, 1), gate.log_end())
        listed = gate.base / "lists"
        listed.mkdir()
        gate.policy_file.write_text("version: 1\nlists: { bad: { file: lists/bad.txt } }\n"
                                    "rules:\n  - { id: listed, when: { package: { in: bad }, version: \"1 - 2\" }, then: block }\n")
        wire.eventually(lambda: "cannot open" in gate.log())
        self.assertEqual(self.hidden(gate), ["1.1.0", "2.1.0"], "the old policy stays while a file is missing")
        (listed / "bad.txt").write_text("pair\n")
        self.assertTrue(wire.eventually(lambda: self.hidden(gate) == sorted(self.all)), gate.log_end())
        (listed / "bad.txt").write_text("other\n")
        self.assertTrue(wire.eventually(lambda: not self.hidden(gate)), gate.log_end())

    def test_a_broken_file_at_a_start_keeps_nobody_waiting(self):
        """The last good policy, with what it included, serves, loudly, until the file is mended; without one the gate does not start."""
        gate = Gate(self.registry.url, policy="version: 1\ninclude: base.yaml\n")
        (gate.base / "base.yaml").write_text(variant(0))
        self.enterContext(gate)
        self.assertTrue(self.follows(gate, 0))
        gate.stop()
        (gate.base / "base.yaml").write_text(variant(1).replace("block", "blok", 1))
        gate.restart()
        self.assertTrue(self.follows(gate, 0), "the last good one")
        self.assertIn("policy-last-good", gate.log())
        self.assertIn("npm_gate_policy_last_good 1", wire.send(gate.admin_url, "/metrics").body.decode())
        (gate.base / "base.yaml").unlink()
        gate.restart()
        self.assertTrue(self.follows(gate, 0), "and where it is missing")
        (gate.base / "base.yaml").write_text(variant(2))
        self.assertTrue(self.follows(gate, 2), gate.log_end())
        self.assertIn("npm_gate_policy_last_good 0", wire.send(gate.admin_url, "/metrics").body.decode())
        never = Gate(self.registry.url, policy="version: 2\n")
        with self.assertRaises(GateFailed):
            never.start()

    def test_what_is_not_changed_is_not_loaded(self):
        """Other files of the folder, and the same text once more, throw no finished answer away."""
        gate = self.enterContext(Gate(self.registry.url, policy=variant(0)))
        self.assertTrue(self.follows(gate, 0))
        before = gate.log().count("policy-loaded")
        (gate.base / "notes.txt").write_text("x")
        gate.policy_file.write_text(variant(0))
        shutil.copy(gate.policy_file, gate.base / "copy.yaml")
        wire.eventually(lambda: 'result="unchanged"' in wire.send(gate.admin_url, "/metrics").body.decode())
        self.assertEqual(gate.log().count("policy-loaded"), before)


if __name__ == "__main__":
    case.main()
