#!/usr/bin/env python3
"""A data folder without room: clear answers, a gate that goes on, nothing half kept. On a small tmpfs, which needs the right to mount."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, environment, run

DISK_BYTES = 4 << 20
BIG = os.urandom(6 << 20)  # does not compress: its tarball is larger than the disk


class DiskFull(case.EndToEnd):
    """Data on a disk of 4 MiB."""

    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], capture_output=True, check=False)
        if mounted.returncode != 0:
            raise unittest.SkipTest("no right to mount a small disk here")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=True)
        self.disk = pathlib.Path(folder)
        packages = [Package("small", [Release("1.0.0", published=days_ago(300))]),
                    Package("big", [Release("1.0.0", published=days_ago(300), files={"blob.bin": BIG})]),
                    Package("later", [Release("1.0.0", published=days_ago(300))])]
        self.registry = self.enterContext(FixtureRegistry(packages))
        self.gate = self.enterContext(Gate(self.registry.url, settings={"storage": {"path": str(self.disk / "data")}}))

    def test_no_room_for_one_tarball(self):
        """It is answered 503 with the reason, leaves nothing behind, and everything else goes on."""
        self.assertEqual(self.gate.tarball("small", "1.0.0").status, 200)
        refused = self.gate.tarball("big", "1.0.0")
        self.say(refused.status, refused.error())
        self.assertEqual(refused.status, 503)
        self.assertTrue(refused.header("retry-after"))
        self.assertIn("space", refused.error().lower())
        self.assertNotIn(str(self.disk), refused.error())
        self.assertEqual(list((self.disk / "data" / "tmp").glob("*")), [], "a half written tarball was left behind")
        self.assertEqual(self.gate.tarball("small", "1.0.0").status, 200)
        self.assertEqual(self.gate.tarball("later", "1.0.0").status, 200)

    def test_no_room_at_all(self):
        """Nothing new can be kept: 503, never bytes that were not recorded; room again: served without a restart."""
        self.assertEqual(self.gate.tarball("small", "1.0.0").status, 200)
        filler = self.disk / "filler"
        with open(filler, "wb", buffering=0) as out:
            try:
                while True:
                    out.write(b"\0" * 4096)
            except OSError:
                pass
        answer = self.gate.tarball("later", "1.0.0")
        self.say(answer.status, answer.error())
        self.assertEqual(answer.status, 503)
        self.assertEqual(self.gate.get("/-/ping").status, 200)
        filler.unlink()
        self.assertEqual(self.gate.tarball("later", "1.0.0").status, 200)
        self.assertEqual(self.gate.tarball("small", "1.0.0").status, 200)

    def test_a_rejection_finds_room(self):
        """The disk is full to the last byte: a release can be rejected all the same, at once and for good."""
        self.assertEqual(self.gate.tarball("small", "1.0.0").status, 200)
        token = self.gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        with open(self.disk / "filler", "wb", buffering=0) as out:
            try:
                while True:
                    out.write(b"\0" * 512)
            except OSError:
                pass
        done = run("quarantine", "reject", "small@1.0.0", "--reason", "SEC-1", "--admin", self.gate.admin_url,
                   env=environment(NPM_GATE_TOKEN=token))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_refused(self.gate.tarball("small", "1.0.0"), "blocked", "SEC-1")
        self.assertIn("disk-full", self.gate.log())
        self.gate.restart()
        self.assert_refused(self.gate.tarball("small", "1.0.0"), "blocked", "SEC-1")


if __name__ == "__main__":
    case.main()
