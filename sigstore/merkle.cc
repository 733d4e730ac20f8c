#include "sigstore/merkle.h"

#include "sigstore/crypto.h"

namespace npmgate::sigstore {
namespace {

// Leaves and inner nodes are told apart by their first byte (RFC 6962, 2.1).
std::string node_hash(std::string_view left, std::string_view right) {
  std::string node(1, '\x01');
  node += left;
  node += right;
  return sha256(node);
}

}  // namespace

std::string leaf_hash(std::string_view leaf) {
  std::string bytes(1, '\0');
  bytes += leaf;
  return sha256(bytes);
}

std::optional<std::string> root_of(std::string leaf, std::uint64_t index, std::uint64_t size,
                                   const std::vector<std::string>& path) {
  if (index >= size || leaf.size() != 32) return std::nullopt;
  std::uint64_t node = index, last = size - 1;
  std::string hash = std::move(leaf);
  for (const std::string& sibling : path) {
    if (last == 0 || sibling.size() != 32) return std::nullopt;
    if ((node & 1) != 0 || node == last) {
      hash = node_hash(sibling, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = node_hash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return std::nullopt;
  return hash;
}

}  // namespace npmgate::sigstore
