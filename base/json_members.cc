#include "base/json_members.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace npmgate {

namespace json = boost::json;

const json::value& member_of(const json::object& object, std::string_view key) {
  static const json::value kAbsent;
  const json::value* const found = object.if_contains(key);
  return found != nullptr ? *found : kAbsent;
}

std::string text_member(const json::object& object, std::string_view key) {
  const json::value& value = member_of(object, key);
  return value.is_string() ? std::string(value.get_string()) : std::string();
}

std::string shown_member(const json::object& object, std::string_view key) {
  const json::value& value = member_of(object, key);
  if (value.is_string()) return std::string(value.get_string());
  return value.is_null() ? std::string() : json::serialize(value);
}

bool flag_member(const json::object& object, std::string_view key) {
  const json::value& value = member_of(object, key);
  return value.is_bool() && value.get_bool();
}

const json::array& list_member(const json::object& object, std::string_view key) {
  static const json::array kEmpty;
  const json::value& value = member_of(object, key);
  return value.is_array() ? value.get_array() : kEmpty;
}

const json::object& object_in(const json::value& value) {
  static const json::object kEmpty;
  return value.is_object() ? value.get_object() : kEmpty;
}

const json::object& object_member(const json::object& object, std::string_view key) {
  return object_in(member_of(object, key));
}

}  // namespace npmgate
