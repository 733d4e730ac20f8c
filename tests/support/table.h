// What tests over tables of rows share.
#pragma once
#include <string>
#include <vector>

namespace npmgate {

// The name of a row for INSTANTIATE_TEST_SUITE_P: its member `name`.
inline constexpr auto kRowName = [](const auto& row) { return std::string(row.param.name); };

// `words` in their order with one blank between: lists that a table writes as one text.
inline std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

}  // namespace npmgate
