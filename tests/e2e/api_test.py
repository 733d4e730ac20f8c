#!/usr/bin/env python3
"""The admin API against its OpenAPI document: every route is described, every real answer is as described, and paging, filters,
errors, health and metrics do what docs/api.md says."""

import json
import pathlib
import re
import sys
import urllib.parse

import jsonschema  # python3-jsonschema: scripts/install-packages.sh test

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from clients import marker_script
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

HOOK = {"manifest": {"scripts": {"postinstall": "node setup.js"}}, "files": {"setup.js": marker_script("hook")}}
POLICY = """\
version: 1
rules:
  - id: new-hooks
    when: { finding: [install-script-added] }
    then: quarantine
"""


def package(name):
    """A good version and a later one with a hook that is held."""
    return Package(name, [Release("1.0.0", published=days_ago(300)), Release("1.1.0", published=days_ago(2), **HOOK)])


class Api:
    """Calls the admin API and holds every answer against the document."""

    def __init__(self, gate):
        self.gate, self.seen, self.token = gate, set(), None
        self.document = wire.send(gate.admin_url, "/api/v1/openapi.json").json()

    def schema_of(self, method, template, answer):
        """The JSON Schema that the document has for an answer; None for text."""
        operation = self.document["paths"][template][method.lower()]
        response = operation["responses"].get(str(answer.status))
        assert response is not None, f"{method} {template}: {answer.status} is not in openapi.json: {answer}"
        if "$ref" in response:
            response = self.document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
        kind = (answer.header("content-type") or "").split(";")[0]
        assert kind in response["content"], f"{method} {template}: content type {kind}"
        return response["content"][kind]["schema"] if kind == "application/json" else None

    def __call__(self, method, template, query=None, body=None, token="", **arguments):
        path = template
        for key, value in arguments.items():
            path = path.replace("{" + key + "}", value if value.startswith("@") else urllib.parse.quote(value, safe=""))
        target = path + ("?" + urllib.parse.urlencode(query) if query else "")
        used = self.token if token == "" else token
        headers = {"Authorization": f"Bearer {used}"} if used else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        answer = wire.send(self.gate.admin_url, target, method, headers, json.dumps(body).encode() if body is not None else None)
        self.seen.add((method, template, answer.status))
        schema = self.schema_of(method, template, answer)
        if schema is not None:
            rooted = {**schema, "components": self.document["components"]}
            problems = list(jsonschema.Draft202012Validator(rooted).iter_errors(answer.json()))
            assert not problems, f"{method} {target}: {problems[0].message} at {list(problems[0].absolute_path)}"
        return answer


