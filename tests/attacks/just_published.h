// How the tables of attacks judge: minutes after the release, by evidence alone.
#pragma once

#include "policy/policy.h"

namespace npmgate::testing {

// A client that installs `latest` minutes after the release is who an attack reaches first.
inline constexpr Millis kAge = std::chrono::minutes(10);

// The policy without its rules that hold by age alone.
inline Policy without_cooldown(const Policy& shipped) {
  Policy policy = shipped;
  std::erase_if(policy.rules, [](const Rule& rule) { return rule.cooldown; });
  return policy;
}

}  // namespace npmgate::testing
