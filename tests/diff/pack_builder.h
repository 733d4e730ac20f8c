// Packfiles for tests, with every byte open to change.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "diff/git_pack.h"

namespace npmgate::testing {

// `body` in a zlib stream that compresses nothing.
std::string zlib_stored(std::string_view body);
// The first bytes of an entry: kind (1 to 4, 6, 7) and size of what follows, inflated.
std::string entry_head(int kind, std::size_t size);
std::string pack_entry(GitObjectKind kind, std::string_view body);
// A delta whose base lies `distance` bytes before, or has this id (hex).
std::string offset_delta(std::size_t distance, std::string_view delta);
std::string id_delta(std::string_view id, std::string_view delta);
// Copies `size` bytes from `offset` of a base of `base_size` bytes, then adds `more`.
std::string copy_and_add(std::size_t base_size, std::size_t offset, std::size_t size,
                         std::string_view more);
// Header, the entries and a checksum that nobody looks at.
std::string pack_of(const std::vector<std::string>& entries);
std::string id_of(GitObjectKind kind, std::string_view body);

// One entry of a tree object; `id` is hex.
std::string tree_entry(std::string_view mode, std::string_view name, std::string_view id);
std::string commit_of(std::string_view tree);

// Commit and trees (no files) of files by path, in a pack.
struct MadeSource {
  std::string commit, pack;
};
MadeSource source_of(const std::vector<std::pair<std::string, std::string>>& files);

}  // namespace npmgate::testing
