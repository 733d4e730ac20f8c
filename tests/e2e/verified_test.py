#!/usr/bin/env python3
"""Provenance that a sigstore instance of the test's own vouches for, beside a real git server: every condition of a policy, verified values
compared by release line, the lowest risk there is and what one of its parts missing does, and trust that changes while the gate runs."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago, iso
from gate import Gate, environment, run
from git_case import GitEndToEnd
from sigstore_authority import ISSUER, RUNNER, Authority
from signing import Signer

WORKFLOW = ".github/workflows/release.yml"
COMMIT = "c0ffee" * 6 + "c0de"
HOUR = 1 / 24
LOWEST = """version: 1
rules:
  - { id: cooldown, when: { younger_than: 24h, not: { lowest_risk: true } }, then: quarantine }
  - { id: cooldown-lowest-risk, when: { younger_than: 1h }, then: quarantine }
"""


def registry_keys(start, end=None):
    """A key file with one key for attestations, in force in this time."""
    signer = Signer()
    try:
        valid = {"start": iso(start), **({"end": iso(end)} if end else {})}
        return json.dumps({"keys": [{"keyId": signer.keyid, "keyUsage": "npm:attestations",
                                     "publicKey": {"rawBytes": signer.key()["key"], "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": valid}}]})
    finally:
        signer.close()


class Verified(case.EndToEnd):
    """Conditions, and what is compared by release line."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry())
        self.authority = self.enterContext(Authority())

    def gate(self, policy=None):
        """A gate that trusts the authority."""
        signatures = {"provenance": "verified", "trusted_root": str(self.authority.root)}
        settings = {"signatures": signatures, "git": {"cache": "1s"}, "packuments": {"fresh": "1s", "stale": "1h"}}
        return self.enterContext(Gate(self.registry.url, policy=policy, settings=settings))

    def release(self, name, version, age, attested=True, **claims):
        """A release, and who built it."""
        release = Release(version, published=days_ago(age))
        if attested:
            claims = {"commit": COMMIT, "repository": f"https://git.example/o/{name}", **claims}
            release.attestations = self.authority.attested(name, version, release.bytes(name), **claims)
        return release

    def add(self, name, *releases):
        """A package of the upstream."""
        self.registry.add(Package(name, list(releases), repository=f"https://git.example/o/{name}"))

    def page(self, gate, name, version):
        """What is known of a release."""
        gate.tarball(name, version)
        answer = gate.get(f"/-/npm-gate/releases/{name}/{version}", {"Accept": "application/json"})
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def found(self, gate, name, version):
        """Its findings about provenance, id -> proof."""
        return {each["id"]: each["proof"] for each in self.page(gate, name, version)["findings"] if each["id"].startswith("provenance-")}

    def test_conditions(self):
        """Each of them lets through what it asks for, and holds the same release if it asks for something else."""
        good = {"verified": (True,), "builder": (ISSUER, RUNNER, "https://issuer.*"), "workflow": (WORKFLOW, ".github/workflows/*"),
                "repository": ("https://git.example/o/{name}", "https://git.example/o/*"), "ref": ("refs/heads/main", "refs/heads/*")}
        bad = {"builder": "https://other.example", "repository": "https://git.example/o/right", "workflow": ".github/workflows/other.yml",
               "ref": "refs/heads/next"}
        rows = [(key, wanted, 200) for key, values in good.items() for wanted in values] + [(key, wanted, 403) for key, wanted in bad.items()]
        rules = []
        for number, (key, wanted, _) in enumerate(rows):
            wanted = wanted.format(name=f"p{number}") if isinstance(wanted, str) else wanted
            rules.append({"id": f"r{number}", "when": {"package": [f"p{number}", f"bare{number}"], "not": {"provenance": {key: wanted}}}, "then": "quarantine"})
            self.add(f"p{number}", self.release(f"p{number}", "1.0.0", 2))
            self.add(f"bare{number}", self.release(f"bare{number}", "1.0.0", 2, attested=False))
        gate = self.gate(json.dumps({"version": 1, "rules": rules}))
        for number, (key, wanted, status) in enumerate(rows):
            with self.subTest(key, wanted=wanted):
                self.assertEqual(gate.tarball(f"p{number}", "1.0.0").status, status, gate.log_end())
                self.assert_refused(gate.tarball(f"bare{number}", "1.0.0"), f"rule r{number}")

    def test_compared_by_release_line(self):
        """Lost or changed counts against releases of the same line that had it."""
        rows = {
            "kept": ({}, None), "lost": (None, "provenance-lost"), "workflow": ({"workflow": ".github/workflows/evil.yml"}, "provenance-changed"),
            "repository": ({"repository": "https://git.example/evil/left"}, "provenance-changed"), "branch": ({"ref": "refs/heads/next"}, None),
        }
        for name, (claims, _) in rows.items():
            self.add(name, self.release(name, "1.0.0", 90), self.release(name, "1.1.0", 60),
                     self.release(name, "1.2.0", 2, **(claims or {})) if claims is not None else self.release(name, "1.2.0", 2, attested=False))
        # The old line never had any: its next release lacks nothing.
        self.add("lines", self.release("lines", "1.0.0", 90, attested=False), self.release("lines", "2.0.0", 60),
                 self.release("lines", "1.0.1", 2, attested=False), self.release("lines", "2.0.1", 2, attested=False))
        gate = self.gate()
        for name, (_, finding) in rows.items():
            with self.subTest(name):
                self.assertEqual(list(self.found(gate, name, "1.2.0")), [finding] if finding else [], gate.log_end())
        self.assertEqual(list(self.found(gate, "lines", "1.0.1")), [])
        self.assertEqual(list(self.found(gate, "lines", "2.0.1")), ["provenance-lost"])

    def test_bundle_versions(self):
        """Of each version what it must have: the log's promise, or its proof and something signed that says when."""
        rows = {("0.1", ()): True, ("0.1", ("inclusionProof",)): True, ("0.1", ("inclusionPromise",)): False, ("0.2", ()): True,
                ("0.2", ("inclusionProof",)): False, ("0.3", ()): True, ("0.3", ("inclusionProof",)): False, ("0.3", ("inclusionPromise",)): False,
                ("0.3", ("integratedTime",)): False, ("0.3", ("canonicalizedBody",)): False, ("0.4", ()): False}
        for number, (version, without) in enumerate(rows):
            self.add(f"p{number}", self.release(f"p{number}", "1.0.0", 2, bundle=version, without=without))
        gate = self.gate()
        for number, (row, good) in enumerate(rows.items()):
            with self.subTest(row):
                self.assertEqual(list(self.found(gate, f"p{number}", "1.0.0")), [] if good else ["provenance-invalid"], gate.log_end())
                told = self.page(gate, f"p{number}", "1.0.0")
                self.assertEqual(any(each["source"] == "provenance" for each in told["findings"] if each["id"] == "evidence-unavailable"), False)

    def test_what_does_not_hold_is_invalid(self):
        """A statement that says more than its certificate, about other bytes, of another instance."""
        with Authority() as other:
            data = Release("1.0.0").bytes("other")
            foreign = Release("1.0.0", published=days_ago(2),
                              attestations=other.attested("other", "1.0.0", data, repository="https://git.example/o/other", commit=COMMIT))
        self.add("other", foreign)
        stated = {"name": {"url": "pkg:npm/right@1.0.0"}, "bytes": {"sha512": "0" * 128}}
        for name, said in stated.items():
            self.add(name, self.release(name, "1.0.0", 2, **said))
        said = self.release("commit", "1.0.0", 2)
        # The build of one commit says that it built another.
        bundle = self.authority.answer("commit", "1.0.0", said.bytes("commit"), "https://git.example/o/commit", commit="d" * 40)
        said.attestations = {"answer": bundle}
        self.add("commit", said)
        gate = self.gate()
        for name in ("other", *stated):
            with self.subTest(name):
                self.assertEqual(list(self.found(gate, name, "1.0.0")), ["provenance-invalid"])
                self.assert_refused(gate.tarball(name, "1.0.0"), "blocked", "rule provenance-invalid")
        self.assertEqual(self.found(gate, "commit", "1.0.0"), {})

    def test_told_by_the_admin_api(self):
        """Builder, issuer, repository, commit, ref, workflow, run and who approved a staged publish, in the API's answer, in explain and on the page."""
        staged = self.release("left", "1.1.0", 2)
        staged.registry["_npmUser"] = {"name": "owner", "email": "owner@example.com", "approver": {"name": "ann", "email": "ann@example.com"}}
        self.add("left", self.release("left", "1.0.0", 90), staged)
        gate = self.gate()
        self.page(gate, "left", "1.1.0")
        gate.token = gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        answer = wire.send(gate.admin_url, "/api/v1/releases/left/1.1.0?page=plain", headers={"Authorization": f"Bearer {gate.token}"}).json()
        told = answer["outside"]["attestations"]["1.1.0"]
        repository = "https://git.example/o/left"
        self.assertTrue(told["signature_verified"])
        self.assertEqual((told["repository"], told["commit"], told["ref"], told["workflow"]), (repository, COMMIT, "refs/heads/main", WORKFLOW))
        self.assertEqual((told["verified"]["issuer"], told["verified"]["runner"], told["verified"]["run"]), (ISSUER, RUNNER, f"{repository}/actions/runs/1"))
        self.assertTrue(told["builder"])
        self.assertEqual((answer["outside"]["publisher"]["name"], answer["outside"]["publisher"]["approver"]), ("owner", "ann"))
        for word in (ISSUER, COMMIT[:12], "actions/runs/1"):
            self.assertIn(word, answer["page"])
        explained = json.loads(gate.command("explain", "left@1.1.0", "--json").stdout)
        self.assertEqual(explained["outside"]["attestations"]["1.1.0"]["commit"], COMMIT)

    def test_trust_that_changes(self):
        """A trusted root that is replaced is in force without a restart; one that cannot be read leaves the old one; doctor says how old."""
        with Authority() as other:
            release = Release("1.0.0", published=days_ago(2))
            release.attestations = other.attested("left", "1.0.0", release.bytes("left"), repository="https://git.example/o/left", commit=COMMIT)
            self.add("left", release)
            gate = self.gate()
            self.assertEqual(list(self.found(gate, "left", "1.0.0")), ["provenance-invalid"])
            mine = self.authority.root.read_text(encoding="utf-8")
            self.authority.root.write_text("{", encoding="utf-8")
            self.assertTrue(wire.eventually(lambda: self.found(gate, "left", "1.0.0") and "anchors before stay in force" in gate.log()), gate.log_end())
            self.assertEqual(list(self.found(gate, "left", "1.0.0")), ["provenance-invalid"])
            self.authority.root.write_text(other.root.read_text(encoding="utf-8"), encoding="utf-8")
            self.assertTrue(wire.eventually(lambda: self.found(gate, "left", "1.0.0") == {}), gate.log_end())
            self.authority.root.write_text(mine, encoding="utf-8")

    def test_doctor_tells_age_and_expiry(self):
        """Of root and keys: what ends soon is a warning, what has ended or cannot be read a problem."""
        ended = registry_keys(days_ago(400), days_ago(1))
        rows = {"years": (400, None, "ok", ("old", "its certificates hold until", "registry key in force")),
                "soon": (30, None, "warning", ("its certificates hold until",)), "ended": (-1, None, "problem", ("none of its authorities is in force",)),
                "keys": (400, ended, "problem", ("0 registry keys in force",)), "none": (None, None, "problem", ("cannot be read",))}
        for name, (days, keys, result, words) in rows.items():
            with self.subTest(name), Authority(days=days or 400) as authority:
                keys_file = authority.root.with_name("keys.json")
                keys_file.write_text(keys or registry_keys(days_ago(400)), encoding="utf-8")
                if days is None:
                    authority.root.unlink()
                config = authority.root.with_name("gate.yaml")
                signatures = {"provenance": "verified", "trusted_root": str(authority.root), "registry_keys": str(keys_file)}
                config.write_text(json.dumps({"upstreams": [{"name": "public", "url": self.registry.url}], "signatures": signatures,
                                              "storage": {"path": str(authority.root.with_name("data"))}}), encoding="utf-8")
                told = {row["check"]: row for row in json.loads(run("doctor", "--json", "--config", str(config)).stdout)}["trusted root"]
                self.assertEqual(told["result"], result, told)
                for word in words:
                    self.assertIn(word, told["message"])


