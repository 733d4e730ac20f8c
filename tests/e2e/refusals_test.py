#!/usr/bin/env python3
"""What each real client prints for a release that is held, as docs/refusals.md says: an exact version, a range, a lockfile; and that
`npm-gate why` finds the reason in every one of these outputs."""

import concurrent.futures
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
from clients import CLIENTS, Project
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import ROOT, Gate, run

POLICY = """\
version: 1
rules:
  - { id: new-hooks, when: { finding: [install-script-added] }, then: quarantine, message: "Runs new code on install." }
"""
HOOK = {"manifest": {"scripts": {"postinstall": "node hook.js"}}, "files": {"hook.js": "1"}}
ROWS = {"npm10": "npm 10 to 12", "npm11": "npm 10 to 12", "npm12": "npm 10 to 12", "pnpm10": "pnpm 10", "pnpm12": "pnpm 12", "yarn1": "yarn 1",
        "yarn4": "yarn 4", "bun": "bun"}
SPECS = {"exact": "1.1.0", "range": "^1.1.0", "lockfile": None}
CLIENTS_AT_A_TIME = 3


def documented():
    """Per row of the table: the lines of an exact version or a range, and those of a lockfile."""
    rows = {}
    for line in (ROOT / "docs" / "refusals.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0] in ROWS.values():
            rows[cells[0]] = [re.findall(r"`([^`]+)`", cell) for cell in cells[1:]]
    return rows


def flat(text):
    """One line without colours, frames and line breaks within URLs."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub("[\u2500-\u257f]", " ", text)
    text = re.sub(r"(https?://\S*[-/])\s*\n\s*", r"\1", text)
    return " ".join(text.split())


class Refusals(case.EndToEnd):
    """Every client against one gate."""

    def test_every_client(self):
        """24 installs, three at a time."""
        names = [client.name for client in case.installed_clients()]
        registry = self.enterContext(FixtureRegistry())
        registry.add(Package("left", [Release("1.0.0", days_ago(300)), Release("1.1.0", days_ago(2), **HOOK)]))
        gate = self.enterContext(Gate(registry.url, policy=POLICY))
        self.assertEqual(gate.versions("left"), ["1.0.0"])

        def install(name, kind):
            with Project(CLIENTS[name], registry.url if kind == "lockfile" else gate.url) as project:
                if kind != "lockfile":
                    return project.install({"left": SPECS[kind]})
                locked = project.install({"left": "1.1.0"})
                self.assertEqual(locked.code, 0, locked.text)
                project.move_to(gate.url)
                return project.install(frozen=True)

        with concurrent.futures.ThreadPoolExecutor(CLIENTS_AT_A_TIME) as pool:
            runs = {(name, kind): pool.submit(install, name, kind) for name in names for kind in SPECS}
            results = {key: job.result() for key, job in runs.items()}
        rows = documented()
        self.assertEqual(set(rows), set(ROWS.values()), "rows of docs/refusals.md")
        log = gate.base / "install.log"
        for (name, kind), result in results.items():
            with self.subTest(client=name, kind=kind):
                self.assertNotEqual(result.code, 0, result.text)
                shown = flat(result.text)
                lines = rows[ROWS[name]][1 if kind == "lockfile" else 0]
                self.assertTrue(lines)
                for line in lines:
                    wanted = line.replace("GATE", gate.url).replace("SPEC", SPECS[kind] or "")
                    self.assertIn(wanted, shown)
                log.write_text(result.text)
                why = run("why", log, "--gate", gate.url, "--json")
                self.assertEqual(why.returncode, 1, why.stdout + why.stderr)
                refused = json.loads(why.stdout)["refused"]
                self.assertEqual([(one["name"], one["version"]) for one in refused], [("left", "1.1.0")])
                if kind != "range":
                    self.assertEqual(refused[0]["served_instead"], "1.0.0")


if __name__ == "__main__":
    case.main()
