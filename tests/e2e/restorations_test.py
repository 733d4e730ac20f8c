#!/usr/bin/env python3
"""`fixes: sooner`: what a maintainer publishes over a bad release comes at once, and nothing else does."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

POLICY = """\
version: 1
rules:
  - { id: cooldown, when: { younger_than: 24h }, then: quarantine, fixes: sooner }
"""
HOUR = 1 / 24
GOOD = {"index.js": "module.exports = 1;\n"}
BAD = {"index.js": "module.exports = 2;\n"}
PAYLOAD = "require('child_process').exec('id');\n"


class Restorations(case.EndToEnd):
    """Each row a package."""

    def served(self, *releases):
        """The versions whose tarballs are served, and then the packument shows: what is held is inspected behind its first answer."""
        registry = self.enterContext(FixtureRegistry([Package("pkg", list(releases))]))
        gate = self.enterContext(Gate(registry.url, policy=POLICY))
        answers = {release.version: gate.tarball("pkg", release.version).status for release in releases}
        self.assertLessEqual(set(answers.values()), {200, 403})
        served = [version for version, status in answers.items() if status == 200]
        self.assertEqual(gate.versions("pkg"), served)
        return served

    def test_the_honest_restoration_comes_at_once(self):
        """1.0.2 is 1.0.0 again; 1.0.1, which it replaces, is still held."""
        shown = self.served(Release("1.0.0", days_ago(200), GOOD), Release("1.0.1", days_ago(2 * HOUR), BAD),
                            Release("1.0.2", days_ago(HOUR), GOOD))
        self.assertEqual(shown, ["1.0.0", "1.0.2"])

    def test_the_same_bad_content_twice_is_held_twice(self):
        """A release that is only held by its age vouches for nothing."""
        shown = self.served(Release("1.0.0", days_ago(200), GOOD), Release("1.0.1", days_ago(2 * HOUR), BAD),
                            Release("1.0.2", days_ago(HOUR), BAD))
        self.assertEqual(shown, ["1.0.0"])

    def test_a_document_is_a_file_like_any_other(self):
        """1.0.1 loads docs/NOTES.md and is served; 1.0.2 differs from it in that document alone."""
        loads = {"index.js": "require('./docs/NOTES.md');\n"}
        shown = self.served(Release("1.0.0", days_ago(200), GOOD), Release("1.0.1", days_ago(3), {**loads, "docs/NOTES.md": "// notes\n"}),
                            Release("1.0.2", days_ago(HOUR), {**loads, "docs/NOTES.md": PAYLOAD}))
        self.assertEqual(shown, ["1.0.0", "1.0.1"])


if __name__ == "__main__":
    case.main()
