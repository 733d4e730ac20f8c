#!/usr/bin/env python3
"""Signing in at a real OpenID provider: reviewers at the desk, on the admin listener and at the gate's own address; developers who ask for a
release; and everything that is not a sign-in. The browser is in tests/support/identity.py; the one with a real Chromium in browser_test.py."""

import json
import pathlib
import sys
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import identity
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

POLICY = """\
version: 1
rules:
  - { id: new-hooks, when: { finding: [install-script-added] }, then: quarantine }
"""


@unittest.skipIf(identity.modules() is None, "not installed: an OpenID provider (scripts/install-desk-tools.sh)")
class SignIn(case.EndToEnd):
    """One gate and one provider."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry())
        self.registry.add(Package("left", [Release("1.0.0", days_ago(300)),
                                           Release("1.1.0", days_ago(2), manifest={"scripts": {"postinstall": "node a.js"}}, files={"a.js": "1"})]))
        self.provider = self.enterContext(identity.Identity())

    def gate(self, access=None, **admin):
        """Running, with `left` looked at, and the provider running too."""
        settings = {"admin": {**self.provider.settings(), **admin}}
        if access:
            settings["access"] = access
        gate = self.enterContext(Gate(self.registry.url, policy=POLICY, settings=settings, env={"DESK_SECRET": "a&secret: of tests"}))
        self.redirects = [gate.admin_url + "desk/signed-in", gate.url + "-/npm-gate/desk/signed-in", gate.url + "-/npm-gate/signed-in"]
        self.provider.start(self.redirects)
        return gate

    def test_a_reviewer_signs_in_and_decides(self):
        """rita is a reviewer by her group; what she does has her name; signing out ends it."""
        gate = self.gate()
        gate.versions("left")
        rita = identity.Walker()
        page = rita.go(gate.admin_url + "desk/releases/left/1.1.0")
        self.assertIn("Sign in at 127.0.0.1", page)
        rita.send("/desk/sign-in?to=%2Fdesk%2Freleases%2Fleft%2F1.1.0")
        self.assertEqual(rita.status, 303)
        there = urllib.parse.urlsplit(rita.headers["location"])
        self.assertEqual(f"{there.scheme}://{there.netloc}", self.provider.issuer)
        self.assertIn("code_challenge_method=S256", there.query)
        self.assertRegex(rita.headers["set-cookie"], "npm_gate_sign_in=.*Path=/desk; HttpOnly; SameSite=Lax; Max-Age=600")
        rita.go(rita.headers["location"])
        page = rita.sign_in_as("rita")
        self.assertIn("You are sso:rita", page)
        self.assertRegex(rita.headers["set-cookie"] + "".join(rita.headers.get_all("set-cookie")), "npm_gate_desk=.*HttpOnly; SameSite=Strict")
        page = rita.led_on()
        self.assertEqual(urllib.parse.urlsplit(rita.url).path, "/desk/releases/left/1.1.0")
        form = identity.Form(page[page.rindex("<form"):])
        rita.go(form.action, {**form.fields, "reason": "read it, SEC-1", "verb": "approve"})
        self.assertEqual(rita.status, 200, rita.page[:500])
        self.assertEqual(gate.versions("left"), ["1.0.0", "1.1.0"])
        trail = [json.loads(line) for line in gate.command("log", "--json").stdout.splitlines()]
        decided = next(entry for entry in trail if entry["kind"] == "decision")
        self.assertEqual((decided["actor"], decided["action"]), ("admin:sso:rita", "approve"))
        entered = wire.eventually(lambda: [entry for entry in map(json.loads, gate.command("log", "--kind", "sign-in", "--json").stdout.splitlines())])
        self.assertEqual((entered[0]["actor"], entered[0]["action"], entered[0]["detail"]["subject"]), ("admin:sso:rita", "review", "rita"))
        # The kept page of the way back is worth nothing.
        again = identity.Walker()
        again.go(gate.admin_url + "desk/signed-in?code=x&state=y")
        self.assertEqual(again.status, 403)
        self.assertIn("started in another browser", again.page)
        csrf = identity.Form(rita.go("/desk")).fields
        rita.go("/desk/logout", csrf)
        self.assertIn("Sign in", rita.go("/desk"))

    def test_who_is_in_no_group_and_who_is_an_admin(self):
        """dora is told whom to ask; paul may what admins may; what the token lacks the userinfo tells."""
        gate = self.gate()
        self.provider.start(self.redirects, claims_in_token=False)
        dora = identity.Walker()
        dora.go(gate.admin_url + "desk/sign-in")
        self.assertIn("You are sso:dora, but nobody made you a reviewer", dora.sign_in_as("dora"))
        self.assertEqual(dora.status, 403)
        self.assertIn("/desk/login", dora.send("/desk") + dora.headers.get("location", ""))
        paul = identity.Walker()
        paul.go(gate.admin_url + "desk/sign-in")
        paul.sign_in_as("paul")
        self.assertIn("You are sso:paul", paul.page)

    def test_a_provider_that_is_down_or_has_new_keys(self):
        """A page that says so, and a token signs in still; keys that turned are asked for."""
        gate = self.gate()
        self.provider.stop()
        rita = identity.Walker()
        page = rita.go(gate.admin_url + "desk/sign-in")
        self.assertEqual(rita.status, 503)
        self.assertIn("Signing in is not possible now: 127.0.0.1 could not be asked for its configuration", page)
        self.assertIn('name="token"', page)
        self.provider.start(self.redirects, key="key-2")
        wire.eventually(lambda: rita.go(gate.admin_url + "desk/sign-in") and rita.status == 200)
        self.assertIn("You are sso:rita", rita.sign_in_as("rita"))

    def test_a_link_of_somebody_else_signs_nobody_in(self):
        """Another browser's way back; one that was refused at the provider; a foreign host and origin."""
        gate = self.gate()
        mallory, victim = identity.Walker(), identity.Walker()
        mallory.go(gate.admin_url + "desk/sign-in")
        form = identity.Form(mallory.page)
        mallory.go(form.action, {**form.fields, "login": "rita", "password": "x"})
        form = identity.Form(mallory.page)
        mallory.send(form.action, form.fields)
        while mallory.status in (302, 303) and "/desk/signed-in" not in mallory.headers["location"]:
            mallory.send(mallory.headers["location"])
        link = mallory.headers["location"]
        self.assertIn("code=", link)
        victim.go(link)
        self.assertEqual(victim.status, 403)
        self.assertNotIn("npm_gate_desk", str(victim.cookies))
        self.assertEqual(wire.send(gate.admin_url, "/desk/sign-in", headers={"Host": "evil.example"}).status, 421)
        refused = identity.Walker()
        refused.send(gate.admin_url + "desk/sign-in")
        state = urllib.parse.parse_qs(urllib.parse.urlsplit(refused.headers["location"]).query)["state"][0]
        page = refused.go(f"{gate.admin_url}desk/signed-in?error=access_denied&state={state}")
        self.assertEqual(refused.status, 403)
        self.assertIn("access_denied", page)

    def test_the_desk_at_the_gates_own_address(self):
        """Where gate.yaml says so: the same pages below public_url, with their own links; nothing of it without."""
        gate = self.gate(desk_on_gate=True)
        gate.versions("left")
        rita = identity.Walker()
        rita.go(gate.url + "-/npm-gate/desk/sign-in?to=%2Fdesk%2Frequests")
        rita.sign_in_as("rita")
        rita.led_on()
        self.assertEqual(urllib.parse.urlsplit(rita.url).path, "/-/npm-gate/desk/requests")
        page = rita.go("/-/npm-gate/desk")
        self.assertNotRegex(page, '(href|action)="/desk')
        self.assertIn('href="/-/npm-gate/desk/desk.css"', page)
        form = identity.Form(page)
        self.assertEqual(rita.go(form.action, form.fields) and rita.status, 200)
        self.assertEqual(gate.get("/-/npm-gate/desk/desk.css").status, 200)
        self.assertEqual(gate.get("/-/npm-gate/desk", {"Host": "evil.example"}).status, 421)
        self.assertEqual(gate.get("/-/npm-gate/api/v1/releases").status, 404)
        without = self.gate()
        self.assertEqual(without.get("/-/npm-gate/desk").status, 404)

    def test_a_developer_signs_in_to_ask(self):
        """Where only somebody with a name may ask: dora signs in at the page of the refusal, asks, and is told there."""
        gate = self.gate(access={"requests": "token"})
        gate.versions("left")
        dora = identity.Walker()
        page = dora.go(gate.url + "-/r/left@1.1.0")
        self.assertNotIn("<form", page)
        self.assertIn("Sign in</a> to ask for it", page)
        dora.go("/-/npm-gate/sign-in?to=%2F-%2Fr%2Fleft%401.1.0")
        dora.sign_in_as("dora")
        page = dora.led_on()
        self.assertIn("You are sso:dora.", page)
        form = identity.Form(page)
        page = dora.go(form.action, {"reason": "a demo", "needed_until": "", "project": "shop"})
        self.assertIn("You asked for it.", page)
        self.assertNotIn("<textarea", page)
        self.assertEqual(dora.headers["refresh"], "30")
        writing = dora.go("/-/r/left@1.1.0?ask=1")
        self.assertIn("<textarea", writing)
        self.assertNotIn("refresh", dora.headers)
        dora.send(form.action, {"reason": "x"}, Origin="http://evil.example")
        self.assertEqual(dora.status, 403)
        self.assertIn("dora (signed in)", gate.command("log", "--kind", "request").stdout +
                      json.dumps(wire.send(gate.admin_url, "/api/v1/requests", headers={
                          "Authorization": "Bearer " + gate.command("token", "create", "x", "--scope", "review").stdout.strip()}).json()))


if __name__ == "__main__":
    case.main()
