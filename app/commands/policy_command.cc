#include "app/commands/policy_command.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>
#include <filesystem>
#include <iostream>
#include <map>

#include "app/cli.h"
#include "app/command_line.h"
#include "base/log.h"
#include "feeds/feed_files.h"
#include "judge/policy_replay.h"
#include "lockfile/lockfile.h"
#include "proxy/packages/package_cache.h"
#include "proxy/runtime/routes.h"
#include "store/sqlite/open_state_store.h"

namespace npmgate {
namespace {

struct PolicyOptions {
  ConfigFlags flags;
  std::string file, lockfile;
  bool json = false, full = false;
};

boost::json::array problems_json(const std::vector<Problem>& problems) {
  boost::json::array out;
  for (const Problem& problem : problems)
    out.push_back(boost::json::object{{"at", problem.at.str()}, {"message", problem.message}});
  return out;
}

int check(const PolicyOptions& options) {
  const PolicyResult loaded = load_policy_file(options.file, disk_reader(), SystemClock().now());
  const auto& warnings = loaded.policy ? loaded.policy->warnings : std::vector<Problem>{};
  if (options.json) {
    std::cout << boost::json::serialize(
                     boost::json::object{{"valid", loaded.problems.empty()},
                                         {"problems", problems_json(loaded.problems)},
                                         {"warnings", problems_json(warnings)}})
              << "\n";
    return loaded.problems.empty() ? kDone : kNo;
  }
  for (const Problem& problem : loaded.problems) std::cerr << problem.str() << "\n";
  for (const Problem& warning : warnings) std::cerr << warning.str() << " (warning)\n";
  if (!loaded.policy) return kNo;
  std::cout << options.file << ": valid, " << loaded.policy->rules.size() << " rules, "
            << loaded.policy->waivers.size() << " waivers, hash " << loaded.policy->hash << "\n";
  return kDone;
}

boost::json::object change_json(const PolicyReplayChange& change) {
  return {{"name", change.name},
          {"version", change.version},
          {"content", change.content_id},
          {"before", to_string(change.before)},
          {"after", to_string(change.after)},
          {"direction", change.after > change.before ? "stricter" : "milder"},
          {"rule", change.rule},
          {"at", change.at},
          {"message", change.message},
          {"served", change.served}};
}

// The releases of a lockfile; those that the state knows are crossed off.
using Locked = std::map<std::pair<std::string, std::string>, bool>;

std::optional<Locked> read_lockfile(const std::string& file, int& exit_code) {
  const auto text = read_file(file);
  if (!text) {
    exit_code = report_usage("cannot read " + file);
    return std::nullopt;
  }
  const LockfileResult parsed = parse_lockfile(*text, file);
  for (const Problem& problem : parsed.problems) std::cerr << problem.str() << "\n";
  if (!parsed.lockfile) {
    exit_code = kUsage;
    return std::nullopt;
  }
  Locked locked;
  for (const LockedRelease& release : locked_releases(*parsed.lockfile))
    locked.emplace(std::pair(release.name, release.version), false);
  return locked;
}

std::vector<std::string> unknown_of(const Locked& locked) {
  std::vector<std::string> unknown;
  for (const auto& [release, known] : locked) {
    if (!known) unknown.push_back(release.first + "@" + release.second);
  }
  return unknown;
}

void print_json(const PolicyReplay& replay, const std::vector<std::string>& unknown) {
  boost::json::array changes, counts;
  for (const PolicyReplayChange& change : replay.changes) changes.push_back(change_json(change));
  for (const auto& [way, count] : replay.counts)
    counts.push_back(boost::json::object{
        {"before", to_string(way.first)}, {"after", to_string(way.second)}, {"releases", count}});
  std::cout << boost::json::serialize(
                   boost::json::object{{"judged", replay.judged},
                                       {"rederived", replay.rederived},
                                       {"served_refused", replay.served_refused},
                                       {"unknown", boost::json::value_from(unknown)},
                                       {"counts", std::move(counts)},
                                       {"changes", std::move(changes)}})
            << "\n";
}

void print_text(const PolicyReplay& replay, const std::vector<std::string>& unknown) {
  std::cout << replay.judged << " releases judged under both policies, " << replay.changes.size()
            << " change\n";
  for (const auto& [way, count] : replay.counts)
    std::cout << "  " << count << "  " << to_string(way.first) << " -> " << to_string(way.second)
              << "\n";
  if (replay.served_refused > 0)
    std::cout << replay.served_refused << " of them were served already and would be refused now\n";
  if (!unknown.empty())
    std::cout << unknown.size()
              << " of the lockfile were never seen here: " << log::printable(unknown.front(), 300)
              << (unknown.size() > 1 ? " …" : "") << "\n";
  for (const PolicyReplayChange& change : replay.changes) {
    std::cout << log::printable(change.name + "@" + change.version, 300) << "  "
              << to_string(change.before) << " -> " << to_string(change.after) << "  by "
              << change.rule << (change.at.empty() ? "" : " (" + change.at + ")") << ": "
              << log::printable(change.message, 300) << (change.served ? "  [served]" : "") << "\n";
  }
}

std::shared_ptr<const Policy> load_or_report(const std::string& file, Time now) {
  if (file.empty()) return default_policy(now);
  PolicyResult loaded = load_policy_file(file, disk_reader(), now);
  for (const Problem& problem : loaded.problems) std::cerr << problem.str() << "\n";
  return loaded.policy;
}

int try_out(const PolicyOptions& options) {
  LoadedConfig loaded = load_configuration(options.flags);
  if (!loaded.config) return loaded.exit_code;
  const Config& config = *loaded.config;
  log::configure(log::Level::kError, log::Format::kText);
  if (!std::filesystem::exists(config.storage_path))
    return report(fail(
        Code::kNotFound, Origin::kDisk,
        "no state in " + config.storage_path + "; run npm-gate serve once, or name its --config"));
  auto store = open_state_store(config.storage_path);
  if (!store) return report(store.error());
  const SystemClock clock;
  PolicyReplayInput input;
  input.now = clock.now();
  input.after = load_or_report(options.file, input.now);
  if (!input.after) return kUsage;
  input.before = load_or_report(config.policy_file, input.now);
  if (!input.before) return kUsage;
  auto decisions = (*store)->decisions();
  if (!decisions) return report(decisions.error());
  input.decisions = std::move(*decisions);
  input.options.recent = config.recent;
  input.options.popular = popular_packages();
  auto feed = load_feeds(config.feeds, FeedLimits{});
  if (!feed) return report(feed.error());
  input.options.feed = feed->index;
  input.full = options.full;
  Metrics metrics;
  Pool pool(1, 1);
  PackageCache cache(config, clock, **store, pool, metrics, false);
  input.snapshot = [&cache](const std::string& name) -> Result<SnapshotPtr> {
    const auto parsed = PackageName::parse(name);
    return parsed ? cache.stored(*parsed) : SnapshotPtr();
  };
  std::optional<Locked> locked;
  if (!options.lockfile.empty()) {
    int exit_code = kDone;
    locked = read_lockfile(options.lockfile, exit_code);
    if (!locked) return exit_code;
    input.wanted = [&locked](const std::string& name, const std::string& version) {
      const auto found = locked->find({name, version});
      if (found != locked->end()) found->second = true;
      return found != locked->end();
    };
  }
  const auto replay = replay_policy(**store, input);
  if (!replay) return report(replay.error());
  const std::vector<std::string> unknown =
      locked ? unknown_of(*locked) : std::vector<std::string>();
  options.json ? print_json(*replay, unknown) : print_text(*replay, unknown);
  return replay->served_refused > 0 ? kNo : kDone;
}

}  // namespace

void add_policy(Command app) {
  Command policy = app.subcommand("policy", "Check policy files, and try them out");
  policy.require_subcommand();
  auto options = std::make_shared<PolicyOptions>();
  Command check_command =
      policy.subcommand("check", "Validate a policy file; every problem with file:line:column");
  check_command.option("FILE", options->file, "the policy").required();
  check_command.flag("--json", options->json, "JSON instead of text");
  check_command.action([options] { return check(*options); });
  Command try_command = policy.subcommand(
      "try",
      "Which releases already seen would change verdict under FILE, which way, by which rule. "
      "Exit 1 if something that was served would be refused. The gate may run or not");
  try_command.option("FILE", options->file, "the policy").required();
  try_command.flag("--json", options->json, "JSON instead of text");
  try_command
      .option("--lockfile", options->lockfile, "only the releases that this lockfile installs")
      .type_name("FILE");
  try_command.flag("--full", options->full,
                   "derive all findings again from evidence: slower, and exact even if "
                   "packages were not asked for since the policy last changed");
  add_config_flags(try_command, options->flags);
  try_command.action([options] { return try_out(*options); });
  Command schema =
      policy.subcommand("schema", "Print the JSON Schema of policy files, for editors");
  schema.action([] {
    std::cout << policy_schema() << "\n";
    return kDone;
  });
  Command shipped = policy.subcommand("default", "Print the built-in default policy");
  shipped.action([] {
    std::cout << default_policy_text();
    return kDone;
  });
}

}  // namespace npmgate
