"""A real second registry: Verdaccio, as scripts/install-verdaccio.sh put it into build/verdaccio, on an ephemeral loopback port."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import clients
import wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = """\
storage: {base}/storage
auth:
  htpasswd: {{ file: {base}/htpasswd, max_users: 10 }}
uplinks: {{}}
packages:
  '**': {{ access: $all, publish: $authenticated, unpublish: $authenticated }}
max_body_size: 200mb
log: {{ type: stdout, format: json, level: http }}
"""


def program():
    """Its entry point; None where it is not installed."""
    folder = pathlib.Path(os.environ.get("NPM_GATE_VERDACCIO", ROOT / "build" / "verdaccio"))
    path = folder / "node_modules" / "verdaccio" / "bin" / "verdaccio"
    return path if path.exists() else None


class Verdaccio:
    """Running from __enter__ to __exit__; `token` is that of its one user."""

    def __init__(self):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="verdaccio-"))
        self.port, self.process, self.token = 0, None, None
        self.log_file = self.base / "verdaccio.log"

    def __enter__(self):
        (self.base / "config.yaml").write_text(CONFIG.format(base=self.base))
        self.port = wire.free_port()
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [str(clients.node_binary()), str(program()), "--config", str(self.base / "config.yaml"), "--listen", f"127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.base,
                env={"PATH": os.environ["PATH"], "HOME": str(self.base), "NO_PROXY": "127.0.0.1"})
        if not wire.eventually(self._answers, 60):
            self.__exit__()
            raise AssertionError("Verdaccio did not start:\n" + self.log_file.read_text()[-2000:])
        self.token = self.add_user("alice")
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.base, ignore_errors=True)

    @property
    def url(self):
        """Base URL with trailing slash."""
        return f"http://127.0.0.1:{self.port}/"

    def _answers(self):
        try:
            return self.process.poll() is None and wire.send(self.url, "/-/ping", timeout=5).status == 200
        except OSError:
            return False

    def add_user(self, name):
        """A new account's token."""
        body = json.dumps({"name": name, "password": f"{name}-password"}).encode()
        answer = wire.send(self.url, f"/-/user/org.couchdb.user:{name}", "PUT", {"Content-Type": "application/json"}, body)
        assert answer.status == 201, answer
        return answer.json()["token"]

    def document(self, name):
        """A package's document as it has it; {} where it has none."""
        answer = wire.send(self.url, "/" + name.replace("/", "%2f"), headers={"Authorization": f"Bearer {self.token}"})
        return answer.json() if answer.status == 200 else {}

    def log(self):
        """What it logged, requests included."""
        return self.log_file.read_text(errors="replace")
