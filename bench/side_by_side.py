#!/usr/bin/env python3
"""Server CPU per request: the gate beside nginx (proxy_cache, warm, the very bytes that the gate answers with), in the same run.

    bench/side_by_side.py [--seconds S] [--rounds N] [--only REGEX] [--packages N] [--cold] [--syscalls]

Needs nginx and wrk (scripts/install-packages.sh bench); no registry: the upstream is a made-up one on loopback, generated with the
sizes of a large application's 1,000 packuments. NPM_GATE_BINARY names another build, NPM_GATE_BEFORE an older one that is measured
beside it. Requests come from wrk with one thread over loopback, the servers in turn in every round. The figure is the time that a
server's threads ran on a CPU (/proc/PID/task/*/schedstat) by request, which other work on the machine disturbs least; the median of the
rounds, and its ratio to nginx's.
"""

import argparse
import base64
import contextlib
import hashlib
import io
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request

import measuring

ABBREVIATED = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"
PACKUMENTS = {"packument-64k": 76, "packument-657k": 780, "packument-10m": 12_700}  # versions: what their abbreviated form then weighs
TARBALLS = {"tarball-12k": 11_000, "tarball-4m": 4_190_000, "tarball-31m": 30_990_000}  # bytes that do not compress
CONNECTIONS = {"packument-10m": 4, "tarball-4m": 8, "tarball-31m": 4}
WALK_CONNECTIONS = 15  # npm's
FIXTURE = """daemon off; worker_processes 1; pid {base}/fixture.pid; error_log {base}/fixture.log warn;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush off; keepalive_requests 1000000; default_type application/json; {temporary}
  server {{ listen 127.0.0.1:{upstream}; root {base}/upstream; location / {{ try_files $uri/packument.json $uri =404; }} }}
  server {{
    listen 127.0.0.1:{origin}; root {base}/origin;
    location /gzip/ {{ add_header Content-Encoding gzip; }}
  }}
}}
"""
CACHE = """daemon off; worker_processes {cores}; pid {base}/cache.pid; error_log {base}/cache.log warn;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush off; tcp_nodelay on; keepalive_requests 1000000; keepalive_timeout 65;
  open_file_cache max=4000 inactive=600s; open_file_cache_valid 600s; {temporary}
  proxy_cache_path {base}/cache levels=1:2 keys_zone=all:20m max_size=4g inactive=60m use_temp_path=off;
  map $http_accept_encoding $form {{ default identity; ~gzip gzip; }}
  server {{
    listen 127.0.0.1:{plain} reuseport; listen 127.0.0.1:{tls} ssl reuseport;
    ssl_certificate {base}/tls.pem; ssl_certificate_key {base}/tls.key; ssl_protocols TLSv1.2 TLSv1.3;
    proxy_cache all; proxy_cache_key $form$uri; proxy_cache_valid 200 60m; proxy_max_temp_file_size 0;
    location / {{ proxy_pass http://127.0.0.1:{origin}/$form$uri; }}
  }}
}}
"""
TEMPORARY = " ".join(f"{name}_temp_path {{base}}/t{number};" for number, name in
                     enumerate(("client_body", "proxy", "fastcgi", "uwsgi", "scgi")))
WALK = """local paths = {%s}
local at, requests = 0, {}
function init() for i, path in ipairs(paths) do requests[i] = wrk.format("GET", path) end end
function request() at = at %% #requests + 1 return requests[at] end
"""


def version_of(name, number, when):
    """One version of a packument: what npm's own look like, with digests that do not compress."""
    version = f"{1 + number // 400}.{number // 20 % 20}.{number % 20}"
    seed = f"{name}@{version}".encode()
    manifest = {
        "name": name, "version": version, "description": "Made up for a measurement", "license": "MIT", "main": "lib/index.js",
        "author": {"name": "Somebody", "email": "somebody@mail.example"}, "keywords": ["made", "up"],
        "homepage": f"https://code.example/{name}#readme", "repository": {"type": "git", "url": f"git+https://code.example/{name}.git"},
        "scripts": {"test": "node --test", "build": "tsc -p .", "lint": "eslint ."},
        "dependencies": {f"dependency-{(number + i) % 40}": f"^{i}.{number % 9}.0" for i in range(8)},
        "devDependencies": {f"tool-{i}": f"^{i}.1.0" for i in range(10)}, "engines": {"node": ">=18"},
        "gitHead": hashlib.sha1(b"head" + seed).hexdigest(), "_npmUser": {"name": "somebody", "email": "somebody@mail.example"},
        "maintainers": [{"name": "somebody", "email": "somebody@mail.example"}],
        "dist": {"tarball": f"https://registry.example/{name}/-/{name}-{version}.tgz", "fileCount": 12, "unpackedSize": 45_678,
                 "shasum": hashlib.sha1(seed).hexdigest(),
                 "integrity": "sha512-" + base64.b64encode(hashlib.sha512(seed).digest()).decode()},
    }
    return version, manifest, time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(when + number * 600))


