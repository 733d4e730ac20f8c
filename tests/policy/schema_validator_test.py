#!/usr/bin/env python3
"""`npm-gate policy schema` in the hands of a real JSON Schema validator, as an editor uses it: every example and every policy of the
documentation is valid, and what the loader refuses is refused here too, wherever a schema can see it.

schema_validator_test.py NPM_GATE POLICY_TEST: the program, and the test program that writes the table of bad policies.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"schema_validator_test.py: {missing}; scripts/install-packages.sh test")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM, TABLE_WRITER = sys.argv[1], sys.argv[2]
# Mistakes that a schema of one file cannot see: what a YAML reader made of it (01 is 1), names and globs, references to
# lists, rules and files, uniqueness, ranges, calendars, what depends on another key's value, and what only blank text is.
BEYOND_A_SCHEMA = {
    "duplicate_key", "version_with_leading_zero", "id_reserved", "id_twice", "package_no_name",
    "package_with_version", "package_no_glob", "list_unknown", "version_no_range", "age_of_nothing",
    "list_with_bad_name", "list_file_missing", "list_file_of_two_lines", "list_file_with_bad_lines", "list_twice", "include_missing", "include_itself",
    "include_cycle", "included_broken", "included_id_twice", "included_breaks_glass",
    "included_version", "waiver_reason_blank", "waiver_of_no_day", "waiver_of_unknown_rule", "waiver_of_integrity",
    "glob_waives_rules", "range_waives_rules", "name_waives_rules", "glob_at_a_version_waives_rules", "waiver_of_no_version",
    "waiver_of_empty_version", "waiver_of_no_name", "freeze_except_nonsense", "freeze_id_taken",
    # What stands how deep in a condition decides whether a rule only waits.
    "fixes_at_a_block", "fixes_at_a_finding", "fixes_at_a_property",
    "lowest_risk_makes_no_rule_hold", "nor_by_the_opposite_of_the_opposite",
}


class Loader(yaml.SafeLoader):  # pylint: disable=too-many-ancestors
    """YAML as editors read it (1.2, core schema): dates are text, only true and false are booleans."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag.rsplit(":", 1)[1] in ("int", "float", "null")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def document_policies():
    """Every policy block of README.md and docs/, with where it stands."""
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for found in re.finditer(r"^```yaml[ \t]*\n(version: 1\b.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL):
            yield f"{path.name}:{found.start()}", found.group(1)


class Schema(unittest.TestCase):
    """One validator for all."""

    @classmethod
    def setUpClass(cls):
        schema = json.loads(subprocess.run([PROGRAM, "policy", "schema"], capture_output=True, text=True, check=True).stdout)
        jsonschema.Draft202012Validator.check_schema(schema)
        cls.validator = jsonschema.Draft202012Validator(schema)

    def errors(self, text):
        """What the validator finds wrong; YAML that cannot be read is an error of its own."""
        try:
            value = yaml.load(text, Loader)  # a SafeLoader
        except yaml.YAMLError as wrong:
            return [str(wrong)]
        return [error.message for error in self.validator.iter_errors(value)]

    def test_every_example_and_every_policy_of_the_documents_is_valid(self):
        """Also the built-in policy. Files that others include lack nothing but the version."""
        texts = dict(document_policies())
        texts.update((path.name, path.read_text()) for path in sorted((ROOT / "examples" / "policies").glob("*.yaml")))
        texts["default"] = (ROOT / "policy" / "default_policy.yaml").read_text()
        self.assertGreater(len(texts), 15)
        for name, text in texts.items():
            with self.subTest(name):
                allowed = [] if re.search("^version:", text, re.MULTILINE) else ["'version' is a required property"]
                self.assertEqual(self.errors(text), allowed)

    def test_bad_policies_are_refused_where_a_schema_can_see_it(self):
        """The loader's whole table; the exceptions are named above, and each of them really is beyond the schema."""
        with tempfile.TemporaryDirectory() as folder:
            table = pathlib.Path(folder) / "bad.json"
            subprocess.run([TABLE_WRITER, "--gtest_filter=BadPolicy.TableIsWrittenForOtherValidators"], check=True,
                           capture_output=True, env={**os.environ, "NPM_GATE_BAD_POLICIES": str(table)})
            rows = json.loads(table.read_text())
        seen = {row["name"] for row in rows if self.errors(row["text"])}
        names = {row["name"] for row in rows}
        self.assertEqual(sorted(names - seen - BEYOND_A_SCHEMA), [], "the schema lets these pass")
        self.assertEqual(sorted(BEYOND_A_SCHEMA - names), [], "no such rows")
        self.assertEqual(sorted(BEYOND_A_SCHEMA & seen), [], "not beyond it after all")
        self.assertGreaterEqual(len(seen), 60)
        print(f"  {len(seen)} of {len(names)} bad policies are refused by the schema alone")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
