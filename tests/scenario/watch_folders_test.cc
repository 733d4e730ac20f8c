// Which folders must be watched so that no way of replacing a policy's files goes unnoticed.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "proxy/runtime/policy_reloader.h"

namespace npmgate {
namespace {

namespace fs = std::filesystem;

class WatchFolders : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ng-watch-XXXXXX").string();
    base_ = fs::canonical(::mkdtemp(pattern.data()));
    for (const char* folder : {"etc", "etc/..v1", "other", "other/deep"})
      fs::create_directories(base_ / folder);
    for (const char* file : {"etc/plain.yaml", "etc/..v1/policy.yaml", "other/deep/base.yaml"})
      std::ofstream(base_ / file) << "version: 1\n";
  }
  void TearDown() override { fs::remove_all(base_); }

  std::vector<std::string> folders(const std::vector<std::string>& files) const {
    std::vector<std::string> full, out;
    for (const std::string& file : files) full.push_back(base_ / file);
    for (const std::string& folder : folders_to_watch(full)) {
      const std::string below = fs::path(folder).lexically_relative(base_);
      if (!below.starts_with("..") || below.starts_with("..v")) out.push_back(below);
    }
    return out;
  }
  using Folders = std::vector<std::string>;
  fs::path base_;
};

TEST_F(WatchFolders, OfAPlainFileItsFolder) {
  EXPECT_EQ(folders({"etc/plain.yaml"}), (Folders{"etc"}));
}

TEST_F(WatchFolders, OfAFileThatIsNotThereToo) {
  EXPECT_EQ(folders({"other/missing.yaml"}), (Folders{"other"}));
}

TEST_F(WatchFolders, OfAConfigMapTheFolderOfEveryLink) {
  fs::create_directory_symlink("..v1", base_ / "etc/..data");
  fs::create_symlink("..data/policy.yaml", base_ / "etc/policy.yaml");
  EXPECT_EQ(folders({"etc/policy.yaml"}), (Folders{"etc", "etc/..v1"}));
}

TEST_F(WatchFolders, OfALinkedFolderWhereTheLinkLies) {
  fs::create_directory_symlink(base_ / "other/deep", base_ / "etc/shared");
  EXPECT_EQ(folders({"etc/shared/base.yaml"}), (Folders{"etc", "etc/shared", "other/deep"}));
}

TEST_F(WatchFolders, LinksInACircleEnd) {
  fs::create_symlink("b", base_ / "etc/a");
  fs::create_symlink("a", base_ / "etc/b");
  EXPECT_EQ(folders({"etc/a"}), (Folders{"etc"}));
}

}  // namespace
}  // namespace npmgate
