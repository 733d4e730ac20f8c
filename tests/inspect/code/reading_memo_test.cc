// What is kept of files by their digest is what reading them again would say.
#include <gtest/gtest.h>

#include "base/digest.h"
#include "inspect/code/lexer.h"
#include "inspect/hooks/reading_memo.h"

namespace npmgate::code {
namespace {

const std::string kText = "exports.f = () => fetch('https://a.example')\n";

bool same(const FileReading& a, const FileReading& b) {
  return a.reading == b.reading && a.loads == b.loads && a.calls == b.calls && a.hosts == b.hosts;
}

TEST(ReadingMemo, ReadsTheSameFileOnce) {
  ReadingMemo memo;
  const auto digest = sha256_hex(kText);
  const auto first = memo.read(digest, "a.js", kText, {}, {});
  EXPECT_EQ(memo.hits(), 0u);
  const auto again = memo.read(digest, "a.js", kText, {}, {});
  EXPECT_EQ(memo.hits(), 1u);
  EXPECT_TRUE(same(*first, read_code("a.js", kText)));
  EXPECT_TRUE(same(*first, *again));
  EXPECT_EQ(memo.measure(digest, kText, Syntax::kScript), measure_code(kText, Syntax::kScript));
  EXPECT_EQ(memo.measure(digest, kText, Syntax::kScript), measure_code(kText, Syntax::kScript));
  EXPECT_EQ(memo.hits(), 2u);
}

// Its path, what others call of it, and whether its body is there are part of the question.
TEST(ReadingMemo, TellsOtherQuestionsApart) {
  ReadingMemo memo;
  const auto digest = sha256_hex(kText);
  EXPECT_FALSE(memo.read(digest, "a.js", kText, {}, {})->reading.capabilities[0].on_import);
  EXPECT_TRUE(memo.read(digest, "a.js", kText, {}, {"f"})->reading.capabilities[0].on_import);
  EXPECT_TRUE(memo.read(digest, "a.js", "", {}, {})->reading.capabilities.empty());
  (void)memo.read(digest, "lib/a.js", kText, {}, {});
  EXPECT_EQ(memo.hits(), 0u);
}

TEST(ReadingMemo, IsBounded) {
  ReadingMemo memo(64 * 1024);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = kText + std::to_string(i);
    (void)memo.read(sha256_hex(text), "a.js", text, {}, {});
    EXPECT_LE(memo.bytes(), 64u * 1024);
  }
  const std::string last = kText + "1999", first = kText + "0";
  (void)memo.read(sha256_hex(last), "a.js", last, {}, {});
  EXPECT_EQ(memo.hits(), 1u);
  (void)memo.read(sha256_hex(first), "a.js", first, {}, {});
  EXPECT_EQ(memo.hits(), 1u);
}

}  // namespace
}  // namespace npmgate::code
