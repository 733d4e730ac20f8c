// Pages of this folder that the program carries inside (templates/). Internal to proxy/.
#pragma once

#include <string_view>

namespace npmgate::data {

std::string_view pages_css();
std::string_view page_frame();
std::string_view page_release();
std::string_view page_refusals();
std::string_view page_held();

}  // namespace npmgate::data
