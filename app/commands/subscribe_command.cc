#include "app/commands/subscribe_command.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <iostream>

#include "app/cli.h"
#include "app/command_line.h"
#include "app/commands/admin_client.h"

namespace npmgate {
namespace {

struct SubscribeOptions {
  AdminFlags flags;
  std::string lockfile, repository, project;
  bool json = false;
};

void print(const boost::json::value& answer, const SubscribeOptions& options) {
  const auto& refused = answer.at("refused").as_array();
  std::cout << "subscribed to " << plain_text(answer.at("releases")) << " releases of "
            << log::printable(options.lockfile, 200) << " until "
            << plain_text(answer.at("expires")) << "\n";
  if (const std::string unknown = plain_text(answer.at("not_yet_judged")); unknown != "0")
    std::cout << unknown << " of them were not yet asked for through this gate\n";
  for (const auto& one : refused) {
    std::string action = plain_text(one.at("action"));
    std::transform(action.begin(), action.end(), action.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    std::cout << "\n"
              << action << "  " << plain_text(one.at("name")) << "@"
              << plain_text(one.at("version")) << "  " << log::printable(options.lockfile, 200)
              << ":" << plain_text(one.at("line")) << "\n    "
              << log::printable(plain_text(one.at("sentence")), 500) << "\n";
    for (const auto& path : one.at("paths").as_array()) {
      std::string way;
      for (const auto& step : path.as_array()) way += (way.empty() ? "" : " > ") + plain_text(step);
      std::cout << "    by " << log::printable(way, 400) << "\n";
    }
  }
}

int subscribe(const SubscribeOptions& options) {
  const auto lockfile = read_file(options.lockfile);
  if (!lockfile) return report_usage("cannot read " + options.lockfile);
  boost::json::object body{{"repository", options.repository},
                           {"file", std::filesystem::path(options.lockfile).filename().string()},
                           {"text", *lockfile}};
  if (!options.project.empty()) body["project"] = options.project;
  int exit_code = kDone;
  const auto answer = call_admin(options.flags, "POST", "api/v1/subscriptions",
                                 boost::json::serialize(body), exit_code);
  // 409 and the like mean that nothing was recorded; exit 1 is kept for "something is refused".
  if (!answer) return exit_code == kNo ? kFailed : exit_code;
  if (options.json) {
    std::cout << boost::json::serialize(*answer) << "\n";
  } else {
    print(*answer, options);
  }
  return answer->at("refused").as_array().empty() ? kDone : kNo;
}

}  // namespace

void add_subscribe(Command app) {
  auto options = std::make_shared<SubscribeOptions>();
  Command command = app.subcommand("subscribe",
                                   "Upload a lockfile to the running gate: what in it is "
                                   "refused now, and alerts about it later");
  command.option("LOCKFILE", options->lockfile, "a lockfile or package.json").required();
  command.option("--repository", options->repository, "the project's repository")
      .required()
      .type_name("URL");
  command.option("--project", options->project, "tells several projects of one repository apart");
  command.flag("--json", options->json, "the answer as JSON");
  add_admin_flags(command, options->flags);
  command.action([options] { return subscribe(*options); });
}

}  // namespace npmgate
