#include "inspect/hooks/strict_command.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "base/text.h"
#include "inspect/code/features.h"
#include "inspect/hooks/hook_reach.h"

namespace npmgate {
namespace {

constexpr std::size_t kMostReasons = 8;
constexpr int kDeepest = 16;  // scripts that run scripts

// Programs that install hooks of registry packages call by name, and the packages that bring them:
// builders and loaders of addons, git hooks, patches of dependencies, banners, guards. What each
// of them reads in the package is followed elsewhere (hook_reach.h).
struct Program {
  std::string_view name, package;
};
constexpr auto kPrograms = std::to_array<Program>({
    {"cmake-js", "cmake-js"},
    {"husky", "husky"},
    {"is-ci", "is-ci"},
    {"lefthook", "lefthook"},
    {"napi-postinstall", "napi-postinstall"},
    {"node-gyp", "node-gyp"},
    {"node-gyp-build", "node-gyp-build"},
    {"node-gyp-build-optional-packages", "node-gyp-build-optional-packages"},
    {"node-pre-gyp", "@mapbox/node-pre-gyp"},
    {"only-allow", "only-allow"},
    {"opencollective", "opencollective"},
    {"opencollective-postinstall", "opencollective-postinstall"},
    {"patch-package", "patch-package"},
    {"pkg-prebuilds-verify", "pkg-prebuilds"},
    {"prebuild-install", "prebuild-install"},
    {"prebuildify", "prebuildify"},
    {"simple-git-hooks", "simple-git-hooks"},
});
static_assert(std::is_sorted(kPrograms.begin(), kPrograms.end(),
                             [](const Program& a, const Program& b) { return a.name < b.name; }));

const Program* find_program(std::string_view name) {
  const auto it = std::lower_bound(
      kPrograms.begin(), kPrograms.end(), name,
      [](const Program& program, std::string_view key) { return program.name < key; });
  return it != kPrograms.end() && it->name == name ? &*it : nullptr;
}

// Programs that print, test, wait or remove, and run nothing whatever their words are. Those that
// write files are not among them: what they write may run next.
constexpr std::string_view kHarmless[] = {"echo",  "printf", "true",  "false", "exit",  ":",
                                          "rem",   "test",   "[",     "rm",    "mkdir", "rmdir",
                                          "touch", "ls",     "sleep", "chmod", "rimraf"};
constexpr std::string_view kManagers[] = {"npm", "yarn", "yarnpkg", "pnpm", "bun"};
constexpr std::string_view kShells[] = {"sh", "bash", "dash", "zsh", "ksh", "ash"};
// Variables that change what a tool prints, not what it loads.
constexpr std::string_view kVariables[] = {
    "NODE_ENV", "CI",   "DEBUG",  "FORCE_COLOR", "NO_COLOR",
    "HUSKY",    "LANG", "LC_ALL", "ADBLOCK",     "DISABLE_OPENCOLLECTIVE"};
// Options of node that load nothing (node --help, Node.js 22).
constexpr std::string_view kNodeOptions[] = {"--no-warnings",
                                             "--no-deprecation",
                                             "--trace-warnings",
                                             "--trace-deprecation",
                                             "--throw-deprecation",
                                             "--enable-source-maps",
                                             "--experimental-vm-modules",
                                             "--experimental-strip-types",
                                             "--max-old-space-size",
                                             "--unhandled-rejections",
                                             "--stack-trace-limit"};

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// What is the same word in sh and in cmd.exe, outside of quotes.
bool is_plain(char c) {
  return is_name_byte(c) || std::string_view("@+=:,./-").find(c) != std::string_view::npos;
}

struct Command {
  std::vector<std::string> words;
  bool piped_into = false;  // reads what another command prints
};

// Either the commands, or why the line is not understood.
struct Line {
  std::vector<Command> commands;
  std::string problem;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Line read() {
    while (at_ < text_.size() && line_.problem.empty()) step(text_[at_]);
    end_command(false);
    if (depth_ != 0) refuse("brackets that do not match");
    return std::move(line_);
  }

