// The policy language of SPEC section 4: loaded with a position for every mistake, compiled,
// immutable.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "inspect/findings/findings.h"
#include "policy/name_set.h"
#include "registry/semver.h"
#include "yaml/document.h"

namespace npmgate {

enum class Action { kAllow, kWarn, kQuarantine, kBlock };  // by strictness
std::string_view to_string(Action action);

struct Condition;
using ConditionPtr = std::shared_ptr<const Condition>;

// One node of a rule's `when`. Several keys in one map are kAll over one node each.
struct Condition {
  enum class Kind {
    kAll,
    kAny,
    kNot,
    kFinding,
    kPackage,
    kVersion,
    kYoungerThan,
    kOlderThan,
    kHasInstallScript,
    kPublisher,
    kLicense,
    kProvenance,  // children: one per field; a child's `range_text` names it, "" = verified
    kLowestRisk,  // under an odd number of `not` only: one more finding never makes it milder
    kUpstream,
    kPopular,
    kPublishedAfter /* freeze */
  } kind = Kind::kAll;
  std::vector<ConditionPtr> children;  // all, any, not (one)
  std::vector<std::string> values;  // finding ids, package globs (a list by name: "in: popular"),
                                    // publishers, licenses, upstreams
  std::shared_ptr<const NameSet>
      names;  // package (lists resolved), publisher, license, upstream: the same, prepared
  FindingSet findings;  // finding: the same, prepared
  // finding: counts only from this severity on, and only if it says nothing of `new` or that it is.
  Severity severity = Severity::kInfo;
  bool only_new = false;
  std::optional<Range> range;
  std::string range_text;
  Millis duration{};
  Time time{};
  bool flag = true;
  // `version` as a condition also matches prereleases of the range, under `not` only what npm would
  // pick: the stricter reading both ways.
  bool negated = false;
  Position at;
};

struct Rule {
  std::string id;
  ConditionPtr when;
  Action then = Action::kWarn;
  std::string message;
  bool monitor = false;  // this rule only records
  bool tell_clients = false;
  bool fixes_sooner = false;  // does not hold a release that is its baseline again
                              // (inspect/evidence/restored_baseline.h)
  bool cooldown =
      false;  // derived: has an age condition (or is the freeze) and no finding condition
  Position at;
};

struct Waiver {
  std::string package;            // name or glob
  std::optional<Range> versions;  // nullopt: all
  std::string versions_text;
  bool exact = false;  // plain name and one exact version
  std::vector<std::string> rules, findings;
  FindingSet finding_set;  // findings, prepared
  bool is_glob = false;    // package has a wildcard
  std::string reason;
  Time expires{};
  Position at;
};

// break_glass: everything (or the named packages) is served until it ends; loud in log, metrics and
// audit trail.
struct BreakGlass {
  std::vector<std::string> packages;  // globs; empty: all
  NameSet names;                      // the same, prepared
  std::string reason, by;
  Time until{};
  Position at;
};

struct Policy {
  bool monitor = false;
  bool tell_clients = false;
  std::vector<Rule> rules;
  std::vector<Waiver> waivers;
  std::vector<BreakGlass> break_glass;
  std::string hash;  // SHA-256 hex (first 16) over the text of all files in load order
  std::string file;
  std::vector<Problem> warnings;  // expired waivers and the like: loads, but said
};

struct PolicyResult {
  std::shared_ptr<const Policy> policy;  // null if problems is not empty
  std::vector<Problem> problems;
  // Every file that was read or could not be, the main one first: what a change of the policy may
  // come through.
  std::vector<std::string> files = {};
};

// Reads files named by `include` and `lists: {x: {file: …}}`, relative to the including file;
// injected so that tests need no disk.
using FileReader = std::function<Result<std::string>(const std::string& path)>;
FileReader disk_reader();

PolicyResult load_policy(std::string_view text, const std::string& file, const FileReader& read,
                         Time now);
PolicyResult load_policy_file(const std::string& file, const FileReader& read, Time now);
// The shipped default (policy/default_policy.yaml, embedded at build time).
std::string_view default_policy_text();
std::shared_ptr<const Policy> default_policy(Time now);
// JSON Schema (draft 2020-12) of policy files.
std::string policy_schema();
// Shipped list of the most depended-upon packages, sorted by name, with origin and date in its
// file's head.
std::span<const std::string> popular_packages();

}  // namespace npmgate
