// Answers of git servers, packet by packet: tags come out, or the answer is malformed.
#include "proxy/external/git_protocol.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace npmgate {
namespace {

const std::string kOne(40, '1');
const std::string kTwo(64, '2');

std::string line(const std::string& text) {
  std::array<char, 5> size{};
  std::snprintf(size.data(), size.size(), "%04zx", text.size() + 4);
  return size.data() + text;
}

TEST(GitProtocol, ListsTagsAndPeelsThem) {
  const auto tags = parse_ls_refs(line(kOne + " refs/tags/v1 peeled:" + kTwo + "\n") +
                                  line(kOne + " refs/tags/v2\n") + line(kOne + " HEAD\n") + "0000");
  ASSERT_TRUE(tags);
  EXPECT_EQ(*tags, (GitTags{{"v1", kTwo}, {"v2", kOne}}));
}

TEST(GitProtocol, APeeledObjectMayBeFollowedByMore) {
  const auto tags =
      parse_ls_refs(line(kOne + " refs/tags/v1 peeled:" + kTwo + " symref-target:x\n") + "0000");
  ASSERT_TRUE(tags);
  EXPECT_EQ(*tags, (GitTags{{"v1", kTwo}}));
}

TEST(GitProtocol, RefusesWhatIsNoObjectOrNoPacket) {
  const std::string rows[] = {line(kOne + " refs/tags/v1 peeled:main\n") + "0000",
                              line("main refs/tags/v1\n") + "0000",
                              line(kOne + "\n") + "0000",
                              line(kOne + " refs/tags/v1\n"),
                              "zzzz",
                              "ffff" + kOne,
                              ""};
  for (const std::string& row : rows) {
    const auto tags = parse_ls_refs(row);
    EXPECT_FALSE(tags) << row;
  }
}

TEST(GitProtocol, SeesWhetherTreesComeWithoutFiles) {
  const auto offers = [](const std::string& capabilities) {
    const auto read = parse_advertisement(line("version 2\n") + capabilities + "0000");
    return read && read->v2 && read->filter;
  };
  EXPECT_TRUE(offers(line("ls-refs\n") + line("fetch=shallow filter wait-for-done\n")));
  EXPECT_TRUE(offers(line("fetch=filter")));
  EXPECT_FALSE(offers(line("fetch=shallow unfiltered\n")));
  EXPECT_FALSE(offers(line("fetch\n") + line("filter\n")));
  EXPECT_FALSE(offers(""));
  EXPECT_FALSE(offers("0000" + line("fetch=filter\n")));
}

TEST(GitProtocol, AsksForACommitWithoutFiles) {
  EXPECT_EQ(fetch_request(kOne, Fetched::kCommitAndTrees),
            line("command=fetch\n") + line("agent=npm-gate") + "0001" + line("no-progress\n") +
                line("ofs-delta\n") + line("deepen 1\n") + line("filter blob:none\n") +
                line("want " + kOne + "\n") + line("done\n") + "0000");
  EXPECT_EQ(fetch_request(kOne, Fetched::kObject).find("filter"), std::string::npos);
}

TEST(GitProtocol, ListsWhereBranchesEnd) {
  EXPECT_EQ(ls_branches_request(), line("command=ls-refs\n") + line("agent=npm-gate") + "0001" +
                                       line("ref-prefix refs/heads/\n") + "0000");
  const auto tips =
      parse_branches(line(kTwo + " refs/heads/next\n") + line(kOne + " refs/heads/main\n") +
                     line(kTwo + " refs/heads/same\n") + line(kOne + " refs/tags/v1\n") + "0000");
  ASSERT_TRUE(tips);
  EXPECT_EQ(*tips, (std::vector<std::string>{kTwo, kOne}));
  EXPECT_TRUE(parse_branches("0000")->empty());
  EXPECT_FALSE(parse_branches(line(kOne + " refs/heads/main\n")));
  EXPECT_FALSE(parse_branches(line("main refs/heads/main\n") + "0000"));
  EXPECT_EQ(parse_branches(line("ERR no")).error().code, Code::kUnavailable);
}

TEST(GitProtocol, AsksForWhatBranchesCannotReach) {
  EXPECT_EQ(unreached_request({kOne}, {kTwo, kOne}),
            line("command=fetch\n") + line("agent=npm-gate") + "0001" + line("no-progress\n") +
                line("ofs-delta\n") + line("filter blob:none\n") + line("want " + kOne + "\n") +
                line("have " + kTwo + "\n") + line("have " + kOne + "\n") + line("done\n") +
                "0000");
  using namespace std::string_literals;
  EXPECT_EQ(*count_objects("PACK\0\0\0\2\0\0\0\0"s + std::string(20, 'h')), 0U);
  EXPECT_EQ(*count_objects("PACK\0\0\0\2\1\0\0\2x"s), 0x1000002U);
  for (const std::string& bad : {""s, "PACK"s, "PACK\0\0\0\2\0\0\0"s, "BACK\0\0\0\2\0\0\0\0"s})
    EXPECT_FALSE(count_objects(bad));
}

TEST(GitProtocol, TakesThePackOutOfItsBands) {
  const std::string head = line("shallow-info\n") + line("shallow " + kOne + "\n") + "0001";
  const auto pack = parse_fetch(head + line("packfile\n") + line("\2counting\n") +
                                line("\1PACK\n") + line("\1\n\n") + "0000");
  ASSERT_TRUE(pack) << pack.error().context;
  EXPECT_EQ(*pack, "PACK\n\n\n");
  EXPECT_EQ(parse_fetch(line("ERR upload-pack: not our ref " + kOne)).error().code,
            Code::kNotFound);
  EXPECT_EQ(parse_fetch(line("packfile\n") + line("\3fatal: no\n")).error().code,
            Code::kUnavailable);
  const std::string rows[] = {"",
                              "0000",
                              head,
                              line("packfile\n"),
                              line("packfile\n") + "0000",
                              line("packfile\n") + line("\1PACK"),
                              line("packfile\n") + line("\4PACK") + "0000",
                              line("packfile\n") + "0004" + "0000",
                              "<html>"};
  for (const std::string& row : rows) EXPECT_FALSE(parse_fetch(row)) << row;
}

TEST(GitProtocol, ReadsBothAdvertisements) {
  const auto v2 = parse_advertisement(line("# service=git-upload-pack\n") + "0000" +
                                      line("version 2\n") + line("ls-refs\n") + "0000");
  ASSERT_TRUE(v2);
  EXPECT_TRUE(v2->v2);
  std::string capabilities = kOne + " HEAD";
  capabilities += '\0';
  const auto v0 = parse_advertisement(line("# service=git-upload-pack\n") + "0000" +
                                      line(capabilities + "x") + line(kOne + " refs/tags/v1\n") +
                                      line(kTwo + " refs/tags/v1^{}\n") + "0000");
  ASSERT_TRUE(v0);
  EXPECT_FALSE(v0->v2);
  EXPECT_EQ(v0->tags, (GitTags{{"v1", kTwo}}));
}

}  // namespace
}  // namespace npmgate
