#!/usr/bin/env python3
"""How long `npm-gate policy try` takes over 100,000 stored releases, beside a reader that only reads the same rows and judges nothing.

    bench/policy_try.py [RELEASES]

The releases are made up: 20,000 packages of five versions, ages of up to 400 days, none to four findings with proofs of ordinary size;
tried is the built-in policy with a longer cooldown, so that some thousand verdicts change. The reader is Python's sqlite3 with json.
"""

import json
import pathlib
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

import measuring

ROUNDS = 5
DAY_MS = 86_400_000
FINDINGS = ("dependency-added", "size-jump", "network-endpoint-added", "install-script-added", "missing-git-tag", "license-changed",
            "maintainers-changed", "sensitive-access-added", "fresh-dependency", "deprecated")
COLUMNS = ("name, version, content_id, upstream, popular, has_install_script, publisher, license, born, published, inspected,"
           " same_publisher_and_hooks, findings, served, seen")


def row(number, dice, now):
    """One release as the gate would have stored it."""
    born = now - int(dice.random() * 400 * DAY_MS)
    findings = [[name, dice.randrange(5), f"{name} as compared with the release before", "tarball",
                 {"before": None, "after": "lib/index.js", "sha256": f"{dice.getrandbits(256):064x}", "line": dice.randrange(2000)}]
                for name in dice.sample(FINDINGS, dice.randrange(5))]
    return (f"package-{number // 5}", f"1.{number % 5}.0", f"{dice.getrandbits(512):0128x}:{dice.getrandbits(256):064x}", "public",
            number % 50 == 0, dice.random() < 0.02, "owner", "MIT", born, born, 1, 1, json.dumps(findings), number % 3 == 0, born)


def fill(state, count):
    """The same rows in every run."""
    dice, now = random.Random(1), int(time.time() * 1000)
    with sqlite3.connect(state) as database:
        database.executemany(f"INSERT INTO release ({COLUMNS}) VALUES ({', '.join('?' * 15)})",
                             (row(number, dice, now) for number in range(count)))
    database.close()


def read_only(state):
    """Seconds to read and parse every row."""
    began = time.perf_counter()
    database = sqlite3.connect(state)
    for values in database.execute(f"SELECT {COLUMNS} FROM release ORDER BY id"):
        json.loads(values[12])
    database.close()
    return time.perf_counter() - began


def main():
    """Prints medians and their ratio."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    program = str(measuring.gate_binary())
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as folder:
        base = pathlib.Path(folder)
        (base / "data").mkdir()
        config = base / "gate.yaml"
        config.write_text(f'storage: {{ path: "{base}/data" }}\nupstreams: [{{ name: public, url: "http://127.0.0.1:9/" }}]\n')
        policy = base / "policy.yaml"
        text = subprocess.run([program, "policy", "default"], capture_output=True, text=True, check=True).stdout
        policy.write_text(text.replace("younger_than: 24h", "younger_than: 5d"))
        command = [program, "policy", "try", str(policy), "--json", "--config", str(config)]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)  # makes the state
        fill(base / "data" / "state.db", count)
        tries, reads = [], []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            tries.append(time.perf_counter() - began)
            reads.append(read_only(base / "data" / "state.db"))
        result = json.loads(done.stdout)
        if result["judged"] != count or not result["changes"]:
            sys.exit(f"policy_try.py: {done.stdout[:300]} {done.stderr}")
        tried, read = statistics.median(tries), statistics.median(reads)
        print(f"{count} releases, {len(result['changes'])} change, {result['rederived']} derived anew")
        print(f"policy try {tried:.2f} s, reading alone (Python) {read:.2f} s, ratio {tried / read:.2f}")


if __name__ == "__main__":
    main()
