#include "proxy/net/query.h"

#include <algorithm>

#include "base/log.h"

namespace npmgate {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Takes what stands before the next '/' off `text`; false where nothing is left.
bool take_segment(std::string_view& text, std::string_view& segment) {
  if (!text.starts_with('/')) return false;
  text.remove_prefix(1);
  segment = text.substr(0, text.find('/'));
  text.remove_prefix(segment.size());
  return true;
}

std::string decode(std::string_view text, bool plus_is_blank) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) << 4 | hex(text[i + 2]));
      i += 2;
    } else {
      out += plus_is_blank && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
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
    std::string value = decode(given, false);
    if (key == "name" && value.starts_with('@') && value.find('/') == std::string::npos) {
      if (!take_segment(path, given)) return std::nullopt;
      value += "/" + decode(given, false);
    }
    if (value.empty()) return std::nullopt;
    arguments[key] = std::move(value);
  }
  if (!path.empty()) return std::nullopt;
  return arguments;
}

std::string percent_decode(std::string_view text) {
  return decode(text, true);
}

std::string percent_encode(std::string_view text, std::string_view plain) {
  constexpr std::string_view kUnreserved = "-._~", kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool stays = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       kUnreserved.find(c) != kUnreserved.npos || plain.find(c) != plain.npos;
    const auto byte = static_cast<unsigned char>(c);
    out += stays ? std::string(1, c) : std::string{'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

std::string query_value(std::string_view query, std::string_view key) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == key)
      return equals == std::string_view::npos ? "" : percent_decode(pair.substr(equals + 1));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return {};
}

std::string loggable_target(std::string_view target) {
  const std::string plain = decode(target, false);
  std::size_t end = plain.size();
  for (const std::string_view place : {"/-/user/token/", "/-/npm/v1/tokens/", "ngt_", "npm_"}) {
    const std::size_t found = plain.find(place);
    if (found != std::string::npos) end = std::min(end, found + place.size());
  }
  return log::printable(plain.substr(0, end)) + (end < plain.size() ? "…" : "");
}

}  // namespace npmgate
