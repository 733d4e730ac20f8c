#include "app/commands/inspect_file.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "app/inspector.h"

namespace npmgate {
namespace {

Result<std::shared_ptr<const Evidence>> inspect_file(const std::string& path, Time now) {
  auto read = inspect_tarball_file(path, now);
  if (!read) return read.error();
  auto evidence = std::make_shared<Evidence>(std::move(*read));
  evidence->release.manifest = evidence->tree.package_json;
  return std::shared_ptr<const Evidence>(std::move(evidence));
}

void describe(Judged& judged, const std::string& path, Time now) {
  Subject& subject = judged.subject;
  subject.name = judged.evidence->name.empty() ? std::filesystem::path(path).filename().string()
                                               : judged.evidence->name;
  subject.version = judged.version;
  subject.semver = Version::parse_loose(judged.version);
  subject.content_id = judged.evidence->content_id();
  subject.age_start = now;
  subject.inspected = true;
  subject.has_install_script = runs_on_install(*judged.release, judged.evidence.get());
}

}  // namespace

bool is_tarball_file(const std::string& spec) {
  return (spec.ends_with(".tgz") || spec.ends_with(".tar.gz")) && std::filesystem::exists(spec);
}

Result<std::shared_ptr<const Judged>> judge_file(const std::string& path,
                                                 const std::string& baseline, const Policy& policy,
                                                 const Feed* feed, Time now) {
  auto evidence = inspect_file(path, now);
  if (!evidence) return evidence.error();
  auto judged = std::make_shared<Judged>();
  judged->evidence = *evidence;
  judged->release = &judged->evidence->release;
  judged->version = judged->evidence->version;
  if (!baseline.empty()) {
    auto before = inspect_file(baseline, now);
    if (!before) return before.error();
    judged->baseline_evidence = *before;
    judged->baseline = (*before)->version;
  }
  FindingInput input;
  input.release = judged->release;
  input.evidence = judged->evidence.get();
  if (judged->baseline_evidence) {
    input.baseline = &judged->baseline_evidence->release;
    input.baseline_evidence = judged->baseline_evidence.get();
  }
  input.popular = popular_packages();
  if (feed != nullptr)
    judged->findings = malware_findings(feed->find(judged->evidence->name, judged->version), {});
  std::ranges::move(derive_findings(input), std::back_inserter(judged->findings));
  describe(*judged, path, now);
  judged->verdict = decide(policy, judged->subject, judged->findings, {}, now);
  return std::shared_ptr<const Judged>(std::move(judged));
}

}  // namespace npmgate
