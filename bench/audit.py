#!/usr/bin/env python3
"""`npm-gate audit` of one large lockfile, with an empty state and with what the first run left, beside a plain download of the same tarballs
and npm's own audit.

    bench/audit.py [LOCKFILE]        NPM_GATE_BINARY names another build

Without LOCKFILE npm resolves a project of popular packages (about 1,500 releases). Everything comes from the registry that npm is configured
with. One run each: the network is part of what is measured, so that only the ratios of one run say anything.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import measuring

APPLICATION = """react react-dom next express webpack webpack-cli webpack-dev-server babel-loader @babel/core @babel/preset-env
    @babel/preset-react @babel/preset-typescript eslint typescript jest mocha chai prettier rollup vite vue @angular/core axios lodash moment
    gulp grunt karma socket.io mongoose sequelize pg mysql2 redis firebase @storybook/react nodemon ts-node tailwindcss postcss sass less lerna
    nx graphql @nestjs/core @nestjs/common @nestjs/cli electron-builder react-scripts""".split()
WIDTH = 16  # as many at a time as npm-gate audit has under way


def make_lockfile(folder):
    """package-lock.json of the application."""
    manifest = {"name": "shop", "version": "1.0.0", "private": True, "dependencies": dict.fromkeys(APPLICATION, "*")}
    (folder / "package.json").write_text(json.dumps(manifest))
    subprocess.run(["npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"],
                   cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder / "package-lock.json"


def tarballs_of(lockfile):
    """URLs of its registry tarballs, each once; npm may be configured to leave them out of the file (omit-lockfile-registry-resolved)."""
    registry, urls = measuring.upstream(), set()
    for path, entry in json.loads(lockfile.read_text())["packages"].items():
        name = entry.get("name") or path.rpartition("node_modules/")[2]
        if path and "version" in entry and entry.get("resolved", "http").startswith("http"):
            urls.add(f"{registry}{name}/-/{name.rpartition('/')[2]}-{entry['version']}.tgz")
    return sorted(urls)


def timed(command, folder):
    """(seconds, peak resident MiB, exit code, standard output) of a command."""
    started = time.monotonic()
    with open(folder / "out", "wb") as out, open(folder / "err", "wb") as errors:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=errors, stdin=subprocess.DEVNULL)  # pylint: disable=consider-using-with
        _, status, usage = os.wait4(process.pid, 0)
    return time.monotonic() - started, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status), (folder / "out").read_text()


def download(urls, folder):
    """Seconds that curl takes to fetch all of them and throw them away, and how many MiB that were."""
    config = folder / "urls"
    config.write_text("".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls))
    command = ["curl", "--parallel", "--parallel-max", str(WIDTH), "--silent", "--fail", "--write-out", "%{size_download}\n", "--config", str(config)]
    started = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.monotonic() - started, sum(map(int, done.stdout.split())) / 2**20


def main():
    """Prints one table."""
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as name:
        folder = pathlib.Path(name)
        lockfile = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else make_lockfile(folder)
        urls = tarballs_of(lockfile)
        plain, size = download(urls, folder)
        print(f"{len(urls)} tarballs, {size:.0f} MiB", flush=True)
        audit = [str(measuring.gate_binary()), "audit", str(lockfile), "--upstream", measuring.upstream(), "--json"]
        rows = [("plain download of the tarballs", plain, 0.0, "")]
        for label, more in (("npm-gate audit, empty state", []), ("npm-gate audit, second run", []), ("npm-gate audit --offline", ["--offline"])):
            seconds, memory, code, out = timed([*audit, "--state", str(folder / "state"), *more], folder)
            rows.append((label, seconds, memory, f"exit {code}, {json.dumps(json.loads(out)['summary'])}"))
        if (lockfile.parent / "package.json").exists():
            seconds, memory, code, _ = timed(["npm", "audit", "--json", "--prefix", str(lockfile.parent)], folder)
            rows.append(("npm audit", seconds, memory, f"exit {code}"))
        for label, seconds, memory, detail in rows:
            print(f"{label:32} {seconds:8.1f} s  {seconds / plain:6.2f} of the download  {memory:6.0f} MiB  {detail}")


if __name__ == "__main__":
    main()
