#include "inspect/code/source_tree.h"

#include <algorithm>
#include <span>

#include "base/text.h"

namespace npmgate {
namespace {

// Node tries .js, .json and .node (Modules, "All together"); tools and newer loaders the others.
constexpr std::string_view kEndings[] = {".js", ".cjs", ".mjs", ".json", ".node", ".ts"};

// What cmd.exe completes a name with (PATHEXT).
constexpr std::string_view kWindowsEndings[] = {".com", ".exe", ".bat", ".cmd",
                                                ".vbs", ".js",  ".wsf"};

// Settings in a project's folder that name a shell, a preload or the program itself (measured:
// script-shell of .npmrc, yarn-path of .yarnrc and .yarnrc.yml, .pnpmfile.cjs).
struct Settings {
  std::string_view file;
  std::span<const std::string_view> programs;
};
constexpr std::string_view kNpmReaders[] = {"npm", "npx", "pnpm", "pnpx", "yarn", "bun", "bunx"};
constexpr std::string_view kYarns[] = {"yarn", "yarnpkg"};
constexpr std::string_view kPnpms[] = {"pnpm", "pnpx"};
constexpr std::string_view kBuns[] = {"bun", "bunx"};
constexpr std::string_view kPrebuild[] = {"prebuild-install"};
constexpr Settings kSettings[] = {
    {".npmrc", kNpmReaders},
    {".yarnrc", kYarns},
    {".yarnrc.yml", kYarns},
    {".pnpmfile.cjs", kPnpms},
    {"bunfig.toml", kBuns},
    {"pnpm-workspace.yaml", kPnpms},
    {".prebuild-installrc", kPrebuild},
};

}  // namespace

std::optional<std::string> normal_path(std::string_view path) {
  if (path.starts_with('/') || path.starts_with('~')) return std::nullopt;
  std::string out;
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    const auto part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (out.empty()) return std::nullopt;
      const auto slash = out.rfind('/');
      out.resize(slash == std::string::npos ? 0 : slash);
      continue;
    }
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

std::vector<std::string> served_programs(std::string_view path) {
  constexpr std::string_view kBin = "node_modules/.bin/";
  auto name = lower_ascii(path);
  for (const auto& [file, programs] : kSettings)
    if (name == file) return {programs.begin(), programs.end()};
  const bool linked = name.starts_with(kBin);
  if (linked) name.erase(0, kBin.size());
  if (name.empty() || name.find('/') != name.npos) return {};
  for (const auto ending : kWindowsEndings) {
    if (name.size() <= ending.size() || !name.ends_with(ending)) continue;
    name.resize(name.size() - ending.size());
    return {std::move(name)};
  }
  if (!linked) return {};
  return {std::move(name)};
}

SourceTree::SourceTree(std::vector<SourceFile> files) : files_(std::move(files)) {
  by_name_.reserve(files_.size());
  for (std::size_t i = 0; i < files_.size(); ++i)
    by_name_.emplace_back(lower_ascii(files_[i].path), i);
  std::sort(by_name_.begin(), by_name_.end());
}

std::optional<std::size_t> SourceTree::find(std::string_view path) const {
  const auto name = lower_ascii(path);
  auto it = std::lower_bound(by_name_.begin(), by_name_.end(), std::pair(name, std::size_t{0}));
  std::optional<std::size_t> found;
  for (; it != by_name_.end() && it->first == name; ++it) {
    if (files_[it->second].path == path) return it->second;
    if (!found) found = it->second;
  }
  return found;
}

bool SourceTree::has_prefix(std::string_view path) const {
  const auto name = lower_ascii(path);
  const auto it =
      std::lower_bound(by_name_.begin(), by_name_.end(), std::pair(name, std::size_t{0}));
  return it != by_name_.end() && it->first.starts_with(name);
}

std::optional<std::size_t> SourceTree::resolve_file(const std::string& path) const {
  if (path.empty() || !has_prefix(path)) return std::nullopt;
  if (const auto exact = find(path)) return exact;
  for (const auto ending : kEndings)
    if (const auto file = find(path + std::string(ending))) return file;
  return std::nullopt;
}

std::optional<std::size_t> SourceTree::resolve_folder(const std::string& path) const {
  const auto inside = path.empty() ? std::string() : path + "/";
  if (!has_prefix(inside)) return std::nullopt;
  if (const auto manifest = find(inside + "package.json")) {
    const auto parsed = parse_package_json(files_[*manifest].body);
    const auto main = normal_path(inside + parsed.manifest.main);
    if (!parsed.manifest.main.empty() && main) {
      if (const auto file = resolve_file(*main)) return file;
      if (const auto file = resolve_file(*main + "/index")) return file;
    }
  }
  return resolve_file(inside + "index");
}

std::optional<std::size_t> SourceTree::resolve(std::string_view path) const {
  std::string slashes(path), none(path);
  std::replace(slashes.begin(), slashes.end(), '\\', '/');
  none.erase(std::remove(none.begin(), none.end(), '\\'), none.end());
  for (const auto& spelling : {std::move(slashes), std::move(none)}) {
    const auto normal = normal_path(spelling);
    if (!normal) continue;
    if (const auto file = resolve_file(*normal)) return file;
    if (const auto file = resolve_folder(*normal)) return file;
  }
  return std::nullopt;
}

}  // namespace npmgate
