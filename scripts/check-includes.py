#!/usr/bin/env python3
"""Holds the folders to their order: check-includes.py [ROOT]. Exit 1 with file:line if an include breaks a rule.

A folder includes only itself and what it stands on (docs/ARCHITECTURE.md, section 2), inner folders as outer ones; a library is known to
few folders, Beast stays out of headers, CLI11 in one file, and nothing but tests includes tests.
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')

# Folder -> folders it includes besides itself, from the ground up. A new folder needs a line here. Inner folders are named whole;
# "inspect" and "proxy" in a row stand for all of theirs; a folder with a row of its own ("store", "app") for itself alone.
# An edge that no include uses is a problem, too.
STANDS_ON = {
    "base": (),
    "registry": ("base",),
    "sigstore": ("base", "registry"),
    "inspect/archive": ("base",),
    "inspect/code": ("base", "registry"),
    "inspect/syntax": ("base", "inspect/code"),
    "inspect/hooks": ("base", "registry", "inspect/code", "inspect/syntax"),
    "inspect/evidence": ("base", "registry", "inspect/archive", "inspect/code", "inspect/syntax", "inspect/hooks"),
    "inspect/findings": ("base", "registry", "inspect/code", "inspect/syntax", "inspect/hooks", "inspect/evidence"),
    "diff": ("base", "registry", "inspect"),
    "sandbox": ("base", "inspect", "diff"),
    "feeds": ("base", "registry", "inspect"),
    "yaml": ("base",),
    "policy": ("base", "registry", "inspect", "yaml"),
    "lockfile": ("base", "registry", "yaml"),
    "store": ("base", "registry", "inspect", "policy"),
    "store/disk": ("base", "store"),
    "store/sqlite": ("base", "registry", "store", "store/disk"),
    "judge": ("base", "registry", "inspect", "feeds", "policy", "store"),
    "certs": ("base",),
    "alert": ("base", "registry", "yaml", "policy", "store"),
    "proxy/net": ("base", "registry", "store/disk"),
    "proxy/runtime": ("base", "registry", "inspect", "feeds", "yaml", "store", "judge", "alert", "proxy/net"),
    "proxy/inspection": ("base", "inspect", "diff", "sandbox", "store/disk", "proxy/net"),
    "proxy/packages": ("base", "registry", "inspect", "store", "store/disk", "judge", "proxy/net", "proxy/runtime", "proxy/inspection"),
    "proxy/external": ("base", "registry", "sigstore", "inspect", "store/disk", "proxy/net", "proxy/runtime", "proxy/inspection", "proxy/packages"),
    "proxy/sign_in": ("base", "proxy/net", "proxy/runtime"),
    "proxy/registry": ("base", "registry", "store", "store/disk", "judge", "alert", "proxy/net", "proxy/runtime", "proxy/packages", "proxy/sign_in"),
    "proxy/monitor": ("base", "judge", "store", "alert", "proxy/runtime", "proxy/packages"),
    "proxy/delivery": ("base", "store", "alert", "proxy/net"),
    "proxy/admin": ("base", "registry", "inspect", "diff", "lockfile", "store", "judge", "proxy/net", "proxy/runtime", "proxy/inspection", "proxy/packages",
                    "proxy/registry"),
    "proxy/desk": ("base", "proxy/net", "proxy/runtime", "proxy/sign_in", "proxy/registry", "proxy/admin"),
    "app": ("base", "certs", "sandbox", "yaml", "store/disk", "store/sqlite", "proxy", "app/report", "app/commands", "app/developer"),
    "app/report": ("base", "inspect", "judge", "policy"),
    "app/offline": ("base", "feeds", "judge", "store/sqlite", "proxy", "app", "app/report"),
    "app/audit": ("base", "inspect", "lockfile", "policy", "proxy", "app", "app/offline"),
    "app/commands": ("base", "registry", "certs", "feeds", "sandbox", "lockfile", "policy", "store", "store/sqlite", "judge", "proxy",
                     "app", "app/report", "app/offline", "app/audit"),
    "app/developer": ("base", "registry", "app", "app/report", "app/audit", "app/commands"),
}
# The program's root: main.cc and serve.cc put everything together, its headers serve the inner folders and so include none of them.
ROOT_OF_PROGRAM = "app"
# Sources and headers of one folder: some 25, so that a stranger sees what it is about.
MAX_FILES = 30
# Folders of programs and checks around the product: they may include anything of it, and nothing includes them.
AROUND = ("tests", "bench")

# Library header prefix -> folders that may know it. What is not listed (std, POSIX, Boost.System, Boost.JSON) is free.
LIBRARIES = {
    "simdjson": ("registry", "sigstore", "feeds"),
    # app prints the libraries' versions (npm-gate version).
    "archive": ("inspect", "feeds", "app"),
    # app measures how many columns a text takes on a terminal.
    "utf8proc": ("inspect", "app"),
    "yaml-cpp/": ("yaml",),
    "sqlite3": ("store", "app"),
    "spdlog/": ("base",),
    "curl/": ("proxy",),
    "libdeflate": ("base", "inspect", "diff", "app"),
    # proxy verifies registry signatures with EVP.
    "openssl/": ("base", "sigstore", "certs", "proxy", "app"),
    # certs hands out contexts and reads addresses; it opens no socket.
    "boost/asio/ssl/context": ("certs", "proxy"),
    "boost/asio/ip/address": ("certs", "proxy"),
    "boost/asio": ("proxy", "app"),
    "boost/beast": ("proxy",),
    "CLI/": ("app",),
    "git2": ("diff",),
    "kainjow/": ("proxy",),
    "cjose/": ("proxy/sign_in",),
    "seccomp": ("sandbox",),
    "tree_sitter": ("inspect",),
}


def allowed_folders(header):
    """Folders that may include a library header; None if anyone may."""
    rules = [prefix for prefix in LIBRARIES if header.startswith(prefix)]
    return LIBRARIES[max(rules, key=len)] if rules else None


def folder_of(path):
    """The row of STANDS_ON that a file's path belongs to; None if there is none."""
    parts = path.split("/")[:-1]
    for length in range(len(parts), 0, -1):
        if "/".join(parts[:length]) in STANDS_ON:
            return "/".join(parts[:length])
    return None


