// A release beside its baseline, judged, as reports get it.
#pragma once

#include <memory>

#include "app/report/report.h"
#include "policy/policy.h"
#include "tests/inspect/findings/package_builder.h"

namespace npmgate::testing {

struct ReportScene {
  ReportScene(Package before, Package now) : baseline(std::move(before)), release(std::move(now)) {
    judged.version = release.release.manifest.version;
    judged.baseline = baseline.release.manifest.version;
    judged.release = &release.release;
    judged.evidence = std::make_shared<const Evidence>(release.evidence);
    judged.baseline_evidence = std::make_shared<const Evidence>(baseline.evidence);
    FindingInput input;
    input.release = judged.release;
    input.evidence = judged.evidence.get();
    input.baseline = &baseline.release;
    input.baseline_evidence = judged.baseline_evidence.get();
    judged.findings = derive_findings(input);
    judged.subject.name = release.release.manifest.name;
    judged.subject.version = judged.version;
    judged.subject.content_id = judged.evidence->content_id();
    judged.subject.age_start = at("2026-11-24T10:00:00Z");
    judged.subject.published = judged.subject.age_start;
    judged.subject.inspected = true;
    judged.verdict = decide(*policy(now_), judged.subject, judged.findings, {}, now_);
  }
  // A policy of its own: what is printed does not change with the shipped one.
  static std::shared_ptr<const Policy> policy(Time now) {
    constexpr std::string_view kText = R"(version: 1
rules:
  - id: takeover
    when: { finding: [install-script-added, install-script-changed], younger_than: 14d }
    then: quarantine
    message: "Runs new code on install."
  - id: cooldown
    when: { younger_than: 24h }
    then: quarantine
  - id: told
    when: { finding: [publisher-changed, dependency-added] }
    then: warn
)";
    const FileReader none = [](const std::string& path) -> Result<std::string> {
      return fail(Code::kNotFound, Origin::kDisk, path);
    };
    return load_policy(kText, "policy.yaml", none, now).policy;
  }
  ReportScene(const ReportScene&) = delete;
  ReportScene& operator=(const ReportScene&) = delete;

  ReportInput input() const {
    ReportInput out;
    out.judged = &judged;
    out.baseline = &baseline.release;
    out.now = now_;
    return out;
  }

  Package baseline, release;
  Judged judged;
  Time now_ = at("2026-11-24T12:00:00Z");
};

// A harmless stand-in of the usual takeover: new hook, new code behind it, a new dependency.
inline std::unique_ptr<ReportScene> takeover_scene() {
  Package before("left-right", "1.4.0");
  before.publisher("ann").maintainers({"ann", "bob"}).repository("https://git.example/left/right");
  before.license("MIT")
      .depends("dependencies", "ms", "^2.0.0")
      .script("postinstall", "echo thanks");
  before.code("index.js", "one").file("README.md", "readme", FileKind::kText).file("old.txt", "x");
  Package now("left-right", "1.4.1");
  now.publisher("eve").maintainers({"eve"}).repository("https://git.example/left/right");
  now.license("MIT").depends("dependencies", "ms", "^2.1.0");
  now.depends("dependencies", "quiet-helper", "^1.0.0").depends("peerDependencies", "react", "*");
  now.script("preinstall", "node setup.js").script("postinstall", "echo thanks a lot");
  now.code("index.js", "two", {}, 1500).file("README.md", "readme", FileKind::kText);
  now.code("setup.js", "three", with_traits({"network-fetch", "shell"}), 4096);
  now.reach("preinstall", "node setup.js", {"setup.js"});
  return std::make_unique<ReportScene>(std::move(before), std::move(now));
}

}  // namespace npmgate::testing
