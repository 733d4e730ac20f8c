#include "registry/target.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/hex.h"
#include "base/text.h"
#include "registry/semver.h"

namespace npmgate {
namespace {

// Longer than any path a client builds: two names of 214 bytes, a version of 256, everything
// escaped.
constexpr std::size_t kMaxTarget = 2048;

// The path between its slashes, each part decoded once. A '/' inside a part was written %2f.
using Segments = std::vector<std::string>;

RejectedTarget reject(std::string reason, int status = 400) {
  return {status, "the request path is refused: " + std::move(reason)};
}

RejectedTarget no_endpoint() {
  return {404, "no such endpoint"};
}

// Printable ASCII without blank; everything else travels escaped, and escaped it is no part of a
// path either.
bool is_plain(char c) {
  return c > ' ' && c < '\x7f' && c != '\\';
}

// Decodes one segment; `why` says what is wrong with it.
std::string decode(std::string_view raw, std::string& why) {
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    char c = raw[i];
    if (c == '%') {
      const int high = i + 2 < raw.size() ? hex_digit(raw[i + 1]) : -1;
      const int low = i + 2 < raw.size() ? hex_digit(raw[i + 2]) : -1;
      if (high < 0 || low < 0) {
        why = "an invalid percent escape";
        return {};
      }
      c = static_cast<char>(high * 16 + low);
      i += 2;
      if (c == '%') {
        why = "a doubly encoded path";
        return {};
      }
    }
    if (!is_plain(c)) {
      why = "a character that no package path has";
      return {};
    }
    out += c;
  }
  if (out.empty()) why = "an empty segment";
  if (out == "." || out == "..") why = "a dot segment";
  return out;
}

// `path` starts with '/'; one slash at its end does not count. Empty for "/" itself.
Segments segments_of(std::string_view path, std::string& why) {
  Segments out;
  path.remove_prefix(1);
  if (path.ends_with('/'))
    path.remove_suffix(1);
  else if (path.empty())
    return out;
  while (why.empty()) {
    const std::size_t end = path.find('/');
    out.push_back(decode(path.substr(0, end), why));
    if (end == std::string_view::npos) break;
    path.remove_prefix(end + 1);
  }
  return out;
}

bool has_encoded_slash(const Segments& segments, std::size_t from) {
  return std::any_of(segments.begin() + static_cast<std::ptrdiff_t>(from), segments.end(),
                     [](const std::string& s) { return s.find('/') != std::string::npos; });
}

// The path again, as it may be sent on: what would end or split it is escaped once more.
std::string show(const Segments& segments) {
  constexpr std::string_view kEscaped = "/?#%\"<>[]^`{|}";
  std::string out;
  for (const std::string& segment : segments) {
    out += '/';
    for (const char c : segment) {
      if (kEscaped.find(c) == std::string_view::npos) {
        out += c;
      } else {
        out += '%';
        append_hex(out, c);
      }
    }
  }
  return out;
}

// Reads "name", "@s%2fn" or "@s", "n" at `at` and moves behind it.
std::optional<PackageName> take_name(const Segments& segments, std::size_t& at) {
  if (at >= segments.size()) return std::nullopt;
  const std::string& first = segments[at];
  const bool apart = first.starts_with('@') && first.find('/') == std::string::npos;
  if (apart && at + 1 >= segments.size()) return std::nullopt;
  auto name = PackageName::parse(apart ? first + "/" + segments[at + 1] : first);
  if (name) at += apart ? 2 : 1;
  return name;
}

// Of a version or dist-tag, as semver and the packument reader have it. So that the gate's own
// spelling of a target, which escapes a scope's slash, is never longer than kMaxTarget.
constexpr std::size_t kMaxVersion = 256;

// A version or dist-tag as a path can hold it: URL-safe, and "+" of build metadata.
bool is_version_or_tag(std::string_view text) {
  return !text.empty() && text.size() <= kMaxVersion &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("-._~!'()*+").find(c) != std::string_view::npos;
         });
}

bool is_version(std::string_view text) {
  return is_version_or_tag(text) && Version::parse_loose(text).has_value();
}

