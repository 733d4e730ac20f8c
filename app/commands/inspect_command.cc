#include "app/commands/inspect_command.h"

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "app/cli.h"
#include "app/command_line.h"
#include "app/commands/inspect_file.h"
#include "app/commands/inspect_list.h"
#include "app/offline/offline_gate.h"
#include "app/offline/release_analysis.h"
#include "app/report/diff_text.h"
#include "app/report/report.h"
#include "app/report/text_writer.h"
#include "feeds/feed_files.h"
#include "proxy/admin/release_diff.h"

namespace npmgate {
namespace {

constexpr std::size_t kMaxJobs = 64;

struct InspectOptions {
  ConfigFlags flags;
  std::vector<std::string> specs;
  std::string baseline, policy, list, data, times, whom;
  std::vector<std::string> feeds;  // beside those of the configuration
  bool json = false, markdown = false, as_published = false, diff = false;
  std::size_t jobs = 4;
};

int print(ReportInput input, bool json) {
  input.colour = wants_colour();
  input.width = terminal_width();
  std::cout << (json ? boost::json::serialize(report_json(input)) + "\n" : report_text(input))
            << std::flush;
  return input.judged->verdict.served() ? kDone : kNo;
}

// The same with the changed lines as `lines`.
int print_json(const ReportInput& input, const boost::json::object& lines) {
  boost::json::object all = report_json(input);
  all["lines"] = lines;
  std::cout << boost::json::serialize(all) << "\n" << std::flush;
  return input.judged->verdict.served() ? kDone : kNo;
}

int inspect_file(const std::string& path, const InspectOptions& options) {
  if (!options.baseline.empty() && !is_tarball_file(options.baseline))
    return report_usage("--baseline " + options.baseline +
                        ": a .tgz file can only be compared with another .tgz file");
  LoadedConfig read = read_configuration(options.flags);
  if (!read.config) return read.exit_code;
  std::vector<std::string> feeds = std::move(read.config->feeds);
  feeds.insert(feeds.end(), options.feeds.begin(), options.feeds.end());
  const auto feed = load_feeds(feeds, FeedLimits{});
  if (!feed) return report(feed.error());
  const Time now = SystemClock().now();
  const std::string file = options.policy.empty() ? read.config->policy_file : options.policy;
  const PolicyResult loaded = file.empty() ? PolicyResult{default_policy(now), {}}
                                           : load_policy_file(file, disk_reader(), now);
  for (const Problem& problem : loaded.problems) std::cerr << problem.str() << "\n";
  if (!loaded.policy) return kUsage;
  const auto policy = options.as_published ? without_cooldown(*loaded.policy) : loaded.policy;
  const auto judged = judge_file(path, options.baseline, *policy, feed->index.get(), now);
  if (!judged) return report(judged.error());
  ReportInput input;
  input.judged = judged->get();
  input.now = now;
  input.feed_asked = !feeds.empty();
  if ((*judged)->baseline_evidence) input.baseline = &(*judged)->baseline_evidence->release;
  if (!options.diff) return print(input, options.json);
  const auto diff = file_diff(**judged, path, options.baseline, report_json(input));
  const boost::json::object lines =
      diff ? *diff : boost::json::object{{"error", diff.error().context}};
  const int code = options.json ? print_json(input, lines) : print(input, false);
  if (!options.json) std::cout << diff_text(lines, wants_colour());
  return code;
}

// The lines that changed, or why none can be shown.
boost::json::object lines_of(OfflineGate& gate, const ReleaseAnalysis& found) {
  ReleaseDiffs diffs(gate.blobs(), gate.packages().tarballs, gate.pool(), gate.inspector(),
                     gate.config().limits);
  ReleaseReport told;
  told.json = [&found](const ReleaseReport::Told&) { return report_json(found.report()); };
  const SnapshotPtr snapshot = found.judge->snapshot_ptr();
  auto wanted = diff_wanted(*found.judge, snapshot, found.version, told);
  if (!wanted) return {{"error", wanted.error().context}};
  using View = Result<boost::json::object>;
  const View view = gate.run<View>([&] {
    ReleaseDiffs::Wanted moved = std::move(*wanted);
    return diffs.view(std::move(moved));
  });
  return view ? *view : boost::json::object{{"error", view.error().context}};
}

int inspect_release(OfflineGate& gate, const std::string& text,
                    const AnalysisOptions& study_options, bool json, bool diff) {
  const auto spec = parse_release_spec(text);
  if (!spec)
    return report_usage("'" + log::printable(text, 100) +
                        "' is neither NAME, NAME@VERSION-OR-TAG nor an existing .tgz file");
  using Studied = Result<std::shared_ptr<ReleaseAnalysis>>;
  const Studied study = gate.run<Studied>([&] { return gate.analyze(*spec, study_options); });
  if (!study) return report(study.error());
  const ReleaseAnalysis& found = **study;
  if (found.judged == nullptr) {
    std::cerr << "npm-gate: " << found.name << "@" << found.version
              << " is refused: its manifest is not what every client reads alike ("
              << log::printable(found.refusal) << ")\n";
    return kNo;
  }
  ReportInput input = found.report();
  input.feed_asked = gate.asks_feed();
  if (!diff) return print(input, json);
  const boost::json::object lines = lines_of(gate, found);
  const int code = json ? print_json(input, lines) : print(input, false);
  if (!json) std::cout << diff_text(lines, wants_colour());
  return code;
}

// The version that --baseline names for a release; nullopt if it names something else.
std::optional<std::string> baseline_version(const InspectOptions& options) {
  if (options.baseline.empty()) return std::string();
  const auto spec = parse_release_spec(options.baseline);
  const auto wanted = parse_release_spec(options.specs.front());
  if (Version::parse_loose(options.baseline)) return options.baseline;
  if (!spec || !wanted || spec->name != wanted->name) return std::nullopt;
  return spec->wanted;
}

int open_gate(const InspectOptions& options, const std::string& state, bool needs_upstream,
              std::unique_ptr<OfflineGate>& gate) {
  LoadedConfig loaded =
      needs_upstream ? load_configuration(options.flags) : read_configuration(options.flags);
  if (!loaded.config) return loaded.exit_code;
  Config config = std::move(*loaded.config);
  config.feeds.insert(config.feeds.end(), options.feeds.begin(), options.feeds.end());
  if (!options.times.empty()) {
    for (UpstreamConfig& upstream : config.upstreams)
      upstream.times_publish = options.times == "publish";
  }
  config.storage_path = state;
  log::configure(log::Level::kError, log::Format::kText);
  const std::string policy = options.policy.empty() ? config.policy_file : options.policy;
  auto opened = OfflineGate::open(std::move(config), policy);
  if (!opened) return report(opened.error());
  gate = std::move(*opened);
  return kDone;
}

int judge_all(const InspectOptions& options, const std::string& state, bool needs_upstream) {
  std::unique_ptr<OfflineGate> gate;
  if (const int code = open_gate(options, state, needs_upstream, gate); code != kDone) return code;
  AnalysisOptions study;
  study.as_published = options.as_published;
  if (options.list.empty() && options.specs.size() == 1) {
    const auto baseline = baseline_version(options);
    if (!baseline)
      return report_usage("--baseline " + log::printable(options.baseline, 100) +
                          ": expected a version of the same package");
    study.baseline = *baseline;
    return inspect_release(*gate, options.specs.front(), study, options.json, options.diff);
  }
  ListOptions list;
  list.jobs = options.jobs;
  list.study = study;
  if (options.markdown) list.form = ListOptions::Form::kMarkdown;
  if (options.json) list.form = ListOptions::Form::kJson;
  return inspect_list(*gate, options.specs, list);
}

int read_list(InspectOptions& options) {
  if (options.list.empty()) return kDone;
  std::ifstream file;
  if (options.list != "-") {
    file.open(options.list);
    if (!file)
      return report_usage("cannot read " + options.list +
                          "; --list names a file with one release a line, or - for standard input");
  }
  for (std::string& spec : read_specs(options.list == "-" ? std::cin : file))
    options.specs.push_back(std::move(spec));
  return kDone;
}

int inspect(InspectOptions options) {
  if (const int code = read_list(options); code != kDone) return code;
  const bool many = !options.list.empty() || options.specs.size() > 1;
  if (options.specs.empty() && options.list.empty())
    return report_usage("name a release, a .tgz file or a --list; npm-gate inspect --help");
  if (many && !options.baseline.empty())
    return report_usage("--baseline goes with one release only");
  if (options.diff && many) return report_usage("--diff goes with one release or .tgz file");
  if (!many && options.markdown) return report_usage("--markdown goes with several releases only");
  if (!many && is_tarball_file(options.specs.front()))
    return inspect_file(options.specs.front(), options);
  const bool needs_upstream =
      !std::all_of(options.specs.begin(), options.specs.end(), is_tarball_file);
  if (!options.data.empty()) {
    std::error_code ec;
    std::filesystem::create_directories(options.data, ec);
    if (ec) {
      return report(fail(Code::kUnavailable, Origin::kDisk,
                         "cannot make the folder " + options.data + ": " + ec.message()));
    }
    return judge_all(options, options.data, needs_upstream);
  }
  const Scratch scratch;
  return judge_all(options, scratch.path(), needs_upstream);
}

bool read_audience(const std::string& text, Audience& audience) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || colon + 1 == text.size()) return false;
  const std::string kind = text.substr(0, colon), name = text.substr(colon + 1);
  if (kind == "token") audience.token = name;
  if (kind == "project") audience.project = name;
  return kind == "token" || kind == "project";
}

