#!/usr/bin/env python3
"""Measures how a gate stands what comes from the network, on loopback; one row after another, each bounded in time.

    measure.py [--quick] [ROW …]     prints "row: figures", a line each; exit 1 if a row is beyond its bound

The program is NPM_GATE_BINARY, else the newest build. Figures depend on the machine; the bounds do not, they are what may not happen.
docs/reliability.md holds what one machine showed.
"""

import base64
import collections
import concurrent.futures
import contextlib
import gzip
import hashlib
import http.server
import json
import os
import pathlib
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import gate as program
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago, iso
from gate import Gate

QUICK = False
TICKS = os.sysconf("SC_CLK_TCK")


def package(name, versions=1):
    """A package that is served without waiting."""
    return Package(name, [Release(f"1.{i}.0", published=days_ago(400 - i)) for i in range(versions)])


def descriptors(gate):
    """How many the process holds."""
    return len(os.listdir(f"/proc/{gate.process.pid}/fd"))


def cpu(gate):
    """Seconds of CPU that the process has used."""
    fields = pathlib.Path(f"/proc/{gate.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def request_for(gate, path="/left", more=""):
    """A request's bytes."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{gate.port}\r\n{more}\r\n".encode()


def percentile(values, part):
    """Of a list."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def latencies(gate, seconds):
    """Of a good client that asks again and again on one connection."""
    took = []
    with socket.create_connection(("127.0.0.1", gate.port), timeout=30) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            started = time.monotonic()
            client.sendall(request_for(gate, "/-/ping"))
            client.recv(65536)
            took.append(time.monotonic() - started)
            time.sleep(0.002)
    return took


def closed_clients():
    """Clients that connect and go: how long their descriptors stay."""
    count = 200 if QUICK else 2000
    with FixtureRegistry([package("left")]) as registry, Gate(registry.url) as gate:
        gate.packument("left")
        before, most = descriptors(gate), 0
        started = time.monotonic()
        for i in range(count):
            with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as client:
                client.sendall((b"", b"GET /le", request_for(gate))[i % 3])
            if i % 50 == 0:
                most = max(most, descriptors(gate) - before)
        rate = count / (time.monotonic() - started)
        gone = time.monotonic()
        wire.eventually(lambda: descriptors(gate) <= before + 3, limit=20)
        left = time.monotonic() - gone
        return f"{rate:.0f} connections/s, at most {most} descriptors held, all back after {left:.2f} s", left < 8


def pipelining():
    """200 clients that pipeline without end beside one good client."""
    pipeliners, seconds = (40, 2) if QUICK else (200, 6)
    with FixtureRegistry([package("left")]) as registry, Gate(registry.url) as gate:
        gate.packument("left")
        alone = latencies(gate, seconds / 2)
        stop = threading.Event()

        def pipeline():
            batch = request_for(gate, "/-/ping") * 50
            with socket.create_connection(("127.0.0.1", gate.port), timeout=30) as client:
                client.settimeout(5)
                try:
                    while not stop.is_set():
                        client.sendall(batch)
                        client.recv(1 << 20)
                except OSError:
                    pass
        threads = [threading.Thread(target=pipeline, daemon=True) for _ in range(pipeliners)]
        for thread in threads:
            thread.start()
        beside = latencies(gate, seconds)
        stop.set()
        for thread in threads:
            thread.join(10)
        figures = f"p99 alone {percentile(alone, .99) * 1000:.2f} ms, beside {pipeliners} pipelining clients {percentile(beside, .99) * 1000:.2f} ms"
        return figures, len(beside) > 20


def upstream_down():
    """CPU of a warm answer while the upstream is up and while it is down (5xx)."""
    count = 200 if QUICK else 2000
    with FixtureRegistry([package("left", 200)]) as registry, Gate(registry.url, settings={"packuments": {"fresh": "1s", "stale": "1h"}}) as gate:
        def cost():
            before = cpu(gate)
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda _: gate.packument("left"), range(count)))
            return (cpu(gate) - before) / count * 1e6
        gate.packument("left")
        up = cost()
        registry.fault("/left", "status", status=500)
        time.sleep(1.2)
        seen = len(registry.seen("/left"))
        started = time.monotonic()
        down = cost()
        took = time.monotonic() - started
        asked = len(registry.seen("/left")) - seen
        return f"up {up:.0f} µs, down {down:.0f} µs a request, upstream asked {asked} times in {took:.1f} s", down < up * 3 and asked <= 3 + 3 * took


