#!/usr/bin/env python3
"""The n-th call that touches a file of the data folder fails, for every n that occurs: over a cold load, a decision and a change of policy. What
is answered is right or an error, the process lives, and the same request is answered once the disk is well again. NPM_GATE_EVERY=1 tries each n
with both errors (a minute or two), the default each seventh."""

import mmap
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, environment, run

EVERY = int(os.environ.get("NPM_GATE_EVERY", "7"))
ERRORS = {"EIO": 5, "ENOSPC": 28}
MOST = 2000  # more calls than any of the three makes


class Control:
    """What failing_calls.c reads and counts."""

    def __init__(self, path):
        path.write_bytes(bytes(32))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 32)

    def arm(self, number, error):
        """The `number`-th call from now fails with `error`."""
        self.memory[:] = struct.pack("=4q", 0, 0, 0, error)
        self.memory[:8] = struct.pack("=q", number)

    def disarm(self):
        """No call fails; how many were seen and how many failed."""
        self.memory[:8] = bytes(8)
        return struct.unpack("=2q", self.memory[8:24])


class FailingCalls(case.EndToEnd):
    """One gate with the failing calls preloaded, for each sweep."""

    def setUp(self):
        if shutil.which("cc") is None:
            raise unittest.SkipTest("no C compiler")
        self.base = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        library = self.base / "failing_calls.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, pathlib.Path(__file__).with_name("failing_calls.c"), "-ldl"], check=True)
        self.control = Control(self.base / "control")
        self.registry = self.enterContext(FixtureRegistry([self.package("first")]))
        # The folder's name is known only once the gate has one.
        self.gate = Gate(self.registry.url, "version: 1\n", {"inspection": {"sandbox": False}, "log": {"level": "info"}})
        self.gate.env = {"LD_PRELOAD": str(library), "FAILING_CONTROL": str(self.base / "control"), "FAILING_FOLDER": str(self.gate.base)}
        self.enterContext(self.gate)

    def package(self, name):
        """One that is served."""
        return Package(name, [Release("1.0.0", published=days_ago(300), files={"index.js": f"module.exports = '{name}'\n"})])

    def sweep(self, prepare, act, judge):
        """For each error and n: prepare(key), act(key) with a failing call, judge(key, what act returned) with a disk that is well."""
        tried = calls = 0
        for error, number in ERRORS.items():
            for nth in range(1, MOST, EVERY):
                key = f"{error.lower()}{nth}"
                prepare(key)
                self.control.arm(nth, number)
                outcome = act(key)
                seen, failed = self.control.disarm()
                self.assertIsNone(self.gate.process.poll(), f"{key}: the gate ended\n{self.gate.log_end()}")
                with self.subTest(error=error, nth=nth):
                    judge(key, outcome)
                if not failed:
                    break
                tried, calls = tried + 1, max(calls, seen)
        self.assertGreater(tried, 2)
        self.say(f"{tried} calls failed one at a time, of up to {calls}")

    def test_a_cold_load(self):
        """Packument and tarball of a package that was never seen."""
        def act(key):
            return self.gate.packument(key), self.gate.tarball(key, "1.0.0")

        def right(key, packument, tarball):
            self.assertEqual(list(packument.json()["versions"]), ["1.0.0"])
            self.assertEqual(tarball.body, self.registry.tarball(key, "1.0.0"))

        def judge(key, outcome):
            for answer in outcome:
                self.assertIn(answer.status, (200, 500, 502, 503), answer)
                self.assertTrue(answer.status != 500 or "its own data" in answer.error(), answer)
            if [answer.status for answer in outcome] == [200, 200]:
                right(key, *outcome)
            self.assertTrue(wire.eventually(lambda: self.gate.tarball(key, "1.0.0").status == 200, limit=10), self.gate.log_end())
            right(key, self.gate.packument(key), self.gate.tarball(key, "1.0.0"))
        self.sweep(lambda key: self.registry.add(self.package(key)), act, judge)
        self.gate.restart()
        right_after = self.gate.tarball("eio1", "1.0.0")
        self.assertEqual(right_after.body, self.registry.tarball("eio1", "1.0.0"))

    def test_a_decision(self):
        """A rejection: recorded and in force, also after a restart, or refused and made again."""
        token = self.gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        rejected = []

        def prepare(key):
            self.registry.add(self.package(key))
            self.assertEqual(self.gate.tarball(key, "1.0.0").status, 200)

        def reject(key):
            return run("quarantine", "reject", f"{key}@1.0.0", "--reason", "SEC-1", "--admin", self.gate.admin_url, env=environment(NPM_GATE_TOKEN=token))

        def judge(key, outcome):
            if outcome.returncode != 0:
                self.assertEqual(reject(key).returncode, 0, outcome.stderr)
            rejected.append(key)
            self.assert_refused(self.gate.tarball(key, "1.0.0"), "SEC-1")
        self.sweep(prepare, reject, judge)
        self.gate.restart()
        for key in rejected:
            self.assert_refused(self.gate.tarball(key, "1.0.0"), "SEC-1")

    def test_a_change_of_policy(self):
        """A policy that blocks one more package: in force soon, whatever call failed; until then the one before it."""
        blocked = []

        def prepare(key):
            self.registry.add(self.package(key))
            self.assertEqual(self.gate.tarball(key, "1.0.0").status, 200)

        def change(key):
            blocked.append(key)
            rules = ", ".join(f'{{ id: r{n}, when: {{ package: {name} }}, then: block }}' for n, name in enumerate(blocked))
            new = self.gate.base / "policy.new"
            new.write_text(f"version: 1\nrules: [ {rules} ]\n")
            new.rename(self.gate.policy_file)
            wire.eventually(lambda: self.gate.tarball(key, "1.0.0").status != 200, limit=3)

        def judge(key, _):
            if not wire.eventually(lambda: self.gate.tarball(key, "1.0.0").status == 403, limit=5):
                os.utime(self.gate.policy_file)
            self.assertTrue(wire.eventually(lambda: self.gate.tarball(key, "1.0.0").status == 403, limit=5), self.gate.log_end())
            self.assertEqual(self.gate.tarball("first", "1.0.0").status, 200)
        self.sweep(prepare, change, judge)


if __name__ == "__main__":
    case.main()
