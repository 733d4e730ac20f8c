#!/usr/bin/env python3
"""Every policy that the documentation shows must load, and rows of tables stay short: check_docs.py [ROOT].

Exit 1 if a policy does not load or a row is too long, 77 without a program.

Taken are the ```yaml blocks of README.md and docs/*.md that start with `version: 1` (comments may stand before it), and
examples/policies/*.yaml but files that others include. The program is NPM_GATE_BINARY, else the newest one built.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import gate

BLOCK = re.compile(r"^```yaml[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
POLICY = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*version: 1\b")
CHECK_SECONDS = 60
MAX_ROW = 200  # columns; longer ones are lists


def blocks(text):
    """Each policy block of a document, with the line that its first line has there."""
    for found in BLOCK.finditer(text):
        if POLICY.match(found.group(1)):
            yield text.count("\n", 0, found.start(1)) + 1, found.group(1)


def check(path):
    """Why the program refuses a file, "" if it does not."""
    done = subprocess.run([str(gate.binary()), "policy", "check", str(path)], capture_output=True, text=True,
                          timeout=CHECK_SECONDS, env=gate.environment(), check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"exit code {done.returncode}"


def check_document(document, folder):
    """How many policies a document shows, and what is wrong with them. `folder` holds the copies that are checked."""
    count, wrong = 0, []
    for line, text in blocks(document.read_text(encoding="utf-8")):
        count += 1
        # Empty lines before it, so that the program names the document's own lines.
        copy = folder / f"{document.stem}-{line}.yaml"
        copy.write_text("\n" * (line - 1) + text, encoding="utf-8")
        problem = check(copy)
        if problem:
            wrong.append(problem)
    return count, wrong


def long_rows(document):
    """Rows of tables that nobody can read in an editor."""
    lines = document.read_text(encoding="utf-8").splitlines()
    return [f"{document}:{number}: a row of {len(line)} columns" for number, line in enumerate(lines, 1)
            if line.startswith("|") and len(line) > MAX_ROW]


def check_example(example):
    """The same for one example; a file without a version is one that another includes."""
    if not POLICY.match(example.read_text(encoding="utf-8")):
        return 0, []
    problem = check(example)
    return 1, [problem] if problem else []


def main():
    """One line per file that shows a policy."""
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else gate.ROOT
    if gate.binary() is None:
        print("check_docs.py: no npm-gate; build it or set NPM_GATE_BINARY")
        return 77
    total = failed = 0
    with tempfile.TemporaryDirectory(prefix="gate-docs-") as folder:
        documents = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
        results = [(path, check_document(path, pathlib.Path(folder))) for path in documents if path.exists()]
        results += [(path, check_example(path)) for path in sorted((root / "examples" / "policies").glob("*.yaml"))]
    for path, (count, wrong) in results:
        total += count
        failed += len(wrong)
        if count:
            print(f"{path.relative_to(root)}: {count} {'policy' if count == 1 else 'policies'}, {len(wrong)} refused")
        for problem in wrong:
            print(f"  {problem}")
    for problem in [row for path in documents if path.exists() for row in long_rows(path)]:
        failed += 1
        print(problem)
    if total == 0:
        print("check_docs.py: no policy found; it looks in the wrong place")
    return 1 if failed or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
