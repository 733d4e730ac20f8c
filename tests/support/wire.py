"""HTTP as the tests need it: requests with exact paths, raw bytes, and a tap that keeps what passes through a connection."""

import gzip
import http.client
import json
import socket
import threading
import time
import urllib.parse


def eventually(check, limit=20.0, every=0.02):
    """Polls `check` until it is true, `limit` seconds at most. Returns its last value."""
    deadline = time.monotonic() + limit
    while True:
        value = check()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(every)


def free_port():
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Answer:
    """A complete HTTP answer."""

    def __init__(self, status, reason, headers, body):
        self.status, self.reason, self.headers, self.body = status, reason, headers, body

    def header(self, name):
        """A header's value, several joined with a comma; None where absent."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    def plain(self):
        """The body without its content coding."""
        return gzip.decompress(self.body) if self.header("content-encoding") == "gzip" else self.body

    def json(self):
        """The body as JSON."""
        return json.loads(self.plain())

    def error(self):
        """The string under `error` of a JSON body; "" where there is none."""
        try:
            value = self.json().get("error", "")
        except (ValueError, AttributeError, UnicodeDecodeError):
            return ""
        return value if isinstance(value, str) else ""

    def __repr__(self):
        return f"{self.status} {self.reason} {self.headers} {self.body[:300]!r}"


def _connection(url, timeout):
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, parts.port, timeout=timeout), parts


def send(url, path, method="GET", headers=None, body=None, timeout=60, connection=None):
    """One request for exactly `path` (below `url`'s origin). A given `connection` is reused and stays open."""
    parts = urllib.parse.urlsplit(url)
    used = connection or _connection(url, timeout)[0]
    try:
        used.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        wanted = {"Host": parts.netloc, **(headers or {})}
        if body is not None:
            wanted.setdefault("Content-Length", str(len(body)))
        for name, value in wanted.items():
            used.putheader(name, value)
        used.endheaders(body)
        response = used.getresponse()
        return Answer(response.status, response.reason, response.getheaders(), response.read())
    finally:
        if connection is None:
            used.close()


def connect(url, timeout=60):
    """A connection for several send() calls."""
    return _connection(url, timeout)[0]


def raw(url, data, timeout=20):
    """Sends bytes as they are and returns everything until the other side closes, maybe before all is sent (or `timeout` passes in silence)."""
    parts = urllib.parse.urlsplit(url)
    received = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=timeout) as peer:
        try:
            peer.sendall(data)
            while chunk := peer.recv(65536):
                received += chunk
        except (TimeoutError, ConnectionError):
            pass
    return received


class Tap:
    """A TCP relay in front of `target` that keeps every byte the target sent: proof of what never left it."""

    def __init__(self, target):
        parts = urllib.parse.urlsplit(target)
        self._target = (parts.hostname, parts.port)
        self._scheme = parts.scheme
        self._lock = threading.Lock()
        self._streams = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        # A thread blocked in accept() is not woken by close() alone.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    @property
    def url(self):
        """Base URL with trailing slash; what clients are pointed at."""
        return f"{self._scheme}://127.0.0.1:{self._listener.getsockname()[1]}/"

    def sent(self, needle):
        """Whether the target ever sent these bytes on one connection."""
        with self._lock:
            return any(needle in stream for stream in self._streams)

    def total(self):
        """How many bytes the target sent."""
        with self._lock:
            return sum(len(stream) for stream in self._streams)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        kept = bytearray()
        with self._lock:
            self._streams.append(kept)
        try:
            server = socket.create_connection(self._target, timeout=120)
        except OSError:
            client.close()
            return
        up = threading.Thread(target=self._pump, args=(client, server, None), daemon=True)
        up.start()
        self._pump(server, client, kept)
        up.join(timeout=120)
        client.close()
        server.close()

    def _pump(self, source, sink, kept):
        try:
            while chunk := source.recv(65536):
                if kept is not None:
                    with self._lock:
                        kept += chunk
                sink.sendall(chunk)
        except OSError:
            pass
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
