#!/usr/bin/env python3
"""TLS on both sides: every client through the HTTPS listener, client certificates, protocol versions, resumption, reload without
dropping a connection; upstreams with every kind of bad certificate."""

import json
import pathlib
import shutil
import socket
import ssl
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import gate as program
import wire
from certificates import Authority, self_signed
from clients import Project
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

POLICY = "version: 1\nrules: []\n"


def packages():
    """One scoped, one not."""
    return [Package("left", [Release("1.0.0", published=days_ago(90))]), Package("@acme/right", [Release("1.0.0", published=days_ago(90))])]


class SecureGate(Gate):
    """A gate with a TLS listener; clients trust `ca`."""

    def __init__(self, upstream, certificate, key, client_ca=None, ca=None, **more):
        tls = {"certificate": str(certificate), "key": str(key)}
        if client_ca is not None:
            tls["client_ca"] = str(client_ca)
        super().__init__(upstream, POLICY, {"listen": {"tls": tls}, **more})
        self.ca = ca

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}/"

    def _answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return True
        except OSError:
            return False

    def context(self, certificate=None, key=None):
        """A client's TLS context."""
        context = ssl.create_default_context(cafile=str(self.ca))
        if certificate is not None:
            context.load_cert_chain(str(certificate), str(key))
        return context

    def open(self, context=None, session=None):
        """A TLS connection."""
        used = context or self.context()
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return used.wrap_socket(plain, server_hostname="127.0.0.1", session=session)


