#include "app/commands/audit_command.h"

#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "app/audit/audit_accept.h"
#include "app/audit/audit_report.h"
#include "app/audit/audit_sources.h"
#include "app/cli.h"
#include "app/command_line.h"
#include "app/commands/admin_client.h"
#include "app/report/progress.h"
#include "base/digest.h"

namespace npmgate {
namespace {

// Enough to hide the upstream's latency; the inspections themselves run two at a time.
constexpr std::size_t kWidth = 16;

struct AuditOptions {
  ConfigFlags flags;
  std::string lockfile, policy, gate, token, state, sarif, sbom, markdown;
  std::string fail_on = "quarantine", reason;
  std::vector<std::string> registries;
  bool json = false, offline = false, fix = false, accept = false;
};

bool write_file(const std::string& path, const std::string& text, int& exit_code) {
  if (path == "-") {
    std::cout << text << std::flush;
    return true;
  }
  const std::string temporary = path + ".npm-gate-tmp";
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  std::error_code ec;
  if (out) std::filesystem::rename(temporary, path, ec);
  if (!out || ec) {
    std::filesystem::remove(temporary, ec);
    exit_code = report(fail(Code::kUnavailable, Origin::kDisk, "cannot write " + path));
    return false;
  }
  return true;
}

// --fail-on: the mildest action that fails, and whether not knowing does.
struct Threshold {
  std::optional<Action> action;
  bool unknown = false;
};

std::optional<Threshold> parse_threshold(const std::string& text) {
  Threshold out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string word = text.substr(at, end - at);
    at = end + 1;
    if (word == "unknown") {
      out.unknown = true;
    } else if (word == "warn") {
      out.action = Action::kWarn;
    } else if (word == "quarantine") {
      out.action = Action::kQuarantine;
    } else if (word == "block") {
      out.action = Action::kBlock;
    } else if (word != "never") {
      return std::nullopt;
    }
  }
  return out;
}

int exit_code_of(const Audit& audit, const Threshold& threshold) {
  const Audit::Counts counts = audit.counts();
  if (counts.mismatch > 0) return kNo;
  for (const AuditRow& row : audit.rows) {
    if (threshold.action && row.action() >= *threshold.action) return kNo;
  }
  for (const Bypass& bypass : audit.bypasses) {
    if (bypass.certain) return kNo;
  }
  if (threshold.unknown && counts.unknown > 0) return kNo;
  return counts.failed > 0 ? kFailed : kDone;
}

std::string uuid() {
  std::string hex = random_hex(16);
  hex[12] = '4';  // RFC 9562, section 5.4: version and variant
  hex[16] = '8';
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

bool write_reports(const Audit& audit, const AuditOptions& options, int& exit_code) {
  if (!options.sarif.empty() &&
      !write_file(options.sarif, boost::json::serialize(audit_sarif(audit)) + "\n", exit_code))
    return false;
  const Time now = SystemClock().now();
  if (!options.sbom.empty() &&
      !write_file(options.sbom, boost::json::serialize(audit_sbom(audit, now, uuid())) + "\n",
                  exit_code))
    return false;
  if (!options.markdown.empty() && !write_file(options.markdown, audit_markdown(audit), exit_code))
    return false;
  const bool own_output = options.sarif != "-" && options.sbom != "-" && options.markdown != "-";
  if (options.json) {
    std::cout << boost::json::serialize(audit_json(audit)) << "\n" << std::flush;
  } else if (own_output) {
    std::cout << audit_text(audit, wants_colour()) << std::flush;
  }
  return true;
}

void ask(Audit& audit, AskRelease source,
         const std::function<bool(std::function<Task<bool>()>)>& run) {
  ProgressBar bar("audited", locked_releases(audit.lockfile).size());
  run([&] {
    return ask_all(audit, std::move(source), kWidth, [&](std::size_t done) { bar.show(done); });
  });
  bar.clear();
}

// Entries that come from somewhere, and none of them a release that could be judged: the audit saw
// nothing, which must not look like nothing found.
const LockEntry* first_unseen(const Audit& audit) {
  if (!audit.rows.empty()) return nullptr;
  const auto fetched = [](const LockEntry& entry) {
    return entry.source == LockSource::kRegistry || entry.source == LockSource::kRemote ||
           entry.source == LockSource::kGit || entry.source == LockSource::kOther;
  };
  const auto& entries = audit.lockfile.entries;
  const auto found = std::find_if(entries.begin(), entries.end(), fetched);
  return found == entries.end() ? nullptr : &*found;
}

int finish(Audit& audit, const AuditOptions& options, const Threshold& threshold) {
  int exit_code = exit_code_of(audit, threshold);
  if (const LockEntry* unseen = first_unseen(audit)) {
    exit_code = kFailed;
    std::cerr << "npm-gate: " << audit.lockfile.file
              << " has no release of a registry that could be judged; its first entry is "
              << log::printable(unseen->str(), 100) << " from "
              << log::printable(unseen->resolved.empty() ? unseen->spec : unseen->resolved, 200)
              << "\n";
  }
  write_reports(audit, options, exit_code);
  return exit_code;
}

int audit_by_gate(Audit& audit, const AuditOptions& options, const Threshold& threshold) {
  const auto client_options = client_options_here();
  if (!client_options) return report(client_options.error());
  net::io_context context;
  const auto client = make_http_client(*client_options);
  std::string token = options.token;
  if (token.empty()) token = environment("NPM_GATE_TOKEN").value_or("");
  const std::string url = with_trailing_slash(options.gate);
  audit.judged_by = url;
  // Of a gate that is down, each release would say the same.
  FetchRequest ping;
  ping.url = url + "-/ping";
  if (const auto answers = fetch_once(std::move(ping), *client_options); !answers)
    return report(answers.error());
  ask(audit, ask_gate(*client, url, token),
      [&](const std::function<Task<bool>()>& body) { return value_at_end<bool>(context, body); });
  return finish(audit, options, threshold);
}

int audit_here(Audit& audit, const AuditOptions& options, const Threshold& threshold,
               Config config) {
  std::optional<Scratch> scratch;
  if (!options.state.empty()) {
    config.storage_path = options.state;
  } else if (options.flags.config_file.empty()) {
    scratch.emplace();
    config.storage_path = scratch->path();
  }
  // A packument that may still be served is fresh enough to audit by: refreshing all of them behind
  // the answers took most of a second run's time and memory. Offline nothing is asked for again.
  if (options.offline) config.stale = std::chrono::hours(24 * 365 * 10);
  config.fresh = config.stale;
  std::error_code ec;
  std::filesystem::create_directories(config.storage_path, ec);
  log::configure(log::Level::kError, log::Format::kText);
  const std::string policy = options.policy.empty() ? config.policy_file : options.policy;
  audit.judged_by = policy.empty() ? "built-in default policy" : policy;
  auto gate =
      OfflineGate::open(std::move(config), policy,
                        options.offline ? OfflineGate::Asks::kNobody : OfflineGate::Asks::kOutside);
  if (!gate) return report(gate.error());
  ask(audit, ask_offline(**gate, options.offline),
      [&](const std::function<Task<bool>()>& body) { return (*gate)->run<bool>(body); });
  if (options.accept) {
    const auto accepted = accept_tree(**gate, audit, options.reason);
    if (!accepted) return report(accepted.error());
    std::cerr << accepted_text(*accepted);
    return accepted->refused == 0 ? kDone : kNo;
  }
  return finish(audit, options, threshold);
}

std::optional<std::string> fixed(const std::string& text, Audit& audit, const AuditOptions& options,
                                 int& exit_code) {
  const std::string mended = without_bypasses(text, audit.lockfile, audit.bypasses);
  if (mended == text) return text;
  if (!write_file(options.lockfile, mended, exit_code)) return std::nullopt;
  std::cerr << "npm-gate: " << options.lockfile << ": " << audit.bypasses.size()
            << " URLs rewritten\n";
  return mended;
}

// The URLs that lead to the gate: flags first, else what gate.yaml says.
std::vector<std::string> gates_of(const AuditOptions& options, const Config* config) {
  std::vector<std::string> gates;
  for (const std::string& url : options.registries) gates.push_back(with_trailing_slash(url));
  if (!options.gate.empty()) gates.push_back(with_trailing_slash(options.gate));
  if (gates.empty() && config != nullptr) gates = config->public_urls;
  return gates;
}

int usage_mistake(const AuditOptions& options) {
  for (const std::string& url : options.registries) {
    if (!parse_url(with_trailing_slash(url)))
      return report_usage("--registry '" + log::printable(url, 100) + "' is not an http(s) URL");
  }
  if (!options.gate.empty() && !parse_url(with_trailing_slash(options.gate)))
    return report_usage("--gate '" + log::printable(options.gate, 100) + "' is not an http(s) URL");
  if (!options.gate.empty() && (options.offline || options.accept))
    return report_usage("--gate asks a running gate; --offline and --accept need --config");
  if (options.accept && options.flags.config_file.empty())
    return report_usage("--accept records decisions in a gate's state: name it with --config");
  if (options.accept && options.reason.empty())
    return report_usage("--accept needs --reason TEXT; it is recorded in the audit trail");
  if (options.offline && options.flags.config_file.empty() && options.state.empty())
    return report_usage("--offline judges by recorded evidence: name it with --config or --state");
  return kDone;
}

int audit(const AuditOptions& options) {
  const auto threshold = parse_threshold(options.fail_on);
  if (!threshold)
    return report_usage("--fail-on " + log::printable(options.fail_on, 60) +
                        ": expected warn, quarantine, block, unknown or never, or a list of them");
  if (const int mistake = usage_mistake(options); mistake != kDone) return mistake;
  auto text = read_file(options.lockfile);
  if (!text) return report_usage("cannot read " + options.lockfile);
  LockfileResult parsed = parse_lockfile(*text, options.lockfile);
  if (!parsed.lockfile) return report_problems(parsed.problems);
  if (parsed.lockfile->format == LockFormat::kPackageJson)
    return report_usage(options.lockfile + " has ranges, no releases; name the lockfile");
  LoadedConfig loaded;
  if (options.gate.empty()) {
    loaded = load_configuration(options.flags);
    if (!loaded.config) return loaded.exit_code;
  }
  Audit result;
  result.lockfile = std::move(*parsed.lockfile);
  const auto gates = gates_of(options, loaded.config ? &*loaded.config : nullptr);
  result.bypasses = find_bypasses(result.lockfile, gates);
  if (options.fix) {
    int exit_code = kDone;
    if (gates.empty())
      return report_usage(
          "--fix: where is the gate? --registry URL, --gate URL or public_url in "
          "gate.yaml");
    const auto mended = fixed(*text, result, options, exit_code);
    if (!mended) return exit_code;
    parsed = parse_lockfile(*mended, options.lockfile);
    if (!parsed.lockfile) return report_problems(parsed.problems);
    result.lockfile = std::move(*parsed.lockfile);
    result.bypasses = find_bypasses(result.lockfile, gates);
  }
  return options.gate.empty() ? audit_here(result, options, *threshold, *loaded.config)
                              : audit_by_gate(result, options, *threshold);
}

}  // namespace

void add_audit(Command app) {
  auto options = std::make_shared<AuditOptions>();
  Command command = app.subcommand(
      "audit",
      "Judge every release of a lockfile (npm, pnpm, yarn, bun); exit 1 if one is refused");
  command.option("LOCKFILE", options->lockfile, "of npm, pnpm, yarn or bun").required();
  command
      .option("--gate", options->gate,
              "ask the running gate at URL instead of judging here (token: NPM_GATE_TOKEN)")
      .type_name("URL");
  command.option("--token", options->token, "client token for --gate");
  command.option("--policy", options->policy, "policy file (default: gate.yaml's, or built in)")
      .type_name("FILE");
  command.option("--state", options->state, "keep evidence in DIR between runs").type_name("DIR");
  command.flag("--offline", options->offline, "judge by recorded evidence, ask nobody");
  command
      .option("--fail-on", options->fail_on,
              "exit 1 from this verdict on: warn, quarantine, block; unknown, never")
      .type_name("WORDS");
  command.flag("--json", options->json, "one JSON object, complete");
  command.option("--sarif", options->sarif, "write SARIF 2.1.0 (- = stdout)").type_name("FILE");
  command.option("--sbom", options->sbom, "write a CycloneDX 1.6 SBOM (- = stdout)")
      .type_name("FILE");
  command.option("--markdown", options->markdown, "write a Markdown table (- = stdout)")
      .type_name("FILE");
  command
      .option("--registry", options->registries,
              "URL that clients reach the gate at; entries that name another are reported")
      .type_name("URL");
  command.flag("--fix", options->fix, "rewrite the URLs that lead past the gate");
  command.flag("--accept", options->accept,
               "approve today's tree as it is: content and findings of each release");
  command.option("--reason", options->reason, "why, for --accept");
  add_config_flags(command, options->flags);
  command.action([options] { return audit(*options); });
}

}  // namespace npmgate
