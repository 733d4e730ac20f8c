#!/usr/bin/env python3
"""Asking for a refused release: who may, how askers join, who is told, every answer, and what a page or form from elsewhere cannot do."""

import json
import pathlib
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import sinks
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, environment, run

POLICY = """\
version: 1
rules:
  - { id: new-hooks, when: { finding: [install-script-added] }, then: quarantine, message: "Runs new code on install." }
  - { id: never, when: { package: [bad] }, then: block }
"""
HOOK = {"manifest": {"scripts": {"postinstall": "node hook.js"}}, "files": {"hook.js": "1"}}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m" + "x" * 900


class Requests(case.EndToEnd):
    """One registry; a gate per test."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry())
        for name in ("left", "@s/right", "other"):
            self.registry.add(Package(name, [Release("1.0.0", days_ago(300)), Release("1.1.0", days_ago(2), **HOOK)]))
        self.registry.add(Package("bad", [Release("1.0.0", days_ago(300))]))

    def gate(self, **settings):
        """A running gate with a reviewer; `left` and its kin were looked at."""
        gate = self.enterContext(Gate(self.registry.url, policy=POLICY, **settings))
        gate.token = gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        for name in ("left", "@s/right", "other"):
            self.assertEqual(gate.versions(name), ["1.0.0"])
        return gate

    def ask(self, gate, release, body, headers=None, method="POST"):
        """One request for a release, as a tool sends it."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        return gate.send(f"/-/npm-gate/requests/{release}", method, JSON if headers is None else headers, data)

    def api(self, gate, path, body=None):
        """The admin API as the reviewer."""
        headers = {"Authorization": f"Bearer {gate.token}", **(JSON if body is not None else {})}
        data = json.dumps(body).encode() if body is not None else None
        return wire.send(gate.admin_url, path, "POST" if body is not None else "GET", headers, data)

    def state(self, gate, release):
        """What the asker reads."""
        return gate.get(f"/-/npm-gate/requests/{release}").json()["requests"]

    def test_askers_join_reviewers_are_told_once_and_every_answer_arrives(self):
        """Two askers, one request, one alert; approved, declined by rejection, and another version to take."""
        hook = self.enterContext(sinks.Hook())
        gate = self.gate(settings={"alerts": {"sinks": [{"name": "hook", "type": "webhook", "url": hook.url}], "wait": "0s"}})
        made = self.ask(gate, "left/1.1.0", {"reason": "for Thursday", "needed_until": "2099-01-02", "project": "shop"})
        self.assertEqual((made.status, made.json()["joined"]), (201, False), made)
        self.assertEqual(made.json()["page"], gate.url + "-/r/left@1.1.0")
        joined = self.ask(gate, "left/1.1.0", {"reason": "me too", "project": "site"})
        self.assertEqual((joined.status, joined.json()["joined"], joined.json()["id"]), (200, True, made.json()["id"]))
        again = self.ask(gate, "left/1.1.0", {"reason": "still needed", "project": "shop"})
        self.assertEqual(again.status, 200)
        told = wire.eventually(lambda: [event for message in hook.messages for event in message["events"] if event["kind"] == "requested"])
        self.assertEqual(len(told), 1, hook.messages)
        self.assertIn("127.0.0.1 asks for left@1.1.0, project shop, needed until 2099-01-02 23:59 UTC: for Thursday", told[0]["sentence"])
        listed = self.api(gate, "/api/v1/requests").json()["requests"]
        self.assertEqual([(one["project"], one["reason"]) for one in listed[0]["askers"]], [("shop", "still needed"), ("site", "me too")])
        first = self.api(gate, "/api/v1/releases?verdict=quarantine").json()["releases"][0]
        self.assertEqual((first["name"], first["asked"]), ("left", 2))
        self.assertEqual(self.state(gate, "left/1.1.0")[0]["askers"], 2)
        self.assertTrue(self.state(gate, "left/1.1.0")[0]["yours"])
        shown = self.api(gate, "/api/v1/releases/left/1.1.0").json()
        self.assertEqual((shown["served_instead"], len(shown["requests"])), ("1.0.0", 1))
        # The nearest version that is served; one that is not served cannot be taken.
        decline = f"/api/v1/requests/{made.json()['id']}/decline"
        self.assertEqual(self.api(gate, decline, {"reason": "x", "instead": "1.1.0"}).status, 409)
        self.assertEqual(self.api(gate, decline, {"reason": " "}).status, 400)
        self.assertEqual(self.api(gate, decline, {"reason": "too young", "instead": "nearest"}).json()["instead"], "1.0.0")
        self.assertEqual(self.api(gate, decline, {"reason": "twice"}).status, 409)
        self.assertEqual(self.api(gate, "/api/v1/requests/99/decline", {"reason": "x"}).status, 404)
        self.assertEqual([(one["state"], one["instead"], one["by"]) for one in self.state(gate, "left/1.1.0")], [("instead", "1.0.0", "rita")])
        # An approval and a rejection of a range answer too.
        self.assertEqual(self.ask(gate, "@s/right/1.1.0", {"reason": "a"}).status, 201)
        self.assertEqual(self.ask(gate, "other/1.1.0", {"reason": "b"}).status, 201)
        for words in (("approve", "@s/right@1.1.0"), ("reject", "other@^1.1.0")):
            done = run("quarantine", *words, "--reason", "SEC-1", "--config", gate.config_file, env=environment(NPM_GATE_TOKEN=gate.token))
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([one["state"] for one in self.state(gate, "@s/right/1.1.0")], ["approved"])
        self.assertEqual([(one["state"], one["reason"]) for one in self.state(gate, "other/1.1.0")], [("declined", "SEC-1")])
        self.assertEqual(self.api(gate, "/api/v1/requests").json()["requests"], [])
        self.assertEqual(len(self.api(gate, "/api/v1/requests?state=all").json()["requests"]), 3)
        trail = wire.eventually(lambda: len(found := [json.loads(line) for line in gate.command(
            "log", "--kind", "request", "--json").stdout.splitlines()]) == 8 and found)
        self.assertEqual([entry["action"] for entry in trail], ["ask", "ask", "ask", "instead", "ask", "ask", "approved", "declined"])
        self.assertEqual({entry["actor"] for entry in trail}, {"client", "admin:rita"})

    def test_an_approval_for_one_project_or_token(self):
        """Who gets the release, who waits on, what `why`, `explain --as` and the trail say, and how it ends."""
        gate = self.gate()
        for project in ("shop", "site"):
            self.assertIn(self.ask(gate, "left/1.1.0", {"reason": project, "project": project}).status, (200, 201))
        env = environment(NPM_GATE_TOKEN=gate.token)

        def quarantine(verb, *more):
            return run("quarantine", verb, "left@1.1.0", "--reason", "SEC-7", *more, "--config", gate.config_file, env=env)

        self.assertEqual(quarantine("approve", "--for", "shop").returncode, 2)
        self.assertNotEqual(quarantine("approve", "--for", "token:nobody").returncode, 0)
        done = quarantine("approve", "--for", "project:shop")
        self.assertEqual((done.returncode, "for project:shop alone; now quarantine for everybody else" in done.stdout), (0, True), done.stderr + done.stdout)

        def versions(**headers):
            return list(gate.get("/left", {name.replace("_", "-"): value for name, value in headers.items()}).json()["versions"])

        tarball = "/left/-/left-1.1.0.tgz"
        for _ in range(2):
            self.assertEqual(versions(npm_gate_project="shop"), ["1.0.0", "1.1.0"])
            self.assertEqual(versions(user_agent="npm/11 project/shop"), ["1.0.0", "1.1.0"])
            self.assertEqual((versions(), versions(npm_gate_project="site")), (["1.0.0"], ["1.0.0"]))
            self.assertEqual([gate.get(tarball, {"npm-gate-project": name}).status for name in ("shop", "site")], [200, 403])
        self.assertEqual(gate.get("/left", {"npm-gate-project": "shop"}).header("cache-control"), "private, no-store")
        # shop has its answer, site waits on.
        request = self.api(gate, "/api/v1/requests").json()["requests"][0]
        self.assertEqual([(one["project"], bool(one["approved"])) for one in request["askers"]], [("shop", True), ("site", False)])
        lock = gate.base / "package-lock.json"
        lock.write_text(json.dumps({"lockfileVersion": 3, "packages": {"": {}, "node_modules/left": {"version": "1.1.0"}}}))
        self.assertEqual([run("why", lock, "--gate", gate.url, "--project", name).returncode for name in ("shop", "site")], [0, 1])
        self.assertEqual([gate.command("explain", "left@1.1.0", "--as", f"project:{name}").returncode for name in ("shop", "site")], [0, 1])
        entry = json.loads(gate.command("log", "--kind", "decision", "--json").stdout.splitlines()[-1])
        self.assertEqual((entry["action"], entry["detail"]["project"]), ("approve", "shop"))
        shown = run("quarantine", "show", "left@1.1.0", "--config", gate.config_file, env=env).stdout
        self.assertIn("approve 1.1.0 for project shop by rita", shown)
        # It ends alone, and one for a token is proven by it.
        self.assertEqual(quarantine("reopen", "--for", "project:shop").returncode, 0)
        self.assertEqual(versions(npm_gate_project="shop"), ["1.0.0"])
        ci = gate.command("token", "create", "ci", "--scope", "install").stdout.strip()
        self.assertEqual(quarantine("approve", "--for", "token:ci").returncode, 0)
        self.assertEqual((versions(authorization=f"Bearer {ci}"), versions(npm_gate_project="ci")), (["1.0.0", "1.1.0"], ["1.0.0"]))
        # For everybody: whoever waited has the answer.
        self.assertEqual(quarantine("approve").returncode, 0)
        self.assertEqual(versions(), ["1.0.0", "1.1.0"])
        self.assertEqual(self.api(gate, "/api/v1/requests").json()["requests"], [])

    def test_what_cannot_be_asked(self):
        """No reason, too much of it, what is served, unknown, over already, not JSON, another page's form, too often."""
        gate = self.gate()
        good = {"reason": "needed"}
        for body, release, status in (({}, "left/1.1.0", 400), ({"reason": "  "}, "left/1.1.0", 400), ({"reason": "x" * 1001}, "left/1.1.0", 400),
                                      ({"reason": "x", "needed_until": "soon"}, "left/1.1.0", 400), (b"[", "left/1.1.0", 400),
                                      ({"reason": "x", "needed_until": "2020-01-01"}, "left/1.1.0", 400), (good, "left/1.0.0", 409),
                                      (good, "left/9.9.9", 404), (good, "nobody/1.0.0", 404), (good, "left/latest", 400), (good, "left", 400)):
            answer = self.ask(gate, release, body)
            self.assertEqual(answer.status, status, (body, release, answer))
            self.assertTrue(answer.error().startswith("npm-gate: "), answer)
        form = urllib.parse.urlencode(good).encode()
        own = gate.url.rstrip("/")
        for headers, status in (({**FORM, "Origin": "http://evil.example"}, 403), ({**FORM, "Origin": "null"}, 403),
                                ({**JSON, "Origin": "http://evil.example"}, 403), ({"Content-Type": "text/plain"}, 400), ({}, 400),
                                ({**FORM, "Origin": own, "Host": "evil.example"}, 421), ({**FORM, "Origin": own}, 303)):
            answer = self.ask(gate, "left/1.1.0", form if "Origin" in headers and headers["Content-Type"] != JSON["Content-Type"] else json.dumps(good).encode(),
                              headers)
            self.assertEqual(answer.status, status, (headers, answer))
        self.assertEqual(answer.header("location"), gate.url + "-/r/left@1.1.0")
        self.assertEqual(gate.send("/-/npm-gate/requests/left/1.1.0", "DELETE").status, 405)
        self.assertEqual(gate.send("/-/npm-gate/releases/left/1.1.0", "POST", JSON, b"{}").status, 405)
        answers = [self.ask(gate, "left/1.1.0", good).status for _ in range(40)]
        self.assertEqual(set(answers[-5:]), {429})

    def test_who_may_ask(self):
        """Nobody, whoever has a token, everybody who may install."""
        off = self.gate(settings={"access": {"requests": "off"}})
        self.assertEqual(self.ask(off, "left/1.1.0", {"reason": "x"}).status, 403)
        self.assertNotIn("<form", off.get("/-/r/left@1.1.0", {"Accept": "text/html"}).body.decode())
        only = self.gate(settings={"access": {"requests": "token", "contact": "#security"}})
        self.assertEqual(self.ask(only, "left/1.1.0", {"reason": "x"}).status, 403)
        ci = only.command("token", "create", "ci", "--scope", "install").stdout.strip()
        asked = run("request", "left@1.1.0", "--reason", "a build", "--gate", only.url, env=environment(NPM_GATE_TOKEN=ci))
        self.assertEqual(asked.returncode, 0, asked.stderr)
        self.assertEqual(self.api(only, "/api/v1/requests").json()["requests"][0]["askers"][0]["who"], "token ci")
        self.assertIn("(ask #security)", only.tarball("left", "1.1.0").error())

    def test_every_refusal_has_a_link_that_opens(self):
        """Tarball, version, packument's notice and a package without any version; the page for people and the answer for tools."""
        gate = self.gate()
        link = gate.url + "-/r/left@1.1.0"
        self.assertIn(link, gate.tarball("left", "1.1.0").error())
        self.assertIn(link, gate.get("/left/1.1.0").error())
        self.assertIn(link, gate.packument("left").header("npm-notice"))
        self.assertIn(gate.url + "-/r/bad@1.0.0", gate.packument("bad").error())
        scoped = gate.url + "-/r/@s/right@1.1.0"
        self.assertIn(scoped, gate.tarball("@s/right", "1.1.0").error())
        for path in ("/-/r/left@1.1.0", "/-/r/@s/right@1.1.0", "/-/r/@s%2fright@1.1.0", "/left/-/left-1.1.0.tgz", "/left/1.1.0"):
            page = gate.get(path, {"Accept": "text/html,application/xhtml+xml"})
            self.assertIn("text/html", page.header("content-type"), path)
            self.assertIn("default-src 'none'", page.header("content-security-policy"), path)
            self.assertIn("install-script-added", page.body.decode(), path)
        self.assertEqual(gate.get("/left/-/left-1.1.0.tgz", {"Accept": "text/html"}).status, 403, "a browser sees a page, and no bytes")
        told = gate.get("/-/r/left@1.1.0", {"Accept": "application/json"}).json()
        self.assertEqual((told["served_instead"], told["page"]), ("1.0.0", link))
        for path in ("/-/r/left", "/-/r/", "/-/r/@s", "/-/npm-gate/requests/left", "/-/npm-gate/held/..x"):
            self.assertIn(gate.get(path).status, (400, 404), path)
        held = gate.get("/-/npm-gate/held/left?range=%5E1.0.1").json()
        self.assertEqual(([one["version"] for one in held["held"]], held["served"]), (["1.1.0"], ""))

    def test_hostile_words_are_shown_harmlessly(self):
        """In the page of the release, the desk's API, the terminal and the trail."""
        gate = self.gate()
        self.assertEqual(self.ask(gate, "left/1.1.0", {"reason": HOSTILE[:1000], "project": HOSTILE[:100]}).status, 201)
        self.assertEqual(self.ask(gate, "left/1.1.0", b'{"reason": "\xff"}').status, 400)
        page = gate.get("/-/r/left@1.1.0", {"Accept": "text/html"}).body.decode()
        declined = self.api(gate, "/api/v1/requests/1/decline", {"reason": HOSTILE})
        self.assertEqual(declined.status, 200, declined)
        page += gate.get("/-/r/left@1.1.0", {"Accept": "text/html"}).body.decode()
        self.assertIn("&lt;script&gt;", page)
        shown = run("request", "left@1.1.0", "--gate", gate.url).stdout + gate.command("log", "--kind", "request").stdout
        self.assertNotIn("<script", page)
        for text in (page, shown):
            for bad in ("\u202e", "\x1b"):
                self.assertNotIn(bad, text)
        self.assertIn("\\u202e", shown)

    def test_why(self):
        """`npm-gate why`: a lockfile, what an install printed, and what was refused to me."""
        gate = self.gate()
        lock = gate.base / "package-lock.json"
        lock.write_text(json.dumps({"lockfileVersion": 3, "packages": {
            "": {}, "node_modules/left": {"version": "1.1.0"}, "node_modules/@s/right": {"version": "1.0.0"}}}))
        log = gate.base / "install.log"
        log.write_text("npm error notarget No matching version found for @s/right@^1.1.0.\nerror: GET " + gate.url + "left/-/left-1.1.0.tgz - 403\n")
        done = run("why", lock, "--gate", gate.url)
        self.assertEqual(done.returncode, 1, done.stderr)
        for words in ("left@1.1.0", "is quarantined until approved", "served instead: 1.0.0", gate.url + "-/r/left@1.1.0", "npm-gate request left@1.1.0"):
            self.assertIn(words, done.stdout)
        self.assertNotIn("@s/right@1.0.0", done.stdout)
        done = run("why", log, "--gate", gate.url, "--json")
        self.assertEqual([(one["name"], one["version"]) for one in json.loads(done.stdout)["refused"]], [("@s/right", "1.1.0"), ("left", "1.1.0")])
        log.write_text("added 3 packages\n")
        self.assertEqual(run("why", log, "--gate", gate.url).returncode, 3)
        lock.write_text(json.dumps({"lockfileVersion": 3, "packages": {"": {}, "node_modules/left": {"version": "1.0.0"}}}))
        good = run("why", lock, "--gate", gate.url)
        self.assertEqual((good.returncode, "nothing of" in good.stdout), (0, True), good.stderr)
        gate.tarball("left", "1.1.0")
        mine = wire.eventually(lambda: (found := run("why", "--gate", gate.url)).returncode == 1 and found)
        self.assertIn("left@1.1.0", mine.stdout)
        self.assertIn("127.0.0.1", mine.stdout)
        down = run("why", lock, "--gate", f"http://127.0.0.1:{wire.free_port()}/")
        self.assertEqual((down.returncode, len(down.stderr.splitlines())), (3, 1), down.stderr)


if __name__ == "__main__":
    case.main()
