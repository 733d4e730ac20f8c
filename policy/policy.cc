#include "policy/policy.h"

#include <algorithm>

#include "policy/data.h"

namespace npmgate {

std::string_view to_string(Action action) {
  constexpr std::string_view kNames[] = {"allow", "warn", "quarantine", "block"};
  return kNames[static_cast<std::size_t>(action)];
}

std::string_view default_policy_text() {
  return data::default_policy();
}

std::shared_ptr<const Policy> default_policy(Time now) {
  const FileReader no_files = [](const std::string& path) -> Result<std::string> {
    return fail(Code::kNotFound, Origin::kSelf, path + " is not part of the built-in policy");
  };
  PolicyResult result = load_policy(default_policy_text(), "default policy", no_files, now);
  // A test loads it; a build that ships a broken one is a bug.
  if (!result.policy) throw std::logic_error(result.problems.front().str());
  return result.policy;
}

std::span<const std::string> popular_packages() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> lines;
    for (std::string_view rest = data::popular(); !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      if (end > 0 && rest.front() != '#') lines.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }();
  return names;
}

}  // namespace npmgate
