// Files of this folder that the program carries inside (data.cmake writes the .cc at build time).
// Internal to policy/.
#pragma once

#include <string_view>

namespace npmgate::data {

std::string_view default_policy();  // default_policy.yaml
std::string_view popular();         // popular.txt

}  // namespace npmgate::data
