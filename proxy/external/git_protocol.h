// The part of git's smart HTTP protocol that reading tags and trees needs (git's gitprotocol-v2 and
// gitprotocol-http documents). Pure: bytes in, refs or a pack out.
#pragma once

#include <cstdint>
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
  bool filter = false;  // v2: fetch understands "filter": trees come without files
};

// Reads the answer to GET …/info/refs?service=git-upload-pack.
Result<GitAdvertisement> parse_advertisement(std::string_view body);
// The body of POST …/git-upload-pack that lists the refs under the given tag names.
std::string ls_refs_request(const std::vector<std::string>& tags);
Result<GitTags> parse_ls_refs(std::string_view body);
// The same for the branches, and the commits that they end in, each once, in the server's order.
std::string ls_branches_request();
Result<std::vector<std::string>> parse_branches(std::string_view body);

// 40 or 64 hex digits.
bool is_object_id(std::string_view text);

// The body of POST …/git-upload-pack that asks for one commit with its trees and without files, or
// for one object as it is.
enum class Fetched { kCommitAndTrees, kObject };
std::string fetch_request(const std::string& object, Fetched what);
// One that asks for those of `commits` that cannot be reached from `tips`, with what they alone can
// reach, without files. Where all can be reached the pack is empty. `tips` that the server does not
// have are passed over.
std::string unreached_request(const std::vector<std::string>& commits,
                              const std::vector<std::string>& tips);
// How many objects a packfile says it has; kMalformed: it is none.
Result<std::uint32_t> count_objects(std::string_view pack);
// The packfile of its answer. kNotFound: the server has no such object; kUnavailable: it refused
// for another reason, in its words; kMalformed: it is no answer to fetch_request().
Result<std::string> parse_fetch(std::string_view body);

}  // namespace npmgate
