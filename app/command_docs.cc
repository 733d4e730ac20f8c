#include "app/command_docs.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "app/cli.h"
#include "app/command_line.h"

namespace npmgate {
namespace {

// One command as its definition has it.
struct CommandText {
  std::string name;  // "npm-gate policy check"
  std::string about;
  struct Option {
    std::vector<std::string> names;  // "--json"; empty: positional
    std::string shown;               // "--config FILE", "DIR"
    std::string about;
    bool takes_value = false;
  };
  std::vector<Option> options;
  std::vector<std::string> commands;  // names of those below
};

CommandText::Option option_of(const CLI::Option& option) {
  CommandText::Option out;
  out.about = option.get_description();
  out.takes_value = option.get_items_expected_max() > 0;
  if (option.nonpositional()) {
    for (const std::string& name : option.get_snames()) out.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) out.names.push_back("--" + name);
    for (const std::string& name : out.names) out.shown += (out.shown.empty() ? "" : ", ") + name;
    if (out.takes_value) out.shown += " " + option.get_type_name();
  } else {
    out.shown = option.get_name(true);
  }
  return out;
}

// The command and all below it, itself first.
void collect(const CLI::App& app, const std::string& name, std::vector<CommandText>& out) {
  CommandText command;
  command.name = name;
  command.about = app.get_description();
  for (const CLI::Option* option : app.get_options([](const CLI::Option*) { return true; }))
    command.options.push_back(option_of(*option));
  const auto below =
      app.get_subcommands([](const CLI::App* sub) { return !sub->get_name().empty(); });
  for (const CLI::App* sub : below) command.commands.push_back(sub->get_name());
  out.push_back(std::move(command));
  for (const CLI::App* sub : below) collect(*sub, name + " " + sub->get_name(), out);
}

// roff: a backslash and a leading dot or quote mean something.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    if (c == '-' || c == '\\') out += c == '-' ? "\\" : "\\e";
    if (c != '\\') out += c;
  }
  return out;
}

void print_man(const std::vector<CommandText>& commands) {
  std::cout << ".TH NPM-GATE 1 \"\" \"npm-gate " NPM_GATE_VERSION "\" \"User Commands\"\n"
            << ".SH NAME\nnpm\\-gate \\- private npm registry that inspects every release\n"
            << ".SH SYNOPSIS\n.B npm\\-gate\n.I COMMAND\n[\\fIOPTIONS\\fR]\n"
            << ".SH DESCRIPTION\n"
            << roff(commands.front().about) << "\n.SH COMMANDS\n";
  for (auto command = commands.begin() + 1; command != commands.end(); ++command) {
    std::cout << ".SS \"" << roff(command->name) << "\"\n" << roff(command->about) << "\n";
    for (const auto& option : command->options) {
      std::cout << ".TP\n\\fB" << roff(option.shown) << "\\fR\n" << roff(option.about) << "\n";
    }
  }
  std::cout << ".SH EXIT STATUS\n"
            << ".TP\n0\ndone\n.TP\n1\nthe answer is no: blocked, invalid, findings over the "
               "threshold\n.TP\n2\nwrong usage or configuration\n.TP\n3\ncould not: network, disk\n"
            << ".SH FILES\n.TP\n/etc/npm\\-gate/gate.yaml\n.TP\n/etc/npm\\-gate/policy.yaml\n"
            << ".TP\n/var/lib/npm\\-gate\nstate and tarballs of the service\n";
}

// "npm-gate policy check" -> "policy check"
std::string below_program(const std::string& name) {
  const std::size_t blank = name.find(' ');
  return blank == std::string::npos ? "" : name.substr(blank + 1);
}

std::string words_of(const CommandText& command) {
  std::string words;
  const auto add = [&](const std::string& word) { words += (words.empty() ? "" : " ") + word; };
  for (const std::string& name : command.commands) add(name);
  for (const auto& option : command.options)
    for (const std::string& name : option.names) add(name);
  return words;
}

std::string options_with_value(const CommandText& command) {
  std::string words;
  for (const auto& option : command.options) {
    if (!option.takes_value) continue;
    for (const std::string& name : option.names) words += (words.empty() ? "" : "|") + name;
  }
  return words;
}

void print_bash(const std::vector<CommandText>& commands) {
  std::cout << "# bash completion of npm-gate, made by: npm-gate completion bash\n"
               "_npm_gate() {\n"
               "  local current=${COMP_WORDS[COMP_CWORD]} path= word i\n"
               "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
               "    word=${COMP_WORDS[i]}\n"
               "    case \"$path $word\" in\n      ";
  for (std::size_t i = 1; i < commands.size(); ++i)
    std::cout << (i > 1 ? "|" : "") << "\" " << below_program(commands[i].name) << "\"";
  std::cout << ") path=\"$path $word\" ;;\n    esac\n  done\n  local words=\n  case \"$path\" in\n";
  for (const CommandText& command : commands) {
    const std::string path = below_program(command.name);
    const std::string valued = options_with_value(command);
    std::cout << "    \"" << (path.empty() ? "" : " " + path) << "\")\n";
    if (!valued.empty())
      std::cout << "      case \"${COMP_WORDS[COMP_CWORD-1]}\" in " << valued
                << ") COMPREPLY=($(compgen -f -- \"$current\")); return ;; esac\n";
    std::cout << "      words=\"" << words_of(command) << "\" ;;\n";
  }
  std::cout << "  esac\n"
               "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
               "  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$current\"))\n"
               "}\n"
               "complete -o filenames -F _npm_gate npm-gate\n";
}

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c == '\n' ? ' ' : c);
  return out + "'";
}