// "/name/-/name-1.0.0.tgz"; some registries write the scope before the file too
// ("/@s/n/-/@s/n-1.0.0.tgz"). `at` stands behind the "-".
Target tarball(const PackageName& name, const Segments& segments, std::size_t at) {
  if (segments.size() == at + 2 && segments[at] == name.scope()) ++at;
  if (segments.size() != at + 1) return reject("not a tarball path");
  std::string_view file = segments[at];
  constexpr std::string_view kExtension = ".tgz";
  if (!file.ends_with(kExtension)) return reject("not a tarball path");
  file.remove_suffix(kExtension.size());
  const std::string prefix = std::string(name.unscoped()) + "-";
  if (!is_version_or_tag(file))
    return reject("the file name is not that of a tarball of " + name.str());
  const bool tells = file.starts_with(prefix) && is_version(file.substr(prefix.size()));
  return TarballTarget{name, std::string(tells ? file.substr(prefix.size()) : ""),
                       std::string(file)};
}

// Services at a fixed path. Those without a query get none passed on.
struct FixedService {
  std::string_view path, method;
  ServiceTarget::Kind kind;
  bool query;
};

using Kind = ServiceTarget::Kind;
constexpr std::array<FixedService, 9> kFixedServices = {{
    {"/-/ping", "GET", Kind::kPing, false},
    {"/-/whoami", "GET", Kind::kWhoami, false},
    {"/-/v1/search", "GET", Kind::kSearch, true},
    {"/-/npm/v1/security/advisories/bulk", "POST", Kind::kAuditBulk, false},
    {"/-/npm/v1/security/audits/quick", "POST", Kind::kAuditQuick, false},
    {"/-/npm/v1/security/audits", "POST", Kind::kAuditQuick, false},
    {"/-/npm/v1/keys", "GET", Kind::kKeys, false},
    {"/-/v1/login", "POST", Kind::kLogin, false},
    {"/-/npm/v1/user", "GET", Kind::kUser, false},
}};

// "/-/npm/v1/attestations/NAME@VERSION"; the spec starts at segment 4. The path is the one npm
// sends upstream.
Target attestations(const Segments& segments) {
  std::string spec;
  for (std::size_t i = 4; i < segments.size(); ++i) spec += (i > 4 ? "/" : "") + segments[i];
  const std::size_t at = spec.rfind('@');
  if (at == std::string::npos) return reject("not NAME@VERSION");
  const auto name = PackageName::parse(std::string_view(spec).substr(0, at));
  if (!name || !is_version(std::string_view(spec).substr(at + 1))) {
    return reject("not NAME@VERSION");
  }
  return ServiceTarget{Kind::kAttestations,
                       "/-/npm/v1/attestations/" + name->url_path() + spec.substr(at), "", name};
}

// "/-/package/NAME/dist-tags[/TAG]"; other endpoints below a package are the registry's own affair.
Target below_package(std::string_view method, const Segments& segments) {
  std::size_t at = 2;
  const auto name = take_name(segments, at);
  if (!name) return reject("not a package name");
  if (has_encoded_slash(segments, at)) return reject("an encoded slash outside a scope");
  const std::size_t left = segments.size() - at;
  const bool tags = left >= 1 && left <= 2 && segments[at] == "dist-tags";
  if (method != "GET") {
    return WriteTarget{tags ? "changing a dist-tag" : "changing a package", name, show(segments)};
  }
  if (!tags) return no_endpoint();
  const std::string tag = left == 2 ? segments[at + 1] : "";
  if (left == 2 && !is_version_or_tag(tag)) return reject("not a dist-tag");
  return DistTagsTarget{*name, tag};
}

// True for `base` itself and everything below it.
bool is_below(std::string_view path, std::string_view base) {
  return path.starts_with(base) && (path.size() == base.size() || path[base.size()] == '/');
}