class AdminApi(case.EndToEnd):
    """One gate with releases to decide about."""

    NAMES = ("left", "@acme/right", "other")
    RELEASE = "/api/v1/releases/{name}/{version}"

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry([package(name) for name in self.NAMES]))
        self.gate = self.enterContext(Gate(self.registry.url, POLICY))
        self.api = Api(self.gate)
        self.tokens = {scope: self.gate.command("token", "create", scope, "--scope", scope).stdout.strip()
                       for scope in ("install", "review", "admin")}
        self.api.token = self.tokens["admin"]

    def fetch_everything(self):
        """Every release was asked for once; what may be had was fetched."""
        for name in self.NAMES:
            self.gate.packument(name)
            for version in ("1.0.0", "1.1.0"):
                self.gate.tarball(name, version)

    def test_document_and_routes_agree(self):
        """What the gate routes is what the document describes; the document is whole."""
        described = {(method.upper(), path) for path, item in self.api.document["paths"].items() for method in item if method != "parameters"}
        index = self.api("GET", "/api/v1", token=None).json()
        routed = {(route["method"], route["path"]) for route in index["routes"]}
        self.assertEqual(routed - described, set(), "routes that proxy/admin/openapi.json does not describe")
        self.assertEqual(described - routed, set(), "described, but not routed")
        self.assertEqual(self.api.document["openapi"], "3.1.0")
        for reference in re.findall(r'"\$ref": ?"([^"]+)"', json.dumps(self.api.document)):
            place = self.api.document
            for part in reference.removeprefix("#/").split("/"):
                place = place[part]
        for name, schema in self.api.document["components"]["schemas"].items():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)
        for path in self.api.document["paths"]:
            placeholders = set(re.findall(r"\{(\w+)\}", path))
            item = self.api.document["paths"][path]
            named = {p["$ref"].rsplit("/", 1)[1].lower() for p in item.get("parameters", [])}
            self.assertEqual(placeholders, named, path)

    def test_scopes(self):
        """Who may what: none and wrong tokens nothing, install only its subscriptions, review all but the cache."""
        routes = self.api("GET", "/api/v1", token=None).json()["routes"]
        for route in routes:
            arguments = {key: "left" if key == "name" else "1.0.0" for key in re.findall(r"\{(\w+)\}", route["path"])}
            for scope, token in (("none", None), ("install", self.tokens["install"]), ("review", self.tokens["review"])):
                order = ["none", "install", "review", "admin"]
                if order.index(scope) >= order.index(route["scope"]):
                    continue
                with self.subTest(route=route["path"], scope=scope):
                    wanted = 403 if token else {401, 429}
                    answer = self.api(route["method"], route["path"], token=token, **arguments) if token else wire.send(
                        self.gate.admin_url, route["path"].format(**arguments), route["method"])
                    self.assertIn(answer.status, {wanted} if token else wanted)

    def test_review(self):
        """List, look, approve, reject, reopen, with every error on the way."""
        self.fetch_everything()
        held = self.api("GET", "/api/v1/releases", {"verdict": "quarantine"}).json()
        self.assertEqual({(r["name"], r["version"]) for r in held["releases"]}, {(name, "1.1.0") for name in self.NAMES})
        self.assertIsNone(held["next"])
        self.assertEqual(self.api("GET", "/api/v1/releases", {"verdict": "maybe"}).status, 400)
        self.assertEqual(self.api("GET", "/api/v1/releases", {"limit": "0"}).status, 400)
        self.assertEqual(self.api("GET", "/api/v1/releases", {"limit": "many"}).status, 400)
        scoped = self.api("GET", "/api/v1/releases", {"package": "@acme/*"}).json()["releases"]
        self.assertEqual({r["name"] for r in scoped}, {"@acme/right"})
        shown = self.api("GET", self.RELEASE, name="left", version="1.1.0").json()
        self.assertEqual(shown["verdict"]["action"], "quarantine")
        self.assertEqual(self.api("GET", self.RELEASE, name="@acme/right", version="1.1.0").status, 200)
        self.assertEqual(self.api("GET", self.RELEASE, name="@acme%2fright", version="1.1.0").status, 200)
        self.assertEqual(self.api("GET", self.RELEASE, name="left", version="9.9.9").status, 404)
        self.assertEqual(self.api("GET", self.RELEASE, name="nobody", version="1.0.0").status, 404)
        self.assertEqual(self.api("GET", self.RELEASE, name=".bad", version="1.0.0").status, 400)
        approve = self.RELEASE + "/approve"
        self.assertEqual(self.api("POST", approve, body={}, name="left", version="1.1.0").status, 400)
        wrong = {"reason": "seen", "content": "0:0"}
        self.assertEqual(self.api("POST", approve, body=wrong, name="left", version="1.1.0").status, 409)
        right = {"reason": "reviewed the hook", "content": shown["content"], "shown": shown["shown"]}
        self.assertEqual(self.api("POST", approve, body=right, name="left", version="1.1.0").json()["verdict"]["action"], "allow")
        self.assertEqual(self.gate.tarball("left", "1.1.0").status, 200)
        reason = {"reason": "no longer needed"}
        self.assertEqual(self.api("POST", self.RELEASE + "/reject", body=reason, name="other", version="1.0.0").status, 200)
        self.assertEqual(self.gate.tarball("other", "1.0.0").status, 403)
        self.assertEqual(self.api("POST", self.RELEASE + "/reopen", body=reason, name="other", version="1.0.0").status, 200)
        many = "/api/v1/decisions"
        for wrong in ({}, {"verb": "approve", "reason": "x", "releases": []}, {"verb": "hold", "reason": "x", "releases": [{"name": "other", "version": "1.0.0"}]},
                      {"verb": "approve", "reason": "x", "releases": [{"name": "other", "version": "1.0.0"}]},
                      {"verb": "reject", "reason": "x", "project": "shop", "releases": [{"name": "other", "version": "1.0.0"}]},
                      {"verb": "reject", "reason": "x", "releases": [{"name": "other", "version": "^1.0.0"}]}):
            self.assertEqual(self.api("POST", many, body=wrong).status, 400, wrong)
        rows = {row["name"]: row for row in self.api("GET", "/api/v1/releases", {"verdict": "quarantine"}).json()["releases"]}
        shown = [{"name": name, "version": row["version"], "content": row["content"], "seen": row["shown"]} for name, row in rows.items()]
        self.assertGreaterEqual(len(shown), 2, rows)
        changed = self.api("POST", many, body={"verb": "approve", "reason": "read", "releases": [shown[0], {**shown[1], "seen": "0" * 16}]})
        self.assertEqual((changed.status, [one["name"] for one in changed.json()["changed"]]), (409, [shown[1]["name"]]))
        self.assertEqual(len(self.api("GET", "/api/v1/releases", {"verdict": "quarantine"}).json()["releases"]), len(shown), "nothing was decided")
        done = self.api("POST", many, body={"verb": "approve", "reason": "read", "releases": shown})
        self.assertEqual((done.status, len(done.json()["decided"])), (200, len(shown)))
        self.assertEqual(self.api("GET", "/api/v1/releases", {"verdict": "quarantine"}).json()["releases"], [])
        back = {"verb": "reopen", "reason": "once more", "releases": [{"name": one["name"], "version": one["version"]} for one in shown]}
        self.assertEqual(self.api("POST", many, body=back).status, 200)
        self.assertEqual(self.api("POST", many, body=back).status, 409, "no decision is in force")
        self.assertEqual(self.gate.tarball("other", "1.0.0").status, 200)

    def test_paging(self):
        """Pages of every size join to the same rows, none twice."""
        self.fetch_everything()
        pages = [("/api/v1/releases", "releases", {}), ("/api/v1/audit", "entries", {"kind": "served"}),
                 ("/api/v1/downloads", "downloads", {"package": "left"})]
        for agent in ("a", "b", "c", "d", "e"):
            self.gate.get("/left/-/left-1.0.0.tgz", {"User-Agent": agent})
        wire.eventually(lambda: len(self.api("GET", "/api/v1/downloads", {"package": "left"}).json()["downloads"]) == 6)
        for template, key, query in pages:
            whole = self.api("GET", template, {**query, "limit": "1000"}).json()
            self.assertIsNone(whole["next"])
            self.assertGreater(len(whole[key]), 2, template)
            for limit in (1, 2, 3, len(whole[key])):
                with self.subTest(template=template, limit=limit):
                    rows, cursor = [], ""
                    while cursor is not None:
                        page = self.api("GET", template, {**query, "limit": limit, "cursor": cursor}).json()
                        self.assertLessEqual(len(page[key]), limit)
                        rows += page[key]
                        cursor = page["next"]
                    self.assertEqual(rows, whole[key])
        self.assertEqual(self.api("GET", "/api/v1/downloads", {"package": "left", "cursor": "x"}).status, 400)
        self.assertEqual(self.api("GET", "/api/v1/downloads").status, 400)
        self.assertEqual(self.api("GET", "/api/v1/downloads", {"package": "left", "version": ">>"}).status, 400)
        some = self.api("GET", "/api/v1/downloads", {"package": "left", "version": "^2"}).json()
        self.assertEqual(some["downloads"], [])
        self.assertEqual(self.api("GET", "/api/v1/audit", {"cursor": "x"}).status, 400)
        self.assertEqual(self.api("GET", "/api/v1/audit", {"since": "soon"}).status, 400)
        self.assertEqual(self.api("GET", "/api/v1/audit", {"since": "2999-01-01"}).json()["entries"], [])
        self.assertEqual({e["kind"] for e in self.api("GET", "/api/v1/audit", {"kind": "refused"}).json()["entries"]}, {"refused"})

    def test_policy_and_cache(self):
        """The policy in force; refresh asks again, purge forgets what is not pinned and says what stays."""
        policy = self.api("GET", "/api/v1/policy").json()
        self.assertEqual([rule["id"] for rule in policy["rules"]], ["new-hooks"])
        self.gate.tarball("left", "1.0.0")
        self.gate.tarball("left", "1.1.0")
        self.registry.publish("left", Release("1.0.1", published=days_ago(1)))
        self.assertNotIn("1.0.1", self.gate.versions("left"))
        self.assertEqual(self.api("POST", "/api/v1/cache/{name}/refresh", name="left").json()["versions"], 3)
        self.assertIn("1.0.1", self.gate.versions("left"))
        self.assertEqual(self.api("POST", "/api/v1/cache/{name}/refresh", name="nobody").status, 404)
        self.assertEqual(self.api("POST", "/api/v1/cache/{name}/refresh", name=".bad").status, 400)
        self.registry.forget_requests()
        purged = self.api("POST", "/api/v1/cache/{name}/purge", name="left").json()
        self.assertEqual(purged["kept"], [{"version": "1.0.0", "why": "pinned"}])
        self.assertIn("1.1.0", purged["removed"])
        self.assertGreater(purged["bytes"], 0)
        self.assertEqual(self.gate.tarball("left", "1.0.0").status, 200)
        self.assertEqual(self.gate.tarball("left", "1.1.0").status, 403)
        self.assertEqual(len(self.registry.seen("/left")), 1)
        self.assertEqual(self.registry.seen("/left/-/left-1.0.0.tgz"), [])
        self.assertEqual(self.api("POST", "/api/v1/cache/{name}/purge", name=".bad").status, 400)
        self.assertEqual([e["actor"] for e in self.api("GET", "/api/v1/audit", {"kind": "cache-purged"}).json()["entries"]], ["admin:admin"])

    def test_errors(self):
        """404, 405 with Allow, a limit on failed logins that never locks a valid token out."""
        answer = wire.send(self.gate.admin_url, "/api/v1/nothing", headers={"Authorization": f"Bearer {self.api.token}"})
        self.assertEqual(answer.status, 404)
        answer = wire.send(self.gate.admin_url, "/api/v1/policy", "POST", {"Content-Type": "application/json"}, b"{}")
        self.assertEqual((answer.status, answer.header("allow")), (405, "GET"))
        for _ in range(5):
            self.assertEqual(self.api("GET", "/api/v1/releases", token="ngt_wrong").status, 401)
        limited = self.api("GET", "/api/v1/releases", token="ngt_wrong")
        self.assertEqual((limited.status, limited.header("retry-after")), (429, "60"))
        self.assertEqual(self.api("GET", "/api/v1/releases").status, 200)
        self.assertEqual(self.api("GET", "/healthz", token=None).status, 200)

    def test_readiness(self):
        """Ready while the state can be read."""
        self.assertEqual(self.api("GET", "/readyz", token=None).body, b"ready\n")

    def test_metrics(self):
        """The text format, as a parser reads it, with the counters that the traffic must have moved."""
        self.fetch_everything()
        text = self.api("GET", "/metrics", token=None).body.decode()
        samples = parse_metrics(text)
        self.assertEqual(samples[("npm_gate_refusals_total", (("action", "quarantine"),))], 3)
        served = sum(value for (name, labels), value in samples.items()
                     if name == "npm_gate_requests_total" and ("kind", "tarball") in labels and ("status", "200") in labels)
        self.assertEqual(served, 3)
        self.assertGreater(samples[("npm_gate_tarball_bytes", ())], 0)


SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


def parse_metrics(text):
    """{(name, ((label, value), …)): number} of Prometheus' text format 0.0.4; AssertionError where it is not that."""
    assert text.endswith("\n")
    types, samples, buckets = {}, {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types and kind in ("counter", "gauge", "histogram"), line
            types[name] = kind
            continue
        if line.startswith("# HELP ") or not line:
            continue
        found = SAMPLE.match(line)
        assert found, f"not a sample: {line}"
        name, inner, number = found.groups()
        labels, at = [], 0
        while inner and at < len(inner):
            label = LABEL.match(inner, at)
            assert label, f"broken labels: {line}"
            labels.append((label.group(1), label.group(2)))
            at = label.end()
        assert len({key for key, _ in labels}) == len(labels), line
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert types.get(name) or types.get(base) == "histogram", f"no TYPE before {line}"
        key = (name, tuple(sorted(labels)))
        assert key not in samples, f"twice: {line}"
        samples[key] = float(number)
        if name.endswith("_bucket"):
            rest = tuple(sorted(label for label in labels if label[0] != "le"))
            buckets.setdefault((base, rest), []).append((float(dict(labels)["le"]), float(number)))
    for (base, rest), rows in buckets.items():
        counts = [count for _, count in sorted(rows)]
        assert counts == sorted(counts) and sorted(rows)[-1][0] == float("inf"), base
        assert counts[-1] == samples[(base + "_count", rest)], base
    return samples


if __name__ == "__main__":
    case.main()
