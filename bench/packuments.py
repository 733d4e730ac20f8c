#!/usr/bin/env python3
"""Requests per second of one warm packument: the gate against nginx that serves the same bytes from a file.

    bench/packuments.py [PACKAGE]    needs nginx and wrk (scripts/install-packages.sh bench)

nginx has one worker per core as the gate has one loop per core, sendfile on and tcp_nopush off; the ratio says what judging
costs once it is done.
Both are asked in turn over loopback, identity and gzip, three rounds, by wrk with one thread and 16 connections.
"""

import contextlib
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import measuring

ROUNDS = 3
WRK = ["wrk", "-t1", "-c16", "-d5s"]
ABBREVIATED = "application/vnd.npm.install-v1+json"
NGINX = """daemon off; worker_processes {cores}; pid {base}/nginx.pid; error_log {base}/error.log warn;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush off; keepalive_requests 1000000; default_type application/json;
  client_body_temp_path {base}/t1; proxy_temp_path {base}/t2; fastcgi_temp_path {base}/t3; uwsgi_temp_path {base}/t4; scgi_temp_path {base}/t5;
  server {{
    listen 127.0.0.1:{port}; root {base};
    location = /gzip {{ add_header Content-Encoding gzip; }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(base):
    """nginx over the files `identity` and `gzip` in `base`; gives its URL."""
    port = measuring.free_port()
    (base / "nginx.conf").write_text(NGINX.format(base=base, port=port, cores=os.cpu_count()))
    base.chmod(0o755)  # started by root, its worker is another user
    base.parent.chmod(0o711)
    process = subprocess.Popen(["nginx", "-c", str(base / "nginx.conf"), "-p", str(base)], stderr=subprocess.DEVNULL)
    try:
        measuring.wait_for(port, process)
        yield f"http://127.0.0.1:{port}/"
    finally:
        measuring.stop(process)


def rate(url, encoding):
    """Requests per second; exits where anything but 2xx came back."""
    command = [*WRK, "-H", f"Accept: {ABBREVIATED}", "-H", f"Accept-Encoding: {encoding}", url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if found is None or "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"packuments.py: {url}: {text}")
    return float(found.group(1))


def main():
    """Prints the ratio of every round, then the median."""
    package = sys.argv[1] if len(sys.argv) > 1 else "express"
    for tool in ("nginx", "wrk"):
        if shutil.which(tool) is None:
            sys.exit(f"packuments.py: no {tool}; scripts/install-packages.sh bench installs it")
    base = pathlib.Path(tempfile.mkdtemp(prefix="gate-bench-"))
    policy = (measuring.ROOT / "policy" / "default_policy.yaml").read_text()
    try:
        with measuring.gate(base / "gate", policy) as gate:
            compare(base, gate + package, package)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def compare(base, url, package):
    """Both servers in turn, for each encoding."""
    measuring.get(url, Accept=ABBREVIATED)
    print(f"{measuring.describe()}; {package}", flush=True)
    served = base / "served"
    served.mkdir()
    for encoding in ("identity", "gzip"):
        body, headers = measuring.get(url, **{"Accept": ABBREVIATED, "Accept-Encoding": encoding})
        if (headers.get("Content-Encoding") or "identity") != encoding:
            print(f"{encoding}: the gate answered {headers.get('Content-Encoding')}; nginx serves our own compression")
            body = gzip.compress(body, 6)
        (served / encoding).write_bytes(body)
    with nginx(served) as other:
        for encoding in ("identity", "gzip"):
            ratios = []
            for number in range(1, ROUNDS + 1):
                ours, theirs = rate(url, encoding), rate(other + encoding, encoding)
                ratios.append(ours / theirs)
                print(f"{encoding} round {number}: gate {ours:.0f}/s  nginx {theirs:.0f}/s  ratio {ratios[-1]:.2f}",
                      flush=True)
            size = (served / encoding).stat().st_size
            body, _ = measuring.get(url, **{"Accept": ABBREVIATED, "Accept-Encoding": encoding})
            if len(body) != size:
                print(f"{encoding}: the gate's answer changed meanwhile ({len(body)} bytes now): measure again")
            print(f"{encoding}: {size} bytes, median ratio {measuring.median(ratios):.2f}", flush=True)


if __name__ == "__main__":
    main()
