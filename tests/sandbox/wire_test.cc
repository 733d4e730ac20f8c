#include "sandbox/wire.h"

#include <gtest/gtest.h>

#include "tests/inspect/archive/tar_builder.h"

namespace npmgate {
namespace {

Contents sample() {
  const std::string bytes =
      testing::tgz(testing::package_json_entry() + testing::tar_entry("package/a.js", "1") +
                   testing::tar_entry("package/b.js", "22"));
  return read_contents(testing::bytes_of(bytes), {}, {});
}

std::string reply_with(const Contents& contents) {
  return encode(WorkReply{7, contents, "", {}});
}

std::string refused(std::string_view payload, const ArchiveLimits& limits = {}) {
  const auto reply = decode_reply(payload, 7, limits);
  return reply ? "accepted" : reply.error().context;
}

TEST(Frame, TellsItsSize) {
  const std::string bytes = frame("hello");
  EXPECT_EQ(bytes.size(), kFrameHeader + 5);
  EXPECT_EQ(*payload_size(bytes.substr(0, kFrameHeader), 5), 5u);
}

TEST(Frame, IsRefusedWhereItIsNone) {
  const std::string header = frame("hello").substr(0, kFrameHeader);
  EXPECT_FALSE(payload_size(header, 4));
  EXPECT_FALSE(payload_size(header.substr(1), 100));
  EXPECT_FALSE(payload_size("GET / HT", 100));
  EXPECT_FALSE(payload_size(std::string("NGW\2\5\0\0\0", 8), 100));  // a later format
  EXPECT_EQ(payload_size(std::string("NGW\1\xff\xff\xff\xff", 8), kMaxReply).error().code,
            Code::kMalformed);
}

TEST(Hello, ComesBack) {
  for (const Hello& hello : {Hello{true, 7, ""}, Hello{false, 0, "no \"filter\""}})
    EXPECT_EQ(*decode_hello(encode(hello)), hello);
  EXPECT_FALSE(decode_hello("{}"));
  EXPECT_FALSE(decode_hello("[]"));
  EXPECT_FALSE(decode_hello(R"({"seccomp":1,"landlock":7,"refused":""})"));
  EXPECT_FALSE(decode_hello(R"({"seccomp":true,"landlock":-1,"refused":""})"));
}

TEST(Request, ComesBack) {
  WorkRequest request;
  request.job = 1'000'000'000'000;
  request.stated.name = "@scope/name";
  request.stated.scripts["postinstall"] = "node \"x\"\n";
  request.limits.max_entries = 5;
  request.attempt = "execute";
  const auto read = decode_request(encode(request));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->job, request.job);
  EXPECT_EQ(read->stated, request.stated);
  EXPECT_EQ(read->limits.max_entries, 5u);
  EXPECT_EQ(read->limits.max_unpacked, ArchiveLimits{}.max_unpacked);
  EXPECT_EQ(read->attempt, "execute");
  EXPECT_FALSE(decode_request("[]"));
}

TEST(Reply, ComesBack) {
  const auto read = decode_reply(reply_with(sample()), 7, {});
  ASSERT_TRUE(read) << read.error().context;
  EXPECT_EQ(*read->contents, sample());
  EXPECT_EQ(decode_reply(encode(WorkReply{7, {}, "no memory", {}}), 7, {})->failed, "no memory");
  EXPECT_EQ(decode_reply(encode(WorkReply{7, {}, "", 13}), 7, {})->attempt_errno, 13);
}

TEST(Reply, AboutASourceComesBackToWhoAskedForOne) {
  WorkRequest request;
  request.job = 7;
  request.source = SourceRequest{5, "c0ffee", "packages/x", "@o/x", "b10b"};
  const auto asked = decode_request(encode(request));
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->source, request.source);
  WorkReply reply;
  reply.job = 7;
  reply.source.emplace();
  reply.source->same = 3;
  reply.source->absent = {"a", "dist/"};
  const auto read = decode_reply(encode(reply), 7, {}, nullptr, &*request.source);
  ASSERT_TRUE(read) << read.error().context;
  EXPECT_EQ(read->source, reply.source);
  EXPECT_EQ(refused(encode(reply)), "a reply to a request of another kind");
  EXPECT_FALSE(decode_reply(reply_with(sample()), 7, {}, nullptr, &*request.source));
  reply.source->absent = {"b", "a"};
  EXPECT_FALSE(decode_reply(encode(reply), 7, {}, nullptr, &*request.source));
  std::string more = encode(reply);
  more.replace(more.find("\"directory\""), 0, "\"more\":1,");
  EXPECT_FALSE(decode_reply(more, 7, {}, nullptr, &*request.source));
}

