// Every mistake an admin can make is told with its place and its remedy: all problems of a file, in
// the order of the file.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <fstream>

#include "policy_testing.h"

namespace npmgate::testing {
namespace {

struct BadPolicy {
  const char* name;
  std::string text;
  std::string problems;  // all of them, one a line
  Files files = {};
};
void PrintTo(const BadPolicy& row, std::ostream* out) {
  *out << row.name;
}

class BadPolicyTest : public ::testing::TestWithParam<BadPolicy> {};

TEST_P(BadPolicyTest, IsRefusedWithEveryProblem) {
  const PolicyResult result = load(GetParam().text, GetParam().files);
  EXPECT_EQ(result.policy, nullptr);
  EXPECT_EQ(joined(result.problems), GetParam().problems);
}

// One rule whose `when` starts at line 4, column 11.
std::string when(const std::string& condition) {
  return "version: 1\nrules:\n  - id: r\n    when: " + condition + "\n    then: block\n";
}
std::string rule(const std::string& lines) {
  return "version: 1\nrules:\n  - " + lines;
}
// A waiver whose keys start at column 5 of line 5; the rule `r` is there.
std::string waiver(const std::string& lines) {
  return "version: 1\nrules: [{ id: r, when: { popular: true }, then: warn }]\nwaivers:\n  - " +
         lines;
}
std::string glass(const std::string& lines) {
  return "version: 1\nbreak_glass:\n  - " + lines;
}

const std::string kUnderNot =
    " cannot stand under 'not': one more finding must never make a verdict milder; 'not' takes "
    "package, version, "
    "upstream, popular, provenance, lowest_risk, younger_than and older_than\n";
const std::string kNotOnly =
    "rule r: 'lowest_risk' stands under 'not' only, as not: { lowest_risk: true }: one more "
    "finding "
    "must never make a verdict milder\n";
const std::string kExactOnly =
    "waiver: only one exact version (name@1.2.3) may waive rules; a glob, a range or a name may "
    "waive findings, so that "
    "a hijack is not covered by old trust\n";
const std::string kOnlyWaits =
    "fixes: sooner may stand at a rule that waits and nothing else: an age under when, with "
    "package, version, upstream or popular beside it, and then: quarantine\n";
const std::string kIdRule =
    " must be 1 to 64 letters, digits, '-', '_' or '.', the first a letter or digit\n";

const BadPolicy kFileRows[] = {
    {"empty_file", "", "policy.yaml:1:1: policy: the key 'version' is required\n"},
    {"not_yaml", "version: [1\n",
     "policy.yaml:2:1: not YAML here: end of sequence flow not found\n"},
    {"list_at_the_top", "- version: 1\n",
     "policy.yaml:1:1: policy: expected a map, found a list\n"},
    {"text_at_the_top", "hello\n", "policy.yaml:1:1: policy: expected a map, found 'hello'\n"},
    {"version_missing", "mode: enforce\n",
     "policy.yaml:1:1: policy: the key 'version' is required\n"},
    {"version_of_the_future", "version: 2\n",
     "policy.yaml:1:10: version: expected a whole number from 1 to 1, found '2'\n"},
    {"version_with_leading_zero", "version: 01\n",
     "policy.yaml:1:10: version: expected a whole number from 1 to 1, found '01'\n"},
    {"version_as_text", "version: \"1\"\n",
     "policy.yaml:1:10: version: expected a whole number from 1 to 1, found the text '1'\n"},
    {"unknown_key", "version: 1\nrule: []\n",
     "policy.yaml:2:1: policy: unknown key 'rule'; did you mean 'rules'?\n"},
    {"unknown_key_like_none", "version: 1\nxyzzy: 1\n",
     "policy.yaml:2:1: policy: unknown key 'xyzzy'\n"},
    {"duplicate_key", "version: 1\nrules: []\nrules: []\n",
     "policy.yaml:3:1: duplicate key 'rules'\n"},
    {"mode_unknown", "version: 1\nmode: observe\n",
     "policy.yaml:2:7: mode: expected enforce or monitor, found 'observe'\n"},
    {"mode_as_list", "version: 1\nmode: [monitor]\n",
     "policy.yaml:2:7: mode: expected text, found a list\n"},
    {"fixes_later", rule("{ id: r, when: { younger_than: 1d }, then: quarantine, fixes: later }\n"),
     "policy.yaml:3:67: fixes: expected sooner\n"},
    {"fixes_at_a_finding",
     rule("{ id: r, when: { finding: size-jump, younger_than: 1d }, then: quarantine, fixes: "
          "sooner }\n"),
     "policy.yaml:3:87: " + kOnlyWaits},
    {"fixes_at_a_block",
     rule("{ id: r, when: { younger_than: 1d }, then: block, fixes: sooner }\n"),
     "policy.yaml:3:62: " + kOnlyWaits},
    {"fixes_at_a_property",
     rule("{ id: r, when: { younger_than: 1d, has_install_script: true }, then: quarantine, fixes: "
          "sooner }\n"),
     "policy.yaml:3:93: " + kOnlyWaits},
    {"tell_nobody", "version: 1\ntell: admins\n",
     "policy.yaml:2:7: tell: the only value is clients (warnings then show in npm's output)\n"},
    {"rules_as_map", "version: 1\nrules: { a: b }\n",
     "policy.yaml:2:8: rules: expected a list of rules, each with id, when and then\n"},
    {"rule_as_text", "version: 1\nrules: [block]\n",
     "policy.yaml:2:9: rule: expected a map, found 'block'\n"},
};

const BadPolicy kRuleRows[] = {
    {"rule_without_anything", rule("message: hi\n"),
     "policy.yaml:3:5: rule: the key 'id' is required\n"
     "policy.yaml:3:5: rule: the key 'when' is required\n"
     "policy.yaml:3:5: rule: the key 'then' is required\n"},
    {"id_with_blank", rule("id: my rule\n    when: { popular: true }\n    then: warn\n"),
     "policy.yaml:3:9: rule: the id 'my rule'" + kIdRule},
    {"id_empty", rule("id: \"\"\n    when: { popular: true }\n    then: warn\n"),
     "policy.yaml:3:9: rule: the id ''" + kIdRule},
    {"id_reserved", rule("id: rejection\n    when: { popular: true }\n    then: warn\n"),
     "policy.yaml:3:9: rule: the id 'rejection' is npm-gate's own; choose another\n"},
    {"id_twice",
     "version: 1\nrules:\n  - { id: a, when: { popular: true }, then: warn }\n  - { id: a, when: { "
     "popular: true }, then: block }\n",
     "policy.yaml:4:11: rule: the id 'a' is taken by the rule at policy.yaml:3:5\n"},
    {"then_allow", "version: 1\nrules:\n  - { id: a, when: { popular: true }, then: allow }\n",
     "policy.yaml:3:45: then: allow is no action: what no rule matches is allowed, and an "
     "exception from a rule is written "
     "under waivers, with reason and expiry\n"},
    {"then_misspelt",
     "version: 1\nrules:\n  - { id: a, when: { popular: true }, then: quarantin }\n",
     "policy.yaml:3:45: then: expected warn, quarantine or block, found 'quarantin'; did you mean "
     "'quarantine'?\n"},
    {"then_of_another_tool",
     "version: 1\nrules:\n  - { id: a, when: { popular: true }, then: error }\n",
     "policy.yaml:3:45: then: expected warn, quarantine or block, found 'error'\n"},
    {"then_empty", rule("id: a\n    when: { popular: true }\n    then:\n"),
     "policy.yaml:5:5: then: expected text, found nothing\n"},
    {"rule_key_misspelt", rule("id: a\n    whne: { popular: true }\n    then: warn\n"),
     "policy.yaml:3:5: rule: the key 'when' is required\n"
     "policy.yaml:4:5: rule: unknown key 'whne'; did you mean 'when'?\n"},
    {"rule_mode_misspelt",
     rule("id: a\n    when: { popular: true }\n    then: warn\n    mode: dry\n"),
     "policy.yaml:6:11: mode: expected enforce or monitor, found 'dry'\n"},
    {"message_of_two_lines",
     rule("id: a\n    when: { popular: true }\n    then: warn\n    message: \"a\\nb\"\n"),
     "policy.yaml:6:14: message: more than one line; it is shown on one line\n"},
    {"message_empty",
     rule("id: a\n    when: { popular: true }\n    then: warn\n    message: \"\"\n"),
     "policy.yaml:6:14: message: expected text, found an empty one\n"},
    {"message_without_end",
     rule("id: a\n    when: { popular: true }\n    then: warn\n    message: " +
          std::string(301, 'x') + "\n"),
     "policy.yaml:6:14: message: longer than 300 characters; it is shown on one line\n"},
};

const BadPolicy kConditionRows[] = {
    {"when_empty", when("{}"),
     "policy.yaml:4:11: rule r: an empty condition would match every release; name at least one\n"},
    {"when_nothing", when(""),
     "policy.yaml:4:5: rule r: expected a condition such as { finding: known-malware }, found "
     "nothing\n"},
    {"when_text", when("always"),
     "policy.yaml:4:11: rule r: expected a condition such as { finding: known-malware }, found "
     "'always'\n"},
    {"when_list", when("[{ popular: true }]"),
     "policy.yaml:4:11: rule r: expected a condition such as { finding: known-malware }, found a "
     "list\n"},
    {"condition_misspelt", when("{ findng: known-malware }"),
     "policy.yaml:4:13: rule r: unknown condition 'findng'; did you mean 'finding'?\n"},
    {"condition_unknown", when("{ downloads: 5 }"),
     "policy.yaml:4:13: rule r: unknown condition 'downloads'\n"},
    {"finding_misspelt", when("{ finding: instal-script-added }"),
     "policy.yaml:4:22: rule r: unknown finding 'instal-script-added'; did you mean "
     "'install-script-added'?\n"},
    {"finding_misspelt_in_list", when("{ finding: [known-malware, missing-tag] }"),
     "policy.yaml:4:38: rule r: unknown finding 'missing-tag'; did you mean 'missing-git-tag'?\n"},
    {"finding_list_empty", when("{ finding: [] }"),
     "policy.yaml:4:22: rule r: finding: the list is empty, so nothing would match\n"},
    {"severity_misspelt", when("{ finding: known-malware, severity: urgent }"),
     "policy.yaml:4:46: rule r: severity: expected info, low, medium, high or critical, found "
     "'urgent'\n"},
    {"new_is_only_true", when("{ finding: known-malware, new: false }"),
     "policy.yaml:4:41: rule r: new: only true is a condition, found 'false'\n"},
    {"not_a_severity", when("{ not: { severity: high } }"),
     "policy.yaml:4:20: rule r: 'severity'" + kUnderNot},
    {"finding_as_map", when("{ finding: { id: x } }"),
     "policy.yaml:4:22: rule r: finding: expected a finding's id, found a map\n"},
    {"all_as_map", when("{ all: { popular: true } }"),
     "policy.yaml:4:18: rule r: all: expected a list of conditions, found a map\n"},
    {"any_empty", when("{ any: [] }"),
     "policy.yaml:4:18: rule r: any: expected a list of conditions, found an empty one\n"},
    {"any_of_texts", when("{ any: [popular] }"),
     "policy.yaml:4:19: rule r: expected a condition such as { finding: known-malware }, found "
     "'popular'\n"},
    {"lowest_risk_makes_no_rule_hold", when("{ lowest_risk: true }"),
     "policy.yaml:4:13: " + kNotOnly},
    {"nor_by_the_opposite_of_the_opposite", when("{ not: { not: { lowest_risk: true } } }"),
     "policy.yaml:4:27: " + kNotOnly},
    {"nor_by_false", when("{ not: { lowest_risk: false } }"), "policy.yaml:4:20: " + kNotOnly},
    {"not_a_finding", when("{ not: { finding: known-malware } }"),
     "policy.yaml:4:20: rule r: 'finding'" + kUnderNot},
    {"not_a_finding_deep",
     when("{ not: { any: [{ popular: true }, { finding: known-malware }] } }"),
     "policy.yaml:4:47: rule r: 'finding'" + kUnderNot},
    {"not_a_publisher", when("{ not: { publisher: alice } }"),
     "policy.yaml:4:20: rule r: 'publisher'" + kUnderNot},
    {"not_a_license", when("{ not: { license: MIT } }"),
     "policy.yaml:4:20: rule r: 'license'" + kUnderNot},
    {"not_a_script", when("{ not: { has_install_script: true } }"),
     "policy.yaml:4:20: rule r: 'has_install_script'" + kUnderNot},
    {"not_a_list", when("{ not: [{ popular: true }] }"),
     "policy.yaml:4:18: rule r: expected a condition such as { finding: known-malware }, found a "
     "list\n"},
    {"not_unknown_names_what_may_stand_there", when("{ not: { packge: x } }"),
     "policy.yaml:4:20: rule r: unknown condition 'packge'; did you mean 'package'?\n"},
    {"package_with_version", when("{ package: lodash@4 }"),
     "policy.yaml:4:22: rule r: package: 'lodash@4' is not a package name; a version belongs into "
     "a `version` condition\n"},
    {"package_no_name", when("{ package: \"../x\" }"),
     "policy.yaml:4:22: rule r: package: '../x' is not a package name or glob\n"},
    {"package_no_glob", when("{ package: [\"@acme/*\", \"a b*\"] }"),
     "policy.yaml:4:34: rule r: package: 'a b*' is not a glob over package names\n"},
    {"package_list_empty", when("{ package: [] }"),
     "policy.yaml:4:22: rule r: package: the list is empty, so nothing would match\n"},
    {"package_null", when("{ package: null }"),
     "policy.yaml:4:22: rule r: package: expected a name, a glob or { in: list }, found nothing\n"},
    {"list_unknown",
     "version: 1\nlists: { popular: [a] }\nrules:\n  - { id: r, when: { package: { in: populr } }, "
     "then: warn }\n",
     "policy.yaml:4:37: rule r: unknown list 'populr'; did you mean 'popular'?\n"},
    {"list_reference_misspelt",
     "version: 1\nlists: { a: [b] }\nrules:\n  - { id: r, when: { package: { on: a } }, then: warn "
     "}\n",
     "policy.yaml:4:31: rule r: package: the key 'in' is required\n"
     "policy.yaml:4:33: rule r: package: unknown key 'on'; did you mean 'in'?\n"},
    {"version_no_range", when("{ version: \"one\" }"),
     "policy.yaml:4:22: rule r: version: expected a range such as \">=2.0.0 <3\", found 'one'\n"},
    {"version_empty", when("{ version: \"\" }"),
     "policy.yaml:4:22: rule r: version: expected a range such as \">=2.0.0 <3\", found ''\n"},
    {"version_list", when("{ version: [1, 2] }"),
     "policy.yaml:4:22: rule r: version: expected a range such as \">=2.0.0 <3\", found a list\n"},
    {"age_without_unit", when("{ younger_than: 14 }"),
     "policy.yaml:4:27: rule r: younger_than: expected a duration such as 30m, 24h, 14d or 2w, "
     "found '14'\n"},
    {"age_in_words", when("{ older_than: two weeks }"),
     "policy.yaml:4:25: rule r: older_than: expected a duration such as 30m, 24h, 14d or 2w, found "
     "'two weeks'\n"},
    {"age_negative", when("{ younger_than: -1d }"),
     "policy.yaml:4:27: rule r: younger_than: expected a duration such as 30m, 24h, 14d or 2w, "
     "found '-1d'\n"},
    {"age_of_nothing", when("{ younger_than: 0d }"),
     "policy.yaml:4:27: rule r: younger_than: no time at all says nothing; expected a duration "
     "such as 24h or 14d\n"},
    {"popular_yes", when("{ popular: yes }"),
     "policy.yaml:4:22: rule r: popular: expected true or false, found 'yes'\n"},
    {"popular_quoted", when("{ popular: \"true\" }"),
     "policy.yaml:4:22: rule r: popular: expected true or false, found 'true'\n"},
    {"not_proven", when("{ provenance: { verified: false } }"),
     "policy.yaml:4:37: rule r: verified: only true is a condition; a rule for what is not proven "
     "is written with not: { provenance: { verified: true } }\n"},
    {"provenance_of_nothing", when("{ provenance: true }"),
     "policy.yaml:4:25: rule r: provenance: expected a map such as { verified: true, repository: "
     "... }\n"},
    {"no_install_script", when("{ has_install_script: false }"),
     "policy.yaml:4:33: rule r: has_install_script: only true is a condition; a rule for releases "
     "without scripts would let "
     "one with a script go\n"},
    {"publisher_empty", when("{ publisher: \"\" }"),
     "policy.yaml:4:24: rule r: publisher: expected text, found ''\n"},
    {"license_list_empty", when("{ license: [] }"),
     "policy.yaml:4:22: rule r: license: the list is empty, so nothing would match\n"},
    {"upstream_map", when("{ upstream: { name: x } }"),
     "policy.yaml:4:23: rule r: upstream: expected text, found a map\n"},
};

const BadPolicy kListRows[] = {
    {"lists_as_list", "version: 1\nlists: [a]\n",
     "policy.yaml:2:8: lists: expected a map from a list's name to its members\n"},
    {"list_as_text", "version: 1\nlists: { a: b }\n",
     "policy.yaml:2:13: lists: a: expected [names], { file: names.txt } or { builtin: popular }\n"},
    {"list_of_two_kinds", "version: 1\nlists: { a: { file: x.txt, builtin: popular } }\n",
     "policy.yaml:2:13: lists: a: expected either file or builtin\n"},
    {"list_of_no_kind", "version: 1\nlists: { a: {} }\n",
     "policy.yaml:2:13: lists: a: expected either file or builtin\n"},
    {"list_builtin_unknown", "version: 1\nlists: { a: { builtin: top100 } }\n",
     "policy.yaml:2:24: lists: a: unknown builtin 'top100'; there is: popular\n"},
    {"list_within_list", "version: 1\nlists: { a: [b], c: [{ in: a }] }\n",
     "policy.yaml:2:22: lists: c: a list holds names and globs, no other lists\n"},
    {"list_with_bad_name", "version: 1\nlists: { a: [b, \"c d\"] }\n",
     "policy.yaml:2:17: lists: a: 'c d' is not a package name or glob\n"},
    {"list_file_missing", "version: 1\nlists: { a: { file: names.txt } }\n",
     "policy.yaml:2:21: file: cannot open names.txt\n"},
    {"list_file_of_two_lines", "version: 1\nlists: { a: { file: \"two\\nlines\" } }\n",
     "policy.yaml:2:21: file: cannot open two\\u000alines\n"},
    {"list_file_with_bad_lines",
     "version: 1\nlists: { a: { file: names.txt } }\nrules:\n  - { id: r, when: { package: { in: a "
     "} }, then: warn }\n",
     "names.txt:3:1: 'two words' is not a package name or glob; one name a line, comments start "
     "with #\n"
     "names.txt:5:1: 'x@1.0.0' is not a package name; a version belongs into a `version` "
     "condition; one name a line, comments start with #\n",
     {{"names.txt", "# ours\ngood\ntwo words\n\nx@1.0.0\n@acme/*\n"}}},
    {"list_twice",
     "version: 1\ninclude: b.yaml\nlists: { a: [x] }\n",
     "b.yaml:1:10: lists: 'a' is defined at policy.yaml:3:10 already\n",
     {{"b.yaml", "lists: { a: [y] }\n"}}},
    {"include_missing", "version: 1\ninclude: [b.yaml]\n",
     "policy.yaml:2:11: include: cannot open b.yaml\n"},
    {"include_map", "version: 1\ninclude: { file: b.yaml }\n",
     "policy.yaml:2:10: include: expected a file or a list of files\n"},
    {"include_nothing", "version: 1\ninclude: [~]\n",
     "policy.yaml:2:11: include: expected a file's path\n"},
    {"include_itself", "version: 1\ninclude: ./policy.yaml\n",
     "policy.yaml:2:10: include: './policy.yaml' includes itself: policy.yaml is read for it "
     "already\n"},
    {"include_cycle",
     "version: 1\ninclude: d/b.yaml\n",
     "d/c.yaml:1:10: include: '../d/b.yaml' includes itself: d/c.yaml is read for it already\n",
     {{"d/b.yaml", "include: c.yaml\n"}, {"d/c.yaml", "include: ../d/b.yaml\n"}}},
    {"included_mistakes_stand_in_the_included_file",
     "version: 1\ninclude: [b.yaml]\nmode: x\n",
     "policy.yaml:3:7: mode: expected enforce or monitor, found 'x'\n"
     "b.yaml:2:5: rule: the key 'when' is required\n"
     "b.yaml:2:20: then: expected warn, quarantine or block, found 'stop'\n",
     {{"b.yaml", "rules:\n  - { id: b, then: stop }\n"}}},
    {"included_broken",
     "version: 1\ninclude: [b.yaml]\n",
     "b.yaml:2:1: duplicate key 'rules'\n",
     {{"b.yaml", "rules: []\nrules: []\n"}}},
    {"included_id_twice",
     "version: 1\ninclude: b.yaml\nrules: [{ id: a, when: { popular: true }, then: warn }]\n",
     "b.yaml:1:15: rule: the id 'a' is taken by the rule at policy.yaml:3:9\n",
     {{"b.yaml", "rules: [{ id: a, when: { popular: true }, then: warn }]\n"}}},
    {"included_breaks_glass",
     "version: 1\ninclude: b.yaml\n",
     "b.yaml:1:1: included policy: only the main file may say 'break_glass'\n"
     "b.yaml:2:1: included policy: only the main file may say 'freeze'\n",
     {{"b.yaml", "break_glass: []\nfreeze: 2026-12-01\n"}}},
    {"included_version",
     "version: 1\ninclude: b.yaml\n",
     "b.yaml:1:10: version: expected a whole number from 1 to 1, found '3'\n",
     {{"b.yaml", "version: 3\n"}}},
};

const BadPolicy kWaiverRows[] = {
    {"waivers_as_map", "version: 1\nwaivers: { a: b }\n",
     "policy.yaml:2:10: waivers: expected a list of waivers, each with package, reason and "
     "expires\n"},
    {"waiver_empty", waiver("{}\n"),
     "policy.yaml:4:5: waiver: the key 'package' is required\n"
     "policy.yaml:4:5: waiver: the key 'reason' is required\n"
     "policy.yaml:4:5: waiver: the key 'expires' is required\n"
     "policy.yaml:4:5: waiver: name what it waives: rules, findings or both\n"},
    {"waiver_without_expiry", waiver("package: a@1.0.0\n    rules: r\n    reason: ok\n"),
     "policy.yaml:4:5: waiver: the key 'expires' is required\n"},
    {"waiver_without_reason", waiver("package: a@1.0.0\n    rules: r\n    expires: 2027-01-01\n"),
     "policy.yaml:4:5: waiver: the key 'reason' is required\n"},
    {"waiver_reason_blank",
     waiver("package: a@1.0.0\n    rules: r\n    expires: 2027-01-01\n    reason: \" \"\n"),
     "policy.yaml:7:13: reason: expected text, found an empty one\n"},
    {"waiver_for_ever",
     waiver("package: a@1.0.0\n    rules: r\n    reason: ok\n    expires: never\n"),
     "policy.yaml:7:14: expires: expected a date such as 2027-03-01 or a time such as "
     "2027-03-01T12:00:00Z, found 'never'\n"},
    {"waiver_of_no_day",
     waiver("package: a@1.0.0\n    rules: r\n    reason: ok\n    expires: 2027-02-30\n"),
     "policy.yaml:7:14: expires: expected a date such as 2027-03-01 or a time such as "
     "2027-03-01T12:00:00Z, found '2027-02-30'\n"},
    {"waiver_of_unknown_rule",
     waiver("package: a@1.0.0\n    rules: [r, rr, takeover]\n    reason: ok\n    expires: "
            "2027-01-01\n"),
     "policy.yaml:5:16: waiver: there is no rule 'rr'; did you mean 'r'?\n"
     "policy.yaml:5:20: waiver: there is no rule 'takeover'\n"},
    {"waiver_of_unknown_finding",
     waiver("package: a\n    findings: [deprecate]\n    reason: ok\n    expires: 2027-01-01\n"),
     "policy.yaml:5:16: waiver: unknown finding 'deprecate'; did you mean 'deprecated'?\n"},
    {"waiver_of_integrity",
     waiver("package: a@1.0.0\n    findings: [integrity-mismatch]\n    reason: ok\n    expires: "
            "2027-01-01\n"),
     "policy.yaml:5:16: waiver: integrity-mismatch can never be waived\n"},
    {"glob_waives_rules",
     waiver("package: \"@acme/*\"\n    rules: [r]\n    reason: ok\n    expires: 2027-01-01\n"),
     "policy.yaml:5:12: " + kExactOnly},
    {"range_waives_rules",
     waiver("package: a@^1.0.0\n    rules: r\n    reason: ok\n    expires: 2027-01-01\n"),
     "policy.yaml:5:12: " + kExactOnly},
    {"name_waives_rules",
     waiver("package: a\n    rules: r\n    reason: ok\n    expires: 2027-01-01\n"),
     "policy.yaml:5:12: " + kExactOnly},
    {"glob_at_a_version_waives_rules",
     waiver("package: \"@acme/*@1.0.0\"\n    rules: r\n    reason: ok\n    expires: 2027-01-01\n"),
     "policy.yaml:5:12: " + kExactOnly},
    {"waiver_of_no_version",
     waiver(
         "package: a@latest\n    findings: deprecated\n    reason: ok\n    expires: 2027-01-01\n"),
     "policy.yaml:4:14: waiver: 'latest' is no version or range\n"},
    {"waiver_of_empty_version",
     waiver("package: a@\n    findings: deprecated\n    reason: ok\n    expires: 2027-01-01\n"),
     "policy.yaml:4:14: waiver: '' is no version or range\n"},
    {"waiver_of_no_name",
     waiver(
         "package: \"a/b/c\"\n    findings: deprecated\n    reason: ok\n    expires: 2027-01-01\n"),
     "policy.yaml:4:14: waiver: 'a/b/c' is not a package name or glob\n"},
    {"waiver_lists_empty",
     waiver("package: a@1.0.0\n    rules: []\n    findings: []\n    reason: ok\n    expires: "
            "2027-01-01\n"),
     "policy.yaml:5:12: waiver: the list of rules is empty\n"
     "policy.yaml:6:15: waiver: the list of findings is empty\n"},
    {"waiver_key_misspelt",
     waiver("package: a\n    finding: deprecated\n    reason: ok\n    expires: 2027-01-01\n"),
     "policy.yaml:4:5: waiver: name what it waives: rules, findings or both\n"
     "policy.yaml:5:5: waiver: unknown key 'finding'; did you mean 'findings'?\n"},
    {"waiver_as_text", waiver("a@1.0.0\n"),
     "policy.yaml:4:5: waiver: expected a map, found 'a@1.0.0'\n"},
    {"freeze_no_date", "version: 1\nfreeze: soon\n",
     "policy.yaml:2:9: freeze: expected a date such as 2026-12-01, or { date: ..., except: [globs] "
     "}\n"},
    {"freeze_map_without_date", "version: 1\nfreeze: { except: [a] }\n",
     "policy.yaml:2:9: freeze: the key 'date' is required\n"},
    {"freeze_except_nonsense", "version: 1\nfreeze: { date: 2026-12-01, except: [\"x y\"] }\n",
     "policy.yaml:2:38: freeze: except: 'x y' is not a package name or glob\n"},
    {"freeze_id_taken",
     "version: 1\nrules: [{ id: freeze, when: { popular: true }, then: warn }]\nfreeze: "
     "2026-12-01\n",
     "policy.yaml:3:9: freeze: the id is taken by the rule at policy.yaml:2:9\n"},
    {"glass_as_flag", "version: 1\nbreak_glass: true\n",
     "policy.yaml:2:14: break_glass: expected a list, each with reason, by and until\n"},
    {"glass_without_end", glass("reason: deploy\n    by: alice\n"),
     "policy.yaml:3:5: break_glass: the key 'until' is required\n"},
    {"glass_without_anybody", glass("reason: deploy\n    until: 2026-11-25\n"),
     "policy.yaml:3:5: break_glass: the key 'by' is required\n"},
    {"glass_until_tomorrow", glass("reason: deploy\n    by: alice\n    until: tomorrow\n"),
     "policy.yaml:5:12: until: expected a date such as 2027-03-01 or a time such as "
     "2027-03-01T12:00:00Z, found 'tomorrow'\n"},
    {"glass_for_no_packages",
     glass("packages: []\n    reason: deploy\n    by: alice\n    until: 2026-11-25\n"),
     "policy.yaml:3:15: break_glass: packages: the list is empty, so nothing would match\n"},
};

const auto kName = [](const auto& row) { return std::string(row.param.name); };
INSTANTIATE_TEST_SUITE_P(File, BadPolicyTest, ::testing::ValuesIn(kFileRows), kName);
INSTANTIATE_TEST_SUITE_P(Rule, BadPolicyTest, ::testing::ValuesIn(kRuleRows), kName);
INSTANTIATE_TEST_SUITE_P(Condition, BadPolicyTest, ::testing::ValuesIn(kConditionRows), kName);
INSTANTIATE_TEST_SUITE_P(List, BadPolicyTest, ::testing::ValuesIn(kListRows), kName);
INSTANTIATE_TEST_SUITE_P(Waiver, BadPolicyTest, ::testing::ValuesIn(kWaiverRows), kName);

// For schema_validator_test.py: the table as JSON in the file that NPM_GATE_BAD_POLICIES names.
TEST(BadPolicy, TableIsWrittenForOtherValidators) {
  const char* file = std::getenv("NPM_GATE_BAD_POLICIES");
  if (file == nullptr) GTEST_SKIP() << "nobody asked for it";
  boost::json::array rows;
  const auto add = [&](const auto& table) {
    for (const BadPolicy& row : table)
      rows.push_back(boost::json::object{{"name", row.name}, {"text", row.text}});
  };
  add(kFileRows);
  add(kRuleRows);
  add(kConditionRows);
  add(kListRows);
  add(kWaiverRows);
  ASSERT_GE(rows.size(), 60U);
  std::ofstream(file) << boost::json::serialize(rows);
}

TEST(BadPolicy, AFileThatCannotBeReadIsAProblemOfThatFile) {
  const PolicyResult result = load_policy_file("gone.yaml", reader_of({}), kNow);
  EXPECT_EQ(result.policy, nullptr);
  EXPECT_EQ(joined(result.problems), "gone.yaml:1:1: cannot open gone.yaml\n");
}

TEST(BadPolicy, UntrustedTextIsShownHarmless) {
  const PolicyResult result = load("version: 1\nmode: \"\\e[2J\"\n");
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_EQ(result.problems[0].message.find('\x1b'), std::string::npos);
}

TEST(BadPolicy, IncludesOfIncludesEnd) {
  Files files;
  for (int i = 0; i < 100; ++i) {
    files["f" + std::to_string(i) + ".yaml"] = "include: f" + std::to_string(i + 1) + ".yaml\n";
  }
  const PolicyResult result = load("version: 1\ninclude: f0.yaml\n", files);
  EXPECT_EQ(joined(result.problems), "f62.yaml:1:10: include: more than 64 files\n");
}

}  // namespace
}  // namespace npmgate::testing
