#!/usr/bin/env python3
"""Writes samples/ anew: the lockfiles that the real clients make of two small applications.

    make_samples.py REGISTRY [PNPM8]

REGISTRY is asked for the packages; its host becomes registry.example in what is written. PNPM8 is a pnpm 8 (`pnpm.cjs`), the
last one that writes version 6. The applications: `app` has an alias, a workspace, dev, optional and peer dependencies, a local and
a remote tarball; `web` is an ordinary server.
"""

import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import clients  # pylint: disable=wrong-import-position

OLD = "https://old-gate.example/npm/"


def app(registry):
    """package.json of the application with everything in it."""
    return {
        "name": "app", "version": "1.0.0", "private": True, "workspaces": ["packages/lib"],
        "dependencies": {"debug": "^4.3.0", "old-ms": "npm:ms@2.0.0", "@babel/code-frame": "~7.24.0", "ajv-formats": "^3.0.1",
                         "ajv": "^8.17.0", "is-number": f"{registry}is-number/-/is-number-7.0.0.tgz",
                         "local-tar": "file:./local-tar.tgz"},
        "devDependencies": {"semver": "^7.6.0", "ms": "^2.0.0"},
        "optionalDependencies": {"fsevents": "~2.3.3"},
    }


WEB = {"name": "web", "version": "0.1.0", "private": True, "dependencies": {"express": "4.21.0", "lru-cache": "^6.0.0"}}
LIB = {"name": "lib", "version": "0.0.1", "dependencies": {"ms": "2.1.2"}}


def lay_out(project, manifest, registry):
    """The application's files in the project's folder."""
    folder = project.folder
    (folder / "package.json").write_text(json.dumps(manifest, indent=2))
    if "workspaces" in manifest:
        (folder / "packages" / "lib").mkdir(parents=True)
        (folder / "packages" / "lib" / "package.json").write_text(json.dumps(LIB))
        with urllib.request.urlopen(f"{registry}isarray/-/isarray-2.0.5.tgz") as reply:
            (folder / "local-tar.tgz").write_bytes(reply.read())
        if project.client.family == "pnpm":
            with open(folder / "pnpm-workspace.yaml", "a", encoding="utf-8") as file:
                file.write('blockExoticSubdeps: false\n')
            text = (folder / "pnpm-workspace.yaml").read_text().replace('["."]', '[".", "packages/*"]')
            (folder / "pnpm-workspace.yaml").write_text(text)
    if project.client.family == "yarn4":
        (folder / "yarn.lock").write_text("")


def make(client, manifest, registry, name, extra=(), lockfile=None):
    """One lockfile into samples/."""
    with clients.Project(client, registry, scripts=False) as project:
        lay_out(project, manifest, registry)
        result = project.run(project._install_arguments(False) + list(extra))  # pylint: disable=protected-access
        path = project.folder / (lockfile or client.lockfile)
        if not path.exists():
            sys.exit(f"{client.name} left no {path.name} (exit {result.code}):\n{result.text[-2000:]}")
        text = path.read_text().replace(registry, "https://registry.example/")
        host = urllib.parse.urlsplit(registry).netloc
        text = text.replace(urllib.parse.quote(registry, safe=""), urllib.parse.quote("https://registry.example/", safe=""))
        text = text.replace(host, "registry.example")
        target = HERE / "samples" / name
        target.mkdir(parents=True, exist_ok=True)
        (target / path.name).write_text(text)
        print(f"samples/{name}/{path.name}: {len(text)} bytes by {client.name}, exit {result.code}")


def main():
    """Every client's file of both applications."""
    registry = sys.argv[1].rstrip("/") + "/"
    table = clients.available()
    if len(sys.argv) > 2:
        table["pnpm8"] = dataclasses.replace(table["pnpm10"], name="pnpm8", path=str(pathlib.Path(sys.argv[2]).resolve()))
    npm = [("npm-v1", ["--lockfile-version", "1"]), ("npm-v2", ["--lockfile-version", "2"]), ("npm-v3", [])]
    for kind, manifest in (("app", app(registry)), ("web", WEB)):
        for name, extra in npm:
            make(table["npm10"], manifest, registry, f"{name}-{kind}", extra)
        for client, name in (("pnpm8", "pnpm-v6"), ("pnpm10", "pnpm-v9"), ("pnpm12", "pnpm-12"), ("yarn1", "yarn-v1"),
                             ("yarn4", "yarn-berry"), ("bun", "bun")):
            if client in table:
                make(table[client], manifest, registry, f"{name}-{kind}")


if __name__ == "__main__":
    main()
