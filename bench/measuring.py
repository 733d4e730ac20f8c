"""What both measurements share: a gate of our own, its processes by pid, medians. Standard library only."""

import contextlib
import datetime
import json
import os
import pathlib
import platform
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
START_SECONDS = 30


def gate_binary():
    """NPM_GATE_BINARY, else the release build."""
    return pathlib.Path(os.environ.get("NPM_GATE_BINARY", ROOT / "build" / "release" / "npm-gate"))


def upstream():
    """The registry that npm is configured to use, with trailing slash."""
    url = subprocess.run(["npm", "config", "get", "registry"], capture_output=True, text=True, check=True).stdout.strip()
    return url if url.endswith("/") else url + "/"


def free_port():
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    """Returns once the port is open; raises where the process ended or never listens."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port} (exit code {process.poll()})")


def stop(process):
    """Ends one process that we started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def gate(folder, policy, inspect=True):
    """A gate over `folder` (kept, so that a second one starts warm); gives its base URL, with trailing slash. Without `inspect` it
    trusts its upstream: a plain cache."""
    folder.mkdir(parents=True, exist_ok=True)
    port, admin = free_port(), free_port()
    (folder / "policy.yaml").write_text(policy)
    (folder / "gate.yaml").write_text(json.dumps({
        "listen": {"address": "127.0.0.1", "port": port},
        "admin": {"address": "127.0.0.1", "port": admin},
        "upstreams": [{"name": "public", "url": upstream(), "inspect": inspect}],
        "storage": {"path": str(folder / "data")},
        "policy": str(folder / "policy.yaml"),
        "log": {"level": "warn"},
    }))
    with open(folder / "gate.log", "a", encoding="utf-8") as log:
        process = subprocess.Popen([str(gate_binary()), "serve", "--config", str(folder / "gate.yaml")],
                                   stdout=log, stderr=log)
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}/"
    finally:
        stop(process)


def get(url, **headers):
    """Body and headers of one answer."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=120) as answer:
        return answer.read(), answer.headers


def describe():
    """One line about when and where."""
    load = os.getloadavg()[0]
    return f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, load average {load:.1f}"


def median(values):
    """The middle of what was measured; exits where nothing was."""
    if not values:
        sys.exit("nothing was measured")
    return statistics.median(values)