int explain(const InspectOptions& options) {
  LoadedConfig loaded = load_configuration(options.flags);
  if (!loaded.config) return loaded.exit_code;
  // What the gate has on disk is what is explained; the packument is only asked for if it never
  // was.
  loaded.config->fresh = loaded.config->stale = std::chrono::hours(24 * 365);
  log::configure(log::Level::kWarn, log::Format::kText);
  std::error_code ec;
  std::filesystem::create_directories(loaded.config->storage_path, ec);
  const std::string policy = options.policy.empty() ? loaded.config->policy_file : options.policy;
  auto gate = OfflineGate::open(std::move(*loaded.config), policy);
  if (!gate) return report(gate.error());
  AnalysisOptions study;
  study.gather = false;
  if (!options.whom.empty() && !read_audience(options.whom, study.audience))
    return report_usage("--as is token:NAME or project:NAME");
  return inspect_release(**gate, options.specs.front(), study, options.json, options.diff);
}

void add_judging_options(Command command, InspectOptions& options) {
  command.option("--baseline", options.baseline,
                 "compare with this version (or, for a .tgz file, with this .tgz file) instead "
                 "of the one that the gate would choose");
  command.flag("--as-published", options.as_published,
               "judge each release as if it had appeared this moment and everything before it "
               "long ago: every rule with younger_than applies, and rules that hold by age "
               "alone (cooldown), which would hold every new release, are set aside. Shows what "
               "a policy makes of a release itself");
  command
      .option("--times", options.times,
              "what the upstream's `time` means: publish, or ingest for a mirror that stamps "
              "arrival (findings about the rhythm of releases then stay silent)")
      .one_of({"publish", "ingest"});
  command
      .option("--policy", options.policy,
              "policy file (default: the one of --config, else the built-in one)")
      .type_name("FILE");
  command
      .option("--feed", options.feeds,
              "advisory feed (OSV: a folder, .json or .zip) that tells known malware, beside "
              "those of --config; may be repeated")
      .type_name("PATH");
}

}  // namespace

