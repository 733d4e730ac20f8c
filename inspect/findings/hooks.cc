// Hooks as values: their texts on both sides, the scripts they run by name, the files they name.
#include <algorithm>

#include "base/text.h"
#include "inspect/code/commands.h"
#include "inspect/findings/detector.h"
#include "inspect/hooks/hook_inputs.h"
#include "inspect/hooks/hook_reach.h"

namespace npmgate::detect {
namespace {

// Programs that run other scripts of the same package.json by name.
bool runs_scripts(std::string_view text) {
  static constexpr std::string_view kRunners[] = {
      "npm", "yarn", "pnpm", "bun", "run-s", "run-p", "--run", "concurrently", "wireit"};
  return std::any_of(std::begin(kRunners), std::end(kRunners),
                     [&](std::string_view runner) { return text.find(runner) != text.npos; });
}

// The words of a command line, without the quotes and separators around them.
std::vector<std::string_view> words_of(std::string_view text) {
  static constexpr std::string_view kSeparators = " \t\r\n;&|()\"'`{}";
  std::vector<std::string_view> words;
  while (true) {
    const auto begin = text.find_first_not_of(kSeparators);
    if (begin == text.npos) return words;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(kSeparators), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

// "build", "npm:build" of concurrently, "build:*" of npm-run-all.
bool names_script(std::string_view word, std::string_view script) {
  if (word.starts_with("npm:")) word.remove_prefix(4);
  const auto star = word.find('*');
  if (star == word.npos) return word == script;
  return star > 0 && script.starts_with(word.substr(0, star));
}

// "./lib\\x" -> "lib/x", lower case: the file systems of two platforms do not tell case apart.
std::string plain_path(std::string_view path) {
  std::string out = lower_ascii(path);
  std::replace(out.begin(), out.end(), '\\', '/');
  while (out.starts_with("./")) out.erase(0, 2);
  return out;
}

bool is_file_of(std::string_view path, std::string_view candidate) {
  if (candidate.empty() || !path.starts_with(candidate)) return false;
  const std::string_view rest = path.substr(candidate.size());
  if (rest.empty()) return true;
  const std::string_view ending = rest.starts_with("/index.") ? rest.substr(6) : rest;
  return ending.front() == '.' && ending.find('/') == ending.npos;
}

}  // namespace

std::vector<HookText> hook_texts(std::string_view hook, const Manifest& packument,
                                 const Manifest* packed) {
  std::vector<HookText> texts;
  const auto text_in = [&](const Manifest& manifest) -> std::string_view {
    const auto it = manifest.scripts.find(hook);
    return it == manifest.scripts.end() ? std::string_view() : trimmed(it->second);
  };
  const std::string_view stated = text_in(packument);
  const std::string_view shipped = packed != nullptr ? text_in(*packed) : std::string_view();
  const std::string& version =
      packument.version.empty() && packed != nullptr ? packed->version : packument.version;
  const auto add = [&](std::string_view text, bool by_packument, bool by_tarball) {
    texts.push_back({std::string(text), by_packument, by_tarball, without_version(text, version)});
  };
  if (!stated.empty()) add(stated, true, stated == shipped);
  if (!shipped.empty() && shipped != stated) add(shipped, false, true);
  return texts;
}

std::string without_version(std::string_view text, std::string_view version) {
  if (version.empty()) return std::string(text);
  const auto is_part = [](char c) {
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+';
  };
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto found = std::min(text.find(version, at), text.size());
    out += text.substr(at, found - at);
    if (found == text.size()) break;
    const auto end = found + version.size();
    const bool longer = (found > 0 && is_part(text[found - 1]) && text[found - 1] != '-') ||
                        (end < text.size() && is_part(text[end]) && text[end] != '-' &&
                         !(text[end] == '.' &&
                           (end + 1 == text.size() || text[end + 1] < '0' || text[end + 1] > '9')));
    out += longer ? std::string_view(version) : std::string_view("{version}");
    at = end;
  }
  return out;
}

bool ships(const Tree& tree, std::string_view raw) {
  const auto path = normal_path(raw);
  if (!path) return false;
  constexpr std::string_view kEndings[] = {
      "",    ".js",           ".cjs",      ".mjs",        ".json",      ".node",
      ".ts", "/package.json", "/index.js", "/index.json", "/index.node"};
  return std::any_of(std::begin(kEndings), std::end(kEndings), [&](std::string_view ending) {
    return find_file(tree, *path + std::string(ending)) != nullptr;
  });
}

std::vector<std::string> closure_files(const Tree& tree, const HookReach& reach,
                                       const StringMap& scripts) {
  const auto entries = entry_files(reach, scripts);
  std::set<std::string> files(reach.files.begin(), reach.files.end());
  files.insert(reach.inputs.begin(), reach.inputs.end());
  if (reach.hook == "node-gyp" || parse_command(reach.command, scripts).builds_addon) {
    for (const FileFacts& file : tree.files)
      if (file.kind == FileKind::kNative || is_build_source(file.path)) files.insert(file.path);
  }
  for (const auto& entry : entries) files.erase(entry);
  files.erase("package.json");
  return {files.begin(), files.end()};
}

bool builds_implicitly(const Tree& tree) {
  // With a preinstall alone, yarn 1 and 4 still build (docs/threats.md, section 4.1).
  const auto it = tree.package_json.scripts.find("install");
  return tree.has_binding_gyp &&
         (it == tree.package_json.scripts.end() || trimmed(it->second).empty());
}

const HookReach* find_reach(const Tree& tree, std::string_view hook, std::string_view command) {
  for (const HookReach& reach : tree.hooks) {
    if (reach.hook == hook && (command.empty() || trimmed(reach.command) == command)) return &reach;
  }
  return nullptr;
}

std::map<std::string, std::string> script_chain(std::string_view text, const StringMap& scripts) {
  std::map<std::string, std::string> chain;
  std::vector<std::string> pending{std::string(text)};
  while (!pending.empty()) {
    const std::string command = std::move(pending.back());
    pending.pop_back();
    if (!runs_scripts(command)) continue;
    const auto words = words_of(command);
    const auto named = [&](std::string_view script) {
      return std::any_of(words.begin(), words.end(),
                         [&](std::string_view word) { return names_script(word, script); });
    };
    for (const auto& [name, script] : scripts) {
      const std::string_view around = name;
      const bool before = around.starts_with("pre") && named(around.substr(3));
      const bool after = around.starts_with("post") && named(around.substr(4));
      if (!before && !after && !named(around)) continue;
      if (chain.emplace(name, trimmed(script)).second) pending.push_back(script);
    }
  }
  return chain;
}

std::vector<std::string> entry_files(const HookReach& reach, const StringMap& scripts) {
  const ParsedCommand parsed = parse_command(reach.command, scripts);
  const CommandFiles& named = parsed.files;
  const auto is_called = [&](std::string_view path) {
    const auto programs = served_programs(path);
    return std::any_of(programs.begin(), programs.end(), [&](const std::string& program) {
      return program == kHookShell || std::find(named.programs.begin(), named.programs.end(),
                                                program) != named.programs.end();
    });
  };
  std::vector<std::string> candidates;
  for (const auto* list : {&named.candidates, &named.arguments}) {
    for (const std::string& path : *list) candidates.push_back(plain_path(path));
  }
  std::vector<std::string> entries;
  for (std::size_t i = 0; i < reach.files.size(); ++i) {
    const std::string path = plain_path(reach.files[i]);
    if (path == "package.json") continue;  // changes with every release
    const bool by_name =
        std::any_of(candidates.begin(), candidates.end(),
                    [&](const std::string& candidate) { return is_file_of(path, candidate); });
    const bool built = parsed.builds_addon && (path.ends_with(".gyp") || path.ends_with(".gypi"));
    if (i == 0 || by_name || built || is_called(path)) entries.push_back(reach.files[i]);
  }
  return entries;
}

std::vector<std::string> named_files(const Tree& tree, std::string_view folder,
                                     std::string_view command, const StringMap& scripts) {
  const ParsedCommand parsed = parse_command(command, scripts);
  std::set<std::string, std::less<>> names;
  for (const auto* list : {&parsed.files.candidates, &parsed.files.arguments}) {
    for (const std::string& path : *list) names.insert(plain_path(path));
  }
  if (parsed.builds_addon) names.insert({"binding.gyp", "config.gypi", "common.gypi"});
  std::vector<std::string> files;
  for (const FileFacts& file : files_below(tree, folder)) {
    const std::string path = plain_path(file.path.substr(folder.size()));
    const std::string_view stem = std::string_view(path).substr(0, path.rfind('.'));
    const bool index = stem.ends_with("/index");
    if (names.contains(path) || names.contains(stem) ||
        (index && names.contains(stem.substr(0, stem.size() - 6)))) {
      files.push_back(file.path.substr(folder.size()));
    }
  }
  return files;
}

}  // namespace npmgate::detect
