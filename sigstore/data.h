// Files that are part of the program (cmake/data.cmake).
#pragma once

#include <string_view>

namespace npmgate::data {

std::string_view tuf_seeds();

}  // namespace npmgate::data
