// Files of this folder that the program carries inside (cmake/data.cmake writes the .cc at build
// time). Internal to proxy/.
#pragma once

#include <string_view>

namespace npmgate::data {

std::string_view openapi();  // openapi.json

}  // namespace npmgate::data
