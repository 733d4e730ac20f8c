#include "app/report/report_diff.h"

#include <gtest/gtest.h>

#include "tests/app/report_scene.h"

namespace npmgate {
namespace {

using testing::Package;
using testing::ReportScene;

std::vector<std::string> paths(const ReleaseDiff& diff) {
  std::vector<std::string> out;
  for (const FileChange& change : diff.files) out.push_back(change.path());
  return out;
}

TEST(ReportDiff, FilesThatRunOrNewlyDoSomethingComeFirst) {
  Package before("pkg", "1.0.0"), now("pkg", "1.1.0");
  before.code("a.js", "1").file("gone.js", "1", FileKind::kScript).file("same.js", "1");
  now.file("zzz.md", "1", FileKind::kText).code("a.js", "2").file("same.js", "1");
  now.file("data.json", "1", FileKind::kJson).file("addon.node", "1", FileKind::kNative);
  now.code("fetches.js", "1", testing::with_traits({"network-fetch"})).code("run.js", "1");
  now.script("install", "node run.js").reach("install", "node run.js", {"run.js"});
  const ReportScene scene(std::move(before), std::move(now));
  const ReleaseDiff diff = diff_of(scene.input());
  EXPECT_EQ(paths(diff),
            (std::vector<std::string>{"run.js", "fetches.js", "addon.node", "a.js", "data.json",
                                      "package.json", "zzz.md", "gone.js"}));
  EXPECT_TRUE(diff.files.front().on_install);
  EXPECT_EQ(diff.files[1].new_traits, std::vector<std::string>{"network-fetch"});
}

TEST(ReportDiff, EachHookIsComparedAloneAndThePackumentsTextStandsBesideTheTarballs) {
  Package before("pkg", "1.0.0"), now("pkg", "1.1.0");
  before.script("install", "a").script("postinstall", "b");
  now.script("install", "a").stated_script("preinstall", "x").shipped_script("preinstall", "y");
  const ReportScene scene(std::move(before), std::move(now));
  const std::vector<Change> expected{
      {ChangeKind::kAdded, "", "preinstall", "", "y"},
      {ChangeKind::kAdded, "", "preinstall (packument)", "", "x"},
      {ChangeKind::kRemoved, "", "postinstall", "b", ""},
  };
  EXPECT_EQ(diff_of(scene.input()).hooks, expected);
}

TEST(ReportDiff, ImplicitBuildCountsAsAHookUnlessOneIsDeclared) {
  Package before("pkg", "1.0.0"), now("pkg", "1.1.0");
  now.binding_gyp();
  const ReportScene scene{Package(before), Package(now)};
  ASSERT_EQ(diff_of(scene.input()).hooks.size(), 1u);
  EXPECT_EQ(diff_of(scene.input()).hooks.front().key, "install (implicit)");
  const ReportScene declared(std::move(before), std::move(now.script("install", "make")));
  ASSERT_EQ(diff_of(declared.input()).hooks.size(), 1u);
  EXPECT_EQ(diff_of(declared.input()).hooks.front().key, "install");
}

TEST(ReportDiff, DependenciesSayTheirField) {
  Package before("pkg", "1.0.0"), now("pkg", "1.1.0");
  before.depends("dependencies", "a", "1").depends("optionalDependencies", "o", "1");
  now.depends("dependencies", "a", "2").depends("peerDependencies", "p", "*");
  const ReportScene scene(std::move(before), std::move(now));
  const std::vector<Change> expected{
      {ChangeKind::kChanged, "dependencies", "a", "1", "2"},
      {ChangeKind::kRemoved, "optionalDependencies", "o", "1", ""},
      {ChangeKind::kAdded, "peerDependencies", "p", "", "*"},
  };
  EXPECT_EQ(diff_of(scene.input()).dependencies, expected);
}

}  // namespace
}  // namespace npmgate
