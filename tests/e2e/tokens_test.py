#!/usr/bin/env python3
"""`access: {clients: token}`: who has a token installs, everybody else gets a sentence; every real client in its own form of
configuration. A revoked token is refused by the next request, and no token ever reaches a log."""

import base64
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from clients import Project
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

POLICY = "version: 1\nrules: []\n"
NEEDED = {"access": {"clients": "token"}}


def packages():
    """A scoped and an unscoped package."""
    return [Package("left", [Release("1.0.0", published=days_ago(90))]), Package("@acme/right", [Release("1.0.0", published=days_ago(90))])]


def create(gate, name, scope="install"):
    """A new token."""
    made = gate.command("token", "create", name, "--scope", scope)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def revoke(gate, name):
    """Revokes a token by its name, as an admin finds its id."""
    rows = json.loads(gate.command("token", "list", "--json").stdout)
    number = next(row["id"] for row in rows if row["name"] == name)
    done = gate.command("token", "revoke", number)
    assert done.returncode == 0, done.stderr


def bearer(token):
    """The header that most clients send."""
    return {"Authorization": f"Bearer {token}"}


class Doors(case.EndToEnd):
    """By hand, every door."""

    PATHS = ("/left", "/@acme%2fright", "/left/latest", "/-/package/left/dist-tags", "/left/-/left-1.0.0.tgz", "/-/whoami",
             "/-/v1/search?text=left", "/-/npm/v1/keys", "/-/npm-gate/releases/left/1.0.0", "/-/npm-gate/self-test", "/nothing-here")

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry(packages()))
        self.gate = self.enterContext(Gate(self.registry.url, POLICY, NEEDED))
        self.token = create(self.gate, "ci")

    def test_every_door_is_locked(self):
        """401 with a sentence, nothing asked upstream."""
        for path in self.PATHS:
            for headers in ({}, bearer("ngt_" + "0" * 64), bearer("npm_abc"), {"Authorization": "Basic bm9ib2R5Om5vdGhpbmc="}):
                with self.subTest(path=path, headers=headers):
                    answer = self.gate.get(path, headers)
                    self.assertEqual(answer.status, 401, answer)
                    self.assertRegex(answer.error(), r"^npm-gate: .*npm-gate token create")
                    self.assertIsNotNone(answer.header("www-authenticate"))
                    self.assertNotIn("Bearer", answer.header("www-authenticate"))
        bulk = self.gate.send("/-/npm/v1/security/advisories/bulk", "POST", body=b'{"left":["1.0.0"]}')
        self.assertEqual(bulk.status, 401)
        # But for the look at each upstream that the gate has as it starts.
        self.assertEqual([r.path for r in self.registry.seen() if r.path != "/npm/latest"], [])
        self.assertEqual(self.gate.get("/-/ping").status, 200)

    def test_every_door_opens(self):
        """Bearer in any case, Basic with the token as password, every scope."""
        review, admin = create(self.gate, "reviewer", "review"), create(self.gate, "root", "admin")
        basic = base64.b64encode(f"whoever:{self.token}".encode()).decode()
        forms = (bearer(self.token), {"authorization": f"bearer {self.token}"}, {"Authorization": f"Basic {basic}"},
                 bearer(review), bearer(admin))
        for headers in forms:
            for path in self.PATHS[:-1]:
                with self.subTest(path=path, headers=headers):
                    self.assertEqual(self.gate.get(path, headers).status, 200)
            self.assertEqual(self.gate.get("/nothing-here", headers).status, 404)
        self.assertEqual(self.gate.get("/-/whoami", bearer(self.token)).json(), {"username": "ci"})
        self.assertEqual([r.headers for r in self.registry.seen() if "authorization" in r.headers], [])

    def test_revoked_at_once(self):
        """Also where the answer is finished in memory; last_used is kept."""
        for _ in range(2):
            self.assertEqual(self.gate.get("/left", bearer(self.token)).status, 200)
        used = wire.eventually(lambda: json.loads(self.gate.command("token", "list", "--json").stdout)[0]["last_used"])
        self.assertRegex(used or "", r"^\d{4}-")
        revoke(self.gate, "ci")
        for path in ("/left", "/left/-/left-1.0.0.tgz", "/-/whoami"):
            answer = self.gate.get(path, bearer(self.token))
            self.assertEqual(answer.status, 401)
            self.assertIn("revoked", answer.error())

    def test_names_in_the_records(self):
        """Ledger and audit trail carry the token's name, never the token; the log of the gate neither."""
        self.assertEqual(self.gate.tarball("left", "1.0.0").status, 401)
        headers = {**bearer(self.token), "User-Agent": "npm/11.0.0 node/v24 project/shop", "npm-command": "ci"}
        self.assertEqual(self.gate.get("/left/-/left-1.0.0.tgz", headers).status, 200)
        self.gate.send("/-/npm/v1/security/advisories/bulk", "POST", {**bearer(self.token), "npm-gate-project": "till"}, b'{"left":["1.0.0"]}')
        self.gate.send(f"/-/user/token/{self.token}", "DELETE", bearer(self.token))
        for path in ("/-/npm/v1/tokens/token/", "/-/user%2ftoken/", "/%2d/user/token/", "/left?token="):
            self.gate.send(path + self.token, "DELETE", bearer(self.token))
        lines = wire.eventually(lambda: len(found := self.gate.command("downloads", "left", "--json").stdout.splitlines()) == 2 and found)
        rows = {row["reported"]: row for row in map(json.loads, lines)}
        self.assertEqual([rows[False][key] for key in ("token", "project", "command", "address")], ["ci", "shop", "ci", "127.0.0.1"])
        self.assertEqual([rows[True][key] for key in ("token", "project")], ["ci", "till"])
        trail = [json.loads(line) for line in self.gate.command("log", "--kind", "served", "--json").stdout.splitlines()]
        self.assertEqual([entry["client"] for entry in trail], ["127.0.0.1 (ci)"])
        self.gate.stop()
        kept = b"".join(path.read_bytes() for path in self.gate.data.rglob("*") if path.is_file())
        for place, text in (("log", self.gate.log()), ("data", kept.decode(errors="replace"))):
            self.assertNotIn(self.token, text, place)
            self.assertNotIn(self.token[4:40], text, place)

    def test_open_gate_knows_tokens(self):
        """Without `clients: token` a token is not needed, but named where it comes; whoami is answered."""
        with Gate(self.registry.url, POLICY) as gate:
            token = create(gate, "laptop")
            self.assertEqual(gate.get("/-/whoami").status, 401)
            self.assertEqual(gate.get("/-/whoami", bearer("ngt_" + "1" * 64)).status, 401)
            self.assertEqual(gate.get("/-/whoami", bearer(token)).json(), {"username": "laptop"})
            for headers in (bearer(token), bearer("npm_somebody-elses"), {}):
                self.assertEqual(gate.get("/left/-/left-1.0.0.tgz", headers).status, 200)
            rows = wire.eventually(lambda: len(found := gate.command("downloads", "left", "--json").stdout.splitlines()) == 2 and found)
            self.assertEqual(sorted(json.loads(row)["token"] for row in rows), ["", "laptop"])


