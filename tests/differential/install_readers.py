"""Clients whose tar reader cannot be taken out of the program read archives by installing them: many in one project, each as a
dependency on a local file, then what lies in node_modules is the reading. pnpm 12 and bun are native programs, yarn 4 goes
through a zip file of its own making.

    InstallReader(CLIENTS["bun"]).read([bytes, ...]) -> [{path: digest} or "error: ...", ...]

Where a client is known to refuse the whole package (REFUSES), that is its answer: nothing of it is installed.
"""

import hashlib
import os

import clients

# No package depends on another one, so that nothing is asked for; port 9 (discard) would show if something was.
NO_REGISTRY = "http://127.0.0.1:9/"
# What clients write into an installed package: bun notes where it came from.
OWN_FILES = {"bun": {".bun-tag"}}
# What a client does not link into node_modules though it read it: yarn 4 makes a package's own node_modules itself.
NOT_LINKED = {"yarn4": "node_modules/"}
# pnpm 12 stops at a number in package.json that a double cannot hold, in a local file; from a registry it installs the package.
REFUSES = {"pnpm12": "number out of range"}
REFUSED = "refused"
# Seconds: of a batch, and for each archive in it. A client that hangs must not hold up the rest of the run.
TIMEOUT, TIMEOUT_EACH = 40, 0.2


class InstallReader:
    """One client; holds nothing between calls."""

    def __init__(self, client):
        self.client = client
        self.own = OWN_FILES.get(client.name, set())
        self.not_linked = NOT_LINKED.get(client.name)

    def agrees(self, reading, files):
        """Whether a reading is that of an archive with these files."""
        if self.not_linked is not None:
            files = {path: digest for path, digest in files.items() if not path.startswith(self.not_linked)}
        return reading in (files, REFUSED)

    def read(self, archives):
        """The files that the client installs of each archive, in order; REFUSED or an error where it installs none."""
        if not archives:
            return []
        with clients.Project(self.client, NO_REGISTRY, scripts=False) as project:
            for number, data in enumerate(archives):
                (project.folder / f"t{number}.tgz").write_bytes(data)
            extra = ["--ignore-scripts"] if self.client.family in ("bun", "pnpm") else []
            done = project.install({f"p{number}": f"file:./t{number}.tgz" for number in range(len(archives))}, extra=extra,
                                   timeout=TIMEOUT + TIMEOUT_EACH * len(archives))
            folders = [project.folder / "node_modules" / f"p{number}" for number in range(len(archives))]
            if done.code == 0 and all(folder.is_dir() for folder in folders):
                return [self._files(folder) for folder in folders]
        if len(archives) == 1:
            if done.code != 0 and self.client.name in REFUSES and REFUSES[self.client.name] in done.text:
                return [REFUSED]
            return [f"error: exit {done.code}: {done.text.strip()[-500:]}"]
        # One that a client refuses fails the install of all.
        half = len(archives) // 2
        return self.read(archives[:half]) + self.read(archives[half:])

    def _files(self, package):
        found = {}
        top = os.path.realpath(package)  # pnpm's are links into its store
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                relative = os.path.relpath(path, top)
                if relative in self.own:
                    continue
                if os.path.islink(path):
                    found[relative] = f"link to {os.readlink(path)}"
                    continue
                with open(path, "rb") as file:
                    found[relative] = hashlib.sha256(file.read()).hexdigest()
        return found