TEST(Reply, IsExactlyOneAnswerToThisRequest) {
  EXPECT_EQ(refused(encode(WorkReply{8, {}, "x", {}})), "a reply to another request");
  EXPECT_EQ(refused(encode(WorkReply{7, {}, "", {}})), "no reply");
  EXPECT_EQ(refused(encode(WorkReply{7, sample(), "x", {}})), "no reply");
  EXPECT_EQ(refused(encode(WorkReply{7, {}, "x", 1})), "no reply");
  EXPECT_EQ(refused(encode(WorkReply{7, {}, std::string(1000, 'x'), {}})), "no reply");
  EXPECT_EQ(refused(encode(WorkReply{7, {}, "two\nlines", {}})), "no reply");
  EXPECT_EQ(refused(encode(WorkReply{7, {}, "\x1b[2J", {}})), "no reply");
  EXPECT_EQ(refused(R"({"job":7,"failed":"x","more":1})"), "no reply");
  EXPECT_EQ(refused(R"({"job":"7","failed":"x"})"), "no reply");
  EXPECT_TRUE(refused("").starts_with("no JSON"));
  EXPECT_TRUE(refused("{\"job\":7,\"failed\":\"x\"} ").starts_with("accepted"));
  EXPECT_TRUE(refused(std::string(100'000, '[')).starts_with("no JSON"));
  EXPECT_TRUE(refused(R"({"job":7,"contents":{"contents":1,"tree":{},"extra":1}})")
                  .starts_with("contents: not what this program writes"));
}

struct Lie {
  const char* name;
  void (*tell)(Contents&);
  const char* why;
};

class ReplyLies : public ::testing::TestWithParam<Lie> {};

TEST_P(ReplyLies, AreRefused) {
  Contents contents = sample();
  ASSERT_EQ(implausible(contents, {}), std::nullopt);
  GetParam().tell(contents);
  EXPECT_EQ(refused(reply_with(contents)), std::string("contents with ") + GetParam().why);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ReplyLies,
    ::testing::Values(
        Lie{"rule",
            [](Contents& c) {
              c = {ArchiveRefusal{false, "own", ""}, {}, {}};
            },
            "a rule that there is not"},
        Lie{"limit",
            [](Contents& c) {
              c = {ArchiveRefusal{true, "tar-end", ""}, {}, {}};
            },
            "a limit that is no limit"},
        Lie{"both",
            [](Contents& c) {
              c.archive_refusal = ArchiveRefusal{false, "tar-end", ""};
            },
            "a refusal and a tree"},
        Lie{"order", [](Contents& c) { std::swap(c.tree.files[0], c.tree.files[1]); },
            "files out of order"},
        Lie{"twice", [](Contents& c) { c.tree.files[1] = c.tree.files[0]; }, "files out of order"},
        Lie{"digest", [](Contents& c) { c.tree.files[0].sha256 = "0123"; },
            "a digest that is none"},
        Lie{"sum", [](Contents& c) { ++c.tree.unpacked_size; }, "sizes that do not add up"},
        Lie{"size", [](Contents& c) { c.tree.files[0].size = std::uint64_t{1} << 62; },
            "a file larger than an archive"},
        Lie{"entries", [](Contents& c) { c.tree.entries = 1; }, "more files than entries"},
        Lie{"many", [](Contents& c) { c.tree.entries = 1'000'000; }, "more files than entries"},
        Lie{"nothing", [](Contents& c) { c.tree = Tree{}; }, "no package.json"},
        Lie{"no_package_json",
            [](Contents& c) {
              std::erase_if(c.tree.files, [&](const FileFacts& file) {
                const bool own = file.path == "package.json";
                if (own) c.tree.unpacked_size -= file.size;
                return own;
              });
            },
            "no package.json"},
        Lie{"path", [](Contents& c) { c.tree.files[0].path.clear(); }, "a path of that length"}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace npmgate
