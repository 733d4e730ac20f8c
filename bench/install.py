#!/usr/bin/env python3
"""Whole-process time of `npm install` of one application: direct, through a gate that knows nothing yet, through one that knows it,
and the same two through a plain cache (a gate that trusts its upstream and inspects nothing).

    bench/install.py [ROUNDS]        NPM_GATE_BINARY, NPM_GATE_CLIENTS name other builds

The five are run in turn in every round, each with an empty npm cache, so that noise of machine and network meets all of them.
The policy is monitor mode over the shipped default: everything is inspected and judged, and all install the same tree.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import measuring

APPLICATION = ["express", "react", "typescript", "webpack", "eslint"]
INSTALL_SECONDS = 300


def npm():
    """The pinned npm 11 on the pinned node."""
    clients = pathlib.Path(os.environ.get("NPM_GATE_CLIENTS", measuring.ROOT / "build" / "clients")) / "node_modules"
    node = next(clients.glob("node-linux-*/bin/node"), None)
    if node is None:
        sys.exit("install.py: no clients; scripts/install-clients.sh installs them")
    return [str(node), str(clients / "npm11" / "bin" / "npm-cli.js")], str(node.parent)


def install(folder, registry):
    """Seconds of one install with an empty cache, and the tree it made (name -> version)."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    manifest = {"name": "bench", "version": "1.0.0", "private": True, "dependencies": dict.fromkeys(APPLICATION, "*")}
    (folder / "package.json").write_text(json.dumps(manifest))
    command, path = npm()
    env = {name: value for name, value in os.environ.items() if not name.lower().startswith("npm_config_")}
    env.update(HOME=str(folder), PATH=f"{path}:{env['PATH']}")
    options = [f"--registry={registry}", f"--cache={folder / 'cache'}", "--no-audit", "--no-fund", "--ignore-scripts",
               "--no-update-notifier", "--loglevel=error"]
    start = time.monotonic()
    done = subprocess.run([*command, "install", *options], cwd=folder, env=env, capture_output=True, text=True,
                          timeout=INSTALL_SECONDS, check=False)
    seconds = time.monotonic() - start
    if done.returncode != 0:
        sys.exit(f"install.py: npm exited with {done.returncode}:\n{done.stderr[-2000:]}")
    lock = json.loads((folder / "package-lock.json").read_text())
    return seconds, {where: entry.get("version") for where, entry in lock["packages"].items() if where}


def one_round(base, policy, registry):
    """Seconds and tree of each of the five, in their order."""
    results = {"direct": install(base / "direct", registry)}
    for prefix, inspect in (("", True), ("cache ", False)):
        data = base / "gate"
        shutil.rmtree(data, ignore_errors=True)
        with measuring.gate(data, policy, inspect) as url:
            results[prefix + "cold"] = install(base / "cold", url)
            results[prefix + "warm"] = install(base / "warm", url)
    return results


def main():
    """Prints each round, then medians and ratios to the direct install."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    policy = (measuring.ROOT / "policy" / "default_policy.yaml").read_text().replace("mode: enforce", "mode: monitor")
    registry = measuring.upstream()
    seconds = {kind: [] for kind in ("direct", "cold", "warm", "cache cold", "cache warm")}
    base = pathlib.Path(tempfile.mkdtemp(prefix="gate-bench-"))
    print(f"{measuring.describe()}; {' '.join(APPLICATION)}", flush=True)
    try:
        for number in range(1, rounds + 1):
            results = one_round(base, policy, registry)
            for kind, (took, _) in results.items():
                seconds[kind].append(took)
            trees = [tree for _, tree in results.values()]
            same = "same tree" if all(tree == trees[0] for tree in trees) else "TREES DIFFER"
            print(f"round {number}: " + "  ".join(f"{kind} {took:.2f} s" for kind, (took, _) in results.items()) +
                  f"  ({len(trees[0])} packages, {same})", flush=True)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    direct = measuring.median(seconds["direct"])
    for kind, values in seconds.items():
        paired = [value / other for value, other in zip(values, seconds["direct"])]
        print(f"{kind:10} median {measuring.median(values):6.2f} s   ratio of medians {measuring.median(values) / direct:.2f}"
              f"   median of paired ratios {measuring.median(paired):.2f}")


if __name__ == "__main__":
    main()
