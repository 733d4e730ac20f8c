// What the format parsers share: collecting entries and edges under limits, telling sources apart.
// Internal to lockfile/.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lockfile/document.h"
#include "lockfile/lockfile.h"

namespace npmgate {

inline constexpr std::size_t kMaxLockEntries = 200'000;
inline constexpr std::size_t kMaxLockEdges = 2'000'000;
// More would only repeat the first ones.
inline constexpr std::size_t kMaxLockProblems = 20;

class LockBuilder {
 public:
  LockBuilder(LockFormat format, const std::string& file, std::string_view text);

  // Adds an entry after checking its name, version and id. The index, or nullopt with a problem
  // reported. A source other than kRegistry needs no version.
  std::optional<std::uint32_t> add(LockEntry entry);
  std::optional<std::uint32_t> find(const std::string& id) const;
  // One more id for an entry (yarn: each descriptor); a second entry under one id is a problem.
  void also_known_as(const std::string& id, std::uint32_t entry, int line);
  LockEntry& entry(std::uint32_t index) { return lockfile_.entries[index]; }
  const std::vector<LockEntry>& entries() const { return lockfile_.entries; }
  void connect(std::uint32_t from, std::uint32_t to, bool optional);
  void root(std::uint32_t to, bool dev, bool optional);

  void problem(int line, std::string message);
  bool full() const { return problems_.size() >= kMaxLockProblems; }
  // Ends the work: entries that nothing depends on become roots.
  LockfileResult finish();

  // Sets entry.resolved (the fragment cut off) and where it stands. From JSON: the node's bytes;
  // else the first place of the URL behind the start of `line` and before `line` + `lines`.
  void resolved_from(LockEntry& entry, const DocNode& node) const;
  void resolved_from_line(LockEntry& entry, const std::string& url, int line, int lines,
                          bool encoded = false) const;

 private:
  std::size_t line_start(int line) const;
  bool acceptable(const LockEntry& entry);

  Lockfile lockfile_;
  std::string_view text_;
  std::vector<std::size_t> line_starts_;
  std::unordered_map<std::string, std::uint32_t> ids_;
  std::vector<Problem> problems_;
  std::size_t edges_ = 0;
};

// One parser per format; `root` is the document's map.
void read_npm_lock(const DocNode& root, LockBuilder& builder);
void read_pnpm_lock(const DocNode& root, LockBuilder& builder);
void read_bun_lock(const DocNode& root, LockBuilder& builder);
void read_yarn_berry(const DocNode& root, LockBuilder& builder);
void read_yarn_classic(std::string_view text, LockBuilder& builder);
void read_package_json(const DocNode& root, LockBuilder& builder);

// Where a dependency spec or `resolved` leads, by its spelling alone: kRegistry for versions,
// ranges, dist-tags and npm: aliases.
LockSource source_of(std::string_view spec);
bool is_exact_version(std::string_view text);
// Whether the URL's path ends as registries name the tarball of this release:
// ".../name/-/base-version.tgz".
bool names_release(std::string_view url, std::string_view name, std::string_view version);
// "@s/name@rest" -> name and rest; rest "" without a second '@'.
std::pair<std::string, std::string> split_at(std::string_view text);

// Calls `visit` for each text member of the map `of` of `node` (nothing if it is none).
void for_each_text(const DocNode& node, std::string_view of,
                   const std::function<void(const DocNode&)>& visit);

// Entries by the folder they are installed in: the lookup of node's require, for npm and bun.
// `separator`: what stands between folders ("/node_modules/" or "/"); `prefix` before the first.
std::optional<std::uint32_t> find_upwards(const LockBuilder& builder, std::string folder,
                                          const std::string& name, std::string_view separator);

}  // namespace npmgate
