// The desk's templates and style sheet, built into the program (templates/).
#pragma once

#include <string_view>

namespace npmgate::data {

std::string_view desk_confirm();
std::string_view desk_css();
std::string_view desk_layout();
std::string_view desk_login();
std::string_view desk_not_done();
std::string_view desk_package();
std::string_view desk_queue();
std::string_view desk_release();
std::string_view desk_requests();
std::string_view desk_search();
std::string_view desk_signed_in();
std::string_view desk_table();

}  // namespace npmgate::data
