#!/usr/bin/env python3
"""What kills or floods a gate from the network, tried on the program: messages that made a library throw, connections, two gates on one
data folder, leaving under load, probes, tokens that are renewed."""

import os
import pathlib
import re
import shutil
import signal
import socket
import socketserver
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import gate as program
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

BIG = b"a" * 70_000
TRAILER = b"0\r\nX-A: " + BIG + b"\r\n\r\n"


def small():
    """One good package."""
    return Package("framed", [Release("1.0.0", published=days_ago(300))])


def large():
    """A package with a tarball of some MiB that does not compress."""
    return Package("large", [Release("1.0.0", published=days_ago(300), files={"noise.txt": os.urandom(6_000_000).hex()})])


class RawUpstream:
    """Answers every request with the same bytes and keeps the heads that it was sent."""

    def __init__(self, answer):
        outer = self
        self.heads = []

        class Handler(socketserver.StreamRequestHandler):
            """One request, one answer, the end."""

            def handle(self):
                head = b""
                while line := self.rfile.readline():
                    head += line
                    if line == b"\r\n":
                        break
                outer.heads.append(head)
                self.wfile.write(answer)

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Killers(case.EndToEnd):
    """Requests and answers that ended the process."""

    def test_trailers_and_extensions_without_end(self):
        """Both listeners, every method that brings a body, before any authentication: refused, and the gate lives."""
        with FixtureRegistry([small()]) as registry, Gate(registry.url, settings={"access": {"clients": "token"}}) as gate:
            for url, port in ((gate.url, gate.port), (gate.admin_url, gate.admin_port)):
                for method in ("POST", "PUT", "DELETE"):
                    for name, body in (("trailer", TRAILER), ("name", b"0\r\n" + BIG + b": 1\r\n\r\n"), ("extension", b"1;" + BIG + b"\r\na\r\n0\r\n\r\n")):
                        with self.subTest(method=method, body=name, port=port):
                            head = f"{method} /-/npm/v1/security/advisories/bulk HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\n\r\n"
                            answer = wire.raw(url, head.encode() + body)
                            self.assertRegex(answer[:12], rb"HTTP/1.1 4\d\d")
                            self.assertIsNone(gate.process.poll(), "the gate ended")
            self.assertEqual(gate.get("/-/ping").status, 200)

    def test_an_upstream_that_sends_them(self):
        """The client gets an error, and the gate lives."""
        for body in (TRAILER, b"2;" + BIG + b"\r\n{}\r\n0\r\n\r\n"):
            with RawUpstream(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body) as upstream, Gate(upstream.url) as gate:
                self.assertIn(gate.packument("framed").status, (502, 503))
                self.assertIn(gate.tarball("framed", "1.0.0").status, (502, 503))
                self.assertIsNone(gate.process.poll(), "the gate ended")


class Connections(case.EndToEnd):
    """Descriptors and turns."""

    def descriptors(self, gate):
        """How many the process holds."""
        return len(os.listdir(f"/proc/{gate.process.pid}/fd"))

    def test_a_client_that_is_gone_is_noticed(self):
        """Closed before, within and after a request: its descriptor does not stay."""
        with FixtureRegistry([small()]) as registry, Gate(registry.url) as gate:
            gate.packument("framed")
            before = self.descriptors(gate)
            whole = f"GET /framed HTTP/1.1\r\nHost: 127.0.0.1:{gate.port}\r\n\r\n".encode()
            for sent in (b"", whole[:9], whole):
                for _ in range(100):
                    with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as client:
                        client.sendall(sent)
            # Far below the 15 s that half a head may take.
            self.assertTrue(wire.eventually(lambda: self.descriptors(gate) <= before + 5, limit=8), self.descriptors(gate) - before)

    def test_one_address_has_its_share(self):
        """Idle and half-open connections of one address make room for its next request; the limit holds."""
        limits = {"listen": {"max_connections_per_address": 20}}
        with FixtureRegistry([small()]) as registry, Gate(registry.url, settings=limits) as gate:
            before = self.descriptors(gate)
            held = []
            try:
                for i in range(200):
                    held.append(socket.create_connection(("127.0.0.1", gate.port), timeout=10))
                    if i % 2:
                        held[-1].sendall(b"GET /framed HTTP/1.1\r\nX-A: ")
                for _ in range(20):
                    self.assertEqual(gate.get("/framed").status, 200)
                self.assertTrue(wire.eventually(lambda: self.descriptors(gate) - before < 60), self.descriptors(gate) - before)
                metrics = wire.send(gate.admin_url, "/metrics").body.decode()
                self.assertRegex(metrics, r'npm_gate_connections_evicted_total\{[^}]*limit="address"')
            finally:
                for client in held:
                    client.close()


