#include "sigstore/fields.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>

#include "sigstore/crypto.h"

namespace npmgate::sigstore {

using json::Element;

Fields::Fields(const Element& value, std::string where, Problem& problem,
               std::initializer_list<std::string_view> known)
    : value_(value), where_(std::move(where)), problem_(&problem) {
  json::Object object;
  if (value_.get_object().get(object)) {
    problem.note(where_ + " is not an object");
    return;
  }
  if (known.size() == 0) return;
  for (const auto field : object) {
    if (std::find(known.begin(), known.end(), field.key) == known.end())
      problem.note(where_ + " has a field that is not known");
  }
}

bool Fields::find(std::string_view key, Element& out) const {
  return !value_.at_key(key).get(out) && !out.is_null();
}

bool Fields::has(std::string_view key) const {
  Element found;
  return find(key, found);
}

std::string Fields::text_or_none(std::string_view key, std::size_t max) const {
  Element found;
  if (!find(key, found)) return {};
  std::string_view text;
  if (found.get_string().get(text) || text.size() > max) {
    problem_->note(path(key) + " is not a text of at most " + std::to_string(max) + " bytes");
    return {};
  }
  return std::string(text);
}

std::string Fields::text(std::string_view key, std::size_t max) const {
  std::string out = text_or_none(key, max);
  if (out.empty()) problem_->note(path(key) + " is missing");
  return out;
}

std::string Fields::bytes(std::string_view key, std::size_t max) const {
  Element found;
  if (find(key, found)) return bytes_of(found, path(key), max, *problem_);
  problem_->note(path(key) + " is missing");
  return {};
}

std::uint64_t Fields::number(std::string_view key) const {
  Element found;
  std::int64_t value = -1;
  std::string_view text;
  if (!find(key, found)) {
    problem_->note(path(key) + " is missing");
    return 0;
  }
  if (!found.get_string().get(text)) {
    // One text per value, so that no other number reads alike.
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || std::to_string(value) != text)
      value = -1;
  } else if (found.get_int64().get(value)) {
    value = -1;
  }
  if (value < 0) problem_->note(path(key) + " is not a number from 0");
  return value < 0 ? 0 : static_cast<std::uint64_t>(value);
}

Fields Fields::object(std::string_view key, std::initializer_list<std::string_view> known) const {
  Element found;
  if (!find(key, found)) {
    problem_->note(path(key) + " is missing");
    found = value_;
    // An object without the fields that are read from it.
    return Fields(found, path(key), *problem_, {});
  }
  return Fields(found, path(key), *problem_, known);
}

std::vector<Element> Fields::list(std::string_view key, std::size_t max) const {
  Element found;
  json::Array array;
  if (!find(key, found) || found.get_array().get(array)) {
    problem_->note(path(key) + " is not a list");
    return {};
  }
  std::vector<Element> out;
  for (const Element each : array) {
    if (out.size() == max) {
      problem_->note(path(key) + " has more than " + std::to_string(max) + " elements");
      return {};
    }
    out.push_back(each);
  }
  return out;
}

std::string bytes_of(const Element& value, const std::string& where, std::size_t max,
                     Problem& problem) {
  std::string_view text;
  if (value.get_string().get(text)) {
    problem.note(where + " is not a text");
    return {};
  }
  auto bytes = text.size() / 4 > max / 3 + 1 ? std::nullopt : decode_base64(text);
  if (!bytes || bytes->empty()) {
    problem.note(where + " is not base64 of 1 to " + std::to_string(max) + " bytes");
    return {};
  }
  return std::move(*bytes);
}

}  // namespace npmgate::sigstore
