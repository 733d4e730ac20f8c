#include "app/commands/local_commands.h"

#include <archive.h>
#include <libdeflate.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <unistd.h>
#include <zlib.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/version.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "app/build_info.h"
#include "app/cli.h"
#include "app/command_line.h"
#include "app/commands/upstream_probe.h"
#include "app/report/table_text.h"
#include "base/digest.h"
#include "policy/decide.h"
#include "registry/name.h"
#include "sandbox/process.h"
#include "store/entry_json.h"
#include "store/sqlite/open_state_store.h"

namespace npmgate {

Result<std::unique_ptr<StateStore>> open_state(const ConfigFlags& flags) {
  const auto path = storage_path(flags);
  if (!path) return path.error();
  return open_state_store(*path);
}

namespace {

int write_new(const std::filesystem::path& path, std::string_view text) {
  if (std::filesystem::exists(path))
    return report_usage(path.string() + " exists already; it is not overwritten");
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) return report(fail(Code::kUnavailable, Origin::kDisk, "cannot write " + path.string()));
  std::cout << "wrote " << path.string() << "\n";
  return kDone;
}

// Where the gate of a configuration in `folder` keeps its data: beside it, but below /etc (of an
// installation) where the service may write.
std::string data_folder_for(const std::filesystem::path& folder) {
  const std::filesystem::path whole =
      std::filesystem::absolute(folder / "npm-gate-data").lexically_normal();
  const std::string text = whole.string();
  return text.starts_with("/etc/") ? "/var/lib/npm-gate" : text;
}

int init(const std::string& directory, std::string url) {
  if (url.empty()) url = find_upstream();
  if (url.empty())
    return report_usage(
        "no upstream registry is known; name it with --upstream URL or NPM_CONFIG_REGISTRY");
  if (!parse_url(url))
    return report_usage("upstream '" + log::printable(url, 100) + "' is not an http(s) URL");
  UpstreamConfig upstream;
  upstream.url = with_trailing_slash(url);
  std::error_code ec;
  std::filesystem::create_directories(directory, ec);
  if (ec)
    return report(fail(Code::kUnavailable, Origin::kDisk,
                       "cannot create " + directory + ": " + ec.message()));
  const std::filesystem::path folder(directory);
  const std::string text = sample_config(upstream.url, data_folder_for(folder));
  if (const int code = write_new(folder / "gate.yaml", text); code != kDone) return code;
  if (const int code = write_new(folder / "policy.yaml", default_policy_text()); code != kDone)
    return code;
  const Result<void> answers = probe_upstream_now(upstream);
  if (answers) {
    std::cout << "upstream " << upstream.url << " answers\n";
  } else {
    std::cerr << "npm-gate: " << log::printable(answers.error().context, 500)
              << "; correct upstreams: in " << (folder / "gate.yaml").string()
              << " if that is not the registry, and npm-gate doctor asks it again\n";
  }
  return kDone;
}

// How this program was built; the same sources and compiler give the same words.
std::string hardening() {
  std::string flags;
#ifdef __PIE__
  flags += " PIE";
#endif
#ifdef __CET__
  flags += " CET";
#endif
#ifdef _GLIBCXX_ASSERTIONS
  flags += " assertions";
#endif
#ifdef _FORTIFY_SOURCE
  flags += " FORTIFY=" + std::to_string(_FORTIFY_SOURCE);
#endif
  return flags.empty() ? "none" : flags.substr(1);
}

// What holds inspection workers on this machine, tried now.
std::string sandbox_here() {
  const auto confinement = probe_sandbox(WorkerOptions());
  return confinement ? to_string(*confinement) : "unavailable: " + confinement.error().context;
}

int print_version(bool json) {
  const boost::json::object parts{{"npm-gate", NPM_GATE_VERSION},
                                  {"boost", BOOST_LIB_VERSION},
                                  {"openssl", OpenSSL_version(OPENSSL_VERSION)},
                                  {"libarchive", archive_version_string()},
                                  {"libdeflate", LIBDEFLATE_VERSION_STRING},
                                  {"zlib", zlibVersion()},
                                  {"sqlite", sqlite3_libversion()},
                                  {"sandbox", sandbox_here()},
                                  {"commit", NPM_GATE_COMMIT},
                                  {"build", NPM_GATE_BUILD_TYPE},
                                  {"hardening", hardening()},
                                  {"compiler", "g++ " __VERSION__}};
  if (json) {
    std::cout << boost::json::serialize(parts) << "\n";
    return kDone;
  }
  for (const auto& [name, value] : parts)
    std::cout << std::string(name) << " " << std::string(value.get_string()) << "\n";
  return kDone;
}

// Whoever runs the command on the machine that holds the state.
Result<void> audit_token(AuditLog& store, boost::json::object detail, Time at) {
  AuditEntry audit;
  audit.at = at;
  audit.kind = "token";
  audit.actor = "cli:" + std::to_string(getuid());
  audit.detail = boost::json::serialize(detail);
  return store.audit({audit});
}

int token_create(const ConfigFlags& flags, const std::string& name, const std::string& scope) {
  if (scope != "install" && scope != "review" && scope != "admin")
    return report_usage("--scope " + scope + ": expected install, review or admin");
  if (name.empty() || log::printable(name, 100) != name)
    return report_usage("NAME must be printable and at most 100 bytes long");
  auto store = open_state(flags);
  if (!store) return report(store.error());
  // 256 bits: guessing is hopeless, so a fast hash is enough to store it.
  const std::string token = "ngt_" + random_hex(32);
  TokenRecord record;
  record.name = name;
  record.scope = scope;
  record.hash = sha256_hex(token);
  record.created = SystemClock().now();
  if (auto id = (*store)->add_token(record); !id) return report(id.error());
  boost::json::object detail{{"created", name}, {"scope", scope}};
  if (auto done = audit_token(**store, std::move(detail), record.created); !done)
    return report(done.error());
  std::cout << token << "\n";
  std::cerr << "shown once; stored as a hash. Scope: " << scope << "\n";
  return kDone;
}

int token_list(const ConfigFlags& flags, bool json) {
  auto store = open_state(flags);
  if (!store) return report(store.error());
  auto tokens = (*store)->tokens();
  if (!tokens) return report(tokens.error());
  boost::json::array rows;
  std::vector<std::vector<std::string>> lines;
  for (const TokenRecord& token : *tokens) {
    const std::string state = token.revoked ? "revoked " + format_minute(*token.revoked) : "active";
    if (json) {
      rows.push_back(boost::json::object{
          {"id", token.id},
          {"name", token.name},
          {"scope", token.scope},
          {"created", format_time(token.created)},
          {"last_used", token.last_used ? boost::json::value(format_time(*token.last_used))
                                        : boost::json::value()},
          {"state", state}});
    } else {
      lines.push_back({std::to_string(token.id), token.name, token.scope,
                       format_minute(token.created), state,
                       token.last_used ? format_minute(*token.last_used) : "never"});
    }
  }
  std::cout << (json ? boost::json::serialize(rows) + "\n"
                     : table_text({"ID", "NAME", "SCOPE", "CREATED", "STATE", "LAST USED"}, lines,
                                  "there are no tokens"));
  return kDone;
}

int token_revoke(const ConfigFlags& flags, std::int64_t id) {
  auto store = open_state(flags);
  if (!store) return report(store.error());
  const Time now = SystemClock().now();
  if (auto done = (*store)->revoke_token(id, now); !done) return report(done.error());
  if (auto done = audit_token(**store, boost::json::object{{"revoked", id}}, now); !done)
    return report(done.error());
  std::cout << "revoked " << id << "\n";
  return kDone;
}

struct DownloadsOptions {
  ConfigFlags flags;
  std::string spec;
  LedgerFilter filter;
  bool json = false;
};

constexpr int kMaxDownloads = 10'000;  // of one listing

// NAME or NAME@RANGE of the options; nullopt if it is neither.
std::optional<Range> downloads_range(DownloadsOptions& options) {
  const std::string& spec = options.spec;
  const std::size_t at = spec.rfind('@');
  options.filter.name = at == std::string::npos || at == 0 ? spec : spec.substr(0, at);
  if (!spec.empty() && !PackageName::parse(options.filter.name)) return std::nullopt;
  return Range::parse(options.filter.name.size() == spec.size() ? "*" : spec.substr(at + 1));
}

int show_downloads(DownloadsOptions& options) {
  if (options.spec.empty() && options.filter.token.empty() && options.filter.project.empty() &&
      options.filter.address.empty())
    return report_usage("name a package, --token, --project or --address");
  const auto range = downloads_range(options);
  if (!range)
    return report_usage("'" + log::printable(options.spec, 100) + "' is not NAME or NAME@RANGE");
  const bool ranged = options.filter.name.size() != options.spec.size();
  auto store = open_state(options.flags);
  if (!store) return report(store.error());
  auto entries = (*store)->downloads(options.filter, kMaxDownloads);
  if (!entries) return report(entries.error());
  std::vector<std::vector<std::string>> rows;
  for (const LedgerEntry& entry : *entries) {
    const auto version = Version::parse_loose(entry.version);
    if (ranged && !options.spec.ends_with("@" + entry.version) &&
        !(version && range->matches(*version, true)))
      continue;
    if (options.json) {
      std::cout << boost::json::serialize(entry_json(entry)) << "\n";
      continue;
    }
    rows.push_back(
        {format_minute(entry.at), entry.name + "@" + entry.version, entry.token, entry.project,
         entry.command, entry.address,
         (entry.reported ? "reported" : "fetched") +
             (entry.count > 1 ? " " + std::to_string(entry.count) + " times" : std::string()),
         entry.user_agent});
  }
  if (!options.json)
    std::cout << table_text(
        {"LAST", "RELEASE", "TOKEN", "PROJECT", "COMMAND", "ADDRESS", "HOW", "USER AGENT"}, rows,
        "nobody fetched or reported that through this gate");
  return kDone;
}

}  // namespace

