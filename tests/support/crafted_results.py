"""What the clients made of the crafted packages behind the gate, as docs/results-crafted.md keeps it."""

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

HEAD = """\
# Crafted packages through the gate

Written by `NPM_GATE_ALL=1 NPM_GATE_RECORD=1` with `tests/e2e/crafted_test.py` and held by the same test: every case of
`tests/support/crafted.py` and `crafted_metadata.py`, installed through the gate with every client, install scripts allowed, under a
policy that holds nothing but dependencies past the gate.

{line}

`refused`: by the gate, nothing on disk, nothing ran. `as judged`: installed with exactly the package.json that was judged, and no hook
but its own ran. `seen`: installed, what is special about it is a finding, and every hook that ran is quoted by one. `not installed`:
allowed by the gate, and the client itself did not want it.

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


def write(cases, outcomes, line):
    """Writes the document."""
    names = list(clients.CLIENTS)
    text = HEAD.format(line=line) + f"| case | what | rule or finding | {' | '.join(names)} |\n|{' --- |' * (len(names) + 3)}\n"
    for row in cases:
        rule = getattr(row, "rule", None) or getattr(row, "finding", None) or "-"
        seen = [outcomes[row.name][name] for name in names]
        text += f"| {row.name} | {row.what} | {rule} | " + " | ".join(seen) + " |\n"
    FILE.write_text(text)


def kept():
    """{case: {client: outcome}} as the document has it."""
    names = list(clients.CLIENTS)
    cells = [[cell.strip() for cell in text.strip("|\n").split(" | ")] for text in FILE.read_text().splitlines() if text.startswith("| ")]
    return {row[0]: dict(zip(names, row[-len(names):])) for row in cells[1:]}
