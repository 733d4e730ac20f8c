#include "diff/content_diff_json.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace npmgate {
namespace {

namespace json = boost::json;

ContentDiff sample() {
  FileDiff code;
  code.path = "a.js";
  code.in_before = code.in_after = true;
  code.before_size = 4;
  code.after_size = 6;
  code.shown = Shown::kLines;
  code.lines.added = 1;
  code.lines.hunks = {{{{LineKind::kContext, 1, 1, "one"}, {LineKind::kAdded, 0, 2, "tw\"o"}}}};
  FileDiff binary;
  binary.path = "b.node";
  binary.in_after = true;
  binary.after_size = 3;
  binary.shown = Shown::kBinary;
  binary.kind = "ELF";
  binary.strings = {"curl"};
  return {{code, binary}};
}

Result<ContentDiff> read(const std::string& text, DiffLimits limits = {}) {
  return content_diff_from_json(json::parse(text), {"a.js", "b.node"}, limits);
}

TEST(ContentDiffJson, RoundTrips) {
  const auto again = read(json::serialize(to_json(sample())));
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_EQ(*again, sample());
}

TEST(ContentDiffJson, RefusesWhatTheComparisonDoesNotWrite) {
  const std::string good = json::serialize(to_json(sample()));
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return text.replace(at, from.size(), to);
  };
  EXPECT_FALSE(read(changed(R"("path":"a.js")", R"("path":"c.js")")));
  EXPECT_FALSE(read(changed(R"("path":"a.js")", R"("path":"b.node")")));
  EXPECT_FALSE(read(changed(R"(" ",1,1)", R"("?",1,1)")));
  EXPECT_FALSE(read(changed(R"(" ",1,1)", R"(" ",1,-1)")));
  EXPECT_FALSE(read(changed(R"("one")", R"("o\nne")")));
  EXPECT_FALSE(read(changed(R"("shown":"lines")", R"("shown":"html")")));
  EXPECT_FALSE(read(changed(R"("cut":false)", R"("cut":false,"more":1)")));
  EXPECT_FALSE(read(changed(R"(["curl"])", R"("curl")")));
  DiffLimits tight;
  tight.max_lines = 1;
  EXPECT_FALSE(read(good, tight));
  tight = {};
  tight.lines.max_line_bytes = 1;
  EXPECT_TRUE(read(good, tight)) << "a cut may add a code point";
  EXPECT_FALSE(read(changed(R"("one")", "\"" + std::string(3000, 'x') + "\"")));
}

}  // namespace
}  // namespace npmgate
