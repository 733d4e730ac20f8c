#include "policy/strict_range.h"

#include <algorithm>
#include <vector>

namespace npmgate {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.';
}

// "1", "1.2", "1.x", "1.2.3-rc.1+build", "*".
bool is_partial_version(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  int parts = 0;
  while (true) {
    std::size_t length = 0;
    if (!text.empty() && (text[0] == '*' || text[0] == 'x' || text[0] == 'X')) {
      length = 1;
    } else {
      while (length < text.size() && is_digit(text[length])) ++length;
    }
    if (length == 0) return false;
    text.remove_prefix(length);
    if (++parts == 3 || !text.starts_with('.')) break;
    text.remove_prefix(1);
  }
  if (text.empty()) return true;
  if (parts < 3 || (text[0] != '-' && text[0] != '+')) return false;
  text.remove_prefix(1);
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '+'; });
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == text.npos) return words;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(" \t"), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::string_view without_operator(std::string_view word) {
  for (const std::string_view sign : {">=", "<=", "~>", ">", "<", "=", "~", "^"}) {
    if (word.starts_with(sign)) return word.substr(sign.size());
  }
  return word;
}

// One alternative between "||".
std::string check_comparators(std::string_view text) {
  const std::vector<std::string_view> words = words_of(text);
  if (words.empty()) return "an alternative is empty, which npm takes for every version";
  if (words.size() == 3 && words[1] == "-")
    return is_partial_version(words[0]) && is_partial_version(words[2])
               ? ""
               : "its bounds are no versions";
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view version = without_operator(words[i]);
    // "> 1.2": the operator stands alone before its version.
    if (version.empty() && i + 1 < words.size()) version = words[++i];
    if (version.empty()) return "an operator stands before nothing";
    if (!is_partial_version(version)) return "'" + std::string(version) + "' is no version";
  }
  return {};
}

}  // namespace

std::string check_range(std::string_view text) {
  while (true) {
    const auto bar = text.find("||");
    std::string wrong = check_comparators(text.substr(0, bar));
    if (!wrong.empty() || bar == text.npos) return wrong;
    text.remove_prefix(bar + 2);
  }
}

}  // namespace npmgate
