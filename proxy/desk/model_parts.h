// What the desk's models are made of. Internal to proxy/desk.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <vector>

namespace npmgate {

// Texts of a list with ", " between them.
std::string joined(const boost::json::array& texts);
// "2026-11-28T05:50:44.000Z" as people read it.
std::string minute(const std::string& time);
// A cell of a table; with `href` its text is a link.
boost::json::object cell(std::string label, std::string shown, std::string href = {});
boost::json::object table(std::string heading, std::vector<std::string> columns,
                          boost::json::array rows, std::string empty);
// A field of the form above a table.
boost::json::object field(const char* name, const char* label, std::string value, const char* hint);
// Requests (GET /api/v1/requests) as templates show them. `suggested`: the version that the form
// proposes instead, "" = none.
boost::json::array requests_of(const boost::json::array& requests, const std::string& suggested);

}  // namespace npmgate