class LowestRisk(GitEndToEnd):
    """Releases of which everything is proven, and their twins that lack one part."""

    def setUp(self):
        super().setUp()
        self.authority = self.enterContext(Authority())

    def gate(self):  # pylint: disable=arguments-differ
        """A gate that trusts the authority and may ask the git server."""
        git = {"hosts": [], "private_hosts": ["127.0.0.1"], "ca": str(self.server.ca), "cache": "1s", "timeout": self.TIMEOUT}
        signatures = {"provenance": "verified", "trusted_root": str(self.authority.root)}
        return self.enterContext(Gate(self.registry.url, policy=LOWEST,
                                      settings={"git": git, "signatures": signatures, "packuments": {"fresh": "1s", "stale": "1h"}}))

    def package(self, name, age, attested=True, inside=None, manifest=None, branch="main", untagged=False, **claims):
        """An old release and a young one, both built by the same workflow from their tags' commits, but for what is said of the young one."""
        repository = self.server.repository(f"o/{name}")
        repository.configure(uploadpack_allowFilter="true")
        url = self.server.url(f"o/{name}").removeprefix("git+").removesuffix(".git")
        releases = []
        for version, its in (("1.0.0", 60), ("1.0.1", age)):
            young = version == "1.0.1"
            body = {"name": name, "version": version, "main": "index.js", "license": "MIT", **((young and manifest) or {})}
            source = {"package.json": json.dumps(body), "index.js": f"exports.v = '{version}';\n"}
            commit = repository.commit_files(source, branch=branch if young else "main")
            if not (young and untagged):
                repository.tag(f"v{version}", commit)
            release = Release(version, published=days_ago(its), files={**source, **((young and inside) or {})}, manifest=(young and manifest) or {})
            if attested or not young:
                more = claims if young else {}
                release.attestations = self.authority.attested(name, version, release.bytes(name), **{"repository": url, "commit": commit, **more})
            releases.append(release)
        self.registry.add(Package(name, releases, repository=self.server.url(f"o/{name}")))

    def test_waits_less(self):
        """Served after an hour instead of a day, and first in the queue before that; whatever lacks a part of it waits."""
        self.package("proven", 2 * HOUR)
        self.package("zz-fresh", 0.4 * HOUR)
        lacking = {
            "unattested": ({"attested": False}, "provenance is not verified"),
            "workflow": ({"workflow": ".github/workflows/other.yml"}, "workflow"),
            "elsewhere": ({"repository": "https://git.example/o/elsewhere"}, "another repository"),
            "other-commit": ({"commit": "d" * 40}, "commit of its tag"),
            "untagged": ({"untagged": True}, "no tag"),
            "no-branch": ({"branch": None}, "no branch"),
            "payload": ({"inside": {"setup.js": "steal()\n"}}, "file-not-in-source"),
            "hook": ({"manifest": {"scripts": {"postinstall": "node index.js"}}}, "install-script-added"),
        }
        for name, (changes, _) in lacking.items():
            self.package(name, 2 * HOUR, **changes)
        gate = self.gate()
        self.assertEqual(gate.tarball("proven", "1.0.1").status, 200, gate.log_end())
        self.assert_refused(gate.tarball("zz-fresh", "1.0.1"), "quarantined", "rule cooldown-lowest-risk")
        for name, (_, why) in lacking.items():
            with self.subTest(name):
                self.assert_refused(gate.tarball(name, "1.0.1"), "quarantined", "rule cooldown")
        self.tell_reviewers(gate, lacking)

    def tell_reviewers(self, gate, lacking):
        """Explain, the queue and the desk."""
        gate.token = gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        def api(path):
            return wire.send(gate.admin_url, path, headers={"Authorization": f"Bearer {gate.token}"}).json()
        said = api("/api/v1/releases/proven/1.0.1?page=plain")
        self.assertEqual((said["lowest_risk"], said["risk_left"]), (True, None))
        self.assertIn("of the lowest risk", said["explain"].splitlines()[1])
        self.assertIn("risk", said["page"].splitlines()[1])
        self.assertEqual(said["outside"]["branch"]["state"], "on-branch")
        self.assertEqual(said["outside"]["sources"]["1.0.1"]["state"], "compared")
        explained = gate.command("explain", "proven@1.0.1").stdout
        self.assertIn("the lowest", explained)
        for name, (_, why) in lacking.items():
            with self.subTest(name):
                said = api(f"/api/v1/releases/{name}/1.0.1")
                self.assertFalse(said["lowest_risk"])
                self.assertIn(why, said["risk_left"])
        queue = api("/api/v1/releases?verdict=quarantine")["releases"]
        self.assertEqual(sorted(row["name"] for row in queue), sorted(["zz-fresh", *lacking]))
        self.assertEqual((queue[0]["name"], [row["lowest_risk"] for row in queue].count(True)), ("zz-fresh", 1))
        listed = run("quarantine", "list", "--admin", gate.admin_url, env=environment(NPM_GATE_TOKEN=gate.token)).stdout.splitlines()
        self.assertIn("zz-fresh@1.0.1", listed[1])
        self.assertIn("lowest risk", listed[1])


if __name__ == "__main__":
    case.main()
