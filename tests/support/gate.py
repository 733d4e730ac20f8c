"""The gate under test: one process per test, on ephemeral loopback ports, with its own data, stopped by its own pid."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0  # a loaded machine under a sanitizer; it is ready in milliseconds otherwise
STOP_SECONDS = 20.0
# Another process may take a port between our looking and the gate's listening.
PORT_TRIES = 5


class GateFailed(AssertionError):
    """The gate did not start, or ended in the wrong way; the message carries its log."""


def binary():
    """The program: NPM_GATE_BINARY, else the newest one built in any preset's folder. None where there is none."""
    named = os.environ.get("NPM_GATE_BINARY")
    if named:
        return pathlib.Path(named).resolve() if os.path.exists(named) else None
    built = [path for path in (ROOT / "build").glob("*/npm-gate") if path.is_file()]
    return max(built, key=lambda path: path.stat().st_mtime, default=None)


def environment(**extra):
    """The environment of every gate process: nothing that changes where it fetches from or through."""
    dropped = ("npm_config_", "http_proxy", "https_proxy", "all_proxy", "npm_gate_")
    kept = {name: value for name, value in os.environ.items() if not name.lower().startswith(dropped)}
    kept.update(NO_COLOR="1", **extra)
    return kept


def run(*arguments, timeout=60, env=None, cwd=None, stdin=None):
    """Runs a command of the program to its end."""
    return subprocess.run([str(binary()), *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                          env=env if env is not None else environment(), cwd=cwd, input=stdin, check=False)


class Gate:
    """A running gate. `settings` are merged over the defaults below (gate.yaml keys); `policy` is policy.yaml's text.

        with Gate(registry.url) as gate:
            gate.get("/left").json()
    """

    def __init__(self, upstream=None, policy=None, settings=None, env=None):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="gate-"))
        self.settings = settings or {}
        self.upstream, self.env = upstream, env or {}
        self.policy_file = self.base / "policy.yaml" if policy is not None else None
        if policy is not None:
            self.policy_file.write_text(policy)
        self.log_file = self.base / "gate.log"
        self.process, self.port, self.admin_port, self.exit_code = None, 0, 0, None
        self.socket = None  # a listening socket for clients, handed over as a service manager does

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self._remove()
            raise

    def __exit__(self, kind, *_):
        try:
            self.stop(check=kind is None)
        finally:
            self._remove()

    def _remove(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.base, ignore_errors=True)

    @property
    def url(self):
        """Base URL for clients, with trailing slash."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def admin_url(self):
        """Base URL of the admin listener."""
        return f"http://127.0.0.1:{self.admin_port}/"

    @property
    def data(self):
        """The data folder."""
        return self.base / "data"

    @property
    def config_file(self):
        """gate.yaml of this gate, for other commands."""
        return self.base / "gate.yaml"

    def log(self):
        """Everything it wrote so far, both streams."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_end(self, lines=40):
        """The last lines of the log, for a message."""
        return "\n".join(self.log().splitlines()[-lines:])

    def memory_from_now(self):
        """Resident bytes now; memory_peak() counts from here."""
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self._memory("VmRSS")

    def memory_peak(self):
        """The most resident bytes since."""
        return self._memory("VmHWM")

    def _memory(self, key):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(key + ":"))

    # Life.
    def start(self):
        """Starts it and waits until it answers."""
        for _ in range(PORT_TRIES):
            self.port, self.admin_port = wire.free_port(), wire.free_port()
            if self.socket is not None:
                self.port = self.socket.getsockname()[1]
            self._write_config()
            if self._launch():
                return self
            if "in use" not in self.log():
                break
        raise GateFailed(f"the gate did not start (exit {self.process.poll()}):\n{self.log_end()}")

    def stop(self, check=True):
        """Ends it as a service manager would, with SIGTERM; its exit must be 0 and its log free of sanitizer reports."""
        if self.process is None or self.exit_code is not None:
            return self.exit_code
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.exit_code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.exit_code = self.process.wait()
            raise GateFailed(f"the gate did not stop within {STOP_SECONDS:.0f} s:\n{self.log_end()}") from None
        log = self.log()
        if check and (self.exit_code != 0 or "Sanitizer" in log or "runtime error:" in log):
            raise GateFailed(f"the gate ended with {self.exit_code}:\n{self.log_end()}")
        return self.exit_code

    def kill(self):
        """Ends it without warning (SIGKILL): a power cut for the process."""
        self.process.kill()
        self.process.wait()
        self.exit_code = self.process.returncode

    def restart(self):
        """Stops it and starts it again on the same data."""
        if self.exit_code is None:
            self.stop()
        self.exit_code = None
        return self.start()

    def _launch(self):
        command, passed = [str(binary()), "serve", "--config", str(self.config_file)], ()
        if self.socket is not None:
            passed = (self.socket.fileno(),)
            command = ["bash", "-c", f'exec 3<&{passed[0]}; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"', "bash", *command]
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.base, env=environment(**self.env),
                pass_fds=passed)
        wire.eventually(lambda: self.process.poll() is not None or self._answers(), READY_SECONDS)
        return self.process.poll() is None and self._answers()

    def _answers(self):
        try:
            return wire.send(self.url, "/-/ping", timeout=5).status > 0
        except OSError:
            return False

    def _write_config(self):
        config = {
            "listen": {"address": "127.0.0.1", "port": self.port},
            "admin": {"address": "127.0.0.1", "port": self.admin_port},
            "storage": {"path": str(self.data)},
            # No git host is asked: a test talks to loopback only.
            "git": {"hosts": []},
            # The fixture registry's attestations are signed by nobody; what is verified has tests of its own (provenance_test.py).
            "signatures": {"provenance": "stated"},
            "log": {"level": "debug", "format": "text"},
        }
        if self.upstream is not None:
            config["upstreams"] = [{"name": "public", "url": self.upstream}]
        if self.policy_file is not None:
            config["policy"] = str(self.policy_file)
        for key, value in self.settings.items():
            merged = isinstance(value, dict) and isinstance(config.get(key), dict)
            config[key] = {**config[key], **value} if merged else value
        # One key a line, its value in YAML's flow style, which JSON is.
        self.config_file.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in config.items()))

    # Talking to it.
    def send(self, path, method="GET", headers=None, body=None, **more):
        """One request for exactly this path."""
        return wire.send(self.url, path, method, headers, body, **more)

    def get(self, path, headers=None, **more):
        """A GET."""
        return self.send(path, headers=headers, **more)

    def packument(self, name, abbreviated=False):
        """The packument as the gate shows it; asserts nothing."""
        accept = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*" if abbreviated else "application/json"
        return self.get("/" + name.replace("/", "%2f"), {"Accept": accept})

    def tarball(self, name, version):
        """The answer to a tarball request."""
        base = name.rsplit("/", 1)[-1]
        return self.get(f"/{name}/-/{base}-{version}.tgz")

    def versions(self, name):
        """The versions that the gate shows now; empty where the packument is refused or missing."""
        answer = self.packument(name)
        return list(answer.json()["versions"]) if answer.status == 200 else []

    def command(self, *arguments, **more):
        """Runs another command of the program with this gate's configuration."""
        return run(*arguments, "--config", str(self.config_file), cwd=self.base, **more)
