// The data folder: one gate at a time, and no start on a state.db that is not its own.
#include "store/disk/data_folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/digest.h"
#include "store/sqlite/open_state_store.h"

namespace npmgate {
namespace {

namespace fs = std::filesystem;

class DataFolderTest : public ::testing::Test {
 protected:
  DataFolderTest() : base_(fs::path(::testing::TempDir()) / ("folder-" + random_hex(8))) {}
  ~DataFolderTest() override { fs::remove_all(base_); }

  // What `serve` does at its start; the error's text, "" = it starts.
  std::string start(const std::string& name) {
    const std::string path = (base_ / name).string();
    auto folder = DataFolder::open(path);
    if (!folder) return folder.error().context;
    auto store = open_state_store(path);
    if (!store) return store.error().context;
    const auto own = (*folder)->claim(**store);
    if (own) {
      EXPECT_TRUE((*store)->put_setting("filler", std::string(100'000, 'x')));
    }
    return own ? "" : own.error().context;
  }
  fs::path file(const std::string& name) { return base_ / name / "state.db"; }

  fs::path base_;
};

TEST_F(DataFolderTest, StartsAgainAndAgain) {
  EXPECT_EQ(start("a"), "");
  EXPECT_EQ(start("a"), "");
}

TEST_F(DataFolderTest, TwoAtOnceAreOneTooMany) {
  const std::string path = (base_ / "a").string();
  const auto first = DataFolder::open(path);
  ASSERT_TRUE(first);
  const auto second = DataFolder::open(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_NE(second.error().context.find("in use by another npm-gate (process "), std::string::npos);
}

TEST_F(DataFolderTest, AStateThatIsEmptyMissingOrCutOffIsRefusedWithWhatToDo) {
  for (const char* name : {"emptied", "removed", "halved", "one page"}) {
    ASSERT_EQ(start(name), "") << name;
    const fs::path state = file(name);
    const std::string what = name;
    if (what == "emptied") fs::resize_file(state, 0);
    if (what == "removed") fs::remove(state);
    if (what == "halved") fs::resize_file(state, fs::file_size(state) / 2);
    if (what == "one page") fs::resize_file(state, 4096);
    const std::string refused = start(name);
    EXPECT_NE(refused.find("backup"), std::string::npos) << name << ": " << refused;
  }
}

TEST_F(DataFolderTest, AnotherFoldersStateIsRefused) {
  ASSERT_EQ(start("a"), "");
  ASSERT_EQ(start("b"), "");
  fs::copy_file(file("a"), file("b"), fs::copy_options::overwrite_existing);
  EXPECT_NE(start("b").find("another data folder's"), std::string::npos);
}

TEST_F(DataFolderTest, ABackupOfItsOwnIsTaken) {
  ASSERT_EQ(start("a"), "");
  fs::copy_file(file("a"), base_ / "backup.db");
  ASSERT_EQ(start("a"), "");
  fs::copy_file(base_ / "backup.db", file("a"), fs::copy_options::overwrite_existing);
  EXPECT_EQ(start("a"), "");
  // In a new folder too: a machine that replaces one that is gone.
  fs::create_directories(base_ / "new");
  fs::copy_file(base_ / "backup.db", file("new"));
  EXPECT_EQ(start("new"), "");
}

TEST_F(DataFolderTest, ABackupBecomesTheStateOfTheFolderThatItIsRestoredTo) {
  ASSERT_EQ(start("a"), "");
  ASSERT_EQ(start("b"), "");
  const std::string copy = (base_ / "backup.db").string();
  {
    auto store = open_state_store((base_ / "a").string());
    ASSERT_TRUE(store);
    ASSERT_TRUE((*store)->put_setting("who", "a"));
    ASSERT_TRUE((*store)->backup(copy));
  }
  fs::copy_file(copy, file("b"), fs::copy_options::overwrite_existing);
  EXPECT_EQ(start("b"), "");
  EXPECT_EQ(start("b"), "");
  EXPECT_EQ(start("a"), "");
  auto restored = open_state_store((base_ / "b").string());
  ASSERT_TRUE(restored);
  EXPECT_EQ((*restored)->setting("who")->value_or(""), "a");
}

TEST_F(DataFolderTest, AFolderOfBeforeIdsIsAdopted) {
  fs::create_directories(base_ / "old");
  ASSERT_TRUE(open_state_store((base_ / "old").string()));
  EXPECT_EQ(start("old"), "");
  EXPECT_EQ(start("old"), "");
}

TEST_F(DataFolderTest, TarballsWithoutAStateAreRefused) {
  fs::create_directories(base_ / "a" / "tarballs" / "00");
  std::fclose(std::fopen((base_ / "a" / "tarballs" / "00" / "x").c_str(), "w"));
  EXPECT_NE(start("a").find("was used before"), std::string::npos);
}

}  // namespace
}  // namespace npmgate
