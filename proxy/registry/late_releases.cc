#include "proxy/registry/late_releases.h"

namespace npmgate {

bool LateReleases::note(const std::string& name, const std::string& version, Time now) {
  const std::lock_guard lock(mutex_);
  if (since_.size() >= kMax) since_.clear();
  auto& since = since_.try_emplace({name, version}, now).first->second;
  if (since > now || now - since >= kForgotten) since = now;
  return now - since < kPatience;
}

std::vector<std::string> LateReleases::given_up(const std::string& name, Time now) const {
  std::vector<std::string> versions;
  const std::lock_guard lock(mutex_);
  for (auto it = since_.lower_bound({name, ""}); it != since_.end() && it->first.first == name;
       ++it) {
    const Millis late = now - it->second;
    if (late >= kPatience && late < kForgotten) versions.push_back(it->first.second);
  }
  return versions;
}

}  // namespace npmgate
