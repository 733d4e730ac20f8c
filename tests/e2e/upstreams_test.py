#!/usr/bin/env python3
"""Several upstreams: every name goes to exactly one, whatever that one says; credentials stay with their origin; proxies towards
upstreams are honoured."""

import json
import pathlib
import select
import socket
import ssl
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from certificates import Authority
from clients import Project, marker_script
from fixture_registry import Canary, FixtureRegistry, Package, Release, days_ago
from gate import Gate, run

POLICY = "version: 1\nrules: [ { id: hooks, when: { finding: [install-script-added] }, then: quarantine } ]\n"
HOOK = {"manifest": {"scripts": {"postinstall": "node setup.js"}}, "files": {"setup.js": marker_script("hook")}}


def simple(name, *versions, **more):
    """A package with old, plain versions."""
    return Package(name, [Release(version, published=days_ago(90), **more) for version in versions])


class Routing(case.EndToEnd):
    """An internal registry for @acme and acme-*, a public one that holds impostors of the same names."""

    INTERNAL = ("@acme/lib", "acme-tool")
    DOORS = ("/{path}", "/{path}/1.0.0", "/{path}/latest", "/{path}/-/{base}-1.0.0.tgz", "/{path}/-/{base}-99.0.0.tgz",
             "/-/package/{path}/dist-tags", "/-/npm/v1/attestations/{path}@1.0.0", "/-/npm-gate/releases/{name}/1.0.0")

    def setUp(self):
        self.internal = self.enterContext(FixtureRegistry([simple(name, "1.0.0") for name in self.INTERNAL]))
        self.public = self.enterContext(FixtureRegistry([simple(name, "1.0.0", "99.0.0") for name in (*self.INTERNAL, "@acme/other", "left")]))

    def gate(self, env=None, **internal):
        """A gate over both."""
        upstreams = [{"name": "internal", "url": self.internal.url, "scopes": ["@acme"], "packages": ["acme-*"], **internal},
                     {"name": "public", "url": self.public.url}]
        return Gate(None, POLICY, {"upstreams": upstreams, "packuments": {"fresh": "1ms", "stale": "2ms"}}, env)

    def leaks(self):
        """Requests at the public registry that say an internal name, in the path, the query or the body."""
        return [r.target for r in self.public.seen() if "acme" in r.target or b"acme" in r.body]

    def every_door(self, gate, name):
        """The status of each door for a name."""
        spelled = name.replace("/", "%2f")
        return {door: gate.get(door.format(path=spelled, name=name, base=name.rsplit("/", 1)[-1])).status for door in self.DOORS}

    def test_internal_names_stay_internal(self):
        """Up, 404, down, broken: never the impostor, never a question elsewhere."""
        with self.gate() as gate:
            for name in self.INTERNAL:
                self.assertEqual(gate.versions(name), ["1.0.0"])
                self.assertEqual(gate.tarball(name, "1.0.0").status, 200)
                self.assertEqual(gate.tarball(name, "99.0.0").status, 404)
            self.assertEqual(set(self.every_door(gate, "@acme/other").values()), {404})
            self.assertEqual(self.leaks(), [])
            self.internal.fault("*", "status", status=500)
            for name in ("@acme/new", "acme-new"):
                statuses = self.every_door(gate, name)
                self.assertLessEqual(set(statuses.values()), {500, 503}, statuses)
            self.internal.stop()
            for name in ("@acme/later", "acme-later"):
                statuses = self.every_door(gate, name)
                self.assertEqual(set(statuses.values()), {503}, statuses)
            self.assertEqual(self.leaks(), [])
            self.assertEqual(gate.versions("left"), ["1.0.0", "99.0.0"])

    def test_install_while_the_internal_registry_is_down(self):
        """A real npm gets an error, not the impostor."""
        client = case.installed_clients("bun")[0]
        with self.gate() as gate, Project(client, gate.url) as project:
            self.internal.stop()
            result = project.install({"@acme/lib": "*", "left": "1.0.0"})
            self.assertNotEqual(result.code, 0)
            self.assertNotIn("@acme/lib", result.versions)
            self.assertEqual(self.leaks(), [])

    def test_audit_and_search(self):
        """The tree that npm posts is split; so is a search; answers about another upstream's names are dropped."""
        self.internal.advisories["@acme/lib"] = [{"id": 1, "title": "internal", "vulnerable_versions": "*", "severity": "low", "url": "u"}]
        self.public.advisories.update({name: [{"id": 2, "title": "public", "vulnerable_versions": "*", "severity": "low", "url": "u"}] for name in
                                       ("left", "@acme/lib")})
        tree = {"@acme/lib": ["1.0.0"], "left": ["1.0.0"], "acme-tool": ["1.0.0"]}
        with self.gate() as gate:
            answer = gate.send("/-/npm/v1/security/advisories/bulk", "POST", body=json.dumps(tree).encode()).json()
            self.assertEqual({name: [a["title"] for a in rows] for name, rows in answer.items()}, {"@acme/lib": ["internal"], "left": ["public"]})
            quick = {"name": "@acme/shop", "requires": {"left": "1", "@acme/lib": "1", "other": "npm:@acme/lib@^1"}, "dependencies": {
                "left": {"version": "1.0.0", "requires": {"acme-tool": "1"}}, "@acme/lib": {"version": "1.0.0", "dependencies": {"x": {"version": "1.0.0"}}},
                "other": {"version": "npm:acme-tool@1.0.0"}}, "install": ["@acme/lib"], "remove": ["acme-tool"]}
            self.assertEqual(gate.send("/-/npm/v1/security/audits/quick", "POST", body=json.dumps(quick).encode()).status, 200)
            for text in ("@acme/lib", "acme-tool", "scope:acme", "left @acme"):
                gate.get("/-/v1/search?text=" + text.replace(":", "%3A").replace("/", "%2F").replace(" ", "+"))
            self.assertEqual(self.leaks(), [])
            found = gate.get("/-/v1/search?text=l").json()["objects"]
            self.assertEqual([o["package"]["name"] for o in found], ["left"])
            self.internal.stop()
            answer = gate.send("/-/npm/v1/security/advisories/bulk", "POST", body=json.dumps(tree).encode())
            self.assertEqual((answer.status, list(answer.json())), (200, ["left"]))
            self.assertEqual(self.leaks(), [])

    def test_audit_of_inspect_false(self):
        """Names of a trusted registry go to it alone."""
        with self.gate(inspect=False) as gate:
            gate.send("/-/npm/v1/security/advisories/bulk", "POST", body=b'{"@acme/lib":["1.0.0"]}')
            self.assertEqual(self.leaks(), [])

    def test_inspect_false(self):
        """Passed through unjudged, but only as the bytes that its packument promises."""
        self.internal.add(Package("@acme/hooked", [Release("1.0.0", published=days_ago(90)), Release("1.1.0", published=days_ago(1), **HOOK)]))
        with self.gate() as gate:
            self.assertEqual(gate.versions("@acme/hooked"), ["1.0.0"])
        with self.gate(inspect=False) as gate:
            self.assertEqual(gate.versions("@acme/hooked"), ["1.0.0", "1.1.0"])
            self.assertEqual(gate.tarball("@acme/hooked", "1.1.0").status, 200)
            self.internal.fault("/@acme/lib/-/*", "wrong-bytes")
            self.assertEqual(gate.tarball("@acme/lib", "1.0.0").status, 403)

    def test_what_inspect_false_refuses(self):
        """The floor and rejections count here too, and at every door alike."""
        name = "@acme/lib"
        self.internal.publish(name, Release("1.1.0", published=days_ago(60)))
        with self.gate(inspect=False) as gate:
            self.assertEqual([gate.tarball(name, version).status for version in ("1.0.0", "1.1.0")], [200, 200])
            token = gate.command("token", "create", "rita", "--scope", "review").stdout.strip()
            done = run("quarantine", "reject", f"{name}@1.0.0", "--reason", "SEC-1", "--admin", gate.admin_url, "--token", token)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(gate.versions(name), ["1.1.0"])
            self.assert_refused(gate.tarball(name, "1.0.0"), "rejected: SEC-1")
            self.internal.republish(name, "1.1.0", files={"other.js": "1"})
            self.internal.publish(name, Release("1.2.0", published=days_ago(30)))
            self.assertTrue(wire.eventually(lambda: gate.versions(name) == ["1.2.0"]))
            self.assert_refused(gate.tarball(name, "1.1.0"), "release-republished")

    def test_tokens(self):
        """From environment or file, to their own origin only, never to a client's benefit elsewhere, never in the log."""
        with tempfile.TemporaryDirectory() as folder, Canary() as canary:
            file = pathlib.Path(folder, "token")
            file.write_text("from-file-canary\n")
            for settings, wanted in (({"token_env": "ACME_TOKEN"}, "from-env-canary"), ({"token_file": str(file)}, "from-file-canary")):
                self.internal.forget_requests()
                self.public.forget_requests()
                with self.subTest(wanted), self.gate({"ACME_TOKEN": "from-env-canary"}, **settings) as gate:
                    client = {"Authorization": "Bearer client-canary"}
                    for path in ("/@acme%2flib", "/@acme%2flib/-/lib-1.0.0.tgz", "/left", "/left/-/left-1.0.0.tgz", "/-/v1/search?text=left"):
                        self.assertEqual(gate.get(path, client).status, 200)
                    self.internal.fault("/@acme/lib", "redirect", location=canary.url + "@acme%2flib")
                    self.assertIn(gate.get("/@acme%2flib/1.0.0").status, (502, 503))
                    self.internal.heal()
                    self.assertEqual({r.headers.get("authorization") for r in self.internal.seen()}, {f"Bearer {wanted}"})
                    self.assertEqual({r.headers.get("authorization") for r in self.public.seen()}, {None})
                    self.assertEqual(canary.requests, [])
                    for secret in (wanted, "client-canary"):
                        self.assertNotIn(secret, gate.log())


