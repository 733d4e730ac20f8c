#include "inspect/hooks/hook_reach.h"

#include <algorithm>

#include "base/text.h"
#include "inspect/code/commands.h"
#include "inspect/code/features.h"
#include "inspect/code/lexer.h"
#include "inspect/hooks/gyp.h"
#include "inspect/hooks/hook_inputs.h"

namespace npmgate {
namespace {

std::string_view folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? std::string_view() : path.substr(0, slash);
}

std::string below(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : std::string(folder) + "/" + std::string(name);
}

void merge_sorted(std::vector<std::string>& into, std::vector<std::string> from) {
  into.insert(into.end(), std::make_move_iterator(from.begin()),
              std::make_move_iterator(from.end()));
  std::sort(into.begin(), into.end());
  into.erase(std::unique(into.begin(), into.end()), into.end());
}

// Evidence is JSON: text out of a file that is no UTF-8 goes in with its other bytes as '?'.
std::string as_utf8(std::string text) {
  if (is_utf8(text)) return text;
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c >= 0x80; }, '?');
  return text;
}

// Data that scripts read is no code: package.json changes with every release.
bool is_code(const SourceFile& file) {
  return file.kind != FileKind::kJson;
}
// Arguments of a command must look runnable: `tsc -p tsconfig.json`, `cp README.md x` run neither.
bool is_runnable(const SourceFile& file) {
  return file.kind == FileKind::kScript || file.kind == FileKind::kShell ||
         file.kind == FileKind::kNative;
}

}  // namespace

struct HookFollower::Visit {
  std::vector<std::size_t> files;
  std::set<std::size_t> seen, data;
  std::set<std::string, std::less<>> missing, urls;
  bool settings = false;

  void add(std::size_t file) {
    if (seen.insert(file).second) files.push_back(file);
  }
};

HookFollower::HookFollower(const SourceTree& tree, const StringMap& scripts,
                           std::string_view package_json)
    : tree_(tree), scripts_(scripts), package_json_(package_json), links_(tree.files().size()) {
  for (std::size_t i = 0; i < tree.files().size(); ++i) {
    for (auto& program : served_programs(tree.files()[i].path))
      programs_.emplace(std::move(program), i);
  }
}

HookReach HookFollower::follow(std::string hook, std::string command) {
  HookReach reach;
  Visit visit;
  add_command(command, visit, reach);
  const auto parsed = parse_command(command, scripts_);
  if (parsed.builds_addon) {
    std::string commands;
    add_build(visit, reach, commands);
  }
  const auto& programs = parsed.files.programs;
  if (std::find(programs.begin(), programs.end(), "patch-package") != programs.end())
    add_patches(visit);
  add_program(kHookShell, visit);
  close(visit, reach);
  reach.hook = std::move(hook);
  reach.command = std::move(command);
  return reach;
}

HookReach HookFollower::follow_build() {
  HookReach reach;
  Visit visit;
  reach.hook = "node-gyp";
  reach.command = "node-gyp rebuild";
  add_build(visit, reach, reach.command);
  add_program(kHookShell, visit);
  close(visit, reach);
  return reach;
}

void HookFollower::add_command(std::string_view command, Visit& visit, HookReach& reach) {
  const auto files = command_files(command, scripts_);
  for (const auto& candidate : files.candidates) {
    const auto found = tree_.resolve(candidate);
    if (found) visit.add(*found);
    bool any = found.has_value();
    for (const std::string_view ending : {".cmd", ".bat", ".exe", ".ps1"}) {  // PATHEXT of Windows
      const auto path = normal_path(candidate);
      const auto twin =
          path && !path->empty() ? tree_.find(*path + std::string(ending)) : std::nullopt;
      if (twin) visit.add(*twin);
      any |= twin.has_value();
    }
    const bool elsewhere =
        candidate.starts_with("node_modules/") || candidate.starts_with("./node_modules/");
    if (!any && !elsewhere) visit.missing.insert(normal_path(candidate).value_or(candidate));
  }
  for (const auto& argument : files.arguments) {
    const auto found = tree_.resolve(argument);
    if (found && is_runnable(tree_.files()[*found])) visit.add(*found);
  }
  for (const auto& program : files.programs) add_program(program, visit);
  merge_sorted(reach.traits, command_traits(command));
  merge_sorted(reach.endpoints, endpoints_in(command));
}

void HookFollower::add_program(std::string_view name, Visit& visit) const {
  const auto [begin, end] = programs_.equal_range(name);
  for (auto it = begin; it != end; ++it) visit.add(it->second);
}

// node-gyp includes the other two if they exist, named or not (node-gyp, lib/configure.js).
void HookFollower::add_build(Visit& visit, HookReach& reach, std::string& commands) {
  visit.settings = true;
  for (const std::string_view name : {"binding.gyp", "config.gypi", "common.gypi"}) {
    if (const auto gyp = tree_.find(name)) add_gyp_file(*gyp, visit, reach, commands);
  }
  add_program(kAddonBuilder, visit);
}