class Forwarded(case.EndToEnd):
    """X-Forwarded-For is believed from trusted proxies only."""

    def address(self, trusted, forwarded):
        """The address that the ledger has of one fetch."""
        with FixtureRegistry(packages()) as registry, Gate(registry.url, POLICY, {"access": {"trusted_proxies": trusted}}) as gate:
            headers = {"X-Forwarded-For": forwarded} if forwarded is not None else {}
            self.assertEqual(gate.get("/left/-/left-1.0.0.tgz", headers).status, 200)
            lines = wire.eventually(lambda: gate.command("downloads", "left", "--json").stdout.splitlines())
            return json.loads(lines[0])["address"]

    def test_table(self):
        """What nginx appends last counts; what stands left of it was written by the client."""
        rows = [
            ("nobody trusted", [], "198.51.100.7", "127.0.0.1"),
            ("the proxy's word", ["127.0.0.1"], "198.51.100.7", "198.51.100.7"),
            ("a forged first entry", ["127.0.0.0/8"], "10.9.9.9, 198.51.100.7", "198.51.100.7"),
            ("two proxies", ["127.0.0.0/8", "10.0.0.0/8"], "198.51.100.7, 10.1.2.3", "198.51.100.7"),
            ("IPv6 with port", ["127.0.0.1"], "[2001:db8::1]:4711", "2001:db8::1"),
            ("not an address", ["127.0.0.1"], "unknown", "127.0.0.1"),
            ("no header", ["127.0.0.1"], None, "127.0.0.1"),
        ]
        for what, trusted, forwarded, wanted in rows:
            with self.subTest(what):
                self.assertEqual(self.address(trusted, forwarded), wanted)


