#!/usr/bin/env python3
"""`npm-gate audit` over lockfiles that real clients write: verdicts with paths, reports, exit codes, offline, --accept, --fix."""

import base64
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import gate
import tarballs
import wire
from clients import Project
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from git_server import GitServer, backend

SCHEMAS = pathlib.Path(os.environ.get("NPM_GATE_SCHEMAS", gate.ROOT / "build" / "schemas"))
HOOK = {"scripts": {"postinstall": "node hook.js"}}
# What a client would lock before anybody knew better.
WANTED = {"app": "^1.0.0", "good": "^1.0.0"}


def packages():
    """app needs bad; bad 1.0.1 is fresh and has a new install script."""
    return [
        Package("app", [Release("1.0.0", published=days_ago(400), manifest={"dependencies": {"bad": "^1.0.0", "good": "1.0.0"}})]),
        Package("good", [Release("1.0.0", published=days_ago(400)), Release("1.1.0", published=days_ago(300))]),
        Package("bad", [Release("1.0.0", published=days_ago(400)),
                        Release("1.0.1", published=days_ago(2), manifest=HOOK, files={"hook.js": "require('child_process')\n"})]),
    ]


def lock_of(client, registry_url, wanted=None):
    """The lockfile that a client writes against the bare upstream, as (name, text)."""
    with Project(client, registry_url, scripts=False) as project:
        result = project.install(wanted or WANTED)
        if not project.lockfile.exists():
            raise AssertionError(str(result) + result.text)
        return project.lockfile.name, project.lockfile.read_text()


