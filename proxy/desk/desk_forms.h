// Forms and answers of the desk's pages. Internal to proxy/desk.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/http.h"

namespace npmgate {

// Every value of a form's field, in order; the first, "" if there is none.
std::vector<std::string> form_values(std::string_view body, std::string_view field);
std::string form_value(std::string_view body, std::string_view field);
// A page of the desk, and no other place: what follows a login must not lead away.
std::string own_page(const std::string& to);
// No script, nothing from elsewhere, in no frame (Content Security Policy Level 3), kept by nobody.
void guard_page(Response& response);
Response page_response(int status, std::string body);
Response redirect_to(const std::string& to);

}  // namespace npmgate
