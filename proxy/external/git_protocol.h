// The part of git's smart HTTP protocol that reading tags needs (git's gitprotocol-v2 and
// gitprotocol-http documents). Pure: bytes in, refs out.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace npmgate {

// Tag name (without "refs/tags/") -> commit it points to, annotated tags peeled.
using GitTags = std::map<std::string, std::string, std::less<>>;

struct GitAdvertisement {
  bool v2 = false;  // then ls-refs is asked; else `tags` holds what a v0 server listed
  GitTags tags;
};

// Reads the answer to GET …/info/refs?service=git-upload-pack.
Result<GitAdvertisement> parse_advertisement(std::string_view body);
// The body of POST …/git-upload-pack that lists the refs under the given tag names.
std::string ls_refs_request(const std::vector<std::string>& tags);
Result<GitTags> parse_ls_refs(std::string_view body);

}  // namespace npmgate
