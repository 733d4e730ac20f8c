#!/usr/bin/env python3
"""What loading a whole ecosystem's advisories takes: time and memory of the gate's loader beside a plain walk of the same zip.

    bench/feeds.py [RECORDS]        NPM_GATE_FEED_LOAD names the program (built with -DNPM_GATE_BENCH=ON)

Records are made up, in the shape and size of the public ones (200,000 by default, one in ten with a range).
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import zipfile

import measuring

DETAILS = "This package was found to contain malicious code: it runs on install and sends what it finds elsewhere. " * 6


def record(number, dice):
    """One record about malware."""
    name = f"{dice.choice(('', '@scope-%d/' % dice.randrange(2000)))}package-{number}-{dice.randrange(10**6)}"
    affected = {"package": {"ecosystem": "npm", "name": name, "purl": f"pkg:npm/{name}"},
                "versions": [f"{dice.randrange(9)}.{dice.randrange(20)}.{dice.randrange(40)}" for _ in range(dice.randrange(1, 6))],
                "database_specific": {"cwes": [{"cweId": "CWE-506", "name": "Embedded Malicious Code"}]}}
    if number % 10 == 0:
        affected["ranges"] = [{"type": "SEMVER", "events": [{"introduced": "0"}]}]
    return {"schema_version": "1.7.0", "id": f"MAL-2026-{number}", "modified": "2026-02-03T04:05:06Z", "published": "2026-01-02T03:04:05Z",
            "summary": f"Malicious code in {name} (npm)", "details": DETAILS, "affected": [affected],
            "credits": [{"name": "somebody", "type": "FINDER", "contact": ["https://finder.example"]}]}


def main():
    """Makes the export, runs the program on it, prints what it says."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    program = os.environ.get("NPM_GATE_FEED_LOAD", measuring.ROOT / "build" / "release" / "bench" / "feed-load")
    dice = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="gate-feeds-") as folder:
        export = pathlib.Path(folder, "all.zip")
        with zipfile.ZipFile(export, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for number in range(count):
                archive.writestr(f"MAL-2026-{number}.json", json.dumps(record(number, dice)))
        print(f"{count} records, zip {export.stat().st_size / 2**20:.0f} MiB")
        return subprocess.run([str(program), str(export)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
