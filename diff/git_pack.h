// Objects of a git packfile in memory (git's gitformat-pack document), and the commit's tree made
// of them. libgit2 reads packs from files only, and the processes that read hostile bytes have
// none: the container is read here, hashing and the reading of commits and trees is libgit2's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace npmgate {

struct PackLimits {
  std::size_t max_objects = 300'000;               // a commit of 50,000 files has about 8,000 trees
  std::size_t max_object = std::size_t{16} << 20;  // bytes of one, inflated
  std::size_t max_inflated = std::size_t{192} << 20;  // of all, deltas and what they give included
  std::size_t max_files = 500'000;                    // of the commit's tree
  std::size_t max_path = 4096;                        // bytes
};

// gitformat-pack, "object types".
enum class GitObjectKind { kCommit = 1, kTree = 2, kBlob = 3, kTag = 4 };

struct GitObject {
  GitObjectKind kind = GitObjectKind::kBlob;
  std::string body;
};

// Hex object id -> object. kMalformed for anything but a whole packfile of version 2 whose objects
// can all be made from it alone; its own checksum is not looked at, since each object's id is made
// of its bytes. kTooLarge over a limit. Pure; hostile input.
using GitObjects = std::map<std::string, GitObject, std::less<>>;
Result<GitObjects> read_pack(std::span<const std::byte> pack, const PackLimits& limits);

// git's id of a file with these bytes.
std::string blob_id(std::string_view body);

// Path -> blob id, of every file and symbolic link of a commit's tree. kMalformed if the commit or
// one of its trees is not among `objects` or not what git makes; submodules are left out.
using SourceFiles = std::map<std::string, std::string, std::less<>>;
Result<SourceFiles> files_of_commit(const GitObjects& objects, const std::string& commit,
                                    const PackLimits& limits);

}  // namespace npmgate