 private:
  void step(char c) {
    if (c == ' ' || c == '\t') {
      end_word();
      ++at_;
    } else if (c == '\n' || c == ';') {
      end_command(false);
      ++at_;
    } else if (c == '&') {
      separator(peek(1) == '&' ? 2 : 1, false);
    } else if (c == '|') {
      const bool alternative = peek(1) == '|';
      separator(alternative ? 2 : 1, !alternative);
    } else if (c == '(' || c == ')') {
      bracket(c);
    } else if (c == '>') {
      redirection();
    } else if (c == '"' || c == '\'') {
      quoted(c);
    } else if (is_plain(c)) {
      put(c);
      ++at_;
    } else {
      refuse(word_for(c));
    }
  }

  static std::string word_for(char c) {
    switch (c) {
      case '$':
      case '`':
      case '%':
        return "an expansion";
      case '*':
      case '?':
      case '[':
      case ']':
      case '{':
      case '}':
        return "a glob";
      case '<':
        return "input from a file";
      case '\\':
        return "a backslash";
      case '~':
        return "a path outside of the package";
      default:
        return "a character that shells read differently";
    }
  }

  char peek(std::size_t ahead) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void refuse(std::string why) {
    if (line_.problem.empty()) line_.problem = std::move(why);
  }
  void put(char c) {
    word_ += c;
    in_word_ = true;
  }
  void end_word() {
    if (in_word_) current_.words.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }
  void end_command(bool pipe) {
    end_word();
    if (!current_.words.empty()) line_.commands.push_back(std::move(current_));
    current_ = {};
    current_.piped_into = pipe;
  }
  void separator(std::size_t size, bool pipe) {
    end_command(pipe);
    at_ += size;
  }
  void bracket(char c) {
    // "x(" is a function or a syntax error; a bracket stands alone.
    if (c == '(' && (in_word_ || !current_.words.empty())) return refuse("a bracket in a word");
    end_command(false);
    depth_ += c == '(' ? 1 : -1;
    if (depth_ < 0) refuse("brackets that do not match");
    ++at_;
  }

  // To nowhere or to another descriptor; anything else writes a file.
  void redirection() {
    if (in_word_ && word_ != "1" && word_ != "2") return refuse("a redirection");
    word_.clear();
    in_word_ = false;
    ++at_;
    if (peek(0) == '>') ++at_;
    while (peek(0) == ' ') ++at_;
    for (const std::string_view target : {"&1", "&2", "/dev/null", "nul", "NUL"}) {
      const auto end = at_ + target.size();
      if (!text_.substr(at_).starts_with(target)) continue;
      if (end < text_.size() && std::string_view(" \t\n;&|)").find(text_[end]) == text_.npos)
        continue;
      at_ = end;
      return;
    }
    refuse("output into a file");
  }

  // cmd.exe knows no single quotes, and acts on some characters within them; sh expands within
  // double quotes.
  void quoted(char quote) {
    const auto end = text_.find(quote, at_ + 1);
    if (end == text_.npos) return refuse("a quote without an end");
    const auto inside = text_.substr(at_ + 1, end - at_ - 1);
    const std::string_view active = quote == '"' ? "$`\\%!\n" : "&|<>^%\n";
    if (inside.find_first_of(active) != inside.npos) return refuse("an expansion within quotes");
    word_ += inside;
    in_word_ = true;
    at_ = end + 1;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::string word_;
  bool in_word_ = false;
  Command current_;
  Line line_;
};

bool is_assignment(std::string_view word) {
  const auto equals = word.find('=');
  return equals != word.npos && equals > 0 &&
         std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals),
                     is_name_byte);
}

// `require('./x')` with or without try and catch, as often as one likes: then the files.
std::optional<std::vector<std::string>> required_only(std::string_view code) {
  std::string text;
  for (const char c : code)
    if (c != ' ' && c != '\t' && c != '\n') text += c;
  std::string_view rest = text;
  std::vector<std::string> files;
  const auto take = [&rest](std::string_view word) {
    if (!rest.starts_with(word)) return false;
    rest.remove_prefix(word.size());
    return true;
  };
  while (!rest.empty()) {
    if (take(";") || take("try{") || take("}catch(e){}") || take("}catch(err){}") ||
        take("}catch(error){}") || take("}catch(_){}") || take("}catch{}") ||
        take(".catch(()=>{})"))
      continue;
    if (!take("require(") && !take("import(")) return std::nullopt;
    if (rest.empty() || (rest.front() != '\'' && rest.front() != '"')) return std::nullopt;
    const auto end = rest.find(rest.front(), 1);
    if (end == rest.npos || rest.substr(end + 1, 1) != ")") return std::nullopt;
    const auto path = rest.substr(1, end - 1);
    if (!path.starts_with("./") || path.find('\\') != path.npos) return std::nullopt;
    files.emplace_back(path);
    rest.remove_prefix(end + 2);
  }
  return files;
}

class Follower {
 public:
  Follower(const StringMap& scripts, const HasFile& has_file)
      : scripts_(scripts), has_file_(has_file) {}

