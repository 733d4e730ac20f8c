#!/usr/bin/env python3
"""Requests byte by byte: how one connection's bytes are split into requests. A row is what is sent and the requests that the gate may take from
it; where nginx and HAProxy are installed, each row is sent to them too: nobody in front of a gate reads a request where the gate reads another
one, or the gate refuses and closes.

    NPM_GATE_TABLE=1 http_bytes_test.py     prints, per row, what the gate and both others saw
"""

import collections
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

BULK = "/-/npm/v1/security/advisories/bulk"
NEXT = b"GET /-/ping?next HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n"
PING, AFTER, POSTED = "GET /-/ping", "GET /-/ping?next", "POST " + BULK
SILENCE = 1.0  # after which nothing more comes of a connection that is not closed

Row = collections.namedtuple("Row", "name data seen")


def get(line=b"GET /-/ping HTTP/1.1", fields=b"Host: HOST\r\n", end=b"\r\n"):
    """A GET that is followed by another one."""
    return line + b"\r\n" + fields + end + NEXT


def post(fields, body):
    """A POST with these framing fields that is followed by a GET."""
    return b"POST " + BULK.encode() + b" HTTP/1.1\r\nHost: HOST\r\n" + fields + b"\r\n" + body + NEXT


def chunked(body):
    """A POST with this body, chunked."""
    return post(b"Transfer-Encoding: chunked\r\n", body)