def failing_package():
    """50 clients for 3 s on a package that fails, then how soon it is back."""
    with FixtureRegistry([package("left")]) as registry, Gate(registry.url) as gate:
        fault = registry.fault("/left", "status", status=503)
        until = time.monotonic() + (1 if QUICK else 3)

        def client(_):
            answers = 0
            while time.monotonic() < until:
                gate.packument("left")
                answers += 1
            return answers
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = sum(pool.map(client, range(50)))
        asked = len(registry.seen("/left"))
        registry.heal(fault)
        healed = time.monotonic()
        back = wire.eventually(lambda: gate.packument("left").status == 200, limit=10)
        recovered = time.monotonic() - healed
        return f"{answers} answers, upstream asked {asked} times, back {recovered:.2f} s after it is well", bool(back) and asked < 20 and recovered < 3


def cold_tarballs():
    """Cold tarballs asked for at once: connections to the upstream, answers."""
    count = 60 if QUICK else 400
    packages = [package(f"p{i}") for i in range(count)]
    with FixtureRegistry(packages) as registry, Gate(registry.url) as gate:
        port = int(registry.url.rstrip("/").rpartition(":")[2])
        most, stop = [0], threading.Event()

        def watch():
            needle = f":{port:04X} 01"
            while not stop.is_set():
                lines = pathlib.Path(f"/proc/{gate.process.pid}/net/tcp").read_text().splitlines()
                most[0] = max(most[0], sum(1 for line in lines if needle in line))
                time.sleep(0.02)
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            statuses = list(pool.map(lambda i: gate.tarball(f"p{i}", "1.0.0").status, range(count)))
        took = time.monotonic() - started
        stop.set()
        watcher.join(5)
        good = statuses.count(200)
        # Per loop 64 may be kept idle besides those in use.
        return f"{good} of {count} served in {took:.1f} s, at most {most[0]} connections to the upstream", good == count and most[0] <= 200


def outage_of_days():
    """A tarball that was served once, upstream gone and packument beyond stale."""
    with FixtureRegistry([package("left")]) as registry, Gate(registry.url, settings={"packuments": {"fresh": "1s", "stale": "1s"}}) as gate:
        gate.tarball("left", "1.0.0")
        registry.fault("*", "close")
        time.sleep(1.5)
        took = []
        statuses = []
        for _ in range(20):
            started = time.monotonic()
            statuses.append(gate.tarball("left", "1.0.0").status)
            took.append(time.monotonic() - started)
        return f"{statuses.count(200)} of 20 served, slowest {max(took) * 1000:.0f} ms", statuses.count(200) == 20


def bad_moments():
    """One bad answer for a tarball or packument: is the release there at the first request?"""
    rows = [("/{}/-/*", "wrong-bytes"), ("/{}/-/*", "truncated"), ("/{}/-/*", "reset"), ("/{}/-/*", "close"), ("/{}", "garbage"),
            ("/{}", "truncated"), ("/{}", "reset"), ("/{}", "close")]
    with FixtureRegistry() as registry, Gate(registry.url) as gate:
        good = 0
        for i, (match, kind) in enumerate(rows):
            registry.add(package(f"sick{i}"))
            registry.fault(match.format(f"sick{i}"), kind, times=1)
            good += gate.tarball(f"sick{i}", "1.0.0").status == 200
        return f"{good} of {len(rows)} served at the first request", good == len(rows)


