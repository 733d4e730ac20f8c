// The files of one package by path, and which of them a program or a name means.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "inspect/code/tree.h"

namespace npmgate {

struct SourceFile {
  std::string_view path;  // below the package root
  std::string_view body;
  FileKind kind = FileKind::kOther;
};

// The files of one package, found as node and the shells of all platforms find them. Views must
// outlive it.
class SourceTree {
 public:
  explicit SourceTree(std::vector<SourceFile> files);

  const std::vector<SourceFile>& files() const { return files_; }
  // The file of exactly that path; without regard to case (macOS, Windows) if there is no exact
  // one.
  std::optional<std::size_t> find(std::string_view path) const;
  // What `node path` or `require(path)` loads: the file, with .js .cjs .mjs .json .node, or a
  // folder's `main` or index file. A backslash is tried as a separator and as nothing. nullopt also
  // for paths that leave the package.
  std::optional<std::size_t> resolve(std::string_view path) const;
  // Some file's path starts with this one.
  bool has_prefix(std::string_view path) const;

 private:
  std::optional<std::size_t> resolve_file(const std::string& path) const;
  std::optional<std::size_t> resolve_folder(const std::string& path) const;

  std::vector<SourceFile> files_;
  std::vector<std::pair<std::string, std::size_t>> by_name_;  // lower case, sorted
};

// "a/./b/../c" -> "a/c"; nullopt if it leaves the root or is absolute. "" is the root.
std::optional<std::string> normal_path(std::string_view path);

// The programs, lower case, that a hook calls by name and that run this file of the package: one
// that lies where they are looked for first (npm, pnpm and bun: the package's own
// node_modules/.bin; cmd.exe: the folder that it stands in), or settings that they read where they
// stand and that can name code. Empty for all other files.
std::vector<std::string> served_programs(std::string_view path);
// What package managers run every hook with, and what an addon is built with.
inline constexpr std::string_view kHookShell = "sh";
inline constexpr std::string_view kAddonBuilder = "node-gyp";

}  // namespace npmgate
