#include "store/disk/blob_index.h"

#include <gtest/gtest.h>

#include <chrono>

namespace npmgate::test {
namespace {

FileStamp old_stamp(std::uint64_t size, std::uint64_t inode = 1) {
  FileStamp stamp;
  stamp.size = size;
  stamp.inode = inode;
  stamp.changed_ns = 1;  // 1970: long past
  return stamp;
}

std::vector<std::string> order(const BlobIndex& index) {
  std::vector<std::string> names;
  for (const auto& candidate : index.least_recent_first()) names.push_back(candidate.hex);
  return names;
}

TEST(BlobIndex, TotalFollowsEveryChange) {
  BlobIndex index;
  EXPECT_EQ(index.total(), 0U);
  index.found("a", 10);
  index.verified("b", old_stamp(5));
  EXPECT_EQ(index.total(), 15U);
  index.verified("a", old_stamp(7));  // another size than the scan saw
  EXPECT_EQ(index.total(), 12U);
  index.gone("a");
  index.gone("a");
  index.gone("never");
  EXPECT_EQ(index.total(), 5U);
}

TEST(BlobIndex, OnlyTheVerifiedStateIsTrusted) {
  BlobIndex index;
  index.found("a", 3);
  EXPECT_FALSE(index.is_verified("a", old_stamp(3)));
  index.verified("a", old_stamp(3));
  EXPECT_TRUE(index.is_verified("a", old_stamp(3)));
  EXPECT_FALSE(index.is_verified("a", old_stamp(3, 2)));
  EXPECT_FALSE(index.is_verified("other", old_stamp(3)));
  index.found("a", 3);  // found again by a scan: what was known is forgotten
  EXPECT_FALSE(index.is_verified("a", old_stamp(3)));
}

TEST(BlobIndex, AStampOfJustNowIsNotTrusted) {
  BlobIndex index;
  FileStamp stamp = old_stamp(3);
  stamp.changed_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::system_clock::now().time_since_epoch() + std::chrono::hours(1))
          .count();
  index.verified("a", stamp);
  EXPECT_FALSE(index.is_verified("a", stamp)) << "an edit in the same tick would go unnoticed";
  EXPECT_EQ(index.total(), 3U);
}

TEST(BlobIndex, OrderIsByLastUse) {
  BlobIndex index;
  for (const char* name : {"a", "b", "c"}) index.found(name, 1);
  EXPECT_EQ(order(index), (std::vector<std::string>{"a", "b", "c"}));
  index.used("a");
  index.used("unknown");
  EXPECT_EQ(order(index), (std::vector<std::string>{"b", "c", "a"}));
}

TEST(BlobIndex, UseAfterTheListingIsSeen) {
  BlobIndex index;
  index.found("a", 1);
  index.found("b", 1);
  const auto listed = index.least_recent_first();
  index.used("a");
  index.gone("b");
  EXPECT_FALSE(index.unused_since(listed[0]));
  EXPECT_FALSE(index.unused_since(listed[1]));
  EXPECT_TRUE(index.unused_since(index.least_recent_first()[0]));
}

}  // namespace
}  // namespace npmgate::test
