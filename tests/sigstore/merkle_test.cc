#include "sigstore/merkle.h"

#include <gtest/gtest.h>

#include "sigstore/crypto.h"

namespace npmgate::sigstore {
namespace {

std::string node(const std::string& left, const std::string& right) {
  return sha256("\x01" + left + right);
}

// RFC 6962, 2.1: the definition, by recursion. `path`: siblings of `index`, from the leaf up.
std::string tree_hash(const std::vector<std::string>& leaves, std::size_t from, std::size_t to,
                      std::size_t index, std::vector<std::string>& path) {
  if (to - from == 1) return leaf_hash(leaves[from]);
  std::size_t half = 1;
  while (half * 2 < to - from) half *= 2;
  std::vector<std::string> none;
  const bool left = index < from + half;
  const std::string a = tree_hash(leaves, from, from + half, index, left ? path : none);
  const std::string b = tree_hash(leaves, from + half, to, index, left ? none : path);
  path.push_back(left ? b : a);
  return node(a, b);
}

TEST(Merkle, ProofsOfEveryLeafOfEverySize) {
  std::vector<std::string> leaves;
  for (std::size_t size = 1; size <= 33; ++size) {
    leaves.push_back("leaf " + std::to_string(size));
    for (std::size_t index = 0; index < size; ++index) {
      std::vector<std::string> path;
      const std::string root = tree_hash(leaves, 0, size, index, path);
      EXPECT_EQ(root_of(leaf_hash(leaves[index]), index, size, path), root);
      // Another leaf, another place, a path that is too long or too short.
      EXPECT_NE(root_of(leaf_hash("other"), index, size, path), root);
      for (std::size_t other = 0; other <= size; ++other) {
        if (other == index) continue;
        EXPECT_NE(root_of(leaf_hash(leaves[index]), other, size, path), root);
      }
      std::vector<std::string> longer = path;
      longer.push_back(root);
      EXPECT_EQ(root_of(leaf_hash(leaves[index]), index, size, longer), std::nullopt);
      if (path.empty()) continue;
      path.pop_back();
      EXPECT_EQ(root_of(leaf_hash(leaves[index]), index, size, path), std::nullopt);
    }
  }
}

TEST(Merkle, RefusesHashesOfAnotherLength) {
  EXPECT_EQ(root_of("short", 0, 1, {}), std::nullopt);
  EXPECT_EQ(root_of(leaf_hash("a"), 0, 2, {"short"}), std::nullopt);
  EXPECT_EQ(root_of(leaf_hash("a"), 1, 1, {}), std::nullopt);
  EXPECT_EQ(root_of(leaf_hash("a"), 0, 0, {}), std::nullopt);
}

}  // namespace
}  // namespace npmgate::sigstore