def write_packument(folder, name, count, tarball=None):
    """A full packument of `count` releases that are too old to be inspected unasked."""
    start = time.time() - 3 * 365 * 86_400
    versions, times = {}, {}
    for number in range(count):
        version, manifest, stamp = version_of(name, number, start)
        if tarball is not None:
            manifest["dist"].update(shasum=hashlib.sha1(tarball).hexdigest(),
                                    integrity="sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode())
            (folder / name / "-").mkdir(parents=True)
            (folder / name / "-" / f"{name}-{version}.tgz").write_bytes(tarball)
        versions[version], times[version] = manifest, stamp
    (folder / name).mkdir(parents=True, exist_ok=True)
    document = {"_id": name, "name": name, "dist-tags": {"latest": version}, "versions": versions,
                "time": {"created": times[next(iter(times))], "modified": times[version], **times}, "license": "MIT"}
    (folder / name / "packument.json").write_text(json.dumps(document, separators=(",", ":")))


def tarball_of(name, size):
    """A release whose one large file does not compress."""
    manifest = version_of(name, 0, 0)[1]
    manifest = {key: manifest[key] for key in ("name", "version", "license", "main", "scripts", "dependencies", "engines")}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as tar:
        for path, body in (("package/package.json", json.dumps(manifest).encode()), ("package/data.bin", random.randbytes(size))):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.mtime = len(body), 0o644, 499_162_500
            tar.addfile(entry, io.BytesIO(body))
    return out.getvalue()


def generate(folder, packages):
    """The upstream's files; names of the walk's packages. Sizes as in a large application: median 28 versions, 1 % over 1,282."""
    random.seed(15)
    for name, count in PACKUMENTS.items():
        write_packument(folder, name, count)
    for name, size in TARBALLS.items():
        write_packument(folder, name, 1, tarball_of(name, size))
    names = []
    for number in range(packages):
        names.append(f"walked-{number}")
        write_packument(folder, names[-1], max(1, min(2_600, round(math.exp(random.gauss(3.33, 1.64))))))
    return names


def ran(pid):
    """Seconds that a process, its threads and its children ran on a CPU."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
            for child in (task / "children").read_text().split():
                total += ran(child) * 1e9
    return total / 1e9


def memory_of(pid):
    """Resident MiB of a process alone."""
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


class Server:
    """A name, a running process, and where it listens."""

    def __init__(self, name, process, plain, tls_process, tls, admin=None):
        self.name, self.process, self.plain, self.tls_process, self.tls, self.admin = name, process, plain, tls_process, tls, admin

    def url(self, secure):
        return f"https://127.0.0.1:{self.tls}/" if secure else f"http://127.0.0.1:{self.plain}/"

    def pid(self, secure):
        return (self.tls_process if secure else self.process).pid


def start(command, log, port):
    """A process that listens on `port`."""
    with open(log, "a", encoding="utf-8") as out:
        process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=out)
    measuring.wait_for(port, process)
    return process


def start_gate(base, binary, name, upstream, secure):
    """One gate; process, port and admin port."""
    folder = base / f"gate-{name}-{'tls' if secure else 'plain'}"
    folder.mkdir(parents=True)
    port, admin = measuring.free_port(), measuring.free_port()
    config = {"listen": {"address": "127.0.0.1", "port": port}, "admin": {"address": "127.0.0.1", "port": admin},
              "upstreams": [{"name": "public", "url": upstream}], "storage": {"path": str(folder / "data")},
              "packuments": {"fresh": "1h", "stale": "24h"}, "log": {"level": "warn"}}
    if secure:
        config["listen"]["tls"] = {"certificate": str(base / "tls.pem"), "key": str(base / "tls.key")}
    (folder / "gate.yaml").write_text(json.dumps(config))
    return start([binary, "serve", "--config", folder / "gate.yaml"], folder / "gate.log", port), port, admin


def wrk(url, encoding, connections, seconds, script=None, secure=False):
    """Requests that were answered by 2xx."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-H", f"Accept: {ABBREVIATED}",
               "-H", f"Accept-Encoding: {encoding}", "-H", "User-Agent: npm/11.0.0 node/v22.0.0 linux x64 workspaces/false"]
    text = subprocess.run(command + (["-s", str(script)] if script else []) + [url], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+) requests in", text)
    if found is None or "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"side_by_side.py: {url}: {text}")
    return int(found.group(1))


