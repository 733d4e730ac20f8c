#!/usr/bin/env python3
"""The review desk as a browser sees it: signing in, the queue, a release with the lines that changed, decisions, and what it refuses."""

import http.client
import pathlib
import re
import ssl
import sys
import tempfile
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from certificates import Authority
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate, environment, run

POLICY = """\
version: 1
rules:
  - { id: new-hooks, when: { finding: [install-script-added] }, then: quarantine }
"""
HOSTILE = "const a = '</pre><script>alert(1)</script>';\nconst p\u0430ypal = '\u202e';\n"


def hook(code):
    """A release whose new postinstall runs `code`."""
    return {"manifest": {"scripts": {"postinstall": "node hook.js"}}, "files": {"hook.js": code}}


class Browser:
    """Cookies, forms and redirects of one browser, and nothing else of it."""

    def __init__(self, port):
        self.port, self.cookie = port, ""

    def send(self, method, path, form=None, **headers):
        """One exchange: status, headers, text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            body = urllib.parse.urlencode(form, doseq=True) if form is not None else None
            fields = {"Host": f"127.0.0.1:{self.port}"}
            if self.cookie:
                fields["Cookie"] = self.cookie
            if method == "POST":
                fields |= {"Origin": f"http://127.0.0.1:{self.port}", "Content-Type": "application/x-www-form-urlencoded"}
            fields |= {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
            for name, value in headers.items():
                if value is None:
                    fields.pop(name.replace("_", "-"), None)
            connection.request(method, path, body, fields)
            answer = connection.getresponse()
            text = answer.read().decode()
            set_cookie = answer.getheader("set-cookie")
            if set_cookie:
                self.cookie = set_cookie.split(";")[0]
            return answer.status, answer.headers, text
        finally:
            connection.close()

    def sign_in(self, token):
        """The login form."""
        return self.send("POST", "/desk/login", {"token": token, "to": "/desk"})

    @staticmethod
    def field(page, name):
        """A hidden field's value."""
        return re.search(rf'name="{name}" value="([^"]*)"', page)[1]