def ask(connection, path):
    """One request over an open connection, to its end: (status line, body)."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{connection.getpeername()[1]}\r\nConnection: close\r\n\r\n".encode())
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0].decode(), body


class Listener(case.EndToEnd):
    """The gate as a TLS server."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.registry = self.enterContext(FixtureRegistry(packages()))

    def dev(self):
        """What `npm-gate certs dev` makes: (certificate, key, ca)."""
        done = program.run("certs", "dev", self.folder / "tls")
        self.assertEqual(done.returncode, 0, done.stderr)
        return tuple(self.folder / "tls" / name for name in ("server.crt", "server.key", "ca.crt"))

    def test_every_client_installs(self):
        """With the lines of the README and docs/operating.md: the CA file per client."""
        certificate, key, ca = self.dev()
        with SecureGate(self.registry.url, certificate, key, ca=ca) as gate:
            for client in case.installed_clients():
                with self.subTest(client.name), Project(client, gate.url, ca=ca) as project:
                    result = project.install({"left": "^1.0.0", "@acme/right": "^1.0.0"})
                    self.say(result)
                    self.assertEqual(result.code, 0, result.text)
                    self.assertEqual(result.versions, {"left": "1.0.0", "@acme/right": "1.0.0"})
            document = json.loads(ask(gate.open(), "/left")[1])
            self.assertEqual(document["versions"]["1.0.0"]["dist"]["tarball"], f"{gate.url}left/-/left-1.0.0.tgz")

    def test_a_client_that_does_not_trust_it(self):
        """Installs nothing."""
        certificate, key, ca = self.dev()
        with SecureGate(self.registry.url, certificate, key, ca=ca) as gate:
            client = case.installed_clients("bun")[0]
            with Project(client, gate.url) as project:
                self.assertNotEqual(project.install({"left": "^1.0.0"}).code, 0)

    def test_client_certificates(self):
        """client_ca: without a certificate of that CA there is no HTTP at all."""
        certificate, key, ca = self.dev()
        ours, theirs = Authority(self.folder / "ci"), Authority(self.folder / "other")
        good, bad = ours.issue("ci-job"), theirs.issue("stranger")
        with SecureGate(self.registry.url, certificate, key, client_ca=ours.certificate, ca=ca) as gate:
            self.assertIn("200", ask(gate.open(gate.context(*good)), "/left")[0])
            for pair in ((), bad):
                with self.assertRaises((ssl.SSLError, ConnectionError, BrokenPipeError)):
                    status, _ = ask(gate.open(gate.context(*pair)), "/left")
                    if not status:
                        raise ConnectionError("closed without an answer")
            for client in case.installed_clients():
                with self.subTest(client.name), Project(client, gate.url, ca=ca, certificate=good) as project:
                    result = project.install({"left": "^1.0.0"})
                    self.say(result)
                    # bun has no way to send one (docs/operating.md).
                    wanted = {} if client.family == "bun" else {"left": "1.0.0"}
                    self.assertEqual((result.code == 0, result.versions), (bool(wanted), wanted), result.text)

    def test_another_client_ca(self):
        """A client_ca that is replaced counts for the next connection; a resumed session does not outlive the old one."""
        certificate, key, ca = self.dev()
        old, new = Authority(self.folder / "old"), Authority(self.folder / "new")
        trusted = self.folder / "trusted.crt"
        shutil.copyfile(old.certificate, trusted)
        with SecureGate(self.registry.url, certificate, key, client_ca=trusted, ca=ca) as gate:
            contexts = [gate.context(*authority.issue("job")) for authority in (old, new)]

            def admitted(context, session=None):
                try:
                    connection = gate.open(context, session)
                    return "200" in ask(connection, "/-/ping")[0] and connection.session
                except (ssl.SSLError, ConnectionError):
                    return None

            session = admitted(contexts[0])
            self.assertTrue(session)
            self.assertIsNone(admitted(contexts[1]))
            shutil.copyfile(new.certificate, trusted)
            self.assertTrue(wire.eventually(lambda: admitted(contexts[1])), gate.log_end())
            self.assertIsNone(admitted(contexts[0], session))

    def test_versions_and_resumption(self):
        """TLS 1.2 and 1.3 with resumption; nothing older, and no cipher without forward secrecy."""
        certificate, key, ca = self.dev()
        with SecureGate(self.registry.url, certificate, key, ca=ca) as gate:
            for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
                context = gate.context()
                context.minimum_version = context.maximum_version = version
                first = gate.open(context)
                ask(first, "/-/ping")
                self.assertEqual(first.version(), name)
                again = gate.open(context, first.session)
                self.assertTrue(again.session_reused, name)
                self.assertIn("200", ask(again, "/-/ping")[0])
            old = gate.context()
            old.set_ciphers("DEFAULT@SECLEVEL=0")
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
            # The alert is the gate's: this client would have spoken TLS 1.1.
            with self.assertRaisesRegex(ssl.SSLError, "ALERT_PROTOCOL_VERSION"):
                gate.open(old)
            weak = gate.context()
            weak.maximum_version = ssl.TLSVersion.TLSv1_2
            weak.set_ciphers("AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA")
            with self.assertRaisesRegex(ssl.SSLError, "ALERT_HANDSHAKE_FAILURE"):
                gate.open(weak)

    def test_reload(self):
        """A renewed pair serves the next handshake; a request in flight ends well; a broken pair changes nothing."""
        authority = Authority(self.folder / "ca")
        live = [self.folder / "live.crt", self.folder / "live.key"]

        def put(pair):
            for source, target in zip(pair, live):
                staged = target.with_suffix(".new")
                shutil.copyfile(source, staged)
                staged.replace(target)

        def serial():
            with gate.open() as connection:
                return connection.getpeercert()["serialNumber"]

        put(authority.issue("first"))
        with SecureGate(self.registry.url, *live, ca=authority.certificate) as gate:
            before = serial()
            hold = self.registry.fault("/left", "hold")
            answers = []
            slow = gate.open()
            worker = threading.Thread(target=lambda: answers.append(ask(slow, "/left")))
            worker.start()
            self.assertTrue(hold.wait_reached())
            put(authority.issue("second"))
            self.assertTrue(wire.eventually(lambda: serial() != before, 20), "new handshakes keep the old certificate")
            after = serial()
            hold.release()
            worker.join(60)
            self.assertIn("200", answers[0][0])
            self.assertIn("1.0.0", json.loads(answers[0][1])["versions"])
            live[1].write_text("not a key\n")
            self.assertTrue(wire.eventually(lambda: serial() and "tls-refused" in gate.log(), 20))
            self.assertEqual(serial(), after)

    def test_check(self):
        """`certs check`: expiry, names, a key of another certificate; `serve` refuses a pair that does not match."""
        authority = Authority(self.folder / "ca")
        good = authority.issue("good")
        rows = [
            (good, (), 0, ""),
            (good, ("--host", "npm.corp.example"), 1, "npm.corp.example"),
            (authority.issue("old", days=(-30, -1)), (), 1, "expired"),
            (authority.issue("soon", days=(-30, 5)), (), 1, "expire"),
            (authority.issue("early", days=(5, 30)), (), 1, "not"),
            ((good[0], authority.issue("another")[1]), (), 1, "key"),
            ((self.folder / "missing.crt", good[1]), (), 3, "missing.crt"),
        ]
        for pair, more, code, word in rows:
            with self.subTest(pair=pair[0].name, more=more):
                done = program.run("certs", "check", *pair, *more)
                self.assertIn(done.returncode, (code, 2 if code == 3 else code), done.stderr)
                self.assertIn(word, done.stderr)
        (self.folder / "gate.yaml").write_text(
            f"upstreams: [ {{ name: a, url: {self.registry.url} }} ]\nlisten: {{ port: 0, tls: {{ certificate: {good[0]}, key: {rows[5][0][1]} }} }}\n"
            "admin: { port: 0 }\n")
        done = program.run("serve", "--config", self.folder / "gate.yaml", cwd=self.folder)
        self.assertIn(done.returncode, (2, 3))
        self.assertIn("does not belong", done.stderr)


