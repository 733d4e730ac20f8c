#!/usr/bin/env python3
"""A tarball beside its source: bytes and time of commit and trees for a repository of 50,000 files, beside a clone of the same depth.

    bench/source.py [FILES]        NPM_GATE_BINARY names another build

The git server is git's own http-backend behind TLS on loopback: the network costs nothing, and what the server needs to pack is part of the time.
"""

import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))
# pylint: disable=wrong-import-position
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate
from git_server import IDENTITY, GitServer

ROUNDS = 5
FOLDER = 8  # files in a folder, as in large repositories


def tree(files, number):
    """Files of a monorepo with one package that has a release of this number; 1 KB each."""
    names = (f"packages/p{n // 512:03}/src/part{n // FOLDER % 64:02}/file{n:06}.ts" for n in range(files))
    source = {name: f"// {name}\n" + "x" * 1000 + "\n" for name in names}
    inside = {"package.json": json.dumps({"name": "left", "version": f"1.{number}.0", "main": "index.js"}), "index.js": f"exports.v = {number};\n"}
    return source | {f"packages/left/{name}": body for name, body in inside.items()}, inside


def clone(server, folder):
    """Bytes on disk and seconds of git's own clone with the same filter and depth, without a checkout."""
    started = time.monotonic()
    environment = {**os.environ, **IDENTITY, "GIT_SSL_CAINFO": str(server.ca)}
    url = server.url("o/big").removeprefix("git+").removesuffix(".git")
    subprocess.run(["git", "clone", "-q", "--bare", "--depth", "1", "--filter=blob:none", "--branch", "v1.0.0", url, folder], env=environment,
                   check=True, timeout=300)
    took = time.monotonic() - started
    return sum(path.stat().st_size for path in pathlib.Path(folder).rglob("*.pack")), took


def main():
    """Prints what each look cost."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with GitServer() as server, FixtureRegistry() as registry, tempfile.TemporaryDirectory() as folder:
        repository = server.repository("o/big")
        repository.configure(uploadpack_allowFilter="true")
        releases = []
        for number in range(ROUNDS):
            source, packed = tree(files, number)
            repository.tag(f"v1.{number}.0", repository.commit_files(source))
            releases.append(Release(f"1.{number}.0", files=packed, published=days_ago(20 - number)))
        registry.add(Package("left", releases, repository=server.url("o/big")))
        git = {"hosts": [], "private_hosts": ["127.0.0.1"], "ca": str(server.ca), "timeout": "30s"}
        with Gate(registry.url, settings={"git": git}) as gate:
            for release in releases:
                gate.tarball("left", release.version)
            looks = re.findall(r"compared with its source.*?bytes=(\d+).*?ms=(\d+)", gate.log())
        cloned = [clone(server, f"{folder}/{number}") for number in range(ROUNDS)]
    if not looks:
        sys.exit("nothing was compared")
    sizes, times = zip(*((int(size), int(took)) for size, took in looks))
    print(f"{files} files, {len(looks)} comparisons: {statistics.median(sizes):,} bytes, {statistics.median(times):.0f} ms (median), "
          f"slowest {max(times)} ms")
    print(f"git clone --depth 1 --filter=blob:none: {statistics.median(size for size, _ in cloned):,} bytes, "
          f"{1000 * statistics.median(took for _, took in cloned):.0f} ms")


if __name__ == "__main__":
    main()
