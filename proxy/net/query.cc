#include "proxy/net/query.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"

namespace npmgate {
namespace {

// Takes what stands before the next '/' off `text`; false if nothing is left.
bool take_segment(std::string_view& text, std::string_view& segment) {
  if (!text.starts_with('/')) return false;
  text.remove_prefix(1);
  segment = text.substr(0, text.find('/'));
  text.remove_prefix(segment.size());
  return true;
}

}  // namespace

std::optional<StringMap> match_route(std::string_view pattern, std::string_view path) {
  StringMap arguments;
  std::string_view wanted, given;
  while (take_segment(pattern, wanted)) {
    if (!take_segment(path, given)) return std::nullopt;
    if (!wanted.starts_with('{')) {
      if (wanted != given) return std::nullopt;
      continue;
    }
    const std::string key(wanted.substr(1, wanted.size() - 2));
    std::string value = percent_decode(given);
    if (key == "name" && value.starts_with('@') && value.find('/') == std::string::npos) {
      if (!take_segment(path, given)) return std::nullopt;
      value += "/" + percent_decode(given);
    }
    if (value.empty()) return std::nullopt;
    arguments[key] = std::move(value);
  }
  if (!path.empty()) return std::nullopt;
  return arguments;
}

std::string form_decode(std::string_view text) {
  std::string plain(text);
  std::ranges::replace(plain, '+', ' ');
  return percent_decode(plain);
}

std::string query_value(std::string_view query, std::string_view key) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == key)
      return equals == std::string_view::npos ? "" : form_decode(pair.substr(equals + 1));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return {};
}

std::string loggable_target(std::string_view target) {
  const std::string plain = percent_decode(target);
  std::size_t end = plain.size();
  for (const std::string_view place : {"/-/user/token/", "/-/npm/v1/tokens/", "ngt_", "npm_"}) {
    const std::size_t found = plain.find(place);
    if (found != std::string::npos) end = std::min(end, found + place.size());
  }
  return log::printable(plain.substr(0, end)) + (end < plain.size() ? "…" : "");
}

}  // namespace npmgate
