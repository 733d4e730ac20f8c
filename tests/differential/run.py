"""Differential test of the strict archive profile: whatever it accepts, all readers at hand must
extract alike.

    python3 run.py --profile DRIVER --libarchive DRIVER [--count N] [--seed S] [--keep FOLDER]

Archives come from generate.py and from the crafted packages. Readers: libarchive, Python's tarfile, and, out
of the clients that scripts/install-clients.sh installs, npm's node-tar, pnpm 10's own parser and yarn 1's
tar-fs over tar-stream (client_readers.cjs), pnpm 12, yarn 4 and bun whole (install_readers.py). Exit status 1
if any two disagree on an accepted archive, or if fewer than a fifth are accepted: those are the ones that
tell. --keep saves the archives.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import io
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import clients  # noqa: E402
import crafted  # noqa: E402
import generate  # noqa: E402
import install_readers  # noqa: E402

BATCH = 1000
DEFAULT_COUNT = 3_000
FULL_COUNT = 100_000
MOST_ENTRIES = 2_000
USEFUL_SHARE = 5  # one in so many must be accepted


def default_count():
    if os.environ.get("NPM_GATE_ALL") == "1":
        return FULL_COUNT
    return int(os.environ.get("NPM_GATE_DIFFERENTIAL", DEFAULT_COUNT))


def installed(path):
    """A file or folder of the installed clients, or None."""
    place = clients.clients_directory() / "node_modules" / path
    return place if place.exists() and clients.node_binary().exists() else None


def node_tar():
    """The folder of npm's own node-tar, or None."""
    if (place := installed("npm11/node_modules/tar")) is not None:
        return place
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return None
    for folder in pathlib.Path(npm).resolve().parents:
        for place in (folder / "node_modules" / "tar", folder / "npm" / "node_modules" / "tar"):
            if (place / "package.json").is_file():
                return place
    return None


def node():
    """The node that runs JavaScript readers."""
    own = clients.node_binary()
    return str(own) if own.exists() else "node"


def frames(archives):
    return b"".join(struct.pack("<I", len(data)) + data for data in archives)


def run_batch(command, archives):
    """One JSON value per archive from a driver process."""
    done = subprocess.run(command, input=frames(archives), stdout=subprocess.PIPE, check=True)
    lines = done.stdout.decode("utf-8", "surrogateescape").split("\n")  # names may hold other line ends
    answers = [json.loads(line) for line in lines if line]
    if len(answers) != len(archives):
        raise RuntimeError(f"{command[0]} answered {len(answers)} of {len(archives)} archives")
    return answers


def stripped(entries):
    """{path: digest} without the first component; the last entry of a path wins, as on disk."""
    found = {}
    for name, digest in entries:
        parts = [part for part in name.split("/")[1:] if part not in ("", ".")]
        if parts:
            found["/".join(parts)] = digest
    return found


def read_tarfile(data):
    entries = []
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            for number, member in enumerate(archive):
                if number > MOST_ENTRIES:
                    raise ValueError("goes round in circles")  # CVE-2025-8194: a negative size takes it back to where it was
                if member.isreg():
                    body = archive.extractfile(member).read()
                    entries.append((member.name, hashlib.sha256(body).hexdigest()))
    except Exception as error:  # any failure of this reader is one answer: it refuses
        return {"error": f"{type(error).__name__}: {error}"}
    return {"entries": entries}


def readings(answers, paths=stripped):
    """What each answer puts on disk, or the error as text."""
    return [paths(a["entries"]) if "entries" in a else f"error: {a['error']}" for a in answers]