BOTH, NONE = (PING, AFTER), ()
LENGTH, TWO = (POSTED, AFTER), b"{}"
ROWS = [
    # The request line.
    Row("two GETs", get(), BOTH),
    Row("an empty line before", b"\r\n" + get(), BOTH),
    Row("two empty lines before", b"\r\n\r\n" + get(), None),
    Row("a lone LF before", b"\n" + get(), None),
    Row("a blank before", b" " + get(), NONE),
    Row("lower-case method", get(b"get /-/ping HTTP/1.1"), None),
    Row("tabs between", get(b"GET\t/-/ping\tHTTP/1.1"), NONE),
    Row("two blanks between", get(b"GET  /-/ping HTTP/1.1"), NONE),
    Row("a blank at the end", get(b"GET /-/ping HTTP/1.1 "), NONE),
    Row("a blank in the target", get(b"GET /-/ping x HTTP/1.1"), NONE),
    Row("version 1.0", get(b"GET /-/ping HTTP/1.0"), (PING,)),
    Row("version 1.0, keep-alive", get(b"GET /-/ping HTTP/1.0", b"Host: HOST\r\nConnection: keep-alive\r\n"), None),
    Row("version 1.2", get(b"GET /-/ping HTTP/1.2"), None),
    Row("version 2.0", get(b"GET /-/ping HTTP/2.0"), NONE),
    Row("version 0.9", b"GET /-/ping\r\n" + NEXT, None),
    Row("version with a letter", get(b"GET /-/ping HTTP/1.1x"), NONE),
    Row("lower-case version", get(b"GET /-/ping http/1.1"), NONE),
    Row("NUL in the target", get(b"GET /-/ping\0x HTTP/1.1"), NONE),
    Row("control character in the target", get(b"GET /-/ping\x01 HTTP/1.1"), NONE),
    Row("high byte in the target", get(b"GET /-/ping?\xff HTTP/1.1"), None),
    Row("fragment in the target", get(b"GET /-/ping#x HTTP/1.1"), None),
    Row("no target", get(b"GET HTTP/1.1"), NONE),
    Row("GET *", get(b"GET * HTTP/1.1"), None),
    Row("OPTIONS *", get(b"OPTIONS * HTTP/1.1"), None),
    Row("authority form", get(b"CONNECT HOST HTTP/1.1"), None),
    Row("absolute form, another host", get(b"GET http://other.example/-/ping HTTP/1.1"), None),
    Row("method of 100 letters", get(b"G" * 100 + b" /-/ping HTTP/1.1"), None),
    Row("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + NEXT, NONE),
    Row("TLS greeting", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00" + NEXT, NONE),
    Row("PROXY line before", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + get(), NONE),
    # Fields.
    Row("folded field", get(fields=b"Host: HOST\r\nX: 1\r\n 2\r\n"), NONE),
    Row("first field begins with a blank", get(fields=b" Host: HOST\r\n"), NONE),
    Row("blank before the colon", get(fields=b"Host : HOST\r\n"), NONE),
    Row("tab before the colon", get(fields=b"Host: HOST\r\nX\t: 1\r\n"), NONE),
    Row("no colon", get(fields=b"Host: HOST\r\nX\r\n"), NONE),
    Row("no name", get(fields=b"Host: HOST\r\n: 1\r\n"), NONE),
    Row("lone CR in a value", get(fields=b"Host: HOST\r\nX: 1\rY: 2\r\n"), NONE),
    Row("lone LF ends a field", get(fields=b"Host: HOST\nX: 1\r\n"), NONE),
    Row("lone LF ends the head", get(end=b"\n"), NONE),
    Row("CR CR LF", get(fields=b"Host: HOST\r\r\n"), NONE),
    Row("NUL in a value", get(fields=b"Host: HOST\r\nX: a\0b\r\n"), NONE),
    Row("DEL in a value", get(fields=b"Host: HOST\r\nX: a\x7fb\r\n"), None),
    Row("high byte in a value", get(fields=b"Host: HOST\r\nX: \xe4\r\n"), None),
    Row("high byte in a name", get(fields=b"Host: HOST\r\nX\xe4: 1\r\n"), NONE),
    Row("tab in a value", get(fields=b"Host: HOST\r\nX: a\tb\r\n"), BOTH),
    Row("no value", get(fields=b"Host: HOST\r\nX:\r\n"), BOTH),
    Row("two hosts", get(fields=b"Host: HOST\r\nHost: other.example\r\n"), NONE),
    Row("two equal hosts", get(fields=b"Host: HOST\r\nHost: HOST\r\n"), NONE),
    Row("no host", get(fields=b"X: 1\r\n"), NONE),
    Row("host with user", get(fields=b"Host: x@HOST\r\n"), None),
    Row("list of hosts", get(fields=b"Host: HOST, other.example\r\n"), None),
    Row("a name with a brace", get(fields=b"Host: HOST\r\nX{: 1\r\n"), NONE),
    # Lengths.
    Row("exact length", post(b"Content-Length: 2\r\n", TWO), LENGTH),
    Row("length with blanks around", post(b"Content-Length:  2 \r\n", TWO), None),
    Row("leading zero", post(b"Content-Length: 02\r\n", TWO), None),
    Row("length +2", post(b"Content-Length: +2\r\n", TWO), NONE),
    Row("length -1", post(b"Content-Length: -1\r\n", TWO), NONE),
    Row("length 0x2", post(b"Content-Length: 0x2\r\n", TWO), NONE),
    Row("length 2.0", post(b"Content-Length: 2.0\r\n", TWO), NONE),
    Row('length "2"', post(b'Content-Length: "2"\r\n', TWO), NONE),
    Row("length 2,2", post(b"Content-Length: 2,2\r\n", TWO), NONE),
    Row("length 2, 0", post(b"Content-Length: 2, 0\r\n", TWO), NONE),
    Row("length '2 0'", post(b"Content-Length: 2 0\r\n", TWO), NONE),
    Row("two equal lengths", post(b"Content-Length: 2\r\nContent-Length: 2\r\n", TWO), NONE),
    Row("two lengths", post(b"Content-Length: 2\r\nContent-Length: 0\r\n", TWO), NONE),
    Row("empty length", post(b"Content-Length: \r\n", TWO), NONE),
    Row("length over 64 bits", post(b"Content-Length: 18446744073709551618\r\n", TWO), NONE),
    Row("length with a form feed", post(b"Content-Length: \x0c2\r\n", TWO), NONE),
    Row("Content_Length", post(b"Content-Length: 2\r\nContent_Length: 0\r\n", TWO), None),
    Row("GET with length 0", get(fields=b"Host: HOST\r\nContent-Length: 0\r\n"), BOTH),
    Row("GET with a body", get(fields=b"Host: HOST\r\nContent-Length: 2\r\n", end=b"\r\n{}"), NONE),
    Row("GET with a body that is a request", get(fields=b"Host: HOST\r\nContent-Length: %d\r\n" % len(NEXT)), NONE),
    Row("POST without a length", post(b"", b""), None),
    # Codings.
    Row("length and chunked", post(b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), NONE),
    Row("chunked and length", post(b"Transfer-Encoding: chunked\r\nContent-Length: 100\r\n", b"0\r\n\r\n"), NONE),
    Row("chunked twice", post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), NONE),
    Row("chunked, chunked", post(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"), NONE),
    Row("gzip, chunked", post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), NONE),
    Row("chunked, gzip", post(b"Transfer-Encoding: chunked, gzip\r\n", b"0\r\n\r\n"), NONE),
    Row("identity", post(b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n", TWO), NONE),
    Row("chunked, identity", post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"), NONE),
    Row("xchunked", post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"), NONE),
    Row("CHUNKED", post(b"Transfer-Encoding: CHUNKED\r\n", b"2\r\n{}\r\n0\r\n\r\n"), LENGTH),
    Row("chunked with a tab before", post(b"Transfer-Encoding:\tchunked\r\n", b"2\r\n{}\r\n0\r\n\r\n"), None),
    Row("chunked with a vertical tab", post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"), NONE),
    Row("chunked with a comma", post(b"Transfer-Encoding: chunked,\r\n", b"0\r\n\r\n"), None),
    Row("chunked;q=1", post(b"Transfer-Encoding: chunked;q=1\r\n", b"0\r\n\r\n"), NONE),
    Row("chunked on a folded line", post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"), NONE),
    Row("Transfer_Encoding", post(b"Transfer_Encoding: chunked\r\nContent-Length: 2\r\n", TWO), None),
    Row("empty coding", post(b"Transfer-Encoding:\r\nContent-Length: 2\r\n", TWO), NONE),
    Row("chunked in 1.0", b"POST " + BULK.encode() + b" HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT, None),
    # Chunks.
    Row("one chunk", chunked(b"2\r\n{}\r\n0\r\n\r\n"), LENGTH),
    Row("two chunks", chunked(b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"), LENGTH),
    Row("leading zeros", chunked(b"0002\r\n{}\r\n000\r\n\r\n"), LENGTH),
    Row("upper-case size", chunked(b"A\r\n{        }\r\n0\r\n\r\n"), LENGTH),
    Row("extension", chunked(b"2;a=b\r\n{}\r\n0;c\r\n\r\n"), LENGTH),
    Row("quoted extension", chunked(b'2;a="b;c"\r\n{}\r\n0\r\n\r\n'), LENGTH),
    Row("LF in an extension", chunked(b"2;a\nb\r\n{}\r\n0\r\n\r\n"), NONE),
    Row("CR in an extension", chunked(b"2;a\rb\r\n{}\r\n0\r\n\r\n"), NONE),
    Row("size 0x2", chunked(b"0x2\r\n{}\r\n0\r\n\r\n"), NONE),
    Row("size +2", chunked(b"+2\r\n{}\r\n0\r\n\r\n"), NONE),
    Row("size -1", chunked(b"-1\r\n{}\r\n0\r\n\r\n"), NONE),
    Row("blank before a size", chunked(b" 2\r\n{}\r\n0\r\n\r\n"), NONE),
    Row("blank after a size", chunked(b"2 \r\n{}\r\n0\r\n\r\n"), None),
    Row("no size", chunked(b"\r\n{}\r\n0\r\n\r\n"), NONE),
    Row("size over 64 bits", chunked(b"10000000000000002\r\n{}\r\n0\r\n\r\n"), NONE),
    Row("LF after a size", chunked(b"2\n{}\r\n0\r\n\r\n"), NONE),
    Row("LF after data", chunked(b"2\r\n{}\n0\r\n\r\n"), NONE),
    Row("no line end after data", chunked(b"2\r\n{}0\r\n\r\n"), NONE),
    Row("data longer than its size", chunked(b"1\r\n{}\r\n0\r\n\r\n"), NONE),
    Row("LF after the last chunk", chunked(b"2\r\n{}\r\n0\n\n"), NONE),
    Row("last chunk without an empty line", chunked(b"2\r\n{}\r\n0\r\n"), NONE),
    Row("trailer", chunked(b"2\r\n{}\r\n0\r\nX: 1\r\n\r\n"), LENGTH),
    Row("length in the trailer", chunked(b"2\r\n{}\r\n0\r\nContent-Length: 50\r\n\r\n"), None),
    Row("coding in the trailer", chunked(b"2\r\n{}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"), None),
    Row("folded trailer", chunked(b"2\r\n{}\r\n0\r\nX: 1\r\n 2\r\n\r\n"), NONE),
    Row("trailer without a colon", chunked(b"2\r\n{}\r\n0\r\nX\r\n\r\n"), NONE),
    # One after another.
    Row("HEAD, then GET", get(b"HEAD /-/ping HTTP/1.1"), ("HEAD /-/ping", AFTER)),
    Row("close, then GET", get(fields=b"Host: HOST\r\nConnection: close\r\n"), (PING,)),
    Row("Close, keep-alive", get(fields=b"Host: HOST\r\nConnection: Close, keep-alive\r\n"), None),
    Row("three POSTs", post(b"Content-Length: 2\r\n", TWO)[:-len(NEXT)] * 2 + post(b"Content-Length: 2\r\n", TWO), (POSTED, POSTED, POSTED, AFTER)),
    Row("chunked, then a length", chunked(b"2\r\n{}\r\n0\r\n\r\n")[:-len(NEXT)] + post(b"Content-Length: 2\r\n", TWO), (POSTED, POSTED, AFTER)),
    Row("empty line between", get()[:-len(NEXT)] + b"\r\n" + NEXT, BOTH),
    Row("upgrade to h2c", get(fields=b"Host: HOST\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"), BOTH),
    Row("Expect", post(b"Content-Length: 2\r\nExpect: 100-continue\r\n", TWO), LENGTH),
    Row("Expect what nobody knows", post(b"Content-Length: 2\r\nExpect: tea\r\n", TWO), None),
]

NGINX = """daemon off; master_process off; pid {base}/pid; error_log {base}/errors;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {base}/body; proxy_temp_path {base}/proxy; fastcgi_temp_path {base}/f; uwsgi_temp_path {base}/u;
  scgi_temp_path {base}/s; client_header_timeout 2s; client_body_timeout 2s; keepalive_timeout 2s;
  server {{ listen 127.0.0.1:{port}; location / {{ add_header X-Seen "$request_method $request_uri" always; return 204; }} }}
}}
"""
HAPROXY = """defaults
  mode http
  timeout client 2s
  timeout connect 2s
  timeout server 2s
frontend all
  bind 127.0.0.1:{port}
  http-request wait-for-body time 2s at-least 1048576
  http-request return status 200 hdr X-Seen "%HM %HU"
"""


def exchange(port, data):
    """Everything that comes back for these bytes."""
    return wire.raw(f"http://127.0.0.1:{port}", data.replace(b"HOST", b"127.0.0.1:%d" % port), timeout=SILENCE)


class Reference:
    """nginx or HAProxy that answers every request with what it took it for."""

    def __init__(self, name):
        self.name, self.base, self.port = name, pathlib.Path(tempfile.mkdtemp(prefix="bytes-")), wire.free_port()
        (self.base / "conf").write_text((NGINX if name == "nginx" else HAPROXY).format(base=self.base, port=self.port))
        options = ["-c", str(self.base / "conf"), "-p", str(self.base)] if name == "nginx" else ["-f", str(self.base / "conf")]
        self.process = subprocess.Popen([shutil.which(name, path="/usr/sbin:/usr/bin"), *options],  # pylint: disable=consider-using-with
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        if not wire.eventually(lambda: self.seen(NEXT)[0]):
            raise AssertionError(f"{self.name} does not answer")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.base, ignore_errors=True)

    def seen(self, data):
        """The requests it took, and whether it refused something."""
        try:
            answer = exchange(self.port, data)
        except OSError:
            return (), True
        seen = tuple(found.decode("ascii", "backslashreplace") for found in re.findall(rb"(?i)x-seen: ([^\r]*)\r", answer))
        return seen, bool(re.search(rb"HTTP/1\.\d [45]\d\d ", answer)) or not answer


class Bytes(case.EndToEnd):
    """One gate for all rows."""

    def setUp(self):
        registry = self.enterContext(FixtureRegistry([Package("framed", [Release("1.0.0", published=days_ago(300))])]))
        registry.answer_audits = True
        self.gate = self.enterContext(Gate(registry.url, settings={"log": {"level": "debug", "format": "json"}}))

    def seen(self, data):
        """The requests that the gate took, in their order; the statuses of all answers."""
        before = len(self.gate.log())
        answer = exchange(self.gate.port, data)
        ids = re.findall(rb"(?i)\r\nx-request-id: ([^\r]*)\r", answer)
        statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d\d\d) ", answer) if status != b"100"]

        def told():
            lines = [json.loads(line) for line in self.gate.log()[before:].splitlines() if line.startswith("{") and line.endswith("}")]
            return {line["request"]: line for line in lines if line.get("event") == "request" and "request" in line}
        wire.eventually(lambda: all(each.decode() in told() for each in ids), limit=5)
        requests = told()
        taken = [requests[each.decode()] for each in ids if each.decode() in requests]
        # The last one may have been refused for its framing; before another one a 400 is a target's.
        if taken and taken[-1]["status"] in (400, 413, 431):
            taken.pop()
        return tuple(f"{line['method']} {line['message']}" for line in taken), statuses

    def test_the_split(self):
        """Of every row; beside nginx and HAProxy where they are installed."""
        references = [self.enterContext(Reference(name)) for name in ("nginx", "haproxy") if shutil.which(name, path="/usr/sbin:/usr/bin")]
        same = refused = 0
        for row in ROWS:
            with self.subTest(row.name):
                seen, statuses = self.seen(row.data)
                if row.seen is not None:
                    self.assertEqual(seen, row.seen, statuses)
                if AFTER not in seen:
                    refused += 1
                views = [reference.seen(row.data) for reference in references]
                same += any(seen == view for view, _ in views)
                for reference, (view, gave_up) in zip(references, views):
                    self.assertTrue(self.harmless(seen, view, gave_up), f"{reference.name} {view}, the gate {seen} {statuses}")
                if os.environ.get("NPM_GATE_TABLE"):
                    print(f"{row.name:36} gate {seen} {statuses}", *(f"{r.name} {v}" for r, v in zip(references, views)), sep="\n    ")
        self.say(f"{len(ROWS)} rows beside {[r.name for r in references]}: the same split in {same}, {refused} end with a refusal of the gate")
        self.assertIsNone(self.gate.process.poll())

    def harmless(self, gate, other, gave_up):
        """The gate took the same requests and refused the next, or the other one refused what the gate would have taken."""
        return other[:len(gate)] == gate or (gave_up and gate[:len(other)] == other)

    def test_in_pieces(self):
        """However the bytes are cut, the requests are the same."""
        data = (chunked(b"2;x\r\n{}\r\n0\r\nX: 1\r\n\r\n")[:-len(NEXT)] + get()).replace(b"HOST", b"127.0.0.1:%d" % self.gate.port)
        for size in (1, 2, 3, 7, 64):
            with self.subTest(size=size), socket.create_connection(("127.0.0.1", self.gate.port), timeout=20) as peer:
                peer.setsockopt(socket.SOL_TCP, socket.TCP_NODELAY, 1)
                for at in range(0, len(data), size):
                    peer.sendall(data[at:at + size])
                    if size > 2:
                        time.sleep(0.001)
                answer = b""
                while chunk := peer.recv(65536):
                    answer += chunk
                self.assertEqual(answer.count(b"HTTP/1.1 200"), 3, answer)


if __name__ == "__main__":
    case.main()
