#!/usr/bin/env python3
"""Holds the folders to their order: check-includes.py [ROOT]. Exit 1 with file:line where an include breaks a rule.

A folder includes only itself and what it stands on (docs/ARCHITECTURE.md, section 2), a library is known to few folders, Beast
stays out of headers, and nothing but tests includes tests.
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')

# Folder -> folders it may include besides itself, from the ground up. A new folder needs a line here.
STANDS_ON = {
    "base": (),
    "registry": ("base",),
    "inspect": ("base", "registry"),
    "sandbox": ("base", "registry", "inspect"),
    "feeds": ("base", "registry", "inspect"),
    "yaml": ("base",),
    "policy": ("base", "registry", "inspect", "yaml"),
    "lockfile": ("base", "registry", "inspect", "yaml"),
    "store": ("base", "registry", "inspect", "policy"),
    "judge": ("base", "registry", "inspect", "feeds", "policy", "store"),
    "certs": ("base",),
    "alert": ("base", "registry", "inspect", "yaml", "policy", "lockfile", "store"),
    "proxy": ("base", "registry", "inspect", "feeds", "sandbox", "yaml", "policy", "lockfile", "store", "judge", "certs", "alert"),
    "app": ("base", "registry", "inspect", "feeds", "sandbox", "yaml", "policy", "lockfile", "store", "judge", "certs", "alert", "proxy"),
}
# Folders of programs and checks around the product: they may include anything of it, and nothing includes them.
AROUND = ("tests", "bench")

# Library header prefix -> folders that may know it. What is not listed (std, POSIX, Boost.System, Boost.JSON) is free.
LIBRARIES = {
    "simdjson": ("registry", "feeds"),
    # app prints the libraries' versions (npm-gate version).
    "archive": ("inspect", "feeds", "app"),
    # app measures how many columns a text takes on a terminal.
    "utf8proc": ("inspect", "app"),
    "yaml-cpp/": ("yaml",),
    "sqlite3": ("store", "app"),
    "spdlog/": ("base",),
    "curl/": ("proxy",),
    "libdeflate": ("base", "inspect", "app"),
    # proxy verifies registry signatures with EVP.
    "openssl/": ("base", "certs", "proxy", "app"),
    # certs hands out contexts and reads addresses; it opens no socket.
    "boost/asio/ssl/context": ("certs", "proxy"),
    "boost/asio/ip/address": ("certs", "proxy"),
    "boost/asio": ("proxy", "app"),
    "boost/beast": ("proxy",),
    "CLI/": ("app",),
    "seccomp": ("sandbox",),
}


def allowed_folders(header):
    """Folders that may include a library header; None where anyone may."""
    rules = [prefix for prefix in LIBRARIES if header.startswith(prefix)]
    return LIBRARIES[max(rules, key=len)] if rules else None


def problem_of(folder, name, quoted, header):
    """What is wrong with one include, None where nothing is."""
    if not quoted:
        folders = allowed_folders(header)
        if folders is not None and folder not in folders:
            return f"<{header}> is known to {', '.join(folders)} only"
        if header.startswith("boost/beast") and name.endswith(".h"):
            return f"<{header}> in a header: Beast stays in few .cc files"
        return None
    top = header.split("/")[0]
    if "/" not in header:
        return f'"{header}" has no folder: includes are written from the root'
    if top in AROUND:
        return f'"{header}": nothing includes {top}'
    if top not in STANDS_ON:
        return f'"{header}": {top} is no folder of the product'
    if top != folder and top not in STANDS_ON[folder]:
        return f'"{header}": {folder} does not stand on {top}'
    return None


def check(root):
    """Every problem as file:line: text, and how many includes were looked at."""
    problems, count = [], 0
    for folder in STANDS_ON:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                match = INCLUDE.match(line)
                if match is None:
                    continue
                count += 1
                problem = problem_of(folder, path.name, match[1] == '"', match[2])
                if problem is not None:
                    problems.append(f"{path.relative_to(root)}:{number}: {problem}")
    return problems, count


def self_check():
    """The rules catch what they are for: a check that finds nothing must have looked."""
    rows = [
        ("base", "a.h", True, "registry/name.h", True), ("registry", "a.h", True, "base/result.h", False),
        ("store", "a.cc", True, "proxy/net/http.h", True), ("proxy", "a.cc", True, "tests/support/fakes.h", True),
        ("inspect", "a.cc", False, "boost/asio/post.hpp", True), ("certs", "a.h", False, "boost/asio/ssl/context.hpp", False),
        ("certs", "a.h", False, "boost/asio/write.hpp", True), ("proxy", "a.h", False, "boost/beast/http.hpp", True),
        ("proxy", "a.cc", False, "boost/beast/http.hpp", False), ("policy", "a.cc", False, "sqlite3.h", True),
        ("proxy", "a.cc", True, "http.h", True), ("judge", "a.cc", False, "vector", False),
    ]
    for folder, name, quoted, header, bad in rows:
        assert (problem_of(folder, name, quoted, header) is not None) == bad, (folder, name, header)


def main():
    """Checks the tree; exit 1 where something is wrong."""
    self_check()
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[1])
    problems, count = check(root)
    print("\n".join(problems + [f"{count} includes, {len(problems)} problems"]))
    return 1 if problems or not count else 0


if __name__ == "__main__":
    sys.exit(main())
