"""What the clients made of the crafted packages behind the gate, as docs/results-crafted.md keeps it."""

import collections
import io
import pathlib
import tarfile

import clients

FILE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "results-crafted.md"

REFUSED = "refused"  # by the gate; nothing on disk, nothing ran
JUDGED = "as judged"  # installed: the package.json that was judged, and no hook but its own
SEEN = "seen"  # installed; what is special about it is a finding, and every hook that ran is quoted by one
ABSENT = "not installed"  # allowed by the gate, and the client itself did not want it
THROUGH = "GOT THROUGH"
MISSING = "-"

HEAD = """\
# Crafted packages through the gate

Written by `NPM_GATE_ALL=1 NPM_GATE_RECORD=1` with `tests/e2e/crafted_test.py` and held by the same test: every case of
`tests/support/crafted.py` and `crafted_metadata.py`, installed through the gate with every client, install scripts allowed, under a
policy that holds nothing but dependencies past the gate.

`refused`: by the gate, nothing on disk, nothing ran. `as judged`: installed with exactly the package.json that was judged, and no hook
but its own ran. `seen`: installed, what is special about it is a finding, and every hook that ran is quoted by one. `not installed`:
allowed by the gate, and the client itself did not want it. `-`: not recorded yet; the test then only
asks that nothing gets through.

{count}

"""


def accepted_package_json(row):
    """The package.json of an archive that every reader takes alike (here: the last one that Python reads)."""
    text = None
    with tarfile.open(fileobj=io.BytesIO(row.data), mode="r:gz") as archive:
        for member in archive:
            parts = [part for part in member.name.split("/") if part != "."]
            if member.isreg() and parts[1:] == ["package.json"]:
                text = archive.extractfile(member).read()
    return text


def kept():
    """{case: {client: outcome}} as the document has it."""
    if not FILE.exists():
        return {}
    names = list(clients.CLIENTS)
    cells = [[cell.strip() for cell in text.strip("|\n").split(" | ")] for text in FILE.read_text().splitlines()
             if text.startswith("| ") and not text.startswith("| ---")]
    return {row[0]: dict(zip(names, row[-len(names):])) for row in cells[1:]}


def record(cases, outcomes):
    """Writes the document: what this run saw, and what it did not run as it was."""
    names, before = list(clients.CLIENTS), kept()
    lines, seen = [], collections.Counter()
    for row in cases:
        rule = getattr(row, "rule", None) or getattr(row, "finding", None) or "-"
        cells = [outcomes.get(row.name, {}).get(name) or before.get(row.name, {}).get(name, MISSING) for name in names]
        seen.update("not recorded yet" if cell == MISSING else cell.split(":")[0] for cell in cells)
        lines.append(f"| {row.name} | {row.what} | {rule} | " + " | ".join(cells) + " |\n")
    count = f"{len(lines)} cases, {len(names)} clients: " + ", ".join(f"{number} {outcome}" for outcome, number in seen.most_common())
    head = f"| case | what | rule or finding | {' | '.join(names)} |\n|{' --- |' * (len(names) + 3)}\n"
    FILE.write_text(HEAD.format(count=f"{count}; {seen[THROUGH]} got through.") + head + "".join(lines))
