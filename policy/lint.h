// What is valid in a policy and yet hardly meant: said by `policy check` and at each load, with the
// place. Internal to policy/. Pure.
#pragma once

#include <vector>

#include "policy/policy.h"

namespace npmgate {

// No rules at all, rules that can never match (ages that exclude each other, names that exclude
// each other, an exception for everything), globs that no package name can match.
std::vector<Problem> lint(const Policy& policy);

}  // namespace npmgate
