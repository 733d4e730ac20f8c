#include <algorithm>
#include <deque>
#include <map>

#include "base/digest.h"
#include "lockfile/lockfile.h"

namespace npmgate {
namespace {

constexpr std::uint32_t kNone = static_cast<std::uint32_t>(-1);

bool hashes_differ(const std::string& a, const std::string& b) {
  const auto left = parse_integrity(a);
  for (const Digest& other : parse_integrity(b)) {
    for (const Digest& one : left) {
      if (one.algorithm == other.algorithm && one.bytes != other.bytes) return true;
    }
  }
  return false;
}

}  // namespace

std::vector<LockedRelease> locked_releases(const Lockfile& lockfile) {
  std::map<std::pair<std::string, std::string>, LockedRelease> found;
  for (std::uint32_t i = 0; i < lockfile.entries.size(); ++i) {
    const LockEntry& entry = lockfile.entries[i];
    if (!entry.judged()) continue;
    LockedRelease& release = found[{entry.name, entry.version}];
    if (release.entries.empty()) {
      release = {entry.name, entry.version, "", {}, true, true, entry.line, false};
    }
    release.entries.push_back(i);
    release.dev = release.dev && entry.dev;
    release.optional = release.optional && entry.optional;
    if (release.integrity.empty()) {
      release.integrity = entry.integrity;
    } else if (!entry.integrity.empty() && hashes_differ(release.integrity, entry.integrity)) {
      release.integrity_differs = true;
    }
  }
  std::vector<LockedRelease> releases;
  releases.reserve(found.size());
  for (auto& [key, release] : found) releases.push_back(std::move(release));
  return releases;
}

std::vector<std::vector<std::string>> paths_to(const Lockfile& lockfile,
                                               const std::vector<std::uint32_t>& entries,
                                               std::size_t limit) {
  const std::size_t count = lockfile.entries.size();
  std::vector<std::vector<std::uint32_t>> dependents(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    for (const LockEdge& edge : lockfile.entries[i].edges) dependents[edge.to].push_back(i);
  }
  std::vector<bool> is_root(count, false), seen(count, false);
  for (const LockRoot& root : lockfile.roots) is_root[root.to] = true;
  // Breadth first against the arrows: the first time a root is met is its shortest way.
  std::vector<std::uint32_t> next(count, kNone);
  std::deque<std::uint32_t> queue;
  for (const std::uint32_t entry : entries) {
    if (entry < count && !seen[entry]) queue.push_back(entry);
    if (entry < count) seen[entry] = true;
  }
  std::vector<std::vector<std::string>> paths;
  while (!queue.empty() && paths.size() < limit) {
    const std::uint32_t at = queue.front();
    queue.pop_front();
    if (is_root[at]) {
      std::vector<std::string> path;
      for (std::uint32_t step = at; step != kNone; step = next[step])
        path.push_back(lockfile.entries[step].str());
      paths.push_back(std::move(path));
    }
    for (const std::uint32_t dependent : dependents[at]) {
      if (seen[dependent]) continue;
      seen[dependent] = true;
      next[dependent] = at;
      queue.push_back(dependent);
    }
  }
  return paths;
}

}  // namespace npmgate
