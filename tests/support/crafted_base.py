"""The parts that crafted packages share: the Case value, the two package.json and the files around them."""

import dataclasses
import json

from tarcraft import END, entry, gzip_member


@dataclasses.dataclass(frozen=True)
class Case:
    """One crafted tarball and the verdict it must get."""

    name: str
    what: str
    expect: str  # "accept" or "refuse"
    stage: str | None  # what refuses: "archive" or "package-json"; None if accepted
    rule: str | None  # the rule's id; None if accepted
    agreed: bool  # every client measured installs the same package.json
    data: bytes = dataclasses.field(repr=False)


def mark(name):
    """A harmless command: leaves an empty file `name` in the folder that the test names in its environment."""
    folder = "process.env.NPM_GATE_TEST_MARKERS"
    return f"node -e \"{folder}&&require('fs').writeFileSync({folder}+'/{name}','')\""


def manifest(case, letter):
    """package.json A or B of a case: they differ in a field and in the marker that their postinstall leaves."""
    script = mark(f"{case}.{letter}")
    return {
        "name": f"crafted-{case}",
        "version": "1.0.0",
        "letter": letter,
        "scripts": {"postinstall": script},
    }


def as_json(value):
    return (json.dumps(value, indent=2) + "\n").encode()


class Kit:
    """What a case builds from: its two package.json, as bytes (a, b) and as entries at their usual place."""

    def __init__(self, case):
        self.case = case
        self.a = as_json(manifest(case, "A"))
        self.b = as_json(manifest(case, "B"))
        self.index = b"module.exports = 1\n"

    def file_a(self, name="package/package.json", **fields):
        return entry(name, self.a, **fields)

    def file_b(self, name="package/package.json", **fields):
        return entry(name, self.b, **fields)

    def smuggled(self):
        """B as a header and body, to be hidden in the body of another entry."""
        return self.file_b()


class Table:
    """Collects cases in the order they are written down."""

    def __init__(self):
        self.cases = []

    def add(self, name, what, rule, build, stage="archive", agreed=False):
        """`build` takes a Kit and gives the finished file."""
        refused = rule is not None
        self.cases.append(
            Case(
                name=name,
                what=what,
                expect="refuse" if refused else "accept",
                stage=stage if refused else None,
                rule=rule,
                agreed=agreed,
                data=build(Kit(name)),
            )
        )

    def tar(self, name, what, rule, build, **more):
        """`build` gives the entries; the end of the archive and gzip are added."""
        self.add(name, what, rule, lambda kit: gzip_member(build(kit) + END), **more)

    def agree(self, name, what, rule, build, **more):
        """A case on which all clients agree."""
        self.tar(name, what, rule, build, agreed=True, **more)