class Readers:
    """All readers at hand, each a function from archives to readings. Those of clients get the accepted archives only: yarn's and
    pnpm's never come back from some of the others, and those that write to disk are slow. Clients that install them get those whose
    package.json is accepted as well: they act on it."""

    def __init__(self, options):
        self.names = {"libarchive": lambda batch: readings(run_batch([options.libarchive], batch)),
                      "tarfile": lambda batch: readings([read_tarfile(data) for data in batch])}
        self.clients = {}
        self.installers = {}
        self.add("node-tar", node_tar(), "npm", on_disk=True)
        self.add("pnpm 10", installed("pnpm10/dist/worker.js"), "pnpm")
        self.add("yarn 1 (tar-stream)", installed("yarn1/lib/cli.js"), "yarn", on_disk=True)
        at_hand = clients.available()
        for name, shown in (("pnpm12", "pnpm 12"), ("yarn4", "yarn 4"), ("bun", "bun")):
            if name in at_hand:
                self.installers[shown] = install_readers.InstallReader(at_hand[name])
            else:
                print(f"{shown} is not installed: not compared")

    def add(self, name, place, kind, on_disk=False):
        """A client's reader (client_readers.cjs), which takes the top directory off itself."""
        if place is None:
            print(f"{name} is not installed: not compared")
            return

        def read(batch):
            command = [node(), str(HERE / "client_readers.cjs"), kind, str(place)]
            if not on_disk:
                return readings(run_batch(command, batch), paths=dict)
            # In memory if there is a file system for it.
            with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as scratch:
                return readings(run_batch([*command, scratch], batch), paths=dict)

        self.clients[name] = read

    def all_names(self):
        return [*self.names, *self.clients, *self.installers]

    def agree(self, name, reading, files):
        """Whether what a reader answered is what the profile saw."""
        return self.installers[name].agrees(reading, files) if name in self.installers else reading == files

    def read(self, batch, verdicts):
        """{reader: readings}; None where a reader was not asked."""
        everything = [True] * len(batch)
        accepted = ["rule" not in verdict for verdict in verdicts]
        installable = [fine and "package_json" not in verdict for fine, verdict in zip(accepted, verdicts)]
        installers = {name: installer.read for name, installer in self.installers.items()}
        asked = ((self.names, everything), (self.clients, accepted), (installers, installable))
        with concurrent.futures.ThreadPoolExecutor(len(self.names) + 1) as pool:
            jobs = [(name, chosen, pool.submit(read, [data for data, wanted in zip(batch, chosen) if wanted]))
                    for readers, chosen in asked for name, read in readers.items()]
            answers = {}
            for name, chosen, job in jobs:
                found = iter(job.result())
                answers[name] = [next(found) if wanted else None for wanted in chosen]
            return answers


class Tally:
    def __init__(self, readers, keep):
        self.readers, self.keep = readers, keep
        self.archives = self.accepted = self.disagreements = self.split_refused = 0
        self.rules, self.not_installed = collections.Counter(), collections.Counter()

    def __str__(self):
        return f"{self.archives} archives, {self.accepted} accepted, {self.disagreements} disagreements"

    def add(self, name, data, verdict, read):
        self.archives += 1
        if "rule" in verdict:
            self.rules[verdict["rule"]] += 1
            whole = [value for value in read.values() if isinstance(value, dict)]
            self.split_refused += any(value != whole[0] for value in whole)
            return
        self.accepted += 1
        ours = {path: digest for path, digest in verdict["entries"]}
        self.not_installed.update(reader for reader, value in read.items() if value == install_readers.REFUSED)
        wrong = {reader: value for reader, value in read.items() if value is not None and not self.readers.agree(reader, value, ours)}
        if not wrong:
            return
        self.disagreements += 1
        print(f"{name}: the profile accepts {ours}")
        for reader, value in wrong.items():
            print(f"  {reader} reads {value}")
        if self.keep:
            self.keep.mkdir(parents=True, exist_ok=True)
            (self.keep / f"{name}.tgz").write_bytes(data)


def archives(options):
    """(name, bytes) of everything to try."""
    for case in crafted.cases():
        yield f"crafted-{case.name}", case.data
    for number in range(options.count):
        yield f"random-{options.seed}-{number}", generate.Maker(options.seed, number).make()


def batches(pairs):
    batch = []
    for pair in pairs:
        batch.append(pair)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--profile", required=True)
    parser.add_argument("--libarchive", required=True)
    parser.add_argument("--count", type=int, default=default_count())
    parser.add_argument("--seed", default="1")
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()

    readers = Readers(options)
    tally = Tally(readers, options.keep)
    for batch in batches(archives(options)):
        data = [item for _, item in batch]
        verdicts = run_batch([options.profile], data)
        read = readers.read(data, verdicts)
        for at, (name, item) in enumerate(batch):
            tally.add(name, item, verdicts[at], {reader: values[at] for reader, values in read.items()})
        print("so far:", tally, flush=True)
    print(f"readers: {', '.join(readers.all_names())}; they disagree on {tally.split_refused} of the archives refused")
    if tally.not_installed:
        counts = ", ".join(f"{reader} {count}" for reader, count in tally.not_installed.most_common())
        print(f"accepted, and refused whole by a client for a known reason: {counts}")
    print("refused by: " + ", ".join(f"{rule} {count}" for rule, count in tally.rules.most_common()))
    print(tally)
    return 1 if tally.disagreements or tally.accepted * USEFUL_SHARE < tally.archives else 0


if __name__ == "__main__":
    sys.exit(main())
