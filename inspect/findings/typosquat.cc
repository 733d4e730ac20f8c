// Names within a typing error of a popular package's.
#include <algorithm>

#include "base/text.h"
#include "inspect/findings/detector.h"

namespace npmgate::detect {
namespace {

constexpr std::size_t kShortestName = 4;  // three letters are a typing error away from everything
// A squatted name is young or hardly released; a name that lived longer is known for what it is.
constexpr std::size_t kFewReleases = 10;
constexpr Millis kYoung = std::chrono::hours{24 * 90};
constexpr Millis kEstablished = std::chrono::hours{24 * 365};

struct NameParts {
  std::string_view scope;  // "@scope", ""
  std::string_view unscoped;
};
NameParts parts_of(std::string_view name) {
  const auto slash = name.find('/');
  if (!name.starts_with('@') || slash == name.npos) return {{}, name};
  return {name.substr(0, slash), name.substr(slash + 1)};
}

// Optimal string alignment distance is exactly 1: one letter more, less, other, or two neighbours
// swapped. Linear time.
bool one_error_apart(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > 1) return false;
  std::size_t i = 0;
  while (i < a.size() && a[i] == b[i]) ++i;
  if (i == a.size()) return b.size() != a.size();
  if (b.size() > a.size()) return a.substr(i) == b.substr(i + 1);
  if (a.substr(i + 1) == b.substr(i + 1)) return true;
  return i + 1 < a.size() && a[i] == b[i + 1] && a[i + 1] == b[i] &&
         a.substr(i + 2) == b.substr(i + 2);
}

// The name without what people forget: scope sign, separators.
std::string bare(std::string_view name) {
  std::string out;
  for (const char c : lower_ascii(name)) {
    if (c != '-' && c != '_' && c != '.' && c != '@' && c != '/') out += c;
  }
  return out;
}

bool young(const Comparison& sides) {
  if (sides.history == nullptr) return sides.before == nullptr;
  const auto& entries = sides.history->entries;
  const bool few = entries.size() <= kFewReleases;
  if (!sides.history->times_real || !sides.release.published) return few;
  std::optional<Time> first;
  for (const auto& entry : entries) {
    if (entry.published && (!first || *entry.published < *first)) first = entry.published;
  }
  if (!first) return few;
  const Millis age = *sides.release.published - *first;
  return age < kYoung || (few && age < kEstablished);
}

// How `name` can be mistaken for `popular`; "" if it cannot.
std::string_view mistaken(std::string_view name, std::string_view name_bare,
                          std::string_view popular) {
  const NameParts mine = parts_of(name);
  const NameParts theirs = parts_of(popular);
  if (theirs.unscoped.size() < kShortestName) return {};
  // Under one scope stands one owner.
  if (!mine.scope.empty() && mine.scope == theirs.scope) return {};
  if (mine.scope.empty() == theirs.scope.empty() && one_error_apart(name, popular)) {
    return "one typing error";
  }
  // "@company/lodash" is everyday; "types-node" for "@types/node" is not.
  if (!mine.scope.empty() && theirs.scope.empty()) return {};
  const std::string popular_bare = bare(popular);
  return name_bare == popular_bare ? "separators or scope" : std::string_view();
}

}  // namespace

std::vector<Finding> typosquat_suspect(const Comparison& sides) {
  const std::string_view name = sides.release.manifest.name;
  if (parts_of(name).unscoped.size() < kShortestName || !young(sides)) return {};
  if (std::binary_search(sides.popular.begin(), sides.popular.end(), name)) return {};
  const std::string name_bare = bare(name);
  json::array resembles;
  std::vector<std::string> words;
  for (const std::string& popular : sides.popular) {
    if (popular.size() > name.size() + 3 || popular.size() + 3 < name.size()) continue;
    const std::string_view how = mistaken(name, name_bare, popular);
    if (how.empty()) continue;
    resembles.push_back({{"name", popular}, {"differs_by", how}});
    words.push_back(popular);
  }
  if (resembles.empty()) return {};
  json::object proof;
  put_list(proof, "resembles", std::move(resembles), 5);
  return {
      make("typosquat-suspect", Severity::kHigh, "packument-field",
           std::string(name) + " is easily mistaken for " + join(words, ", ", 3) + " and is young",
           std::move(proof))};
}

}  // namespace npmgate::detect
