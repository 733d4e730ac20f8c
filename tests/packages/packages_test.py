#!/usr/bin/env python3
"""What ships starts: the Debian package installed, started by systemd with the unit's own restrictions, used by a real client, upgraded and
removed in a clean Debian; the program on the container file's packages alone; the unit as systemd reads it."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
# pylint: disable=wrong-import-position
import case
import debian
import gate
import wire
from clients import Project
from fixture_registry import FixtureRegistry, Package, Release, days_ago, held_package

EXPOSED_AT_MOST = 2.0  # systemd-analyze security: 0 is best, 10 worst


def deb(folder, version):
    """The package of the program under test, as `version`."""
    build = gate.binary().parent
    made = subprocess.run(["cpack", "-G", "DEB", "--config", build / "CPackConfig.cmake", "-B", folder / version,
                           "-D", f"CPACK_PACKAGE_VERSION={version}"], capture_output=True, text=True, cwd=build, timeout=600, check=False)
    if made.returncode != 0:
        raise AssertionError(made.stdout + made.stderr)
    (found,) = (folder / version).glob("*.deb")
    return found


class Packages(case.EndToEnd):
    """A registry on loopback that the containers reach."""

    def setUp(self):
        missing = debian.why()
        if missing:
            self.skipTest(f"needs {missing}")
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.registry = self.enterContext(FixtureRegistry([
            Package("left", [Release("1.0.0", days_ago(300)), Release("1.1.0", days_ago(200))]), held_package("held")]))
        self.port, self.admin_port = wire.free_port(), wire.free_port()

    def configure(self, container):
        """What an admin does after the installation; only the ports are the test's."""
        done = container.run("npm-gate", "init", "/etc/npm-gate", "--upstream", self.registry.url)
        self.assertIn("answers", done.stdout)
        text = container.run("cat", "/etc/npm-gate/gate.yaml").stdout
        self.assertIn('"/var/lib/npm-gate"', text)
        container.write("/etc/npm-gate/gate.yaml", text.replace("4873", str(self.port)).replace("4874", str(self.admin_port)))
        self.assertIn("good", container.run("npm-gate", "check", "--config", "/etc/npm-gate/gate.yaml").stdout)

    def answers(self):
        """Waits until the gate is ready."""
        def ready():
            try:
                return wire.send(f"http://127.0.0.1:{self.admin_port}/", "/readyz").status == 200
            except OSError:
                return False
        return wire.eventually(ready, limit=60.0)

    def use(self):
        """A real client installs through it, and what is held stays out."""
        url = f"http://127.0.0.1:{self.port}/"
        with Project(case.installed_clients("npm11")[0], url) as project:
            result = project.install({"left": "^1.0.0", "held": "*"})
            self.assertEqual((result.code, result.versions), (0, {"left": "1.1.0", "held": "1.0.0"}), result.text)

    def test_debian_package(self):
        """Installed, started, used, upgraded, removed; state and configuration stay."""
        first, second = deb(self.folder, "0.1.0"), deb(self.folder, "0.1.1")
        with debian.Container(boot=True, bind={self.folder: "/packages"}) as container:
            inside = [f"/packages/{path.relative_to(self.folder)}" for path in (first, second)]
            container.run("apt-get", "-q", "install", "-y", "--no-install-recommends", inside[0])
            self.assertEqual(container.run("systemctl", "is-active", "npm-gate", check=False).stdout.strip(), "inactive")
            files = container.run("dpkg", "-L", "npm-gate").stdout
            for path in ("/usr/bin/npm-gate", "/usr/share/man/man1/npm-gate.1.gz", "/usr/share/bash-completion/completions/npm-gate",
                         "/usr/share/zsh/vendor-completions/_npm-gate", "/usr/share/fish/vendor_completions.d/npm-gate.fish",
                         "/usr/share/doc/npm-gate/copyright", "/usr/share/doc/npm-gate/THIRD-PARTY-NOTICES.md",
                         "/usr/share/doc/npm-gate/CHANGELOG.md", "/usr/share/doc/npm-gate/SECURITY.md"):
                self.assertIn(path + "\n", files)
            self.assertRegex(container.run("npm-gate", "--version").stdout, r"^npm-gate \d+\.\d+\.\d+ \(commit [0-9a-f]{12}")
            verified = container.run("systemd-analyze", "verify", "/usr/lib/systemd/system/npm-gate.service")
            self.assertEqual(verified.stdout + verified.stderr, "")
            self.configure(container)
            container.run("systemctl", "enable", "--now", "npm-gate")
            self.assertTrue(self.answers(), container.run("journalctl", "--no-pager", "-u", "npm-gate", check=False).stdout)
            exposure = container.run("systemd-analyze", "security", "--no-pager", "npm-gate.service").stdout
            score = float(re.search(r"Overall exposure level for npm-gate.service: ([0-9.]+)", exposure).group(1))
            self.say("systemd-analyze security", score)
            self.assertLessEqual(score, EXPOSED_AT_MOST, exposure)
            log = container.run("journalctl", "--no-pager", "-u", "npm-gate").stdout
            self.assertIn("seccomp", log)
            self.use()
            owner = container.run("stat", "-c", "%U %a", "/var/lib/npm-gate/state.db").stdout.split()
            self.assertEqual(owner, ["npm-gate", "600"])
            # Upgrade: the running one is replaced, what was decided stays.
            pid = container.run("systemctl", "show", "-p", "MainPID", "npm-gate").stdout
            container.run("apt-get", "-q", "install", "-y", "--no-install-recommends", inside[1])
            self.assertNotEqual(container.run("systemctl", "show", "-p", "MainPID", "npm-gate").stdout, pid)
            self.assertTrue(self.answers())
            served = container.run("npm-gate", "log", "left@1.1.0", "--json", "--config", "/etc/npm-gate/gate.yaml", user="npm-gate").stdout
            self.assertIn('"served"', served)
            self.use()
            # Removed: nothing runs, nothing is lost.
            container.run("apt-get", "-q", "remove", "-y", "npm-gate")
            self.assertNotEqual(container.run("test", "-e", "/usr/bin/npm-gate", check=False).returncode, 0)
            self.assertNotEqual(container.run("pgrep", "-x", "npm-gate", check=False).stdout, pid)
            for path in ("/etc/npm-gate/gate.yaml", "/etc/npm-gate/policy.yaml", "/var/lib/npm-gate/state.db"):
                container.run("test", "-s", path)
            container.run("apt-get", "-q", "purge", "-y", "npm-gate")
            container.run("test", "-s", "/var/lib/npm-gate/state.db")

    def test_container_file(self):
        """The packages that it names are enough, the steps work, and its health check sees the gate live and die."""
        text = (ROOT / "examples" / "Containerfile").read_text().replace("\\\n", " ")
        stage = text[text.index("FROM debian:12-slim"):]
        install, user = re.findall(r"^RUN (.*)$", stage, re.MULTILINE)
        health = json.loads(re.search(r"^HEALTHCHECK .*? CMD (\[.*\])$", stage, re.MULTILINE).group(1))
        ignored = (ROOT / ".dockerignore").read_text().split()
        self.assertTrue({"build", ".git"} <= set(ignored))
        with debian.Container(bind={gate.binary().parent: "/built"}) as container:
            container.run("sh", "-ec", install)
            container.run("cp", "/built/npm-gate", "/usr/local/bin/")
            missing = [line for line in container.run("ldd", "/usr/local/bin/npm-gate").stdout.splitlines() if "not found" in line]
            self.assertEqual(missing, [])
            container.run("sh", "-ec", user)
            self.configure_image(container)
            command = ["setpriv", "--reuid=npm-gate", "--regid=npm-gate", "--clear-groups", "npm-gate", "serve", "--config",
                       "/etc/npm-gate/gate.yaml"]
            container.run("sh", "-c", "cd /var/lib/npm-gate && " + " ".join(command) + " > /tmp/log 2>&1 & echo $! > /tmp/pid")
            self.assertTrue(self.answers(), container.run("cat", "/tmp/log").stdout)
            self.use()
            check = [word.replace("4874", str(self.admin_port)) for word in health]
            container.run(*check, user="npm-gate")
            container.run("sh", "-c", "kill $(cat /tmp/pid)")
            self.assertTrue(wire.eventually(lambda: container.run(*check, user="npm-gate", check=False).returncode != 0))

    def configure_image(self, container):
        """As for a machine; the paths are the same."""
        container.run("mkdir", "-p", "/etc/npm-gate")
        self.configure(container)


if __name__ == "__main__":
    case.main()