  void line(std::string_view text, const std::string& folder, int depth) {
    if (depth > kDeepest) return tell("scripts that run scripts, too deep");
    if (is_banner(text)) return;
    Line line = Reader(text).read();
    if (!line.problem.empty()) return tell(line.problem);
    folder_ = folder;
    for (const Command& command : line.commands) {
      depth_ = depth;
      simple(command.words, 0, command.piped_into);
    }
  }

  std::vector<std::string> reasons() && { return std::move(reasons_); }

 private:
  using Words = std::vector<std::string>;

  void tell(std::string reason) {
    if (reasons_.size() < kMostReasons &&
        std::find(reasons_.begin(), reasons_.end(), reason) == reasons_.end())
      reasons_.push_back(std::move(reason));
  }

  void simple(const Words& words, std::size_t at, bool piped) {
    for (; at < words.size(); ++at) {
      if (words[at] == "cross-env" || words[at] == "env") continue;
      if (!is_assignment(words[at])) break;
      const auto name = words[at].substr(0, words[at].find('='));
      if (!one_of(name, kVariables)) tell("sets " + name);
    }
    if (at >= words.size()) return;
    const std::string& word = words[at];
    const auto name = lower_ascii(word);
    if (name == "cd") return change_folder(words, at + 1);
    if (one_of(name, kHarmless)) return;
    if (name == "node" || name == "nodejs") return node(words, at + 1, piped);
    if (one_of(name, kShells)) return shell(name, words, at + 1);
    if (one_of(name, kManagers)) return manager(name, words, at + 1);
    if (name == "npx" || name == "pnpx" || name == "bunx") return fetcher(words, at + 1);
    if (name == "npm-run-all" || name == "npm-run-all2" || name == "run-s" || name == "run-p")
      return run_all(words, at + 1);
    if (find_program(name) != nullptr) return known(name, words, at + 1);
    if (word.find('/') != word.npos) return own_file(word);
    tell("program " + word + " is not known");
  }

  // `is-ci || husky install` runs the next command; all others get words that are no programs.
  void known(const std::string& name, const Words& words, std::size_t at) {
    for (; at < words.size(); ++at) {
      const std::string_view word = words[at];
      const bool runs = word == "-c" || word == "--exec" || word == "--postinstall" ||
                        word.starts_with("--preload") || word.starts_with("--require");
      if (runs) return tell("what " + name + " is told to run");
    }
    // The file that it runs if no prebuilt addon fits: node-gyp-build "node build.js".
    if (name != "node-gyp-build") return;
    for (const std::string& word : Words(words))
      if (word.find(' ') != word.npos) line(word, folder_, depth_ + 1);
  }

  void change_folder(const Words& words, std::size_t at) {
    if (at + 1 != words.size()) return tell("a change of folder");
    const auto folder = normal_path(joined(words[at]));
    if (!folder) return tell("a folder outside of the package");
    folder_ = *folder;
  }

  void own_file(const std::string& word) {
    if (!has_file_(joined(word))) tell(word + " is not in the package");
  }

