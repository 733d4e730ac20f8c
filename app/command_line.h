// The command line: commands, options and what is wrong with a line. Over CLI11, whose templates
// stay in command_line.cc: including them costs each file four seconds of compiling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace npmgate {

// An option as it is being described. A handle: copied freely, valid as long as its ProgramLine.
class OptionHandle {
 public:
  explicit OptionHandle(CLI::Option* option) : option_(option) {}
  OptionHandle& required();
  // What --help calls the value: "FILE", "URL".
  OptionHandle& type_name(const std::string& name);
  // Exactly one value, also of an option that fills a list.
  OptionHandle& once();
  // A number from `least` to `most`, both included.
  OptionHandle& range(int least, int most);
  OptionHandle& range(std::size_t least, std::size_t most);
  OptionHandle& one_of(const std::vector<std::string>& words);
  // Environment variable that is read if the option is not given; --help shows its value.
  OptionHandle& environment(const std::string& variable);

 private:
  CLI::Option* option_;
};

// One command. A handle: copied freely, valid as long as its ProgramLine. What options fill has to
// outlive the parsing; actions hold it by shared_ptr.
class Command {
 public:
  Command(CLI::App* app, int* exit_code) : app_(app), exit_code_(exit_code) {}

  Command subcommand(const std::string& name, const std::string& help);
  // The command does nothing without one of its subcommands.
  void require_subcommand();

  // `name`: "--name", or "NAME" for a positional argument.
  OptionHandle option(const std::string& name, std::string& value, const std::string& help);
  OptionHandle option(const std::string& name, std::vector<std::string>& values,
                      const std::string& help);
  OptionHandle option(const std::string& name, int& value, const std::string& help);
  OptionHandle option(const std::string& name, std::int64_t& value, const std::string& help);
  OptionHandle option(const std::string& name, std::size_t& value, const std::string& help);
  void flag(const std::string& name, bool& value, const std::string& help);

  // Runs when the line names this command; returns the exit code of the process.
  void action(std::function<int()> act);

 private:
  friend class CommandDocs;  // command_docs.cc reads the definitions
  CLI::App* app_;
  int* exit_code_;
};

class ProgramLine {
 public:
  ProgramLine(const std::string& description, const std::string& version);
  ~ProgramLine();
  ProgramLine(const ProgramLine&) = delete;
  ProgramLine& operator=(const ProgramLine&) = delete;

  Command root();
  // Parses the line, runs the command it names and returns the exit code; prints help, version, or
  // in one line what is wrong with the line.
  int run(int argc, const char* const* argv);

 private:
  std::unique_ptr<CLI::App> app_;
  int exit_code_ = 0;
};

}  // namespace npmgate
