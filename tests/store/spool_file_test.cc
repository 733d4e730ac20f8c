#include "store/disk/spool_file.h"

#include <filesystem>

#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

TEST(SpoolFile, HoldsWhatWasAppendedAndLeavesNothingBehind) {
  const TempDir dir;
  auto file = must(SpoolFile::create(dir.path()));
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  must(file->append("first,"));
  must(file->append("second"));
  EXPECT_EQ(file->size(), 12U);
  char into[8];
  EXPECT_EQ(must(file->read(0, into)), 8U);
  EXPECT_EQ(std::string(into, 8), "first,se");
  EXPECT_EQ(must(file->read(8, into)), 4U);
  EXPECT_EQ(std::string(into, 4), "cond");
  EXPECT_EQ(must(file->read(12, into)), 0U);
}

TEST(SpoolFile, EveryCallOfTheDiskMayFail) {
  for (const std::string_view failing : {"create", "unlink", "write", "read"}) {
    SCOPED_TRACE(failing);
    const TempDir dir;
    const Disk disk([&](std::string_view operation) { return operation == failing ? ENOSPC : 0; });
    auto file = SpoolFile::create(dir.path(), disk);
    char into[4];
    const bool whole = file && (*file)->append("text") && (*file)->read(0, into);
    EXPECT_FALSE(whole);
  }
}

}  // namespace
}  // namespace npmgate::test