class Folder(case.EndToEnd):
    """The data folder has one gate, and its own state."""

    def test_a_second_gate_refuses_to_start(self):
        """Exit 3, the sentence names the other process; when that is gone, however it went, the folder is free."""
        with FixtureRegistry([small()]) as registry, Gate(registry.url) as gate:
            other = gate.base / "other.yaml"
            text = gate.config_file.read_text().replace(str(gate.port), str(wire.free_port())).replace(str(gate.admin_port), str(wire.free_port()))
            other.write_text(text)
            done = program.run("serve", "--config", other, timeout=30)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(f"in use by another npm-gate (process {gate.process.pid})", done.stderr.splitlines()[0])
            self.assertEqual(gate.get("/framed").status, 200)
            gate.kill()
            gate.restart()
            self.assertEqual(gate.get("/framed").status, 200)

    def test_a_state_that_is_not_its_own(self):
        """Emptied, halved, removed, another folder's: no start, and the sentence says what to do."""
        with FixtureRegistry([small()]) as registry, Gate(registry.url) as gate, Gate(registry.url) as another:
            gate.packument("framed")
            for each in (gate, another):
                each.stop()
            state = gate.data / "state.db"
            good = gate.base / "good.db"
            shutil.copyfile(state, good)
            damages = {
                "emptied": lambda: state.write_bytes(b""),
                "halved": lambda: state.write_bytes(good.read_bytes()[: good.stat().st_size // 2]),
                "removed": state.unlink,
                "another's": lambda: shutil.copyfile(another.data / "state.db", state),
            }
            for name, damage in damages.items():
                with self.subTest(name):
                    for extra in ("state.db-wal", "state.db-shm"):
                        (gate.data / extra).unlink(missing_ok=True)
                    shutil.copyfile(good, state)
                    damage()
                    done = program.run("serve", "--config", gate.config_file, timeout=30)
                    self.say(name, "->", done.stderr.splitlines()[:1])
                    self.assertEqual(done.returncode, 3, done.stderr)
                    self.assertIn("backup", done.stderr.splitlines()[0])
            shutil.copyfile(good, state)
            gate.restart()
            self.assertEqual(gate.get("/framed").status, 200)


class Leaving(case.EndToEnd):
    """SIGTERM and SIGHUP."""

    def test_what_is_being_sent_is_sent_to_its_end(self):
        """A tarball of which a client has read a part; an idle connection ends at once; nobody new is let in; exit 0."""
        with FixtureRegistry([small(), large()]) as registry, Gate(registry.url) as gate:
            whole = gate.tarball("large", "1.0.0").body
            reader = socket.socket()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            reader.settimeout(30)
            reader.connect(("127.0.0.1", gate.port))
            reader.sendall(f"GET /large/-/large-1.0.0.tgz HTTP/1.1\r\nHost: 127.0.0.1:{gate.port}\r\n\r\n".encode())
            got = reader.recv(1000)
            idle = socket.create_connection(("127.0.0.1", gate.port), timeout=30)
            idle.sendall(f"GET /framed HTTP/1.1\r\nHost: 127.0.0.1:{gate.port}\r\n\r\n".encode())
            self.assertTrue(idle.recv(65536))
            gate.process.send_signal(signal.SIGTERM)
            while idle.recv(65536):
                pass  # the rest of its answer, then the end
            self.assertTrue(wire.eventually(lambda: self.refused(gate)), "still accepts")
            while chunk := reader.recv(65536):
                got += chunk
            self.assertEqual(got.partition(b"\r\n\r\n")[2], whole)
            reader.close()
            idle.close()
            gate.stop()
            self.assertIn("stopped", gate.log())

    def refused(self, gate):
        """Whether nobody listens any more."""
        try:
            socket.create_connection(("127.0.0.1", gate.port), timeout=5).close()
        except OSError:
            return True
        return False

    def test_keep_alive_clients_are_told(self):
        """An answer that leaves after the signal says connection: close."""
        with FixtureRegistry([small()]) as registry, Gate(registry.url) as gate:
            fault = registry.fault("/framed", "hold")
            client = socket.create_connection(("127.0.0.1", gate.port), timeout=30)
            client.sendall(f"GET /framed HTTP/1.1\r\nHost: 127.0.0.1:{gate.port}\r\n\r\n".encode())
            fault.wait_reached()
            gate.process.send_signal(signal.SIGTERM)
            self.assertTrue(wire.eventually(lambda: self.refused(gate)))
            fault.release()
            answer = b""
            while chunk := client.recv(65536):
                answer += chunk
            self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer[:200])
            self.assertIn(b"connection: close", answer.lower())
            client.close()
            gate.stop()

    def test_a_socket_of_the_service_manager(self):
        """Who connects while no gate runs is answered by the next one; a socket that gate.yaml does not name ends the start."""
        with FixtureRegistry([small()]) as registry, socket.create_server(("127.0.0.1", 0), backlog=16) as held:
            gate = Gate(registry.url)
            gate.socket = held
            with gate:
                self.assertEqual(gate.packument("framed").status, 200)
                gate.stop()
                with socket.create_connection(held.getsockname(), timeout=60) as early:
                    early.sendall(f"GET /framed HTTP/1.1\r\nHost: 127.0.0.1:{gate.port}\r\nConnection: close\r\n\r\n".encode())
                    gate.restart()
                    self.assertTrue(early.recv(1000).startswith(b"HTTP/1.1 200"))
                gate.stop()
                gate.settings = {"listen": {"port": wire.free_port()}}
                gate.exit_code = None
                with self.assertRaisesRegex(program.GateFailed, r"the service manager listens on 127\.0\.0\.1:\d+, gate\.yaml says"):
                    gate.start()
                gate.stop(check=False)

    def test_a_hangup_rereads_the_configuration(self):
        """The log's level is taken over; what needs a restart is named; a broken file changes nothing."""
        with FixtureRegistry([small()]) as registry, Gate(registry.url) as gate:
            text = gate.config_file.read_text()
            gate.config_file.write_text(text.replace('"debug"', '"info"') + "packuments: { fresh: 1s }\n")
            gate.process.send_signal(signal.SIGHUP)
            self.assertTrue(wire.eventually(lambda: "a restart is needed for: packuments" in gate.log()), gate.log_end())
            gate.config_file.write_text("nonsense: 1\n")
            gate.process.send_signal(signal.SIGHUP)
            self.assertTrue(wire.eventually(lambda: "gate.yaml is not taken over" in gate.log()), gate.log_end())
            self.assertEqual(gate.get("/framed").status, 200)
            gate.config_file.write_text(text)


class Http(case.EndToEnd):
    """What load balancers, proxies and clients send."""

    def test_hosts_and_probes(self):
        """Letters in either case and the implied port are the same host; probes are answered whatever they call the gate."""
        settings = {"public_url": "http://Gate.Example/", "access": {"trusted_proxies": []}}
        with FixtureRegistry([small()]) as registry, Gate(registry.url, settings=settings) as gate:
            for host, status in (("gate.example", 200), ("GATE.example", 200), ("gate.example:80", 200), ("gate.example:81", 421), ("10.0.0.1", 421)):
                self.assertEqual(gate.get("/framed", {"Host": host}).status, status, host)
            for method, path, status in (("GET", "/", 200), ("HEAD", "/", 200), ("OPTIONS", "/framed", 204), ("GET", "/-/ping", 200)):
                self.assertEqual(gate.send(path, method, {"Host": "10.0.0.1:4873"}).status, status, path)
        settings["access"]["trusted_proxies"] = ["127.0.0.1"]
        with FixtureRegistry([small()]) as registry, Gate(registry.url, settings=settings) as gate:
            # nginx without proxy_set_header Host; HAProxy with X-Forwarded-Host.
            self.assertEqual(gate.get("/framed", {"Host": "upstream_name:4873"}).status, 200)
            self.assertEqual(gate.get("/framed", {"Host": "x", "X-Forwarded-Host": "gate.example"}).status, 200)
            self.assertEqual(gate.get("/framed", {"Host": "x", "X-Forwarded-Host": "evil.example"}).status, 421)

    def test_request_ids(self):
        """Every answer has one, and a failed request is in the log under it."""
        with FixtureRegistry([small()]) as registry, Gate(registry.url) as gate:
            registry.fault("/framed", "status", status=500)
            answer = gate.packument("framed")
            self.assertEqual(answer.status, 503)
            number = answer.header("x-request-id")
            self.assertTrue(re.fullmatch(r"[0-9a-f]{16}", number), answer)
            self.assertTrue(wire.eventually(lambda: any(number in line and "request-failed" in line for line in gate.log().splitlines())), gate.log_end())

    def test_ranges(self):
        """A download goes on where it stopped."""
        with FixtureRegistry([large()]) as registry, Gate(registry.url) as gate:
            whole = gate.tarball("large", "1.0.0")
            half = len(whole.body) // 2
            rest = gate.get("/large/-/large-1.0.0.tgz", {"Range": f"bytes={half}-", "If-Range": whole.header("etag")})
            self.assertEqual(rest.status, 206)
            self.assertEqual(rest.header("content-range"), f"bytes {half}-{len(whole.body) - 1}/{len(whole.body)}")
            self.assertEqual(rest.body, whole.body[half:])

    def test_a_token_that_is_renewed(self):
        """token_file is read again when it changes; with username it is the password of Basic."""
        with RawUpstream(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as upstream:
            with tempfile.TemporaryDirectory() as folder:
                token = pathlib.Path(folder) / "token"
                token.write_text("first\n")
                settings = {"upstreams": [{"name": "public", "url": upstream.url, "token_file": str(token)},
                                          {"name": "basic", "url": upstream.url, "scopes": ["@basic"], "username": "ann", "token_file": str(token)}]}
                settings["upstreams"].reverse()
                with Gate(None, settings=settings) as gate:
                    gate.packument("one")
                    self.assertIn(b"Authorization: Bearer first\r\n", upstream.heads[-1])
                    gate.packument("@basic/one")
                    self.assertIn(b"Authorization: Basic YW5uOmZpcnN0\r\n", upstream.heads[-1])
                    token.write_text("second\n")
                    os.utime(token, (time.time() + 5, time.time() + 5))

                    def renewed(counter=iter(range(10_000))):
                        gate.packument(f"two-{next(counter)}")
                        return b"Authorization: Bearer second\r\n" in upstream.heads[-1]
                    self.assertTrue(wire.eventually(renewed, limit=10, every=0.2))


if __name__ == "__main__":
    case.main()
