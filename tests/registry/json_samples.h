// JSON texts for the tests of registry/: small packuments, and random documents from a fixed seed.
#pragma once

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "registry/packument.h"

namespace npmgate::test {

// A version manifest as a registry states it; `members` is JSON text that starts with a comma, or
// "".
inline std::string manifest_json(std::string_view name, std::string_view version,
                                 std::string_view members = "") {
  std::string out = R"({"name":")" + std::string(name) + R"(","version":")" + std::string(version);
  out += R"(","dist":{"tarball":"https://registry.example/)" + std::string(name) + "/-/p-" +
         std::string(version) + R"(.tgz","shasum":"00"}})";
  out.insert(out.size() - 1, members);
  return out;
}

struct VersionText {
  std::string version;
  std::string raw;
};

inline std::string packument_json(std::string_view name, const std::vector<VersionText>& versions,
                                  std::string_view members = "") {
  std::string out = R"({"name":")" + std::string(name) + R"(","versions":{)";
  for (const auto& [version, raw] : versions) {
    if (out.back() != '{') out += ',';
    out += '"' + version + "\":" + raw;
  }
  out += "}" + std::string(members) + "}";
  return out;
}

inline PackageName name_of(std::string_view text) {
  return PackageName::parse(text).value();
}

inline Result<std::shared_ptr<const Packument>> parse_packument(std::string text,
                                                                std::string_view name = "p") {
  return Packument::parse(std::move(text), name_of(name));
}

// Another parser's reading, as oracle. nullopt: it refuses the text.
inline std::optional<boost::json::value> oracle(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 300;
  boost::json::error_code error;
  boost::json::value value = boost::json::parse(text, error, {}, options);
  if (error) return std::nullopt;
  return value;
}

inline std::string nested(std::size_t depth, char open, std::string_view innermost = "") {
  std::string out;
  for (std::size_t i = 0; i < depth; ++i)
    out += open == '[' ? "[" : (i + 1 < depth ? "{\"a\":" : "{");
  out += innermost;
  out.append(depth, open == '[' ? ']' : '}');
  return out;
}

// Random JSON text: every kind of value, escapes, blanks, non-ASCII. Keys of one object differ.
class JsonGenerator {
 public:
  explicit JsonGenerator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::string value(std::size_t depth) {
    switch (below(depth == 0 ? 5 : 7)) {
      case 0:
        return string();
      case 1:
        return std::to_string(static_cast<long>(below(100'000)) - 50'000);
      case 2:
        return pick({"0", "-0", "1.5", "2e3", "1E-2", "18446744073709551615"});
      case 3:
        return pick({"true", "false", "null"});
      case 4:
        return string();
      case 5:
        return array(depth - 1);
      default:
        return object(depth - 1, "");
    }
  }

  // `members`: JSON text of members to start with, without braces.
  std::string object(std::size_t depth, std::string members) {
    const std::size_t count = below(6);
    for (std::size_t i = 0; i < count; ++i) {
      if (!members.empty()) members += blanks() + ",";
      members += blanks() + "\"k" + std::to_string(i) + string().substr(1) + blanks() + ":" +
                 blanks() + value(depth);
    }
    return "{" + members + blanks() + "}";
  }

  std::string string() {
    std::string out = "\"";
    const std::size_t length = below(12);
    for (std::size_t i = 0; i < length; ++i) {
      out += pick({"a", "Z", "{", "}", "[", "]", ",", ":", " ", "\\\"", "\\\\", "\\n", "\\u0041",
                   "\\ud83d\\ude00", "\xc3\xa9", "\xf0\x9f\x93\xa6", "/", "\\/"});
    }
    return out + "\"";
  }

  std::string blanks() { return pick({"", "", "", " ", "\n", "\t  "}); }
  std::string pick(std::initializer_list<std::string_view> choices) {
    return std::string(*(choices.begin() + below(choices.size())));
  }

  // One byte replaced, removed or inserted.
  std::string mutate(std::string text) {
    static constexpr std::string_view kBytes = "{}[]\",:\\ \n01e-.tfnu\x80\xc3\x01";
    const std::size_t at = below(text.size());
    const char byte = kBytes[below(kBytes.size())];
    switch (below(3)) {
      case 0:
        text[at] = byte;
        break;
      case 1:
        text.erase(at, 1);
        break;
      default:
        text.insert(at, 1, byte);
    }
    return text;
  }

 private:
  std::string array(std::size_t depth) {
    std::string out = "[";
    const std::size_t count = below(5);
    for (std::size_t i = 0; i < count; ++i) out += (i > 0 ? "," : "") + blanks() + value(depth);
    return out + blanks() + "]";
  }

  std::mt19937 random_;
};

}  // namespace npmgate::test