def edge_of(folder, target):
    """The name under which `folder` may include `target`; None if it may not."""
    for name in (target, target.split("/")[0]):
        if name in STANDS_ON[folder] and (name == target or name not in STANDS_ON):
            return name
    return None


def problem_of(folder, name, quoted, header, used=None):
    """What is wrong with one include, None if nothing is. Edges that allow one are added to `used`."""
    top = folder.split("/")[0]
    if not quoted:
        folders = allowed_folders(header)
        if folders is not None and top not in folders and folder not in folders:
            return f"<{header}> is known to {', '.join(folders)} only"
        if header.startswith("boost/beast") and name.endswith(".h"):
            return f"<{header}> in a header: Beast stays in few .cc files"
        if header.startswith("CLI/") and name not in ("command_line.cc", "command_docs.cc"):
            return f"<{header}>: CLI11 stays in command_line.cc and command_docs.cc"
        return None
    if "/" not in header:
        return f'"{header}" has no folder: includes are written from the root'
    if header.split("/")[0] in AROUND:
        return f'"{header}": nothing includes {header.split("/")[0]}'
    target = folder_of(header)
    if target is None:
        return f'"{header}" is in no folder of the product'
    if target == folder:
        return None
    edge = edge_of(folder, target)
    if edge is None:
        return f'"{header}": {folder} does not stand on {target}'
    if folder == ROOT_OF_PROGRAM and target.startswith(ROOT_OF_PROGRAM + "/") and name.endswith(".h"):
        return f'"{header}": headers of {folder}/ serve its inner folders'
    if used is not None:
        used.add((folder, edge))
    return None


def check(root):
    """Every problem as file:line: text, and how many includes were looked at."""
    problems, count, used = [], 0, set()
    for top in dict.fromkeys(folder.split("/")[0] for folder in STANDS_ON):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            relative = path.relative_to(root).as_posix()
            folder = folder_of(relative)
            if folder is None:
                problems.append(f"{relative}:1: belongs into one of {top}/'s inner folders")
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                match = INCLUDE.match(line)
                if match is None:
                    continue
                count += 1
                problem = problem_of(folder, path.name, match[1] == '"', match[2], used)
                if problem is not None:
                    problems.append(f"{relative}:{number}: {problem}")
    for folder in STANDS_ON:
        files = [path for path in (root / folder).glob("*") if path.suffix in (".h", ".cc")]
        if len(files) > MAX_FILES:
            problems.append(f"scripts/check-includes.py:1: {folder} holds {len(files)} files; {MAX_FILES} are a folder")
    for folder, edges in STANDS_ON.items():
        problems += [f"scripts/check-includes.py:1: {folder} may include {edge} and does not" for edge in edges if (folder, edge) not in used]
    return problems, count


def self_check():
    """The rules catch what they are for: a check that finds nothing must have looked."""
    rows = [
        ("base", "a.h", True, "registry/name.h", True), ("registry", "a.h", True, "base/result.h", False),
        ("store", "a.cc", True, "proxy/net/http.h", True), ("proxy/net", "a.cc", True, "tests/support/fakes.h", True),
        ("inspect/code", "a.cc", False, "boost/asio/post.hpp", True), ("certs", "a.h", False, "boost/asio/ssl/context.hpp", False),
        ("certs", "a.h", False, "boost/asio/write.hpp", True), ("proxy/net", "a.h", False, "boost/beast/http.hpp", True),
        ("proxy/net", "a.cc", False, "boost/beast/http.hpp", False), ("policy", "a.cc", False, "sqlite3.h", True),
        ("proxy/net", "a.cc", True, "http.h", True), ("judge", "a.cc", False, "vector", False),
        ("proxy/net", "a.h", True, "proxy/runtime/config.h", True), ("proxy/runtime", "a.h", True, "proxy/net/http.h", False),
        ("inspect/archive", "a.h", True, "inspect/evidence/evidence.h", True), ("policy", "a.h", True, "inspect/findings/findings.h", False),
        ("app", "a.h", True, "app/report/report.h", True), ("app", "a.cc", True, "app/report/report.h", False),
        ("app/commands", "a.cc", False, "CLI/CLI.hpp", True), ("app/report", "a.cc", True, "app/cli.h", True),
    ]
    for folder, name, quoted, header, bad in rows:
        assert (problem_of(folder, name, quoted, header) is not None) == bad, (folder, name, header)


def main():
    """Checks the tree; exit 1 if something is wrong."""
    self_check()
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[1])
    problems, count = check(root)
    print("\n".join(problems + [f"{count} includes, {len(problems)} problems"]))
    return 1 if problems or not count else 0


if __name__ == "__main__":
    sys.exit(main())
