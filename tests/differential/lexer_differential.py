"""Runs lexer_differential.mjs with the pinned node and acorn.

    python3 lexer_differential.py --driver DRIVER [--count N] [--seconds S] [--seed N]

By default at most 20 s of scripts; NPM_GATE_ALL=1 makes a million of them. Exit status 77 without node or
acorn, which scripts/install-clients.sh installs.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "support"))

import clients  # noqa: E402

DEFAULT_COUNT, DEFAULT_SECONDS = 20_000, 20
FULL_COUNT = 1_000_000


def main():
    full = os.environ.get("NPM_GATE_ALL") == "1"
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", required=True)
    parser.add_argument("--count", type=int, default=FULL_COUNT if full else DEFAULT_COUNT)
    parser.add_argument("--seconds", type=int, default=0 if full else DEFAULT_SECONDS)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    acorn = next(iter(sorted((ROOT / "build" / "pinned").glob("acorn-*"))), None)
    node = clients.node_binary()
    node = str(node) if node.exists() else shutil.which("node")
    if acorn is None or node is None:
        print("no node or no acorn: scripts/install-clients.sh installs them")
        return 77
    return subprocess.run(
        [node, HERE / "lexer_differential.mjs", "--acorn", acorn, "--driver", options.driver,
         "--count", str(options.count), "--seconds", str(options.seconds), "--seed", str(options.seed)],
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
