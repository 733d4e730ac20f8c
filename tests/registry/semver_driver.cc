// Answers questions about versions and ranges on stdin, one line each, for semver_differential.mjs.
//   parse    <version> <flags>           -> normalised version or "-"
//   compare  <version> <version> <flags> -> -1, 0, 1 or "-" if one is invalid
//   sort     <version> ... <flags>       -> the normalised versions, lowest first, joined by spaces
//   range    <range> <flags>             -> normalised range, "*" for anything, or "-"
//   match    <range> <version> <flags>   -> 1, 0 or "-" if the range is invalid
// Fields are separated by tabs and may hold \t, \n, \r and \\ as escapes; flags: l = loose, p =
// includePrerelease.
#include <algorithm>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/semver.h"

namespace {

using npmgate::Range;
using npmgate::Version;

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char next = text[++i];
    out += next == 't' ? '\t' : next == 'n' ? '\n' : next == 'r' ? '\r' : next;
  }
  return out;
}

std::vector<std::string> fields(std::string_view line) {
  std::vector<std::string> out;
  while (true) {
    const std::size_t tab = line.find('\t');
    out.push_back(unescape(line.substr(0, tab)));
    if (tab == std::string_view::npos) return out;
    line.remove_prefix(tab + 1);
  }
}

std::optional<Version> parse(const std::string& text, bool loose) {
  return loose ? Version::parse_loose(text) : Version::parse(text);
}

std::string sorted(const std::vector<std::string>& texts, bool loose) {
  std::vector<Version> versions;
  for (const std::string& text : texts) {
    if (auto version = parse(text, loose)) versions.push_back(std::move(*version));
  }
  std::stable_sort(versions.begin(), versions.end());
  std::string out;
  for (const Version& version : versions) out += (out.empty() ? "" : " ") + version.str();
  return out;
}

std::string answer(const std::vector<std::string>& f) {
  const std::string& flags = f.back();
  const bool loose = flags.find('l') != std::string::npos;
  const bool prerelease = flags.find('p') != std::string::npos;
  if (f[0] == "parse" && f.size() == 3) {
    const auto version = parse(f[1], loose);
    return version ? version->str() : "-";
  }
  if (f[0] == "compare" && f.size() == 4) {
    const auto a = parse(f[1], loose), b = parse(f[2], loose);
    if (!a || !b) return "-";
    return *a < *b ? "-1" : *a > *b ? "1" : "0";
  }
  if (f[0] == "sort" && f.size() > 2) return sorted({f.begin() + 1, f.end() - 1}, loose);
  if (f[0] == "range" && f.size() == 3) {
    const auto range = Range::parse(f[1], loose);
    if (!range) return "-";
    const std::string text = range->str(prerelease);
    return text.empty() ? "-" : text;
  }
  if (f[0] == "match" && f.size() == 4) {
    const auto range = Range::parse(f[1], loose);
    if (!range) return "-";
    const auto version = parse(f[2], loose);
    return version && range->matches(*version, prerelease) ? "1" : "0";
  }
  return "?";
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) std::cout << answer(fields(line)) << '\n';
}