class Upstreams(case.EndToEnd):
    """The gate as a TLS client: it says what is wrong with a certificate and serves nothing."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.authority = Authority(self.folder / "ca")

    def server(self, certificate, key, old=False):
        """A registry behind TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if old:
            context.set_ciphers("ALL@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.load_cert_chain(str(certificate), str(key))
        return FixtureRegistry(packages(), context=context)

    def gate(self, registry, ca=True):
        """A gate that trusts the test authority, or nobody but the system."""
        upstream = {"name": "public", "url": registry.url}
        if ca:
            upstream["ca"] = str(self.authority.certificate)
        return Gate(None, POLICY, {"upstreams": [upstream]})

    def test_good(self):
        """An extra CA bundle is enough: packument and tarball."""
        with self.server(*self.authority.issue("good")) as registry, self.gate(registry) as gate:
            self.assertEqual(gate.versions("left"), ["1.0.0"])
            self.assertEqual(gate.tarball("left", "1.0.0").status, 200)

    def test_bad(self):
        """Expired, not yet valid, for another host, self-signed, of an unknown CA, too old a protocol."""
        rows = [
            ("expired", self.authority.issue("old", days=(-30, -1)), True, "expired"),
            ("not yet valid", self.authority.issue("early", days=(5, 30)), True, "not yet valid"),
            ("another host", self.authority.issue("elsewhere", "DNS:registry.example"), True, "names other hosts"),
            ("self-signed", self_signed(self.folder, "selfish"), True, "self-signed"),
            ("unknown CA", self.authority.issue("good"), False, "local issuer"),
            ("TLS 1.1 only", self.authority.issue("ancient"), True, "protocol"),
        ]
        for what, pair, ca, word in rows:
            with self.subTest(what), self.server(*pair, old=what.startswith("TLS")) as registry, self.gate(registry, ca) as gate:
                answer = gate.packument("left")
                self.say(what, answer.status, answer.error())
                self.assertIn(answer.status, (502, 503))
                self.assertIn(word, answer.error())
                self.assertIn(registry.url.rstrip("/"), answer.error())
                self.assertEqual(registry.seen(), [])
                doctor = gate.command("doctor")
                self.assertEqual(doctor.returncode, 1, doctor.stdout)
                self.assertIn(word, doctor.stdout)


if __name__ == "__main__":
    case.main()
