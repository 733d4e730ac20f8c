#!/usr/bin/env python3
"""Bombs through a gate that has 1 GiB of address space: refused, in bounded time and memory, and nobody else waits for it.

The limit holds for the gate and for each of its workers (they inherit it): threads' stacks and malloc arenas count in it, pages
that are never touched too, so it is stricter than a limit of memory.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import bombs
import case
import gate
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

ADDRESS_SPACE_KIB = 1 << 20
# What the gate's own memory may reach; the bombs unpack to up to 512 MiB each. Measured: 22 MiB.
GATE_PEAK_KIB = 200 << 10
# A request of the good client may take this many times as long as before, in the median. On two cores it shares them with the
# workers, the fixture registry and this test.
SLOWER = 25
# The limits are meant here, not the deadline: a loaded machine under a sanitizer takes its time.
PATIENCE = 100
ENTRIES = 1_000_000

# name -> (tarball, the rule that its refusal names)
BOMBS = {
    "ratio-1000": (lambda: bombs.zeros(256 * bombs.MIB), "limit-ratio"),
    "sparse-1e12": (bombs.sparse, "tar-type"),
    "many-entries": (lambda: bombs.many_entries(ENTRIES), "limit-"),
    "deep-json": (lambda: bombs.deep_json(100_000), "package.json"),
    "long-name": (lambda: bombs.long_name(4 * bombs.MIB), "limit-pax"),
    "huge-package-json": (lambda: bombs.huge_package_json(100 * bombs.MIB), "package.json"),
    "claimed-pax": (lambda: bombs.claimed_pax(1 << 30), "tar-truncated"),
    "claimed-file": (lambda: bombs.claimed_file((1 << 33) - 1), "tar-truncated"),
}


def limited_program(folder):
    """A program that is npm-gate under the limit."""
    wrapper = pathlib.Path(folder) / "npm-gate-limited"
    wrapper.write_text(f'#!/bin/sh\nulimit -v {ADDRESS_SPACE_KIB}\nexec "{gate.binary()}" "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


def peak_kib(pid):
    """VmHWM: the most memory a process ever had in RAM."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


class Bombs(case.EndToEnd):
    """One gate under the limit, all bombs at once, a good client beside them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        wrapper = limited_program(folder)
        tried = subprocess.run([wrapper, "version"], capture_output=True, text=True, check=False)
        if tried.returncode != 0:  # a sanitizer reserves more than there is
            raise case.unittest.SkipTest("this build does not start under a limit of its address space")
        before = os.environ.get("NPM_GATE_BINARY")
        os.environ["NPM_GATE_BINARY"] = str(wrapper)
        cls.addClassCleanup(lambda: os.environ.update(NPM_GATE_BINARY=before) if before else os.environ.pop("NPM_GATE_BINARY"))
        packages = [Package("good", [Release("1.0.0", published=days_ago(300))])]
        for name, (make, _) in BOMBS.items():
            package_json = {"name": name, "version": "1.0.0"}
            packages.append(Package(name, [Release("1.0.0", published=days_ago(300), manifest=package_json, tarball=make())]))
        cls.registry = cls.enterClassContext(FixtureRegistry(packages))

    def latencies(self, running, until):
        """Seconds of each request of the good client, one after another, until told to stop."""
        seen = []
        while not until() or len(seen) < 50:
            start = time.monotonic()
            self.assertEqual(running.tarball("good", "1.0.0").status, 200)
            seen.append(time.monotonic() - start)
        return seen

    def test_bombs(self):
        """All at once: the gate refuses each, keeps its size, and serves others meanwhile."""
        with Gate(self.registry.url, settings={"inspection": {"workers": 2, "timeout": f"{PATIENCE}s"}}) as running:
            self.latencies(running, lambda: True)
            alone = self.latencies(running, lambda: True)
            answers = {}

            def throw(name):
                # A 503 says that it takes longer than clients wait; the inspection goes on.
                end = time.monotonic() + 300
                while time.monotonic() < end:
                    answers[name] = running.get(f"/{name}/-/{name}-1.0.0.tgz", timeout=PATIENCE + 60)
                    if answers[name].status != 503:
                        return
                    time.sleep(0.2)

            throwers = [threading.Thread(target=throw, args=(name,)) for name in BOMBS]
            for thrower in throwers:
                thrower.start()
            beside = self.latencies(running, lambda: not any(thrower.is_alive() for thrower in throwers))
            for name, (_, rule) in BOMBS.items():
                with self.subTest(bomb=name):
                    self.say(name, answers[name].error())
                    self.assert_refused(answers[name], rule)
            peak = peak_kib(running.process.pid)
            ratio = statistics.median(beside) / statistics.median(alone)
            self.say(f"gate's peak {peak >> 10} MiB; a good client's median {ratio:.1f}x while {len(BOMBS)} bombs are inspected",
                     f"({len(beside)} requests)")
            self.assertLess(peak, GATE_PEAK_KIB)
            self.assertLess(ratio, SLOWER)
            self.assertEqual(running.versions("ratio-1000"), [])


if __name__ == "__main__":
    case.main()
