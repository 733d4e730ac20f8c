#include "app/developer/install_log.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

using Found = std::vector<WantedRelease>;

// As the clients print it (docs/refusals.md; tests/e2e/refusals_test.py records it).
TEST(InstallLog, ReadsEveryClient) {
  const std::pair<const char*, Found> kLogs[] = {
      {"npm error code ETARGET\nnpm error notarget No matching version found for left@^1.0.1.\n",
       {{"left", "^1.0.1"}}},
      {" ERR_PNPM_NO_MATCHING_VERSION  No matching version found for @s/left@1.0.1 while fetching "
       "it from http://127.0.0.1:4873/\n",
       {{"@s/left", "1.0.1"}}},
      {"  \u251c\u2500\u25b6 Failed to resolve dependency tree: No matching version found for\n"
       "  \u2502   left@1.0.1 while fetching it from http://127.0.0.1:4873/\n",
       {{"left", "1.0.1"}}},
      {"error Couldn't find any versions for \"left\" that matches \"1.0.1\"\n",
       {{"left", "1.0.1"}}},
      {"\u27a4 YN0082: \u2502 left@npm:^1.0.1: No candidates found\n", {{"left", "^1.0.1"}}},
      {"error: No version matching \"^1.0.1\" found for specifier \"left\" (but package exists)\n",
       {{"left", "^1.0.1"}}},
      {"error: GET http://127.0.0.1:4873/npm/@s/left/-/left-1.0.1.tgz - 403\n",
       {{"@s/left", "1.0.1"}}},
      {"  \u2570\u2500\u25b6 Tarball server returned HTTP 403 for "
       "http://127.0.0.1:4873/left/-/left-\n"
       "      1.0.1.tgz\n",
       {{"left", "1.0.1"}}},
      {"npm error 403 403 left@1.0.1 is quarantined until approved: postinstall added\n",
       {{"left", "1.0.1"}}},
      {"\x1b[31merror\x1b[0m Error: http://h/left/-/left-1.0.1.tgz: Request failed \"403 "
       "Forbidden\"\n",
       {{"left", "1.0.1"}}}};
  for (const auto& [log, found] : kLogs) EXPECT_EQ(wanted_in_log(log), found) << log;
}

TEST(InstallLog, NamesEachReleaseOnceAndNothingElse) {
  EXPECT_TRUE(wanted_in_log("").empty());
  EXPECT_TRUE(wanted_in_log("added 3 packages in 2s\nvisit https://x.example/-/help\n").empty());
  EXPECT_TRUE(wanted_in_log("No matching version found for <script>@1.0.0").empty());
  EXPECT_TRUE(wanted_in_log("No matching version found for").empty());
  EXPECT_TRUE(wanted_in_log("No matching version found for left@../../etc").empty());
  EXPECT_EQ(wanted_in_log("left@1.0.1 is quarantined left@1.0.1 is quarantined "
                          "http://h/left/-/left-1.0.1.tgz")
                .size(),
            1u);
}

TEST(InstallLog, IsBounded) {
  std::string log;
  for (std::size_t i = 0; i < 2 * kMaxWanted; ++i)
    log += "No matching version found for left@" + std::to_string(i) + ".0.0\n";
  EXPECT_EQ(wanted_in_log(log).size(), kMaxWanted);
  EXPECT_TRUE(wanted_in_log(std::string(1'000'000, '\x1b')).empty());
}

}  // namespace
}  // namespace npmgate
