#!/usr/bin/env python3
"""The gate and its inspection workers as an operator sees them: the log, the processes, a worker that is killed, a gate that is."""

import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import gate
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate


def children(pid):
    """The processes that a process has started and that still run."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text().split()]
    return found


def runs(pid):
    """Whether a process is there and not a zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def status(pid, name):
    """One value of /proc/PID/status."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith(name + ":"))


class Sandbox(case.EndToEnd):
    """A gate of its own for each."""

    def setUp(self):
        releases = [Release(f"1.{minor}.0", published=days_ago(300 - minor)) for minor in range(6)]
        self.registry = self.enterContext(FixtureRegistry([Package("steady", releases)]))

    def workers(self, running, count=2):
        """The worker processes, once there are `count` and all are confined."""
        def ready():
            pids = children(running.process.pid)
            return len(pids) == count and all(status(pid, "Seccomp") == "2" for pid in pids)

        self.assertTrue(wire.eventually(ready, 60), running.log_end())
        return children(running.process.pid)

    def test_workers_are_confined_and_named(self):
        """The log says what holds them, and the kernel agrees."""
        with Gate(self.registry.url) as running:
            self.assertIn("sandbox=seccomp", running.log().replace('"', ""))
            for pid in self.workers(running):
                self.assertEqual(status(pid, "NoNewPrivs"), "1")
                self.assertEqual(int(status(pid, "CapEff"), 16), 0)
                if os.geteuid() == 0:  # nobody else may look: it is not dumpable
                    self.assertNotIn(b"PATH=", pathlib.Path(f"/proc/{pid}/environ").read_bytes())
            self.assertEqual(running.tarball("steady", "1.0.0").status, 200)
        version = gate.run("version")
        self.assertIn("sandbox seccomp", version.stdout)

    def test_killed_workers_are_replaced(self):
        """Whoever kills them; every release is served all the same."""
        with Gate(self.registry.url) as running:
            for minor in range(6):
                before = self.workers(running)
                os.kill(before[minor % 2], signal.SIGKILL)
                self.assertEqual(running.tarball("steady", f"1.{minor}.0").status, 200)
            self.workers(running)

    def test_workers_end_with_the_gate(self):
        """Also where the gate had no time to tell them."""
        with Gate(self.registry.url) as running:
            workers = self.workers(running)
            running.kill()
            self.assertTrue(wire.eventually(lambda: not any(runs(pid) for pid in workers), 30))

    def test_without_sandbox(self):
        """`sandbox: false` inspects in the gate, and says so."""
        with Gate(self.registry.url, settings={"inspection": {"sandbox": False}}) as running:
            self.assertEqual(running.tarball("steady", "1.0.0").status, 200)
            self.assertEqual(children(running.process.pid), [])
            self.assertIn("sandbox=off", running.log().replace('"', ""))


if __name__ == "__main__":
    case.main()