void print_zsh(const std::vector<CommandText>& commands) {
  std::cout << "#compdef npm-gate\n# zsh completion of npm-gate, made by: npm-gate completion zsh\n"
               "_npm_gate() {\n  local path= word i\n"
               "  for ((i = 2; i < CURRENT; ++i)); do\n    word=$words[i]\n"
               "    case \"$path $word\" in\n      ";
  for (std::size_t i = 1; i < commands.size(); ++i)
    std::cout << (i > 1 ? "|" : "") << "(\" " << below_program(commands[i].name) << "\")";
  std::cout << ") path=\"$path $word\" ;;\n    esac\n  done\n  local -a offered\n"
               "  case \"$path\" in\n";
  for (const CommandText& command : commands) {
    const std::string path = below_program(command.name);
    std::cout << "    \"" << (path.empty() ? "" : " " + path) << "\") offered=(";
    for (const CommandText& each : commands) {
      const bool below =
          std::find(command.commands.begin(), command.commands.end(),
                    each.name.substr(each.name.rfind(' ') + 1)) != command.commands.end() &&
          each.name == command.name + each.name.substr(each.name.rfind(' '));
      if (below)
        std::cout << " "
                  << shell_quoted(each.name.substr(each.name.rfind(' ') + 1) + ":" + each.about);
    }
    for (const auto& option : command.options)
      for (const std::string& name : option.names)
        std::cout << " " << shell_quoted(name + ":" + option.about);
    std::cout << ") ;;\n";
  }
  std::cout << "  esac\n  _describe npm-gate offered || _files\n  _files\n}\n_npm_gate \"$@\"\n";
}

void print_fish(const std::vector<CommandText>& commands) {
  std::cout
      << "# fish completion of npm-gate, made by: npm-gate completion fish\n"
         "function __npm_gate_at\n"
         "  set -l words (commandline -opc)[2..]\n"
         "  set -l plain\n"
         "  for word in $words\n    string match -q -- '-*' $word; or set -a plain $word\n  end\n"
         "  set -l wanted (string split ' ' -- $argv[1])\n"
         "  test -z \"$argv[1]\"; and set wanted\n"
         "  for i in (seq (count $wanted))\n"
         "    test \"$plain[$i]\" = \"$wanted[$i]\"; or return 1\n  end\n"
         "  return 0\nend\n";
  for (const CommandText& command : commands) {
    const std::string at = "complete -c npm-gate -n " +
                           shell_quoted("__npm_gate_at \"" + below_program(command.name) + "\"");
    for (const CommandText& each : commands) {
      const std::string last = each.name.substr(each.name.rfind(' ') + 1);
      if (each.name == command.name + " " + last)
        std::cout << at << " -a " << last << " -d " << shell_quoted(each.about) << "\n";
    }
    for (const auto& option : command.options) {
      if (option.names.empty()) continue;
      std::cout << at;
      for (const std::string& name : option.names)
        std::cout << (name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1));
      std::cout << (option.takes_value ? " -r" : "") << " -d " << shell_quoted(option.about)
                << "\n";
    }
  }
}

}  // namespace

class CommandDocs {
 public:
  static std::vector<CommandText> of(const Command& root) {
    std::vector<CommandText> all;
    collect(*root.app_, "npm-gate", all);
    return all;
  }
};

void add_command_docs(Command root) {
  Command man = root.subcommand("man", "Print the manual page (roff), for npm-gate.1");
  man.action([root] {
    print_man(CommandDocs::of(root));
    return kDone;
  });
  Command completion = root.subcommand("completion", "Print the completions of bash, zsh or fish");
  auto shell = std::make_shared<std::string>();
  completion.option("SHELL", *shell, "bash, zsh or fish").required();
  completion.action([root, shell]() -> int {
    const std::vector<CommandText> commands = CommandDocs::of(root);
    if (*shell == "bash") {
      print_bash(commands);
    } else if (*shell == "zsh") {
      print_zsh(commands);
    } else if (*shell == "fish") {
      print_fish(commands);
    } else {
      return report_usage("no completions for '" + log::printable(*shell, 40) +
                          "'; one of bash, zsh, fish");
    }
    return kDone;
  });
}

}  // namespace npmgate
