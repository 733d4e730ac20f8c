// How much heap lies behind a value: what caches count against their budget. Sizes are in bytes, as
// glibc's malloc hands them out (steps of 16, 8 of them its own, at least 32).
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace npmgate {

constexpr std::size_t allocated(std::size_t size) {
  if (size == 0) return 0;
  const std::size_t chunk = (size + 8 + 15) / 16 * 16;
  return chunk < 32 ? 32 : chunk;
}

// Of libstdc++: a string of up to 15 bytes lies in itself, a map's node has 32 bytes of links.
inline constexpr std::size_t kStringInPlace = 15;
inline constexpr std::size_t kMapNode = 32;

inline std::size_t heap_of(const std::string& text) {
  return text.capacity() <= kStringInPlace ? 0 : allocated(text.capacity() + 1);
}
template <class T>
std::size_t heap_of(const std::optional<T>& value) {
  return value ? heap_of(*value) : 0;
}
template <class A, class B>
std::size_t heap_of(const std::pair<A, B>& pair) {
  return heap_of(pair.first) + heap_of(pair.second);
}
template <class T>
std::size_t heap_of(const std::vector<T>& values) {
  std::size_t bytes = allocated(values.capacity() * sizeof(T));
  for (const T& value : values) bytes += heap_of(value);
  return bytes;
}
template <class K, class V, class Less>
std::size_t heap_of(const std::map<K, V, Less>& values) {
  std::size_t bytes = values.size() * allocated(kMapNode + sizeof(std::pair<const K, V>));
  for (const auto& [key, value] : values) bytes += heap_of(key) + heap_of(value);
  return bytes;
}

}  // namespace npmgate
