#include "proxy/packages/exact_pins.h"

#include "registry/semver.h"

namespace npmgate {

bool same_owner(const Release& a, const Release& b) {
  const bool account = a.publisher && b.publisher && !a.publisher->person.name.empty() &&
                       a.publisher->person.name == b.publisher->person.name;
  const bool repository = a.manifest.repository && b.manifest.repository &&
                          !a.manifest.repository->url.empty() &&
                          a.manifest.repository->url == b.manifest.repository->url;
  return account || repository;
}

void ExactPins::note(const Release& parent) {
  auto owner = std::make_shared<Release>();
  owner->publisher = parent.publisher;
  owner->manifest.repository = parent.manifest.repository;
  const Manifest& manifest = parent.manifest;
  for (const StringMap* pins : {&manifest.dependencies, &manifest.optional_dependencies}) {
    for (const auto& [name, range_text] : *pins) {
      const auto range = Range::parse(range_text);
      const auto exact = range ? range->exact() : std::nullopt;
      if (!exact || name == manifest.name) continue;
      const std::string key = name + "@" + exact->str();
      const std::lock_guard lock(mutex_);
      const auto [from, to] = owners_.equal_range(key);
      bool known = false;
      for (auto it = from; it != to && !known; ++it) known = same_owner(*it->second, *owner);
      if (known) continue;
      if (owners_.size() >= kMost) owners_.clear();
      owners_.emplace(key, owner);
    }
  }
}

bool ExactPins::holds(const Release& release) const {
  const std::string key = release.manifest.name + "@" + release.manifest.version;
  const std::lock_guard lock(mutex_);
  const auto [from, to] = owners_.equal_range(key);
  for (auto it = from; it != to; ++it)
    if (same_owner(*it->second, release)) return true;
  return false;
}

}  // namespace npmgate
