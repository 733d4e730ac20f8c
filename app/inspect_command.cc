#include "app/inspect_command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <iostream>

#include "app/bench.h"
#include "app/cli.h"
#include "app/inspector.h"
#include "app/report.h"

namespace npmgate {
namespace {

struct Options {
  ConfigFlags flags;
  std::vector<std::string> specs;
  std::string baseline, policy;
  bool json = false;
};

struct Spec {
  std::string name, wanted;
};

std::optional<Spec> parse_spec(const std::string& text) {
  const std::size_t at = text.rfind('@');
  Spec spec{text, "latest"};
  if (at != std::string::npos && at != 0) spec = {text.substr(0, at), text.substr(at + 1)};
  return PackageName::parse(spec.name) && !spec.wanted.empty() ? std::optional(spec) : std::nullopt;
}

bool is_file(const std::string& spec) {
  return (spec.ends_with(".tgz") || spec.ends_with(".tar.gz")) && std::filesystem::exists(spec);
}

int print(const ReportInput& input, bool json) {
  std::cout << (json ? boost::json::serialize(report_json(input)) + "\n" : report_text(input))
            << std::flush;
  return input.judged->verdict.served() ? kDone : kNo;
}

Result<std::shared_ptr<const Evidence>> inspect_file(const std::string& path) {
  auto read = inspect_tarball_file(path, SystemClock().now());
  if (!read) return read.error();
  auto evidence = std::make_shared<Evidence>(std::move(*read));
  evidence->release.manifest = evidence->tree.package_json;
  return std::shared_ptr<const Evidence>(evidence);
}

// A bare tarball: no packument, so nothing about people, times or integrity is known.
int judge_file(const std::string& path, const Options& options) {
  auto evidence = inspect_file(path);
  if (!evidence) return report(evidence.error());
  std::shared_ptr<const Evidence> before;
  if (!options.baseline.empty()) {
    if (!is_file(options.baseline))
      return report_usage("--baseline " + options.baseline +
                          ": a .tgz file can only be compared with another .tgz file");
    auto other = inspect_file(options.baseline);
    if (!other) return report(other.error());
    before = *other;
  }
  const Time now = SystemClock().now();
  const PolicyResult policy = options.policy.empty()
                                  ? PolicyResult{default_policy(now), {}}
                                  : load_policy_file(options.policy, disk_reader(), now);
  if (!policy.policy) {
    for (const Problem& problem : policy.problems) std::cerr << problem.str() << "\n";
    return kUsage;
  }
  Judged judged;
  judged.evidence = *evidence;
  judged.release = &judged.evidence->release;
  judged.version = judged.evidence->version;
  judged.baseline = before ? before->version : "";
  judged.baseline_evidence = before;
  FindingInput input;
  input.release = judged.release;
  input.evidence = judged.evidence.get();
  input.baseline = before ? &before->release : nullptr;
  input.baseline_evidence = before.get();
  input.popular = popular_packages();
  judged.findings = derive_findings(input);
  judged.subject.name = judged.evidence->name.empty()
                            ? std::filesystem::path(path).filename().string()
                            : judged.evidence->name;
  judged.subject.version = judged.version;
  judged.subject.semver = Version::parse_loose(judged.version);
  judged.subject.content_id = judged.evidence->content_id();
  judged.subject.born = now;
  judged.subject.inspected = true;
  judged.subject.has_install_script = runs_on_install(*judged.release, judged.evidence.get());
  judged.verdict = decide(*policy.policy, judged.subject, judged.findings, {}, now);
  ReportInput out{&judged, input.baseline, now, wants_colour()};
  return print(out, options.json);
}

Task<Result<SnapshotPtr>> gather(Bench& bench, Spec spec, bool force_inspection,
                                 std::string& version) {
  auto snapshot = co_await bench.packages().get(*PackageName::parse(spec.name));
  if (!snapshot) co_return snapshot.error();
  SnapshotPtr current = *snapshot;
  const auto& tags = current->packument->dist_tags();
  const auto tag = tags.find(spec.wanted);
  version = tag != tags.end() ? tag->second : spec.wanted;
  const PackumentVersion* found = current->packument->find(version);
  if (found == nullptr)
    co_return fail(Code::kNotFound, Origin::kUpstream,
                   spec.name + " has no version or dist-tag " + spec.wanted);
  if (force_inspection || !current_evidence(*current, *found))
    co_return co_await bench.packages().inspect(current, version, std::chrono::minutes(10));
  co_return current;
}

int judge_release(Bench& bench, const std::string& text, const Options& options) {
  const auto spec = parse_spec(text);
  if (!spec)
    return report_usage("'" + log::printable(text, 100) +
                        "' is neither NAME, NAME@VERSION-OR-TAG nor an existing .tgz file");
  std::string version;
  std::function<Task<Result<SnapshotPtr>>()> work = [&]() {
    return gather(bench, *spec, false, version);
  };
  auto snapshot = bench.run<Result<SnapshotPtr>>(std::move(work));
  if (!snapshot) return report(snapshot.error());
  Judge judge = bench.judge(*snapshot);
  const Judged* judged = judge.of(version);
  if (judged == nullptr) {
    const PackumentVersion* found = (*snapshot)->packument->find(version);
    std::cerr << "npm-gate: " << spec->name << "@" << version
              << " is refused: its manifest is not what every client reads alike ("
              << (found != nullptr && found->refusal
                      ? found->refusal->rule + ": " + found->refusal->detail
                      : "")
              << ")\n";
    return kNo;
  }
  const Judged* before = judged->baseline.empty() ? nullptr : judge.of(judged->baseline);
  ReportInput out{judged, before != nullptr ? before->release : nullptr, judge.now(),
                  wants_colour()};
  return print(out, options.json);
}

int inspect(const Options& options) {
  int code = kDone;
  std::vector<std::string> registry_specs;
  for (const std::string& spec : options.specs) {
    if (is_file(spec)) {
      code = std::max(code, judge_file(spec, options));
    } else {
      registry_specs.push_back(spec);
    }
  }
  if (registry_specs.empty()) return code;
  LoadedConfig loaded = load_configuration(options.flags);
  if (!loaded.config) return loaded.exit_code;
  const Scratch scratch;
  loaded.config->storage_path = scratch.path();
  log::configure(log::Level::kWarn, log::Format::kText);
  auto bench = Bench::open(*loaded.config,
                           options.policy.empty() ? loaded.config->policy_file : options.policy);
  if (!bench) return report(bench.error());
  for (std::size_t i = 0; i < registry_specs.size(); ++i) {
    if (registry_specs.size() > 1 && isatty(STDERR_FILENO) == 1)
      std::cerr << "[" << i + 1 << "/" << registry_specs.size() << "] " << registry_specs[i]
                << "\n";
    code = std::max(code, judge_release(**bench, registry_specs[i], options));
  }
  return code;
}

int explain(const Options& options) {
  LoadedConfig loaded = load_configuration(options.flags);
  if (!loaded.config) return loaded.exit_code;
  // What the gate has on disk is what is explained; the packument is only asked for where it never
  // was.
  loaded.config->fresh = loaded.config->stale = std::chrono::hours(24 * 365);
  log::configure(log::Level::kWarn, log::Format::kText);
  std::error_code ec;
  std::filesystem::create_directories(loaded.config->storage_path, ec);
  auto bench = Bench::open(*loaded.config,
                           options.policy.empty() ? loaded.config->policy_file : options.policy);
  if (!bench) return report(bench.error());
  return judge_release(**bench, options.specs.front(), options);
}

}  // namespace

void add_inspect(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "inspect",
      "Judge releases or .tgz files: evidence, diff, findings, verdict. Needs no running gate");
  command
      ->add_option("SPEC", options->specs,
                   "NAME, NAME@VERSION-OR-TAG or a .tgz file; several are judged one after another")
      ->required();
  command->add_option("--baseline", options->baseline, "compare a .tgz file with this .tgz file");
  command->add_option("--policy", options->policy, "policy file (default: the built-in one)")
      ->type_name("FILE");
  command->add_flag("--json", options->json, "one JSON object per release, complete");
  add_config_flags(*command, options->flags);
  command->callback([options, &exit_code] { exit_code = inspect(*options); });
}

void add_explain(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "explain",
      "The verdict of one release now: rules that matched, proofs, when a hold ends, who decided");
  command->add_option("NAME@VERSION", options->specs)->required()->expected(1);
  command->add_option("--policy", options->policy)->type_name("FILE");
  command->add_flag("--json", options->json);
  add_config_flags(*command, options->flags);
  command->callback([options, &exit_code] { exit_code = explain(*options); });
}

}  // namespace npmgate
