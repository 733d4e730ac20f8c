#include "registry/write_document.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

TEST(WriteDocument, TellsAPublishFromADocument) {
  const auto publish = read_write_document(
      R"({"_id":"left","name":"left","versions":{"1.0.0":{"dist":{"tarball":"http://gate.example/left/-/left-1.0.0.tgz"}}},)"
      R"("_attachments":{"left-1.0.0.tgz":{"data":"aGk="}}})");
  ASSERT_TRUE(publish);
  EXPECT_TRUE(publish->attachments);
  EXPECT_EQ(publish->name, "left");
  EXPECT_EQ(publish->versions, std::vector<std::string>{"1.0.0"});
  EXPECT_EQ(publish->tarballs,
            std::vector<std::string>{"http://gate.example/left/-/left-1.0.0.tgz"});
  const auto back =
      read_write_document(R"({"versions":{"1.0.0":{},"2.0.0":{}},"_attachments":{}})");
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->attachments);
  EXPECT_EQ(back->versions, (std::vector<std::string>{"1.0.0", "2.0.0"}));
}

TEST(WriteDocument, ReadsEscapesAsTheRegistryWill) {
  const auto document = read_write_document(
      R"({"\u0076ersions":{"1\u002e0.0":{"d\u0069st":{"tarball":"http:\/\/gate.example\/x"}}}})");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->versions, std::vector<std::string>{"1.0.0"});
  EXPECT_EQ(document->tarballs, std::vector<std::string>{"http://gate.example/x"});
}

TEST(WriteDocument, RefusesWhatCanBeReadInTwoWays) {
  for (const char* text :
       {"", "[]", "null", R"({"versions":{})", R"({"versions":{},"versions":{"1.0.0":{}}})",
        R"({"_attachments":{"x":1},"\u005fattachments":{}})",
        R"({"versions":{"1.0.0":{"dist":{}},"1.0.0":{}}})",
        R"({"versions":{"1.0.0":{"dist":{"tarball":"a","tarball":"b"}}}})",
        R"({"name":"left","name":"right"})"}) {
    EXPECT_FALSE(read_write_document(text)) << text;
  }
}

TEST(WriteDocument, OtherTypesHoldNothing) {
  const auto document = read_write_document(
      R"({"versions":[1],"_attachments":true,"name":7,"users":{"alice":true}})");
  ASSERT_TRUE(document);
  EXPECT_FALSE(document->attachments);
  EXPECT_TRUE(document->versions.empty());
  EXPECT_TRUE(document->name.empty());
}

std::string publish_of(const std::string& data) {
  return R"({"name":"left","versions":{"1.0.0":{"dist":{"tarball":"http://gate.example/x"}}},)"
         R"("_attachments":{"left-1.0.0.tgz":{"data":")" +
         data + R"(","length":7}}})";
}

Result<WriteDocument> read_in_pieces(std::string_view text, std::size_t size) {
  WriteDocumentReader reader;
  for (std::size_t at = 0; at < text.size(); at += size) {
    if (auto done = reader.add(text.substr(at, size)); !done) return done.error();
  }
  return reader.finish();
}

TEST(WriteDocumentReader, ReadsInPiecesOfAnySizeWhatItReadsWhole) {
  const std::string small = publish_of(R"(a\"\\\u00e4\ud83d\ude00 é)");
  for (std::size_t size = 1; size <= small.size(); ++size) {
    const auto document = read_in_pieces(small, size);
    ASSERT_TRUE(document) << size;
    EXPECT_EQ(document->name, "left");
    EXPECT_TRUE(document->attachments);
    EXPECT_EQ(document->tarballs, std::vector<std::string>{"http://gate.example/x"});
  }
}

TEST(WriteDocumentReader, LongStringsAreCutWhereNothingIsCutInTwo) {
  for (const std::string unit :
       {"A", "é", "\\n", "\\ud83d\\ude00", "\\\"", "ab\\u00e9cdefghijklmnopq"}) {
    for (std::size_t shift = 0; shift < 13; ++shift) {
      std::string data(shift, 'x');
      while (data.size() < 200'000) data += unit;
      data += "\\\\";
      const auto document = read_in_pieces(publish_of(data), 4096);
      ASSERT_TRUE(document) << unit << " " << shift;
      EXPECT_TRUE(document->attachments);
      EXPECT_EQ(document->versions, std::vector<std::string>{"1.0.0"});
    }
  }
}

TEST(WriteDocumentReader, RefusesWhatNoJsonTextHolds) {
  const std::string data(300'000, 'A');
  EXPECT_FALSE(read_in_pieces(publish_of(data + "\n"), 4096)) << "a line end in a string";
  EXPECT_FALSE(read_in_pieces(publish_of(data).substr(0, 250'000), 4096)) << "cut off";
  EXPECT_FALSE(read_in_pieces(R"({"a":\"b"})", 3)) << "a backslash outside of a string";
  const auto twice = read_in_pieces(
      R"({"versions":{},"_attachments":{"x":")" + data + R"("},"versions":{"1.0.0":{}}})", 4096);
  EXPECT_FALSE(twice);
}

TEST(WriteDocumentReader, HoldsABoundedPart) {
  WriteDocumentReader reader;
  std::string numbers = "{";
  while (numbers.size() < (std::size_t{33} << 20)) numbers += "                              ";
  const auto done = reader.add(numbers);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kTooLarge);
}

}  // namespace
}  // namespace npmgate
