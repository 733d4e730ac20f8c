#!/usr/bin/env python3
"""Starting wrong: exit code, one clear line first, nothing left behind. Starting right without a configuration file."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import gate
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

GOOD_UPSTREAM = "upstreams: [ { name: public, url: https://registry.example/ } ]\n"


class Startup(case.EndToEnd):
    """Every row runs `npm-gate serve` to its end."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def serve(self, text=None, *arguments, env=None):
        """`npm-gate serve` that must end by itself; the finished process."""
        words = ["serve"]
        if text is not None:
            (self.folder / "gate.yaml").write_text(text)
            words += ["--config", self.folder / "gate.yaml"]
        return gate.run(*words, *arguments, cwd=self.folder, env=env, timeout=60)

    def assert_ends(self, done, code, *words):
        """Exit code, and the words in the first line of stderr; nothing on stdout."""
        self.say(done.returncode, done.stderr.strip().splitlines()[:1])
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        first = done.stderr.splitlines()[0]
        for word in words:
            self.assertIn(word, first)

    def test_bad_configurations(self):
        """Exit 2, the problem with file:line:column."""
        rows = [
            ("listne: { port: 1 }\n" + GOOD_UPSTREAM, ("gate.yaml:1:1", "listne")),
            (GOOD_UPSTREAM + "listen: { port: 70000 }\n", ("gate.yaml:2:",)),
            (GOOD_UPSTREAM + "listen: { port: abc }\n", ("gate.yaml:2:", "port")),
            (GOOD_UPSTREAM + "packuments: { fresh: soon }\n", ("gate.yaml:2:", "fresh")),
            (GOOD_UPSTREAM + "listen: { port: 0 }\nlisten: { port: 1 }\n", ("gate.yaml:3:", "listen")),
            (GOOD_UPSTREAM + "log: &x { level: info }\n", ("gate.yaml:2:",)),
            (GOOD_UPSTREAM + "---\nlog: { level: info }\n", ("gate.yaml:",)),
            ("upstreams: [ { name: a } ]\n", ("gate.yaml:1:", "url")),
            ("upstreams: [ { name: a, url: ftp://registry.example/ } ]\n", ("gate.yaml:1:", "url")),
            ("upstreams: [ { name: a, url: https://user:pw@registry.example/ } ]\n", ("gate.yaml:1:", "url")),
            ("upstreams: [ { name: a, url: https://registry.example/, token_env: NOT_SET_ANYWHERE } ]\n", ("gate.yaml:1:", "NOT_SET_ANYWHERE")),
            (GOOD_UPSTREAM + "listen: { address: 0.0.0.0 }\n", ("public_url",)),
            ("upstreams: [\n", ("gate.yaml:",)),
        ]
        for text, words in rows:
            with self.subTest(text=text):
                self.assert_ends(self.serve(text), 2, *words)

    def test_no_such_file(self):
        """A configuration that cannot be read."""
        self.assert_ends(gate.run("serve", "--config", self.folder / "absent.yaml"), 2, "absent.yaml")

    def test_wrong_usage(self):
        """Flags and commands that do not exist, values that make no sense."""
        for arguments in (["serve", "--no-such-flag"], ["no-such-command"], ["serve", "--listen", "nonsense", "--upstream", "https://registry.example/"],
                          ["serve", "--upstream", "not a url"]):
            with self.subTest(arguments=arguments):
                done = gate.run(*arguments, cwd=self.folder)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertTrue(done.stderr.strip())
        for arguments, words in ((["polcy", "check", "x"], "no command 'polcy'; did you mean 'policy'? (see npm-gate --help)"),
                                 (["quarantine", "aprove", "x"], "did you mean 'approve'? (see npm-gate quarantine --help)"),
                                 (["quarantine", "--bogus"], "no option '--bogus' (see npm-gate quarantine --help)"),
                                 (["policy"], "name a command (see npm-gate policy --help)"),
                                 (["quarantine", "reject", "x@1"], "--reason is required (see npm-gate quarantine reject --help)")):
            with self.subTest(arguments=arguments):
                done = gate.run(*arguments, cwd=self.folder)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(words, done.stderr)

    def test_invalid_policy(self):
        """A policy with a mistake does not start a gate: the old one would stay in force only where there was one."""
        rows = [
            ("version: 1\nrules:\n  - id: a\n    when: { finding: no-such-finding }\n    then: block\n", ("policy.yaml:4:", "no-such-finding")),
            ("version: 1\nrules:\n  - id: a\n    when: { younger_than: 1d }\n    then: allow\n", ("policy.yaml:5:", "waiver")),
            ("version: 2\n", ("policy.yaml:1:",)),
        ]
        for policy, words in rows:
            with self.subTest(policy=policy):
                (self.folder / "policy.yaml").write_text(policy)
                self.assert_ends(self.serve(GOOD_UPSTREAM + f"policy: policy.yaml\nlisten: {{ port: {wire.free_port()} }}\n"), 2, *words)

    def test_port_in_use(self):
        """Exit 3 with the address, for the clients' port and for the admins'."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port, free = taken.getsockname()[1], wire.free_port()
            for listen, admin in ((port, free), (free, port)):
                with self.subTest(listen=listen == port):
                    text = GOOD_UPSTREAM + f"listen: {{ port: {listen} }}\nadmin: {{ port: {admin} }}\n"
                    done = self.serve(text)
                    self.say(done.returncode, done.stderr.strip().splitlines()[:1])
                    self.assertEqual(done.returncode, 3, done.stderr)
                    self.assertIn(str(port), done.stderr)

    def test_unusable_data_folder(self):
        """Exit 3 where the data cannot be kept."""
        (self.folder / "file").write_text("not a folder")
        done = self.serve(GOOD_UPSTREAM + f"storage: {{ path: file }}\nlisten: {{ port: {wire.free_port()} }}\nadmin: {{ port: {wire.free_port()} }}\n")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("file", done.stderr)

    def test_no_upstream_known(self):
        """Neither flag, file, environment nor npm: exit 2 with the ways to name one."""
        environment = gate.environment(PATH=str(self.folder))
        done = gate.run("serve", "--listen", f"127.0.0.1:{wire.free_port()}", cwd=self.folder, env=environment)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--upstream", done.stderr)

    def test_unreachable_upstream(self):
        """The gate starts and says 503 until the upstream is there: a gate must come up before its upstream does."""
        with Gate(f"http://127.0.0.1:{wire.free_port()}/") as running:
            answer = running.packument("anything")
            self.assertEqual(answer.status, 503, answer)
            self.assertTrue(answer.error().startswith("npm-gate: "))
            self.assertTrue(answer.header("retry-after"))

    def test_without_a_file(self):
        """Defaults only: upstream from the environment, data in the working folder, the built-in policy."""
        package = Package("plain", [Release("1.0.0", published=days_ago(300))])
        with FixtureRegistry([package]) as registry:
            port = wire.free_port()
            # 4874, the default admin port, is not free if another gate runs: then the exit says so and the test is moot.
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", 4874)) == 0:
                    self.skipTest("the default admin port is in use on this machine")
            environment = gate.environment(NPM_CONFIG_REGISTRY=registry.url)
            with subprocess.Popen([str(gate.binary()), "serve", "--listen", f"127.0.0.1:{port}"], cwd=self.folder, env=environment,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                try:
                    url = f"http://127.0.0.1:{port}/"
                    self.assertTrue(wire.eventually(lambda: self.answers(url, process), gate.READY_SECONDS))
                    self.assertEqual(list(wire.send(url, "/plain").json()["versions"]), ["1.0.0"])
                    self.assertTrue((self.folder / "npm-gate-data").is_dir())
                finally:
                    process.terminate()
                self.assertEqual(process.wait(gate.STOP_SECONDS), 0)

    def answers(self, url, process):
        """Whether the gate is up; stops waiting where it ended."""
        if process.poll() is not None:
            self.fail(f"ended with {process.returncode}")
        try:
            return wire.send(url, "/-/ping", timeout=5).status
        except OSError:
            return False

    def every_help(self, command):
        """(command, its help) of a command and all below it."""
        done = gate.run(*command, "--help")
        self.assertEqual(done.returncode, 0, done.stderr)
        yield command, done.stdout
        for name in re.findall(r"^  (\w+) ", done.stdout.partition("Subcommands:")[2], re.MULTILINE):
            yield from self.every_help((*command, name))

    def test_listings_and_help(self):
        """Every command explains itself, and version knows its libraries."""
        done = gate.run("--help")
        self.assertEqual(done.returncode, 0, done.stderr)
        for command in ("serve", "init", "inspect", "policy", "explain", "quarantine", "downloads", "log", "token", "certs",
                        "version"):
            with self.subTest(command=command):
                self.assertRegex(done.stdout, rf"\n  {command} ")
                self.assertEqual(gate.run(command, "--help").returncode, 0)
        for command, text in self.every_help(()):
            for line in re.findall(r"^  (?=[^ ])(.*(?:\n {10,}.*)?)", text.split("Subcommands:")[0], re.MULTILINE):
                with self.subTest(command=command, line=line):
                    self.assertRegex(line, r"^\S.*(?:  |\n) *\S", "an option that says nothing")
        version = gate.run("version")
        self.assertEqual(version.returncode, 0)
        self.assertIn("libarchive", version.stdout)

    def test_init_writes_what_serve_reads(self):
        """A fresh pair of files is valid as it is."""
        done = gate.run("init", self.folder / "fresh", cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(os.listdir(self.folder / "fresh")), ["gate.yaml", "policy.yaml"])
        checked = gate.run("policy", "check", self.folder / "fresh" / "policy.yaml")
        self.assertEqual(checked.returncode, 0, checked.stderr + checked.stdout)


if __name__ == "__main__":
    case.main()