  void node(const Words& words, std::size_t at, bool piped) {
    for (; at < words.size(); ++at) {
      const std::string& word = words[at];
      if (word == "-e" || word == "--eval" || word == "-p" || word == "--print") {
        return code(at + 1 < words.size() ? words[at + 1] : "");
      }
      if (word == "-r" || word == "--require" || word == "--import") {
        if (at + 1 >= words.size() || !words[at + 1].starts_with('.'))
          return tell("a module that is loaded first");
        own_file(words[++at]);
        continue;
      }
      if (!word.starts_with('-')) return own_file(word);
      if (!one_of(std::string_view(word).substr(0, word.find('=')), kNodeOptions))
        return tell("node's option " + word);
    }
    tell(piped ? "code that another command prints" : "code from the standard input");
  }

  void code(const std::string& text) {
    const auto files = required_only(text);
    if (!files || files->empty()) {
      if (!is_banner("node -e \"" + text + "\"")) tell("text that node evaluates");
      return;
    }
    for (const auto& file : *files) own_file(file);
  }

  void shell(const std::string& name, const Words& words, std::size_t at) {
    if (at < words.size() && (words[at] == "-e" || words[at] == "-x" || words[at] == "-ex")) ++at;
    if (at >= words.size()) return tell("code from the standard input");
    if (words[at].starts_with('-')) return tell("text that " + name + " runs");
    own_file(words[at]);
  }

  void manager(const std::string& name, const Words& words, std::size_t at) {
    while (at < words.size() && (words[at] == "-s" || words[at] == "--silent")) ++at;
    if (at >= words.size()) return tell(name + " without a script");
    const bool run = words[at] == "run" || words[at] == "run-script";
    if (run) ++at;
    while (at < words.size() && (words[at] == "-s" || words[at] == "--silent")) ++at;
    if (at >= words.size()) return tell(name + " without a script");
    const bool direct = run || name == "yarn" || name == "yarnpkg" || name == "pnpm" ||
                        words[at] == "test" || words[at] == "start";
    if (!folder_.empty()) return tell("a script of another package.json");
    if (!direct || !script(words[at])) tell("what " + name + " " + words[at] + " runs");
  }
  void run_all(const Words& words, std::size_t at) {
    for (; at < words.size(); ++at) {
      if (words[at] == "-s" || words[at] == "--silent") continue;
      if (!script(words[at])) tell("what " + words[at] + " names");
    }
  }
  bool script(const std::string& name) {
    const auto found = scripts_.find(name);
    if (found == scripts_.end()) return false;
    if (!visited_.insert(name).second) return true;
    const auto depth = depth_;
    for (const auto& around : {"pre" + name, name, "post" + name}) {
      const auto it = scripts_.find(around);
      if (it != scripts_.end()) line(it->second, "", depth + 1);
    }
    depth_ = depth;
    return true;
  }

  void fetcher(const Words& words, std::size_t at) {
    constexpr std::string_view kOptions[] = {"-y",           "--yes", "--no",
                                             "--no-install", "-q",    "--quiet"};
    while (at < words.size() && one_of(words[at], kOptions)) ++at;
    if (at >= words.size() || find_program(words[at]) == nullptr)
      return tell("what npx fetches and runs");
    known(words[at], words, at + 1);
  }

  std::string joined(std::string_view word) const {
    return folder_.empty() ? std::string(word) : folder_ + "/" + std::string(word);
  }

  const StringMap& scripts_;
  const HasFile& has_file_;
  std::vector<std::string> reasons_;
  std::set<std::string, std::less<>> visited_;
  std::string folder_;
  int depth_ = 0;
};

}  // namespace

std::vector<std::string> unresolved_parts(std::string_view command, const StringMap& scripts,
                                          const HasFile& has_file) {
  Follower follower(scripts, has_file);
  follower.line(command, "", 0);
  return std::move(follower).reasons();
}

std::string_view package_of_program(std::string_view program) {
  const Program* known = find_program(program);
  return known == nullptr ? std::string_view() : known->package;
}

}  // namespace npmgate
