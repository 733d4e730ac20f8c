#include "policy/name_set.h"

#include <algorithm>

#include "inspect/findings/findings.h"
#include "policy/policy.h"
#include "registry/name.h"

namespace npmgate {

void NameSet::add(std::string name_or_glob) {
  (is_glob(name_or_glob) ? globs_ : exact_).push_back(std::move(name_or_glob));
}

void NameSet::add_set(std::shared_ptr<const NameSet> other) {
  sets_.push_back(std::move(other));
}

void NameSet::seal() {
  std::sort(exact_.begin(), exact_.end());
  exact_.erase(std::unique(exact_.begin(), exact_.end()), exact_.end());
}

bool NameSet::matches(std::string_view name) const {
  if (std::binary_search(exact_.begin(), exact_.end(), name, std::less<>())) return true;
  if (popular_) {
    const auto popular = popular_packages();
    if (std::binary_search(popular.begin(), popular.end(), name, std::less<>())) return true;
  }
  return std::any_of(globs_.begin(), globs_.end(),
                     [&](const std::string& glob) { return glob_match(glob, name); }) ||
         std::any_of(sets_.begin(), sets_.end(),
                     [&](const auto& set) { return set->matches(name); });
}

bool NameSet::empty() const {
  return exact_.empty() && globs_.empty() && !popular_ &&
         std::all_of(sets_.begin(), sets_.end(), [](const auto& set) { return set->empty(); });
}

bool is_glob(std::string_view text) {
  return text.find_first_of("*?") != std::string_view::npos;
}

std::string check_name_or_glob(std::string_view text) {
  if (!is_glob(text)) {
    if (PackageName::parse(text)) return {};
    const std::size_t at = text.rfind('@');
    if (at != std::string_view::npos && at > 0) {
      return "is not a package name; a version belongs into a `version` condition";
    }
    return "is not a package name or glob";
  }
  // Characters of PackageName, and the wildcards; a scope's one '@' and one '/'.
  constexpr std::string_view kMarks = "-._~!'()*?@/";
  const bool known = std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
  const bool scope =
      text.find('@', 1) == std::string_view::npos && std::count(text.begin(), text.end(), '/') <= 1;
  return known && scope && text.size() <= 214 ? "" : "is not a glob over package names";
}

std::optional<std::size_t> finding_index(std::string_view id) {
  using Entry = std::pair<std::string_view, std::size_t>;
  static const std::vector<Entry> sorted = [] {
    std::vector<Entry> entries;
    for (const FindingKind& kind : finding_kinds()) entries.emplace_back(kind.id, entries.size());
    std::sort(entries.begin(), entries.end());
    return entries;
  }();
  const auto it = std::lower_bound(sorted.begin(), sorted.end(), Entry(id, 0));
  if (it == sorted.end() || it->first != id || it->second >= FindingSet().size()) return {};
  return it->second;
}

std::vector<std::string> finding_ids(const FindingSet& set) {
  std::vector<std::string> ids;
  if (set.none()) return ids;
  ids.reserve(set.count());
  const auto kinds = finding_kinds();
  for (std::size_t i = 0; i < kinds.size() && i < set.size(); ++i) {
    if (set.test(i)) ids.emplace_back(kinds[i].id);
  }
  return ids;
}

}  // namespace npmgate
