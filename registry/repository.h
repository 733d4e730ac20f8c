// The `repository` field in all the forms packages use, as the https URL of a git repository.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace npmgate {

struct GitRepository {
  std::string host;  // lower case; with ":port" if an http(s) URL names one
  std::string path;  // "owner/repository", no ".git", no slashes at the ends
  std::string url() const { return "https://" + host + "/" + path; }
  friend bool operator==(const GitRepository&, const GitRepository&) = default;
};

// Understands https, git, git+https, git+ssh, ssh and scp-like URLs, the shorthands "o/r",
// "github:o/r", "gitlab:o/r", "bitbucket:o/r" (npm docs, package.json, "repository"), trailing
// ".git", "#branch", and links into a repository ("/tree/main/packages/x"). nullopt for anything
// else: gists, local paths, other schemes, user names or passwords other than "git".
std::optional<GitRepository> parse_repository(std::string_view text);

// The names a release's tag may have, most usual first: "v1.2.3", "1.2.3", "name@1.2.3",
// "name@v1.2.3", "name-v1.2.3" …; a form with {version}, {name} and {unscoped} in it, and the same
// filled in.
struct TagForm {
  std::string form;
  std::string tag;
};
std::vector<TagForm> tag_forms(std::string_view name, std::string_view version);

}  // namespace npmgate
