#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "app/cli.h"
#include "app/commands/admin_commands.h"
#include "app/commands/alerts_command.h"
#include "app/commands/audit_command.h"
#include "app/commands/certs_command.h"
#include "app/commands/inspect_command.h"
#include "app/commands/local_commands.h"
#include "app/commands/log_command.h"
#include "app/commands/operate_commands.h"
#include "app/commands/policy_command.h"
#include "app/commands/subscribe_command.h"
#include "app/serve.h"
#include "base/log.h"
#include "sandbox/worker.h"
#include "yaml/document.h"

namespace {

// The innermost command that the line names: its help is the one that helps.
const CLI::App& innermost(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().back();
  return *at;
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? "npm-gate"
                                     : full_name(*app.get_parent()) + " " + app.get_name();
}

// What is wrong with the command line, and where to read how it is right.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = innermost(app);
  const std::string name = full_name(command);
  std::vector<std::string> names;
  for (const CLI::App* each : command.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(each->get_name());
  const std::vector<std::string> rest = command.remaining();
  std::string text = error.what();
  if (!names.empty()) {
    const bool flag = !rest.empty() && rest.front().starts_with('-');
    text = rest.empty()
               ? "name a command"
               : std::string("no ") + (flag ? "option" : "command") + " '" + rest.front() + "'";
    const std::string near = rest.empty() ? "" : npmgate::nearest(rest.front(), names);
    if (!near.empty()) text += "; did you mean '" + near + "'?";
  }
  return npmgate::log::printable(text, 300) + " (see " + name + " --help)";
}

}  // namespace

int main(int argc, char** argv) {
  if (npmgate::is_worker(argc, argv)) npmgate::run_worker(argc, argv);
  CLI::App app{
      "npm-gate: a private npm registry that inspects every release before it serves it.\n"
      "Start: npm-gate serve; then npm config set registry http://127.0.0.1:4873/"};
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);
  app.set_version_flag("--version", NPM_GATE_VERSION);
  int exit_code = npmgate::kDone;
  npmgate::add_serve(app, exit_code);
  npmgate::add_init(app, exit_code);
  npmgate::add_inspect(app, exit_code);
  npmgate::add_explain(app, exit_code);
  npmgate::add_audit(app, exit_code);
  npmgate::add_subscribe(app, exit_code);
  npmgate::add_policy(app, exit_code);
  npmgate::add_quarantine(app, exit_code);
  npmgate::add_downloads(app, exit_code);
  npmgate::add_log(app, exit_code);
  npmgate::add_token(app, exit_code);
  npmgate::add_alerts(app, exit_code);
  npmgate::add_certs(app, exit_code);
  npmgate::add_cache(app, exit_code);
  npmgate::add_backup(app, exit_code);
  npmgate::add_doctor(app, exit_code);
  npmgate::add_version(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& e) {
    return app.exit(e);
  } catch (const CLI::CallForVersion& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    return npmgate::report_usage(usage_error(app, e));
  } catch (const std::exception& e) {
    std::cerr << "npm-gate: unexpected: " << e.what() << "\n";
    return npmgate::kFailed;
  }
  return exit_code;
}
