#!/usr/bin/env python3
"""Crafted packages through the gate with every real client, scripts allowed: each is refused, or the client ends up with the
package.json that was judged and runs only hooks that were judged; a second origin hears nothing.

The policy lets install scripts and young releases pass, so that nothing but the rules for archives, manifests and addresses past
the gate stands in the way. By default a sample of the cases (NPM_GATE_SEED picks another one), with NPM_GATE_ALL=1 all of them.
docs/results-crafted.md holds what was seen; NPM_GATE_RECORD=1 writes what a run sees into it and counts as skipped.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import random
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import clients
import crafted
import crafted_metadata
import crafted_results
from crafted_base import manifest
from fixture_registry import Canary, FixtureRegistry, Package, Release, days_ago
from gate import Gate

POLICY = """\
version: 1
mode: enforce
rules:
  - id: past-the-gate
    when: { finding: exotic-dependency }
    then: quarantine
"""
ALL = os.environ.get("NPM_GATE_ALL") == "1"
RECORD = os.environ.get("NPM_GATE_RECORD") == "1"
SAMPLE = {"accepted": 12, "refused": 16, "metadata": 10}
# Clients that give up on the first optional dependency that is refused get one install for each: in a sample only so many.
SINGLES = 3
# Two at a time: a client is a process of its own that is busy for a second.
PARALLEL = 2
# Half of the releases are old: those are judged when their tarball is asked for, the young ones before the packument leaves.
AGES = (2, 400)


def ends_early(client):
    """yarn and pnpm 10 end at the first dependency that is refused, optional or not: one install for each."""
    return client.family.startswith("yarn") or client.name == "pnpm10"


def archive_package(position, row):
    """The fixture of a crafted archive. Its packument repeats the package.json that the profile accepts, or A."""
    told = crafted_results.accepted_package_json(row) if row.expect == "accept" else None
    told = json.loads(told.decode("utf-8-sig")) if told else manifest(row.name, "A")
    release = Release("1.0.0", published=days_ago(AGES[position % 2]), manifest={"scripts": told.get("scripts", {})}, tarball=row.data)
    return Package(f"crafted-{row.name}", [release])


def chosen(origin):
    """The cases of this run: (archive cases, metadata cases)."""
    archives = list(crafted.cases())
    metadata = list(crafted_metadata.cases(origin))
    if ALL:
        return archives, metadata
    dice = random.Random(os.environ.get("NPM_GATE_SEED", "1"))
    accepted = [row for row in archives if row.expect == "accept"]
    refused = [row for row in archives if row.expect == "refuse" and not row.agreed]
    picked = dice.sample(accepted, SAMPLE["accepted"]) + dice.sample(refused, SAMPLE["refused"])
    return picked, dice.sample(metadata, SAMPLE["metadata"])


class Bench(clients.Project):
    """A project in which node-gyp finds its headers on this machine and nothing anywhere else, and no client tries twice."""

    def _environment(self):
        headers = clients.node_binary().parents[1]
        return {**super()._environment(), "npm_config_nodedir": str(headers), "npm_config_disturl": "http://127.0.0.1:9/",
                "npm_config_fetch_retries": "0", "pnpm_config_fetch_retries": "0", "YARN_HTTP_RETRY": "0"}

    def package_json(self, name):
        """What lies on disk for a direct dependency; None where nothing does."""
        try:
            return (self.folder / "node_modules" / name / "package.json").read_bytes()
        except OSError:
            return None


class Judgement:
    """What the gate says of a release, asked at its doors."""

    def __init__(self, gate, name):
        self.name = name
        self.tarball = gate.tarball(name, "1.0.0")
        self.packument = gate.packument(name)
        page = gate.get(f"/-/npm-gate/releases/{name}/1.0.0", {"Accept": "application/json"})
        self.findings = page.json().get("findings", []) if page.status == 200 else []
        self.refused = self.tarball.status == 403
        self.listed = self.packument.status == 200 and "1.0.0" in self.packument.json()["versions"]

    def ids(self):
        """Ids of all findings."""
        return {finding["id"] for finding in self.findings}

    def explains(self, marker):
        """Whether a finding quotes the command that leaves this marker."""
        return f"/{marker}'" in json.dumps(self.findings)


class Crafted(case.EndToEnd):
    """One fixture for all; every client has a gate of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clients = case.installed_clients()
        cls.canary = cls.enterClassContext(Canary(crafted_metadata.other_origin_package()))
        cls.archives, cls.metadata = chosen(cls.canary.url)
        cls.registry = cls.enterClassContext(FixtureRegistry(
            [archive_package(position, row) for position, row in enumerate(crafted.cases())]
            + list(crafted_metadata.packages(cls.canary.url))))
        cls.damage("crafted-duplicate-in-manifest")
        cls.by_name = {row.name: row for row in [*cls.archives, *cls.metadata]}

    @classmethod
    def damage(cls, name):
        """Says scripts twice in the manifest of `name`, which no dict can."""
        text = json.dumps(cls.registry.packument(cls.registry.packages[name]))
        twice = text.replace('"version": "1.0.0"', '"version": "1.0.0", "scripts": {}, "scripts": {"postinstall": "exit 1"}', 1)
        assert twice != text
        cls.registry.fault(f"/{name}", "body", body=twice.encode())

    def gate(self):
        """A gate that has seen nothing yet."""
        return Gate(self.registry.url, policy=POLICY)

    def test_control_without_the_gate(self):
        """The cases do what they are made for: without a gate hidden scripts run and the second origin is asked."""
        client = next(client for client in self.clients if client.name == "npm10")
        before = len(self.canary.requests)
        with Bench(client, self.registry.url) as project:
            names = ("abs-root", "dot-mid", "js-dupkey", "http-dependency", "shrinkwrap")
            result = project.install({f"crafted-{name}": "1.0.0" for name in names})
            self.say("control without a gate:", result)
            for name in ("abs-root", "dot-mid"):
                self.assertIn(b'"letter": "B"', project.package_json(f"crafted-{name}"))
            self.assertIn(crafted_metadata.OTHER_ORIGIN_MARKER, result.markers)
        self.assertGreater(len(self.canary.requests), before)
        self.canary.requests.clear()

    def test_gate_with_every_client(self):
        """The table: no hidden script gets through, the second origin is not asked."""
        with self.gate() as gate:
            names = [*(f"crafted-{key}" for key in self.by_name), crafted_metadata.DEPENDENCY, "inner"]
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                judged = dict(zip(names, pool.map(lambda name: Judgement(gate, name), names)))
            self.check_judgements(judged)
        self.outcomes, self.lock = collections.defaultdict(dict), threading.Lock()
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(lambda client: self.run_client(client, judged), sorted(self.clients, key=ends_early)))
        self.report()

    def check_judgements(self, judged):
        """The gate's own verdicts: each archive by the rule it breaks, each misleading release by its finding."""
        for row in self.archives:
            answer = judged[f"crafted-{row.name}"]
            with self.subTest(row.name):
                self.assertEqual(answer.refused, row.expect == "refuse", answer.tarball)
                if answer.refused:
                    # A body of no bytes is no tarball that could be judged.
                    self.assertIn(row.rule if row.data else "no bytes", answer.tarball.error())
                else:
                    self.assertEqual((answer.tarball.status, answer.tarball.body), (200, row.data))
                self.assertNotEqual(answer.listed, answer.refused)
        for row in self.metadata:
            answer = judged[f"crafted-{row.name}"]
            with self.subTest(row.name):
                self.assertEqual(answer.refused, row.refused, answer.tarball)
                self.assertNotEqual(answer.listed, answer.refused)
                if not row.refused:
                    self.assertIn(row.finding, answer.ids())

    # One client.
    def run_client(self, client, judged):
        """Fills in the client's column, through a gate that knows nothing yet."""
        refused = [name for name in self.by_name if judged[f"crafted-{name}"].refused]
        allowed = [row.name for row in self.archives if row.name not in refused]
        # A bin called sh runs for all, and one that does not build stops the others.
        apart = [[row.name] for row in self.metadata if row.name not in refused]
        found = {}
        with self.gate() as gate:
            self.installs(client, gate, judged, [allowed, *apart], found, optional=False)
            # One that a client could not install hid others: those once more, alone.
            alone = [[name] for name in allowed if found[name] == crafted_results.ABSENT]
            self.installs(client, gate, judged, alone, found, optional=False)
            if ends_early(client):
                batches = [[name] for name in refused][: None if ALL else SINGLES]
                self.installs(client, gate, judged, batches, found, optional=False)
            else:
                self.installs(client, gate, judged, [refused], found, optional=True)

    def installs(self, client, gate, judged, batches, found, optional):
        """One project for each batch of cases."""
        for names in batches:
            wanted = {f"crafted-{name}": "1.0.0" for name in names}
            with Bench(client, gate.url, trusted=(crafted_metadata.DEPENDENCY, "inner")) as project:
                result = project.install({} if optional else wanted, optional=wanted if optional else None, timeout=600)
                if len(names) > 1:
                    self.say(f"{client.name}: {len(names)} cases at once: exit {result.code}, {len(result.versions)} installed, "
                             f"{len(result.markers)} markers, {result.seconds:.0f} s"
                             + (f"; {result.text.strip().splitlines()[-1:]}" if result.code else ""))
                for name in names:
                    found[name] = self.outcome(name, judged, project.package_json(f"crafted-{name}"), result.markers)
                self.check_strangers(client, found, result.markers, judged)
            self.note(client, found)

    def note(self, client, found):
        """Keeps what a client did so far, and in the document where that is asked for."""
        with self.lock:
            for name, outcome in found.items():
                self.outcomes[name][client.name] = outcome
            if RECORD:
                crafted_results.record([*crafted.cases(), *crafted_metadata.cases(self.canary.url)], self.outcomes)

    def outcome(self, name, judged, on_disk, markers):
        """What one client made of one case."""
        row, judgement = self.by_name[name], judged[f"crafted-{name}"]
        ran = [marker for marker in markers if marker.rsplit(".", 1)[0] == name]
        hidden = [marker for marker in ran if not self.is_explained(marker, row, judgement)]
        if hidden or (judgement.refused and (ran or on_disk is not None)):
            return f"{crafted_results.THROUGH}: {' '.join(hidden or ran) or 'files'}"
        if judgement.refused:
            return crafted_results.REFUSED
        if on_disk is None:
            return crafted_results.ABSENT
        if isinstance(row, crafted_metadata.Case):
            return crafted_results.SEEN
        same = on_disk == crafted_results.accepted_package_json(row)
        return crafted_results.JUDGED if same else f"{crafted_results.THROUGH}: another package.json"

    @staticmethod
    def is_explained(marker, row, judgement):
        """Whether the gate knew of the script that left this marker."""
        by_finding = marker in getattr(row, "markers", ()) and row.finding in judgement.ids()
        return by_finding or judgement.explains(marker)

    def check_strangers(self, client, found, markers, judged):
        """Markers of nobody's case: the second origin's package, or a dependency whose hook the gate did not know."""
        for marker in markers:
            owner = marker.rsplit(".", 1)[0]
            known = owner in self.by_name or (owner in judged and judged[owner].explains(marker))
            if not known:
                found[f"{client.name} ran {marker}"] = f"{crafted_results.THROUGH}: {marker}"

    # The end.
    def report(self):
        """The line, and the table that is kept."""
        outcomes = self.outcomes
        through = {(name, client): outcome for name, row in outcomes.items() for client, outcome in row.items()
                   if outcome.startswith(crafted_results.THROUGH)}
        self.say(f"hidden scripts that got through: {len(through)} of {len(self.by_name)} cases x {len(self.clients)} clients; "
                 f"requests at the second origin: {len(self.canary.requests)}")
        for (name, client), outcome in sorted(through.items()):
            self.say(f"  {name} with {client}: {outcome}")
        self.assertEqual(through, {})
        self.assertEqual([request.path for request in self.canary.requests], [])
        if RECORD:
            self.skipTest("recorded docs/results-crafted.md")
        kept = crafted_results.kept()
        for name, row in outcomes.items():
            for client, outcome in row.items():
                with self.subTest(name, client=client):
                    said = kept.get(name, {}).get(client, "nothing")
                    self.assertIn(said, (outcome, crafted_results.MISSING), "docs/results-crafted.md says something else")


if __name__ == "__main__":
    case.main()