def leaving():
    """SIGTERM with 50 idle connections and one tarball under way: until the process is gone."""
    noise = os.urandom(3_000_000).hex()
    packages = [Package("large", [Release("1.0.0", published=days_ago(300), files={"noise.txt": noise})])]
    with FixtureRegistry(packages) as registry, Gate(registry.url) as gate:
        whole = hashlib.sha512(gate.tarball("large", "1.0.0").body).hexdigest()
        idle = [socket.create_connection(("127.0.0.1", gate.port), timeout=10) for _ in range(50)]
        reader = socket.create_connection(("127.0.0.1", gate.port), timeout=30)
        reader.sendall(request_for(gate, "/large/-/large-1.0.0.tgz"))
        got = reader.recv(1000)
        started = time.monotonic()
        gate.process.send_signal(signal.SIGTERM)
        while chunk := reader.recv(1 << 16):
            got += chunk
        reader.close()
        gate.process.wait(40)
        took = time.monotonic() - started
        for client in idle:
            client.close()
        same = hashlib.sha512(got.partition(b"\r\n\r\n")[2]).hexdigest() == whole
        return f"tarball {'whole' if same else 'CUT'}, exit {gate.process.returncode}, gone after {took:.2f} s", same and gate.process.returncode == 0


def restart():
    """Clients that connect anew for each request while the gate is restarted again and again, its socket held as by systemd."""
    restarts = 2 if QUICK else 10
    with FixtureRegistry([package("left")]) as registry, socket.create_server(("127.0.0.1", 0), backlog=1024) as held:
        gate = Gate(registry.url)
        gate.socket = held
        with gate:
            gate.packument("left")
            stop, answers, failures, longest = threading.Event(), [0], [], [0.0]

            def client():
                while not stop.is_set():
                    started = time.monotonic()
                    try:
                        status = gate.packument("left").status
                    except OSError as error:
                        status = repr(error)
                    answers[0] += 1
                    longest[0] = max(longest[0], time.monotonic() - started)
                    if status != 200:
                        failures.append(status)
            threads = [threading.Thread(target=client, daemon=True) for _ in range(4)]
            for thread in threads:
                thread.start()
            for _ in range(restarts):
                before = answers[0]
                wire.eventually(lambda seen=before: answers[0] > seen + 50)
                gate.restart()
            stop.set()
            for thread in threads:
                thread.join(30)
    figures = f"{restarts} restarts, {answers[0]} answers, {len(failures)} refused or failed {failures[:3] or ''}, the longest wait {longest[0]:.2f} s"
    return figures, not failures


class Large(http.server.BaseHTTPRequestHandler):
    """Any name is a package with a packument of some 400 KB, "large" has one of 21 MB; audits are answered with nothing found."""
    protocol_version = "HTTP/1.1"
    made = {}

    def do_GET(self):  # pylint: disable=invalid-name
        """A packument."""
        name = self.path.strip("/")
        if "/-/" in self.path:
            return self.send_error(404)
        count = (2_000 if QUICK else 10_500) if name == "large" else int(name.partition("untimed-")[2] or 200)
        made = self.made.get(name) or self.packument(name, count)
        if name == "large":
            self.made[name] = made
        return self.answer(made)

    def packument(self, name, count):
        """Releases with a description of 1.5 KB each."""
        versions, times = {}, {"created": iso(days_ago(900)), "modified": iso(days_ago(100))}
        for i in range(count):
            version = f"1.{i}.0"
            versions[version] = {"name": name, "version": version, "description": "x" * 1500,
                                 "dist": {"tarball": f"http://127.0.0.1:{self.server.server_address[1]}/{name}/-/{name}-{version}.tgz", "integrity": DIGEST, "shasum": "0" * 40}}
            if not name.startswith("untimed"):
                times[version] = iso(days_ago(800 - i / 60))
        return json.dumps({"name": name, "dist-tags": {"latest": "1.0.0"}, "versions": versions, "time": times}).encode()

    def do_POST(self):  # pylint: disable=invalid-name
        """An audit."""
        left = int(self.headers["content-length"])
        while left > 0:
            left -= len(self.rfile.read(min(left, 1 << 16)))
        self.answer(b"{}")

    def answer(self, body):
        """As JSON."""
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing."""


DIGEST = "sha512-" + base64.b64encode(bytes(64)).decode()
# storage.memory as it is by default, and what the process may take beside it.
BUDGET, BESIDE = 256, 100


@contextlib.contextmanager
def large_gate(budget=BUDGET, inspect=True):
    """A gate in front of a registry of Large."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Large)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    settings = {"storage": {"memory": f"{budget}MiB"}, "log": {"level": "info"}, "upstreams": [{"name": "own", "url": url, "inspect": inspect}]}
    try:
        with Gate(None, "version: 1\n", settings) as gate:
            yield gate
    finally:
        server.shutdown()
        server.server_close()


