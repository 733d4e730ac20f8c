#!/usr/bin/env python3
"""What the lines of a release cost: diff.py NAME OLD_VERSION OLD.tgz NEW_VERSION NEW.tgz

Starts a gate (NPM_GATE_BINARY, an optimised build) before a registry that has these two tarballs, inspects the newer release, then asks for its
diff as the desk does. Prints wall-clock seconds of the answer, CPU seconds of the inspection workers for it, and the largest resident size that
a worker reached. The second answer comes from memory.
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))
# pylint: disable=wrong-import-position
import os

import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

MIB = 1024 * 1024


def workers(gate):
    """Process ids of the inspection workers."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if b"--inspection-worker" in command and int(parent) == gate.process.pid:
            found.append(int(folder.name))
    return found


def cpu(pids):
    """User and system seconds so far."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def peak(pids):
    """The largest resident size of one of them."""
    sizes = []
    for pid in pids:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        sizes.append(next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")))
    return max(sizes, default=0)


def main():
    """One pair."""
    name, old, old_file, new, new_file = sys.argv[1:6]
    with FixtureRegistry() as registry:
        registry.add(Package(name, [Release(old, days_ago(300), tarball=pathlib.Path(old_file).read_bytes()),
                                    Release(new, days_ago(2), tarball=pathlib.Path(new_file).read_bytes())]))
        with Gate(registry.url, settings={"inspection": {"timeout": "10m", "workers": 1}}) as gate:
            token = gate.command("token", "create", "bench", "--scope", "review").stdout.strip()
            path = f"/api/v1/releases/{name}/{new}"
            headers = {"Authorization": f"Bearer {token}"}
            inspected = wire.send(gate.admin_url, path, headers=headers, timeout=600)
            assert inspected.status == 200, inspected
            pids = workers(gate)
            for pid in pids:
                pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
            before, started = cpu(pids), time.monotonic()
            answer = wire.send(gate.admin_url, path + "/diff", headers=headers, timeout=600)
            wall, used = time.monotonic() - started, cpu(pids) - before
            assert answer.status == 200, answer
            started = time.monotonic()
            wire.send(gate.admin_url, path + "/diff", headers=headers, timeout=600)
            files = answer.json()["files"]
            print(f"{name} {old} -> {new}: {len(files)} files shown, {wall:.2f} s, {used:.2f} CPU-s in the sandbox, "
                  f"{peak(pids) / MIB:.0f} MiB in a worker, again {time.monotonic() - started:.3f} s")


if __name__ == "__main__":
    main()
