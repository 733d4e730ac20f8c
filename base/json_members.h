// Members of JSON objects that may be absent or of another type: then they read as empty. For
// documents that this program made or that were checked before; evidence is read by JsonFields
// (inspect/evidence/manifest_json.h), which tells wrong types.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

namespace npmgate {

// Null if absent.
const boost::json::value& member_of(const boost::json::object& object, std::string_view key);
// A string; "" for anything else.
std::string text_member(const boost::json::object& object, std::string_view key);
// For people: a string as it is, other values as JSON; "" for null.
std::string shown_member(const boost::json::object& object, std::string_view key);
bool flag_member(const boost::json::object& object, std::string_view key);
const boost::json::array& list_member(const boost::json::object& object, std::string_view key);
const boost::json::object& object_member(const boost::json::object& object, std::string_view key);
// Itself, or an empty one if it is no object.
const boost::json::object& object_in(const boost::json::value& value);
// What it refers to would be gone.
const boost::json::object& object_in(const boost::json::value&& value) = delete;

}  // namespace npmgate
