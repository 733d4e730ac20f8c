#include "registry/name.h"

#include <algorithm>
#include <vector>

namespace npmgate {
namespace {

// The registry's own limit for new names; the longest spelling that old packages have is shorter.
constexpr std::size_t kMaxName = 214;

// encodeURIComponent's unreserved set: what validate-npm-package-name calls URL-friendly.
bool is_url_safe(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~!'()*").find(c) != std::string_view::npos;
}

// A scope without its "@", or the name behind a scope. npm lets both begin with '_' or '-'
// ("@_a/b", "@-a/b" exist); a lone "-" is refused because it is the separator of tarball paths.
bool is_scoped_part(std::string_view part) {
  return !part.empty() && part.front() != '.' && part != "-" &&
         std::all_of(part.begin(), part.end(), is_url_safe);
}

bool is_unscoped_name(std::string_view name) {
  if (!is_scoped_part(name) || name.front() == '_' || name.front() == '-') return false;
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower != "node_modules" && lower != "favicon.ico";
}

}  // namespace

std::optional<PackageName> PackageName::parse(std::string_view text) {
  if (text.empty() || text.size() > kMaxName) return std::nullopt;
  if (text.front() != '@') {
    if (!is_unscoped_name(text)) return std::nullopt;
    return PackageName(std::string(text));
  }
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  if (!is_scoped_part(text.substr(1, slash - 1)) || !is_scoped_part(text.substr(slash + 1))) {
    return std::nullopt;
  }
  return PackageName(std::string(text));
}

std::string_view PackageName::scope() const {
  const std::string_view text = text_;
  return text.starts_with('@') ? text.substr(0, text.find('/')) : std::string_view();
}

std::string_view PackageName::unscoped() const {
  const std::string_view text = text_;
  return text.starts_with('@') ? text.substr(text.find('/') + 1) : text;
}

std::string PackageName::url_path() const {
  std::string path = text_;
  if (path.starts_with('@')) path.replace(path.find('/'), 1, "%2f");
  return path;
}

// Keeps the set of name positions that the pattern read so far can end at: pattern x name steps
// whatever the stars.
bool glob_match(std::string_view pattern, std::string_view name) {
  if (pattern == "*") return true;
  if (pattern.find_first_of("*?") == std::string_view::npos) return pattern == name;
  std::vector<char> at(name.size() + 1, 0);
  at[0] = 1;
  for (std::size_t p = 0; p < pattern.size(); ++p) {
    if (pattern[p] == '*') {
      const bool deep = pattern.substr(p + 1).starts_with('*');
      if (deep) ++p;
      for (std::size_t n = 0; n < name.size(); ++n) {
        if (at[n] != 0 && (deep || name[n] != '/')) at[n + 1] = 1;
      }
      continue;
    }
    for (std::size_t n = name.size(); n > 0; --n) {
      const bool same = pattern[p] == '?' ? name[n - 1] != '/' : pattern[p] == name[n - 1];
      at[n] = at[n - 1] != 0 && same ? 1 : 0;
    }
    at[0] = 0;
  }
  return at.back() != 0;
}

}  // namespace npmgate
