// npm package names: the only thing a request path or an upstream document may turn into a lookup
// key.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace npmgate {

// A valid package name. Invariants: 1-214 bytes; `name` or `@scope/name`; each part is URL-safe
// ASCII [A-Za-z0-9-._~!'()*] (capitals and the last five only occur in old packages, still served),
// never empty, never starting with '.'; no part is "-"; a name without a scope does not start with
// '_' or '-' either and is not "node_modules" or "favicon.ico" in any case. So it contains no '/',
// '%' or '\\' but the scope's one slash, and no dot segment. Source: npm's
// validate-npm-package-name, rules for old packages; stricter in the scope's leading '.', "-" and
// the length.
class PackageName {
 public:
  static std::optional<PackageName> parse(std::string_view text);

  const std::string& str() const { return text_; }
  std::string_view scope() const;     // "@scope" or ""
  std::string_view unscoped() const;  // "name"
  std::string url_path() const;       // "@scope%2fname": the spelling npm sends to registries
  friend auto operator<=>(const PackageName&, const PackageName&) = default;

 private:
  explicit PackageName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// Shell-style glob over names: '*' matches any run of characters but '/', '**' any run, '?' one but
// '/'; everything else literally.
// "@acme/*" matches every package of the scope; a lone "*" matches every name, scoped ones too.
bool glob_match(std::string_view pattern, std::string_view name);

}  // namespace npmgate
