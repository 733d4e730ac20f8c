#!/usr/bin/env python3
"""Operating a gate: doctor, cache, backup and restore, retention of the ledger, the limit on tarballs, and the self-test package."""

import hashlib
import json
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import gate as program
import wire
from clients import Project, marker_script
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

POLICY = "version: 1\nrules: [ { id: hooks, when: { finding: [install-script-added] }, then: quarantine } ]\n"
HOOK = {"manifest": {"scripts": {"postinstall": "node setup.js"}}, "files": {"setup.js": marker_script("hook")}}


# Two KiB that do not compress away.
NOISE = {"noise.txt": "".join(hashlib.sha256(bytes([i])).hexdigest() for i in range(64))}


def left():
    """A good version, a held one, one that an admin will approve."""
    return Package("left", [Release("1.0.0", published=days_ago(300), files=NOISE), Release("1.1.0", published=days_ago(20), **HOOK),
                            Release("2.0.0", published=days_ago(10), **HOOK)])


class Operating(case.EndToEnd):
    """Commands beside a running gate."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.registry = self.enterContext(FixtureRegistry([left()]))

    def admin(self, gate, *words, token, code=0):
        """A command that talks to the admin API."""
        done = program.run(*words, "--admin", gate.admin_url, env=program.environment(NPM_GATE_TOKEN=token))
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def downloads(self, gate):
        """The ledger of left."""
        return [json.loads(line) for line in gate.command("downloads", "left", "--json").stdout.splitlines()]

    def doctor(self, gate, code):
        """{check: row} of `doctor --json`."""
        done = gate.command("doctor", "--json")
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return {row["check"]: row for row in json.loads(done.stdout)}

    def test_doctor(self):
        """Healthy: 0. Every problem has a fix; a broken configuration is 2."""
        with Gate(self.registry.url, POLICY, settings={"signatures": {"provenance": "verified"}}) as gate:
            rows = self.doctor(gate, 0)
            self.assertIn("@sigstore/tuf", rows["trusted root"]["message"])
            self.assertEqual({row["result"] for name, row in rows.items() if name not in ("disk", "open files", "sandbox")}, {"ok"}, rows)
            self.assertGreaterEqual(set(rows), {"policy", "data", "disk", "upstream public", "clock", "gate", "clients"})
            gate.policy_file.write_text("version: 1\nrules: 7\n")
            self.registry.fault("/-/ping", "status", status=401)
            rows = self.doctor(gate, 1)
            self.assertEqual({name for name, row in rows.items() if row["result"] == "problem"}, {"policy", "upstream public"})
            self.assertIn("policy.yaml:2:", rows["policy"]["message"])
            self.assertIn("token", rows["upstream public"]["fix"])
            for row in rows.values():
                self.assertEqual(bool(row["fix"]), row["result"] != "ok", row)
            text = gate.command("doctor").stdout
            self.assertIn("problem  policy", text)
            gate.policy_file.write_text(POLICY)
            gate.stop()
            self.registry.stop()
            rows = self.doctor(gate, 1)
            self.assertEqual(rows["gate"]["result"], "warning")
            self.assertIn("cannot connect", rows["upstream public"]["message"])
            open_admin = gate.config_file.read_text().replace('admin: {"address": "127.0.0.1"', 'admin: {"address": "0.0.0.0"')
            gate.config_file.write_text(open_admin + 'access: {"clients": "token"}\npublic_url: "http://npm.corp.example/"\n')
            rows = self.doctor(gate, 1)
            for check in ("admin tokens", "client tokens"):
                self.assertEqual(rows[check]["result"], "warning")
            gate.config_file.write_text("listne: 1\n")
            self.assertEqual(gate.command("doctor").returncode, 2)

    def test_cache(self):
        """refresh and purge as commands; install and review tokens may not."""
        with Gate(self.registry.url, POLICY) as gate:
            tokens = {scope: gate.command("token", "create", scope, "--scope", scope).stdout.strip() for scope in ("review", "admin")}
            gate.tarball("left", "1.0.0")
            gate.tarball("left", "1.1.0")
            self.assertIn("3 versions", self.admin(gate, "cache", "refresh", "left", token=tokens["admin"]).stdout)
            done = self.admin(gate, "cache", "purge", "left", token=tokens["admin"])
            self.assertIn("left@1.0.0: pinned", done.stdout)
            self.assertIn("scope review", self.admin(gate, "cache", "purge", "left", token=tokens["review"], code=2).stderr)
            self.admin(gate, "cache", "purge", "left", token="ngt_wrong", code=2)
            self.admin(gate, "cache", "purge", "../x", token=tokens["admin"], code=2)
            self.admin(gate, "cache", "refresh", "nobody", token=tokens["admin"], code=1)
            self.registry.stop()
            self.admin(gate, "cache", "refresh", "left", token=tokens["admin"], code=3)

    def test_backup_and_restore(self):
        """A copy while running, a kill, a restore elsewhere: the same verdicts, pins, approvals and tokens; no other bytes."""
        copy = self.folder / "state.backup"
        with Gate(self.registry.url, POLICY) as gate:
            token = gate.command("token", "create", "reviewer", "--scope", "review").stdout.strip()
            for version in ("1.0.0", "1.1.0", "2.0.0"):
                gate.tarball("left", version)
            self.admin(gate, "quarantine", "approve", "left@2.0.0", "--reason", "read the hook", token=token)
            self.assertEqual([gate.tarball("left", v).status for v in ("1.0.0", "1.1.0", "2.0.0")], [200, 403, 200])
            self.assertTrue(wire.eventually(lambda: len(self.downloads(gate)) == 2))
            done = gate.command("backup", copy)
            self.assertEqual(done.returncode, 0, done.stderr)
            gate.kill()
        # Meanwhile the upstream has other bytes under a version that was served.
        self.registry.republish("left", "1.0.0", files={"index.js": "module.exports = 'other';\n"})
        with Gate(self.registry.url, POLICY) as gate:
            gate.stop()
            for name in ("state.db", "state.db-wal", "state.db-shm"):
                (gate.data / name).unlink(missing_ok=True)
            shutil.copyfile(copy, gate.data / "state.db")
            gate.exit_code = None
            gate.start()
            self.assertEqual(gate.tarball("left", "2.0.0").status, 200)
            self.assertEqual(gate.tarball("left", "1.1.0").status, 403)
            self.assertNotEqual(gate.tarball("left", "1.0.0").status, 200)
            rows = json.loads(self.admin(gate, "quarantine", "show", "left@2.0.0", "--json", token=token).stdout)
            self.assertEqual(rows["verdict"]["action"], "allow")
            self.assertGreaterEqual(len(self.downloads(gate)), 2)

    def test_retention(self):
        """Old entries of the ledger, and of what was served in the trail, go when the gate tidies; the rest of the trail stays."""
        with Gate(self.registry.url, POLICY) as gate:
            gate.tarball("left", "1.0.0")
            self.assertTrue(wire.eventually(lambda: len(self.downloads(gate)) == 1))
            gate.restart()
            self.assertEqual(len(self.downloads(gate)), 1)
            gate.settings = {"ledger": {"keep": "1ms"}}
            gate.restart()
            self.assertTrue(wire.eventually(lambda: not self.downloads(gate)))
            self.assertEqual(gate.command("log", "--kind", "served", "--json").stdout.splitlines(), [])
            self.assertTrue(wire.eventually(lambda: len(gate.command("log", "--kind", "policy-loaded", "--json").stdout.splitlines()) == 3))

    def test_limit_on_tarballs(self):
        """What was never served makes room first, and is enough."""
        def blobs(gate):
            return sorted(path.stat().st_size for path in (gate.data / "tarballs").rglob("*") if path.is_file())

        with Gate(self.registry.url, POLICY) as gate:
            for version in ("1.0.0", "1.1.0", "2.0.0"):
                gate.tarball("left", version)
            self.assertEqual(len(blobs(gate)), 3)
            gate.settings = {"storage": {"path": str(gate.data), "tarballs": {"max_size": max(blobs(gate))}}}
            gate.restart()
            self.assertTrue(wire.eventually(lambda: len(blobs(gate)) == 1), blobs(gate))
            self.assertEqual(gate.tarball("left", "1.0.0").status, 200)
            self.assertEqual(gate.tarball("left", "1.1.0").status, 403)
            self.assertEqual(self.registry.seen("/left/-/left-1.0.0.tgz")[1:], [])

    def test_served_tarballs_that_the_upstream_has_make_room(self):
        """Beyond the limit a pinned tarball goes that can be fetched again as the same bytes; one that was replaced or taken back stays."""
        def releases(*versions, more=""):
            return Package("room", [Release(version, days_ago(300), files={**NOISE, "index.js": f"// {version}{more}\n"}) for version in versions])

        with FixtureRegistry([releases("1.0.0", "1.1.0", "1.2.0")]) as registry, Gate(registry.url, "version: 1\n", {"packuments": {"fresh": "1ms"}}) as gate:
            bodies = {version: gate.tarball("room", version).body for version in ("1.0.0", "1.1.0", "1.2.0")}
            changed = releases("1.0.0", "1.1.0")
            changed.releases[1].files["index.js"] = "// other bytes\n"
            registry.add(changed)
            self.assertTrue(wire.eventually(lambda: "1.2.0" not in gate.packument("room").json()["versions"]))
            gate.settings["storage"] = {"path": str(gate.data), "tarballs": {"max_size": "1KiB"}}
            gate.restart()
            self.assertTrue(wire.eventually(lambda: len(list((gate.data / "tarballs").rglob("??*"))) and "trimmed" in gate.log()))
            self.assertEqual(len([path for path in (gate.data / "tarballs").rglob("*") if path.is_file()]), 2, gate.log_end())
            self.assertIn("pinned tarballs that the upstream may not have", gate.log())
            for version, body in bodies.items():
                self.assertEqual(gate.tarball("room", version).body, body, version)
            self.assertEqual(len(registry.seen("/room/-/room-1.0.0.tgz")), 2)

    def test_self_test(self):
        """The page says how, and a real install shows the refusal; no upstream hears of it."""
        with Gate(self.registry.url, POLICY) as gate:
            page = gate.get("/-/npm-gate/self-test").json()
            self.assertEqual((page["name"], page["verdict"]), ("npm-gate-self-test", "quarantine"))
            html = gate.get("/-/npm-gate/self-test", {"Accept": "text/html"})
            self.assertIn(page["name"].encode(), html.body)
            for path in ("/npm-gate-self-test", "/npm-gate-self-test/-/npm-gate-self-test-1.0.0.tgz", "/npm-gate-self-test/latest"):
                self.assert_refused(gate.get(path), "quarantined", "self-test")
            for client in case.installed_clients("npm11", "yarn1"):
                with self.subTest(client.name), Project(client, gate.url) as project:
                    result = project.install({page["name"]: page["version"]})
                    self.say(result.text.strip().splitlines()[:3])
                    self.assertNotEqual(result.code, 0)
                    self.assertIn("is quarantined", result.text)
                    self.assertIn("the gate's own test package", result.text)
            self.assertEqual(self.registry.seen("*self-test*"), [])
            trail = wire.eventually(lambda: gate.command("log", "--kind", "refused", "--json").stdout.splitlines())
            self.assertIn("npm-gate-self-test", trail[0])


if __name__ == "__main__":
    case.main()
