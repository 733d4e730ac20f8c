#include "app/commands/operate_commands.h"

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <iostream>

#include "app/cli.h"
#include "app/command_line.h"
#include "app/commands/admin_client.h"
#include "base/log.h"
#include "registry/name.h"
#include "store/sqlite/open_state_store.h"

namespace npmgate {
namespace {

struct CacheOptions {
  AdminFlags admin;
  std::string name;
  bool json = false;
};

std::optional<boost::json::value> ask(const CacheOptions& options, const std::string& verb,
                                      int& code) {
  const auto name = PackageName::parse(options.name);
  if (!name) {
    code = report_usage("'" + log::printable(options.name, 100) + "' is not a package name");
    return std::nullopt;
  }
  const std::string path = "api/v1/cache/" + name->url_path() + "/" + verb;
  auto answer = call_admin(options.admin, "POST", path, "", code);
  if (answer && options.json) std::cout << boost::json::serialize(*answer) << "\n";
  return answer;
}

int refresh(const CacheOptions& options) {
  int code = kDone;
  const auto answer = ask(options, "refresh", code);
  if (!answer || options.json) return code;
  std::cout << options.name << ": " << answer->at("versions") << " versions, as of "
            << std::string(answer->at("fetched").as_string()) << " from "
            << std::string(answer->at("upstream").as_string()) << "\n";
  if (!answer->at("stale").as_bool()) return kDone;
  std::cerr << "npm-gate: the upstream could not be asked; this is what it said last\n";
  return kFailed;
}

int purge(const CacheOptions& options) {
  int code = kDone;
  const auto answer = ask(options, "purge", code);
  if (!answer || options.json) return code;
  std::cout << options.name << ": the packument is forgotten; tarballs removed: "
            << answer->at("removed").as_array().size() << " (" << answer->at("bytes")
            << " bytes)\n";
  for (const auto& kept : answer->at("kept").as_array()) {
    std::cout << "stays   " << options.name << "@" << std::string(kept.at("version").as_string())
              << ": pinned, because it was served once\n";
  }
  return kDone;
}

int backup(const ConfigFlags& flags, const std::string& file) {
  const auto path = storage_path(flags);
  if (!path) return report(path.error());
  auto store = open_state_store(*path);
  if (!store) return report(store.error());
  if (auto done = (*store)->backup(file); !done) return report(done.error());
  std::error_code ec;
  std::cout << "wrote " << file << " (" << std::filesystem::file_size(file, ec) << " bytes)\n"
            << "restore: stop the gate, remove " << *path << "/state.db-wal and state.db-shm, copy "
            << file << " to " << *path << "/state.db, start it\n";
  return kDone;
}

}  // namespace

void add_cache(Command app) {
  Command cache = app.subcommand("cache", "What the running gate keeps of a package");
  cache.require_subcommand();
  auto options = std::make_shared<CacheOptions>();
  const auto common = [&](const char* name, const char* help) {
    Command command = cache.subcommand(name, help);
    add_admin_flags(command, options->admin);
    command.option("NAME", options->name, "package").required();
    command.flag("--json", options->json, "JSON instead of text");
    return command;
  };
  common("refresh", "Ask the upstream for the packument now").action([options] {
    return refresh(*options);
  });
  common("purge", "Forget the packument and every tarball that is not pinned").action([options] {
    return purge(*options);
  });
}

void add_backup(Command app) {
  auto flags = std::make_shared<ConfigFlags>();
  auto file = std::make_shared<std::string>();
  Command command = app.subcommand(
      "backup",
      "Copy the state (verdicts' evidence, pins, decisions, audit trail, tokens) to one "
      "file, also while the gate runs");
  command.option("FILE", *file, "written whole or not at all").required();
  add_config_file(command, *flags);
  command.action([flags, file] { return backup(*flags, *file); });
}

}  // namespace npmgate
