// Lockfiles as values: which releases a project installs, by which paths, and what does not come
// from a registry. Pure; every format ends in the same shape. Text from strangers: bounded sizes,
// names held to npm's grammar, each mistake a problem with its line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "yaml/document.h"

namespace npmgate {

enum class LockFormat {
  kNpm1,  // package-lock.json and npm-shrinkwrap.json, lockfileVersion 1 (npm 5, 6)
  kNpm2,  // both forms in one file (npm 7, 8); entries that only the old form has are kept too
  kNpm3,
  kPnpm6,
  kPnpm9,
  kYarnClassic,
  kYarnBerry,
  kBun,
  kPackageJson,  // ranges, no releases
};
std::string_view to_string(LockFormat format);  // "package-lock v3", "yarn.lock (berry)"

// Where the bytes of an entry come from. Only kRegistry entries are releases the gate can judge.
enum class LockSource {
  kRegistry,
  kGit,
  kRemote,     // a tarball by URL, also a `resolved` that names another package than the entry does
  kFile,       // a local tarball or folder
  kLink,       // a link to a folder
  kWorkspace,  // the project's own packages
  kPatch,      // yarn: another entry with a patch on top
  kBundled,    // inside its parent's tarball, judged with it
  kOther,
};
std::string_view to_string(LockSource source);  // "registry", "git", …

struct LockEdge {
  std::uint32_t to = 0;
  bool optional = false;
  friend bool operator==(const LockEdge&, const LockEdge&) = default;
};

struct LockEntry {
  std::string id;       // the format's own key: "node_modules/a", "/a@1.0.0", "a@^1.0.0"
  std::string name;     // as published; behind an alias the real one
  std::string alias;    // what it is installed as, if that is another name
  std::string version;  // exact; "" if the file does not tell
  std::string range;    // package.json only: what is asked for
  LockSource source = LockSource::kRegistry;
  std::string spec;  // where from, for everything but kRegistry
  std::string
      integrity;  // SRI of the tarball as written; "" = none (yarn 2+ hashes its own archive)
  std::string resolved;  // tarball URL as written, without fragment; "" = none
  // If `resolved` stands in the file, to rewrite it: the bytes of the URL; size 0 if it is
  // not written plainly. `resolved_encoded`: percent-encoded there (yarn 2+'s __archiveUrl).
  std::size_t resolved_at = 0, resolved_size = 0;
  bool resolved_encoded = false;
  bool dev = false, optional = false, peer = false;  // false if the format does not tell
  int line = 1;
  std::vector<LockEdge> edges;  // to what it depends on

  bool judged() const { return source == LockSource::kRegistry && !version.empty(); }
  std::string str() const;  // "name@version", "name (git)", "name@range"
};

struct LockRoot {  // a direct dependency
  std::uint32_t to = 0;
  bool dev = false, optional = false;
};

struct Lockfile {
  LockFormat format = LockFormat::kNpm3;
  std::string file;  // as named by the caller
  std::vector<LockEntry> entries;
  std::vector<LockRoot> roots;  // also every entry that nothing depends on
};

struct LockfileResult {
  std::optional<Lockfile> lockfile;
  std::vector<Problem> problems;  // empty if there is a lockfile; at most 20
};

// The format is told by the file's name if that says it (package-lock.json, npm-shrinkwrap.json,
// pnpm-lock.yaml, yarn.lock, bun.lock, package.json; folders before it do not matter), and by the
// content. Files over 32 MiB, 200,000 entries or 2,000,000 edges are refused.
LockfileResult parse_lockfile(std::string_view text, const std::string& file);

// One release with everything that asks for it.
struct LockedRelease {
  std::string name, version;
  std::string integrity;               // "" = none written; of the first entry that has one
  std::vector<std::uint32_t> entries;  // indices, in file order; never empty
  bool dev = false, optional = false;  // of all entries
  int line = 1;                        // of the first entry
  // Two entries of this release state different hashes of the same algorithm.
  bool integrity_differs = false;
};
// Releases of registry entries, sorted by name, then version text.
std::vector<LockedRelease> locked_releases(const Lockfile& lockfile);

// The shortest way from each direct dependency (at most `limit` of them, shortest first) to any of
// `entries`: names of the entries on the way, the direct dependency first, the wanted one last.
std::vector<std::vector<std::string>> paths_to(const Lockfile& lockfile,
                                               const std::vector<std::uint32_t>& entries,
                                               std::size_t limit);

}  // namespace npmgate
