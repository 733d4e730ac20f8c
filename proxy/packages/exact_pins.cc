#include "proxy/packages/exact_pins.h"

#include <algorithm>

#include "judge/exact_pin.h"

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
  for (const auto& [name, version] : exact_pins(parent.manifest)) {
    if (name == parent.manifest.name) continue;
    const std::string key = name + "@" + version;
    const std::lock_guard lock(mutex_);
    if (is_known(key, *owner)) continue;
    if (owners_.size() >= kMost) owners_.clear();
    owners_.emplace(key, owner);
  }
}

bool ExactPins::holds(const Release& release) const {
  const std::string key = release.manifest.name + "@" + release.manifest.version;
  const std::lock_guard lock(mutex_);
  return is_known(key, release);
}

bool ExactPins::is_known(const std::string& key, const Release& owner) const {
  const auto [from, to] = owners_.equal_range(key);
  return std::any_of(from, to, [&](const auto& each) { return same_owner(*each.second, owner); });
}

}  // namespace npmgate