class Case:
    """What is asked for, how, and by how many connections."""

    def __init__(self, name, path, encoding="identity", connections=16, secure=False, script=None):
        self.name, self.path, self.encoding, self.connections, self.secure, self.script = name, path, encoding, connections, secure, script

    def once(self, server, seconds):
        """Microseconds of CPU by request."""
        before = ran(server.pid(self.secure))
        count = wrk(server.url(self.secure) + self.path, self.encoding, self.connections, seconds, self.script, self.secure)
        return (ran(server.pid(self.secure)) - before) / count * 1e6


def cases_of(base, names):
    """Every row of the table."""
    cases = []
    for name in PACKUMENTS:
        for encoding in ("identity", "gzip"):
            cases.append(Case(f"{name} {encoding}", name, encoding, CONNECTIONS.get(name, 16)))
    for secure in (False, True):
        for name in TARBALLS:
            cases.append(Case(f"{name}{' tls' if secure else ''}", f"{name}/-/{name}-1.0.0.tgz", "identity",
                              CONNECTIONS.get(name, 16), secure))
    cases.append(Case("packument-657k gzip tls", "packument-657k", "gzip", 16, True))
    script = base / "walk.lua"
    script.write_text(WALK % ", ".join(f'"/{name}"' for name in names))
    cases.append(Case(f"walk of {len(names)}, each", "", "gzip", WALK_CONNECTIONS, False, script))
    return cases


def fetch(url, encoding="identity"):
    request = urllib.request.Request(url, headers={"Accept": ABBREVIATED, "Accept-Encoding": encoding})
    context = __import__("ssl")._create_unverified_context()
    with urllib.request.urlopen(request, timeout=120, context=context) as answer:
        return answer.read()


