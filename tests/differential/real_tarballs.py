#!/usr/bin/env python3
"""Really published tarballs, old and new, read with the strict archive profile: none but the known ones may be refused.

    python3 real_tarballs.py --gate NPM_GATE [--cache FOLDER] [--only-fetch] [--min N]

The set: everything that the lock files of CLOSURES name (resolved by `npm install --package-lock-only`, nothing is run),
and for each of OLD some of its versions from the first to the newest. The tarballs come from the registry that npm is
configured with, at most four at a time, are checked against their integrity and kept in the cache folder (default:
~/.cache/npm-gate/tarballs), so that a second run fetches nothing. Prints a count per verdict of the archive and
package.json rules and every refusal with its rule; exit 1 where one was refused that is not KNOWN, or fewer than --min were read.

Label live: needs a registry; `./test --live`.
"""

import argparse
import base64
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

CLOSURES = ("react-scripts@5", "@angular/cli", "gulp@3", "express@3", "aws-sdk@2", "next", "nx", "bower", "webpack@1", "eslint",
            "mocha@2", "grunt@0.4", "vite", "@babel/cli", "jest", "electron", "puppeteer", "sqlite3", "node-sass", "karma@1")
# Packages with a long history; of each, versions spread evenly over all it ever had.
OLD = ("async", "underscore", "lodash", "request", "express", "connect", "mkdirp", "optimist", "commander", "colors", "coffee-script",
       "uglify-js", "jade", "socket.io", "mongoose", "redis", "q", "glob", "minimatch", "through", "semver", "graceful-fs", "chalk",
       "debug", "moment", "jquery", "less", "stylus", "jshint", "jsdom", "cheerio", "ws", "mime", "qs", "rimraf", "nopt", "browserify",
       "yargs", "bluebird", "core-js", "handlebars", "mustache", "ejs", "winston", "passport", "nodemailer", "xml2js", "node-uuid",
       "backbone", "ember-source", "angular", "d3", "three", "phantomjs", "bcrypt", "leveldown", "fsevents", "typescript", "react", "npm")
# Refused with reason (docs/threats.md, section 3): clients read them differently.
KNOWN = {
    "tar-link": ("connect-0.0.6.tgz", "ejs-0.0.4.tgz", "express-0.14.0.tgz", "jade-0.10.7.tgz", "jade-0.12.3.tgz",
                 "jade-0.14.2.tgz", "jade-0.16.4.tgz", "jade-0.2.4.tgz", "jade-0.26.1.tgz", "jade-0.6.0.tgz",
                 "jade-0.8.1.tgz", "mime-1.0.0.tgz"),
    "duplicate-key": ("connect-2.4.0.tgz", "connect-2.7.1.tgz", "mime-1.3.0.tgz", "mime-1.3.4.tgz", "q-0.5.1.tgz",
                      "q-0.7.0.tgz"),
    "path-collision": ("typescript-3.1.0-dev.20180901.tgz",),
}
VERSIONS_OF_OLD = 16
AT_ONCE = 4
TIMEOUT = 120


def registry():
    """The registry to fetch from, with a slash at its end; "" where none is known."""
    named = os.environ.get("NPM_GATE_LIVE_UPSTREAM") or os.environ.get("NPM_CONFIG_REGISTRY")
    if not named:
        try:
            named = subprocess.run(["npm", "config", "get", "registry"], capture_output=True, text=True, timeout=60, check=False).stdout
        except OSError:
            return ""
    named = named.strip()
    return named if named.endswith("/") or not named else named + "/"


def get(url):
    """The body of `url`; one more try where the network failed."""
    for last in (False, True):
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as reply:
                return reply.read()
        except (urllib.error.URLError, OSError):
            if last:
                raise
    return b""


def tarball_url(upstream, place, package):
    """Where a package of a lock file is fetched; npm may leave the URL out (omit-lockfile-registry-resolved)."""
    if package.get("resolved", "").startswith("http"):
        return package["resolved"]
    name = package.get("name") or place.rpartition("node_modules/")[2]
    return f"{upstream}{name}/-/{name.rpartition('/')[2]}-{package['version']}.tgz"


def from_closure(spec, cache, upstream):
    """(url, integrity) of every package that `spec` brings along, from a lock file kept in the cache."""
    kept = cache / "locks" / (urllib.parse.quote(spec, safe="") + ".json")
    if not kept.exists():
        with tempfile.TemporaryDirectory() as folder:
            name, _, wanted = spec.rpartition("@") if "@" in spec[1:] else (spec, "", "latest")
            manifest = {"name": "closure", "version": "1.0.0", "private": True, "dependencies": {name: wanted}}
            pathlib.Path(folder, "package.json").write_text(json.dumps(manifest), encoding="utf-8")
            done = subprocess.run(["npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund",
                                   "--legacy-peer-deps", "--maxsockets", str(AT_ONCE)], cwd=folder, capture_output=True, text=True,
                                  timeout=900, check=False)
            lock = pathlib.Path(folder, "package-lock.json")
            if done.returncode != 0 or not lock.exists():
                print(f"{spec}: npm could not resolve it and it is left out: {done.stderr.strip()[-200:]}", file=sys.stderr)
                return []
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(lock.read_text(encoding="utf-8"), encoding="utf-8")
    packages = json.loads(kept.read_text(encoding="utf-8"))["packages"]
    return [(tarball_url(upstream, place, package), package["integrity"]) for place, package in packages.items()
            if package.get("integrity")]