class Clients(case.EndToEnd):
    """Every package manager with its own configuration."""

    WANTED = {"left": "^1.0.0", "@acme/right": "^1.0.0"}

    def test_installs(self):
        """With the token: both packages. Without, wrong, revoked: refused, and the sentence reaches whom it can."""
        clients = case.installed_clients()
        with FixtureRegistry(packages()) as registry, Gate(registry.url, POLICY, NEEDED) as gate:
            token, old = create(gate, "ci"), create(gate, "old")
            revoke(gate, "old")
            for client in clients:
                with self.subTest(client.name), Project(client, gate.url, token=token) as project:
                    result = project.install(self.WANTED)
                    self.say(result)
                    self.assertEqual(result.code, 0, result.text)
                    self.assertEqual(result.versions, {"left": "1.0.0", "@acme/right": "1.0.0"})
                    for what, wrong in (("none", None), ("wrong", "ngt_" + "0" * 64), ("revoked", old)):
                        project.authenticate(wrong)
                        project.lockfile.unlink(missing_ok=True)
                        refused = project.install(self.WANTED)
                        self.say(what, refused, "| shown" if "npm-gate:" in refused.text or "token" in refused.text else "")
                        self.assertNotEqual(refused.code, 0, refused.text)
                        self.assertEqual(refused.versions, {})
                        words = "needs a token" if wrong is None else "not valid"
                        # yarn 4 has words of its own for every 401; bun and pnpm 12 show the status only.
                        shown = {"npm": words, "yarn1": words, "yarn4": "Invalid authentication", "bun": "401"}
                        self.assertIn(words if client.name == "pnpm10" else shown.get(client.family, "401"), refused.text)
            self.assertNotIn(token, gate.log())

    def test_whoami(self):
        """npm whoami says the token's name."""
        clients = case.installed_clients("npm11", "pnpm10")
        with FixtureRegistry(packages()) as registry, Gate(registry.url, POLICY, NEEDED) as gate:
            token = create(gate, "deploy-bot")
            for client in clients:
                with self.subTest(client.name), Project(client, gate.url, token=token) as project:
                    result = project.run(["whoami"])
                    self.assertEqual(result.code, 0, result.text)
                    self.assertIn("deploy-bot", result.text)

    def test_project_in_user_agent(self):
        """`user-agent` in .npmrc is how npm and pnpm can name the project."""
        clients = case.installed_clients("npm11", "pnpm10")
        with FixtureRegistry(packages()) as registry, Gate(registry.url, POLICY) as gate:
            for client in clients:
                with self.subTest(client.name), Project(client, gate.url) as project:
                    with open(project.folder / ".npmrc", "a", encoding="utf-8") as npmrc:
                        npmrc.write(f"user-agent=ci project/{client.name}-shop\n")
                    result = project.install({"left": "^1.0.0"})
                    self.assertEqual(result.code, 0, result.text)
            wanted = {f"{client.name}-shop" for client in clients}

            def seen():
                rows = map(json.loads, gate.command("downloads", "left", "--json").stdout.splitlines())
                return {row["project"] for row in rows if not row["reported"]}

            self.assertTrue(wire.eventually(lambda: seen() >= wanted, 5), seen())


if __name__ == "__main__":
    case.main()