void add_inspect(Command app) {
  auto options = std::make_shared<InspectOptions>();
  Command command = app.subcommand(
      "inspect",
      "Judge releases or .tgz files: evidence, diff, findings, verdict. Needs no running gate.\n"
      "One release is shown whole; several, or a --list, as a table with counts.\n"
      "Exit 0: all served; 1: at least one is held or blocked; 2: wrong usage or policy; 3: at "
      "least one was not available (it is a row of the table, the others are judged).");
  command.option("SPEC", options->specs, "NAME, NAME@VERSION-OR-TAG or a .tgz file");
  command
      .option("--list", options->list,
              "file with one SPEC a line ('#' begins a comment); - reads standard input")
      .type_name("FILE");
  command.option("--jobs", options->jobs, "releases judged at a time (default 4)")
      .range(std::size_t{1}, kMaxJobs);
  add_judging_options(command, *options);
  command
      .option("--data", options->data,
              "keep packuments, tarballs and evidence in this folder: a second run fetches "
              "only what is new (default: a temporary folder)")
      .type_name("DIR");
  command.flag("--json", options->json,
               "one JSON object a line and release, complete, in the order of the list");
  command.flag("--markdown", options->markdown, "the table for a document");
  command.flag("--diff", options->diff,
               "the lines that changed since the baseline too, riskiest file first (one release or "
               ".tgz file)");
  add_config_flags(command, options->flags);
  command.action([options] { return inspect(*options); });
}

void add_explain(Command app) {
  auto options = std::make_shared<InspectOptions>();
  Command command = app.subcommand(
      "explain",
      "The verdict of one release now: rules that matched, proofs, when a hold ends, who decided");
  command.option("NAME@VERSION", options->specs, "one release, also NAME or NAME@TAG")
      .required()
      .once();
  command.option("--policy", options->policy, "judge by this policy (default: that of --config)")
      .type_name("FILE");
  command
      .option("--as", options->whom,
              "as a client with this token, or of this project, is answered: approvals can be "
              "for some alone")
      .type_name("token:NAME|project:NAME");
  command.flag("--json", options->json, "JSON instead of text");
  command.flag("--diff", options->diff, "the lines that changed since the baseline too");
  add_config_flags(command, options->flags);
  command.action([options] { return explain(*options); });
}

}  // namespace npmgate
