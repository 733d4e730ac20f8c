// Merkle tree inclusion: RFC 6962 (2.1), as transparency logs are built.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace npmgate::sigstore {

std::string leaf_hash(std::string_view leaf);

// The root of a tree of `size` leaves that holds `leaf` (its hash) at `index`, if `path` are the
// siblings from the leaf up: RFC 9162, 2.1.3.2. nullopt if the path is not as long as this
// leaf's is, or a hash has another length than 32 bytes. Pure.
std::optional<std::string> root_of(std::string leaf, std::uint64_t index, std::uint64_t size,
                                   const std::vector<std::string>& path);

}  // namespace npmgate::sigstore
