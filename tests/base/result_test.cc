#include "base/result.h"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace npmgate {
namespace {

TEST(Result, ErrorNamesCodeOriginAndContext) {
  const Error error =
      fail(Code::kUnavailable, Origin::kUpstream, "connect to 127.0.0.1:1: refused", true);
  EXPECT_EQ(to_string(error), "unavailable (upstream): connect to 127.0.0.1:1: refused");
  EXPECT_TRUE(error.retry);
  EXPECT_EQ(to_string(fail(Code::kCorrupt, Origin::kDisk, "")), "corrupt (disk)");
}

TEST(Result, EveryCodeAndOriginHasItsOwnWord) {
  std::set<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(Code::kInternal); ++i) {
    words.insert(to_string(static_cast<Code>(i)));
  }
  EXPECT_EQ(words.size(), 9U);
  words.clear();
  for (int i = 0; i <= static_cast<int>(Origin::kSelf); ++i) {
    words.insert(to_string(static_cast<Origin>(i)));
  }
  EXPECT_EQ(words.size(), 5U);
}

TEST(Result, CarriesValueOrError) {
  const Result<int> good = 7;
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 7);
  const Result<int> bad = fail(Code::kNotFound, Origin::kClient, "no such package");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::kNotFound);
  EXPECT_EQ(bad.error(), fail(Code::kNotFound, Origin::kClient, "no such package"));
}

struct WordRow {
  Code code;
  const char* word;
};

TEST(Result, WordsOfCodesAreStable) {
  // Logs, metrics and error texts carry these words.
  const std::vector<WordRow> rows = {
      {Code::kNotFound, "not-found"},      {Code::kTimeout, "timeout"},
      {Code::kRefused, "refused"},         {Code::kMalformed, "malformed"},
      {Code::kTooLarge, "too-large"},      {Code::kIntegrityMismatch, "integrity-mismatch"},
      {Code::kUnavailable, "unavailable"}, {Code::kCorrupt, "corrupt"},
      {Code::kInternal, "internal"}};
  for (const WordRow& row : rows) EXPECT_EQ(to_string(row.code), row.word);
  EXPECT_EQ(to_string(Origin::kPolicy), "policy");
  EXPECT_EQ(to_string(Origin::kSelf), "self");
  EXPECT_EQ(to_string(Origin::kClient), "client");
}

TEST(Result, ErrorsCompareByEveryField) {
  const Error error = fail(Code::kTimeout, Origin::kUpstream, "a");
  EXPECT_EQ(error, fail(Code::kTimeout, Origin::kUpstream, "a", false));
  EXPECT_NE(error, fail(Code::kTimeout, Origin::kUpstream, "a", true));
  EXPECT_NE(error, fail(Code::kTimeout, Origin::kUpstream, "b"));
  EXPECT_NE(error, fail(Code::kTimeout, Origin::kDisk, "a"));
  EXPECT_NE(error, fail(Code::kRefused, Origin::kUpstream, "a"));
}

TEST(Result, UncheckedValueIsABugThatSaysWhatItWas) {
  const Result<int> bad = fail(Code::kTimeout, Origin::kUpstream, "10 s passed");
  try {
    (void)bad.value();
    FAIL() << "value() of an error returned";
  } catch (const std::logic_error& e) {
    EXPECT_NE(std::string(e.what()).find("timeout (upstream): 10 s passed"), std::string::npos);
  }
}

}  // namespace
}  // namespace npmgate
