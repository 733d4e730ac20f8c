// Mustache templates (kainjow-mustache; {{x}} escapes HTML) over JSON models, and pages that the
// gate serves to browsers.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "proxy/net/http.h"

namespace npmgate {

// Strings of `model` come from anywhere: control, bidi and invisible characters are made visible
// here, and {{x}} escapes what HTML gives a meaning. An empty string is false in a section, as are
// null and an empty list; numbers are text.
std::string render(std::string_view page_template, const boost::json::object& model);
// The same with one member of the model that is HTML already, as {{{body}}}.
std::string render_around(std::string_view page_template, const boost::json::object& model,
                          std::string body);

// A page of the registry's own listener: rendered into the frame, with its style sheet, no script,
// nothing from elsewhere, in no frame of others, kept by nobody. `refresh`: seconds after which the
// browser looks again, or a path of this gate that it goes on to at once; "": neither.
Response own_page(int status, const std::string& title, std::string body,
                  const std::string& refresh = "");

// Whether a browser asks: somebody reads the answer.
bool wants_page(const Request& request);

}  // namespace npmgate
