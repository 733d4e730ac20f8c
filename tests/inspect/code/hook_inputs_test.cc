// What hooks act on beside the files that they run.
#include "inspect/hooks/hook_inputs.h"

#include <gtest/gtest.h>

#include "inspect/code/features.h"
#include "inspect/hooks/hook_reach.h"
#include "tests/support/table.h"

namespace npmgate {
namespace {

std::string urls(std::string_view text) {
  std::set<std::string, std::less<>> all;
  merge_urls(text, all);
  return joined(bounded(all));
}

TEST(HookUrls, AreInOneSpelling) {
  EXPECT_EQ(urls("get('https://a.example/v1.20.3/x')"), "https://a.example/v#.#.#/x");
  EXPECT_EQ(urls("get('https://a.example/0123456789abcdef01/x')"), "https://a.example/#/x");
  EXPECT_EQ(urls("get('https://' + host)"), "https://*");
  EXPECT_EQ(urls("get(`https://${host}/x`)"), "https://*");
  EXPECT_EQ(urls("get(`https://a.example/${v}/x`)"), "https://a.example/*");
  EXPECT_EQ(urls("file://x chrome-extension://y"), "");
}

TEST(HookUrls, BeyondTheLimitAreTold) {
  std::set<std::string, std::less<>> all;
  for (char a = 'a'; a <= 'z'; ++a)
    for (char b = 'a'; b <= 'd'; ++b) all.insert(std::string("https://") + a + b + ".example");
  const auto some = bounded(all);
  EXPECT_EQ(some.size(), 64u);
  all.insert("https://zzz.example");
  EXPECT_NE(bounded(all), some);
}

TEST(HookSettings, AreWhatPackageManagersDoNotRead) {
  const auto settings =
      own_settings(R"({"name": "x", "scripts": {}, "binary": {"host": "h"}, "config": {"a": 1}})");
  ASSERT_EQ(settings.size(), 2u);
  EXPECT_EQ(settings.at("binary"), R"({"host":"h"})");
  EXPECT_TRUE(own_settings("not json").empty());
}

HookReach reach_in(const std::map<std::string, std::string>& files, const std::string& command) {
  std::vector<SourceFile> sources;
  for (const auto& [path, body] : files)
    sources.push_back({path, body, classify(path, body, 0644)});
  const SourceTree tree(std::move(sources));
  const auto own = files.find("package.json");
  const StringMap scripts;
  return HookFollower(tree, scripts, own == files.end() ? "" : own->second)
      .follow("postinstall", command);
}

TEST(HookInputs, AreTheDataThatFilesName) {
  const auto found =
      reach_in({{"scripts/run.js", "require('../list'); read(__dirname + '/data.txt')"},
                {"list.json", R"({"x": "https://a.example/v1/x"})"},
                {"scripts/data.txt", "x"},
                {"other.json", "{}"}},
               "node scripts/run.js");
  EXPECT_EQ(joined(found.inputs), "list.json scripts/data.txt");
  EXPECT_EQ(joined(found.urls), "https://a.example/v#/x");
  EXPECT_EQ(joined(found.endpoints), "a.example");
}

TEST(HookInputs, OfPatchPackageArePatches) {
  const auto found = reach_in(
      {{"patches/a.patch", "+++ b/x.js\n+fetch('https://a.example/')\n-b\n"}}, "patch-package");
  EXPECT_EQ(joined(found.inputs), "patches/a.patch");
  EXPECT_EQ(joined(found.traits), "network-fetch");
}

TEST(HookInputs, AreSettingsWhereTheFilesReadThem) {
  const std::map<std::string, std::string> files{
      {"package.json", R"({"binary": {"host": "https://a.example"}})"},
      {"run.js", "require('./package.json').binary"},
      {"plain.js", "0"}};
  EXPECT_EQ(reach_in(files, "node run.js").settings.size(), 1u);
  EXPECT_EQ(reach_in(files, "node plain.js").settings.size(), 0u);
  EXPECT_EQ(reach_in(files, "node-gyp rebuild").settings.size(), 1u);
}

}  // namespace
}  // namespace npmgate