def resident(gate, budget=BUDGET):
    """Words about the peak and what is left, and whether the peak is within the bound."""
    peak, left = gate.memory_peak() >> 20, gate.memory_from_now() >> 20
    return f"at most {peak} MiB resident with storage.memory {budget} MiB, {left} MiB afterwards", peak <= budget + BESIDE


def many_packages():
    """1,200 packuments of 400 KB through 64 MiB of storage.memory."""
    count = 40 if QUICK else 1200
    with large_gate(64, False) as gate:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            statuses = collections.Counter(pool.map(lambda i: gate.packument(f"p{i}").status, range(count)))
        words, held = resident(gate, 64)
        return f"{count} packages, {dict(statuses)}; {words}", held and set(statuses) == {200}


def one_large_packument():
    """16 clients of a cold packument of 21 MB, then of a warm one."""
    count = 4 if QUICK else 16
    with large_gate(inspect=False) as gate, concurrent.futures.ThreadPoolExecutor(count) as pool:
        statuses = collections.Counter(pool.map(lambda _: gate.packument("large").status, range(2 * count)))
        size = len(Large.made["large"])
        words, held = resident(gate)
        return f"{count} clients twice, {size / 1e6:.0f} MB, {dict(statuses)}; {words}", held and set(statuses) == {200}


def untimed_package():
    """A cold packument of 5,000 releases without publish times: no release has one before it to be compared with."""
    count = 1_000 if QUICK else 5_000
    with large_gate() as gate:
        started = time.monotonic()
        status = gate.packument(f"untimed-{count}").status
        return f"{count} releases: {status} after {time.monotonic() - started:.1f} s", status in (200, 403)


def audits(count, size, at_once):
    """Audit bodies, compressed as npm does: those that are told 503 come again."""
    entry = '"package-with-some-name-%07d":["1.2.3","1.2.4"],'
    body = ("{" + "".join(entry % i for i in range(size // len(entry % 0))).rstrip(",") + "}").encode()
    packed = gzip.compress(body, 1)  # as npm sends it
    with large_gate() as gate:
        def ask(_):
            try:
                answer = gate.send("/-/npm/v1/security/advisories/bulk", "POST", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, packed, timeout=120)
            except OSError:
                return "cut"
            return answer.status if answer.status != 503 or answer.header("retry-after") else "503 without retry-after"
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            statuses = collections.Counter(pool.map(ask, range(count)))
        words, held = resident(gate)
        pinged = gate.get("/-/ping").status
        return f"{count} bodies of {len(body) / 1e6:.0f} MB, {at_once} at a time: {dict(statuses)}; {words}", \
            held and pinged == 200 and statuses[200] > 0 and set(statuses) <= {200, 503}


def many_audits():
    """200 audit bodies of 15 MB, 20 at a time."""
    return audits(*((6, 2_000_000, 6) if QUICK else (200, 15_000_000, 20)))


def large_audits():
    """50 audit bodies of 1.85 MB at once."""
    return audits(*((6, 500_000, 6) if QUICK else (50, 1_850_000, 50)))


ROWS = {f.__name__: f for f in (closed_clients, pipelining, upstream_down, failing_package, cold_tarballs, outage_of_days, bad_moments, leaving, restart,
                                many_packages, one_large_packument, untimed_package, many_audits, large_audits)}


def main():
    """Runs the named rows, or all."""
    global QUICK  # pylint: disable=global-statement
    words = sys.argv[1:]
    QUICK = "--quick" in words
    if program.binary() is None:
        print("npm-gate is not built")
        return 77
    bad = 0
    for name in [word for word in words if word != "--quick"] or list(ROWS):
        figures, held = ROWS[name]()
        bad += not held
        print(f"{name}: {figures}{'' if held else '  BEYOND ITS BOUND'}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