std::string version_line() {
  return "npm-gate " NPM_GATE_VERSION " (commit " NPM_GATE_COMMIT ", " NPM_GATE_BUILD_TYPE
         ", g++ " __VERSION__ ", hardening: " +
         hardening() + ")";
}

void add_init(Command app) {
  auto directory = std::make_shared<std::string>(".");
  auto upstream = std::make_shared<std::string>();
  Command command = app.subcommand("init",
                                   "Write a commented gate.yaml and policy.yaml to start from, for "
                                   "the registry that npm uses here");
  command.option("DIR", *directory, "folder (default: here)");
  command.option("--upstream", *upstream, "registry to fetch from (default: npm's)")
      .type_name("URL");
  command.action([directory, upstream] { return init(*directory, *upstream); });
}

void add_version(Command app) {
  auto json = std::make_shared<bool>(false);
  Command command =
      app.subcommand("version", "Version, build and the versions of the libraries linked");
  command.flag("--json", *json, "JSON instead of text");
  command.action([json] { return print_version(*json); });
}

void add_token(Command app) {
  Command token = app.subcommand("token", "Admin and client tokens");
  token.require_subcommand();
  auto flags = std::make_shared<ConfigFlags>();
  auto name = std::make_shared<std::string>();
  auto scope = std::make_shared<std::string>("install");
  auto id = std::make_shared<std::int64_t>(0);
  auto json = std::make_shared<bool>(false);
  Command create = token.subcommand("create", "Make a token; shown once, stored hashed");
  create.option("NAME", *name, "whose it is: a person or a CI job").required();
  create.option("--scope", *scope, "install, review or admin (default install)");
  add_config_file(create, *flags);
  create.action([=] { return token_create(*flags, *name, *scope); });
  Command list = token.subcommand("list", "List tokens (never the tokens themselves)");
  list.flag("--json", *json, "JSON instead of text");
  add_config_file(list, *flags);
  list.action([=] { return token_list(*flags, *json); });
  Command revoke = token.subcommand("revoke", "End a token at once");
  revoke.option("ID", *id, "number in token list").required();
  add_config_file(revoke, *flags);
  revoke.action([=] { return token_revoke(*flags, *id); });
}

void add_downloads(Command app) {
  auto options = std::make_shared<DownloadsOptions>();
  Command command = app.subcommand(
      "downloads", "Who has it, and what somebody installed: every fetch and report");
  command.option("NAME@RANGE", options->spec, "a package, or a range of its versions");
  command.option("--token", options->filter.token, "only what came with the token of this name");
  command.option("--project", options->filter.project, "only of this project");
  command.option("--address", options->filter.address, "only from this address");
  add_config_file(command, options->flags);
  command.flag("--json", options->json, "JSON lines");
  command.action([options] { return show_downloads(*options); });
}

}  // namespace npmgate
