#include "app/commands/inspect_file.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "app/inspector.h"
#include "app/offline/offline_gate.h"
#include "proxy/admin/diff_view.h"
#include "proxy/inspection/joined_file.h"

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

constexpr std::size_t kDiffJobs = 16;  // one runs, none waits

Result<std::shared_ptr<const BlobStore::Handle>> open_file(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::error_code ec;
  const auto size = std::filesystem::file_size(path, ec);
  if (fd.get() < 0 || ec) return fail(Code::kNotFound, Origin::kDisk, "cannot read " + path);
  return std::make_shared<const BlobStore::Handle>(fd.release(), size);
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

Result<boost::json::object> file_diff(const Judged& judged, const std::string& path,
                                      const std::string& baseline,
                                      const boost::json::object& report) {
  const auto after = open_file(path);
  if (!after) return after.error();
  std::shared_ptr<const BlobStore::Handle> before;
  if (!baseline.empty()) {
    auto opened = open_file(baseline);
    if (!opened) return opened.error();
    before = *opened;
  }
  auto both = joined_file({before.get(), after->get()});
  if (!both) return both.error();
  DiffJob job;
  job.request.baseline_size = before ? before->size : 0;
  job.request.paths = paths_to_show(report, judged.findings);
  if (!before) {
    for (const FileFacts& file : judged.evidence->tree.files)
      job.request.paths.push_back(file.path);
  }
  const Config config;
  job.limits = config.limits;
  job.both = *both;
  Metrics metrics;
  Pool pool(1, kDiffJobs);
  net::io_context context;
  auto inspector = make_inspector(config, context.get_executor(), pool, metrics);
  if (!inspector) return inspector.error();
  using Compared = Result<ContentDiff>;
  const Compared diff = value_at_end<Compared>(context, [&] {
    DiffJob moved = std::move(job);
    return (*inspector)->compare(std::move(moved));
  });
  if (!diff) return diff.error();
  boost::json::object out{{"name", judged.subject.name}, {"version", judged.version}};
  out["baseline"] =
      judged.baseline.empty() ? boost::json::value() : boost::json::value(judged.baseline);
  for (auto& [key, value] : diff_view(*diff, report, judged.findings)) out[key] = std::move(value);
  return out;
}

}  // namespace npmgate
