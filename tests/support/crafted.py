"""Crafted packages on which package managers, or parsers, disagree, and what the strict archive
profile says to each.

Every package has a harmless package.json A; most also try to smuggle in a package.json B that only
some readers see. The postinstall of A leaves a marker `CASE.A`, that of B `CASE.B` (crafted_base.mark):
whoever installs the package can see which one was run.

    python3 crafted.py DIRECTORY    writes <case>.tgz for every case and manifest.json

As a module: cases() yields Case values; `data` is the tarball. Measured behaviour of the clients:
docs/threats.md.
"""

import argparse
import dataclasses
import json
import pathlib

import crafted_gzip
import crafted_json
import crafted_near
import crafted_own
import crafted_pax
import crafted_tar
from crafted_base import Case

TABLES = (crafted_tar, crafted_pax, crafted_gzip, crafted_json, crafted_own, crafted_near)


def cases():
    """All cases, in a fixed order; their bytes are the same in every run."""
    seen = set()
    for table in TABLES:
        for case in table.CASES:
            if case.name in seen:
                raise ValueError(f"two cases are called {case.name}")
            seen.add(case.name)
            yield case


def describe(case: Case):
    """The manifest's row for a case."""
    row = dataclasses.asdict(case)
    row["case"] = row.pop("name")
    row["size"] = len(row.pop("data"))
    row["near"] = [rule for rule, name in crafted_near.NEAR.items() if name == case.name]
    return row


def write(folder):
    """Writes all cases below `folder`; returns the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = []
    for case in cases():
        (folder / f"{case.name}.tgz").write_bytes(case.data)
        manifest.append(describe(case))
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("directory", type=pathlib.Path)
    manifest = write(parser.parse_args().directory)
    refused = sum(row["expect"] == "refuse" for row in manifest)
    print(f"{len(manifest)} cases, {refused} to be refused")


if __name__ == "__main__":
    main()