def walk(server, names):
    """Wall and CPU seconds of one walk over all packuments by 15 connections."""
    left = list(names)
    before, began = ran(server.pid(False)), time.monotonic()

    def work():
        while left:
            with contextlib.suppress(IndexError):
                fetch(server.url(False) + left.pop(), "gzip")
    threads = [threading.Thread(target=work) for _ in range(WALK_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began, ran(server.pid(False)) - before


def metric(server, name):
    """A counter of a gate, all labels together; 0 where it has none of the name."""
    try:
        text = fetch(f"http://127.0.0.1:{server.admin}/metrics").decode()
    except urllib.error.URLError:
        return 0
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith((name + " ", name + "{")))


def warm(servers, base, names):
    """Every gate asked once for everything, the last one's answers given to nginx's origin, nginx asked once for everything."""
    gates = [server for server in servers if server.admin]
    paths = [*PACKUMENTS, *(f"{name}/-/{name}-1.0.0.tgz" for name in TARBALLS)]
    for gate in gates:
        wall, cpu = walk(gate, names)
        print(f"cold walk, {gate.name}: {wall:.1f} s, {cpu:.2f} CPU-s, resident {memory_of(gate.pid(False)):.0f} MiB", flush=True)
        for secure in (False, True):
            for path in paths:
                fetch(gate.url(secure) + path)
    for path in [*paths, *names]:
        for encoding in ("identity", "gzip"):
            target = base / "origin" / encoding / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(fetch(gates[-1].url(False) + path, encoding))
    for server in servers:
        for path in [*paths, *names]:
            for encoding in ("identity", "gzip"):
                fetch(server.url(False) + path, encoding)
                if path in paths:
                    fetch(server.url(True) + path, encoding)


def count_syscalls(case, server):
    """System calls by request while wrk asks for one second."""
    text = tempfile.mktemp()
    tracer = subprocess.Popen(["strace", "-f", "-c", "-o", text, *(part for pid in tree(server.pid(case.secure)) for part in ("-p", pid))],
                              stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    count = wrk(server.url(case.secure) + case.path, case.encoding, case.connections, 1, case.script, case.secure)
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    calls = {}
    for line in pathlib.Path(text).read_text().splitlines():
        words = line.split()
        if len(words) >= 5 and words[0].replace(".", "").isdigit() and words[-1] != "total" and int(words[3]) * 20 > count:
            calls[words[-1]] = int(words[3]) / count
    os.unlink(text)
    return ", ".join(f"{name} {number:.2f}" for name, number in sorted(calls.items(), key=lambda item: -item[1]))


def tree(pid):
    """A process and its children."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [str(pid), *(each for child in children for each in tree(child))]


def compare(servers, cases, options):
    """The table."""
    for case in cases:
        if options.only and not re.search(options.only, case.name):
            continue
        if options.syscalls:
            for server in servers:
                print(f"{case.name:28} {server.name:7} {count_syscalls(case, server)}", flush=True)
            continue
        parsed = {server.name: metric(server, "npm_gate_packuments_parsed_total") for server in servers if server.admin}
        took = {server.name: [] for server in servers}
        for _ in range(options.rounds):
            for server in servers:
                took[server.name].append(case.once(server, options.seconds))
        medians = {name: measuring.median(values) for name, values in took.items()}
        figures = "  ".join(f"{name} {value:9.1f} us" + ("" if name == "nginx" else f" ({value / medians['nginx']:5.2f})")
                            for name, value in medians.items())
        print(f"{case.name:28} {figures}", flush=True)
        for server in servers:
            if server.admin and metric(server, "npm_gate_packuments_parsed_total") > parsed[server.name]:
                print(f"{'':28} {server.name} parsed packuments meanwhile", flush=True)


@contextlib.contextmanager
def running(base, options):
    """The servers to compare: nginx, an older gate where one is named, the gate."""
    temporary = TEMPORARY.format(base=base)
    ports = {name: measuring.free_port() for name in ("upstream", "origin", "plain", "tls")}
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-keyout", str(base / "tls.key"), "-out", str(base / "tls.pem")],
                   check=True, capture_output=True)
    (base / "fixture.conf").write_text(FIXTURE.format(base=base, temporary=temporary, **ports))
    (base / "cache.conf").write_text(CACHE.format(base=base, temporary=temporary, cores=os.cpu_count(), **ports))
    processes = []
    try:
        processes.append(start(["nginx", "-c", base / "fixture.conf", "-p", base], base / "fixture.out", ports["upstream"]))
        processes.append(start(["nginx", "-c", base / "cache.conf", "-p", base], base / "cache.out", ports["plain"]))
        servers = [Server("nginx", processes[-1], ports["plain"], processes[-1], ports["tls"])]
        binaries = {"before": os.environ.get("NPM_GATE_BEFORE"), "gate": measuring.gate_binary()}
        for name, binary in binaries.items():
            if not binary:
                continue
            upstream = f"http://127.0.0.1:{ports['upstream']}/"
            plain, port, admin = start_gate(base, binary, name, upstream, False)
            processes.append(plain)
            tls_process, tls, _ = start_gate(base, binary, name, upstream, True)
            processes.append(tls_process)
            servers.append(Server(name, plain, port, tls_process, tls, admin))
        yield servers
    finally:
        for process in reversed(processes):
            measuring.stop(process)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="cases whose name matches")
    parser.add_argument("--packages", type=int, default=1000, help="of the walk")
    parser.add_argument("--syscalls", action="store_true", help="count system calls by request instead (needs strace)")
    options = parser.parse_args()
    for tool in ("nginx", "wrk", *(["strace"] if options.syscalls else [])):
        if shutil.which(tool) is None:
            sys.exit(f"side_by_side.py: no {tool}; scripts/install-packages.sh bench installs it")
    base = pathlib.Path(tempfile.mkdtemp(prefix="gate-bench-"))
    base.chmod(0o755)  # nginx's workers are another user
    try:
        names = generate(base / "upstream", options.packages)
        print(measuring.describe(), flush=True)
        with running(base, options) as servers:
            warm(servers, base, names)
            compare(servers, cases_of(base, names), options)
            for server in servers:
                print(f"resident, {server.name}: {sum(memory_of(pid) for pid in tree(server.pid(False))):.0f} MiB")
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
