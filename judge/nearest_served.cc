#include "judge/nearest_served.h"

#include <tuple>

namespace npmgate {
namespace {

struct Served {
  const Judged* judged;
  Version version;
  bool deprecated;
};

std::vector<Served> stable_ones(const Judge::Listing& listing) {
  std::vector<Served> found;
  for (const Judged* judged : listing.kept) {
    auto version = Version::parse_loose(judged->version);
    if (!version || version->is_prerelease()) continue;
    const bool deprecated = judged->release != nullptr && judged->release->manifest.deprecated;
    found.push_back({judged, std::move(*version), deprecated});
  }
  return found;
}

}  // namespace

std::string nearest_served(const Judge::Listing& listing, std::string_view version) {
  const auto wanted = Version::parse_loose(version);
  if (!wanted) return "";
  const std::string line = release_line(*wanted);
  const Served* best = nullptr;
  // Smaller is nearer; within a rank the highest below, the lowest above.
  const auto rank = [&](const Served& served) {
    const bool below = served.version < *wanted, same = release_line(served.version) == line;
    return std::tuple(served.deprecated, same ? (below ? 0 : 1) : below ? 2 : 3);
  };
  const std::vector<Served> all = stable_ones(listing);
  for (const Served& served : all) {
    if (served.version == *wanted) continue;
    const bool below = served.version < *wanted;
    const bool nearer = best == nullptr || rank(served) < rank(*best) ||
                        (rank(served) == rank(*best) &&
                         (below ? best->version < served.version : served.version < best->version));
    if (nearer) best = &served;
  }
  return best == nullptr ? "" : best->judged->version;
}

std::string highest_served(const Judge::Listing& listing, const Range& range) {
  const std::vector<Served> all = stable_ones(listing);
  const Served* best = nullptr;
  for (const Served& served : all) {
    if (!range.matches(served.version)) continue;
    if (best == nullptr || best->version < served.version) best = &served;
  }
  return best == nullptr ? "" : best->judged->version;
}

}  // namespace npmgate
