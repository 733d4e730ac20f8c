// What the tests of judge/ share: snapshots and policies from text.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/digest.h"
#include "judge/judge.h"
#include "judge/policy_prefilter.h"

namespace npmgate::testing {

inline Time at(std::string_view text) {
  return parse_time(text).value();
}
inline constexpr std::chrono::hours kDay{24};
inline const Time kNow = at("2026-11-24T12:00:00Z");

struct Row {
  std::string version;
  int days = 0;      // since its publish time
  std::string more;  // further members of the manifest, with a leading comma
};

inline std::string packument_text(const std::vector<Row>& rows, const std::string& tags,
                                  bool stamped = true) {
  std::string versions;
  std::string times;
  for (const Row& row : rows) {
    const std::string comma = versions.empty() ? "" : ",";
    versions += comma + "\"" + row.version + R"(":{"name":"pkg","version":")" + row.version +
                R"(","dist":{"tarball":"https://registry.example/pkg/-/pkg-)" + row.version +
                R"(.tgz","shasum":"0000000000000000000000000000000000000001"})" + row.more + "}";
    times += comma + "\"" + row.version + "\":\"" + format_time(kNow - kDay * row.days) + "\"";
  }
  return R"({"name":"pkg","dist-tags":{)" + tags + R"(},"versions":{)" + versions + "}" +
         (stamped ? R"(,"time":{)" + times + "}" : std::string()) + "}";
}

inline std::shared_ptr<PackageSnapshot> snapshot_of(const std::vector<Row>& rows,
                                                    const std::string& tags = "",
                                                    bool stamped = true) {
  auto parsed = Packument::parse(packument_text(rows, tags, stamped), *PackageName::parse("pkg"));
  EXPECT_TRUE(parsed) << (parsed ? "" : to_string(parsed.error()));
  auto snapshot = std::make_shared<PackageSnapshot>();
  snapshot->name = "pkg";
  snapshot->upstream = "public";
  snapshot->packument = parsed.value();
  return snapshot;
}

// Evidence as an inspection of the release would leave it if the tarball says the same.
inline void inspect(PackageSnapshot& snapshot, const std::string& version) {
  const PackumentVersion* found = snapshot.packument->find(version);
  ASSERT_NE(found, nullptr) << version;
  auto evidence = std::make_shared<Evidence>();
  evidence->name = "pkg";
  evidence->version = version;
  evidence->tarball_sha512 = std::string(128, 'a');
  evidence->manifest_sha256 = manifest_digest(found->raw);
  evidence->release = found->release;
  evidence->tree.package_json = found->release.manifest;
  add_evidence(snapshot, std::move(evidence));
}

inline const std::string kMaintained =
    R"(,"maintainers":[{"name":"ann"}],"_npmUser":{"name":"ann"})";

struct Traits {
  std::vector<std::string> endpoints, traits;
  std::string body = "";  // names the bytes of index.js; "" = others for every version
};

// As `inspect`, with one code file.
inline std::shared_ptr<Evidence> evidence_with(const PackageSnapshot& snapshot,
                                               const std::string& version, const Traits& traits) {
  const PackumentVersion* found = snapshot.packument->find(version);
  auto evidence = std::make_shared<Evidence>();
  evidence->name = "pkg";
  evidence->version = version;
  evidence->tarball_sha512 = sha256_hex(version) + sha256_hex(version);
  evidence->manifest_sha256 = manifest_digest(found->raw);
  evidence->release = found->release;
  evidence->integrity.checked = true;
  evidence->tree.package_json = found->release.manifest;
  evidence->tree.package_json_rest = "rest";
  FileFacts file;
  file.path = "index.js";
  file.kind = FileKind::kScript;
  file.sha256 = sha256_hex(traits.body.empty() ? "index.js" + version : traits.body);
  file.code = CodeFeatures();
  file.code->endpoints = traits.endpoints;
  file.code->traits = traits.traits;
  evidence->tree.files.push_back(std::move(file));
  return evidence;
}

inline std::shared_ptr<const Policy> policy_of(const std::string& rules) {
  const FileReader none = [](const std::string& path) -> Result<std::string> {
    return fail(Code::kNotFound, Origin::kDisk, path);
  };
  const std::string text = rules.empty() ? "version: 1\n" : "version: 1\nrules:\n" + rules;
  const PolicyResult result = load_policy(text, "policy.yaml", none, kNow);
  for (const Problem& problem : result.problems) ADD_FAILURE() << problem.str();
  return result.policy ? result.policy : std::make_shared<const Policy>();
}

inline Judge judge_of(std::shared_ptr<const PackageSnapshot> snapshot, const std::string& rules,
                      std::vector<Decision> decisions = {}) {
  return Judge(std::move(snapshot), policy_of(rules), std::move(decisions), {}, kNow);
}

inline std::string rule(const std::string& id, const std::string& when, const std::string& then) {
  return "  - { id: " + id + ", when: { " + when + " }, then: " + then + " }\n";
}

}  // namespace npmgate::testing
