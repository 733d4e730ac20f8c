// Answers of git servers, packet by packet: tags come out, or the answer is malformed.
#include "proxy/external/git_protocol.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

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
