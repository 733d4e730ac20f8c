#!/usr/bin/env python3
"""Every command of docs/audit.md and docs/monitoring.md, in the order they stand, with the exit code that is written behind it."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import gate
import tarballs
from fixture_registry import FixtureRegistry, Package, Release, days_ago, held_package

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(.*?)\s+# exit (\d)$")
POLICY = """version: 1
rules:
  - id: new-hook
    when: { finding: install-script-added }
    then: quarantine
"""


def commands(document):
    """(command, exit code) of each line in a document's sh blocks."""
    for block in BLOCK.findall((gate.ROOT / "docs" / document).read_text()):
        for line in block.splitlines():
            match = COMMAND.match(line)
            if match is None:
                raise AssertionError(f"{document}: a command without '# exit N': {line}")
            yield match[1], int(match[2])


class Documents(case.EndToEnd):
    """A folder as the documents have it: a lockfile with one held release, a gate, tokens."""

    def setUp(self):
        registry = self.enterContext(FixtureRegistry([
            Package("good", [Release("1.0.0", published=days_ago(400))]),
            held_package("bad")]))
        self.gate = self.enterContext(gate.Gate(registry.url, policy=POLICY))
        self.folder = self.gate.base
        entries = {name: {"version": version, "resolved": f"{registry.url}{name}/-/{name}-{version}.tgz",
                          "integrity": tarballs.integrity(registry.tarball(name, version))}
                   for name, version in (("good", "1.0.0"), ("bad", "1.0.1"))}
        lock = {"lockfileVersion": 3, "packages": {f"node_modules/{name}": entry for name, entry in entries.items()}}
        (self.folder / "package-lock.json").write_text(json.dumps(lock, indent=2))
        (self.folder / "yarn.lock").write_text("# yarn lockfile v1\n\n" + "\n".join(
            f'{name}@^1.0.0:\n  version "{entry["version"]}"\n  resolved "{entry["resolved"]}"\n  integrity {entry["integrity"]}\n'
            for name, entry in entries.items()))
        programs = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="gate-docs-")))
        (programs / "npm-gate").symlink_to(gate.binary().resolve())
        self.environment = gate.environment(
            PATH=f"{programs}:{os.environ['PATH']}", GATE=self.gate.url, ADMIN=self.gate.admin_url.rstrip("/"), REGISTRY=registry.url,
            NPM_GATE_TOKEN=self.token("install"), REVIEW_TOKEN=self.token("review"), HOME=str(self.folder))

    def token(self, scope):
        """A new token of the gate."""
        made = self.gate.command("token", "create", f"docs-{scope}", "--scope", scope)
        return re.search(r"\S{20,}", made.stdout)[0]

    def run_document(self, name):
        """Runs the commands one after another."""
        count = 0
        for command, code in commands(name):
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=self.folder, env=self.environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
            self.say(f"exit {done.returncode}", command)
            self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}")
            count += 1
        return count

    def test_audit(self):
        """docs/audit.md."""
        self.assertGreater(self.run_document("audit.md"), 9)

    def test_subscriptions(self):
        """docs/monitoring.md; the gate knows the releases because somebody asked for them."""
        self.gate.tarball("bad", "1.0.1")
        self.assertGreater(self.run_document("monitoring.md"), 1)


if __name__ == "__main__":
    case.main()
