#include "registry/repository.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace npmgate {
namespace {

struct Shorthand {
  std::string_view prefix, host;
};
// npm docs, package.json, "repository".
constexpr std::array kShorthands = {Shorthand{"github:", "github.com"},
                                    Shorthand{"gitlab:", "gitlab.com"},
                                    Shorthand{"bitbucket:", "bitbucket.org"}};
constexpr std::array<std::string_view, 7> kSchemes = {
    "git+https://", "git+http://", "git+ssh://", "https://", "http://", "ssh://", "git://"};

bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '/' || c == '~';
}

std::optional<GitRepository> make(std::string_view host, std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  path = path.substr(0, path.find('#'));
  path = path.substr(0, path.find('?'));
  for (const std::string_view link : {"/tree/", "/blob/", "/-/"})
    path = path.substr(0, path.find(link));
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.ends_with(".git")) path.remove_suffix(4);
  if (host.starts_with("www.")) host.remove_prefix(4);
  const std::string_view bare_host = host.substr(0, host.find(':'));
  const bool clean =
      std::all_of(path.begin(), path.end(), plain) &&
      std::all_of(bare_host.begin(), bare_host.end(), [](char c) { return plain(c) && c != '/'; });
  if (!clean || host.empty() || host.find('.') == std::string_view::npos ||
      path.find('/') == std::string_view::npos)
    return std::nullopt;
  if (path.find("..") != std::string_view::npos || path.find("//") != std::string_view::npos ||
      path.size() > 200)
    return std::nullopt;
  return GitRepository{lower_ascii(host), std::string(path)};
}

}  // namespace

std::optional<GitRepository> parse_repository(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  for (const Shorthand& shorthand : kShorthands) {
    if (text.starts_with(shorthand.prefix))
      return make(shorthand.host, text.substr(shorthand.prefix.size()));
  }
  for (const std::string_view scheme : kSchemes) {
    if (!lower_ascii(text.substr(0, scheme.size())).starts_with(scheme)) continue;
    std::string_view rest = text.substr(scheme.size());
    const std::size_t slash = rest.find('/');
    std::string_view authority = rest.substr(0, slash);
    if (authority.starts_with("git@")) authority.remove_prefix(4);
    // "ssh://git@host:owner/repo" is scp-like after all.
    const std::size_t colon = authority.find(':');
    if (colon != std::string_view::npos) {
      const std::string_view after = authority.substr(colon + 1);
      const bool port =
          !after.empty() && after.find_first_not_of("0123456789") == std::string_view::npos;
      // An https server is where its port says; the port of ssh or git:// leads to another service
      // of the same host.
      const bool web = scheme.find("http") != std::string_view::npos;
      if (port)
        return make(web ? authority : authority.substr(0, colon),
                    slash == std::string_view::npos ? "" : rest.substr(slash));
      return make(authority.substr(0, colon), rest.substr(rest.find(':') + 1));
    }
    return slash == std::string_view::npos ? std::nullopt : make(authority, rest.substr(slash));
  }
  if (text.starts_with("git@")) {
    const std::size_t colon = text.find(':');
    return colon == std::string_view::npos
               ? std::nullopt
               : make(text.substr(4, colon - 4), text.substr(colon + 1));
  }
  const std::size_t slash = text.find('/');
  const bool shorthand = slash != std::string_view::npos &&
                         text.find('/', slash + 1) == std::string_view::npos &&
                         text.find(':') == std::string_view::npos && text.front() != '.' &&
                         text.front() != '/' && text.front() != '@';
  return shorthand ? make("github.com", text) : std::nullopt;
}

std::vector<TagForm> tag_forms(std::string_view name, std::string_view version) {
  constexpr std::array<std::string_view, 14> kForms = {"v{version}",
                                                       "{version}",
                                                       "{name}@{version}",
                                                       "{name}@v{version}",
                                                       "{unscoped}@{version}",
                                                       "{unscoped}@v{version}",
                                                       "{unscoped}-v{version}",
                                                       "{unscoped}-{version}",
                                                       "{unscoped}/v{version}",
                                                       "{unscoped}/{version}",
                                                       "release-{version}",
                                                       "release/{version}",
                                                       "release-v{version}",
                                                       "{unscoped}_v{version}"};
  const std::size_t slash = name.find('/');
  const std::string_view unscoped =
      name.starts_with('@') && slash != std::string_view::npos ? name.substr(slash + 1) : name;
  std::vector<TagForm> forms;
  for (const std::string_view form : kForms) {
    std::string tag(form);
    const auto fill = [&](std::string_view key, std::string_view value) {
      if (const std::size_t at = tag.find(key); at != std::string::npos)
        tag.replace(at, key.size(), value);
    };
    fill("{version}", version);
    fill("{name}", name);
    fill("{unscoped}", unscoped);
    forms.push_back({std::string(form), std::move(tag)});
  }
  return forms;
}

}  // namespace npmgate