void HookFollower::add_gyp_file(std::size_t first, Visit& visit, HookReach& reach,
                                std::string& commands) {
  std::vector<std::size_t> pending{first};
  std::set<std::size_t> seen{first};
  while (!pending.empty()) {
    const auto& file = tree_.files()[pending.back()];
    visit.add(pending.back());
    pending.pop_back();
    const auto gyp = read_gyp(file.body);
    for (const auto& raw : gyp.commands) {
      const auto command = as_utf8(raw);
      commands += '\n' + command;
      add_command(command, visit, reach);
    }
    for (const auto& include : gyp.includes) {
      const auto path = normal_path(below(folder_of(file.path), include));
      const auto found = path ? tree_.find(*path) : std::nullopt;
      if (found && seen.insert(*found).second) pending.push_back(*found);
    }
  }
}

void HookFollower::close(Visit& visit, HookReach& reach) {
  merge_urls(reach.command, visit.urls);
  for (std::size_t next = 0; next < visit.files.size(); ++next) {
    const Links& out = links(visit.files[next]);
    for (const auto file : out.code) visit.add(file);
    visit.data.insert(out.data.begin(), out.data.end());
    visit.urls.insert(out.urls.begin(), out.urls.end());
    visit.settings |= out.settings;
  }
  for (const auto file : visit.files) reach.files.emplace_back(tree_.files()[file].path);
  reach.missing.assign(visit.missing.begin(), visit.missing.end());
  read_inputs(visit, reach);
}

// patch-package applies what lies in patches/ to node_modules, or in the folder that it is told.
void HookFollower::add_patches(Visit& visit) const {
  for (std::size_t i = 0; i < tree_.files().size(); ++i)
    if (tree_.files()[i].path.ends_with(".patch")) visit.data.insert(i);
}

void HookFollower::read_inputs(const Visit& visit, HookReach& reach) const {
  auto urls = visit.urls;
  for (const auto index : visit.data) {
    if (visit.seen.contains(index)) continue;
    const auto& file = tree_.files()[index];
    reach.inputs.emplace_back(file.path);
    if (file.kind == FileKind::kNative) continue;
    merge_urls(file.body, urls);
    if (!file.path.ends_with(".patch")) {
      merge_sorted(reach.endpoints, url_hosts(file.body));
      continue;
    }
    const auto added = measure_code(added_lines(file.body), Syntax::kScript);
    merge_sorted(reach.traits, added.traits);
    merge_sorted(reach.endpoints, added.endpoints);
  }
  std::sort(reach.inputs.begin(), reach.inputs.end());
  if (visit.settings) reach.settings = own_settings(package_json_);
  for (const auto& [key, text] : reach.settings) {
    merge_urls(text, urls);
    merge_sorted(reach.endpoints, url_hosts(text));
  }
  reach.urls = bounded(urls);
}

const HookFollower::Links& HookFollower::links(std::size_t index) {
  auto& known = links_[index];
  if (known) return *known;
  known.emplace();
  Links& out = *known;
  const auto& file = tree_.files()[index];
  if (file.kind == FileKind::kNative) return out;
  // A text without a known ending may be run by either.
  const bool unknown = file.kind == FileKind::kText || file.kind == FileKind::kOther;
  const bool gyp = file.path.ends_with(".gyp") || file.path.ends_with(".gypi");
  const auto folder = folder_of(file.path);
  std::set<std::string, std::less<>> urls;
  if (file.kind == FileKind::kScript || (unknown && !gyp)) {
    const auto code = plain_code(file.body, Syntax::kScript);
    add_edges(folder, relative_imports(code), false, out.code);
    add_data(folder, data_names(code), out);
    merge_urls(code.text, urls);
  }
  if (file.kind == FileKind::kShell || (unknown && !gyp)) {
    const auto syntax =
        syntax_of(file.path, file.body) == Syntax::kBatch ? Syntax::kBatch : Syntax::kShell;
    const auto text = plain_code(file.body, syntax).text;
    const auto files = command_files(text, scripts_);
    add_edges(folder, files.candidates, true, out.code);
    add_edges(folder, files.arguments, true, out.code);
    merge_urls(text, urls);
  }
  out.urls.assign(urls.begin(), urls.end());
  return out;
}

// Data is looked for beside the file and from the package's root.
void HookFollower::add_data(std::string_view folder, const std::vector<std::string>& names,
                            Links& out) const {
  for (const auto& name : names) {
    for (const auto& path : {normal_path(below(folder, name)), normal_path(name)}) {
      if (!path || path->empty()) continue;
      auto found = tree_.find(*path);
      if (!found) found = tree_.find(*path + ".json");  // require('./binaries')
      if (!found) continue;
      if (tree_.files()[*found].path == "package.json") {
        out.settings = true;
      } else {
        out.data.push_back(*found);
      }
      break;
    }
  }
}

// Imports are relative to the file, paths in commands and spawn() to the package root, where hooks
// run; either may be meant.
void HookFollower::add_edges(std::string_view folder, const std::vector<std::string>& names,
                             bool root_first, std::vector<std::size_t>& out) const {
  for (const auto& name : names) {
    auto found = tree_.resolve(root_first ? name : below(folder, name));
    if (!found && !folder.empty()) found = tree_.resolve(root_first ? below(folder, name) : name);
    if (found && is_code(tree_.files()[*found])) out.push_back(*found);
  }
}

}  // namespace npmgate
