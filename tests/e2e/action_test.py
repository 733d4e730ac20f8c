#!/usr/bin/env python3
"""examples/github-action run as a runner runs a composite action: inputs and contexts put into each step's env, the steps' shell
run by bash with the GITHUB_* files, against a real gate."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import gate
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago, held_package

ACTION = gate.ROOT / "examples" / "github-action"
EXPRESSION = re.compile(r"\$\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}")
CONTEXT = {"github.server_url": "https://git.example", "github.repository": "team/shop"}
LOCK = {"lockfileVersion": 3, "packages": {
    "": {"name": "shop", "dependencies": {"good": "^1.0.0", "bad": "^1.0.0"}},
    "node_modules/good": {"version": "1.0.0"}, "node_modules/bad": {"version": "1.0.1"}}}


def read_action():
    """action.yml, as far as an action needs YAML: PyYAML reads it where it is installed."""
    try:
        import yaml  # pylint: disable=import-outside-toplevel
    except ImportError:
        raise unittest.SkipTest("python3-yaml is not installed") from None
    return yaml.safe_load((ACTION / "action.yml").read_text())


class Runner:
    """What GitHub's runner does with a composite action, step by step."""

    def __init__(self, folder, inputs):
        self.action = read_action()
        self.folder, self.files = folder, {}
        known = self.action["inputs"]
        for name in inputs:
            if name not in known:
                raise AssertionError(f"no input {name}")
        missing = [name for name, about in known.items() if about["required"] and name not in inputs]
        if missing:
            raise AssertionError(f"missing inputs {missing}")
        self.values = {f"inputs.{name}": inputs.get(name, about.get("default", "")) for name, about in known.items()} | CONTEXT
        for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH"):
            self.files[name] = folder / name.lower()
            self.files[name].touch()

    def expand(self, text):
        """Expressions replaced; one that nobody defines is an error."""
        return EXPRESSION.sub(lambda match: self.values[match[1]], text)

    def run(self):
        """All steps until one fails: exit code and the log."""
        log = ""
        for step in self.action["runs"]["steps"]:
            if EXPRESSION.search(step["run"]):
                raise AssertionError("an expression inside a script is an injection; it belongs into env")
            environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GITHUB_ACTIONS": "true", "CI": "true",
                           **{name: str(path) for name, path in self.files.items()},
                           **{name: self.expand(value) for name, value in step["env"].items()}}
            script = self.folder / "step.sh"
            script.write_text(step["run"])
            # As the runner does for `shell: bash`.
            done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)], cwd=self.folder, env=environment,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
            log += done.stdout
            if done.returncode != 0:
                return done.returncode, log
        return 0, log

    def file(self, name):
        """The text of one of the runner's files."""
        return self.files[name].read_text()


class Action(case.EndToEnd):
    """A project that locks a held release."""

    def setUp(self):
        registry = self.enterContext(FixtureRegistry([
            Package("good", [Release("1.0.0", published=days_ago(400))]),
            held_package("bad")]))
        self.gate = self.enterContext(gate.Gate(registry.url))
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="gate-action-")))
        (self.folder / "package-lock.json").write_text(json.dumps(LOCK, indent=2))
        made = self.gate.command("token", "create", "ci", "--scope", "install")
        self.token = re.search(r"\S{20,}", made.stdout)[0]

    def inputs(self, **more):
        """The inputs of the workflow."""
        return {"gate": self.gate.url, "admin": self.gate.admin_url, "token": self.token, "program": str(gate.binary()), **more}

    def test_held_release_fails_the_job(self):
        """Exit 1, the table in the summary, the annotation in the log, the project subscribed."""
        runner = Runner(self.folder, self.inputs(sarif="out.sarif"))
        code, log = runner.run()
        self.say(log)
        self.assertEqual(code, 1, log)
        summary = runner.file("GITHUB_STEP_SUMMARY")
        self.say(summary)
        self.assertIn("### npm-gate audit", summary)
        self.assertRegex(summary, r"\| QUARANTINE \| bad@1\.0\.1 \| install-script-added.* \| bad@1\.0\.1 \|")
        self.assertNotIn("good@1.0.0", summary)
        self.assertEqual(runner.file("GITHUB_OUTPUT"), "refused=1\n")
        self.assertIn("::error file=package-lock.json::npm-gate audit: exit 1", log)
        self.assertNotIn(self.token, log + summary)
        self.assertEqual(json.loads((self.folder / "out.sarif").read_text())["runs"][0]["results"][0]["ruleId"], "install-script-added")
        review = re.search(r"\S{20,}", self.gate.command("token", "create", "eve", "--scope", "review").stdout)[0]
        answer = wire.send(self.gate.admin_url, "/api/v1/subscriptions", headers={"Authorization": f"Bearer {review}"}).json()
        self.assertEqual([one["repository"] for one in answer["subscriptions"]], ["https://git.example/team/shop"])

    def test_clean_lockfile_passes(self):
        """Exit 0 and an empty table."""
        lock = {**LOCK, "packages": {name: entry for name, entry in LOCK["packages"].items() if "bad" not in name}}
        lock["packages"][""] = {"name": "shop", "dependencies": {"good": "^1.0.0"}}
        (self.folder / "package-lock.json").write_text(json.dumps(lock))
        runner = Runner(self.folder, self.inputs())
        code, log = runner.run()
        self.assertEqual(code, 0, log)
        self.assertIn("1 releases: 1 allowed", runner.file("GITHUB_STEP_SUMMARY"))
        self.assertEqual(runner.file("GITHUB_OUTPUT"), "refused=0\n")

    def test_never_and_without_subscription(self):
        """fail-on never reports only; without admin nothing is uploaded; a dead admin API only warns."""
        self.assertEqual(Runner(self.folder, self.inputs(**{"fail-on": "never", "admin": ""})).run()[0], 0)
        code, log = Runner(self.folder, self.inputs(**{"fail-on": "never", "admin": "http://127.0.0.1:1/"})).run()
        self.assertEqual(code, 0, log)
        self.assertIn("::warning::npm-gate: https://git.example/team/shop could not be subscribed", log)

    def test_a_lockfile_that_is_none(self):
        """The mistake is told, exit 2."""
        (self.folder / "package-lock.json").write_text("{")
        code, log = Runner(self.folder, self.inputs(admin="")).run()
        self.assertEqual(code, 2, log)
        self.assertIn("package-lock.json:1:2", log)


if __name__ == "__main__":
    case.main()
