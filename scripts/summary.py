#!/usr/bin/env python3
"""Sums up ctest runs from their JUnit files: summary.py [--seconds N] NAME=FILE …

Prints the slowest tests, what failed and what was skipped, and one closing line "N passed, N failed, N skipped". A GoogleTest
executable is one ctest; its cases are counted from the report that it leaves in gtest/NAME.xml beside FILE. Exit 1 where a test
failed, a file is missing, or no test ran.
"""

import argparse
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

SLOWEST = 8


def cases_of(report):
    """How many cases of a GoogleTest report passed, failed and were skipped."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None:
            counts["failed"] += 1
        elif case.get("result") == "skipped":
            counts["skipped"] += 1
        elif case.get("status") == "run":
            counts["passed"] += 1
    return counts


def read(path):
    """The tests of one JUnit file as (name, seconds, status), status being passed, failed or skipped."""
    cases = []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        status = "passed"
        if case.find("failure") is not None or case.find("error") is not None:
            status = "failed"
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            status = "skipped"
        if case.get("status") == "fail":
            status = "failed"
        cases.append((case.get("name"), float(case.get("time") or 0), status))
    return cases


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, help="wall time of the whole run")
    parser.add_argument("runs", nargs="+", metavar="NAME=FILE")
    arguments = parser.parse_args()

    cases, missing, reports = [], [], {}
    for run in arguments.runs:
        name, _, path = run.partition("=")
        try:
            cases += [(f"{name}: {test}", seconds, status) for test, seconds, status in read(path)]
            reports |= {f"{name}: {report.stem}": report for report in pathlib.Path(path).parent.glob("gtest/*.xml")}
        except (OSError, ElementTree.ParseError) as error:
            missing.append(f"{name}: no results ({error})")

    print("\nslowest:")
    for test, seconds, _ in sorted(cases, key=lambda case: -case[1])[:SLOWEST]:
        print(f"  {seconds:7.1f} s  {test}")
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for test, _, status in cases:
        inside = {status: 1}
        if status == "passed" and test in reports:
            inside = cases_of(reports[test])
        for each, count in inside.items():
            counts[each] += count
        if status != "passed":
            print(f"{status}: {test}")
    for line in missing:
        print(line)
    if arguments.seconds is not None:
        print(f"whole run: {arguments.seconds} s")
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return 1 if counts["failed"] or missing or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
