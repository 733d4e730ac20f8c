// Numbers in text that others wrote.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace npmgate {

// The decimal number that `text` is, with nothing beside it; nullopt for anything else and for what
// T does not hold. A minus is read if T has a sign.
template <class T>
std::optional<T> whole_number(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace npmgate
