// Strict reading of protobuf's JSON form: known keys only, base64 and 64-bit numbers as text.
// Internal to sigstore/.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "registry/json_check.h"

namespace npmgate::sigstore {

// The first thing that was wrong in a document; later ones are not kept.
struct Problem {
  std::string what;
  bool none() const { return what.empty(); }
  void note(std::string text) {
    if (what.empty()) what = std::move(text);
  }
};

// One object of a document. Every getter gives an empty value and notes a problem if the field
// is not what was asked for; a field that is null counts as absent.
class Fields {
 public:
  // `known`: every other key is a problem; empty = any key may be there.
  Fields(const json::Element& value, std::string where, Problem& problem,
         std::initializer_list<std::string_view> known);

  bool has(std::string_view key) const;
  std::string text(std::string_view key, std::size_t max = 256) const;  // required, not empty
  std::string text_or_none(std::string_view key, std::size_t max = 256) const;
  std::string bytes(std::string_view key, std::size_t max) const;  // required, not empty
  std::uint64_t number(std::string_view key) const;                // required, below 2^63
  Fields object(std::string_view key, std::initializer_list<std::string_view> known) const;
  // Required; at most `max` elements.
  std::vector<json::Element> list(std::string_view key, std::size_t max) const;
  const json::Element& value() const { return value_; }
  Problem& problem() const { return *problem_; }
  std::string path(std::string_view key) const { return where_ + "." + std::string(key); }

 private:
  bool find(std::string_view key, json::Element& out) const;

  json::Element value_;
  std::string where_;
  Problem* problem_;
};

// The bytes of a base64 text; "" with a problem for anything else.
std::string bytes_of(const json::Element& value, const std::string& where, std::size_t max,
                     Problem& problem);

}  // namespace npmgate::sigstore
