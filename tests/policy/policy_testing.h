// What the tests of policy/ share: policies from text, findings and subjects in one line.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "policy/decide.h"

namespace npmgate::testing {

using Files = std::map<std::string, std::string>;

inline Time at(std::string_view text) {
  return parse_time(text).value();
}
inline constexpr std::chrono::hours kDay{24};

inline FileReader reader_of(Files files) {
  return [files = std::move(files)](const std::string& path) -> Result<std::string> {
    const auto it = files.find(path);
    if (it == files.end()) return fail(Code::kNotFound, Origin::kDisk, "cannot open " + path);
    return it->second;
  };
}

inline const Time kNow = at("2026-11-24T12:00:00Z");

inline PolicyResult load(const std::string& text, Files files = {}) {
  return load_policy(text, "policy.yaml", reader_of(std::move(files)), kNow);
}

inline std::string joined(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& problem : problems) out += problem.str() + "\n";
  return out;
}

// A policy that must be good.
inline std::shared_ptr<const Policy> policy_of(const std::string& text, Files files = {}) {
  PolicyResult result = load(text, std::move(files));
  EXPECT_TRUE(result.policy) << joined(result.problems);
  return result.policy ? result.policy : std::make_shared<const Policy>();
}

inline std::string rules_text(const std::string& rules) {
  return "version: 1\nrules:\n" + rules;
}

inline Finding finding(std::string id, boost::json::object proof = {}) {
  Finding out;
  const FindingKind* kind = find_kind(id);
  out.severity = kind != nullptr ? kind->severity : Severity::kMedium;
  out.message = "shows " + id;
  out.id = std::move(id);
  out.proof = std::move(proof);
  out.source = out.id == "evidence-unavailable" ? "tarball" : "packument-field";
  return out;
}

inline std::vector<Finding> findings_of(std::initializer_list<const char*> ids) {
  std::vector<Finding> out;
  for (const char* id : ids) out.push_back(finding(id));
  return out;
}

// A release that appeared `age` before kNow.
inline Subject subject_of(std::string name, std::string version,
                          Millis age = std::chrono::hours{1}) {
  Subject subject;
  subject.name = std::move(name);
  subject.semver = Version::parse(version);
  subject.version = std::move(version);
  subject.content_id = "aa:bb";
  subject.upstream = "public";
  subject.publisher = "alice";
  subject.license = "MIT";
  subject.age_start = kNow - age;
  subject.published = subject.age_start;
  subject.inspected = true;
  return subject;
}

inline Decision approval_of(const Subject& subject, const std::vector<Finding>& findings) {
  Decision decision;
  decision.kind = Decision::Kind::kApprove;
  decision.name = subject.name;
  decision.versions = subject.version;
  decision.content_id = subject.content_id;
  for (const Finding& each : findings) decision.findings.push_back(each.id + ":" + each.digest());
  decision.actor = "bob";
  decision.reason = "read it";
  decision.at = kNow;
  return decision;
}

inline Decision rejection_of(std::string name, std::string range) {
  Decision decision;
  decision.kind = Decision::Kind::kReject;
  decision.name = std::move(name);
  decision.versions = std::move(range);
  decision.actor = "bob";
  decision.reason = "steals tokens";
  decision.at = kNow;
  return decision;
}

}  // namespace npmgate::testing
