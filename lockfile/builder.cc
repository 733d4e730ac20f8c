#include "lockfile/builder.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "registry/name.h"

namespace npmgate {
namespace {

std::string quoted(std::string_view text) {
  return "'" + log::printable(text, 100) + "'";
}

}  // namespace

LockBuilder::LockBuilder(LockFormat format, const std::string& file, std::string_view text)
    : text_(text) {
  lockfile_.format = format;
  lockfile_.file = file;
  line_starts_.push_back(0);
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
    line_starts_.push_back(at + 1);
}

void LockBuilder::problem(int line, std::string message) {
  if (!full()) problems_.push_back({{lockfile_.file, line, 1}, std::move(message)});
}

bool LockBuilder::acceptable(const LockEntry& entry) {
  if (full()) return false;
  if (entries().size() >= kMaxLockEntries) {
    problem(entry.line, "more than " + std::to_string(kMaxLockEntries) + " entries");
    return false;
  }
  const bool registry = entry.source == LockSource::kRegistry;
  // Folders of a workspace may be called anything; what a registry is asked for may not.
  if (registry && !PackageName::parse(entry.name)) {
    problem(entry.line, quoted(entry.name) + " is not a package name");
    return false;
  }
  if (registry && entry.range.empty() && !is_exact_version(entry.version)) {
    problem(entry.line, entry.name + ": " + quoted(entry.version) + " is not a version");
    return false;
  }
  return true;
}

std::optional<std::uint32_t> LockBuilder::add(LockEntry entry) {
  if (!acceptable(entry)) return std::nullopt;
  const auto index = static_cast<std::uint32_t>(entries().size());
  also_known_as(entry.id, index, entry.line);
  lockfile_.entries.push_back(std::move(entry));
  return index;
}

std::optional<std::uint32_t> LockBuilder::find(const std::string& id) const {
  const auto it = ids_.find(id);
  return it == ids_.end() ? std::nullopt : std::optional(it->second);
}

void LockBuilder::also_known_as(const std::string& id, std::uint32_t entry, int line) {
  const auto [it, fresh] = ids_.try_emplace(id, entry);
  if (!fresh && it->second != entry) problem(line, "a second entry for " + quoted(id));
}

void LockBuilder::connect(std::uint32_t from, std::uint32_t to, bool optional) {
  if (++edges_ > kMaxLockEdges) {
    if (edges_ == kMaxLockEdges + 1)
      problem(entry(from).line, "more than " + std::to_string(kMaxLockEdges) + " dependencies");
    return;
  }
  entry(from).edges.push_back({to, optional});
}

void LockBuilder::root(std::uint32_t to, bool dev, bool optional) {
  lockfile_.roots.push_back({to, dev, optional});
}

LockfileResult LockBuilder::finish() {
  if (!problems_.empty()) return {std::nullopt, std::move(problems_)};
  std::vector<bool> wanted(entries().size(), false);
  for (const LockEntry& e : entries()) {
    for (const LockEdge& edge : e.edges) wanted[edge.to] = true;
  }
  for (const LockRoot& root : lockfile_.roots) wanted[root.to] = true;
  for (std::uint32_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i]) lockfile_.roots.push_back({i, entry(i).dev, entry(i).optional});
  }
  return {std::move(lockfile_), {}};
}

void LockBuilder::resolved_from(LockEntry& entry, const DocNode& node) const {
  entry.resolved = node.text.substr(0, node.text.find('#'));
  const std::string_view raw = text_.substr(node.begin, node.end - node.begin);
  const bool plain = raw.size() >= 2 && raw.substr(1, raw.size() - 2) == node.text;
  entry.resolved_at = node.begin + 1;
  entry.resolved_size = plain ? entry.resolved.size() : 0;
}

std::size_t LockBuilder::line_start(int line) const {
  const auto index = static_cast<std::size_t>(std::max(line - 1, 0));
  return index < line_starts_.size() ? line_starts_[index] : text_.size();
}

void LockBuilder::resolved_from_line(LockEntry& entry, const std::string& url, int line, int lines,
                                     bool encoded) const {
  const std::size_t begin = line_start(line);
  const std::string_view part = text_.substr(begin, line_start(line + lines) - begin);
  const std::size_t at = part.find(url);
  entry.resolved = encoded ? percent_decode(url) : url.substr(0, url.find('#'));
  entry.resolved_encoded = encoded;
  entry.resolved_at = begin + (at == std::string_view::npos ? 0 : at);
  entry.resolved_size = at == std::string_view::npos ? 0
                        : encoded                    ? url.size()
                                                     : entry.resolved.size();
}

void for_each_text(const DocNode& node, std::string_view of,
                   const std::function<void(const DocNode&)>& visit) {
  const DocNode* map = node.find(of);
  if (map == nullptr || !map->is_map()) return;
  for (const DocNode& child : map->children) {
    if (child.is_text()) visit(child);
  }
}

std::optional<std::uint32_t> find_upwards(const LockBuilder& builder, std::string folder,
                                          const std::string& name, std::string_view separator) {
  while (true) {
    const std::string wanted = folder.empty() ? (separator == "/" ? name : "node_modules/" + name)
                                              : folder + std::string(separator) + name;
    if (auto found = builder.find(wanted)) return found;
    if (folder.empty()) return std::nullopt;
    std::size_t cut = folder.rfind(separator);
    // Of "@scope/name" the slash is no step.
    if (separator == "/" && cut != std::string::npos) {
      const std::size_t before = cut == 0 ? std::string::npos : folder.rfind('/', cut - 1);
      const std::size_t part = before == std::string::npos ? 0 : before + 1;
      if (folder[part] == '@') cut = before;
    }
    if (cut == std::string::npos && separator != "/" && !folder.starts_with("node_modules/")) {
      // A workspace's folder: its parents' node_modules come next.
      const std::size_t slash = folder.rfind('/');
      folder.resize(slash == std::string::npos ? 0 : slash);
      continue;
    }
    folder.resize(cut == std::string::npos ? 0 : cut);
  }
}

}  // namespace npmgate
