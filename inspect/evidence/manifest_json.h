// JSON of the types that evidence is made of. Members that are empty or absent are left out.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/manifest.h"

namespace npmgate {

struct ProvenanceEvidence;

// Reads members of one JSON object. A member of the wrong type makes `ok` false and reads as empty;
// nothing throws. Unknown members are not seen: callers write what they read again and compare.
class JsonFields {
 public:
  JsonFields(const boost::json::value& value, bool& ok);

  bool has(std::string_view key) const { return find(key) != nullptr; }
  const boost::json::value* find(std::string_view key) const;
  std::string text(std::string_view key) const;
  std::optional<std::string> optional_text(std::string_view key) const;
  bool flag(std::string_view key) const;
  std::optional<bool> optional_flag(std::string_view key) const;
  std::uint64_t number(std::string_view key) const;
  std::optional<std::uint64_t> optional_number(std::string_view key) const;
  std::optional<Time> time(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;
  StringMap map(std::string_view key) const;
  // The member's elements; empty if it is absent.
  const boost::json::array& array(std::string_view key) const;
  bool& ok() const { return ok_; }

 private:
  const boost::json::object* object_;
  bool& ok_;
};

std::string json_text(const boost::json::value& value, bool& ok);
std::uint64_t json_number(const boost::json::value& value, bool& ok);
std::vector<std::string> json_texts(const boost::json::value& value, bool& ok);
boost::json::array to_json_array(const std::vector<std::string>& texts);

// "2021-10-22T12:15:21.378Z", or milliseconds since 1970 if that text would not give the same
// time back.
boost::json::value time_to_json(Time time);

Manifest manifest_from_json(const boost::json::value& value, bool& ok);
Release release_from_json(const boost::json::value& value, bool& ok);

boost::json::object to_json(const ProvenanceEvidence& evidence);
ProvenanceEvidence provenance_from_json(const boost::json::value& value, bool& ok);

}  // namespace npmgate
