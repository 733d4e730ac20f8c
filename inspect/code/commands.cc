#include "inspect/code/commands.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "inspect/code/command_line.h"
#include "inspect/code/source_tree.h"

namespace npmgate {
namespace {

using Words = std::vector<std::string>;

constexpr int kDeepest = 16;  // shells in shells; bounds the work on nested substitutions

constexpr std::string_view kShells[] = {"sh", "bash", "dash", "zsh", "ash", "ksh", "fish"};
constexpr std::string_view kNodes[] = {"node",
                                       "nodejs",
                                       "iojs",
                                       "tsx",
                                       "ts-node",
                                       "esm",
                                       "babel-node",
                                       "electron",
                                       "jiti",
                                       "esno",
                                       "$npm_node_execpath",
                                       "$NODE",
                                       "%npm_node_execpath%"};
constexpr std::string_view kInterpreters[] = {
    "python", "python2",   "python3", "py",      "ruby",     "perl", "php",
    "lua",    "osascript", "cscript", "wscript", "regsvr32", "java", "pythonw"};
constexpr std::string_view kPrefixes[] = {
    "env",     "cross-env", "command", "exec",   "nohup", "time",  "nice", "sudo",     "call",
    "then",    "do",        "else",    "elif",   "while", "until", "!",    "{",        "setsid",
    "builtin", "stdbuf",    "busybox", "dotenv", "npx",   "pnpx",  "bunx", "xvfb-run", "start",
    "timeout", "is-ci",     "if",      "not",    "@",     "c8",    "nyc"};
constexpr std::string_view kRunAll[] = {"npm-run-all", "npm-run-all2", "run-s", "run-p"};
constexpr std::string_view kManagers[] = {"npm", "yarn",          "yarnpkg",       "pnpm",
                                          "bun", "$npm_execpath", "%npm_execpath%"};
constexpr std::string_view kNpmScripts[] = {"test", "start", "stop", "restart"};
constexpr std::string_view kRun[] = {"run", "run-script", "rum", "urn"};
constexpr std::string_view kExecute[] = {"exec", "x", "dlx"};
constexpr std::string_view kAddonBuilders[] = {
    "node-gyp", "node-gyp-build", "node-pre-gyp", "prebuild-install", "prebuildify",
    "pprof-it", "cmake-js",       "node-gyp.js",  "prebuild",         "pkg-prebuilds-verify"};
constexpr std::string_view kProgramEndings[] = {".bat", ".cmd", ".exe", ".ps1", ".sh",
                                                ".js",  ".cjs", ".mjs", ".vbs", ".com"};
// Node options that take a module, and those that take another word (node --help, Node.js 22).
constexpr std::string_view kNodeModules[] = {"-r", "--require", "--import", "--loader",
                                             "--experimental-loader"};
constexpr std::string_view kNodeCode[] = {"-e", "--eval", "-p", "--print", "-pe", "-ep"};
constexpr std::string_view kNodeValues[] = {"-C",           "--conditions", "--env-file",
                                            "--input-type", "--title",      "--stack-trace-limit"};

// "/usr/bin/node" and "node.exe" are "node"; names of variables stay as they are.
std::string program_name(std::string_view word) {
  if (word.starts_with('$') || word.starts_with('%')) return std::string(word);
  while (word.starts_with('@')) word.remove_prefix(1);  // cmd.exe: do not echo
  const auto slash = word.find_last_of("/\\");
  const bool absolute = word.starts_with('/') || (word.size() > 2 && word[1] == ':');
  const bool binary = word.find("node_modules/.bin/") != word.npos;
  if (slash != word.npos && (absolute || binary)) word.remove_prefix(slash + 1);
  auto name = lower_ascii(word);
  for (const std::string_view ending : {".exe", ".cmd"})
    if (name.size() > ending.size() && name.ends_with(ending) && slash == word.npos)
      name.resize(name.size() - ending.size());
  return name;
}

bool is_assignment(std::string_view word) {
  const auto equals = word.find('=');
  if (equals == word.npos || equals == 0) return false;
  return std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool names_a_file(std::string_view word) {
  return word.size() > 1 && word.size() <= 1024 && word.find_first_of("./\\") != word.npos &&
         word.front() != '-' && word.find("://") == word.npos &&
         word.find_first_of(" \t\n\"'`*?") == word.npos;
}

// `build:*` of npm-run-all: '*' is one segment between colons, "**" any number.
bool matches_glob(std::string_view name, std::string_view pattern) {
  const auto star = pattern.find('*');
  if (star == pattern.npos) return name == pattern;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  return pattern.substr(star).starts_with("**") || name.find(':', star) == name.npos;
}

class Walk {
 public:
  Walk(const StringMap& scripts, ParsedCommand& out) : scripts_(scripts), out_(out) {}

  void line(std::string_view text, const std::string& folder, int depth) {
    if (depth > kDeepest) return;
    const auto parsed = split_command(text);
    for (const auto& nested : parsed.nested) line(nested, folder, depth + 1);
    std::vector<std::string> folders{folder};
    for (const auto& command : parsed.commands) {
      while (folders.size() > command.depth + 1) folders.pop_back();
      while (folders.size() < command.depth + 1) folders.push_back(folders.back());
      folder_ = folders.back();
      depth_ = depth;
      for (const auto& file : command.reads) candidate(file);
      simple(command.words, 0);
      folders.back() = folder_;
    }
  }

 private:
  void simple(const Words& words, std::size_t at) {
    at = skip_prefixes(words, at);
    if (at >= words.size()) return;
    const auto name = program_name(words[at]);
    const auto rest = at + 1;
    called(words[at], name);
    if (name == "cd" || name == "pushd" || name == "chdir") return change_folder(words, rest);
    if (one_of(name, kShells)) return shell(words, rest);
    if (name == "cmd") return dos_shell(words, rest);
    if (name == "powershell" || name == "pwsh") return powershell(words, rest);
    if (one_of(name, kNodes)) return node(words, rest);
    if (one_of(name, kInterpreters)) return interpreter(words, rest);
    if (one_of(name, kManagers)) return manager(name, words, rest);
    if (one_of(name, kRunAll)) return run_all(words, rest);
    if (name == "deno") return node(words, rest + (rest < words.size() && words[rest] == "run"));
    if (name == "concurrently" || name == "cross-env-shell") return commands_as_words(words, rest);
    if (name == "." || name == "source") return candidate_at(words, rest);
    if (name == "rundll32") return library(words, rest);
    if (name == "make" || name == "gmake") return make(words, rest);
    if (name == "echo" || name == "rem" || name == "[" || name == "test" || name == "exit") return;
    program(name, words, at);
  }

  void called(const std::string& word, const std::string& name) {
    const bool by_path =
        word.find_first_of("/\\") != word.npos && word.find("node_modules/.bin/") == word.npos;
    const bool variable = name.starts_with('$') || name.starts_with('%');
    if (!by_path && !variable) out_.files.programs.push_back(name);
  }

  // Punctuation, and what may stand between a prefix and its command: options and exit codes.
  static bool is_passed_over(const std::string& word, bool options) {
    if (word.empty() || word == "(" || word == "@echo") return true;
    if (!options) return false;
    return word.front() == '-' || (word.front() == '/' && word.size() <= 6) ||
           (word.front() >= '0' && word.front() <= '9');
  }

  // Assignments, `cross-env`, `npx`, `start /B`, `if exist file` and their options.
  std::size_t skip_prefixes(const Words& words, std::size_t at) {
    bool options = false;
    for (; at < words.size(); ++at) {
      const auto& word = words[at];
      const auto name = program_name(word);
      if (is_assignment(word)) {
        if (word.starts_with("NODE_OPTIONS=")) node_options(word.substr(word.find('=') + 1));
      } else if (one_of(name, kPrefixes)) {
        called(word, name);
        options = true;
      } else if (options && (name == "exist" || name == "defined" || name == "errorlevel")) {
        ++at;
      } else if (!is_passed_over(word, options)) {
        break;
      }
    }
    return at;
  }

  void change_folder(const Words& words, std::size_t at) {
    while (at < words.size() &&
           (words[at].starts_with('-') || words[at] == "/d" || words[at] == "/D"))
      ++at;
    if (at < words.size()) enter(joined(words[at]));
  }
  void enter(std::string folder) { folder_ = normal_path(folder).value_or(std::move(folder)); }

  void shell(const Words& words, std::size_t at) {
    out_.starts_shell = true;
    for (; at < words.size(); ++at) {
      const auto& word = words[at];
      if (word == "-o" || word == "+o" || word == "--rcfile" || word == "--init-file") {
        ++at;
      } else if (word.starts_with("-") && !word.starts_with("--") && word.ends_with('c')) {
        if (at + 1 < words.size()) again(words[at + 1]);
        return;
      } else if (!word.starts_with('-') && !word.starts_with('+')) {
        candidate(word);
        return arguments(words, at + 1);
      }
    }
  }
  void dos_shell(const Words& words, std::size_t at) {
    out_.starts_shell = true;
    while (at < words.size() && words[at].starts_with('/')) ++at;
    again(rest_of(words, at));
  }
  void powershell(const Words& words, std::size_t at) {
    out_.starts_shell = true;
    for (; at < words.size(); ++at) {
      const auto option = lower_ascii(words[at]);
      if (option == "-file" || option == "-f") return candidate_at(words, at + 1);
      if (option == "-command" || option == "-c") return again(rest_of(words, at + 1));
      if (option == "-executionpolicy" || option == "-ep" || option == "-ex" ||
          option == "-windowstyle" || option == "-w") {
        ++at;
      } else if (!option.starts_with('-')) {
        return again(rest_of(words, at));
      }
    }
  }

  void node(const Words& words, std::size_t at) {
    for (; at < words.size(); ++at) {
      const auto& word = words[at];
      const auto equals = word.find('=');
      const auto option = std::string_view(word).substr(0, equals);
      const bool with_value = equals != word.npos;
      if (!word.starts_with('-') || word == "-") {
        candidate(word);
        return arguments(words, at + 1);
      }
      if (one_of(option, kNodeModules) || one_of(option, kNodeCode) || option == "--run") {
        const auto value = with_value              ? word.substr(equals + 1)
                           : at + 1 < words.size() ? words[++at]
                                                   : std::string();
        if (option == "--run") {
          script(value);
        } else if (one_of(option, kNodeCode)) {
          code(value);
        } else if (value.starts_with('.') || value.starts_with('/')) {
          candidate(value);
        }
      } else if (one_of(option, kNodeValues) && !with_value) {
        ++at;
      }
    }
  }
  // NODE_OPTIONS='--require ./x.js'
  void node_options(const std::string& value) {
    for (const auto& command : split_command(value).commands) {
      auto words = command.words;
      node(words, 0);
    }
  }
  void code(const std::string& text) {
    out_.scripts.push_back(text);
    for (const auto& path : relative_imports(text)) {
      if (path.starts_with('.')) {
        candidate(path);
      } else {
        out_.files.arguments.push_back(joined(path));
      }
    }
  }

  void interpreter(const Words& words, std::size_t at) {
    for (; at < words.size(); ++at) {
      const auto& word = words[at];
      if (word == "-c" || word == "-e" || word == "-r") return arguments(words, at + 2);
      if (word == "-m" && at + 1 < words.size()) {
        auto path = words[at + 1];
        std::replace(path.begin(), path.end(), '.', '/');
        out_.files.arguments.push_back(joined(path + ".py"));
        return;
      }
      if (word.starts_with('-') || (word.starts_with('/') && word.size() <= 4) ||
          word.starts_with("//"))
        continue;
      candidate(word);
      return arguments(words, at + 1);
    }
  }

  // npm, yarn, pnpm, bun: `run x`, `x` if the manager allows it, `exec`.
  void manager(const std::string& name, const Words& words, std::size_t at) {
    const auto home = folder_;
    for (; at < words.size(); ++at) {
      const auto& word = words[at];
      if (word == "--prefix" || word == "-C" || word == "--cwd" || word == "--dir") {
        if (at + 1 < words.size()) enter(joined(words[++at]));
      } else if (!word.starts_with('-')) {
        break;
      }
    }
    if (!folder_.empty()) candidate("package.json");  // whose scripts these are
    if (at < words.size()) manager_command(name, words, at);
    folder_ = home;
  }
  void manager_command(const std::string& name, const Words& words, std::size_t at) {
    const auto& word = words[at];
    const bool npm = name == "npm" || name.find("execpath") != name.npos;
    if (one_of(word, kRun)) {
      for (++at; at < words.size() && words[at].starts_with('-') && words[at] != "--"; ++at)
        if (words[at] == "--prefix" || words[at] == "-C" || words[at] == "-w") ++at;
      if (at >= words.size()) return;
      if (!script(words[at]) && name == "bun") candidate(words[at]);
    } else if (one_of(word, kExecute)) {
      simple(words, at + 1 + (at + 1 < words.size() && words[at + 1] == "--"));
    } else if (word == "node") {
      node(words, at + 1);
    } else if (npm) {
      if (one_of(word, kNpmScripts)) script(word);
      if (word == "t" || word == "tst") script("test");
    } else if (!script(word) && name == "bun" && names_a_file(word)) {
      candidate(word);
    }
  }
  void run_all(const Words& words, std::size_t at) {
    for (; at < words.size() && words[at] != "--"; ++at) {
      if (words[at].starts_with('-')) continue;
      const auto pattern = words[at].substr(0, words[at].find(' '));
      if (pattern.find('*') == pattern.npos) {
        script(pattern);
        continue;
      }
      for (const auto& [name, text] : scripts_)
        if (matches_glob(name, pattern)) script(name);
    }
  }
  void commands_as_words(const Words& words, std::size_t at) {
    for (; at < words.size(); ++at) {
      if (words[at].starts_with('-') || is_assignment(words[at])) continue;
      if (words[at].starts_with("npm:")) {
        script(words[at].substr(4));
      } else {
        again(words[at]);
      }
    }
  }

  // Runs the script with the two that npm runs around it. False if there is none.
  bool script(std::string_view name) {
    const auto found = scripts_.find(name);
    if (found == scripts_.end()) return false;
    if (!visited_.insert(found->first).second) return true;
    for (const auto& around :
         {"pre" + std::string(name), std::string(name), "post" + std::string(name)}) {
      const auto it = scripts_.find(around);
      if (it == scripts_.end() || (around != name && !visited_.insert(around).second)) continue;
      again(it->second);
    }
    return true;
  }

  void library(const Words& words, std::size_t at) {
    if (at < words.size()) candidate(words[at].substr(0, words[at].find(',')));
  }
  void make(const Words& words, std::size_t at) {
    std::string folder, file = "Makefile";
    for (; at + 1 < words.size(); ++at) {
      if (words[at] == "-C") folder = words[at + 1] + "/";
      if (words[at] == "-f") file = words[at + 1];
    }
    candidate(folder + file);
  }

  // Any other program: a file of the package by its path or ending, or a command found elsewhere
  // whose words may name files.
  void program(const std::string& name, const Words& words, std::size_t at) {
    if (one_of(name, kAddonBuilders) || name.find("gyp") != name.npos) out_.builds_addon = true;
    const auto& word = words[at];
    const bool ending = std::any_of(
        std::begin(kProgramEndings), std::end(kProgramEndings), [&](std::string_view end) {
          return name.size() > end.size() && lower_ascii(word).ends_with(end);
        });
    const bool path = word.find_first_of("/\\") != word.npos && word.find("://") == word.npos;
    if ((path || ending) && word.find("node_modules/.bin/") == word.npos) candidate(word);
    arguments(words, at + 1);
  }

  void candidate_at(const Words& words, std::size_t at) {
    if (at < words.size()) candidate(words[at]);
  }
  void candidate(const std::string& word) {
    if (word.empty() || word == "-" || word == "/dev/null" || word == "nul") return;
    out_.files.candidates.push_back(joined(word));
  }
  void arguments(const Words& words, std::size_t at) {
    for (; at < words.size(); ++at)
      if (names_a_file(words[at])) out_.files.arguments.push_back(joined(words[at]));
  }
  std::string joined(std::string_view word) const {
    for (const std::string_view here :
         {"$PWD/", "${PWD}/", "$INIT_CWD/", "%CD%\\", "%cd%\\", "%~dp0", "`/"})
      if (word.starts_with(here) && word.size() > here.size())
        return joined(word.substr(here.size()));
    const bool absolute = word.starts_with('/') || word.starts_with('~');
    if (folder_.empty() || absolute) return std::string(word);
    return folder_ + "/" + std::string(word);
  }
  static std::string rest_of(const Words& words, std::size_t at) {
    std::string text;
    for (; at < words.size(); ++at) text += words[at] + ' ';
    return text;
  }
  void again(const std::string& text) {
    const auto folder = folder_;
    const auto depth = depth_;
    line(text, folder, depth + 1);
    folder_ = folder;
    depth_ = depth;
  }

  const StringMap& scripts_;
  ParsedCommand& out_;
  std::set<std::string, std::less<>> visited_;
  std::string folder_;  // of the running command, below the package root; "" is the root
  int depth_ = 0;
};

}  // namespace

ParsedCommand parse_command(std::string_view command, const StringMap& scripts) {
  ParsedCommand out;
  Walk(scripts, out).line(command, "", 0);
  return out;
}

CommandFiles command_files(std::string_view command, const StringMap& scripts) {
  return parse_command(command, scripts).files;
}

}  // namespace npmgate