def from_history(name, upstream):
    """(url, integrity) of some versions of `name`, spread evenly over all it has."""
    try:
        packument = json.loads(get(upstream + urllib.parse.quote(name, safe="@")))
    except (urllib.error.URLError, OSError, ValueError) as error:
        print(f"{name}: left out: {error}", file=sys.stderr)
        return []
    versions = list(packument["versions"].values())
    step = max(1, len(versions) // VERSIONS_OF_OLD)
    found = []
    for version in versions[::step]:
        dist = version["dist"]
        shasum = base64.b64encode(bytes.fromhex(dist["shasum"])).decode() if dist.get("shasum") else ""
        integrity = dist.get("integrity") or (f"sha1-{shasum}" if shasum else "")
        if integrity:
            found.append((dist["tarball"], integrity))
    return found


def matches(data, integrity):
    """Whether `data` has one of the digests of an SRI text."""
    for each in integrity.split():
        algorithm, _, digest = each.partition("-")
        if base64.b64encode(hashlib.new(algorithm, data).digest()).decode() == digest:
            return True
    return False


def fetch(url, integrity, cache):
    """The path of the tarball in the cache, fetched where it is not there; None where it was not available."""
    name = hashlib.sha256(integrity.encode()).hexdigest()[:16] + "-" + urllib.parse.unquote(url).rpartition("/")[2]
    path = cache / "tgz" / name
    if path.exists():
        return path
    try:
        data = get(url)
    except (urllib.error.URLError, OSError) as error:
        print(f"{name}: not fetched: {error}", file=sys.stderr)
        return None
    if not matches(data, integrity):
        print(f"{name}: not used: its bytes are not those of its integrity", file=sys.stderr)
        return None
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.rename(path)
    return path


def collect(cache):
    """The paths of all tarballs of the set."""
    upstream = registry()
    if not upstream:
        print("skipped: no registry is configured")
        sys.exit(77)
    (cache / "tgz").mkdir(parents=True, exist_ok=True)
    wanted = {}
    for spec in CLOSURES:
        wanted.update(from_closure(spec, cache, upstream))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for found in pool.map(lambda name: from_history(name, upstream), OLD):
            wanted.update(found)
        paths = pool.map(lambda item: fetch(*item, cache), sorted(wanted.items()))
        return sorted(path for path in paths if path is not None)


def refusals(gate, paths):
    """One (path, rule and detail, or "" where accepted) per tarball, as `npm-gate inspect` sees it."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as listed, open(os.devnull, "w", encoding="utf-8") as quiet:
        listed.write("".join(f"{path}\n" for path in paths))
        listed.seek(0)
        command = [gate, "inspect", "--list", "-", "--json"]
        with subprocess.Popen(command, stdin=listed, stdout=subprocess.PIPE, stderr=quiet, text=True) as run:
            for line in run.stdout:
                row = json.loads(line)
                evidence = row.get("evidence") or {}
                refusal = evidence.get("archiveRefusal") or evidence.get("packageJsonRefusal")
                why = row.get("error", "")
                if refusal:
                    why = f"{refusal['rule']}: {refusal['detail']}"
                yield row["spec"], why


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gate", default=os.environ.get("NPM_GATE_BINARY"))
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache" / "npm-gate" / "tarballs")
    parser.add_argument("--only-fetch", action="store_true")
    parser.add_argument("--min", type=int, default=2000, help="fewer tarballs than this are a failure")
    options = parser.parse_args()
    if not options.gate and not options.only_fetch:
        parser.error("name the program with --gate or NPM_GATE_BINARY")
    paths = collect(options.cache)
    size = sum(path.stat().st_size for path in paths)
    print(f"{len(paths)} tarballs, {size / 2**20:.0f} MiB, in {options.cache}")
    if options.only_fetch:
        return 0
    # One that must be refused shows that refusals are seen.
    control = options.cache / "control.tgz"
    control.write_bytes(paths[0].read_bytes() + b"more")
    rules, read, unexpected = collections.Counter(), 0, 0
    for spec, why in refusals(options.gate, [control, *paths]):
        if spec == str(control):
            if not why:
                print("the control, a tarball with bytes behind its end, was accepted")
                return 1
            continue
        read += 1
        rule, name = why.partition(":")[0], pathlib.Path(spec).name
        known = bool(rule) and name.partition("-")[2] in KNOWN.get(rule, ())
        rules["accepted" if not rule else f"{rule} (known)" if known else rule] += 1
        unexpected += bool(rule) and not known
        if rule:
            print(f"  {name}: {why}{' (known)' if known else ''}")
    print(", ".join(f"{rule} {count}" for rule, count in rules.most_common()))
    return 0 if read >= options.min and read == len(paths) and unexpected == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
