#!/usr/bin/env python3
"""Mixed load with faults against one gate, bounded in time.

    soak.py [--seconds N]      20 minutes without; prints what was asked and seen; exit 1 for a wrong answer, a leak or a process that ended

Good packages must be served with exactly their bytes or, while the upstream misbehaves, be told as unavailable; what is blocked must never leave.
Meanwhile the upstream fails in every way that the fixture knows, policies change, releases are rejected, clients go in the middle of an answer
and send what is no request, and a release is published every now and then. Memory and descriptors are read at a fifth of the time and at the
end.
"""

import argparse
import collections
import hashlib
import os
import pathlib
import random
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import gate as program
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, environment, run

PACKAGES = 60
THREADS = 6
POLICY = "version: 1\nrules:\n  - {{ id: bad, when: {{ package: {bad} }}, then: block }}\n  - {{ id: edit-{edit}, when: {{ package: never-{edit} }}, then: warn }}\n"
BAD = "[bad-0, bad-1, bad-2]"
# How the upstream misbehaves, a few seconds each.
FAULTS = [("status", {"status": 503}), ("status", {"status": 429}), ("wrong-bytes", {}), ("truncated", {}), ("reset", {}), ("garbage", {}),
          ("close", {}), ("body", {"body": b"<html>sign in</html>"})]
# A release whose tarball came wrong twice in a row is refused until it is fetched again, after 5 s and then 10 s.
REFETCHED = 15
RUDE = [b"", b"GET /p1", b"\x16\x03\x01", b"GET / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n" * 50]


class Soak:
    """What the threads share."""

    def __init__(self, gate, registry, seconds):
        self.gate, self.registry, self.until = gate, registry, time.monotonic() + seconds
        self.lock, self.counts, self.wrong = threading.Lock(), collections.Counter(), []
        self.rejected = set()
        self.wrong_bytes_until = 0.0
        self.random = random.Random(16)

    def over(self):
        """Whether the time is up."""
        return time.monotonic() > self.until

    def note(self, kind, right, what):
        """One answer."""
        with self.lock:
            self.counts[kind] += 1
            if not right:
                self.wrong.append(f"{kind}: {what}")

    def unavailable(self, answer):
        """Whether it is told as what it is: not to be had now, or, while and just after other bytes come, that those are refused."""
        came_wrong = answer.status == 403 and b"the bytes do not match" in answer.body and time.monotonic() < self.wrong_bytes_until
        return answer.status in (502, 503, 504) or came_wrong

    def good_tarball(self, name, version):
        """Exactly its bytes, or unavailable."""
        answer = self.gate.tarball(name, version)
        expected = self.registry.tarball(name, version)
        right = answer.body == expected if answer.status == 200 else self.unavailable(answer)
        self.note(f"tarball {answer.status}", right, f"{name}@{version} {answer!r}")

    def good_packument(self, name):
        """A document of the right name, or unavailable."""
        answer = self.gate.packument(name)
        right = answer.json()["name"] == name if answer.status == 200 else self.unavailable(answer)
        self.note(f"packument {answer.status}", right, f"{name} {answer!r}")

    def bad(self, name):
        """Never its bytes."""
        answer = self.gate.tarball(name, "1.0.0")
        self.note(f"blocked {answer.status}", answer.status in (403, 502, 503, 504), f"{name} {answer!r}")

    def rejected_one(self):
        """What was rejected stays away."""
        with self.lock:
            name = self.random.choice(sorted(self.rejected)) if self.rejected else None
        if name:
            answer = self.gate.tarball(name, "1.0.0")
            self.note(f"rejected {answer.status}", answer.status in (403, 502, 503, 504), f"{name} {answer!r}")

    def rude(self):
        """A client that goes in the middle, or sends what is no request."""
        with socket.create_connection(("127.0.0.1", self.gate.port), timeout=10) as peer:
            whole = f"GET /p1/-/p1-1.0.0.tgz HTTP/1.1\r\nHost: 127.0.0.1:{self.gate.port}\r\n\r\n".encode()
            peer.sendall(self.random.choice([*RUDE, whole, whole[:30]]))
        self.note("rude", True, "")

    def audit(self):
        """An audit names what is refused."""
        answer = self.gate.send("/-/npm/v1/security/advisories/bulk", "POST", {"Content-Type": "application/json"}, b'{"p1":["1.0.0"],"no-such-name":["1.0.0"]}')
        self.note(f"audit {answer.status}", answer.status in (200, 404, 424, 502, 503), repr(answer))

    def client(self):
        """One thread of mixed requests."""
        while not self.over():
            number = self.random.randrange(PACKAGES)
            dice = self.random.random()
            try:
                if dice < 0.45:
                    self.good_tarball(f"p{number}", "1.0.0")
                elif dice < 0.75:
                    self.good_packument(f"p{number}")
                elif dice < 0.82:
                    self.bad(f"bad-{number % 3}")
                elif dice < 0.87:
                    self.rejected_one()
                elif dice < 0.92:
                    self.rude()
                elif dice < 0.95:
                    self.audit()
                else:
                    answer = self.gate.get(f"/unknown-{number}")
                    self.note(f"unknown {answer.status}", answer.status in (404, 502, 503, 504), repr(answer))
            except OSError as error:
                self.note("connection", False, repr(error))

    def trouble(self):
        """Faults of the upstream, edits of the policy, rejections and new releases, one after another."""
        token = self.gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        turn = 0
        while not self.over():
            kind, more = FAULTS[turn % len(FAULTS)]
            self.registry.faults.clear()
            if kind == "wrong-bytes":
                self.wrong_bytes_until = time.monotonic() + 2 + REFETCHED
            self.registry.fault("*", kind, **more)
            time.sleep(2)
            self.registry.faults.clear()
            new = self.gate.base / "policy.new"
            new.write_text(POLICY.format(bad=BAD, edit=turn))
            new.rename(self.gate.policy_file)
            name = f"late-{turn}"
            self.registry.add(package(name))
            self.gate.tarball(name, "1.0.0")
            done = run("quarantine", "reject", f"{name}@1.0.0", "--reason", "soak", "--admin", self.gate.admin_url, env=environment(NPM_GATE_TOKEN=token))
            if done.returncode == 0:
                with self.lock:
                    self.rejected.add(name)
            self.note(f"rejection {done.returncode}", True, "")
            time.sleep(2)
            turn += 1


