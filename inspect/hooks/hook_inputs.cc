#include "inspect/hooks/hook_inputs.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iterator>

#include "base/digest.h"
#include "base/text.h"
#include "inspect/code/endpoints.h"

namespace npmgate {
namespace {

constexpr std::size_t kLongestName = 256;
constexpr std::size_t kLongestUrl = 200;
constexpr std::size_t kMostUrls = 64;  // tree.h
constexpr std::size_t kHexDigest = 16;
constexpr std::size_t kLongestSetting = 4096;

// Members of package.json that say nothing to a hook, or that findings of their own compare.
// Sorted.
constexpr std::string_view kOrdinary[] = {"author",
                                          "ava",
                                          "browser",
                                          "browserslist",
                                          "bugs",
                                          "bundleDependencies",
                                          "bundledDependencies",
                                          "contributors",
                                          "dependencies",
                                          "description",
                                          "devDependencies",
                                          "engines",
                                          "eslintConfig",
                                          "exports",
                                          "files",
                                          "funding",
                                          "gitHead",
                                          "homepage",
                                          "husky",
                                          "imports",
                                          "jest",
                                          "keywords",
                                          "license",
                                          "licenses",
                                          "lint-staged",
                                          "main",
                                          "maintainers",
                                          "mocha",
                                          "module",
                                          "name",
                                          "nyc",
                                          "optionalDependencies",
                                          "overrides",
                                          "packageManager",
                                          "peerDependencies",
                                          "peerDependenciesMeta",
                                          "pnpm",
                                          "prettier",
                                          "private",
                                          "publishConfig",
                                          "readme",
                                          "readmeFilename",
                                          "release",
                                          "repository",
                                          "resolutions",
                                          "scripts",
                                          "sideEffects",
                                          "standard",
                                          "tap",
                                          "type",
                                          "types",
                                          "typings",
                                          "version",
                                          "workspaces",
                                          "xo"};
static_assert(std::is_sorted(std::begin(kOrdinary), std::end(kOrdinary)));

constexpr std::string_view kSourceEndings[] = {".c",   ".cc",  ".cpp", ".cxx", ".h",     ".hh",
                                               ".hpp", ".inc", ".m",   ".mm",  ".s",     ".asm",
                                               ".rs",  ".go",  ".zig", ".py",  ".cmake", ".mk"};
constexpr std::string_view kSourceNames[] = {"cmakelists.txt", "makefile",  "configure",
                                             "cargo.toml",     "build.zig", "go.mod"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

std::string in_one_spelling(std::string_view url) {
  std::string out;
  for (std::size_t at = 0; at < url.size();) {
    std::size_t hex = at;
    while (hex < url.size() && is_hex(url[hex])) ++hex;
    std::size_t digits = at;
    while (digits < url.size() && is_digit(url[digits])) ++digits;
    if (hex - at >= kHexDigest) {
      out += '#';
      at = hex;
    } else if (digits > at) {
      out += '#';
      at = digits;
    } else {
      out += url[at++];
    }
  }
  return out;
}

bool is_network_scheme(std::string_view before) {
  constexpr std::string_view kSchemes[] = {"http", "https", "ftp", "ftps", "git",
                                           "ssh",  "ws",    "wss", "sftp"};
  return std::any_of(std::begin(kSchemes), std::end(kSchemes),
                     [&](std::string_view scheme) { return before.ends_with(scheme); });
}

boost::json::value parsed(std::string_view text) {
  boost::system::error_code ec;
  boost::json::parse_options options;
  options.max_depth = 256;  // deeper ones are refused before they come here
  return boost::json::parse(boost::json::string_view(text.data(), text.size()), ec, {}, options);
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c >= 0x20 && c < 0x7F; });
}

}  // namespace

std::vector<std::string> data_names(const PlainCode& code) {
  std::vector<std::string> names;
  for (const auto& literal : code.literals) {
    if (literal.size > kLongestName) continue;
    auto word = std::string_view(code.text).substr(literal.begin, literal.size);
    if (word.find_first_of(" \t\r\n'\"`*?<>|${}()") != word.npos || word.find('.') == word.npos)
      continue;
    while (word.starts_with('/')) word.remove_prefix(1);
    if (!word.empty() && word.find("://") == word.npos) names.emplace_back(word);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void merge_urls(std::string_view text, std::set<std::string, std::less<>>& urls) {
  constexpr std::string_view kEnds = " \t\r\n'\"`<>\\(){}[]|,;$";
  constexpr std::size_t kLongestScheme = 8;
  for (auto colon = text.find("://"); colon != text.npos; colon = text.find("://", colon + 3)) {
    const auto lead = text.substr(colon > kLongestScheme ? colon - kLongestScheme : 0,
                                  std::min(colon, kLongestScheme));
    const std::string before = lower_ascii(lead);
    if (!is_network_scheme(before)) continue;
    const auto rest = text.substr(colon + 3, kLongestUrl);
    const auto end = std::min(rest.find_first_of(kEnds), rest.size());
    const bool open = end == 0 || (end < rest.size() && rest[end] == '$');
    const std::string scheme = before.ends_with("s") ? "https" : "http";
    const auto place = rest.substr(0, end);
    if (!is_ascii(place)) continue;
    urls.insert(scheme + "://" + in_one_spelling(place) + (open ? "*" : ""));
  }
}

std::vector<std::string> bounded(const std::set<std::string, std::less<>>& urls) {
  std::vector<std::string> out(urls.begin(), urls.end());
  if (out.size() <= kMostUrls) return out;
  std::string all;
  for (const auto& url : out) all += url + '\n';
  out.resize(kMostUrls - 1);
  out.push_back("sha256:" + sha256_hex(all));
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> url_hosts(std::string_view text) {
  HostSet hosts;
  for (auto colon = text.find("://"); colon != text.npos; colon = text.find("://", colon + 3))
    hosts.add_url(text, colon);
  return std::move(hosts).take();
}

std::string added_lines(std::string_view patch) {
  std::string out;
  while (!patch.empty()) {
    const auto end = std::min(patch.find('\n'), patch.size());
    const auto line = patch.substr(0, end);
    if (line.starts_with('+') && !line.starts_with("+++")) {
      out += line.substr(1);
      out += '\n';
    }
    patch.remove_prefix(std::min(end + 1, patch.size()));
  }
  return out;
}

StringMap own_settings(std::string_view package_json) {
  StringMap out;
  constexpr std::string_view kBom = "\xef\xbb\xbf";
  if (package_json.starts_with(kBom)) package_json.remove_prefix(kBom.size());
  const boost::json::value value = parsed(package_json);
  const auto* object = value.if_object();
  if (object == nullptr) return out;
  for (const auto& member : *object) {
    const std::string_view key(member.key().data(), member.key().size());
    if (key.starts_with('_') || std::binary_search(std::begin(kOrdinary), std::end(kOrdinary), key))
      continue;
    std::string text = boost::json::serialize(member.value());
    if (text.size() > kLongestSetting) text = "sha256:" + sha256_hex(text);
    out.emplace(key, std::move(text));
  }
  return out;
}

bool is_build_source(std::string_view path) {
  const std::string name = lower_ascii(path.substr(path.rfind('/') + 1));
  return std::any_of(std::begin(kSourceEndings), std::end(kSourceEndings),
                     [&](std::string_view ending) { return name.ends_with(ending); }) ||
         std::find(std::begin(kSourceNames), std::end(kSourceNames), name) !=
             std::end(kSourceNames);
}

}  // namespace npmgate