class Desk(case.EndToEnd):
    """One gate with a held release."""

    def setUp(self):
        self.registry = self.enterContext(FixtureRegistry())
        self.registry.add(Package("left", [Release("1.0.0", days_ago(300), files={"lib/a.js": "one\ntwo\n", "README.md": "old\n"}),
                                           Release("1.0.1", days_ago(2), manifest={"scripts": {"postinstall": "node hook.js"}},
                                                   files={"lib/a.js": "one\n2\n", "README.md": "new\n", "hook.js": HOSTILE})]))
        self.registry.add(Package("right", [Release("1.0.0", days_ago(300)), Release("1.0.1", days_ago(2), **hook("1"))]))
        self.gate = self.enterContext(Gate(self.registry.url, policy=POLICY))
        self.token = self.gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        for name in ("left", "right"):
            self.assertEqual(self.gate.versions(name), ["1.0.0"])
        self.port = int(self.gate.admin_url.rstrip("/").rsplit(":", 1)[1])
        self.browser = Browser(self.port)

    def signed_in(self):
        """The queue, as rita sees it."""
        status, headers, _ = self.browser.sign_in(self.token)
        self.assertEqual((status, headers["location"]), (303, "/desk"))
        status, _, page = self.browser.send("GET", "/desk")
        self.assertEqual(status, 200, page)
        return page

    def test_the_morning_of_a_reviewer(self):
        """Queue, page with lines, approval of what was shown, rejection of the other, the trail."""
        self.signed_in()
        wire.eventually(lambda: "right@1.0.1" in self.browser.send("GET", "/desk")[2])
        queue = self.browser.send("GET", "/desk")[2]
        self.assertIn("left@1.0.1", queue)
        self.assertIn("right@1.0.1", queue)
        status, _, page = self.browser.send("GET", "/desk/releases/left/1.0.1")
        self.assertEqual(status, 200, page)
        self.assertIn("const a = &apos;&lt;/pre&gt;&lt;script&gt;alert(1)", page)
        self.assertIn("p\\u0430ypal = &apos;\\u202e&apos;", page)
        self.assertNotIn("<script", page)
        self.assertLess(page.index("hook.js</strong>"), page.index("lib/a.js</strong>"), "what runs on install comes first")
        self.assertLess(page.index("lib/a.js</strong>"), page.index("README.md</strong>"), "documents come last")
        form = {"csrf": Browser.field(page, "csrf"), "release": "left@1.0.1", "content": Browser.field(page, "content"),
                "seen": Browser.field(page, "seen"), "reason": "read every line", "expires": "", "verb": "approve"}
        status, headers, text = self.browser.send("POST", "/desk/decide", form)
        self.assertEqual((status, headers["location"]), (303, "/desk/releases/left/1.0.1?done=approve&n=1"), text)
        self.assertEqual(self.gate.versions("left"), ["1.0.0", "1.0.1"])
        form = {"csrf": Browser.field(page, "csrf"), "release": ["right@1.0.1", "left@1.0.1"], "reason": "no", "verb": "reject"}
        status, headers, text = self.browser.send("POST", "/desk/decide", form)
        self.assertEqual((status, headers["location"]), (303, "/desk?done=reject&n=2"), text)
        self.assertEqual(self.gate.versions("left"), ["1.0.0"])
        self.assertIn("read every line", self.browser.send("GET", "/desk/audit?kind=decision")[2])
        self.assertNotIn("left@1.0.1", self.browser.send("GET", "/desk")[2])
        for path in ("/desk/packages/left", "/desk/downloads?package=left", "/desk/policy", "/desk/state", "/desk?verdict=all"):
            self.assertEqual(self.browser.send("GET", path)[0], 200, path)

    def test_an_approval_of_something_else_is_a_conflict(self):
        """What the form names is not what the release is."""
        page = self.signed_in()
        form = {"csrf": Browser.field(page, "csrf"), "release": "left@1.0.1", "content": "other", "seen": "other", "reason": "x",
                "verb": "approve"}
        status, _, text = self.browser.send("POST", "/desk/decide", form)
        self.assertEqual(status, 409, text)
        self.assertEqual(self.gate.versions("left"), ["1.0.0"])

    def test_nobody_gets_in_or_decides_by_another_way(self):
        """No token, a wrong one, an install token; another origin, no origin, no secret, another host; a token that is revoked."""
        self.assertEqual(self.browser.send("GET", "/desk")[1]["location"], "/desk/login?to=%2Fdesk")
        self.assertEqual(self.browser.sign_in("ngt_wrong")[0], 403)
        install = self.gate.command("token", "create", "ci", "--scope", "install").stdout.strip()
        self.assertEqual(self.browser.sign_in(install)[0], 403)
        page = self.signed_in()
        good = {"csrf": Browser.field(page, "csrf"), "release": "left@1.0.1", "reason": "x", "verb": "reject"}
        for form, headers in ((good | {"csrf": "0" * 64}, {}), ({k: v for k, v in good.items() if k != "csrf"}, {}),
                              (good, {"Origin": "http://evil.example"}), (good, {"Origin": None}), (good, {"Origin": "null"})):
            self.assertEqual(self.browser.send("POST", "/desk/decide", form, **headers)[0], 403, (form, headers))
        self.assertEqual(self.browser.send("GET", "/desk", Host="evil.example")[0], 421)
        self.assertEqual(self.browser.send("POST", "/desk/login", {"token": self.token}, Origin="http://evil.example")[0], 403)
        self.assertEqual(self.browser.send("POST", "/desk/login", {"token": self.token, "to": "//evil.example"})[1]["location"], "/desk")
        self.assertEqual(self.gate.command("token", "revoke", "1").returncode, 0)
        self.assertEqual(self.browser.send("GET", "/desk")[0], 303)

    def test_the_listener_answers_by_its_own_names_and_takes_json(self):
        """A foreign Host, what another site's page sends, a body of another kind; probes by any name; names from gate.yaml."""
        admin, bearer = self.gate.admin_url, {"Authorization": f"Bearer {self.token}"}
        json_type = {"Content-Type": "application/json"}
        for path in ("/api/v1/releases", "/metrics", "/desk/login", "/nowhere"):
            self.assertEqual(wire.send(admin, path, headers={**bearer, "Host": "evil.example"}).status, 421, path)
        for path in ("/healthz", "/readyz"):
            self.assertEqual(wire.send(admin, path, headers={"Host": "evil.example"}).status, 200, path)
        for host in (f"localhost:{self.port}", "[::1]", "10.0.0.7:80"):
            self.assertEqual(wire.send(admin, "/api/v1/releases", headers={**bearer, "Host": host}).status, 200, host)
        reject = "/api/v1/releases/left/1.0.1/reject"
        for headers, status in (({**json_type, "Origin": "http://evil.example"}, 403), ({**json_type, "Origin": "null"}, 403),
                                ({"Content-Type": "text/plain"}, 415), ({"Content-Type": "application/x-www-form-urlencoded"}, 415), ({}, 415)):
            answer = wire.send(admin, reject, "POST", {**bearer, **headers}, b'{"reason":"x"}')
            self.assertEqual((answer.status, answer.error()[:9]), (status, "npm-gate:"), (headers, answer))
        self.assertEqual(self.gate.versions("left"), ["1.0.0"])
        good = {**bearer, "Content-Type": "application/json; charset=utf-8", "Origin": admin.rstrip("/")}
        self.assertEqual(wire.send(admin, reject, "POST", good, b'{"reason":"x"}').status, 200)
        named = self.enterContext(Gate(self.registry.url, settings={"admin": {"url": "https://review.corp.example/", "hosts": ["Gate.Internal"]},
                                                                    "access": {"trusted_proxies": ["127.0.0.1"]}}))
        for host, status in (("review.corp.example", 200), ("gate.internal:4874", 200), ("evil.example", 421)):
            self.assertEqual(wire.send(named.admin_url, "/desk/login", headers={"Host": host}).status, status, host)
        # Behind a proxy that speaks TLS: the cookie is for TLS alone, and the trail has the reviewer's own address.
        token = named.command("token", "create", "rita", "--scope", "review").stdout.strip()
        answer = wire.send(named.admin_url, "/desk/login", "POST", {
            "Host": "review.corp.example", "Origin": "https://review.corp.example", "Content-Type": "application/x-www-form-urlencoded",
            "X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "https"}, urllib.parse.urlencode({"token": token}).encode())
        self.assertEqual(answer.status, 303, answer)
        self.assertIn("; Secure", answer.header("set-cookie"))
        self.assertTrue(wire.eventually(lambda: "192.0.2.9" in named.command("log", "--kind", "sign-in", "--json").stdout))
        self.assertEqual(wire.send(named.admin_url, "/metrics", headers={"X-Forwarded-For": "192.0.2.9"}).status, 401, "not from this machine")

    def test_the_admin_listener_over_tls(self):
        """admin.tls: pages, API and the commands that --config leads there."""
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        authority = Authority(folder)
        certificate, key = authority.issue("admin")
        gate = self.enterContext(Gate(self.registry.url, settings={"admin": {"tls": {"certificate": str(certificate), "key": str(key)}}}))
        token = gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
        trusting = environment(NPM_GATE_TOKEN=token, SSL_CERT_FILE=str(authority.certificate))
        listed = run("quarantine", "list", "--config", gate.config_file, env=trusting)
        self.assertEqual((listed.returncode, "no release is held" in listed.stdout), (0, True), listed.stderr)
        self.assertNotEqual(run("quarantine", "list", "--config", gate.config_file, env=environment(NPM_GATE_TOKEN=token)).returncode, 0)
        connection = http.client.HTTPSConnection("127.0.0.1", gate.admin_port, context=ssl.create_default_context(cafile=str(authority.certificate)))
        self.addCleanup(connection.close)
        origin = f"https://127.0.0.1:{gate.admin_port}"
        connection.request("POST", "/desk/login", urllib.parse.urlencode({"token": token}),
                           {"Origin": origin, "Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 303, answer.read())
        self.assertRegex(answer.getheader("set-cookie"), "HttpOnly; SameSite=Strict; Secure")

    def test_pages_are_guarded(self):
        """No script, no frame, nothing kept, a cookie that scripts and other sites do not get."""
        _, headers, _ = self.browser.sign_in(self.token)
        self.assertRegex(headers["set-cookie"], "HttpOnly; SameSite=Strict")
        _, headers, page = self.browser.send("GET", "/desk")
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertNotIn("script-src", headers["content-security-policy"])
        self.assertEqual(headers["cache-control"], "no-store")
        form = {"csrf": Browser.field(page, "csrf")}
        self.assertEqual(self.browser.send("POST", "/desk/logout", form)[0], 303)
        self.assertEqual(self.browser.send("GET", "/desk")[0], 303)

    def test_the_lines_in_the_terminal(self):
        """`quarantine show --diff`, `inspect --diff`, and the API."""
        shown = run("quarantine", "show", "left@1.0.1", "--diff", "--admin", self.gate.admin_url, env=environment(NPM_GATE_TOKEN=self.token))
        self.assertEqual(shown.returncode, 0, shown.stderr)
        inspected = run("inspect", "left@1.0.1", "--diff", "--upstream", self.registry.url, "--policy", self.gate.policy_file)
        files = {version: self.gate.base / f"left-{version}.tgz" for version in ("1.0.0", "1.0.1")}
        for version, file in files.items():
            file.write_bytes(self.registry.tarball("left", version))
        of_files = run("inspect", files["1.0.1"], "--baseline", files["1.0.0"], "--diff", "--policy", self.gate.policy_file)
        for text in (shown.stdout, inspected.stdout, of_files.stdout):
            self.assertRegex(text, r"added hook\.js  \+2 -0  \(runs on install\)")
            self.assertRegex(text, r"      2 \+2")
            self.assertIn("p\\u0430ypal", text)
            self.assertIn("also changed: README.md (document)", text)


if __name__ == "__main__":
    case.main()
