"""A git server on loopback: git's own http-backend behind TLS, repositories made by git, and the ways it can misbehave.

    with GitServer() as server:
        server.repository("o/left").commit()              # a new commit's id
        server.repository("o/left").tag("v1.0.0", commit, annotated=True)
        server.url("o/left"), server.ca                   # what a packument names, what the gate must trust
"""

import http.server
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import time
import urllib.parse

from fixture_registry import Server

BACKENDS = ("/usr/lib/git-core/git-http-backend", "/usr/libexec/git-core/git-http-backend")
IDENTITY = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@git.example", "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@git.example", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
            # The server's user owns the folders; in a container that may be somebody else than git expects.
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}


def backend():
    """git's CGI program; None where git is not installed whole."""
    return next((path for path in BACKENDS if os.access(path, os.X_OK)), None)


def certificate(folder):
    """A certificate for 127.0.0.1 that is its own anchor: (certificate file, key file)."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=git", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
                   check=True, capture_output=True, timeout=60)
    return cert, key


class Repository:
    """One bare repository."""

    def __init__(self, path):
        self.path = path
        if not path.exists():
            path.mkdir(parents=True)
            self._git("init", "-q", "--bare")

    def _git(self, *arguments, stdin=b""):
        environment = {**os.environ, **IDENTITY}
        done = subprocess.run(["git", *arguments], cwd=self.path, env=environment, input=stdin, capture_output=True, check=True, timeout=120)
        return done.stdout.decode().strip()

    def configure(self, **settings):
        """git config: uploadpack_allowFilter="true" for uploadpack.allowFilter."""
        for name, value in settings.items():
            self._git("config", name.replace("_", "."), value)

    def commit(self, text="work"):
        """A new commit without a parent; its id."""
        return self._git("commit-tree", self._git("mktree"), "-m", f"{text} {time.monotonic_ns()}")

    def commit_files(self, files, branch="main", start="main"):
        """A commit that holds exactly these files (path -> text or bytes), on top of the branch, or of the branch `start` if it is a new one;
        its id. branch None: no branch has it."""
        ref = f"refs/heads/{branch or 'nowhere'}"
        below = next((name for name in (ref, f"refs/heads/{start}") if self._git("for-each-ref", name)), None)
        out = [f"reset {ref}\nfrom {below}^0\n" if below else "",
               f"commit {ref}\ncommitter t <t@git.example> {int(time.time())} +0000\ndata 4\nwork\ndeleteall\n"]
        stream = [text.encode() for text in out]
        for path, body in files.items():
            body = body.encode() if isinstance(body, str) else body
            stream += [f"M 100644 inline {path}\ndata {len(body)}\n".encode(), body, b"\n"]
        self._git("fast-import", "--quiet", "--force", stdin=b"".join(stream))
        commit = self._git("rev-parse", ref)
        if branch is None:
            self._git("update-ref", "-d", ref)
        return commit

    def merge(self, commit, branch="main"):
        """Merges a commit into the branch, whose files stay as they are."""
        ref = f"refs/heads/{branch}"
        merged = self._git("commit-tree", f"{ref}^{{tree}}", "-p", ref, "-p", commit, "-m", "merge")
        self._git("update-ref", ref, merged)

    def long_history(self, commits):
        """The last of so many commits that no branch has, each with a message of its own."""
        ref = "refs/heads/nowhere"
        stream = "".join(f"commit {ref}\ncommitter t <t@git.example> {number} +0000\ndata 64\n{os.urandom(32).hex()}\n" for number in range(commits))
        self._git("fast-import", "--quiet", "--force", stdin=stream.encode())
        commit = self._git("rev-parse", ref)
        self._git("update-ref", "-d", ref)
        return commit

    def drop(self, branch):
        """Takes a branch away."""
        self._git("update-ref", "-d", f"refs/heads/{branch}")

    def tag(self, name, commit=None, annotated=False):
        """Puts (or moves) a tag; the commit it stands for."""
        commit = commit or self.commit(name)
        more = ("-a", "-m", name) if annotated else ()
        self._git("tag", "-f", *more, name, commit)
        return commit

    def untag(self, name):
        """Takes a tag away."""
        self._git("tag", "-d", name)


class GitServer:
    """Serves every repository. `protocol` 0 answers in the old protocol whatever is asked for."""

    def __init__(self, protocol=2):
        self.protocol = protocol
        self.requests = []  # (method, path, Git-Protocol)
        self.bodies = []  # of these
        self.fault = None  # called with the handler before an answer; True: it has answered
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="git-server-"))
        self.ca, key = certificate(self._folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, key)
        self._server = Server(_handler(self), context=context)

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self):
        """Becomes unreachable."""
        self._server.stop()

    def url(self, path):
        """What a packument names as its repository."""
        return f"git+{self._server.url}{path}.git"

    def repository(self, path):
        """The repository of a path, made where there is none. The gate asks without the ".git"."""
        return Repository(self.root / path)

    @property
    def root(self):
        """The folder of all repositories."""
        return self._folder / "repositories"


def _handler(server):
    class Handler(http.server.BaseHTTPRequestHandler):
        """CGI, as far as http-backend needs it."""

        protocol_version = "HTTP/1.1"

        def log_message(self, format, *args):  # pylint: disable=redefined-builtin
            """Silent."""

        def do_GET(self):
            """Refs."""
            self._serve(b"")

        def do_POST(self):
            """ls-refs."""
            self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        def _serve(self, body):
            url = urllib.parse.urlsplit(self.path)
            server.requests.append((self.command, url.path, self.headers.get("Git-Protocol")))
            server.bodies.append(body)
            if server.fault is not None and server.fault(self):
                return
            environment = {**os.environ, **IDENTITY, "GIT_PROJECT_ROOT": str(server.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": url.path,
                           "QUERY_STRING": url.query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                           "CONTENT_LENGTH": str(len(body)), "REMOTE_ADDR": "127.0.0.1"}
            if server.protocol == 2 and self.headers.get("Git-Protocol"):
                environment["GIT_PROTOCOL"] = self.headers["Git-Protocol"]
            done = subprocess.run([backend()], input=body, env=environment, capture_output=True, check=False, timeout=60)
            head, _, answer = done.stdout.partition(b"\r\n\r\n")
            headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
            status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
            self.answer(status, answer, [(name, value) for name, value in headers if name != "Status"])

        def answer(self, status, body, headers=()):
            """Sends one answer."""
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
