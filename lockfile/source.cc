#include <algorithm>
#include <array>

#include "base/text.h"
#include "lockfile/builder.h"
#include "registry/semver.h"

namespace npmgate {
namespace {

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

bool is_git(std::string_view spec) {
  if (starts_with_any(
          spec, {"git+", "git:", "git@", "ssh:", "github:", "gitlab:", "bitbucket:", "gist:"}))
    return true;
  const std::string_view path = spec.substr(0, spec.find('#'));
  const bool url = starts_with_any(spec, {"http://", "https://"});
  // "owner/repository" is GitHub's; a URL of a repository ends in .git or names a commit (yarn).
  if (url) return path.ends_with(".git") || spec.find("#commit=") != std::string_view::npos;
  return !path.starts_with('@') && !path.starts_with('.') && !path.starts_with('/') &&
         std::count(path.begin(), path.end(), '/') == 1 && path.find(':') == std::string_view::npos;
}

}  // namespace

LockSource source_of(std::string_view spec) {
  constexpr std::array<std::pair<std::string_view, LockSource>, 9> kProtocols = {{
      {"npm:", LockSource::kRegistry},
      {"workspace:", LockSource::kWorkspace},
      {"patch:", LockSource::kPatch},
      {"link:", LockSource::kLink},
      {"portal:", LockSource::kLink},
      {"file:", LockSource::kFile},
      {"exec:", LockSource::kOther},
      {"catalog:", LockSource::kRegistry},
      {"jsr:", LockSource::kOther},
  }};
  for (const auto& [prefix, source] : kProtocols) {
    if (spec.starts_with(prefix)) return source;
  }
  if (is_git(spec)) return LockSource::kGit;
  if (starts_with_any(spec, {"http://", "https://"})) return LockSource::kRemote;
  if (starts_with_any(spec, {"./", "../", "/", "~/"}) || spec.ends_with(".tgz") ||
      spec.ends_with(".tar.gz"))
    return LockSource::kFile;
  return LockSource::kRegistry;
}

bool is_exact_version(std::string_view text) {
  return Version::parse(text).has_value() || Version::parse_loose(text).has_value();
}

namespace {

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == text.npos;
}

// GitHub Packages: …/download/@owner/name/1.0.0/<digest of the tarball>
bool is_digest_path(std::string_view path, const std::string& name, const std::string& version) {
  const std::size_t slash = path.rfind('/');
  return slash != path.npos && is_hex(path.substr(slash + 1)) &&
         path.substr(0, slash).ends_with("/download/" + name + "/" + version);
}

}  // namespace

bool names_release(std::string_view url, std::string_view name, std::string_view version) {
  const std::string path = percent_decode(url.substr(0, url.find_first_of("?#")));
  // A dot segment would lead elsewhere than the end of the path says.
  if (path.find("/../") != std::string::npos) return false;
  const std::size_t slash = name.rfind('/');
  const std::string whole(name);
  const std::string base(slash == std::string_view::npos ? name : name.substr(slash + 1));
  const std::string plain(version.substr(0, version.find('+')));
  const std::string file = base + "-" + plain + ".tgz";
  const std::string ways[] = {
      "/" + whole + "/-/" + file,                          // npm and most others
      "/" + whole + "/-/" + whole + "-" + plain + ".tgz",  // Artifactory, GitLab
      "/" + whole + "/-/" + plain + "/" + file,            // Gitea, Forgejo
      "/" + whole + "/download/" + file,                   // cnpm and mirrors made with it
      "/" + whole + "/download/" + whole + "-" + plain + ".tgz",
      "/packages/" + whole + "/" + plain + "/" + file,  // npmmirror's CDN
  };
  const auto ends = [&](const std::string& way) { return path.ends_with(way); };
  return std::any_of(std::begin(ways), std::end(ways), ends) || is_digest_path(path, whole, plain);
}

std::pair<std::string, std::string> split_at(std::string_view text) {
  const std::size_t at = text.find('@', 1);
  if (at == std::string_view::npos) return {std::string(text), ""};
  return {std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

}  // namespace npmgate
