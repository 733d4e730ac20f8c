#!/usr/bin/env python3
"""The desk and the gate's own pages in a real Chromium: a reviewer's morning, a developer's request on a phone, hostile text of packages.
Pictures are kept (NPM_GATE_SCREENSHOTS, else build/screenshots)."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from browser import Browser, is_installed
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, run

POLICY = """\
version: 1
rules:
  - { id: new-hooks, when: { finding: [install-script-added] }, then: quarantine, message: "Runs new code on install." }
  - { id: cooldown, when: { younger_than: 24h, not: { package: [steady] } }, then: quarantine }
"""
HOOK = {"scripts": {"postinstall": "node hook.js"}}
# What a package can write: markup, another script, another direction, terminal codes, and more than fits.
NASTY = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>\u202egnp.exe\u202c\x1b[31m" + "W" * 10_000
NASTY_FILE = "lib/" + "<svg onload=alert(1)>" + "n" * 60 + "\u202e.js"


def held(name, code="module.exports = 1;\n", **more):
    """A package with a release that waits for a reviewer."""
    return Package(name, [Release("1.0.0", days_ago(300), files={"index.js": "module.exports = 0;\n"}),
                          Release("1.1.0", days_ago(3), manifest={**HOOK, **more}, files={"index.js": code, "hook.js": "require('./index.js');\n"})])


@unittest.skipUnless(is_installed(), "not installed: chromium chromium-driver (scripts/install-packages.sh browser)")
class InABrowser(case.EndToEnd):
    """One gate, one registry; each test its own browser."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry())
        names = ["left", "right", "@acme/tool", "esbuild-like", "logger", "parser", "queue", "store"]
        for name in names:
            self.registry.add(held(name, "const fs = require('fs');\nmodule.exports = fs.readdirSync('.');\n"))
        self.registry.add(held("nasty", "/* " + NASTY[:3000] + " */\n", description=NASTY, license=NASTY[:200], author=NASTY[:300]))
        self.registry.add(Package("young", [Release("1.0.0", days_ago(200)), Release("1.0.1", days_ago(0.2))]))
        self.gate = self.enterContext(Gate(self.registry.url, policy=POLICY))
        self.token = self.gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        for name in [*names, "nasty", "young"]:
            self.assertEqual(self.gate.versions(name), ["1.0.0"])
        self.desk = self.gate.admin_url + "desk"

    def check(self, browser, name=None):
        """The page is fit for everybody, and hostile text did nothing."""
        self.assertEqual(browser.faults(), [], browser.url())
        self.assertIsNone(browser.script("return window.pwned"))
        self.assertEqual(browser.complaints(), [], browser.url())
        if name:
            browser.picture(name)

    def sign_in(self, browser):
        """As rita."""
        browser.open(self.desk)
        self.check(browser, f"login-{browser.width}")
        browser.type("#token", self.token)
        browser.press("main button")

    def test_a_reviewers_morning(self):
        """Ten held releases, two requests, one bulk decision, one approved, one reopened; every page of the desk, wide and dark and narrow."""
        for name, reason in (("left", "the release of Thursday needs it"), ("right", "<b>please</b>")):
            asked = run("request", f"{name}@1.1.0", "--reason", reason, "--project", "shop", "--gate", self.gate.url)
            self.assertEqual(asked.returncode, 0, asked.stderr)
        with Browser() as browser:
            self.sign_in(browser)
            wire.eventually(lambda: browser.open(self.desk) or browser.text().count("@1.1.0") == 9)
            queue = browser.text("main")
            self.assertLess(queue.index("left@1.1.0"), queue.index("@acme/tool@1.1.0"), "what is asked for comes first")
            self.check(browser, "queue")
            for name in ("logger", "parser"):
                browser.press(f"input[value='{name}@1.1.0']")
            browser.type("input[name=reason]", "not ours, SEC-12")
            browser.press("button[value=reject]")
            self.assertNotIn("parser@1.1.0", browser.text("main"))
            browser.follow("left@1.1.0")
            browser.wait_for("the release of Thursday needs it")
            browser.wait_for("hook.js")
            self.check(browser, "release")
            browser.type("#reason", "read every line, SEC-13")
            browser.press("button.approve")
            self.assertEqual(self.gate.versions("left"), ["1.0.0", "1.1.0"])
            browser.open(self.desk + "/releases/left/1.1.0")
            browser.type("#reason", "once more, please")
            browser.press("button[value=reopen]")
            self.assertEqual(self.gate.versions("left"), ["1.0.0"])
            for path, words in (("requests?state=all", "approved by rita"), ("packages/left", "Releases, newest first"), ("search?q=SEC-13", "approve of"),
                                ("policy", "new-hooks"), ("state", "Sandbox"), ("audit?kind=decision", "SEC-12"),
                                ("downloads?package=left", "Nobody fetched"), ("releases/nasty/1.1.0", "hook.js"), ("packages/nasty", "1.1.0")):
                browser.open(f"{self.desk}/{path}")
                browser.wait_for(words)
                self.check(browser, path.partition("?")[0].replace("/", "-"))
            browser.open(self.desk)
            browser.keys("\ue004\ue007")  # Tab, Enter: the first stop is the way past the navigation
            self.assertTrue(browser.url().endswith("#content"), browser.url())
        with Browser(width=390, height=844, dark=True) as phone:
            self.sign_in(phone)
            for path in ("", "/releases/right/1.1.0", "/requests", "/packages/nasty", "/search?q=left", "/policy", "/state", "/releases/nasty/1.1.0"):
                phone.open(self.desk + path)
                self.check(phone, "phone" + path.partition("?")[0].replace("/", "-"))

    def test_a_developers_request_on_a_phone(self):
        """The URL that a client prints opens as a page; asked, joined by another, answered with another version to take."""
        tarball = self.gate.url + "left/-/left-1.1.0.tgz"
        with Browser(width=390, height=844) as phone:
            phone.open(tarball)
            phone.wait_for("left@1.1.0 is quarantined")
            self.assertIn("Served instead: left@1.0.0", phone.text())
            self.check(phone, "phone-refused")
            phone.type("#reason", "a <script>alert(1)</script> build")
            phone.type("#project", "shop")
            phone.press("button")
            phone.wait_for("You asked for it.")
            self.assertIn("/-/r/left@1.1.0", phone.url())
            self.assertTrue(phone.has("meta[http-equiv=refresh]"), "the page looks for the answer by itself")
            self.check(phone, "phone-asked")
            joined = run("request", "left@1.1.0", "--reason", "me too", "--gate", self.gate.url, "--project", "site")
            self.assertIn("others ask for it too", joined.stdout)
            with Browser() as browser:
                self.sign_in(browser)
                browser.open(self.desk + "/releases/left/1.1.0")
                browser.wait_for("me too")
                self.check(browser, "request")
                browser.type("input[name=reason]", "1.1.0 is being looked at")
                browser.press("button[value=instead]")
                browser.wait_for("Take 1.0.0 instead")
            phone.open(self.gate.url + "-/r/left@1.1.0")
            phone.wait_for("1.1.0 is being looked at")
            self.assertIn("Take left@1.0.0 instead", phone.text())
            self.check(phone, "phone-answered")
            phone.open(self.gate.url + "-/npm-gate/refusals")
            phone.wait_for("left@1.1.0")
            self.check(phone, "phone-refusals")
            phone.open(self.gate.url + "-/r/nasty@1.1.0")
            phone.wait_for("quarantine")
            self.check(phone, "phone-nasty")
        trail = [line for line in self.gate.command("log", "--kind", "request").stdout.splitlines() if "left@1.1.0" in line]
        self.assertEqual(len(trail), 3, trail)


if __name__ == "__main__":
    case.main()
