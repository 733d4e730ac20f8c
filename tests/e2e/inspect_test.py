#!/usr/bin/env python3
"""`npm-gate inspect`: one release, a list, tarball files; exit codes, order, JSON lines, a warm second run."""

import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import gate
from fixture_registry import FixtureRegistry, Package, Release, days_ago

HOOK = {"scripts": {"preinstall": "node setup.js"}}
# Harmless, of the shape of a dropper: spawns and fetches.
DROPPER = "require('child_process').exec('true'); require('https').get('https://collect.registry.example/');\n"


def packages():
    """A calm package, one that was taken over (long ago by the clock), and one whose tarball is gone."""
    return [
        Package("calm", [Release("1.0.0", days_ago(400)), Release("1.0.1", days_ago(200))]),
        Package("taken", [Release("1.0.0", days_ago(400)),
                          Release("1.0.1", days_ago(300), files={"setup.js": DROPPER}, manifest=HOOK)]),
        Package("lost", [Release("1.0.0", days_ago(90))]),
    ]


class Inspect(case.EndToEnd):
    """Each test runs the program against a registry of its own."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry(packages()))
        self.registry.fault("/lost/-/lost-1.0.0.tgz", "status", status=404)
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def inspect(self, *arguments, stdin=None):
        """`npm-gate inspect` against the fixture registry."""
        return gate.run("inspect", *arguments, "--upstream", self.registry.url, cwd=self.folder, stdin=stdin, timeout=120)

    def rows(self, *arguments, stdin=None):
        """The JSON lines of a run, and its exit code."""
        done = self.inspect(*arguments, "--json", stdin=stdin)
        return [json.loads(line) for line in done.stdout.splitlines()], done.returncode

    def test_one_release(self):
        """A report; exit 1 only where the release would not be served."""
        done = self.inspect("calm")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("calm@1.0.1  allow", done.stdout)
        self.assertIn("compared   with 1.0.0", done.stdout)
        self.assertNotIn("\x1b", done.stdout)
        held = self.inspect("taken", "--as-published")
        self.assertEqual(held.returncode, 1, held.stdout)
        self.assertIn("+ preinstall  node setup.js", held.stdout)
        self.assertIn("+ setup.js  script", held.stdout)
        self.assertIn("runs on install", held.stdout)

    def test_as_published(self):
        """By the clock the takeover is old news; as published it is held, and the cooldown rule holds nobody."""
        by_clock, code = self.rows("taken", "calm")
        self.assertEqual(([row["verdict"]["served"] for row in by_clock], code), ([True, True], 0))
        as_published, code = self.rows("taken", "calm", "--as-published")
        self.assertEqual([row["verdict"]["action"] for row in as_published], ["quarantine", "allow"])
        self.assertIn("takeover", [reason["rule"] for reason in as_published[0]["verdict"]["reasons"]])
        self.assertEqual(code, 1)

    def test_list(self):
        """Comments and blanks do not count, the order is the list's, what is not available is a row and exit 3."""
        (self.folder / "list").write_text("# ours\n\ncalm@1.0.0 # the old one\nlost\n  taken@latest\nabsent\n../odd\ncalm\n")
        rows, code = self.rows("--list", self.folder / "list", "--jobs", "3")
        self.assertEqual([row["spec"] for row in rows], ["calm@1.0.0", "lost", "taken@latest", "absent", "../odd", "calm"])
        self.assertEqual([row.get("version") for row in rows], ["1.0.0", None, "1.0.1", None, None, "1.0.1"])
        self.assertIn("not in the registry", rows[1]["error"])
        self.assertIn("not in the registry", rows[3]["error"])
        self.assertIn("neither NAME", rows[4]["error"])
        self.assertEqual(rows[0]["baseline"], None)
        self.assertEqual(rows[5]["baseline"], "1.0.0")
        self.assertEqual(code, 3)

    def test_table_and_markdown(self):
        """The table on stdout, one progress line per release on stderr (no terminal), counts at the end."""
        done = self.inspect("--list", "-", "--as-published", stdin="calm\ntaken\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("2 releases judged: 1 allow, 0 warn, 1 quarantine, 0 block; held: 50.0 %", done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 2, done.stderr)
        self.assertIn("[2/2]", done.stderr)
        done = self.inspect("--list", "-", "--markdown", stdin="calm\n")
        self.assertIn("| calm@1.0.1 | 1.0.0 | allow |", done.stdout)

    def test_baseline(self):
        """--baseline names what to compare with; of another package it is wrong usage."""
        rows, _ = self.rows("calm@1.0.1", "--baseline", "1.0.0")
        self.assertEqual(rows[0]["baseline"], "1.0.0")
        self.assertEqual(self.inspect("calm", "--baseline", "taken@1.0.0").returncode, 2)
        self.assertEqual(self.inspect("calm", "--baseline", "9.9.9").returncode, 3)

    def test_files(self):
        """.tgz files need no registry, alone or in a list; a broken one is refused, not an error."""
        for version in ("1.0.0", "1.0.1"):
            (self.folder / f"{version}.tgz").write_bytes(packages()[1].release(version).bytes("taken"))
        (self.folder / "bad.tgz").write_bytes(b"no archive")
        one = gate.run("inspect", "1.0.1.tgz", "--baseline", "1.0.0.tgz", "--json", cwd=self.folder)
        row = json.loads(one.stdout)
        self.assertEqual((row["version"], row["baseline"], one.returncode), ("1.0.1", "1.0.0", 1))
        many = gate.run("inspect", "--list", "-", "--json", cwd=self.folder, stdin="1.0.0.tgz\nbad.tgz\n")
        rows = [json.loads(line) for line in many.stdout.splitlines()]
        self.assertEqual(rows[1]["findings"][0]["id"], "archive-refused")
        self.assertEqual(many.returncode, 1)
        self.assertEqual(self.registry.seen(), [])

    def test_warm(self):
        """With --data nothing is fetched twice."""
        data = self.folder / "kept"
        first, _ = self.rows("calm", "--data", data)
        before = len(self.registry.seen())
        again, _ = self.rows("calm", "--data", data)
        self.assertEqual(len(self.registry.seen()), before)
        for row in (first[0], again[0]):
            row.pop("verdict")
        self.assertEqual(first, again)

    def test_wrong_usage(self):
        """Exit 2 and one line."""
        for arguments in ([], ["--list", "absent.txt"], ["calm", "--times", "sometimes"], ["calm", "--jobs", "0"], ["calm", "--markdown"]):
            with self.subTest(arguments=arguments):
                done = self.inspect(*arguments)
                self.assertEqual(done.returncode, 2, done.stderr)


if __name__ == "__main__":
    case.main()
