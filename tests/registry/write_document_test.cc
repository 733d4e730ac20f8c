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

}  // namespace
}  // namespace npmgate