// Everything below "/-/".
Target service(std::string_view method, const Segments& segments, const std::string& query) {
  const std::string path = show(segments);
  if (is_below(path, "/-/r")) {  // short, for refusals: /-/r/NAME@VERSION
    std::string release;
    for (std::size_t i = 2; i < segments.size(); ++i) release += (i > 2 ? "/" : "") + segments[i];
    return OwnPageTarget{"r/" + release, query};
  }
  if (is_below(path, "/-/npm-gate")) {
    std::string page;
    for (std::size_t i = 2; i < segments.size(); ++i) page += (i > 2 ? "/" : "") + segments[i];
    return OwnPageTarget{page, query};
  }
  for (const FixedService& fixed : kFixedServices) {
    if (path == fixed.path && method == fixed.method) {
      return ServiceTarget{fixed.kind, path, fixed.query ? query : "", std::nullopt};
    }
  }
  if (is_below(path, "/-/package")) return below_package(method, segments);
  if (is_below(path, "/-/npm/v1/attestations") && method == "GET") return attestations(segments);
  // What follows is a secret (tokens) or a person, and is cut off: paths are logged.
  if (is_below(path, "/-/user/token")) {
    return ServiceTarget{Kind::kToken, "/-/user/token", "", std::nullopt};
  }
  if (is_below(path, "/-/npm/v1/tokens")) {
    return ServiceTarget{Kind::kToken, "/-/npm/v1/tokens", "", std::nullopt};
  }
  if (is_below(path, "/-/v1/login") || is_below(path, "/-/v1/done")) {
    return ServiceTarget{Kind::kLogin, "/-/v1/login", "", std::nullopt};
  }
  if (is_below(path, "/-/user") || is_below(path, "/-/npm/v1/user")) {
    return ServiceTarget{Kind::kUser, "/-/user", "", std::nullopt};
  }
  if (method != "GET") return WriteTarget{"this change", std::nullopt, path};
  return no_endpoint();
}

bool asks_to_write(std::string_view query) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    if (query.substr(0, end) == "write=true") return true;
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return false;
}

// PUT /n (also deprecate and star) · PUT /n/TAG · PUT or DELETE /n/-rev/R · DELETE
// /n/-/FILE/-rev/R.
std::string what_is_written(std::string_view method, const Segments& segments, std::size_t at) {
  const bool revision = at < segments.size() && segments[at] == "-rev";
  if (method == "DELETE" || revision) return "unpublish";
  if (method != "PUT") return "this change";
  return at < segments.size() ? "changing a dist-tag" : "publish, deprecate or star";
}

// Everything that starts with a package name.
Target package(std::string_view method, const Segments& segments, std::string_view query) {
  std::size_t at = 0;
  const auto name = take_name(segments, at);
  if (!name) return reject("not a package name");
  if (has_encoded_slash(segments, at)) return reject("an encoded slash outside a scope");
  if (method != "GET") {
    return WriteTarget{what_is_written(method, segments, at), name, show(segments)};
  }
  const std::size_t left = segments.size() - at;
  if (left == 0) return PackumentTarget{*name, asks_to_write(query)};
  if (segments[at] == "-") return tarball(*name, segments, at + 1);
  if (left > 1) return no_endpoint();
  if (!is_version_or_tag(segments[at])) return reject("not a version or dist-tag");
  return ManifestTarget{*name, segments[at]};
}

// The path below public_url's; a proxy in front may have taken the prefix off already.
std::string_view without_prefix(std::string_view path, std::string_view prefix) {
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (prefix.empty() || !is_below(path, prefix)) return path;
  path.remove_prefix(prefix.size());
  return path.empty() ? "/" : path;
}

}  // namespace

Target parse_target(std::string_view method, std::string_view raw, std::string_view prefix) {
  if (raw.size() > kMaxTarget) return reject("longer than 2,048 bytes", 414);
  if (method == "HEAD") method = "GET";
  constexpr std::array<std::string_view, 5> kMethods = {"GET", "PUT", "POST", "DELETE", "PATCH"};
  if (std::find(kMethods.begin(), kMethods.end(), method) == kMethods.end()) {
    return RejectedTarget{405, "a method that registries do not have"};
  }
  const std::size_t question = raw.find('?');
  const std::string query(question == std::string_view::npos ? "" : raw.substr(question + 1));
  if (!std::all_of(query.begin(), query.end(), is_plain)) return reject("a broken query");
  const std::string_view path = without_prefix(raw.substr(0, question), prefix);
  if (!path.starts_with('/') || path.find('#') != std::string_view::npos) {
    return reject("not an absolute path");
  }
  std::string why;
  const Segments segments = segments_of(path, why);
  if (!why.empty()) return reject(why);
  if (segments.empty()) return OwnPageTarget{"", query};
  if (segments.front() == "-") return service(method, segments, query);
  return package(method, segments, query);
}

}  // namespace npmgate
