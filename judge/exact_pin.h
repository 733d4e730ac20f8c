// What a release pins exactly: the parts that it is published with, if they are of the same owner.
#pragma once

#include <string>
#include <vector>

#include "registry/manifest.h"

namespace npmgate {

struct ExactPin {
  std::string name, version;
};

// Dependencies, then optional dependencies, whose range is one version; an alias is none.
std::vector<ExactPin> exact_pins(const Manifest& manifest);

}  // namespace npmgate
