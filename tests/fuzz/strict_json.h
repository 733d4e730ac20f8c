// A second opinion on JSON text, independent of the gate's own readers: Boost.JSON's event parser
// with an eye on keys that stand in one object twice.
#pragma once

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace npmgate::fuzz {

// Handler of boost::json::basic_parser; only keys and objects matter.
struct KeyWatcher {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  using Code = boost::json::error_code;
  using Text = boost::json::string_view;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t, Code&) { return true; }
  bool on_object_begin(Code&) {
    open.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, Code&) {
    open.pop_back();
    return true;
  }
  bool on_string_part(Text, std::size_t, Code&) { return true; }
  bool on_string(Text, std::size_t, Code&) { return true; }
  bool on_key_part(Text part, std::size_t, Code&) {
    key.append(part.data(), part.size());
    return true;
  }
  bool on_key(Text part, std::size_t, Code&) {
    key.append(part.data(), part.size());
    duplicates = duplicates || !open.back().insert(key).second;
    key.clear();
    return true;
  }
  bool on_number_part(Text, Code&) { return true; }
  bool on_int64(std::int64_t, Text, Code&) { return true; }
  bool on_uint64(std::uint64_t, Text, Code&) { return true; }
  bool on_double(double, Text, Code&) { return true; }
  bool on_bool(bool, Code&) { return true; }
  bool on_null(Code&) { return true; }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

  std::vector<std::set<std::string>> open;
  std::string key;
  bool duplicates = false;
};

inline boost::json::parse_options deep_options() {
  boost::json::parse_options options;
  options.max_depth = 512;
  return options;
}

struct JsonOpinion {
  bool valid = false;       // one JSON value and nothing after it
  bool duplicates = false;  // some object has a key twice
  bool no_opinion = false;  // an exponent beyond what this reader takes
};

inline JsonOpinion json_opinion(std::string_view text) {
  boost::json::basic_parser<KeyWatcher> parser(deep_options());
  boost::json::error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  return {!error && used == text.size() && parser.done(), parser.handler().duplicates,
          error == boost::json::error::exponent_overflow};
}

// The document, for the values that other readers take from it.
inline boost::json::value json_value(std::string_view text) {
  return boost::json::parse({text.data(), text.size()}, {}, deep_options());
}

}  // namespace npmgate::fuzz