class ConnectProxy:
    """An HTTP proxy: CONNECT tunnels and absolute-form requests; keeps what it was asked for."""

    def __init__(self):
        self.asked = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        """For HTTPS_PROXY."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head and (chunk := client.recv(65536)):
            head += chunk
        if not head:
            return
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.asked.append((method, target))
        if method == "CONNECT":
            host, port = target.rsplit(":", 1)
            server = socket.create_connection((host, int(port)))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            origin = target.split("/")[2]
            host, port = origin.rsplit(":", 1)
            server = socket.create_connection((host, int(port)))
            head = head.replace(target.encode(), b"/" + target.split("/", 3)[3].encode(), 1)
            # One request a connection: the next one has to be read and noted too.
            server.sendall(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        ends = {client: server, server: client}
        while True:
            for ready in select.select(list(ends), [], [], 60)[0]:
                data = ready.recv(65536)
                if not data:
                    client.close()
                    server.close()
                    return
                ends[ready].sendall(data)


class Proxies(case.EndToEnd):
    """HTTPS_PROXY, HTTP_PROXY and NO_PROXY towards upstreams."""

    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        authority = Authority(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, authority.issue("registry")))
        self.secure = self.enterContext(FixtureRegistry([simple("left", "1.0.0")], context=context))
        self.plain = self.enterContext(FixtureRegistry([simple("left", "1.0.0")]))
        self.authority = authority

    def fetch(self, registry, env):
        """A tarball through a gate with this environment."""
        upstream = {"name": "public", "url": registry.url, "ca": str(self.authority.certificate)}
        with Gate(None, POLICY, {"upstreams": [upstream]}, env) as gate:
            answer = gate.tarball("left", "1.0.0")
            self.assertEqual(answer.status, 200, answer)

    def test_table(self):
        """What the proxy is asked for."""
        with ConnectProxy() as proxy:
            host = self.secure.url.split("/")[2]
            rows = [
                ("https through CONNECT", self.secure, {"HTTPS_PROXY": proxy.url}, {("CONNECT", host)}),
                ("small letters", self.secure, {"https_proxy": proxy.url}, {("CONNECT", host)}),
                ("http in absolute form", self.plain, {"HTTP_PROXY": proxy.url}, {("GET", self.plain.url + "left"), ("GET", self.plain.url + "left/-/left-1.0.0.tgz")}),
                ("the other scheme's proxy", self.plain, {"HTTPS_PROXY": proxy.url}, set()),
                ("NO_PROXY by host", self.secure, {"HTTPS_PROXY": proxy.url, "NO_PROXY": "example.org,127.0.0.1"}, set()),
                ("NO_PROXY by host and port", self.secure, {"HTTPS_PROXY": proxy.url, "NO_PROXY": host}, set()),
                ("NO_PROXY for another port", self.secure, {"HTTPS_PROXY": proxy.url, "NO_PROXY": "127.0.0.1:1"}, {("CONNECT", host)}),
                ("NO_PROXY *", self.secure, {"HTTPS_PROXY": proxy.url, "NO_PROXY": "*"}, set()),
            ]
            for what, registry, env, wanted in rows:
                with self.subTest(what):
                    proxy.asked.clear()
                    self.fetch(registry, env)
                    # A look at each upstream as the gate starts, whenever it comes.
                    probe = {("GET", self.plain.url + "npm/latest")}
                    self.assertEqual(set(proxy.asked) - probe, wanted)

    def test_dead_proxy(self):
        """503 that names the proxy's failure; nothing goes around it."""
        env = {"HTTPS_PROXY": "http://127.0.0.1:9"}
        upstream = {"name": "public", "url": self.secure.url, "ca": str(self.authority.certificate)}
        with Gate(None, POLICY, {"upstreams": [upstream]}, env) as gate:
            answer = gate.packument("left")
            self.assertEqual(answer.status, 503)
            self.assertIn("127.0.0.1:9", answer.error())
            self.assertEqual(self.secure.seen(), [])


if __name__ == "__main__":
    case.main()
