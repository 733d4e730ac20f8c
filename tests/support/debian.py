"""A clean Debian 12 in a folder, made once by debootstrap, and containers of it that are gone when they end.

    with Container(boot=True) as container:      # systemd runs inside, as on a real machine
        container.run("apt-get", "install", "-y", "/srv/npm-gate.deb")

The container shares the host's network: what listens on loopback here is there. Needs root, debootstrap, systemd-nspawn, and apt sources
that work on this machine; why() says what is missing.
"""

import functools
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASE = pathlib.Path(os.environ.get("NPM_GATE_DEBIAN", ROOT / "build" / "debian-12"))
# What a server has before anything of ours.
INCLUDED = "systemd,systemd-sysv,dbus,ca-certificates"
BOOT_SECONDS = 120
# systemd-nspawn of Debian 12 does not know these calls; the kernel has them.
CALLS = "seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self"


@functools.cache
def why():
    """What is missing to run containers, with nothing of ours in them; None if nothing is."""
    if os.geteuid() != 0:
        return "root"
    missing = next((tool for tool in ("debootstrap", "systemd-nspawn", "nsenter") if shutil.which(tool) is None), None)
    if missing:
        return missing
    try:
        with Container(boot=True):
            return None
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        return f"a machine that can make and start an empty one: {error}"


def _mirror():
    """Where this machine's apt fetches from."""
    for file in [pathlib.Path("/etc/apt/sources.list"), *sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*"))]:
        for line in file.read_text().splitlines() if file.is_file() else ():
            words = line.split()
            for word in words if words and words[0] in ("deb", "URIs:") else ():
                if word.startswith("http"):
                    return word
    raise RuntimeError("no apt source with a URL")


def base():
    """The folder with the clean system; made if it is not there."""
    if (BASE / "ready").exists():
        return BASE / "root"
    shutil.rmtree(BASE, ignore_errors=True)
    BASE.mkdir(parents=True)
    root = BASE / "root"
    made = subprocess.run(["debootstrap", "--variant=minbase", f"--include={INCLUDED}", "bookworm", str(root), _mirror()],
                          capture_output=True, text=True, timeout=1500, check=False)
    if made.returncode != 0:
        raise RuntimeError("debootstrap: " + made.stdout[-2000:] + made.stderr[-2000:])
    # As this machine fetches packages, so does the container.
    shutil.copytree("/etc/apt", root / "etc/apt", dirs_exist_ok=True, symlinks=True)
    shutil.copytree("/usr/share/keyrings", root / "usr/share/keyrings", dirs_exist_ok=True)
    shutil.copy("/etc/hosts", root / "etc/hosts")
    if not pathlib.Path("/etc/apt/sources.list").exists():
        (root / "etc/apt/sources.list").unlink(missing_ok=True)
    subprocess.run(["chroot", root, "apt-get", "-q", "update"], check=True, capture_output=True, timeout=600)
    (BASE / "ready").write_text("")
    return root


class Container:
    """One running container; what is written in it is gone at its end. `bind`: {folder here: folder there}, read-only."""

    def __init__(self, boot=False, bind=None):
        self.boot, self.bind = boot, bind or {}
        self.process = self.leader = None

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="container-")
        log = pathlib.Path(self.folder.name) / "console"
        words = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--volatile=overlay", f"--directory={base()}",
                 f"--machine=npm-gate-{os.getpid()}", "--resolv-conf=bind-host", f"--system-call-filter={CALLS}"]
        words += [f"--bind-ro={here}:{there}" for here, there in self.bind.items()]
        words += ["--boot", "--console=pipe"] if self.boot else ["--console=pipe", "sleep", "infinity"]
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            env={**os.environ, "UNIFIED_CGROUP_HIERARCHY": "1"} if self.boot else None)
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            if self.leader is not None:
                os.kill(self.leader, signal.SIGKILL)
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def _wait(self):
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            if children:
                self.leader = int(children[0])
                up = self.run("systemctl", "is-system-running", check=False).stdout.strip() if self.boot else "running"
                if up in ("running", "degraded"):
                    return
            time.sleep(0.2)
        raise RuntimeError("the container did not start:\n" + self.log.read_text(errors="replace")[-3000:])

    def run(self, *words, check=True, timeout=600, stdin=None, user=None):
        """Runs a command inside to its end."""
        inside = ["nsenter", f"--target={self.leader}", "--mount", "--uts", "--ipc", "--pid", "--root", "--wd=/"]
        inside += ["--", "env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"]
        inside += ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        done = subprocess.run([*inside, *map(str, words)], capture_output=True, text=True, timeout=timeout, input=stdin, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def write(self, path, text):
        """A file inside."""
        self.run("sh", "-c", f"cat > {path}", stdin=text)