def package(name):
    """One old release of some KiB."""
    noise = hashlib.sha256(name.encode()).hexdigest() * 200
    return Package(name, [Release("1.0.0", published=days_ago(300), files={"noise.txt": noise})])


def state(gate):
    """Resident MiB and descriptors."""
    return gate.memory_from_now() >> 20, len(os.listdir(f"/proc/{gate.process.pid}/fd"))


def main():
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=1200)
    seconds = parser.parse_args().seconds
    if program.binary() is None:
        print("npm-gate is not built")
        return 77
    packages = [package(f"p{n}") for n in range(PACKAGES)] + [package(f"bad-{n}") for n in range(3)]
    settings = {"log": {"level": "warn"}, "packuments": {"fresh": "2s", "stale": "10m"}, "storage": {"memory": "16MiB"}}
    with FixtureRegistry(packages) as registry, Gate(registry.url, POLICY.format(bad=BAD, edit=0), settings) as gate:
        soak = Soak(gate, registry, seconds)
        threads = [threading.Thread(target=soak.client, daemon=True) for _ in range(THREADS)] + [threading.Thread(target=soak.trouble, daemon=True)]
        for thread in threads:
            thread.start()
        time.sleep(seconds / 5)
        early = state(gate)
        for thread in threads:
            thread.join(seconds + 60)
        registry.faults.clear()
        healthy = wire.eventually(lambda: all(gate.tarball(f"p{n}", "1.0.0").status == 200 for n in range(PACKAGES)), limit=30)
        registry.forget_requests()
        late = state(gate)
        alive = gate.process.poll() is None
    print(f"{seconds} s, {sum(soak.counts.values())} answers, {len(soak.wrong)} wrong; resident {early[0]} MiB and {early[1]} descriptors after a fifth, "
          f"{late[0]} MiB and {late[1]} at the end; all good packages served afterwards: {bool(healthy)}")
    print("  " + ", ".join(f"{kind}: {count}" for kind, count in sorted(soak.counts.items())))
    for line in soak.wrong[:10]:
        print("  WRONG", line[:400])
    flat = late[0] <= early[0] * 1.25 + 48 and late[1] <= early[1] + 30
    return 0 if alive and healthy and flat and not soak.wrong else 1


if __name__ == "__main__":
    sys.exit(main())