class Audit(case.EndToEnd):
    """Against a fixture upstream, without a gate unless the test says so."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry(packages()))
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="gate-audit-")))

    def write(self, name, text):
        """A file in the test's folder."""
        path = self.folder / name
        path.write_text(text)
        return path

    def npm_lock(self, **changes):
        """A package-lock of app > bad@1.0.1 and good, made by hand; `changes` to the entry of bad."""
        def entry(name, version, **more):
            data = self.registry.tarball(name, version)
            return {"version": version, "resolved": f"{self.registry.url}{name}/-/{name}-{version}.tgz",
                    "integrity": tarballs.integrity(data), **more}
        document = {"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": {
            "": {"name": "shop", "dependencies": WANTED},
            "node_modules/app": entry("app", "1.0.0", dependencies={"bad": "^1.0.0", "good": "1.0.0"}),
            "node_modules/app/node_modules/good": entry("good", "1.0.0"),
            "node_modules/bad": {**entry("bad", "1.0.1"), **changes},
            "node_modules/good": entry("good", "1.1.0"),
        }}
        return self.write("package-lock.json", json.dumps(document, indent=2))

    def audit(self, lockfile, *arguments, upstream=True, **more):
        """Runs the command in the test's folder."""
        flags = ["--upstream", self.registry.url] if upstream else []
        return gate.run("audit", lockfile.name, *flags, *arguments, cwd=self.folder, **more)

    def test_every_client_and_format(self):
        """The held release is found in each client's file, with the way to it and its line."""
        for client in case.installed_clients("npm10", "npm11", "npm12", "pnpm10", "pnpm12", "yarn1", "yarn4", "bun"):
            with self.subTest(client=client.name):
                name, text = lock_of(client, self.registry.url)
                lockfile = self.write(name, text)
                done = self.audit(lockfile, "--json")
                self.assertEqual(done.returncode, 1, done.stderr)
                answer = json.loads(done.stdout)
                rows = {f"{row['name']}@{row['version']}": row for row in answer["releases"]}
                self.say(client.name, answer["format"], {spec: row["action"] for spec, row in rows.items()})
                self.assertEqual({spec: row["action"] for spec, row in rows.items()},
                                 {"app@1.0.0": "allow", "bad@1.0.1": "quarantine", "good@1.0.0": "allow", "good@1.1.0": "allow"})
                bad = rows["bad@1.0.1"]
                self.assertEqual(bad["paths"][0][-2:], ["app@1.0.0", "bad@1.0.1"])
                self.assertIn("bad", text.splitlines()[bad["line"] - 1])
                self.assertIn("install-script-added", [finding["id"] for finding in bad["findings"]])
                lockfile.unlink()

    def test_table_and_thresholds(self):
        """People read the refused ones first; --fail-on moves the line."""
        lockfile = self.npm_lock()
        done = self.audit(lockfile)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.say(done.stdout)
        self.assertRegex(done.stdout.splitlines()[0], r"package-lock.json: package-lock v3, 4 releases: 1 quarantined, 3 allowed")
        self.assertRegex(done.stdout, r"QUARANTINE  bad@1\.0\.1  package-lock\.json:\d+\n    install-script-added.*\(rule .*\)\n"
                                      r"    by app@1\.0\.0 > bad@1\.0\.1")
        for words, code in (("block", 0), ("never", 0), ("warn", 1), ("quarantine", 1), ("quarantine,unknown", 1)):
            self.assertEqual(self.audit(lockfile, "--fail-on", words).returncode, code, words)
        wrong = self.audit(lockfile, "--fail-on", "sometimes")
        self.assertEqual((wrong.returncode, wrong.stdout), (2, ""))
        self.assertIn("--fail-on sometimes: expected warn", wrong.stderr)

    def test_what_is_wrong_with_a_file(self):
        """Usage mistakes name place and remedy, on stderr, exit 2."""
        rows = [("package-lock.json", "{", "package-lock.json:1:2"), ("yarn.lock", "<<<<<<< HEAD\n", "yarn.lock:1:1: a merge conflict"),
                ("package.json", "{}", "package.json has ranges"), ("pnpm-lock.yaml", "lockfileVersion: 5.4\n", "run `pnpm install`")]
        for name, text, words in rows:
            done = self.audit(self.write(name, text))
            self.assertEqual((done.returncode, done.stdout), (2, ""), name)
            self.assertIn(words, done.stderr)
        missing = gate.run("audit", "nowhere.lock", "--upstream", self.registry.url, cwd=self.folder)
        self.assertEqual((missing.returncode, "cannot read nowhere.lock" in missing.stderr), (2, True))

    def test_integrity(self):
        """A hash in the lockfile that is not the release's is told, whatever the policy says."""
        other = tarballs.integrity(b"something else")
        done = self.audit(self.npm_lock(integrity=other), "--fail-on", "never")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, r"MISMATCH  bad@1\.0\.1")
        old_hash = "sha1-" + base64.b64encode(bytes.fromhex(tarballs.shasum(self.registry.tarball("bad", "1.0.1")))).decode()
        self.assertEqual(self.audit(self.npm_lock(integrity=old_hash), "--fail-on", "never").returncode, 0)

    def test_absent_and_unreachable(self):
        """A release that the registry does not have is unknown; an upstream that is down is exit 3."""
        document = json.loads(self.npm_lock().read_text())
        document["packages"]["node_modules/bad"] = {"version": "9.9.9"}
        document["packages"]["node_modules/gone"] = {"version": "1.0.0"}
        lockfile = self.write("package-lock.json", json.dumps(document))
        done = self.audit(lockfile)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"ABSENT  bad@9\.9\.9")
        self.assertRegex(done.stdout, r"ABSENT  gone@1\.0\.0")
        self.assertEqual(self.audit(lockfile, "--fail-on", "quarantine,unknown").returncode, 1)
        port = wire.free_port()
        down = gate.run("audit", lockfile.name, "--upstream", f"http://127.0.0.1:{port}/", cwd=self.folder, timeout=120)
        self.assertEqual(down.returncode, 3, down.stdout)
        self.assertIn("FAILED  app@1.0.0", down.stdout)

    def test_offline(self):
        """Recorded evidence is enough; without any, releases are unknown and nobody is asked."""
        lockfile = self.npm_lock()
        self.assertEqual(self.audit(lockfile, "--state", "state").returncode, 1)
        asked = len(self.registry.seen())
        # Nothing is new within `packuments.stale`: the second run asks nobody either.
        self.assertEqual(self.audit(lockfile, "--state", "state").returncode, 1)
        self.assertEqual(len(self.registry.seen()), asked)
        done = self.audit(lockfile, "--state", "state", "--offline", "--json")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(json.loads(done.stdout)["summary"]["quarantine"], 1)
        empty = self.audit(lockfile, "--state", "nothing", "--offline", "--json")
        self.assertEqual(json.loads(empty.stdout)["summary"]["unknown"], 4)
        self.assertEqual(empty.returncode, 0)
        self.assertEqual(self.audit(lockfile, "--state", "nothing", "--offline", "--fail-on", "unknown").returncode, 1)
        self.assertEqual(len(self.registry.seen()), asked, "offline asked somebody")

    def test_a_release_that_came_after_the_kept_packument(self):
        """It is asked for, not called absent."""
        self.assertEqual(self.audit(self.npm_lock(), "--state", "state").returncode, 1)
        self.registry.publish("good", Release("1.2.0", published=days_ago(0)))
        lockfile = self.write("package-lock.json", json.dumps({"lockfileVersion": 3, "packages": {"node_modules/good": {"version": "1.2.0"}}}))
        done = self.audit(lockfile, "--state", "state", "--json")
        self.assertEqual([row["action"] for row in json.loads(done.stdout)["releases"]], ["quarantine"], done.stdout)

    def test_git_hosts_are_asked_as_the_gate_asks_them(self):
        """Recent releases alone; what was learned is recorded, and --offline asks nobody."""
        if backend() is None:
            self.skipTest("git http-backend is not installed (scripts/install-packages.sh test)")
        server = self.enterContext(GitServer())
        repository = server.repository("o/tagged")
        old = [Release(f"1.0.{patch}", published=days_ago(200 - patch)) for patch in range(4)]
        for release in old:
            repository.tag("v" + release.version)
        self.registry.add(Package("tagged", [*old, Release("1.1.0", published=days_ago(2))], repository=server.url("o/tagged")))
        policy = self.write("policy.yaml", "version: 1\nrules:\n  - { id: tag, when: { finding: missing-git-tag }, then: quarantine }\n")
        (self.folder / "data").mkdir()
        settings = {"upstreams": [{"name": "public", "url": self.registry.url}], "storage": {"path": str(self.folder / "data")},
                    "policy": str(policy), "git": {"hosts": [], "private_hosts": ["127.0.0.1"], "ca": str(server.ca), "timeout": "15s"}}
        config = self.write("gate.yaml", "".join(f"{key}: {json.dumps(value)}\n" for key, value in settings.items()))

        def refused(version, *more):
            lockfile = self.write("package-lock.json", json.dumps({"lockfileVersion": 3, "packages": {"node_modules/tagged": {"version": version}}}))
            done = self.audit(lockfile, "--config", config, "--json", *more, upstream=False)
            self.assertIn(done.returncode, (0, 1), done.stderr)
            return [finding["id"] for finding in json.loads(done.stdout)["releases"][0]["findings"]], done.returncode

        self.assertEqual(refused("1.0.3"), ([], 0))
        self.assertEqual(server.requests, [])
        findings, code = refused("1.1.0")
        self.assertEqual((code, "missing-git-tag" in findings, bool(server.requests)), (1, True, True), findings)
        asked = len(server.requests)
        self.assertEqual(refused("1.1.0", "--offline"), (findings, 1))
        self.assertEqual(len(server.requests), asked)

    def test_sarif(self):
        """Valid by the schema, one result for the held release, at its line."""
        lockfile = self.npm_lock()
        self.audit(lockfile, "--sarif", "audit.sarif")
        document = json.loads((self.folder / "audit.sarif").read_text())
        run = document["runs"][0]
        self.assertEqual(len(run["results"]), 1)
        result = run["results"][0]
        location = result["locations"][0]["physicalLocation"]
        self.assertEqual((result["ruleId"], result["level"], location["artifactLocation"]["uri"]),
                         ("install-script-added", "error", "package-lock.json"))
        self.assertIn("node_modules/bad", lockfile.read_text().splitlines()[location["region"]["startLine"] - 1])
        self.assertEqual(run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"], result["ruleId"])
        self.assertIn("pulled in by app@1.0.0 > bad@1.0.1", result["message"]["text"])
        self.validate("sarif-2.1.0.json", document)

    def test_sbom(self):
        """Valid CycloneDX with verdicts, hashes and the tree."""
        self.audit(self.npm_lock(), "--sbom", "bom.json")
        document = json.loads((self.folder / "bom.json").read_text())
        components = {one["purl"]: one for one in document["components"]}
        bad = components["pkg:npm/bad@1.0.1"]
        values = [(one["name"], one["value"]) for one in bad["properties"]]
        self.assertIn(("npm-gate:verdict", "quarantine"), values)
        self.assertIn(("npm-gate:finding", "install-script-added"), values)
        self.assertEqual(bad["hashes"][0]["alg"], "SHA-512")
        edges = {one["ref"]: one["dependsOn"] for one in document["dependencies"]}
        self.assertEqual(edges["pkg:npm/app@1.0.0"], ["pkg:npm/bad@1.0.1", "pkg:npm/good@1.0.0"])
        self.assertEqual(edges["lockfile"], ["pkg:npm/app@1.0.0", "pkg:npm/good@1.1.0"])
        self.validate("bom-1.6.json", document)

    def validate(self, schema, document):
        """By the official schema (scripts/install-schemas.sh)."""
        try:
            import jsonschema  # pylint: disable=import-outside-toplevel
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        if not (SCHEMAS / schema).exists():
            self.skipTest("scripts/install-schemas.sh was not run")
        text = (SCHEMAS / schema).read_text()
        validator = jsonschema.validators.validator_for(json.loads(text))
        errors = [f"{list(error.absolute_path)}: {error.message}" for error in validator(json.loads(text)).iter_errors(document)]
        self.assertEqual(errors, [])
        self.assertTrue(list(validator(json.loads(text)).iter_errors({"version": 7})), "the schema refuses nothing")

    def test_accept(self):
        """A team's first day: today's tree goes through the gate, tomorrow's change does not."""
        with gate.Gate(self.registry.url) as running:
            self.assert_refused(running.tarball("bad", "1.0.1"), "bad@1.0.1 is quarantined")
            lockfile = self.npm_lock()
            without_reason = running.command("audit", str(lockfile), "--accept")
            self.assertEqual((without_reason.returncode, "--reason" in without_reason.stderr), (2, True))
            done = running.command("audit", str(lockfile), "--accept", "--reason", "reviewed in OPS-1")
            self.say(done.stderr)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            running.process.send_signal(signal.SIGHUP)
            self.assertTrue(wire.eventually(lambda: running.tarball("bad", "1.0.1").status == 200), running.log_end())
            self.assertEqual(running.command("audit", str(lockfile)).returncode, 0)
            again = running.command("audit", str(lockfile), "--accept", "--reason", "again")
            self.assertIn("0 releases approved", again.stderr)
            self.registry.publish("bad", Release("1.0.2", published=days_ago(1), manifest=HOOK, files={"hook.js": "fetch('x')\n"}))
            self.assertNotIn("1.0.2", running.versions("bad"))

    def test_against_a_running_gate(self):
        """--gate needs neither configuration nor upstream: CI asks the gate that it installs from."""
        with gate.Gate(self.registry.url) as running:
            lockfile = self.npm_lock()
            done = self.audit(lockfile, "--gate", running.url, "--json", upstream=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            answer = json.loads(done.stdout)
            self.assertEqual(answer["summary"]["quarantine"], 1, answer["summary"])
            self.assertEqual(answer["summary"]["allow"], 3)
            # npm may or may not follow the upstream's host in the file: told, but no reason to fail.
            self.assertEqual(len(answer["past_the_gate"]), 4)
            self.assertFalse(answer["past_the_gate"][0]["certain"])

    def test_terminal_and_ci(self):
        """A bar on a terminal, plain lines without one."""
        entries = {f"node_modules/p{i}": {"version": "1.0.0"} for i in range(60)}
        lockfile = self.write("package-lock.json", json.dumps({"lockfileVersion": 3, "packages": entries}))
        plain = self.audit(lockfile, "--state", "s", "--offline")
        self.assertIn("audited 30 of 60\n", plain.stderr)
        self.assertNotIn("\r", plain.stderr)
        command = [str(gate.binary()), "audit", lockfile.name, "--upstream", self.registry.url, "--state", "s", "--offline"]
        text = on_a_terminal(command, self.folder)
        self.assertRegex(text, r"\[#+\] 60/60  audited")
        self.assertTrue(text.endswith("\r\x1b[K"), repr(text[-80:]))


def on_a_terminal(command, folder):
    """What a command writes to stderr where that is a terminal."""
    master, slave = pty.openpty()
    out = bytearray()
    with subprocess.Popen(command, cwd=folder, env=gate.environment(TERM="xterm"), stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=slave) as process:
        os.close(slave)
        try:
            while chunk := os.read(master, 65536):
                out.extend(chunk)
        except OSError:  # the other end is closed: how Linux says end of file here
            pass
        os.close(master)
        process.wait()
    return out.decode(errors="replace")


class Fix(case.EndToEnd):
    """--fix: the bytes that change are the URLs, and the client installs from the gate alone afterwards."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry([
            Package("app", [Release("1.0.0", published=days_ago(400), manifest={"dependencies": {"@scope/dep": "^1.0.0"}})]),
            Package("@scope/dep", [Release("1.0.0", published=days_ago(400))])]))
        self.gate = self.enterContext(gate.Gate(self.registry.url))

    def test_every_format(self):
        """A lockfile made past the gate, mended, installed through the gate: the upstream sees no client any more."""
        for client in case.installed_clients("npm11", "npm12", "yarn1", "bun", "pnpm12", "yarn4"):
            with self.subTest(client=client.name), Project(client, self.registry.url, scripts=False) as project:
                self.assertEqual(project.install({"app": "^1.0.0"}).code, 0)
                before = project.lockfile.read_text()
                done = gate.run("audit", project.lockfile, "--gate", self.gate.url, "--fix")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                after = project.lockfile.read_text()
                self.say(client.name, done.stderr.strip() or "nothing to rewrite")
                self.assertNotIn(self.registry.url, after)
                self.assertEqual(self.without_urls(before, client), self.without_urls(after, client))
                self.assertEqual(gate.run("audit", project.lockfile, "--gate", self.gate.url, "--fix").stderr, "")
                project.registry = self.gate.url
                project.forget_cache()
                user_agents = len([r for r in self.registry.seen() if "npm-gate" not in r.headers.get("user-agent", "")])
                result = project.install(frozen=True)
                self.assertEqual((result.code, result.versions), (0, {"app": "1.0.0"}), result.text)
                self.assertEqual(len([r for r in self.registry.seen() if "npm-gate" not in r.headers.get("user-agent", "")]), user_agents)

    def without_urls(self, text, client):
        """Everything but the hosts; for bun, whose URLs the fix empties, everything but those."""
        if client.family == "bun":
            return re.sub(re.escape(self.registry.url) + r'[^"]*', "", text)
        return text.replace(self.registry.url, "GATE/").replace(self.gate.url, "GATE/")


if __name__ == "__main__":
    case.main()
