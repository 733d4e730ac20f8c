// The desk's pages: Mustache templates (kainjow-mustache; {{x}} escapes HTML) over JSON models.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace npmgate {

// Strings of `model` come from anywhere: control, bidi and invisible characters are made visible
// here, and {{x}} escapes what HTML gives a meaning. An empty string is false in a section, as are
// null and an empty list; numbers are text.
std::string render(std::string_view page_template, const boost::json::object& model);

struct PageLink {
  std::string href, text;
};

struct Frame {
  std::string title, path;  // `path`: the page's own, which is marked in the navigation
  std::string actor, csrf;  // "" = nobody is signed in: no navigation
  std::string message;      // one line above the content; "" = none
};

// A whole page around a rendered `body`.
std::string framed(const Frame& frame, std::string body);

}  // namespace npmgate
