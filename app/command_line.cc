#include "app/command_line.h"

#include <CLI/CLI.hpp>

#include "app/cli.h"
#include "base/log.h"
#include "yaml/document.h"

namespace npmgate {
namespace {

// The innermost command that the line names, or the first one that met a word that is no command
// of its own ("polcy check": nobody means check): its help is the one that helps.
const CLI::App& innermost(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) {
    const std::vector<std::string> rest = at->remaining();
    if (!rest.empty() && !rest.front().starts_with('-')) break;
    at = at->get_subcommands().back();
  }
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
    const std::string near = rest.empty() ? "" : nearest(rest.front(), names);
    if (!near.empty()) text += "; did you mean '" + near + "'?";
  }
  return log::printable(text, 300) + " (see " + name + " --help)";
}

}  // namespace

OptionHandle& OptionHandle::required() {
  option_->required();
  return *this;
}

OptionHandle& OptionHandle::type_name(const std::string& name) {
  option_->type_name(name);
  return *this;
}

OptionHandle& OptionHandle::once() {
  option_->expected(1);
  return *this;
}

OptionHandle& OptionHandle::range(int least, int most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

OptionHandle& OptionHandle::range(std::size_t least, std::size_t most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

OptionHandle& OptionHandle::one_of(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words));
  return *this;
}

OptionHandle& OptionHandle::environment(const std::string& variable) {
  option_->envname(variable);
  return *this;
}

Command Command::subcommand(const std::string& name, const std::string& help) {
  return {app_->add_subcommand(name, help), exit_code_};
}

void Command::require_subcommand() {
  app_->require_subcommand(1);
}

OptionHandle Command::option(const std::string& name, std::string& value, const std::string& help) {
  return OptionHandle(app_->add_option(name, value, help));
}

OptionHandle Command::option(const std::string& name, std::vector<std::string>& values,
                             const std::string& help) {
  return OptionHandle(app_->add_option(name, values, help));
}

OptionHandle Command::option(const std::string& name, int& value, const std::string& help) {
  return OptionHandle(app_->add_option(name, value, help));
}

OptionHandle Command::option(const std::string& name, std::int64_t& value,
                             const std::string& help) {
  return OptionHandle(app_->add_option(name, value, help));
}

OptionHandle Command::option(const std::string& name, std::size_t& value, const std::string& help) {
  return OptionHandle(app_->add_option(name, value, help));
}

void Command::flag(const std::string& name, bool& value, const std::string& help) {
  app_->add_flag(name, value, help);
}

void Command::action(std::function<int()> act) {
  app_->callback([act = std::move(act), exit_code = exit_code_] { *exit_code = act(); });
}

ProgramLine::ProgramLine(const std::string& description, const std::string& version)
    : app_(std::make_unique<CLI::App>(description)) {
  app_->require_subcommand(1);
  app_->failure_message(CLI::FailureMessage::help);
  app_->set_version_flag("--version", version);
}

ProgramLine::~ProgramLine() = default;

Command ProgramLine::root() {
  return {app_.get(), &exit_code_};
}

int ProgramLine::run(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::CallForHelp& e) {
    return app_->exit(e);
  } catch (const CLI::CallForVersion& e) {
    return app_->exit(e);
  } catch (const CLI::ParseError& e) {
    return report_usage(usage_error(*app_, e));
  }
  return exit_code_;
}

}  // namespace npmgate
