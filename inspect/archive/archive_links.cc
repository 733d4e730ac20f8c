#include "inspect/archive/archive_links.h"

#include <algorithm>
#include <array>
#include <map>

#include "inspect/archive/archive_rules.h"
#include "inspect/archive/path_rules.h"

namespace npmgate {
namespace {

// Read by clients wherever they find them, and dot files (.npmrc, .yarnrc …) with them: such a file
// must be there for all of them or for none.
constexpr std::array<std::string_view, 4> kSpecial = {"package.json", "binding.gyp",
                                                      "npm-shrinkwrap.json", "node_modules"};

bool has_special_name(std::string_view path) {
  const std::string key = collision_key(path.substr(path.rfind('/') + 1));
  return key.starts_with('.') || key.empty() || std::ranges::find(kSpecial, key) != kSpecial.end();
}

// `path` with "." and ".." taken out; nullopt if it leaves the archive or is not relative.
std::optional<std::string> resolve(std::string_view folder, std::string_view path) {
  if (path.empty() || path.starts_with('/') || path.find('\\') != path.npos) return std::nullopt;
  std::string joined(folder);
  for (bool more = true; more;) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    more = slash != path.npos;
    if (more) path.remove_prefix(slash + 1);
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      if (!joined.empty()) joined += '/';
      joined += segment;
      continue;
    }
    if (joined.empty()) return std::nullopt;
    joined.resize(joined.rfind('/') == std::string::npos ? 0 : joined.rfind('/'));
  }
  return joined;
}

class Links {
 public:
  Links(const ArchiveLimits& limits, Archive& archive) : limits_(limits), archive_(archive) {
    for (const ArchiveEntry& entry : archive.entries) {
      if (!entry.directory) files_.emplace(entry.path, entry.size);
      bytes_ += entry.size;
    }
    entries_ = archive.entries.size();
  }

  std::optional<ArchiveRefusal> take(const TarEntry& entry) {
    const auto deny = [&](std::string_view why) {
      return refuse("tar-type", "the link " + quoted(entry.path) + " to " +
                                    quoted(entry.link_target) + " " + at_byte(entry.offset) + " " +
                                    std::string(why));
    };
    if (has_special_name(entry.path)) return deny("has a name that clients act on");
    const bool hard = entry.link == TarEntry::Link::kHard;
    const auto target =
        hard ? hard_target(entry.link_target) : resolve(folder_of(entry.path), entry.link_target);
    if (!target || !target->starts_with(archive_.top + "/"))
      return deny("leads out of the package");
    if (entry.path.starts_with(*target + "/")) return deny("leads to a folder that it lies in");
    // What is there under the link's name as well.
    const auto file = files_.find(*target);
    if (file != files_.end()) {
      count(file->second);
    } else if (hard || !count_folder(*target + "/")) {
      return deny("leads to nothing in the archive");
    }
    if (entries_ > limits_.max_entries) {
      return refuse("limit-entries", "more than " + std::to_string(limits_.max_entries) +
                                         " with what links lead to");
    }
    if (bytes_ > limits_.max_unpacked) {
      return refuse("limit-unpacked", "more than " + std::to_string(limits_.max_unpacked) +
                                          " bytes with what links lead to");
    }
    archive_.links.push_back({entry.path, *target, hard});
    return std::nullopt;
  }

 private:
  static std::string_view folder_of(std::string_view path) {
    return path.substr(0, path.rfind('/'));
  }

  std::optional<std::string> hard_target(std::string_view stated) const {
    const std::size_t slash = stated.find('/');
    if (slash == stated.npos || slash == 0) return std::nullopt;
    return resolve(archive_.top, stated.substr(slash + 1));
  }

  void count(std::uint64_t size) {
    ++entries_;
    bytes_ += size;
  }

  bool count_folder(const std::string& prefix) {
    bool any = false;
    for (auto it = files_.lower_bound(prefix);
         it != files_.end() && it->first.starts_with(prefix) && entries_ <= limits_.max_entries;
         ++it) {
      count(it->second);
      any = true;
    }
    return any;
  }

  const ArchiveLimits& limits_;
  Archive& archive_;
  std::map<std::string, std::uint64_t, std::less<>> files_;
  std::uint64_t entries_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

std::optional<ArchiveRefusal> check_links(const std::vector<TarEntry>& entries,
                                          const ArchiveLimits& limits, Archive& archive) {
  const auto is_link = [](const TarEntry& entry) { return entry.link != TarEntry::Link::kNone; };
  if (std::ranges::none_of(entries, is_link)) return std::nullopt;
  Links links(limits, archive);
  for (const TarEntry& entry : entries) {
    if (!is_link(entry)) continue;
    if (auto refusal = links.take(entry)) return refusal;
  }
  return std::nullopt;
}

}  // namespace npmgate
